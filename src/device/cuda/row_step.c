/* row: what launches that go through a line step by step share: the step, what follows on the
 * results, and the launch itself. */
#include "device/cuda/row.h"

static bool is_stored(const row_job *job, int o) {
  return job->seg->eq[o].level == KERNEL_GLOBAL || job->room[row_eq(job, o)->head->id] != 0;
}

static void put_parameters(const row_form *f, base_text *out, bool declare) {
  for (int i = 0; i < f->frame.naxis; i++) {
    const cuda_axis *x = &f->frame.axis[i];
    if (!x->text) continue;
    if (!declare)
      base_putf(out, ", %s", x->text);
    else if (x->repeats && f->frame.repeats > 1)
      base_putf(out, ", const idx (&%s)[%d]", x->text, f->frame.repeats);
    else
      base_putf(out, ", idx %s", x->text);
  }
}

/* template <bool FULL> step(a, indices, valid, sums): values and stores of the maps, and all lanes
 * of what is reduced, in x, to the sums by the macro ACCUMULATE(sum, by). */
void row_put_step(row_form *f, base_text *out) {
  const row_job *job = f->job;
  const row_part *part = f->part;
  base_arena *arena = job->bind->arena;
  int n = f->frame.lanes * f->frame.repeats,
      *value = BASE_NEWS(arena, int, part->nred + part->nstore + 1), k = 0;
  cuda_emit *e = cuda_emit_open(job->bind, job->code, f->args, &f->frame);
  for (int i = 0; i < part->nred; i++) value[k++] = job->code->outputs.at[part->red[i]].value;
  for (int i = 0; i < part->nstore; i++) value[k++] = job->code->outputs.at[part->store[i]].value;
  base_put(out, "template <bool FULL> FN void step(const arguments &a");
  put_parameters(f, out, true);
  if (f->frame.repeats > 1)
    base_putf(out, ", const int (&valid)[%d]", f->frame.repeats);
  else
    base_put(out, ", int valid");
  for (int i = 0; i < part->nred; i++) {
    const char *type = cuda_c_type(row_type(job, part->red[i]));
    if (f->frame.vector == f->frame_vector && f->frame.vector >= 0)
      base_putf(out, ", %s (&s%d)[%d]", type, part->red[i], f->frame.lanes);
    else
      base_putf(out, ", %s &s%d", type, part->red[i]);
  }
  base_put(out, ") {\n");
  cuda_emit_values(e, out, k, value);
  for (int i = 0; i < part->nstore; i++) {
    const kernel_output *o = &job->code->outputs.at[part->store[i]];
    cuda_emit_store(e, out, o->value, o->access);
  }
  const char *there = f->frame.repeats > 1 ? base_format(arena, "l %% %d < valid[l / %d]",
                                                         f->frame.lanes, f->frame.lanes)
                                           : "l < valid";
  for (int i = 0; i < part->nred; i++) {
    int o = part->red[i];
    const char *type = cuda_c_type(row_type(job, o));
    cuda_class loop = n > 1 ? CUDA_LANE : CUDA_ONE;
    base_putf(out, "  { %s x[%d]; EACH(l, %d) x[l] = FULL || %s ? (%s)%s : (%s)%s; ", type, n, n,
              there, type, cuda_emit_ref(e, job->code->outputs.at[o].value, loop), type,
              cuda_neutral(row_eq(job, o)->agg, row_type(job, o)));
    base_putf(out, "ACCUMULATE(s%d, %s) }\n", o, row_by(job, o));
  }
  base_put(out, "}\n");
}

void row_put_call(const row_form *f, base_text *out) {
  for (int full = 1; full >= 0; full--) {
    base_put(out, full ? "    if (full) step<true>(a" : "    else step<false>(a");
    put_parameters(f, out, false);
    base_put(out, ", valid");
    for (int i = 0; i < f->part->nred; i++) base_putf(out, ", s%d", f->part->red[i]);
    base_put(out, ");\n");
  }
}

/* The results r0.., rounded as stored, and maps made of them; in a scope of their own. */
void row_put_finish(row_form *f, base_text *out) {
  const row_job *job = f->job;
  const row_part *part = f->part;
  for (int i = f->part->nframe; i < f->frame.naxis; i++) f->frame.axis[i].text = NULL;
  cuda_emit *e = cuda_emit_open(job->bind, job->code, f->args, &f->frame);
  int *value = BASE_NEWS(job->bind->arena, int, part->nfinish + 1);
  for (int i = 0; i < part->nfinish; i++) value[i] = job->code->outputs.at[part->finish[i]].value;
  cuda_emit_values(e, out, part->nfinish, value);
  for (int i = 0; i < part->nred; i++) {
    const kernel_output *o = &job->code->outputs.at[part->red[i]];
    const cuda_home *home = f->frame.home[o->eq->eq->head->id];
    if (is_stored(job, part->red[i]))
      cuda_emit_store_as(e, out, home->text, home->class, o->access);
  }
  for (int i = 0; i < part->nfinish; i++) {
    const kernel_output *o = &job->code->outputs.at[part->finish[i]];
    cuda_emit_store(e, out, o->value, o->access);
  }
}

void row_launch(row_form *f, const base_text *functions, int64_t blocks, int block, int shared) {
  device_bind *bind = f->job->bind;
  cuda_launch *l = f->job->launch;
  base_text source = cuda_emit_source(bind, f->frame.wide);
  base_put(&source, cuda_text_row);
  cuda_args_declare(f->args, &source, "arguments");
  if (functions) base_put(&source, functions->at);
  base_putf(&source,
            "extern \"C\" __global__ void __launch_bounds__(%d%s) row(const __grid_constant__ "
            "arguments a) {\n"
            "  ptx_allow_next();\n  ptx_wait_for_previous();\n%s}\n",
            block, f->at_once ? base_format(bind->arena, ", %d", f->at_once) : "", f->text.at);
  int at = l->nstage++;
  cuda_stage *stage = &l->stage[at];
  stage->kernel = cuda_compile(bind, "row", &source, NULL);
  cuda_struct_open(l, at);
  cuda_args_pass(f->args, l, at);
  cuda_struct_close(l, at);
  stage->grid[0] = (unsigned)blocks;
  stage->block = (unsigned)block;
  stage->shared = (unsigned)shared;
  stage->overlap = true;
  stage->name = base_format(bind->arena, "cuda.row: %s", row_eq(f->job, 0)->head->name);
}
