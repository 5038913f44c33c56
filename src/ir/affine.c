/* affine: the canonical form of integer arithmetic, floor division and its remainder. */
#include "ir/private.h"

/* ---- sums and products ----------------------------------------------------------------------- */

static const ir_expr *raw(ir_program *p, ir_op op, const ir_expr *a, const ir_expr *b) {
  bool commutes = op == IR_ADD || op == IR_MUL;
  if (commutes && ir_compare(b, a) < 0)
    return ir_intern(p, op, IR_I64, 0, 2, (const ir_expr *[]){b, a});
  return ir_intern(p, op, IR_I64, 0, 2, (const ir_expr *[]){a, b});
}

static bool nonzero(ir_program *p, const ir_expr *e) {
  if (e->op == IR_CONST) return e->u.integer != 0;
  ir_facts f;
  ir_facts_open(&f, p);
  ir_facts_indices(&f, e);
  poly b;
  poly_of(&b, e);
  return poly_add_term(&b, &(poly_term){-1, {NULL}}) && ir_prove_poly(&f, &b);
}

/* t = factor * c (u // c), for the term factor * (u % c); then both make factor * u. */
static bool quotient_of(const poly_term *remainder, int at, const poly_term *t, const poly *c) {
  const ir_expr *mod = remainder->atom[at];
  if (c->n != 1) return false;
  poly_term want, x = {1, {mod}};
  if (!poly_term_div(&want, remainder, &x)) return false;
  if (!poly_term_mul(&want, &want, &c->term[0])) return false;
  for (int i = 0; i < POLY_FACTORS && t->atom[i] != NULL; i++) {
    const ir_expr *quo = t->atom[i];
    if (quo->op != IR_QUO || quo->arg[0] != mod->arg[0] || quo->arg[1] != mod->arg[1]) continue;
    poly_term whole, q = {1, {quo}};
    if (!poly_term_mul(&whole, &want, &q)) continue;
    if (whole.k == t->k && poly_same_atoms(&whole, t)) return true;
  }
  return false;
}

/* c (u // c) + u % c = u, where c is not 0. */
static bool join_one(ir_program *p, poly *a, int m, int at) {
  const ir_expr *mod = a->term[m].atom[at];
  poly c, u, all = *a;
  poly_of(&c, mod->arg[1]);
  for (int i = 0; i < a->n; i++) {
    if (i == m || !quotient_of(&a->term[m], at, &a->term[i], &c)) continue;
    if (!nonzero(p, mod->arg[1])) continue;
    poly_term factor, x = {1, {mod}};
    poly_term_div(&factor, &a->term[m], &x);
    poly_of(&u, mod->arg[0]);
    poly scaled = {1, {factor}};
    poly_term minus_m = a->term[m], minus_q = a->term[i];
    minus_m.k = -minus_m.k;
    minus_q.k = -minus_q.k;
    if (!poly_mul(&u, &u, &scaled) || !poly_add_term(&all, &minus_m) ||
        !poly_add_term(&all, &minus_q) || !poly_add(&all, 1, &u))
      return false;
    *a = all;
    return true;
  }
  return false;
}

static void join_divisions(ir_program *p, poly *a) {
  for (int i = 0; i < a->n; i++)
    for (int at = 0; at < POLY_FACTORS && a->term[i].atom[at] != NULL; at++)
      if (a->term[i].atom[at]->op == IR_MOD && join_one(p, a, i, at)) {
        i = -1;
        break;
      }
}

const ir_expr *ir_sum(ir_program *p, const ir_expr *a, int64_t k, const ir_expr *b) {
  poly x, y;
  poly_of(&x, a);
  poly_of(&y, b);
  if (!poly_add(&x, k, &y))
    return raw(p, IR_ADD, a, k == 1 ? b : ir_product(p, b, ir_int(p, k)));
  join_divisions(p, &x);
  return poly_expr(p, &x);
}

const ir_expr *ir_product(ir_program *p, const ir_expr *a, const ir_expr *b) {
  poly x, y;
  poly_of(&x, a);
  poly_of(&y, b);
  if (!poly_mul(&x, &x, &y)) return raw(p, IR_MUL, a, b);
  return poly_expr(p, &x);
}

/* ---- division with remainder ----------------------------------------------------------------- */

static int64_t floor_div(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

/* r = b q + r', by one term of b; q grows, r becomes r'. */
static bool divide_by_term(poly *r, const poly_term *b, poly *q) {
  poly rest;
  poly_set(&rest, 0);
  for (int i = 0; i < r->n; i++) {
    poly_term t = r->term[i], x;
    if (t.atom[0] == NULL && b->atom[0] == NULL) {   /* a constant by a constant */
      poly_term whole = {floor_div(t.k, b->k), {NULL}};
      t.k -= whole.k * b->k;
      if (!poly_add_term(q, &whole) || !poly_add_term(&rest, &t)) return false;
    } else if (poly_term_div(&x, &t, b)) {
      if (!poly_add_term(q, &x)) return false;
    } else if (!poly_add_term(&rest, &t)) {
      return false;
    }
  }
  *r = rest;
  return true;
}

/* The same by a sum, on its first term, while that goes. */
static bool divide_by_sum(poly *r, const poly *b, poly *q) {
  for (int round = 0; round < POLY_TERMS; round++) {
    poly_term x;
    int i = 0;
    while (i < r->n && !poly_term_div(&x, &r->term[i], &b->term[0])) i++;
    if (i == r->n) return true;
    poly back, one = {1, {x}};
    if (!poly_mul(&back, &one, b) || !poly_add(r, -1, &back) || !poly_add_term(q, &x)) return false;
  }
  return false;
}

static int64_t gcd(int64_t a, int64_t b) {
  while (b != 0) {
    int64_t r = a % b;
    a = b;
    b = r;
  }
  return a < 0 ? -a : a;
}

/* The greatest number that divides b and each term of r but the constant. */
static int64_t common_factor(const poly *r, int64_t b) {
  int64_t g = b;
  for (int i = 0; i < r->n; i++)
    if (r->term[i].atom[0] != NULL) g = gcd(g, r->term[i].k);
  return g;
}

static bool in_range(const ir_facts *f, const poly *r, const poly *b) {
  poly above = *b;
  return ir_prove_poly(f, r) && poly_add(&above, -1, r) &&
         poly_add_term(&above, &(poly_term){-1, {NULL}}) && ir_prove_poly(f, &above);
}

static bool positive(const ir_facts *f, const ir_expr *b) {
  poly x;
  poly_of(&x, b);
  return poly_add_term(&x, &(poly_term){-1, {NULL}}) && ir_prove_poly(f, &x);
}

/* a = b q + r as far as it goes; INSIDE: 0 <= r < b, so the division is done. b > 0. */
typedef struct division {
  poly q, r;
  bool inside;
  int64_t constant;          /* b's value, 0: not a constant */
} division;

/* Is r, or what it is after a step of b up or down, in range? */
static bool settle(const ir_facts *f, division *d, const poly *b) {
  if (in_range(f, &d->r, b)) return true;
  for (int step = -1; step <= 1; step += 2) {
    poly r = d->r, q = d->q;
    if (!poly_add(&r, -step, b) || !poly_add_term(&q, &(poly_term){step, {NULL}})) continue;
    if (!in_range(f, &r, b)) continue;
    d->r = r;
    d->q = q;
    return true;
  }
  return false;
}

static bool divide(const ir_facts *f, const ir_expr *a, const ir_expr *b, division *d) {
  poly by;
  if (ir_holds_data(a) || ir_holds_data(b)) return false;   /* it may have wrapped around */
  poly_of(&by, b);
  poly_of(&d->r, a);
  poly_set(&d->q, 0);
  if (!poly_constant(&by, &d->constant)) d->constant = 0;
  if (by.n == 1) {
    if (!divide_by_term(&d->r, &by.term[0], &d->q)) return false;
    d->inside = settle(f, d, &by);
    return true;
  }
  if (!divide_by_sum(&d->r, &by, &d->q)) return false;
  d->inside = settle(f, d, &by);
  return d->inside;
}

static void facts_for(ir_facts *f, ir_program *p, const ir_expr *a, const ir_expr *b) {
  ir_facts_open(f, p);
  ir_facts_indices(f, a);
  ir_facts_indices(f, b);
}

/* (g r' + k) and b = g b': their parts over g. */
static void reduce(poly *r, int64_t g) {
  for (int i = 0; i < r->n; i++)
    r->term[i].k = floor_div(r->term[i].k, g);
  if (r->n > 0 && r->term[r->n - 1].k == 0) r->n--;   /* only the constant can vanish */
}

/* (u // c + k) // b = (u + k c) // (c b), c and b > 0 */
static const ir_expr *nested(ir_program *p, const ir_facts *f, const poly *r, const ir_expr *b) {
  if (r->n < 1 || r->n > 2 || r->term[0].k != 1 || r->term[0].atom[1] != NULL) return NULL;
  const ir_expr *quo = r->term[0].atom[0];
  if (quo == NULL || quo->op != IR_QUO || (r->n == 2 && r->term[1].atom[0] != NULL)) return NULL;
  if (!positive(f, quo->arg[1])) return NULL;
  const ir_expr *u = quo->arg[0], *c = quo->arg[1];
  if (r->n == 2) u = ir_sum(p, u, r->term[1].k, c);
  return ir_quotient(p, u, ir_product(p, c, b));
}

const ir_expr *ir_quotient(ir_program *p, const ir_expr *a, const ir_expr *b) {
  ir_facts f;
  int64_t k;
  division d;
  if (ir_is_int(a, &k) && k == 0) return a;
  if (ir_is_int(b, &k) && k == 1) return a;
  if (ir_is_int(b, &k) && k < 0 && k != INT64_MIN && !ir_holds_data(a))
    return ir_quotient(p, ir_product(p, a, ir_int(p, -1)), ir_int(p, -k));
  facts_for(&f, p, a, b);
  if (!positive(&f, b) || !divide(&f, a, b, &d)) return raw(p, IR_QUO, a, b);
  if (d.inside) return poly_expr(p, &d.q);
  if (d.constant > 0) {
    int64_t g = common_factor(&d.r, d.constant);
    reduce(&d.r, g);
    b = ir_int(p, d.constant / g);
  }
  const ir_expr *inner = nested(p, &f, &d.r, b);
  if (inner == NULL) inner = poly_expr(p, &d.r);
  else return ir_sum(p, poly_expr(p, &d.q), 1, inner);
  if (!ir_is_int(b, &k) || k != 1) inner = raw(p, IR_QUO, inner, b);
  return ir_sum(p, poly_expr(p, &d.q), 1, inner);
}

/* u % (c k) is u for a remainder by c. */
static bool drop_inner(poly *r, int64_t c) {
  poly all;
  poly_set(&all, 0);
  for (int i = 0; i < r->n; i++) {
    const ir_expr *mod = r->term[i].atom[0];
    int64_t by;
    bool drop = mod != NULL && r->term[i].atom[1] == NULL && mod->op == IR_MOD &&
                ir_is_int(mod->arg[1], &by) && by > 0 && by % c == 0;
    poly u = {1, {r->term[i]}};
    if (drop) poly_of(&u, mod->arg[0]);
    if (!poly_add(&all, drop ? r->term[i].k : 1, &u)) return false;
  }
  *r = all;
  return true;
}

const ir_expr *ir_remainder(ir_program *p, const ir_expr *a, const ir_expr *b) {
  ir_facts f;
  int64_t k;
  division d;
  if (ir_is_int(b, &k) && (k == 0 || k == 1 || k == -1)) return ir_int(p, 0);
  facts_for(&f, p, a, b);
  if (!positive(&f, b) || !divide(&f, a, b, &d)) return raw(p, IR_MOD, a, b);
  if (d.inside) return poly_expr(p, &d.r);
  if (d.constant > 0 && drop_inner(&d.r, d.constant)) {
    poly ignored;
    poly_set(&ignored, 0);
    divide_by_term(&d.r, &(poly_term){d.constant, {NULL}}, &ignored);
    int64_t g = common_factor(&d.r, d.constant), rest = 0;
    if (g > 1) {   /* (g r' + k) % (g b') = g ((r' + k // g) % b') + k % g */
      if (d.r.n > 0 && d.r.term[d.r.n - 1].atom[0] == NULL) rest = d.r.term[d.r.n - 1].k % g;
      reduce(&d.r, g);
      const ir_expr *part = ir_remainder(p, poly_expr(p, &d.r), ir_int(p, d.constant / g));
      return ir_sum(p, ir_int(p, rest), g, part);
    }
  }
  return raw(p, IR_MOD, poly_expr(p, &d.r), b);
}

/* ---- the affine view ------------------------------------------------------------------------- */

enum { AFFINE_INDICES = sizeof((ir_affine){0}.index) / sizeof(ir_index *) };

static bool add_part(ir_affine *a, const ir_index **of, poly *part, const poly_term *t) {
  const ir_index *index = NULL;
  poly_term rest = *t;
  for (int i = 0; i < POLY_FACTORS && t->atom[i] != NULL; i++) {
    const ir_expr *x = t->atom[i];
    if (x->op != IR_INDEX && (ir_holds_index(x) || ir_holds_data(x))) return false;
    if (x->op != IR_INDEX) continue;
    if (index != NULL || !poly_term_div(&rest, t, &(poly_term){1, {x}})) return false;
    index = x->u.index;
  }
  int at = 0;
  while (at <= a->n && of[at] != index) at++;
  if (at > a->n) {
    if (a->n == AFFINE_INDICES) return false;
    at = ++a->n;
    of[at] = index;
    poly_set(&part[at], 0);
  }
  return poly_add_term(&part[at], &rest);
}

bool ir_affine_of(ir_program *p, const ir_expr *e, ir_affine *a) {
  const ir_index *of[AFFINE_INDICES + 1] = {NULL};   /* part 0 is the constant */
  poly part[AFFINE_INDICES + 1], whole;
  a->n = 0;
  poly_set(&part[0], 0);
  poly_of(&whole, e);
  for (int i = 0; i < whole.n; i++)
    if (!add_part(a, of, part, &whole.term[i])) return false;
  a->constant = poly_expr(p, &part[0]);
  for (int i = 0; i < a->n; i++) {
    a->index[i] = of[i + 1];
    a->coefficient[i] = poly_expr(p, &part[i + 1]);
  }
  return true;
}
