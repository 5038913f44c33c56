/* Private to src/device/ref: a prepared kernel, and its run. */
#ifndef TL_DEVICE_REF_H
#define TL_DEVICE_REF_H

#include "device/device.h"

typedef struct ref_tensor {   /* by tensor id; stride NULL: not touched by this kernel */
  ir_type type;               /* as it lies in memory */
  int64_t *stride, *size, count;
  void *inner;                /* its memory if it lives inside the kernel, else NULL */
} ref_tensor;

typedef struct ref_job {      /* one equation */
  const ir_eq *eq;
  int n;                      /* free indices, then reduced ones */
  int *index;                 /* their ids */
  int64_t *extent;
  bool scatter;
  ir_value *sum;              /* accumulators: one, or one for each element of a scatter's head */
} ref_job;

typedef struct ref_launch {
  device_launch head;
  const kernel *kernel;
  int ntensor, njob;
  ref_tensor *tensor;
  ref_job *job;
  void *const *data;          /* of this run */
  const int64_t *symbols;
  int64_t *at;                /* value of each index, by id */
  ir_value *value;            /* value of each node at this point, by id, if stamp says so */
  uint64_t *stamp, now;
} ref_launch;

void ref_run(device_launch *self, void *const *data, const int64_t *symbols);

#endif
