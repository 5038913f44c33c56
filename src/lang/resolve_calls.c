/* resolve_calls: functions of the program, which keep their arguments and gain a body, and those
 * built in, some of which bind indices. */
#include <math.h>
#include <string.h>

#include "lang/resolve.h"

/* The value of an argument is that of the expression by itself, as with the functions built in. */
node *resolve_function(resolver *r, const lang_expr *e, int n, lang_expr *const *param,
                       const lang_expr *body) {
  check *c = r->c;
  if (e->n != n)
    check_refuse(c, e->span, "%s takes %d argument%s, not %d\nhelp: it is defined on line %d",
                 e->name, n, n == 1 ? "" : "s", e->n, check_find(c, e->name)->span.line);
  if (r->expanding == RESOLVE_DEEPEST)
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
  for (int i = 0; i < n; i++)
    resolve_push(&inner, param[i]->name)->argument = (node *)call->e.at[i];
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
  node *n = resolve_copy(r, e);
  for (int i = 0; i < e->n; i++) n->e.at[i] = &resolve_copy(r, e->at[i])->e;
  if (of->kind == NAME_TENSOR || of->sparse) BASE_PUSH(r->c->arena, &r->cl->sized, of);
  return n;
}

static void set_index(resolver *r, node *n, int count) {
  n->e.nindex = count;
  n->e.index = BASE_NEWS(r->c->arena, lang_expr *, count + 1);
}

static variable *bind(resolver *r, const char *name, base_span span) {
  variable *v = resolve_new(r, name, span);
  v->bound = true;
  resolve_push(r, name)->var = v;
  return v;
}

/* The only index that stands in E; NULL: none, or several. */
static const char *only_index(resolver *r, const lang_expr *e) {
  resolver names = {.c = r->c};
  resolve_indices(&names, e, false);
  return names.index.n == 1 ? names.index.at[0] : NULL;
}

/* T[i] = topk[i](X[i], 3): inside, i runs over X; outside, over the 3 largest. */
static node *resolve_topk(resolver *r, const lang_expr *e) {
  check *c = r->c;
  double k;
  if (e->n != 2 || e->nindex > 1 || !check_number(c, e->at[1], &k) || !(k >= 0) ||
      k > 9e15 || k != floor(k))
    check_refuse(c, e->span, "topk takes an expression and how many of it to keep\nhelp: write %s",
                 "`topk[i](X[i], 3)`");
  const char *name = e->nindex       ? e->index[0]->name
                     : r->cl->marked ? r->cl->marked->name
                                     : only_index(r, e->at[0]);
  if (!name) check_refuse(c, e->span, "topk over which index?\nhelp: name it: `topk[i](...)`");
  node *n = resolve_copy(r, e);
  set_index(r, n, 2);
  scope *s = resolve_bound(r, name);
  variable *outside = s && s->var ? s->var : resolve_index(r, name, e->span);
  outside->extent = outside->bare = ir_int(c->p, (int64_t)k);
  outside->strong = true;
  outside->from = "topk";
  scope *before = r->top;
  n->e.index[0] = &resolve_variable(r, outside, e->span)->e;
  n->e.index[1] = &resolve_variable(r, bind(r, name, e->span), e->span)->e;
  n->e.at[0] = &resolve(r, e->at[0])->e;
  n->e.at[1] = &resolve_number(r, e->at[1], (int64_t)k)->e;
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
  node *n = resolve_copy(r, e);
  scope *before = r->top;
  variable *merged = NULL;
  for (int k = 0; k < read->n; k++) {
    const lang_expr *at = read->at[k];
    if (at->kind != LANG_NAME || lang_is_capital(at->name))
      check_refuse(c, at->span, "concat takes plain indices\nhelp: give the part a name first");
    if (!resolve_in_head(r, at->name) && !resolve_bound(r, at->name)) bind(r, at->name, at->span);
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
  n->e.index[0] = &resolve_variable(r, merged, e->span)->e;
  BASE_PUSH(c->arena, &r->cl->concats, n);
  return n;
}

/* sum(X[i]), sum(X) */
_Noreturn static void refuse_unnamed(resolver *r, const lang_expr *e) {
  resolver names = {.c = r->c};
  resolve_indices(&names, e, false);
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
  node *n = resolve_copy(r, e);
  set_index(r, n, e->nindex);
  for (int k = 0; k < e->nindex; k++) {
    const lang_expr *x = e->index[k];
    scope *s = resolve_bound(r, x->name);
    if (lang_is_capital(x->name)) check_refuse(r->c, x->span, "an index is written in lower case");
    variable *v = binds         ? bind(r, x->name, x->span)
                  : s && s->var ? s->var
                                : resolve_index(r, x->name, x->span);
    n->e.index[k] = &resolve_variable(r, v, x->span)->e;
  }
  for (int i = 0; i < e->n; i++) {
    bool named =
        e->at[i]->kind == LANG_NAME && lang_is_function(e->at[i]->name); /* gelu(x, tanh) */
    node *argument = named ? resolve_copy(r, e->at[i]) : resolve(r, e->at[i]);
    if (grad) argument->itself = true;
    n->e.at[i] = &argument->e;
  }
  if (grad) BASE_PUSH(r->c->arena, &r->c->grads, n);
  r->top = before;
  return n;
}

node *resolve_call(resolver *r, const lang_expr *e) {
  if (lang_is_function(e->name)) return resolve_builtin(r, e);
  const entity *of = check_find(r->c, e->name);
  if (of && of->broken) check_skip(r->c);
  if ((!of || of->kind != NAME_FUNCTION) && check_external(r->c, e->name))
    return resolve_builtin(r, e);
  if (!of || of->kind != NAME_FUNCTION) check_unknown(r->c, e, NAME_FUNCTION);
  return resolve_function(r, e, of->function->function.n, of->function->function.params,
                          of->function->function.right);
}
