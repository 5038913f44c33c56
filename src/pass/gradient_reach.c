/* Which elements a derivative reaches. A recurrence reads S[0 .. L-1] and leaves S[L] to what
 * follows; what is computed of S[L] inside beyond need has no derivative. So each equation is
 * differentiated only where its head's derivative is not known to be 0: from what is
 * differentiated, ranges go down the reads, their hulls are taken, and a range that keeps growing
 * becomes all there is. */
#include "pass/private.h"

enum { GROWTH = 4 };

typedef struct range { /* from <= i < to */
  const ir_expr *from, *to;
} range;

static const ir_expr *add(ir_program *p, const ir_expr *a, const ir_expr *b) {
  return ir_binary(p, IR_ADD, a, b);
}
static const ir_expr *sub(ir_program *p, const ir_expr *a, const ir_expr *b) {
  return ir_binary(p, IR_SUB, a, b);
}

/* Over sizes and constants alone. */
static bool is_fixed(ir_program *p, const ir_expr *e) {
  ir_affine view;
  return ir_affine_of(p, e, &view) && view.n == 0;
}

/* The values of INDEX for which EQ defines elements in BOX. */
static range index_range(ir_program *p, const gradient_box *box, const ir_eq *eq,
                         const ir_index *index) {
  range r = {ir_int(p, 0), index->extent};
  for (int k = 0; k < eq->head->rank; k++) {
    const ir_expr *offset;
    if (ir_position_index(eq->lhs[k], &offset) != index) continue;
    const ir_expr *from = sub(p, box->from[k], offset), *to = sub(p, box->to[k], offset);
    if (ir_less_equal(p, r.from, from)) r.from = from;
    if (ir_less_equal(p, to, r.to)) r.to = to;
  }
  return r;
}

/* The elements that READ, in EQ restricted to BOX, reads at position K. */
static range read_range(ir_program *p, const gradient_box *box, const ir_eq *eq,
                        const ir_expr *read, int k) {
  const ir_expr *offset, *at = read->arg[k], *size = read->u.tensor->size[k];
  const ir_index *index = ir_position_index(at, &offset);
  range r = {ir_int(p, 0), size}, i = {at, add(p, at, ir_int(p, 1))};
  if (index) {
    i = index_range(p, box, eq, index);
    i = (range){add(p, i.from, offset), add(p, i.to, offset)};
  } else if (!is_fixed(p, at)) {
    return r;
  }
  if (ir_less_equal(p, r.from, i.from)) r.from = i.from;
  if (ir_less_equal(p, i.to, r.to)) r.to = i.to;
  return r;
}

/* Make BOX hold R at position K of T as well; whether it grew. */
static bool hold(ir_program *p, gradient_box *box, const ir_tensor *t, int k, range r) {
  range old = {box->from[k], box->to[k]}, all = {ir_int(p, 0), t->size[k]};
  if (ir_less_equal(p, old.from, r.from))
    r.from = old.from;
  else if (!ir_less_equal(p, r.from, old.from) || box->growth > GROWTH)
    r.from = all.from;
  if (ir_less_equal(p, r.to, old.to))
    r.to = old.to;
  else if (!ir_less_equal(p, old.to, r.to) || box->growth > GROWTH)
    r.to = all.to;
  box->from[k] = r.from;
  box->to[k] = r.to;
  return r.from != old.from || r.to != old.to;
}

/* Whether more of what READ reads in EQ is needed than was known. */
static bool follow(ir_program *p, base_arena *arena, gradient_box *boxes, const gradient_edge *e) {
  const ir_tensor *t = e->read->u.tensor;
  gradient_box *box = &boxes[t->id];
  bool fresh = !box->from, grew = false;
  if (fresh) {
    box->from = BASE_NEWS(arena, const ir_expr *, t->rank + 1);
    box->to = BASE_NEWS(arena, const ir_expr *, t->rank + 1);
  }
  for (int k = 0; k < t->rank; k++) {
    range r = read_range(p, &boxes[e->eq->head->id], e->eq, e->read, k);
    if (!fresh) {
      grew = hold(p, box, t, k, r) || grew;
      continue;
    }
    box->from[k] = r.from;
    box->to[k] = r.to;
  }
  box->growth += grew;
  return fresh || grew;
}

typedef struct reaching {
  base_arena *arena;
  int *first;         /* of the edges of a tensor's equations, by id; -1: none */
  bool *waiting;      /* by tensor id */
  BASE_VEC(int) todo; /* tensors whose box grew */
} reaching;

static void wait_for(reaching *r, int tensor) {
  if (r->waiting[tensor]) return;
  r->waiting[tensor] = true;
  BASE_PUSH(r->arena, &r->todo, tensor);
}

static void start_reach(reaching *r, const ir_program *p, int n, const gradient_edge *edge) {
  r->first = BASE_NEWS(r->arena, int, p->tensors.n);
  r->waiting = BASE_NEWS(r->arena, bool, p->tensors.n);
  for (int t = 0; t < p->tensors.n; t++) r->first[t] = -1;
  for (int i = n - 1; i >= 0; i--) r->first[edge[i].eq->head->id] = i;
}

void gradient_reach(ir_program *p, base_arena *arena, const ir_tensor *of, int n,
                    const gradient_edge *edge, gradient_box *box) {
  reaching r = {.arena = arena};
  start_reach(&r, p, n, edge);
  gradient_box *whole = &box[of->id];
  whole->from = BASE_NEWS(arena, const ir_expr *, of->rank + 1);
  whole->to = BASE_NEWS(arena, const ir_expr *, of->rank + 1);
  for (int k = 0; k < of->rank; k++) {
    whole->from[k] = ir_int(p, 0);
    whole->to[k] = of->size[k];
  }
  wait_for(&r, of->id);
  while (r.todo.n > 0) {
    int t = r.todo.at[--r.todo.n];
    r.waiting[t] = false;
    for (int i = r.first[t]; i >= 0 && i < n && edge[i].eq->head->id == t; i++)
      if (gradient_defines(p, &box[t], edge[i].eq) && follow(p, arena, box, &edge[i]))
        wait_for(&r, edge[i].read->u.tensor->id);
  }
}

bool gradient_defines(ir_program *p, const gradient_box *box, const ir_eq *eq) {
  for (int k = 0; k < eq->head->rank; k++) {
    const ir_expr *offset;
    const ir_index *index = ir_position_index(eq->lhs[k], &offset);
    if (!index && !is_fixed(p, eq->lhs[k])) continue;
    range r = {index ? offset : eq->lhs[k], NULL};
    r.to = add(p, r.from, index ? index->extent : ir_int(p, 1));
    if (ir_less_equal(p, box->to[k], r.from) || ir_less_equal(p, r.to, box->from[k])) return false;
  }
  return true;
}

ir_eq gradient_restricted(ir_program *p, const gradient_box *box, const ir_eq *eq) {
  ir_eq e = *eq;
  const ir_expr **by = BASE_NEWS(p->arena, const ir_expr *, eq->nfree + 1);
  e.free = BASE_NEWS(p->arena, const ir_index *, eq->nfree + 1);
  e.lhs = BASE_NEWS(p->arena, const ir_expr *, eq->head->rank + 1);
  for (int i = 0; i < eq->nfree; i++) {
    range r = index_range(p, box, eq, eq->free[i]);
    const ir_expr *extent = sub(p, r.to, r.from);
    e.free[i] =
        extent == eq->free[i]->extent ? eq->free[i] : ir_index_new(p, eq->free[i]->name, extent);
    by[i] = add(p, ir_use(p, e.free[i]), r.from);
  }
  for (int k = 0; k < eq->head->rank; k++)
    e.lhs[k] = ir_substitute(p, eq->lhs[k], eq->nfree, eq->free, by);
  e.body = ir_substitute(p, eq->body, eq->nfree, eq->free, by);
  return e;
}
