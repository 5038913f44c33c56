/* Products, attention, scatters and scans on the CPU against ref. */
#include "cpu_lab.h"

#include <stdio.h>

static const char *const types[] = {"f32", "f16", "bf16", "f64"};

static void products(cpu_lab *lab) {
  static const int sizes[] = {0, 1, 2, 5, 16, 33, 64, 130};
  for (int round = 0; round < 12; round++) {
    int m = sizes[cpu_lab_random(lab, 8)], n = sizes[cpu_lab_random(lab, 8)],
        k = sizes[cpu_lab_random(lab, 8)], b = 3;
    const char *t = types[cpu_lab_random(lab, 4)], *u = types[cpu_lab_random(lab, 4)],
               *v = types[cpu_lab_random(lab, 4)];
    double e = 1e-5;
    cpu_lab_check(lab, e, "Y",
                  "A : %s[%d,%d]\nB : %s[%d,%d]\nY : %s[%d,%d]\nY[i,j] = A[i,k] B[k,j]", t, m, k, u,
                  k, n, v, m, n);
    cpu_lab_check(lab, e, "Y",
                  "A : %s[%d,%d]\nB : %s[%d,%d]\nC : f32[%d]\nR : %s[%d,%d]\nY : %s[%d,%d]\n"
                  "Y[i,j] = relu(A[k,i] B[k,j] + C[j] + R[i,j])",
                  t, k, m, u, k, n, n, v, m, n, v, m, n);
    cpu_lab_check(lab, e, "Y",
                  "A : %s[%d,%d]\nB : %s[%d,%d]\nC : f32[%d]\nY : %s[%d,%d]\nY[j,i] = gelu(A[i,k] "
                  "B[j,k] + C[i])",
                  t, m, k, u, n, k, m, v, n, m);
    if (k && m && n)
      cpu_lab_check(lab, e, "Y",
                    "A : %s[%d,%d,%d]\nB : %s[%d,%d,%d]\nY[b,i,j] = 2 * A[b,i,k] B[b,j,k] + b", t,
                    b, m, k, u, b, n, k);
    cpu_lab_check(lab, e, "Y", "A : %s[%d,%d]\nB : %s[%d,%d]\nY = A[i,k] B[i,k]", t, m, k, t, m, k);
    cpu_lab_check(lab, e, "Y", "A : %s[%d,%d]\nB : %s[%d]\nY[i] = tanh(A[i,k] B[k])", t, m, k, u,
                  k);
    cpu_lab_check(lab, e, "Y Z",
                  "A : %s[%d,%d]\nB : %s[%d,%d]\nT[i,j] = A[i,k] B[k,j]\nY[i,j] = "
                  "relu(T[i,j])\nZ[i,j] = T[i,j] * 3",
                  t, m, k, u, k, n);
    cpu_lab_check(lab, e, "Y", "X : %s[2,%d]\nF : %s[3,5]\nY[c,f,x] = relu(F[d,f] X[c,x+d])", t,
                  k + 3, u);
    cpu_lab_check(
        lab, e, "Y",
        "X : %s[2,9,11,3]\nF : %s[3,3,3,%d]\nY[b,x,y,o] = relu(F[i,j,c,o] X[b,x+i,y+j,c])", t, u,
        n);
    cpu_lab_check(lab, e, "Y", "Q : %s[2,%d,3,%d]\nW : %s[3,%d,8]\nY[b,p,o] = Q[b,p,h,d] W[h,d,o]",
                  t, m, n, u, n);
    cpu_lab_check(lab, e, "Y",
                  "A : %s[%d,%d]\nB : %s[%d,%d]\nC : %s[%d,%d]\nD : f32[%d,%d]\nY[i,j] = A[i,k] "
                  "B[k,j] + C[i,k] D[k,j]",
                  t, m, k, u, k, n, u, m, k, k, n);
  }
}

static void chains(cpu_lab *lab) {
  static const char *const given =
      "X : %s[4, 5]\nW : %s[5, 3]\nV : %s[3, 4]\nU : %s[4, 4]\nY[i,l] = X[i,j] W[j,k] V[k,l]\n"
      "Loss = Y[i,l] Y[i,l] U[i,l]";
  for (int t = 0; t < 4; t++) {
    const char *type = types[t];
    char text[512];
    snprintf(text, sizeof text, given, type, type, type, type);
    cpu_lab_check(lab, 1e-4, "Loss grad Loss X W V", "%s", text);
    cpu_lab_check(lab, 1e-4, "Loss", "%s", text);
  }
}

static void attention(cpu_lab *lab) {
  static const int shape[][5] = {{1, 1, 1, 1, 1},
                                 {2, 3, 7, 5, 4},
                                 {3, 2, 64, 64, 32},
                                 {1, 2, 130, 70, 16},
                                 {1, 1, 65, 150, 8}};
  for (int t = 0; t < 4; t++)
    for (int s = 0; s < 5; s++) {
      int b = shape[s][0], h = shape[s][1], p = shape[s][2], q = shape[s][3], d = shape[s][4];
      char given[256], scores[256];
      snprintf(
          given, sizeof given,
          "Q : %s[%d,%d,%d,%d]\nK : %s[%d,%d,%d,%d]\nV : f32[%d,%d,%d,%d]\nU : f32[%d,%d,%d,%d]\n",
          types[t], b, h, p, d, types[t], b, h, q, d, b, h, q, d + 1, b, h, p, d + 1);
      snprintf(scores, sizeof scores,
               "C[b,h,p,q.] = softmax(where(q <= p, Q[b,h,p,k] K[b,h,q,k] / sqrt(%d), -inf))\n", d);
      cpu_lab_check(lab, 1e-5, "H", "%s%sH[b,h,p,k] = C[b,h,p,q] V[b,h,q,k]", given, scores);
      cpu_lab_check(lab, 2e-5, "grad Loss Q K V",
                    "%s%sH[b,h,p,k] = C[b,h,p,q] V[b,h,q,k]\nLoss = H[b,h,p,k] U[b,h,p,k]", given,
                    scores);
      cpu_lab_check(lab, 1e-5, "H",
                    "%sC[b,h,p,q.] = softmax(Q[b,h,p,k] K[b,h,q,k] + p - q)\nO[b,h,p,k] = "
                    "C[b,h,p,q] V[b,h,q,k]\n"
                    "H[b,p,h,k] = relu(O[b,h,p,k]) * 2",
                    given);
    }
}

static void scatters(cpu_lab *lab) {
  for (int round = 0; round < 2; round++) { /* then with places outside */
    lab->wild = false;
    for (int t = 0; t < 4; t++) {
      cpu_lab_check(lab, 1e-5, "grad Loss E",
                    "T : i64[7,50]\nE : %s[13,100]\nU : f32[7,50,100]\nLoss = E[T[b,p],d] U[b,p,d]",
                    types[t]);
      cpu_lab_check(lab, 1e-5, "Y", "T : i64[500]\nV : f32[500]\nY : %s[13]\nY[T[i]] += V[i]",
                    types[t]);
      cpu_lab_check(lab, 1e-5, "Y", "T : i64[500]\nV : f32[500]\nY : %s[13]\nY[T[i]] max= V[i]",
                    types[t]);
      cpu_lab_check(
          lab, 1e-5, "Y",
          "T : i64[50]\nU : i64[50]\nV : f32[3,50,5]\nY : %s[3,13,13]\nY[b,T[i],U[i]] += V[b,i,j]",
          types[t]);
    }
    cpu_lab_check(lab, 0, "Y", "T : i64[500]\nY : i32[13]\nY[T[i]] += 1");
    cpu_lab_check(lab, 0, "Y", "T : i64[500]\nV : bool[500]\nY : bool[13]\nY[T[i]] += V[i]");
  }
}

static void scans(cpu_lab *lab) {
  for (int n = 1; n < 300; n = 4 * n + 1) {
    cpu_lab_check(
        lab, 1e-5, "Y",
        "X : f32[%d,9]\nY : f32[%d,9]\nY[0,j] = X[0,j]\nY[i+1,j] = 0.5 * Y[i,j] + X[i+1,j]", n + 1,
        n + 1);
    cpu_lab_check(lab, 1e-5, "Y", "X : f32[3,%d]\nY[b,i.] = cumsum(X[b,i])", n);
    cpu_lab_check(lab, 1e-5, "X",
                  "Z : f32[9]\nV : f32[9,9]\nW : f32[9,9]\nX : f32[9,%d]\nX[i,0] = Z[i]\n"
                  "X[i,t+1] = sig(W[i,j] X[j,t] + V[i,j] Z[j])",
                  n + 1);
  }
}

#define EACH(name)                        \
  static void each_##name(void **state) { \
    (void)state;                          \
    cpu_lab_each(name);                   \
  }
EACH(products)
EACH(chains)
EACH(attention)
EACH(scatters)
EACH(scans)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_products),  cmocka_unit_test(each_chains),
      cmocka_unit_test(each_attention), cmocka_unit_test(each_scatters),
      cmocka_unit_test(each_scans),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
