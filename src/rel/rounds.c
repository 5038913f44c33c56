/* rounds: recursion in which every value is replaced in every round, until none changes any more;
 * and what tells it from recursion that may go by deltas. */
#include <math.h>
#include <stdio.h>

#include "rel/private.h"

/* ---- may a stratum be run by deltas? --------------------------------------------------------- */

typedef struct scene {
  const rel_checked *c;
  rel_fold fold;               /* of the stratum's valued relations */
  bool positive;               /* are its values assumed to be 0 or more? */
  bool grows[REL_VARIABLES];   /* follows a value of the stratum */
  bool nonnegative[REL_VARIABLES];
} scene;

static bool values_nonnegative(const rel_relation *r, const rel_store *s) {
  for (uint32_t i = 0; i < s->n; i++)
    if (r->integer ? s->value[i].i < 0 : !(s->value[i].f >= 0)) return false;
  return true;
}

/* Signs of what an atom binds. */
static void read_signs(scene *k, int item) {
  const rel_item *it = &k->c->rule->item[item];
  if (it->kind != REL_ATOM) return;
  rel_relation *r = it->relation;
  bool own = rel_recursive(k->c, item);
  rel_store *s = r->full;
  if (it->value >= 0) k->nonnegative[it->value] = own ? k->positive : values_nonnegative(r, s);
  if (own || s->n == 0) return;
  rel_store_measure(s);
  for (int i = 0; i < r->arity; i++)
    if (it->term[i].kind == REL_VAR && s->low[i] >= 0) k->nonnegative[it->term[i].var] = true;
}

static int binders(const rel_rule *rule, int var) {
  int n = 0;
  for (int i = 0; i < rule->n; i++) {
    const rel_item *it = &rule->item[i];
    bool atom = it->kind == REL_ATOM || it->kind == REL_DENSE;
    n += (atom && it->value == var) || (it->kind == REL_BIND && it->var == var);
  }
  return n;
}

static bool stands_as_key(const scene *k) {
  const rel_rule *rule = k->c->rule;
  for (int i = 0; i < rule->n; i++) {
    const rel_item *it = &rule->item[i];
    if (it->kind == REL_TEST || it->kind == REL_BIND) continue;
    int n = it->kind == REL_DENSE ? it->dense->rank : it->relation->arity;
    for (int j = 0; j < n; j++)
      if (it->term[j].kind == REL_VAR && k->grows[it->term[j].var]) return true;
  }
  for (int v = 0; v < rule->nvars; v++)
    for (int i = 0; i < rule->head->arity && k->grows[v]; i++)
      if (rel_code_uses(k->c->key[i], v)) return true;
  return false;
}

/* `w = e` carries growth on where e does not fall; each variable that grows has one origin. */
static bool follow_values(scene *k) {
  const rel_rule *rule = k->c->rule;
  for (bool more = true; more;) {
    more = false;
    for (int i = 0; i < rule->n; i++) {
      const rel_item *it = &rule->item[i];
      if (it->kind != REL_BIND || k->grows[it->var]) continue;
      bool touches = false;
      for (int v = 0; v < rule->nvars; v++)
        touches |= k->grows[v] && rel_code_uses(k->c->test[i], v);
      if (!k->nonnegative[it->var])
        k->nonnegative[it->var] = rel_never_negative(it->test, k->nonnegative);
      if (!touches) continue;
      if (!rel_monotone(it->test, k->grows, k->nonnegative, true)) return false;
      k->grows[it->var] = more = true;
    }
  }
  for (int v = 0; v < rule->nvars; v++)
    if (k->grows[v] && binders(rule, v) > 1) return false;
  return true;
}

static bool rule_fits(scene *k) {
  const rel_rule *rule = k->c->rule;
  for (int i = 0; i < rule->n; i++) {
    const rel_item *it = &rule->item[i];
    read_signs(k, i);
    if (!rel_recursive(k->c, i)) continue;
    if (it->kind == REL_NOT || it->total) return false;
    if (it->value >= 0) k->grows[it->value] = true;
  }
  if (!follow_values(k) || stands_as_key(k)) return false;
  bool rises = k->fold == REL_MAX;
  for (int i = 0; i < rule->n; i++)
    if (rule->item[i].kind == REL_TEST &&
        !rel_monotone(rule->item[i].test, k->grows, k->nonnegative, rises))
      return false;
  if (rule->head->fold == REL_SET) return true;
  if (k->positive && !rel_never_negative(rule->value, k->nonnegative)) return false;
  return rel_monotone(rule->value, k->grows, k->nonnegative, true);
}

static bool all_fit(const rel_stratum *stratum, rel_fold fold, bool positive) {
  for (int i = 0; i < stratum->relations.n; i++) {
    const rel_relation *r = stratum->relations.at[i];
    if (positive && r->fold != REL_SET && !values_nonnegative(r, r->base)) return false;
    for (int j = 0; j < r->rules.n; j++) {
      scene k = {.c = r->rules.at[j], .fold = fold, .positive = positive};
      if (!rule_fits(&k)) return false;
    }
  }
  return true;
}

bool rel_deltas_fit(rel_engine *e, const rel_stratum *stratum) {
  rel_fold fold = REL_SET;
  bool sets = false, fits = true;
  for (int i = 0; i < stratum->relations.n; i++) {
    const rel_relation *r = stratum->relations.at[i];
    if (r->fold == REL_SET) {
      sets = true;
      continue;
    }
    fits &= (r->fold == REL_MIN || r->fold == REL_MAX) && (fold == REL_SET || fold == r->fold);
    fold = r->fold;
  }
  if (fits && (fold == REL_SET || all_fit(stratum, fold, true) || all_fit(stratum, fold, false)))
    return true;
  const rel_relation *first = stratum->relations.at[0];
  if (sets)
    base_raise(e->ctx, BASE_REFUSED, first->span,
               "`%s` is recursive together with minima or maxima whose rules do not only improve: "
               "what was true may become false again\nhelp: in such a recursion values may be "
               "added, multiplied by what is not negative, and compared in the direction in which "
               "they improve", first->name);
  return false;
}

/* ---- rounds ---------------------------------------------------------------------------------- */

typedef struct round_state {
  rel_engine *e;
  rel_stratum *stratum;
  rel_relation **order;        /* first the one that leads, then those that follow */
  int n;
  double worst;                /* the largest change of this round */
  const rel_relation *where;
  uint32_t row;
} round_state;

/* May R come now: is all that it reads of its stratum, but itself, in the order already? */
static bool may_come(const round_state *k, const rel_relation *r) {
  for (int j = 0; j < r->rules.n; j++) {
    const rel_checked *c = r->rules.at[j];
    for (int i = 0; i < c->rule->n; i++) {
      if (!rel_recursive(c, i) || c->rule->item[i].relation == r) continue;
      bool placed = false;
      for (int o = 0; o < k->n; o++) placed |= k->order[o] == c->rule->item[i].relation;
      if (!placed) return false;
    }
  }
  return true;
}

static bool is_placed(const round_state *k, const rel_relation *r) {
  for (int o = 0; o < k->n; o++)
    if (k->order[o] == r) return true;
  return false;
}

static void find_order(round_state *k) {
  const rel_stratum *stratum = k->stratum;
  int n = stratum->relations.n;
  k->order = BASE_NEWS(k->e->work, rel_relation *, n);
  rel_relation *lead = stratum->relations.at[0];
  for (int i = 0; i < n; i++) {
    rel_relation *r = stratum->relations.at[i];
    if (r->settles != lead->settles ? r->settles : r->id < lead->id) lead = r;
  }
  k->order[k->n++] = lead;
  while (k->n < n) {
    rel_relation *next = NULL;
    for (int i = n - 1; i >= 0; i--) {
      rel_relation *r = stratum->relations.at[i];
      if (is_placed(k, r)) continue;
      if (!next || (may_come(k, r) && !may_come(k, next))) next = r;
    }
    k->order[k->n++] = next;
  }
}

/* What facts and rules outside the recursion give stays the same in all rounds. */
static void make_fixed(round_state *k, rel_relation *r) {
  rel_engine *e = k->e;
  if (!r->spare) r->spare = rel_store_new(e, r);
  if (!r->fixed) r->fixed = rel_store_new(e, r);
  r->full = r->own;
  rel_store_free(r->own);
  rel_store_copy(r->fixed, r->base);
  r->into = r->fixed;
  r->running = true;
  r->begun = false;
  BASE_VEC(rel_plan *) plans = {0};
  for (int j = 0; j < r->rules.n; j++)
    if (!rel_reads_itself(r->rules.at[j]))
      BASE_PUSH(e->work, &plans, rel_plan_rule(e->work, r->rules.at[j], -1, false));
  rel_plan_indexes(e->work, plans.n, plans.at);
  for (int j = 0; j < plans.n; j++) rel_run_plan(plans.at[j]);
}

/* A minimum or maximum is absent where it has not begun. */
static bool reads_absent(const rel_checked *c) {
  for (int i = 0; i < c->rule->n; i++) {
    const rel_item *it = &c->rule->item[i];
    if (!rel_recursive(c, i) || it->relation->begun || it->total) continue;
    if (it->relation->fold == REL_MIN || it->relation->fold == REL_MAX) return true;
  }
  return false;
}

_Noreturn static void refuse_start(const rel_checked *c) {
  rel_refuse_rule(c, BASE_RUNTIME, "the recursion starts at %g everywhere, and nothing else in the "
                  "body says where that is\nhelp: add a factor that holds all indices of `%s`",
                  c->rule->head->start, c->rule->head->name);
}

static double change(const rel_relation *r, rel_number a, rel_number b) {
  if (r->integer) return fabs((double)a.i - (double)b.i);
  if (a.f == b.f || (isnan(a.f) && isnan(b.f))) return 0;
  double d = fabs(a.f - b.f);
  return isnan(d) ? INFINITY : d;
}

_Noreturn static void refuse_growth(round_state *k, const rel_relation *r, uint32_t row,
                                    const char *how, int64_t rounds) {
  base_text text = base_text_open(k->e->work);
  for (int c = 0; c < r->arity; c++) {
    if (c > 0) base_put(&text, ", ");
    rel_put_key(&text, k->e, r->full->column[c][row]);
  }
  base_raise(k->e->ctx, BASE_RUNTIME, r->span,
             "`%s` does not settle: after %lld rounds `%s[%s]` %s\nhelp: scale what it reads of "
             "itself so that changes die out; `settle(%s, 1e-6)` accepts small ones, "
             "`rounds(%s, n)` allows more rounds",
             r->name, (long long)rounds, r->name, text.at, how, r->name, r->name);
}

/* Compare what was made with what there was; remember the largest change. */
static void compare(round_state *k, rel_relation *r, int64_t passed) {
  const rel_store *now = r->full, *before = r->spare;
  int64_t tuple[REL_ARITY];
  for (uint32_t i = 0; i < now->n; i++) {
    for (int c = 0; c < r->arity; c++) tuple[c] = now->column[c][i];
    uint32_t row = rel_set_find(before, tuple);
    double d = row == REL_NO_ROW ? INFINITY : change(r, now->value[i], before->value[row]);
    bool grew = row != REL_NO_ROW && !r->integer && !isfinite(now->value[i].f) &&
                isfinite(before->value[row].f);
    if (grew && r->fold != REL_MIN && r->fold != REL_MAX)
      refuse_growth(k, r, i, isnan(now->value[i].f) ? "is nan" : "has grown beyond all bounds",
                    passed);
    if (d > k->worst || !k->where) {
      k->worst = d;
      k->where = r;
      k->row = i;
    }
  }
  if (before->n > now->n) k->worst = INFINITY;
}

static void make(round_state *k, rel_relation *r, int64_t passed) {
  base_arena *arena = base_arena_child(k->e->work);
  BASE_VEC(rel_plan *) plans = {0};
  rel_store_copy(r->spare, r->fixed);
  r->into = r->spare;
  for (int j = 0; j < r->rules.n; j++) {
    rel_checked *c = r->rules.at[j];
    if (!rel_reads_itself(c) || reads_absent(c)) continue;
    rel_plan *plan = rel_plan_rule(arena, c, -1, true);
    if (plan) BASE_PUSH(arena, &plans, plan);
    else if (r->start != 0) refuse_start(c);
  }
  rel_plan_indexes(arena, plans.n, plans.at);
  for (int j = 0; j < plans.n; j++) rel_run_plan(plans.at[j]);
  base_arena_close(arena);
  rel_finish_values(r, r->spare);
  rel_store *swap = r->full;
  r->full = r->own = r->spare;
  r->spare = swap;
  r->into = NULL;
  r->begun = true;
  compare(k, r, passed);
}

void rel_run_rounds(rel_engine *e, rel_stratum *stratum) {
  round_state k = {.e = e, .stratum = stratum};
  for (int i = 0; i < stratum->relations.n; i++) make_fixed(&k, stratum->relations.at[i]);
  find_order(&k);
  const rel_relation *lead = k.order[0];
  int64_t most = rel_rounds_allowed(e, stratum, 1000);
  for (int i = 1; i < k.n; i++) make(&k, k.order[i], 0);
  for (int64_t passed = 1;; passed++) {
    base_poll(e->ctx);
    k.worst = 0;
    k.where = NULL;
    e->stats.rounds++;
    for (int i = 0; i < k.n; i++) make(&k, k.order[i], passed);
    if (k.worst <= lead->tolerance) return;
    if (passed < most) continue;
    char how[96];
    snprintf(how, sizeof how, k.worst < INFINITY ? "still changes by %g" : "is still new", k.worst);
    refuse_growth(&k, k.where ? k.where : lead, k.row, how, passed);
  }
}
