/* Copies that arrive later: cp.async, tiles and lines counted by mbarriers, stores by groups. */
#include <string.h>

#include "simt/lab.h"

#define HOPPER                                                                 \
  "struct __align__(64) tensor_map { uint64_t opaque[16]; };\n"                \
  "#include \"ptx_simt_hopper.cuh\"\n"

static lab_function *kernel;

/* ---- cp.async -------------------------------------------------------------------------------- */

static void copy_once(void) {
  float x[256], y[256];
  for (int i = 0; i < 256; i++) x[i] = (float)i;
  uint64_t to = lab_floats(256, NULL), from = lab_floats(256, x);
  lab_run(kernel, (lab_shape){.threads = {32}, .shared = 1024}, PARAMS(&to, &from));
  lab_read(to, sizeof y, y);
  for (int i = 0; i < 256; i++) assert_float_equal(y[i], (i % 4 == 3 && i >= 128 ? 0 : i), 0);
}

/* Two groups, the second waited for later and with its last four bytes left out. */
static void lines(void **state) {
  (void)state;
  kernel = lab_kernel(
      "extern \"C\" __global__ void f(float *y, const float *x) {\n"
      "  TL_SHARED(float, s);\n"
      "  int i = threadIdx.x * 4;\n"
      "  simt_copy(simt_shared(s + i), x + i, 16, 16);\n"
      "  simt_copy_commit();\n"
      "  simt_copy(simt_shared(s + 128 + i), x + 128 + i, 16, 12);\n"
      "  simt_copy_commit();\n"
      "  simt_copy_wait(1);\n"
      "  __syncwarp();\n"
      "  for (int k = 0; k < 4; k++) y[32 * k + threadIdx.x] = s[32 * k + threadIdx.x];\n"
      "  simt_copy_wait(0);\n"
      "  __syncwarp();\n"
      "  for (int k = 4; k < 8; k++) y[32 * k + threadIdx.x] = s[32 * k + threadIdx.x];\n"
      "}\n");
  lab_each_order(copy_once);
}

static void early(void **state) {
  (void)state;
  kernel = lab_kernel(
      "extern \"C\" __global__ void f(float *y, const float *x) {\n"
      "  TL_SHARED(float, s);\n"
      "  simt_copy(simt_shared(s), x, 16, 16);\n"
      "  simt_copy_commit();\n"
      "  y[0] = s[0];\n"
      "  simt_copy_wait(0);\n"
      "}\n");
  float x[4] = {1, 2, 3, 4}, y;
  uint64_t to = lab_floats(1, NULL), from = lab_floats(4, x);
  lab_run(kernel, (lab_shape){.shared = 64}, PARAMS(&to, &from));
  lab_read(to, sizeof y, &y);
  assert_true(y != y);
}

/* ---- tiles ----------------------------------------------------------------------------------- */

enum { ROWS = 20, COLS = 40 };

static void turn_tiles(void) {
  uint16_t x[ROWS * COLS], y[ROWS * COLS];
  for (int i = 0; i < ROWS * COLS; i++) x[i] = (uint16_t)(i + 1);
  memset(y, 0x11, sizeof y);
  for (int swizzle = 0; swizzle <= 128; swizzle = swizzle ? 2 * swizzle : 32) {
    uint64_t from = lab_bytes(sizeof x, x), to = lab_bytes(sizeof y, y), edge = lab_bytes(4, NULL);
    lab_map a = lab_tiles(from, ROWS, COLS, 8, 16, swizzle),
            b = lab_tiles(to, ROWS, COLS, 8, 16, swizzle);
    lab_run(kernel, (lab_shape){.blocks = {3, 3}, .threads = {64}, .shared = 256},
            PARAMS(&a, &b, &edge));
    lab_read(to, sizeof y, y);
    for (int i = 0; i < ROWS * COLS; i++) assert_int_equal(y[i], i + 1);
    uint16_t corner[2];
    lab_read(edge, sizeof corner, corner);
    if (!swizzle) assert_int_equal(corner[0], 13 * COLS + 16 + 2 + 1);
    assert_int_equal(corner[1], 0);
  }
}

/* Boxes of 8 by 16 in and out again; what lies outside is 0 in shared memory and not stored. */
static void tiles(void **state) {
  (void)state;
  kernel = lab_kernel(
      HOPPER
      "extern \"C\" __global__ void f(const __grid_constant__ tensor_map a,\n"
      "                             const __grid_constant__ tensor_map b, uint16_t *edge) {\n"
      "  TL_SHARED(uint16_t, s);\n"
      "  __shared__ uint64_t bar;\n"
      "  int x = blockIdx.x * 16, y = blockIdx.y * 8;\n"
      "  if (threadIdx.x == 0) mbarrier_init(shared(&bar), 1);\n"
      "  __syncthreads();\n"
      "  if (threadIdx.x == 0) {\n"
      "    mbarrier_expect(shared(&bar), 256);\n"
      "    tma_load(shared(s), &a, shared(&bar), x, y, 0);\n"
      "  }\n"
      "  mbarrier_wait(shared(&bar), 0);\n"
      "  if (blockIdx.x == 1 && blockIdx.y == 1 && threadIdx.x == 40) {\n"
      "    unsigned at = shared(s) + (5 * 16 + 2) * 2;\n"
      "    edge[0] = *(uint16_t *)simt_shared_at(at, 2);\n"
      "  }\n"
      "  if (blockIdx.x == 2 && blockIdx.y == 2 && threadIdx.x == 41) edge[1] = s[127];\n"
      "  __syncthreads();\n"
      "  if (threadIdx.x == 63) {\n"
      "    tma_store(&b, shared(s), x, y, 0);\n"
      "    tma_commit();\n"
      "    tma_wait_read<0>();\n"
      "  }\n"
      "}\n");
  turn_tiles();
}

static void multicast_once(void) {
  uint16_t x[8 * 16], y[2 * 8 * 16];
  for (int i = 0; i < 128; i++) x[i] = (uint16_t)(i + 1);
  uint64_t from = lab_bytes(sizeof x, x), to = lab_bytes(sizeof y, NULL);
  lab_map a = lab_tiles(from, 8, 16, 4, 16, 0);
  lab_run(kernel, (lab_shape){.blocks = {2}, .threads = {32}, .cluster = {2}, .shared = 256},
          PARAMS(&to, &a));
  lab_read(to, sizeof y, y);
  for (int i = 0; i < 256; i++) assert_int_equal(y[i], i % 128 + 1);
}

/* Each block of a cluster loads half of a tile for both. */
static void multicast(void **state) {
  (void)state;
  kernel = lab_kernel(
      HOPPER
      "extern \"C\" __global__ void f(uint16_t *y, const __grid_constant__ tensor_map a) {\n"
      "  TL_SHARED(uint16_t, s);\n"
      "  __shared__ uint64_t full;\n"
      "  uint32_t rank = cluster_rank();\n"
      "  if (threadIdx.x == 0) mbarrier_init(shared(&full), 1);\n"
      "  cluster_arrive(), cluster_wait();\n"
      "  if (threadIdx.x == 0) {\n"
      "    mbarrier_expect(shared(&full), 256);\n"
      "    tma_load_multicast(shared(s + 64 * rank), &a, shared(&full), 3, 0, 4 * rank, 0);\n"
      "  }\n"
      "  mbarrier_wait(shared(&full), 0);\n"
      "  for (int i = threadIdx.x; i < 128; i += 32) y[128 * rank + i] = s[i];\n"
      "  cluster_arrive(), cluster_wait();\n"
      "}\n");
  lab_each_order(multicast_once);
}

static void neighbour_once(void) {
  float y[8];
  uint64_t to = lab_floats(8, NULL);
  lab_run(kernel, (lab_shape){.blocks = {8}, .threads = {32}, .cluster = {4}}, PARAMS(&to));
  lab_read(to, sizeof y, y);
  for (int i = 0; i < 8; i++) assert_float_equal(y[i], 10 * (i / 4 * 4 + (i + 1) % 4), 0);
}

/* Static shared memory and a barrier of the block beside this one. */
static void neighbours(void **state) {
  (void)state;
  kernel = lab_kernel(
      HOPPER
      "extern \"C\" __global__ void f(float *y) {\n"
      "  __shared__ __align__(16) float mine[4];\n"
      "  __shared__ uint64_t bar;\n"
      "  uint32_t next = (cluster_rank() + 1) % 4;\n"
      "  if (threadIdx.x < 4) mine[threadIdx.x] = 10 * blockIdx.x;\n"
      "  if (threadIdx.x == 0) mbarrier_init(shared(&bar), 32);\n"
      "  cluster_arrive(), cluster_wait();\n"
      "  mbarrier_arrive_at(shared(&bar), next);\n"
      "  mbarrier_wait(shared(&bar), 0);\n"
      "  float4 v = load_cluster(shared_of(shared(mine), next));\n"
      "  if (threadIdx.x == 0) y[blockIdx.x] = v.z;\n"
      "  cluster_arrive(), cluster_wait();\n"
      "}\n");
  lab_each_order(neighbour_once);
}

static void misuse(void **state) {
  (void)state;
  kernel = lab_kernel(
      HOPPER
      "extern \"C\" __global__ void f(const __grid_constant__ tensor_map a, int which) {\n"
      "  TL_SHARED(uint16_t, s);\n"
      "  __shared__ uint64_t bar;\n"
      "  if (threadIdx.x) return;\n"
      "  if (which == 0) mbarrier_arrive(shared(&bar));\n"
      "  mbarrier_init(shared(&bar), 1);\n"
      "  if (which == 1) { mbarrier_expect(shared(&bar), 128); tma_load(shared(s), &a, shared(&bar), 0, 0, 0); }\n"
      "  if (which == 2) mbarrier_expect(shared(&bar), 256);\n"
      "  if (which == 3) tma_load(shared(s) + 64, &a, shared(&bar), 0, 0, 0);\n"
      "  if (which == 4) tma_load(shared(s) + 128, &a, shared(&bar), 0, 0, 0);\n"
      "  if (which == 5) { tma_store(&a, shared(s), 0, 0, 0); tma_commit(); return; }\n"
      "  if (which == 6) { mbarrier_expect(shared(&bar), 256); tma_load(shared(s), &a, shared(&bar), 0, 0, 0); return; }\n"
      "  if (which == 7) simt_mbarrier_arrive(shared(&bar), 2);\n"
      "  mbarrier_wait(shared(&bar), 0);\n"
      "}\n");
  static const char *const words[] = {"not initialised",
                                      "deadlock",
                                      "wait for phase 0 of an mbarrier",
                                      "not aligned to 128",
                                      "are outside",
                                      "before its bulk stores have read",
                                      "while a copy into its shared memory is under way",
                                      "more than the 1 arrivals"};
  uint64_t from = lab_bytes(512, NULL);
  lab_map a = lab_tiles(from, 16, 16, 8, 16, 0);
  for (int which = 0; which < 8; which++) {
    lab_stops(kernel, (lab_shape){.threads = {32}, .shared = 256}, PARAMS(&a, &which),
              words[which]);
    simt_recover();
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      LAB_TEST(lines),     LAB_TEST(early),      LAB_TEST(tiles),
      LAB_TEST(multicast), LAB_TEST(neighbours), LAB_TEST(misuse),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
