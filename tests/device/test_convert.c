/* Vector conversions agree with the scalar ones on every instruction set, whatever the length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/half.h"
#include "device/cpu/convert.h"

static void widening_every_half(void **state)
{
  enum { ALL = 0x10000 };
  (void)state;
  uint16_t *in = malloc(ALL * sizeof *in);
  float *out = malloc(ALL * sizeof *out);
  for (int i = 0; i < ALL; i++) in[i] = (uint16_t)i;
  for (cpu_isa isa = CPU_PLAIN; isa <= cpu_isa_machine(); isa++) {
    const cpu_convert *convert = cpu_convert_for(isa);
    convert->f16_to_f32(out, in, ALL);
    for (int i = 0; i < ALL; i++) {
      float want = base_f16_to_f32((uint16_t)i);
      assert_memory_equal(&out[i], &want, 4);
    }
    convert->bf16_to_f32(out, in, ALL);
    for (int i = 0; i < ALL; i++) {
      float want = base_bf16_to_f32((uint16_t)i);
      assert_memory_equal(&out[i], &want, 4);
    }
  }
  free(in);
  free(out);
}

static void narrowing_all_kinds_of_floats(void **state)
{
  enum { PART = 1 << 16 };
  (void)state;
  uint32_t *in = malloc(PART * sizeof *in);
  uint16_t *out = malloc(PART * sizeof *out);
  for (cpu_isa isa = CPU_PLAIN; isa <= cpu_isa_machine(); isa++)
    for (uint32_t part = 0; part < 16; part++) {
      const cpu_convert *convert = cpu_convert_for(isa);
      for (uint32_t i = 0; i < PART; i++) in[i] = i << 16 | (part * 0x1234 & 0xffff);
      const float *value = (const float *)(const void *)in;
      convert->f32_to_f16(out, value, PART);
      for (int i = 0; i < PART; i++) assert_int_equal(out[i], base_f32_to_f16(value[i]));
      convert->f32_to_bf16(out, value, PART);
      for (int i = 0; i < PART; i++) assert_int_equal(out[i], base_f32_to_bf16(value[i]));
    }
  free(in);
  free(out);
}

static void nothing_is_written_past_the_end(void **state)
{
  (void)state;
  for (cpu_isa isa = CPU_PLAIN; isa <= cpu_isa_machine(); isa++)
    for (int n = 0; n < 40; n++) {
      const cpu_convert *convert = cpu_convert_for(isa);
      float wide[48], back[48];
      uint16_t half[48];
      for (int i = 0; i < 48; i++) wide[i] = (float)i + 0.5f, half[i] = 0xabcd, back[i] = -1;
      convert->f32_to_f16(half, wide, n);
      convert->f16_to_f32(back, half, n);
      for (int i = 0; i < 48; i++) {
        assert_true(i < n ? back[i] == wide[i] : back[i] == -1);
        assert_true(i < n || half[i] == 0xabcd);
      }
    }
}

static void isa_names(void **state)
{
  cpu_isa isa;
  (void)state;
  assert_true(cpu_isa_parse("avx2", &isa) && isa == CPU_AVX2);
  assert_false(cpu_isa_parse("AVX2", &isa));
  setenv("TL_ISA", "plain", 1);
  assert_int_equal(cpu_isa_detect(), CPU_PLAIN);
  setenv("TL_ISA", "avx512", 1);
  assert_int_equal(cpu_isa_detect(), cpu_isa_machine());
  unsetenv("TL_ISA");
  assert_int_equal(cpu_isa_detect(), cpu_isa_machine());
  assert_string_equal(cpu_isa_name(CPU_AVX512), "avx512");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(widening_every_half),
    cmocka_unit_test(narrowing_all_kinds_of_floats),
    cmocka_unit_test(nothing_is_written_past_the_end),
    cmocka_unit_test(isa_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
