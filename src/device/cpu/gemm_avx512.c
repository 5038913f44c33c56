/* gemm_avx512: sums live in 28 of the 32 vector registers: 14 rows by two vectors of columns. */
#include "device/cpu/gemm_kernels.h"

#if CPU_X86
#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

enum {
  ROWS = 14,
  LANE = 16,                 /* f32 in a vector */
  WIDE = 8,                  /* f64 in a vector */
  AHEAD = 8,                 /* rows of a packed panel to fetch early */
};

/* F(rows) for each possible height of a strip, so that every height has loops of known length. */
#define SWITCH_ROWS(rows, F)                                                                     \
  switch (rows) {                                                                                \
    case 1: F(1); break;                                                                         \
    case 2: F(2); break;                                                                         \
    case 3: F(3); break;                                                                         \
    case 4: F(4); break;                                                                         \
    case 5: F(5); break;                                                                         \
    case 6: F(6); break;                                                                         \
    case 7: F(7); break;                                                                         \
    case 8: F(8); break;                                                                         \
    case 9: F(9); break;                                                                         \
    case 10: F(10); break;                                                                       \
    case 11: F(11); break;                                                                       \
    case 12: F(12); break;                                                                       \
    case 13: F(13); break;                                                                       \
    case 14: F(14); break;                                                                       \
  }

/* Sixteen values widened; those outside MASK are zero and not read. */
INLINE __m512 load(cpu_type type, const char *at, __mmask16 mask)
{
  if (type == CPU_F32)
    return mask == 0xffff ? _mm512_loadu_ps(at) : _mm512_maskz_loadu_ps(mask, at);
  __m256i half = mask == 0xffff ? _mm256_loadu_si256((const __m256i *)(const void *)at)
                                : _mm256_maskz_loadu_epi16(mask, at);
  if (type == CPU_F16) return _mm512_cvtph_ps(half);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

INLINE __mmask16 first(int64_t n)
{
  return (__mmask16)(n >= LANE ? 0xffff : (1u << n) - 1);
}

INLINE int size_of(cpu_type type)
{
  return type == CPU_F32 ? 4 : 2;
}

/* ---- micro-kernels ---------------------------------------------------------------------------- */

INLINE void micro(const int rows, const int vectors, const cpu_type type, int64_t k, const float *a,
                  const char *b, int64_t step, int64_t ahead, float *c, int64_t ldc, bool add)
{
  __m512 sum[ROWS][2], y[2];
#pragma GCC unroll 14
  for (int i = 0; i < rows; i++)
    for (int v = 0; v < vectors; v++)
      sum[i][v] = add ? _mm512_loadu_ps(c + i * ldc + v * LANE) : _mm512_setzero_ps();
  for (; k > 0; k--, a += rows, b += step) {
    for (int v = 0; v < vectors; v++) y[v] = load(type, b + v * LANE * size_of(type), 0xffff);
    _mm_prefetch(b + ahead, _MM_HINT_T0);
    if (type == CPU_F32 && vectors == 2) _mm_prefetch(b + ahead + 64, _MM_HINT_T0);
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++) {
      __m512 x = _mm512_set1_ps(a[i]);
      for (int v = 0; v < vectors; v++) sum[i][v] = _mm512_fmadd_ps(x, y[v], sum[i][v]);
    }
  }
#pragma GCC unroll 14
  for (int i = 0; i < rows; i++)
    for (int v = 0; v < vectors; v++) _mm512_storeu_ps(c + i * ldc + v * LANE, sum[i][v]);
}

static void micro_f32(int rows, int cols, int64_t k, const void *a, const void *b, void *c,
                      int64_t ldc, bool add)
{
  enum { STEP = 2 * LANE * 4 };
#define ONE(r) micro(r, 1, CPU_F32, k, a, b, STEP, AHEAD * STEP, c, ldc, add)
#define TWO(r) micro(r, 2, CPU_F32, k, a, b, STEP, AHEAD * STEP, c, ldc, add)
  if (cols <= LANE) SWITCH_ROWS(rows, ONE)
  else SWITCH_ROWS(rows, TWO)
#undef ONE
#undef TWO
}

/* In place, what will be needed next is the same rows of the next panel. */
static void direct(cpu_type type, int rows, int64_t k, const void *a, const void *b, int64_t ldb,
                   void *c, int64_t ldc, bool add)
{
#define F32(r) micro(r, 2, CPU_F32, k, a, b, ldb * 4, 2 * LANE * 4, c, ldc, add)
#define F16(r) micro(r, 2, CPU_F16, k, a, b, ldb * 2, 2 * LANE * 2, c, ldc, add)
#define BF16(r) micro(r, 2, CPU_BF16, k, a, b, ldb * 2, 2 * LANE * 2, c, ldc, add)
  if (type == CPU_F32) SWITCH_ROWS(rows, F32)
  else if (type == CPU_F16) SWITCH_ROWS(rows, F16)
  else SWITCH_ROWS(rows, BF16)
#undef F32
#undef F16
#undef BF16
}

INLINE void wide(const int rows, const int vectors, int64_t k, const double *a, const double *b,
                 double *c, int64_t ldc, bool add)
{
  __m512d sum[ROWS][2], y[2];
#pragma GCC unroll 14
  for (int i = 0; i < rows; i++)
    for (int v = 0; v < vectors; v++)
      sum[i][v] = add ? _mm512_loadu_pd(c + i * ldc + v * WIDE) : _mm512_setzero_pd();
  for (; k > 0; k--, a += rows, b += 2 * WIDE) {
    for (int v = 0; v < vectors; v++) {
      y[v] = _mm512_loadu_pd(b + v * WIDE);
      _mm_prefetch(b + AHEAD * 2 * WIDE + v * WIDE, _MM_HINT_T0);
    }
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++) {
      __m512d x = _mm512_set1_pd(a[i]);
      for (int v = 0; v < vectors; v++) sum[i][v] = _mm512_fmadd_pd(x, y[v], sum[i][v]);
    }
  }
#pragma GCC unroll 14
  for (int i = 0; i < rows; i++)
    for (int v = 0; v < vectors; v++) _mm512_storeu_pd(c + i * ldc + v * WIDE, sum[i][v]);
}

static void micro_f64(int rows, int cols, int64_t k, const void *a, const void *b, void *c,
                      int64_t ldc, bool add)
{
#define ONE(r) wide(r, 1, k, a, b, c, ldc, add)
#define TWO(r) wide(r, 2, k, a, b, c, ldc, add)
  if (cols <= WIDE) SWITCH_ROWS(rows, ONE)
  else SWITCH_ROWS(rows, TWO)
#undef ONE
#undef TWO
}

/* ---- packing ---------------------------------------------------------------------------------- */

INLINE void lanes_of(const cpu_type type, float *panel, int ld, const char *at, int lanes,
                     const cpu_axis *depth, int64_t start, int64_t k)
{
  for (int64_t d = 0; d < k; d++) {
    const char *row = at + gemm_offset(depth, start + d) * size_of(type);
    for (int i = 0; i < lanes; i += LANE)
      _mm512_storeu_ps(panel + d * ld + i, load(type, row + i * size_of(type), first(lanes - i)));
  }
}

static void pack_lanes(cpu_type type, void *panel, int ld, const void *at, int lanes,
                       const cpu_axis *depth, int64_t start, int64_t k)
{
  switch (type) {
    case CPU_F16: lanes_of(CPU_F16, panel, ld, at, lanes, depth, start, k); break;
    case CPU_BF16: lanes_of(CPU_BF16, panel, ld, at, lanes, depth, start, k); break;
    case CPU_F32: lanes_of(CPU_F32, panel, ld, at, lanes, depth, start, k); break;
    case CPU_F64: gemm_plain_lanes_f32(type, panel, ld, at, lanes, depth, start, k); break;
  }
}

INLINE __m512 low_pairs(__m512 a, __m512 b)
{
  return _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
}

INLINE __m512 high_pairs(__m512 a, __m512 b)
{
  return _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
}

/* 4 x 4 within 128-bit quarters first, then the quarters. */
INLINE void transpose(__m512 r[LANE])
{
  __m512 t[LANE];
#pragma GCC unroll 16
  for (int i = 0; i < LANE; i += 2) {
    t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
  }
#pragma GCC unroll 16
  for (int i = 0; i < LANE; i += 4) {
    r[i] = low_pairs(t[i], t[i + 2]);
    r[i + 1] = high_pairs(t[i], t[i + 2]);
    r[i + 2] = low_pairs(t[i + 1], t[i + 3]);
    r[i + 3] = high_pairs(t[i + 1], t[i + 3]);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 4; i++) {
    t[i] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_f32x4(r[i], r[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_f32x4(r[i + 8], r[i + 12], 0xdd);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 4; i++) {
    r[i] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0x88);
    r[i + 4] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0x88);
    r[i + 8] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0xdd);
    r[i + 12] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0xdd);
  }
}

/* Strips are narrower than a vector, so a row's store spills into the next, which is stored later. */
INLINE void depth_of(const cpu_type type, float *panel, int ld, const char *const row[LANE],
                     int lanes, int64_t k)
{
  for (int64_t d = 0; d < k; d += LANE) {
    __mmask16 mask = first(k - d);
    __m512 r[LANE];
#pragma GCC unroll 16
    for (int i = 0; i < LANE; i++)
      r[i] = i < lanes ? load(type, row[i] + d * size_of(type), mask) : _mm512_setzero_ps();
    transpose(r);
    if (mask == 0xffff) {
#pragma GCC unroll 16
      for (int i = 0; i < LANE; i++) _mm512_storeu_ps(panel + (d + i) * ld, r[i]);
    } else {
#pragma GCC unroll 16
      for (int i = 0; i < LANE; i++)
        if (d + i < k) _mm512_storeu_ps(panel + (d + i) * ld, r[i]);
    }
  }
}

static void pack_depth(cpu_type type, void *panel, int ld, const void *at, int lanes,
                       const cpu_axis *lane, int64_t start, int64_t k)
{
  if (type == CPU_F64) {
    gemm_plain_depth_f32(type, panel, ld, at, lanes, lane, start, k);
    return;
  }
  for (int g = 0; g < lanes; g += LANE) {
    int n = lanes - g < LANE ? lanes - g : LANE;
    const char *row[LANE] = { 0 };
    for (int i = 0; i < n; i++)
      row[i] = (const char *)at + gemm_offset(lane, start + g + i) * size_of(type);
    float *to = (float *)panel + g;
    if (type == CPU_F32) depth_of(CPU_F32, to, ld, row, n, k);
    else if (type == CPU_F16) depth_of(CPU_F16, to, ld, row, n, k);
    else depth_of(CPU_BF16, to, ld, row, n, k);
  }
}

/* ---- one row, at the speed of memory ----------------------------------------------------------- */

INLINE void axpy_rows(const int rows, const cpu_type type, int64_t n, const float *x, const char *b,
                      int64_t step, float *y)
{
  __m512 s[8];
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++) s[i] = _mm512_set1_ps(x[i]);
  for (int64_t j = 0; j < n; j += LANE) {
    __mmask16 mask = first(n - j);
    __m512 sum = _mm512_maskz_loadu_ps(mask, y + j);
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
      sum = _mm512_fmadd_ps(s[i], load(type, b + i * step + j * size_of(type), mask), sum);
    _mm512_mask_storeu_ps(y + j, mask, sum);
  }
}

INLINE void axpy_of(const cpu_type type, int64_t n, int64_t k, const float *x, const char *b,
                    int64_t ldb, float *y)
{
  int64_t step = ldb * size_of(type);
  for (; k >= 8; k -= 8, x += 8, b += 8 * step) axpy_rows(8, type, n, x, b, step, y);
  for (; k > 0; k--, x++, b += step) axpy_rows(1, type, n, x, b, step, y);
}

static void axpy(cpu_type type, int64_t n, int64_t k, const float *x, const void *b, int64_t ldb,
                 float *y)
{
  if (type == CPU_F32) axpy_of(CPU_F32, n, k, x, b, ldb, y);
  else if (type == CPU_F16) axpy_of(CPU_F16, n, k, x, b, ldb, y);
  else axpy_of(CPU_BF16, n, k, x, b, ldb, y);
}

INLINE void dot_lines(const int lines, const cpu_type type, int64_t k, const float *x, const char *b,
                      int64_t step, float *y)
{
  __m512 sum[4];
#pragma GCC unroll 4
  for (int i = 0; i < lines; i++) sum[i] = _mm512_setzero_ps();
  for (int64_t d = 0; d < k; d += LANE) {
    __mmask16 mask = first(k - d);
    __m512 s = load(CPU_F32, (const char *)(x + d), mask);
#pragma GCC unroll 4
    for (int i = 0; i < lines; i++)
      sum[i] = _mm512_fmadd_ps(s, load(type, b + i * step + d * size_of(type), mask), sum[i]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < lines; i++) y[i] += _mm512_reduce_add_ps(sum[i]);
}

INLINE void dot_of(const cpu_type type, int64_t n, int64_t k, const float *x, const char *b,
                   int64_t ldb, float *y)
{
  int64_t step = ldb * size_of(type);
  for (; n >= 4; n -= 4, y += 4, b += 4 * step) dot_lines(4, type, k, x, b, step, y);
  for (; n > 0; n--, y++, b += step) dot_lines(1, type, k, x, b, step, y);
}

static void dot(cpu_type type, int64_t n, int64_t k, const float *x, const void *b, int64_t ldb,
                float *y)
{
  if (type == CPU_F32) dot_of(CPU_F32, n, k, x, b, ldb, y);
  else if (type == CPU_F16) dot_of(CPU_F16, n, k, x, b, ldb, y);
  else dot_of(CPU_BF16, n, k, x, b, ldb, y);
}

const gemm_kernels gemm_avx512_f32 = {
  .type = CPU_F32, .size = 4, .rows = ROWS, .cols = 2 * LANE,
  .micro = micro_f32, .direct = direct, .pack_lanes = pack_lanes, .pack_depth = pack_depth,
  .axpy = axpy, .dot = dot,
};

const gemm_kernels gemm_avx512_f64 = {
  .type = CPU_F64, .size = 8, .rows = ROWS, .cols = 2 * WIDE,
  .micro = micro_f64,
  .pack_lanes = gemm_plain_lanes_f64, .pack_depth = gemm_plain_depth_f64,
};

#endif
