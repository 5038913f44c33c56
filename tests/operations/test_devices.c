/* Every row of the table, every sample, every real type: the fast device against `ref` in f64; and
 * its derivatives against differences. */
#include <math.h>

#include "sample.h"

static tl_context *open_on(const char *name) {
  tl_options o = {.device = name, .threads = 2};
  tl_context *ctx = tl_open(&o);
  assert_int_equal(tl_last(ctx), TL_OK);
  return ctx;
}

static void make_all(tl_context *ctx, const sample *s, tl_type type, tl_tensor **tensor) {
  for (int i = 0; i < s->n; i++) tensor[i] = sample_make(ctx, s, i, type);
}

static void each_sample(void (*check)(tl_context *ref, tl_context *cpu, const sample *s)) {
  tl_context *ref = open_on("ref"), *cpu = open_on("cpu");
  static sample s;
  for (int r = 0; r < operation_count; r++) {
    const operation_row *row = &operation_rows[r];
    const char *at = row->name ? row->samples : "";
    while (sample_next(&s, row, &at)) check(ref, cpu, &s);
  }
  tl_close(ref);
  tl_close(cpu);
}

/* ---- values ---------------------------------------------------------------------------------- */

static void compare(const sample *s, tl_type type, int n, const double *got, const double *want) {
  static const double unit[] = {
      [TL_F16] = 2e-3, [TL_BF16] = 1.6e-2, [TL_F32] = 2e-6, [TL_F64] = 1e-12};
  for (int k = 0; k < n; k++) {
    bool same = got[k] == want[k] || (isnan(got[k]) && isnan(want[k]));
    if (!same && !(fabs(got[k] - want[k]) <= 8 * unit[type] * (1 + fabs(want[k]))))
      fail_msg("%s, %s, %s: element %d is %.9g, not %.9g", s->row->name, s->text,
               tl_type_name(type), k, got[k], want[k]);
  }
}

/* Rounding to 16 bits moves inputs over a step, and its neighbours of a sorted order together. */
static bool jumps(const char *name) {
  static const char *const list[] = {"sign",  "floor", "round",  "remainder",
                                     "equal", "less",  "argmax", "cast"};
  for (size_t i = 0; i < sizeof list / sizeof *list; i++)
    if (strstr(name, list[i])) return true;
  return false;
}

static void check_values(tl_context *ref, tl_context *cpu, const sample *s) {
  double want[SAMPLE_ELEMENTS], got[SAMPLE_ELEMENTS];
  tl_tensor *a[SAMPLE_TENSORS], *b[SAMPLE_TENSORS];
  make_all(ref, s, TL_F64, a);
  tl_tensor *y = sample_call(ref, s, a);
  int n = sample_read(y, want);
  for (tl_type type = TL_F16; type <= TL_F64; type++) {
    if (type < TL_F32 && jumps(s->row->name)) continue;
    make_all(cpu, s, type, b);
    tl_tensor *z = sample_call(cpu, s, b);
    assert_int_equal(tl_rank(y), tl_rank(z));
    for (int k = 0; k < tl_rank(y); k++) assert_int_equal(tl_size(y, k), tl_size(z, k));
    bool real = ir_type_real((ir_type)tl_tensor_type(y));
    if (real && strcmp(s->row->name, "cast") != 0) assert_int_equal(tl_tensor_type(z), type);
    compare(s, type, sample_read(z, got), got, want);
    tl_release(z);
    for (int i = 0; i < s->n; i++) tl_release(b[i]);
  }
  (void)n;
  tl_release(y);
  for (int i = 0; i < s->n; i++) tl_release(a[i]);
}

/* ---- derivatives ----------------------------------------------------------------------------- */

/* The sum of the results, each with a weight of its own. */
static tl_tensor *weighed(tl_context *ctx, tl_tensor *y) {
  double w[SAMPLE_ELEMENTS];
  int64_t n = tl_count(y);
  for (int64_t k = 0; k < n; k++) w[k] = 1 + 0.3 * (double)(k % 5);
  tl_tensor *flat = tl_op(ctx, "reshape", 1, &y, (tl_attr[]){{"shape", -1}, {0}});
  tl_tensor *weight = tl_from(ctx, TL_F64, 1, &n, w);
  return tl_eq(ctx, "L = Y[i] W[i]",
               (tl_arg[]){{"Y", tl_rank(y) ? flat : flat}, {"W", weight}, {0}});
}

static double loss_at(tl_context *ctx, const sample *s, int i, int64_t k, double step) {
  static sample moved;
  moved = *s;
  moved.tensor[i].value[k] += step;
  tl_tensor *t[SAMPLE_TENSORS];
  make_all(ctx, &moved, TL_F64, t);
  return tl_value(weighed(ctx, sample_call(ctx, &moved, t)));
}

static void check_derivative(tl_context *ctx, const sample *s, int i, const double *g) {
  const double step = 1e-5;
  for (int64_t k = 0; k < s->tensor[i].count; k++) {
    double slope = (loss_at(ctx, s, i, k, step) - loss_at(ctx, s, i, k, -step)) / (2 * step);
    if (!(fabs(slope - g[k]) <= 1e-6 * (1 + fabs(slope))))
      fail_msg("%s, %s: the derivative by element %d of tensor %d is %.9g, not %.9g", s->row->name,
               s->text, (int)k, i, g[k], slope);
  }
}

static void check_derivatives(tl_context *ref, tl_context *cpu, const sample *s) {
  (void)ref;
  tl_tensor *t[SAMPLE_TENSORS];
  double g[SAMPLE_ELEMENTS];
  make_all(cpu, s, TL_F64, t);
  tl_tensor *y = sample_call(cpu, s, t);
  if (tl_tensor_type(y) != TL_F64) return;
  tl_tensor *loss = weighed(cpu, y);
  for (int i = 0; i < s->n; i++) {
    bool real = s->tensor[i].given && (s->tensor[i].kind == 0 || s->tensor[i].kind == 'p');
    if (!real) continue;
    tl_tensor *grad = tl_grad(cpu, loss, t[i]);
    if (!grad || tl_eval(1, &grad) != TL_OK)
      fail_msg("%s, %s: no derivative: %s", s->row->name, s->text, tl_message(cpu));
    sample_read(grad, g);
    check_derivative(cpu, s, i, g);
  }
}

/* In 16 and 32 bits: near the derivative in f64, of the type that tl_grad says. */
static void check_narrow(tl_context *ref, tl_context *cpu, const sample *s) {
  (void)ref;
  tl_tensor *wide[SAMPLE_TENSORS], *t[SAMPLE_TENSORS];
  double want[SAMPLE_ELEMENTS], got[SAMPLE_ELEMENTS];
  make_all(cpu, s, TL_F64, wide);
  tl_tensor *y = sample_call(cpu, s, wide);
  bool sorts = strstr("sort topk", s->row->name) != NULL;
  if (tl_tensor_type(y) != TL_F64 || jumps(s->row->name) || sorts) return;
  for (tl_type type = TL_F16; type <= TL_F32; type++) {
    make_all(cpu, s, type, t);
    tl_tensor *z = sample_call(cpu, s, t);
    for (int i = 0; i < s->n; i++) {
      bool real = s->tensor[i].given && (s->tensor[i].kind == 0 || s->tensor[i].kind == 'p');
      if (!real) continue;
      tl_tensor *g = tl_grad(cpu, z, t[i]), *w = tl_grad(cpu, y, wide[i]);
      assert_non_null(g);
      assert_int_equal(tl_tensor_type(g), TL_F32);
      sample_read(w, want);
      compare(s, type, sample_read(g, got), got, want);
      tl_release(g);
      tl_release(w);
    }
    tl_release(z);
    for (int i = 0; i < s->n; i++) tl_release(t[i]);
  }
  tl_release(y);
  for (int i = 0; i < s->n; i++) tl_release(wide[i]);
}

static void test_narrow(void **state) {
  (void)state;
  each_sample(check_narrow);
}

static void test_values(void **state) {
  (void)state;
  each_sample(check_values);
}

static void test_derivatives(void **state) {
  (void)state;
  each_sample(check_derivatives);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_values),
      cmocka_unit_test(test_derivatives),
      cmocka_unit_test(test_narrow),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
