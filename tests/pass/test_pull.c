/* What pull takes out of sums. */
#include <string.h>

#include "lab.h"

/* T as an output after it: its text, and the same values. */
static void check(lab *l, ir_tensor *t, const char *want) {
  ir_output(l->p, t);
  compute(l);
  int n = (int)elements(l, t);
  double *before = base_alloc(l->arena, sizeof(double) * (size_t)(n + 1));
  for (int k = 0; k < n; k++) before[k] = at(l, t, k);
  pass_pull(l->p);
  ir_verify(l->p, "pull");
  assert_string_equal(text_of(l, t), want);
  compute(l);
  assert_values(l, t, n, before);
}

static void product(lab *l) {
  given(l, "A : f64[3, 4]");
  given(l, "B : f64[4, 5]");
  given(l, "C : f64[5]");
  given(l, "R : f64[3]");
}

static void factors_leave_the_sum(void **state) {
  lab *l = *state;
  product(l);
  ir_tensor *Y = eq(l, "Y[m,n] += A[m,k] * B[k,n] * C[n] / 3.0");
  check(l, Y, "Y[m,n] = C[n] Y'[m,n] / 3.0");
  assert_string_equal(text_of(l, tensor(l, "Y'")), "Y'[m,n] = A[m,k] B[k,n]");
}

static void divisors_and_signs_leave_it(void **state) {
  lab *l = *state;
  product(l);
  ir_tensor *Y = eq(l, "Y[m,n] += -(A[m,k] / R[m]) * B[k,n]");
  check(l, Y, "Y[m,n] = -(Y'[m,n] / R[m])");
}

static void guards_leave_it(void **state) {
  lab *l = *state;
  product(l);
  ir_tensor *Y = eq(l, "Y[m,n] += where(n < m, A[m,k] * B[k,n], 0.0)");
  check(l, Y, "Y[m,n] = where(n < m, Y'[m,n], 0.0)");
}

static void terms_become_sums(void **state) {
  lab *l = *state;
  product(l);
  ir_tensor *Y = eq(l, "Y[m,n] += A[m,k] * B[k,n] + exp(B[k,n])");
  check(l, Y, "Y[m,n] = Y'[m,n] + Y''[m,n]");
  assert_string_equal(text_of(l, tensor(l, "Y'")), "Y'[m,n] = A[m,k] B[k,n]");
}

static void a_term_without_the_index_is_counted(void **state) {
  lab *l = *state;
  product(l);
  ir_tensor *Y = eq(l, "Y[m,n] += A[m,k] * B[k,n] + C[n]");
  check(l, Y, "Y[m,n] = Y'[m,n] + 4.0 C[n]");
}

static void two_products_share_an_accumulator(void **state) {
  lab *l = *state;
  product(l);
  given(l, "D : f64[3, 4]");
  given(l, "F : f64[4, 5]");
  ir_tensor *Y = eq(l, "Y[m,n] += A[m,k] * B[k,n] + D[m,k] * F[k,n]");
  check(l, Y, "Y[m,n] = sum[k](A[m,k] B[k,n] + D[m,k] F[k,n])");
}

static void other_sums_stay(void **state) {
  lab *l = *state;
  product(l);
  ir_tensor *Y = eq(l, "Y[m] += (A[m,k] - R[m])^2 / 3.0");
  check(l, Y, "Y[m] = sum[k]((A[m,k] - R[m])^2 / 3.0)");
}

static void a_difference_is_not_multiplied_out(void **state) {
  lab *l = *state;
  product(l);
  ir_tensor *Y = eq(l, "Y[m,n] += (A[m,k] - R[m]) * B[k,n]");
  check(l, Y, "Y[m,n] = B[k,n] (A[m,k] - R[m])");
}

static void a_sum_is_rounded_once(void **state) {
  lab *l = *state;
  product(l);
  declared(l, "Y : f32[3, 5]");
  ir_tensor *Y = eq(l, "Y[m,n] += A[m,k] * B[k,n]");
  pass_pull(l->p);
  ir_verify(l->p, "pull");
  assert_string_equal(text_of(l, Y), "Y[m,n] = f32(Y'[m,n])");
  assert_int_equal(tensor(l, "Y'")->type, IR_F64);
}

static void stop_is_gone(void **state) {
  lab *l = *state;
  product(l);
  ir_tensor *Y = eq(l, "Y[m] max= stop(A[m,k])");
  check(l, Y, "Y[m] max= A[m,k]");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_LAB(factors_leave_the_sum), WITH_LAB(divisors_and_signs_leave_it),
      WITH_LAB(guards_leave_it), WITH_LAB(terms_become_sums),
      WITH_LAB(a_term_without_the_index_is_counted), WITH_LAB(two_products_share_an_accumulator),
      WITH_LAB(other_sums_stay), WITH_LAB(a_difference_is_not_multiplied_out),
      WITH_LAB(a_sum_is_rounded_once), WITH_LAB(stop_is_gone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
