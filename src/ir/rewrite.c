/* rewrite: an expression with parts replaced, rebuilt by the builders from the leaves up. */
#include "ir/private.h"

const ir_expr *ir_rebuild(ir_program *p, const ir_expr *e, const ir_expr *const *arg) {
  bool same = true;
  for (int i = 0; i < e->n; i++) same = same && arg[i] == e->arg[i];
  if (same) return e;
  if (e->op == IR_READ) return ir_read(p, e->u.tensor, arg);
  if (e->op == IR_CAST) return ir_cast(p, arg[0], e->u.to);
  if (e->op == IR_CALL) return ir_call(p, e->u.function, arg);
  return ir_apply(p, (ir_op)e->op, arg);
}

enum { FEW = 16 };

const ir_expr *ir_rewrite(ir_program *p, const ir_expr *e, ir_rewrite_node node, void *arg) {
  ir_walk *w = ir_walk_open(e);
  for (const ir_expr *x; (x = ir_walk_next(w)) != NULL;) {
    const ir_expr *few[FEW];
    const ir_expr **by = x->n <= FEW ? few : BASE_NEWS(p->arena, const ir_expr *, x->n);
    for (int i = 0; i < x->n; i++) by[i] = w->image[x->arg[i]->id];
    w->image[x->id] = node(p, ir_rebuild(p, x, by), arg);
  }
  const ir_expr *image = w->image[e->id];
  ir_walk_close(w, e);
  return image;
}

typedef struct replacement {
  int n;
  const ir_index *const *index;
  const ir_expr *const *by;
} replacement;

static const ir_expr *replaced(const replacement *r, const ir_expr *e) {
  for (int i = 0; i < r->n; i++)
    if (r->index[i] == e->u.index && r->by[i] != NULL) return r->by[i];
  return e;
}

/* Not by ir_rewrite: what a builder makes of replaced parts must not be replaced again, and what
 * holds none of the indices stays as it is. */
const ir_expr *ir_substitute(ir_program *p, const ir_expr *e, int n, const ir_index *const *index,
                             const ir_expr *const *by) {
  replacement r = {n, index, by};
  uint64_t any = 0;
  for (int i = 0; i < n; i++)
    if (by[i] != NULL) any |= ir_index_bit(index[i]);
  if (!(e->holds & any)) return e;
  ir_walk *w = ir_walk_open(e);
  for (const ir_expr *x; (x = ir_walk_next(w)) != NULL;) {
    if (!(x->holds & any)) {
      w->image[x->id] = x;
      continue;
    }
    const ir_expr *few[FEW];
    const ir_expr **arg = x->n <= FEW ? few : BASE_NEWS(p->arena, const ir_expr *, x->n);
    for (int i = 0; i < x->n; i++) arg[i] = w->image[x->arg[i]->id];
    w->image[x->id] = x->op == IR_INDEX ? replaced(&r, x) : ir_rebuild(p, x, arg);
  }
  const ir_expr *image = w->image[e->id];
  ir_walk_close(w, e);
  return image;
}
