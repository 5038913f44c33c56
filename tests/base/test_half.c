/* The 16-bit formats: every value there and back, and rounding checked against its definition. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/half.h"

static float from_bits(uint32_t bits)
{
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static uint32_t bits_of(float value)
{
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

/* The nearest finite half, ties to the even one, by search; infinity beyond the last step. */
static uint16_t nearest(double value, float (*widen)(uint16_t), uint16_t infinity)
{
  uint16_t sign = signbit(value) ? 0x8000 : 0, low = 0, high = infinity;
  double x = fabs(value);
  while (high - low > 1) {
    uint16_t middle = (uint16_t)((low + high) / 2);
    if (widen(middle) <= x) low = middle;
    else high = middle;
  }
  double below = widen(low), above = high == infinity ? below + (below - widen((uint16_t)(low - 1)))
                                                      : widen(high);
  double down = x - below, up = above - x;
  uint16_t choice = down < up || (down == up && low % 2 == 0) ? low : high;
  return (uint16_t)(sign | choice);
}

static void every_f16_and_back(void **state)
{
  (void)state;
  for (uint32_t h = 0; h < 0x10000; h++) {
    float value = base_f16_to_f32((uint16_t)h);
    int exponent = (int)(h >> 10 & 31), fraction = (int)(h & 0x3ff);
    if (exponent == 31 && fraction) {
      assert_true(isnan(value));
      assert_int_equal(base_f32_to_f16(value), h | 0x200);
      continue;
    }
    double want = exponent == 31 ? (double)INFINITY
        : exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
    assert_true(fabs((double)value) == want);
    assert_int_equal(!!signbit(value), h >> 15);
    assert_int_equal(base_f32_to_f16(value), h);
    assert_int_equal(base_f64_to_f16((double)value), h);
  }
}

static void every_bf16_and_back(void **state)
{
  (void)state;
  for (uint32_t h = 0; h < 0x10000; h++) {
    float value = base_bf16_to_f32((uint16_t)h);
    if (isnan(value)) {
      assert_int_equal(base_f32_to_bf16(value), h | 0x40);
      assert_int_equal(base_f64_to_bf16((double)value), h | 0x40);
      continue;
    }
    assert_int_equal(bits_of(value), h << 16);
    assert_int_equal(base_f32_to_bf16(value), h);
    assert_int_equal(base_f64_to_bf16((double)value), h);
  }
}

/* Between each two neighbours: the middle, and a hair to each side of it. */
static void ties_go_to_even(void **state)
{
  (void)state;
  for (uint32_t h = 0; h < 0x7bff; h++) {
    double a = base_f16_to_f32((uint16_t)h), b = base_f16_to_f32((uint16_t)(h + 1));
    double middle = (a + b) / 2;
    assert_int_equal(base_f64_to_f16(middle), h % 2 ? h + 1 : h);
    assert_int_equal(base_f32_to_f16((float)middle), h % 2 ? h + 1 : h);
    assert_int_equal(base_f64_to_f16(nextafter(middle, a)), h);
    assert_int_equal(base_f64_to_f16(nextafter(middle, b)), h + 1);
    assert_int_equal(base_f64_to_f16(-nextafter(middle, b)), (h + 1) | 0x8000);
  }
  for (uint32_t h = 0; h < 0x7f7f; h++) {
    double a = base_bf16_to_f32((uint16_t)h), b = base_bf16_to_f32((uint16_t)(h + 1));
    double middle = (a + b) / 2;
    assert_int_equal(base_f64_to_bf16(middle), h % 2 ? h + 1 : h);
    assert_int_equal(base_f32_to_bf16((float)middle), h % 2 ? h + 1 : h);
    assert_int_equal(base_f64_to_bf16(nextafter(middle, b)), h + 1);
  }
}

static void any_f32_rounds_to_the_nearest(void **state)
{
  (void)state;
  for (uint64_t i = 0; i < UINT64_C(1) << 32; i += 9973) {
    float value = from_bits((uint32_t)i);
    if (isnan(value)) {
      assert_true(isnan(base_f16_to_f32(base_f32_to_f16(value))));
      assert_true(isnan(base_bf16_to_f32(base_f32_to_bf16(value))));
      continue;
    }
    if (isinf(value)) continue;
    assert_int_equal(base_f32_to_f16(value), nearest((double)value, base_f16_to_f32, 0x7c00));
    assert_int_equal(base_f32_to_bf16(value), nearest((double)value, base_bf16_to_f32, 0x7f80));
  }
}

static void edges(void **state)
{
  (void)state;
  assert_int_equal(base_f32_to_f16(65519.996f), 0x7bff);
  assert_int_equal(base_f32_to_f16(65520.0f), 0x7c00);
  assert_int_equal(base_f32_to_f16(-INFINITY), 0xfc00);
  assert_int_equal(base_f64_to_f16(1e300), 0x7c00);
  assert_int_equal(base_f64_to_bf16(1e300), 0x7f80);
  assert_int_equal(base_f32_to_bf16(INFINITY), 0x7f80);
  assert_int_equal(base_f32_to_bf16(from_bits(0x7f7fffff)), 0x7f80);
  assert_int_equal(base_f32_to_f16(-0.0f), 0x8000);
  assert_int_equal(base_f64_to_f16(0x1p-25), 0);
  assert_int_equal(base_f64_to_f16(nextafter(0x1p-25, 1)), 1);
  assert_int_equal(base_f64_to_f16(5e-324), 0);
  assert_int_equal(base_f64_to_bf16(-5e-324), 0x8000);
  /* Through f32 this would round twice: down to a tie, then to even. */
  assert_int_equal(base_f64_to_f16(1 + 0x1p-11 + 0x1p-40), 0x3c01);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_f16_and_back),
    cmocka_unit_test(every_bf16_and_back),
    cmocka_unit_test(ties_go_to_even),
    cmocka_unit_test(any_f32_rounds_to_the_nearest),
    cmocka_unit_test(edges),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
