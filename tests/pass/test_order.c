/* Where equations end up: in lines, in loops up and down, in loops inside loops. */
#include <string.h>

#include "lab.h"

/* The order as text, without the declarations. */
static void assert_order(lab *l, const char *want) {
  compute(l);
  pass_order(l->p);
  ir_verify(l->p, "order");
  const char *line = text_of_all(l);
  while (strstr(line, " : ")) line = strchr(line, '\n') + 1;
  assert_string_equal(line, want);
}

static void equations_come_after_what_they_read(void **state) {
  lab *l = *state;
  size(l, "N", 3);
  given(l, "X : f64[N]");
  declared(l, "Z : f64[N]");
  eq(l, "Y[i] = Z[i] + 1.0");
  eq(l, "Z[i] = X[i] * 2.0");
  assert_order(l,
               "Z[i] = 2.0 X[i]\n"
               "Y[i] = Z[i] + 1.0\n");
}

static void a_recurrence_is_a_loop(void **state) {
  lab *l = *state;
  size(l, "L", 3);
  size(l, "D", 2);
  given(l, "X : f64[D]");
  ir_tensor *W = given(l, "W : f64[L, D]");
  fill(l, tensor(l, "X"), 2, (double[]){1, 2});
  fill(l, W, 6, (double[]){1, 2, 3, 4, 5, 6});
  declared(l, "S : f64[L+1, D]");
  eq(l, "S[l+1,d] = S[l,d] * W[l,d]; l < L");
  eq(l, "S[0,d] = X[d]");
  ir_tensor *Y = eq(l, "Y[d] = S[L,d] + W[0,d]");
  assert_order(l,
               "S[0,d] = X[d]\n"
               "# l from 0 to L\n"
               "  S[l+1,d] = W[l,d] S[l,d]\n"
               "Y[d] = W[0,d] + S[L,d]\n");
  VALUES(l, Y, 16, 98);
}

static void downwards(void **state) {
  lab *l = *state;
  given(l, "X : f64[4]");
  fill(l, tensor(l, "X"), 4, (double[]){1, 2, 3, 4});
  declared(l, "S : f64[5]");
  eq(l, "S[l] = S[l+1] + X[l]; l < 4");
  eq(l, "S[4] = 5.0");
  assert_order(l,
               "S[4] = 5.0\n"
               "# l from 0 to 4, downwards\n"
               "  S[l] = X[l] + S[l+1]\n");
  VALUES(l, tensor(l, "S"), 15, 14, 12, 9, 5);
}

static void several_equations_share_a_loop(void **state) {
  lab *l = *state;
  given(l, "X : f64[3]");
  fill(l, tensor(l, "X"), 3, (double[]){1, 2, 3});
  declared(l, "H : f64[4]");
  declared(l, "C : f64[4]");
  declared(l, "A : f64[3]");
  eq(l, "H[t+1] = A[t] + C[t+1]; t < 3");
  eq(l, "C[t+1] = C[t] + A[t]; t < 3");
  eq(l, "A[t] = H[t] * X[t]");
  eq(l, "H[0] = 1.0");
  eq(l, "C[0] = 0.0");
  assert_order(l,
               "C[0] = 0.0\n"
               "H[0] = 1.0\n"
               "# t from 0 to 3\n"
               "  A[t] = X[t] H[t]\n"
               "  C[t+1] = C[t] + A[t]\n"
               "  H[t+1] = C[t+1] + A[t]\n");
  VALUES(l, tensor(l, "H"), 1, 2, 9, 59);
}

/* A reads ahead of where the others are: it runs one iteration later. */
static void equations_are_delayed(void **state) {
  lab *l = *state;
  given(l, "X : f64[5]");
  fill(l, tensor(l, "X"), 5, (double[]){1, 2, 3, 4, 5});
  declared(l, "S : f64[6]");
  declared(l, "A : f64[4]");
  eq(l, "S[t+2] = S[t+1] + where(1 <= t, A[t-1], 0.0); t < 4");
  eq(l, "A[t] = S[t+1] * X[t]; t < 4");
  eq(l, "S[0] = 1.0");
  eq(l, "S[1] = 1.0");
  compute(l);
  VALUES(l, tensor(l, "S"), 1, 1, 1, 2, 4, 10);
  pass_order(l->p);
  ir_verify(l->p, "order");
}

static void ranges_that_differ_stand_at_the_step(void **state) {
  lab *l = *state;
  size(l, "T", 4);
  given(l, "X : f64[T+1]");
  fill(l, tensor(l, "X"), 5, (double[]){1, 2, 3, 4, 5});
  declared(l, "S : f64[T+1]");
  declared(l, "A : f64[T]");
  eq(l, "S[t] = X[t] + where(1 <= t, A[t-1], 0.0)");
  eq(l, "A[t] = 2.0 * S[t]");
  assert_order(l,
               "# t from 0 to T + 1\n"
               "  S[t] = X[t] + where(1 <= t, A[t-1], 0.0)\n"
               "  A[t] = 2.0 S[t]   # while 0 <= counter < T\n");
  VALUES(l, tensor(l, "S"), 1, 4, 11, 26, 57);
}

static void a_loop_inside_a_loop(void **state) {
  lab *l = *state;
  size(l, "N", 3);
  given(l, "X : f64[N, N]");
  fill(l, tensor(l, "X"), 9, (double[]){1, 0, 0, 0, 1, 0, 0, 0, 1});
  declared(l, "C : f64[N+1, N+1]");
  eq(l, "C[i+1,j+1] = max(max(C[i,j+1], C[i+1,j]), C[i,j] + X[i,j]); i < N, j < N");
  eq(l, "C[0,j] = 0.0");
  eq(l, "C[i+1,0] = 0.0; i < N");
  assert_order(l,
               "C[0,j] = 0.0\n"
               "C[i+1,0] = 0.0\n"
               "# i from 0 to N\n"
               "  # j from 0 to N\n"
               "    C[i+1,j+1] = max(max(C[i,j+1], C[i+1,j]), X[i,j] + C[i,j])\n");
  VALUES(l, tensor(l, "C"), 0, 0, 0, 0, 0, 1, 1, 1, 0, 1, 2, 2, 0, 1, 2, 3);
}

static void steps_longer_than_one(void **state) {
  lab *l = *state;
  declared(l, "F : f64[8]");
  eq(l, "F[n+2] = F[n] + F[n+1]; n < 6");
  eq(l, "F[0] = 0.0");
  eq(l, "F[1] = 1.0");
  assert_order(l,
               "F[0] = 0.0\n"
               "F[1] = 1.0\n"
               "# n from 0 to 6\n"
               "  F[n+2] = F[n+1] + F[n]\n");
  VALUES(l, tensor(l, "F"), 0, 1, 1, 2, 3, 5, 8, 13);
}

static void a_step_of_unknown_length(void **state) {
  lab *l = *state;
  l->symbol[ir_symbol_new(l->p, "K", false, 1)->id] = 2;
  given(l, "X : f64[4]");
  fill(l, tensor(l, "X"), 4, (double[]){1, 2, 3, 4});
  declared(l, "S : f64[4+K]");
  eq(l, "S[i+K] = S[i] + X[i]; i < 4");
  eq(l, "S[i] = 1.0; i < K");
  assert_order(l,
               "S[i] = 1.0\n"
               "# i from 0 to 4\n"
               "  S[K+i] = X[i] + S[i]\n");
  VALUES(l, tensor(l, "S"), 1, 1, 2, 3, 5, 7);
}

/* Windows are told apart: there is no cycle in one step. */
static void one_step_needs_no_loop(void **state) {
  lab *l = *state;
  given(l, "X : f64[2]");
  declared(l, "S : f64[2, 2]");
  eq(l, "T[t,i] = S[t,i] * 2.0; t < 1");
  eq(l, "S[t+1,i] = T[t,i] + X[i]; t < 1");
  eq(l, "S[0,i] = X[i]");
  eq(l, "E[i] = T[0,i] + 1.0; i < 0");
  assert_order(l, "S[0,i] = X[i]\n"
                  "T[t,i] = 2.0 S[t,i]\n"
                  "S[t+1,i] = X[i] + T[t,i]\n"
                  "E[i] = T[0,i] + 1.0\n");
}

static void what_depends_on_itself_is_refused(void **state) {
  lab *l = *state;
  const char *message;
  given(l, "X : f64[3]");
  declared(l, "A : f64[3]");
  declared(l, "B : f64[3]");
  eq(l, "A[i] = B[i] + X[i]");
  eq(l, "B[i] = A[i] * 0.5");
  MESSAGE_OF(l, message, pass_order(l->p));
  assert_string_equal(
      message,
      "A -> B -> A: the equations need each other, and no position leads from one element "
      "to the next");
}

static void a_step_in_both_directions_is_refused(void **state) {
  lab *l = *state;
  const char *message;
  declared(l, "A : f64[6]");
  eq(l, "A[i+1] = A[i] + A[i+2]; i < 4");
  MESSAGE_OF(l, message, pass_order(l->p));
  assert_non_null(strstr(message, "A -> A: "));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_LAB(equations_come_after_what_they_read),
      WITH_LAB(a_recurrence_is_a_loop),
      WITH_LAB(downwards),
      WITH_LAB(several_equations_share_a_loop),
      WITH_LAB(equations_are_delayed),
      WITH_LAB(ranges_that_differ_stand_at_the_step),
      WITH_LAB(a_loop_inside_a_loop),
      WITH_LAB(steps_longer_than_one),
      WITH_LAB(a_step_of_unknown_length),
      WITH_LAB(one_step_needs_no_loop),
      WITH_LAB(what_depends_on_itself_is_refused),
      WITH_LAB(a_step_in_both_directions_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
