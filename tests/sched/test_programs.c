/* Whole programs: how many kernels, of which shapes, and the same values as without any pass. */
#include "sched/fixture.h"

/* ---- attention, however it is written -------------------------------------------------------- */

#define QKV                                                                                  \
  "Q : f32[2, 3, 6, 4]\nK : f32[2, 3, 6, 4]\nV : f32[2, 3, 6, 4]\nU : f32[2, 3, 6, 4]\nB : " \
  "f32[6, 6]\n"

static const char *const spellings[] = {
    "C[b,h,p,q.] = softmax(Q[b,h,p,k] K[b,h,q,k])\nH[b,h,p,k] = C[b,h,p,q] V[b,h,q,k]\n",
    "C[b,h,p,q.] = softmax(Q[b,h,p,k] K[b,h,q,k] / sqrt(4))\nH[b,h,p,k] = C[b,h,p,q] V[b,h,q,k]\n",
    "C[b,h,p,q.] = softmax(where(q <= p, Q[b,h,p,k] K[b,h,q,k] / 2, -inf))\nH[b,h,p,k] = "
    "C[b,h,p,q] V[b,h,q,k]\n",
    "C[b,h,p,q.] = softmax(Q[b,h,p,k] K[b,h,q,k] + B[p,q])\nH[b,h,p,k] = C[b,h,p,q] V[b,h,q,k]\n",
    "C[b,h,p,q.] = softmax(8 tanh(Q[b,h,p,k] K[b,h,q,k] / 8))\nH[b,h,p,k] = C[b,h,p,q] "
    "V[b,h,q,k]\n",
    "R[b,h,p,k] = Q[b,h,p,k] / 2\nC[b,h,p,q.] = softmax(R[b,h,p,k] K[b,h,q,k])\nH[b,h,p,k] = "
    "C[b,h,p,q] V[b,h,q,k]\n",
    "S[b,h,p,q] = Q[b,h,p,k] K[b,h,q,k]\nC[b,h,p,q.] = softmax(S[b,h,p,q])\nH[b,h,p,k] = "
    "C[b,h,p,q] V[b,h,q,k]\n",
    "S[b,h,p,q] = Q[b,h,p,k] K[b,h,q,k]\nE[b,h,p,q] = exp(S[b,h,p,q] - max[r](S[b,h,p,r]))\n"
    "H[b,h,p,k] = sum[q](E[b,h,p,q] V[b,h,q,k]) / sum[r](E[b,h,p,r])\n",
    "S[b,h,p,q] = Q[b,h,p,k] K[b,h,q,k]\nM[b,h,p] max= S[b,h,p,q]\nE[b,h,p,q] = exp(S[b,h,p,q] - "
    "M[b,h,p])\n"
    "L[b,h,p] = E[b,h,p,q]\nH[b,h,p,k] = E[b,h,p,q] V[b,h,q,k] / L[b,h,p]\n",
    "C[b,h,p,q.] = softmax(K[b,h,q,k] Q[b,h,p,k])\nH[b,h,p,k] = V[b,h,q,k] C[b,h,p,q]\n",
    "C[b,h,p,q.] = softmax(Q[b,h,p,k] K[b,0,q,k])\nH[b,h,p,k] = C[b,h,p,q] V[b,0,q,k]\n",
    "C[b,h,q.,p] = softmax(Q[b,h,p,k] K[b,h,q,k])\nH[b,p,h,k] = C[b,h,q,p] V[b,h,q,k]\n",
    "C[p,q.] = softmax(Q[0,0,p,k] K[0,0,q,k])\nH[p,k] = C[p,q] V[0,0,q,k]\n",
};

static void attention_forward(void **state) {
  fixture *f = *state;
  for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++) {
    plan_text(f, base_format(f->arena, "%s%s", QKV, spellings[i]), "H");
    if (kernels_of(f, KERNEL_ATTEND) != 1 || kernels(f) > 2) {
      show(f);
      fail_msg("spelling %d: %d kernels", (int)i, kernels(f));
    }
    check_values(f, 1e-5);
  }
}

static void attention_is_one_kernel(void **state) {
  fixture *f = *state;
  plan_text(f, base_format(f->arena, "%s%s", QKV, spellings[2]), "H");
  assert_int_equal(kernels(f), 1);
  assert_int_equal(stored(f), 1);
}

static void attention_backward(void **state) {
  fixture *f = *state;
  plan_text(f, base_format(f->arena, "%s%sLoss = H[b,h,p,k] U[b,h,p,k]\n", QKV, spellings[2]),
            "H grad Loss Q K V");
  assert_true(kernels(f) <= 4);
  assert_true(kernels_of(f, KERNEL_ATTEND) >= 1);
  check_values(f, 1e-4);
}

/* ---- convolution and batch norm, training ---------------------------------------------------- */

static void convolution(void **state) {
  fixture *f = *state;
  plan_text(
      f,
      "X : f32[2, 9, 9, 3]\nW : f32[3, 3, 3, 4]\nG : f32[4]\nB : f32[4]\nU : f32[2, 4, 4, 4]\n"
      "Z[n,x,y,o] = X[n,2*x+dx,2*y+dy,c] W[dx,dy,c,o]\nM[o] avg= Z[n,x,y,o]\n"
      "V[o] avg= (Z[n,x,y,o] - M[o])^2\n"
      "Y[n,x,y,o] = relu(G[o] (Z[n,x,y,o] - M[o]) * rsqrt(V[o] + 0.00001) + B[o])\n"
      "Loss = Y[n,x,y,o] U[n,x,y,o]\n",
      "Y grad Loss X W G B");
  assert_true(kernels(f) <= 7);
  assert_true(kernels_of(f, KERNEL_CONTRACT) == 3);
  assert_int_equal(kernels_of(f, KERNEL_SCATTER), 0);
  check_values(f, 1e-4);
}

static void padded_convolution(void **state) {
  fixture *f = *state;
  plan_text(f,
            "X : f32[7, 7, 3]\nW : f32[3, 3, 3, 4]\nY : f32[7, 7, 4]\n"
            "Y[x,y,o] = where(0 <= x+dx-1 and x+dx-1 < 7 and 0 <= y+dy-1 and y+dy-1 < 7, "
            "X[x+dx-1,y+dy-1,c], 0) W[dx,dy,c,o]\n",
            "Y");
  assert_int_equal(kernels(f), 2);
  assert_int_equal(kernels_of(f, KERNEL_CONTRACT), 1);
  const kernel *pad = first_of(f, KERNEL_MAP);
  assert_int_equal(pad->segment[0].nframe, 3);      /* x + dx, y + dy, c: no column for each dx */
  check_values(f, 1e-5);
}

/* ---- recurrence ------------------------------------------------------------------------------ */

#define LSTM                                                                                       \
  "X : f32[5, 2, 3]\nWI : f32[4, 3]\nUI : f32[4, 4]\nWF : f32[4, 3]\nUF : f32[4, 4]\nWO : f32[4, " \
  "3]\n"                                                                                           \
  "UO : f32[4, 4]\nWC : f32[4, 3]\nUC : f32[4, 4]\nS : f32[2, 4]\n"                                \
  "I[t,b,d] = sig(WI[d,e] X[t,b,e] + UI[d,k] H[t,b,k])\nF[t,b,d] = sig(WF[d,e] X[t,b,e] + "        \
  "UF[d,k] H[t,b,k])\n"                                                                            \
  "O[t,b,d] = sig(WO[d,e] X[t,b,e] + UO[d,k] H[t,b,k])\nA[t,b,d] = tanh(WC[d,e] X[t,b,e] + "       \
  "UC[d,k] H[t,b,k])\n"                                                                            \
  "C[0,b,d] = S[b,d]\nC[t+1,b,d] = F[t,b,d] C[t,b,d] + I[t,b,d] A[t,b,d]\n"                        \
  "H[0,b,d] = S[b,d]\nH[t+1,b,d] = O[t,b,d] tanh(C[t+1,b,d])\nLoss = H[5,b,d]\n"

static void lstm(void **state) {
  fixture *f = *state;
  plan_text(f, LSTM, "Loss");
  assert_int_equal(kernels_of(f, KERNEL_CONTRACT), 8);
  assert_true(kernels(f) <= 10);
  check_values(f, 1e-5);
  plan_text(f, LSTM, "Loss grad Loss WI UI WF UF X");
  check_values(f, 1e-4);
}

static void scans(void **state) {
  fixture *f = *state;
  plan_text(f,
            "X : f32[7, 4]\nS[0,d] = X[0,d]\nS[t+1,d] = 0.9 S[t,d] + 0.1 X[t,d]\nY[d] = "
            "S[7,d]\nZ[t,d] = cumsum[t](X[t,d])\n",
            "Y Z");
  assert_int_equal(kernels_of(f, KERNEL_SCAN), 2);
  for (int i = 0; i < f->plan->body.steps.n; i++) assert_null(f->plan->body.steps.at[i].loop);
  check_values(f, 1e-5);
  plan_text(f, "X : f32[7, 4]\nS[0,d] = X[0,d]\nS[t+1,d] = sin(S[t,d]) X[t,d]\nLoss = S[7,d]^2\n",
            "Loss grad Loss X");
  assert_int_equal(kernels_of(f, KERNEL_SCAN), 2);
  check_values(f, 1e-4);
}

/* ---- graphs, embeddings ---------------------------------------------------------------------- */

static void graph(void **state) {
  fixture *f = *state;
  plan_text(
      f,
      "Src : i64[9]\nDst : i64[9]\nX : f32[5, 4]\nW : f32[4, 4]\nV : f32[4, 4]\nU : f32[5, 4]\n"
      "Z[n,d] = X[n,e] W[e,d]\nAgg : f32[5, 4]\nAgg[Dst[k], d] += Z[Src[k], d]\n"
      "Y[n,d] = relu(Agg[n,d] + X[n,e] V[e,d])\nLoss = Y[n,d] U[n,d]\n",
      "Y grad Loss X W V");
  assert_int_equal(kernels_of(f, KERNEL_SCATTER), 2);
  assert_true(kernels(f) <= 7);
  check_values(f, 1e-4);
}

static void deep_graph(void **state) {
  fixture *f = *state;
  plan_text(f,
            "Src : i64[9]\nDst : i64[9]\nX : f32[5, 4]\nW : f32[3, 4, 4]\nV : f32[3, 4, 4]\nU : "
            "f32[5, 4]\n"
            "E[0,n,d] = X[n,d]\nAgg : f32[3, 5, 4]\nAgg[l, Dst[k], d] += E[l, Src[k], d]\n"
            "E[l+1,n,d] = relu(W[l,d,e] Agg[l,n,e] + V[l,d,e] E[l,n,e])\nLoss = E[3,n,d] U[n,d]\n",
            "Loss grad Loss X W V");
  assert_true(kernels_of(f, KERNEL_SCATTER) <= 2);
  check_values(f, 1e-4);
}

static void embedding(void **state) {
  fixture *f = *state;
  plan_text(f, "Tok : i64[4, 5]\nEmb : f32[7, 3]\nU : f32[4, 5, 3]\nX[b,p,d] = Emb[Tok[b,p], d]\n"
               "Loss = X[b,p,d] U[b,p,d]\n", "Loss grad Loss Emb");
  assert_int_equal(kernels_of(f, KERNEL_SCATTER), 1);
  assert_int_equal(kernels(f), 2);
  check_values(f, 1e-5);
}

/* ---- a block of a transformer ---------------------------------------------------------------- */

#define BLOCK                                                                                      \
  "X : f32[2, 5, 8]\nWQ : f32[2, 4, 8]\nWK : f32[2, 4, 8]\nWV : f32[2, 4, 8]\nWS : f32[8, 8]\nW1 " \
  ": f32[12, 8]\n"                                                                                 \
  "W2 : f32[8, 12]\nT : i64[2, 5]\nA[b,p,d.] = lnorm(X[b,p,d])\nQ[b,h,p,k] = WQ[h,k,d] A[b,p,d]\n" \
  "K[b,h,p,k] = WK[h,k,d] A[b,p,d]\nV[b,h,p,k] = WV[h,k,d] A[b,p,d]\n"                             \
  "C[b,h,p,q.] = softmax(where(q <= p, Q[b,h,p,k] K[b,h,q,k] / 2, -inf))\nH[b,h,p,k] = "           \
  "C[b,h,p,q] V[b,h,q,k]\n"                                                                        \
  "M[b,p,m] = concat(H[b,h,p,k])\nR[b,p,d] = X[b,p,d] + WS[d,m] M[b,p,m]\nN[b,p,d.] = "            \
  "lnorm(R[b,p,d])\n"                                                                              \
  "Y[b,p,d] = R[b,p,d] + W2[d,f] gelu(W1[f,e] N[b,p,e])\nP[b,p,c.] = logsoftmax(Y[b,p,c])\n"       \
  "Loss avg= -P[b,p,T[b,p]]\n"

static void block_forward(void **state) {
  fixture *f = *state;
  plan_text(f, BLOCK, "Loss");
  assert_int_equal(kernels_of(f, KERNEL_ATTEND), 1);
  assert_int_equal(kernels_of(f, KERNEL_CONTRACT), 6);
  assert_int_equal(kernels_of(f, KERNEL_ROW), 3);
  assert_true(kernels(f) <= 11);
  check_values(f, 1e-4);
}

static void block_backward(void **state) {
  fixture *f = *state;
  plan_text(f, BLOCK, "Loss grad Loss X WQ WK WV WS W1 W2");
  assert_true(kernels(f) <= 34);
  check_values(f, 1e-3);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_FIXTURE(attention_forward),
      WITH_FIXTURE(attention_is_one_kernel),
      WITH_FIXTURE(attention_backward),
      WITH_FIXTURE(convolution),
      WITH_FIXTURE(padded_convolution),
      WITH_FIXTURE(lstm),
      WITH_FIXTURE(scans),
      WITH_FIXTURE(graph),
      WITH_FIXTURE(embedding),
      WITH_FIXTURE(deep_graph),
      WITH_FIXTURE(block_forward),
      WITH_FIXTURE(block_backward),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
