/* emit: what becomes of values, and the programs as they are run. */
#include <math.h>
#include <string.h>

#include "device/cpu/emit.h"

/* ---- outputs --------------------------------------------------------------------------------- */

static void put(cpu_emit *e, ir_type type, int cursor, int64_t step, int wide, int mask) {
  static const vm_op side[] = {VM_ST_F32, VM_ST_F16, VM_ST_BF16},
                     apart[] = {VM_SS_F32, VM_SS_F16, VM_SS_BF16};
  vm_kind kind = emit_kind(type);
  if (step == 0) step = (int64_t)ir_type_bytes(type); /* one element */
  switch (type) {
  case IR_BOOL: emit_set(e, VM_M_STORE, cursor, 0, mask, step); return;
  case IR_I32: emit_set(e, VM_W_STORE32, cursor, 0, wide, step); return;
  case IR_I64:
  case IR_F64: emit_set(e, VM_W_STORE, cursor, 0, wide, step); return;
  default: break;
  }
  if (step == (int64_t)ir_type_bytes(type))
    emit_set(e, side[kind], cursor, 0, 0, 0);
  else
    emit_set(e, apart[kind], cursor, 0, 0, step);
}

void cpu_emit_store(cpu_emit *e, int value, ir_type type, int cursor, int64_t step) {
  int wide = -1, mask = -1;
  switch (e->code->values.at[value].type) {
  case IR_F32: emit_x(e, value); break;
  case IR_BOOL: mask = emit_mask(e, value); break;
  default: wide = emit_wide(e, value);
  }
  put(e, type, cursor, step, wide, mask);
}

/* The instruction of a family in the order sum, max, min, prod. */
static vm_op joined(vm_op sum, ir_agg agg) {
  return (vm_op)(sum + (agg == IR_MAX ? 1 : agg == IR_MIN ? 2 : agg == IR_PROD ? 3 : 0));
}

/* Truth values are reduced as integers 0 and 1: any is the largest, all the smallest. */
static ir_agg of_truth(ir_agg agg) { return agg == IR_MIN || agg == IR_PROD ? IR_MIN : IR_MAX; }

static int as_wide(cpu_emit *e, int value) {
  if (e->code->values.at[value].type != IR_BOOL) return emit_wide(e, value);
  int mask = emit_mask(e, value), wide = emit_take(e, &e->wides, &e->nest->pool.wides);
  emit_set(e, VM_W_OF_M, mask, 0, wide, 0);
  return wide;
}

bool cpu_emit_stream(const cpu_nest *nest, const vm_code *code, int cursor) {
  bool any = false;
  vm_ins *at = (vm_ins *)code->tile;
  for (; at && at->f != nest->vm->full[VM_END]; at++)
    for (int kind = 0; kind < 3 && at->a == cursor; kind++)
      if (at->f == nest->vm->full[VM_ST_F32 + kind]) {
        at->f = nest->vm->full[VM_NT_F32 + kind];
        any = true;
        break;
      }
  return any;
}

int cpu_emit_reduce(cpu_emit *e, int value, ir_agg agg) {
  ir_type type = (ir_type)e->code->values.at[value].type;
  cpu_pool *pool = &e->nest->pool;
  if (type == IR_F32) {
    int slot = pool->slots++;
    emit_x(e, value);
    emit_set(e, joined(VM_RED_SUM, agg), 0, 0, slot, 0);
    e->out->x = -1;
    return slot;
  }
  int wide = pool->wides++, from = as_wide(e, value);
  if (type == IR_BOOL) agg = of_truth(agg);
  emit_set(e, joined(type == IR_F64 ? VM_D_RED_SUM : VM_W_RED_SUM, agg), from, 0, wide, 0);
  return wide;
}

static vm_op of_type(ir_type type, vm_op real, vm_op half_wide, vm_op integer) {
  return type == IR_F32 ? real : type == IR_F64 ? half_wide : integer;
}

void cpu_emit_load_scalar(cpu_emit *e, int scalar) {
  emit_set(e, VM_OP(VM_LD, VM_SCALAR), scalar, 0, 0, 0);
}

void cpu_emit_put_scalar(cpu_emit *e, int value, int scalar) {
  if (value >= 0) emit_x(e, value);
  emit_set(e, VM_KEEP, 0, 0, scalar, 0);
}

int cpu_emit_reduce_short(cpu_emit *e, int value, ir_agg agg, int scalar) {
  if (scalar < 0) scalar = e->nest->pool.scalars++;
  emit_x(e, value);
  emit_set(e, joined(VM_FX_SUM, agg), 0, 0, 0, 0);
  emit_set(e, VM_KEEP, 0, 0, scalar, 0);
  e->out->x = -1;
  return scalar;
}

void cpu_emit_accumulate(cpu_emit *e, int value, ir_agg agg, int cursor) {
  ir_type type = (ir_type)e->code->values.at[value].type;
  int from = -1;
  if (type == IR_F32)
    emit_x(e, value);
  else
    from = as_wide(e, value);
  if (type == IR_BOOL) agg = of_truth(agg);
  emit_set(e, joined(of_type(type, VM_ACC_SUM, VM_D_ACC_SUM, VM_W_ACC_SUM), agg), cursor, 0, from,
           0);
}

void cpu_emit_scatter(cpu_emit *e, int value, ir_agg agg, const kernel_access *access) {
  ir_type type = (ir_type)e->code->values.at[value].type;
  emit_place p;
  emit_place_of(e, access, &p);
  bool side = p.step == (int64_t)ir_type_bytes(p.type) && !emit_gathers(e, &p);
  int mask, index = 0, from = -1, cursor = side ? emit_place_cursor(e, &p) : p.cursor;
  if (side)
    mask = p.range;
  else
    index = emit_index(e, &p, &mask);
  if (type == IR_F32)
    emit_x(e, value);
  else
    from = as_wide(e, value);
  if (type == IR_BOOL) agg = of_truth(agg);
  vm_op op = side ? of_type(type, VM_ACC_SUM, VM_D_ACC_SUM, VM_W_ACC_SUM)
                  : of_type(type, VM_SC_SUM, VM_D_SC_SUM, VM_W_SC_SUM);
  emit_set(e, joined(op, agg), cursor, mask, from, 0);
  e->out->at[e->out->n - 1].ins.e = index;
}

static vm_ins *assemble(cpu_emit *e, const emit_list *list, bool some) {
  vm_ins *code = BASE_NEWS(e->arena, vm_ins, list->n + 1);
  const vm_machine *vm = e->nest->vm;
  for (int i = 0; i < list->n; i++) {
    vm_op op = list->at[i].op;
    code[i] = list->at[i].ins;
    code[i].f = (some || code[i].b != 0) && vm->masked[op] ? vm->masked[op] : vm->full[op];
  }
  code[list->n].f = vm->full[VM_END];
  return code;
}

vm_code cpu_emit_close(cpu_emit *e) {
  vm_code code = {0};
  if (e->line.n > 0) code.line = assemble(e, &e->line, false);
  if (e->tile.n > 0) {
    code.tile = assemble(e, &e->tile, false);
    code.tail = assemble(e, &e->tile, true);
  }
  return code;
}

static void append(cpu_emit *e, emit_list *to, const emit_list *from) {
  for (int i = 0; i < from->n; i++) BASE_PUSH(e->arena, to, from->at[i]);
}

vm_code cpu_emit_close_all(cpu_emit *start, cpu_emit *body, cpu_emit *finish) {
  emit_list line = {0};
  append(body, &line, &start->tile);
  append(body, &line, &body->line);
  body->line = line;
  vm_code code = cpu_emit_close(body);
  if (finish->tile.n > 0) code.after = assemble(finish, &finish->tile, true);
  return code;
}

static void copy(cpu_nest *nest, emit_list *to, const vm_ins *from) {
  for (; from && from->f != nest->vm->full[VM_END]; from++)
    BASE_PUSH(nest->arena, to, ((emit_ins){.ins = *from}));
}

static void go(cpu_nest *nest, emit_list *to, int64_t i, int lanes) {
  BASE_PUSH(nest->arena, to,
            ((emit_ins){.ins = {.f = nest->vm->full[VM_GO], .d = lanes, .u.n = i}}));
}

vm_code cpu_emit_unit(cpu_nest *nest, int npass, cpu_pass *const *pass) {
  emit_list list = {0};
  for (int k = 0; k < npass; k++) {
    const vm_code *body = &pass[k]->body;
    int64_t i = 0, n = pass[k]->n;
    if (body->line) go(nest, &list, 0, VM_TILE);
    copy(nest, &list, body->line);
    for (; i + VM_TILE <= n; i += VM_TILE) {
      go(nest, &list, i, VM_TILE);
      copy(nest, &list, body->tile);
    }
    if (i < n) {
      go(nest, &list, i, (int)(n - i));
      copy(nest, &list, body->tail);
    }
    if (!body->after) continue;
    go(nest, &list, 0, 1);
    copy(nest, &list, body->after);
  }
  vm_ins *code = BASE_NEWS(nest->arena, vm_ins, list.n + 1);
  for (int i = 0; i < list.n; i++) code[i] = list.at[i].ins;
  code[list.n].f = nest->vm->full[VM_END];
  return (vm_code){.line = code};
}

/* ---- accumulators ---------------------------------------------------------------------------- */

static double neutral_real(ir_agg agg) {
  return agg == IR_MAX ? -INFINITY : agg == IR_MIN ? INFINITY : agg == IR_PROD ? 1 : 0;
}

static int64_t neutral_bits(ir_agg agg, ir_type computed) {
  int64_t bits;
  double real = neutral_real(agg);
  if (computed == IR_BOOL) return of_truth(agg) == IR_MIN;
  memcpy(&bits, &real, sizeof bits);
  if (computed == IR_F64) return bits;
  return agg == IR_MAX ? INT64_MIN : agg == IR_MIN ? INT64_MAX : agg == IR_PROD;
}

static void load_neutral(cpu_emit *e, ir_agg agg, ir_type computed, int wide) {
  if (computed == IR_F32)
    emit_set(e, VM_OP(VM_LD, VM_SCALAR), emit_constant(e, (float)neutral_real(agg)), 0, 0, 0);
  else
    emit_set(e, VM_W_SET, 0, 0, wide, neutral_bits(agg, computed));
}

void cpu_emit_neutral(cpu_emit *e, ir_agg agg, ir_type computed, int accumulator) {
  load_neutral(e, agg, computed, accumulator);
  if (computed == IR_F32) emit_set(e, VM_SPILL, 0, 0, accumulator, 0);
}

void cpu_emit_neutral_strip(cpu_emit *e, ir_agg agg, ir_type computed, int cursor) {
  int wide = computed == IR_F32 ? -1 : e->nest->pool.wides++;
  load_neutral(e, agg, computed, wide);
  put(e, computed == IR_BOOL ? IR_I64 : computed, cursor, 0, wide, -1);
}

void cpu_emit_fold(cpu_emit *e, ir_agg agg, ir_type computed, int accumulator) {
  if (computed == IR_BOOL) agg = of_truth(agg);
  vm_op first = computed == IR_F32   ? VM_FOLD_SUM
                : computed == IR_F64 ? VM_D_FOLD_SUM
                                     : VM_W_FOLD_SUM;
  if (computed != IR_F32) e->wide = e->nest->pool.wides++;
  emit_set(e, joined(first, agg), accumulator, 0, e->wide, 0);
}

void cpu_emit_load(cpu_emit *e, ir_type computed, int cursor) {
  if (computed == IR_F32) {
    emit_set(e, VM_OP(VM_LD, VM_F32), cursor, 0, 0, 0);
    return;
  }
  e->wide = e->nest->pool.wides++;
  emit_set(e, VM_W_LOAD, cursor, 0, e->wide, 8);
}

void cpu_emit_put(cpu_emit *e, ir_type computed, ir_type type, int cursor, int64_t step) {
  int mask = -1;
  if (computed == IR_BOOL && type == IR_BOOL) {
    mask = e->nest->pool.masks++;
    emit_set(e, VM_M_OF_W, e->wide, 0, mask, 0);
  }
  put(e, type, cursor, step, e->wide, mask);
}

void cpu_emit_join(cpu_emit *e, ir_agg agg, ir_type computed, int cursor) {
  if (computed == IR_BOOL) agg = of_truth(agg);
  if (computed == IR_F32)
    emit_set(e, joined(VM_ACC_SUM, agg), cursor, 0, 0, 0);
  else
    emit_set(e, joined(computed == IR_F64 ? VM_D_ACC_SUM : VM_W_ACC_SUM, agg), cursor, 0, e->wide,
             0);
}
