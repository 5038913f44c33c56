/* isa: which vector instructions the CPU device may use. Only what CPUID lists and the operating
 * system saves (XCR0) counts; the environment variable TL_ISA (plain, avx2, avx512) lowers it. */
#ifndef TL_DEVICE_CPU_ISA_H
#define TL_DEVICE_CPU_ISA_H

#include <stdbool.h>

typedef enum cpu_isa {
  CPU_PLAIN,         /* what the compiler was told every machine has */
  CPU_AVX2,          /* AVX2, FMA, F16C */
  CPU_AVX512,        /* the above and AVX-512 F, DQ, BW, VL */
} cpu_isa;

cpu_isa cpu_isa_machine(void);                            /* the most this machine can do */
cpu_isa cpu_isa_detect(void);                             /* the same, lowered by TL_ISA */
const char *cpu_isa_name(cpu_isa isa);
bool cpu_isa_parse(const char *name, cpu_isa *isa);       /* false: no such name */

#if defined(__x86_64__)
#define CPU_X86 1
#define CPU_TARGET_AVX2 __attribute__((target("avx2,fma,f16c")))
#define CPU_TARGET_AVX512 \
  __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,f16c")))
#else
#define CPU_X86 0
#endif

#endif
