/* project: where the sum over an index stands that the left side lacks (docs/language.md, "Where
 * the sum stands"), and which index a function like softmax goes over.
 *
 *   Y = step(W[i] X[i])                  step(sum_i W[i] X[i])          the smallest product that
 * holds all uses K = (X[i,j] X[i',j])^2               (sum_j X[i,j] X[i',j])^2 Y = sig(W[j] X[j] +
 * V[j] U[j] + C)   each joining term by itself L = (Y[e] - W[d] X[e,d])^2           sum_e (Y[e] -
 * sum_d W[d] X[e,d])^2
 *
 * Other operators than = and += project all at the outermost place. */
#include "lang/check.h"

#include <string.h>

typedef BASE_VEC(node *) places;

typedef struct finding { /* what is known of one index below a node */
  enum { UNUSED, LOOSE, PLACED } state;
  bool in_function; /* LOOSE: under an elementwise function */
  bool single;      /* PLACED at a product that uses it in one factor only */
  bool sum_factor;  /* ... and that factor is a sum */
  places at;        /* PLACED: where the sums stand; LOOSE: where, if term by term */
} finding;

typedef struct projector {
  check *c;
  clause *cl;
  variable *v;
  node *term; /* that is looked at, for messages */
} projector;

static finding find(projector *p, node *n);

static node *child(const node *n, int i) { return (node *)n->e.at[i]; }

/* A factor without indices is looked through. */
static bool is_scalar(const node *n) {
  if (n->var) return n->var->bound;
  for (int i = 0; i < n->e.n; i++)
    if (n->e.at[i] && !is_scalar(child(n, i))) return false;
  return true;
}

/* ---- the two readings, written out ----------------------------------------------------------- */

/* E with explicit sums over the index around PLACE. */
static lang_expr *with_sums(projector *p, const lang_expr *e, const places *place) {
  base_arena *a = p->c->arena;
  lang_expr *copy = BASE_NEW(a, lang_expr), *call = copy;
  *copy = *e;
  copy->at = BASE_NEWS(a, lang_expr *, e->n + 1);
  for (int i = 0; i < e->n; i++) copy->at[i] = e->at[i] ? with_sums(p, e->at[i], place) : NULL;
  for (int k = 0; k < place->n; k++) {
    if (&place->at[k]->e != e) continue;
    call = BASE_NEW(a, lang_expr);
    lang_expr *index = BASE_NEW(a, lang_expr);
    *index = (lang_expr){.kind = LANG_NAME, .name = p->v->name};
    *call = (lang_expr){.kind = LANG_CALL, .name = "sum", .n = 1, .nindex = 1};
    call->at = BASE_NEWS(a, lang_expr *, 2);
    call->index = BASE_NEWS(a, lang_expr *, 2);
    call->at[0] = copy;
    call->index[0] = index;
    break;
  }
  return call;
}

static const char *reading(projector *p, const places *place) {
  base_text t = base_text_open(p->c->arena);
  lang_print_expr(&t, with_sums(p, &p->term->e, place));
  return t.at;
}

_Noreturn static void refuse(projector *p, const node *at, const places *inner, const places *outer,
                             const char *why) {
  check_refuse(p->c, at->e.span,
               "the sum over `%s` can be read two ways: %s\nhelp: write `%s` or `%s`", p->v->name,
               why, reading(p, inner), reading(p, outer));
}

static places only(projector *p, node *n) {
  places one = {0};
  BASE_PUSH(p->c->arena, &one, n);
  return one;
}

static void join(projector *p, places *to, const places *from) {
  for (int k = 0; k < from->n; k++) BASE_PUSH(p->c->arena, to, from->at[k]);
}

/* ---- finding --------------------------------------------------------------------------------- */

static finding unused(void) { return (finding){.state = UNUSED}; }

static finding placed_at(projector *p, node *n) {
  return (finding){.state = PLACED, .at = only(p, n)};
}

static finding loose_at(projector *p, node *n) {
  return (finding){.state = LOOSE, .at = only(p, n)};
}

static bool is_sum(const node *n) {
  while (n->e.kind == LANG_NEGATE) n = child(n, 0);
  return n->e.kind == LANG_SUM;
}

static finding find_product(projector *p, node *n) {
  int users = 0, vectors = 0, user = -1;
  for (int i = 0; i < n->e.n; i++) {
    bool uses = check_uses(child(n, i), p->v);
    users += uses;
    if (uses) user = i;
    if (!is_scalar(child(n, i))) vectors++;
  }
  if (users == 0) return unused();
  if (users > 1) return placed_at(p, n);
  finding f = find(p, child(n, user));
  bool divisor = n->e.kind == LANG_DIVIDE && user == 1;
  if (f.state == PLACED || (vectors < 2 && !divisor)) return f;
  f = placed_at(p, n);
  f.single = true;
  f.sum_factor = is_sum(child(n, user)) && !divisor;
  return f;
}

static finding find_power(projector *p, node *n) {
  if (!check_uses(n, p->v)) return unused();
  if (check_uses(child(n, 1), p->v)) return placed_at(p, n);
  finding f = find(p, child(n, 0));
  if (f.state != PLACED) return placed_at(p, n);
  places outer = only(p, n);
  if (f.single) refuse(p, n, &f.at, &outer, "a product that uses it once stands inside a power");
  return f;
}

/* The terms of an inner sum that use the index all join it, or all use it once. */
static finding find_sum(projector *p, node *n) {
  finding all = unused(), last = all;
  int joined = 0, once = 0;
  for (int i = 0; i < n->e.n; i++) {
    finding f = find(p, child(n, i));
    if (f.state == UNUSED) continue;
    bool joins = f.state == PLACED && !f.single;
    joined += joins;
    once += !joins;
    all.in_function |= f.in_function;
    all.sum_factor |= f.sum_factor;
    join(p, &all.at, &f.at);
    last = f;
  }
  if (joined + once <= 1) return last;
  places outer = only(p, n);
  if (joined && once)
    refuse(p, n, &all.at, &outer,
           "some of these terms join it in a product or a power, some use it once");
  all.state = joined ? PLACED : LOOSE;
  return all;
}

static bool is_own_index(const node *n, const variable *v) {
  for (int k = 0; k < n->e.nindex; k++)
    if (((const node *)n->e.index[k])->var == v) return true;
  return false;
}

/* The index of softmax lives on outside; that of a reduction does not come here. */
static finding find_function(projector *p, node *n) {
  if (n->e.kind == LANG_CALL && strcmp(n->e.name, "grad") == 0)
    return unused(); /* its indices name positions */
  if (n->e.kind == LANG_CALL && is_own_index(n, p->v)) return loose_at(p, n);
  finding all = unused();
  for (int i = 0; i < n->e.n; i++) {
    finding f = find(p, child(n, i));
    if (f.state == UNUSED) continue;
    join(p, &all.at, &f.at);
    places outer = only(p, n);
    if (all.state != UNUSED && all.state != f.state)
      refuse(p, n, &all.at, &outer, "one argument joins it in a product, another uses it once");
    all.state = f.state;
    all.sum_factor |= f.sum_factor;
    all.in_function |= f.state == LOOSE;
  }
  return all;
}

static finding find(projector *p, node *n) {
  switch (n->e.kind) {
  case LANG_DIVIDE:
    if (is_scalar(child(n, 1))) return find(p, child(n, 0));
    return find_product(p, n);
  case LANG_JOIN:
  case LANG_MULTIPLY: return find_product(p, n);
  case LANG_POWER: return find_power(p, n);
  case LANG_SUM: return find_sum(p, n);
  case LANG_NEGATE: return find(p, child(n, 0));
  case LANG_NAME:
  case LANG_VIRTUAL:
  case LANG_READ: return check_uses(n, p->v) ? loose_at(p, n) : unused();
  case LANG_ATOM:
    if (n->body) return find_function(p, n);
    return check_uses(n, p->v) ? loose_at(p, n) : unused();
  case LANG_NUMBER: return unused();
  default: return find_function(p, n);
  }
}

/* ---- placing --------------------------------------------------------------------------------- */

/* NULL, or the only factor of N through which a sum may be drawn outwards. */
static node *behind_scalars(const node *n) {
  node *found = NULL;
  if (n->e.kind == LANG_NEGATE) return child(n, 0);
  if (n->e.kind == LANG_DIVIDE) return is_scalar(child(n, 1)) ? child(n, 0) : NULL;
  if (n->e.kind != LANG_JOIN && n->e.kind != LANG_MULTIPLY) return NULL;
  for (int i = 0; i < n->e.n; i++) {
    if (is_scalar(child(n, i))) continue;
    if (found) return NULL;
    found = child(n, i);
  }
  return found;
}

/* A sum with but scalar factors around it is the whole term's: one equation less. */
static bool is_whole(node *term, const node *place) {
  while (term && term != place) term = behind_scalars(term);
  return term != NULL;
}

/* N reads TO wherever it read FROM. Trees below two places share no node. */
static void rename_in(node *n, const variable *from, variable *to) {
  if (n->var == from) n->var = to;
  for (int i = 0; i < n->e.nindex; i++) rename_in((node *)n->e.index[i], from, to);
  for (int i = 0; i < n->e.n; i++)
    if (n->e.at[i]) rename_in(child(n, i), from, to);
}

/* Each place has an index of its own, and so its own size, as each term of the right side has. */
static void place_each(projector *p, const places *at) {
  p->v->summed = true;
  for (int k = 0; k < at->n; k++) {
    variable *v = p->v;
    if (k > 0) {
      v = BASE_NEW(p->c->arena, variable);
      *v = *p->v;
      BASE_PUSH(p->c->arena, &p->cl->vars, v);
      rename_in(at->at[k], p->v, v);
    }
    BASE_PUSH(p->c->arena, &at->at[k]->sum, v);
  }
}

static void place_in_term(projector *p, node *term) {
  p->term = term;
  finding f = find(p, term);
  if (f.state == UNUSED) return;
  places outer = only(p, term);
  if (f.sum_factor) {
    node *product = f.at.at[0];
    places factor = {0};
    for (int i = 0; i < product->e.n; i++)
      if (is_sum(child(product, i)) && check_uses(child(product, i), p->v))
        factor = find(p, child(product, i)).at;
    refuse(p, product, &factor, &f.at, "one factor of this product is a sum that uses it");
  }
  if (f.state == LOOSE && f.in_function)
    refuse(p, term, &f.at, &outer, "it stands inside a function, in no product");
  if (f.at.n == 1 && is_whole(term, f.at.at[0])) f.at = outer;
  place_each(p, &f.at);
}

static void each_term(projector *p, node *n) {
  if (n->e.kind == LANG_SUM || n->e.kind == LANG_NEGATE) {
    for (int i = 0; i < n->e.n; i++) each_term(p, child(n, i));
    return;
  }
  place_in_term(p, n);
}

/* ---- functions over an index ----------------------------------------------------------------- */

/* Summed inside the argument of N: two factors join it there. */
static bool joined_inside(check *c, clause *cl, node *n, variable *v) {
  projector p = {c, cl, v, n};
  for (int i = 0; i < n->e.n; i++) {
    finding f = find(&p, child(n, i));
    if (f.state == PLACED && !f.single) return true;
  }
  return false;
}

_Noreturn static void refuse_no_index(check *c, const node *n, bool drops) {
  check_refuse(c, n->e.span, "%s needs an index to go over%s\nhelp: %s", n->e.name,
               drops ? ", one that the left side lacks" : ", and its argument has none",
               drops ? base_format(c->arena, "it drops its index: `Y = %s[i](X[i])`", n->e.name)
                     : base_format(c->arena, "write `Y[i.] = %s(X[i])`", n->e.name));
}

/* Of softmax: the marked one, else one that nothing sums; of argmax, which drops it, the latter. */
static variable *index_for(check *c, clause *cl, node *n) {
  bool drops = lang_binds(n->e.name);
  if (!drops && cl->marked && check_uses(n, cl->marked)) return cl->marked;
  variable *only_one = NULL;
  for (int i = 0; i < cl->vars.n; i++) {
    variable *v = cl->vars.at[i];
    if (v->bound || !check_uses(n, v) || (v->head ? drops : joined_inside(c, cl, n, v))) continue;
    if (only_one)
      check_refuse(c, n->e.span,
                   "%s over which index, `%s` or `%s`?\nhelp: name it: `%s[%s](...)`%s", n->e.name,
                   only_one->name, v->name, n->e.name, v->name,
                   drops ? "" : base_format(c->arena, ", or mark it on the left: `%s.`", v->name));
    only_one = v;
  }
  if (!only_one) refuse_no_index(c, n, drops);
  return only_one;
}

static void choose_index(check *c, clause *cl, node *n) {
  variable *v = index_for(c, cl, n);
  node *name = BASE_NEW(c->arena, node);
  name->e = (lang_expr){.kind = LANG_NAME, .name = v->name, .depth = 1, .span = n->e.span};
  name->var = v;
  v->bound |= lang_binds(n->e.name);
  n->e.index = BASE_NEWS(c->arena, lang_expr *, 2);
  n->e.index[0] = &name->e;
  n->e.nindex = 1;
}

static bool choose_indices(check *c, clause *cl, node *n) {
  bool any = n->e.kind == LANG_CALL && lang_goes_over(n->e.name);
  if (n->chosen) return any;
  n->chosen = true;
  for (int i = 0; i < n->e.n; i++)
    if (n->e.at[i]) any |= choose_indices(c, cl, child(n, i));
  if (n->body) any |= choose_indices(c, cl, n->body);
  if (n->e.kind == LANG_CALL && lang_goes_over(n->e.name) && !n->e.nindex) choose_index(c, cl, n);
  return any;
}

void check_project(check *c, clause *cl) {
  bool over = choose_indices(c, cl, cl->right);
  if (cl->marked && !over)
    check_refuse(c, cl->stmt->span,
                 "the dot behind `%s` marks the index of a function like softmax; there is none on "
                 "the right\nhelp: leave out the dot",
                 cl->marked->name);
  for (int i = 0; i < cl->vars.n; i++) {
    variable *v = cl->vars.at[i];
    if (v->head || v->bound || v->summed) continue;
    projector p = {c, cl, v, NULL};
    if (cl->op <= LANG_ADD)
      each_term(&p, cl->right);
    else if (check_uses(cl->right, v)) {
      BASE_PUSH(c->arena, &cl->right->sum, v);
      v->summed = true;
    }
  }
}
