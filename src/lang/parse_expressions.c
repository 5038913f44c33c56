/* parse_expressions: operators, by a table of precedence; all are left-associative but `^`.
 *
 *   expression  = conjunction { "or" conjunction }
 *   conjunction = negated { "and" negated }
 *   negated     = "not" negated | comparison
 *   comparison  = sum [ ( "==" | "!=" | "<" | "<=" | ">" | ">=" ) sum ]
 *   sum         = product { ( "+" | "-" ) product }
 *   product     = join { ( "*" | "/" | "%" ) join }
 *
 * A join right behind `/` is refused, and so is `not` behind a tighter operator. */
#include <string.h>

#include "lang/parse.h"

enum level { NONE, OR, AND, NOT, COMPARE, SUM, PRODUCT };   /* then join, negation, power */

typedef struct row { enum level level; lang_kind kind; const char *sign; } row;

static const row table[TOKEN_KINDS] = {
  [TOKEN_OR] = {OR, LANG_OR, "or"},
  [TOKEN_AND] = {AND, LANG_AND, "and"},
  [TOKEN_EQUAL] = {COMPARE, LANG_EQUAL, "=="},
  [TOKEN_UNEQUAL] = {COMPARE, LANG_UNEQUAL, "!="},
  [TOKEN_LESS] = {COMPARE, LANG_LESS, "<"},
  [TOKEN_AT_MOST] = {COMPARE, LANG_AT_MOST, "<="},
  [TOKEN_MORE] = {COMPARE, LANG_MORE, ">"},
  [TOKEN_AT_LEAST] = {COMPARE, LANG_AT_LEAST, ">="},
  [TOKEN_PLUS] = {SUM, LANG_SUM, "+"},
  [TOKEN_MINUS] = {SUM, LANG_SUM, "-"},
  [TOKEN_STAR] = {PRODUCT, LANG_MULTIPLY, "*"},
  [TOKEN_SLASH] = {PRODUCT, LANG_DIVIDE, "/"},
  [TOKEN_PERCENT] = {PRODUCT, LANG_MODULO, "%"},
};

static lang_expr *climb(lang_parser *p, enum level least);

/* ---- power, negation, join ------------------------------------------------------------------- */

static lang_expr *negation(lang_parser *p);

static lang_expr *pair(lang_parser *p, lang_kind kind, const lang_token *first, lang_expr *left,
                       lang_expr *right) {
  int mark = p->held.n;
  lang_hold(p, left);
  lang_hold(p, right);
  lang_expr *e = lang_node(p, kind, first);
  lang_children(p, e, lang_held(p, mark));
  return e;
}

/* power = primary [ "^" negation ] */
static lang_expr *power(lang_parser *p) {
  const lang_token *first = p->now;
  lang_expr *base = lang_primary(p);
  if (!lang_accept(p, TOKEN_CARET)) return base;
  lang_enter(p);
  lang_expr *exponent = negation(p);
  lang_leave(p);
  return pair(p, LANG_POWER, first, base, exponent);
}

/* A literal turns its sign; anything else is negated. */
static lang_expr *negate(lang_parser *p, lang_expr *e, const lang_token *first) {
  lang_expr *negated = lang_node(p, LANG_NEGATE, first);
  if (e->kind == LANG_NUMBER) {
    negated->kind = LANG_NUMBER;
    negated->whole = e->whole;
    negated->integer = -e->integer;
    negated->value = e->whole ? (double)-e->integer : -e->value;
    return negated;
  }
  int mark = p->held.n;
  lang_hold(p, e);
  lang_children(p, negated, lang_held(p, mark));
  return negated;
}

/* negation = "-" negation | power */
static lang_expr *negation(lang_parser *p) {
  const lang_token *first = p->now;
  if (!lang_accept(p, TOKEN_MINUS)) return power(p);
  lang_enter(p);
  lang_expr *e = negation(p);
  lang_leave(p);
  return negate(p, e, first);
}

/* join = negation { power } */
static lang_expr *join(lang_parser *p) {
  const lang_token *first = p->now;
  lang_expr *factor = negation(p);
  if (!lang_begins_factor(p)) return factor;
  int mark = p->held.n;
  lang_hold(p, factor);
  while (lang_begins_factor(p)) lang_hold(p, power(p));
  lang_expr *e = lang_node(p, LANG_JOIN, first);
  lang_children(p, e, lang_held(p, mark));
  return e;
}

/* ---- what the table joins -------------------------------------------------------------------- */

static bool in_parentheses(const lang_parser *p, const lang_token *first) {
  return first->kind == TOKEN_OPEN && lang_behind(p, first) == p->now;
}

/* `1/2 X`: half of X to some readers, 1/(2 X) by precedence. */
_Noreturn static void refuse_join_behind_slash(lang_parser *p, const lang_token *first,
                                               lang_expr *left, lang_expr *right) {
  base_text factors = base_text_open(p->arena);
  for (int i = 1; i < right->n; i++)
    base_putf(&factors, " %s", lang_text_of(p->arena, right->at[i]));
  const char *over = lang_text_of(p->arena, left), *under = lang_text_of(p->arena, right->at[0]);
  base_raise(p->ctx, BASE_REFUSED, lang_span_from(p, first),
             "a join right behind `/` can be read two ways\n"
             "help: write `(%s / %s)%s` or `%s / (%s%s)`",
             over, under, factors.at, over, under, factors.at);
}

/* Add a term to the sum that `left` is already, or make one of the two. */
static lang_expr *add_term(lang_parser *p, const lang_token *first, bool grow, lang_expr *left,
                           lang_expr *term) {
  if (!grow) return pair(p, LANG_SUM, first, left, term);
  if ((left->n & (left->n - 1)) == 0) {   /* full at each power of two */
    lang_expr **at = BASE_NEWS(p->arena, lang_expr *, 2 * left->n);
    memcpy(at, left->at, (size_t)left->n * sizeof *at);
    left->at = at;
  }
  left->at[left->n++] = term;
  left->span = lang_span_from(p, first);
  lang_deepen(p, left, term);
  return left;
}

static lang_expr *combine(lang_parser *p, const row *op, const lang_token *first,
                          const lang_token *sign, lang_expr *left, lang_expr *right) {
  if (op->kind == LANG_DIVIDE && right->kind == LANG_JOIN && !in_parentheses(p, sign + 1))
    refuse_join_behind_slash(p, first, left, right);
  return pair(p, op->kind, first, left, right);
}

/* `<-` is the arrow only behind a head: here it is `<` and the minus of what follows. */
static const row *operator_at(lang_parser *p) {
  static const row less_minus = {COMPARE, LANG_LESS, "<"};
  const lang_token *token = p->now;
  return token->kind == TOKEN_ARROW && token->bytes == 2 ? &less_minus : &table[token->kind];
}

/* Take the operator's token; of `<-` the minus is left to be read. */
static void take_operator(lang_parser *p) {
  if (p->now->kind != TOKEN_ARROW) {
    p->now++;
    return;
  }
  lang_token *token = &p->lex.tokens.at[p->now - p->lex.tokens.at];
  token->kind = TOKEN_MINUS;
  token->column++;
  token->offset++;
  token->bytes = token->width = 1;
}

static void refuse_chain(lang_parser *p, const row *before, lang_expr *left) {
  const row *next = operator_at(p);
  if (next->level != COMPARE) return;
  const char *middle = lang_text_of(p->arena, left->at[1]);
  base_raise(p->ctx, BASE_REFUSED, lang_span_of(p, p->now),
             "comparisons do not chain\nhelp: write `%s %s %s and %s %s ...`",
             lang_text_of(p->arena, left->at[0]), before->sign, middle, middle, next->sign);
}

/* `not` and what it negates. */
static lang_expr *not_expression(lang_parser *p, enum level least) {
  const lang_token *first = p->now;
  if (least > NOT)
    base_raise(p->ctx, BASE_REFUSED, lang_span_of(p, first),
               "`not` binds less tightly than the operator before it\n"
               "help: put it in parentheses: `(not ...)`");
  p->now++;
  int mark = p->held.n;
  lang_hold(p, climb(p, NOT));
  lang_expr *e = lang_node(p, LANG_NOT, first);
  lang_children(p, e, lang_held(p, mark));
  return e;
}

/* Operands joined by operators of at least the level LEAST; all are left-associative. */
static lang_expr *climb(lang_parser *p, enum level least) {
  lang_enter(p);
  const lang_token *first = p->now;
  lang_expr *left = first->kind == TOKEN_NOT ? not_expression(p, least) : join(p);
  const lang_expr *open_sum = NULL;   /* `left`, while more terms may join it */
  for (const row *op; (op = operator_at(p))->level >= least && op->level != NONE;) {
    const lang_token *sign = p->now;
    take_operator(p);
    lang_expr *right = climb(p, op->level + 1);
    if (op->level == SUM) {
      if (sign->kind == TOKEN_MINUS) right = negate(p, right, sign);
      left = add_term(p, first, left == open_sum, left, right);
      open_sum = left;
    } else {
      left = combine(p, op, first, sign, left, right);
    }
    if (op->level == COMPARE) refuse_chain(p, op, left);
  }
  lang_leave(p);
  return left;
}

lang_expr *lang_expression(lang_parser *p) { return climb(p, OR); }
lang_expr *lang_sum_expression(lang_parser *p) { return climb(p, SUM); }
