/* compile: resolved atoms and expressions as the engine takes them: variables by number, keys,
 * expressions over i64 and f64; reads of tensors become items that bind their values. */
#include "lang/sparse.h"

#include <string.h>

static const node *child(const node *n, int i) { return sparse_child(n, i); }

compiler compile_open(check *c, clause *cl) { return (compiler){.c = c, .cl = cl}; }

/* ---- variables ------------------------------------------------------------------------------- */

static int add_variable(compiler *k, variable *v, const char *name, bool real) {
  base_arena *a = k->c->arena;
  if (k->vars.n == REL_VARIABLES)
    check_refuse(k->c, k->cl->stmt->span, "a rule has at most %d variables", (int)REL_VARIABLES);
  BASE_PUSH(a, &k->vars, v);
  BASE_PUSH(a, &k->names, name);
  BASE_PUSH(a, &k->reals, real);
  return k->vars.n - 1;
}

int compile_variable(compiler *k, variable *v) {
  for (int i = 0; i < k->vars.n; i++)
    if (k->vars.at[i] == v) return i;
  return add_variable(k, v, strcmp(v->name, "_") == 0 ? NULL : v->name, false);
}

int compile_new(compiler *k, const char *name, bool real) {
  return add_variable(k, NULL, name, real);
}

/* ---- terms ----------------------------------------------------------------------------------- */

static void bind(compiler *k, int var, const rel_expr *to) {
  BASE_PUSH(k->c->arena, &k->items, ((rel_item){.kind = REL_BIND, .var = var, .test = to}));
}

static const rel_expr *position(compiler *k, const node *n) {
  bool outer = k->position;
  k->position = true;
  const rel_expr *e = compile_expr(k, n);
  k->position = outer;
  return e;
}

rel_term compile_term(compiler *k, const node *n) {
  int64_t known;
  if (n->var && k->any && strcmp(n->var->name, "_") == 0) return (rel_term){.kind = REL_ANY};
  if (n->var) return (rel_term){.kind = REL_VAR, .var = compile_variable(k, n->var)};
  if (n->e.kind == LANG_STRING) return (rel_term){.kind = REL_KEY, .key = sparse_key(k->c, n)};
  if (check_whole(k->c, n, &known)) return (rel_term){.kind = REL_KEY, .key = known};
  const rel_expr *e = position(k, n);
  int var = compile_new(k, NULL, false);
  bind(k, var, e);
  return (rel_term){.kind = REL_VAR, .var = var};
}

rel_term *compile_terms(compiler *k, const node *n) {
  rel_term *term = BASE_NEWS(k->c->arena, rel_term, n->e.n + 1);
  for (int i = 0; i < n->e.n; i++) term[i] = compile_term(k, child(n, i));
  return term;
}

void compile_atom(compiler *k, const node *n, int value) {
  rel_item item = {.kind = REL_ATOM, .relation = sparse_relation(k->c, n->of), .value = value};
  item.term = compile_terms(k, n);
  BASE_PUSH(k->c->arena, &k->items, item);
}

void compile_way(compiler *k, const way *w) {
  for (int i = 0; i < w->atom.n; i++) compile_atom(k, w->atom.at[i], -1);
}

/* ---- reads ----------------------------------------------------------------------------------- */

rel_dense *compile_dense(check *c, entity *e) {
  if (e->dense) return e->dense;
  const int64_t **symbol = BASE_NEWS(c->arena, const int64_t *, e->rank + 1);
  for (int i = 0; i < e->rank; i++) {
    const lang_domain *d = e->domains ? e->domains[i] : NULL;
    if (!d) continue;
    int64_t *key = BASE_NEWS(c->arena, int64_t, d->n + 1);
    for (int64_t s = 0; s < d->n; s++)
      key[s] = rel_symbol(sparse_engine(c), d->symbol[s], strlen(d->symbol[s]));
    symbol[i] = key;
  }
  lang_reading *r = BASE_NEW(c->arena, lang_reading);
  *r = (lang_reading){.program = c->program, .tensor = e->tensor};
  r->dense = e->dense = rel_dense_new(sparse_engine(c), e->name, e->rank, symbol, lang_fetch, r);
  BASE_PUSH(c->arena, &c->program->readings, r);
  return e->dense;
}

/* The elements of a sparse tensor as a relation with values, filled when a rule needs them. */
static rel_relation *values_of(check *c, entity *e) {
  bool held = e->table && !(e->declared && e->declared->declare.start);
  if (held || e->fold != REL_SET) return sparse_relation(c, e);
  for (int i = 0; i < c->program->readings.n; i++) {
    const lang_reading *r = c->program->readings.at[i];
    if (r->tensor == e->tensor && r->values) return r->values;
  }
  lang_reading *r = BASE_NEW(c->arena, lang_reading);
  *r = (lang_reading){.program = c->program, .tensor = e->tensor};
  r->values = rel_new(sparse_engine(c), e->name, e->rank, REL_ONE, e->type, e->span);
  BASE_PUSH(c->arena, &c->program->readings, r);
  return r->values;
}

static const rel_expr *read(compiler *k, const node *n) {
  entity *of = n->of;
  if (of->kind == NAME_RELATION && k->values) {
    compile_atom(k, n, -1);
    return rel_int(k->c->arena, 1);
  }
  if (of->kind == NAME_RELATION)
    check_refuse(k->c, n->e.span,
                 "%s(...) is an item of the body by itself, not a number\nhelp: separate items by "
                 "commas; `count[y](%s(...))` counts",
                 of->name, of->name);
  if (!of->tensor)
    check_refuse(k->c, n->e.span,
                 "%s depends on %s, whose values it reads: a rule reads tensors "
                 "that are known before",
                 k->cl->head->name, of->name);
  int given = n->e.kind == LANG_READ ? n->e.n : 0;
  if (given != of->rank)
    check_refuse(k->c, n->e.span, "%s has %d position%s; %d %s given here", of->name, of->rank,
                 of->rank == 1 ? "" : "s", given, given == 1 ? "is" : "are");
  rel_item item = {.kind = of->sparse ? REL_ATOM : REL_DENSE};
  item.term = compile_terms(k, n);
  item.value = compile_new(k, NULL, ir_type_real(of->type));
  if (of->sparse)
    item.relation = values_of(k->c, of);
  else
    item.dense = compile_dense(k->c, of);
  BASE_PUSH(k->c->arena, &k->items, item);
  return rel_use(k->c->arena, item.value);
}

/* ---- aggregates in a body -------------------------------------------------------------------- */

static const rel_expr *joined(compiler *k, const node *n);

/* What joins in the argument of count[y](...): atoms, conditions; the rest is the value. */
static const rel_expr *aggregated(compiler *k, const node *n) {
  base_arena *a = k->c->arena;
  bool joins = n->e.kind == LANG_JOIN || n->e.kind == LANG_MULTIPLY || n->e.kind == LANG_AND;
  if (n->e.kind == LANG_ATOM && sparse_read(n)) {
    compile_atom(k, n, -1);
    return NULL;
  }
  if (n->e.kind >= LANG_EQUAL && n->e.kind <= LANG_AT_LEAST) {
    const rel_expr *test = compile_expr(k, n);
    BASE_PUSH(a, &k->items, ((rel_item){.kind = REL_TEST, .test = test}));
    return NULL;
  }
  if (n->e.kind == LANG_NOT) {
    compile_negated(k, child(n, 0));
    return NULL;
  }
  return joins ? joined(k, n) : compile_expr(k, n);
}

/* The factors of a product, or arguments of count[y](A(y), y > 2): a comma joins as in a body. */
static const rel_expr *joined(compiler *k, const node *n) {
  const rel_expr *value = NULL;
  for (int i = 0; i < n->e.n; i++) {
    const rel_expr *one = aggregated(k, child(n, i));
    if (one) value = value ? rel_op(k->c->arena, IR_MUL, value, one, NULL) : one;
  }
  return value;
}

/* By the aggregate; `_` stands in one place, which is inside it. */
static bool is_bound(const node *call, const variable *v) {
  if (strcmp(v->name, "_") == 0) return true;
  for (int i = 0; i < call->e.nindex; i++)
    if (((const node *)call->e.index[i])->var == v) return true;
  return false;
}

/* n = count[y](Edge(x,y)) is a relation of its own, C(x) with a value for each x. */
static const rel_expr *aggregate(compiler *k, const node *n) {
  static const struct {
    const char *name;
    rel_fold fold;
  } folds[] = {{"sum", REL_SUM}, {"count", REL_SUM}, {"max", REL_MAX},
               {"min", REL_MIN}, {"avg", REL_AVG},   {"prod", REL_PROD}};
  int f = 0;
  while (f < 6 && strcmp(folds[f].name, n->e.name) != 0) f++;
  if (f == 6) check_refuse(k->c, n->e.span, "%s[...] cannot stand in a rule", n->e.name);
  check *c = k->c;
  bool counts = strcmp(n->e.name, "count") == 0;
  compiler inner = compile_open(c, k->cl);
  const rel_expr *value = joined(&inner, n);
  if (!value) value = rel_int(c->arena, 1);
  if (counts) value = rel_int(c->arena, 1);
  bool real = folds[f].fold == REL_AVG || compile_real(&inner, value);
  BASE_VEC(const rel_expr *) key = {0};
  rel_item item = {.kind = REL_ATOM, .total = folds[f].fold == REL_SUM};
  item.term = BASE_NEWS(c->arena, rel_term, inner.vars.n + 1);
  for (int i = 0; i < inner.vars.n; i++) {
    variable *v = inner.vars.at[i];
    if (!v || is_bound(n, v)) continue;
    item.term[key.n] = (rel_term){.kind = REL_VAR, .var = compile_variable(k, v)};
    BASE_PUSH(c->arena, &key, rel_use(c->arena, i));
  }
  item.relation =
      rel_new(sparse_engine(c), base_format(c->arena, "%s of %s", n->e.name, k->cl->head->name),
              key.n, folds[f].fold, real ? IR_F64 : IR_I64, n->e.span);
  compile_rule(&inner, item.relation, key.at, value);
  item.value = compile_new(k, NULL, real);
  BASE_PUSH(c->arena, &k->items, item);
  return rel_use(c->arena, item.value);
}

/* ---- expressions ----------------------------------------------------------------------------- */

bool compile_real(const compiler *k, const rel_expr *e) {
  switch (e->kind) {
  case REL_INT: return false;
  case REL_REAL: return true;
  case REL_USE: return k->reals.at[e->var];
  default: break;
  }
  if (e->op == IR_CAST) return ir_type_real(e->to);
  ir_rule rule = ir_ops[e->op].rule;
  if (rule == IR_REAL) return true;
  if (rule == IR_TEST || rule == IR_LOGIC || rule == IR_INTEGER) return false;
  for (int i = rule == IR_CHOOSE; i < ir_ops[e->op].arity; i++)
    if (compile_real(k, e->arg[i])) return true;
  return false;
}

static const rel_expr *op(compiler *k, ir_op f, const rel_expr *a, const rel_expr *b) {
  return rel_op(k->c->arena, f, a, b, NULL);
}

static const rel_expr *operand(compiler *k, const node *n, int i) {
  return compile_expr(k, child(n, i));
}

static const rel_expr *chain(compiler *k, const node *n, ir_op f) {
  const rel_expr *e = operand(k, n, 0);
  for (int i = 1; i < n->e.n; i++) e = op(k, f, e, operand(k, n, i));
  return e;
}

static const rel_expr *call(compiler *k, const node *n) {
  base_arena *a = k->c->arena;
  const char *name = n->e.name;
  const rel_expr *zero = rel_int(a, 0), *one = rel_int(a, 1);
  ir_op f;
  if (n->body) return compile_expr(k, n->body);
  if (n->e.nindex) return aggregate(k, n);
  if (n->e.n == 1 && check_unary(name, &f)) return op(k, f, operand(k, n, 0), NULL);
  if (n->e.n == 1 && strcmp(name, "relu") == 0) return op(k, IR_MAXIMUM, operand(k, n, 0), zero);
  if (n->e.n == 1 && strcmp(name, "step") == 0)
    return rel_op(a, IR_WHERE, op(k, IR_LT, zero, operand(k, n, 0)), one, zero);
  if (strcmp(name, "min") == 0) return chain(k, n, IR_MINIMUM);
  if (strcmp(name, "max") == 0) return chain(k, n, IR_MAXIMUM);
  if (n->e.n == 3 && strcmp(name, "where") == 0)
    return rel_op(a, IR_WHERE, operand(k, n, 0), operand(k, n, 1), operand(k, n, 2));
  if (n->e.n == 3 && strcmp(name, "clamp") == 0)
    return op(k, IR_MINIMUM, op(k, IR_MAXIMUM, operand(k, n, 0), operand(k, n, 1)),
              operand(k, n, 2));
  check_refuse(k->c, n->e.span,
               "%s(...) cannot stand in a rule\nhelp: give it an equation of its "
               "own, and read that: `V[i] = %s(...)`",
               name, name);
}

/* A number of the text, or of a scalar known now. */
static const rel_expr *known(compiler *k, const node *n) {
  base_arena *a = k->c->arena;
  double x;
  int64_t whole;
  if (n->e.kind == LANG_STRING) return rel_int(a, sparse_key(k->c, n));
  if (n->e.kind == LANG_NUMBER && n->e.whole) return rel_int(a, n->e.integer);
  if (check_whole(k->c, n, &whole)) return rel_int(a, whole);
  if (check_constant_number(k->c, n, &x)) return rel_real(a, x);
  return NULL;
}

const rel_expr *compile_expr(compiler *k, const node *n) {
  const rel_expr *e = known(k, n);
  if (e) return e;
  if (n->var) return rel_use(k->c->arena, compile_variable(k, n->var));
  if (n->of) return read(k, n);
  switch (n->e.kind) {
  case LANG_ATOM:
  case LANG_CALL: return call(k, n);
  case LANG_POWER: return chain(k, n, IR_POW);
  case LANG_NEGATE: return op(k, IR_NEG, operand(k, n, 0), NULL);
  case LANG_JOIN:
  case LANG_MULTIPLY: return chain(k, n, IR_MUL);
  case LANG_SUM: return chain(k, n, IR_ADD);
  case LANG_DIVIDE: return chain(k, n, k->position ? IR_QUO : IR_DIV);
  case LANG_MODULO: return chain(k, n, IR_MOD);
  case LANG_EQUAL: return chain(k, n, IR_EQ);
  case LANG_UNEQUAL: return chain(k, n, IR_NE);
  case LANG_LESS: return chain(k, n, IR_LT);
  case LANG_AT_MOST: return chain(k, n, IR_LE);
  case LANG_MORE: return op(k, IR_LT, operand(k, n, 1), operand(k, n, 0));
  case LANG_AT_LEAST: return op(k, IR_LE, operand(k, n, 1), operand(k, n, 0));
  case LANG_NOT: return op(k, IR_NOT, operand(k, n, 0), NULL);
  case LANG_AND: return chain(k, n, IR_AND);
  case LANG_OR: return chain(k, n, IR_OR);
  default: check_refuse(k->c, n->e.span, "%s cannot stand in a rule", lang_kind_name(n->e.kind));
  }
}

/* ---- rules ----------------------------------------------------------------------------------- */

void compile_rule(compiler *k, rel_relation *head, const rel_expr *const *key,
                  const rel_expr *value) {
  base_arena *a = k->c->arena;
  rel_rule *rule = BASE_NEW(a, rel_rule);
  int arity = rel_arity(head);
  *rule = (rel_rule){.head = head,
                     .value = value,
                     .nvars = k->vars.n,
                     .name = k->names.at,
                     .real = k->reals.at,
                     .n = k->items.n,
                     .item = k->items.at,
                     .text = k->cl->stmt->source,
                     .span = k->cl->stmt->span};
  rule->key = BASE_NEWS(a, const rel_expr *, arity + 1);
  for (int i = 0; i < arity; i++) rule->key[i] = key[i];
  rel_add(sparse_engine(k->c), rule);
}
