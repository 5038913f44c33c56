/* Maps on the CPU against ref: every operation, type, layout and size, on every instruction set. */
#include "cpu_lab.h"

static const char *const types[] = {"f32", "f16", "bf16", "f64"};
static const int sizes[] = {0, 1, 2, 63, 64, 65, 127, 1000, 4099, 70000};

static void chains(cpu_lab *lab) {
  for (int t = 0; t < 4; t++)
    for (int i = 0; i < 10; i++) {
      const char *type = types[t];
      int n = sizes[i];
      cpu_lab_check(lab, 3e-7, "Y", "A : %s[%d]\nB : %s[%d]\nY : %s[%d]\nY[i] = relu(A[i] + B[i])",
                    type, n, type, n, type, n);
      cpu_lab_check(lab, 3e-7, "Y Z",
                    "A : %s[%d]\nB : %s[%d]\nR : f16[%d]\nS : f32\nY[i] = relu(A[i] * S + B[i] + "
                    "R[i]) * R[i]\n"
                    "Z[i] = Y[i] * Y[i] - A[i]",
                    type, n, type, n, n);
      cpu_lab_check(lab, 2e-6, "Y",
                    "A : %s[%d]\nY[i] = gelu(A[i]) + silu(A[i]) + "
                    "0.5 * A[i] * (1 + tanh(0.79788456 * (A[i] + 0.044715 * A[i]^3)))",
                    type, n);
    }
}

static void every_operation(cpu_lab *lab) {
  static const char *const one[] = {
      "exp(A[i])",      "log(A[i])",        "sqrt(A[i])",      "rsqrt(A[i])", "abs(A[i])",
      "sign(A[i])",     "sin(A[i])",        "cos(A[i])",       "erf(A[i])",   "floor(A[i])",
      "round(A[i])",    "tanh(A[i])",       "sig(A[i])",       "-A[i]",       "exp(20 * A[i])",
      "log(abs(A[i]))", "sin(1000 * A[i])", "cos(1e6 * A[i])", "A[i]^2",      "A[i]^3",
      "2^A[i]",         "step(A[i])"};
  static const char *const two[] = {
      "A[i] + B[i]",
      "A[i] - B[i]",
      "A[i] * B[i]",
      "A[i] / B[i]",
      "A[i] % B[i]",
      "A[i] ^ B[i]",
      "min(A[i], B[i])",
      "max(A[i], B[i])",
      "where(A[i] < B[i], A[i], 2)",
      "where(A[i] <= B[i], 1, B[i])",
      "where(A[i] == B[i], A[i], B[i] - A[i])",
      "where(A[i] != B[i] and not A[i] < 0 or B[i] > 1, A[i] + 1, B[i])",
      "exp(A[i]) / exp(B[i])",
      "(A[i] + B[i]) * (A[i] - B[i]) / (exp(A[i]) + exp(B[i]))",
      "clamp(A[i], -1, B[i])"};
  for (int wild = 0; wild < 2; wild++)
    for (int t = 0; t < 4; t++) {
      lab->wild = wild;
      for (size_t k = 0; k < sizeof one / sizeof *one; k++)
        cpu_lab_check(lab, 6e-7, "Y", "A : %s[517]\nY[i] = %s", types[t], one[k]);
      for (size_t k = 0; k < sizeof two / sizeof *two; k++)
        cpu_lab_check(lab, 6e-7, "Y", "A : %s[517]\nB : %s[517]\nY[i] = %s", types[t],
                      types[(t + wild) % 4], two[k]);
    }
  lab->wild = false;
}

static void integers(cpu_lab *lab) {
  static const char *const kind[] = {"i64", "i32", "bool"};
  static const char *const two[] = {"A[i] + B[i]",
                                    "A[i] - B[i]",
                                    "A[i] * B[i]",
                                    "A[i] % B[i]",
                                    "A[i] % 4",
                                    "min(A[i], B[i])",
                                    "max(A[i], B[i])",
                                    "where(A[i] < B[i], A[i], B[i])",
                                    "where(A[i] == B[i], 1, A[i])",
                                    "abs(A[i])",
                                    "sign(A[i])",
                                    "-B[i]",
                                    "where(A[i] <= 3 and B[i] != 2, 5, i)"};
  lab->wild = true;
  for (int t = 0; t < 3; t++)
    for (size_t k = 0; k < sizeof two / sizeof *two; k++) {
      if (t == 2 && k != 0 && k != 2 && k != 5) continue;
      cpu_lab_check(lab, 0, "Y", "A : %s[333]\nB : %s[333]\nY : %s[333]\nY[i] = %s", kind[t],
                    kind[t], kind[t], two[k]);
      cpu_lab_check(lab, 0, "Y", "A : %s[333]\nB : %s[333]\nY : f64[333]\nY[i] = %s", kind[t],
                    kind[t], two[k]);
      cpu_lab_check(lab, 0, "Y",
                    "A : %s[333]\nB : %s[333]\nC : f32[333]\nY : i32[333]\nY[i] = %s + C[i] * 3e9",
                    kind[t], kind[t], two[k]);
    }
  cpu_lab_check(lab, 0, "Y", "A : f32[333]\nY : bool[333]\nY[i] = A[i] > 0");
  cpu_lab_check(lab, 0, "Y",
                "A : bool[9, 333]\nB : bool[333]\nY : bool[9, 333]\nY[j,i] = A[j,i] or not B[i] "
                "and A[j,i] == B[i]");
  cpu_lab_check(lab, 0, "Y", "A : f64[333]\nB : f16[333]\nY : f16[333]\nY[i] = A[i] / 3 + B[i]");
  lab->wild = false;
}

static void layouts(cpu_lab *lab) {
  for (int round = 0; round < 12; round++) {
    int a = (int)cpu_lab_random(lab, 9), b = 1 + (int)cpu_lab_random(lab, 90),
        c = (int)cpu_lab_random(lab, 150);
    const char *t = types[cpu_lab_random(lab, 4)], *u = types[cpu_lab_random(lab, 4)];
    cpu_lab_check(
        lab, 3e-7, "Y",
        "A : %s[%d,%d,%d]\nB : %s[%d,%d]\nC : %s[%d]\nY[i,j,k] = A[i,j,k] * B[j,k] + C[k]", t, a, b,
        c, u, b, c, t, c);
    cpu_lab_check(lab, 3e-7, "Y",
                  "A : %s[%d,%d,%d]\nB : %s[%d]\nY[i,j,k] = A[i,j,k] * B[j] + B[j]^2", t, a, b, c,
                  u, b);
    cpu_lab_check(lab, 3e-7, "Y",
                  "A : %s[%d,%d]\nB : %s[%d,%d]\nY : %s[%d,%d]\nY[i,j] = A[j,i] - B[i,j]", t, c, b,
                  u, b, c, u, b, c);
    cpu_lab_check(lab, 3e-7, "Y",
                  "A : %s[%d]\nY[i,j,k] = A[j]  * A[i] + where(k < 3, 1, 0)\nY : f32[%d,%d,%d]", t,
                  b, b, b, a);
    cpu_lab_check(lab, 3e-7, "Y", "A : %s[%d]\nY[i] = A[2*i] + A[2*i+1]", t, 2 * c + 2);
    cpu_lab_check(lab, 3e-7, "Y", "A : %s[%d]\nY[i] = A[i+1] - A[i]", t, c + 2);
    cpu_lab_check(lab, 3e-7, "Y",
                  "A : %s[%d,%d]\nY : %s[%d,%d]\nY[i,j] = A[i-1,j+2] + A[i,j-3] * A[i+1,j]", t, b,
                  c, u, b, c);
    cpu_lab_check(lab, 3e-7, "Y", "A : %s[%d]\nY : %s[%d]\nY[i] = A[i/3]", t, c, u, 3 * c);
    cpu_lab_check(lab, 3e-7, "Y", "A : %s[%d,%d]\nY : %s[%d]\nY[i] = A[i/%d,i%%%d] * 2", t, c, b, u,
                  c * b, b, b);
  }
}

static void masks(cpu_lab *lab) {
  for (int n = 1; n < 300; n = 2 * n + 1) {
    cpu_lab_check(lab, 3e-7, "Y", "S : f16[%d,%d]\nY[p,q] = where(q <= p, S[p,q], -inf)", n, n);
    cpu_lab_check(lab, 3e-7, "Y",
                  "S : f32[%d,%d]\nY[p,q] = where(p < 2*q+1 and q != 5, S[p,q], q - 2*p)", n,
                  n + 2);
    cpu_lab_check(lab, 3e-7, "Y",
                  "S : f32[%d,%d]\nY[p,q] = where(p == q or q == 3, S[p,q], S[p,q] / (1 + q))", n,
                  n);
    cpu_lab_check(lab, 3e-7, "Y", "Y : f32[%d,%d]\nY[p,q] = sin(p / 100^(q/%d)) * p - q %% 7", n, n,
                  n);
  }
}

static void gathers(cpu_lab *lab) {
  for (int round = 0; round < 2; round++) { /* then with tokens outside */
    lab->wild = round;
    cpu_lab_check(lab, 3e-7, "Y", "T : i64[50]\nE : f32[13,100]\nY[p,d] = E[T[p],d]");
    cpu_lab_check(lab, 3e-7, "Y", "T : i32[50]\nE : f16[13]\nB : f32[50]\nY[p] = E[T[p]] + B[p]");
    cpu_lab_check(lab, 3e-7, "Y",
                  "T : i64[7,50]\nU : i64[50]\nE : f32[13,7,13]\nY[b,p] = E[T[b,p], b, U[p]]");
    cpu_lab_check(lab, 0, "Y", "T : i64[50]\nE : i32[13,3]\nY[p,d] = E[T[p],d] + T[p]");
    cpu_lab_check(lab, 0, "Y", "T : i64[50]\nE : bool[13]\nY : bool[50]\nY[p] = E[T[p]]");
  }
  lab->wild = false;
}

static void windows(cpu_lab *lab) {
  for (int n = 1; n < 500; n = 3 * n + 1) {
    cpu_lab_check(lab, 3e-7, "Y", "A : f16[%d]\nB : f32[3,%d]\nY[k] = concat(B[j,i])\nZ[i] = A[i]",
                  n, n);
    cpu_lab_check(
        lab, 3e-7, "Y",
        "A : f32[%d]\nB : f32[%d]\nY : f32[2,%d]\nY[0,i] = A[i] * 2\nY[1,i] = B[i] + A[i]", n, n,
        n);
  }
}

static void draws(cpu_lab *lab) {
  cpu_lab_check(lab, 1e-6, "Y", "Y : f32[1000]\nY[i] = uniform()");
  cpu_lab_check(lab, 2e-6, "Y", "Y : f32[3,700]\nY[j,i] = normal()");
  cpu_lab_check(lab, 0, "Y", "Y : i64[3,70]\nY[j,i] = randint(17)");
}

#define EACH(name)                        \
  static void each_##name(void **state) { \
    (void)state;                          \
    cpu_lab_each(name);                   \
  }
EACH(chains)
EACH(every_operation)
EACH(integers)
EACH(layouts)
EACH(masks)
EACH(gathers)
EACH(windows)
EACH(draws)

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_chains),   cmocka_unit_test(each_every_operation),
      cmocka_unit_test(each_integers), cmocka_unit_test(each_layouts),
      cmocka_unit_test(each_masks),    cmocka_unit_test(each_gathers),
      cmocka_unit_test(each_windows),  cmocka_unit_test(each_draws),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
