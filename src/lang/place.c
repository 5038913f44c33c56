/* place: a position of a tensor, as far as sizes care. */
#include "lang/check.h"

static bool has_variable(const node *n) {
  if (n->var) return true;
  for (int i = 0; i < n->e.n; i++)
    if (n->e.at[i] && has_variable((const node *)n->e.at[i])) return true;
  return false;
}

bool check_whole(check *c, const node *n, int64_t *value) {
  double v;
  if (has_variable(n) || !check_number(c, &n->e, &v) || v != (double)(int64_t)v) return false;
  *value = (int64_t)v;
  return true;
}

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
  return !p->data && p->n == 1 && p->factor[0] == 1 && p->constant == 0 && p->divisor == 1
             ? p->var[0]
             : NULL;
}
