#include <string.h>

#include "fixture.h"

static const char *key_of(const ir_program *p) {
  base_text text = base_text_open(p->arena);
  ir_key(p, &text);
  return text.at;
}

typedef struct layer { ir_tensor *x, *w, *c, *y; } layer;

/* Y[b,h] = relu(sum[i] X[b,i] W[i,h] + C[h]), beside tensors that have no part in it. */
static layer add_layer(ir_program *p, const char *suffix, const ir_expr *b, const ir_expr *n,
                       const ir_expr *h) {
  base_arena *a = p->arena;
  layer l;
  input(p, "Unused", 1, &b);
  l.x = input(p, base_format(a, "X%s", suffix), 2, EXPRS(b, n));
  l.w = input(p, base_format(a, "W%s", suffix), 2, EXPRS(n, h));
  l.c = input(p, base_format(a, "C%s", suffix), 1, &h);
  ir_tensor *t = derived(p, "T", 2, EXPRS(b, h));
  l.y = derived(p, base_format(a, "Y%s", suffix), 2, EXPRS(b, h));
  const ir_expr *eb = over(p, "b", b), *ei = over(p, "i", n), *eh = over(p, "h", h);
  const ir_expr *x = ir_read(p, l.x, EXPRS(eb, ei)), *w = ir_read(p, l.w, EXPRS(ei, eh));
  ir_define(p, t, IR_SUM, EXPRS(eb, eh), mul(x, w));
  const ir_expr *read = ir_read(p, t, EXPRS(eb, eh)), *bias = ir_read(p, l.c, &eh);
  ir_define(p, l.y, IR_SET, EXPRS(eb, eh), ir_binary(p, IR_MAXIMUM, add(read, bias), real(p, 0)));
  return l;
}

static void only_what_is_needed_is_copied(void **state) {
  lab *l = *state;
  ir_program *p = l->p;
  layer one = add_layer(p, "", size_of(p, "B"), size_of(p, "N"), size_of(p, "H"));
  ir_tensor **map = BASE_NEWS(l->arena, ir_tensor *, p->tensors.n);
  ir_program *q = ir_extract(l->arena, p, 1, &one.y, false, 0, NULL, map);
  ir_verify(q, "extract");
  assert_int_equal(q->tensors.n, 5);
  assert_int_equal(q->symbols.n, 3);
  assert_null(map[0]);
  assert_ptr_equal(q->outputs.at[0], map[one.y->id]);
  assert_string_equal(map[one.x->id]->name, "X");
  for (int i = 0; i < 3; i++)
    assert_string_equal(q->symbols.at[i]->name, q->symbols.at[i]->origin->name);
  assert_string_equal(text_of_eq(map[one.y->id]->eqs.at[0]), text_of_eq(one.y->eqs.at[0]));
}

static void keys_forget_names_alone(void **state) {
  lab *l = *state;
  ir_program *p = l->p;
  const ir_expr *b = size_of(p, "B"), *n = size_of(p, "N"), *h = size_of(p, "H");
  layer one = add_layer(p, "", b, n, h);
  layer two = add_layer(p, "Other", size_of(p, "U"), size_of(p, "V"), size_of(p, "W"));
  layer square = add_layer(p, "Square", b, n, n), fixed = add_layer(p, "Fixed", b, n, number(p, 8));
  const char *key[4];
  ir_tensor *y[4] = {one.y, two.y, square.y, fixed.y};
  for (int i = 0; i < 4; i++)
    key[i] = key_of(ir_extract(l->arena, p, 1, &y[i], false, 0, NULL, NULL));
  assert_string_equal(key[0], key[1]);
  assert_string_not_equal(key[0], key[2]);
  assert_string_not_equal(key[0], key[3]);
  assert_string_not_equal(key[2], key[3]);
  ir_tensor *both[2] = {one.y, one.x};
  assert_string_not_equal(key[0], key_of(ir_extract(l->arena, p, 2, both, false, 0, NULL, NULL)));
}

static void what_is_replaced_becomes_an_input(void **state) {
  lab *l = *state;
  ir_program *p = l->p;
  const ir_expr *b = size_of(p, "B"), *n = size_of(p, "N");
  layer one = add_layer(p, "", b, n, n);
  ir_tensor *z = derived(p, "Z", 0, NULL);
  const ir_expr *i = over(p, "i", b), *j = over(p, "j", n);
  ir_define(p, z, IR_SUM, NULL, ir_read(p, one.y, EXPRS(i, j)));
  ir_program *q = ir_extract(l->arena, p, 1, &z, false, 1, &one.y, NULL);
  assert_int_equal(q->tensors.n, 2);
  assert_int_equal(q->tensors.at[0]->role, IR_INPUT);
  assert_int_equal(q->tensors.at[0]->eqs.n, 0);
  assert_string_equal(text_of_program(q), "Y : f32[B, N]\nZ = Y[i,j]\n");
}

static void commits_come_when_asked(void **state) {
  lab *l = *state;
  ir_program *p = l->p;
  ir_tensor *w = ir_tensor_new(p, "W", IR_F32, 0, NULL, IR_STATE), *v = derived(p, "V", 0, NULL);
  ir_tensor *y = derived(p, "Y", 0, NULL);
  ir_define(p, v, IR_SET, NULL, mul(ir_read(p, w, NULL), real(p, 0.9)));
  ir_define(p, y, IR_SET, NULL, real(p, 1));
  ir_commit_to(p, w, v);
  ir_program *without = ir_extract(l->arena, p, 1, &y, false, 0, NULL, NULL);
  ir_program *with = ir_extract(l->arena, p, 1, &y, true, 0, NULL, NULL);
  assert_int_equal(without->tensors.n, 1);
  assert_int_equal(with->tensors.n, 3);
  assert_int_equal(with->commits.n, 1);
  assert_string_equal(with->commits.at[0].state->name, "W");
}

/* A recurrence with its loop: the copy has the same order, over its own equations. */
static void a_copy_is_the_same_program(void **state) {
  lab *l = *state;
  ir_program *p = l->p;
  const ir_expr *n = size_of(p, "N"), *zero = number(p, 0), *one = number(p, 1);
  ir_symbol *t = ir_symbol_new(p, "t", true, 0);
  const ir_expr *et = ir_size(p, t);
  ir_tensor *x = derived(p, "X", 1, EXPRS(add(n, one)));
  ir_loop loop = {.counter = t, .from = zero, .to = n};
  ir_step start = {.eq = ir_define(p, x, IR_SET, &zero, real(p, 1))}, around = {.loop = &loop};
  ir_step step = {.eq = ir_define(p, x, IR_SET, EXPRS(add(et, one)),
                                  mul(ir_read(p, x, &et), real(p, 2)))};
  BASE_PUSH(p->arena, &loop.body.steps, step);
  BASE_PUSH(p->arena, &p->order.steps, start);
  BASE_PUSH(p->arena, &p->order.steps, around);
  ir_output(p, x);
  ir_require_equal(p, n, mul(number(p, 2), size_of(p, "M")), "N is twice M", base_nowhere);
  ir_program *copies[2] = {ir_copy(l->arena, p),
                           ir_extract(l->arena, p, 1, &x, true, 0, NULL, NULL)};
  ir_verify(copies[0], "copy");
  ir_verify(copies[1], "extract");
  assert_string_equal(text_of_program(copies[0]), text_of_program(p));
  assert_string_equal(text_of_program(copies[1]), text_of_program(p));
  assert_string_equal(key_of(copies[0]), key_of(p));
  assert_int_equal(copies[0]->symbols.n, 3);
  assert_int_equal(copies[0]->requires.n, 1);
  assert_int_equal(copies[1]->symbols.n, 2);   /* M has no part in X */
  assert_int_equal(copies[1]->requires.n, 0);
  assert_ptr_equal(copies[0]->order.steps.at[1].loop->counter, copies[0]->symbols.at[1]);
}

static void long_chains_of_tensors(void **state) {
  lab *l = *state;
  ir_program *p = l->p;
  ir_tensor *x = input(p, "X", 0, NULL);
  for (int i = 0; i < 20000; i++) {
    ir_tensor *next = derived(p, base_format(p->arena, "Y%d", i), 0, NULL);
    ir_define(p, next, IR_SET, NULL, ir_unary(p, IR_SIN, ir_read(p, x, NULL)));
    x = next;
  }
  ir_program *q = ir_extract(l->arena, p, 1, &x, false, 0, NULL, NULL);
  assert_int_equal(q->tensors.n, 20001);
  assert_string_equal(q->tensors.at[0]->name, "X");
  ir_verify(q, "extract");
  assert_true(strlen(key_of(q)) > 20001);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    WITH_LAB(only_what_is_needed_is_copied),
    WITH_LAB(keys_forget_names_alone),
    WITH_LAB(what_is_replaced_becomes_an_input),
    WITH_LAB(commits_come_when_asked),
    WITH_LAB(a_copy_is_the_same_program),
    WITH_LAB(long_chains_of_tensors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
