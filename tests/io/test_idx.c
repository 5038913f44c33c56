/* idx: MNIST's format. */
#include "fixture.h"

static void types(void **state) {
  fixture *f = *state;
  CHECK(only(io_read(f->arena, FILE_OF(f, "a.idx", "\0\0\x08\2\0\0\0\2\0\0\0\3\1\2\3\4\5\xff"))),
        IR_I32, "2 3", (int32_t[]){1, 2, 3, 4, 5, 255});
  CHECK(only(io_read(f->arena, FILE_OF(f, "a.idx", "\0\0\x09\1\0\0\0\2\1\xff"))), IR_I32, "2",
        (int32_t[]){1, -1});
  CHECK(only(io_read(f->arena, FILE_OF(f, "a.idx", "\0\0\x0b\1\0\0\0\2\1\2\xff\xfe"))), IR_I32, "2",
        (int32_t[]){258, -2});
  CHECK(only(io_read(f->arena, FILE_OF(f, "a.idx", "\0\0\x0c\1\0\0\0\1\1\2\3\4"))), IR_I32, "1",
        (int32_t[]){0x01020304});
  CHECK(only(io_read(f->arena, FILE_OF(f, "a.idx", "\0\0\x0d\1\0\0\0\1\x3f\x80\0\0"))), IR_F32, "1",
        (float[]){1});
  CHECK(only(io_read(f->arena, FILE_OF(f, "a.idx", "\0\0\x0e\1\0\0\0\1\xc0\4\0\0\0\0\0\0"))),
        IR_F64, "1", (double[]){-2.5});
}

/* As the files of MNIST are called, by their content, and by the suffix alone. */
static void names(void **state) {
  fixture *f = *state;
  const char text[] = "\0\0\x08\1\0\0\0\1\7";
  static const char *const called[] = {"train-labels-idx1-ubyte", "labels", "train.idx1-ubyte"};
  for (int i = 0; i < 3; i++)
    CHECK(only(io_read(f->arena, file_of(f, called[i], text, 9))), IR_I32, "1", (int32_t[]){7});
}

static void broken(void **state) {
  fixture *f = *state;
  refuses(f, FILE_OF(f, "a.idx", ""),
          "a.idx: offset 0: the file does not start with two zeros, type and rank as an .idx does");
  refuses(f, FILE_OF(f, "a.idx", "hello"),
          "a.idx: offset 0: the file does not start with two zeros, type and rank as an .idx does");
  refuses(f, FILE_OF(f, "a.idx", "\0\0\x0a\1\0\0\0\1\7"),
          "a.idx: offset 2: the element type is 0x0a, expected 08 09 0b 0c 0d or 0e");
  refuses(f, FILE_OF(f, "a.idx", "\0\0\x08\0\7"),
          "a.idx: offset 3: the array has 0 dimensions, expected 1 to 8");
  refuses(f, FILE_OF(f, "a.idx", "\0\0\x08\2\0\0\0\1\0"),
          "a.idx: offset 9: the file is cut short within its 2 sizes");
  refuses(f, FILE_OF(f, "a.idx", "\0\0\x08\2\xff\xff\xff\xff\0\0\0\2\7"),
          "a.idx: offset 12: u8[4294967295, 2] takes 8589934590 bytes, but 1 are left: the file is "
          "cut short");
  refuses(f, FILE_OF(f, "a.idx", "\0\0\x0e\4\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\1\0\0\0\1"),
          "a.idx: offset 20: f64[4294967295, 4294967295, 1, 1] is too large");
  refuses(f, FILE_OF(f, "a.idx", "\0\0\x08\1\0\0\0\1\7\7"),
          "a.idx: offset 9: 1 bytes follow the array u8[1], expected the end of the file");
  refuses(f, FILE_OF(f, "train-labels-idx1-ubyte.gz", "\x1f\x8b\x08"),
          "train-labels-idx1-ubyte.gz: offset 0: the file is compressed by gzip; gunzip it first");
}

static void writes_and_reads(fixture *f, io_array array, int type, const void *want, size_t n) {
  io_write_array(f->ctx, path_to(f, "w.idx"), &array);
  const io_array *back = only(io_read(f->arena, path_to(f, "w.idx")));
  assert_int_equal(back->type, type);
  assert_int_equal(back->rank, array.rank);
  assert_int_equal(back->bytes, n);
  assert_memory_equal(back->data, want, n);
}

static void written(void **state) {
  fixture *f = *state;
  float real[] = {1.5f, -2, 3};
  double large[] = {1e300, -2};
  int32_t whole[] = {INT32_MIN, -1, 7, INT32_MAX}, truth[] = {1, 0};
  int64_t wide[] = {INT32_MIN, -1, 7, INT32_MAX}, beyond[] = {INT64_C(1) << 31};
  uint16_t half[] = {0x3e00, 0xc000, 0x4200};
  uint8_t bits[] = {1, 0};
  writes_and_reads(f, io_array_of(IR_F32, 1, (int64_t[]){3}, real), IR_F32, real, sizeof real);
  writes_and_reads(f, io_array_of(IR_F16, 1, (int64_t[]){3}, half), IR_F32, real, sizeof real);
  writes_and_reads(f, io_array_of(IR_F64, 2, (int64_t[]){1, 2}, large), IR_F64, large,
                   sizeof large);
  writes_and_reads(f, io_array_of(IR_I32, 2, (int64_t[]){2, 2}, whole), IR_I32, whole,
                   sizeof whole);
  writes_and_reads(f, io_array_of(IR_I64, 1, (int64_t[]){4}, wide), IR_I32, whole, sizeof whole);
  writes_and_reads(f, io_array_of(IR_BOOL, 1, (int64_t[]){2}, bits), IR_I32, truth, sizeof truth);
  io_array one = io_array_of(IR_I64, 0, NULL, wide),
           far = io_array_of(IR_I64, 1, (int64_t[]){1}, beyond);
  RAISES(f, BASE_IO, "cannot write a.idx: a scalar; an .idx has one dimension at least",
         io_write_array(f->ctx, path_to(f, "a.idx"), &one));
  RAISES(f, BASE_IO, "cannot write a.idx: 2147483648 does not fit the 32 bits of its integers",
         io_write_array(f->ctx, path_to(f, "a.idx"), &far));
}

int main(void) {
  const struct CMUnitTest tests[] = {TEST(types), TEST(names), TEST(broken), TEST(written)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
