/* parse: what the lexer and the parts of the parser share; private to reading program text.
 *
 * A statement is read at a time: the lexer fills `tokens` with one statement and its end mark, the
 * parser makes its tree. So memory for tokens is that of the longest statement, and a whole
 * statement can be looked ahead into. */
#ifndef TL_LANG_PARSE_H
#define TL_LANG_PARSE_H

#include "lang/ast.h"

/* ---- words ----------------------------------------------------------------------------------- */

typedef enum lang_token_kind {
  TOKEN_EOF, TOKEN_STOP,       /* STOP: line end, `;` outside brackets, `.` before white space */
  TOKEN_NAME, TOKEN_NUMBER, TOKEN_STRING,
  TOKEN_OPEN, TOKEN_CLOSE,     /* ( ) */
  TOKEN_BRACKET, TOKEN_UNBRACKET,
  TOKEN_BRACE, TOKEN_UNBRACE,
  TOKEN_COMMA, TOKEN_SEMICOLON, TOKEN_COLON, TOKEN_DOT, TOKEN_QUESTION, TOKEN_TILDE,
  TOKEN_PLUS, TOKEN_MINUS, TOKEN_STAR, TOKEN_SLASH, TOKEN_PERCENT, TOKEN_CARET,
  TOKEN_EQUAL, TOKEN_UNEQUAL, TOKEN_LESS, TOKEN_AT_MOST, TOKEN_MORE, TOKEN_AT_LEAST,
  TOKEN_ASSIGN, TOKEN_ADD_TO, TOKEN_ARROW,   /* = += <- */
  TOKEN_NOT, TOKEN_AND, TOKEN_OR, TOKEN_WITH, TOKEN_FIXED,
  TOKEN_KINDS,
} lang_token_kind;

typedef struct lang_word {     /* an interned name and what the language knows of it */
  lang_token_kind kind;        /* TOKEN_NAME, TOKEN_NUMBER for inf, or a reserved word's own */
  bool function, command, reserved, capital;
  char name[];
} lang_word;

/* A table with the words the language knows; the word of that name, added if it is new. */
base_map *lang_words(base_arena *arena);
lang_word *lang_word_of(base_arena *arena, base_map *words, const char *bytes, size_t n);

/* ---- tokens ---------------------------------------------------------------------------------- */

typedef struct lang_token {
  lang_token_kind kind;
  int line, column, width;     /* width in characters */
  int line_end;                /* the column behind the last token of its line */
  int match;                   /* brackets: the token number of the other one */
  int offset, bytes;           /* in the source text */
  bool glued;                  /* no white space before it */
  bool whole;                  /* NUMBER */
  union {
    const lang_word *word;                            /* NAME and reserved words */
    struct { const char *string; size_t length; };    /* STRING: escapes resolved */
    struct { double value; int64_t integer; };        /* NUMBER; integer if whole */
  };
} lang_token;

typedef struct lang_lexer {
  base_arena *arena;
  base_ctx *ctx;
  base_map *words;
  const char *file;
  const char *text;            /* NUL-terminated copy */
  int n;
  int at, line, column;        /* the next character */
  bool spaced;                 /* white space since the last token */
  int row;                     /* the first token of the current line */
  int open[LANG_MAX_DEPTH];    /* token numbers of the brackets open now */
  int depth;
  int suspect, suspect_line;   /* a bracket still open where a line begins as statements do; -1 */
  BASE_VEC(lang_token) tokens; /* of the current statement; the last is STOP or EOF */
} lang_lexer;

void lang_lex_open(lang_lexer *lex, base_arena *arena, const char *file, const char *text,
                   size_t n);

/* Read the next statement. False at the end of the text. */
bool lang_lex_statement(lang_lexer *lex);

/* A line that ends in one of these goes on in the next. */
bool lang_goes_on(lang_token_kind kind);

/* Behind an error: go on at the next line that may begin a statement. */
void lang_lex_recover(lang_lexer *lex);

/* lex_literals.c: at a digit, at a quote; each pushes its token. */
void lang_lex_number(lang_lexer *lex);
void lang_lex_string(lang_lexer *lex);

/* What the lexer's files share: move over N bytes that are CHARACTERS, push a token that ends here
 * and began at `from`, a place in the text as a span, the length of a valid UTF-8 character. */
typedef struct lang_mark { int at, column; } lang_mark;
void lang_lex_step(lang_lexer *lex, int bytes, int characters);
lang_token *lang_lex_push(lang_lexer *lex, lang_token_kind kind, lang_mark from);
base_span lang_lex_span(const lang_lexer *lex, lang_mark from, int length);
int lang_utf8(const char *bytes, uint32_t *code);   /* 0: not valid UTF-8 */
bool lang_is_letter(uint32_t code);                 /* may begin a name */

/* ---- the parser ------------------------------------------------------------------------------ */

typedef struct lang_parser {
  base_arena *arena;
  base_ctx *ctx;
  lang_lexer lex;
  const lang_token *now;       /* the next token, in lex.tokens */
  int depth;                   /* of nesting, bounded by LANG_MAX_DEPTH */
  bool in_position;            /* inside [ ] or ( ) of a read or atom: `_` and `*t` are at home */
  bool in_head;                /* a position of a head: `p.` is at home */
  BASE_VEC(lang_expr *) held;  /* children of nodes that are being read, innermost last */
  BASE_VEC(lang_stmt *) statements;
} lang_parser;

/* Moving over tokens. */
bool lang_accept(lang_parser *p, lang_token_kind kind);
void lang_expect(lang_parser *p, lang_token_kind kind, const char *where);
const lang_token *lang_behind(const lang_parser *p, const lang_token *bracket); /* its match */
bool lang_at_end(const lang_parser *p);
void lang_expect_end(lang_parser *p, const char *help);              /* help may be NULL */
void lang_enter(lang_parser *p);                                     /* one deeper, bounded */
void lang_leave(lang_parser *p);

/* Spans and messages. */
base_span lang_span_of(const lang_parser *p, const lang_token *token);
base_span lang_span_from(const lang_parser *p, const lang_token *first);  /* to the last taken */
const char *lang_found(const lang_parser *p, const lang_token *token);    /* "`+`" */
_Noreturn void lang_unexpected(lang_parser *p, const char *expected, const char *help);
const char *lang_text_of(base_arena *arena, const lang_expr *e);          /* printed, shortened */

/* Nodes. */
typedef struct lang_exprs { lang_expr **at; int n; } lang_exprs;
void lang_hold(lang_parser *p, lang_expr *e);
lang_exprs lang_held(lang_parser *p, int mark);    /* takes what is held since held.n was MARK */
lang_expr *lang_node(lang_parser *p, lang_kind kind, const lang_token *first);
void lang_children(lang_parser *p, lang_expr *e, lang_exprs children);
void lang_deepen(lang_parser *p, lang_expr *e, const lang_expr *child);    /* bounded */
lang_expr *lang_name_node(lang_parser *p);         /* takes the NAME token */

/* parse_expressions.c */
lang_expr *lang_expression(lang_parser *p);
lang_expr *lang_sum_expression(lang_parser *p);    /* no comparison, not, and, or */
/* parse_operands.c */
bool lang_begins_factor(const lang_parser *p);
lang_expr *lang_primary(lang_parser *p);
lang_expr *lang_head(lang_parser *p);              /* NAME, READ or ATOM, marks allowed */
lang_exprs lang_arguments(lang_parser *p, lang_token_kind close);
/* parse_statements.c */
lang_stmt *lang_statement(lang_parser *p);
lang_stmt *lang_stmt_node(lang_parser *p, lang_form form);
void lang_stmt_done(lang_parser *p, lang_stmt *s, const lang_token *first);
/* parse_relations.c */
lang_stmt *lang_rule(lang_parser *p);
lang_stmt *lang_facts(lang_parser *p, lang_expr *first);
/* parse_declarations.c, parse_commands.c */
lang_stmt *lang_declaration(lang_parser *p);
bool lang_begins_command(const lang_parser *p);
lang_stmt *lang_command(lang_parser *p);

#endif
