/* Optimisers over many parameters, and programs at many sizes: what is planned, and how often. */
#include "carry/carry.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- AdamW over 20 parameters ---------------------------------------------------------------- */

enum { PARAMETERS = 20 };

static int size_of(int i) { return 2 + i % 5; }

/* Loss = sum of products with given numbers, which are then the gradients. */
static const char *twenty(carry *c) {
  base_text t = base_text_open(c->arena);
  for (int i = 0; i < PARAMETERS; i++) {
    const char *matrix = i % 2 ? "3, " : "";
    base_putf(&t, "W%d : f64[%s%d] ~ normal(0.02)\nA%d : f64[%s%d]\n", i, matrix, size_of(i), i,
              matrix, size_of(i));
  }
  base_put(&t, "Loss = ");
  for (int i = 0; i < PARAMETERS; i++) {
    const char *at = i % 2 ? "i,j" : "j";
    base_putf(&t, "%sW%d[%s] A%d[%s]", i ? " + " : "", i, at, i, at);
  }
  base_put(&t, "\n");
  return t.at;
}

static ir_tensor *tensor_named(ir_program *p, const char *name) {
  for (int i = 0; i < p->tensors.n; i++)
    if (strcmp(p->tensors.at[i]->name, name) == 0) return p->tensors.at[i];
  fail_msg("there is no %s", name);
  return NULL;
}

static void make_step(carry *c, const train_optimizer *o) {
  ir_tensor *loss = lang_find(c->source, "Loss")->ir, *parameter[PARAMETERS];
  ir_program *p = ir_extract(c->arena, c->source->ir, 1, &loss, false, 0, NULL, NULL);
  for (int i = 0; i < PARAMETERS; i++)
    parameter[i] = tensor_named(p, base_format(c->arena, "W%d", i));
  train_step step;
  train_step_make(&step, p, p->outputs.at[0], false, PARAMETERS, parameter, o);
  load_ir(c, p);
}

/* Kernels that write what is committed. */
static int committing(const carry *c) {
  const sched_plan *plan = run_plan_schedule(c->plan);
  int n = 0;
  for (int k = 0; k < plan->nkernel; k++) {
    bool writes = false;
    for (int w = 0; w < plan->kernel[k]->nwrite; w++)
      for (int i = 0; i < plan->program->commits.n; i++)
        writes = writes || plan->kernel[k]->write[w] == plan->program->commits.at[i].value;
    n += writes;
  }
  return n;
}

static void adamw_over_twenty_parameters(void **state) {
  carry *c = *state;
  load(c, twenty(c));
  train_optimizer o = train_optimizer_default(TRAIN_ADAMW);
  make_step(c, &o);
  const double rate = 0.01;
  double w[3 * 8], m[3 * 8] = {0}, v[3 * 8] = {0};
  set(c, "Rate", 1, &rate);
  for (int i = 0; i < PARAMETERS; i++) {
    const int n = size_of(i) * (i % 2 ? 3 : 1);
    set(c, base_format(c->arena, "MeanW%d", i), n, m);
    set(c, base_format(c->arena, "SquareW%d", i), n, v);
  }
  for (int t = 1; t <= 3; t++) {
    double scale1 = (float)(1 / (1 - pow(o.b1, t))), scale2 = (float)(1 / sqrt(1 - pow(o.b2, t)));
    set(c, "Scale1", 1, &scale1);
    set(c, "Scale2", 1, &scale2);
    run(c, NULL);
  }
  assert_int_equal(committing(c), 1);
  assert_true(kernels(c) <= PARAMETERS + 1); /* the loss sums over twenty ranges */
  assert_true(peak(c) <= PARAMETERS * 64);   /* parameters and moments in place */
  assert_int_equal(run_statistics(c->session).plans_made, 1);
  assert_int_equal(run_statistics(c->session).bindings_made, 1);
  const double *got = values(c, "W7"), *g = values(c, "A7");
  const int n = size_of(7) * 3;
  forget(c);
  set(c, "Rate", 1, (double[]){0}); /* the step changes nothing: the start is seen */
  run(c, NULL);
  memcpy(w, values(c, "W7"), sizeof *w * (size_t)n);
  for (int t = 1; t <= 3; t++)
    for (int k = 0; k < n; k++) {
      double scale1 = 1 / (1 - pow(o.b1, t)), scale2 = 1 / sqrt(1 - pow(o.b2, t)), lr = (float)rate;
      m[k] = o.b1 * m[k] + (1 - o.b1) * g[k];
      v[k] = o.b2 * v[k] + (1 - o.b2) * g[k] * g[k];
      w[k] -= lr * o.decay * w[k];
      w[k] -= lr * m[k] * scale1 / (sqrt(v[k]) * scale2 + o.eps);
    }
  close_to("W7", n, got, w, 1e-7); /* rate and scales are f32 */
}

/* ---- five batch sizes ------------------------------------------------------------------------ */

enum { IN = 5, HIDDEN = 4 };

static double loss_of(carry *c, int batch) {
  const double *x = values(c, "X"), *w = values(c, "W"), *b = values(c, "B"), *t = values(c, "T");
  double loss = 0;
  for (int r = 0; r < batch; r++)
    for (int h = 0; h < HIDDEN; h++) {
      double sum = b[h];
      for (int i = 0; i < IN; i++) sum += x[r * IN + i] * w[i * HIDDEN + h];
      loss += pow(tanh(sum) - t[r * HIDDEN + h], 2) / batch / HIDDEN;
    }
  return loss;
}

static void five_batch_sizes(void **state) {
  static const int batch[] = {1, 2, 7, 64, 100};
  carry *c = *state;
  load_sized(c, "X f64 N 5, W f64 5 4, B f64 4, T f64 N 4",
             "Y[r,h] = tanh(X[r,i] W[i,h] + B[h])\nLoss avg= (Y[r,h] - T[r,h])^2\n"
             "GW[i,h] = grad(Loss, W[i,h])\nGX[r,i] = grad(Loss, X[r,i])",
             "Loss GW GX");
  for (int round = 0; round < 3; round++)
    for (int k = 0; k < 5; k++) {
      sized(c, "N", batch[k]);
      run(c, NULL);
      SHAPE(c, "GX", batch[k], IN);
      double want = loss_of(c, batch[k]);
      close_to("Loss", 1, values(c, "Loss"), &want, 1e-13);
      if (round == 2) is_derivative(c, "Loss", "W", "GW");
      if (round == 2) is_derivative(c, "Loss", "X", "GX");
    }
  run_stats stats = run_statistics(c->session);
  assert_int_equal(stats.plans_made, 1);
  assert_int_equal(stats.bindings_made, 5);
  assert_true(kernels(c) <= 4);
}

/* Normalisation and attention have facts that depend on sizes: none may show. */
static void a_block_at_many_lengths(void **state) {
  carry *c = *state;
  load_sized(
      c, "X f64 P 4, V f64 4 4",
      "N[p,d.] = lnorm(X[p,d])\nS[p,q.] = softmax(where(q <= p, N[p,d] N[q,d], -inf))\n"
      "Y[p,e] = X[p,e] + V[d,e] (S[p,q] N[q,d])\nLoss = Y[p,e]^2\nGV[d,e] = grad(Loss, V[d,e])\n"
      "GX[p,d] = grad(Loss, X[p,d])",
      "Loss GV GX");
  for (int length = 1; length <= 12; length++) {
    sized(c, "P", length);
    run(c, NULL);
    is_derivative(c, "Loss", "V", "GV");
    if (length % 4 == 0) is_derivative(c, "Loss", "X", "GX");
  }
  assert_int_equal(run_statistics(c->session).plans_made, 1);
}

/* What does not fit is refused before anything runs. */
static void a_size_that_disagrees(void **state) {
  carry *c = *state;
  load_sized(c, "X f64 N, Z f64 M", "Y[i] = X[i] + Z[i]", "Y");
  sized(c, "N", 3);
  sized(c, "M", 3);
  run(c, NULL);
  sized(c, "M", 4);
  assert_string_not_equal(refusal(c, NULL), "");
  sized(c, "N", 4);
  run(c, NULL);
  SHAPE(c, "Y", 4);
  assert_int_equal(run_statistics(c->session).plans_made, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      ON_BOTH(adamw_over_twenty_parameters),
      ON_BOTH(five_batch_sizes),
      ON_BOTH(a_block_at_many_lengths),
      ON_BOTH(a_size_that_disagrees),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
