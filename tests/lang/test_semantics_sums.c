/* Where the sum stands that = leaves to the reader, and the other operators.
 * The numbers come from NumPy or from pen and paper. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lang/semantics.h"

static const semantics cases[] = {
    {"step of a product", "Y = step(W[i] X[i])", "Y", 1, {1}},
    {"elementwise step", "Y[i] = step(W[i] X[i])", "Y", 4, {0, 1, 0, 0}},
    {"sum inside the power",
     "Y[i,k] = (A[i,j] A[k,j])^2",
     "Y", 9, {25, 121, 289, 121, 625, 1521, 289, 1521, 3721}},
    {"squares summed", "Y = V[i]^2", "Y", 1, {14}},
    {"squares of shifted", "C = 1\nY = (2 V[i] + C)^2", "Y", 1, {83}},
    {"terms one by one", "Y = V[i]^2 + 0.1 W[d]^2", "Y", 1, {15.375}},
    {"each joining term by itself",
     "C = [1,1,1]\nU = [1,2]\nY[i] = sig(A[i,j] U[j] + A[i,j] U[j] + C[i])",
     "Y", 3, {0.999983299, 1, 1}},
    {"joining term in a power", "Y = sqrt(V[i] V[i] + V[i]^2)", "Y", 1, {5.29150262}},
    {"alive to the power",
     "Y[i,k] = exp(-(A[i,j] - A[k,j])^2 / 10)",
     "Y", 9, {1, 0.449328964, 0.040762204, 0.449328964, 1, 0.449328964, 0.040762204, 0.449328964,
      1}},
    {"two sums in a loss", "U = [1,2]\nB = 1\nY = (V[e] - U[d] A[e,d] - B)^2", "Y", 1, {350}},
    {"term by term in a sum", "C = 10\nY = 2 (V[i] + C)", "Y", 1, {32}},
    {"same without factor", "C = 10\nY = V[i] + C", "Y", 1, {16}},
    {"negated sum", "C = 10\nY = -(V[i] + C) / 2", "Y", 1, {-8}},
    {"quotient", "Y = exp(V[i] / V[i])", "Y", 1, {20.0855369}},
    {"reciprocals", "Y = 1 / V[i]", "Y", 1, {1.83333333}},
    {"power by an index", "Y = 2^V[i]", "Y", 1, {14}},
    {"base and exponent", "Y = (V[i] V[i])^V[i]", "Y", 1, {746}},
    {"function times index", "Y = W[i] exp(X[i])", "Y", 1, {6.56193819}},
    {"one factor has it", "Y[k] = V[k] W[i]", "Y", 3, {4.5, 9, 13.5}},
    {"an index twice in two terms", "Y = V[i] + W[i]", "Y", 1, {10.5}},
    {"nothing to sum", "Y[i,j] = V[i] - A[i,j]", "Y", 6, {0, -1, -1, -2, -2, -3}},
    {"scalar square of a sum of products",
     "U = [1,2]\nY[i] = (A[i,j] U[j] + 1)^2",
     "Y", 3, {36, 144, 324}},
    {"half mean square", "Y = 0.5 (A[i,j] - V[i])^2 / 6", "Y", 1, {1.58333333}},
    {"max=", "Y[i] max= A[i,j]", "Y", 3, {2, 4, 6}},
    {"min=", "Y min= A[i,j]", "Y", 1, {1}},
    {"avg=", "Y[j] avg= A[i,j]", "Y", 2, {3, 4}},
    {"prod=", "Y[i] prod= A[i,j]", "Y", 3, {2, 12, 30}},
    {"max of negatives", "Y max= -V[i]", "Y", 1, {-1}},
    {"max= outermost", "Y max= V[i] - 1", "Y", 1, {2}},
    {"+=", "Y[j] += A[i,j]", "Y", 2, {9, 12}},
};

static void test_sums(void **state) {
  (void)state;
  semantics_hold(cases, sizeof cases / sizeof *cases);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_sums)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
