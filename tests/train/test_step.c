/* Each optimiser against its formula in C, as PyTorch has it, over some steps of a small problem:
 * Loss = sum_i (W[i] - T[i])^2 C[i]. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "train/train.h"

enum { N = 5, STEPS = 6, LEAVES = 16 };
static const float target[N] = {1, -2, 0.5f, 3, 0}, weight[N] = {1, 0.1f, 2, 0.01f, 0};
static const float begin[N] = {0.3f, -0.1f, 0.7f, 1, -1};

typedef struct lab {
  base_ctx *ctx;
  base_arena *arena;
  run_session *session;
  ir_program *p;
  ir_tensor *w, *t, *c, *loss;
  train_step step;
  run_plan *plan;
  run_value *leaf[LEAVES];
} lab;

static lab lab_open(ir_type type) {
  lab l = {.ctx = base_open(NULL)};
  l.arena = base_arena_open(l.ctx);
  l.session = run_open(l.ctx, &(run_config){.device = "ref", .verify = true});
  ir_program *p = l.p = ir_program_open(l.arena);
  const ir_expr *n = ir_int(p, N), *i[1];
  l.w = ir_tensor_new(p, "W", type, 1, &n, IR_STATE);
  l.t = ir_tensor_new(p, "T", IR_F32, 1, &n, IR_INPUT);
  l.c = ir_tensor_new(p, "C", IR_F32, 1, &n, IR_INPUT);
  l.loss = ir_tensor_new(p, "Loss", IR_F32, 0, NULL, IR_DERIVED);
  ir_positions(p, l.w, i);
  const ir_expr *d = ir_binary(p, IR_SUB, ir_read(p, l.w, i), ir_read(p, l.t, i));
  ir_define(p, l.loss, IR_SUM, NULL,
            ir_binary(p, IR_MUL, ir_binary(p, IR_MUL, d, d), ir_read(p, l.c, i)));
  return l;
}

static void lab_close(lab *l) {
  for (int i = 0; i < LEAVES; i++) run_release(l->leaf[i]);
  run_plan_release(l->plan);
  run_close(l->session);
  base_arena_close(l->arena);
  assert_int_equal(base_heap_count(l->ctx), 0);
  base_close(l->ctx);
}

static int leaf_number(const lab *l, const ir_tensor *t) {
  int n = 0;
  for (int i = 0; l->p->tensors.at[i] != t; i++) n += l->p->tensors.at[i]->role != IR_DERIVED;
  return n;
}

static run_value *leaf_of(lab *l, const ir_tensor *t) { return l->leaf[leaf_number(l, t)]; }

static void set(lab *l, const ir_tensor *t, const float *x) {
  run_value *v = leaf_of(l, t);
  if (v->type == IR_F32) {
    run_value_write(v, x);
    return;
  }
  char stored[8 * N];
  for (int i = 0; i < N; i++)
    device_store_value(v->type, stored, i, (ir_value){IR_F32, {.f = x[i]}});
  run_value_write(v, stored);
}

static void make(lab *l, const train_optimizer *o, bool maximize) {
  train_step_make(&l->step, l->p, l->loss, maximize, 1, &l->w, o);
  l->plan = run_plan_of(l->session, l->p);
  for (int i = 0; i < l->p->tensors.n; i++) {
    const ir_tensor *t = l->p->tensors.at[i];
    int64_t size[] = {N};
    if (t->role != IR_DERIVED)
      l->leaf[leaf_number(l, t)] = run_value_new(l->session, t->type, t->rank, size, NULL);
  }
  set(l, l->w, begin);
  set(l, l->t, target);
  set(l, l->c, weight);
  for (int i = 0; i < l->step.masters.n; i++) set(l, l->step.masters.at[i], begin);
}

static double run(lab *l, const train_optimizer *o, int step) {
  train_schedule s = train_schedule_default(TRAIN_CONSTANT);
  train_numbers n = train_numbers_at(o, &s, step, STEPS);
  float rate = (float)n.rate, scale1 = (float)n.scale1, scale2 = (float)n.scale2;
  run_value_write(leaf_of(l, l->step.rate), &rate);
  if (l->step.scale1) run_value_write(leaf_of(l, l->step.scale1), &scale1);
  if (l->step.scale2) run_value_write(leaf_of(l, l->step.scale2), &scale2);
  run_value *out;
  run_plan_execute(l->plan, l->leaf, &out);
  double loss = run_value_at(out, 0);
  run_release(out);
  return loss;
}

/* ---- what is to come out --------------------------------------------------------------------- */

typedef struct expected {
  double w[N], m[N], v[N], most[N];
} expected;

static void update(expected *e, const train_optimizer *o, int step, double sign) {
  double t = step + 1;
  for (int i = 0; i < N; i++) {
    double g = sign * 2 * ((double)(float)e->w[i] - target[i]) * weight[i], *w = &e->w[i];
    if (o->method == TRAIN_SGD) {
      e->m[i] = o->momentum * e->m[i] + g;
      *w -= o->lr * (o->momentum == 0 ? g : o->nesterov ? g + o->momentum * e->m[i] : e->m[i]);
      continue;
    }
    if (o->method == TRAIN_ADAMW) *w *= 1 - o->lr * o->decay;
    e->m[i] = o->b1 * e->m[i] + (1 - o->b1) * g;
    e->v[i] = o->b2 * e->v[i] + (1 - o->b2) * g * g;
    e->most[i] = fmax(e->most[i], e->v[i]);
    double second = o->amsgrad ? e->most[i] : e->v[i];
    double root = sqrt(second) / sqrt(1 - pow(o->b2, t)) + o->eps;
    *w -= o->lr / (1 - pow(o->b1, t)) * e->m[i] / root;
  }
}

static void compare(const train_optimizer *o, bool maximize) {
  lab l = lab_open(IR_F32);
  make(&l, o, maximize);
  expected e = {.w = {0}};
  for (int i = 0; i < N; i++) e.w[i] = begin[i];
  for (int s = 0; s < STEPS; s++) {
    double loss = 0;
    for (int i = 0; i < N; i++) loss += (e.w[i] - target[i]) * (e.w[i] - target[i]) * weight[i];
    assert_true(fabs(run(&l, o, s) - loss) < 1e-5 * fabs(loss));
    update(&e, o, s, maximize ? -1 : 1);
    for (int i = 0; i < N; i++) {
      double got = run_value_at(leaf_of(&l, l.w), i);
      if (fabs(got - e.w[i]) > 2e-6 * (1 + fabs(e.w[i])))
        fail_msg("step %d, element %d: %.9g is not %.9g", s, i, got, e.w[i]);
    }
  }
  lab_close(&l);
}

static train_optimizer of(train_method method) {
  train_optimizer o = train_optimizer_default(method);
  o.lr = 0.05;
  return o;
}

static void test_sgd(void **state) {
  (void)state;
  train_optimizer o = of(TRAIN_SGD);
  compare(&o, false);
  compare(&o, true);
  o.momentum = 0.9;
  compare(&o, false);
  o.nesterov = true;
  compare(&o, false);
}

static void test_adam(void **state) {
  (void)state;
  train_optimizer o = of(TRAIN_ADAM);
  compare(&o, false);
  o.amsgrad = true;
  o.b2 = 0.5;
  compare(&o, false);
}

static void test_adamw(void **state) {
  (void)state;
  train_optimizer o = of(TRAIN_ADAMW);
  o.decay = 0.1;
  compare(&o, false);
  compare(&o, true);
}

/* Steps too small for f16 add up all the same. */
static void test_half_precision(void **state) {
  (void)state;
  lab l = lab_open(IR_F16);
  train_optimizer o = of(TRAIN_SGD);
  o.lr = 1e-5;
  make(&l, &o, false);
  assert_int_equal(l.step.masters.n, 1);
  assert_ptr_equal(l.step.mastered.at[0], l.w);
  double exact = (double)begin[0];
  for (int s = 0; s < 100; s++) {
    double stored = run_value_at(leaf_of(&l, l.w), 0);
    exact -= o.lr * 2 * (stored - target[0]) * weight[0];
    run(&l, &o, s);
  }
  assert_true(fabs(run_value_at(leaf_of(&l, l.step.masters.at[0]), 0) - exact) < 1e-6);
  assert_true(run_value_at(leaf_of(&l, l.w), 0) > 0.3005);
  lab_close(&l);
}

static void test_counter(void **state) {
  (void)state;
  lab l = lab_open(IR_F32);
  ir_tensor *key = ir_tensor_new(l.p, "draw", IR_I64, 0, NULL, IR_STATE);
  train_count(l.p, key);
  train_optimizer o = of(TRAIN_SGD);
  make(&l, &o, false);
  run(&l, &o, 0);
  run(&l, &o, 1);
  assert_true(run_value_at(leaf_of(&l, key), 0) == 2);
  lab_close(&l);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sgd), cmocka_unit_test(test_adam), cmocka_unit_test(test_adamw),
      cmocka_unit_test(test_half_precision), cmocka_unit_test(test_counter)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
