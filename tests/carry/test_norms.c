/* Softmax cross-entropy and layer norm, forward and backward: groups, memory, plans, values. */
#include "carry/carry.h"

#include <math.h>

enum { B = 6, N = 7 };

static void replanned_never(carry *c) {
  run_stats before = run_statistics(c->session);
  again(c);
  run_stats after = run_statistics(c->session);
  assert_int_equal(after.plans_made, before.plans_made);
  assert_int_equal(after.bindings_made, before.bindings_made);
  assert_int_equal(after.kernels - before.kernels, kernels(c));
}

static void softmax_cross_entropy(void **state) {
  carry *c = *state;
  load(c,
       "X : f64[6, 7]\nT : i64[6]\nL[b,i.] = logsoftmax(X[b,i])\nLoss avg= -L[b,T[b]]\n"
       "GX[b,i] = grad(Loss, X[b,i])");
  run(c, "Loss GX");
  SHAPE(c, "GX", B, N);
  assert_int_equal(count(c, "Loss"), 1);
  assert_int_equal(kernels(c), 1);
  assert_true(equations_of(c, 0) >= 4); /* maximum, sum, loss, gradient */
  assert_true(peak(c) <= 2 * 64);       /* nothing as large as X but the result */
  const double *x = values(c, "X"), *t = values(c, "T");
  double loss = 0, gx[B * N];
  for (int b = 0; b < B; b++) {
    double z = 0;
    for (int i = 0; i < N; i++) z += exp(x[b * N + i]);
    for (int i = 0; i < N; i++) gx[b * N + i] = (exp(x[b * N + i]) / z - (i == (int)t[b])) / B;
    loss -= (x[b * N + (int)t[b]] - log(z)) / B;
  }
  close_to("Loss", 1, values(c, "Loss"), &loss, 1e-13);
  close_to("GX", B * N, values(c, "GX"), gx, 1e-13);
  replanned_never(c);
}

static void layer_norm(void **state) {
  carry *c = *state;
  load(c,
       "X : f64[6, 7]\nG : f64[7]\nC : f64[7]\nU : f64[6, 7]\nH[b,i.] = lnorm(X[b,i])\n"
       "Y[b,i] = G[i] H[b,i] + C[i]\nLoss = U[b,i] Y[b,i]\n"
       "GX[b,i] = grad(Loss, X[b,i])\nGG[i] = grad(Loss, G[i])\nGC[i] = grad(Loss, C[i])");
  run(c, "Y");
  assert_int_equal(kernels(c), 1);
  assert_int_equal(kernels_of(c, KERNEL_ROW), 1);
  assert_int_equal(peak(c), 0);
  const double *x = values(c, "X"), *g = values(c, "G"), *d = values(c, "C");
  double y[B * N], h[B * N], r[B];
  for (int b = 0; b < B; b++) {
    double mean = 0, variance = 0;
    for (int i = 0; i < N; i++) mean += x[b * N + i] / N;
    for (int i = 0; i < N; i++) variance += (x[b * N + i] - mean) * (x[b * N + i] - mean) / N;
    r[b] = 1 / sqrt(variance + 1e-5);
    for (int i = 0; i < N; i++) h[b * N + i] = (x[b * N + i] - mean) * r[b];
    for (int i = 0; i < N; i++) y[b * N + i] = g[i] * h[b * N + i] + d[i];
  }
  close_to("Y", B * N, values(c, "Y"), y, 1e-13);
  run(c, "GX GG GC");
  assert_true(kernels(c) <= 2);
  SHAPE(c, "GX", B, N);
  SHAPE(c, "GG", N);
  assert_true(peak(c) <= 4 * B * N * 8 + 4 * 64);
  const double *u = values(c, "U");
  g = values(c, "G");
  double gx[B * N], gg[N] = {0}, gc[N] = {0};
  for (int b = 0; b < B; b++) {
    double s = 0, q = 0;
    for (int i = 0; i < N; i++) {
      gg[i] += u[b * N + i] * h[b * N + i];
      gc[i] += u[b * N + i];
      s += u[b * N + i] * g[i] / N;
      q += u[b * N + i] * g[i] * h[b * N + i] / N;
    }
    for (int i = 0; i < N; i++) gx[b * N + i] = r[b] * (u[b * N + i] * g[i] - s - h[b * N + i] * q);
  }
  close_to("GX", B * N, values(c, "GX"), gx, 1e-12);
  close_to("GG", N, values(c, "GG"), gg, 1e-12);
  close_to("GC", N, values(c, "GC"), gc, 1e-12);
  replanned_never(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      ON_BOTH(softmax_cross_entropy),
      ON_BOTH(layer_norm),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
