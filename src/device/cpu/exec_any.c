/* exec: every shape, one equation after another, each a nest of its own. What lives inside the
 * kernel gets memory for all of it. Scatters add to memory that was cleared before; a scan repeats
 * its equations for each value of its index. */
#include <math.h>
#include <string.h>

#include "device/cpu/convert.h"
#include "device/cpu/cpu.h"

enum { PART_RESULTS = 1 << 16 }; /* a reduction in parts has at most so many */

typedef struct any_memory { /* of a scatter's head: an accumulator, and the tensor if that is
                               another type */
  const ir_tensor *head;
  ir_agg agg;
  ir_type type; /* of the accumulators */
  int64_t count;
  void *at; /* NULL: the tensor's own */
} any_memory;

typedef struct any_step {
  cpu_nest *nest;
  any_memory *memory; /* cleared before, settled after; NULL: no scatter */
} any_step;

typedef struct any_segment {
  int n;
  any_step *step;
  int64_t scan; /* extent of the scanned index; < 0: none */
  bool down;
} any_segment;

typedef struct any {
  device_launch head;
  const cpu_convert *convert;
  int n;
  any_segment *segment;
} any;

/* ---- running --------------------------------------------------------------------------------- */

static void clear(const any_memory *m, void *at) {
  bool truth = m->head->type == IR_BOOL, all = m->agg == IR_MIN || m->agg == IR_PROD;
  double real = m->agg == IR_MAX ? -INFINITY : m->agg == IR_MIN ? INFINITY : m->agg == IR_PROD;
  int64_t whole = truth              ? all
                  : m->agg == IR_MAX ? INT64_MIN
                  : m->agg == IR_MIN ? INT64_MAX
                                     : m->agg == IR_PROD;
  for (int64_t i = 0; i < m->count; i++) switch (m->type) {
    case IR_F32: ((float *)at)[i] = (float)real; break;
    case IR_F64: ((double *)at)[i] = real; break;
    default: ((int64_t *)at)[i] = whole;
    }
}

/* Accumulators to the tensor's type. */
static void settle(const any *l, const any_memory *m, void *to) {
  switch (m->head->type) {
  case IR_F16: l->convert->f32_to_f16(to, m->at, m->count); return;
  case IR_BF16: l->convert->f32_to_bf16(to, m->at, m->count); return;
  case IR_I32:
    for (int64_t i = 0; i < m->count; i++) ((int32_t *)to)[i] = (int32_t)((int64_t *)m->at)[i];
    return;
  default:
    for (int64_t i = 0; i < m->count; i++) ((uint8_t *)to)[i] = ((int64_t *)m->at)[i] != 0;
  }
}

static void run_step(const any *l, const any_step *s, void *const *data, const int64_t *symbols) {
  const any_memory *m = s->memory;
  if (m) clear(m, m->at ? m->at : data[m->head->id]);
  cpu_nest_run(s->nest, data, symbols);
  if (m && m->at) settle(l, m, data[m->head->id]);
}

static void run_any(device_launch *self, void *const *data, const int64_t *symbols) {
  const any *l = (const any *)self;
  for (int s = 0; s < l->n; s++) {
    const any_segment *g = &l->segment[s];
    for (int64_t t = 0; t < (g->scan < 0 ? 1 : g->scan); t++)
      for (int i = 0; i < g->n; i++) {
        if (g->scan >= 0) g->step[i].nest->scan_at = g->down ? g->scan - 1 - t : t;
        run_step(l, &g->step[i], data, symbols);
      }
  }
}

/* ---- preparing ------------------------------------------------------------------------------- */

static int64_t count_of(device_bind *bind, const ir_tensor *t) {
  int64_t stride[64];
  return device_strides(t, bind->symbols, stride);
}

static cpu_home *whole_home(device_bind *bind, const ir_tensor *t, ir_type type) {
  cpu_home *home = BASE_NEW(bind->arena, cpu_home);
  size_t bytes = (size_t)count_of(bind, t) * ir_type_bytes(type);
  *home = (cpu_home){.type = type,
                     .whole = true,
                     .source = CPU_FIXED,
                     .offset = (int64_t)(intptr_t)cpu_alloc(bind, bytes)};
  return home;
}

static bool stands_in(const ir_eq *eq, const ir_index *index, int but) {
  for (int k = 0; k < eq->head->rank; k++)
    if (k != but && ir_mentions(eq->lhs[k], index)) return true;
  return false;
}

/* The indices of a scatter whose values go to different places: those that stand alone in a
 * position of the left side, and nowhere else on it. They can run in any order and side by side. */
static int apart(const ir_eq *eq, const ir_index **out) {
  int n = 0;
  for (int k = 0; k < eq->head->rank; k++) {
    const ir_expr *offset;
    const ir_index *index = ir_position_index(eq->lhs[k], &offset);
    if (index && !stands_in(eq, index, k)) out[n++] = index;
  }
  return n;
}

static cpu_nest *nest_of(device_bind *bind, const cpu_spec *spec) {
  const char *why;
  cpu_nest *nest = cpu_nest_make(bind, spec, &why);
  if (!nest)
    base_raise(bind->device->ctx, BASE_DEVICE, spec->eq->eq->span,
               "%s cannot be computed on this device: %s", spec->eq->eq->head->name, why);
  return nest;
}

static void prepare_scatter(device_bind *bind, any_step *step, cpu_home **home,
                            const kernel_eq *eq) {
  const ir_tensor *t = eq->eq->head;
  ir_type body = (ir_type)eq->eq->body->type, type = body == IR_BOOL ? IR_I64 : body;
  const ir_index *frame[64];
  any_memory *m = step->memory = BASE_NEW(bind->arena, any_memory);
  *m = (any_memory){.head = t, .agg = eq->eq->agg, .type = type, .count = count_of(bind, t)};
  cpu_home *shadow = NULL, *kept = home[t->id];
  if (type != t->type) shadow = home[t->id] = whole_home(bind, t, type);
  if (shadow) m->at = (void *)(intptr_t)shadow->offset;
  cpu_spec spec = {.frame = frame, .neq = 1, .eq = eq, .home = home, .scatter = true};
  spec.nframe = apart(eq->eq, frame);
  step->nest = nest_of(bind, &spec);
  home[t->id] = kept;
}

/* A long reduction to few results: its projected indices are shared out too, and the parts' results
 * joined. */
static cpu_nest *nest_in_parts(device_bind *bind, const cpu_spec *whole, cpu_nest *nest) {
  const ir_eq *eq = whole->eq->eq;
  const char *why;
  if (!cpu_nest_is_thin(nest) || eq->nred == 0 || whole->scan ||
      count_of(bind, eq->head) > PART_RESULTS)
    return nest;
  const ir_index **frame = BASE_NEWS(bind->arena, const ir_index *, eq->nred + eq->nfree + 1);
  cpu_spec parts = *whole;
  parts.frame = frame;
  parts.nframe = 0;
  for (int i = 0; i < eq->nred; i++) frame[parts.nframe++] = eq->red[i];
  for (int i = 0; i < eq->nfree; i++) frame[parts.nframe++] = eq->free[i];
  cpu_nest *better = cpu_nest_make(bind, &parts, &why);
  return better ? better : nest;
}

/* The whole of a scan as one nest, if it is made of maps: NULL if not. */
static cpu_nest *nest_of_scan(device_bind *bind, const kernel_segment *seg, cpu_home **home) {
  const ir_index **frame = BASE_NEWS(bind->arena, const ir_index *, seg->nframe + 1);
  const char *why;
  cpu_spec spec = {.frame = frame,
                   .neq = seg->neq,
                   .eq = seg->eq,
                   .home = home,
                   .scan = seg->scan,
                   .steps = true,
                   .down = seg->down};
  for (int i = 0; i < seg->nframe; i++)
    if (seg->frame[i] != seg->scan) frame[spec.nframe++] = seg->frame[i];
  for (int i = 0; i < seg->neq; i++)
    if (!ir_window(seg->eq[i].eq) || seg->eq[i].eq->nred > 0) return NULL;
  cpu_nest *nest = cpu_nest_make(bind, &spec, &why);
  return nest && nest->npass == 1 ? nest : NULL;
}

static void prepare_segment(device_bind *bind, any_segment *g, const kernel_segment *seg,
                            cpu_home **home) {
  g->scan = seg->scan ? ir_eval_size(seg->scan->extent, bind->symbols) : -1;
  g->down = seg->down;
  g->step = BASE_NEWS(bind->arena, any_step, seg->neq + 1);
  for (int i = 0; i < seg->neq; i++) {
    const ir_tensor *t = seg->eq[i].eq->head;
    if (seg->eq[i].level != KERNEL_GLOBAL && !home[t->id])
      home[t->id] = whole_home(bind, t, ir_type_computed(t->type));
  }
  cpu_nest *scan = seg->scan ? nest_of_scan(bind, seg, home) : NULL;
  if (scan) {
    g->scan = -1;
    g->step[g->n++].nest = scan;
    return;
  }
  for (int i = 0; i < seg->neq; i++) {
    const kernel_eq *eq = &seg->eq[i];
    any_step *step = &g->step[g->n++];
    if (!ir_window(eq->eq)) {
      prepare_scatter(bind, step, home, eq);
      continue;
    }
    const ir_index **frame = BASE_NEWS(bind->arena, const ir_index *, eq->eq->nfree + 1);
    cpu_spec spec = {.frame = frame, .neq = 1, .eq = eq, .home = home, .scan = seg->scan};
    for (int k = 0; k < eq->eq->nfree; k++)
      if (eq->eq->free[k] != seg->scan) frame[spec.nframe++] = eq->eq->free[k];
    step->nest = nest_in_parts(bind, &spec, nest_of(bind, &spec));
  }
}

device_launch *cpu_fall_back(device_bind *bind, const char *why) {
  const kernel *k = bind->kernel;
  const ir_tensor *t = k->nwrite ? k->write[0] : k->segment[0].eq[0].eq->head;
  base_log(bind->device->ctx, 1, "cpu: the %s kernel of %s runs one equation after another: %s",
           kernel_shape_name(k->shape), t->name, why);
  return cpu_prepare_any(bind);
}

device_launch *cpu_prepare_any(device_bind *bind) {
  const kernel *k = bind->kernel;
  any *l = BASE_NEW(bind->arena, any);
  cpu_home **home = BASE_NEWS(bind->arena, cpu_home *, bind->program->tensors.n + 1);
  l->head.run = run_any;
  l->convert = cpu_convert_for(cpu_of(bind->device)->isa);
  l->n = k->nsegment;
  l->segment = BASE_NEWS(bind->arena, any_segment, k->nsegment + 1);
  for (int s = 0; s < k->nsegment; s++) prepare_segment(bind, &l->segment[s], &k->segment[s], home);
  return &l->head;
}
