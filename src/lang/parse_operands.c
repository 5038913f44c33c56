/* parse_operands: what stands between operators: literals, names, reads, atoms, calls, lists. */
#include <string.h>

#include "lang/parse.h"

/* ---- literals -------------------------------------------------------------------------------- */

static lang_expr *number(lang_parser *p) {
  const lang_token *token = p->now++;
  lang_expr *e = lang_node(p, LANG_NUMBER, token);
  e->whole = token->whole;
  e->value = token->value;
  e->integer = token->integer;
  return e;
}

static lang_expr *string(lang_parser *p) {
  const lang_token *token = p->now++;
  lang_expr *e = lang_node(p, LANG_STRING, token);
  e->name = token->string;
  e->length = token->length;
  return e;
}

/* In a list two numbers side by side are a forgotten comma, not a product. */
static lang_expr *element(lang_parser *p) {
  const lang_token *first = p->now;
  lang_expr *e = lang_expression(p);
  for (int i = 1; e->kind == LANG_JOIN && i < e->n; i++)
    if (e->at[i - 1]->kind == LANG_NUMBER && e->at[i]->kind == LANG_NUMBER)
      base_raise(p->ctx, BASE_REFUSED, lang_span_from(p, first),
                 "two numbers side by side in a list are a product\n"
                 "help: put `,` between elements, `;` between rows, `*` for the product");
  return e;
}

/* elements = expression { "," expression } */
static lang_exprs elements(lang_parser *p) {
  int mark = p->held.n;
  do lang_hold(p, element(p));
  while (lang_accept(p, TOKEN_COMMA));
  return lang_held(p, mark);
}

/* list = "[" [ elements { ";" elements } ] "]" */
static lang_expr *list(lang_parser *p) {
  const lang_token *first = p->now++;
  lang_exprs row = {0};
  int mark = p->held.n;
  if (p->now->kind != TOKEN_UNBRACKET) row = elements(p);
  bool nested = p->now->kind == TOKEN_SEMICOLON;
  while (nested) {
    lang_expr *e = lang_node(p, LANG_LIST, p->now - 1);
    if (row.n > 0) e->span = row.at[0]->span;
    lang_children(p, e, row);
    lang_hold(p, e);
    if (!lang_accept(p, TOKEN_SEMICOLON)) break;
    row = elements(p);
  }
  lang_expect(p, TOKEN_UNBRACKET, "to end the list");
  lang_expr *e = lang_node(p, LANG_LIST, first);
  lang_children(p, e, nested ? lang_held(p, mark) : row);
  return e;
}

/* ---- index positions ------------------------------------------------------------------------- */

/* virtual = "*" name */
static lang_expr *virtual_index(lang_parser *p) {
  const lang_token *star = p->now++;
  if (star[1].kind != TOKEN_NAME)
    lang_unexpected(p, "the name of a virtual index", "`*t` keeps only the current slice of t");
  lang_expr *e = lang_name_node(p);
  e->kind = LANG_VIRTUAL;
  e->span = lang_span_from(p, star);
  return e;
}

/* slice = [ sum ] ":" [ sum ] */
static lang_expr *slice(lang_parser *p, const lang_token *first, lang_expr *from) {
  lang_token_kind next = p->now->kind;
  bool open = next == TOKEN_COMMA || next == TOKEN_UNBRACKET || next == TOKEN_CLOSE;
  int mark = p->held.n;
  lang_hold(p, from);
  lang_hold(p, open ? NULL : lang_sum_expression(p));
  lang_expr *e = lang_node(p, LANG_SLICE, first);
  lang_children(p, e, lang_held(p, mark));
  return e;
}

static void take_mark(lang_parser *p, lang_expr *e) {
  if (!p->in_head)
    base_raise(p->ctx, BASE_REFUSED, lang_span_of(p, p->now),
               "a dot marks an index on the left side only\n"
               "help: on the right the index is named: `softmax[t](...)`");
  if (e->kind != LANG_NAME)
    base_raise(p->ctx, BASE_REFUSED, lang_span_of(p, p->now), "a dot marks an index, not %s",
               lang_kind_name(e->kind));
  p->now++;
  e->marked = true;
}

/* position = sum [ "." ] | slice */
static lang_expr *position(lang_parser *p) {
  const lang_token *first = p->now;
  bool head = p->in_head;
  p->in_head = false;
  lang_expr *e = first->kind == TOKEN_COLON ? NULL : lang_sum_expression(p);
  p->in_head = head;
  const lang_token *colon = p->now;
  if (lang_accept(p, TOKEN_COLON)) {
    if (p->in_head)
      base_raise(p->ctx, BASE_REFUSED, lang_span_of(p, colon), "a slice stands on the right side\n"
                 "help: write into a part with an index function: `X[i+4] = Y[i]`");
    return slice(p, first, e);
  }
  if (p->now->kind == TOKEN_DOT) take_mark(p, e);
  return e;
}

/* positions = [ position { "," position } ]
 * and the closing bracket. */
static void positions(lang_parser *p, lang_expr *e, const lang_token *first,
                      lang_token_kind close) {
  bool was = p->in_position;
  int mark = p->held.n;
  p->in_position = true;
  p->now++;
  if (p->now->kind != close) {
    do lang_hold(p, position(p));
    while (lang_accept(p, TOKEN_COMMA));
  }
  lang_expect(p, close, base_format(p->arena, "in the positions of `%s`", e->name));
  p->in_position = was;
  e->span = lang_span_from(p, first);
  lang_children(p, e, lang_held(p, mark));
}

/* ---- reads, atoms, calls --------------------------------------------------------------------- */

/* A[0][1] */
_Noreturn static void refuse_second_bracket(lang_parser *p, const lang_token *first,
                                            const lang_expr *e) {
  base_text both = base_text_open(p->arena);
  const lang_token *open = p->now, *close = lang_behind(p, open) - 1;
  for (int i = 0; i < e->n; i++)
    base_putf(&both, "%s,", e->at[i] ? lang_text_of(p->arena, e->at[i]) : ":");
  base_put_n(&both, p->lex.text + open->offset + 1, (size_t)(close->offset - open->offset - 1));
  p->now = close + 1;
  base_raise(p->ctx, BASE_REFUSED, lang_span_from(p, first),
             "all positions stand in one pair of brackets\nhelp: write `%s[%.60s]`", e->name,
             both.at);
}

/* read = name "[" positions "]" */
static lang_expr *read(lang_parser *p) {
  const lang_token *first = p->now++;
  lang_expr *e = lang_node(p, LANG_READ, first);
  e->name = first->word->name;
  positions(p, e, first, TOKEN_UNBRACKET);
  if (e->n == 0)
    base_raise(p->ctx, BASE_REFUSED, e->span, "`%s[]` has no positions\nhelp: a scalar is written "
               "`%s`, an element of a tensor `%s[i]`", e->name, e->name, e->name);
  if (p->now->kind == TOKEN_BRACKET && p->now->glued)
    refuse_second_bracket(p, first, e);
  return e;
}

/* atom = capitalised-name "(" positions ")" */
static lang_expr *atom(lang_parser *p) {
  const lang_token *first = p->now++;
  lang_expr *e = lang_node(p, LANG_ATOM, first);
  e->name = first->word->name;
  positions(p, e, first, TOKEN_CLOSE);
  return e;
}

/* keyword = name "=" expression [ ":" [ sum ] ] */
static lang_expr *keyword(lang_parser *p, int mark) {
  const lang_token *first = p->now;
  const char *name = first->word->name;
  for (int i = mark; i < p->held.n; i++)
    if (p->held.at[i]->kind == LANG_KEYWORD && p->held.at[i]->name == name)
      base_raise(p->ctx, BASE_REFUSED, lang_span_of(p, first), "`%s=` is given twice", name);
  p->now += 2;
  const lang_token *begin = p->now;
  lang_expr *value = lang_expression(p);
  if (lang_accept(p, TOKEN_COLON)) value = slice(p, begin, value);
  int inner = p->held.n;
  lang_hold(p, value);
  lang_expr *e = lang_node(p, LANG_KEYWORD, first);
  e->name = name;
  lang_children(p, e, lang_held(p, inner));
  return e;
}

/* A function stands without parentheses only as a whole argument: gelu(x, tanh). */
static bool is_function_argument(const lang_token *name) {
  return name->kind == TOKEN_NAME && name->word->function &&
         (name[1].kind == TOKEN_COMMA || name[1].kind == TOKEN_CLOSE);
}

/* argument = expression | keyword | function-name
 * Those before it are held since MARK. */
static lang_expr *argument(lang_parser *p, int mark) {
  if (p->now->kind == TOKEN_NAME && p->now[1].kind == TOKEN_ASSIGN) return keyword(p, mark);
  if (p->held.n > mark && p->held.at[p->held.n - 1]->kind == LANG_KEYWORD)
    base_raise(p->ctx, BASE_REFUSED, lang_span_of(p, p->now),
               "an argument without a name stands behind one with a name\n"
               "help: arguments by position come first");
  return is_function_argument(p->now) ? lang_name_node(p) : lang_expression(p);
}

/* arguments = [ argument { "," argument } ]
 * up to the closing token or the statement's end. */
lang_exprs lang_arguments(lang_parser *p, lang_token_kind close) {
  bool was = p->in_position;
  int mark = p->held.n;
  p->in_position = false;
  if (p->now->kind != close && !lang_at_end(p)) {
    do lang_hold(p, argument(p, mark));
    while (lang_accept(p, TOKEN_COMMA));
  }
  p->in_position = was;
  return lang_held(p, mark);
}

/* bound = "[" name { "," name } "]" */
static void bound_indices(lang_parser *p, lang_expr *e) {
  int mark = p->held.n;
  do {
    p->now++;   /* the bracket, then commas */
    if (p->now->kind != TOKEN_NAME || p->now->word->capital)
      lang_unexpected(p, base_format(p->arena, "the name of an index for `%s`", e->name),
                      "an index begins with a lower-case letter: `sum[i](X[i])`");
    lang_hold(p, lang_name_node(p));
  } while (p->now->kind == TOKEN_COMMA);
  lang_expect(p, TOKEN_UNBRACKET, base_format(p->arena, "behind the index of `%s`", e->name));
  lang_exprs found = lang_held(p, mark);
  e->index = found.at;
  e->nindex = found.n;
}

/* call = name [ bound ] "(" arguments ")" */
static lang_expr *call(lang_parser *p) {
  const lang_token *first = p->now++;
  lang_expr *e = lang_node(p, LANG_CALL, first);
  e->name = first->word->name;
  if (p->now->kind == TOKEN_BRACKET) bound_indices(p, e);
  p->now++;
  lang_exprs args = lang_arguments(p, TOKEN_CLOSE);
  lang_expect(p, TOKEN_CLOSE, base_format(p->arena, "in the arguments of `%s`", e->name));
  e->span = lang_span_from(p, first);
  lang_children(p, e, args);
  return e;
}

/* ---- names ----------------------------------------------------------------------------------- */

_Noreturn static void refuse_bare_function(lang_parser *p, const lang_token *name) {
  const char *form = lang_form_of(name->word->name);
  bool spaced = name[1].kind == TOKEN_OPEN;
  base_raise(p->ctx, BASE_REFUSED, lang_span_of(p, name),
             "`%s` is a function and wants its argument in parentheses right behind it\n"
             "help: write %s%s", name->word->name, form ? form : "its argument in parentheses",
             spaced ? ", without the space" : "; as a name of your own choose another");
}

/* named = atom | call | read | name */
static lang_expr *named(lang_parser *p) {
  const lang_token *name = p->now, *next = name + 1;
  bool bracket = next->kind == TOKEN_BRACKET;
  const lang_token *behind = bracket ? lang_behind(p, next) : next;
  bool arguments = behind->kind == TOKEN_OPEN && behind->glued;
  if (!name->word->capital && arguments) return call(p);
  if (arguments && !bracket) return atom(p);
  if (name->word->function) refuse_bare_function(p, name);
  if (name->word->reserved)
    base_raise(p->ctx, BASE_REFUSED, lang_span_of(p, name), "`%s` is a reserved word",
               name->word->name);
  return bracket ? read(p) : lang_name_node(p);
}

/* wild = "_" */
static lang_expr *wild(lang_parser *p) {
  if (!p->in_position)
    base_raise(p->ctx, BASE_REFUSED, lang_span_of(p, p->now),
               "`_` is an index and stands in an index position only");
  lang_expr *e = lang_name_node(p);
  e->kind = LANG_WILD;
  return e;
}

/* grouped = "(" expression ")" */
static lang_expr *grouped(lang_parser *p) {
  p->now++;
  lang_expr *e = lang_expression(p);
  if (p->now->kind == TOKEN_COMMA)
    lang_unexpected(p, "`)`", "parentheses hold one expression; a list is written `[1, 2, 3]`");
  lang_expect(p, TOKEN_CLOSE, "to end the parentheses");
  return e;
}

static bool is_double_star(const lang_token *token) {
  return token->kind == TOKEN_STAR && token->glued && token[-1].kind == TOKEN_STAR;
}

_Noreturn static void refuse_operand(lang_parser *p) {
  const lang_token *token = p->now, *before = token > p->lex.tokens.at ? token - 1 : NULL;
  const char *help = NULL;
  if (before && is_double_star(token))
    help = "the power is written `^`";
  else if (before && token->kind == TOKEN_SLASH && before->kind == TOKEN_SLASH)
    help = "a comment begins with `#`; the quotient rounded down is `floor(a / b)`, between "
           "brackets `a / b`";
  else if (before && token->kind == TOKEN_MORE && before->kind == TOKEN_MINUS)
    help = "the arrow of a rule points to its head: `Q(x) <- P(x)`";
  else if (token->kind == TOKEN_ASSIGN)
    help = "`=` defines, `==` compares";
  else if (token->kind == TOKEN_PLUS)
    help = "there is no unary plus";
  else if (before && before->kind == TOKEN_COMMA)
    help = "a comma stands between two things: leave out the last one";
  lang_unexpected(p, "an expression", help);
}

/* primary = number | string | named | wild | virtual | list | grouped */
lang_expr *lang_primary(lang_parser *p) {
  switch (p->now->kind) {
    case TOKEN_NUMBER: return number(p);
    case TOKEN_STRING: return string(p);
    case TOKEN_NAME: return strcmp(p->now->word->name, "_") == 0 ? wild(p) : named(p);
    case TOKEN_BRACKET: return list(p);
    case TOKEN_OPEN: return grouped(p);
    case TOKEN_STAR:
      if (p->in_position && !is_double_star(p->now)) return virtual_index(p);
      refuse_operand(p);
    default: refuse_operand(p);
  }
}

bool lang_begins_factor(const lang_parser *p) {
  lang_token_kind kind = p->now->kind;
  return kind == TOKEN_NAME || kind == TOKEN_NUMBER || kind == TOKEN_OPEN;
}

/* ---- heads ----------------------------------------------------------------------------------- */

/* head = name | name "[" positions "]" | capitalised-name "(" positions ")" */
lang_expr *lang_head(lang_parser *p) {
  const lang_token *name = p->now;
  if (name->word->reserved)
    base_raise(p->ctx, BASE_REFUSED, lang_span_of(p, name), "`%s` is %s and cannot be defined\n"
               "help: choose another name", name->word->name,
               name->word->function ? "a function of the language" : "a reserved word");
  bool was = p->in_head;
  p->in_head = true;
  lang_expr *e = name[1].kind == TOKEN_BRACKET ? read(p)
               : name[1].kind == TOKEN_OPEN    ? atom(p)
                                               : lang_name_node(p);
  p->in_head = was;
  return e;
}
