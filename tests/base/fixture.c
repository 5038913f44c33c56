#include "fixture.h"

int open_ctx(void **state) {
  *state = base_open(NULL);
  return *state ? 0 : -1;
}

int close_ctx(void **state) {
  base_ctx *ctx = *state;
  bool empty = base_heap_count(ctx) == 0 && base_heap_bytes(ctx) == 0;
  base_close(ctx);
  return empty ? 0 : -1;
}

uint64_t next_random(uint64_t *state) {  /* splitmix64 */
  uint64_t z = *state += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}
