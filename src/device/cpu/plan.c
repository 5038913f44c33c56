/* plan: which equations run together, along which axis, and where values wait for each other. */
#include "device/cpu/plan.h"

#include <string.h>

/* ---- equations ------------------------------------------------------------------------------- */

static uint64_t bit(int axis) { return (uint64_t)1 << axis; }

static int add_axis(cpu_nest *nest, const ir_index *index) {
  int axis = cpu_nest_axis(nest, index);
  if (axis >= 0) return axis;
  if (nest->naxis == CPU_AXES) return -1;
  nest->index[nest->naxis] = index;
  nest->extent[nest->naxis] = ir_eval_size(index->extent, nest->bind->symbols);
  return nest->naxis++;
}

static uint64_t axes_of(cpu_nest *nest, int n, const ir_index *const *index) {
  uint64_t set = 0;
  for (int i = 0; i < n; i++) set |= bit(add_axis(nest, index[i]));
  return set;
}

static bool reads_head(const kernel_code *code, const ir_tensor *t) {
  for (int i = 0; i < code->values.n; i++)
    if (code->values.at[i].op == IR_READ && code->values.at[i].u.access->tensor == t) return true;
  return false;
}

static const char *survey_eq(plan *p, plan_eq *q, const kernel_eq *eq) {
  cpu_nest *nest = p->nest;
  uint64_t frame = bit(nest->nframe) - 1;
  *q = (plan_eq){.eq = eq, .given = eq == p->given};
  q->free = axes_of(nest, eq->eq->nfree, eq->eq->free);
  q->red = q->given ? 0 : axes_of(nest, eq->eq->nred, eq->eq->red);
  if (nest->naxis >= CPU_AXES) return "too many indices";
  if (nest->scan >= 0) q->free &= ~bit(nest->scan), q->red &= ~bit(nest->scan);
  if (p->scatter) q->red |= q->free & ~frame, q->free &= frame;
  q->inner = (q->free | q->red) & ~frame;
  if (((q->free | q->red) & frame) != frame) return "an equation does not run over the whole frame";
  q->partial = (q->red & frame) != 0;
  q->code = kernel_code_open(nest->arena, nest->bind->program);
  if (q->given)
    kernel_code_add_given(q->code, eq);
  else
    kernel_code_add(q->code, eq);
  for (int k = 0; k < eq->eq->head->rank; k++)
    if (!p->scatter && q->code->outputs.at[0].access->position[k].value >= 0)
      return "a left side depends on data";
  return NULL;
}

/* ---- cost: nanoseconds, roughly -------------------------------------------------------------- */

static const double LINE_COST = 15, TILE_COST = 4, NEAR_COST = 2, FAR_COST = 50;

/* Does T live in the kernel alone? Then it will lie along whatever axis is run. */
static bool lies_inside(const plan *p, const ir_tensor *t) {
  for (int i = 0; i < p->neq; i++)
    if (p->eq[i].eq->eq->head == t) return p->eq[i].eq->level != KERNEL_GLOBAL;
  return false;
}

static double access_cost(const plan *p, const kernel_code *code, const kernel_access *a,
                          int axis) {
  int64_t step, size = (int64_t)ir_type_bytes(cpu_stored_type(p->nest, a->tensor));
  if (axis < 0) return 0;
  if (!cpu_access_step(p->nest, code, a, axis, &step)) return FAR_COST;
  if (step != 0 && lies_inside(p, a->tensor)) return NEAR_COST;
  return step == 0 ? 0 : step == size ? NEAR_COST : FAR_COST;
}

static double value_cost(const kernel_value *v) {
  double wide = v->type == IR_F64 || v->type == IR_I64 ? 8 : 1;
  if (v->op == IR_CONST || v->op == IR_INDEX || v->op == IR_READ) return 0;
  return wide * (1 + 0.8 * (ir_ops[v->op].cost - 1));
}

/* An equation run along AXIS. */
static double eq_cost(const plan *p, const plan_eq *q, int axis) {
  const cpu_nest *nest = p->nest;
  double points = 1, tile = TILE_COST;
  for (int i = 0; i < nest->naxis; i++)
    if (((q->free | q->red) & bit(i)) && i != axis) points *= (double)nest->extent[i];
  for (int i = 0; i < q->code->values.n; i++) {
    const kernel_value *v = &q->code->values.at[i];
    tile += value_cost(v);
    if (v->op == IR_READ) tile += access_cost(p, q->code, v->u.access, axis);
  }
  if (axis < 0 || !(q->red & bit(axis)))
    tile += access_cost(p, q->code, q->code->outputs.at[0].access, axis);
  double tiles = axis < 0 ? 1 : (double)((nest->extent[axis] + VM_TILE - 1) / VM_TILE);
  return points * (LINE_COST + tiles * tile);
}

static int cheapest(const plan *p, uint64_t among, const plan_eq *q, int n, double *cost) {
  int best = -1;
  for (int axis = 0; axis < p->nest->naxis; axis++) {
    if (!(among & bit(axis))) continue;
    double sum = 0;
    for (int i = 0; i < n; i++) sum += eq_cost(p, &q[i], axis);
    if (best < 0 || sum < *cost) best = axis, *cost = sum;
  }
  return best;
}

/* Strips along an axis of the frame, or lines along inner ones. */
static void choose_form(plan *p, bool rows) {
  cpu_nest *nest = p->nest;
  double lines = 0, strips = 0;
  for (int i = 0; i < p->neq; i++) {
    double cost = eq_cost(p, &p->eq[i], -1);
    p->eq[i].v = p->eq[i].inner ? cheapest(p, p->eq[i].inner, &p->eq[i], 1, &cost) : -1;
    lines += cost;
  }
  p->v = cheapest(p, bit(nest->nframe) - 1, p->eq, p->neq, &strips);
  nest->strips = p->v >= 0 && strips <= lines && !rows;
  nest->cost = nest->strips ? strips : lines;
  for (int i = 0; i < p->neq && nest->strips; i++) p->eq[i].v = p->v;
}

/* ---- passes ---------------------------------------------------------------------------------- */

static bool along_line(const plan_eq *q) { return q->v >= 0 && (q->red & bit(q->v)); }

/* Partial results that lie along the vector axis are added to memory at once: nothing starts or
 * finishes them. */
static bool accumulates(const plan_eq *q) { return q->red && !(q->partial && !along_line(q)); }

static bool fits(const plan *p, const plan_pass *pass, const plan_eq *q) {
  uint64_t inner_red = q->red & ~(bit(p->nest->nframe) - 1);
  if (pass->inner != q->inner) return false;
  if (!q->red) return true;
  if ((pass->reduces || pass->partial) && pass->v != q->v) return false;
  return !accumulates(q) || !pass->reduces ||
         (pass->red == inner_red && pass->along == along_line(q));
}

/* The first pass in which Q may stand: behind the reductions it reads, not before the maps. */
static int earliest(const plan *p, const plan_eq *q, const char **why) {
  int least = 0;
  for (const plan_eq *d = p->eq; d < q; d++) {
    if (!reads_head(q->code, d->eq->eq->head)) continue;
    if (d->partial) *why = "a result over the whole frame is read inside";
    bool together = d->red == 0 && d->inner == q->inner;
    int after = d->pass + !together;
    if (after > least) least = after;
  }
  return least;
}

static const char *form_passes(plan *p) {
  const char *why = NULL;
  for (int i = 0; i < p->neq; i++) {
    plan_eq *q = &p->eq[i];
    int k = earliest(p, q, &why);
    while (k < p->npass && !fits(p, &p->pass[k], q)) k++;
    if (k >= PLAN_PASSES) return "too many passes";
    plan_pass *pass = &p->pass[k];
    if (k == p->npass) {
      p->npass++;
      *pass = (plan_pass){.inner = q->inner, .v = q->v};
    }
    q->pass = k;
    if (!q->red) continue;
    pass->v = q->v;
    pass->partial |= q->partial;
    if (!accumulates(q)) continue;
    pass->reduces = true;
    pass->red = q->red & ~(bit(p->nest->nframe) - 1);
    pass->along = along_line(q);
  }
  return why;
}

/* Equations of a pass share its axis; a map that came first may have wanted another. */
static void align(plan *p) {
  for (int i = 0; i < p->neq; i++) p->eq[i].v = p->pass[p->eq[i].pass].v;
}

/* ---- homes ----------------------------------------------------------------------------------- */

static bool read_later(const plan *p, const plan_eq *q) {
  for (const plan_eq *r = q + 1; r < p->eq + p->neq; r++)
    if (r->pass > q->pass && reads_head(r->code, q->eq->eq->head)) return true;
  return false;
}

static void add_step(cpu_home *home, const ir_index *index, int64_t step) {
  home->index[home->n] = index;
  home->step[home->n++] = step;
}

/* Other indices of the frame may be merged with the vector axis later. */
static int64_t longest_strip(const cpu_nest *nest) {
  int64_t points = 1;
  for (int i = 0; i < nest->nframe; i++) {
    points *= nest->extent[i];
    if (points == 0 || points > PLAN_STRIP) return PLAN_STRIP;
  }
  return points;
}

/* Scratch of a worker over AXES, the vector axis innermost. */
static cpu_home *reserve(plan *p, uint64_t axes, int v, ir_type type) {
  cpu_nest *nest = p->nest;
  cpu_home *home = BASE_NEW(nest->arena, cpu_home);
  int64_t stride = (int64_t)ir_type_bytes(type);
  *home = (cpu_home){.type = type, .source = CPU_LOCAL, .offset = nest->local_bytes};
  home->index = BASE_NEWS(nest->arena, const ir_index *, nest->naxis + 1);
  home->step = BASE_NEWS(nest->arena, int64_t, nest->naxis + 1);
  if (v >= 0 && (nest->strips || (axes & bit(v)))) {
    add_step(home, nest->index[v], stride);
    stride *= nest->strips ? longest_strip(nest) : nest->extent[v];
  }
  for (int i = nest->naxis - 1; i >= nest->nframe; i--) {
    if (i == v || !(axes & bit(i))) continue;
    add_step(home, nest->index[i], stride);
    stride *= nest->extent[i];
  }
  nest->local_bytes += (stride + 127) & ~(int64_t)63;
  return home;
}

static const char *give_homes(plan *p) {
  for (int i = 0; i < p->neq; i++) {
    plan_eq *q = &p->eq[i];
    ir_tensor *head = q->eq->eq->head;
    if (q->eq->level == KERNEL_GLOBAL || p->nest->home[head->id] || !read_later(p, q)) continue;
    if (!p->nest->strips && !(q->free & ~(bit(p->nest->nframe) - 1)) &&
        ir_type_computed(head->type) == IR_F32) {
      cpu_home *home = p->nest->home[head->id] = BASE_NEW(p->nest->arena, cpu_home);
      *home = (cpu_home){.type = IR_F32, .source = CPU_SCALAR, .offset = p->nest->pool.scalars++};
      continue;
    }
    p->nest->home[head->id] = reserve(p, q->free, p->pass[q->pass].v, ir_type_computed(head->type));
    if (p->nest->local_bytes > PLAN_SCRATCH)
      return "an inner value is too large for the scratch memory";
  }
  return NULL;
}

/* ---- all ------------------------------------------------------------------------------------- */

const char *plan_make(plan *p, const cpu_spec *spec) {
  cpu_nest *nest = p->nest;
  const char *why = NULL;
  int neq = spec->neq;
  p->given = spec->given;
  p->scatter = spec->scatter;
  p->rows = spec->rows;
  p->tiles = spec->ntile[0] + spec->ntile[1] + spec->ntile[2] > 0;
  nest->index = BASE_NEWS(nest->arena, const ir_index *, CPU_AXES);
  nest->extent = BASE_NEWS(nest->arena, int64_t, CPU_AXES);
  if (spec->nframe >= CPU_AXES) return "too many indices";
  axes_of(nest, spec->nframe, spec->frame);
  nest->nframe = nest->naxis;
  nest->scan = spec->scan ? add_axis(nest, spec->scan) : -1;
  p->neq = neq;
  p->eq = BASE_NEWS(nest->arena, plan_eq, neq + 1);
  p->pass = BASE_NEWS(nest->arena, plan_pass, PLAN_PASSES + 1);
  for (int i = 0; i < neq && !why; i++) why = survey_eq(p, &p->eq[i], &spec->eq[i]);
  if (why) return why;
  if (p->tiles) {
    p->v = nest->nframe - 1;
    nest->strips = true;
    for (int i = 0; i < p->neq; i++) p->eq[i].v = p->v;
  } else {
    choose_form(p, spec->rows);
  }
  why = form_passes(p);
  if (why) return why;
  align(p);
  return give_homes(p);
}

cpu_home *plan_scratch(plan *p, const plan_eq *q) {
  ir_type type = (ir_type)q->eq->eq->body->type;
  return reserve(p, q->free, p->pass[q->pass].v, type == IR_BOOL ? IR_I64 : type);
}
