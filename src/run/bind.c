/* Binding: sizes become numbers, kernels are prepared, memory is laid out. */
#include "run/private.h"

#include <string.h>

enum { UNSET = -1 };

static void refuse_size(run_plan *plan, const ir_tensor *t, int k, int64_t got, int64_t want) {
  base_raise(plan->session->ctx, BASE_ARGUMENT, t->span,
             "%s has size %lld at position %d; %lld is needed there", t->name, (long long)got, k,
             (long long)want);
}

/* A size that is a symbol of its own is set by the first leaf that has it; every other is compared.
 */
static void bind_sizes(run_plan *plan, run_value *const *leaf, int64_t *symbols) {
  ir_program *p = plan->schedule->program;
  for (int i = 0; i < p->symbols.n; i++) symbols[i] = p->symbols.at[i]->counter ? 0 : UNSET;
  for (int round = 0; round < 2; round++)
    for (int i = 0; i < plan->nleaf; i++)
      for (int k = 0; k < plan->leaf[i]->rank; k++) {
        const ir_expr *size = plan->leaf[i]->size[k];
        int64_t got = leaf[i]->size[k];
        if (round == 0 && size->op == IR_SYMBOL && symbols[size->u.symbol->id] == UNSET) {
          symbols[size->u.symbol->id] = got;
        } else if (round == 1 && ir_eval_size(size, symbols) != got) {
          refuse_size(plan, plan->leaf[i], k, got, ir_eval_size(size, symbols));
        }
      }
}

static void check_leaves(run_plan *plan, run_value *const *leaf) {
  base_ctx *ctx = plan->session->ctx;
  for (int i = 0; i < plan->nleaf; i++) {
    const ir_tensor *t = plan->leaf[i];
    if (leaf[i]->type != t->type)
      base_raise(ctx, BASE_ARGUMENT, t->span, "%s is %s; %s is needed", t->name,
                 ir_type_name(leaf[i]->type), ir_type_name(t->type));
    if (leaf[i]->rank != t->rank)
      base_raise(ctx, BASE_ARGUMENT, t->span, "%s has %d positions; %d are needed", t->name,
                 leaf[i]->rank, t->rank);
  }
}

static void check_requires(run_plan *plan, const int64_t *symbols) {
  ir_program *p = plan->schedule->program;
  for (int i = 0; i < p->requires.n; i++) {
    const ir_require *r = &p->requires.at[i];
    int64_t left = ir_eval_size(r->left, symbols), right = ir_eval_size(r->right, symbols);
    if (r->at_most ? left <= right : left == right) continue;
    if (r->bare) base_raise(p->ctx, BASE_RUNTIME, r->span, "%s", r->message);
    base_raise(p->ctx, BASE_ARGUMENT, r->span, "%s (%lld and %lld)", r->message, (long long)left,
               (long long)right);
  }
}

static void prepare_kernels(run_plan *plan, run_binding *b) {
  const sched_plan *sched = plan->schedule;
  b->launch = BASE_NEWS(b->arena, device_launch *, sched->nkernel + 1);
  for (int k = 0; k < sched->nkernel; k++) {
    device_bind *bind = BASE_NEW(b->arena, device_bind);   /* a launch may keep it */
    *bind = (device_bind){.device = b->device,
                          .arena = b->arena,
                          .program = sched->program,
                          .kernel = sched->kernel[k],
                          .symbols = b->symbols};
    b->launch[k] = device_prepare(bind, plan->session->config.force);
  }
}

/* Who holds memory is told by these names, when there is no more. */
static void label_leaves(run_plan *plan, run_value *const *leaf) {
  for (int i = 0; i < plan->nleaf; i++)
    if (!leaf[i]->buffer->label)
      leaf[i]->buffer->label = run_name(plan->session, plan->leaf[i]->name);
}

static void fill(run_plan *plan, run_value *const *leaf, run_binding *b) {
  const sched_plan *sched = plan->schedule;
  int n = sched->program->tensors.n;
  b->arena = base_arena_open(plan->session->ctx);
  b->size = BASE_NEWS(b->arena, int64_t, plan->nsize + 1);
  for (int i = 0, at = 0; i < plan->nleaf; i++)
    for (int k = 0; k < leaf[i]->rank; k++) b->size[at++] = leaf[i]->size[k];
  b->symbols = BASE_NEWS(b->arena, int64_t, sched->program->symbols.n + 1);
  bind_sizes(plan, leaf, b->symbols);
  check_requires(plan, b->symbols);
  b->offset = BASE_NEWS(b->arena, int64_t, n + 1);
  b->bytes = BASE_NEWS(b->arena, int64_t, n + 1);
  b->data = BASE_NEWS(b->arena, void *, n + 1);
  b->zeroed = BASE_NEWS(b->arena, bool, n + 1);
  b->own = BASE_NEWS(b->arena, device_buffer *, n + 1);
  bool works = false;
  for (int t = 0; t < n; t++) {
    works = works || sched->memory[t].place == SCHED_WORK;
    if (sched->memory[t].place != SCHED_NONE)
      b->bytes[t] = sched_tensor_bytes(sched->program->tensors.at[t], b->symbols);
  }
  b->work_bytes = sched_layout(sched, b->symbols, b->offset);
  if (works && b->work_bytes == 0)
    b->work_bytes = 64; /* tensors without elements have a place too */
  label_leaves(plan, leaf);
  run_place(plan, leaf, b);
  prepare_kernels(plan, b);
}

static bool same_sizes(const run_plan *plan, run_value *const *leaf, const run_binding *b) {
  for (int i = 0, at = 0; i < plan->nleaf; i++)
    for (int k = 0; k < leaf[i]->rank; k++)
      if (b->size[at++] != leaf[i]->size[k]) return false;
  return true;
}

void run_unbind(run_binding *b) {
  if (!b) return;
  if (b->graph) b->device->recorder->free(b->graph);
  b->graph = NULL;
  base_arena_close(b->arena);
}

/* The binding struct itself lives in the arena of the plan and is used again when its sizes fall
 * out. */
static run_binding *slot_for(run_plan *plan) {
  if (plan->nbinding < RUN_BINDINGS) {
    run_binding *b = BASE_NEW(plan->arena, run_binding);
    return plan->binding[plan->nbinding++] = b;
  }
  run_binding *oldest = plan->binding[0];
  for (int i = 1; i < plan->nbinding; i++)
    if (plan->binding[i]->used < oldest->used) oldest = plan->binding[i];
  run_unbind(oldest);
  *oldest = (run_binding){0};
  return oldest;
}

/* On an error the slot is left empty, to be used again. */
static void fill_or_empty(run_plan *plan, run_value *const *leaf, run_binding *b) {
  base_ctx *ctx = plan->session->ctx;
  base_trap trap;
  if (BASE_TRY(ctx, &trap)) {
    fill(plan, leaf, b);
    base_untrap(ctx, &trap);
  } else {
    run_unbind(b);
    *b = (run_binding){0};
    base_raise_again(ctx);
  }
}

run_binding *run_bind(run_plan *plan, run_value *const *leaf) {
  run_session *s = plan->session;
  check_leaves(plan, leaf);
  for (int i = 0; i < plan->nbinding; i++)
    if (plan->binding[i]->launch && same_sizes(plan, leaf, plan->binding[i])) {
      plan->binding[i]->used = ++s->clock;
      return plan->binding[i];
    }
  run_binding *b = slot_for(plan);
  fill_or_empty(plan, leaf, b);
  b->used = ++s->clock;
  s->stats.bindings_made++;
  return b;
}
