/* fixpoint: relations made whole, stratum by stratum; recursion by deltas. */
#include <stdlib.h>
#include <string.h>

#include "rel/private.h"

/* ---- deltas of valued relations -------------------------------------------------------------- */

static void make_room(rel_relation *r, uint32_t rows) {
  if (rows <= r->room) return;
  uint32_t room = rows + rows / 2 + 16;
  rel_grow(r->full, &r->changed, r->nchanged * sizeof(uint32_t), room * sizeof(uint32_t));
  rel_grow(r->full, &r->pending, r->npending * sizeof(uint32_t), room * sizeof(uint32_t));
  rel_grow(r->full, &r->stamp, r->room * sizeof(uint32_t), room * sizeof(uint32_t));
  memset(r->stamp + r->room, 0, (room - r->room) * sizeof(uint32_t));
  r->room = room;
}

void rel_push_pending(rel_relation *r, uint32_t row) {
  if (row >= r->room) make_room(r, row + 1);
  if (r->stamp[row] == r->stamps) return;
  r->stamp[row] = r->stamps;
  r->pending[r->npending++] = row;
}

static void drop_deltas(rel_relation *r) {
  base_ctx *ctx = r->engine->ctx;
  base_free(ctx, r->changed);
  base_free(ctx, r->pending);
  base_free(ctx, r->stamp);
  r->changed = r->pending = r->stamp = NULL;
  r->nchanged = r->npending = r->room = r->stamps = 0;
}

/* ---- a stratum's relations before and after -------------------------------------------------- */

static bool accumulates(const rel_relation *r) {
  return r->fold == REL_SUM || r->fold == REL_AVG || r->fold == REL_PROD;
}

/* Facts alone need no copy, unless what they add up to is yet to be rounded. */
static void begin(rel_relation *r) {
  r->full = r->rules.n > 0 || accumulates(r) ? r->own : r->base;
  if (r->full == r->own) rel_store_copy(r->own, r->base);
  r->into = r->full;
  r->running = true;
  r->begun = false;
  r->from = r->to = 0;
  r->made = 0;
}

static void end(rel_stratum *stratum) {
  for (int i = 0; i < stratum->relations.n; i++) {
    rel_relation *r = stratum->relations.at[i];
    r->running = false;
    r->into = NULL;
    drop_deltas(r);
    if (r->spare) rel_store_free(r->spare);
    if (r->fixed) rel_store_free(r->fixed);
  }
}

typedef BASE_VEC(rel_plan *) plans;

/* The rules that read nothing of their own stratum, once. */
static void run_first(rel_engine *e, rel_stratum *stratum) {
  plans all = {0};
  for (int i = 0; i < stratum->relations.n; i++) {
    rel_relation *r = stratum->relations.at[i];
    for (int j = 0; j < r->rules.n; j++)
      if (!rel_reads_itself(r->rules.at[j]))
        BASE_PUSH(e->work, &all, rel_plan_rule(e->work, r->rules.at[j], -1, false));
  }
  rel_plan_indexes(e->work, all.n, all.at);
  for (int i = 0; i < all.n; i++) rel_run_plan(all.at[i]);
}

static void run_once(rel_engine *e, rel_stratum *stratum) {
  for (int i = 0; i < stratum->relations.n; i++) begin(stratum->relations.at[i]);
  run_first(e, stratum);
  for (int i = 0; i < stratum->relations.n; i++) {
    rel_relation *r = stratum->relations.at[i];
    if (r->full == r->own) rel_finish_values(r, r->own);
  }
}

/* ---- by deltas ------------------------------------------------------------------------------- */

typedef struct delta_rule {
  rel_relation *reads;
  rel_plan *plan;
} delta_rule;

typedef struct rounds {
  rel_engine *e;
  rel_stratum *stratum;
  base_arena *arena;           /* of the plans that are in use */
  BASE_VEC(delta_rule) rules;
  int64_t planned;             /* tuples there were then */
  int64_t passed;
} rounds;

static int64_t tuples(const rel_stratum *stratum) {
  int64_t n = 0;
  for (int i = 0; i < stratum->relations.n; i++) n += stratum->relations.at[i]->full->n;
  return n;
}

static double value_at(const rel_relation *r, uint32_t row) {
  rel_number v = r->full->value[row];
  double value = r->integer ? (double)v.i : v.f;
  return r->fold == REL_MAX ? -value : value;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

enum { FEW = 256, SAMPLE = 32 };

/* The best quarter of many is the delta, the others wait: they may improve before they spread,
 * which is what makes Dijkstra's order a good one. Any order is right. */
static void hold_back(rel_relation *r) {
  double sample[SAMPLE];
  if (r->nchanged < FEW) return;
  for (uint32_t i = 0; i < SAMPLE; i++)
    sample[i] = value_at(r, r->changed[(uint64_t)i * r->nchanged / SAMPLE]);
  qsort(sample, SAMPLE, sizeof *sample, by_value);
  double most = sample[SAMPLE / 4];
  uint32_t kept = 0;
  for (uint32_t i = 0; i < r->nchanged; i++) {
    uint32_t row = r->changed[i];
    if (value_at(r, row) > most) {
      r->stamp[row] = r->stamps;
      r->pending[r->npending++] = row;
    } else {
      r->changed[kept++] = row;
    }
  }
  r->nchanged = kept;
}

/* By the first key: what is made from one row lies near what is made from the next. */
static void sort_changed(rel_relation *r) {
  uint32_t n = r->nchanged;
  if (n < FEW || r->arity == 0) return;
  base_ctx *ctx = r->engine->ctx;
  base_arena *arena = base_arena_child(r->engine->work);
  int64_t *key = BASE_NEWS(arena, int64_t, n), low = INT64_MAX, high = INT64_MIN;
  uint32_t *before = BASE_NEWS(arena, uint32_t, n);
  const int64_t *keys[] = {key};
  for (uint32_t i = 0; i < n; i++) {
    before[i] = r->changed[i];
    key[i] = r->full->column[0][before[i]];
    low = key[i] < low ? key[i] : low;
    high = key[i] > high ? key[i] : high;
  }
  uint32_t *order = rel_sort(ctx, n, 1, keys, &low, &high);
  for (uint32_t i = 0; i < n; i++) r->changed[i] = before[order[i]];
  base_free(ctx, order);
  base_arena_close(arena);
}

/* What was made in the last round is the delta of the next; false: nothing was. */
static bool next_round(rel_stratum *stratum) {
  bool any = false;
  for (int i = 0; i < stratum->relations.n; i++) {
    rel_relation *r = stratum->relations.at[i];
    r->from = r->to;
    r->to = r->full->n;
    if (r->fold == REL_SET) {
      any |= r->from < r->to;
      continue;
    }
    uint32_t *swap = r->changed;
    r->changed = r->pending;
    r->nchanged = r->npending;
    r->pending = swap;
    r->npending = 0;
    r->stamps++;
    hold_back(r);
    sort_changed(r);
    any |= r->nchanged > 0;
  }
  return any;
}

static bool has_delta(const rel_relation *r) {
  return r->fold == REL_SET ? r->from < r->to : r->nchanged > 0;
}

/* A plan for each rule and each item of it that reads its own stratum. */
static void plan_deltas(rounds *k) {
  base_arena_close(k->arena);
  k->arena = base_arena_child(k->e->work);
  k->rules.n = 0;
  k->rules.cap = 0;
  plans all = {0};
  for (int i = 0; i < k->stratum->relations.n; i++) {
    rel_relation *r = k->stratum->relations.at[i];
    for (int j = 0; j < r->rules.n; j++) {
      rel_checked *c = r->rules.at[j];
      for (int item = 0; item < c->rule->n; item++) {
        if (!rel_recursive(c, item)) continue;
        rel_plan *plan = rel_plan_rule(k->arena, c, item, false);
        BASE_PUSH(k->arena, &all, plan);
        BASE_PUSH(k->arena, &k->rules, ((delta_rule){c->rule->item[item].relation, plan}));
      }
    }
  }
  rel_plan_indexes(k->arena, all.n, all.at);
  k->planned = tuples(k->stratum);
}

int64_t rel_rounds_allowed(const rel_engine *e, const rel_stratum *stratum, int64_t otherwise) {
  for (int i = 0; i < stratum->relations.n; i++)
    if (stratum->relations.at[i]->settles && stratum->relations.at[i]->rounds > 0)
      return stratum->relations.at[i]->rounds;
  return e->config.rounds > 0 ? e->config.rounds : otherwise;
}

/* Relations of finitely many keys end; minima may sink for ever. */
static void check_rounds(rounds *k) {
  const rel_relation *sinks = NULL;
  int64_t keys = 0;
  for (int i = 0; i < k->stratum->relations.n; i++) {
    const rel_relation *r = k->stratum->relations.at[i];
    if (r->fold == REL_SET) continue;
    keys += r->full->n;
    if (r->nchanged > 0) sinks = r;
  }
  if (!sinks || k->passed <= rel_rounds_allowed(k->e, k->stratum, 1000 + 2 * keys)) return;
  bool least = sinks->fold == REL_MIN;
  base_text text = base_text_open(k->e->work);
  for (int c = 0; c < sinks->arity; c++) {
    if (c > 0) base_put(&text, ", ");
    rel_put_key(&text, k->e, sinks->full->column[c][sinks->changed[0]]);
  }
  base_raise(k->e->ctx, BASE_RUNTIME, sinks->span,
             "`%s` does not settle: after %lld rounds `%s[%s]` still %s, for a cycle makes it %s "
             "each time around\nhelp: look for %s cycle; `rounds(%s, n)` allows more rounds",
             sinks->name, (long long)k->passed, sinks->name, text.at, least ? "falls" : "rises",
             least ? "smaller" : "larger", least ? "a negative" : "a growing", sinks->name);
}

static void start_deltas(rel_stratum *stratum) {
  for (int i = 0; i < stratum->relations.n; i++) {
    rel_relation *r = stratum->relations.at[i];
    begin(r);
    if (r->fold == REL_SET) continue;
    r->stamps = 1;
    for (uint32_t row = 0; row < r->full->n; row++) rel_push_pending(r, row);
  }
}

void rel_run_deltas(rel_engine *e, rel_stratum *stratum) {
  rounds k = {.e = e, .stratum = stratum};
  start_deltas(stratum);
  run_first(e, stratum);
  if (rel_run_closure(e, stratum) || rel_run_linear(e, stratum)) return;
  while (next_round(stratum)) {
    base_poll(e->ctx);
    k.passed++;
    e->stats.rounds++;
    check_rounds(&k);
    for (int i = 0; i < stratum->relations.n; i++) rel_index_sync(stratum->relations.at[i]->full);
    if (!k.arena || tuples(stratum) > 4 * k.planned) plan_deltas(&k);
    for (int i = 0; i < k.rules.n; i++)
      if (has_delta(k.rules.at[i].reads)) rel_run_plan(k.rules.at[i].plan);
  }
}

/* ---- everything that a relation needs -------------------------------------------------------- */

/* Runs with the trap of rel_need's own set, which cleans up. */
static void run_stratum(rel_engine *e, rel_stratum *stratum) {
  if (stratum->mode == REL_ONCE)
    run_once(e, stratum);
  else if (rel_deltas_fit(e, stratum))
    rel_run_deltas(e, stratum);
  else
    rel_run_rounds(e, stratum);
  e->stats.strata++;
}

static void fetch_all(rel_stratum *stratum) {
  for (int i = 0; i < stratum->relations.n; i++) {
    rel_relation *r = stratum->relations.at[i];
    for (int j = 0; j < r->rules.n; j++) {
      const rel_rule *rule = r->rules.at[j]->rule;
      for (int k = 0; k < rule->n; k++)
        if (rule->item[k].kind == REL_DENSE) rel_fetch_dense(rule->item[k].dense);
    }
  }
}

static void set_busy(rel_stratum *stratum, bool busy) {
  for (int i = 0; i < stratum->relations.n; i++) stratum->relations.at[i]->busy = busy;
}

static void make_stratum(rel_engine *e, rel_stratum *stratum) {
  rel_relation *first = stratum->relations.at[0];
  if (first->busy)
    base_raise(e->ctx, BASE_REFUSED, first->span,
               "`%s` depends on itself through a dense tensor that is made from it", first->name);
  base_trap trap;
  set_busy(stratum, true);
  if (BASE_TRY(e->ctx, &trap)) {
    fetch_all(stratum);
    e->work = base_arena_child(e->arena);
    run_stratum(e, stratum);
    base_untrap(e->ctx, &trap);
  } else {
    set_busy(stratum, false);
    end(stratum);
    base_arena_close(e->work);
    e->work = NULL;
    base_raise_again(e->ctx);
  }
  set_busy(stratum, false);
  end(stratum);
  base_arena_close(e->work);
  e->work = NULL;
  for (int i = 0; i < stratum->relations.n; i++) stratum->relations.at[i]->whole = true;
}

/* Make what R needs, in order. False: a tensor that was fetched asked questions of its own, for
 * which rules were made; the strata are others now, and one must begin anew. */
static bool make_needed(rel_engine *e, rel_relation *r) {
  base_arena *arena = base_arena_child(e->arena);
  bool *needed = BASE_NEWS(arena, bool, e->strata.n + 1), same = true;
  rel_strata_of(r, arena, false, needed);
  int64_t stratified = e->stratified;
  for (int i = 0; same && i < e->strata.n; i++) {
    if (!needed[i]) continue;
    make_stratum(e, e->strata.at[i]);
    same = e->stratified == stratified;
  }
  base_arena_close(arena);
  return same;
}

void rel_need(rel_relation *r) {
  rel_engine *e = r->engine;
  do {
    /* a relation newer than the strata has neither rules nor readers */
    if (r->stratum < 0) e->checked = false;
    rel_check(e);
  } while (!r->whole && !make_needed(e, r));
}
