/* dense: tensors that rules read, and where their keys stand. */
#include "rel/private.h"

/* place[position][number of a symbol]: its index + 1. */
static void place_symbols(rel_dense *d) {
  rel_engine *e = d->engine;
  base_arena_close(d->places);
  d->places = NULL;
  base_arena *arena = base_arena_child(e->arena);
  d->places = arena;
  d->place = BASE_NEWS(arena, uint32_t *, d->rank + 1);
  d->placed = BASE_NEWS(arena, int64_t, d->rank + 1);
  for (int p = 0; p < d->rank; p++) {
    const int64_t *symbol = d->symbol ? d->symbol[p] : NULL;
    if (!symbol) continue;
    d->placed[p] = e->names.n;
    d->place[p] = BASE_NEWS(arena, uint32_t, e->names.n + 1);
    for (int64_t i = 0; i < d->array.size[p]; i++) {
      uint64_t number = (uint64_t)symbol[i] - (uint64_t)INT64_MIN;
      if (number < (uint64_t)e->names.n) d->place[p][number] = (uint32_t)i + 1;
    }
  }
}

void rel_fetch_dense(rel_dense *d) {
  if (d->fetched) return;
  d->array = d->fetch(d->user, d);
  place_symbols(d);
  d->fetched = true;
}

int64_t rel_index_of(const rel_dense *d, int position, int64_t key) {
  if (d->place[position]) {
    uint64_t number = (uint64_t)key - (uint64_t)INT64_MIN;
    if (number >= (uint64_t)d->placed[position]) return -1;
    return (int64_t)d->place[position][number] - 1;
  }
  return key >= 0 && key < d->array.size[position] ? key : -1;
}
