/* `auto`: each plan on the processor or on the GPU; values are carried between the two. */
#include "fixture.h"

#include "run/run.h"

static tl_tensor *value_of(tl_context *ctx, const char *text, tl_tensor *x) {
  tl_tensor *y = tl_eq(ctx, text, (tl_arg[]){{"X", x}, {0}});
  if (!y || tl_eval(1, &y) != TL_OK) fail_msg("%s", tl_message(ctx));
  return y;
}

static void small_work_stays_on_the_processor(void **state) {
  (void)state;
  gpu_need_emulator();
  counts c;
  tl_context *ctx = gpu_open(&c, "auto");
  tl_tensor *x = gpu_f32(ctx, 4, 1), *y = value_of(ctx, "Y[i] = 2 X[i]", x);
  EXPECT(y, 2, 4, 6, 8);
  assert_int_equal(gpu_calls("cuLaunchKernelEx"), 0);
  assert_int_equal(gpu_calls("cuMemcpyHtoDAsync_v2"), 0);
  tl_release(x);
  tl_release(y);
  gpu_close(ctx, &c);
}

static void what_is_chosen_is_told(void **state) {
  (void)state;
  gpu_need_emulator();
  counts c;
  tl_context *ctx = gpu_open(&c, "auto");
  static const struct { const char *text, *words; } programs[] = {
      {"A : f32[8,8] ~ constant(1)\nS += A[i,k] A[k,j]\nS?", "\n  on cpu: about "},
      {"A : f32[1024,1024] ~ constant(1)\nB[i,j] = A[i,k] A[k,j]\nS = B[i,j]\nS?",
       "\n  on cuda: about "},
  };
  for (int i = 0; i < 2; i++) {
    tl_program *p = tl_load(ctx, NULL, programs[i].text, NULL);
    char *text = tl_explain(p, 0);
    if (!text || !strstr(text, programs[i].words)) fail_msg("%s", text ? text : tl_message(ctx));
    tl_free_text(ctx, text);
    tl_program_release(p);
  }
  gpu_close(ctx, &c);
}

static void without_a_gpu_all_is_on_the_processor(void **state) {
  (void)state;
  gpu_need_emulator();
  gpu_option("gpus", "0");
  counts c;
  tl_context *ctx = gpu_open(&c, "auto");
  tl_tensor *x = gpu_f32(ctx, 2, 1), *y = value_of(ctx, "Y[i] = 2 X[i]", x);
  EXPECT(y, 2, 4);
  tl_release(x);
  tl_release(y);
  gpu_close(ctx, &c);
  gpu_option("gpus", NULL);
}

/* ---- values that are carried ----------------------------------------------------------------- */

/* Y = X + S, committed to S: S'[i] = X[i] + S[i]. */
static ir_program *accumulate(base_arena *arena) {
  ir_program *p = ir_program_open(arena);
  const ir_expr *n = ir_size(p, ir_symbol_new(p, "n", false, 0));
  ir_tensor *x = ir_tensor_new(p, "X", IR_F32, 1, &n, IR_INPUT);
  ir_tensor *s = ir_tensor_new(p, "S", IR_F32, 1, &n, IR_STATE);
  ir_tensor *y = ir_tensor_new(p, "Y", IR_F32, 1, &n, IR_DERIVED);
  const ir_expr *i = ir_use(p, ir_index_new(p, "i", n));
  ir_define(p, y, IR_SET, &i, ir_binary(p, IR_ADD, ir_read(p, x, &i), ir_read(p, s, &i)));
  ir_output(p, y);
  ir_commit_to(p, s, y);
  return p;
}

static void run_on(run_session *s, run_plan *plan, run_value *x, run_value *state, float want) {
  run_value *leaf[2] = {x, state}, *y;
  float got[3];
  run_plan_execute(plan, leaf, &y);
  run_value_read(y, got);
  assert_true(got[0] == want);
  run_value_read(state, got);
  assert_true(got[2] == want);
  run_release(y);
  (void)s;
}

/* A state goes to the GPU and is read, shared and written from the host in between. */
static void states_are_carried(void **state) {
  (void)state;
  gpu_need_emulator();
  base_ctx *ctx = base_open(NULL);
  base_trap trap;
  if (BASE_TRY(ctx, &trap)) {
    run_session *s = run_open(ctx, &(run_config){.device = "auto", .prefer_gpu = true});
    base_arena *arena = base_arena_open(ctx);
    run_plan *plan = run_plan_of(s, accumulate(arena));
    float one[3] = {1, 1, 1}, ten[3] = {10, 10, 10};
    run_value *x = run_value_new(s, IR_F32, 1, SIZES(3), one);
    run_value *sum = run_value_new(s, IR_F32, 1, SIZES(3), NULL);
    for (int i = 1; i <= 4; i++) run_on(s, plan, x, sum, (float)i);
    run_value *shared = run_value_share(sum);
    run_value_write(sum, ten);
    run_on(s, plan, x, sum, 11);
    assert_true(run_value_at(shared, 1) == 4);
    assert_true(run_pool_statistics(s).in_use > 0);
    run_release(shared);
    run_release(sum);
    run_release(x);
    run_plan_release(plan);
    base_arena_close(arena);
    run_close(s);
    base_untrap(ctx, &trap);
  } else {
    fail_msg("%s", base_last(ctx)->message);
  }
  assert_true(gpu_calls("cuLaunchKernelEx") > 0);
  assert_int_equal(base_heap_count(ctx), 0);
  base_close(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      GPU_TEST(small_work_stays_on_the_processor),
      GPU_TEST(what_is_chosen_is_told),
      GPU_TEST(without_a_gpu_all_is_on_the_processor),
      GPU_TEST(states_are_carried),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
