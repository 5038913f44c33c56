/* plan: in which order the items of a rule are run, and how each finds its tuples. What is smallest
 * by what was measured comes first; whatever only tests comes as soon as it can. */
#include <math.h>
#include <string.h>

#include "rel/private.h"

typedef struct planner {
  base_arena *arena;
  const rel_checked *c;
  const rel_rule *rule;
  int delta;
  bool starts;
  bool bound[REL_VARIABLES];
  bool *done;                  /* by item */
  double rows;                 /* bindings expected so far */
  rel_plan *plan;              /* NULL: only the cost is wanted */
  double cost;
} planner;

static bool is_bound(const planner *p, const rel_term *t) {
  return t->kind == REL_KEY || (t->kind == REL_VAR && p->bound[t->var]);
}

static rel_operand operand(const rel_term *t) {
  return t->kind == REL_KEY ? (rel_operand){-1, t->key} : (rel_operand){t->var, 0};
}

static bool running(const rel_relation *r) { return r->running; }

/* Does the item read `start` in place of its relation, which has no elements yet? */
static bool reads_start(const planner *p, int item) {
  return p->starts && rel_recursive(p->c, item) && !p->rule->item[item].relation->begun;
}

/* ---- how many tuples a match has ------------------------------------------------------------- */

static double atom_matches(const planner *p, int item) {
  const rel_item *it = &p->rule->item[item];
  const rel_relation *r = it->relation;
  rel_store *s = r->full;
  rel_store_count(s);
  double n = s->n;
  bool all = true;
  if (item == p->delta) n = r->fold == REL_SET ? r->to - r->from : r->nchanged;
  for (int i = 0; i < r->arity; i++) {
    if (is_bound(p, &it->term[i]))
      n /= s->n > 0 ? fmax(s->distinct[i], 1) : 1;
    else
      all = false;
  }
  return all ? fmin(n, 0.5) : n;
}

static double dense_matches(const planner *p, int item) {
  const rel_item *it = &p->rule->item[item];
  double n = 1;
  for (int i = 0; i < it->dense->rank; i++)
    if (!is_bound(p, &it->term[i])) n *= (double)it->dense->array.size[i];
  return n;
}

static double matches(const planner *p, int item) {
  if (reads_start(p, item)) return 1;
  return p->rule->item[item].kind == REL_ATOM ? atom_matches(p, item) : dense_matches(p, item);
}

/* ---- steps ----------------------------------------------------------------------------------- */

static rel_step *new_step(planner *p, rel_step_kind kind, int item) {
  rel_step *s = &p->plan->step[p->plan->n++];
  s->kind = kind;
  s->item = item;
  s->value = -1;
  s->rows = p->rows;
  return s;
}

static void value_of(planner *p, rel_step *s, const rel_item *it) {
  s->value = it->value;
  if (it->value < 0) return;
  bool integer = it->kind == REL_ATOM ? it->relation->integer
                                      : !ir_type_real(it->dense->array.type);
  bool to_real = p->rule->real && p->rule->real[it->value];
  bool known = it->kind == REL_ATOM || it->dense->fetched;
  if (known && !integer && !to_real)
    rel_refuse_rule(p->c, BASE_RUNTIME, "the elements of `%s` are real numbers, and an integer is "
                    "expected of them", it->dense->name);
  s->value_bound = p->bound[it->value];
  s->convert = integer && to_real;
}

/* Positions that are bound become keys, the others load their variables. */
static void match_positions(planner *p, rel_step *s, const rel_item *it, int arity) {
  base_arena *arena = p->arena;
  s->key = BASE_NEWS(arena, rel_operand, arity + 1);
  s->column = BASE_NEWS(arena, int, arity + 1);
  s->load = BASE_NEWS(arena, rel_take, arity + 1);
  s->same = BASE_NEWS(arena, rel_same, arity + 1);
  bool scans = s->part == REL_DELTA;
  for (int i = 0; i < arity; i++) {
    const rel_term *t = &it->term[i];
    if (t->kind == REL_ANY) continue;
    if (is_bound(p, t) && scans) {
      s->same[s->nsame++] = (rel_same){i, operand(t)};
    } else if (is_bound(p, t)) {
      s->column[s->nkey] = i;
      s->key[s->nkey++] = operand(t);
    } else {
      int first = -1;
      for (int j = 0; j < s->nload; j++)
        if (s->load[j].var == t->var) first = j;
      if (first >= 0)
        s->same[s->nsame++] = (rel_same){i, operand(t)};
      else
        s->load[s->nload++] = (rel_take){i, t->var};
    }
  }
}

/* While a stratum is run by deltas its relations grow, and have chains; others are sorted. */
static void atom_step(planner *p, int item) {
  const rel_item *it = &p->rule->item[item];
  rel_relation *r = it->relation;
  rel_step *s = new_step(p, REL_SCAN, item);
  s->relation = r;
  s->store = r->full;
  if (item == p->delta) s->part = REL_DELTA;
  if (p->delta >= 0 && item < p->delta && rel_recursive(p->c, item) && r->fold == REL_SET)
    s->part = REL_OLD;
  match_positions(p, s, it, r->arity);
  value_of(p, s, it);
  s->missing = it->total;
  s->absent = it->absent;
  if (s->nkey == r->arity)
    s->kind = REL_MEMBER;
  else if (s->nkey > 0)
    s->kind = running(r) && r->into == r->full ? REL_CHAIN : REL_RANGE;
  s->once = s->nload == 0 && (it->value < 0 || s->missing);
  if (it->kind == REL_NOT) {
    s->look = s->kind;
    s->kind = REL_ABSENT;
  }
  if (reads_start(p, item)) {   /* a total read of nothing */
    s->kind = REL_ASSIGN;
    s->code = NULL;
    s->var = it->value;
    s->bound = s->value_bound;
    s->absent = r->integer ? (rel_number){.i = (int64_t)r->start} : (rel_number){.f = r->start};
  }
}

/* Each index that is not bound runs; then the element is read. */
static void dense_steps(planner *p, int item) {
  const rel_item *it = &p->rule->item[item];
  for (int i = 0; i < it->dense->rank; i++) {
    const rel_term *t = &it->term[i];
    if (is_bound(p, t) || t->kind == REL_ANY) continue;
    rel_step *s = new_step(p, REL_INDICES, item);
    s->dense = it->dense;
    s->position = i;
    s->var = t->var;
    p->bound[t->var] = true;
  }
  rel_step *s = new_step(p, REL_ELEMENT, item);
  s->dense = it->dense;
  s->key = BASE_NEWS(p->arena, rel_operand, it->dense->rank + 1);
  s->nkey = it->dense->rank;
  for (int i = 0; i < it->dense->rank; i++) s->key[i] = operand(&it->term[i]);
  value_of(p, s, it);
  s->missing = it->total;
  s->absent = it->absent;
}

static void bind_step(planner *p, int item, int solves) {
  const rel_item *it = &p->rule->item[item];
  rel_step *s = new_step(p, REL_ASSIGN, item);
  s->var = solves >= 0 ? solves : it->var;
  s->code = p->c->test[item];
  for (int i = 0; i < p->c->nsolved[item] && solves >= 0; i++)
    if (p->c->solved[item][i].var == solves) s->code = p->c->solved[item][i].code;
  s->bound = p->bound[s->var];
}

static void add_item(planner *p, int item, int solves) {
  const rel_item *it = &p->rule->item[item];
  if (rel_item_enumerates(it)) {
    double n = matches(p, item);
    p->rows *= n;
    p->cost += p->rows;
    /* to look for something costs more than to find more of it */
    if (item != p->delta) p->cost += p->rows / fmax(n, 1e-3);
  }
  if (p->plan) {
    if (it->kind == REL_ATOM || it->kind == REL_NOT) atom_step(p, item);
    else if (it->kind == REL_DENSE) dense_steps(p, item);
    else if (it->kind == REL_BIND) bind_step(p, item, solves);
    else new_step(p, REL_CHECK, item)->code = p->c->test[item];
  }
  rel_item_binds(p->c, item, p->bound);
  p->done[item] = true;
}

/* ---- the order ------------------------------------------------------------------------------- */

/* Items that only test or compute, as soon as they can. */
static void add_ready(planner *p) {
  for (bool more = true; more;) {
    more = false;
    for (int i = 0; i < p->rule->n; i++) {
      const rel_item *it = &p->rule->item[i];
      int solves;
      bool waits = rel_item_enumerates(it);
      if (waits && reads_start(p, i)) {   /* is a total read: its keys must be bound */
        waits = false;
        for (int k = 0; k < it->relation->arity; k++) waits |= !is_bound(p, &it->term[k]);
      }
      if (p->done[i] || waits || !rel_item_ready(p->c, i, p->bound, &solves)) continue;
      add_item(p, i, solves);
      more = true;
    }
  }
}

/* The item that has the fewest matches now; -1: all are there. */
static int smallest(const planner *p) {
  int best = -1;
  double least = INFINITY;
  for (int i = 0; i < p->rule->n; i++) {
    if (p->done[i] || reads_start(p, i) || !rel_item_enumerates(&p->rule->item[i])) continue;
    double n = matches(p, i);
    if (best < 0 || n < least) {
      best = i;
      least = n;
    }
  }
  return best;
}

/* Everything from FIRST on (-1: the smallest); false if something can never be run. */
static bool add_all(planner *p, int first) {
  add_ready(p);
  if (first >= 0 && !p->done[first]) add_item(p, first, -1);
  for (;;) {
    add_ready(p);
    int next = smallest(p);
    if (next < 0) break;
    add_item(p, next, -1);
  }
  for (int i = 0; i < p->rule->n; i++)
    if (!p->done[i]) return false;
  return true;
}

static void restart(planner *p) {
  memset(p->bound, 0, sizeof p->bound);
  memset(p->done, 0, (size_t)p->rule->n * sizeof *p->done);
  p->rows = 1;
  p->cost = 0;
}

/* The first item of the cheapest order found by starting with each in turn. */
static int best_first(planner *p) {
  int best = -1, tried = 0;
  double least = INFINITY;
  for (int i = 0; i < p->rule->n && tried < 16; i++) {
    if (!rel_item_enumerates(&p->rule->item[i]) || reads_start(p, i)) continue;
    tried++;
    restart(p);
    add_all(p, i);
    if (best < 0 || p->cost < least) {
      best = i;
      least = p->cost;
    }
  }
  return best;
}

/* ---- the end of the plan --------------------------------------------------------------------- */

static bool loops(const rel_step *s) {
  return (s->kind == REL_SCAN || s->kind == REL_RANGE || s->kind == REL_CHAIN ||
          s->kind == REL_INDICES) && !s->once;
}

static bool binds(const rel_step *s, int var) {
  for (int i = 0; i < s->nload; i++)
    if (s->load[i].var == var) return true;
  if (s->kind == REL_INDICES || s->kind == REL_ASSIGN) return s->var == var && !s->bound;
  return s->value == var && !s->value_bound;
}

static bool head_needs(const rel_checked *c, int var) {
  for (int i = 0; i < c->rule->head->arity; i++)
    if (rel_code_uses(c->key[i], var)) return true;
  return false;
}

static void find_cut(rel_plan *plan) {
  const rel_checked *c = plan->rule;
  plan->cut = c->rule->head->fold == REL_SET ? -1 : plan->n;
  for (int k = 0; k < plan->n && plan->cut < plan->n; k++)
    for (int v = 0; v < c->rule->nvars; v++)
      if (binds(&plan->step[k], v) && head_needs(c, v)) plan->cut = k;
}

static void plain_head(base_arena *arena, rel_plan *plan) {
  const rel_checked *c = plan->rule;
  int arity = c->rule->head->arity;
  if (c->rule->head->fold != REL_SET) return;
  rel_operand *head = BASE_NEWS(arena, rel_operand, arity + 1);
  for (int i = 0; i < arity; i++) {
    head[i].var = rel_code_var(c->key[i]);
    if (head[i].var < 0 && !rel_code_constant(c->key[i], &head[i].key)) return;
    if (head[i].var >= 0 && rel_code_real(c->key[i])) return;
  }
  plan->head = head;
}

/* Where something must still be found for a tuple that is known already, that is asked first. */
static void ask_first(planner *p) {
  rel_plan *plan = p->plan;
  bool later = false;
  for (int k = plan->cut + 1; k < plan->n; k++)
    later |= loops(&plan->step[k]) || plan->step[k].kind == REL_RANGE ||
             plan->step[k].kind == REL_CHAIN;
  if (!later || !plan->head) return;
  int at = plan->cut + 1;
  memmove(&plan->step[at + 1], &plan->step[at], (size_t)(plan->n - at) * sizeof *plan->step);
  plan->n++;
  plan->step[at] = (rel_step){.kind = REL_KNOWN, .item = -1, .value = -1};
  plan->step[at].rows = at > 0 ? plan->step[at - 1].rows : 1;
}

static void find_runs(rel_plan *plan) {
  if (plan->n < 2 || !plan->head || plan->cut != plan->n - 2) return;
  const rel_step *s = &plan->step[plan->n - 2];
  bool stable = s->kind == REL_RANGE || (s->kind == REL_SCAN && s->part == REL_ALL && !s->nkey &&
                                         s->store != plan->rule->rule->head->into);
  plan->runs = stable && !s->once && s->nsame == 0 && s->value < 0 && !s->missing;
}

rel_plan *rel_plan_rule(base_arena *arena, const rel_checked *c, int delta, bool starts) {
  const rel_rule *rule = c->rule;
  planner p = {.arena = arena, .c = c, .rule = rule, .delta = delta, .starts = starts};
  p.done = BASE_NEWS(arena, bool, rule->n + 1);
  int first = delta >= 0 ? delta : best_first(&p);
  restart(&p);
  p.plan = BASE_NEW(arena, rel_plan);
  p.plan->rule = c;
  int steps = 2;
  for (int i = 0; i < rule->n; i++)
    steps += rule->item[i].kind == REL_DENSE ? rule->item[i].dense->rank + 1 : 1;
  p.plan->step = BASE_NEWS(arena, rel_step, steps);
  p.plan->vars = BASE_NEWS(arena, rel_number, rule->nvars + 1);
  p.plan->tuple = BASE_NEWS(arena, int64_t, rule->head->arity + 1);
  if (!add_all(&p, first)) return NULL;
  plain_head(arena, p.plan);
  find_cut(p.plan);
  if (rule->head->fold == REL_SET) ask_first(&p);
  new_step(&p, REL_EMIT, -1);
  find_runs(p.plan);
  return p.plan;
}
