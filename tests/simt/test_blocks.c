/* Threads as fibers: barriers, lanes that meet, orders, blocks that wait for each other. */
#include <string.h>

#include "simt/lab.h"

static void add(void **state) {
  (void)state;
  lab_function *f = lab_kernel(
      "extern \"C\" __global__ void __launch_bounds__(64) f(float *y, const float *x, int64_t n) "
      "{\n"
      "  int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;\n"
      "  if (i < n) y[i] = 2 * x[i] + 1;\n"
      "}\n");
  float x[100], y[100];
  for (int i = 0; i < 100; i++) x[i] = (float)i;
  uint64_t to = lab_floats(100, NULL), from = lab_floats(100, x);
  int64_t n = 100;
  lab_run(f, (lab_shape){.blocks = {2}, .threads = {64}}, PARAMS(&to, &from, &n));
  lab_read(to, sizeof y, y);
  for (int i = 0; i < 100; i++) assert_float_equal(y[i], 2 * i + 1, 0);
  assert_int_equal(lab_launch(f, (lab_shape){.threads = {65}}, PARAMS(&to, &from, &n)), 701);
}

static lab_function *sum;

static void sum_once(void) {
  float x[300], y[3];
  for (int i = 0; i < 300; i++) x[i] = (float)(i % 100);
  uint64_t to = lab_floats(3, NULL), from = lab_floats(300, x);
  lab_run(sum, (lab_shape){.blocks = {3}, .threads = {100}, .shared = 64}, PARAMS(&to, &from));
  lab_read(to, sizeof y, y);
  for (int i = 0; i < 3; i++) assert_float_equal(y[i], 4950, 0);
}

/* By shuffles, with a short last warp, then through both kinds of shared memory. */
static void block_sum(void **state) {
  (void)state;
  sum = lab_kernel(
      "template <int N> __device__ float warp_sum(float x, unsigned mask) {\n"
      "  for (int i = N / 2; i; i /= 2) {\n"
      "    float y = __shfl_down_sync(mask, x, i);\n"
      "    if ((threadIdx.x & 31) + i < 32 && (mask >> ((threadIdx.x & 31) + i) & 1)) x += y;\n"
      "  }\n"
      "  return x;\n"
      "}\n"
      "extern \"C\" __global__ void f(float *y, const float *x) {\n"
      "  __shared__ float part[4];\n"
      "  TL_SHARED(float, again);\n"
      "  unsigned mask = threadIdx.x / 32 == 3 ? 0xf : 0xffffffff;\n"
      "  float v = 0;\n"
      "  if (mask == 0xf) for (int i = 0; i < 4; i++) v += __shfl_sync(mask, x[blockIdx.x * 100 + "
      "threadIdx.x], i);\n"
      "  else v = warp_sum<32>(x[blockIdx.x * 100 + threadIdx.x], mask);\n"
      "  if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = v;\n"
      "  __syncthreads();\n"
      "  if (threadIdx.x < 4) again[3 - threadIdx.x] = part[threadIdx.x];\n"
      "  __syncthreads();\n"
      "  if (threadIdx.x == 77) y[blockIdx.x] = again[0] + again[1] + again[2] + again[3];\n"
      "}\n");
  lab_each_order(sum_once);
}

static void votes(void **state) {
  (void)state;
  lab_function *f = lab_kernel(
      "extern \"C\" __global__ void f(unsigned *y) {\n"
      "  int i = threadIdx.x;\n"
      "  unsigned b = __ballot_sync(0xffffffff, i % 3 == 0);\n"
      "  unsigned m = __reduce_max_sync(0xffffffff, (unsigned)i ^ 5u);\n"
      "  unsigned s = __match_any_sync(0xffffffff, i / 8);\n"
      "  int c = __syncthreads_count(i & 1);\n"
      "  unsigned x = i < 16 ? __shfl_xor_sync(0xffffu, (unsigned)i, 3) : 0;\n"
      "  y[i] = (b == 0x49249249u) + 2 * (m == 31) + 4 * (s == 0xffu << i / 8 * 8) + 8 * (c == 16) "
      "+\n"
      "         16 * (x == (i < 16 ? (i ^ 3) : 0));\n"
      "}\n");
  unsigned y[32];
  uint64_t to = lab_bytes(sizeof y, NULL);
  lab_run(f, (lab_shape){.threads = {32}}, PARAMS(&to));
  lab_read(to, sizeof y, y);
  for (int i = 0; i < 32; i++) assert_int_equal(y[i], 31);
}

static lab_function *turn;

static void turn_once(void) {
  unsigned y[4], zero[2] = {0};
  uint64_t to = lab_bytes(sizeof y, NULL), flag = lab_bytes(sizeof zero, zero);
  lab_run(turn, (lab_shape){.blocks = {4}, .threads = {32}}, PARAMS(&to, &flag));
  lab_read(to, sizeof y, y);
  for (unsigned i = 0; i < 4; i++) assert_int_equal(y[i], 10 + i);
}

/* Each block waits until it is its turn, whatever the order in which blocks come. */
static void blocks_wait_for_each_other(void **state) {
  (void)state;
  turn = lab_kernel(
      "extern \"C\" __global__ void f(unsigned *y, unsigned *flag) {\n"
      "  __shared__ unsigned mine;\n"
      "  if (threadIdx.x == 0) {\n"
      "    mine = 10 + blockIdx.x;\n"
      "    while (atomicAdd(&flag[0], 0u) != 3 - blockIdx.x) __nanosleep(20);\n"
      "    y[blockIdx.x] = mine;\n"
      "    atomicAdd(&flag[0], 1u);\n"
      "  }\n"
      "  __syncthreads();\n"
      "}\n");
  lab_each_order(turn_once);
}

static void deadlocks(void **state) {
  (void)state;
  lab_function *f = lab_kernel(
      "extern \"C\" __global__ void f(int which) {\n"
      "  int i = threadIdx.x;\n"
      "  if (which == 0 && i < 32) simt_barrier(1, 64, 1);\n"
      "  if (which == 1 && i < 3) __shfl_sync(0xf, i, 0);\n"
      "  if (which == 2) { if (i & 1) __syncwarp(); else __ballot_sync(0xffffffff, 1); }\n"
      "  if (which == 3 && i == 7) __shfl_sync(0x3, i, 0);\n"
      "  if (which == 4) while (true) __nanosleep(1);\n"
      "}\n");
  static const char *const words[] = {
      "deadlock: 32 of 64 threads of block (0,0,0), the first (0,0,0), wait for named barrier 1",
      "deadlock: 3 of 64 threads of block (0,0,0), the first (0,0,0), wait for shuffle",
      "lanes of one warp meet in different operations",
      "the mask 00000003 is without the lane itself", "no block that could be there"};
  for (int which = 0; which < 5; which++) {
    lab_stops(f, (lab_shape){.threads = {64}}, PARAMS(&which), words[which]);
    simt_recover();
  }
}

static void faults(void **state) {
  (void)state;
  lab_function *f = lab_kernel(
      "__device__ int deep(int n) { volatile int a[4096]; a[n] = n; return n ? a[n] + deep(n - 1) "
      ": 0; }\n"
      "extern \"C\" __global__ void f(int *y, int which) {\n"
      "  if (threadIdx.x != 3) return;\n"
      "  if (which == 0) y[64] = 1;\n"
      "  if (which == 1) *(int *)0 = 1;\n"
      "  if (which == 2) y[0] = deep(4000);\n"
      "  if (which == 3) y[0] = 1 / (y[1] - y[1]);\n"
      "  if (which == 4) y[61] = 1;\n"
      "  if (which == 5) { TL_SHARED(int, s); s[4] = 1; }\n"
      "  if (which == 6) __trap();\n"
      "  if (which == 7) y[-1] = 1;\n"
      "}\n");
  static const char *const words[] = {
      "thread (3,0,0): illegal access to offset 256 of 240 bytes of global memory",
      "illegal access to a null pointer",
      "its stack overflows",
      "divides an integer by 0",
      "written behind 240 bytes of global memory",
      "behind its 16 bytes of dynamic shared memory",
      "__trap",
      "written in front of 240 bytes"};
  for (int which = 0; which < 8; which++) {
    uint64_t y = lab_bytes(240, NULL);
    lab_stops(f, (lab_shape){.threads = {4}, .shared = 16}, PARAMS(&y, &which), words[which]);
    simt_recover();
  }
}

static void compile_errors(void **state) {
  (void)state;
  assert_string_equal(lab_compile_error("extern \"C\" __global__ void f() {}\n"), "");
  const char *log = lab_compile_error("\nextern \"C\" __global__ void f() { undeclared(); }\n");
  assert_non_null(strstr(log, "f.cu:4"));
  assert_non_null(strstr(log, "undeclared"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      LAB_TEST(add),
      LAB_TEST(block_sum),
      LAB_TEST(votes),
      LAB_TEST(blocks_wait_for_each_other),
      LAB_TEST(deadlocks),
      LAB_TEST(faults),
      LAB_TEST(compile_errors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
