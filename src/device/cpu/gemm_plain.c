/* gemm_plain: the kernels in C, for every machine. The vector kernels overlay these; both
 * accumulator types of an instruction set that has no kernel of its own come from here. */
#include "device/cpu/gemm_kernels.h"

#include <string.h>

enum { ROWS = 4, COLS_F32 = 8, COLS_F64 = 4 };

static void micro_f32(int rows, int cols, int64_t k, const void *a, const void *b, void *c,
                      int64_t ldc, bool add)
{
  const float *x = a, *y = b;
  float *z = c, sum[ROWS][COLS_F32] = { 0 };
  (void)cols;
  if (add)
    for (int i = 0; i < rows; i++) memcpy(sum[i], z + i * ldc, sizeof sum[i]);
  for (; k > 0; k--, x += rows, y += COLS_F32)
    for (int i = 0; i < rows; i++)
      for (int j = 0; j < COLS_F32; j++) sum[i][j] += x[i] * y[j];
  for (int i = 0; i < rows; i++) memcpy(z + i * ldc, sum[i], sizeof sum[i]);
}

static void micro_f64(int rows, int cols, int64_t k, const void *a, const void *b, void *c,
                      int64_t ldc, bool add)
{
  const double *x = a, *y = b;
  double *z = c, sum[ROWS][COLS_F64] = { 0 };
  (void)cols;
  if (add)
    for (int i = 0; i < rows; i++) memcpy(sum[i], z + i * ldc, sizeof sum[i]);
  for (; k > 0; k--, x += rows, y += COLS_F64)
    for (int i = 0; i < rows; i++)
      for (int j = 0; j < COLS_F64; j++) sum[i][j] += x[i] * y[j];
  for (int i = 0; i < rows; i++) memcpy(z + i * ldc, sum[i], sizeof sum[i]);
}

static const cpu_axis side_by_side = { .stride = 1 };

void gemm_plain_lanes_f32(cpu_type type, void *panel, int ld, const void *at, int lanes,
                          const cpu_axis *depth, int64_t first, int64_t k)
{
  gemm_source source = { .at = at, .type = type, .lane = side_by_side, .depth = *depth };
  gemm_gather_f32(&source, panel, ld, 0, lanes, first, k);
}

void gemm_plain_depth_f32(cpu_type type, void *panel, int ld, const void *at, int lanes,
                          const cpu_axis *lane, int64_t first, int64_t k)
{
  gemm_source source = { .at = at, .type = type, .lane = *lane, .depth = side_by_side };
  gemm_gather_f32(&source, panel, ld, first, lanes, 0, k);
}

void gemm_plain_lanes_f64(cpu_type type, void *panel, int ld, const void *at, int lanes,
                          const cpu_axis *depth, int64_t first, int64_t k)
{
  gemm_source source = { .at = at, .type = type, .lane = side_by_side, .depth = *depth };
  gemm_gather_f64(&source, panel, ld, 0, lanes, first, k);
}

void gemm_plain_depth_f64(cpu_type type, void *panel, int ld, const void *at, int lanes,
                          const cpu_axis *lane, int64_t first, int64_t k)
{
  gemm_source source = { .at = at, .type = type, .lane = *lane, .depth = side_by_side };
  gemm_gather_f64(&source, panel, ld, first, lanes, 0, k);
}

const gemm_kernels gemm_plain_f32 = {
  .type = CPU_F32, .size = 4, .rows = ROWS, .cols = COLS_F32,
  .micro = micro_f32,
  .pack_lanes = gemm_plain_lanes_f32, .pack_depth = gemm_plain_depth_f32,
};

const gemm_kernels gemm_plain_f64 = {
  .type = CPU_F64, .size = 8, .rows = ROWS, .cols = COLS_F64,
  .micro = micro_f64,
  .pack_lanes = gemm_plain_lanes_f64, .pack_depth = gemm_plain_depth_f64,
};
