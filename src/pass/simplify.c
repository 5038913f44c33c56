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
  fate *fate;            /* by tensor id */
  base_map *known;       /* equations up to the names of indices -> tensor */
  const ir_eq **one_hot; /* by tensor id: Y[b,c] = where(T[b] == c, .., 0) for all of Y, or NULL */
  base_map *bodies;      /* what equations without projection compute, likewise -> body_of */
  base_map *sums;        /* projections, their heads in any order of positions -> body_of */
  pass_indices pool;     /* the indices that stand for all others in such a key */
} simplifying;

/* ---- copies, constants and twins ------------------------------------------------------------- */

static const ir_expr *replace_read(ir_program *p, const ir_expr *e, void *arg) {
  simplifying *s = arg;
  if (e->op != IR_READ) return e;
  const fate *f = &s->fate[e->u.tensor->id];
  if (f->twin) return ir_read(p, f->twin, e->arg);
  if (!f->copy) return e;
  const ir_expr *value = ir_substitute(p, f->copy->body, f->copy->nfree, f->copy->free, e->arg);
  return ir_cast(p, ir_cast(p, value, e->u.tensor->type), (ir_type)e->type);
}

/* The one equation of T where it defines Y[i,j] for all of Y, else NULL. */
static const ir_eq *whole(const ir_tensor *t) {
  const ir_eq *eq = t->eqs.n == 1 ? t->eqs.at[0] : NULL;
  if (!eq || eq->nfree != t->rank) return NULL;
  for (int k = 0; k < t->rank; k++)
    if (eq->lhs[k]->op != IR_INDEX || eq->lhs[k]->u.index != eq->free[k] ||
        eq->free[k]->extent != t->size[k])
      return NULL;
  return eq;
}

/* The same where it projects nothing: Y[i,j] = body. */
static const ir_eq *whole_map(const ir_tensor *t) {
  const ir_eq *eq = whole(t);
  return eq && eq->agg == IR_SET ? eq : NULL;
}

/* Y[i,j] = a read at affine positions, or a constant. */
static bool is_copy(ir_program *p, const ir_eq *eq) {
  const ir_tensor *t = eq->head;
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

/* ---- bodies that a tensor holds -------------------------------------------------------------- */

typedef struct body_of {
  const ir_eq *eq;
  pass_indices order; /* its indices, as the body mentions them */
} body_of;

typedef struct mentioning {
  base_arena *arena;
  pass_indices *all;
} mentioning;

static void mention(void *arg, const ir_expr *e) {
  mentioning *m = arg;
  if (e->op == IR_INDEX) BASE_PUSH(m->arena, m->all, e->u.index);
}

/* BODY with stand-ins for its indices, which ORDER gets. */
static const ir_expr *body_key(simplifying *s, const ir_expr *body, pass_indices *order) {
  pass_indices used = {0};
  mentioning m = {s->arena, order};
  ir_each(body, mention, &m);
  const ir_expr **to = BASE_NEWS(s->arena, const ir_expr *, order->n + 1);
  for (int i = 0; i < order->n; i++) to[i] = stand_in(s, &used, order->at[i]);
  return ir_substitute(s->p, body, order->n, order->at, to);
}

/* Worth a read of memory, and not the product of a contraction, which is never stored. */
static bool is_shared(const ir_eq *eq) {
  return ir_cost(eq->body) > 2 && eq->body->op != IR_MUL &&
         ir_type_computed(eq->head->type) == eq->head->type;
}

static void keep_body(simplifying *s, const ir_eq *eq) {
  if (!is_shared(eq)) return;
  body_of *b = BASE_NEW(s->arena, body_of);
  b->eq = eq;
  const ir_expr *key = body_key(s, eq->body, &b->order);
  bool all = b->order.n == eq->nfree;
  if (all && !base_map_get(s->bodies, &key, sizeof key))
    base_map_put(s->bodies, &key, sizeof key, b);
}

/* G[h] += where(Y[b,h] <= 0, 0, D[b,h]) is the sum of T[b,h] where that is what T is. */
static void share_body(simplifying *s, ir_eq *eq) {
  if (eq->nred == 0 || eq->body->op == IR_MUL || ir_cost(eq->body) <= 2) return;
  pass_indices order = {0};
  const ir_expr *key = body_key(s, eq->body, &order);
  const body_of *b = base_map_get(s->bodies, &key, sizeof key);
  if (!b) return;
  const ir_expr **position = BASE_NEWS(s->arena, const ir_expr *, b->eq->nfree + 1);
  for (int k = 0; k < b->eq->nfree; k++)
    for (int i = 0; i < order.n; i++)
      if (b->order.at[i] == b->eq->free[k]) position[k] = ir_use(s->p, order.at[i]);
  eq->body = ir_read(s->p, b->eq->head, position);
}

static void share_bodies(simplifying *s) {
  for (int i = 0; i < s->p->tensors.n; i++) {
    const ir_eq *map = whole_map(s->p->tensors.at[i]);
    if (map) keep_body(s, map);
  }
  for (int i = 0; i < s->p->tensors.n; i++)
    for (int k = 0; k < s->p->tensors.at[i]->eqs.n; k++)
      share_body(s, s->p->tensors.at[i]->eqs.at[k]);
}

/* Y[b,c] = where(T[b] == c, .., 0), and no more in it than is cheap. */
static bool is_one_hot(const ir_eq *eq) {
  return eq->body->op == IR_WHERE && ir_is_const(eq->body->arg[2], 0) && ir_cost(eq->body) < 30 &&
         ir_type_computed(eq->head->type) == eq->head->type;
}

/* ---- tensors with the same equations --------------------------------------------------------- */

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

static int place_of(const ir_index *index, int n, const ir_index *const *list) {
  for (int k = 0; k < n; k++)
    if (list[k] == index) return k;
  return -1;
}

/* A projection in ORDER of its indices in the body; what it does with them but for where they stand
 * in its head. */
static base_text turned_key(simplifying *s, const ir_eq *eq, pass_indices *order) {
  base_text key = base_text_open(s->arena);
  put_pointer(&key, body_key(s, eq->body, order));
  base_putf(&key, "%d.%d.", (int)eq->head->type, (int)eq->agg);
  for (int i = 0; i < order->n; i++)
    base_put(&key, place_of(order->at[i], eq->nfree, eq->free) < 0 ? "r" : "f");
  return key;
}

/* T[h,m] += W[h,d] G[m,d] beside an earlier Y[m,h] += W[h,d] G[m,d] becomes T[h,m] = Y[m,h]. */
static void copy_turned(simplifying *s, ir_tensor *t) {
  const ir_eq *eq = whole(t);
  if (!eq || eq->nred == 0 || t->rank < 2 || ir_reads(eq->body, t)) return;
  body_of *b = BASE_NEW(s->arena, body_of);
  b->eq = eq;
  base_text key = turned_key(s, eq, &b->order);
  if (b->order.n != eq->nfree + eq->nred) return;
  const body_of *earlier = base_map_get(s->sums, key.at, key.n);
  if (!earlier) {
    base_map_put(s->sums, key.at, key.n, b);
    return;
  }
  const ir_expr **position = BASE_NEWS(s->p->arena, const ir_expr *, t->rank + 1);
  const ir_expr **turned = BASE_NEWS(s->p->arena, const ir_expr *, t->rank + 1);
  ir_positions(s->p, t, position);
  for (int k = 0; k < t->rank; k++) {
    int at = place_of(earlier->eq->free[k], earlier->order.n, earlier->order.at);
    turned[k] = position[place_of(b->order.at[at], t->rank, eq->free)];
  }
  ir_undefine(t);
  ir_define(s->p, t, IR_SET, position, ir_read(s->p, earlier->eq->head, turned));
}

static bool is_asked(const ir_program *p, const ir_tensor *t) {
  for (int i = 0; i < p->outputs.n; i++)
    if (p->outputs.at[i] == t) return true;
  for (int i = 0; i < p->commits.n; i++)
    if (p->commits.at[i].value == t) return true;
  return false;
}

/* ---- one tensor after the other -------------------------------------------------------------- */

typedef struct visiting {
  simplifying *s;
  BASE_VEC(const ir_expr *) reads;
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
  simplify_projections(s->p, s->arena, s->one_hot, eq);
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
  ir_tensor *twin = twin_of(s, t);
  if (!twin) copy_turned(s, t);
  const ir_eq *map = whole_map(t);
  if (map && is_copy(s->p, map)) s->fate[t->id].copy = map;
  if (map && is_one_hot(map)) s->one_hot[t->id] = map;
  if (!twin) return;
  s->fate[t->id].twin = twin;
  const ir_expr **position = BASE_NEWS(s->p->arena, const ir_expr *, t->rank + 1);
  ir_positions(s->p, t, position);
  ir_undefine(t);
  if (is_asked(s->p, t)) ir_define(s->p, t, IR_SET, position, ir_read(s->p, twin, position));
}

/* ---- the whole ------------------------------------------------------------------------------- */

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

/* Tensors without elements have nothing to define. */
static void drop_empty(ir_program *p) {
  for (int i = 0; i < p->tensors.n; i++)
    for (int k = 0; k < p->tensors.at[i]->rank; k++)
      if (ir_is_const(p->tensors.at[i]->size[k], 0)) ir_undefine(p->tensors.at[i]);
}

static const ir_expr *replace_twin(ir_program *p, const ir_expr *e, void *arg) {
  const simplifying *s = arg;
  ir_tensor *twin = e->op == IR_READ ? s->fate[e->u.tensor->id].twin : NULL;
  return twin ? ir_read(p, twin, e->arg) : e;
}

/* In a recurrence a tensor may have been read before it turned out to be another's twin. */
static void redirect_twins(simplifying *s) {
  for (int t = 0; t < s->p->tensors.n; t++)
    for (int i = 0; i < s->p->tensors.at[t]->eqs.n; i++) {
      ir_eq *eq = s->p->tensors.at[t]->eqs.at[i];
      for (int k = 0; k < eq->head->rank; k++)
        eq->lhs[k] = ir_rewrite(s->p, eq->lhs[k], replace_twin, s);
      eq->body = ir_rewrite(s->p, eq->body, replace_twin, s);
    }
}

/* What Y is a copy of, all of it as it is, if that may become Y itself; else NULL. */
static ir_tensor *original_of(const ir_program *p, const ir_tensor *y) {
  const ir_eq *map = whole_map(y);
  if (!map || map->body->op != IR_READ) return NULL;
  ir_tensor *t = map->body->u.tensor;
  bool same = t->role == IR_DERIVED && t->type == y->type && t->rank == y->rank && t != y;
  for (int k = 0; same && k < t->rank; k++)
    same = t->size[k] == y->size[k] && map->body->arg[k] == map->lhs[k];
  return same && t->eqs.n > 0 && !is_asked(p, t) ? t : NULL;
}

/* An output that is but a copy takes the equations of its original. */
static void drop_originals(simplifying *s) {
  ir_program *p = s->p;
  for (int i = 0; i < p->outputs.n; i++) {
    ir_tensor *y = p->outputs.at[i], *t = original_of(p, y);
    if (!t) continue;
    ir_undefine(y);
    for (int k = 0; k < t->eqs.n; k++) {
      t->eqs.at[k]->head = y;
      BASE_PUSH(p->arena, &y->eqs, t->eqs.at[k]);
    }
    ir_undefine(t);
    s->fate[t->id].twin = y;
    redirect_twins(s);
  }
}

void pass_simplify(ir_program *p) {
  base_arena *arena = base_arena_child(p->arena);
  drop_empty(p);
  drop_dead(p, arena);
  simplifying s = {.p = p, .arena = arena, .known = base_map_open(arena)};
  s.bodies = base_map_open(arena);
  s.sums = base_map_open(arena);
  s.fate = BASE_NEWS(arena, fate, p->tensors.n + 1);
  s.one_hot = BASE_NEWS(arena, const ir_eq *, p->tensors.n + 1);
  for (int i = 0; i < p->tensors.n; i++)
    if (!s.fate[i].visited) visit(&s, p->tensors.at[i]);
  redirect_twins(&s);
  drop_originals(&s);
  share_bodies(&s);
  simplify_shrink(p, arena);
  drop_dead(p, arena);
  base_arena_close(arena);
}
