/* gemm_plain: the kernels in C, for every machine. The vector kernels overlay these; both
 * accumulator types of an instruction set that has no kernel of its own come from here. */
#include "device/cpu/gemm_kernels.h"

#include <string.h>

enum { ROWS = 4, COLS_F32 = 8, COLS_F64 = 4 };

static void micro_f32(const gemm_tile *t)
{
  const float *a = t->a, *b = t->b;
  float sum[ROWS][COLS_F32] = { { 0 } };
  if (t->cols < COLS_F32)
    for (int64_t k = 0; k < t->k; k++, a += t->a_depth, b += t->b_depth)
      for (int i = 0; i < t->rows; i++)
        for (int j = 0; j < t->cols; j++) sum[i][j] += a[i * t->a_row] * b[j];
  else
    for (int64_t k = 0; k < t->k; k++, a += t->a_depth, b += t->b_depth)
      for (int i = 0; i < t->rows; i++)
        for (int j = 0; j < COLS_F32; j++) sum[i][j] += a[i * t->a_row] * b[j];
  for (int i = 0; i < t->rows; i++) {
    float *c = (float *)t->c + i * t->c_row;
    for (int j = 0; j < t->cols; j++) c[j] = t->add ? c[j] + sum[i][j] : sum[i][j];
  }
}

static void micro_f64(const gemm_tile *t)
{
  const double *a = t->a, *b = t->b;
  double sum[ROWS][COLS_F64] = { { 0 } };
  if (t->cols < COLS_F64)
    for (int64_t k = 0; k < t->k; k++, a += t->a_depth, b += t->b_depth)
      for (int i = 0; i < t->rows; i++)
        for (int j = 0; j < t->cols; j++) sum[i][j] += a[i * t->a_row] * b[j];
  else
    for (int64_t k = 0; k < t->k; k++, a += t->a_depth, b += t->b_depth)
      for (int i = 0; i < t->rows; i++)
        for (int j = 0; j < COLS_F64; j++) sum[i][j] += a[i * t->a_row] * b[j];
  for (int i = 0; i < t->rows; i++) {
    double *c = (double *)t->c + i * t->c_row;
    for (int j = 0; j < t->cols; j++) c[j] = t->add ? c[j] + sum[i][j] : sum[i][j];
  }
}

static double element(cpu_type type, const void *at, int64_t i)
{
  switch (type) {
    case CPU_F16: return base_f16_to_f32(((const uint16_t *)at)[i]);
    case CPU_BF16: return base_bf16_to_f32(((const uint16_t *)at)[i]);
    case CPU_F32: return ((const float *)at)[i];
    case CPU_F64: break;
  }
  return ((const double *)at)[i];
}

void gemm_plain_lanes_f32(cpu_type type, void *panel, int ld, const void *at, int lanes,
                          const cpu_axis *depth, int64_t first, int64_t k)
{
  float *to = panel;
  for (int64_t d = 0; d < k; d++, to += ld) {
    int64_t offset = gemm_offset(depth, first + d);
    if (type == CPU_F32)
      memcpy(to, (const float *)at + offset, (size_t)lanes * sizeof *to);
    else
      for (int i = 0; i < lanes; i++) to[i] = (float)element(type, at, offset + i);
  }
}

void gemm_plain_depth_f32(cpu_type type, void *panel, int ld, const void *at, int lanes,
                          const cpu_axis *lane, int64_t first, int64_t k)
{
  float *to = panel;
  for (int i = 0; i < lanes; i++) {
    int64_t offset = gemm_offset(lane, first + i);
    for (int64_t d = 0; d < k; d++) to[d * ld + i] = (float)element(type, at, offset + d);
  }
}

void gemm_plain_lanes_f64(cpu_type type, void *panel, int ld, const void *at, int lanes,
                          const cpu_axis *depth, int64_t first, int64_t k)
{
  double *to = panel;
  for (int64_t d = 0; d < k; d++, to += ld) {
    int64_t offset = gemm_offset(depth, first + d);
    if (type == CPU_F64)
      memcpy(to, (const double *)at + offset, (size_t)lanes * sizeof *to);
    else
      for (int i = 0; i < lanes; i++) to[i] = element(type, at, offset + i);
  }
}

void gemm_plain_depth_f64(cpu_type type, void *panel, int ld, const void *at, int lanes,
                          const cpu_axis *lane, int64_t first, int64_t k)
{
  double *to = panel;
  for (int i = 0; i < lanes; i++) {
    int64_t offset = gemm_offset(lane, first + i);
    for (int64_t d = 0; d < k; d++) to[d * ld + i] = element(type, at, offset + d);
  }
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
