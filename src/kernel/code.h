/* code: the bodies of equations as a linear program. What one pass over an iteration space computes
 * for several equations, each value once, operands before their use:
 *
 *   Y[i,j] = max(X[i,j] + B[j], 0)            v0 = read X at i, j
 *                                             v1 = read B at j
 *                                             v2 = v0 + v1
 *                                             v3 = 0
 *                                             v4 = max v2 v3
 *                                             Y at i, j = v4
 *
 * Integer expressions that are affine in the indices are one value each, with their coefficients. A
 * device lowers this to its own instructions; sizes are symbols still. */
#ifndef TL_KERNEL_CODE_H
#define TL_KERNEL_CODE_H

#include "kernel/kernel.h"

typedef struct kernel_position {
  int value; /* an i64 value: a place that depends on data, or is not affine; < 0: affine */
  ir_affine affine;
} kernel_position;

typedef struct kernel_access {
  ir_tensor *tensor;
  bool guarded; /* stands below a where: positions may lie outside; nothing is read there */
  kernel_position *position; /* tensor->rank of them */
} kernel_access;

typedef struct kernel_value {
  uint8_t op;   /* ir_op; INDEX stands for any affine integer */
  uint8_t type; /* computed type */
  uint8_t n;
  int arg[3]; /* values before this one */
  union {
    double real; /* CONST */
    int64_t integer;
    const ir_affine *affine;     /* INDEX */
    const kernel_access *access; /* READ */
    ir_type to;                  /* CAST */
    const ir_function *function; /* CALL */
  } u;
} kernel_value;

typedef struct kernel_output {
  const kernel_eq *eq;
  int value;                   /* of its body */
  const kernel_access *access; /* its left side */
} kernel_output;

typedef struct kernel_code {
  base_arena *arena;
  ir_program *program;
  BASE_VEC(kernel_value) values;
  BASE_VEC(kernel_output) outputs;
  base_map *known; /* expression -> value + 1 */
  int guards;      /* wheres around what is being added */
} kernel_code;

kernel_code *kernel_code_open(base_arena *arena, ir_program *program);

/* Append the body of EQ and its output. Reads of its head at its own positions are its value from
 * here on, unless it is a reduction. */
void kernel_code_add(kernel_code *code, const kernel_eq *eq);

/* The same for an equation whose value was computed before and is read where it lies. */
void kernel_code_add_given(kernel_code *code, const kernel_eq *eq);

/* The value of one expression, and where EQ's left side or a read lies. */
int kernel_code_value(kernel_code *code, const ir_expr *e);
const kernel_access *kernel_code_access(kernel_code *code, ir_tensor *t,
                                        const ir_expr *const *position);

void kernel_code_print(base_text *text, const kernel_code *code);

#endif
