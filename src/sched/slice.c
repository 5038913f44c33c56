/* Slices: what a loop makes and uses up in one iteration needs memory for one iteration.
 *   loop l: A[l,d] = f(S[l,d]);  S[l+1,d] = g(A[l,d])   ->
 *   loop l: A[d] = f(S[l,d]);  S[l+1,d] = g(A[d]) */
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

/* The position of EQ's left side that holds a counter and no index, nor data; -1: none. */
static int counted_position(ir_program *p, const ir_eq *eq) {
  ir_affine view;
  int64_t number;
  for (int k = 0; k < eq->head->rank; k++)
    if (!ir_is_int(eq->lhs[k], &number) && ir_affine_of(p, eq->lhs[k], &view) && view.n == 0)
      return k;
  return -1;
}

static bool is_kept(const ir_program *p, const ir_tensor *t) {
  for (int i = 0; i < p->outputs.n; i++)
    if (p->outputs.at[i] == t) return true;
  for (int i = 0; i < p->commits.n; i++)
    if (p->commits.at[i].value == t) return true;
  return false;
}

/* All that reads it stands behind its equation in the same iteration, and takes the element just
 * made. */
static bool used_up(slicing *s, const ir_block *body, int step) {
  for (int i = step + 1; i < body->steps.n; i++) {
    const ir_step *other = &body->steps.at[i];
    int before = s->readers;
    if (other->loop) continue;     /* what reads there is not counted, and so refuses below */
    ask_eq(s, other->eq);
    bool same_range =
        other->from == body->steps.at[step].from && other->to == body->steps.at[step].to;
    if (s->readers > before && !same_range) return false;
  }
  slicing all = *s;
  all.readers = 0;
  count_reads(&all, &s->p->order);
  return s->ok && all.readers == s->readers;
}

/* EQ with a head of its own for one iteration. */
static ir_eq *sliced(slicing *s, const ir_eq *eq) {
  ir_program *p = s->p;
  const ir_tensor *t = eq->head;
  const ir_expr **lhs = BASE_NEWS(p->arena, const ir_expr *, t->rank + 1),
                **size = BASE_NEWS(p->arena, const ir_expr *, t->rank + 1);
  for (int k = 0, n = 0; k < t->rank; k++) {
    if (k == s->position) continue;
    size[n] = t->size[k];
    lhs[n++] = eq->lhs[k];
  }
  s->to = ir_tensor_new(p, t->name, t->type, t->rank - 1, size, IR_DERIVED);
  s->to->span = t->span;
  ir_eq *slice = ir_define(p, s->to, eq->agg, lhs, eq->body);
  slice->span = eq->span;
  return slice;
}

/* A scatter fills all of its head: one that is to fill a slice gets a head of that size, which
 * is then copied. */
static void split_scatter(slicing *s, ir_block *body, int at) {
  ir_program *p = s->p;
  const ir_eq *eq = body->steps.at[at].eq;
  ir_tensor *t = eq->head;
  const ir_expr **lhs = BASE_NEWS(p->arena, const ir_expr *, t->rank + 1),
                **from = BASE_NEWS(p->arena, const ir_expr *, t->rank + 1);
  ir_step copy = body->steps.at[at];
  body->steps.at[at].eq = sliced(s, eq);
  ir_positions(p, t, lhs);
  for (int k = 0, n = 0; k < t->rank; k++)
    if (k != s->position) from[n++] = lhs[k];
  lhs[s->position] = eq->lhs[s->position];
  ir_undefine(t);
  copy.eq = ir_define(p, t, IR_SET, lhs, ir_read(p, s->to, from));
  copy.eq->span = t->span;
  BASE_PUSH(p->arena, &body->steps, copy);
  for (int i = body->steps.n - 1; i > at + 1; i--) body->steps.at[i] = body->steps.at[i - 1];
  body->steps.at[at + 1] = copy;
}

static void slice_step(ir_program *p, const ir_loop *loop, ir_block *body, int at) {
  ir_eq *eq = body->steps.at[at].eq;
  ir_tensor *t = eq->head;
  slicing s = {.p = p, .from = t, .writer = eq, .position = counted_position(p, eq), .ok = true};
  if (s.position < 0 || t->eqs.n != 1 || ir_reads(eq->body, t)) return;
  if (is_kept(p, t) || loop->until == t || !used_up(&s, body, at)) {
    if (!ir_window(eq)) split_scatter(&s, body, at);
    return;
  }
  body->steps.at[at].eq = sliced(&s, eq);
  ir_undefine(t);
  for (int i = at + 1; i < body->steps.n; i++)
    if (body->steps.at[i].eq)
      body->steps.at[i].eq->body = ir_rewrite(p, body->steps.at[i].eq->body, drop_position, &s);
}

void sched_slice(ir_program *p, ir_block *block) {
  for (int i = 0; i < block->steps.n; i++) {
    ir_loop *loop = block->steps.at[i].loop;
    if (!loop) continue;
    sched_slice(p, &loop->body);
    if (sched_may_scan(p, loop)) continue;
    for (int k = 0; k < loop->body.steps.n; k++)
      if (loop->body.steps.at[k].eq) slice_step(p, loop, &loop->body, k);
  }
}
