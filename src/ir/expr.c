/* expr: the table in which equal expressions are one, and the builders. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "ir/private.h"

enum { FIRST_SLOTS = 256, MANY_ARGS = 64 };

/* ---- the table ------------------------------------------------------------------------------- */

struct ir_table *ir_table_open(ir_program *p) {
  struct ir_table *table = BASE_NEW(p->arena, struct ir_table);
  table->program = p;
  table->slot = BASE_NEWS(p->arena, const ir_expr *, FIRST_SLOTS);
  table->mask = FIRST_SLOTS - 1;
  table->names = base_map_open(p->arena);
  table->inside = base_map_open(p->arena);
  return table;
}

static uint64_t bits_of(const ir_expr *e) {
  uint64_t bits;
  memcpy(&bits, &e->u, sizeof bits);
  return bits;
}

static uint64_t hash_of(ir_op op, ir_type type, uint64_t bits, int n, const ir_expr *const *arg) {
  uint64_t h = base_hash_mix((uint64_t)op << 8 | (uint64_t)type, bits);
  for (int i = 0; i < n; i++) h = base_hash_mix(h, arg[i]->id);
  return h;
}

static void grow(ir_program *p) {
  struct ir_table *table = p->table;
  uint32_t mask = table->mask * 2 + 1;
  const ir_expr **slot = BASE_NEWS(p->arena, const ir_expr *, (size_t)mask + 1);
  for (uint32_t i = 0; i <= table->mask; i++) {
    const ir_expr *e = table->slot[i];
    if (e == NULL) continue;
    uint64_t hash = hash_of((ir_op)e->op, (ir_type)e->type, bits_of(e), e->n, e->arg);
    uint32_t at = (uint32_t)hash & mask;
    while (slot[at] != NULL) at = (at + 1) & mask;
    slot[at] = e;
  }
  table->slot = slot;
  table->mask = mask;
}

static uint64_t holds_of(const ir_expr *e) {
  uint64_t holds = 0;
  for (int i = 0; i < e->n; i++) holds |= e->arg[i]->holds;
  if (e->op == IR_INDEX) holds |= ir_index_bit(e->u.index);
  if (e->op == IR_READ || e->op == IR_RANDOM) holds |= (uint64_t)1 << IR_HOLDS_DATA;
  if (e->op == IR_SYMBOL && e->u.symbol->counter) holds |= (uint64_t)1 << IR_HOLDS_COUNTER;
  return holds;
}

const ir_expr *ir_intern(ir_program *p, ir_op op, ir_type type, uint64_t bits, int n,
                         const ir_expr *const *arg) {
  struct ir_table *table = p->table;
  for (int i = 0; i < n; i++) assert(arg[i]->table == table);
  uint32_t at = (uint32_t)hash_of(op, type, bits, n, arg) & table->mask;
  for (const ir_expr *e; (e = table->slot[at]) != NULL; at = (at + 1) & table->mask)
    if (e->op == op && e->type == type && e->n == n && bits_of(e) == bits &&
        (n == 0 || memcmp(e->arg, arg, sizeof *arg * (size_t)n) == 0))
      return e;
  ir_expr *e = base_alloc(p->arena, sizeof *e + sizeof *e->arg * (size_t)n);
  e->op = (uint8_t)op;
  e->type = (uint8_t)type;
  e->n = (uint16_t)n;
  e->id = (uint32_t)p->nodes++;
  e->table = table;
  memcpy(&e->u, &bits, sizeof bits);
  if (n > 0) memcpy(e->arg, arg, sizeof *arg * (size_t)n);
  e->holds = holds_of(e);
  table->slot[at] = e;
  if ((uint32_t)p->nodes > table->mask / 2) grow(p);
  return e;
}

/* ---- leaves ---------------------------------------------------------------------------------- */

const ir_expr *ir_real(ir_program *p, ir_type type, double value) {
  assert(type == IR_F32 || type == IR_F64);
  if (type == IR_F32) value = (double)(float)value;
  if (isnan(value)) value = (double)NAN;   /* one node for all of them */
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return ir_intern(p, IR_CONST, type, bits, 0, NULL);
}

const ir_expr *ir_int(ir_program *p, int64_t value) {
  return ir_intern(p, IR_CONST, IR_I64, (uint64_t)value, 0, NULL);
}

const ir_expr *ir_bool(ir_program *p, bool value) {
  return ir_intern(p, IR_CONST, IR_BOOL, value, 0, NULL);
}

const ir_expr *ir_number(ir_program *p, ir_type type, double value) {
  type = ir_type_computed(type);
  if (ir_type_real(type)) return ir_real(p, type, value);
  ir_value v = {IR_F64, {.f = value}};
  v = ir_eval_op(IR_CAST, type, &v);
  return type == IR_BOOL ? ir_bool(p, v.u.i != 0) : ir_int(p, v.u.i);
}

const ir_expr *ir_use(ir_program *p, const ir_index *index) {
  return ir_intern(p, IR_INDEX, IR_I64, (uint64_t)(uintptr_t)index, 0, NULL);
}

const ir_expr *ir_size(ir_program *p, const ir_symbol *symbol) {
  return ir_intern(p, IR_SYMBOL, IR_I64, (uint64_t)(uintptr_t)symbol, 0, NULL);
}

const ir_expr *ir_read(ir_program *p, ir_tensor *tensor, const ir_expr *const *position) {
  const ir_expr *few[MANY_ARGS];
  assert(tensor->rank <= MANY_ARGS);
  for (int i = 0; i < tensor->rank; i++) few[i] = ir_cast(p, position[i], IR_I64);
  return ir_intern(p, IR_READ, ir_type_computed(tensor->type), (uint64_t)(uintptr_t)tensor,
                   tensor->rank, few);
}

/* ---- casts ----------------------------------------------------------------------------------- */

/* Is every value of X one of type TO already? Of X's computed type. */
static bool fits(const ir_expr *x, ir_type to) {
  if (x->type == to) return true;
  if (ir_type_computed(to) != (ir_type)x->type) return false;
  if (x->op == IR_READ) return x->u.tensor->type == to;
  return x->op == IR_CAST && x->u.to == to;
}

/* Does every value of computed type FROM survive in TO? */
static bool exact(ir_type from, ir_type to) {
  return from == IR_BOOL || (from == IR_F32 && to == IR_F64);
}

const ir_expr *ir_cast(ir_program *p, const ir_expr *x, ir_type to) {
  if (fits(x, to)) return x;
  if (x->op == IR_CONST) {
    ir_value v = ir_value_of(x);
    v = ir_eval_op(IR_CAST, to, &v);
    if (ir_type_real(v.type)) return ir_real(p, v.type, v.u.f);
    return v.type == IR_BOOL ? ir_bool(p, v.u.i != 0) : ir_int(p, v.u.i);
  }
  if (x->type == IR_BOOL) to = ir_type_computed(to);   /* 0 and 1 need no rounding */
  if (x->op == IR_CAST && x->u.to == (ir_type)x->type && exact((ir_type)x->arg[0]->type, x->u.to))
    return ir_cast(p, x->arg[0], to);
  if (to == IR_BOOL) return ir_binary(p, IR_NE, x, ir_number(p, (ir_type)x->type, 0));
  return ir_intern(p, IR_CAST, ir_type_computed(to), (uint64_t)to, 1, &x);
}

/* ---- operations ------------------------------------------------------------------------------ */

static ir_type promoted(int n, const ir_expr *const *arg) {
  ir_type type = (ir_type)arg[0]->type;
  for (int i = 1; i < n; i++) type = ir_type_promote(type, (ir_type)arg[i]->type);
  return type;
}

/* The type in which OP computes its arguments; CHOOSE: the last two of them. */
static ir_type argument_type(ir_program *p, ir_op op, int n, const ir_expr *const *arg) {
  ir_type type = promoted(n, arg);
  switch (ir_ops[op].rule) {
    case IR_SAME:
      return type == IR_BOOL && (op == IR_SUB || op == IR_NEG || op == IR_MOD) ? IR_I64 : type;
    case IR_REAL: return ir_type_real(type) ? type : IR_F32;
    case IR_TEST: return type;
    case IR_LOGIC: return IR_BOOL;
    case IR_CHOOSE: return promoted(2, arg + 1);
    default:
      if (ir_type_real(type))
        base_raise(p->ctx, BASE_RUNTIME, base_nowhere, "%s of %s: it takes integers",
                   ir_ops[op].name, ir_type_name(type));
      return IR_I64;
  }
}

const ir_expr *ir_apply(ir_program *p, ir_op op, const ir_expr *const *arg) {
  int n = ir_ops[op].arity;
  assert(n >= 1 && n <= 3 && op != IR_CAST);
  ir_type type = argument_type(p, op, n, arg);
  const ir_expr *by[3];
  for (int i = 0; i < n; i++)
    by[i] = ir_cast(p, arg[i], op == IR_WHERE && i == 0 ? IR_BOOL : type);
  bool test = ir_ops[op].rule == IR_TEST;
  return ir_fold(p, op, test ? IR_BOOL : type, by);
}

const ir_expr *ir_unary(ir_program *p, ir_op op, const ir_expr *a) {
  assert(ir_ops[op].arity == 1);
  return ir_apply(p, op, &a);
}

const ir_expr *ir_binary(ir_program *p, ir_op op, const ir_expr *a, const ir_expr *b) {
  assert(ir_ops[op].arity == 2);
  return ir_apply(p, op, (const ir_expr *[]){a, b});
}

const ir_expr *ir_where(ir_program *p, const ir_expr *test, const ir_expr *yes, const ir_expr *no) {
  return ir_apply(p, IR_WHERE, (const ir_expr *[]){test, yes, no});
}

const ir_expr *ir_call(ir_program *p, const ir_function *f, const ir_expr *const *arg) {
  const ir_expr *by[IR_FUNCTION_ARGUMENTS];
  for (int i = 0; i < f->n; i++) by[i] = ir_cast(p, arg[i], IR_F64);
  return ir_intern(p, IR_CALL, IR_F64, (uint64_t)(uintptr_t)f, f->n, by);
}

const ir_expr *ir_inside(ir_program *p, const ir_expr *x, const ir_expr *size) {
  const ir_expr *low = ir_binary(p, IR_LE, ir_int(p, 0), x);
  return ir_binary(p, IR_AND, low, ir_binary(p, IR_LT, x, size));
}

/* ---- order of commutative arguments ---------------------------------------------------------- */

enum { COMPARED = 6 };   /* levels; below, age decides */

static int class_of(const ir_expr *e) {
  switch (e->op) {
    case IR_READ: return 0;
    case IR_INDEX: return 2;
    case IR_SYMBOL: return 3;
    case IR_CONST: return 4;
    default: return 1;
  }
}

static int64_t number_of(const ir_expr *e) {
  switch (e->op) {
    case IR_READ: return e->u.tensor->id;
    case IR_INDEX: return e->u.index->id;
    case IR_SYMBOL: return e->u.symbol->id;
    case IR_CONST: return e->id;
    default: return e->op;
  }
}

static int compare(const ir_expr *a, const ir_expr *b, int depth) {
  if (a == b) return 0;
  int class = class_of(a) - class_of(b);
  if (class != 0) return class;
  int64_t x = number_of(a), y = number_of(b);
  if (x != y) return x < y ? -1 : 1;
  int order = 0;
  for (int i = 0; i < a->n && depth < COMPARED && order == 0; i++)
    order = compare(a->arg[i], b->arg[i], depth + 1);
  if (order != 0) return order;
  return a->id < b->id ? -1 : 1;
}

int ir_compare(const ir_expr *a, const ir_expr *b) { return compare(a, b, 0); }

/* ---- questions about one node ---------------------------------------------------------------- */

ir_value ir_value_of(const ir_expr *e) {
  assert(e->op == IR_CONST);
  ir_value v = {(ir_type)e->type, {0}};
  if (ir_type_real(v.type)) v.u.f = e->u.real;
  else v.u.i = e->u.integer;
  return v;
}

bool ir_is_const(const ir_expr *e, double value) {
  if (e->op != IR_CONST) return false;
  return ir_type_real((ir_type)e->type) ? e->u.real == value : (double)e->u.integer == value;
}

bool ir_is_int(const ir_expr *e, int64_t *value) {
  if (e->op != IR_CONST || e->type != IR_I64) return false;
  if (value != NULL) *value = e->u.integer;
  return true;
}
