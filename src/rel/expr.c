/* expr: expressions of rules, compiled for a stack of numbers. */
#include <math.h>

#include "rel/private.h"

/* ---- building -------------------------------------------------------------------------------- */

const rel_expr *rel_int(base_arena *arena, int64_t key) {
  rel_expr *e = BASE_NEW(arena, rel_expr);
  e->kind = REL_INT;
  e->number.i = key;
  return e;
}

const rel_expr *rel_real(base_arena *arena, double value) {
  rel_expr *e = BASE_NEW(arena, rel_expr);
  e->kind = REL_REAL;
  e->number.f = value;
  return e;
}

const rel_expr *rel_use(base_arena *arena, int var) {
  rel_expr *e = BASE_NEW(arena, rel_expr);
  e->kind = REL_USE;
  e->var = var;
  return e;
}

const rel_expr *rel_op(base_arena *arena, ir_op op, const rel_expr *a, const rel_expr *b,
                       const rel_expr *c) {
  rel_expr *e = BASE_NEW(arena, rel_expr);
  e->kind = REL_OP;
  e->op = op;
  e->arg[0] = a;
  e->arg[1] = b;
  e->arg[2] = c;
  return e;
}

const rel_expr *rel_cast(base_arena *arena, ir_type to, const rel_expr *a) {
  rel_expr *e = BASE_NEW(arena, rel_expr);
  e->kind = REL_OP;
  e->op = IR_CAST;
  e->to = to;
  e->arg[0] = a;
  return e;
}

/* ---- compiling ------------------------------------------------------------------------------- */

typedef enum form {
  PUSH,            /* a number */
  LOAD,            /* a variable */
  REAL_TOP,        /* i64 on top to f64 */
  REAL_BELOW,      /* the one below it */
  INTEGERS,        /* an operation on integers */
  REALS,           /* on reals */
  EQUALS,          /* == and != of keys */
  TRUTH,           /* f64 to 0 or 1 */
  CAST,
} form;

typedef struct instruction {
  form form;
  ir_op op;
  ir_type from, to;   /* CAST */
  bool loose;         /* REAL_*: a symbol becomes nan instead of raising, and equals nothing */
  int var;
  rel_number number;
} instruction;

struct rel_code {
  const rel_checked *rule;
  BASE_VEC(instruction) at;
  bool real;
  bool simple;        /* one operation on two variables or numbers: what most tests and sums are */
  rel_number *stack;
};

typedef struct compiler {
  base_arena *arena;
  rel_code *code;
  int depth, deepest;
} compiler;

static void put(compiler *k, instruction i, int change) {
  BASE_PUSH(k->arena, &k->code->at, i);
  k->depth += change;
  if (k->depth > k->deepest) k->deepest = k->depth;
}

static bool compile(compiler *k, const rel_expr *e);

static void make_real(compiler *k, bool already, bool below, bool loose) {
  if (!already) put(k, (instruction){.form = below ? REAL_BELOW : REAL_TOP, .loose = loose}, 0);
}

static void make_truth(compiler *k, const rel_expr *e) {
  if (compile(k, e)) put(k, (instruction){.form = TRUTH}, 0);
}

/* Both arguments to one type, which is returned: are they real? */
static bool compile_pair(compiler *k, const rel_expr *e, bool always, bool loose) {
  bool a = compile(k, e->arg[0]), b = compile(k, e->arg[1]);
  if (!always && !a && !b) return false;
  make_real(k, a, true, loose);
  make_real(k, b, false, loose);
  return true;
}

static bool compile_where(compiler *k, const rel_expr *e) {
  make_truth(k, e->arg[0]);
  bool a = compile(k, e->arg[1]), b = compile(k, e->arg[2]);
  if (a || b) {
    make_real(k, a, true, false);
    make_real(k, b, false, false);
  }
  put(k, (instruction){.form = INTEGERS, .op = IR_WHERE}, -2);
  return a || b;
}

static bool compile_op(compiler *k, const rel_expr *e) {
  const ir_op_info *info = &ir_ops[e->op];
  if (e->op == IR_WHERE) return compile_where(k, e);
  if (e->op == IR_CAST) {
    bool from = compile(k, e->arg[0]), to = ir_type_real(e->to);
    put(k, (instruction){.form = CAST, .from = from ? IR_F64 : IR_I64, .to = e->to}, 0);
    return to;
  }
  if (info->rule == IR_LOGIC) {
    for (int i = 0; i < info->arity; i++) make_truth(k, e->arg[i]);
    put(k, (instruction){.form = INTEGERS, .op = e->op}, 1 - info->arity);
    return false;
  }
  bool equals = e->op == IR_EQ || e->op == IR_NE, real;
  if (info->arity == 2) {
    real = compile_pair(k, e, info->rule == IR_REAL, equals);
  } else {
    real = compile(k, e->arg[0]);
    if (info->rule == IR_REAL) {
      make_real(k, real, false, false);
      real = true;
    }
  }
  form f = real ? REALS : equals ? EQUALS : INTEGERS;
  put(k, (instruction){.form = f, .op = e->op}, 1 - info->arity);
  return real && info->rule != IR_TEST;
}

static bool compile(compiler *k, const rel_expr *e) {
  const rel_rule *rule = k->code->rule->rule;
  switch (e->kind) {
    case REL_INT:
      put(k, (instruction){.form = PUSH, .number = e->number}, 1);
      return false;
    case REL_REAL:
      put(k, (instruction){.form = PUSH, .number = e->number}, 1);
      return true;
    case REL_USE:
      put(k, (instruction){.form = LOAD, .var = e->var}, 1);
      return rule->real && rule->real[e->var];
    default: return compile_op(k, e);
  }
}

rel_code *rel_compile(const rel_checked *c, const rel_expr *e) {
  base_arena *arena = c->rule->head->engine->arena;
  rel_code *code = BASE_NEW(arena, rel_code);
  code->rule = c;
  compiler k = {arena, code, 0, 0};
  code->real = compile(&k, e);
  code->stack = BASE_NEWS(arena, rel_number, k.deepest + 1);
  const instruction *i = code->at.at;
  code->simple = code->at.n == 3 && i[0].form <= LOAD && i[1].form <= LOAD &&
                 (i[2].form == REALS || i[2].form == INTEGERS || i[2].form == EQUALS);
  return code;
}

bool rel_code_real(const rel_code *code) { return code->real; }

int rel_code_var(const rel_code *code) {
  return code->at.n == 1 && code->at.at[0].form == LOAD ? code->at.at[0].var : -1;
}

bool rel_code_constant(const rel_code *code, int64_t *key) {
  if (code->at.n != 1 || code->at.at[0].form != PUSH || code->real) return false;
  *key = code->at.at[0].number.i;
  return true;
}

bool rel_code_uses(const rel_code *code, int var) {
  for (int i = 0; i < code->at.n; i++)
    if (code->at.at[i].form == LOAD && code->at.at[i].var == var) return true;
  return false;
}

/* ---- evaluating ------------------------------------------------------------------------------ */

_Noreturn static void raise_symbol(const rel_code *code, int64_t key) {
  const rel_engine *e = code->rule->rule->head->engine;
  rel_refuse_rule(code->rule, BASE_RUNTIME,
                  "`%s` is a symbol: symbols know == and != only, there is no arithmetic on them",
                  rel_symbol_name(e, key));
}

_Noreturn static void raise_large(const rel_code *code) {
  rel_refuse_rule(code->rule, BASE_RUNTIME, "an integer grows beyond 64 bits");
}

static double real_of(const rel_code *code, int64_t key, bool loose) {
  if (!rel_is_symbol(key)) return (double)key;
  if (loose) return NAN;
  raise_symbol(code, key);
}

/* -a + b and the like of integers that are no symbols never need wrapping: too large raises. */
static int64_t integers(const rel_code *code, ir_op op, const rel_number *a) {
  if (op == IR_WHERE) return a[0].i ? a[1].i : a[2].i;
  int n = ir_ops[op].arity;
  for (int i = 0; i < n; i++)
    if (rel_is_symbol(a[i].i)) raise_symbol(code, a[i].i);
  int64_t r;
  bool large = false;
  switch (op) {
    case IR_ADD: large = __builtin_add_overflow(a[0].i, a[1].i, &r); break;
    case IR_SUB: large = __builtin_sub_overflow(a[0].i, a[1].i, &r); break;
    case IR_MUL: large = __builtin_mul_overflow(a[0].i, a[1].i, &r); break;
    case IR_AND: return a[0].i && a[1].i;
    case IR_OR: return a[0].i || a[1].i;
    case IR_NOT: return !a[0].i;
    default: {
      ir_value v[3] = {{IR_I64, {0}}, {IR_I64, {0}}, {IR_I64, {0}}};
      for (int i = 0; i < n; i++) v[i].u.i = a[i].i;
      return ir_eval_op(op, ir_ops[op].rule == IR_TEST ? IR_BOOL : IR_I64, v).u.i;
    }
  }
  if (large || rel_is_symbol(r)) raise_large(code);
  return r;
}

static rel_number reals(ir_op op, const rel_number *a) {
  switch (op) {
    case IR_ADD: return (rel_number){.f = a[0].f + a[1].f};
    case IR_SUB: return (rel_number){.f = a[0].f - a[1].f};
    case IR_MUL: return (rel_number){.f = a[0].f * a[1].f};
    default: break;
  }
  ir_value v[3] = {{IR_F64, {0}}, {IR_F64, {0}}, {IR_F64, {0}}};
  for (int i = 0; i < ir_ops[op].arity; i++) v[i].u.f = a[i].f;
  bool test = ir_ops[op].rule == IR_TEST;
  ir_value r = ir_eval_op(op, test ? IR_BOOL : IR_F64, v);
  return test ? (rel_number){.i = r.u.i} : (rel_number){.f = r.u.f};
}

static rel_number cast(const rel_code *code, const instruction *i, rel_number a) {
  ir_value v = {i->from, {0}};
  if (i->from == IR_F64) {
    v.u.f = a.f;
  } else {
    if (rel_is_symbol(a.i)) raise_symbol(code, a.i);
    v.u.i = a.i;
  }
  v = ir_eval_op(IR_CAST, i->to, &v);
  if (ir_type_real(i->to)) return (rel_number){.f = v.u.f};
  if (rel_is_symbol(v.u.i)) raise_large(code);
  return (rel_number){.i = v.u.i};
}

static rel_number operand(const instruction *i, const rel_number *vars) {
  return i->form == LOAD ? vars[i->var] : i->number;
}

/* The common operations at once; the others, and what is to be refused, the general way. */
static bool eval_simple(const rel_code *code, const rel_number *vars, rel_number *made) {
  const instruction *i = code->at.at;
  rel_number a = operand(&i[0], vars), b = operand(&i[1], vars);
  if (i[2].form == EQUALS) {
    made->i = (a.i == b.i) == (i[2].op == IR_EQ);
    return true;
  }
  if (i[2].form == REALS) {
    switch (i[2].op) {
      case IR_ADD: made->f = a.f + b.f; return true;
      case IR_SUB: made->f = a.f - b.f; return true;
      case IR_MUL: made->f = a.f * b.f; return true;
      case IR_LT: made->i = a.f < b.f; return true;
      case IR_LE: made->i = a.f <= b.f; return true;
      default: return false;
    }
  }
  if (rel_is_symbol(a.i) || rel_is_symbol(b.i)) return false;
  switch (i[2].op) {
    case IR_ADD: return !__builtin_add_overflow(a.i, b.i, &made->i) && !rel_is_symbol(made->i);
    case IR_SUB: return !__builtin_sub_overflow(a.i, b.i, &made->i) && !rel_is_symbol(made->i);
    case IR_LT: made->i = a.i < b.i; return true;
    case IR_LE: made->i = a.i <= b.i; return true;
    default: return false;
  }
}

rel_number rel_eval(const rel_code *code, const rel_number *vars) {
  rel_number made;
  if (code->simple && eval_simple(code, vars, &made)) return made;
  rel_number *top = code->stack;   /* the next free place */
  for (const instruction *i = code->at.at, *end = i + code->at.n; i < end; i++) {
    switch (i->form) {
      case PUSH: *top++ = i->number; break;
      case LOAD: *top++ = vars[i->var]; break;
      case REAL_TOP: top[-1].f = real_of(code, top[-1].i, i->loose); break;
      case REAL_BELOW: top[-2].f = real_of(code, top[-2].i, i->loose); break;
      case INTEGERS:
        top -= ir_ops[i->op].arity;
        top->i = integers(code, i->op, top);
        top++;
        break;
      case REALS:
        top -= ir_ops[i->op].arity;
        *top = reals(i->op, top);
        top++;
        break;
      case EQUALS:
        top -= 2;
        top->i = (top[0].i == top[1].i) == (i->op == IR_EQ);
        top++;
        break;
      case TRUTH: top[-1].i = top[-1].f != 0; break;
      case CAST: top[-1] = cast(code, i, top[-1]); break;
    }
  }
  return top[-1];
}

/* ---- what grows with what -------------------------------------------------------------------- */

enum { RISES = 1, FALLS = 2, FREE = RISES | FALLS };   /* sets of what may be said */

static int turned(int m) { return (m & RISES ? FALLS : 0) | (m & FALLS ? RISES : 0); }

bool rel_never_negative(const rel_expr *e, const bool *nonnegative) {
  if (e->kind == REL_INT) return e->number.i >= 0;
  if (e->kind == REL_REAL) return e->number.f >= 0;
  if (e->kind == REL_USE) return nonnegative[e->var];
  bool a = e->arg[0] && rel_never_negative(e->arg[0], nonnegative);
  bool b = e->arg[1] && rel_never_negative(e->arg[1], nonnegative);
  switch (e->op) {
    case IR_ADD: case IR_MUL: case IR_DIV: case IR_MINIMUM: return a && b;
    case IR_MAXIMUM: return a || b;
    case IR_POW: case IR_FLOOR: case IR_ROUND: case IR_SIGN: case IR_STOP: case IR_CAST:
    case IR_TANH: case IR_ERF: return a;
    case IR_WHERE: return b && rel_never_negative(e->arg[2], nonnegative);
    case IR_ABS: case IR_EXP: case IR_SQRT: case IR_SIG: return true;
    default: return ir_ops[e->op].rule == IR_TEST || ir_ops[e->op].rule == IR_LOGIC;
  }
}

static bool is_positive(const rel_expr *e) {
  return e->kind == REL_INT ? e->number.i > 0 : e->kind == REL_REAL && e->number.f > 0;
}

static bool is_negative(const rel_expr *e) {
  return e->kind == REL_INT ? e->number.i < 0 : e->kind == REL_REAL && e->number.f < 0;
}

static int direction(const rel_expr *e, const bool *grows, const bool *nonnegative);

static int of_product(const rel_expr *e, int a, int b, const bool *nonnegative) {
  bool pa = rel_never_negative(e->arg[0], nonnegative);
  bool pb = rel_never_negative(e->arg[1], nonnegative);
  int m = 0;
  if ((b == FREE || pa) && (a == FREE || pb)) m |= a & b;
  if (b == FREE && is_negative(e->arg[1])) m |= turned(a);
  if (a == FREE && is_negative(e->arg[0])) m |= turned(b);
  return m;
}

static int of_quotient(const rel_expr *e, int a, int b, const bool *nonnegative) {
  bool pa = rel_never_negative(e->arg[0], nonnegative);
  bool pb = rel_never_negative(e->arg[1], nonnegative);
  if (b == FREE && is_negative(e->arg[1])) return turned(a);
  return pb && (b == FREE || pa) ? a & turned(b) : 0;
}

/* In which direction E may go when the variables of GROWS go up: both where it does not move. */
static int direction(const rel_expr *e, const bool *grows, const bool *nonnegative) {
  if (e->kind == REL_USE) return grows[e->var] ? RISES : FREE;
  if (e->kind != REL_OP) return FREE;
  int m[3] = {FREE, FREE, FREE};
  for (int i = 0; i < 3; i++)
    if (e->arg[i]) m[i] = direction(e->arg[i], grows, nonnegative);
  if ((m[0] & m[1] & m[2]) == FREE) return FREE;
  switch (e->op) {
    case IR_ADD: case IR_MINIMUM: case IR_MAXIMUM: case IR_AND: case IR_OR: return m[0] & m[1];
    case IR_SUB: return m[0] & turned(m[1]);
    case IR_NEG: case IR_NOT: return turned(m[0]);
    case IR_MUL: return of_product(e, m[0], m[1], nonnegative);
    case IR_DIV: return of_quotient(e, m[0], m[1], nonnegative);
    case IR_LT: case IR_LE: return turned(m[0]) & m[1];
    case IR_WHERE: return m[0] == FREE ? m[1] & m[2] : 0;
    case IR_ABS: return rel_never_negative(e->arg[0], nonnegative) ? m[0] : 0;
    case IR_POW:
      return is_positive(e->arg[1]) && rel_never_negative(e->arg[0], nonnegative) ? m[0] : 0;
    case IR_FLOOR: case IR_ROUND: case IR_SIGN: case IR_STOP: case IR_CAST: case IR_EXP:
    case IR_LOG: case IR_SQRT: case IR_TANH: case IR_ERF: case IR_SIG: return m[0];
    default: return 0;
  }
}

bool rel_monotone(const rel_expr *e, const bool *grows, const bool *nonnegative, bool rises) {
  return (direction(e, grows, nonnegative) & (rises ? RISES : FALLS)) != 0;
}
