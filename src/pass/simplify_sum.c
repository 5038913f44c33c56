/* Projections that need not be made: over what lacks the index, or is but one element. */
#include "pass/private.h"

typedef struct summing {
  ir_program *p;
  base_arena *arena;
  const ir_eq *const *one_hot; /* by tensor id: Y[b,c] = where(T[b] == c, .., 0); or NULL */
} summing;

/* ---- projections that are none --------------------------------------------------------------- */

static void drop_red(ir_eq *eq, int at) {
  eq->nred--;
  for (int i = at; i < eq->nred; i++) eq->red[i] = eq->red[i + 1];
}

/* BODY aggregated COUNT times over. */
static const ir_expr *repeated(ir_program *p, ir_agg agg, const ir_expr *body,
                               const ir_expr *count) {
  const ir_expr *times = ir_cast(p, count, (ir_type)body->type);
  if (agg == IR_SUM) return ir_binary(p, body->type == IR_BOOL ? IR_AND : IR_MUL, body, times);
  if (agg == IR_PROD && body->type != IR_BOOL && ir_type_real((ir_type)body->type))
    return ir_binary(p, IR_POW, body, times);
  if (ir_less_equal(p, ir_int(p, 1), count))
    return agg == IR_PROD && body->type == IR_I64 ? NULL : body;
  if (agg == IR_PROD) return NULL;
  return ir_where(p, ir_binary(p, IR_LT, ir_int(p, 0), count), body,
                  ir_agg_neutral(p, agg, (ir_type)body->type));
}

static void drop_absent(ir_program *p, ir_eq *eq) {
  for (int i = eq->nred - 1; i >= 0; i--) {
    const ir_index *index = eq->red[i];
    const ir_expr *zero = ir_int(p, 0);
    if (ir_is_const(index->extent, 1)) eq->body = ir_substitute(p, eq->body, 1, &index, &zero);
    if (ir_mentions(eq->body, index)) continue;
    const ir_expr *body = repeated(p, eq->agg, eq->body, index->extent);
    if (!body) continue;
    eq->body = body;
    drop_red(eq, i);
  }
}

/* ---- one-hot sums: of where(T[b] == c, V[b,c], 0) over c, V[b,T[b]] is left ------------------ */

typedef BASE_VEC(const ir_expr *) exprs;

static void split_and(base_arena *arena, const ir_expr *test, exprs *out) {
  if (test->op == IR_AND) {
    split_and(arena, test->arg[0], out);
    split_and(arena, test->arg[1], out);
  } else {
    BASE_PUSH(arena, out, test);
  }
}

/* What INDEX must be for TEST to hold, NULL: it does not say. */
static const ir_expr *determined(ir_program *p, const ir_expr *test, const ir_index *index) {
  const ir_expr *c, *rest;
  if (test->op != IR_EQ || test->arg[0]->type != IR_I64 || !ir_mentions(test, index)) return NULL;
  if (!pass_linear(p, ir_binary(p, IR_SUB, test->arg[0], test->arg[1]), index, &c, &rest))
    return NULL;
  if (ir_is_const(c, 1)) return ir_unary(p, IR_NEG, rest);
  return ir_is_const(c, -1) ? rest : NULL;
}

static const ir_expr *guarded(summing *s, ir_agg agg, const ir_expr *e, exprs *tests);

/* The same where E is a product with such a factor, NULL: it is not. */
static const ir_expr *guarded_factor(summing *s, const ir_expr *e, exprs *tests) {
  for (int k = 0; k < (e->op == IR_MUL ? 2 : 1); k++) {
    const ir_expr *inner = guarded(s, IR_SUM, e->arg[k], tests);
    if (!inner) continue;
    const ir_expr *arg[] = {e->arg[0], e->n > 1 ? e->arg[1] : NULL};
    arg[k] = inner;
    return ir_apply(s->p, (ir_op)e->op, arg);
  }
  return NULL;
}

/* E = where(test, where(.., value, neutral), neutral): the value, and the tests from outside in.
 * NULL: it is not so. A tensor that is given by such a where() counts as its body. */
static const ir_expr *guarded(summing *s, ir_agg agg, const ir_expr *e, exprs *tests) {
  if (e->op == IR_WHERE && e->arg[2] == ir_agg_neutral(s->p, agg, (ir_type)e->type)) {
    split_and(s->arena, e->arg[0], tests);
    const ir_expr *inner = guarded(s, agg, e->arg[1], tests);
    return inner ? inner : e->arg[1];
  }
  if (e->op == IR_READ && s->one_hot[e->u.tensor->id]) {
    const ir_eq *eq = s->one_hot[e->u.tensor->id];
    return guarded(s, agg, ir_substitute(s->p, eq->body, eq->nfree, eq->free, e->arg), tests);
  }
  if (agg != IR_SUM) return NULL;
  if (e->op == IR_CAST && e->arg[0]->type == IR_BOOL) {
    split_and(s->arena, e->arg[0], tests);
    return ir_number(s->p, (ir_type)e->type, 1);
  }
  return e->op == IR_MUL || e->op == IR_DIV || e->op == IR_NEG ? guarded_factor(s, e, tests) : NULL;
}

static bool listed(const exprs *all, const ir_expr *e) {
  for (int i = 0; i < all->n; i++)
    if (all->at[i] == e) return true;
  return false;
}

/* The equation at INDEX = VALUE, the only place where its body is not neutral. What reads data is
 * tested inside, in the order of TESTS. */
static void collapse(summing *s, ir_eq *eq, const exprs *tests, const ir_expr *body,
                     const ir_index *index, const ir_expr *value) {
  ir_program *p = s->p;
  const ir_expr *neutral = ir_agg_neutral(p, eq->agg, (ir_type)body->type);
  const ir_expr *first = ir_inside(p, value, index->extent),
                *result = ir_substitute(p, body, 1, &index, &value);
  exprs met = {0}, inner = {0};
  split_and(s->arena, first, &met);
  for (int i = 0; i < tests->n; i++) {
    const ir_expr *test = ir_substitute(p, tests->at[i], 1, &index, &value);
    if (listed(&met, test)) continue;
    BASE_PUSH(s->arena, &met, test);
    if (pass_has_read(test))
      BASE_PUSH(s->arena, &inner, test);
    else
      first = ir_binary(p, IR_AND, first, test);
  }
  for (int i = inner.n - 1; i >= 0; i--) result = ir_where(p, inner.at[i], result, neutral);
  eq->body = ir_where(p, first, result, neutral);
}

static bool drop_one_hot(summing *s, ir_eq *eq) {
  exprs tests = {0};
  const ir_expr *value = eq->nred > 0 ? guarded(s, eq->agg, eq->body, &tests) : NULL;
  for (int i = 0; value && i < eq->nred; i++)
    for (int k = 0; k < tests.n; k++) {
      const ir_expr *at = determined(s->p, tests.at[k], eq->red[i]);
      if (!at) continue;
      collapse(s, eq, &tests, value, eq->red[i], at);
      drop_red(eq, i);
      return true;
    }
  return false;
}

void simplify_projections(ir_program *p, base_arena *arena, const ir_eq *const *one_hot,
                          ir_eq *eq) {
  summing s = {p, arena, one_hot};
  do drop_absent(p, eq);
  while (drop_one_hot(&s, eq));
  if (eq->nred == 0 && eq->agg != IR_SET && ir_window(eq)) eq->agg = IR_SET;
}
