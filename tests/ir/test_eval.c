#include <stdlib.h>
#include <math.h>

#include "base/half.h"
#include "fixture.h"

static ir_value f32(double x) { return (ir_value){IR_F32, {.f = (double)(float)x}}; }
static ir_value f64(double x) { return (ir_value){IR_F64, {.f = x}}; }
static ir_value i64(int64_t x) { return (ir_value){IR_I64, {.i = x}}; }

static double real_op(ir_op op, ir_type type, double a, double b) {
  ir_value arg[2] = {type == IR_F32 ? f32(a) : f64(a), type == IR_F32 ? f32(b) : f64(b)};
  return ir_eval_op(op, type, arg).u.f;
}

static int64_t int_op(ir_op op, int64_t a, int64_t b) {
  ir_value arg[2] = {i64(a), i64(b)};
  return ir_eval_op(op, IR_I64, arg).u.i;
}

static bool test_op(ir_op op, ir_value a, ir_value b) {
  ir_value arg[2] = {a, b};
  ir_value v = ir_eval_op(op, IR_BOOL, arg);
  assert_int_equal(v.type, IR_BOOL);
  return v.u.i;
}

static double cast_real(ir_type to, ir_value a) { return ir_eval_op(IR_CAST, to, &a).u.f; }
static int64_t cast_int(ir_type to, ir_value a) { return ir_eval_op(IR_CAST, to, &a).u.i; }

static bool same(double a, double b) { return (isnan(a) && isnan(b)) || a == b; }

static const double special[] = {0.0, -0.0, 1, -1, 0.5, -2.5, 3, 1e-40, 1e30, 5e-324,
                                 INFINITY, -INFINITY, NAN, 88.8, -104, 2, 1.5, -0.1};
enum { SPECIALS = sizeof special / sizeof *special };

static void reals_are_those_of_c(void **state) {
  (void)state;
  for (int i = 0; i < SPECIALS; i++) {
    double a = special[i];
    float x = (float)a;
    assert_true(same(real_op(IR_EXP, IR_F32, a, 0), (double)expf(x)));
    assert_true(same(real_op(IR_LOG, IR_F64, a, 0), log(a)));
    assert_true(same(real_op(IR_SQRT, IR_F32, a, 0), (double)sqrtf(x)));
    assert_true(same(real_op(IR_RSQRT, IR_F64, a, 0), 1 / sqrt(a)));
    assert_true(same(real_op(IR_TANH, IR_F32, a, 0), (double)tanhf(x)));
    assert_true(same(real_op(IR_ERF, IR_F64, a, 0), erf(a)));
    assert_true(same(real_op(IR_SIG, IR_F32, a, 0), (double)(1 / (1 + expf(-x)))));
    assert_true(same(real_op(IR_SIN, IR_F64, a, 0), sin(a)));
    assert_true(same(real_op(IR_COS, IR_F32, a, 0), (double)cosf(x)));
    assert_true(same(real_op(IR_FLOOR, IR_F64, a, 0), floor(a)));
    for (int j = 0; j < SPECIALS; j++) {
      double b = special[j];
      float y = (float)b;
      assert_true(same(real_op(IR_ADD, IR_F32, a, b), (double)(x + y)));
      assert_true(same(real_op(IR_DIV, IR_F32, a, b), (double)(x / y)));
      if (b != 2) assert_true(same(real_op(IR_POW, IR_F64, a, b), pow(a, b)));
      double least = isnan(a) || isnan(b) ? NAN : a < b ? a : b;
      double most = isnan(a) || isnan(b) ? NAN : a > b ? a : b;
      assert_true(same(real_op(IR_MINIMUM, IR_F64, a, b), least));
      assert_true(same(real_op(IR_MAXIMUM, IR_F64, a, b), most));
    }
  }
  assert_true(same(real_op(IR_ROUND, IR_F32, 2.5, 0), 2));
  assert_true(same(real_op(IR_ROUND, IR_F32, -3.5, 0), -4));
  assert_true(same(real_op(IR_SIGN, IR_F32, NAN, 0), NAN));
  assert_true(same(real_op(IR_SIGN, IR_F32, -0.0, 0), 0));
  assert_true(same(real_op(IR_LOG, IR_F32, 0, 0), -INFINITY));
  assert_true(same(real_op(IR_MUL, IR_F32, 1e30, 1e30), INFINITY));
  assert_true(same(real_op(IR_MUL, IR_F64, 1e30, 1e30), 1e30 * 1e30));
}

static void remainders_have_the_sign_of_the_divisor(void **state) {
  (void)state;
  assert_true(same(real_op(IR_MOD, IR_F64, 5.5, 2), 1.5));
  assert_true(same(real_op(IR_MOD, IR_F64, -5.5, 2), 0.5));
  assert_true(same(real_op(IR_MOD, IR_F64, 5.5, -2), -0.5));
  assert_true(same(real_op(IR_MOD, IR_F64, 5.5, 0), NAN));
  for (int64_t a = -9; a <= 9; a++)
    for (int64_t b = -4; b <= 4; b++) {
      int64_t q = int_op(IR_QUO, a, b), r = int_op(IR_MOD, a, b);
      if (b == 0) assert_true(q == 0 && r == 0);
      else assert_true(q * b + r == a && (r == 0 || (r < 0) == (b < 0)) && llabs(r) < llabs(b));
      if (b != 0) assert_int_equal(q, (int64_t)floor((double)a / (double)b));
    }
}

static void integers_wrap(void **state) {
  (void)state;
  assert_int_equal(int_op(IR_ADD, INT64_MAX, 1), INT64_MIN);
  assert_int_equal(int_op(IR_SUB, INT64_MIN, 1), INT64_MAX);
  assert_int_equal(int_op(IR_MUL, INT64_MAX, 2), -2);
  assert_int_equal(int_op(IR_QUO, INT64_MIN, -1), INT64_MIN);
  assert_int_equal(int_op(IR_MOD, INT64_MIN, -1), 0);
  assert_int_equal(int_op(IR_NEG, INT64_MIN, 0), INT64_MIN);
  assert_int_equal(int_op(IR_ABS, INT64_MIN, 0), INT64_MIN);
  assert_int_equal(int_op(IR_SIGN, -7, 0), -1);
}

static void comparisons_know_nan(void **state) {
  (void)state;
  assert_false(test_op(IR_LT, f32(NAN), f32(1)));
  assert_false(test_op(IR_LE, f32(NAN), f32(NAN)));
  assert_false(test_op(IR_EQ, f64(NAN), f64(NAN)));
  assert_true(test_op(IR_NE, f64(NAN), f64(NAN)));
  assert_true(test_op(IR_LE, f64(1), f64(1)));
  assert_true(test_op(IR_EQ, f32(0.0), f32(-0.0)));
  assert_true(test_op(IR_LT, i64(INT64_MIN), i64(INT64_MAX)));
}

static void casts_saturate_and_round_once(void **state) {
  (void)state;
  assert_int_equal(cast_int(IR_I64, f32(NAN)), 0);
  assert_int_equal(cast_int(IR_I64, f32(INFINITY)), INT64_MAX);
  assert_int_equal(cast_int(IR_I64, f64(-1e300)), INT64_MIN);
  assert_int_equal(cast_int(IR_I64, f64(-2.9)), -2);
  assert_int_equal(cast_int(IR_I32, f64(3e9)), INT32_MAX);
  assert_int_equal(cast_int(IR_I32, i64(-5000000000)), INT32_MIN);
  assert_int_equal(cast_int(IR_BOOL, f32(0.25)), 1);
  assert_int_equal(cast_int(IR_BOOL, f32(-0.0)), 0);
  assert_int_equal(cast_int(IR_BOOL, f32(NAN)), 1);
  assert_true(cast_real(IR_F32, i64(16777217)) == 16777216);
  assert_true(cast_real(IR_F16, f32(65519)) == 65504);
  assert_true(isinf(cast_real(IR_F16, f32(65520))));
  assert_true(cast_real(IR_F16, f32(0x1p-25)) == 0);            /* halfway to the least: to even */
  assert_true(cast_real(IR_F16, f32(0x1.8p-25)) == 0x1p-24);
  assert_true(isinf(cast_real(IR_BF16, f32(3.4e38))));
  assert_true(isnan(cast_real(IR_F16, f32(NAN))));
  /* just above a tie of f16; rounded to f32 first it would be the tie */
  assert_true(cast_real(IR_F16, f64(1 + 0x1p-11 + 0x1p-40)) == 1 + 0x1p-10);
}

static void sixteen_bits_as_they_are_stored(void **state) {
  (void)state;
  uint64_t random = 3;
  for (int round = 0; round < 20000; round++) {
    uint32_t bits = (uint32_t)(next_random(&random) << 1 ^ next_random(&random));
    float x;
    __builtin_memcpy(&x, &bits, sizeof x);
    double half = (double)base_f16_to_f32(base_f32_to_f16(x));
    double brain = (double)base_bf16_to_f32(base_f32_to_bf16(x));
    assert_true(same(cast_real(IR_F16, f32((double)x)), half));
    assert_true(same(cast_real(IR_BF16, f32((double)x)), brain));
  }
}

/* The first words of Random123's known answers for philox4x32-10. */
static void random_bits_are_philox(void **state) {
  (void)state;
  assert_int_equal(ir_random_bits(0, 0, 0), 0x6627e8d5u);
  assert_int_equal(ir_random_bits(-1, -1, -1), 0x408f276du);
  int64_t counter = (int64_t)0x85a308d3243f6a88u;
  assert_int_equal(ir_random_bits(0x299f31d0a4093822, 0x0370734413198a2e, counter), 0xd16cfe09u);
}

static void sizes_are_evaluated(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *n = size_of(p, "N"), *k = size_of(p, "K");
  const ir_expr *e = add(mul(quo(sub(n, k), number(p, 2)), k), ir_binary(p, IR_MINIMUM, n, k));
  assert_int_equal(ir_eval_size(e, (int64_t[]){28, 5}), 11 * 5 + 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(reals_are_those_of_c),
    cmocka_unit_test(remainders_have_the_sign_of_the_divisor),
    cmocka_unit_test(integers_wrap),
    cmocka_unit_test(comparisons_know_nan),
    cmocka_unit_test(casts_saturate_and_round_once),
    cmocka_unit_test(sixteen_bits_as_they_are_stored),
    cmocka_unit_test(random_bits_are_philox),
    WITH_LAB(sizes_are_evaluated),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
