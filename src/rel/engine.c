/* engine: relations and their facts; what is whole and what has become stale. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "rel/private.h"

/* ---- opening and closing --------------------------------------------------------------------- */

static void close_engine(void *object) {
  rel_engine *e = object;
  for (rel_store *s = e->stores; s; s = s->next) rel_store_free(s);
  for (int i = 0; i < e->relations.n; i++) {
    rel_relation *r = e->relations.at[i];
    base_free(e->ctx, r->changed);
    base_free(e->ctx, r->pending);
    base_free(e->ctx, r->stamp);
  }
  base_free(e->ctx, e->rank);
}

rel_engine *rel_open(base_arena *arena, const rel_config *config) {
  rel_engine *e = BASE_NEW(arena, rel_engine);
  e->ctx = base_arena_ctx(arena);
  e->arena = arena;
  if (config) e->config = *config;
  if (e->config.numbers <= 0) e->config.numbers = (int64_t)1 << 22;
  e->symbols = base_map_open(arena);
  base_defer(arena, close_engine, e);
  return e;
}

rel_relation *rel_new(rel_engine *e, const char *name, int arity, rel_fold fold, ir_type type,
                      base_span span) {
  if (arity > REL_ARITY)
    base_raise(e->ctx, BASE_REFUSED, span, "`%s` has %d positions, more than the %d that a "
               "relation may have", name, arity, REL_ARITY);
  rel_relation *r = BASE_NEW(e->arena, rel_relation);
  r->engine = e;
  r->name = base_copy(e->arena, name);
  r->arity = arity;
  r->id = e->relations.n;
  r->fold = fold;
  r->type = type;
  r->integer = !ir_type_real(type);
  r->span = span;
  r->stratum = -1;
  r->base = r->full = rel_store_new(e, r);
  r->own = rel_store_new(e, r);
  BASE_PUSH(e->arena, &e->relations, r);
  return r;
}

const char *rel_name(const rel_relation *r) { return r->name; }
int rel_arity(const rel_relation *r) { return r->arity; }
rel_fold rel_fold_of(const rel_relation *r) { return r->fold; }
ir_type rel_type(const rel_relation *r) { return r->type; }

void rel_settle(rel_relation *r, double tolerance, double start, int64_t rounds) {
  r->settles = true;
  r->tolerance = tolerance;
  r->start = start;
  r->rounds = rounds;
  rel_mark_stale(r);
}

rel_stats rel_statistics(const rel_engine *e) {
  rel_stats stats = e->stats;
  for (int i = 0; i < e->relations.n; i++) stats.tuples += e->relations.at[i]->full->n;
  for (rel_store *s = e->stores; s; s = s->next)
    for (const rel_index *x = s->index; x; x = x->next) stats.indexes += x->rows > 0;
  return stats;
}

/* ---- what is stale --------------------------------------------------------------------------- */

/* What is whole depends on nothing that is not: so this stops at what is stale already. */
void rel_mark_stale(rel_relation *r) {
  r->engine->changes++;
  r->whole = false;
  bool any = false;
  for (int i = 0; i < r->readers.n; i++) any |= r->readers.at[i]->rule->head->whole;
  if (!any) return;
  base_arena *arena = base_arena_child(r->engine->arena);
  BASE_VEC(rel_relation *) left = {0};
  BASE_PUSH(arena, &left, r);
  while (left.n > 0) {
    rel_relation *now = left.at[--left.n];
    for (int i = 0; i < now->readers.n; i++) {
      rel_relation *head = now->readers.at[i]->rule->head;
      if (!head->whole) continue;
      head->whole = false;
      BASE_PUSH(arena, &left, head);
    }
  }
  base_arena_close(arena);
}

void rel_stale(rel_dense *d) {
  d->fetched = false;
  for (int i = 0; i < d->readers.n; i++) {
    rel_relation *head = d->readers.at[i]->rule->head;
    if (head->whole) rel_mark_stale(head);
  }
}

/* ---- values ---------------------------------------------------------------------------------- */

rel_number rel_round(const rel_relation *r, rel_number v) {
  switch (r->type) {
    case IR_F64: case IR_I64: return v;
    case IR_F32: return (rel_number){.f = (double)(float)v.f};
    default: break;
  }
  ir_value x = {r->integer ? IR_I64 : IR_F64, {0}};
  if (r->integer) x.u.i = v.i; else x.u.f = v.f;
  x = ir_eval_op(IR_CAST, r->type, &x);
  return r->integer ? (rel_number){.i = x.u.i} : (rel_number){.f = x.u.f};
}

/* Does VALUE take KEPT's place? nan does, and stays: so it is for min and max everywhere. */
static bool takes_over(const rel_relation *r, rel_number value, rel_number kept) {
  if (r->integer) return r->fold == REL_MIN ? value.i < kept.i : value.i > kept.i;
  if (isnan(value.f)) return !isnan(kept.f);
  return r->fold == REL_MIN ? value.f < kept.f : value.f > kept.f;
}

static bool same(const rel_relation *r, rel_number a, rel_number b) {
  if (r->integer) return a.i == b.i;
  return a.f == b.f || (isnan(a.f) && isnan(b.f));
}

_Noreturn static void refuse_second(const rel_relation *r, const rel_store *s, uint32_t row,
                                    rel_number value) {
  base_arena *arena = base_arena_child(r->engine->arena);
  base_text text = base_text_open(arena);
  for (int c = 0; c < r->arity; c++) {
    if (c > 0) base_put(&text, ", ");
    rel_put_key(&text, r->engine, s->column[c][row]);
  }
  double a = r->integer ? (double)s->value[row].i : s->value[row].f;
  double b = r->integer ? (double)value.i : value.f;
  base_raise(r->engine->ctx, BASE_REFUSED, r->span,
             "`%s[%s]` is given twice, as %.9g and as %.9g\n"
             "help: keep one of them, or say by `+=`, `min=` or `max=` what becomes of both",
             r->name, text.at, a, b);
}

static rel_number accumulated(const rel_relation *r, rel_number a, rel_number b) {
  bool product = r->fold == REL_PROD;
  if (!r->integer) return (rel_number){.f = product ? a.f * b.f : a.f + b.f};
  int64_t made;
  if (product ? __builtin_mul_overflow(a.i, b.i, &made) : __builtin_add_overflow(a.i, b.i, &made))
    base_raise(r->engine->ctx, BASE_RUNTIME, r->span,
               "the %s of the values of `%s` grows beyond 64 bits\n"
               "help: declare its type as f64", product ? "product" : "sum", r->name);
  return (rel_number){.i = made};
}

bool rel_fold_value(const rel_relation *r, rel_store *s, uint32_t row, bool fresh,
                    rel_number value) {
  bool picks = r->fold == REL_MIN || r->fold == REL_MAX || r->fold == REL_ONE;
  if (picks) value = rel_round(r, value);
  rel_number *kept = &s->value[row];
  if (fresh) {
    *kept = value;
    if (s->weighed) s->weight[row] = 1;
    return true;
  }
  switch (r->fold) {
    case REL_ONE:
      if (!same(r, *kept, value)) refuse_second(r, s, row, value);
      return false;
    case REL_MIN:
    case REL_MAX: {
      bool better = takes_over(r, value, *kept);
      if (better) *kept = value;
      return better;
    }
    default:
      *kept = accumulated(r, *kept, value);
      if (s->weighed) s->weight[row]++;
      return true;
  }
}

void rel_finish_values(const rel_relation *r, rel_store *s) {
  if (r->fold != REL_SUM && r->fold != REL_AVG && r->fold != REL_PROD) return;
  for (uint32_t i = 0; i < s->n; i++) {
    rel_number v = s->value[i];
    if (s->weighed && r->integer) v.i /= s->weight[i];
    if (s->weighed && !r->integer) v.f /= s->weight[i];
    s->value[i] = rel_round(r, v);
  }
}

/* ---- facts ----------------------------------------------------------------------------------- */

/* Its index copies values, so one that changed in place makes them stale. */
static void insert(rel_relation *r, const int64_t *tuple, rel_number value) {
  if (r->fold == REL_SET) {
    rel_store_add(r->base, tuple);
    return;
  }
  bool fresh;
  uint32_t row = rel_store_row(r->base, tuple, &fresh);
  if (rel_fold_value(r, r->base, row, fresh, value) && !fresh) rel_index_free(r->base);
}

void rel_insert(rel_relation *r, const int64_t *tuple, rel_number value) {
  rel_mark_stale(r);
  insert(r, tuple, value);
}

void rel_load(rel_relation *r, int64_t n, const int64_t *const *column, const rel_number *value) {
  int64_t tuple[REL_ARITY];
  rel_mark_stale(r);
  for (int64_t i = 0; i < n; i++) {
    if (i % REL_POLL == 0) base_poll(r->engine->ctx);
    for (int c = 0; c < r->arity; c++) tuple[c] = column[c][i];
    insert(r, tuple, value ? value[i] : (rel_number){0});
  }
}

void rel_clear(rel_relation *r) {
  rel_mark_stale(r);
  rel_store_free(r->base);
}

/* ---- dense tensors, rules -------------------------------------------------------------------- */

rel_dense *rel_dense_new(rel_engine *e, const char *name, int rank, const int64_t *const *symbol,
                         rel_fetch *fetch, void *user) {
  rel_dense *d = BASE_NEW(e->arena, rel_dense);
  d->engine = e;
  d->name = base_copy(e->arena, name);
  d->rank = rank;
  d->id = e->denses.n;
  d->symbol = symbol;
  d->fetch = fetch;
  d->user = user;
  BASE_PUSH(e->arena, &e->denses, d);
  return d;
}

const char *rel_dense_name(const rel_dense *d) { return d->name; }

void rel_add(rel_engine *e, const rel_rule *rule) {
  if (!e->building) rel_forget_goals(e);
  rule = rel_project(e, rule);
  rel_checked *c = BASE_NEW(e->arena, rel_checked);
  c->rule = rule;
  c->goal = e->building;
  for (int i = 0; i < rule->n; i++) {
    const rel_item *item = &rule->item[i];
    if (item->kind == REL_ATOM || item->kind == REL_NOT)
      BASE_PUSH(e->arena, &item->relation->readers, c);
    if (item->kind == REL_DENSE) BASE_PUSH(e->arena, &item->dense->readers, c);
  }
  BASE_PUSH(e->arena, &rule->head->rules, c);
  BASE_PUSH(e->arena, &e->rules, c);
  e->checked = false;
  rel_mark_stale(rule->head);
}

const char *rel_rule_text(const rel_checked *c) {
  return c->rule->text ? c->rule->text : c->rule->head->name;
}

void rel_refuse_rule(const rel_checked *c, base_status status, const char *format, ...) {
  char message[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  /* the first line says what, the rule stands behind it, then come the lines of help */
  size_t first = strcspn(message, "\n");
  base_raise(c->rule->head->engine->ctx, status, c->rule->span, "%.*s, in `%s`%s", (int)first,
             message, rel_rule_text(c), message + first);
}
