/* simplify: what is nobody's, what is there twice, and what an equation says in too many words.
 * Tensors are taken in the order they need each other, so that what became of one is known when it
 * is read. */
#include "pass/private.h"

typedef struct fate { /* what takes the place of a tensor's reads */
  bool visited;
  const ir_eq *copy; /* Y[i,j] = X[j,i] or a constant: the body */
  ir_tensor *twin;   /* another tensor with the same equations */
} fate;

typedef struct simplifying {
  ir_program *p;
  base_arena *arena;
  fate *fate;        /* by tensor id */
  base_map *known;   /* equations up to the names of indices -> tensor */
  pass_indices pool; /* the indices that stand for all others in such a key */
} simplifying;

/* ---- projections that are none
 * -------------------------------------------------------------------- */

static void drop_red(ir_eq *eq, int at) {
  eq->nred--;
  for (int i = at; i < eq->nred; i++) eq->red[i] = eq->red[i + 1];
}

/* BODY aggregated COUNT times over. */
static const ir_expr *repeated(ir_program *p, ir_agg agg, const ir_expr *body,
                               const ir_expr *count) {
  const ir_expr *times = ir_cast(p, count, (ir_type)body->type);
  if (agg == IR_SUM) return ir_binary(p, body->type == IR_BOOL ? IR_AND : IR_MUL, body, times);
  if (agg == IR_PROD && body->type != IR_BOOL && ir_type_real((ir_type)body->type))
    return ir_binary(p, IR_POW, body, times);
  if (ir_less_equal(p, ir_int(p, 1), count))
    return agg == IR_PROD && body->type == IR_I64 ? NULL : body;
  if (agg == IR_PROD) return NULL;
  return ir_where(p, ir_binary(p, IR_LT, ir_int(p, 0), count), body,
                  ir_agg_neutral(p, agg, (ir_type)body->type));
}

static void drop_absent(ir_program *p, ir_eq *eq) {
  for (int i = eq->nred - 1; i >= 0; i--) {
    const ir_index *index = eq->red[i];
    const ir_expr *zero = ir_int(p, 0);
    if (ir_is_const(index->extent, 1)) eq->body = ir_substitute(p, eq->body, 1, &index, &zero);
    if (ir_mentions(eq->body, index)) continue;
    const ir_expr *body = repeated(p, eq->agg, eq->body, index->extent);
    if (!body) continue;
    eq->body = body;
    drop_red(eq, i);
  }
}

/* ---- one-hot sums: Y[b] += where(T[b] == c, V[b,c], 0) -> Y[b] = where(0 <= T[b] < C, V[b,T[b]],
 * 0) -- */

typedef BASE_VEC(const ir_expr *) exprs;

static void split_and(base_arena *arena, const ir_expr *test, exprs *out) {
  if (test->op == IR_AND) {
    split_and(arena, test->arg[0], out);
    split_and(arena, test->arg[1], out);
  } else {
    BASE_PUSH(arena, out, test);
  }
}

/* What INDEX must be for TEST to hold, NULL: it does not say. */
static const ir_expr *determined(ir_program *p, const ir_expr *test, const ir_index *index) {
  const ir_expr *c, *rest;
  if (test->op != IR_EQ || test->arg[0]->type != IR_I64 || !ir_mentions(test, index)) return NULL;
  if (!pass_linear(p, ir_binary(p, IR_SUB, test->arg[0], test->arg[1]), index, &c, &rest))
    return NULL;
  if (ir_is_const(c, 1)) return ir_unary(p, IR_NEG, rest);
  return ir_is_const(c, -1) ? rest : NULL;
}

/* E = where(test, value, neutral), where a factor of a product may be the where(). */
static bool guarded(ir_program *p, ir_agg agg, const ir_expr *e, const ir_expr **test,
                    const ir_expr **value) {
  const ir_expr *neutral = ir_agg_neutral(p, agg, (ir_type)e->type);
  if (e->op == IR_WHERE && e->arg[2] == neutral) {
    *test = e->arg[0];
    *value = e->arg[1];
    return true;
  }
  if (agg != IR_SUM) return false;
  if (e->op == IR_CAST && e->arg[0]->type == IR_BOOL) {
    *test = e->arg[0];
    *value = ir_number(p, (ir_type)e->type, 1);
    return true;
  }
  if (e->op != IR_MUL && e->op != IR_DIV && e->op != IR_NEG) return false;
  for (int k = 0; k < (e->op == IR_MUL ? 2 : 1); k++) {
    if (!guarded(p, agg, e->arg[k], test, value)) continue;
    const ir_expr *arg[] = {k == 0 ? *value : e->arg[0], e->n == 1 ? NULL
                                                         : k == 1  ? *value
                                                                   : e->arg[1]};
    *value = ir_apply(p, (ir_op)e->op, arg);
    return true;
  }
  return false;
}

/* The equation at INDEX = VALUE, the only place where its body is not neutral. */
static void collapse(ir_program *p, ir_eq *eq, const exprs *tests, const ir_expr *body,
                     const ir_index *index, const ir_expr *value) {
  const ir_expr *neutral = ir_agg_neutral(p, eq->agg, (ir_type)body->type);
  const ir_expr *result = ir_substitute(p, body, 1, &index, &value);
  for (int data = 1; data >= 0; data--) { /* what reads data is tested inside */
    const ir_expr *all = ir_bool(p, true);
    for (int i = 0; i < tests->n; i++) {
      const ir_expr *test = ir_substitute(p, tests->at[i], 1, &index, &value);
      if (pass_has_read(test) == (data == 1)) all = ir_binary(p, IR_AND, all, test);
    }
    result = ir_where(p, all, result, neutral);
  }
  eq->body = ir_where(p, ir_inside(p, value, index->extent), result, neutral);
}

static bool drop_one_hot(simplifying *s, ir_eq *eq) {
  const ir_expr *test, *value;
  if (eq->agg == IR_SET || !guarded(s->p, eq->agg, eq->body, &test, &value)) return false;
  exprs tests = {0};
  split_and(s->arena, test, &tests);
  for (int i = 0; i < eq->nred; i++)
    for (int k = 0; k < tests.n; k++) {
      const ir_expr *at = determined(s->p, tests.at[k], eq->red[i]);
      if (!at) continue;
      collapse(s->p, eq, &tests, value, eq->red[i], at);
      drop_red(eq, i);
      return true;
    }
  return false;
}

static void simplify_eq(simplifying *s, ir_eq *eq) {
  do drop_absent(s->p, eq);
  while (drop_one_hot(s, eq));
  if (eq->nred == 0 && eq->agg != IR_SET && ir_window(eq)) eq->agg = IR_SET;
}

/* ---- copies, constants and twins
 * ------------------------------------------------------------------- */

static const ir_expr *replace_read(ir_program *p, const ir_expr *e, void *arg) {
  simplifying *s = arg;
  if (e->op != IR_READ) return e;
  const fate *f = &s->fate[e->u.tensor->id];
  if (f->twin) return ir_read(p, f->twin, e->arg);
  if (!f->copy) return e;
  const ir_expr *value = ir_substitute(p, f->copy->body, f->copy->nfree, f->copy->free, e->arg);
  return ir_cast(p, ir_cast(p, value, e->u.tensor->type), (ir_type)e->type);
}

/* Y[i,j] = a read at affine positions, or a constant, for all of Y. */
static bool is_copy(ir_program *p, const ir_tensor *t) {
  const ir_eq *eq = t->eqs.n == 1 ? t->eqs.at[0] : NULL;
  if (!eq || eq->agg != IR_SET || eq->nfree != t->rank) return false;
  for (int k = 0; k < t->rank; k++)
    if (eq->lhs[k]->op != IR_INDEX || eq->lhs[k]->u.index != eq->free[k] ||
        eq->free[k]->extent != t->size[k])
      return false;
  if (eq->body->op == IR_CONST) return true;
  if (eq->body->op != IR_READ || eq->body->u.tensor->type != t->type || eq->body->u.tensor == t)
    return false;
  ir_affine view;
  for (int k = 0; k < eq->body->n; k++)
    if (!ir_affine_of(p, eq->body->arg[k], &view)) return false;
  return true;
}

/* The stand-in of the k-th index of an equation: the same for the same extent. */
static const ir_expr *stand_in(simplifying *s, pass_indices *used, const ir_index *index) {
  const ir_index *found = NULL;
  for (int i = 0; i < s->pool.n && !found; i++) {
    bool free = s->pool.at[i]->extent == index->extent;
    for (int k = 0; k < used->n; k++) free = free && used->at[k] != s->pool.at[i];
    if (free) found = s->pool.at[i];
  }
  if (!found) {
    found = ir_index_new(s->p, index->name, index->extent);
    BASE_PUSH(s->arena, &s->pool, found);
  }
  BASE_PUSH(s->arena, used, found);
  return ir_use(s->p, found);
}

static void put_pointer(base_text *key, const void *pointer) {
  base_put_n(key, (const char *)&pointer, sizeof pointer);
}

static void put_eq(simplifying *s, base_text *key, const ir_eq *eq) {
  pass_indices used = {0};
  int n = eq->nfree + eq->nred;
  const ir_index **from = BASE_NEWS(s->arena, const ir_index *, n + 1);
  const ir_expr **to = BASE_NEWS(s->arena, const ir_expr *, n + 1);
  for (int i = 0; i < n; i++) {
    from[i] = i < eq->nfree ? eq->free[i] : eq->red[i - eq->nfree];
    to[i] = stand_in(s, &used, from[i]);
    put_pointer(key, to[i]);
  }
  base_putf(key, "%d.%d.", (int)eq->agg, eq->nred);
  for (int k = 0; k < eq->head->rank; k++)
    put_pointer(key, ir_substitute(s->p, eq->lhs[k], n, from, to));
  put_pointer(key, ir_substitute(s->p, eq->body, n, from, to));
}

/* An earlier tensor with the same equations; trivial ones are not looked for. */
static ir_tensor *twin_of(simplifying *s, ir_tensor *t) {
  if (t->eqs.n == 0) return NULL;
  base_text key = base_text_open(s->arena);
  base_putf(&key, "%d.%d.", (int)t->type, t->rank);
  for (int k = 0; k < t->rank; k++) put_pointer(&key, t->size[k]);
  for (int i = 0; i < t->eqs.n; i++) {
    ir_eq *eq = t->eqs.at[i];
    if (t->eqs.n == 1 && (eq->body->op == IR_READ || eq->body->op == IR_CONST) && eq->nred == 0)
      return NULL;
    put_eq(s, &key, eq);
  }
  ir_tensor *twin = base_map_get(s->known, key.at, key.n);
  if (!twin) base_map_put(s->known, key.at, key.n, t);
  return twin;
}

static bool is_asked(const ir_program *p, const ir_tensor *t) {
  for (int i = 0; i < p->outputs.n; i++)
    if (p->outputs.at[i] == t) return true;
  for (int i = 0; i < p->commits.n; i++)
    if (p->commits.at[i].value == t) return true;
  return false;
}

/* ---- one tensor after the other
 * --------------------------------------------------------------------- */

typedef struct visiting {
  simplifying *s;
  exprs reads;
} visiting;

static void note_tensor(void *arg, const ir_expr *e) {
  visiting *v = arg;
  if (e->op == IR_READ && !v->s->fate[e->u.tensor->id].visited)
    BASE_PUSH(v->s->arena, &v->reads, e);
}

static void rewrite_eq(simplifying *s, ir_eq *eq) {
  const ir_expr **lhs = BASE_NEWS(s->p->arena, const ir_expr *, eq->head->rank + 1);
  for (int k = 0; k < eq->head->rank; k++) lhs[k] = ir_rewrite(s->p, eq->lhs[k], replace_read, s);
  eq->lhs = lhs;
  eq->body = ir_rewrite(s->p, eq->body, replace_read, s);
  simplify_eq(s, eq);
}

static void visit(simplifying *s, ir_tensor *t) {
  s->fate[t->id].visited = true;
  visiting v = {.s = s};
  for (int i = 0; i < t->eqs.n; i++) {
    ir_each(t->eqs.at[i]->body, note_tensor, &v);
    for (int k = 0; k < t->rank; k++) ir_each(t->eqs.at[i]->lhs[k], note_tensor, &v);
  }
  for (int i = 0; i < v.reads.n; i++)
    if (!s->fate[v.reads.at[i]->u.tensor->id].visited) visit(s, v.reads.at[i]->u.tensor);
  for (int i = 0; i < t->eqs.n; i++) rewrite_eq(s, t->eqs.at[i]);
  if (is_copy(s->p, t)) s->fate[t->id].copy = t->eqs.at[0];
  ir_tensor *twin = twin_of(s, t);
  if (!twin) return;
  s->fate[t->id].twin = twin;
  const ir_expr **position = BASE_NEWS(s->p->arena, const ir_expr *, t->rank + 1);
  ir_positions(s->p, t, position);
  ir_undefine(t);
  if (is_asked(s->p, t)) ir_define(s->p, t, IR_SET, position, ir_read(s->p, twin, position));
}

/* ---- the whole
 * ------------------------------------------------------------------------------------- */

typedef struct needing {
  bool *needed; /* by tensor id */
  base_arena *arena;
  BASE_VEC(ir_tensor *) todo;
} needing;

static void need(needing *n, ir_tensor *t) {
  if (n->needed[t->id]) return;
  n->needed[t->id] = true;
  BASE_PUSH(n->arena, &n->todo, t);
}

static void need_read(void *arg, const ir_expr *e) {
  if (e->op == IR_READ) need(arg, e->u.tensor);
}

/* Drop the equations of what neither an output nor a commit leads to. */
static void drop_dead(ir_program *p, base_arena *arena) {
  needing n = {.needed = BASE_NEWS(arena, bool, p->tensors.n + 1), .arena = arena};
  for (int i = 0; i < p->outputs.n; i++) need(&n, p->outputs.at[i]);
  for (int i = 0; i < p->commits.n; i++) need(&n, p->commits.at[i].value);
  while (n.todo.n > 0) {
    ir_tensor *t = n.todo.at[--n.todo.n];
    for (int i = 0; i < t->eqs.n; i++) {
      ir_each(t->eqs.at[i]->body, need_read, &n);
      for (int k = 0; k < t->rank; k++) ir_each(t->eqs.at[i]->lhs[k], need_read, &n);
    }
  }
  for (int i = 0; i < p->tensors.n; i++)
    if (!n.needed[i]) ir_undefine(p->tensors.at[i]);
}

void pass_simplify(ir_program *p) {
  base_arena *arena = base_arena_child(p->arena);
  drop_dead(p, arena);
  simplifying s = {.p = p, .arena = arena, .known = base_map_open(arena)};
  s.fate = BASE_NEWS(arena, fate, p->tensors.n + 1);
  for (int i = 0; i < p->tensors.n; i++)
    if (!s.fate[i].visited) visit(&s, p->tensors.at[i]);
  drop_dead(p, arena);
  base_arena_close(arena);
}
