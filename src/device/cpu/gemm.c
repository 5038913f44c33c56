/* gemm: the loops around the micro-kernels, after Goto and van de Geijn and BLIS.
 *
 *   jobs      blocks of C, dealt to threads          run_thread -> run_job
 *   passes    over k, KC at a time                   run_job -> run_term -> run_pass
 *   panels    of B are packed into L2 once a pass    run_term -> pack_panels
 *   strips    of A are packed into L1, one by one    run_pass -> run_strip
 *   panels    against that strip, streaming from L2  run_strip -> micro-kernel
 *
 * A block's sums stay in scratch until its last pass, so nothing rounds on the way and the tile
 * hook sees finished elements only; a C that is stored in the accumulator type holds them itself.
 * Factors that are small, or are used once, are read where they lie. Strips and panels are counted
 * over the whole of C: an element is computed the same way whatever the blocks are. */
#include "device/cpu/gemm_kernels.h"

#include "base/base.h"
#include "device/cpu/convert.h"

#include <stdatomic.h>
#include <string.h>

enum {
  KC = 256,                          /* depth of a pass */
  STRIP_BYTES = 16 * (KC + 16) * 8 + GEMM_SLACK,
  PANELS_BYTES = (768 << 10) + GEMM_SLACK,
  SUMS_BYTES = 2 << 20,              /* of a block that takes several passes */
  TILE_ELEMENTS = 8192,              /* about what a tile hook is given at a time */
  THIN_COLUMNS = 128,                /* a panel of a product of one row */
  THIN_PANELS = 8,
  BLOCK_COLUMNS = 2048,
  THIN_DEPTH = 4096,
  SMALL_FACTOR = 32 << 10,           /* bytes of a factor not worth packing */
};

#define SMALL_WORK 500000.0          /* multiplications below which a second thread does not pay */
#define SMALL_BYTES 200000.0         /* the same for a row, which only reads */

typedef struct scratch {             /* of one thread */
  char *strip, *panels, *sums;
} scratch;

struct cpu_gemm {
  base_ctx *ctx;
  base_pool *pool;
  int threads;
  const gemm_kernels *f32, *f64;
  const cpu_convert *convert;
  scratch *scratch;
  char *memory;
};

typedef struct product {             /* one call, as its jobs see it */
  cpu_gemm *gemm;
  const cpu_product *ask;
  const gemm_kernels *kernels;
  bool turned;                       /* computed as its transpose: A and B, m and n change places */
  bool thin;                         /* one row; panels are THIN_COLUMNS wide */
  bool in_place;                     /* sums are kept in C itself */
  int64_t m, n, batch;
  int64_t strips, panels;            /* of C */
  int panel;                         /* columns in a panel */
  int64_t passes, depth_max;         /* over all terms */
  int64_t m_blocks, n_blocks;
  int64_t jobs;
  atomic_llong next;
} product;

typedef struct block {               /* one job */
  product *p;
  int thread;
  int64_t batch;
  int64_t strip0, strip1, m0, m1;
  int64_t panel0, panel1, n0, n1;
  scratch *scratch;
  int64_t ldc;                       /* from one row of sums to the next */
} block;

static int64_t least(int64_t a, int64_t b)
{
  return a < b ? a : b;
}

static int64_t divide_up(int64_t a, int64_t b)
{
  return (a + b - 1) / b;
}

/* ---- the context ------------------------------------------------------------------------------ */

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

cpu_gemm *cpu_gemm_open(base_ctx *ctx, base_pool *pool, cpu_isa isa)
{
  enum { ALIGN = 4096 };
  int threads = pool ? base_pool_threads(pool) : 1;
  size_t strip = (STRIP_BYTES + ALIGN - 1) / ALIGN * ALIGN;
  size_t panels = (PANELS_BYTES + ALIGN - 1) / ALIGN * ALIGN;
  size_t each = strip + panels + SUMS_BYTES;
  size_t head = (sizeof(cpu_gemm) + sizeof(scratch) * (size_t)threads + 63) / 64 * 64;
  cpu_gemm *gemm = base_malloc(ctx, head + ALIGN + each * (size_t)threads);
  memset(gemm, 0, head);
  gemm->ctx = ctx;
  gemm->pool = pool;
  gemm->threads = threads;
  gemm->scratch = (scratch *)(gemm + 1);
  gemm->memory = (char *)gemm + head;
  gemm->memory += (ALIGN - (uintptr_t)gemm->memory % ALIGN) % ALIGN;
  for (int i = 0; i < threads; i++) {
    char *at = gemm->memory + each * (size_t)i;
    gemm->scratch[i] = (scratch){ at, at + strip, at + strip + panels };
  }
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

/* ---- strips, panels, passes --------------------------------------------------------------------- */

/* Strip I of STRIPS over M rows begins here; heights differ by at most one. */
static int64_t strip_begin(int64_t m, int64_t strips, int64_t i)
{
  return m / strips * i + m % strips * i / strips;
}

static int64_t pass_count(int64_t k)
{
  return divide_up(k, KC);
}

static int64_t pass_begin(int64_t k, int64_t i)
{
  int64_t each = divide_up(divide_up(k, pass_count(k)), 16) * 16;
  return least(k, each * i);
}

static const cpu_matrix *factor(const product *p, int term, cpu_side side)
{
  const cpu_term *t = &p->ask->term[term];
  return (side == CPU_A) != p->turned ? &t->a : &t->b;
}

static gemm_source source_of(const block *b, int term, cpu_side side)
{
  return gemm_source_of(factor(b->p, term, side), (side == CPU_A) != b->p->turned, b->batch);
}

static const cpu_axis *c_row(const product *p)
{
  return p->turned ? &p->ask->c.col : &p->ask->c.row;
}

static const cpu_axis *c_col(const product *p)
{
  return p->turned ? &p->ask->c.row : &p->ask->c.col;
}

/* ---- handing over finished elements --------------------------------------------------------------- */

static void store_row(const cpu_convert *convert, cpu_type type, void *to, const float *from, int n)
{
  switch (type) {
    case CPU_F16: convert->f32_to_f16(to, from, n); break;
    case CPU_BF16: convert->f32_to_bf16(to, from, n); break;
    case CPU_F32: memcpy(to, from, (size_t)n * 4); break;
    case CPU_F64:
      for (int j = 0; j < n; j++) ((double *)to)[j] = from[j];
      break;
  }
}

static void store_wide(cpu_type type, void *to, const double *from, int n)
{
  for (int j = 0; j < n; j++)
    switch (type) {
      case CPU_F16: ((uint16_t *)to)[j] = base_f64_to_f16(from[j]); break;
      case CPU_BF16: ((uint16_t *)to)[j] = base_f64_to_bf16(from[j]); break;
      case CPU_F32: ((float *)to)[j] = (float)from[j]; break;
      case CPU_F64: ((double *)to)[j] = from[j]; break;
    }
}

static void scatter_row(char *to, int size, const cpu_axis *axis, int64_t first, const char *from,
                        int n)
{
  for (int j = 0; j < n; j++)
    memcpy(to + gemm_offset(axis, first + j) * size, from + j * size, (size_t)size);
}

/* The tile hook of products that have none: C as it was described, here in the product's own turn. */
static void store(const product *p, int64_t batch, int64_t m0, int64_t n0, int mc, int nc, char *c,
                  int64_t ldc)
{
  enum { ROW = 512 };
  const cpu_matrix *out = &p->ask->c;
  const cpu_axis *row = c_row(p), *col = c_col(p);
  int size = gemm_size(out->type), from = p->kernels->size;
  char *at = (char *)out->at + gemm_offset(&out->batch, batch) * size;
  bool together = !col->offset && col->stride == 1;
  for (int i = 0; i < mc; i++)
    for (int j = 0; j < nc; j += ROW) {
      double buffer[ROW];
      int n = nc - j < ROW ? nc - j : ROW;
      char *line = at + gemm_offset(row, m0 + i) * size;
      char *to = together ? line + (n0 + j) * size : (char *)buffer;
      char *sums = c + (i * ldc + j) * from;
      if (p->kernels->type == CPU_F64) store_wide(out->type, to, (double *)(void *)sums, n);
      else store_row(p->gemm->convert, out->type, to, (float *)(void *)sums, n);
      if (!together) scatter_row(line, size, col, n0 + j, (char *)buffer, n);
    }
}

static void hand_over(const block *b, int64_t m0, int mc, void *c)
{
  const product *p = b->p;
  const cpu_product *ask = p->ask;
  int nc = (int)(b->n1 - b->n0);
  if (!ask->tile) store(p, b->batch, m0, b->n0, mc, nc, c, b->ldc);
  else if (p->turned)                              /* only a single row is: its transpose is itself */
    ask->tile(ask->arg, b->thread, b->batch, b->n0, m0, nc, mc, c, 1);
  else
    ask->tile(ask->arg, b->thread, b->batch, m0, b->n0, mc, nc, c, b->ldc);
}

/* ---- a block ------------------------------------------------------------------------------------ */

typedef struct depth_pass {
  int64_t depth, k;                  /* of this term, from DEPTH on */
  bool first, last;
  gemm_source a, b;
  bool a_in_place, b_in_place, fetch_a;
  const char *packed_a, *packed_b;   /* the whole of the factor, or NULL */
  int64_t term_k;
  const char *panels;                /* the block's first panel at this depth */
  int64_t panel_bytes;               /* to the next */
} depth_pass;

static bool affine(const gemm_source *s)
{
  return !s->guards && !s->lane.offset && !s->depth.offset;
}

/* Rows a multiple of this apart would fight for the same few lines of the first cache. */
static bool spread(int64_t stride, int size)
{
  enum { CLASH = 2048 };
  return stride * size % CLASH != 0;
}

static bool a_in_place(const product *p, const gemm_source *a, int64_t k)
{
  return a->type == p->kernels->type && affine(a) && p->m * k * p->kernels->size <= SMALL_FACTOR &&
         spread(a->lane.stride, p->kernels->size) && spread(a->depth.stride, p->kernels->size);
}

static bool worth_fetching(const product *p, const gemm_source *a, int64_t k)
{
  enum { NEAR = 128 << 10 };         /* bytes that stay in the second cache anyway */
  return affine(a) && (a->lane.stride == 1 || a->depth.stride == 1) &&
         p->m * k * gemm_size(a->type) > NEAR;
}

/* A single strip uses every element of B once: packing it would only cost. */
static bool b_in_place(const product *p, const gemm_source *b, int64_t k)
{
  if (b->lane.stride != 1 || !affine(b)) return false;
  if (b->type != p->kernels->type) return p->strips == 1 && p->kernels->halves && b->type != CPU_F64;
  return p->strips == 1 ||
         (p->n * k * p->kernels->size <= SMALL_FACTOR && spread(b->depth.stride, p->kernels->size));
}

/* Where columns lie side by side, some rows across all panels, in the order of memory. */
static void pack_panels(const block *b, depth_pass *pass)
{
  enum { SOME = 16 };
  const gemm_kernels *kernels = b->p->kernels;
  int64_t row_bytes = kernels->cols * kernels->size;
  int64_t step = pass->b.lane.stride == 1 && !pass->b.lane.offset ? SOME : pass->k;
  pass->panels = b->scratch->panels;
  pass->panel_bytes = pass->k * row_bytes;
  for (int64_t d = 0; d < pass->k; d += step) {
    char *to = b->scratch->panels + d * row_bytes;
    for (int64_t n = b->n0; n < b->n1; n += kernels->cols, to += pass->panel_bytes)
      gemm_pack(kernels, &pass->b, to, kernels->cols, n, (int)least(kernels->cols, b->n1 - n),
                pass->depth + d, least(step, pass->k - d));
  }
}

/* Where the panels of this pass are: in the factor, in what was packed once, or packed now. */
static void find_panels(const block *b, depth_pass *pass)
{
  const gemm_kernels *kernels = b->p->kernels;
  if (pass->packed_b) {
    pass->panel_bytes = pass->term_k * kernels->cols * kernels->size;
    pass->panels = pass->packed_b + b->panel0 * pass->panel_bytes +
                   pass->depth * kernels->cols * kernels->size;
  } else if (pass->b_in_place) {
    int size = gemm_size(pass->b.type);
    pass->panel_bytes = kernels->cols * size;
    pass->panels = pass->b.at + (b->n0 + pass->depth * pass->b.depth.stride) * size;
  } else {
    pack_panels(b, pass);
  }
}

static void find_strip(const block *b, const depth_pass *pass, int64_t m0, gemm_tile *tile)
{
  const gemm_kernels *kernels = b->p->kernels;
  if (pass->packed_a) {
    tile->a = pass->packed_a + (m0 * pass->term_k + pass->depth * tile->rows) * kernels->size;
    tile->a_row = 1, tile->a_depth = tile->rows;
  } else if (pass->a_in_place) {
    const gemm_source *a = &pass->a;
    tile->a = a->at + (m0 * a->lane.stride + pass->depth * a->depth.stride) * kernels->size;
    tile->a_row = a->lane.stride, tile->a_depth = a->depth.stride;
  } else {
    gemm_pack_strip(kernels, &pass->a, b->scratch->strip, m0, pass->depth, tile);
  }
}

/* Calls for part I of N of the elements of the strip that comes next, while this one is in use. */
static void fetch_strip(const block *b, const depth_pass *pass, int64_t m0, int64_t i, int64_t n)
{
  enum { LINE = 64 };
  const gemm_source *a = &pass->a;
  bool by_lane = a->depth.stride == 1;
  int size = gemm_size(a->type), rows = b->p->kernels->rows;
  int64_t runs = by_lane ? rows : pass->k, run = (by_lane ? pass->k : rows) * size / LINE + 1;
  int64_t stride = (by_lane ? a->lane.stride : a->depth.stride) * size;
  const char *at = a->at + (m0 * a->lane.stride + pass->depth * a->depth.stride) * size;
  for (int64_t r = runs * i / n; r < runs * (i + 1) / n; r++)
    for (int64_t line = 0; line < run; line++)
      __builtin_prefetch(at + r * stride + line * LINE, 0, 2);
}

/* Rows [m0, m0 + rows) of the block against all its panels, into C. */
static void run_strip(const block *b, const depth_pass *pass, int64_t m0, int rows, char *c)
{
  const gemm_kernels *kernels = b->p->kernels;
  gemm_tile tile = {
    .rows = rows, .k = pass->k, .add = !pass->first, .exact = pass->b_in_place || b->p->in_place,
    .b_type = pass->b_in_place ? pass->b.type : kernels->type,
    .b_depth = pass->b_in_place ? pass->b.depth.stride : kernels->cols, .c_row = b->ldc,
  };
  int64_t panels = b->panel1 - b->panel0;
  find_strip(b, pass, m0, &tile);
  for (int64_t i = 0; i < panels; i++) {
    if (pass->fetch_a && m0 + rows < b->m1) fetch_strip(b, pass, m0 + rows, i, panels);
    tile.cols = (int)least(kernels->cols, b->n1 - b->n0 - i * kernels->cols);
    tile.b = pass->panels + i * pass->panel_bytes;
    tile.c = c + i * kernels->cols * kernels->size;
    kernels->micro(&tile);
  }
}

static void run_strip_in_place(const block *b, const depth_pass *pass, int64_t m0, int rows)
{
  const product *p = b->p;
  const cpu_matrix *c = &p->ask->c;
  int64_t at = gemm_offset(&c->batch, b->batch) + m0 * b->ldc + b->n0;
  run_strip(b, pass, m0, rows, (char *)c->at + at * p->kernels->size);
}

/* A block of one pass needs no more sums than it hands over at a time. */
static void run_pass(const block *b, const depth_pass *pass)
{
  const product *p = b->p;
  int64_t row_bytes = b->ldc * p->kernels->size, held = b->m0;
  bool single = pass->first && pass->last;
  for (int64_t i = b->strip0; i < b->strip1; i++) {
    int64_t m0 = strip_begin(p->m, p->strips, i), m1 = strip_begin(p->m, p->strips, i + 1);
    if (p->in_place) {
      run_strip_in_place(b, pass, m0, (int)(m1 - m0));
      continue;
    }
    char *base = b->scratch->sums + (single ? 0 : held - b->m0) * row_bytes;
    run_strip(b, pass, m0, (int)(m1 - m0), base + (m0 - held) * row_bytes);
    bool full = (m1 - held + p->kernels->rows) * b->ldc > TILE_ELEMENTS;
    if (i + 1 == b->strip1 || full) {
      if (pass->last) hand_over(b, held, (int)(m1 - held), base);
      held = m1;
    }
  }
}

static void run_term(const block *b, int term, int64_t *done)
{
  const product *p = b->p;
  int64_t k = p->ask->term[term].k;
  depth_pass pass = {
    .a = source_of(b, term, CPU_A), .b = source_of(b, term, CPU_B), .term_k = k,
    .packed_a = p->turned ? NULL : factor(p, term, CPU_A)->packed,
    .packed_b = p->turned ? NULL : factor(p, term, CPU_B)->packed,
  };
  pass.a_in_place = a_in_place(p, &pass.a, k);
  pass.fetch_a = !pass.packed_a && worth_fetching(p, &pass.a, k);
  pass.b_in_place = !pass.packed_b && b_in_place(p, &pass.b, k);
  for (int64_t i = 0; i < pass_count(k); i++) {
    pass.depth = pass_begin(k, i);
    pass.k = pass_begin(k, i + 1) - pass.depth;
    pass.first = *done == 0;
    pass.last = ++*done == p->passes;
    find_panels(b, &pass);
    run_pass(b, &pass);
  }
}

/* No depth at all: C is zero. */
static void run_empty(const block *b)
{
  int64_t rows = least(b->m1 - b->m0, TILE_ELEMENTS / b->ldc + 1);
  size_t bytes = (size_t)(rows * b->ldc * b->p->kernels->size);
  for (int64_t m = b->m0; m < b->m1; m += rows) {
    memset(b->scratch->sums, 0, bytes);
    hand_over(b, m, (int)least(rows, b->m1 - m), b->scratch->sums);
  }
}

/* ---- one row ------------------------------------------------------------------------------------- */

static bool lies_well(const cpu_matrix *b, bool lane_is_row)
{
  gemm_source s = gemm_source_of(b, lane_is_row, 0);
  return s.type != CPU_F64 && !s.guards && !s.lane.offset && !s.depth.offset &&
         (s.lane.stride == 1 || s.depth.stride == 1);
}

static void run_thin(const block *b)
{
  const product *p = b->p;
  const gemm_kernels *kernels = p->kernels;
  float *x = (float *)(void *)b->scratch->panels, *y = (float *)(void *)b->scratch->sums;
  int64_t n = b->n1 - b->n0;
  memset(y, 0, (size_t)n * 4);
  for (int term = 0; term < p->ask->terms; term++) {
    gemm_source a = source_of(b, term, CPU_A), s = source_of(b, term, CPU_B), row = a;
    row.lane = a.depth, row.depth = a.lane, row.lane_is_row = !a.lane_is_row;
    int size = gemm_size(s.type);
    for (int64_t d = 0, k; d < p->ask->term[term].k; d += k) {
      k = least(THIN_DEPTH, p->ask->term[term].k - d);
      gemm_pack(kernels, &row, x, (int)k, d, (int)k, 0, 1);
      const char *at = s.at + (b->n0 * s.lane.stride + d * s.depth.stride) * size;
      if (s.lane.stride == 1) kernels->axpy(s.type, n, k, x, at, s.depth.stride, y);
      else kernels->dot(s.type, n, k, x, at, s.lane.stride, y);
    }
  }
  hand_over(b, 0, 1, y);
}

/* ---- a product ----------------------------------------------------------------------------------- */

static void run_job(product *p, int thread, int64_t job)
{
  block b = { .p = p, .thread = thread, .scratch = &p->gemm->scratch[thread] };
  int64_t i = job / p->n_blocks % p->m_blocks, j = job % p->n_blocks, done = 0;
  b.batch = job / p->n_blocks / p->m_blocks;
  b.strip0 = p->strips * i / p->m_blocks, b.strip1 = p->strips * (i + 1) / p->m_blocks;
  b.panel0 = p->panels * j / p->n_blocks, b.panel1 = p->panels * (j + 1) / p->n_blocks;
  b.m0 = strip_begin(p->m, p->strips, b.strip0), b.m1 = strip_begin(p->m, p->strips, b.strip1);
  b.n0 = b.panel0 * p->panel, b.n1 = least(p->n, b.panel1 * p->panel);
  /* A distance between rows that is no multiple of a page keeps them in different cache sets. */
  b.ldc = p->in_place ? c_row(p)->stride
                      : (b.panel1 - b.panel0) * p->panel + 64 / p->kernels->size;
  if (p->thin) run_thin(&b);
  else if (p->passes == 0) run_empty(&b);
  else
    for (int term = 0; term < p->ask->terms; term++) run_term(&b, term, &done);
}

static void run_thread(void *arg, int thread)
{
  product *p = arg;
  for (;;) {
    int64_t job = atomic_fetch_add_explicit(&p->next, 1, memory_order_relaxed);
    if (job >= p->jobs) return;
    run_job(p, thread, job);
  }
}

/* Blocks small enough for the scratch memory; then, given THREADS to share the work, the cut that
 * leaves the least for the busiest of them, counting what each block packs. */
static void cut(product *p, int threads)
{
  int64_t panel_bytes = least(p->depth_max, KC) * p->panel * p->kernels->size;
  int64_t n_most = p->thin ? THIN_PANELS : (PANELS_BYTES - GEMM_SLACK) / (panel_bytes + 1);
  int64_t wide = least(least(n_most * p->panel, p->n), BLOCK_COLUMNS) + p->panel;
  int64_t m_most = SUMS_BYTES / p->kernels->size / wide / p->kernels->rows;
  int64_t n_least = divide_up(p->panels, least(n_most, BLOCK_COLUMNS / p->panel));
  int64_t m_least = p->passes > 1 && !p->in_place ? divide_up(p->strips, m_most) : 1;
  double best = 0;
  p->m_blocks = m_least, p->n_blocks = n_least;
  for (int64_t share = 1; share <= 3 && threads > 1; share++)
    for (int64_t i = 1; i <= threads; i++) {
      int64_t nb = least(p->panels, n_least * i);
      int64_t mb = divide_up(threads * share, p->batch * nb);
      mb = least(mb < m_least ? m_least : mb, p->strips);
      double rows = (double)divide_up(p->strips, mb) * p->kernels->rows;
      double cols = (double)divide_up(p->panels, nb) * p->panel;
      double cost = (rows * cols / 32 + rows * 0.4 + cols * 0.4) *
                    (double)divide_up(p->batch * nb * mb, threads);
      if (best > 0 && cost >= best) continue;
      best = cost, p->m_blocks = mb, p->n_blocks = nb;
    }
  p->jobs = p->batch * p->m_blocks * p->n_blocks;
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

/* A single column is a single row of the transpose; and C stored by columns is better computed so. */
static bool better_turned(const cpu_product *ask)
{
  if (ask->n == 1) return ask->m > 1;
  return !ask->tile && ask->m > 1 && !any_packed(ask) && !ask->c.row.offset &&
         ask->c.row.stride == 1 && (ask->c.col.offset || ask->c.col.stride != 1);
}

static bool is_thin(const product *p)
{
  if (p->m != 1 || p->passes == 0 || !p->kernels->axpy) return false;
  for (int i = 0; i < p->ask->terms; i++)
    if (!lies_well(factor(p, i, CPU_B), p->turned)) return false;
  return true;
}

static bool holds_sums(const product *p)
{
  return !p->thin && !p->ask->tile && p->ask->c.type == p->kernels->type && p->passes > 0 &&
         !c_row(p)->offset && !c_col(p)->offset && c_col(p)->stride == 1;
}

/* How many threads the work is worth. */
static int useful_threads(const product *p, double depth)
{
  double work = (double)p->batch * (double)p->m * (double)p->n * depth;
  return work < (p->thin ? SMALL_BYTES / 4 : SMALL_WORK) ? 1 : p->gemm->threads;
}

void cpu_gemm_run(cpu_gemm *gemm, const cpu_product *ask)
{
  if (ask->batch <= 0 || ask->m <= 0 || ask->n <= 0) return;
  product p = { .gemm = gemm, .ask = ask, .batch = ask->batch, .turned = better_turned(ask) };
  double depth = 0;
  p.kernels = wide_factors(ask) ? gemm->f64 : gemm->f32;
  p.m = p.turned ? ask->n : ask->m;
  p.n = p.turned ? ask->m : ask->n;
  for (int i = 0; i < ask->terms; i++) {
    int64_t k = ask->term[i].k;
    p.passes += pass_count(k);
    depth += (double)k;
    if (k > p.depth_max) p.depth_max = k;
  }
  p.thin = is_thin(&p);
  p.in_place = holds_sums(&p);
  p.panel = p.thin ? THIN_COLUMNS : p.kernels->cols;
  p.strips = divide_up(p.m, p.kernels->rows);
  p.panels = divide_up(p.n, p.panel);
  int threads = useful_threads(&p, depth);
  cut(&p, threads);
  if (p.jobs < threads) threads = (int)p.jobs;
  if (threads == 1) run_thread(&p, 0);
  else base_parallel(gemm->pool, threads, run_thread, &p);
}

/* ---- factors packed once --------------------------------------------------------------------------- */

size_t cpu_gemm_packed_bytes(const cpu_gemm *gemm, cpu_side side, cpu_type accumulator,
                             int64_t lines, int64_t k)
{
  const gemm_kernels *kernels = accumulator == CPU_F64 ? gemm->f64 : gemm->f32;
  int64_t lanes = side == CPU_A ? lines : divide_up(lines, kernels->cols) * kernels->cols;
  return (size_t)(lanes * k * kernels->size) + GEMM_SLACK;
}

void cpu_gemm_pack(cpu_gemm *gemm, cpu_side side, cpu_type accumulator, int64_t lines, int64_t k,
                   const cpu_matrix *matrix, void *packed)
{
  const gemm_kernels *kernels = accumulator == CPU_F64 ? gemm->f64 : gemm->f32;
  gemm_source source = gemm_source_of(matrix, side == CPU_A, 0);
  char *to = packed;
  int64_t strips = divide_up(lines, side == CPU_A ? kernels->rows : kernels->cols);
  for (int64_t i = 0; i < strips; i++) {
    int64_t begin = side == CPU_A ? strip_begin(lines, strips, i) : i * kernels->cols;
    int64_t end = side == CPU_A ? strip_begin(lines, strips, i + 1)
                                : least(lines, begin + kernels->cols);
    int ld = side == CPU_A ? (int)(end - begin) : kernels->cols;
    gemm_pack(kernels, &source, to, ld, begin, (int)(end - begin), 0, k);
    to += k * ld * kernels->size;
  }
}
