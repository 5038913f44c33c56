/* How contract pairs the factors of a product. */
#include <string.h>

#include "lab.h"

/* T as an output after it: its text, and the same values. */
static void check(lab *l, ir_tensor *t, const char *want) {
  ir_output(l->p, t);
  compute(l);
  int n = (int)elements(l, t);
  double *before = base_alloc(l->arena, sizeof(double) * (size_t)(n + 1));
  for (int k = 0; k < n; k++) before[k] = at(l, t, k);
  pass_contract(l->p);
  ir_verify(l->p, "contract");
  assert_string_equal(text_of(l, t), want);
  compute(l);
  assert_values(l, t, n, before);
}

static void a_chain(void **state) {
  lab *l = *state;
  given(l, "A : f64[20, 2]");
  given(l, "B : f64[2, 30]");
  given(l, "C : f64[30, 3]");
  ir_tensor *Y = eq(l, "Y[i,l] += A[i,j] * B[j,k] * C[k,l]");
  check(l, Y, "Y[i,l] = A[i,j] Y'[j,l]");
  assert_string_equal(text_of(l, tensor(l, "Y'")), "Y'[j,l] = B[j,k] C[k,l]");
}

static void the_other_way_round(void **state) {
  lab *l = *state;
  given(l, "A : f64[2, 20]");
  given(l, "B : f64[20, 3]");
  given(l, "C : f64[3, 30]");
  ir_tensor *Y = eq(l, "Y[i,l] += A[i,j] * B[j,k] * C[k,l]");
  check(l, Y, "Y[i,l] = C[k,l] Y'[i,k]");
}

static void tucker(void **state) {
  lab *l = *state;
  given(l, "C : f64[2, 3, 4]");
  given(l, "M : f64[5, 2]");
  given(l, "N : f64[6, 3]");
  given(l, "O : f64[7, 4]");
  ir_tensor *Y = eq(l, "Y[i,j,k] += C[p,q,r] * M[i,p] * N[j,q] * O[k,r]");
  ir_output(l->p, Y);
  check(l, Y, "Y[i,j,k] = M[i,p] Y''[p,k,j]");
  int n = 0;
  pass_contraction c;
  for (int t = 0; t < l->p->tensors.n; t++)
    for (int i = 0; i < l->p->tensors.at[t]->eqs.n; i++)
      n += pass_contraction_of(l->p, l->p->tensors.at[t]->eqs.at[i], &c);
  assert_int_equal(n, 3);
}

static void twelve_factors_are_paired_greedily(void **state) {
  lab *l = *state;
  for (int i = 0; i < 12; i++) given(l, base_format(l->arena, "A%d : f64[2, 2]", i));
  ir_tensor *Y = eq(l,
                    "Y[a,m] += A0[a,b] * A1[b,c] * A2[c,d] * A3[d,e] * A4[e,f] * A5[f,g] * A6[g,h] "
                    "* A7[h,i] * A8[i,j] * "
                    "A9[j,k] * A10[k,l] * A11[l,m]");
  ir_output(l->p, Y);
  compute(l);
  double before = total(l, Y);
  pass_contract(l->p);
  ir_verify(l->p, "contract");
  compute(l);
  assert_true(before - total(l, Y) < 1e-9 && total(l, Y) - before < 1e-9);
  assert_int_equal(Y->eqs.at[0]->nred, 1);
}

static void a_factor_that_is_more_than_a_read(void **state) {
  lab *l = *state;
  given(l, "X : f64[3, 4]");
  given(l, "W : f64[4, 5]");
  ir_tensor *Y = eq(l, "Y[b,o] += exp(X[b,i]) * W[i,o]");
  check(l, Y, "Y[b,o] = W[i,o] Y'[b,i]");
  assert_string_equal(text_of(l, tensor(l, "Y'")), "Y'[b,i] = exp(X[b,i])");
}

static void a_diagonal_goes_into_its_neighbour(void **state) {
  lab *l = *state;
  given(l, "A : f64[3, 4]");
  given(l, "G : f64[4]");
  given(l, "B : f64[4, 50]");
  ir_tensor *Y = eq(l, "Y[m,n] += A[m,k] * G[k] * B[k,n]");
  check(l, Y, "Y[m,n] = B[k,n] Y'[m,k]");
  assert_string_equal(text_of(l, tensor(l, "Y'")), "Y'[m,k] = A[m,k] G[k]");
}

static void what_one_factor_has_alone_is_summed_first(void **state) {
  lab *l = *state;
  given(l, "A : f64[3, 4]");
  given(l, "B : f64[4, 5, 6]");
  ir_tensor *Y = eq(l, "Y[m,n] += A[m,k] * B[k,n,j]");
  check(l, Y, "Y[m,n] = A[m,k] Y'[k,n]");
}

static void a_padded_image_is_no_column(void **state) {
  lab *l = *state;
  given(l, "X : f64[6]");
  given(l, "W : f64[3, 2]");
  ir_tensor *Y =
      eq(l, "Y[x,o] += where(0 <= x + d - 1 and x + d - 1 < 6, X[x + d - 1], 0.0) * W[d,o]; x < 6");
  check(l, Y, "Y[x,o] = W[d,o] Y'[x+d]");
  assert_int_equal(tensor(l, "Y'")->rank, 1);
}

static void a_guarded_product_guards_the_factor_that_needs_it(void **state) {
  lab *l = *state;
  given(l, "H : f64[6]");
  given(l, "W : f64[3, 2]");
  ir_tensor *Y = eq(l, "Y[u,o] += where(0 <= u - d and u - d < 6, H[u - d] * W[d,o], 0.0); u < 8");
  check(l, Y, "Y[u,o] = W[d,o] Y'[u+2-d]");
}

static void dot_products_stay(void **state) {
  lab *l = *state;
  given(l, "A : f64[3, 4]");
  given(l, "B : f64[3, 4]");
  given(l, "G : f64[4]");
  ir_tensor *Y = eq(l, "Y[m] += A[m,k] * B[m,k] * G[k]");
  check(l, Y, "Y[m] = G[k] (A[m,k] B[m,k])");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_LAB(a_chain), WITH_LAB(the_other_way_round), WITH_LAB(tucker),
      WITH_LAB(twelve_factors_are_paired_greedily), WITH_LAB(a_factor_that_is_more_than_a_read),
      WITH_LAB(a_diagonal_goes_into_its_neighbour),
      WITH_LAB(what_one_factor_has_alone_is_summed_first), WITH_LAB(a_padded_image_is_no_column),
      WITH_LAB(a_guarded_product_guards_the_factor_that_needs_it), WITH_LAB(dot_products_stay),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
