#include <math.h>
#include <string.h>

#include "fixture.h"

static const ir_expr *scalar(ir_program *p, const char *name) {
  return ir_read(p, input(p, name, 0, NULL), NULL);
}

static void numbers(void **state) {
  ir_program *p = ((lab *)*state)->p;
  assert_string_equal(text_of(real(p, 1)), "1.0");
  assert_string_equal(text_of(real(p, 0.1)), "0.1");
  assert_string_equal(text_of(real(p, 1e-5)), "1.0e-05");
  assert_string_equal(text_of(real(p, 1.5e30)), "1.5e+30");
  assert_string_equal(text_of(real(p, 1.0 / 3)), "0.33333334");
  assert_string_equal(text_of(ir_real(p, IR_F64, 1.0 / 3)), "0.3333333333333333");
  assert_string_equal(text_of(real(p, -INFINITY)), "-inf");
  assert_string_equal(text_of(real(p, NAN)), "(inf - inf)");
  assert_string_equal(text_of(number(p, -7)), "-7");
}

static void precedence(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *a = scalar(p, "A"), *b = scalar(p, "B"), *c = scalar(p, "C"), *half = real(p, 0.5);
  assert_string_equal(text_of(add(a, mul(b, c))), "A + B C");
  assert_string_equal(text_of(mul(add(a, b), c)), "C (A + B)");
  assert_string_equal(text_of(sub(a, sub(b, c))), "A - (B - C)");
  assert_string_equal(text_of(sub(sub(a, b), c)), "A - B - C");
  assert_string_equal(text_of(mul(half, a)), "0.5 A");
  assert_string_equal(text_of(sub(a, mul(half, b))), "A - 0.5 B");
  assert_string_equal(text_of(mul(mul(a, b), half)), "0.5 A B");
  assert_string_equal(text_of(mul(add(a, b), half)), "0.5 (A + B)");
  assert_string_equal(text_of(ir_binary(p, IR_DIV, a, mul(b, c))), "A / (B C)");
  assert_string_equal(text_of(ir_binary(p, IR_DIV, mul(a, b), c)), "A B / C");
  assert_string_equal(text_of(mul(a, ir_binary(p, IR_DIV, b, c))), "A (B / C)");
  assert_string_equal(text_of(ir_unary(p, IR_NEG, mul(a, b))), "-(A B)");
  assert_string_equal(text_of(mul(ir_unary(p, IR_NEG, a), b)), "-(A B)");
  assert_string_equal(text_of(ir_unary(p, IR_NEG, a)), "-A");
  assert_string_equal(text_of(sub(real(p, 1), a)), "1.0 - A");
  assert_string_equal(text_of(add(a, real(p, -1))), "A - 1.0");
  assert_string_equal(text_of(mul(add(a, b), add(a, b))), "(A + B)^2");
  assert_string_equal(text_of(ir_binary(p, IR_POW, a, ir_unary(p, IR_NEG, b))), "A^(-B)");
  assert_string_equal(text_of(ir_binary(p, IR_POW, ir_unary(p, IR_EXP, a), b)), "exp(A)^B");
  assert_string_equal(text_of(mul(a, ir_unary(p, IR_EXP, b))), "A exp(B)");
}

static void conditions(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *a = scalar(p, "A"), *b = scalar(p, "B"), *c = scalar(p, "C");
  const ir_expr *less = ir_binary(p, IR_LT, a, b), *equal = ir_binary(p, IR_EQ, b, c);
  const ir_expr *both = ir_binary(p, IR_AND, less, equal);
  assert_string_equal(text_of(ir_unary(p, IR_NOT, less)), "not A < B");
  assert_string_equal(text_of(ir_unary(p, IR_NOT, both)), "not (A < B and B == C)");
  assert_string_equal(text_of(ir_binary(p, IR_AND, ir_binary(p, IR_OR, less, equal), less)),
                      "A < B and (A < B or B == C)");
  assert_string_equal(text_of(ir_where(p, less, a, real(p, -INFINITY))), "where(A < B, A, -inf)");
  assert_string_equal(text_of(mul(less, a)), "A (A < B)");
  assert_string_equal(text_of(ir_cast(p, a, IR_F16)), "f16(A)");
  const ir_expr *draw = ir_apply(p, IR_RANDOM, EXPRS(number(p, 1), number(p, 2), size_of(p, "N")));
  assert_string_equal(text_of(draw), "random(1, 2, N)");
}

static void positions(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *n = size_of(p, "N"), *x = over(p, "x", n), *dx = over(p, "dx", number(p, 3));
  ir_tensor *image = input(p, "Image", 1, EXPRS(mul(n, number(p, 9))));
#define AT(e) text_of(ir_read(p, image, EXPRS(e)))
  assert_string_equal(AT(add(x, dx)), "Image[x+dx]");
  assert_string_equal(AT(sub(sub(n, number(p, 1)), x)), "Image[N-x-1]");
  assert_string_equal(AT(add(mul(number(p, 2), x), number(p, 1))), "Image[2*x+1]");
  assert_string_equal(AT(quo(x, number(p, 2))), "Image[x/2]");
  assert_string_equal(AT(quo(add(x, dx), number(p, 2))), "Image[(x+dx)/2]");
  assert_string_equal(AT(mod(x, number(p, 2))), "Image[x%2]");
  assert_string_equal(AT(mul(n, x)), "Image[x*N]");
  assert_string_equal(text_of(quo(x, number(p, 2))), "floor(x / 2)");
#undef AT
}

static void indices_get_names_of_their_own(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *n = size_of(p, "N"), *i = over(p, "i", n), *j = over(p, "i", n);
  const ir_expr *k = over(p, "K", n), *s = over(p, "sum", n), *r = over(p, "_", n);
  ir_tensor *x = input(p, "X", 5, EXPRS(n, n, n, n, n));
  assert_string_equal(text_of(ir_read(p, x, EXPRS(i, j, k, s, r))), "X[i,i',k,sum',i_]");
  assert_string_equal(input(p, "X", 0, NULL)->name, "X'");
  assert_string_equal(input(p, "X", 0, NULL)->name, "X''");
  assert_string_equal(input(p, "X'", 0, NULL)->name, "X'''");
  assert_string_equal(input(p, "X", 0, NULL)->name, "X_4");
}

static const char *sum_text(ir_program *p, const ir_expr *row, const ir_expr *body) {
  ir_tensor *t = derived(p, "T", 1, EXPRS(row->u.index->extent));
  return strchr(text_of_eq(ir_define(p, t, IR_SUM, &row, body)), '=');
}

/* A sum is written out where the language would not put it, or not put it there. */
static void sums(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *n = size_of(p, "N"), *m = size_of(p, "M");
  const ir_expr *b = over(p, "b", n), *i = over(p, "i", m);
  const ir_expr *x = ir_read(p, input(p, "X", 2, EXPRS(n, m)), EXPRS(b, i));
  const ir_expr *y = ir_read(p, input(p, "Y", 1, &m), &i);
  assert_string_equal(sum_text(p, b, mul(x, y)), "= X[b,i] Y[i]");
  assert_string_equal(sum_text(p, b, x), "= X[b,i]");
  assert_string_equal(sum_text(p, b, mul(x, ir_unary(p, IR_EXP, y))), "= X[b,i] exp(Y[i])");
  assert_string_equal(sum_text(p, b, mul(x, x)), "= X[b,i]^2");
  assert_string_equal(sum_text(p, b, ir_unary(p, IR_EXP, x)), "= sum[i](exp(X[b,i]))");
  assert_string_equal(sum_text(p, b, add(x, y)), "= sum[i](X[b,i] + Y[i])");
  ir_tensor *t = derived(p, "Top", 1, &n);
  ir_eq *top = ir_define(p, t, IR_MAX, &b, add(x, y));
  assert_string_equal(text_of_eq(top), "Top[b] max= X[b,i] + Y[i]");
  ir_tensor *z = derived(p, "Pool", 1, EXPRS(quo(n, number(p, 2))));
  ir_eq *pool = ir_define(p, z, IR_SUM, EXPRS(quo(b, number(p, 2))), x);
  assert_string_equal(text_of_eq(pool), "Pool[b/2] += X[b,i]");
}

static void programs(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *n = size_of(p, "N"), *i = over(p, "i", n);
  ir_tensor *x = ir_tensor_new(p, "X", IR_F16, 2, EXPRS(n, number(p, 64)), IR_INPUT);
  ir_tensor *w = ir_tensor_new(p, "W", IR_F32, 0, NULL, IR_STATE), *y = derived(p, "Y", 0, NULL);
  ir_define(p, y, IR_SUM, NULL, mul(ir_read(p, x, EXPRS(i, number(p, 3))), ir_read(p, w, NULL)));
  ir_commit_to(p, w, y);
  assert_string_equal(text_of_program(p),
                      "X : f16[N, 64]\nW : f32\nY = X[i,3] W\n# W becomes Y\n");
}

/* As a tree this would have 2^60 nodes. */
static void shared_parts_do_not_explode(void **state) {
  ir_program *p = ((lab *)*state)->p;
  const ir_expr *e = scalar(p, "A");
  for (int i = 0; i < 60; i++) e = add(ir_unary(p, IR_SIN, e), ir_unary(p, IR_COS, e));
  assert_true(strlen(text_of(e)) < 200000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    WITH_LAB(numbers),    WITH_LAB(precedence), WITH_LAB(conditions),
    WITH_LAB(positions),  WITH_LAB(indices_get_names_of_their_own),
    WITH_LAB(sums),       WITH_LAB(programs),   WITH_LAB(shared_parts_do_not_explode),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
