/* narrow: what is read at one number is computed there only. */
#include "pass/lab.h"

#include <string.h>

static int64_t length(lab *l, const char *name, int k) {
  int64_t n = -1;
  ir_is_int(tensor(l, name)->size[k], &n);
  return n;
}

static void wanted(lab *l, const char *name) {
  ir_output(l->p, tensor(l, name));
  pass_narrow(l->p);
  ir_verify(l->p, "narrow");
}

static void test_row(void **state) {
  lab *l = *state;
  given(l, "X : f64[4, 3]");
  eq(l, "H[b,i] = 2.0 * X[b,i]");
  eq(l, "G[b,i] = H[b,i] + X[b,i]");
  eq(l, "Y[i] = G[2,i]");
  wanted(l, "Y");
  assert_int_equal(length(l, "H", 0), 1);
  assert_int_equal(length(l, "G", 0), 1);
  assert_int_equal(length(l, "H", 1), 3);
  assert_string_equal(text_of(l, tensor(l, "Y")), "Y[i] = G[0,i]");
  compute(l);
  for (int i = 0; i < 3; i++)
    assert_true(at(l, tensor(l, "Y"), i) == 3 * at(l, tensor(l, "X"), 6 + i));
}

static void test_two_rows(void **state) {
  lab *l = *state;
  given(l, "X : f64[4, 3]");
  eq(l, "H[b,i] = 2.0 * X[b,i]");
  eq(l, "Y[i] = H[2,i] + H[3,i]");
  wanted(l, "Y");
  assert_int_equal(length(l, "H", 0), 4);
}

/* One row of a recurrence in another position; the position along it stays whole. */
static void test_recurrence(void **state) {
  lab *l = *state;
  given(l, "X : f64[5, 3]");
  declared(l, "S : f64[4, 5, 3]");
  eq(l, "S[0,b,i] = X[b,i]");
  eq(l, "S[l+1,b,i] = 2.0 * S[l,b,i]; l < 3");
  eq(l, "Y[i] = S[3,1,i]");
  wanted(l, "Y");
  assert_int_equal(length(l, "S", 0), 4);
  assert_int_equal(length(l, "S", 1), 1);
  compute(l);
  for (int i = 0; i < 3; i++)
    assert_true(at(l, tensor(l, "Y"), i) == 8 * at(l, tensor(l, "X"), 3 + i));
}

static void test_other_windows_go(void **state) {
  lab *l = *state;
  given(l, "X : f64[4]");
  declared(l, "H : f64[6]");
  eq(l, "H[0] = 5.0");
  eq(l, "H[b+1] = X[b]");
  eq(l, "Y = H[3]");
  wanted(l, "Y");
  assert_int_equal(tensor(l, "H")->eqs.n, 1);
  compute(l);
  assert_true(at(l, tensor(l, "Y"), 0) == at(l, tensor(l, "X"), 2));
}

static void test_outside_is_zero(void **state) {
  lab *l = *state;
  given(l, "X : f64[4]");
  declared(l, "H : f64[6]");
  eq(l, "H[b] = X[b]; b < 4");
  eq(l, "Y = H[5] + 1.0");
  wanted(l, "Y");
  compute(l);
  assert_true(at(l, tensor(l, "Y"), 0) == 1);
}

static void test_data_positions_stay(void **state) {
  lab *l = *state;
  given(l, "X : f64[4]");
  given(l, "T : i64[4]");
  declared(l, "H : f64[6]");
  eq(l, "H[T[b]] += X[b]");
  eq(l, "Y = H[2]");
  wanted(l, "Y");
  assert_int_equal(length(l, "H", 0), 6);
}

int main(void) {
  const struct CMUnitTest tests[] = {WITH_LAB(test_row),
                                     WITH_LAB(test_two_rows),
                                     WITH_LAB(test_recurrence),
                                     WITH_LAB(test_other_windows_go),
                                     WITH_LAB(test_outside_is_zero),
                                     WITH_LAB(test_data_positions_stay)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
