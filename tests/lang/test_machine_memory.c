/* Each allocation of a small training run fails in turn: a status, nothing lost, nothing broken. */
#include <string.h>

#include "lang/lang.h"
#include "lang/syntax.h"

static const char text[] =
    "X = [1, 2; 3, 4; 5, 6]; Y = [0, 1, 1]\n"
    "W : f32[2] ~ normal(0.1); B : f32 ~ zeros; N : f32[3]; N[e] = 0.01 normal()\n"
    "P[e] = sig(W[d] X[e,d] + B + N[e])\n"
    "Loss avg= (P[e] - Y[e])^2\n"
    "minimize(Loss, adamw(lr=0.1), steps=3, batch=e:2, every=1)\n"
    "Loss?; P? with X = [0, 0; 0, 0; 0, 0]\n";

static void put(void *user, const char *bytes, size_t n) {
  (void)bytes;
  *(size_t *)user += n;
}
static void progress(void *user, const char *line) { *(size_t *)user += strlen(line); }

typedef struct world {
  base_arena *arena;
  run_session *session;
  lang_machine *machine;
  size_t said;
} world;

static void carry_out(base_ctx *ctx, world *w) {
  w->arena = base_arena_open(ctx);
  w->session = run_open(ctx, &(run_config){.device = "cpu", .threads = 1});
  lang_program *program = lang_check(w->arena, NULL, text, sizeof text - 1, NULL);
  w->machine =
      lang_machine_open(w->session, program, &(lang_output){put, progress, &w->said, false, false});
  lang_machine_run(w->machine);
}

/* The status with the N-th allocation failing. */
static base_status attempt(base_ctx *ctx, int64_t n) {
  world w = {0};
  base_trap trap;
  base_status status = BASE_OK;
  base_clear(ctx);
  base_fail_after(ctx, n);
  if (BASE_TRY(ctx, &trap)) {
    carry_out(ctx, &w);
    base_untrap(ctx, &trap);
  } else {
    status = base_last(ctx)->status;
  }
  base_fail_after(ctx, -1);
  lang_machine_close(w.machine);
  run_close(w.session);
  base_arena_close(w.arena);
  return status;
}

static void test_each_allocation(void **state) {
  base_ctx *ctx = ((syntax *)*state)->ctx;
  assert_int_equal(attempt(ctx, -1), BASE_OK);
  size_t blocks = base_heap_count(ctx);
  int64_t n = 0, failed = 0;
  for (base_status status = BASE_MEMORY; status != BASE_OK || n < 50; n++) {
    status = attempt(ctx, n);
    if (status != BASE_OK && status != BASE_MEMORY)
      fail_msg("allocation %lld: status %d", (long long)n, status);
    if (base_heap_count(ctx) != blocks)
      fail_msg("allocation %lld: %zu blocks, not %zu", (long long)n, base_heap_count(ctx), blocks);
    failed += status == BASE_MEMORY;
  }
  assert_true(failed > 100);
}

int main(void) {
  const struct CMUnitTest tests[] = {WITH_SYNTAX(test_each_allocation)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
