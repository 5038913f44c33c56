/* Running a bound plan: memory, steps, commits, outputs. */
#include "run/private.h"

#include <math.h>
#include <string.h>

enum { LONGEST_GRAPH = 16384 };  /* kernels */

typedef struct run_call {
  run_plan *plan;
  run_binding *binding;
  run_value *const *leaf;
  run_value **output;
  device_buffer *work;
  const ir_tensor *placing;      /* memory is asked for on its behalf */
} run_call;

/* ---- memory ---------------------------------------------------------------------------------- */

/* A state that is written in place must not be seen to change by who shares its buffer. */
static void unshare(run_value *v) {
  if (v->buffer->refs == 1) return;
  device_buffer *own = device_copy(v->buffer);
  device_release(v->buffer);
  v->buffer = own;
}

static run_value *leaf_value(const run_call *c, const ir_tensor *t) {
  return c->leaf[c->plan->leaf_of[t->id]];
}

/* In place only where nobody shares the buffer. */
static void unshare_states(run_call *c) {
  const sched_plan *sched = c->plan->schedule;
  for (int i = 0; i < sched->program->commits.n; i++) {
    const ir_commit *commit = &sched->program->commits.at[i];
    const sched_memory *m = &sched->memory[commit->value->id];
    if (m->place == SCHED_OVER) unshare(leaf_value(c, commit->state));
  }
}

static const ir_tensor *largest_inner(const run_call *c) {
  const sched_plan *sched = c->plan->schedule;
  const ir_tensor *largest = NULL;
  for (int t = 0; t < sched->program->tensors.n; t++)
    if (sched->memory[t].place == SCHED_WORK &&
        (!largest || c->binding->bytes[t] > c->binding->bytes[largest->id]))
      largest = sched->program->tensors.at[t];
  return largest;
}

/* Lack of memory is told with the equation whose tensor there is no room for. */
static _Noreturn void raise_for(const run_call *c) {
  base_ctx *ctx = c->plan->session->ctx;
  const ir_tensor *t = c->placing;
  const base_error *e = base_last(ctx);
  if (!t && !c->work && c->binding->work_bytes) t = largest_inner(c);
  if (e->status != BASE_MEMORY || !t || e->span.line > 0 || t->span.line == 0)
    base_raise_again(ctx);
  base_raise(ctx, e->status, t->span, "%s: %s", t->name, e->message);
}

/* Where a run's own buffers and the caller's lie; all other tensors follow from these. */
static void place_roots(run_call *c) {
  run_plan *plan = c->plan;
  run_binding *b = c->binding;
  device *d = b->device;
  if (b->work_bytes) {
    c->work = device_alloc(d, (size_t)b->work_bytes, false);
    c->work->label = "work space";
    b->data[plan->work->id] = (char *)c->work->data + b->offset[plan->work->id];
  }
  if (plan->session->gpu)
    for (int i = 0; i < plan->nleaf; i++) run_bring(c->leaf[i], d);
  unshare_states(c);
  for (int i = 0; i < plan->nleaf; i++) b->data[plan->leaf[i]->id] = c->leaf[i]->buffer->data;
  for (int i = 0; i < plan->nown; i++) {
    const ir_tensor *t = c->placing = plan->own[i];
    b->own[t->id] = device_alloc(d, (size_t)b->bytes[t->id], false);
    b->own[t->id]->label = plan->own_name[i];
    b->data[t->id] = b->own[t->id]->data;
  }
  c->placing = NULL;
}

static void place_others(run_call *c) {
  run_plan *plan = c->plan;
  run_binding *b = c->binding;
  for (int i = 0; i < plan->nplaced; i++) {
    int t = plan->placed[i]->id, home = plan->home[t];
    bool work = plan->schedule->memory[home].place == SCHED_WORK;
    b->data[t] = work ? (char *)c->work->data + b->offset[home] : b->data[home];
  }
}

static void release_own(run_call *c) {
  for (int i = 0; i < c->plan->nown; i++) {
    device_buffer **own = &c->binding->own[c->plan->own[i]->id];
    device_release(*own);
    *own = NULL;
  }
  device_release(c->work);
  c->work = NULL;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void zero_before(run_call *c, const kernel *k) {
  run_binding *b = c->binding;
  device *d = c->binding->device;
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
  device *d = c->binding->device;
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

_Noreturn static void refuse_lost(const run_call *c, const ir_tensor *t, int64_t round) {
  base_raise(c->plan->session->ctx, BASE_RUNTIME, t->span,
             "%s does not settle: in round %lld an element grew beyond all numbers, or is none\n"
             "help: settle(%s, start=...) begins elsewhere; what grows without end has no solution",
             t->settles, (long long)round, t->settles);
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
    if (isnan(moved)) refuse_lost(c, loop->until, i - from + 1);
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

/* Of an output, or of what is committed. */
static device_buffer *buffer_of(const run_call *c, const ir_tensor *t) {
  const ir_tensor *home = c->plan->schedule->program->tensors.at[c->plan->home[t->id]];
  return home->role != IR_DERIVED ? leaf_value(c, home)->buffer : c->binding->own[home->id];
}

static run_value *value_of(run_call *c, const ir_tensor *t) {
  run_session *s = c->plan->session;
  if (t->role != IR_DERIVED) return run_value_share(leaf_value(c, t));
  run_value *v = base_calloc(s->ctx, sizeof *v);
  *v = (run_value){.session = s, .refs = 1, .type = t->type, .rank = t->rank, .count = 1};
  for (int k = 0; k < t->rank; k++)
    v->count *= v->size[k] = ir_eval_size(t->size[k], c->binding->symbols);
  v->buffer = device_retain(buffer_of(c, t));
  return v;
}

/* Outputs first, which may fail; then commits, which can not. */
static void finish(run_call *c) {
  const ir_program *p = c->plan->schedule->program;
  for (int i = 0; i < p->outputs.n; i++) c->output[i] = value_of(c, p->outputs.at[i]);
  for (int i = 0; i < p->commits.n; i++) {
    const ir_commit *commit = &p->commits.at[i];
    run_value *state = leaf_value(c, commit->state);
    if (c->plan->home[commit->value->id] == commit->state->id) continue;
    device_buffer *fresh = device_retain(buffer_of(c, commit->value));
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

/* ---- running at once, or recorded and played ------------------------------------------------- */

static void run_all(run_call *c) {
  place_others(c);
  if (c->plan->zeroes)
    memset(c->binding->zeroed, 0, (size_t)c->plan->schedule->program->tensors.n);
  run_block(c, &c->plan->schedule->body);
}

/* Runs of kernels in a block, loops unrolled; a bound where a range depends on a counter. */
static double unrolled(const sched_block *block, const int64_t *symbols) {
  double n = 0;
  for (int i = 0; i < block->steps.n; i++) {
    const sched_loop *loop = block->steps.at[i].loop;
    if (block->steps.at[i].kernel) n++;
    else if (loop->until) n = HUGE_VAL;
    else
      n += fmax(0, (double)(ir_eval_size(loop->to, symbols) - ir_eval_size(loop->from, symbols))) *
           unrolled(&loop->body, symbols);
  }
  return n;
}

static void record(run_call *c) {
  run_binding *b = c->binding;
  run_session *s = c->plan->session;
  const device_recorder *r = b->device->recorder;
  uint64_t kernels = s->stats.kernels;
  base_trap trap;
  if (BASE_TRY(s->ctx, &trap)) {
    r->begin(b->device, c->plan->schedule->program->tensors.n, b->data, c->plan->root);
    run_all(c);
    b->graph = r->end(b->device);
    base_untrap(s->ctx, &trap);
  } else {
    r->drop(b->device);
    base_raise_again(s->ctx);
  }
  b->graph_kernels = s->stats.kernels - kernels;
  s->stats.kernels = kernels;
}

/* The first run of a binding may be the only one; a graph pays from the second on. */
static void run_steps(run_call *c) {
  run_binding *b = c->binding;
  run_session *s = c->plan->session;
  const device_recorder *r = b->device->recorder;
  if (r && !b->graph && b->runs == 1 &&
      unrolled(&c->plan->schedule->body, b->symbols) <= LONGEST_GRAPH)
    record(c);
  b->runs++;
  if (!b->graph) {
    run_all(c);
  } else {
    r->play(b->graph, b->data);
    s->stats.kernels += b->graph_kernels;
  }
}

void run_plan_execute(run_plan *plan, run_value *const *leaf, run_value **output) {
  run_session *s = plan->session;
  run_call call = {.plan = plan, .binding = run_bind(plan, leaf), .leaf = leaf, .output = output};
  for (int i = 0; i < plan->schedule->program->outputs.n; i++) output[i] = NULL;
  base_poll(s->ctx);
  base_trap trap;
  if (BASE_TRY(s->ctx, &trap)) {
    place_roots(&call);
    run_steps(&call);
    finish(&call);
    base_untrap(s->ctx, &trap);
  } else {
    drop_outputs(&call);
    const run_call failed = call;
    release_own(&call);
    raise_for(&failed);
  }
  release_own(&call);
  s->stats.runs++;
}
