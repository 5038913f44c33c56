/* Random programs: maps, transpositions, shifts, reductions, products, gathers and windows over
 * a few sizes, in any order. Grouped or not, they give the same values. */
#include "sched/fixture.h"

#include <stdio.h>

enum { PROGRAMS = 400 };

typedef struct maker {
  fixture *f;
  ir_program *p;
  uint64_t seed;
  int n;
  ir_tensor *t[64];
} maker;

static int pick(maker *m, int n) {
  m->seed = base_hash_mix(m->seed, 0x9e3779b97f4a7c15u);
  return (int)((m->seed >> 33) % (uint64_t)n);
}

static const ir_expr *size_of(maker *m, int which) { return ir_int(m->p, 2 + which); }

static ir_tensor *new_tensor(maker *m, int rank, const ir_expr *const *size, ir_role role) {
  ir_tensor *t =
      ir_tensor_new(m->p, base_format(m->f->arena, "T%d", m->n), IR_F32, rank, size, role);
  return m->t[m->n++] = t;
}

/* A read of some tensor at indices of EQ's own, some of them transposed, shifted or fixed. */
static const ir_expr *some_read(maker *m, int n, const ir_expr **index) {
  for (int attempt = 0; attempt < 40; attempt++) {
    ir_tensor *t = m->t[pick(m, m->n)];
    const ir_expr *at[4];
    bool ok = true;
    for (int k = 0; k < t->rank && ok; k++) {
      at[k] = NULL;
      for (int tries = 0; tries < 8 && !at[k]; tries++) {
        const ir_expr *x = index[pick(m, n)];
        if (x->u.index->extent == t->size[k]) at[k] = x;
      }
      if (!at[k] || pick(m, 12) == 0) at[k] = ir_int(m->p, pick(m, 2));
      else if (pick(m, 12) == 0)
        at[k] =
            ir_binary(m->p, IR_SUB, ir_binary(m->p, IR_SUB, t->size[k], ir_int(m->p, 1)), at[k]);
    }
    return ir_read(m->p, t, at);
  }
  return ir_real(m->p, IR_F32, 1);
}

static const ir_expr *some_body(maker *m, int n, const ir_expr **index, int depth) {
  ir_program *p = m->p;
  if (depth == 0) return some_read(m, n, index);
  const ir_expr *a = some_body(m, n, index, depth - 1);
  switch (pick(m, 8)) {
    case 0: return ir_unary(p, IR_TANH, a);
    case 1: return ir_unary(p, IR_EXP, ir_binary(p, IR_MINIMUM, a, ir_real(p, IR_F32, 1)));
    case 2: return ir_binary(p, IR_SUB, a, some_body(m, n, index, depth - 1));
    case 3:
      return ir_where(p, ir_binary(p, IR_LE, index[0], index[n - 1]), a, ir_real(p, IR_F32, 0));
    case 4: return ir_binary(p, IR_DIV, a, ir_real(p, IR_F32, 3));
    case 5: return ir_binary(p, IR_MAXIMUM, a, some_body(m, n, index, depth - 1));
    default: return ir_binary(p, IR_MUL, a, some_body(m, n, index, depth - 1));
  }
}

static void some_equation(maker *m) {
  ir_program *p = m->p;
  const ir_expr *index[4], *size[4];
  int n = 1 + pick(m, 4), nfree = pick(m, n + 1);
  for (int i = 0; i < n; i++) {
    size[i] = size_of(m, pick(m, 3));
    index[i] = ir_use(p, ir_index_new(p, base_format(m->f->arena, "%c", 'i' + i), size[i]));
  }
  const ir_expr *body = some_body(m, n, index, 1 + pick(m, 2));
  ir_agg agg = pick(m, 4) == 0 ? IR_MAX : IR_SUM;
  bool reduces = false;
  for (int i = nfree; i < n; i++) reduces = reduces || ir_mentions(body, index[i]->u.index);
  if (!reduces) agg = IR_SET;
  if (agg == IR_SUM) body = ir_binary(p, IR_DIV, body, ir_real(p, IR_F32, 4));
  ir_tensor *t = new_tensor(m, nfree, size, IR_DERIVED);
  if (agg == IR_SET && nfree && pick(m, 6) == 0) {      /* two windows */
    const ir_expr *upper[4];
    for (int i = 0; i < nfree; i++) upper[i] = index[i];
    ir_index *rest = ir_index_new(p, "u", ir_binary(p, IR_SUB, size[0], ir_int(p, 1)));
    upper[0] = ir_binary(p, IR_ADD, ir_use(p, rest), ir_int(p, 1));
    const ir_index *from[4];
    const ir_expr *by[4];
    for (int i = 0; i < nfree; i++) from[i] = index[i]->u.index, by[i] = upper[i];
    const ir_expr *first[4] = {ir_int(p, 0), by[1], by[2], by[3]};
    for (int i = 1; i < nfree; i++) first[i] = ir_use(p, ir_index_new(p, "f", size[i]));
    ir_define(p, t, IR_SET, upper, ir_substitute(p, body, nfree, from, by));
    ir_define(p, t, IR_SET, first, ir_unary(p, IR_NEG, ir_substitute(p, body, nfree, from, first)));
    return;
  }
  ir_define(p, t, agg, index, body);
}

/* S[0,i] = ..; G[l,i] += T[..] S[l,j]; S[l+1,i] = tanh(.. G[l,i]), or the same downwards. */
static void some_recurrence(maker *m) {
  ir_program *p = m->p;
  const ir_expr *steps = ir_int(p, 3), *all = ir_int(p, 4), *n = size_of(m, pick(m, 3));
  bool down = pick(m, 3) == 0, linked = pick(m, 3) > 0;
  const ir_expr *one = ir_int(p, 1), *i[3], *start[2];
  for (int k = 0; k < 3; k++)
    i[k] = ir_use(p, ir_index_new(p, base_format(m->f->arena, "%c", "lij"[k]), k ? n : steps));
  const ir_expr *body = some_body(m, 2, i, 1);
  start[0] = down ? steps : ir_int(p, 0);
  start[1] = ir_use(p, ir_index_new(p, "i", n));
  const ir_expr *first = some_body(m, 1, &start[1], 1);
  ir_tensor *s = ir_tensor_new(p, "S", IR_F32, 2, (const ir_expr *[]){all, n}, IR_DERIVED);
  const ir_expr *from[2] = {down ? ir_binary(p, IR_ADD, i[0], one) : i[0], i[1]};
  const ir_expr *to[2] = {down ? i[0] : ir_binary(p, IR_ADD, i[0], one), i[1]};
  const ir_expr *last = ir_read(p, s, from);
  if (linked) {
    const ir_expr *weight = some_read(m, 3, i);
    ir_tensor *g = new_tensor(m, 2, (const ir_expr *[]){steps, n}, IR_DERIVED);
    const ir_expr *across[2] = {from[0], i[2]};
    ir_define(p, g, IR_SUM, i, ir_binary(p, IR_MUL, weight, ir_read(p, s, across)));
    if (g->eqs.at[0]->nred == 0) g->eqs.at[0]->agg = IR_SET;
    last = ir_read(p, g, (const ir_expr *[]){i[0], i[1]});
  }
  ir_define(p, s, IR_SET, to, ir_unary(p, IR_TANH, ir_binary(p, IR_ADD, body, last)));
  if (pick(m, 4)) ir_define(p, s, IR_SET, start, first);
  m->t[m->n++] = s;
}

static void make_program(maker *m, uint64_t seed) {
  m->seed = seed * 77 + 1;
  m->p = ir_program_open(m->f->arena);
  m->n = 0;
  for (int i = 0; i < 4; i++) {
    const ir_expr *size[3] = {size_of(m, pick(m, 3)), size_of(m, pick(m, 3)),
                              size_of(m, pick(m, 3))};
    new_tensor(m, 1 + pick(m, 3), size, IR_INPUT);
  }
  int n = 4 + pick(m, 16);
  for (int i = 0; i < n; i++)
    if (pick(m, 8)) some_equation(m);
    else some_recurrence(m);
  for (int i = 4; i < m->n; i++)
    if (i == m->n - 1 || pick(m, 5) == 0) ir_output(m->p, m->t[i]);
}

static void many(void **state) {
  fixture *f = *state;
  volatile int equations = 0, launched = 0;
  base_arena *whole = f->arena;
  for (volatile int i = 0; i < PROGRAMS; i++) {
    f->arena = base_arena_open(f->ctx);
    maker m = {.f = f};
    base_trap trap;
    if (BASE_TRY(f->ctx, &trap)) {
      make_program(&m, (uint64_t)i);
      plan_program(f, m.p);
      base_untrap(f->ctx, &trap);
    } else {
      fail_msg("program %d: %s", i, base_last(f->ctx)->message);
    }
    check_values(f, 1e-4);
    equations += f->passed->order.steps.n;
    launched += f->plan->nkernel;
    base_arena_close(f->arena);
  }
  f->arena = whole;
  assert_true(launched < equations);
}

int main(void) {
  const struct CMUnitTest tests[] = {WITH_FIXTURE(many)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
