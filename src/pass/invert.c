/* invert: the left side of a scatter is solved for its indices.
 *
 * Position k of the left side, an expression e over the indices, gets a fresh index u of its size
 * and the goal u == e. A goal is worked on by what it looks like, until all are gone:
 *
 *   u == 3           nothing to solve            the guard u == 3
 *   u == x + d       one of them, the longer     x = u - d, guarded by 0 <= x < X
 *   u == K h + k     k in [0, K)                 h = u // K, the goal u % K == k
 *   u == 3 x         a stride                    x = u // 3, the guard u % 3 == 0
 *   u == f // a                                  the goal a u + o == f, o in [0, a)
 *   u == f % a                                   the goal u + a q == f, and u < a
 *
 * What no goal determined stays an index of the right side and is projected. */
#include <limits.h>

#include "pass/private.h"

typedef struct goal {
  const ir_expr *known, *e; /* known == e, to be solved for the indices in e */
} goal;

typedef struct solving {
  ir_program *p;
  base_arena *arena;
  BASE_VEC(goal) goals;
  BASE_VEC(const ir_expr *) guards;
  pass_indices open; /* not determined yet */
  pass_indices solved;
  BASE_VEC(const ir_expr *) values; /* of the solved ones, over the open ones and the head's */
} solving;

static const ir_expr *add(solving *s, const ir_expr *a, const ir_expr *b) {
  return ir_binary(s->p, IR_ADD, a, b);
}
static const ir_expr *sub(solving *s, const ir_expr *a, const ir_expr *b) {
  return ir_binary(s->p, IR_SUB, a, b);
}
static const ir_expr *mul(solving *s, const ir_expr *a, const ir_expr *b) {
  return ir_binary(s->p, IR_MUL, a, b);
}
static const ir_expr *replace(solving *s, const ir_expr *e, const ir_index *index,
                              const ir_expr *by) {
  return ir_substitute(s->p, e, 1, &index, &by);
}

/* ---- what a goal looks like ------------------------------------------------------------------ */

static int open_in(const solving *s, const ir_expr *e) {
  int n = 0;
  for (int i = 0; i < s->open.n; i++) n += ir_mentions(e, s->open.at[i]);
  return n;
}

static const ir_expr *without_open(solving *s, const ir_expr *e) {
  for (int i = 0; i < s->open.n; i++) e = replace(s, e, s->open.at[i], ir_int(s->p, 0));
  return e;
}

static bool holds_index(const solving *s, const ir_expr *e) {
  pass_indices all = {0};
  pass_collect(s->p, &all, e);
  return all.n > 0;
}

static bool longer(solving *s, const ir_index *a, const ir_index *b) {
  int64_t x, y;
  bool x_known = ir_is_int(a->extent, &x), y_known = ir_is_int(b->extent, &y);
  if (x_known && y_known && x != y) return x > y;
  if (x_known != y_known) return y_known;
  if (a->extent != b->extent && ir_less_equal(s->p, b->extent, a->extent)) return true;
  return false;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void add_goal(solving *s, const ir_expr *known, const ir_expr *e) {
  goal one = {known, e};
  BASE_PUSH(s->arena, &s->goals, one);
}

static void add_guard(solving *s, const ir_expr *test) { BASE_PUSH(s->arena, &s->guards, test); }

static const ir_expr *open_index(solving *s, const char *name, const ir_expr *extent) {
  ir_index *index = ir_index_new(s->p, name, extent);
  BASE_PUSH(s->arena, &s->open, index);
  return ir_use(s->p, index);
}

/* INDEX is VALUE from now on. */
static void settle(solving *s, const ir_index *index, const ir_expr *value) {
  int kept = 0;
  for (int i = 0; i < s->open.n; i++)
    if (s->open.at[i] != index) s->open.at[kept++] = s->open.at[i];
  s->open.n = kept;
  for (int i = 0; i < s->goals.n; i++) {
    s->goals.at[i].known = replace(s, s->goals.at[i].known, index, value);
    s->goals.at[i].e = replace(s, s->goals.at[i].e, index, value);
  }
  for (int i = 0; i < s->guards.n; i++) s->guards.at[i] = replace(s, s->guards.at[i], index, value);
  for (int i = 0; i < s->values.n; i++) s->values.at[i] = replace(s, s->values.at[i], index, value);
  BASE_PUSH(s->arena, &s->solved, index);
  BASE_PUSH(s->arena, &s->values, value);
}

/* known == coefficient index + rest, what else is open in REST staying below the coefficient. */
static bool solve_leading(solving *s, const goal *g) {
  for (int i = 0; i < s->open.n; i++) {
    const ir_expr *c, *rest;
    if (!pass_linear(s->p, g->e, s->open.at[i], &c, &rest)) continue;
    const ir_expr *fixed = without_open(s, rest), *small = sub(s, rest, fixed);
    bool alone = ir_is_const(small, 0);
    if (ir_is_const(c, 1) && alone) {
      settle(s, s->open.at[i], sub(s, g->known, fixed));
      return true;
    }
    if (alone ? !ir_less_equal(s->p, ir_int(s->p, 1), c)
              : !ir_never_negative(s->p, small) ||
                    !ir_less_equal(s->p, add(s, small, ir_int(s->p, 1)), c))
      continue;
    const ir_expr *reach = sub(s, g->known, fixed);
    add_goal(s, ir_binary(s->p, IR_MOD, reach, c), small);
    settle(s, s->open.at[i], ir_binary(s->p, IR_QUO, reach, c));
    return true;
  }
  return false;
}

/* known == coefficient index + rest: the others stay open, so the longest index is best solved for,
 * even if its coefficient leaves a guard: a filter is summed over, not an image. */
static bool solve_one(solving *s, const goal *g) {
  const ir_index *best = NULL;
  const ir_expr *best_c = NULL, *best_rest = NULL;
  int64_t best_size = 0;
  for (int i = 0; i < s->open.n; i++) {
    const ir_expr *c, *rest;
    int64_t k;
    if (!pass_linear(s->p, g->e, s->open.at[i], &c, &rest) || !ir_is_int(c, &k) || k == 0) continue;
    int64_t size = k < 0 ? -k : k;
    bool better = !best || longer(s, s->open.at[i], best) ||
                  (!longer(s, best, s->open.at[i]) && size == 1 && best_size != 1);
    if (!better) continue;
    best = s->open.at[i];
    best_c = c;
    best_rest = rest;
    best_size = size;
  }
  if (!best) return false;
  const ir_expr *reach = sub(s, g->known, best_rest), *size = ir_int(s->p, best_size);
  if (!ir_is_const(best_c, (double)best_size)) reach = ir_unary(s->p, IR_NEG, reach);
  if (best_size != 1)
    add_guard(s, ir_binary(s->p, IR_EQ, ir_binary(s->p, IR_MOD, reach, size), ir_int(s->p, 0)));
  settle(s, best, ir_binary(s->p, IR_QUO, reach, size));
  return true;
}

/* One more than the largest value of an affine E, which is never negative; NULL: not known. */
static const ir_expr *end_of(solving *s, const ir_expr *e) {
  ir_affine view;
  if (!ir_never_negative(s->p, e) || !ir_affine_of(s->p, e, &view)) return NULL;
  const ir_expr *end = add(s, view.constant, ir_int(s->p, 1));
  for (int i = 0; i < view.n; i++)
    if (ir_never_negative(s->p, view.coefficient[i]))
      end =
          add(s, end, mul(s, view.coefficient[i], sub(s, view.index[i]->extent, ir_int(s->p, 1))));
    else if (!ir_never_negative(s->p, ir_unary(s->p, IR_NEG, view.coefficient[i])))
      return NULL;
  return end;
}

static const ir_expr *quotient_up(solving *s, const ir_expr *a, const ir_expr *b) {
  return ir_binary(s->p, IR_QUO, add(s, a, sub(s, b, ir_int(s->p, 1))), b);
}

/* known == f // a or f % a */
static bool solve_division(solving *s, const goal *g) {
  if ((g->e->op != IR_QUO && g->e->op != IR_MOD) || g->e->type != IR_I64) return false;
  const ir_expr *f = g->e->arg[0], *a = g->e->arg[1];
  if (holds_index(s, a) || pass_has_read(a)) return false;
  if (g->e->op == IR_QUO) {
    add_goal(s, add(s, mul(s, a, g->known), open_index(s, "o", a)), f);
    return true;
  }
  const ir_expr *end = end_of(s, f);
  if (!end) return false;
  add_guard(s, ir_inside(s->p, g->known, a));
  add_goal(s, add(s, mul(s, a, open_index(s, "q", quotient_up(s, end, a))), g->known), f);
  return true;
}

typedef struct division { /* a // or % with open indices that stands in a sum */
  const solving *s;
  const ir_expr *found, *by;
} division;

static void find_division(void *arg, const ir_expr *e) {
  division *d = arg;
  if ((e->op == IR_QUO || e->op == IR_MOD) && e->type == IR_I64 && open_in(d->s, e)) d->found = e;
}

static const ir_expr *put_index(ir_program *p, const ir_expr *e, void *arg) {
  (void)p;
  division *d = arg;
  return e == d->found ? d->by : e;
}

/* known == e with some f // a inside: w for it, and the goal w == f // a. The outermost comes last
 * in a walk. */
static bool solve_inner_division(solving *s, const goal *g) {
  division d = {.s = s};
  ir_each(g->e, find_division, &d);
  if (!d.found || d.found == g->e) return false;
  const ir_expr *end = end_of(s, d.found->arg[0]), *a = d.found->arg[1];
  if (!end || holds_index(s, a)) return false;
  d.by = open_index(s, "w", d.found->op == IR_MOD ? a : quotient_up(s, end, a));
  add_goal(s, g->known, ir_rewrite(s->p, g->e, put_index, &d));
  add_goal(s, d.by, d.found);
  return true;
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* The goal to work on: sums before divisions before data, then the one with the fewest open
 * indices. */
static int next_goal(const solving *s) {
  int best = 0, least = INT_MAX;
  for (int i = 0; i < s->goals.n; i++) {
    const ir_expr *e = s->goals.at[i].e;
    int rank = open_in(s, e) + (e->op == IR_QUO || e->op == IR_MOD ? 1000 : 0);
    if (pass_has_read(e)) rank += 2000;
    if (rank >= least) continue;
    least = rank;
    best = i;
  }
  return best;
}

static bool on_both_sides(const solving *s, const goal *g) {
  for (int i = 0; i < s->open.n; i++)
    if (ir_mentions(g->known, s->open.at[i]) && ir_mentions(g->e, s->open.at[i])) return true;
  return false;
}

static bool solve(solving *s) {
  for (int steps = 0; s->goals.n > 0; steps++) {
    int at = next_goal(s);
    goal g = s->goals.at[at];
    s->goals.at[at] = s->goals.at[--s->goals.n];
    if (steps > 100) return false;
    if (g.e->op != IR_QUO && g.e->op != IR_MOD && on_both_sides(s, &g))
      g = (goal){ir_int(s->p, 0), sub(s, g.e, g.known)};
    if (open_in(s, g.e) == 0) {
      add_guard(s, ir_binary(s->p, IR_EQ, g.known, g.e));
      continue;
    }
    if (!solve_leading(s, &g) && !solve_division(s, &g) && !solve_one(s, &g) &&
        !solve_inner_division(s, &g))
      return false;
  }
  return true;
}

/* What was solved must lie in its range: proven or tested with the final values, as reads are
 * checked by those. */
static void guard_ranges(solving *s) {
  for (int i = 0; i < s->solved.n; i++)
    add_guard(s, ir_inside(s->p, s->values.at[i], s->solved.at[i]->extent));
}

/* Comparing every element with data is worth it only where nothing is summed over that. */
static bool worth_it(const solving *s, const ir_eq *eq) {
  bool data = false;
  for (int i = 0; i < s->guards.n; i++) data = data || pass_has_read(s->guards.at[i]);
  return !data || (s->open.n == 0 && eq->nred == 0);
}

static const ir_expr *guarded_body(solving *s, const ir_eq *eq) {
  const ir_expr *body = ir_substitute(s->p, eq->body, s->solved.n, s->solved.at, s->values.at);
  const ir_expr *test = ir_bool(s->p, true), *with_data = test;
  for (int i = 0; i < s->guards.n; i++) {
    const ir_expr **which = pass_has_read(s->guards.at[i]) ? &with_data : &test;
    *which = ir_binary(s->p, IR_AND, *which, s->guards.at[i]);
  }
  const ir_expr *neutral = ir_agg_neutral(s->p, eq->agg, (ir_type)body->type);
  return ir_where(s->p, test, ir_where(s->p, with_data, body, neutral), neutral);
}

static void invert(ir_program *p, base_arena *arena, ir_eq *eq) {
  solving s = {.p = p, .arena = arena};
  const ir_expr **lhs = BASE_NEWS(p->arena, const ir_expr *, eq->head->rank + 1);
  for (int i = 0; i < eq->nfree; i++) BASE_PUSH(arena, &s.open, eq->free[i]);
  for (int k = 0; k < eq->head->rank; k++) {
    const ir_expr *offset;
    const ir_index *index = ir_position_index(eq->lhs[k], &offset);
    lhs[k] = ir_use(p, ir_index_new(p, index ? index->name : "u", eq->head->size[k]));
    add_goal(&s, lhs[k], eq->lhs[k]);
  }
  if (!solve(&s)) return;
  guard_ranges(&s);
  if (!worth_it(&s, eq)) return;
  eq->body = guarded_body(&s, eq);
  eq->lhs = lhs;
  pass_indices left = {0}, free = {0};
  for (int i = 0; i < eq->nred; i++) BASE_PUSH(p->arena, &left, eq->red[i]);
  for (int i = 0; i < s.open.n; i++) BASE_PUSH(p->arena, &left, s.open.at[i]);
  for (int k = 0; k < eq->head->rank; k++) BASE_PUSH(p->arena, &free, lhs[k]->u.index);
  eq->free = free.at;
  eq->nfree = free.n;
  eq->red = left.at;
  eq->nred = left.n;
  if (eq->nred == 0) eq->agg = IR_SET;
}

void pass_invert(ir_program *p) {
  base_arena *arena = base_arena_child(p->arena);
  for (int t = 0; t < p->tensors.n; t++)
    for (int i = 0; i < p->tensors.at[t]->eqs.n; i++)
      if (!ir_window(p->tensors.at[t]->eqs.at[i])) invert(p, arena, p->tensors.at[t]->eqs.at[i]);
  base_arena_close(arena);
}
