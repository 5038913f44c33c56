/* row: columns. Neighbouring threads have neighbouring vectors of the frame; the rest of a block,
 * and several blocks, go through slices of the line, and what they found is joined in order. */
#include "device/cuda/row.h"

enum { COLUMNS_BLOCK = 256, COLUMNS_REPEATS = 4, COLUMNS_SPLITS = 128, COLUMNS_BLOCKS = 4 };

typedef struct shape {
  int wide, tall;
  int64_t tiles, splits;
} shape; /* threads; blocks */

static shape shape_of(const row_form *f) {
  shape s = {.wide = 32};
  while (s.wide > 1 && s.wide / 2 >= f->rows) s.wide /= 2;
  s.tall = COLUMNS_BLOCK / s.wide;
  s.tiles = (f->rows + s.wide - 1) / s.wide;
  int64_t each = (int64_t)s.tall * f->frame.repeats, most = (f->steps + each - 1) / each;
  s.splits = (int64_t)cuda_of(f->job->bind->device)->sms * COLUMNS_BLOCKS / s.tiles;
  if (s.splits > most) s.splits = most;
  if (s.splits > COLUMNS_SPLITS) s.splits = COLUMNS_SPLITS;
  if (s.splits < 1) s.splits = 1;
  s.splits = (most + (most + s.splits - 1) / s.splits - 1) / ((most + s.splits - 1) / s.splits);
  return s;
}

static const char *c_type(const row_job *job, int o) { return cuda_c_type(row_type(job, o)); }
static const char *neutral(const row_job *job, int o) {
  return cuda_neutral(row_eq(job, o)->agg, row_type(job, o));
}

static void put_place(row_form *f, const shape *s, const char *splits) {
  base_putf(&f->text, "  const int tx = threadIdx.x %% %d, ty = threadIdx.x / %d;\n", s->wide,
            s->wide);
  if (s->splits > 1) {
    const char *d = cuda_args_divisor(f->args, s->splits);
    base_putf(&f->text,
              "  const int32_t tile = quotient((int32_t)blockIdx.x, %s), split = "
              "(int32_t)blockIdx.x - tile * %s;\n",
              d, splits);
  } else {
    base_put(&f->text, "  const int32_t tile = (int32_t)blockIdx.x, split = 0;\n");
  }
  const char *rows = cuda_args_fixed(f->args, f->rows, false);
  base_putf(&f->text, "  const int32_t column = tile * %d + tx, columns = %s;\n", s->wide, rows);
  cuda_put_axes(&f->text, &f->frame, 0, f->part->nframe);
  base_put(&f->text, "  { int32_t at = column < columns ? column : 0; (void)at;\n");
  cuda_put_coordinates(f->job->bind, f->args, &f->text, &f->frame, 0, f->part->nframe);
  base_putf(&f->text, "  }\n  const int lanes = column < columns ? %s : 0;\n",
            cuda_lanes_inside(f->job->bind, f->args, &f->frame));
}

static void put_loop(row_form *f, const shape *s, const char *splits) {
  const char *u = f->frame.repeats > 1 ? "[u]" : "", *n = cuda_args_fixed(f->args, f->steps, false);
  int from = f->part->nframe, to = from + f->part->nline, each = s->tall * f->frame.repeats;
  base_putf(&f->text, "  for (int32_t first = split * %d; first < %s; first += %s * %d) {\n", each,
            n, splits, each);
  cuda_put_axes(&f->text, &f->frame, from, to);
  base_put(&f->text, "    bool full = true;\n");
  if (f->frame.repeats > 1)
    base_putf(&f->text, "    int valid[%d];\n    EACH(u, %d) {\n", f->frame.repeats,
              f->frame.repeats);
  else
    base_put(&f->text, "    int valid;\n    {\n");
  base_putf(&f->text, "    int32_t at = first + %sty;\n",
            f->frame.repeats > 1 ? base_format(f->job->bind->arena, "u * %d + ", s->tall) : "");
  base_putf(&f->text, "    const bool in = at < %s;\n    if (!in) at = 0;\n", n);
  cuda_put_coordinates(f->job->bind, f->args, &f->text, &f->frame, from, to);
  base_putf(&f->text, "    valid%s = in ? lanes : 0;\n    full = full && valid%s == %d;\n    }\n",
            u, u, f->frame.lanes);
  row_put_call(f, &f->text);
  base_put(&f->text, "  }\n");
}

static void put_slices(row_form *f, const shape *s) {
  for (int i = 0; i < f->part->nred; i++)
    base_putf(&f->text, "  row_slices<%d, %d, %s>(s%d, places);\n", s->wide, f->frame.lanes,
              row_by(f->job, f->part->red[i]), f->part->red[i]);
}

/* Over the blocks of a tile, by the last of them. */
static void put_results(row_form *f, const shape *s, const char *splits) {
  const row_job *job = f->job;
  const row_part *part = f->part;
  int v = f->frame.lanes;
  put_slices(f, s);
  if (s->splits == 1 || part->nred == 0) return;
  const char *counter = cuda_args_room(f->args, CUDA_ZEROS,
                                       cuda_reserve(job->launch, CUDA_ZEROS, (size_t)s->tiles * 4));
  for (int i = 0; i < part->nred; i++) {
    int o = part->red[i];
    int64_t room = cuda_reserve(job->launch, CUDA_SCRATCH, (size_t)(s->splits * f->rows * v) * 8);
    base_putf(&f->text, "  %s *p%d = (%s *)%s;\n", c_type(job, o), o, c_type(job, o),
              cuda_args_room(f->args, CUDA_SCRATCH, room));
    base_putf(&f->text,
              "  if (ty == 0 && column < columns) row_leave<%d>(p%d, (int64_t)split * columns + "
              "column, s%d);\n",
              v, o, o);
  }
  base_putf(&f->text, "  if (!row_is_last((unsigned *)%s + tile, %s, places)) return;\n", counter,
            splits);
  for (int i = 0; i < part->nred; i++) {
    int o = part->red[i];
    base_putf(&f->text, "  EACH(l, %d) s%d[l] = (%s)%s;\n", v, o, c_type(job, o), neutral(job, o));
    base_putf(&f->text,
              "  if (column < columns) row_collect<%d, %s>(s%d, p%d, column, columns, %s, ty, "
              "%d);\n",
              v, row_by(job, o), o, o, splits, s->tall);
  }
  put_slices(f, s);
}

void row_columns(const row_job *job, const row_part *part) {
  row_form f;
  base_text step = base_text_open(job->bind->arena);
  int reads = row_reads(job);
  row_open(&f, job, part);
  row_set_lanes(&f, f.frame_vector, reads > 3 ? 4 : cuda_lanes_of(job->code),
                f.steps >= 64 && reads < 4 ? COLUMNS_REPEATS : 1);
  base_putf(&step, "#define ACCUMULATE(s, by) EACH(l, %d) s[l %% %d] = by::of(s[l %% %d], x[l]);\n",
            f.frame.lanes * f.frame.repeats, f.frame.lanes, f.frame.lanes);
  row_put_step(&f, &step);
  shape s = shape_of(&f);
  f.at_once = COLUMNS_BLOCKS;
  const char *splits = cuda_args_fixed(f.args, s.splits, false);
  if (part->nred) base_put(&f.text, "  TL_SHARED(char, places);\n");
  put_place(&f, &s, splits);
  for (int i = 0; i < part->nred; i++)
    base_putf(&f.text, "  %s s%d[%d];\n  EACH(l, %d) s%d[l] = (%s)%s;\n", c_type(job, part->red[i]),
              part->red[i], f.frame.lanes, f.frame.lanes, part->red[i], c_type(job, part->red[i]),
              neutral(job, part->red[i]));
  put_loop(&f, &s, splits);
  put_results(&f, &s, splits);
  base_put(&f.text, part->nred || s.splits == 1 ? "  if (ty > 0) return;\n"
                                                : "  if (ty > 0 || split > 0) return;\n");
  base_put(&f.text, "  const bool FULL = false;\n  const int valid = lanes;\n");
  for (int i = 0; i < part->nred; i++) {
    int o = part->red[i];
    const ir_tensor *t = row_eq(job, o)->head;
    bool rounds = job->seg->eq[o].level == KERNEL_GLOBAL && t->type != ir_type_computed(t->type);
    base_putf(&f.text, "  %s r%d[%d];\n  EACH(l, %d) r%d[l] = %s%s(s%d[l]);\n", c_type(job, o), o,
              f.frame.lanes, f.frame.lanes, o, rounds ? "cast_" : "",
              rounds ? ir_type_name(t->type) : "", o);
  }
  row_set_repeats(&f, 1);
  row_name_results(&f, CUDA_LANE);
  for (int i = 0; i < part->nred && f.frame.lanes == 1;
       i++) { /* one lane: no array for the emitter */
    cuda_home *home = f.frame.home[row_eq(job, part->red[i])->head->id];
    home->text = base_format(job->bind->arena, "r%d[0]", part->red[i]);
    home->class = CUDA_ONE;
  }
  row_put_finish(&f, &f.text);
  int each = s.wide * f.frame.lanes * s.tall * 8;
  row_launch(&f, &step, s.tiles * s.splits, COLUMNS_BLOCK, each + ROW_SHARED);
}
