/* Recurrences, gradients, and the lines of the paper in numbers.
 * The numbers come from NumPy or from pen and paper. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lang/semantics.h"

static const semantics cases[] = {
    {"recurrence", "E[0] = 1\nE[t+1] = 0.5 E[t] + X[t]", "E", 5, {1, 0.5, 1.25, 1.625, 0.8125}},
    {"own length",
     "R0 = [[[1,2],[3,4]],[[0,1],[1,0]],[[1,1],[0,1]]]\nY[i,j] = sig(R0[i,j,k] Y[i-1,k])",
     "Y", 6, {0, 0, 0.5, 0.5, 0.731058579, 0.622459331}},
    {"base of a layer",
     "R0 = [[[0,0],[0,0]],[[0,1],[1,0]]]\nY[0,j] = j + 1\nY[i,j] = R0[i,j,k] Y[i-1,k]",
     "Y", 4, {1, 2, 2, 1}},
    {"fibonacci",
     "Y : f32[8]\nY[0] = 0\nY[1] = 1\nY[i] = Y[i-1] + Y[i-2]",
     "Y", 8, {0, 1, 1, 2, 3, 5, 8, 13}},
    {"base elements beyond the reads",
     "Y : f32[5]\nY[0] = 1\nY[1] = 10\nY[i] = 2 Y[i-1]",
     "Y", 5, {1, 10, 20, 40, 80}},
    {"downwards", "V0 = [1,2,3]\nY[2] = 3\nY[i] = V0[i] + 0.5 Y[i+1]", "Y", 3, {2.75, 3.5, 3}},
    {"layers declared",
     "Y : f32[3, 2]\nY[0,j] = j + 1\nM = [[0,1],[1,1]]\nY[l+1,j] = M[j,k] Y[l,k]",
     "Y", 6, {1, 2, 2, 3, 3, 5}},
    {"virtual index",
     "M = [[0.5,0.1],[0,0.2]]\nU = [[1,2],[3,4]]\n"
     "X0[i,*t+1] = sig(M[i,j] X0[j,*t] + U[i,t])\nY[i] = X0[i]",
     "Y", 2, {0.921346692, 0.985087267}},
    {"through another head",
     "A1[t+1] = B1[t] + X[t]\nB1[t] = 2 A1[t]\nY[t] = A1[t]",
     "Y", 5, {0, 0, 1, 3, 6}},
    {"gradient of squares",
     "L = A[i,j]^2\nY[i,j] = grad(L, A[i,j])",
     "Y", 6, {2, 4, 6, 8, 10, 12}},
    {"gradient of one element", "L[i] = V[i]^2\nY[i] = grad(L[1], V[i])", "Y", 3, {0, 4, 0}},
    {"gradient of some elements",
     "Z = [[1,2],[3,4]]\nL[i,j] = Z[i,j]^2 Z[1,j]\nY[j,k] = grad(L[1,j], Z[1,k])",
     "Y", 4, {27, 0, 0, 48}},
    {"gradient of a sum of elements",
     "Z = [[1,2],[3,4]]\nL[i,j] = Z[i,j]^2 Z[1,j]\nY[k,l] = grad(L[1,j], Z[k,l])",
     "Y", 4, {0, 0, 27, 48}},
    {"gradient of linear",
     "U = [1,2]\nB = 0\nL = (V[e] - U[d] A[e,d] - B)^2\nY[d] = grad(L, U[d])",
     "Y", 2, {202, 256}},
    {"Jacobian diagonal kept", "L[s] = V[s]^2\nY[s] = grad(L[s], V[s])", "Y", 3, {2, 4, 6}},
    {"features",
     "Image ="
     " [[[0],[1],[2],[3]],[[4],[5],[6],[7]],[[8],[9],[10],[11]],[[12],[13],[14],[15]]]\n"
     "Filter = [[[-1],[0]],[[0],[1]]]\n"
     "Features[x,y] = relu(Filter[dx,dy,ch] Image[x+dx,y+dy,ch])\nS = 2\n"
     "Pooled[x/S,y/S] = Features[x,y]\nY[i,j] = Pooled[i,j]",
     "Y", 4, {20, 10, 10, 5}},
    {"max-pooled features",
     "Image ="
     " [[[0],[1],[2],[3]],[[4],[5],[6],[7]],[[8],[9],[10],[11]],[[12],[13],[14],[15]]]\n"
     "Filter = [[[-1],[0]],[[0],[1]]]\nS = 2\n"
     "Pooled[x/S,y/S] max= relu(Filter[dx,dy,ch] Image[x+dx,y+dy,ch])\nY[i,j] = Pooled[i,j]",
     "Y", 4, {10, 11, 14, 15}},
    {"support vectors",
     "f(x) = sig(x)\nT = [1,-1,1]\nB = 0.5\nQ = 1\nK[i,k] = (A[i,j] A[k,j])^2\n"
     "Al = [0.01, 0.02, 0.001]\nY = f(Al[i] T[i] K[Q,i] + B)",
     "Y", 1, {9.42938773e-05}},
    {"tucker",
     "M = [[1,2],[0,1]]\nM2 = [[1,0],[1,1]]\nM3 = [[2,0],[0,1]]\n"
     "C = [[[1,0],[0,1]],[[1,1],[2,0]]]\nY[i,j,k] = M[i,p] M2[j,q] M3[k,r] C[p,q,r]",
     "Y", 8, {6, 2, 14, 3, 2, 1, 6, 1}},
    {"positions",
     "Even(d) = d % 2 == 0\nOdd(d) = d % 2 == 1\nL = 10000\nDe = 4\nPosEnc : f32[3, 4]\n"
     "PosEnc[p,d] = Even(d) sin(p/L^(d/De)) + Odd(d) cos(p/L^((d-1)/De))\n"
     "Y[p,d] = PosEnc[p,d]",
     "Y", 12, {0, 1, 0, 1, 0.841470985, 0.540302306, 0.00999983333, 0.99995, 0.909297427,
      -0.416146837, 0.0199986667, 0.999800007}},
    {"graph network",
     "L = 2\nNeig = [[0,1],[1,1]]\nX0 = [[1,2],[3,4]]\nWP = [[[1,-1],[0,1]],[[2,0],[1,1]]]\n"
     "WAgg = 0.5\nWSelf = 2\nWOut = [0.01, 0.02]\nEmb[n,0,d] = X0[n,d]\n"
     "Z[n,l,d'] = relu(WP[l,d',d] Emb[n,l,d])\nAgg[n,l,d] = Neig[n,n'] Z[n',l,d]\n"
     "Emb[n,l+1,d] = relu(WAgg Agg[n,l,d] + WSelf Emb[n,l,d])\n"
     "Y[n] = sig(WOut[d] Emb[n,L,d])",
     "Y", 2, {0.624806474, 0.708890173}},
    {"several positions virtual",
     "Z[*e,i] = A[e,i] V[e]\nY = (A[e,j] - Z[*e,j])^2",
     "Y", 1, {269}},
    {"bayes",
     "CPTX = [[[0.1,0.2],[0.3,0.4]],[[0.9,0.8],[0.7,0.6]]]\nP1 = [0.4, 0.6]\n"
     "P2 = [0.5, 0.5]\nY[x] = CPTX[x,par1,par2] P1[par1] P2[par2]",
     "Y", 2, {0.27, 0.73}},
};

static void test_recurrences(void **state) {
  (void)state;
  semantics_hold(cases, sizeof cases / sizeof *cases);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_recurrences)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
