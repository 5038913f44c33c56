/* Loops keep the last slices of what they make, where nothing else is read. */
#include <string.h>

#include "sched/fixture.h"

static int64_t work(fixture *f) {
  int64_t *offset = BASE_NEWS(f->arena, int64_t, f->passed->tensors.n + 1);
  int64_t *symbols = BASE_NEWS(f->arena, int64_t, f->passed->symbols.n + 1);
  return sched_layout(f->plan, symbols, offset);
}

static int64_t work_of(fixture *f, const char *format, int steps, const char *wanted) {
  plan_text(f, base_format(f->arena, format, steps), wanted);
  check_values(f, 1e-5);
  return work(f);
}

static void memory_does_not_grow_with_the_steps(void **state) {
  fixture *f = *state;
  const char *text =
      "W : f32[7, 7]\nU : f32[7, %d]\nX[i,*t+1] = sig(W[i,j] X[j,*t] + U[i,t])\nY[i] = 2 X[i]\n";
  int64_t few = work_of(f, text, 5, "Y"), many = work_of(f, text, 50, "Y");
  assert_int_equal(few, many);
  assert_true(many <= 3 * 64);
}

/* Two steps back, two heads, base elements. */
static void several_slices(void **state) {
  fixture *f = *state;
  const char *text = "L = %d\nW : f32[6, 6]\nB : f32[6]\nA : f32[L, 6]\nX : f32[L + 1, 6]\n"
                     "X[0,i] = B[i]\nX[1,i] = 2 B[i]\n"
                     "X[t+1,i] = tanh(W[i,j] X[t,j] + Z[t-1,i])\n"
                     "Z[t,i] = 0.5 W[j,i] X[t,j] + A[t,i]\nY[i] = X[L,i]\n";
  assert_int_equal(work_of(f, text, 6, "Y"), work_of(f, text, 30, "Y"));
}

static void downwards(void **state) {
  fixture *f = *state;
  const char *text = "W : f32[6, 6]\nU : f32[%d, 6]\nX[t,i] = relu(W[i,j] X[t+1,j] + U[t,i])\n"
                     "Y[i] = X[0,i]\n";
  assert_int_equal(work_of(f, text, 6, "Y"), work_of(f, text, 30, "Y"));
}

/* What is a scan stays one, unless it would store much that nobody reads. */
static void long_scans(void **state) {
  fixture *f = *state;
  const char *text = "N = %d\nA : f32[500]\nX : f32[N + 1, 500]\nX[0,i] = A[i]\n"
                     "X[t+1,i] = 0.5 X[t,i] + A[i]\nY[i] = X[N,i]\n";
  work_of(f, text, 30, "Y");
  assert_int_equal(kernels_of(f, KERNEL_SCAN), 1);
  plan_text(f, base_format(f->arena, text, 1000000), "Y");
  assert_int_equal(kernels_of(f, KERNEL_SCAN), 0);
  assert_true(work(f) <= 3 * 2048);
  plan_text(f, base_format(f->arena, text, 1000000), "Y X");
  assert_int_equal(kernels_of(f, KERNEL_SCAN), 1);
}

/* What a gradient or another equation reads is kept whole. */
static void what_is_read_later_stays(void **state) {
  fixture *f = *state;
  const char *text = "W : f32[7, 7]\nU : f32[7, %d]\nX[i,*t+1] = sig(W[i,j] X[j,*t] + U[i,t])\n"
                     "Y = X[i] U[i,0]\nM = X[i,t]\n";
  assert_true(work_of(f, text, 50, "grad Y W") >= 50 * 7 * 4);
  assert_true(work_of(f, text, 50, "Y M") >= 50 * 7 * 4);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_FIXTURE(memory_does_not_grow_with_the_steps),
      WITH_FIXTURE(several_slices),
      WITH_FIXTURE(downwards),
      WITH_FIXTURE(long_scans),
      WITH_FIXTURE(what_is_read_later_stays),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
