/* gemm_avx512: sums live in 28 of the 32 vector registers: 14 rows by two vectors of columns. */
#include "device/cpu/gemm_kernels.h"

#if CPU_X86
#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

enum {
  ROWS = 14,
  LANE = 16,                 /* f32 in a vector */
  WIDE = 8,                  /* f64 in a vector */
  THIRDS = (ROWS + 2) / 3,
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

INLINE __mmask16 first(int64_t n)
{
  return (__mmask16)(n >= LANE ? 0xffff : (1u << n) - 1);
}

INLINE int size_of(cpu_type type)
{
  return type == CPU_F32 ? 4 : 2;
}

/* Sixteen values widened; those outside MASK are zero and not read. */
INLINE __m512 load(cpu_type type, const char *at, __mmask16 mask)
{
  if (type == CPU_F32) return _mm512_maskz_loadu_ps(mask, at);
  __m256i half = _mm256_maskz_loadu_epi16(mask, at);
  if (type == CPU_F16) return _mm512_cvtph_ps(half);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

/* ---- micro-kernels --------------------------------------------------------------------------- */

/* How far ahead to fetch B: some rows down a packed panel; in place, the next panel's same row. */
INLINE int64_t ahead(const gemm_tile *t, int panel)
{
  return t->b_depth == panel ? AHEAD * panel : panel;
}

/* Rows of A are reached from every third: a base, one or two distances on. */
INLINE void micro(const int rows, const int vectors, const bool exact, const gemm_tile *t)
{
  const int last = vectors - 1;
  const __mmask16 mask = exact ? first(t->cols - last * LANE) : 0xffff;
  const int64_t a_row = t->a_row, a_depth = t->a_depth, step = t->b_depth;
  const int64_t fetch = ahead(t, 2 * LANE);
  const float *a[THIRDS], *b = t->b;
  float *c = t->c;
  __m512 sum[ROWS][2], y[2];
#pragma GCC unroll 14
  for (int i = 0; i < rows; i += 3) a[i / 3] = (const float *)t->a + i * a_row;
#pragma GCC unroll 14
  for (int i = 0; i < rows; i++)
    for (int v = 0; v < vectors; v++) {
      sum[i][v] = _mm512_setzero_ps();
      _mm_prefetch((const char *)(c + i * t->c_row + v * LANE), _MM_HINT_T0);
    }
  for (int64_t k = t->k; k > 0; k--, b += step) {
    if (last) y[0] = _mm512_loadu_ps(b);
    y[last] = exact ? _mm512_maskz_loadu_ps(mask, b + last * LANE)
                    : _mm512_loadu_ps(b + last * LANE);
    for (int v = 0; v < vectors; v++)
      _mm_prefetch((const char *)(b + fetch + v * LANE), _MM_HINT_T0);
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++) {
      __m512 x = _mm512_set1_ps(a[i / 3][i % 3 * a_row]);
      for (int v = 0; v < vectors; v++) sum[i][v] = _mm512_fmadd_ps(x, y[v], sum[i][v]);
    }
#pragma GCC unroll 14
    for (int i = 0; i < rows; i += 3) a[i / 3] += a_depth;
  }
  if (t->add)
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++)
      for (int v = 0; v < vectors; v++)
        sum[i][v] = _mm512_add_ps(sum[i][v], _mm512_maskz_loadu_ps(v == last ? mask : 0xffff,
                                                                   c + i * t->c_row + v * LANE));
#pragma GCC unroll 14
  for (int i = 0; i < rows; i++, c += t->c_row)
    for (int v = 0; v < vectors; v++)
      if (exact && v == last) _mm512_mask_storeu_ps(c + v * LANE, mask, sum[i][v]);
      else _mm512_storeu_ps(c + v * LANE, sum[i][v]);
}

static void micro_f32(const gemm_tile *t)
{
#define ONE(r) micro(r, 1, false, t)
#define TWO(r) micro(r, 2, false, t)
#define ONE_EXACT(r) micro(r, 1, true, t)
#define TWO_EXACT(r) micro(r, 2, true, t)
  if (!t->exact || t->cols == 2 * LANE) {
    if (t->cols > LANE) SWITCH_ROWS(t->rows, TWO)
    else SWITCH_ROWS(t->rows, ONE)
  } else {
    if (t->cols > LANE) SWITCH_ROWS(t->rows, TWO_EXACT)
    else SWITCH_ROWS(t->rows, ONE_EXACT)
  }
}

INLINE void wide(const int rows, const int vectors, const bool exact, const gemm_tile *t)
{
  const int last = vectors - 1;
  const __mmask8 mask = (__mmask8)(exact ? first(t->cols - last * WIDE) & 0xff : 0xff);
  const int64_t a_row = t->a_row, a_depth = t->a_depth, step = t->b_depth;
  const int64_t fetch = ahead(t, 2 * WIDE);
  const double *a[THIRDS], *b = t->b;
  double *c = t->c;
  __m512d sum[ROWS][2], y[2];
#pragma GCC unroll 14
  for (int i = 0; i < rows; i += 3) a[i / 3] = (const double *)t->a + i * a_row;
#pragma GCC unroll 14
  for (int i = 0; i < rows; i++)
    for (int v = 0; v < vectors; v++) {
      sum[i][v] = _mm512_setzero_pd();
      _mm_prefetch((const char *)(c + i * t->c_row + v * WIDE), _MM_HINT_T0);
    }
  for (int64_t k = t->k; k > 0; k--, b += step) {
    if (last) y[0] = _mm512_loadu_pd(b);
    y[last] = exact ? _mm512_maskz_loadu_pd(mask, b + last * WIDE)
                    : _mm512_loadu_pd(b + last * WIDE);
    for (int v = 0; v < vectors; v++)
      _mm_prefetch((const char *)(b + fetch + v * WIDE), _MM_HINT_T0);
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++) {
      __m512d x = _mm512_set1_pd(a[i / 3][i % 3 * a_row]);
      for (int v = 0; v < vectors; v++) sum[i][v] = _mm512_fmadd_pd(x, y[v], sum[i][v]);
    }
#pragma GCC unroll 14
    for (int i = 0; i < rows; i += 3) a[i / 3] += a_depth;
  }
  if (t->add)
#pragma GCC unroll 14
    for (int i = 0; i < rows; i++)
      for (int v = 0; v < vectors; v++)
        sum[i][v] = _mm512_add_pd(sum[i][v], _mm512_maskz_loadu_pd(v == last ? mask : 0xff,
                                                                   c + i * t->c_row + v * WIDE));
#pragma GCC unroll 14
  for (int i = 0; i < rows; i++, c += t->c_row)
    for (int v = 0; v < vectors; v++)
      if (exact && v == last) _mm512_mask_storeu_pd(c + v * WIDE, mask, sum[i][v]);
      else _mm512_storeu_pd(c + v * WIDE, sum[i][v]);
}

static void micro_f64(const gemm_tile *t)
{
#define ONE_WIDE(r) wide(r, 1, false, t)
#define TWO_WIDE(r) wide(r, 2, false, t)
#define ONE_WIDE_EXACT(r) wide(r, 1, true, t)
#define TWO_WIDE_EXACT(r) wide(r, 2, true, t)
  if (!t->exact) {
    if (t->cols > WIDE) SWITCH_ROWS(t->rows, TWO_WIDE)
    else SWITCH_ROWS(t->rows, ONE_WIDE)
  } else {
    if (t->cols > WIDE) SWITCH_ROWS(t->rows, TWO_WIDE_EXACT)
    else SWITCH_ROWS(t->rows, ONE_WIDE_EXACT)
  }
}

/* ---- packing --------------------------------------------------------------------------------- */

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

/* Strips are narrower than a vector: a row's store spills into the next, which is stored later. */
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

/* ---- a few rows, at the speed of memory ------------------------------------------------------ */

/* F(rows, type) for the heights and types a thin product may have. */
#define SWITCH_THIN(t, F)                                                                        \
  switch ((t)->rows) {                                                                           \
    case 1: SWITCH_TYPE(t, F, 1); break;                                                         \
    case 2: SWITCH_TYPE(t, F, 2); break;                                                         \
    case 4: SWITCH_TYPE(t, F, 4); break;                                                         \
    case 8: SWITCH_TYPE(t, F, 8); break;                                                         \
  }
#define SWITCH_TYPE(t, F, rows)                                                                  \
  if ((t)->b_type == CPU_F32) F(rows, CPU_F32, t);                                               \
  else if ((t)->b_type == CPU_F16) F(rows, CPU_F16, t);                                          \
  else F(rows, CPU_BF16, t)

/* DEEP rows of B, from row K on, into all of y. */
INLINE void axpy_rows(const int rows, const int deep, const cpu_type type, const gemm_thin *t,
                      int64_t k)
{
  const char *b = (const char *)t->b + k * t->ldb * size_of(type);
  const float *x = t->x + k;
  for (int64_t j = 0; j < t->n; j += LANE) {
    __mmask16 mask = first(t->n - j);
    __m512 sum[GEMM_THIN];
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) sum[i] = _mm512_maskz_loadu_ps(mask, t->y + i * t->y_row + j);
#pragma GCC unroll 8
    for (int d = 0; d < deep; d++) {
      __m512 y = load(type, b + (d * t->ldb + j) * size_of(type), mask);
#pragma GCC unroll 8
      for (int i = 0; i < rows; i++)
        sum[i] = _mm512_fmadd_ps(_mm512_set1_ps(x[i * t->x_row + d]), y, sum[i]);
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) _mm512_mask_storeu_ps(t->y + i * t->y_row + j, mask, sum[i]);
  }
}

INLINE void axpy_of(const int rows, const cpu_type type, const gemm_thin *t)
{
  int64_t k = 0;
  for (; k + 8 <= t->k; k += 8) axpy_rows(rows, 8, type, t, k);
  for (; k < t->k; k++) axpy_rows(rows, 1, type, t, k);
}

static void axpy(const gemm_thin *t)
{
  SWITCH_THIN(t, axpy_of)
}

/* LINES columns of B, from column J on, with all rows of x. */
INLINE void dot_lines(const int rows, const int lines, const cpu_type type, const gemm_thin *t,
                      int64_t j)
{
  const char *b = (const char *)t->b + j * t->ldb * size_of(type);
  __m512 sum[GEMM_THIN][4], y[4];
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++)
    for (int l = 0; l < lines; l++) sum[i][l] = _mm512_setzero_ps();
  for (int64_t k = 0; k < t->k; k += LANE) {
    __mmask16 mask = first(t->k - k);
#pragma GCC unroll 4
    for (int l = 0; l < lines; l++)
      y[l] = load(type, b + (l * t->ldb + k) * size_of(type), mask);
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
      __m512 x = _mm512_maskz_loadu_ps(mask, t->x + i * t->x_row + k);
#pragma GCC unroll 4
      for (int l = 0; l < lines; l++) sum[i][l] = _mm512_fmadd_ps(x, y[l], sum[i][l]);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++)
    for (int l = 0; l < lines; l++)
      t->y[i * t->y_row + j + l] += _mm512_reduce_add_ps(sum[i][l]);
}

INLINE void dot_of(const int rows, const cpu_type type, const gemm_thin *t)
{
  const int lines = rows < 8 ? 4 : 2;
  int64_t j = 0;
  for (; j + lines <= t->n; j += lines) dot_lines(rows, lines, type, t, j);
  for (; j < t->n; j++) dot_lines(rows, 1, type, t, j);
}

static void dot(const gemm_thin *t)
{
  SWITCH_THIN(t, dot_of)
}

const gemm_kernels gemm_avx512_f32 = {
  .type = CPU_F32, .size = 4, .rows = ROWS, .cols = 2 * LANE,
  .micro = micro_f32, .pack_lanes = pack_lanes, .pack_depth = pack_depth,
  .axpy = axpy, .dot = dot,
};

const gemm_kernels gemm_avx512_f64 = {
  .type = CPU_F64, .size = 8, .rows = ROWS, .cols = 2 * WIDE,
  .micro = micro_f64,
  .pack_lanes = gemm_plain_lanes_f64, .pack_depth = gemm_plain_depth_f64,
};

#endif
