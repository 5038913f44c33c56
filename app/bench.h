/* tl bench: what this machine does, by category and size; and beside it what others do. */
#ifndef TL_APP_BENCH_H
#define TL_APP_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "options.h"

enum { BENCH_INPUTS = 6, BENCH_SIZES = 32, BENCH_PIECES = 6, BENCH_ROUNDS = 10 };

/* ---- cases (bench_cases.c) ------------------------------------------------------------------- */

/* What is measured, for any size n. Shapes are letters: n; r and c, rows of at most 1000. */
typedef struct bench_case {
  const char *category, *name;
  const char *text;   /* equations, of which the last is the result */
  const char *apart;  /* the same by operations of their own, `|` between; NULL: one */
  const char *inputs; /* "A:nn C:n" */
  double flop[4];     /* coefficients of 1, n, n^2, n^3 */
  double moved[3];    /* elements read and written at least: of 1, n, n^2 */
  const char *peer;   /* in Python, with torch, F and the inputs; NULL: none */
} bench_case;

extern const bench_case bench_cases[];
extern const int bench_ncases;
extern const char *const bench_categories[]; /* ends with NULL */
int bench_default_sizes(const char *category, int64_t *sizes);
double bench_flop(const bench_case *c, int64_t n);
double bench_bytes(const bench_case *c, int64_t n); /* of 16-bit elements */

/* ---- measuring (bench_time.c) ---------------------------------------------------------------- */

typedef struct bench_times { /* microseconds a call */
  int n;
  double at[BENCH_ROUNDS]; /* rounds, in order of size once bench_order was called */
  double first;            /* of the first call: planning and compiling */
} bench_times;

void bench_order(bench_times *t);
double bench_median(const bench_times *t);
double bench_mean(const bench_times *t);

typedef struct bench_input {
  char name[16];
  int rank;
  int64_t size[3];
  size_t bytes;
  void *data; /* f16, about normal */
} bench_input;

int bench_inputs(const bench_case *c, int64_t n, bench_input *input); /* how many; -1: no memory */
void bench_free_inputs(int n, bench_input *input);

typedef struct bench_job bench_job; /* functions compiled for a case, and their arguments */
/* TEXT's pieces, `|` between, each a function of its own; COPIES of them in each function, on
 * inputs of their own. NULL on error. */
bench_job *bench_job_new(tl_context *ctx, const char *text, int copies, int n,
                         const bench_input *input);
void bench_job_free(bench_job *j);
tl_status bench_run(bench_job *j); /* once; waits */
tl_status bench_rounds(bench_job *j, int rounds, bench_times *t);
tl_status bench_result(bench_job *j, void *to, size_t bytes);
size_t bench_result_bytes(const bench_job *j);

/* Microseconds of a copy of all of T from, or to, DATA. */
tl_status bench_transfer(tl_tensor *t, void *data, size_t bytes, bool there, double *us);

/* Largest difference of the case's result on CTX and on REF at a small size, relative to the
 * largest element; -1: the calls failed. */
double bench_difference(tl_context *ctx, tl_context *ref, const bench_case *c);

/* ---- peers (bench_peer.c) -------------------------------------------------------------------- */

typedef struct bench_peer bench_peer;
typedef struct bench_answer {
  double call, plan, compiled; /* microseconds; 0: not measured */
  double difference;           /* of its result from ours; -1: not compared */
} bench_answer;

/* A process that measures with PyTorch; NULL and the reason in WHY. */
bench_peer *bench_peer_open(const char *folder, const char *device, int threads, const char **why);
const char *bench_peer_name(const bench_peer *p); /* "PyTorch 2.11.0, ..." */
int bench_peer_ask(bench_peer *p, const bench_case *c, int copies, int n, const bench_input *input,
                   const void *result, size_t bytes, bench_answer *answer);
void bench_peer_close(bench_peer *p);

/* ---- the command (bench.c) ------------------------------------------------------------------- */

int bench_command(tl_context *ctx, const options *o);

#endif
