/* What goes wrong on a GPU: lack of memory, errors of the driver, a lost device, and lack of host
 * memory at every place in turn. Each ends with a status, a message with names, nothing leaked. */
#include "fixture.h"

#include <stdio.h>

static const char *const text = "S += X[i]\nY[i] = X[i] + S";

/* A day's work: a value, a function called three times, its result. The first error's status. */
static tl_status work(tl_context *ctx) {
  tl_tensor *x = gpu_f32(ctx, 4, 0);
  tl_function *f = tl_compile(ctx, text, NAMES("X"), NAMES("Y"));
  for (int i = 0; i < 3; i++) {
    tl_tensor *y = NULL;
    float got[4];
    tl_call(f, &x, &y);
    if (y && tl_read(y, got, sizeof got) == TL_OK) assert_true(got[3] == 9);
    tl_release(y);
  }
  tl_release(x);
  tl_function_release(f);
  return tl_last(ctx);
}

/* ---- errors of the driver -------------------------------------------------------------------- */

static const char *const functions[] = {
    "cuCtxSetCurrent",          "cuMemAlloc_v2",
    "cuMemHostAlloc",           "cuMemcpyHtoDAsync_v2",
    "cuMemcpyDtoHAsync_v2",     "cuModuleLoadData",
    "cuModuleGetFunction",      "cuLaunchKernelEx",
    "cuGraphCreate",            "cuGraphAddKernelNode_v2",
    "cuGraphInstantiateWithFlags", "cuGraphLaunch",
    "cuStreamSynchronize",      "cuEventCreate",
    "kernel",
};

/* Code 1 leaves the context well: when the error is cleared, work goes on. */
static void errors_that_pass(void **state) {
  (void)state;
  gpu_need_emulator();
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    counts c;
    if (strcmp(functions[i], "kernel") == 0) continue;
    tl_context *ctx = gpu_open(&c, "cuda");
    gpu_fail(functions[i], 0, 1);
    tl_status status = work(ctx);
    if (status != TL_DEVICE) fail_msg("%s: status %d: %s", functions[i], status, tl_message(ctx));
    assert_non_null(strstr(tl_message(ctx), "emulated H200: "));
    assert_non_null(strstr(tl_message(ctx), "CUDA_ERROR_INVALID_VALUE"));
    tl_clear(ctx);
    if (work(ctx) != TL_OK) fail_msg("after %s: %s", functions[i], tl_message(ctx));
    gpu_close(ctx, &c);
  }
}

/* Codes that lose the device: the same reason from then on, what is on the host intact, and a
 * context that closes. */
static void a_lost_device(void **state) {
  (void)state;
  gpu_need_emulator();
  static const int codes[] = {700, 719, 999};
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
    for (size_t k = 0; k < sizeof codes / sizeof *codes; k++) {
      counts c;
      tl_context *ctx = gpu_open(&c, "cuda");
      gpu_fail(functions[i], 0, codes[k]);
      tl_status status = work(ctx);
      if (status != TL_DEVICE) fail_msg("%s: status %d: %s", functions[i], status, tl_message(ctx));
      char first[1024];
      snprintf(first, sizeof first, "%s", tl_message(ctx));
      assert_non_null(strstr(first, "emulated H200 is lost: "));
      tl_clear(ctx);
      assert_int_equal(work(ctx), TL_DEVICE);
      assert_non_null(strstr(tl_message(ctx), strstr(first, " is lost: ")));
      gpu_close(ctx, &c);
      gpu_recover();
    }
}

static void the_kernels_queued_last_are_named(void **state) {
  (void)state;
  gpu_need_emulator();
  counts c;
  tl_context *ctx = gpu_open(&c, "cuda");
  tl_tensor *x = gpu_f32(ctx, 4, 0), *y = NULL;
  tl_function *f = tl_compile(ctx, "Peak[i] = X[i] + 1", NAMES("X"), NAMES("Peak"));
  assert_int_equal(tl_call(f, &x, &y), TL_OK);
  gpu_fail("kernel", 0, 700);
  float got[4];
  tl_read(y, got, sizeof got);
  gpu_error(ctx, TL_DEVICE, "Peak");
  tl_release(x);
  tl_release(y);
  tl_function_release(f);
  gpu_close(ctx, &c);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void who_holds_the_memory_is_named(void **state) {
  (void)state;
  gpu_need_emulator();
  gpu_memory(64 << 20);
  counts c;
  tl_context *ctx = gpu_open(&c, "cuda");
  tl_tensor *kept[64], *x = gpu_f32(ctx, 1 << 20, 0);
  tl_function *f = tl_compile(ctx, "Wide[i] = X[i] + 1", NAMES("X"), NAMES("Wide"));
  int n = 0;
  while (n < 64 && tl_call(f, &x, &kept[n]) == TL_OK) n++;
  assert_in_range(n, 4, 15);
  const char *message = tl_message(ctx);
  assert_int_equal(tl_last(ctx), TL_MEMORY);
  assert_non_null(strstr(message, "out of memory on cuda: 4.2 MB for one tensor, "));
  assert_non_null(strstr(message, "; the largest: Wide 5.2 MB, Wide 5.2 MB"));
  tl_clear(ctx);
  tl_release(kept[--n]);
  assert_int_equal(tl_call(f, &x, &kept[n]), TL_OK);   /* what is given back is there again */
  for (int i = 0; i <= n; i++) tl_release(kept[i]);
  tl_release(x);
  tl_function_release(f);
  gpu_close(ctx, &c);
}

/* What the pool keeps is no reason to fail: it is given back first. */
static void the_pool_gives_back_before_it_fails(void **state) {
  (void)state;
  gpu_need_emulator();
  gpu_memory(64 << 20);
  counts c;
  tl_context *ctx = gpu_open(&c, "cuda");
  for (int64_t n = 1 << 18; n <= 11 << 20; n += 1 << 18) {
    tl_tensor *x = gpu_f32(ctx, n, 0);
    if (!x) fail_msg("%ld: %s", (long)n, tl_message(ctx));
    tl_release(x);
  }
  tl_stats s = tl_statistics(ctx);
  assert_true(s.bytes_cached > 0 && s.bytes_cached < 64 << 20);
  tl_shrink(ctx, 0);
  assert_int_equal(tl_statistics(ctx).bytes_cached, 0);
  gpu_close(ctx, &c);
}

/* The host's: every allocation fails in turn. */
static void host_memory_at_every_place(void **state) {
  (void)state;
  gpu_need_emulator();
  counts c = {0};
  tl_context *ctx = gpu_try(&c, "cuda");
  assert_int_equal(work(ctx), TL_OK);
  gpu_close(ctx, &c);
  long all = c.asked;
  assert_true(all > 50);
  for (long k = 1; k <= all; k++) {
    c = (counts){.fails_at = k};
    ctx = gpu_try(&c, "cuda");
    if (!ctx) continue;
    tl_status status = tl_last(ctx) == TL_OK ? work(ctx) : tl_last(ctx);
    if (status != TL_MEMORY && status != TL_OK)
      fail_msg("allocation %ld: status %d: %s", k, status, tl_message(ctx));
    gpu_close(ctx, &c);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      GPU_TEST(errors_that_pass),
      GPU_TEST(a_lost_device),
      GPU_TEST(the_kernels_queued_last_are_named),
      GPU_TEST(who_holds_the_memory_is_named),
      GPU_TEST(the_pool_gives_back_before_it_fails),
      GPU_TEST(host_memory_at_every_place),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
