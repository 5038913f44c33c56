/* place: a position of a tensor, as far as sizes care. */
#include "lang/check.h"

#include <string.h>

static bool has_variable(const node *n) {
  if (n->var) return true;
  for (int i = 0; i < n->e.n; i++)
    if (n->e.at[i] && has_variable((const node *)n->e.at[i])) return true;
  return false;
}

bool check_constant_number(check *c, const node *n, double *value) {
  return !has_variable(n) && check_number(c, &n->e, value);
}

static bool is_whole(double v) { return v >= -9.2e18 && v <= 9.2e18 && v == (double)(int64_t)v; }

bool check_whole(check *c, const node *n, int64_t *value) {
  double v;
  if (!check_constant_number(c, n, &v) || !is_whole(v)) return false;
  *value = (int64_t)v;
  return true;
}

/* ---- numbers made of sizes ----------------------------------------------------------------- */

bool check_size_range(check *c, const lang_expr *call, const entity *of, int *from, int *to) {
  double k;
  *from = 0;
  *to = of->rank;
  if (call->n == 1) return of->rank >= 0;
  if (!check_number(c, call->at[1], &k)) return false;
  *from = (int)k < 0 ? (int)k + of->rank : (int)k;
  *to = *from + 1;
  return *from >= 0 && *from < of->rank;
}

static const ir_expr *size_extent(check *c, const lang_expr *e) {
  const entity *of = e->n && e->at[0]->kind == LANG_NAME ? check_find(c, e->at[0]->name) : NULL;
  const ir_expr *size = ir_int(c->p, 1);
  int from, to;
  if (!of || of->kind != NAME_TENSOR || !check_size_range(c, e, of, &from, &to)) return NULL;
  for (; from < to; from++) {
    if (!of->size[from]) return NULL;
    size = ir_binary(c->p, IR_MUL, size, of->size[from]);
  }
  return size;
}

static const ir_expr *joined_extent(check *c, const lang_expr *e, ir_op op) {
  const ir_expr *all = NULL;
  for (int i = 0; i < e->n; i++) {
    const ir_expr *x = check_extent(c, e->at[i]);
    if (!x) return NULL;
    all = all ? ir_binary(c->p, op, all, x) : x;
  }
  return all;
}

const ir_expr *check_extent(check *c, const lang_expr *e) {
  double v;
  if (check_number(c, e, &v)) return is_whole(v) ? ir_int(c->p, (int64_t)v) : NULL;
  const ir_expr *x;
  switch (e->kind) {
  case LANG_NEGATE: return (x = check_extent(c, e->at[0])) ? ir_unary(c->p, IR_NEG, x) : NULL;
  case LANG_SUM: return joined_extent(c, e, IR_ADD);
  case LANG_JOIN:
  case LANG_MULTIPLY: return joined_extent(c, e, IR_MUL);
  case LANG_DIVIDE: return joined_extent(c, e, IR_QUO);
  case LANG_MODULO: return joined_extent(c, e, IR_MOD);
  case LANG_CALL:
    if (strcmp(e->name, "size") == 0) return size_extent(c, e);
    if (strcmp(e->name, "min") == 0) return joined_extent(c, e, IR_MINIMUM);
    return strcmp(e->name, "max") == 0 ? joined_extent(c, e, IR_MAXIMUM) : NULL;
  default: return NULL;
  }
}

/* ---- positions ----------------------------------------------------------------------------- */

static bool add_term(affine_place *p, variable *v, int64_t factor) {
  for (int i = 0; i < p->n; i++)
    if (p->var[i] == v) {
      p->factor[i] += factor;
      return true;
    }
  if (p->n == PLACE_VARIABLES) return false;
  p->var[p->n] = v;
  p->factor[p->n++] = factor;
  return true;
}

/* Add SCALE times N to P; false: it is not affine. */
static bool add_node(check *c, const node *n, int64_t scale, affine_place *p) {
  int64_t k;
  if (n->var) return add_term(p, n->var, scale);
  if (check_whole(c, n, &k)) {
    p->constant += scale * k;
    return true;
  }
  const ir_expr *extent = has_variable(n) ? NULL : check_extent(c, &n->e);
  if (extent) {
    extent = ir_binary(c->p, IR_MUL, extent, ir_int(c->p, scale));
    p->beyond = p->beyond ? ir_binary(c->p, IR_ADD, p->beyond, extent) : extent;
    return true;
  }
  const node *a = n->e.n > 0 ? (const node *)n->e.at[0] : NULL,
             *b = n->e.n > 1 ? (const node *)n->e.at[1] : NULL;
  switch (n->e.kind) {
  case LANG_NEGATE: return add_node(c, a, -scale, p);
  case LANG_SUM:
    for (int i = 0; i < n->e.n; i++)
      if (!add_node(c, (const node *)n->e.at[i], scale, p)) return false;
    return true;
  case LANG_JOIN:
  case LANG_MULTIPLY:
    if (n->e.n != 2) return false;
    return check_whole(c, a, &k) ? add_node(c, b, scale * k, p)
                                 : check_whole(c, b, &k) && add_node(c, a, scale * k, p);
  default: return false;
  }
}

static bool is_quotient(check *c, const node *n, int64_t *divisor) {
  return n->e.kind == LANG_DIVIDE && check_whole(c, (const node *)n->e.at[1], divisor) &&
         *divisor > 0;
}

/* x/2 + 1 is (x + 2)/2. */
static bool add_quotient(check *c, const node *n, affine_place *p) {
  int64_t d, k, constant = 0;
  const node *quotient = NULL;
  if (is_quotient(c, n, &d)) {
    quotient = n;
  } else if (n->e.kind == LANG_SUM) {
    for (int i = 0; i < n->e.n; i++) {
      const node *term = (const node *)n->e.at[i];
      if (check_whole(c, term, &k))
        constant += k;
      else if (!quotient && is_quotient(c, term, &d))
        quotient = term;
      else
        return false;
    }
  }
  if (!quotient) return false;
  p->divisor = d;
  p->constant = constant * d;
  return add_node(c, (const node *)quotient->e.at[0], 1, p);
}

affine_place check_place(check *c, const node *n) {
  affine_place p = {.divisor = 1};
  if (add_node(c, n, 1, &p)) return p;
  p = (affine_place){.divisor = 1};
  if (add_quotient(c, n, &p)) return p;
  return (affine_place){.data = true, .divisor = 1};
}

variable *check_bare(const affine_place *p) {
  bool alone = p->n == 1 && p->factor[0] == 1 && p->constant == 0 && !p->beyond;
  return !p->data && alone && p->divisor == 1 ? p->var[0] : NULL;
}

const ir_expr *check_choice_end(check *c, const node *n) {
  static const char *const names[] = {"argmax", "argmin", "sample"};
  int64_t k;
  if (n->e.kind != LANG_CALL) return NULL;
  if (strcmp(n->e.name, "randint") == 0 && n->e.n == 1 &&
      check_whole(c, (const node *)n->e.at[0], &k) && k > 0)
    return ir_int(c->p, k);
  for (size_t i = 0; n->e.nindex == 1 && i < sizeof names / sizeof *names; i++) {
    const variable *v = ((const node *)n->e.index[0])->var;
    if (strcmp(n->e.name, names[i]) == 0 && v && v->extent)
      return ir_binary(c->p, IR_ADD, v->low, v->extent);
  }
  return NULL;
}

/* May CL, at position k, define what stands at AT? */
static bool may_reach(check *c, const clause *cl, int k, int64_t at) {
  affine_place p = check_place(c, cl->lhs[k]);
  int64_t low, extent;
  if (p.data || p.beyond || p.divisor != 1) return true;
  if (p.n == 0) return p.constant == at;
  if (p.n > 1 || p.factor[0] != 1 || !p.var[0]->extent) return true;
  if (!ir_is_int(p.var[0]->low, &low) || !ir_is_int(p.var[0]->extent, &extent)) return true;
  return at - p.constant >= low && at - p.constant < low + extent;
}

/* How many elements CL defines where position SKIP is fixed; -1: not known now. */
static int64_t slice_size(const clause *cl, check *c, int skip) {
  int64_t size = 1, extent;
  for (int k = 0; k < cl->nlhs; k++) {
    affine_place p = check_place(c, cl->lhs[k]);
    if (k == skip || p.n == 0) continue;
    if (p.n > 1 || !p.var[0]->extent || !ir_is_int(p.var[0]->extent, &extent)) return -1;
    if (size > 1000000 || extent > 1000000) return -1;
    size *= extent;
  }
  return size;
}

bool check_is_base(check *c, const clause *cl, int k, int64_t value) {
  int64_t given = 0, at;
  for (int i = 0; i < cl->head->clauses.n; i++) {
    const clause *other = cl->head->clauses.at[i];
    if (!check_whole(c, other->lhs[k], &at) || at != value) continue;
    bool row = true, reached = true;
    for (int q = 0; q < cl->nlhs; q++) {
      if (q == k || !check_whole(c, other->lhs[q], &at)) continue;
      row &= check_place(c, cl->lhs[q]).n == 0;
      reached &= may_reach(c, cl, q, at);
    }
    if (row && reached) return true;
    given += reached;
  }
  return given > 0 && given == slice_size(cl, c, k);
}
