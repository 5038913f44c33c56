/* contract: sums of products, two factors at a time.
 *
 * The factors of a sum are sorted out first: one whose indices all stand in another is
 * multiplied into it, one that is more than a read gets an equation of its own. If one factor is
 * left, the sum has no better form and stays as it was: dot products, and all that runs once
 * through its largest factor. */
#include "pass/private.h"

enum { CHEAP = 8 };   /* a factor that costs more is not computed again for each point of another */

/* ---- factors --------------------------------------------------------------------------------- */

static uint64_t indices_in(const contraction *c, const ir_expr *e) {
  uint64_t set = 0;
  for (int i = 0; i < c->indices.n; i++)
    if (ir_mentions(e, c->indices.at[i])) set |= UINT64_C(1) << i;
  return set;
}

static void add_factor(contraction *c, const ir_expr *e) {
  contract_factor f = {e, indices_in(c, e)};
  BASE_PUSH(c->p->arena, &c->factors, f);
}

/* Divide the smallest factor that has all of the divisor's indices. */
static void divide(contraction *c, const ir_expr *by) {
  uint64_t set = indices_in(c, by);
  contract_factor *best = NULL;
  for (int i = 0; i < c->factors.n; i++) {
    contract_factor *f = &c->factors.at[i];
    if ((set & ~f->set) == 0 &&
        (!best || contract_points(c, f->set) < contract_points(c, best->set)))
      best = f;
  }
  if (best) best->e = ir_binary(c->p, IR_DIV, best->e, by);
  else add_factor(c, ir_binary(c->p, IR_DIV, ir_number(c->p, (ir_type)by->type, 1), by));
}

/* In bounds whatever the indices are: it may be read where its guard does not hold. */
typedef struct bounds { ir_program *p; bool proven; } bounds;

static void ask_bounds(void *arg, const ir_expr *e) {
  bounds *b = arg;
  for (int k = 0; e->op == IR_READ && k < e->n; k++) {
    const ir_expr *end = ir_binary(b->p, IR_ADD, e->arg[k], ir_int(b->p, 1));
    if (!ir_never_negative(b->p, e->arg[k]) || !ir_less_equal(b->p, end, e->u.tensor->size[k]))
      b->proven = false;
  }
}

static bool always_inside(ir_program *p, const ir_expr *e) {
  bounds b = {p, true};
  ir_each(e, ask_bounds, &b);
  return b.proven;
}

/* where(test, a b, 0): a factor that needs the test is guarded by it, and one at least. */
static void guard_from(contraction *c, int first, const ir_expr *test) {
  uint64_t set = indices_in(c, test);
  bool guarded = false;
  for (int round = 0; round < 2 && !guarded; round++)
    for (int i = first; i < c->factors.n; i++) {
      contract_factor *f = &c->factors.at[i];
      bool needs = !always_inside(c->p, f->e) || (round == 1 && !guarded && (f->set & set));
      if (!needs) continue;
      f->e = ir_where(c->p, test, f->e, ir_number(c->p, (ir_type)f->e->type, 0));
      f->set |= set;
      guarded = true;
    }
  if (!guarded)
    add_factor(c, ir_where(c->p, test, ir_number(c->p, c->type, 1), ir_number(c->p, c->type, 0)));
}

static void split_factors(contraction *c, const ir_expr *e) {
  int first = c->factors.n;
  if (e->op == IR_MUL && e->type == c->type) {
    split_factors(c, e->arg[0]);
    split_factors(c, e->arg[1]);
  } else if (e->op == IR_DIV) {
    split_factors(c, e->arg[0]);
    divide(c, e->arg[1]);
  } else if (e->op == IR_WHERE && ir_is_const(e->arg[2], 0) && e->arg[1]->op == IR_MUL) {
    split_factors(c, e->arg[1]);
    guard_from(c, first, e->arg[0]);
  } else {
    add_factor(c, e);
  }
}

static void drop_factor(contraction *c, int i) { c->factors.at[i] = c->factors.at[--c->factors.n]; }

/* Multiply factors whose indices stand in another's into the smallest such. */
static void merge_factors(contraction *c) {
  for (int i = 0; i < c->factors.n; i++) {
    int best = -1;
    for (int k = 0; k < c->factors.n; k++) {
      if (k == i || (c->factors.at[i].set & ~c->factors.at[k].set)) continue;
      if (best < 0 ||
          contract_points(c, c->factors.at[k].set) < contract_points(c, c->factors.at[best].set))
        best = k;
    }
    if (best < 0) continue;
    contract_factor *f = &c->factors.at[i];
    if (f->set != c->factors.at[best].set && ir_cost(f->e) > CHEAP) f->e = contract_window(c, f);
    c->factors.at[best].e = ir_binary(c->p, IR_MUL, c->factors.at[best].e, c->factors.at[i].e);
    drop_factor(c, i);
    i = -1;
  }
}

/* ---- tensors in between ---------------------------------------------------------------------- */

/* The indices of KEEP as the widest read in BODY has them, then the others: its tensor lies in
 * memory alike. */
typedef struct laying {
  contraction *c;
  uint64_t keep;
  const ir_expr *widest;
  int width;
} laying;

static int position_of(const contraction *c, const ir_expr *at) {
  const ir_expr *rest;
  const ir_index *x = ir_position_index(at, &rest);
  for (int i = 0; x && i < c->indices.n; i++)
    if (c->indices.at[i] == x) return i;
  return -1;
}

static void look_for_widest(void *arg, const ir_expr *e) {
  laying *l = arg;
  int width = 0;
  if (e->op != IR_READ) return;
  for (int k = 0; k < e->n; k++) {
    int i = position_of(l->c, e->arg[k]);
    width += i >= 0 && (l->keep >> i & 1);
  }
  if (width <= l->width) return;
  l->widest = e;
  l->width = width;
}

static void lay_out(contraction *c, const ir_expr *body, uint64_t keep, pass_indices *order) {
  laying l = {.c = c, .keep = keep};
  ir_each(body, look_for_widest, &l);
  for (int k = 0; l.widest && k < l.widest->n; k++) {
    int i = position_of(c, l.widest->arg[k]);
    if (i < 0 || !(keep >> i & 1)) continue;
    keep ^= UINT64_C(1) << i;
    BASE_PUSH(c->p->arena, order, c->indices.at[i]);
  }
  for (int i = 0; i < c->indices.n; i++)
    if (keep >> i & 1) BASE_PUSH(c->p->arena, order, c->indices.at[i]);
}

/* What is rounded, and not summed, is stored as what it is rounded to. */
static bool is_rounded(const contraction *c, const ir_expr *body, uint64_t keep) {
  if (body->op != IR_CAST || !ir_type_real(body->u.to)) return false;
  for (int i = 0; i < c->indices.n; i++)
    if (!(keep >> i & 1) && ir_mentions(body, c->indices.at[i])) return false;
  return true;
}

const ir_expr *contract_define(contraction *c, const ir_expr *body, uint64_t keep) {
  ir_program *p = c->p;
  pass_indices order = {0};
  lay_out(c, body, keep, &order);
  int n = order.n;
  const ir_expr **all = BASE_NEWS(p->arena, const ir_expr *, n + 1),
                **at = BASE_NEWS(p->arena, const ir_expr *, n + 1);
  const ir_expr **size = BASE_NEWS(p->arena, const ir_expr *, n + 1);
  for (int k = 0; k < n; k++) {
    size[k] = order.at[k]->extent;
    at[k] = all[k] = ir_use(p, order.at[k]);
  }
  all[n] = body;
  ir_type type = is_rounded(c, body, keep) ? body->u.to : (ir_type)body->type;
  ir_tensor *t = ir_tensor_new(p, c->eq->head->name, type, n, size, IR_DERIVED);
  t->span = c->eq->span;
  c->defined++;
  pass_refresh(p, n + 1, all);
  pass_sum_into(p, t, all, all[n], c->eq->span);
  return ir_read(p, t, at);
}

/* Sum each factor over what no other has. */
static void sum_private(contraction *c) {
  for (int i = 0; i < c->factors.n; i++) {
    contract_factor *f = &c->factors.at[i];
    uint64_t others = c->free;
    for (int k = 0; k < c->factors.n; k++)
      if (k != i) others |= c->factors.at[k].set;
    if (f->set & ~others) f->e = contract_define(c, f->e, f->set &= others);
  }
}

static void make_plain(contraction *c) {
  for (int i = 0; i < c->factors.n; i++)
    if (!pass_plain_read(c->p, c->factors.at[i].e))
      c->factors.at[i].e = contract_window(c, &c->factors.at[i]);
}

/* ---- equations ------------------------------------------------------------------------------- */

static bool is_sum(ir_program *p, const ir_eq *eq) {
  pass_contraction c;
  if (eq->agg != IR_SUM || !eq->nred || !ir_window(eq) || !ir_type_real((ir_type)eq->body->type))
    return false;
  return eq->nfree + eq->nred <= CONTRACT_INDICES && !pass_contraction_of(p, eq, &c);
}

void contract_equation(ir_program *p, ir_eq *eq) {
  if (!is_sum(p, eq)) return;
  contraction c = {.p = p, .eq = eq, .type = (ir_type)eq->body->type};
  for (int i = 0; i < eq->nfree + eq->nred; i++)
    BASE_PUSH(p->arena, &c.indices, i < eq->nfree ? eq->free[i] : eq->red[i - eq->nfree]);
  c.free = (UINT64_C(1) << eq->nfree) - 1;
  contract_guess(&c);
  split_factors(&c, eq->body);
  if (c.factors.n < 2) return;
  sum_private(&c);
  merge_factors(&c);
  if (c.factors.n == 1 && !c.defined) return;
  if (c.factors.n > 1) make_plain(&c);
  eq->body = contract_in_order(&c);
  int kept = 0;
  for (int i = 0; i < eq->nred; i++)
    if (ir_mentions(eq->body, eq->red[i])) eq->red[kept++] = eq->red[i];
  eq->nred = kept;
  if (!kept) eq->agg = IR_SET;
}

void pass_contract(ir_program *p) {
  int n = p->tensors.n;
  for (int t = 0; t < n; t++)
    for (int i = 0; i < p->tensors.at[t]->eqs.n; i++)
      contract_equation(p, p->tensors.at[t]->eqs.at[i]);
}
