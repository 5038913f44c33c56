/* resolve: a copy of an equation's tree in which every name is what it stands for. Functions that the program
 * defines are expanded; an index becomes a variable of the clause, one for each term that projects it out. */
#include "lang/check.h"

#include <string.h>

typedef struct scope {           /* names that mean something here: indices of the term, bound ones, arguments */
  struct scope *outer;
  const char *name;
  variable *var;                 /* an index; or */
  node *argument;                /* what a parameter of an expanded function stands for */
} scope;

typedef struct resolver {
  check *c;
  clause *cl;
  scope *top;                    /* innermost */
  int expanding;                 /* depth of function expansion */
} resolver;

static node *resolve(resolver *r, const lang_expr *e);

static node *copy_node(resolver *r, const lang_expr *e) {
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

/* ---- indices ---------------------------------------------------------------------------------------- */

static scope *push(resolver *r, const char *name) {
  scope *s = BASE_NEW(r->c->arena, scope);
  s->outer = r->top;
  s->name = name;
  return r->top = s;
}

static variable *new_variable(resolver *r, const char *name, base_span span) {
  variable *v = BASE_NEW(r->c->arena, variable);
  v->name = name;
  v->span = span;
  v->low = ir_int(r->c->p, 0);
  BASE_PUSH(r->c->arena, &r->cl->vars, v);
  push(r, name)->var = v;
  return v;
}

static scope *look_up(const resolver *r, const char *name) {
  for (scope *s = r->top; s; s = s->outer)
    if (strcmp(s->name, name) == 0) return s;
  return NULL;
}

/* A lower-case name in an index position is an index, unless it names a scalar. */
static bool is_index_name(resolver *r, const char *name) {
  if (lang_is_capital(name)) return false;
  entity *e = check_find(r->c, name);
  return !e || e->kind != NAME_TENSOR || (e->rank != 0 && !e->number);
}

/* Declare what stands in index positions of E and is not yet known, in order of appearance. */
static void find_indices(resolver *r, const lang_expr *e, bool position) {
  if (!e) return;
  if (position && (e->kind == LANG_NAME || e->kind == LANG_VIRTUAL) && !look_up(r, e->name)) {
    if (e->kind == LANG_VIRTUAL || is_index_name(r, e->name)) new_variable(r, e->name, e->span);
    return;
  }
  bool inside = e->kind == LANG_READ || e->kind == LANG_ATOM;
  for (int i = 0; i < e->n; i++) {
    if (e->kind == LANG_CALL && e->nindex) continue;   /* its brackets bind: looked through below */
    find_indices(r, e->at[i], inside || (position && e->kind != LANG_CALL));
  }
  if (e->kind == LANG_CALL && e->nindex) {
    scope *before = r->top;
    bool binds = lang_binds(e->name);
    for (int k = 0; k < e->nindex; k++)
      if (binds) push(r, e->index[k]->name)->var = NULL;
      else if (!look_up(r, e->index[k]->name)) new_variable(r, e->index[k]->name, e->index[k]->span);
    scope *within = r->top;
    for (int i = 0; i < e->n; i++) find_indices(r, e->at[i], false);
    if (binds) {             /* keep what was found inside, drop the bound names */
      for (scope *s = r->top; s != within; s = s->outer)
        if (s->outer == within) s->outer = before;
      if (r->top == within) r->top = before;
    }
  }
}

/* ---- names ------------------------------------------------------------------------------------------ */

static const char *suggestion(resolver *r, const char *name) {
  int n = r->c->entities.n;
  const char **all = BASE_NEWS(r->c->arena, const char *, n + 1);
  for (int i = 0; i < n; i++) all[i] = r->c->entities.at[i]->name;
  const char *near = lang_did_you_mean(name, all, n);
  return near ? base_format(r->c->arena, "\nhelp: did you mean `%s`?", near) : "";
}

static node *resolve_name(resolver *r, const lang_expr *e) {
  node *n = copy_node(r, e);
  scope *s = look_up(r, e->name);
  if (s && s->argument) return s->argument;
  if (s && s->var) {
    n->var = s->var;
    return n;
  }
  entity *of = check_find(r->c, e->name);
  if (!of || of->kind == NAME_FUNCTION)
    check_refuse(r->c, e->span, "`%s` is not defined%s", e->name,
                 of ? ": it is a function and needs its arguments in parentheses" : suggestion(r, e->name));
  if (of->kind == NAME_DOMAIN) check_refuse(r->c, e->span, "`%s` is a domain, not a tensor", e->name);
  n->of = of;
  BASE_PUSH(r->c->arena, &r->cl->reads, n);
  return n;
}

static int64_t symbol_of(resolver *r, const lang_expr *e, entity *of, int k) {
  lang_domain *d = of->domains && k < of->rank ? of->domains[k] : NULL;
  for (int64_t i = 0; d && i < d->n; i++)
    if (strcmp(d->symbol[i], e->name) == 0) return i;
  if (d)
    check_refuse(r->c, e->span, "`%s` is not in the domain %s of position %d of %s", e->name,
                 d->name ? d->name : "", k, of->name);
  check_refuse(r->c, e->span, "`%s` is not defined: position %d of %s holds integers%s", e->name, k, of->name,
               suggestion(r, e->name));
}

static node *whole_number(resolver *r, const lang_expr *at, int64_t value) {
  node *n = BASE_NEW(r->c->arena, node);
  n->e = (lang_expr){.kind = LANG_NUMBER, .whole = true, .depth = 1, .span = at->span};
  n->e.value = (double)value;
  n->e.integer = value;
  return n;
}

static node *resolve_position(resolver *r, const lang_expr *e, entity *of, int k) {
  if (e->kind == LANG_WILD) {
    node *n = copy_node(r, e);
    n->e.kind = LANG_NAME;
    n->e.name = "_";
    n->var = new_variable(r, "_", e->span);
    r->top = r->top->outer;
    return n;
  }
  bool symbol = e->kind == LANG_STRING || (e->kind == LANG_NAME && !look_up(r, e->name));
  if (symbol) {
    entity *scalar = e->kind == LANG_NAME ? check_find(r->c, e->name) : NULL;
    double value;
    if (scalar && scalar->kind == NAME_TENSOR && check_number(r->c, e, &value))
      return whole_number(r, e, (int64_t)value);
    if (!scalar || scalar->kind != NAME_TENSOR) return whole_number(r, e, symbol_of(r, e, of, k));
  }
  return resolve(r, e);
}

static node *resolve_read(resolver *r, const lang_expr *e) {
  entity *of = check_find(r->c, e->name);
  if (!of || of->kind != NAME_TENSOR)
    check_refuse(r->c, e->span, "`%s` is not defined%s", e->name, of ? ": it is no tensor" : suggestion(r, e->name));
  node *n = copy_node(r, e);
  n->of = of;
  for (int k = 0; k < e->n; k++) n->e.at[k] = &resolve_position(r, e->at[k], of, k)->e;
  BASE_PUSH(r->c->arena, &r->cl->reads, n);
  return n;
}

/* ---- calls ------------------------------------------------------------------------------------------ */

static node *expand(resolver *r, const lang_expr *e, const lang_stmt *f) {
  if (e->n != f->function.n)
    check_refuse(r->c, e->span, "%s takes %d argument%s, not %d", e->name, f->function.n,
                 f->function.n == 1 ? "" : "s", e->n);
  if (++r->expanding > 100) check_refuse(r->c, e->span, "the function %s leads back to itself", e->name);
  scope *before = r->top;
  node **argument = BASE_NEWS(r->c->arena, node *, e->n + 1);
  for (int i = 0; i < e->n; i++) argument[i] = resolve(r, e->at[i]);
  for (int i = 0; i < e->n; i++) push(r, f->function.params[i]->name)->argument = argument[i];
  node *n = resolve(r, f->function.right);
  r->top = before;
  r->expanding--;
  return n;
}

/* size(Text): the tensor is named, not read; its value is asked for when sizes are known. */
static node *sized(resolver *r, const lang_expr *e) {
  if (e->n < 1 || e->at[0]->kind != LANG_NAME || !check_find(r->c, e->at[0]->name))
    check_refuse(r->c, e->span, "size takes a tensor or a domain, and perhaps a position: size(X, 0)");
  node *n = copy_node(r, e);
  for (int i = 0; i < e->n; i++) n->e.at[i] = &copy_node(r, e->at[i])->e;
  return n;
}

static node *resolve_call(resolver *r, const lang_expr *e) {
  entity *of = lang_is_function(e->name) ? NULL : check_find(r->c, e->name);
  if (of && of->kind == NAME_FUNCTION) return expand(r, e, of->function);
  if (!lang_is_function(e->name))
    check_refuse(r->c, e->span, "there is no function `%s`%s", e->name, suggestion(r, e->name));
  if (strcmp(e->name, "size") == 0) return sized(r, e);
  scope *before = r->top;
  node *n = copy_node(r, e);
  n->e.nindex = e->nindex;
  n->e.index = BASE_NEWS(r->c->arena, lang_expr *, e->nindex + 1);
  for (int k = 0; k < e->nindex; k++) {
    node *x = copy_node(r, e->index[k]);
    scope *known = look_up(r, e->index[k]->name);
    bool fresh = lang_binds(e->name) || !known || !known->var;
    x->var = fresh ? new_variable(r, e->index[k]->name, e->index[k]->span) : known->var;
    x->var->bound |= lang_binds(e->name);
    n->e.index[k] = &x->e;
  }
  for (int i = 0; i < e->n; i++) {
    node *argument = resolve(r, e->at[i]);
    argument->itself = strcmp(e->name, "grad") == 0;
    n->e.at[i] = &argument->e;
  }
  r->top = before;
  return n;
}

static node *resolve(resolver *r, const lang_expr *e) {
  switch (e->kind) {
  case LANG_NAME:
  case LANG_VIRTUAL: return resolve_name(r, e);
  case LANG_READ: return resolve_read(r, e);
  case LANG_CALL: return resolve_call(r, e);
  case LANG_ATOM:
    check_refuse(r->c, e->span, "%s(...) is a relation: relations are not part of this version yet", e->name);
  case LANG_WILD: check_refuse(r->c, e->span, "`_` stands in index positions only");
  case LANG_LIST: check_refuse(r->c, e->span, "a list stands alone on the right of `=`");
  case LANG_STRING: check_refuse(r->c, e->span, "a string stands for a file or a symbol only");
  case LANG_SLICE: check_refuse(r->c, e->span, "a slice stands alone on the right, or in a query");
  default: return resolve_children(r, e);
  }
}

bool lang_binds(const char *function) {
  static const char *const names[] = {"sum", "max", "min", "avg", "prod", "count", "argmax", "argmin", "sample"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(names[i], function) == 0) return true;
  return false;
}

/* ---- clauses ---------------------------------------------------------------------------------------- */

/* Terms of the right side are resolved one by one: what the head lacks is a variable of its term. */
static node *resolve_terms(resolver *r, const lang_expr *e) {
  scope *head = r->top;
  if (e->kind == LANG_SUM) {
    node *n = copy_node(r, e);
    for (int i = 0; i < e->n; i++) n->e.at[i] = &resolve_terms(r, e->at[i])->e;
    return n;
  }
  if (e->kind == LANG_NEGATE) {
    node *n = copy_node(r, e);
    n->e.at[0] = &resolve_terms(r, e->at[0])->e;
    return n;
  }
  find_indices(r, e, false);
  node *n = resolve(r, e);
  r->top = head;
  return n;
}

/* Y = X[4:8]: the head gets the positions that are sliced. */
static void resolve_slice(resolver *r, const lang_expr *e) {
  clause *cl = r->cl;
  entity *of = check_find(r->c, e->name);
  if (!of || of->kind != NAME_TENSOR) check_refuse(r->c, e->span, "`%s` is not defined%s", e->name, suggestion(r, e->name));
  node *n = copy_node(r, e);
  n->of = of;
  cl->lhs = BASE_NEWS(r->c->arena, node *, e->n + 1);
  for (int k = 0; k < e->n; k++) {
    const lang_expr *at = e->at[k];
    if (at->kind != LANG_SLICE) {
      n->e.at[k] = &resolve_position(r, at, of, k)->e;
      continue;
    }
    double low = 0, high = 0;
    const ir_expr *size = check_position_size(r->c, of, k);
    int64_t top = 0;
    bool known = size && ir_is_int(size, &top);
    if ((at->at[0] && !check_number(r->c, at->at[0], &low)) || (at->at[1] && !check_number(r->c, at->at[1], &high)) ||
        (!at->at[1] && !known))
      check_refuse(r->c, at->span, "the ends of a slice must be known numbers");
    if (!at->at[1]) high = (double)top;
    if (low < 0 || high < low || (known && high > (double)top))
      check_refuse(r->c, at->span, "the slice %lld:%lld does not lie in position %d of %s", (long long)low,
                   (long long)high, k, of->name);
    variable *v = new_variable(r, base_format(r->c->arena, "i%d", k), at->span);
    v->extent = ir_int(r->c->p, (int64_t)(high - low));
    v->strong = v->head = true;
    node *name = copy_node(r, at);
    name->e = (lang_expr){.kind = LANG_NAME, .name = v->name, .depth = 1, .span = at->span};
    name->var = v;
    cl->lhs[cl->nlhs++] = name;
    node *sum = copy_node(r, at);
    sum->e = (lang_expr){.kind = LANG_SUM, .n = 2, .depth = 2, .span = at->span};
    sum->e.at = BASE_NEWS(r->c->arena, lang_expr *, 3);
    sum->e.at[0] = &name->e;
    sum->e.at[1] = &whole_number(r, at, (int64_t)low)->e;
    n->e.at[k] = &sum->e;
  }
  BASE_PUSH(r->c->arena, &cl->reads, n);
  cl->right = n;
}

static bool has_slice(const lang_expr *e) {
  for (int k = 0; e->kind == LANG_READ && k < e->n; k++)
    if (e->at[k]->kind == LANG_SLICE) return true;
  return false;
}

void check_resolve(check *c, clause *cl) {
  resolver r = {.c = c, .cl = cl};
  const lang_expr *head = cl->stmt->equation.head, *right = cl->stmt->equation.right;
  if (has_slice(right) && head->kind == LANG_NAME) {
    resolve_slice(&r, right);
    return;
  }
  find_indices(&r, head, false);
  cl->nlhs = head->kind == LANG_NAME ? 0 : head->n;
  cl->lhs = BASE_NEWS(c->arena, node *, cl->nlhs + 1);
  for (int k = 0; k < cl->nlhs; k++) {
    cl->lhs[k] = resolve_position(&r, head->at[k], cl->head, k);
    if (head->at[k]->marked) cl->marked = cl->lhs[k]->var;
  }
  for (int i = 0; i < cl->vars.n; i++) cl->vars.at[i]->head = true;
  cl->right = cl->op == LANG_SET || cl->op == LANG_ADD ? resolve_terms(&r, right)
                                                       : (find_indices(&r, right, false), resolve(&r, right));
}

clause *check_clause(check *c, const lang_stmt *stmt, entity *head, lang_op op) {
  clause *cl = BASE_NEW(c->arena, clause);
  *cl = (clause){.stmt = stmt, .head = head, .op = op};
  return cl;
}

bool check_uses(const node *n, const variable *v) {
  if (n->var == v) return true;
  for (int i = 0; i < n->e.n; i++)
    if (n->e.at[i] && check_uses((const node *)n->e.at[i], v)) return true;
  return false;
}
