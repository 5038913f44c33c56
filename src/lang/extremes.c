/* extremes: recursion over minima and maxima of sparse tensors is the engine's: it goes on with
 * what improved, not with everything. What learns or is differentiated is left to equations.
 *
 *   Dist[x,z] min= Dist[x,y] + E[y,z]        Dist(x,z) min= d + w <- Dist(x,y) = d, E(y,z) = w */
#include "lang/sparse.h"

#include <string.h>

static const node *child(const node *n, int i) { return sparse_child(n, i); }

/* What the engine computes by itself. */
static bool is_simple(const node *n, bool top) {
  ir_op op;
  if (n->sum.n && !top) return false;
  switch (n->e.kind) {
  case LANG_NUMBER:
  case LANG_STRING:
  case LANG_NAME:
  case LANG_READ: break;
  case LANG_ATOM:
    if (!n->of) return false;
    break;
  case LANG_SUM:
  case LANG_NEGATE:
  case LANG_JOIN:
  case LANG_MULTIPLY:
  case LANG_DIVIDE:
  case LANG_MODULO:
  case LANG_POWER: break;
  case LANG_CALL:
    if (n->body || n->e.nindex) return false;
    if (strcmp(n->e.name, "min") != 0 && strcmp(n->e.name, "max") != 0 &&
        strcmp(n->e.name, "relu") != 0 && !(n->e.n == 1 && check_unary(n->e.name, &op)))
      return false;
    break;
  default: return false;
  }
  for (int i = 0; i < n->e.n; i++)
    if (!n->e.at[i] || !is_simple(child(n, i), false)) return false;
  return true;
}

/* All that is sparse in N must be there: 2 Late(x), where Late(x) may be false, is not the
 * engine's. */
static bool all_there(const way *w, const node *n) {
  bool there = !sparse_read(n);
  for (int i = 0; !there && i < w->atom.n; i++) there = w->atom.at[i] == n;
  for (int i = 0; there && i < n->e.n; i++)
    if (n->e.at[i]) there = all_there(w, child(n, i));
  return there;
}

static bool is_joined(check *c, const node *right) {
  support s = support_strict(c, right);
  return !s.everywhere && s.any.n == 1 && all_there(&s.any.at[0], right);
}

static bool fits(check *c, const entity *e) {
  if (!e->sparse || e->kind != NAME_TENSOR || !e->clauses.n) return false;
  for (int i = 0; i < e->clauses.n; i++) {
    const clause *cl = e->clauses.at[i];
    if ((cl->op != LANG_MIN && cl->op != LANG_MAX) || !is_simple(cl->right, true) ||
        !is_joined(c, cl->right))
      return false;
    for (int k = 0; k < cl->nlhs; k++)
      if (!cl->lhs[k]->var && cl->lhs[k]->e.kind != LANG_STRING &&
          cl->lhs[k]->e.kind != LANG_NUMBER)
        return false;
  }
  return true;
}

/* Does E, or what it is made of, hold parameters? */
static bool learns(check *c, const entity *e, base_map *met) {
  if (base_map_get(met, &e, sizeof e)) return false;
  base_map_put(met, &e, sizeof e, met);
  if (e->declared && e->declared->declare.start) return true;
  for (int i = 0; i < e->clauses.n; i++)
    for (int r = 0; r < e->clauses.at[i]->reads.n; r++)
      if (learns(c, e->clauses.at[i]->reads.at[r]->of, met)) return true;
  return false;
}

static void add_rule(check *c, entity *e, clause *cl) {
  compiler k = compile_open(c, cl);
  const rel_expr **key = BASE_NEWS(c->arena, const rel_expr *, cl->nlhs + 1);
  k.values = true;
  const rel_expr *value = compile_expr(&k, cl->right);
  if (ir_type_real(e->type) && !compile_real(&k, value)) value = rel_cast(c->arena, IR_F64, value);
  for (int i = 0; i < cl->nlhs; i++) key[i] = compile_expr(&k, cl->lhs[i]);
  compile_rule(&k, e->rel, key, value);
}

static bool reads_group(const entity *e) {
  for (int i = 0; i < e->clauses.n; i++)
    for (int r = 0; r < e->clauses.at[i]->reads.n; r++)
      if (e->clauses.at[i]->reads.at[r]->of->group == e->group) return true;
  return false;
}

void check_choose(check *c, entity *const *group, int n) {
  bool recurs = false;
  if (!c->program || c->grads.n) return;
  for (int i = 0; i < n; i++) {
    if (!fits(c, group[i]) || learns(c, group[i], base_map_open(c->arena))) return;
    recurs |= reads_group(group[i]);
  }
  for (int i = 0; recurs && i < n; i++) {
    entity *e = group[i];
    if (!e->typed) e->type = c->type;
    e->typed = true;
    e->fold = e->clauses.at[0]->op == LANG_MIN ? REL_MIN : REL_MAX;
  }
}

void check_extremes(check *c, entity *const *group, int n) {
  for (int i = 0; i < n; i++) {
    group[i]->count = sparse_count(c, sparse_relation(c, group[i]));
    check_declare(c, group[i]);
  }
  for (int i = 0; i < n; i++)
    for (int k = 0; k < group[i]->clauses.n; k++) add_rule(c, group[i], group[i]->clauses.at[k]);
}
