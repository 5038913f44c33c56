/* run: tensors with values, and programs run on them. A program is compiled once into a plan, found
 * again by its structure; a plan is bound once for given sizes; a bound plan is run with nothing
 * left to decide. */
#ifndef TL_RUN_H
#define TL_RUN_H

#include "device/device.h"
#include "sched/sched.h"

enum { RUN_RANK = 16 };          /* positions a tensor may have at most */

/* ---- session: a device, its pool, the plans made so far. One thread at a time. ---- */

typedef struct run_session run_session;

typedef struct run_config {
  const char *device;            /* "cpu" (NULL: this), "cuda", "cuda:1", "ref", "auto" */
  int cuda_device;               /* which GPU, from 0 */
  void *cuda_stream;             /* a CUstream of the caller's; NULL: one of its own */
  int threads;                   /* <= 0: all */
  int plans;                     /* kept at most, least recently used out; <= 0: 256 */
  bool prefer_gpu;               /* of `auto`, whatever the cost (tests) */
  bool verify;                   /* the IR between passes */
  /* name of an implementation that is taken where it serves (tests); NULL */
  const char *force;
  void (*dump)(void *user, const char *name, const ir_program *p, double seconds);
  void *user;
} run_config;

/* raises; BASE_DEVICE for an unknown device */
run_session *run_open(base_ctx *ctx, const run_config *config);
/* every value must have been released */
void run_close(run_session *s);
base_ctx *run_ctx(const run_session *s);
device *run_device(const run_session *s);

typedef struct run_stats {
  uint64_t plans_made, plans_found, bindings_made, runs, kernels;
} run_stats;
device_pool_stats run_pool_statistics(const run_session *s);   /* of all its devices */
void run_shrink(run_session *s, size_t keep_bytes);
run_stats run_statistics(const run_session *s);

/* ---- values: row-major, contiguous, reference-counted ---- */

typedef struct run_value {
  run_session *session;
  int refs;
  ir_type type;
  int rank;
  int64_t size[RUN_RANK];
  int64_t count;                 /* elements */
  device_buffer *buffer;
} run_value;

/* NULL data: zeros */
run_value *run_value_new(run_session *s, ir_type type, int rank, const int64_t *size,
                         const void *data);
/* another value on the same buffer: what is committed to one leaves the other */
run_value *run_value_share(const run_value *v);
run_value *run_retain(run_value *v);
void run_release(run_value *v);                      /* NULL is fine */
size_t run_value_bytes(const run_value *v);
void run_value_read(const run_value *v, void *to);   /* run_value_bytes(v) bytes */
void run_value_write(run_value *v, const void *from);
/* N elements from number FIRST on, as double, in the arena */
double *run_value_part(base_arena *arena, const run_value *v, int64_t first, int64_t n);
double run_value_at(const run_value *v, int64_t i);  /* one element as double */

/* ---- plans ---- */

typedef struct run_plan run_plan;

/* The plan of P: found by P's structure, or made. P is not kept. Retained for the caller. */
run_plan *run_plan_of(run_session *s, const ir_program *p);
void run_plan_release(run_plan *plan);
const sched_plan *run_plan_schedule(const run_plan *plan);

/* The number of leaves (inputs and states) and outputs; leaf[i] is the i-th non-derived tensor of
 * the program in the order of ids. Sizes are taken from the leaves. Values of states are replaced
 * where the program commits. output[i] are new references. On error nothing was committed. */
int run_plan_leaves(const run_plan *plan);
int run_plan_outputs(const run_plan *plan);
void run_plan_execute(run_plan *plan, run_value *const *leaf, run_value **output);

/* Sizes known: what `explain` shows. One line a kernel with implementation, FLOP, bytes; and why
 * others declined. */
typedef struct run_kernel_report {
  const kernel *kernel;
  const char *impl;
  double flop, bytes;
  int ndeclined;
  const char *declined[8], *why[8];
} run_kernel_report;
/* returns the number of kernels; report may be NULL */
int run_plan_report(run_plan *plan, run_value *const *leaf, run_kernel_report *report,
                    int64_t *peak_bytes);

/* Of `auto`: where the plan runs, and what it was thought to cost. false: there is no choice. */
typedef struct run_choice {
  const char *device;
  double cpu_seconds, gpu_seconds;
} run_choice;
bool run_plan_choice(run_plan *plan, run_value *const *leaf, run_choice *choice);

#endif
