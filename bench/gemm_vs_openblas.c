/* gemm_vs_openblas: GFLOP/s of N x N x N products beside OpenBLAS's, whose f32 is the measure for
 * our f16 and bf16 too, since it has neither. Random data, sides taking turns, the best of several
 * runs each; results checked against each other.
 *
 *     bench_gemm_vs_openblas [N ...]        TL_ISA=plain|avx2|avx512 as everywhere */
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/half.h"
#include "device/cpu/gemm.h"

typedef void sgemm(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a,
                   int lda, const float *b, int ldb, float beta, float *c, int ldc);
typedef void dgemm(int order, int ta, int tb, int m, int n, int k, double alpha, const double *a,
                   int lda, const double *b, int ldb, double beta, double *c, int ldc);

static struct {
  sgemm *sgemm;
  dgemm *dgemm;
  void (*threads)(int n);
} openblas;

static void find_openblas(void)
{
  void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    puts("OpenBLAS is not installed; ours alone");
    return;
  }
  *(void **)&openblas.sgemm = dlsym(library, "cblas_sgemm");
  *(void **)&openblas.dgemm = dlsym(library, "cblas_dgemm");
  *(void **)&openblas.threads = dlsym(library, "openblas_set_num_threads");
}

typedef struct work {
  int n;
  cpu_type type;
  void *a, *b, *c;
  cpu_gemm *gemm;                    /* NULL: OpenBLAS */
} work;

static void once(const work *w)
{
  enum { ROW_MAJOR = 101, PLAIN = 111 };
  int n = w->n;
  if (w->gemm) {
    cpu_axis row = { .stride = n }, col = { .stride = 1 };
    cpu_term term = {
      .a = { .at = w->a, .type = w->type, .row = row, .col = col },
      .b = { .at = w->b, .type = w->type, .row = row, .col = col }, .k = n,
    };
    cpu_gemm_run(w->gemm, &(cpu_product){
      .batch = 1, .m = n, .n = n, .term = &term, .terms = 1,
      .c = { .at = w->c, .type = w->type, .row = row, .col = col },
    });
  } else if (w->type == CPU_F64) {
    openblas.dgemm(ROW_MAJOR, PLAIN, PLAIN, n, n, n, 1, w->a, n, w->b, n, 0, w->c, n);
  } else {
    openblas.sgemm(ROW_MAJOR, PLAIN, PLAIN, n, n, n, 1, w->a, n, w->b, n, 0, w->c, n);
  }
}

static double flops(const work *w)
{
  return 2.0 * w->n * w->n * w->n;
}

/* A stretch short enough to fall between a busy machine's interruptions now and then. */
static double seconds(const work *w)
{
  int times = (int)(0.003 / (flops(w) / 1e11)) + 1;
  double start = base_seconds();
  for (int i = 0; i < times; i++) once(w);
  return (base_seconds() - start) / times;
}

static void set(cpu_type type, void *at, size_t i, double x)
{
  if (type == CPU_F16) ((uint16_t *)at)[i] = base_f64_to_f16(x);
  else if (type == CPU_BF16) ((uint16_t *)at)[i] = base_f64_to_bf16(x);
  else if (type == CPU_F32) ((float *)at)[i] = (float)x;
  else ((double *)at)[i] = x;
}

static double get(cpu_type type, const void *at, size_t i)
{
  return type == CPU_F16 ? (double)base_f16_to_f32(((const uint16_t *)at)[i])
       : type == CPU_BF16 ? (double)base_bf16_to_f32(((const uint16_t *)at)[i])
       : type == CPU_F32 ? (double)((const float *)at)[i] : ((const double *)at)[i];
}

static work prepare(int n, cpu_type type, cpu_gemm *gemm)
{
  size_t count = (size_t)n * (size_t)n;
  work w = { n, type, malloc(count * 8), malloc(count * 8), malloc(count * 8), gemm };
  srand(1);
  for (size_t i = 0; i < count; i++) {
    set(type, w.a, i, rand() * (2.0 / RAND_MAX) - 1);
    set(type, w.b, i, rand() * (2.0 / RAND_MAX) - 1);
  }
  once(&w);
  return w;
}

static void release(work *w)
{
  free(w->a), free(w->b), free(w->c);
}

static double worst(const work *a, const work *b)
{
  double most = 0;
  for (size_t i = 0; i < (size_t)a->n * (size_t)a->n; i++)
    most = fmax(most, fabs(get(a->type, a->c, i) - get(b->type, b->c, i)));
  return most;
}

static void rest(void)
{
  nanosleep(&(struct timespec){ .tv_nsec = 30000000 }, NULL);   /* the peer's threads go to sleep */
}

static void compare(int n, int threads, cpu_gemm *gemm)
{
  enum { SIDES = 6 };
  static const cpu_type types[SIDES] = { CPU_F32, CPU_F32, CPU_F16, CPU_BF16, CPU_F64, CPU_F64 };
  work w[SIDES];
  double best[SIDES];
  if (openblas.threads) openblas.threads(threads);
  for (int s = 0; s < SIDES; s++) {
    bool peer = s == 0 || s == 4;
    best[s] = INFINITY;
    if (!peer || openblas.sgemm) w[s] = prepare(n, types[s], peer ? NULL : gemm);
  }
  int rounds = n <= 512 ? 60 : n <= 1024 ? 20 : 8;
  for (int round = 0; round < rounds; round++)
    for (int s = 0; s < SIDES; s++) {
      bool peer = s == 0 || s == 4;
      if (peer && !openblas.sgemm) continue;
      best[s] = fmin(best[s], seconds(&w[s]));
      if (peer && threads > 1) rest();
    }
  printf("%5d %2d |", n, threads);
  for (int s = 0; s < SIDES; s++) {
    printf(" %7.1f", flops(&w[1]) / best[s] / 1e9);
    if (s != 0 && s != 4) printf(" %5.2f", best[s < 4 ? 0 : 4] / best[s]);
    if (s == 3) printf(" |");
  }
  if (openblas.sgemm) printf(" | %.1e", worst(&w[0], &w[1]));
  putchar('\n');
  fflush(stdout);
  for (int s = 0; s < SIDES; s++)
    if ((s != 0 && s != 4) || openblas.sgemm) release(&w[s]);
}

int main(int argc, char **argv)
{
  static const int usual[] = { 16, 32, 64, 128, 256, 512, 1024, 2048 };
  int sizes = argc > 1 ? argc - 1 : (int)(sizeof usual / sizeof *usual);
  cpu_isa isa = cpu_isa_detect();
  base_ctx *ctx = base_open(NULL);
  base_pool *pool = base_pool_open(ctx, 2);
  cpu_gemm *one = cpu_gemm_open(ctx, NULL, isa), *two = cpu_gemm_open(ctx, pool, isa);
  find_openblas();
  printf("GFLOP/s, %s; x is ours over OpenBLAS\n", cpu_isa_name(isa));
  puts("    N  T | OB f32     f32     x     f16     x    bf16     x |  OB f64     f64     x | "
       "differ");
  for (int i = 0; i < sizes; i++) {
    int n = argc > 1 ? atoi(argv[i + 1]) : usual[i];
    compare(n, 1, one);
    compare(n, 2, two);
  }
  cpu_gemm_close(one);
  cpu_gemm_close(two);
  base_pool_close(pool);
  base_close(ctx);
  return 0;
}
