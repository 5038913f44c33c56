/* order: tensors in groups, what is read before what reads it. A group is a recurrence, or one tensor (Tarjan). */
#include "lang/check.h"

typedef struct walk {
  check *c;
  BASE_VEC(entity *) stack;
  int time, groups;
} walk;

static void visit(walk *w, entity *e);

static void visit_clause(walk *w, entity *e, const clause *cl) {
  for (int i = 0; i < cl->reads.n; i++) {
    entity *of = cl->reads.at[i]->of;
    if (!of->mark) visit(w, of);
    if (of->on_stack && of->low < e->low) e->low = of->low;
  }
}

static void visit(walk *w, entity *e) {
  e->mark = e->low = ++w->time;
  e->on_stack = true;
  BASE_PUSH(w->c->arena, &w->stack, e);
  for (int i = 0; i < e->clauses.n; i++) visit_clause(w, e, e->clauses.at[i]);
  if (e->low != e->mark) return;
  entity *x;
  w->groups++;
  do {
    x = w->stack.at[--w->stack.n];
    x->on_stack = false;
    x->group = w->groups;
    BASE_PUSH(w->c->arena, &w->c->order, x);
  } while (x != e);
}

void check_order(check *c) {
  walk w = {.c = c, .groups = c->order.n};   /* numbers of earlier groups are smaller */
  for (int i = 0; i < c->entities.n; i++)
    if (c->entities.at[i]->kind == NAME_TENSOR && !c->entities.at[i]->mark) visit(&w, c->entities.at[i]);
}
