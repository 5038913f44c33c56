/* set: which tuples a store has. Small or scattered ones are hashed; where a bit for each possible
 * tuple costs no more than hashing would, there is one. */
#include <string.h>

#include "rel/private.h"

/* Bytes that a grid may take for N tuples. */
enum { GRID_ANYWAY = 4096, GRID_PER_TUPLE = 32, FIRST_SLOTS = 32, FIRST_GRID = 64 };

void rel_set_free(rel_store *s) {
  base_ctx *ctx = s->engine->ctx;
  base_free(ctx, s->set.slot);
  base_free(ctx, s->set.bits);
  base_free(ctx, s->set.row);
  s->set.slot = s->set.bits = NULL;
  s->set.row = NULL;
  s->set.mask = 0;
  s->set.kind = REL_SET_NONE;
}

/* ---- grids ----------------------------------------------------------------------------------- */

#define NO_CELL UINT64_MAX

static inline uint64_t cell_of(const rel_set *set, int arity, const int64_t *tuple) {
  uint64_t cell = 0;
  for (int c = 0; c < arity; c++) {
    uint64_t k = (uint64_t)tuple[c] - (uint64_t)set->low[c];
    if (k >= set->range[c]) return NO_CELL;
    cell += k * set->stride[c];
  }
  return cell;
}

static uint64_t cell_at(const rel_store *s, const rel_set *set, uint32_t row) {
  uint64_t cell = 0;
  for (int c = 0; c < s->arity; c++)
    cell += ((uint64_t)s->column[c][row] - (uint64_t)set->low[c]) * set->stride[c];
  return cell;
}

/* The range of column C with TUPLE: of symbols all there are, of numbers with room where they have
 * outgrown a grid before. */
static uint64_t range_with(const rel_store *s, int c, const int64_t *tuple, int64_t *low) {
  int64_t high;
  if (s->n > 0) {
    *low = s->low[c];
    high = s->high[c];
    if (tuple && tuple[c] < *low) *low = tuple[c];
    if (tuple && tuple[c] > high) high = tuple[c];
  } else {
    *low = high = tuple[c];
  }
  if (rel_is_symbol(high)) {
    *low = INT64_MIN;
    return (uint64_t)s->engine->names.n;
  }
  uint64_t range = (uint64_t)high - (uint64_t)*low + 1, room = range / 2;
  bool outgrown = s->set.kind == REL_SET_BITS || s->set.kind == REL_SET_ROWS;
  if (!outgrown || range == 0 || range > (uint64_t)1 << 60) return range;
  if (*low < s->set.low[c] && *low >= REL_LEAST + (int64_t)room) *low -= (int64_t)room;
  return range + room;
}

/* Lay a grid out for S with TUPLE, if it is worth it. */
static bool plan_grid(rel_store *s, const int64_t *tuple, rel_set *set, uint64_t *cells) {
  *cells = 1;
  uint64_t limit = (uint64_t)s->n * GRID_PER_TUPLE + GRID_ANYWAY;
  limit = s->valued ? limit / sizeof(uint32_t) : limit * 8;
  for (int c = s->arity - 1; c >= 0; c--) {
    uint64_t range = range_with(s, c, tuple, &set->low[c]);
    if (range == 0 || range > limit || *cells > limit / range) return false;
    set->range[c] = range;
    set->stride[c] = *cells;
    *cells *= range;
  }
  return true;
}

static void make_grid(const rel_store *s, rel_set *set, uint64_t cells) {
  base_ctx *ctx = s->engine->ctx;
  if (s->valued) {
    set->kind = REL_SET_ROWS;
    set->row = base_calloc(ctx, cells * sizeof *set->row);
    for (uint32_t i = 0; i < s->n; i++) set->row[cell_at(s, set, i)] = i + 1;
    return;
  }
  set->kind = REL_SET_BITS;
  set->bits = base_calloc(ctx, (cells + 63) / 64 * sizeof *set->bits);
  for (uint32_t i = 0; i < s->n; i++) {
    uint64_t cell = cell_at(s, set, i);
    set->bits[cell >> 6] |= (uint64_t)1 << (cell & 63);
  }
}

/* ---- hashing --------------------------------------------------------------------------------- */

static inline uint64_t hash_of(int arity, const int64_t *tuple) {
  uint64_t h = 0;
  for (int c = 0; c < arity; c++) h = rel_mix(h, tuple[c]);
  return h * 0xD6E8FEB86659FD93u;
}

static uint64_t hash_at(const rel_store *s, uint32_t row) {
  uint64_t h = 0;
  for (int c = 0; c < s->arity; c++) h = rel_mix(h, s->column[c][row]);
  return h * 0xD6E8FEB86659FD93u;
}

static inline bool equal_at(const rel_store *s, uint32_t row, const int64_t *tuple) {
  for (int c = 0; c < s->arity; c++)
    if (s->column[c][row] != tuple[c]) return false;
  return true;
}

enum { TAG_SHIFT = 32 };
#define TAG_MASK ((uint64_t)UINT32_MAX << TAG_SHIFT)

/* The slot of TUPLE, or the empty one where it belongs. */
static inline uint64_t *slot_of(const rel_store *s, const int64_t *tuple, uint64_t hash) {
  uint64_t tag = hash & TAG_MASK;
  for (uint64_t i = hash >> 20;; i++) {
    uint64_t *slot = &s->set.slot[i & s->set.mask];
    if (*slot == 0) return slot;
    if ((*slot & TAG_MASK) == tag && equal_at(s, (uint32_t)*slot - 1, tuple)) return slot;
  }
}

static void make_hash(const rel_store *s, rel_set *set) {
  uint64_t slots = FIRST_SLOTS;
  while (slots < (uint64_t)s->n * 2 + 2) slots *= 2;
  set->kind = REL_SET_HASH;
  set->slot = base_calloc(s->engine->ctx, slots * sizeof *set->slot);
  set->mask = slots - 1;
  for (uint32_t row = 0; row < s->n; row++) {
    uint64_t hash = hash_at(s, row), i = hash >> 20;
    while (set->slot[i & set->mask]) i++;
    set->slot[i & set->mask] = (hash & TAG_MASK) | (row + 1);
  }
}

static bool hash_full(const rel_store *s) { return (uint64_t)s->n * 5 >= (s->set.mask + 1) * 3; }

/* ---- what the store sees --------------------------------------------------------------------- */

/* The new one is made before the old one goes: where memory lacks, the old one stays. */
void rel_set_fit(rel_store *s, const int64_t *tuple) {
  rel_store_measure(s);
  int64_t low[REL_ARITY];
  uint64_t range[REL_ARITY], stride[REL_ARITY], cells;
  rel_set set = {.low = low, .range = range, .stride = stride};
  if (s->n >= FIRST_GRID && plan_grid(s, tuple, &set, &cells))
    make_grid(s, &set, cells);
  else
    make_hash(s, &set);
  rel_set_free(s);
  rel_set *mine = &s->set;
  for (int c = 0; c < s->arity && set.kind != REL_SET_HASH; c++) {
    mine->low[c] = low[c];
    mine->range[c] = range[c];
    mine->stride[c] = stride[c];
  }
  set.low = mine->low;
  set.range = mine->range;
  set.stride = mine->stride;
  *mine = set;
}

bool rel_set_has(const rel_store *s, const int64_t *tuple) {
  const rel_set *set = &s->set;
  if (s->n == 0) return false;
  if (set->kind == REL_SET_HASH) return *slot_of(s, tuple, hash_of(s->arity, tuple)) != 0;
  uint64_t cell = cell_of(set, s->arity, tuple);
  if (cell == NO_CELL) return false;
  if (set->kind == REL_SET_BITS) return set->bits[cell >> 6] >> (cell & 63) & 1;
  return set->row[cell] != 0;
}

uint32_t rel_set_find(const rel_store *s, const int64_t *tuple) {
  const rel_set *set = &s->set;
  if (s->n == 0) return REL_NO_ROW;
  if (set->kind == REL_SET_HASH)
    return (uint32_t)*slot_of(s, tuple, hash_of(s->arity, tuple)) - 1;
  uint64_t cell = cell_of(set, s->arity, tuple);
  return cell == NO_CELL ? REL_NO_ROW : set->row[cell] - 1;
}

/* The store has room before the set learns of a row, so that a failure leaves both in step. */
static bool add_to_bits(rel_store *s, const int64_t *tuple, bool *added) {
  uint64_t cell = cell_of(&s->set, s->arity, tuple);
  if (cell == NO_CELL) return false;
  uint64_t bit = (uint64_t)1 << (cell & 63), *word = &s->set.bits[cell >> 6];
  *added = !(*word & bit);
  if (*added) {
    rel_store_append(s, tuple);
    *word |= bit;
  }
  return true;
}

bool rel_store_add(rel_store *s, const int64_t *tuple) {
  bool added;
  rel_store_unfold(s);
  if (s->set.kind == REL_SET_BITS && add_to_bits(s, tuple, &added)) return added;
  if (s->set.kind != REL_SET_HASH || hash_full(s)) {
    rel_set_fit(s, tuple);
    if (s->set.kind == REL_SET_BITS && add_to_bits(s, tuple, &added)) return added;
  }
  uint64_t hash = hash_of(s->arity, tuple), *slot = slot_of(s, tuple, hash);
  if (*slot) return false;
  uint32_t row = rel_store_append(s, tuple);
  *slot = (hash & TAG_MASK) | (row + 1);
  return true;
}

uint32_t rel_store_row(rel_store *s, const int64_t *tuple, bool *fresh) {
  if (s->set.kind == REL_SET_ROWS && cell_of(&s->set, s->arity, tuple) == NO_CELL)
    rel_set_fit(s, tuple);
  if (s->set.kind == REL_SET_NONE || (s->set.kind == REL_SET_HASH && hash_full(s)))
    rel_set_fit(s, tuple);
  if (s->set.kind == REL_SET_ROWS) {
    uint32_t *row = &s->set.row[cell_of(&s->set, s->arity, tuple)];
    *fresh = *row == 0;
    if (*fresh) *row = rel_store_append(s, tuple) + 1;
    return *row - 1;
  }
  uint64_t hash = hash_of(s->arity, tuple), *slot = slot_of(s, tuple, hash);
  *fresh = *slot == 0;
  if (*fresh) *slot = (hash & TAG_MASK) | ((uint64_t)rel_store_append(s, tuple) + 1);
  return (uint32_t)*slot - 1;
}

/* ---- whole runs ------------------------------------------------------------------------------ */

/* Two columns on a grid, one of them fixed: what a join's inner loop comes to. Returns how far it
 * got: up to the first key outside the grid. Branches would be wrong half of the time. */
static uint32_t run_over_bits(rel_store *s, uint32_t n, const int64_t *run, int column,
                              int64_t fixed) {
  const rel_set *set = &s->set;
  uint64_t f = (uint64_t)fixed - (uint64_t)set->low[1 - column];
  if (f >= set->range[1 - column]) return 0;
  uint64_t origin = f * set->stride[1 - column], stride = set->stride[column];
  uint64_t low = (uint64_t)set->low[column], range = set->range[column];
  int64_t *mine = s->column[column] + s->n, *other = s->column[1 - column] + s->n;
  uint64_t *bits = set->bits;
  uint32_t made = 0, i = 0;
  for (; i < n; i++) {
    uint64_t k = (uint64_t)run[i] - low;
    if (k >= range) break;
    uint64_t cell = origin + k * stride, word = bits[cell >> 6];
    mine[made] = run[i];
    other[made] = fixed;
    made += !(word >> (cell & 63) & 1);
    bits[cell >> 6] = word | (uint64_t)1 << (cell & 63);
  }
  s->n += made;
  return i;
}

static void add_pairs(rel_store *s, uint32_t n, const int64_t *run, int column, int64_t fixed) {
  int64_t tuple[2];
  tuple[1 - column] = fixed;
  for (uint32_t i = 0; i < n;) {
    if (s->set.kind == REL_SET_BITS) {
      if (s->cap - s->n < n - i) rel_store_reserve(s, n - i);
      i += run_over_bits(s, n - i, run + i, column, fixed);
      if (i == n) break;
    }
    tuple[column] = run[i++];
    rel_store_add(s, tuple);
  }
}

void rel_store_add_run(rel_store *s, uint32_t n, const int64_t *const *run, const int64_t *fixed) {
  rel_store_unfold(s);
  if (s->arity == 2 && !run[0] != !run[1]) {
    int column = run[0] ? 0 : 1;
    add_pairs(s, n, run[column], column, fixed[1 - column]);
    return;
  }
  int64_t tuple[REL_ARITY];
  for (uint32_t i = 0; i < n; i++) {
    for (int c = 0; c < s->arity; c++) tuple[c] = run[c] ? run[c][i] : fixed[c];
    rel_store_add(s, tuple);
  }
}
