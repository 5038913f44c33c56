/* Running a bound plan: memory, steps, commits, outputs. */
#include "run/private.h"

#include <string.h>

typedef struct run_call {
  run_plan *plan;
  run_binding *binding;
  run_value *const *leaf;
  run_value **output;
  device_buffer *work;
} run_call;

/* ---- memory ---------------------------------------------------------------------------------- */

/* A state that is written in place must not be seen to change by who shares its buffer. */
static void unshare(run_value *v) {
  if (v->buffer->refs == 1) return;
  device_buffer *own = device_alloc(v->session->device, run_value_bytes(v), false);
  own->device->memory->copy(own->device, own->data, v->buffer->data, run_value_bytes(v));
  device_release(v->buffer);
  v->buffer = own;
}

static run_value *leaf_value(const run_call *c, const ir_tensor *t) {
  return c->leaf[c->plan->leaf_of[t->id]];
}

static void place_tensors(run_call *c) {
  const sched_plan *sched = c->plan->schedule;
  run_binding *b = c->binding;
  int n = sched->program->tensors.n;
  for (int i = 0; i < sched->program->commits.n; i++) {
    const ir_commit *commit = &sched->program->commits.at[i];
    const sched_memory *m = &sched->memory[commit->value->id];
    if (m->place == SCHED_OVER) unshare(leaf_value(c, commit->state));
  }
  for (int i = 0; i < c->plan->nleaf; i++) b->data[c->plan->leaf[i]->id] = c->leaf[i]->buffer->data;
  for (int t = 0; t < n; t++) {
    const sched_memory *m = &sched->memory[t];
    b->zeroed[t] = false;
    if (m->place == SCHED_WORK) b->data[t] = (char *)c->work->data + b->offset[t];
    if (m->place == SCHED_OUTPUT) {
      b->own[t] = device_alloc(c->plan->session->device, (size_t)b->bytes[t], false);
      b->data[t] = b->own[t]->data;
    }
  }
  for (int t = 0; t < n; t++)
    if (sched->memory[t].place == SCHED_OVER) {
      const ir_tensor *over = sched->memory[t].over;
      while (sched->memory[over->id].place == SCHED_OVER) over = sched->memory[over->id].over;
      b->data[t] = b->data[over->id];
    }
}

static void release_own(run_call *c) {
  int n = c->plan->schedule->program->tensors.n;
  for (int t = 0; t < n; t++) {
    device_release(c->binding->own[t]);
    c->binding->own[t] = NULL;
  }
  device_release(c->work);
  c->work = NULL;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void zero_before(run_call *c, const kernel *k) {
  run_binding *b = c->binding;
  device *d = c->plan->session->device;
  ir_tensor **zero = c->plan->zero[k->id];
  for (; zero && *zero; zero++)
    if (!b->zeroed[(*zero)->id]) {
      d->memory->zero(d, b->data[(*zero)->id], (size_t)b->bytes[(*zero)->id]);
      b->zeroed[(*zero)->id] = true;
    }
}

/* All that a loop will need: its first kernels may wait for later iterations than others. */
static void zero_before_block(run_call *c, const sched_block *block) {
  for (int i = 0; i < block->steps.n; i++)
    if (block->steps.at[i].kernel) zero_before(c, block->steps.at[i].kernel);
    else zero_before_block(c, &block->steps.at[i].loop->body);
}

static void run_kernel(run_call *c, const kernel *k) {
  run_binding *b = c->binding;
  zero_before(c, k);
  b->launch[k->id]->run(b->launch[k->id], b->data, b->symbols);
  c->plan->session->stats.kernels++;
}

static void run_block(run_call *c, const sched_block *block);

/* By how much the last round changed what the loop settles. */
static double moved_by(const run_call *c, const sched_loop *loop) {
  const ir_tensor *t = loop->until;
  device *d = c->plan->session->device;
  char element[8];
  size_t bytes = ir_type_bytes(t->type);
  size_t at = (size_t)ir_eval_size(loop->at, c->binding->symbols) * bytes;
  d->memory->read(d, element, (char *)c->binding->data[t->id] + at, bytes);
  return device_load(t->type, element, 0);
}

_Noreturn static void refuse_unsettled(const run_call *c, const ir_tensor *t, int64_t rounds,
                                       double moved) {
  base_raise(c->plan->session->ctx, BASE_RUNTIME, t->span,
             "%s has not settled in %lld rounds: the last changed an element by %g\n"
             "help: rounds(%s, %lld) allows more, settle(%s, 1e-6) a change that is passed over; "
             "what grows or swings without end has no solution",
             t->settles, (long long)rounds, moved, t->settles, (long long)rounds * 10, t->settles);
}

static void run_loop(run_call *c, const sched_loop *loop) {
  int64_t *symbols = c->binding->symbols;
  double moved = 0;
  int still = 0; /* iterations that changed nothing */
  int64_t from = ir_eval_size(loop->from, symbols), to = ir_eval_size(loop->to, symbols);
  zero_before_block(c, &loop->body);
  for (int64_t i = from; i < to; i++) {
    base_poll(c->plan->session->ctx);
    symbols[loop->counter->id] = loop->down ? to - 1 - (i - from) : i;
    run_block(c, &loop->body);
    if (!loop->until) continue;
    moved = moved_by(c, loop);
    still = moved == 0 ? still + 1 : 0;
    if (still == 2 && !loop->whole) return;
  }
  if (loop->until && from < to && !still) refuse_unsettled(c, loop->until, to - from, moved);
}

static bool active(const sched_step *step, const int64_t *symbols, int64_t counter) {
  return (!step->from || ir_eval_size(step->from, symbols) <= counter) &&
         (!step->to || counter < ir_eval_size(step->to, symbols));
}

static void run_block(run_call *c, const sched_block *block) {
  for (int i = 0; i < block->steps.n; i++) {
    const sched_step *step = &block->steps.at[i];
    if (block->counter &&
        !active(step, c->binding->symbols, c->binding->symbols[block->counter->id]))
      continue;
    if (step->kernel) run_kernel(c, step->kernel);
    else run_loop(c, step->loop);
  }
}

/* ---- results --------------------------------------------------------------------------------- */

static run_value *value_of(run_call *c, const ir_tensor *t) {
  const sched_plan *sched = c->plan->schedule;
  run_session *s = c->plan->session;
  if (t->role != IR_DERIVED) return run_value_share(leaf_value(c, t));
  run_value *v = base_calloc(s->ctx, sizeof *v);
  *v = (run_value){.session = s, .refs = 1, .type = t->type, .rank = t->rank, .count = 1};
  for (int k = 0; k < t->rank; k++)
    v->count *= v->size[k] = ir_eval_size(t->size[k], c->binding->symbols);
  const ir_tensor *home = t;
  while (sched->memory[home->id].place == SCHED_OVER) home = sched->memory[home->id].over;
  v->buffer = device_retain(home->role != IR_DERIVED ? leaf_value(c, home)->buffer
                                                     : c->binding->own[home->id]);
  return v;
}

/* Outputs first, which may fail; then commits, which can not. */
static void finish(run_call *c) {
  const sched_plan *sched = c->plan->schedule;
  const ir_program *p = sched->program;
  for (int i = 0; i < p->outputs.n; i++) c->output[i] = value_of(c, p->outputs.at[i]);
  for (int i = 0; i < p->commits.n; i++) {
    const ir_commit *commit = &p->commits.at[i];
    run_value *state = leaf_value(c, commit->state);
    const ir_tensor *home = commit->value;
    while (sched->memory[home->id].place == SCHED_OVER) home = sched->memory[home->id].over;
    if (home == commit->state) continue;
    device_buffer *fresh =
        home->role != IR_DERIVED ? leaf_value(c, home)->buffer : c->binding->own[home->id];
    device_retain(fresh);
    device_release(state->buffer);
    state->buffer = fresh;
  }
}

static void drop_outputs(run_call *c) {
  for (int i = 0; i < c->plan->schedule->program->outputs.n; i++) {
    run_release(c->output[i]);
    c->output[i] = NULL;
  }
}

void run_plan_execute(run_plan *plan, run_value *const *leaf, run_value **output) {
  run_session *s = plan->session;
  run_call call = {.plan = plan, .binding = run_bind(plan, leaf), .leaf = leaf, .output = output};
  for (int i = 0; i < plan->schedule->program->outputs.n; i++) output[i] = NULL;
  base_poll(s->ctx);
  base_trap trap;
  if (BASE_TRY(s->ctx, &trap)) {
    if (call.binding->work_bytes)
      call.work = device_alloc(s->device, (size_t)call.binding->work_bytes, false);
    place_tensors(&call);
    run_block(&call, &plan->schedule->body);
    finish(&call);
    base_untrap(s->ctx, &trap);
  } else {
    drop_outputs(&call);
    release_own(&call);
    base_raise_again(s->ctx);
  }
  release_own(&call);
  s->stats.runs++;
}

/* ---- report ---------------------------------------------------------------------------------- */

static void report_kernel(const device *d, const kernel *k, const run_binding *b,
                          run_kernel_report *r) {
  const device_impl *chosen = b->launch[k->id]->impl;
  *r = (run_kernel_report){.kernel = k, .impl = chosen->name};
  r->flop = kernel_flop(k, b->symbols);
  r->bytes = kernel_bytes(k, b->symbols);
  for (const device_impl *impl = d->impls; impl != chosen && impl->name; impl++) {
    if (impl->shape != k->shape || r->ndeclined == 8) continue;
    r->declined[r->ndeclined] = impl->name;
    r->why[r->ndeclined++] = impl->refuse ? impl->refuse(d, k) : "not chosen";
  }
}

int run_plan_report(run_plan *plan, run_value *const *leaf, run_kernel_report *report,
                    int64_t *peak_bytes) {
  const sched_plan *sched = plan->schedule;
  if (!report) return sched->nkernel;
  run_binding *b = run_bind(plan, leaf);
  for (int k = 0; k < sched->nkernel; k++)
    report_kernel(plan->session->device, sched->kernel[k], b, &report[k]);
  if (peak_bytes) *peak_bytes = b->work_bytes;
  return sched->nkernel;
}
