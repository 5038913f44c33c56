#include <limits.h>
#include <string.h>

#include "fixture.h"

static void pieces_are_zeroed_aligned_and_apart(void **state) {
  base_ctx *ctx = *state;
  base_arena *arena = base_arena_open(ctx);
  assert_ptr_equal(base_arena_ctx(arena), ctx);
  enum { N = 2000 };
  unsigned char *at[N];
  size_t bytes[N];
  uint64_t random = 1;
  for (int i = 0; i < N; i++) {
    uint64_t r = next_random(&random);
    bytes[i] = r % 50 == 0 ? r % 90000 : r % 200;
    at[i] = base_alloc(arena, bytes[i]);
    assert_int_equal((uintptr_t)at[i] % 16, 0);
    for (size_t j = 0; j < bytes[i]; j++) assert_int_equal(at[i][j], 0);
    memset(at[i], i & 0xFF, bytes[i]);
  }
  for (int i = 0; i < N; i++)
    for (size_t j = 0; j < bytes[i]; j++) assert_int_equal(at[i][j], i & 0xFF);
  assert_true(base_alloc(arena, 0) != base_alloc(arena, 0));
  base_arena_close(arena);
  base_arena_close(NULL);
}

/* The order in which deferred calls ran. */
typedef struct diary {
  char text[32];
  int n;
} diary;
typedef struct line {
  diary *book;
  char letter;
} line;

static void write_line(void *object) {
  line *l = object;
  l->book->text[l->book->n++] = l->letter;
}

static void defer_line(base_arena *arena, diary *book, char letter) {
  line *l = BASE_NEW(arena, line);
  *l = (line){book, letter};
  base_defer(arena, write_line, l);
}

static void closing_runs_deferred_calls_backwards(void **state) {
  diary book = {0};
  base_arena *arena = base_arena_open(*state);
  for (char c = 'a'; c <= 'e'; c++) defer_line(arena, &book, c);
  base_arena_close(arena);
  assert_string_equal(book.text, "edcba");
}

static void children_close_with_their_parent_or_before(void **state) {
  diary book = {0};
  base_arena *parent = base_arena_open(*state);
  defer_line(parent, &book, 'p');
  base_arena *a = base_arena_child(parent), *b = base_arena_child(parent);
  base_arena *c = base_arena_child(parent), *d = base_arena_child(c);
  defer_line(a, &book, 'a');
  defer_line(b, &book, 'b');
  defer_line(c, &book, 'c');
  defer_line(d, &book, 'd');
  base_arena_close(b);
  assert_string_equal(book.text, "b");
  base_arena_close(parent);
  assert_string_equal(book.text, "bdcap");
}

static void raise_inside(base_ctx *ctx, base_arena *parent, diary *book) {
  base_arena *child = base_arena_child(parent);
  defer_line(child, book, 'x');
  base_raise(ctx, BASE_RUNTIME, base_nowhere, "no");
}

static void a_raise_leaves_what_the_catcher_closes(void **state) {
  base_ctx *ctx = *state;
  diary book = {0};
  base_status status;
  base_arena *parent = base_arena_open(ctx);
  STATUS_OF(ctx, status, raise_inside(ctx, parent, &book));
  assert_int_equal(status, BASE_RUNTIME);
  assert_string_equal(book.text, "");
  base_arena_close(parent);
  assert_string_equal(book.text, "x");
}

static void count_call(void *object) { ++*(int *)object; }

static void defer_calls_at_once_when_memory_lacks(void **state) {
  base_ctx *ctx = *state;
  int calls = 0;
  volatile int kept = 0;
  base_status status = BASE_OK;
  base_arena *arena = base_arena_open(ctx);
  while (status == BASE_OK) {  /* until the first block of the arena is full */
    base_fail_after(ctx, 0);
    STATUS_OF(ctx, status, base_defer(arena, count_call, &calls); kept++);
  }
  base_fail_after(ctx, -1);
  assert_int_equal(status, BASE_MEMORY);
  assert_true(kept > 0);
  assert_int_equal(calls, 1);
  base_arena_close(arena);
  assert_int_equal(calls, 1 + kept);
}

static void vectors_keep_what_they_hold(void **state) {
  base_arena *arena = base_arena_open(*state);
  BASE_VEC(int64_t) v = {0};
  for (int64_t i = 0; i < 10000; i++) BASE_PUSH(arena, &v, i * i);
  assert_int_equal(v.n, 10000);
  assert_true(v.cap >= v.n);
  for (int64_t i = 0; i < v.n; i++) assert_int_equal(v.at[i], i * i);
  base_arena_close(arena);
}

static void a_vector_too_large_raises(void **state) {
  base_ctx *ctx = *state;
  base_status status;
  base_arena *arena = base_arena_open(ctx);
  int cap = INT_MAX;
  STATUS_OF(ctx, status, base_grow(arena, NULL, &cap, 0, 8));
  assert_int_equal(status, BASE_MEMORY);
  STATUS_OF(ctx, status, base_alloc(arena, SIZE_MAX));
  assert_int_equal(status, BASE_MEMORY);
  base_arena_close(arena);
}

/* Everything of base at once, for the failing of every allocation in turn. */
static void work_a_little(base_ctx *ctx, base_arena *arena, diary *book) {
  base_map *map = base_map_open(arena);
  base_text text = base_text_open(arena);
  BASE_VEC(char *) names = {0};
  for (int i = 0; i < 300; i++) {
    char *name = base_format(arena, "name_%d", i);
    base_map_put_s(map, name, name);
    base_putf(&text, "%s ", name);
    BASE_PUSH(arena, &names, name);
  }
  base_arena *child = base_arena_child(arena);
  defer_line(child, book, 'c');
  base_alloc(child, 100000);
  base_pool *pool = base_pool_open(ctx, 2);
  base_pool_close(pool);
  base_free(ctx, base_malloc(ctx, 100));
}

static void every_failing_allocation_is_survived(void **state) {
  base_ctx *ctx = *state;
  base_status status = BASE_MEMORY;
  int n = 0;
  for (; status != BASE_OK; n++) {
    assert_true(n < 1000);
    diary book = {0};
    base_arena *volatile arena = NULL;
    base_fail_after(ctx, n);
    STATUS_OF(ctx, status, arena = base_arena_open(ctx); work_a_little(ctx, arena, &book));
    base_fail_after(ctx, -1);
    base_arena_close(arena);
    assert_int_equal(base_heap_count(ctx), 0);
    assert_true(status == BASE_OK || status == BASE_MEMORY);
  }
  assert_true(n > 10);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    WITH_CTX(pieces_are_zeroed_aligned_and_apart),
    WITH_CTX(closing_runs_deferred_calls_backwards),
    WITH_CTX(children_close_with_their_parent_or_before),
    WITH_CTX(a_raise_leaves_what_the_catcher_closes),
    WITH_CTX(defer_calls_at_once_when_memory_lacks),
    WITH_CTX(vectors_keep_what_they_hold),
    WITH_CTX(a_vector_too_large_raises),
    WITH_CTX(every_failing_allocation_is_survived),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
