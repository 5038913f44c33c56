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

typedef enum form { NONE, LEFT, RIGHT, DOUBLE } form;

typedef struct closure {
  rel_engine *e;
  rel_relation *relation;
  form form;
  BASE_VEC(rel_store *) edges;
  rel_grid grid;
  rel_graph graph;
  int64_t work;                /* words since the last look for an interrupt */
} closure;

/* ---- which rules are such a recursion -------------------------------------------------------- */

/* P(x,z) <- A(x,y), B(y,z), in either order. */
static form form_of(const rel_checked *c, const rel_relation *p, rel_relation **edges) {
  const rel_rule *rule = c->rule;
  if (rule->n != 2 || !rel_is_pair(&rule->item[0]) || !rel_is_pair(&rule->item[1])) return NONE;
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

static bool recognise(closure *g, const rel_stratum *stratum) {
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

/* ---- rows joined, by Tarjan's order ---------------------------------------------------------- */

static void join(closure *g, uint32_t into, uint32_t from) {
  uint64_t *a = g->grid.bits + (size_t)into * g->grid.words;
  const uint64_t *b = g->grid.bits + (size_t)from * g->grid.words;
  for (uint32_t w = 0; w < g->grid.words; w++) a[w] |= b[w];
  if ((g->work += g->grid.words) > 1 << 22) {
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

static void enter(closure *g, visit *t, uint32_t v) {
  t->order[v] = t->least[v] = ++t->seen;
  t->open[t->nopen++] = v;
  t->path[t->npath++] = v;
  t->next[v] = g->graph.start[v];
}

/* V and what is open above it reach each other: one row for all, joined of where they lead. */
static void close_component(closure *g, visit *t, uint32_t v) {
  uint32_t first = t->nopen;
  do first--;
  while (t->open[first] != v);
  for (uint32_t i = first; i < t->nopen; i++) {
    uint32_t member = t->open[i];
    if (member != v) join(g, v, member);
    for (uint32_t k = g->graph.start[member]; k < g->graph.start[member + 1]; k++)
      if (t->done[g->graph.to[k]]) join(g, v, g->graph.to[k]);
  }
  for (uint32_t i = first; i < t->nopen; i++) {
    t->done[t->open[i]] = true;
    if (t->open[i] != v) join(g, t->open[i], v);
  }
  t->nopen = first;
}

static void walk(closure *g, visit *t, uint32_t root) {
  enter(g, t, root);
  while (t->npath > 0) {
    uint32_t v = t->path[t->npath - 1];
    if (t->next[v] < g->graph.start[v + 1]) {
      uint32_t to = g->graph.to[t->next[v]++];
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

static void close_rows(closure *g) {
  base_arena *arena = g->e->work;
  visit t = {0};
  t.order = BASE_NEWS(arena, uint32_t, g->grid.n);
  t.least = BASE_NEWS(arena, uint32_t, g->grid.n);
  t.done = BASE_NEWS(arena, bool, g->grid.n);
  t.open = BASE_NEWS(arena, uint32_t, g->grid.n);
  t.path = BASE_NEWS(arena, uint32_t, g->grid.n);
  t.next = BASE_NEWS(arena, uint32_t, g->grid.n);
  for (uint32_t v = 0; v < g->grid.n; v++)
    if (t.order[v] == 0) walk(g, &t, v);
}

bool rel_is_closure(rel_engine *e, const rel_stratum *stratum) {
  return recognise(&(closure){.e = e}, stratum);
}

/* Where the rule is LEFT everything is turned: an edge y, z leads from z to y. */
bool rel_run_closure(rel_engine *e, rel_stratum *stratum) {
  closure g = {.e = e};
  if (!recognise(&g, stratum)) return false;
  if (!rel_grid_pays(&g.grid, g.relation, g.edges.n, g.edges.at, 1)) return false;
  int tail = g.form == LEFT ? 1 : 0;
  g.graph = rel_graph_of(e->work, &g.grid, g.edges.n, g.edges.at, tail);
  rel_grid_take(&g.grid, tail);
  close_rows(&g);
  rel_grid_give(&g.grid);
  return true;
}
