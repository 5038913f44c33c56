/* narrow: of a position that is read at one number only, that one is computed and kept. The read
 * of one row of the last tensor narrows what it is made of, through recurrences too.
 *
 * For each position of a derived tensor, NUMBER is what all reads agree on: a constant, or the
 * number at which the reading equation's own head is wanted. It starts as unknown (nobody reads
 * it) and is lowered until nothing changes; outputs are wanted whole. */
#include "pass/private.h"

typedef enum need { NOWHERE, ONE, ALL } need;

typedef struct place { /* a position of a tensor */
  need wanted;
  int64_t number;
  bool pinned; /* some equation cannot be solved for it */
} place;

typedef struct narrowing {
  ir_program *p;
  int *first; /* by tensor id: its position 0 in `at` */
  place *at;
  bool changed;
  const ir_eq *eq; /* under inspection */
} narrowing;

static place *place_of(const narrowing *n, const ir_tensor *t, int k) {
  return &n->at[n->first[t->id] + k];
}

static void lower(narrowing *n, place *x, need wanted, int64_t number) {
  if (wanted == NOWHERE || x->wanted == ALL) return;
  if (x->wanted == ONE && wanted == ONE && x->number == number) return;
  x->wanted = x->wanted == ONE || wanted == ALL ? ALL : ONE;
  x->number = number;
  n->changed = true;
}

/* ---- what is read where ---------------------------------------------------------------------- */

/* POSITION is where the head of the equation has it, moved by a constant. */
static const place *same_as_head(const narrowing *n, const ir_expr *position, int64_t *shift) {
  const ir_expr *at, *there;
  const ir_index *index = ir_position_index(position, &at);
  for (int k = 0; index && k < n->eq->head->rank; k++) {
    if (ir_position_index(n->eq->lhs[k], &there) != index) continue;
    if (!ir_is_int(ir_binary(n->p, IR_SUB, at, there), shift)) continue;
    return place_of(n, n->eq->head, k);
  }
  return NULL;
}

static void visit(void *arg, const ir_expr *e) {
  narrowing *n = arg;
  for (int k = 0; e->op == IR_READ && k < e->n; k++) {
    place *x = place_of(n, e->u.tensor, k);
    int64_t number;
    const place *head;
    if (ir_is_int(e->arg[k], &number))
      lower(n, x, ONE, number);
    else if ((head = same_as_head(n, e->arg[k], &number)))
      lower(n, x, head->wanted, head->number + number);
    else
      lower(n, x, ALL, 0);
  }
}

static void want_whole(narrowing *n, const ir_tensor *t) {
  for (int k = 0; k < t->rank; k++) place_of(n, t, k)->wanted = ALL;
}

static void start(narrowing *n) {
  for (int t = 0; t < n->p->tensors.n; t++)
    for (int k = 0; k < n->p->tensors.at[t]->rank; k++) {
      place *x = place_of(n, n->p->tensors.at[t], k);
      x->wanted = x->pinned || n->p->tensors.at[t]->role != IR_DERIVED ? ALL : NOWHERE;
    }
  for (int i = 0; i < n->p->outputs.n; i++) want_whole(n, n->p->outputs.at[i]);
  for (int i = 0; i < n->p->commits.n; i++) want_whole(n, n->p->commits.at[i].value);
}

/* From the outputs back to what they are made of: mostly that is the order of the tensors. */
static void settle(narrowing *n) {
  start(n);
  do {
    n->changed = false;
    for (int t = n->p->tensors.n - 1; t >= 0; t--)
      for (int i = 0; i < n->p->tensors.at[t]->eqs.n; i++) {
        n->eq = n->p->tensors.at[t]->eqs.at[i];
        for (int k = 0; k < n->eq->head->rank; k++) ir_each(n->eq->lhs[k], visit, n);
        ir_each(n->eq->body, visit, n);
      }
  } while (n->changed);
}

/* ---- what can be solved ---------------------------------------------------------------------- */

typedef enum answer { NEVER, ALWAYS, OPEN } answer;

/* Does EQ write its head's position K at NUMBER, and for which value of which index? */
static answer writes(const narrowing *n, const ir_eq *eq, int k, int64_t number,
                     const ir_index **index, const ir_expr **value) {
  ir_program *p = n->p;
  const ir_expr *offset, *one = ir_int(p, 1), *zero = ir_int(p, 0), *wanted = ir_int(p, number);
  *index = ir_position_index(eq->lhs[k], &offset);
  int64_t there;
  if (!*index) return !ir_is_int(eq->lhs[k], &there) ? OPEN : there == number ? ALWAYS : NEVER;
  *value = ir_binary(p, IR_SUB, wanted, offset);
  const ir_expr *behind = ir_binary(p, IR_ADD, *value, one), *extent = (*index)->extent;
  if (ir_less_equal(p, zero, *value) && ir_less_equal(p, behind, extent)) return ALWAYS;
  if (ir_less_equal(p, behind, zero) || ir_less_equal(p, extent, *value)) return NEVER;
  return OPEN;
}

static bool narrowed(const narrowing *n, const ir_tensor *t, int k) {
  return t->role == IR_DERIVED && place_of(n, t, k)->wanted == ONE;
}

/* Pin what cannot be solved; whether there was any. */
static bool pin(narrowing *n) {
  bool any = false;
  for (int t = 0; t < n->p->tensors.n; t++) {
    const ir_tensor *head = n->p->tensors.at[t];
    for (int k = 0; k < head->rank; k++)
      for (int i = 0; narrowed(n, head, k) && i < head->eqs.n; i++) {
        place *x = place_of(n, head, k);
        const ir_index *index;
        const ir_expr *value;
        if (x->pinned || writes(n, head->eqs.at[i], k, x->number, &index, &value) != OPEN) continue;
        x->pinned = any = true;
      }
  }
  return any;
}

/* ---- the change ------------------------------------------------------------------------------ */

static const ir_expr *read_narrowed(ir_program *p, const ir_expr *e, void *arg) {
  const narrowing *n = arg;
  if (e->op != IR_READ) return e;
  const ir_expr **position = BASE_NEWS(p->arena, const ir_expr *, e->n + 1);
  bool any = false;
  for (int k = 0; k < e->n; k++) {
    bool one = narrowed(n, e->u.tensor, k);
    position[k] = one ? ir_int(p, 0) : e->arg[k];
    any = any || one;
  }
  return any ? ir_read(p, e->u.tensor, position) : e;
}

static void rebuild_eq(narrowing *n, ir_tensor *head, const ir_eq *eq) {
  ir_program *p = n->p;
  const ir_index *index[64];
  const ir_expr *by[64];
  int found = 0;
  for (int k = 0; k < head->rank; k++) {
    if (!narrowed(n, head, k)) continue;
    if (writes(n, eq, k, place_of(n, head, k)->number, &index[found], &by[found]) == NEVER) return;
    if (!index[found]) continue;
    for (int i = 0; i < found; i++) /* H[i,i] is wanted on its diagonal only */
      if (index[i] == index[found] && by[i] != by[found]) return;
    found++;
  }
  const ir_expr **lhs = BASE_NEWS(p->arena, const ir_expr *, head->rank + 1);
  for (int k = 0; k < head->rank; k++) {
    const ir_expr *e =
        narrowed(n, head, k) ? ir_int(p, 0) : ir_substitute(p, eq->lhs[k], found, index, by);
    lhs[k] = ir_rewrite(p, e, read_narrowed, n);
  }
  const ir_expr *body =
      ir_rewrite(p, ir_substitute(p, eq->body, found, index, by), read_narrowed, n);
  ir_define(p, head, eq->agg, lhs, body)->span = eq->span;
}

static void rebuild(narrowing *n, ir_tensor *t) {
  int count = t->eqs.n;
  ir_eq **eqs = BASE_NEWS(n->p->arena, ir_eq *, count + 1);
  for (int i = 0; i < count; i++) eqs[i] = t->eqs.at[i];
  for (int k = 0; k < t->rank; k++)
    if (narrowed(n, t, k)) t->size[k] = ir_int(n->p, 1);
  ir_undefine(t);
  for (int i = 0; i < count; i++) rebuild_eq(n, t, eqs[i]);
}

void pass_narrow(ir_program *p) {
  narrowing n = {.p = p};
  int places = 0;
  n.first = BASE_NEWS(p->arena, int, p->tensors.n + 1);
  for (int t = 0; t < p->tensors.n; t++) {
    n.first[t] = places;
    places += p->tensors.at[t]->rank;
  }
  n.at = BASE_NEWS(p->arena, place, places + 1);
  do settle(&n);
  while (pin(&n));
  bool any = false;
  for (int t = 0; t < p->tensors.n; t++)
    for (int k = 0; k < p->tensors.at[t]->rank; k++) any = any || narrowed(&n, p->tensors.at[t], k);
  for (int t = 0; any && t < p->tensors.n; t++) rebuild(&n, p->tensors.at[t]);
}
