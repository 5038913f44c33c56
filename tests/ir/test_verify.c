#include <string.h>

#include "fixture.h"

static void refused(lab *l, const char *text) {
  const char *message = verify_message(l, "planting");
  if (strstr(message, text) == NULL) print_message("%s\n", message);
  assert_non_null(strstr(message, text));
  assert_non_null(strstr(message, "after planting: "));
}

static void accepted(lab *l) { assert_string_equal(verify_message(l, "planting"), ""); }

static void a_layer_is_accepted(void **state) {
  lab *l = *state;
  ir_program *p = l->p;
  const ir_expr *b = size_of(p, "B"), *n = size_of(p, "N"), *h = size_of(p, "H");
  ir_tensor *x = input(p, "X", 2, EXPRS(b, n)), *w = input(p, "W", 2, EXPRS(n, h));
  ir_tensor *t = derived(p, "T", 2, EXPRS(b, h)), *y = derived(p, "Y", 2, EXPRS(b, h));
  const ir_expr *eb = over(p, "b", b), *ei = over(p, "i", n), *eh = over(p, "h", h);
  ir_eq *eq = ir_define(p, t, IR_SUM, EXPRS(eb, eh),
                        mul(ir_read(p, x, EXPRS(eb, ei)), ir_read(p, w, EXPRS(ei, eh))));
  ir_define(p, y, IR_SET, EXPRS(eb, eh),
            ir_binary(p, IR_MAXIMUM, ir_read(p, t, EXPRS(eb, eh)), real(p, 0)));
  accepted(l);
  assert_int_equal(p->requires.n, 0);
  assert_int_equal(eq->nfree, 2);
  assert_int_equal(eq->nred, 1);
  assert_ptr_equal(eq->red[0], ei->u.index);
  assert_true(ir_window(eq));
  assert_true(ir_covered(p, t));
}

static void planted_shapes_are_refused(void **state) {
  lab *l = *state;
  ir_program *p = l->p;
  const ir_expr *n = size_of(p, "N"), *i = over(p, "i", n), *j = over(p, "j", n);
  ir_tensor *x = input(p, "X", 1, &n), *y = derived(p, "Y", 1, &n);
  ir_eq *eq = ir_define(p, y, IR_SET, &i, ir_read(p, x, &i));
  accepted(l);
  const ir_expr *good = eq->body;
  eq->body = ir_read(p, x, &j);
  refused(l, "the index j is not one of the equation's: Y[i] = X[j]");
  eq->body = ir_cast(p, good, IR_I64);
  refused(l, "Y is f32 and its body is i64");
  eq->body = good;
  eq->lhs[0] = number(p, 0);
  refused(l, "the index i is not on the left");
  ir_undefine(y);
  ir_define(p, y, IR_SET, EXPRS(number(p, 0)), ir_read(p, x, &i));
  refused(l, "the index i is projected by no operator");
  ir_undefine(y);
  ir_define(p, y, IR_SET, EXPRS(quo(i, number(p, 2))), good);
  refused(l, "set more than once");
  ir_undefine(y);
  ir_define(p, x, IR_SET, &i, real(p, 1));
  refused(l, "X is given and has an equation");
}

static void positions_beyond_a_tensor_are_refused(void **state) {
  lab *l = *state;
  ir_program *p = l->p;
  const ir_expr *n = size_of(p, "N"), *i = over(p, "i", n), *one = number(p, 1);
  ir_tensor *x = input(p, "X", 1, &n), *y = derived(p, "Y", 1, &n);
  ir_define(p, y, IR_SET, &i, ir_read(p, x, EXPRS(add(i, one))));
  refused(l, "position 1 of X goes 1 too far: Y[i] = X[i+1]");
  ir_undefine(y);
  ir_define(p, y, IR_SET, &i, ir_read(p, x, EXPRS(sub(i, one))));
  refused(l, "position 1 of X goes down to -1: Y[i] = X[i-1]");
}

static void what_sizes_may_settle_is_required(void **state) {
  lab *l = *state;
  ir_program *p = l->p;
  const ir_expr *n = size_of(p, "N"), *m = size_of(p, "M"), *k = size_of(p, "K");
  const ir_expr *i = over(p, "i", n), *j = over(p, "j", k);
  ir_tensor *x = input(p, "X", 1, &m), *y = derived(p, "Y", 1, &n);
  ir_define(p, y, IR_SUM, &i, ir_read(p, x, EXPRS(sub(add(i, j), number(p, 2)))));
  refused(l, "goes down to -2");
  ir_undefine(y);
  ir_define(p, y, IR_SUM, &i, ir_read(p, x, EXPRS(add(i, j))));
  accepted(l);
  accepted(l);
  assert_int_equal(p->requires.n, 1);   /* the second time adds none */
  assert_true(p->requires.at[0].at_most);
  assert_string_equal(text_of(p->requires.at[0].left), "N + K - 2");
  assert_string_equal(text_of(p->requires.at[0].right), "M - 1");
  assert_string_equal(p->requires.at[0].message, "X is indexed beyond its size at position 1");
}

static void guards_make_reads_safe(void **state) {
  lab *l = *state;
  ir_program *p = l->p;
  const ir_expr *n = size_of(p, "N"), *zero = real(p, 0), *one = number(p, 1);
  ir_tensor *x = input(p, "X", 1, &n), *y = derived(p, "Y", 1, EXPRS(add(n, number(p, 2))));
  const ir_expr *i = over(p, "i", add(n, number(p, 2))), *at = sub(i, one);
  ir_define(p, y, IR_SET, &i, ir_where(p, ir_inside(p, at, n), ir_read(p, x, &at), zero));
  accepted(l);
  ir_undefine(y);   /* the other branch of a guard */
  const ir_expr *outside = ir_binary(p, IR_OR, ir_binary(p, IR_LT, at, number(p, 0)),
                                     ir_binary(p, IR_LE, n, at));
  ir_define(p, y, IR_SET, &i, ir_where(p, outside, zero, ir_read(p, x, &at)));
  accepted(l);
  assert_int_equal(p->requires.n, 0);
  ir_undefine(y);   /* half a guard */
  ir_define(p, y, IR_SET, &i,
            ir_where(p, ir_binary(p, IR_LT, at, n), ir_read(p, x, &at), zero));
  refused(l, "position 1 of X goes down to -1");
}

static void gathers_need_a_guard(void **state) {
  lab *l = *state;
  ir_program *p = l->p;
  const ir_expr *b = size_of(p, "B"), *v = size_of(p, "V"), *d = size_of(p, "D");
  ir_tensor *tok = ir_tensor_new(p, "Tok", IR_I32, 1, &b, IR_INPUT);
  ir_tensor *emb = input(p, "Emb", 2, EXPRS(v, d)), *y = derived(p, "Y", 2, EXPRS(b, d));
  const ir_expr *eb = over(p, "b", b), *ed = over(p, "d", d), *t = ir_read(p, tok, &eb);
  const ir_expr *gather = ir_read(p, emb, EXPRS(t, ed));
  ir_define(p, y, IR_SET, EXPRS(eb, ed), gather);
  refused(l, "position 1 of Emb may be negative: Y[b,d] = Emb[Tok[b],d]");
  ir_undefine(y);
  ir_define(p, y, IR_SET, EXPRS(eb, ed), ir_where(p, ir_inside(p, t, v), gather, real(p, 0)));
  accepted(l);
  assert_int_equal(p->requires.n, 0);
  const ir_expr *capped = ir_binary(p, IR_MINIMUM, t, sub(v, number(p, 1)));
  const ir_expr *clamped = ir_binary(p, IR_MAXIMUM, number(p, 0), capped);
  ir_undefine(y);
  ir_define(p, y, IR_SET, EXPRS(eb, ed), ir_read(p, emb, EXPRS(clamped, ed)));
  accepted(l);
  assert_int_equal(p->requires.n, 1);   /* that V is not 0 */
  ir_tensor *tok64 = ir_tensor_new(p, "Tok", IR_I64, 1, &b, IR_INPUT);
  ir_undefine(y);
  ir_define(p, y, IR_SET, EXPRS(eb, ed), ir_read(p, emb, EXPRS(ir_read(p, tok64, &eb), ed)));
  refused(l, "position 1 of Emb may be negative: Y[b,d] = Emb[Tok'[b],d]");
}

static void windows_and_their_cover(void **state) {
  lab *l = *state;
  ir_program *p = l->p;
  const ir_expr *n = size_of(p, "N"), *m = size_of(p, "M");
  const ir_expr *i = over(p, "i", n), *j = over(p, "j", m);
  ir_tensor *x = input(p, "X", 1, &n), *z = input(p, "Z", 1, &m);
  ir_tensor *y = derived(p, "Y", 1, EXPRS(add(n, m)));
  ir_define(p, y, IR_SET, &i, ir_read(p, x, &i));
  assert_false(ir_covered(p, y));
  ir_define(p, y, IR_SET, EXPRS(add(n, j)), ir_read(p, z, &j));
  assert_true(ir_covered(p, y));
  accepted(l);
  const ir_expr *offset;
  assert_ptr_equal(ir_position_index(y->eqs.at[1]->lhs[0], &offset), j->u.index);
  assert_ptr_equal(offset, n);
  ir_define(p, y, IR_SET, EXPRS(add(n, j)), real(p, 1));
  refused(l, "Y has two equations for the same elements");
  ir_undefine(y);
  ir_tensor *s = ir_tensor_new(p, "S", IR_I64, 1, &n, IR_INPUT);
  ir_define(p, y, IR_SUM, EXPRS(ir_read(p, s, &i)), real(p, 1));
  accepted(l);   /* a scatter leaves out what falls outside */
  assert_false(ir_window(y->eqs.at[0]));
  assert_false(ir_covered(p, y));
  ir_define(p, y, IR_SET, &i, real(p, 1));
  refused(l, "other equations beside a scatter");
}

/* X[0] given, X[t+1] = X[t] + U[t] for t from 0 to N - 1. */
static void the_order_is_checked(void **state) {
  lab *l = *state;
  ir_program *p = l->p;
  const ir_expr *n = size_of(p, "N"), *zero = number(p, 0), *one = number(p, 1);
  ir_symbol *t = ir_symbol_new(p, "t", true, INT64_MIN);
  const ir_expr *et = ir_size(p, t);
  ir_tensor *u = input(p, "U", 1, &n), *x = derived(p, "X", 1, EXPRS(add(n, one)));
  ir_eq *first = ir_define(p, x, IR_SET, &zero, real(p, 1));
  const ir_expr *sum = add(ir_read(p, x, &et), ir_read(p, u, &et));
  ir_eq *next = ir_define(p, x, IR_SET, EXPRS(add(et, one)), sum);
  ir_loop loop = {.counter = t, .from = zero, .to = n};
  ir_step inner = {.eq = next}, start = {.eq = first}, around = {.loop = &loop};
  BASE_PUSH(p->arena, &loop.body.steps, inner);
  BASE_PUSH(p->arena, &p->order.steps, around);
  refused(l, "the order lacks an equation of X");
  BASE_PUSH(p->arena, &p->order.steps, start);
  accepted(l);
  assert_int_equal(p->requires.n, 0);
  loop.to = add(n, one);
  refused(l, "goes 1 too far");
  loop.to = n;
  loop.from = number(p, -1);
  refused(l, "goes down to -1");
}

static void reading_too_early_is_refused(void **state) {
  lab *l = *state;
  ir_program *p = l->p;
  const ir_expr *n = size_of(p, "N"), *i = over(p, "i", n);
  ir_tensor *a = derived(p, "A", 1, &n), *b = derived(p, "B", 1, &n);
  ir_step one = {.eq = ir_define(p, b, IR_SET, &i, ir_read(p, a, &i))};
  ir_step two = {.eq = ir_define(p, a, IR_SET, &i, real(p, 1))};
  BASE_PUSH(p->arena, &p->order.steps, one);
  BASE_PUSH(p->arena, &p->order.steps, two);
  refused(l, "A is read before it is computed: B[i] = A[i]");
}

static void commits_are_checked(void **state) {
  lab *l = *state;
  ir_program *p = l->p;
  const ir_expr *n = size_of(p, "N"), *i = over(p, "i", n);
  ir_tensor *w = ir_tensor_new(p, "W", IR_F16, 1, &n, IR_STATE), *v = derived(p, "V", 1, &n);
  ir_define(p, v, IR_SET, &i, ir_read(p, w, &i));
  ir_commit_to(p, w, v);
  refused(l, "W becomes V, which differs in type or rank");
  p->commits.n = 0;
  ir_commit_to(p, v, v);
  refused(l, "V is committed to and is no state");
}

int main(void) {
  const struct CMUnitTest tests[] = {
    WITH_LAB(a_layer_is_accepted),
    WITH_LAB(planted_shapes_are_refused),
    WITH_LAB(positions_beyond_a_tensor_are_refused),
    WITH_LAB(what_sizes_may_settle_is_required),
    WITH_LAB(guards_make_reads_safe),
    WITH_LAB(gathers_need_a_guard),
    WITH_LAB(windows_and_their_cover),
    WITH_LAB(the_order_is_checked),
    WITH_LAB(reading_too_early_is_refused),
    WITH_LAB(commits_are_checked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
