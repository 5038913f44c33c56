/* Recurrence in time, graphs, embeddings, decoding: with their backward. */
#include "carry/carry.h"

#include <math.h>
#include <string.h>

static void replanned_never(carry *c) {
  run_stats before = run_statistics(c->session);
  again(c);
  run_stats after = run_statistics(c->session);
  assert_int_equal(after.plans_made, before.plans_made);
  assert_int_equal(after.bindings_made, before.bindings_made);
}

/* ---- LSTM ------------------------------------------------------------------------------------ */

enum { B = 2, T = 4, D = 3, J = 2 };

#define GATE(name, f) \
  name "[b,i,t] = " f "(W" name "[i,j] X[b,t,j] + V" name "[i,k] S[b,k,t] + C" name "[i])\n"
#define LSTM \
  "X : f64[2, 4, 2]\nS0 : f64[2, 3]\nU : f64[2, 3]\n" \
  "WI : f64[3, 2]\nWF : f64[3, 2]\nWO : f64[3, 2]\nWZ : f64[3, 2]\nVI : f64[3, 3]\n" \
  "VF : f64[3, 3]\n" \
  "VO : f64[3, 3]\nVZ : f64[3, 3]\nCI : f64[3]\nCF : f64[3]\nCO : f64[3]\nCZ : f64[3]\n" \
  GATE("I", "sig") GATE("F", "sig") GATE("O", "sig") GATE("Z", "tanh") \
  "S[b,i,0] = S0[b,i]\nM[b,i,t+1] = F[b,i,t] M[b,i,t] + I[b,i,t] Z[b,i,t]\n" \
  "S[b,i,t+1] = O[b,i,t] tanh(M[b,i,t+1])\nLoss = U[b,i] S[b,i,4] + S[b,i,2]^2\n" \
  "GX[b,t,j] = grad(Loss, X[b,t,j])\nGV[i,k] = grad(Loss, VF[i,k])\n" \
  "GS[b,i] = grad(Loss, S0[b,i])\n" \
  "GC[i] = grad(Loss, CZ[i])\n"

static double gate(carry *c, const char *name, int b, int i, int t, const double *s) {
  const char *part[] = {"W", "V", "C"};
  const double *of[3], *x = values(c, "X");
  for (int k = 0; k < 3; k++) of[k] = values(c, base_format(c->arena, "%s%s", part[k], name));
  double sum = of[2][i];
  for (int j = 0; j < J; j++) sum += of[0][i * J + j] * x[(b * T + t) * J + j];
  for (int k = 0; k < D; k++) sum += of[1][i * D + k] * s[k];
  return strcmp(name, "Z") == 0 ? tanh(sum) : 1 / (1 + exp(-sum));
}

static void lstm_plainly(carry *c, double *out) {
  const double *s0 = values(c, "S0");
  for (int b = 0; b < B; b++) {
    double s[D], m[D] = {0};
    memcpy(s, s0 + b * D, sizeof s);
    for (int t = 0; t <= T; t++) {
      for (int i = 0; i < D; i++) out[(b * D + i) * (T + 1) + t] = s[i];
      double next[D] = {0};
      for (int i = 0; i < D && t < T; i++) {
        m[i] =
            gate(c, "F", b, i, t, s) * m[i] + gate(c, "I", b, i, t, s) * gate(c, "Z", b, i, t, s);
        next[i] = gate(c, "O", b, i, t, s) * tanh(m[i]);
      }
      memcpy(s, next, sizeof s);
    }
  }
}

static void lstm(void **state) {
  carry *c = *state;
  load(c, LSTM);
  run(c, "S");
  SHAPE(c, "S", B, D, T + 1);
  assert_true(kernels(c) <= 9);
  assert_true(peak(c) <= 9 * (B * D * (T + 1) * 8 + 64));
  double s[B * D * (T + 1)];
  lstm_plainly(c, s);
  close_to("S", B * D * (T + 1), values(c, "S"), s, 1e-13);
  replanned_never(c);
}

static void lstm_backward(void **state) {
  carry *c = *state;
  load(c, LSTM);
  run(c, "Loss GX GV GS GC");
  SHAPE(c, "GV", D, D);
  assert_true(kernels(c) <= 17);
  assert_true(peak(c) <= 16 * (B * D * (T + 1) * 8 + 64));
  is_derivative(c, "Loss", "X", "GX");
  is_derivative(c, "Loss", "VF", "GV");
  is_derivative(c, "Loss", "S0", "GS");
  is_derivative(c, "Loss", "CZ", "GC");
  replanned_never(c);
}

/* X[i,*t+1]: only the last slice is there afterwards. */
static void virtual_time(void **state) {
  carry *c = *state;
  load(c,
       "W : f64[3, 3]\nU : f64[3, 6]\nS[i,*t+1] = tanh(W[i,j] S[j,*t] + U[i,t])\nLast[i] = "
       "S[i]\nLoss = S[i]^2\n"
       "GW[i,j] = grad(Loss, W[i,j])");
  run(c, "Last");
  SHAPE(c, "Last", 3);
  double s[3] = {0};
  const double *w = values(c, "W"), *u = values(c, "U");
  for (int t = 0; t < 6; t++) {
    double next[3];
    for (int i = 0; i < 3; i++)
      next[i] = tanh(w[i * 3] * s[0] + w[i * 3 + 1] * s[1] + w[i * 3 + 2] * s[2] + u[i * 6 + t]);
    memcpy(s, next, sizeof s);
  }
  close_to("Last", 3, values(c, "Last"), s, 1e-14);
  run(c, "Loss GW");
  is_derivative(c, "Loss", "W", "GW");
  replanned_never(c);
}

/* ---- a graph --------------------------------------------------------------------------------- */

static void graph_network(void **state) {
  enum { NODES = 5, EDGES = 8, DIM = 3 };
  static const double from[] = {0, 1, 2, 3, 4, 0, 2, 2}, to[] = {1, 2, 3, 4, 0, 2, 0, 1};
  carry *c = *state;
  load(c,
       "From : i64[8]\nTo : i64[8]\nX : f64[5, 3]\nW : f64[3, 3]\nV : f64[3, 3]\nU : f64[3]\nA : "
       "f64[5, 3]\n"
       "Z[n,d'] = tanh(W[d',d] X[n,d])\nA[To[e],d] += Z[From[e],d]\n"
       "Y[n,d'] = sig(V[d',d] A[n,d] + X[n,d'])\nLoss = U[d] Y[n,d]^2\n"
       "GW[i,j] = grad(Loss, W[i,j])\nGX[n,d] = grad(Loss, X[n,d])");
  set(c, "From", EDGES, from);
  set(c, "To", EDGES, to);
  run(c, "A");
  SHAPE(c, "A", NODES, DIM);
  assert_true(kernels(c) <= 3);
  assert_int_equal(kernels_of(c, KERNEL_SCATTER), 1);
  assert_true(peak(c) <= 2 * (NODES * DIM * 8 + 64));
  const double *x = values(c, "X"), *w = values(c, "W");
  double a[NODES * DIM] = {0};
  for (int e = 0; e < EDGES; e++)
    for (int d = 0; d < DIM; d++) {
      double z = 0;
      for (int k = 0; k < DIM; k++) z += w[d * DIM + k] * x[(int)from[e] * DIM + k];
      a[(int)to[e] * DIM + d] += tanh(z);
    }
  close_to("A", NODES * DIM, values(c, "A"), a, 1e-14);
  run(c, "Loss GW GX");
  assert_true(kernels(c) <= 12);
  is_derivative(c, "Loss", "W", "GW");
  is_derivative(c, "Loss", "X", "GX");
  replanned_never(c);
}

/* ---- an embedding's gradient ----------------------------------------------------------------- */

static void embedding_gradient(void **state) {
  static const double token[] = {3, 1, 3, 0, 3, 1};
  carry *c = *state;
  load(c,
       "Tok : i64[6]\nE : f64[5, 4]\nU : f64[6, 4]\nX[p,d] = E[Tok[p],d]\nLoss = U[p,d] X[p,d]\n"
       "GE[t,d] = grad(Loss, E[t,d])");
  set(c, "Tok", 6, token);
  run(c, "GE");
  SHAPE(c, "GE", 5, 4);
  assert_int_equal(kernels_of(c, KERNEL_SCATTER), 1);
  assert_true(kernels(c) <= 2);
  const double *u = values(c, "U");
  double want[20] = {0};
  for (int e = 0; e < 24; e++) want[(int)token[e / 4] * 4 + e % 4] += u[e];
  close_to("GE", 20, values(c, "GE"), want, 1e-15);
  replanned_never(c);
}

/* ---- decoding -------------------------------------------------------------------------------- */

enum { DIM = 4 };

typedef struct decoder {
  ir_program *p;
  const ir_expr *length;      /* of the cache so far */
  ir_tensor *q, *keys, *vals; /* keys and vals: with the new row */
} decoder;

static const ir_expr *index_of(ir_program *p, const char *name, const ir_expr *extent) {
  return ir_use(p, ir_index_new(p, name, extent));
}

/* Old[L, DIM] and a row make New[L+1, DIM]: two windows. */
static ir_tensor *appended(decoder *d, const char *name) {
  ir_program *p = d->p;
  const ir_expr *dim = ir_int(p, DIM), *more = ir_binary(p, IR_ADD, d->length, ir_int(p, 1));
  ir_tensor *old = ir_tensor_new(p, base_format(p->arena, "Old%s", name), IR_F64, 2,
                                 (const ir_expr *[]){d->length, dim}, IR_INPUT);
  ir_tensor *row =
      ir_tensor_new(p, base_format(p->arena, "Row%s", name), IR_F64, 1, &dim, IR_INPUT);
  ir_tensor *t = ir_tensor_new(p, name, IR_F64, 2, (const ir_expr *[]){more, dim}, IR_DERIVED);
  const ir_expr *at[] = {index_of(p, "l", d->length), index_of(p, "d", dim)};
  ir_define(p, t, IR_SET, at, ir_read(p, old, at));
  const ir_expr *last[] = {d->length, index_of(p, "d", dim)};
  ir_define(p, t, IR_SET, last, ir_read(p, row, &last[1]));
  ir_output(p, t);
  return t;
}

static ir_tensor *over_rows(decoder *d, const char *name, ir_agg agg, const ir_expr *body) {
  ir_tensor *t = ir_tensor_new(d->p, name, IR_F64, 0, NULL, IR_DERIVED);
  ir_define(d->p, t, agg, NULL, body);
  return t;
}

/* softmax of Q by KEYS, applied to VALS. */
static void define_attention(decoder *d) {
  ir_program *p = d->p;
  const ir_expr *rows = d->keys->size[0], *dim = ir_int(p, DIM);
  ir_tensor *s = ir_tensor_new(p, "S", IR_F64, 1, &rows, IR_DERIVED);
  const ir_expr *at[] = {index_of(p, "l", rows), index_of(p, "d", dim)};
  ir_define(p, s, IR_SUM, at,
            ir_binary(p, IR_MUL, ir_read(p, d->keys, at), ir_read(p, d->q, &at[1])));
  const ir_expr *l = index_of(p, "l", rows), *score = ir_read(p, s, &l);
  ir_tensor *most = over_rows(d, "Most", IR_MAX, score);
  const ir_expr *e = ir_unary(p, IR_EXP, ir_binary(p, IR_SUB, score, ir_read(p, most, NULL)));
  ir_tensor *z = over_rows(d, "Z", IR_SUM, e);
  ir_tensor *o = ir_tensor_new(p, "O", IR_F64, 1, &dim, IR_DERIVED);
  const ir_expr *to[] = {l, index_of(p, "d", dim)};
  const ir_expr *weight = ir_binary(p, IR_DIV, e, ir_read(p, z, NULL));
  ir_define(p, o, IR_SUM, &to[1], ir_binary(p, IR_MUL, weight, ir_read(p, d->vals, to)));
  ir_output(p, o);
}

static void attend_row(int n, const double *q, const double *k, const double *v, double *o) {
  double z = 0;
  memset(o, 0, DIM * sizeof *o);
  for (int l = 0; l < n; l++) {
    double s = 0;
    for (int d = 0; d < DIM; d++) s += q[d] * k[l * DIM + d];
    z += exp(s);
    for (int d = 0; d < DIM; d++) o[d] += exp(s) * v[l * DIM + d];
  }
  for (int d = 0; d < DIM; d++) o[d] /= z;
}

/* A cache that is one row longer at each step: one plan for all lengths. */
static void decoding_with_a_growing_cache(void **state) {
  carry *c = *state;
  ir_program *p = ir_program_open(c->arena);
  decoder d = {.p = p, .length = ir_size(p, ir_symbol_new(p, "L", false, 0))};
  const ir_expr *dim = ir_int(p, DIM);
  d.q = ir_tensor_new(p, "Q", IR_F64, 1, &dim, IR_INPUT);
  d.keys = appended(&d, "Keys");
  d.vals = appended(&d, "Vals");
  define_attention(&d);
  load_ir(c, p);
  set(c, "OldKeys", 0, (double[]){0});
  set(c, "OldVals", 0, (double[]){0});
  double keys[40], vals[40];
  for (int n = 0; n < 9; n++) {
    double row[3][DIM], want[DIM];
    for (int k = 0; k < 3 * DIM; k++) row[k / DIM][k % DIM] = sin(k + 17 * n);
    set(c, "Q", DIM, row[0]);
    set(c, "RowKeys", DIM, row[1]);
    set(c, "RowVals", DIM, row[2]);
    sized(c, "L", n);
    run(c, NULL);
    SHAPE(c, "Keys", n + 1, DIM);
    memcpy(keys + n * DIM, row[1], sizeof row[1]);
    memcpy(vals + n * DIM, row[2], sizeof row[2]);
    attend_row(n + 1, row[0], keys, vals, want);
    close_to("Keys", (n + 1) * DIM, values(c, "Keys"), keys, 0);
    close_to("O", DIM, values(c, "O"), want, 1e-13);
    set(c, "OldKeys", (n + 1) * DIM, keys);
    set(c, "OldVals", (n + 1) * DIM, vals);
  }
  assert_int_equal(run_statistics(c->session).plans_made, 1);
  assert_true(kernels(c) <= 5);
  assert_true(peak(c) <= 2 * (16 * 8 + 64));
}

/* A cache of fixed room and a count, both states: a row is written in place at each step. */
static void decoding_in_place(void **state) {
  carry *c = *state;
  ir_program *p = ir_program_open(c->arena);
  const ir_expr *size[] = {ir_size(p, ir_symbol_new(p, "Room", false, 1)), ir_int(p, DIM)};
  ir_tensor *keys = ir_tensor_new(p, "Keys", IR_F64, 2, size, IR_STATE);
  ir_tensor *n = ir_tensor_new(p, "N", IR_I64, 0, NULL, IR_STATE);
  ir_tensor *row = ir_tensor_new(p, "Row", IR_F64, 1, &size[1], IR_INPUT);
  ir_tensor *next = ir_tensor_like(p, "NewKeys", keys, IR_F64),
            *more = ir_tensor_like(p, "NewN", n, IR_I64);
  const ir_expr *at[2], *now = ir_read(p, n, NULL);
  ir_positions(p, keys, at);
  const ir_expr *is_new = ir_binary(p, IR_EQ, at[0], now);
  ir_define(p, next, IR_SET, at,
            ir_where(p, is_new, ir_read(p, row, &at[1]), ir_read(p, keys, at)));
  ir_define(p, more, IR_SET, NULL, ir_binary(p, IR_ADD, now, ir_int(p, 1)));
  ir_commit_to(p, keys, next);
  ir_commit_to(p, n, more);
  ir_tensor *norm = ir_tensor_new(p, "Norm", IR_F64, 0, NULL, IR_DERIVED);
  ir_positions(p, keys, at);
  const ir_expr *key = ir_read(p, next, at), *inside = ir_binary(p, IR_LE, at[0], now);
  ir_define(p, norm, IR_SUM, NULL,
            ir_where(p, inside, ir_binary(p, IR_MUL, key, key), ir_real(p, IR_F64, 0)));
  ir_output(p, norm);
  load_ir(c, p);
  sized(c, "Room", 6);
  set(c, "N", 1, (double[]){0});
  double want = 0, room[6 * DIM];
  for (int i = 0; i < 6 * DIM; i++) room[i] = 100 + i;
  set(c, "Keys", 6 * DIM, room);
  for (int step = 0; step < 5; step++) {
    for (int k = 0; k < DIM; k++) want += pow(room[step * DIM + k] = cos(step * DIM + k), 2);
    set(c, "Row", DIM, room + step * DIM);
    run(c, NULL);
    close_to("Norm", 1, values(c, "Norm"), &want, 1e-14);
    assert_true(element(c, "N", 0) == step + 1);
  }
  close_to("Keys", 6 * DIM, values(c, "Keys"), room, 0);
  assert_int_equal(run_statistics(c->session).plans_made, 1);
  const sched_plan *plan = run_plan_schedule(c->plan);
  assert_int_equal(plan->memory[plan->program->commits.at[0].value->id].place, SCHED_OVER);
  assert_int_equal(peak(c), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      ON_BOTH(lstm),
      ON_BOTH(lstm_backward),
      ON_BOTH(virtual_time),
      ON_BOTH(graph_network),
      ON_BOTH(embedding_gradient),
      ON_BOTH(decoding_with_a_growing_cache),
      ON_BOTH(decoding_in_place),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
