#include <stdlib.h>
#include <string.h>

#include "fixture.h"

static void blocks_are_aligned_counted_and_distinct(void **state) {
  base_ctx *ctx = *state;
  char *blocks[100];
  for (int i = 0; i < 100; i++) {
    blocks[i] = base_malloc(ctx, (size_t)i * 7);
    assert_int_equal((uintptr_t)blocks[i] % 64, 0);
    memset(blocks[i], i, (size_t)i * 7);
  }
  assert_int_equal(base_heap_count(ctx), 100);
  assert_true(base_heap_bytes(ctx) >= 7 * 99 * 50);
  for (int i = 0; i < 100; i++) {
    for (int j = 0; j < i * 7; j++) assert_int_equal(blocks[i][j], i);
    base_free(ctx, blocks[i]);
  }
  base_free(ctx, NULL);
}

static void calloc_zeroes_used_memory(void **state) {
  base_ctx *ctx = *state;
  for (int round = 0; round < 4; round++) {
    unsigned char *p = base_calloc(ctx, 1000);
    for (int i = 0; i < 1000; i++) assert_int_equal(p[i], 0);
    memset(p, 0xAB, 1000);
    base_free(ctx, p);
  }
}

static void the_chosen_allocation_fails_once(void **state) {
  base_ctx *ctx = *state;
  base_fail_after(ctx, 2);
  void *a = base_try_malloc(ctx, 1), *b = base_try_malloc(ctx, 1);
  assert_null(base_try_malloc(ctx, 1));
  void *c = base_try_malloc(ctx, 1);
  assert_non_null(a);
  assert_non_null(b);
  assert_non_null(c);
  base_fail_after(ctx, 0);
  base_fail_after(ctx, -1);
  void *d = base_try_malloc(ctx, 1);
  assert_non_null(d);
  base_free(ctx, a);
  base_free(ctx, b);
  base_free(ctx, c);
  base_free(ctx, d);
}

static void impossible_sizes_raise(void **state) {
  base_ctx *ctx = *state;
  base_status status;
  void *volatile p = NULL;
  assert_null(base_try_malloc(ctx, SIZE_MAX));
  STATUS_OF(ctx, status, p = base_malloc(ctx, SIZE_MAX - 8));
  assert_int_equal(status, BASE_MEMORY);
  assert_non_null(strstr(base_last(ctx)->message, "18446744073709551607 bytes wanted"));
  STATUS_OF(ctx, status, p = base_calloc(ctx, SIZE_MAX / 2 + 1));
  assert_int_equal(status, BASE_MEMORY);
  assert_null(p);
}

typedef struct ledger {
  size_t in_use, calls;
  bool refuse;
  char last_line[100];
  int last_level;
} ledger;

static void *ledger_alloc(void *user, size_t bytes) {
  ledger *book = user;
  if (book->refuse) return NULL;
  book->in_use += bytes;
  book->calls++;
  void *p = malloc(bytes);
  if (p) memset(p, 0xCD, bytes);
  return p;
}

static void ledger_release(void *user, void *p, size_t bytes) {
  ((ledger *)user)->in_use -= bytes;
  free(p);
}

static void ledger_log(void *user, int level, const char *line) {
  ledger *book = user;
  book->last_level = level;
  strncpy(book->last_line, line, sizeof book->last_line - 1);
}

static void hooks_see_every_byte_come_and_go(void **state) {
  (void)state;
  ledger book = {0};
  base_hooks hooks = {ledger_alloc, ledger_release, ledger_log, &book};
  base_ctx *ctx = base_open(&hooks);
  assert_non_null(ctx);
  size_t own = book.in_use;
  assert_true(own > 0);
  unsigned char *p = base_calloc(ctx, 300);
  for (int i = 0; i < 300; i++) assert_int_equal(p[i], 0);
  void *q = base_malloc(ctx, 5000);
  assert_int_equal(base_heap_bytes(ctx), book.in_use - own);
  assert_int_equal(book.calls, 3);
  base_log(ctx, 3, "%d blocks", 2);
  assert_string_equal(book.last_line, "2 blocks");
  assert_int_equal(book.last_level, 3);
  base_free(ctx, p);
  base_free(ctx, q);
  base_close(ctx);
  assert_int_equal(book.in_use, 0);
  book.refuse = true;
  assert_null(base_open(&hooks));
}

int main(void) {
  const struct CMUnitTest tests[] = {
    WITH_CTX(blocks_are_aligned_counted_and_distinct),
    WITH_CTX(calloc_zeroes_used_memory),
    WITH_CTX(the_chosen_allocation_fails_once),
    WITH_CTX(impossible_sizes_raise),
    cmocka_unit_test(hooks_see_every_byte_come_and_go),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
