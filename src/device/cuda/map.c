/* map: a frame as vectors along the axis in which results lie closest. A thread computes a vector
 * or two; the axes are merged where all places allow it, so that most maps are one long line. The
 * segments of a kernel are one launch: a table says which blocks are whose, and segments of the
 * same text share it, each with arguments of its own. */
#include <string.h>

#include "device/cuda/emit.h"

enum {
  MAP_BLOCK = 128,
  MAP_ELEMENTS = 16,   /* of a thread at most, where there are many */
  MAP_WORTH = 4 << 20, /* elements from which on a thread takes more than one vector */
  MAP_BYTES = 30000,   /* of parameters in one launch */
};

typedef struct map_segment {
  const kernel_segment *seg;
  cuda_args *args;
  cuda_frame frame;
  int64_t vectors; /* in all */
  int64_t blocks;
  const char *text; /* the struct and the function, without a name of its own */
  int group;        /* of those with the same text */
} map_segment;

/* ---- the form of a segment ------------------------------------------------------------------- */

static int reads_of(const kernel_code *code) {
  int n = 0;
  for (int i = 0; i < code->values.n; i++) n += code->values.at[i].op == IR_READ;
  return n;
}

static cuda_emit *emit_with(device_bind *bind, map_segment *m, const kernel_code *code, int lanes) {
  m->frame.lanes = lanes;
  m->frame.whole =
      m->frame.vector < 0 || cuda_axis_extent(bind, m->frame.axis, m->frame.vector) % lanes == 0;
  m->args = cuda_args_open(bind);
  return cuda_emit_open(bind, code, m->args, &m->frame);
}

/* The axis along which reads lie close that lie far apart along the vectors: neighbouring threads
 * then follow each other there, and reads are whole lines as writes are whole vectors. -1: none. */
static int crossing_axis(device_bind *bind, const map_segment *m, const kernel_code *code) {
  const cuda_frame *f = &m->frame;
  for (int i = 0; i < code->values.n && f->vector >= 0; i++) {
    const kernel_value *v = &code->values.at[i];
    if (v->op != IR_READ) continue;
    int64_t far = cuda_access_step(bind, v->u.access, f->axis[f->vector].index);
    for (int k = 0; k < f->naxis && far != 0 && far != 1; k++)
      if (k != f->vector && f->axis[k].text &&
          cuda_access_step(bind, v->u.access, f->axis[k].index) == 1)
        return k;
  }
  return -1;
}

/* Vectors no longer than what may be moved at once, nor than the line. */
static cuda_emit *choose_lanes(device_bind *bind, map_segment *m, const kernel_code *code) {
  int64_t line = m->frame.vector < 0 ? 1 : cuda_axis_extent(bind, m->frame.axis, m->frame.vector),
          all = line;
  int lanes = cuda_lanes_of(code), repeats = 1;
  for (int i = 0; i < m->frame.naxis; i++)
    if (m->frame.axis[i].text && i != m->frame.vector)
      all *= cuda_axis_extent(bind, m->frame.axis, i);
  while (lanes > 1 && (lanes > line || (line % lanes != 0 && line < 8 * lanes))) lanes /= 2;
  cuda_emit *e = emit_with(bind, m, code, lanes);
  int chunk = cuda_emit_chunk(e), crossing = crossing_axis(bind, m, code);
  if (crossing >= 0) { /* two vectors: the 32 bytes that memory is written in */
    m->frame.fastest = crossing + 1;
    return emit_with(bind, m, code, line % (2 * chunk) == 0 ? 2 * chunk : chunk);
  }
  if (all >= MAP_WORTH)
    while (chunk * repeats * 2 <= MAP_ELEMENTS && repeats * reads_of(code) < 4 && repeats < 8)
      repeats *= 2;
  if (chunk == lanes && repeats == 1) return e;
  m->frame.repeats = repeats;
  for (int i = 0; i < m->frame.naxis; i++) m->frame.axis[i].repeats = repeats > 1;
  return emit_with(bind, m, code, chunk);
}

/* The coordinates of a thread's vectors, the closest axis in vectors. */
static void put_coordinates(device_bind *bind, map_segment *m, base_text *text) {
  const cuda_frame *f = &m->frame;
  const char *u = f->repeats > 1 ? "[u]" : "";
  if (f->repeats > 1) base_putf(text, "  EACH(u, %d) {\n", f->repeats);
  base_putf(text, "    int32_t at = (block * %d%s) * %d + threadIdx.x;\n", f->repeats,
            f->repeats > 1 ? " + u" : "", MAP_BLOCK);
  base_putf(text, "    const bool there = at < %s;\n    if (!there) at = 0;\n",
            cuda_args_fixed(m->args, m->vectors, false));
  cuda_put_coordinates(bind, m->args, text, f, 0, f->naxis);
  base_putf(text, "    valid%s = there ? %s : 0;\n", u, cuda_lanes_inside(bind, m->args, f));
  base_putf(text, "    full = full && valid%s == %d;\n", u, f->lanes);
  if (f->repeats > 1) base_put(text, "  }\n");
}

/* The text of a segment: its arguments, its body, and what calls it for a block. */
static void write_segment(device_bind *bind, map_segment *m, cuda_emit *e) {
  const cuda_frame *f = &m->frame;
  base_text body = base_text_open(bind->arena), call = base_text_open(bind->arena),
            text = base_text_open(bind->arena);
  cuda_emit_function(e, &body, "body", "arguments", NULL, IR_F32);
  base_put(&call, "FN void run(const arguments &a, int32_t block) {\n");
  cuda_put_axes(&call, f, 0, f->naxis);
  if (f->repeats > 1)
    base_putf(&call, "  int valid[%d];\n  bool full = true;\n", f->repeats);
  else
    base_put(&call, "  int valid;\n  bool full = true;\n");
  put_coordinates(bind, m, &call);
  for (int full = 1; full >= 0; full--) {
    base_putf(&call, full ? "  if (full) body<true>(a" : "  else body<false>(a");
    for (int i = 0; i < f->naxis; i++)
      if (f->axis[i].text) base_putf(&call, ", %s", f->axis[i].text);
    base_put(&call, ", valid);\n");
  }
  base_put(&call, "}\n");
  base_putf(&text, "typedef %s idx;\n", f->wide ? "int64_t" : "int32_t");
  cuda_args_declare(m->args, &text, "arguments");
  base_put(&text, body.at);
  base_put(&text, call.at);
  m->text = text.at;
}

/* NULL, or why it does not fit. */
static const char *make_segment(device_bind *bind, map_segment *m, const kernel_segment *seg) {
  kernel_code *code = kernel_code_open(bind->arena, bind->program);
  *m = (map_segment){.seg = seg};
  m->frame = (cuda_frame){.lanes = 1, .repeats = 1, .vector = -1, .asks = true};
  m->frame.wide = cuda_is_wide(bind, seg->neq, seg->eq);
  m->frame.naxis = seg->nframe;
  m->frame.axis = BASE_NEWS(bind->arena, cuda_axis, seg->nframe + 1);
  for (int i = 0; i < seg->neq; i++) kernel_code_add(code, &seg->eq[i]);
  for (int i = 0; i < seg->nframe; i++)
    m->frame.axis[i] =
        (cuda_axis){.index = seg->frame[i], .text = base_format(bind->arena, "i%d", i), .into = -1};
  if (cuda_points(bind, &m->frame, 0, seg->nframe) == 0) return NULL;
  m->frame.vector = cuda_merge_axes(bind, code, seg->nframe, m->frame.axis);
  cuda_emit *e = choose_lanes(bind, m, code);
  m->vectors = cuda_points(bind, &m->frame, 0, seg->nframe);
  m->blocks = (m->vectors + MAP_BLOCK * m->frame.repeats - 1) / (MAP_BLOCK * m->frame.repeats);
  if (m->vectors > INT32_MAX - 2 * MAP_BLOCK * MAP_ELEMENTS)
    return "it has more vectors than 31 bits count";
  write_segment(bind, m, e);
  return NULL;
}

/* ---- launches -------------------------------------------------------------------------------- */

static size_t bytes_of(const map_segment *m) {
  return strlen(m->text) ? 12 * (size_t)cuda_args_count(m->args) + 8 : 0;
}

/* Segments of one text stand together, in the order in which each was first met. */
static void group(map_segment *m, int n) {
  for (int i = 0; i < n; i++) {
    m[i].group = i;
    for (int k = 0; k < i; k++)
      if (strcmp(m[k].text, m[i].text) == 0) {
        m[i].group = m[k].group;
        break;
      }
  }
  for (int i = 1; i < n; i++)
    for (int k = i; k > 0 && m[k].group < m[k - 1].group; k--) {
      map_segment x = m[k];
      m[k] = m[k - 1];
      m[k - 1] = x;
    }
}

static void write_kernel(base_text *text, const map_segment *m, int n) {
  base_text fields = base_text_open(text->arena), calls = base_text_open(text->arena);
  for (int i = 0, k; i < n; i = k) {
    for (k = i; k < n && m[k].group == m[i].group;) k++;
    base_putf(text, "namespace segment%d {\n%s}\n", i, m[i].text);
    base_putf(&fields, "  segment%d::arguments s%d[%d];\n", i, i, k - i);
    if (n > 1)
      base_putf(&calls, "  %sif (s < %d) segment%d::run(a.s%d[s - %d], block - a.first[s]);\n",
                i ? "else " : "", k, i, i, i);
    else
      base_put(&calls, "  segment0::run(a.s0[0], block);\n");
  }
  base_putf(text, "struct __align__(8) table {\n%s", fields.at);
  if (n > 1) base_putf(text, "  int32_t first[%d];\n", n);
  base_putf(text,
            "};\nextern \"C\" __global__ void __launch_bounds__(%d) map(const __grid_constant__ "
            "table a) {\n",
            MAP_BLOCK);
  base_put(text,
           "  ptx_allow_next();\n  ptx_wait_for_previous();\n  const int32_t block = "
           "(int32_t)blockIdx.x;\n");
  if (n > 1) base_putf(text, "  const int s = segment_of(a.first, %d, block);\n", n);
  base_putf(text, "%s}\n", calls.at);
}

static void launch(device_bind *bind, cuda_launch *l, map_segment *m, int n) {
  int64_t blocks = 0;
  base_text source = cuda_source(bind);
  base_put(&source, cuda_text_values);
  base_put(&source, cuda_text_map);
  group(m, n);
  write_kernel(&source, m, n);
  int at = l->nstage++;
  cuda_stage *stage = &l->stage[at];
  stage->kernel = cuda_compile(bind, "map", &source, NULL);
  cuda_struct_open(l, at);
  for (int i = 0; i < n; i++) cuda_args_pass(m[i].args, l, at);
  for (int i = 0; i < n; i++) {
    if (n > 1) cuda_pass_i32(l, at, (int32_t)blocks);
    blocks += m[i].blocks;
  }
  cuda_struct_close(l, at);
  stage->grid[0] = (unsigned)blocks;
  stage->block = MAP_BLOCK;
  stage->overlap = true;
  stage->name = base_format(bind->arena, "cuda.map: %s", m[0].seg->eq[0].eq->head->name);
}

device_launch *cuda_prepare_map(device_bind *bind) {
  const kernel *k = bind->kernel;
  map_segment *m = BASE_NEWS(bind->arena, map_segment, k->nsegment + 1);
  int n = 0;
  for (int s = 0; s < k->nsegment; s++) {
    const char *why = make_segment(bind, &m[n], &k->segment[s]);
    if (why) return cuda_fall_back(bind, why);
    n += m[n].blocks > 0;
  }
  cuda_launch *l = cuda_launch_new(bind, n);
  l->nstage = 0;
  for (int i = 0, end; i < n; i = end) {
    size_t bytes = 0;
    for (end = i; end < n && bytes + bytes_of(&m[end]) < MAP_BYTES; end++)
      bytes += bytes_of(&m[end]);
    launch(bind, l, m + i, end - i);
  }
  return &l->head;
}
