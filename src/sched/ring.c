/* Rings: of what a loop makes along its counter, and what is read only shortly after it was made
 * and at the end, the last slices are kept.
 *   loop t: S[t+1,d] = f(S[t,d]);  Y[d] = S[T,d]   ->
 *   loop t: S[(t+1) % 2,d] = f(S[t % 2,d]);  Y[d] = S[T % 2,d] */
#include "sched/private.h"

typedef struct ring {
  ir_program *p;
  const ir_loop *loop;
  ir_tensor *t;
  int position;              /* that the counter leads along */
  const ir_expr *made;       /* what its equations in the loop have there */
  const ir_expr *from, *to;  /* of the counter around them */
  int64_t slices;            /* so far: the most that a read lies behind, and one */
  bool inside, ok;
} ring;

/* ---- questions ------------------------------------------------------------------------------- */

static bool is_kept(const ir_program *p, const ir_tensor *t) {
  for (int i = 0; i < p->outputs.n; i++)
    if (p->outputs.at[i] == t) return true;
  for (int i = 0; i < p->commits.n; i++)
    if (p->commits.at[i].value == t) return true;
  return false;
}

typedef struct mentioning {
  const ir_symbol *symbol;
  bool found;
} mentioning;

static void ask_symbol(void *arg, const ir_expr *e) {
  mentioning *m = arg;
  if (e->op == IR_SYMBOL && e->u.symbol == m->symbol) m->found = true;
}

static bool mentions(const ir_expr *e, const ir_symbol *symbol) {
  mentioning m = {symbol, false};
  ir_each(e, ask_symbol, &m);
  return m.found;
}

/* The number A - B, if it is one. */
static bool apart_by(ir_program *p, const ir_expr *a, const ir_expr *b, int64_t *by) {
  return ir_is_int(ir_binary(p, IR_SUB, a, b), by);
}

/* ---- what its equations say ------------------------------------------------------------------ */

/* The position of EQ's left side that is the counter plus a number, -1: none. */
static int led_position(const ring *r, const ir_eq *eq) {
  int64_t by;
  for (int k = 0; k < eq->head->rank; k++)
    if (apart_by(r->p, eq->lhs[k], ir_size(r->p, r->loop->counter), &by)) return k;
  return -1;
}

/* An equation of the loop: it makes the slice of each iteration, and always the same part of it. */
static void ask_inside(ring *r, const ir_eq *eq, const ir_step *step) {
  const ir_expr *from = step->from ? step->from : r->loop->from,
                *to = step->to ? step->to : r->loop->to;
  int k = led_position(r, eq);
  if (k < 0 || !ir_window(eq) || (r->made && (k != r->position || eq->lhs[k] != r->made))) {
    r->ok = false;
    return;
  }
  if (r->made && (from != r->from || to != r->to)) r->ok = false;
  r->made = eq->lhs[k];
  r->position = k;
  r->from = from;
  r->to = to;
  for (int i = 0; i < eq->head->rank; i++)
    if (i != k && mentions(eq->lhs[i], r->loop->counter)) r->ok = false;
  for (int i = 0; i < eq->nfree; i++)
    if (mentions(eq->free[i]->extent, r->loop->counter)) r->ok = false;
}

static void ask_block(ring *r, const ir_block *block, const ir_step *outer) {
  for (int i = 0; i < block->steps.n; i++) {
    const ir_step *step = &block->steps.at[i];
    if (step->loop) ask_block(r, &step->loop->body, outer ? outer : step);
    else if (step->eq->head == r->t) ask_inside(r, step->eq, outer ? outer : step);
  }
}

static bool is_inside(const ir_block *block, const ir_eq *eq) {
  for (int i = 0; i < block->steps.n; i++) {
    const ir_step *step = &block->steps.at[i];
    if (step->loop ? is_inside(&step->loop->body, eq) : step->eq == eq) return true;
  }
  return false;
}

/* Its position in the first iteration, or in the last. */
static const ir_expr *position_in(const ring *r, bool last) {
  ir_program *p = r->p;
  const ir_expr *offset = ir_binary(p, IR_SUB, r->made, ir_size(p, r->loop->counter));
  const ir_expr *highest = ir_binary(p, IR_SUB, r->to, ir_int(p, 1));
  return ir_binary(p, IR_ADD, last != r->loop->down ? highest : r->from, offset);
}

/* How many iterations before A the slice B was made. */
static bool steps_before(const ring *r, const ir_expr *a, const ir_expr *b, int64_t *steps) {
  return r->loop->down ? apart_by(r->p, b, a, steps) : apart_by(r->p, a, b, steps);
}

/* The equations outside give single slices before the first that the loop makes. */
static void ask_bases(ring *r) {
  const ir_expr *first = position_in(r, false);
  for (int i = 0; r->ok && i < r->t->eqs.n; i++) {
    const ir_eq *eq = r->t->eqs.at[i];
    int64_t before;
    if (is_inside(&r->loop->body, eq)) continue;
    r->ok = ir_window(eq) && steps_before(r, first, eq->lhs[r->position], &before) && before > 0;
    if (r->ok && before > r->slices) r->slices = before;
  }
}

/* ---- what is read ---------------------------------------------------------------------------- */

/* In the loop shortly after it was made, outside the last. */
static void ask_read(void *arg, const ir_expr *e) {
  ring *r = arg;
  int64_t back;
  if (e->op != IR_READ || e->u.tensor != r->t) return;
  const ir_expr *latest = r->inside ? r->made : position_in(r, true);
  if (!steps_before(r, latest, e->arg[r->position], &back) || back < 0) {
    r->ok = false;
    return;
  }
  if (!r->inside && back > 0) r->ok = false;
  if (back + 1 > r->slices) r->slices = back + 1;
}

static void ask_readers(ring *r, const ir_block *block) {
  for (int i = 0; r->ok && i < block->steps.n; i++) {
    const ir_step *step = &block->steps.at[i];
    if (step->loop) {
      bool was = r->inside;
      r->inside = was || step->loop == r->loop;
      ask_readers(r, &step->loop->body);
      r->inside = was;
      continue;
    }
    ir_each(step->eq->body, ask_read, r);
    for (int k = 0; k < step->eq->head->rank; k++) ir_each(step->eq->lhs[k], ask_read, r);
  }
}

/* ---- rewriting ------------------------------------------------------------------------------- */

static const ir_expr *in_ring(const ring *r, const ir_expr *at) {
  return ir_binary(r->p, IR_MOD, at, ir_int(r->p, r->slices));
}

static const ir_expr *turn_read(ir_program *p, const ir_expr *e, void *arg) {
  const ring *r = arg;
  if (e->op != IR_READ || e->u.tensor != r->t) return e;
  const ir_expr **at = BASE_NEWS(p->arena, const ir_expr *, e->n);
  for (int k = 0; k < e->n; k++) at[k] = k == r->position ? in_ring(r, e->arg[k]) : e->arg[k];
  return ir_read(p, r->t, at);
}

static void turn(ring *r) {
  ir_program *p = r->p;
  for (int t = 0; t < p->tensors.n; t++)
    for (int i = 0; i < p->tensors.at[t]->eqs.n; i++) {
      ir_eq *eq = p->tensors.at[t]->eqs.at[i];
      const ir_expr **lhs = BASE_NEWS(p->arena, const ir_expr *, eq->head->rank + 1);
      for (int k = 0; k < eq->head->rank; k++) {
        lhs[k] = ir_rewrite(p, eq->lhs[k], turn_read, r);
        if (eq->head == r->t && k == r->position) lhs[k] = in_ring(r, lhs[k]);
      }
      eq->lhs = lhs;
      eq->body = ir_rewrite(p, eq->body, turn_read, r);
    }
  const ir_expr **size = BASE_NEWS(p->arena, const ir_expr *, r->t->rank);
  for (int k = 0; k < r->t->rank; k++)
    size[k] = k == r->position ? ir_int(p, r->slices) : r->t->size[k];
  r->t->size = size;
}

typedef struct asking {
  const ir_tensor *t;
  bool found;
} asking;

static void ask_tensor(void *arg, const ir_expr *e) {
  asking *a = arg;
  if (e->op == IR_READ && e->u.tensor == a->t) a->found = true;
}

static bool read_outside(const ir_program *p, const ir_loop *loop, const ir_tensor *t) {
  asking a = {t, is_kept(p, t)};
  for (int i = 0; i < p->tensors.n; i++)
    for (int k = 0; k < p->tensors.at[i]->eqs.n; k++)
      if (!is_inside(&loop->body, p->tensors.at[i]->eqs.at[k]))
        ir_each(p->tensors.at[i]->eqs.at[k]->body, ask_tensor, &a);
  return a.found;
}

/* May the last slices of T be enough? */
static bool ask(ring *r, ir_program *p, const ir_loop *loop, ir_tensor *t) {
  int64_t size;
  *r = (ring){.p = p, .loop = loop, .t = t, .slices = 1, .ok = !is_kept(p, t)};
  if (r->ok) ask_block(r, &loop->body, NULL);
  if (!r->ok || !r->made) return false;
  ask_bases(r);
  if (r->ok) ask_readers(r, &p->order);
  if (loop->until && r->slices > 2 && read_outside(p, loop, t)) return false;
  return r->ok && !(ir_is_int(t->size[r->position], &size) && size <= r->slices);
}

static bool make_ring(ir_program *p, ir_loop *loop, ir_tensor *t) {
  ring r;
  if (!ask(&r, p, loop, t)) return false;
  turn(&r);
  if (loop->until == t) loop->at = in_ring(&r, loop->at);
  return loop->rings = true;
}

static bool makes(const ir_loop *loop, const ir_tensor *t) {
  for (int i = 0; i < t->eqs.n; i++)
    if (is_inside(&loop->body, t->eqs.at[i])) return true;
  return false;
}

/* A scan is one kernel and stores every step: not if that is much, and none of it needed. */
static bool better_scanned(ir_program *p, const ir_loop *loop) {
  enum { LARGE = 1 << 26 };
  double sum = 0;
  if (!sched_may_scan(p, loop)) return false;
  for (int i = 0; i < p->tensors.n; i++) {
    ring r;
    ir_tensor *t = p->tensors.at[i];
    if (!makes(loop, t)) continue;
    if (!ask(&r, p, loop, t)) return true;
    double bytes = (double)ir_type_bytes(t->type);
    int64_t size;
    for (int k = 0; k < t->rank; k++) bytes *= ir_is_int(t->size[k], &size) ? (double)size : 0;
    sum += bytes;
  }
  return sum <= LARGE;
}

/* A loop that is left early has everything it leaves behind in rings of two at most: they were
 * filled twice with what stays. */
void sched_ring(ir_program *p) {
  for (int i = 0; i < p->order.steps.n; i++) {
    ir_loop *loop = p->order.steps.at[i].loop;
    if (!loop || better_scanned(p, loop)) continue;
    for (int t = 0; t < p->tensors.n; t++) {
      ir_tensor *of = p->tensors.at[t];
      if (!makes(loop, of) || make_ring(p, loop, of)) continue;
      if (loop->until && read_outside(p, loop, of)) loop->whole = true;
    }
  }
}
