/* safetensors: files of the format's own library, round trips, and headers that are wrong. */
#include "fixture.h"

static void foreign(void **state) {
  fixture *f = *state;
  const io_set *set = io_read(f->arena, DATA "mixed.safetensors");
  assert_int_equal(set->items.n, 6);
  CHECK(io_find(set, "w"), IR_F32, "2 3", (float[]){0, 1, 2, 3, 4, 5});
  CHECK(io_find(set, "h"), IR_F16, "2", (uint16_t[]){0x3800, 0xc000});
  CHECK(io_find(set, "d"), IR_F64, "", (double[]){2.5});
  CHECK(io_find(set, "flags"), IR_BOOL, "2", (uint8_t[]){1, 0});
  CHECK(io_find(set, "bytes"), IR_I32, "2", (int32_t[]){-1, 5});
  CHECK(io_find(set, "wide"), IR_I64, "1", (int64_t[]){INT64_C(1) << 40});
  assert_int_equal(set->notes.n, 2);
  assert_string_equal(io_find_note(set, "made by"), "numpy");
  assert_string_equal(io_find_note(set, "é"), "ü");
  assert_null(io_find_note(set, "w"));
  assert_int_equal(io_read(f->arena, DATA "none.safetensors")->items.n, 0);
}

static void round_trip(void **state) {
  fixture *f = *state;
  static const int types[] = {IR_BOOL, IR_F16, IR_BF16, IR_F32, IR_F64, IR_I32, IR_I64};
  static const char *const names[] = {"a.weight", "\"b\"", "c\n", "d", "é", "f", ""};
  uint8_t bytes[48];
  for (int i = 0; i < 48; i++) bytes[i] = i % 2;
  io_set set = {0};
  for (int i = 0; i < 7; i++)
    io_add(f->arena, &set, names[i], io_array_of(types[i], 2, (int64_t[]){3, 2}, bytes));
  io_add(f->arena, &set, "none", io_array_of(IR_F32, 2, (int64_t[]){0, 2}, bytes));
  io_note note = {"step", "12"};
  BASE_PUSH(f->arena, &set.notes, note);
  io_write(f->ctx, path_to(f, "a.safetensors"), &set);
  const io_set *back = io_read(f->arena, path_to(f, "a.safetensors"));
  assert_int_equal(back->items.n, 8);
  for (int i = 0; i < 7; i++) {
    assert_string_equal(back->items.at[i].name, names[i]);
    check_array(&back->items.at[i].array, types[i], "3 2", bytes, set.items.at[i].array.bytes);
  }
  check_array(io_find(back, "none"), IR_F32, "0 2", "", 0);
  assert_int_equal(back->notes.n, 1);
  assert_string_equal(back->notes.at[0].value, "12");
}

/* A file worth mapping: arrays are where the file has them, writable, and the file stays. */
static void mapped(void **state) {
  fixture *f = *state;
  enum { N = 1 << 19 };
  float *values = base_alloc(f->arena, N * sizeof *values);
  for (int i = 0; i < N; i++) values[i] = (float)i;
  io_set set = {0};
  io_add(f->arena, &set, "flag", io_array_of(IR_BOOL, 0, NULL, &(uint8_t){1}));
  io_add(f->arena, &set, "v", io_array_of(IR_F32, 1, (int64_t[]){N}, values));
  const char *path = path_to(f, "a.safetensors");
  io_write(f->ctx, path, &set);
  size_t before = base_heap_bytes(f->ctx);
  const io_array *array = io_find(io_read(f->arena, path), "v");
  assert_true(base_heap_bytes(f->ctx) - before < 1 << 18);
  assert_memory_equal(array->data, values, N * sizeof *values);
  assert_int_equal((uintptr_t)array->data % 64, 0);
  ((float *)array->data)[7] = -1;
  io_write(f->ctx, path, &set);  /* onto the mapped file's name */
  assert_true(((float *)array->data)[7] == -1 && ((float *)array->data)[N - 1] == N - 1);
  assert_true(((float *)io_find(io_read(f->arena, path), "v")->data)[7] == 7);
}

/* ---- headers that are wrong ----------------------------------------------------------------- */

/* The header at its length, N ones behind it. */
static const char *made(fixture *f, const char *header, int n) {
  base_text text = base_text_open(f->arena);
  uint64_t length = strlen(header);
  base_put_n(&text, (const char *)&length, 8);
  base_put(&text, header);
  for (int i = 0; i < n; i++) base_put(&text, "\1");
  return file_of(f, "made.safetensors", text.at, text.n);
}

#define TENSOR(type, shape, place) \
  "{\"w\":{\"dtype\":" type ",\"shape\":" shape ",\"data_offsets\":" place "}}"

static void headers_broken(void **state) {
  fixture *f = *state;
  static const struct {
    const char *header;
    int n;
    const char *message;
  } broken[] = {
    {"{", 0, "offset 9: the header: string or '}' expected near end of file"},
    {"{\"a\":1,\"a\":1}", 0, "offset 18: the header: duplicate object key near '\"a\"'"},
    {"{}[]", 0, "offset 11: the header: end of file expected near '['"},
    {"{\"w\":1}", 0, "offset 8: tensor \"w\" is described by no object"},
    {"{\"w\":{}}", 0, "offset 8: tensor \"w\" has no dtype"},
    {TENSOR("\"F8_E4M3\"", "[1]", "[0,1]"), 1,
     "offset 8: tensor \"w\" has the dtype \"F8_E4M3\", expected F16 BF16 F32 F64 I8 I16 I32 I64 "
     "U8 U16 U32 U64 or BOOL"},
    {TENSOR("\"F32\"", "1", "[0,4]"), 4, "offset 8: tensor \"w\" has no shape"},
    {TENSOR("\"F32\"", "[-1]", "[0,4]"), 4,
     "offset 8: tensor \"w\" has a shape that is no list of sizes"},
    {TENSOR("\"F32\"", "[1.5]", "[0,4]"), 4,
     "offset 8: tensor \"w\" has a shape that is no list of sizes"},
    {TENSOR("\"F32\"", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4,
     "offset 8: tensor \"w\" has 9 dimensions, expected 8 at most"},
    {TENSOR("\"F32\"", "[1]", "[0]"), 4,
     "offset 8: tensor \"w\" has no data_offsets, expected begin and end"},
    {TENSOR("\"F32\"", "[1]", "[0,4]"), 3,
     "offset 62: tensor \"w\" lies at 0 to 4 of the data, which has 3 bytes: the file is broken "
     "or cut short"},
    {TENSOR("\"F32\"", "[1]", "[4,0]"), 4,
     "offset 62: tensor \"w\" lies at 4 to 0 of the data, which has 4 bytes: the file is broken "
     "or cut short"},
    {TENSOR("\"F32\"", "[2]", "[0,4]"), 4,
     "offset 62: tensor \"w\" is f32[2], but its data_offsets span 4 bytes"},
    {TENSOR("\"F32\"", "[4611686018427387904,4]", "[0,0]"), 0,
     "offset 82: tensor \"w\" is f32[4611686018427387904, 4], but its data_offsets span 0 bytes"},
    {TENSOR("\"F32\"", "[1]", "[2,6]"), 6,
     "offset 62: tensor \"w\" starts at 2 of the data, expected 0: the tensors leave a gap"},
    {TENSOR("\"F32\"", "[1]", "[0,4]"), 6,
     "offset 66: 2 bytes follow the last tensor, expected the end"},
    {TENSOR("\"BOOL\"", "[1]", "[0,1]"), 1, NULL},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
     "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
     3, "offset 115: tensor \"b\" starts at 1 of the data, expected 2: the tensors overlap"},
    {"{\"__metadata__\":[]}", 0,
     "offset 8: __metadata__ is no object, expected strings by name"},
    {"{\"__metadata__\":{\"a\":1}}", 0, "offset 8: __metadata__ has a \"a\" that is no string"},
  };
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    const char *path = made(f, broken[i].header, broken[i].n);
    if (broken[i].message)
      refuses(f, path, base_format(f->arena, "made.safetensors: %s", broken[i].message));
    else
      io_read(f->arena, path);
  }
}

static void frames_broken(void **state) {
  fixture *f = *state;
  refuses(f, FILE_OF(f, "a.safetensors", "1234"),
          "a.safetensors: offset 4: the file is cut short within the 8 bytes of the header's "
          "length");
  refuses(f, FILE_OF(f, "a.safetensors", "\xff\xff\xff\xff\xff\xff\xff\xff{}"),
          "a.safetensors: offset 0: the header takes 18446744073709551615 bytes, but 2 are left: "
          "no .safetensors, or cut short");
  refuses(f, made(f, "[1]", 0), "made.safetensors: offset 8: the header is no JSON object");
  size_t n;
  char *bytes = bytes_of(f, DATA "mixed.safetensors", &n);
  for (size_t cut = 0; cut < n; cut++)
    refuses_somehow(f, file_of(f, "cut.safetensors", bytes, cut));
}

static void names_refused(void **state) {
  fixture *f = *state;
  io_array array = io_array_of(IR_I64, 0, NULL, (int64_t[]){1});
  io_set set = {0};
  io_add(f->arena, &set, "x", array);
  io_add(f->arena, &set, "x", array);
  const char *path = path_to(f, "a.safetensors");
  RAISES(f, BASE_IO, "cannot write a.safetensors: two tensors named \"x\"",
         io_write(f->ctx, path, &set));
  set.items.at[0].name = "__metadata__";
  RAISES(f, BASE_IO, "cannot write a.safetensors: no tensor may be named __metadata__",
         io_write(f->ctx, path, &set));
  set.items.at[0].name = "a\xff";
  RAISES(f, BASE_IO, "cannot write a.safetensors: \"a?\" is not UTF-8",
         io_write(f->ctx, path, &set));
}

int main(void) {
  const struct CMUnitTest tests[] = {
    TEST(foreign), TEST(round_trip),    TEST(mapped), TEST(headers_broken), TEST(frames_broken),
    TEST(names_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
