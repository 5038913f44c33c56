/* rules: the rules of the text, item by item, as the engine takes them. */
#include "lang/sparse.h"

#include <string.h>

static const node *child(const node *n, int i) { return sparse_child(n, i); }

static void add(compiler *k, rel_item item) { BASE_PUSH(k->c->arena, &k->items, item); }

static bool is_atom(const node *n) { return sparse_read(n) && n->of->kind == NAME_RELATION; }

static bool holds_atom(const node *n) {
  if (is_atom(n)) return true;
  for (int i = 0; i < n->e.n; i++)
    if (n->e.at[i] && holds_atom(child(n, i))) return true;
  return false;
}

static void test(compiler *k, const rel_expr *e) {
  add(k, (rel_item){.kind = REL_TEST, .test = e});
}

void compile_negated(compiler *k, const node *n) {
  rel_item item = {.kind = REL_NOT, .value = -1};
  if (!is_atom(n)) {
    if (holds_atom(n))
      check_refuse(k->c, n->e.span,
                   "`not` stands before one atom or a condition\nhelp: give the "
                   "conjunction a rule of its own, and negate that");
    test(k, rel_op(k->c->arena, IR_NOT, compile_expr(k, n), NULL, NULL));
    return;
  }
  item.relation = sparse_relation(k->c, n->of);
  k->any = true;
  item.term = compile_terms(k, n);
  k->any = false;
  add(k, item);
}

/* V stands in no position: it may be a real number. */
static bool is_value(const clause *cl, const variable *v) {
  for (int i = 0; i < cl->nlhs; i++)
    if (check_uses(cl->lhs[i], v)) return false;
  for (int i = 0; i < cl->reads.n; i++)
    for (int k = 0; k < cl->reads.at[i]->e.n; k++)
      if (check_uses(child(cl->reads.at[i], k), v)) return false;
  return true;
}

static bool binds_value(const clause *cl, const node *n) {
  return n->e.kind == LANG_BIND && child(n, 0)->var && is_value(cl, child(n, 0)->var);
}

/* v = e binds v, or compares. */
static void binding(compiler *k, const node *n) {
  const node *left = child(n, 0);
  const rel_expr *right = compile_expr(k, child(n, 1));
  if (!left->var) {
    test(k, rel_op(k->c->arena, IR_EQ, compile_expr(k, left), right, NULL));
    return;
  }
  int var = compile_variable(k, left->var);
  if (is_value(k->cl, left->var) && compile_real(k, right)) k->reals.at[var] = true;
  add(k, (rel_item){.kind = REL_BIND, .var = var, .test = right});
}

static void item(compiler *k, const node *n) {
  if (is_atom(n)) {
    k->any = true;
    compile_atom(k, n, -1);
    k->any = false;
    return;
  }
  if (n->body) {
    item(k, n->body);
    return;
  }
  switch (n->e.kind) {
  case LANG_AND:
    for (int i = 0; i < n->e.n; i++) item(k, child(n, i));
    return;
  case LANG_NOT: compile_negated(k, child(n, 0)); return;
  case LANG_BIND: binding(k, n); return;
  case LANG_OR:
    if (holds_atom(n))
      check_refuse(k->c, n->e.span,
                   "`or` between atoms\nhelp: write a rule for each: rules of one "
                   "head are alternatives");
    break;
  default: break;
  }
  test(k, compile_expr(k, n));
}

static void rule(check *c, entity *e, clause *cl) {
  compiler k = compile_open(c, cl);
  const rel_expr **key = BASE_NEWS(c->arena, const rel_expr *, e->rank + 1);
  for (int i = 0; i < cl->body.n; i++) /* these first: it is they that know of reals */
    if (binds_value(cl, cl->body.at[i])) item(&k, cl->body.at[i]);
  for (int i = 0; i < cl->body.n; i++)
    if (!binds_value(cl, cl->body.at[i])) item(&k, cl->body.at[i]);
  k.position = true;
  for (int i = 0; i < cl->nlhs; i++) key[i] = compile_expr(&k, cl->lhs[i]);
  compile_rule(&k, sparse_relation(c, e), key, NULL);
}

void check_rules(check *c, entity *e) {
  sparse_publish(c, e);
  for (int i = 0; i < e->clauses.n; i++) rule(c, e, e->clauses.at[i]);
}
