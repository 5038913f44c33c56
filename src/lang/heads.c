/* heads: the tensors of a group and their equations. Clauses of one head on disjoint windows stand
 * as they are; clauses that meet are added (or-ed, or their extreme taken), each after its own
 * nonlinearity. */
#include "lang/sparse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const int64_t MOST_ELEMENTS = INT64_C(1) << 44;
enum { MOST_PAIRED = 1000 };     /* equations of one head, each compared with each */

static bool recursive(entity *const *group, int n) {
  for (int i = 0; i < n; i++)
    for (int k = 0; k < group[i]->clauses.n; k++)
      for (int r = 0; r < group[i]->clauses.at[k]->reads.n; r++)
        if (group[i]->clauses.at[k]->reads.at[r]->of->group == group[0]->group) return true;
  return false;
}

static void make_indices(check *c, entity *const *group, int n) {
  for (int i = 0; i < n; i++)
    for (int k = 0; k < group[i]->clauses.n; k++) {
      clause *cl = group[i]->clauses.at[k];
      if (cl->stmt->form == LANG_RULE) continue;
      for (int v = 0; v < cl->vars.n; v++) {
        variable *x = cl->vars.at[v];
        x->index = ir_index_new(c->p, x->name, x->extent);
        x->value = ir_binary(c->p, IR_ADD, ir_use(c->p, x->index), x->low);
      }
    }
}

static lang_source_kind kind_of(const entity *e) {
  if (e->declared && e->declared->declare.start) return LANG_PARAMETER;
  if (e->data || e->table || e->fold != REL_SET) return LANG_DATA;
  return e->clauses.n || e->generated ? LANG_DERIVED : LANG_GIVEN;
}

static void publish(check *c, entity *e) {
  if (!c->program) return;
  lang_tensor *t = BASE_NEW(c->arena, lang_tensor);
  *t = (lang_tensor){.name = e->name,
                     .ir = e->ir,
                     .kind = kind_of(e),
                     .domain = e->domains,
                     .tokens = e->tokens,
                     .data = e->data,
                     .span = e->span};
  if (t->kind == LANG_PARAMETER) {
    t->fixed = e->declared->declare.fixed;
    if (!e->data && !e->table) t->start = e->declared->declare.start;
  }
  if (e->sparse) {
    t->keys = sparse_publish(c, e);
    t->keys->tensor = t;
  }
  e->tensor = t;
  BASE_PUSH(c->arena, &c->program->tensors, t);
  base_map_put_s(c->program->named, e->name, t);
}

/* Counting elements never overflows, here or behind. */
static void check_elements_of(check *c, const entity *e) {
  int64_t n, count = 1;
  for (int k = 0; k < e->rank; k++) {
    if (!ir_is_int(e->size[k], &n)) continue;
    if (n == 0) return;
    if (__builtin_mul_overflow(count, n, &count) || count > MOST_ELEMENTS)
      check_refuse(c, e->span, "%s is %s: more than 2^44 elements are beyond what can be computed",
                   e->name, check_shape(c, e));
  }
}

void check_declare(check *c, entity *e) {
  static const ir_role role[] = {[LANG_DERIVED] = IR_DERIVED,
                                 [LANG_DATA] = IR_INPUT,
                                 [LANG_PARAMETER] = IR_STATE,
                                 [LANG_GIVEN] = IR_INPUT};
  if (e->ir) return;
  ir_role as = e->generated ? IR_INPUT : role[kind_of(e)];
  if (!e->sparse) check_elements_of(c, e);
  if (e->sparse)
    e->ir = ir_tensor_new(c->p, e->name, e->type, 1, &e->count, as);
  else
    e->ir = ir_tensor_new(c->p, e->name, e->type, e->rank, e->size, as);
  e->ir->span = e->span;
  publish(c, e);
}

/* ---- one clause ------------------------------------------------------------------------------ */

typedef struct made { /* a clause, lowered: head[lhs] (agg)= body */
  const ir_expr *lhs[RUN_RANK];
  const ir_expr *body;
  ir_agg agg;
  bool average; /* the head is the sum divided by the number of its terms */
} made;

static ir_agg agg_of(lang_op op) {
  static const ir_agg agg[] = {[LANG_SET] = IR_SUM, [LANG_ADD] = IR_SUM, [LANG_MAX] = IR_MAX,
                               [LANG_MIN] = IR_MIN, [LANG_AVG] = IR_SUM, [LANG_PROD] = IR_PROD};
  return agg[op];
}

static void note_read(void *found, const ir_expr *e) {
  if (e->op == IR_READ) *(bool *)found = true;
}

/* As ir_window says, of an equation to be: no two points write one element, known without any data.
 */
static bool is_window(const clause *cl, const ir_expr *const *lhs) {
  const ir_index *x[RUN_RANK];
  for (int k = 0; k < cl->nlhs; k++) {
    const ir_expr *offset;
    x[k] = ir_position_index(lhs[k], &offset);
    bool reads = false;
    ir_each(lhs[k], note_read, &reads);
    if (reads) return false;
    for (int i = 0; !x[k] && i < cl->vars.n; i++)
      if (ir_mentions(lhs[k], cl->vars.at[i]->index)) return false;
    for (int j = 0; x[k] && j < k; j++)
      if (x[j] == x[k]) return false;
  }
  return true;
}

/* x of Y[x/4], where x runs to 3 at most: a position that it does not change. */
static bool is_gone(const clause *cl, const variable *v, const ir_expr *const *lhs) {
  bool used = !v->head;
  for (int k = 0; k < cl->nlhs; k++) used |= ir_mentions(lhs[k], v->index);
  return !used;
}

static made lower_clause(check *c, clause *cl) {
  made m = {.agg = agg_of(cl->op), .average = cl->op == LANG_AVG};
  node *right = cl->right;
  const ir_expr *scattered = lower_sparse(c, cl, right, cl->op);
  int own = scattered ? 0 : right->sum.n; /* over the whole right side: the equation's own */
  bool sums = own > 0;
  m.body = scattered ? scattered : lower_unsummed(c, cl, right);
  for (int k = 0; k < cl->nlhs; k++) m.lhs[k] = lower_position(c, cl, cl->lhs[k]);
  int64_t points = 1;
  for (int i = 0; i < cl->vars.n; i++) {
    const variable *v = cl->vars.at[i];
    bool gone = is_gone(cl, v, m.lhs), summed = gone;
    for (int k = 0; k < own; k++) summed |= right->sum.at[k] == v;
    if (v->head || summed) check_points(c, cl, v, &points);
    if (summed && !m.average && !ir_mentions(m.body, v->index))
      m.body = lower_repeated(c, m.agg, m.body, v->index->extent);
    sums |= gone;
  }
  bool set = !sums && is_window(cl, m.lhs);
  if (scattered && m.average && !set)
    check_refuse(c, cl->stmt->span,
                 "`avg=` through a relation stands at plain indices on the left\n"
                 "help: give the average an equation of its own, and put that in its place");
  if (set) m.agg = IR_SET;
  if (set || scattered) m.average = false;
  return m;
}

/* ---- types ----------------------------------------------------------------------------------- */

/* Do the values of E, which are integers, come from indices, sizes, draws or tensors? Those of the
 * text alone take the default type. BUDGET nodes are looked at. */
static bool has_integers(const ir_expr *e, int *budget) {
  if (--*budget < 0) return true;
  switch (e->op) {
  case IR_CONST: return false;
  case IR_INDEX:
  case IR_SYMBOL:
  case IR_RANDOM:
  case IR_READ: return true;
  case IR_CAST: return e->arg[0]->type == IR_I64 && has_integers(e->arg[0], budget);
  default:
    for (int i = e->op == IR_WHERE; i < e->n; i++)
      if (has_integers(e->arg[i], budget)) return true;
    return false;
  }
}

static ir_type type_of(const check *c, const ir_expr *body) {
  int budget = 1000;
  if (body->type == IR_I64 && has_integers(body, &budget)) return IR_I64;
  if (body->type == IR_BOOL && c->answering) return IR_BOOL;
  return c->type;
}

/* Of undeclared heads: i64 if all equations are made of integers, else the default. */
static void set_type(check *c, entity *e, const made *m, int n) {
  if (e->typed) return;
  e->type = type_of(c, m[0].body);
  for (int i = 0; i < n; i++)
    if (type_of(c, m[i].body) != e->type || m[i].average) e->type = c->type;
  e->typed = true;
}

/* ---- one equation ---------------------------------------------------------------------------- */

/* T (+)= body;  N (+)= the terms of each;  head = T / N */
static void define_average(check *c, const clause *cl, ir_tensor *head, const made *m) {
  const ir_expr *at[RUN_RANK], *terms = ir_int(c->p, 1);
  ir_type computed = ir_type_computed(head->type) == IR_F64 ? IR_F64 : IR_F32;
  ir_tensor *total = ir_tensor_like(c->p, "Total", head, computed);
  ir_eq *eq = ir_define(c->p, total, IR_SUM, m->lhs, m->body);
  eq->span = cl->stmt->span;
  for (int i = 0; i < eq->nred; i++) terms = ir_binary(c->p, IR_MUL, terms, eq->red[i]->extent);
  if (ir_is_const(terms, 0))
    check_refuse(c, cl->stmt->span, "%s is an average over nothing", cl->head->name);
  ir_positions(c->p, head, at);
  if (!ir_window(eq)) {
    ir_tensor *count = ir_tensor_like(c->p, "Terms", head, IR_I64);
    ir_define(c->p, count, IR_SUM, m->lhs, terms);
    terms = ir_read(c->p, count, at);
  }
  const ir_expr *mean =
      ir_binary(c->p, IR_DIV, ir_read(c->p, total, at), ir_cast(c->p, terms, computed));
  ir_define(c->p, head, IR_SET, at, mean)->span = cl->stmt->span;
}

static void define_one(check *c, const clause *cl, ir_tensor *head, const made *m) {
  if (m->average)
    define_average(c, cl, head, m);
  else
    ir_define(c->p, head, m->agg, m->lhs, m->body)->span = cl->stmt->span;
}

/* ---- several equations ----------------------------------------------------------------------- */

static bool before(check *c, const ir_expr *a, const ir_expr *b) {
  int64_t x, y;
  if (ir_is_int(a, &x) && ir_is_int(b, &y)) return x < y;
  return ir_less_equal(c->p, ir_binary(c->p, IR_ADD, a, ir_int(c->p, 1)), b);
}

/* Windows are apart where some position of both holds values that provably differ. */
static bool apart(check *c, const entity *e, const made *a, const made *b) {
  for (int k = 0; k < e->rank; k++)
    if (before(c, a->lhs[k], b->lhs[k]) || before(c, b->lhs[k], a->lhs[k])) return true;
  return false;
}

/* Does every clause give another number to position k? */
static bool distinct_at(check *c, const entity *e, const made *m, int k) {
  base_map *seen = base_map_open(c->arena);
  for (int i = 0; i < e->clauses.n; i++) {
    int64_t at;
    if (!ir_is_int(m[i].lhs[k], &at) || base_map_get(seen, &at, sizeof at)) return false;
    base_map_put(seen, &at, sizeof at, seen);
  }
  return true;
}

typedef struct interval {
  int64_t first, behind;
} interval;

static int by_first(const void *a, const void *b) {
  const interval *x = a, *y = b;
  return x->first < y->first ? -1 : x->first > y->first;
}

/* Does each clause fill an interval of position k, known now, that meets no other? */
static bool intervals_at(check *c, const entity *e, const made *m, int k) {
  int n = e->clauses.n;
  interval *at = BASE_NEWS(c->arena, interval, n);
  for (int i = 0; i < n; i++) {
    const ir_expr *offset;
    const ir_index *x = ir_position_index(m[i].lhs[k], &offset);
    int64_t extent = 1;
    if (!ir_is_int(offset, &at[i].first) || (x && !ir_is_int(x->extent, &extent))) return false;
    at[i].behind = at[i].first + extent;
  }
  qsort(at, (size_t)n, sizeof *at, by_first);
  for (int i = 1; i < n; i++)
    if (at[i].first < at[i - 1].behind) return false;
  return true;
}

static bool all_apart(check *c, const entity *e, const made *m) {
  int64_t n;
  if (e->clauses.at[0]->op == LANG_AVG) return false;
  for (int k = 0; k < e->rank; k++) /* of what has no elements everything can be proven */
    if (ir_is_int(e->size[k], &n) && n == 0) return false;
  for (int i = 0; i < e->clauses.n; i++)
    if (!is_window(e->clauses.at[i], m[i].lhs)) return false;
  for (int k = 0; k < e->rank; k++)
    if (distinct_at(c, e, m, k) || intervals_at(c, e, m, k)) return true;
  if (e->clauses.n > MOST_PAIRED) return false; /* they are joined, which is as right */
  for (int i = 0; i < e->clauses.n; i++)
    for (int k = 0; k < i; k++)
      if (!apart(c, e, &m[i], &m[k])) return false;
  return true;
}

/* Does the clause define the element AT? What accumulates through its positions defines all. */
static const ir_expr *defines(check *c, const entity *e, const clause *cl, const made *m,
                              const ir_expr *const *at) {
  const ir_expr *inside = ir_bool(c->p, true);
  for (int k = 0; k < e->rank && is_window(cl, m->lhs); k++) {
    const ir_expr *offset, *one = ir_int(c->p, 1);
    const ir_index *x = ir_position_index(m->lhs[k], &offset);
    const ir_expr *from = ir_binary(c->p, IR_SUB, at[k], x ? offset : m->lhs[k]);
    inside = ir_binary(c->p, IR_AND, inside, ir_inside(c->p, from, x ? x->extent : one));
  }
  return inside;
}

/* Clauses that meet: a tensor for each, joined element by element. Where a clause of max= and the
 * like defines nothing it takes no part; where none does, the element is 0. */
static void define_joined(check *c, entity *e, const made *m) {
  static const ir_op joins[] = {
      [LANG_SET] = IR_ADD,     [LANG_ADD] = IR_ADD, [LANG_MAX] = IR_MAXIMUM,
      [LANG_MIN] = IR_MINIMUM, [LANG_AVG] = IR_ADD, [LANG_PROD] = IR_MUL};
  const ir_expr *at[RUN_RANK], *total = NULL, *any = ir_bool(c->p, false);
  lang_op op = e->clauses.at[0]->op;
  ir_type type = ir_type_computed(e->type);
  ir_positions(c->p, e->ir, at);
  for (int i = 0; i < e->clauses.n; i++) {
    ir_tensor *part = ir_tensor_like(c->p, e->name, e->ir, type);
    part->span = e->ir->span;
    define_one(c, e->clauses.at[i], part, &m[i]);
    const ir_expr *one = ir_read(c->p, part, at);
    if (joins[op] != IR_ADD) {
      const ir_expr *here = defines(c, e, e->clauses.at[i], &m[i], at);
      one = ir_where(c->p, here, one, ir_agg_neutral(c->p, agg_of(op), type));
      any = ir_binary(c->p, IR_OR, any, here);
    }
    total = total ? ir_binary(c->p, joins[op], total, one) : one;
  }
  if (joins[op] != IR_ADD) total = ir_where(c->p, any, total, ir_number(c->p, type, 0));
  ir_define(c->p, e->ir, IR_SET, at, total)->span = e->span;
}

/* Slices and gathers of a text keep its domain. */
static void keep_tokens(entity *e) {
  if (e->tokens || e->clauses.n != 1 || e->clauses.at[0]->right->e.kind != LANG_READ) return;
  e->tokens = e->clauses.at[0]->right->of->tokens;
  if (e->tensor) e->tensor->tokens = e->tokens;
}

static void lower_entity(check *c, entity *e) {
  if (!e->clauses.n) {
    if (!e->typed) e->type = c->type;
    check_declare(c, e);
    return;
  }
  made *m = BASE_NEWS(c->arena, made, e->clauses.n);
  for (int i = 0; i < e->clauses.n; i++) m[i] = lower_clause(c, e->clauses.at[i]);
  set_type(c, e, m, e->clauses.n);
  check_declare(c, e);
  if (e->clauses.n == 1 || all_apart(c, e, m))
    for (int i = 0; i < e->clauses.n; i++) define_one(c, e->clauses.at[i], e->ir, &m[i]);
  else
    define_joined(c, e, m);
  keep_tokens(e);
}

/* Should no position lead from one element to the next, it begins with these. */
static void set_settle(check *c, const entity *e) {
  if (!e->clauses.n) return;
  lang_op op = e->clauses.at[0]->op;
  double start = op == LANG_MAX ? -INFINITY : op == LANG_MIN ? INFINITY : 0;
  e->ir->settle = BASE_NEW(c->p->arena, ir_settle);
  *e->ir->settle = (ir_settle){.start = start, .rounds = IR_ROUNDS};
}

/* A relation that depends on values that depend on it: there is no order to make them in. */
static void check_mixture(check *c, entity *const *group, int n) {
  const entity *relation = NULL, *tensor = NULL;
  for (int i = 0; i < n; i++)
    if (group[i]->kind == NAME_RELATION) relation = group[i];
    else tensor = group[i];
  if (relation && tensor)
    check_refuse(c, relation->span, "%s depends on the values of %s, and %s on %s: a relation that "
                 "is made from a tensor's values cannot be a factor of it", relation->name,
                 tensor->name, tensor->name, relation->name);
}

/* A recurrence's heads are tensors before their equations are made; their type is declared or the
 * default. */
void check_lower(check *c, entity *const *group, int n) {
  bool recurs = recursive(group, n);
  make_indices(c, group, n);
  check_mixture(c, group, n);
  if (group[0]->fold != REL_SET) {
    check_extremes(c, group, n);
    return;
  }
  for (int i = 0; i < n; i++)
    if (group[i]->sparse && group[i]->kind == NAME_TENSOR) check_elements_keys(c, group[i]);
  for (int i = 0; recurs && i < n; i++) {
    if (group[i]->kind == NAME_RELATION) continue;
    if (!group[i]->typed) group[i]->type = c->type;
    group[i]->typed = true;
    check_declare(c, group[i]);
    set_settle(c, group[i]);
  }
  for (int i = 0; i < n; i++)
    if (group[i]->kind == NAME_RELATION) check_rules(c, group[i]);
    else if (group[i]->sparse) check_elements_values(c, group[i]);
    else lower_entity(c, group[i]);
}
