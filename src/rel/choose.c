/* choose: the fewest sorted indexes that serve all searches of a store. A search names a set of
 * columns; an index in the order a, b, c serves {a}, {a,b} and {a,b,c}. So each index is a chain of
 * sets, each within the next, and the fewest chains that hold all sets come from a largest matching
 * of sets to sets that hold them. */
#include "rel/private.h"

enum { SEARCHES = 64 };   /* of one store; each one beyond gets an index of its own */

typedef struct searches {
  rel_store *store;
  int n;
  uint32_t set[SEARCHES];
  int above[SEARCHES];    /* the set that holds it in its chain; -1 */
  int below[SEARCHES];
} searches;

static uint32_t set_of(const rel_step *s) {
  uint32_t set = 0;
  for (int i = 0; i < s->nkey; i++) set |= (uint32_t)1 << s->column[i];
  return set;
}

static bool within(uint32_t a, uint32_t b) { return a != b && (a & ~b) == 0; }

/* Find a set above I, moving others on to further ones where that frees one (Kuhn). */
static bool match(searches *k, int i, bool *tried) {
  for (int j = 0; j < k->n; j++) {
    if (!within(k->set[i], k->set[j]) || tried[j]) continue;
    tried[j] = true;
    if (k->below[j] >= 0 && !match(k, k->below[j], tried)) continue;
    k->above[i] = j;
    k->below[j] = i;
    return true;
  }
  return false;
}

static void put_columns(uint32_t set, int *order, int *n) {
  for (int c = 0; c < REL_ARITY; c++)
    if (set >> c & 1) order[(*n)++] = c;
}

static void make_chains(searches *k) {
  for (int i = 0; i < k->n; i++) k->above[i] = k->below[i] = -1;
  for (int i = 0; i < k->n; i++) {
    bool tried[SEARCHES] = {0};
    match(k, i, tried);
  }
  for (int i = 0; i < k->n; i++) {
    if (k->below[i] >= 0) continue;   /* not the smallest of its chain */
    int order[REL_ARITY], n = 0;
    uint32_t before = 0;
    for (int j = i; j >= 0; j = k->above[j]) {
      put_columns(k->set[j] & ~before, order, &n);
      before = k->set[j];
    }
    rel_index_sorted(k->store, n, order);
  }
}

static bool is_range(const rel_step *s) {
  return s->kind == REL_RANGE || (s->kind == REL_ABSENT && s->look == REL_RANGE);
}

static bool is_chain(const rel_step *s) {
  return s->kind == REL_CHAIN || (s->kind == REL_ABSENT && s->look == REL_CHAIN);
}

static void note(searches *k, const rel_step *s) {
  if (rel_index_fitting(s->store, s->nkey, s->column) || k->n == SEARCHES) return;
  uint32_t set = set_of(s);
  for (int i = 0; i < k->n; i++)
    if (k->set[i] == set) return;
  k->set[k->n++] = set;
}

/* Keys into the order of the index. */
static void settle(base_arena *arena, rel_step *s, rel_index *x) {
  rel_operand *key = BASE_NEWS(arena, rel_operand, s->nkey + 1);
  int *column = BASE_NEWS(arena, int, s->nkey + 1);
  for (int i = 0; i < s->nkey; i++)
    for (int j = 0; j < s->nkey; j++)
      if (s->column[j] == x->order[i]) {
        key[i] = s->key[j];
        column[i] = x->order[i];
      }
  s->key = key;
  s->column = column;
  s->index = x;
}

static void find_index(base_arena *arena, rel_step *s) {
  rel_index *x;
  if (is_chain(s)) {
    x = rel_index_chained(s->store, s->nkey, s->column);
  } else {
    x = rel_index_fitting(s->store, s->nkey, s->column);
    x = x ? rel_index_sorted(s->store, x->n, x->order)
          : rel_index_sorted(s->store, s->nkey, s->column);
  }
  settle(arena, s, x);
}

void rel_plan_indexes(base_arena *arena, int n, rel_plan *const *plans) {
  BASE_VEC(searches *) all = {0};
  for (int p = 0; p < n; p++)
    for (int i = 0; i < plans[p]->n; i++) {
      const rel_step *s = &plans[p]->step[i];
      if (!is_range(s)) continue;
      searches *k = NULL;
      for (int j = 0; j < all.n && !k; j++)
        if (all.at[j]->store == s->store) k = all.at[j];
      if (!k) {
        k = BASE_NEW(arena, searches);
        k->store = s->store;
        BASE_PUSH(arena, &all, k);
      }
      note(k, s);
    }
  for (int i = 0; i < all.n; i++) make_chains(all.at[i]);
  for (int p = 0; p < n; p++)
    for (int i = 0; i < plans[p]->n; i++)
      if (is_range(&plans[p]->step[i]) || is_chain(&plans[p]->step[i]))
        find_index(arena, &plans[p]->step[i]);
}
