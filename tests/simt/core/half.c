/* 16-bit numbers. */
#include "grid.h"

#include <string.h>

static float of_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

float simt_half(unsigned short bits) {
  uint32_t sign = (uint32_t)(bits & 0x8000) << 16, exponent = bits >> 10 & 31, rest = bits & 0x3ff;
  if (exponent == 31) return of_bits(sign | 0x7f800000 | rest << 13);
  if (exponent) return of_bits(sign | (exponent + 112) << 23 | rest << 13);
  float tiny = (float)rest * 0x1p-24f;
  return sign ? -tiny : tiny;
}

/* A value that the mantissa's last place divides evenly rounds to nearest, ties to even. */
unsigned short simt_to_half(float x) {
  uint32_t bits = bits_of(x), sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
  if (size > 0x7f800000) return 0x7fff;
  if (size >= 0x477ff000) return (unsigned short)(sign | 0x7c00);
  if (size < 0x38800000) { /* subnormal: adding a half puts its last place at the right bit */
    float half = of_bits(size) + 0.5f;
    return (unsigned short)(sign | (bits_of(half) - 0x3f000000));
  }
  size += 0xfff + (size >> 13 & 1);
  return (unsigned short)(sign | ((size - 0x38000000) >> 13));
}

float simt_brain(unsigned short bits) { return of_bits((uint32_t)bits << 16); }

unsigned short simt_to_brain(float x) {
  uint32_t bits = bits_of(x);
  if ((bits & 0x7fffffff) > 0x7f800000) return 0x7fff;
  return (unsigned short)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
