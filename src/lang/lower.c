/* lower: resolved clauses to tensor equations. A sum inside an expression becomes a tensor of its
 * own; the sum that holds the whole right side is its equation's. Numbers in the text are weak:
 * they take the type of what they meet. */
#include "lang/sparse.h"

#include <string.h>

static const node *child(const node *n, int i) { return (const node *)n->e.at[i]; }

/* ---- operations with weak numbers: constants of f64 ---------------------------------------- */

static bool weak(const ir_expr *e) { return e->op == IR_CONST && e->type == IR_F64; }

const ir_expr *lower_strong(check *c, const ir_expr *e, const ir_expr *other) {
  return weak(e) && !weak(other) && other->type != IR_F64 ? ir_cast(c->p, e, IR_F32) : e;
}

const ir_expr *lower_combine(check *c, ir_op op, const ir_expr *a, const ir_expr *b) {
  return ir_binary(c->p, op, lower_strong(c, a, b), lower_strong(c, b, a));
}

static const ir_expr *number(check *c, const node *n) {
  return n->e.whole ? ir_int(c->p, n->e.integer) : ir_real(c->p, IR_F64, n->e.value);
}

/* ---- reads --------------------------------------------------------------------------------- */

const ir_expr *lower_position(check *c, clause *cl, const node *n) {
  const ir_expr *e = NULL, *x;
  int64_t known;
  if (check_whole(c, n, &known)) return ir_int(c->p, known);
  switch (n->e.kind) {
  case LANG_DIVIDE:
    return ir_binary(c->p, IR_QUO, lower_position(c, cl, child(n, 0)),
                     lower_position(c, cl, child(n, 1)));
  case LANG_MODULO:
    return ir_binary(c->p, IR_MOD, lower_position(c, cl, child(n, 0)),
                     lower_position(c, cl, child(n, 1)));
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
    if (ir_type_real((ir_type)e->type) && e->op != IR_CONST && e->op != IR_FLOOR &&
        e->op != IR_ROUND)
      check_refuse(c, n->e.span,
                   "a position is a whole number; this is %s\nhelp: declare the tensor as i64, or "
                   "round it: `floor(...)`",
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
  if (of->sparse) return lower_element(c, cl, n);
  const ir_expr *position[RUN_RANK + 1];
  int given = n->e.kind == LANG_READ ? n->e.n : 0;
  for (int k = 0, at = 0; k < of->rank; k++) {
    bool last = given == of->rank - 1 && k == of->virtual_position;
    position[k] = last ? ir_binary(c->p, IR_SUB, of->size[k], ir_int(c->p, 1))
                       : lower_position(c, cl, child(n, at++));
  }
  return lower_read_of(c, of->ir, position);
}

/* ---- tensors of their own ------------------------------------------------------------------ */

static bool among(const variable *v, int n, variable *const *list) {
  for (int i = 0; i < n; i++)
    if (list[i] == v) return true;
  return false;
}

/* Nothing counts beyond 2^63 points. */
void check_points(check *c, const clause *cl, const variable *v, int64_t *points) {
  int64_t n;
  if (!ir_is_int(v->extent, &n) || n == 0) return;
  if (__builtin_mul_overflow(*points, n, points))
    check_refuse(c, cl->stmt->span, "the indices of this equation run over more than 2^63 points");
}

/* A sum or product over an index that BODY lacks repeats it. */
const ir_expr *lower_repeated(check *c, ir_agg agg, const ir_expr *body, const ir_expr *times) {
  if (agg != IR_SUM && agg != IR_PROD) return body;
  if (ir_type_real((ir_type)body->type)) times = ir_cast(c->p, times, (ir_type)body->type);
  return ir_binary(c->p, agg == IR_SUM ? IR_MUL : IR_POW, body, times);
}

const ir_expr *lower_temporary(check *c, clause *cl, const char *name, ir_agg agg,
                               const ir_expr *body, int ndrop, variable *const *drop) {
  const ir_expr *size[RUN_RANK], *at[RUN_RANK], *lhs[RUN_RANK], *by[64];
  const ir_index *old[64];
  int rank = 0, n = 0;
  int64_t points = 1;
  if (weak(body)) body = ir_cast(c->p, body, IR_F32);
  if (body->type == IR_BOOL && (agg == IR_SUM || agg == IR_PROD))
    body = ir_cast(c->p, body, IR_I64);
  for (int i = 0; i < cl->vars.n; i++) {
    variable *v = cl->vars.at[i];
    bool dropped = among(v, ndrop, drop);
    if (!dropped && !ir_mentions(body, v->index)) continue;
    if (n == 64 || (!dropped && rank == RUN_RANK))
      check_refuse(c, cl->stmt->span, "too many indices in one product: %d positions are the most",
                   RUN_RANK);
    check_points(c, cl, v, &points);
    old[n] = v->index;
    by[n] = ir_use(c->p, ir_index_new(c->p, v->index->name, v->index->extent));
    if (!dropped) {
      size[rank] = v->index->extent;
      at[rank] = ir_use(c->p, v->index);
      lhs[rank++] = by[n];
    } else if (!ir_mentions(body, v->index)) {
      body = lower_repeated(c, agg, body, v->index->extent);
    }
    n++;
  }
  ir_tensor *t = ir_tensor_new(c->p, name, (ir_type)body->type, rank, size, IR_DERIVED);
  ir_define(c->p, t, agg, lhs, ir_substitute(c->p, body, n, old, by))->span = cl->stmt->span;
  t->span = cl->stmt->span;
  return ir_read(c->p, t, at);
}

/* ---- expressions --------------------------------------------------------------------------- */

static const ir_expr *lower_power(check *c, clause *cl, const node *n) {
  const ir_expr *x = lower(c, cl, (node *)n->e.at[0]), *y = lower(c, cl, (node *)n->e.at[1]);
  if (!ir_type_real((ir_type)x->type) && x->op != IR_CONST) x = ir_cast(c->p, x, IR_F32);
  if (ir_is_const(y, 2)) return lower_combine(c, IR_MUL, x, x);
  if (ir_is_const(y, 3)) return lower_combine(c, IR_MUL, lower_combine(c, IR_MUL, x, x), x);
  if (ir_is_const(y, 4))
    return lower_combine(c, IR_MUL, lower_combine(c, IR_MUL, x, x), lower_combine(c, IR_MUL, x, x));
  if (ir_is_const(y, 1)) return x;
  if (ir_is_const(y, 0.5)) return ir_unary(c->p, IR_SQRT, x);
  if (ir_is_const(y, -0.5)) return ir_unary(c->p, IR_RSQRT, x);
  if (ir_is_const(y, -1)) return lower_combine(c, IR_DIV, ir_int(c->p, 1), x);
  return lower_combine(c, IR_POW, x, y);
}

static const ir_expr *chain(check *c, clause *cl, const node *n, ir_op op) {
  const ir_expr *e = lower(c, cl, (node *)n->e.at[0]);
  for (int i = 1; i < n->e.n; i++) {
    node *term = (node *)n->e.at[i];
    bool minus = op == IR_ADD && term->e.kind == LANG_NEGATE && !term->sum.n;
    e = minus ? lower_combine(c, IR_SUB, e, lower(c, cl, (node *)term->e.at[0]))
              : lower_combine(c, op, e, lower(c, cl, term));
  }
  return e;
}

/* Of integers too a real number: of the program's type, or as exact as it may be. */
static const ir_expr *divide(check *c, const ir_expr *a, const ir_expr *b) {
  bool whole = !ir_type_real((ir_type)a->type) && !ir_type_real((ir_type)b->type);
  bool exact = c->type == IR_F64 || (a->op == IR_CONST && b->op == IR_CONST);
  if (!whole || !exact) return lower_combine(c, IR_DIV, a, b);
  return ir_binary(c->p, IR_DIV, ir_cast(c->p, a, IR_F64), ir_cast(c->p, b, IR_F64));
}

static const ir_expr *test(check *c, clause *cl, const node *n, ir_op op, bool turned) {
  const ir_expr *a = lower(c, cl, (node *)n->e.at[0]), *b = lower(c, cl, (node *)n->e.at[1]);
  return turned ? lower_combine(c, op, b, a) : lower_combine(c, op, a, b);
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
  case LANG_ATOM:
    if (n->of) return lower_read(c, cl, n);
    return lower_call(c, cl, n);
  case LANG_CALL: return lower_call(c, cl, n);
  case LANG_POWER: return lower_power(c, cl, n);
  case LANG_NEGATE: return ir_unary(c->p, IR_NEG, lower(c, cl, (node *)n->e.at[0]));
  case LANG_JOIN:
  case LANG_MULTIPLY: return chain(c, cl, n, IR_MUL);
  case LANG_SUM: return chain(c, cl, n, IR_ADD);
  case LANG_DIVIDE:
    return divide(c, lower(c, cl, (node *)n->e.at[0]), lower(c, cl, (node *)n->e.at[1]));
  case LANG_MODULO:
    return lower_combine(c, IR_MOD, lower(c, cl, (node *)n->e.at[0]),
                         lower(c, cl, (node *)n->e.at[1]));
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

const ir_expr *lower_unsummed(check *c, clause *cl, node *n) { return lower_plain(c, cl, n); }

/* Once for each node: what has several parents is drawn and reduced once. */
const ir_expr *lower(check *c, clause *cl, node *n) {
  if (n->made && n->made_in == cl->in) return n->made;
  const ir_expr *scattered = lower_sparse(c, cl, n, LANG_SET);
  n->made = scattered ? scattered : lower_plain(c, cl, n);
  n->made_in = cl->in;
  if (n->sum.n && !scattered) {
    const char *name = base_format(c->arena, "%s'", cl->head->name);
    n->made = lower_temporary(c, cl, name, IR_SUM, n->made, n->sum.n, n->sum.at);
  }
  return n->made;
}
