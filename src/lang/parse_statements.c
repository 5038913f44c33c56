/* parse_statements: which statement it is, equations, files, functions, queries.
 *
 *   statement = command | declaration | equation | file | write | function | rule | facts
 *             | query */
#include <string.h>

#include "lang/parse.h"

lang_stmt *lang_stmt_node(lang_parser *p, lang_form form) {
  lang_stmt *s = BASE_NEW(p->arena, lang_stmt);
  s->form = form;
  return s;
}

/* ---- heads and their operators --------------------------------------------------------------- */

static const struct { const char *name; lang_op op; } named_ops[] = {
  {"max", LANG_MAX}, {"min", LANG_MIN}, {"avg", LANG_AVG}, {"prod", LANG_PROD},
};

/* The token behind what may be a head: a name, or a name and a bracket. */
static const lang_token *behind_head(const lang_parser *p) {
  const lang_token *next = p->now + 1;
  bool positions = next->kind == TOKEN_BRACKET || (next->kind == TOKEN_OPEN && next->glued);
  return positions ? lang_behind(p, next) : next;
}

static bool is_op_name(const lang_token *token) {
  for (size_t i = 0; i < sizeof named_ops / sizeof *named_ops; i++)
    if (strcmp(token->word->name, named_ops[i].name) == 0) return true;
  return false;
}

/* `max=`; of `X = 1 Y = 2` the second name is none, and stands apart. */
static bool is_name_before_assign(const lang_token *token) {
  return token->kind == TOKEN_NAME && token[1].kind == TOKEN_ASSIGN &&
         (token[1].glued || is_op_name(token));
}

static bool is_sign_before_assign(const lang_token *token) {
  return token->kind >= TOKEN_MINUS && token->kind <= TOKEN_CARET &&
         token[1].kind == TOKEN_ASSIGN && token[1].glued;
}

static bool begins_definition(const lang_parser *p) {
  const lang_token *next = behind_head(p);
  return next->kind == TOKEN_ASSIGN || next->kind == TOKEN_ADD_TO || is_name_before_assign(next) ||
         is_sign_before_assign(next);
}

_Noreturn static void refuse_operator(lang_parser *p, const lang_token *token) {
  static const char all[] = "there are `=` and `+=`, which sum, and `max=`, `min=`, `avg=`, "
                            "`prod=`";
  const char *help = all, *names[] = {"max", "min", "avg", "prod"};
  const char *name = token->kind == TOKEN_NAME ? token->word->name : "";
  const char *near = *name ? lang_did_you_mean(name, names, 4) : NULL;
  if (strcmp(name, "mean") == 0) near = "avg";
  if (strcmp(name, "sum") == 0) help = "`=` sums over what the left side lacks";
  if (token->kind == TOKEN_MINUS)
    help = "equations of one head are added: write `Y = -X` beside it";
  if (near && help == all) help = base_format(p->arena, "did you mean `%s=`? %s", near, all);
  base_raise(p->ctx, BASE_REFUSED, lang_span_from(p, token),
             "there is no operator `%.*s=`\nhelp: %s", token->bytes, p->lex.text + token->offset,
             help);
}

/* operator = "=" | "+=" | "max=" | "min=" | "avg=" | "prod=" */
static lang_op operator(lang_parser *p) {
  const lang_token *token = p->now;
  if (lang_accept(p, TOKEN_ASSIGN)) return LANG_SET;
  if (lang_accept(p, TOKEN_ADD_TO)) return LANG_ADD;
  p->now += 2;
  bool word = token->kind == TOKEN_NAME;
  for (size_t i = 0; word && i < sizeof named_ops / sizeof *named_ops; i++)
    if (strcmp(token->word->name, named_ops[i].name) == 0) return named_ops[i].op;
  refuse_operator(p, token);
}

/* ---- equations, files, functions ------------------------------------------------------------- */

/* equation = head operator expression
 * file     = head "=" string */
static lang_stmt *equation(lang_parser *p) {
  lang_expr *head = lang_head(p);
  const lang_token *sign = p->now;
  lang_op op = operator(p);
  lang_expr *right = lang_expression(p);
  if (right->kind != LANG_STRING) {
    lang_stmt *s = lang_stmt_node(p, LANG_EQUATION);
    s->equation.head = head;
    s->equation.op = op;
    s->equation.right = right;
    return s;
  }
  if (op != LANG_SET)
    base_raise(p->ctx, BASE_REFUSED, lang_span_of(p, sign),
               "a file is read by `=`, not by `%s`", lang_op_name(op));
  lang_stmt *s = lang_stmt_node(p, LANG_FILE);
  s->file.head = head;
  s->file.path = right;
  return s;
}

/* parameters = "(" [ name { "," name } ] ")" */
static lang_exprs parameters(lang_parser *p, const char *function) {
  int mark = p->held.n;
  p->now++;
  if (lang_accept(p, TOKEN_CLOSE)) return (lang_exprs){0};
  do {
    if (p->now->kind != TOKEN_NAME)
      lang_unexpected(p, base_format(p->arena, "the name of a parameter of `%s`", function), NULL);
    lang_expr *name = lang_name_node(p);
    if (lang_is_reserved(name->name))
      base_raise(p->ctx, BASE_REFUSED, name->span, "`%s` is reserved and cannot be a parameter",
                 name->name);
    for (int i = mark; i < p->held.n; i++)
      if (p->held.at[i]->name == name->name)
        base_raise(p->ctx, BASE_REFUSED, name->span, "`%s` has two parameters `%s`", function,
                   name->name);
    lang_hold(p, name);
  } while (lang_accept(p, TOKEN_COMMA));
  lang_expect(p, TOKEN_CLOSE, base_format(p->arena, "in the parameters of `%s`", function));
  return lang_held(p, mark);
}

/* function = lower-case-name parameters "=" expression */
static lang_stmt *function(lang_parser *p) {
  const lang_token *name = p->now++;
  if (name->word->reserved)
    base_raise(p->ctx, BASE_REFUSED, lang_span_of(p, name),
               "`%s` is a function of the language and cannot be defined again", name->word->name);
  lang_stmt *s = lang_stmt_node(p, LANG_FUNCTION);
  s->function.name = name->word->name;
  lang_exprs params = parameters(p, name->word->name);
  s->function.params = params.at;
  s->function.n = params.n;
  lang_expect(p, TOKEN_ASSIGN, "to define the function");
  s->function.right = lang_expression(p);
  return s;
}

static lang_stmt *definition(lang_parser *p) {
  bool parentheses = p->now[1].kind == TOKEN_OPEN && p->now[1].glued;
  return parentheses && !p->now->word->capital ? function(p) : equation(p);
}

/* write = string "=" expression */
static lang_stmt *write(lang_parser *p) {
  lang_expr *path = lang_primary(p);
  p->now++;   /* the sign */
  lang_stmt *s = lang_stmt_node(p, LANG_WRITE);
  s->write.path = path;
  s->write.right = lang_expression(p);
  return s;
}

/* ---- queries --------------------------------------------------------------------------------- */

/* replacement = head "=" ( expression | string ) */
static lang_stmt *replacement(lang_parser *p) {
  const lang_token *first = p->now;
  bool named = first->kind == TOKEN_NAME;
  if (!named || behind_head(p)->kind != TOKEN_ASSIGN) {
    if (named) p->now = behind_head(p);
    lang_unexpected(p, "a replacement behind `with`", "`Loss? with X = Z, T = \"t.npy\"`");
  }
  lang_stmt *s = equation(p);
  lang_stmt_done(p, s, first);
  return s;
}

/* query = expression "?" [ "with" replacement { "," replacement } ] */
static lang_stmt *query(lang_parser *p, lang_expr *right) {
  BASE_VEC(lang_stmt *) with = {0};
  p->now++;
  if (lang_accept(p, TOKEN_WITH)) {
    do {
      lang_stmt *s = replacement(p);
      BASE_PUSH(p->arena, &with, s);
    } while (lang_accept(p, TOKEN_COMMA));
  }
  lang_stmt *s = lang_stmt_node(p, LANG_QUERY);
  s->query.right = right;
  s->query.with = with.at;
  s->query.n = with.n;
  return s;
}

/* ---- statements that begin with an expression ------------------------------------------------ */

static const char comment[] = "a comment begins with `#`";
static const char no_statement[] = "this begins no statement";
static const char goes_on[] =
    "a statement goes on in the next line if its line ends in an operator or comma, or inside "
    "brackets";

/* The token is the second `=` of its statement: of another line, or of another statement. */
static const char *second_assign_help(const lang_parser *p) {
  const lang_token *first = p->lex.tokens.at, *begin = p->now;
  while (begin > first && begin->line == p->now->line) begin--;
  if (begin->line == p->now->line)
    return "`==` compares; statements on one line are separated by `;`";
  return base_format(p->arena, "line %d ends in %s, so the statement goes on in the next line",
                     begin->line, lang_found(p, begin));
}

static bool has_colon(const lang_token *from) {
  while (from->kind > TOKEN_STOP && from->kind != TOKEN_COLON) from++;
  return from->kind == TOKEN_COLON;
}

/* What to say to a token behind a whole statement S, or behind an expression that is none. */
static const char *end_help(const lang_parser *p, const lang_stmt *s) {
  lang_token_kind kind = p->now->kind, next = lang_at_end(p) ? TOKEN_STOP : p->now[1].kind;
  if (kind == TOKEN_COLON && next == TOKEN_MINUS) return "the arrow of a rule is `<-`";
  if (kind == TOKEN_COLON && next == TOKEN_ASSIGN) return "`=` defines, without a colon";
  if (kind == TOKEN_ARROW) return "`<-` stands behind a head, once";
  if (kind == TOKEN_QUESTION && has_colon(p->now))
    return "a choice is written `where(test, yes, no)`";
  if (kind == TOKEN_QUESTION && s && s->form != LANG_QUERY)
    return "a query prints an expression: define it first, then ask `Y?`";
  if (kind == TOKEN_ASSIGN) return second_assign_help(p);
  if (kind == TOKEN_WITH) return "`with` stands behind the `?` of a query: `Loss? with X = Z`";
  if (kind == TOKEN_FIXED) return "`fixed` stands behind the initialiser of a declaration";
  if (kind == TOKEN_COLON && s && s->form == LANG_EQUATION)
    return "a function is defined by `f(x) = 2 x`, a type declared by `W : f32[3]`";
  if (kind == TOKEN_COMMA && s && s->form == LANG_QUERY)
    return "each query is a statement of its own: `X?; Y?`";
  if (kind == TOKEN_COMMA && s && s->form == LANG_EQUATION)
    return "a list is written `[1, 2, 3]`; statements on one line are separated by `;`";
  if (kind == TOKEN_COMMA) return "facts and the items of a rule's body are separated by commas, "
                                  "other statements by `;` or a line end";
  if (s && (kind == TOKEN_NAME || kind == TOKEN_STRING))
    return "statements on one line are separated by `;`";
  return NULL;
}

_Noreturn static void refuse_bare(lang_parser *p, const lang_token *first, const lang_expr *e) {
  const char *text = lang_text_of(p->arena, e);
  base_span span = lang_span_from(p, first);
  if (first->kind == TOKEN_STRING) {
    p->now = first + 1;
    lang_unexpected(p, "`=` behind the name of a file",
                    "`\"y.npy\" = Y` writes a file, `X = \"x.npy\"` reads one");
  }
  bool dashes = first->kind == TOKEN_MINUS && first[1].kind == TOKEN_MINUS && first[1].glued;
  if (dashes) base_raise(p->ctx, BASE_REFUSED, span, "%s\nhelp: %s", no_statement, comment);
  if (first->kind == TOKEN_MINUS && lang_at_end(p))
    base_raise(p->ctx, BASE_REFUSED, span, "an expression alone does nothing\nhelp: %s", goes_on);
  if (p->now->kind == TOKEN_ARROW)
    base_raise(p->ctx, BASE_REFUSED, lang_span_of(p, p->now),
               "`<-` stands behind a head, once\nhelp: a rule is written "
               "`Head(x, y) <- Body(x, z), Other(z, y)`");
  if (p->now->kind == TOKEN_ASSIGN || p->now->kind == TOKEN_ADD_TO)
    base_raise(p->ctx, BASE_REFUSED, span, "%s cannot be defined\nhelp: the left side of `=` is a "
               "name with or without positions: `Y[i, j] = ...`", lang_kind_name(e->kind));
  if (!lang_at_end(p))
    lang_unexpected(p, "an operator or the end of the statement", end_help(p, NULL));
  if (e->kind == LANG_EQUAL)
    base_raise(p->ctx, BASE_REFUSED, span, "a comparison alone does nothing\n"
               "help: `%s = %s` defines, `%s?` prints", lang_text_of(p->arena, e->at[0]),
               lang_text_of(p->arena, e->at[1]), text);
  if (e->kind == LANG_CALL)
    base_raise(p->ctx, BASE_REFUSED, span, "an expression alone does nothing\nhelp: `%s?` prints "
               "it; the relation of a fact begins with a capital", text);
  base_raise(p->ctx, BASE_REFUSED, span, "an expression alone does nothing\n"
             "help: `%s?` prints it", text);
}

/* Only a `.` tells the fact `Rain.` from a forgotten `?`. */
static bool is_fact(const lang_parser *p, const lang_expr *e) {
  bool point = p->now->kind == TOKEN_STOP && p->lex.text[p->now->offset] == '.';
  bool ends = lang_at_end(p) || p->now->kind == TOKEN_COMMA;
  return (e->kind == LANG_ATOM && ends) ||
         (e->kind == LANG_NAME && point && lang_is_capital(e->name));
}

static lang_stmt *query_or_facts(lang_parser *p) {
  const lang_token *first = p->now;
  lang_expr *e = lang_expression(p);
  if (p->now->kind == TOKEN_QUESTION) return query(p, e);
  if (is_fact(p, e)) return lang_facts(p, e);
  refuse_bare(p, first, e);
}

_Noreturn static void refuse_start(lang_parser *p) {
  const lang_token *now = p->now;
  bool sign = now->kind >= TOKEN_PLUS && now->kind <= TOKEN_OR;
  bool slashes = now->kind == TOKEN_SLASH && now[1].glued &&
                 (now[1].kind == TOKEN_SLASH || now[1].kind == TOKEN_STAR);
  lang_unexpected(p, "a statement", slashes                         ? comment
                                    : now->kind == TOKEN_QUESTION ? "`Y?` prints Y"
                                    : sign                        ? goes_on : NULL);
}

/* `for i in ...`, `float x = 3`: words that begin a statement elsewhere, another behind them. */
static void refuse_foreign(lang_parser *p) {
  const lang_token *word = p->now, *next = word + 1;
  const char *help = lang_beginning(word->word->name);
  bool apart = !next->glued && (next->kind == TOKEN_NAME || next->kind == TOKEN_NUMBER ||
                                next->kind == TOKEN_OPEN || next->kind == TOKEN_NOT);
  if (!help || !apart || (next->kind == TOKEN_NAME && is_op_name(next))) return;
  base_raise(p->ctx, BASE_REFUSED, lang_span_of(p, word), "`%s` begins no statement\nhelp: %s",
             word->word->name, help);
}

static bool begins_expression(const lang_parser *p) {
  lang_token_kind kind = p->now->kind;
  return lang_begins_factor(p) || kind == TOKEN_BRACKET || kind == TOKEN_STRING ||
         kind == TOKEN_MINUS || kind == TOKEN_NOT;
}

static lang_stmt *dispatch(lang_parser *p) {
  if (p->now->kind == TOKEN_STRING && p->now[1].kind == TOKEN_ASSIGN) return write(p);
  if (p->now->kind == TOKEN_NAME) {
    if (lang_begins_command(p)) return lang_command(p);
    refuse_foreign(p);
    if (p->now[1].kind == TOKEN_COLON) return lang_declaration(p);
    if (begins_definition(p)) return definition(p);
    if (behind_head(p)->kind == TOKEN_ARROW) return lang_rule(p);
  }
  if (!begins_expression(p)) refuse_start(p);
  return query_or_facts(p);
}

lang_stmt *lang_statement(lang_parser *p) {
  const lang_token *first = p->now;
  lang_stmt *s = dispatch(p);
  lang_stmt_done(p, s, first);
  lang_expect_end(p, end_help(p, s));
  return s;
}
