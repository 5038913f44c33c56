/* axes: which indices of a frame may run as one. Two neighbours may, where every place and every
 * integer made of them moves for a step of the outer one as for all steps of the inner one. */
#include <stdlib.h>

#include "device/cuda/emit.h"

typedef struct forms { /* linear forms over the axes: coefficients, one row each */
  device_bind *bind;
  int naxis;
  const cuda_axis *axis;
  BASE_VEC(int64_t *) rows;
} forms;

static int64_t number(const forms *f, const ir_expr *e) {
  return ir_eval_size(e, f->bind->symbols);
}

static int64_t *new_row(forms *f) {
  int64_t *row = BASE_NEWS(f->bind->arena, int64_t, f->naxis + 1);
  BASE_PUSH(f->bind->arena, &f->rows, row);
  return row;
}

static void add_affine(const forms *f, int64_t *row, const ir_affine *a, int64_t scale) {
  for (int i = 0; i < a->n; i++)
    for (int k = 0; k < f->naxis; k++)
      if (f->axis[k].index == a->index[i]) row[k] += scale * number(f, a->coefficient[i]);
}

/* The offset; and each position that may have to be asked. */
static void add_access(forms *f, const kernel_access *access) {
  int64_t stride[64], *row = new_row(f);
  device_strides(access->tensor, f->bind->symbols, stride);
  for (int k = 0; k < access->tensor->rank; k++) {
    if (access->position[k].value >= 0) continue;
    add_affine(f, row, &access->position[k].affine, stride[k]);
    const ir_affine *a = &access->position[k].affine;
    bool plain = a->n == 1 && a->index[0]->extent == access->tensor->size[k];
    if (access->guarded && !plain) add_affine(f, new_row(f), a, 1);
  }
}

static void collect(forms *f, const kernel_code *code) {
  for (int o = 0; o < code->outputs.n; o++)
    if (code->outputs.at[o].eq->level == KERNEL_GLOBAL) add_access(f, code->outputs.at[o].access);
  for (int i = 0; i < code->values.n; i++) {
    const kernel_value *v = &code->values.at[i];
    if (v->op == IR_READ) add_access(f, v->u.access);
    if (v->op == IR_INDEX) add_affine(f, new_row(f), v->u.affine, 1);
  }
}

/* The first form in which all of them move; else the first. */
static const int64_t *nearness(const forms *f) {
  for (int r = 0; r < f->rows.n; r++) {
    bool all = true;
    for (int i = 0; i < f->naxis; i++)
      all = all && (f->rows.at[r][i] != 0 || number(f, f->axis[i].index->extent) == 1);
    if (all) return f->rows.at[r];
  }
  return f->rows.at[0];
}

static void swap_before(forms *f, cuda_axis *axis, int k) {
  cuda_axis a = axis[k];
  axis[k] = axis[k - 1];
  axis[k - 1] = a;
  for (int r = 0; r < f->rows.n; r++) {
    int64_t x = f->rows.at[r][k];
    f->rows.at[r][k] = f->rows.at[r][k - 1];
    f->rows.at[r][k - 1] = x;
  }
}

static void sort(forms *f, cuda_axis *axis) {
  if (f->rows.n == 0) return;
  const int64_t *far = nearness(f);
  for (int i = 1; i < f->naxis; i++)
    for (int k = i; k > 0 && llabs(far[k]) > llabs(far[k - 1]); k--) swap_before(f, axis, k);
}

static bool goes_through(const forms *f, int outer, int inner) {
  int64_t extent = number(f, f->axis[inner].index->extent);
  for (int r = 0; r < f->rows.n; r++)
    if (f->rows.at[r][outer] != f->rows.at[r][inner] * extent) return false;
  return true;
}

int cuda_merge_axes(device_bind *bind, const kernel_code *code, int naxis, cuda_axis *axis) {
  forms f = {.bind = bind, .naxis = naxis, .axis = axis};
  collect(&f, code);
  sort(&f, axis);
  int inner = -1, last = -1;
  for (int i = naxis - 1; i >= 0; i--) {
    axis[i].into = -1;
    if (number(&f, axis[i].index->extent) == 1) {
      axis[i].text = NULL;
      continue;
    }
    if (inner >= 0 && goes_through(&f, i, inner)) {
      axis[i].text = NULL;
      axis[i].into = inner;
    } else if (last < 0) {
      last = i;
    }
    inner = i;
  }
  return last;
}

int64_t cuda_axis_extent(device_bind *bind, const cuda_axis *axis, int which) {
  int64_t n = ir_eval_size(axis[which].index->extent, bind->symbols);
  int inner = which;
  for (int i = which - 1; i >= 0; i--) {
    if (axis[i].into != inner) continue;
    n *= ir_eval_size(axis[i].index->extent, bind->symbols);
    inner = i;
  }
  return n;
}

int cuda_lanes_of(const kernel_code *code) {
  int n = 2;
  for (int o = 0; o < code->outputs.n; o++) {
    int fit = 16 / (int)ir_type_bytes(code->outputs.at[o].access->tensor->type);
    if (code->outputs.at[o].eq->level == KERNEL_GLOBAL && fit > n) n = fit;
  }
  for (int i = 0; i < code->values.n; i++) {
    if (code->values.at[i].op != IR_READ) continue;
    int fit = 16 / (int)ir_type_bytes(code->values.at[i].u.access->tensor->type);
    if (fit > n) n = fit;
  }
  return n > 8 ? 8 : n;
}

int64_t cuda_access_step(device_bind *bind, const kernel_access *access, const ir_index *index) {
  int64_t stride[64], sum = 0;
  device_strides(access->tensor, bind->symbols, stride);
  for (int k = 0; k < access->tensor->rank; k++) {
    const ir_affine *a = &access->position[k].affine;
    for (int i = 0; access->position[k].value < 0 && i < a->n; i++)
      if (a->index[i] == index) sum += ir_eval_size(a->coefficient[i], bind->symbols) * stride[k];
  }
  return sum;
}

/* ---- coordinates ----------------------------------------------------------------------------- */

static bool is_in(const cuda_frame *f, int i, int from, int to) {
  return i >= from && i < to && f->axis[i].text;
}

int64_t cuda_steps(device_bind *bind, const cuda_frame *f, int i) {
  int64_t n = cuda_axis_extent(bind, f->axis, i);
  return i == f->vector ? (n + f->lanes - 1) / f->lanes : n;
}

int64_t cuda_points(device_bind *bind, const cuda_frame *f, int from, int to) {
  int64_t all = 1;
  for (int i = from; i < to; i++) {
    if (is_in(f, i, from, to)) all *= cuda_steps(bind, f, i);
    if (ir_eval_size(f->axis[i].index->extent, bind->symbols) == 0) return 0;
  }
  return all;
}

void cuda_put_axes(base_text *out, const cuda_frame *f, int from, int to) {
  for (int i = from; i < to; i++) {
    if (!is_in(f, i, from, to)) continue;
    if (f->axis[i].repeats && f->repeats > 1)
      base_putf(out, "  idx %s[%d];\n", f->axis[i].text, f->repeats);
    else
      base_putf(out, "  idx %s;\n", f->axis[i].text);
  }
}

void cuda_put_coordinates(device_bind *bind, cuda_args *args, base_text *out, const cuda_frame *f,
                          int from, int to) {
  int order[64], n = 0;
  if (f->fastest && is_in(f, f->fastest - 1, from, to)) order[n++] = f->fastest - 1;
  for (int i = to - 1; i >= from; i--)
    if (is_in(f, i, from, to) && i != f->fastest - 1) order[n++] = i;
  for (int k = 0; k < n; k++) {
    int i = order[k];
    const char *u = f->axis[i].repeats && f->repeats > 1 ? "[u]" : "", *x = f->axis[i].text;
    const char *scale =
        i == f->vector && f->lanes > 1 ? base_format(bind->arena, " * %d", f->lanes) : "";
    if (k == n - 1) {
      base_putf(out, "    %s%s = (idx)at%s;\n", x, u, scale);
    } else {
      const char *d = cuda_args_divisor(args, cuda_steps(bind, f, i));
      base_putf(
          out,
          "    { const int32_t q = quotient(at, %s); %s%s = (idx)(at - q * %s.by)%s; at = q; }\n",
          d, x, u, d, scale);
    }
  }
}

/* How many of a vector's lanes are inside, as C; the vector axis has its value. */
const char *cuda_lanes_inside(device_bind *bind, cuda_args *args, const cuda_frame *f) {
  if (f->vector < 0 || f->whole) return base_format(bind->arena, "%d", f->lanes);
  const char *u = f->axis[f->vector].repeats && f->repeats > 1 ? "[u]" : "";
  int64_t n = cuda_axis_extent(bind, f->axis, f->vector);
  return base_format(bind->arena, "(int)min((idx)%d, (idx)(%s - %s%s))", f->lanes,
                     cuda_args_fixed(args, n, f->wide), f->axis[f->vector].text, u);
}
