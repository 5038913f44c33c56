/* What becomes how many kernels, and the values of each beside a plain computation in C. */
#include "carry/carry.h"

#include <math.h>

static double relu(double x) { return x > 0 ? x : 0; }
static double gelu(double x) { return x / 2 * (1 + erf(x / sqrt(2))); }

static double product(const double *x, const double *w, int row, int column, int inner,
                      int columns) {
  double sum = 0;
  for (int k = 0; k < inner; k++) sum += x[row * inner + k] * w[k * columns + column];
  return sum;
}

/* A second call plans nothing, binds nothing, asks the system for no memory. */
static void planned_once(carry *c) {
  again(c);
  run_stats before = run_statistics(c->session);
  device_pool_stats memory = device_stats(run_device(c->session));
  again(c);
  run_stats after = run_statistics(c->session);
  assert_int_equal(after.plans_made, before.plans_made);
  assert_int_equal(after.bindings_made, before.bindings_made);
  assert_int_equal(device_stats(run_device(c->session)).system_allocations,
                   memory.system_allocations);
}

static void residual_layer(void **state) {
  enum { M = 17, K = 9, N = 20 };
  carry *c = *state;
  load(c,
       "X : f32[17, 9]\nW : f32[9, 20]\nB : f32[20]\nR : f32[17, 20]\nY : f32[17, 20]\n"
       "Y[m,n] = relu(X[m,k] W[k,n] + B[n] + R[m,n])");
  run(c, "Y");
  assert_int_equal(kernels(c), 1);
  assert_int_equal(kernels_of(c, KERNEL_CONTRACT), 1);
  assert_int_equal(peak(c), 0);
  const double *x = values(c, "X"), *w = values(c, "W"), *b = values(c, "B"), *r = values(c, "R");
  double y[M * N];
  for (int e = 0; e < M * N; e++) y[e] = relu(product(x, w, e / N, e % N, K, N) + b[e % N] + r[e]);
  close_to("Y", M * N, values(c, "Y"), y, 1e-6);
  planned_once(c);
}

static void row_softmax(void **state) {
  enum { M = 5, N = 33 };
  carry *c = *state;
  load(c, "X : f32[5, 33]\nY : f32[5, 33]\nY[m,n.] = softmax(X[m,n])");
  run(c, "Y");
  assert_int_equal(kernels(c), 1);
  assert_int_equal(kernels_of(c, KERNEL_ROW), 1);
  assert_int_equal(peak(c), 0);
  const double *x = values(c, "X");
  double y[M * N];
  for (int m = 0; m < M; m++) {
    double z = 0;
    for (int n = 0; n < N; n++) z += exp(x[m * N + n]);
    for (int n = 0; n < N; n++) y[m * N + n] = exp(x[m * N + n]) / z;
  }
  close_to("Y", M * N, values(c, "Y"), y, 1e-6);
  planned_once(c);
}

static void gelu_block(void **state) {
  enum { M = 6, D = 7, H = 11 };
  carry *c = *state;
  load(c,
       "X : f32[6, 7]\nV : f32[7, 11]\nA : f32[11]\nW : f32[11, 7]\nB : f32[7]\nY : f32[6, 7]\n"
       "Y[m,d] = X[m,d] + W[h,d] gelu(X[m,e] V[e,h] + A[h]) + B[d]");
  run(c, "Y");
  assert_int_equal(kernels(c), 2);
  assert_int_equal(kernels_of(c, KERNEL_CONTRACT), 2);
  assert_true(peak(c) <= M * H * 4 + 64);
  const double *x = values(c, "X"), *v = values(c, "V"), *w = values(c, "W");
  const double *a = values(c, "A"), *b = values(c, "B");
  double h[M * H], y[M * D];
  for (int e = 0; e < M * H; e++) h[e] = gelu(product(x, v, e / H, e % H, D, H) + a[e % H]);
  for (int e = 0; e < M * D; e++) y[e] = x[e] + product(h, w, e / D, e % D, H, D) + b[e % D];
  close_to("Y", M * D, values(c, "Y"), y, 1e-6);
  planned_once(c);
}

#define GELU_BACKWARD                                                                          \
  "X : f64[6, 7]\nV : f64[7, 11]\nA : f64[11]\nW : f64[11, 7]\nB : f64[7]\nU : f64[6, 7]\n"    \
  "Y[m,d] = X[m,d] + W[h,d] gelu(X[m,e] V[e,h] + A[h]) + B[d]\nLoss = U[m,d] Y[m,d]\n"         \
  "GX[m,d] = grad(Loss, X[m,d])\nGV[e,h] = grad(Loss, V[e,h])\nGW[h,d] = grad(Loss, W[h,d])\n" \
  "GA[h] = grad(Loss, A[h])\nGB[d] = grad(Loss, B[d])"

static void gelu_block_backward(void **state) {
  carry *c = *state;
  load(c, GELU_BACKWARD);
  run(c, "Loss GX GV GW GA GB");
  assert_true(kernels_of(c, KERNEL_CONTRACT) <= 7);
  assert_true(kernels(c) <= 9);
  is_derivative(c, "Loss", "X", "GX");
  is_derivative(c, "Loss", "V", "GV");
  is_derivative(c, "Loss", "W", "GW");
  is_derivative(c, "Loss", "A", "GA");
  is_derivative(c, "Loss", "B", "GB");
  planned_once(c);
}

/* However it is written, it is one attention. */
static void attention_in_other_words(void **state) {
  static const char *const spelling[] = {
      "S[p,q.] = softmax(Q[p,k] K[q,k] / 2)\nO[p,v] = S[p,q] V[q,v]",
      "S[p,q.] = softmax(where(q <= p, Q[p,k] K[q,k], -inf))\nO[p,v] = S[p,q] V[q,v]",
      "A[p,q] = Q[p,k] K[q,k]\nM[p] max= A[p,q]\nE[p,q] = exp(A[p,q] - M[p])\nZ[p] = E[p,q]\n"
      "O[p,v] = E[p,q] V[q,v] / Z[p]",
      "A[p,q] = Q[p,k] K[q,k]\nM[p] max= A[p,q]\nE[p,q] = exp(A[p,q] - M[p])\nZ[p] = E[p,q]\n"
      "S[p,q] = E[p,q] / Z[p]\nO[p,v] = S[p,q] V[q,v]",
      "A[p,q] = Q[p,k] K[q,k] + Bias[p,q]\nS[p,q.] = softmax(A[p,q])\nO[p,v] = V[q,v] S[p,q]",
      "A[p,q] = Q[p,k] K[q,k]\nS[p,q.] = softmax(15 tanh(A[p,q] / 15))\nO[p,v] = V[q,v] S[p,q]",
  };
  carry *c = *state;
  for (size_t i = 0; i < sizeof spelling / sizeof *spelling; i++) {
    load(c,
         base_format(c->arena, "Q : f64[6, 4]\nK : f64[9, 4]\nV : f64[9, 5]\nBias : f64[6, 9]\n%s",
                     spelling[i]));
    run(c, "O");
    if (kernels(c) > 3) fail_msg("%d kernels: %s", kernels(c), spelling[i]);
    if (kernels_of(c, KERNEL_ATTEND) != 1) fail_msg("no attention: %s", spelling[i]);
    planned_once(c);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      ON_BOTH(residual_layer),
      ON_BOTH(row_softmax),
      ON_BOTH(gelu_block),
      ON_BOTH(gelu_block_backward),
      ON_BOTH(attention_in_other_words),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
