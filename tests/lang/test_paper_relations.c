/* The lines of the paper that hold relations, as written, in numbers. Each number was worked out
 * by a program in another language with loops over lists, from the formulas alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lang/semantics.h"

#define GRAPH                                                                                      \
  "L = 2; Neig(0,1), Neig(0,2), Neig(1,0), Neig(2,1)\nX0 = [1, 0; 0, 1; 1, 1]\n"                   \
  "WP : f32[2, 2, 2]\nWP[l,d',d] = 0.5 (l + d' - d + 1)\n"                                         \
  "WAgg = 0.5; WSelf = 0.25; WOut = [1, -1]\n"                                                     \
  "Emb[n,0,d] = X0[n,d]\n"                                                                         \
  "Z[n,l,d'] = relu(WP[l,d',d] Emb[n,l,d])\n"                                                      \
  "Agg[n,l,d] = Neig(n,n') Z[n',l,d]\n"                                                            \
  "Emb[n,l+1,d] = relu(WAgg Agg[n,l,d] + WSelf Emb[n,l,d])\n"

/* Tokens b a c at the positions 0 1 2; two blocks of two heads of width 2. */
#define TRANSFORMER                                                                                \
  "L = 10000; De = 4; Dk = 2; B = 2\nToken : {a, b, c}\n"                                          \
  "Emb : f32[Token, 4]\nEmb[t,d] = 0.1 (t + 1) where(d % 2 == 0, 1, -1) + 0.05 d\n"                \
  "Xt(0,\"b\"), Xt(1,\"a\"), Xt(2,\"c\")\n"                                                        \
  "EmbX[p,d] = Xt(p,t) Emb[t,d]\n"                                                                 \
  "Even(0), Even(2), Odd(1), Odd(3)\nPosEnc : f32[3, 4]\n"                                         \
  "PosEnc[p,d] = Even(d) sin(p/L^(d/De)) + Odd(d) cos(p/L^((d-1)/De))\n"                           \
  "WQ : f32[2,2,2,4]; WQ[b,h,k,d] = 0.1 (b + h - k + d)\n"                                         \
  "WK : f32[2,2,2,4]; WK[b,h,k,d] = 0.1 (h + k - d + b)\n"                                         \
  "WV : f32[2,2,2,4]; WV[b,h,v,d] = 0.1 (h v + d - b)\n"                                           \
  "WS : f32[2,4,4]; WS[b,d,m] = 0.1 (d - m + b)\n"                                                 \
  "WO : f32[3,4]; WO[t,d] = 0.2 (t + 1) d\n"                                                       \
  "Stream[0,p,d] = EmbX[p,d] + PosEnc[p,d]\n"                                                      \
  "Query[b,h,p,dk] = WQ[b,h,dk,d] Stream[b,p,d]\n"                                                 \
  "Key[b,h,p,dk] = WK[b,h,dk,d] Stream[b,p,d]\n"                                                   \
  "Val[b,h,p,dv] = WV[b,h,dv,d] Stream[b,p,d]\n"                                                   \
  "Comp[b,h,p,p'.] = softmax(Query[b,h,p,dk] Key[b,h,p',dk] / sqrt(Dk))\n"                         \
  "Attn[b,h,p,dv] = Comp[b,h,p,p'] Val[b,h,p',dv]\n"                                               \
  "Merge[b,p,dm] = concat(Attn[b,h,p,dv])\n"                                                       \
  "Stream[b+1,p,d.] = lnorm(WS[b,d,dm] Merge[b,p,dm] + Stream[b,p,d])\n"                           \
  "Yt[p,t.] = softmax(WO[t,d] Stream[B,p,d])\n"

#define THINGS                                                                                     \
  "Thing : {Ann, Bob, Cat}\nEmb : f32[Thing, 3]\n"                                                 \
  "Emb[Ann,0] = 1; Emb[Ann,2] = 0.5; Emb[Bob,1] = 1; Emb[Bob,2] = 0.25\n"                          \
  "Emb[Cat,0] = 0.5; Emb[Cat,1] = -1; Emb[Cat,2] = 1\n"                                            \
  "Rel(Ann,Bob), Rel(Bob,Cat)\n"                                                                   \
  "EmbR[i,j] = Rel(x,y) Emb[x,i] Emb[y,j]\n"                                                       \
  "D[Ann,y] = EmbR[i,j] Emb[Ann,i] Emb[y,j]\n"

static const semantics cases[] = {
    {"graph network", GRAPH "Y[n] = sig(WOut[d] Emb[n,L,d])",
     "Y", 3, {0.362969206, 0.377540669, 0.422504635}},
    {"links", GRAPH "Y[n,n'] = sig(Emb[n,L,d] Emb[n',L,d])",
     "Y", 9, {0.884439126, 0.847463486, 0.753466654, 0.847463486, 0.809275975, 0.719383626,
              0.753466654, 0.719383626, 0.648688936}},
    {"transformer", TRANSFORMER "Y[p,t] = Yt[p,t]",
     "Y", 9, {0.130144089, 0.277624579, 0.592231332, 0.1840019, 0.306256976, 0.509741124,
              0.234794067, 0.322430065, 0.442775867}},
    {"its stream", TRANSFORMER "Y[p,d] = Stream[B,p,d]",
     "Y", 12, {-1.37413531, 0.334268138, -0.334268138, 1.37413531, -0.0982675344, -0.691041656,
               -0.870506365, 1.65981556, 0.529769857, -1.644569, 0.113941231, 1.00085791}},
    {"a relation as a matrix", THINGS "Y[i,j] = EmbR[i,j]",
     "Y", 9, {0, 1, 0.25, 0.5, -1, 1, 0.125, 0.25, 0.375}},
    {"a relation asked of embeddings", THINGS "Y[y] = D[Ann,y]", "Y", 3,
     {0.28125, 1.234375, -0.65625}},
    {"similarity", THINGS "Y[x,x'] = Emb[x,d] Emb[x',d]", "Y", 9,
     {1.25, 0.125, 1, 0.125, 1.0625, -0.75, 1, -0.75, 2.25}},
    {"superposition", THINGS "Set[Ann] = 1; Set[Cat] = 2\nY[d] = Set[x] Emb[x,d]", "Y", 3,
     {2, -2, 2.5}},
    {"at a temperature", THINGS "T = 0.2\nY[y] = sig(D[Ann,y] - 0.5, T)", "Y", 3,
     {0.250912787, 0.97520184, 0.00307536985}},
    {"Bayesian network",
     "P1[T] = 0.3; P1[F] = 0.7; P2[T] = 0.6; P2[F] = 0.4\n"
     "CPTX[T,T,T] = 0.9; CPTX[T,T,F] = 0.5; CPTX[T,F,T] = 0.4; CPTX[T,F,F] = 0.1\n"
     "CPTX[F,T,T] = 0.1; CPTX[F,T,F] = 0.5; CPTX[F,F,T] = 0.6; CPTX[F,F,F] = 0.9\n"
     "PX[x] = CPTX[x,par1,par2] P1[par1] P2[par2]",
     "PX", 2, {0.582, 0.418}},
    {"Tucker",
     "M = [1, 2; 3, 4]; M' = [1, 0; 1, 1]; M'' = [2, 1; 0, 1]\n"
     "C = [[[1, 0], [2, 1]], [[0, 3], [1, 1]]]\nY[i,j,k] = M[i,p] M'[j,q] M''[k,r] C[p,q,r]",
     "Y", 8, {8, 6, 19, 9, 18, 12, 45, 19}},
    {"ancestors, counted",
     "Parent(Ann,Bob), Parent(Bob,Cat), Parent(Cat,Dan)\nAncestor(x,y) <- Parent(x,y)\n"
     "Ancestor(x,z) <- Ancestor(x,y), Parent(y,z)\nY[x] = Ancestor(x,y)",
     "Y", 3, {3, 2, 1}},
};

static void test_lines(void **state) {
  (void)state;
  semantics_hold(cases, (int)(sizeof cases / sizeof *cases));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
