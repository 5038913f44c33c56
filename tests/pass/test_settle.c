/* Cycles that no position leads through, by rounds; recurrences are left as they are. */
#include <string.h>

#include "lab.h"

static ir_settle *settle(lab *l, const char *name, double start, double tolerance, bool told) {
  ir_settle *s = tensor(l, name)->settle = BASE_NEW(l->p->arena, ir_settle);
  *s = (ir_settle){.start = start, .tolerance = tolerance, .rounds = 60, .told = told};
  return s;
}

static void one_equation(void **state) {
  lab *l = *state;
  given(l, "A : f64[2, 2]");
  fill(l, tensor(l, "A"), 4, (double[]){0, 0.5, 0.25, 0});
  declared(l, "P : f64[2]");
  eq(l, "P[i] += A[i,j] * P[j] + 0.5");
  settle(l, "P", 0, 0, false);
  pass_settle(l->p);
  ir_verify(l->p, "settle");
  assert_string_equal(text_of(l, tensor(l, "P")), "P[i] = P'[60,i]");
  compute(l);
  VALUES(l, tensor(l, "P"), 12 / 7.0, 10 / 7.0);
}

/* What is carried is what was told; the other follows. */
static void two_equations(void **state) {
  lab *l = *state;
  declared(l, "Y : f64[3]");
  declared(l, "Z : f64[3]");
  eq(l, "Y[i] = Z[i] * 0.5 + 1.0");
  eq(l, "Z[i] = Y[i] * 0.5");
  settle(l, "Y", 0, 0, false);
  settle(l, "Z", 0.5, 0, true);
  pass_settle(l->p);
  ir_verify(l->p, "settle");
  assert_string_equal(text_of(l, tensor(l, "Y")), "Y[i] = 0.5 Z[i] + 1.0");
  assert_string_equal(text_of(l, tensor(l, "Z")), "Z[i] = Z'[60,i]");
  compute(l);
  VALUES(l, tensor(l, "Z"), 2 / 3.0, 2 / 3.0, 2 / 3.0);
  VALUES(l, tensor(l, "Y"), 4 / 3.0, 4 / 3.0, 4 / 3.0);
}

/* Where no single tensor cuts all cycles, several are carried, together. */
static void two_carried(void **state) {
  lab *l = *state;
  declared(l, "Y : f64");
  declared(l, "Z : f64");
  eq(l, "Y = Y * 0.5 + Z * 0.25 + 1.0");
  eq(l, "Z = Z * 0.5 + Y * 0.25");
  settle(l, "Y", 0, 1e-10, false)->rounds = 200;
  settle(l, "Z", 0, 1e-10, false)->rounds = 200;
  pass_settle(l->p);
  ir_verify(l->p, "settle");
  compute(l);
  VALUES(l, tensor(l, "Y"), 8 / 3.0);
  VALUES(l, tensor(l, "Z"), 4 / 3.0);
}

/* A recurrence stays one, inside a cycle too. */
static void recurrences(void **state) {
  lab *l = *state;
  declared(l, "S : f64[4]");
  eq(l, "S[t+1] = S[t] * 2.0; t < 3");
  eq(l, "S[0] = 1.0");
  settle(l, "S", 0, 0, false);
  const char *before = text_of_all(l);
  pass_settle(l->p);
  assert_string_equal(text_of_all(l), before);
  declared(l, "F : f64[4]");
  declared(l, "K : f64");
  eq(l, "F[t+1] = F[t] * 0.5 + K; t < 3");
  eq(l, "F[0] = 1.0");
  eq(l, "K += F[t] * 0.125");
  settle(l, "K", 0, 0, true);
  pass_settle(l->p);
  ir_verify(l->p, "settle");
  compute(l);
  /* K = (1 + (1/2 + K) + (1/4 + 3/2 K) + (1/8 + 7/4 K)) / 8 */
  VALUES(l, tensor(l, "K"), 1.875 / 8 / (1 - 4.25 / 8));
}

static void left_early(void **state) {
  lab *l = *state;
  declared(l, "Y : f64");
  eq(l, "Y = Y * 0.5 + 1.0");
  settle(l, "Y", 0, 0, false);
  ir_output(l->p, tensor(l, "Y"));
  pass_run(l->p, &(pass_options){.verify = true});
  assert_non_null(strstr(text_of_all(l), "# r from 0 to 60, until Moved[r + 1] is 0\n"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_LAB(one_equation), WITH_LAB(two_equations), WITH_LAB(two_carried),
      WITH_LAB(recurrences),  WITH_LAB(left_early),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
