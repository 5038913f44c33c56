/* convert: arrays of f16 and bf16 to f32 and back, for every instruction set. Rounds as base/half.h
 * does. OUT and IN must not overlap; no alignment is needed. */
#ifndef TL_DEVICE_CPU_CONVERT_H
#define TL_DEVICE_CPU_CONVERT_H

#include "device/cpu/isa.h"

#include <stdint.h>

typedef struct cpu_convert {
  void (*f16_to_f32)(float *out, const uint16_t *in, int64_t n);
  void (*bf16_to_f32)(float *out, const uint16_t *in, int64_t n);
  void (*f32_to_f16)(uint16_t *out, const float *in, int64_t n);
  void (*f32_to_bf16)(uint16_t *out, const float *in, int64_t n);
} cpu_convert;

const cpu_convert *cpu_convert_for(cpu_isa isa);

#endif
