/* Attention, recognised by what it is made of, however it is spelt: a product P V over q, where
 * P is made of maps, of reductions along q, and of products that give one value for each p and
 * q. What precedes P that fits joins; if a product and a reduction are among it, all of it is
 * one kernel, else everything stays as it was. The backward product dS K is found the same way:
 * dP = dO V is its product, the sum of P dP its reduction. */
#include "sched/private.h"

typedef struct attempt {
  sched_graph *g;
  sched_group *into;
  sched_group before, *all;       /* as it was */
  sched_member first;
  sched_group **of;               /* by node */
  int products, reductions, maxima;
} attempt;

static bool over(const sched_group *from, const sched_indices *also, const sched_pairs *m,
                 const sched_group *into) {
  int frame = 0, line = 0;
  for (int i = 0; i < from->frame.n; i++) {
    const ir_index *x = sched_paired(m, from->frame.at[i]);
    if (!x) return false;
    if (sched_has(&into->frame, x)) frame++;
    else if (sched_has(also, x)) line++;
    else return false;
  }
  return frame == into->frame.n && (line == 0 || line == also->n);
}

static void pair_by_hints(const sched_group *into, const sched_group *from, sched_pairs *m) {
  sched_hint(into, from, m);
  sched_pair_rest(&from->frame, &into->line, m);
}

/* May FROM run inside, and as what? */
static bool fits(attempt *a, sched_group *from, sched_pairs *m, bool *product, bool *reduction) {
  sched_group *into = a->into;
  *product = *reduction = false;
  if (from->loop || from->gone || from->member.n != 1 || sched_cross(a->g, into, from, m) <= 0)
    return false;
  if (from->shape == KERNEL_MAP) {
    pair_by_hints(into, from, m);
    return over(from, &into->line, m, into);
  }
  if (from->shape == KERNEL_CONTRACT) {
    *product = over(from, &into->line, m, into) && from->frame.n == into->frame.n + into->line.n;
    return *product;
  }
  if (from->shape != KERNEL_ROW || from->line.n != into->line.n) return false;
  sched_hint(into, from, m);
  sched_pair_rest(&from->line, &into->line, m);
  *reduction = from->frame.n == into->frame.n && sched_onto(&from->frame, &into->frame, m) &&
               sched_onto(&from->line, &into->line, m);
  return *reduction;
}

static bool join_before(attempt *a) {
  sched_graph *g = a->g;
  for (int i = 0; i < a->into->member.n; i++) {
    const sched_node *node = &g->node[a->into->member.at[i].node];
    for (int k = 0; k < node->before.n; k++) {
      sched_group *from = g->node[node->before.at[k]].group;
      sched_pairs m = {0};
      bool product, reduction;
      if (from == a->into || !fits(a, from, &m, &product, &reduction) ||
          !sched_may_merge(g, a->into, from))
        continue;
      a->products += product;
      a->reductions += reduction;
      a->maxima += reduction && from->member.at[0].eq->agg == IR_MAX;
      sched_merge(g, a->into, from, &m);
      return true;
    }
  }
  return false;
}

static bool needs_only(const sched_graph *g, const sched_group *from, const sched_group *into) {
  const sched_node *node = &g->node[from->member.at[0].node];
  for (int i = 0; i < node->before.n; i++)
    if (g->node[node->before.at[i]].group != into) return false;
  return true;
}

static bool follows(attempt *a, sched_group *from, const sched_indices *result, sched_pairs *m) {
  bool product, reduction;
  if (from->shape == KERNEL_ROW)
    return needs_only(a->g, from, a->into) && fits(a, from, m, &product, &reduction);
  if (from->shape != KERNEL_MAP || sched_cross(a->g, a->into, from, m) <= 0) return false;
  bool whole = from->frame.n == a->into->frame.n + result->n && over(from, result, m, a->into);
  return whole || over(from, &a->into->line, m, a->into);
}

/* What follows at the same points: maps on the result, the logarithm of the sum, a sum asked for
 * late. */
static bool join_after(attempt *a, const sched_indices *result) {
  sched_graph *g = a->g;
  for (int i = 0; i < a->into->member.n; i++) {
    const sched_node *node = &g->node[a->into->member.at[i].node];
    for (int k = 0; k < node->after.n; k++) {
      sched_group *from = g->node[node->after.at[k]].group;
      sched_pairs m = {0};
      if (from == a->into || from->loop || from->gone || !follows(a, from, result, &m)) continue;
      if (!sched_may_merge(g, a->into, from)) continue;
      sched_merge(g, a->into, from, &m);
      return true;
    }
  }
  return false;
}

static void save(attempt *a) {
  sched_graph *g = a->g;
  a->before = *a->into;
  a->first = a->into->member.at[0];
  a->all = BASE_NEWS(g->arena, sched_group, g->n + 1);
  a->of = BASE_NEWS(g->arena, sched_group *, g->n + 1);
  for (int i = 0; i < g->n; i++) {
    a->all[i] = g->group[i];
    a->of[i] = g->node[i].group;
  }
}

static void restore(attempt *a) {
  sched_graph *g = a->g;
  for (int i = 0; i < g->n; i++) {
    g->group[i] = a->all[i];
    g->node[i].group = a->of[i];
  }
  *a->into = a->before;
  a->into->member.at[0] = a->first;
}

static const ir_expr *read_in(const ir_expr *e) {
  while (e->op == IR_CAST) e = e->arg[0];
  return e;
}

/* Heads, or one row index, a maximum, and V another tensor than K. */
static bool pays(const attempt *a, const pass_contraction *c, const ir_expr *v) {
  if (c->nbatch) return a->maxima || c->nk == 1;
  for (int i = 0; i < a->into->member.n; i++) {
    const ir_eq *eq = a->into->member.at[i].eq;
    if (eq->head != a->first.eq->head && ir_reads(eq->body, v->u.tensor)) return false;
  }
  return a->maxima && a->into->frame.n <= 1;
}

/* Take the product as P V, P being FACTOR: the frame is what P has besides the projected
 * indices. */
static bool attempt_with(sched_graph *g, sched_group *into, const pass_contraction *c,
                         const ir_expr *factor) {
  const ir_expr *p = read_in(factor);
  attempt a = {.g = g, .into = into};
  sched_indices result = {0}, all = into->frame;
  save(&a);
  into->shape = KERNEL_ATTEND;
  into->frame = (sched_indices){0};
  for (int i = 0; i < all.n; i++)
    if (ir_mentions(p, all.at[i])) BASE_PUSH(g->arena, &into->frame, all.at[i]);
    else BASE_PUSH(g->arena, &result, all.at[i]);
  for (int i = 0; i < c->nk; i++) BASE_PUSH(g->arena, &into->line, c->k[i]);
  while (join_before(&a)) continue;
  if (a.products && a.reductions && result.n &&
      pays(&a, c, read_in(factor == c->product[0].a ? c->product[0].b : c->product[0].a))) {
    while (join_after(&a, &result)) continue;
    return true;
  }
  restore(&a);
  return false;
}

void sched_attend(sched_graph *g) {
  pass_contraction c;
  for (int i = 0; i < g->n; i++) {
    sched_group *s = &g->group[i];
    if (s->gone || s->loop || s->shape != KERNEL_CONTRACT || s->member.n != 1) continue;
    if (!pass_contraction_of(g->p, s->member.at[0].eq, &c) || c.nproduct != 1) continue;
    if (!attempt_with(g, s, &c, c.product[0].a)) attempt_with(g, s, &c, c.product[0].b);
  }
}
