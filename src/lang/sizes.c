/* sizes: how far each index runs and how long each head is. An index runs over the size of the
 * dense positions where it stands bare, less what takes its affine reads outside; standing bare
 * nowhere, as far as its affine reads stay inside. Sizes are expressions: numbers in a program,
 * symbols of the arguments' sizes in the C API. */
#include "lang/sparse.h"

#include <string.h>

typedef struct sizer {
  check *c;
  entity *const *group; /* a recurrence, or one tensor; what they read is sized */
  int n;
  bool changed;
  const node *read; /* whose position `at` is looked at, for messages; NULL: the head's */
  int at;
  bool relations; /* what nothing else sizes is as long as relations say */
} sizer;

typedef void (*each_clause)(sizer *s, clause *cl, bool flag);

static void each(sizer *s, each_clause f, bool flag) {
  for (int i = 0; i < s->n; i++)
    for (int k = 0; s->group[i]->kind == NAME_TENSOR && k < s->group[i]->clauses.n; k++)
      f(s, s->group[i]->clauses.at[k], flag);
}

/* ---- arithmetic of sizes ------------------------------------------------------------------- */

static const ir_expr *add(sizer *s, const ir_expr *a, const ir_expr *b) {
  return ir_binary(s->c->p, IR_ADD, a, b);
}
static const ir_expr *sub(sizer *s, const ir_expr *a, const ir_expr *b) {
  return ir_binary(s->c->p, IR_SUB, a, b);
}
static const ir_expr *num(sizer *s, int64_t k) { return ir_int(s->c->p, k); }
static const ir_expr *mul(sizer *s, const ir_expr *a, int64_t k) {
  return ir_binary(s->c->p, IR_MUL, a, num(s, k));
}
static const ir_expr *quo(sizer *s, const ir_expr *a, int64_t k) {
  return ir_binary(s->c->p, IR_QUO, a, num(s, k));
}

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

/* The value behind the last one of V. */
static const ir_expr *end_of(sizer *s, const variable *v) { return add(s, v->low, v->extent); }

/* The largest (or least) value of constant + sum factor var, SKIP left out; NULL: not known. */
static const ir_expr *extreme(sizer *s, const affine_place *p, const variable *skip, bool largest) {
  const ir_expr *total = num(s, p->constant);
  if (p->beyond) total = add(s, total, p->beyond);
  for (int i = 0; i < p->n; i++) {
    const variable *v = p->var[i];
    if (v == skip) continue;
    if (!v->extent) return NULL;
    const ir_expr *last = sub(s, end_of(s, v), num(s, 1));
    total = add(s, total, mul(s, (p->factor[i] > 0) == largest ? last : v->low, p->factor[i]));
  }
  return total;
}

/* ---- where an index stands bare -------------------------------------------------------------- */

static bool has_size(const ir_expr *size, int64_t n) {
  int64_t m;
  return size && ir_is_int(size, &m) && m == n;
}

static int position_in(const node *read, int k);

/* The read with the index that does not fit in a position where it does: W[h,i] of W[i,h]. */
static const char *turned(sizer *s, int64_t wanted) {
  const node *read = s->read;
  const variable *here = read ? ((const node *)read->e.at[s->at])->var : NULL;
  for (int k = 0; here && k < read->e.n; k++) {
    affine_place p = check_place(s->c, (const node *)read->e.at[k]);
    if (k == s->at || !check_bare(&p) || check_bare(&p) == here ||
        !has_size(read->of->size[position_in(read, k)], wanted))
      continue;
    lang_expr copy = read->e;
    copy.at = BASE_NEWS(s->c->arena, lang_expr *, copy.n + 1);
    memcpy(copy.at, read->e.at, (size_t)copy.n * sizeof *copy.at);
    copy.at[k] = read->e.at[s->at];
    copy.at[s->at] = read->e.at[k];
    return base_format(s->c->arena, ": `%s` would fit", check_text_of(s->c, &copy));
  }
  return "";
}

/* The sizes of both tensors, and what might have been meant. */
static const char *both_shapes(sizer *s, const variable *v, int64_t wanted, const char *from) {
  const entity *a = check_find(s->c, v->from), *b = check_find(s->c, from);
  if (!a || !b || (a->rank < 2 && b->rank < 2)) return "";
  base_text t = base_text_open(s->c->arena);
  base_putf(&t, "\nhelp: %s is %s", a->name, check_shape(s->c, a));
  if (a != b) base_putf(&t, ", %s is %s", b->name, check_shape(s->c, b));
  base_put(&t, turned(s, wanted));
  return t.at;
}

_Noreturn static void disagree(sizer *s, const variable *v, int64_t a, int64_t b, const char *from,
                               int position) {
  base_span span = s->read ? s->read->e.at[s->at]->span : v->span;
  check_refuse(
      s->c, span,
      "the index `%s` runs over %lld (position %d of %s) and over %lld (position %d of %s)%s",
      v->name, (long long)a, v->position, v->from, (long long)b, position, from,
      both_shapes(s, v, a, from));
}

static void agree(sizer *s, variable *v, const ir_expr *size, const char *from, int position) {
  int64_t a, b;
  if (v->bare == size) return;
  bool known = ir_is_int(size, &b);
  if (ir_is_int(v->bare, &a) && known) disagree(s, v, a, b, from, position);
  const char *message =
      base_format(s->c->arena,
                  "the index `%s` runs over position %d of %s and position %d of %s: "
                  "their sizes differ",
                  v->name, v->position, v->from, position, from);
  ir_require_equal(s->c->p, v->bare, size, message, v->span);
  if (!known) return;
  if (v->extent == v->bare) v->extent = size;
  v->bare = size;
}

/* STRONG: what must agree. */
static void bare_at(sizer *s, variable *v, const ir_expr *size, const entity *of, int position,
                    bool strong) {
  if (!v->domain) v->domain = of->domains ? of->domains[position] : NULL;
  if (v->slice) return;
  if (v->bare && v->strong && strong) {
    agree(s, v, size, of->name, position);
    return;
  }
  if (v->extent) return;
  v->extent = v->bare = size;
  v->from = of->name;
  v->position = position;
  v->strong = strong;
  s->changed = true;
}

static bool in_group(const sizer *s, const entity *e) { return e->group == s->group[0]->group; }

/* The position of the tensor that the read's K-th stands for: a virtual one may be left out. */
static int position_in(const node *read, int k) {
  const entity *of = read->of;
  return k + (read->e.n == of->rank - 1 && of->virtual_position >= 0 && k >= of->virtual_position);
}

static void check_rank(sizer *s, const node *read) {
  const entity *of = read->of;
  int n = read->e.kind == LANG_READ || read->e.kind == LANG_ATOM ? read->e.n : 0;
  if (n == of->rank || (read->itself && n == 0) || (n == of->rank - 1 && of->virtual_position >= 0))
    return;
  if (of->rank < 0)
    check_refuse(s->c, read->e.span, "`%s` has no equation, list, file or declaration", of->name);
  const char *given = n ? base_format(s->c->arena, "%d %s given here", n, n == 1 ? "is" : "are")
                        : "none is given here";
  check_refuse(s->c, read->e.span, "%s has %s; %s\nhelp: it is %s: write `%s`", of->name,
               check_positions(s->c, of->rank), given, check_shape(s->c, of),
               check_indexed(s->c, of));
}

/* Reads of tensors outside the recurrence. */
static void strong_reads(sizer *s, clause *cl) {
  for (int i = 0; i < cl->reads.n; i++) {
    const node *read = cl->reads.at[i];
    if (in_group(s, read->of) || read->of->sparse) continue;
    for (int k = 0; read->e.kind == LANG_READ && k < read->e.n; k++) {
      affine_place p = check_place(s->c, (const node *)read->e.at[k]);
      int position = position_in(read, k);
      s->read = read;
      s->at = k;
      if (check_bare(&p) && read->of->size[position])
        bare_at(s, check_bare(&p), read->of->size[position], read->of, position, true);
    }
  }
  s->read = NULL;
}

/* The longest of the relations that V stands bare in. */
static const ir_expr *size_by_relations(sizer *s, const clause *cl, const variable *v) {
  const ir_expr *longest = NULL;
  for (int i = 0; s->relations && i < cl->reads.n; i++) {
    const node *read = cl->reads.at[i];
    for (int k = 0; read->of->sparse && k < read->e.n; k++) {
      if (((const node *)read->e.at[k])->var != v) continue;
      const ir_expr *size = sparse_size(s->c, read->of, k);
      longest = longest ? most(s, longest, size) : size;
    }
  }
  return longest;
}

/* Reads within the recurrence give what nothing else does: the shortest. */
static void weak_reads(sizer *s, clause *cl, variable *v) {
  const ir_expr *shortest = NULL;
  for (int i = 0; i < cl->reads.n; i++) {
    const node *read = cl->reads.at[i];
    for (int k = 0; in_group(s, read->of) && !read->of->sparse && read->e.kind == LANG_READ &&
                    k < read->e.n; k++) {
      affine_place p = check_place(s->c, (const node *)read->e.at[k]);
      const ir_expr *size = read->of->size[position_in(read, k)];
      if (check_bare(&p) == v && size) shortest = shortest ? least(s, shortest, size) : size;
    }
  }
  for (int k = 0; !shortest && k < cl->nlhs; k++) /* equations of one head share sizes */
    if (cl->lhs[k]->var == v && !cl->head->sparse) shortest = cl->head->size[k];
  if (!shortest) shortest = size_by_relations(s, cl, v);
  if (!shortest) return;
  v->extent = v->bare = shortest;
  v->from = cl->head->name;
  s->changed = true;
}

/* A declared position counts, unless it is as long as affine reads leave the index. */
static void declared_head(sizer *s, clause *cl) {
  for (int k = 0; cl->head->declared && !cl->head->sparse && k < cl->nlhs; k++) {
    variable *v = cl->lhs[k]->var;
    int64_t a, b;
    if (!v) continue;
    const ir_expr *size = cl->head->size[k];
    if (v->bare && v->strong && ir_is_int(v->bare, &a) && ir_is_int(size, &b) && a != b) {
      v->declared = size;
      continue;
    }
    bare_at(s, v, size, cl->head, k, true);
    v->guarded = true;
  }
}

/* ---- affine positions ------------------------------------------------------------------------ */

/* Bound V, which is p->var[i], so that p lies in [0, size); SIZE NULL: in [0, ..). */
static void bound(sizer *s, const affine_place *p, int i, const ir_expr *size) {
  variable *v = p->var[i];
  int64_t f = p->factor[i], g = f < 0 ? -f : f;
  const ir_expr *small = extreme(s, p, v, false), *large = extreme(s, p, v, true), *last = NULL,
                *first = NULL;
  if (!small || !large || f == 0) return;
  const ir_expr *top = size ? sub(s, mul(s, size, p->divisor), num(s, 1)) : NULL;
  if (f > 0) {
    first = mul(s, small, -1);
    if (top) last = quo(s, sub(s, top, large), g);
  } else {
    last = quo(s, small, g);
    if (top) first = sub(s, large, top);
  }
  const ir_expr *low = v->low, *end = v->extent ? end_of(s, v) : NULL;
  if (first) low = most(s, low, quo(s, add(s, first, num(s, g - 1)), g));
  if (last) end = end ? least(s, end, add(s, last, num(s, 1))) : add(s, last, num(s, 1));
  if (!end) return;
  const ir_expr *extent = most(s, sub(s, end, low), num(s, 0));
  if (extent == v->extent && low == v->low) return;
  v->low = low;
  v->extent = extent;
  s->changed = true;
}

/* Which index of P gives way: the one that is not known; else, if all are and none may read
 * outside, one of the left side, or the first. -1: none. */
static int yielding(const affine_place *p, bool inside_group) {
  int unknown = -1, head = -1, unknowns = 0;
  bool guarded = false;
  for (int i = 0; i < p->n; i++) {
    const variable *v = p->var[i];
    if (!v->extent) unknown = i, unknowns++;
    if (v->head && head < 0) head = i;
    guarded |= v->guarded;
  }
  if (unknowns) return unknowns == 1 ? unknown : -1;
  if (guarded && !inside_group) return -1;
  return p->n == 0 ? -1 : head >= 0 ? head : 0;
}

/* GROUP: reads within the recurrence, which shorten even what is declared; else the others. */
static void affine_reads(sizer *s, clause *cl, bool group) {
  for (int i = 0; i < cl->reads.n; i++) {
    const node *read = cl->reads.at[i];
    if (in_group(s, read->of) != group || read->of->sparse) continue;
    for (int k = 0; read->e.kind == LANG_READ && k < read->e.n; k++) {
      affine_place p = check_place(s->c, (const node *)read->e.at[k]);
      const ir_expr *size = read->of->size[position_in(read, k)];
      if (p.data || check_bare(&p) || !size) continue;
      int v = yielding(&p, group);
      if (v >= 0) bound(s, &p, v, size);
    }
  }
}

/* What would write outside is not defined. At last the head has its sizes, declared or not. */
static void affine_heads(sizer *s, clause *cl, bool last) {
  for (int k = 0; !cl->head->sparse && k < cl->nlhs; k++) {
    affine_place p = check_place(s->c, cl->lhs[k]);
    if (p.data || p.n != 1 || check_bare(&p)) continue;
    bool sized = cl->head->declared || last;
    if (p.var[0]->extent || sized) bound(s, &p, 0, sized ? cl->head->size[k] : NULL);
  }
}

/* ---- concat ---------------------------------------------------------------------------------- */

/* What the indices that it merges run over together; NULL: not known. */
static const ir_expr *merged_size(sizer *s, const node *concat) {
  const node *read = (const node *)concat->e.at[0];
  const ir_expr *product = num(s, 1);
  for (int k = 0; k < read->e.n; k++) {
    const variable *v = ((const node *)read->e.at[k])->var;
    if (!v->bound) continue;
    if (!v->extent) return NULL;
    product = ir_binary(s->c->p, IR_MUL, product, v->extent);
  }
  return product;
}

static void concats(sizer *s, clause *cl) {
  for (int i = 0; i < cl->concats.n; i++) {
    variable *v = ((node *)cl->concats.at[i]->e.index[0])->var;
    const ir_expr *size = merged_size(s, cl->concats.at[i]);
    if (!size || v->extent) continue;
    v->extent = v->bare = size;
    v->from = "concat";
    v->strong = true;
    s->changed = true;
  }
}

/* ---- heads ----------------------------------------------------------------------------------- */

/* Through X % 5, a tensor of integers that are known, of tokens or of choices: the largest + 1. */
static const ir_expr *data_size(sizer *s, const node *n) {
  int64_t k, largest = -1;
  const ir_expr *choice = check_choice_end(s->c, n);
  if (n->of && n->of->clauses.n == 1 && !n->of->sparse)
    choice = check_choice_end(s->c, n->of->clauses.at[0]->right);
  if (choice) return choice;
  if (n->e.kind == LANG_MODULO && check_whole(s->c, (const node *)n->e.at[1], &k) && k > 0)
    return num(s, k);
  if (!n->of) return NULL;
  if (n->of->tokens) return num(s, n->of->tokens->n);
  const io_array *a = n->of->data;
  if (!a || ir_type_real((ir_type)a->type) || !s->c->program) return NULL;
  int64_t count = (int64_t)(a->bytes / ir_type_bytes((ir_type)a->type));
  for (int64_t i = 0; i < count; i++) {
    int64_t x = device_load_value((ir_type)a->type, a->data, i).u.i;
    if (x > largest) largest = x;
  }
  return num(s, largest + 1);
}

static const ir_expr *head_size(sizer *s, const clause *cl, int k) {
  affine_place p = check_place(s->c, cl->lhs[k]);
  if (p.data) return data_size(s, cl->lhs[k]);
  const ir_expr *last = extreme(s, &p, NULL, true);
  return last ? add(s, quo(s, last, p.divisor), num(s, 1)) : NULL;
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

/* D[A,y] has a place for every symbol of the domain. */
static bool has_symbol(const entity *e, int k) {
  bool symbol = false;
  for (int i = 0; i < e->clauses.n; i++) symbol |= e->clauses.at[i]->lhs[k]->symbol;
  return symbol && e->domains && e->domains[k];
}

static void size_heads(sizer *s, bool anyway) {
  for (int i = 0; i < s->n; i++) {
    entity *e = s->group[i];
    for (int k = 0; k < e->rank && !e->sparse; k++) {
      if (!e->size[k] && has_symbol(e, k)) e->size[k] = num(s, e->domains[k]->n);
      if (!e->size[k] && e->clauses.n) size_head(s, e, k, anyway);
    }
  }
}

/* ---- recurrences ----------------------------------------------------------------------------- */

/* Is position k of the head another one in a read of the recurrence? */
static bool shifted(sizer *s, const clause *cl, int k, const affine_place *p) {
  for (int i = 0; i < cl->reads.n; i++) {
    const node *read = cl->reads.at[i];
    if (!in_group(s, read->of) || read->of->sparse || read->e.kind != LANG_READ || k >= read->e.n)
      continue;
    affine_place q = check_place(s->c, (const node *)read->e.at[k]);
    if (!q.data && q.n == 1 && q.var[0] == p->var[0] &&
        (q.constant != p->constant || q.beyond != p->beyond))
      return true;
  }
  return false;
}

/* A recurrence adds nothing to base elements, those given with a constant there. */
static void skip_bases(sizer *s, clause *cl, bool flag) {
  (void)flag;
  for (int k = 0; !cl->head->sparse && k < cl->nlhs; k++) {
    affine_place p = check_place(s->c, cl->lhs[k]);
    if (p.data || p.n != 1 || p.factor[0] != 1 || p.divisor != 1 || !shifted(s, cl, k, &p))
      continue;
    variable *v = p.var[0];
    int64_t low, extent;
    if (!ir_is_int(v->low, &low) || !ir_is_int(v->extent, &extent)) continue;
    for (; extent > 0 && check_is_base(s->c, cl, k, low + p.constant); low++) extent--;
    while (extent > 0 && check_is_base(s->c, cl, k, low + extent - 1 + p.constant)) extent--;
    v->low = num(s, low);
    v->extent = num(s, extent);
  }
}

/* ---- a group --------------------------------------------------------------------------------- */

static void start(sizer *s, clause *cl, bool flag) {
  (void)flag;
  for (int i = 0; i < cl->reads.n; i++) check_rank(s, cl->reads.at[i]);
  strong_reads(s, cl);
  declared_head(s, cl);
  affine_reads(s, cl, false);
  affine_heads(s, cl, false);
}

static void grow(sizer *s, clause *cl, bool weak) {
  bool all = true;
  for (int i = 0; i < cl->vars.n; i++) {
    if (weak && !cl->vars.at[i]->extent) weak_reads(s, cl, cl->vars.at[i]);
    all &= cl->vars.at[i]->extent != NULL;
  }
  if (all) return;
  affine_reads(s, cl, false);
  concats(s, cl);
}

static void settle(sizer *s, bool weak, bool anyway) {
  do {
    s->changed = false;
    each(s, grow, weak);
    size_heads(s, anyway);
  } while (s->changed);
}

/* A number that stands as a position lies in the tensor. */
static void check_constant(sizer *s, const node *n, const entity *of, int position) {
  int64_t at, size = INT64_MAX;
  if (of->sparse || !check_whole(s->c, n, &at)) return;
  bool known = of->size[position] && ir_is_int(of->size[position], &size) && size > 0;
  const char *last =
      known ? base_format(s->c->arena, "\nhelp: the first is 0, the last %lld", (long long)size - 1)
            : "";
  if (at < 0)
    check_refuse(s->c, n->e.span, "positions count from 0; position %d of %s is %lld here%s",
                 position, of->name, (long long)at, last);
  if (at >= size)
    check_refuse(s->c, n->e.span, "%lld is not in position %d of %s, which is %lld long%s",
                 (long long)at, position, of->name, (long long)size, last);
}

static void check_constants(sizer *s, clause *cl, bool flag) {
  (void)flag;
  for (int k = 0; k < cl->nlhs; k++) check_constant(s, cl->lhs[k], cl->head, k);
  for (int i = 0; i < cl->reads.n; i++) {
    const node *read = cl->reads.at[i];
    for (int k = 0; read->e.kind == LANG_READ && k < read->e.n; k++)
      check_constant(s, (const node *)read->e.at[k], read->of, position_in(read, k));
  }
}

/* No size says how far V runs. */
_Noreturn static void refuse_unknown(sizer *s, const clause *cl, const variable *v) {
  const char *help =
      base_format(s->c->arena,
                  v->head ? "let it stand bare in a tensor of known size, or declare %s with its "
                            "sizes: `%s : f32[...]`"
                          : "let it stand bare in a tensor of known size",
                  cl->head->name, cl->head->name);
  for (int i = 0; i < cl->vars.n && !v->bound; i++)
    if (cl->vars.at[i]->bound && strcmp(cl->vars.at[i]->name, v->name) == 0)
      help = base_format(s->c->arena,
                         "the `%s` of a reduction means nothing outside its "
                         "parentheses",
                         v->name);
  check_refuse(s->c, v->span, "how far the index `%s` runs is not known\nhelp: %s", v->name, help);
}

static void check_variables(sizer *s, clause *cl, bool flag) {
  (void)flag;
  for (int i = 0; i < cl->vars.n; i++) {
    variable *v = cl->vars.at[i];
    int64_t a, b;
    if (!v->extent) refuse_unknown(s, cl, v);
    if (v->declared && ir_is_int(v->declared, &b) && ir_is_int(end_of(s, v), &a) && a != b) {
      if (!ir_is_int(v->bare, &a)) a = -1;
      int k = 0;
      while (cl->lhs[k]->var != v) k++;
      disagree(s, v, a, b, cl->head->name, k);
    }
    if (v->slice && ir_is_int(v->bare, &a) && ir_is_int(v->extent, &b) && a != b)
      check_refuse(s->c, v->span,
                   "the slice does not lie inside: it is %lld long, %lld of it there", (long long)a,
                   (long long)b);
  }
  for (int i = 0; i < cl->concats.n; i++) {
    variable *v = ((node *)cl->concats.at[i]->e.index[0])->var;
    const ir_expr *size = merged_size(s, cl->concats.at[i]);
    int64_t a, b;
    if (size && v->bare && ir_is_int(size, &a) && ir_is_int(v->bare, &b) && a != b)
      check_refuse(s->c, v->span,
                   "the index `%s` runs over %lld (position %d of %s); concat merges %lld elements",
                   v->name, (long long)b, v->position, v->from, (long long)a);
  }
}

/* Bare indices of several equations for one head run equally far, or one is shortened to the other.
 */
static void check_shared(sizer *s, const entity *e, int k) {
  const variable *first = NULL;
  int64_t a, b, one, other;
  for (int i = 0; !e->declared && i < e->clauses.n; i++) {
    const variable *v = e->clauses.at[i]->lhs[k]->var;
    if (!v || !v->strong) continue;
    if (!first) first = v;
    if (ir_is_int(first->bare, &a) && ir_is_int(v->bare, &b) && a != b &&
        ir_is_int(end_of(s, first), &one) && ir_is_int(end_of(s, v), &other) && one != other)
      check_refuse(
          s->c, v->span,
          "position %d of %s runs over %lld here (position %d of %s) and over %lld on line %d "
          "(position %d of %s)",
          k, e->name, (long long)b, v->position, v->from, (long long)a, first->span.line,
          first->position, first->from);
  }
}

static void check_head(sizer *s, entity *e) {
  for (int k = 0; k < e->rank && !e->sparse; k++) {
    if (!e->size[k])
      check_refuse(s->c, e->span,
                   "the size of position %d of %s is not known\nhelp: declare it: `%s : f32[...]`",
                   k, e->name, e->name);
    check_shared(s, e, k);
    int64_t n;   /* a domain that was found by use, and does not number these positions */
    bool named = e->domains && e->domains[k] && !e->declared && ir_is_int(e->size[k], &n);
    if (named && n != e->domains[k]->n) e->domains[k] = NULL;
    for (int i = 0; i < e->clauses.n && !e->domains[k]; i++)
      if (e->clauses.at[i]->lhs[k]->var) e->domains[k] = e->clauses.at[i]->lhs[k]->var->domain;
  }
}

static bool all_relations(entity *const *group, int n) {
  for (int i = 0; i < n; i++)
    if (group[i]->kind != NAME_RELATION) return false;
  return true;
}

void check_sizes(check *c, entity *const *group, int n) {
  if (all_relations(group, n)) return;
  sizer s = {.c = c, .group = group, .n = n};
  each(&s, start, true);
  settle(&s, false, false);
  settle(&s, true, false);
  settle(&s, true, true);
  settle(&s, true, false);
  s.relations = sparse_is_read(group, n);
  if (s.relations) settle(&s, true, false);
  if (s.relations) settle(&s, true, true);
  each(&s, affine_heads, true);
  each(&s, affine_reads, true);
  each(&s, skip_bases, true);
  each(&s, check_variables, true);
  each(&s, check_constants, true);
  for (int i = 0; i < n; i++) check_head(&s, group[i]);
}
