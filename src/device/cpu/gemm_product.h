/* gemm_product: one call as its jobs see it; what gemm.c plans and gemm_block.c carries out. */
#ifndef TL_DEVICE_CPU_GEMM_PRODUCT_H
#define TL_DEVICE_CPU_GEMM_PRODUCT_H

#include "device/cpu/convert.h"
#include "device/cpu/gemm_kernels.h"

#include <stdatomic.h>

enum {
  GEMM_KC = 256,                     /* depth of a pass */
  GEMM_STRIP_BYTES = 16 * (GEMM_KC + 16) * 8 + GEMM_SLACK,
  GEMM_PANELS_BYTES = (768 << 10) + GEMM_SLACK,
  GEMM_SUMS_BYTES = 2 << 20,         /* of a block that takes several passes */
  GEMM_THIN_COLUMNS = 128,           /* a panel of a thin product */
  GEMM_APART = 64,                   /* bytes that keep rows of sums from clashing in the cache */
  GEMM_NEAR = 128 << 10,             /* bytes that stay in the second cache anyway */
};

typedef struct gemm_scratch {        /* of one thread */
  char *strip, *panels, *sums;
} gemm_scratch;

struct cpu_gemm {
  base_ctx *ctx;
  base_pool *pool;
  int threads;
  const gemm_kernels *f32, *f64;
  const cpu_convert *convert;
  gemm_scratch *scratch;
};

typedef struct gemm_product {
  cpu_gemm *gemm;
  const cpu_product *ask;
  const gemm_kernels *kernels;
  bool turned;                       /* computed as its transpose: A and B, m and n change places */
  bool thin;                         /* few rows, one strip; panels are GEMM_THIN_COLUMNS wide */
  bool in_place;                     /* sums are kept in C itself */
  int64_t m, n, batch;
  int64_t strips, panels;            /* of C */
  int panel;                         /* columns in a panel */
  int64_t passes, depth, deepest;    /* over all terms: how many, the sum of k, the largest k */
  int64_t m_blocks, n_blocks;
  int64_t jobs;                      /* batch * m_blocks * n_blocks */
  atomic_llong next;
} gemm_product;

void gemm_run_job(gemm_product *p, int thread, int64_t job);

static inline int64_t gemm_least(int64_t a, int64_t b)
{
  return a < b ? a : b;
}

static inline int64_t gemm_divide_up(int64_t a, int64_t b)
{
  return (a + b - 1) / b;
}

/* Strip I of STRIPS over M rows begins here; heights differ by at most one. */
static inline int64_t gemm_strip_begin(int64_t m, int64_t strips, int64_t i)
{
  return m / strips * i + m % strips * i / strips;
}

static inline int64_t gemm_pass_count(int64_t k)
{
  return gemm_divide_up(k, GEMM_KC);
}

static inline const cpu_matrix *gemm_factor(const gemm_product *p, int term, cpu_side side)
{
  const cpu_term *t = &p->ask->term[term];
  return (side == CPU_A) != p->turned ? &t->a : &t->b;
}

static inline gemm_source gemm_factor_source(const gemm_product *p, int term, cpu_side side,
                                             int64_t batch)
{
  return gemm_source_of(gemm_factor(p, term, side), (side == CPU_A) != p->turned, batch);
}

static inline const cpu_axis *gemm_c_row(const gemm_product *p)
{
  return p->turned ? &p->ask->c.col : &p->ask->c.row;
}

static inline const cpu_axis *gemm_c_col(const gemm_product *p)
{
  return p->turned ? &p->ask->c.row : &p->ask->c.col;
}

static inline bool gemm_affine(const gemm_source *s)
{
  return !s->guards && !s->lane.offset && !s->depth.offset;
}

#endif
