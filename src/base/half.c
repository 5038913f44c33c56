#include "base/half.h"

#include <string.h>

static uint32_t bits_of_f32(float value)
{
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static float f32_of_bits(uint32_t bits)
{
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static uint64_t bits_of_f64(double value)
{
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static double f64_of_bits(uint64_t bits)
{
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

float base_f16_to_f32(uint16_t half)
{
  uint32_t sign = (uint32_t)(half & 0x8000) << 16;
  uint32_t exponent = (half >> 10) & 31, fraction = half & 0x3ff;
  if (exponent == 31)
    return f32_of_bits(sign | 0x7f800000 | fraction << 13 | (fraction ? 0x400000 : 0));
  if (exponent == 0)                              /* a multiple of 2^-24, exact in f32 */
    return f32_of_bits(sign | bits_of_f32((float)fraction * 0x1p-24f));
  return f32_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

float base_bf16_to_f32(uint16_t half)
{
  uint32_t bits = (uint32_t)half << 16;
  if ((bits & 0x7fffffff) > 0x7f800000) bits |= 0x400000;
  return f32_of_bits(bits);
}

uint16_t base_f32_to_f16(float value)
{
  return base_f64_to_f16((double)value);
}

uint16_t base_f32_to_bf16(float value)
{
  uint32_t bits = bits_of_f32(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 0x40);
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* VALUE in the format with FRACTION bits of fraction and exponents biased by BIAS, in the low bits.
 * The exponent has 15 - FRACTION bits. */
static uint16_t narrow(double value, int fraction, int bias)
{
  uint64_t bits = bits_of_f64(value), infinity = UINT64_C(0x7ff) << 52;
  uint16_t sign = (uint16_t)(bits >> 48 & 0x8000);
  uint16_t top = (uint16_t)(0x7fff >> fraction << fraction);
  int drop = 52 - fraction;
  bits &= ~(UINT64_C(1) << 63);
  if (bits > infinity) {
    uint64_t payload = bits >> drop & ((UINT64_C(1) << fraction) - 1);
    return (uint16_t)(sign | top | payload | UINT64_C(1) << (fraction - 1));
  }
  if (bits < (uint64_t)(1024 - bias) << 52) {
    /* Below the least normal: adding a number whose last place is the format's least step rounds
     * to that step, and leaves the count of steps in the low bits. */
    uint64_t anchor = (uint64_t)(1023 + 1 - bias - fraction + 52) << 52;
    return (uint16_t)(sign | (bits_of_f64(f64_of_bits(bits) + f64_of_bits(anchor)) - anchor));
  }
  bits += ((UINT64_C(1) << (drop - 1)) - 1) + (bits >> drop & 1);
  bits = (bits >> drop) - ((uint64_t)(1023 - bias) << fraction);
  return (uint16_t)(sign | (bits < top ? bits : top));
}

uint16_t base_f64_to_f16(double value)
{
  return narrow(value, 10, 15);
}

uint16_t base_f64_to_bf16(double value)
{
  return narrow(value, 7, 127);
}
