/* Compiled kernels are kept on disk: the next process, or context, compiles nothing; what is
 * damaged is compiled again. */
#include "fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void compute(void) {
  counts c;
  tl_context *ctx = gpu_open(&c, "cuda");
  tl_tensor *x = gpu_f32(ctx, 3, 1), *y = NULL;
  tl_function *f = tl_compile(ctx, "Y[i] = X[i] X[i] - 1", NAMES("X"), NAMES("Y"));
  assert_int_equal(tl_call(f, &x, &y), TL_OK);
  EXPECT(y, 0, 3, 8);
  tl_release(x);
  tl_release(y);
  tl_function_release(f);
  gpu_close(ctx, &c);
}

typedef struct kept {
  int n;
  char path[512];                /* of one */
  long bytes;
} kept;

static kept look(void) {
  kept k = {0};
  char folder[128];
  snprintf(folder, sizeof folder, "%s/tensorlogic", getenv("XDG_CACHE_HOME"));
  DIR *dir = opendir(folder);
  for (struct dirent *e; dir && (e = readdir(dir));) {
    if (e->d_name[0] == '.') continue;
    k.n++;
    snprintf(k.path, sizeof k.path, "%s/%s", folder, e->d_name);
  }
  if (dir) closedir(dir);
  FILE *file = k.n ? fopen(k.path, "rb") : NULL;
  if (file) {
    fseek(file, 0, SEEK_END);
    k.bytes = ftell(file);
    fclose(file);
  }
  return k;
}

static void the_second_context_compiles_nothing(void **state) {
  (void)state;
  counts c;
  gpu_close(gpu_open(&c, "cuda"), &c);
  compute();
  kept first = look();
  assert_int_equal(first.n, 1);
  char before[300], after[300];
  FILE *file = fopen(first.path, "rb");
  size_t n = fread(before, 1, sizeof before, file);
  fclose(file);
  setenv("PATH", "/nowhere", 1);   /* the emulated compiler finds nothing there */
  compute();
  assert_int_equal(look().n, 1);
  file = fopen(first.path, "rb");
  assert_int_equal(fread(after, 1, sizeof after, file), n);
  fclose(file);
  assert_memory_equal(before, after, n);
}

static void damage(const char *path, long at, int length) {
  FILE *file = fopen(path, "r+b");
  assert_non_null(file);
  fseek(file, at, SEEK_SET);
  for (int i = 0; i < length; i++) fputc(0x5a, file);
  fclose(file);
}

static void damaged_kernels_are_compiled_again(void **state) {
  (void)state;
  counts c;
  gpu_close(gpu_open(&c, "cuda"), &c);
  compute();
  kept whole = look();
  static const long places[] = {0, 8, 16, 24, 40, 1000};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    damage(whole.path, places[i], 6);
    compute();
    kept again = look();
    assert_int_equal(again.n, 1);
    assert_string_equal(again.path, whole.path);
    assert_int_equal(again.bytes, whole.bytes);
  }
  assert_int_equal(truncate(whole.path, whole.bytes / 2), 0);
  compute();
  assert_int_equal(look().bytes, whole.bytes);
}

/* The file is whole, and what is in it is no kernel: it shows when it is loaded. */
static void a_whole_file_without_a_kernel(void **state) {
  (void)state;
  gpu_need_emulator();
  compute();
  kept whole = look();
  gpu_fail("cuModuleLoadData", 0, 200);
  compute();
  assert_int_equal(look().n, 1);
  gpu_fail("cuModuleLoadData", 0, 209);
  compute();
  assert_int_equal(look().bytes, whole.bytes);
}

static void two_processes_at_once(void **state) {
  (void)state;
  gpu_need_emulator();
  pid_t child = fork();
  assert_true(child >= 0);
  compute();
  if (child == 0) _exit(0);
  int status = -1;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  assert_int_equal(look().n, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      GPU_TEST(damaged_kernels_are_compiled_again),
      GPU_TEST(a_whole_file_without_a_kernel),
      GPU_TEST(two_processes_at_once),
      GPU_TEST(the_second_context_compiles_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
