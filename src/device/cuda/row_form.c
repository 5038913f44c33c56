/* row: the form of a launch: which axes it has, in which order, and what is known of them. */
#include <string.h>

#include "device/cuda/row.h"

ir_type row_type(const row_job *job, int o) { return (ir_type)row_eq(job, o)->body->type; }

const char *row_by(const row_job *job, int o) {
  return base_format(job->bind->arena, "by_%s", cuda_combine(row_eq(job, o)->agg) + strlen("op_"));
}

static void add_homes(row_form *f) {
  const ir_program *p = f->job->bind->program;
  for (int t = 0; t < p->tensors.n; t++) {
    if (!f->job->room[t]) continue;
    cuda_home *home = f->frame.home[t] = BASE_NEW(f->job->bind->arena, cuda_home);
    *home = (cuda_home){.text = cuda_args_room(f->args, CUDA_SCRATCH, f->job->room[t] - 1),
                        .type = ir_type_computed(p->tensors.at[t]->type)};
  }
}

static void add_axes(row_form *f, int n, const ir_index *const *index, char letter) {
  for (int i = 0; i < n; i++) {
    const char *text =
        letter ? base_format(f->job->bind->arena, "%c%d", letter, f->frame.naxis) : NULL;
    f->frame.axis[f->frame.naxis++] = (cuda_axis){.index = index[i], .text = text, .into = -1};
  }
}

/* Axes of the segment that this part has not: nothing that it computes moves along them. */
static void add_others(row_form *f, int n, const ir_index *const *index) {
  for (int i = 0; i < n; i++) {
    bool known = false;
    for (int k = 0; k < f->frame.naxis; k++) known = known || f->frame.axis[k].index == index[i];
    if (!known) add_axes(f, 1, &index[i], 0);
  }
}

static int merge(row_form *f, int from, int n) {
  int last = cuda_merge_axes(f->job->bind, f->job->code, n, f->frame.axis + from);
  for (int i = from; i < from + n; i++)
    if (f->frame.axis[i].into >= 0) f->frame.axis[i].into += from;
  return last < 0 ? -1 : last + from;
}

static void count_steps(row_form *f) {
  int n = f->part->nframe;
  f->rows = cuda_points(f->job->bind, &f->frame, 0, n);
  f->steps = cuda_points(f->job->bind, &f->frame, n, n + f->part->nline);
}

void row_open(row_form *f, const row_job *job, const row_part *part) {
  device_bind *bind = job->bind;
  int all = part->nframe + part->nline + job->seg->nframe + job->seg->nline;
  *f = (row_form){
      .job = job, .part = part, .args = cuda_args_open(bind), .text = base_text_open(bind->arena)};
  f->frame = (cuda_frame){.lanes = 1, .repeats = 1, .vector = -1, .asks = true, .wide = job->wide};
  f->frame.axis = BASE_NEWS(bind->arena, cuda_axis, all + 1);
  f->frame.home = BASE_NEWS(bind->arena, cuda_home *, bind->program->tensors.n + 1);
  add_homes(f);
  add_axes(f, part->nframe, part->frame, 'f');
  add_axes(f, part->nline, part->line, 'l');
  f->frame_vector = merge(f, 0, part->nframe);
  f->line_vector = merge(f, part->nframe, part->nline);
  add_others(f, job->seg->nframe, job->seg->frame);
  add_others(f, job->seg->nline, job->seg->line);
  count_steps(f);
}

void row_set_repeats(row_form *f, int repeats) {
  f->frame.repeats = repeats;
  for (int i = f->part->nframe; i < f->part->nframe + f->part->nline; i++)
    f->frame.axis[i].repeats = repeats > 1;
}

void row_set_lanes(row_form *f, int which, int most, int repeats) {
  device_bind *bind = f->job->bind;
  int64_t n = which < 0 ? 1 : cuda_axis_extent(bind, f->frame.axis, which);
  int lanes = most;
  while (lanes > 1 && (lanes > n || (n % lanes != 0 && n < 8 * lanes))) lanes /= 2;
  row_set_repeats(f, repeats);
  f->frame.vector = which;
  f->frame.lanes = lanes;
  if (lanes > 1)
    f->frame.lanes =
        cuda_emit_chunk(cuda_emit_open(bind, f->job->code, cuda_args_open(bind), &f->frame));
  f->frame.whole = which < 0 || n % f->frame.lanes == 0;
  count_steps(f);
}

void row_name_results(row_form *f, cuda_class class) {
  for (int i = 0; i < f->part->nred; i++) {
    int o = f->part->red[i];
    const ir_tensor *t = row_eq(f->job, o)->head;
    cuda_home *home = BASE_NEW(f->job->bind->arena, cuda_home);
    const cuda_home *old = f->frame.home[t->id];
    *home = (cuda_home){
        .text = base_format(f->job->bind->arena, "r%d", o), .variable = true, .class = class};
    home->memory = old ? old->text : NULL;
    home->type = ir_type_computed(t->type);
    f->frame.home[t->id] = home;
  }
}

/* ---- which way ------------------------------------------------------------------------------- */

static bool moves(const row_form *f, const kernel_access *access, int axis, int64_t *step) {
  if (axis < 0) return false;
  *step = cuda_access_step(f->job->bind, access, f->frame.axis[axis].index);
  return *step != 0;
}

int row_reads(const row_job *job) {
  int n = 0;
  for (int i = 0; i < job->code->values.n; i++) {
    const kernel_value *v = &job->code->values.at[i];
    bool result = v->op != IR_READ || v->u.access->tensor->rank == 0;
    for (int o = 0; o < job->code->outputs.n && !result; o++)
      result = row_eq(job, o)->head == v->u.access->tensor;
    n += !result;
  }
  return n;
}

/* The reads that lie close along the frame outnumber those that do along the line. */
bool row_prefers_columns(const row_job *job, const row_part *part) {
  row_form f;
  row_open(&f, job, part);
  int along_line = 0, along_frame = 0;
  if (f.frame_vector < 0) return false;
  if (f.line_vector < 0) return true;
  for (int i = 0; i < job->code->values.n; i++) {
    const kernel_value *v = &job->code->values.at[i];
    int64_t step;
    if (v->op != IR_READ) continue;
    along_line += moves(&f, v->u.access, f.line_vector, &step) && step == 1;
    along_frame += moves(&f, v->u.access, f.frame_vector, &step) && step == 1 &&
                   moves(&f, v->u.access, f.line_vector, &step);
  }
  return along_frame > along_line;
}
