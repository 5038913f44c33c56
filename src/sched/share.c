/* Sharing: what several equations of a row compute at each point of its line, an exponential
 * say, is computed once and kept for the line. Cheap things are computed again: keeping them
 * costs as much. */
#include "sched/private.h"

enum {
  DEAR = 10,
  MOST = 16,
  LONG = 65536
}; /* cost worth keeping; values of a group, points of a line at most */

static bool at_each_point(const sched_group *s, const sched_member *m) {
  const ir_eq *eq = m->eq;
  if (m->partial || eq->nfree + eq->nred != s->frame.n + s->line.n) return false;
  for (int i = 0; i < eq->nfree; i++)
    if (!sched_has(&s->frame, eq->free[i]) && !sched_has(&s->line, eq->free[i])) return false;
  for (int i = 0; i < eq->nred; i++)
    if (!sched_has(&s->line, eq->red[i])) return false;
  return true;
}

/* ---- what may be shared ---------------------------------------------------------------------- */

typedef struct looking {
  ir_program *p;
  const sched_group *group;
  const ir_expr *wanted;           /* asked about; NULL: the best is looked for */
  bool found, proven;
  const ir_expr *best;
} looking;

static void look_for(void *arg, const ir_expr *e) {
  looking *l = arg;
  if (e == l->wanted) l->found = true;
}

static int users(looking *l, const ir_expr *e) {
  int n = 0;
  for (int i = 0; i < l->group->member.n; i++) {
    if (!at_each_point(l->group, &l->group->member.at[i])) continue;
    looking one = {.wanted = e};
    ir_each(l->group->member.at[i].eq->body, look_for, &one);
    n += one.found;
  }
  return n;
}

/* It may be computed where a guard around it does not hold. */
static void look_outside(void *arg, const ir_expr *e) {
  looking *l = arg;
  for (int k = 0; e->op == IR_READ && k < e->n; k++) {
    const ir_expr *end = ir_binary(l->p, IR_ADD, e->arg[k], ir_int(l->p, 1));
    if (!ir_never_negative(l->p, e->arg[k]) || !ir_less_equal(l->p, end, e->u.tensor->size[k]))
      l->proven = false;
  }
}

static bool along_line(const sched_group *s, const ir_expr *e) {
  for (int i = 0; i < s->line.n; i++)
    if (ir_mentions(e, s->line.at[i])) return true;
  return false;
}

static void look_for_best(void *arg, const ir_expr *e) {
  looking *l = arg;
  if (ir_ops[e->op].cost < DEAR || !ir_type_real((ir_type)e->type) ||
      (l->best && e->id <= l->best->id))
    return;
  if (!along_line(l->group, e) || users(l, e) < 2) return;
  looking bounds = {.p = l->p, .proven = true};
  ir_each(e, look_outside, &bounds);
  if (bounds.proven) l->best = e;
}

/* ---- sharing it ------------------------------------------------------------------------------ */

typedef struct replacing { const ir_expr *e, *by; } replacing;

static const ir_expr *replace(ir_program *p, const ir_expr *e, void *arg) {
  const replacing *r = arg;
  (void)p;
  return e == r->e ? r->by : e;
}

static sched_member shared_value(sched_graph *g, const sched_group *s, const ir_expr *e) {
  int n = s->frame.n + s->line.n;
  const ir_expr **at = BASE_NEWS(g->arena, const ir_expr *, n + 1),
                **size = BASE_NEWS(g->arena, const ir_expr *, n + 1);
  for (int i = 0; i < n; i++) {
    const ir_index *x = i < s->frame.n ? s->frame.at[i] : s->line.at[i - s->frame.n];
    at[i] = ir_use(g->p, x);
    size[i] = x->extent;
  }
  ir_tensor *t = ir_tensor_new(g->p, "Shared", (ir_type)e->type, n, size, IR_DERIVED);
  return (sched_member){.eq = ir_define(g->p, t, IR_SET, at, e), .inner = true};
}

/* A member that is this value already; else a new one before the first that needs it. */
static const ir_eq *keeper_of(sched_graph *g, sched_group *s, const ir_expr *e) {
  int first = -1;
  for (int i = 0; i < s->member.n; i++) {
    looking one = {.wanted = e};
    if (!at_each_point(s, &s->member.at[i])) continue;
    ir_each(s->member.at[i].eq->body, look_for, &one);
    if (!one.found) continue;
    const ir_eq *eq = s->member.at[i].eq;
    if (first < 0 && eq->body == e && eq->agg == IR_SET &&
        ir_type_computed(eq->head->type) == eq->head->type)
      return eq;
    if (first < 0) first = i;
  }
  sched_member m = shared_value(g, s, e);
  m.node = s->member.at[first].node;
  BASE_PUSH(g->arena, &s->member, m);
  for (int k = s->member.n - 1; k > first; k--) s->member.at[k] = s->member.at[k - 1];
  s->member.at[first] = m;
  return m.eq;
}

static void share_one(sched_graph *g, sched_group *s, const ir_expr *e) {
  const ir_eq *keeper = keeper_of(g, s, e);
  replacing r = {e, ir_read(g->p, keeper->head, keeper->lhs)};
  for (int i = 0; i < s->member.n; i++) {
    sched_member *m = &s->member.at[i];
    if (m->eq == keeper || !at_each_point(s, m)) continue;
    ir_eq *copy = BASE_NEW(g->arena, ir_eq);
    *copy = *m->eq;
    copy->body = ir_rewrite(g->p, copy->body, replace, &r);
    m->eq = copy;
  }
}

void sched_share(sched_graph *g, sched_group *s) {
  for (int n = 0; n < MOST && sched_points(g, &s->line) <= LONG; n++) {
    looking l = {.p = g->p, .group = s};
    for (int i = 0; i < s->member.n; i++)
      if (at_each_point(s, &s->member.at[i])) ir_each(s->member.at[i].eq->body, look_for_best, &l);
    if (!l.best) return;
    share_one(g, s, l.best);
  }
}
