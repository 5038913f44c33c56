/* The tile machine on AVX-512: a tile is four registers. */
#include <immintrin.h>
#include <stdint.h>

enum { VL = 16 };
typedef __m512 V;
typedef int32_t VI __attribute__((vector_size(64)));
typedef uint32_t VU __attribute__((vector_size(64)));
typedef __mmask16 VM;

#define VM_STATE        1
#define VM_X            x0, x1, x2, x3
#define VM_X_PARAMETERS V x0, V x1, V x2, V x3
#define VM_X_PASSED     x[0], x[1], x[2], x[3]
#define VM_X_ZERO       z, z, z, z
#define VM_X_UNUSED     x0, (void)x1, (void)x2, (void)x3
#define VM_FMA          1
#define MACHINE         vm_avx512

/* Lanes of 64 bits, and the tests of them as bits. */
typedef int64_t W __attribute__((vector_size(64), may_alias));
typedef uint64_t U __attribute__((vector_size(64), may_alias));
typedef double D __attribute__((vector_size(64), may_alias));
static inline unsigned w_bits(W m) { return _mm512_movepi64_mask((__m512i)m); }

static inline V v_set(float a) { return _mm512_set1_ps(a); }
static inline float v_first(V a) { return _mm512_cvtss_f32(a); }
static inline V v_fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
static inline V v_min(V a, V b) { return _mm512_min_ps(a, b); } /* a < b ? a : b */
static inline V v_max(V a, V b) { return _mm512_max_ps(a, b); }
static inline V v_sqrt(V a) { return _mm512_sqrt_ps(a); }
static inline V v_abs(V a) { return _mm512_abs_ps(a); }
static inline V v_round(V a) {
  return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
static inline V v_floor(V a) {
  return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}
static inline V v_scale(V a, V k) { return _mm512_scalef_ps(a, k); } /* a 2^k */
static inline VI v_bits_of(V a) { return (VI)a; }
static inline V v_of_bits(VI a) { return (V)a; }
static inline VI v_to_int(V a) { return (VI)_mm512_cvtps_epi32(a); }
static inline V v_of_int(VI a) { return _mm512_cvtepi32_ps((__m512i)a); }
static inline V v_sign_from(V a, V s) {
  return (V)_mm512_ternarylogic_epi32(_mm512_set1_epi32(INT32_MIN), (__m512i)s, (__m512i)a, 0xca);
}

static inline VM v_lt(V a, V b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
static inline VM v_le(V a, V b) { return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ); }
static inline VM v_eq(V a, V b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
static inline VM v_ne(V a, V b) { return _mm512_cmp_ps_mask(a, b, _CMP_NEQ_UQ); }
static inline VM v_nan(V a) { return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q); }
static inline VM v_odd(VI a) { return _mm512_test_epi32_mask((__m512i)a, _mm512_set1_epi32(1)); }
static inline V v_pick(VM m, V a, V b) { return _mm512_mask_blend_ps(m, b, a); }
static inline unsigned v_bits(VM m) { return m; }
static inline VM v_mask(unsigned bits) { return (VM)bits; }

/* ---- memory: whole vectors, then the lanes of a mask only ---- */

#define HALVES(p) _mm256_loadu_si256((const __m256i *)(const void *)(p))
static inline V of_bf16(__m256i h) { return (V)_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16); }

/* Rounds to the nearest bf16, ties to even; nan becomes quiet. */
static inline __m256i to_bf16(V a) {
  __m512i u = (__m512i)a, odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
  __m512i r = _mm512_add_epi32(u, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  r = _mm512_mask_or_epi32(r, v_nan(a), u, _mm512_set1_epi32(0x400000));
  return _mm512_cvtepi32_epi16(_mm512_srli_epi32(r, 16));
}
static inline __m256i to_f16(V a) {
  return _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

static inline V v_load(const float *p) { return _mm512_loadu_ps(p); }
static inline V v_load_f16(const uint16_t *p) { return _mm512_cvtph_ps(HALVES(p)); }
static inline V v_load_bf16(const uint16_t *p) { return of_bf16(HALVES(p)); }
static inline void v_store(float *p, V a) { _mm512_storeu_ps(p, a); }
static inline void v_store_f16(uint16_t *p, V a) {
  _mm256_storeu_si256((__m256i *)(void *)p, to_f16(a));
}
static inline void v_store_bf16(uint16_t *p, V a) {
  _mm256_storeu_si256((__m256i *)(void *)p, to_bf16(a));
}
static inline void v_stream(float *p, V a) { _mm512_stream_ps(p, a); }
static inline void v_stream_f16(uint16_t *p, V a) {
  _mm256_stream_si256((__m256i *)(void *)p, to_f16(a));
}
static inline void v_stream_bf16(uint16_t *p, V a) {
  _mm256_stream_si256((__m256i *)(void *)p, to_bf16(a));
}
static inline void v_fence(void) { _mm_sfence(); }
static inline V v_load_some(const float *p, unsigned m) { return _mm512_maskz_loadu_ps((VM)m, p); }
static inline V v_load_f16_some(const uint16_t *p, unsigned m) {
  return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16((VM)m, p));
}
static inline V v_load_bf16_some(const uint16_t *p, unsigned m) {
  return of_bf16(_mm256_maskz_loadu_epi16((VM)m, p));
}
static inline void v_store_some(float *p, V a, unsigned m) { _mm512_mask_storeu_ps(p, (VM)m, a); }
static inline void v_store_f16_some(uint16_t *p, V a, unsigned m) {
  _mm256_mask_storeu_epi16(p, (VM)m, to_f16(a));
}
static inline void v_store_bf16_some(uint16_t *p, V a, unsigned m) {
  _mm256_mask_storeu_epi16(p, (VM)m, to_bf16(a));
}
static inline V v_round_f16(V a) { return _mm512_cvtph_ps(to_f16(a)); }
static inline V v_round_bf16(V a) { return of_bf16(to_bf16(a)); }

/* 64 bytes that are 0 or not, as bits, and back. */
static inline uint64_t truth_load(const char *p) {
  __m512i v = _mm512_loadu_si512(p);
  return _mm512_test_epi8_mask(v, v);
}
static inline void truth_store(char *p, uint64_t m) {
  _mm512_storeu_si512(p, _mm512_maskz_set1_epi8(m, 1));
}

#include "device/cpu/vm.inc"
