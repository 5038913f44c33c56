/* walk: every node of an expression once, arguments first, without recursion. */
#include <string.h>

#include "ir/private.h"

static void make_room(ir_walk *w, int nodes) {
  if (nodes <= w->cap) return;
  int cap = nodes + nodes / 2 + 64;
  w->mark = BASE_NEWS(w->arena, uint32_t, cap);
  w->image = BASE_NEWS(w->arena, const ir_expr *, cap);
  w->cap = cap;
  w->stamp = 0;
}

static void visit(ir_walk *w, const ir_expr *e) {
  if (w->mark[e->id] == w->stamp) return;
  w->mark[e->id] = w->stamp;
  ir_frame frame = {e, 0};
  BASE_PUSH(w->arena, &w->stack, frame);
}

ir_walk *ir_walk_open(const ir_expr *e) {
  struct ir_table *table = e->table;
  base_arena *arena = table->program->arena;
  if (table->walking == table->walks.n) {
    ir_walk *fresh = BASE_NEW(arena, ir_walk);
    fresh->arena = arena;
    BASE_PUSH(arena, &table->walks, fresh);
  }
  ir_walk *w = table->walks.at[table->walking++];
  make_room(w, table->program->nodes);
  if (++w->stamp == 0) {
    memset(w->mark, 0, sizeof *w->mark * (size_t)w->cap);
    w->stamp = 1;
  }
  w->stack.n = 0;
  visit(w, e);
  return w;
}

const ir_expr *ir_walk_next(ir_walk *w) {
  while (w->stack.n > 0) {
    ir_frame *top = &w->stack.at[w->stack.n - 1];
    if (top->next == top->e->n) {
      w->stack.n--;
      return top->e;
    }
    visit(w, top->e->arg[top->next++]);
  }
  return NULL;
}

void ir_walk_close(ir_walk *w, const ir_expr *e) {
  struct ir_table *table = e->table;
  while (table->walking > 0 && table->walks.at[--table->walking] != w) {}
}

/* ---- what is asked of a whole expression ----------------------------------------------------- */

void ir_each(const ir_expr *e, void (*call)(void *arg, const ir_expr *e), void *arg) {
  ir_walk *w = ir_walk_open(e);
  for (const ir_expr *x; (x = ir_walk_next(w)) != NULL;) call(arg, x);
  ir_walk_close(w, e);
}

bool ir_mentions(const ir_expr *e, const ir_index *index) {
  if (!(e->holds & ir_index_bit(index))) return false;
  if (e->op == IR_INDEX) return e->u.index == index;
  ir_walk *w = ir_walk_open(e);
  const ir_expr *x;
  while ((x = ir_walk_next(w)) != NULL)
    if (x->op == IR_INDEX && x->u.index == index) break;
  ir_walk_close(w, e);
  return x != NULL;
}

bool ir_reads(const ir_expr *e, const ir_tensor *t) {
  if (!ir_holds_data(e)) return false;
  ir_walk *w = ir_walk_open(e);
  const ir_expr *x;
  while ((x = ir_walk_next(w)) != NULL)
    if (x->op == IR_READ && x->u.tensor == t) break;
  ir_walk_close(w, e);
  return x != NULL;
}

int64_t ir_cost(const ir_expr *e) {
  int64_t cost = 0;
  ir_walk *w = ir_walk_open(e);
  for (const ir_expr *x; (x = ir_walk_next(w)) != NULL;) cost += ir_ops[x->op].cost;
  ir_walk_close(w, e);
  return cost;
}
