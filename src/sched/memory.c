/* Memory: which tensors need any, from when to when, and which may be written over another. */
#include "sched/private.h"

#include <limits.h>

typedef struct span { int first, last; } span;      /* kernel ids */

typedef struct placing {
  sched_plan *plan;
  ir_program *p;
  const sched_uses *use;
  BASE_VEC(span) loops;          /* outer before inner */
} placing;

/* ---- which kernels touch a tensor ------------------------------------------------------------ */

static void touch(sched_memory *m, int id) {
  if (m->first < 0 || id < m->first) m->first = id;
  if (id > m->last) m->last = id;
}

static int next_kernel(const sched_block *block, int otherwise) {
  for (int i = 0; i < block->steps.n; i++) {
    const sched_step *step = &block->steps.at[i];
    int id = step->kernel ? step->kernel->id : next_kernel(&step->loop->body, -1);
    if (id >= 0) return id;
  }
  return otherwise;
}

static void find_loops(placing *l, const sched_block *block, int *last) {
  for (int i = 0; i < block->steps.n; i++) {
    const sched_step *step = &block->steps.at[i];
    if (step->kernel) {
      *last = step->kernel->id;
      continue;
    }
    int at = l->loops.n;
    span s = {next_kernel(&step->loop->body, *last + 1), 0};
    BASE_PUSH(l->p->arena, &l->loops, s);
    find_loops(l, &step->loop->body, last);
    l->loops.at[at].last = *last;
    if (step->loop->until) touch(&l->plan->memory[step->loop->until->id], *last);
  }
}

static void touch_all(placing *l) {
  for (int k = 0; k < l->plan->nkernel; k++) {
    const kernel *at = l->plan->kernel[k];
    for (int i = 0; i < at->nread; i++) touch(&l->plan->memory[at->read[i]->id], k);
    for (int i = 0; i < at->nwrite; i++) touch(&l->plan->memory[at->write[i]->id], k);
  }
}

/* ---- loops ----------------------------------------------------------------------------------- */

typedef struct slices {
  const ir_eq *writer;
  bool same;
} slices;

/* The read takes the same slice of a loop's tensor as the equation writes: positions without
 * index agree. */
static void ask_slice(void *arg, const ir_expr *read) {
  slices *s = arg;
  const ir_expr *rest;
  if (read->u.tensor != s->writer->head) return;
  for (int k = 0; k < read->n; k++)
    if (!ir_position_index(s->writer->lhs[k], &rest) && read->arg[k] != s->writer->lhs[k])
      s->same = false;
}

static bool writes(const kernel *k, const ir_tensor *t) {
  for (int i = 0; i < k->nwrite; i++)
    if (k->write[i] == t) return true;
  return false;
}

static bool reads(const kernel *k, const ir_tensor *t) {
  for (int i = 0; i < k->nread; i++)
    if (k->read[i] == t) return true;
  return false;
}

/* Written and then read in each iteration, nothing carried over to the next. */
static bool within_iteration(placing *l, const ir_tensor *t, const span *life) {
  if (t->eqs.n != 1 || l->plan->memory[t->id].zero || !writes(l->plan->kernel[life->first], t))
    return false;
  if (reads(l->plan->kernel[life->first], t)) return false;
  slices s = {t->eqs.at[0], true};
  for (int i = 0; i < sched_use_of(l->use, t)->readers.n; i++)
    sched_each_read(sched_use_of(l->use, t)->readers.at[i], ask_slice, &s);
  return s.same;
}

static void widen_to_loops(placing *l, const ir_tensor *t) {
  sched_memory *m = &l->plan->memory[t->id];
  for (int i = l->loops.n - 1; i >= 0; i--) {
    const span *loop = &l->loops.at[i];
    span life = {m->first, m->last};
    if (m->last < loop->first || m->first > loop->last) continue;
    if (m->first >= loop->first && m->last <= loop->last && within_iteration(l, t, &life)) continue;
    if (m->first > loop->first) m->first = loop->first;
    if (m->last < loop->last) m->last = loop->last;
  }
}

/* ---- zeros ----------------------------------------------------------------------------------- */

typedef struct running { const ir_symbol *counter; const ir_expr *by; } running;

static const ir_expr *run_counter(ir_program *p, const ir_expr *e, void *arg) {
  const running *r = arg;
  (void)p;
  return e->op == IR_SYMBOL && e->u.symbol == r->counter ? r->by : e;
}

/* EQ with the loops' counters as indices, which take all their values. */
static ir_eq *over_counters(placing *l, const ir_block *block, const ir_eq *eq) {
  for (int i = 0; i < block->steps.n; i++) {
    const ir_step *step = &block->steps.at[i];
    if (step->eq == eq) {
      ir_eq *copy = BASE_NEW(l->p->arena, ir_eq);
      *copy = *eq;
      return copy;
    }
    ir_eq *inner = step->loop ? over_counters(l, &step->loop->body, eq) : NULL;
    if (!inner) continue;
    const ir_step *own = NULL;
    for (int k = 0; k < step->loop->body.steps.n; k++)
      if (step->loop->body.steps.at[k].eq == eq) own = &step->loop->body.steps.at[k];
    const ir_expr *from = own && own->from ? own->from : step->loop->from;
    const ir_expr *to = own && own->to ? own->to : step->loop->to;
    ir_index *x = ir_index_new(l->p, step->loop->counter->name, ir_binary(l->p, IR_SUB, to, from));
    running r = {step->loop->counter, ir_binary(l->p, IR_ADD, ir_use(l->p, x), from)};
    const ir_expr **lhs = BASE_NEWS(l->p->arena, const ir_expr *, eq->head->rank + 1);
    for (int k = 0; k < eq->head->rank; k++)
      lhs[k] = ir_rewrite(l->p, inner->lhs[k], run_counter, &r);
    inner->lhs = lhs;
    return inner;
  }
  return NULL;
}

static bool covered(placing *l, const ir_tensor *t) {
  if (ir_covered(l->p, t)) return true;
  ir_tensor all = *t;
  all.eqs.at = BASE_NEWS(l->p->arena, ir_eq *, t->eqs.n + 1);
  for (int i = 0; i < t->eqs.n; i++)
    if (!(all.eqs.at[i] = over_counters(l, &l->p->order, t->eqs.at[i]))) return false;
  return ir_covered(l->p, &all);
}

/* ---- writing over another -------------------------------------------------------------------- */

typedef struct overwriting {
  const ir_tensor *old;
  const ir_eq *writer;       /* NULL: not seen yet, or over */
  bool after, safe;          /* after: the writer has been passed */
} overwriting;

static void ask_over(void *arg, const ir_expr *read) {
  overwriting *o = arg;
  if (read->u.tensor != o->old) return;
  if (!o->writer || o->after) {
    o->safe = false;
    return;
  }
  for (int k = 0; k < read->n; k++)
    if (read->arg[k] != o->writer->lhs[k]) o->safe = false;
}

static const ir_eq *writer_in(const kernel_segment *s, const ir_tensor *t) {
  for (int i = 0; i < s->neq; i++)
    if (s->eq[i].eq->head == t) return s->eq[i].eq;
  return NULL;
}

/* Kernel K may write T where OLD lies: it reads OLD only where it is about to write T. */
static bool may_overwrite(const kernel *k, const ir_tensor *t, const ir_tensor *old) {
  if (k->shape != KERNEL_MAP || t->eqs.n != 1 ||
      ir_type_bytes(t->type) != ir_type_bytes(old->type) || t->rank != old->rank)
    return false;
  for (int i = 0; i < t->rank; i++)
    if (t->size[i] != old->size[i]) return false;
  overwriting o = {.old = old, .safe = true};
  for (int s = 0; s < k->nsegment; s++) {
    o.writer = writer_in(&k->segment[s], t);
    o.after = false;
    for (int i = 0; i < k->segment[s].neq; i++) {
      sched_each_read(k->segment[s].eq[i].eq, ask_over, &o);
      o.after = o.after || k->segment[s].eq[i].eq == o.writer;
    }
  }
  return o.safe;
}

static bool in_loop(const placing *l, int id) {
  for (int i = 0; i < l->loops.n; i++)
    if (id >= l->loops.at[i].first && id <= l->loops.at[i].last) return true;
  return false;
}

static const kernel *only_writer(const placing *l, const ir_tensor *t) {
  const kernel *found = NULL;
  for (int k = 0; k < l->plan->nkernel; k++)
    if (writes(l->plan->kernel[k], t)) {
      if (found) return NULL;
      found = l->plan->kernel[k];
    }
  return found;
}

static bool wanted_as_was(const placing *l, const ir_tensor *state) {
  for (int i = 0; i < l->p->outputs.n; i++)
    if (l->p->outputs.at[i] == state) return true;
  for (int i = 0; i < l->p->commits.n; i++)
    if (l->p->commits.at[i].value == state) return true;
  return false;
}

static void commit_in_place(placing *l, const ir_commit *c) {
  sched_memory *m = &l->plan->memory[c->value->id];
  const kernel *k =
      c->value->role == IR_DERIVED && m->place == SCHED_OUTPUT ? only_writer(l, c->value) : NULL;
  if (!k || m->zero || in_loop(l, k->id) || wanted_as_was(l, c->state)) return;
  if (l->plan->memory[c->state->id].last > k->id || !may_overwrite(k, c->value, c->state)) return;
  m->place = SCHED_OVER;
  m->over = c->state;
}

/* A tensor that a map reads last makes room for what the map writes. */
static void reuse_dying(placing *l, const kernel *k) {
  if (k->shape != KERNEL_MAP || in_loop(l, k->id)) return;
  for (int w = 0; w < k->nwrite; w++) {
    sched_memory *m = &l->plan->memory[k->write[w]->id];
    if (m->place != SCHED_WORK || m->zero || m->first != k->id || m->last == k->id) continue;
    for (int r = 0; r < k->nread; r++) {
      ir_tensor *old = k->read[r];
      sched_memory *dying = &l->plan->memory[old->id];
      if ((dying->place != SCHED_WORK && dying->place != SCHED_OVER) || old->role != IR_DERIVED)
        continue;
      while (dying->place == SCHED_OVER) dying = &l->plan->memory[dying->over->id];
      if (dying->place != SCHED_WORK || dying->last != k->id || !may_overwrite(k, k->write[w], old))
        continue;
      *m = (sched_memory){.place = SCHED_OVER, .first = m->first, .last = m->last, .over = old};
      dying->last = m->last;
      break;
    }
  }
}

/* ---- all ------------------------------------------------------------------------------------- */

static void place_tensor(placing *l, const ir_tensor *t) {
  sched_memory *m = &l->plan->memory[t->id];
  const sched_use *use = sched_use_of(l->use, t);
  if (t->role != IR_DERIVED) {
    m->place = SCHED_GIVEN;
    return;
  }
  if (m->first < 0 && !use->kept) return;
  if (m->first < 0) m->first = m->last = 0;
  bool scattered = t->eqs.n == 1 && !ir_window(t->eqs.at[0]);    /* its kernel fills it */
  m->zero = !scattered && !covered(l, t);
  m->place = SCHED_WORK;
  widen_to_loops(l, t);
  for (int i = 0; i < l->p->outputs.n; i++)
    if (l->p->outputs.at[i] == t) m->place = SCHED_OUTPUT;
  if (use->commits) m->place = SCHED_OUTPUT;
}

void sched_place_all(sched_plan *plan, const sched_uses *use) {
  ir_program *p = plan->program;
  placing l = {.plan = plan, .p = p, .use = use};
  plan->memory = BASE_NEWS(p->arena, sched_memory, p->tensors.n + 1);
  for (int i = 0; i < p->tensors.n; i++) plan->memory[i] = (sched_memory){.first = -1, .last = -1};
  int last = -1;
  find_loops(&l, &plan->body, &last);
  touch_all(&l);
  for (int i = 0; i < p->tensors.n; i++) place_tensor(&l, p->tensors.at[i]);
  for (int i = 0; i < p->commits.n; i++) commit_in_place(&l, &p->commits.at[i]);
  for (int k = 0; k < plan->nkernel; k++) reuse_dying(&l, plan->kernel[k]);
}
