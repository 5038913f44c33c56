/* gemm_pack: factors into strips and panels. Where the addresses allow it the instruction set's own
 * loops copy or transpose; else elements are gathered one by one. */
#include "device/cpu/gemm_kernels.h"

#include "base/base.h"

int gemm_type_size(cpu_type type)
{
  return type == CPU_F64 ? 8 : type == CPU_F32 ? 4 : 2;
}

gemm_source gemm_source_of(const cpu_matrix *matrix, bool lane_is_row, int64_t batch)
{
  int64_t offset = gemm_offset(&matrix->batch, batch);
  return (gemm_source){
    .at = (const char *)matrix->at + offset * gemm_type_size(matrix->type),
    .type = matrix->type,
    .lane = lane_is_row ? matrix->row : matrix->col,
    .depth = lane_is_row ? matrix->col : matrix->row,
    .guard = matrix->guard,
    .guards = matrix->guards,
    .lane_is_row = lane_is_row,
  };
}

/* How many elements from FIRST on, at most N, lie side by side. */
static int64_t run_length(const cpu_axis *axis, int64_t first, int64_t n)
{
  if (!axis->offset) return axis->stride == 1 ? n : 1;
  int64_t i = 1;
  while (i < n && axis->offset[first + i] == axis->offset[first] + i) i++;
  return i;
}

typedef struct range { int64_t low, high; } range;

static range offsets(const cpu_axis *axis, int64_t first, int64_t n)
{
  int64_t a = gemm_offset(axis, first), b = gemm_offset(axis, first + n - 1);
  range r = { a < b ? a : b, a < b ? b : a };
  if (axis->offset)
    for (int64_t i = 1; i + 1 < n; i++) {
      int64_t x = axis->offset[first + i];
      if (x < r.low) r.low = x;
      if (x > r.high) r.high = x;
    }
  return r;
}

static const cpu_axis *guard_lane(const gemm_source *source, const cpu_guard *guard)
{
  return source->lane_is_row ? &guard->row : &guard->col;
}

static const cpu_axis *guard_depth(const gemm_source *source, const cpu_guard *guard)
{
  return source->lane_is_row ? &guard->col : &guard->row;
}

/* True when no guard can fail in the whole panel. */
static bool unguarded(const gemm_source *source, int64_t lane, int lanes, int64_t depth, int64_t k)
{
  for (int i = 0; i < source->guards; i++) {
    const cpu_guard *guard = &source->guard[i];
    range l = offsets(guard_lane(source, guard), lane, lanes);
    range d = offsets(guard_depth(source, guard), depth, k);
    if (l.low + d.low < 0 || l.high + d.high >= guard->size) return false;
  }
  return true;
}

static bool inside(const gemm_source *source, int64_t lane, int64_t depth)
{
  for (int i = 0; i < source->guards; i++) {
    const cpu_guard *guard = &source->guard[i];
    int64_t x = gemm_offset(guard_lane(source, guard), lane) +
                gemm_offset(guard_depth(source, guard), depth);
    if (x < 0 || x >= guard->size) return false;
  }
  return true;
}

static double element(const gemm_source *source, int64_t offset)
{
  switch (source->type) {
    case CPU_F16: return base_f16_to_f32(((const uint16_t *)(const void *)source->at)[offset]);
    case CPU_BF16: return base_bf16_to_f32(((const uint16_t *)(const void *)source->at)[offset]);
    case CPU_F32: return ((const float *)(const void *)source->at)[offset];
    case CPU_F64: break;
  }
  return ((const double *)(const void *)source->at)[offset];
}

void gemm_gather_f32(const gemm_source *source, float *panel, int ld, int64_t lane, int lanes,
                     int64_t depth, int64_t k)
{
  for (int64_t d = 0; d < k; d++) {
    int64_t offset = gemm_offset(&source->depth, depth + d);
    for (int i = 0; i < lanes; i++)
      panel[d * ld + i] = source->guards && !inside(source, lane + i, depth + d)
          ? 0 : (float)element(source, offset + gemm_offset(&source->lane, lane + i));
    for (int i = lanes; i < ld; i++) panel[d * ld + i] = 0;
  }
}

void gemm_gather_f64(const gemm_source *source, double *panel, int ld, int64_t lane, int lanes,
                     int64_t depth, int64_t k)
{
  for (int64_t d = 0; d < k; d++) {
    int64_t offset = gemm_offset(&source->depth, depth + d);
    for (int i = 0; i < lanes; i++)
      panel[d * ld + i] = source->guards && !inside(source, lane + i, depth + d)
          ? 0 : element(source, offset + gemm_offset(&source->lane, lane + i));
    for (int i = lanes; i < ld; i++) panel[d * ld + i] = 0;
  }
}

static void gather(const gemm_kernels *kernels, const gemm_source *source, void *panel, int ld,
                   int64_t lane, int lanes, int64_t depth, int64_t k)
{
  if (kernels->type == CPU_F64) gemm_gather_f64(source, panel, ld, lane, lanes, depth, k);
  else gemm_gather_f32(source, panel, ld, lane, lanes, depth, k);
}

/* Depth by runs that lie side by side; false, having done nothing, when they are too short to pay. */
static bool pack_runs(const gemm_kernels *kernels, const gemm_source *source, char *panel, int ld,
                      int64_t lane, int lanes, int64_t depth, int64_t k)
{
  int64_t runs = 0, size = gemm_type_size(source->type);
  for (int64_t d = 0; d < k; runs++) d += run_length(&source->depth, depth + d, k - d);
  if (runs * 4 > k && k > 1) return false;
  for (int64_t d = 0, n; d < k; d += n) {
    n = run_length(&source->depth, depth + d, k - d);
    kernels->pack_depth(source->type, panel + d * ld * kernels->size, ld,
                        source->at + gemm_offset(&source->depth, depth + d) * size, lanes,
                        &source->lane, lane, n);
  }
  return true;
}

void gemm_pack(const gemm_kernels *kernels, const gemm_source *source, void *panel, int ld,
               int64_t lane, int lanes, int64_t depth, int64_t k)
{
  int64_t size = gemm_type_size(source->type);
  if (source->guards && !unguarded(source, lane, lanes, depth, k)) {
    gather(kernels, source, panel, ld, lane, lanes, depth, k);
    return;
  }
  if (run_length(&source->lane, lane, lanes) == lanes) {
    kernels->pack_lanes(source->type, panel, ld,
                        source->at + gemm_offset(&source->lane, lane) * size, lanes,
                        &source->depth, depth, k);
    return;
  }
  if (!pack_runs(kernels, source, panel, ld, lane, lanes, depth, k))
    gather(kernels, source, panel, ld, lane, lanes, depth, k);
}
