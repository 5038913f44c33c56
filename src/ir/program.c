/* program: symbols, indices, tensors and their equations. */
#include <assert.h>
#include <string.h>

#include "ir/private.h"

ir_program *ir_program_open(base_arena *arena) {
  ir_program *p = BASE_NEW(arena, ir_program);
  p->ctx = base_arena_ctx(arena);
  p->arena = arena;
  p->table = ir_table_open(p);
  return p;
}

ir_symbol *ir_symbol_new(ir_program *p, const char *name, bool counter, int64_t least) {
  ir_symbol *s = BASE_NEW(p->arena, ir_symbol);
  s->name = base_copy(p->arena, name);
  s->id = p->symbols.n;
  s->counter = counter;
  s->least = least;
  BASE_PUSH(p->arena, &p->symbols, s);
  return s;
}

ir_index *ir_index_new(ir_program *p, const char *name, const ir_expr *extent) {
  assert(extent->type == IR_I64);
  ir_index *index = BASE_NEW(p->arena, ir_index);
  index->name = base_copy(p->arena, name);
  index->extent = extent;
  index->id = p->indices++;
  return index;
}

/* ---- tensors --------------------------------------------------------------------------------- */

enum { PRIMES = 3 };

/* NAME, with primes as it takes them, from the fourth on with a number. */
static const char *unique_name(ir_program *p, const char *name) {
  base_map *names = p->table->names;
  int *uses = base_map_get_s(names, name);
  const char *unique = base_copy(p->arena, name);
  if (uses != NULL)
    do {
      int n = ++*uses;
      unique = n <= PRIMES ? base_format(p->arena, "%s%.*s", name, n, "'''")
                           : base_format(p->arena, "%s_%d", name, n);
    } while (base_map_get_s(names, unique) != NULL);
  base_map_put_s(names, unique, BASE_NEW(p->arena, int));
  return unique;
}

ir_tensor *ir_tensor_new(ir_program *p, const char *name, ir_type type, int rank,
                         const ir_expr *const *size, ir_role role) {
  ir_tensor *t = BASE_NEW(p->arena, ir_tensor);
  t->name = unique_name(p, name);
  t->type = type;
  t->rank = rank;
  t->size = BASE_NEWS(p->arena, const ir_expr *, rank + 1);
  if (rank > 0) memcpy(t->size, size, sizeof *size * (size_t)rank);
  t->role = role;
  t->id = p->tensors.n;
  BASE_PUSH(p->arena, &p->tensors, t);
  return t;
}

ir_tensor *ir_tensor_like(ir_program *p, const char *name, const ir_tensor *like, ir_type type) {
  return ir_tensor_new(p, name, type, like->rank, like->size, IR_DERIVED);
}

void ir_positions(ir_program *p, const ir_tensor *t, const ir_expr **position) {
  static const char names[] = "ijklmnpqrstuvwxyz";
  for (int i = 0; i < t->rank; i++) {
    char name[2] = {names[(size_t)i % (sizeof names - 1)], 0};
    position[i] = ir_use(p, ir_index_new(p, name, t->size[i]));
  }
}

/* ---- equations ------------------------------------------------------------------------------- */

typedef BASE_VEC(const ir_index *) index_list;

static bool listed(const index_list *list, const ir_index *index) {
  for (int i = 0; i < list->n; i++)
    if (list->at[i] == index) return true;
  return false;
}

/* Append the indices of E that stand in neither list, as they occur. */
static void collect(ir_program *p, const ir_expr *e, const index_list *besides, index_list *to) {
  if (!ir_holds_index(e)) return;
  ir_walk *w = ir_walk_open(e);
  for (const ir_expr *x; (x = ir_walk_next(w)) != NULL;)
    if (x->op == IR_INDEX && !listed(to, x->u.index) && !listed(besides, x->u.index))
      BASE_PUSH(p->arena, to, x->u.index);
  ir_walk_close(w, e);
}

ir_eq *ir_define(ir_program *p, ir_tensor *head, ir_agg agg, const ir_expr *const *lhs,
                 const ir_expr *body) {
  ir_eq *eq = BASE_NEW(p->arena, ir_eq);
  index_list free = {NULL, 0, 0}, red = {NULL, 0, 0};
  eq->head = head;
  eq->agg = agg;
  eq->lhs = BASE_NEWS(p->arena, const ir_expr *, head->rank + 1);
  for (int i = 0; i < head->rank; i++) {
    eq->lhs[i] = ir_cast(p, lhs[i], IR_I64);
    collect(p, eq->lhs[i], &red, &free);
  }
  eq->body = ir_cast(p, body, ir_type_computed(head->type));
  collect(p, eq->body, &free, &red);
  eq->nfree = free.n;
  eq->free = free.at;
  eq->nred = red.n;
  eq->red = red.at;
  eq->span = head->span;
  BASE_PUSH(p->arena, &head->eqs, eq);
  return eq;
}

void ir_undefine(ir_tensor *t) { t->eqs.n = 0; }

void ir_output(ir_program *p, ir_tensor *t) { BASE_PUSH(p->arena, &p->outputs, t); }

void ir_commit_to(ir_program *p, ir_tensor *state, ir_tensor *value) {
  ir_commit c = {state, value};
  BASE_PUSH(p->arena, &p->commits, c);
}

const ir_expr *ir_same_size(const ir_expr *symbol) {
  while (symbol->op == IR_SYMBOL && symbol->u.symbol->same) symbol = symbol->u.symbol->same;
  return symbol;
}

static bool is_size(const ir_expr *e) { return e->op == IR_SYMBOL || e->op == IR_CONST; }

static void unite(ir_program *p, const ir_expr *a, const ir_expr *b) {
  if (!is_size(a) || !is_size(b)) return;
  a = ir_same_size(a), b = ir_same_size(b);
  if (a == b) return;
  if (b->op == IR_SYMBOL) p->symbols.at[b->u.symbol->id]->same = a;
  else if (a->op == IR_SYMBOL) p->symbols.at[a->u.symbol->id]->same = b;
}

void ir_require_that(ir_program *p, const ir_expr *left, const ir_expr *right, bool at_most,
                     const char *message, base_span span) {
  int64_t a, b;
  if (ir_is_int(left, &a) && ir_is_int(right, &b) && (at_most ? a <= b : a == b)) return;
  if (left == right) return;
  for (int i = 0; i < p->requires.n; i++) {
    const ir_require *r = &p->requires.at[i];
    if (r->left == left && r->right == right && r->at_most == at_most && !r->of) return;
  }
  ir_require r = {left, right, at_most, base_copy(p->arena, message), span, NULL, false};
  BASE_PUSH(p->arena, &p->requires, r);
  if (!at_most) unite(p, left, right);
}

void ir_require_equal(ir_program *p, const ir_expr *a, const ir_expr *b, const char *message,
                      base_span span) {
  ir_require_that(p, a, b, false, message, span);
}

void ir_require_some(ir_program *p, const ir_tensor *of, const ir_expr *n, const char *message,
                     base_span span) {
  ir_require r = {ir_int(p, 1), n, true, base_copy(p->arena, message), span, of, true};
  BASE_PUSH(p->arena, &p->requires, r);
}

/* ---- aggregation ----------------------------------------------------------------------------- */

const char *ir_agg_spelling(ir_agg agg) {
  static const char *const spelling[IR_AGGS] = {"=", "+=", "max=", "min=", "prod="};
  return spelling[agg];
}

const ir_expr *ir_agg_neutral(ir_program *p, ir_agg agg, ir_type computed) {
  double inf = __builtin_inf();
  switch (agg) {
    case IR_PROD: return ir_number(p, computed, 1);
    case IR_MAX:   /* -inf saturates to the least integer; as bool it would be true */
      return computed == IR_BOOL ? ir_bool(p, false) : ir_number(p, computed, -inf);
    case IR_MIN: return ir_number(p, computed, inf);
    default: return ir_number(p, computed, 0);
  }
}

/* ---- windows --------------------------------------------------------------------------------- */

const ir_index *ir_position_index(const ir_expr *lhs, const ir_expr **offset) {
  ir_program *p = lhs->table->program;
  poly e;
  poly_of(&e, lhs);
  *offset = lhs;
  for (int i = 0; i < e.n; i++) {
    const poly_term *t = &e.term[i];
    if (t->atom[0] == NULL || t->atom[0]->op != IR_INDEX) continue;
    if (t->atom[1] != NULL || t->k != 1) continue;
    const ir_expr *rest = ir_sum(p, lhs, -1, t->atom[0]);
    if (ir_holds_index(rest)) continue;
    *offset = rest;
    return t->atom[0]->u.index;
  }
  return NULL;
}

bool ir_window(const ir_eq *eq) {
  uint64_t met = 0;
  const ir_index *index[64];
  for (int i = 0; i < eq->head->rank; i++) {
    const ir_expr *offset;
    index[i] = ir_position_index(eq->lhs[i], &offset);
    if (index[i] == NULL && ir_holds_index(eq->lhs[i])) return false;
    if (ir_holds_data(eq->lhs[i])) return false;
    for (int j = 0; j < i && index[i] != NULL && (met & ir_index_bit(index[i])); j++)
      if (index[j] == index[i]) return false;
    if (index[i] != NULL) met |= ir_index_bit(index[i]);
  }
  return true;
}

typedef struct interval { const ir_expr *from, *to; } interval;

static interval interval_of(ir_program *p, const ir_expr *lhs) {
  const ir_expr *from;
  const ir_index *index = ir_position_index(lhs, &from);
  return (interval){from, ir_sum(p, from, 1, index != NULL ? index->extent : ir_int(p, 1))};
}

static bool spans(ir_program *p, const ir_eq *eq, int position) {
  interval x = interval_of(p, eq->lhs[position]);
  return ir_is_const(x.from, 0) && ir_less_equal(p, eq->head->size[position], x.to);
}

/* Do the windows, laid end to end along POSITION, reach from 0 to its size? */
static bool chained(ir_program *p, const ir_tensor *t, int position) {
  const ir_expr *reached = ir_int(p, 0);
  for (int round = 0; round <= t->eqs.n; round++) {
    if (ir_less_equal(p, t->size[position], reached)) return true;
    const ir_expr *next = NULL;
    for (int i = 0; i < t->eqs.n && next == NULL; i++) {
      interval x = interval_of(p, t->eqs.at[i]->lhs[position]);
      if (x.from == reached && x.to != reached) next = x.to;
    }
    if (next == NULL) return false;
    reached = next;
  }
  return false;
}

bool ir_covered(ir_program *p, const ir_tensor *t) {
  if (t->role != IR_DERIVED && t->eqs.n == 0) return true;
  if (t->eqs.n == 0) return false;
  int partial = -1;
  for (int i = 0; i < t->eqs.n; i++) {
    if (!ir_window(t->eqs.at[i])) return false;
    for (int k = 0; k < t->rank; k++) {
      if (k == partial || spans(p, t->eqs.at[i], k)) continue;
      if (partial >= 0) return false;
      partial = k;
    }
  }
  return partial < 0 || chained(p, t, partial);
}
