/* type: the storage types and how values of two types meet. */
#include <assert.h>

#include "ir/private.h"

static const struct {
  const char *name;
  size_t bytes;
  ir_type computed;
  bool real;
} types[IR_TYPES] = {
    [IR_F16] = {"f16", 2, IR_F32, true},   [IR_BF16] = {"bf16", 2, IR_F32, true},
    [IR_F32] = {"f32", 4, IR_F32, true},   [IR_F64] = {"f64", 8, IR_F64, true},
    [IR_I32] = {"i32", 4, IR_I64, false},  [IR_I64] = {"i64", 8, IR_I64, false},
    [IR_BOOL] = {"bool", 1, IR_BOOL, false},
};

const char *ir_type_name(ir_type type) { return types[type].name; }
size_t ir_type_bytes(ir_type type) { return types[type].bytes; }
ir_type ir_type_computed(ir_type type) { return types[type].computed; }
bool ir_type_real(ir_type type) { return types[type].real; }

/* bool < i64 < f32 < f64 */
static int rank(ir_type type) {
  switch (type) {
    case IR_BOOL: return 0;
    case IR_I64: return 1;
    case IR_F32: return 2;
    default: assert(type == IR_F64); return 3;
  }
}

ir_type ir_type_promote(ir_type a, ir_type b) { return rank(a) >= rank(b) ? a : b; }

const ir_op_info ir_ops[IR_OPS] = {
#define IR_OP(name, spelling, arity, rule, cost, semantics) \
  {#name, spelling, arity, IR_##rule, cost},
#include "ir/ops.def"
};
