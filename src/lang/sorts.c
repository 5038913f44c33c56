/* sorts: positions that hold the same things, as variables join them. A symbol is one of its
 * sort; a sort that no declaration gives a domain has the symbols that stand in it, by name. */
#include "lang/sparse.h"

#include <stdlib.h>
#include <string.h>

static sort *find(sort *s) {
  while (s->same) {
    if (s->same->same) s->same = s->same->same;
    s = s->same;
  }
  return s;
}

static sort *new_sort(check *c, lang_domain *domain) {
  sort *s = BASE_NEW(c->arena, sort);
  s->domain = domain;
  return s;
}

sort *sort_of(check *c, entity *e, int k) {
  if (!e->sorts) e->sorts = BASE_NEWS(c->arena, sort *, e->rank + 1);
  if (!e->sorts[k]) e->sorts[k] = new_sort(c, e->domains ? e->domains[k] : NULL);
  sort *s = find(e->sorts[k]);
  if (!s->domain && e->domains) s->domain = e->domains[k];
  return s;
}

sort *sort_of_variable(check *c, variable *v) {
  if (!v->sort) v->sort = new_sort(c, NULL);
  return find(v->sort);
}

void sort_add(check *c, sort *s, const char *symbol) {
  if (!s->known) s->known = base_map_open(c->arena);
  if (base_map_get_s(s->known, symbol)) return;
  base_map_put_s(s->known, symbol, s);
  BASE_PUSH(c->arena, &s->symbols, symbol);
}

static void join(check *c, sort *a, sort *b) {
  a = find(a);
  b = find(b);
  if (a == b) return;
  if (a->symbols.n < b->symbols.n) {
    sort *t = a;
    a = b;
    b = t;
  }
  for (int i = 0; i < b->symbols.n; i++) sort_add(c, a, b->symbols.at[i]);
  if (!a->domain || (a->made && b->domain)) a->domain = b->domain, a->made = b->made;
  a->numbers |= b->numbers;
  b->same = a;
}

/* ---- what is joined -------------------------------------------------------------------------- */

static void join_position(check *c, const node *at, sort *s) {
  if (at->var)
    join(c, s, sort_of_variable(c, at->var));
  else if (at->e.kind == LANG_STRING)
    sort_add(c, find(s), at->e.name);
  else
    find(s)->numbers = true;
}

static sort *sort_of_side(check *c, const node *n) {
  return n->var ? sort_of_variable(c, n->var) : NULL;
}

/* x == y, x = y, x != Alice in rules. */
static void join_compared(check *c, const node *n) {
  bool pair = n->e.kind == LANG_EQUAL || n->e.kind == LANG_UNEQUAL || n->e.kind == LANG_BIND;
  for (int i = 0; i < n->e.n; i++)
    if (n->e.at[i]) join_compared(c, sparse_child(n, i));
  if (!pair) return;
  sort *a = sort_of_side(c, sparse_child(n, 0)), *b = sort_of_side(c, sparse_child(n, 1));
  if (a) join_position(c, sparse_child(n, 1), a);
  if (b) join_position(c, sparse_child(n, 0), b);
}

static void join_clause(check *c, const clause *cl) {
  for (int k = 0; k < cl->nlhs; k++) join_position(c, cl->lhs[k], sort_of(c, cl->head, k));
  for (int i = 0; i < cl->reads.n; i++) {
    const node *read = cl->reads.at[i];
    bool whole = read->e.n == read->of->rank;
    for (int k = 0;
         whole && (read->e.kind == LANG_READ || read->e.kind == LANG_ATOM) && k < read->e.n; k++)
      join_position(c, sparse_child(read, k), sort_of(c, read->of, k));
  }
  for (int i = 0; i < cl->body.n; i++) join_compared(c, cl->body.at[i]);
  if (cl->right && c->program && c->program->engine) join_compared(c, cl->right);
}

/* ---- domains --------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The only declared domain that holds all symbols of S. */
static lang_domain *declared_domain(check *c, const sort *s) {
  lang_domain *found = NULL;
  for (int i = 0; i < c->entities.n; i++) {
    lang_domain *d = c->entities.at[i]->kind == NAME_DOMAIN ? c->entities.at[i]->domain : NULL;
    bool all = d != NULL;
    for (int k = 0; all && k < s->symbols.n; k++)
      all = base_map_get_s(d->number, s->symbols.at[k]) != NULL;
    if (!all) continue;
    if (found) return NULL;
    found = d;
  }
  return found;
}

static void make_domain(check *c, sort *s) {
  s->domain = declared_domain(c, s);
  s->made = true;
  if (s->domain) return;
  qsort(s->symbols.at, (size_t)s->symbols.n, sizeof *s->symbols.at, by_name);
  s->domain = check_domain(c, s->symbols.n);
  for (int i = 0; i < s->symbols.n; i++) check_symbol(s->domain, i, s->symbols.at[i]);
}

lang_domain *sort_domain(sort *s) { return find(s)->domain; }

static void name_positions(check *c, entity *e) {
  if (e->broken || e->rank < 0 || !e->domains || (!e->sparse && (e->declared || !e->clauses.n)))
    return;
  for (int k = 0; k < e->rank; k++) {
    sort *s = sort_of(c, e, k);
    bool symbols = s->symbols.n > 0, mixed = s->numbers && !e->sparse && !s->domain;
    if (mixed) continue; /* no place in what is dense is a symbol's */
    if (symbols && !s->domain) make_domain(c, s);
    if (symbols && !e->domains[k] && !(e->declared && e->size[k])) e->domains[k] = s->domain;
  }
}

/* A constant's place in a dense tensor is known when its domain is. A scalar's name among symbols
 * might be meant as one of them. */
static void place_constant(check *c, void *arg) {
  const pending *p = arg;
  entity *of = p->of;
  node *n = p->n;
  if (n->e.kind == LANG_NUMBER) {
    if (of->rank > p->position && sort_of(c, of, p->position)->symbols.n)
      check_refuse_scalar(c, &n->e, of, p->position);
    return;
  }
  if (of->sparse || of->broken) return;
  const lang_domain *d = of->domains && p->position < of->rank ? of->domains[p->position] : NULL;
  const char **symbol = d ? base_map_get_s(d->number, n->e.name) : NULL;
  if (!symbol) check_refuse_symbol(c, &n->e, of, p->position);
  n->symbol = true;
  n->e.kind = LANG_NUMBER;
  n->e.whole = true;
  n->e.integer = symbol - d->symbol;
  n->e.value = (double)n->e.integer;
}

void check_sorts(check *c) {
  int first = c->sorted;
  for (; c->sorted < c->clauses.n; c->sorted++) {
    const clause *cl = c->clauses.at[c->sorted];
    if (!cl->head->broken && cl->head->rank >= 0) join_clause(c, cl);
  }
  for (int i = first; c->program && i < c->clauses.n; i++) {
    const clause *cl = c->clauses.at[i];
    name_positions(c, cl->head);
    for (int k = 0; k < cl->reads.n; k++) name_positions(c, cl->reads.at[k]->of);
  }
  for (int i = 0; i < c->symbols.n; i++)
    if (!check_attempt(c, place_constant, &c->symbols.at[i])) c->symbols.at[i].head->broken = true;
  c->symbols.n = 0;
}
