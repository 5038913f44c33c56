/* Relations joined with dense tensors, and derivatives through them.
 * The answers were worked out by a program in another language, with loops over lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lang/asked.h"

static const asked joins[] = {
    {"agg",
     "N(0,1), N(0,2), N(1,2), N(2,0), N(3,2)\nX = [1, 0; 0, 2; 1, 1; 0.5, -1]\n"
     "Y[n,d] = N(n,m) X[m,d]\nZ[m,d] = N(n,m) X[n,d]\nS[d] = N(n,m) X[m,d]\n"
     "T = N(n,m) X[n,d] X[m,d]\nY?; Z?; S?; T?\n",
     "[[1, 3], [1, 1], [1, 0], [1, 1]]|[[1, 1], [1, 0], [1.5, 1]]|[4, 5]|3.5"},
    {"self+agg",
     "N(0,1), N(0,2), N(1,2), N(2,0), N(3,2)\nX = [1, 0; 0, 2; 1, 1; 0.5, -1]\n"
     "Y[n,d] = relu(N(n,m) X[m,d] + X[n,d])\nW[n,d] = X[n,d] + 0.5 N(n,m) X[m,d]\n"
     "D[n] = 1 + N(n,m)\nV[n,d] = N(n,m) X[m,d] / D[n]\nY?; W?; V?\n",
     "[[2, 3], [1, 3], [2, 1], [1.5, 0]]|[[1.5, 1.5], [0.5, 2.5], [1.5, 1], "
     "[1, -0.5]]|[[0.33333334, 1], [0.5, 0.5], [0.5, 0], [0.5, 0.5]]"},
    {"norm",
     "N(0,1), N(0,2), N(1,2), N(2,0), N(3,2)\nX = [1, 0; 0, 2; 1, 1; 0.5, -1]\n"
     "Deg[n] = N(n,m)\nY[n,d] = N(n,m) X[m,d] / Deg[n]\nM[n,d] avg= N(n,m) X[m,d]\n"
     "Mx[n,d] max= N(n,m) X[m,d]\nMn[n,d] min= N(n,m) X[m,d]\nY?; M?; Mx?; Mn?\n",
     "[[0.5, 1.5], [1, 1], [1, 0], [1, 1]]|[[0.5, 1.5], [1, 1], [1, 0], [1, "
     "1]]|[[1, 2], [1, 1], [1, 0], [1, 1]]|[[0, 1], [1, 1], [1, 0], [1, 1]]"},
    {"gat",
     "N(0,1), N(0,2), N(1,2), N(2,0), N(3,2)\nX = [1, 0; 0, 2; 1, 1; 0.5, -1]\n"
     "Z[n] = N(n,m) exp(X[n,d] X[m,d])\nY[n,k] = N(n,m) exp(X[n,d] X[m,d]) X[m,k]\n"
     "O[n,k] = Y[n,k] / Z[n]\nDense[n,m] = where(N(n,m), X[n,d] X[m,d], -inf)\nO?\n",
     "[[0.7310586, 1.2689414], [1, 1], [1, 0], [1, 1]]"},
    {"twohop",
     "N(0,1), N(0,2), N(1,2), N(2,0), N(3,2)\nX = [1, 0; 0, 2; 1, 1; 0.5, -1]\n"
     "Y[n,d] = N(n,m) N(m,k) X[k,d]\nP(a,c) <- N(a,b), N(b,c)\nY2[n,d] = P(n,k) X[k,d]\n"
     "C = N(a,b) N(b,c) N(c,a)\nY?; Y2?; C?\n",
     "[[2, 1], [1, 0], [1, 3], [1, 0]]|[[2, 1], [1, 0], [1, 3], [1, 0]]|3"},
    {"grad",
     "N(0,1), N(0,2), N(1,2), N(2,0), N(3,2)\nX = [1, 0; 0, 2; 1, 1; 0.5, -1]\n"
     "W = [0.5, -1; 2, 1]\nH[n,k] = tanh(N(n,m) X[m,d] W[k,d])\nL = H[n,k]^2\n"
     "G[k,d] = grad(L, W[k,d])\nGX[n,d] = grad(L, X[n,d])\nL?; G?; GX?\n",
     "5.5235004|[[-0.77933455, -1.6111417], [0.17585059, "
     "0.040358074]]|[[0.6358683, -0.5906433], [-0.02551014, 0.052835673], "
     "[-0.6738344, 1.5458283], [0, 0]]"},
    {"margin",
     "Thing : {A, B, C}\nEmb : f32[Thing, 2]\n"
     "Emb[A,0] = 1; Emb[B,1] = 2; Emb[C,0] = 0.5; Emb[C,1] = 0.25\nR(A,B), R(B,C), R(C,A)\n"
     "Bad(A,C), Bad(B,A)\nD[x,y] = (Emb[x,d] - Emb[y,d])^2\n"
     "L = R(x,y) D[x,y] + Bad(x,y) relu(1 - D[x,y])\nL2 = R(x,y) (Emb[x,d] - Emb[y,d])^2\n"
     "L?; L2?\n",
     "9.3125|8.625"},
    {"symdense",
     "Thing : {Cat, Ann, Bob}\nEmb : f32[Thing, 2]\n"
     "Emb[Ann,0] = 1; Emb[Bob,1] = 2; Emb[Cat,0] = 3\nLikes(Ann,Bob), Likes(Bob,Cat)\n"
     "Y[x,d] = Likes(x,y) Emb[y,d]\nQ(x) <- Emb[x,0] > 0.5\n"
     "P(x,v) <- Likes(x,y), Emb[y,1] > 1, v = 7\nY?; Q?; P?\n",
     "[[\"Ann\", 0, 0], [\"Ann\", 1, 2], [\"Bob\", 0, 3], [\"Bob\", 1, 0], [\"Cat\", "
     "0, 0], [\"Cat\", 1, 0]]|[[\"Ann\"], [\"Cat\"]]|[[\"Ann\", 7]]"},
    {"undeclared",
     "Likes(Ann,Bob), Likes(Bob,Cat)\nW = [1, 2]\nY[x,d] = Likes(x,y) W[d]\n"
     "B[x,y] = 1 - Likes(x,y)\nY?\n",
     "[[\"Ann\", 0, 1], [\"Ann\", 1, 2], [\"Bob\", 0, 1], [\"Bob\", 1, 2]]"},
    {"idxval",
     "R(2,5), R(3,1), R(7,0)\nS = R(i,j) i j\nT[i] = R(i,j) j\nU[j] = R(i,j) i^2\n"
     "V = R(i,j) (i - j)^2\nW[i] = i R(i,j)\nS?; T?; U?; V?; W?\n",
     "13|[[2, 5], [3, 1], [7, 0]]|[[0, 49], [1, 9], [5, 4]]|62|[[2, 2], [3, 3], [7, 7]]"},
    {"affine",
     "X = [10, 20, 30, 40, 50]\nNext(0,1), Next(1,2), Next(2,3)\nA[i] = Next(i,j) X[j+1]\n"
     "B[i] = Next(i,i+1) X[i]\nC = Next(i,j) (X[j] - X[i])^2\nD[i] = Next(i,j) X[2*i]\n"
     "A?; B?; C?; D?\n",
     "[[0, 30], [1, 40], [2, 50]]|[10, 20, 30, 0, 0]|300|[10, 30, 50]"},
    {"boolscalar",
     "Rain.\nWet <- Rain\nY = 2 Wet + 1\nZ = Dry + 3\nDry <- Wet, not Rain\n"
     "Y?; Z?; Wet?; Dry?\n",
     "3|3|true|false"},
    {"maxred",
     "R(0,1), R(0,2), R(1,0)\nX = [3, 1, 5]\nY[i] = 2 max[j](R(i,j) X[j]) + 1\n"
     "Z = sum[i](max[j](R(i,j) X[j]))\nM = max[i,j](R(i,j) X[j])\nC = count[i](X[i] > 2)\n"
     "A[i] = X[i] + count[j](R(i,j))\nZ?; M?; C?; A?\n",
     "8|5|2|[5, 2, 5]"},
    {"where",
     "R(0,1), R(1,1)\nX = [3, 1]\nY[i,j] = where(R(i,j), X[i], X[j] + 10)\n"
     "Z[i] = sum[j](where(R(i,j), X[j], 0))\nW[i,j] = R(i,j) or R(j,i)\nV[i,j] = not R(i,j)\n"
     "Y?\n",
     "[[13, 3], [13, 1]]"},
    {"settle",
     "Link(0,1), Link(0,2), Link(1,2), Link(2,0)\nOut[x] = Link(x,y)\nP : f32[3]\n"
     "P[x] = 0.05 + 0.85 Link(y,x) P[y] / Out[y]\nsettle(P, 1e-7)\nP?\n",
     "[0.38778928, 0.2148104, 0.39739922]"},
};

static void test_answers(void **state) {
  (void)state;
  asked_answers(joins, (int)(sizeof joins / sizeof *joins));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
