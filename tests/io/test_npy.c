/* npy: what numpy wrote, what numpy reads, and headers that are wrong. */
#include <math.h>
#include <stdio.h>

#include "fixture.h"

static const io_array *data(fixture *f, const char *name) {
  return only(io_read(f->arena, base_format(f->arena, DATA "%s.npy", name)));
}

static void integers(void **state) {
  fixture *f = *state;
  CHECK(data(f, "i1"), IR_I32, "2 3", (int32_t[]){-128, 0, 1, 2, 3, 127});
  CHECK(data(f, "u1"), IR_I32, "2 3", (int32_t[]){0, 0, 1, 2, 3, 255});
  CHECK(data(f, "i2"), IR_I32, "2 3", (int32_t[]){-32768, 0, 1, 2, 3, 32767});
  CHECK(data(f, "u2"), IR_I64, "2 3", (int64_t[]){0, 0, 1, 2, 3, 65535});
  CHECK(data(f, "i4"), IR_I32, "2 3", (int32_t[]){INT32_MIN, 0, 1, 2, 3, INT32_MAX});
  CHECK(data(f, "u4"), IR_I64, "2 3", (int64_t[]){0, 0, 1, 2, 3, UINT32_MAX});
  CHECK(data(f, "i8"), IR_I64, "2 3", (int64_t[]){INT64_MIN, 0, 1, 2, 3, INT64_MAX});
  CHECK(data(f, "u8"), IR_I64, "2 3", (int64_t[]){0, 0, 1, 2, 3, INT64_MAX});
  CHECK(data(f, "b1"), IR_BOOL, "3", (uint8_t[]){1, 0, 1});
}

static void reals(void **state) {
  fixture *f = *state;
  CHECK(data(f, "f2"), IR_F16, "2 3",
        (uint16_t[]){0x3800, 0xbe00, 0x7c00, 0x8000, 0x0400, 0x6400});
  CHECK(data(f, "f4"), IR_F32, "2 3", (float[]){0.5f, -1.5f, INFINITY, -0.0f, 0x1p-14f, 1024});
  CHECK(data(f, "f8"), IR_F64, "2 3", (double[]){0.5, -1.5, INFINITY, -0.0, 0x1p-14, 1024});
}

static void orders(void **state) {
  fixture *f = *state;
  CHECK(data(f, "big_i2"), IR_I32, "2 2", (int32_t[]){-2, 258, 3, 4});
  CHECK(data(f, "big_f8"), IR_F64, "2", (double[]){1.25, -3});
  CHECK(data(f, "fortran_big_u1"), IR_I32, "2 3", (int32_t[]){0, 1, 2, 3, 4, 5});
  int32_t count[24];
  for (int i = 0; i < 24; i++) count[i] = i;
  CHECK(data(f, "fortran"), IR_I32, "2 3 4", count);
}

static void shapes_and_versions(void **state) {
  fixture *f = *state;
  CHECK(data(f, "scalar"), IR_F64, "", (double[]){2.5});
  check_array(data(f, "empty"), IR_F32, "0 3", "", 0);
  CHECK(data(f, "version2"), IR_F32, "3", (float[]){0, 1, 2});
  CHECK(data(f, "version3"), IR_F32, "3", (float[]){0, 1, 2});
}

static void unknown_elements(void **state) {
  fixture *f = *state;
  refuses(f, DATA "complex.npy",
          DATA "complex.npy: offset 20: the elements are \"<c8\", expected f2 f4 f8 i1 i2 i4 i8 u1 "
          "u2 u4 u8 b1 behind < > or |");
  refuses(f, DATA "record.npy",
          DATA "record.npy: offset 21: the elements are records, expected numbers");
  refuses(f, DATA "nine.npy", DATA "nine.npy: offset 85: the array has more than 8 dimensions");
}

/* ---- files made here ------------------------------------------------------------------------ */

/* Version 1 with this header; N bytes of ones behind it. */
static const char *made(fixture *f, const char *header, size_t n) {
  base_text text = base_text_open(f->arena);
  size_t length = strlen(header);
  base_put_n(&text, "\x93NUMPY\1\0", 8);
  base_put_n(&text, (char[]){(char)(length & 255), (char)(length >> 8)}, 2);
  base_put(&text, header);
  for (size_t i = 0; i < n; i++) base_put(&text, "\1");
  return file_of(f, "made.npy", text.at, text.n);
}

static void header_forms(void **state) {
  fixture *f = *state;
  const int64_t ones = 0x0101010101010101;
  CHECK(only(io_read(f->arena, made(f, "{\"shape\":(1L,),\"fortran_order\":True,\"descr\":\"<i8\"}",
                                    8))),
        IR_I64, "1", ones);
  CHECK(only(io_read(f->arena, made(f, "{'descr' : '=i8' , 'shape' : ( 1 , 1 )\n}  \n", 8))),
        IR_I64, "1 1", ones);
}

static void headers_broken(void **state) {
  fixture *f = *state;
  static const struct {
    const char *header, *message;
  } broken[] = {
    {"  ", "offset 12: the header ends, expected {"},
    {"[1]", "offset 10: the header has \"[1]\", expected {"},
    {"{ ", "offset 12: the header ends, expected a key or }"},
    {"{'descr'", "offset 18: the header ends, expected :"},
    {"{'descr':'<f4", "offset 20: the header has \"<f4\", expected a closing quote"},
    {"{'descr':4}", "offset 19: the header has \"4}\", expected an element type like '<f4'"},
    {"{'descr':''}", "offset 19: the elements are \"\", expected f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 "
                     "b1 behind < > or |"},
    {"{'order':1}", "offset 11: the header has the key \"order\", expected descr, fortran_order, "
                    "shape"},
    {"{'fortran_order':0}", "offset 27: the header has \"0}\", expected False"},
    {"{'shape':(2}", "offset 21: the header has \"}\", expected )"},
    {"{'shape':(-2,)}", "offset 20: the header has \"-2,)}\", expected a size or )"},
    {"{'shape':(),'shape':()}", "offset 22: the header gives shape twice"},
    {"{'shape':(99999999999999999999,)}", "offset 20: a size does not fit 63 bits"},
    {"{'descr':'<f4'}", "offset 25: the header lacks shape"},
    {"{'shape':()}", "offset 22: the header lacks descr"},
    {"{'shape':(),'descr':'<f4'}x", "offset 36: the header has \"x\", expected its end"},
    {"{'shape':(9223372036854775807,2),'descr':'|b1'}",
     "offset 57: bool[9223372036854775807, 2] is too large"},
    {"{'shape':(0,9223372036854775807),'descr':'|b1'}",
     "offset 57: bool[0, 9223372036854775807] is too large"},
    {"{'shape':(1000000000000,),'descr':'|u1'}",
     "offset 50: u8[1000000000000] takes 1000000000000 bytes, but 0 are left: the file is cut "
     "short"},
  };
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
    refuses(f, made(f, broken[i].header, 0),
            base_format(f->arena, "made.npy: %s", broken[i].message));
}

static void frames_broken(void **state) {
  fixture *f = *state;
  refuses(f, FILE_OF(f, "a.npy", ""),
          "a.npy: offset 0: the file does not start with \\x93NUMPY as an .npy does");
  refuses(f, FILE_OF(f, "a.npy", "\x93NUMPY\1"),
          "a.npy: offset 7: the file is cut short within its first 12 bytes");
  refuses(f, FILE_OF(f, "a.npy", "\x93NUMPY\4\0\0\0\0\0"),
          "a.npy: offset 6: the format is version 4, expected 1, 2 or 3");
  refuses(f, FILE_OF(f, "a.npy", "\x93NUMPY\1\0\xff\xff{}"),
          "a.npy: offset 8: the header takes 65535 bytes, but 2 are left: the file is cut short");
  refuses(f, FILE_OF(f, "a.npy", "\x93NUMPY\2\0\xff\xff\xff\xff{}"),
          "a.npy: offset 8: the header takes 4294967295 bytes, but 2 are left: the file is cut "
          "short");
  refuses(f, made(f, "{'shape':(3,),'descr':'<f4'}", 11),
          "made.npy: offset 38: f32[3] takes 12 bytes, but 11 are left: the file is cut short");
  refuses(f, made(f, "{'shape':(3,),'descr':'<f4'}", 14),
          "made.npy: offset 50: 2 bytes follow the array f32[3], expected the end of the file");
}

static void values_broken(void **state) {
  fixture *f = *state;
  refuses(f, FILE_OF(f, "a.npy", "\x93NUMPY\1\0\x1c\0{'shape':(2,),'descr':'|b1'}\1\2"),
          "a.npy: offset 39: a bool is 2, expected 0 or 1");
  refuses(f, FILE_OF(f, "a.npy", "\x93NUMPY\1\0\x1c\0{'shape':(1,),'descr':'<u8'}"
                                 "\1\0\0\0\0\0\0\x80"),
          "a.npy: offset 38: 9223372036854775809 does not fit i64");
  refuses(f, FILE_OF(f, "a.npy", "\x93NUMPY\1\0\x1c\0{'shape':(1,),'descr':'>u8'}"
                                 "\x80\0\0\0\0\0\0\1"),
          "a.npy: offset 38: 9223372036854775809 does not fit i64");
}

/* Any cut of a good file is refused, never read. */
static void every_cut(void **state) {
  fixture *f = *state;
  size_t n;
  char *bytes = bytes_of(f, DATA "fortran.npy", &n);
  for (size_t cut = 0; cut < n; cut++) refuses_somehow(f, file_of(f, "cut.npy", bytes, cut));
}

/* ---- writing -------------------------------------------------------------------------------- */

static void written(void **state) {
  fixture *f = *state;
  static const int types[] = {IR_F16, IR_F32, IR_F64, IR_I32, IR_I64, IR_BOOL};
  static const char *const descr[] = {"<f2", "<f4", "<f8", "<i4", "<i8", "|b1"};
  uint8_t bytes[48];
  for (int i = 0; i < 48; i++) bytes[i] = i % 2;
  for (int i = 0; i < 6; i++) {
    io_array array = io_array_of(types[i], 2, (int64_t[]){2, 3}, bytes);
    const char *path = path_to(f, "w.npy");
    io_write_array(f->ctx, path, &array);
    size_t n;
    char *file = bytes_of(f, path, &n);
    assert_int_equal(n, 128 + array.bytes);
    assert_memory_equal(file, "\x93NUMPY\1\0\x76\0", 10);
    const char *header = base_format(
      f->arena, "{'descr': '%s', 'fortran_order': False, 'shape': (2, 3), }", descr[i]);
    assert_memory_equal(file + 10, header, strlen(header));
    assert_int_equal(file[127], '\n');
    check_array(only(io_read(f->arena, path)), types[i], "2 3", bytes, array.bytes);
  }
}

static void written_shapes(void **state) {
  fixture *f = *state;
  static const char *const texts[] = {"", "7", "1 7", "7 1 1 1 1 1 1 1"};
  static const int ranks[] = {0, 1, 2, 8};
  double values[7] = {1, 2, 3, 4, 5, 6, 7};
  for (int i = 0; i < 4; i++) {
    int64_t shape[8] = {7, 1, 1, 1, 1, 1, 1, 1};
    if (ranks[i] == 2) shape[0] = 1, shape[1] = 7;
    io_array array = io_array_of(IR_F64, ranks[i], shape, values);
    io_write_array(f->ctx, path_to(f, "s.npy"), &array);
    check_array(only(io_read(f->arena, path_to(f, "s.npy"))), IR_F64, texts[i], values,
                array.bytes);
  }
}

/* numpy has no bf16; f32 holds its values. */
static void bf16_widens(void **state) {
  fixture *f = *state;
  io_array array = io_array_of(IR_BF16, 1, (int64_t[]){3}, (uint16_t[]){0x3f80, 0xc040, 0x7f80});
  io_write_array(f->ctx, path_to(f, "b.npy"), &array);
  CHECK(only(io_read(f->arena, path_to(f, "b.npy"))), IR_F32, "3", (float[]){1, -3, INFINITY});
}

static void holds_one(void **state) {
  fixture *f = *state;
  io_set set = {0};
  RAISES(f, BASE_IO,
         "cannot write n.npy: it can hold one array, not 0; .npz and .safetensors hold many",
         io_write(f->ctx, path_to(f, "n.npy"), &set));
}

int main(void) {
  const struct CMUnitTest tests[] = {
    TEST(integers),        TEST(reals),        TEST(orders),         TEST(shapes_and_versions),
    TEST(unknown_elements), TEST(header_forms), TEST(headers_broken), TEST(frames_broken),
    TEST(values_broken),   TEST(every_cut),    TEST(written),        TEST(written_shapes),
    TEST(bf16_widens),     TEST(holds_one),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
