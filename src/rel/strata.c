/* strata: which relations depend on each other, and in what order they are made. */
#include "rel/private.h"

bool rel_recursive(const rel_checked *c, int item) {
  const rel_relation *read = rel_item_relation(&c->rule->item[item]);
  return read && read->stratum == c->rule->head->stratum;
}

bool rel_reads_itself(const rel_checked *c) {
  for (int i = 0; i < c->rule->n; i++)
    if (rel_recursive(c, i)) return true;
  return false;
}

void rel_strata_of(rel_relation *r, base_arena *arena, bool all, bool *wanted) {
  const rel_engine *e = r->engine;
  BASE_VEC(const rel_relation *) left = {0};
  BASE_PUSH(arena, &left, r);
  while (left.n > 0) {
    const rel_relation *now = left.at[--left.n];
    if (wanted[now->stratum] || (now->whole && !all)) continue;
    wanted[now->stratum] = true;
    const rel_stratum *stratum = e->strata.at[now->stratum];
    for (int i = 0; i < stratum->relations.n; i++) {
      const rel_relation *member = stratum->relations.at[i];
      for (int j = 0; j < member->rules.n; j++) {
        const rel_rule *rule = member->rules.at[j]->rule;
        for (int k = 0; k < rule->n; k++) {
          const rel_relation *read = rel_item_relation(&rule->item[k]);
          if (read) BASE_PUSH(arena, &left, read);
        }
      }
    }
  }
}

/* ---- strongly connected relations, by Tarjan; no recursion, a chain may be long -------------- */

typedef struct visit {
  rel_relation *relation;
  int rule, item;     /* to go on with */
} visit;

typedef struct tarjan {
  rel_engine *e;
  base_arena *arena;
  int *order, *least;   /* by relation; 0: not seen */
  int seen;
  BASE_VEC(rel_relation *) open;
  BASE_VEC(visit) path;
} tarjan;

static void enter(tarjan *t, rel_relation *r) {
  t->order[r->id] = t->least[r->id] = ++t->seen;
  r->stratum = -1;
  BASE_PUSH(t->arena, &t->open, r);
  BASE_PUSH(t->arena, &t->path, ((visit){r, 0, 0}));
}

/* The next relation that V's rules read; NULL at the end. */
static rel_relation *next_read(visit *v) {
  for (; v->rule < v->relation->rules.n; v->rule++, v->item = 0) {
    const rel_rule *rule = v->relation->rules.at[v->rule]->rule;
    while (v->item < rule->n) {
      rel_relation *read = rel_item_relation(&rule->item[v->item++]);
      if (read) return read;
    }
  }
  return NULL;
}

static void leave(tarjan *t, rel_relation *r) {
  if (t->least[r->id] != t->order[r->id]) return;
  rel_stratum *stratum = BASE_NEW(t->e->arena, rel_stratum);
  stratum->id = t->e->strata.n;
  rel_relation *member;
  do {
    member = t->open.at[--t->open.n];
    member->stratum = stratum->id;
    BASE_PUSH(t->e->arena, &stratum->relations, member);
  } while (member != r);
  BASE_PUSH(t->e->arena, &t->e->strata, stratum);
}

static void connect(tarjan *t, rel_relation *root) {
  enter(t, root);
  while (t->path.n > 0) {
    visit *v = &t->path.at[t->path.n - 1];
    rel_relation *r = v->relation, *read = next_read(v);
    if (!read) {
      leave(t, r);
      if (--t->path.n == 0) break;
      int *above = &t->least[t->path.at[t->path.n - 1].relation->id];
      if (t->least[r->id] < *above) *above = t->least[r->id];
    } else if (t->order[read->id] == 0) {
      enter(t, read);
    } else if (read->stratum < 0 && t->order[read->id] < t->least[r->id]) {
      t->least[r->id] = t->order[read->id];
    }
  }
}

/* ---- is each recursion one that has a meaning? ----------------------------------------------- */

enum { SHOWN = 6 };   /* relations of a cycle that a message names */

/* How FROM comes to read TO within their stratum, by the fewest rules: back[0] is TO. */
static int find_path(base_arena *arena, const rel_relation *from, const rel_relation *to,
                     const rel_relation **back) {
  const rel_engine *e = from->engine;
  BASE_VEC(const rel_relation *) seen = {0};
  const rel_relation **by = BASE_NEWS(arena, const rel_relation *, e->relations.n + 1);
  by[from->id] = from;
  BASE_PUSH(arena, &seen, from);
  for (int at = 0; at < seen.n && !by[to->id]; at++) {
    const rel_relation *r = seen.at[at];
    for (int k = 0; k < r->rules.n; k++) {
      const rel_rule *rule = r->rules.at[k]->rule;
      for (int i = 0; i < rule->n; i++) {
        const rel_relation *read = rel_item_relation(&rule->item[i]);
        if (!read || read->stratum != from->stratum || by[read->id]) continue;
        by[read->id] = r;
        BASE_PUSH(arena, &seen, read);
      }
    }
  }
  int n = 0;
  for (const rel_relation *r = to; r; r = r == from ? NULL : by[r->id]) back[n++] = r;
  return n;
}

/* "`P` reads `Q`, `Q` reads `P`", the middle of long ones left out. */
static void put_path(base_text *text, base_arena *arena, const rel_relation *from,
                     const rel_relation *to) {
  const rel_relation **back = BASE_NEWS(arena, const rel_relation *, from->engine->relations.n + 1);
  int n = find_path(arena, from, to, back);
  for (int i = n - 1; i > 0; i--) {
    if (n > SHOWN && i == n - SHOWN / 2) {
      base_putf(text, ", and so on over %d more", i - SHOWN / 2);
      i = SHOWN / 2;
    }
    base_putf(text, ", `%s` reads `%s`", back[i]->name, back[i - 1]->name);
  }
}

_Noreturn static void refuse_cycle(rel_engine *e, const rel_checked *c, const rel_item *item,
                                   const char *how, const char *reads, const char *help) {
  base_arena *arena = base_arena_child(e->arena);
  base_text text = base_text_open(arena);
  put_path(&text, arena, item->relation, c->rule->head);
  rel_refuse_rule(c, BASE_REFUSED, "`%s` depends on itself through %s: `%s` %s `%s`%s\nhelp: %s",
                  c->rule->head->name, how, c->rule->head->name, reads, item->relation->name,
                  text.at, help);
}

static bool only_grows(const rel_relation *r) {
  return r->fold == REL_SET || r->fold == REL_MIN || r->fold == REL_MAX;
}

static void check_item(rel_engine *e, const rel_checked *c, const rel_item *item, bool sets) {
  const rel_relation *head = c->rule->head;
  if (item->kind == REL_NOT)
    refuse_cycle(e, c, item, "`not`", "needs not", "a relation must be complete before it is "
                 "negated; break the cycle, or count steps with a number that grows");
  if (sets && item->total)
    refuse_cycle(e, c, item, "the absence of an element", "asks for what may be absent of",
                 "let the rule that reads it make something of its own");
  if (head->fold == REL_ONE)
    refuse_cycle(e, c, item, "its own elements", "reads", "say by `+=`, `min=` or `max=` what "
                 "becomes of several values");
  if (sets && !only_grows(head))
    refuse_cycle(e, c, item, "an aggregate", "adds up what it reads of",
                 "only min= and max= may be recursive together with relations");
}

static void check_stratum(rel_engine *e, rel_stratum *stratum) {
  bool sets = false;
  stratum->mode = REL_ONCE;
  for (int k = 0; k < stratum->relations.n; k++)
    sets |= stratum->relations.at[k]->fold == REL_SET;
  for (int k = 0; k < stratum->relations.n; k++) {
    rel_relation *r = stratum->relations.at[k];
    for (int j = 0; j < r->rules.n; j++) {
      const rel_checked *c = r->rules.at[j];
      for (int i = 0; i < c->rule->n; i++) {
        if (!rel_recursive(c, i)) continue;
        check_item(e, c, &c->rule->item[i], sets);
        stratum->mode = REL_DELTAS;
      }
    }
  }
}

void rel_stratify(rel_engine *e) {
  base_arena *arena = base_arena_child(e->arena);
  tarjan t = {.e = e, .arena = arena};
  t.order = BASE_NEWS(arena, int, e->relations.n + 1);
  t.least = BASE_NEWS(arena, int, e->relations.n + 1);
  e->strata.n = 0;
  e->stratified++;
  for (int i = 0; i < e->relations.n; i++)
    if (t.order[i] == 0) connect(&t, e->relations.at[i]);
  for (int i = 0; i < e->strata.n; i++) check_stratum(e, e->strata.at[i]);
  base_arena_close(arena);
}
