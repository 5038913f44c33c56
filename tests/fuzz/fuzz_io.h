/* One input, read as the file NAME would be: it is read or refused, and nothing is left. */
#ifndef TL_TEST_FUZZ_IO_H
#define TL_TEST_FUZZ_IO_H

#include <stdlib.h>
#include <string.h>

#include "io/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void touch(const io_array *array) {
  volatile uint8_t last = 0;
  for (size_t i = 0; i < array->bytes; i++) last ^= ((const uint8_t *)array->data)[i];
  (void)last;
}

static inline void fuzz_set(const io_source *source) {
  const io_set *set = io_read_bytes(source->arena, source->path, source->at, source->n);
  for (int i = 0; i < set->items.n; i++) touch(&set->items.at[i].array);
}

static inline int fuzz(const char *name, const uint8_t *data, size_t size,
                       void (*read)(const io_source *source)) {
  base_ctx *ctx = base_open(NULL);
  base_arena *arena = base_arena_open(ctx);
  uint8_t *bytes = malloc(size ? size : 1);  /* its very end is watched */
  memcpy(bytes, data, size);
  io_source source = {arena, name, bytes, size};
  base_trap trap;
  if (BASE_TRY(ctx, &trap)) {
    read(&source);
    base_untrap(ctx, &trap);
  } else if (base_last(ctx)->status != BASE_IO) {
    abort();
  }
  base_arena_close(arena);
  if (base_heap_count(ctx) != 0) abort();
  base_close(ctx);
  free(bytes);
  return 0;
}

#endif
