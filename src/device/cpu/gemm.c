/* gemm: a product is planned here, cut into blocks of C, and these are dealt to threads;
 * gemm_block.c computes them. After Goto and van de Geijn, and BLIS. Strips and panels are counted
 * over the whole of C, and no sum is split between threads: an element is computed the same way
 * whatever the blocks are. */
#include "device/cpu/gemm_product.h"

#include "base/base.h"

enum {
  THIN_PANELS = 8,                   /* in a block of a thin product */
  BLOCK_COLUMNS = 2048,
};

#define SMALL_WORK 500000.0          /* multiplications below which a second thread does not pay */
#define SMALL_ELEMENTS 50000.0       /* of B, the same for a thin product, which only reads it */

/* ---- the context ----------------------------------------------------------------------------- */

static void choose_kernels(cpu_gemm *gemm, cpu_isa isa)
{
  gemm->f32 = &gemm_plain_f32;
  gemm->f64 = &gemm_plain_f64;
#if CPU_X86
  if (isa == CPU_AVX2) gemm->f32 = &gemm_avx2_f32, gemm->f64 = &gemm_avx2_f64;
  if (isa == CPU_AVX512) gemm->f32 = &gemm_avx512_f32, gemm->f64 = &gemm_avx512_f64;
#endif
  gemm->convert = cpu_convert_for(isa);
}

static size_t whole_pages(size_t bytes)
{
  enum { PAGE = 4096 };
  return (bytes + PAGE - 1) / PAGE * PAGE;
}

cpu_gemm *cpu_gemm_open(base_ctx *ctx, base_pool *pool, cpu_isa isa)
{
  int threads = pool ? base_pool_threads(pool) : 1;
  size_t strip = whole_pages(GEMM_STRIP_BYTES), panels = whole_pages(GEMM_PANELS_BYTES);
  size_t each = strip + panels + GEMM_SUMS_BYTES;
  size_t head = whole_pages(sizeof(cpu_gemm) + sizeof(gemm_scratch) * (size_t)threads);
  cpu_gemm *gemm = base_malloc(ctx, head + each * (size_t)threads);
  char *at = (char *)gemm + head;
  *gemm = (cpu_gemm){ .ctx = ctx, .pool = pool, .threads = threads };
  gemm->scratch = (gemm_scratch *)(gemm + 1);
  for (int i = 0; i < threads; i++, at += each)
    gemm->scratch[i] = (gemm_scratch){ at, at + strip, at + strip + panels };
  choose_kernels(gemm, isa);
  return gemm;
}

void cpu_gemm_close(cpu_gemm *gemm)
{
  if (gemm) base_free(gemm->ctx, gemm);
}

int cpu_gemm_threads(const cpu_gemm *gemm)
{
  return gemm->threads;
}

/* ---- the plan -------------------------------------------------------------------------------- */

/* Blocks small enough for the scratch memory. */
static void cut_to_fit(gemm_product *p)
{
  int64_t panel_bytes = gemm_least(p->deepest, GEMM_KC) * p->panel * p->kernels->size;
  int64_t most = p->thin ? THIN_PANELS : BLOCK_COLUMNS / p->panel;
  if (!p->thin && panel_bytes)
    most = gemm_least(most, (GEMM_PANELS_BYTES - GEMM_SLACK) / panel_bytes);
  p->n_blocks = gemm_divide_up(p->panels, most);
  p->m_blocks = 1;
  if (p->passes > 1 && !p->in_place && !p->thin) {
    int64_t columns = gemm_least(most, p->panels) * p->panel + GEMM_APART / p->kernels->size;
    int64_t rows = GEMM_SUMS_BYTES / p->kernels->size / columns;
    p->m_blocks = gemm_divide_up(p->strips, rows / p->kernels->rows);
  }
}

/* Among cuts that give each of THREADS something, the one that leaves the least for the busiest,
 * counting what each block packs: an element costs as much as so many sums' steps. */
static void cut_to_share(gemm_product *p, int threads)
{
  const double steps = 6;
  const int64_t m_least = p->m_blocks, n_least = p->n_blocks;
  double best = 0;
  for (int64_t share = 1; share <= 3; share++)
    for (int64_t i = 1; i <= threads; i++) {
      int64_t nb = gemm_least(p->panels, n_least * i);
      int64_t mb = gemm_divide_up(threads * share, p->batch * nb);
      mb = gemm_least(mb < m_least ? m_least : mb, p->strips);
      double rows = (double)gemm_divide_up(p->strips, mb) * p->kernels->rows;
      double cols = (double)gemm_divide_up(p->panels, nb) * p->panel;
      double each = rows * cols + steps * (rows + cols);
      double cost = each * (double)gemm_divide_up(p->batch * nb * mb, threads);
      if (best > 0 && cost >= best) continue;
      best = cost, p->m_blocks = mb, p->n_blocks = nb;
    }
}

static bool wide_factors(const cpu_product *ask)
{
  for (int i = 0; i < ask->terms; i++)
    if (ask->term[i].a.type == CPU_F64 || ask->term[i].b.type == CPU_F64) return true;
  return false;
}

static bool any_packed(const cpu_product *ask)
{
  for (int i = 0; i < ask->terms; i++)
    if (ask->term[i].a.packed || ask->term[i].b.packed) return true;
  return false;
}

/* A single column is a row of the transpose; and C stored by columns is better computed so. */
static bool better_turned(const cpu_product *ask)
{
  if (ask->n == 1) return ask->m > 1;
  return !ask->tile && ask->m > 1 && !any_packed(ask) && !ask->c.row.offset &&
         ask->c.row.stride == 1 && (ask->c.col.offset || ask->c.col.stride != 1);
}

static bool lies_well(const cpu_matrix *b, bool lane_is_row)
{
  gemm_source s = gemm_source_of(b, lane_is_row, 0);
  return s.type != CPU_F64 && gemm_affine(&s) && (s.lane.stride == 1 || s.depth.stride == 1);
}

/* Several rows are better off with the micro-kernels while B is in cache. */
static bool is_thin(const gemm_product *p)
{
  if (p->m > GEMM_THIN || p->passes == 0 || !p->kernels->axpy) return false;
  if (p->m > 1 && p->n * p->depth < GEMM_NEAR) return false;
  for (int i = 0; i < p->ask->terms; i++)
    if (!lies_well(gemm_factor(p, i, CPU_B), p->turned)) return false;
  return true;
}

static bool holds_sums(const gemm_product *p)
{
  return !p->thin && !p->ask->tile && p->ask->c.type == p->kernels->type && p->passes > 0 &&
         !gemm_c_row(p)->offset && !gemm_c_col(p)->offset && gemm_c_col(p)->stride == 1;
}

/* How many threads the work is worth. */
static int useful_threads(const gemm_product *p)
{
  double work = (double)p->batch * (double)p->n * (double)p->depth;
  bool small = p->thin ? work < SMALL_ELEMENTS : work * (double)p->m < SMALL_WORK;
  return small ? 1 : p->gemm->threads;
}

/* ---- running --------------------------------------------------------------------------------- */

static void run_thread(void *arg, int thread)
{
  gemm_product *p = arg;
  for (;;) {
    int64_t job = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed);
    if (job >= p->jobs) return;
    gemm_run_job(p, thread, job);
  }
}

void cpu_gemm_run(cpu_gemm *gemm, const cpu_product *ask)
{
  if (ask->batch <= 0 || ask->m <= 0 || ask->n <= 0) return;
  gemm_product p = { .gemm = gemm, .ask = ask, .batch = ask->batch, .turned = better_turned(ask) };
  p.kernels = wide_factors(ask) ? gemm->f64 : gemm->f32;
  p.m = p.turned ? ask->n : ask->m;
  p.n = p.turned ? ask->m : ask->n;
  for (int i = 0; i < ask->terms; i++) {
    int64_t k = ask->term[i].k;
    p.passes += gemm_pass_count(k);
    p.depth += k;
    if (k > p.deepest) p.deepest = k;
  }
  p.thin = is_thin(&p);
  p.in_place = holds_sums(&p);
  p.panel = p.thin ? GEMM_THIN_COLUMNS : p.kernels->cols;
  p.strips = p.thin ? 1 : gemm_divide_up(p.m, p.kernels->rows);
  p.panels = gemm_divide_up(p.n, p.panel);
  int threads = useful_threads(&p);
  cut_to_fit(&p);
  if (threads > 1) cut_to_share(&p, threads);
  p.jobs = p.batch * p.m_blocks * p.n_blocks;
  if (p.jobs < threads) threads = (int)p.jobs;
  if (threads == 1) run_thread(&p, 0);
  else base_parallel(gemm->pool, threads, run_thread, &p);
}

/* ---- factors packed once --------------------------------------------------------------------- */

size_t cpu_gemm_packed_bytes(const cpu_gemm *gemm, cpu_side side, cpu_type accumulator,
                             int64_t lines, int64_t k)
{
  const gemm_kernels *kernels = accumulator == CPU_F64 ? gemm->f64 : gemm->f32;
  int64_t lanes = side == CPU_A ? lines : gemm_divide_up(lines, kernels->cols) * kernels->cols;
  return (size_t)(lanes * k * kernels->size) + GEMM_SLACK;
}

void cpu_gemm_pack(cpu_gemm *gemm, cpu_side side, cpu_type accumulator, int64_t lines, int64_t k,
                   const cpu_matrix *matrix, void *packed)
{
  const gemm_kernels *kernels = accumulator == CPU_F64 ? gemm->f64 : gemm->f32;
  gemm_source source = gemm_source_of(matrix, side == CPU_A, 0);
  char *to = packed;
  int64_t strips = gemm_divide_up(lines, side == CPU_A ? kernels->rows : kernels->cols);
  for (int64_t i = 0; i < strips; i++) {
    int64_t begin = side == CPU_A ? gemm_strip_begin(lines, strips, i) : i * kernels->cols;
    int64_t end = side == CPU_A ? gemm_strip_begin(lines, strips, i + 1)
                                : gemm_least(lines, begin + kernels->cols);
    int ld = side == CPU_A ? (int)(end - begin) : kernels->cols;
    gemm_pack(kernels, &source, to, ld, begin, (int)(end - begin), 0, k);
    to += k * ld * kernels->size;
  }
}
