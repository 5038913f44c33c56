/* inline: an equation without projection takes the place of its reads.
 *
 * Done where nothing is computed twice: into readers that together need no more elements than
 * there are; into one that needs a small part only; for cheap bodies read at other positions
 * than they are defined at also up to TWICE (reads at the same positions are the scheduler's to
 * fuse); and for bodies without an index, which devices compute once a run. Not done into the
 * factors of a contraction, but for copies; not for outputs and committed values, which are
 * stored anyway; and not beyond NODES in one body. The other way round, a factor behind a sum of
 * everything goes into it: the mean of a loss is then one equation. */
#include "pass/private.h"

enum { NODES = 256, CHEAP = 6, TWICE = 2, PART = 8, GUESS = 64 };

typedef struct use { /* of one tensor */
  BASE_VEC(ir_eq *) readers;
  bool kept;
} use;

typedef struct inlining {
  ir_program *p;
  base_arena *arena;
  use *use;          /* by tensor id */
  bool *recurs;      /* likewise: it leads back to itself */
  int64_t *symbols;  /* guesses */
  ir_tensor *tensor; /* being asked about, or put in place */
  ir_eq *reader;
} inlining;

/* ---- who reads what -------------------------------------------------------------------------- */

static void note_use(void *arg, const ir_expr *e) {
  inlining *l = arg;
  if (e->op != IR_READ) return;
  use *u = &l->use[e->u.tensor->id];
  for (int i = 0; i < u->readers.n; i++)
    if (u->readers.at[i] == l->reader) return;
  BASE_PUSH(l->arena, &u->readers, l->reader);
}

static void keep_use(void *arg, const ir_expr *e) {
  inlining *l = arg;
  if (e->op == IR_READ) l->use[e->u.tensor->id].kept = true;
}

static void note_uses(inlining *l) {
  ir_program *p = l->p;
  for (int t = 0; t < p->tensors.n; t++)
    for (int i = 0; i < p->tensors.at[t]->eqs.n; i++) {
      l->reader = p->tensors.at[t]->eqs.at[i];
      ir_each(l->reader->body, note_use, l);
      for (int k = 0; k < l->reader->head->rank; k++) ir_each(l->reader->lhs[k], keep_use, l);
    }
  for (int i = 0; i < p->outputs.n; i++) l->use[p->outputs.at[i]->id].kept = true;
  for (int i = 0; i < p->commits.n; i++) l->use[p->commits.at[i].value->id].kept = true;
}

/* ---- how often it would be computed ---------------------------------------------------------- */

static double guess(const inlining *l, const ir_expr *size) {
  int64_t n = ir_eval_size(size, l->symbols);
  return n > 1 ? (double)n : 1;
}

static double elements(const inlining *l, const ir_tensor *t) {
  double n = 1;
  for (int k = 0; k < t->rank; k++) n *= guess(l, t->size[k]);
  return n;
}

static double points(const inlining *l, const ir_eq *eq) {
  double n = 1;
  for (int i = 0; i < eq->nfree; i++) n *= guess(l, eq->free[i]->extent);
  for (int i = 0; i < eq->nred; i++) n *= guess(l, eq->red[i]->extent);
  return n;
}

typedef struct asking {
  inlining *l;
  int reads, nodes;
  bool possible; /* each read falls into one window */
  bool moved;    /* one is not at plain indices */
} asking;

/* READ's positions lie inside the window of EQ, whatever the indices are. */
static bool falls_into(ir_program *p, const ir_expr *read, const ir_eq *eq) {
  for (int k = 0; k < read->n; k++) {
    const ir_expr *from;
    const ir_index *x = ir_position_index(eq->lhs[k], &from);
    if (!x && eq->lhs[k] != read->arg[k]) return false;
    if (!x) continue;
    const ir_expr *at = ir_binary(p, IR_SUB, read->arg[k], from);
    const ir_expr *end = ir_binary(p, IR_ADD, at, ir_int(p, 1));
    if (!ir_never_negative(p, at) || !ir_less_equal(p, end, x->extent)) return false;
  }
  return true;
}

/* The equation that defines what READ takes, NULL: not known. */
static const ir_eq *defining(ir_program *p, const ir_expr *read) {
  const ir_tensor *t = read->u.tensor;
  if (t->eqs.n == 1 && ir_covered(p, t)) return t->eqs.at[0];
  for (int i = 0; i < t->eqs.n; i++)
    if (falls_into(p, read, t->eqs.at[i])) return t->eqs.at[i];
  return NULL;
}

static void ask(void *arg, const ir_expr *e) {
  asking *a = arg;
  a->nodes++;
  if (e->op != IR_READ || e->u.tensor != a->l->tensor) return;
  a->reads++;
  if (!defining(a->l->p, e)) a->possible = false;
  for (int k = 0; k < e->n; k++)
    if (e->arg[k]->op != IR_INDEX) a->moved = true;
}

static void count_node(void *arg, const ir_expr *e) {
  (void)e;
  ++*(int *)arg;
}

/* Its elements are another's: a contraction may as well read those. */
static bool is_copy(ir_program *p, const ir_tensor *t) {
  for (int i = 0; i < t->eqs.n; i++) {
    const ir_expr *body = t->eqs.at[i]->body;
    if (body->op != IR_READ || !pass_plain_read(p, body)) return false;
  }
  return t->eqs.n == 1;
}

static asking ask_reader(inlining *l, ir_eq *reader) {
  asking a = {.l = l, .possible = true};
  pass_contraction c;
  ir_each(reader->body, ask, &a);
  for (int i = 0; i < l->tensor->eqs.n; i++)
    ir_each(l->tensor->eqs.at[i]->body, count_node, &a.nodes);
  if (a.nodes > NODES || reader->head == l->tensor) a.possible = false;
  if (pass_contraction_of(l->p, reader, &c) && !is_copy(l->p, l->tensor)) a.possible = false;
  return a;
}

/* ---- recurrences: what leads back to itself, by Tarjan's algorithm --------------------------- */

typedef struct frame { /* a tensor that is being visited, and how far */
  int tensor, eq;
} frame;

typedef struct walk {
  inlining *l;
  int *number, *low; /* by tensor id; 0: not visited yet */
  bool *open;        /* in no part yet */
  BASE_VEC(int) stack;
  BASE_VEC(frame) path;
  int time;
} walk;

static void enter(walk *w, int t) {
  w->number[t] = w->low[t] = ++w->time;
  w->open[t] = true;
  BASE_PUSH(w->l->arena, &w->stack, t);
  BASE_PUSH(w->l->arena, &w->path, ((frame){t, 0}));
}

static void close_part(walk *w, int first) {
  bool alone = w->stack.at[w->stack.n - 1] == first;
  for (int t = -1; t != first;) {
    t = w->stack.at[--w->stack.n];
    w->open[t] = false;
    if (!alone) w->l->recurs[t] = true;
  }
}

static void visit(walk *w, int from) {
  enter(w, from);
  while (w->path.n) {
    frame *f = &w->path.at[w->path.n - 1];
    const use *u = &w->l->use[f->tensor];
    int t = f->tensor;
    if (f->eq < u->readers.n) {
      int next = u->readers.at[f->eq++]->head->id;
      if (next == t) w->l->recurs[t] = true;
      if (!w->number[next]) enter(w, next);
      else if (w->open[next] && w->number[next] < w->low[t]) w->low[t] = w->number[next];
      continue;
    }
    if (w->low[t] == w->number[t]) close_part(w, t);
    w->path.n--;
    int *above = w->path.n ? &w->low[w->path.at[w->path.n - 1].tensor] : NULL;
    if (above && w->low[t] < *above) *above = w->low[t];
  }
}

/* What leads back to itself is computed element by element in a loop; a reader outside takes it
 * from there. Inlining leaves every cycle one. */
static void find_recurrences(inlining *l) {
  int n = l->p->tensors.n;
  walk w = {.l = l};
  w.number = BASE_NEWS(l->arena, int, n + 1);
  w.low = BASE_NEWS(l->arena, int, n + 1);
  w.open = BASE_NEWS(l->arena, bool, n + 1);
  l->recurs = BASE_NEWS(l->arena, bool, n + 1);
  for (int t = 0; t < n; t++)
    if (!w.number[t]) visit(&w, t);
}

static bool in_recurrence(const inlining *l) { return l->recurs[l->tensor->id]; }

/* ---- putting bodies in place of reads -------------------------------------------------------- */

static const ir_expr *replace_read(ir_program *p, const ir_expr *e, void *arg) {
  const inlining *l = arg;
  if (e->op != IR_READ || e->u.tensor != l->tensor) return e;
  const ir_eq *eq = defining(p, e);
  const ir_index *index[PASS_INDICES * 4];
  const ir_expr *by[PASS_INDICES * 4], *from;
  int n = 0;
  for (int k = 0; k < e->n; k++) {
    const ir_index *x = ir_position_index(eq->lhs[k], &from);
    if (!x) continue;
    index[n] = x;
    by[n++] = ir_binary(p, IR_SUB, e->arg[k], from);
  }
  return ir_substitute(p, eq->body, n, index, by);
}

static void forget_reader(use *u, const ir_eq *eq) {
  for (int i = 0; i < u->readers.n; i++)
    if (u->readers.at[i] == eq) u->readers.at[i--] = u->readers.at[--u->readers.n];
}

static void inline_into(inlining *l, ir_eq *reader) {
  l->reader = reader;
  reader->body = ir_rewrite(l->p, reader->body, replace_read, l);
  ir_each(reader->body, note_use, l);
  forget_reader(&l->use[l->tensor->id], reader);
}

static void forget_read(void *arg, const ir_expr *e) {
  inlining *l = arg;
  if (e->op == IR_READ) forget_reader(&l->use[e->u.tensor->id], l->reader);
}

static void drop_tensor(inlining *l) {
  for (int i = 0; i < l->tensor->eqs.n; i++) {
    l->reader = l->tensor->eqs.at[i];
    ir_each(l->reader->body, forget_read, l);
  }
  ir_undefine(l->tensor);
}

/* ---- tensors --------------------------------------------------------------------------------- */

static bool only_maps(const ir_tensor *t) {
  for (int i = 0; i < t->eqs.n; i++)
    if (t->eqs.at[i]->agg != IR_SET || t->rank > PASS_INDICES * 4 ||
        ir_reads(t->eqs.at[i]->body, t))
      return false;
  return t->eqs.n > 0;
}

static bool is_cheap(const ir_tensor *t) {
  for (int i = 0; i < t->eqs.n; i++)
    if (ir_cost(t->eqs.at[i]->body) > CHEAP) return false;
  return true;
}

static void inline_tensor(inlining *l) {
  use *u = &l->use[l->tensor->id];
  double computed = 0, stored = elements(l, l->tensor);
  bool possible = true, moved = false;
  for (int i = 0; i < u->readers.n; i++) {
    asking a = ask_reader(l, u->readers.at[i]);
    double here = is_copy(l->p, l->tensor) ? 0 : a.reads * points(l, u->readers.at[i]);
    if (!a.reads) continue;
    bool part = (u->kept || u->readers.n > 1) && here * PART <= stored;
    if (a.possible && (part || l->tensor->rank == 0) && !in_recurrence(l)) {
      inline_into(l, u->readers.at[i--]);
      continue;
    }
    possible = possible && a.possible && !(a.moved && in_recurrence(l));
    moved = moved || a.moved;
    computed += here;
  }
  if (u->kept) return;
  bool same_work = computed <= stored;
  if (!possible || (!same_work && !(moved && is_cheap(l->tensor) && computed <= TWICE * stored)))
    return;
  while (u->readers.n) inline_into(l, u->readers.at[0]);
  drop_tensor(l);
}

/* ---- Total = sum[b](L[b]); Loss = Total / 8   ->   Loss = sum[b](L[b] / 8) ------------------- */

/* E = READ times numbers and sizes: the one read in it. */
static const ir_expr *scaled_read(const ir_expr *e) {
  for (;;) {
    if (e->op == IR_READ) return e;
    if (e->op == IR_NEG) e = e->arg[0];
    else if (e->op == IR_DIV && !pass_has_read(e->arg[1])) e = e->arg[0];
    else if (e->op == IR_MUL && !pass_has_read(e->arg[1])) e = e->arg[0];
    else if (e->op == IR_MUL && !pass_has_read(e->arg[0])) e = e->arg[1];
    else return NULL;
  }
}

static void scale_inside(inlining *l, ir_eq *eq) {
  const ir_expr *read = eq->head->rank == 0 && eq->agg == IR_SET ? scaled_read(eq->body) : NULL;
  if (!read || read == eq->body || read->u.tensor->eqs.n != 1) return;
  l->tensor = read->u.tensor;
  use *u = &l->use[l->tensor->id];
  const ir_eq *sum = l->tensor->eqs.at[0];
  if (l->tensor->rank || l->tensor->role != IR_DERIVED || u->kept || u->readers.n != 1 ||
      sum->agg != IR_SUM)
    return;
  inline_into(l, eq);
  eq->agg = IR_SUM;
  eq->nred = sum->nred;
  eq->red = sum->red;
  drop_tensor(l);
}

void pass_inline(ir_program *p) {
  inlining l = {.p = p, .arena = base_arena_child(p->arena)};
  l.use = BASE_NEWS(l.arena, use, p->tensors.n + 1);
  l.symbols = BASE_NEWS(l.arena, int64_t, p->symbols.n + 1);
  for (int i = 0; i < p->symbols.n; i++) l.symbols[i] = GUESS;
  note_uses(&l);
  find_recurrences(&l);
  for (int t = 0; t < p->tensors.n; t++) {
    l.tensor = p->tensors.at[t];
    if (l.tensor->role == IR_DERIVED && only_maps(l.tensor)) inline_tensor(&l);
  }
  for (int t = 0; t < p->tensors.n; t++)
    if (p->tensors.at[t]->eqs.n == 1) scale_inside(&l, p->tensors.at[t]->eqs.at[0]);
  base_arena_close(l.arena);
}
