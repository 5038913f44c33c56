#include "device/cpu/convert.h"

#include "base/base.h"

static void plain_f16_to_f32(float *out, const uint16_t *in, int64_t n)
{
  for (int64_t i = 0; i < n; i++) out[i] = base_f16_to_f32(in[i]);
}

static void plain_bf16_to_f32(float *out, const uint16_t *in, int64_t n)
{
  for (int64_t i = 0; i < n; i++) out[i] = base_bf16_to_f32(in[i]);
}

static void plain_f32_to_f16(uint16_t *out, const float *in, int64_t n)
{
  for (int64_t i = 0; i < n; i++) out[i] = base_f32_to_f16(in[i]);
}

static void plain_f32_to_bf16(uint16_t *out, const float *in, int64_t n)
{
  for (int64_t i = 0; i < n; i++) out[i] = base_f32_to_bf16(in[i]);
}

static const cpu_convert plain = {
  plain_f16_to_f32, plain_bf16_to_f32, plain_f32_to_f16, plain_f32_to_bf16,
};

#if CPU_X86
#include <immintrin.h>

#define AVX2 CPU_TARGET_AVX2 static
#define AVX512 CPU_TARGET_AVX512 static

/* AVX2: eight at a time, the rest by the plain loops. */

AVX2 void avx2_f16_to_f32(float *out, const uint16_t *in, int64_t n)
{
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(in + i))));
  plain_f16_to_f32(out + i, in + i, n - i);
}

AVX2 inline __m256 avx2_widen_bf16(__m128i half)
{
  __m256i bits = _mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16);
  __m256 value = _mm256_castsi256_ps(bits);
  __m256 nan = _mm256_cmp_ps(value, value, _CMP_UNORD_Q);
  __m256 quiet = _mm256_and_ps(nan, _mm256_castsi256_ps(_mm256_set1_epi32(0x400000)));
  return _mm256_or_ps(value, quiet);
}

AVX2 void avx2_bf16_to_f32(float *out, const uint16_t *in, int64_t n)
{
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm256_storeu_ps(out + i, avx2_widen_bf16(_mm_loadu_si128((const __m128i *)(in + i))));
  plain_bf16_to_f32(out + i, in + i, n - i);
}

AVX2 void avx2_f32_to_f16(uint16_t *out, const float *in, int64_t n)
{
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm_storeu_si128((__m128i *)(out + i), _mm256_cvtps_ph(_mm256_loadu_ps(in + i),
                                                           _MM_FROUND_TO_NEAREST_INT));
  plain_f32_to_f16(out + i, in + i, n - i);
}

/* The processor's own conversion flushes subnormals, so round by hand. */
AVX2 inline __m128i avx2_narrow_bf16(__m256 value)
{
  __m256i bits = _mm256_castps_si256(value);
  __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  __m256i round = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
  __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
  __m256 nan = _mm256_cmp_ps(value, value, _CMP_UNORD_Q);
  __m256 mixed = _mm256_blendv_ps(_mm256_castsi256_ps(round), _mm256_castsi256_ps(quiet), nan);
  __m256i top = _mm256_srli_epi32(_mm256_castps_si256(mixed), 16);
  __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(top, top), 0x08);
  return _mm256_castsi256_si128(packed);
}

AVX2 void avx2_f32_to_bf16(uint16_t *out, const float *in, int64_t n)
{
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    _mm_storeu_si128((__m128i *)(out + i), avx2_narrow_bf16(_mm256_loadu_ps(in + i)));
  plain_f32_to_bf16(out + i, in + i, n - i);
}

static const cpu_convert avx2 = {
  avx2_f16_to_f32, avx2_bf16_to_f32, avx2_f32_to_f16, avx2_f32_to_bf16,
};

/* AVX-512: sixteen at a time, the rest under a mask. */

AVX512 inline __mmask16 first(int64_t n)
{
  return (__mmask16)(n >= 16 ? 0xffff : (1u << n) - 1);
}

AVX512 inline __m256i load_half(const uint16_t *in, int64_t n)
{
  return n >= 16 ? _mm256_loadu_si256((const __m256i *)in) : _mm256_maskz_loadu_epi16(first(n), in);
}

AVX512 inline void store_half(uint16_t *out, __m256i half, int64_t n)
{
  if (n >= 16) _mm256_storeu_si256((__m256i *)out, half);
  else _mm256_mask_storeu_epi16(out, first(n), half);
}

AVX512 inline void store_f32(float *out, __m512 value, int64_t n)
{
  if (n >= 16) _mm512_storeu_ps(out, value);
  else _mm512_mask_storeu_ps(out, first(n), value);
}

AVX512 inline __m512 load_f32(const float *in, int64_t n)
{
  return n >= 16 ? _mm512_loadu_ps(in) : _mm512_maskz_loadu_ps(first(n), in);
}

AVX512 void avx512_f16_to_f32(float *out, const uint16_t *in, int64_t n)
{
  for (int64_t i = 0; i < n; i += 16)
    store_f32(out + i, _mm512_cvtph_ps(load_half(in + i, n - i)), n - i);
}

AVX512 void avx512_bf16_to_f32(float *out, const uint16_t *in, int64_t n)
{
  __m512i quiet = _mm512_set1_epi32(0x400000);
  for (int64_t i = 0; i < n; i += 16) {
    __m512i bits = _mm512_slli_epi32(_mm512_cvtepu16_epi32(load_half(in + i, n - i)), 16);
    __m512 value = _mm512_castsi512_ps(bits);
    __mmask16 nan = _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
    bits = _mm512_mask_or_epi32(bits, nan, bits, quiet);
    store_f32(out + i, _mm512_castsi512_ps(bits), n - i);
  }
}

AVX512 void avx512_f32_to_f16(uint16_t *out, const float *in, int64_t n)
{
  for (int64_t i = 0; i < n; i += 16)
    store_half(out + i, _mm512_cvtps_ph(load_f32(in + i, n - i), _MM_FROUND_TO_NEAREST_INT), n - i);
}

AVX512 void avx512_f32_to_bf16(uint16_t *out, const float *in, int64_t n)
{
  __m512i one = _mm512_set1_epi32(1), half = _mm512_set1_epi32(0x7fff);
  __m512i quiet = _mm512_set1_epi32(0x400000);
  for (int64_t i = 0; i < n; i += 16) {
    __m512 value = load_f32(in + i, n - i);
    __m512i bits = _mm512_castps_si512(value);
    __m512i odd = _mm512_and_epi32(_mm512_srli_epi32(bits, 16), one);
    __mmask16 nan = _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
    __m512i round = _mm512_add_epi32(bits, _mm512_add_epi32(odd, half));
    round = _mm512_mask_or_epi32(round, nan, bits, quiet);
    store_half(out + i, _mm512_cvtepi32_epi16(_mm512_srli_epi32(round, 16)), n - i);
  }
}

static const cpu_convert avx512 = {
  avx512_f16_to_f32, avx512_bf16_to_f32, avx512_f32_to_f16, avx512_f32_to_bf16,
};

const cpu_convert *cpu_convert_for(cpu_isa isa)
{
  return isa == CPU_AVX512 ? &avx512 : isa == CPU_AVX2 ? &avx2 : &plain;
}

#else

const cpu_convert *cpu_convert_for(cpu_isa isa)
{
  (void)isa;
  return &plain;
}

#endif
