/* Random programs: leaves, heads of any type over them, the numbers of the leaves. The same seed,
 * the same program. */
#ifndef TEST_CARRY_GENERATE_H
#define TEST_CARRY_GENERATE_H

#include "base/base.h"
#include "ir/ir.h"

enum { MADE_TENSORS = 32, MADE_RANK = 3 };

typedef struct made_tensor {
  const char *name;
  ir_type type;
  int rank;
  int64_t size[MADE_RANK];
  int64_t count;
  bool leaf;
  double *value; /* of a leaf */
} made_tensor;

typedef struct made {
  const char *text;
  int n;
  made_tensor tensor[MADE_TENSORS];
  const char *wanted; /* heads, separated by spaces */
  double tolerance;   /* of the largest element: for the coarsest type in it */
} made;

made make_program(base_arena *arena, uint64_t seed);

#endif
