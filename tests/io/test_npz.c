/* npz: archives of numpy's, archives for numpy, and archives that lie. */
#include <zip.h>

#include "fixture.h"

static void numpys(void **state) {
  fixture *f = *state;
  const io_set *set = io_read(f->arena, DATA "plain.npz");
  assert_int_equal(set->items.n, 2);
  CHECK(io_find(set, "w"), IR_F32, "2 3", (float[]){0, 1, 2, 3, 4, 5});
  CHECK(io_find(set, "n"), IR_I64, "1", (int64_t[]){7});
  assert_null(io_find(set, "v"));
  const io_set *packed = io_read(f->arena, DATA "packed.npz");
  static const double zeros[2000];
  CHECK(io_find(packed, "zeros"), IR_F64, "50 40", zeros);
  CHECK(io_find(packed, "ones"), IR_I32, "3", (int32_t[]){1, 1, 1});
}

static void round_trip(void **state) {
  fixture *f = *state;
  static const int types[] = {IR_F16, IR_F32, IR_F64, IR_I32, IR_I64, IR_BOOL};
  static const char *const names[] = {"a", "b/weight", "c", "d", "ä", ""};
  uint8_t bytes[16] = {0, 1, 1, 0, 1};
  io_set set = {0};
  for (int i = 0; i < 6; i++)
    io_add(f->arena, &set, names[i], io_array_of(types[i], 1, (int64_t[]){2}, bytes));
  io_write(f->ctx, path_to(f, "a.npz"), &set);
  const io_set *back = io_read(f->arena, path_to(f, "a.npz"));
  assert_int_equal(back->items.n, 6);
  for (int i = 0; i < 6; i++) {
    assert_string_equal(back->items.at[i].name, i == 5 ? "arr_5" : names[i]);
    check_array(&back->items.at[i].array, types[i], "2", bytes, set.items.at[i].array.bytes);
  }
}

static void equal_sets_equal_files(void **state) {
  fixture *f = *state;
  const io_set *set = io_read(f->arena, DATA "plain.npz");
  io_write(f->ctx, path_to(f, "a.npz"), set);
  io_write(f->ctx, path_to(f, "b.npz"), set);
  size_t n, m;
  const char *a = bytes_of(f, path_to(f, "a.npz"), &n), *b = bytes_of(f, path_to(f, "b.npz"), &m);
  assert_int_equal(n, m);
  assert_memory_equal(a, b, n);
}

static void empty(void **state) {
  fixture *f = *state;
  io_set set = {0};
  io_write(f->ctx, path_to(f, "a.npz"), &set);
  assert_int_equal(io_read(f->arena, path_to(f, "a.npz"))->items.n, 0);
}

/* ---- archives that are wrong ---------------------------------------------------------------- */

/* An archive of one entry with this text. */
static const char *archive(fixture *f, const char *name, const char *text, int method) {
  const char *path = path_to(f, "made.npz");
  int error;
  zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &error);
  zip_int64_t i =
    zip_file_add(zip, name, zip_source_buffer(zip, text, strlen(text), 0), ZIP_FL_ENC_UTF_8);
  zip_set_file_compression(zip, (zip_uint64_t)i, method, 0);
  assert_int_equal(zip_close(zip), 0);
  return path;
}

static void entries_broken(void **state) {
  fixture *f = *state;
  refuses(f, archive(f, "readme.txt", "hello", ZIP_CM_STORE),
          "made.npz: offset 0: the archive holds \"readme.txt\", expected only .npy entries");
  refuses(f, archive(f, "x.npy", "hello", ZIP_CM_STORE),
          "made.npz: \"x.npy\": offset 0: the file does not start with \\x93NUMPY as an .npy does");
  refuses(f, archive(f, "x.npy", "\x93NUMPY\1", ZIP_CM_DEFLATE),
          "made.npz: \"x.npy\": offset 7: the file is cut short within its first 12 bytes");
  refuses(f, archive(f, "x.npy", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", ZIP_CM_BZIP2),
          "made.npz: \"x.npy\": offset 0: the entry is compressed by method 12, expected stored or "
          "deflated");
}

/* plain.npz with its byte at AT changed, AT counting from the mark. */
static const char *changed(fixture *f, const char *name, const char *mark, size_t at, int byte) {
  size_t n;
  char *bytes = bytes_of(f, base_format(f->arena, DATA "%s", name), &n);
  char *place = NULL;
  for (size_t i = 0; i + 4 <= n && !place; i++)
    if (memcmp(bytes + i, mark, 4) == 0) place = bytes + i;
  assert_non_null(place);
  place[at] = (char)byte;
  return file_of(f, "changed.npz", bytes, n);
}

static void sums_and_sizes(void **state) {
  fixture *f = *state;
  enum { DATA_OF_W = 30 + 5 + 20 + 140, UNPACKED_SIZE = 24, PACKED_SIZE = 20, METHOD = 10 };
  refuses(f, changed(f, "plain.npz", "PK\3\4", DATA_OF_W, 9),
          "changed.npz: \"w.npy\": offset 152: CRC error");
  refuses(f, changed(f, "plain.npz", "PK\1\2", UNPACKED_SIZE + 3, 0x7f),
          "changed.npz: \"w.npy\": offset 0: the entry unpacks to 2130706584 bytes, more than 152 "
          "can hold");
  refuses(f, changed(f, "packed.npz", "PK\1\2", UNPACKED_SIZE + 3, 0x7f),
          "changed.npz: \"zeros.npy\": offset 0: the entry unpacks to 2130722560 bytes, more than "
          "114 can hold");
  refuses(f, changed(f, "plain.npz", "PK\1\2", PACKED_SIZE + 3, 0x7f),
          "changed.npz: \"w.npy\": offset 0: the entry takes 2130706584 bytes of the archive, but "
          "only 522 are left for it");
  refuses(f, changed(f, "plain.npz", "PK\1\2", METHOD, 14),
          "changed.npz: \"w.npy\": offset 0: the entry is compressed by method 14, expected stored "
          "or deflated");
}

static void frames_broken(void **state) {
  fixture *f = *state;
  refuses(f, FILE_OF(f, "a.npz", "hello"),
          "a.npz: offset 0: the file does not start with PK as an .npz, a zip archive, does");
  size_t n;
  char *bytes = bytes_of(f, DATA "packed.npz", &n);
  for (size_t cut = 0; cut < n; cut++) refuses_somehow(f, file_of(f, "cut.npz", bytes, cut));
}

static void same_name_twice(void **state) {
  fixture *f = *state;
  io_set set = {0};
  io_array array = io_array_of(IR_I64, 0, NULL, (int64_t[]){1});
  io_add(f->arena, &set, "x", array);
  io_add(f->arena, &set, "x", array);
  RAISES(f, BASE_IO, "cannot write a.npz: x: File already exists",
         io_write(f->ctx, path_to(f, "a.npz"), &set));
}

int main(void) {
  const struct CMUnitTest tests[] = {
    TEST(numpys),         TEST(round_trip),    TEST(equal_sets_equal_files), TEST(empty),
    TEST(entries_broken), TEST(sums_and_sizes), TEST(frames_broken),          TEST(same_name_twice),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
