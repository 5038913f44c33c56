/* Programs from text; their schedules; and their values, computed twice: as scheduled, and
 * equation by equation without any pass but `order`. */
#ifndef TEST_SCHED_FIXTURE_H
#define TEST_SCHED_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lang/lang.h"
#include "sched/sched.h"

typedef struct fixture {
  base_ctx *ctx;
  base_arena *arena;
  lang_program *source;
  ir_program *program;       /* what is asked for, no pass run yet */
  ir_program *passed;        /* after the passes */
  sched_plan *plan;
} fixture;

int open_fixture(void **state);
int close_fixture(void **state);
#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, open_fixture, close_fixture)

/* Read TEXT; WANTED names the outputs, separated by spaces. "grad Loss X" among them, up to a
 * comma or the end, is the gradient of Loss by X and what else follows. */
void plan_text(fixture *f, const char *text, const char *wanted);
void plan_program(fixture *f, ir_program *p);        /* passes, schedule */

int kernels(const fixture *f);
int kernels_of(const fixture *f, kernel_shape shape);
const kernel *first_of(const fixture *f, kernel_shape shape);
int stored(const fixture *f); /* tensors with memory of their own: work and output */

/* Both ways give the same outputs, to TOLERANCE relative to the largest element. */
void check_values(fixture *f, double tolerance);
void show(const fixture *f);

#endif
