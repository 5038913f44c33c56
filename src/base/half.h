/* half: the two 16-bit float formats, one value at a time. Every conversion is correctly rounded
 * (to nearest, ties to even), keeps subnormals and the sign of zero, overflows to infinity, and
 * makes NaN quiet keeping the top of its payload, as the vector instructions do. */
#ifndef TL_BASE_HALF_H
#define TL_BASE_HALF_H

#include <stdint.h>

float base_f16_to_f32(uint16_t half);
float base_bf16_to_f32(uint16_t half);
uint16_t base_f32_to_f16(float value);
uint16_t base_f32_to_bf16(float value);
uint16_t base_f64_to_f16(double value);      /* rounds once, not through f32 */
uint16_t base_f64_to_bf16(double value);

#endif
