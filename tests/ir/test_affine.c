#include <stdio.h>

#include "fixture.h"

static void sums_are_collected(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *n = size_of(p, "N"), *x = over(p, "x", n), *y = over(p, "y", n);
  const ir_expr *two = number(p, 2), *one = number(p, 1);
  assert_ptr_equal(add(x, y), add(y, x));
  assert_ptr_equal(add(add(x, one), add(y, one)), add(add(y, x), two));
  assert_ptr_equal(sub(add(x, y), y), x);
  assert_ptr_equal(sub(x, x), number(p, 0));
  assert_ptr_equal(add(x, x), mul(two, x));
  assert_ptr_equal(mul(add(x, y), n), add(mul(n, x), mul(y, n)));
  assert_ptr_equal(mul(add(x, one), sub(x, one)), sub(mul(x, x), one));
  assert_ptr_equal(ir_unary(p, IR_NEG, sub(x, y)), sub(y, x));
  assert_ptr_equal(sub(n, add(x, one)), sub(sub(n, one), x));
}

static void division_of_what_was_merged(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *h_size = size_of(p, "H"), *k_size = size_of(p, "K");
  const ir_expr *h = over(p, "h", h_size), *k = over(p, "k", k_size);
  const ir_expr *merged = add(mul(h, k_size), k);
  assert_ptr_equal(quo(merged, k_size), h);
  assert_ptr_equal(mod(merged, k_size), k);
  const ir_expr *c = over(p, "c", number(p, 5)), *five = number(p, 5);
  assert_ptr_equal(quo(add(mul(h, five), c), five), h);
  assert_ptr_equal(mod(add(mul(h, five), c), five), c);
  assert_ptr_equal(quo(c, five), number(p, 0));
  assert_ptr_equal(mod(c, five), c);
}

static void split_then_merge_is_nothing(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *k = size_at_least(p, "K", 1), *i = over(p, "i", mul(size_of(p, "H"), k));
  const ir_expr *four = number(p, 4);
  assert_ptr_equal(add(mul(quo(i, four), four), mod(i, four)), i);
  assert_ptr_equal(add(mul(quo(i, k), k), mod(i, k)), i);
  const ir_expr *j = add(i, number(p, 5));
  assert_ptr_equal(add(mul(quo(j, four), four), mod(j, four)), j);
  const ir_expr *k0 = size_of(p, "K0");   /* may be 0: then both are 0 */
  const ir_expr *part = mul(quo(i, k0), k0);
  assert_string_equal(text_of(add(part, mod(i, k0))), "floor(i / K0) K0 + i % K0");
}

static void three_parts_merged(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *a = size_of(p, "A"), *b = size_of(p, "B"), *c = size_of(p, "C");
  const ir_expr *i = over(p, "i", a), *j = over(p, "j", b), *k = over(p, "k", c);
  const ir_expr *flat = add(mul(add(mul(i, b), j), c), k);
  assert_ptr_equal(mod(flat, c), k);
  assert_ptr_equal(mod(quo(flat, c), b), j);
  assert_ptr_equal(quo(flat, mul(b, c)), i);
  assert_ptr_equal(quo(quo(flat, c), b), i);
}

static void division_by_a_sum(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *n = size_of(p, "N"), *k = size_of(p, "K");
  const ir_expr *width = add(sub(n, k), number(p, 1));
  const ir_expr *h = over(p, "h", n), *x = over(p, "x", width);
  assert_ptr_equal(quo(add(mul(h, width), x), width), h);
  assert_ptr_equal(mod(add(mul(h, width), x), width), x);
}

static void division_by_numbers(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *i = over(p, "i", size_of(p, "N"));
  const ir_expr *two = number(p, 2), *three = number(p, 3), *four = number(p, 4);
  assert_ptr_equal(quo(mul(two, i), two), i);
  assert_ptr_equal(quo(add(mul(two, i), number(p, 1)), two), i);
  assert_ptr_equal(mod(add(mul(two, i), number(p, 1)), two), number(p, 1));
  assert_ptr_equal(quo(mul(two, i), four), quo(i, two));
  assert_ptr_equal(mod(mul(two, i), four), mul(two, mod(i, two)));
  assert_ptr_equal(quo(quo(i, two), three), quo(i, number(p, 6)));
  assert_ptr_equal(mod(mod(i, four), two), mod(i, two));
  assert_ptr_equal(quo(add(i, number(p, 7)), three), add(quo(add(i, number(p, 1)), three), two));
  assert_ptr_equal(quo(i, number(p, -2)), quo(ir_unary(p, IR_NEG, i), two));
}

static void data_is_not_taken_apart(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *n = size_of(p, "N"), *i = over(p, "i", n), *four = number(p, 4);
  ir_tensor *tok = ir_tensor_new(p, "Tok", IR_I64, 1, &n, IR_INPUT);
  const ir_expr *t = ir_read(p, tok, &i);
  assert_string_equal(text_of(quo(mul(t, four), four)), "floor(4 Tok[i] / 4)");   /* may wrap */
  assert_int_equal(ir_binary(p, IR_LT, t, add(t, four))->op, IR_LT);
  assert_true(ir_is_const(ir_binary(p, IR_LE, t, t), 1));
  assert_ptr_equal(sub(add(t, four), four), t);
}

static void the_affine_view(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *n = size_of(p, "N"), *x = over(p, "x", n), *y = over(p, "y", n);
  ir_affine a;
  assert_true(ir_affine_of(p, sub(add(mul(x, n), mul(y, number(p, 3))), n), &a));
  assert_int_equal(a.n, 2);
  assert_ptr_equal(a.constant, mul(n, number(p, -1)));
  for (int i = 0; i < 2; i++)
    assert_ptr_equal(a.coefficient[i], a.index[i] == x->u.index ? n : number(p, 3));
  assert_true(ir_affine_of(p, number(p, 7), &a));
  assert_int_equal(a.n, 0);
  assert_ptr_equal(a.constant, number(p, 7));
  assert_false(ir_affine_of(p, mul(x, y), &a));
  assert_false(ir_affine_of(p, quo(x, number(p, 2)), &a));
  assert_true(ir_affine_of(p, add(x, quo(n, number(p, 2))), &a));
}

/* ---- random expressions, built and computed at the same time --------------------------------- */

enum { LEAVES = 6 };

typedef struct world {
  ir_program *p;
  const ir_expr *leaf[LEAVES];
  int64_t value[LEAVES];
  uint64_t random;
} world;

typedef struct pair { const ir_expr *e; int64_t value; } pair;

static int64_t floor_quotient(int64_t a, int64_t b) {
  int64_t q = b == 0 ? 0 : a / b;
  return b != 0 && a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}

static pair random_pair(world *w, int depth) {
  if (depth == 0 || next_random(&w->random) % 5 == 0) {
    if (next_random(&w->random) % 3 == 0) {
      int64_t k = (int64_t)(next_random(&w->random) % 13) - 4;
      return (pair){number(w->p, k), k};
    }
    int i = (int)(next_random(&w->random) % LEAVES);
    return (pair){w->leaf[i], w->value[i]};
  }
  pair a = random_pair(w, depth - 1), b = random_pair(w, depth - 1);
  switch (next_random(&w->random) % 8) {
    case 0: case 1: return (pair){add(a.e, b.e), a.value + b.value};
    case 2: return (pair){sub(a.e, b.e), a.value - b.value};
    case 3: return (pair){mul(a.e, b.e), a.value * b.value};
    case 4: return (pair){quo(a.e, b.e), floor_quotient(a.value, b.value)};
    case 5:
      return (pair){mod(a.e, b.e),
                    b.value == 0 ? 0 : a.value - b.value * floor_quotient(a.value, b.value)};
    case 6:
      return (pair){ir_binary(w->p, IR_MINIMUM, a.e, b.e), a.value < b.value ? a.value : b.value};
    default:
      return (pair){ir_binary(w->p, IR_MAXIMUM, a.e, b.e), a.value > b.value ? a.value : b.value};
  }
}

static const ir_expr *give_value(ir_program *p, const ir_expr *e, void *arg) {
  const world *w = arg;
  for (int i = 0; i < LEAVES; i++)
    if (w->leaf[i] == e) return number(p, w->value[i]);
  return e;
}

/* Two sizes of 1..5, one of 0..4, indices over them and over 3; values that these allow. */
static void open_world(world *w, ir_program *p, uint64_t seed) {
  w->p = p;
  w->random = seed;
  char name[16];
  for (int i = 0; i < 3; i++) {
    sprintf(name, "N%d", i);
    w->leaf[i] = size_at_least(p, name, i < 2);
    w->value[i] = (int64_t)(next_random(&w->random) % 5) + 1;
  }
  const ir_expr *extent[3] = {w->leaf[0], w->leaf[2], number(p, 3)};
  int64_t most[3] = {w->value[0], w->value[2], 3};
  for (int i = 0; i < 3; i++) {
    sprintf(name, "%c", 'i' + i);
    w->leaf[3 + i] = over(p, name, extent[i]);
    w->value[3 + i] = (int64_t)(next_random(&w->random) % (uint64_t)most[i]);
  }
}

static void canonical_forms_keep_the_value(void **state) {
  ir_program *p = ((lab *)*state)->p;
  for (int round = 0; round < 3000; round++) {
    world w;
    open_world(&w, p, (uint64_t)round);
    pair x = random_pair(&w, 4);
    const ir_expr *e = ir_rewrite(p, x.e, give_value, &w);
    int64_t value;
    assert_true(ir_is_int(e, &value));
    if (value != x.value) print_message("%d: %s\n", round, text_of(x.e));
    assert_int_equal(value, x.value);
  }
}

/* What is proven holds for each value that the indices and sizes may have. */
static void proofs_are_sound(void **state) {
  ir_program *p = ((lab *)*state)->p;
  int proven = 0;
  for (int round = 0; round < 1500; round++) {
    world w;
    open_world(&w, p, (uint64_t)round + 77777);
    const ir_expr *e = random_pair(&w, 3).e;
    if (e->op == IR_CONST || !ir_never_negative(p, e)) continue;
    proven++;
    for (int trial = 0; trial < 40; trial++) {
      for (int i = 0; i < 3; i++) w.value[i] = (int64_t)(next_random(&w.random) % 6) + 1;
      int64_t most[3] = {w.value[0], w.value[2], 3};
      for (int i = 0; i < 3; i++)
        w.value[3 + i] = (int64_t)(next_random(&w.random) % (uint64_t)most[i]);
      int64_t value;
      assert_true(ir_is_int(ir_rewrite(p, e, give_value, &w), &value));
      if (value < 0) print_message("%d: %s is %d\n", round, text_of(e), (int)value);
      assert_true(value >= 0);
    }
  }
  assert_true(proven > 200);
}

static void a_long_sum_stays_a_sum(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *n = size_of(p, "N"), *sum = number(p, 0), *back;
  const ir_expr *x[100];
  for (int i = 0; i < 100; i++) sum = add(sum, x[i] = over(p, "x", n));
  back = sum;
  for (int i = 0; i < 100; i++) back = sub(back, x[i]);
  assert_int_equal(sum->type, IR_I64);
  for (int i = 0; i < 100; i++) assert_true(ir_mentions(sum, x[i]->u.index));
  const ir_expr *zero[100];
  const ir_index *index[100];
  for (int i = 0; i < 100; i++) zero[i] = number(p, 2), index[i] = x[i]->u.index;
  assert_ptr_equal(ir_substitute(p, sum, 100, index, zero), number(p, 200));
  assert_ptr_equal(ir_substitute(p, back, 100, index, zero), number(p, 0));
}

int main(void) {
  const struct CMUnitTest tests[] = {
    WITH_LAB(sums_are_collected),
    WITH_LAB(division_of_what_was_merged),
    WITH_LAB(split_then_merge_is_nothing),
    WITH_LAB(three_parts_merged),
    WITH_LAB(division_by_a_sum),
    WITH_LAB(division_by_numbers),
    WITH_LAB(data_is_not_taken_apart),
    WITH_LAB(the_affine_view),
    WITH_LAB(canonical_forms_keep_the_value),
    WITH_LAB(proofs_are_sound),
    WITH_LAB(a_long_sum_stays_a_sum),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
