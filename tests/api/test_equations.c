/* Lazy equations and their derivatives. */
#include <math.h>
#include <stdio.h>

#include "fixture.h"

static const float six[6] = {1, 2, 3, 4, 5, 6};

static void test_laziness(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  tl_tensor *x = fixture_f32(ctx, 2, SIZES(2, 3), six), *w = fixture_f32(ctx, 2, SIZES(3, 2), six);
  tl_tensor *y = tl_eq(ctx, "Y[b,h] = relu(X[b,i] W[i,h] - 30)", ARGS({"X", x}, {"W", w}));
  tl_tensor *z = tl_eq(ctx, "Z[b] = Y[b,h]", ARGS({"Y", y}));
  tl_release(y);
  assert_int_equal(tl_rank(z), 1);
  assert_int_equal(tl_size(z, 0), 2);
  assert_int_equal(tl_statistics(ctx).runs, 0); /* sizes are known without running */
  EXPECT(z, 0, 53);
  EXPECT(z, 0, 53);
  assert_int_equal(tl_statistics(ctx).runs, 1);
  tl_release(z);
  tl_release(x);
  tl_release(w);
  fixture_close(ctx, &c);
}

static void test_several_equations(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  tl_tensor *x = fixture_f32(ctx, 1, SIZES(3), six);
  tl_tensor *y = tl_eq(ctx, "N = 2\nS = X[i]\nY[i] = N X[i] / S", ARGS({"X", x}));
  EXPECT(y, 2 / 6.0, 4 / 6.0, 1);
  tl_tensor *f = tl_eq(ctx, "Y[i.] = softmax(X[i])", ARGS({"X", x}));
  double e = exp(1), total = e + e * e + e * e * e;
  EXPECT(f, e / total, e * e / total, e * e * e / total);
  fixture_close(ctx, &c);
}

static void test_types(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  const double wide[2] = {0.5, 1.5};
  tl_tensor *d = tl_from(ctx, TL_F64, 1, SIZES(2), wide), *f = fixture_f32(ctx, 1, SIZES(2), six);
  assert_int_equal(tl_tensor_type(tl_eq(ctx, "Y[i] = X[i] / 3", ARGS({"X", d}))), TL_F64);
  tl_tensor *both = tl_eq(ctx, "Y[i] = X[i] Z[i]", ARGS({"X", d}, {"Z", f}));
  assert_int_equal(tl_tensor_type(both), TL_F64);
  tl_tensor *i = tl_from(ctx, TL_I64, 1, SIZES(2), (int64_t[]){1, 0});
  assert_int_equal(tl_tensor_type(tl_eq(ctx, "Y[e] = I[e] + 1", ARGS({"I", i}))), TL_I64);
  tl_tensor *gathered = tl_eq(ctx, "Y[e] = X[I[e]]", ARGS({"X", f}, {"I", i}));
  EXPECT(gathered, 2, 1);
  assert_null(tl_grad(ctx, f, i));
  fixture_error(ctx, TL_ARGUMENT, "wrt is i64, which has no derivative");
  fixture_close(ctx, &c);
}

static void test_refused(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  tl_tensor *x = fixture_f32(ctx, 2, SIZES(2, 3), six), *y = fixture_f32(ctx, 2, SIZES(3, 2), six);
  assert_null(tl_eq(ctx, "Z[b,h] = X[b,i] Y[h,i]", ARGS({"X", x}, {"Y", y})));
  assert_non_null(strstr(tl_message(ctx), "X"));
  assert_non_null(strstr(tl_message(ctx), "3 and 2"));
  char *text = tl_diagnosis(ctx, 0);
  assert_non_null(strstr(text, "\n  Z[b,h] = X[b,i] Y[h,i]\n"));
  assert_non_null(strchr(text, '^'));
  tl_free_text(ctx, text);
  text = tl_diagnosis(ctx, 1);
  assert_non_null(strstr(text, "\"line\": 1"));
  tl_free_text(ctx, text);
  tl_clear(ctx);
  assert_null(tl_eq(ctx, "Z[b] = Q[b]", ARGS({"X", x})));
  fixture_error(ctx, TL_REFUSED, "`Q`");
  assert_null(tl_eq(ctx, "Z[b] = X[b", ARGS({"X", x})));
  assert_int_equal(tl_last(ctx), TL_REFUSED);
  tl_clear(ctx);
  assert_null(tl_eq(ctx, "", NULL));
  fixture_error(ctx, TL_REFUSED, "no equation");
  assert_null(tl_eq(ctx, NULL, NULL));
  fixture_error(ctx, TL_ARGUMENT, "NULL");
  assert_null(tl_eq(ctx, "X[b] = 1", ARGS({"X", x})));
  assert_int_equal(tl_last(ctx), TL_REFUSED);
  tl_clear(ctx);
  assert_null(tl_eq(ctx, "W = [1, 2]\nZ[i] = W[i]", NULL));
  fixture_error(ctx, TL_REFUSED, "W");
  assert_null(tl_eq(ctx, "Z[b] = X[b,i]", ARGS({"X", x}, {"X", y})));
  fixture_error(ctx, TL_ARGUMENT, "X is given twice");
  assert_null(tl_eq(ctx, "Z[b] = X[b]", ARGS({"X", x})));
  assert_int_equal(tl_last(ctx), TL_REFUSED);
  tl_tensor *z = tl_eq(ctx, "Z[b] = X[b,i]", ARGS({"X", x}));
  assert_int_equal(tl_write(z, six, 8), TL_ARGUMENT);
  fixture_close(ctx, &c);
}

/* NULL in gives NULL out, and the first error stays. */
static void test_chains(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  tl_tensor *x = fixture_f32(ctx, 1, SIZES(3), six);
  tl_tensor *bad = tl_eq(ctx, "Y[i] = Nothing[i]", ARGS({"X", x}));
  tl_tensor *z = tl_eq(ctx, "Z[i] = Y[i] X[i]", ARGS({"Y", bad}, {"X", x}));
  tl_tensor *g = tl_grad(ctx, z, x);
  assert_null(g);
  assert_true(isnan(tl_value(g)));
  fixture_error(ctx, TL_REFUSED, "Nothing");
  assert_null(tl_eq(ctx, "Z[i] = Y[i]", ARGS({"Y", NULL})));
  fixture_error(ctx, TL_ARGUMENT, "Y is NULL");
  assert_null(tl_grad(ctx, x, NULL));
  fixture_error(ctx, TL_ARGUMENT, "wrt is NULL");
  fixture_close(ctx, &c);
}

static void test_gradients(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  tl_tensor *x = fixture_f32(ctx, 1, SIZES(3), six);
  tl_tensor *y = tl_eq(ctx, "Y[i] = X[i]^2", ARGS({"X", x}));
  tl_tensor *loss = tl_eq(ctx, "L = Y[i]^2", ARGS({"Y", y}));
  assert_true(tl_value(loss) == 1 + 16 + 81); /* x^4 */
  tl_tensor *g = tl_grad(ctx, loss, x), *h = tl_grad(ctx, g, x);
  EXPECT(g, 4, 32, 108);  /* 4 x^3, through what is computed */
  EXPECT(h, 12, 48, 108); /* 12 x^2 */
  EXPECT(tl_grad(ctx, loss, y), 2, 8, 18);
  EXPECT(tl_grad(ctx, h, x), 24, 48, 72);
  EXPECT(tl_grad(ctx, x, x), 1, 1, 1);
  tl_tensor *late = fixture_f32(ctx, 1, SIZES(2), NULL);
  EXPECT(tl_grad(ctx, loss, late), 0, 0);
  fixture_close(ctx, &c);
}

/* Two ways to one sum: each equation stands in the program once. */
static void test_shared(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  tl_tensor *t = tl_scalar(ctx, TL_F64, 1);
  for (int i = 0; i < 60; i++) { /* 2^60 paths */
    tl_tensor *next = tl_eq(ctx, "Y = A + B", ARGS({"A", t}, {"B", t}));
    tl_release(t);
    t = next;
  }
  assert_true(tl_value(t) == 0x1p60);
  fixture_close(ctx, &c);
}

static void test_long_chain(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  tl_tensor *t = fixture_f32(ctx, 1, SIZES(3), six);
  for (int i = 0; i < 20000; i++) {
    tl_tensor *next = tl_eq(ctx, "Y[i] = X[i] + 1", ARGS({"X", t}));
    tl_release(t);
    t = next;
  }
  EXPECT(t, 20001, 20002, 20003);
  assert_true(tl_statistics(ctx).plans_made <= 2); /* its pieces are the same program */
  tl_release(t);
  fixture_close(ctx, &c);
}

/* A loop that carries results keeps only the last step. */
static void test_detach(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  tl_tensor *w = fixture_f32(ctx, 1, SIZES(3), six);
  long blocks = 0;
  for (int i = 0; i < 20; i++) {
    tl_tensor *loss = tl_eq(ctx, "L = W[i]^2", ARGS({"W", w}));
    tl_tensor *g = tl_grad(ctx, loss, w);
    tl_tensor *next = tl_eq(ctx, "N[i] = W[i] - 0.25 G[i]", ARGS({"W", w}, {"G", g}));
    tl_tensor *now = tl_detach(next);
    tl_tensor *all[] = {loss, g, next, w};
    for (int k = 0; k < 4; k++) tl_release(all[k]);
    w = now;
    if (i == 9) blocks = c.blocks;
  }
  EXPECT(w, 0x1p-20, 0x1p-19, 3 * 0x1p-20);
  assert_int_equal(c.blocks, blocks);
  assert_int_equal(tl_statistics(ctx).plans_made, 1);
  tl_release(w);
  fixture_close(ctx, &c);
}

static void test_many_arguments(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  char text[512] = "Y = X0", name[40][8];
  tl_arg args[41] = {{NULL, NULL}};
  for (int i = 0; i < 40; i++) {
    snprintf(name[i], sizeof name[i], "X%d", i);
    args[i] = (tl_arg){name[i], tl_scalar(ctx, TL_F32, i)};
    if (i) snprintf(text + strlen(text), sizeof text - strlen(text), " + %s", name[i]);
  }
  assert_true(tl_value(tl_eq(ctx, text, args)) == 39 * 20);
  fixture_close(ctx, &c);
}

/* Equations that need each other, and the derivative of their solution, with other sizes too. */
static void test_rounds(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  for (int n = 2; n <= 3; n++) {
    static const float links[] = {0, 0.5f, 0.25f, 0, 0, 0, 0, 0, 0};
    const float base[] = {1, 2, 4};
    tl_tensor *a = fixture_f32(ctx, 2, SIZES(n, n), links);
    tl_tensor *b = fixture_f32(ctx, 1, SIZES(n), base);
    tl_tensor *p = tl_eq(ctx, "P[i] = B[i] + A[i,j] P[j]", ARGS({"A", a}, {"B", b}));
    tl_tensor *loss = tl_eq(ctx, "L = P[i]^2", ARGS({"P", p}));
    tl_tensor *g = tl_grad(ctx, loss, b);
    if (n == 2) {
      EXPECT(p, 16 / 7.0, 18 / 7.0);             /* p = b + [0, 1/2; 1/4, 0] p */
      EXPECT(g, 328 / 49.0, 416 / 49.0);         /* (1 - A') g = 2 p */
    } else {
      EXPECT(p, 3, 2, 4);                        /* [0, 1/2, 1/4; 0; 0] p */
      EXPECT(g, 6, 7, 9.5);
    }
    tl_tensor *all[] = {a, b, p, loss, g};
    for (int i = 0; i < 5; i++) tl_release(all[i]);
  }
  tl_tensor *grows = tl_eq(ctx, "Y = 2 Y + 1", NULL), *swings = tl_eq(ctx, "Y = 1 - Y", NULL);
  assert_true(isnan(tl_value(grows)));
  fixture_error(ctx, TL_RUNTIME, "Y does not settle: in round 128 an element grew beyond all");
  assert_true(isnan(tl_value(swings)));
  fixture_error(ctx, TL_RUNTIME, "Y has not settled in 1000 rounds: the last changed an ");
  tl_release(grows);
  tl_release(swings);
  fixture_close(ctx, &c);
}

static void test_draws(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  double seen[3];
  for (int i = 0; i < 3; i++) {
    tl_seed(ctx, i == 2 ? 5 : i + 5);
    tl_tensor *u = tl_eq(ctx, "U = uniform()", NULL), *v = tl_eq(ctx, "U = uniform()", NULL);
    seen[i] = tl_value(u);
    assert_true(seen[i] >= 0 && seen[i] < 1);
    assert_true(tl_value(v) != seen[i]);
  }
  assert_true(seen[0] == seen[2] && seen[0] != seen[1]);
  fixture_close(ctx, &c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_laziness),       cmocka_unit_test(test_several_equations),
      cmocka_unit_test(test_types),          cmocka_unit_test(test_refused),
      cmocka_unit_test(test_chains),         cmocka_unit_test(test_gradients),
      cmocka_unit_test(test_shared),         cmocka_unit_test(test_long_chain),
      cmocka_unit_test(test_detach),         cmocka_unit_test(test_draws),
      cmocka_unit_test(test_many_arguments),  cmocka_unit_test(test_rounds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
