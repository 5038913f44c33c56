/* A factor that is more than a read becomes a tensor. where(0 <= x+d-1 < X, F[x+d-1], 0), the
 * padded image of a convolution, needs x and d only by u = x + d: its tensor runs over u. */
#include "pass/private.h"

typedef struct window {      /* u = base + sum coefficient[k] index[k], from 0 to extent - 1 */
  int n;
  const ir_index *index[16];
  int64_t coefficient[16];
  const ir_expr *base, *extent, *u;   /* u: by the indices */
} window;

typedef struct searching {
  ir_program *p;
  window *found;
} searching;

static bool is_index_sum(ir_program *p, const ir_expr *e, window *w) {
  ir_affine a;
  if (e->type != IR_I64 || e->op == IR_CONST || !ir_affine_of(p, e, &a) || a.n < 2) return false;
  const ir_expr *base = ir_int(p, 0), *span = ir_int(p, 1), *u = base;
  bool unit = false;
  *w = (window){.n = a.n};
  for (int i = 0; i < a.n; i++) {
    int64_t c;
    if (!ir_is_int(a.coefficient[i], &c) || c == 0) return false;
    const ir_expr *last = ir_binary(p, IR_SUB, a.index[i]->extent, ir_int(p, 1));
    const ir_expr *reach = ir_binary(p, IR_MUL, last, ir_int(p, c < 0 ? -c : c));
    w->index[i] = a.index[i];
    w->coefficient[i] = c;
    unit = unit || c == 1 || c == -1;
    if (c < 0) base = ir_binary(p, IR_ADD, base, reach);
    span = ir_binary(p, IR_ADD, span, reach);
    u = ir_binary(p, IR_ADD, u, ir_binary(p, IR_MUL, ir_int(p, c), ir_use(p, a.index[i])));
  }
  w->base = base;
  w->extent = span;
  w->u = ir_binary(p, IR_ADD, u, base);
  return unit;
}

/* F with index[at] = +-(u - base), the others 0; NULL: F needs more than u. */
static const ir_expr *over_window(ir_program *p, const ir_expr *f, const window *w,
                                  const ir_index *u) {
  const ir_expr *by[16];
  int at = 0;
  while (w->coefficient[at] != 1 && w->coefficient[at] != -1) at++;
  for (int i = 0; i < w->n; i++) by[i] = ir_int(p, 0);
  const ir_expr *shifted = ir_binary(p, IR_SUB, ir_use(p, u), w->base);
  by[at] = w->coefficient[at] > 0 ? shifted : ir_unary(p, IR_NEG, shifted);
  const ir_expr *g = ir_substitute(p, f, w->n, w->index, by);
  return ir_substitute(p, g, 1, &u, &w->u) == f ? g : NULL;
}

static void look(void *arg, const ir_expr *e) {
  searching *s = arg;
  window w;
  if (e->op != IR_READ && e->op != IR_QUO)
    return; /* u // 2: the image of a strided convolution, spread out */
  for (int k = 0; k < e->n; k++)
    if (is_index_sum(s->p, e->arg[k], &w) && w.n > s->found->n) *s->found = w;
}

/* One window of F, taken together; NULL: there is none. */
static const ir_expr *merge_window(ir_program *p, const ir_expr *f, const ir_index **u, window *w) {
  searching s = {p, w};
  *w = (window){0};
  ir_each(f, look, &s);
  if (!w->n) return NULL;
  *u = ir_index_new(p, w->index[0]->name, w->extent);
  return over_window(p, f, w, *u);
}

const ir_expr *contract_window(contraction *c, const contract_factor *f) {
  ir_program *p = c->p;
  const ir_expr *body = f->e, *next;
  const ir_index *u;
  pass_indices merged = {0};
  BASE_VEC(const ir_expr *) by = {0};
  window w;
  while (merged.n < 8 && (next = merge_window(p, body, &u, &w))) {
    body = next;
    BASE_PUSH(p->arena, &merged, u);
    BASE_PUSH(p->arena, &by, w.u);
  }
  if (!merged.n) return contract_define(c, body, f->set);
  pass_indices all = {0};
  pass_collect(p, &all, body);
  const ir_expr **parts = BASE_NEWS(p->arena, const ir_expr *, all.n + 1),
                **at = BASE_NEWS(p->arena, const ir_expr *, all.n + 1);
  const ir_expr **size = BASE_NEWS(p->arena, const ir_expr *, all.n + 1);
  for (int i = 0; i < all.n; i++) {
    size[i] = all.at[i]->extent;
    parts[i] = ir_use(p, all.at[i]);
    at[i] = parts[i];
    for (int k = merged.n - 1; k >= 0; k--)
      at[i] = ir_substitute(p, at[i], 1, &merged.at[k], &by.at[k]);
  }
  parts[all.n] = body;
  ir_tensor *t = ir_tensor_new(p, c->eq->head->name, (ir_type)body->type, all.n, size, IR_DERIVED);
  t->span = c->eq->span;
  c->defined++;
  pass_refresh(p, all.n + 1, parts);
  pass_sum_into(p, t, parts, parts[all.n], c->eq->span);
  return ir_read(p, t, at);
}
