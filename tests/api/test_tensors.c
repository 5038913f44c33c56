/* Tensors from and to host memory; what is refused, and with which words. */
#include <math.h>

#include "fixture.h"

static void test_version(void **state) {
  (void)state;
  assert_string_equal(tl_version(), TL_VERSION);
  assert_string_equal(tl_type_name(TL_BF16), "bf16");
  assert_string_equal(tl_type_name((tl_type)99), "?");
  assert_int_equal(tl_type_bytes(TL_F64), 8);
  assert_int_equal(tl_type_bytes(TL_BOOL), 1);
  assert_int_equal(tl_type_bytes((tl_type)-1), 0);
}

static void test_round_trip(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  const float data[6] = {1, 2, 3, 4, 5, 6};
  tl_tensor *t = fixture_f32(ctx, 2, SIZES(2, 3), data);
  assert_int_equal(tl_rank(t), 2);
  assert_int_equal(tl_size(t, 0), 2);
  assert_int_equal(tl_size(t, 1), 3);
  assert_int_equal(tl_count(t), 6);
  EXPECT(t, 1, 2, 3, 4, 5, 6);
  const float other[6] = {6, 5, 4, 3, 2, 1};
  assert_int_equal(tl_write(t, other, sizeof other), TL_OK);
  EXPECT(t, 6, 5, 4, 3, 2, 1);
  assert_int_equal(tl_size(t, 2), -1);
  fixture_error(ctx, TL_ARGUMENT, "no position 2 in a tensor of rank 2");
  tl_release(t);
  fixture_close(ctx, &c);
}

static void test_scalars(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  static const struct { tl_type type; double in, out; } cases[] = {
      {TL_F32, 0.5, 0.5},   {TL_F64, 1e300, 1e300}, {TL_F16, 1.0009765625, 1.0009765625},
      {TL_BF16, -3, -3},    {TL_I32, 7.9, 7},       {TL_I64, -7.9, -7},
      {TL_I32, NAN, 0},     {TL_BOOL, 3, 1},        {TL_I64, 1e30, 9223372036854775807.0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    tl_tensor *t = tl_scalar(ctx, cases[i].type, cases[i].in);
    assert_int_equal(tl_rank(t), 0);
    assert_int_equal(tl_tensor_type(t), cases[i].type);
    assert_true(tl_value(t) == cases[i].out);
    tl_release(t);
  }
  fixture_close(ctx, &c);
}

static void test_empty_and_zeros(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  tl_tensor *none = fixture_f32(ctx, 2, SIZES(0, 5), NULL);
  tl_tensor *zeros = fixture_f32(ctx, 1, SIZES(3), NULL);
  assert_int_equal(tl_count(none), 0);
  assert_int_equal(tl_read(none, NULL, 0), TL_OK);
  assert_int_equal(tl_write(none, NULL, 0), TL_OK);
  EXPECT(zeros, 0, 0, 0);
  fixture_close(ctx, &c);        /* handles still held are released with the context */
}

static void test_wrong_calls(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  float data[4] = {0};
  assert_null(tl_from(ctx, (tl_type)9, 0, NULL, data));
  fixture_error(ctx, TL_ARGUMENT, "9 is no tl_type");
  assert_null(tl_scalar(ctx, (tl_type)9, 1));
  fixture_error(ctx, TL_ARGUMENT, "9 is no tl_type");
  assert_null(tl_from(ctx, TL_F32, -1, NULL, data));
  fixture_error(ctx, TL_ARGUMENT, "not -1");
  assert_null(tl_from(ctx, TL_F32, 2, NULL, data));
  fixture_error(ctx, TL_ARGUMENT, "rank 2 needs sizes");
  assert_null(tl_from(ctx, TL_F32, 2, SIZES(2, -3), data));
  fixture_error(ctx, TL_ARGUMENT, "position 1 of a tensor has size -3");
  assert_null(tl_from(ctx, TL_F32, 2, SIZES(INT64_MAX, 4), NULL));
  fixture_error(ctx, TL_ARGUMENT, "too many elements");
  int64_t many[40] = {0};
  assert_null(tl_from(ctx, TL_F32, 40, many, NULL));
  fixture_error(ctx, TL_ARGUMENT, "40 positions");
  tl_tensor *t = fixture_f32(ctx, 1, SIZES(3), NULL);
  assert_int_equal(tl_read(t, data, 16), TL_ARGUMENT);
  fixture_error(ctx, TL_ARGUMENT, "12 bytes (3 elements of f32); the buffer has 16");
  assert_int_equal(tl_write(t, data, 8), TL_ARGUMENT);
  fixture_error(ctx, TL_ARGUMENT, "the buffer has 8");
  assert_int_equal(tl_read(t, NULL, 12), TL_ARGUMENT);
  fixture_error(ctx, TL_ARGUMENT, "NULL");
  assert_int_equal(tl_write(t, NULL, 12), TL_ARGUMENT);
  fixture_error(ctx, TL_ARGUMENT, "NULL");
  assert_true(isnan(tl_value(t)));
  fixture_error(ctx, TL_ARGUMENT, "one element; this one has 3");
  fixture_close(ctx, &c);
}

static void test_null(void **state) {
  (void)state;
  float x;
  assert_null(tl_from(NULL, TL_F32, 0, NULL, NULL));
  assert_null(tl_scalar(NULL, TL_F32, 0));
  assert_null(tl_retain(NULL));
  tl_release(NULL);
  assert_int_equal(tl_rank(NULL), -1);
  assert_int_equal(tl_size(NULL, 0), -1);
  assert_int_equal(tl_count(NULL), -1);
  assert_int_equal(tl_read(NULL, &x, 4), TL_ARGUMENT);
  assert_int_equal(tl_write(NULL, &x, 4), TL_ARGUMENT);
  assert_true(isnan(tl_value(NULL)));
  assert_int_equal(tl_eval(1, &(tl_tensor *){NULL}), TL_ARGUMENT);
  assert_int_equal(tl_eval(0, NULL), TL_OK);
  assert_null(tl_detach(NULL));
  assert_null(tl_eq(NULL, "Y = 1", NULL));
  assert_null(tl_grad(NULL, NULL, NULL));
  assert_null(tl_compile(NULL, "Y = 1", NULL, NULL));
  assert_int_equal(tl_call(NULL, NULL, NULL), TL_ARGUMENT);
  tl_function_release(NULL);
  assert_null(tl_load(NULL, NULL, "", NULL));
  assert_null(tl_load_file(NULL, "x", NULL));
  assert_int_equal(tl_run(NULL), TL_ARGUMENT);
  assert_null(tl_get(NULL, "X"));
  assert_int_equal(tl_set(NULL, "X", NULL), TL_ARGUMENT);
  tl_program_release(NULL);
  assert_null(tl_gradient_text(NULL, "Loss", NULL));
  assert_null(tl_explain(NULL, 0));
  assert_null(tl_diagnosis(NULL, 0));
  assert_int_equal(tl_last(NULL), TL_MEMORY);
  assert_string_equal(tl_message(NULL), "out of memory");
  assert_int_equal(tl_statistics(NULL).runs, 0);
  tl_clear(NULL);
  tl_interrupt(NULL);
  tl_seed(NULL, 1);
  tl_shrink(NULL, 0);
  tl_free_text(NULL, NULL);
  tl_close(NULL);
}

static void test_unknown_device(void **state) {
  (void)state;
  counts c;
  tl_options o = fixture_options(&c, "abacus");
  tl_context *ctx = tl_open(&o);
  assert_int_equal(tl_last(ctx), TL_DEVICE);
  assert_non_null(strstr(tl_message(ctx), "`abacus`"));
  assert_null(tl_scalar(ctx, TL_F32, 1));
  assert_null(tl_eq(ctx, "Y = 1", NULL));
  assert_null(tl_load(ctx, NULL, "Y = 1", NULL));
  fixture_close(ctx, &c);
  o.release = NULL;
  o.device = "ref";
  ctx = tl_open(&o);
  fixture_error(ctx, TL_ARGUMENT, "alloc and release together");
  tl_close(ctx);
}

static void test_two_contexts(void **state) {
  (void)state;
  counts c, d;
  tl_context *one = fixture_open(&c), *two = fixture_open(&d);
  tl_tensor *x = tl_scalar(one, TL_F32, 2), *y = tl_scalar(two, TL_F32, 3);
  assert_int_equal(tl_eval(2, (tl_tensor *[]){x, y}), TL_ARGUMENT);
  fixture_error(one, TL_ARGUMENT, "tensor 1 is of another context");
  assert_null(tl_eq(two, "Z = X Y", ARGS({"X", x}, {"Y", y})));
  fixture_error(two, TL_ARGUMENT, "X is a tensor of another context");
  assert_null(tl_grad(two, y, x));
  fixture_error(two, TL_ARGUMENT, "wrt is a tensor of another context");
  tl_tensor *z = tl_eq(one, "Z = X X", ARGS({"X", x}));
  tl_close(two);
  assert_int_equal(d.blocks, 0);
  assert_true(tl_value(z) == 4);
  fixture_close(one, &c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_version),       cmocka_unit_test(test_round_trip),
      cmocka_unit_test(test_scalars),       cmocka_unit_test(test_empty_and_zeros),
      cmocka_unit_test(test_wrong_calls),   cmocka_unit_test(test_null),
      cmocka_unit_test(test_unknown_device), cmocka_unit_test(test_two_contexts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
