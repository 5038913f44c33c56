/* over: functions over an index: softmax, norms, argmax, sample, cumsum, sort, as equations. The index is marked on
 * the left, named in brackets, or the only one there is. */
#include "lang/check.h"

#include <string.h>

typedef struct over {
  check *c;
  clause *cl;
  node *n;
  variable *v;                   /* the index */
  const ir_expr *a;              /* the argument: a read of a tensor, at this point */
} over;

static const ir_expr *op(over *o, ir_op f, const ir_expr *a, const ir_expr *b) { return ir_binary(o->c->p, f, a, b); }
static const ir_expr *real(over *o, double x) { return ir_number(o->c->p, (ir_type)o->a->type, x); }

static const ir_expr *reduce(over *o, const char *name, ir_agg agg, const ir_expr *body) {
  return lower_temporary(o->c, o->cl, name, agg, body, 1, &o->v);
}

static const ir_expr *whole(over *o, const char *name, const ir_expr *body) {
  return lower_temporary(o->c, o->cl, name, IR_SET, body, 0, NULL);
}

static const ir_expr *extent_as_real(over *o) { return ir_cast(o->c->p, o->v->index->extent, (ir_type)o->a->type); }

/* ---- softmax, norms ------------------------------------------------------------------------------------- */

static const ir_expr *over_softmax(over *o) {
  const ir_expr *most = reduce(o, "Max", IR_MAX, ir_unary(o->c->p, IR_STOP, o->a));
  const ir_expr *e = ir_unary(o->c->p, IR_EXP, op(o, IR_SUB, o->a, most));
  return op(o, IR_DIV, e, reduce(o, "Sum", IR_SUM, e));
}

static const ir_expr *over_logsoftmax(over *o) {
  const ir_expr *most = reduce(o, "Max", IR_MAX, ir_unary(o->c->p, IR_STOP, o->a));
  const ir_expr *d = op(o, IR_SUB, o->a, most);
  return op(o, IR_SUB, d, ir_unary(o->c->p, IR_LOG, reduce(o, "Sum", IR_SUM, ir_unary(o->c->p, IR_EXP, d))));
}

static const ir_expr *over_lnorm(over *o) {
  const ir_expr *n = extent_as_real(o), *mean = op(o, IR_DIV, reduce(o, "Mean", IR_SUM, o->a), n);
  const ir_expr *d = op(o, IR_SUB, o->a, mean);
  const ir_expr *variance = op(o, IR_DIV, reduce(o, "Var", IR_SUM, op(o, IR_MUL, d, d)), n);
  return op(o, IR_MUL, d, ir_unary(o->c->p, IR_RSQRT, op(o, IR_ADD, variance, real(o, 1e-5))));
}

static const ir_expr *over_rmsnorm(over *o) {
  const ir_expr *square = op(o, IR_DIV, reduce(o, "Sq", IR_SUM, op(o, IR_MUL, o->a, o->a)), extent_as_real(o));
  return op(o, IR_MUL, o->a, ir_unary(o->c->p, IR_RSQRT, op(o, IR_ADD, square, real(o, 1e-5))));
}

/* ---- choices: the lowest on ties; a nan is chosen first ---------------------------------------------------- */

static const ir_expr *first_of(over *o, const ir_expr *a, ir_agg agg) {
  ir_program *p = o->c->p;
  const ir_expr *best = reduce(o, "Best", agg, a);
  const ir_expr *hit = op(o, IR_OR, op(o, IR_EQ, a, best), op(o, IR_NE, a, a));
  return reduce(o, "At", IR_MIN, ir_where(p, hit, o->v->value, o->v->index->extent));
}

static const ir_expr *over_argmax(over *o) { return first_of(o, o->a, IR_MAX); }
static const ir_expr *over_argmin(over *o) { return first_of(o, o->a, IR_MIN); }

/* A draw by probability is the largest of log P plus Gumbel noise. */
static const ir_expr *over_sample(over *o) {
  ir_program *p = o->c->p;
  const ir_expr *u = draw_uniform(o->c, draw_counter(o->c, o->a));
  const ir_expr *half = ir_real(p, IR_F32, 0x1p-25), *noise = ir_unary(p, IR_LOG, op(o, IR_ADD, u, half));
  noise = ir_unary(p, IR_LOG, ir_unary(p, IR_NEG, noise));
  return first_of(o, whole(o, "Noisy", op(o, IR_SUB, ir_unary(p, IR_LOG, o->a), noise)), IR_MAX);
}

/* ---- along the index ------------------------------------------------------------------------------------------ */

/* The read of the argument, its index replaced. */
static const ir_expr *at(over *o, const ir_expr *read, const ir_expr *position) {
  return ir_substitute(o->c->p, read, 1, &o->v->index, &position);
}

static ir_tensor *like(over *o, const char *name, ir_type type) {
  ir_tensor *t = ir_tensor_like(o->c->p, name, o->a->u.tensor, type);
  t->span = o->n->e.span;
  return t;
}

/* C[0] = A[0];  C[j+1] = C[j] + A[j+1] */
static const ir_expr *over_cumsum(over *o) {
  ir_program *p = o->c->p;
  ir_tensor *sum = like(o, "Cum", (ir_type)o->a->type);
  int rank = sum->rank, k = 0;
  const ir_expr *pos[RUN_RANK], *first[RUN_RANK], *next[RUN_RANK];
  const ir_index *old[RUN_RANK];
  for (int i = 0; i < rank; i++) {
    old[i] = o->a->arg[i]->u.index;
    if (old[i] == o->v->index) k = i;
  }
  ir_positions(p, sum, pos);
  const ir_expr *shorter = ir_use(p, ir_index_new(p, o->v->name, op(o, IR_SUB, sum->size[k], ir_int(p, 1))));
  memcpy(first, pos, sizeof pos);
  memcpy(next, pos, sizeof pos);
  first[k] = ir_int(p, 0);
  next[k] = op(o, IR_ADD, shorter, ir_int(p, 1));
  ir_define(p, sum, IR_SET, first, lower_read_of(o->c, o->a->u.tensor, first));
  const ir_expr *before = (pos[k] = shorter, ir_read(p, sum, pos));
  ir_define(p, sum, IR_SET, next, op(o, IR_ADD, before, ir_read(p, o->a->u.tensor, next)));
  return ir_read(p, sum, o->a->arg);
}

/* Each element goes to the place that its rank names: how many are smaller, or equal and before it. */
static const ir_expr *over_sort(over *o) {
  ir_program *p = o->c->p;
  const ir_index *other = ir_index_new(p, "k", o->v->index->extent);
  const ir_expr *j = ir_use(p, o->v->index), *k = ir_use(p, other), *b = at(o, o->a, k);
  const ir_expr *before = op(o, IR_OR, op(o, IR_LT, b, o->a), op(o, IR_AND, op(o, IR_EQ, b, o->a), op(o, IR_LT, k, j)));
  ir_tensor *rank = like(o, "Rank", IR_I64), *sorted = like(o, "Sorted", (ir_type)o->a->type);
  ir_define(p, rank, IR_SUM, o->a->arg, ir_cast(p, before, IR_I64));
  const ir_expr *pos[RUN_RANK];
  for (int i = 0; i < sorted->rank; i++) pos[i] = o->a->arg[i];
  for (int i = 0; i < sorted->rank; i++)
    if (pos[i] == j) pos[i] = ir_read(p, rank, o->a->arg);
  const ir_index *fresh[RUN_RANK];
  const ir_expr *by[RUN_RANK], *lhs[RUN_RANK];
  for (int i = 0; i < sorted->rank; i++) {
    fresh[i] = o->a->arg[i]->u.index;
    by[i] = ir_use(p, ir_index_new(p, fresh[i]->name, fresh[i]->extent));
  }
  for (int i = 0; i < sorted->rank; i++) lhs[i] = ir_substitute(p, pos[i], sorted->rank, fresh, by);
  ir_define(p, sorted, IR_SUM, lhs, ir_substitute(p, o->a, sorted->rank, fresh, by));
  return ir_read(p, sorted, o->a->arg);
}

/* ---- which index ------------------------------------------------------------------------------------------------- */

static variable *index_of(over *o) {
  if (o->n->e.nindex == 1) return ((node *)o->n->e.index[0])->var;
  if (o->n->e.nindex > 1) check_refuse(o->c, o->n->e.span, "%s goes over one index", o->n->e.name);
  if (o->cl->marked) return o->cl->marked;
  variable *only = NULL;
  for (int i = 0; i < o->cl->vars.n; i++) {
    variable *v = o->cl->vars.at[i];
    if (!check_uses(o->n, v)) continue;
    if (only)
      check_refuse(o->c, o->n->e.span, "%s over which index, `%s` or `%s`?\nhelp: mark it on the left, %s[.., %s.], or name it: %s[%s](...)",
                   o->n->e.name, only->name, v->name, o->cl->head->name, v->name, o->n->e.name, v->name);
    only = v;
  }
  if (!only) check_refuse(o->c, o->n->e.span, "%s needs an index to go over; there is none", o->n->e.name);
  return only;
}

/* A read of a tensor at distinct bare indices serves as it is; anything else is given a tensor of its own. */
static bool plain_read(const ir_expr *e) {
  if (e->op != IR_READ) return false;
  for (int k = 0; k < e->n; k++) {
    if (e->arg[k]->op != IR_INDEX) return false;
    for (int i = 0; i < k; i++)
      if (e->arg[i] == e->arg[k]) return false;
  }
  return true;
}

const ir_expr *lower_over(check *c, clause *cl, node *n) {
  static const struct { const char *name; const ir_expr *(*make)(over *); } table[] = {
      {"softmax", over_softmax}, {"logsoftmax", over_logsoftmax}, {"lnorm", over_lnorm}, {"rmsnorm", over_rmsnorm},
      {"argmax", over_argmax},   {"argmin", over_argmin},         {"sample", over_sample}, {"cumsum", over_cumsum},
      {"sort", over_sort}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    if (strcmp(table[i].name, n->e.name) != 0) continue;
    over o = {.c = c, .cl = cl, .n = n};
    if (n->e.n != 1) check_refuse(c, n->e.span, "%s takes one argument, not %d", n->e.name, n->e.n);
    o.v = index_of(&o);
    o.a = lower(c, cl, (node *)n->e.at[0]);
    bool integers = table[i].make == over_cumsum || table[i].make == over_sort || table[i].make == over_argmax || table[i].make == over_argmin;
    if (!ir_type_real((ir_type)o.a->type) && !integers) o.a = ir_cast(c->p, o.a, IR_F32);
    if (!ir_mentions(o.a, o.v->index))
      check_refuse(c, n->e.span, "%s goes over `%s`, which its argument does not use", n->e.name, o.v->name);
    if (!plain_read(o.a)) o.a = whole(&o, "Arg", o.a);
    return table[i].make(&o);
  }
  return NULL;
}
