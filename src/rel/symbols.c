/* symbols: names to keys, and the order of keys. */
#include <stdlib.h>
#include <string.h>

#include "rel/private.h"

/* A map holds pointers, so a name's number is kept as one, plus 1. */
static void *as_pointer(int64_t number) { return (void *)(uintptr_t)(number + 1); }

bool rel_symbol_known(const rel_engine *e, const char *name, size_t n, int64_t *key) {
  void *found = base_map_get(e->symbols, name, n);
  if (found) *key = INT64_MIN + (int64_t)(uintptr_t)found - 1;
  return found != NULL;
}

int64_t rel_symbol(rel_engine *e, const char *name, size_t n) {
  int64_t key;
  if (rel_symbol_known(e, name, n, &key)) return key;
  int64_t number = e->names.n;
  const char *copy = base_copy_n(e->arena, name, n);
  BASE_PUSH(e->arena, &e->names, copy);
  base_map_put(e->symbols, name, n, as_pointer(number));
  return INT64_MIN + number;
}

const char *rel_symbol_name(const rel_engine *e, int64_t key) {
  uint64_t number = (uint64_t)key - (uint64_t)INT64_MIN;
  return number < (uint64_t)e->names.n ? e->names.at[number] : NULL;
}

int64_t rel_symbol_count(const rel_engine *e) { return e->names.n; }

int rel_compare(const rel_engine *e, int64_t a, int64_t b) {
  if (a == b) return 0;
  if (rel_is_symbol(a) && rel_is_symbol(b))
    return strcmp(rel_symbol_name(e, a), rel_symbol_name(e, b));
  if (rel_is_symbol(a) != rel_is_symbol(b)) return rel_is_symbol(a) ? 1 : -1;
  return a < b ? -1 : 1;
}

static int by_name(const void *a, const void *b, void *names) {
  const char *const *name = names;
  return strcmp(name[*(const int64_t *)a], name[*(const int64_t *)b]);
}

/* rank[number]: how many names come before it. */
void rel_rank_symbols(rel_engine *e) {
  if (e->ranked == e->names.n && e->rank) return;
  size_t n = (size_t)e->names.n;
  base_free(e->ctx, e->rank);
  e->rank = NULL;
  base_arena *arena = base_arena_child(e->arena);
  int64_t *order = BASE_NEWS(arena, int64_t, n + 1);
  for (size_t i = 0; i < n; i++) order[i] = (int64_t)i;
  qsort_r(order, n, sizeof *order, by_name, (void *)(uintptr_t)e->names.at);
  e->rank = base_malloc(e->ctx, (n + 1) * sizeof *e->rank);
  for (size_t i = 0; i < n; i++) e->rank[order[i]] = (int64_t)i;
  e->ranked = (int64_t)n;
  base_arena_close(arena);
}

void rel_put_key(base_text *text, const rel_engine *e, int64_t key) {
  const char *name = rel_symbol_name(e, key);
  if (name)
    base_put(text, name);
  else
    base_putf(text, "%lld", (long long)key);
}
