/* Contexts on the device `cuda`, and the emulated GPU's ways to fail. On a machine with a GPU the
 * same tests run on it; those that need failures on purpose are skipped there. */
#ifndef TEST_DEVICE_CUDA_FIXTURE_H
#define TEST_DEVICE_CUDA_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tensorlogic.h"

typedef struct counts {          /* what the context's hooks saw */
  long blocks, bytes, asked;
  long fails_at;                 /* the allocation of this number fails; 0: none */
} counts;

tl_context *gpu_try(counts *c, const char *device);      /* its first error may be set */
tl_context *gpu_open(counts *c, const char *device);     /* without error; skips if there is none */
void gpu_close(tl_context *ctx, const counts *c);        /* nothing may be left */
/* The first error is STATUS and its message holds WORDS; it is cleared. */
void gpu_error(tl_context *ctx, tl_status status, const char *words);

/* The emulator's, by name; skips the test where the GPU is real. */
void gpu_need_emulator(void);
void gpu_fail(const char *name, int after, int code);
uint64_t gpu_calls(const char *name);                    /* since the test began */
void gpu_memory(size_t bytes);
void gpu_option(const char *name, const char *value);
void gpu_recover(void);

void *gpu_stream(void);          /* of the primary context, as a caller makes it; NULL: no GPU */
void gpu_stream_drop(void *stream);

int gpu_setup(void **state);     /* an empty folder for compiled kernels, a GPU that works */
int gpu_teardown(void **state);
#define GPU_TEST(test) cmocka_unit_test_setup_teardown(test, gpu_setup, gpu_teardown)

#define SIZES(...) ((const int64_t[]){__VA_ARGS__})
#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})
tl_tensor *gpu_f32(tl_context *ctx, int64_t n, float first);   /* first, first + 1, ... */
void gpu_expect(tl_tensor *t, int n, const double *want);      /* f32 elements */
#define EXPECT(t, ...)                                                                           \
  gpu_expect(t, (int)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), (double[]){__VA_ARGS__})

#endif
