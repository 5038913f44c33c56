/* Plans as graphs: recorded at the second run, replayed, patched where buffers move. */
#include "fixture.h"

#include <pthread.h>

static tl_tensor *call(tl_context *ctx, tl_function *f, tl_tensor *x) {
  tl_tensor *y = NULL;
  if (tl_call(f, &x, &y) != TL_OK) fail_msg("%s", tl_message(ctx));
  return y;
}

/* The sum is needed whole before it is read. */
static const char *const text = "S += X[i]\nY[i] = X[i] + S";

static void a_steady_loop_patches_nothing(void **state) {
  (void)state;
  gpu_need_emulator();
  counts c;
  tl_context *ctx = gpu_open(&c, "cuda");
  tl_function *f = tl_compile(ctx, text, NAMES("X"), NAMES("Y"));
  tl_tensor *x = gpu_f32(ctx, 3, 1);
  tl_release(call(ctx, f, x));
  uint64_t kernels = tl_statistics(ctx).kernels;
  assert_int_equal(gpu_calls("cuGraphLaunch"), 0);
  uint64_t launches = gpu_calls("cuLaunchKernelEx");
  assert_true(launches >= 1);
  for (int i = 0; i < 10; i++) {
    float v[3] = {(float)i, 1, 2};
    assert_int_equal(tl_write(x, v, sizeof v), TL_OK);
    tl_tensor *y = call(ctx, f, x);
    EXPECT(y, 2 * i + 3, i + 4, i + 5);
    tl_release(y);
  }
  assert_int_equal(gpu_calls("cuGraphLaunch"), 10);
  assert_int_equal(gpu_calls("cuGraphInstantiateWithFlags"), 1);
  assert_int_equal(gpu_calls("cuGraphExecKernelNodeSetParams_v2"), 0);
  assert_int_equal(gpu_calls("cuLaunchKernelEx"), launches);
  assert_int_equal(tl_statistics(ctx).kernels, 11 * kernels);
  tl_release(x);
  tl_function_release(f);
  gpu_close(ctx, &c);
}

static void buffers_that_move_are_patched(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = gpu_open(&c, "cuda");
  tl_function *f = tl_compile(ctx, text, NAMES("X"), NAMES("Y"));
  tl_tensor *kept[40];
  for (int i = 0; i < 40; i++) {     /* no result is released: each run has a buffer of its own */
    tl_tensor *x = gpu_f32(ctx, 2, (float)i);
    kept[i] = call(ctx, f, x);
    tl_release(x);
  }
  for (int i = 0; i < 40; i++) {
    EXPECT(kept[i], 3 * i + 1, 3 * i + 2);
    tl_release(kept[i]);
  }
  tl_function_release(f);
  gpu_close(ctx, &c);
}

/* Two sets of buffers in turn: after a while each has its instance, and nothing is patched. */
static void callers_that_take_turns(void **state) {
  (void)state;
  gpu_need_emulator();
  counts c;
  tl_context *ctx = gpu_open(&c, "cuda");
  tl_function *f = tl_compile(ctx, text, NAMES("X"), NAMES("Y"));
  tl_tensor *x[2] = {gpu_f32(ctx, 2, 0), gpu_f32(ctx, 2, 10)}, *y;
  uint64_t patches = 0;
  for (int i = 0; i < 60; i++) {
    if (i == 40) patches = gpu_calls("cuGraphExecKernelNodeSetParams_v2");
    y = call(ctx, f, x[i % 2]);
    EXPECT(y, i % 2 ? 31 : 1, i % 2 ? 32 : 2);
    tl_release(y);
  }
  assert_true(patches > 0);
  assert_int_equal(gpu_calls("cuGraphExecKernelNodeSetParams_v2"), patches);
  assert_int_equal(gpu_calls("cuGraphInstantiateWithFlags"), 2);
  tl_release(x[0]);
  tl_release(x[1]);
  tl_function_release(f);
  gpu_close(ctx, &c);
}

static void other_sizes_are_other_graphs(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = gpu_open(&c, "cuda");
  tl_function *f = tl_compile(ctx, text, NAMES("X"), NAMES("Y"));
  for (int i = 0; i < 60; i++) {     /* more sizes than bindings are kept */
    int64_t n = 1 + i % 12;
    tl_tensor *x = gpu_f32(ctx, n, 0), *y = call(ctx, f, x);
    float got[12];
    assert_int_equal(tl_read(y, got, (size_t)n * sizeof *got), TL_OK);
    for (int k = 0; k < n; k++) assert_true(got[k] == (float)(k + n * (n - 1) / 2));
    tl_release(x);
    tl_release(y);
  }
  assert_int_equal(tl_statistics(ctx).plans_made, 1);
  tl_function_release(f);
  gpu_close(ctx, &c);
}

/* A recurrence is unrolled into the graph: counters are numbers in its nodes. */
static void loops_are_unrolled(void **state) {
  (void)state;
  gpu_need_emulator();
  static const char *const loop =
      "W[i,j] = X[i] X[j]\nS : f32[6,3]\nS[0,i] = X[i]\n"
      "S[t+1,i] = tanh(0.1 W[i,j] S[t,j] + t)\nY[i] = S[5,i]";
  counts c, rc;
  tl_context *ctx = gpu_open(&c, "cuda"), *ref = gpu_open(&rc, "ref");
  tl_function *f = tl_compile(ctx, loop, NAMES("X"), NAMES("Y"));
  tl_function *g = tl_compile(ref, loop, NAMES("X"), NAMES("Y"));
  if (!f || !g) fail_msg("%s", tl_message(ctx));
  tl_tensor *x = gpu_f32(ctx, 3, 1), *rx = gpu_f32(ref, 3, 1), *want = call(ref, g, rx);
  float w[3];
  assert_int_equal(tl_read(want, w, sizeof w), TL_OK);
  for (int i = 0; i < 4; i++) {
    tl_tensor *y = call(ctx, f, x);
    EXPECT(y, w[0], w[1], w[2]);
    tl_release(y);
  }
  assert_int_equal(gpu_calls("cuGraphLaunch"), 3);
  tl_release(x);
  tl_release(rx);
  tl_release(want);
  tl_function_release(f);
  tl_function_release(g);
  gpu_close(ref, &rc);
  gpu_close(ctx, &c);
}

/* A program of the language: states in place, draws, steps. */
static void training_steps(void **state) {
  (void)state;
  counts c;
  tl_context *ctx = gpu_open(&c, "cuda");
  tl_program *p = tl_load(ctx, NULL,
                          "X = [1, 2; 3, 4; 5, 6]\nT = [1; 2; 3]\nW : f32[2] ~ constant(0.1)\n"
                          "E[i] = X[i,k] W[k] - T[i,0]\nL = E[i]^2\n"
                          "minimize(L, adam(lr=0.05), steps=60)\n",
                          NULL);
  assert_non_null(p);
  assert_int_equal(tl_run(p), TL_OK);
  tl_tensor *loss = tl_get(p, "L");
  double after = tl_value(loss);
  assert_true(after < 0.05);
  tl_release(loss);
  tl_program_release(p);
  gpu_close(ctx, &c);
}

/* A stream of the caller's, and a thread that did not open the context. */
static void *call_from_elsewhere(void *arg) {
  tl_context *ctx = arg;
  tl_function *f = tl_compile(ctx, text, NAMES("X"), NAMES("Y"));
  tl_tensor *x = gpu_f32(ctx, 2, 1);
  for (int i = 0; i < 4; i++) {
    tl_tensor *y = call(ctx, f, x);
    EXPECT(y, 4, 5);
    tl_release(y);
  }
  tl_release(x);
  tl_function_release(f);
  return NULL;
}

static void a_stream_and_a_thread_of_the_callers(void **state) {
  (void)state;
  void *stream = gpu_stream();
  if (!stream) skip();
  counts c = {0};
  tl_context *ctx = tl_open(&(tl_options){.device = "cuda", .cuda_stream = stream});
  assert_string_equal(tl_message(ctx), "");
  call_from_elsewhere(ctx);
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, call_from_elsewhere, ctx), 0);
  assert_int_equal(pthread_join(thread, NULL), 0);
  gpu_close(ctx, &c);
  gpu_stream_drop(stream);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      GPU_TEST(a_steady_loop_patches_nothing), GPU_TEST(buffers_that_move_are_patched),
      GPU_TEST(callers_that_take_turns),       GPU_TEST(other_sizes_are_other_graphs),
      GPU_TEST(loops_are_unrolled),            GPU_TEST(training_steps),
      GPU_TEST(a_stream_and_a_thread_of_the_callers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
