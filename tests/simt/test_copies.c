/* Copies that arrive later: cp.async, tiles and lines counted by mbarriers, stores by groups. */
#include <string.h>

#include "simt/lab.h"

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
  kernel = lab_kernel("lines", "");
  lab_each_order(copy_once);
}

static void early(void **state) {
  (void)state;
  kernel = lab_kernel("early", "");
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
  kernel = lab_kernel("tiles", "");
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
  kernel = lab_kernel("multicast", "");
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
  kernel = lab_kernel("neighbours", "");
  lab_each_order(neighbour_once);
}

static void misuse(void **state) {
  (void)state;
  kernel = lab_kernel("misuse", "");
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
