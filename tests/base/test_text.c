#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

static void text_grows_and_stays_terminated(void **state) {
  base_arena *arena = base_arena_open(*state);
  base_text text = base_text_open(arena);
  assert_string_equal(text.at, "");
  char expected[4000] = "";
  for (int i = 0; i < 200; i++) {
    base_put(&text, "ab");
    base_putf(&text, "%d,%s;", i, "");
    base_put_n(&text, "xyz", 1);
    base_put_n(&text, NULL, 0);
    sprintf(expected + strlen(expected), "ab%d,;x", i);
    assert_int_equal(text.n, strlen(expected));
    assert_string_equal(text.at, expected);
  }
  base_putf(&text, "%*s", 9000, "");
  assert_int_equal(text.n, strlen(expected) + 9000);
  assert_int_equal(strlen(text.at), text.n);
  base_arena_close(arena);
}

static void copies_are_their_own(void **state) {
  base_arena *arena = base_arena_open(*state);
  char source[] = "tensor";
  char *copy = base_copy(arena, source), *part = base_copy_n(arena, source, 3);
  char *made = base_format(arena, "%s[%d]", source, 7);
  source[0] = 'T';
  assert_string_equal(copy, "tensor");
  assert_string_equal(part, "ten");
  assert_string_equal(made, "tensor[7]");
  assert_string_equal(base_copy_n(arena, NULL, 0), "");
  base_arena_close(arena);
}

static void assert_prints(base_arena *arena, double value, const char *expected) {
  base_text text = base_text_open(arena);
  base_put_number(&text, value);
  assert_string_equal(text.at, expected);
}

static void numbers_are_shortest(void **state) {
  base_arena *arena = base_arena_open(*state);
  assert_prints(arena, 0, "0");
  assert_prints(arena, -0.0, "-0");
  assert_prints(arena, 1, "1");
  assert_prints(arena, -100, "-100");
  assert_prints(arena, 0.1, "0.1");
  assert_prints(arena, 1.0 / 3, "0.3333333333333333");
  assert_prints(arena, 0.1 + 0.2, "0.30000000000000004");
  assert_prints(arena, 12345.678, "12345.678");
  assert_prints(arena, 0.0001, "0.0001");
  assert_prints(arena, 1e-5, "1e-05");
  assert_prints(arena, -1.5e-7, "-1.5e-07");
  assert_prints(arena, 1e15, "1000000000000000");
  assert_prints(arena, 1e16, "1e+16");
  assert_prints(arena, 1e100, "1e+100");
  assert_prints(arena, 9007199254740991, "9007199254740991");
  assert_prints(arena, DBL_MAX, "1.7976931348623157e+308");
  assert_prints(arena, DBL_MIN, "2.2250738585072014e-308");
  assert_prints(arena, 5e-324, "5e-324");
  assert_prints(arena, INFINITY, "inf");
  assert_prints(arena, -INFINITY, "-inf");
  assert_prints(arena, NAN, "nan");
  assert_prints(arena, -NAN, "nan");
  base_arena_close(arena);
}

static void floats_are_shortest(void **state) {
  base_arena *arena = base_arena_open(*state);
  const struct { float value; const char *text; } rows[] = {
    {0.1f, "0.1"},        {1.0f / 3, "0.33333334"},  {16777216, "16777216"},
    {1e-45f, "1e-45"},    {FLT_MAX, "3.4028235e+38"}, {-2.5f, "-2.5"},
    {INFINITY, "inf"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    base_text text = base_text_open(arena);
    base_put_float(&text, rows[i].value);
    assert_string_equal(text.at, rows[i].text);
  }
  base_arena_close(arena);
}

/* Any bits, read back, are the same bits; and no shorter form would be. */
static void random_numbers_read_back(void **state) {
  base_ctx *ctx = *state;
  uint64_t random = 7;
  for (int i = 0; i < 20000; i++) {
    base_arena *arena = base_arena_open(ctx);
    base_text text = base_text_open(arena);
    uint64_t bits = next_random(&random);
    double value;
    float single;
    if (i % 4 == 0) bits &= ~(UINT64_C(0x7FF) << 52);  /* subnormal */
    memcpy(&value, &bits, 8);
    memcpy(&single, &bits, 4);
    base_put_number(&text, value);
    if (isnan(value)) assert_string_equal(text.at, "nan");
    else assert_true(strtod(text.at, NULL) == value);
    char shorter[64] = "";
    for (int digits = 1; digits <= 17 && !isnan(value); digits++) {
      snprintf(shorter, sizeof shorter, "%.*g", digits, value);
      if (strtod(shorter, NULL) == value) break;
    }
    if (strchr(shorter, 'e') && strchr(text.at, 'e')) assert_string_equal(text.at, shorter);
    text = base_text_open(arena);
    base_put_float(&text, single);
    if (!isnan(single)) assert_true(strtof(text.at, NULL) == single);
    base_arena_close(arena);
  }
}

static void numbers_ignore_the_locale(void **state) {
  if (!setlocale(LC_NUMERIC, "de_DE.UTF-8")) skip();
  base_arena *arena = base_arena_open(*state);
  assert_prints(arena, 0.25, "0.25");
  assert_prints(arena, 1.5e-9, "1.5e-09");
  setlocale(LC_NUMERIC, "C");
  base_arena_close(arena);
}

static void edit_distance_counts_edits(void **state) {
  (void)state;
  assert_int_equal(base_edit_distance("", ""), 0);
  assert_int_equal(base_edit_distance("", "abc"), 3);
  assert_int_equal(base_edit_distance("relu", "relu"), 0);
  assert_int_equal(base_edit_distance("relu", "rleu"), 1);
  assert_int_equal(base_edit_distance("sotfmax", "softmax"), 1);
  assert_int_equal(base_edit_distance("kitten", "sitting"), 3);
  assert_int_equal(base_edit_distance("ca", "abc"), 3);
  char longer[200];
  memset(longer, 'a', 199);
  longer[199] = 0;
  assert_int_equal(base_edit_distance(longer, longer), 0);
  assert_int_equal(base_edit_distance(longer, "a"), 199);
}

static void edit_distance_is_a_distance(void **state) {
  (void)state;
  uint64_t random = 3;
  for (int round = 0; round < 3000; round++) {
    char words[2][12];
    for (int w = 0; w < 2; w++) {
      int n = (int)(next_random(&random) % 11);
      for (int i = 0; i < n; i++) words[w][i] = (char)('a' + next_random(&random) % 3);
      words[w][n] = 0;
    }
    int d = base_edit_distance(words[0], words[1]);
    int na = (int)strlen(words[0]), nb = (int)strlen(words[1]);
    assert_int_equal(d, base_edit_distance(words[1], words[0]));
    assert_true(d >= abs(na - nb) && d <= (na > nb ? na : nb));
    assert_int_equal(d == 0, strcmp(words[0], words[1]) == 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    WITH_CTX(text_grows_and_stays_terminated), WITH_CTX(copies_are_their_own),
    WITH_CTX(numbers_are_shortest),            WITH_CTX(floats_are_shortest),
    WITH_CTX(random_numbers_read_back),        WITH_CTX(numbers_ignore_the_locale),
    cmocka_unit_test(edit_distance_counts_edits), cmocka_unit_test(edit_distance_is_a_distance),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
