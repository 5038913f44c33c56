/* parse: the cursor over a statement's tokens, spans, nodes, messages; and the program.
 *
 *   program = { [ statement ] end }
 *
 * The grammar goes on in parse_statements.c, parse_relations.c, parse_declarations.c,
 * parse_commands.c, parse_expressions.c and parse_operands.c: a production above each function. */
#include <string.h>

#include "lang/parse.h"

/* ---- moving over tokens ---------------------------------------------------------------------- */

bool lang_accept(lang_parser *p, lang_token_kind kind) {
  if (p->now->kind != kind) return false;
  p->now++;
  return true;
}

static const char *sign_of(lang_token_kind kind) {
  switch (kind) {
    case TOKEN_OPEN: return "`(`";
    case TOKEN_CLOSE: return "`)` or `,`";
    case TOKEN_UNBRACKET: return "`]` or `,`";
    case TOKEN_UNBRACE: return "`}` or `,`";
    case TOKEN_ASSIGN: return "`=`";
    default: return "something else";
  }
}

void lang_expect(lang_parser *p, lang_token_kind kind, const char *where) {
  if (lang_accept(p, kind)) return;
  const char *help = NULL;
  if (p->now->kind == TOKEN_ASSIGN) help = "`==` compares, `=` defines";
  else if (p->now->kind == TOKEN_COLON && kind == TOKEN_UNBRACKET)
    help = "a slice has no step: name its elements, `Y[i] = X[2*i]`";
  lang_unexpected(p, base_format(p->arena, "%s %s", sign_of(kind), where), help);
}

const lang_token *lang_behind(const lang_parser *p, const lang_token *bracket) {
  return p->lex.tokens.at + bracket->match + 1;
}

bool lang_at_end(const lang_parser *p) {
  return p->now->kind == TOKEN_STOP || p->now->kind == TOKEN_EOF;
}

void lang_expect_end(lang_parser *p, const char *help) {
  if (!lang_at_end(p)) lang_unexpected(p, "the end of the statement", help);
}

_Noreturn static void refuse_depth(lang_parser *p, base_span span) {
  base_raise(p->ctx, BASE_REFUSED, span, "the expression is nested more than %d deep\n"
             "help: define a part of it by an equation of its own", (int)LANG_MAX_DEPTH);
}

void lang_enter(lang_parser *p) {
  if (++p->depth > LANG_MAX_DEPTH) refuse_depth(p, lang_span_of(p, p->now));
}

void lang_leave(lang_parser *p) { p->depth--; }

/* ---- spans and messages ---------------------------------------------------------------------- */

base_span lang_span_of(const lang_parser *p, const lang_token *token) {
  return (base_span){p->lex.file, token->line, token->column, token->width > 0 ? token->width : 1};
}

base_span lang_span_from(const lang_parser *p, const lang_token *first) {
  const lang_token *last = p->now > first ? p->now - 1 : first;
  base_span span = lang_span_of(p, first);
  int end = last->line == first->line ? last->column + last->width : first->line_end;
  if (end > first->column) span.length = end - first->column;
  return span;
}

enum { SHORT = 40 };

/* At most SHORT bytes of TEXT, cut between characters. */
static const char *shorten(base_arena *arena, const char *text, size_t n) {
  if (n <= SHORT) return base_copy_n(arena, text, n);
  for (n = SHORT; n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80;) n--;
  return base_format(arena, "%.*s...", (int)n, text);
}

const char *lang_found(const lang_parser *p, const lang_token *token) {
  const char *text = p->lex.text + token->offset;
  if (token->kind == TOKEN_EOF) return "the end of the program";
  if (token->kind == TOKEN_STOP && *text != ';' && *text != '.') return "the end of the line";
  return base_format(p->arena, "`%s`", shorten(p->arena, text, (size_t)token->bytes));
}

/* The end of the program lies behind its last word, whatever lines follow. */
static base_span place_of(const lang_parser *p, const lang_token *token) {
  base_span span = lang_span_of(p, token);
  if (token->kind != TOKEN_EOF || token == p->lex.tokens.at) return span;
  span = lang_span_of(p, token - 1);
  span.column += span.length;
  span.length = 1;
  return span;
}

_Noreturn void lang_unexpected(lang_parser *p, const char *expected, const char *help) {
  base_raise(p->ctx, BASE_REFUSED, place_of(p, p->now), "expected %s, found %s%s%s", expected,
             lang_found(p, p->now), help ? "\nhelp: " : "", help ? help : "");
}

const char *lang_text_of(base_arena *arena, const lang_expr *e) {
  base_text text = base_text_open(arena);
  lang_print_expr(&text, e);
  return shorten(arena, text.at, text.n);
}

/* ---- nodes ----------------------------------------------------------------------------------- */

lang_expr *lang_node(lang_parser *p, lang_kind kind, const lang_token *first) {
  lang_expr *e = BASE_NEW(p->arena, lang_expr);
  e->kind = kind;
  e->depth = 1;
  e->span = lang_span_from(p, first);
  return e;
}

void lang_deepen(lang_parser *p, lang_expr *e, const lang_expr *child) {
  if (!child || child->depth < e->depth) return;
  if (child->depth >= LANG_MAX_DEPTH) refuse_depth(p, e->span);
  e->depth = (short)(child->depth + 1);
}

void lang_children(lang_parser *p, lang_expr *e, lang_exprs children) {
  e->at = children.at;
  e->n = children.n;
  for (int i = 0; i < children.n; i++) lang_deepen(p, e, children.at[i]);
}

void lang_hold(lang_parser *p, lang_expr *e) { BASE_PUSH(p->arena, &p->held, e); }

lang_exprs lang_held(lang_parser *p, int mark) {
  lang_exprs taken = {NULL, p->held.n - mark};
  if (taken.n > 0) {
    taken.at = BASE_NEWS(p->arena, lang_expr *, taken.n);
    memcpy(taken.at, p->held.at + mark, (size_t)taken.n * sizeof *taken.at);
  }
  p->held.n = mark;
  return taken;
}

lang_expr *lang_name_node(lang_parser *p) {
  const lang_token *token = p->now++;
  lang_expr *e = lang_node(p, LANG_NAME, token);
  e->name = token->word->name;
  return e;
}

/* ---- the program ----------------------------------------------------------------------------- */

/* Program text lies at text + offset as written; a statement keeps its own. */
void lang_stmt_done(lang_parser *p, lang_stmt *s, const lang_token *first) {
  const lang_token *last = p->now - 1;
  s->span = lang_span_from(p, first);
  s->source = base_copy_n(p->arena, p->lex.text + first->offset,
                          (size_t)(last->offset + last->bytes - first->offset));
}

/* One statement more; false at the end of the text. */
static bool read_statement(lang_parser *p) {
  do {
    if (!lang_lex_statement(&p->lex)) return false;
    p->now = p->lex.tokens.at;
  } while (lang_at_end(p));
  lang_stmt *s = lang_statement(p);
  BASE_PUSH(p->arena, &p->statements, s);
  return true;
}

/* The same; an error is kept, and reading goes on behind it. */
static bool read_or_keep(lang_parser *p, lang_report *report) {
  base_trap trap;
  if (BASE_TRY(p->ctx, &trap)) {
    bool more = read_statement(p);
    base_untrap(p->ctx, &trap);
    return more;
  }
  lang_report_keep(p->arena, report);
  lang_lex_recover(&p->lex);
  p->depth = p->held.n = 0;
  p->in_position = p->in_head = false;
  return true;
}

static lang_ast *parse(base_arena *arena, const char *file, const char *text, size_t n,
                       lang_report *report) {
  lang_parser *p = BASE_NEW(arena, lang_parser);
  p->arena = arena;
  p->ctx = base_arena_ctx(arena);
  lang_lex_open(&p->lex, arena, file, text, n);
  if (report) lang_report_source(arena, report, p->lex.file, p->lex.text);
  while (report ? read_or_keep(p, report) : read_statement(p)) continue;
  lang_ast *ast = BASE_NEW(arena, lang_ast);
  *ast = (lang_ast){p->lex.file, p->lex.text, p->statements.at, p->statements.n};
  return ast;
}

lang_ast *lang_parse(base_arena *arena, const char *file, const char *text, size_t n) {
  return parse(arena, file, text, n, NULL);
}

lang_ast *lang_parse_all(base_arena *arena, const char *file, const char *text, size_t n,
                         lang_report *report) {
  return parse(arena, file, text, n, report);
}
