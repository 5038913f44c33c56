/* Rules and what they make, by examples whose answers are plain to see. */
#include "fixture.h"

static void family(void **state) {
  fixture *f = *state;
  set(f, "Parent", 2);
  set(f, "Ancestor", 2);
  facts(f, "Parent: Carol Dave, Alice Bob, Bob Carol");
  rule(f, "Ancestor(x,y) <- Parent(x,y)");
  rule(f, "Ancestor(x,z) <- Ancestor(x,y), Parent(y,z)");
  assert_rows(f, "Ancestor", NULL,
              "Alice Bob, Alice Carol, Alice Dave, Bob Carol, Bob Dave, Carol Dave");
  assert_rows(f, "Ancestor", "Alice, x", "Bob, Carol, Dave");
  assert_rows(f, "Ancestor", "x, Dave", "Alice, Bob, Carol");
  assert_rows(f, "Ancestor", "_, x", "Bob, Carol, Dave");
  assert_rows(f, "Ancestor", "Alice, Dave", "");
  assert_int_equal(rel_count(find(f, "Ancestor")), 6);
}

static void facts_come_later(void **state) {
  fixture *f = *state;
  set(f, "Edge", 2);
  set(f, "Path", 2);
  rule(f, "Path(x,y) <- Edge(x,y)");
  rule(f, "Path(x,z) <- Path(x,y), Path(y,z)");
  assert_rows(f, "Path", NULL, "");
  facts(f, "Edge: 1 2, 2 3");
  assert_rows(f, "Path", NULL, "1 2, 1 3, 2 3");
  facts(f, "Edge: 3 1");
  assert_rows(f, "Path", "x, x", "1, 2, 3");
  facts(f, "Path: 7 8");
  assert_rows(f, "Path", "7, y", "8");
  rel_clear(find(f, "Edge"));
  assert_rows(f, "Path", NULL, "7 8");
}

static void constants_and_repeats(void **state) {
  fixture *f = *state;
  set(f, "E", 3);
  set(f, "Loop", 1);
  set(f, "FromA", 2);
  set(f, "Pair", 2);
  set(f, "Any", 0);
  facts(f, "E: A A 1, A B 2, B B 3, B C 1, 5 5 5");
  rule(f, "Loop(x) <- E(x,x,_)");
  rule(f, "FromA(y, n) <- E(A,y,n)");
  rule(f, "Pair(x, Same) <- E(x,x,x)");
  rule(f, "Pair(y, 7) <- E(_,y,1)");
  rule(f, "Any() <- E(_,C,_)");
  assert_rows(f, "Loop", NULL, "5, A, B");
  assert_rows(f, "FromA", NULL, "A 1, B 2");
  assert_rows(f, "Pair", NULL, "5 Same, A 7, C 7");
  assert_int_equal(rel_count(find(f, "Any")), 1);
}

static void negation_and_comparisons(void **state) {
  fixture *f = *state;
  set(f, "Node", 1);
  set(f, "Edge", 2);
  set(f, "Reach", 2);
  set(f, "Apart", 2);
  set(f, "Sink", 1);
  set(f, "Upward", 2);
  facts(f, "Node: 1, 2, 3, 4");
  facts(f, "Edge: 1 2, 2 3, 3 2, 3 4");
  rule(f, "Reach(x,y) <- Edge(x,y)");
  rule(f, "Reach(x,z) <- Edge(x,y), Reach(y,z)");
  rule(f, "Apart(x,y) <- Node(x), Node(y), not Reach(x,y), x != y");
  rule(f, "Sink(x) <- Node(x), not Edge(x,_)");
  rule(f, "Upward(x,y) <- Edge(x,y), x < y, y <= 3");
  assert_rows(f, "Apart", NULL, "2 1, 3 1, 4 1, 4 2, 4 3");
  assert_rows(f, "Sink", NULL, "4");
  assert_rows(f, "Upward", NULL, "1 2, 2 3");
}

static void mutual_recursion(void **state) {
  fixture *f = *state;
  set(f, "Next", 2);
  set(f, "Even", 1);
  set(f, "Odd", 1);
  for (int64_t i = 0; i < 9; i++)
    rel_insert(find(f, "Next"), (int64_t[]){i, i + 1}, (rel_number){0});
  facts(f, "Even: 0");
  rule(f, "Odd(y) <- Even(x), Next(x,y)");
  rule(f, "Even(y) <- Odd(x), Next(x,y)");
  assert_rows(f, "Even", NULL, "0, 2, 4, 6, 8");
  assert_rows(f, "Odd", NULL, "1, 3, 5, 7, 9");
}

static void arithmetic(void **state) {
  fixture *f = *state;
  set(f, "Count", 1);
  set(f, "Sum", 3);
  set(f, "Before", 2);
  set(f, "Half", 2);
  facts(f, "Count: 0");
  rule(f, "Count(n+1) <- Count(n), n < 5");
  rule(f, "Sum(x, y, z) <- Count(x), Count(y), z := x * 10 + y, z % 7 == 3, x < 2");
  rule(f, "Before(x, y) <- Count(x), x := y + 1");
  rule(f, "Half(x, k) <- Count(x), k := whole x / 2");   /* 1/2 is no key */
  rule(f, "Half(x, 100) <- Count(x), h := x / 2, h > 2.1");
  assert_rows(f, "Count", NULL, "0, 1, 2, 3, 4, 5");
  assert_rows(f, "Sum", NULL, "0 3 3, 1 0 10");
  assert_rows(f, "Before", NULL, "0 -1, 1 0, 2 1, 3 2, 4 3, 5 4");
  assert_rows(f, "Half", NULL, "0 0, 2 1, 4 2, 5 100");
}

/* Numbers at both ends, and symbols behind them. */
static void everything_sorts(void **state) {
  fixture *f = *state;
  rel_relation *r = set(f, "P", 1);
  int64_t keys[] = {INT64_MAX, key(f, "B"), REL_LEAST, 0, key(f, "A"), INT64_MAX - 1, -1};
  for (int i = 0; i < 7; i++) rel_insert(r, &keys[i], (rel_number){0});
  rel_rows all = rel_query(f->arena, r, NULL);
  int64_t want[] = {REL_LEAST, -1, 0, INT64_MAX - 1, INT64_MAX, keys[4], keys[1]};
  assert_int_equal(all.n, 7);
  assert_memory_equal(all.column[0], want, sizeof want);
}

/* Asked again and again, a large relation gets an index; the answers are the same. */
static void asked_often(void **state) {
  fixture *f = *state;
  rel_relation *r = set(f, "P", 3);
  for (int64_t i = 0; i < 9000; i++)
    rel_insert(r, (int64_t[]){i % 90, i % 100, i / 90}, (rel_number){0});
  for (int64_t k = 0; k < 12; k++) {
    rel_term by[] = {{.kind = REL_VAR}, {.kind = REL_KEY, .key = k}, {.kind = REL_ANY}};
    rel_rows some = rel_query(f->arena, r, by);
    assert_int_equal(some.n, 9);   /* i % 90, i = k + 100 m: steps of ten */
    for (int64_t i = 0; i < 9; i++) assert_int_equal(some.column[0][i], k % 10 + 10 * i);
    by[0] = (rel_term){.kind = REL_KEY, .key = k % 10};
    assert_int_equal(rel_query(f->arena, r, by).n, 1);
    assert_true(rel_exists(r, by));
    by[0].key = k % 10 + 1;
    assert_false(rel_exists(r, by));
  }
  assert_in_range(rel_statistics(f->engine).indexes, 1, 2);
}

static void symbols_sort_by_name(void **state) {
  fixture *f = *state;
  set(f, "P", 1);
  facts(f, "P: Zoe, -3, Adam, 12, 7, Bob");
  assert_rows(f, "P", NULL, "-3, 7, 12, Adam, Bob, Zoe");
  assert_true(rel_compare(f->engine, key(f, "Zoe"), key(f, "Adam")) > 0);
  assert_true(rel_compare(f->engine, key(f, "Zoe"), 1) > 0);
  int64_t k;
  assert_false(rel_symbol_known(f->engine, "Nobody", 6, &k));
  assert_true(rel_symbol_known(f->engine, "Bob", 3, &k));
  assert_string_equal(rel_symbol_name(f->engine, k), "Bob");
  assert_null(rel_symbol_name(f->engine, 3));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(family), TEST(facts_come_later), TEST(constants_and_repeats),
      TEST(negation_and_comparisons), TEST(mutual_recursion), TEST(arithmetic),
      TEST(symbols_sort_by_name), TEST(everything_sorts), TEST(asked_often),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
