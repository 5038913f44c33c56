/* What the tests of io share: a context, an arena, an empty folder, files in it, errors. */
#ifndef TL_TEST_IO_FIXTURE_H
#define TL_TEST_IO_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "io/io.h"
#include "ir/ir.h"

#define DATA "tests/io/data/"  /* the tests run in the root of the source */

typedef struct fixture {
  base_ctx *ctx;
  base_arena *arena;
  char folder[32];
} fixture;

int open_fixture(void **state);
int close_fixture(void **state);  /* fails if memory or a mapping is left, or a temporary file */
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

const char *path_to(fixture *f, const char *name);                       /* in the folder */
const char *file_of(fixture *f, const char *name, const void *bytes, size_t n);  /* its path */
#define FILE_OF(f, name, text) file_of(f, name, text, sizeof(text) - 1)
/* A file's bytes; *N its size. */
char *bytes_of(fixture *f, const char *path, size_t *n);

/* STATEMENT must raise just this; in TEXT the folder is left out of paths. */
#define RAISES(f, status, text, statement)                        \
  do {                                                            \
    base_trap trap_;                                              \
    if (BASE_TRY((f)->ctx, &trap_)) {                             \
      statement;                                                  \
      base_untrap((f)->ctx, &trap_);                              \
      fail_msg("nothing raised, expected: %s", text);             \
    }                                                             \
    check_raised(f, status, text);                                \
  } while (0)
void check_raised(fixture *f, base_status status, const char *text);
/* Reading the file must raise just this BASE_IO. */
void refuses(fixture *f, const char *path, const char *text);
/* Reading the file as it is must raise some BASE_IO. */
void refuses_somehow(fixture *f, const char *path);

/* The array has this type, shape and these elements, given as an array of its element type. */
#define CHECK(array, type, shape, ...) \
  check_array(array, type, shape, &(__VA_ARGS__), sizeof(__VA_ARGS__))
void check_array(const io_array *array, int type, const char *shape, const void *data,
                 size_t bytes);
const io_array *only(const io_set *set);  /* its single array */

#endif
