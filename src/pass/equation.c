/* What the passes share: the indices of equations. */
#include "pass/private.h"

typedef struct collecting {
  ir_program *p;
  pass_indices *all;
  int begin; /* those before were there already */
} collecting;

static void note_index(void *arg, const ir_expr *e) {
  collecting *c = arg;
  if (e->op != IR_INDEX) return;
  for (int i = 0; i < c->all->n; i++)
    if (c->all->at[i] == e->u.index) return;
  BASE_PUSH(c->p->arena, c->all, e->u.index);
  for (int i = c->all->n - 1; i > c->begin && c->all->at[i - 1]->id > c->all->at[i]->id; i--) {
    const ir_index *younger = c->all->at[i - 1];
    c->all->at[i - 1] = c->all->at[i];
    c->all->at[i] = younger;
  }
}

void pass_collect(ir_program *p, pass_indices *all, const ir_expr *e) {
  collecting c = {p, all, all->n};
  ir_each(e, note_index, &c);
}

void pass_refresh(ir_program *p, int n, const ir_expr **e) {
  pass_indices all = {0};
  collecting c = {p, &all, 0};
  for (int i = 0; i < n; i++) ir_each(e[i], note_index, &c);
  const ir_expr **by = BASE_NEWS(p->arena, const ir_expr *, all.n + 1);
  for (int i = 0; i < all.n; i++)
    by[i] = ir_use(p, ir_index_new(p, all.at[i]->name, all.at[i]->extent));
  for (int i = 0; i < n; i++) e[i] = ir_substitute(p, e[i], all.n, all.at, by);
}

static void note_read(void *arg, const ir_expr *e) {
  if (e->op == IR_READ) *(bool *)arg = true;
}

bool pass_has_read(const ir_expr *e) {
  bool found = false;
  ir_each(e, note_read, &found);
  return found;
}

bool pass_linear(ir_program *p, const ir_expr *e, const ir_index *index,
                 const ir_expr **coefficient, const ir_expr **rest) {
  if (!ir_mentions(e, index)) return false;
  const ir_expr *zero = ir_int(p, 0), *one = ir_int(p, 1);
  *rest = ir_substitute(p, e, 1, &index, &zero);
  *coefficient = ir_binary(p, IR_SUB, ir_substitute(p, e, 1, &index, &one), *rest);
  pass_indices all = {0};
  pass_collect(p, &all, *coefficient);
  if (all.n > 0 || pass_has_read(*coefficient) || ir_is_const(*coefficient, 0)) return false;
  return ir_binary(p, IR_ADD, ir_binary(p, IR_MUL, *coefficient, ir_use(p, index)), *rest) == e;
}

ir_eq *pass_sum_into(ir_program *p, ir_tensor *head, const ir_expr *const *lhs, const ir_expr *body,
                     base_span span) {
  ir_eq *eq = ir_define(p, head, IR_SUM, lhs, body);
  if (eq->nred == 0 && ir_window(eq)) eq->agg = IR_SET;
  eq->span = span;
  return eq;
}
