/* over: functions over an index: softmax, norms, argmax, sample, cumsum, sort, as equations. The
 * index is marked on the left, named in brackets, or the only one there is. */
#include "lang/check.h"

#include <string.h>

typedef struct over {
  check *c;
  clause *cl;
  node *n;
  variable *v;      /* the index */
  const ir_expr *a; /* the argument: a read of a tensor, at this point */
} over;

static const ir_expr *op(over *o, ir_op f, const ir_expr *a, const ir_expr *b) {
  return ir_binary(o->c->p, f, a, b);
}
static const ir_expr *real(over *o, double x) { return ir_number(o->c->p, (ir_type)o->a->type, x); }

static const ir_expr *reduce(over *o, const char *name, ir_agg agg, const ir_expr *body) {
  return lower_temporary(o->c, o->cl, name, agg, body, 1, &o->v);
}

static const ir_expr *whole(over *o, const char *name, const ir_expr *body) {
  return lower_temporary(o->c, o->cl, name, IR_SET, body, 0, NULL);
}

static const ir_expr *extent_as_real(over *o) {
  return ir_cast(o->c->p, o->v->index->extent, (ir_type)o->a->type);
}

/* ---- softmax, norms -------------------------------------------------------------------------- */

static const ir_expr *over_softmax(over *o) {
  const ir_expr *most = reduce(o, "Max", IR_MAX, ir_unary(o->c->p, IR_STOP, o->a));
  const ir_expr *e = ir_unary(o->c->p, IR_EXP, op(o, IR_SUB, o->a, most));
  return op(o, IR_DIV, e, reduce(o, "Sum", IR_SUM, e));
}

static const ir_expr *over_logsoftmax(over *o) {
  const ir_expr *most = reduce(o, "Max", IR_MAX, ir_unary(o->c->p, IR_STOP, o->a));
  const ir_expr *d = op(o, IR_SUB, o->a, most);
  return op(o, IR_SUB, d,
            ir_unary(o->c->p, IR_LOG, reduce(o, "Sum", IR_SUM, ir_unary(o->c->p, IR_EXP, d))));
}

static const ir_expr *over_lnorm(over *o) {
  const ir_expr *n = extent_as_real(o), *mean = op(o, IR_DIV, reduce(o, "Mean", IR_SUM, o->a), n);
  const ir_expr *d = op(o, IR_SUB, o->a, mean);
  const ir_expr *variance = op(o, IR_DIV, reduce(o, "Var", IR_SUM, op(o, IR_MUL, d, d)), n);
  return op(o, IR_MUL, d, ir_unary(o->c->p, IR_RSQRT, op(o, IR_ADD, variance, real(o, 1e-5))));
}

static const ir_expr *over_rmsnorm(over *o) {
  const ir_expr *square =
      op(o, IR_DIV, reduce(o, "Sq", IR_SUM, op(o, IR_MUL, o->a, o->a)), extent_as_real(o));
  return op(o, IR_MUL, o->a, ir_unary(o->c->p, IR_RSQRT, op(o, IR_ADD, square, real(o, 1e-5))));
}

/* ---- choices: the lowest on ties; a nan is chosen first -------------------------------------- */

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
  const ir_expr *half = ir_real(p, IR_F32, 0x1p-25),
                *noise = ir_unary(p, IR_LOG, op(o, IR_ADD, u, half));
  noise = ir_unary(p, IR_LOG, ir_unary(p, IR_NEG, noise));
  return first_of(o, whole(o, "Noisy", op(o, IR_SUB, ir_unary(p, IR_LOG, o->a), noise)), IR_MAX);
}

/* ---- along the index ------------------------------------------------------------------------- */

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
  const ir_expr *shorter =
      ir_use(p, ir_index_new(p, o->v->name, op(o, IR_SUB, sum->size[k], ir_int(p, 1))));
  memcpy(first, pos, sizeof pos);
  memcpy(next, pos, sizeof pos);
  first[k] = ir_int(p, 0);
  next[k] = op(o, IR_ADD, shorter, ir_int(p, 1));
  ir_define(p, sum, IR_SET, first, lower_read_of(o->c, o->a->u.tensor, first));
  const ir_expr *before = (pos[k] = shorter, ir_read(p, sum, pos));
  ir_define(p, sum, IR_SET, next, op(o, IR_ADD, before, ir_read(p, o->a->u.tensor, next)));
  return ir_read(p, sum, o->a->arg);
}

/* Does B come before A? nan comes last. */
static const ir_expr *precedes(over *o, const ir_expr *b, const ir_expr *a, bool down) {
  const ir_expr *less = down ? op(o, IR_LT, a, b) : op(o, IR_LT, b, a);
  if (!ir_type_real((ir_type)a->type)) return less;
  return op(o, IR_OR, less, op(o, IR_AND, op(o, IR_NE, a, a), op(o, IR_EQ, b, b)));
}

/* Each element goes to the place that its rank names: how many come before it, of equal ones those
 * that stand before it. What ranks behind TO is left out. */
static const ir_expr *sorted(over *o, bool down, const ir_index *to) {
  ir_program *p = o->c->p;
  const ir_expr *j = ir_use(p, o->v->index),
                *k = ir_use(p, ir_index_new(p, "k", o->v->index->extent));
  const ir_expr *b = at(o, o->a, k), *after = precedes(o, o->a, b, down);
  const ir_expr *before = op(o, IR_OR, precedes(o, b, o->a, down),
                             op(o, IR_AND, ir_unary(p, IR_NOT, after), op(o, IR_LT, k, j)));
  ir_tensor *rank = like(o, "Rank", IR_I64);
  ir_define(p, rank, IR_SUM, o->a->arg, ir_cast(p, before, IR_I64));
  const ir_expr *size[RUN_RANK], *lhs[RUN_RANK], *by[RUN_RANK], *out[RUN_RANK];
  const ir_index *old[RUN_RANK];
  int n = o->a->n;
  for (int i = 0; i < n; i++) {
    bool along = o->a->arg[i] == j;
    old[i] = o->a->arg[i]->u.index;
    by[i] = ir_use(p, ir_index_new(p, old[i]->name, old[i]->extent));
    size[i] = along ? to->extent : o->a->u.tensor->size[i];
    out[i] = along ? ir_use(p, to) : o->a->arg[i];
  }
  for (int i = 0; i < n; i++) lhs[i] = o->a->arg[i] == j ? ir_read(p, rank, by) : by[i];
  ir_tensor *result = ir_tensor_new(p, "Sorted", (ir_type)o->a->type, n, size, IR_DERIVED);
  result->span = o->n->e.span;
  ir_define(p, result, IR_SUM, lhs, ir_substitute(p, o->a, n, old, by));
  return ir_read(p, result, out);
}

/* T[i] = topk[i](X[i], 3): the elements of the 3 lowest ranks, the largest element's being 0. */
static const ir_expr *over_topk(over *o) {
  return sorted(o, true, ((node *)o->n->e.index[0])->var->index);
}

static const ir_expr *over_sort(over *o) { return sorted(o, false, o->v->index); }

/* ---- merging --------------------------------------------------------------------------------- */

/* M[b,p,m] = concat(H[b,h,p,k]) reads H[b, m / K, p, m % K]. */
const ir_expr *lower_concat(check *c, clause *cl, node *n) {
  (void)cl;
  const node *read = (const node *)n->e.at[0];
  const ir_expr *rest = ((node *)n->e.index[0])->var->value, *position[RUN_RANK];
  for (int k = read->e.n - 1; k >= 0; k--) {
    const variable *v = ((const node *)read->e.at[k])->var;
    position[k] = v->value;
    if (!v->bound) continue;
    position[k] = ir_binary(c->p, IR_MOD, rest, v->index->extent);
    rest = ir_binary(c->p, IR_QUO, rest, v->index->extent);
  }
  return lower_read_of(c, read->of->ir, position);
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* A read of a tensor at distinct bare indices serves as it is; anything else is given a tensor of
 * its own. */
static bool plain_read(const ir_expr *e) {
  if (e->op != IR_READ) return false;
  for (int k = 0; k < e->n; k++) {
    if (e->arg[k]->op != IR_INDEX) return false;
    for (int i = 0; i < k; i++)
      if (e->arg[i] == e->arg[k]) return false;
  }
  return true;
}

typedef const ir_expr *(*maker)(over *);
static const struct {
  const char *name;
  maker make;
  bool integers;
} functions[] = {{"softmax", over_softmax, false}, {"logsoftmax", over_logsoftmax, false},
                 {"lnorm", over_lnorm, false},     {"rmsnorm", over_rmsnorm, false},
                 {"sample", over_sample, false},   {"argmax", over_argmax, true},
                 {"argmin", over_argmin, true},    {"cumsum", over_cumsum, true},
                 {"sort", over_sort, true},        {"topk", over_topk, true}};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

bool lang_goes_over(const char *name) {
  for (int i = 0; i < FUNCTIONS; i++)
    if (strcmp(functions[i].name, name) == 0) return true;
  return false;
}

const ir_expr *lower_over(check *c, clause *cl, node *n) {
  int f = 0;
  while (f < FUNCTIONS && strcmp(functions[f].name, n->e.name) != 0) f++;
  if (f == FUNCTIONS) return NULL;
  bool two = functions[f].make == over_topk;
  if (n->e.n != 1 + two)
    check_refuse(c, n->e.span, "%s takes one argument, not %d\nhelp: write %s", n->e.name, n->e.n,
                 lang_form_of(n->e.name));
  if (n->e.nindex != 1 + two)
    check_refuse(c, n->e.span, "%s goes over one index\nhelp: write %s", n->e.name,
                 lang_form_of(n->e.name));
  over o = {.c = c, .cl = cl, .n = n, .v = ((node *)n->e.index[two])->var};
  o.a = lower(c, cl, (node *)n->e.at[0]);
  if (o.a->type == IR_BOOL) o.a = ir_cast(c->p, o.a, IR_I64);
  if (!ir_type_real((ir_type)o.a->type) && !functions[f].integers) o.a = ir_cast(c->p, o.a, IR_F32);
  if (!ir_mentions(o.a, o.v->index))
    check_refuse(c, n->e.span, "%s goes over `%s`, which its argument does not use", n->e.name,
                 o.v->name);
  if (!plain_read(o.a)) o.a = whole(&o, "Arg", o.a);
  return functions[f].make(&o);
}
