/* closure: recursion of the form X = Seed + G X, a matrix of bits closed under a graph's edges.
 *
 *   P(x,z) <- G(x,y), P(y,z)     row x of P holds row y for every edge x, y
 *   P(x,z) <- P(x,y), G(y,z)     the same of columns: P turned, the edges turned
 *   P(x,z) <- P(x,y), P(y,z)     G is what P begins with
 *
 * Strongly connected nodes have one row; nodes come after those that their edges lead to. So each
 * edge costs one union of rows, 64 tuples at a time, where deltas would touch each tuple once for
 * each way to it. The tuples stay bits until somebody needs columns. */
#include <string.h>

#include "rel/private.h"

/* Bytes of bits at most; and for each tuple of the seed and edge of the graph. */
enum { MOST_BYTES = 64 << 20, BYTES_PER_EDGE = 4096 };

typedef enum form { NONE, LEFT, RIGHT, DOUBLE } form;

typedef struct graph {
  rel_engine *e;
  rel_relation *relation;
  form form;
  BASE_VEC(rel_store *) edges;
  int64_t low;
  uint32_t n, words;           /* nodes; words of a row */
  uint64_t *bits;
  uint32_t *start, *to;        /* edges by node */
  int64_t work;                /* words since the last look for an interrupt */
} graph;

/* ---- which rules are such a recursion -------------------------------------------------------- */

static bool is_pair(const rel_item *it) {
  return it->kind == REL_ATOM && it->relation->fold == REL_SET && it->relation->arity == 2 &&
         it->term[0].kind == REL_VAR && it->term[1].kind == REL_VAR &&
         it->term[0].var != it->term[1].var;
}

/* P(x,z) <- A(x,y), B(y,z), in either order. */
static form form_of(const rel_checked *c, const rel_relation *p, rel_relation **edges) {
  const rel_rule *rule = c->rule;
  if (rule->n != 2 || !is_pair(&rule->item[0]) || !is_pair(&rule->item[1])) return NONE;
  int x = rel_code_var(c->key[0]), z = rel_code_var(c->key[1]);
  if (x < 0 || z < 0 || x == z) return NONE;
  const rel_item *a = &rule->item[0], *b = &rule->item[1];
  if (a->term[0].var != x) {
    a = b;
    b = &rule->item[0];
  }
  bool joined = a->term[0].var == x && b->term[1].var == z && a->term[1].var == b->term[0].var;
  if (!joined || a->term[1].var == z || b->term[0].var == x) return NONE;
  *edges = a->relation == p ? b->relation : a->relation;
  if (a->relation == p) return b->relation == p ? DOUBLE : LEFT;
  return b->relation == p ? RIGHT : NONE;
}

static bool recognise(graph *g, const rel_stratum *stratum) {
  rel_relation *p = g->relation = stratum->relations.at[0];
  if (stratum->relations.n != 1 || p->fold != REL_SET || p->arity != 2) return false;
  for (int i = 0; i < p->rules.n; i++) {
    const rel_checked *c = p->rules.at[i];
    rel_relation *edges = NULL;
    if (!rel_reads_itself(c)) continue;
    form f = form_of(c, p, &edges);
    if (f == NONE || (g->form != NONE && (g->form != f || f == DOUBLE))) return false;
    g->form = f;
    BASE_PUSH(g->e->work, &g->edges, edges->full);
  }
  return g->form != NONE;
}

/* ---- the size of it -------------------------------------------------------------------------- */

static void widen(rel_store *s, int64_t *low, int64_t *high) {
  rel_store_measure(s);
  for (int c = 0; c < 2 && s->n > 0; c++) {
    if (s->low[c] < *low) *low = s->low[c];
    if (s->high[c] > *high) *high = s->high[c];
  }
}

static bool is_worth_it(graph *g) {
  int64_t low = INT64_MAX, high = INT64_MIN;
  uint64_t tuples = g->relation->full->n;
  if (tuples == 0) return false;
  widen(g->relation->full, &low, &high);
  for (int i = 0; i < g->edges.n; i++) {
    widen(g->edges.at[i], &low, &high);
    tuples += g->edges.at[i]->n;
  }
  uint64_t range = (uint64_t)high - (uint64_t)low + 1;
  if (range == 0 || range > 1 << 20) return false;
  g->low = low;
  g->n = (uint32_t)range;
  g->words = (g->n + 63) / 64;
  uint64_t bytes = (uint64_t)g->n * g->words * sizeof(uint64_t);
  return bytes <= MOST_BYTES && bytes <= tuples * BYTES_PER_EDGE;
}

/* ---- edges and seed -------------------------------------------------------------------------- */

static uint32_t node(const graph *g, int64_t key) {
  return (uint32_t)((uint64_t)key - (uint64_t)g->low);
}

/* Where the rule is LEFT everything is turned: an edge y, z leads from z to y. */
static int tail(const graph *g) { return g->form == LEFT ? 1 : 0; }

static void sort_edges(graph *g) {
  size_t edges = 0;
  for (int i = 0; i < g->edges.n; i++) edges += g->edges.at[i]->n;
  g->start = BASE_NEWS(g->e->work, uint32_t, (size_t)g->n + 2);
  g->to = BASE_NEWS(g->e->work, uint32_t, edges + 1);
  int t = tail(g);
  for (int i = 0; i < g->edges.n; i++)
    for (uint32_t k = 0; k < g->edges.at[i]->n; k++)
      g->start[node(g, g->edges.at[i]->column[t][k]) + 2]++;
  for (uint32_t v = 0; v < g->n; v++) g->start[v + 2] += g->start[v + 1];
  for (int i = 0; i < g->edges.n; i++)
    for (uint32_t k = 0; k < g->edges.at[i]->n; k++)
      g->to[g->start[node(g, g->edges.at[i]->column[t][k]) + 1]++] =
          node(g, g->edges.at[i]->column[1 - t][k]);
}

/* The grid of the relation, with rows of whole words. From here on the relation owns the bits. */
static void lay_out(graph *g) {
  rel_store *s = g->relation->full;
  uint64_t *bits = base_calloc(g->e->ctx, (size_t)g->n * g->words * sizeof *bits);
  rel_set_free(s);
  s->set.kind = REL_SET_BITS;
  g->bits = s->set.bits = bits;
  int t = tail(g);
  for (int c = 0; c < 2; c++) {
    s->set.low[c] = g->low;
    s->set.range[c] = g->n;
    s->set.stride[c] = c == t ? (uint64_t)g->words * 64 : 1;
  }
  for (uint32_t k = 0; k < s->n; k++) {
    uint32_t row = node(g, s->column[t][k]), bit = node(g, s->column[1 - t][k]);
    bits[(size_t)row * g->words + bit / 64] |= (uint64_t)1 << bit % 64;
  }
}

/* ---- rows joined, by Tarjan's order ---------------------------------------------------------- */

static void join(graph *g, uint32_t into, uint32_t from) {
  uint64_t *a = g->bits + (size_t)into * g->words;
  const uint64_t *b = g->bits + (size_t)from * g->words;
  for (uint32_t w = 0; w < g->words; w++) a[w] |= b[w];
  if ((g->work += g->words) > 1 << 22) {
    g->work = 0;
    base_poll(g->e->ctx);
  }
}

typedef struct visit {
  uint32_t *order, *least;     /* by node; order 0: not seen */
  bool *done;
  uint32_t *open, *path, *next;
  uint32_t seen, nopen, npath;
} visit;

static void enter(graph *g, visit *t, uint32_t v) {
  t->order[v] = t->least[v] = ++t->seen;
  t->open[t->nopen++] = v;
  t->path[t->npath++] = v;
  t->next[v] = g->start[v];
}

/* V and what is open above it reach each other: one row for all, joined of where they lead. */
static void close_component(graph *g, visit *t, uint32_t v) {
  uint32_t first = t->nopen;
  do first--;
  while (t->open[first] != v);
  for (uint32_t i = first; i < t->nopen; i++) {
    uint32_t member = t->open[i];
    if (member != v) join(g, v, member);
    for (uint32_t k = g->start[member]; k < g->start[member + 1]; k++)
      if (t->done[g->to[k]]) join(g, v, g->to[k]);
  }
  for (uint32_t i = first; i < t->nopen; i++) {
    t->done[t->open[i]] = true;
    if (t->open[i] != v) join(g, t->open[i], v);
  }
  t->nopen = first;
}

static void walk(graph *g, visit *t, uint32_t root) {
  enter(g, t, root);
  while (t->npath > 0) {
    uint32_t v = t->path[t->npath - 1];
    if (t->next[v] < g->start[v + 1]) {
      uint32_t to = g->to[t->next[v]++];
      if (t->order[to] == 0)
        enter(g, t, to);
      else if (!t->done[to] && t->order[to] < t->least[v])
        t->least[v] = t->order[to];
      continue;
    }
    if (t->least[v] == t->order[v]) close_component(g, t, v);
    if (--t->npath == 0) break;
    uint32_t above = t->path[t->npath - 1];
    if (t->least[v] < t->least[above]) t->least[above] = t->least[v];
  }
}

static void close_rows(graph *g) {
  base_arena *arena = g->e->work;
  visit t = {0};
  t.order = BASE_NEWS(arena, uint32_t, g->n);
  t.least = BASE_NEWS(arena, uint32_t, g->n);
  t.done = BASE_NEWS(arena, bool, g->n);
  t.open = BASE_NEWS(arena, uint32_t, g->n);
  t.path = BASE_NEWS(arena, uint32_t, g->n);
  t.next = BASE_NEWS(arena, uint32_t, g->n);
  for (uint32_t v = 0; v < g->n; v++)
    if (t.order[v] == 0) walk(g, &t, v);
}

bool rel_run_closure(rel_engine *e, rel_stratum *stratum) {
  graph g = {.e = e};
  if (!recognise(&g, stratum) || !is_worth_it(&g)) return false;
  sort_edges(&g);
  lay_out(&g);
  close_rows(&g);
  rel_store_fold(g.relation->full, (uint64_t)g.n * g.words);
  return true;
}
