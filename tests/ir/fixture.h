/* A program for every test, and short names for the builders. */
#ifndef TEST_IR_FIXTURE_H
#define TEST_IR_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ir/ir.h"

typedef struct lab {
  base_ctx *ctx;
  base_arena *arena;
  ir_program *p;
} lab;

int open_lab(void **state);
int close_lab(void **state);

#define WITH_LAB(test) cmocka_unit_test_setup_teardown(test, open_lab, close_lab)
#define EXPRS(...) ((const ir_expr *[]){__VA_ARGS__})

const ir_expr *size_at_least(ir_program *p, const char *name, int64_t least);
const ir_expr *size_of(ir_program *p, const char *name);
const ir_expr *over(ir_program *p, const char *name, const ir_expr *extent);   /* a fresh index */
ir_tensor *input(ir_program *p, const char *name, int rank, const ir_expr *const *size);
ir_tensor *derived(ir_program *p, const char *name, int rank, const ir_expr *const *size);

const ir_expr *add(const ir_expr *a, const ir_expr *b);
const ir_expr *sub(const ir_expr *a, const ir_expr *b);
const ir_expr *mul(const ir_expr *a, const ir_expr *b);
const ir_expr *quo(const ir_expr *a, const ir_expr *b);
const ir_expr *mod(const ir_expr *a, const ir_expr *b);
const ir_expr *number(ir_program *p, int64_t value);
const ir_expr *real(ir_program *p, double value);

const char *text_of(const ir_expr *e);
const char *text_of_eq(const ir_eq *eq);
const char *text_of_program(const ir_program *p);
uint64_t next_random(uint64_t *state);

/* What ir_verify raises, "" if nothing. */
const char *verify_message(lab *l, const char *after);

#endif
