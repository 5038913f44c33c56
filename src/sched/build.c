/* Groups to kernels: levels, roles of indices, tensors read and written. */
#include "sched/private.h"

static bool member_of(const sched_group *s, const ir_eq *source) {
  for (int i = 0; i < s->member.n; i++)
    if (s->member.at[i].source == source) return true;
  return false;
}

typedef struct reading {
  sched_graph *g;
  const sched_group *segment;
  const sched_member *writer;   /* asked about: is it only met exactly? */
  bool exact;
  kernel *kernel;               /* collected into */
} reading;

static const sched_member *writer_in(const sched_group *s, const ir_tensor *t) {
  for (int i = 0; i < s->member.n; i++)
    if (s->member.at[i].eq->head == t) return &s->member.at[i];
  return NULL;
}

static void ask_exact(void *arg, const ir_expr *read) {
  reading *r = arg;
  if (read->u.tensor == r->writer->eq->head &&
      sched_meet(r->g->p, r->writer->eq, read) != SCHED_EXACT)
    r->exact = false;
}

/* Nobody needs it in memory: one equation defines it, and all that read it run with it. */
static bool stays_inside(sched_graph *g, const sched_group *s, const sched_member *m) {
  const ir_tensor *t = m->eq->head;
  const sched_use *use = sched_use_of(g->use, t);
  if (m->inner) return true;
  if (use->kept || m->partial || t->eqs.n != 1 || !use->readers.n) return false;
  for (int i = 0; i < use->readers.n; i++)
    if (!member_of(s, use->readers.at[i])) return false;
  reading r = {.g = g, .segment = s, .writer = m, .exact = true};
  for (int i = 0; i < s->member.n; i++) sched_each_read(s->member.at[i].eq, ask_exact, &r);
  return r.exact;
}

static bool over_line(const sched_group *s, const ir_eq *eq) {
  for (int i = 0; i < eq->nfree; i++)
    if (sched_has(&s->line, eq->free[i])) return true;
  return false;
}

static bool over_frame_alone(const sched_group *s, const ir_eq *eq) {
  for (int i = 0; i < eq->nfree; i++)
    if (!sched_has(&s->frame, eq->free[i])) return false;
  return true;
}

static kernel_level level_of(sched_graph *g, const sched_group *s, const sched_member *m) {
  if (s->shape == KERNEL_SCATTER || !stays_inside(g, s, m)) return KERNEL_GLOBAL;
  switch (s->shape) {
    case KERNEL_ROW: return over_line(s, m->eq) ? KERNEL_LINE : KERNEL_REGISTER;
    case KERNEL_CONTRACT: return KERNEL_TILE;
    case KERNEL_ATTEND: return over_frame_alone(s, m->eq) ? KERNEL_LINE : KERNEL_TILE;
    default: return KERNEL_REGISTER;
  }
}

/* ---- tensors --------------------------------------------------------------------------------- */

static void add_tensor(ir_program *p, ir_tensor ***list, int *n, ir_tensor *t) {
  for (int i = 0; i < *n; i++)
    if ((*list)[i] == t) return;
  if ((*n & (*n - 1)) == 0) {
    ir_tensor **wider = BASE_NEWS(p->arena, ir_tensor *, 2 * *n + 1);
    for (int i = 0; i < *n; i++) wider[i] = (*list)[i];
    *list = wider;
  }
  (*list)[(*n)++] = t;
}

static void note_read(void *arg, const ir_expr *read) {
  reading *r = arg;
  const sched_member *m = writer_in(r->segment, read->u.tensor);
  if (m && sched_meet(r->g->p, m->eq, read) == SCHED_EXACT) return;
  add_tensor(r->g->p, &r->kernel->read, &r->kernel->nread, read->u.tensor);
}

static void note_tensors(sched_graph *g, const sched_group *s, kernel *k) {
  reading r = {.g = g, .segment = s, .kernel = k};
  for (int i = 0; i < s->member.n; i++) {
    sched_each_read(s->member.at[i].eq, note_read, &r);
    if (level_of(g, s, &s->member.at[i]) == KERNEL_GLOBAL)
      add_tensor(g->p, &k->write, &k->nwrite, s->member.at[i].eq->head);
  }
}

/* ---- segments -------------------------------------------------------------------------------- */

static const ir_index **copy_indices(ir_program *p, int n, const ir_index *const *index) {
  const ir_index **copy = BASE_NEWS(p->arena, const ir_index *, n + 1);
  for (int i = 0; i < n; i++) copy[i] = index[i];
  return copy;
}

static void set_product(sched_graph *g, kernel_segment *out) {
  pass_contraction c;
  while (out->main < out->neq && !pass_contraction_of(g->p, out->eq[out->main].eq, &c)) out->main++;
  out->nbatch = c.nbatch, out->nm = c.nm, out->nn = c.nn, out->nk = c.nk;
  out->batch = copy_indices(g->p, c.nbatch, c.batch);
  out->m = copy_indices(g->p, c.nm, c.m);
  out->n = copy_indices(g->p, c.nn, c.n);
  out->k = copy_indices(g->p, c.nk, c.k);
  out->nproduct = c.nproduct;
  out->product = BASE_NEWS(g->p->arena, kernel_product, c.nproduct);
  for (int i = 0; i < c.nproduct; i++)
    out->product[i] = (kernel_product){c.product[i].a, c.product[i].b};
}

static void build_segment(sched_graph *g, const sched_group *s, kernel_segment *out) {
  out->nframe = s->frame.n;
  out->frame = copy_indices(g->p, s->frame.n, s->frame.at);
  out->nline = s->line.n;
  out->line = copy_indices(g->p, s->line.n, s->line.at);
  out->neq = s->member.n;
  out->eq = BASE_NEWS(g->p->arena, kernel_eq, s->member.n);
  for (int i = 0; i < s->member.n; i++) {
    const sched_member *m = &s->member.at[i];
    out->eq[i] = (kernel_eq){.eq = m->eq, .level = level_of(g, s, m), .partial = m->partial};
  }
  out->scan = s->scan;
  out->down = s->down;
  if (s->shape == KERNEL_CONTRACT) set_product(g, out);
}

kernel *sched_build(sched_graph *g, const sched_group *group) {
  kernel *k = BASE_NEW(g->p->arena, kernel);
  k->shape = group->shape;
  for (const sched_group *s = group; s; s = s->next) k->nsegment++;
  k->segment = BASE_NEWS(g->p->arena, kernel_segment, k->nsegment);
  kernel_segment *out = k->segment;
  for (const sched_group *s = group; s; s = s->next) {
    build_segment(g, s, out++);
    note_tensors(g, s, k);
  }
  k->zero_first = k->shape == KERNEL_SCATTER;
  return k;
}
