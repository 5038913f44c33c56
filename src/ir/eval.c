/* eval: what each operation computes, exactly; the reference for folding and for all devices. */
#include <assert.h>
#include <math.h>

#include "ir/private.h"

/* ---- integers -------------------------------------------------------------------------------- */

static int64_t wrap_add(int64_t a, int64_t b) { return (int64_t)((uint64_t)a + (uint64_t)b); }
static int64_t wrap_sub(int64_t a, int64_t b) { return (int64_t)((uint64_t)a - (uint64_t)b); }
static int64_t wrap_mul(int64_t a, int64_t b) { return (int64_t)((uint64_t)a * (uint64_t)b); }

static int64_t floor_div(int64_t a, int64_t b) {
  if (b == 0) return 0;
  if (b == -1) return wrap_sub(0, a);   /* the least integer has no negative */
  int64_t q = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}

static int64_t floor_mod(int64_t a, int64_t b) {
  if (b == 0 || b == -1) return 0;
  int64_t r = a % b;
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

static int64_t integer_op(ir_op op, const int64_t *a) {
  switch (op) {
    case IR_ADD: return wrap_add(a[0], a[1]);
    case IR_SUB: return wrap_sub(a[0], a[1]);
    case IR_MUL: return wrap_mul(a[0], a[1]);
    case IR_QUO: return floor_div(a[0], a[1]);
    case IR_MOD: return floor_mod(a[0], a[1]);
    case IR_MINIMUM: return a[1] < a[0] ? a[1] : a[0];
    case IR_MAXIMUM: return a[1] > a[0] ? a[1] : a[0];
    case IR_NEG: return wrap_sub(0, a[0]);
    case IR_ABS: return a[0] < 0 ? wrap_sub(0, a[0]) : a[0];
    case IR_SIGN: return (a[0] > 0) - (a[0] < 0);
    case IR_FLOOR: case IR_ROUND: case IR_STOP: return a[0];
    case IR_RANDOM: return ir_random_bits(a[0], a[1], a[2]);
    default: assert(!"an operation on integers"); return 0;
  }
}

static bool bool_op(ir_op op, const int64_t *a) {
  switch (op) {
    case IR_ADD: case IR_MAXIMUM: case IR_OR: return a[0] || a[1];
    case IR_MUL: case IR_MINIMUM: case IR_AND: return a[0] && a[1];
    case IR_NOT: return !a[0];
    default: return a[0];   /* abs, sign, floor, round, stop */
  }
}

/* ---- reals: each function twice, in float and in double -------------------------------------- */

#define REAL_OPS(name, T, f)                                                          \
  static T name(ir_op op, const T *a) {                                               \
    switch (op) {                                                                     \
      case IR_ADD: return a[0] + a[1];                                                \
      case IR_SUB: return a[0] - a[1];                                                \
      case IR_MUL: return a[0] * a[1];                                                \
      case IR_DIV: return a[0] / a[1];                                                \
      case IR_POW: return a[1] == 2 ? a[0] * a[0] : pow##f(a[0], a[1]);               \
      case IR_MOD: {                                                                  \
        T r = fmod##f(a[0], a[1]);                                                    \
        return r != 0 && (r < 0) != (a[1] < 0) ? r + a[1] : r;                        \
      }                                                                               \
      case IR_MINIMUM: return isnan(a[0]) || a[0] <= a[1] ? a[0] : a[1];              \
      case IR_MAXIMUM: return isnan(a[0]) || a[0] >= a[1] ? a[0] : a[1];              \
      case IR_NEG: return -a[0];                                                      \
      case IR_ABS: return fabs##f(a[0]);                                              \
      case IR_SIGN: return isnan(a[0]) ? a[0] : (T)((a[0] > 0) - (a[0] < 0));         \
      case IR_FLOOR: return floor##f(a[0]);                                           \
      case IR_ROUND: return rint##f(a[0]);                                            \
      case IR_EXP: return exp##f(a[0]);                                               \
      case IR_LOG: return log##f(a[0]);                                               \
      case IR_SQRT: return sqrt##f(a[0]);                                             \
      case IR_RSQRT: return 1 / sqrt##f(a[0]);                                        \
      case IR_SIN: return sin##f(a[0]);                                               \
      case IR_COS: return cos##f(a[0]);                                               \
      case IR_TANH: return tanh##f(a[0]);                                             \
      case IR_ERF: return erf##f(a[0]);                                               \
      case IR_SIG: return 1 / (1 + exp##f(-a[0]));                                    \
      case IR_STOP: return a[0];                                                      \
      default: assert(!"an operation on reals"); return 0;                            \
    }                                                                                 \
  }
REAL_OPS(float_op, float, f)
REAL_OPS(double_op, double, )

static bool test_op(ir_op op, const ir_value *a) {
  bool real = ir_type_real(a[0].type);
  bool less = real ? a[0].u.f < a[1].u.f : a[0].u.i < a[1].u.i;
  bool equal = real ? a[0].u.f == a[1].u.f : a[0].u.i == a[1].u.i;
  switch (op) {
    case IR_LT: return less;
    case IR_LE: return less || equal;
    case IR_EQ: return equal;
    default: return !equal;
  }
}

/* ---- casts ----------------------------------------------------------------------------------- */

/* X to the nearest of a binary format, halves to even: DIGITS bits, exponents from LEAST. */
static double round_to(double x, int digits, int least, double largest) {
  if (x == 0 || !isfinite(x)) return x;
  int exponent = ilogb(x);
  if (exponent < least) exponent = least;
  int unit = exponent - (digits - 1);
  double r = scalbn(rint(scalbn(x, -unit)), unit);
  return fabs(r) > largest ? copysign(INFINITY, x) : r;
}

static int64_t saturate(double x, int64_t least, int64_t most) {
  if (isnan(x)) return 0;
  if (x <= (double)least) return least;
  if (x >= (double)most) return most;
  return (int64_t)x;
}

static ir_value cast(ir_type to, ir_value a) {
  bool real = ir_type_real(a.type);
  ir_value v = {ir_type_computed(to), {0}};
  double f = real ? a.u.f : (double)a.u.i;
  switch (to) {
    case IR_F16: v.u.f = round_to(f, 11, -14, 65504); break;
    case IR_BF16: v.u.f = round_to(f, 8, -126, 0x1.FEp127); break;
    case IR_F32: v.u.f = real ? (double)(float)f : (double)(float)a.u.i; break;
    case IR_F64: v.u.f = f; break;
    case IR_I32:
      if (real) v.u.i = saturate(f, INT32_MIN, INT32_MAX);
      else v.u.i = a.u.i < INT32_MIN ? INT32_MIN : a.u.i > INT32_MAX ? INT32_MAX : a.u.i;
      break;
    case IR_I64: v.u.i = real ? saturate(f, INT64_MIN, INT64_MAX) : a.u.i; break;
    default: v.u.i = real ? a.u.f != 0 : a.u.i != 0; break;
  }
  return v;
}

/* ---- one operation --------------------------------------------------------------------------- */

ir_value ir_eval_op(ir_op op, ir_type type, const ir_value *arg) {
  if (op == IR_CAST) return cast(type, arg[0]);
  if (op == IR_WHERE) return arg[0].u.i ? arg[1] : arg[2];
  ir_value v = {type, {0}};
  int n = ir_ops[op].arity;
  if (ir_ops[op].rule == IR_TEST) {
    v.u.i = test_op(op, arg);
  } else if (type == IR_F32) {
    float a[3];
    for (int i = 0; i < n; i++) a[i] = (float)arg[i].u.f;
    v.u.f = (double)float_op(op, a);
  } else if (type == IR_F64) {
    double a[3];
    for (int i = 0; i < n; i++) a[i] = arg[i].u.f;
    v.u.f = double_op(op, a);
  } else {
    int64_t a[3];
    for (int i = 0; i < n; i++) a[i] = arg[i].u.i;
    v.u.i = type == IR_BOOL ? bool_op(op, a) : integer_op(op, a);
  }
  return v;
}

static ir_value eval_symbols(const ir_expr *e, const int64_t *symbols) {
  if (e->op == IR_SYMBOL) return (ir_value){IR_I64, {.i = symbols[e->u.symbol->id]}};
  if (e->op == IR_CONST) return ir_value_of(e);
  assert(e->op != IR_INDEX && e->op != IR_READ && e->n <= 3);
  ir_value arg[3];
  for (int i = 0; i < e->n; i++) arg[i] = eval_symbols(e->arg[i], symbols);
  return ir_eval_op((ir_op)e->op, e->op == IR_CAST ? e->u.to : (ir_type)e->type, arg);
}

int64_t ir_eval_size(const ir_expr *e, const int64_t *symbols) {
  return eval_symbols(e, symbols).u.i;
}

/* ---- random bits ----------------------------------------------------------------------------- */

static void philox_round(uint32_t *c, const uint32_t *k) {
  uint64_t a = (uint64_t)0xD2511F53u * c[0], b = (uint64_t)0xCD9E8D57u * c[2];
  uint32_t next[4] = {(uint32_t)(b >> 32) ^ c[1] ^ k[0], (uint32_t)b,
                      (uint32_t)(a >> 32) ^ c[3] ^ k[1], (uint32_t)a};
  for (int i = 0; i < 4; i++) c[i] = next[i];
}

uint32_t ir_random_bits(int64_t key, int64_t stream, int64_t counter) {
  uint32_t k[2] = {(uint32_t)key, (uint32_t)((uint64_t)key >> 32)};
  uint32_t c[4] = {(uint32_t)counter, (uint32_t)((uint64_t)counter >> 32), (uint32_t)stream,
                   (uint32_t)((uint64_t)stream >> 32)};
  for (int round = 0; round < 10; round++) {
    philox_round(c, k);
    k[0] += 0x9E3779B9u;
    k[1] += 0xBB67AE85u;
  }
  return c[0];
}
