/* gemm_pack: factors into strips and panels. Where addresses allow it the instruction set's own
 * loops copy or transpose; else elements are gathered one by one. */
#include "device/cpu/gemm_kernels.h"

#include <string.h>

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

/* Lane by lane into a line of raw values, which the kernels widen. */
static void gather(const gemm_kernels *kernels, const gemm_source *source, char *panel, int ld,
                   int64_t lane, int lanes, int64_t depth, int64_t k)
{
  enum { LINE = 64 };
  static const cpu_axis one = { 0 };
  int64_t size = gemm_size(source->type), place[LINE];
  for (int from = 0; from < lanes; from += LINE) {
    int n = lanes - from < LINE ? lanes - from : LINE;
    for (int i = 0; i < n; i++) place[i] = gemm_offset(&source->lane, lane + from + i) * size;
    for (int64_t d = 0; d < k; d++) {
      const char *at = source->at + gemm_offset(&source->depth, depth + d) * size;
      double raw[LINE];
      char *to = (char *)raw;
      for (int i = 0; i < n; i++)
        if (source->guards && !inside(source, lane + from + i, depth + d))
          memset(to + i * size, 0, (size_t)size);
        else if (size == 2) memcpy(to + i * 2, at + place[i], 2);
        else if (size == 4) memcpy(to + i * 4, at + place[i], 4);
        else memcpy(to + i * 8, at + place[i], 8);
      kernels->pack_lanes(source->type, panel + (d * ld + from) * kernels->size, ld, raw, n, &one,
                          0, 1);
    }
  }
}

/* True when depth consists of stretches that lie side by side and are long enough to pay. */
static bool depth_runs(const gemm_source *source, int64_t depth, int64_t k)
{
  int64_t runs = 0;
  for (int64_t d = 0; d < k; runs++) d += run_length(&source->depth, depth + d, k - d);
  return runs * 4 <= k || k == 1;
}

static bool lanes_together(const gemm_source *source, int64_t lane, int lanes)
{
  return run_length(&source->lane, lane, lanes) == lanes;
}

void gemm_pack(const gemm_kernels *kernels, const gemm_source *source, void *panel, int ld,
               int64_t lane, int lanes, int64_t depth, int64_t k)
{
  int64_t size = gemm_size(source->type);
  if (source->guards && !unguarded(source, lane, lanes, depth, k)) {
    gather(kernels, source, panel, ld, lane, lanes, depth, k);
  } else if (lanes_together(source, lane, lanes)) {
    kernels->pack_lanes(source->type, panel, ld,
                        source->at + gemm_offset(&source->lane, lane) * size, lanes,
                        &source->depth, depth, k);
  } else if (depth_runs(source, depth, k)) {
    for (int64_t d = 0, n; d < k; d += n) {
      n = run_length(&source->depth, depth + d, k - d);
      kernels->pack_depth(source->type, (char *)panel + d * ld * kernels->size, ld,
                          source->at + gemm_offset(&source->depth, depth + d) * size, lanes,
                          &source->lane, lane, n);
    }
  } else {
    gather(kernels, source, panel, ld, lane, lanes, depth, k);
  }
}

/* Rows of K are copied as they lie, a little apart so that they do not fight for one cache set. A
 * row is then what the kernels take for lanes. */
static void pack_lines(const gemm_kernels *kernels, const gemm_source *source, char *strip,
                       int64_t lane, int64_t depth, gemm_tile *tile)
{
  int64_t size = gemm_size(source->type), ld = (tile->k + 15) / 16 * 16 + 16;
  tile->a_row = ld;
  tile->a_depth = 1;
  for (int64_t d = 0, n; d < tile->k; d += n) {
    n = run_length(&source->depth, depth + d, tile->k - d);
    kernels->pack_lanes(source->type, strip + d * kernels->size, (int)ld,
                        source->at + gemm_offset(&source->depth, depth + d) * size, (int)n,
                        &source->lane, lane, tile->rows);
  }
}

void gemm_pack_strip(const gemm_kernels *kernels, const gemm_source *source, void *strip,
                     int64_t lane, int64_t depth, gemm_tile *tile)
{
  tile->a = strip;
  if ((!source->guards || unguarded(source, lane, tile->rows, depth, tile->k)) &&
      !lanes_together(source, lane, tile->rows) && depth_runs(source, depth, tile->k)) {
    pack_lines(kernels, source, strip, lane, depth, tile);
  } else {
    tile->a_row = 1;
    tile->a_depth = tile->rows;
    gemm_pack(kernels, source, strip, tile->rows, lane, tile->rows, depth, tile->k);
  }
}
