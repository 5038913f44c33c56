/* parse_relations: facts and rules. */
#include "lang/parse.h"

/* facts = atom { "," atom } | capitalised-name
 * The first of them is parsed. */
lang_stmt *lang_facts(lang_parser *p, lang_expr *first) {
  int mark = p->held.n;
  lang_hold(p, first);
  while (lang_accept(p, TOKEN_COMMA)) {
    const lang_token *begin = p->now;
    lang_expr *fact = lang_expression(p);
    if (p->now->kind == TOKEN_QUESTION)
      base_raise(p->ctx, BASE_REFUSED, lang_span_of(p, p->now), "a query asks one thing\n"
                 "help: define the conjunction by a rule, `Q(x) <- A(x), B(x)`, and ask `Q(x)?`");
    if (fact->kind != LANG_ATOM)
      base_raise(p->ctx, BASE_REFUSED, lang_span_from(p, begin),
                 "expected a fact, found %s\nhelp: `Parent(Alice, Bob), Parent(Bob, Carol)`",
                 lang_kind_name(fact->kind));
    lang_hold(p, fact);
  }
  lang_stmt *s = lang_stmt_node(p, LANG_FACT);
  lang_exprs facts = lang_held(p, mark);
  s->fact.at = facts.at;
  s->fact.n = facts.n;
  return s;
}

/* item = expression [ "=" expression ] */
static lang_expr *item(lang_parser *p) {
  const lang_token *first = p->now;
  lang_expr *left = lang_expression(p);
  if (!lang_accept(p, TOKEN_ASSIGN)) return left;
  int mark = p->held.n;
  lang_hold(p, left);
  lang_hold(p, lang_expression(p));
  lang_expr *e = lang_node(p, LANG_BIND, first);
  lang_children(p, e, lang_held(p, mark));
  return e;
}

_Noreturn static void refuse_head(lang_parser *p, const lang_token *first) {
  bool brackets = first[1].kind == TOKEN_BRACKET;
  const char *name = first->word->name;
  p->now = lang_behind(p, first + 1);
  base_raise(p->ctx, BASE_REFUSED, lang_span_from(p, first),
             brackets ? "the head of a rule has parentheses, not brackets\n"
                        "help: `%s(...) <- ...` is a rule, `%s[...] = ...` a tensor equation"
                      : "the head of a rule begins with a capital, `%s` does not\n"
                        "help: relations are capitalised, what is lower-case before `(` is a "
                        "function", name, name);
}

/* rule = head "<-" item { "," item } */
lang_stmt *lang_rule(lang_parser *p) {
  const lang_token *first = p->now;
  bool positions = first[1].kind == TOKEN_BRACKET || first[1].kind == TOKEN_OPEN;
  if (positions && (first[1].kind == TOKEN_BRACKET || !first->word->capital)) refuse_head(p, first);
  lang_stmt *s = lang_stmt_node(p, LANG_RULE);
  s->rule.head = lang_head(p);
  p->now++;   /* the arrow */
  if (lang_at_end(p))
    lang_unexpected(p, "the body of the rule", "a fact is written without an arrow: `P(A)`");
  int mark = p->held.n;
  do lang_hold(p, item(p));
  while (lang_accept(p, TOKEN_COMMA));
  lang_exprs body = lang_held(p, mark);
  s->rule.body = body.at;
  s->rule.n = body.n;
  return s;
}
