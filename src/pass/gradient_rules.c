/* The derivatives of the scalar operations, one row each. */
#include "pass/private.h"

bool gradient_passes(const ir_expr *e, int k) {
  if (!ir_type_real((ir_type)e->type) || !ir_type_real((ir_type)e->arg[k]->type)) return false;
  switch ((ir_op)e->op) {
  case IR_READ:
  case IR_STOP:
  case IR_SIGN:
  case IR_FLOOR:
  case IR_ROUND: return false;
  case IR_WHERE: return k > 0;
  default: return true;
  }
}

static const ir_expr *real(ir_program *p, const ir_expr *like, double value) {
  return ir_real(p, (ir_type)like->type, value);
}

static const ir_expr *neg(ir_program *p, const ir_expr *a) { return ir_unary(p, IR_NEG, a); }
static const ir_expr *mul(ir_program *p, const ir_expr *a, const ir_expr *b) {
  return ir_binary(p, IR_MUL, a, b);
}
static const ir_expr *div(ir_program *p, const ir_expr *a, const ir_expr *b) {
  return ir_binary(p, IR_DIV, a, b);
}
static const ir_expr *sub(ir_program *p, const ir_expr *a, const ir_expr *b) {
  return ir_binary(p, IR_SUB, a, b);
}

static const ir_expr *power(ir_program *p, const ir_expr *a, const ir_expr *b) {
  return ir_is_const(b, 0) ? real(p, a, 1) : ir_is_const(b, 1) ? a : ir_binary(p, IR_POW, a, b);
}

/* b a^(b-1), and 0 at b = 0 whatever a is. */
static const ir_expr *power_by_base(ir_program *p, const ir_expr *a, const ir_expr *b) {
  const ir_expr *slope = mul(p, b, power(p, a, sub(p, b, real(p, b, 1))));
  return ir_where(p, ir_binary(p, IR_EQ, b, real(p, b, 0)), real(p, slope, 0), slope);
}

/* a^b log(a), and 0 at a = 0. */
static const ir_expr *power_by_exponent(ir_program *p, const ir_expr *a, const ir_expr *y) {
  const ir_expr *slope = mul(p, y, ir_unary(p, IR_LOG, a));
  return ir_where(p, ir_binary(p, IR_EQ, a, real(p, a, 0)), real(p, slope, 0), slope);
}

/* min and max: the winner takes all, of equals the first; but what merely equals a constant bound
 * gets nothing, as for relu. nan passes. */
static const ir_expr *winner(ir_program *p, const ir_expr *e, int k, const ir_expr *y,
                             const ir_expr *g) {
  bool max = e->op == IR_MAXIMUM;
  const ir_expr *zero = real(p, g, 0), *other = e->arg[1 - k];
  if (other->op == IR_CONST)
    return ir_where(p, ir_binary(p, IR_LE, max ? y : other, max ? other : y), zero, g);
  const ir_expr *second = ir_binary(p, IR_LT, e->arg[max ? 0 : 1], e->arg[max ? 1 : 0]);
  return k == 0 ? ir_where(p, second, zero, g) : ir_where(p, second, g, zero);
}

#define R(x) real(p, g, x)

const ir_expr *gradient_rule(ir_program *p, const ir_expr *e, int k, const ir_expr *y,
                             const ir_expr *g) {
  const ir_expr *a = e->arg[0], *b = e->n > 1 ? e->arg[1] : NULL;
  switch ((ir_op)e->op) {
  case IR_CAST: return g;
  case IR_ADD: return g;
  case IR_SUB: return k == 0 ? g : neg(p, g);
  case IR_MUL: return mul(p, g, k == 0 ? b : a);
  case IR_DIV: return k == 0 ? div(p, g, b) : neg(p, div(p, mul(p, g, y), b));
  case IR_POW: return mul(p, g, k == 0 ? power_by_base(p, a, b) : power_by_exponent(p, a, y));
  case IR_MOD: return k == 0 ? g : neg(p, mul(p, g, ir_unary(p, IR_FLOOR, div(p, a, b))));
  case IR_MINIMUM: return winner(p, e, k, y, g);
  case IR_MAXIMUM: return winner(p, e, k, y, g);
  case IR_NEG: return neg(p, g);
  case IR_ABS: return mul(p, g, ir_unary(p, IR_SIGN, a));
  case IR_EXP: return mul(p, g, y);
  case IR_LOG: return div(p, g, a);
  case IR_SQRT: return div(p, mul(p, R(0.5), g), y);
  case IR_RSQRT: return mul(p, mul(p, R(-0.5), g), mul(p, y, mul(p, y, y)));
  case IR_SIN: return mul(p, g, ir_unary(p, IR_COS, a));
  case IR_COS: return neg(p, mul(p, g, ir_unary(p, IR_SIN, a)));
  case IR_TANH: return mul(p, g, sub(p, R(1), mul(p, y, y)));
  case IR_ERF:
    return mul(p, g, mul(p, R(1.1283791670955126), ir_unary(p, IR_EXP, neg(p, mul(p, a, a)))));
  case IR_SIG: return mul(p, g, mul(p, y, sub(p, R(1), y)));
  case IR_CALL: {
    const ir_function *slope = e->u.function->derivative[k];
    if (slope) return mul(p, g, ir_call(p, slope, e->arg));
    base_raise(p->ctx, BASE_REFUSED, base_nowhere,
               "the derivative of %s by its argument %d is not known: it is a function in C\n"
               "help: give its derivatives to tl_define, or take stop(...) of it",
               e->u.function->name, k);
  }
  default: return NULL; /* gradient_passes() keeps all others away */
  }
}
