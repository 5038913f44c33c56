/* gemm_block: the loops of one job, a block of C.
 *
 *   passes    over k, GEMM_KC at a time              gemm_run_job -> run_term -> run_pass
 *   panels    of B are packed into L2 once a pass    run_term -> pack_panels
 *   strips    of A are packed into L1, one by one    run_pass -> run_strip
 *   panels    against that strip, streaming from L2  run_strip -> micro-kernel
 *
 * A block's sums stay in scratch until its last pass, so nothing rounds on the way and the tile
 * hook sees finished elements only; a C that is stored in the accumulator type holds them itself.
 * Factors that are small, or are used once, are read where they lie. */
#include "device/cpu/gemm_product.h"

#include "base/base.h"

#include <string.h>

enum {
  TILE_ELEMENTS = 8192,              /* about what a tile hook is given at a time */
  THIN_DEPTH = 4096,                 /* of a pass of a thin product */
  SMALL_FACTOR = 32 << 10,           /* bytes of a factor not worth packing */
};

typedef struct block {
  gemm_product *p;
  int thread;
  int64_t batch;
  int64_t strip0, strip1, m0, m1;
  int64_t panel0, panel1, n0, n1;
  gemm_scratch *scratch;
  int64_t ldc;                       /* from one row of sums to the next */
} block;

static int64_t pass_begin(int64_t k, int64_t i)
{
  int64_t each = gemm_divide_up(gemm_divide_up(k, gemm_pass_count(k)), 16) * 16;
  return gemm_least(k, each * i);
}

/* ---- handing over finished elements ---------------------------------------------------------- */

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

static void store_run(const gemm_product *p, void *to, const char *sums, int n)
{
  cpu_type type = p->ask->c.type;
  if (p->kernels->type == CPU_F64) store_wide(type, to, (const double *)(const void *)sums, n);
  else store_row(p->gemm->convert, type, to, (const float *)(const void *)sums, n);
}

/* The tile hook of products that have none: C as it was described, here in the product's turn. */
static void store(const gemm_product *p, int64_t batch, int64_t m0, int64_t n0, int mc, int nc,
                  const char *c, int64_t ldc)
{
  enum { ROW = 512 };
  const cpu_matrix *out = &p->ask->c;
  const cpu_axis *row = gemm_c_row(p), *col = gemm_c_col(p);
  int size = gemm_size(out->type);
  int64_t step = p->kernels->size;
  char *at = (char *)out->at + gemm_offset(&out->batch, batch) * size;
  bool together = !col->offset && col->stride == 1;
  for (int i = 0; i < mc; i++, c += ldc * step) {
    char *line = at + gemm_offset(row, m0 + i) * size;
    if (together) {
      store_run(p, line + n0 * size, c, nc);
      continue;
    }
    for (int j = 0; j < nc; j += ROW) {
      double buffer[ROW];
      int n = nc - j < ROW ? nc - j : ROW;
      store_run(p, buffer, c + j * step, n);
      scatter_row(line, size, col, n0 + j, (char *)buffer, n);
    }
  }
}

static void hand_over(const block *b, int64_t m0, int mc, void *c)
{
  const gemm_product *p = b->p;
  const cpu_product *ask = p->ask;
  int nc = (int)(b->n1 - b->n0);
  if (!ask->tile) store(p, b->batch, m0, b->n0, mc, nc, c, b->ldc);
  else if (p->turned)                    /* a single row, which is its own transpose */
    ask->tile(ask->arg, b->thread, b->batch, b->n0, m0, nc, mc, c, 1);
  else
    ask->tile(ask->arg, b->thread, b->batch, m0, b->n0, mc, nc, c, b->ldc);
}

/* ---- a block --------------------------------------------------------------------------------- */

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

/* Rows a multiple of this apart would fight for the same few lines of the first cache. */
static bool spread(int64_t stride, int size)
{
  enum { CLASH = 2048 };
  return stride * size % CLASH != 0;
}

static bool a_in_place(const gemm_product *p, const gemm_source *a, int64_t k)
{
  int size = p->kernels->size;
  return a->type == p->kernels->type && gemm_affine(a) && p->m * k * size <= SMALL_FACTOR &&
         spread(a->lane.stride, size) && spread(a->depth.stride, size);
}

static bool worth_fetching(const gemm_product *p, const gemm_source *a, int64_t k)
{
  return gemm_affine(a) && (a->lane.stride == 1 || a->depth.stride == 1) &&
         p->m * k * gemm_size(a->type) > GEMM_NEAR;
}

/* A single strip uses every element of B once: packing it would only cost, unless it brings the
 * reading of a large one into the order of memory. */
static bool b_in_place(const gemm_product *p, const gemm_source *b, int64_t k)
{
  int size = p->kernels->size;
  if (b->type != p->kernels->type || b->lane.stride != 1 || !gemm_affine(b)) return false;
  if (p->strips == 1 && p->n * k * size <= GEMM_NEAR) return true;
  return p->n * k * size <= SMALL_FACTOR && spread(b->depth.stride, size);
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
      gemm_pack(kernels, &pass->b, to, kernels->cols, n, (int)gemm_least(kernels->cols, b->n1 - n),
                pass->depth + d, gemm_least(step, pass->k - d));
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
    pass->panel_bytes = kernels->cols * kernels->size;
    pass->panels = pass->b.at + (b->n0 + pass->depth * pass->b.depth.stride) * kernels->size;
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
    .b_depth = pass->b_in_place ? pass->b.depth.stride : kernels->cols, .c_row = b->ldc,
  };
  int64_t panels = b->panel1 - b->panel0;
  find_strip(b, pass, m0, &tile);
  for (int64_t i = 0; i < panels; i++) {
    if (pass->fetch_a && m0 + rows < b->m1) fetch_strip(b, pass, m0 + rows, i, panels);
    tile.cols = (int)gemm_least(kernels->cols, b->n1 - b->n0 - i * kernels->cols);
    tile.b = pass->panels + i * pass->panel_bytes;
    tile.c = c + i * kernels->cols * kernels->size;
    kernels->micro(&tile);
  }
}

static void run_strip_in_place(const block *b, const depth_pass *pass, int64_t m0, int rows)
{
  const gemm_product *p = b->p;
  const cpu_matrix *c = &p->ask->c;
  int64_t at = gemm_offset(&c->batch, b->batch) + m0 * b->ldc + b->n0;
  run_strip(b, pass, m0, rows, (char *)c->at + at * p->kernels->size);
}

/* A block of one pass needs no more sums than it hands over at a time. */
static void run_pass(const block *b, const depth_pass *pass)
{
  const gemm_product *p = b->p;
  int64_t row_bytes = b->ldc * p->kernels->size, held = b->m0;
  bool single = pass->first && pass->last;
  for (int64_t i = b->strip0; i < b->strip1; i++) {
    int64_t m0 = gemm_strip_begin(p->m, p->strips, i);
    int64_t m1 = gemm_strip_begin(p->m, p->strips, i + 1);
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
  const gemm_product *p = b->p;
  int64_t k = p->ask->term[term].k;
  depth_pass pass = {
    .a = gemm_factor_source(p, term, CPU_A, b->batch),
    .b = gemm_factor_source(p, term, CPU_B, b->batch), .term_k = k,
    .packed_a = p->turned ? NULL : gemm_factor(p, term, CPU_A)->packed,
    .packed_b = p->turned ? NULL : gemm_factor(p, term, CPU_B)->packed,
  };
  pass.a_in_place = a_in_place(p, &pass.a, k);
  pass.fetch_a = !pass.packed_a && worth_fetching(p, &pass.a, k);
  pass.b_in_place = !pass.packed_b && b_in_place(p, &pass.b, k);
  for (int64_t i = 0; i < gemm_pass_count(k); i++) {
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
  int64_t rows = gemm_least(b->m1 - b->m0, TILE_ELEMENTS / b->ldc + 1);
  size_t bytes = (size_t)(rows * b->ldc * b->p->kernels->size);
  for (int64_t m = b->m0; m < b->m1; m += rows) {
    memset(b->scratch->sums, 0, bytes);
    hand_over(b, m, (int)gemm_least(rows, b->m1 - m), b->scratch->sums);
  }
}

/* ---- a few rows ------------------------------------------------------------------------------ */

/* Adds a stretch of depth; x holds A's rows of it, widened. */
static void run_thin_pass(const block *b, gemm_thin *t, const gemm_source *lines,
                          const gemm_source *s, int64_t depth)
{
  const gemm_kernels *kernels = b->p->kernels;
  float *x = (float *)(void *)b->scratch->panels;
  int rows = (int)b->p->m;
  gemm_pack(kernels, lines, x, (int)t->x_row, depth, (int)t->k, 0, rows);
  memset(x + rows * t->x_row, 0, (size_t)((t->rows - rows) * t->x_row) * sizeof *x);
  t->b = s->at + (b->n0 * s->lane.stride + depth * s->depth.stride) * gemm_size(s->type);
  if (s->lane.stride == 1) t->ldb = s->depth.stride, kernels->axpy(t);
  else t->ldb = s->lane.stride, kernels->dot(t);
}

static void run_thin(const block *b)
{
  const gemm_product *p = b->p;
  int rows = p->m > 4 ? 8 : p->m > 2 ? 4 : (int)p->m;
  gemm_thin t = {
    .rows = rows, .n = b->n1 - b->n0, .x = (float *)(void *)b->scratch->panels,
    .x_row = THIN_DEPTH + 16, .y = (float *)(void *)b->scratch->sums, .y_row = b->ldc,
  };
  memset(t.y, 0, (size_t)(rows * b->ldc) * sizeof *t.y);
  for (int term = 0; term < p->ask->terms; term++) {
    int64_t k = p->ask->term[term].k;
    gemm_source a = gemm_factor_source(p, term, CPU_A, b->batch), lines = a;
    gemm_source s = gemm_factor_source(p, term, CPU_B, b->batch);
    lines.lane = a.depth, lines.depth = a.lane, lines.lane_is_row = !a.lane_is_row;
    t.b_type = s.type;
    for (int64_t d = 0; d < k; d += t.k) {
      t.k = gemm_least(THIN_DEPTH, k - d);
      run_thin_pass(b, &t, &lines, &s, d);
    }
  }
  hand_over(b, 0, (int)p->m, t.y);
}

/* ---- a job ----------------------------------------------------------------------------------- */

void gemm_run_job(gemm_product *p, int thread, int64_t job)
{
  block b = { .p = p, .thread = thread, .scratch = &p->gemm->scratch[thread] };
  int64_t i = job / p->n_blocks % p->m_blocks, j = job % p->n_blocks, done = 0;
  b.batch = job / p->n_blocks / p->m_blocks;
  b.strip0 = p->strips * i / p->m_blocks, b.strip1 = p->strips * (i + 1) / p->m_blocks;
  b.panel0 = p->panels * j / p->n_blocks, b.panel1 = p->panels * (j + 1) / p->n_blocks;
  b.m0 = gemm_strip_begin(p->m, p->strips, b.strip0);
  b.m1 = gemm_strip_begin(p->m, p->strips, b.strip1);
  b.n0 = b.panel0 * p->panel, b.n1 = gemm_least(p->n, b.panel1 * p->panel);
  b.ldc = p->in_place ? gemm_c_row(p)->stride
                      : (b.panel1 - b.panel0) * p->panel + GEMM_APART / p->kernels->size;
  if (p->thin) run_thin(&b);
  else if (p->passes == 0) run_empty(&b);
  else
    for (int term = 0; term < p->ask->terms; term++) run_term(&b, term, &done);
}
