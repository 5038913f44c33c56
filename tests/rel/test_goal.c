/* Questions with keys in them: only what they need is made; and the answers are the same. */
#include "fixture.h"

static int64_t derived(fixture *f) { return rel_statistics(f->engine).derived; }

/* Ten chains of a hundred. */
static void chains(fixture *f) {
  set(f, "E", 2);
  set(f, "P", 2);
  for (int64_t c = 0; c < 10; c++)
    for (int64_t i = 0; i < 100; i++)
      rel_insert(find(f, "E"), (int64_t[]){1000 * c + i, 1000 * c + i + 1}, (rel_number){0});
  rule(f, "P(x,y) <- E(x,y)");
}

static int64_t answers(fixture *f, rel_relation *r, int64_t a, bool first) {
  rel_term term[2] = {{.kind = REL_VAR}, {.kind = REL_VAR}};
  term[!first] = (rel_term){.kind = REL_KEY, .key = a};
  return rel_query(f->arena, r, term).n;
}

static void check_little_is_made(fixture *f, bool first, int64_t most) {
  int64_t before = derived(f);
  assert_int_equal(answers(f, find(f, "P"), first ? 3090 : 3010, first), 10);
  assert_in_range(derived(f) - before, 10, most);
  before = derived(f);
  assert_int_equal(answers(f, find(f, "P"), first ? 3090 : 3010, first), 10);
  assert_int_equal(derived(f), before);   /* kept until something changes */
  rel_insert(find(f, "E"), (int64_t[]){first ? 3100 : 2999, first ? 3101 : 3000}, (rel_number){0});
  assert_int_equal(answers(f, find(f, "P"), first ? 3090 : 3010, first), 11);
  assert_int_equal(rel_count(find(f, "P")), 10 * 5050 + 101);
  assert_int_equal(answers(f, find(f, "P"), 4090, true), 10);
}

static void left_recursion(void **state) {
  chains(*state);
  rule(*state, "P(x,z) <- P(x,y), E(y,z)");
  check_little_is_made(*state, true, 60);
}

static void right_recursion(void **state) {
  chains(*state);
  rule(*state, "P(x,z) <- E(x,y), P(y,z)");
  check_little_is_made(*state, true, 200);
}

static void asked_backwards(void **state) {
  chains(*state);
  rule(*state, "P(x,z) <- P(x,y), E(y,z)");
  check_little_is_made(*state, false, 200);
}

static void doubly_recursive(void **state) {
  chains(*state);
  rule(*state, "P(x,z) <- P(x,y), P(y,z)");
  check_little_is_made(*state, true, 400);
}

static void same_generation(void **state) {
  fixture *f = *state;
  set(f, "Parent", 2);
  set(f, "Same", 2);
  for (int64_t i = 1; i < 255; i++)
    rel_insert(find(f, "Parent"), (int64_t[]){i, (i - 1) / 2}, (rel_number){0});
  rule(f, "Same(x,y) <- Parent(x,p), Parent(y,p)");
  rule(f, "Same(x,y) <- Parent(x,p), Same(p,q), Parent(y,q)");
  assert_int_equal(answers(f, find(f, "Same"), 5, true), 4);
  assert_in_range(derived(f), 4, 30);
  assert_int_equal(answers(f, find(f, "Same"), 200, true), 128);
  assert_int_equal(rel_count(find(f, "Same")), 4 + 16 + 64 + 256 + 1024 + 4096 + 16384);
}

static void distances_from_one_place(void **state) {
  fixture *f = *state;
  relation(f, "E", 2, REL_MIN, IR_F64);
  relation(f, "D", 2, REL_MIN, IR_F64);
  for (int64_t i = 0; i < 200; i++)
    rel_insert(find(f, "E"), (int64_t[]){i, i + 1}, (rel_number){.f = 1});
  facts(f, "D: 199 500 0.5, 7 7 0.0");
  rule(f, "D(x,y) = e <- E(x,y)=e");
  rule(f, "D(x,z) = d + e <- D(x,y)=d, E(y,z)=e");
  assert_rows(f, "D", "197, y", "198=1, 199=2, 200=3");
  assert_rows(f, "D", "199, y", "200=1, 500=0.5");
  assert_in_range(derived(f), 5, 20);
  assert_rows(f, "D", "7, 7", "=0");
}

/* What is negated, or added up, is made whole, and then asked. */
static void negation_beneath(void **state) {
  fixture *f = *state;
  set(f, "E", 2);
  set(f, "Bad", 1);
  set(f, "P", 2);
  relation(f, "Count", 1, REL_SUM, IR_I64);
  set(f, "Busy", 1);
  facts(f, "E: 1 2, 2 3, 3 4, 4 5, 1 6, 6 7");
  rule(f, "Bad(x) <- E(x,5)");
  rule(f, "Bad(x) <- E(x,y), Bad(y), x == 99");
  rule(f, "P(x,y) <- E(x,y), not Bad(y)");
  rule(f, "P(x,z) <- P(x,y), E(y,z), not Bad(z)");
  rule(f, "Count(x) = 1 <- P(x,y)");
  rule(f, "Busy(x) <- Count(x)=n, n > 2");
  assert_rows(f, "P", "2, y", "3");
  assert_rows(f, "P", "1, y", "2, 3, 6, 7");
  assert_rows(f, "Count", "1", "=4");
  assert_rows(f, "Busy", "1", "");   /* a ground question: one row without columns */
  assert_true(rel_exists(find(f, "Busy"), (rel_term[]){{.kind = REL_KEY, .key = 1}}));
  assert_false(rel_exists(find(f, "Busy"), (rel_term[]){{.kind = REL_KEY, .key = 6}}));
}

/* Asked downwards the numbers would go on for ever; so everything is made. */
static void arithmetic_is_not_asked(void **state) {
  fixture *f = *state;
  set(f, "N", 1);
  facts(f, "N: 0");
  rule(f, "N(n + 2) <- N(n), n < 20");
  assert_true(rel_exists(find(f, "N"), (rel_term[]){{.kind = REL_KEY, .key = 20}}));
  assert_false(rel_exists(find(f, "N"), (rel_term[]){{.kind = REL_KEY, .key = 21}}));
}

/* Rules added later count for questions asked before. */
static void rules_come_later(void **state) {
  fixture *f = *state;
  set(f, "E", 2);
  set(f, "P", 2);
  facts(f, "E: 1 2, 2 3");
  rule(f, "P(x,y) <- E(x,y)");
  assert_rows(f, "P", "1, y", "2");
  rule(f, "P(x,z) <- P(x,y), E(y,z)");
  assert_rows(f, "P", "1, y", "2, 3");
  facts(f, "P: 1 9");
  assert_rows(f, "P", "1, y", "2, 3, 9");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(left_recursion), TEST(right_recursion), TEST(asked_backwards), TEST(doubly_recursive),
      TEST(same_generation), TEST(distances_from_one_place), TEST(negation_beneath),
      TEST(arithmetic_is_not_asked), TEST(rules_come_later),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
