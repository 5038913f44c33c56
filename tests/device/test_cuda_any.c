/* The plain form of every other shape on the CUDA device, emulated, against ref. */
#include "cpu_lab.h"

static void products(cpu_lab *lab) {
  lab->force = "cuda.contract.any";
  cpu_lab_check(lab, 1e-5, "Y",
                "A : f16[33,16]\nB : bf16[16,20]\nC : f32[20]\nR : f16[33,20]\nY : f16[33,20]\n"
                "Y[i,j] = relu(A[i,k] B[k,j] + C[j] + R[i,j])");
  cpu_lab_check(
      lab, 1e-5, "Y",
      "X : f32[2,9,11,3]\nF : f32[3,3,3,5]\n"
                "Y[b,x,y,o] = relu(F[i,j,c,o] X[b,x+i,y+j,c])");
  cpu_lab_check(lab, 1e-5, "Y",
                "A : f64[5,4]\nB : f64[4,6]\nC : f32[5,7]\nD : f32[7,6]\n"
                "Y[i,j] = A[i,k] B[k,j] + C[i,k] D[k,j]");
  lab->force = NULL;
}

static void attention(cpu_lab *lab) {
  static const char *const given =
      "Q : f32[2,3,17,8]\nK : f32[2,3,15,8]\nV : f32[2,3,15,9]\nU : f32[2,3,17,9]\n"
      "C[b,h,p,q.] = softmax(where(q <= p, Q[b,h,p,k] K[b,h,q,k] / sqrt(8), -inf))\n"
      "H[b,h,p,k] = C[b,h,p,q] V[b,h,q,k]\nLoss = H[b,h,p,k] U[b,h,p,k]";
  lab->force = "cuda.attend.any";
  cpu_lab_check(lab, 1e-5, "H", "%s", given);
  cpu_lab_check(lab, 2e-5, "grad Loss Q K V", "%s", given);
  lab->force = NULL;
}

/* The second round has places outside. */
static void scatters(cpu_lab *lab) {
  static const char *const types[] = {"f32", "f16", "f64"};
  for (int t = 0; t < 3; t++) {
    lab->wild = t == 2;
    cpu_lab_check(lab, 1e-5, "grad Loss E",
                  "T : i64[7,50]\nE : %s[13,10]\nU : f32[7,50,10]\nLoss = E[T[b,p],d] U[b,p,d]",
                  types[t]);
    lab->wild = false;
    cpu_lab_check(lab, 1e-5, "Y", "T : i64[500]\nV : f32[500]\nY : %s[13]\nY[T[i]] += V[i]",
                  types[t]);
    cpu_lab_check(lab, 1e-5, "Y", "T : i64[500]\nV : f32[500]\nY : %s[13]\nY[T[i]] max= V[i]",
                  types[t]);
  }
  cpu_lab_check(lab, 1e-5, "Y",
                "T : i64[50]\nU : i64[50]\nV : f32[3,50,5]\nY : bf16[3,13,13]\n"
                "Y[b,T[i],U[i]] += V[b,i,j]");
  cpu_lab_check(lab, 0, "Y", "T : i64[500]\nY : i32[13]\nY[T[i]] += 1");
  cpu_lab_check(lab, 0, "Y", "T : i64[500]\nV : bool[500]\nY : bool[13]\nY[T[i]] += V[i]");
}

static void scans(cpu_lab *lab) {
  cpu_lab_check(lab, 1e-5, "Y",
                "X : f32[22,9]\nY : f32[22,9]\nY[0,j] = X[0,j]\n"
                "Y[i+1,j] = 0.5 * Y[i,j] + X[i+1,j]");
  cpu_lab_check(lab, 1e-5, "Y", "X : f16[3,85]\nY : f16[3,85]\nY[b,i.] = cumsum(X[b,i])");
  cpu_lab_check(lab, 1e-5, "X",
                "Z : f32[9]\nV : f32[9,9]\nW : f32[9,9]\nX : f32[9,6]\nX[i,0] = Z[i]\n"
                "X[i,t+1] = sig(W[i,j] X[j,t] + V[i,j] Z[j])");
}

#define ON_CUDA(test)                     \
  static void cuda_##test(void **state) { \
    (void)state;                          \
    cpu_lab_on_cuda(test);                \
  }
ON_CUDA(products)
ON_CUDA(attention)
ON_CUDA(scatters)
ON_CUDA(scans)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(cuda_products),
      cmocka_unit_test(cuda_attention),
      cmocka_unit_test(cuda_scatters),
      cmocka_unit_test(cuda_scans),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
