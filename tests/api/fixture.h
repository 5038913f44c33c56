/* Shared by the tests of the C API: contexts that count their memory. */
#ifndef TESTS_API_FIXTURE_H
#define TESTS_API_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <tensorlogic_ops.h>

/* What a context's hooks saw. */
typedef struct counts {
  long blocks, bytes, asked;     /* in use, in use, allocations so far */
  long fails_at;                 /* the allocation of this number fails; 0: none */
} counts;

void *fixture_alloc(void *user, size_t bytes);
tl_options fixture_options(counts *c, const char *device);
tl_context *fixture_open(counts *c);                     /* on ref */
void fixture_close(tl_context *ctx, const counts *c);    /* nothing may be left */

#define SIZES(...) ((const int64_t[]){__VA_ARGS__})
#define ARGS(...) ((const tl_arg[]){__VA_ARGS__, {0}})
#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})
tl_tensor *fixture_f32(tl_context *ctx, int rank, const int64_t *size, const float *data);
void fixture_expect(tl_tensor *t, int n, const double *want);            /* f32 elements */
#define EXPECT(t, ...)                                                                           \
  fixture_expect(t, (int)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)),                     \
                 (double[]){__VA_ARGS__})

/* The first error is STATUS and its message holds WORDS; it is cleared. */
void fixture_error(tl_context *ctx, tl_status status, const char *words);

#endif
