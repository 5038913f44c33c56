/* linear: recursion that reads its own pairs once, between graphs, by deltas of rows of bits.
 *
 *   P(x,y) <- A(x,p), P(p,q), B(y,q)      same generation; either graph may lack, or be turned
 *
 * For each row p of the delta its bits q are led through B into one row, which is then joined to
 * the rows x that A leads to: a tuple costs a bit, and 64 of them one operation. */
#include <string.h>

#include "rel/private.h"

typedef struct link {            /* from what P holds to what the head holds; none: the same */
  rel_relation *relation;
  int tail;                      /* the position of what P holds */
  rel_graph graph;
} link;

typedef struct line {            /* a rule */
  link left, right;
} line;

typedef struct span { uint32_t from, to; } span;   /* words of a row that may not be 0 */

typedef struct matrix {
  uint64_t *bits;
  span *span;                    /* by row; from == to: the row is empty */
  uint32_t *row;                 /* those that are not */
  uint32_t n;
} matrix;

typedef struct linear {
  rel_engine *e;
  rel_relation *relation;
  rel_grid grid;
  BASE_VEC(line) lines;
  BASE_VEC(rel_store *) stores;
  matrix delta, next;
  uint64_t *carried;             /* a row led through the right graph */
  int64_t work;
} linear;

/* ---- recognising ----------------------------------------------------------------------------- */

/* The item among those of C, but P's, that links what P holds, VAR, to HEAD. */
static bool find_link(const rel_checked *c, int own, int var, int head, link *l, int *item) {
  *item = -1;
  if (var == head) return true;
  for (int i = 0; i < c->rule->n; i++) {
    const rel_item *it = &c->rule->item[i];
    if (i == own || !rel_is_pair(it)) continue;
    for (int t = 0; t < 2; t++) {
      if (it->term[t].var != var || it->term[1 - t].var != head) continue;
      *l = (link){.relation = it->relation, .tail = t};
      *item = i;
      return true;
    }
  }
  return false;
}

static bool line_of(const rel_checked *c, const rel_relation *p, line *l) {
  const rel_rule *rule = c->rule;
  int own = -1, x = rel_code_var(c->key[0]), y = rel_code_var(c->key[1]), left, right;
  if (rule->n < 2 || rule->n > 3 || x < 0 || y < 0 || x == y) return false;
  for (int i = 0; i < rule->n; i++) {
    if (!rel_is_pair(&rule->item[i])) return false;
    if (rule->item[i].relation != p) continue;
    if (own >= 0) return false;
    own = i;
  }
  const rel_term *held = rule->item[own].term;
  if (!find_link(c, own, held[0].var, x, &l->left, &left)) return false;
  if (!find_link(c, own, held[1].var, y, &l->right, &right)) return false;
  /* every item is used, once, and the two sides share no variable */
  int used = 1 + (left >= 0) + (right >= 0);
  return used == rule->n && (left < 0 || left != right) && held[0].var != y && held[1].var != x;
}

static bool recognise(linear *k, const rel_stratum *stratum) {
  rel_relation *p = k->relation = stratum->relations.at[0];
  if (stratum->relations.n != 1 || p->fold != REL_SET || p->arity != 2) return false;
  for (int i = 0; i < p->rules.n; i++) {
    line l = {0};
    if (!rel_reads_itself(p->rules.at[i])) continue;
    if (!line_of(p->rules.at[i], p, &l)) return false;
    BASE_PUSH(k->e->work, &k->lines, l);
    if (l.left.relation) BASE_PUSH(k->e->work, &k->stores, l.left.relation->full);
    if (l.right.relation) BASE_PUSH(k->e->work, &k->stores, l.right.relation->full);
  }
  return k->lines.n > 0;
}

/* ---- a round --------------------------------------------------------------------------------- */

static uint64_t *row_of(const linear *k, const matrix *m, uint32_t row) {
  return m->bits + (size_t)row * k->grid.words;
}

static void join(linear *k, uint32_t into, const uint64_t *from, span s) {
  matrix *m = &k->next;
  span *mine = &m->span[into];
  if (mine->from == mine->to) {
    *mine = s;
    m->row[m->n++] = into;
  } else {
    if (s.from < mine->from) mine->from = s.from;
    if (s.to > mine->to) mine->to = s.to;
  }
  uint64_t *to = row_of(k, m, into);
  for (uint32_t w = s.from; w < s.to; w++) to[w] |= from[w];
  if ((k->work += s.to - s.from) > 1 << 22) {
    k->work = 0;
    base_poll(k->e->ctx);
  }
}

/* Where the bits of a row are led to; the row carried is cleared again by its reader. */
static span carry(linear *k, const rel_graph *g, const uint64_t *bits, span s) {
  span made = {k->grid.words, 0};
  for (uint32_t w = s.from; w < s.to; w++)
    for (uint64_t left = bits[w]; left; left &= left - 1) {
      uint32_t q = w * 64 + (uint32_t)__builtin_ctzll(left);
      for (uint32_t i = g->start[q]; i < g->start[q + 1]; i++) {
        uint32_t y = g->to[i];
        k->carried[y / 64] |= (uint64_t)1 << y % 64;
        if (y / 64 < made.from) made.from = y / 64;
        if (y / 64 >= made.to) made.to = y / 64 + 1;
      }
      k->work++;
    }
  return made;
}

static void lead(linear *k, const line *l, uint32_t row) {
  const uint64_t *bits = row_of(k, &k->delta, row);
  span s = k->delta.span[row];
  const rel_graph *left = &l->left.graph;
  if (l->left.relation && left->start[row] == left->start[row + 1]) return;
  if (l->right.relation) {
    s = carry(k, &l->right.graph, bits, s);
    bits = k->carried;
    if (s.from >= s.to) return;
  }
  if (!l->left.relation)
    join(k, row, bits, s);
  else
    for (uint32_t i = left->start[row]; i < left->start[row + 1]; i++)
      join(k, left->to[i], bits, s);
  if (l->right.relation)
    memset(k->carried + s.from, 0, (s.to - s.from) * sizeof *k->carried);
}

/* What is new of the next matrix is the next delta; the old one is cleared and takes its place. */
static void turn(linear *k) {
  matrix *m = &k->next;
  uint32_t kept = 0;
  for (uint32_t i = 0; i < m->n; i++) {
    uint32_t row = m->row[i];
    span *s = &m->span[row];
    uint64_t *bits = row_of(k, m, row), *all = k->grid.bits + (size_t)row * k->grid.words;
    uint64_t any = 0;
    for (uint32_t w = s->from; w < s->to; w++) {
      bits[w] &= ~all[w];
      all[w] |= bits[w];
      any |= bits[w];
    }
    if (any) m->row[kept++] = row;
    else s->from = s->to = 0;
  }
  m->n = kept;
  matrix *old = &k->delta;
  for (uint32_t i = 0; i < old->n; i++) {
    span *s = &old->span[old->row[i]];
    memset(row_of(k, old, old->row[i]) + s->from, 0, (s->to - s->from) * sizeof(uint64_t));
    s->from = s->to = 0;
  }
  old->n = 0;
  matrix swap = *m;
  *m = *old;
  *old = swap;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static matrix new_matrix(linear *k) {
  base_arena *arena = k->e->work;
  matrix m = {.n = 0};
  m.bits = BASE_NEWS(arena, uint64_t, (size_t)k->grid.n * k->grid.words);
  m.span = BASE_NEWS(arena, span, k->grid.n);
  m.row = BASE_NEWS(arena, uint32_t, k->grid.n);
  return m;
}

/* The graph that leads from what P holds to what the head does. */
static void make_graph(linear *k, link *l) {
  if (l->relation) l->graph = rel_graph_of(k->e->work, &k->grid, 1, &l->relation->full, l->tail);
}

static void prepare(linear *k) {
  k->delta = new_matrix(k);
  k->next = new_matrix(k);
  k->carried = BASE_NEWS(k->e->work, uint64_t, k->grid.words);
  for (int i = 0; i < k->lines.n; i++) {
    make_graph(k, &k->lines.at[i].left);
    make_graph(k, &k->lines.at[i].right);
  }
  rel_grid_take(&k->grid, 0);
  for (uint32_t row = 0; row < k->grid.n; row++) {
    const uint64_t *bits = k->grid.bits + (size_t)row * k->grid.words;
    uint32_t from = 0, to = k->grid.words;
    while (from < to && !bits[from]) from++;
    while (to > from && !bits[to - 1]) to--;
    if (from == to) continue;
    k->delta.span[row] = (span){from, to};
    k->delta.row[k->delta.n++] = row;
    memcpy(row_of(k, &k->delta, row) + from, bits + from, (to - from) * sizeof *bits);
  }
}

bool rel_is_linear(rel_engine *e, const rel_stratum *stratum) {
  return recognise(&(linear){.e = e}, stratum);
}

bool rel_run_linear(rel_engine *e, rel_stratum *stratum) {
  linear k = {.e = e};
  if (!recognise(&k, stratum)) return false;
  if (!rel_grid_pays(&k.grid, k.relation, k.stores.n, k.stores.at, 3)) return false;
  prepare(&k);
  while (k.delta.n > 0) {
    base_poll(e->ctx);
    e->stats.rounds++;
    for (int i = 0; i < k.lines.n; i++)
      for (uint32_t r = 0; r < k.delta.n; r++) lead(&k, &k.lines.at[i], k.delta.row[r]);
    turn(&k);
  }
  rel_grid_give(&k.grid);
  return true;
}
