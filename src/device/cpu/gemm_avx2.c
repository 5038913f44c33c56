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

/* ---- micro-kernels ---------------------------------------------------------------------------- */

/* How far ahead to fetch B: some rows down a packed panel; in place, the next panel's same row. */
INLINE int64_t ahead(const gemm_tile *t, int panel, int size)
{
  return t->exact ? panel * size : AHEAD * t->b_depth * size;
}

INLINE void micro(const int rows, const int vectors, const bool exact, const cpu_type type,
                  const gemm_tile *t)
{
  const int last = vectors - 1, some = exact ? t->cols - last * LANE : LANE;
  const int64_t a_row = t->a_row, a_depth = t->a_depth, step = t->b_depth * size_of(type);
  const int64_t fetch = ahead(t, 2 * LANE, size_of(type));
  const char *b = t->b;
  const float *a[2] = { t->a, (const float *)t->a + 3 * a_row };
  float *c = t->c;
  __m256 sum[ROWS][2], y[2];
#pragma GCC unroll 6
  for (int i = 0; i < rows; i++)
    for (int v = 0; v < vectors; v++) sum[i][v] = _mm256_setzero_ps();
  for (int64_t k = t->k; k > 0; k--, b += step) {
    if (last) y[0] = load(type, b, LANE);
    y[last] = load(type, b + last * LANE * size_of(type), some);
    _mm_prefetch(b + fetch, _MM_HINT_T0);
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
#define ONE(r) micro(r, 1, false, CPU_F32, t)
#define TWO(r) micro(r, 2, false, CPU_F32, t)
#define ONE_EXACT(r) micro(r, 1, true, CPU_F32, t)
#define TWO_EXACT(r) micro(r, 2, true, CPU_F32, t)
#define ONE_F16(r) micro(r, 1, true, CPU_F16, t)
#define TWO_F16(r) micro(r, 2, true, CPU_F16, t)
#define ONE_BF16(r) micro(r, 1, true, CPU_BF16, t)
#define TWO_BF16(r) micro(r, 2, true, CPU_BF16, t)
  if (t->b_type == CPU_F32 && (!t->exact || t->cols == 2 * LANE)) {
    if (t->cols > LANE) SWITCH_ROWS(t->rows, TWO)
    else SWITCH_ROWS(t->rows, ONE)
  } else if (t->b_type == CPU_F32) {
    if (t->cols > LANE) SWITCH_ROWS(t->rows, TWO_EXACT)
    else SWITCH_ROWS(t->rows, ONE_EXACT)
  } else if (t->b_type == CPU_F16) {
    if (t->cols > LANE) SWITCH_ROWS(t->rows, TWO_F16)
    else SWITCH_ROWS(t->rows, ONE_F16)
  } else {
    if (t->cols > LANE) SWITCH_ROWS(t->rows, TWO_BF16)
    else SWITCH_ROWS(t->rows, ONE_BF16)
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
  const int64_t fetch = ahead(t, 2 * WIDE, 8);
  const double *a[2] = { t->a, (const double *)t->a + 3 * a_row }, *b = t->b;
  double *c = t->c;
  __m256d sum[ROWS][2], y[2];
#pragma GCC unroll 6
  for (int i = 0; i < rows; i++)
    for (int v = 0; v < vectors; v++) sum[i][v] = _mm256_setzero_pd();
  for (int64_t k = t->k; k > 0; k--, b += step) {
    if (last) y[0] = _mm256_loadu_pd(b);
    y[last] = load_wide(b + last * WIDE, some);
    _mm_prefetch((const char *)b + fetch, _MM_HINT_T0);
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

/* ---- packing ---------------------------------------------------------------------------------- */

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

/* Strips are narrower than a vector, so a row's store spills into the next, which is stored later. */
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

/* ---- one row, at the speed of memory ----------------------------------------------------------- */

INLINE void axpy_rows(const int rows, const cpu_type type, int64_t n, const float *x, const char *b,
                      int64_t step, float *y)
{
  __m256 s[8];
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++) s[i] = _mm256_broadcast_ss(x + i);
  for (int64_t j = 0; j < n; j += LANE) {
    __m256i mask = first(n - j);
    __m256 sum = _mm256_maskload_ps(y + j, mask);
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
      sum = _mm256_fmadd_ps(s[i], load(type, b + i * step + j * size_of(type), n - j), sum);
    _mm256_maskstore_ps(y + j, mask, sum);
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

INLINE float total(__m256 sum)
{
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

INLINE void dot_lines(const int lines, const cpu_type type, int64_t k, const float *x, const char *b,
                      int64_t step, float *y)
{
  __m256 sum[4];
#pragma GCC unroll 4
  for (int i = 0; i < lines; i++) sum[i] = _mm256_setzero_ps();
  for (int64_t d = 0; d < k; d += LANE) {
    __m256 s = load(CPU_F32, (const char *)(x + d), k - d);
#pragma GCC unroll 4
    for (int i = 0; i < lines; i++)
      sum[i] = _mm256_fmadd_ps(s, load(type, b + i * step + d * size_of(type), k - d), sum[i]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < lines; i++) y[i] += total(sum[i]);
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

const gemm_kernels gemm_avx2_f32 = {
  .type = CPU_F32, .size = 4, .rows = ROWS, .cols = 2 * LANE,
  .halves = true,
  .micro = micro_f32, .pack_lanes = pack_lanes, .pack_depth = pack_depth,
  .axpy = axpy, .dot = dot,
};

const gemm_kernels gemm_avx2_f64 = {
  .type = CPU_F64, .size = 8, .rows = ROWS, .cols = 2 * WIDE,
  .micro = micro_f64,
  .pack_lanes = gemm_plain_lanes_f64, .pack_depth = gemm_plain_depth_f64,
};

#endif
