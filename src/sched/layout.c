/* Layout: where in the work space each tensor lies. Large ones first, each into the smallest gap
 * that fits between those whose lifetimes meet its own. */
#include "sched/private.h"

#include <stdlib.h>

enum { ALIGN = 64 };

typedef struct block {
  int64_t bytes, offset;
  int first, last, id;
} block;

int64_t sched_tensor_bytes(const ir_tensor *t, const int64_t *symbols) {
  int64_t bytes = (int64_t)ir_type_bytes(t->type);
  for (int k = 0; k < t->rank; k++)
    if (__builtin_mul_overflow(bytes, ir_eval_size(t->size[k], symbols), &bytes)) return INT64_MAX;
  return bytes > 0 ? bytes : 0;
}

static int by_size(const void *a, const void *b) {
  const block *x = a, *y = b;
  if (x->bytes != y->bytes) return x->bytes > y->bytes ? -1 : 1;
  return x->id - y->id;
}

static int by_offset(const void *a, const void *b) {
  const block *x = *(block *const *)a, *y = *(block *const *)b;
  if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
  return x->id - y->id;
}

/* MET: the N blocks already placed that live at the same time, by offset. */
static int64_t best_gap(int n, block *const *met, int64_t bytes) {
  int64_t end = 0, best = -1, best_size = INT64_MAX;
  for (int i = 0; i < n; i++) {
    int64_t gap = met[i]->offset - end;
    if (gap >= bytes && gap < best_size) {
      best = end;
      best_size = gap;
    }
    if (met[i]->offset + met[i]->bytes > end) end = met[i]->offset + met[i]->bytes;
  }
  return best >= 0 ? best : end;
}

static int64_t place_blocks(base_arena *arena, int n, block *b) {
  block **met = BASE_NEWS(arena, block *, n + 1);
  int64_t total = 0;
  qsort(b, (size_t)n, sizeof *b, by_size);
  for (int i = 0; i < n; i++) {
    int nmet = 0;
    for (int k = 0; k < i; k++)
      if (b[k].first <= b[i].last && b[i].first <= b[k].last) met[nmet++] = &b[k];
    qsort(met, (size_t)nmet, sizeof *met, by_offset);
    b[i].offset = best_gap(nmet, met, b[i].bytes);
    if (b[i].offset + b[i].bytes > total) total = b[i].offset + b[i].bytes;
  }
  return total;
}

int64_t sched_layout(const sched_plan *plan, const int64_t *symbols, int64_t *offset) {
  ir_program *p = plan->program;
  base_arena *arena = base_arena_child(p->arena);
  block *b = BASE_NEWS(arena, block, p->tensors.n + 1);
  int n = 0;
  int64_t sum = 0;
  for (int i = 0; i < p->tensors.n; i++) {
    const sched_memory *m = &plan->memory[i];
    if (m->place != SCHED_WORK) continue;
    const ir_tensor *t = p->tensors.at[i];
    int64_t bytes = sched_tensor_bytes(t, symbols);
    if (bytes > INT64_MAX / 2 || __builtin_add_overflow(sum, bytes + ALIGN, &sum))
      base_raise(p->ctx, BASE_MEMORY, t->span, "%s: its size is beyond all memory", t->name);
    b[n++] = (block){
        .bytes = (bytes + ALIGN - 1) / ALIGN * ALIGN, .first = m->first, .last = m->last, .id = i};
  }
  int64_t total = place_blocks(arena, n, b);
  for (int i = 0; i < n; i++) offset[b[i].id] = b[i].offset;
  base_arena_close(arena);
  return total;
}
