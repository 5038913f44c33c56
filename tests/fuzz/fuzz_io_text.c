/* Texts in every unit. Tokens decode to a text that has the same tokens. */
#include "fuzz_io.h"

static void read_as(const io_source *source, io_unit unit) {
  const io_text *text = io_text_from(source, unit);
  size_t n = (size_t)text->tokens.shape[0];
  io_string back = io_decode(source->arena, text, text->tokens.data, n);
  io_array again = io_encode(source->arena, text, back.at, back.n);
  if (again.bytes != text->tokens.bytes || memcmp(again.data, text->tokens.data, again.bytes) != 0)
    abort();
}

static void read(const io_source *source) {
  read_as(source, IO_BYTES);
  read_as(source, IO_WORDS);
  read_as(source, IO_CHARS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  return fuzz("input.txt", data, size, read);
}
