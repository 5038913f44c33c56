/* resolve: a copy of an equation's tree in which every name is what it stands for. An index becomes
 * a variable: one for the whole equation if it stands on the left, else one for each term; a
 * function of the program keeps its arguments and gains a body. */
#include "lang/resolve.h"

#include <math.h>
#include <string.h>

enum { MOST_NODES = 100000, MOST_LEVELS = 2000, MOST_WEIGHT = 1000000 };

_Noreturn static void refuse_long(resolver *r) {
  check_refuse(r->c, r->cl->stmt->span,
               "this equation is too long, with what its functions stand for\n"
               "help: give parts of it equations of their own");
}

node *resolve_copy(resolver *r, const lang_expr *e) {
  if (++r->nodes > MOST_NODES) refuse_long(r);
  node *n = BASE_NEW(r->c->arena, node);
  n->e = *e;
  n->e.at = BASE_NEWS(r->c->arena, lang_expr *, e->n + 1);
  n->e.index = NULL;
  n->e.nindex = 0;
  return n;
}

node *resolve_children(resolver *r, const lang_expr *e) {
  node *n = resolve_copy(r, e);
  for (int i = 0; i < e->n; i++) n->e.at[i] = e->at[i] ? &resolve(r, e->at[i])->e : NULL;
  return n;
}

node *resolve_number(resolver *r, const lang_expr *at, int64_t value) {
  node *n = BASE_NEW(r->c->arena, node);
  n->e = (lang_expr){.kind = LANG_NUMBER, .whole = true, .depth = 1, .span = at->span};
  n->e.value = (double)value;
  n->e.integer = value;
  return n;
}

node *resolve_variable(resolver *r, variable *v, base_span span) {
  node *n = BASE_NEW(r->c->arena, node);
  n->e = (lang_expr){.kind = LANG_NAME, .name = v->name, .depth = 1, .span = span};
  n->var = v;
  return n;
}

/* ---- indices ------------------------------------------------------------------------------- */

variable *resolve_new(resolver *r, const char *name, base_span span) {
  variable *v = BASE_NEW(r->c->arena, variable);
  v->name = name;
  v->span = span;
  v->low = ir_int(r->c->p, 0);
  BASE_PUSH(r->c->arena, &r->cl->vars, v);
  return v;
}

scope *resolve_push(resolver *r, const char *name) {
  scope *s = BASE_NEW(r->c->arena, scope);
  s->outer = r->top;
  s->name = name;
  return r->top = s;
}

scope *resolve_bound(const resolver *r, const char *name) {
  for (scope *s = r->top; s; s = s->outer)
    if (strcmp(s->name, name) == 0) return s;
  return NULL;
}

variable *resolve_in_head(const resolver *r, const char *name) {
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
variable *resolve_index(resolver *r, const char *name, base_span span) {
  variable *v = resolve_in_head(r, name);
  for (int i = 0; !v && i < r->term.n; i++)
    if (strcmp(r->term.at[i]->name, name) == 0) v = r->term.at[i];
  if (v) return v;
  if (r->function)
    check_refuse(r->c, span,
                 "`%s` is an index of the function %s but no parameter of it\n"
                 "help: make it a parameter, or sum over it there: `sum[%s](...)`",
                 name, r->function, name);
  v = resolve_new(r, name, span);
  v->head = r->left;
  if (r->left)
    BASE_PUSH(r->c->arena, &r->head, v);
  else
    BASE_PUSH(r->c->arena, &r->term, v);
  return v;
}

void resolve_add_index(resolver *r, const char *name) {
  if (!lang_is_capital(name) && !is_index(r, name)) BASE_PUSH(r->c->arena, &r->index, name);
}

/* The names that are indices throughout the equation: those that stand in index positions. */
void resolve_indices(resolver *r, const lang_expr *e, bool position) {
  if (!e) return;
  if ((position && e->kind == LANG_NAME) || e->kind == LANG_VIRTUAL) resolve_add_index(r, e->name);
  for (int k = 0; e->kind == LANG_CALL && k < e->nindex; k++)
    resolve_add_index(r, e->index[k]->name);
  for (int i = 0; i < e->n; i++)
    resolve_indices(r, e->at[i], position || e->kind == LANG_READ || e->kind == LANG_ATOM);
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

static node *resolve_name(resolver *r, const lang_expr *e) {
  scope *s = resolve_bound(r, e->name);
  if (s && s->argument) return s->argument;
  if (s) return resolve_variable(r, s->var, e->span);
  bool index = r->function ? r->position && !lang_is_capital(e->name) : is_index(r, e->name);
  if (index || e->kind == LANG_VIRTUAL)
    return resolve_variable(r, resolve_index(r, e->name, e->span), e->span);
  node *n = resolve_copy(r, e);
  if (r->rule && r->compared && resolve_is_symbol(r->c, e)) {
    n->e.kind = LANG_STRING;
    n->e.length = strlen(e->name);
    return n;
  }
  bool unknown = r->rule && !r->function && lang_is_capital(e->name) && !check_find(r->c, e->name);
  n->of = unknown ? resolve_relation(r, e) : tensor_named(r, e);
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
  const char *near = check_find(c, e->name) ? "" : check_meant(c, e->name, NAME_TENSOR);
  if (!*near)
    near = base_format(c->arena,
                       "\nhelp: an index is written in lower case; a domain is "
                       "declared: `Thing : {%s, ...}` and `%s : f32[Thing]`",
                       e->name, of->name);
  check_refuse(c, e->span, "`%s` is no scalar, and position %d of %s has no domain%s", e->name,
               k, of->name, near);
}

_Noreturn void check_refuse_scalar(check *c, const lang_expr *e, const entity *of, int k) {
  check_refuse(c, e->span,
               "`%s` is a scalar, and position %d of %s holds symbols\n"
               "help: quote it if the symbol is meant: `\"%s\"`",
               e->name, k, of->name, e->name);
}

/* Its number where the domain is known now; else it stays a symbol until all positions are. */
static node *resolve_symbol(resolver *r, const lang_expr *e, entity *of, int k) {
  const lang_domain *d = of->domains && k < of->rank ? of->domains[k] : NULL;
  const char **symbol = d && !of->sparse ? base_map_get_s(d->number, e->name) : NULL;
  if (symbol) {
    node *number = resolve_number(r, e, symbol - d->symbol);
    number->symbol = true;
    return number;
  }
  if (!r->c->program || (d && !of->sparse)) check_refuse_symbol(r->c, e, of, k);
  node *n = resolve_copy(r, e);
  n->e.kind = LANG_STRING;
  if (e->kind == LANG_NAME) n->e.length = strlen(e->name);
  BASE_PUSH(r->c->arena, &r->c->symbols, ((pending){n, of, r->cl->head, k}));
  return n;
}

/* A capitalised name or a string: a scalar's value, or a symbol's number. */
static node *resolve_constant(resolver *r, const lang_expr *e, entity *of, int k) {
  const entity *scalar = e->kind == LANG_NAME ? check_scalar(r->c, e->name) : NULL;
  if (!scalar) return resolve_symbol(r, e, of, k);
  if (of->rank > k && of->domains && of->domains[k]) check_refuse_scalar(r->c, e, of, k);
  double value;
  if (!check_number(r->c, e, &value)) return resolve(r, e);
  if (value != floor(value) || fabs(value) > 9e15)
    check_refuse(r->c, e->span,
                 "a position is a whole number; %s is %g\nhelp: round it: "
                 "`floor(%s)`",
                 e->name, value, e->name);
  node *n = resolve_number(r, e, (int64_t)value);
  n->e.name = e->name;
  BASE_PUSH(r->c->arena, &r->c->symbols, ((pending){n, of, r->cl->head, k}));
  return n;
}

node *resolve_position(resolver *r, const lang_expr *e, entity *of, int k) {
  if (e->kind == LANG_WILD) {
    if (r->left || r->function)
      check_refuse(r->c, e->span, "`_` cannot stand %s", r->left ? "on the left" : "in a function");
    variable *v = resolve_new(r, "_", e->span);
    return resolve_variable(r, v, e->span);
  }
  bool constant = e->kind == LANG_STRING || (e->kind == LANG_NAME && lang_is_capital(e->name));
  bool outer = r->position;
  r->position = true;
  node *n = constant && !resolve_bound(r, e->name) ? resolve_constant(r, e, of, k) : resolve(r, e);
  r->position = outer;
  return n;
}

static node *resolve_read(resolver *r, const lang_expr *e) {
  node *n = resolve_copy(r, e);
  n->of = tensor_named(r, e);
  for (int k = 0; k < e->n; k++) n->e.at[k] = &resolve_position(r, e->at[k], n->of, k)->e;
  BASE_PUSH(r->c->arena, &r->cl->reads, n);
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
    if (r->rule) return resolve_copy(r, e);
    check_refuse(r->c, e->span, "a string stands for a file or a symbol only");
  case LANG_SLICE:
    check_refuse(r->c, e->span, "a slice stands alone on the right, or in a query\nhelp: %s",
                 e->at[0] || e->at[1] ? "give the part a name first: `P = X[0:2]`, then `P[i]`"
                                      : "name the index: `X[i,j]`; one that the left side lacks is "
                                        "summed");
  case LANG_KEYWORD:
    check_refuse(r->c, e->span, "`%s=` stands in commands only%s", e->name,
                 strcmp(e->name, "axis") == 0 || strcmp(e->name, "dim") == 0
                     ? "\nhelp: the index is named: `softmax[i](X[i])`"
                 : strcmp(e->name, "prompt") == 0
                     ? "\nhelp: a text is generated alone: `Y = generate(...)`, then `Y[i]`"
                     : "");
  case LANG_EQUAL:
  case LANG_UNEQUAL:
  case LANG_BIND: return resolve_compared(r, e);
  default: return resolve_children(r, e);
  }
}

static int weight_of(const node *n) {
  int64_t weight = 1 + (n->body ? n->body->weight : 0);
  for (int i = 0; i < n->e.n; i++)
    if (n->e.at[i]) weight += ((const node *)n->e.at[i])->weight;
  return weight > MOST_WEIGHT ? MOST_WEIGHT + 1 : (int)weight;
}

/* Walkers of the result may recurse, and come to a node by each of its parents: it is never deeper
 * than MOST_LEVELS, functions and all, and never heavier than MOST_WEIGHT. */
node *resolve(resolver *r, const lang_expr *e) {
  int depth = 0;
  if (++r->levels > MOST_LEVELS) refuse_long(r);
  node *n = resolve_plain(r, e);
  r->levels--;
  for (int i = 0; i < n->e.n; i++)
    if (n->e.at[i] && ((node *)n->e.at[i])->depth > depth) depth = ((node *)n->e.at[i])->depth;
  if (n->body && n->body->depth > depth) depth = n->body->depth;
  if ((n->depth = depth + 1) > MOST_LEVELS) refuse_long(r);
  if ((n->weight = weight_of(n)) > MOST_WEIGHT) refuse_long(r);
  return n;
}

/* ---- clauses --------------------------------------------------------------------------------- */

/* Terms of the right side are resolved one by one: what the head lacks is a variable of its term.
 */
static node *resolve_terms(resolver *r, const lang_expr *e) {
  if (e->kind == LANG_SUM || e->kind == LANG_NEGATE) {
    node *n = resolve_copy(r, e);
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
  if (low < 0 || high < low || high > 9e15 || low != floor(low) || high != floor(high) ||
      (size && ir_is_int(size, &top) && high > (double)top))
    check_refuse(c, e->span, "the slice %g:%g does not lie in position %d of %s%s", low, high, k,
                 of->name,
                 size && ir_is_int(size, &top)
                     ? base_format(c->arena, ", which is %lld long", (long long)top)
                     : "");
  variable *v = resolve_new(r, base_format(c->arena, "i%d", k), e->span);
  v->head = true;
  if (e->at[1]) {
    v->extent = v->bare = ir_int(c->p, (int64_t)(high - low));
    v->strong = v->slice = true;
    v->from = "the slice";
  }
  node *name = resolve_variable(r, v, e->span), *sum = resolve_number(r, e, 0);
  r->cl->lhs[r->cl->nlhs++] = name;
  sum->e = (lang_expr){.kind = LANG_SUM, .n = 2, .depth = 2, .span = e->span};
  sum->e.at = BASE_NEWS(c->arena, lang_expr *, 3);
  sum->e.at[0] = &name->e;
  sum->e.at[1] = &resolve_number(r, e, (int64_t)low)->e;
  return &sum->e;
}

/* Y = X[4:8]: the head gets the positions that are sliced. */
static void resolve_slices(resolver *r, const lang_expr *e) {
  node *n = resolve_copy(r, e);
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

void resolve_head(resolver *r, const lang_expr *head) {
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

void check_resolve(check *c, clause *cl) {
  resolver r = {.c = c, .cl = cl};
  if (cl->stmt->form == LANG_RULE) {
    resolve_rule(&r, cl->stmt);
    return;
  }
  const lang_expr *head = cl->stmt->equation.head, *right = cl->stmt->equation.right;
  resolve_indices(&r, head, false);
  resolve_indices(&r, right, false);
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
