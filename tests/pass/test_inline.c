/* What takes the place of reads. */
#include <string.h>

#include "lab.h"

/* T as an output after it: its text, and the same values. */
static void check(lab *l, ir_tensor *t, const char *want) {
  ir_output(l->p, t);
  compute(l);
  int n = (int)elements(l, t);
  double *before = base_alloc(l->arena, sizeof(double) * (size_t)(n + 1));
  for (int k = 0; k < n; k++) before[k] = at(l, t, k);
  pass_inline(l->p);
  ir_verify(l->p, "inline");
  assert_string_equal(text_of(l, t), want);
  compute(l);
  assert_values(l, t, n, before);
}

static void one_reader(void **state) {
  lab *l = *state;
  given(l, "Z : f64[3, 4]");
  given(l, "R : f64[3, 4]");
  eq(l, "H[b,h] = max(Z[b,h], 0.0)");
  ir_tensor *Y = eq(l, "Y[b,h] = H[b,h] + R[b,h]");
  check(l, Y, "Y[b,h] = R[b,h] + max(Z[b,h], 0.0)");
  assert_int_equal(tensor(l, "H")->eqs.n, 0);
}

static void a_transposed_reader(void **state) {
  lab *l = *state;
  given(l, "Z : f64[3, 4]");
  eq(l, "H[b,h] = exp(Z[b,h])");
  ir_tensor *Y = eq(l, "Y[j,i] += H[i,j] * 2.0");
  check(l, Y, "Y[j,i] = 2.0 exp(Z[i,j])");
}

static void nothing_expensive_twice(void **state) {
  lab *l = *state;
  given(l, "Z : f64[3]");
  given(l, "R : f64[3, 4]");
  eq(l, "H[b] = exp(Z[b])");
  ir_tensor *Y = eq(l, "Y[b,j] = H[b] * R[b,j]");
  check(l, Y, "Y[b,j] = R[b,j] H[b]");
}

static void a_small_part_of_it(void **state) {
  lab *l = *state;
  given(l, "X : f64[3, 40]");
  given(l, "M : f64[3]");
  eq(l, "P[b,c] = exp(X[b,c] - M[b])");
  ir_tensor *L = eq(l, "L[b] = P[b,7]; b < 3");
  ir_output(l->p, eq(l, "Q[b] += P[b,c]^2"));
  ir_output(l->p, eq(l, "S[c] += P[b,c]"));
  check(l, L, "L[b] = exp(X[b,7] - M[b])");
  assert_int_equal(tensor(l, "P")->eqs.n, 1);
}

static void scalars_everywhere(void **state) {
  lab *l = *state;
  given(l, "R : f64");
  given(l, "X : f64[3]");
  eq(l, "C = exp(R)");
  ir_output(l->p, eq(l, "Z[i] = C + X[i]"));
  ir_tensor *Y = eq(l, "Y[i] = C * X[i]");
  check(l, Y, "Y[i] = X[i] exp(R)");
  assert_int_equal(tensor(l, "C")->eqs.n, 0);
}

static void outputs_are_read(void **state) {
  lab *l = *state;
  given(l, "X : f64[3]");
  ir_output(l->p, eq(l, "H[i] = exp(X[i])"));
  ir_tensor *Y = eq(l, "Y[i] = H[i] + 1.0");
  check(l, Y, "Y[i] = H[i] + 1.0");
}

static void not_into_factors(void **state) {
  lab *l = *state;
  given(l, "X : f64[3, 4]");
  given(l, "W : f64[4, 5]");
  eq(l, "H[b,i] = exp(X[b,i])");
  ir_tensor *Y = eq(l, "Y[b,o] += H[b,i] * W[i,o]");
  check(l, Y, "Y[b,o] = W[i,o] H[b,i]");
}

static void through_the_one_window_it_reads(void **state) {
  lab *l = *state;
  given(l, "X : f64[3]");
  given(l, "Z : f64[4]");
  declared(l, "C : f64[7]");
  eq(l, "C[i] = exp(X[i]); i < 3");
  eq(l, "C[j+3] = sin(Z[j]); j < 4");
  ir_tensor *Y = eq(l, "Y[j] = C[j+3] + 1.0; j < 4");
  check(l, Y, "Y[j] = sin(Z[j]) + 1.0");
}

static void a_recurrence_stays(void **state) {
  lab *l = *state;
  given(l, "X : f64[20]");
  declared(l, "S : f64[21]");
  eq(l, "S[0] = 1.0");
  eq(l, "S[t+1] = S[t] * X[t]; t < 20");
  ir_tensor *Y = eq(l, "Y = S[20]");
  check(l, Y, "Y = S[20]");
}

static void the_mean_of_a_loss(void **state) {
  lab *l = *state;
  given(l, "X : f64[3]");
  eq(l, "T += X[i]^2");
  ir_tensor *Y = eq(l, "Y = T / 3.0");
  check(l, Y, "Y = sum[i](X[i]^2 / 3.0)");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_LAB(one_reader), WITH_LAB(a_transposed_reader), WITH_LAB(nothing_expensive_twice),
      WITH_LAB(a_small_part_of_it), WITH_LAB(scalars_everywhere), WITH_LAB(outputs_are_read),
      WITH_LAB(not_into_factors), WITH_LAB(through_the_one_window_it_reads),
      WITH_LAB(a_recurrence_stays), WITH_LAB(the_mean_of_a_loss),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
