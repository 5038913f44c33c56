/* code: equations to linear programs. */
#include "kernel/code.h"

kernel_code *kernel_code_open(base_arena *arena, ir_program *program) {
  kernel_code *code = BASE_NEW(arena, kernel_code);
  code->arena = arena;
  code->program = program;
  code->known = base_map_open(arena);
  return code;
}

static int found(const base_map *map, const void *key) {
  return (int)(intptr_t)base_map_get(map, &key, sizeof key) - 1;
}

static void keep(base_map *map, const void *key, int value) {
  base_map_put(map, &key, sizeof key, (void *)(intptr_t)(value + 1));
}

static int append(kernel_code *code, kernel_value v) {
  BASE_PUSH(code->arena, &code->values, v);
  return code->values.n - 1;
}

static bool has_counter(const ir_expr *e) {
  if (e->op == IR_SYMBOL) return e->u.symbol->counter;
  for (int i = 0; i < e->n; i++)
    if (has_counter(e->arg[i])) return true;
  return false;
}

/* Coefficients have to be known before a run; the constant may move with a loop. */
static bool affine_of(kernel_code *code, const ir_expr *e, ir_affine *a) {
  if (!ir_affine_of(code->program, e, a)) return false;
  for (int i = 0; i < a->n; i++)
    if (has_counter(a->coefficient[i])) return false;
  return true;
}

const kernel_access *kernel_code_access(kernel_code *code, ir_tensor *t,
                                        const ir_expr *const *position) {
  kernel_access *a = BASE_NEW(code->arena, kernel_access);
  a->tensor = t;
  a->guarded = code->guards > 0;
  a->position = BASE_NEWS(code->arena, kernel_position, t->rank + 1);
  for (int k = 0; k < t->rank; k++) {
    a->position[k].value = -1;
    if (!affine_of(code, position[k], &a->position[k].affine))
      a->position[k].value = kernel_code_value(code, position[k]);
  }
  return a;
}

static kernel_value plain(const ir_expr *e) {
  return (kernel_value){.op = e->op, .type = e->type, .arg = {-1, -1, -1}};
}

static int add_operation(kernel_code *code, const ir_expr *e) {
  kernel_value v = plain(e);
  v.n = (uint8_t)e->n;
  if (e->op == IR_CAST) v.u.to = e->u.to;
  if (e->op == IR_CALL) v.u.function = e->u.function;
  for (int i = 0; i < e->n; i++) {
    bool branch = e->op == IR_WHERE && i > 0;
    code->guards += branch;
    v.arg[i] = kernel_code_value(code, e->arg[i]);
    code->guards -= branch;
  }
  return append(code, v);
}

static int add_affine(kernel_code *code, const ir_expr *e, const ir_affine *a) {
  kernel_value v = plain(e);
  v.op = IR_INDEX;
  ir_affine *copy = BASE_NEW(code->arena, ir_affine);
  *copy = *a;
  v.u.affine = copy;
  return append(code, v);
}

static int add_value(kernel_code *code, const ir_expr *e) {
  kernel_value v = plain(e);
  ir_affine a;
  if (e->op == IR_CONST) {
    if (ir_type_real((ir_type)e->type))
      v.u.real = e->u.real;
    else
      v.u.integer = e->u.integer;
    return append(code, v);
  }
  if (e->op == IR_READ) {
    v.u.access = kernel_code_access(code, e->u.tensor, e->arg);
    return append(code, v);
  }
  if (e->op == IR_STOP) return kernel_code_value(code, e->arg[0]);
  if (e->type == IR_I64 && affine_of(code, e, &a)) return add_affine(code, e, &a);
  return add_operation(code, e);
}

int kernel_code_value(kernel_code *code, const ir_expr *e) {
  int value = found(code->known, e);
  if (value >= 0) return value;
  value = add_value(code, e);
  keep(code->known, e, value);
  return value;
}

/* What a stored tensor gives back to its readers: its value rounded to its type. */
static int as_stored(kernel_code *code, const kernel_eq *eq, int value) {
  ir_type type = eq->eq->head->type;
  if (eq->level != KERNEL_GLOBAL || type == ir_type_computed(type)) return value;
  kernel_value v = {.op = IR_CAST,
                    .type = (uint8_t)ir_type_computed(type),
                    .n = 1,
                    .arg = {value, -1, -1},
                    .u.to = type};
  return append(code, v);
}

void kernel_code_add(kernel_code *code, const kernel_eq *eq) {
  kernel_output out = {.eq = eq};
  out.value = kernel_code_value(code, eq->eq->body);
  out.access = kernel_code_access(code, eq->eq->head, eq->eq->lhs);
  if (eq->eq->nred == 0)
    keep(code->known, ir_read(code->program, eq->eq->head, eq->eq->lhs),
         as_stored(code, eq, out.value));
  BASE_PUSH(code->arena, &code->outputs, out);
}

void kernel_code_add_given(kernel_code *code, const kernel_eq *eq) {
  const ir_expr *read = ir_read(code->program, eq->eq->head, eq->eq->lhs);
  kernel_output out = {.eq = eq, .value = kernel_code_value(code, read)};
  out.access = kernel_code_access(code, eq->eq->head, eq->eq->lhs);
  keep(code->known, read, as_stored(code, eq, out.value));
  BASE_PUSH(code->arena, &code->outputs, out);
}

/* ---- printing -------------------------------------------------------------------------------- */

static void print_affine(base_text *text, const ir_affine *a) {
  ir_print_expr(text, a->constant);
  for (int i = 0; i < a->n; i++) {
    base_put(text, " + ");
    ir_print_expr(text, a->coefficient[i]);
    base_putf(text, " %s", a->index[i]->name);
  }
}

static void print_access(base_text *text, const kernel_access *a) {
  base_putf(text, "%s", a->tensor->name);
  for (int k = 0; k < a->tensor->rank; k++) {
    base_put(text, k == 0 ? " at " : ", ");
    if (a->position[k].value >= 0)
      base_putf(text, "v%d", a->position[k].value);
    else
      print_affine(text, &a->position[k].affine);
  }
}

static void print_value(base_text *text, const kernel_value *v) {
  switch (v->op) {
  case IR_CONST:
    base_put_number(text, ir_type_real((ir_type)v->type) ? v->u.real : (double)v->u.integer);
    return;
  case IR_INDEX: print_affine(text, v->u.affine); return;
  case IR_READ:
    base_put(text, v->u.access->guarded ? "guarded read " : "read ");
    print_access(text, v->u.access);
    return;
  case IR_CAST: base_putf(text, "%s v%d", ir_type_name(v->u.to), v->arg[0]); return;
  default:
    base_put(text, ir_ops[v->op].name);
    for (int i = 0; i < v->n; i++) base_putf(text, " v%d", v->arg[i]);
  }
}

void kernel_code_print(base_text *text, const kernel_code *code) {
  for (int i = 0; i < code->values.n; i++) {
    base_putf(text, "v%d = ", i);
    print_value(text, &code->values.at[i]);
    base_put(text, "\n");
  }
  for (int i = 0; i < code->outputs.n; i++) {
    print_access(text, code->outputs.at[i].access);
    base_putf(text, " %s v%d\n", ir_agg_spelling(code->outputs.at[i].eq->eq->agg),
              code->outputs.at[i].value);
  }
}
