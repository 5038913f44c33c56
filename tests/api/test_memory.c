/* Each allocation of small jobs fails in turn: a status, nothing leaked, nothing broken. */
#include <math.h>

#include "fixture.h"

/* The job of one context; true if all of it succeeded. */
typedef bool job(tl_context *ctx);

static tl_status sweep_once(const char *device, job *work, long fails_at, bool *done) {
  counts c;
  tl_options o = fixture_options(&c, device);
  c.fails_at = fails_at;
  tl_context *ctx = tl_open(&o);
  tl_status status = TL_MEMORY;
  *done = ctx && tl_last(ctx) == TL_OK && work(ctx);
  if (ctx) {
    status = tl_last(ctx);
    char *text = tl_diagnosis(ctx, 0);
    tl_free_text(ctx, text);
    tl_close(ctx);
  }
  if (c.blocks != 0 || c.bytes != 0)
    fail_msg("allocation %ld fails: %ld blocks, %ld bytes are left", fails_at, c.blocks, c.bytes);
  return status;
}

static void sweep(const char *device, job *work) {
  bool done;
  tl_status status = sweep_once(device, work, 0, &done);
  assert_int_equal(status, TL_OK);
  assert_true(done);
  for (long at = 1;; at++) {
    status = sweep_once(device, work, at, &done);
    if (done && status == TL_OK) {
      counts c; /* did it fail at all, or were there fewer allocations? */
      tl_options o = fixture_options(&c, device);
      tl_context *ctx = tl_open(&o);
      work(ctx);
      tl_close(ctx);
      if (at > c.asked) break;
      continue; /* what can do without, did */
    }
    if (status != TL_MEMORY) fail_msg("allocation %ld fails: status %d", at, (int)status);
  }
}

static bool train(tl_context *ctx) {
  static const float data[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  tl_function *f = tl_compile(
      ctx,
      "H[b,h] = relu(X[b,i] W[i,h])\nLoss avg= (H[b,h] - 1)^2\nNewW[i,h] = W[i,h] - 0.001 G[i,h]\n"
      "G[i,h] = grad(Loss, W[i,h])",
      NAMES("X", "W"), NAMES("NewW", "Loss"));
  tl_tensor *x = tl_from(ctx, TL_F32, 2, SIZES(4, 3), data);
  tl_tensor *w = tl_from(ctx, TL_F32, 2, SIZES(3, 2), data);
  bool fine = f && x && w;
  for (int i = 0; fine && i < 3; i++) {
    tl_tensor *r[2];
    fine = tl_call(f, (tl_tensor *[]){x, w}, r) == TL_OK && !isnan(tl_value(r[1]));
    tl_release(w);
    w = r[0];
    tl_release(r[1]);
  }
  tl_release(x);
  tl_release(w);
  tl_function_release(f);
  return fine;
}

static bool differentiate(tl_context *ctx) {
  static const float data[4] = {1, 2, 3, 4};
  tl_tensor *x = tl_from(ctx, TL_F32, 1, SIZES(4), data);
  tl_tensor *y = tl_eq(ctx, "Y[i.] = softmax(X[i])", ARGS({"X", x}));
  tl_tensor *l = tl_eq(ctx, "L = -log(Y[2]) + uniform()", ARGS({"Y", y}));
  tl_tensor *g = tl_grad(ctx, l, x), *d = tl_detach(g);
  float got[4];
  bool fine = tl_read(d, got, sizeof got) == TL_OK && got[2] < 0;
  tl_tensor *all[] = {x, y, l, g, d};
  for (int i = 0; i < 5; i++) tl_release(all[i]);
  return fine;
}

static bool run_program(tl_context *ctx) {
  tl_program *p = tl_load(ctx, NULL,
                          "X = [[1, 0], [0, 1], [1, 1], [2, 1]]\nY = [2, -1, 1, 3]\n"
                          "W : f32[2] ~ normal(0.1)\n"
                          "Loss avg= (X[e,d] W[d] - Y[e])^2\n"
                          "minimize(Loss, adamw(lr=0.01), steps=3, batch=e:2)\nLoss?\n",
                          NULL);
  tl_tensor *w = NULL;
  bool fine = p && tl_run(p) == TL_OK && (w = tl_get(p, "W")) && tl_count(w) == 2;
  char *text = fine ? tl_explain(p, 1) : NULL;
  fine = fine && text;
  tl_free_text(ctx, text);
  tl_release(w);
  tl_program_release(p);
  return fine;
}

static bool named_operations(tl_context *ctx) {
  static const float data[6] = {1, 2, 3, 4, 5, 6};
  tl_tensor *x = tl_from(ctx, TL_F32, 2, SIZES(2, 3), data);
  tl_tensor *w = tl_from(ctx, TL_F32, 2, SIZES(3, 2), data);
  tl_tensor *y = tl_op(ctx, "matmul", 2, (tl_tensor *[]){x, w}, NULL);
  tl_tensor *p = tl_op(ctx, "softmax", 1, &y, (tl_attr[]){{"axis", 0}, {0}});
  tl_tensor *e = tl_einsum(ctx, "ij,jk", 2, (tl_tensor *[]){p, x});
  float got[6];
  bool fine = e && tl_read(e, got, sizeof got) == TL_OK;
  tl_tensor *all[] = {x, w, y, p, e};
  for (int i = 0; i < 5; i++) tl_release(all[i]);
  return fine;
}

static void twice(void *user, size_t n, const double *const *x, double *y) {
  (void)user;
  for (size_t k = 0; k < n; k++) y[k] = 2 * x[0][k];
}

static tl_status copy(void *user, int n, const tl_view *x, const tl_view *y) {
  (void)user, (void)n;
  memcpy(y->data, x[0].data, sizeof(float) * (size_t)y->size[0]);
  return TL_OK;
}

static tl_status copy_back(void *user, int n, const tl_view *x, const tl_view *y, const tl_view *dy,
                           const tl_view *dx) {
  (void)x, (void)y;
  return copy(user, n, dy, dx);
}

static bool functions_in_c(tl_context *ctx) {
  static const float data[3] = {1, 2, 3};
  static const tl_custom f = {"copy", NULL, copy, copy_back, NULL};
  bool fine = tl_define(ctx, "twice", 1, twice, NULL, NULL) == TL_OK;
  tl_tensor *x = tl_from(ctx, TL_F32, 1, SIZES(3), data);
  tl_tensor *y = tl_eq(ctx, "Y[i] = twice(stop(X[i])) X[i]", ARGS({"X", x}));
  tl_tensor *z = tl_apply(ctx, &f, 1, &y), *g = tl_grad(ctx, z, x);
  float got[3];
  fine = fine && g && tl_read(g, got, sizeof got) == TL_OK && got[2] == 6;
  tl_tensor *all[] = {x, y, z, g};
  for (int i = 0; i < 4; i++) tl_release(all[i]);
  return fine;
}

static bool rows(tl_context *ctx) {
  static const char text[] =
      "P(A, B), P(B, C)\nQ(x,z) <- P(x,z)\nQ(x,z) <- Q(x,y), P(y,z)\n"
      "W[A, B] = 2\nN[x] = P(x, y)\n";
  static const char *const question[] = {"Q(A, x)", "W[x,y]", "N[x]", "Q(A, x) and not P(A, x)"};
  const tl_cell cells[] = {{"C", 0}, {"A", 0}, {"A", 0}, {"D", 0}};
  tl_program *p = tl_load(ctx, NULL, text, NULL);
  bool fine = p && tl_set_rows(p, "P", 2, 2, cells, NULL) == TL_OK;
  for (int i = 0; fine && i < 4; i++) {
    tl_rows *r = tl_query(p, question[i]);
    fine = r && (tl_next(r) || i == 3) && (i == 3 || tl_symbol(r, 0));
    tl_rows_release(r);
  }
  tl_program_release(p);
  return fine;
}

static void test_rows(void **state) {
  (void)state;
  sweep("ref", rows);
}

static void test_operations(void **state) {
  (void)state;
  sweep("ref", named_operations);
  sweep("cpu", named_operations);
}

static void test_functions_in_c(void **state) {
  (void)state;
  sweep("ref", functions_in_c);
  sweep("cpu", functions_in_c);
}

static void test_train(void **state) {
  (void)state;
  sweep("ref", train);
  sweep("cpu", train);
}

static void test_differentiate(void **state) {
  (void)state;
  sweep("ref", differentiate);
  sweep("cpu", differentiate);
}

static void test_program(void **state) {
  (void)state;
  sweep("ref", run_program);
  sweep("cpu", run_program);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_train),   cmocka_unit_test(test_differentiate),
      cmocka_unit_test(test_program), cmocka_unit_test(test_operations),
      cmocka_unit_test(test_rows),    cmocka_unit_test(test_functions_in_c),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
