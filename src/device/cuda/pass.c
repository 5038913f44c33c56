/* Describing a launch: stages and their parameters, laid out as a C struct would be. */
#include <string.h>

#include "device/cuda/cuda.h"

enum { BLOCK_ALIGN = 128 };           /* of a parameter block: a CUtensorMap wants 64 */

cuda_launch *cuda_launch_new(device_bind *bind, int n) {
  cuda_launch *l = BASE_NEW(bind->arena, cuda_launch);
  *l = (cuda_launch){.head = {.run = cuda_run},
                     .device = cuda_of(bind->device),
                     .arena = bind->arena,
                     .kernel = bind->kernel,
                     .nstage = n,
                     .stage = BASE_NEWS(bind->arena, cuda_stage, n + 1)};
  for (int s = 0; s < n; s++)
    l->stage[s] = (cuda_stage){.grid = {1, 1, 1}, .block = 1};
  return l;
}

char *cuda_block_of(base_arena *arena, int bytes) {
  char *p = base_alloc(arena, (size_t)bytes + BLOCK_ALIGN);
  return (void *)(((uintptr_t)p + BLOCK_ALIGN - 1) & ~(uintptr_t)(BLOCK_ALIGN - 1));
}

/* Where N bytes of this alignment start in the block of parameters. */
static int room(cuda_launch *l, cuda_stage *stage, int n, int align) {
  int at = (stage->bytes + align - 1) / align * align;
  if (at + n > stage->cap) {
    int cap = 2 * (at + n) > 256 ? 2 * (at + n) : 256;
    char *values = cuda_block_of(l->arena, cap);
    if (stage->bytes) memcpy(values, stage->values, (size_t)stage->bytes);
    stage->values = values;
    stage->cap = cap;
  }
  stage->bytes = at + n;
  return at;
}

void cuda_struct_open(cuda_launch *l, int s) {
  cuda_stage *stage = &l->stage[s];
  int at = room(l, stage, 0, BLOCK_ALIGN);
  BASE_PUSH(l->arena, &stage->starts, at);
  stage->in_struct = true;
}

void cuda_struct_close(cuda_launch *l, int s) { l->stage[s].in_struct = false; }

static cuda_param *pass(cuda_launch *l, int s, cuda_param_kind kind, int n, int align) {
  cuda_stage *stage = &l->stage[s];
  int at = room(l, stage, n, align);
  if (!stage->in_struct) BASE_PUSH(l->arena, &stage->starts, at);
  BASE_PUSH(l->arena, &stage->params, ((cuda_param){.kind = kind, .at = at, .bytes = n}));
  return &stage->params.at[stage->params.n - 1];
}

void cuda_pass_place(cuda_launch *l, int s, const cuda_place *place) {
  pass(l, s, CUDA_POINTER, 8, 8)->place = *place;
}

void cuda_pass_tensor(cuda_launch *l, int s, const ir_tensor *t, int64_t offset) {
  cuda_pass_place(l, s, &(cuda_place){.tensor = t->id, .offset = offset});
}

void cuda_pass_map(cuda_launch *l, int s, const cuda_map *map) {
  cuda_map *kept = BASE_NEW(l->arena, cuda_map);
  *kept = *map;
  pass(l, s, CUDA_MAP, sizeof(CUtensorMap), 64)->map = kept;
}

void cuda_pass_bytes(cuda_launch *l, int s, const void *bytes, size_t n, size_t align) {
  cuda_param *p = pass(l, s, CUDA_NUMBER, (int)n, (int)align);
  if (n) memcpy(l->stage[s].values + p->at, bytes, n);
}

void cuda_pass_i32(cuda_launch *l, int s, int32_t value) {
  cuda_pass_bytes(l, s, &value, sizeof value, sizeof value);
}

void cuda_pass_i64(cuda_launch *l, int s, int64_t value) {
  cuda_pass_bytes(l, s, &value, sizeof value, sizeof value);
}

void cuda_pass_f32(cuda_launch *l, int s, float value) {
  cuda_pass_bytes(l, s, &value, sizeof value, sizeof value);
}

static void visit_counters(void *arg, const ir_expr *e) {
  if (e->op == IR_SYMBOL && e->u.symbol->counter) *(bool *)arg = true;
}

void cuda_pass_expr(cuda_launch *l, int s, device_bind *bind, const ir_expr *e) {
  bool counts = false;
  ir_each(e, visit_counters, &counts);
  if (!counts) cuda_pass_i64(l, s, ir_eval_size(e, bind->symbols));
  else pass(l, s, CUDA_COUNTER, 8, 8)->counter = e;
}
