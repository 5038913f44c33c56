/* Learning rates and random batches. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "train/train.h"

static void near(double got, double want) {
  if (fabs(got - want) > 1e-12) fail_msg("%.15g is not %.15g", got, want);
}

static void test_constant(void **state) {
  (void)state;
  train_schedule s = train_schedule_default(TRAIN_CONSTANT);
  near(train_rate(&s, 0, 10), 1);
  near(train_rate(&s, 9, 10), 1);
  s.warmup = 4;
  near(train_rate(&s, 0, 10), 0.25);
  near(train_rate(&s, 3, 10), 1);
  near(train_rate(&s, 4, 10), 1);
}

static void test_step_and_exponential(void **state) {
  (void)state;
  train_schedule s = {.curve = TRAIN_STEP, .period = 3, .gamma = 0.5};
  near(train_rate(&s, 2, 10), 1);
  near(train_rate(&s, 3, 10), 0.5);
  near(train_rate(&s, 6, 10), 0.25);
  s = (train_schedule){.curve = TRAIN_EXPONENTIAL, .gamma = 0.9, .warmup = 1};
  near(train_rate(&s, 1, 10), 1);
  near(train_rate(&s, 3, 10), 0.81);
}

static void test_cosine(void **state) {
  (void)state;
  train_schedule s = {.curve = TRAIN_COSINE, .warmup = 2, .floor = 0.1};
  near(train_rate(&s, 0, 10), 0.5);
  near(train_rate(&s, 2, 10), 1);
  near(train_rate(&s, 6, 10), 0.55);
  near(train_rate(&s, 10, 10), 0.1);
}

static void test_numbers(void **state) {
  (void)state;
  train_optimizer o = train_optimizer_default(TRAIN_ADAM);
  train_schedule s = train_schedule_default(TRAIN_CONSTANT);
  train_numbers n = train_numbers_at(&o, &s, 0, 10);
  near(n.rate, 1e-3);
  near(n.scale1, 1 / 0.1);
  near(n.scale2, 1 / sqrt(1 - 0.999));
}

static void test_batches(void **state) {
  (void)state;
  base_ctx *ctx = base_open(NULL);
  base_arena *arena = base_arena_open(ctx);
  train_batches b;
  train_batches_open(&b, arena, 10, 3, 7);
  int64_t first[9];
  for (int epoch = 0; epoch < 3; epoch++) {
    int met[10] = {0}, same = 0;
    for (int k = 0; k < 3; k++) {
      const int64_t *batch = train_batches_next(&b);
      for (int i = 0; i < 3; i++) {
        assert_in_range(batch[i], 0, 9);
        assert_int_equal(met[batch[i]]++, 0);
        same += epoch > 0 && first[3 * k + i] == batch[i];
        if (epoch == 0) first[3 * k + i] = batch[i];
      }
    }
    assert_true(same < 9);
  }
  train_batches again;
  train_batches_open(&again, arena, 10, 3, 7);
  const int64_t *batch = train_batches_next(&again);
  for (int i = 0; i < 3; i++) assert_int_equal(batch[i], first[i]);
  train_batches_open(&b, arena, 4, 64, 0);
  assert_int_equal(b.size, 4);
  base_arena_close(arena);
  base_close(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_constant),
                                     cmocka_unit_test(test_step_and_exponential),
                                     cmocka_unit_test(test_cosine), cmocka_unit_test(test_numbers),
                                     cmocka_unit_test(test_batches)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
