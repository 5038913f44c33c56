/* Functions in C called from texts: values, derivatives, fusion, what is refused. */
#include <math.h>

#include "fixture.h"

static void softplus(void *user, size_t n, const double *const *x, double *y) {
  double scale = *(const double *)user;
  for (size_t k = 0; k < n; k++) y[k] = log1p(exp(scale * x[0][k])) / scale;
}

static void softplus_by_x(void *user, size_t n, const double *const *x, double *y) {
  double scale = *(const double *)user;
  for (size_t k = 0; k < n; k++) y[k] = 1 / (1 + exp(-scale * x[0][k]));
}

static void blend(void *user, size_t n, const double *const *x, double *y) {
  (void)user;
  for (size_t k = 0; k < n; k++) y[k] = x[0][k] * (1 - x[2][k]) + x[1][k] * x[2][k];
}

static double one = 1;

static tl_context *open_on(const char *device) {
  tl_options o = {.device = device, .threads = 2};
  tl_context *ctx = tl_open(&o);
  static const tl_map slopes[1] = {softplus_by_x};
  assert_int_equal(tl_define(ctx, "softplus", 1, softplus, slopes, &one), TL_OK);
  assert_int_equal(tl_define(ctx, "blend", 3, blend, NULL, NULL), TL_OK);
  return ctx;
}

static double plain(double x) { return log1p(exp(x)); }
static double slope(double x) { return 1 / (1 + exp(-x)); }

/* Lengths about the 64 of a tile, so that its ends are seen. */
static void check_values(const char *device, tl_type type, int64_t n) {
  tl_context *ctx = open_on(device);
  double x64[200], y64[200], g64[200];
  float x32[200], y32[200];
  for (int64_t k = 0; k < n; k++) x32[k] = (float)(x64[k] = 0.03125 * (double)(k % 100) - 1);
  tl_tensor *x = tl_from(ctx, type, 1, &n, type == TL_F64 ? (void *)x64 : (void *)x32);
  tl_tensor *y = tl_eq(ctx, "Y[i] = 2 softplus(X[i]) + 1", ARGS({"X", x}));
  tl_tensor *g = tl_grad(ctx, tl_eq(ctx, "L = Y[i]", ARGS({"Y", y})), x);
  assert_int_equal(tl_tensor_type(y), type);
  uint64_t before = tl_statistics(ctx).kernels;
  assert_int_equal(tl_eval(1, &y), TL_OK);
  assert_int_equal(tl_statistics(ctx).kernels - before, 1); /* one with what is around */
  if (type == TL_F64)
    assert_int_equal(tl_read(y, y64, sizeof *y64 * (size_t)n), TL_OK);
  else
    assert_int_equal(tl_read(y, y32, sizeof *y32 * (size_t)n), TL_OK);
  for (int64_t k = 0; k < n; k++) {
    double got = type == TL_F64 ? y64[k] : (double)y32[k];
    assert_true(fabs(got - (2 * plain(x64[k]) + 1)) < (type == TL_F64 ? 1e-14 : 1e-6));
  }
  if (type == TL_F64) assert_int_equal(tl_read(g, g64, sizeof *g64 * (size_t)n), TL_OK);
  for (int64_t k = 0; type == TL_F64 && k < n; k++)
    assert_true(fabs(g64[k] - 2 * slope(x64[k])) < 1e-14);
  tl_close(ctx);
}

static void test_values(void **state) {
  (void)state;
  static const int64_t length[] = {1, 63, 64, 65, 200};
  for (int i = 0; i < 5; i++) {
    check_values("ref", TL_F64, length[i]);
    check_values("cpu", TL_F64, length[i]);
    check_values("cpu", TL_F32, length[i]);
  }
}

/* In the epilogue of a product, and of values that are the same along a line. */
static void test_places(void **state) {
  (void)state;
  tl_context *ctx = open_on("cpu");
  const float a[4] = {1, 2, 3, 4}, t[2] = {0.25, 0.5};
  tl_tensor *x = fixture_f32(ctx, 2, SIZES(2, 2), a), *w = fixture_f32(ctx, 1, SIZES(2), t);
  EXPECT(tl_eq(ctx, "Y[i,j] = softplus(X[i,k] X[k,j])", ARGS({"X", x})), plain(7), plain(10),
         plain(15), plain(22));
  EXPECT(tl_eq(ctx, "Y[i,j] = X[i,j] softplus(W[i])", ARGS({"X", x}, {"W", w})), plain(0.25),
         2 * plain(0.25), 3 * plain(0.5), 4 * plain(0.5));
  EXPECT(tl_eq(ctx, "Y[i,j] = blend(X[i,j], X[j,i], W[i])", ARGS({"X", x}, {"W", w})), 1, 2.25, 2.5,
         4);
  EXPECT(tl_eq(ctx, "Y = sum[i](softplus(W[i]))", ARGS({"W", w})), plain(0.25) + plain(0.5));
  tl_close(ctx);
}

static void test_everywhere(void **state) {
  (void)state;
  tl_context *ctx = open_on("cpu");
  tl_tensor *x = tl_scalar(ctx, TL_F32, 1), *r[2];
  tl_function *f = tl_compile(ctx, "Y = softplus(X)^2", NAMES("X"), NAMES("Y", "grad(Y, X)"));
  assert_int_equal(tl_call(f, &x, r), TL_OK);
  assert_true(fabs(tl_value(r[0]) - plain(1) * plain(1)) < 1e-6);
  assert_true(fabs(tl_value(r[1]) - 2 * plain(1) * slope(1)) < 1e-6);
  tl_program *p = tl_load(ctx, NULL, "X = [0, 1]\nY[i] = softplus(X[i])\n", NULL);
  EXPECT(tl_get(p, "Y"), plain(0), plain(1));
  p = tl_load(ctx, NULL, "softplus(x) = x + 1\nY = softplus(1)\n", NULL); /* the text's own wins */
  EXPECT(tl_get(p, "Y"), 2);
  tl_close(ctx);
}

static void test_refused(void **state) {
  (void)state;
  tl_context *ctx = open_on("ref");
  tl_tensor *x = tl_scalar(ctx, TL_F32, 1);
  assert_null(tl_eq(ctx, "Y = softplus(X, X)", ARGS({"X", x})));
  fixture_error(ctx, TL_REFUSED, "softplus takes 1 argument, not 2");
  assert_null(tl_eq(ctx, "Y = hardplus(X)", ARGS({"X", x})));
  fixture_error(ctx, TL_REFUSED, "hardplus");
  tl_tensor *g = tl_grad(ctx, tl_eq(ctx, "Y = blend(X, X, 0.5)", ARGS({"X", x})), x);
  assert_true(isnan(tl_value(g)));
  fixture_error(ctx, TL_REFUSED, "the derivative of blend by its argument 0 is not known");
  assert_int_equal(tl_define(ctx, "softplus", 1, softplus, NULL, NULL), TL_ARGUMENT);
  fixture_error(ctx, TL_ARGUMENT, "is defined already");
  assert_int_equal(tl_define(ctx, "relu", 1, softplus, NULL, NULL), TL_ARGUMENT);
  fixture_error(ctx, TL_ARGUMENT, "is a word of the language");
  assert_int_equal(tl_define(ctx, "Soft", 1, softplus, NULL, NULL), TL_ARGUMENT);
  fixture_error(ctx, TL_ARGUMENT, "lower-case");
  assert_int_equal(tl_define(ctx, "soft", 4, softplus, NULL, NULL), TL_ARGUMENT);
  fixture_error(ctx, TL_ARGUMENT, "1 to 3 arguments");
  assert_int_equal(tl_define(ctx, "soft", 1, NULL, NULL, NULL), TL_ARGUMENT);
  fixture_error(ctx, TL_ARGUMENT, "NULL");
  tl_close(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_values),
      cmocka_unit_test(test_places),
      cmocka_unit_test(test_everywhere),
      cmocka_unit_test(test_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
