/* Functions in C of whole tensors: values, order of work, derivatives through several of them. */
#include <math.h>

#include "fixture.h"

static int64_t count_of(const tl_view *v) {
  int64_t n = 1;
  for (int k = 0; k < v->rank; k++) n *= v->size[k];
  return n;
}

typedef struct calls {
  int compute, backward;
} calls;

/* y = x^2, of any sizes, in f32. */
static tl_status square(void *user, int n, const tl_view *x, const tl_view *y) {
  const float *from = x[0].data;
  float *to = y->data;
  ((calls *)user)->compute++;
  assert_int_equal(n, 1);
  for (int64_t k = 0; k < count_of(y); k++) to[k] = from[k] * from[k];
  return TL_OK;
}

static tl_status square_back(void *user, int n, const tl_view *x, const tl_view *y,
                             const tl_view *dy, const tl_view *dx) {
  const float *from = x[0].data, *slope = dy->data;
  (void)n, (void)y;
  ((calls *)user)->backward++;
  for (int64_t k = 0; k < count_of(dx); k++) ((float *)dx->data)[k] = 2 * from[k] * slope[k];
  return TL_OK;
}

/* y[i,j] = a[i] b[j]: other sizes than either. */
static tl_status outer_shape(void *user, int n, const tl_view *x, tl_view *y) {
  (void)user;
  if (n != 2 || x[0].rank != 1 || x[1].rank != 1) return TL_ARGUMENT;
  y->rank = 2;
  y->size[1] = x[1].size[0];
  return TL_OK;
}

static tl_status outer(void *user, int n, const tl_view *x, const tl_view *y) {
  (void)user, (void)n;
  for (int64_t i = 0; i < y->size[0]; i++)
    for (int64_t j = 0; j < y->size[1]; j++)
      ((float *)y->data)[i * y->size[1] + j] = ((float *)x[0].data)[i] * ((float *)x[1].data)[j];
  return TL_OK;
}

static tl_status outer_back(void *user, int n, const tl_view *x, const tl_view *y,
                            const tl_view *dy, const tl_view *dx) {
  int by = dx[0].data ? 0 : 1;
  float *to = dx[by].data;
  const float *other = x[1 - by].data, *slope = dy->data;
  (void)user, (void)n;
  memset(to, 0, sizeof *to * (size_t)dx[by].size[0]);
  for (int64_t i = 0; i < y->size[0]; i++)
    for (int64_t j = 0; j < y->size[1]; j++)
      to[by ? j : i] += slope[i * y->size[1] + j] * other[by ? i : j];
  return TL_OK;
}

static tl_status unwilling(void *user, int n, const tl_view *x, const tl_view *y) {
  (void)user, (void)n, (void)x, (void)y;
  return TL_IO;
}

static const float data[3] = {1, 2, 3};

static void test_lazy(void **state) {
  (void)state;
  counts c;
  calls seen = {0, 0};
  tl_context *ctx = fixture_open(&c);
  tl_custom f = {.name = "square", .compute = square, .user = &seen};
  tl_tensor *x = fixture_f32(ctx, 1, SIZES(3), data);
  tl_tensor *y = tl_eq(ctx, "Y[i] = X[i] + 1", ARGS({"X", x}));
  tl_tensor *z = tl_apply(ctx, &f, 1, &y);
  tl_tensor *w = tl_eq(ctx, "W[i] = Z[i] + Y[i]", ARGS({"Z", z}, {"Y", y}));
  assert_int_equal(tl_size(w, 0), 3);
  assert_int_equal(seen.compute, 0);
  EXPECT(w, 6, 12, 20);
  EXPECT(z, 4, 9, 16);
  assert_int_equal(seen.compute, 1);
  tl_tensor *all[] = {x, y, z, w};
  for (int i = 0; i < 4; i++) tl_release(all[i]);
  fixture_close(ctx, &c);
}

/* d/dx of sum_ij (u_i v_j)^2 with u = x^2 + x, v = 3 x, through three functions. */
static void test_derivative(void **state) {
  (void)state;
  counts c;
  calls seen = {0, 0};
  tl_context *ctx = fixture_open(&c);
  tl_custom f = {"square", NULL, square, square_back, &seen};
  tl_custom o = {"outer", outer_shape, outer, outer_back, NULL};
  tl_tensor *x = fixture_f32(ctx, 1, SIZES(3), data);
  tl_tensor *s = tl_apply(ctx, &f, 1, &x);
  tl_tensor *u = tl_eq(ctx, "U[i] = S[i] + X[i]", ARGS({"S", s}, {"X", x}));
  tl_tensor *v = tl_eq(ctx, "V[i] = 3 X[i]", ARGS({"X", x}));
  tl_tensor *m = tl_apply(ctx, &o, 2, (tl_tensor *[]){u, v});
  tl_tensor *q = tl_apply(ctx, &f, 1, &m);
  tl_tensor *g = tl_grad(ctx, q, x);
  double uu = 0, vv = 0, want[3];
  for (int k = 0; k < 3; k++) {
    double t = data[k];
    uu += (t * t + t) * (t * t + t);
    vv += 9 * t * t;
  }
  for (int k = 0; k < 3; k++) {
    double t = data[k];
    want[k] = 2 * (t * t + t) * (2 * t + 1) * vv + uu * 18 * t;
  }
  fixture_expect(g, 3, want);
  assert_int_equal(seen.backward, 2);
  tl_tensor *all[] = {x, s, u, v, m, q, g};
  for (int i = 0; i < 7; i++) tl_release(all[i]);
  fixture_close(ctx, &c);
}

/* What does not lead to WRT is no hindrance; where the function itself stands for it. */
static void test_beside(void **state) {
  (void)state;
  counts c;
  calls seen = {0, 0};
  tl_context *ctx = fixture_open(&c);
  tl_custom f = {.name = "square", .compute = square, .user = &seen};
  tl_tensor *x = fixture_f32(ctx, 1, SIZES(3), data), *p = fixture_f32(ctx, 1, SIZES(3), data);
  tl_tensor *z = tl_apply(ctx, &f, 1, &p);
  tl_tensor *l = tl_eq(ctx, "L = X[i] X[i] Z[i]", ARGS({"X", x}, {"Z", z}));
  EXPECT(tl_grad(ctx, l, x), 2, 16, 54);
  EXPECT(tl_grad(ctx, l, z), 1, 4, 9);
  assert_null(tl_grad(ctx, l, p));
  fixture_error(ctx, TL_REFUSED, "the derivative of square is not known");
  f.backward = square_back;
  tl_tensor *q = tl_apply(ctx, &f, 1, &x), *g = tl_grad(ctx, q, x);
  EXPECT(g, 2, 4, 6);
  assert_null(tl_grad(ctx, g, x));
  fixture_error(ctx, TL_REFUSED, "the derivative of square is not known");
  fixture_close(ctx, &c);
}

static void test_failures(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  tl_custom bad = {.name = "unwilling", .compute = unwilling};
  tl_custom o = {"outer", outer_shape, outer, outer_back, NULL};
  tl_tensor *x = fixture_f32(ctx, 1, SIZES(3), data);
  tl_tensor *y = tl_apply(ctx, &bad, 1, &x);
  float got[3];
  assert_int_equal(tl_read(y, got, sizeof got), TL_IO);
  fixture_error(ctx, TL_IO, "unwilling: its function for the value failed with status 6");
  assert_null(tl_apply(ctx, &o, 1, &x));
  fixture_error(ctx, TL_ARGUMENT, "outer: its function for the result's sizes failed");
  assert_null(tl_apply(ctx, &o, 2, (tl_tensor *[]){x, NULL}));
  fixture_error(ctx, TL_ARGUMENT, "outer: tensor 1 is NULL");
  assert_null(tl_apply(ctx, &(tl_custom){.name = "none"}, 1, &x));
  fixture_error(ctx, TL_ARGUMENT, "none: there is no function");
  fixture_close(ctx, &c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_lazy),
      cmocka_unit_test(test_derivative),
      cmocka_unit_test(test_beside),
      cmocka_unit_test(test_failures),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
