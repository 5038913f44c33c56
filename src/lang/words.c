/* words: the names the language knows, letters and capitals of UTF-8 text. */
#include <string.h>

#include "lang/parse.h"

static const char *const functions[] = {
    /* elementwise */
    "step",
    "sig",
    "relu",
    "gelu",
    "silu",
    "tanh",
    "exp",
    "log",
    "sqrt",
    "rsqrt",
    "abs",
    "sign",
    "sin",
    "cos",
    "erf",
    "floor",
    "round",
    "min",
    "max",
    "clamp",
    "where",
    "dropout",
    /* over an index */
    "softmax",
    "logsoftmax",
    "lnorm",
    "rmsnorm",
    "argmax",
    "argmin",
    "sample",
    "cumsum",
    "sort",
    "topk",
    "sum",
    "avg",
    "prod",
    "count",
    "concat",
    /* draws */
    "uniform",
    "normal",
    "bernoulli",
    "randint",
    "random",
    /* whose derivative is taken as 0 */
    "stop",
    /* of files, programs and tensors */
    "chars",
    "words",
    "bytes",
    "decode",
    "generate",
    "grad",
    "size",
};

/* Functions too, with `(` behind them; `default f16` names a type. */
static const char *const conversions[] = {"f16", "bf16", "f32", "f64", "i32", "i64", "bool"};

static const char *const commands[] = {
    "import",  "print",  "seed",   "save",     "load",
    "default", "rounds", "settle", "minimize", "maximize",
};

static const struct {
  const char *name;
  lang_token_kind kind;
} keywords[] = {
    {"and", TOKEN_AND},     {"or", TOKEN_OR},      {"not", TOKEN_NOT},      {"with", TOKEN_WITH},
    {"fixed", TOKEN_FIXED}, {"inf", TOKEN_NUMBER}, {"default", TOKEN_NAME},
};

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

static bool is_among(const char *name, const char *const *names, int n) {
  for (int i = 0; i < n; i++)
    if (strcmp(name, names[i]) == 0) return true;
  return false;
}

const char *const *lang_functions(int *n) {
  *n = COUNT(functions);
  return functions;
}

const char *const *lang_commands(int *n) {
  *n = COUNT(commands);
  return commands;
}

bool lang_is_function(const char *name) {
  return is_among(name, functions, COUNT(functions)) ||
         is_among(name, conversions, COUNT(conversions));
}

bool lang_is_command(const char *name) { return is_among(name, commands, COUNT(commands)); }

bool lang_is_reserved(const char *name) {
  for (int i = 0; i < COUNT(keywords); i++)
    if (strcmp(name, keywords[i].name) == 0) return true;
  return lang_is_function(name);
}

/* ---- interning ------------------------------------------------------------------------------- */

static lang_word *new_word(base_arena *arena, base_map *words, const char *bytes, size_t n) {
  lang_word *word = base_alloc(arena, sizeof *word + n + 1);
  word->kind = TOKEN_NAME;
  memcpy(word->name, bytes, n);
  word->capital = lang_is_capital(word->name);
  base_map_put(words, word->name, n, word);
  return word;
}

lang_word *lang_word_of(base_arena *arena, base_map *words, const char *bytes, size_t n) {
  lang_word *word = base_map_get(words, bytes, n);
  return word ? word : new_word(arena, words, bytes, n);
}

base_map *lang_words(base_arena *arena) {
  base_map *words = base_map_open(arena);
  for (int i = 0; i < COUNT(functions); i++) {
    lang_word *word = lang_word_of(arena, words, functions[i], strlen(functions[i]));
    word->function = word->reserved = true;
  }
  for (int i = 0; i < COUNT(commands); i++)
    lang_word_of(arena, words, commands[i], strlen(commands[i]))->command = true;
  for (int i = 0; i < COUNT(keywords); i++) {
    lang_word *word = lang_word_of(arena, words, keywords[i].name, strlen(keywords[i].name));
    word->kind = keywords[i].kind;
    word->reserved = true;
  }
  return words;
}

/* ---- characters ------------------------------------------------------------------------------ */

/* The first byte says how many follow; overlong forms, surrogates and stray bytes are refused. */
int lang_utf8(const char *bytes, uint32_t *code) {
  const unsigned char *b = (const unsigned char *)bytes;
  int n = b[0] < 0x80             ? 1
          : (b[0] & 0xE0) == 0xC0 ? 2
          : (b[0] & 0xF0) == 0xE0 ? 3
          : (b[0] & 0xF8) == 0xF0 ? 4
                                  : 0;
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (n == 0) return 0;
  uint32_t c = n == 1 ? b[0] : b[0] & (0xFFu >> (n + 1));
  for (int i = 1; i < n; i++) {
    if ((b[i] & 0xC0) != 0x80) return 0;
    c = c << 6 | (b[i] & 0x3F);
  }
  if (c < least[n] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) return 0;
  *code = c;
  return n;
}

typedef struct range {
  uint32_t first, last;
} range;

static bool within(uint32_t code, const range *ranges, int n) {
  for (int i = 0; i < n; i++)
    if (code >= ranges[i].first && code <= ranges[i].last) return true;
  return false;
}

bool lang_is_letter(uint32_t code) {
  static const range signs[] = {
      /* beyond ASCII: punctuation, spaces, arrows, operators */
      {0x80, 0xA9},     {0xAB, 0xB4},     {0xB6, 0xB9},     {0xBB, 0xBF},
      {0xD7, 0xD7},     {0xF7, 0xF7},     {0x2000, 0x206F}, {0x20A0, 0x20CF},
      {0x2190, 0x2BFF}, {0x3000, 0x303F}, {0xE000, 0xF8FF}, {0xFE00, 0xFE0F},
      {0xFEFF, 0xFEFF}, {0xFF00, 0xFF0F}, {0xFFF0, 0xFFFF}, {0xE0000, 0x10FFFF},
  };
  if (code < 0x80)
    return code == '_' || (code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z');
  return !within(code, signs, COUNT(signs));
}

bool lang_is_capital(const char *name) {
  static const range solid[] = {{'A', 'Z'},     {0xC0, 0xD6},   {0xD8, 0xDE},  {0x386, 0x38F},
                                {0x391, 0x3AB}, {0x400, 0x42F}, {0x531, 0x556}};
  uint32_t code = 0;
  if (!lang_utf8(name, &code)) return false;
  if (within(code, solid, COUNT(solid))) return true;
  /* Latin Extended-A and Cyrillic beyond the alphabet alternate: capital, small. */
  bool even = (code >= 0x100 && code <= 0x137) || (code >= 0x14A && code <= 0x177) ||
              (code >= 0x460 && code <= 0x481) || (code >= 0x48A && code <= 0x4BF);
  bool odd = (code >= 0x139 && code <= 0x148) || (code >= 0x179 && code <= 0x17E);
  return code == 0x178 || (even && code % 2 == 0) || (odd && code % 2 == 1);
}

/* ---- names of the tree's parts --------------------------------------------------------------- */

const char *lang_type_name(lang_type type) {
  static const char *const names[] = {"f16", "bf16", "f32", "f64", "i32", "i64", "bool"};
  return names[type];
}

const char *lang_op_name(lang_op op) {
  static const char *const names[] = {"=", "+=", "max=", "min=", "avg=", "prod="};
  return names[op];
}

const char *lang_kind_name(lang_kind kind) {
  static const char *const names[] = {
      [LANG_NUMBER] = "a number",
      [LANG_STRING] = "a string",
      [LANG_NAME] = "a name",
      [LANG_WILD] = "an anonymous index",
      [LANG_VIRTUAL] = "a virtual index",
      [LANG_READ] = "a tensor element",
      [LANG_ATOM] = "an atom",
      [LANG_CALL] = "a call",
      [LANG_KEYWORD] = "a keyword argument",
      [LANG_SLICE] = "a slice",
      [LANG_LIST] = "a list",
      [LANG_POWER] = "a power",
      [LANG_NEGATE] = "a negation",
      [LANG_JOIN] = "a join",
      [LANG_MULTIPLY] = "a product",
      [LANG_DIVIDE] = "a quotient",
      [LANG_MODULO] = "a remainder",
      [LANG_SUM] = "a sum",
      [LANG_EQUAL] = "a comparison",
      [LANG_UNEQUAL] = "a comparison",
      [LANG_LESS] = "a comparison",
      [LANG_AT_MOST] = "a comparison",
      [LANG_MORE] = "a comparison",
      [LANG_AT_LEAST] = "a comparison",
      [LANG_NOT] = "a `not`",
      [LANG_AND] = "an `and`",
      [LANG_OR] = "an `or`",
      [LANG_BIND] = "a binding",
  };
  return names[kind];
}
