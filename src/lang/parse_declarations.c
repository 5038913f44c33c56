/* parse_declarations: tensors, relations and parameters with their types; domains.
 *
 *   declaration = name ":" ( domain | typed ) */
#include <string.h>

#include "lang/parse.h"

/* ---- domains --------------------------------------------------------------------------------- */

/* symbol = name | string | digits */
static lang_expr *symbol(lang_parser *p) {
  lang_token_kind kind = p->now->kind;
  if (kind == TOKEN_NAME) return lang_name_node(p);
  if (kind != TOKEN_STRING && !(kind == TOKEN_NUMBER && p->now->whole))
    lang_unexpected(p, "a symbol of the domain", "symbols are names, strings or integers: "
                    "`Thing : {Alice, \"New York\", 7}`");
  return lang_primary(p);
}

/* domain = "{" symbol { "," symbol } "}" | "domain" "(" name ")" */
static void listed_domain(lang_parser *p, lang_stmt *s) {
  int mark = p->held.n;
  do {
    p->now++;   /* the brace, then commas */
    lang_hold(p, symbol(p));
  } while (p->now->kind == TOKEN_COMMA);
  lang_expect(p, TOKEN_UNBRACE, "to end the domain");
  lang_exprs symbols = lang_held(p, mark);
  s->domain.at = symbols.at;
  s->domain.n = symbols.n;
}

static void domain_of(lang_parser *p, lang_stmt *s) {
  p->now += 2;   /* domain( */
  if (p->now->kind != TOKEN_NAME)
    lang_unexpected(p, "the name of a tensor read from a text file",
                    "`Text = chars(\"t.txt\")`, then `Char : domain(Text)`");
  s->domain.of = lang_name_node(p);
  lang_expect(p, TOKEN_CLOSE, "to end `domain(`");
}

/* ---- types ----------------------------------------------------------------------------------- */

enum { TYPES = LANG_BOOL + 1 };

/* Names that other languages have for a type of ours. */
static const struct { const char *name; lang_type type; } foreign_types[] = {
  {"float", LANG_F32}, {"float32", LANG_F32}, {"double", LANG_F64}, {"float64", LANG_F64},
  {"half", LANG_F16}, {"float16", LANG_F16}, {"bfloat16", LANG_BF16}, {"int", LANG_I64},
  {"int64", LANG_I64}, {"long", LANG_I64}, {"int32", LANG_I32}, {"boolean", LANG_BOOL},
};

const char *lang_nearest_type(const char *name) {
  const char *names[TYPES];
  for (int i = 0; i < TYPES; i++) names[i] = lang_type_name((lang_type)i);
  for (size_t i = 0; i < sizeof foreign_types / sizeof *foreign_types; i++)
    if (strcmp(name, foreign_types[i].name) == 0) return lang_type_name(foreign_types[i].type);
  return lang_did_you_mean(name, names, TYPES);
}

/* type = "f16" | "bf16" | "f32" | "f64" | "i32" | "i64" | "bool" */
static lang_type type(lang_parser *p) {
  static const char types[] = "the types are f16 bf16 f32 f64 i32 i64 bool";
  if (p->now->kind != TOKEN_NAME)
    lang_unexpected(p, "a type behind `:`",
                    p->now->kind == TOKEN_BRACKET
                        ? "a type stands before the sizes: `W : f32[784, 128]`" : types);
  const char *name = p->now->word->name;
  for (int i = 0; i < TYPES; i++) {
    if (strcmp(name, lang_type_name((lang_type)i)) != 0) continue;
    p->now++;
    return (lang_type)i;
  }
  const char *near = lang_nearest_type(name);
  base_raise(p->ctx, BASE_REFUSED, lang_span_of(p, p->now), "there is no type `%s`\nhelp: %s%s%s%s",
             name, near ? "did you mean `" : "", near ? near : "", near ? "`? " : "", types);
}

/* ---- tensors --------------------------------------------------------------------------------- */

/* sizes = "[" sum { "," sum } "]" | "(" sum { "," sum } ")" */
static void sizes(lang_parser *p, lang_stmt *s) {
  s->declare.sparse = p->now->kind == TOKEN_OPEN;
  lang_token_kind close = s->declare.sparse ? TOKEN_CLOSE : TOKEN_UNBRACKET;
  int mark = p->held.n;
  if (p->now[1].kind == close)
    base_raise(p->ctx, BASE_REFUSED, lang_span_of(p, p->now),
               "no sizes\nhelp: a scalar is declared `%s : %s`", s->declare.name->name,
               lang_type_name(s->declare.type));
  do {
    p->now++;   /* the bracket, then commas */
    lang_hold(p, lang_sum_expression(p));
  } while (p->now->kind == TOKEN_COMMA);
  lang_expect(p, close, base_format(p->arena, "in the sizes of `%s`", s->declare.name->name));
  lang_exprs found = lang_held(p, mark);
  s->declare.sizes = found.at;
  s->declare.n = found.n;
}

static void check_behind_typed(lang_parser *p, const lang_stmt *s) {
  const char *name = s->declare.name->name;
  if (p->now->kind == TOKEN_ASSIGN)
    base_raise(p->ctx, BASE_REFUSED, lang_span_of(p, p->now), "a declaration gives no value\n"
               "help: give `%s` its value by an equation, `%s = ...`, or an initialiser by `~`, "
               "which makes it a parameter", name, name);
  if (p->now->kind == TOKEN_FIXED)
    base_raise(p->ctx, BASE_REFUSED, lang_span_of(p, p->now), "`fixed` without an initialiser\n"
               "help: what has none is no parameter and is not learned");
}

/* `~ normal` lacks its number. */
static void check_amount(lang_parser *p) {
  const char *name = p->now->kind == TOKEN_NAME ? p->now->word->name : "";
  bool scaled = strcmp(name, "normal") == 0 || strcmp(name, "uniform") == 0 ||
                strcmp(name, "constant") == 0;
  if (scaled && p->now[1].kind != TOKEN_OPEN)
    base_raise(p->ctx, BASE_REFUSED, lang_span_of(p, p->now), "`%s` wants a number\n"
               "help: write `%s(%s)`", name, name, *name == 'c' ? "1" : "0.02");
}

/* typed = type [ sizes ] [ "~" expression [ "fixed" ] ] */
static void typed(lang_parser *p, lang_stmt *s) {
  s->declare.type = type(p);
  if (p->now->kind == TOKEN_BRACKET || p->now->kind == TOKEN_OPEN) sizes(p, s);
  if (lang_accept(p, TOKEN_TILDE)) {
    check_amount(p);
    s->declare.start = lang_expression(p);
    s->declare.fixed = lang_accept(p, TOKEN_FIXED);
  }
  check_behind_typed(p, s);
}

lang_stmt *lang_declaration(lang_parser *p) {
  const lang_token *first = p->now;
  if (first->word->reserved)
    base_raise(p->ctx, BASE_REFUSED, lang_span_of(p, first),
               "`%s` is reserved and cannot be declared", first->word->name);
  lang_expr *name = lang_name_node(p);
  p->now++;   /* the colon */
  bool listed = p->now->kind == TOKEN_BRACE;
  bool named = p->now->kind == TOKEN_NAME && strcmp(p->now->word->name, "domain") == 0 &&
               p->now[1].kind == TOKEN_OPEN;
  if (p->now->kind == TOKEN_MINUS)
    base_raise(p->ctx, BASE_REFUSED, lang_span_of(p, p->now),
               "the arrow of a rule is `<-`\nhelp: write `%s <- ...`", name->name);
  lang_stmt *s = lang_stmt_node(p, listed || named ? LANG_DOMAIN : LANG_DECLARE);
  if (listed || named) {
    s->domain.name = name;
    if (listed) listed_domain(p, s);
    else domain_of(p, s);
  } else {
    s->declare.name = name;
    typed(p, s);
  }
  return s;
}
