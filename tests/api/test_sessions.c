/* Programs that grow piece by piece. */
#include <stdio.h>

#include "fixture.h"

typedef struct heard {
  char text[4096];
  size_t n;
} heard;

static void put(void *user, const char *text, size_t n) {
  heard *h = user;
  assert_true(h->n + n < sizeof h->text);
  memcpy(h->text + h->n, text, n);
  h->text[h->n += n] = 0;
}

static tl_program *begin(tl_context *ctx, heard *h) {
  *h = (heard){.n = 0};
  tl_sink sink = {.put = put, .user = h};
  tl_program *p = tl_load(ctx, NULL, "X = [1, 2, 3]\nY[i] = 2 X[i]\n", &sink);
  assert_non_null(p);
  return p;
}

/* What TEXT prints. */
static const char *said(tl_program *p, heard *h, const char *text) {
  h->n = 0;
  h->text[0] = 0;
  assert_int_equal(tl_enter(p, NULL, text), TL_OK);
  return h->text;
}

static void test_redefinition(void **state) {
  (void)state;
  counts c;
  heard h;
  tl_context *ctx = fixture_open(&c);
  tl_program *p = begin(ctx, &h);
  assert_string_equal(said(p, &h, "Y?"), "Y = [2, 4, 6]\n");
  assert_string_equal(said(p, &h, "X = [5]; Y?"), "Y = [10]\n");
  assert_string_equal(said(p, &h, "Y[j] = X[j]\nY[j] += 1\nY?"), "Y = [6]\n");
  assert_string_equal(said(p, &h, "Y[k] = 3 X[k]\nY?"), "Y = [15]\n");   /* of the += too */
  assert_string_equal(said(p, &h, "Y max= X[k]\nY?"), "Y = 5\n");        /* another operator */
  assert_string_equal(said(p, &h, "Y = 2\nY?"), "Y = 2\n");
  assert_string_equal(said(p, &h, "f(x) = x + 1\nZ = f(Y)\nZ?"), "Z = 3\n");
  assert_string_equal(said(p, &h, "f(x) = x + 2\nZ?"), "Z = 4\n");
  tl_program_release(p);
  fixture_close(ctx, &c);
}

static void test_errors_change_nothing(void **state) {
  (void)state;
  counts c;
  heard h;
  tl_context *ctx = fixture_open(&c);
  tl_program *p = begin(ctx, &h);
  assert_int_equal(tl_enter(p, NULL, "Z[i] = X[i]\nX = [1, 2;"), TL_REFUSED);
  fixture_error(ctx, TL_REFUSED, "`[` is not closed");
  assert_int_equal(tl_enter(p, NULL, "Z?"), TL_REFUSED);
  fixture_error(ctx, TL_REFUSED, "`Z` is not defined");
  assert_int_equal(tl_enter(p, NULL, "X = [1, 2]\nQ[i] = X[i] Y[i]\nD[i] = M[i]"), TL_REFUSED);
  fixture_error(ctx, TL_REFUSED, "`M` is not defined");
  assert_string_equal(said(p, &h, "Y?"), "Y = [2, 4, 6]\n");
  /* what fails while it runs was defined */
  assert_int_equal(tl_enter(p, NULL, "G = 2 G + 1\nrounds(G, 9)\nG?"), TL_RUNTIME);
  fixture_error(ctx, TL_RUNTIME, "G has not settled in 9 rounds");
  assert_string_equal(said(p, &h, "G = 0.5 G + 1\nrounds(G, 90)\nG?"), "G = 2\n");
  tl_program_release(p);
  fixture_close(ctx, &c);
}

static void test_values_stay(void **state) {
  (void)state;
  counts c;
  heard h;
  tl_context *ctx = fixture_open(&c);
  tl_program *p = begin(ctx, &h);
  said(p, &h, "W : f32[3] ~ zeros\nG : f32[3]\nL = (W[i] - X[i])^2\n"
              "minimize(L, sgd(0.4), steps=60)");
  float given[] = {4, 5, 6};
  tl_tensor *t = tl_from(ctx, TL_F32, 1, SIZES(3), given);
  assert_int_equal(tl_set(p, "G", t), TL_OK);
  tl_release(t);
  assert_string_equal(said(p, &h, "W?\nG?"), "W = [1, 2, 3]\nG = [4, 5, 6]\n");
  assert_string_equal(said(p, &h, "X = [0, 0, 0]\nW?\nL?"), "W = [1, 2, 3]\nL = 14\n");
  assert_string_equal(said(p, &h, "W : f32[3] ~ zeros\nW?"), "W = [0, 0, 0]\n");
  assert_string_equal(said(p, &h, "R = [0.5, 0.5]\nS = uniform()"), "");
  tl_program_release(p);
  fixture_close(ctx, &c);
}

static void expect_text(tl_context *ctx, char *text, const char *want) {
  assert_non_null(text);
  assert_string_equal(text, want);
  tl_free_text(ctx, text);
}

static void test_texts(void **state) {
  (void)state;
  counts c;
  heard h;
  tl_context *ctx = fixture_open(&c);
  tl_program *p = begin(ctx, &h);
  said(p, &h, "W : f32[3] ~ normal(0.1)\nY?\nX = [7, 8, 9]\nP = P / 2");
  expect_text(ctx, tl_text(p),
              "Y[i] = 2 X[i]\nW : f32[3] ~ normal(0.1)\nX = [7, 8, 9]\nP = P / 2\n");
  expect_text(ctx, tl_describe(p, "W"), "W : f32[3]   # a parameter\n");
  expect_text(ctx, tl_describe(p, NULL),
              "X : f32[3]   # data\nY : f32[3]   # by equations\nW : f32[3]   # a parameter\n"
              "P : f32   # by recursive equations\n");
  assert_null(tl_describe(p, "Q"));
  fixture_error(ctx, TL_ARGUMENT, "the program has no `Q`");
  expect_text(ctx, tl_complete(p, "s"), "sample\nsave\nseed\nsettle\nsig\nsign\nsilu\nsin\nsize\n"
                                        "softmax\nsort\nsqrt\nstep\nstop\nsum\n");
  expect_text(ctx, tl_complete(p, "Y"), "Y\n");
  assert_int_equal(tl_forget(p, "Y"), TL_OK);
  expect_text(ctx, tl_complete(p, "Y"), "");
  assert_int_equal(tl_forget(p, "Y"), TL_ARGUMENT);
  fixture_error(ctx, TL_ARGUMENT, "the program has no `Y`");
  assert_int_equal(tl_forget(p, "W"), TL_OK);
  assert_string_equal(said(p, &h, "Likes(Ann, Bob)\nLikes(Ann, x)?"), "Bob\n");
  assert_string_equal(said(p, &h, "Likes(Ann, Cid)\nLikes(Ann, x)?"), "Bob\nCid\n");
  expect_text(ctx, tl_describe(p, "Likes"), "Likes : bool(_, _)   # a relation\n");
  assert_int_equal(tl_forget(p, "Likes"), TL_OK);
  tl_program_release(p);
  fixture_close(ctx, &c);
}

/* Large results are cut for people. */
static void test_brief(void **state) {
  (void)state;
  counts c;
  heard h = {.n = 0};
  tl_context *ctx = fixture_open(&c);
  tl_sink sink = {.put = put, .user = &h, .brief = 1};
  tl_program *p = tl_load(ctx, NULL, "X : i64[12]\nX[i] = i\nM[i,j] = X[i] X[j]\n", &sink);
  assert_string_equal(said(p, &h, "X?"), "X = [0, 1, 2, 3, ..., 8, 9, 10, 11]   # i64[12]\n");
  assert_string_equal(said(p, &h, "X[2:12]?"), "X[2:12] = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]\n");
  said(p, &h, "M?");
  assert_non_null(strstr(h.text, "M =   # i64[12, 12]\n[["));
  assert_non_null(strstr(h.text, ", ..., "));
  assert_non_null(strstr(h.text, "],\n ...,\n [  0,   8,  16,  24, ...,  64,  72,  80,  88],\n"));
  said(p, &h, "Big : i64[90]\nBig[i] = i\nMany(i) <- Big[i] >= 0\nMany(x)?");
  assert_non_null(strstr(h.text, "38\n39\n... 50 more\n"));
  tl_program_release(p);
  fixture_close(ctx, &c);
}

static void test_unfinished(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  static const char *const open[] = {"X = [1, 2;\n", "Y =\n", "Y[i] = X[i] +  # more\n", "f(x,\n",
                                     "A = [1]\nB = A[\n", "P(x) <-\n"};
  static const char *const closed[] = {"", "X = [1]\n", "Y?\n", "X = ]\n", "Y = \"a\n", "# [\n",
                                       "X = [1,\n2]\n", "Y = \x01\n"};
  for (size_t i = 0; i < sizeof open / sizeof *open; i++)
    assert_int_equal(tl_unfinished(ctx, open[i]), 1);
  for (size_t i = 0; i < sizeof closed / sizeof *closed; i++)
    assert_int_equal(tl_unfinished(ctx, closed[i]), 0);
  assert_int_equal(tl_last(ctx), TL_OK);
  fixture_close(ctx, &c);
}

/* Every allocation fails once: the program is as it was, or as it was to be. */
static void test_memory(void **state) {
  (void)state;
  counts c;
  heard h;
  tl_context *ctx = fixture_open(&c);
  tl_program *p = begin(ctx, &h);
  said(p, &h, "W : f32[2] ~ zeros\nZ[i] = Y[i]");
  tl_status status = TL_MEMORY;
  for (long n = 1; status == TL_MEMORY; n++) {
    c.fails_at = c.asked + n;
    status = tl_enter(p, NULL, "X = [3, 4]\nZ[k] = X[k] + 1\nQ = X[i] Z[i]");
    c.fails_at = 0;
    tl_clear(ctx);
  }
  assert_int_equal(status, TL_OK);
  assert_string_equal(said(p, &h, "Z?\nQ?"), "Z = [4, 5]\nQ = 32\n");
  tl_program_release(p);
  fixture_close(ctx, &c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_redefinition), cmocka_unit_test(test_errors_change_nothing),
      cmocka_unit_test(test_values_stay),  cmocka_unit_test(test_texts),
      cmocka_unit_test(test_unfinished),   cmocka_unit_test(test_brief),
      cmocka_unit_test(test_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
