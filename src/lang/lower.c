/* lower: resolved clauses to tensor equations. A sum inside an expression becomes a tensor of its own; the sum that
 * holds the whole right side is its equation's. Numbers in the text are weak: they take the type of what they meet. */
#include "lang/check.h"

#include <math.h>
#include <string.h>

static const node *child(const node *n, int i) { return (const node *)n->e.at[i]; }

/* ---- operations with weak numbers: constants of f64 -------------------------------------------------------- */

static bool weak(const ir_expr *e) { return e->op == IR_CONST && e->type == IR_F64; }

static const ir_expr *strong(check *c, const ir_expr *e, const ir_expr *other) {
  return weak(e) && !weak(other) && other->type != IR_F64 ? ir_cast(c->p, e, IR_F32) : e;
}

static const ir_expr *combine(check *c, ir_op op, const ir_expr *a, const ir_expr *b) {
  return ir_binary(c->p, op, strong(c, a, b), strong(c, b, a));
}

static const ir_expr *choose(check *c, const ir_expr *test, const ir_expr *a, const ir_expr *b) {
  return ir_where(c->p, ir_cast(c->p, test, IR_BOOL), strong(c, a, b), strong(c, b, a));
}

static const ir_expr *number(check *c, const node *n) {
  return n->e.whole ? ir_int(c->p, n->e.integer) : ir_real(c->p, IR_F64, n->e.value);
}

/* ---- reads -------------------------------------------------------------------------------------------------- */

const ir_expr *lower_position(check *c, clause *cl, const node *n) {
  const ir_expr *e = NULL, *x;
  switch (n->e.kind) {
  case LANG_DIVIDE:
    return ir_binary(c->p, IR_QUO, lower_position(c, cl, child(n, 0)), lower_position(c, cl, child(n, 1)));
  case LANG_MODULO:
    return ir_binary(c->p, IR_MOD, lower_position(c, cl, child(n, 0)), lower_position(c, cl, child(n, 1)));
  case LANG_SUM:
  case LANG_JOIN:
  case LANG_MULTIPLY:
    for (int i = 0; i < n->e.n; i++) {
      x = lower_position(c, cl, child(n, i));
      e = e ? ir_binary(c->p, n->e.kind == LANG_SUM ? IR_ADD : IR_MUL, e, x) : x;
    }
    return e;
  case LANG_NEGATE: return ir_unary(c->p, IR_NEG, lower_position(c, cl, child(n, 0)));
  case LANG_NUMBER:
    if (!n->e.whole) check_refuse(c, n->e.span, "a position is a whole number");
    return ir_int(c->p, n->e.integer);
  default:
    e = lower(c, cl, (node *)(uintptr_t)n);
    if (ir_type_real((ir_type)e->type) && e->op != IR_CONST)
      check_refuse(c, n->e.span, "a position is a whole number; this is %s\nhelp: declare the tensor as i64, or round it: floor(...)",
                   ir_type_name((ir_type)e->type));
    return ir_cast(c->p, e, IR_I64);
  }
}

const ir_expr *lower_read_of(check *c, ir_tensor *t, const ir_expr *const *position) {
  const ir_expr *inside = ir_bool(c->p, true);
  for (int k = 0; k < t->rank; k++)
    inside = ir_binary(c->p, IR_AND, inside, ir_inside(c->p, position[k], t->size[k]));
  const ir_expr *read = ir_read(c->p, t, position);
  return ir_where(c->p, inside, read, ir_number(c->p, (ir_type)read->type, 0));
}

static const ir_expr *lower_read(check *c, clause *cl, const node *n) {
  const entity *of = n->of;
  const ir_expr *position[RUN_RANK + 1];
  int given = n->e.kind == LANG_READ ? n->e.n : 0;
  for (int k = 0, at = 0; k < of->rank; k++) {
    bool last = given == of->rank - 1 && k == of->virtual_position;
    position[k] = last ? ir_binary(c->p, IR_SUB, of->size[k], ir_int(c->p, 1)) : lower_position(c, cl, child(n, at++));
  }
  return lower_read_of(c, of->ir, position);
}

/* ---- tensors of their own -------------------------------------------------------------------------------------- */

static bool among(const variable *v, int n, variable *const *list) {
  for (int i = 0; i < n; i++)
    if (list[i] == v) return true;
  return false;
}

const ir_expr *lower_temporary(check *c, clause *cl, const char *name, ir_agg agg, const ir_expr *body,
                               int ndrop, variable *const *drop) {
  const ir_expr *size[RUN_RANK], *at[RUN_RANK], *lhs[RUN_RANK], *by[64];
  const ir_index *old[64];
  int rank = 0, n = 0;
  if (weak(body)) body = ir_cast(c->p, body, IR_F32);
  for (int i = 0; i < cl->vars.n; i++) {
    variable *v = cl->vars.at[i];
    bool dropped = among(v, ndrop, drop);
    if (!dropped && !ir_mentions(body, v->index)) continue;
    if (n == 64 || (!dropped && rank == RUN_RANK))
      check_refuse(c, cl->stmt->span, "too many indices in one product: %d positions are the most", RUN_RANK);
    old[n] = v->index;
    by[n] = ir_use(c->p, ir_index_new(c->p, v->index->name, v->index->extent));
    if (!dropped) {
      size[rank] = v->index->extent;
      at[rank] = ir_use(c->p, v->index);
      lhs[rank++] = by[n];
    } else if (!ir_mentions(body, v->index) && agg == IR_SUM) {   /* a sum over what it lacks counts */
      body = combine(c, IR_MUL, body, ir_cast(c->p, v->index->extent, ir_type_real((ir_type)body->type) ? (ir_type)body->type : IR_I64));
    }
    n++;
  }
  ir_tensor *t = ir_tensor_new(c->p, name, (ir_type)body->type, rank, size, IR_DERIVED);
  ir_define(c->p, t, agg, lhs, ir_substitute(c->p, body, n, old, by))->span = cl->stmt->span;
  t->span = cl->stmt->span;
  return ir_read(c->p, t, at);
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static const ir_expr *unary_of(check *c, const char *name, const ir_expr *x) {
  ir_program *p = c->p;
  const ir_expr *zero = ir_int(p, 0), *one = ir_int(p, 1), *half = ir_real(p, IR_F64, 0.5);
  static const struct { const char *name; ir_op op; } plain[] = {
      {"sig", IR_SIG}, {"tanh", IR_TANH}, {"exp", IR_EXP}, {"log", IR_LOG}, {"sqrt", IR_SQRT}, {"rsqrt", IR_RSQRT},
      {"abs", IR_ABS}, {"sign", IR_SIGN}, {"sin", IR_SIN}, {"cos", IR_COS}, {"erf", IR_ERF}, {"floor", IR_FLOOR},
      {"round", IR_ROUND}};
  for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
    if (strcmp(plain[i].name, name) == 0) return ir_unary(p, plain[i].op, x);
  if (strcmp(name, "relu") == 0) return combine(c, IR_MAXIMUM, x, ir_number(p, (ir_type)x->type, 0));
  if (strcmp(name, "step") == 0)
    return choose(c, combine(c, IR_LT, zero, x), ir_number(p, (ir_type)x->type, 1), ir_number(p, (ir_type)x->type, 0));
  if (strcmp(name, "silu") == 0) return combine(c, IR_MUL, x, ir_unary(p, IR_SIG, x));
  if (strcmp(name, "gelu") == 0) {
    const ir_expr *e = ir_unary(p, IR_ERF, combine(c, IR_MUL, x, ir_real(p, IR_F64, sqrt(0.5))));
    return combine(c, IR_MUL, combine(c, IR_MUL, x, half), combine(c, IR_ADD, e, one));
  }
  if (strcmp(name, "gelu tanh") == 0) {   /* x (1 + tanh u) / 2 = x sig(2 u) */
    const ir_expr *cube = combine(c, IR_MUL, combine(c, IR_MUL, x, x), ir_real(p, IR_F64, 0.044715));
    const ir_expr *u = combine(c, IR_MUL, combine(c, IR_ADD, cube, one), combine(c, IR_MUL, x, ir_real(p, IR_F64, 2 * sqrt(2 / M_PI))));
    return combine(c, IR_MUL, x, ir_unary(p, IR_SIG, u));
  }
  return NULL;
}

static const ir_expr *several(check *c, const node *n, const ir_expr *const *a) {
  const char *name = n->e.name;
  const ir_expr *e = a[0], *zero = ir_int(c->p, 0);
  bool least = strcmp(name, "min") == 0;
  if (least || strcmp(name, "max") == 0) {
    for (int i = 1; i < n->e.n; i++) e = combine(c, least ? IR_MINIMUM : IR_MAXIMUM, e, a[i]);
    return e;
  }
  if (strcmp(name, "where") == 0 && n->e.n == 3) return choose(c, a[0], a[1], a[2]);
  if (strcmp(name, "clamp") == 0 && n->e.n == 3) return combine(c, IR_MINIMUM, combine(c, IR_MAXIMUM, a[0], a[1]), a[2]);
  if (strcmp(name, "sig") == 0 && n->e.n == 2) {
    const ir_expr *cold = combine(c, IR_EQ, a[1], zero);
    return choose(c, cold, unary_of(c, "step", strong(c, a[0], a[1])), ir_unary(c->p, IR_SIG, combine(c, IR_DIV, a[0], a[1])));
  }
  return NULL;
}

static const ir_expr *lower_reduction(check *c, clause *cl, const node *n) {
  static const struct { const char *name, *tensor; ir_agg agg; } table[] = {
      {"sum", "Sum", IR_SUM}, {"avg", "Avg", IR_SUM}, {"count", "Count", IR_SUM},
      {"max", "Max", IR_MAX}, {"min", "Min", IR_MIN}, {"prod", "Prod", IR_PROD}};
  for (size_t i = 0; n->e.nindex && i < sizeof table / sizeof *table; i++) {
    if (strcmp(table[i].name, n->e.name) != 0) continue;
    variable **drop = BASE_NEWS(c->arena, variable *, n->e.nindex + 1);
    const ir_expr *size = ir_int(c->p, 1);
    for (int k = 0; k < n->e.nindex; k++) {
      drop[k] = ((const node *)n->e.index[k])->var;
      size = ir_binary(c->p, IR_MUL, size, drop[k]->index->extent);
    }
    const ir_expr *body = lower(c, cl, (node *)n->e.at[0]);
    if (strcmp(n->e.name, "count") == 0) body = ir_cast(c->p, ir_cast(c->p, body, IR_BOOL), IR_I64);
    const ir_expr *t = lower_temporary(c, cl, table[i].tensor, table[i].agg, body, n->e.nindex, drop);
    return strcmp(n->e.name, "avg") == 0 ? combine(c, IR_DIV, t, size) : t;
  }
  return NULL;
}

static int lead_of(check *c, const clause *cl, const node *loss) {
  int lead = 0;
  for (int k = 0; loss->e.kind == LANG_READ && k < loss->e.n; k++) lead += child(loss, k)->var && child(loss, k)->var->head;
  if (lead && lead != loss->e.n)
    check_refuse(c, loss->e.span, "grad keeps all positions of %s or none: name them all on the left of %s, or none", loss->of->name,
                 cl->head->name);
  return lead;
}

/* grad(Loss, W[i,j]): the derivative as a tensor, read at W's positions; grad(Loss[s], W[i,s]) keeps s. */
static const ir_expr *lower_grad(check *c, clause *cl, const node *n) {
  const node *loss = n->e.n == 2 ? child(n, 0) : NULL, *by = n->e.n == 2 ? child(n, 1) : NULL;
  if (!loss || !loss->of || !by->of)
    check_refuse(c, n->e.span, "grad takes a tensor and the tensor to differentiate by: grad(Loss, W[i,j])");
  int lead = lead_of(c, cl, loss);
  ir_tensor *of = loss->of->ir, *wrt = by->of->ir, *g;
  pass_gradient(c->p, of, lead, 1, &wrt, &g);
  const ir_expr *position[2 * RUN_RANK];
  for (int k = 0; k < lead; k++) position[k] = lower_position(c, cl, child(loss, k));
  for (int k = 0; k < wrt->rank; k++) position[lead + k] = lower_position(c, cl, child(by, k));
  return lower_read_of(c, g, position);
}

/* f16(x), stop(x), random(key, stream, counter): what gradient programs are written with. */
static const ir_expr *plain_call(check *c, const node *n, const ir_expr *const *a) {
  for (int t = 0; n->e.n == 1 && t < IR_TYPES; t++)
    if (strcmp(n->e.name, ir_type_name((ir_type)t)) == 0) return ir_cast(c->p, a[0], (ir_type)t);
  if (n->e.n == 1 && strcmp(n->e.name, "stop") == 0) return ir_unary(c->p, IR_STOP, a[0]);
  if (n->e.n != 3 || strcmp(n->e.name, "random") != 0) return NULL;
  const ir_expr *bits[3];
  for (int i = 0; i < 3; i++) bits[i] = ir_cast(c->p, a[i], IR_I64);
  return ir_apply(c->p, IR_RANDOM, bits);
}

static const ir_expr *lower_call(check *c, clause *cl, node *n) {
  const ir_expr *e, *a[16];
  double value;
  if (strcmp(n->e.name, "grad") == 0) return lower_grad(c, cl, n);
  if (strcmp(n->e.name, "size") == 0 && check_number(c, &n->e, &value)) return ir_int(c->p, (int64_t)value);
  if ((e = lower_reduction(c, cl, n)) || (e = lower_over(c, cl, n)) || (e = lower_draw(c, cl, n))) return e;
  if (n->e.n < 1 || n->e.n > 16) check_refuse(c, n->e.span, "%s takes other arguments", n->e.name);
  for (int i = 0; i < n->e.n; i++) a[i] = lower(c, cl, (node *)n->e.at[i]);
  e = n->e.n == 1 ? unary_of(c, n->e.name, a[0]) : several(c, n, a);
  if (!e) e = plain_call(c, n, a);
  if (!e) check_refuse(c, n->e.span, "%s does not take %d argument%s here", n->e.name, n->e.n, n->e.n == 1 ? "" : "s");
  return e;
}

/* ---- expressions ---------------------------------------------------------------------------------------------------- */

static const ir_expr *lower_power(check *c, clause *cl, const node *n) {
  const ir_expr *x = lower(c, cl, (node *)n->e.at[0]), *y = lower(c, cl, (node *)n->e.at[1]);
  if (ir_is_const(y, 2)) return combine(c, IR_MUL, x, x);
  if (ir_is_const(y, 3)) return combine(c, IR_MUL, combine(c, IR_MUL, x, x), x);
  if (ir_is_const(y, 4)) return combine(c, IR_MUL, combine(c, IR_MUL, x, x), combine(c, IR_MUL, x, x));
  if (ir_is_const(y, 1)) return x;
  if (ir_is_const(y, 0.5)) return ir_unary(c->p, IR_SQRT, x);
  if (ir_is_const(y, -0.5)) return ir_unary(c->p, IR_RSQRT, x);
  if (ir_is_const(y, -1)) return combine(c, IR_DIV, ir_int(c->p, 1), x);
  return combine(c, IR_POW, x, y);
}

static const ir_expr *chain(check *c, clause *cl, const node *n, ir_op op) {
  const ir_expr *e = lower(c, cl, (node *)n->e.at[0]);
  for (int i = 1; i < n->e.n; i++) {
    node *term = (node *)n->e.at[i];
    bool minus = op == IR_ADD && term->e.kind == LANG_NEGATE && !term->sum.n;
    e = minus ? combine(c, IR_SUB, e, lower(c, cl, (node *)term->e.at[0])) : combine(c, op, e, lower(c, cl, term));
  }
  return e;
}

/* Of integers too a real number: of the program's type, or as exact as it may be. */
static const ir_expr *divide(check *c, const ir_expr *a, const ir_expr *b) {
  bool whole = !ir_type_real((ir_type)a->type) && !ir_type_real((ir_type)b->type);
  bool exact = c->type == IR_F64 || (a->op == IR_CONST && b->op == IR_CONST);
  return combine(c, IR_DIV, whole && exact ? ir_cast(c->p, a, IR_F64) : a, b);
}

static const ir_expr *test(check *c, clause *cl, const node *n, ir_op op, bool turned) {
  const ir_expr *a = lower(c, cl, (node *)n->e.at[0]), *b = lower(c, cl, (node *)n->e.at[1]);
  return turned ? combine(c, op, b, a) : combine(c, op, a, b);
}

static const ir_expr *logic(check *c, clause *cl, const node *n, ir_op op) {
  const ir_expr *a = ir_cast(c->p, lower(c, cl, (node *)n->e.at[0]), IR_BOOL);
  if (op == IR_NOT) return ir_unary(c->p, op, a);
  return ir_binary(c->p, op, a, ir_cast(c->p, lower(c, cl, (node *)n->e.at[1]), IR_BOOL));
}

static const ir_expr *lower_plain(check *c, clause *cl, node *n) {
  switch (n->e.kind) {
  case LANG_NUMBER: return number(c, n);
  case LANG_NAME:
  case LANG_VIRTUAL: return n->var ? n->var->value : lower_read(c, cl, n);
  case LANG_READ: return lower_read(c, cl, n);
  case LANG_CALL: return lower_call(c, cl, n);
  case LANG_POWER: return lower_power(c, cl, n);
  case LANG_NEGATE: return ir_unary(c->p, IR_NEG, lower(c, cl, (node *)n->e.at[0]));
  case LANG_JOIN:
  case LANG_MULTIPLY: return chain(c, cl, n, IR_MUL);
  case LANG_SUM: return chain(c, cl, n, IR_ADD);
  case LANG_DIVIDE: return divide(c, lower(c, cl, (node *)n->e.at[0]), lower(c, cl, (node *)n->e.at[1]));
  case LANG_MODULO: return combine(c, IR_MOD, lower(c, cl, (node *)n->e.at[0]), lower(c, cl, (node *)n->e.at[1]));
  case LANG_EQUAL: return test(c, cl, n, IR_EQ, false);
  case LANG_UNEQUAL: return test(c, cl, n, IR_NE, false);
  case LANG_LESS: return test(c, cl, n, IR_LT, false);
  case LANG_AT_MOST: return test(c, cl, n, IR_LE, false);
  case LANG_MORE: return test(c, cl, n, IR_LT, true);
  case LANG_AT_LEAST: return test(c, cl, n, IR_LE, true);
  case LANG_NOT: return logic(c, cl, n, IR_NOT);
  case LANG_AND: return logic(c, cl, n, IR_AND);
  case LANG_OR: return logic(c, cl, n, IR_OR);
  default: check_refuse(c, n->e.span, "%s cannot stand here", lang_kind_name(n->e.kind));
  }
}

const ir_expr *lower(check *c, clause *cl, node *n) {
  const ir_expr *e = lower_plain(c, cl, n);
  if (!n->sum.n) return e;
  return lower_temporary(c, cl, base_format(c->arena, "%s'", cl->head->name), IR_SUM, e, n->sum.n, n->sum.at);
}
