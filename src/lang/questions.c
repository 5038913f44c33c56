/* questions: queries of relations and of sparse tensors: a pattern of their tuples, or a rule. */
#include <math.h>
#include <string.h>

#include "lang/sparse.h"

typedef BASE_VEC(const char *) names;

/* ---- patterns -------------------------------------------------------------------------------- */

static entity *sparse_named(check *c, const lang_expr *e) {
  bool named = e->kind == LANG_NAME || e->kind == LANG_READ || e->kind == LANG_ATOM;
  entity *of = named ? check_find(c, e->name) : NULL;
  return of && of->sparse && !of->broken && of->rank >= 0 ? of : NULL;
}

/* A position of a question: what is free is numbered as it comes. */
static bool term_of(check *c, entity *of, int k, const lang_expr *e, names *free, rel_term *term) {
  const entity *scalar = e->kind == LANG_NAME ? check_scalar(c, e->name) : NULL;
  double value;
  *term = (rel_term){.kind = REL_ANY};
  if (e->kind == LANG_WILD) return true;
  if (e->kind == LANG_NAME && !lang_is_capital(e->name)) {
    int i = 0;
    while (i < free->n && strcmp(free->at[i], e->name) != 0) i++;
    if (i == free->n) BASE_PUSH(c->arena, free, e->name);
    *term = (rel_term){.kind = REL_VAR, .var = i};
    return true;
  }
  if (scalar && sort_of(c, of, k)->symbols.n) check_refuse_scalar(c, e, of, k);
  term->kind = REL_KEY;
  bool symbol = e->kind == LANG_NAME && !scalar;
  if (e->kind == LANG_STRING || symbol) {
    term->key = rel_symbol(sparse_engine(c), e->name, strlen(e->name));
    return true;
  }
  if (!check_number(c, e, &value) || value != floor(value) || fabs(value) > 9e15) return false;
  term->key = (int64_t)value;
  return true;
}

void check_all_elements(check *c, lang_relation *r, lang_item *item) {
  item->term = BASE_NEWS(c->arena, rel_term, r->arity + 1);
  for (int k = 0; k < r->arity; k++) item->term[k] = (rel_term){.kind = REL_VAR, .var = k};
  item->shown = r->arity;
  item->show = r->tensor ? LANG_SHOW_ELEMENTS : LANG_SHOW_TUPLES;
  item->relation = r;
}

/* Tuples or elements that are asked for; false: it is more than a pattern. */
static bool pattern(check *c, const lang_expr *e, entity *of, lang_item *item) {
  names free = {0};
  bool whole = e->kind == LANG_NAME;
  if (!whole && e->n != of->rank)
    check_refuse(c, e->span, "%s has %d position%s; %d %s given here", of->name, of->rank,
                 of->rank == 1 ? "" : "s", e->n, e->n == 1 ? "is" : "are");
  if ((e->kind == LANG_ATOM) != (of->kind == NAME_RELATION) && !whole)
    check_refuse(c, e->span,
                 of->kind == NAME_RELATION ? "%s is a relation\nhelp: write %s(...)"
                                           : "%s is a tensor\nhelp: write %s[...]",
                 of->name, of->name);
  item->term = BASE_NEWS(c->arena, rel_term, of->rank + 1);
  for (int k = 0; k < of->rank; k++) {
    if (whole)
      item->term[k] = (rel_term){.kind = REL_VAR, .var = k};
    else if (!term_of(c, of, k, e->at[k], &free, &item->term[k]))
      return false;
  }
  item->shown = whole ? of->rank : free.n;
  item->show = of->kind == NAME_RELATION ? LANG_SHOW_TUPLES : LANG_SHOW_ELEMENTS;
  item->relation = sparse_publish(c, of);
  item->tensor = of->tensor;
  return true;
}

/* ---- more than a pattern: a rule ------------------------------------------------------------- */

static bool holds_atom(check *c, const lang_expr *e) {
  const entity *of = e->kind == LANG_ATOM || e->kind == LANG_NAME ? check_find(c, e->name) : NULL;
  if (of && of->kind == NAME_RELATION) return true;
  for (int i = 0; i < e->n; i++)
    if (e->at[i] && holds_atom(c, e->at[i])) return true;
  return false;
}

/* Edge(x,y) and not Edge(y,x)? */
static bool is_condition(check *c, const lang_expr *e) {
  bool tests = e->kind == LANG_ATOM || e->kind == LANG_AND || e->kind == LANG_NOT;
  return tests && holds_atom(c, e);
}

static void list_free(check *c, const lang_expr *e, names *free) {
  bool index = e->kind == LANG_NAME && !lang_is_capital(e->name) && !check_scalar(c, e->name);
  for (int i = 0; index && i < free->n; i++) index = strcmp(free->at[i], e->name) != 0;
  if (index) BASE_PUSH(c->arena, free, e->name);
  for (int i = 0; i < e->n; i++)
    if (e->at[i]) list_free(c, e->at[i], free);
}

static void by_rule(check *c, const lang_stmt *s, lang_expr *e, lang_item *item) {
  names free = {0};
  list_free(c, e, &free);
  lang_expr **at = BASE_NEWS(c->arena, lang_expr *, free.n + 1);
  lang_stmt *rule = BASE_NEW(c->arena, lang_stmt);
  for (int i = 0; i < free.n; i++) {
    at[i] = BASE_NEW(c->arena, lang_expr);
    *at[i] = (lang_expr){.kind = LANG_NAME, .name = free.at[i], .depth = 1, .span = e->span};
  }
  lang_expr *head = check_answer_head(c, e, free.n, at);
  if (free.n) head->kind = LANG_ATOM;
  *rule = (lang_stmt){.form = LANG_RULE, .span = s->span, .source = s->source};
  rule->rule.head = head;
  rule->rule.body = BASE_NEWS(c->arena, lang_expr *, 1);
  rule->rule.body[0] = e;
  rule->rule.n = 1;
  lang_ast ast = {.at = &rule, .n = 1};
  check_collect(c, &ast);
  check_definitions(c);
  entity *answer = check_find(c, head->name);
  if (answer->broken) check_skip(c);
  pattern(c, head, answer, item);
}

bool check_question(check *c, const lang_stmt *s, lang_expr *e, lang_item *item) {
  entity *of = sparse_named(c, e);
  if (of && pattern(c, e, of, item)) return true;
  if (!is_condition(c, e)) return false;
  by_rule(c, s, e, item);
  return true;
}
