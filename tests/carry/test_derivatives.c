/* Derivatives, written in the language, against differences: f64, 1e-6 relative; of all operations,
 * of what reads and writes through indices, of networks' parts; and second derivatives. */
#include "carry/carry.h"

#include <math.h>
#include <string.h>

/* ---- elementwise ----------------------------------------------------------------------------- */

static const double any[] = {-1.3, -0.4, 0.7, 1.9}, positive[] = {0.2, 0.9, 1.1, 3.0};
static const double other[] = {2.1, -0.73, 0.31, -1.5};

static const char *const of_any[] = {
    "X[i] + B[i]",
    "X[i] - B[i]",
    "X[i] B[i]",
    "X[i] / B[i]",
    "B[i] / X[i]",
    "min(X[i], B[i])",
    "max(X[i], B[i])",
    "clamp(X[i], -1, 1)",
    "-X[i]",
    "abs(X[i])",
    "exp(X[i])",
    "sin(X[i])",
    "cos(X[i])",
    "tanh(X[i])",
    "erf(X[i])",
    "sig(X[i])",
    "sig(X[i], 0.7)",
    "relu(X[i])",
    "gelu(X[i])",
    "gelu(X[i], tanh)",
    "silu(X[i])",
    "X[i]^2",
    "X[i]^3",
    "X[i]^-1",
    "where(X[i] > B[i], X[i]^2, B[i])",
    "where(X[i] > 0 and B[i] < 1, X[i]^2, sin(X[i]))",
    "X[i] sign(X[i])",
    "X[i] step(X[i])",
    "X[i] + floor(X[i])",
    "X[i] + round(X[i])",
    "2.0 ^ X[i]",
    "3",
};
static const char *const of_positive[] = {
    "log(X[i])", "sqrt(X[i])",    "rsqrt(X[i])",    "X[i]^B[i]",
    "X[i]^0.5",  "log(1 + X[i])", "X[i] log(X[i])",
};

/* Y[i] = TEXT, its derivative, and the derivative of that. */
static void check_op(carry *c, const char *text, const double *x) {
  set(c, "X", 4, x);
  set(c, "B", 4, other);
  load(c, base_format(
              c->arena,
              "X : f64[4]\nB : f64[4]\nW : f64[4]\nY : f64[4]\nY[i] = %s\nLoss = W[i] Y[i] Y[i]\n"
              "GX[i] = grad(Loss, X[i])\nGB[i] = grad(Loss, B[i])\nSlope = W[i] GX[i] GX[i]\n"
              "HX[i] = grad(Slope, X[i])",
              text));
  run(c, "Loss GX GB X B");
  is_derivative(c, "Loss", "X", "GX");
  is_derivative(c, "Loss", "B", "GB");
  run(c, "Slope HX X");
  is_derivative(c, "Slope", "X", "HX");
}

static void each_operation(void **state) {
  carry *c = *state;
  for (size_t i = 0; i < sizeof of_any / sizeof *of_any; i++) check_op(c, of_any[i], any);
  for (size_t i = 0; i < sizeof of_positive / sizeof *of_positive; i++)
    check_op(c, of_positive[i], positive);
}

/* ---- programs: leaves X and perhaps W, the result Y ------------------------------------------ */

typedef struct program {
  const char *name, *text, *x; /* x: positions of X; likewise of W */
  const char *w;
} program;

#define TOKENS "Tok : i64[6]\n"
static const program programs[] = {
    {"sum over one index", "X : f64[4, 5]\nY[i] = X[i,j]^2", "i,j", NULL},
    {"maximum", "X : f64[4, 5]\nY[i] max= X[i,j]", "i,j", NULL},
    {"minimum", "X : f64[4, 5]\nY[j] min= X[i,j]", "i,j", NULL},
    {"product", "X : f64[3, 4]\nY[i] prod= X[i,j] + 2", "i,j", NULL},
    {"average", "X : f64[4, 5]\nY[i] avg= exp(X[i,j])", "i,j", NULL},
    {"matrix product", "X : f64[4, 5]\nW : f64[5, 3]\nY[i,k] = tanh(X[i,j] W[j,k])", "i,j", "i,j"},
    {"three factors", "X : f64[4, 5]\nW : f64[5, 3]\nV : f64[3, 4]\nY[i,l] = X[i,j] W[j,k] V[k,l]",
     "i,j", "i,j"},
    {"a matrix with itself", "X : f64[4, 3]\nY[i,k] = X[i,j] X[k,j]", "i,j", NULL},
    {"transposed and broadcast", "X : f64[4, 3]\nW : f64[3]\nY[j,i] = X[i,j] W[j] + W[j]", "i,j",
     "i"},
    {"diagonal", "X : f64[4, 4]\nY[i] = sin(X[i,i])", "i,j", NULL},
    {"gather", TOKENS "X : f64[3, 4]\nW : f64[6, 4]\nY[p,d] = X[Tok[p],d] W[p,d]^2", "i,d", "p,d"},
    {"scatter",
     TOKENS "X : f64[6, 4]\nT : f64[3, 4]\nT[Tok[p],d] += X[p,d]^2\nY[t,d] = sin(T[t,d])", "p,d",
     NULL},
    {"shifted difference", "X : f64[6]\nY[i] = (X[i+1] - X[i])^2", "i", NULL},
    {"every other", "X : f64[9]\nY[i] = X[2*i+1]^3", "i", NULL},
    {"each twice", "X : f64[4]\nW : f64[8]\nY[i] = X[i/2] W[i]^2", "i", "i"},
    {"convolution", "X : f64[7, 2]\nW : f64[3, 2, 2]\nY[x,o] = W[d,i,o] X[x+d,i]", "i,j", "i,j,k"},
    {"strided convolution", "X : f64[9]\nW : f64[3]\nY[x] = tanh(W[d] X[2*x+d])", "i", "i"},
    {"padded convolution", "X : f64[6]\nW : f64[3]\nY : f64[6]\nY[x] = W[d] X[x+d-1]", "i", "i"},
    {"transposed convolution", "X : f64[4]\nW : f64[3]\nY[2*x+d] += X[x] W[d]", "i", "i"},
    {"pooling by maximum", "X : f64[6, 6]\nY[x/2,y/2] max= X[x,y]", "i,j", NULL},
    {"pooling by sum", "X : f64[6, 4]\nY[x/3,y/2] = X[x,y]^2", "i,j", NULL},
    {"softmax", "X : f64[3, 5]\nY[i,j.] = softmax(X[i,j])", "i,j", NULL},
    {"log-softmax", "X : f64[3, 5]\nY[i,j.] = logsoftmax(X[i,j])", "i,j", NULL},
    {"layer norm", "X : f64[3, 5]\nW : f64[5]\nN[i,j.] = lnorm(X[i,j])\nY[i,j] = N[i,j] W[j]",
     "i,j", "i"},
    {"root mean square norm", "X : f64[3, 5]\nY[i,j.] = rmsnorm(X[i,j])", "i,j", NULL},
    {"cumulative sum", "X : f64[6]\nY[i.] = cumsum(X[i]^2)", "i", NULL},
    {"concatenation", "X : f64[3, 4]\nY[m] = concat(X[i,j])", "i,j", NULL},
    {"recurrence", "X : f64[5]\nW : f64[1]\nY[0] = 1\nY[t+1] = tanh(W[0] Y[t] + X[t])", "i", "i"},
    {"recurrence over vectors",
     "X : f64[3, 3]\nW : f64[3, 5]\nS[d,0] = W[d,0]\nS[d,t+1] = sin(X[d,e] S[e,t] + W[d,t])\n"
     "Y[d] = S[d,5]",
     "i,j", "i,j"},
    {"two recurrences together",
     "X : f64[5]\nA[0] = 0.5\nB[0] = 0.25\nA[t+1] = sin(A[t] + B[t])\nB[t+1] = B[t] X[t] + A[t+1]\n"
     "Y = A[5] B[5]",
     "i", NULL},
    {"masked attention",
     "X : f64[4, 3]\nW : f64[3, 3]\nQ[p,k] = X[p,d] W[d,k]\n"
     "S[p,q.] = softmax(where(q <= p, Q[p,k] X[q,k], -inf))\nY[p,d] = S[p,q] X[q,d]",
     "i,j", "i,j"},
    {"kernel of distances", "X : f64[4, 3]\nY[i,k] = exp(-(X[i,j] - X[k,j])^2 / 2)", "i,j", NULL},
    {"cross-entropy", TOKENS "X : f64[6, 3]\nL[p,c.] = logsoftmax(X[p,c])\nY avg= -L[p,Tok[p]]",
     "i,j", NULL},
    {"batch norm",
     "X : f64[6, 3]\nM[d] avg= X[b,d]\nV[d] avg= (X[b,d] - M[d])^2\n"
     "Y[b,d] = (X[b,d] - M[d]) rsqrt(V[d] + 0.01)",
     "i,j", NULL},
};

static int positions(const char *names) {
  int n = 1;
  for (; *names; names++) n += *names == ',';
  return n;
}

/* Loss is a curve of each element of Y. */
static const char *with_gradients(carry *c, const program *q, int rank) {
  static const char *const head[] = {"", "[a]", "[a,b]", "[a,b,c]"};
  const char *y = head[rank];
  base_text t = base_text_open(c->arena);
  base_putf(&t, "%s\nLoss = 0.5 Y%s^2 + 0.2 Y%s^3\n", q->text, y, y);
  base_putf(&t, "GX[%s] = grad(Loss, X[%s])\nSlope = GX[%s]^2\nHX[%s] = grad(Slope, X[%s])\n", q->x,
            q->x, q->x, q->x, q->x);
  if (q->w)
    base_putf(&t, "GW[%s] = grad(Loss, W[%s])\nHW[%s] = grad(Slope, W[%s])\n", q->w, q->w, q->w,
              q->w);
  return t.at;
}

static int rank_of_result(carry *c, const program *q) {
  load(c, q->text);
  return lang_find(c->source, "Y")->ir->rank;
}

static void check_program(carry *c, const program *q, bool second) {
  int rank = rank_of_result(c, q);
  assert_true(positions(q->x) <= 3);
  load(c, with_gradients(c, q, rank));
  if (second)
    run(c, q->w ? "Slope HX HW X W" : "Slope HX X");
  else
    run(c, q->w ? "Loss GX GW X W" : "Loss GX X");
  is_derivative(c, second ? "Slope" : "Loss", "X", second ? "HX" : "GX");
  if (q->w) is_derivative(c, second ? "Slope" : "Loss", "W", second ? "HW" : "GW");
}

static void each_program(void **state) {
  for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
    print_message("             %s\n", programs[i].name);
    check_program(*state, &programs[i], false);
  }
}

static void second_derivatives(void **state) {
  for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
    print_message("             %s\n", programs[i].name);
    check_program(*state, &programs[i], true);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      ON_REF(each_operation),
      ON_BOTH(each_program),
      ON_BOTH(second_derivatives),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
