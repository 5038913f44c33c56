/* The same functions on cpu and ref: what is fused, stored and read on gives the same numbers. */
#include <math.h>
#include <stdio.h>

#include "fixture.h"

enum { MOST = 64 * 64 };

/* Functions of X[m,k], W[n,k], B[n] with two results. */
typedef struct function {
  const char *text, *results[2];
} function;

static const function functions[] = {
    {"Z[e,h] = X[e,i] W[h,i]\nH[e,h] = gelu(Z[e,h] + B[h])", {"Z", "H"}},
    {"Z[e,h] = X[e,i] W[h,i]\nH[e,h] = relu(Z[e,h] + B[h])\nL = H[e,h]^2",
     {"grad(L, W)", "grad(L, B)"}},
    {"Z[e,h] = tanh(X[e,i] W[h,i] + B[h])\nS[e,h.] = softmax(Z[e,h])\nL = S[e,h] Z[e,h]",
     {"S", "grad(L, X)"}},
    {"N[e,i.] = lnorm(X[e,i])\nY[e,h] = N[e,i] W[h,i]\nL = (Y[e,h] - B[h])^2",
     {"Y", "grad(L, X)"}},
    {"M[e] max= X[e,i]\nV avg= (X[e,i] - M[e])^2", {"M", "V"}},
    {"C[h,i.] = cumsum(W[h,i])\nK[h] = argmax[i](W[h,i])", {"C", "K"}},
    {"R = 2 uniform() - 1\nU[e,h] = normal() X[e,0] + R B[h]", {"U", "R"}},
};

static void fill(float *to, int n, unsigned *state) {
  for (int i = 0; i < n; i++) {
    *state = *state * 1664525u + 1013904223u;
    to[i] = (float)(*state >> 8) / (float)(1 << 23) - 1;
  }
}

static tl_tensor *random_tensor(tl_context *ctx, int rank, const int64_t *size, unsigned *state) {
  static float data[MOST];
  int n = 1;
  for (int k = 0; k < rank; k++) n *= (int)size[k];
  fill(data, n, state);
  return fixture_f32(ctx, rank, size, data);
}

static int read_wide(tl_tensor *t, double *to) {
  static float reals[MOST];
  static int64_t integers[MOST];
  bool whole = tl_tensor_type(t) == TL_I64;
  int n = (int)tl_count(t);
  void *data = whole ? (void *)integers : reals;
  assert_int_equal(tl_read(t, data, tl_type_bytes(tl_tensor_type(t)) * (size_t)n), TL_OK);
  for (int i = 0; i < n; i++) to[i] = whole ? (double)integers[i] : (double)reals[i];
  return n;
}

/* Its two results, one behind the other; how many elements they have. */
static int run_on(const char *device, const function *f, const int64_t size[3], double *to) {
  counts c;
  tl_options o = fixture_options(&c, device);
  tl_context *ctx = tl_open(&o);
  unsigned state = 1;
  tl_function *compiled = tl_compile(ctx, f->text, NAMES("X", "W", "B"),
                                     NAMES(f->results[0], f->results[1]));
  tl_tensor *args[] = {random_tensor(ctx, 2, SIZES(size[0], size[2]), &state),
                       random_tensor(ctx, 2, SIZES(size[1], size[2]), &state),
                       random_tensor(ctx, 1, SIZES(size[1]), &state)};
  tl_tensor *r[2];
  if (tl_call(compiled, args, r) != TL_OK) fail_msg("%s: %s\n%s", device, f->text, tl_message(ctx));
  int n = read_wide(r[0], to);
  n += read_wide(r[1], to + n);
  fixture_close(ctx, &c);
  return n;
}

static void compare(const function *f, const int64_t size[3]) {
  static double cpu[2 * MOST], ref[2 * MOST];
  int n = run_on("cpu", f, size, cpu);
  double most = 1;
  assert_int_equal(run_on("ref", f, size, ref), n);
  for (int i = 0; i < n; i++) most = fmax(most, fabs(ref[i]));
  for (int i = 0; i < n; i++)
    if (!(fabs(cpu[i] - ref[i]) <= 2e-5 * most))
      fail_msg("%s\nat sizes %d, %d, %d: element %d is %g on cpu, %g on ref", f->text, (int)size[0],
               (int)size[1], (int)size[2], i, cpu[i], ref[i]);
}

static void test_same_numbers(void **state) {
  (void)state;
  static const int64_t sizes[][3] = {{1, 1, 1}, {6, 3, 2}, {33, 17, 5}, {64, 64, 64}, {50, 2, 31}};
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) compare(&functions[i], sizes[k]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_numbers)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
