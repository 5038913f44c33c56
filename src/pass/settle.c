/* settle: cycles that are no recurrence, by rounds. First it is found which tensors have to be
 * carried, by putting copies of the program in order; then each cycle is written out once more,
 * with the round as its first position. */
#include <math.h>

#include "pass/private.h"

typedef struct settling {
  ir_program *p;
  base_arena *arena;
  int n;                      /* tensors there were: rounds are of these alone */
  bool *carried;              /* by tensor id */
  bool *reached, *reaching;   /* likewise, around the cycle at hand */
  ir_tensor **round;          /* likewise: what it is in the rounds; NULL: no part of the cycle */
  const ir_expr *now;         /* the round, in the equation at hand */
  ir_settle how;
  ir_tensor *moved;
} settling;

/* ---- what is carried ------------------------------------------------------------------------- */

/* Of integers inf stands for the largest there is. */
static const ir_expr *start_of(ir_program *p, const ir_tensor *t) {
  double start = t->settle ? t->settle->start : 0;
  ir_type type = ir_type_computed(t->type);
  if (isinf(start)) return ir_agg_neutral(p, start > 0 ? IR_MIN : IR_MAX, type);
  return ir_number(p, type, start);
}

static bool earlier(const ir_tensor *a, const ir_tensor *b) {
  if (a->span.line != b->span.line) return a->span.line < b->span.line;
  if (a->span.column != b->span.column) return a->span.column < b->span.column;
  return a->id < b->id;
}

/* Of those that were told, else have a name in the text, else of all HEADS the first. */
static int chosen(const settling *s, const pass_tensors *heads) {
  const ir_tensor *best = NULL;
  int rank = -1;
  for (int i = 0; i < heads->n; i++) {
    const ir_tensor *t = s->p->tensors.at[heads->at[i]->id];
    int own = t->settle ? 1 + t->settle->told : 0;
    if (own < rank || (own == rank && !earlier(t, best))) continue;
    rank = own;
    best = t;
  }
  return best->id;
}

/* One more tensor that has to be carried; false: what is left are recurrences. */
static bool carry_one(settling *s) {
  base_arena *arena = base_arena_child(s->arena);
  ir_program *copy = ir_copy(arena, s->p);
  pass_tensors heads = {0};
  for (int i = 0; i < copy->tensors.n; i++)
    if (s->carried[i]) ir_undefine(copy->tensors.at[i]);
  order_unled(copy, &heads);
  bool more = heads.n > 0;
  if (more) s->carried[chosen(s, &heads)] = true;
  base_arena_close(arena);
  return more;
}

/* ---- the cycle around a tensor --------------------------------------------------------------- */

typedef struct walking {
  settling *s;
  bool *met;
  pass_tensors todo;
} walking;

static void meet(void *arg, const ir_expr *e) {
  walking *w = arg;
  if (e->op != IR_READ || w->met[e->u.tensor->id]) return;
  w->met[e->u.tensor->id] = true;
  BASE_PUSH(w->s->arena, &w->todo, e->u.tensor);
}

static void each_part(const ir_tensor *t, void (*visit)(void *arg, const ir_expr *e), void *arg) {
  for (int i = 0; i < t->eqs.n; i++) {
    ir_each(t->eqs.at[i]->body, visit, arg);
    for (int k = 0; k < t->rank; k++) ir_each(t->eqs.at[i]->lhs[k], visit, arg);
  }
}

/* All that T needs. */
static void find_reached(settling *s, const ir_tensor *t) {
  walking w = {.s = s, .met = s->reached = BASE_NEWS(s->arena, bool, s->p->tensors.n)};
  each_part(t, meet, &w);
  while (w.todo.n > 0) each_part(w.todo.at[--w.todo.n], meet, &w);
}

typedef struct asking {
  const bool *met;
  bool found;
} asking;

static void ask_met(void *arg, const ir_expr *e) {
  asking *a = arg;
  if (e->op == IR_READ && a->met[e->u.tensor->id]) a->found = true;
}

/* All that need T, itself among them. */
static void find_reaching(settling *s, const ir_tensor *t) {
  bool *met = s->reaching = BASE_NEWS(s->arena, bool, s->p->tensors.n);
  met[t->id] = true;
  for (bool more = true; more;) {
    more = false;
    for (int i = 0; i < s->p->tensors.n; i++) {
      asking a = {.met = met};
      if (!met[i]) each_part(s->p->tensors.at[i], ask_met, &a);
      if (a.found) met[i] = more = true;
    }
  }
}

/* ---- the rounds ------------------------------------------------------------------------------ */

static const ir_expr *in_round(ir_program *p, const ir_expr *e, void *arg) {
  const settling *s = arg;
  ir_tensor *to = e->op == IR_READ ? s->round[e->u.tensor->id] : NULL;
  if (!to) return e;
  const ir_expr **at = BASE_NEWS(p->arena, const ir_expr *, to->rank);
  at[0] = s->now;
  for (int k = 0; k < e->n; k++) at[k + 1] = e->arg[k];
  return ir_read(p, to, at);
}

static ir_tensor *tensor_over(settling *s, const ir_tensor *t, int64_t rounds) {
  const ir_expr **size = BASE_NEWS(s->arena, const ir_expr *, t->rank + 1);
  size[0] = ir_int(s->p, rounds);
  for (int k = 0; k < t->rank; k++) size[k + 1] = t->size[k];
  ir_tensor *over = ir_tensor_new(s->p, t->name, t->type, t->rank + 1, size, IR_DERIVED);
  over->span = t->span;
  return over;
}

/* EQ once more, as TO defines it in each round. */
static void write_eq(settling *s, ir_tensor *to, const ir_eq *eq) {
  ir_program *p = s->p;
  int n = eq->nfree + eq->nred, rank = eq->head->rank;
  const ir_index **old = BASE_NEWS(s->arena, const ir_index *, n + 1);
  const ir_index **own = BASE_NEWS(p->arena, const ir_index *, n + 1);
  const ir_expr **by = BASE_NEWS(s->arena, const ir_expr *, n + 1);
  const ir_expr **lhs = BASE_NEWS(s->arena, const ir_expr *, rank + 1);
  ir_index *r = ir_index_new(p, "r", ir_int(p, s->how.rounds));
  s->now = ir_use(p, r);
  own[0] = r;
  for (int i = 0; i < n; i++) {
    old[i] = i < eq->nfree ? eq->free[i] : eq->red[i - eq->nfree];
    own[i + 1] = ir_index_new(p, old[i]->name, old[i]->extent);
    by[i] = ir_use(p, own[i + 1]);
  }
  lhs[0] = s->now;
  for (int k = 0; k < rank; k++)
    lhs[k + 1] = ir_rewrite(p, ir_substitute(p, eq->lhs[k], n, old, by), in_round, s);
  const ir_expr *body = ir_rewrite(p, ir_substitute(p, eq->body, n, old, by), in_round, s);
  ir_eq *copy = ir_define(p, to, eq->agg, lhs, body);
  copy->span = eq->span;
  copy->nfree = eq->nfree + 1;
  copy->free = own;
  copy->nred = eq->nred;
  copy->red = own + copy->nfree;
}

/* From a large number to inf: it does not come to rest there, it has no end. */
static const ir_expr *is_lost(ir_program *p, const ir_expr *a, const ir_expr *b) {
  enum { LARGE = 1000000 };
  ir_type type = (ir_type)a->type;
  const ir_expr *inf = ir_number(p, type, INFINITY), *was = ir_unary(p, IR_ABS, a);
  const ir_expr *beyond = ir_binary(p, IR_EQ, ir_unary(p, IR_ABS, b), inf);
  const ir_expr *large = ir_binary(p, IR_LT, ir_number(p, type, LARGE), was);
  return ir_binary(p, IR_AND, beyond, ir_binary(p, IR_AND, large, ir_binary(p, IR_LT, was, inf)));
}

/* |b - a|, 0 where they are equal or differ by no more than the tolerance; nan: it is lost. */
static const ir_expr *change(settling *s, const ir_expr *a, const ir_expr *b) {
  ir_program *p = s->p;
  ir_type type = s->moved->type;
  if (a->type == IR_BOOL) a = ir_cast(p, a, IR_I64), b = ir_cast(p, b, IR_I64);
  const ir_expr *by = ir_cast(p, ir_unary(p, IR_ABS, ir_binary(p, IR_SUB, b, a)), type);
  const ir_expr *same = ir_binary(p, IR_OR, ir_binary(p, IR_EQ, a, b),
                                  ir_binary(p, IR_LE, by, ir_real(p, type, s->how.tolerance)));
  by = ir_where(p, same, ir_real(p, type, 0), by);
  if (!ir_type_real((ir_type)a->type)) return by;
  return ir_where(p, is_lost(p, a, b), ir_real(p, type, NAN), by);
}

/* W[0,..] = start;  W[r+1,..] = where(M[r] == 0, W[r,..], F[r,..]) */
static void carry_on(settling *s, const ir_tensor *t, ir_tensor *w, ir_tensor *f) {
  ir_program *p = s->p;
  const ir_expr **at = BASE_NEWS(s->arena, const ir_expr *, t->rank + 1);
  const ir_expr **next = BASE_NEWS(s->arena, const ir_expr *, t->rank + 1);
  at[0] = ir_int(p, 0);
  ir_positions(p, t, at + 1);
  ir_define(p, w, IR_SET, at, start_of(p, t));
  at[0] = ir_use(p, ir_index_new(p, "r", ir_int(p, s->how.rounds)));
  ir_positions(p, t, at + 1);
  for (int k = 0; k < t->rank; k++) next[k + 1] = at[k + 1];
  next[0] = ir_binary(p, IR_ADD, at[0], ir_int(p, 1));
  const ir_expr *change = ir_read(p, s->moved, at);
  const ir_expr *over = ir_binary(p, IR_EQ, change, ir_number(p, (ir_type)change->type, 0));
  ir_define(p, w, IR_SET, next, ir_where(p, over, ir_read(p, w, at), ir_read(p, f, at)));
}

/* D[r] max= change(W[r,..], W[r+1,..]) */
static ir_tensor *changes_of(settling *s, const ir_tensor *t, ir_tensor *w) {
  ir_program *p = s->p;
  const ir_expr **at = BASE_NEWS(s->arena, const ir_expr *, t->rank + 1);
  const ir_expr **next = BASE_NEWS(s->arena, const ir_expr *, t->rank + 1);
  const ir_expr *size = ir_int(p, s->how.rounds);
  ir_positions(p, t, at + 1);
  for (int k = 0; k < t->rank; k++) next[k + 1] = at[k + 1];
  at[0] = ir_use(p, ir_index_new(p, "r", size));
  next[0] = ir_binary(p, IR_ADD, at[0], ir_int(p, 1));
  ir_tensor *d = ir_tensor_new(p, "Change", s->moved->type, 1, &size, IR_DERIVED);
  d->span = t->span;
  ir_define(p, d, t->rank ? IR_MAX : IR_SET, at,
            change(s, ir_read(p, w, at), ir_read(p, w, next)));
  return d;
}

/* M[0] = inf;  M[r+1] = the largest change of all that is carried, 0 if there is none. */
static void define_moved(settling *s, const ir_tensor *first) {
  ir_program *p = s->p;
  ir_type type = first->type == IR_F64 ? IR_F64 : IR_F32;
  const ir_expr *size = ir_int(p, s->how.rounds + 1), *zero = ir_int(p, 0);
  s->moved = ir_tensor_new(p, "Moved", type, 1, &size, IR_DERIVED);
  s->moved->span = first->span;
  s->moved->settles = first->name;
  ir_define(p, s->moved, IR_SET, &zero, ir_real(p, type, __builtin_inf()));
  const ir_expr *largest = ir_real(p, type, 0);
  const ir_expr *now = ir_use(p, ir_index_new(p, "r", ir_int(p, s->how.rounds)));
  const ir_expr *next = ir_binary(p, IR_ADD, now, ir_int(p, 1));
  for (int i = 0; i < s->n; i++)
    if (s->round[i] && s->carried[i])
      largest = ir_binary(p, IR_MAXIMUM, largest,
                          ir_read(p, changes_of(s, p->tensors.at[i], s->round[i]), &now));
  ir_define(p, s->moved, IR_SET, &next, largest);
}

/* ---- a whole cycle --------------------------------------------------------------------------- */

static bool in_cycle(const settling *s, int i) { return s->reached[i] && s->reaching[i]; }

/* What was told of one tensor goes for all. */
static void find_how(settling *s) {
  s->how = (ir_settle){.rounds = IR_ROUNDS};
  for (int i = 0; i < s->n; i++) {
    const ir_settle *own = s->p->tensors.at[i]->settle;
    if (!in_cycle(s, i) || !own) continue;
    if (own->tolerance > s->how.tolerance) s->how.tolerance = own->tolerance;
    if (own->rounds != IR_ROUNDS) s->how.rounds = own->rounds;
  }
}

/* T is what the rounds end with. */
static void take_last(settling *s, ir_tensor *t) {
  const ir_expr **at = BASE_NEWS(s->arena, const ir_expr *, t->rank + 1);
  at[0] = ir_int(s->p, s->how.rounds);
  ir_positions(s->p, t, at + 1);
  ir_undefine(t);
  ir_define(s->p, t, IR_SET, at + 1, ir_read(s->p, s->round[t->id], at));
}

static void settle_through(settling *s, const ir_tensor *first) {
  ir_program *p = s->p;
  ir_tensor **rule = BASE_NEWS(s->arena, ir_tensor *, s->n); /* what the equations define */
  s->round = BASE_NEWS(s->arena, ir_tensor *, p->tensors.n);
  find_reached(s, first);
  find_reaching(s, first);
  find_how(s);
  for (int i = 0; i < s->n; i++) {
    if (!in_cycle(s, i)) continue;
    const ir_tensor *t = p->tensors.at[i];
    s->round[i] = tensor_over(s, t, s->how.rounds + s->carried[i]);
    rule[i] = s->carried[i] ? tensor_over(s, t, s->how.rounds) : s->round[i];
  }
  define_moved(s, first);
  for (int i = 0; i < s->n; i++) {
    const ir_tensor *t = p->tensors.at[i];
    for (int k = 0; s->round[i] && k < t->eqs.n; k++) write_eq(s, rule[i], t->eqs.at[k]);
    if (s->round[i] && s->carried[i]) carry_on(s, t, s->round[i], rule[i]);
  }
  for (int i = 0; i < s->n; i++)
    if (s->round[i] && s->carried[i]) {
      take_last(s, p->tensors.at[i]);
      s->carried[i] = false;
    }
}

void pass_settle(ir_program *p) {
  settling s = {.p = p, .n = p->tensors.n};
  bool asked = false;
  for (int i = 0; i < s.n; i++) asked = asked || p->tensors.at[i]->settle;
  if (!asked) return;
  s.arena = base_arena_child(p->arena);
  s.carried = BASE_NEWS(s.arena, bool, s.n);
  while (carry_one(&s)) base_poll(p->ctx);
  for (int i = 0; i < s.n; i++)
    if (s.carried[i]) settle_through(&s, p->tensors.at[i]);
  base_arena_close(s.arena);
}
