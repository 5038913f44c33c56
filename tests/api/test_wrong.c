/* Wrong calls and what is said about them: wrong.txt, which TL_ACCEPT=1 renews. Each entry is the
 * call as it stands here, the status, and the diagnosis. */
#include <stdio.h>

#include "fixture.h"

static FILE *out;
static const char *const status_name[] = {[TL_OK] = "TL_OK",
                                          [TL_RUNTIME] = "TL_RUNTIME",
                                          [TL_ARGUMENT] = "TL_ARGUMENT",
                                          [TL_REFUSED] = "TL_REFUSED",
                                          [TL_DEVICE] = "TL_DEVICE",
                                          [TL_MEMORY] = "TL_MEMORY",
                                          [TL_IO] = "TL_IO"};

static void report(tl_context *ctx, const char *call) {
  fprintf(out, "%s\n", call);
  char *text = tl_diagnosis(ctx, 0);
  fprintf(out, "  %s\n", status_name[tl_last(ctx)]);
  for (const char *at = text ? text : ""; *at;) {
    size_t n = strcspn(at, "\n");
    fprintf(out, "  | %.*s\n", (int)n, at);
    at += n + (at[n] == '\n');
  }
  fprintf(out, "\n");
  tl_free_text(ctx, text);
  tl_clear(ctx);
}

#define WRONG(...)             \
  do {                         \
    (void)(__VA_ARGS__);       \
    report(ctx, #__VA_ARGS__); \
  } while (0)

static tl_tensor *zeros(tl_context *ctx, tl_type type, int rank, const int64_t *size) {
  tl_tensor *t = tl_from(ctx, type, rank, size, NULL);
  assert_non_null(t);
  return t;
}

/* ---- contexts and tensors -------------------------------------------------------------------- */

static void wrong_opening(void) {
  tl_context *ctx = tl_open(&(tl_options){.device = "abacus"});
  report(ctx, "tl_open(&(tl_options){.device = \"abacus\"})");
  tl_close(ctx);
  ctx = tl_open(&(tl_options){.alloc = fixture_alloc});
  report(ctx, "tl_open(&(tl_options){.alloc = my_alloc})");
  tl_close(ctx);
}

static void wrong_tensors(tl_context *ctx, tl_context *other) {
  float room[8] = {0};
  tl_tensor *x = zeros(ctx, TL_F32, 2, SIZES(2, 3));
  tl_tensor *y = tl_eq(ctx, "Y[i] = X[i,j]", ARGS({"X", x}));
  tl_tensor *foreign = zeros(other, TL_F32, 0, NULL);
  WRONG(tl_from(ctx, (tl_type)77, 0, NULL, room));
  WRONG(tl_from(ctx, TL_F32, -1, NULL, room));
  WRONG(tl_from(ctx, TL_F32, 17, SIZES(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1), room));
  WRONG(tl_from(ctx, TL_F32, 2, NULL, room));
  WRONG(tl_from(ctx, TL_F32, 2, SIZES(2, -3), room));
  WRONG(tl_from(ctx, TL_F64, 2, SIZES(1LL << 40, 1LL << 40), NULL));
  WRONG(tl_size(x, 2));
  WRONG(tl_read(x, room, 12));
  WRONG(tl_read(x, NULL, 24));
  WRONG(tl_value(x));
  WRONG(tl_write(x, room, 32));
  WRONG(tl_write(y, room, 8));
  WRONG(tl_eval(2, (tl_tensor *[]){x, foreign}));
}

/* ---- equations and derivatives --------------------------------------------------------------- */

static void wrong_equations(tl_context *ctx, tl_context *other) {
  tl_tensor *x = zeros(ctx, TL_F32, 2, SIZES(2, 3)), *w = zeros(ctx, TL_F32, 2, SIZES(4, 2));
  tl_tensor *i = zeros(ctx, TL_I64, 1, SIZES(3)), *foreign = zeros(other, TL_F32, 0, NULL);
  WRONG(tl_eq(ctx, NULL, NULL));
  WRONG(tl_eq(ctx, "", NULL));
  WRONG(tl_eq(ctx, "Y[b,h] = X[b,k W[k,h]", ARGS({"X", x}, {"W", w})));
  WRONG(tl_eq(ctx, "Y[b,h] = X[b,k] W[k,h]", ARGS({"X", x}, {"W", w})));
  WRONG(tl_eq(ctx, "Y[b] = X[b]", ARGS({"X", x})));
  WRONG(tl_eq(ctx, "Y[b] = Z[b]", ARGS({"X", x})));
  WRONG(tl_eq(ctx, "Y[b] = relo(X[b,k])", ARGS({"X", x})));
  WRONG(tl_eq(ctx, "Y[b] = exp(X[b,k])", ARGS({"X", x})));
  WRONG(tl_eq(ctx, "X[b,k] = 1", ARGS({"X", x})));
  WRONG(tl_eq(ctx, "Y[b] = X[b,k]", ARGS({"X", x}, {"X", w})));
  WRONG(tl_eq(ctx, "Y[b] = X[b,k]", ARGS({"X", NULL})));
  WRONG(tl_eq(ctx, "Y = X", ARGS({"X", foreign})));
  WRONG(tl_grad(ctx, x, NULL));
  WRONG(tl_grad(ctx, i, x));
  WRONG(tl_grad(ctx, x, foreign));
}

/* ---- named operations ------------------------------------------------------------------------ */

static void wrong_operations(tl_context *ctx) {
  tl_tensor *x = zeros(ctx, TL_F32, 2, SIZES(2, 3)), *w = zeros(ctx, TL_F32, 2, SIZES(4, 2));
  tl_tensor *image = zeros(ctx, TL_F32, 3, SIZES(3, 8, 8));
  tl_tensor *filter = zeros(ctx, TL_F32, 4, SIZES(5, 2, 3, 3));
  tl_tensor *images = zeros(ctx, TL_F32, 4, SIZES(1, 3, 8, 8));
  WRONG(tl_op(ctx, "sofmax", 1, &x, NULL));
  WRONG(tl_op(ctx, "softmax", 1, &x, (tl_attr[]){{"dim", 1}, {0}}));
  WRONG(tl_softmax(ctx, x, 2));
  WRONG(tl_add(ctx, x, w));
  WRONG(tl_add(ctx, x, NULL));
  WRONG(tl_op(ctx, "add", 1, &x, NULL));
  WRONG(tl_matmul(ctx, x, w));
  WRONG(tl_matmul(ctx, x, tl_scalar(ctx, TL_F32, 1)));
  WRONG(tl_op(ctx, "matmul_activation", 2, (tl_tensor *[]){w, x}, NULL));
  WRONG(tl_matmul_activation(ctx, w, x, NULL, (tl_activation)9));
  WRONG(tl_conv2d(ctx, image, filter, NULL, NULL, NULL, NULL));
  WRONG(tl_conv2d(ctx, images, filter, NULL, NULL, NULL, NULL));
  WRONG(tl_sum(ctx, x, 2, (int[]){0, -2}, 0));
  WRONG(tl_reshape(ctx, x, 2, SIZES(4, -1)));
  WRONG(tl_reshape(ctx, x, 2, SIZES(2, 2)));
  WRONG(tl_transpose(ctx, x, 1, (int[]){0}));
  WRONG(tl_concat(ctx, 2, (tl_tensor *[]){x, w}, 0));
  WRONG(tl_topk(ctx, x, 0, -1));
  WRONG(tl_attention(ctx, x, w, w, 0.5, 0));
}

static void wrong_sums(tl_context *ctx) {
  tl_tensor *x = zeros(ctx, TL_F32, 2, SIZES(2, 3)), *w = zeros(ctx, TL_F32, 2, SIZES(4, 2));
  tl_tensor *both[] = {x, w};
  WRONG(tl_einsum(ctx, "ij,jk->ik", 2, both));
  WRONG(tl_einsum(ctx, "ijk,jk->ik", 2, both));
  WRONG(tl_einsum(ctx, "ij->ji", 2, both));
  WRONG(tl_einsum(ctx, "ij,ki->jj", 2, both));
  WRONG(tl_einsum(ctx, "ij,ki->l", 2, both));
  WRONG(tl_einsum(ctx, "i2,ki->k", 2, both));
  WRONG(tl_einsum(ctx, "...i,ki->k", 2, both));
}

/* ---- functions ------------------------------------------------------------------------------- */

static void nothing(void *user, size_t n, const double *const *x, double *y) {
  (void)user, (void)x;
  memset(y, 0, n * sizeof *y);
}

static tl_status fails(void *user, int n, const tl_view *x, const tl_view *y) {
  (void)user, (void)n, (void)x, (void)y;
  return TL_RUNTIME;
}

static void wrong_functions(tl_context *ctx) {
  tl_tensor *x = zeros(ctx, TL_F32, 1, SIZES(3)), *w = zeros(ctx, TL_F32, 1, SIZES(4)), *r[2];
  tl_custom f = {.name = "solve", .compute = fails};
  tl_tensor *y = tl_apply(ctx, &f, 1, &x);
  WRONG(tl_define(ctx, "relu", 1, nothing, NULL, NULL));
  WRONG(tl_define(ctx, "Nothing", 1, nothing, NULL, NULL));
  WRONG(tl_define(ctx, "nothing", 7, nothing, NULL, NULL));
  WRONG(tl_define(ctx, "nothing", 1, NULL, NULL, NULL));
  assert_int_equal(tl_define(ctx, "nothing", 1, nothing, NULL, NULL), TL_OK);
  WRONG(tl_define(ctx, "nothing", 1, nothing, NULL, NULL));
  WRONG(tl_eq(ctx, "Y[i] = nothing(X[i], 1)", ARGS({"X", x})));
  tl_tensor *z = tl_eq(ctx, "Y[i] = nothing(X[i])", ARGS({"X", x})), *slope = tl_grad(ctx, z, x);
  WRONG(tl_eval(1, &slope));
  WRONG(tl_apply(ctx, &(tl_custom){.name = "empty"}, 1, &x));
  WRONG(tl_apply(ctx, &f, 0, &x));
  WRONG(tl_eval(1, &y));
  WRONG(tl_grad(ctx, y, x));
  WRONG(tl_compile(ctx, "Y[i] = X[i]", NAMES("X"), NULL));
  WRONG(tl_compile(ctx, "Y[i] = X[i]", NAMES("X"), NAMES("Z")));
  WRONG(tl_compile(ctx, "Y[i] = X[i]", NAMES("X"), NAMES("grad(Y)")));
  tl_function *g = tl_compile(ctx, "Y = X[i] W[i]", NAMES("X", "W"), NAMES("Y"));
  WRONG(tl_call(g, (tl_tensor *[]){x, NULL}, r));
  WRONG(tl_call(g, (tl_tensor *[]){x, w}, r));
  WRONG(tl_call(g, (tl_tensor *[]){x, w}, NULL));
}

/* ---- programs -------------------------------------------------------------------------------- */

static void wrong_programs(tl_context *ctx) {
  tl_tensor *two = zeros(ctx, TL_F32, 1, SIZES(2)), *three = zeros(ctx, TL_F32, 1, SIZES(3));
  tl_tensor *whole = zeros(ctx, TL_I64, 1, SIZES(2));
  WRONG(tl_load(ctx, NULL, NULL, NULL));
  WRONG(tl_load(ctx, NULL, "X = [1, 2\nY[i] = X[i]\n", NULL));
  WRONG(tl_load(ctx, "model.tl", "X = [1, 2]\nW = [1, 2, 3]\nY = X[i] W[i]\n", NULL));
  WRONG(tl_load_file(ctx, "tests/api/nowhere.tl", NULL));
  tl_program *p =
      tl_load(ctx, NULL, "X = [1, 2]\nWeight : f32[2] ~ normal(1)\nY = X[i] Weight[i]", NULL);
  assert_non_null(p);
  WRONG(tl_get(p, "Wieght"));
  WRONG(tl_get(p, NULL));
  WRONG(tl_set(p, "X", three));
  WRONG(tl_set(p, "X", whole));
  WRONG(tl_set(p, "Y", two));
  WRONG(tl_set(p, "X", NULL));
  tl_program *f = tl_load(ctx, NULL,
                          "Person : {Ann, Bob}\nParent : bool(Person, Person)\n"
                          "Parent(Ann, Bob)\n",
                          NULL);
  const tl_cell cells[] = {{"Bob", 0}, {"Zoe", 0}};
  WRONG(tl_get(f, "Parent"));
  WRONG(tl_query(f, "Parent(Ann"));
  WRONG(tl_query(f, "Parnt(Ann, x)"));
  WRONG(tl_query(f, "Parent(Ann)"));
  WRONG(tl_set_rows(f, "Parent", 3, 0, cells, NULL));
  WRONG(tl_set_rows(f, "Parent", 2, 1, cells, NULL));
  WRONG(tl_set_rows(f, "Parnt", 2, 1, cells, NULL));
  tl_rows *rows = tl_query(f, "Parent(Ann, x)");
  WRONG(tl_symbol(rows, 0));
  WRONG(tl_column(rows, 1));
  WRONG(tl_gradient_text(p, "Loss", NULL));
  WRONG(tl_gradient_text(p, "Y", "Z"));
}

static char *whole_file(const char *path) {
  FILE *f = fopen(path, "r");
  static char text[1 << 16];
  size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
  if (f) fclose(f);
  text[n] = 0;
  return text;
}

static void test_wrong(void **state) {
  (void)state;
  static const char path[] = "tests/api/wrong.txt";
  char *got = NULL;
  size_t n;
  out = open_memstream(&got, &n);
  tl_context *ctx = tl_open(&(tl_options){.device = "ref"}), *other = tl_open(NULL);
  wrong_opening();
  wrong_tensors(ctx, other);
  wrong_equations(ctx, other);
  wrong_operations(ctx);
  wrong_sums(ctx);
  wrong_functions(ctx);
  wrong_programs(ctx);
  tl_close(ctx);
  tl_close(other);
  fclose(out);
  FILE *f = getenv("TL_ACCEPT") ? fopen(path, "w") : NULL;
  if (f) fwrite(got, 1, n, f), fclose(f);
  const char *want = whole_file(path), *line = got;
  for (const char *a = got, *b = want; *a || *b; a++, b++) {
    if (*a != *b)
      fail_msg("%s differs where this came: %.200s\nrenew it: TL_ACCEPT=1 ctest -R api/wrong", path,
               line);
    if (*a == '\n') line = a + 1;
  }
  free(got);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_wrong)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
