/* What simplify drops, merges and shortens. */
#include <string.h>

#include "lab.h"

/* T as an output after it: the text, and the same values. */
static void check(lab *l, ir_tensor *t, const char *want) {
  ir_output(l->p, t);
  compute(l);
  int n = (int)elements(l, t);
  double *before = base_alloc(l->arena, sizeof(double) * (size_t)(n + 1));
  for (int k = 0; k < n; k++) before[k] = at(l, t, k);
  pass_simplify(l->p);
  ir_verify(l->p, "simplify");
  assert_string_equal(text_of(l, t), want);
  compute(l);
  assert_values(l, t, n, before);
}

static void the_dead_are_dropped(void **state) {
  lab *l = *state;
  given(l, "X : f64[3]");
  eq(l, "A[i] = X[i] * 2.0");
  eq(l, "B[i] = A[i] * 2.0");
  ir_tensor *Y = eq(l, "Y[i] = A[i] + 1.0");
  check(l, Y, "Y[i] = A[i] + 1.0");
  assert_int_equal(tensor(l, "B")->eqs.n, 0);
  assert_int_equal(tensor(l, "A")->eqs.n, 1);
}

static void what_is_committed_is_alive(void **state) {
  lab *l = *state;
  given(l, "X : f64[3]");
  ir_tensor *S = ir_tensor_new(l->p, "S", IR_F64, 1, tensor(l, "X")->size, IR_STATE);
  ir_tensor *N = eq(l, "N[i] = S[i] + X[i]");
  ir_commit_to(l->p, S, N);
  pass_simplify(l->p);
  assert_string_equal(text_of(l, N), "N[i] = X[i] + S[i]");
}

static void equal_equations_are_merged(void **state) {
  lab *l = *state;
  given(l, "X : f64[3, 4]");
  eq(l, "M[a] max= X[a,j]");
  eq(l, "N[b] max= X[b,k]");
  eq(l, "E[b,c] = exp(X[b,c] - N[b])");
  eq(l, "D[i,j] = exp(X[i,j] - M[i])");
  ir_tensor *Y = eq(l, "Y[i] += E[i,j] * D[i,j]");
  check(l, Y, "Y[i] = E[i,j]^2");
  assert_int_equal(tensor(l, "N")->eqs.n + tensor(l, "M")->eqs.n, 1);
}

static void of_equal_outputs_one_is_a_copy(void **state) {
  lab *l = *state;
  given(l, "X : f64[3]");
  ir_tensor *A = eq(l, "A[i] = exp(X[i])"), *B = eq(l, "B[j] = exp(X[j])");
  ir_output(l->p, B);
  check(l, A, "A[i] = exp(X[i])");
  assert_string_equal(text_of(l, B), "B[i] = A[i]");
}

static void a_turned_product_is_read_the_other_way(void **state) {
  lab *l = *state;
  given(l, "W : f64[2, 3]");
  given(l, "G : f64[4, 3]");
  eq(l, "A[h,m] += W[h,d] * G[m,d]");
  eq(l, "B[m,h] += W[h,d] * G[m,d]");
  eq(l, "C[m,d] += W[h,d] * G[m,d]");
  ir_tensor *Y = eq(l, "Y[m,h] = A[h,m] * sin(B[m,h]) + C[m,h]; h < 2");
  check(l, Y, "Y[m,h] = C[m,h] + A[h,m] sin(A[h,m])");
  assert_int_equal(tensor(l, "B")->eqs.n, 0);
}

static void of_turned_outputs_one_is_a_copy(void **state) {
  lab *l = *state;
  given(l, "X : f64[3, 3, 3]");
  ir_tensor *A = eq(l, "A[i,j,k] += X[i,j,l] * X[l,k,i]");
  ir_tensor *B = eq(l, "B[k,i,j] += X[i,j,l] * X[l,k,i]");
  ir_output(l->p, B);
  check(l, A, "A[i,j,k] = X[i,j,l] X[l,k,i]");
  assert_string_equal(text_of(l, B), "B[i,j,k] = A[j,k,i]");
}

static void an_output_is_no_copy(void **state) {
  lab *l = *state;
  given(l, "X : f64[6, 2]");
  given(l, "N : i64[6]");
  declared(l, "G : f64[6, 2]");
  eq(l, "G[N[p],d] += X[p,d]");
  ir_tensor *S = eq(l, "S[d] += G[i,d]"), *Y = eq(l, "Y[i,d] = G[i,d]");
  ir_output(l->p, S);
  check(l, Y, "Y[N[p],d] += X[p,d]");
  assert_string_equal(text_of(l, S), "S[d] = Y[i,d]");
  assert_int_equal(tensor(l, "G")->eqs.n, 0);
}

static void copies_are_read_through(void **state) {
  lab *l = *state;
  given(l, "X : f64[3, 5]");
  eq(l, "T[j,i] = X[i,j]");
  eq(l, "S[i] = T[i+1,2]; i < 4");
  ir_tensor *Y = eq(l, "Y[i] = S[i] + T[0,1]");
  check(l, Y, "Y[i] = X[1,0] + X[2,i+1]");
}

static void constants_are_read_through(void **state) {
  lab *l = *state;
  given(l, "X : f64[3]");
  declared(l, "Z : f64[3]");
  declared(l, "H : f16[3]");
  eq(l, "Z[i] = 0.0");
  eq(l, "H[i] = 0.1");
  ir_tensor *Y = eq(l, "Y[i] = X[i] * f64(H[i]) + Z[i]");
  check(l, Y, "Y[i] = 0.0999755859375 X[i]");
}

static void a_sum_over_nothing_of_it_is_a_product(void **state) {
  lab *l = *state;
  size(l, "J", 4);
  given(l, "X : f64[3]");
  given(l, "W : f64[J]");
  ir_tensor *Y = eq(l, "Y[i] += X[i] + 0.0 * j; j < J");
  ir_eq *e = Y->eqs.at[0];
  e->body = eq(l, "Z[i] = X[i]")->eqs.at[0]->body; /* now without j */
  const ir_expr *by = ir_use(l->p, e->free[0]);
  e->body = ir_substitute(l->p, e->body, 1, tensor(l, "Z")->eqs.at[0]->free, &by);
  check(l, Y, "Y[i] = X[i] J");
}

static void an_index_of_size_one_is_zero(void **state) {
  lab *l = *state;
  given(l, "X : f64[3, 1]");
  ir_tensor *Y = eq(l, "Y[i] max= X[i,j]");
  check(l, Y, "Y[i] = X[i,0]");
}

static void a_one_hot_sum_is_a_read(void **state) {
  lab *l = *state;
  size(l, "C", 3);
  given(l, "V : f64[4, C]");
  given(l, "T : i64[4]");
  ir_tensor *Y = eq(l, "Y[b] += where(T[b] == c, V[b,c], 0.0)");
  check(l, Y, "Y[b] = where(T[b] < C and 0 <= T[b], V[b,T[b]], 0.0)");
}

static void a_one_hot_factor_too(void **state) {
  lab *l = *state;
  given(l, "V : f64[4, 3]");
  given(l, "T : i64[4]");
  given(l, "W : f64[3]");
  ir_tensor *Y = eq(l, "Y[b] += W[c] * V[b,c] * where(c == T[b] and 0.0 < W[c], 1.0, 0.0) / 2.5");
  check(l, Y,
        "Y[b] = where(T[b] < 3 and 0 <= T[b], where(0.0 < W[T[b]], V[b,T[b]] W[T[b]] / 2.5, 0.0), "
        "0.0)");
}

static void a_one_hot_tensor_is_looked_into(void **state) {
  lab *l = *state;
  given(l, "V : f64[4, 3]");
  given(l, "T : i64[4]");
  eq(l, "H[b,c] = where(T[b] == c, V[b,0], 0.0); c < 3");
  ir_tensor *Y = eq(l, "Y[b] += H[b,c] * V[b,c]");
  check(l, Y, "Y[b] = where(T[b] < 3 and 0 <= T[b], V[b,T[b]] V[b,0], 0.0)");
}

static void a_body_that_is_stored_is_read(void **state) {
  lab *l = *state;
  given(l, "X : f64[3, 4]");
  given(l, "C : f64[4]");
  ir_tensor *T = eq(l, "T[i,j] = max(X[i,j] + C[j], 0.0)");
  ir_output(l->p, T);
  ir_tensor *Y = eq(l, "Y[a] += max(X[b,a] + C[a], 0.0)");
  check(l, Y, "Y[a] = T[b,a]");
}

static void a_shifted_diagonal(void **state) {
  lab *l = *state;
  size(l, "N", 4);
  given(l, "V : f64[N, N]");
  ir_tensor *Y = eq(l, "Y[i] max= where(i == j + 1, V[i,j], -inf)");
  check(l, Y, "Y[i] = where(0 <= i - 1, V[i,i-1], -inf)");
}

static void what_is_never_read_is_cut_off(void **state) {
  lab *l = *state;
  size(l, "L", 3);
  given(l, "X : f64[L]");
  declared(l, "S : f64[L+1]");
  eq(l, "S[0] = 1.0");
  eq(l, "A[l] = sin(S[l])");
  eq(l, "B[l] = A[l] * 2.0");
  eq(l, "S[l+1] = X[l] * B[l]");
  ir_tensor *Y = eq(l, "Y = S[L]");
  check(l, Y, "Y = S[L]");
  assert_string_equal(text_of(l, tensor(l, "B")), "B[l] = 2.0 A[l]");
  assert_ptr_equal(tensor(l, "A")->size[0], tensor(l, "X")->size[0]);
  assert_ptr_equal(tensor(l, "A")->eqs.at[0]->free[0]->extent, tensor(l, "X")->size[0]);
}

/* A position read from a tensor without elements folds to 0, which is outside. */
static void what_has_no_elements_is_dropped(void **state) {
  lab *l = *state;
  given(l, "X : f64[3]");
  declared(l, "Y : f64[0]");
  ir_tensor *Y = eq(l, "Y[0] += X[i]");
  ir_output(l->p, Y);
  pass_simplify(l->p);
  ir_verify(l->p, "simplify");
  assert_int_equal(Y->eqs.n, 0);
}

static void recurrences_stay(void **state) {
  lab *l = *state;
  given(l, "X : f64[3]");
  declared(l, "S : f64[4]");
  eq(l, "S[0] = 1.0");
  eq(l, "S[i+1] = S[i] * X[i]; i < 3");
  ir_tensor *Y = eq(l, "Y = S[3]");
  check(l, Y, "Y = S[3]");
  assert_int_equal(tensor(l, "S")->eqs.n, 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_LAB(the_dead_are_dropped),
      WITH_LAB(what_is_committed_is_alive),
      WITH_LAB(equal_equations_are_merged),
      WITH_LAB(of_equal_outputs_one_is_a_copy),
      WITH_LAB(a_turned_product_is_read_the_other_way),
      WITH_LAB(of_turned_outputs_one_is_a_copy),
      WITH_LAB(an_output_is_no_copy),
      WITH_LAB(copies_are_read_through),
      WITH_LAB(constants_are_read_through),
      WITH_LAB(a_sum_over_nothing_of_it_is_a_product),
      WITH_LAB(an_index_of_size_one_is_zero),
      WITH_LAB(a_one_hot_sum_is_a_read),
      WITH_LAB(a_one_hot_factor_too),
      WITH_LAB(a_shifted_diagonal),
      WITH_LAB(a_one_hot_tensor_is_looked_into),
      WITH_LAB(a_body_that_is_stored_is_read),
      WITH_LAB(what_is_never_read_is_cut_off),
      WITH_LAB(what_has_no_elements_is_dropped),
      WITH_LAB(recurrences_stay),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
