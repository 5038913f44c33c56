/* poly: integer expressions as sums of products, the form in which they are compared and proved. */
#include <string.h>

#include "ir/private.h"

static int64_t wrap_add(int64_t a, int64_t b) { return (int64_t)((uint64_t)a + (uint64_t)b); }
static int64_t wrap_mul(int64_t a, int64_t b) { return (int64_t)((uint64_t)a * (uint64_t)b); }

/* ---- order ----------------------------------------------------------------------------------- */

/* NULL last, so that the constant term is. */
static int compare_atoms(const ir_expr *a, const ir_expr *b) {
  if (a == b) return 0;
  if (a == NULL || b == NULL) return a == NULL ? 1 : -1;
  return ir_compare(a, b);
}

static int compare_terms(const poly_term *a, const poly_term *b) {
  int order = 0;
  for (int i = 0; i < POLY_FACTORS && order == 0; i++)
    order = compare_atoms(a->atom[i], b->atom[i]);
  return order;
}

bool poly_same_atoms(const poly_term *a, const poly_term *b) {
  return memcmp(a->atom, b->atom, sizeof a->atom) == 0;
}

/* ---- arithmetic ------------------------------------------------------------------------------ */

void poly_set(poly *a, int64_t k) {
  a->n = k != 0;
  if (k != 0) a->term[0] = (poly_term){k, {NULL}};
}

bool poly_add_term(poly *a, const poly_term *t) {
  if (t->k == 0) return true;
  int at = a->n, order = 1;
  while (at > 0 && (order = compare_terms(&a->term[at - 1], t)) > 0) at--;
  if (at > 0 && order == 0) {
    poly_term *same = &a->term[at - 1];
    same->k = wrap_add(same->k, t->k);
    if (same->k != 0) return true;
    a->n--;
    memmove(same, same + 1, sizeof *same * (size_t)(a->n - at + 1));
    return true;
  }
  if (a->n == POLY_TERMS) return false;
  memmove(&a->term[at + 1], &a->term[at], sizeof *t * (size_t)(a->n - at));
  a->term[at] = *t;
  a->n++;
  return true;
}

bool poly_add(poly *a, int64_t k, const poly *b) {
  for (int i = 0; i < b->n; i++) {
    poly_term t = b->term[i];
    t.k = wrap_mul(t.k, k);
    if (!poly_add_term(a, &t)) return false;
  }
  return true;
}

bool poly_term_mul(poly_term *out, const poly_term *a, const poly_term *b) {
  int i = 0, j = 0, n = 0;
  poly_term product = {wrap_mul(a->k, b->k), {NULL}};
  for (;;) {
    const ir_expr *x = i < POLY_FACTORS ? a->atom[i] : NULL;
    const ir_expr *y = j < POLY_FACTORS ? b->atom[j] : NULL;
    if (x == NULL && y == NULL) break;
    if (n == POLY_FACTORS) return false;
    bool first = compare_atoms(x, y) <= 0;
    product.atom[n++] = first ? x : y;
    if (first) i++;
    else j++;
  }
  *out = product;
  return true;
}

bool poly_term_div(poly_term *out, const poly_term *a, const poly_term *b) {
  if (b->k == 0 || b->k == -1 || a->k % b->k != 0) return false;
  poly_term rest = {a->k / b->k, {NULL}};
  int j = 0, n = 0;
  for (int i = 0; i < POLY_FACTORS && a->atom[i] != NULL; i++) {
    if (j < POLY_FACTORS && a->atom[i] == b->atom[j]) j++;
    else rest.atom[n++] = a->atom[i];
  }
  if (j < POLY_FACTORS && b->atom[j] != NULL) return false;
  *out = rest;
  return true;
}

bool poly_mul(poly *out, const poly *a, const poly *b) {
  poly product;
  poly_set(&product, 0);
  for (int i = 0; i < a->n; i++)
    for (int j = 0; j < b->n; j++) {
      poly_term t;
      if (!poly_term_mul(&t, &a->term[i], &b->term[j])) return false;
      if (!poly_add_term(&product, &t)) return false;
    }
  *out = product;
  return true;
}

bool poly_constant(const poly *a, int64_t *value) {
  if (a->n > 1 || (a->n == 1 && a->term[0].atom[0] != NULL)) return false;
  *value = a->n == 0 ? 0 : a->term[0].k;
  return true;
}

bool poly_linear(const poly *e, const ir_expr *atom, poly *coefficient, poly *rest) {
  poly_set(coefficient, 0);
  poly_set(rest, 0);
  poly_term x = {1, {atom}};
  for (int i = 0; i < e->n; i++) {
    poly_term t;
    bool has = poly_term_div(&t, &e->term[i], &x);
    if (has && !poly_add_term(coefficient, &t)) return false;
    if (!has && !poly_add_term(rest, &e->term[i])) return false;
    for (int f = 0; has && f < POLY_FACTORS; f++)
      if (t.atom[f] == atom) return false;
  }
  return coefficient->n > 0;
}

/* ---- from and to expressions ----------------------------------------------------------------- */

static void atom_of(poly *out, const ir_expr *e) {
  out->n = 1;
  out->term[0] = (poly_term){1, {e}};
}

static bool decode(poly *out, const ir_expr *e, int depth);

/* out += the product E, whose factors are mostly atoms. */
static bool decode_product(poly *out, const ir_expr *e, int depth) {
  poly_term t = {1, {NULL}};
  const ir_expr *x = e;
  for (;; x = x->arg[0]) {
    const ir_expr *factor = x->op == IR_MUL ? x->arg[1] : x;
    poly_term one = {1, {factor}};
    if (factor->op == IR_CONST) one = (poly_term){factor->u.integer, {NULL}};
    if (factor->op == IR_ADD || factor->op == IR_MUL) break;
    if (!poly_term_mul(&t, &t, &one)) return false;
    if (x->op != IR_MUL) return poly_add_term(out, &t);
  }
  poly a, b;
  if (!decode(&a, e->arg[0], depth + 1) || !decode(&b, e->arg[1], depth + 1)) return false;
  return poly_mul(&a, &a, &b) && poly_add(out, 1, &a);
}

static bool decode_into(poly *out, const ir_expr *e, int depth) {
  if (depth > 2 * POLY_TERMS) return false;
  if (e->op == IR_ADD)
    return decode_into(out, e->arg[0], depth + 1) && decode_into(out, e->arg[1], depth + 1);
  if (e->op == IR_MUL) return decode_product(out, e, depth);
  poly_term t = e->op == IR_CONST ? (poly_term){e->u.integer, {NULL}} : (poly_term){1, {e}};
  return poly_add_term(out, &t);
}

static bool decode(poly *out, const ir_expr *e, int depth) {
  poly_set(out, 0);
  return decode_into(out, e, depth);
}

void poly_of(poly *out, const ir_expr *e) {
  if (!decode(out, e, 0)) atom_of(out, e);
}

static const ir_expr *term_expr(ir_program *p, const poly_term *t) {
  const ir_expr *e = t->atom[0];
  if (e == NULL) return ir_int(p, t->k);
  for (int i = 1; i < POLY_FACTORS && t->atom[i] != NULL; i++)
    e = ir_intern(p, IR_MUL, IR_I64, 0, 2, (const ir_expr *[]){e, t->atom[i]});
  if (t->k == 1) return e;
  return ir_intern(p, IR_MUL, IR_I64, 0, 2, (const ir_expr *[]){e, ir_int(p, t->k)});
}

const ir_expr *poly_expr(ir_program *p, const poly *a) {
  if (a->n == 0) return ir_int(p, 0);
  const ir_expr *e = term_expr(p, &a->term[0]);
  for (int i = 1; i < a->n; i++)
    e = ir_intern(p, IR_ADD, IR_I64, 0, 2, (const ir_expr *[]){e, term_expr(p, &a->term[i])});
  return e;
}
