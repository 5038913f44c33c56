/* Threads as fibers: barriers, lanes that meet, orders, blocks that wait for each other. */
#include <string.h>

#include "simt/lab.h"

static void add(void **state) {
  (void)state;
  lab_function *f = lab_kernel("add", "");
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
  sum = lab_kernel("block_sum", "");
  lab_each_order(sum_once);
}

static void votes(void **state) {
  (void)state;
  lab_function *f = lab_kernel("votes", "");
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
  turn = lab_kernel("blocks_wait_for_each_other", "");
  lab_each_order(turn_once);
}

static void deadlocks(void **state) {
  (void)state;
  lab_function *f = lab_kernel("deadlocks", "");
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
  lab_function *f = lab_kernel("faults", "");
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
