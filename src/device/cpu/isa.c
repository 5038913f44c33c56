#include "device/cpu/isa.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[] = { "plain", "avx2", "avx512" };

#if CPU_X86
#include <cpuid.h>

enum {
  XCR0_YMM = 1 << 1 | 1 << 2,                       /* SSE and AVX state */
  XCR0_ZMM = 1 << 5 | 1 << 6 | 1 << 7,              /* masks, upper halves, upper registers */
};

static unsigned xcr0(void)
{
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

cpu_isa cpu_isa_machine(void)
{
  unsigned a, b, c, d;
  unsigned avx2 = bit_AVX2, avx512 = bit_AVX512F | bit_AVX512DQ | bit_AVX512BW | bit_AVX512VL;
  unsigned first = bit_OSXSAVE | bit_AVX | bit_FMA | bit_F16C;
  if (!__get_cpuid(1, &a, &b, &c, &d) || (c & first) != first) return CPU_PLAIN;
  unsigned saved = xcr0();
  if ((saved & XCR0_YMM) != XCR0_YMM) return CPU_PLAIN;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (b & avx2) != avx2) return CPU_PLAIN;
  return (b & avx512) == avx512 && (saved & XCR0_ZMM) == XCR0_ZMM ? CPU_AVX512 : CPU_AVX2;
}

#else

cpu_isa cpu_isa_machine(void)
{
  return CPU_PLAIN;
}

#endif

cpu_isa cpu_isa_detect(void)
{
  cpu_isa most = cpu_isa_machine(), asked;
  const char *name = getenv("TL_ISA");
  return name && cpu_isa_parse(name, &asked) && asked < most ? asked : most;
}

const char *cpu_isa_name(cpu_isa isa)
{
  return names[isa];
}

bool cpu_isa_parse(const char *name, cpu_isa *isa)
{
  for (int i = CPU_PLAIN; i <= CPU_AVX512; i++)
    if (strcmp(name, names[i]) == 0) {
      *isa = (cpu_isa)i;
      return true;
    }
  return false;
}
