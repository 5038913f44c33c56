/* contract: sums of products by gemm, what follows on them while the tile is in cache. Every factor's place is a sum
 * of a part by rows and a part by columns, given to gemm as a stride or as a table of offsets. */
#include <string.h>

#include "device/cpu/cpu.h"

typedef struct factor {
  const ir_tensor *tensor;
  int64_t offset;            /* elements */
  const ir_expr *late;       /* and this many, known at each run; NULL: none */
} factor;

typedef struct contract_segment {
  cpu_product product;
  cpu_term *term;
  factor *factor;            /* a, b of each term */
  factor result;             /* C, without a tile */
  cpu_nest *tile;            /* what follows, by tiles; NULL: C is stored */
} contract_segment;

typedef struct contract {
  device_launch head;
  cpu_gemm *gemm;
  int n;
  contract_segment *segment;
} contract;

/* ---- running ---------------------------------------------------------------------------------------------------------- */

static void *at(const factor *f, cpu_type type, void *const *data, const int64_t *symbols) {
  static const int64_t bytes[] = {[CPU_F16] = 2, [CPU_BF16] = 2, [CPU_F32] = 4, [CPU_F64] = 8};
  int64_t offset = f->offset + (f->late ? ir_eval_size(f->late, symbols) : 0);
  return (char *)data[f->tensor->id] + offset * bytes[type];
}

static void follow(void *arg, int thread, int64_t batch, int64_t m0, int64_t n0, int mc, int nc, void *c, int64_t ldc) {
  cpu_nest *nest = arg;
  cpu_nest_tile(nest, thread, batch, m0, n0, mc, nc, c, ldc * nest->tile_bytes);
}

static void run_contract(device_launch *self, void *const *data, const int64_t *symbols) {
  const contract *l = (const contract *)self;
  for (int s = 0; s < l->n; s++) {
    contract_segment *g = &l->segment[s];
    for (int i = 0; i < g->product.terms; i++) {
      g->term[i].a.at = at(&g->factor[2 * i], g->term[i].a.type, data, symbols);
      g->term[i].b.at = at(&g->factor[2 * i + 1], g->term[i].b.type, data, symbols);
    }
    if (g->tile) cpu_nest_begin(g->tile, data, symbols);
    else g->product.c.at = at(&g->result, g->product.c.type, data, symbols);
    cpu_gemm_run(l->gemm, &g->product);
  }
}

/* ---- places --------------------------------------------------------------------------------------------------------------- */

static bool moves(const ir_expr *e) {
  if (e->op == IR_SYMBOL) return e->u.symbol->counter;
  for (int i = 0; i < e->n; i++)
    if (moves(e->arg[i])) return true;
  return false;
}

typedef struct place {       /* of the elements of a read or of a left side */
  device_bind *bind;
  const ir_tensor *tensor;
  int64_t stride[64], size[64];
  ir_affine *position;
  const char *why;           /* it cannot be given to gemm */
} place;

static int64_t coefficient(const place *p, int k, const ir_index *index) {
  for (int i = 0; i < p->position[k].n; i++)
    if (p->position[k].index[i] == index) return ir_eval_size(p->position[k].coefficient[i], p->bind->symbols);
  return 0;
}

static place place_of(device_bind *bind, const ir_tensor *t, const ir_expr *const *position) {
  place p = {.bind = bind, .tensor = t, .position = BASE_NEWS(bind->arena, ir_affine, t->rank + 1)};
  device_strides(t, bind->symbols, p.stride);
  for (int k = 0; k < t->rank; k++) {
    p.size[k] = ir_eval_size(t->size[k], bind->symbols);
    if (!ir_affine_of(bind->program, position[k], &p.position[k])) p.why = "a place that is not affine in the indices";
    for (int i = 0; i < p.position[k].n && !p.why; i++)
      if (moves(p.position[k].coefficient[i])) p.why = "a stride that changes in a loop";
  }
  return p;
}

static factor factor_of(const place *p) {
  factor f = {.tensor = p->tensor};
  ir_program *program = p->bind->program;
  for (int k = 0; k < p->tensor->rank; k++) {
    const ir_expr *constant = p->position[k].constant;
    if (!moves(constant)) {
      f.offset += p->stride[k] * ir_eval_size(constant, p->bind->symbols);
      continue;
    }
    const ir_expr *part = ir_binary(program, IR_MUL, constant, ir_int(program, p->stride[k]));
    f.late = f.late ? ir_binary(program, IR_ADD, f.late, part) : part;
  }
  return f;
}

typedef struct axis {        /* several indices run through as one, the last fastest */
  int n;
  const ir_index *const *index;
  int64_t extent[64], count;
} axis;

static axis axis_of(const device_bind *bind, int n, const ir_index *const *index) {
  axis a = {.n = n, .index = index, .count = 1};
  for (int i = 0; i < n; i++) a.count *= a.extent[i] = ir_eval_size(index[i]->extent, bind->symbols);
  return a;
}

/* START + the sum of step[i] index[i]: a stride where one is enough, else a table. */
static cpu_axis table(device_bind *bind, const axis *a, const int64_t *step, int64_t start) {
  int64_t stride = 0, reach = 1, where[64] = {0}, sum = start;
  bool plain = start == 0;
  for (int i = a->n - 1; i >= 0; i--) {
    if (a->extent[i] == 1) continue;
    if (reach == 1) stride = step[i];
    else plain &= step[i] == stride * reach;
    reach *= a->extent[i];
  }
  if (plain) return (cpu_axis){.stride = stride};
  int64_t *offset = cpu_alloc(bind, sizeof *offset * (size_t)(a->count + 1));
  for (int64_t k = 0; k < a->count; k++) {
    offset[k] = sum;
    for (int i = a->n - 1; i >= 0; i--) {
      sum += step[i];
      if (++where[i] < a->extent[i]) break;
      sum -= step[i] * a->extent[i];
      where[i] = 0;
    }
  }
  return (cpu_axis){.offset = offset};
}

static cpu_axis offsets(const place *p, const axis *a) {
  int64_t step[64];
  for (int i = 0; i < a->n; i++) {
    step[i] = 0;
    for (int k = 0; k < p->tensor->rank; k++) step[i] += p->stride[k] * coefficient(p, k, a->index[i]);
  }
  return table(p->bind, a, step, 0);
}

/* How far position k reaches over an axis. */
static void reach(const place *p, int k, const axis *a, int64_t *least, int64_t *most) {
  for (int i = 0; i < a->n; i++) {
    int64_t far = coefficient(p, k, a->index[i]) * (a->extent[i] - 1);
    *(far < 0 ? least : most) += far;
  }
}

/* Positions that may lie outside become guards: by row and column, which is all that gemm knows of. */
static void guard(place *p, cpu_matrix *m, const axis *batch, const axis *row, const axis *col) {
  cpu_guard *guards = BASE_NEWS(p->bind->arena, cpu_guard, p->tensor->rank + 1);
  for (int k = 0; k < p->tensor->rank; k++) {
    if (moves(p->position[k].constant)) continue;      /* proven inside by the compiler */
    int64_t start = ir_eval_size(p->position[k].constant, p->bind->symbols), least = start, most = start, step[64];
    reach(p, k, batch, &least, &most);
    if (least != start || most != start) {
      int64_t low = least, high = most;
      reach(p, k, row, &low, &high);
      reach(p, k, col, &low, &high);
      if (low < 0 || high >= p->size[k]) p->why = "a batch index may lead outside";
      continue;
    }
    reach(p, k, row, &least, &most);
    reach(p, k, col, &least, &most);
    if (least >= 0 && most < p->size[k]) continue;
    cpu_guard *g = &guards[m->guards++];
    g->size = p->size[k];
    for (int i = 0; i < row->n; i++) step[i] = coefficient(p, k, row->index[i]);
    g->row = table(p->bind, row, step, start);
    for (int i = 0; i < col->n; i++) step[i] = coefficient(p, k, col->index[i]);
    g->col = table(p->bind, col, step, 0);
  }
  m->guard = guards;
}

static bool gemm_type(ir_type type, cpu_type *out) {
  static const cpu_type of[IR_TYPES] = {[IR_F16] = CPU_F16, [IR_BF16] = CPU_BF16, [IR_F32] = CPU_F32, [IR_F64] = CPU_F64};
  *out = of[type];
  return type == IR_F16 || type == IR_BF16 || type == IR_F32 || type == IR_F64;
}

/* A factor: a read, widened perhaps. */
static const char *add_factor(device_bind *bind, const ir_expr *e, cpu_matrix *m, factor *f, const axis *batch, const axis *row,
                              const axis *col) {
  if (!e) return "a sum without a second factor";
  for (; e->op == IR_CAST; e = e->arg[0])
    if (e->u.to != IR_F32 && e->u.to != IR_F64) return "a factor that is rounded first";
  if (e->op != IR_READ) return "a factor that is more than a read";
  if (!gemm_type(e->u.tensor->type, &m->type)) return "a factor of integers";
  place p = place_of(bind, e->u.tensor, e->arg);
  if (p.why) return p.why;
  *f = factor_of(&p);
  m->batch = offsets(&p, batch);
  m->row = offsets(&p, row);
  m->col = offsets(&p, col);
  guard(&p, m, batch, row, col);
  return p.why;
}

/* ---- segments -------------------------------------------------------------------------------------------------------------- */

typedef struct roles {       /* which indices are rows and columns */
  int nm, nn;
  const ir_index *const *m, *const *n;
  bool turned;               /* A and B have changed places */
} roles;

static int64_t output_step(device_bind *bind, const ir_eq *eq, const ir_index *index) {
  place p = place_of(bind, eq->head, eq->lhs);
  int64_t step = 0;
  for (int k = 0; k < eq->head->rank && !p.why; k++) step += p.stride[k] * coefficient(&p, k, index);
  return step;
}

/* Columns are the indices along which the results lie side by side. */
static roles choose_roles(device_bind *bind, const kernel_segment *seg) {
  const ir_eq *stored = seg->eq[seg->main].eq;
  for (int i = 0; i < seg->neq; i++)
    if (seg->eq[i].level == KERNEL_GLOBAL) stored = seg->eq[i].eq;
  bool turned = seg->nn == 0 || (seg->nm > 0 && output_step(bind, stored, seg->n[seg->nn - 1]) != 1 &&
                                 output_step(bind, stored, seg->m[seg->nm - 1]) == 1);
  if (turned) return (roles){seg->nn, seg->nm, seg->n, seg->m, true};
  return (roles){seg->nm, seg->nn, seg->m, seg->n, false};
}

static const char *add_terms(device_bind *bind, const kernel_segment *seg, const roles *r, contract_segment *g) {
  axis batch = axis_of(bind, seg->nbatch, seg->batch), m = axis_of(bind, r->nm, r->m), n = axis_of(bind, r->nn, r->n),
       k = axis_of(bind, seg->nk, seg->k);
  g->term = BASE_NEWS(bind->arena, cpu_term, seg->nproduct + 1);
  g->factor = BASE_NEWS(bind->arena, factor, 2 * seg->nproduct + 1);
  g->product = (cpu_product){.batch = batch.count, .m = m.count, .n = n.count, .term = g->term, .terms = seg->nproduct};
  for (int i = 0; i < seg->nproduct; i++) {
    const ir_expr *a = seg->product[i].a, *b = seg->product[i].b;
    cpu_term *t = &g->term[i];
    t->k = k.count;
    const char *why = add_factor(bind, r->turned ? b : a, &t->a, &g->factor[2 * i], &batch, &m, &k);
    if (!why) why = add_factor(bind, r->turned ? a : b, &t->b, &g->factor[2 * i + 1], &batch, &k, &n);
    if (why) return why;
  }
  return NULL;
}

/* The accumulator has the type of the equation's body. */
static const char *check_sums(const kernel_segment *seg, const contract_segment *g) {
  bool wide = false;
  for (int i = 0; i < seg->nproduct; i++) wide |= g->term[i].a.type == CPU_F64 || g->term[i].b.type == CPU_F64;
  return wide == (seg->eq[seg->main].eq->body->type == IR_F64) ? NULL : "sums in another type than the factors'";
}

static const char *store_result(device_bind *bind, const kernel_segment *seg, const roles *r, contract_segment *g) {
  const ir_eq *eq = seg->eq[seg->main].eq;
  axis batch = axis_of(bind, seg->nbatch, seg->batch), m = axis_of(bind, r->nm, r->m), n = axis_of(bind, r->nn, r->n);
  place p = place_of(bind, eq->head, eq->lhs);
  if (p.why) return p.why;
  if (!gemm_type(eq->head->type, &g->product.c.type)) return "a result of integers";
  g->result = factor_of(&p);
  g->product.c.batch = offsets(&p, &batch);
  g->product.c.row = offsets(&p, &m);
  g->product.c.col = offsets(&p, &n);
  return NULL;
}

static const char *add_tile(device_bind *bind, const kernel_segment *seg, const roles *r, contract_segment *g) {
  const ir_eq *eq = seg->eq[seg->main].eq;
  int nframe = 0;
  const ir_index **frame = BASE_NEWS(bind->arena, const ir_index *, seg->nbatch + r->nm + r->nn + 1);
  for (int i = 0; i < seg->nbatch; i++) frame[nframe++] = seg->batch[i];
  for (int i = 0; i < r->nm; i++) frame[nframe++] = r->m[i];
  for (int i = 0; i < r->nn; i++) frame[nframe++] = r->n[i];
  if (nframe == 0) return "a single sum";
  cpu_home **homes = BASE_NEWS(bind->arena, cpu_home *, bind->program->tensors.n + 1);
  cpu_home *home = homes[eq->head->id] = BASE_NEW(bind->arena, cpu_home);
  int64_t bytes = (int64_t)ir_type_bytes((ir_type)eq->body->type);
  *home = (cpu_home){.type = (ir_type)eq->body->type, .source = CPU_LOCAL, .step = BASE_NEWS(bind->arena, int64_t, CPU_AXES)};
  home->step[nframe - 1] = bytes;
  cpu_spec spec = {.nframe = nframe, .frame = frame, .neq = seg->neq, .eq = seg->eq, .home = homes,
                   .given = &seg->eq[seg->main], .ntile = {seg->nbatch, r->nm, r->nn}};
  const char *why;
  g->tile = cpu_nest_make(bind, &spec, &why);
  if (!g->tile) return why;
  g->tile->tile_bytes = bytes;
  g->product.tile = follow;
  g->product.arg = g->tile;
  return NULL;
}

static const char *add_segment(device_bind *bind, const kernel_segment *seg, contract_segment *g) {
  roles r = choose_roles(bind, seg);
  const char *why = add_terms(bind, seg, &r, g);
  if (!why) why = check_sums(seg, g);
  if (why) return why;
  return seg->neq == 1 ? store_result(bind, seg, &r, g) : add_tile(bind, seg, &r, g);
}

device_launch *cpu_prepare_contract(device_bind *bind) {
  const kernel *k = bind->kernel;
  contract *l = BASE_NEW(bind->arena, contract);
  l->head.run = run_contract;
  l->gemm = cpu_of(bind->device)->gemm;
  l->n = k->nsegment;
  l->segment = BASE_NEWS(bind->arena, contract_segment, k->nsegment + 1);
  for (int s = 0; s < k->nsegment; s++) {
    const char *why = add_segment(bind, &k->segment[s], &l->segment[s]);
    if (why) return cpu_fall_back(bind, why);
  }
  return &l->head;
}
