/* store: tuples in columns, appended, each there once. */
#include <string.h>

#include "rel/private.h"

enum { FIRST_ROWS = 16, MOST_ROWS = UINT32_MAX - 1 };

void rel_grow(rel_store *s, void *at, size_t used, size_t bytes) {
  base_ctx *ctx = s->engine->ctx;
  void *old, *grown = base_try_malloc(ctx, bytes);
  if (!grown)
    base_raise(ctx, BASE_MEMORY, base_nowhere,
               "out of memory: `%s` has %u tuples, and there is no room for more (%zu bytes "
               "wanted, %zu in use)", s->name, (unsigned)s->n, bytes, base_heap_bytes(ctx));
  memcpy(&old, at, sizeof old);
  if (used > 0) memcpy(grown, old, used);
  memcpy(at, &grown, sizeof grown);
  base_free(ctx, old);
}

rel_store *rel_store_new(rel_engine *e, const rel_relation *r) {
  rel_store *s = BASE_NEW(e->arena, rel_store);
  size_t arity = (size_t)r->arity;
  s->engine = e;
  s->name = r->name;
  s->arity = r->arity;
  s->valued = r->fold != REL_SET;
  s->weighed = r->fold == REL_AVG;
  s->column = BASE_NEWS(e->arena, int64_t *, arity);
  s->low = BASE_NEWS(e->arena, int64_t, arity);
  s->high = BASE_NEWS(e->arena, int64_t, arity);
  s->distinct = BASE_NEWS(e->arena, double, arity);
  s->set.low = BASE_NEWS(e->arena, int64_t, arity);
  s->set.range = BASE_NEWS(e->arena, uint64_t, arity);
  s->set.stride = BASE_NEWS(e->arena, uint64_t, arity);
  s->next = e->stores;
  e->stores = s;
  return s;
}

void rel_store_free(rel_store *s) {
  base_ctx *ctx = s->engine->ctx;
  rel_set_free(s);
  rel_index_free(s);
  for (int c = 0; c < s->arity; c++) {
    base_free(ctx, s->column[c]);
    s->column[c] = NULL;
  }
  base_free(ctx, s->value);
  base_free(ctx, s->weight);
  s->value = NULL;
  s->weight = NULL;
  s->n = s->cap = s->measured = s->counted = 0;
  s->folded = false;
}

/* Each array grows by itself: where one fails, those before it are merely larger than needed. */
static void widen(rel_store *s, uint32_t cap) {
  for (int c = 0; c < s->arity; c++)
    rel_grow(s, &s->column[c], s->n * sizeof(int64_t), cap * sizeof(int64_t));
  if (s->valued) rel_grow(s, &s->value, s->n * sizeof(rel_number), cap * sizeof(rel_number));
  if (s->weighed) rel_grow(s, &s->weight, s->n * sizeof(uint32_t), cap * sizeof(uint32_t));
  s->cap = cap;
}

static _Noreturn void raise_full(const rel_store *s) {
  base_raise(s->engine->ctx, BASE_MEMORY, base_nowhere,
             "`%s` has more than %u tuples, more than a relation may hold", s->name,
             (unsigned)MOST_ROWS);
}

void rel_store_reserve(rel_store *s, uint64_t more) {
  uint64_t want = s->n + more;
  if (want <= s->cap) return;
  if (want > MOST_ROWS) raise_full(s);
  uint64_t cap = s->cap < FIRST_ROWS ? FIRST_ROWS : (uint64_t)s->cap + s->cap / 2;
  if (cap < want) cap = want;
  widen(s, cap > MOST_ROWS ? MOST_ROWS : (uint32_t)cap);
}

/* ---- pairs as bits --------------------------------------------------------------------------- */

static void drop_columns(rel_store *s) {
  for (int c = 0; c < s->arity; c++) {
    base_free(s->engine->ctx, s->column[c]);
    s->column[c] = NULL;
  }
  s->cap = s->measured = s->counted = 0;
}

void rel_store_fold(rel_store *s, uint64_t words) {
  uint64_t n = 0;
  for (uint64_t w = 0; w < words; w++) n += (uint64_t)__builtin_popcountll(s->set.bits[w]);
  if (n > MOST_ROWS) raise_full(s);
  drop_columns(s);
  s->n = (uint32_t)n;
  s->folded = true;
}

/* Row by row of the grid, whichever column its rows are of. */
static void fill_columns(const rel_store *s, int64_t *const *column) {
  const rel_set *set = &s->set;
  int row = set->stride[0] == 1 ? 1 : 0;
  uint64_t words = set->stride[row] / 64;
  uint32_t at = 0;
  for (uint64_t r = 0; r < set->range[row]; r++)
    for (uint64_t w = 0; w < words; w++)
      for (uint64_t left = set->bits[r * words + w]; left; left &= left - 1) {
        uint64_t bit = w * 64 + (uint64_t)__builtin_ctzll(left);
        column[row][at] = (int64_t)((uint64_t)set->low[row] + r);
        column[1 - row][at++] = (int64_t)((uint64_t)set->low[1 - row] + bit);
      }
}

void rel_store_unfold(rel_store *s) {
  if (!s->folded) return;
  base_ctx *ctx = s->engine->ctx;
  int64_t *column[2];
  column[0] = base_malloc(ctx, (size_t)s->n * sizeof(int64_t) + 1);
  column[1] = base_try_malloc(ctx, (size_t)s->n * sizeof(int64_t) + 1);
  if (!column[1]) {
    base_free(ctx, column[0]);
    base_raise(ctx, BASE_MEMORY, base_nowhere, "out of memory: the columns of `%s`", s->name);
  }
  fill_columns(s, column);
  s->column[0] = column[0];
  s->column[1] = column[1];
  s->cap = s->n;
  s->folded = false;
}

/* ---- appending and copying ------------------------------------------------------------------- */

uint32_t rel_store_append(rel_store *s, const int64_t *tuple) {
  if (s->n == s->cap) rel_store_reserve(s, 1);
  for (int c = 0; c < s->arity; c++) s->column[c][s->n] = tuple[c];
  return s->n++;
}

void rel_store_copy(rel_store *to, rel_store *from) {
  rel_store_unfold(from);
  rel_store_free(to);
  if (from->n == 0) return;
  widen(to, from->n);
  size_t n = from->n;
  for (int c = 0; c < to->arity; c++)
    memcpy(to->column[c], from->column[c], n * sizeof(int64_t));
  if (to->valued) memcpy(to->value, from->value, n * sizeof(rel_number));
  if (to->weighed) memcpy(to->weight, from->weight, n * sizeof(uint32_t));
  to->n = from->n;
  rel_set_fit(to, NULL);
}

void rel_store_measure(rel_store *s) {
  rel_store_unfold(s);
  if (s->measured == s->n) return;
  for (int c = 0; c < s->arity; c++) {
    const int64_t *column = s->column[c];
    int64_t low = s->measured ? s->low[c] : column[0], high = s->measured ? s->high[c] : column[0];
    for (uint32_t i = s->measured; i < s->n; i++) {
      low = column[i] < low ? column[i] : low;
      high = column[i] > high ? column[i] : high;
    }
    s->low[c] = low;
    s->high[c] = high;
  }
  s->measured = s->n;
}

/* ---- how many different keys a column has ---------------------------------------------------- */

enum { SKETCH = 1 << 15 };

/* By linear counting over at most SKETCH bits: n = -m ln(share of empty bits), by its series. */
static double different(const rel_store *s, int c, uint64_t *bits) {
  uint64_t m = SKETCH, set = 0;
  memset(bits, 0, SKETCH / 8);
  uint32_t step = s->n / (4 * SKETCH) + 1, seen = 0;
  for (uint32_t i = 0; i < s->n; i += step, seen++) {
    uint64_t h = rel_mix(0, s->column[c][i]) * 0xD6E8FEB86659FD93u >> 49;
    uint64_t bit = (uint64_t)1 << (h & 63);
    set += !(bits[h >> 6] & bit);
    bits[h >> 6] |= bit;
  }
  if (set > m * 9 / 10) return s->n;   /* as many as it can tell */
  ir_value share = {IR_F64, {.f = (double)(m - set) / (double)m}};
  double n = -(double)m * ir_eval_op(IR_LOG, IR_F64, &share).u.f;
  return n < 1 ? 1 : n > s->n ? s->n : n;
}

void rel_store_count(rel_store *s) {
  if (s->n == 0 || (s->counted && s->n < 2 * s->counted && s->n >= s->counted)) return;
  rel_store_unfold(s);
  uint64_t *bits = base_malloc(s->engine->ctx, SKETCH / 8);
  for (int c = 0; c < s->arity; c++) s->distinct[c] = different(s, c, bits);
  base_free(s->engine->ctx, bits);
  s->counted = s->n;
}
