/* Long programs in little time, deep ones without deep stacks, and each allocation failing in turn.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lang/lang.h"

enum { LINES = 10000 };
static const double patience = 10; /* seconds; a release build on its own takes a tenth of one */

/* The status of checking N lines by FORMAT, which takes the line's number and the next one. */
static base_status check_lines(const char *first, const char *format, const char *last,
                               int *tensors) {
  base_ctx *ctx = base_open(NULL);
  base_arena *arena = base_arena_open(ctx);
  base_text text = base_text_open(arena);
  base_trap trap;
  volatile base_status status = BASE_OK;
  base_put(&text, first);
  for (int i = 0; i < LINES; i++) {
    const char *at = format;
    for (const char *mark; (mark = strpbrk(at, "#@")) != NULL; at = mark + 1) {
      base_put_n(&text, at, (size_t)(mark - at));
      base_putf(&text, "%d", i + (*mark == '@'));
    }
    base_put(&text, at);
  }
  base_put(&text, last);
  double begin = base_seconds();
  if (BASE_TRY(ctx, &trap)) {
    *tensors = lang_check(arena, NULL, text.at, text.n, NULL)->tensors.n;
    base_untrap(ctx, &trap);
  } else {
    status = base_last(ctx)->status;
  }
  assert_true(base_seconds() - begin < patience);
  base_arena_close(arena);
  base_close(ctx);
  return status;
}

static void test_long_programs(void **state) {
  (void)state;
  int n = 0;
  assert_int_equal(check_lines("A0 = [1, 2, 3]\n", "A@[i] = relu(A#[i] + #)\n", "", &n), BASE_OK);
  assert_int_equal(n, LINES + 1);
  assert_int_equal(check_lines("", "A#[i] = relu(A@[i] + #)\n", "A10000 = [1, 2, 3]\n", &n),
                   BASE_OK);
  assert_int_equal(check_lines("", "A# = A@ + 1\n", "A10000 = 1\n", &n), BASE_OK);
  assert_int_equal(check_lines("", "E[#] = 0.5\n", "", &n), BASE_OK);
  assert_int_equal(n, 1);
  assert_int_equal(check_lines("V = [1, 2]\n", "E[#] = V[i] V[i]\n", "", &n), BASE_OK);
  assert_int_equal(check_lines("V = [1, 2]\nY[i] = V[i]", " + V[i]", "\n", &n), BASE_OK);
}

static void test_functions_that_double(void **state) {
  (void)state;
  int n = 0;
  assert_int_equal(check_lines("f0(x) = x + x\n", "f@(x) = f#(x) + f#(x)\n", "Y = f60(1)\n", &n),
                   BASE_REFUSED);
}

static const char program[] =
    "Thing : {Ann, Bob}\nE : f32[Thing, 3]\nE[Ann,0] = 2\nE[Bob,2] = 1\n"
    "W : f32[3, 3] ~ normal(0.1)\nT : i64[4]\nT = [0, 1, 1, 0]\nf(x) = x / (1 + abs(x))\n"
    "H[0,p,d] = E[T[p],d]\nH[l+1,p,d.] = lnorm(f(W[d,k] H[l,p,k]) + H[l,p,d])\nH : f32[3, 4, 3]\n"
    "S[p,q.] = softmax(where(q <= p, H[2,p,d] H[2,q,d] / sqrt(3), -inf))\n"
    "M[m] = concat(H[l,p,d])\nB[p] = argmax[d](H[2,p,d])\nK[p] = topk[p](S[p,0], 2)\n"
    "C[p] = cumsum[p](S[p,0])\nLoss avg= (S[p,q] - 0.5)^2\nG[i,j] = grad(Loss, W[i,j])\n"
    "Q max= S[p,q]\nN[p] = normal() + dropout(S[p,0], 0.1)\n";

static void test_each_allocation_fails(void **state) {
  (void)state;
  for (int64_t k = 0;; k++) {
    base_ctx *ctx = base_open(NULL);
    base_trap trap;
    size_t before = base_heap_count(ctx);
    base_arena *volatile arena = NULL;
    volatile bool done = false;
    base_fail_after(ctx, k);
    if (BASE_TRY(ctx, &trap)) {
      arena = base_arena_open(ctx);
      lang_check(arena, NULL, program, sizeof program - 1, NULL);
      base_untrap(ctx, &trap);
      done = true;
    } else {
      assert_int_equal(base_last(ctx)->status, BASE_MEMORY);
    }
    base_fail_after(ctx, -1);
    if (arena) base_arena_close(arena);
    assert_int_equal(base_heap_count(ctx), before);
    base_close(ctx);
    if (done) break;
    assert_true(k < 100000);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_long_programs),
      cmocka_unit_test(test_functions_that_double),
      cmocka_unit_test(test_each_allocation_fails),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
