/* Programs in the language, scheduled, and each kernel run on ref and on the CPU device from the
 * same memory. */
#ifndef TEST_DEVICE_CPU_LAB_H
#define TEST_DEVICE_CPU_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "device/device.h"
#include "sched/sched.h"

typedef struct cpu_lab {
  base_ctx *ctx;
  device *ref, *cpu;
  const char *force; /* an implementation's name, else NULL */
  uint64_t seed;
  bool wild; /* inputs with infinities, nan, zeros of both signs, subnormals */
  bool printed;
} cpu_lab;

/* A test for each instruction set and number of threads. */
void cpu_lab_each(void (*test)(cpu_lab *lab));
/* A test on the CUDA device, which is then lab->cpu: an emulated one, where the tests name it. */
void cpu_lab_on_cuda(void (*test)(cpu_lab *lab));

/* Run TEXT for the tensors WANTED (names between spaces; "grad Loss X": derivatives) and compare
 * every kernel's stored tensors, to TOLERANCE relative to the largest element and to one unit of a
 * 16-bit type. Returns the name of the first kernel's implementation. */
const char *cpu_lab_check(cpu_lab *lab, double tolerance, const char *wanted, const char *format,
                          ...) __attribute__((format(printf, 4, 5)));

/* y[i] = NAME(x[i]) on the CPU device. */
void cpu_lab_apply(cpu_lab *lab, const char *name, int n, const float *x, float *y);

float *cpu_lab_floats(cpu_lab *lab, int n);
void cpu_lab_free(cpu_lab *lab, float *x);
uint64_t cpu_lab_random(cpu_lab *lab, uint64_t below);

#endif
