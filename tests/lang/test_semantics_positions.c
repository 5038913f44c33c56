/* Heads: several equations, elements, windows; index functions, sizes, gathers, slices.
 * The numbers come from NumPy or from pen and paper. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lang/semantics.h"

static const semantics cases[] = {
    {"two equations add", "Y[i] = relu(V[i] - 2)\nY[i] = relu(2 - V[i])", "Y", 3, {1, 0, 1}},
    {"partly overlapping windows", "Y[i] = V[i]\nY[i+1] = 10 V[i]", "Y", 4, {1, 12, 23, 30}},
    {"windows apart", "Y[0] = 5\nV0 = [1,2]\nY[i+1] = V0[i]", "Y", 3, {5, 1, 2}},
    {"max over two equations",
     "Y[i] max= V[i] - 10\nY[i+1] max= V[i] - 5",
     "Y", 4, {-9, -4, -3, -2}},
    {"min over two equations",
     "Y[i] min= V[i] + 10\nY[i+1] min= V[i] + 5",
     "Y", 4, {11, 6, 7, 8}},
    {"elements", "E[0,1] = 3\nE[2,0] = 4\nY[i,j] = E[i,j]", "Y", 6, {0, 3, 0, 0, 4, 0}},
    {"scalar index constant", "L = 1\nV0 = [1,2,3]\nY = V0[L]", "Y", 1, {2}},
    {"symbols",
     "Thing : {Ann, Bob, Cat}\nE : f32[Thing, Thing]\nE[Ann,Bob] = 3\nE[Cat,Cat] = 2\n"
     "Y[i] = E[Ann,i]",
     "Y", 3, {0, 3, 0}},
    {"symbols quoted",
     "Thing : {\"a b\", C}\nE : f32[Thing]\nE[\"a b\"] = 3\nY[i] = 2 E[i]",
     "Y", 2, {6, 0}},
    {"shift shortens", "Y[i] = W[i+1] - W[i]", "Y", 3, {1.7, -2.6, 3.8}},
    {"declared may read outside",
     "Y : f32[4]\nY[i] = W[i+1] - W[i]",
     "Y", 4, {1.7, -2.6, 3.8, -3.1}},
    {"declared to the shortened size",
     "Y : f32[3]\nY[i] = W[i+1] - W[i]",
     "Y", 3, {1.7, -2.6, 3.8}},
    {"convolution", "F = [1,2]\nX0 = [1,2,3,4]\nY[x] = F[dx] X0[x+dx]", "Y", 3, {5, 8, 11}},
    {"same convolution",
     "F = [1,2]\nX0 = [1,2,3,4]\nY : f32[4]\nY[x] = F[dx] X0[x+dx]",
     "Y", 4, {5, 8, 11, 4}},
    {"padding before",
     "F = [1,2,1]\nX0 = [1,2,3,4]\nY : f32[4]\nY[x] = F[d] X0[x+d-1]",
     "Y", 4, {4, 8, 12, 11}},
    {"padding undeclared",
     "F = [1,2,1]\nX0 = [1,2,3,4]\nY[x] = F[d] X0[x+d-1]",
     "Y", 3, {0, 8, 12}},
    {"stride", "X0 = [1,2,3,4,5]\nY[i] = X0[2*i+1]", "Y", 2, {2, 4}},
    {"halves", "X0 = [1,2]\nY[i] = X0[i/2]", "Y", 4, {1, 1, 2, 2}},
    {"reverse", "X0 = [1,2,3]\nY[i] = X0[2-i]", "Y", 3, {3, 2, 1}},
    {"reverse bare", "X0 = [1,2,3]\nY[i] = X0[i] X0[2-i]", "Y", 3, {3, 4, 3}},
    {"cyclic", "X0 = [1,2,3]\nY[i] = X0[i] + 10 X0[(i+1) % 3]", "Y", 3, {21, 32, 13}},
    {"pooling", "X0 = [1,2,3,4,5]\nS = 2\nY[x/S] = X0[x]", "Y", 3, {3, 7, 5}},
    {"max pooling", "X0 = [1,2,-3,-4,-5]\nS = 2\nY[x/S] max= X0[x]", "Y", 3, {2, -3, -5}},
    {"mean pooling", "X0 = [1,2,3,4,5]\nY[x/2] avg= X0[x]", "Y", 3, {1.5, 3.5, 5}},
    {"polynomials", "P = [1,2]\nQ = [1,1,1]\nY[i+j] = P[i] Q[j]", "Y", 4, {1, 3, 3, 2}},
    {"diagonal", "V0 = [1,2]\nY[i,i] = V0[i]", "Y", 4, {1, 0, 0, 2}},
    {"trace", "B = [[1,2],[3,4]]\nY = B[i,i]", "Y", 1, {5}},
    {"modulo head", "X0 = [1,2,3,4,5]\nY[i % 2] += X0[i]", "Y", 2, {9, 6}},
    {"shifted head shortened", "X0 = [1,2,3]\nY : f32[3]\nY[i+1] = X0[i]", "Y", 3, {0, 1, 2}},
    {"shifted head down", "X0 = [1,2,3]\nY[i-1] = X0[i]", "Y", 2, {2, 3}},
    {"gather",
     "T : i64[3]\nT = [2,0,1]\nE = [[1,2],[3,4],[5,6]]\nY[p,d] = E[T[p],d]",
     "Y", 6, {5, 6, 1, 2, 3, 4}},
    {"scatter", "T : i64[4]\nT = [2,0,2,1]\nY[T[p]] += 1", "Y", 3, {1, 1, 2}},
    {"one-hot", "T : i64[3]\nT = [2,0,1]\nY[p,T[p]] = 1", "Y", 9, {0, 0, 1, 1, 0, 0, 0, 1, 0}},
    {"slice", "Y = W[1:3]", "Y", 2, {1.9, -0.7}},
    {"slice of rows", "Y = A[1:, 0]", "Y", 2, {3, 5}},
    {"slice of derived", "Z[i] = 2 W[i]\nY = Z[2:]", "Y", 2, {-1.4, 6.2}},
    {"anonymous index", "Y[i] = A[i,_]", "Y", 3, {3, 7, 11}},
    {"constant position", "Y = A[1,0]", "Y", 1, {3}},
    {"index as number", "Y[i] = i V[i] + sin(i / 2)", "Y", 3, {0, 2.47942554, 6.84147098}},
    {"index condition", "Y[i,j] = where(j <= i, A[i,j], 0)", "Y", 6, {1, 0, 3, 4, 5, 6}},
    {"outer and transpose", "Y[j,i] = A[i,j]", "Y", 6, {1, 3, 5, 2, 4, 6}},
    {"tensor product",
     "Y[i,j] = V[i] W[j]",
     "Y", 12, {0.2, 1.9, -0.7, 3.1, 0.4, 3.8, -1.4, 6.2, 0.6, 5.7, -2.1, 9.3}},
    {"three factors",
     "M = [[1,2],[3,4]]\nY[i,k] = A[i,j] M[j,k] V[i]",
     "Y", 6, {7, 10, 30, 44, 69, 102}},
    {"size from the other equation", "Y[i] = V[i]\nY[i] = 1", "Y", 3, {2, 3, 4}},
};

static void test_positions(void **state) {
  (void)state;
  semantics_hold(cases, sizeof cases / sizeof *cases);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_positions)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
