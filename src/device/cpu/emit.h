/* Private to emit*.c: the state of lowering one program. */
#ifndef TL_DEVICE_CPU_EMIT_H
#define TL_DEVICE_CPU_EMIT_H

#include "device/cpu/nest.h"

typedef struct emit_ins {
  vm_op op;
  vm_ins ins;
} emit_ins;

typedef struct emit_list {
  emit_ins *at;
  int n, cap;
  int x; /* the value that x holds; -1: none */
} emit_list;

typedef struct emit_step { /* a position that depends on data */
  int value;
  int64_t size, stride; /* stride in elements */
} emit_step;

typedef struct emit_place { /* an access as addresses */
  int cursor;
  int scalar;   /* it is one of the worker's scalars; -1: not */
  ir_type type; /* of the elements in memory */
  int64_t step; /* bytes along the vector axis */
  int range;    /* where its affine positions are inside; 0: everywhere */
  bool range_varies;
  int nstep;
  emit_step *steps;
} emit_place;

typedef struct emit_value {
  bool varies; /* along the vector axis */
  int uses, left;
  int scalar, slot, wide, mask; /* where it is kept, -1: not */
  emit_place *place;            /* READ */
} emit_value;

typedef struct emit_spare { /* numbers given back */
  int *at;
  int n, cap;
} emit_spare;

struct cpu_emit {
  cpu_nest *nest;
  cpu_pass *pass;
  base_arena *arena;
  const kernel_code *code;
  emit_value *value;
  emit_list line, tile, *out;
  emit_spare slots, wides, masks;
  int wide; /* the slot that fold and load left */
};

typedef struct emit_operand {
  vm_kind kind;
  int a, b;
} emit_operand;

static inline vm_kind emit_kind(ir_type type) {
  return type == IR_F16 ? VM_F16 : type == IR_BF16 ? VM_BF16 : VM_F32;
}
static inline bool emit_in_line(const cpu_emit *e) { return e->out == &e->line; }

vm_ins *emit_push(cpu_emit *e, vm_op op); /* an instruction, to be filled */
void emit_set(cpu_emit *e, vm_op op, int a, int b, int d, int64_t n);
int emit_take(cpu_emit *e, emit_spare *spare, int *count);
void emit_used(cpu_emit *e, int v); /* one use of v is done */
void emit_kept(cpu_emit *e, int v); /* v is in x: keep it if it is used again */
emit_list *emit_before_line(
    cpu_emit *e); /* switch to the line program; returns what to go back to */

void emit_x(cpu_emit *e, int v); /* x = v */
void emit_pair(cpu_emit *e, int a, int b, vm_binary op, vm_binary reversed, int d);
int emit_scalar(cpu_emit *e, int v); /* of an f32 value that does not vary */
int emit_constant(cpu_emit *e, float value);
int emit_wide(cpu_emit *e, int v); /* the slot of an i64 or f64 value */
int emit_mask(cpu_emit *e, int v);
void emit_place_of(cpu_emit *e, const kernel_access *access, emit_place *p);
int emit_index(cpu_emit *e, const emit_place *p,
               int *mask); /* the wide slot of a gather's offsets, in elements */
int emit_place_cursor(cpu_emit *e, emit_place *p); /* after the steps that do not vary */
bool emit_gathers(const cpu_emit *e, const emit_place *p);

/* A cursor that is scale (a - less) + add, and its step along the vector axis. LESS may be NULL. */
int emit_number(cpu_emit *e, const ir_affine *a, int64_t scale, int64_t add, const ir_affine *less,
                int64_t *step);
int emit_new_range(cpu_emit *e); /* everything, until narrowed */

#endif
