/* resolve: a copy of an equation's tree in which every name is what it stands for. An index becomes
 * a variable: one for the whole equation if it stands on the left, else one for each term; a
 * function of the program keeps its arguments and gains a body. */
#include "lang/sparse.h"

#include <math.h>
#include <string.h>

typedef struct scope { /* a name bound by a reduction, or a parameter */
  struct scope *outer;
  const char *name;
  variable *var;  /* the index; or */
  node *argument; /* what the parameter stands for */
} scope;

typedef struct resolver {
  check *c;
  clause *cl;
  BASE_VEC(const char *) index; /* names that stand in an index position of the equation */
  BASE_VEC(variable *) head, term;
  scope *top;           /* innermost */
  const char *function; /* whose body this is; NULL: the equation itself */
  int expanding, nodes, levels;
  bool left;     /* resolving the head */
  bool position; /* inside the brackets of a tensor */
  bool rule, compared;   /* of a rule; under a comparison, where symbols may stand */
} resolver;

enum { DEEPEST = 100, MOST_NODES = 100000, MOST_LEVELS = 2000 };

static node *resolve(resolver *r, const lang_expr *e);

_Noreturn static void refuse_long(resolver *r) {
  check_refuse(r->c, r->cl->stmt->span, "its functions make this equation too long");
}

static node *copy_node(resolver *r, const lang_expr *e) {
  if (++r->nodes > MOST_NODES) refuse_long(r);
  node *n = BASE_NEW(r->c->arena, node);
  n->e = *e;
  n->e.at = BASE_NEWS(r->c->arena, lang_expr *, e->n + 1);
  n->e.index = NULL;
  n->e.nindex = 0;
  return n;
}

static node *resolve_children(resolver *r, const lang_expr *e) {
  node *n = copy_node(r, e);
  for (int i = 0; i < e->n; i++) n->e.at[i] = e->at[i] ? &resolve(r, e->at[i])->e : NULL;
  return n;
}

static node *whole_number(resolver *r, const lang_expr *at, int64_t value) {
  node *n = BASE_NEW(r->c->arena, node);
  n->e = (lang_expr){.kind = LANG_NUMBER, .whole = true, .depth = 1, .span = at->span};
  n->e.value = (double)value;
  n->e.integer = value;
  return n;
}

static node *name_of(resolver *r, variable *v, base_span span) {
  node *n = BASE_NEW(r->c->arena, node);
  n->e = (lang_expr){.kind = LANG_NAME, .name = v->name, .depth = 1, .span = span};
  n->var = v;
  return n;
}

/* ---- indices ------------------------------------------------------------------------------- */

static variable *new_variable(resolver *r, const char *name, base_span span) {
  variable *v = BASE_NEW(r->c->arena, variable);
  v->name = name;
  v->span = span;
  v->low = ir_int(r->c->p, 0);
  BASE_PUSH(r->c->arena, &r->cl->vars, v);
  return v;
}

static scope *push(resolver *r, const char *name) {
  scope *s = BASE_NEW(r->c->arena, scope);
  s->outer = r->top;
  s->name = name;
  return r->top = s;
}

static scope *bound(const resolver *r, const char *name) {
  for (scope *s = r->top; s; s = s->outer)
    if (strcmp(s->name, name) == 0) return s;
  return NULL;
}

static variable *head_index(const resolver *r, const char *name) {
  for (int i = 0; i < r->head.n; i++)
    if (strcmp(r->head.at[i]->name, name) == 0) return r->head.at[i];
  return NULL;
}

static bool is_index(const resolver *r, const char *name) {
  for (int i = 0; i < r->index.n; i++)
    if (strcmp(r->index.at[i], name) == 0) return true;
  return false;
}

/* The index NAME of the head or of this term, which may be new to it; bound ones are in scopes. */
static variable *index_named(resolver *r, const char *name, base_span span) {
  variable *v = head_index(r, name);
  for (int i = 0; !v && i < r->term.n; i++)
    if (strcmp(r->term.at[i]->name, name) == 0) v = r->term.at[i];
  if (v) return v;
  if (r->function)
    check_refuse(r->c, span,
                 "`%s` is an index of the function %s but no parameter of it\n"
                 "help: make it a parameter, or sum over it there: `sum[%s](...)`",
                 name, r->function, name);
  v = new_variable(r, name, span);
  v->head = r->left;
  if (r->left)
    BASE_PUSH(r->c->arena, &r->head, v);
  else
    BASE_PUSH(r->c->arena, &r->term, v);
  return v;
}

static void add_index(resolver *r, const char *name) {
  if (!lang_is_capital(name) && !is_index(r, name)) BASE_PUSH(r->c->arena, &r->index, name);
}

/* The names that are indices throughout the equation: those that stand in index positions. */
static void find_indices(resolver *r, const lang_expr *e, bool position) {
  if (!e) return;
  if ((position && e->kind == LANG_NAME) || e->kind == LANG_VIRTUAL) add_index(r, e->name);
  for (int k = 0; e->kind == LANG_CALL && k < e->nindex; k++) add_index(r, e->index[k]->name);
  for (int i = 0; i < e->n; i++)
    find_indices(r, e->at[i], position || e->kind == LANG_READ || e->kind == LANG_ATOM);
}

/* ---- names ----------------------------------------------------------------------------------- */

static entity *tensor_named(resolver *r, const lang_expr *e) {
  entity *of = check_find(r->c, e->name);
  name_kind kind = of ? of->kind : NAME_UNKNOWN;
  if (of && of->broken) check_skip(r->c);
  if (kind == NAME_TENSOR || (kind == NAME_RELATION && of->rank == 0)) return of;
  if (kind == NAME_RELATION)
    check_refuse(r->c, e->span, "`%s` is a relation\nhelp: write %s(%s)", e->name, e->name,
                 of->rank == 1 ? "x" : "x, y");
  if (kind == NAME_FUNCTION)
    check_refuse(r->c, e->span, "`%s` is a function and needs its arguments\nhelp: write `%s(...)`",
                 e->name, e->name);
  if (kind == NAME_DOMAIN)
    check_refuse(r->c, e->span,
                 "`%s` is a domain, not a tensor\nhelp: a tensor over it is "
                 "declared: `X : f32[%s]`",
                 e->name, e->name);
  check_unknown(r->c, e, NAME_TENSOR);
}

/* A relation that nothing defines is empty; with a constant in it, or a name like it, it is more
 * likely misspelt. */
static entity *relation_named(resolver *r, const lang_expr *e) {
  check *c = r->c;
  entity *of = check_find(c, e->name);
  if (of && of->broken) check_skip(c);
  if (of && of->kind == NAME_TENSOR && of->sparse)
    check_refuse(c, e->span, "%s is a tensor: its elements are read with brackets, %s[%s]", e->name,
                 e->name, of->rank == 1 ? "x" : "x, y");
  if (of && of->kind != NAME_UNKNOWN && of->kind != NAME_RELATION)
    check_refuse(c, e->span, "%s is no relation; it is defined on line %d", e->name, of->span.line);
  if (of && of->kind == NAME_RELATION) return of;
  const char *near = check_meant(c, e->name, NAME_RELATION);
  bool plain = !*near && c->program;
  for (int k = 0; k < e->n; k++)
    plain &= e->at[k]->kind == LANG_NAME && !lang_is_capital(e->at[k]->name);
  if (!plain) refuse_unknown(c, e, near);
  of = check_define(c, e, NAME_RELATION);
  of->sparse = true;
  check_rank_of(c, of, e->n, e->span);
  return of;
}

/* x == Alice, in a rule. */
static bool is_symbol(const check *c, const lang_expr *e) {
  const entity *of = base_map_get_s(c->names, e->name);
  return lang_is_capital(e->name) && (!of || (of->kind != NAME_TENSOR && of->rank != 0));
}

static node *resolve_name(resolver *r, const lang_expr *e) {
  scope *s = bound(r, e->name);
  if (s && s->argument) return s->argument;
  if (s) return name_of(r, s->var, e->span);
  bool index = r->function ? r->position && !lang_is_capital(e->name) : is_index(r, e->name);
  if (index || e->kind == LANG_VIRTUAL)
    return name_of(r, index_named(r, e->name, e->span), e->span);
  node *n = copy_node(r, e);
  if (r->rule && r->compared && is_symbol(r->c, e)) {
    n->e.kind = LANG_STRING;
    n->e.length = strlen(e->name);
    return n;
  }
  bool unknown = r->rule && !r->function && lang_is_capital(e->name) && !check_find(r->c, e->name);
  n->of = unknown ? relation_named(r, e) : tensor_named(r, e);
  BASE_PUSH(r->c->arena, &r->cl->reads, n);
  return n;
}

_Noreturn void check_refuse_symbol(check *c, const lang_expr *e, const entity *of, int k) {
  const lang_domain *d = of->domains && k < of->rank ? of->domains[k] : NULL;
  if (d) {
    int n = d->n < 1000 ? (int)d->n : 1000;
    const char *near = lang_did_you_mean(e->name, d->symbol, n);
    check_refuse(c, e->span, "`%s` is not in %s%s, the domain of position %d of %s%s", e->name,
                 d->name ? "" : "that text", d->name ? d->name : "", k, of->name,
                 near ? base_format(c->arena, "\nhelp: did you mean `%s`?", near) : "");
  }
  const char *near = check_meant(c, e->name, NAME_TENSOR);
  if (!*near)
    near = base_format(c->arena,
                       "\nhelp: an index is written in lower case; a domain is "
                       "declared: `Thing : {%s, ...}` and `%s : f32[Thing]`",
                       e->name, of->name);
  check_refuse(c, e->span, "`%s` is no scalar, and position %d of %s has no domain%s", e->name,
               k, of->name, near);
}

/* Its number where the domain is known now; else it stays a symbol until all positions are. */
static node *resolve_symbol(resolver *r, const lang_expr *e, entity *of, int k) {
  const lang_domain *d = of->domains && k < of->rank ? of->domains[k] : NULL;
  const char **symbol = d && !of->sparse ? base_map_get_s(d->number, e->name) : NULL;
  if (symbol) return whole_number(r, e, symbol - d->symbol);
  if (!r->c->program || (d && !of->sparse)) check_refuse_symbol(r->c, e, of, k);
  node *n = copy_node(r, e);
  n->e.kind = LANG_STRING;
  if (e->kind == LANG_NAME) n->e.length = strlen(e->name);
  BASE_PUSH(r->c->arena, &r->c->symbols, ((pending){n, of, k}));
  return n;
}

/* A capitalised name or a string: a scalar's value, or a symbol's number. */
static node *resolve_constant(resolver *r, const lang_expr *e, entity *of, int k) {
  const entity *scalar = e->kind == LANG_NAME ? check_find(r->c, e->name) : NULL;
  if (!scalar || scalar->kind != NAME_TENSOR) return resolve_symbol(r, e, of, k);
  bool symbols = of->rank > k && of->domains && of->domains[k];
  if (symbols || (of->sorts && of->sorts[k] && of->sorts[k]->symbols.n))
    check_refuse(r->c, e->span,
                 "`%s` is a scalar, and position %d of %s holds symbols\n"
                 "help: quote it if the symbol is meant: `\"%s\"`",
                 e->name, k, of->name, e->name);
  double value;
  if (!check_number(r->c, e, &value)) return resolve(r, e);
  if (value != floor(value) || fabs(value) > 9e15)
    check_refuse(r->c, e->span,
                 "a position is a whole number; %s is %g\nhelp: round it: "
                 "`floor(%s)`",
                 e->name, value, e->name);
  return whole_number(r, e, (int64_t)value);
}

static node *resolve_position(resolver *r, const lang_expr *e, entity *of, int k) {
  if (e->kind == LANG_WILD) {
    if (r->left || r->function)
      check_refuse(r->c, e->span, "`_` cannot stand %s", r->left ? "on the left" : "in a function");
    variable *v = new_variable(r, "_", e->span);
    return name_of(r, v, e->span);
  }
  bool constant = e->kind == LANG_STRING || (e->kind == LANG_NAME && lang_is_capital(e->name));
  bool outer = r->position;
  r->position = true;
  node *n = constant && !bound(r, e->name) ? resolve_constant(r, e, of, k) : resolve(r, e);
  r->position = outer;
  return n;
}

static node *resolve_read(resolver *r, const lang_expr *e) {
  node *n = copy_node(r, e);
  n->of = tensor_named(r, e);
  for (int k = 0; k < e->n; k++) n->e.at[k] = &resolve_position(r, e->at[k], n->of, k)->e;
  BASE_PUSH(r->c->arena, &r->cl->reads, n);
  return n;
}

/* ---- calls ----------------------------------------------------------------------------------- */

/* The value of an argument is that of the expression by itself, as with the functions built in. */
static node *resolve_function(resolver *r, const lang_expr *e, int n, lang_expr *const *param,
                              const lang_expr *body) {
  check *c = r->c;
  if (e->n != n)
    check_refuse(c, e->span, "%s takes %d argument%s, not %d\nhelp: it is defined on line %d",
                 e->name, n, n == 1 ? "" : "s", e->n, check_find(c, e->name)->span.line);
  if (r->expanding == DEEPEST)
    check_refuse(c, e->span,
                 "the function %s leads back to itself\nhelp: what repeats is a "
                 "recurrence of a tensor: `X[t+1] = 0.5 X[t]`",
                 e->name);
  node *call = resolve_children(r, e);
  resolver inner = {.c = c,
                    .cl = r->cl,
                    .function = e->name,
                    .expanding = r->expanding + 1,
                    .nodes = r->nodes,
                    .levels = r->levels};
  for (int i = 0; i < n; i++) push(&inner, param[i]->name)->argument = (node *)call->e.at[i];
  call->body = resolve(&inner, body);
  r->nodes = inner.nodes;
  return call;
}

/* size(Text): the tensor is named, not read; its size must be known before. */
static node *resolve_size(resolver *r, const lang_expr *e) {
  entity *of = e->n >= 1 && e->n <= 2 && e->at[0]->kind == LANG_NAME
                   ? check_find(r->c, e->at[0]->name)
                   : NULL;
  if (of && of->broken) check_skip(r->c);
  if (!of && e->n >= 1 && e->at[0]->kind == LANG_NAME) check_unknown(r->c, e->at[0], NAME_TENSOR);
  if (!of)
    check_refuse(r->c, e->span, "size takes the name of a tensor or a domain\nhelp: write %s",
                 lang_form_of("size"));
  node *n = copy_node(r, e);
  for (int i = 0; i < e->n; i++) n->e.at[i] = &copy_node(r, e->at[i])->e;
  if (of->kind == NAME_TENSOR) BASE_PUSH(r->c->arena, &r->cl->sized, of);
  return n;
}

static void set_index(resolver *r, node *n, int count) {
  n->e.nindex = count;
  n->e.index = BASE_NEWS(r->c->arena, lang_expr *, count + 1);
}

static variable *bind(resolver *r, const char *name, base_span span) {
  variable *v = new_variable(r, name, span);
  v->bound = true;
  push(r, name)->var = v;
  return v;
}

/* The only index that stands in E; NULL: none, or several. */
static const char *only_index(resolver *r, const lang_expr *e) {
  resolver names = {.c = r->c};
  find_indices(&names, e, false);
  return names.index.n == 1 ? names.index.at[0] : NULL;
}

/* T[i] = topk[i](X[i], 3): inside, i runs over X; outside, over the 3 largest. */
static node *resolve_topk(resolver *r, const lang_expr *e) {
  check *c = r->c;
  double k;
  if (e->n != 2 || e->nindex > 1 || !check_number(c, e->at[1], &k) || k < 0 || k != floor(k))
    check_refuse(c, e->span, "topk takes an expression and how many of it to keep\nhelp: write %s",
                 "`topk[i](X[i], 3)`");
  const char *name = e->nindex       ? e->index[0]->name
                     : r->cl->marked ? r->cl->marked->name
                                     : only_index(r, e->at[0]);
  if (!name) check_refuse(c, e->span, "topk over which index?\nhelp: name it: `topk[i](...)`");
  node *n = copy_node(r, e);
  set_index(r, n, 2);
  scope *s = bound(r, name);
  variable *outside = s && s->var ? s->var : index_named(r, name, e->span);
  outside->extent = outside->bare = ir_int(c->p, (int64_t)k);
  outside->strong = true;
  outside->from = "topk";
  scope *before = r->top;
  n->e.index[0] = &name_of(r, outside, e->span)->e;
  n->e.index[1] = &name_of(r, bind(r, name, e->span), e->span)->e;
  n->e.at[0] = &resolve(r, e->at[0])->e;
  n->e.at[1] = &whole_number(r, e->at[1], (int64_t)k)->e;
  r->top = before;
  return n;
}

/* M[p,m] = concat(H[h,p,k]): h and k belong to the read alone, m runs over both. */
static node *resolve_concat(resolver *r, const lang_expr *e) {
  check *c = r->c;
  const lang_expr *read = e->n == 1 ? e->at[0] : NULL;
  if (!read || read->kind != LANG_READ)
    check_refuse(c, e->span,
                 "concat takes one tensor with its indices\n"
                 "help: write `concat(H[h,p,k])`; to join several tensors, define parts of one: "
                 "`Y[i] = A[i]`, `Y[i + 3] = B[i]`");
  node *n = copy_node(r, e);
  scope *before = r->top;
  variable *merged = NULL;
  for (int k = 0; k < read->n; k++) {
    const lang_expr *at = read->at[k];
    if (at->kind != LANG_NAME || lang_is_capital(at->name))
      check_refuse(c, at->span, "concat takes plain indices\nhelp: give the part a name first");
    if (!head_index(r, at->name) && !bound(r, at->name)) bind(r, at->name, at->span);
  }
  n->e.at[0] = &resolve(r, read)->e;
  r->top = before;
  for (int i = 0; i < r->head.n; i++) {
    variable *v = r->head.at[i];
    if (check_uses((node *)n->e.at[0], v)) continue;
    if (merged)
      check_refuse(c, e->span,
                   "concat merges into one index; the left has both `%s` and `%s`, which %s lacks"
                   "\nhelp: give %s one of them",
                   merged->name, v->name, read->name, r->cl->head->name);
    merged = v;
  }
  if (!merged)
    check_refuse(c, e->span,
                 "concat needs an index on the left that %s lacks\n"
                 "help: it merges those of %s that the left lacks: `M[m] = concat(H[h,k])`",
                 read->name, read->name);
  set_index(r, n, 1);
  n->e.index[0] = &name_of(r, merged, e->span)->e;
  BASE_PUSH(c->arena, &r->cl->concats, n);
  return n;
}

/* sum(X[i]), sum(X) */
_Noreturn static void refuse_unnamed(resolver *r, const lang_expr *e) {
  resolver names = {.c = r->c};
  find_indices(&names, e, false);
  const lang_expr *x = e->at[0];
  const entity *of = x->kind == LANG_NAME ? check_find(r->c, x->name) : NULL;
  const char *argument = of && of->rank > 0 ? check_indexed(r->c, of) : check_text_of(r->c, x);
  base_text list = base_text_open(r->c->arena);
  for (int i = 0; i < names.index.n; i++) base_putf(&list, i ? ",%s" : "%s", names.index.at[i]);
  for (int i = 0; of && i < of->rank; i++) base_putf(&list, i ? ",%c" : "%c", 'i' + i);
  check_refuse(r->c, e->span, "%s over which index?\nhelp: name it: `%s[%s](%s)`", e->name, e->name,
               list.n ? list.at : "i", argument);
}

static node *resolve_builtin(resolver *r, const lang_expr *e) {
  if (strcmp(e->name, "size") == 0) return resolve_size(r, e);
  if (strcmp(e->name, "topk") == 0) return resolve_topk(r, e);
  if (strcmp(e->name, "concat") == 0) return resolve_concat(r, e);
  bool binds = lang_binds(e->name), grad = strcmp(e->name, "grad") == 0;
  if (binds && !lang_goes_over(e->name) && e->n == 1 && !e->nindex) refuse_unnamed(r, e);
  scope *before = r->top;
  node *n = copy_node(r, e);
  set_index(r, n, e->nindex);
  for (int k = 0; k < e->nindex; k++) {
    const lang_expr *x = e->index[k];
    scope *s = bound(r, x->name);
    if (lang_is_capital(x->name)) check_refuse(r->c, x->span, "an index is written in lower case");
    variable *v = binds         ? bind(r, x->name, x->span)
                  : s && s->var ? s->var
                                : index_named(r, x->name, x->span);
    n->e.index[k] = &name_of(r, v, x->span)->e;
  }
  for (int i = 0; i < e->n; i++) {
    bool named = e->at[i]->kind == LANG_NAME && lang_is_function(e->at[i]->name); /* gelu(x, tanh) */
    node *argument = named ? copy_node(r, e->at[i]) : resolve(r, e->at[i]);
    if (grad) argument->itself = true;
    n->e.at[i] = &argument->e;
  }
  if (grad) BASE_PUSH(r->c->arena, &r->c->grads, n);
  r->top = before;
  return n;
}

static node *resolve_call(resolver *r, const lang_expr *e) {
  if (lang_is_function(e->name)) return resolve_builtin(r, e);
  const entity *of = check_find(r->c, e->name);
  if (of && of->broken) check_skip(r->c);
  if (!of || of->kind != NAME_FUNCTION) check_unknown(r->c, e, NAME_FUNCTION);
  return resolve_function(r, e, of->function->function.n, of->function->function.params,
                          of->function->function.right);
}

/* Even(d), after Even(d) = d % 2 == 0, is a condition on indices, written out where it is used. */
static node *resolve_atom(resolver *r, const lang_expr *e) {
  const entity *function = check_find(r->c, e->name);
  if (function && function->kind == NAME_FUNCTION && !function->broken) {
    const lang_stmt *s = function->function;
    return resolve_function(r, e, s->equation.head->n, s->equation.head->at, s->equation.right);
  }
  node *n = copy_node(r, e);
  n->of = relation_named(r, e);
  if (n->of->rank != e->n)
    check_refuse(r->c, e->span, "%s has %d position%s; %d %s given here", e->name, n->of->rank,
                 n->of->rank == 1 ? "" : "s", e->n, e->n == 1 ? "is" : "are");
  for (int k = 0; k < e->n; k++) n->e.at[k] = &resolve_position(r, e->at[k], n->of, k)->e;
  BASE_PUSH(r->c->arena, &r->cl->reads, n);
  return n;
}

static node *resolve_compared(resolver *r, const lang_expr *e) {
  bool outer = r->compared;
  r->compared = true;
  node *n = resolve_children(r, e);
  r->compared = outer;
  return n;
}

static node *resolve_plain(resolver *r, const lang_expr *e) {
  switch (e->kind) {
  case LANG_NAME:
  case LANG_VIRTUAL: return resolve_name(r, e);
  case LANG_READ: return resolve_read(r, e);
  case LANG_CALL: return resolve_call(r, e);
  case LANG_ATOM: return resolve_atom(r, e);
  case LANG_WILD: check_refuse(r->c, e->span, "`_` stands in index positions only");
  case LANG_LIST:
    check_refuse(r->c, e->span,
                 "a list stands alone on the right of `=`\n"
                 "help: give it a name first: `X = [1, 2]`, then `X[i]`");
  case LANG_STRING:
    if (r->rule) return copy_node(r, e);
    check_refuse(r->c, e->span, "a string stands for a file or a symbol only");
  case LANG_SLICE:
    check_refuse(r->c, e->span,
                 "a slice stands alone on the right, or in a query\n"
                 "help: give the part a name first: `P = X[0:2]`, then `P[i]`");
  case LANG_KEYWORD:
    check_refuse(r->c, e->span, "`%s=` stands in commands only%s", e->name,
                 strcmp(e->name, "axis") == 0 || strcmp(e->name, "dim") == 0
                     ? "\nhelp: the index is named: `softmax[i](X[i])`"
                     : "");
  case LANG_EQUAL:
  case LANG_UNEQUAL:
  case LANG_BIND: return resolve_compared(r, e);
  default: return resolve_children(r, e);
  }
}

/* Walkers of the result may recurse: it is never deeper than MOST_LEVELS, functions and all. */
static node *resolve(resolver *r, const lang_expr *e) {
  int depth = 0;
  if (++r->levels > MOST_LEVELS) refuse_long(r);
  node *n = resolve_plain(r, e);
  r->levels--;
  for (int i = 0; i < n->e.n; i++)
    if (n->e.at[i] && ((node *)n->e.at[i])->depth > depth) depth = ((node *)n->e.at[i])->depth;
  if (n->body && n->body->depth > depth) depth = n->body->depth;
  if ((n->depth = depth + 1) > MOST_LEVELS) refuse_long(r);
  return n;
}

/* ---- clauses --------------------------------------------------------------------------------- */

/* Terms of the right side are resolved one by one: what the head lacks is a variable of its term.
 */
static node *resolve_terms(resolver *r, const lang_expr *e) {
  if (e->kind == LANG_SUM || e->kind == LANG_NEGATE) {
    node *n = copy_node(r, e);
    for (int i = 0; i < e->n; i++) n->e.at[i] = &resolve_terms(r, e->at[i])->e;
    return n;
  }
  r->term.n = 0;
  return resolve(r, e);
}

/* 4:8 in position K of OF: a head index i, and i + 4 in the read. Open at its end, i runs as far
 * as the read stays inside. */
static lang_expr *resolve_slice(resolver *r, const lang_expr *e, const entity *of, int k) {
  check *c = r->c;
  double low = 0, high = 0;
  const ir_expr *size = k < of->rank ? of->size[k] : NULL;
  int64_t top;
  if ((e->at[0] && !check_number(c, e->at[0], &low)) ||
      (e->at[1] && !check_number(c, e->at[1], &high)))
    check_refuse(c, e->span, "the ends of a slice are numbers known before the program runs");
  if (!e->at[1]) high = size && ir_is_int(size, &top) ? (double)top : fmax(low, 0);
  if (low < 0 || high < low || low != floor(low) || high != floor(high) ||
      (size && ir_is_int(size, &top) && high > (double)top))
    check_refuse(c, e->span, "the slice %g:%g does not lie in position %d of %s%s", low, high, k,
                 of->name,
                 size && ir_is_int(size, &top)
                     ? base_format(c->arena, ", which is %lld long", (long long)top)
                     : "");
  variable *v = new_variable(r, base_format(c->arena, "i%d", k), e->span);
  v->head = true;
  if (e->at[1]) {
    v->extent = v->bare = ir_int(c->p, (int64_t)(high - low));
    v->strong = v->slice = true;
    v->from = "the slice";
  }
  node *name = name_of(r, v, e->span), *sum = whole_number(r, e, 0);
  r->cl->lhs[r->cl->nlhs++] = name;
  sum->e = (lang_expr){.kind = LANG_SUM, .n = 2, .depth = 2, .span = e->span};
  sum->e.at = BASE_NEWS(c->arena, lang_expr *, 3);
  sum->e.at[0] = &name->e;
  sum->e.at[1] = &whole_number(r, e, (int64_t)low)->e;
  return &sum->e;
}

/* Y = X[4:8]: the head gets the positions that are sliced. */
static void resolve_slices(resolver *r, const lang_expr *e) {
  node *n = copy_node(r, e);
  n->of = tensor_named(r, e);
  r->cl->lhs = BASE_NEWS(r->c->arena, node *, e->n + 1);
  for (int k = 0; k < e->n; k++)
    n->e.at[k] = e->at[k]->kind == LANG_SLICE ? resolve_slice(r, e->at[k], n->of, k)
                                              : &resolve_position(r, e->at[k], n->of, k)->e;
  BASE_PUSH(r->c->arena, &r->cl->reads, n);
  r->cl->right = n;
}

static bool has_slice(const lang_expr *e) {
  for (int k = 0; e->kind == LANG_READ && k < e->n; k++)
    if (e->at[k]->kind == LANG_SLICE) return true;
  return false;
}

static void resolve_head(resolver *r, const lang_expr *head) {
  clause *cl = r->cl;
  cl->nlhs = head->kind == LANG_NAME ? 0 : head->n;
  cl->lhs = BASE_NEWS(r->c->arena, node *, cl->nlhs + 1);
  r->left = true;
  for (int k = 0; k < cl->nlhs; k++) {
    cl->lhs[k] = resolve_position(r, head->at[k], cl->head, k);
    if (!head->at[k]->marked) continue;
    if (cl->marked)
      check_refuse(r->c, head->at[k]->span, "a dot marks one index: `%s` has it already",
                   cl->marked->name);
    cl->marked = cl->lhs[k]->var;
  }
  r->left = false;
}

/* The variables of a rule: what stands in positions, and what `=` binds. */
static void resolve_rule(resolver *r, const lang_stmt *s) {
  r->rule = true;
  find_indices(r, s->rule.head, false);
  for (int i = 0; i < s->rule.n; i++) {
    const lang_expr *item = s->rule.body[i];
    find_indices(r, item, false);
    if (item->kind == LANG_BIND && item->at[0]->kind == LANG_NAME) add_index(r, item->at[0]->name);
  }
  resolve_head(r, s->rule.head);
  for (int i = 0; i < s->rule.n; i++) {
    node *n = resolve(r, s->rule.body[i]);
    BASE_PUSH(r->c->arena, &r->cl->body, n);
  }
}

void check_resolve(check *c, clause *cl) {
  resolver r = {.c = c, .cl = cl};
  if (cl->stmt->form == LANG_RULE) {
    resolve_rule(&r, cl->stmt);
    return;
  }
  const lang_expr *head = cl->stmt->equation.head, *right = cl->stmt->equation.right;
  find_indices(&r, head, false);
  find_indices(&r, right, false);
  if (has_slice(right) && head->kind == LANG_NAME) {
    resolve_slices(&r, right);
    return;
  }
  resolve_head(&r, head);
  bool sums = cl->op == LANG_SET || cl->op == LANG_ADD;
  cl->right = sums ? resolve_terms(&r, right) : resolve(&r, right);
}

clause *check_clause(check *c, const lang_stmt *stmt, entity *head, lang_op op) {
  clause *cl = BASE_NEW(c->arena, clause);
  *cl = (clause){.stmt = stmt, .head = head, .op = op};
  return cl;
}

bool lang_binds(const char *function) {
  static const char *const names[] = {"sum",   "max",    "min",    "avg",   "prod",
                                      "count", "argmax", "argmin", "sample"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(names[i], function) == 0) return true;
  return false;
}

bool check_uses(const node *n, const variable *v) {
  if (n->var == v) return true;
  for (int i = 0; i < n->e.nindex; i++)
    if (((const node *)n->e.index[i])->var == v) return true;
  for (int i = 0; i < n->e.n; i++)
    if (n->e.at[i] && check_uses((const node *)n->e.at[i], v)) return true;
  return false;
}
