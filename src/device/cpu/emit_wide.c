/* emit: truth values in masks, i64 and f64 in wide slots. Comparisons of integers that are affine
 * in the indices are ranges of the line, found once before it. */
#include "device/cpu/emit.h"

#include <string.h>

static const kernel_value *value_of(const cpu_emit *e, int v) { return &e->code->values.at[v]; }

/* ---- truth values ---------------------------------------------------------------------------- */

static bool is_affine(const cpu_emit *e, int v) { return value_of(e, v)->op == IR_INDEX; }

static bool is_integer_constant(const cpu_emit *e, int v, int64_t *n) {
  const kernel_value *k = value_of(e, v);
  if (k->type != IR_I64) return false;
  if (k->op == IR_CONST) *n = k->u.integer;
  return k->op == IR_CONST;
}

/* Integers that change by a fixed step along the line: affine ones, constants, what does not vary.
 */
static bool is_steady(const cpu_emit *e, int v) {
  return value_of(e, v)->type == IR_I64 && (is_affine(e, v) || !e->value[v].varies);
}

/* Whether V is a comparison of such integers, or two of them joined. */
static bool is_range(const cpu_emit *e, int v) {
  const kernel_value *k = value_of(e, v);
  if (k->op == IR_AND) {
    bool deep = value_of(e, k->arg[0])->op == IR_AND || value_of(e, k->arg[1])->op == IR_AND;
    return !deep && is_range(e, k->arg[0]) && is_range(e, k->arg[1]);
  }
  if (k->op != IR_LT && k->op != IR_LE && k->op != IR_EQ) return false;
  return is_steady(e, k->arg[0]) && is_steady(e, k->arg[1]) &&
         (is_affine(e, k->arg[0]) || is_affine(e, k->arg[1]));
}

/* A number that SIGN times a value was added to, which the line program computes. */
static int add_steady(cpu_emit *e, int cursor, int v, int64_t sign) {
  int64_t n;
  if (is_affine(e, v) || is_integer_constant(e, v, &n)) return cursor;
  int wide = emit_wide(e, v);
  cpu_cursor c = {.source = CPU_DERIVED, .step = BASE_NEWS(e->arena, int64_t, e->nest->naxis + 1)};
  int to = cpu_pass_cursor(e->nest, e->pass, &c);
  emit_set(e, VM_C_STEP, cursor, wide, to, sign);
  return to;
}

/* Narrow RANGE to where the comparison V holds. */
static void narrow(cpu_emit *e, int v, int range) {
  const kernel_value *k = value_of(e, v);
  if (k->op == IR_AND) {
    narrow(e, k->arg[0], range);
    narrow(e, k->arg[1], range);
    return;
  }
  const ir_affine *a = is_affine(e, k->arg[0]) ? value_of(e, k->arg[0])->u.affine : NULL;
  const ir_affine *b = is_affine(e, k->arg[1]) ? value_of(e, k->arg[1])->u.affine : NULL;
  int64_t step, constant = 0, less = k->op == IR_LE ? -1 : 0; /* a <= b: a - b - 1 < 0 */
  is_integer_constant(e, k->arg[a ? 1 : 0], &constant);
  int cursor = a ? emit_number(e, a, 1, less - constant, b, &step)
                 : emit_number(e, b, -1, less + constant, NULL, &step);
  emit_list *back = emit_before_line(e);
  cursor = add_steady(e, cursor, k->arg[0], 1);
  cursor = add_steady(e, cursor, k->arg[1], -1);
  emit_set(e, k->op == IR_EQ ? VM_R_ZERO : VM_R_BELOW, cursor, 0, range, step);
  e->out = back;
}

static int new_mask(cpu_emit *e) { return emit_take(e, &e->masks, &e->nest->pool.masks); }

static int mask_two(cpu_emit *e, vm_op op, const kernel_value *k) {
  int a = emit_mask(e, k->arg[0]), b = emit_mask(e, k->arg[1]), d = new_mask(e);
  emit_set(e, op, a, b, d, 0);
  return d;
}

static int mask_not(cpu_emit *e, int a) {
  emit_set(e, VM_M_NOT, a, 0, a, 0);
  return a;
}

static int test_reals(cpu_emit *e, const kernel_value *k) {
  static const vm_binary test[][2] = {
      [IR_LT - IR_LT] = {VM_LT, VM_GT},
      [IR_LE - IR_LT] = {VM_LE, VM_GE},
      [IR_EQ - IR_LT] = {VM_EQ, VM_EQ},
      [IR_NE - IR_LT] = {VM_NE, VM_NE},
  };
  int d = new_mask(e);
  emit_pair(e, k->arg[0], k->arg[1], test[k->op - IR_LT][0], test[k->op - IR_LT][1], d);
  return d;
}

static int test_wide(cpu_emit *e, const kernel_value *k, vm_op first) {
  int a = emit_wide(e, k->arg[0]), b = emit_wide(e, k->arg[1]), d = new_mask(e);
  emit_set(e, (vm_op)(first + (k->op - IR_LT)), a, b, d, 0);
  emit_used(e, k->arg[0]);
  emit_used(e, k->arg[1]);
  return d;
}

static int test_truths(cpu_emit *e, const kernel_value *k) {
  int a = emit_mask(e, k->arg[0]), b = emit_mask(e, k->arg[1]), d = new_mask(e);
  if (k->op == IR_LT || k->op == IR_LE) { /* not a and b; not a or b */
    emit_set(e, VM_M_NOT, a, 0, d, 0);
    emit_set(e, k->op == IR_LT ? VM_M_AND : VM_M_OR, d, b, d, 0);
  } else {
    emit_set(e, VM_M_XOR, a, b, d, 0);
    if (k->op == IR_EQ) mask_not(e, d);
  }
  emit_used(e, k->arg[0]);
  emit_used(e, k->arg[1]);
  return d;
}

static int mask_test(cpu_emit *e, const kernel_value *k) {
  switch (value_of(e, k->arg[0])->type) {
  case IR_F32: return test_reals(e, k);
  case IR_F64: return test_wide(e, k, VM_D_LT);
  case IR_I64: return test_wide(e, k, VM_W_LT);
  default: return test_truths(e, k);
  }
}

static int mask_read(cpu_emit *e, emit_value *p) {
  emit_place *place = p->place;
  int d;
  if (emit_gathers(e, place)) {
    int mask, index = emit_index(e, place, &mask);
    d = new_mask(e);
    emit_set(e, VM_M_GATHER, place->cursor, mask, d, 0);
    e->out->at[e->out->n - 1].ins.e = index;
    BASE_PUSH(e->arena, &e->wides, index);
    BASE_PUSH(e->arena, &e->masks, mask);
    return d;
  }
  int cursor = emit_place_cursor(e, place);
  d = new_mask(e);
  emit_set(e, VM_M_LOAD, cursor, place->range, d, place->step);
  return d;
}

static int mask_cast(cpu_emit *e, const kernel_value *k) {
  int a = k->arg[0], d;
  switch (value_of(e, a)->type) {
  case IR_F32:
    emit_x(e, a);
    d = new_mask(e);
    emit_set(e, VM_OP(VM_NE, VM_SCALAR), emit_constant(e, 0), 0, d, 0);
    break;
  case IR_BOOL:
    d = new_mask(e);
    emit_set(e, VM_M_AND, emit_mask(e, a), emit_mask(e, a), d, 0);
    break;
  default: {
    int w = emit_wide(e, a);
    d = new_mask(e);
    emit_set(e, value_of(e, a)->type == IR_F64 ? VM_M_OF_D : VM_M_OF_W, w, 0, d, 0);
  }
  }
  emit_used(e, a);
  return d;
}

static int mask_where(cpu_emit *e, const kernel_value *k) {
  int m = emit_mask(e, k->arg[0]), a = emit_mask(e, k->arg[1]), b = emit_mask(e, k->arg[2]),
      d = new_mask(e);
  emit_set(e, VM_M_SEL, a, b, d, 0);
  e->out->at[e->out->n - 1].ins.e = m;
  for (int i = 0; i < 3; i++) emit_used(e, k->arg[i]);
  return d;
}

static int mask_logic(cpu_emit *e, const kernel_value *k) {
  int d;
  switch (k->op) {
  case IR_AND:
  case IR_MUL:
  case IR_MINIMUM: d = mask_two(e, VM_M_AND, k); break;
  case IR_OR:
  case IR_ADD:
  case IR_MAXIMUM: d = mask_two(e, VM_M_OR, k); break;
  default: {
    int a = emit_mask(e, k->arg[0]);
    d = new_mask(e);
    if (k->op == IR_NOT)
      emit_set(e, VM_M_NOT, a, 0, d, 0);
    else
      emit_set(e, VM_M_AND, a, a, d, 0);
  }
  }
  for (int i = 0; i < k->n; i++) emit_used(e, k->arg[i]);
  return d;
}

static int make_mask(cpu_emit *e, int v) {
  const kernel_value *k = value_of(e, v);
  int d, range;
  switch (k->op) {
  case IR_CONST:
    d = new_mask(e);
    emit_set(e, VM_M_SET, 0, 0, d, k->u.integer != 0);
    return d;
  case IR_READ: return mask_read(e, &e->value[v]);
  case IR_CAST: return mask_cast(e, k);
  case IR_WHERE: return mask_where(e, k);
  default: break;
  }
  if (is_range(e, v)) {
    range = emit_new_range(e);
    narrow(e, v, range);
    d = new_mask(e);
    emit_set(e, VM_M_RANGE, range, 0, d, 0);
    return d;
  }
  return ir_ops[k->op].rule == IR_TEST ? mask_test(e, k) : mask_logic(e, k);
}

int emit_mask(cpu_emit *e, int v) {
  emit_value *p = &e->value[v];
  if (p->mask >= 0) return p->mask;
  emit_list *back = e->out;
  if (!p->varies) emit_before_line(e);
  p->mask = make_mask(e, v);
  e->out = back;
  return p->mask;
}

/* ---- i64 and f64 ----------------------------------------------------------------------------- */

static int new_wide(cpu_emit *e) { return emit_take(e, &e->wides, &e->nest->pool.wides); }

static int wide_read(cpu_emit *e, emit_value *p) {
  emit_place *place = p->place;
  bool narrow_type = place->type == IR_I32;
  int d;
  if (emit_gathers(e, place)) {
    int mask, index = emit_index(e, place, &mask);
    d = new_wide(e);
    emit_set(e, narrow_type ? VM_W_GATHER32 : VM_W_GATHER, place->cursor, mask, d, 0);
    e->out->at[e->out->n - 1].ins.e = index;
    BASE_PUSH(e->arena, &e->wides, index);
    BASE_PUSH(e->arena, &e->masks, mask);
    return d;
  }
  int cursor = emit_place_cursor(e, place);
  d = new_wide(e);
  emit_set(e, narrow_type ? VM_W_LOAD32 : VM_W_LOAD, cursor, place->range, d, place->step);
  return d;
}

static int wide_one(cpu_emit *e, vm_op op, int a) {
  int w = emit_wide(e, a), d = new_wide(e);
  emit_set(e, op, w, 0, d, 0);
  emit_used(e, a);
  return d;
}

static int wide_cast(cpu_emit *e, const kernel_value *k) {
  int a = k->arg[0], d;
  ir_type from = (ir_type)value_of(e, a)->type;
  bool real = k->u.to == IR_F64, narrow_type = k->u.to == IR_I32;
  if (from == IR_F32) {
    emit_x(e, a);
    d = new_wide(e);
    emit_set(e, real ? VM_D_OF_X : narrow_type ? VM_W_OF_X32 : VM_W_OF_X, 0, 0, d, 0);
    emit_used(e, a);
    return d;
  }
  if (from == IR_BOOL) {
    int m = emit_mask(e, a);
    d = new_wide(e);
    emit_set(e, real ? VM_D_OF_M : VM_W_OF_M, m, 0, d, 0);
    emit_used(e, a);
    return d;
  }
  if (from == IR_F64)
    return wide_one(e, real ? VM_W_SHR : narrow_type ? VM_W_OF_D32 : VM_W_OF_D, a);
  return wide_one(e, real ? VM_D_OF_W : VM_W_CLAMP32, a);
}

/* Divisions by powers of two are shifts and masks: both round down. */
static bool wide_by_power(cpu_emit *e, const kernel_value *k, int *d) {
  int64_t n;
  if (k->type != IR_I64 || (k->op != IR_QUO && k->op != IR_MOD)) return false;
  if (!is_integer_constant(e, k->arg[1], &n) || n <= 0 || (n & (n - 1)) != 0) return false;
  int a = emit_wide(e, k->arg[0]);
  *d = new_wide(e);
  emit_set(e, k->op == IR_QUO ? VM_W_SHR : VM_W_AND, a, 0, *d,
           k->op == IR_QUO ? __builtin_ctzll((uint64_t)n) : n - 1);
  emit_used(e, k->arg[0]);
  return true;
}

static const vm_op integers[IR_OPS] = {
    [IR_ADD] = VM_W_ADD, [IR_SUB] = VM_W_SUB,     [IR_MUL] = VM_W_MUL,       [IR_QUO] = VM_W_QUO,
    [IR_MOD] = VM_W_MOD, [IR_MINIMUM] = VM_W_MIN, [IR_MAXIMUM] = VM_W_MAX,   [IR_NEG] = VM_W_NEG,
    [IR_ABS] = VM_W_ABS, [IR_SIGN] = VM_W_SIGN,   [IR_RANDOM] = VM_W_RANDOM,
};
static const vm_op reals[IR_OPS] = {
    [IR_ADD] = VM_D_ADD,     [IR_SUB] = VM_D_SUB, [IR_MUL] = VM_D_MUL,     [IR_DIV] = VM_D_DIV,
    [IR_POW] = VM_D_POW,     [IR_MOD] = VM_D_MOD, [IR_MINIMUM] = VM_D_MIN, [IR_MAXIMUM] = VM_D_MAX,
    [IR_NEG] = VM_D_NEG,     [IR_ABS] = VM_D_ABS, [IR_SIGN] = VM_D_SIGN,   [IR_FLOOR] = VM_D_FLOOR,
    [IR_ROUND] = VM_D_ROUND, [IR_EXP] = VM_D_EXP, [IR_LOG] = VM_D_LOG,     [IR_SQRT] = VM_D_SQRT,
    [IR_RSQRT] = VM_D_RSQRT, [IR_SIN] = VM_D_SIN, [IR_COS] = VM_D_COS,     [IR_TANH] = VM_D_TANH,
    [IR_ERF] = VM_D_ERF,     [IR_SIG] = VM_D_SIG,
};

static int wide_apply(cpu_emit *e, const kernel_value *k) {
  int d, w[3] = {0};
  if (wide_by_power(e, k, &d)) return d;
  vm_op op = (k->type == IR_F64 ? reals : integers)[k->op];
  if (k->op == IR_CALL) op = e->out == &e->line ? VM_D_CALL_ONE : VM_D_CALL;
  for (int i = 0; i < k->n; i++)
    w[i] = k->op == IR_WHERE && i == 0 ? emit_mask(e, k->arg[0]) : emit_wide(e, k->arg[i]);
  d = new_wide(e);
  if (k->op == IR_WHERE) {
    emit_set(e, VM_W_SEL, w[1], w[2], d, 0);
    e->out->at[e->out->n - 1].ins.e = w[0];
  } else if (op == 0) { /* floor and round of an integer */
    emit_set(e, VM_W_SHR, w[0], 0, d, 0);
  } else {
    int64_t function = k->op == IR_CALL ? (int64_t)(uintptr_t)k->u.function : 0;
    emit_set(e, op, w[0], k->n > 1 ? w[1] : w[0], d, function);
    e->out->at[e->out->n - 1].ins.e = w[2];
  }
  for (int i = 0; i < k->n; i++) emit_used(e, k->arg[i]);
  return d;
}

static int make_wide(cpu_emit *e, int v) {
  const kernel_value *k = value_of(e, v);
  int64_t bits = k->u.integer, step;
  int d;
  switch (k->op) {
  case IR_CONST:
    if (k->type == IR_F64) memcpy(&bits, &k->u.real, sizeof bits);
    d = new_wide(e);
    emit_set(e, VM_W_SET, 0, 0, d, bits);
    return d;
  case IR_INDEX: {
    int cursor = emit_number(e, k->u.affine, 1, 0, NULL, &step);
    d = new_wide(e);
    emit_set(e, VM_W_IOTA, cursor, 0, d, step);
    return d;
  }
  case IR_READ: return wide_read(e, &e->value[v]);
  case IR_CAST: return wide_cast(e, k);
  default: return wide_apply(e, k);
  }
}

int emit_wide(cpu_emit *e, int v) {
  emit_value *p = &e->value[v];
  if (p->wide >= 0) return p->wide;
  emit_list *back = e->out;
  if (!p->varies) emit_before_line(e);
  p->wide = make_wide(e, v);
  e->out = back;
  return p->wide;
}
