/* gemm: the contraction of the CPU device,
 *
 *     C[b,m,n] = sum over terms, sum over k, of A[b,m,k] B[b,k,n]
 *
 * in f32, or in f64 when a factor is f64. Each factor has its own type; 16-bit values are widened
 * while they are packed. The order in which an element is summed depends on sizes and layouts, not
 * on the number of threads. An element of a factor lies at the sum of three offsets, one per axis,
 * so merged indices, transposes, slices and convolutions (without a patch matrix) are all the same
 * product. */
#ifndef TL_DEVICE_CPU_GEMM_H
#define TL_DEVICE_CPU_GEMM_H

#include "base/base.h"
#include "device/cpu/isa.h"

typedef enum cpu_type { CPU_F16, CPU_BF16, CPU_F32, CPU_F64 } cpu_type;

/* Where the elements along one axis lie, in elements: i at offset[i], or at i * stride when offset
 * is NULL. */
typedef struct cpu_axis {
  int64_t stride;
  const int64_t *offset;
} cpu_axis;

/* An element counts only where 0 <= row(i) + col(j) < size; elsewhere it is zero and is not read.
 * One guard per padded dimension makes a convolution's border. */
typedef struct cpu_guard {
  cpu_axis row, col;
  int64_t size;
} cpu_guard;

typedef struct cpu_matrix {
  void *at;                   /* only C's is written */
  cpu_type type;
  cpu_axis batch, row, col;   /* A: row m, col k;  B: row k, col n;  C: row m, col n */
  const cpu_guard *guard;     /* A and B only */
  int guards;
  const void *packed;         /* from cpu_gemm_pack, NULL if not; one matrix for all batch points */
} cpu_matrix;

typedef struct cpu_term {
  cpu_matrix a, b;
  int64_t k;
} cpu_term;

/* Receives the finished elements [m0, m0 + mc) x [n0, n0 + nc) of batch point BATCH, every element
 * of C exactly once, while they are in cache: float (double for an f64 product) at c[i * ldc + j],
 * free to be overwritten. THREAD is in [0, cpu_gemm_threads), one call at a time for each. Must not
 * raise or allocate. */
typedef void cpu_tile(void *arg, int thread, int64_t batch, int64_t m0, int64_t n0, int mc, int nc,
                      void *c, int64_t ldc);

typedef struct cpu_product {
  int64_t batch, m, n;        /* batch 1: a single product; any may be 0 */
  const cpu_term *term;       /* several terms sum into one accumulator */
  int terms;
  cpu_matrix c;               /* stored to, rounding once, when tile is NULL; else unused */
  cpu_tile *tile;
  void *arg;
} cpu_product;

typedef struct cpu_gemm cpu_gemm;

/* Holds the scratch memory of each thread, so that a product allocates nothing. POOL NULL: one
 * thread. Raises. One product at a time. */
cpu_gemm *cpu_gemm_open(base_ctx *ctx, base_pool *pool, cpu_isa isa);
void cpu_gemm_close(cpu_gemm *gemm);                     /* NULL is fine */
int cpu_gemm_threads(const cpu_gemm *gemm);

void cpu_gemm_run(cpu_gemm *gemm, const cpu_product *product);

/* A factor that does not change can be packed once. The result serves products of the same LINES
 * (m for A, n for B), the same k and the same accumulator type, on the same isa; PACKED is 64-byte
 * aligned. The unpacked matrix must stay given beside it: thin products read that one. */
typedef enum cpu_side { CPU_A, CPU_B } cpu_side;
size_t cpu_gemm_packed_bytes(const cpu_gemm *gemm, cpu_side side, cpu_type accumulator,
                             int64_t lines, int64_t k);
void cpu_gemm_pack(cpu_gemm *gemm, cpu_side side, cpu_type accumulator, int64_t lines, int64_t k,
                   const cpu_matrix *matrix, void *packed);

#endif
