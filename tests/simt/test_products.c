/* Products of matrices by a warp and by warp groups, against sums in f64. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "simt/lab.h"

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
  lab_function *f = lab_kernel("by_warp", "");
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

static lab_function *product_kernel(int a_mn, int b_mn, int read_early) {
  char sizes[100];
  snprintf(sizes, sizeof sizes, "enum { A_MN = %d, B_MN = %d, EARLY = %d };\n", a_mn, b_mn,
           read_early);
  return lab_kernel("wgmma", sizes);
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
  lab_function *f = lab_kernel("halves_agree", "");
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
