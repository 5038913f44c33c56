/* Any bytes: refused with a place, or a tree whose printed form parses to the same printed form.
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -Isrc tests/fuzz/fuzz_parse.c
 *         src/lang/{ast_print,diagnose,words}.c src/lang/{lex,parse}*.c src/base/{*}.c -lm */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lang/ast.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void die(const char *what, const char *text) {
  fprintf(stderr, "%s\n%s\n", what, text);
  abort();
}

static const char *printed(base_arena *arena, const char *text, size_t n) {
  base_text out = base_text_open(arena);
  lang_print(&out, lang_parse(arena, "fuzz.tl", text, n));
  return out.at;
}

static void check_refusal(base_arena *arena, const base_error *error, const char *text) {
  lang_source source = {"fuzz.tl", text};
  base_text out = base_text_open(arena);
  if (error->status != BASE_REFUSED || error->span.line < 1 || error->span.length < 1)
    die(error->message, text);
  lang_diagnose(&out, error, &source, 1);
  lang_diagnose_json(&out, error);
}

/* Printed text may be refused for its depth alone: it has parentheses that the source spared. */
static void check_again(base_ctx *ctx, base_arena *arena, const char *once) {
  base_trap trap;
  if (BASE_TRY(ctx, &trap)) {
    const char *twice = printed(arena, once, strlen(once));
    if (strcmp(once, twice) != 0) die(once, twice);
    base_untrap(ctx, &trap);
  } else if (!strstr(base_last(ctx)->message, "nested more than")) {
    die(base_last(ctx)->message, once);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  base_ctx *ctx = base_open(NULL);
  base_arena *arena = base_arena_open(ctx);
  char *text = base_copy_n(arena, (const char *)data, n);
  base_trap trap;
  if (BASE_TRY(ctx, &trap)) {
    const char *once = printed(arena, text, n);
    base_untrap(ctx, &trap);
    check_again(ctx, arena, once);
  } else {
    check_refusal(arena, base_last(ctx), text);
  }
  base_arena_close(arena);
  base_close(ctx);
  return 0;
}
