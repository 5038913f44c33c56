/* run: a plan carried out, as loops within loops. A step calls the next for each of its matches;
 * the innermost loop of a join hands whole runs to the store. */
#include <string.h>

#include "rel/private.h"

typedef struct runner {
  const rel_plan *plan;
  const rel_rule *rule;
  rel_relation *head;
  base_ctx *ctx;
  rel_number *vars;
  int64_t countdown;        /* to the next look for an interrupt */
  int64_t bindings;         /* that reached the head */
  int64_t limit;            /* of such bindings, where a recursion makes numbers; 0: none */
} runner;

static bool go(runner *x, int k);

static void look(runner *x) {
  x->countdown = REL_POLL;
  base_poll(x->ctx);
  rel_relation *head = x->head;
  if (!x->plan->rule->makes || x->limit == 0) return;
  int64_t most = head->engine->config.numbers;
  if (head->made + x->bindings < x->limit && head->into->n - (int64_t)head->base->n <= most) return;
  rel_refuse_rule(x->plan->rule, BASE_RUNTIME,
                  "`%s` goes on making numbers: stopped at %u tuples\nhelp: bound them by a "
                  "comparison, as in `n < 100`", head->name, (unsigned)head->into->n);
}

static inline int64_t key_of(const runner *x, rel_operand o) {
  return o.var < 0 ? o.key : x->vars[o.var].i;
}

static inline bool is_real(const runner *x, int var) { return x->rule->real && x->rule->real[var]; }

/* Bind or compare the value's variable; V is of its type. */
static bool take_number(runner *x, const rel_step *s, rel_number v) {
  if (s->value < 0) return true;
  rel_number *var = &x->vars[s->value];
  if (s->value_bound) return is_real(x, s->value) ? var->f == v.f : var->i == v.i;
  *var = v;
  return true;
}

static inline bool take_value(runner *x, const rel_step *s, rel_number v) {
  if (s->convert) v.f = (double)v.i;
  return take_number(x, s, v);
}

/* Row I of these columns: loads its variables; false if what must be equal is not. */
static inline bool take_row(runner *x, const rel_step *s, int64_t *const *column,
                            const rel_number *value, uint32_t i) {
  for (int l = 0; l < s->nload; l++) x->vars[s->load[l].var].i = column[s->load[l].column][i];
  for (int l = 0; l < s->nsame; l++)
    if (column[s->same[l].column][i] != key_of(x, s->same[l].with)) return false;
  return s->value < 0 || take_value(x, s, value[i]);
}

static inline void count_down(runner *x, int64_t n) {
  if ((x->countdown -= n) <= 0) look(x);
}

/* ---- loops ----------------------------------------------------------------------------------- */

/* Rows of a relation that grows are seen up to where they were when the round began. */
static void rows_of(const rel_step *s, uint32_t *from, uint32_t *to) {
  const rel_relation *r = s->relation;
  *from = s->part == REL_DELTA ? r->from : 0;
  *to = s->part == REL_OLD ? r->from : r->running && r->into == r->full ? r->to : s->store->n;
}

static bool scan_changed(runner *x, int k, const rel_step *s) {
  const rel_relation *r = s->relation;
  for (uint32_t i = 0; i < r->nchanged; i++) {
    count_down(x, 1);
    if (!take_row(x, s, s->store->column, s->store->value, r->changed[i])) continue;
    if (go(x, k + 1) && k > x->plan->cut) return true;
  }
  return false;
}

/* The columns are looked up anew for each row: they move when the store grows. */
static bool scan(runner *x, int k, const rel_step *s) {
  if (s->part == REL_DELTA && s->store->valued) return scan_changed(x, k, s);
  uint32_t from, to;
  rows_of(s, &from, &to);
  for (uint32_t i = from; i < to; i++) {
    count_down(x, 1);
    if (!take_row(x, s, s->store->column, s->store->value, i)) continue;
    bool found = go(x, k + 1);
    if (s->once) return found;
    if (found && k > x->plan->cut) return true;
  }
  return false;
}

static void emit_run(runner *x, const rel_step *s, int64_t *const *column, uint32_t from,
                     uint32_t to) {
  const int64_t *run[REL_ARITY];
  int64_t fixed[REL_ARITY];
  const rel_operand *head = x->plan->head;
  for (int c = 0; c < x->head->arity; c++) {
    run[c] = NULL;
    for (int l = 0; l < s->nload; l++)
      if (head[c].var == s->load[l].var) run[c] = column[s->load[l].column] + from;
    fixed[c] = run[c] ? 0 : key_of(x, head[c]);
  }
  rel_store_add_run(x->head->into, to - from, run, fixed);
  x->bindings += to - from;
  count_down(x, to - from);
}

static void range_of(runner *x, const rel_step *s, uint32_t *from, uint32_t *to) {
  if (s->nkey == 1) {
    rel_index_first_range(s->index, key_of(x, s->key[0]), from, to);
    return;
  }
  int64_t key[REL_ARITY];
  for (int i = 0; i < s->nkey; i++) key[i] = key_of(x, s->key[i]);
  rel_index_range(s->index, key, s->nkey, from, to);
}

static bool absent(runner *x, int k, const rel_step *s) {
  return s->missing && take_number(x, s, s->absent) && go(x, k + 1);
}

static bool range(runner *x, int k, const rel_step *s) {
  uint32_t from, to;
  range_of(x, s, &from, &to);
  if (from == to) return absent(x, k, s);
  for (uint32_t i = from; i < to; i++) {
    count_down(x, 1);
    if (!take_row(x, s, s->index->column, s->index->value, i)) continue;
    bool found = go(x, k + 1);
    if (s->once) return found;
    if (found && k > x->plan->cut) return true;
  }
  return false;
}

/* The next row + 1 of the chain from ROW + 1 on that has the keys and is below LIMIT; 0. */
static uint32_t next_in_chain(const rel_step *s, const int64_t *key, bool exact, uint32_t limit,
                              uint32_t row) {
  for (; row; row = s->index->link[row - 1]) {
    if (row > limit) continue;
    bool equal = true;
    for (int i = 0; i < s->nkey && !exact && equal; i++)
      equal = s->store->column[s->index->order[i]][row - 1] == key[i];
    if (equal) return row;
  }
  return 0;
}

static bool chain(runner *x, int k, const rel_step *s) {
  int64_t key[REL_ARITY];
  for (int i = 0; i < s->nkey; i++) key[i] = key_of(x, s->key[i]);
  uint32_t from, to;
  rows_of(s, &from, &to);
  bool exact;
  uint32_t row = rel_index_first(s->store, s->index, key, &exact);
  row = next_in_chain(s, key, exact, to, row);
  if (!row) return absent(x, k, s);
  for (; row; row = next_in_chain(s, key, exact, to, s->index->link[row - 1])) {
    count_down(x, 1);
    if (!take_row(x, s, s->store->column, s->store->value, row - 1)) continue;
    bool found = go(x, k + 1);
    if (s->once) return found;
    if (found && k > x->plan->cut) return true;
  }
  return false;
}

static bool indices(runner *x, int k, const rel_step *s) {
  const rel_dense *d = s->dense;
  int64_t size = d->array.size[s->position];
  const int64_t *symbol = d->symbol ? d->symbol[s->position] : NULL;
  for (int64_t i = 0; i < size; i++) {
    count_down(x, 1);
    x->vars[s->var].i = symbol ? symbol[i] : i;
    if (go(x, k + 1) && k > x->plan->cut) return true;
  }
  return false;
}

/* ---- tests and single values ----------------------------------------------------------------- */

static void tuple_of(const runner *x, const rel_step *s, int64_t *tuple) {
  for (int i = 0; i < s->nkey; i++) tuple[i] = key_of(x, s->key[i]);
}

static bool member(runner *x, int k, const rel_step *s) {
  int64_t tuple[REL_ARITY];
  tuple_of(x, s, tuple);
  if (!s->store->valued) return rel_set_has(s->store, tuple) && go(x, k + 1);
  uint32_t row = rel_set_find(s->store, tuple);
  if (row == REL_NO_ROW) return absent(x, k, s);
  return take_value(x, s, s->value < 0 ? s->absent : s->store->value[row]) && go(x, k + 1);
}

static bool has_none(runner *x, const rel_step *s) {
  int64_t tuple[REL_ARITY];
  uint32_t from, to;
  bool exact;
  switch (s->look) {
    case REL_MEMBER:
      tuple_of(x, s, tuple);
      return !rel_set_has(s->store, tuple);
    case REL_RANGE:
      range_of(x, s, &from, &to);
      return from == to;
    case REL_CHAIN:
      tuple_of(x, s, tuple);
      from = rel_index_first(s->store, s->index, tuple, &exact);
      return !next_in_chain(s, tuple, exact, REL_NO_ROW, from);
    default: return s->store->n == 0;
  }
}

static rel_number element_at(const rel_array *a, int64_t i) {
  const uint16_t *half = a->data;
  switch (a->type) {
    case IR_F16: return (rel_number){.f = (double)base_f16_to_f32(half[i])};
    case IR_BF16: return (rel_number){.f = (double)base_bf16_to_f32(half[i])};
    case IR_F32: return (rel_number){.f = (double)((const float *)a->data)[i]};
    case IR_F64: return (rel_number){.f = ((const double *)a->data)[i]};
    case IR_I32: return (rel_number){.i = ((const int32_t *)a->data)[i]};
    case IR_I64: return (rel_number){.i = ((const int64_t *)a->data)[i]};
    default: return (rel_number){.i = ((const uint8_t *)a->data)[i] != 0};
  }
}

static bool element(runner *x, int k, const rel_step *s) {
  const rel_dense *d = s->dense;
  int64_t at = 0;
  for (int i = 0; i < d->rank; i++) {
    int64_t index = rel_index_of(d, i, key_of(x, s->key[i]));
    if (index < 0) return absent(x, k, s);
    at = at * d->array.size[i] + index;
  }
  return (s->value < 0 || take_value(x, s, element_at(&d->array, at))) && go(x, k + 1);
}

static bool assign(runner *x, int k, const rel_step *s) {
  if (s->var < 0) return go(x, k + 1);
  rel_number v = s->code ? rel_eval(s->code, x->vars) : s->absent, *var = &x->vars[s->var];
  bool to_real = is_real(x, s->var), from_real = s->code ? rel_code_real(s->code) : to_real;
  if (s->bound && to_real != from_real) {
    double a = to_real ? var->f : (double)var->i, b = from_real ? v.f : (double)v.i;
    bool symbol = rel_is_symbol(to_real ? v.i : var->i);
    return !symbol && a == b && go(x, k + 1);
  }
  if (s->bound) return (to_real ? var->f == v.f : var->i == v.i) && go(x, k + 1);
  if (from_real && !to_real) {
    if (!(v.f >= -0x1p62 && v.f <= 0x1p62) || v.f != (double)(int64_t)v.f) return false;
    v.i = (int64_t)v.f;
  } else if (to_real && !from_real) {
    if (rel_is_symbol(v.i)) return false;
    v.f = (double)v.i;
  }
  *var = v;
  return go(x, k + 1);
}

static bool holds(runner *x, const rel_step *s) {
  rel_number v = rel_eval(s->code, x->vars);
  return rel_code_real(s->code) ? v.f != 0 : v.i != 0;
}

/* ---- the head -------------------------------------------------------------------------------- */

static void head_tuple(runner *x, int64_t *tuple) {
  const rel_checked *c = x->plan->rule;
  for (int i = 0; i < x->head->arity; i++) {
    if (x->plan->head) {
      tuple[i] = key_of(x, x->plan->head[i]);
      continue;
    }
    rel_number v = rel_eval(c->key[i], x->vars);
    if (!rel_code_real(c->key[i])) {
      tuple[i] = v.i;
      continue;
    }
    if (!(v.f >= -0x1p62 && v.f <= 0x1p62) || v.f != (double)(int64_t)v.f)
      rel_refuse_rule(c, BASE_RUNTIME, "position %d of `%s` becomes %.9g: a tuple holds integers "
                      "and symbols\nhelp: round it, by `floor` or `round`", i + 1, x->head->name,
                      v.f);
    tuple[i] = (int64_t)v.f;
  }
}

static void emit_value(runner *x, const int64_t *tuple) {
  const rel_checked *c = x->plan->rule;
  rel_relation *head = x->head;
  rel_number v = rel_eval(c->value, x->vars);
  bool real = rel_code_real(c->value);
  if (real && head->integer) {
    ir_value a = {IR_F64, {.f = v.f}};
    v.i = ir_eval_op(IR_CAST, IR_I64, &a).u.i;
  } else if (!real && !head->integer) {
    v.f = (double)v.i;
  }
  bool fresh;
  uint32_t row = rel_store_row(head->into, tuple, &fresh);
  if (rel_fold_value(head, head->into, row, fresh, v) && head->stamps > 0)
    rel_push_pending(head, row);
}

static bool emit(runner *x) {
  int64_t *tuple = x->plan->tuple;
  head_tuple(x, tuple);
  x->bindings++;
  if (x->head->fold == REL_SET)
    rel_store_add(x->head->into, tuple);
  else
    emit_value(x, tuple);
  return true;
}

static bool is_known(runner *x) {
  int64_t *tuple = x->plan->tuple;
  head_tuple(x, tuple);
  return rel_set_has(x->head->into, tuple);
}

/* True: something was emitted. */
static bool go(runner *x, int k) {
  const rel_step *s = &x->plan->step[k];
  if (k == x->plan->n - 2 && x->plan->runs) {
    uint32_t from, to;
    if (s->kind == REL_RANGE) range_of(x, s, &from, &to); else rows_of(s, &from, &to);
    int64_t *const *column = s->kind == REL_RANGE ? s->index->column : s->store->column;
    if (from < to) emit_run(x, s, column, from, to);
    return from < to;
  }
  switch (s->kind) {
    case REL_SCAN: return scan(x, k, s);
    case REL_RANGE: return range(x, k, s);
    case REL_CHAIN: return chain(x, k, s);
    case REL_MEMBER: return member(x, k, s);
    case REL_ABSENT: return has_none(x, s) && go(x, k + 1);
    case REL_INDICES: return indices(x, k, s);
    case REL_ELEMENT: return element(x, k, s);
    case REL_CHECK: return holds(x, s) && go(x, k + 1);
    case REL_ASSIGN: return assign(x, k, s);
    case REL_KNOWN: return !is_known(x) && go(x, k + 1);
    default: return emit(x);
  }
}

void rel_run_plan(const rel_plan *plan) {
  const rel_rule *rule = plan->rule->rule;
  rel_engine *e = rule->head->engine;
  runner x = {.plan = plan, .rule = rule, .head = rule->head, .ctx = e->ctx, .vars = plan->vars};
  x.countdown = REL_POLL;
  for (int i = 0; i < rule->n && plan->rule->makes; i++)
    if (rel_recursive(plan->rule, i)) x.limit = 64 * e->config.numbers;
  go(&x, 0);
  look(&x);
  if (x.limit > 0) rule->head->made += x.bindings;
  e->stats.derived += x.bindings;
}
