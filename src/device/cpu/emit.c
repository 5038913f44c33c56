/* emit: linear programs to tile programs. Values of f32 are made in x, the one accumulator: what is
 * used again is spilled, leaves are read again where they are needed. What does not vary along the
 * line is made by the line program, once, and kept as a scalar. */
#include "device/cpu/emit.h"

#include <math.h>
#include <string.h>

/* ---- instructions and their operands' numbers ------------------------------------------------ */

vm_ins *emit_push(cpu_emit *e, vm_op op) {
  emit_list *list = e->out;
  BASE_PUSH(e->arena, list, ((emit_ins){.op = op}));
  return &list->at[list->n - 1].ins;
}

void emit_set(cpu_emit *e, vm_op op, int a, int b, int d, int64_t n) {
  vm_ins *i = emit_push(e, op);
  i->a = a, i->b = b, i->d = d, i->u.n = n;
}

int emit_take(cpu_emit *e, emit_spare *spare, int *count) {
  if (spare->n > 0 && !emit_in_line(e)) return spare->at[--spare->n];
  return (*count)++;
}

static void give(cpu_emit *e, emit_spare *spare, int number) { BASE_PUSH(e->arena, spare, number); }

void emit_used(cpu_emit *e, int v) {
  emit_value *p = &e->value[v];
  if (emit_in_line(e) || !p->varies || --p->left > 0) return;
  if (p->slot >= 0) give(e, &e->slots, p->slot);
  if (p->wide >= 0) give(e, &e->wides, p->wide);
  if (p->mask >= 0) give(e, &e->masks, p->mask);
  p->slot = p->wide = p->mask = -1;
}

emit_list *emit_before_line(cpu_emit *e) {
  emit_list *back = e->out;
  e->out = &e->line;
  return back;
}

int emit_constant(cpu_emit *e, float value) {
  cpu_pool *pool = &e->nest->pool;
  for (int i = 0; i < pool->constant.n && !isnan(value); i++)
    if (memcmp(&pool->constant.at[i], &value, sizeof value) == 0) return i;
  while (pool->constant.n < pool->scalars)
    BASE_PUSH(e->arena, &pool->constant, NAN); /* computed ones */
  BASE_PUSH(e->arena, &pool->constant, value);
  return pool->scalars++;
}

void emit_kept(cpu_emit *e, int v) {
  emit_value *p = &e->value[v];
  e->out->x = v;
  if (emit_in_line(e)) {
    if (p->uses < 2 || p->scalar >= 0) return;
    p->scalar = e->nest->pool.scalars++;
    emit_set(e, VM_KEEP, 0, 0, p->scalar, 0);
  } else if (p->left > 1 && p->slot < 0) {
    p->slot = emit_take(e, &e->slots, &e->nest->pool.slots);
    emit_set(e, VM_SPILL, 0, 0, p->slot, 0);
  }
}

int emit_scalar(cpu_emit *e, int v) {
  emit_value *p = &e->value[v];
  const kernel_value *k = &e->code->values.at[v];
  if (p->scalar >= 0) return p->scalar;
  if (k->op == IR_CONST) return p->scalar = emit_constant(e, (float)k->u.real);
  emit_list *back = emit_before_line(e);
  emit_x(e, v);
  if (p->scalar < 0) {
    p->scalar = e->nest->pool.scalars++;
    emit_set(e, VM_KEEP, 0, 0, p->scalar, 0);
  }
  e->out = back;
  return p->scalar;
}

/* ---- f32 values, in x ------------------------------------------------------------------------ */

/* Whether V can be the second operand as it is. */
static bool ready(cpu_emit *e, int v, emit_operand *o) {
  emit_value *p = &e->value[v];
  *o = (emit_operand){.kind = VM_SCALAR};
  if (!p->varies) {
    if (emit_in_line(e) && p->scalar < 0 && e->code->values.at[v].op != IR_CONST) return false;
    o->a = emit_scalar(e, v);
    return true;
  }
  if (p->slot >= 0) {
    *o = (emit_operand){VM_SLOT, p->slot, 0};
    return true;
  }
  emit_place *place = p->place;
  if (!place || place->step != (int64_t)ir_type_bytes(place->type) || emit_gathers(e, place))
    return false;
  o->kind = emit_kind(place->type);
  o->a = emit_place_cursor(e, place);
  o->b = place->range;
  return true;
}

static void apply(cpu_emit *e, vm_binary op, emit_operand o, int d) {
  emit_set(e, VM_OP(op, o.kind), o.a, o.b, d, 0);
  e->out->x = -1;
}

/* The operand that is not ready is made first and set aside. */
static emit_operand aside(cpu_emit *e, int v, int *slot) {
  emit_operand o;
  *slot = -1;
  if (emit_in_line(e)) return (emit_operand){VM_SCALAR, emit_scalar(e, v), 0};
  emit_x(e, v);
  if (ready(e, v, &o)) return o;
  *slot = emit_take(e, &e->slots, &e->nest->pool.slots);
  emit_set(e, VM_SPILL, 0, 0, *slot, 0);
  return (emit_operand){VM_SLOT, *slot, 0};
}

void emit_pair(cpu_emit *e, int a, int b, vm_binary op, vm_binary reversed, int d) {
  emit_operand oa, ob;
  int slot = -1;
  bool a_ready = ready(e, a, &oa), b_ready = ready(e, b, &ob), in_x = e->out->x == b && b != a;
  if (b_ready && !(in_x && a_ready)) {
    emit_x(e, a);
    apply(e, op, ob, d);
  } else if (a_ready) {
    emit_x(e, b);
    apply(e, reversed, oa, d);
  } else if (e->out->x == a && a != b) {
    oa = aside(e, a, &slot);
    emit_x(e, b);
    apply(e, reversed, oa, d);
  } else {
    ob = aside(e, b, &slot);
    emit_x(e, a);
    apply(e, op, ob, d);
  }
  if (slot >= 0) give(e, &e->slots, slot);
  emit_used(e, a);
  emit_used(e, b);
}

static bool is_constant(const cpu_emit *e, int v) { return e->code->values.at[v].op == IR_CONST; }

static double constant(const cpu_emit *e, int v) { return e->code->values.at[v].u.real; }

static void make_square(cpu_emit *e, int a) {
  emit_x(e, a);
  emit_set(e, VM_SQUARE, 0, 0, 0, 0);
  emit_used(e, a);
}

static void make_binary(cpu_emit *e, const kernel_value *v) {
  int a = v->arg[0], b = v->arg[1];
  if (is_constant(e, a) && (v->op == IR_MAXIMUM || v->op == IR_MINIMUM))
    a = v->arg[1], b = v->arg[0];
  bool tame = is_constant(e, b) && !isnan(constant(e, b));
  switch (v->op) {
  case IR_ADD: emit_pair(e, a, b, VM_ADD, VM_ADD, 0); return;
  case IR_SUB: emit_pair(e, a, b, VM_SUB, VM_RSUB, 0); return;
  case IR_MUL:
    if (a != b) {
      emit_pair(e, a, b, VM_MUL, VM_MUL, 0);
      return;
    }
    e->value[a].left--; /* both uses are one */
    make_square(e, a);
    return;
  case IR_DIV: emit_pair(e, a, b, VM_DIV, VM_RDIV, 0); return;
  case IR_MINIMUM: emit_pair(e, a, b, tame ? VM_MINN : VM_MIN, VM_RMIN, 0); return;
  default: emit_pair(e, a, b, tame ? VM_MAXN : VM_MAX, VM_RMAX, 0); return;
  }
}

/* POW and MOD take their second operand from a slot. */
static void make_slot_binary(cpu_emit *e, const kernel_value *v) {
  int a = v->arg[0], b = v->arg[1];
  if (v->op == IR_POW && is_constant(e, b) && constant(e, b) == 2) {
    make_square(e, a);
    return;
  }
  int slot = emit_take(e, &e->slots, &e->nest->pool.slots);
  emit_x(e, b);
  emit_set(e, VM_SPILL, 0, 0, slot, 0);
  emit_x(e, a);
  emit_set(e, v->op == IR_POW ? VM_POW : VM_MOD, slot, 0, 0, 0);
  give(e, &e->slots, slot);
  emit_used(e, a);
  emit_used(e, b);
}

static void make_where(cpu_emit *e, const kernel_value *v) {
  int mask = emit_mask(e, v->arg[0]);
  emit_pair(e, v->arg[1], v->arg[2], VM_SEL, VM_RSEL, mask);
  emit_used(e, v->arg[0]);
}

static void make_cast(cpu_emit *e, const kernel_value *v) {
  int a = v->arg[0];
  ir_type from = (ir_type)e->code->values.at[a].type, to = v->u.to;
  const kernel_value *k = &e->code->values.at[a];
  if (from == IR_F32) {
    emit_x(e, a);
  } else if (from == IR_BOOL) {
    emit_set(e, VM_X_OF_M, emit_mask(e, a), 0, 0, 0);
  } else if (from == IR_I64 && k->op == IR_INDEX) {
    int64_t step;
    int cursor = emit_number(e, k->u.affine, 1, 0, NULL, &step);
    emit_set(e, VM_IOTA, cursor, 0, 0, step);
  } else if (from == IR_I64) {
    emit_set(e, VM_X_OF_W, emit_wide(e, a), 0, 0, 0);
  } else {
    vm_op op = to == IR_F16 ? VM_X_OF_D_F16 : to == IR_BF16 ? VM_X_OF_D_BF16 : VM_X_OF_D;
    emit_set(e, op, emit_wide(e, a), 0, 0, 0);
  }
  if (from != IR_F64 && to == IR_F16) emit_set(e, VM_TO_F16, 0, 0, 0, 0);
  if (from != IR_F64 && to == IR_BF16) emit_set(e, VM_TO_BF16, 0, 0, 0, 0);
  emit_used(e, a);
}

static void make_read(cpu_emit *e, const emit_value *p) {
  static const vm_op apart[] = {VM_LS_F32, VM_LS_F16, VM_LS_BF16},
                     gather[] = {VM_LG_F32, VM_LG_F16, VM_LG_BF16},
                     all[] = {VM_LB_F32, VM_LB_F16, VM_LB_BF16};
  emit_place *place = p->place;
  vm_kind kind = emit_kind(place->type);
  if (emit_gathers(e, place)) {
    int mask, index = emit_index(e, place, &mask);
    emit_set(e, gather[kind], place->cursor, mask, 0, 0);
    e->out->at[e->out->n - 1].ins.e = index;
    give(e, &e->wides, index);
    give(e, &e->masks, mask);
    return;
  }
  int cursor = emit_place_cursor(e, place);
  if (emit_in_line(e))
    emit_set(e, all[kind], cursor, place->range, 0, 0);
  else
    emit_set(e, apart[kind], cursor, place->range, 0, place->step);
}

static const vm_op unary[IR_OPS] = {
    [IR_NEG] = VM_NEG,     [IR_ABS] = VM_ABS, [IR_SIGN] = VM_SIGN, [IR_FLOOR] = VM_FLOOR,
    [IR_ROUND] = VM_ROUND, [IR_EXP] = VM_EXP, [IR_LOG] = VM_LOG,   [IR_SQRT] = VM_SQRT,
    [IR_RSQRT] = VM_RSQRT, [IR_SIN] = VM_SIN, [IR_COS] = VM_COS,   [IR_TANH] = VM_TANH,
    [IR_ERF] = VM_ERF,     [IR_SIG] = VM_SIG,
};

static void make(cpu_emit *e, int v) {
  const kernel_value *k = &e->code->values.at[v];
  switch (k->op) {
  case IR_READ: make_read(e, &e->value[v]); return;
  case IR_CAST: make_cast(e, k); return;
  case IR_WHERE: make_where(e, k); return;
  case IR_POW:
  case IR_MOD: make_slot_binary(e, k); return;
  default: break;
  }
  if (k->n == 2) {
    make_binary(e, k);
    return;
  }
  emit_x(e, k->arg[0]);
  emit_set(e, unary[k->op], 0, 0, 0, 0);
  emit_used(e, k->arg[0]);
}

void emit_x(cpu_emit *e, int v) {
  emit_operand o;
  if (e->out->x == v) return;
  if (ready(e, v, &o)) {
    emit_set(e, VM_OP(VM_LD, o.kind), o.a, o.b, 0, 0);
    e->out->x = v;
    return;
  }
  make(e, v);
  emit_kept(e, v);
}

/* ---- what varies, and how often it is used --------------------------------------------------- */

static bool value_varies(cpu_emit *e, int v) {
  const kernel_value *k = &e->code->values.at[v];
  emit_value *p = &e->value[v];
  if (k->op == IR_INDEX) {
    int axis = e->pass->v;
    for (int i = 0; i < k->u.affine->n; i++)
      if (axis >= 0 && cpu_nest_axis(e->nest, k->u.affine->index[i]) == axis) return true;
    return false;
  }
  if (p->place) return p->place->step != 0 || p->place->range_varies || emit_gathers(e, p->place);
  for (int i = 0; i < k->n; i++)
    if (e->value[k->arg[i]].varies) return true;
  return false;
}

static void count_use(cpu_emit *e, int v) {
  e->value[v].uses++;
  e->value[v].left++;
}

static void survey(cpu_emit *e) {
  for (int v = 0; v < e->code->values.n; v++) {
    const kernel_value *k = &e->code->values.at[v];
    emit_value *p = &e->value[v];
    *p = (emit_value){.scalar = -1, .slot = -1, .wide = -1, .mask = -1};
    if (k->op == IR_READ) {
      p->place = BASE_NEW(e->arena, emit_place);
      emit_place_of(e, k->u.access, p->place);
      p->scalar = p->place->scalar;
      for (int i = 0; i < p->place->nstep; i++) count_use(e, p->place->steps[i].value);
    }
    p->varies = value_varies(e, v);
    for (int i = 0; i < k->n; i++) count_use(e, k->arg[i]);
  }
  for (int i = 0; i < e->code->outputs.n; i++) {
    const kernel_access *left = e->code->outputs.at[i].access;
    count_use(e, e->code->outputs.at[i].value);
    for (int k = 0; k < left->tensor->rank; k++)
      if (left->position[k].value >= 0) count_use(e, left->position[k].value);
  }
}

cpu_emit *cpu_emit_open(cpu_nest *nest, cpu_pass *pass, const kernel_code *code) {
  cpu_emit *e = BASE_NEW(nest->arena, cpu_emit);
  *e = (cpu_emit){.nest = nest, .pass = pass, .arena = nest->arena, .code = code, .wide = -1};
  e->line.x = e->tile.x = -1;
  e->out = &e->tile;
  if (!code) return e;
  e->value = BASE_NEWS(e->arena, emit_value, code->values.n + 1);
  survey(e);
  return e;
}
