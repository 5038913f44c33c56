/* What is answered where there is no GPU that can be used: the reason, and nothing else instead. */
#include "fixture.h"

static void refuses(const char *words) {
  counts c = {0};
  tl_context *ctx = gpu_try(&c, "cuda");
  assert_non_null(ctx);
  gpu_error(ctx, TL_DEVICE, words);
  assert_null(tl_from(ctx, TL_F32, 0, NULL, NULL));
  assert_int_equal(tl_statistics(ctx).runs, 0);
  gpu_close(ctx, &c);
}

static void with(const char *variable, const char *value, const char *words) {
  const char *before = getenv(variable);
  char *kept = before ? strdup(before) : NULL;
  setenv(variable, value, 1);
  refuses(words);
  if (kept) setenv(variable, kept, 1);
  else unsetenv(variable);
  free(kept);
}

static void libraries_that_are_not_there(void **state) {
  (void)state;
  gpu_need_emulator();
  with("TL_CUDA_DRIVER", "/nowhere/libcuda.so.1",
       "device cuda cannot be used: /nowhere/libcuda.so.1 not found: cannot open");
  with("TL_CUDA_DRIVER", "libm.so.6", "is not usable: it has no cuInit");
  with("TL_NVRTC", "/nowhere/libnvrtc.so.13", "libnvrtc not found: TL_NVRTC names /nowhere");
}

static void with_option(const char *name, const char *value, const char *words) {
  gpu_option(name, value);
  refuses(words);
  gpu_option(name, NULL);
}

static void gpus_that_do_not_serve(void **state) {
  (void)state;
  gpu_need_emulator();
  with_option("gpus", "0", "device cuda cannot be used: the driver is there, and sees no GPU");
  with_option("capability", "75", "has compute capability 7.5; 8.0 is needed");
  with_option("driver", "11080",
              "is too old for TensorLogic: it knows CUDA 11.8, and 12.0 is needed (driver 525 or "
              "newer)");
}

static void drivers_that_do_not_start(void **state) {
  (void)state;
  gpu_need_emulator();
  gpu_fail("cuInit", 0, 803);
  refuses("are of different driver versions: restart");
  gpu_fail("cuInit", 0, 34);
  refuses("is a stub for linking, not the driver's");
  gpu_fail("cuDevicePrimaryCtxRetain", 0, 2);
  refuses("cuDevicePrimaryCtxRetain: ");
  gpu_fail("cuStreamCreate", 0, 2);
  refuses("cuStreamCreate: ");
}

static void a_gpu_by_its_number(void **state) {
  (void)state;
  gpu_need_emulator();
  gpu_option("gpus", "2");
  for (int i = 0; i < 4; i++) {
    tl_context *ctx = tl_open(&(tl_options){.device = "cuda", .cuda_device = i});
    if (i < 2) assert_string_equal(tl_message(ctx), "");
    else gpu_error(ctx, TL_DEVICE, "; there are 2, counted from 0");
    tl_close(ctx);
  }
  static const char *const names[] = {"cuda:0", "cuda:1", "cuda:2", "cuda:", "cuda:x"};
  for (int i = 0; i < 5; i++) {
    tl_context *ctx = tl_open(&(tl_options){.device = names[i]});
    if (i < 2) assert_string_equal(tl_message(ctx), "");
    else gpu_error(ctx, TL_DEVICE, i == 2 ? "there is no GPU 2" : "there is no device `cuda:");
    tl_close(ctx);
  }
  gpu_option("gpus", NULL);
}

static void the_doctor_tells_the_same(void **state) {
  (void)state;
  gpu_need_emulator();
  counts c = {0};
  tl_context *ctx = gpu_try(&c, "ref");
  char *text = tl_doctor(ctx, 0), *json = tl_doctor(ctx, 1);
  assert_non_null(strstr(text, "\nGPU 0 "));
  assert_non_null(strstr(text, "compute capability 9.0"));
  assert_non_null(strstr(text, "\nCUDA compiler  NVRTC "));
  assert_non_null(strstr(json, "\"GPU 0\": \""));
  tl_free_text(ctx, text);
  tl_free_text(ctx, json);
  gpu_option("capability", "75");
  text = tl_doctor(ctx, 0);
  assert_non_null(strstr(text, "7.5 (8.0 is needed)"));
  tl_free_text(ctx, text);
  gpu_option("capability", NULL);
  gpu_option("gpus", "0");
  text = tl_doctor(ctx, 0);
  assert_non_null(strstr(text, "the driver is there, and sees no GPU"));
  tl_free_text(ctx, text);
  gpu_option("gpus", NULL);
  gpu_close(ctx, &c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      GPU_TEST(libraries_that_are_not_there), GPU_TEST(gpus_that_do_not_serve),
      GPU_TEST(drivers_that_do_not_start),    GPU_TEST(a_gpu_by_its_number),
      GPU_TEST(the_doctor_tells_the_same),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
