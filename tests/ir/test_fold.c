#include <math.h>

#include "fixture.h"

static const ir_expr *element(ir_program *p, const char *name, ir_type type) {
  return ir_read(p, ir_tensor_new(p, name, type, 0, NULL, IR_INPUT), NULL);
}

static void equal_expressions_are_one(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *a = element(p, "A", IR_F32), *b = element(p, "B", IR_F32);
  assert_ptr_equal(add(a, b), add(b, a));
  assert_ptr_equal(mul(a, b), mul(b, a));
  assert_ptr_not_equal(sub(a, b), sub(b, a));
  assert_ptr_equal(ir_unary(p, IR_EXP, add(a, b)), ir_unary(p, IR_EXP, add(b, a)));
  assert_ptr_equal(real(p, 0.1), real(p, 0.1));
  assert_ptr_equal(ir_real(p, IR_F64, NAN), ir_real(p, IR_F64, -NAN));
  assert_ptr_not_equal(real(p, 1), number(p, 1));
  int nodes = p->nodes;
  for (int i = 0; i < 5000; i++) add(a, real(p, i));
  assert_true(p->nodes >= nodes + 9000);
  nodes = p->nodes;
  for (int i = 0; i < 5000; i++) add(a, real(p, i));
  assert_int_equal(p->nodes, nodes);
}

static void constants_are_computed(void **state) {
  ir_program *p = ((lab *)*state)->p;
  assert_ptr_equal(add(real(p, 0.1), real(p, 0.2)), real(p, (double)(0.1f + 0.2f)));
  assert_ptr_equal(ir_unary(p, IR_EXP, real(p, 1)), real(p, (double)expf(1)));
  assert_ptr_equal(ir_binary(p, IR_DIV, number(p, 1), number(p, 3)), real(p, (double)(1.0f / 3)));
  assert_ptr_equal(ir_unary(p, IR_SQRT, ir_real(p, IR_F64, 2)), ir_real(p, IR_F64, sqrt(2)));
  assert_ptr_equal(ir_cast(p, real(p, 2.9), IR_I64), number(p, 2));
  assert_ptr_equal(ir_number(p, IR_F16, 0.1), real(p, 0.1));
  assert_ptr_equal(ir_number(p, IR_BOOL, 3), ir_bool(p, true));
  assert_ptr_equal(ir_cast(p, real(p, 0.1), IR_F16), real(p, 0.0999755859375));
}

static void arguments_are_promoted(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *b = element(p, "B", IR_BOOL), *i = element(p, "I", IR_I32);
  const ir_expr *h = element(p, "H", IR_F16), *d = element(p, "D", IR_F64);
  assert_int_equal(i->type, IR_I64);
  assert_int_equal(h->type, IR_F32);
  assert_int_equal(add(b, i)->type, IR_I64);
  assert_int_equal(add(i, h)->type, IR_F32);
  assert_int_equal(add(h, d)->type, IR_F64);
  assert_int_equal(add(b, b)->type, IR_BOOL);
  assert_int_equal(sub(b, b)->type, IR_I64);
  assert_int_equal(ir_binary(p, IR_DIV, i, i)->type, IR_F32);
  assert_int_equal(ir_binary(p, IR_LT, i, d)->type, IR_BOOL);
  assert_int_equal(ir_binary(p, IR_LT, i, d)->arg[0]->type, IR_F64);
  assert_int_equal(ir_unary(p, IR_EXP, b)->type, IR_F32);
  assert_int_equal(ir_where(p, b, i, h)->type, IR_F32);
  assert_int_equal(ir_binary(p, IR_AND, i, h)->arg[0]->type, IR_BOOL);
}

static void casts_that_change_nothing_vanish(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *h = element(p, "H", IR_F16), *x = element(p, "X", IR_F32);
  const ir_expr *b = element(p, "B", IR_BOOL);
  assert_ptr_equal(ir_cast(p, x, IR_F32), x);
  assert_ptr_equal(ir_cast(p, h, IR_F16), h);
  assert_ptr_not_equal(ir_cast(p, h, IR_BF16), h);
  const ir_expr *rounded = ir_cast(p, x, IR_F16);
  assert_int_equal(rounded->op, IR_CAST);
  assert_int_equal(rounded->type, IR_F32);
  assert_ptr_equal(ir_cast(p, rounded, IR_F16), rounded);
  assert_ptr_equal(ir_cast(p, ir_cast(p, x, IR_F64), IR_F32), x);
  assert_ptr_equal(ir_cast(p, b, IR_F16), ir_cast(p, b, IR_F32));
  assert_ptr_equal(ir_cast(p, ir_cast(p, b, IR_F32), IR_I64), ir_cast(p, b, IR_I64));
}

static void exact_identities(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *x = element(p, "X", IR_F32), *y = element(p, "Y", IR_F32);
  const ir_expr *zero = real(p, 0), *one = real(p, 1);
  assert_ptr_equal(add(x, zero), x);
  assert_ptr_equal(mul(one, x), x);
  assert_ptr_equal(ir_binary(p, IR_DIV, x, one), x);
  assert_ptr_equal(ir_binary(p, IR_DIV, x, real(p, 8)), mul(x, real(p, 0.125)));
  assert_int_equal(ir_binary(p, IR_DIV, x, real(p, 3))->op, IR_DIV);
  assert_ptr_equal(ir_binary(p, IR_POW, x, real(p, 2)), mul(x, x));
  assert_ptr_equal(ir_unary(p, IR_NEG, ir_unary(p, IR_NEG, x)), x);
  assert_ptr_equal(add(x, ir_unary(p, IR_NEG, y)), sub(x, y));
  assert_ptr_equal(sub(zero, x), ir_unary(p, IR_NEG, x));
  assert_int_equal(mul(x, zero)->op, IR_MUL);   /* x may be nan */
  assert_int_equal(sub(x, x)->op, IR_SUB);
  assert_int_equal(add(add(x, real(p, 0.1)), real(p, 0.2))->op, IR_ADD);
  assert_ptr_equal(ir_binary(p, IR_MAXIMUM, x, x), x);
  assert_ptr_equal(ir_binary(p, IR_MAXIMUM, zero, x), ir_binary(p, IR_MAXIMUM, x, zero));
  assert_ptr_equal(ir_binary(p, IR_MAXIMUM, y, x)->arg[0], y);   /* of equals the first wins */
}

static void truth(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *x = element(p, "X", IR_F32), *y = element(p, "Y", IR_F32);
  const ir_expr *a = element(p, "A", IR_BOOL), *yes = ir_bool(p, true), *no = ir_bool(p, false);
  assert_ptr_equal(ir_binary(p, IR_AND, a, yes), a);
  assert_ptr_equal(ir_binary(p, IR_AND, no, a), no);
  assert_ptr_equal(ir_binary(p, IR_OR, a, a), a);
  assert_ptr_equal(ir_unary(p, IR_NOT, ir_unary(p, IR_NOT, a)), a);
  assert_ptr_equal(ir_unary(p, IR_NOT, ir_binary(p, IR_EQ, x, y)), ir_binary(p, IR_NE, x, y));
  assert_int_equal(ir_unary(p, IR_NOT, ir_binary(p, IR_LT, x, y))->op, IR_NOT);   /* nan */
  assert_ptr_equal(ir_where(p, yes, x, y), x);
  assert_ptr_equal(ir_where(p, no, x, y), y);
  assert_ptr_equal(ir_where(p, a, x, x), x);
  assert_ptr_equal(ir_where(p, ir_unary(p, IR_NOT, a), x, y), ir_where(p, a, y, x));
  assert_ptr_equal(ir_where(p, a, yes, no), a);
  assert_ptr_equal(ir_where(p, a, ir_where(p, a, x, y), y), ir_where(p, a, x, y));
  assert_ptr_equal(ir_binary(p, IR_EQ, a, yes), a);
  assert_ptr_equal(ir_binary(p, IR_MUL, a, yes), a);
}

/* A guard that reads is not joined with the guard it stands under, which makes its read safe. */
static void guards_of_guards_stay_apart(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *n = size_of(p, "N"), *i = over(p, "i", size_of(p, "M")), *zero = real(p, 0);
  ir_tensor *x = input(p, "X", 1, &n);
  const ir_expr *read = ir_read(p, x, &i), *inside = ir_binary(p, IR_LT, i, n);
  const ir_expr *positive = ir_binary(p, IR_LT, zero, read);
  const ir_expr *e = ir_where(p, inside, ir_where(p, positive, read, zero), zero);
  assert_ptr_equal(e->arg[0], inside);
  const ir_expr *even = ir_binary(p, IR_EQ, mod(i, number(p, 2)), number(p, 0));
  e = ir_where(p, inside, ir_where(p, even, read, zero), zero);
  assert_int_equal(e->arg[0]->op, IR_AND);
}

static void neutral_elements(void **state) {
  ir_program *p = ((lab *)*state)->p;
  assert_ptr_equal(ir_agg_neutral(p, IR_MAX, IR_F32), real(p, -INFINITY));
  assert_ptr_equal(ir_agg_neutral(p, IR_MIN, IR_I64), number(p, INT64_MAX));
  assert_ptr_equal(ir_agg_neutral(p, IR_MAX, IR_I64), number(p, INT64_MIN));
  assert_ptr_equal(ir_agg_neutral(p, IR_MAX, IR_BOOL), ir_bool(p, false));
  assert_ptr_equal(ir_agg_neutral(p, IR_MIN, IR_BOOL), ir_bool(p, true));
  assert_ptr_equal(ir_agg_neutral(p, IR_PROD, IR_F64), ir_real(p, IR_F64, 1));
  assert_ptr_equal(ir_agg_neutral(p, IR_SUM, IR_I64), number(p, 0));
}

/* ---- rewriting ------------------------------------------------------------------------------- */

static const ir_expr *negate_reads(ir_program *p, const ir_expr *e, void *arg) {
  ++*(int *)arg;
  return e->op == IR_READ ? ir_unary(p, IR_NEG, e) : e;
}

static void count(void *arg, const ir_expr *e) {
  (void)e;
  ++*(int *)arg;
}

/* Deep enough to overflow a stack, and each level shared: as a tree it would never end. */
static void deep_chains_are_walked(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *n = size_of(p, "N"), *i = over(p, "i", n), *j = over(p, "j", n);
  const ir_expr *x = ir_read(p, input(p, "X", 1, &n), &i), *e = x;
  enum { DEEP = 200000 };
  for (int k = 0; k < DEEP; k++) e = ir_unary(p, IR_SIN, mul(e, e));
  int visited = 0, called = 0;
  ir_each(e, count, &visited);
  assert_int_equal(visited, 2 * DEEP + 2);
  assert_int_equal(ir_cost(e), 16 * (int64_t)DEEP + 1);
  assert_true(ir_mentions(e, i->u.index));
  assert_false(ir_mentions(e, j->u.index));
  const ir_expr *moved = ir_substitute(p, e, 1, &i->u.index, &j);
  assert_true(ir_mentions(moved, j->u.index));
  assert_false(ir_mentions(moved, i->u.index));
  const ir_expr *negated = ir_rewrite(p, e, negate_reads, &called);
  assert_int_equal(called, 2 * DEEP + 2);
  assert_ptr_equal(negated, e);   /* (-x) (-x) = x x */
}

static void substitution_is_simultaneous(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *n = size_of(p, "N"), *i = over(p, "i", n), *j = over(p, "j", n);
  const ir_index *index[] = {i->u.index, j->u.index};
  ir_tensor *x = input(p, "X", 2, EXPRS(n, n));
  const ir_expr *swapped = ir_substitute(p, ir_read(p, x, EXPRS(i, j)), 2, index, EXPRS(j, i));
  assert_ptr_equal(swapped, ir_read(p, x, EXPRS(j, i)));
  const ir_expr *kept = ir_substitute(p, add(i, j), 2, index, EXPRS(NULL, i));
  assert_ptr_equal(kept, mul(i, number(p, 2)));
  assert_true(ir_reads(swapped, x));
}

int main(void) {
  const struct CMUnitTest tests[] = {
    WITH_LAB(equal_expressions_are_one),
    WITH_LAB(constants_are_computed),
    WITH_LAB(arguments_are_promoted),
    WITH_LAB(casts_that_change_nothing_vanish),
    WITH_LAB(exact_identities),
    WITH_LAB(truth),
    WITH_LAB(guards_of_guards_stay_apart),
    WITH_LAB(neutral_elements),
    WITH_LAB(deep_chains_are_walked),
    WITH_LAB(substitution_is_simultaneous),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
