/* A context for every test, and a plain generator for the random ones. */
#ifndef TEST_BASE_FIXTURE_H
#define TEST_BASE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/base.h"

int open_ctx(void **state);
int close_ctx(void **state);  /* and nothing must be left in its heap */
uint64_t next_random(uint64_t *state);

#define WITH_CTX(test) cmocka_unit_test_setup_teardown(test, open_ctx, close_ctx)

/* The status raised by the statement, BASE_OK if none. */
#define STATUS_OF(ctx, status, ...)        \
  do {                                     \
    base_trap trap_;                       \
    base_clear(ctx);                       \
    if (BASE_TRY(ctx, &trap_)) {           \
      __VA_ARGS__;                         \
      base_untrap(ctx, &trap_);            \
    }                                      \
    (status) = base_last(ctx)->status;     \
  } while (0)

#endif
