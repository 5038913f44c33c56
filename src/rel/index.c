/* index: where the rows with given keys are. */
#include <stdlib.h>
#include <string.h>

#include "rel/private.h"

/* ---- sorting: by digits, the last column first ----------------------------------------------- */

enum { DIGIT = 11, DIGITS = 1 << DIGIT };

static void sort_digit(const int64_t *column, uint64_t low, int shift, uint32_t rows,
                       const uint32_t *from, uint32_t *to) {
  uint32_t start[DIGITS + 1];
  memset(start, 0, sizeof start);
  for (uint32_t i = 0; i < rows; i++)
    start[(((uint64_t)column[i] - low) >> shift & (DIGITS - 1)) + 1]++;
  for (int d = 0; d < DIGITS; d++) start[d + 1] += start[d];
  for (uint32_t i = 0; i < rows; i++)
    to[start[((uint64_t)column[from[i]] - low) >> shift & (DIGITS - 1)]++] = from[i];
}

uint32_t *rel_sort(base_ctx *ctx, uint32_t rows, int n, const int64_t *const *column,
                   const int64_t *low, const int64_t *high) {
  size_t bytes = ((size_t)rows + 1) * sizeof(uint32_t);
  uint32_t *from = base_malloc(ctx, bytes);
  for (uint32_t i = 0; i < rows; i++) from[i] = i;
  uint32_t *to = base_try_malloc(ctx, bytes);
  if (!to) {
    base_free(ctx, from);
    base_raise(ctx, BASE_MEMORY, base_nowhere, "out of memory: %zu bytes wanted to sort", bytes);
  }
  for (int c = n - 1; c >= 0; c--) {
    uint64_t range = (uint64_t)high[c] - (uint64_t)low[c];
    for (int shift = 0; shift < 64 && range >> shift; shift += DIGIT) {
      sort_digit(column[c], (uint64_t)low[c], shift, rows, from, to);
      uint32_t *swap = from;
      from = to;
      to = swap;
    }
  }
  base_free(ctx, to);
  return from;
}

/* ---- sorted indexes -------------------------------------------------------------------------- */

static void drop(base_ctx *ctx, rel_index *x, int arity) {
  base_free(ctx, x->row);
  for (int c = 0; c < arity && x->column; c++) {
    base_free(ctx, x->column[c]);
    x->column[c] = NULL;
  }
  base_free(ctx, x->value);
  base_free(ctx, x->start);
  base_free(ctx, x->slot);
  base_free(ctx, x->group);
  base_free(ctx, x->head);
  base_free(ctx, x->link);
  x->row = x->start = x->slot = x->group = x->head = x->link = NULL;
  x->value = NULL;
  x->rows = x->room = 0;
  x->range = 0;
}

void rel_index_free(rel_store *s) {
  for (rel_index *x = s->index; x; x = x->next) drop(s->engine->ctx, x, s->arity);
}

static rel_index *new_index(rel_store *s, int n, const int *order, bool chained) {
  base_arena *arena = s->engine->arena;
  rel_index *x = BASE_NEW(arena, rel_index);
  x->chained = chained;
  x->n = n;
  x->order = BASE_NEWS(arena, int, n + 1);
  for (int i = 0; i < n; i++) x->order[i] = order[i];
  if (!chained) x->column = BASE_NEWS(arena, int64_t *, s->arity + 1);
  x->next = s->index;
  s->index = x;
  return x;
}

static bool begins_with(const rel_index *x, int n, const int *columns) {
  if (x->n < n) return false;
  for (int i = 0; i < n; i++) {
    bool found = false;
    for (int j = 0; j < n; j++) found |= x->order[j] == columns[i];
    if (!found) return false;
  }
  return true;
}

rel_index *rel_index_fitting(rel_store *s, int n, const int *columns) {
  for (rel_index *x = s->index; x; x = x->next)
    if (!x->chained && begins_with(x, n, columns)) return x;
  return NULL;
}

/* First positions by key, where the keys of the first column are close together. */
static void start_by_key(base_ctx *ctx, rel_index *x) {
  const int64_t *first = x->column[x->order[0]];
  x->start = base_malloc(ctx, (x->range + 1) * sizeof *x->start);
  uint64_t k = 0;
  for (uint32_t i = 0; i < x->rows; i++)
    for (uint64_t key = (uint64_t)first[i] - (uint64_t)x->low; k <= key; k++) x->start[k] = i;
  for (; k <= x->range; k++) x->start[k] = x->rows;
}

static uint64_t scatter(int64_t key) { return rel_mix(0, key) * 0xD6E8FEB86659FD93u >> 20; }

static void start_by_hash(base_ctx *ctx, rel_index *x) {
  const int64_t *first = x->column[x->order[0]];
  uint32_t groups = 0;
  for (uint32_t i = 0; i < x->rows; i++) groups += i == 0 || first[i] != first[i - 1];
  uint64_t slots = 16;
  while (slots < 2 * (uint64_t)groups) slots *= 2;
  x->group = base_malloc(ctx, ((size_t)groups + 1) * sizeof *x->group);
  x->slot = base_calloc(ctx, slots * sizeof *x->slot);
  x->mask = slots - 1;
  uint32_t g = 0;
  for (uint32_t i = 0; i < x->rows; i++) {
    if (i > 0 && first[i] == first[i - 1]) continue;
    uint64_t at = scatter(first[i]);
    while (x->slot[at & x->mask]) at++;
    x->group[g] = i;
    x->slot[at & x->mask] = ++g;
  }
  x->group[groups] = x->rows;
  x->groups = groups;
}

static void copy_columns(rel_store *s, rel_index *x) {
  base_ctx *ctx = s->engine->ctx;
  uint32_t n = s->n;
  for (int c = 0; c < s->arity; c++) {
    x->column[c] = base_malloc(ctx, ((size_t)n + 1) * sizeof(int64_t));
    for (uint32_t i = 0; i < n; i++) x->column[c][i] = s->column[c][x->row[i]];
  }
  if (!s->valued) return;
  x->value = base_malloc(ctx, ((size_t)n + 1) * sizeof(rel_number));
  for (uint32_t i = 0; i < n; i++) x->value[i] = s->value[x->row[i]];
}

/* A failure on the way leaves an index without rows, which is made again. */
static void build(rel_store *s, rel_index *x) {
  base_ctx *ctx = s->engine->ctx;
  drop(ctx, x, s->arity);
  rel_store_measure(s);
  const int64_t *column[REL_ARITY];
  int64_t low[REL_ARITY], high[REL_ARITY];
  for (int i = 0; i < x->n; i++) {
    column[i] = s->column[x->order[i]];
    low[i] = s->low[x->order[i]];
    high[i] = s->high[x->order[i]];
  }
  x->row = rel_sort(ctx, s->n, x->n, column, low, high);
  copy_columns(s, x);
  base_free(ctx, x->row);
  x->row = NULL;
  x->rows = s->n;
  if (x->n == 0 || x->rows == 0) return;
  x->low = low[0];
  x->range = (uint64_t)high[0] - (uint64_t)low[0] + 1;
  if (x->range != 0 && x->range <= 4 * (uint64_t)x->rows + 1024)
    start_by_key(ctx, x);
  else
    start_by_hash(ctx, x);
}

rel_index *rel_index_sorted(rel_store *s, int n, const int *order) {
  rel_index *x = NULL;
  for (rel_index *y = s->index; y && !x; y = y->next) {
    bool same = !y->chained && y->n == n;
    for (int i = 0; i < n && same; i++) same = y->order[i] == order[i];
    if (same) x = y;
  }
  if (!x) x = new_index(s, n, order, false);
  if (x->rows != s->n || (s->n > 0 && !x->start && !x->slot && n > 0)) build(s, x);
  return x;
}

/* Narrow [from, to), in which COLUMN is sorted, to where it is KEY. */
static void narrow(const int64_t *column, int64_t key, uint32_t *from, uint32_t *to) {
  uint32_t a = *from, b = *to;
  while (a < b) {
    uint32_t m = a + (b - a) / 2;
    if (column[m] < key) a = m + 1; else b = m;
  }
  *from = a;
  b = *to;
  while (a < b) {
    uint32_t m = a + (b - a) / 2;
    if (column[m] <= key) a = m + 1; else b = m;
  }
  *to = a;
}

void rel_index_hashed(const rel_index *x, int64_t key, uint32_t *from, uint32_t *to) {
  *from = *to = 0;
  if (!x->slot) return;
  const int64_t *first = x->column[x->order[0]];
  for (uint64_t at = scatter(key); x->slot[at & x->mask]; at++) {
    uint32_t g = x->slot[at & x->mask] - 1;
    if (first[x->group[g]] != key) continue;
    *from = x->group[g];
    *to = x->group[g + 1];
    return;
  }
}

void rel_index_range(const rel_index *x, const int64_t *key, int n, uint32_t *from, uint32_t *to) {
  *from = 0;
  *to = x->rows;
  if (n == 0) return;
  rel_index_first_range(x, key[0], from, to);
  for (int i = 1; i < n && *from < *to; i++) narrow(x->column[x->order[i]], key[i], from, to);
}

/* ---- chained indexes ------------------------------------------------------------------------- */

static uint64_t chain_at(const rel_store *s, const rel_index *x, uint32_t row) {
  if (x->range) return (uint64_t)s->column[x->order[0]][row] - (uint64_t)x->low;
  uint64_t h = 0;
  for (int i = 0; i < x->n; i++) h = rel_mix(h, s->column[x->order[i]][row]);
  return h * 0xD6E8FEB86659FD93u >> 20 & x->mask;
}

/* Heads by key where one column's keys are close together, else by hash; again whenever the rows
 * have doubled or a key lies outside. */
static void rehead(rel_store *s, rel_index *x) {
  base_ctx *ctx = s->engine->ctx;
  rel_store_measure(s);
  uint64_t heads = 64;
  while (heads < 2 * (uint64_t)s->n) heads *= 2;
  uint64_t range = 0;
  if (x->n == 1 && s->n > 0) {
    range = (uint64_t)s->high[x->order[0]] - (uint64_t)s->low[x->order[0]] + 1;
    if (range > 4 * heads) range = 0;
  }
  uint32_t *head = base_calloc(ctx, (range ? range : heads) * sizeof *head);
  base_free(ctx, x->head);
  x->head = head;
  x->range = range;
  x->low = range ? s->low[x->order[0]] : 0;
  x->mask = heads - 1;
  x->rows = 0;
}

static void sync(rel_store *s, rel_index *x) {
  if (x->rows == s->n && x->head) return;
  base_ctx *ctx = s->engine->ctx;
  rel_store_measure(s);
  bool outside = false;
  if (x->head && x->range) {
    int c = x->order[0];
    outside = s->low[c] < x->low || (uint64_t)s->high[c] - (uint64_t)x->low >= x->range;
  }
  if (!x->link || x->room < s->n) {
    uint32_t *link = base_malloc(ctx, (size_t)s->cap * sizeof *link);
    if (x->rows) memcpy(link, x->link, x->rows * sizeof *link);
    base_free(ctx, x->link);
    x->link = link;
    x->room = s->cap;
  }
  if (!x->head || outside || (!x->range && s->n > x->mask)) rehead(s, x);
  for (uint32_t row = x->rows; row < s->n; row++) {
    uint32_t *head = &x->head[chain_at(s, x, row)];
    x->link[row] = *head;
    *head = row + 1;
  }
  x->rows = s->n;
}

rel_index *rel_index_chained(rel_store *s, int n, const int *columns) {
  rel_index *x = NULL;
  for (rel_index *y = s->index; y && !x; y = y->next)
    if (y->chained && y->n == n && begins_with(y, n, columns)) x = y;
  if (!x) x = new_index(s, n, columns, true);
  if (s->n > 0) sync(s, x);
  return x;
}

void rel_index_sync(rel_store *s) {
  for (rel_index *x = s->index; x && s->n > 0; x = x->next)
    if (x->chained) sync(s, x);
}

uint32_t rel_index_first(const rel_store *s, const rel_index *x, const int64_t *key, bool *exact) {
  (void)s;
  *exact = x->range != 0;
  if (!x->head) return 0;
  if (x->range) {
    uint64_t k = (uint64_t)key[0] - (uint64_t)x->low;
    return k < x->range ? x->head[k] : 0;
  }
  uint64_t h = 0;
  for (int i = 0; i < x->n; i++) h = rel_mix(h, key[i]);
  return x->head[h * 0xD6E8FEB86659FD93u >> 20 & x->mask];
}
