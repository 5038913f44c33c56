/* Slices: what a loop makes and uses up in one iteration needs memory for one iteration.
 *   loop l: A[l,d] = f(S[l,d]);  S[l+1,d] = g(A[l,d])   ->   loop l: A[d] = f(S[l,d]);  S[l+1,d] = g(A[d]) */
#include "sched/private.h"

typedef struct slicing {
  ir_program *p;
  const ir_tensor *from;
  ir_tensor *to;
  const ir_eq *writer;
  int position;               /* that goes */
  int readers;
  bool ok;
} slicing;

static void ask_read(void *arg, const ir_expr *e) {
  slicing *s = arg;
  if (e->op != IR_READ || e->u.tensor != s->from) return;
  s->readers++;
  if (e->arg[s->position] != s->writer->lhs[s->position]) s->ok = false;
}

static void ask_lhs(void *arg, const ir_expr *e) {
  slicing *s = arg;
  if (e->op == IR_READ && e->u.tensor == s->from) s->ok = false;
}

static void ask_eq(slicing *s, const ir_eq *eq) {
  ir_each(eq->body, ask_read, s);
  for (int k = 0; k < eq->head->rank; k++) ir_each(eq->lhs[k], ask_lhs, s);
}

static void count_reads(slicing *s, const ir_block *block) {
  for (int i = 0; i < block->steps.n; i++)
    if (block->steps.at[i].eq) ask_eq(s, block->steps.at[i].eq);
    else count_reads(s, &block->steps.at[i].loop->body);
}

static const ir_expr *drop_position(ir_program *p, const ir_expr *e, void *arg) {
  const slicing *s = arg;
  if (e->op != IR_READ || e->u.tensor != s->from) return e;
  const ir_expr **at = BASE_NEWS(p->arena, const ir_expr *, e->n + 1);
  for (int k = 0, n = 0; k < e->n; k++)
    if (k != s->position) at[n++] = e->arg[k];
  return ir_read(p, s->to, at);
}

/* The position of EQ's left side that holds the loop's counter and no index, -1: none. */
static int counted_position(const ir_eq *eq) {
  const ir_expr *rest;
  int64_t number;
  for (int k = 0; k < eq->head->rank; k++)
    if (!ir_position_index(eq->lhs[k], &rest) && !ir_is_int(eq->lhs[k], &number)) return k;
  return -1;
}

static bool is_kept(const ir_program *p, const ir_tensor *t) {
  for (int i = 0; i < p->outputs.n; i++)
    if (p->outputs.at[i] == t) return true;
  for (int i = 0; i < p->commits.n; i++)
    if (p->commits.at[i].value == t) return true;
  return false;
}

/* All that reads it stands behind its equation in the same iteration, and takes the element just made. */
static bool used_up(slicing *s, const ir_block *body, int step) {
  for (int i = step + 1; i < body->steps.n; i++) {
    const ir_step *other = &body->steps.at[i];
    int before = s->readers;
    if (other->loop) continue;     /* what reads there is not counted, and so refuses below */
    ask_eq(s, other->eq);
    bool same_range = other->from == body->steps.at[step].from && other->to == body->steps.at[step].to;
    if (s->readers > before && !same_range) return false;
  }
  slicing all = *s;
  all.readers = 0;
  count_reads(&all, &s->p->order);
  return s->ok && all.readers == s->readers;
}

static void slice_step(ir_program *p, const ir_loop *loop, ir_block *body, int at) {
  ir_eq *eq = body->steps.at[at].eq;
  ir_tensor *t = eq->head;
  slicing s = {.p = p, .from = t, .writer = eq, .position = counted_position(eq), .ok = true};
  if (s.position < 0 || t->eqs.n != 1 || !ir_window(eq) || is_kept(p, t) || loop->until == t) return;
  if (ir_reads(eq->body, t) || !used_up(&s, body, at)) return;
  const ir_expr **lhs = BASE_NEWS(p->arena, const ir_expr *, t->rank + 1), **size = BASE_NEWS(p->arena, const ir_expr *, t->rank + 1);
  for (int k = 0, n = 0; k < t->rank; k++) {
    if (k == s.position) continue;
    size[n] = t->size[k];
    lhs[n++] = eq->lhs[k];
  }
  s.to = ir_tensor_new(p, t->name, t->type, t->rank - 1, size, IR_DERIVED);
  s.to->span = t->span;
  ir_eq *sliced = ir_define(p, s.to, eq->agg, lhs, eq->body);
  sliced->span = eq->span;
  body->steps.at[at].eq = sliced;
  ir_undefine(t);
  for (int i = at + 1; i < body->steps.n; i++)
    if (body->steps.at[i].eq) body->steps.at[i].eq->body = ir_rewrite(p, body->steps.at[i].eq->body, drop_position, &s);
}

void sched_slice(ir_program *p, ir_block *block) {
  for (int i = 0; i < block->steps.n; i++) {
    ir_loop *loop = block->steps.at[i].loop;
    if (!loop) continue;
    sched_slice(p, &loop->body);
    if (sched_only_maps(p, loop)) continue;
    for (int k = 0; k < loop->body.steps.n; k++)
      if (loop->body.steps.at[k].eq) slice_step(p, loop, &loop->body, k);
  }
}
