/* Programs in the language, by the C API. */
#include <math.h>
#include <stdio.h>

#include "fixture.h"

static const char regression[] =
    "X = [[1, 0], [0, 1], [1, 1]]\n"
    "Y = [2, -1, 1]\n"
    "W : f32[2] ~ zeros\n"
    "E[e] = X[e,d] W[d] - Y[e]\n"
    "Loss = E[e]^2\n"
    "minimize(Loss, sgd(lr=0.1), steps=100, every=1)\n"
    "W?\n";

typedef struct heard {
  char text[4096];
  size_t n;
  int lines;                     /* of progress */
  int stop_at;
  tl_context *ctx;
} heard;

static void put(void *user, const char *text, size_t n) {
  heard *h = user;
  assert_true(h->n + n < sizeof h->text);
  memcpy(h->text + h->n, text, n);
  h->text[h->n += n] = 0;
}

static void progress(void *user, const char *line) {
  heard *h = user;
  assert_non_null(strstr(line, "Loss"));
  if (++h->lines == h->stop_at) tl_interrupt(h->ctx);
}

static tl_sink sink_of(heard *h, int json) {
  *h = (heard){.stop_at = 0};
  return (tl_sink){.put = put, .progress = progress, .user = h, .json = json};
}

static void test_run(void **state) {
  (void)state;
  counts c;
  heard h;
  tl_context *ctx = fixture_open(&c);
  tl_sink sink = sink_of(&h, 0);
  tl_program *p = tl_load(ctx, NULL, regression, &sink);
  assert_non_null(p);
  assert_int_equal(tl_statistics(ctx).runs, 0);          /* nothing runs before it is told to */
  assert_int_equal(tl_run(p), TL_OK);
  assert_int_equal(h.lines, 100);
  assert_non_null(strstr(h.text, "W ="));
  tl_tensor *w = tl_get(p, "W");
  float got[2];
  assert_int_equal(tl_read(w, got, sizeof got), TL_OK);
  assert_true(fabsf(got[0] - 2) < 1e-3f && fabsf(got[1] + 1) < 1e-3f);
  tl_release(w);
  tl_program_release(p);
  fixture_close(ctx, &c);
}

static void test_json(void **state) {
  (void)state;
  counts c;
  heard h;
  tl_context *ctx = fixture_open(&c);
  tl_sink sink = sink_of(&h, 1);
  tl_program *p = tl_load(ctx, NULL, "Y = [1, 2.5]\nZ[i] = 2 Y[i]\nZ?\nZ[1]?", &sink);
  assert_int_equal(tl_run(p), TL_OK);
  assert_string_equal(h.text, "{\"query\": \"Z?\", \"value\": [2, 5]}\n"
                              "{\"query\": \"Z[1]?\", \"value\": 5}\n");
  fixture_close(ctx, &c);
}

static void test_get_and_set(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  tl_program *p = tl_load(ctx, NULL, "X : f32[3]\nY[i] = 2 X[i]", NULL);
  assert_int_equal(tl_run(p), TL_OK);
  EXPECT(tl_get(p, "Y"), 0, 0, 0);
  const float three[3] = {1, 2, 3};
  tl_tensor *x = fixture_f32(ctx, 1, SIZES(3), three);
  tl_tensor *lazy = tl_eq(ctx, "Y[i] = X[i] + 1", ARGS({"X", x}));
  assert_int_equal(tl_set(p, "X", lazy), TL_OK);
  EXPECT(tl_get(p, "Y"), 4, 6, 8);
  EXPECT(tl_get(p, "X"), 2, 3, 4);
  assert_int_equal(tl_set(p, "X", tl_from(ctx, TL_F32, 1, SIZES(2), NULL)), TL_ARGUMENT);
  fixture_error(ctx, TL_ARGUMENT, "X");
  assert_int_equal(tl_set(p, "X", tl_from(ctx, TL_F64, 1, SIZES(3), NULL)), TL_ARGUMENT);
  fixture_error(ctx, TL_ARGUMENT, "f64");
  assert_int_equal(tl_set(p, "Y", x), TL_ARGUMENT);
  fixture_error(ctx, TL_ARGUMENT, "Y is computed");
  assert_int_equal(tl_set(p, "X", NULL), TL_ARGUMENT);
  fixture_error(ctx, TL_ARGUMENT, "X is NULL");
  assert_null(tl_get(p, "Yy"));
  fixture_error(ctx, TL_ARGUMENT, "no tensor `Yy`\nhelp: did you mean `Y`?");
  assert_null(tl_get(p, NULL));
  fixture_error(ctx, TL_ARGUMENT, "NULL");
  fixture_close(ctx, &c);
}

static void test_refused(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  assert_null(tl_load(ctx, "model.tl", "X = [1, 2]\nY[i] = Xx[i]\n", NULL));
  assert_int_equal(tl_last(ctx), TL_REFUSED);
  char *text = tl_diagnosis(ctx, 0);
  assert_int_equal(strncmp(text, "model.tl:2:8: error: ", 21), 0);
  assert_non_null(strstr(text, "  Y[i] = Xx[i]\n         ^"));
  tl_free_text(ctx, text);
  text = tl_diagnosis(ctx, 1);
  assert_non_null(strstr(text, "\"file\": \"model.tl\""));
  assert_non_null(strstr(text, "\"status\": \"refused\""));
  tl_free_text(ctx, text);
  assert_null(tl_load(ctx, NULL, "Z = = 1", NULL));      /* the first error stays */
  text = tl_diagnosis(ctx, 0);
  assert_int_equal(strncmp(text, "model.tl:2:8", 12), 0);
  tl_free_text(ctx, text);
  tl_clear(ctx);
  assert_null(tl_diagnosis(ctx, 0));
  assert_null(tl_load_file(ctx, "/nowhere/model.tl", NULL));
  fixture_error(ctx, TL_IO, "/nowhere/model.tl");
  assert_null(tl_load_file(ctx, NULL, NULL));
  fixture_error(ctx, TL_ARGUMENT, "NULL");
  assert_null(tl_load(ctx, NULL, NULL, NULL));
  fixture_error(ctx, TL_ARGUMENT, "NULL");
  fixture_close(ctx, &c);
}

static void test_imported_error(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  char folder[] = "/tmp/tl-test-XXXXXX", path[64], main_path[64];
  assert_non_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/part.tl", folder);
  snprintf(main_path, sizeof main_path, "%s/main.tl", folder);
  FILE *f = fopen(path, "w");
  fputs("A = 1\nB = = 2\n", f);
  fclose(f);
  f = fopen(main_path, "w");
  fputs("import \"part.tl\"\nA?\n", f);
  fclose(f);
  assert_null(tl_load_file(ctx, main_path, NULL));
  char *text = tl_diagnosis(ctx, 0);
  assert_non_null(strstr(text, "part.tl:2:"));
  assert_non_null(strstr(text, "\n  B = = 2\n"));
  tl_free_text(ctx, text);
  remove(path);
  remove(main_path);
  remove(folder);
  fixture_close(ctx, &c);
}

static void test_interrupt(void **state) {
  (void)state;
  counts c;
  heard h;
  tl_context *ctx = fixture_open(&c);
  tl_sink sink = sink_of(&h, 0);
  tl_program *p = tl_load(ctx, NULL, regression, &sink);
  h.ctx = ctx;
  h.stop_at = 5;
  assert_int_equal(tl_run(p), TL_INTERRUPTED);
  assert_int_equal(h.lines, 5);
  assert_int_equal(h.n, 0);
  fixture_error(ctx, TL_INTERRUPTED, "interrupted");
  h.stop_at = 0;
  assert_int_equal(tl_run(p), TL_OK);                    /* and goes on when it is told to */
  assert_int_equal(h.lines, 105);
  fixture_close(ctx, &c);
}

static void test_gradient_text(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  static const char text_of_p[] = "X = [1, 2, 3]\nW : f32[3] ~ constant(2)\nL = (X[i] W[i])^2\n";
  tl_program *p = tl_load(ctx, NULL, text_of_p, NULL);
  char *text = tl_gradient_text(p, "L", NULL);
  assert_non_null(text);
  tl_program *g = tl_load(ctx, NULL, text, NULL);        /* it is a program, and right */
  tl_free_text(ctx, text);
  assert_non_null(g);
  EXPECT(tl_get(g, "GW"), 24, 48, 72);
  text = tl_gradient_text(p, "L", "X");
  assert_non_null(strstr(text, "GX"));
  tl_free_text(ctx, text);
  assert_null(tl_gradient_text(p, "M", NULL));
  assert_non_null(strstr(tl_message(ctx), "M"));
  tl_clear(ctx);
  assert_null(tl_gradient_text(p, NULL, NULL));
  fixture_error(ctx, TL_ARGUMENT, "NULL");
  fixture_close(ctx, &c);
}

static void test_explain(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = fixture_open(&c);
  tl_program *p = tl_load(ctx, NULL, regression, NULL);
  char *text = tl_explain(p, 0);
  assert_non_null(strstr(text, "minimize(Loss, sgd(lr=0.1), steps=100, every=1)\n"));
  assert_non_null(strstr(text, "ref.contract"));
  assert_non_null(strstr(text, "FLOP"));
  assert_non_null(strstr(text, "kernels, "));
  tl_free_text(ctx, text);
  text = tl_explain(p, 1);
  assert_int_equal(strncmp(text, "{\"explain\": \"minimize(", 22), 0);
  assert_non_null(strstr(text, "\"work_bytes\": "));
  assert_non_null(strstr(text, "\"implementation\": \"ref."));
  tl_free_text(ctx, text);
  assert_int_equal(tl_statistics(ctx).runs, 0);          /* nothing was run for it */
  tl_program *plain = tl_load(ctx, NULL, "A = [1, 2]\nS[i.] = softmax(A[i])", NULL);
  text = tl_explain(plain, 0);
  assert_non_null(strstr(text, "S\n  1 kernel, "));
  tl_free_text(ctx, text);
  fixture_close(ctx, &c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_run),           cmocka_unit_test(test_json),
      cmocka_unit_test(test_get_and_set),   cmocka_unit_test(test_refused),
      cmocka_unit_test(test_imported_error), cmocka_unit_test(test_interrupt),
      cmocka_unit_test(test_gradient_text), cmocka_unit_test(test_explain),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
