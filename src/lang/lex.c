/* lex: program text to the tokens of one statement.
 *
 *   end  = line-end | ";" | "."
 *   name = letter { letter | digit } { "'" | "′" }
 *
 * A line end ends no statement inside brackets, nor behind an operator or a comma; `;` ends one
 * outside brackets, `.` outside brackets and before white space. `#` starts a comment. */
#include <math.h>
#include <string.h>

#include "lang/parse.h"

enum { LONGEST_NAME = 255, LONGEST_TEXT = 1 << 30, MOST_TOKENS = 1 << 22 };

/* ---- where we are ---------------------------------------------------------------------------- */

static char peek(const lang_lexer *lex) { return lex->text[lex->at]; }
static lang_mark here(const lang_lexer *lex) { return (lang_mark){lex->at, lex->column}; }

void lang_lex_step(lang_lexer *lex, int bytes, int characters) {
  lex->at += bytes;
  lex->column += characters;
}

base_span lang_lex_span(const lang_lexer *lex, lang_mark from, int length) {
  return (base_span){lex->file, lex->line, from.column, length};
}

lang_token *lang_lex_push(lang_lexer *lex, lang_token_kind kind, lang_mark from) {
  lang_token token = {.kind = kind, .line = lex->line, .column = from.column,
                      .width = lex->column - from.column, .match = -1, .offset = from.at,
                      .bytes = lex->at - from.at, .glued = !lex->spaced};
  if (lex->tokens.n == MOST_TOKENS)
    base_raise(lex->ctx, BASE_REFUSED, lang_lex_span(lex, from, 1),
               "a statement of more than %d words\n"
               "help: long data stand in a file: `X = \"x.npy\"`", (int)MOST_TOKENS);
  BASE_PUSH(lex->arena, &lex->tokens, token);
  lex->spaced = false;
  return &lex->tokens.at[lex->tokens.n - 1];
}

static lang_token *last_token(const lang_lexer *lex) {
  return lex->tokens.n > 0 ? &lex->tokens.at[lex->tokens.n - 1] : NULL;
}

/* The tokens of the line that ends here learn where it ends. */
static void close_row(lang_lexer *lex) {
  const lang_token *last = last_token(lex);
  for (int i = lex->row; i < lex->tokens.n; i++)
    lex->tokens.at[i].line_end = last->column + last->width;
  lex->row = lex->tokens.n;
}

/* ---- white space ----------------------------------------------------------------------------- */

bool lang_goes_on(lang_token_kind kind) {
  return kind == TOKEN_COMMA || kind == TOKEN_COLON || kind == TOKEN_TILDE || kind == TOKEN_WITH ||
         (kind >= TOKEN_PLUS && kind <= TOKEN_OR);
}

static void skip_comment(lang_lexer *lex) {
  while (peek(lex) && peek(lex) != '\n') lang_lex_step(lex, 1, 1);
}

static void skip_line_end(lang_lexer *lex) {
  close_row(lex);
  lex->at++;
  lex->line++;
  lex->column = 1;
  lex->spaced = true;
}

/* Take the line end at hand; true if it ends a statement, which then has its STOP. */
static bool take_line_end(lang_lexer *lex) {
  const lang_token *last = last_token(lex);
  bool ends = last && lex->depth == 0 && !lang_goes_on(last->kind);
  if (ends) {
    close_row(lex);
    lang_lex_push(lex, TOKEN_STOP, here(lex))->width = 1;
  }
  skip_line_end(lex);
  return ends;
}

/* ---- names ----------------------------------------------------------------------------------- */

static const char narrow_prime[] = "\xE2\x80\xB2";   /* ′ */

static bool at_text(const lang_lexer *lex, const char *text) {
  return peek(lex) == *text && strncmp(lex->text + lex->at, text, strlen(text)) == 0;
}

static bool step_letter_or_digit(lang_lexer *lex) {
  uint32_t code = 0;
  char c = peek(lex);
  int n = c >= '0' && c <= '9' ? 1 : lang_utf8(lex->text + lex->at, &code);
  if (n == 0 || (code && !lang_is_letter(code)) || c == 0) return false;
  lang_lex_step(lex, n, 1);
  return true;
}

static void lex_name(lang_lexer *lex) {
  lang_mark from = here(lex);
  while (step_letter_or_digit(lex)) continue;
  int letters = lex->at - from.at, primes = 0;
  for (; peek(lex) == '\'' || at_text(lex, narrow_prime); primes++)
    lang_lex_step(lex, peek(lex) == '\'' ? 1 : (int)strlen(narrow_prime), 1);
  if (letters + primes > LONGEST_NAME)
    base_raise(lex->ctx, BASE_REFUSED, lang_lex_span(lex, from, lex->column - from.column),
               "a name of %d bytes; %d are allowed", letters + primes, (int)LONGEST_NAME);
  char name[LONGEST_NAME + 1];
  memcpy(name, lex->text + from.at, (size_t)letters);
  memset(name + letters, '\'', (size_t)primes);
  const lang_word *word =
      lang_word_of(lex->arena, lex->words, name, (size_t)(letters + primes));
  lang_token *token = lang_lex_push(lex, word->kind, from);
  if (word->kind == TOKEN_NUMBER) token->value = INFINITY;
  else token->word = word;
}

/* ---- signs ----------------------------------------------------------------------------------- */

typedef struct sign { const char *text; lang_token_kind kind; } sign;

static const sign signs[] = {   /* the longer first */
  {"<-", TOKEN_ARROW}, {"\xE2\x86\x90", TOKEN_ARROW}, {"+=", TOKEN_ADD_TO}, {"==", TOKEN_EQUAL},
  {"!=", TOKEN_UNEQUAL}, {"<=", TOKEN_AT_MOST}, {">=", TOKEN_AT_LEAST},
  {"=", TOKEN_ASSIGN}, {"<", TOKEN_LESS}, {">", TOKEN_MORE}, {"+", TOKEN_PLUS}, {"-", TOKEN_MINUS},
  {"*", TOKEN_STAR}, {"/", TOKEN_SLASH}, {"%", TOKEN_PERCENT}, {"^", TOKEN_CARET},
  {",", TOKEN_COMMA}, {";", TOKEN_SEMICOLON}, {":", TOKEN_COLON}, {".", TOKEN_DOT},
  {"?", TOKEN_QUESTION}, {"~", TOKEN_TILDE}, {"(", TOKEN_OPEN}, {")", TOKEN_CLOSE},
  {"[", TOKEN_BRACKET}, {"]", TOKEN_UNBRACKET}, {"{", TOKEN_BRACE}, {"}", TOKEN_UNBRACE},
};

/* What others write, and what to write here: a sign, or a sentence. */
static const struct { const char *found, *instead; } lookalikes[] = {
  {"\xE2\x89\xA4", "<="}, {"\xE2\x89\xA5", ">="}, {"\xE2\x89\xA0", "!="}, {"\xC3\x97", "*"},
  {"\xC2\xB7", "*"}, {"\xE2\x88\x92", "-"}, {"\xC3\xB7", "/"}, {"\xE2\x88\x9E", "inf"},
  {"\xE2\x80\x9C", "\""}, {"\xE2\x80\x9D", "\""}, {"\xE2\x80\x99", "'"}, {"\xE2\x88\xA7", "and"},
  {"\xE2\x88\xA8", "or"}, {"\xC2\xAC", "not"}, {"&&", "and"}, {"||", "or"}, {"&", "and"},
  {"|", "or"}, {"!", "not"},
  {"@", "what stands side by side is multiplied and summed: `C[i,k] = A[i,j] B[j,k]`"},
  {"\\", "a statement goes on in the next line if its line ends in an operator or comma, or inside "
          "brackets"},
  {"$", "names are made of letters, digits and `_`"},
  {"\xE2\x88\x91", "a sum is written `sum[i](...)`, or an index that the left side lacks"},
};

static const char *instead_of(lang_lexer *lex, const char *text) {
  return strchr(text, ' ') ? text : base_format(lex->arena, "write `%s`", text);
}

_Noreturn static void refuse_character(lang_lexer *lex) {
  base_span span = lang_lex_span(lex, here(lex), 1);
  for (size_t i = 0; i < sizeof lookalikes / sizeof *lookalikes; i++)
    if (at_text(lex, lookalikes[i].found))
      base_raise(lex->ctx, BASE_REFUSED, span, "`%s` is not in the language\nhelp: %s",
                 lookalikes[i].found, instead_of(lex, lookalikes[i].instead));
  uint32_t code = 0;
  unsigned char c = (unsigned char)peek(lex);
  int n = lang_utf8(lex->text + lex->at, &code);
  const lang_token *before = last_token(lex);
  bool transposed = before && before->kind == TOKEN_UNBRACKET && !lex->spaced;
  if (c == '\'')
    base_raise(lex->ctx, BASE_REFUSED, span, "a prime stands right behind a name\nhelp: %s",
               transposed ? "the transpose is what the indices say: `B[j,i] = A[i,j]`"
                          : "a string is written \"...\"");
  if (n == 0)
    base_raise(lex->ctx, BASE_REFUSED, span, "the byte 0x%02X is not UTF-8 text", c);
  if (code < ' ' || code == 0x7F)
    base_raise(lex->ctx, BASE_REFUSED, span, "a control character, U+%04X", (unsigned)code);
  base_raise(lex->ctx, BASE_REFUSED, span, "`%.*s` (U+%04X) is not in the language", n,
             lex->text + lex->at, (unsigned)code);
}

static const char *closing(lang_token_kind open) {
  return open == TOKEN_OPEN ? ")" : open == TOKEN_BRACKET ? "]" : "}";
}

static base_span bracket_span(const lang_lexer *lex, const lang_token *bracket) {
  return (base_span){lex->file, bracket->line, bracket->column, 1};
}

/* A line in brackets that begins like a statement tells which of them was not meant to be open. */
static void suspect_bracket(lang_lexer *lex) {
  uint32_t code;
  if (lex->suspect >= 0 || lex->depth == 0) return;
  if (!lang_utf8(lex->text + lex->at, &code) || !lang_is_letter(code)) return;
  lex->suspect = lex->open[lex->depth - 1];
  lex->suspect_line = lex->line;
}

_Noreturn static void refuse_open(lang_lexer *lex, const lang_token *open) {
  const char *seen = lex->suspect < 0 ? "" : base_format(
      lex->arena, ", and line %d begins like a statement", lex->suspect_line);
  base_raise(lex->ctx, BASE_REFUSED, bracket_span(lex, open), "`%c` is not closed%s\nhelp: `%s` "
             "closes it", lex->text[open->offset], seen, closing(open->kind));
}

static void open_bracket(lang_lexer *lex) {
  if (lex->depth == LANG_MAX_DEPTH)
    base_raise(lex->ctx, BASE_REFUSED, bracket_span(lex, last_token(lex)),
               "brackets are nested more than %d deep", (int)LANG_MAX_DEPTH);
  lex->open[lex->depth++] = lex->tokens.n - 1;
}

static void close_bracket(lang_lexer *lex) {
  lang_token *token = last_token(lex);
  const char *text = lex->text + token->offset;
  if (lex->depth == 0)
    base_raise(lex->ctx, BASE_REFUSED, bracket_span(lex, token), "`%c` closes nothing", *text);
  int number = lex->open[--lex->depth];
  lang_token *open = &lex->tokens.at[number];
  if (token->kind != open->kind + 1 && lex->suspect >= 0)
    refuse_open(lex, &lex->tokens.at[lex->suspect]);
  if (token->kind != open->kind + 1)
    base_raise(lex->ctx, BASE_REFUSED, bracket_span(lex, token),
               "`%c` cannot close the `%c` of line %d, column %d\nhelp: that one is closed by `%s`",
               *text, lex->text[open->offset], open->line, open->column, closing(open->kind));
  open->match = lex->tokens.n - 1;
  token->match = number;
}

static bool at_space(const lang_lexer *lex) {
  char c = peek(lex);
  return c == 0 || c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '#';
}

/* A.T, X.sum(), np.exp(x) */
static void refuse_member(lang_lexer *lex, base_span span) {
  uint32_t code;
  const char *behind = lex->text + lex->at;
  bool transposed = *behind == 'T' && !(lang_utf8(behind + 1, &code) && lang_is_letter(code));
  if (!lang_utf8(behind, &code) || !lang_is_letter(code)) return;
  base_raise(lex->ctx, BASE_REFUSED, span, "names have no parts behind a point\nhelp: %s",
             transposed ? "the transpose is what the indices say: `B[j,i] = A[i,j]`"
                        : "a function stands before its argument: `relu(x)`, `sum[i](X[i])`");
}

/* A point that is no end of a clause marks an index, inside brackets; a number's is not here. */
static void check_point(lang_lexer *lex) {
  const lang_token *point = last_token(lex);
  const lang_token *before = lex->tokens.n > 1 ? point - 1 : NULL;
  base_span span = bracket_span(lex, point);
  bool digit = peek(lex) >= '0' && peek(lex) <= '9';
  if (digit || (before && before->kind == TOKEN_NUMBER && point->glued))
    base_raise(lex->ctx, BASE_REFUSED, span,
               "a number has digits on both sides of its point\nhelp: write `0.5`, `1.0`");
  if (before && before->kind == TOKEN_NAME && point->glued) refuse_member(lex, span);
  if (lex->depth == 0)
    base_raise(lex->ctx, BASE_REFUSED, span,
               "a `.` out of place\nhelp: a `.` ends a clause before white space, and marks an "
               "index as in `Y[p,t.] = softmax(X[p,t])`");
}

/* True if the sign ends the statement. */
static bool lex_sign(lang_lexer *lex) {
  lang_mark from = here(lex);
  const sign *s = signs, *end = signs + sizeof signs / sizeof *signs;
  while (s < end && !at_text(lex, s->text)) s++;
  if (s == end) refuse_character(lex);
  int bytes = (int)strlen(s->text);
  lang_lex_step(lex, bytes, s->kind == TOKEN_ARROW && bytes == 3 ? 1 : bytes);
  bool top = lex->depth == 0;
  bool stop = top && (s->kind == TOKEN_SEMICOLON || (s->kind == TOKEN_DOT && at_space(lex)));
  lang_lex_push(lex, stop ? TOKEN_STOP : s->kind, from);
  if (s->kind == TOKEN_OPEN || s->kind == TOKEN_BRACKET || s->kind == TOKEN_BRACE)
    open_bracket(lex);
  else if (s->kind == TOKEN_CLOSE || s->kind == TOKEN_UNBRACKET || s->kind == TOKEN_UNBRACE)
    close_bracket(lex);
  else if (s->kind == TOKEN_DOT && !stop)
    check_point(lex);
  if (stop) close_row(lex);
  return stop;
}

/* ---- statements ------------------------------------------------------------------------------ */

void lang_lex_open(lang_lexer *lex, base_arena *arena, const char *file, const char *text,
                   size_t n) {
  *lex = (lang_lexer){.arena = arena, .ctx = base_arena_ctx(arena), .line = 1, .column = 1};
  lex->file = file ? base_copy(arena, file) : NULL;
  if (n > LONGEST_TEXT)
    base_raise(lex->ctx, BASE_REFUSED, (base_span){lex->file, 1, 1, 1},
               "the program has %zu bytes; %d are allowed", n, (int)LONGEST_TEXT);
  lex->text = base_copy_n(arena, text, n);
  lex->n = (int)n;
  lex->words = lang_words(arena);
  if (at_text(lex, "\xEF\xBB\xBF")) lex->at = 3;   /* a byte order mark */
}

static void finish(lang_lexer *lex) {
  if (lex->depth > 0) {
    int number = lex->suspect >= 0 ? lex->suspect : lex->open[lex->depth - 1];
    refuse_open(lex, &lex->tokens.at[number]);
  }
  lang_lex_push(lex, TOKEN_EOF, here(lex))->width = 1;
  close_row(lex);
}

bool lang_lex_statement(lang_lexer *lex) {
  lex->tokens.n = lex->row = 0;
  lex->suspect = -1;
  lex->spaced = true;
  for (;;) {
    char c = peek(lex);
    uint32_t code = 0;
    if (lex->at >= lex->n) break;
    if (c == '\n') {
      if (take_line_end(lex)) return true;
      suspect_bracket(lex);
    } else if (c == '#') {
      skip_comment(lex);
    } else if (at_space(lex) && c) {
      lang_lex_step(lex, 1, 1);
      lex->spaced = true;
    } else if (c >= '0' && c <= '9') {
      lang_lex_number(lex);
    } else if (c == '"') {
      lang_lex_string(lex);
    } else if (lang_utf8(lex->text + lex->at, &code) && lang_is_letter(code)) {
      lex_name(lex);
    } else if (lex_sign(lex)) {
      return true;
    }
  }
  finish(lex);
  return lex->tokens.n > 1;
}

/* ---- behind an error ------------------------------------------------------------------------- */

/* A line that begins with white space or a closing bracket goes on with the one before it. */
static bool begins_statement(const lang_lexer *lex) {
  return !at_space(lex) && !strchr(")]}", peek(lex));
}

void lang_lex_recover(lang_lexer *lex) {
  const lang_token *last = last_token(lex);
  if (last && (last->kind == TOKEN_STOP || last->kind == TOKEN_EOF)) return;
  int number = lex->suspect >= 0 ? lex->suspect : lex->depth > 0 ? lex->open[lex->depth - 1] : -1;
  if (number >= 0) {   /* all that follows an open bracket has been taken for its inside */
    const lang_token *open = &lex->tokens.at[number];
    lex->at = open->offset;
    lex->line = open->line;
  }
  lex->depth = 0;
  do {
    while (lex->at < lex->n && peek(lex) != '\n') lex->at++;
    if (lex->at == lex->n) break;
    lex->at++;
    lex->line++;
    lex->column = 1;
  } while (lex->at < lex->n && !begins_statement(lex));
}
