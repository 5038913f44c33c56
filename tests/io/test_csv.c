/* Tables: numbers with and without headers, rows of strings, and where they are wrong. */
#include <locale.h>
#include <math.h>

#include "fixture.h"

static const io_set *table(fixture *f, const char *text) {
  return io_read(f->arena, file_of(f, "t.csv", text, strlen(text)));
}

static void numbers(void **state) {
  fixture *f = *state;
  CHECK(only(table(f, "1,2,3\n4,-5,+6\n")), IR_I64, "2 3", (int64_t[]){1, 2, 3, 4, -5, 6});
  CHECK(only(table(f, "1,2.5\n3,4")), IR_F64, "2 2", (double[]){1, 2.5, 3, 4});
  CHECK(only(table(f, "1\n2\n3\n")), IR_I64, "3", (int64_t[]){1, 2, 3});
  CHECK(only(table(f, "7")), IR_I64, "1", (int64_t[]){7});
  CHECK(only(table(f, "-0,1e2, .5 ,5.,\"3\"\n")), IR_F64, "1 5", (double[]){-0.0, 100, 0.5, 5, 3});
  CHECK(only(table(f, "inf,-inf\nInfinity,-INF\n")), IR_F64, "2 2",
        (double[]){INFINITY, -INFINITY, INFINITY, -INFINITY});
  assert_true(isnan(*(double *)only(table(f, "nan"))->data));
}

static void hard_numbers(void **state) {
  fixture *f = *state;
  CHECK(only(table(f, "9223372036854775807\n-9223372036854775808\n000000000000000000000000012\n")),
        IR_I64, "3", (int64_t[]){INT64_MAX, INT64_MIN, 12});
  CHECK(only(table(f, "9223372036854775808\n1\n")), IR_F64, "2", (double[]){0x1p63, 1});
  CHECK(only(table(f, "1.7976931348623157e308\n2.2250738585072014e-308\n4.9e-324\n1e400\n"
                      "0e999999999\n0.1234567890123456789\n123456789012345678901234567890\n"
                      "1e-400\n9007199254740993\n1.0\n")),
        IR_F64, "10",
        (double[]){1.7976931348623157e308, 2.2250738585072014e-308, 4.9e-324, INFINITY, 0,
                   0.1234567890123456789, 123456789012345678901234567890.0, 0, 0x1p53, 1});
  base_text digits = base_text_open(f->arena);
  base_put(&digits, "0.");
  for (int i = 0; i < 1000; i++) base_put(&digits, "3");
  CHECK(only(table(f, digits.at)), IR_F64, "1", (double[]){1.0 / 3});
}

static void headers(void **state) {
  fixture *f = *state;
  const io_set *set = table(f, "height, weight \n1,2\n3,4\n");
  CHECK(only(set), IR_I64, "2 2", (int64_t[]){1, 2, 3, 4});
  assert_int_equal(set->columns.n, 2);
  assert_string_equal(set->columns.at[0], "height");
  assert_string_equal(set->columns.at[1], "weight");
  set = table(f, ",\"2020\",\"a \"\"b\"\", c\"\n0,1,2\n");
  CHECK(only(set), IR_I64, "1 3", (int64_t[]){0, 1, 2});
  assert_string_equal(set->columns.at[0], "");
  assert_string_equal(set->columns.at[1], "2020");
  assert_string_equal(set->columns.at[2], "a \"b\", c");
  set = table(f, "\"1\",\"2\"\n\"3\",\"4\"\n");
  assert_int_equal(set->columns.n, 0);
  CHECK(only(set), IR_I64, "2 2", (int64_t[]){1, 2, 3, 4});
  check_array(only(table(f, "a,b\n")), IR_I64, "0 2", "", 0);
}

static void forms(void **state) {
  fixture *f = *state;
  static const char *const same[] = {
    "1,2\r\n3,4\r\n", "# made by hand\n\n1,2\n   \n# more\n3,4\n\n", "1;2\n3;4\n",
    "1\t2\n3\t4\n",     "1,2\n3,4\r",                                  "\xef\xbb\xbf 1,2\n3,4\n",
  };
  for (size_t i = 0; i < sizeof same / sizeof *same; i++)
    CHECK(only(table(f, same[i])), IR_I64, "2 2", (int64_t[]){1, 2, 3, 4});
  CHECK(only(io_read(f->arena, FILE_OF(f, "t.tsv", "1\t2\n3\t4\n"))), IR_I64, "2 2",
        (int64_t[]){1, 2, 3, 4});
}

/* A locale whose decimal point is a comma changes nothing (if it is installed). */
static void locale_free(void **state) {
  fixture *f = *state;
  setlocale(LC_ALL, "de_DE.UTF-8");
  io_array array = io_array_of(IR_F64, 1, (int64_t[]){1}, (double[]){0.1234567890123456789});
  io_write_array(f->ctx, path_to(f, "w.csv"), &array);
  const io_set *set = io_read(f->arena, path_to(f, "w.csv"));
  setlocale(LC_ALL, "C");
  CHECK(only(set), IR_F64, "1", (double[]){0.1234567890123456789});
}

static void tables_broken(void **state) {
  fixture *f = *state;
  static const char *const broken[][2] = {
    {"", "1: the table is empty, expected rows of numbers"},
    {"\n# only this\n", "1: the table is empty, expected rows of numbers"},
    {"1,2\n3\n", "2: the row has 1 column, the rows before it have 2"},
    {"1,2\n\n3,4,5\n", "3: the row has 3 columns, the rows before it have 2"},
    {"a,b\n1,2\n3,x1\n", "3: column 2 is \"x1\", expected a number"},
    {"1,2\n3,\n", "2: column 2 is \"\", expected a number"},
    {"1,2\n3,1e\n", "2: column 2 is \"1e\", expected a number"},
    {"1,2\n3,0x10\n", "2: column 2 is \"0x10\", expected a number"},
    {"1,2\n3,.\n", "2: column 2 is \".\", expected a number"},
    {"1,2\n3,1 2\n", "2: column 2 is \"1 2\", expected a number"},
    {"1,2\n3,\x01\xff" "0123456789012345678901234567890123456789\n",
     "2: column 2 is \"??01234567890123456789012345678901234567...\", expected a number"},
    {"1,2x\n3,4\n", "1: column 2 is \"2x\", but column 1 is a number: expected numbers only, or a "
                    "header of names, numbers among them in quotes"},
    {"a,b\n\"1\n2\",\"3\n", "2: a quoted field is not closed"},
    {"a,b\n\"1\n\",2\n3,x\n", "2: column 1 is \"1?\", expected a number"},
    {"a,b\n\"1\"2,3\n", "2: column 1: text follows the closing quote"},
  };
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
    refuses(f, file_of(f, "t.csv", broken[i][0], strlen(broken[i][0])),
            base_format(f->arena, "t.csv:%s", broken[i][1]));
}

/* Many columns and many short lines must not ask for columns times lines. */
static void no_bomb(void **state) {
  fixture *f = *state;
  enum { N = 200000 };
  char *text = base_alloc(f->arena, 3 * N);
  for (int i = 0; i < N; i++) text[2 * i] = '1', text[2 * i + 1] = i + 1 < N ? ',' : '\n';
  memset(text + 2 * N, '\n', N);
  const io_set *set = io_read(f->arena, file_of(f, "t.csv", text, 3 * N));
  assert_int_equal(only(set)->shape[1], N);
  assert_true(base_heap_bytes(f->ctx) < 128 * N);
}

/* ---- writing -------------------------------------------------------------------------------- */

static const char *written(fixture *f, const char *name, io_array array) {
  size_t n;
  io_write_array(f->ctx, path_to(f, name), &array);
  return bytes_of(f, path_to(f, name), &n);
}

static void types_written(void **state) {
  fixture *f = *state;
  int64_t shape[] = {2, 2};
  assert_string_equal(
    written(f, "w.csv", io_array_of(IR_F64, 2, shape, (double[]){0.1, -0.0, INFINITY, 1e300})),
    "0.1,-0\ninf,1e+300\n");
  assert_string_equal(
    written(f, "w.tsv", io_array_of(IR_F32, 2, shape, (float[]){0.1f, 2, -INFINITY, 1e-9f})),
    "0.1\t2\n-inf\t1e-09\n");
  uint16_t halves[] = {0x3c00, 0xc500, 0x0001, 0xfc00};
  assert_string_equal(
    written(f, "w.csv", io_array_of(IR_F16, 2, shape, halves)),
    "1,-5\n5.9604645e-08,-inf\n");
  assert_string_equal(
    written(f, "w.csv", io_array_of(IR_BF16, 1, (int64_t[]){2}, (uint16_t[]){0x3f80, 0xff80})),
    "1\n-inf\n");
  assert_string_equal(
    written(f, "w.csv", io_array_of(IR_I32, 2, shape, (int32_t[]){1, -2, 3, INT32_MIN})),
    "1,-2\n3,-2147483648\n");
  assert_string_equal(written(f, "w.csv", io_array_of(IR_I64, 0, NULL, (int64_t[]){INT64_MIN})),
                      "-9223372036854775808\n");
  assert_string_equal(written(f, "w.csv", io_array_of(IR_BOOL, 2, shape, (uint8_t[]){1, 0, 0, 1})),
                      "1,0\n0,1\n");
}

static void headers_written(void **state) {
  fixture *f = *state;
  const io_set *set = table(f, "a b,\"say \"\"x\"\"\",\"2020\"\n1,2,3\n");
  io_write(f->ctx, path_to(f, "w.csv"), set);
  const io_set *back = io_read(f->arena, path_to(f, "w.csv"));
  assert_int_equal(back->columns.n, 3);
  for (int i = 0; i < 3; i++) assert_string_equal(back->columns.at[i], set->columns.at[i]);
  CHECK(only(back), IR_I64, "1 3", (int64_t[]){1, 2, 3});
}

static void large(void **state) {
  fixture *f = *state;
  enum { N = 50000 };
  double *values = BASE_NEWS(f->arena, double, N);
  for (int i = 0; i < N; i++) values[i] = sin(i) * pow(10, i % 40 - 20) + 0.5 / (i + 1);
  io_array array = io_array_of(IR_F64, 2, (int64_t[]){N / 5, 5}, values);
  io_write_array(f->ctx, path_to(f, "w.csv"), &array);
  check_array(only(io_read(f->arena, path_to(f, "w.csv"))), IR_F64, "10000 5", values, array.bytes);
}

static void rank_refused(void **state) {
  fixture *f = *state;
  io_array array = io_array_of(IR_I64, 3, (int64_t[]){1, 1, 1}, (int64_t[]){1});
  RAISES(f, BASE_IO, "cannot write w.csv: the array has 3 dimensions, a table 2",
         io_write_array(f->ctx, path_to(f, "w.csv"), &array));
}

/* ---- rows of strings ------------------------------------------------------------------------ */

static void strings(void **state) {
  fixture *f = *state;
  static const char *const cells[] = {"Alice", "Bob", "#x", "", "a\"b\tc", "d e"};
  const io_table *t =
    io_table_read(f->arena, FILE_OF(f, "p.tsv", "Alice\tBob\n#x\t\n\"a\"\"b\tc\"\td e\n"));
  assert_int_equal(t->columns, 2);
  assert_int_equal(t->rows, 3);
  for (int i = 0; i < 6; i++) {
    assert_int_equal(t->cell[i].n, strlen(cells[i]));
    assert_memory_equal(t->cell[i].at, cells[i], t->cell[i].n);
  }
  t = io_table_read(f->arena, FILE_OF(f, "p.csv", "a,\"1\n2\"\r\n\r\nb,3\r\n"));
  assert_int_equal(t->rows, 2);
  assert_int_equal(io_table_line(f->arena, t, 0), 1);
  assert_int_equal(io_table_line(f->arena, t, 1), 4);
  t = io_table_read(f->arena, FILE_OF(f, "p.tsv", ""));
  assert_int_equal(t->rows, 0);
  assert_int_equal(t->columns, 0);
}

static void strings_broken(void **state) {
  fixture *f = *state;
  const char *path = FILE_OF(f, "p.tsv", "a\tb\nc\n");
  RAISES(f, BASE_IO, "p.tsv:2: the row has 1 column, the rows before it have 2",
         io_table_read(f->arena, path));
  path = FILE_OF(f, "p.tsv", "a\t\"b\nc\n");
  RAISES(f, BASE_IO, "p.tsv:1: a quoted field is not closed", io_table_read(f->arena, path));
}

int main(void) {
  const struct CMUnitTest tests[] = {
    TEST(numbers),       TEST(hard_numbers), TEST(headers),      TEST(forms),
    TEST(locale_free),   TEST(tables_broken), TEST(no_bomb),     TEST(types_written),
    TEST(headers_written), TEST(large),      TEST(rank_refused), TEST(strings),
    TEST(strings_broken),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
