/* bound: the largest and smallest value of an integer expression, as an expression over sizes. */
#include "ir/private.h"

static bool settled(const ir_expr *e) {
  return !ir_holds_index(e) && !ir_holds_data(e) && !(e->holds >> IR_HOLDS_COUNTER & 1);
}

/* The better of two bounds, either of which may be missing. */
static const ir_expr *better(ir_program *p, const ir_expr *a, const ir_expr *b, bool upper) {
  if (a == NULL || b == NULL) return a == NULL ? b : a;
  return ir_binary(p, upper ? IR_MINIMUM : IR_MAXIMUM, a, b);
}

static const ir_expr *bound_at(const ir_facts *f, const ir_expr *e, bool upper, int depth);

/* A fact 0 <= fact gives e <= e + fact and e >= e - fact: over sizes alone, that is a bound. */
static const ir_expr *by_facts(const ir_facts *f, const ir_expr *e, bool upper) {
  const ir_expr *best = NULL;
  for (int i = 0; i < f->n; i++) {
    if ((f->at[i]->holds & e->holds) != e->holds) continue;
    const ir_expr *at = ir_sum(f->p, e, upper ? 1 : -1, f->at[i]);
    if (settled(at)) best = better(f->p, best, at, upper);
  }
  return best;
}

static const ir_expr *atom_bound(const ir_facts *f, const ir_expr *x, bool upper, int depth) {
  ir_program *p = f->p;
  const ir_expr *a, *b, *known = by_facts(f, x, upper), *own = NULL;
  switch (x->op) {
    case IR_INDEX:
      own = upper ? ir_sum(p, x->u.index->extent, -1, ir_int(p, 1)) : ir_int(p, 0);
      if (!settled(own)) own = bound_at(f, own, upper, depth + 1);
      break;
    case IR_SYMBOL:
      if (!upper && ir_facts_least(f, x->u.symbol) > INT64_MIN)
        own = ir_int(p, ir_facts_least(f, x->u.symbol));
      break;
    case IR_QUO:
      if (!settled(x->arg[1]) || !ir_prove(f, ir_sum(p, x->arg[1], -1, ir_int(p, 1)))) break;
      a = bound_at(f, x->arg[0], upper, depth + 1);
      own = a == NULL ? NULL : ir_quotient(p, a, x->arg[1]);
      break;
    case IR_MOD:
      if (!settled(x->arg[1]) || !ir_prove(f, ir_sum(p, x->arg[1], -1, ir_int(p, 1)))) break;
      own = upper ? ir_sum(p, x->arg[1], -1, ir_int(p, 1)) : ir_int(p, 0);
      break;
    case IR_MINIMUM: case IR_MAXIMUM:
      a = bound_at(f, x->arg[0], upper, depth + 1);
      b = bound_at(f, x->arg[1], upper, depth + 1);
      if (a != NULL && b != NULL) own = ir_binary(p, (ir_op)x->op, a, b);
      else if (upper == (x->op == IR_MINIMUM)) own = a != NULL ? a : b;
      break;
    case IR_WHERE:
      a = bound_at(f, x->arg[1], upper, depth + 1);
      b = bound_at(f, x->arg[2], upper, depth + 1);
      if (a != NULL && b != NULL) own = ir_binary(p, upper ? IR_MAXIMUM : IR_MINIMUM, a, b);
      break;
    case IR_SIGN: own = ir_int(p, upper ? 1 : -1); break;
    case IR_ABS: own = upper ? NULL : ir_int(p, 0); break;
    case IR_RANDOM: own = ir_int(p, upper ? UINT32_MAX : 0); break;
    case IR_CAST:
      if (x->arg[0]->type == IR_BOOL) own = ir_int(p, upper);
      else if (x->u.to == IR_I32) own = ir_int(p, upper ? INT32_MAX : INT32_MIN);
      break;
    default: break;
  }
  return better(p, known, own, upper);
}

/* Compound atoms first: their bounds bring no others in; then indices, the youngest first. */
static const ir_expr *unsettled_atom(const poly *e) {
  const ir_expr *best = NULL;
  for (int i = 0; i < e->n; i++)
    for (int j = 0; j < POLY_FACTORS && e->term[i].atom[j] != NULL; j++) {
      const ir_expr *x = e->term[i].atom[j];
      if (settled(x)) continue;
      if (best == NULL || (best->op == IR_INDEX && x->op != IR_INDEX)) best = x;
    }
  return best;
}

static const ir_expr *bound_at(const ir_facts *f, const ir_expr *e, bool upper, int depth) {
  if (settled(e)) return e;
  if (depth > 8) return NULL;
  const ir_expr *known = by_facts(f, e, upper);
  poly x, c, rest;
  poly_of(&x, e);
  const ir_expr *atom = unsettled_atom(&x);
  if (!poly_linear(&x, atom, &c, &rest)) return known;
  bool up = ir_prove_poly(f, &c);
  poly minus;
  poly_set(&minus, 0);
  if (!up && !(poly_add(&minus, -1, &c) && ir_prove_poly(f, &minus))) return known;
  const ir_expr *by = atom_bound(f, atom, up == upper, depth);
  if (by == NULL || !settled(by)) return known;
  const ir_expr *scaled = ir_product(f->p, poly_expr(f->p, &c), by);
  const ir_expr *replaced = ir_sum(f->p, poly_expr(f->p, &rest), 1, scaled);
  return better(f->p, known, bound_at(f, replaced, upper, depth + 1), upper);
}

const ir_expr *ir_bound(const ir_facts *f, const ir_expr *e, bool upper) {
  return bound_at(f, e, upper, 0);
}
