/* attend: products around a softmax-like row. The rows of one index p are run in blocks: the scores
 * of a block by gemm into scratch, the row passes on it while it is in cache, the second product
 * from it. What joins two stages lives in the block; blocks are dealt to threads. */
#include <string.h>

#include "device/cpu/cpu.h"
#include "device/cpu/place.h"

enum { TERMS = 8, ROWS = 64, BLOCK_BYTES = 192 << 10 };

typedef struct operand { /* a factor or a result */
  cpu_start start;
  int64_t home;            /* in the block; < 0: in memory */
  int64_t batch[CPU_AXES]; /* bytes along each index of the frame but the last */
  int64_t row;             /* bytes along the last */
} operand;

typedef struct stage { /* a product, or what runs row by row */
  cpu_nest *nest;      /* NULL: a product */
  cpu_product product;
  cpu_term term[TERMS];
  operand a[TERMS], b[TERMS], c;
} stage;

typedef struct attend_segment {
  int nbatch;
  int64_t batch[CPU_AXES]; /* extents */
  int64_t batches, rows, block;
  int n;
  stage *stage;
  int64_t bytes; /* of a block's scratch */
} attend_segment;

typedef struct attend {
  device_launch head;
  device *device;
  int nworker;
  cpu_gemm **gemm;
  char **scratch; /* of each worker */
  int n;
  attend_segment *segment;
  const attend_segment *now;
  void *const *data;
  const int64_t *symbols;
} attend;

/* ---- running --------------------------------------------------------------------------------- */

static void *operand_at(const attend *l, const operand *o, const int64_t *where, int64_t row,
                        char *block) {
  if (o->home >= 0) return block + o->home;
  int64_t at = row * o->row;
  for (int i = 0; i < l->now->nbatch; i++) at += where[i] * o->batch[i];
  return (char *)cpu_start_at(&o->start, l->data, l->symbols) + at;
}

static void run_product(const attend *l, const stage *s, int worker, const int64_t *where,
                        int64_t row, int64_t rows, char *block) {
  cpu_product p = s->product;
  cpu_term term[TERMS];
  p.m = rows;
  p.term = term;
  for (int i = 0; i < p.terms; i++) {
    term[i] = s->term[i];
    term[i].a.at = operand_at(l, &s->a[i], where, row, block);
    term[i].b.at = operand_at(l, &s->b[i], where, row, block);
  }
  p.c.at = operand_at(l, &s->c, where, row, block);
  cpu_gemm_run(l->gemm[worker], &p);
}

static void run_block(const attend *l, int worker, int64_t batch, int64_t row, int64_t rows) {
  const attend_segment *g = l->now;
  int64_t where[CPU_AXES], rest = batch;
  for (int i = g->nbatch - 1; i >= 0; i--) {
    where[i] = rest % g->batch[i];
    rest /= g->batch[i];
  }
  for (int i = 0; i < g->n; i++) {
    const stage *s = &g->stage[i];
    if (s->nest)
      cpu_nest_rows(s->nest, worker, batch * g->rows + row, batch * g->rows + row + rows,
                    l->scratch[worker]);
    else
      run_product(l, s, worker, where, row, rows, l->scratch[worker]);
  }
}

static void share(void *arg, int worker) {
  const attend *l = arg;
  const attend_segment *g = l->now;
  int64_t each = (g->rows + g->block - 1) / g->block, all = each * g->batches;
  for (int64_t i = all * worker / l->nworker; i < all * (worker + 1) / l->nworker; i++) {
    int64_t row = i % each * g->block;
    run_block(l, worker, i / each, row, g->rows - row < g->block ? g->rows - row : g->block);
  }
}

static void run_attend(device_launch *self, void *const *data, const int64_t *symbols) {
  attend *l = (attend *)self;
  l->data = data;
  l->symbols = symbols;
  for (int s = 0; s < l->n; s++) {
    l->now = &l->segment[s];
    for (int i = 0; i < l->now->n; i++)
      if (l->now->stage[i].nest) cpu_nest_begin(l->now->stage[i].nest, data, symbols);
    if (l->nworker == 1)
      share(l, 0);
    else
      base_parallel(l->device->threads, l->nworker, share, l);
  }
}

/* ---- the parts of a segment ------------------------------------------------------------------ */

typedef struct making {
  device_bind *bind;
  const kernel_segment *seg;
  attend_segment *out;
  int nframe;
  const ir_index **frame; /* the batch, then the row index */
  const ir_index *row;
  int *stage; /* of each equation */
  cpu_home **home;
} making;

static const ir_expr *factor_read(const ir_expr *e) {
  while (e->op == IR_CAST) e = e->arg[0];
  return e->op == IR_READ ? e : NULL;
}

static bool is_sum_of_products(const ir_expr *e) {
  if (e->op == IR_ADD) return is_sum_of_products(e->arg[0]) && is_sum_of_products(e->arg[1]);
  return e->op == IR_MUL && !cpu_refuse_factor(e->arg[0]) && !cpu_refuse_factor(e->arg[1]);
}

static bool is_product(const ir_eq *eq) {
  return eq->agg == IR_SUM && eq->nred > 0 && ir_type_real((ir_type)eq->body->type) &&
         is_sum_of_products(eq->body);
}

/* Whether X stands in one factor of every product of E only. */
static bool divides(const ir_expr *e, const ir_index *x) {
  if (e->op == IR_ADD) return divides(e->arg[0], x) && divides(e->arg[1], x);
  return ir_mentions(e->arg[0], x) != ir_mentions(e->arg[1], x);
}

/* The last index of the frame by which every product's rows go. */
static const ir_index *row_index(const kernel_segment *seg) {
  for (int i = seg->nframe - 1; i >= 0; i--) {
    bool all = true;
    for (int k = 0; k < seg->neq && all; k++)
      if (is_product(seg->eq[k].eq)) all = divides(seg->eq[k].eq->body, seg->frame[i]);
    if (all) return seg->frame[i];
  }
  return NULL;
}

static void order_frame(making *m) {
  attend_segment *g = m->out;
  m->frame = BASE_NEWS(m->bind->arena, const ir_index *, m->seg->nframe + 1);
  g->batches = 1;
  for (int i = 0; i < m->seg->nframe; i++) {
    if (m->seg->frame[i] == m->row) continue;
    g->batch[m->nframe] = ir_eval_size(m->seg->frame[i]->extent, m->bind->symbols);
    g->batches *= g->batch[m->nframe];
    m->frame[m->nframe++] = m->seg->frame[i];
  }
  g->nbatch = m->nframe;
  m->frame[m->nframe++] = m->row;
  g->rows = ir_eval_size(m->row->extent, m->bind->symbols);
}

static bool in_frame(const making *m, const ir_index *x) {
  for (int i = 0; i < m->nframe; i++)
    if (m->frame[i] == x) return true;
  return false;
}

/* Products stand alone; the equations between two of them run together. */
static void cut_stages(making *m) {
  int n = 0;
  bool product = true;
  m->stage = BASE_NEWS(m->bind->arena, int, m->seg->neq + 1);
  for (int i = 0; i < m->seg->neq; i++) {
    bool now = is_product(m->seg->eq[i].eq);
    if (now || product) n++;
    product = now;
    m->stage[i] = n - 1;
  }
  m->out->n = n;
  m->out->stage = BASE_NEWS(m->bind->arena, stage, n + 1);
}

static bool read_in_stage_after(const making *m, int i) {
  for (int k = i + 1; k < m->seg->neq; k++)
    if (m->stage[k] != m->stage[i] && ir_reads(m->seg->eq[k].eq->body, m->seg->eq[i].eq->head))
      return true;
  return false;
}

/* Room in the block for what another stage reads: for each row the equation's other free indices,
 * side by side. */
static void give_homes(making *m) {
  m->home = BASE_NEWS(m->bind->arena, cpu_home *, m->bind->program->tensors.n + 1);
  for (int i = 0; i < m->seg->neq; i++) {
    const ir_eq *eq = m->seg->eq[i].eq;
    if (m->seg->eq[i].level == KERNEL_GLOBAL || m->home[eq->head->id] || !read_in_stage_after(m, i))
      continue;
    cpu_home *home = m->home[eq->head->id] = BASE_NEW(m->bind->arena, cpu_home);
    ir_type type = ir_type_computed(eq->head->type);
    int64_t step = (int64_t)ir_type_bytes(type);
    *home = (cpu_home){.type = type, .source = CPU_BLOCK, .offset = m->out->bytes};
    home->index = BASE_NEWS(m->bind->arena, const ir_index *, eq->nfree + 1);
    home->step = BASE_NEWS(m->bind->arena, int64_t, eq->nfree + 1);
    for (int k = eq->nfree - 1; k >= 0; k--) {
      if (in_frame(m, eq->free[k])) continue;
      home->index[home->n] = eq->free[k];
      home->step[home->n++] = step;
      step *= ir_eval_size(eq->free[k]->extent, m->bind->symbols);
    }
    if (home->n) step = (step + 63) & ~(int64_t)63;
    home->index[home->n] = m->row;
    home->step[home->n++] = step;
    m->out->bytes += (step * m->out->block + 127) & ~(int64_t)63;
  }
}

/* As many rows as leave the block in the cache. */
static void choose_block(making *m) {
  m->out->block = m->out->rows < ROWS ? m->out->rows : ROWS;
  if (m->out->block < 1) m->out->block = 1;
  give_homes(m);
  while (m->out->bytes > BLOCK_BYTES && m->out->block > 8) {
    m->out->block /= 2;
    m->out->bytes = 0;
    give_homes(m);
  }
}

/* ---- products -------------------------------------------------------------------------------- */

static cpu_axis home_axis(making *m, const cpu_home *home, const cpu_indices *indices) {
  int64_t step[CPU_AXES], size = (int64_t)ir_type_bytes(home->type);
  for (int i = 0; i < indices->n; i++) step[i] = cpu_home_step(home, indices->index[i]) / size;
  return cpu_table(m->bind, indices, step, 0);
}

static const char *place_in_memory(making *m, const ir_tensor *t, const ir_expr *const *position,
                                   operand *o) {
  cpu_place p = cpu_place_of(m->bind, t, position);
  int64_t size = (int64_t)ir_type_bytes(t->type);
  if (p.why) return p.why;
  o->home = -1;
  o->start = cpu_start_of(&p);
  for (int i = 0; i < m->out->nbatch; i++) o->batch[i] = cpu_place_step(&p, m->frame[i]) * size;
  o->row = cpu_place_step(&p, m->row) * size;
  return NULL;
}

static const char *add_factor(making *m, const ir_expr *e, cpu_matrix *out, operand *o,
                              const cpu_indices *row, const cpu_indices *col) {
  const ir_expr *read = factor_read(e);
  const cpu_home *home = m->home[read->u.tensor->id];
  cpu_indices batch = cpu_indices_of(m->bind, m->out->nbatch, m->frame);
  if (!home) {
    const char *why = cpu_add_factor(m->bind, e, out, &o->start, &batch, row, col);
    out->batch = (cpu_axis){0};
    return why           ? why
           : out->guards ? "a factor that may lie outside"
                         : place_in_memory(m, read->u.tensor, read->arg, o);
  }
  if (!cpu_gemm_type(home->type, &out->type)) return "a factor of integers";
  o->home = home->offset;
  out->row = home_axis(m, home, row);
  out->col = home_axis(m, home, col);
  return NULL;
}

static const char *add_terms(making *m, const ir_expr *e, stage *s, const cpu_indices *k,
                             const cpu_indices *n) {
  if (e->op == IR_ADD) {
    const char *why = add_terms(m, e->arg[0], s, k, n);
    return why ? why : add_terms(m, e->arg[1], s, k, n);
  }
  if (s->product.terms == TERMS) return "too many products in one sum";
  int i = s->product.terms++;
  bool first = ir_mentions(e->arg[0], m->row);
  const ir_expr *a = e->arg[first ? 0 : 1], *b = e->arg[first ? 1 : 0];
  for (int j = 0; j < n->n; j++)
    if (ir_mentions(a, n->index[j])) return "an index of the result in both factors";
  if (m->home[factor_read(b)->u.tensor->id]) return "a product of two inner values";
  cpu_indices rows = cpu_indices_of(m->bind, 1, &m->row);
  s->term[i].k = k->count;
  const char *why = add_factor(m, a, &s->term[i].a, &s->a[i], &rows, k);
  return why ? why : add_factor(m, b, &s->term[i].b, &s->b[i], k, n);
}

static const char *add_product(making *m, const ir_eq *eq, stage *s) {
  const ir_index **other = BASE_NEWS(m->bind->arena, const ir_index *, eq->nfree + 1);
  const cpu_home *home = m->home[eq->head->id];
  int nother = 0;
  for (int i = 0; i < eq->nfree; i++)
    if (!in_frame(m, eq->free[i])) other[nother++] = eq->free[i];
  cpu_indices k = cpu_indices_of(m->bind, eq->nred, eq->red),
              n = cpu_indices_of(m->bind, nother, other),
              rows = cpu_indices_of(m->bind, 1, &m->row);
  s->product = (cpu_product){.batch = 1, .n = n.count};
  const char *why = add_terms(m, eq->body, s, &k, &n);
  bool wide = false;
  for (int i = 0; i < s->product.terms && !why; i++)
    wide |= s->term[i].a.type == CPU_F64 || s->term[i].b.type == CPU_F64;
  if (why) return why;
  if (wide != (eq->body->type == IR_F64)) return "sums in another type than the factors'";
  if (!cpu_gemm_type(home ? home->type : eq->head->type, &s->product.c.type))
    return "a result of integers";
  if (home) {
    s->c.home = home->offset;
    s->product.c.row = home_axis(m, home, &rows);
    s->product.c.col = home_axis(m, home, &n);
    return NULL;
  }
  cpu_place p = cpu_place_of(m->bind, eq->head, eq->lhs);
  if (p.why) return p.why;
  s->product.c.row = cpu_offsets(&p, &rows);
  s->product.c.col = cpu_offsets(&p, &n);
  return place_in_memory(m, eq->head, eq->lhs, &s->c);
}

/* ---- segments -------------------------------------------------------------------------------- */

static const char *add_rows(making *m, int first, int n, stage *s) {
  const char *why;
  cpu_spec spec = {.nframe = m->nframe,
                   .frame = m->frame,
                   .neq = n,
                   .eq = &m->seg->eq[first],
                   .home = m->home,
                   .rows = true};
  s->nest = cpu_nest_make(m->bind, &spec, &why);
  return s->nest ? NULL : why;
}

static const char *add_segment(device_bind *bind, const kernel_segment *seg, attend_segment *out) {
  making m = {.bind = bind, .seg = seg, .out = out};
  const char *why = NULL;
  m.row = row_index(seg);
  if (!m.row) return "no index of the frame is the rows of every product";
  order_frame(&m);
  cut_stages(&m);
  choose_block(&m);
  for (int i = 0; i < seg->neq && !why;) {
    int n = 1;
    while (i + n < seg->neq && m.stage[i + n] == m.stage[i]) n++;
    stage *s = &out->stage[m.stage[i]];
    why = is_product(seg->eq[i].eq) ? add_product(&m, seg->eq[i].eq, s) : add_rows(&m, i, n, s);
    i += n;
  }
  return why;
}

device_launch *cpu_prepare_attend(device_bind *bind) {
  const kernel *k = bind->kernel;
  attend *l = BASE_NEW(bind->arena, attend);
  int64_t bytes = 0;
  l->head.run = run_attend;
  l->device = bind->device;
  l->nworker = cpu_threads(bind->device);
  l->gemm = cpu_solo_gemms(bind->device);
  l->n = k->nsegment;
  l->segment = BASE_NEWS(bind->arena, attend_segment, k->nsegment + 1);
  for (int s = 0; s < k->nsegment; s++) {
    const char *why = add_segment(bind, &k->segment[s], &l->segment[s]);
    if (why) return cpu_fall_back(bind, why);
    if (l->segment[s].bytes > bytes) bytes = l->segment[s].bytes;
  }
  l->scratch = BASE_NEWS(bind->arena, char *, l->nworker);
  for (int w = 0; w < l->nworker; w++) l->scratch[w] = cpu_alloc(bind, (size_t)bytes);
  return &l->head;
}
