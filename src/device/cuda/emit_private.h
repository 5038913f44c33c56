/* Private to emit*.c: the state of lowering one body. */
#ifndef TL_DEVICE_CUDA_EMIT_PRIVATE_H
#define TL_DEVICE_CUDA_EMIT_PRIVATE_H

#include "device/cuda/emit.h"

typedef struct lower_step { /* a position that depends on data */
  int value, position;
} lower_step;

typedef struct lower_place { /* an access: constant + sum of step[axis] index[axis] + those steps */
  ir_type type;              /* as it lies in memory */
  const char *base;          /* its address */
  const ir_expr *constant, **step;
  int64_t *many; /* step[axis], as a number */
  int nstep;
  lower_step *steps;
  uint64_t checked; /* positions that may lie outside, and are asked */
  int chunk;        /* elements that lie side by side on the vector axis and may be moved at
                       once; 0: they do not lie so */
  cuda_class class;
} lower_place;

typedef struct lower_value {
  cuda_class class;
  const char *type;   /* in C */
  double least, most; /* of integers: what it may be */
  bool quick;         /* goes to 16-bit tensors only */
  bool flush;         /* and of these to f16 only */
  int uses;
  int given;             /* ADD of 1 and a function that is quicker with it: that value + 1 */
  lower_place *place;    /* READ */
  const cuda_home *home; /* READ of a variable */
  bool done;
} lower_value;

struct cuda_emit {
  device_bind *bind;
  base_arena *arena;
  const kernel_code *code;
  cuda_args *args;
  const cuda_frame *frame;
  lower_value *value;
};

lower_place *lower_place_of(cuda_emit *e, const kernel_access *access);
/* The condition that the place is inside, in a loop of that class; NULL: always. */
const char *lower_check(cuda_emit *e, const kernel_access *access, const lower_place *p,
                        cuda_class loop);
const char *lower_place_offset(cuda_emit *e, const kernel_access *access, const lower_place *p,
                               cuda_class loop);
void lower_read(cuda_emit *e, base_text *out, int v);
/* constant + sum of the affine's terms, as C; in 64 bits, or idx. */
const char *lower_affine(cuda_emit *e, const ir_affine *a, cuda_class loop, bool wide);
cuda_class lower_affine_class(const cuda_emit *e, const ir_affine *a);
void lower_affine_range(const cuda_emit *e, const ir_affine *a, double *least, double *most);
/* "EACH(l, 8) " and so on; the name with its subscript. */
const char *lower_loop(const cuda_emit *e, cuda_class class);
const char *lower_name(const cuda_emit *e, const char *name, cuda_class class, cuda_class loop);
bool lower_has_counter(const ir_expr *e);

#endif
