/* Files as such: those that are missing or something else, formats found, writing as a whole. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fixture.h"

static void missing(void **state) {
  fixture *f = *state;
  FILE_OF(f, "weights.npy", "");
  FILE_OF(f, "other.csv", "");
  refuses(f, path_to(f, "wieghts.npy"),
          "cannot read wieghts.npy: No such file or directory\nhelp: did you mean `weights.npy`?");
  refuses(f, path_to(f, "weights.npz"),
          "cannot read weights.npz: No such file or directory\nhelp: did you mean `weights.npy`?");
  refuses(f, path_to(f, "x.csv"), "cannot read x.csv: No such file or directory");
  refuses(f, path_to(f, "none/x.csv"), "cannot read none/x.csv: No such file or directory");
  refuses(f, "make.py", "cannot read make.py: No such file or directory");
  refuses(f, "", "cannot read : No such file or directory");
  refuses(f, base_format(f->arena, "%s/", f->folder), "cannot read : Is a directory");
  refuses(f, path_to(f, "other.csv/x.csv"), "cannot read other.csv/x.csv: Not a directory");
}

static void kinds(void **state) {
  fixture *f = *state;
  size_t n;
  char *npy = bytes_of(f, DATA "i4.npy", &n);
  static const char *const called[] = {"a", "a.npz", "a.csv", "a.safetensors", "a.idx", "npy"};
  for (int i = 0; i < 6; i++)
    CHECK(only(io_read(f->arena, file_of(f, called[i], npy, n))), IR_I32, "2 3",
          (int32_t[]){INT32_MIN, 0, 1, 2, 3, INT32_MAX});
  char *tensors = bytes_of(f, DATA "mixed.safetensors", &n);
  assert_int_equal(io_read(f->arena, file_of(f, "model", tensors, n))->items.n, 6);
  refuses(f, FILE_OF(f, "a.txt", "1,2\n"),
          "a.txt: offset 0: neither name nor content is of a kind known here: .npy .npz "
          ".safetensors .csv .tsv .idx");
  char *copy = bytes_of(f, DATA "i4.npy", &n);
  CHECK(only(io_read_bytes(f->arena, "memory", copy, n)), IR_I32, "2 3",
        (int32_t[]){INT32_MIN, 0, 1, 2, 3, INT32_MAX});
}

static void pipes(void **state) {
  fixture *f = *state;
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  assert_int_equal(write(ends[1], "1,2\n3,4\n", 8), 8);
  close(ends[1]);
  const char *path = path_to(f, "pipe.csv");
  assert_int_equal(symlink(base_format(f->arena, "/dev/fd/%d", ends[0]), path), 0);
  CHECK(only(io_read(f->arena, path)), IR_I64, "2 2", (int64_t[]){1, 2, 3, 4});
  close(ends[0]);
}

/* ---- writing -------------------------------------------------------------------------------- */

static io_array number(int64_t *value) { return io_array_of(IR_I64, 0, NULL, value); }

static void replaced_as_a_whole(void **state) {
  fixture *f = *state;
  const char *path = FILE_OF(f, "a.csv", "old\n");
  io_array cube = io_array_of(IR_I64, 3, (int64_t[]){1, 1, 1}, (int64_t[]){1});
  RAISES(f, BASE_IO, "cannot write a.csv: the array has 3 dimensions, a table 2",
         io_write_array(f->ctx, path, &cube));
  size_t n;
  assert_string_equal(bytes_of(f, path, &n), "old\n");
  io_array one = number((int64_t[]){1});
  io_write_array(f->ctx, path, &one);
  assert_string_equal(bytes_of(f, path, &n), "1\n");
}

static void modes_and_links(void **state) {
  fixture *f = *state;
  struct stat info;
  io_array one = number((int64_t[]){1});
  const char *path = path_to(f, "a.csv"), *link = path_to(f, "link.csv");
  umask(027);
  io_write_array(f->ctx, path, &one);
  umask(022);
  stat(path, &info);
  assert_int_equal(info.st_mode & 0777, 0640);
  chmod(path, 0604);
  assert_int_equal(symlink("a.csv", link), 0);
  io_array two = number((int64_t[]){2});
  io_write_array(f->ctx, link, &two);
  lstat(link, &info);
  assert_true(S_ISLNK(info.st_mode));
  stat(path, &info);
  assert_int_equal(info.st_mode & 0777, 0604);
  size_t n;
  assert_string_equal(bytes_of(f, path, &n), "2\n");
}

/* A device is written to, never renamed over. */
static void devices(void **state) {
  fixture *f = *state;
  struct stat info;
  io_array one = number((int64_t[]){1});
  assert_int_equal(symlink("/dev/null", path_to(f, "null.npy")), 0);
  io_write_array(f->ctx, path_to(f, "null.npy"), &one);
  stat("/dev/null", &info);
  assert_true(S_ISCHR(info.st_mode));
  assert_int_equal(symlink("/dev/full", path_to(f, "full.npy")), 0);
  RAISES(f, BASE_IO, "cannot write full.npy: No space left on device",
         io_write_array(f->ctx, path_to(f, "full.npy"), &one));
}

static void unwritable(void **state) {
  fixture *f = *state;
  io_array one = number((int64_t[]){1});
  RAISES(f, BASE_IO, "cannot write none/a.npy: No such file or directory",
         io_write_array(f->ctx, path_to(f, "none/a.npy"), &one));
  mkdir(path_to(f, "d.npy"), 0755);
  RAISES(f, BASE_IO, "cannot write d.npy: Is a directory",
         io_write_array(f->ctx, path_to(f, "d.npy"), &one));
  RAISES(f, BASE_IO,
         "cannot write a.txt: the suffix must be one of .npy .npz .safetensors .csv .tsv .idx",
         io_write_array(f->ctx, path_to(f, "a.txt"), &one));
  size_t n;
  io_write_text(f->ctx, path_to(f, "a.txt"), "as it is", 8);
  assert_string_equal(bytes_of(f, path_to(f, "a.txt"), &n), "as it is");
}

/* What lies in a mapped file is gone when somebody cuts it: said, not touched. */
static void cut_short(void **state) {
  fixture *f = *state;
  enum { N = 300000 };
  float *value = base_alloc(f->arena, N * sizeof *value);
  for (int i = 0; i < N; i++) value[i] = (float)i;
  io_array array = io_array_of(IR_F32, 1, (int64_t[]){N}, value);
  const char *path = path_to(f, "big.npy");
  io_write_array(f->ctx, path, &array);
  const io_array *read = only(io_read(f->arena, path));
  io_verify(f->ctx, read);
  assert_true(((float *)read->data)[N - 1] == N - 1);
  io_verify(f->ctx, &array);
  assert_int_equal(truncate(path, 5000), 0);
  RAISES(f, BASE_IO,
         "big.npy: offset 5000: the file was cut short while it was in use; it had 1200128 bytes",
         io_verify(f->ctx, read));
}

int main(void) {
  const struct CMUnitTest tests[] = {
    TEST(missing), TEST(kinds),   TEST(pipes),      TEST(replaced_as_a_whole),
    TEST(modes_and_links), TEST(devices), TEST(unwritable), TEST(cut_short),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
