/* lex_literals: numbers and strings, each on one line.
 *
 *   number   = digits [ "." digits ] [ ( "e" | "E" ) [ "+" | "-" ] digits ] | "inf"
 *   digits   = digit { digit }
 *   string   = '"' { character | "\" escape } '"'
 *   escape   = "n" | "t" | "r" | "\" | '"' */
#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lang/parse.h"

static lang_mark here(const lang_lexer *lex) { return (lang_mark){lex->at, lex->column}; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* ---- numbers --------------------------------------------------------------------------------- */

/* The length of the literal at TEXT; *whole: it has neither a point nor an exponent. */
static int number_length(const char *text, bool *whole) {
  int n = 0;
  while (is_digit(text[n])) n++;
  *whole = true;
  if (text[n] == '.' && is_digit(text[n + 1])) {
    *whole = false;
    for (n++; is_digit(text[n]);) n++;
  }
  if (text[n] == 'e' || text[n] == 'E') {
    int sign = text[n + 1] == '+' || text[n + 1] == '-';
    if (is_digit(text[n + 1 + sign])) {
      *whole = false;
      for (n += 1 + sign; is_digit(text[n]);) n++;
    }
  }
  return n;
}

/* strtod reads the point of the host's locale, so it gets that one. */
static double real_of(lang_lexer *lex, const char *text, int n) {
  const char *point = localeconv()->decimal_point;
  size_t width = strlen(point);
  char *copy = base_alloc(lex->arena, (size_t)n + width + 1), *end = copy;
  for (int i = 0; i < n; i++) {
    if (text[i] != '.') {
      *end++ = text[i];
    } else {
      memcpy(end, point, width);
      end += width;
    }
  }
  return strtod(copy, NULL);
}

/* Exact where digits and power of ten are exact doubles (Clinger); the rest goes to strtod. */
static double value_of(lang_lexer *lex, const char *text, int n) {
  static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  uint64_t digits = 0;
  int scale = 0, i = 0;
  bool fraction = false;
  if (n > 16) return real_of(lex, text, n);
  for (; i < n && text[i] != 'e' && text[i] != 'E'; i++) {
    if (text[i] == '.') {
      fraction = true;
      continue;
    }
    digits = digits * 10 + (uint64_t)(text[i] - '0');
    scale -= fraction;
  }
  if (i < n) {
    bool minus = text[i + 1] == '-';
    long exponent = strtol(text + i + 1, NULL, 10);
    if (exponent > 99999 || exponent < -99999) exponent = minus ? -99999 : 99999;
    scale += (int)exponent;
  }
  if (digits > (uint64_t)1 << 53 || scale > 22 || scale < -22) return real_of(lex, text, n);
  return scale < 0 ? (double)digits / powers[-scale] : (double)digits * powers[scale];
}

static bool integer_of(const char *text, int n, int64_t *value) {
  *value = 0;
  for (int i = 0; i < n; i++) {
    if (__builtin_mul_overflow(*value, 10, value)) return false;
    if (__builtin_add_overflow(*value, text[i] - '0', value)) return false;
  }
  return true;
}

/* xFF, b11, o17, behind a 0 */
static bool is_other_base(const char *text) {
  if (*text == 'x') return isxdigit((unsigned char)text[1]);
  return (*text == 'b' && (text[1] == '0' || text[1] == '1')) ||
         (*text == 'o' && text[1] >= '0' && text[1] <= '7');
}

void lang_lex_number(lang_lexer *lex) {
  lang_mark from = here(lex);
  const char *text = lex->text + lex->at;
  bool whole;
  int n = number_length(text, &whole);
  base_span span = lang_lex_span(lex, from, n + 1);
  if (text[n] == '_' && is_digit(text[n + 1]))
    base_raise(lex->ctx, BASE_REFUSED, span, "digits are written without `_` between them");
  if (n == 1 && *text == '0' && is_other_base(text + 1)) {
    char *end;
    long long value = strtoll(text + 2, &end, text[1] == 'x' ? 16 : text[1] == 'o' ? 8 : 2);
    span.length = (int)(end - text);
    base_raise(lex->ctx, BASE_REFUSED, span, "numbers are decimal\nhelp: write `%lld`", value);
  }
  lang_lex_step(lex, n, n);
  lang_token *token = lang_lex_push(lex, TOKEN_NUMBER, from);
  token->whole = whole && integer_of(text, n, &token->integer);
  token->value = token->whole ? (double)token->integer : value_of(lex, text, n);
  if (isinf(token->value))
    base_raise(lex->ctx, BASE_REFUSED, lang_lex_span(lex, from, n),
               "the number is beyond what f64 holds\nhelp: infinity is written `inf`");
}

/* ---- strings --------------------------------------------------------------------------------- */

static char escape_of(lang_lexer *lex) {
  static const char names[] = "ntr\\\"", values[] = "\n\t\r\\\"";
  char c = lex->text[lex->at + 1];
  const char *found = c ? strchr(names, c) : NULL;
  if (!found)
    base_raise(lex->ctx, BASE_REFUSED, lang_lex_span(lex, here(lex), 2),
               "an unknown escape in a string\nhelp: there are \\n \\t \\r \\\\ and \\\"; a path "
               "is written with `/`");
  return values[found - names];
}

/* Copy the string at hand, quote to quote, into OUT, which has room; its length. */
static size_t copy_string(lang_lexer *lex, lang_mark from, char *out) {
  size_t length = 0;
  for (lang_lex_step(lex, 1, 1); lex->text[lex->at] != '"';) {
    char c = lex->text[lex->at];
    uint32_t code;
    if (c == '\n' || lex->at >= lex->n)
      base_raise(lex->ctx, BASE_REFUSED, lang_lex_span(lex, from, lex->column - from.column),
                 "the string is not closed\nhelp: it ends on its line with `\"`; a line end in it "
                 "is written \\n");
    if (c == '\\') {
      out[length++] = escape_of(lex);
      lang_lex_step(lex, 2, 1 + 1);
      continue;
    }
    int n = lang_utf8(lex->text + lex->at, &code);
    if (n == 0 || code == 0)
      base_raise(lex->ctx, BASE_REFUSED, lang_lex_span(lex, here(lex), 1),
                 "the byte 0x%02X in a string is not UTF-8 text", (unsigned char)c);
    memcpy(out + length, lex->text + lex->at, (size_t)n);
    length += (size_t)n;
    lang_lex_step(lex, n, 1);
  }
  lang_lex_step(lex, 1, 1);
  return length;
}

/* Bytes up to the closing quote or line end, whichever is first: enough room for the copy. */
static size_t string_room(const char *text) {
  size_t n = 1;
  for (; text[n] && text[n] != '\n' && text[n] != '"'; n++)
    if (text[n] == '\\' && text[n + 1]) n++;
  return n;
}

void lang_lex_string(lang_lexer *lex) {
  lang_mark from = here(lex);
  char *copy = base_alloc(lex->arena, string_room(lex->text + lex->at) + 1);
  size_t length = copy_string(lex, from, copy);
  lang_token *token = lang_lex_push(lex, TOKEN_STRING, from);
  token->string = copy;
  token->length = length;
}
