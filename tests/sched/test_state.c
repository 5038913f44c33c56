/* State: optimisers in one launch, in place; caches; memory that is used again. */
#include "sched/fixture.h"

static const ir_expr *one(ir_program *p) { return ir_real(p, IR_F32, 1); }
static const ir_expr *number(ir_program *p, double x) { return ir_real(p, IR_F32, x); }
static const ir_expr *mul(ir_program *p, const ir_expr *a, const ir_expr *b) {
  return ir_binary(p, IR_MUL, a, b);
}
static const ir_expr *add(ir_program *p, const ir_expr *a, const ir_expr *b) {
  return ir_binary(p, IR_ADD, a, b);
}

static ir_tensor *leaf(ir_program *p, const char *name, ir_role role, int rank,
                       const int64_t *size) {
  const ir_expr *s[4];
  for (int k = 0; k < rank; k++) s[k] = ir_int(p, size[k]);
  return ir_tensor_new(p, name, IR_F32, rank, s, role);
}

/* m' = 0.9 m + 0.1 g;  v' = 0.99 v + 0.01 g g;  w' = w - rate (m' / c1 / (sqrt(v' / c2) + eps) +
 * 0.01 w) */
static void adamw(ir_program *p, int i, ir_tensor *step, ir_tensor *rate) {
  int64_t size[2] = {3 + i % 4, 2 + i / 4};
  int rank = 1 + i % 2;
  ir_tensor *w = leaf(p, "W", IR_STATE, rank, size), *m = leaf(p, "M", IR_STATE, rank, size);
  ir_tensor *v = leaf(p, "V", IR_STATE, rank, size), *g = leaf(p, "G", IR_INPUT, rank, size);
  ir_tensor *w1 = ir_tensor_like(p, "W1", w, IR_F32), *m1 = ir_tensor_like(p, "M1", w, IR_F32),
            *v1 = ir_tensor_like(p, "V1", w, IR_F32);
  const ir_expr *at[2], *t = ir_cast(p, ir_read(p, step, NULL), IR_F32);
  ir_positions(p, w, at);
  const ir_expr *gr = ir_read(p, g, at);
  ir_define(p, m1, IR_SET, at,
            add(p, mul(p, number(p, 0.9), ir_read(p, m, at)), mul(p, number(p, 0.1), gr)));
  ir_define(
      p, v1, IR_SET, at,
      add(p, mul(p, number(p, 0.99), ir_read(p, v, at)), mul(p, number(p, 0.01), mul(p, gr, gr))));
  const ir_expr *c1 = ir_binary(p, IR_SUB, one(p), ir_binary(p, IR_POW, number(p, 0.9), t));
  const ir_expr *c2 = ir_binary(p, IR_SUB, one(p), ir_binary(p, IR_POW, number(p, 0.99), t));
  const ir_expr *root =
      ir_unary(p, IR_SQRT, ir_unary(p, IR_ABS, ir_binary(p, IR_DIV, ir_read(p, v1, at), c2)));
  const ir_expr *move = ir_binary(p, IR_DIV, ir_binary(p, IR_DIV, ir_read(p, m1, at), c1),
                                  add(p, root, number(p, 1e-3)));
  move = add(p, move, mul(p, number(p, 0.01), ir_read(p, w, at)));
  ir_define(p, w1, IR_SET, at,
            ir_binary(p, IR_SUB, ir_read(p, w, at), mul(p, ir_read(p, rate, NULL), move)));
  ir_commit_to(p, w, w1);
  ir_commit_to(p, m, m1);
  ir_commit_to(p, v, v1);
}

static void twenty_tensors(void **state) {
  fixture *f = *state;
  ir_program *p = ir_program_open(f->arena);
  ir_tensor *count = ir_tensor_new(p, "count", IR_I64, 0, NULL, IR_STATE);
  ir_tensor *step = ir_tensor_new(p, "step", IR_I64, 0, NULL, IR_DERIVED);
  ir_tensor *rate = ir_tensor_new(p, "rate", IR_F32, 0, NULL, IR_INPUT);
  ir_define(p, step, IR_SET, NULL, add(p, ir_read(p, count, NULL), ir_int(p, 1)));
  ir_commit_to(p, count, step);
  for (int i = 0; i < 20; i++) adamw(p, i, step, rate);
  plan_program(f, p);
  assert_int_equal(kernels(f), 1);
  assert_int_equal(f->plan->kernel[0]->nsegment, 21);
  int over = 0;
  for (int i = 0; i < f->passed->commits.n; i++)
    over += f->plan->memory[f->passed->commits.at[i].value->id].place == SCHED_OVER;
  assert_int_equal(over, 60);
}

/* The cache with X in row n. */
static ir_tensor *append(ir_program *p, const char *name, const ir_expr *s, ir_tensor *n,
                         ir_tensor *x) {
  ir_tensor *cache =
      ir_tensor_new(p, name, IR_F32, 2, (const ir_expr *[]){s, ir_int(p, 4)}, IR_STATE);
  ir_tensor *next = ir_tensor_like(p, name, cache, IR_F32);
  const ir_expr *i[2];
  ir_positions(p, next, i);
  const ir_expr *here = ir_binary(p, IR_EQ, i[0], ir_read(p, n, NULL));
  ir_define(p, next, IR_SET, i, ir_where(p, here, ir_read(p, x, &i[1]), ir_read(p, cache, i)));
  ir_commit_to(p, cache, next);
  return next;
}

static const ir_expr *masked(ir_program *p, ir_tensor *score, ir_tensor *n,
                             const ir_expr *const *i) {
  const ir_expr *seen = ir_binary(p, IR_LE, i[0], ir_read(p, n, NULL));
  return ir_where(p, seen, ir_read(p, score, i), number(p, -__builtin_inf()));
}

/* Decoding: the caches' length S is a symbol, the position n data. */
static void growing_cache(void **state) {
  fixture *f = *state;
  ir_program *p = ir_program_open(f->arena);
  const ir_expr *s = ir_size(p, ir_symbol_new(p, "S", false, 1)), *d = ir_int(p, 4), *i[2];
  ir_tensor *n = ir_tensor_new(p, "n", IR_I64, 0, NULL, IR_STATE),
            *n1 = ir_tensor_new(p, "n1", IR_I64, 0, NULL, IR_DERIVED);
  ir_tensor *q = leaf(p, "Q", IR_INPUT, 1, (int64_t[]){4}),
            *x = leaf(p, "X", IR_INPUT, 1, (int64_t[]){4});
  ir_tensor *keys = append(p, "K", s, n, x), *values = append(p, "V", s, n, q);
  ir_tensor *score = ir_tensor_new(p, "S", IR_F32, 1, &s, IR_DERIVED),
            *soft = ir_tensor_new(p, "P", IR_F32, 1, &s, IR_DERIVED);
  ir_tensor *top = ir_tensor_new(p, "T", IR_F32, 0, NULL, IR_DERIVED),
            *sum = ir_tensor_new(p, "L", IR_F32, 0, NULL, IR_DERIVED);
  ir_tensor *out = ir_tensor_new(p, "H", IR_F32, 1, &d, IR_DERIVED);
  ir_define(p, n1, IR_SET, NULL, add(p, ir_read(p, n, NULL), ir_int(p, 1)));
  ir_positions(p, keys, i);
  ir_define(p, score, IR_SUM, i, mul(p, ir_read(p, q, &i[1]), ir_read(p, keys, i)));
  ir_positions(p, score, i);
  ir_define(p, top, IR_MAX, NULL, masked(p, score, n, i));
  ir_positions(p, score, i);
  ir_define(
      p, soft, IR_SET, i,
      ir_unary(p, IR_EXP, ir_binary(p, IR_SUB, masked(p, score, n, i), ir_read(p, top, NULL))));
  ir_positions(p, score, i);
  ir_define(p, sum, IR_SUM, NULL, ir_read(p, soft, i));
  ir_positions(p, values, i);
  const ir_expr *weighted = mul(p, ir_read(p, soft, i), ir_read(p, values, i));
  ir_define(p, out, IR_SUM, &i[1], ir_binary(p, IR_DIV, weighted, ir_read(p, sum, NULL)));
  ir_output(p, out);
  ir_commit_to(p, n, n1);
  plan_program(f, p);
  assert_true(kernels(f) <= 3);
  assert_int_equal(kernels_of(f, KERNEL_ATTEND), 1);
  assert_int_equal(f->plan->memory[f->passed->commits.at[0].value->id].place, SCHED_OVER);
  assert_int_equal(f->plan->memory[f->passed->commits.at[1].value->id].place, SCHED_OVER);
  check_values(f, 1e-5);
}

/* A chain of maps that cannot join, each behind a transposition: two buffers do for all. */
static void dying_operands(void **state) {
  fixture *f = *state;
  plan_text(f,
            "X : f32[32, 32]\nA[i,j] = exp(X[j,i]) + exp(X[i,j])\nB[i,j] = exp(A[j,i]) + "
            "sin(A[i,j])\nC[i,j] = exp(B[j,i]) + sin(B[i,j])\n"
            "D[i,j] = exp(C[j,i]) + sin(C[i,j])\nY[i,j] = exp(D[j,i]) + sin(D[i,j])\n",
            "Y");
  assert_int_equal(kernels(f), 5);
  int64_t offset[64] = {0}, symbols[8] = {0};
  assert_true(sched_layout(f->plan, symbols, offset) <= 2 * 32 * 32 * 4);
  check_values(f, 1e-5);
}

int main(void) {
  const struct CMUnitTest tests[] = {WITH_FIXTURE(twenty_tensors), WITH_FIXTURE(growing_cache),
                                     WITH_FIXTURE(dying_operands)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
