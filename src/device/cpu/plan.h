/* Private to plan.c and nest.c: how the equations of a nest are arranged. */
#ifndef TL_DEVICE_CPU_PLAN_H
#define TL_DEVICE_CPU_PLAN_H

#include "device/cpu/nest.h"

enum {
  PLAN_PASSES = 64,
  PLAN_STRIP = 2048,       /* elements of a strip where values wait in scratch */
  PLAN_SCRATCH = 64 << 20, /* bytes of scratch for a worker */
};

typedef struct plan_eq {
  const kernel_eq *eq;
  kernel_code *code;         /* it alone, to be looked at */
  uint64_t free, red, inner; /* sets of axes */
  bool given;                /* computed before */
  bool partial;              /* projects axes of the frame */
  int v;
  int pass;
} plan_eq;

typedef struct plan_pass {
  uint64_t inner, red; /* axes inside the frame; those its reductions project */
  int v;
  bool reduces, partial;
  bool along; /* accumulators are lanes of the vector axis, else memory along it */
} plan_pass;

typedef struct plan {
  cpu_nest *nest;
  int neq, npass;
  plan_eq *eq;
  plan_pass *pass;
  int v; /* of strips */
  bool scatter, tiles, rows;
  const kernel_eq *given;
} plan;

/* NULL, or why these equations do not fit. */
const char *plan_make(plan *p, const cpu_spec *spec);
cpu_home *plan_scratch(plan *p, const plan_eq *q); /* for the accumulators of Q */

#endif
