/* What a program computes: its order run element by element, every read checked. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lab.h"

typedef struct running {
  lab *l;
  ir_program *p; /* a copy, in order */
  int64_t symbol[LAB_SYMBOLS];
  int64_t *index; /* values by id */
  bool *begun;    /* tensors whose elements were cleared, by id */
} running;

int64_t elements(lab *l, const ir_tensor *t) {
  int64_t n = 1;
  for (int k = 0; k < t->rank; k++) n *= ir_eval_size(t->size[k], l->symbol);
  return n;
}

void fill(lab *l, ir_tensor *t, int n, const double *value) {
  assert_int_equal(elements(l, t), n);
  ir_value *to = l->value[t->id] = BASE_NEWS(l->arena, ir_value, n + 1);
  for (int i = 0; i < n; i++) {
    ir_value v = {IR_F64, {.f = value[i]}};
    to[i] = ir_eval_op(IR_CAST, t->type, &v);
  }
}

static ir_value evaluate(running *r, const ir_expr *e);

/* The element at POSITION, NULL: outside. */
static ir_value *element(running *r, const ir_tensor *t, const ir_expr *const *position) {
  int64_t offset = 0;
  for (int k = 0; k < t->rank; k++) {
    int64_t at = evaluate(r, position[k]).u.i, extent = ir_eval_size(t->size[k], r->symbol);
    if (at < 0 || at >= extent) return NULL;
    offset = offset * extent + at;
  }
  return &r->l->value[t->id][offset];
}

static ir_value evaluate(running *r, const ir_expr *e) {
  ir_value arg[3], v = {(ir_type)e->type, {0}};
  switch (e->op) {
  case IR_CONST:
    if (ir_type_real(v.type))
      v.u.f = e->u.real;
    else
      v.u.i = e->u.integer;
    return v;
  case IR_INDEX: v.u.i = r->index[e->u.index->id]; return v;
  case IR_SYMBOL: v.u.i = r->symbol[e->u.symbol->id]; return v;
  case IR_WHERE: return evaluate(r, e->arg[evaluate(r, e->arg[0]).u.i ? 1 : 2]);
  case IR_READ: {
    ir_value *at = element(r, e->u.tensor, e->arg);
    if (!at) {
      base_text text = base_text_open(r->l->arena);
      ir_print_expr(&text, e);
      fail_msg("read outside: %s", text.at);
    }
    return *at;
  }
  default: break;
  }
  for (int i = 0; i < e->n; i++) arg[i] = evaluate(r, e->arg[i]);
  if (e->op == IR_RANDOM)
    v.u.i = ir_random_bits(arg[0].u.i, arg[1].u.i, arg[2].u.i);
  else
    v = ir_eval_op((ir_op)e->op, e->op == IR_CAST ? e->u.to : (ir_type)e->type, arg);
  return v;
}

static void add_to(const ir_eq *eq, ir_value *to, ir_value v) {
  static const ir_op op[IR_AGGS] = {0, IR_ADD, IR_MAXIMUM, IR_MINIMUM, IR_MUL};
  *to = eq->agg == IR_SET ? v : ir_eval_op(op[eq->agg], v.type, (ir_value[]){*to, v});
}

static void each(running *r, int n, const ir_index *const *index, void (*body)(running *, void *),
                 void *arg) {
  if (n == 0) {
    body(r, arg);
    return;
  }
  int64_t extent = ir_eval_size(index[0]->extent, r->symbol);
  for (int64_t i = 0; i < extent; i++) {
    r->index[index[0]->id] = i;
    each(r, n - 1, index + 1, body, arg);
  }
}

typedef struct filling {
  const ir_eq *eq;
  ir_value *to;
} filling;

static void one_term(running *r, void *arg) {
  filling *f = arg;
  add_to(f->eq, f->to, evaluate(r, f->eq->body));
}

static void one_element(running *r, void *arg) {
  filling *f = arg;
  bool window = ir_window(f->eq);
  f->to = element(r, f->eq->head, f->eq->lhs);
  if (!f->to && window) fail_msg("%s is written outside", f->eq->head->name);
  if (!f->to) return;
  if (window) *f->to = evaluate(r, ir_agg_neutral(r->p, f->eq->agg, (ir_type)f->eq->body->type));
  each(r, f->eq->nred, f->eq->red, one_term, f);
  if (window) *f->to = ir_eval_op(IR_CAST, f->eq->head->type, f->to);
}

static void run_eq(running *r, const ir_eq *eq) {
  const ir_tensor *t = eq->head;
  if (!r->begun[t->id]) {
    int64_t n = elements(r->l, t);
    ir_value zero = {ir_type_computed(t->type), {0}};
    if (!ir_window(eq)) zero = evaluate(r, ir_agg_neutral(r->p, eq->agg, zero.type));
    r->l->value[t->id] = BASE_NEWS(r->l->arena, ir_value, n + 1);
    for (int64_t i = 0; i < n; i++) r->l->value[t->id][i] = zero;
    r->begun[t->id] = true;
  }
  filling f = {eq, NULL};
  each(r, eq->nfree, eq->free, one_element, &f);
}

static void run_block(running *r, const ir_block *block, const ir_symbol *counter) {
  for (int i = 0; i < block->steps.n; i++) {
    const ir_step *s = &block->steps.at[i];
    int64_t now = counter ? r->symbol[counter->id] : 0;
    if (s->from && now < ir_eval_size(s->from, r->symbol)) continue;
    if (s->to && now >= ir_eval_size(s->to, r->symbol)) continue;
    if (s->eq) {
      run_eq(r, s->eq);
      continue;
    }
    int64_t from = ir_eval_size(s->loop->from, r->symbol),
            to = ir_eval_size(s->loop->to, r->symbol);
    for (int64_t n = 0; n < to - from; n++) {
      r->symbol[s->loop->counter->id] = s->loop->down ? to - 1 - n : from + n;
      run_block(r, &s->loop->body, s->loop->counter);
    }
  }
}

static void undefined_are_zero(running *r) {
  for (int i = 0; i < r->p->tensors.n; i++) {
    const ir_tensor *t = r->p->tensors.at[i];
    if (t->role != IR_DERIVED || t->eqs.n > 0) continue;
    int64_t n = elements(r->l, t);
    r->l->value[i] = BASE_NEWS(r->l->arena, ir_value, n + 1);
    for (int64_t k = 0; k < n; k++) r->l->value[i][k].type = ir_type_computed(t->type);
  }
}

void compute(lab *l) {
  running r = {.l = l, .p = ir_copy(l->arena, l->p)};
  if (r.p->order.steps.n == 0) pass_order(r.p);
  ir_verify(r.p, "order");
  memcpy(r.symbol, l->symbol, sizeof r.symbol);
  r.index = BASE_NEWS(l->arena, int64_t, r.p->indices + 1);
  r.begun = BASE_NEWS(l->arena, bool, r.p->tensors.n + 1);
  undefined_are_zero(&r);
  run_block(&r, &r.p->order, NULL);
}

double at(lab *l, const ir_tensor *t, int64_t k) {
  ir_value v = l->value[t->id][k];
  return ir_type_real(v.type) ? v.u.f : (double)v.u.i;
}

double total(lab *l, const ir_tensor *t) {
  double sum = 0;
  for (int64_t k = 0; k < elements(l, t); k++) sum += at(l, t, k);
  return sum;
}

void assert_values(lab *l, const ir_tensor *t, int n, const double *want) {
  assert_int_equal(elements(l, t), n);
  for (int k = 0; k < n; k++)
    if (fabs(at(l, t, k) - want[k]) > 1e-9 * (1 + fabs(want[k])) && at(l, t, k) != want[k])
      fail_msg("%s: element %d is %.12g, not %.12g", t->name, k, at(l, t, k), want[k]);
}
