/* product: which equations are contractions. The passes keep their factors apart; the scheduler
 * builds kernels of them. */
#include "pass/private.h"

bool pass_plain_read(ir_program *p, const ir_expr *e) {
  while (e->op == IR_CAST) e = e->arg[0];
  if (e->op != IR_READ || !ir_type_real(e->u.tensor->type)) return false;
  ir_affine a;
  for (int k = 0; k < e->n; k++)
    if (!ir_affine_of(p, e->arg[k], &a)) return false;
  return true;
}

static bool split_terms(ir_program *p, const ir_expr *e, pass_contraction *c) {
  if (e->op == IR_ADD) return split_terms(p, e->arg[0], c) && split_terms(p, e->arg[1], c);
  if (e->op != IR_MUL || c->nproduct == PASS_PRODUCTS) return false;
  if (!pass_plain_read(p, e->arg[0]) || !pass_plain_read(p, e->arg[1])) return false;
  c->product[c->nproduct++] = (pass_product){e->arg[0], e->arg[1]};
  return true;
}

/* Sort the free indices by the first product; M gets the first that stands in one factor only. */
static bool sort_free(const ir_eq *eq, pass_contraction *c) {
  pass_product *first = &c->product[0];
  for (int i = 0; i < eq->nfree; i++) {
    const ir_index *x = eq->free[i];
    bool in_a = ir_mentions(first->a, x), in_b = ir_mentions(first->b, x);
    if (!in_a && !in_b) return false;
    if (in_a && in_b) {
      c->batch[c->nbatch++] = x;
      continue;
    }
    if (!c->nm && in_b) {
      *first = (pass_product){first->b, first->a};
      in_a = true;
    }
    if (in_a) c->m[c->nm++] = x;
    else c->n[c->nn++] = x;
  }
  return c->nm > 0;
}

static bool mentions_all(const ir_expr *e, int n, const ir_index *const *index) {
  for (int i = 0; i < n; i++)
    if (!ir_mentions(e, index[i])) return false;
  return true;
}

static bool mentions_any(const ir_expr *e, int n, const ir_index *const *index) {
  for (int i = 0; i < n; i++)
    if (ir_mentions(e, index[i])) return true;
  return false;
}

static bool has_roles(const pass_contraction *c, const pass_product *t) {
  return mentions_all(t->a, c->nbatch, c->batch) && mentions_all(t->b, c->nbatch, c->batch) &&
         mentions_all(t->a, c->nk, c->k) && mentions_all(t->b, c->nk, c->k) &&
         mentions_all(t->a, c->nm, c->m) && mentions_all(t->b, c->nn, c->n) &&
         !mentions_any(t->a, c->nn, c->n) && !mentions_any(t->b, c->nm, c->m);
}

bool pass_contraction_of(ir_program *p, const ir_eq *eq, pass_contraction *c) {
  *c = (pass_contraction){0};
  if (eq->agg != IR_SUM || !eq->nred || !ir_window(eq) || !ir_type_real((ir_type)eq->body->type))
    return false;
  if (eq->nred > PASS_INDICES || eq->nfree > PASS_INDICES || !split_terms(p, eq->body, c))
    return false;
  for (int i = 0; i < eq->nred; i++) c->k[c->nk++] = eq->red[i];
  if (!sort_free(eq, c)) return false;
  for (int i = 0; i < c->nproduct; i++) {
    pass_product *t = &c->product[i];
    if (!has_roles(c, t)) *t = (pass_product){t->b, t->a};
    if (!has_roles(c, t)) return false;
  }
  return true;
}
