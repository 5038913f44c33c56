/* What tl bench measures: one row a case. */
#include <stdio.h>
#include <string.h>

#include "bench.h"

#define SQUARE "A:nn B:nn"
#define LINEAR "X:nn W:nn C:n"

const bench_case bench_cases[] = {
    {"matmul",
     "matmul",
     "Y[m,n] = A[m,k] B[k,n]",
     NULL,
     SQUARE,
     {0, 0, 0, 2},
     {0, 0, 3},
     "torch.matmul(A, B)"},

    {"elementwise", "add", "Y[i] = A[i] + B[i]", NULL, "A:n B:n", {0, 1}, {0, 3}, "A + B"},
    {"elementwise", "sub", "Y[i] = A[i] - B[i]", NULL, "A:n B:n", {0, 1}, {0, 3}, "A - B"},
    {"elementwise", "mul", "Y[i] = A[i] B[i]", NULL, "A:n B:n", {0, 1}, {0, 3}, "A * B"},
    {"elementwise",
     "div",
     "Y[i] = A[i] / (B[i]^2 + 1)",
     NULL,
     "A:n B:n",
     {0, 3},
     {0, 3},
     "A / (B * B + 1)"},

    {"reductions", "sum", "Y = X[i]", NULL, "X:n", {0, 1}, {1, 1}, "X.sum(dtype=wide)"},
    {"reductions", "mean", "Y avg= X[i]", NULL, "X:n", {0, 1}, {1, 1}, "X.mean(dtype=wide)"},
    {"reductions", "max", "Y max= X[i]", NULL, "X:n", {0, 1}, {1, 1}, "X.max()"},
    {"reductions", "rows", "Y[r] = X[r,c]", NULL, "X:rc", {0, 1}, {0, 1}, "X.sum(1)"},

    {"activations", "relu", "Y[i] = relu(X[i])", NULL, "X:n", {0, 1}, {0, 2}, "torch.relu(X)"},
    {"activations", "gelu", "Y[i] = gelu(X[i])", NULL, "X:n", {0, 8}, {0, 2}, "F.gelu(X)"},
    {"activations",
     "softmax",
     "Y[r,c.] = softmax(X[r,c])",
     NULL,
     "X:rc",
     {0, 5},
     {0, 2},
     "torch.softmax(X, 1)"},
    {"activations",
     "lnorm",
     "Y[r,c.] = lnorm(X[r,c])",
     NULL,
     "X:rc",
     {0, 6},
     {0, 2},
     "F.layer_norm(X, (X.shape[1],))"},

    {"fusion",
     "add_relu",
     "Y[m,n] = relu(A[m,n] + B[m,n])",
     "T[m,n] = A[m,n] + B[m,n]|Y[m,n] = relu(T[m,n])",
     SQUARE,
     {0, 0, 2},
     {0, 0, 3},
     "torch.relu(A + B)"},
    {"fusion",
     "affine",
     "Y[m,n] = X[m,n] S[n] + C[n]",
     "T[m,n] = X[m,n] S[n]|Y[m,n] = T[m,n] + C[n]",
     "X:nn S:n C:n",
     {0, 0, 2},
     {0, 2, 2},
     "X * S + C"},
    {"fusion",
     "matmul_relu",
     "Y[m,n] = relu(X[m,k] W[k,n] + C[n])",
     "T[m,n] = X[m,k] W[k,n]|U[m,n] = T[m,n] + C[n]|Y[m,n] = relu(U[m,n])",
     LINEAR,
     {0, 0, 2, 2},
     {0, 1, 3},
     "torch.relu(X @ W + C)"},
    {"fusion",
     "matmul_gelu",
     "Y[m,n] = gelu(X[m,k] W[k,n] + C[n])",
     "T[m,n] = X[m,k] W[k,n]|U[m,n] = T[m,n] + C[n]|Y[m,n] = gelu(U[m,n])",
     LINEAR,
     {0, 0, 9, 2},
     {0, 1, 3},
     "F.gelu(X @ W + C)"},
    {"fusion",
     "linear_residual_relu",
     "Y[m,n] = relu(X[m,k] W[k,n] + C[n] + R[m,n])",
     "T[m,n] = X[m,k] W[k,n]|U[m,n] = T[m,n] + C[n]|V[m,n] = U[m,n] + R[m,n]|Y[m,n] = relu(V[m,n])",
     LINEAR " R:nn",
     {0, 0, 3, 2},
     {0, 1, 4},
     "torch.relu(X @ W + C + R)"},
    {"fusion",
     "gelu_linear",
     "H[m,k] = gelu(X[m,k])\nY[m,n] = H[m,k] W[k,n] + C[n]",
     "H[m,k] = gelu(X[m,k])|T[m,n] = H[m,k] W[k,n]|Y[m,n] = T[m,n] + C[n]",
     LINEAR,
     {0, 0, 9, 2},
     {0, 1, 3},
     "F.gelu(X) @ W + C"},
    {"fusion",
     "linear_batchnorm_relu",
     "Y[m,n] = relu((X[m,k] W[k,n] + C[n] - M[n]) * rsqrt(V[n]^2 + 0.00001) * G[n])",
     "T[m,n] = X[m,k] W[k,n]|U[m,n] = T[m,n] + C[n]|"
     "Z[m,n] = (U[m,n] - M[n]) * rsqrt(V[n]^2 + 0.00001) * G[n]|Y[m,n] = relu(Z[m,n])",
     LINEAR " M:n V:n G:n",
     {0, 0, 5, 2},
     {0, 4, 3},
     "torch.relu((X @ W + C - M) * torch.rsqrt(V * V + 0.00001) * G)"},
    {"fusion",
     "layernorm_linear",
     "N[m,k.] = lnorm(X[m,k])\nY[m,n] = N[m,k] W[k,n] + C[n]",
     "N[m,k.] = lnorm(X[m,k])|T[m,n] = N[m,k] W[k,n]|Y[m,n] = T[m,n] + C[n]",
     LINEAR,
     {0, 0, 7, 2},
     {0, 1, 3},
     "F.layer_norm(X, (X.shape[1],)) @ W + C"},
    {"fusion",
     "attention_scores",
     "Y[p,q.] = softmax(A[p,d] B[q,d] / sqrt(64))",
     "S[p,q] = A[p,d] B[q,d]|T[p,q] = S[p,q] / sqrt(64)|Y[p,q.] = softmax(T[p,q])",
     SQUARE,
     {0, 0, 6, 2},
     {0, 0, 3},
     "torch.softmax(A @ B.T / 8, 1)"},
};
const int bench_ncases = sizeof bench_cases / sizeof *bench_cases;

const char *const bench_categories[] = {"matmul",    "elementwise", "reductions", "activations",
                                        "transfers", "fusion",      NULL};

int bench_default_sizes(const char *category, int64_t *sizes) {
  static const int64_t squares[] = {64, 128, 256, 512, 1024},
                       counts[] = {1000, 10000, 100000, 1000000};
  static const int64_t fused[] = {128, 256, 512, 1024};
  const int64_t *from = counts;
  int n = 4;
  if (strcmp(category, "matmul") == 0) from = squares, n = 5;
  if (strcmp(category, "fusion") == 0) from = fused;
  memcpy(sizes, from, sizeof *from * (size_t)n);
  return n;
}

double bench_flop(const bench_case *c, int64_t n) {
  double x = (double)n;
  return c->flop[0] + x * (c->flop[1] + x * (c->flop[2] + x * c->flop[3]));
}

double bench_bytes(const bench_case *c, int64_t n) {
  double x = (double)n;
  return 2 * (c->moved[0] + x * (c->moved[1] + x * c->moved[2]));
}
