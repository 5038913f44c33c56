/* pull: factors, divisors and guards free of the projected indices leave the sum; a sum of
 * products becomes a sum of sums. Only where a product of tensors is left behind: other sums are
 * computed as they stand. stop(x) is x once the derivatives are taken. What else is cast stays
 * where it is, and (X - M) W is not multiplied out: that would lose precision. */
#include "pass/private.h"

typedef struct peeled {   /* body = where(guard, sign * factor * inner / divisor, 0), NULL: none */
  const ir_expr *guard, *factor, *divisor, *inner;
  bool negative;
} peeled;

static bool is_free(const ir_eq *eq, const ir_expr *e) {
  for (int i = 0; i < eq->nred; i++)
    if (ir_mentions(e, eq->red[i])) return false;
  return true;
}

static const ir_expr *joined(ir_program *p, ir_op op, const ir_expr *a, const ir_expr *b) {
  return !a ? b : !b ? a : ir_binary(p, op, a, b);
}

static peeled peel(ir_program *p, const ir_eq *eq, const ir_expr *e);

static peeled peel_product(ir_program *p, const ir_eq *eq, const ir_expr *e) {
  peeled a = peel(p, eq, e->arg[0]), b = peel(p, eq, e->arg[1]);
  return (peeled){.guard = joined(p, IR_AND, a.guard, b.guard),
                  .factor = joined(p, IR_MUL, a.factor, b.factor),
                  .divisor = joined(p, IR_MUL, a.divisor, b.divisor),
                  .inner = joined(p, IR_MUL, a.inner, b.inner),
                  .negative = a.negative != b.negative};
}

static peeled peel_quotient(ir_program *p, const ir_eq *eq, const ir_expr *e) {
  peeled a = peel(p, eq, e->arg[0]);
  if (is_free(eq, e->arg[1])) a.divisor = joined(p, IR_MUL, a.divisor, e->arg[1]);
  else
    a.inner =
        ir_binary(p, IR_DIV, a.inner ? a.inner : ir_number(p, (ir_type)e->type, 1), e->arg[1]);
  return a;
}

typedef struct standing {
  ir_program *p;
  bool safe;
} standing;

static void check_read(void *arg, const ir_expr *e) {
  standing *s = arg;
  for (int k = 0; s->safe && e->op == IR_READ && k < e->n; k++) {
    const ir_expr *after = ir_binary(s->p, IR_ADD, e->arg[k], ir_int(s->p, 1));
    s->safe =
        ir_never_negative(s->p, e->arg[k]) && ir_less_equal(s->p, after, e->u.tensor->size[k]);
  }
}

/* Are the reads of E in bounds wherever its indices are, so that it may lose its guard? */
static bool stands_alone(ir_program *p, const ir_expr *e) {
  standing s = {p, true};
  if (e) ir_each(e, check_read, &s);
  return s.safe;
}

static peeled peel_guarded(ir_program *p, const ir_eq *eq, const ir_expr *e) {
  bool inverse = ir_is_const(e->arg[1], 0);
  if (!is_free(eq, e->arg[0]) || (!inverse && !ir_is_const(e->arg[2], 0)))
    return (peeled){.inner = e};
  peeled a = peel(p, eq, e->arg[inverse ? 2 : 1]);
  if (!stands_alone(p, a.inner)) return (peeled){.inner = e};
  const ir_expr *test = inverse ? ir_unary(p, IR_NOT, e->arg[0]) : e->arg[0];
  a.guard = joined(p, IR_AND, test, a.guard);
  return a;
}

static peeled peel(ir_program *p, const ir_eq *eq, const ir_expr *e) {
  if (is_free(eq, e)) return (peeled){.factor = e};
  if (e->op == IR_NEG) {
    peeled a = peel(p, eq, e->arg[0]);
    a.negative = !a.negative;
    return a;
  }
  if (e->op == IR_MUL) return peel_product(p, eq, e);
  if (e->op == IR_DIV) return peel_quotient(p, eq, e);
  return e->op == IR_WHERE ? peel_guarded(p, eq, e) : (peeled){.inner = e};
}

static const ir_expr *put_back(ir_program *p, const peeled *a, const ir_expr *sum) {
  const ir_expr *e = joined(p, IR_MUL, sum, a->factor);
  if (a->divisor) e = ir_binary(p, IR_DIV, e, a->divisor);
  if (a->negative) e = ir_unary(p, IR_NEG, e);
  return a->guard ? ir_where(p, a->guard, e, ir_number(p, (ir_type)e->type, 0)) : e;
}

/* ---- terms ----------------------------------------------------------------------------------- */

typedef struct term {
  const ir_expr *e;
  bool negative;
} term;
typedef BASE_VEC(term) terms;

static void split_terms(ir_program *p, const ir_expr *e, bool negative, terms *out) {
  if (e->op == IR_ADD || e->op == IR_SUB) {
    split_terms(p, e->arg[0], negative, out);
    split_terms(p, e->arg[1], negative != (e->op == IR_SUB), out);
  } else if (e->op == IR_NEG) {
    split_terms(p, e->arg[0], !negative, out);
  } else {
    term t = {e, negative};
    BASE_PUSH(p->arena, out, t);
  }
}

/* INNER has two factors at least, over different indices: a product that may be contracted. */
static bool is_product(ir_program *p, const ir_expr *inner) {
  if (inner->op != IR_MUL && inner->op != IR_DIV) return false;
  pass_indices all = {0};
  pass_collect(p, &all, inner);
  for (; inner->op == IR_MUL || inner->op == IR_DIV; inner = inner->arg[0])
    for (int side = 0; side < 2; side++)
      for (int i = 0; i < all.n; i++)
        if (inner->arg[side]->type != IR_I64 && !ir_mentions(inner->arg[side], all.at[i]))
          return true;
  return false;
}

/* ---- equations ------------------------------------------------------------------------------- */

/* SUM times over for each projected index that BODY lacks. */
static const ir_expr *repeated(ir_program *p, const ir_eq *eq, const ir_expr *body,
                               const ir_expr *sum) {
  for (int i = 0; i < eq->nred; i++)
    if (!ir_mentions(body, eq->red[i]))
      sum = ir_binary(p, IR_MUL, sum, ir_cast(p, eq->red[i]->extent, (ir_type)sum->type));
  return sum;
}

/* The sum of BODY over EQ's projected indices, as a tensor over its free ones, read there. */
static const ir_expr *summed(ir_program *p, const ir_eq *eq, const ir_expr *body) {
  const ir_expr **all = BASE_NEWS(p->arena, const ir_expr *, eq->nfree + 1);
  const ir_expr **size = BASE_NEWS(p->arena, const ir_expr *, eq->nfree + 1);
  const ir_expr **at = BASE_NEWS(p->arena, const ir_expr *, eq->nfree + 1);
  for (int i = 0; i < eq->nfree; i++) {
    size[i] = eq->free[i]->extent;
    all[i] = at[i] = ir_use(p, eq->free[i]);
  }
  all[eq->nfree] = body;
  ir_tensor *t = ir_tensor_new(p, eq->head->name, (ir_type)body->type, eq->nfree, size, IR_DERIVED);
  pass_refresh(p, eq->nfree + 1, all);
  ir_eq *sum = ir_define(p, t, IR_SUM, all, all[eq->nfree]);
  if (sum->nred == 0) sum->agg = IR_SET;
  sum->span = t->span = eq->span;
  return repeated(p, eq, body, ir_read(p, t, at));
}

static void replace_body(ir_eq *eq, const ir_expr *body) {
  eq->agg = IR_SET;
  eq->body = body;
  eq->nred = 0;
}

static bool pull_terms(ir_program *p, ir_eq *eq, const peeled *outer) {
  terms all = {0};
  const ir_expr *result = NULL, *rest = NULL;
  split_terms(p, outer->inner, false, &all);
  for (int i = 0; i < all.n; i++) {
    peeled part = peel(p, eq, all.at[i].e);
    if (!part.inner || !is_product(p, part.inner)) {
      const ir_expr *e = all.at[i].negative ? ir_unary(p, IR_NEG, all.at[i].e) : all.at[i].e;
      rest = joined(p, IR_ADD, rest, e);
      continue;
    }
    part.negative = part.negative != all.at[i].negative;
    result = joined(p, IR_ADD, result, put_back(p, &part, summed(p, eq, part.inner)));
  }
  if (!result) return false;
  if (rest)
    result = ir_binary(p, IR_ADD, result,
                       is_free(eq, rest) ? repeated(p, eq, rest, rest) : summed(p, eq, rest));
  replace_body(eq, put_back(p, outer, result));
  return true;
}

/* A sum rounded at the end instead of at each term: the head is f32, what is summed f64. */
static void pull_rounding(ir_program *p, ir_eq *eq) {
  const ir_expr *wide = eq->body->op == IR_CAST ? eq->body->arg[0] : NULL;
  if (!wide || eq->body->u.to != IR_F32 || wide->type != IR_F64 || !is_product(p, wide)) return;
  replace_body(eq, ir_cast(p, summed(p, eq, wide), IR_F32));
}

static void pull_equation(ir_program *p, ir_eq *eq) {
  pass_contraction c;
  if (eq->agg != IR_SUM || !eq->nred || !ir_window(eq) || !ir_type_real((ir_type)eq->body->type))
    return;
  if (pass_contraction_of(p, eq, &c)) return;
  pull_rounding(p, eq);
  if (!eq->nred) return;
  peeled outer = peel(p, eq, eq->body);
  if (!outer.inner) return;
  if (outer.inner->op == IR_ADD || outer.inner->op == IR_SUB) {
    ir_eq inner = *eq;
    inner.body = outer.inner;
    if (!pass_contraction_of(p, &inner, &c)) {
      pull_terms(p, eq, &outer);
      return;
    }
  } else if (!is_product(p, outer.inner)) {
    return;
  }
  if (outer.inner == eq->body) return;
  replace_body(eq, put_back(p, &outer, summed(p, eq, outer.inner)));
}

static const ir_expr *drop_stop(ir_program *p, const ir_expr *e, void *arg) {
  (void)p, (void)arg;
  return e->op == IR_STOP ? e->arg[0] : e;
}

void pass_pull(ir_program *p) {
  for (int t = 0; t < p->tensors.n; t++)      /* those that are made on the way too */
    for (int i = 0; i < p->tensors.at[t]->eqs.n; i++) {
      ir_eq *eq = p->tensors.at[t]->eqs.at[i];
      eq->body = ir_rewrite(p, eq->body, drop_stop, NULL);
      pull_equation(p, eq);
    }
}
