/* Any bytes: refused with a place and a message, or a program whose tensors have names and sizes.
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Isrc tests/fuzz/fuzz_check.c
 *         src/{base,ir,pass,io,lang,...}/{*}.c -lm -lpthread -ljansson -lzip
 *
 * Without a fuzzer, -DFUZZ_MAIN makes a program that mutates the files it is given. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lang/lang.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void die(const char *what, const uint8_t *data, size_t n) {
  fprintf(stderr, "%s\n", what);
  fwrite(data, 1, n, stderr);
  abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  base_ctx *ctx = base_open(NULL);
  base_arena *arena = base_arena_open(ctx);
  base_trap trap;
  lang_options options = {.type = IR_F32, .folder = "/nowhere"};
  if (BASE_TRY(ctx, &trap)) {
    lang_program *p = lang_check(arena, NULL, (const char *)data, n, &options);
    for (int i = 0; i < p->tensors.n; i++)
      if (lang_find(p, p->tensors.at[i]->name) != p->tensors.at[i]) die("a name is lost", data, n);
    ir_verify(p->ir, "check");
    base_untrap(ctx, &trap);
  } else {
    const base_error *e = base_last(ctx);
    bool of_file = e->status == BASE_IO || e->status == BASE_ARGUMENT;
    if (!of_file && (e->status != BASE_REFUSED || e->span.line < 1)) die(e->message, data, n);
  }
  base_arena_close(arena);
  base_close(ctx);
  return 0;
}

#ifdef FUZZ_MAIN
static uint64_t seed = 1;

static uint64_t next(uint64_t n) {
  seed = base_hash_mix(seed, 7);
  return seed % n;
}

/* Swap, copy, drop or change a few bytes, most of them by what programs are written with. */
static size_t mutate(uint8_t *text, size_t n, size_t cap) {
  static const char bytes[] = "ijkXYWL012+-*/^%()[],.=<>: \n_'\"*tsum(max[softmax(";
  for (uint64_t k = 1 + next(4); k > 0 && n > 8; k--) {
    size_t at = next(n - 4), from = next(n - 4), length = 1 + next(8);
    if (length > n - at) length = n - at;
    if (length > n - from) length = n - from;
    switch (next(4)) {
    case 0: text[at] = (uint8_t)bytes[next(sizeof bytes - 1)]; break;
    case 1: memmove(text + at, text + from, length); break;
    case 2:
      memmove(text + at, text + at + length, n - at - length);
      n -= length;
      break;
    default:
      if (n + length >= cap) break;
      memmove(text + at + length, text + at, n - at);
      n += length;
      memmove(text + at, text + from, length);
    }
  }
  return n;
}

int main(int argc, char **argv) {
  static uint8_t source[1 << 16], text[1 << 17];
  long rounds = argc > 1 ? atol(argv[1]) : 0;
  for (int f = 2; f < argc; f++) {
    FILE *in = fopen(argv[f], "rb");
    size_t n = in ? fread(source, 1, sizeof source, in) : 0;
    if (in) fclose(in);
    for (long i = 0; i < rounds; i++) {
      memcpy(text, source, n);
      LLVMFuzzerTestOneInput(text, mutate(text, n, sizeof text));
    }
  }
  return 0;
}
#endif
