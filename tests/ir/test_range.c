#include "fixture.h"

static bool within(ir_program *p, const ir_expr *e, const ir_expr *size) {
  return ir_never_negative(p, e) && ir_less_equal(p, add(e, number(p, 1)), size);
}

static void indices_lie_in_their_extent(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *n = size_of(p, "N"), *x = over(p, "x", n);
  assert_true(within(p, x, n));
  assert_true(within(p, sub(sub(n, number(p, 1)), x), n));   /* reversal */
  assert_false(within(p, add(x, number(p, 1)), n));
  assert_false(within(p, sub(x, number(p, 1)), n));
  assert_false(ir_never_negative(p, sub(n, number(p, 1))));  /* alone, it may be empty */
  assert_true(ir_less_equal(p, number(p, 0), n));
  assert_true(ir_less_equal(p, x, add(n, x)));
}

static void a_convolution_stays_inside(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *n = size_of(p, "N"), *k = size_of(p, "K");
  const ir_expr *dx = over(p, "dx", k), *x = over(p, "x", add(sub(n, k), number(p, 1)));
  assert_true(within(p, add(x, dx), n));
  assert_false(within(p, add(add(x, dx), number(p, 1)), n));
  const ir_expr *two = number(p, 2), *y = over(p, "y", quo(n, two)), *e = over(p, "e", two);
  assert_true(within(p, add(mul(two, y), e), n));            /* strided */
  const ir_expr *s = size_at_least(p, "S", 1), *z = over(p, "z", quo(n, s)), *f = over(p, "f", s);
  assert_true(within(p, add(mul(z, s), f), n));
}

static void merged_positions_stay_inside(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *h = size_of(p, "H"), *k = size_of(p, "K");
  const ir_expr *i = over(p, "i", h), *j = over(p, "j", k);
  assert_true(within(p, add(mul(i, k), j), mul(h, k)));
  const ir_expr *flat = over(p, "m", mul(h, k)), *k1 = size_at_least(p, "K1", 1);
  assert_true(within(p, mod(flat, k1), k1));
  const ir_expr *flat1 = over(p, "m1", mul(h, k1));
  assert_true(within(p, quo(flat1, k1), h));
}

static void pooled_positions_stay_inside(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *n = size_of(p, "N"), *two = number(p, 2), *one = number(p, 1);
  const ir_expr *x = over(p, "x", n);
  assert_true(within(p, quo(x, two), quo(add(n, one), two)));
  assert_false(within(p, quo(x, two), quo(n, two)));         /* odd N goes one too far */
  const ir_expr *s = size_at_least(p, "S", 1);
  assert_true(within(p, quo(x, s), add(quo(sub(n, one), s), one)));
}

static void chosen_positions_stay_inside(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *n = size_at_least(p, "N", 1), *m = size_of(p, "M");
  const ir_expr *y = over(p, "y", m), *last = sub(n, number(p, 1));
  const ir_expr *clamped = ir_binary(p, IR_MINIMUM, y, last);
  assert_true(within(p, clamped, n));
  assert_true(within(p, ir_binary(p, IR_MAXIMUM, number(p, 0), sub(clamped, number(p, 1))), n));
  const ir_expr *either = ir_where(p, ir_binary(p, IR_LT, y, n), number(p, 0), last);
  assert_true(within(p, either, n));
}

static void products_of_sizes_are_ordered(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *n = size_at_least(p, "N", 1), *k = size_of(p, "K");
  assert_true(ir_less_equal(p, k, mul(n, k)));
  assert_false(ir_less_equal(p, n, mul(n, k)));
  assert_true(ir_less_equal(p, mul(n, k), mul(n, add(k, n))));
}

static void comparisons_are_decided_when_built(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *n = size_of(p, "N"), *x = over(p, "x", n);
  assert_true(ir_is_const(ir_binary(p, IR_LT, x, n), 1));
  assert_true(ir_is_const(ir_binary(p, IR_LE, n, x), 0));
  assert_true(ir_is_const(ir_binary(p, IR_EQ, x, n), 0));
  assert_true(ir_is_const(ir_binary(p, IR_NE, x, x), 0));
  assert_true(ir_is_const(ir_inside(p, x, n), 1));
  assert_string_equal(text_of(ir_inside(p, sub(x, number(p, 1)), n)), "0 <= x - 1");
  assert_string_equal(text_of(ir_inside(p, add(x, number(p, 1)), n)), "x + 1 < N");
  assert_ptr_equal(ir_unary(p, IR_ABS, x), x);
  assert_ptr_equal(ir_binary(p, IR_MAXIMUM, x, number(p, 0)), x);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    WITH_LAB(indices_lie_in_their_extent),
    WITH_LAB(a_convolution_stays_inside),
    WITH_LAB(merged_positions_stay_inside),
    WITH_LAB(pooled_positions_stay_inside),
    WITH_LAB(chosen_positions_stay_inside),
    WITH_LAB(products_of_sizes_are_ordered),
    WITH_LAB(comparisons_are_decided_when_built),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
