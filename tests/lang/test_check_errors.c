/* What the checker refuses, and with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lang/semantics.h"

typedef struct wrong {
  const char *text, *part;
} wrong;

static void refused(const wrong *cases, size_t n) {
  for (size_t i = 0; i < n; i++) semantics_refused(cases[i].text, cases[i].part);
}

#define REFUSED(cases) refused(cases, sizeof cases / sizeof *cases)

static void test_sums_with_two_readings(void **state) {
  (void)state;
  static const wrong cases[] = {
      {"P = [1, 2]\nY = log(P[e])", "write `log(sum[e](P[e]))` or `sum[e](log(P[e]))`"},
      {"E = [1, 2]\nT = 2\nY = exp(-E[s] / T)",
       "write `exp(-sum[s](E[s]) / T)` or `sum[s](exp(-E[s] / T))`"},
      {"W = [1, 2]\nX = [1, 2; 3, 4]\nY = (W[d] X[e,d])^2",
       "write `sum[e](W[d] X[e,d])^2` or `sum[e]((W[d] X[e,d])^2)`"},
      {"G = [1, 2]\nC = [1, 2]\nX = [1, 2; 3, 4]\nY = G[b] (X[b,i] + C[b])",
       "write `G[b] (sum[i](X[b,i]) + C[b])` or `sum[i](G[b] (X[b,i] + C[b]))`"},
      {"W = [1, 2]\nX = [1, 2]\nY = sig(W[i] X[i] + X[i])",
       "write `sig(sum[i](W[i] X[i]) + sum[i](X[i]))` or `sig(sum[i](W[i] X[i] + X[i]))`"},
      {"X = [1, 2]\nY = max(X[i] X[i], X[i])", "one argument joins it in a product"},
      {"X = [1, 2]\nY = X[i] > 0", "it stands inside a function"},
  };
  REFUSED(cases);
}

static void test_sizes_that_disagree(void **state) {
  (void)state;
  static const wrong cases[] = {
      {"W = [1, 2, 3]\nX = [1, 2]\nY = W[i] X[i]",
       "the index `i` runs over 3 (position 0 of W) and over 2 (position 0 of X)"},
      {"A = [1, 2, 3]\nY : f32[5]\nY[i] = A[i]",
       "the index `i` runs over 3 (position 0 of A) and over 5 (position 0 of Y)"},
      {"A = [1, 2, 3]\nB = [1, 2]\nY[i] = A[i]\nY[i] = B[i]",
       "position 0 of Y runs over 2 here (position 0 of B) and over 3 on line 3 (position 0 of A)"},
      {"A : f32[2, 2]\nA = [1, 2, 3; 4, 5, 6]",
       "position 1 of A is declared 2 long; there are 3 elements"},
      {"A = [1, 2; 3, 4]\nZ : f32[3]\nZ[m] = concat(A[i,j])", "concat merges 4 elements"},
      {"A = [1, 2; 3]", "this row has 1 element; the rows before have 2"},
      {"A = [1, 2, 3]\nY = A[2:7]",
       "the slice 2:7 does not lie in position 0 of A, which is 3 long"},
      {"A = [1, 2, 3]\nZ[i] = A[i]\nY = Z[2:7]", "the slice does not lie inside"},
      {"X : f32[3]\nX[7] = 1", "7 is not in position 0 of X, which is 3 long"},
      {"X = [1, 2]\nY = X[2]", "2 is not in position 0 of X, which is 2 long"},
      {"X = [1, 2]\nY[-1] = X[i]", "positions count from 0; position 0 of Y is -1 here"},
      {"Y[i] = 3", "how far the index `i` runs is not known"},
      {"X = [1, 2]\nY[i] = X[i,j]", "X has 1 position; 2 are given here"},
      {"X = [1, 2]\nY = X", "it is [2]: write `X[i]`"},
      {"X = [1]\nY[i] = X[i]\nY = 2", "Y has no position here and 1 position on line 2"},
  };
  REFUSED(cases);
}

static void test_names(void **state) {
  (void)state;
  static const wrong cases[] = {
      {"Wait = [1]\nY = Wat[i]", "`Wat` is not defined\nhelp: did you mean `Wait`?"},
      {"X = [1]\nY = relo(X[i])", "there is no function `relo`\nhelp: did you mean `relu`?"},
      {"f(x) = x\nY = f + 1", "`f` is a function and needs its arguments"},
      {"f(x) = f(x) + 1\nY = f(1)", "the function f leads back to itself"},
      {"f(x) = x + B[i]\nB = [1]\nY = f(1)", "`i` is an index of the function f but no parameter"},
      {"f(x) = x\nY = f(1, 2)", "f takes 1 argument, not 2"},
      {"f(x) = x\nf(x) = 2 x", "the function f is on line 1 already"},
      {"A = [1]\nY = A[K]", "`K` is no scalar, and position 0 of A has no domain"},
      {"Thing : {A, B}\nX : f32[Thing]\nX[C] = 1", "`C` is not in Thing, the domain of position 0"},
      {"Thing : {A, B}\nA = 1\nX : f32[Thing]\nY = X[A]",
       "quote it if the symbol is meant: `\"A\"`"},
      {"Thing : {A, A}", "A stands twice in the domain Thing"},
      {"C : domain(T)\nT = [1]", "T has no domain"},
      {"X = 1.5\nA = [1, 2]\nY = A[X]", "a position is a whole number; X is 1.5"},
      {"T = [1, 0]\nE = [1, 2]\nY[p] = E[T[p]]", "a position is a whole number; this is f32"},
  };
  REFUSED(cases);
}

static void test_definitions(void **state) {
  (void)state;
  static const wrong cases[] = {
      {"X = [1]\nX = [2]", "X has two lists, files or values: the first is on line 1"},
      {"E[0] = 1\nE[0] = 2", "E[0] has two values: the first is on line 1"},
      {"E[1,0] = 1\nE[1,0] = 2", "E[1,0] has two values: the first is on line 1"},
      {"X = 1\nX = 2", "X has two values: the first is on line 1"},
      {"X = [1]\nX[i] = 2", "X has its elements from line 1 already"},
      {"X = [1]\nY max= X[i]\nY = X[i]", "Y is defined by `=` here and by `max=` on line 2"},
      {"W : f32[3] ~ zeros\nW[0] = 3", "W is a parameter here and defined on line 2"},
      {"W : f32[3]\nW : f32[3]", "W is declared on line 1 already"},
      {"Y = 1\nsettle(Y, 1e-3)", "Y does not depend on itself: there is nothing to settle"},
      {"settle(Y, 1e-3)", "`Y` is not defined: there is nothing to settle"},
      {"Y = Y / 2\nsettle(Y, 1, 2)", "settle takes a tensor, and the change that is passed over"},
      {"Y = Y / 2\nsettle(Y, tolerance=1)", "settle knows no `tolerance=`\nhelp: it knows start"},
      {"Y = Y / 2\nsettle(Y, -1)", "the change that is passed over is -1; 0 is the least"},
      {"Y = Y / 2\nrounds(Y, 0)", "the number of rounds is 0; 1 is the least"},
      {"Y = Y / 2\nrounds(Y, 2.5)", "is a whole one"},
      {"Y = Y / 2\nrounds(3, 2)", "rounds takes a tensor first: rounds(P, 500)"},
      {"Y : f32[0 - 1]", "a size is a whole number from 0, not -1"},
      {"X = [1]\nY[i.] = 2 X[i]", "the dot behind `i` marks the index of a function like softmax"},
      {"X : f32[0]\nY avg= X[i]", "Y is an average over nothing"},
  };
  REFUSED(cases);
}

static void test_functions(void **state) {
  (void)state;
  static const wrong cases[] = {
      {"X = [1, 2; 3, 4]\nY[i,j] = softmax(X[i,j])", "softmax over which index, `i` or `j`?"},
      {"X = [1, 2]\nY[i] = argmax(X[i])",
       "argmax needs an index to go over, one that the left side lacks"},
      {"X = [1, 2]\nY = sum(X[i])", "sum over which index?\nhelp: name it: `sum[i](X[i])`"},
      {"X = [1, 2]\nY = where(X[0], 1)", "where does not take 2 arguments"},
      {"X = [1, 2]\nY = relu[i](X[i])", "relu goes over no index"},
      {"X = [1, 2]\nY[i] = topk[i](X[i])", "topk takes an expression and how many of it to keep"},
      {"A = [1, 2]\nB[i,j] = concat(A[k])", "concat merges into one index"},
      {"A = [1, 2]\nB[k] = concat(A[k])", "concat needs an index on the left that A lacks"},
      {"A = [1, 2]\nY = grad(A)", "grad takes a tensor and the tensor to differentiate by"},
      {"A = [1, 2]\nY = size(Q)", "`Q` is not defined"},
  };
  REFUSED(cases);
}

static void test_relations(void **state) {
  (void)state;
  static const wrong cases[] = {
      {"P(A, x)", "a fact holds constants, and `x` is a variable"},
      {"P(A); P(A, B)", "P has 2 positions here and 1 position on line 1"},
      {"P(0.5)", "a fact holds whole numbers, not 0.5"},
      {"P(A)\nQ(x, y) <- P(x)", "the variable `y` stands in"},
      {"P(A)\nQ(x) <- P(x), not R(x, y)", "the variable `y` stands in"},
      {"P(A)\nQ(x) <- P(x), not R(x)\nR(x) <- P(x), not Q(x)", "Q"},
      {"P(A)\nQ(x) <- P(x), R(x, B)", "`R` is not defined"},
      {"Parent(A, B)\nQ(x) <- Parnt(x, y)", "did you mean `Parent`?"},
      {"P(A)\nP[x] = 3", "`P` is a tensor here and a relation on line 1"},
      {"W : f32(3)\nY = W(0)", "W is a tensor: its elements are read with brackets"},
      {"Person : {Ann}\nP : bool(Person)\nP(Bob)", "`Bob` is not in Person"},
      {"P : bool(3)\nP(3)", "3 is not in position 0 of P, which is 3 long"},
      {"P(A)\nQ(x) <- P(x), P(x) > 1", "P(...) is an item of the body by itself"},
      {"P(A); R(A)\nQ(x) <- P(x) or R(x)", "`or` between atoms"},
      {"P(A); R(A)\nQ(x) <- P(x), not (P(x) and R(x))", "`not` stands before one atom"},
      {"W : f32(2, 2)\nX = [1, 2]\nW[i,j] = X[i] X[j]", "nothing sparse binds `i` here"},
      {"E[A,B] = 3; E[A,B] = 4", "E has two values here"},
      {"W : bool(2) ~ zeros", "W is a relation: it is not learned"},
  };
  REFUSED(cases);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sums_with_two_readings),
      cmocka_unit_test(test_sizes_that_disagree),
      cmocka_unit_test(test_names),
      cmocka_unit_test(test_definitions),
      cmocka_unit_test(test_functions),
      cmocka_unit_test(test_relations),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
