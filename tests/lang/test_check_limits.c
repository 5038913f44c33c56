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

/* The status of checking FORMAT so many TIMES: # is the number of the time, @ the next one. */
static base_status check_times(int times, const char *first, const char *format, const char *last,
                               int *tensors) {
  base_ctx *ctx = base_open(NULL);
  base_arena *arena = base_arena_open(ctx);
  base_text text = base_text_open(arena);
  base_trap trap;
  volatile base_status status = BASE_OK;
  base_put(&text, first);
  for (int i = 0; i < times; i++) {
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

static base_status check_lines(const char *first, const char *format, const char *last,
                               int *tensors) {
  return check_times(LINES, first, format, last, tensors);
}

static const char everything[] =
    "W# : f32[4, 4] ~ normal(0.02)\nB# : f32[4] ~ zeros\nH#[i] = relu(W#[i,j] V[j] + B#[i])\n"
    "S#[0] = 1\nS#[t+1] = 0.5 S#[t] + H#[t]\nP#[i,j.] = softmax(W#[i,j] H#[i])\n"
    "M# max= P#[i,j] + H#[i]\nf#(x) = x / (1 + abs(x))\nY#[i] = f#(H#[i]) + M#\n"
    "N# = sum[i](Y#[i]^2)\n";

static void test_long_programs(void **state) {
  (void)state;
  int n = 0;
  assert_int_equal(check_times(LINES / 10, "V = [1, 2, 3, 4]\n", everything, "", &n), BASE_OK);
  assert_int_equal(check_lines("A0 = [1, 2, 3]\n", "A@[i] = relu(A#[i] + #)\n", "", &n), BASE_OK);
  assert_int_equal(n, LINES + 1);
  assert_int_equal(check_lines("", "A#[i] = relu(A@[i] + #)\n", "A10000 = [1, 2, 3]\n", &n),
                   BASE_OK);
  assert_int_equal(check_lines("", "A# = A@ + 1\n", "A10000 = 1\n", &n), BASE_OK);
  assert_int_equal(check_lines("", "E[#] = 0.5\n", "", &n), BASE_OK);
  assert_int_equal(n, 1);
  assert_int_equal(check_lines("V = [1, 2]\n", "E[#] = V[i] V[i]\n", "", &n), BASE_OK);
  assert_int_equal(check_lines("V = [1, 2]\n", "E[#, i] = V[i]\n", "", &n), BASE_OK);
  assert_int_equal(check_lines("V = [1, 2]\n", "Y[i] = V[i]\n", "", &n), BASE_OK);
  assert_int_equal(check_lines("V = [1, 2]\n", "V[i] + #?\n", "", &n), BASE_OK);
  assert_int_equal(check_lines("V = [1, 2]\nX0[0] = 1\n", "X@[t+1] = X#[t] + V[t]\n",
                               "X0[t+1] = X10000[t]\n", &n), BASE_OK);
  assert_int_equal(check_lines("V = [1, 2]\nY[i] = V[i]", " + V[i]", "\n", &n), BASE_OK);
}

static void test_functions_that_double(void **state) {
  (void)state;
  int n = 0;
  assert_int_equal(check_lines("f0(x) = x + x\n", "f@(x) = f#(x) + f#(x)\n", "Y = f60(1)\n", &n),
                   BASE_REFUSED);
}

/* ---- bombs: depth, length, size -------------------------------------------------------------- */

typedef struct bomb { /* BEFORE, so many times MIDDLE, BEHIND */
  const char *before, *middle, *behind;
  int times;
  const char *part; /* of the message; NULL: it is no error */
} bomb;

static void check_bomb(const bomb *b) {
  base_ctx *ctx = base_open(NULL);
  base_arena *arena = base_arena_open(ctx);
  base_text text = base_text_open(arena);
  base_trap trap;
  base_put(&text, b->before);
  for (int i = 0; i < b->times; i++) base_put(&text, b->middle);
  base_put(&text, b->behind);
  double begin = base_seconds();
  if (BASE_TRY(ctx, &trap)) {
    lang_check(arena, NULL, text.at, text.n, NULL);
    base_untrap(ctx, &trap);
    if (b->part) fail_msg("not refused: %s", b->part);
  } else {
    const base_error *e = base_last(ctx);
    if (!b->part) fail_msg("refused: %s", e->message);
    if (!strstr(e->message, b->part)) fail_msg("says: %s\nlacks: %s", e->message, b->part);
    assert_int_equal(e->status, BASE_REFUSED);
    assert_true(e->span.line > 0);
  }
  assert_true(base_seconds() - begin < patience);
  base_arena_close(arena);
  base_close(ctx);
}

static void test_bombs(void **state) {
  (void)state;
  static const bomb bombs[] = {
      {"Y = ", "(", "1", 100000, "nested more than 500 deep"},
      {"Y = ", "X[", "1", 100000, "nested more than 500 deep"},
      {"Y = ", "exp(", "1", 100000, "nested more than 500 deep"},
      {"Y = ", "-", "1", 100000, "nested more than 500 deep"},
      {"Y = ", "2^", "1", 100000, "nested more than 500 deep"},
      {"Y = ", "not ", "1", 100000, "nested more than 500 deep"},
      {"Y = ", "[", "1", 100000, "nested more than 500 deep"},
      {"V = [1, 2]\nY[i] = V[i]", " + V[i]", "", 1000000, "a statement of more than 4194304 words"},
      {"V = [1, 2]\nY[i] = V[i]", " V[i]", "", 100000, "this equation is too long"},
      {"V = [1", ", 1", "]", 100000, NULL},
      {"", "X", " = 1", 1000000, "a name of 1000000 bytes"},
      {"X = ", "9", "", 1000000, "beyond what f64 holds"},
      {"print \"", "a", "\"", 1000000, NULL},
      {"#", "x", "", 1000000, NULL},
      {"", "\n", "", 1000000, NULL},
      {"", ";", "", 1000000, NULL},
      {"X : f32[1", ", 1", "]", 100000, "X has 100001 positions"},
      {"X : f32[4611686018427387904]", "", "", 0, "beyond what can be counted"},
      {"X : f32[3000000000, 3000000000, 3000000000]", "", "", 0, "more than 2^44 elements"},
      {"V = [1, 2]\nY[1000000000000000 * i] = V[i]", "", "", 0, "more than 2^44 elements"},
      {"V = [1, 2]\nY[9000000000000000000 * i] = V[i]", "", "", 0, "more than 2^44 elements"},
      {"A : f32[1000000000]\nC[i,j,k] = A[i] A[j] A[k]", "", "", 0, "more than 2^63 points"},
      {"V = [1, 2]\nY[i] = topk[i](V[i], 4611686018427387904)", "", "", 0, "topk takes"},
      {"E[2684354550] = 1", "", "", 0, "2^28"},
      {"X = [1, 2]\nY = X[1e82]", "", "", 0, "a position is a whole number"},
      {"X = [1, 2]\nY = X[0:1e82]", "", "", 0, "does not lie in position 0"},
      {"X = [1, 2]\nY[i] = topk[i](X[i], 1e82)", "", "", 0, "topk takes"},
      {"N : i64[2]\nN = [1e82, -1e82]", "", "", 0, NULL},
      {"f(x) = x + x\ng(x) = f(f(f(f(f(f(f(f(x))))))))\nY = g(g(g(g(1))))", "", "", 0,
       "this equation is too long"},
      {"f(x) = f(x)\nY = f(1)", "", "", 0, "leads back to itself"},
  };
  for (size_t i = 0; i < sizeof bombs / sizeof *bombs; i++) check_bomb(&bombs[i]);
}

/* ---- each allocation fails in turn ----------------------------------------------------------- */

static const char *const programs[] = {
    "Thing : {Ann, Bob}\nE : f32[Thing, 3]\nE[Ann,0] = 2\nE[Bob,2] = 1\n"
    "W : f32[3, 3] ~ normal(0.1)\nT : i64[4]\nT = [0, 1, 1, 0]\nf(x) = x / (1 + abs(x))\n"
    "H[0,p,d] = E[T[p],d]\nH[l+1,p,d.] = lnorm(f(W[d,k] H[l,p,k]) + H[l,p,d])\nH : f32[3, 4, 3]\n"
    "S[p,q.] = softmax(where(q <= p, H[2,p,d] H[2,q,d] / sqrt(3), -inf))\n"
    "M[m] = concat(H[l,p,d])\nB[p] = argmax[d](H[2,p,d])\nK[p] = topk[p](S[p,0], 2)\n"
    "C[p] = cumsum[p](S[p,0])\nLoss avg= (S[p,q] - 0.5)^2\nG[i,j] = grad(Loss, W[i,j])\n"
    "Q max= S[p,q]\nN[p] = normal() + dropout(S[p,0], 0.1)\n",

    "Parent(Ann, Bob), Parent(Bob, Cy); Old(Ann); default f64; seed 3\n"
    "Anc(x,y) <- Parent(x,y); Anc(x,z) <- Anc(x,y), Parent(y,z), x != z\n"
    "Young(x) <- Parent(y,x), not Old(x); Emb : f32[4, 2]; Link(0, 1), Link(1, 2)\n"
    "Agg[n,d] = Link(n,m) (Emb[m,d] + 1); D[0,1] = 2; Near(i,j) <- D[i,j] > 0\n"
    "R = 0.5 R + 1; settle(R, 1e-6); W : f32 ~ ones; Loss = (W - R)^2\n"
    "minimize(Loss, adam(lr=0.1), steps=3); Anc(Ann, x)?; Agg?; Loss? with R = 2\n"
    "print(\"loss\", Loss); \"out.npy\" = Agg; save(\"w.npz\")\n",

    "W = [1, 2, 3\nX = [1, 2]\nY = W[i) X[i]\nZ = Y + & Foo\nB[i] = relu W[i]\n",

    ("W = [1, 2, 3]; X = [1, 2]; Y = W[i] X[i]; Z = Y + Foo; A = Foo + 1; B[i] = relo(W[i])\n"
     "C[i] = B[i] + 1; D : f32[2]; D = [1, 2, 3]; E = log(W[i]); E?; Q?\n"),
};

/* What is refused is refused alike with all errors kept. */
static void sweep(const char *text, bool refused) {
  for (int64_t k = 0;; k++) {
    base_ctx *ctx = base_open(NULL);
    base_trap trap;
    size_t before = base_heap_count(ctx);
    base_arena *volatile arena = NULL;
    volatile bool done = false;
    lang_report report = {0};
    lang_options options = {.type = IR_F32, .report = refused ? &report : NULL};
    base_fail_after(ctx, k);
    if (BASE_TRY(ctx, &trap)) {
      arena = base_arena_open(ctx);
      lang_check(arena, NULL, text, strlen(text), &options);
      base_untrap(ctx, &trap);
      done = true;
    } else if (refused && base_last(ctx)->status == BASE_REFUSED) {
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

static void test_each_allocation_fails(void **state) {
  (void)state;
  for (int i = 0; i < 4; i++) sweep(programs[i], i >= 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_long_programs),
      cmocka_unit_test(test_functions_that_double),
      cmocka_unit_test(test_bombs),
      cmocka_unit_test(test_each_allocation_fails),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
