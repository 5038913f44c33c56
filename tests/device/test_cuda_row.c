/* Rows and reductions on the CUDA device, emulated, against ref. */
#include "cpu_lab.h"

static void softmax(cpu_lab *lab) {
  static const int shape[][2] = {{1, 1}, {3, 10}, {5, 64}, {100, 3}, {9, 1000}, {2, 4100}};
  for (int s = 0; s < 6; s++)
    cpu_lab_check(lab, 5e-5, "Y", "X : f16[%d,%d]\nY : f16[%d,%d]\nY[b,i.] = softmax(X[b,i])",
                  shape[s][0], shape[s][1], shape[s][0], shape[s][1]);
  cpu_lab_check(lab, 3e-6, "Y", "X : f32[7,65]\nY[b,i.] = softmax(X[b,i])");
  cpu_lab_check(lab, 3e-6, "Y", "X : f64[7,65]\nY : f64[7,65]\nY[b,i.] = softmax(X[b,i])");
  cpu_lab_check(lab, 3e-6, "Y", "X : f32[3,70000]\nY[b,i.] = softmax(X[b,i])");
  cpu_lab_check(lab, 3e-6, "Y", "X : f32[65,20]\nY[b.,i] = softmax(X[b,i])");
}

static void norms(cpu_lab *lab) {
  cpu_lab_check(lab, 1e-5, "Y",
                "X : f16[40,640]\nG : f16[640]\nB : f16[640]\nY : f16[40,640]\n"
                "N[b,i.] = lnorm(X[b,i])\nY[b,i] = N[b,i] G[i] + B[i]");
  cpu_lab_check(lab, 1e-5, "Y", "X : f32[5,3,130]\nY[b,c,i.] = rmsnorm(X[b,c,i])");
  cpu_lab_check(lab, 1e-5, "L",
                "X : f16[30,1000]\nT : i64[30]\nP[b,i.] = logsoftmax(X[b,i])\nL avg= -P[b,T[b]]");
}

static void sums(cpu_lab *lab) {
  static const char *const agg[] = {"+=", "max=", "min=", "avg="};
  for (int k = 0; k < 4; k++) {
    cpu_lab_check(lab, 3e-6, "Y", "A : f16[9,200]\nY : f32[9]\nY[i] %s A[i,j]", agg[k]);
    cpu_lab_check(lab, 3e-6, "Y", "A : f16[100,72]\nY : f16[72]\nY[j] %s A[i,j]", agg[k]);
    cpu_lab_check(lab, 3e-6, "Y", "A : f32[33,57]\nY %s A[i,j] + 1", agg[k]);
  }
  cpu_lab_check(lab, 3e-6, "Y Z", "A : f32[300,40]\nY[j] += A[i,j]\nZ[j] max= A[i,j]");
  cpu_lab_check(lab, 3e-6, "Y", "A : f16[4,40,300]\nY : f16[40]\nY[j] avg= A[i,j,k]");
  cpu_lab_check(lab, 3e-6, "Y",
                "A : f32[7,9,21]\nB : f32[9]\nY : f32[21,7]\nY[k,i] += A[i,j,k] - B[j]");
  cpu_lab_check(lab, 2e-5, "Y", "A : f16[3000000]\nY = A[i]");
  cpu_lab_check(lab, 2e-5, "Y", "A : f16[20000,13]\nY[j] = A[i,j]");
  cpu_lab_check(lab, 2e-5, "Y", "A : f16[3,300000]\nY[j] = A[j,i]");
}

static void integers(cpu_lab *lab) {
  cpu_lab_check(lab, 0, "Y", "A : i64[9,100]\nY : i64[9]\nY[i] = A[i,j]");
  cpu_lab_check(lab, 0, "Y", "A : i32[90,100]\nY : i32[100]\nY[j] max= A[i,j]");
  cpu_lab_check(lab, 0, "Y", "A : bool[9,100]\nY : bool[9]\nY[i] = A[i,j]");
  cpu_lab_check(lab, 0, "Y", "A : bool[5000]\nY : bool\nY = A[i]");
  cpu_lab_check(lab, 0, "Y", "A : f32[9,100]\nY[i] = argmax[j](A[i,j])");
}

static void gradients(cpu_lab *lab) {
  cpu_lab_check(lab, 3e-5, "grad L X G B",
                "X : f32[40,64]\nG : f32[64]\nB : f32[64]\nW : f32[40,64]\n"
                "N[b,i.] = lnorm(X[b,i])\nL = W[b,i] (N[b,i] G[i] + B[i])^2");
  cpu_lab_check(lab, 3e-5, "grad L X",
                "X : f32[40,65]\nT : i64[40]\nP[b,i.] = logsoftmax(X[b,i])\nL avg= -P[b,T[b]]");
}

static void any(cpu_lab *lab) {
  lab->force = "cuda.row.any";
  cpu_lab_check(lab, 3e-6, "Y", "X : f32[7,65]\nY[b,i.] = softmax(X[b,i])");
  cpu_lab_check(lab, 3e-6, "Y", "A : f16[4,40,30]\nY : f16[40]\nY[j] avg= A[i,j,k]");
  lab->force = NULL;
}

#define ON_CUDA(test)                     \
  static void cuda_##test(void **state) { \
    (void)state;                          \
    cpu_lab_on_cuda(test);                \
  }
ON_CUDA(softmax)
ON_CUDA(norms)
ON_CUDA(sums)
ON_CUDA(integers)
ON_CUDA(gradients)
ON_CUDA(any)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(cuda_softmax),   cmocka_unit_test(cuda_norms),
      cmocka_unit_test(cuda_sums),      cmocka_unit_test(cuda_integers),
      cmocka_unit_test(cuda_gradients), cmocka_unit_test(cuda_any),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
