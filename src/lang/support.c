/* support: where an expression may differ from 0, as the ways to join the sparse tensors in it;
 * and which heads are sparse by that.
 *
 *   W[x,y] V[y]             where W(x,y)          relu(W[x,y])          where W(x,y)
 *   A[x] + B[x]             where A(x) or B(x)    W[x,y] + 1            everywhere
 *   where(E(x,y), S[x], 0)  where E(x,y)          not E(x,y)            everywhere */
#include "lang/sparse.h"

#include <string.h>

enum { WAYS = 64 };

static const node *child(const node *n, int i) { return sparse_child(n, i); }

static support everywhere(void) { return (support){.everywhere = true}; }

/* ---- sets of ways ---------------------------------------------------------------------------- */

static void add_atom(check *c, way *w, const node *atom) {
  for (int i = 0; i < w->atom.n; i++)
    if (w->atom.at[i] == atom) return;
  BASE_PUSH(c->arena, &w->atom, atom);
}

static support of_atom(check *c, const node *n) {
  support s = {0};
  way w = {0};
  add_atom(c, &w, n);
  BASE_PUSH(c->arena, &s.any, w);
  return s;
}

static support either(check *c, support a, support b) {
  if (a.everywhere || b.everywhere) return everywhere();
  for (int i = 0; i < b.any.n; i++) BASE_PUSH(c->arena, &a.any, b.any.at[i]);
  return a.any.n > WAYS ? everywhere() : a;
}

static support both(check *c, support a, support b) {
  support s = {0};
  if (a.everywhere) return b;
  if (b.everywhere) return a;
  if (a.any.n * b.any.n > WAYS) return a;
  for (int i = 0; i < a.any.n; i++)
    for (int k = 0; k < b.any.n; k++) {
      way w = {0};
      for (int j = 0; j < a.any.at[i].atom.n; j++) add_atom(c, &w, a.any.at[i].atom.at[j]);
      for (int j = 0; j < b.any.at[k].atom.n; j++) add_atom(c, &w, b.any.at[k].atom.at[j]);
      BASE_PUSH(c->arena, &s.any, w);
    }
  return s;
}

/* ---- of an expression ------------------------------------------------------------------------ */

static bool is_number(const node *n, double *value) {
  if (n->e.kind == LANG_NEGATE && is_number(child(n, 0), value)) {
    *value = -*value;
    return true;
  }
  if (n->e.kind != LANG_NUMBER) return false;
  *value = n->e.value;
  return true;
}

static bool holds(lang_kind kind, double a, double b) {
  switch (kind) {
  case LANG_EQUAL: return a == b;
  case LANG_UNEQUAL: return a != b;
  case LANG_LESS: return a < b;
  case LANG_AT_MOST: return a <= b;
  case LANG_MORE: return a > b;
  default: return a >= b;
  }
}

/* Of what is absent 0 is compared. */
static support of_comparison(check *c, const node *n) {
  support s[2];
  double value[2] = {0, 0};
  for (int i = 0; i < 2; i++) {
    s[i] = support_of(c, child(n, i));
    if (is_number(child(n, i), &value[i])) s[i] = (support){0};
    if (s[i].everywhere) return s[i];
  }
  return holds(n->e.kind, value[0], value[1]) ? everywhere() : either(c, s[0], s[1]);
}

static bool keeps_zero(const char *name) {
  static const char *const names[] = {"step", "relu", "gelu",  "silu",  "tanh",  "sqrt", "abs",
                                      "sign", "sin",  "erf",   "floor", "round", "stop", "dropout",
                                      "f16",  "bf16", "f32",   "f64",   "i32",   "i64",  "bool",
                                      "sum",  "avg",  "count", "max",   "min",   "prod"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(names[i], name) == 0) return true;
  return false;
}

static bool is_extreme(const char *name) {
  return strcmp(name, "max") == 0 || strcmp(name, "min") == 0 || strcmp(name, "avg") == 0 ||
         strcmp(name, "prod") == 0;
}

static support of_call(check *c, const node *n) {
  const char *name = n->e.name;
  if (n->body) return support_of(c, n->body);
  if (strcmp(name, "grad") == 0)
    return n->e.n == 2 && child(n, 1)->of && child(n, 1)->of->sparse ? of_atom(c, child(n, 1))
                                                                     : everywhere();
  if (strcmp(name, "where") == 0 && n->e.n == 3)
    return either(c, both(c, support_of(c, child(n, 0)), support_of(c, child(n, 1))),
                  support_of(c, child(n, 2)));
  if (!keeps_zero(name) || n->e.n < 1) return everywhere();
  if (n->e.nindex && is_extreme(name)) return support_strict(c, child(n, 0));
  support s = support_of(c, child(n, 0));
  bool among = !n->e.nindex && (strcmp(name, "max") == 0 || strcmp(name, "min") == 0);
  for (int i = 1; among && i < n->e.n; i++) s = either(c, s, support_of(c, child(n, i)));
  return s;
}

static support of_power(check *c, const node *n) {
  double exponent;
  bool zero = is_number(child(n, 1), &exponent) && exponent == 0;
  return zero ? everywhere() : support_of(c, child(n, 0));
}

support support_of(check *c, const node *n) {
  double value;
  support s = everywhere();
  if (sparse_read(n)) return of_atom(c, n);
  switch (n->e.kind) {
  case LANG_NUMBER: return is_number(n, &value) && value == 0 ? (support){0} : s;
  case LANG_JOIN:
  case LANG_MULTIPLY:
  case LANG_DIVIDE:
  case LANG_AND:
    for (int i = 0; i < n->e.n; i++) s = both(c, s, support_of(c, child(n, i)));
    return s;
  case LANG_SUM:
  case LANG_OR:
    s = support_of(c, child(n, 0));
    for (int i = 1; i < n->e.n; i++) s = either(c, s, support_of(c, child(n, i)));
    return s;
  case LANG_NEGATE:
  case LANG_MODULO: return support_of(c, child(n, 0));
  case LANG_POWER: return of_power(c, n);
  case LANG_EQUAL:
  case LANG_UNEQUAL:
  case LANG_LESS:
  case LANG_AT_MOST:
  case LANG_MORE:
  case LANG_AT_LEAST: return of_comparison(c, n);
  case LANG_ATOM:
  case LANG_CALL: return of_call(c, n);
  default: return s;
  }
}

static bool way_binds(const way *w, const variable *v);

static bool reads_elements(const node *n) {
  if (sparse_read(n) && n->of->kind == NAME_TENSOR) return true;
  for (int i = 0; i < n->e.n; i++)
    if (n->e.at[i] && reads_elements(child(n, i))) return true;
  return n->body && reads_elements(n->body);
}

/* Each variable in the ways of A has its values from B. */
static bool binds_all(const support *b, const support *a) {
  for (int w = 0; w < a->any.n; w++)
    for (int i = 0; i < a->any.at[w].atom.n; i++)
      for (int k = 0; k < a->any.at[w].atom.at[i]->e.n; k++) {
        const variable *v = child(a->any.at[w].atom.at[i], k)->var;
        if (v && !support_binds(b, v)) return false;
      }
  return true;
}

/* A relation is false where it does not hold, which is no absence: in V[x] + 2 Late(x) or
 * 1 - Late(x) it is a number, in Hops[x] + Edge(x,y) it binds y. */
static support strict_sum(check *c, const node *n) {
  support s = everywhere();
  bool open = false;
  for (int i = 0; i < n->e.n; i++) {
    support one = support_strict(c, child(n, i));
    if (reads_elements(child(n, i)))
      s = both(c, s, one);
    else
      open |= one.everywhere;
  }
  for (int i = 0; i < n->e.n; i++) {
    support one = support_strict(c, child(n, i));
    bool number = reads_elements(child(n, i)) || one.everywhere || open || binds_all(&s, &one);
    if (!number) s = both(c, s, one);
  }
  return s;
}

/* Absent elements take no part: all that stands in sums and functions must be there. */
support support_strict(check *c, const node *n) {
  support s = everywhere();
  switch (n->e.kind) {
  case LANG_SUM: return strict_sum(c, n);
  case LANG_JOIN:
  case LANG_MULTIPLY:
  case LANG_DIVIDE:
  case LANG_NEGATE:
  case LANG_MODULO:
  case LANG_POWER: break;
  case LANG_CALL:
    if (n->body) return support_strict(c, n->body);
    if (n->e.nindex || strcmp(n->e.name, "where") == 0 || strcmp(n->e.name, "grad") == 0)
      return support_of(c, n);
    break;
  default: return support_of(c, n);
  }
  for (int i = 0; i < n->e.n; i++) s = both(c, s, support_strict(c, child(n, i)));
  return s;
}

static bool way_binds(const way *w, const variable *v) {
  for (int i = 0; i < w->atom.n; i++)
    for (int k = 0; k < w->atom.at[i]->e.n; k++)
      if (child(w->atom.at[i], k)->var == v) return true;
  return false;
}

bool support_binds(const support *s, const variable *v) {
  for (int i = 0; i < s->any.n; i++)
    if (!way_binds(&s->any.at[i], v)) return false;
  return !s->everywhere && s->any.n > 0;
}

bool support_mentions(const node *n) {
  if (n->of && n->of->sparse) return true; /* what grad is taken by, too */
  for (int i = 0; i < n->e.n; i++)
    if (n->e.at[i] && support_mentions(child(n, i))) return true;
  return n->body && support_mentions(n->body);
}

void sparse_terms_of(check *c, node *n, bool minus, sparse_terms *terms) {
  bool descends = (n->e.kind == LANG_SUM || n->e.kind == LANG_NEGATE) && !n->sum.n;
  if (!descends) {
    BASE_PUSH(c->arena, terms, ((sparse_term){n, minus}));
    return;
  }
  for (int i = 0; i < n->e.n; i++)
    sparse_terms_of(c, (node *)n->e.at[i], minus != (n->e.kind == LANG_NEGATE), terms);
}

/* ---- which heads are sparse ------------------------------------------------------------------ */

/* V stands in a position of something dense. */
static bool stands_dense(const node *n, const variable *v) {
  bool dense = (n->e.kind == LANG_READ || n->e.kind == LANG_ATOM) && n->of && !n->of->sparse;
  for (int i = 0; i < n->e.n; i++) {
    if (!n->e.at[i]) continue;
    if (dense && check_uses(child(n, i), v)) return true;
    if (stands_dense(child(n, i), v)) return true;
  }
  return n->body && stands_dense(n->body, v);
}

static bool binds_head(check *c, const clause *cl) {
  sparse_terms terms = {0};
  if (cl->op <= LANG_ADD)
    sparse_terms_of(c, cl->right, false, &terms);
  else
    BASE_PUSH(c->arena, &terms, ((sparse_term){cl->right, false}));
  for (int t = 0; t < terms.n; t++) {
    support s =
        cl->op <= LANG_ADD ? support_of(c, terms.at[t].n) : support_strict(c, terms.at[t].n);
    for (int k = 0; k < cl->nlhs; k++)
      if (cl->lhs[k]->var && !support_binds(&s, cl->lhs[k]->var)) return false;
  }
  return true;
}

static bool has_index(const clause *cl) {
  for (int k = 0; k < cl->nlhs; k++)
    if (cl->lhs[k]->var) return true;
  return false;
}

/* Each index of its head stands in sparse tensors only. */
static bool may_be_sparse(check *c, const clause *cl) {
  for (int k = 0; k < cl->nlhs; k++) {
    const variable *v = cl->lhs[k]->var;
    bool constant = cl->lhs[k]->e.kind == LANG_STRING || cl->lhs[k]->e.kind == LANG_NUMBER;
    if (!v && !constant) return false;
    if (v && stands_dense(cl->right, v)) return false;
  }
  return binds_head(c, cl);
}

static bool is_candidate(const check *c, const entity *e) {
  return c->program && e->kind == NAME_TENSOR && e->clauses.n && !e->declared && !e->data &&
         !e->broken && e->rank > 0 && e->virtual_position < 0;
}

typedef BASE_VEC(entity *) entities;

/* Something of it comes from what is sparse without it: a clause that reads no candidate which is
 * not grounded yet, or an element over symbols. */
static bool is_grounded(const clause *cl) {
  bool symbols = false;
  for (int k = 0; k < cl->nlhs; k++) symbols |= cl->lhs[k]->e.kind == LANG_STRING;
  if (!has_index(cl)) return symbols;
  for (int i = 0; i < cl->reads.n; i++)
    if (cl->reads.at[i]->of->sparse && cl->reads.at[i]->of->busy) return false;
  return true;
}

static bool drop_unfit(check *c, const entities *list) {
  bool dropped = false;
  for (int i = 0; i < list->n; i++) {
    entity *e = list->at[i];
    for (int k = 0; e->sparse && k < e->clauses.n; k++)
      if (!may_be_sparse(c, e->clauses.at[k])) e->sparse = false, dropped = true;
  }
  return dropped;
}

/* BUSY: not grounded yet. */
static bool drop_ungrounded(const entities *list) {
  bool changed, dropped = false;
  for (int i = 0; i < list->n; i++) list->at[i]->busy = list->at[i]->sparse;
  do {
    changed = false;
    for (int i = 0; i < list->n; i++) {
      entity *e = list->at[i];
      for (int k = 0; e->busy && k < e->clauses.n; k++)
        if (is_grounded(e->clauses.at[k])) e->busy = false, changed = true;
    }
  } while (changed);
  for (int i = 0; i < list->n; i++) {
    dropped |= list->at[i]->busy;
    if (list->at[i]->busy) list->at[i]->sparse = list->at[i]->busy = false;
  }
  return dropped;
}

/* Nothing but elements whose values are numbers known now. */
static bool is_table(check *c, const entity *e) {
  double value;
  for (int i = 0; i < e->clauses.n; i++) {
    const clause *cl = e->clauses.at[i];
    if (has_index(cl) || cl->op > LANG_ADD || cl->stmt->form != LANG_EQUATION ||
        !check_number(c, cl->stmt->equation.right, &value))
      return false;
    for (int k = 0; k < cl->nlhs; k++)
      if (cl->lhs[k]->e.kind != LANG_STRING && cl->lhs[k]->e.kind != LANG_NUMBER) return false;
  }
  return e->clauses.n > 0;
}

void check_sparse(check *c) {
  entities list = {0};
  int first = c->judged;
  for (; c->judged < c->entities.n; c->judged++) {
    entity *e = c->entities.at[c->judged];
    if (!is_candidate(c, e)) continue;
    e->sparse = true;
    BASE_PUSH(c->arena, &list, e);
  }
  do drop_unfit(c, &list);
  while (drop_ungrounded(&list) || drop_unfit(c, &list));
  for (int i = first; i < c->entities.n; i++) {
    entity *e = c->entities.at[i];
    if (e->sparse && e->kind == NAME_TENSOR && !e->broken && !e->table && is_table(c, e))
      check_table(c, e);
  }
}

bool sparse_is_read(entity *const *group, int n) {
  for (int i = 0; i < n; i++)
    for (int k = 0; k < group[i]->clauses.n; k++)
      for (int r = 0; r < group[i]->clauses.at[k]->reads.n; r++)
        if (group[i]->clauses.at[k]->reads.at[r]->of->sparse) return true;
  return false;
}
