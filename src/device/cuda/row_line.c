/* row: lines held in registers, and lines that blocks go through step by step. */
#include "device/cuda/row.h"

enum {
  LINE_ELEMENTS = 32, /* of a thread at most, with one read */
  LINE_GROUP = 1024,  /* threads of a line at most */
  LINE_BLOCK = 256,
  LINE_SPREAD = 132 * 2048, /* vectors from which on a thread takes several */
  SPLIT_BLOCK = 256,
  SPLIT_BLOCKS = 8, /* of a multiprocessor at most */
};

/* ---- in registers ---------------------------------------------------------------------------- */

typedef struct grouping {
  int group, repeats, rows;
} grouping; /* rows of a block */

static int64_t next_power(int64_t n) {
  int64_t p = 1;
  while (p < n) p *= 2;
  return p;
}

/* Vectors of 4: repeats of at most 8. */
static grouping group_of(const row_form *f) {
  int most = LINE_ELEMENTS / f->frame.lanes, reads = row_reads(f->job);
  if (reads > 2) most /= 2;
  if (reads > 5) most /= 2;
  if (most < 1) most = 1;
  grouping g = {.repeats = 1};
  double vectors = (double)f->rows * (double)f->steps;
  int64_t threads = f->steps;
  if (vectors > LINE_SPREAD || threads > LINE_GROUP)
    while (g.repeats < most && (g.repeats < 4 || threads > LINE_GROUP) && threads > 32) {
      g.repeats *= 2;
      threads = (f->steps + g.repeats - 1) / g.repeats;
    }
  g.group = threads > LINE_GROUP ? 0 : (int)next_power(threads);
  if (!g.group) return g;
  if (g.group > 32) {
    g.rows = 1;
    return g;
  }
  int block = LINE_BLOCK;
  while (block > 32 && (double)f->rows * g.group < 132.0 * block) block /= 2;
  g.rows = block / g.group;
  return g;
}

bool row_fits_registers(const row_job *job, const row_part *part) {
  row_form f;
  if (row_prefers_columns(job, part)) return false;
  row_open(&f, job, part);
  row_set_lanes(&f, f.line_vector, cuda_lanes_of(job->code), 1);
  grouping g = group_of(&f);
  return g.group > 0;
}

static bool is_stored(const row_job *job, int o) {
  return job->seg->eq[o].level == KERNEL_GLOBAL || job->room[row_eq(job, o)->head->id] != 0;
}

static void put_reduction(row_form *f, cuda_emit *e, const grouping *g, int o, int slot) {
  const row_job *job = f->job;
  const kernel_output *out = &job->code->outputs.at[o];
  const ir_eq *eq = row_eq(job, o);
  ir_type type = row_type(job, o);
  const char *c = cuda_c_type(type), *neutral = cuda_neutral(eq->agg, type);
  int n = f->frame.lanes * f->frame.repeats;
  cuda_emit_values(e, &f->text, 1, &out->value);
  const char *there =
      f->frame.repeats > 1
          ? base_format(job->bind->arena, "l %% %d < valid[l / %d]", f->frame.lanes, f->frame.lanes)
          : "l < valid";
  base_putf(&f->text, "  %s r%d;\n  { %s x[%d]; EACH(l, %d) x[l] = %s ? (%s)%s : (%s)%s;\n", c, o,
            c, n, n, there, c, cuda_emit_ref(e, out->value, n > 1 ? CUDA_LANE : CUDA_ONE), c,
            neutral);
  base_putf(&f->text, "    r%d = row_group<%d, %s>(row_fold<%d, %s>(x), (%s)%s, places + %d); }\n",
            o, g->group, row_by(job, o), n, row_by(job, o), c, neutral, slot * ROW_SHARED);
  if (job->seg->eq[o].level == KERNEL_GLOBAL && eq->head->type != ir_type_computed(eq->head->type))
    base_putf(&f->text, "  r%d = (%s)cast_%s(r%d);\n", o, c, ir_type_name(eq->head->type), o);
  if (!is_stored(job, o)) return;
  base_put(&f->text, "  if (leads) {\n");
  cuda_emit_store_as(e, &f->text, base_format(job->bind->arena, "r%d", o), CUDA_ONE, out->access);
  base_put(&f->text, "  }\n");
}

static void put_line(row_form *f) {
  const char *u = f->frame.repeats > 1 ? "[u]" : "";
  int from = f->part->nframe, to = from + f->part->nline;
  cuda_put_axes(&f->text, &f->frame, from, to);
  if (f->frame.repeats > 1)
    base_putf(&f->text, "  int valid[%d];\n  EACH(u, %d) {\n", f->frame.repeats, f->frame.repeats);
  else
    base_put(&f->text, "  int valid;\n  {\n");
  base_putf(&f->text, "    int32_t at = %slane;\n", f->frame.repeats > 1 ? "u * GROUP + " : "");
  base_putf(&f->text, "    const bool in = there && at < %s;\n    if (!in) at = 0;\n",
            cuda_args_fixed(f->args, f->steps, false));
  cuda_put_coordinates(f->job->bind, f->args, &f->text, &f->frame, from, to);
  base_putf(&f->text, "    valid%s = in ? %s : 0;\n  }\n", u,
            cuda_lanes_inside(f->job->bind, f->args, &f->frame));
}

static void put_maps(row_form *f, cuda_emit *e) {
  const row_job *job = f->job;
  for (int i = 0; i < f->part->nstore; i++) {
    const kernel_output *out = &job->code->outputs.at[f->part->store[i]];
    cuda_emit_values(e, &f->text, 1, &out->value);
    cuda_emit_store(e, &f->text, out->value, out->access);
  }
  for (int i = 0; i < f->part->nfinish; i++) {
    const kernel_output *out = &job->code->outputs.at[f->part->finish[i]];
    cuda_emit_values(e, &f->text, 1, &out->value);
    base_put(&f->text, "  if (leads) {\n");
    cuda_emit_store(e, &f->text, out->value, out->access);
    base_put(&f->text, "  }\n");
  }
}

void row_registers(const row_job *job, const row_part *part) {
  row_form f;
  row_open(&f, job, part);
  row_set_lanes(&f, f.line_vector, cuda_lanes_of(job->code), 1);
  grouping g = group_of(&f);
  row_set_repeats(&f, g.repeats);
  row_name_results(&f, CUDA_ONE);
  cuda_emit *e = cuda_emit_open(job->bind, job->code, f.args, &f.frame);
  base_putf(&f.text, "  const bool FULL = false;\n  const int GROUP = %d;\n", g.group);
  if (g.group > 32)
    base_put(&f.text, "  TL_SHARED(char, places);\n");
  else
    base_put(&f.text, "  char *places = nullptr;\n");
  base_putf(&f.text, "  const int32_t lane = threadIdx.x %% %d;\n", g.group);
  base_putf(&f.text, "  int32_t at = blockIdx.x * %d + threadIdx.x / %d;\n", g.rows, g.group);
  base_putf(&f.text,
            "  const bool there = at < %s, leads = there && lane == 0;\n  if (!there) at = 0;\n",
            cuda_args_fixed(f.args, f.rows, false));
  cuda_put_axes(&f.text, &f.frame, 0, part->nframe);
  cuda_put_coordinates(job->bind, f.args, &f.text, &f.frame, 0, part->nframe);
  put_line(&f);
  int *all = BASE_NEWS(job->bind->arena, int, job->seg->neq + 1), n = 0;
  for (int i = 0; i < part->nred; i++) all[n++] = job->code->outputs.at[part->red[i]].value;
  for (int i = 0; i < part->nstore; i++) all[n++] = job->code->outputs.at[part->store[i]].value;
  cuda_emit_loads(e, &f.text, n, all);
  for (int i = 0; i < part->nred; i++) put_reduction(&f, e, &g, part->red[i], i);
  put_maps(&f, e);
  row_launch(&f, NULL, (f.rows + g.rows - 1) / g.rows, g.group * g.rows,
             g.group > 32 ? part->nred * ROW_SHARED : 0);
}

/* ---- step by step ---------------------------------------------------------------------------- */

/* How many blocks share a line. A multiple of the multiprocessors for all lines together, such that
 * the busiest of them has least to do. */
static int64_t splits_of(const row_form *f) {
  int64_t each = (int64_t)SPLIT_BLOCK * f->frame.repeats, steps = (f->steps + each - 1) / each;
  int64_t sms = cuda_of(f->job->bind->device)->sms, best = 1, least = INT64_MAX;
  if (steps <= 2) return 1;
  int64_t most =
      sms * SPLIT_BLOCKS / f->rows; /* a few steps each: the more loads at once the better */
  if (most >= 1 && steps <= 4 * most) return steps < most ? steps : most;
  for (int64_t k = SPLIT_BLOCKS; k >= 1; k--) {
    int64_t splits = sms * k / f->rows;
    if (splits < 1) splits = 1;
    if (splits > steps) splits = steps;
    int64_t busiest = (steps + splits - 1) / splits * k;
    if (splits * f->rows <= sms) busiest = (steps + splits - 1) / splits;
    if (busiest >= least) continue;
    least = busiest;
    best = splits;
  }
  return best;
}

static void put_split_loop(row_form *f, const char *splits) {
  const char *u = f->frame.repeats > 1 ? "[u]" : "";
  int from = f->part->nframe, to = from + f->part->nline, each = SPLIT_BLOCK * f->frame.repeats;
  const char *n = cuda_args_fixed(f->args, f->steps, false);
  base_putf(&f->text, "  for (int32_t first = split * %d; first < %s; first += %s * %d) {\n", each,
            n, splits, each);
  cuda_put_axes(&f->text, &f->frame, from, to);
  base_put(&f->text, "    bool full = true;\n");
  if (f->frame.repeats > 1)
    base_putf(&f->text, "    int valid[%d];\n    EACH(u, %d) {\n", f->frame.repeats,
              f->frame.repeats);
  else
    base_put(&f->text, "    int valid;\n    {\n");
  base_putf(&f->text, "    int32_t at = first + %sthreadIdx.x;\n",
            f->frame.repeats > 1 ? base_format(f->job->bind->arena, "u * %d + ", SPLIT_BLOCK) : "");
  base_putf(&f->text, "    const bool in = at < %s;\n    if (!in) at = 0;\n", n);
  cuda_put_coordinates(f->job->bind, f->args, &f->text, &f->frame, from, to);
  base_putf(&f->text, "    valid%s = in ? %s : 0;\n    full = full && valid%s == %d;\n    }\n", u,
            cuda_lanes_inside(f->job->bind, f->args, &f->frame), u, f->frame.lanes);
  row_put_call(f, &f->text);
  base_put(&f->text, "  }\n");
}

/* The block's sums, then those of all blocks of the line by the last one; r0.. are the results. */
static void put_split_results(row_form *f, int64_t splits, const char *count) {
  const row_job *job = f->job;
  const row_part *part = f->part;
  const char *counter = NULL;
  for (int i = 0; i < part->nred; i++) {
    int o = part->red[i];
    const char *c = cuda_c_type(row_type(job, o)),
               *neutral = cuda_neutral(row_eq(job, o)->agg, row_type(job, o));
    base_putf(&f->text, "  s%d = row_group<%d, %s>(s%d, (%s)%s, places + %d);\n", o, SPLIT_BLOCK,
              row_by(job, o), o, c, neutral, i * ROW_SHARED);
  }
  if (splits > 1 && part->nred) {
    counter = cuda_args_room(f->args, CUDA_ZEROS,
                             cuda_reserve(job->launch, CUDA_ZEROS, (size_t)f->rows * 4));
    for (int i = 0; i < part->nred; i++) {
      int o = part->red[i];
      const char *c = cuda_c_type(row_type(job, o));
      int64_t room = cuda_reserve(job->launch, CUDA_SCRATCH, (size_t)(f->rows * splits) * 8);
      base_putf(&f->text, "  %s *p%d = (%s *)%s + (int64_t)row * %s;\n", c, o, c,
                cuda_args_room(f->args, CUDA_SCRATCH, room), count);
      base_putf(&f->text, "  if (threadIdx.x == 0) p%d[split] = s%d;\n", o, o);
    }
    base_putf(&f->text, "  if (!row_is_last((unsigned *)%s + row, %s, places + %d)) return;\n",
              counter, count, 2 * part->nred * ROW_SHARED);
    for (int i = 0; i < part->nred; i++) {
      int o = part->red[i];
      const char *c = cuda_c_type(row_type(job, o)),
                 *neutral = cuda_neutral(row_eq(job, o)->agg, row_type(job, o));
      base_putf(&f->text,
                "  s%d = (%s)%s;\n  for (int32_t i = threadIdx.x; i < %s; i += %d) s%d = "
                "%s::of(s%d, p%d[i]);\n",
                o, c, neutral, count, SPLIT_BLOCK, o, row_by(job, o), o, o);
      base_putf(&f->text, "  s%d = row_group<%d, %s>(s%d, (%s)%s, places + %d);\n", o, SPLIT_BLOCK,
                row_by(job, o), o, c, neutral, (part->nred + i) * ROW_SHARED);
    }
  }
}

void row_split(const row_job *job, const row_part *part) {
  row_form f;
  base_text step = base_text_open(job->bind->arena);
  int reads = row_reads(job);
  row_open(&f, job, part);
  row_set_lanes(&f, f.line_vector, cuda_lanes_of(job->code), 1);
  int repeats = reads > 3 ? 1 : reads > 1 ? 2 : 4;
  while (repeats > 1 && f.steps <= SPLIT_BLOCK * repeats / 2) repeats /= 2;
  row_set_lanes(&f, f.line_vector, cuda_lanes_of(job->code), repeats);
  base_putf(&step, "#define ACCUMULATE(s, by) s = by::of(s, row_fold<%d, by>(x));\n",
            f.frame.lanes * f.frame.repeats);
  row_put_step(&f, &step);
  int64_t splits = splits_of(&f);
  f.at_once = reads == 1 && part->nstore == 0 ? SPLIT_BLOCKS : 0;
  const char *count = cuda_args_fixed(f.args, splits, false);
  if (part->nred) base_put(&f.text, "  TL_SHARED(char, places);\n");
  if (splits > 1) {
    const char *d = cuda_args_divisor(f.args, splits);
    base_putf(&f.text,
              "  const int32_t row = quotient((int32_t)blockIdx.x, %s), split = "
              "(int32_t)blockIdx.x - row * %s;\n",
              d, count);
  } else {
    base_put(&f.text, "  const int32_t row = (int32_t)blockIdx.x, split = 0;\n");
  }
  cuda_put_axes(&f.text, &f.frame, 0, part->nframe);
  base_put(&f.text, "  { int32_t at = row; (void)at;\n");
  cuda_put_coordinates(job->bind, f.args, &f.text, &f.frame, 0, part->nframe);
  base_put(&f.text, "  }\n");
  for (int i = 0; i < part->nred; i++) {
    int o = part->red[i];
    const char *c = cuda_c_type(row_type(job, o));
    base_putf(&f.text, "  %s s%d = (%s)%s;\n", c, o, c,
              cuda_neutral(row_eq(job, o)->agg, row_type(job, o)));
  }
  put_split_loop(&f, count);
  put_split_results(&f, splits, count);
  base_put(&f.text, splits > 1 && !part->nred && part->nfinish
                        ? "  if (threadIdx.x > 0 || split > 0) return;\n"
                        : "  if (threadIdx.x > 0) return;\n");
  for (int i = 0; i < part->nred; i++) {
    int o = part->red[i];
    const ir_tensor *t = row_eq(job, o)->head;
    bool rounds = job->seg->eq[o].level == KERNEL_GLOBAL && t->type != ir_type_computed(t->type);
    base_putf(&f.text, "  const %s r%d = %s%s(s%d);\n", cuda_c_type(row_type(job, o)), o,
              rounds ? "cast_" : "", rounds ? ir_type_name(t->type) : "", o);
  }
  row_name_results(&f, CUDA_ONE);
  f.frame.lanes = 1;
  row_set_repeats(&f, 1);
  f.frame.vector = -1;
  f.frame.asks = false;
  row_put_finish(&f, &f.text);
  row_launch(&f, &step, f.rows * splits, SPLIT_BLOCK, (2 * part->nred + 1) * ROW_SHARED);
}
