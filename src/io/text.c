/* text: texts as numbers of characters, words or bytes, and back. */
#include <stdlib.h>
#include <string.h>

#include "io/format.h"

/* ---- UTF-8 ---------------------------------------------------------------------------------- */

/* Overlong forms, surrogates and numbers beyond U+10FFFF are broken. */
int io_utf8(const char *at, size_t n, uint32_t *code) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const unsigned char *p = (const unsigned char *)at;
  if (n == 0) return 0;
  if (p[0] < 0x80) return *code = p[0], 1;
  int length = p[0] >= 0xf8 ? 0 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc0 ? 2 : 0;
  if (length == 0 || n < (size_t)length) return 0;
  *code = p[0] & (0x7fu >> length);
  for (int i = 1; i < length; i++) {
    if ((p[i] & 0xc0) != 0x80) return 0;
    *code = *code << 6 | (p[i] & 0x3fu);
  }
  bool surrogate = *code >= 0xd800 && *code < 0xe000;
  return *code < least[length] || *code > 0x10ffff || surrogate ? 0 : length;
}

static size_t next_char(const io_source *source, size_t at, uint32_t *code) {
  int length = io_utf8((const char *)source->at + at, source->n - at, code);
  if (length == 0)
    io_broken(source, at, "the byte 0x%02x is not UTF-8; bytes() reads any file", source->at[at]);
  return (size_t)length;
}

/* ---- symbols -------------------------------------------------------------------------------- */

static int compare(io_string a, io_string b) {
  int order = memcmp(a.at, b.at, a.n < b.n ? a.n : b.n);
  return order ? order : (a.n > b.n) - (a.n < b.n);
}

static bool space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* The first symbol of what is left, cut off from it; of length 0 at the end. */
static io_string next_symbol(io_unit unit, io_string *left) {
  while (unit == IO_WORDS && left->n > 0 && space(*left->at)) left->at++, left->n--;
  io_string symbol = {left->at, left->n > 0};
  uint32_t code;
  if (unit == IO_CHARS) symbol.n = (size_t)io_utf8(left->at, left->n, &code);
  if (symbol.n == 0) symbol.n = left->n > 0;  /* a broken byte is a symbol that no domain has */
  while (unit == IO_WORDS && symbol.n < left->n && !space(left->at[symbol.n])) symbol.n++;
  left->at += symbol.n;
  left->n -= symbol.n;
  return symbol;
}

static io_text *new_text(const io_source *source, io_unit unit, int64_t tokens, int64_t symbols) {
  io_text *text = BASE_NEW(source->arena, io_text);
  text->unit = unit;
  text->tokens = io_array_of(IR_I64, 1, &tokens, BASE_NEWS(source->arena, int64_t, tokens));
  text->symbol = BASE_NEWS(source->arena, io_string, symbols);
  text->symbols = symbols;
  return text;
}

static io_text *bytes_of(const io_source *source) {
  io_text *text = new_text(source, IO_BYTES, (int64_t)source->n, 256);
  char *all = base_alloc(source->arena, 256);
  for (int i = 0; i < 256; i++) {
    all[i] = (char)i;
    text->symbol[i] = (io_string){all + i, 1};
  }
  int64_t *token = text->tokens.data;
  for (size_t i = 0; i < source->n; i++) token[i] = source->at[i];
  return text;
}

/* ---- characters ----------------------------------------------------------------------------- */

/* Which code points occur, 64 a word, and how many occur before each word: so the rank of one is
 * a sum, and a large text needs no table of its characters. */
typedef struct codes {
  uint64_t present[0x110000 / 64];
  int32_t before[0x110000 / 64];
} codes;

static int64_t count_codes(const io_source *source, codes *c) {
  int64_t count = 0;
  uint32_t code;
  for (size_t at = 0; at < source->n; count++) {
    at += next_char(source, at, &code);
    c->present[code / 64] |= UINT64_C(1) << code % 64;
  }
  return count;
}

static int32_t rank_codes(codes *c) {
  int32_t count = 0;
  for (int i = 0; i < 0x110000 / 64; i++) {
    c->before[i] = count;
    count += __builtin_popcountll(c->present[i]);
  }
  return count;
}

static int32_t rank_of(const codes *c, uint32_t code) {
  uint64_t below = (UINT64_C(1) << code % 64) - 1;
  return c->before[code / 64] + __builtin_popcountll(c->present[code / 64] & below);
}

static io_text *chars_of(const io_source *source) {
  base_arena *own = base_arena_child(source->arena);
  codes *c = BASE_NEW(own, codes);
  int64_t count = count_codes(source, c);
  io_text *text = new_text(source, IO_CHARS, count, rank_codes(c));
  int64_t *token = text->tokens.data;
  uint32_t code;
  for (size_t at = 0, length; at < source->n; at += length, token++) {
    length = next_char(source, at, &code);
    *token = rank_of(c, code);
    text->symbol[*token] = (io_string){(const char *)source->at + at, length};
  }
  base_arena_close(own);
  return text;
}

/* ---- words ---------------------------------------------------------------------------------- */

typedef struct word {
  io_string text;
  int64_t number;        /* by first occurrence, later by order */
} word;

static int by_text(const void *a, const void *b) {
  return compare((*(word *const *)a)->text, (*(word *const *)b)->text);
}

static int64_t count_words(const io_source *source) {
  uint32_t code;
  for (size_t at = 0; at < source->n;) at += next_char(source, at, &code);
  int64_t count = 0;
  io_string left = {(const char *)source->at, source->n};
  while (next_symbol(IO_WORDS, &left).n > 0) count++;
  return count;
}

/* Numbers the words as they come into TOKEN; the map has them in that order. */
static base_map *number_words(const io_source *source, base_arena *own, int64_t *token) {
  base_map *map = base_map_open(own);
  io_string left = {(const char *)source->at, source->n}, symbol;
  while ((symbol = next_symbol(IO_WORDS, &left)).n > 0) {
    word *w = base_map_get(map, symbol.at, symbol.n);
    if (!w) {
      w = BASE_NEW(own, word);
      *w = (word){symbol, base_map_count(map)};
      base_map_put(map, symbol.at, symbol.n, w);
    }
    *token++ = w->number;
  }
  return map;
}

static io_text *words_of(const io_source *source) {
  base_arena *own = base_arena_child(source->arena);
  int64_t count = count_words(source), *first = BASE_NEWS(own, int64_t, count);
  base_map *map = number_words(source, own, first);
  int distinct = base_map_count(map);
  word **met = BASE_NEWS(own, word *, distinct), **sorted = BASE_NEWS(own, word *, distinct);
  for (int i = 0; i < distinct; i++) met[i] = sorted[i] = base_map_at(map, i, NULL, NULL);
  qsort(sorted, (size_t)distinct, sizeof *sorted, by_text);
  io_text *text = new_text(source, IO_WORDS, count, distinct);
  for (int i = 0; i < distinct; i++) {
    sorted[i]->number = i;
    text->symbol[i] = sorted[i]->text;
  }
  int64_t *token = text->tokens.data;
  for (int64_t i = 0; i < count; i++) token[i] = met[first[i]]->number;
  base_arena_close(own);
  return text;
}

/* ---- doors ---------------------------------------------------------------------------------- */

io_text *io_text_from(const io_source *source, io_unit unit) {
  if (unit == IO_CHARS) return chars_of(source);
  return unit == IO_WORDS ? words_of(source) : bytes_of(source);
}

io_text *io_text_tokens(base_arena *arena, const char *path, io_unit unit) {
  io_source source = io_open(arena, path);
  return io_text_from(&source, unit);
}

/* By bisection; -1: not in the domain. */
static int64_t find(const io_text *text, io_string symbol) {
  int64_t low = 0, high = text->symbols;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    int order = compare(symbol, text->symbol[middle]);
    if (order == 0) return middle;
    if (order < 0) high = middle;
    else low = middle + 1;
  }
  return -1;
}

io_array io_encode(base_arena *arena, const io_text *text, const char *string, size_t n) {
  static const char *const units[] = {"character", "word", "byte"};
  int64_t *token = BASE_NEWS(arena, int64_t, n), count = 0;
  io_string left = {string, n}, symbol;
  while ((symbol = next_symbol(text->unit, &left)).n > 0) {
    token[count] = find(text, symbol);
    if (token[count++] < 0)
      base_raise(base_arena_ctx(arena), BASE_ARGUMENT, base_nowhere,
                 "the %s %s is not in the text, which has %lld different ones", units[text->unit],
                 io_quote(arena, symbol.at, symbol.n), (long long)text->symbols);
  }
  return io_array_of(IR_I64, 1, &count, token);
}

io_string io_decode(base_arena *arena, const io_text *text, const int64_t *token, size_t n) {
  base_text out = base_text_open(arena);
  for (size_t i = 0; i < n; i++) {
    if (token[i] < 0 || token[i] >= text->symbols)
      base_raise(base_arena_ctx(arena), BASE_ARGUMENT, base_nowhere,
                 "token %lld at %zu is outside the text's domain of %lld symbols",
                 (long long)token[i], i, (long long)text->symbols);
    if (text->unit == IO_WORDS && i > 0) base_put(&out, " ");
    io_string symbol = text->symbol[token[i]];
    base_put_n(&out, symbol.at, symbol.n);
  }
  return (io_string){out.at, out.n};
}
