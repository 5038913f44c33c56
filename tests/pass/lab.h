/* A program for every test, written in lines of text; and what it computes, element by element. */
#ifndef TEST_PASS_LAB_H
#define TEST_PASS_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pass/pass.h"

enum { LAB_SYMBOLS = 64, LAB_TENSORS = 1024 };

typedef struct lab {
  base_ctx *ctx;
  base_arena *arena;
  ir_program *p;
  int64_t symbol[LAB_SYMBOLS];  /* values by id */
  ir_value *value[LAB_TENSORS]; /* elements by tensor id, row after row */
} lab;

int open_lab(void **state);
int close_lab(void **state);
#define WITH_LAB(test) cmocka_unit_test_setup_teardown(test, open_lab, close_lab)

/* ---- notation (notation.c) ------------------------------------------------------------------- */

void size(lab *l, const char *name, int64_t value);
ir_tensor *given(lab *l, const char *declaration); /* "X : f64[B, I]"; filled with small numbers */
ir_tensor *declared(lab *l, const char *declaration); /* to be defined */

/* "Y[b,h] += X[b,i] * W[i,h]", and behind ; the extents of indices that stand bare nowhere: "; d <
 * K, x < X-K+1". The head is made if it is new, f64, with the extents of its bare positions. */
ir_tensor *eq(lab *l, const char *text);
ir_tensor *tensor(lab *l, const char *name);

const char *text_of(lab *l, const ir_tensor *t); /* its equations, a line each */
const char *text_of_all(lab *l);                 /* the program's order, or all equations */

/* ---- values (values.c) ----------------------------------------------------------------------- */

int64_t elements(lab *l, const ir_tensor *t);
void fill(lab *l, ir_tensor *t, int n, const double *value);
void compute(lab *l); /* all tensors of p, a copy of which is put in order */
double at(lab *l, const ir_tensor *t, int64_t element);
double total(lab *l, const ir_tensor *t); /* of all elements */
void assert_values(lab *l, const ir_tensor *t, int n, const double *want);
#define VALUES(l, t, ...)                                                      \
  assert_values(l, t, (int)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), \
                (double[]){__VA_ARGS__})

/* The message that the statement raises, "" if it raises nothing. */
#define MESSAGE_OF(lab, message, ...)                                                \
  do {                                                                               \
    base_trap trap_;                                                                 \
    base_clear((lab)->ctx);                                                          \
    if (BASE_TRY((lab)->ctx, &trap_)) {                                              \
      __VA_ARGS__;                                                                   \
      base_untrap((lab)->ctx, &trap_);                                               \
    }                                                                                \
    (message) = base_last((lab)->ctx)->status ? base_last((lab)->ctx)->message : ""; \
  } while (0)

#endif
