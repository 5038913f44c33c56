/* contract: sums of products by gemm, what follows on them while the tile is in cache. */
#include <string.h>

#include "device/cpu/cpu.h"
#include "device/cpu/place.h"

typedef struct contract_segment {
  cpu_product product;
  cpu_term *term;
  cpu_start *start; /* of a, b of each term */
  cpu_start result; /* of C, without a tile */
  cpu_nest *tile;   /* what follows, by tiles; NULL: C is stored */
} contract_segment;

typedef struct contract {
  device_launch head;
  cpu_gemm *gemm;
  int n;
  contract_segment *segment;
} contract;

/* ---- running --------------------------------------------------------------------------------- */

static void follow(void *arg, int thread, int64_t batch, int64_t m0, int64_t n0, int mc, int nc,
                   void *c, int64_t ldc) {
  cpu_nest *nest = arg;
  cpu_nest_tile(nest, thread, batch, m0, n0, mc, nc, c, ldc * nest->tile_bytes);
}

static void run_contract(device_launch *self, void *const *data, const int64_t *symbols) {
  const contract *l = (const contract *)self;
  for (int s = 0; s < l->n; s++) {
    contract_segment *g = &l->segment[s];
    for (int i = 0; i < g->product.terms; i++) {
      g->term[i].a.at = cpu_start_at(&g->start[2 * i], data, symbols);
      g->term[i].b.at = cpu_start_at(&g->start[2 * i + 1], data, symbols);
    }
    if (g->tile)
      cpu_nest_begin(g->tile, data, symbols);
    else
      g->product.c.at = cpu_start_at(&g->result, data, symbols);
    cpu_gemm_run(l->gemm, &g->product);
  }
}

/* ---- segments -------------------------------------------------------------------------------- */

typedef struct roles { /* which indices are rows and columns */
  int nm, nn;
  const ir_index *const *m, *const *n;
  bool turned; /* A and B have changed places */
} roles;

static int64_t output_step(device_bind *bind, const ir_eq *eq, const ir_index *index) {
  cpu_place p = cpu_place_of(bind, eq->head, eq->lhs);
  return p.why ? 0 : cpu_place_step(&p, index);
}

/* Columns are the indices along which the results lie side by side. */
static roles choose_roles(device_bind *bind, const kernel_segment *seg) {
  const ir_eq *stored = seg->eq[seg->main].eq;
  for (int i = 0; i < seg->neq; i++)
    if (seg->eq[i].level == KERNEL_GLOBAL) stored = seg->eq[i].eq;
  bool turned =
      seg->nn == 0 || (seg->nm > 0 && output_step(bind, stored, seg->n[seg->nn - 1]) != 1 &&
                       output_step(bind, stored, seg->m[seg->nm - 1]) == 1);
  if (turned) return (roles){seg->nn, seg->nm, seg->n, seg->m, true};
  return (roles){seg->nm, seg->nn, seg->m, seg->n, false};
}

static const char *add_terms(device_bind *bind, const kernel_segment *seg, const roles *r,
                             contract_segment *g) {
  cpu_indices batch = cpu_indices_of(bind, seg->nbatch, seg->batch),
              m = cpu_indices_of(bind, r->nm, r->m), n = cpu_indices_of(bind, r->nn, r->n),
              k = cpu_indices_of(bind, seg->nk, seg->k);
  g->term = BASE_NEWS(bind->arena, cpu_term, seg->nproduct + 1);
  g->start = BASE_NEWS(bind->arena, cpu_start, 2 * seg->nproduct + 1);
  g->product = (cpu_product){
      .batch = batch.count, .m = m.count, .n = n.count, .term = g->term, .terms = seg->nproduct};
  for (int i = 0; i < seg->nproduct; i++) {
    const ir_expr *a = seg->product[i].a, *b = seg->product[i].b;
    cpu_term *t = &g->term[i];
    t->k = k.count;
    const char *why =
        cpu_add_factor(bind, r->turned ? b : a, &t->a, &g->start[2 * i], &batch, &m, &k);
    if (!why)
      why = cpu_add_factor(bind, r->turned ? a : b, &t->b, &g->start[2 * i + 1], &batch, &k, &n);
    if (why) return why;
  }
  return NULL;
}

/* The accumulator has the type of the equation's body. */
static const char *check_sums(const kernel_segment *seg, const contract_segment *g) {
  bool wide = false;
  for (int i = 0; i < seg->nproduct; i++)
    wide |= g->term[i].a.type == CPU_F64 || g->term[i].b.type == CPU_F64;
  return wide == (seg->eq[seg->main].eq->body->type == IR_F64)
             ? NULL
             : "sums in another type than the factors'";
}

static const char *store_result(device_bind *bind, const kernel_segment *seg, const roles *r,
                                contract_segment *g) {
  const ir_eq *eq = seg->eq[seg->main].eq;
  cpu_indices batch = cpu_indices_of(bind, seg->nbatch, seg->batch),
              m = cpu_indices_of(bind, r->nm, r->m), n = cpu_indices_of(bind, r->nn, r->n);
  cpu_place p = cpu_place_of(bind, eq->head, eq->lhs);
  if (p.why) return p.why;
  if (!cpu_gemm_type(eq->head->type, &g->product.c.type)) return "a result of integers";
  g->result = cpu_start_of(&p);
  g->product.c.batch = cpu_offsets(&p, &batch);
  g->product.c.row = cpu_offsets(&p, &m);
  g->product.c.col = cpu_offsets(&p, &n);
  return NULL;
}

static const char *add_tile(device_bind *bind, const kernel_segment *seg, const roles *r,
                            contract_segment *g) {
  const ir_eq *eq = seg->eq[seg->main].eq;
  int nframe = 0;
  const ir_index **frame =
      BASE_NEWS(bind->arena, const ir_index *, seg->nbatch + r->nm + r->nn + 1);
  for (int i = 0; i < seg->nbatch; i++) frame[nframe++] = seg->batch[i];
  for (int i = 0; i < r->nm; i++) frame[nframe++] = r->m[i];
  for (int i = 0; i < r->nn; i++) frame[nframe++] = r->n[i];
  if (nframe == 0) return "a single sum";
  cpu_home **homes = BASE_NEWS(bind->arena, cpu_home *, bind->program->tensors.n + 1);
  cpu_home *home = homes[eq->head->id] = BASE_NEW(bind->arena, cpu_home);
  int64_t bytes = (int64_t)ir_type_bytes((ir_type)eq->body->type);
  *home = (cpu_home){
      .type = (ir_type)eq->body->type, .source = CPU_LOCAL, .n = 1, .index = frame + nframe - 1};
  home->step = BASE_NEW(bind->arena, int64_t);
  home->step[0] = bytes;
  cpu_spec spec = {.nframe = nframe,
                   .frame = frame,
                   .neq = seg->neq,
                   .eq = seg->eq,
                   .home = homes,
                   .given = &seg->eq[seg->main],
                   .ntile = {seg->nbatch, r->nm, r->nn}};
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

const char *cpu_refuse_contract(const device *d, const kernel *k) {
  const char *why = NULL;
  (void)d;
  for (int s = 0; s < k->nsegment; s++)
    for (int i = 0; i < k->segment[s].nproduct && !why; i++) {
      why = cpu_refuse_factor(k->segment[s].product[i].a);
      if (!why) why = cpu_refuse_factor(k->segment[s].product[i].b);
    }
  return why;
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
