/* gemm_kernels: what the product needs from an instruction set, and the packing above it. Private
 * to gemm*.c.
 *
 * Rows of A are taken in strips of at most `rows`, columns of B in panels of `cols`. A strip is
 * packed as [k][its rows], a panel as [k][cols], both in the accumulator type. In both, the index
 * that is not k counts *lanes*. */
#ifndef TL_DEVICE_CPU_GEMM_KERNELS_H
#define TL_DEVICE_CPU_GEMM_KERNELS_H

#include "device/cpu/gemm.h"

enum { GEMM_SLACK = 64 };    /* bytes past a packed strip or panel that packing may write */

/* One call of a micro-kernel: c[rows][cols] (+)= a[rows][k] b[k][cols], at most a strip by a panel.
 * All are of the accumulator type, distances in elements. */
typedef struct gemm_tile {
  int rows, cols;
  bool exact;                /* nothing outside cols may be touched; else up to a whole panel may */
  bool add;
  int64_t k;
  const void *a;
  int64_t a_row, a_depth;
  const void *b;             /* columns lie side by side */
  int64_t b_depth;
  void *c;
  int64_t c_row;
} gemm_tile;

/* 1, 2, 4 or 8 rows times a large B that is read once, in place:
 * y[i * y_row + j] += sum over k of x[i * x_row + k] b[k, j]. */
enum { GEMM_THIN = 8 };
typedef struct gemm_thin {
  int rows;
  int64_t n, k;
  const float *x;
  int64_t x_row;
  const void *b;
  cpu_type b_type;           /* not f64 */
  int64_t ldb;
  float *y;
  int64_t y_row;
} gemm_thin;

typedef struct gemm_kernels {
  cpu_type type;             /* of the accumulator and of packed panels */
  int size;                  /* its bytes */
  int rows, cols;            /* of a strip, of a panel */
  void (*micro)(const gemm_tile *tile);

  /* panel[k][0..lanes) where lanes lie side by side, depth k at at + offset(first + k). */
  void (*pack_lanes)(cpu_type type, void *panel, int ld, const void *at, int lanes,
                     const cpu_axis *depth, int64_t first, int64_t k);

  /* panel[k][0..lanes) where depths lie side by side, lane i at at + offset(first + i). */
  void (*pack_depth)(cpu_type type, void *panel, int ld, const void *at, int lanes,
                     const cpu_axis *lane, int64_t first, int64_t k);

  /* A thin product by sums along b's rows (b[k * ldb + j]), or by dot products with its columns
   * (b[j * ldb + k]). NULL: none. */
  void (*axpy)(const gemm_thin *thin);
  void (*dot)(const gemm_thin *thin);
} gemm_kernels;

extern const gemm_kernels gemm_plain_f32, gemm_plain_f64;
#if CPU_X86
extern const gemm_kernels gemm_avx2_f32, gemm_avx2_f64, gemm_avx512_f32, gemm_avx512_f64;
#endif

/* Packing in C. */
void gemm_plain_lanes_f32(cpu_type type, void *panel, int ld, const void *at, int lanes,
                          const cpu_axis *depth, int64_t first, int64_t k);
void gemm_plain_depth_f32(cpu_type type, void *panel, int ld, const void *at, int lanes,
                          const cpu_axis *lane, int64_t first, int64_t k);
void gemm_plain_lanes_f64(cpu_type type, void *panel, int ld, const void *at, int lanes,
                          const cpu_axis *depth, int64_t first, int64_t k);
void gemm_plain_depth_f64(cpu_type type, void *panel, int ld, const void *at, int lanes,
                          const cpu_axis *lane, int64_t first, int64_t k);

/* A factor as packing sees it. */
typedef struct gemm_source {
  const char *at;
  cpu_type type;
  cpu_axis lane, depth;
  const cpu_guard *guard;
  int guards;
  bool lane_is_row;          /* which of a guard's axes goes with the lanes */
} gemm_source;

static inline int gemm_size(cpu_type type)
{
  return type == CPU_F64 ? 8 : type == CPU_F32 ? 4 : 2;
}

static inline int64_t gemm_offset(const cpu_axis *axis, int64_t i)
{
  return axis->offset ? axis->offset[i] : i * axis->stride;
}

static inline gemm_source gemm_source_of(const cpu_matrix *matrix, bool lane_is_row, int64_t batch)
{
  return (gemm_source){
    .at = (const char *)matrix->at + gemm_offset(&matrix->batch, batch) * gemm_size(matrix->type),
    .type = matrix->type,
    .lane = lane_is_row ? matrix->row : matrix->col,
    .depth = lane_is_row ? matrix->col : matrix->row,
    .guard = matrix->guard,
    .guards = matrix->guards,
    .lane_is_row = lane_is_row,
  };
}

/* PANEL[0..k)[0..lanes), rows LD apart, from lanes and depths starting at LANE and DEPTH. Up to the
 * next whole vector, lanes that do not exist are zero. */
void gemm_pack(const gemm_kernels *kernels, const gemm_source *source, void *panel, int ld,
               int64_t lane, int lanes, int64_t depth, int64_t k);

/* The same elements for the A of TILE, in whichever order is quicker: sets a, a_row and a_depth. */
void gemm_pack_strip(const gemm_kernels *kernels, const gemm_source *source, void *strip,
                     int64_t lane, int64_t depth, gemm_tile *tile);

#endif
