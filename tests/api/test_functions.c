/* Compiled functions: planned once for types and ranks, for all sizes. */
#include <math.h>

#include "fixture.h"

static const float six[6] = {1, 2, 3, 4, 5, 6};
static const char linear[] = "H[b,h] = X[b,i] W[i,h]\nL = H[b,h]^2";

static const char *const linear_args[] = {"X", "W", NULL};

static void test_call(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  tl_function *f =
      tl_compile(ctx, linear, linear_args, NAMES("L", "grad(L, W)", "H", "grad( L , H )", "X"));
  assert_non_null(f);
  tl_tensor *args[] = {fixture_f32(ctx, 2, SIZES(2, 2), six),
                       fixture_f32(ctx, 2, SIZES(2, 1), six)};
  tl_tensor *r[5];
  assert_int_equal(tl_call(f, args, r), TL_OK);
  assert_true(tl_value(r[0]) == 25 + 121);
  EXPECT(r[2], 5, 11);
  EXPECT(r[3], 10, 22);
  EXPECT(r[1], 76, 108);
  EXPECT(r[4], 1, 2, 3, 4);
  float other[4] = {0};
  assert_int_equal(tl_write(r[4], other, sizeof other), TL_OK);
  EXPECT(args[0], 1, 2, 3, 4); /* results are tensors of their own */
  for (int i = 0; i < 5; i++) tl_release(r[i]);
  tl_release(args[0]);
  tl_release(args[1]);
  tl_function_release(f);
  fixture_close(ctx, &c);
}

/* L = S[3]^2, S[3] = W^3 X: dL/dW = 6 W^5 X^2, dL/dX = 2 W^6 X. */
static void test_gradients_of_a_recurrence(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  tl_function *f = tl_compile(ctx, "S : f32[4]\nS[0] = X\nS[t+1] = W S[t]\nL = S[3]^2",
                              NAMES("X", "W"), NAMES("grad(L, W)", "grad(L, X)", "grad(L, W)"));
  tl_tensor *args[] = {tl_scalar(ctx, TL_F32, 3), tl_scalar(ctx, TL_F32, 2)}, *r[3];
  assert_int_equal(tl_call(f, args, r), TL_OK);
  assert_true(tl_value(r[0]) == 6 * 32 * 9);
  assert_true(tl_value(r[1]) == 2 * 64 * 3);
  assert_true(tl_value(r[2]) == 6 * 32 * 9);
  for (int i = 0; i < 3; i++) tl_release(r[i]);
  for (int i = 0; i < 2; i++) tl_release(args[i]);
  tl_function_release(f);
  fixture_close(ctx, &c);
}

static void test_plans_once(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  tl_function *f = tl_compile(ctx, linear, linear_args, NAMES("L", "grad(L, W)"));
  tl_tensor *w = fixture_f32(ctx, 2, SIZES(3, 2), six);
  uint64_t plans = 0, bindings = 0, fresh = 0;
  for (int i = 0; i < 12; i++) {
    tl_tensor *x = fixture_f32(ctx, 2, SIZES(1 + i % 4, 3), NULL), *r[2];
    assert_int_equal(tl_call(f, (tl_tensor *[]){x, w}, r), TL_OK);
    assert_true(tl_value(r[0]) == 0);
    tl_release(r[0]);
    tl_release(r[1]);
    tl_release(x);
    tl_stats s = tl_statistics(ctx);
    if (i == 0) plans = s.plans_made;
    if (i == 3) bindings = s.bindings_made, fresh = s.system_allocations;
    assert_int_equal(s.plans_made, plans);
    assert_int_equal(s.runs, i + 1);
  }
  assert_int_equal(tl_statistics(ctx).bindings_made, bindings);
  assert_int_equal(tl_statistics(ctx).system_allocations, fresh);
  tl_shrink(ctx, 0);
  assert_int_equal(tl_statistics(ctx).bytes_cached, 0);
  fixture_close(ctx, &c);
}

/* Sizes of two arguments that must agree are one: nothing is guarded, or copied for it. */
static void test_one_kernel(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  tl_function *f =
      tl_compile(ctx, "Y[m,n] = relu(A[m,k] B[k,n] + C[n])", NAMES("A", "B", "C"), NAMES("Y"));
  tl_tensor *args[] = {fixture_f32(ctx, 2, SIZES(1, 3), six), fixture_f32(ctx, 2, SIZES(3, 2), six),
                       fixture_f32(ctx, 1, SIZES(2), six)};
  tl_tensor *y;
  assert_int_equal(tl_call(f, args, &y), TL_OK);
  EXPECT(y, 1 + 6 + 15 + 1, 2 + 8 + 18 + 2);
  assert_int_equal(tl_statistics(ctx).kernels, 1);
  tl_release(y);
  for (int i = 0; i < 3; i++) tl_release(args[i]);
  tl_function_release(f);
  fixture_close(ctx, &c);
}

static void test_types_and_ranks(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  tl_function *f = tl_compile(ctx, "Y[i] = 2 X[i]", NAMES("X"), NAMES("Y"));
  for (int round = 0; round < 2; round++)
    for (int type = TL_F16; type <= TL_F64; type++) {
      tl_tensor *one = tl_scalar(ctx, TL_F32, 3), *r;
      tl_tensor *x = tl_from(ctx, (tl_type)type, 1, SIZES(4), NULL);
      assert_int_equal(tl_call(f, &x, &r), TL_OK);
      assert_int_equal(tl_tensor_type(r), type);
      tl_release(r);
      assert_int_equal(tl_call(f, &one, &r), TL_REFUSED); /* a scalar has no index */
      assert_null(r);
      tl_clear(ctx);
    }
  assert_int_equal(tl_statistics(ctx).plans_made, 4);
  fixture_close(ctx, &c);
}

static void test_lazy_arguments_and_draws(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  tl_function *f = tl_compile(ctx, "Y[i] = X[i] + uniform()", NAMES("X"), NAMES("Y"));
  tl_tensor *x = fixture_f32(ctx, 1, SIZES(2), six);
  tl_tensor *lazy = tl_eq(ctx, "Y[i] = 10 X[i]", ARGS({"X", x}));
  float first[2], second[2];
  tl_tensor *r;
  assert_int_equal(tl_call(f, &lazy, &r), TL_OK);
  tl_read(r, first, sizeof first);
  tl_release(r);
  assert_int_equal(tl_call(f, &lazy, &r), TL_OK);
  tl_read(r, second, sizeof second);
  tl_release(r);
  assert_true(first[0] >= 10 && first[0] < 11 && first[1] >= 20 && first[1] < 21);
  assert_true(first[0] != second[0] && first[0] - 10 != first[1] - 20);
  fixture_close(ctx, &c);
}

static void test_wrong(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  assert_null(tl_compile(ctx, linear, linear_args, NAMES("Z")));
  fixture_error(ctx, TL_ARGUMENT, "`Z` among the results");
  assert_null(tl_compile(ctx, linear, linear_args, NAMES("grad(L W)")));
  fixture_error(ctx, TL_ARGUMENT, "grad(Loss, W)");
  assert_null(tl_compile(ctx, linear, linear_args, NAMES("grad(L, V)")));
  fixture_error(ctx, TL_ARGUMENT, "`V`");
  assert_null(tl_compile(ctx, linear, linear_args, NULL));
  fixture_error(ctx, TL_ARGUMENT, "results are NULL");
  assert_null(tl_compile(ctx, "Y[ = 1", NULL, NAMES("Y")));
  char *text = tl_diagnosis(ctx, 0);
  assert_non_null(strstr(text, "Y[ = 1"));
  tl_free_text(ctx, text);
  tl_clear(ctx);
  tl_function *f = tl_compile(ctx, linear, linear_args, NAMES("L"));
  tl_tensor *x = fixture_f32(ctx, 2, SIZES(2, 3), six), *r = x;
  tl_tensor *w = fixture_f32(ctx, 2, SIZES(2, 2), six);
  assert_int_equal(tl_call(f, (tl_tensor *[]){x, NULL}, &r), TL_ARGUMENT);
  assert_null(r);
  fixture_error(ctx, TL_ARGUMENT, "W is NULL");
  assert_int_equal(tl_call(f, NULL, &r), TL_ARGUMENT);
  fixture_error(ctx, TL_ARGUMENT, "arguments are NULL");
  assert_int_equal(tl_call(f, (tl_tensor *[]){x, w}, NULL), TL_ARGUMENT);
  fixture_error(ctx, TL_ARGUMENT, "results are NULL");
  assert_int_not_equal(tl_call(f, (tl_tensor *[]){x, w}, &r), TL_OK);
  assert_non_null(strstr(tl_message(ctx), "X")); /* both, with their sizes */
  assert_non_null(strstr(tl_message(ctx), "W"));
  assert_non_null(strstr(tl_message(ctx), "3 and 2"));
  tl_clear(ctx);
  tl_tensor *fits = fixture_f32(ctx, 2, SIZES(3, 1), six);
  assert_int_equal(tl_call(f, (tl_tensor *[]){x, fits}, &r), TL_OK);
  fixture_close(ctx, &c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_call),
      cmocka_unit_test(test_gradients_of_a_recurrence),
      cmocka_unit_test(test_plans_once),
      cmocka_unit_test(test_one_kernel),
      cmocka_unit_test(test_types_and_ranks),
      cmocka_unit_test(test_lazy_arguments_and_draws),
      cmocka_unit_test(test_wrong),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
