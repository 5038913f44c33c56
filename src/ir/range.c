/* range: proofs that an integer expression is never negative. It is a polynomial over indices,
 * sizes and compound atoms; parts are replaced by bounds that make it smaller until every term is
 * plainly not negative. Sound; not complete: what a budget does not prove counts as unknown. */
#include "ir/private.h"

enum { BUDGET = 400, DEPTH = 10, PROVING = 3 };

/* ---- facts ----------------------------------------------------------------------------------- */

void ir_facts_open(ir_facts *f, ir_program *p) {
  f->p = p;
  f->n = f->nleast = 0;
  f->budget = BUDGET;
}

int64_t ir_facts_least(const ir_facts *f, const ir_symbol *symbol) {
  int64_t least = symbol->least;
  for (int i = 0; i < f->nleast; i++)
    if (f->symbol[i] == symbol && f->least[i] > least) least = f->least[i];
  return least;
}

/* k N + c >= 0 with k > 0 says how small N may be: ceil(-c / k). */
static bool add_least(ir_facts *f, const poly *e) {
  if (e->n < 1 || e->n > 2 || e->term[0].k <= 0 || e->term[0].atom[1] != NULL) return false;
  const ir_expr *atom = e->term[0].atom[0];
  if (atom == NULL || atom->op != IR_SYMBOL) return false;
  if (e->n == 2 && e->term[1].atom[0] != NULL) return false;
  int64_t c = e->n == 2 ? e->term[1].k : 0, k = e->term[0].k;
  int64_t least = c < 0 ? (-c + k - 1) / k : -(c / k);
  if (least <= ir_facts_least(f, atom->u.symbol) || f->nleast == IR_FACTS) return true;
  f->symbol[f->nleast] = atom->u.symbol;
  f->least[f->nleast++] = least;
  return true;
}

void ir_facts_add(ir_facts *f, const ir_expr *nonnegative) {
  poly e;
  poly_of(&e, nonnegative);
  int64_t value;
  if (poly_constant(&e, &value) || add_least(f, &e) || f->n == IR_FACTS) return;
  for (int i = 0; i < f->n; i++)
    if (f->at[i] == nonnegative) return;
  f->at[f->n++] = nonnegative;
}

/* A product of sizes that is at least 1: so is each of them. */
static void add_factors(ir_facts *f, const ir_expr *product) {
  poly e;
  poly_of(&e, product);
  if (e.n != 1 || e.term[0].atom[1] == NULL) return;
  for (int i = 0; i < POLY_FACTORS && e.term[0].atom[i] != NULL; i++) {
    const ir_expr *x = e.term[0].atom[i];
    if (x->op != IR_SYMBOL || x->u.symbol->least < 0) return;
  }
  for (int i = 0; i < POLY_FACTORS && e.term[0].atom[i] != NULL; i++)
    ir_facts_add(f, ir_sum(f->p, e.term[0].atom[i], -1, ir_int(f->p, 1)));
}

void ir_facts_indices(ir_facts *f, const ir_expr *e) {
  if (!ir_holds_index(e)) return;
  ir_walk *w = ir_walk_open(e);
  for (const ir_expr *x; (x = ir_walk_next(w)) != NULL;)
    if (x->op == IR_INDEX && x->u.index->extent->op != IR_CONST) {
      ir_facts_add(f, ir_sum(f->p, x->u.index->extent, -1, ir_int(f->p, 1)));
      add_factors(f, x->u.index->extent);
    }
  ir_walk_close(w, e);
}

/* a >= 0 from k = 0, or a > 0 from k = 1: of b - a. */
static void add_difference(ir_facts *f, const ir_expr *a, const ir_expr *b, int64_t k) {
  const ir_expr *d = ir_sum(f->p, b, -1, a);
  ir_facts_add(f, ir_sum(f->p, d, -k, ir_int(f->p, 1)));
}

static void add_guard(ir_facts *f, const ir_expr *g, bool holds, int depth) {
  if (depth > IR_FACTS) return;
  if (g->op == IR_NOT) add_guard(f, g->arg[0], !holds, depth + 1);
  if (g->op == (holds ? IR_AND : IR_OR)) {
    add_guard(f, g->arg[0], holds, depth + 1);
    add_guard(f, g->arg[1], holds, depth + 1);
  }
  if (g->n != 2 || g->arg[0]->type != IR_I64) return;
  const ir_expr *a = g->arg[0], *b = g->arg[1];
  if (g->op == IR_LT && holds) add_difference(f, a, b, 1);
  if (g->op == IR_LT && !holds) add_difference(f, b, a, 0);
  if (g->op == IR_LE && holds) add_difference(f, a, b, 0);
  if (g->op == IR_LE && !holds) add_difference(f, b, a, 1);
  if (g->op == (holds ? IR_EQ : IR_NE)) {
    add_difference(f, a, b, 0);
    add_difference(f, b, a, 0);
  }
}

void ir_facts_guard(ir_facts *f, const ir_expr *guard, bool holds) {
  add_guard(f, guard, holds, 0);
}

/* ---- what is plain --------------------------------------------------------------------------- */

typedef struct proof {
  const ir_facts *f;
  int budget;
} proof;

static bool prove(proof *s, const poly *e, int depth);

static bool never_negative_atom(proof *s, const ir_expr *a, int depth) {
  int64_t k;
  switch (a->op) {
  case IR_INDEX:
  case IR_ABS:
  case IR_RANDOM: return true;
  case IR_SYMBOL: return ir_facts_least(s->f, a->u.symbol) >= 0;
  case IR_MOD:
    if (ir_is_int(a->arg[1], &k)) return k >= 0;
    break;
  case IR_CAST: return a->arg[0]->type == IR_BOOL;
  default: break;
  }
  if (depth >= DEPTH || s->budget <= 0) return false;
  poly x, y;
  switch (a->op) {
  case IR_MOD: poly_of(&y, a->arg[1]); return prove(s, &y, depth + 1);
  case IR_QUO:
    poly_of(&x, a->arg[0]);
    poly_of(&y, a->arg[1]);
    return prove(s, &y, depth + 1) && prove(s, &x, depth + 1);
  case IR_MINIMUM:
    poly_of(&x, a->arg[0]);
    poly_of(&y, a->arg[1]);
    return prove(s, &x, depth + 1) && prove(s, &y, depth + 1);
  case IR_MAXIMUM:
    poly_of(&x, a->arg[0]);
    poly_of(&y, a->arg[1]);
    return prove(s, &x, depth + 1) || prove(s, &y, depth + 1);
  default: return false;
  }
}

/* Sizes written as their least value plus what is above it: then no term may be negative. */
static bool shift_sizes(proof *s, const poly *e, poly *out) {
  *out = *e;
  const ir_expr *done[POLY_TERMS];
  int ndone = 0;
  for (int i = 0; i < e->n; i++)
    for (int j = 0; j < POLY_FACTORS && e->term[i].atom[j] != NULL; j++) {
      const ir_expr *x = e->term[i].atom[j];
      bool met = x->op != IR_SYMBOL || ir_facts_least(s->f, x->u.symbol) == 0;
      for (int k = 0; k < ndone; k++) met = met || done[k] == x;
      if (met || ndone == POLY_TERMS) continue;
      done[ndone++] = x;
      poly power, coefficient, rest;
      if (!poly_linear(out, x, &coefficient, &rest)) continue; /* powers stay */
      poly_set(&power, ir_facts_least(s->f, x->u.symbol));
      if (!poly_add_term(&power, &(poly_term){1, {x}}) || !poly_mul(out, &coefficient, &power) ||
          !poly_add(out, 1, &rest))
        return false;
    }
  return true;
}

static bool plain(proof *s, const poly *e, int depth) {
  poly shifted;
  if (!shift_sizes(s, e, &shifted)) shifted = *e;
  for (int i = 0; i < shifted.n; i++)
    if (shifted.term[i].k < 0) return false;
  for (int i = 0; i < shifted.n; i++)
    for (int j = 0; j < POLY_FACTORS && shifted.term[i].atom[j] != NULL; j++) {
      const ir_expr *x = shifted.term[i].atom[j]; /* a shifted size is not negative */
      if (x->op != IR_SYMBOL && !never_negative_atom(s, x, depth)) return false;
      if (x->op == IR_SYMBOL && ir_facts_least(s->f, x->u.symbol) < 0) return false;
    }
  return true;
}

/* ---- moves: each makes e smaller, or keeps it ------------------------------------------------ */

/* Is c by + rest never negative? */
static bool prove_with(proof *s, const poly *c, const poly *by, const poly *rest, int depth) {
  poly e;
  return poly_mul(&e, c, by) && poly_add(&e, 1, rest) && prove(s, &e, depth + 1);
}

static bool prove_with_expr(proof *s, const poly *c, const ir_expr *by, const poly *rest,
                            int depth) {
  poly x;
  poly_of(&x, by);
  return prove_with(s, c, &x, rest, depth);
}

static bool prove_with_int(proof *s, const poly *c, int64_t by, const poly *rest, int depth) {
  poly x;
  poly_set(&x, by);
  return prove_with(s, c, &x, rest, depth);
}

static bool prove_expr(proof *s, const ir_expr *e, int64_t plus, int depth) {
  poly x;
  poly_of(&x, e);
  return poly_add_term(&x, &(poly_term){plus, {NULL}}) && prove(s, &x, depth + 1);
}

static int sign_of(proof *s, const poly *c, int depth) {
  int64_t k;
  if (poly_constant(c, &k)) return k < 0 ? -1 : 1;
  if (prove(s, c, depth + 1)) return 1;
  poly minus;
  poly_set(&minus, 0);
  return poly_add(&minus, -1, c) && prove(s, &minus, depth + 1) ? -1 : 0;
}

/* q = u // b, b > 0: u - b + 1 <= b q <= u; the coefficient of q a multiple of b. */
static bool by_product(proof *s, const ir_expr *q, const poly *c, const poly *rest, int sign,
                       int depth) {
  poly b, u, factor;
  poly_of(&b, q->arg[1]);
  poly_of(&u, q->arg[0]);
  poly_set(&factor, 0);
  if (b.n != 1) return false;
  for (int i = 0; i < c->n; i++) {
    poly_term t;
    if (!poly_term_div(&t, &c->term[i], &b.term[0]) || !poly_add_term(&factor, &t)) return false;
  }
  if (sign > 0 && !poly_add(&u, -1, &b)) return false;
  if (sign > 0 && !poly_add_term(&u, &(poly_term){1, {NULL}})) return false;
  return prove_with(s, &factor, &u, rest, depth);
}

/* q = u // b, b > 0: q <= r where u < b (r + 1), q >= -r where u >= -b r. */
static bool by_cross(proof *s, const ir_expr *q, const poly *c, const poly *rest, int depth) {
  poly b, u, e;
  int64_t k;
  if (!poly_constant(c, &k) || (k != 1 && k != -1)) return false;
  poly_of(&b, q->arg[1]);
  poly_of(&u, q->arg[0]);
  if (!poly_mul(&e, rest, &b) || !poly_add(&e, k, &u)) return false;
  if (k < 0 && (!poly_add(&e, 1, &b) || !poly_add_term(&e, &(poly_term){-1, {NULL}}))) return false;
  return prove(s, &e, depth + 1);
}

static bool by_quotient(proof *s, const ir_expr *q, const poly *c, const poly *rest, int sign,
                        int depth) {
  if (!prove_expr(s, q->arg[1], -1, depth)) return false;
  if (by_product(s, q, c, rest, sign, depth) || by_cross(s, q, c, rest, depth)) return true;
  const ir_expr *u = ir_bound(s->f, q->arg[0], sign < 0); /* floor is monotone */
  if (u != NULL && u != q->arg[0] &&
      prove_with_expr(s, c, ir_quotient(s->f->p, u, q->arg[1]), rest, depth))
    return true;
  if (!prove_expr(s, q->arg[0], 0, depth)) return false;
  if (sign < 0) return prove_with_expr(s, c, q->arg[0], rest, depth);
  return prove_with_int(s, c, 0, rest, depth);
}

static bool by_remainder(proof *s, const ir_expr *m, const poly *c, const poly *rest, int sign,
                         int depth) {
  if (!prove_expr(s, m->arg[1], -1, depth)) return false;
  if (sign > 0) return prove_with_int(s, c, 0, rest, depth);
  const ir_expr *most = ir_sum(s->f->p, m->arg[1], -1, ir_int(s->f->p, 1));
  if (prove_with_expr(s, c, most, rest, depth)) return true;
  return prove_expr(s, m->arg[0], 0, depth) && prove_with_expr(s, c, m->arg[0], rest, depth);
}

/* The smaller of two where that is worse needs both; where it is better, either will do. */
static bool by_either(proof *s, const ir_expr *a, const ir_expr *b, bool both, const poly *c,
                      const poly *rest, int depth) {
  bool first = prove_with_expr(s, c, a, rest, depth);
  if (first != both) return first;
  return prove_with_expr(s, c, b, rest, depth);
}

static bool by_cast(proof *s, const ir_expr *x, const poly *c, const poly *rest, int sign,
                    int depth) {
  if (x->arg[0]->type == IR_BOOL) return prove_with_int(s, c, sign < 0, rest, depth);
  if (x->u.to != IR_I32) return false;
  return prove_with_int(s, c, sign < 0 ? INT32_MAX : INT32_MIN, rest, depth);
}

/* Replace the atom X of e = c X + rest by what bounds it. */
static bool by_range(proof *s, const ir_expr *x, const poly *c, const poly *rest, int depth) {
  ir_program *p = s->f->p;
  const ir_expr *minus;
  int sign = x->op == IR_WHERE ? 1 : sign_of(s, c, depth);
  if (sign == 0) return false;
  switch (x->op) {
  case IR_INDEX:
    if (sign > 0) return prove_with_int(s, c, 0, rest, depth);
    return prove_with_expr(s, c, ir_sum(p, x->u.index->extent, -1, ir_int(p, 1)), rest, depth);
  case IR_QUO: return by_quotient(s, x, c, rest, sign, depth);
  case IR_MOD: return by_remainder(s, x, c, rest, sign, depth);
  case IR_MINIMUM: return by_either(s, x->arg[0], x->arg[1], sign > 0, c, rest, depth);
  case IR_MAXIMUM: return by_either(s, x->arg[0], x->arg[1], sign < 0, c, rest, depth);
  case IR_WHERE: return by_either(s, x->arg[1], x->arg[2], true, c, rest, depth);
  case IR_ABS:
    minus = ir_product(p, x->arg[0], ir_int(p, -1));
    return sign > 0 && by_either(s, x->arg[0], minus, false, c, rest, depth);
  case IR_SIGN: return prove_with_int(s, c, -sign, rest, depth);
  case IR_RANDOM: return prove_with_int(s, c, sign < 0 ? UINT32_MAX : 0, rest, depth);
  case IR_CAST: return by_cast(s, x, c, rest, sign, depth);
  default: return false;
  }
}

/* The atom to replace first: compound ones, the youngest, before indices. */
static const ir_expr *hardest(const poly *e, const ir_expr *const *tried, int ntried) {
  const ir_expr *best = NULL;
  for (int i = 0; i < e->n; i++)
    for (int j = 0; j < POLY_FACTORS && e->term[i].atom[j] != NULL; j++) {
      const ir_expr *x = e->term[i].atom[j];
      bool skip = x->op == IR_SYMBOL || x->op == IR_READ;
      for (int k = 0; k < ntried; k++) skip = skip || tried[k] == x;
      if (skip) continue;
      bool better = best == NULL || (best->op == IR_INDEX && x->op != IR_INDEX) ||
                    ((best->op == IR_INDEX) == (x->op == IR_INDEX) && x->id > best->id);
      if (better) best = x;
    }
  return best;
}

/* e = (e - m fact) + m fact for an m >= 0 that cancels one term. */
static bool by_fact(proof *s, const poly *e, const poly *fact, int depth) {
  for (int i = 0; i < e->n; i++)
    for (int j = 0; j < fact->n; j++) {
      poly_term m;
      if (e->term[i].atom[0] == NULL || fact->term[j].atom[0] == NULL) continue;
      if (!poly_term_div(&m, &e->term[i], &fact->term[j]) || m.k < 0) continue;
      poly factor = {1, {m}}, taken, left = *e;
      if (m.atom[0] != NULL && !plain(s, &factor, depth + 1)) continue;
      if (!poly_mul(&taken, &factor, fact) || !poly_add(&left, -1, &taken)) continue;
      if (prove(s, &left, depth + 2)) return true;
    }
  return false;
}

/* e = fact + what is plainly not negative: worth a look before the budget goes elsewhere. */
static bool by_plain_fact(proof *s, const poly *e, int depth) {
  for (int i = 0; i < s->f->n; i++) {
    poly fact, left = *e;
    poly_of(&fact, s->f->at[i]);
    if (poly_add(&left, -1, &fact) && plain(s, &left, depth)) return true;
  }
  return false;
}

static bool search(proof *s, const poly *e, int depth) {
  if (plain(s, e, depth) || (depth == 0 && by_plain_fact(s, e, depth))) return true;
  const ir_expr *tried[2];
  for (int n = 0; n < 2; n++) {
    const ir_expr *x = hardest(e, tried, n);
    poly c, rest;
    if (x == NULL) break;
    if (poly_linear(e, x, &c, &rest) && by_range(s, x, &c, &rest, depth)) return true;
    tried[n] = x;
  }
  for (int i = 0; i < s->f->n; i++) {
    poly fact;
    poly_of(&fact, s->f->at[i]);
    if (by_fact(s, e, &fact, depth)) return true;
  }
  return false;
}

/* Sizes that must be equal as one. Only here: elsewhere a size stands for its own tensor's. */
static bool unite_sizes(const poly *e, poly *out) {
  poly_set(out, 0);
  for (int i = 0; i < e->n; i++) {
    poly_term t = {e->term[i].k, {NULL}};
    for (int f = 0; f < POLY_FACTORS && e->term[i].atom[f] != NULL; f++) {
      const ir_expr *x = e->term[i].atom[f];
      if (x->op == IR_SYMBOL) x = ir_same_size(x);
      poly_term one = {1, {x}};
      if (x->op == IR_CONST) one = (poly_term){x->u.integer, {NULL}};
      if (!poly_term_mul(&t, &t, &one)) return false;
    }
    if (!poly_add_term(out, &t)) return false;
  }
  return true;
}

static bool prove(proof *s, const poly *e, int depth) {
  int64_t k;
  poly united;
  if (s->f->p->requires.n > 0 && unite_sizes(e, &united)) e = &united;
  if (poly_constant(e, &k)) return k >= 0;
  if (depth > DEPTH || --s->budget < 0) return false;
  return search(s, e, depth);
}

/* ---- doors ----------------------------------------------------------------------------------- */

bool ir_prove_poly(const ir_facts *f, const poly *e) {
  struct ir_table *table = f->p->table;
  int64_t k;
  if (poly_constant(e, &k)) return k >= 0;
  if (table->proving >= PROVING) return false;
  table->proving++;
  proof s = {f, f->budget >> (3 * (table->proving - 1))};
  bool proven = prove(&s, e, 0);
  table->proving--;
  return proven;
}

bool ir_prove(const ir_facts *f, const ir_expr *e) {
  poly x;
  poly_of(&x, e);
  return ir_prove_poly(f, &x);
}

bool ir_never_negative(ir_program *p, const ir_expr *e) {
  if (e->op == IR_CONST) return e->u.integer >= 0;
  ir_facts f;
  ir_facts_open(&f, p);
  ir_facts_indices(&f, e);
  return ir_prove(&f, e);
}

bool ir_less_equal(ir_program *p, const ir_expr *a, const ir_expr *b) {
  ir_facts f;
  poly x, y;
  int64_t k;
  poly_of(&x, b);
  poly_of(&y, a);
  if (!poly_add(&x, -1, &y)) return false;
  if (poly_constant(&x, &k)) return k >= 0;
  ir_facts_open(&f, p);
  ir_facts_indices(&f, a);
  ir_facts_indices(&f, b);
  return ir_prove_poly(&f, &x);
}
