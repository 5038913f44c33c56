/* The interpreter: what programs print, learn, save and generate. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lang/lang.h"
#include "lang/syntax.h"

/* ---- running a text -------------------------------------------------------------------------- */

typedef struct world {
  base_ctx *ctx;
  base_arena *arena; /* of the program */
  run_session *session;
  lang_program *program;
  lang_machine *machine;
  base_text out, progress;
} world;

static void put(void *user, const char *text, size_t n) {
  base_put_n(&((world *)user)->out, text, n);
}
static void progress(void *user, const char *line) {
  base_putf(&((world *)user)->progress, "%s\n", line);
}

static void open_world(world *w, base_ctx *ctx, const char *text, bool json) {
  *w = (world){.ctx = ctx, .arena = base_arena_open(ctx)};
  w->out = base_text_open(w->arena);
  w->progress = base_text_open(w->arena);
  w->session = run_open(ctx, &(run_config){.device = "ref", .verify = true});
  w->program = lang_check(w->arena, NULL, text, strlen(text),
                          &(lang_options){.type = IR_F32, .folder = "/"});
  lang_output output = {.put = put, .progress = progress, .user = w, .json = json};
  w->machine = lang_machine_open(w->session, w->program, &output);
}

static void close_world(world *w) {
  lang_machine_close(w->machine);
  run_close(w->session);
  base_arena_close(w->arena);
}

/* What TEXT prints, or the message it is refused with. */
static const char *said(const syntax *s, const char *text, bool json) {
  world w = {.ctx = s->ctx};
  base_trap trap;
  const char *result;
  if (BASE_TRY(s->ctx, &trap)) {
    open_world(&w, s->ctx, text, json);
    lang_machine_run(w.machine);
    base_untrap(s->ctx, &trap);
    result = base_copy(s->arena, w.out.at);
  } else {
    result = base_format(s->arena, "%s", base_last(s->ctx)->message);
  }
  close_world(&w);
  return result;
}

#define SAYS(text, expected)      assert_string_equal(said(*state, text, false), expected)
#define SAYS_JSON(text, expected) assert_string_equal(said(*state, text, true), expected)

static void assert_holds(const char *text, const char *part) {
  if (!strstr(text, part)) fail_msg("no `%s` in: %s", part, text);
}

#define REFUSES(text, part) assert_holds(said(*state, text, false), part)

/* ---- queries --------------------------------------------------------------------------------- */

static void test_values(void **state) {
  SAYS("Y = 1 + 1; Y?", "Y = 2\n");
  SAYS("Y = 1 / 3; Y?", "Y = 0.333333\n");
  SAYS("X = [1, 2.5, -3]; X?", "X = [1, 2.5, -3]\n");
  SAYS("X = [1, 2; 30, 4]; X?", "X =\n[[ 1,  2],\n [30,  4]]\n");
  SAYS("X = [1, 2; 3, 4]; Y[i] = X[i,j]; Y?; Y[1]?", "Y = [3, 7]\nY[1] = 7\n");
  SAYS("X = [1, 2, 3]; X[0] < X[1]?", "true\n");
  SAYS("X = [1e10, 1e-7, 123456789]; X?", "X = [10000000000, 1e-7, 123456792]\n");
  SAYS("default f64\nY = 1 / 3; Y?", "Y = 0.3333333333333333\n");
  SAYS("default f16\nX = [0.1, 2]; X?", "X = [0.1, 2]\n");
  SAYS("Y = log(0); Y?", "Y = -inf\n");
  SAYS("N : i64[3]; N[i] = 2 * i; N?", "N = [0, 2, 4]\n");
}

static void test_open_indices(void **state) {
  SAYS("A = [1, 2; 3, 4]; A[1,i]?", "A[1,i] = [3, 4]\n");
  SAYS("A = [1, 2; 3, 4]; A[j,i]?", "A[j,i] =\n[[1, 2],\n [3, 4]]\n");
  SAYS("A = [1, 2; 3, 4]; A[i,i]?", "A[i,i] = [1, 4]\n");
  SAYS("A = [1, 2; 3, 4]; A[0:1, i]?", "A[0:1,i] =\n[[1, 2]]\n");
  SAYS("X = [5, 7, 6]; argmax(X[i])?; X[1:3]?; sum[i](X[i])?",
       "argmax(X[i]) = 1\nX[1:3] = [7, 6]\nsum[i](X[i]) = 18\n");
  SAYS("X = [5, 7]; X[i] + 1?", "X[i] + 1 = [6, 8]\n");
}

static void test_symbols(void **state) {
  SAYS("Thing : {Pear, Apple}; W : f32[Thing]; W[Pear] = 2; W[Apple] = 3; W?", "Apple 3\nPear 2\n");
  SAYS("Thing : {Pear, Apple}; W : f32[Thing, 2]; W[Pear,1] = 2; W[x,i]?",
       "Apple 0 0\nApple 1 0\nPear 0 0\nPear 1 2\n");
  SAYS_JSON("Thing : {Pear, \"A b\"}; W : f32[Thing]; W[Pear] = 2; W?",
            "{\"query\": \"W?\", \"value\": [[\"A b\", 0], [\"Pear\", 2]]}\n");
}

static void test_json(void **state) {
  SAYS_JSON("X = [1, 2; 3, 4]; X[0,i]?", "{\"query\": \"X[0,i]?\", \"value\": [1, 2]}\n");
  SAYS_JSON("X = [1, 2; 3, 4]; X?", "{\"query\": \"X?\", \"value\": [[1, 2], [3, 4]]}\n");
  SAYS_JSON("Y = 0.1; Y?; Y < 1?",
            "{\"query\": \"Y?\", \"value\": 0.1}\n{\"query\": \"Y < 1?\", \"value\": true}\n");
  SAYS_JSON("Y = -log(0); Z = Y - Y; Y?; Z?",
            "{\"query\": \"Y?\", \"value\": \"inf\"}\n{\"query\": \"Z?\", \"value\": \"nan\"}\n");
  SAYS_JSON("print(\"a \\\"b\\\"\", 2)", "{\"print\": \"a \\\"b\\\" 2\"}\n");
}

static void test_print(void **state) {
  SAYS("Y = 2; print(\"Y is\", Y, \"!\")", "Y is 2 !\n");
  SAYS("X = [1, 2; 3, 4]; print(\"X\", X, X[0,i])", "X\n[[1, 2],\n [3, 4]]\n[1, 2]\n");
}

static void test_with(void **state) {
  SAYS("X = [1, 2]; Z = [3, 4]; Y = X[i] X[i]; Y?; Y? with X = Z; Y?", "Y = 5\nY = 25\nY = 5\n");
  SAYS("X = [1, 2]; Y = X[i]; Y? with X = [10, 20]", "Y = 30\n");
  SAYS("X = [1, 2]; Y = X[i]; Y? with X[i] = 2 X[i]", "Y = 6\n");
  SAYS("A = 2; B = 3 A; Y = A B; Y? with B = 1, A = 5", "Y = 5\n");
  REFUSES("X = [1, 2]; Y = X[i]; Y? with X = [1, 2, 3]", "2 long; of what replaces it 3");
  REFUSES("X = [1, 2]; Y = X[i]; Y? with Q = X", "`Q` is not defined");
}

/* ---- learning -------------------------------------------------------------------------------- */

#define LINE                                                               \
  "X = [1, 2, 3, 4]; Y = [3, 5, 7, 9]; A : f32 ~ zeros; B : f32 ~ zeros\n" \
  "Loss avg= (Y[e] - A X[e] - B)^2\n"

static void near(const syntax *s, const char *text, const char *name, double want, double by) {
  world w;
  open_world(&w, s->ctx, text, false);
  lang_machine_run(w.machine);
  run_value *v = lang_machine_value(w.machine, lang_find(w.program, name));
  double got = run_value_at(v, 0);
  run_release(v);
  close_world(&w);
  if (!(fabs(got - want) <= by)) fail_msg("%s is %g, not %g", name, got, want);
}

static void test_minimize(void **state) {
  near(*state, LINE "minimize(Loss, sgd(lr=0.1), steps=400)", "A", 2, 1e-3);
  near(*state, LINE "minimize(Loss, adam(lr=0.1), steps=1000, schedule=cosine(warmup=10))", "B", 1,
       1e-2);
  near(*state, LINE "Gain = -Loss\nmaximize(Gain, adamw(lr=0.1, decay=0), steps=400)", "A", 2,
       1e-2);
  near(*state, LINE "minimize(Loss, sgd(lr=0.02, momentum=0.9), steps=400, batch=e:2)", "A", 2,
       1e-3);
  SAYS(LINE "minimize(Loss, sgd(lr=0), steps=3); A?; B?", "A = 0\nB = 0\n");
}

static void test_one_step(void **state) {
  SAYS("W : f32[2] ~ ones; X = [1, 2]; L = W[i] X[i]\nminimize(L, sgd(lr=0.5), steps=1); W?",
       "W = [0.5, 0]\n");
  SAYS(
      "W : f32[2] ~ ones fixed; V : f32 ~ constant(3); L = W[i] V\nminimize(L, sgd(lr=0.5), "
      "steps=1); W?; V?",
      "W = [1, 1]\nV = 2\n");
}

/* Batches are the same program: the mean over all, and over some, of equal examples. */
static void test_batches(void **state) {
  SAYS(
      "X : f32[6]; X[i] = 2\nD = [2, 2, 2, 2, 2, 2]; W : f32 ~ ones; L avg= W D[e]\n"
      "minimize(L, sgd(lr=0.25), steps=1, batch=e:4); W?; L?",
      "W = 0.5\nL = 1\n");
  SAYS(
      "X = [1, 2; 3, 4; 5, 6]; W : f32[2] ~ ones; H[b] = W[d] X[b,d]; L avg= H[b]\n"
      "minimize(L, sgd(lr=0), steps=2, batch=b:2); L?; H?",
      "L = 7\nH = [3, 7, 11]\n");
  REFUSES("X = [1, 2, 3]; W : f32 ~ ones; L avg= W X[e]; minimize(L, sgd(0.1), steps=1, batch=k:2)",
          "index `k`");
  REFUSES(
      "X = [1, 2, 3]; W : f32 ~ ones; L avg= W X[e] * e; minimize(L, sgd(0.1), steps=1, batch=e:2)",
      "runs over the batch");
  REFUSES(
      "X = [1, 2, 3]; W : f32[3] ~ ones; L avg= W[e] X[e]; minimize(L, sgd(0.1), steps=1, "
      "batch=e:2)",
      "parameter W");
}

static void test_progress(void **state) {
  const syntax *s = *state;
  world w;
  open_world(&w, s->ctx, LINE "minimize(Loss, sgd(lr=0.1), steps=5, every=2)", false);
  lang_machine_run(w.machine);
  assert_holds(w.progress.at, "step 2 of 5: Loss ");
  assert_holds(w.progress.at, "step 4 of 5: Loss ");
  assert_holds(w.progress.at, "step 5 of 5: Loss ");
  assert_null(strstr(w.progress.at, "step 3"));
  assert_holds(w.progress.at, "terms/s\n");
  close_world(&w);
}

static void test_refused(void **state) {
  REFUSES("X = [1, 2]; L = X[i]; minimize(L, sgd(lr=0.1), steps=1)", "no parameter");
  REFUSES("W : f32[2] ~ ones; L[i] = W[i]; minimize(L, sgd(lr=0.1), steps=1)", "L has 1 position;");
  REFUSES("W : f32 ~ ones; L = W; minimize(L, adagrad(lr=0.1), steps=1)", "sgd");
  REFUSES("W : f32 ~ ones; L = W; minimize(L, sgd(rate=0.1), steps=1)", "knows no `rate=`");
  REFUSES("W : f32 ~ ones; L = W; minimize(L, sgd(lr=0.1), epochs=1)", "knows no `epochs=`");
}

static void test_interrupt(void **state) {
  const syntax *s = *state;
  world w;
  open_world(&w, s->ctx, LINE "minimize(Loss, sgd(lr=0.1), steps=1000000)", false);
  base_interrupt(s->ctx);
  base_trap trap;
  if (BASE_TRY(s->ctx, &trap)) {
    lang_machine_run(w.machine);
    base_untrap(s->ctx, &trap);
    fail_msg("it ran on");
  }
  assert_int_equal(base_last(s->ctx)->status, BASE_INTERRUPTED);
  close_world(&w);
}

/* ---- parameters ------------------------------------------------------------------------------ */

static double moment(const syntax *s, const char *text, const char *name, int power) {
  world w;
  open_world(&w, s->ctx, text, false);
  run_value *v = lang_machine_value(w.machine, lang_find(w.program, name));
  double sum = 0;
  for (int64_t i = 0; i < v->count; i++) sum += pow(run_value_at(v, i), power);
  sum /= (double)v->count;
  run_release(v);
  close_world(&w);
  return sum;
}

static void test_starts(void **state) {
  SAYS("W : f32[2] ~ constant(0.5); V : f32 ~ ones; U : f32[2] ~ [1, 2]; W?; V?; U?",
       "W = [0.5, 0.5]\nV = 1\nU = [1, 2]\n");
  SAYS("A = [1, 2]; W : f32[2] ~ A; V : f32[3] ~ 1/4; W?; V?",
       "W = [1, 2]\nV = [0.25, 0.25, 0.25]\n");
  assert_true(fabs(moment(*state, "W : f32[100, 100] ~ normal(0.5)", "W", 1)) < 0.02);
  assert_true(fabs(moment(*state, "W : f32[100, 100] ~ normal(0.5)", "W", 2) - 0.25) < 0.01);
  assert_true(fabs(moment(*state, "W : f32[100, 100] ~ uniform(0.5)", "W", 2) - 0.25 / 3) < 0.005);
  assert_true(fabs(moment(*state, "W : f32[100, 50] ~ xavier", "W", 2) - 2.0 / 150) < 0.001);
  assert_true(fabs(moment(*state, "W : f32[100, 50] ~ he", "W", 2) - 2.0 / 50) < 0.002);
  assert_true(fabs(moment(*state, "W : f32[100, 50] ~ 0.5 normal()", "W", 2) - 0.25) < 0.02);
}

static void test_streams(void **state) {
  const char *one = said(*state, "W : f32[3] ~ normal(1); V : f32[3] ~ normal(1); W?", false);
  assert_string_equal(one,
                      said(*state, "V : f32[3] ~ normal(1); W : f32[3] ~ normal(1); W?", false));
  assert_string_not_equal(
      one + 1, said(*state, "W : f32[3] ~ normal(1); V : f32[3] ~ normal(1); V?", false) + 1);
  assert_string_not_equal(one, said(*state, "seed(1); W : f32[3] ~ normal(1); W?", false));
  const char *draw = said(*state, "X : f32[3]; X[i] = uniform(); X?", false);
  assert_string_equal(draw, said(*state, "X : f32[3]; X[i] = uniform(); seed(0); X?", false));
  assert_string_not_equal(draw, said(*state, "X : f32[3]; X[i] = uniform(); seed(1); X?", false));
}

/* ---- files ----------------------------------------------------------------------------------- */

static void test_files(void **state) {
  const syntax *s = *state;
  char folder[] = "/tmp/tl_machine_XXXXXX";
  assert_non_null(mkdtemp(folder));
  const char *text =
      base_format(s->arena,
                  "X = [1, 2; 3, 4]\nY[j,i] = X[i,j]\n\"%s/y.npy\" = Y\nW : f32[2] ~ constant(3)\n"
                  "save(\"%s/w.safetensors\")",
                  folder, folder);
  SAYS(text, "");
  SAYS(base_format(s->arena, "Y = \"%s/y.npy\"\nY?", folder), "Y =\n[[1, 3],\n [2, 4]]\n");
  SAYS(base_format(s->arena, "W : f64[2] ~ zeros\nload(\"%s/w.safetensors\"); W?", folder),
       "W = [3, 3]\n");
  REFUSES(base_format(s->arena, "V : f32[2] ~ zeros\nload(\"%s/w.safetensors\")", folder),
          "holds no parameter V");
  REFUSES(base_format(s->arena, "W : f32[3] ~ zeros\nload(\"%s/w.safetensors\")", folder),
          "W is [3] in the program and [2]");
  REFUSES("W : f32[3] ~ zeros\nload(\"/nowhere.safetensors\")", "/nowhere.safetensors");
  unlink(base_format(s->arena, "%s/y.npy", folder));
  unlink(base_format(s->arena, "%s/w.safetensors", folder));
  rmdir(folder);
}

/* ---- texts ----------------------------------------------------------------------------------- */

/* After a comes b, after b c, after c a. */
#define CYCLE                                                                   \
  "Text = chars(\"%s/abc.txt\"); Char : domain(Text)\nNext : f32[Char, Char]\n" \
  "Next[\"a\",\"b\"] = 1; Next[\"b\",\"c\"] = 1; Next[\"c\",\"a\"] = 1\n"       \
  "Tok : i64[2, 4]; Tok[b,p] = Text[b + p]; P[b,p,t] = Next[Tok[b,p], t]\n"

static void test_texts(void **state) {
  const syntax *s = *state;
  char folder[] = "/tmp/tl_machine_XXXXXX";
  assert_non_null(mkdtemp(folder));
  const char *path = base_format(s->arena, "%s/abc.txt", folder);
  FILE *f = fopen(path, "w");
  fputs("abcabc", f);
  fclose(f);
  const char *model = base_format(s->arena, CYCLE, folder);
  SAYS(base_format(s->arena, "%sprint(decode(Text)); decode(Tok)?; Tok[0,p]?", model),
       "abcabc\nabca\nbcab\nTok[0,p] = [0, 1, 2, 0]\n");
  SAYS(base_format(s->arena, "%sdecode(generate(P[1,p,c], Tok[1,p], prompt=\"b\", steps=7))?",
                   model),
       "bcabcabc\n");
  SAYS(base_format(s->arena,
                   "%sgenerate(P[0,p,c], Tok[0,p], prompt=\"abcabca\", steps=2, temperature=0)?",
                   model),
       "generate(P[0,p,c], Tok[0,p], prompt=\"abcabca\", steps=2, temperature=0) = [0, 1, 2, 0, 1, "
       "2, 0, 1, 2]\n");
  REFUSES(base_format(s->arena, "%sdecode(generate(P[1,p,c], Tok[1,p], prompt=\"x\", steps=7))?",
                      model),
          "x");
  REFUSES(base_format(s->arena, "%sdecode(generate(P[1,p,c], Tok[0,1], prompt=\"a\", steps=7))?",
                      model),
          "runs along the text");
  REFUSES(base_format(s->arena, "%sdecode(P)?", model), "no tokens");
  unlink(path);
  rmdir(folder);
}

/* ---- values from outside --------------------------------------------------------------------- */

static void test_set(void **state) {
  const syntax *s = *state;
  world w;
  open_world(&w, s->ctx, "X : f32[2]; Y = X[i]; Y?", false);
  lang_machine_run(w.machine);
  run_value *x = run_value_new(w.session, IR_F32, 1, (int64_t[]){2}, (float[]){1, 2});
  lang_machine_set(w.machine, lang_find(w.program, "X"), x);
  lang_machine_run(w.machine);
  assert_string_equal(w.out.at, "Y = 0\nY = 3\n");
  base_trap trap;
  if (BASE_TRY(s->ctx, &trap)) {
    lang_machine_set(w.machine, lang_find(w.program, "Y"), x);
    base_untrap(s->ctx, &trap);
    fail_msg("Y was set");
  }
  assert_holds(base_last(s->ctx)->message, "Y is computed");
  run_release(x);
  close_world(&w);
}

/* ---- gradients as programs ------------------------------------------------------------------- */

static void same_gradient(const syntax *s, const char *text, const char *wrt, const char *query) {
  world w;
  open_world(&w, s->ctx, text, false);
  base_text printed = base_text_open(s->arena);
  lang_gradient_text(w.program, "Loss", wrt, &printed);
  close_world(&w);
  const char *there = said(s, base_format(s->arena, "%s\nG%s?", printed.at, query), false);
  const char *here = said(
      s, base_format(s->arena, "%s\nG[i,j] = grad(Loss, %s[i,j])\nG%s?", text, query, ""), false);
  assert_string_equal(strchr(here, '='), strchr(there, '='));
}

static void test_gradient_text(void **state) {
  same_gradient(*state,
                "X = [1, 2; 3, 4; 5, 6]; Y = [0, 1, 1]; W : f32[2, 1] ~ normal(0.1)\n"
                "O[e] = sig(X[e,d] W[d,0])\nLoss avg= -Y[e] log(O[e])",
                "W", "W");
  same_gradient(
      *state,
      "X = [1, 2; 3, 4; 5, 6]; W : f32[2, 3] ~ normal(1)\nP[e,c.] = softmax(X[e,d] W[d,c])\n"
      "Loss = sum[e](-log(P[e,1]))",
      NULL, "W");
  same_gradient(*state,
                "X = [1, 2, 3, 4]; W : f32[2, 2] ~ normal(1); U = [1, -1]\nH[0,i] = 0.1 U[i]\n"
                "H[t+1,i] = tanh(W[i,j] H[t,j] + U[i] X[t])\nLoss = H[4,i]^2 + H[2,0]",
                NULL, "W");
  same_gradient(*state,
                "X = [1, 2, 3, 4, 5]; W : f32[2, 2] ~ normal(1)\nY[x,k] = W[d,k] X[x+d]\n"
                "Z[x/2,k] max= Y[x,k]\nLoss = Z[x,k]^2",
                NULL, "W");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_SYNTAX(test_values),   WITH_SYNTAX(test_open_indices), WITH_SYNTAX(test_symbols),
      WITH_SYNTAX(test_json),     WITH_SYNTAX(test_print),        WITH_SYNTAX(test_with),
      WITH_SYNTAX(test_minimize), WITH_SYNTAX(test_one_step),     WITH_SYNTAX(test_batches),
      WITH_SYNTAX(test_progress), WITH_SYNTAX(test_refused),      WITH_SYNTAX(test_interrupt),
      WITH_SYNTAX(test_starts),   WITH_SYNTAX(test_streams),      WITH_SYNTAX(test_files),
      WITH_SYNTAX(test_texts),    WITH_SYNTAX(test_set),          WITH_SYNTAX(test_gradient_text)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
