/* exec: maps and rows as nests, all segments of a kernel at once. */
#include <string.h>

#include "device/cpu/cpu.h"

/* ---- nests: all at once, then their partial results ------------------------------------------ */

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
  if (l->nworker > 1)
    base_parallel(l->threads, l->nworker, share, l);
  else
    share(l, 0);
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
    cpu_spec spec = {.nframe = seg->nframe, .frame = seg->frame, .neq = seg->neq, .eq = seg->eq};
    cpu_nest *nest = cpu_nest_make(bind, &spec, &why);
    if (!nest) return cpu_fall_back(bind, why);
    if (cpu_nest_is_thin(nest)) return cpu_prepare_any(bind);
    l->nest[l->n++] = nest;
    if (nest->nworker > l->nworker) l->nworker = nest->nworker;
  }
  return &l->head;
}
