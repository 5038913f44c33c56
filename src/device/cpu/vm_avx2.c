/* The tile machine on AVX2: a tile is eight registers. */
#include <immintrin.h>
#include <stdint.h>

enum { VL = 8 };
typedef __m256 V;
typedef int32_t VI __attribute__((vector_size(32)));
typedef uint32_t VU __attribute__((vector_size(32)));
typedef __m256 VM;

#define VM_STATE        1
#define VM_X            x0, x1, x2, x3, x4, x5, x6, x7
#define VM_X_PARAMETERS V x0, V x1, V x2, V x3, V x4, V x5, V x6, V x7
#define VM_X_PASSED     x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]
#define VM_X_ZERO       z, z, z, z, z, z, z, z
#define VM_X_UNUSED     x0, (void)x1, (void)x2, (void)x3, (void)x4, (void)x5, (void)x6, (void)x7
#define VM_FMA          1
#define MACHINE         vm_avx2

/* Lanes of 64 bits, and the tests of them as bits. */
typedef int64_t W __attribute__((vector_size(32), may_alias));
typedef uint64_t U __attribute__((vector_size(32), may_alias));
typedef double D __attribute__((vector_size(32), may_alias));
static inline unsigned w_bits(W m) { return (unsigned)_mm256_movemask_pd((__m256d)m); }

static inline V v_set(float a) { return _mm256_set1_ps(a); }
static inline float v_first(V a) { return _mm256_cvtss_f32(a); }
static inline V v_fma(V a, V b, V c) { return _mm256_fmadd_ps(a, b, c); }
static inline V v_min(V a, V b) { return _mm256_min_ps(a, b); } /* a < b ? a : b */
static inline V v_max(V a, V b) { return _mm256_max_ps(a, b); }
static inline V v_sqrt(V a) { return _mm256_sqrt_ps(a); }
static inline V v_abs(V a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
static inline V v_round(V a) {
  return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
static inline V v_floor(V a) {
  return _mm256_round_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}
static inline VI v_bits_of(V a) { return (VI)a; }
static inline V v_of_bits(VI a) { return (V)a; }
static inline VI v_to_int(V a) { return (VI)_mm256_cvtps_epi32(a); }
static inline V v_of_int(VI a) { return _mm256_cvtepi32_ps((__m256i)a); }
static inline V v_sign_from(V a, V s) {
  V sign = _mm256_set1_ps(-0.0f);
  return _mm256_or_ps(_mm256_andnot_ps(sign, a), _mm256_and_ps(sign, s));
}

/* a 2^k in two steps, so that subnormal results round once and the exponents stay in range. */
static inline V v_scale(V a, V k) {
  VI n = v_to_int(k), half = n >> 1;
  return a * v_of_bits((VI)((VU)(half + 127) << 23)) * v_of_bits((VI)((VU)(n - half + 127) << 23));
}

static inline VM v_lt(V a, V b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
static inline VM v_le(V a, V b) { return _mm256_cmp_ps(a, b, _CMP_LE_OQ); }
static inline VM v_eq(V a, V b) { return _mm256_cmp_ps(a, b, _CMP_EQ_OQ); }
static inline VM v_ne(V a, V b) { return _mm256_cmp_ps(a, b, _CMP_NEQ_UQ); }
static inline VM v_nan(V a) { return _mm256_cmp_ps(a, a, _CMP_UNORD_Q); }
static inline VM v_odd(VI a) { return (VM)(-(a & 1)); }
static inline V v_pick(VM m, V a, V b) { return _mm256_blendv_ps(b, a, m); }
static inline unsigned v_bits(VM m) { return (unsigned)_mm256_movemask_ps(m); }
static inline VM v_mask(unsigned bits) {
  __m256i one = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
  return (VM)_mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32((int)bits), one), one);
}

/* ---- memory: whole vectors, then the lanes of a mask only ---- */

#define HALVES(p) _mm_loadu_si128((const __m128i *)(const void *)(p))
static inline V of_bf16(__m128i h) { return (V)_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16); }

/* Rounds to the nearest bf16, ties to even; nan becomes quiet. */
static inline __m128i to_bf16(V a) {
  __m256i u = (__m256i)a, odd = _mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1));
  __m256i r = _mm256_add_epi32(u, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
  r = _mm256_blendv_epi8(r, _mm256_or_si256(u, _mm256_set1_epi32(0x400000)), (__m256i)v_nan(a));
  r = _mm256_srli_epi32(r, 16);
  return _mm_packus_epi32(_mm256_castsi256_si128(r), _mm256_extracti128_si256(r, 1));
}
static inline __m128i to_f16(V a) {
  return _mm256_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* Sixteen-bit elements have no masked moves here. */
static inline __m128i some_halves(const uint16_t *p, unsigned m) {
  uint16_t h[8] = {0};
  for (int l = 0; l < 8; l++)
    if (m >> l & 1) h[l] = p[l];
  return HALVES(h);
}
static inline void put_some_halves(uint16_t *p, __m128i v, unsigned m) {
  uint16_t h[8];
  _mm_storeu_si128((__m128i *)(void *)h, v);
  for (int l = 0; l < 8; l++)
    if (m >> l & 1) p[l] = h[l];
}

static inline V v_load(const float *p) { return _mm256_loadu_ps(p); }
static inline V v_load_f16(const uint16_t *p) { return _mm256_cvtph_ps(HALVES(p)); }
static inline V v_load_bf16(const uint16_t *p) { return of_bf16(HALVES(p)); }
static inline void v_store(float *p, V a) { _mm256_storeu_ps(p, a); }
static inline void v_store_f16(uint16_t *p, V a) {
  _mm_storeu_si128((__m128i *)(void *)p, to_f16(a));
}
static inline void v_store_bf16(uint16_t *p, V a) {
  _mm_storeu_si128((__m128i *)(void *)p, to_bf16(a));
}
static inline void v_stream(float *p, V a) { _mm256_stream_ps(p, a); }
static inline void v_stream_f16(uint16_t *p, V a) {
  _mm_stream_si128((__m128i *)(void *)p, to_f16(a));
}
static inline void v_stream_bf16(uint16_t *p, V a) {
  _mm_stream_si128((__m128i *)(void *)p, to_bf16(a));
}
static inline void v_fence(void) { _mm_sfence(); }
static inline V v_load_some(const float *p, unsigned m) {
  return _mm256_maskload_ps(p, (__m256i)v_mask(m));
}
static inline V v_load_f16_some(const uint16_t *p, unsigned m) {
  return _mm256_cvtph_ps(some_halves(p, m));
}
static inline V v_load_bf16_some(const uint16_t *p, unsigned m) {
  return of_bf16(some_halves(p, m));
}
static inline void v_store_some(float *p, V a, unsigned m) {
  _mm256_maskstore_ps(p, (__m256i)v_mask(m), a);
}
static inline void v_store_f16_some(uint16_t *p, V a, unsigned m) {
  put_some_halves(p, to_f16(a), m);
}
static inline void v_store_bf16_some(uint16_t *p, V a, unsigned m) {
  put_some_halves(p, to_bf16(a), m);
}
static inline V v_round_f16(V a) { return _mm256_cvtph_ps(to_f16(a)); }
static inline V v_round_bf16(V a) { return of_bf16(to_bf16(a)); }

/* 64 bytes that are 0 or not, as bits, and back. */
static inline uint64_t truth_load(const char *p) {
  uint64_t m = 0;
  for (int k = 0; k < 2; k++) {
    __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(p + 32 * k));
    m |= (uint64_t)(uint32_t)~_mm256_movemask_epi8(_mm256_cmpeq_epi8(v, _mm256_setzero_si256()))
         << (32 * k);
  }
  return m;
}
static inline void truth_store(char *p, uint64_t m) {
  for (int l = 0; l < 64; l++) p[l] = (char)(m >> l & 1);
}

#include "device/cpu/vm.inc"
