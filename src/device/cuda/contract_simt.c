/* contract: sums of products by plain arithmetic: f32, f64, i64, and 16-bit factors that the matrix
 * unit does not take. Tiles of both factors are read by emitted functions, wherever their elements
 * lie; what follows runs on the sums in registers. */
#include "device/cuda/contract.h"

enum { SIMT_DEPTH = 16 };

static ir_type sum_type(const kernel_segment *seg) {
  return (ir_type)seg->eq[seg->main].eq->body->type;
}

/* ---- refusing -------------------------------------------------------------------------------- */

static const char *refuse_segment(const kernel_segment *seg) {
  const ir_eq *eq = seg->eq[seg->main].eq;
  if (seg->nproduct < 1 || seg->nproduct > CONTRACT_TERMS) return "not one to four products";
  if (sum_type(seg) == IR_BOOL || eq->agg != IR_SUM) return "no sum of numbers";
  for (int t = 0; t < seg->nproduct; t++)
    if (!seg->product[t].a || !seg->product[t].b) return "a sum without a second factor";
  for (int i = 0; i < seg->neq; i++)
    if (i != seg->main && (seg->eq[i].partial || seg->eq[i].eq->agg != IR_SET))
      return "a reduction behind the product";
  return NULL;
}

const char *cuda_refuse_simt(const device *d, const kernel *k) {
  const char *why = NULL;
  (void)d;
  for (int s = 0; s < k->nsegment && !why; s++) why = refuse_segment(&k->segment[s]);
  return why;
}

/* ---- factors --------------------------------------------------------------------------------- */

typedef struct factors { /* all that are read, in one struct of arguments */
  const contract *c;
  cuda_args *args;
  bool wide;
  base_text *text;
} factors;

typedef struct side { /* how tiles of A or of B are read, of all terms alike */
  bool is_a, along_k;
  int lanes;
} side;

static const contract_indices *rows_of(const contract *c, bool is_a) {
  return is_a ? &c->m : &c->n;
}

static const ir_expr *factor_of(const contract *c, int term, bool is_a) {
  const kernel_product *p = &c->seg->product[term];
  return is_a == c->swapped ? p->b : p->a;
}

static void add_axes(const factors *f, cuda_frame *frame, base_text *split,
                     const contract_indices *list, const char *number) {
  base_arena *arena = f->c->bind->arena;
  const char *rest = number;
  for (int i = list->n - 1; i >= 0; i--) {
    const char *name = base_format(arena, "%s%d", number, i);
    frame->axis[frame->naxis + i] = (cuda_axis){.index = list->index[i], .text = name, .into = -1};
    if (i == 0) {
      base_putf(split, "    const idx %s = %s;\n", name, rest);
      continue;
    }
    const char *by = cuda_args_divisor(f->args,
                                       ir_eval_size(list->index[i]->extent, f->c->bind->symbols)),
               *next = base_format(arena, "%s_%d", number, i);
    base_putf(split, "    const int %s = quotient(%s, %s);\n    const idx %s = %s - %s * %s.by;\n",
              next, rest, by, name, rest, next, by);
    rest = next;
  }
  frame->naxis += list->n;
}

/* Axes batch, row, k; and the text that takes their numbers apart. */
static cuda_frame frame_of(const factors *f, const side *s, base_text *split) {
  const contract *c = f->c;
  const contract_indices *rows = rows_of(c, s->is_a);
  cuda_frame frame = {
      .lanes = s->lanes, .repeats = 1, .vector = -1, .asks = true, .whole = true, .wide = f->wide};
  int n = c->batch.n + rows->n + c->k.n;
  frame.axis = BASE_NEWS(c->bind->arena, cuda_axis, n + 1);
  add_axes(f, &frame, split, &c->batch, "batch");
  add_axes(f, &frame, split, rows, "row");
  add_axes(f, &frame, split, &c->k, "k");
  if (s->lanes > 1) frame.vector = (s->along_k ? n : n - c->k.n) - 1;
  return frame;
}

/* The elements that may be read at once along the last index of LIST, by all terms; 0: they do not
 * lie side by side there. */
static int lanes_along(const factors *f, bool is_a, bool along_k, const contract_indices *list) {
  device_bind *bind = f->c->bind;
  if (list->n == 0) return 0;
  const ir_index *last = list->index[list->n - 1];
  int lanes = ir_type_bytes(sum_type(f->c->seg)) == 8 ? 2 : 4;
  while (ir_eval_size(last->extent, bind->symbols) % lanes != 0) lanes /= 2;
  for (int t = 0; t < f->c->terms; t++) {
    factors probe = {.c = f->c, .args = cuda_args_open(bind), .wide = f->wide};
    base_text split = base_text_open(bind->arena);
    kernel_code *code = kernel_code_open(bind->arena, bind->program);
    int value = kernel_code_value(code, factor_of(f->c, t, is_a));
    while (code->values.at[value].op == IR_CAST) value = code->values.at[value].arg[0];
    if (code->values.at[value].op != IR_READ ||
        cuda_access_step(bind, code->values.at[value].u.access, last) != 1)
      return 0;
    if (lanes == 1) continue;
    cuda_frame frame = frame_of(&probe, &(side){is_a, along_k, lanes}, &split);
    int chunk = cuda_emit_chunk(cuda_emit_open(bind, code, probe.args, &frame));
    if (chunk < lanes) lanes = chunk;
  }
  return lanes;
}

static side side_of(const factors *f, bool is_a) {
  int k = lanes_along(f, is_a, true, &f->c->k),
      row = lanes_along(f, is_a, false, rows_of(f->c, is_a));
  bool along_k = k > row || (k == row && k > 0);
  int lanes = along_k ? k : row;
  return (side){is_a, along_k, lanes > 0 ? lanes : 1};
}

/* load_a or load_b: values of one term, as sums are counted. */
static void put_loads(factors *f, const side *s) {
  const contract *c = f->c;
  const char *sum = cuda_c_type(sum_type(c->seg));
  base_putf(f->text,
            "FN void load_%s(const factor_args &a, int term, int batch, int row, int k, int valid, "
            "%s (&to)[%d]) {\n  const bool FULL = false;\n  (void)batch, (void)row, (void)k;\n",
            s->is_a ? "a" : "b", sum, s->lanes);
  for (int t = 0; t < c->terms; t++) {
    base_text body = base_text_open(c->bind->arena), split = base_text_open(c->bind->arena);
    cuda_frame *frame = BASE_NEW(c->bind->arena, cuda_frame);
    *frame = frame_of(f, s, &split);
    kernel_code *code = kernel_code_open(c->bind->arena, c->bind->program);
    int value = kernel_code_value(code, factor_of(c, t, s->is_a));
    cuda_emit *e = cuda_emit_open(c->bind, code, f->args, frame);
    cuda_emit_values(e, &body, 1, &value);
    base_putf(f->text, "  if (TERMS == 1 || term == %d) {\n%s%s", t, split.at, body.at);
    base_putf(f->text, "    EACH(l, %d) to[l] = valid > 0 ? (%s)%s : (%s)0;\n  }\n", s->lanes, sum,
              cuda_emit_ref(e, value, s->lanes > 1 ? CUDA_LANE : CUDA_ONE), sum);
  }
  base_put(f->text, "}\n");
}

/* ---- one segment ----------------------------------------------------------------------------- */

/* Large tiles where they fill the machine. */
static int tile_of(const contract *c) {
  double tiles = (double)((c->m.count + 127) / 128) * (double)((c->n.count + 127) / 128) *
                 (double)c->batch.count;
  bool wide = ir_type_bytes(sum_type(c->seg)) == 8;
  return wide || tiles < cuda_of(c->bind->device)->sms ? 64 : 128;
}

/* A thread has 8 x 8 sums; of the wide types, 4 x 8. */
static int threads_of(const contract *c, int tile) {
  return tile * tile / (ir_type_bytes(sum_type(c->seg)) == 8 ? 32 : 64);
}

static void put_kernel(const contract *c, base_text *text, factors *f, cuda_args **body, int tile) {
  side a = side_of(f, true), b = side_of(f, false);
  base_text loads = base_text_open(c->bind->arena);
  f->text = &loads;
  put_loads(f, &a);
  put_loads(f, &b);
  base_putf(text,
            "#define THREADS %d\n#define SUM %s\n#define ROWS %d\n#define COLS %d\n#define TERMS "
            "%d\n#define VECTOR %d\n"
            "#define A_LANES %d\n#define A_ALONG_K %d\n#define B_LANES %d\n#define B_ALONG_K %d\n",
            threads_of(c, tile), cuda_c_type(sum_type(c->seg)), tile, tile, c->terms,
            contract_vector(c), a.lanes, a.along_k, b.lanes, b.along_k);
  cuda_args_declare(f->args, text, "factor_args");
  base_put(text, loads.at);
  *body = contract_body(c, text, f->wide);
  base_put(text, cuda_text_contract_simt);
}

static void add_segment(const contract *c, cuda_launch *l, int stage) {
  device_bind *bind = c->bind;
  factors f = {.c = c, .args = cuda_args_open(bind)};
  f.wide = cuda_is_wide(bind, c->seg->neq, c->seg->eq);
  base_text source = cuda_emit_source(bind, f.wide);
  cuda_args *body;
  int tile = tile_of(c);
  put_kernel(c, &source, &f, &body, tile);
  int64_t tiles_m = (c->m.count + tile - 1) / tile, tiles_n = (c->n.count + tile - 1) / tile;
  size_t bytes = ir_type_bytes(sum_type(c->seg));
  int shared = (int)(2 * SIMT_DEPTH * 2 * ((size_t)tile + 16 / bytes) * bytes);
  cuda_stage *s = &l->stage[stage];
  s->kernel = cuda_compile(bind, "contract", &source, &(cuda_options){.shared = shared});
  s->grid[0] = (unsigned)(tiles_m * tiles_n * c->batch.count);
  s->block = (unsigned)threads_of(c, tile);
  s->shared = (unsigned)shared;
  s->overlap = true;
  s->name =
      base_format(bind->arena, "cuda.contract.simt: %s", c->seg->eq[c->seg->main].eq->head->name);
  cuda_struct_open(l, stage);
  cuda_pass_i32(l, stage, (int32_t)c->m.count);
  cuda_pass_i32(l, stage, (int32_t)c->n.count);
  cuda_pass_i32(l, stage, (int32_t)c->k.count);
  cuda_pass_i32(l, stage, (int32_t)tiles_m);
  cuda_pass_i32(l, stage, (int32_t)tiles_n);
  cuda_struct_close(l, stage);
  cuda_struct_open(l, stage);
  cuda_args_pass(f.args, l, stage);
  cuda_struct_close(l, stage);
  cuda_struct_open(l, stage);
  cuda_args_pass(body, l, stage);
  cuda_struct_close(l, stage);
}

device_launch *cuda_prepare_simt(device_bind *bind) {
  const kernel *k = bind->kernel;
  contract *c = BASE_NEWS(bind->arena, contract, k->nsegment + 1);
  for (int s = 0; s < k->nsegment; s++) {
    if (contract_of(bind, &k->segment[s], &c[s])) return cuda_prepare_any(bind);
    double blocks = (double)((c[s].m.count + 63) / 64) * (double)((c[s].n.count + 63) / 64) *
                    (double)c[s].batch.count;
    if (c[s].k.count == 0 || blocks == 0 || blocks > INT32_MAX) return cuda_prepare_any(bind);
  }
  cuda_launch *l = cuda_launch_new(bind, k->nsegment);
  for (int s = 0; s < k->nsegment; s++) add_segment(&c[s], l, s);
  return &l->head;
}
