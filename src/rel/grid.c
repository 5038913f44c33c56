/* grid: a set of pairs as rows of bits, and graphs over the same nodes. */
#include <string.h>

#include "rel/private.h"

/* Bytes of bits at most; and for each tuple that is there before. */
enum { MOST_BYTES = 64 << 20, BYTES_PER_TUPLE = 4096 };

bool rel_is_pair(const rel_item *it) {
  return it->kind == REL_ATOM && it->relation->fold == REL_SET && it->relation->arity == 2 &&
         it->term[0].kind == REL_VAR && it->term[1].kind == REL_VAR &&
         it->term[0].var != it->term[1].var;
}

static void widen(rel_store *s, int64_t *low, int64_t *high) {
  rel_store_measure(s);
  for (int c = 0; c < 2 && s->n > 0; c++) {
    if (s->low[c] < *low) *low = s->low[c];
    if (s->high[c] > *high) *high = s->high[c];
  }
}

bool rel_grid_pays(rel_grid *g, rel_relation *p, int n, rel_store *const *edges, int copies) {
  int64_t low = INT64_MAX, high = INT64_MIN;
  uint64_t tuples = p->full->n;
  if (tuples == 0) return false;
  widen(p->full, &low, &high);
  for (int i = 0; i < n; i++) {
    widen(edges[i], &low, &high);
    tuples += edges[i]->n;
  }
  uint64_t range = (uint64_t)high - (uint64_t)low + 1;
  if (range == 0 || range > 1 << 20) return false;
  *g = (rel_grid){.relation = p, .low = low, .n = (uint32_t)range};
  g->words = (g->n + 63) / 64;
  uint64_t bytes = (uint64_t)g->n * g->words * sizeof(uint64_t) * (uint64_t)copies;
  return bytes <= MOST_BYTES && bytes <= tuples * BYTES_PER_TUPLE;
}

static uint32_t node(const rel_grid *g, int64_t key) {
  return (uint32_t)((uint64_t)key - (uint64_t)g->low);
}

void rel_grid_take(rel_grid *g, int rows) {
  rel_store *s = g->relation->full;
  uint64_t *bits = base_calloc(s->engine->ctx, (size_t)g->n * g->words * sizeof *bits);
  rel_set_free(s);
  s->set.kind = REL_SET_BITS;
  g->bits = s->set.bits = bits;
  for (int c = 0; c < 2; c++) {
    s->set.low[c] = g->low;
    s->set.range[c] = g->n;
    s->set.stride[c] = c == rows ? (uint64_t)g->words * 64 : 1;
  }
  for (uint32_t k = 0; k < s->n; k++) {
    uint32_t row = node(g, s->column[rows][k]), bit = node(g, s->column[1 - rows][k]);
    bits[(size_t)row * g->words + bit / 64] |= (uint64_t)1 << bit % 64;
  }
}

void rel_grid_give(const rel_grid *g) {
  rel_store_fold(g->relation->full, (uint64_t)g->n * g->words);
}

rel_graph rel_graph_of(base_arena *arena, const rel_grid *g, int n, rel_store *const *edges,
                       int tail) {
  size_t count = 0;
  for (int i = 0; i < n; i++) count += edges[i]->n;
  uint32_t *start = BASE_NEWS(arena, uint32_t, (size_t)g->n + 2);
  uint32_t *to = BASE_NEWS(arena, uint32_t, count + 1);
  for (int i = 0; i < n; i++)
    for (uint32_t k = 0; k < edges[i]->n; k++) start[node(g, edges[i]->column[tail][k]) + 2]++;
  for (uint32_t v = 0; v < g->n; v++) start[v + 2] += start[v + 1];
  for (int i = 0; i < n; i++)
    for (uint32_t k = 0; k < edges[i]->n; k++)
      to[start[node(g, edges[i]->column[tail][k]) + 1]++] = node(g, edges[i]->column[1 - tail][k]);
  return (rel_graph){start, to};
}
