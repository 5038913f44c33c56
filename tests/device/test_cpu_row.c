/* Rows and reductions on the CPU against ref. */
#include "cpu_lab.h"

static const char *const types[] = {"f32", "f16", "bf16", "f64"};

static void reductions(cpu_lab *lab) {
  static const char *const agg[] = {"+=", "max=", "min=", "prod=", "avg="};
  for (int round = 0; round < 8; round++)
    for (int k = 0; k < 5; k++) {
      int a = (int)cpu_lab_random(lab, 9), b = 1 + (int)cpu_lab_random(lab, 90),
          c = 1 + (int)cpu_lab_random(lab, 200);
      const char *t = types[cpu_lab_random(lab, 4)], *u = types[cpu_lab_random(lab, 4)],
                 *g = agg[k];
      if (k == 3) a %= 4, b = b % 4 + 1, c = c % 4 + 1;
      double e = 3e-6;
      if (k == 4 && a == 0) a = 1;
      cpu_lab_check(lab, e, "Y", "A : %s[%d,%d]\nY : %s[%d]\nY[i] %s A[i,j]", t, b, c, u, b, g);
      cpu_lab_check(lab, e, "Y", "A : %s[%d,%d]\nY : %s[%d]\nY[j] %s A[i,j]", t, b, c, u, c, g);
      cpu_lab_check(lab, e, "Y", "A : %s[%d,%d]\nY : %s\nY %s A[i,j] + 1", t, b, c, u, g);
      cpu_lab_check(lab, e, "Y", "A : %s[%d,%d,%d]\nY : %s[%d]\nY[j] %s A[i,j,k]", t, a, b, c, u, b,
                    g);
      cpu_lab_check(lab, e, "Y", "A : %s[%d,%d,%d]\nY : %s[%d,%d]\nY[i,k] %s A[i,j,k]", t, a, b, c,
                    u, a, c, g);
      cpu_lab_check(lab, e, "Y",
                    "A : %s[%d,%d,%d]\nB : f32[%d]\nY : %s[%d,%d]\nY[k,i] %s A[i,j,k] - B[j]", t, a,
                    b, c, b, u, c, a, g);
      cpu_lab_check(lab, e, "Y Z", "A : %s[%d,%d]\nY[i] %s A[i,j]\nZ[j] %s A[i,j]", t, b, c, g, g);
    }
  cpu_lab_check(lab, 2e-5, "Y Z", "A : f32[3000,40]\nY[j] += A[i,j]\nZ[j] max= A[i,j]");
  cpu_lab_check(lab, 2e-5, "Y", "A : f16[4,40,3000]\nY : f16[40]\nY[j] avg= A[i,j,k]");
  cpu_lab_check(lab, 2e-5, "Y", "A : f32[300000]\nY = A[i]");
  cpu_lab_check(lab, 2e-5, "Y", "A : f16[300000]\nB : f32[300000]\nY = A[i] B[i]");
}

static void integers(cpu_lab *lab) {
  static const char *const agg[] = {"+=", "max=", "min=", "prod="}, *const type[] = {"i64", "i32",
                                                                                     "bool"};
  for (int k = 0; k < 4; k++)
    for (int t = 0; t < 3; t++) {
      cpu_lab_check(lab, 0, "Y", "A : %s[9,100]\nY : %s[9]\nY[i] %s A[i,j]", type[t], type[t],
                    agg[k]);
      cpu_lab_check(lab, 0, "Y", "A : %s[9,100]\nY : %s[100]\nY[j] %s A[i,j]", type[t], type[t],
                    agg[k]);
      cpu_lab_check(lab, 0, "Y", "A : %s[9,100]\nY : %s\nY %s A[i,j]", type[t], type[t], agg[k]);
      cpu_lab_check(lab, 0, "Y", "A : %s[3,9,100]\nY : %s[3,100]\nY[k,j] %s A[k,i,j]", type[t],
                    type[t], agg[k]);
    }
  cpu_lab_check(lab, 0, "Y", "A : f32[9,100]\nY[i] = argmax[j](A[i,j])");
  cpu_lab_check(lab, 0, "Y", "A : i64[9,7]\nB : i64[7,11]\nY : i64[9,11]\nY[i,k] = A[i,j] B[j,k]");
}

static void norms(cpu_lab *lab) {
  static const int shape[][2] = {{1, 1},    {3, 10},  {5, 64},   {7, 65},
                                 {2, 1000}, {100, 3}, {64, 640}, {300, 130}};
  for (int t = 0; t < 4; t++)
    for (int s = 0; s < 8; s++) {
      int b = shape[s][0], n = shape[s][1];
      const char *type = types[t];
      cpu_lab_check(lab, 3e-6, "Y", "X : %s[%d,%d]\nY : %s[%d,%d]\nY[b,i.] = softmax(X[b,i])", type,
                    b, n, type, b, n);
      cpu_lab_check(lab, 3e-6, "Y", "X : %s[%d,%d]\nY[i.,b] = softmax(X[b,i])", type, b, n);
      cpu_lab_check(lab, 3e-6, "Y", "X : %s[%d,%d]\nY[b,i.] = logsoftmax(X[b,i])", type, b, n);
      cpu_lab_check(lab, 3e-6, "Y",
                    "X : %s[%d,%d]\nG : f32[%d]\nB : f32[%d]\nN[b,i.] = lnorm(X[b,i])\nY[b,i] = "
                    "N[b,i] G[i] + B[i]",
                    type, b, n, n, n);
      cpu_lab_check(lab, 3e-6, "Y", "X : %s[%d,%d]\nY[b,i.] = rmsnorm(X[b,i] * 2)", type, b, n);
      cpu_lab_check(lab, 3e-6, "Y",
                    "S : f32[%d,%d]\nY[p,q.] = softmax(where(q <= p, S[p,q], -inf))", b, n);
    }
}

static void gradients(cpu_lab *lab) {
  static const int shape[][2] = {{1, 1},    {6, 7},   {5, 64},   {70, 65},
                                 {2, 1000}, {100, 3}, {300, 130}};
  for (int t = 0; t < 4; t++)
    for (int s = 0; s < 7; s++) {
      int b = shape[s][0], n = shape[s][1];
      const char *type = types[t];
      cpu_lab_check(lab, 2e-5, "grad Loss X G B",
                    "X : %s[%d,%d]\nG : f32[%d]\nB : f32[%d]\nU : f32[%d,%d]\n"
                    "N[b,i.] = lnorm(X[b,i])\nY[b,i] = N[b,i] G[i] + B[i]\nLoss = Y[b,i] U[b,i]",
                    type, b, n, n, n, b, n);
      cpu_lab_check(
          lab, 2e-5, "Loss grad Loss X",
          "X : %s[%d,%d]\nT : i64[%d]\nP[b,i.] = logsoftmax(X[b,i])\nLoss avg= -P[b,T[b]]", type, b,
          n, b);
      cpu_lab_check(lab, 2e-5, "grad Loss X",
                    "X : %s[%d,%d]\nU : f32[%d,%d]\nP[b,i.] = softmax(X[b,i])\nLoss = P[b,i] "
                    "U[b,i] / (1 + P[b,i]^2)",
                    type, b, n, b, n);
      cpu_lab_check(lab, 2e-5, "grad Loss X W",
                    "X : %s[%d,%d]\nW : f32[%d]\nY[b,i] = gelu(X[b,i] * W[i])\nLoss avg= Y[b,i]^2",
                    type, b, n, n);
    }
}

#define EACH(name)                        \
  static void each_##name(void **state) { \
    (void)state;                          \
    cpu_lab_each(name);                   \
  }
EACH(reductions)
EACH(integers)
EACH(norms)
EACH(gradients)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_reductions),
      cmocka_unit_test(each_integers),
      cmocka_unit_test(each_norms),
      cmocka_unit_test(each_gradients),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
