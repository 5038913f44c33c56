/* The driver side of the device `cuda`: what a call costs the host, a dependent small operation
 * inside a plan, transfers of pageable and pinned memory, the first use of a kernel cold and from
 * disk. On a machine without a GPU it says so and succeeds.
 *
 *   build/release/bench_cuda */
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tensorlogic.h"

enum { RUNS = 15 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void fail(tl_context *ctx, const char *what) {
  fprintf(stderr, "%s: %s\n", what, tl_message(ctx));
  exit(1);
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *t) {
  qsort(t, RUNS, sizeof *t, by_value);
  return t[RUNS / 2];
}

static tl_tensor *random_tensor(tl_context *ctx, int64_t n) {
  float *v = malloc((size_t)n * sizeof *v);
  for (int64_t i = 0; v && i < n; i++) v[i] = (float)rand() / (float)RAND_MAX - 0.5f;
  tl_tensor *t = tl_from(ctx, TL_F32, 1, &n, v);
  free(v);
  if (!t) fail(ctx, "tl_from");
  return t;
}

/* ---- calls ----------------------------------------------------------------------------------- */

/* Seconds a call, queued one behind the other; and with the wait for the last. */
static void time_calls(tl_context *ctx, tl_function *f, tl_tensor *x, int inner, double *host,
                       double *all) {
  double h[RUNS], a[RUNS];
  float got;
  for (int r = -2; r < RUNS; r++) {
    tl_tensor *y = NULL;
    double start = now();
    for (int i = 0; i < inner; i++) {
      tl_release(y);
      if (tl_call(f, &x, &y) != TL_OK) fail(ctx, "tl_call");
    }
    double queued = now() - start;
    if (tl_read(y, &got, sizeof got) != TL_OK) fail(ctx, "tl_read");
    if (r >= 0) h[r] = queued / inner, a[r] = (now() - start) / inner;
    tl_release(y);
  }
  *host = median(h);
  *all = median(a);
}

/* Each step needs all of the one before, and is a product: nothing fuses across it. */
static char *chain(int steps) {
  char *text = malloc((size_t)steps * 64 + 64), *at = text;
  at += sprintf(at, "W : f32[32,32]\nW[i,j] = X[32 i + j]\nY0[i] = W[0,i]\n");
  for (int k = 0; k < steps; k++)
    at += sprintf(at, "Y%d[i] = 0.1 W[i,j] Y%d[j]\n", k + 1, k);
  sprintf(at, "Z = Y%d[0]\n", steps);
  return text;
}

static void calls(tl_context *ctx) {
  double host, all;
  tl_tensor *x = random_tensor(ctx, 1024);
  tl_function *one = tl_compile(ctx, "Y = X[0] + 1", (const char *const[]){"X", NULL},
                                (const char *const[]){"Y", NULL});
  if (!one) fail(ctx, "tl_compile");
  time_calls(ctx, one, x, 1000, &host, &all);
  printf("one kernel a call: %.2f us host, %.2f us in all\n", host * 1e6, all * 1e6);
  tl_function_release(one);
  enum { STEPS = 500 };
  char *text = chain(STEPS);
  tl_function *many = tl_compile(ctx, text, (const char *const[]){"X", NULL},
                                 (const char *const[]){"Z", NULL});
  if (!many) fail(ctx, "tl_compile");
  uint64_t before = tl_statistics(ctx).kernels;
  tl_tensor *y = NULL;
  if (tl_call(many, &x, &y) != TL_OK) fail(ctx, "tl_call");
  tl_release(y);
  double kernels = (double)(tl_statistics(ctx).kernels - before);
  time_calls(ctx, many, x, 20, &host, &all);
  printf("%d dependent products on 1K elements, %.0f kernels: %.2f us each, %.2f us host a call\n",
         STEPS, kernels, all / STEPS * 1e6, host * 1e6);
  free(text);
  tl_function_release(many);
  tl_release(x);
}

/* ---- transfers ------------------------------------------------------------------------------- */

/* Memory pinned by the driver itself, which is loaded already; NULL: not to be had. */
static void *pinned(size_t bytes) {
  void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL), *p = NULL;
  int (*alloc)(void **, size_t, unsigned) = NULL;
  void *found = library ? dlsym(library, "cuMemHostAlloc") : NULL;
  memcpy(&alloc, &found, sizeof found);
  return alloc && alloc(&p, bytes, 0) == 0 ? p : NULL;
}

static void transfer(tl_context *ctx, const char *kind, int64_t n, char *memory) {
  double up[RUNS], down[RUNS];
  size_t bytes = (size_t)n * 2;
  memset(memory, 1, bytes);
  tl_tensor *t = tl_from(ctx, TL_F16, 1, &n, memory);
  char byte[2];
  tl_tensor *probe = tl_from(ctx, TL_F16, 0, NULL, memory);
  for (int r = -2; r < RUNS; r++) {
    double start = now();
    if (tl_write(t, memory, bytes) != TL_OK) fail(ctx, "tl_write");
    tl_read(probe, byte, sizeof byte);   /* waits until it is there */
    double middle = now();
    if (tl_read(t, memory, bytes) != TL_OK) fail(ctx, "tl_read");
    if (r >= 0) up[r] = middle - start, down[r] = now() - middle;
  }
  double u = median(up), d = median(down);
  printf("  %-9s %9lld halves: to the GPU %8.1f us %6.2f GB/s, back %8.1f us %6.2f GB/s\n", kind,
         (long long)n, u * 1e6, (double)bytes / u / 1e9, d * 1e6, (double)bytes / d / 1e9);
  tl_release(t);
  tl_release(probe);
}

static void transfers(tl_context *ctx) {
  static const int64_t sizes[] = {1000, 100000, 1000000, 64000000};
  printf("transfers, each with the wait for its end\n");
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    char *memory = malloc((size_t)sizes[i] * 2), *fixed = pinned((size_t)sizes[i] * 2);
    if (memory) transfer(ctx, "pageable", sizes[i], memory);
    if (fixed) transfer(ctx, "pinned", sizes[i], fixed);
    free(memory);
  }
}

/* ---- first use ------------------------------------------------------------------------------- */

static const struct { const char *name, *text; } patterns[] = {
    {"map", "Y[i] = relu(0.7 X[i] + 1)"},
    {"row", "Y[i.] = softmax(X[i])"},
    {"contract", "Z : f16[64,64]\nZ[a,b] = X[64 a + b]\nY[a,b] = Z[a,k] Z[k,b]"},
};

static void first_use(const char *when) {
  for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
    tl_context *ctx = tl_open(&(tl_options){.device = "cuda"});
    int64_t n = 4096;
    tl_tensor *x = tl_from(ctx, TL_F16, 1, &n, NULL), *y = NULL;
    tl_function *f = tl_compile(ctx, patterns[i].text, (const char *const[]){"X", NULL},
                                (const char *const[]){"Y", NULL});
    double start = now();
    if (!f || tl_call(f, &x, &y) != TL_OK || tl_eval(1, &y) != TL_OK) fail(ctx, patterns[i].name);
    printf("first use of a %s, %s: %.1f ms\n", patterns[i].name, when, (now() - start) * 1e3);
    tl_close(ctx);
  }
}

int main(void) {
  double start = now();
  tl_context *ctx = tl_open(&(tl_options){.device = "cuda"});
  if (!ctx || tl_last(ctx) != TL_OK) {
    printf("SKIPPED: %s\n", ctx ? tl_message(ctx) : "out of memory");
    tl_close(ctx);
    return 0;
  }
  printf("the device opens in %.0f ms\n", (now() - start) * 1e3);
  calls(ctx);
  transfers(ctx);
  tl_cache_clear(ctx);
  first_use("cold");
  first_use("from disk");
  tl_close(ctx);
  return 0;
}
