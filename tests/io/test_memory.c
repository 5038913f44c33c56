/* Every allocation fails in turn: reading and writing raise BASE_MEMORY, and nothing is left. */
#include "fixture.h"

typedef void job(base_arena *arena, const char *path);

static void reads(base_arena *arena, const char *path) { io_read(arena, path); }

static void writes(base_arena *arena, const char *path) {
  uint16_t halves[6] = {1, 2, 3, 4, 5, 6};
  io_item items[] = {{"a", io_array_of(IR_BF16, 2, (int64_t[]){2, 3}, halves)}};
  io_set set = {.items = {items, 1, 1}};
  io_write(base_arena_ctx(arena), path, &set);
}

static void table(base_arena *arena, const char *path) { io_table_read(arena, path); }
static void chars(base_arena *arena, const char *path) { io_text_tokens(arena, path, IO_CHARS); }

static void words(base_arena *arena, const char *path) {
  const io_text *text = io_text_tokens(arena, path, IO_WORDS);
  io_encode(arena, text, "a b", 3);
  io_decode(arena, text, (int64_t[]){0, 1}, 2);
}

/* True if the job ended well with its N-th allocation failing; all is given back. */
static bool survives(base_ctx *ctx, job *run, const char *path, size_t taken, int64_t n) {
  size_t before = base_heap_count(ctx);
  base_arena *arena = base_arena_open(ctx);
  base_alloc(arena, taken);
  volatile bool done = false;
  base_trap trap;
  base_fail_after(ctx, n);
  if (BASE_TRY(ctx, &trap)) {
    run(arena, path);
    base_untrap(ctx, &trap);
    done = true;
  } else {
    assert_int_equal(base_last(ctx)->status, BASE_MEMORY);
  }
  base_fail_after(ctx, -1);
  base_arena_close(arena);
  assert_int_equal(base_heap_count(ctx), before);
  return done;
}

/* An arena asks the heap now and then only, so it starts filled up to all places in turn. */
static void sweep(fixture *f, job *run, const char *path) {
  int64_t failed = 0;
  for (size_t taken = 16; taken < 2000; taken += 64)
    for (int64_t n = 0; !survives(f->ctx, run, path, taken, n); n++) failed++;
  assert_true(failed > 0);
}

static void readers(void **state) {
  fixture *f = *state;
  sweep(f, reads, DATA "fortran.npy");
  sweep(f, reads, DATA "plain.npz");
  sweep(f, reads, DATA "packed.npz");
  sweep(f, reads, DATA "mixed.safetensors");
  sweep(f, reads, FILE_OF(f, "a.csv", "\"a\"\"b\",c\n1,2.5\n3,9223372036854775807\n"));
  sweep(f, reads, FILE_OF(f, "a.idx", "\0\0\x08\1\0\0\0\1\7"));
  sweep(f, table, FILE_OF(f, "a.tsv", "a\t\"b\"\"\"\nc\td\n"));
  sweep(f, chars, FILE_OF(f, "a.txt", "abc"));
  sweep(f, words, FILE_OF(f, "a.txt", "a b a"));
}

static void writers(void **state) {
  fixture *f = *state;
  static const char *const names[] = {"a.npy", "a.npz", "a.safetensors", "a.csv"};
  for (int i = 0; i < 4; i++) sweep(f, writes, path_to(f, names[i]));
}

/* A file that is refused leaves nothing mapped or allocated beyond its arena. */
static void refused(base_arena *arena, const char *path) {
  base_ctx *ctx = base_arena_ctx(arena);
  base_trap trap;
  if (BASE_TRY(ctx, &trap)) {
    io_read(arena, path);
    base_untrap(ctx, &trap);
  } else if (base_last(ctx)->status == BASE_MEMORY) {
    base_raise_again(ctx);
  } else {
    base_clear(ctx);
  }
}

static void errors(void **state) {
  fixture *f = *state;
  sweep(f, refused, DATA "complex.npy");
  sweep(f, refused, DATA "f8.npz");
  sweep(f, refused, FILE_OF(f, "a.csv", "a,b\n1,x\n"));
  sweep(f, refused, FILE_OF(f, "a.npz", "PK\3\4 no archive"));
  sweep(f, refused, FILE_OF(f, "a.safetensors", "\x02\0\0\0\0\0\0\0[]"));
}

int main(void) {
  const struct CMUnitTest tests[] = {TEST(readers), TEST(writers), TEST(errors)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
