/* resolve_relations: atoms, conditions and rules, their names looked up. */
#include <string.h>

#include "lang/resolve.h"

/* A relation that nothing defines is empty; with a constant in it, or a name like it, it is more
 * likely misspelt. */
entity *resolve_relation(resolver *r, const lang_expr *e) {
  check *c = r->c;
  entity *of = check_find(c, e->name);
  if (of && of->broken) check_skip(c);
  if (of && of->kind == NAME_TENSOR)
    check_refuse(c, e->span,
                 "%s is a tensor: its elements are read with brackets\nhelp: write `%s`", e->name,
                 check_indexed(c, of));
  if (of && of->kind != NAME_UNKNOWN && of->kind != NAME_RELATION)
    check_refuse(c, e->span, "%s is no relation; it is defined on line %d", e->name,
                 of->span.line);
  if (of && of->kind == NAME_RELATION) return of;
  const char *near = check_meant(c, e->name, NAME_RELATION);
  bool plain = !*near && c->program;
  for (int k = 0; k < e->n; k++)
    plain &= e->at[k]->kind == LANG_NAME && !lang_is_capital(e->at[k]->name);
  if (!plain) check_unknown(c, e, NAME_RELATION);
  of = check_define(c, e, NAME_RELATION);
  of->sparse = true;
  check_rank_of(c, of, e->n, e->span);
  return of;
}

/* x == Alice, in a rule. */
bool resolve_is_symbol(check *c, const lang_expr *e) {
  const entity *of = base_map_get_s(c->names, e->name);
  return lang_is_capital(e->name) && !check_scalar(c, e->name) && (!of || of->rank != 0);
}

/* Even(d), after Even(d) = d % 2 == 0, is a condition on indices, written out where it is used. */
node *resolve_atom(resolver *r, const lang_expr *e) {
  const entity *function = check_find(r->c, e->name);
  if (function && function->kind == NAME_FUNCTION && !function->broken) {
    const lang_stmt *s = function->function;
    return resolve_function(r, e, s->equation.head->n, s->equation.head->at, s->equation.right);
  }
  node *n = resolve_copy(r, e);
  n->of = resolve_relation(r, e);
  if (n->of->rank != e->n)
    check_refuse(r->c, e->span, "%s has %d position%s; %d %s given here", e->name, n->of->rank,
                 n->of->rank == 1 ? "" : "s", e->n, e->n == 1 ? "is" : "are");
  for (int k = 0; k < e->n; k++) n->e.at[k] = &resolve_position(r, e->at[k], n->of, k)->e;
  BASE_PUSH(r->c->arena, &r->cl->reads, n);
  return n;
}

node *resolve_compared(resolver *r, const lang_expr *e) {
  bool outer = r->compared;
  r->compared = true;
  node *n = resolve_children(r, e);
  r->compared = outer;
  return n;
}

/* What nothing defines is a variable: it is told which one lacks values. */
static void add_undefined(resolver *r, const lang_expr *e) {
  if (e->kind == LANG_NAME && !lang_is_capital(e->name) && !check_find(r->c, e->name))
    resolve_add_index(r, e->name);
  for (int i = 0; i < e->n; i++)
    if (e->at[i]) add_undefined(r, e->at[i]);
}

/* The variables of a rule: what stands in positions, and what `=` binds. */
void resolve_rule(resolver *r, const lang_stmt *s) {
  r->rule = true;
  resolve_indices(r, s->rule.head, false);
  for (int i = 0; i < s->rule.n; i++) {
    const lang_expr *item = s->rule.body[i];
    resolve_indices(r, item, false);
    add_undefined(r, item);
    if (item->kind == LANG_BIND && item->at[0]->kind == LANG_NAME)
      resolve_add_index(r, item->at[0]->name);
  }
  resolve_head(r, s->rule.head);
  for (int i = 0; i < s->rule.n; i++) {
    node *n = resolve(r, s->rule.body[i]);
    BASE_PUSH(r->c->arena, &r->cl->body, n);
  }
}
