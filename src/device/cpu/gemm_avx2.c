/* gemm_avx2: sums live in 12 of the 16 vector registers: 6 rows by two vectors of columns. */
#include "device/cpu/gemm_kernels.h"

#if CPU_X86
#include <immintrin.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

enum {
  ROWS = 6,
  LANE = 8,                  /* f32 in a vector */
  WIDE = 4,                  /* f64 in a vector */
  AHEAD = 16,                /* rows of a packed panel to fetch early */
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
  }

INLINE int size_of(cpu_type type)
{
  return type == CPU_F32 ? 4 : 2;
}

INLINE __m256i first(int64_t n)
{
  __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n < LANE ? (int)n : LANE), lane);
}

/* Eight values widened; those from N on are zero and not read. */
INLINE __m256 load(cpu_type type, const char *at, int64_t n)
{
  if (type == CPU_F32)
    return n >= LANE ? _mm256_loadu_ps((const float *)(const void *)at)
                     : _mm256_maskload_ps((const float *)(const void *)at, first(n));
  __m128i half = _mm_setzero_si128();
  if (n >= LANE) half = _mm_loadu_si128((const __m128i *)(const void *)at);
  else memcpy(&half, at, (size_t)n * 2);
  if (type == CPU_F16) return _mm256_cvtph_ps(half);
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
}

/* ---- micro-kernels --------------------------------------------------------------------------- */

/* How far ahead to fetch B: some rows down a packed panel; in place, the next panel's same row. */
INLINE int64_t ahead(const gemm_tile *t, int panel)
{
  return t->b_depth == panel ? AHEAD * panel : panel;
}

INLINE void micro(const int rows, const int vectors, const bool exact, const gemm_tile *t)
{
  const int last = vectors - 1, some = exact ? t->cols - last * LANE : LANE;
  const int64_t a_row = t->a_row, a_depth = t->a_depth, step = t->b_depth;
  const int64_t fetch = ahead(t, 2 * LANE);
  const float *a[2] = { t->a, (const float *)t->a + 3 * a_row }, *b = t->b;
  float *c = t->c;
  __m256 sum[ROWS][2], y[2];
#pragma GCC unroll 6
  for (int i = 0; i < rows; i++)
    for (int v = 0; v < vectors; v++) sum[i][v] = _mm256_setzero_ps();
  for (int64_t k = t->k; k > 0; k--, b += step) {
    if (last) y[0] = _mm256_loadu_ps(b);
    y[last] = load(CPU_F32, (const char *)(b + last * LANE), some);
    _mm_prefetch((const char *)(b + fetch), _MM_HINT_T0);
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++) {
      __m256 x = _mm256_broadcast_ss(a[i / 3] + i % 3 * a_row);
      for (int v = 0; v < vectors; v++) sum[i][v] = _mm256_fmadd_ps(x, y[v], sum[i][v]);
    }
    a[0] += a_depth, a[1] += a_depth;
  }
  if (t->add)
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++)
      for (int v = 0; v < vectors; v++)
        sum[i][v] = _mm256_add_ps(sum[i][v], load(CPU_F32, (char *)(c + i * t->c_row + v * LANE),
                                                  v == last ? some : LANE));
#pragma GCC unroll 6
  for (int i = 0; i < rows; i++, c += t->c_row)
    for (int v = 0; v < vectors; v++)
      if (v == last && some < LANE) _mm256_maskstore_ps(c + v * LANE, first(some), sum[i][v]);
      else _mm256_storeu_ps(c + v * LANE, sum[i][v]);
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

INLINE __m256i first_wide(int64_t n)
{
  return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
}

INLINE __m256d load_wide(const double *at, int64_t n)
{
  return n >= WIDE ? _mm256_loadu_pd(at) : _mm256_maskload_pd(at, first_wide(n));
}

INLINE void wide(const int rows, const int vectors, const bool exact, const gemm_tile *t)
{
  const int last = vectors - 1, some = exact ? t->cols - last * WIDE : WIDE;
  const int64_t a_row = t->a_row, a_depth = t->a_depth, step = t->b_depth;
  const int64_t fetch = ahead(t, 2 * WIDE);
  const double *a[2] = { t->a, (const double *)t->a + 3 * a_row }, *b = t->b;
  double *c = t->c;
  __m256d sum[ROWS][2], y[2];
#pragma GCC unroll 6
  for (int i = 0; i < rows; i++)
    for (int v = 0; v < vectors; v++) sum[i][v] = _mm256_setzero_pd();
  for (int64_t k = t->k; k > 0; k--, b += step) {
    if (last) y[0] = _mm256_loadu_pd(b);
    y[last] = load_wide(b + last * WIDE, some);
    _mm_prefetch((const char *)(b + fetch), _MM_HINT_T0);
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++) {
      __m256d x = _mm256_broadcast_sd(a[i / 3] + i % 3 * a_row);
      for (int v = 0; v < vectors; v++) sum[i][v] = _mm256_fmadd_pd(x, y[v], sum[i][v]);
    }
    a[0] += a_depth, a[1] += a_depth;
  }
  if (t->add)
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++)
      for (int v = 0; v < vectors; v++)
        sum[i][v] = _mm256_add_pd(sum[i][v], load_wide(c + i * t->c_row + v * WIDE,
                                                       v == last ? some : WIDE));
#pragma GCC unroll 6
  for (int i = 0; i < rows; i++, c += t->c_row)
    for (int v = 0; v < vectors; v++)
      if (v == last && some < WIDE) _mm256_maskstore_pd(c + v * WIDE, first_wide(some), sum[i][v]);
      else _mm256_storeu_pd(c + v * WIDE, sum[i][v]);
}

static void micro_f64(const gemm_tile *t)
{
#define ONE_WIDE(r) wide(r, 1, false, t)
#define TWO_WIDE(r) wide(r, 2, false, t)
#define ONE_WIDE_EXACT(r) wide(r, 1, true, t)
#define TWO_WIDE_EXACT(r) wide(r, 2, true, t)
  if (!t->exact || t->cols == 2 * WIDE) {
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
      _mm256_storeu_ps(panel + d * ld + i, load(type, row + i * size_of(type), lanes - i));
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

/* 4 x 4 within 128-bit halves first, then the halves. */
INLINE void transpose(__m256 r[LANE])
{
  __m256 t[LANE];
#pragma GCC unroll 8
  for (int i = 0; i < LANE; i += 2) {
    t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
#pragma GCC unroll 8
  for (int i = 0; i < LANE; i += 4) {
    r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
    r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
#pragma GCC unroll 8
  for (int i = 0; i < 4; i++) {
    t[i] = _mm256_permute2f128_ps(r[i], r[i + 4], 0x20);
    t[i + 4] = _mm256_permute2f128_ps(r[i], r[i + 4], 0x31);
  }
#pragma GCC unroll 8
  for (int i = 0; i < LANE; i++) r[i] = t[i];
}

/* Strips are narrower than a vector: a row's store spills into the next, which is stored later. */
INLINE void depth_of(const cpu_type type, float *panel, int ld, const char *const row[LANE],
                     int lanes, int64_t k)
{
  for (int64_t d = 0; d < k; d += LANE) {
    __m256 r[LANE];
#pragma GCC unroll 8
    for (int i = 0; i < LANE; i++)
      r[i] = i < lanes ? load(type, row[i] + d * size_of(type), k - d) : _mm256_setzero_ps();
    transpose(r);
#pragma GCC unroll 8
    for (int i = 0; i < LANE; i++)
      if (d + i < k) _mm256_storeu_ps(panel + (d + i) * ld, r[i]);
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
    int64_t some = t->n - j < LANE ? t->n - j : LANE;
    __m256 sum[GEMM_THIN];
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
      sum[i] = load(CPU_F32, (const char *)(t->y + i * t->y_row + j), some);
#pragma GCC unroll 8
    for (int d = 0; d < deep; d++) {
      __m256 y = load(type, b + (d * t->ldb + j) * size_of(type), some);
#pragma GCC unroll 8
      for (int i = 0; i < rows; i++)
        sum[i] = _mm256_fmadd_ps(_mm256_broadcast_ss(x + i * t->x_row + d), y, sum[i]);
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
      if (some == LANE) _mm256_storeu_ps(t->y + i * t->y_row + j, sum[i]);
      else _mm256_maskstore_ps(t->y + i * t->y_row + j, first(some), sum[i]);
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

INLINE float total(__m256 sum)
{
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

/* LINES columns of B, from column J on, with all rows of x. */
INLINE void dot_lines(const int rows, const int lines, const cpu_type type, const gemm_thin *t,
                      int64_t j)
{
  const char *b = (const char *)t->b + j * t->ldb * size_of(type);
  __m256 sum[GEMM_THIN][4], y[4];
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++)
    for (int l = 0; l < lines; l++) sum[i][l] = _mm256_setzero_ps();
  for (int64_t k = 0; k < t->k; k += LANE) {
    int64_t some = t->k - k < LANE ? t->k - k : LANE;
#pragma GCC unroll 4
    for (int l = 0; l < lines; l++)
      y[l] = load(type, b + (l * t->ldb + k) * size_of(type), some);
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
      __m256 x = load(CPU_F32, (const char *)(t->x + i * t->x_row + k), some);
#pragma GCC unroll 4
      for (int l = 0; l < lines; l++) sum[i][l] = _mm256_fmadd_ps(x, y[l], sum[i][l]);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++)
    for (int l = 0; l < lines; l++)
      t->y[i * t->y_row + j + l] += total(sum[i][l]);
}

INLINE void dot_of(const int rows, const cpu_type type, const gemm_thin *t)
{
  const int lines = rows < 4 ? 4 : 8 / rows;
  int64_t j = 0;
  for (; j + lines <= t->n; j += lines) dot_lines(rows, lines, type, t, j);
  for (; j < t->n; j++) dot_lines(rows, 1, type, t, j);
}

static void dot(const gemm_thin *t)
{
  SWITCH_THIN(t, dot_of)
}

const gemm_kernels gemm_avx2_f32 = {
  .type = CPU_F32, .size = 4, .rows = ROWS, .cols = 2 * LANE,
  .micro = micro_f32, .pack_lanes = pack_lanes, .pack_depth = pack_depth,
  .axpy = axpy, .dot = dot,
};

const gemm_kernels gemm_avx2_f64 = {
  .type = CPU_F64, .size = 8, .rows = ROWS, .cols = 2 * WIDE,
  .micro = micro_f64,
  .pack_lanes = gemm_plain_lanes_f64, .pack_depth = gemm_plain_depth_f64,
};

#endif
