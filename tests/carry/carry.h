/* Programs as they are written, carried all the way: checked, planned, run on a device. Then their
 * schedule and their values can be asked for. Heads are f64 unless declared. Leaves hold what `set`
 * gave them, else numbers that follow from their names. */
#ifndef TEST_CARRY_H
#define TEST_CARRY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lang/lang.h"
#include "run/run.h"

enum { CARRY_TENSORS = 128 };

typedef struct carry {
  base_ctx *ctx;
  base_arena *arena;
  run_session *session;
  lang_program *source;         /* after `load` */
  ir_program *p;                /* what is run; its outputs are what was wanted */
  base_map *name, *data, *size; /* what p's tensors are called; what was set; of symbols */
  const char *leaf_name[CARRY_TENSORS], *out_name[CARRY_TENSORS];
  run_plan *plan;
  run_value *leaf[CARRY_TENSORS], *out[CARRY_TENSORS];
} carry;

/* FORCE: an implementation that is taken where it serves; NULL. */
carry *open_carry(const char *device, const char *force);
/* "cpu", or what TL_TEST_DEVICE names instead: so the same tests serve another device. */
const char *carry_device(void);
int open_on_ref(void **state);
int open_on_cpu(void **state); /* on carry_device() */
int close_carry(void **state);
#define ON_REF(test) \
  { #test " (ref)", test, open_on_ref, close_carry, NULL }
#define ON_CPU(test) \
  { #test " (cpu)", test, open_on_cpu, close_carry, NULL }
#define ON_BOTH(test) ON_REF(test), ON_CPU(test)

/* ---- programs -------------------------------------------------------------------------------- */

void load(carry *c, const char *text);
/* Equations over leaves whose sizes may be symbols: LEAVES "X f32 B 7, W f32 7 5, N i64 B". */
void load_sized(carry *c, const char *leaves, const char *text, const char *wanted);
void sized(carry *c, const char *symbol, int64_t value);
/* A program made by the IR's builders: its outputs and leaves go by their names. */
void load_ir(carry *c, ir_program *p);

void set(carry *c, const char *leaf, int n, const double *value);
/* Plan and run. WANTED: names, separated by spaces; NULL: the outputs of what was loaded sized or
 * from IR. */
void run(carry *c, const char *wanted);
void again(carry *c);  /* the same plan, asked for anew, with the leaves as now set */
void forget(carry *c); /* leaves get new values when next run: states start again */
const char *refusal(carry *c, const char *wanted); /* the message that running raises; "" */

/* ---- questions ------------------------------------------------------------------------------- */

int kernels(const carry *c);
int kernels_of(const carry *c, kernel_shape shape);
int equations_of(const carry *c, int kernel); /* fused into one kernel */
int64_t peak(const carry *c);                 /* planned bytes of work space */
void show(const carry *c);                    /* the schedule, to standard output */

int count(const carry *c, const char *name); /* elements of an output */
double element(const carry *c, const char *name, int i);
const double *values(const carry *c, const char *name); /* of an output or a leaf, now */
void shape_is(const carry *c, const char *name, int rank, const int64_t *size);
#define SHAPE(c, name, ...)                                                    \
  shape_is(c, name, (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), \
           (int64_t[]){__VA_ARGS__})

/* Equal within TOLERANCE of the largest element; nan and inf alike. */
void close_to(const char *what, int n, const double *got, const double *want, double tolerance);
/* GRADIENT, an output, is the derivative of output LOSS by leaf WRT, f64 all: by differences of the
 * fourth order, 1e-6 relative. At most SAMPLES elements are looked at, spread over the leaf. */
void is_derivative(carry *c, const char *loss, const char *wrt, const char *gradient);

#endif
