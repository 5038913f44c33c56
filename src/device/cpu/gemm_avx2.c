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

INLINE void micro(const int rows, const int vectors, const cpu_type type, int64_t k, const float *a,
                  const char *b, int64_t step, int64_t ahead, float *c, int64_t ldc, bool add)
{
  __m256 sum[ROWS][2], y[2];
#pragma GCC unroll 6
  for (int i = 0; i < rows; i++)
    for (int v = 0; v < vectors; v++)
      sum[i][v] = add ? _mm256_loadu_ps(c + i * ldc + v * LANE) : _mm256_setzero_ps();
  for (; k > 0; k--, a += rows, b += step) {
    for (int v = 0; v < vectors; v++) y[v] = load(type, b + v * LANE * size_of(type), LANE);
    _mm_prefetch(b + ahead, _MM_HINT_T0);
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++) {
      __m256 x = _mm256_broadcast_ss(a + i);
      for (int v = 0; v < vectors; v++) sum[i][v] = _mm256_fmadd_ps(x, y[v], sum[i][v]);
    }
  }
#pragma GCC unroll 6
  for (int i = 0; i < rows; i++)
    for (int v = 0; v < vectors; v++) _mm256_storeu_ps(c + i * ldc + v * LANE, sum[i][v]);
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
  __m256d sum[ROWS][2], y[2];
#pragma GCC unroll 6
  for (int i = 0; i < rows; i++)
    for (int v = 0; v < vectors; v++)
      sum[i][v] = add ? _mm256_loadu_pd(c + i * ldc + v * WIDE) : _mm256_setzero_pd();
  for (; k > 0; k--, a += rows, b += 2 * WIDE) {
    for (int v = 0; v < vectors; v++) y[v] = _mm256_loadu_pd(b + v * WIDE);
    _mm_prefetch((const char *)(b + AHEAD * 2 * WIDE), _MM_HINT_T0);
#pragma GCC unroll 6
    for (int i = 0; i < rows; i++) {
      __m256d x = _mm256_broadcast_sd(a + i);
      for (int v = 0; v < vectors; v++) sum[i][v] = _mm256_fmadd_pd(x, y[v], sum[i][v]);
    }
  }
#pragma GCC unroll 6
  for (int i = 0; i < rows; i++)
    for (int v = 0; v < vectors; v++) _mm256_storeu_pd(c + i * ldc + v * WIDE, sum[i][v]);
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
  .micro = micro_f32, .direct = direct, .pack_lanes = pack_lanes, .pack_depth = pack_depth,
  .axpy = axpy, .dot = dot,
};

const gemm_kernels gemm_avx2_f64 = {
  .type = CPU_F64, .size = 8, .rows = ROWS, .cols = 2 * WIDE,
  .micro = micro_f64,
  .pack_lanes = gemm_plain_lanes_f64, .pack_depth = gemm_plain_depth_f64,
};

#endif
