/* pieces: a program that is entered piece by piece. What a piece defines takes the place of what
 * had the same left side, so that everything that depends on it follows. */
#include <string.h>

#include "lang/check.h"
#include "lang/parse.h"

/* ---- left sides ------------------------------------------------------------------------------ */

enum { RENAMED = 32 };
typedef struct renaming { /* of the indices of one left side to those of another */
  int n;
  const char *from[RENAMED], *to[RENAMED];
} renaming;

static bool renames(renaming *r, const char *from, const char *to) {
  for (int i = 0; i < r->n; i++) {
    bool here = strcmp(r->from[i], from) == 0;
    if (here || strcmp(r->to[i], to) == 0) return here && strcmp(r->to[i], to) == 0;
  }
  if (r->n == RENAMED) return false;
  r->from[r->n] = from;
  r->to[r->n++] = to;
  return true;
}

static bool is_index(const lang_expr *e) {
  return e->kind == LANG_VIRTUAL || (e->kind == LANG_NAME && !lang_is_capital(e->name));
}

static bool same_position(renaming *r, const lang_expr *a, const lang_expr *b) {
  if (a->kind != b->kind || a->n != b->n) return false;
  if (is_index(a) && is_index(b)) return renames(r, a->name, b->name);
  if ((a->name || b->name) && (!a->name || !b->name || strcmp(a->name, b->name) != 0)) return false;
  if (a->kind == LANG_NUMBER) return a->value == b->value;
  for (int i = 0; i < a->n; i++) {
    if (!a->at[i] != !b->at[i]) return false;
    if (a->at[i] && !same_position(r, a->at[i], b->at[i])) return false;
  }
  return true;
}

static bool same_left(const lang_expr *a, const lang_expr *b) {
  renaming r = {0};
  if (a->kind != b->kind || a->n != b->n) return false;
  for (int i = 0; i < a->n; i++)
    if (!same_position(&r, a->at[i], b->at[i])) return false;
  return true;
}

/* ---- what a statement defines ---------------------------------------------------------------- */

/* The I-th name that S defines, NULL: no more. */
static const char *defined(const lang_stmt *s, int i) {
  if (s->form == LANG_FACT) return i < s->fact.n ? s->fact.at[i]->name : NULL;
  if (i > 0) return NULL;
  switch (s->form) {
  case LANG_EQUATION: return s->equation.head->name;
  case LANG_FILE: return s->file.head->name;
  case LANG_RULE: return s->rule.head->name;
  case LANG_DECLARE: return s->declare.name->name;
  case LANG_DOMAIN: return s->domain.name->name;
  case LANG_FUNCTION: return s->function.name;
  default: return NULL;
  }
}

static bool defines(const lang_stmt *s, const char *name) {
  for (int i = 0; defined(s, i); i++)
    if (strcmp(defined(s, i), name) == 0) return true;
  return false;
}

static bool is_logic(const lang_stmt *s) { return s->form == LANG_FACT || s->form == LANG_RULE; }

static bool is_declaration(const lang_stmt *s) {
  return s->form == LANG_DECLARE || s->form == LANG_DOMAIN;
}

/* Gives all elements at once: a list, a file, a scalar. */
static bool is_whole(const lang_stmt *s) {
  if (s->form == LANG_FILE) return s->file.head->kind == LANG_NAME;
  return s->form == LANG_EQUATION && s->equation.head->kind == LANG_NAME;
}

static lang_op op_of(const lang_stmt *s) {
  return s->form == LANG_EQUATION ? s->equation.op : LANG_SET;
}

static bool sums(lang_op op) { return op == LANG_SET || op == LANG_ADD; }

static const lang_expr *head_of(const lang_stmt *s) {
  return s->form == LANG_FILE ? s->file.head : s->equation.head;
}

/* Both define one name: does S take the place of OLD? */
static bool replaces(const lang_stmt *s, const lang_stmt *old) {
  if (is_declaration(s) || is_declaration(old))
    return (is_declaration(s) && is_declaration(old)) || s->form == LANG_DOMAIN;
  if (is_logic(s) || is_logic(old)) return false; /* a mixture is refused */
  if (s->form == LANG_FUNCTION || old->form == LANG_FUNCTION) return true;
  if (op_of(s) != op_of(old) && !(sums(op_of(s)) && sums(op_of(old)))) return true;
  if (op_of(s) != LANG_SET) return false;
  return is_whole(s) || is_whole(old) || same_left(head_of(s), head_of(old));
}

static bool takes_place(const lang_stmt *s, const lang_stmt *old) {
  for (int i = 0; defined(s, i); i++)
    if (defines(old, defined(s, i)) && replaces(s, old)) return true;
  return false;
}

/* ---- pieces ---------------------------------------------------------------------------------- */

/* Its statements, those that are wrong left out: they are refused elsewhere. */
static lang_ast *read(base_arena *arena, const lang_piece *piece) {
  lang_report *report = BASE_NEW(arena, lang_report);
  return lang_parse_all(arena, piece->file, piece->text, piece->n, report);
}

void lang_replace(base_arena *arena, int n, lang_piece *piece) {
  base_arena *scratch = base_arena_child(arena);
  const lang_ast *last = read(scratch, &piece[n - 1]);
  for (int k = 0; k < n - 1; k++) {
    const lang_ast *ast = read(scratch, &piece[k]);
    bool *gone = BASE_NEWS(arena, bool, ast->n + 1);
    for (int i = 0; i < ast->n; i++) {
      gone[i] = piece[k].gone && piece[k].gone[i];
      for (int j = 0; j < last->n && !gone[i]; j++) gone[i] = takes_place(last->at[j], ast->at[i]);
    }
    piece[k].gone = gone;
  }
  base_arena_close(scratch);
}

void lang_forget(base_arena *arena, lang_piece *piece, const char *name) {
  base_arena *scratch = base_arena_child(arena);
  const lang_ast *ast = read(scratch, piece);
  bool *gone = BASE_NEWS(arena, bool, ast->n + 1);
  for (int i = 0; i < ast->n; i++)
    gone[i] = (piece->gone && piece->gone[i]) || defines(ast->at[i], name);
  piece->gone = gone;
  base_arena_close(scratch);
}

void lang_defined(base_arena *arena, const lang_piece *piece, base_map *names) {
  const lang_ast *ast = read(arena, piece);
  for (int i = 0; i < ast->n; i++)
    for (int k = 0; defined(ast->at[i], k); k++)
      base_map_put_s(names, base_copy(arena, defined(ast->at[i], k)), names);
}

bool lang_lasts(const lang_stmt *s) {
  static const char *const names[] = {"default", "import", "settle", "rounds"};
  if (s->form == LANG_QUERY || s->form == LANG_WRITE) return false;
  for (size_t i = 0; s->form == LANG_COMMAND && i < sizeof names / sizeof *names; i++)
    if (strcmp(names[i], s->command.name) == 0) return true;
  return s->form != LANG_COMMAND;
}

void lang_lasting(base_arena *arena, const lang_piece *piece, base_text *out) {
  const lang_ast *ast = read(arena, piece);
  for (int i = 0; i < ast->n; i++)
    if (!(piece->gone && piece->gone[i]) && lang_lasts(ast->at[i]))
      base_putf(out, "%s\n", ast->at[i]->source);
}

/* ---- is there more to come? ------------------------------------------------------------------ */

static bool open_at_end(const lang_lexer *lex) {
  if (lex->at < lex->n) return false;
  if (lex->depth > 0) return true;
  int n = lex->tokens.n;
  return n > 1 && lex->tokens.at[n - 1].kind == TOKEN_EOF &&
         lang_goes_on(lex->tokens.at[n - 2].kind);
}

bool lang_unfinished(base_ctx *ctx, const char *text) {
  base_arena *arena = base_arena_open(ctx);
  lang_lexer *volatile lex = NULL;
  volatile bool more = false;
  base_trap trap;
  if (BASE_TRY(ctx, &trap)) {
    lex = BASE_NEW(arena, lang_lexer);
    lang_lex_open(lex, arena, NULL, text, strlen(text));
    while (lang_lex_statement(lex)) more = open_at_end(lex);
    base_untrap(ctx, &trap);
  } else {
    more = lex && open_at_end(lex);
    base_clear(ctx);
  }
  base_arena_close(arena);
  return more;
}
