/* elements: heads that are sparse. Their keys are a relation with a rule for each way in which a
 * term may differ from 0; their values a tensor of rank 1, to which each term adds at the rows
 * that its tuples lead to.
 *
 *   S[x] = W[x,y] V[y]       S(x) <- W(x,y)        S[Row[e]] += W[e] V[W1[e]]
 *
 * In a recursion the keys are closed first, by the engine; then the values settle. */
#include "lang/sparse.h"

#include <string.h>

typedef struct piece { /* a term of a clause, lowered: a tensor of the head's rows */
  const ir_expr *body, *row, *count, *terms; /* terms: that each tuple stands for */
  const ir_index *at;
} piece;

typedef struct maker {
  check *c;
  entity *e;
} maker;

static lang_op op_of(const entity *e) { return e->clauses.at[0]->op; }

static support ways_of(check *c, const clause *cl, const node *term) {
  return cl->op <= LANG_ADD ? support_of(c, term) : support_strict(c, term);
}

static sparse_terms terms_of(check *c, clause *cl) {
  sparse_terms terms = {0};
  if (cl->op <= LANG_ADD)
    sparse_terms_of(c, cl->right, false, &terms);
  else
    BASE_PUSH(c->arena, &terms, ((sparse_term){cl->right, false}));
  return terms;
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void check_bound(check *c, const clause *cl, const support *ways, const node *term) {
  for (int k = 0; k < cl->nlhs; k++) {
    const variable *v = cl->lhs[k]->var;
    if (!v || support_binds(ways, v)) continue;
    check_refuse(
        c, term->e.span,
        "nothing sparse binds `%s` here, and %s is sparse\nhelp: join it with a relation, or "
        "declare %s with brackets, and it is dense",
        v->name, cl->head->name, cl->head->name);
  }
}

/* H(keys) <- the atoms of a way; a term without any is there anyhow. */
static void add_keys(maker *m, clause *cl, const support *ways) {
  static const way always = {0};
  check *c = m->c;
  int n = ways->everywhere ? 1 : ways->any.n;
  for (int w = 0; w < n; w++) {
    compiler k = compile_open(c, cl);
    const rel_expr **key = BASE_NEWS(c->arena, const rel_expr *, cl->nlhs + 1);
    compile_way(&k, ways->everywhere ? &always : &ways->any.at[w]);
    k.position = true;
    for (int i = 0; i < cl->nlhs; i++) key[i] = compile_expr(&k, cl->lhs[i]);
    compile_rule(&k, sparse_relation(c, m->e), key, NULL);
  }
}

/* Of a whole recursion before any value. */
void check_elements_keys(check *c, entity *e) {
  maker one = {c, e}, *m = &one;
  int count = 0;
  sparse_relation(c, e);
  e->count = sparse_count(c, e->rel);
  for (int i = 0; i < e->clauses.n; i++) {
    clause *cl = e->clauses.at[i];
    sparse_terms terms = terms_of(m->c, cl);
    count += terms.n;
    for (int t = 0; t < terms.n; t++) {
      support ways = ways_of(m->c, cl, terms.at[t].n);
      check_bound(m->c, cl, &ways, terms.at[t].n);
      add_keys(m, cl, &ways);
    }
  }
  e->alone = count == 1;
}

/* ---- values ---------------------------------------------------------------------------------- */

static bool is_among(const variable *v, int n, variable *const *list) {
  for (int i = 0; i < n; i++)
    if (list[i] == v) return true;
  return false;
}

/* The positions of the head are the variables of the term's frame, each once: no join is needed
 * besides the head's own tuples. */
static bool is_head(const maker *m, const clause *cl, int n, variable **var) {
  variable *order[RUN_RANK + 1];
  if (!m->e->alone || n != cl->nlhs || n > RUN_RANK) return false;
  for (int k = 0; k < cl->nlhs; k++) {
    order[k] = cl->lhs[k]->var;
    if (!order[k] || !is_among(order[k], n, var) || is_among(order[k], k, order)) return false;
  }
  memcpy(var, order, sizeof *var * (size_t)n);
  return true;
}

/* A sum over nothing that the body tells apart repeats it. */
static const ir_expr *repeated(check *c, const clause *cl, const frame *f, const node *term,
                               const ir_expr *body) {
  ir_agg agg = cl->op == LANG_PROD ? IR_PROD : IR_SUM;
  if (cl->op == LANG_MAX || cl->op == LANG_MIN) return body;
  for (int i = 0; i < term->sum.n; i++) {
    const variable *v = term->sum.at[i];
    if (!is_among(v, f->n, f->var) && !ir_mentions(body, v->index))
      body = lower_repeated(c, agg, body, v->index->extent);
  }
  return body;
}

static piece lower_term(maker *m, clause *cl, const sparse_term *term) {
  check *c = m->c;
  support ways = ways_of(c, cl, term->n);
  variable **var = BASE_NEWS(c->arena, variable *, cl->vars.n + 1);
  if (ways.everywhere) { /* E[A,B] = 1 - E[A,C] with neither: one tuple, the empty one */
    ways = (support){0};
    BASE_PUSH(c->arena, &ways.any, (way){0});
  }
  int n = frame_variables(c, cl, &ways, term->n, var);
  rel_relation *join = is_head(m, cl, n, var) ? m->e->rel : NULL;
  frame *f = frame_open(c, cl, &ways, n, var, term->n, join);
  piece p = {.count = f->count, .at = f->at->u.index};
  p.row = frame_row(f, m->e->rel, cl->nlhs, (lang_expr *const *)cl->lhs);
  p.body = lower_unsummed(c, cl, term->n);
  if (term->minus) p.body = ir_unary(c->p, IR_NEG, p.body);
  p.body = repeated(c, cl, f, term->n, p.body);
  p.terms = repeated(c, cl, f, term->n, ir_int(c->p, 1));
  if (!p.row)
    check_refuse(c, cl->stmt->span,
                 "the positions of %s are variables and constants, as it is "
                 "sparse",
                 m->e->name);
  frame_close(f);
  return p;
}

/* ---- the tensor ------------------------------------------------------------------------------ */

/* Integers where all terms are; what a query compares is true or false. */
static ir_type type_of(check *c, const maker *m, const piece *p, int n) {
  bool integers = op_of(m->e) != LANG_AVG, tests = c->answering;
  for (int i = 0; i < n; i++) {
    integers &= p[i].body->type == IR_I64;
    tests &= p[i].body->type == IR_BOOL;
  }
  return tests ? IR_BOOL : integers ? IR_I64 : c->type;
}

static ir_agg agg_of(lang_op op) {
  return op == LANG_MAX ? IR_MAX : op == LANG_MIN ? IR_MIN : op == LANG_PROD ? IR_PROD : IR_SUM;
}

static ir_tensor *part_of(maker *m, const piece *p, const ir_expr *body, const char *name,
                          ir_agg agg) {
  check *c = m->c;
  ir_tensor *part =
      ir_tensor_new(c->p, name, ir_type_computed((ir_type)m->e->type), 1, &m->e->count, IR_DERIVED);
  bool window = p->row->op == IR_INDEX;
  part->span = m->e->span;
  ir_eq *eq = ir_define(c->p, part, agg, &p->row, body);
  eq->span = m->e->span;
  if (window && !eq->nred) eq->agg = IR_SET;
  return part;
}

static const ir_expr *average(maker *m, const piece *p, const ir_expr *const *at) {
  check *c = m->c;
  ir_type type = ir_type_computed((ir_type)m->e->type);
  const ir_expr *one = ir_cast(c->p, p->terms, type);
  const ir_expr *total = ir_read(c->p, part_of(m, p, p->body, "Total", IR_SUM), at);
  return ir_binary(c->p, IR_DIV, total, ir_read(c->p, part_of(m, p, one, "Terms", IR_SUM), at));
}

static void define(maker *m, const piece *p, int n) {
  static const ir_op joins[] = {
      [IR_SUM] = IR_ADD, [IR_MAX] = IR_MAXIMUM, [IR_MIN] = IR_MINIMUM, [IR_PROD] = IR_MUL};
  check *c = m->c;
  entity *e = m->e;
  ir_agg agg = agg_of(op_of(e));
  const ir_expr *at[1], *total = NULL;
  bool average_of = op_of(e) == LANG_AVG;
  if (n == 1 && !average_of) {
    ir_eq *eq = ir_define(c->p, e->ir, agg, &p->row, p->body);
    eq->span = e->span;
    if (p->row->op == IR_INDEX && !eq->nred) eq->agg = IR_SET;
    return;
  }
  ir_positions(c->p, e->ir, at);
  for (int i = 0; i < n; i++) {
    const ir_expr *one = average_of ? average(m, &p[i], at)
                                    : ir_read(c->p, part_of(m, &p[i], p[i].body, e->name, agg), at);
    total = total ? ir_binary(c->p, joins[agg], total, one) : one;
  }
  ir_define(c->p, e->ir, IR_SET, at, total)->span = e->span;
}

void check_elements_values(check *c, entity *e) {
  maker one = {c, e}, *m = &one;
  BASE_VEC(piece) pieces = {0};
  for (int i = 0; i < e->clauses.n; i++) {
    sparse_terms terms = terms_of(c, e->clauses.at[i]);
    for (int t = 0; t < terms.n; t++) {
      piece p = lower_term(m, e->clauses.at[i], &terms.at[t]);
      BASE_PUSH(c->arena, &pieces, p);
    }
  }
  if (!e->typed) e->type = pieces.n ? type_of(c, m, pieces.at, pieces.n) : c->type;
  e->typed = true;
  check_declare(c, e);
  if (pieces.n) define(m, pieces.at, pieces.n);
}
