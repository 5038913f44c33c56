/* The plain form of every other shape on the CUDA device, emulated, against ref. */
#include "cpu_lab.h"

static void products_by(cpu_lab *lab, const char *force) {
  lab->force = force;
  cpu_lab_check(lab, 1e-5, "Y",
                "A : f16[33,16]\nB : bf16[16,24]\nC : f32[24]\nR : f16[33,24]\nY : f16[33,24]\n"
                "Y[i,j] = relu(A[i,k] B[k,j] + C[j] + R[i,j])");
  cpu_lab_check(lab, 1e-5, "Y",
                "X : f32[2,9,11,3]\nF : f32[3,3,3,5]\n"
                "Y[b,x,y,o] = relu(F[i,j,c,o] X[b,x+i,y+j,c])");
  cpu_lab_check(lab, 1e-5, "Y",
                "A : f64[5,4]\nB : f64[4,6]\nC : f32[5,7]\nD : f32[7,6]\n"
                "Y[i,j] = A[i,k] B[k,j] + C[i,k] D[k,j]");
  lab->force = NULL;
}

static void products(cpu_lab *lab) { products_by(lab, "cuda.contract.any"); }

static void tiles(cpu_lab *lab) {
  products_by(lab, "cuda.contract.simt");
  lab->force = "cuda.contract.simt";
  cpu_lab_check(lab, 1e-5, "Y", "A : f32[130,70]\nB : f32[70,150]\nY[i,j] = A[i,k] B[k,j]");
  cpu_lab_check(lab, 1e-5, "Y", "A : f32[70,132]\nB : f32[152,70]\nY[j,i] = A[k,i] B[j,k]");
  cpu_lab_check(lab, 1e-5, "Y",
                "A : f32[3,40,36]\nB : f32[3,44,36]\nY[b,i,j] = 2 A[b,i,k] B[b,j,k] + b");
  cpu_lab_check(lab, 1e-5, "Y Z",
                "A : f64[65,33]\nB : f64[33,72]\nT : f64[65,72]\nY : f64[65,72]\nZ : f32[65,72]\n"
                "T[i,j] = A[i,k] B[k,j]\nY[i,j] = relu(T[i,j])\nZ[i,j] = T[i,j] * 3");
  cpu_lab_check(lab, 0, "Y",
                "A : i64[9,70]\nB : i32[70,11]\nY : i64[9,11]\nY[i,k] = A[i,j] B[j,k]");
  cpu_lab_check(lab, 1e-5, "Y",
                "X : f32[2,20,18,4]\nF : f32[3,3,4,8]\nY : f32[2,20,18,8]\n"
                "Y[b,x,y,o] = F[i,j,c,o] X[b,x+i-1,y+j-1,c]");
  cpu_lab_check(lab, 1e-5, "Y", "A : f16[1700,64]\nB : f32[64,1664]\nY[i,j] = A[i,k] B[k,j]");
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
ON_CUDA(tiles)
ON_CUDA(attention)
ON_CUDA(scatters)
ON_CUDA(scans)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(cuda_products),  cmocka_unit_test(cuda_tiles),
      cmocka_unit_test(cuda_attention), cmocka_unit_test(cuda_scatters),
      cmocka_unit_test(cuda_scans),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
