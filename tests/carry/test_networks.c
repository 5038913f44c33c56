/* Attention with a mask, a strided convolution with batch norm, products with a shared factor: with
 * their backward. */
#include "carry/carry.h"

#include <math.h>

static void replanned_never(carry *c) {
  run_stats before = run_statistics(c->session);
  again(c);
  run_stats after = run_statistics(c->session);
  assert_int_equal(after.plans_made, before.plans_made);
  assert_int_equal(after.bindings_made, before.bindings_made);
  assert_int_equal(after.kernels - before.kernels, kernels(c));
}

/* ---- attention ------------------------------------------------------------------------------- */

enum { B = 2, H = 2, P = 5, K = 4 };

#define ATTENTION                                                                        \
  "Q : f64[2, 2, 5, 4]\nK : f64[2, 2, 5, 4]\nV : f64[2, 2, 5, 4]\nU : f64[2, 2, 5, 4]\n" \
  "C[b,h,p,q.] = softmax(where(q <= p, Q[b,h,p,k] K[b,h,q,k] / 2, -inf))\n"              \
  "O[b,h,p,k] = C[b,h,p,q] V[b,h,q,k]\nLoss = O[b,h,p,k] U[b,h,p,k]\n"                   \
  "GQ[b,h,p,k] = grad(Loss, Q[b,h,p,k])\nGK[b,h,p,k] = grad(Loss, K[b,h,p,k])\n"         \
  "GV[b,h,p,k] = grad(Loss, V[b,h,p,k])\n"

static void attend_plainly(const double *q, const double *k, const double *v, double *o) {
  for (int bh = 0; bh < B * H; bh++)
    for (int p = 0; p < P; p++) {
      double weight[P], z = 0, *to = o + (bh * P + p) * K;
      for (int r = 0; r <= p; r++) {
        double s = 0;
        for (int d = 0; d < K; d++) s += q[(bh * P + p) * K + d] * k[(bh * P + r) * K + d];
        z += weight[r] = exp(s / 2);
      }
      for (int d = 0; d < K; d++) {
        to[d] = 0;
        for (int r = 0; r <= p; r++) to[d] += weight[r] / z * v[(bh * P + r) * K + d];
      }
    }
}

static void masked_attention(void **state) {
  carry *c = *state;
  load(c, ATTENTION);
  run(c, "O");
  SHAPE(c, "O", B, H, P, K);
  assert_true(kernels(c) <= 3);
  if (kernels_of(c, KERNEL_ATTEND) == 1) assert_int_equal(kernels(c), 1);
  assert_true(peak(c) <= 2 * (B * H * P * P * 8 + 64));
  double o[B * H * P * K];
  attend_plainly(values(c, "Q"), values(c, "K"), values(c, "V"), o);
  close_to("O", B * H * P * K, values(c, "O"), o, 1e-13);
  replanned_never(c);
}

static void masked_attention_backward(void **state) {
  carry *c = *state;
  load(c, ATTENTION);
  run(c, "Loss GQ GK GV");
  SHAPE(c, "GK", B, H, P, K);
  assert_true(kernels(c) <= 8);
  assert_true(peak(c) <= 4 * (B * H * P * P * 8 + 64) + 2 * (B * H * P * K * 8 + 64));
  is_derivative(c, "Loss", "Q", "GQ");
  is_derivative(c, "Loss", "K", "GK");
  is_derivative(c, "Loss", "V", "GV");
  replanned_never(c);
}

/* ---- convolution ----------------------------------------------------------------------------- */

enum { N = 2, X = 9, Y = 4, I = 3, O = 4, W = 3 };

#define CONVOLUTION                                                                         \
  "A : f64[2, 9, 9, 3]\nF : f64[3, 3, 3, 4]\nG : f64[4]\nC : f64[4]\nU : f64[2, 4, 4, 4]\n" \
  "T[b,x,y,o] = F[dx,dy,i,o] A[b,2*x+dx,2*y+dy,i]\nM[o] avg= T[b,x,y,o]\n"                  \
  "D[b,x,y,o] = T[b,x,y,o] - M[o]\nV[o] avg= D[b,x,y,o]^2\n"                                \
  "R[b,x,y,o] = relu(G[o] D[b,x,y,o] rsqrt(V[o] + 0.00001) + C[o])\nLoss = U[b,x,y,o] "     \
  "R[b,x,y,o]\n"                                                                            \
  "GA[b,x,y,i] = grad(Loss, A[b,x,y,i])\nGF[x,y,i,o] = grad(Loss, F[x,y,i,o])\n"            \
  "GG[o] = grad(Loss, G[o])\nGC[o] = grad(Loss, C[o])\n"

static void convolve_plainly(const double *a, const double *f, double *t) {
  for (int n = 0; n < N * Y * Y * O; n++) {
    int o = n % O, y = n / O % Y, x = n / O / Y % Y, b = n / O / Y / Y;
    t[n] = 0;
    for (int k = 0; k < W * W * I; k++) {
      int i = k % I, dy = k / I % W, dx = k / I / W;
      t[n] += f[k * O + o] * a[((b * X + 2 * x + dx) * X + 2 * y + dy) * I + i];
    }
  }
}

static void normalise_plainly(double *t, const double *g, const double *c) {
  const int n = N * Y * Y;
  for (int o = 0; o < O; o++) {
    double mean = 0, variance = 0;
    for (int k = 0; k < n; k++) mean += t[k * O + o] / n;
    for (int k = 0; k < n; k++) variance += pow(t[k * O + o] - mean, 2) / n;
    for (int k = 0; k < n; k++)
      t[k * O + o] = fmax(g[o] * (t[k * O + o] - mean) / sqrt(variance + 1e-5) + c[o], 0);
  }
}

static void convolution_with_batch_norm(void **state) {
  carry *c = *state;
  load(c, CONVOLUTION);
  run(c, "R");
  SHAPE(c, "R", N, Y, Y, O);
  assert_true(kernels_of(c, KERNEL_CONTRACT) == 1);
  assert_true(kernels(c) <= 4);                       /* product, mean, variance, rest */
  assert_true(peak(c) <= N * Y * Y * O * 8 + 4 * 64); /* T and two rows */
  double t[N * Y * Y * O];
  convolve_plainly(values(c, "A"), values(c, "F"), t);
  normalise_plainly(t, values(c, "G"), values(c, "C"));
  close_to("R", N * Y * Y * O, values(c, "R"), t, 1e-12);
  replanned_never(c);
}

static void convolution_backward(void **state) {
  carry *c = *state;
  load(c, CONVOLUTION);
  run(c, "Loss GA GF GG GC");
  SHAPE(c, "GA", N, X, X, I);
  SHAPE(c, "GF", W, W, I, O);
  assert_true(kernels(c) <= 9);
  const int wide = X + W - 1; /* the gradient of T, spread by the stride and padded */
  assert_true(peak(c) <= 2 * N * Y * Y * O * 8 + N * wide * wide * O * 8 + 8 * 64);
  is_derivative(c, "Loss", "A", "GA");
  is_derivative(c, "Loss", "F", "GF");
  is_derivative(c, "Loss", "G", "GG");
  is_derivative(c, "Loss", "C", "GC");
  replanned_never(c);
}

/* ---- a shared factor ------------------------------------------------------------------------- */

static void queries_keys_values(void **state) {
  carry *c = *state;
  load(c,
       "X : f64[6, 5]\nWQ : f64[4, 5]\nWK : f64[4, 5]\nWV : f64[4, 5]\nUQ : f64[6, 4]\nUK : f64[6, "
       "4]\nUV : f64[6, 4]\n"
       "Q[p,k] = WQ[k,d] X[p,d]\nK[p,k] = WK[k,d] X[p,d]\nV[p,k] = WV[k,d] X[p,d]\n"
       "Loss = Q[p,k] UQ[p,k] + K[p,k] UK[p,k] + V[p,k] UV[p,k]\nGX[p,d] = grad(Loss, X[p,d])\n"
       "GWQ[k,d] = grad(Loss, WQ[k,d])");
  run(c, "Q K V");
  assert_true(kernels(c) <= 3);
  assert_int_equal(kernels_of(c, KERNEL_CONTRACT), kernels(c));
  assert_int_equal(peak(c), 0);
  const double *x = values(c, "X");
  for (int which = 0; which < 3; which++) {
    const double *w = values(c, (const char *[]){"WQ", "WK", "WV"}[which]);
    double want[24] = {0};
    for (int e = 0; e < 24; e++)
      for (int d = 0; d < 5; d++) want[e] += w[e % 4 * 5 + d] * x[e / 4 * 5 + d];
    close_to("product", 24, values(c, (const char *[]){"Q", "K", "V"}[which]), want, 1e-14);
  }
  replanned_never(c);
  run(c, "GX"); /* three products into one sum */
  assert_int_equal(kernels(c), 1);
  assert_int_equal(kernels_of(c, KERNEL_CONTRACT), 1);
  assert_int_equal(peak(c), 0);
  run(c, "Loss GX GWQ");
  is_derivative(c, "Loss", "X", "GX");
  is_derivative(c, "Loss", "WQ", "GWQ");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      ON_BOTH(masked_attention),
      ON_BOTH(masked_attention_backward),
      ON_BOTH(convolution_with_batch_norm),
      ON_BOTH(convolution_backward),
      ON_BOTH(queries_keys_values),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
