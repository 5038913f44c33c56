/* Relations and tensors row by row; facts from outside. */
#include <math.h>
#include <stdio.h>

#include "fixture.h"

static const char family[] =
    "Parent(Alice, Bob), Parent(Bob, Carol), Parent(Bob, Dora)\n"
    "Ancestor(x,z) <- Parent(x,z)\n"
    "Ancestor(x,z) <- Ancestor(x,y), Parent(y,z)\n"
    "Age(Alice, 70), Age(Bob, 45)\n"
    "W[Alice, Bob] = 2.5\nW[Bob, Carol] = 1\n"
    "Thing : {A, B}\nE : f32[Thing, 2]\nE[A,1] = 3\nE[B,0] = 4\n"
    "N[x] = Parent(x, y)\n"
    "X = [1, 2; 3, 4]\n";

/* The rows as text: keys by blanks, elements behind `=`. */
static void expect(tl_program *p, const char *question, const char *want) {
  char got[1024] = "";
  tl_rows *r = tl_query(p, question);
  if (!r) fail_msg("%s: no rows", question);
  int64_t n = 0;
  for (; tl_next(r); n++) {
    size_t at = strlen(got);
    for (int k = 0; k < tl_columns(r); k++) {
      const char *symbol = tl_symbol(r, k);
      if (symbol)
        at += (size_t)snprintf(got + at, sizeof got - at, "%s ", symbol);
      else
        at += (size_t)snprintf(got + at, sizeof got - at, "%lld ", (long long)tl_number(r, k));
    }
    snprintf(got + at, sizeof got - at, "= %g; ", tl_element(r));
  }
  assert_int_equal(n, tl_row_count(r));
  if (strcmp(got, want) != 0) fail_msg("%s: %s\nnot %s", question, got, want);
  assert_int_equal(tl_next(r), 0);
  tl_rows_release(r);
}

static void test_questions(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  tl_program *p = tl_load(ctx, NULL, family, NULL);
  assert_non_null(p);
  expect(p, "Ancestor(Alice, x)", "Bob = 1; Carol = 1; Dora = 1; ");
  expect(p, "Ancestor(x, Dora)?", "Alice = 1; Bob = 1; ");
  expect(p, "Ancestor(Alice, Carol)", "= 1; ");
  expect(p, "Ancestor(Carol, Alice)", "");
  expect(p, "Ancestor(Zoe, x)", "");
  expect(p, "Parent", "Alice Bob = 1; Bob Carol = 1; Bob Dora = 1; ");
  expect(p, "Parent(x, _)", "Alice = 1; Bob = 1; ");
  expect(p, "Parent(x, x)", "");
  expect(p, "Age(x, n)", "Alice 70 = 1; Bob 45 = 1; ");
  expect(p, "Age(x, 45)", "Bob = 1; ");
  expect(p, "W[x,y]", "Alice Bob = 2.5; Bob Carol = 1; ");
  expect(p, "W[Alice,y]", "Bob = 2.5; ");
  expect(p, "W[Alice,Bob]", "= 2.5; ");
  expect(p, "W[Alice,Carol]", "");
  expect(p, "E[t,1]", "A = 3; B = 0; ");
  expect(p, "E[B,i]", "0 = 4; 1 = 0; ");
  expect(p, "X", "0 0 = 1; 0 1 = 2; 1 0 = 3; 1 1 = 4; ");
  expect(p, "X[i,i]", "0 = 1; 1 = 4; ");
  expect(p, "X[1,0]", "= 3; ");
  expect(p, "X[0,5]", "");
  tl_program_release(p);
  fixture_close(ctx, &c);
}

/* What is more than a pattern is checked as a query of the program. */
static void test_checked(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  tl_program *p = tl_load(ctx, NULL, family, NULL);
  expect(p, "Ancestor(Alice, x) and not Parent(Alice, x)", "Carol = 1; Dora = 1; ");
  expect(p, "X[i,0] + 1", "0 = 2; 1 = 4; ");
  expect(p, "X[0,0] > 0", "= 1; ");
  tl_rows *r = tl_query(p, "Ancestor(who, Dora)");
  assert_int_equal(tl_columns(r), 1);
  assert_string_equal(tl_column(r, 0), "who");
  tl_program_release(p);
  assert_int_equal(tl_next(r), 1); /* rows outlive their program */
  assert_string_equal(tl_symbol(r, 0), "Alice");
  tl_rows_release(r);
  fixture_close(ctx, &c);
}

static void test_set(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  tl_program *p = tl_load(ctx, NULL, family, NULL);
  expect(p, "N[x]", "Alice = 1; Bob = 2; ");
  const tl_cell cells[] = {{"Bob", 0}, {"Alice", 0}, {"Alice", 0}, {"Eve", 0}};
  assert_int_equal(tl_set_rows(p, "Parent", 2, 2, cells, NULL), TL_OK);
  expect(p, "Ancestor(Bob, x)", "Alice = 1; Eve = 1; ");
  expect(p, "Ancestor(Bob, x) and not Parent(Bob, x)", "Eve = 1; ");
  expect(p, "N[x]", "Alice = 1; Bob = 1; ");
  assert_int_equal(tl_set_rows(p, "W", 2, 2, cells, (double[]){0.5, 0.25}), TL_OK);
  expect(p, "W[x,y]", "Alice Eve = 0.25; Bob Alice = 0.5; ");
  assert_int_equal(tl_enter(p, NULL, "Old(x) <- Parent(x, y)"), TL_OK);
  expect(p, "Old(x)", "Alice = 1; Bob = 1; "); /* what was set stays */
  expect(p, "W[x,y]", "Alice Eve = 0.25; Bob Alice = 0.5; ");
  assert_int_equal(tl_set_rows(p, "Age", 2, 1, (tl_cell[]){{"Eve", 0}, {NULL, 9}}, NULL), TL_OK);
  expect(p, "Age(x, n)", "Eve 9 = 1; ");
  assert_int_equal(tl_set_rows(p, "Age", 2, 0, NULL, NULL), TL_OK);
  expect(p, "Age(x, n)", "");
  tl_program_release(p);
  fixture_close(ctx, &c);
}

static void test_refused(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  tl_program *p = tl_load(ctx, NULL, family, NULL);
  const tl_cell cells[] = {{"Bob", 0}, {"Alice", 0}};
  assert_null(tl_query(p, NULL));
  fixture_error(ctx, TL_ARGUMENT, "the question is NULL");
  assert_null(tl_query(p, "Ancestor(Alice"));
  assert_int_equal(tl_last(ctx), TL_REFUSED);
  tl_clear(ctx);
  assert_null(tl_query(p, "Cousin(Alice, x)"));
  fixture_error(ctx, TL_REFUSED, "Cousin");
  assert_null(tl_query(p, "Ancestor(Alice)"));
  assert_int_equal(tl_last(ctx), TL_REFUSED);
  tl_clear(ctx);
  assert_null(tl_query(p, "Y = 3"));
  assert_int_equal(tl_last(ctx), TL_REFUSED);
  tl_clear(ctx);
  assert_null(tl_get(p, "Parent"));
  fixture_error(ctx, TL_ARGUMENT, "`Parent` is a relation");
  assert_int_equal(tl_set_rows(p, "Parent", 1, 2, cells, NULL), TL_ARGUMENT);
  fixture_error(ctx, TL_ARGUMENT, "Parent has 2 positions; the rows given have 1");
  assert_int_equal(tl_set_rows(p, "Parent", 2, 1, cells, (double[]){1}), TL_ARGUMENT);
  fixture_error(ctx, TL_ARGUMENT, "Parent is a relation");
  assert_int_equal(tl_set_rows(p, "Nothing", 2, 1, cells, NULL), TL_ARGUMENT);
  fixture_error(ctx, TL_ARGUMENT, "no relation `Nothing`");
  tl_rows *r = tl_query(p, "Parent(x, y)");
  assert_null(tl_symbol(r, 0));
  fixture_error(ctx, TL_ARGUMENT, "tl_next goes to the first");
  assert_int_equal(tl_next(r), 1);
  assert_null(tl_symbol(r, 2));
  fixture_error(ctx, TL_ARGUMENT, "no key 2 in rows of 2");
  fixture_close(ctx, &c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_questions),
      cmocka_unit_test(test_checked),
      cmocka_unit_test(test_set),
      cmocka_unit_test(test_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
