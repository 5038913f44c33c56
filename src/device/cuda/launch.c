/* Running launches: parameters are brought up to date and the kernel is queued, or recorded. */
#include <string.h>

#include "device/cuda/cuda.h"

/* ---- parameters ------------------------------------------------------------------------------ */

static uint64_t address(const cuda_launch *l, const cuda_place *p, void *const *data,
                        const int64_t *symbols) {
  const cuda_device *d = l->device;
  const void *base = p->tensor >= 0               ? data[p->tensor]
                     : p->tensor == CUDA_SCRATCH ? d->scratch->data
                                                 : d->zeros->data;
  int64_t offset = p->offset;
  if (p->moving) offset += p->scale * ir_eval_size(p->moving, symbols);
  return (uint64_t)(uintptr_t)base + (uint64_t)offset;
}

static void fill_map(cuda_launch *l, CUtensorMap *to, const cuda_map *m, uint64_t at) {
  cuda_device *d = l->device;
  uint32_t step[5];
  for (int k = 0; k < 5; k++) step[k] = m->step[k] ? m->step[k] : 1;
  cuda_check(d,
             d->driver.cuTensorMapEncodeTiled(to, m->type, (unsigned)m->rank,
                                              (void *)(uintptr_t)at, m->size, m->stride, m->box,
                                              step, 0, m->swizzle, m->promotion, 0),
             "cuTensorMapEncodeTiled");
}

static void fill(cuda_launch *l, cuda_stage *stage, void *const *data, const int64_t *symbols) {
  for (int i = 0; i < stage->params.n; i++) {
    cuda_param *p = &stage->params.at[i];
    void *to = stage->values + p->at;
    if (p->kind == CUDA_POINTER) {
      uint64_t at = address(l, &p->place, data, symbols);
      memcpy(to, &at, sizeof at);
    } else if (p->kind == CUDA_COUNTER) {
      int64_t value = ir_eval_size(p->counter, symbols);
      memcpy(to, &value, sizeof value);
    } else if (p->kind == CUDA_MAP) {
      uint64_t at = address(l, &p->map->at, data, symbols);
      if (at != p->filled) fill_map(l, to, p->map, at);
      p->filled = at;
    }
  }
}

/* ---- queueing -------------------------------------------------------------------------------- */

static void queue(cuda_launch *l, cuda_stage *stage) {
  cuda_device *d = l->device;
  CUlaunchAttribute attribute[2];
  CUlaunchConfig config = {.grid = {stage->grid[0], stage->grid[1], stage->grid[2]},
                           .block = {stage->block, 1, 1},
                           .shared = stage->shared,
                           .stream = d->stream,
                           .attribute = attribute};
  if (stage->cluster[0]) {
    CUlaunchAttribute *a = &attribute[config.attributes++];
    a->id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
    memcpy(a->value.cluster, stage->cluster, sizeof stage->cluster);
  }
  if (stage->overlap) {
    CUlaunchAttribute *a = &attribute[config.attributes++];
    a->id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;
    a->value.on = 1;
  }
  d->last[d->queued++ % CUDA_LAST] = stage->name;
  cuda_check(d,
             d->driver.cuLaunchKernelEx(&config, stage->kernel->function, stage->argument, NULL),
             stage->name);
}

/* "tl_map_3 (Y, Z)": the entry and what it writes. */
static const char *stage_name(const cuda_launch *l, const cuda_stage *stage) {
  base_text text = base_text_open(l->arena);
  base_put(&text, stage->kernel->entry);
  for (int i = 0; l->kernel && i < l->kernel->nwrite && i < 4; i++)
    base_putf(&text, "%s%s", i ? ", " : " (", l->kernel->write[i]->name);
  if (l->kernel && l->kernel->nwrite) base_put(&text, l->kernel->nwrite > 4 ? ", ...)" : ")");
  return cuda_name(l->device, text.at);
}

static void make_ready(cuda_launch *l, cuda_stage *stage) {
  stage->name = stage->name ? cuda_name(l->device, stage->name) : stage_name(l, stage);
  stage->argument = BASE_NEWS(l->arena, void *, stage->starts.n + 1);
  for (int i = 0; i < stage->starts.n; i++)
    stage->argument[i] = stage->values + stage->starts.at[i];
}

void cuda_run(device_launch *self, void *const *data, const int64_t *symbols) {
  cuda_launch *l = (cuda_launch *)(void *)self;
  cuda_alive(l->device);
  for (int s = 0; s < l->nstage; s++) {
    cuda_stage *stage = &l->stage[s];
    if (stage->grid[0] == 0 || stage->grid[1] == 0 || stage->grid[2] == 0) continue;
    if (!stage->argument) make_ready(l, stage);
    fill(l, stage, data, symbols);
    if (l->device->recording) cuda_record_stage(l->device, stage);
    else queue(l, stage);
  }
}
