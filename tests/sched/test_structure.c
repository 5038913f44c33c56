/* What becomes one kernel: the programs the scheduler must group. */
#include <string.h>

#include "sched/fixture.h"

static void linear_residual_relu(void **state) {
  fixture *f = *state;
  plan_text(f, "X : f32[6, 7]\nW : f32[7, 5]\nB : f32[5]\nR : f32[6, 5]\n"
               "Y[m,n] = relu(X[m,k] W[k,n] + B[n] + R[m,n])", "Y");
  assert_int_equal(kernels(f), 1);
  assert_int_equal(kernels_of(f, KERNEL_CONTRACT), 1);
  assert_int_equal(stored(f), 1);
  const kernel_segment *s = &first_of(f, KERNEL_CONTRACT)->segment[0];
  assert_int_equal(s->nm, 1);
  assert_int_equal(s->nn, 1);
  assert_int_equal(s->nk, 1);
  assert_string_equal(s->m[0]->name, "m");
  assert_string_equal(s->n[0]->name, "n");
  assert_int_equal(s->eq[s->main].level, KERNEL_TILE);
  check_values(f, 1e-5);
}

static void two_products(void **state) {
  fixture *f = *state;
  plan_text(f,
            "A : f32[6, 7]\nB : f32[7, 5]\nC : f32[6, 7]\nD : f32[7, 5]\nE : f32[5]\n"
            "Y[m,n] = tanh(sum[k](A[m,k] B[k,n] + D[k,n] C[m,k]) + E[n])",
            "Y");
  assert_int_equal(kernels(f), 1);
  const kernel_segment *s = &first_of(f, KERNEL_CONTRACT)->segment[0];
  assert_int_equal(s->nproduct, 2);
  for (int i = 0; i < 2; i++) assert_true(ir_mentions(s->product[i].a, s->m[0]));
  check_values(f, 1e-5);
}

static void softmax(void **state) {
  fixture *f = *state;
  plan_text(f, "X : f32[6, 7]\nY[b,i.] = softmax(X[b,i])", "Y");
  assert_int_equal(kernels(f), 1);
  assert_int_equal(kernels_of(f, KERNEL_ROW), 1);
  assert_int_equal(stored(f), 1);
  check_values(f, 1e-5);
}

#define NORM                                        \
  "X : f32[6, 7]\nG : f32[7]\nB : f32[7]\nU : f32[6, 7]\n" \
  "N[b,i.] = lnorm(X[b,i])\nY[b,i] = N[b,i] G[i] + B[i]\nLoss = Y[b,i] U[b,i]\n"

static void layer_norm(void **state) {
  fixture *f = *state;
  plan_text(f, NORM, "Y");
  assert_int_equal(kernels(f), 1);
  assert_int_equal(kernels_of(f, KERNEL_ROW), 1);
  check_values(f, 1e-5);
}

static void layer_norm_backward(void **state) {
  fixture *f = *state;
  plan_text(f, NORM, "grad Loss X G B");
  assert_true(kernels(f) <= 2);
  check_values(f, 1e-4);
}

#define ENTROPY                                   \
  "X : f32[6, 7]\nT : i64[6]\nP[b,i.] = logsoftmax(X[b,i])\nLoss avg= -P[b,T[b]]\n"

static void cross_entropy(void **state) {
  fixture *f = *state;
  plan_text(f, ENTROPY, "Loss");
  assert_int_equal(kernels(f), 1);
  check_values(f, 1e-5);
}

static void cross_entropy_backward(void **state) {
  fixture *f = *state;
  plan_text(f, ENTROPY, "grad Loss X");
  assert_int_equal(kernels(f), 1);
  check_values(f, 1e-4);
}

static void cross_entropy_both_ways(void **state) {
  fixture *f = *state;
  plan_text(f, ENTROPY, "Loss grad Loss X");
  assert_int_equal(kernels(f), 1);
  check_values(f, 1e-4);
}

static void gelu_block(void **state) {
  fixture *f = *state;
  plan_text(f, "X : f32[6, 7]\nW1 : f32[7, 9]\nB1 : f32[9]\nW2 : f32[9, 7]\nB2 : f32[7]\n"
               "Y[b,d] = X[b,d] + W2[h,d] gelu(X[b,e] W1[e,h] + B1[h]) + B2[d]", "Y");
  assert_int_equal(kernels(f), 2);
  assert_int_equal(kernels_of(f, KERNEL_CONTRACT), 2);
  check_values(f, 1e-5);
}

/* Sums of everything: their points are the frame, so that workers can share them; one launch for
 * all. */
static void norm_of_many(void **state) {
  fixture *f = *state;
  plan_text(f,
            "A : f32[90, 80]\nB : f32[70]\nC : f32[3, 40, 50]\nD : f32[9]\n"
            "N = sqrt(A[i,j]^2 + B[m]^2 + C[p,q,r]^2)\nY[m] = D[m] / N\n",
            "Y");
  assert_int_equal(kernels(f), 2);
  const kernel *row = first_of(f, KERNEL_ROW);
  assert_int_equal(row->nsegment, 3);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(row->segment[i].nline, 0);
    assert_true(row->segment[i].eq[0].partial);
  }
  check_values(f, 1e-4);
}

static void costs(void **state) {
  fixture *f = *state;
  plan_text(f, "X : f32[6, 7]\nW : f32[7, 5]\nB : f32[5]\nY[m,n] = relu(X[m,k] W[k,n] + B[n])",
            "Y");
  int64_t symbols[1] = {0};
  const kernel *k = first_of(f, KERNEL_CONTRACT);
  assert_true(kernel_flop(k, symbols) == 2 * 6 * 7 * 5 + 2 * 6 * 5);
  assert_true(kernel_bytes(k, symbols) == 4 * (6 * 7 + 7 * 5 + 5 + 6 * 5));
  base_text text = base_text_open(f->arena);
  kernel_print(&text, k);
  assert_non_null(
      strstr(text.at, "0 contract  m m  n n  k k\n    Y'[m,n] = X[m,k] W[k,n]   # tile\n"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_FIXTURE(linear_residual_relu),
      WITH_FIXTURE(two_products),
      WITH_FIXTURE(softmax),
      WITH_FIXTURE(layer_norm),
      WITH_FIXTURE(layer_norm_backward),
      WITH_FIXTURE(cross_entropy),
      WITH_FIXTURE(cross_entropy_backward),
      WITH_FIXTURE(cross_entropy_both_ways),
      WITH_FIXTURE(gelu_block),
      WITH_FIXTURE(norm_of_many),
      WITH_FIXTURE(costs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
