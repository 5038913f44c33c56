/* Transfers of every size through the ring of pinned chunks, in order with what else is queued. */
#include "fixture.h"

static void fill(unsigned char *to, size_t n, unsigned seed) {
  for (size_t i = 0; i < n; i++) {
    seed = seed * 1664525u + 1013904223u;
    to[i] = (unsigned char)(seed >> 24);
  }
}

static void there_and_back(tl_context *ctx, size_t n) {
  unsigned char *data = malloc(n + 2), *back = malloc(n + 2);
  fill(data, n, (unsigned)n);
  for (size_t i = 0; i < n; i++) data[i] &= 1;
  int64_t size = (int64_t)n;
  tl_tensor *t = tl_from(ctx, TL_BOOL, 1, &size, data);
  memset(back, 7, n + 2);
  assert_int_equal(tl_read(t, back, n), TL_OK);
  assert_memory_equal(back, data, n);
  assert_int_equal(back[n], 7);
  tl_release(t);
  free(data);
  free(back);
}

static void every_size(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = gpu_open(&c, "cuda");
  static const size_t sizes[] = {
      0,       1,       3,           63,      64,            65,       4096,          128 << 10,
      256 << 10, (256 << 10) + 1, 1 << 20, (4 << 20) - 1, 4 << 20, (4 << 20) + 1, (17 << 20) + 5};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) there_and_back(ctx, sizes[i]);
  gpu_close(ctx, &c);
}

/* Many small ones fill chunk after chunk; none may be overwritten before the GPU has read it. */
static void many_small_ones(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = gpu_open(&c, "cuda");
  enum { N = 300, FLOATS = 20000 };
  static float data[FLOATS], back[FLOATS];
  tl_tensor *t[N];
  for (int i = 0; i < N; i++) {
    for (int k = 0; k < FLOATS; k++) data[k] = (float)(i * 7 + k);
    t[i] = tl_from(ctx, TL_F32, 1, SIZES(FLOATS), data);
  }
  for (int i = 0; i < N; i++) {
    assert_int_equal(tl_read(t[i], back, sizeof back), TL_OK);
    for (int k = 0; k < FLOATS; k++) assert_true(back[k] == (float)(i * 7 + k));
    tl_release(t[i]);
  }
  gpu_close(ctx, &c);
}

/* Large and small in turn, with work on the values in between. */
static void mixed_with_work(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = gpu_open(&c, "cuda");
  tl_function *f = tl_compile(ctx, "Y[i] = X[i] + A", NAMES("X", "A"), NAMES("Y"));
  int64_t n = 300000;
  tl_tensor *x = gpu_f32(ctx, n, 0), *a = tl_scalar(ctx, TL_F32, 0);
  float *back = malloc((size_t)n * sizeof *back);
  for (int i = 1; i <= 6; i++) {
    float step = (float)i;
    tl_tensor *y = NULL;
    assert_int_equal(tl_write(a, &step, sizeof step), TL_OK);
    assert_int_equal(tl_call(f, (tl_tensor *[]){x, a}, &y), TL_OK);
    assert_int_equal(tl_read(y, back, (size_t)n * sizeof *back), TL_OK);
    for (int64_t k = 0; k < n; k += 997) assert_true(back[k] == (float)k + step * (step + 1) / 2);
    assert_int_equal(tl_write(x, back, (size_t)n * sizeof *back), TL_OK);
    tl_release(y);
  }
  free(back);
  tl_release(x);
  tl_release(a);
  tl_function_release(f);
  gpu_close(ctx, &c);
}

/* Writing does not wait: the kernel queued before still sees the old value. */
static void order_is_kept(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = gpu_open(&c, "cuda");
  tl_function *f = tl_compile(ctx, "Y[i] = 2 X[i]", NAMES("X"), NAMES("Y"));
  tl_tensor *x = gpu_f32(ctx, 2, 1), *y[8];
  for (int i = 0; i < 8; i++) {
    float v[2] = {(float)i, 5};
    assert_int_equal(tl_write(x, v, sizeof v), TL_OK);
    assert_int_equal(tl_call(f, &x, &y[i]), TL_OK);
  }
  for (int i = 0; i < 8; i++) {
    EXPECT(y[i], 2 * i, 10);
    tl_release(y[i]);
  }
  tl_release(x);
  tl_function_release(f);
  gpu_close(ctx, &c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      GPU_TEST(every_size),
      GPU_TEST(many_small_ones),
      GPU_TEST(mixed_with_work),
      GPU_TEST(order_is_kept),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
