/* Products of matrices by a warp and by warp groups, against sums in f64. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "simt/lab.h"

#define HOPPER                                                                 \
  "struct __align__(64) tensor_map { uint64_t opaque[16]; };\n"                \
  "#include \"ptx_simt_hopper.cuh\"\n"

static float small(int i) { return (float)((i * 37 + i / 7 * 11) % 17 - 8) / 8; }

static uint64_t halves(int n, float *value) {
  uint16_t *bits = malloc(sizeof *bits * (size_t)n);
  for (int i = 0; i < n; i++) bits[i] = base_f32_to_f16(value[i] = small(i));
  uint64_t p = lab_bytes(sizeof *bits * (size_t)n, bits);
  free(bits);
  return p;
}

/* ---- mma ------------------------------------------------------------------------------------- */

static void by_warp(void **state) {
  (void)state;
  lab_function *f = lab_kernel(
      "extern \"C\" __global__ void f(float *y, const uint16_t *a, const uint16_t *b) {\n"
      "  __shared__ __align__(16) uint16_t sa[16 * 16], sb[8 * 16];\n"
      "  int l = threadIdx.x;\n"
      "  for (int i = l; i < 256; i += 32) sa[i] = a[i];\n"
      "  for (int i = l; i < 128; i += 32) sb[i] = b[i];\n"
      "  __syncwarp();\n"
      "  uint32_t ra[4], rb[2];\n"
      "  simt_matrix_load(ra, simt_shared(sa + l % 16 * 16 + l / 16 * 8), 4, 0);\n"
      "  simt_matrix_load(rb, simt_shared(sb + l % 8 * 16 + l / 8 % 2 * 8), 2, 0);\n"
      "  float d[4] = {1, 1, 1, 1};\n"
      "  simt_mma(d, ra, rb, d, SIMT_F16);\n"
      "  for (int i = 0; i < 4; i++) y[(l / 4 + i / 2 * 8) * 8 + l % 4 * 2 + i % 2] = d[i];\n"
      "}\n");
  float a[256], b[128], y[128];
  uint64_t to = lab_floats(128, NULL), pa = halves(256, a), pb = halves(128, b);
  lab_run(f, (lab_shape){.threads = {32}}, PARAMS(&to, &pa, &pb));
  lab_read(to, sizeof y, y);
  for (int m = 0; m < 16; m++)
    for (int n = 0; n < 8; n++) {
      double sum = 1;
      for (int k = 0; k < 16; k++) sum += (double)a[m * 16 + k] * (double)b[n * 16 + k];
      assert_float_equal(y[m * 8 + n], sum, 1e-5);
    }
}

/* ---- wgmma ----------------------------------------------------------------------------------- */

enum { M = 64, N = 128, K = 64 };

static const char product_text[] = HOPPER
    "extern \"C\" __global__ void __launch_bounds__(128)\n"
    "    f(float *y, const __grid_constant__ tensor_map a, const __grid_constant__ tensor_map b) {\n"
    "  TL_SHARED(uint8_t, memory);\n"
    "  __shared__ uint64_t bar;\n"
    "  uint32_t sa = shared(memory), sb = sa + 64 * 64 * 2, full = shared(&bar);\n"
    "  int t = threadIdx.x;\n"
    "  if (t == 0) mbarrier_init(full, 1);\n"
    "  __syncthreads();\n"
    "  if (t == 0) {\n"
    "    mbarrier_expect(full, (64 + 128) * 64 * 2);\n"
    "    tma_load(sa, &a, full, 0, 0, 0);\n"
    "    for (int i = 0; i < (B_MN ? 2 : 1); i++) tma_load(sb + i * 8192, &b, full, 64 * i, 0, 0);\n"
    "  }\n"
    "  mbarrier_wait(full, 0);\n"
    "  float d[64];\n"
    "  for (int i = 0; i < 64; i++) d[i] = 0;\n"
    "  wgmma_fence();\n"
    "  for (int k = 0; k < 4; k++) {\n"
    "    uint64_t ta = A_MN ? wgmma_tile(sa + k * 2048, 8192, 1024) : wgmma_tile(sa + k * 32, 16, 1024);\n"
    "    uint64_t tb = B_MN ? wgmma_tile(sb + k * 2048, 8192, 1024) : wgmma_tile(sb + k * 32, 16, 1024);\n"
    "    wgmma<128, A_MN, B_MN, false>(d, ta, tb, k > 0);\n"
    "  }\n"
    "  wgmma_commit();\n"
    "  if (EARLY) y[0] = d[0];\n"
    "  wgmma_wait<0>();\n"
    "  int q = t % 4, row = t / 32 * 16 + t % 32 / 4;\n"
    "  for (int j = 0; j < 16 && !EARLY; j++)\n"
    "    for (int r = 0; r < 2; r++)\n"
    "      for (int c = 0; c < 2; c++) y[(row + 8 * r) * 128 + 8 * j + 2 * q + c] = d[4 * j + 2 * r + c];\n"
    "}\n";

static lab_function *product_kernel(int a_mn, int b_mn, int read_early) {
  char text[sizeof product_text + 100];
  snprintf(text, sizeof text, "enum { A_MN = %d, B_MN = %d, EARLY = %d };\n%s", a_mn, b_mn,
           read_early, product_text);
  return lab_kernel(text);
}

static void by_group(int a_mn, int b_mn) {
  static float a[M * K], b[N * K], y[M * N];
  uint64_t pa = halves(M * K, a), pb = halves(N * K, b), to = lab_floats(M * N, NULL);
  lab_map ma = a_mn ? lab_tiles(pa, K, M, 64, 64, 128) : lab_tiles(pa, M, K, 64, 64, 128);
  lab_map mb = b_mn ? lab_tiles(pb, K, N, 64, 64, 128) : lab_tiles(pb, N, K, 128, 64, 128);
  lab_run(product_kernel(a_mn, b_mn, 0), (lab_shape){.threads = {128}, .shared = 24 << 10},
          PARAMS(&to, &ma, &mb));
  lab_read(to, sizeof y, y);
  for (int m = 0; m < M; m++)
    for (int n = 0; n < N; n++) {
      double sum = 0;
      for (int k = 0; k < K; k++)
        sum += (double)(a_mn ? a[k * M + m] : a[m * K + k]) *
               (double)(b_mn ? b[k * N + n] : b[n * K + k]);
      assert_float_equal(y[m * N + n], sum, 1e-4);
    }
}

static void by_groups(void **state) {
  (void)state;
  for (int which = 0; which < 4; which++) by_group(which & 1, which >> 1);
}

static void not_waited_for(void **state) {
  (void)state;
  static float a[M * K], b[N * K];
  float y;
  uint64_t pa = halves(M * K, a), pb = halves(N * K, b), to = lab_floats(1, NULL);
  lab_map ma = lab_tiles(pa, M, K, 64, 64, 128), mb = lab_tiles(pb, N, K, 128, 64, 128);
  lab_run(product_kernel(0, 0, 1), (lab_shape){.threads = {128}, .shared = 24 << 10},
          PARAMS(&to, &ma, &mb));
  lab_read(to, sizeof y, &y);
  assert_true(y != y);
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* As the library's own conversions have them, which are tested over all values. */
static void halves_agree(void **state) {
  (void)state;
  lab_function *f = lab_kernel(
      "extern \"C\" __global__ void f(float *wide, uint16_t *back, const float *x, uint16_t *half, uint16_t *brain) {\n"
      "  int i = blockIdx.x * 256 + threadIdx.x;\n"
      "  wide[i] = simt_half((uint16_t)i);\n"
      "  back[i] = simt_to_half(wide[i]);\n"
      "  half[i] = simt_to_half(x[i]);\n"
      "  brain[i] = simt_to_brain(x[i]);\n"
      "}\n");
  enum { ALL = 1 << 16 };
  static float x[ALL], wide[ALL];
  static uint16_t back[ALL], half[ALL], brain[ALL];
  for (int i = 0; i < ALL; i++) {
    uint32_t bits = (uint32_t)i * 65537u ^ (uint32_t)(i << 5);
    memcpy(&x[i], &bits, 4);
  }
  uint64_t p = lab_floats(ALL, NULL), q = lab_bytes(sizeof back, NULL), r = lab_floats(ALL, x),
           s = lab_bytes(sizeof half, NULL), t = lab_bytes(sizeof brain, NULL);
  lab_run(f, (lab_shape){.blocks = {256}, .threads = {256}}, PARAMS(&p, &q, &r, &s, &t));
  lab_read(p, sizeof wide, wide);
  lab_read(q, sizeof back, back);
  lab_read(s, sizeof half, half);
  lab_read(t, sizeof brain, brain);
  for (int i = 0; i < ALL; i++) {
    float want = base_f16_to_f32((uint16_t)i);
    assert_true(wide[i] == want || (wide[i] != wide[i] && want != want));
    if (want == want) assert_int_equal(back[i], i);
    if (x[i] != x[i]) continue;
    assert_int_equal(half[i], base_f32_to_f16(x[i]));
    assert_int_equal(brain[i], base_f32_to_bf16(x[i]));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      LAB_TEST(by_warp),
      LAB_TEST(by_groups),
      LAB_TEST(not_waited_for),
      LAB_TEST(halves_agree),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
