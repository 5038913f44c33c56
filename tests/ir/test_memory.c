#include "fixture.h"

/* A convolution with a guard, a scatter and a loop: built, verified, printed, copied and keyed. */
static void work(base_arena *arena) {
  ir_program *p = ir_program_open(arena);
  const ir_expr *n = size_of(p, "N"), *k = size_of(p, "K"), *x = over(p, "x", n);
  const ir_expr *dx = over(p, "dx", k), *at = sub(add(x, dx), number(p, 1));
  ir_tensor *a = input(p, "A", 1, &n), *f = input(p, "F", 1, &k), *y = derived(p, "Y", 1, &n);
  const ir_expr *read = ir_where(p, ir_inside(p, at, n), ir_read(p, a, &at), real(p, 0));
  ir_define(p, y, IR_SUM, &x, mul(read, ir_read(p, f, &dx)));
  ir_tensor *z = derived(p, "Z", 1, &n);
  ir_define(p, z, IR_SUM, EXPRS(quo(x, k)), ir_read(p, y, &x));
  for (int i = 0; i < 200; i++) ir_unary(p, IR_EXP, real(p, i));
  ir_verify(p, "build");
  ir_program *q = ir_extract(arena, p, 1, &z, true, 0, NULL, NULL);
  base_text text = base_text_open(arena);
  ir_print(&text, q);
  ir_key(q, &text);
}

static void each_allocation_may_fail(void **state) {
  (void)state;
  base_ctx *ctx = base_open(NULL);
  bool done = false;
  for (int64_t n = 1; !done; n++) {
    base_arena *arena = NULL;
    base_trap trap;
    base_clear(ctx);
    arena = base_arena_open(ctx);
    if (BASE_TRY(ctx, &trap)) {
      base_fail_after(ctx, n);
      work(arena);
      base_untrap(ctx, &trap);
      done = true;
    }
    base_fail_after(ctx, -1);
    assert_int_equal(base_last(ctx)->status, done ? BASE_OK : BASE_MEMORY);
    base_arena_close(arena);
    assert_int_equal(base_heap_count(ctx), 0);
  }
  base_close(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(each_allocation_may_fail)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
