/* sched: equations into groups, groups into kernels, tensors into memory. Takes a program that went
 * through the passes (its order is filled) and gives the schedule that is run. */
#ifndef TL_SCHED_H
#define TL_SCHED_H

#include "kernel/kernel.h"
#include "pass/pass.h"

typedef struct sched_loop sched_loop;
typedef struct sched_step {       /* a kernel or a loop */
  kernel *kernel;                 /* NULL: loop */
  sched_loop *loop;
  const ir_expr *from, *to;       /* inside a loop: run while from <= counter < to; NULL: always */
} sched_step;
typedef struct sched_block {
  const ir_symbol *counter;       /* of the loop whose body this is; NULL: the outermost */
  BASE_VEC(sched_step) steps;
} sched_block;
struct sched_loop {
  const ir_symbol *counter;
  const ir_expr *from, *to;
  bool down;
  ir_tensor *until;               /* as in ir_loop */
  const ir_expr *at;
  bool whole;
  sched_block body;
};

/* How a tensor gets memory. Times count kernels in order; a loop's tensors live as long as the
 * loop if they are read in a later iteration or outside. */
typedef enum sched_place {
  SCHED_NONE,        /* never in memory: lives inside one kernel */
  SCHED_GIVEN,       /* an input or a state: its buffer is there */
  SCHED_OUTPUT,      /* its own buffer, which outlives the run: outputs, and what is committed, but
                        for what is written in place */
  SCHED_WORK,        /* part of the run's work space, from first to last */
  SCHED_OVER,        /* in the buffer of `over`: a state committed in place, or a dying operand */
} sched_place;
typedef struct sched_memory {
  sched_place place;
  int first, last;   /* WORK: live in [first, last] */
  ir_tensor *over;
  bool zero;         /* its equations may leave gaps: to be zeroed before the first write */
} sched_memory;

typedef struct sched_plan {
  ir_program *program;
  int nkernel; kernel **kernel;   /* all, by id */
  sched_block body;
  sched_memory *memory;           /* by tensor id */
} sched_plan;

sched_plan *sched_make(ir_program *p);

/* Offsets of the WORK tensors for given symbols, 64-byte aligned, lifetimes that overlap apart.
 * Returns the bytes in all. */
int64_t sched_layout(const sched_plan *plan, const int64_t *symbols, int64_t *offset);
int64_t sched_tensor_bytes(const ir_tensor *t, const int64_t *symbols);

void sched_print(base_text *text, const sched_plan *plan);

#endif
