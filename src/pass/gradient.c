/* gradient: reverse mode, from equations to equations. For an equation
 *     Y[lhs] += body          and a read T[pos] in its body, the derivative of T gets the summand
 *     GT[pos] += GY[lhs] * (d body / d T[pos])       over all indices of the equation.
 * A recurrence gives a recurrence that runs the other way; equations that are solved by rounds give
 * such equations, those of the derivative at the solution. */
#include "pass/private.h"

typedef struct guard { /* the where() around a node, innermost first */
  const struct guard *outer;
  const ir_expr *test;
  bool holds; /* the branch taken where the test is true */
} guard;

typedef struct entry { /* a derivative by one node, to be evaluated under its guards only */
  struct entry *next;
  const guard *guard;
  const ir_expr *g;
} entry;

typedef struct node {
  const ir_expr *e;
  bool live;   /* the derivative may come here from the root */
  bool active; /* some tensor on the way is read below */
  entry *entries;
} node;

typedef struct body { /* the nodes of one body, arguments first */
  base_map *place;    /* expression -> node */
  BASE_VEC(node *) nodes;
  base_arena *arena;
} body;

typedef struct adjoint { /* of one tensor */
  bool reached, needed;  /* depends on some wrt; OF depends on it */
  bool read;             /* OF depends on it by being read */
  ir_tensor *tensor;     /* its derivative; NULL until asked for */
  gradient_pieces pieces;
} adjoint;

typedef BASE_VEC(gradient_edge) edges;

typedef struct gradient {
  ir_program *p;
  base_arena *arena;
  ir_tensor *of;
  int lead;
  int n;             /* tensors of the program before it began */
  adjoint *at;       /* by tensor id */
  edges edges;       /* on the way, those of a tensor's equations together */
  gradient_box *box; /* by tensor id */
} gradient;

/* ---- the nodes of a body --------------------------------------------------------------------- */

static void add_node(void *arg, const ir_expr *e) {
  body *b = arg;
  node *n = BASE_NEW(b->arena, node);
  n->e = e;
  BASE_PUSH(b->arena, &b->nodes, n);
  base_map_put(b->place, &e, sizeof e, n);
}

static node *node_of(const body *b, const ir_expr *e) {
  return base_map_get(b->place, &e, sizeof e);
}

/* The nodes of ROOT; those that a derivative may reach are marked live. */
static body open_body(base_arena *arena, const ir_expr *root) {
  body b = {.place = base_map_open(arena), .arena = arena};
  ir_each(root, add_node, &b);
  node_of(&b, root)->live = ir_type_real((ir_type)root->type);
  for (int i = b.nodes.n - 1; i >= 0; i--) {
    const ir_expr *e = b.nodes.at[i]->e;
    for (int k = 0; b.nodes.at[i]->live && k < e->n; k++)
      if (gradient_passes(e, k)) node_of(&b, e->arg[k])->live = true;
  }
  return b;
}

static bool on_way(const gradient *g, const ir_tensor *t) {
  return t->id < g->n && g->at[t->id].reached && g->at[t->id].needed;
}

static void mark_active(const gradient *g, body *b) {
  for (int i = 0; i < b->nodes.n; i++) {
    node *n = b->nodes.at[i];
    n->active = n->e->op == IR_READ && on_way(g, n->e->u.tensor);
    for (int k = 0; k < n->e->n && !n->active; k++)
      n->active = gradient_passes(n->e, k) && node_of(b, n->e->arg[k])->active;
  }
}

/* ---- which tensors lie between OF and what it is differentiated by --------------------------- */

static bool real_tensor(const ir_tensor *t) { return ir_type_real(ir_type_computed(t->type)); }

static void collect_edges(gradient *g, edges *all) {
  for (int t = 0; t < g->n; t++) {
    ir_tensor *head = g->p->tensors.at[t];
    for (int i = 0; real_tensor(head) && i < head->eqs.n; i++) {
      body b = open_body(g->arena, head->eqs.at[i]->body);
      for (int k = 0; k < b.nodes.n; k++)
        if (b.nodes.at[k]->live && b.nodes.at[k]->e->op == IR_READ) {
          gradient_edge one = {head->eqs.at[i], b.nodes.at[k]->e};
          BASE_PUSH(g->arena, all, one);
        }
    }
  }
}

static const ir_tensor *end_of(const gradient_edge *e, bool head) {
  return head ? e->eq->head : e->read->u.tensor;
}

/* Everything reachable from the marked ones: along the edges, or against them. */
static void spread(gradient *g, const edges *all, bool against, bool *mark) {
  int *first = BASE_NEWS(g->arena, int, g->n + 1), *next = BASE_NEWS(g->arena, int, all->n + 1);
  for (int t = 0; t < g->n; t++) first[t] = -1;
  for (int i = 0; i < all->n; i++) {
    int t = end_of(&all->at[i], against)->id;
    next[i] = first[t];
    first[t] = i;
  }
  BASE_VEC(int) todo = {0};
  for (int t = 0; t < g->n; t++)
    if (mark[t]) BASE_PUSH(g->arena, &todo, t);
  while (todo.n > 0)
    for (int i = first[todo.at[--todo.n]]; i >= 0; i = next[i]) {
      int t = end_of(&all->at[i], !against)->id;
      if (!mark[t]) {
        mark[t] = true;
        BASE_PUSH(g->arena, &todo, t);
      }
    }
}

static void mark_way(gradient *g, int n, ir_tensor *const *wrt) {
  edges all = {0};
  collect_edges(g, &all);
  bool *reached = BASE_NEWS(g->arena, bool, g->n), *needed = BASE_NEWS(g->arena, bool, g->n);
  for (int i = 0; i < n; i++) reached[wrt[i]->id] = true;
  needed[g->of->id] = true;
  spread(g, &all, false, reached);
  spread(g, &all, true, needed);
  for (int t = 0; t < g->n; t++) {
    g->at[t].reached = reached[t];
    g->at[t].needed = needed[t];
  }
  g->edges = (edges){0};
  for (int i = 0; i < all.n; i++) {
    if (!on_way(g, all.at[i].eq->head) || !on_way(g, all.at[i].read->u.tensor)) continue;
    BASE_PUSH(g->arena, &g->edges, all.at[i]);
    if (all.at[i].read->u.tensor == g->of) g->at[g->of->id].read = true;
  }
}

/* ---- derivatives of tensors ------------------------------------------------------------------ */

static const ir_expr *zero_like(ir_program *p, const ir_expr *e) {
  return ir_number(p, (ir_type)e->type, 0);
}

static ir_tensor *adjoint_tensor(gradient *g, ir_tensor *t) {
  adjoint *a = &g->at[t->id];
  if (a->tensor) return a->tensor;
  const ir_expr **size = BASE_NEWS(g->arena, const ir_expr *, g->lead + t->rank);
  for (int k = 0; k < g->lead + t->rank; k++)
    size[k] = k < g->lead ? g->of->size[k] : t->size[k - g->lead];
  a->tensor = ir_tensor_new(g->p, base_format(g->arena, "G%s", t->name), ir_type_computed(t->type),
                            g->lead + t->rank, size, IR_DERIVED);
  a->tensor->span = t->span;
  if (!t->settle) return a->tensor;
  a->tensor->settle = BASE_NEW(g->p->arena, ir_settle);
  *a->tensor->settle = *t->settle;
  a->tensor->settle->start = 0;
  return a->tensor;
}

/* The leading positions, then those at POSITION; one more place stands behind. */
static const ir_expr **join_positions(gradient *g, const ir_expr *const *lead, int n,
                                      const ir_expr *const *position) {
  const ir_expr **all = BASE_NEWS(g->arena, const ir_expr *, g->lead + n + 1);
  for (int k = 0; k < g->lead + n; k++) all[k] = k < g->lead ? lead[k] : position[k - g->lead];
  return all;
}

static const ir_expr *seed(gradient *g, const ir_expr *const *lead,
                           const ir_expr *const *position) {
  ir_type type = ir_type_computed(g->of->type);
  const ir_expr *one = ir_number(g->p, type, 1);
  for (int k = g->lead - 1; k >= 0; k--)
    one =
        ir_where(g->p, ir_binary(g->p, IR_EQ, lead[k], position[k]), one, ir_number(g->p, type, 0));
  return one;
}

/* The derivative by T's element at POSITION; 0 where a scatter goes outside. */
static const ir_expr *derivative_at(gradient *g, ir_tensor *t, const ir_expr *const *lead,
                                    const ir_expr *const *position) {
  if (t == g->of && !g->at[t->id].read) return seed(g, lead, position);
  const ir_expr *e =
      ir_read(g->p, adjoint_tensor(g, t), join_positions(g, lead, t->rank, position));
  for (int k = t->rank - 1; k >= 0; k--) {
    const ir_expr *offset;
    if (!ir_position_index(position[k], &offset))
      e = ir_where(g->p, ir_inside(g->p, position[k], t->size[k]), e, zero_like(g->p, e));
  }
  return e;
}

/* ---- what reaches the root of a body --------------------------------------------------------- */

static bool is_window_index(const ir_eq *eq, const ir_index *index) {
  for (int k = 0; k < eq->head->rank; k++) {
    const ir_expr *offset;
    if (ir_position_index(eq->lhs[k], &offset) == index) return true;
  }
  return false;
}

/* A number for each of the elements that compete for one element of the head, in their order. */
static const ir_expr *competitor(ir_program *p, const ir_eq *eq) {
  const ir_expr *number = ir_int(p, 0);
  for (int i = 0; i < eq->nfree + eq->nred; i++) {
    const ir_index *index = i < eq->nfree ? eq->free[i] : eq->red[i - eq->nfree];
    if (!is_window_index(eq, index))
      number = ir_binary(p, IR_ADD, ir_binary(p, IR_MUL, number, index->extent), ir_use(p, index));
  }
  return number;
}

/* A tensor like the head of EQ, t[lhs] agg= value for the indices of EQ. */
static ir_tensor *beside(gradient *g, const ir_eq *eq, const char *suffix, ir_type type, ir_agg agg,
                         const ir_expr *value) {
  int rank = eq->head->rank;
  ir_tensor *t =
      ir_tensor_like(g->p, base_format(g->arena, "%s%s", eq->head->name, suffix), eq->head, type);
  const ir_expr **part = BASE_NEWS(g->arena, const ir_expr *, rank + 1);
  for (int k = 0; k < rank; k++) part[k] = eq->lhs[k];
  part[rank] = value;
  pass_refresh(g->p, rank + 1, part);
  ir_define(g->p, t, agg, part, part[rank])->span = eq->span;
  return t;
}

/* max, min: 1 at the first element that attains the extremum, as it was stored. */
static const ir_expr *attains(gradient *g, const ir_eq *eq) {
  ir_program *p = g->p;
  const ir_expr *number = competitor(p, eq), *best = ir_read(p, eq->head, eq->lhs);
  const ir_expr *value = ir_cast(p, eq->body, eq->head->type);
  const ir_expr *worse =
      eq->agg == IR_MAX ? ir_binary(p, IR_LT, value, best) : ir_binary(p, IR_LT, best, value);
  ir_tensor *first = beside(g, eq, "_at", IR_I64, IR_MIN,
                            ir_where(p, worse, ir_agg_neutral(p, IR_MIN, IR_I64), number));
  return ir_binary(p, IR_EQ, ir_read(p, first, eq->lhs), number);
}

/* prod: the product of the others, right with any number of zeros. */
static const ir_expr *product_of_others(gradient *g, const ir_eq *eq) {
  ir_program *p = g->p;
  const ir_expr *zero = zero_like(p, eq->body), *one = ir_number(p, (ir_type)eq->body->type, 1);
  const ir_expr *is_zero = ir_binary(p, IR_EQ, eq->body, zero);
  ir_tensor *zeros =
      beside(g, eq, "_zeros", IR_I64, IR_SUM, ir_where(p, is_zero, ir_int(p, 1), ir_int(p, 0)));
  ir_tensor *rest =
      beside(g, eq, "_rest", (ir_type)eq->body->type, IR_PROD, ir_where(p, is_zero, one, eq->body));
  const ir_expr *count = ir_read(p, zeros, eq->lhs), *product = ir_read(p, rest, eq->lhs);
  return ir_where(p, is_zero, ir_where(p, ir_binary(p, IR_EQ, count, ir_int(p, 1)), product, zero),
                  ir_where(p, ir_binary(p, IR_EQ, count, ir_int(p, 0)),
                           ir_binary(p, IR_DIV, product, eq->body), zero));
}

static const ir_expr *root_derivative(gradient *g, const ir_eq *eq, const ir_expr *const *lead) {
  const ir_expr *gy = derivative_at(g, eq->head, lead, eq->lhs);
  switch (eq->agg) {
  case IR_MAX:
  case IR_MIN: return ir_where(g->p, attains(g, eq), gy, zero_like(g->p, gy));
  case IR_PROD: return ir_binary(g->p, IR_MUL, gy, product_of_others(g, eq));
  default: return gy;
  }
}

/* The value of node E: that of the root is stored already. A bound that rounding moves is no longer
 * met. */
static const ir_expr *value_of(gradient *g, const ir_eq *eq, const ir_expr *e) {
  if (e != eq->body || eq->agg != IR_SET) return e;
  bool exact = eq->head->type == (ir_type)e->type;
  if ((e->op == IR_MAXIMUM || e->op == IR_MINIMUM) && !exact && !ir_is_const(e->arg[0], 0) &&
      !ir_is_const(e->arg[1], 0))
    return e;
  return ir_read(g->p, eq->head, eq->lhs);
}

/* ---- down through a body --------------------------------------------------------------------- */

static bool same_guards(const guard *a, const guard *b) {
  while (a && b && a != b && a->test == b->test && a->holds == b->holds) {
    a = a->outer;
    b = b->outer;
  }
  return a == b;
}

static void add_entry(gradient *g, node *n, const guard *under, const ir_expr *value) {
  value = ir_cast(g->p, value, (ir_type)n->e->type);
  for (entry *e = n->entries; e; e = e->next)
    if (same_guards(e->guard, under)) {
      e->g = gradient_add(g->p, e->g, value);
      return;
    }
  entry *e = BASE_NEW(g->arena, entry);
  *e = (entry){n->entries, under, value};
  n->entries = e;
}

static void pass_down(gradient *g, const ir_eq *eq, const body *b, const node *n) {
  for (const entry *en = n->entries; en; en = en->next)
    for (int k = 0; k < n->e->n; k++) {
      node *to = gradient_passes(n->e, k) ? node_of(b, n->e->arg[k]) : NULL;
      if (!to || !to->active) continue;
      if (n->e->op == IR_WHERE) {
        guard *inner = BASE_NEW(g->arena, guard);
        *inner = (guard){en->guard, n->e->arg[0], k == 1};
        add_entry(g, to, inner, en->g);
      } else {
        add_entry(g, to, en->guard, gradient_rule(g->p, n->e, k, value_of(g, eq, n->e), en->g));
      }
    }
}

/* The derivative by the read N, its guards around it. */
static const ir_expr *gather_entries(gradient *g, const node *n) {
  const ir_expr *sum = zero_like(g->p, n->e);
  for (const entry *en = n->entries; en; en = en->next) {
    const ir_expr *e = en->g, *zero = zero_like(g->p, e);
    for (const guard *q = en->guard; q; q = q->outer)
      e = ir_where(g->p, q->test, q->holds ? e : zero, q->holds ? zero : e);
    sum = gradient_add(g->p, sum, e);
  }
  return sum;
}

/* Indices of EQ that the summand no longer mentions still count: once for each of their values. */
static const ir_expr *times_absent(gradient *g, const ir_eq *eq, int n, const ir_expr *const *lhs,
                                   const ir_expr *e) {
  for (int i = 0; i < eq->nfree + eq->nred; i++) {
    const ir_index *index = i < eq->nfree ? eq->free[i] : eq->red[i - eq->nfree];
    bool there = ir_mentions(e, index);
    for (int k = 0; k < n; k++) there = there || ir_mentions(lhs[k], index);
    if (!there) e = ir_binary(g->p, IR_MUL, e, ir_cast(g->p, index->extent, (ir_type)e->type));
  }
  return e;
}

static void add_piece(gradient *g, ir_tensor *t, const ir_expr *const *lead,
                      const ir_expr *const *position, const ir_expr *value, base_span span) {
  const ir_expr **part = join_positions(g, lead, t->rank, position);
  part[g->lead + t->rank] = value;
  pass_refresh(g->p, g->lead + t->rank + 1, part);
  gradient_piece piece = {part, part[g->lead + t->rank], span};
  BASE_PUSH(g->arena, &g->at[t->id].pieces, piece);
}

/* Fresh indices over the positions of OF that are kept. */
static const ir_expr **lead_positions(gradient *g) {
  const ir_expr **lead = BASE_NEWS(g->arena, const ir_expr *, g->lead + 1);
  for (int k = 0; k < g->lead; k++) lead[k] = ir_use(g->p, ir_index_new(g->p, "o", g->of->size[k]));
  return lead;
}

static void differentiate(gradient *g, const ir_eq *whole) {
  const gradient_box *box = &g->box[whole->head->id];
  if (!box->from || !gradient_defines(g->p, box, whole)) return;
  const ir_eq narrow = gradient_restricted(g->p, box, whole), *eq = &narrow;
  body b = open_body(g->arena, eq->body);
  mark_active(g, &b);
  node *root = node_of(&b, eq->body);
  if (!root->live || !root->active) return;
  const ir_expr **lead = lead_positions(g);
  add_entry(g, root, NULL, root_derivative(g, eq, lead));
  for (int i = b.nodes.n - 1; i >= 0; i--) {
    node *n = b.nodes.at[i];
    if (!n->entries) continue;
    if (n->e->op != IR_READ) {
      pass_down(g, eq, &b, n);
      continue;
    }
    ir_tensor *t = n->e->u.tensor;
    const ir_expr *value = times_absent(g, eq, n->e->n, n->e->arg, gather_entries(g, n));
    add_piece(g, t, lead, n->e->arg, value, eq->span);
  }
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void check_real(gradient *g, const ir_tensor *t, const char *what) {
  if (!real_tensor(t))
    base_raise(g->p->ctx, BASE_REFUSED, t->span, "%s is %s: the derivative %s it is not defined",
               t->name, ir_type_name(t->type), what);
}

static void add_seed(gradient *g) {
  const ir_expr **lead = lead_positions(g),
                **position = BASE_NEWS(g->arena, const ir_expr *, g->of->rank + 1);
  ir_positions(g->p, g->of, position);
  add_piece(g, g->of, lead, position, seed(g, lead, position), g->of->span);
}

/* Derivatives by what OF does not depend on are 0. */
static ir_tensor *zeros(gradient *g, ir_tensor *wrt) {
  ir_tensor *t = adjoint_tensor(g, wrt);
  const ir_expr **position = BASE_NEWS(g->arena, const ir_expr *, t->rank + 1);
  ir_positions(g->p, t, position);
  if (t->eqs.n == 0) ir_define(g->p, t, IR_SET, position, ir_number(g->p, t->type, 0));
  return t;
}

static gradient open_gradient(ir_program *p, base_arena *arena, ir_tensor *of, int lead) {
  gradient g = {.p = p, .arena = arena, .of = of, .lead = lead, .n = p->tensors.n};
  g.at = BASE_NEWS(arena, adjoint, g.n);
  return g;
}

/* A factor of a contraction that is more than a read becomes a tensor: its derivative is then one
 * too, instead of each term of it a contraction. Contracting does the same later. */
static void name_factors(gradient *g) {
  for (int t = 0; t < g->n; t++)
    for (int i = 0; on_way(g, g->p->tensors.at[t]) && i < g->p->tensors.at[t]->eqs.n; i++)
      contract_equation(g->p, g->p->tensors.at[t]->eqs.at[i]);
}

void pass_gradient(ir_program *p, ir_tensor *of, int lead, int n, ir_tensor *const *wrt,
                   ir_tensor **grad) {
  base_arena *arena = base_arena_child(p->arena);
  gradient g = open_gradient(p, arena, of, lead);
  check_real(&g, of, "of");
  for (int i = 0; i < n; i++) check_real(&g, wrt[i], "by");
  mark_way(&g, n, wrt);
  name_factors(&g);
  g = open_gradient(p, arena, of, lead);
  mark_way(&g, n, wrt);
  g.box = BASE_NEWS(arena, gradient_box, g.n);
  if (on_way(&g, of)) gradient_reach(p, arena, of, g.edges.n, g.edges.at, g.box);
  for (int t = g.n - 1; t >= 0; t--)
    for (int i = 0; on_way(&g, p->tensors.at[t]) && i < p->tensors.at[t]->eqs.n; i++)
      differentiate(&g, p->tensors.at[t]->eqs.at[i]);
  if (on_way(&g, of)) add_seed(&g);
  for (int i = 0; i < n; i++)
    if (on_way(&g, wrt[i])) adjoint_tensor(&g, wrt[i]);
  for (int t = 0; t < g.n; t++)
    if (g.at[t].tensor) gradient_assemble(p, g.at[t].tensor, &g.at[t].pieces);
  for (int i = 0; i < n; i++)
    grad[i] = on_way(&g, wrt[i]) ? g.at[wrt[i]->id].tensor : zeros(&g, wrt[i]);
  base_arena_close(arena);
}
