/* verify: what holds of a program after every pass. A violation is a bug of a pass, so the message
 * names the pass and the equation. */
#include <string.h>

#include "ir/private.h"

enum { VISITS = 20000, PAIRS = 64 };

typedef struct verifier {
  ir_program *p;
  const char *after;
  const ir_eq *eq;
  const ir_facts *loops;     /* the ranges of the counters around eq */
  ir_walk *walk;             /* image of a node: itself if a read below it needs its guard */
  int visits;
} verifier;

_Noreturn static void refuse(verifier *v, const char *what) {
  base_text text = base_text_open(v->p->arena);
  if (v->eq != NULL) ir_print_eq(&text, v->eq);
  base_span span = v->eq != NULL ? v->eq->span : base_nowhere;
  base_raise(v->p->ctx, BASE_RUNTIME, span, "after %s: %s%s%s", v->after, what,
             v->eq != NULL ? ": " : "", text.at);
}

#define REFUSE(v, ...) refuse((v), base_format((v)->p->arena, __VA_ARGS__))

/* ---- types and indices ----------------------------------------------------------------------- */

static bool has_index(const ir_eq *eq, const ir_index *index) {
  for (int i = 0; i < eq->nfree; i++)
    if (eq->free[i] == index) return true;
  for (int i = 0; i < eq->nred; i++)
    if (eq->red[i] == index) return true;
  return false;
}

static void check_read(verifier *v, const ir_expr *e) {
  const ir_tensor *t = e->u.tensor;
  if (t->id >= v->p->tensors.n || v->p->tensors.at[t->id] != t)
    REFUSE(v, "%s is not a tensor of this program", t->name);
  if (e->n != t->rank)
    REFUSE(v, "%s has rank %d and is read at %d positions", t->name, t->rank, e->n);
  if ((ir_type)e->type != ir_type_computed(t->type))
    REFUSE(v, "%s is %s and is read as %s", t->name, ir_type_name(t->type),
           ir_type_name((ir_type)e->type));
}

static void check_types(verifier *v, const ir_expr *e) {
  ir_rule rule = ir_ops[e->op].rule;
  for (int i = 0; i < e->n; i++) {
    ir_type type = (ir_type)e->arg[i]->type, want = (ir_type)e->arg[e->n - 1]->type;
    if (e->op == IR_READ || e->op == IR_RANDOM || rule == IR_INTEGER) want = IR_I64;
    if (rule == IR_LOGIC || (e->op == IR_WHERE && i == 0)) want = IR_BOOL;
    if (type != want)
      REFUSE(v, "%s has an argument of type %s, not %s", ir_ops[e->op].name, ir_type_name(type),
             ir_type_name(want));
  }
}

static void check_nodes(verifier *v, const ir_expr *root) {
  if (root->table != v->p->table) REFUSE(v, "an expression of another program");
  ir_walk *w = ir_walk_open(root);
  for (const ir_expr *e; (e = ir_walk_next(w)) != NULL;) {
    check_types(v, e);
    if (e->op == IR_READ) check_read(v, e);
    if (e->op == IR_INDEX && !has_index(v->eq, e->u.index))
      REFUSE(v, "the index %s is not one of the equation's", e->u.index->name);
  }
  ir_walk_close(w, root);
}

static void check_indices(verifier *v, int n, const ir_index *const *index, bool free) {
  const ir_eq *eq = v->eq;
  for (int i = 0; i < n; i++) {
    bool left = false;
    for (int k = 0; k < eq->head->rank; k++) left = left || ir_mentions(eq->lhs[k], index[i]);
    if (left && !free) REFUSE(v, "the index %s is projected and on the left", index[i]->name);
    if (free && !left) REFUSE(v, "the index %s is not on the left", index[i]->name);
    const ir_expr *extent = index[i]->extent;
    if (extent->type != IR_I64 || ir_holds_index(extent) || ir_holds_data(extent))
      REFUSE(v, "the extent of index %s is not a size", index[i]->name);
  }
}

static void check_shape(verifier *v) {
  const ir_eq *eq = v->eq;
  check_indices(v, eq->nfree, eq->free, true);
  check_indices(v, eq->nred, eq->red, false);
  for (int k = 0; k < eq->head->rank; k++) {
    check_nodes(v, eq->lhs[k]);
    if (eq->lhs[k]->type != IR_I64) REFUSE(v, "position %d on the left is no integer", k + 1);
  }
  check_nodes(v, eq->body);
  if ((ir_type)eq->body->type != ir_type_computed(eq->head->type))
    REFUSE(v, "%s is %s and its body is %s", eq->head->name, ir_type_name(eq->head->type),
           ir_type_name((ir_type)eq->body->type));
  if (eq->agg != IR_SET) return;
  if (eq->nred > 0) REFUSE(v, "the index %s is projected by no operator", eq->red[0]->name);
  if (!ir_window(eq)) REFUSE(v, "elements would be set more than once");
}

/* ---- bounds of one position ------------------------------------------------------------------ */

typedef struct place { const ir_expr *position, *size; } place;

/* Proven without guards: true of these two expressions for good, so remembered. */
static bool always_inside(verifier *v, const ir_expr *position, const ir_expr *size) {
  if (position->op == IR_INDEX && position->u.index->extent == size) return true;
  place key = {position, size};
  struct ir_table *table = v->p->table;
  if (base_map_get(table->inside, &key, sizeof key) != NULL) return true;
  const ir_expr *last = ir_sum(v->p, size, -1, ir_int(v->p, 1));
  if (!ir_never_negative(v->p, position) || !ir_less_equal(v->p, position, last)) return false;
  base_map_put(table->inside, &key, sizeof key, table);
  return true;
}

/* 0 <= position < size under the facts, else left to be checked when the sizes are known. */
static void check_position(verifier *v, const ir_facts *known, const ir_expr *position,
                           const ir_tensor *t, int k) {
  ir_program *p = v->p;
  if (always_inside(v, position, t->size[k])) return;
  ir_facts f = *known;
  ir_facts_indices(&f, position);
  const ir_expr *last = ir_sum(p, t->size[k], -1, ir_int(p, 1));
  const char *message = base_format(p->arena, "%s is indexed beyond its size at position %d",
                                    t->name, k + 1);
  if (!ir_prove(&f, position)) {
    const ir_expr *least = ir_bound(&f, position, false);
    if (least == NULL) REFUSE(v, "position %d of %s may be negative", k + 1, t->name);
    if (least->op == IR_CONST && least->u.integer < 0)
      REFUSE(v, "position %d of %s goes down to %lld", k + 1, t->name, (long long)least->u.integer);
    ir_require_that(p, ir_int(p, 0), least, true, message, v->eq->span);
  }
  if (!ir_prove(&f, ir_sum(p, last, -1, position))) {
    const ir_expr *most = ir_bound(&f, position, true);
    if (most == NULL) REFUSE(v, "position %d of %s has no bound", k + 1, t->name);
    const ir_expr *left = ir_sum(p, last, -1, most);
    if (left->op == IR_CONST && left->u.integer < 0)
      REFUSE(v, "position %d of %s goes %lld too far", k + 1, t->name, -(long long)left->u.integer);
    ir_require_that(p, most, last, true, message, v->eq->span);
  }
}

/* ---- reads and their guards ------------------------------------------------------------------ */

static bool plainly_inside(verifier *v, const ir_expr *e) {
  for (int k = 0; k < e->n; k++)
    if (!always_inside(v, e->arg[k], e->u.tensor->size[k])) return false;
  return true;
}

static void check_reads(verifier *v, const ir_facts *f, const ir_expr *e) {
  if (v->walk->image[e->id] == NULL || ++v->visits > VISITS) return;
  if (e->op == IR_WHERE) {
    check_reads(v, f, e->arg[0]);
    for (int yes = 1; yes >= 0; yes--) {
      const ir_expr *branch = e->arg[yes ? 1 : 2];
      if (v->walk->image[branch->id] == NULL) continue;
      ir_facts inner = *f;
      ir_facts_guard(&inner, e->arg[0], yes != 0);
      check_reads(v, &inner, branch);
    }
    return;
  }
  for (int i = 0; i < e->n; i++) check_reads(v, f, e->arg[i]);
  for (int k = 0; e->op == IR_READ && k < e->n; k++)
    check_position(v, f, e->arg[k], e->u.tensor, k);
}

static void check_expr_reads(verifier *v, const ir_expr *root) {
  if (!ir_holds_data(root)) return;
  v->walk = ir_walk_open(root);
  for (const ir_expr *e; (e = ir_walk_next(v->walk)) != NULL;) {
    bool open = e->op == IR_READ && !plainly_inside(v, e);
    for (int i = 0; i < e->n && !open; i++) open = v->walk->image[e->arg[i]->id] != NULL;
    v->walk->image[e->id] = open ? e : NULL;
  }
  v->visits = 0;
  check_reads(v, v->loops, root);
  ir_walk_close(v->walk, root);
}

static void check_bounds(verifier *v) {
  const ir_eq *eq = v->eq;
  bool window = ir_window(eq);
  for (int k = 0; k < eq->head->rank; k++) {
    check_expr_reads(v, eq->lhs[k]);
    if (window && !ir_holds_data(eq->lhs[k]))   /* a scatter leaves out what falls outside */
      check_position(v, v->loops, eq->lhs[k], eq->head, k);
  }
  check_expr_reads(v, eq->body);
}

/* ---- windows --------------------------------------------------------------------------------- */

typedef enum relation { APART, SAME, UNKNOWN } relation;

static relation windows_at(ir_program *p, const ir_expr *a, const ir_expr *b) {
  const ir_expr *from_a, *from_b, *one = ir_int(p, 1);
  const ir_index *i = ir_position_index(a, &from_a), *j = ir_position_index(b, &from_b);
  const ir_expr *to_a = ir_sum(p, from_a, 1, i != NULL ? i->extent : one);
  const ir_expr *to_b = ir_sum(p, from_b, 1, j != NULL ? j->extent : one);
  if (from_a == from_b && to_a == to_b) return SAME;
  return ir_less_equal(p, to_a, from_b) || ir_less_equal(p, to_b, from_a) ? APART : UNKNOWN;
}

static void check_windows(verifier *v, const ir_tensor *t) {
  for (int i = 0; i < t->eqs.n; i++) {
    v->eq = t->eqs.at[i];
    if (t->eqs.n > 1 && !ir_window(v->eq))
      REFUSE(v, "%s has other equations beside a scatter", t->name);
    for (int j = 0; j < i && t->eqs.n <= PAIRS; j++) {
      relation r = SAME;
      for (int k = 0; k < t->rank && r != APART; k++) {
        relation at = windows_at(v->p, v->eq->lhs[k], t->eqs.at[j]->lhs[k]);
        if (at != SAME) r = at;
      }
      if (r == SAME) REFUSE(v, "%s has two equations for the same elements", t->name);
    }
  }
  v->eq = NULL;
}

/* ---- the order ------------------------------------------------------------------------------- */

typedef struct order_check {
  verifier *v;
  int *left;                 /* equations of each tensor not yet met, by id */
  bool *in_loop;             /* tensors defined by the outermost loop around */
  base_map *met;             /* the equations met, by their address */
} order_check;

/* May READ meet what EQ defines? */
static bool meets(ir_program *p, const ir_expr *read, const ir_eq *eq) {
  for (int k = 0; ir_window(eq) && k < read->n; k++)
    if (windows_at(p, read->arg[k], eq->lhs[k]) == APART) return false;
  return true;
}

static bool all_met(const order_check *c, const ir_expr *read) {
  const ir_tensor *t = read->u.tensor;
  for (int i = 0; i < t->eqs.n; i++)
    if (!base_map_get(c->met, &t->eqs.at[i], sizeof t->eqs.at[i]) &&
        meets(c->v->p, read, t->eqs.at[i]))
      return false;
  return true;
}

static void check_ready(order_check *c, const ir_expr *root) {
  if (!ir_holds_data(root)) return;
  ir_walk *w = ir_walk_open(root);
  for (const ir_expr *e; (e = ir_walk_next(w)) != NULL;) {
    if (e->op != IR_READ || e->u.tensor->eqs.n == 0) continue;
    int id = e->u.tensor->id;
    if (c->left[id] > 0 && !c->in_loop[id] && e->u.tensor != c->v->eq->head && !all_met(c, e))
      REFUSE(c->v, "%s is read before it is computed", e->u.tensor->name);
  }
  ir_walk_close(w, root);
}

static void mark_loop(order_check *c, const ir_block *block, bool inside) {
  for (int i = 0; i < block->steps.n; i++) {
    const ir_step *s = &block->steps.at[i];
    if (s->eq != NULL) c->in_loop[s->eq->head->id] = inside;
    else mark_loop(c, &s->loop->body, inside);
  }
}

static void add_range(ir_facts *f, const ir_symbol *counter, const ir_expr *from,
                      const ir_expr *to) {
  const ir_expr *x = ir_size(f->p, counter);
  if (from != NULL) ir_facts_add(f, ir_sum(f->p, x, -1, from));
  if (to != NULL) ir_facts_add(f, ir_sum(f->p, ir_sum(f->p, to, -1, x), -1, ir_int(f->p, 1)));
}

static void check_step(order_check *c, const ir_step *s, const ir_loop *loop,
                       const ir_facts *known) {
  ir_facts f = *known;
  if (loop != NULL) add_range(&f, loop->counter, s->from, s->to);
  c->v->eq = s->eq;
  c->v->loops = &f;
  for (int k = 0; k < s->eq->head->rank; k++) check_ready(c, s->eq->lhs[k]);
  check_ready(c, s->eq->body);
  check_bounds(c->v);
  c->left[s->eq->head->id]--;
  base_map_put(c->met, &s->eq, sizeof s->eq, s->eq);
}

static void check_block(order_check *c, const ir_block *block, const ir_loop *loop,
                        const ir_facts *known) {
  for (int i = 0; i < block->steps.n; i++) {
    const ir_step *s = &block->steps.at[i];
    if (s->eq != NULL) {
      check_step(c, s, loop, known);
      continue;
    }
    ir_facts f = *known;
    if (loop != NULL) add_range(&f, loop->counter, s->from, s->to);
    add_range(&f, s->loop->counter, s->loop->from, s->loop->to);
    if (loop == NULL) mark_loop(c, &s->loop->body, true);
    check_block(c, &s->loop->body, s->loop, &f);
    if (loop == NULL) mark_loop(c, &s->loop->body, false);
  }
}

static void check_order(verifier *v) {
  ir_program *p = v->p;
  order_check c = {.v = v, .met = base_map_open(p->arena)};
  c.left = BASE_NEWS(p->arena, int, p->tensors.n + 1);
  c.in_loop = BASE_NEWS(p->arena, bool, p->tensors.n + 1);
  for (int i = 0; i < p->tensors.n; i++) c.left[i] = p->tensors.at[i]->eqs.n;
  ir_facts f;
  ir_facts_open(&f, p);
  check_block(&c, &p->order, NULL, &f);
  v->eq = NULL;
  for (int i = 0; i < p->tensors.n; i++)
    if (c.left[i] > 0) REFUSE(v, "the order lacks an equation of %s", p->tensors.at[i]->name);
}

/* ---- all ------------------------------------------------------------------------------------- */

static void check_tensor(verifier *v, const ir_tensor *t) {
  for (int k = 0; k < t->rank; k++)
    if (t->size[k]->type != IR_I64 || ir_holds_index(t->size[k]) || ir_holds_data(t->size[k]))
      REFUSE(v, "size %d of %s is not a size", k + 1, t->name);
  if (t->role != IR_DERIVED && t->eqs.n > 0) REFUSE(v, "%s is given and has an equation", t->name);
  for (int i = 0; i < t->eqs.n; i++) {
    v->eq = t->eqs.at[i];
    if (v->eq->head != t)
      REFUSE(v, "an equation of %s stands under %s", v->eq->head->name, t->name);
    check_shape(v);
  }
  v->eq = NULL;
  check_windows(v, t);
}

static void check_commits(verifier *v) {
  for (int i = 0; i < v->p->commits.n; i++) {
    const ir_tensor *state = v->p->commits.at[i].state, *value = v->p->commits.at[i].value;
    if (state->role != IR_STATE) REFUSE(v, "%s is committed to and is no state", state->name);
    if (state->type != value->type || state->rank != value->rank)
      REFUSE(v, "%s becomes %s, which differs in type or rank", state->name, value->name);
    for (int j = 0; j < i; j++)
      if (v->p->commits.at[j].state == state) REFUSE(v, "%s is committed to twice", state->name);
    const char *message = base_format(v->p->arena, "%s becomes %s, of another size", state->name,
                                      value->name);
    for (int k = 0; k < state->rank; k++)
      ir_require_equal(v->p, state->size[k], value->size[k], message, state->span);
  }
}

void ir_verify(ir_program *p, const char *after) {
  ir_facts none;
  ir_facts_open(&none, p);
  verifier v = {.p = p, .after = after, .loops = &none};
  for (int i = 0; i < p->tensors.n; i++) check_tensor(&v, p->tensors.at[i]);
  check_commits(&v);
  if (p->order.steps.n > 0) {
    check_order(&v);
    return;
  }
  for (int i = 0; i < p->tensors.n; i++)
    for (int j = 0; j < p->tensors.at[i]->eqs.n; j++) {
      v.eq = p->tensors.at[i]->eqs.at[j];
      check_bounds(&v);
    }
}
