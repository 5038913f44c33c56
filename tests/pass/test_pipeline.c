/* All passes in a row keep what a program computes, and leave what a kernel can be made of. */
#include <string.h>

#include "lab.h"

/* The outputs before and after. */
static void check(lab *l) {
  int n = l->p->outputs.n;
  compute(l);
  double **before = base_alloc(l->arena, sizeof *before * (size_t)n);
  for (int i = 0; i < n; i++) {
    int count = (int)elements(l, l->p->outputs.at[i]);
    before[i] = base_alloc(l->arena, sizeof(double) * (size_t)(count + 1));
    for (int k = 0; k < count; k++) before[i][k] = at(l, l->p->outputs.at[i], k);
  }
  pass_run(l->p, &(pass_options){.verify = true});
  compute(l);
  for (int i = 0; i < n; i++)
    assert_values(l, l->p->outputs.at[i], (int)elements(l, l->p->outputs.at[i]), before[i]);
}

static void learn(lab *l, ir_tensor *loss, int n, ir_tensor *const *parameter) {
  ir_tensor *grad[8];
  pass_gradient(l->p, loss, 0, n, parameter, grad);
  ir_output(l->p, loss);
  for (int i = 0; i < n; i++) ir_output(l->p, grad[i]);
}

static void a_classifier(void **state) {
  lab *l = *state;
  size(l, "B", 3);
  given(l, "X : f64[B, 4]");
  ir_tensor *W = given(l, "W : f64[4, 5]"), *C = given(l, "C : f64[5]"),
            *V = given(l, "V : f64[5, 3]");
  given(l, "N : i64[B]");
  eq(l, "T[b,h] += X[b,i] * W[i,h]");
  eq(l, "Y[b,h] = max(T[b,h] + C[h], 0.0)");
  eq(l, "Z[b,c] += Y[b,h] * V[h,c]");
  eq(l, "M[b] max= Z[b,c]");
  eq(l, "E[b] += exp(Z[b,c] - stop(M[b]))");
  eq(l, "LP[b,c] = Z[b,c] - stop(M[b]) - log(E[b])");
  ir_tensor *L = eq(l, "L += where(0 <= N[b] and N[b] < 3, LP[b,N[b]], 0.0) / -3.0; b < B");
  learn(l, L, 3, (ir_tensor *[]){W, C, V});
  check(l);
  assert_string_equal(text_of(l, tensor(l, "GC")), "GC[h] = GT[b,h]");
}

static void attention(void **state) {
  lab *l = *state;
  size(l, "P", 5);
  size(l, "D", 8);
  ir_tensor *X = given(l, "X : f64[P, D]"), *WQ = given(l, "WQ : f64[2, 4, D]");
  ir_tensor *WK = given(l, "WK : f64[2, 4, D]"), *WV = given(l, "WV : f64[2, 4, D]");
  ir_tensor *WS = given(l, "WS : f64[D, 8]");
  eq(l, "MU[p] += X[p,d] / D");
  eq(l, "V[p] += (X[p,d] - MU[p]) * (X[p,d] - MU[p]) / D");
  eq(l, "A[p,d] = (X[p,d] - MU[p]) * rsqrt(V[p] + 0.00001)");
  eq(l, "Q[h,p,k] += WQ[h,k,d] * A[p,d]");
  eq(l, "K[h,p,k] += WK[h,k,d] * A[p,d]");
  eq(l, "U[h,p,k] += WV[h,k,d] * A[p,d]");
  eq(l, "S[h,p,q] += Q[h,p,k] * K[h,q,k] / 2.0");
  eq(l, "C[h,p,q] = where(q <= p, S[h,p,q], -inf)");
  eq(l, "M[h,p] max= C[h,p,q]");
  eq(l, "E[h,p] += exp(C[h,p,q] - stop(M[h,p]))");
  eq(l, "R[h,p,q] = exp(C[h,p,q] - stop(M[h,p])) / E[h,p]");
  eq(l, "H[h,p,k] += R[h,p,q] * U[h,q,k]");
  declared(l, "G : f64[P, 8]");
  eq(l, "G[p,4*h+k] += H[h,p,k]");
  eq(l, "Y[p,d] += WS[d,m] * G[p,m]");
  eq(l, "O[p,d] = Y[p,d] + X[p,d]");
  ir_tensor *L = eq(l, "L += O[p,d] * O[p,d] * O[p,d]");
  learn(l, L, 5, (ir_tensor *[]){WQ, WK, WV, WS, X});
  check(l);
}

static void a_convolutional_net(void **state) {
  lab *l = *state;
  given(l, "X : f64[2, 6, 6, 2]");
  ir_tensor *F = given(l, "F : f64[3, 3, 2, 3]"), *W = given(l, "W : f64[3, 3, 3]");
  eq(l,
     "T[b,y,x,o] += where(0 <= y+i-1 and y+i-1 < 6 and 0 <= x+j-1 and x+j-1 < 6, "
     "X[b,y+i-1,x+j-1,c], 0.0) "
     "* F[i,j,c,o]; y < 6, x < 6");
  eq(l, "R[b,y,x,o] = max(T[b,y,x,o], 0.0)");
  declared(l, "P : f64[2, 3, 3, 3]");
  eq(l, "P[b,y//2,x//2,o] max= R[b,y,x,o]");
  ir_tensor *L = eq(l, "L += P[b,y,x,o] * W[y,x,o] * P[b,y,x,o]");
  learn(l, L, 2, (ir_tensor *[]){F, W});
  check(l);
}

static void a_recurrent_net(void **state) {
  lab *l = *state;
  size(l, "T", 4);
  given(l, "X : f64[T, 2, 3]");
  ir_tensor *W = given(l, "W : f64[4, 4]"), *V = given(l, "V : f64[3, 4]"),
            *I = given(l, "I : f64[2, 4]");
  declared(l, "H : f64[T+1, 2, 4]");
  declared(l, "C : f64[T+1, 2, 4]");
  eq(l, "H[0,b,h] = I[b,h]");
  eq(l, "C[0,b,h] = 0.0");
  eq(l, "Z[t,b,h] += W[g,h] * H[t,b,g]; t < T");
  eq(l, "U[t,b,h] += V[i,h] * X[t,b,i]");
  eq(l, "G[t,b,h] = sig(Z[t,b,h] + U[t,b,h])");
  eq(l, "C[t+1,b,h] = G[t,b,h] * C[t,b,h] + (1.0 - G[t,b,h]) * tanh(U[t,b,h]); t < T");
  eq(l, "H[t+1,b,h] = G[t,b,h] * tanh(C[t+1,b,h]); t < T");
  ir_tensor *L = eq(l, "L += H[t,b,h] * H[t,b,h]");
  learn(l, L, 3, (ir_tensor *[]){W, V, I});
  check(l);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_LAB(a_classifier),
      WITH_LAB(attention),
      WITH_LAB(a_convolutional_net),
      WITH_LAB(a_recurrent_net),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
