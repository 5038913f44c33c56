/* Products, attention, scatters and scans on the CPU against ref. */
#include "cpu_lab.h"

static const char *const types[] = {"f32", "f16", "bf16", "f64"};

static void scatters(cpu_lab *lab) {
  for (int round = 0; round < 2; round++) {      /* then with places outside */
    lab->wild = false;
    for (int t = 0; t < 4; t++) {
      cpu_lab_check(lab, 1e-5, "grad Loss E", "T : i64[7,50]\nE : %s[13,100]\nU : f32[7,50,100]\nLoss = E[T[b,p],d] U[b,p,d]", types[t]);
      cpu_lab_check(lab, 1e-5, "Y", "T : i64[500]\nV : f32[500]\nY : %s[13]\nY[T[i]] += V[i]", types[t]);
      cpu_lab_check(lab, 1e-5, "Y", "T : i64[500]\nV : f32[500]\nY : %s[13]\nY[T[i]] max= V[i]", types[t]);
      cpu_lab_check(lab, 1e-5, "Y", "T : i64[50]\nU : i64[50]\nV : f32[3,50,5]\nY : %s[3,13,13]\nY[b,T[i],U[i]] += V[b,i,j]", types[t]);
    }
    cpu_lab_check(lab, 0, "Y", "T : i64[500]\nY : i32[13]\nY[T[i]] += 1");
    cpu_lab_check(lab, 0, "Y", "T : i64[500]\nV : bool[500]\nY : bool[13]\nY[T[i]] += V[i]");
  }
}

static void scans(cpu_lab *lab) {
  for (int n = 1; n < 300; n = 4 * n + 1) {
    cpu_lab_check(lab, 1e-5, "Y", "X : f32[%d,9]\nY : f32[%d,9]\nY[0,j] = X[0,j]\nY[i+1,j] = 0.5 * Y[i,j] + X[i+1,j]", n + 1, n + 1);
    cpu_lab_check(lab, 1e-5, "Y", "X : f32[3,%d]\nY[b,i.] = cumsum(X[b,i])", n);
    cpu_lab_check(lab, 1e-5, "X", "Z : f32[9]\nV : f32[9,9]\nW : f32[9,9]\nX : f32[9,%d]\nX[i,0] = Z[i]\n"
                  "X[i,t+1] = sig(W[i,j] X[j,t] + V[i,j] Z[j])", n + 1);
  }
}

#define EACH(name) static void each_##name(void **state) { (void)state; cpu_lab_each(name); }
EACH(scatters)
EACH(scans)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_scatters), cmocka_unit_test(each_scans),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
