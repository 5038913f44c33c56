/* Every allocation fails in turn: BASE_MEMORY is raised, nothing is left, and an engine that met it
 * goes on and gives the right answer. */
#include "fixture.h"

static void program(fixture *f) {
  set(f, "E", 2);
  set(f, "P", 2);
  set(f, "Apart", 2);
  set(f, "Same", 2);
  set(f, "Odd", 2);
  relation(f, "W", 2, REL_MIN, IR_F64);
  relation(f, "D", 2, REL_MIN, IR_F64);
  relation(f, "X", 1, REL_SUM, IR_F64);
  relation(f, "Degree", 1, REL_SUM, IR_I64);
  rule(f, "P(x,y) <- E(x,y)");
  rule(f, "P(x,z) <- P(x,y), P(y,z)");
  rule(f, "Same(x,y) <- E(x,p), E(y,p)");
  rule(f, "Same(x,y) <- E(x,p), Same(p,q), E(y,q)");
  rule(f, "Odd(x,z) <- E(x,z), x < z");   /* by tuples: the comparison is no edge */
  rule(f, "Odd(x,z) <- Odd(x,y), Odd(y,w), E(w,z), x != z");
  rule(f, "Apart(x,y) <- E(x,_), E(_,y), not P(x,y)");
  rule(f, "D(x,y) = e <- W(x,y)=e");
  rule(f, "D(x,z) = d + e <- D(x,y)=d, W(y,z)=e");
  rule(f, "Degree(x) = 1 <- E(x,_)");
  rule(f, "X(x) = 1.0 <- Degree(x)=n");
  rule(f, "X(x) = v * 0.0078125 <- X(y)=v, E(x,y)");
  facts(f, "W: 1 2 1, 2 3 1, 1 3 5");
  for (int64_t i = 0; i < 90; i++)
    rel_insert(find(f, "E"), (int64_t[]){i * i % 13, i % 11}, (rel_number){0});
}

static const char *const want_distance = "1 2=1, 1 3=2, 2 3=1";

static void ask_all(fixture *f) {
  assert_string_equal(rows(f, "P", "5, y"), "");
  rel_count(find(f, "P"));
  assert_in_range(rel_query(f->arena, find(f, "Same"), NULL).n, 10, 200);
  rel_count(find(f, "Odd"));
  rel_count(find(f, "Apart"));
  assert_string_equal(rows(f, "D", NULL), want_distance);
  rel_count(find(f, "X"));
}

/* True if all went well with the N-th allocation failing. */
static bool survives(base_ctx *ctx, int64_t n) {
  size_t before = base_heap_count(ctx);
  fixture f = {.ctx = ctx};
  base_arena *outer = base_arena_open(ctx);
  volatile bool done = false;
  base_trap trap;
  base_fail_after(ctx, n);
  if (BASE_TRY(ctx, &trap)) {
    f.arena = base_arena_child(outer);
    f.engine = rel_open(f.arena, NULL);
    program(&f);
    ask_all(&f);
    base_untrap(ctx, &trap);
    done = true;
  } else {
    assert_int_equal(base_last(ctx)->status, BASE_MEMORY);
  }
  base_fail_after(ctx, -1);
  base_arena_close(outer);
  assert_int_equal(base_heap_count(ctx), before);
  return done;
}

static void every_allocation(void **state) {
  fixture *f = *state;
  int64_t n = 0;
  while (!survives(f->ctx, n)) n++;
  assert_in_range(n, 100, 100000);
}

/* The failure strikes while relations are made; the same engine is asked again. */
static void an_engine_goes_on(void **state) {
  fixture *outer = *state;
  base_ctx *ctx = outer->ctx;
  fixture whole;
  start(&whole, ctx);
  program(&whole);
  int64_t apart = rel_count(find(&whole, "Apart"));
  base_arena_close(whole.arena);
  volatile bool done = false;
  for (volatile int64_t n = 0; !done; n++) {
    fixture f;
    base_trap trap;
    start(&f, ctx);
    program(&f);
    base_fail_after(ctx, n);
    if (BASE_TRY(ctx, &trap)) {
      ask_all(&f);
      base_untrap(ctx, &trap);
      done = true;
    }
    base_fail_after(ctx, -1);
    ask_all(&f);
    assert_int_equal(rel_count(find(&f, "Apart")), apart);
    base_arena_close(f.arena);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {TEST(every_allocation), TEST(an_engine_goes_on)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
