/* What is refused, by name; and what runs on and on. */
#include "fixture.h"

static void some_sets(fixture *f) {
  set(f, "P", 1);
  set(f, "Q", 1);
  set(f, "R", 2);
  relation(f, "V", 1, REL_ONE, IR_F64);
  facts(f, "Q: 1, 2");
  facts(f, "R: 1 2");
  facts(f, "V: 1 0.5");
}

static void unbound_variables(void **state) {
  fixture *f = *state;
  static const struct { const char *rule, *variable; } wrong[] = {
      {"P(x) <- Q(y)", "`x`"},
      {"P(x) <- Q(x), not R(x,y)", "`y`"},
      {"P(x) <- Q(x), y < 3", "`y`"},
      {"P(x) <- Q(x), a := b + c", "`b`"},
      {"P(x + y) <- Q(x)", "`y`"},
      {"P(x) <- V(x)=v else 2.0", "`x`"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    fixture g;
    start(&g, f->ctx);
    some_sets(&g);
    rule(&g, wrong[i].rule);
    assert_raises(&g, BASE_REFUSED, rel_check(g.engine), wrong[i].variable, wrong[i].rule,
                  "nothing in the body", "help: ");
    base_arena_close(g.arena);
  }
}

static void values_in_positions(void **state) {
  fixture *f = *state;
  some_sets(f);
  rule(f, "P(x) <- V(x)=v, R(x,v)");
  assert_raises(f, BASE_REFUSED, rel_check(f->engine), "`v`", "real number", "position 2 of `R`");
}

static void values_of_sets(void **state) {
  fixture *f = *state;
  some_sets(f);
  rule(f, "P(x) <- Q(x)=v, v < 3");
  assert_raises(f, BASE_REFUSED, rel_check(f->engine), "`Q`", "no values");
}

static void negative_cycles(void **state) {
  fixture *f = *state;
  some_sets(f);
  set(f, "S", 1);
  rule(f, "P(x) <- Q(x), not S(x)");
  rule(f, "S(x) <- R(x,y), P(y)");
  assert_raises(f, BASE_REFUSED, rel_check(f->engine), "`P`", "`S`", "`not`", "help: ");
}

static void cycles_through_aggregates(void **state) {
  fixture *f = *state;
  some_sets(f);
  relation(f, "N", 1, REL_SUM, IR_I64);
  rule(f, "N(x) = 1 <- R(x,y), P(y)");
  rule(f, "P(x) <- Q(x), N(x)=n, n > 1");
  assert_raises(f, BASE_REFUSED, rel_check(f->engine), "`N`", "`P`", "aggregate");
}

static void cycles_through_absence(void **state) {
  fixture *f = *state;
  some_sets(f);
  relation(f, "D", 1, REL_MIN, IR_F64);
  rule(f, "D(x) = 1.0 <- P(x)");
  rule(f, "P(x) <- Q(x), D(x)=d else 3.0, d < 2.0");
  assert_raises(f, BASE_REFUSED, rel_check(f->engine), "`D`", "absence");
}

/* What a minimum makes true may become false when it falls. */
static void sets_that_would_shrink(void **state) {
  fixture *f = *state;
  some_sets(f);
  relation(f, "D", 1, REL_MIN, IR_F64);
  rule(f, "D(x) = v <- V(x)=v");
  rule(f, "D(x) = 0.1 <- P(x)");
  rule(f, "P(x) <- D(x)=d, d > 0.2");
  assert_raises(f, BASE_REFUSED, rel_need(find(f, "P")), "recursive", "minima");
}

static void numbers_without_end(void **state) {
  static const char *const wrong[] = {"P(x + 1) <- P(x)", "P(x + y) <- P(x), P(y)",
                                      "P(y) <- P(x), y := x - 3"};
  fixture *f = *state;
  for (int i = 0; i < 3; i++) {
    fixture g = {.ctx = f->ctx};
    g.arena = base_arena_open(f->ctx);
    g.engine = rel_open(g.arena, &(rel_config){.numbers = 5000});
    set(&g, "P", 1);
    facts(&g, "P: 1, 3");
    rule(&g, wrong[i]);
    assert_raises(&g, BASE_RUNTIME, rel_need(find(&g, "P")), "`P` goes on making numbers",
                  wrong[i]);
    base_arena_close(g.arena);
  }
}

static void numbers_too_large(void **state) {
  fixture *f = *state;
  some_sets(f);
  facts(f, "P: 9");
  rule(f, "P(x * x) <- P(x)");
  assert_raises(f, BASE_RUNTIME, rel_need(find(f, "P")), "64 bits", "P(x * x) <- P(x)");
}

static void symbols_know_equality_only(void **state) {
  fixture *f = *state;
  some_sets(f);
  facts(f, "Q: Ada");
  rule(f, "P(x) <- Q(x), x != Ada");
  assert_rows(f, "P", NULL, "1, 2");
  rule(f, "P(x) <- Q(x), x < 2");
  assert_raises(f, BASE_RUNTIME, rel_need(find(f, "P")), "`Ada` is a symbol", "== and !=");
}

static void half_a_tuple(void **state) {
  fixture *f = *state;
  some_sets(f);
  rule(f, "P(x / 2) <- Q(x)");
  assert_raises(f, BASE_RUNTIME, rel_need(find(f, "P")), "0.5", "`P`", "floor");
}

static void two_values(void **state) {
  fixture *f = *state;
  some_sets(f);
  facts(f, "V: 1 0.5, 2 3");
  assert_raises(f, BASE_REFUSED, facts(f, "V: 2 4"), "`V[2]`", "3", "4", "twice");
  assert_rows(f, "V", NULL, "1=0.5, 2=3");
}

/* An interrupt ends a run that would take hours; the engine is as good as before. */
static void interrupted(void **state) {
  fixture *f = *state;
  set(f, "N", 1);
  set(f, "M", 1);
  for (int64_t i = 0; i < 3000; i++) rel_insert(find(f, "N"), &i, (rel_number){0});
  rule(f, "M(a) <- N(a), N(b), N(c), N(d), a + b == c + d, a > b, b > c, c > d");
  base_interrupt(f->ctx);
  assert_raises(f, BASE_INTERRUPTED, rel_need(find(f, "M")), "interrupted");
  rel_clear(find(f, "N"));
  facts(f, "N: 1, 2");
  assert_rows(f, "M", NULL, "");
}

static void too_many_positions(void **state) {
  fixture *f = *state;
  assert_raises(f, BASE_REFUSED, set(f, "Wide", 33), "`Wide`", "33", "32");
  set(f, "Widest", 32);
}

/* A chain of relations far longer than the stack is deep. */
static void long_chains_of_rules(void **state) {
  fixture *f = *state;
  enum { LONG = 30000 };
  rel_relation *before = set(f, "First", 1);
  facts(f, "First: 1, 2");
  for (int i = 0; i < LONG; i++) {
    rel_relation *r = rel_new(f->engine, "Next", 1, REL_SET, IR_BOOL, base_nowhere);
    rel_rule *rule_ = BASE_NEW(f->arena, rel_rule);
    rel_item *item = BASE_NEW(f->arena, rel_item);
    rel_term *term = BASE_NEW(f->arena, rel_term);
    const rel_expr **key_ = BASE_NEW(f->arena, const rel_expr *);
    *key_ = rel_use(f->arena, 0);
    *term = (rel_term){.kind = REL_VAR};
    *item = (rel_item){.kind = REL_ATOM, .relation = before, .term = term, .value = -1};
    *rule_ = (rel_rule){.head = r, .key = key_, .nvars = 1, .n = 1, .item = item};
    rel_add(f->engine, rule_);
    before = r;
  }
  assert_int_equal(rel_count(before), 2);
  assert_true(rel_has(before, (int64_t[]){2}));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(unbound_variables), TEST(values_in_positions), TEST(values_of_sets),
      TEST(negative_cycles), TEST(cycles_through_aggregates), TEST(cycles_through_absence),
      TEST(sets_that_would_shrink), TEST(numbers_without_end), TEST(numbers_too_large),
      TEST(symbols_know_equality_only), TEST(half_a_tuple), TEST(two_values), TEST(interrupted),
      TEST(too_many_positions), TEST(long_chains_of_rules),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
