/* calls: functions of one element, explicit reductions and size, as expressions. */
#include "lang/sparse.h"

#include <math.h>
#include <string.h>

enum { ARGUMENTS = 16 }; /* an elementwise function takes at most */

/* ---- functions of one element ---------------------------------------------------------------- */

static const ir_expr *choose(check *c, const ir_expr *test, const ir_expr *a, const ir_expr *b) {
  return ir_where(c->p, ir_cast(c->p, test, IR_BOOL), lower_strong(c, a, b), lower_strong(c, b, a));
}

bool check_unary(const char *name, ir_op *op) {
  static const struct {
    const char *name;
    ir_op op;
  } plain[] = {{"sig", IR_SIG},    {"tanh", IR_TANH},   {"exp", IR_EXP}, {"log", IR_LOG},
               {"sqrt", IR_SQRT},  {"rsqrt", IR_RSQRT}, {"abs", IR_ABS}, {"sign", IR_SIGN},
               {"sin", IR_SIN},    {"cos", IR_COS},     {"erf", IR_ERF}, {"floor", IR_FLOOR},
               {"round", IR_ROUND}};
  for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
    if (strcmp(plain[i].name, name) == 0) {
      *op = plain[i].op;
      return true;
    }
  return false;
}

static const ir_expr *unary_of(check *c, const char *name, const ir_expr *x) {
  ir_program *p = c->p;
  const ir_expr *zero = ir_int(p, 0), *one = ir_int(p, 1), *half = ir_real(p, IR_F64, 0.5);
  ir_op plain;
  if (check_unary(name, &plain)) return ir_unary(p, plain, x);
  if (strcmp(name, "relu") == 0)
    return lower_combine(c, IR_MAXIMUM, x, ir_number(p, (ir_type)x->type, 0));
  if (strcmp(name, "step") == 0)
    return choose(c, lower_combine(c, IR_LT, zero, x), ir_number(p, (ir_type)x->type, 1),
                  ir_number(p, (ir_type)x->type, 0));
  if (strcmp(name, "silu") == 0) return lower_combine(c, IR_MUL, x, ir_unary(p, IR_SIG, x));
  if (strcmp(name, "gelu") == 0) {
    const ir_expr *e =
        ir_unary(p, IR_ERF, lower_combine(c, IR_MUL, x, ir_real(p, IR_F64, sqrt(0.5))));
    return lower_combine(c, IR_MUL, lower_combine(c, IR_MUL, x, half),
                         lower_combine(c, IR_ADD, e, one));
  }
  if (strcmp(name, "gelu tanh") == 0) { /* x (1 + tanh u) / 2 = x sig(2 u) */
    const ir_expr *cube =
        lower_combine(c, IR_MUL, lower_combine(c, IR_MUL, x, x), ir_real(p, IR_F64, 0.044715));
    const ir_expr *u =
        lower_combine(c, IR_MUL, lower_combine(c, IR_ADD, cube, one),
                      lower_combine(c, IR_MUL, x, ir_real(p, IR_F64, 2 * sqrt(2 / M_PI))));
    return lower_combine(c, IR_MUL, x, ir_unary(p, IR_SIG, u));
  }
  return NULL;
}

static const ir_expr *several(check *c, const node *n, const ir_expr *const *a) {
  const char *name = n->e.name;
  const ir_expr *e = a[0], *zero = ir_int(c->p, 0);
  bool least = strcmp(name, "min") == 0;
  if (least || strcmp(name, "max") == 0) {
    for (int i = 1; i < n->e.n; i++) e = lower_combine(c, least ? IR_MINIMUM : IR_MAXIMUM, e, a[i]);
    return e;
  }
  if (strcmp(name, "where") == 0 && n->e.n == 3) return choose(c, a[0], a[1], a[2]);
  if (strcmp(name, "clamp") == 0 && n->e.n == 3)
    return lower_combine(c, IR_MINIMUM, lower_combine(c, IR_MAXIMUM, a[0], a[1]), a[2]);
  if (strcmp(name, "sig") == 0 && n->e.n == 2) {
    const ir_expr *cold = lower_combine(c, IR_EQ, a[1], zero);
    return choose(c, cold, unary_of(c, "step", lower_strong(c, a[0], a[1])),
                  ir_unary(c->p, IR_SIG, lower_combine(c, IR_DIV, a[0], a[1])));
  }
  return NULL;
}

const ir_function *check_external(const check *c, const char *name) {
  for (int i = 0; i < c->p->nfunctions; i++)
    if (strcmp(c->p->functions[i]->name, name) == 0) return c->p->functions[i];
  return NULL;
}

/* Of the type that its arguments have together, as any function of real numbers. */
static const ir_expr *external(check *c, const node *n, const ir_expr *const *a) {
  const ir_function *f = check_external(c, n->e.name);
  if (!f) return NULL;
  if (n->e.n != f->n)
    check_refuse(c, n->e.span, "%s takes %d argument%s, not %d", f->name, f->n,
                 f->n == 1 ? "" : "s", n->e.n);
  bool wide = false;
  for (int i = 0; i < f->n; i++) wide |= a[i]->type == IR_F64 && a[i]->op != IR_CONST;
  const ir_expr *y = ir_call(c->p, f, a);
  return wide ? y : ir_cast(c->p, y, IR_F32);
}

_Noreturn static void refuse_call(check *c, const node *n) {
  static const char *const texts[] = {"chars", "words", "bytes"};
  const char *name = n->e.name;
  for (int i = 0; i < 3; i++)
    if (strcmp(name, texts[i]) == 0)
      check_refuse(c, n->e.span,
                   "%s(...) stands alone on the right of `=`\nhelp: give the text a "
                   "name first: `T = %s(\"t.txt\")`",
                   name, name);
  const char *form = lang_form_of(name), *help = form ? "\nhelp: write " : "";
  if (!form) form = "";
  if (n->e.nindex) check_refuse(c, n->e.span, "%s goes over no index%s%s", name, help, form);
  check_refuse(c, n->e.span, "%s does not take %d argument%s%s%s", name, n->e.n,
               n->e.n == 1 ? "" : "s", help, form);
}

static const ir_expr *lower_reduction(check *c, clause *cl, const node *n) {
  static const struct {
    const char *name, *tensor;
    ir_agg agg;
  } table[] = {{"sum", "Sum", IR_SUM}, {"avg", "Avg", IR_SUM}, {"count", "Count", IR_SUM},
               {"max", "Max", IR_MAX}, {"min", "Min", IR_MIN}, {"prod", "Prod", IR_PROD}};
  for (size_t i = 0; n->e.nindex && i < sizeof table / sizeof *table; i++) {
    if (strcmp(table[i].name, n->e.name) != 0) continue;
    if (n->e.n != 1) refuse_call(c, n);
    variable **drop = BASE_NEWS(c->arena, variable *, n->e.nindex + 1);
    const ir_expr *size = ir_int(c->p, 1);
    for (int k = 0; k < n->e.nindex; k++) {
      drop[k] = ((const node *)n->e.index[k])->var;
      size = ir_binary(c->p, IR_MUL, size, drop[k]->index->extent);
    }
    if (strcmp(n->e.name, "avg") == 0 && ir_is_const(size, 0))
      check_refuse(c, n->e.span, "the average over `%s` is one over nothing", drop[0]->name);
    const ir_expr *body = lower(c, cl, (node *)n->e.at[0]);
    if (strcmp(n->e.name, "count") == 0) body = ir_cast(c->p, ir_cast(c->p, body, IR_BOOL), IR_I64);
    const ir_expr *t =
        lower_temporary(c, cl, table[i].tensor, table[i].agg, body, n->e.nindex, drop);
    return strcmp(n->e.name, "avg") == 0 ? lower_combine(c, IR_DIV, t, size) : t;
  }
  return NULL;
}

/* f16(x), stop(x), random(key, stream, counter): what gradient programs are written with. */
static const ir_expr *plain_call(check *c, const node *n, const ir_expr *const *a) {
  for (int t = 0; n->e.n == 1 && t < IR_TYPES; t++)
    if (strcmp(n->e.name, ir_type_name((ir_type)t)) == 0) return ir_cast(c->p, a[0], (ir_type)t);
  if (n->e.n == 1 && strcmp(n->e.name, "stop") == 0) return ir_unary(c->p, IR_STOP, a[0]);
  if (n->e.n != 3 || strcmp(n->e.name, "random") != 0) return NULL;
  const ir_expr *bits[3];
  for (int i = 0; i < 3; i++) bits[i] = ir_cast(c->p, a[i], IR_I64);
  return ir_apply(c->p, IR_RANDOM, bits);
}

/* size(X), size(X, 0), of a tensor or a domain. */
static const ir_expr *lower_size(check *c, const node *n) {
  entity *of = check_find(c, n->e.at[0]->name);
  int from, to;
  if (of->kind == NAME_DOMAIN && !of->domain) check_skip(c);
  if (of->kind == NAME_DOMAIN) return ir_int(c->p, of->domain->n);
  if ((of->kind != NAME_TENSOR && !of->sparse) || of->rank < 0)
    check_refuse(c, n->e.span, "%s has no size", of->name);
  if (of->sparse && n->e.n == 1) return sparse_count(c, sparse_relation(c, of));
  if (!check_size_range(c, &n->e, of, &from, &to))
    check_refuse(c, n->e.span, "%s has %s, counted from 0", of->name, check_positions(c, of->rank));
  const ir_expr *size = ir_int(c->p, 1);
  for (; from < to; from++)
    size = ir_binary(c->p, IR_MUL, size, of->sparse ? sparse_size(c, of, from) : of->size[from]);
  return size;
}

static const ir_expr *elementwise(check *c, clause *cl, const node *n) {
  const ir_expr *a[ARGUMENTS] = {NULL};
  if (n->e.n < 1 || n->e.n > ARGUMENTS || n->e.nindex) refuse_call(c, n);
  bool smooth = strcmp(n->e.name, "gelu") == 0 && n->e.n == 2; /* gelu(x, tanh) */
  if (smooth && (n->e.at[1]->kind != LANG_NAME || strcmp(n->e.at[1]->name, "tanh") != 0))
    check_refuse(c, n->e.span, "gelu(x) is by erf, gelu(x, tanh) the other");
  for (int i = 0; i < n->e.n - smooth; i++) a[i] = lower(c, cl, (node *)n->e.at[i]);
  const ir_expr *e = smooth        ? unary_of(c, "gelu tanh", a[0])
                     : n->e.n == 1 ? unary_of(c, n->e.name, a[0])
                                   : several(c, n, a);
  if (!e) e = plain_call(c, n, a);
  if (!e) e = external(c, n, a);
  if (!e) refuse_call(c, n);
  return e;
}

const ir_expr *lower_call(check *c, clause *cl, node *n) {
  const ir_expr *e;
  if (n->body) {
    e = lower(c, cl, n->body);
    return n->e.kind == LANG_ATOM ? ir_cast(c->p, e, IR_BOOL) : e;
  }
  if (strcmp(n->e.name, "grad") == 0) return lower_grad(c, cl, n);
  if (strcmp(n->e.name, "size") == 0) return lower_size(c, n);
  if (strcmp(n->e.name, "concat") == 0) return lower_concat(c, cl, n);
  if ((e = lower_sparse_reduction(c, cl, n))) return e;
  if ((e = lower_reduction(c, cl, n)) || (e = lower_over(c, cl, n)) || (e = lower_draw(c, cl, n)))
    return e;
  return elementwise(c, cl, n);
}
