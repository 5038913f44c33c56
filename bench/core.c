/* What the library reaches on this machine, through its public header: products against OpenBLAS
 * (f32), chains and rows against the machine's own triad, the cost of a small operation. Random
 * data, results verified before a time is printed, the median of several runs, peer and ours in
 * turn.
 *
 *   ./run bench core [THREADS]      (default: 1, then all) */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/half.h"
#include "tensorlogic_ops.h"
#ifdef BENCH_OPENBLAS
#include <cblas.h>
void openblas_set_num_threads(int threads);
#endif

enum { RUNS = 9, LARGE = 16 << 20 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *t, int n) {
  qsort(t, (size_t)n, sizeof *t, by_value);
  return t[n / 2];
}

static void fail(tl_context *ctx, const char *what) {
  fprintf(stderr, "%s: %s\n", what, tl_message(ctx));
  exit(1);
}

static float *normal_values(int64_t n) {
  float *v = malloc((size_t)n * sizeof *v);
  for (int64_t i = 0; v && i < n; i++) {
    float sum = -6;
    for (int k = 0; k < 12; k++) sum += (float)rand() / (float)RAND_MAX;
    v[i] = sum;
  }
  return v;
}

static tl_tensor *tensor(tl_context *ctx, tl_type type, int rank, const int64_t *size,
                         const float *v) {
  int64_t n = 1;
  for (int k = 0; k < rank; k++) n *= size[k];
  uint16_t *half = type == TL_F16 ? malloc((size_t)n * 2 + 2) : NULL;
  for (int64_t i = 0; half && i < n; i++) half[i] = base_f32_to_f16(v[i]);
  tl_tensor *t = tl_from(ctx, type, rank, size, half ? (const void *)half : v);
  free(half);
  if (!t) fail(ctx, "tl_from");
  return t;
}

/* ---- timing a compiled function -------------------------------------------------------------- */

typedef struct job {
  tl_context *ctx;
  tl_function *f;
  tl_tensor *arg[4];
} job;

static job compiled(tl_context *ctx, const char *text, int n, tl_tensor *const *arg,
                    const char *const *names) {
  job j = {.ctx = ctx, .f = tl_compile(ctx, text, names, (const char *const[]){"Y", NULL})};
  if (!j.f) fail(ctx, text);
  for (int i = 0; i < n; i++) j.arg[i] = arg[i];
  return j;
}

static tl_tensor *call(const job *j) {
  tl_tensor *y = NULL;
  if (tl_call(j->f, j->arg, &y) != TL_OK) fail(j->ctx, "tl_call");
  return y;
}

static double seconds(const job *j, int inner) {
  double t[RUNS];
  for (int r = 0; r < RUNS; r++) {
    double start = now();
    for (int i = 0; i < inner; i++) tl_release(call(j));
    t[r] = (now() - start) / inner;
  }
  return median(t, RUNS);
}

static double element(const job *j, int64_t i) {
  tl_tensor *y = call(j);
  int64_t n = tl_count(y);
  size_t width = tl_type_bytes(tl_tensor_type(y));
  char *bytes = malloc((size_t)n * width);
  if (!bytes || tl_read(y, bytes, (size_t)n * width) != TL_OK) fail(j->ctx, "tl_read");
  double v =
      width == 2 ? base_f16_to_f32(((uint16_t *)(void *)bytes)[i]) : ((float *)(void *)bytes)[i];
  free(bytes);
  tl_release(y);
  return v;
}

static void verify(const char *what, double got, double want, double tolerance) {
  if (fabs(got - want) <= tolerance * (1 + fabs(want))) return;
  fprintf(stderr, "%s: got %g, want %g\n", what, got, want);
  exit(1);
}

/* ---- products -------------------------------------------------------------------------------- */

static double peer_product(int n, const float *a, const float *b, int threads, int inner) {
#ifdef BENCH_OPENBLAS
  double t[RUNS];
  float *c = malloc((size_t)n * (size_t)n * sizeof *c);
  openblas_set_num_threads(threads);
  for (int r = -1; r < RUNS; r++) {
    double start = now();
    for (int i = 0; i < inner; i++)
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, n, n, n, 1, a, n, b, n, 0, c, n);
    if (r >= 0) t[r] = (now() - start) / inner;
  }
  free(c);
  nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL); /* its threads spin on for a while */
  return median(t, RUNS);
#else
  (void)n, (void)a, (void)b, (void)threads, (void)inner;
  return NAN;
#endif
}

static const struct { const char *name, *text; tl_type type; } forms[] = {
    {"f32", "Y[i,j] = A[i,k] B[k,j]", TL_F32},
    {"f16", "Y[i,j] = A[i,k] B[k,j]", TL_F16},
    {"f16 + C, relu", "Y[i,j] = relu(A[i,k] B[k,j] + C[j])", TL_F16},
    {"f16 + C, gelu", "Y[i,j] = gelu(A[i,k] B[k,j] + C[j], tanh)", TL_F16},
};

/* GFLOP/s of one form of a product of N by N matrices A and B. */
static double product(tl_context *ctx, int form, int n, const float *a, const float *b, int inner) {
  int64_t size[2] = {n, n};
  tl_type type = forms[form].type;
  tl_tensor *arg[3] = {tensor(ctx, type, 2, size, a), tensor(ctx, type, 2, size, b),
                       tensor(ctx, type, 1, size, b)};
  job j = compiled(ctx, forms[form].text, form < 2 ? 2 : 3, arg,
                   (const char *const[]){"A", "B", form < 2 ? NULL : "C", NULL});
  double want = 0;
  for (int k = 0; k < n; k++) want += (double)a[3 * n + k] * b[k * n + 5];
  if (form < 2)
    verify(forms[form].text, element(&j, 3 * n + 5), want, type == TL_F32 ? 1e-4 : 2e-2);
  double rate = 2.0 * n * n * n / seconds(&j, inner) / 1e9;
  tl_function_release(j.f);
  for (int i = 0; i < 3; i++) tl_release(arg[i]);
  return rate;
}

static void products(tl_context *ctx, int threads) {
  printf("products, GFLOP/s and ratio to OpenBLAS f32 (%d thread%s)\n  N        OpenBLAS", threads,
         threads > 1 ? "s" : "");
  for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) printf(" %15s     ", forms[f].name);
  printf("\n");
  for (int n = 64; n <= 2048; n *= 2) {
    float *a = normal_values((int64_t)n * n), *b = normal_values((int64_t)n * n);
    int inner = n <= 128 ? 200 : n <= 256 ? 40 : n <= 1024 ? 4 : 1;
    double peer = 2.0 * n * n * n / peer_product(n, a, b, threads, inner) / 1e9;
    printf("  %-6d %10.1f", n, peer);
    for (int f = 0; f < (int)(sizeof forms / sizeof *forms); f++) {
      double rate = product(ctx, f, n, a, b, inner);
      printf(" %15.1f %4.2f", rate, rate / peer);
    }
    printf("\n");
    free(a);
    free(b);
  }
}

/* ---- memory ---------------------------------------------------------------------------------- */

typedef struct chain {
  const char *name, *text;
  int nread;                   /* tensors read */
  double (*want)(double a, double b, double c);
} chain;

static double want_add_relu(double a, double b, double c) { return (void)c, fmax(a + b, 0); }
static double want_affine(double a, double b, double c) { return fmax(a * 0.7 + b + c, 0); }
static double want_gelu(double a, double b, double c) {
  return (void)b, (void)c, 0.5 * a * (1 + tanh(sqrt(2 / M_PI) * (a + 0.044715 * a * a * a)));
}

static const chain chains[] = {
    {"relu(a + b)", "Y[i] = relu(A[i] + B[i])", 2, want_add_relu},
    {"relu(0.7 a + b + c)", "Y[i] = relu(0.7 A[i] + B[i] + C[i])", 3, want_affine},
    {"gelu(a)", "Y[i] = gelu(A[i], tanh)", 1, want_gelu},
};

static const char *const names_of[] = {"A", "B", "C", NULL};

static job chain_job(tl_context *ctx, const chain *c, tl_tensor *const *arg) {
  const char *names[4] = {NULL};
  for (int i = 0; i < c->nread; i++) names[i] = names_of[i];
  return compiled(ctx, c->text, c->nread, arg, names);
}

static void memory(tl_context *ctx, int threads) {
  int64_t n = LARGE;
  float *v[3] = {normal_values(n), normal_values(n), normal_values(n)};
  for (int t = 0; t < 2; t++) {
    tl_type type = t == 0 ? TL_F32 : TL_F16;
    tl_tensor *arg[3];
    for (int i = 0; i < 3; i++) arg[i] = tensor(ctx, type, 1, &n, v[i]);
    job triad =
        compiled(ctx, "Y[i] = A[i] + 3.0 B[i]", 2, arg, (const char *const[]){"A", "B", NULL});
    double limit = 3.0 * (double)n * (double)tl_type_bytes(type) / seconds(&triad, 1) / 1e9;
    printf("16M elements of %s (%d thread%s): triad a + 3 b by the library %.1f GB/s\n",
           tl_type_name(type), threads, threads > 1 ? "s" : "", limit);
    tl_function_release(triad.f);
    for (size_t k = 0; k < sizeof chains / sizeof *chains; k++) {
      const chain *c = &chains[k];
      job j = chain_job(ctx, c, arg);
      verify(c->name, element(&j, 77777), c->want(v[0][77777], v[1][77777], v[2][77777]),
             type == TL_F32 ? 1e-5 : 4e-3);
      double s = seconds(&j, 1),
             rate = (c->nread + 1) * (double)n * (double)tl_type_bytes(type) / s / 1e9;
      printf("  %-30s %8.2f ms %8.1f GB/s\n", c->name, s * 1e3, rate);
      tl_function_release(j.f);
    }
    for (int i = 0; i < 3; i++) tl_release(arg[i]);
  }
  for (int i = 0; i < 3; i++) free(v[i]);
}

/* The same loop written by hand, with streaming left to the compiler: what the machine gives. */
static void triad(void) {
  size_t n = LARGE;
  float *a = aligned_alloc(64, n * 4), *b = aligned_alloc(64, n * 4), *c = aligned_alloc(64, n * 4);
  double t[RUNS];
  if (!a || !b || !c) return;
  for (size_t i = 0; i < n; i++) a[i] = 1, b[i] = (float)i, c[i] = 2;
  for (int r = 0; r < RUNS; r++) {
    double start = now();
    for (size_t i = 0; i < n; i++) a[i] = b[i] + 3 * c[i];
    t[r] = now() - start;
    c[r] = a[r];
  }
  printf("triad by a plain loop, one thread: %.1f GB/s (three arrays counted)\n",
         12.0 * (double)n / median(t, RUNS) / 1e9);
  free(a);
  free(b);
  free(c);
}

static void rows(tl_context *ctx, int threads) {
  static const struct { const char *name, *text; double passes;
  } row[] = {{"softmax", "Y[i,j.] = softmax(A[i,j])", 2},
             {"layer norm", "Y[i,j.] = lnorm(A[i,j])", 2},
             {"sum of all", "Y = A[i,j]", 1}};
  int64_t size[2] = {LARGE / 1024, 1024}, n = LARGE;
  float *v = normal_values(n);
  tl_tensor *a = tensor(ctx, TL_F32, 2, size, v);
  printf("rows of 1024, 16M elements of f32 (%d thread%s)\n", threads, threads > 1 ? "s" : "");
  for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
    job j = compiled(ctx, row[k].text, 1, &a, (const char *const[]){"A", NULL});
    double s = seconds(&j, 1);
    printf("  %-30s %8.2f ms %8.1f GB/s\n", row[k].name, s * 1e3,
           row[k].passes * 4.0 * (double)n / s / 1e9);
    tl_function_release(j.f);
  }
  tl_release(a);
  free(v);
}

/* ---- small operations ------------------------------------------------------------------------ */

/* A lazy call and its value, as they are written without a compiled function: OP 0: tl_eq. */
static double lazy_seconds(tl_context *ctx, tl_tensor *a, int op, int inner) {
  double t[RUNS];
  const tl_arg args[] = {{"A", a}, {0}};
  for (int r = 0; r < RUNS; r++) {
    double start = now();
    for (int i = 0; i < inner; i++) {
      tl_tensor *y = op ? tl_add(ctx, a, a) : tl_eq(ctx, "Y[i] = relu(A[i] + 1)", args);
      if (!y || tl_eval(1, &y) != TL_OK) fail(ctx, "a lazy call");
      tl_release(y);
    }
    t[r] = (now() - start) / inner;
  }
  return median(t, RUNS);
}

/* Each step needs the largest element of the one before, so that nothing fuses across it. */
static void small(tl_context *ctx) {
  char text[8192] = "Y0[i] = A[i]\n";
  for (int k = 1; k <= 32; k++) {
    size_t at = strlen(text);
    snprintf(text + at, sizeof text - at, "M%d max= Y%d[i]\n%s[i] = 0.5 Y%d[i] + M%d\n", k, k - 1,
             k == 32 ? "Y" : (char[8]){'Y', (char)('0' + k / 10), (char)('0' + k % 10)}, k - 1, k);
  }
  for (char *s = text; (s = strstr(s, "Y0")) != NULL; s++)   /* Y01 is written Y1 */
    if (s[2] >= '1' && s[2] <= '9') memmove(s + 1, s + 2, strlen(s + 2) + 1);
  int64_t n = 1024;
  float *v = normal_values(n);
  tl_tensor *a = tensor(ctx, TL_F32, 1, &n, v);
  job j = compiled(ctx, text, 1, &a, (const char *const[]){"A", NULL});
  tl_release(call(&j));
  uint64_t before = tl_statistics(ctx).kernels;
  tl_release(call(&j));
  double kernels = (double)(tl_statistics(ctx).kernels - before), s = seconds(&j, 500);
  printf("64 dependent operations on 1K elements, %.0f kernel%s: %.2f us each\n", kernels,
         kernels > 1 ? "s" : "", s / 64 * 1e6);
  job one = compiled(ctx, "Y[i] = relu(A[i] + 1)", 1, &a, (const char *const[]){"A", NULL});
  printf("relu(a + 1) on 1K elements by a call of the API: %.2f us\n", seconds(&one, 5000) * 1e6);
  double lazy[2];
  for (int op = 0; op < 2; op++) lazy[op] = lazy_seconds(ctx, a, op, 5000);
  printf("the same by tl_eq and tl_eval: %.2f us; a + a by tl_add: %.2f us\n", lazy[0] * 1e6,
         lazy[1] * 1e6);
  tl_function_release(j.f);
  tl_function_release(one.f);
  tl_release(a);
  free(v);
}

int main(int argc, char **argv) {
  int only = argc > 1 ? atoi(argv[1]) : 0, list[2] = {only ? only : 1, only ? 0 : 2};
  triad();
  for (int i = 0; i < 2 && list[i]; i++) {
    tl_context *ctx = tl_open(&(tl_options){.threads = list[i]});
    if (!ctx || tl_last(ctx) != TL_OK) fail(ctx, "tl_open");
    products(ctx, list[i]);
    memory(ctx, list[i]);
    rows(ctx, list[i]);
    small(ctx);
    tl_close(ctx);
  }
  return 0;
}
