/* sizes: how far each index runs and how long each head is. An index runs over the size of the dense positions
 * where it stands bare; standing bare nowhere, as far as its affine reads stay inside. Sizes are expressions: numbers
 * in a program, symbols of the arguments' sizes in the C API. */
#include "lang/check.h"

#include <string.h>

/* A position, as far as sizes care: (constant + sum factor[k] var[k]) / divisor, or depending on data. */
typedef struct place {
  bool data;
  int n;
  variable *var[8];
  int64_t factor[8], constant, divisor;
} place;

typedef struct sizer {
  check *c;
  entity *const *group;
  int n;
  bool changed;
} sizer;

static bool add_term(place *p, variable *v, int64_t factor) {
  for (int i = 0; i < p->n; i++)
    if (p->var[i] == v) {
      p->factor[i] += factor;
      return true;
    }
  if (p->n == 8) return false;
  p->var[p->n] = v;
  p->factor[p->n++] = factor;
  return true;
}

static bool whole(check *c, const node *n, int64_t *value) {
  double v;
  if (n->var || !check_number(c, &n->e, &v) || v != (double)(int64_t)v) return false;
  *value = (int64_t)v;
  return true;
}

static bool linear(check *c, const node *n, int64_t scale, place *p) {
  int64_t k;
  if (n->var) return add_term(p, n->var, scale);
  if (whole(c, n, &k)) {
    p->constant += scale * k;
    return true;
  }
  const node *a = n->e.n > 0 ? (const node *)n->e.at[0] : NULL, *b = n->e.n > 1 ? (const node *)n->e.at[1] : NULL;
  switch (n->e.kind) {
  case LANG_NEGATE: return linear(c, a, -scale, p);
  case LANG_SUM:
    for (int i = 0; i < n->e.n; i++)
      if (!linear(c, (const node *)n->e.at[i], scale, p)) return false;
    return true;
  case LANG_JOIN:
  case LANG_MULTIPLY:
    if (n->e.n != 2) return false;
    return whole(c, a, &k) ? linear(c, b, scale * k, p) : whole(c, b, &k) && linear(c, a, scale * k, p);
  default: return false;
  }
}

static place place_of(check *c, const node *n) {
  place p = {.divisor = 1};
  int64_t d;
  if (n->e.kind == LANG_DIVIDE && whole(c, (const node *)n->e.at[1], &d) && d > 0) {
    p.divisor = d;
    n = (const node *)n->e.at[0];
  }
  if (!linear(c, n, 1, &p)) p = (place){.data = true, .divisor = 1};
  return p;
}

static variable *bare(const place *p) {
  return !p->data && p->n == 1 && p->factor[0] == 1 && p->constant == 0 && p->divisor == 1 ? p->var[0] : NULL;
}

/* ---- arithmetic of sizes ------------------------------------------------------------------------------- */

static const ir_expr *add(sizer *s, const ir_expr *a, const ir_expr *b) { return ir_binary(s->c->p, IR_ADD, a, b); }
static const ir_expr *sub(sizer *s, const ir_expr *a, const ir_expr *b) { return ir_binary(s->c->p, IR_SUB, a, b); }
static const ir_expr *mul(sizer *s, const ir_expr *a, int64_t k) { return ir_binary(s->c->p, IR_MUL, a, ir_int(s->c->p, k)); }
static const ir_expr *quo(sizer *s, const ir_expr *a, int64_t k) { return ir_binary(s->c->p, IR_QUO, a, ir_int(s->c->p, k)); }

static const ir_expr *least(sizer *s, const ir_expr *a, const ir_expr *b) {
  if (ir_less_equal(s->c->p, a, b)) return a;
  if (ir_less_equal(s->c->p, b, a)) return b;
  return ir_binary(s->c->p, IR_MINIMUM, a, b);
}

static const ir_expr *most(sizer *s, const ir_expr *a, const ir_expr *b) {
  if (ir_less_equal(s->c->p, a, b)) return b;
  if (ir_less_equal(s->c->p, b, a)) return a;
  return ir_binary(s->c->p, IR_MAXIMUM, a, b);
}

/* The largest (or least) value of constant + sum factor var, SKIP left out; NULL if an extent is not known. */
static const ir_expr *extreme(sizer *s, const place *p, const variable *skip, bool largest) {
  const ir_expr *total = ir_int(s->c->p, p->constant);
  for (int i = 0; i < p->n; i++) {
    const variable *v = p->var[i];
    if (v == skip) continue;
    if (!v->extent) return NULL;
    const ir_expr *last = sub(s, add(s, v->low, v->extent), ir_int(s->c->p, 1));
    total = add(s, total, mul(s, (p->factor[i] > 0) == largest ? last : v->low, p->factor[i]));
  }
  return total;
}

/* ---- what is known of an index ----------------------------------------------------------------------------- */

static void agree(sizer *s, variable *v, const ir_expr *size, const char *from, int position) {
  int64_t a, b;
  if (v->bare == size) return;
  bool known_a = ir_is_int(v->bare, &a), known_b = ir_is_int(size, &b);
  if (known_a && known_b)
    check_refuse(s->c, v->span, "the index `%s` runs over %lld (position %d of %s) and over %lld (position %d of %s)",
                 v->name, (long long)a, v->position, v->from, (long long)b, position, from);
  const char *message = base_format(s->c->arena, "the index `%s` runs over position %d of %s and position %d of %s: their sizes differ",
                                    v->name, v->position, v->from, position, from);
  ir_require_equal(s->c->p, v->bare, size, message, v->span);
  if (known_b && v->extent == v->bare) v->extent = size;
  if (known_b) v->bare = size;
}

static void bare_at(sizer *s, variable *v, const ir_expr *size, const char *from, int position, bool strong) {
  if (v->bare && v->strong && strong) {
    agree(s, v, size, from, position);
    return;
  }
  if (v->extent) return;
  v->extent = v->bare = size;
  v->from = from;
  v->position = position;
  v->strong = strong;
  s->changed = true;
}

static bool in_group(const sizer *s, const entity *e) { return e->group == s->group[0]->group; }

static int position_in(const node *read, int k) {
  const entity *of = read->of;
  return k + (read->e.n == of->rank - 1 && of->virtual_position >= 0 && k >= of->virtual_position);
}

static void check_rank(sizer *s, const node *read) {
  const entity *of = read->of;
  int n = read->e.kind == LANG_READ ? read->e.n : 0;
  if (n == of->rank || (read->itself && n == 0) || (n == of->rank - 1 && of->virtual_position >= 0)) return;
  if (of->rank < 0) check_refuse(s->c, read->e.span, "`%s` has no equation, list, file or declaration", of->name);
  check_refuse(s->c, read->e.span, "%s has %d position%s; %d %s given here", of->name, of->rank, of->rank == 1 ? "" : "s",
               n, n == 1 ? "is" : "are");
}

/* STRONG: of tensors outside the recurrence, and declared ones. */
static void from_reads(sizer *s, clause *cl, bool strong) {
  for (int i = 0; i < cl->reads.n; i++) {
    const node *read = cl->reads.at[i];
    if ((!in_group(s, read->of) || read->of->declared) != strong) continue;
    for (int k = 0; read->e.kind == LANG_READ && k < read->e.n; k++) {
      place p = place_of(s->c, (const node *)read->e.at[k]);
      const ir_expr *size = read->of->size[position_in(read, k)];
      if (bare(&p) && size) bare_at(s, bare(&p), size, read->of->name, position_in(read, k), strong);
    }
  }
}

static void from_head(sizer *s, clause *cl) {
  for (int k = 0; cl->head->declared && k < cl->nlhs; k++) {
    place p = place_of(s->c, cl->lhs[k]);
    if (bare(&p)) bare_at(s, bare(&p), cl->head->size[k], cl->head->name, k, true);
  }
}

/* v's last value, so that p stays below SIZE: (size divisor - 1 - the others' largest) / factor. */
static void bound_above(sizer *s, const place *p, int i, const ir_expr *size, bool shorten) {
  variable *v = p->var[i];
  const ir_expr *others = extreme(s, p, v, p->factor[i] > 0);
  if (!others) return;
  const ir_expr *one = ir_int(s->c->p, 1);
  if (p->factor[i] > 0) {
    const ir_expr *room = sub(s, sub(s, mul(s, size, p->divisor), one), others);
    const ir_expr *extent = sub(s, add(s, quo(s, room, p->factor[i]), one), v->low);
    if (v->extent && !shorten) return;
    if (v->extent && ir_less_equal(s->c->p, v->extent, extent)) return;
    v->extent = most(s, v->extent ? least(s, v->extent, extent) : extent, ir_int(s->c->p, 0));
    s->changed = true;
  }
}

/* v's first value, so that p is not negative. */
static void bound_below(sizer *s, const place *p, int i) {
  variable *v = p->var[i];
  const ir_expr *others = extreme(s, p, v, false);
  int64_t short_of;
  if (!others || p->factor[i] <= 0 || !v->extent || !ir_is_int(others, &short_of) || short_of >= 0) return;
  int64_t f = p->factor[i], low = (-short_of + f - 1) / f, old;
  if (!ir_is_int(v->low, &old) || old >= low) return;
  v->extent = most(s, sub(s, v->extent, ir_int(s->c->p, low - old)), ir_int(s->c->p, 0));
  v->low = ir_int(s->c->p, low);
}

static bool head_declares(sizer *s, const clause *cl, const variable *v) {
  for (int k = 0; cl->head->declared && k < cl->nlhs; k++) {
    place p = place_of(s->c, cl->lhs[k]);
    if (bare(&p) == v) return true;
  }
  return false;
}

/* GROUP: shorten by reads inside the recurrence; else by the others, and find what stands bare nowhere. */
static void from_affine(sizer *s, clause *cl, bool group) {
  for (int i = 0; i < cl->reads.n; i++) {
    const node *read = cl->reads.at[i];
    if (in_group(s, read->of) != group) continue;
    for (int k = 0; read->e.kind == LANG_READ && k < read->e.n; k++) {
      place p = place_of(s->c, (const node *)read->e.at[k]);
      const ir_expr *size = read->of->size[position_in(read, k)];
      if (p.data || bare(&p) || !size) continue;
      for (int v = 0; v < p.n; v++) {
        bool guard = head_declares(s, cl, p.var[v]) && !group;
        if (!p.var[v]->extent && !group) bound_above(s, &p, v, size, false);
        else if (p.n == 1 && !guard) bound_above(s, &p, v, size, true), bound_below(s, &p, v);
      }
    }
  }
}

static bool is_concat(const clause *cl) {
  return cl->right->e.kind == LANG_CALL && strcmp(cl->right->e.name, "concat") == 0;
}

/* M[b,p,m] = concat(H[b,h,p,k]): m runs over what h and k run over together. */
static void from_concat(sizer *s, clause *cl) {
  variable *merged = NULL;
  for (int k = 0; k < cl->nlhs; k++)
    if (cl->lhs[k]->var && !check_uses(cl->right, cl->lhs[k]->var)) merged = cl->lhs[k]->var;
  if (!merged || merged->extent) return;
  const ir_expr *product = ir_int(s->c->p, 1);
  for (int i = 0; i < cl->vars.n; i++) {
    if (cl->vars.at[i]->head) continue;
    if (!cl->vars.at[i]->extent) return;
    product = ir_binary(s->c->p, IR_MUL, product, cl->vars.at[i]->extent);
  }
  merged->extent = product;
  s->changed = true;
}

/* ---- heads ------------------------------------------------------------------------------------------------- */

static const ir_expr *head_size(sizer *s, const clause *cl, int k) {
  place p = place_of(s->c, cl->lhs[k]);
  if (p.data) return NULL;
  const ir_expr *last = extreme(s, &p, NULL, true);
  return last ? add(s, quo(s, last, p.divisor), ir_int(s->c->p, 1)) : NULL;
}

/* Set the size of position k if every clause says its own, or, ANYWAY, if one does. */
static void size_head(sizer *s, entity *e, int k, bool anyway) {
  const ir_expr *size = NULL;
  for (int i = 0; i < e->clauses.n; i++) {
    const ir_expr *one = head_size(s, e->clauses.at[i], k);
    if (!one && !anyway) return;
    if (one) size = size ? most(s, size, one) : one;
  }
  if (!size) return;
  e->size[k] = size;
  s->changed = true;
}

static void size_heads(sizer *s, bool anyway) {
  for (int i = 0; i < s->n; i++) {
    entity *e = s->group[i];
    for (int k = 0; k < e->rank; k++)
      if (!e->size[k] && e->clauses.n) size_head(s, e, k, anyway);
  }
}

/* ---- a group ------------------------------------------------------------------------------------------------ */

typedef void (*each_clause)(sizer *s, clause *cl, bool flag);

static void each(sizer *s, each_clause f, bool flag) {
  for (int i = 0; i < s->n; i++)
    for (int k = 0; k < s->group[i]->clauses.n; k++) f(s, s->group[i]->clauses.at[k], flag);
}

static void start(sizer *s, clause *cl, bool strong) {
  for (int i = 0; i < cl->reads.n; i++) check_rank(s, cl->reads.at[i]);
  from_reads(s, cl, strong);
  from_head(s, cl);
  from_affine(s, cl, false);
}

static void grow(sizer *s, clause *cl, bool weak) {
  from_reads(s, cl, true);
  if (weak) from_reads(s, cl, false);
  for (int i = 0; i < cl->vars.n; i++)
    if (!cl->vars.at[i]->extent) {
      from_affine(s, cl, false);
      break;
    }
  if (is_concat(cl)) from_concat(s, cl);
}

static void shorten(sizer *s, clause *cl, bool group) { from_affine(s, cl, group); }

static void refuse_unknown(sizer *s, const clause *cl) {
  for (int i = 0; i < cl->vars.n; i++)
    if (!cl->vars.at[i]->extent)
      check_refuse(s->c, cl->vars.at[i]->span, "how far the index `%s` runs is not known\nhelp: declare %s, for example %s : f32[%s]",
                   cl->vars.at[i]->name, cl->head->name, cl->head->name, cl->head->rank > 1 ? "8, 8" : "8");
}

static void settle(sizer *s, bool weak, bool anyway) {
  do {
    s->changed = false;
    each(s, grow, weak);
    size_heads(s, anyway);
  } while (s->changed);
}

void check_sizes(check *c, entity *const *group, int n) {
  sizer s = {c, group, n, false};
  each(&s, start, true);
  settle(&s, false, false);
  settle(&s, true, false);
  settle(&s, true, true);
  settle(&s, true, false);
  each(&s, shorten, true);
  for (int i = 0; i < n; i++) {
    entity *e = group[i];
    for (int k = 0; k < e->clauses.n; k++) refuse_unknown(&s, e->clauses.at[k]);
    for (int k = 0; k < e->rank; k++)
      if (!e->size[k])
        check_refuse(c, e->span, "the size of position %d of %s is not known\nhelp: declare it, for example %s : f32[...]", k,
                     e->name, e->name);
  }
}
