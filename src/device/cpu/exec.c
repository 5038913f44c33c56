/* exec: maps and rows as nests; and every shape, one equation after another, each with memory of its own. */
#include <string.h>

#include "device/cpu/cpu.h"

/* ---- nests: all at once, then their partial results ------------------------------------------------------------- */

typedef struct nests {
  device_launch head;
  base_pool *threads;
  int n, nworker;
  cpu_nest **nest;
} nests;

static void share(void *arg, int worker) {
  nests *l = arg;
  for (int i = 0; i < l->n; i++) cpu_nest_share(l->nest[i], worker);
}

static void run_nests(device_launch *self, void *const *data, const int64_t *symbols) {
  nests *l = (nests *)self;
  for (int i = 0; i < l->n; i++) cpu_nest_begin(l->nest[i], data, symbols);
  if (l->nworker > 1) base_parallel(l->threads, l->nworker, share, l);
  else share(l, 0);
  for (int i = 0; i < l->n; i++) cpu_nest_end(l->nest[i]);
}

device_launch *cpu_prepare_nests(device_bind *bind) {
  const kernel *k = bind->kernel;
  nests *l = BASE_NEW(bind->arena, nests);
  l->head.run = run_nests;
  l->threads = bind->device->threads;
  l->nest = BASE_NEWS(bind->arena, cpu_nest *, k->nsegment + 1);
  for (int s = 0; s < k->nsegment; s++) {
    const kernel_segment *seg = &k->segment[s];
    const char *why;
    cpu_nest *nest = cpu_nest_make(bind, seg->nframe, seg->frame, seg->neq, seg->eq, NULL, &why);
    if (!nest) return cpu_prepare_any(bind);
    l->nest[l->n++] = nest;
    if (nest->nworker > l->nworker) l->nworker = nest->nworker;
  }
  return &l->head;
}

/* ---- one equation after another ----------------------------------------------------------------------------------- */

typedef struct any {
  device_launch head;
  int n;
  cpu_nest **nest;
} any;

static void run_any(device_launch *self, void *const *data, const int64_t *symbols) {
  any *l = (any *)self;
  for (int i = 0; i < l->n; i++) cpu_nest_run(l->nest[i], data, symbols);
}

/* A value inside the kernel gets memory for all of it. */
static void give_home(device_bind *bind, cpu_home **home, const kernel_eq *eq) {
  const ir_tensor *t = eq->eq->head;
  int64_t stride[64];
  if (eq->level == KERNEL_GLOBAL || home[t->id]) return;
  int64_t count = device_strides(t, bind->symbols, stride);
  size_t bytes = (size_t)count * ir_type_bytes(ir_type_computed(t->type));
  home[t->id] = BASE_NEW(bind->arena, cpu_home);
  *home[t->id] = (cpu_home){.source = CPU_FIXED, .offset = (int64_t)(intptr_t)cpu_alloc(bind, bytes)};
}

device_launch *cpu_prepare_any(device_bind *bind) {
  const kernel *k = bind->kernel;
  any *l = BASE_NEW(bind->arena, any);
  cpu_home **home = BASE_NEWS(bind->arena, cpu_home *, bind->program->tensors.n + 1);
  int n = 0;
  for (int s = 0; s < k->nsegment; s++) n += k->segment[s].neq;
  l->head.run = run_any;
  l->nest = BASE_NEWS(bind->arena, cpu_nest *, n + 1);
  for (int s = 0; s < k->nsegment; s++)
    for (int i = 0; i < k->segment[s].neq; i++) {
      const kernel_eq *eq = &k->segment[s].eq[i];
      const char *why;
      give_home(bind, home, eq);
      l->nest[l->n] = cpu_nest_make(bind, eq->eq->nfree, eq->eq->free, 1, eq, home, &why);
      if (!l->nest[l->n++])
        base_raise(bind->device->ctx, BASE_DEVICE, eq->eq->span, "%s cannot be run on the processor: %s", eq->eq->head->name, why);
    }
  return &l->head;
}
