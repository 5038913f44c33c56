/* fold: constants computed, commutative arguments ordered, exact identities. "Exact" is up to the
 * sign of a zero and the payload of a nan, which docs/numerics.md leaves open. */
#include <math.h>

#include "ir/private.h"

static const ir_expr *constant_of(ir_program *p, ir_value v) {
  if (ir_type_real(v.type)) return ir_real(p, v.type, v.u.f);
  return v.type == IR_BOOL ? ir_bool(p, v.u.i != 0) : ir_int(p, v.u.i);
}

/* Should a and b change places? In min and max of reals the first wins, which a derivative shows;
 * there only a constant goes last. */
static bool misplaced(ir_op op, ir_type type, const ir_expr *a, const ir_expr *b) {
  switch (op) {
    case IR_MINIMUM: case IR_MAXIMUM:
      if (ir_type_real(type)) return a->op == IR_CONST && b->op != IR_CONST;
      return ir_compare(b, a) < 0;
    case IR_ADD: case IR_MUL: case IR_EQ: case IR_NE: case IR_AND: case IR_OR:
      return ir_compare(b, a) < 0;
    default: return false;
  }
}

static const ir_expr *make(ir_program *p, ir_op op, ir_type type, const ir_expr *const *a) {
  return ir_intern(p, op, type, 0, ir_ops[op].arity, a);
}

/* ---- reals ----------------------------------------------------------------------------------- */

static const ir_expr *fold_sum(ir_program *p, ir_op op, const ir_expr *a, const ir_expr *b) {
  if (ir_is_const(b, 0)) return a;
  if (op == IR_SUB && ir_is_const(a, 0)) return ir_unary(p, IR_NEG, b);
  if (b->op == IR_NEG) return ir_binary(p, op == IR_ADD ? IR_SUB : IR_ADD, a, b->arg[0]);
  if (op == IR_ADD && a->op == IR_NEG) return ir_binary(p, IR_SUB, b, a->arg[0]);
  if (op == IR_SUB && b->op == IR_CONST)   /* a - c is a + (-c) */
    return ir_binary(p, IR_ADD, a, ir_real(p, (ir_type)b->type, -b->u.real));
  return NULL;
}

static const ir_expr *fold_product(ir_program *p, const ir_expr *a, const ir_expr *b) {
  if (ir_is_const(b, 1)) return a;
  if (ir_is_const(b, -1)) return ir_unary(p, IR_NEG, a);
  if (a->op == IR_NEG && b->op == IR_NEG) return ir_binary(p, IR_MUL, a->arg[0], b->arg[0]);
  if (a->op == IR_NEG && b->op == IR_CONST)
    return ir_binary(p, IR_MUL, a->arg[0], ir_real(p, (ir_type)b->type, -b->u.real));
  if (a->op == IR_NEG) return ir_unary(p, IR_NEG, ir_binary(p, IR_MUL, a->arg[0], b));
  if (b->op == IR_NEG) return ir_unary(p, IR_NEG, ir_binary(p, IR_MUL, a, b->arg[0]));
  return NULL;
}

/* Is 1 / C exact, so that a division by C is a product? A power of two of moderate size. */
static bool has_reciprocal(const ir_expr *c) {
  if (c->op != IR_CONST || c->u.real == 0 || !isfinite(c->u.real)) return false;
  int exponent;
  return fabs(frexp(c->u.real, &exponent)) == 0.5 && exponent > -100 && exponent < 100;
}

static const ir_expr *fold_real(ir_program *p, ir_op op, const ir_expr *const *a) {
  switch (op) {
    case IR_ADD: case IR_SUB: return fold_sum(p, op, a[0], a[1]);
    case IR_MUL: return fold_product(p, a[0], a[1]);
    case IR_DIV:
      if (has_reciprocal(a[1]))
        return ir_binary(p, IR_MUL, a[0], ir_real(p, (ir_type)a[1]->type, 1 / a[1]->u.real));
      return NULL;
    case IR_POW:
      if (ir_is_const(a[1], 0)) return ir_real(p, (ir_type)a[0]->type, 1);
      if (ir_is_const(a[1], 1)) return a[0];
      if (ir_is_const(a[1], 2)) return ir_binary(p, IR_MUL, a[0], a[0]);
      return NULL;
    case IR_MINIMUM: case IR_MAXIMUM: return a[0] == a[1] ? a[0] : NULL;
    case IR_NEG:
      if (a[0]->op == IR_NEG) return a[0]->arg[0];
      if (a[0]->op == IR_SUB) return ir_binary(p, IR_SUB, a[0]->arg[1], a[0]->arg[0]);
      return NULL;
    case IR_ABS:
      if (a[0]->op == IR_NEG) return ir_unary(p, IR_ABS, a[0]->arg[0]);
      return a[0]->op == IR_ABS ? a[0] : NULL;
    case IR_FLOOR: case IR_ROUND:
      return a[0]->op == IR_FLOOR || a[0]->op == IR_ROUND ? a[0] : NULL;
    case IR_STOP: return a[0]->op == IR_STOP || a[0]->op == IR_CONST ? a[0] : NULL;
    default: return NULL;
  }
}

/* ---- integers -------------------------------------------------------------------------------- */

/* a <= b, proven; not of data, whose arithmetic may have wrapped around. */
static bool ordered(ir_program *p, const ir_expr *a, const ir_expr *b) {
  if (ir_holds_data(a) || ir_holds_data(b)) return a == b;
  return ir_less_equal(p, a, b);
}

static const ir_expr *fold_integer(ir_program *p, ir_op op, const ir_expr *const *a) {
  switch (op) {
    case IR_ADD: return ir_sum(p, a[0], 1, a[1]);
    case IR_SUB: return ir_sum(p, a[0], -1, a[1]);
    case IR_NEG: return ir_product(p, a[0], ir_int(p, -1));
    case IR_MUL: return ir_product(p, a[0], a[1]);
    case IR_QUO: return ir_quotient(p, a[0], a[1]);
    case IR_MOD: return ir_remainder(p, a[0], a[1]);
    case IR_MINIMUM:
      if (ordered(p, a[0], a[1])) return a[0];
      return ordered(p, a[1], a[0]) ? a[1] : NULL;
    case IR_MAXIMUM:
      if (ordered(p, a[1], a[0])) return a[0];
      return ordered(p, a[0], a[1]) ? a[1] : NULL;
    case IR_ABS: return ordered(p, ir_int(p, 0), a[0]) ? a[0] : NULL;
    case IR_FLOOR: case IR_ROUND: case IR_STOP: return a[0];
    default: return NULL;
  }
}

/* Integer comparisons that the ranges of their parts decide. */
static const ir_expr *fold_order(ir_program *p, ir_op op, const ir_expr *a, const ir_expr *b) {
  const ir_expr *one = ir_int(p, 1);
  bool equal = op == IR_EQ || op == IR_NE;
  if (op == IR_LE || equal) {
    bool at_most = ordered(p, a, b);
    if (at_most && !equal) return ir_bool(p, true);
    if (at_most && ordered(p, b, a)) return ir_bool(p, op == IR_EQ);
  }
  if (op == IR_LT && ordered(p, ir_sum(p, a, 1, one), b)) return ir_bool(p, true);
  if (op == IR_LT && ordered(p, b, a)) return ir_bool(p, false);
  if (op != IR_LT && ordered(p, ir_sum(p, b, 1, one), a)) return ir_bool(p, op == IR_NE);
  if (equal && ordered(p, ir_sum(p, a, 1, one), b)) return ir_bool(p, op == IR_NE);
  return NULL;
}

/* ---- truth ----------------------------------------------------------------------------------- */

static const ir_expr *fold_not(ir_program *p, const ir_expr *a) {
  bool integers = a->n == 2 && a->arg[0]->type == IR_I64;
  switch (a->op) {
    case IR_NOT: return a->arg[0];
    case IR_EQ: return ir_binary(p, IR_NE, a->arg[0], a->arg[1]);
    case IR_NE: return ir_binary(p, IR_EQ, a->arg[0], a->arg[1]);
    case IR_LT: return integers ? ir_binary(p, IR_LE, a->arg[1], a->arg[0]) : NULL;   /* nan */
    case IR_LE: return integers ? ir_binary(p, IR_LT, a->arg[1], a->arg[0]) : NULL;
    default: return NULL;
  }
}

static const ir_expr *fold_bool(ir_program *p, ir_op op, const ir_expr *const *a) {
  if (op == IR_NOT) return fold_not(p, a[0]);
  if (ir_ops[op].arity == 1) return a[0];   /* abs, sign, floor, round, stop */
  if (op == IR_ADD || op == IR_MAXIMUM) return ir_binary(p, IR_OR, a[0], a[1]);
  if (op == IR_MUL || op == IR_MINIMUM) return ir_binary(p, IR_AND, a[0], a[1]);
  if (op != IR_AND && op != IR_OR) return NULL;
  if (a[0] == a[1]) return a[0];
  if (ir_is_const(a[1], 0)) return op == IR_AND ? a[1] : a[0];
  if (ir_is_const(a[1], 1)) return op == IR_AND ? a[0] : a[1];
  return NULL;
}

static const ir_expr *fold_test(ir_program *p, ir_op op, const ir_expr *const *a) {
  ir_type type = (ir_type)a[0]->type;
  bool equal = op == IR_EQ || op == IR_NE;
  if (type == IR_I64) return fold_order(p, op, a[0], a[1]);
  if (a[0] == a[1] && (op == IR_LT || type == IR_BOOL))
    return ir_bool(p, op == IR_LE || op == IR_EQ);
  if (type == IR_BOOL && equal && a[1]->op == IR_CONST)
    return (a[1]->u.integer != 0) == (op == IR_EQ) ? a[0] : ir_unary(p, IR_NOT, a[0]);
  return NULL;
}

static const ir_expr *fold_where(ir_program *p, const ir_expr *const *a) {
  if (a[0]->op == IR_CONST) return a[0]->u.integer ? a[1] : a[2];
  if (a[1] == a[2]) return a[1];
  if (a[0]->op == IR_NOT) return ir_where(p, a[0]->arg[0], a[2], a[1]);
  if (a[1]->op == IR_WHERE && a[1]->arg[0] == a[0]) return ir_where(p, a[0], a[1]->arg[1], a[2]);
  if (a[2]->op == IR_WHERE && a[2]->arg[0] == a[0]) return ir_where(p, a[0], a[1], a[2]->arg[2]);
  if (a[1]->op == IR_WHERE && a[1]->arg[2] == a[2] && !ir_holds_data(a[1]->arg[0]))
    return ir_where(p, ir_binary(p, IR_AND, a[0], a[1]->arg[0]), a[1]->arg[1], a[2]);
  if (a[1]->type != IR_BOOL) return NULL;
  if (ir_is_const(a[2], 0) && ir_is_const(a[1], 1)) return a[0];
  if (ir_is_const(a[1], 0) && ir_is_const(a[2], 1)) return ir_unary(p, IR_NOT, a[0]);
  return NULL;
}

/* ---- all ------------------------------------------------------------------------------------- */

static const ir_expr *fold_constants(ir_program *p, ir_op op, ir_type type,
                                     const ir_expr *const *arg) {
  ir_value v[3];
  for (int i = 0; i < ir_ops[op].arity; i++) {
    if (arg[i]->op != IR_CONST) return NULL;
    v[i] = ir_value_of(arg[i]);
  }
  return constant_of(p, ir_eval_op(op, type, v));
}

const ir_expr *ir_fold(ir_program *p, ir_op op, ir_type type, const ir_expr *const *arg) {
  const ir_expr *e = fold_constants(p, op, type, arg);
  if (e != NULL) return e;
  const ir_expr *swapped[2];
  if (ir_ops[op].arity == 2 && misplaced(op, type, arg[0], arg[1])) {
    swapped[0] = arg[1];
    swapped[1] = arg[0];
    arg = swapped;
  }
  if (op == IR_WHERE) e = fold_where(p, arg);
  else if (ir_ops[op].rule == IR_TEST) e = fold_test(p, op, arg);
  else if (type == IR_BOOL) e = fold_bool(p, op, arg);
  else if (type == IR_I64) e = fold_integer(p, op, arg);
  else e = fold_real(p, op, arg);
  return e != NULL ? e : make(p, op, type, arg);
}
