/* rows: answers to questions, sorted. */
#include <stdlib.h>
#include <string.h>

#include "rel/private.h"

int64_t rel_count(rel_relation *r) {
  rel_need(r);
  return r->full->n;
}

bool rel_has(rel_relation *r, const int64_t *tuple) {
  rel_need(r);
  return r->fold == REL_SET ? rel_set_has(r->full, tuple)
                            : rel_set_find(r->full, tuple) != REL_NO_ROW;
}

bool rel_value(rel_relation *r, const int64_t *tuple, rel_number *value) {
  rel_need(r);
  uint32_t row = rel_set_find(r->full, tuple);
  if (row == REL_NO_ROW) return false;
  *value = r->full->value[row];
  return true;
}

/* ---- a question as columns ------------------------------------------------------------------- */

typedef struct question {
  const rel_relation *relation;
  const rel_term *term;          /* NULL: all different variables */
  int width;
  int column[REL_ARITY];         /* output to position, by rising variables */
} question;

static question ask(const rel_relation *r, const rel_term *term) {
  question q = {.relation = r, .term = term};
  if (!term) {
    for (int i = 0; i < r->arity; i++) q.column[q.width++] = i;
    return q;
  }
  for (int i = 0; i < r->arity; i++) {
    if (term[i].kind != REL_VAR) continue;
    int at = q.width;
    while (at > 0 && term[q.column[at - 1]].var > term[i].var) at--;
    if (at > 0 && term[q.column[at - 1]].var == term[i].var) continue;
    memmove(&q.column[at + 1], &q.column[at], (size_t)(q.width - at) * sizeof(int));
    q.column[at] = i;
    q.width++;
  }
  return q;
}

/* Rows among which to look: those of the store, or a range of an index. */
typedef struct source {
  int64_t *const *column;
  const rel_number *value;
  uint32_t from, to;
} source;

enum { WORTH_INDEXING = 4096 };

/* The positions of a question that are keys become a range of an index: of one that is there, or of
 * one that is made when the same positions are asked a second time. */
static source look(const question *q, rel_store *s) {
  rel_store_unfold(s);
  source all = {s->column, s->value, 0, s->n};
  int column[REL_ARITY], n = 0;
  uint32_t mask = 0;
  for (int i = 0; q->term && i < s->arity; i++) {
    if (q->term[i].kind != REL_KEY) continue;
    column[n++] = i;
    mask |= (uint32_t)1 << i;
  }
  if (n == 0 || s->n < WORTH_INDEXING) return all;
  rel_index *x = rel_index_fitting(s, n, column);
  if (!x && s->asked != mask) {
    s->asked = mask;
    return all;
  }
  x = x ? rel_index_sorted(s, x->n, x->order) : rel_index_sorted(s, n, column);
  int64_t key[REL_ARITY];
  for (int i = 0; i < n; i++) key[i] = q->term[x->order[i]].key;
  source some = {x->column, x->value, 0, 0};
  rel_index_range(x, key, n, &some.from, &some.to);
  return some;
}

static bool fits(const question *q, const source *s, uint32_t row) {
  for (int i = 0; q->term && i < q->relation->arity; i++) {
    const rel_term *t = &q->term[i];
    if (t->kind == REL_KEY && s->column[i][row] != t->key) return false;
    if (t->kind != REL_VAR) continue;
    for (int j = 0; j < i; j++)
      if (q->term[j].kind == REL_VAR && q->term[j].var == t->var &&
          s->column[j][row] != s->column[i][row])
        return false;
  }
  return true;
}

/* ---- sorting --------------------------------------------------------------------------------- */

/* Memory of an answer: on the heap, freed with the arena. */
typedef struct block { base_ctx *ctx; void *at; } block;

static void free_block(void *object) {
  block *b = object;
  base_free(b->ctx, b->at);
}

static void *keep(base_arena *arena, size_t bytes) {
  if (bytes < 4096) return base_alloc(arena, bytes + 1);
  block *b = BASE_NEW(arena, block);
  b->ctx = base_arena_ctx(arena);
  base_defer(arena, free_block, b);
  return b->at = base_malloc(b->ctx, bytes);
}

/* Keys as numbers in their order: symbols by name, after the largest number there is. */
static void ordinals(const rel_engine *e, uint32_t n, int64_t *column, int64_t *low,
                     int64_t *high) {
  *low = INT64_MAX;
  *high = INT64_MIN;
  int64_t largest = INT64_MIN;
  bool symbols = false;
  for (uint32_t i = 0; i < n; i++) {
    if (rel_is_symbol(column[i])) symbols = true;
    else if (column[i] > largest) largest = column[i];
  }
  int64_t room = (int64_t)1 << 32;   /* below the least number: as many as symbols may be */
  bool shift = symbols && largest > INT64_MAX - room;
  int64_t base = largest == INT64_MIN || !symbols ? 0 : shift ? largest - room + 1 : largest + 1;
  for (uint32_t i = 0; i < n && symbols; i++)
    if (rel_is_symbol(column[i])) column[i] = base + e->rank[column[i] - INT64_MIN];
    else if (shift) column[i] -= room;
  for (uint32_t i = 0; i < n; i++) {
    *low = column[i] < *low ? column[i] : *low;
    *high = column[i] > *high ? column[i] : *high;
  }
}

static uint32_t *sorted(rel_engine *e, base_arena *arena, uint32_t n, const question *q,
                        int64_t *const *column) {
  int64_t low[REL_ARITY], high[REL_ARITY];
  const int64_t *keys[REL_ARITY];
  rel_rank_symbols(e);
  for (int c = 0; c < q->width; c++) {
    int64_t *copy = keep(arena, n * sizeof *copy);
    memcpy(copy, column[c], n * sizeof *copy);
    ordinals(e, n, copy, &low[c], &high[c]);
    keys[c] = copy;
  }
  return rel_sort(e->ctx, n, q->width, keys, low, high);
}

static bool equal_rows(const question *q, int64_t *const *column, uint32_t a, uint32_t b) {
  for (int c = 0; c < q->width; c++)
    if (column[c][a] != column[c][b]) return false;
  return true;
}

static bool projects(const question *q) {
  for (int i = 0; q->term && i < q->relation->arity; i++)
    if (q->term[i].kind == REL_ANY) return true;
  return false;
}

/* What fits, as it lies there. */
static uint32_t gather(const question *q, const source *s, base_arena *arena, int64_t **column,
                       rel_number **value) {
  uint32_t n = 0, i = 0;
  for (uint32_t row = s->from; row < s->to; row++) n += fits(q, s, row);
  for (int c = 0; c < q->width; c++) column[c] = keep(arena, n * sizeof(int64_t));
  *value = s->value ? keep(arena, n * sizeof(rel_number)) : NULL;
  for (uint32_t row = s->from; row < s->to; row++) {
    if (!fits(q, s, row)) continue;
    for (int c = 0; c < q->width; c++) column[c][i] = s->column[q->column[c]][row];
    if (*value) (*value)[i] = s->value[row];
    i++;
  }
  return n;
}

typedef struct order { base_ctx *ctx; uint32_t *row; } order;

static void free_order(void *object) {
  order *o = object;
  base_free(o->ctx, o->row);
}

static rel_rows answer(base_arena *arena, question *q, rel_store *s) {
  rel_engine *e = s->engine;
  base_arena *work = base_arena_child(arena);
  int64_t *column[REL_ARITY];
  rel_number *value;
  source from = look(q, s);
  uint32_t n = gather(q, &from, work, column, &value), kept = 0;
  order *o = BASE_NEW(work, order);
  o->ctx = e->ctx;
  base_defer(work, free_order, o);
  o->row = sorted(e, work, n, q, column);
  bool once = !value && projects(q);
  for (uint32_t i = 0; i < n; i++)
    if (!once || i == 0 || !equal_rows(q, column, o->row[i], o->row[i - 1]))
      o->row[kept++] = o->row[i];
  rel_rows rows = {.n = kept, .width = q->width};
  rows.column = BASE_NEWS(arena, const int64_t *, q->width + 1);
  for (int c = 0; c < q->width; c++) {
    int64_t *to = keep(arena, kept * sizeof *to);
    for (uint32_t i = 0; i < kept; i++) to[i] = column[c][o->row[i]];
    rows.column[c] = to;
  }
  if (value) {
    rel_number *to = keep(arena, kept * sizeof *to);
    for (uint32_t i = 0; i < kept; i++) to[i] = value[o->row[i]];
    rows.value = to;
  }
  base_arena_close(work);
  return rows;
}

static rel_store *asked_store(rel_relation *r, const rel_term *term) {
  rel_relation *asked = rel_ask(r, term);
  if (asked) return asked->full;
  rel_need(r);
  return r->full;
}

rel_rows rel_query(base_arena *arena, rel_relation *r, const rel_term *term) {
  question q = ask(r, term);
  return answer(arena, &q, asked_store(r, term));
}

bool rel_exists(rel_relation *r, const rel_term *term) {
  int64_t tuple[REL_ARITY];
  bool ground = term != NULL;
  for (int i = 0; i < r->arity && ground; i++) {
    ground = term[i].kind == REL_KEY;
    tuple[i] = term[i].key;
  }
  question q = ask(r, term);
  rel_store *s = asked_store(r, term);
  if (ground) return s->valued ? rel_set_find(s, tuple) != REL_NO_ROW : rel_set_has(s, tuple);
  source from = look(&q, s);
  for (uint32_t row = from.from; row < from.to; row++)
    if (fits(&q, &from, row)) return true;
  return false;
}
