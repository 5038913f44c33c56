/* frames: products with sparse factors, gone through tuple by tuple. The engine joins what is
 * sparse; the variables are columns of the join, and the result is scattered to where they point.
 *
 *   Agg[n,d] = Neig(n,n') Z[n',d]             Agg[Neig0[e], d] += Z[Neig1[e], d]
 *   S[x] = sum[y](Edge(x,y) sig(W[y,z] V[z]))  inside, T[Row[e']] += W'[..] V[..] for the tuples of
 *                                             Edge that the sum over z belongs to
 *
 * Within a frame every variable of it stands for an element of a column; what is read of a sparse
 * tensor there is found by its row, and is 0 where there is none. */
#include "lang/sparse.h"

#include <string.h>

static const node *child(const node *n, int i) { return sparse_child(n, i); }

/* ---- which variables ------------------------------------------------------------------------- */

/* V is summed or bound somewhere inside N, so that N as a whole does not know it. */
static bool is_inside(const node *n, const variable *v) {
  bool binds = n->e.kind == LANG_CALL && n->e.nindex && lang_binds(n->e.name);
  for (int i = 0; binds && i < n->e.nindex; i++)
    if (((const node *)n->e.index[i])->var == v) return true;
  for (int i = 0; i < n->e.n; i++) {
    const node *x = n->e.at[i] ? child(n, i) : NULL;
    if (!x) continue;
    for (int k = 0; k < x->sum.n; k++)
      if (x->sum.at[k] == v) return true;
    if (is_inside(x, v)) return true;
  }
  if (!n->body) return false;
  for (int k = 0; k < n->body->sum.n; k++)
    if (n->body->sum.at[k] == v) return true;
  return is_inside(n->body, v);
}

int frame_variables(check *c, const clause *cl, const support *ways, const node *n,
                    variable **var) {
  int count = 0;
  (void)c;
  for (int i = 0; i < cl->vars.n; i++)
    if (support_binds(ways, cl->vars.at[i]) && !is_inside(n, cl->vars.at[i]))
      var[count++] = cl->vars.at[i];
  return count;
}

static bool is_among(const variable *v, int n, variable *const *list) {
  for (int i = 0; i < n; i++)
    if (list[i] == v) return true;
  return false;
}

static int position_of(const frame *f, const variable *v) {
  for (int i = 0; i < f->n; i++)
    if (f->var[i] == v) return i;
  return -1;
}

/* ---- the join -------------------------------------------------------------------------------- */

/* Positions of sparse reads that are more than a variable or a constant get a column too. */
static void find_extras(frame *f, const node *n) {
  int64_t whole;
  for (int i = 0; i < n->e.n; i++) {
    const node *x = n->e.at[i] ? child(n, i) : NULL;
    if (!x) continue;
    bool plain = x->var || x->e.kind == LANG_STRING || check_whole(f->c, x, &whole);
    bool known = sparse_read(n) && !plain;
    for (int v = 0; known && v < f->cl->vars.n; v++)
      known = !check_uses(x, f->cl->vars.at[v]) || position_of(f, f->cl->vars.at[v]) >= 0;
    if (known) BASE_PUSH(f->c->arena, &f->extras, ((extra){x, f->n + f->extras.n}));
    find_extras(f, x);
  }
  if (n->body) find_extras(f, n->body);
}

/* One atom whose positions are the variables, each once: it is the join. */
static rel_relation *join_itself(frame *f) {
  if (f->outer || f->extras.n || f->ways.any.n != 1 || f->ways.any.at[0].atom.n != 1) return NULL;
  const node *atom = f->ways.any.at[0].atom.at[0];
  if (atom->e.n != f->n || !f->n) return NULL;
  variable **var = BASE_NEWS(f->c->arena, variable *, f->n + 1);
  for (int k = 0; k < atom->e.n; k++) {
    var[k] = child(atom, k)->var;
    if (!var[k] || position_of(f, var[k]) < 0 || is_among(var[k], k, var)) return NULL;
  }
  f->var = var;
  return sparse_relation(f->c, atom->of);
}

static void add_outer(compiler *k, const frame *outer) {
  rel_item item = {.kind = REL_ATOM, .relation = outer->join, .value = -1};
  int arity = rel_arity(outer->join);
  item.term = BASE_NEWS(k->c->arena, rel_term, arity + 1);
  for (int i = 0; i < outer->n; i++)
    item.term[i] = (rel_term){.kind = REL_VAR, .var = compile_variable(k, outer->var[i])};
  BASE_PUSH(k->c->arena, &k->items, item);
}

static rel_relation *make_join(frame *f) {
  check *c = f->c;
  const char *name = base_format(c->arena, "%s'", f->cl->head->name);
  rel_relation *join =
      rel_new(sparse_engine(c), name, f->n + f->extras.n, REL_SET, IR_BOOL, f->cl->stmt->span);
  const rel_expr **key = BASE_NEWS(c->arena, const rel_expr *, f->n + f->extras.n + 1);
  for (int w = 0; w < f->ways.any.n; w++) {
    compiler k = compile_open(c, f->cl);
    if (f->outer) add_outer(&k, f->outer);
    compile_way(&k, &f->ways.any.at[w]);
    for (int i = 0; i < f->n; i++) key[i] = rel_use(c->arena, compile_variable(&k, f->var[i]));
    for (int i = 0; i < f->extras.n; i++) {
      rel_term t = compile_term(&k, f->extras.at[i].n);
      key[f->n + i] = rel_use(c->arena, t.var);
    }
    compile_rule(&k, join, key, NULL);
  }
  return join;
}

/* ---- columns --------------------------------------------------------------------------------- */

static const ir_expr *column(frame *f, lang_column column, const char *name) {
  check *c = f->c;
  for (int i = 0; i < c->program->columns.n; i++) {
    const lang_column *k = &c->program->columns.at[i];
    if (!column.in && !k->in && k->of == column.of && k->position == column.position &&
        k->domain == column.domain)
      return ir_read(c->p, k->ir, &f->at);
  }
  column.ir = ir_tensor_new(c->p, name, IR_I64, 1, &f->count, IR_INPUT);
  column.ir->span = f->cl->stmt->span;
  BASE_PUSH(c->arena, &c->program->columns, column);
  return ir_read(c->p, column.ir, &f->at);
}

static const ir_expr *variable_column(frame *f, int position) {
  variable *v = f->var[position];
  lang_column k = {.of = f->join, .position = position};
  k.domain = v->domain ? v->domain : v->sort ? sort_domain(v->sort) : NULL;
  return column(f, k, base_format(f->c->arena, "%s%d", rel_name(f->join), position));
}

const ir_expr *frame_row(frame *f, rel_relation *in, int n, lang_expr *const *at) {
  check *c = f->c;
  lang_column k = {.of = f->join, .in = in, .term = BASE_NEWS(c->arena, rel_term, n + 1)};
  bool same = in == f->join;
  int64_t whole;
  for (int i = 0; i < n; i++) {
    const node *x = (const node *)at[i];
    int position = x->var ? position_of(f, x->var) : -1;
    for (int e = 0; position < 0 && e < f->extras.n; e++)
      if (f->extras.at[e].n == x) position = f->extras.at[e].position;
    if (position >= 0)
      k.term[i] = (rel_term){.kind = REL_VAR, .var = position};
    else if (x->e.kind == LANG_STRING)
      k.term[i] = (rel_term){.kind = REL_KEY, .key = sparse_key(c, x)};
    else if (check_whole(c, x, &whole))
      k.term[i] = (rel_term){.kind = REL_KEY, .key = whole};
    else
      return NULL;
    same &= position == i;
  }
  if (same) return f->at;
  return column(f, k, base_format(c->arena, "In%s", rel_name(in)));
}

/* ---- opening, closing ------------------------------------------------------------------------ */

static variable *tuple_variable(frame *f) {
  check *c = f->c;
  variable *e = BASE_NEW(c->arena, variable);
  *e = (variable){.name = "e", .bound = true, .extent = f->count, .span = f->cl->stmt->span};
  e->low = ir_int(c->p, 0);
  e->index = ir_index_new(c->p, "e", f->count);
  e->value = ir_use(c->p, e->index);
  BASE_PUSH(c->arena, &f->cl->vars, e);
  return e;
}

frame *frame_open(check *c, clause *cl, const support *ways, int n, variable *const *var,
                  const node *of, rel_relation *join) {
  frame *f = BASE_NEW(c->arena, frame);
  *f = (frame){.c = c, .cl = cl, .outer = cl->in, .n = n, .ways = *ways};
  f->var = BASE_NEWS(c->arena, variable *, n + 1);
  f->before = BASE_NEWS(c->arena, const ir_expr *, n + 1);
  memcpy(f->var, var, sizeof *var * (size_t)n);
  find_extras(f, of);
  f->join = join && !f->extras.n ? join : join_itself(f);
  if (!f->join) f->join = make_join(f);
  f->count = sparse_count(c, f->join);
  f->at = tuple_variable(f)->value;
  for (int i = 0; i < n; i++) {
    f->before[i] = f->var[i]->value;
    f->var[i]->value = variable_column(f, i);
  }
  cl->in = f;
  return f;
}

void frame_close(frame *f) {
  for (int i = 0; i < f->n; i++) f->var[i]->value = f->before[i];
  f->cl->in = f->outer;
}

/* ---- reads in a frame ------------------------------------------------------------------------ */

static bool always_there(const frame *f, const node *n) {
  for (int w = 0; w < f->ways.any.n; w++) {
    bool found = false;
    for (int i = 0; i < f->ways.any.at[w].atom.n; i++) found |= f->ways.any.at[w].atom.at[i] == n;
    if (!found) return false;
  }
  return true;
}

const ir_expr *lower_row(check *c, clause *cl, const node *n) {
  int rank = n->e.kind == LANG_NAME ? 0 : n->e.n;
  const ir_expr *row =
      cl->in ? frame_row(cl->in, sparse_relation(c, n->of), rank, n->e.at) : NULL;
  if (!row)
    check_refuse(c, n->e.span, "%s is read here at positions that nothing sparse binds",
                 n->of->name);
  return row;
}

const ir_expr *lower_element(check *c, clause *cl, const node *n) {
  bool relation = n->of->kind == NAME_RELATION;
  if (cl->in && relation && always_there(cl->in, n)) return ir_int(c->p, 1);
  const ir_expr *row = lower_row(c, cl, n);
  if (!relation) return lower_read_of(c, n->of->ir, &row);
  const ir_expr *there = ir_binary(c->p, IR_LE, ir_int(c->p, 0), row);
  return ir_where(c->p, there, ir_int(c->p, 1), ir_int(c->p, 0));
}

/* ---- what comes out of a frame --------------------------------------------------------------- */

typedef struct scatter { /* T[lhs..] (agg)= body, read back at `at` */
  const ir_expr *size[RUN_RANK], *lhs[RUN_RANK], *at[RUN_RANK];
  int rank;
} scatter;

static void add_position(scatter *s, check *c, const clause *cl, const ir_expr *size,
                         const ir_expr *lhs, const ir_expr *at) {
  if (s->rank == RUN_RANK)
    check_refuse(c, cl->stmt->span, "too many indices in one product: %d positions are the most",
                 RUN_RANK);
  s->size[s->rank] = size;
  s->lhs[s->rank] = lhs;
  s->at[s->rank++] = at;
}

static void refuse_dense(check *c, const clause *cl, const scatter *s, const node *n) {
  int64_t total = 1, size;
  for (int k = 0; k < s->rank; k++) {
    if (!ir_is_int(s->size[k], &size)) return;
    total = size && total > (INT64_C(1) << 40) / size ? INT64_C(1) << 40 : total * size;
  }
  if (total <= SPARSE_MOST) return;
  base_text text = base_text_open(c->arena);
  lang_print_expr(&text, &n->e);
  check_refuse(c, n->e.span,
               "`%s` would be dense here, with %lld elements or more; 2^28 are the most\n"
               "help: declare %s with parentheses, and it is sparse",
               text.at, (long long)total, cl->head->name);
}

/* Indices that live on outside: rows of the frame around it, variables that are no longer columns,
 * dense ones that BODY depends on. */
static scatter positions(frame *f, const ir_expr *body, const node *n, int ndrop,
                         variable *const *drop) {
  check *c = f->c;
  scatter s = {.rank = 0};
  if (f->outer) {
    rel_relation *in = f->outer->join;
    lang_column k = {.of = f->join, .in = in};
    k.term = BASE_NEWS(c->arena, rel_term, f->outer->n + f->outer->extras.n + 1);
    for (int i = 0; i < f->outer->n; i++)
      k.term[i] = (rel_term){.kind = REL_VAR, .var = position_of(f, f->outer->var[i])};
    const ir_expr *row = column(f, k, base_format(c->arena, "In%s", rel_name(in)));
    add_position(&s, c, f->cl, f->outer->count, row, f->outer->at);
  }
  for (int i = 0; i < f->n; i++) {
    variable *v = f->var[i];
    if (is_among(v, ndrop, drop) || (f->outer && position_of(f->outer, v) >= 0)) continue;
    add_position(&s, c, f->cl, v->extent, ir_binary(c->p, IR_SUB, v->value, v->low),
                 ir_binary(c->p, IR_SUB, f->before[i], v->low));
  }
  if (!f->outer) refuse_dense(c, f->cl, &s, n);
  for (int i = 0; i < f->cl->vars.n; i++) {
    variable *v = f->cl->vars.at[i];
    const ir_expr *use = v->index ? ir_use(c->p, v->index) : NULL;
    if (!use || use == f->at || position_of(f, v) >= 0 || is_among(v, ndrop, drop) ||
        !ir_mentions(body, v->index))
      continue;
    add_position(&s, c, f->cl, v->index->extent, use, use);
  }
  return s;
}

/* What is summed and not there repeats the sum; tuples too, if nothing tells them apart. */
static const ir_expr *repeated(frame *f, const scatter *s, ir_agg agg, const ir_expr *body,
                               int ndrop, variable *const *drop) {
  check *c = f->c;
  bool through = ir_mentions(body, f->at->u.index);
  for (int k = 0; k < s->rank; k++) through |= ir_mentions(s->lhs[k], f->at->u.index);
  for (int i = 0; i < ndrop; i++)
    if (position_of(f, drop[i]) < 0 && !ir_mentions(body, drop[i]->index))
      body = lower_repeated(c, agg, body, drop[i]->index->extent);
  if (through) return body;
  const ir_expr *some = ir_binary(c->p, IR_LT, ir_int(c->p, 0), f->count);
  const ir_expr *none = ir_agg_neutral(c->p, agg, (ir_type)body->type);
  if (agg == IR_SUM || agg == IR_PROD) return lower_repeated(c, agg, body, f->count);
  return ir_where(c->p, some, body, none);
}

/* The indices outside are the tensor's own: T[i] (agg)= body over copies of them. */
static const ir_expr *define(frame *f, const scatter *s, const char *name, ir_agg agg,
                             const ir_expr *body) {
  check *c = f->c;
  const ir_index *old[64];
  const ir_expr *by[64], *lhs[RUN_RANK];
  int n = 0;
  for (int i = 0; i < f->cl->vars.n && n < 64; i++) {
    const variable *v = f->cl->vars.at[i];
    if (!v->index) continue;
    bool used = ir_mentions(body, v->index);
    for (int k = 0; k < s->rank; k++) used |= ir_mentions(s->lhs[k], v->index);
    if (!used) continue;
    old[n] = v->index;
    by[n++] = ir_use(c->p, ir_index_new(c->p, v->index->name, v->index->extent));
  }
  for (int k = 0; k < s->rank; k++) lhs[k] = ir_substitute(c->p, s->lhs[k], n, old, by);
  ir_tensor *t = ir_tensor_new(c->p, name, (ir_type)body->type, s->rank, s->size, IR_DERIVED);
  t->span = f->cl->stmt->span;
  ir_define(c->p, t, agg, lhs, ir_substitute(c->p, body, n, old, by))->span = f->cl->stmt->span;
  return ir_read(c->p, t, s->at);
}

static ir_agg agg_of(lang_op op) {
  static const ir_agg agg[] = {[LANG_SET] = IR_SUM, [LANG_ADD] = IR_SUM, [LANG_MAX] = IR_MAX,
                               [LANG_MIN] = IR_MIN, [LANG_AVG] = IR_SUM, [LANG_PROD] = IR_PROD};
  return agg[op];
}

static const ir_expr *scattered(frame *f, const node *n, lang_op op, const ir_expr *body, int ndrop,
                                variable *const *drop) {
  check *c = f->c;
  ir_agg agg = agg_of(op);
  if (body->op == IR_CONST && body->type == IR_F64) body = ir_cast(c->p, body, IR_F32);
  if (body->type == IR_BOOL) body = ir_cast(c->p, body, agg == IR_SUM ? IR_I64 : c->type);
  if (op == LANG_AVG && !ir_type_real((ir_type)body->type)) body = ir_cast(c->p, body, IR_F32);
  scatter s = positions(f, body, n, ndrop, drop);
  const char *name = base_format(c->arena, "%s'", f->cl->head->name);
  const ir_expr *total = define(f, &s, name, agg, repeated(f, &s, agg, body, ndrop, drop));
  if (op != LANG_AVG) return total;
  if (!s.rank && total->op == IR_READ)
    ir_require_some(c->p, total->u.tensor, f->count,
                    base_format(c->arena, "%s is an average over nothing", f->cl->head->name),
                    f->cl->stmt->span);
  const ir_expr *one = ir_number(c->p, (ir_type)body->type, 1);
  return ir_binary(c->p, IR_DIV, total,
                   define(f, &s, "Terms", IR_SUM, repeated(f, &s, agg, one, ndrop, drop)));
}

/* ---- from an expression ---------------------------------------------------------------------- */

static bool reduction_op(const node *n, lang_op *op) {
  static const struct {
    const char *name;
    lang_op op;
  } table[] = {{"sum", LANG_ADD}, {"count", LANG_ADD}, {"max", LANG_MAX},
               {"min", LANG_MIN}, {"avg", LANG_AVG},   {"prod", LANG_PROD}};
  for (size_t i = 0; n->e.kind == LANG_CALL && n->e.nindex && i < sizeof table / sizeof *table; i++)
    if (strcmp(table[i].name, n->e.name) == 0 && n->e.n == 1) {
      *op = table[i].op;
      return true;
    }
  return false;
}

/* Something in the ways that the frame around it, if any, does not bind. */
static bool adds(const frame *outer, const support *ways, int n, variable *const *var) {
  for (int i = 0; i < n; i++)
    if (!outer || position_of(outer, var[i]) < 0) return true;
  bool ground = !outer && !n;
  for (int w = 0; ground && w < ways->any.n; w++)
    for (int i = 0; i < ways->any.at[w].atom.n; i++)
      for (int k = 0; k < ways->any.at[w].atom.at[i]->e.n; k++)
        ground &= !child(ways->any.at[w].atom.at[i], k)->var;
  return ground && ways->any.n > 0;
}

static int list_dropped(check *c, const node *n, bool reduces, variable ***drop) {
  int count = reduces ? n->e.nindex : n->sum.n;
  *drop = BASE_NEWS(c->arena, variable *, count + 1);
  for (int i = 0; i < count; i++)
    (*drop)[i] = reduces ? ((const node *)n->e.index[i])->var : n->sum.at[i];
  return count;
}

/* ---- products -------------------------------------------------------------------------------- */

typedef struct product {
  BASE_VEC(const ir_expr *) factors;
} product;

static bool is_product(const node *n) {
  return n->e.kind == LANG_JOIN || n->e.kind == LANG_MULTIPLY;
}

static void lower_factors(check *c, clause *cl, node *n, product *p) {
  for (int i = 0; i < n->e.n; i++) {
    node *x = (node *)n->e.at[i];
    if (is_product(x) && !x->sum.n)
      lower_factors(c, cl, x, p);
    else
      BASE_PUSH(c->arena, &p->factors, lower(c, cl, x));
  }
}

static const ir_expr *multiplied(check *c, const product *p, const ir_index *at, bool with) {
  const ir_expr *e = NULL;
  for (int i = 0; i < p->factors.n; i++)
    if (ir_mentions(p->factors.at[i], at) == with)
      e = e ? lower_combine(c, IR_MUL, e, p->factors.at[i]) : p->factors.at[i];
  return e;
}

/* Agg[n,k] = Neig(n,m) Z[m,d] W[k,d]: what no tuple changes is joined behind the scatter.
 * T[Neig0[e], d] += Z[Neig1[e], d];  Agg[n,k] = T[n,d] W[k,d] */
static const ir_expr *lower_product(frame *f, node *n, int ndrop, variable *const *drop) {
  check *c = f->c;
  clause *cl = f->cl;
  product p = {0};
  lower_factors(c, cl, n, &p);
  const ir_expr *inside = multiplied(c, &p, f->at->u.index, true);
  const ir_expr *outside = multiplied(c, &p, f->at->u.index, false);
  variable **first = BASE_NEWS(c->arena, variable *, ndrop + 1);
  variable **later = BASE_NEWS(c->arena, variable *, ndrop + 1);
  int nfirst = 0, nlater = 0;
  for (int i = 0; i < ndrop; i++) {
    bool waits = outside && position_of(f, drop[i]) < 0 && ir_mentions(outside, drop[i]->index);
    if (waits)
      later[nlater++] = drop[i];
    else
      first[nfirst++] = drop[i];
  }
  if (!inside || !nlater) {
    const ir_expr *body = multiplied(c, &p, f->at->u.index, true);
    if (!body)
      body = outside;
    else if (outside)
      body = lower_combine(c, IR_MUL, body, outside);
    const ir_expr *made = scattered(f, n, LANG_SET, body, ndrop, drop);
    frame_close(f);
    return made;
  }
  const ir_expr *made = scattered(f, n, LANG_SET, inside, nfirst, first);
  frame_close(f);
  made = lower_combine(c, IR_MUL, made, outside);
  return lower_temporary(c, cl, base_format(c->arena, "%s'", cl->head->name), IR_SUM, made, nlater,
                         later);
}

/* In what is dense, a frame is opened where tuples are summed or read, not around what is done
 * with the result. */
static bool opens(const clause *cl, const node *n, lang_op op, bool reduces) {
  bool grad = n->e.kind == LANG_CALL && strcmp(n->e.name, "grad") == 0;
  bool factor = n->e.kind == LANG_DIVIDE || n->e.kind == LANG_AND || is_product(n);
  if (cl->in || op > LANG_ADD || reduces || n->sum.n || sparse_read(n) || grad)
    return true;
  for (int i = 0; factor && i < n->e.n; i++) {
    const node *x = child(n, i);
    while (x->e.kind == LANG_NEGATE) x = child(x, 0);
    if (sparse_read(x)) return true;
  }
  return false;
}

/* VAR less those of the N in LIST: how many stay. */
static int leave_out(variable *const *list, int n, int count, variable **var) {
  int kept = 0;
  for (int i = 0; i < count; i++)
    if (!is_among(var[i], n, list)) var[kept++] = var[i];
  return kept;
}

static const ir_expr *lower_in_frame(check *c, clause *cl, node *n, lang_op op, bool reduces) {
  node *of = reduces ? (node *)n->e.at[0] : n;
  if (!opens(cl, n, op, reduces)) return NULL;
  support ways = op <= LANG_ADD ? support_of(c, of) : support_strict(c, of);
  variable **var = BASE_NEWS(c->arena, variable *, cl->vars.n + 1), **drop;
  if (ways.everywhere || !ways.any.n) return NULL;
  int count = frame_variables(c, cl, &ways, of, var);
  if (reduces) count = leave_out(of->sum.at, of->sum.n, count, var);
  if (!adds(cl->in, &ways, count, var)) return NULL;
  for (int i = 0; cl->in && i < cl->in->n; i++)
    if (!is_among(cl->in->var[i], count, var)) var[count++] = cl->in->var[i];
  int ndrop = list_dropped(c, n, reduces, &drop);
  frame *f = frame_open(c, cl, &ways, count, var, of, NULL);
  if (op <= LANG_ADD && !reduces && is_product(n)) return lower_product(f, n, ndrop, drop);
  const ir_expr *body = reduces ? lower(c, cl, of) : lower_unsummed(c, cl, n);
  if (reduces && strcmp(n->e.name, "count") == 0)
    body = ir_cast(c->p, ir_cast(c->p, body, IR_BOOL), IR_I64);
  const ir_expr *made = scattered(f, n, op, body, ndrop, drop);
  frame_close(f);
  return made;
}

const ir_expr *lower_sparse(check *c, clause *cl, node *n, lang_op op) {
  lang_op own;
  if (!c->program || !c->program->engine || !support_mentions(n)) return NULL;
  if (!n->sum.n && op <= LANG_ADD && reduction_op(n, &own)) return lower_sparse_reduction(c, cl, n);
  return lower_in_frame(c, cl, n, op, false);
}

const ir_expr *lower_sparse_reduction(check *c, clause *cl, node *n) {
  lang_op own;
  bool sparse = c->program && reduction_op(n, &own) && support_mentions(n);
  return sparse ? lower_in_frame(c, cl, n, own, true) : NULL;
}
