/* project: where the sum over an index stands that the left side lacks (docs/language.md, "Where the sum stands").
 *
 *   Y = step(W[i] X[i])                  step(sum_i W[i] X[i])          the smallest product that holds all uses
 *   K = (X[i,j] X[i',j])^2               (sum_j X[i,j] X[i',j])^2
 *   Y = sig(W[j] X[j] + V[j] U[j] + C)   each joining term by itself
 *   L = (Y[e] - W[d] X[e,d])^2           sum_e (Y[e] - sum_d W[d] X[e,d])^2
 *
 * Other operators than = and += project all at the outermost place. */
#include "lang/check.h"

#include <string.h>

typedef struct finding {         /* what is known of one index below a node */
  enum { UNUSED, LOOSE, PLACED } state;
  bool in_function;              /* LOOSE: under an elementwise function */
  bool single;                   /* PLACED at a product that uses it in one factor only */
  bool sum_factor;               /* ... and that factor is a sum */
  bool power;                    /* some power lies between the place and here */
  BASE_VEC(node *) at;           /* PLACED: the nodes */
} finding;

typedef struct projector {
  check *c;
  clause *cl;
  variable *v;
} projector;

static finding find(projector *p, node *n);

static node *child(const node *n, int i) { return (node *)n->e.at[i]; }

/* A factor without indices is looked through. */
static bool is_scalar(const node *n) {
  if (n->var) return false;
  for (int i = 0; i < n->e.n; i++)
    if (n->e.at[i] && !is_scalar(child(n, i))) return false;
  return true;
}

_Noreturn static void refuse(projector *p, const node *n, const char *why, const char *one, const char *other) {
  check_refuse(p->c, n->e.span, "the sum over `%s` could stand in two places: %s\nhelp: write %s, or %s", p->v->name, why,
               one, other);
}

static const char *text_of(projector *p, const node *n) {
  base_text t = base_text_open(p->c->arena);
  lang_print_expr(&t, &n->e);
  return t.at;
}

_Noreturn static void refuse_at(projector *p, const node *n, const node *inner, const char *why) {
  const char *v = p->v->name, *whole = text_of(p, n), *part = text_of(p, inner);
  base_arena *a = p->c->arena;
  refuse(p, n, why, base_format(a, "sum[%s](%s)", v, whole), base_format(a, "sum[%s](%s) inside", v, part));
}

static finding placed_at(projector *p, node *n) {
  finding f = {.state = PLACED};
  BASE_PUSH(p->c->arena, &f.at, n);
  return f;
}

static finding find_product(projector *p, node *n) {
  int users = 0, vectors = 0, user = -1;
  for (int i = 0; i < n->e.n; i++) {
    bool uses = check_uses(child(n, i), p->v);
    users += uses;
    if (uses) user = i;
    if (!is_scalar(child(n, i))) vectors++;
  }
  if (users == 0) return (finding){.state = UNUSED};
  if (users > 1) return placed_at(p, n);
  finding f = find(p, child(n, user));
  if (f.state == PLACED || vectors < 2) return f;
  f = placed_at(p, n);
  f.single = true;
  const node *factor = child(n, user);
  while (factor->e.kind == LANG_NEGATE) factor = child(factor, 0);
  f.sum_factor = factor->e.kind == LANG_SUM;
  return f;
}

static finding find_power(projector *p, node *n) {
  if (!check_uses(n, p->v)) return (finding){.state = UNUSED};
  finding f = find(p, child(n, 0));
  if (f.state == PLACED && f.single)
    refuse_at(p, n, f.at.at[0], "inside the power, or around it");
  if (f.state == PLACED && !check_uses(child(n, 1), p->v)) {
    f.power = true;
    return f;
  }
  return placed_at(p, n);
}

/* The terms of an inner sum that use the index all join it, or all use it once. */
static finding find_sum(projector *p, node *n) {
  finding all = {.state = UNUSED};
  int users = 0, joined = 0, once = 0;
  for (int i = 0; i < n->e.n; i++) {
    finding f = find(p, child(n, i));
    if (f.state == UNUSED) continue;
    users++;
    bool joins = f.state == PLACED && !f.single;
    joined += joins;
    once += !joins;
    all.in_function |= f.in_function;
    if (users == 1) all.single = f.single, all.sum_factor = f.sum_factor;
    for (int k = 0; f.state == PLACED && k < f.at.n; k++) BASE_PUSH(p->c->arena, &all.at, f.at.at[k]);
  }
  if (users == 0) return all;
  if (users == 1) {
    all.state = all.at.n ? PLACED : LOOSE;
    return all;
  }
  if (joined && once)
    refuse(p, n, "some terms join it and some use it once", base_format(p->c->arena, "sum[%s](...) around each term meant", p->v->name),
           base_format(p->c->arena, "sum[%s](%s)", p->v->name, text_of(p, n)));
  all.single = all.sum_factor = false;
  if (joined) {
    all.state = PLACED;
  } else {
    all.state = LOOSE;
    all.at.n = 0;
  }
  return all;
}

static finding find_function(projector *p, node *n) {
  if (strcmp(n->e.name ? n->e.name : "", "grad") == 0) return (finding){.state = UNUSED};   /* its indices name positions */
  for (int k = 0; k < n->e.nindex; k++)
    if (((node *)n->e.index[k])->var == p->v && lang_binds(n->e.name)) return (finding){.state = UNUSED};
  finding all = {.state = UNUSED};
  for (int i = 0; i < n->e.n; i++) {
    finding f = find(p, child(n, i));
    if (f.state == UNUSED) continue;
    if (all.state != UNUSED && all.state != f.state)
      refuse_at(p, n, child(n, i), "inside one argument, or around the whole");
    all.state = f.state;
    for (int k = 0; k < f.at.n; k++) BASE_PUSH(p->c->arena, &all.at, f.at.at[k]);
  }
  if (all.state == LOOSE) all.in_function = true;
  return all;
}

static finding find(projector *p, node *n) {
  switch (n->e.kind) {
  case LANG_JOIN:
  case LANG_MULTIPLY: return find_product(p, n);
  case LANG_DIVIDE:
    if (is_scalar(child(n, 1))) return find(p, child(n, 0));
    return find_product(p, n);
  case LANG_POWER: return find_power(p, n);
  case LANG_SUM: return find_sum(p, n);
  case LANG_NEGATE: return find(p, child(n, 0));
  case LANG_NAME:
  case LANG_VIRTUAL:
  case LANG_READ: return (finding){.state = check_uses(n, p->v) ? LOOSE : UNUSED};
  case LANG_NUMBER: return (finding){.state = UNUSED};
  default: return find_function(p, n);
  }
}

static void place_in_term(projector *p, node *term) {
  finding f = find(p, term);
  if (f.state == UNUSED) return;
  if (f.state == PLACED && f.single && f.sum_factor)
    refuse_at(p, term, f.at.at[0], "around the product, or in the factor that is a sum");
  if (f.state == LOOSE && f.in_function)
    refuse_at(p, term, term->e.n ? child(term, 0) : term, "inside the function, or around it");
  if (f.state == LOOSE) BASE_PUSH(p->c->arena, &f.at, term);
  for (int k = 0; k < f.at.n; k++) BASE_PUSH(p->c->arena, &f.at.at[k]->sum, p->v);
}

static void each_term(projector *p, node *n) {
  if (n->e.kind == LANG_SUM || n->e.kind == LANG_NEGATE) {
    for (int i = 0; i < n->e.n; i++) each_term(p, child(n, i));
    return;
  }
  place_in_term(p, n);
}

void check_project(check *c, clause *cl) {
  if (cl->right->e.kind == LANG_CALL && strcmp(cl->right->e.name, "concat") == 0) return;   /* merges, sums nothing */
  for (int i = 0; i < cl->vars.n; i++) {
    variable *v = cl->vars.at[i];
    if (v->head || v->bound) continue;
    if (cl->op > LANG_ADD) {
      if (check_uses(cl->right, v)) BASE_PUSH(c->arena, &cl->right->sum, v);
      continue;
    }
    projector p = {c, cl, v};
    each_term(&p, cl->right);
  }
}
