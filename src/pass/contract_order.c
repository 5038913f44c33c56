/* The order in which the factors of a product are multiplied: the cheapest of all up to ten
 * factors, beyond that the cheapest pair first. Sizes that are no constants are taken for 64. */
#include "pass/private.h"

enum { OPTIMAL = 10, GUESS = 64 };

void contract_guess(contraction *c) {
  int64_t *symbols = BASE_NEWS(c->p->arena, int64_t, c->p->symbols.n + 1);
  for (int i = 0; i < c->p->symbols.n; i++) symbols[i] = GUESS;
  for (int i = 0; i < c->indices.n; i++) {
    int64_t n = ir_eval_size(c->indices.at[i]->extent, symbols);
    c->extent[i] = n > 1 ? (double)n : 1;
  }
}

double contract_points(const contraction *c, uint64_t set) {
  double n = 1;
  for (int i = 0; i < c->indices.n; i++)
    if (set >> i & 1) n *= c->extent[i];
  return n;
}

/* ---- optimal: over all subsets of the factors ------------------------------------------------ */

typedef struct subset {
  uint64_t indices, keep;   /* of its factors; of its product, once summed */
  double cost;
  unsigned left;            /* one half of the best split */
} subset;

static void consider(const contraction *c, subset *all, unsigned s, unsigned left) {
  const subset *a = &all[left], *b = &all[s ^ left];
  double cost = a->cost + b->cost + 2 * contract_points(c, a->keep | b->keep) +
                contract_points(c, all[s].keep);
  if (all[s].left && cost >= all[s].cost) return;
  all[s].cost = cost;
  all[s].left = left;
}

static const ir_expr *build(contraction *c, const subset *all, unsigned s, bool last) {
  if (!all[s].left) return c->factors.at[__builtin_ctz(s)].e;
  const ir_expr *a = build(c, all, all[s].left, false), *b = build(c, all, s ^ all[s].left, false);
  const ir_expr *product = ir_binary(c->p, IR_MUL, a, b);
  return last ? product : contract_define(c, product, all[s].keep);
}

static const ir_expr *optimal(contraction *c) {
  unsigned full = (1u << c->factors.n) - 1;
  subset *all = BASE_NEWS(c->p->arena, subset, full + 1);
  for (unsigned s = 1; s <= full; s++)
    for (int i = 0; i < c->factors.n; i++)
      if (s >> i & 1) all[s].indices |= c->factors.at[i].set;
  for (unsigned s = 1; s <= full; s++) {
    all[s].keep = all[s].indices & (c->free | all[full ^ s].indices);
    if ((s & (s - 1)) == 0) continue;
    unsigned low = s & -s;
    for (unsigned left = (s - 1) & s; left; left = (left - 1) & s)
      if (left & low) consider(c, all, s, left);
  }
  return build(c, all, full, true);
}

/* ---- greedy ---------------------------------------------------------------------------------- */

static uint64_t kept(const contraction *c, int a, int b) {
  uint64_t others = c->free;
  for (int i = 0; i < c->factors.n; i++)
    if (i != a && i != b) others |= c->factors.at[i].set;
  return (c->factors.at[a].set | c->factors.at[b].set) & others;
}

static void multiply_cheapest(contraction *c) {
  int a = 0, b = 1;
  double best = -1;
  for (int i = 0; i < c->factors.n; i++)
    for (int k = i + 1; k < c->factors.n; k++) {
      double cost = contract_points(c, c->factors.at[i].set | c->factors.at[k].set);
      if (best >= 0 && cost >= best) continue;
      best = cost;
      a = i;
      b = k;
    }
  uint64_t keep = kept(c, a, b);
  contract_factor *f = &c->factors.at[a];
  f->e = contract_define(c, ir_binary(c->p, IR_MUL, f->e, c->factors.at[b].e), keep);
  f->set = keep;
  c->factors.at[b] = c->factors.at[--c->factors.n];
}

const ir_expr *contract_in_order(contraction *c) {
  while (c->factors.n > OPTIMAL) multiply_cheapest(c);
  return c->factors.n == 1 ? c->factors.at[0].e : optimal(c);
}
