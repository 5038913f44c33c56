/* What grad(..) becomes: tensors of one backward pass for each loss. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lang/lang.h"

/* How many tensors that TEXT becomes have names that begin with PREFIX. */
static int named(const char *text, const char *prefix) {
  base_ctx *ctx = base_open(NULL);
  base_arena *arena = base_arena_open(ctx);
  const ir_program *p = lang_check(arena, NULL, text, strlen(text), NULL)->ir;
  int n = 0;
  for (int i = 0; i < p->tensors.n; i++)
    n += strncmp(p->tensors.at[i]->name, prefix, strlen(prefix)) == 0;
  base_arena_close(arena);
  base_close(ctx);
  return n;
}

static void one_backward_recurrence(void **state) {
  (void)state;
  const char *text = "X = [1, 2, 3, 4, 5]\nW = [0.5]\nS[0] = 1\nS[t+1] = tanh(W[0] S[t] + X[t])\n"
                     "Loss = S[5]^2\nDX[t] = grad(Loss, X[t])\nDW[i] = grad(Loss, W[i])\n"
                     "DZ[t] = 2 grad(Loss, X[t])";
  assert_int_equal(named(text, "GS"), 1);
  assert_int_equal(named(text, "GX"), 1);
  assert_int_equal(named(text, "GW"), 1);
}

static void of_each_loss_and_of_derivatives(void **state) {
  (void)state;
  const char *text = "X = [1, 2]\nY[i] = sin(X[i])\nA = Y[i]^3\nB = Y[i]^2\n"
                     "DA[i] = grad(A, X[i])\nDB[i] = grad(B, X[i])\nDY[i] = grad(A, Y[i])";
  assert_int_equal(named(text, "GY"), 2);
}

/* M comes after D: it cannot go along, and hinders nobody. */
static void what_cannot_go_along_is_left(void **state) {
  (void)state;
  const char *text = "X = [1, 2]\nL = X[i]^2\nD[i] = grad(L, X[i])\nM[i] = D[i] + 1\n"
                     "E[i] = grad(L, M[i])\nF[i,j] = grad(X[i], X[j])";
  assert_int_equal(named(text, "GX"), 2);
  assert_int_equal(named(text, "GM"), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_backward_recurrence),
      cmocka_unit_test(of_each_loss_and_of_derivatives),
      cmocka_unit_test(what_cannot_go_along_is_left),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
