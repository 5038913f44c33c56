/* Maps on the CUDA device, emulated, against ref. Every kernel is compiled: few programs, each for
 * a form of its own. */
#include "cpu_lab.h"

static void chains(cpu_lab *lab) {
  cpu_lab_check(lab, 3e-7, "Y", "A : f32[1000]\nB : f32[1000]\nY[i] = relu(A[i] + B[i])");
  cpu_lab_check(lab, 3e-7, "Y", "A : f16[1003]\nB : f16[1003]\nY : f16[1003]\nY[i] = A[i] + B[i]");
  cpu_lab_check(lab, 3e-7, "Y", "A : bf16[64,8]\nY : bf16[64,8]\nY[i,j] = 2 A[i,j] - 1");
  cpu_lab_check(lab, 3e-7, "Y Z",
                "A : f16[40,72]\nB : f16[72]\nS : f32\nY : f16[40,72]\n"
                "Y[i,j] = relu(S A[i,j] + B[j])\nZ[i,j] = Y[i,j] A[i,j]");
  cpu_lab_check(lab, 3e-7, "Y", "S : f32\nT : f32\nY = S / T + 1");
}

/* Gelu, tanh, sig and exp of 16-bit tensors are quick: a few parts in ten thousand. */
static void functions(cpu_lab *lab) {
  static const char *const f[] = {"gelu(A[i])",
                                  "gelu(A[i], tanh)",
                                  "sig(A[i])",
                                  "exp(A[i])",
                                  "tanh(A[i]) + erf(A[i])",
                                  "A[i] / B[i]",
                                  "sqrt(abs(A[i])) + rsqrt(abs(B[i]))"};
  for (int k = 0; k < 7; k++) {
    cpu_lab_check(lab, 5e-5, "Y", "A : f16[1000]\nB : f16[1000]\nY : f16[1000]\nY[i] = %s", f[k]);
    cpu_lab_check(lab, 6e-7, "Y", "A : f32[100]\nB : f32[100]\nY : f32[100]\nY[i] = %s", f[k]);
  }
  lab->wild = true;
  for (int k = 0; k < 5; k++)
    cpu_lab_check(lab, 2e-3, "Y", "A : f16[512]\nY : f16[512]\nY[i] = %s", f[k]);
  cpu_lab_check(lab, 2e-3, "Y",
                "A : bf16[512]\nB : bf16[512]\nY : bf16[512]\nY[i] = exp(A[i]) + A[i] / B[i]");
  cpu_lab_check(
      lab, 6e-7, "Y Z",
      "A : f32[512]\nB : f32[512]\nY[i] = max(A[i], B[i]) %% 3\nZ[i] = min(A[i], B[i]) / B[i]");
  lab->wild = false;
}

static void types(cpu_lab *lab) {
  lab->wild = true;
  cpu_lab_check(lab, 0, "Y Z W",
                "A : f32[200]\nB : f64[200]\nY : i32[200]\nZ : i64[200]\nW : bool[200]\n"
                "Y[i] = A[i]\nZ[i] = B[i] * 1000\nW[i] = A[i] < B[i]");
  cpu_lab_check(lab, 0, "Y Z",
                "A : f64[200]\nY : f16[200]\nZ : bf16[200]\nY[i] = A[i]\nZ[i] = A[i]");
  lab->wild = false;
  cpu_lab_check(
      lab, 0, "Y Z",
      "A : i64[333]\nB : i32[333]\nY : i64[333]\nZ : i64[333]\n"
      "Y[i] = floor((A[i] - 6) / (B[i] - 6))\nZ[i] = (A[i] - 6) %% (B[i] - 6) + A[i] B[i]");
  cpu_lab_check(
      lab, 0, "Y",
      "A : bool[333]\nB : bool[333]\nY : bool[333]\nY[i] = (A[i] or B[i]) and not (A[i] and B[i])");
}

static void layouts(cpu_lab *lab) {
  cpu_lab_check(lab, 0, "Y", "A : f32[30,52]\nY[j,i] = A[i,j]");
  cpu_lab_check(lab, 0, "Y", "A : f16[5,6,24]\nY : f16[6,5,24]\nY[j,i,k] = A[i,j,k]");
  cpu_lab_check(lab, 0, "Y", "A : f32[1002]\nY[i] = A[2*i] + A[2*i+1]");
  cpu_lab_check(lab, 0, "Y", "A : f16[99]\nY : f16[98]\nY[i] = A[i+1] - A[i]");
  cpu_lab_check(lab, 0, "Y", "A : f32[33]\nY : f32[99]\nY[i] = A[i/3]");
  cpu_lab_check(lab, 0, "Y", "A : f32[7,11]\nY : f32[77]\nY[i] = A[i/11,i%%11] * 2");
  cpu_lab_check(lab, 0, "Y", "A : f16[20]\nY : f16[24]\nY[i] = A[i-2]");
  cpu_lab_check(lab, 3e-7, "Y", "S : f16[37,37]\nY[p,q] = where(q <= p, S[p,q], -inf)");
  cpu_lab_check(lab, 3e-7, "Y Z", "A : f16[50]\nB : f32[3,40]\nY[k] = concat(B[j,i])\nZ[i] = A[i]");
  cpu_lab_check(lab, 0, "Y",
                "A : f32[1,17,1]\nB : f32[3,1,5]\nY : f32[3,17,5]\nY[i,j,k] = A[0,j,0] B[i,0,k]");
}

/* Segments with a text in common, and others, in one launch. */
static void segments(cpu_lab *lab) {
  cpu_lab_check(lab, 3e-7, "Y Z W V U",
                "A : f32[1000]\nB : f32[7,9]\nC : f32[33]\nD : f32[2000]\nE : f16[300]\n"
                "Y[i] = 2 A[i]\nZ[i,j] = 2 B[i,j]\nW[i] = 2 C[i]\nV[i] = 2 D[i]\nU[i] = exp(E[i])");
  cpu_lab_check(lab, 0, "Y Z",
                "A : f16[70,96]\nB : f32[3,40,64]\nY : f16[96,70]\nZ : f32[64,3,40]\n"
                "Y[j,i] = A[i,j]\nZ[k,i,j] = B[i,j,k]");
}

static void gathers(cpu_lab *lab) {
  cpu_lab_check(lab, 0, "Y", "T : i64[50]\nE : f16[13,64]\nY : f16[50,64]\nY[p,d] = E[T[p],d]");
  cpu_lab_check(lab, 0, "Y", "T : i32[50]\nE : f32[13]\nB : f32[50]\nY[p] = E[T[p]] + B[p]");
  cpu_lab_check(lab, 1e-6, "Y", "Y : f32[1000]\nY[i] = uniform()");
  cpu_lab_check(lab, 0, "Y", "Y : i64[3,70]\nY[j,i] = randint(17)");
}

/* A million elements: a thread has several vectors; and sizes that no vector divides. */
static void long_lines(cpu_lab *lab) {
  cpu_lab_check(lab, 0, "Y", "A : f16[4200000]\nY : f16[4200000]\nY[i] = A[i] + 1");
  cpu_lab_check(lab, 0, "Y",
                "A : f16[4200,1001]\nB : f16[1001]\nY : f16[4200,1001]\nY[i,j] = A[i,j] + B[j]");
}

static void any(cpu_lab *lab) {
  lab->force = "cuda.map.any";
  cpu_lab_check(lab, 3e-7, "Y Z",
                "A : f16[40,72]\nB : f16[72]\nY : f16[40,72]\nY[i,j] = relu(A[i,j] + B[j])\nZ[i,j] "
                "= exp(A[i,j])");
  lab->force = NULL;
}

#define ON_CUDA(test)                     \
  static void cuda_##test(void **state) { \
    (void)state;                          \
    cpu_lab_on_cuda(test);                \
  }
ON_CUDA(chains)
ON_CUDA(functions)
ON_CUDA(types)
ON_CUDA(layouts)
ON_CUDA(segments)
ON_CUDA(gathers)
ON_CUDA(long_lines)
ON_CUDA(any)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(cuda_chains),     cmocka_unit_test(cuda_functions),
      cmocka_unit_test(cuda_types),      cmocka_unit_test(cuda_layouts),
      cmocka_unit_test(cuda_segments),   cmocka_unit_test(cuda_gathers),
      cmocka_unit_test(cuda_long_lines), cmocka_unit_test(cuda_any),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
