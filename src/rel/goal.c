/* goal: rules made for one question. `Ancestor(Alice, x)?` needs no other's descendants, so
 *
 *   Ancestor(x,z) <- Ancestor(x,y), Parent(y,z)      becomes, asked with its first position bound,
 *   Ancestor'(x,z) <- Asked(x), Ancestor'(x,y), Parent(y,z)
 *   Asked(x) <- Asked(x)                             (left out; and for right recursion:)
 *   Asked(y) <- Asked(x), Parent(x,y)
 *
 * with Asked(Alice) a fact. Relations that are not asked with anything bound, that are negated, or
 * whose values must be complete before they are read, stay what they are. */
#include <string.h>

#include "rel/private.h"

typedef struct adorned {
  rel_relation *of;
  uint32_t mask;               /* positions that are bound */
  rel_relation *answer, *asked;
  rel_relation *facts;         /* the same facts as `of`; NULL: it has none */
} adorned;

struct rel_goal {
  rel_relation *of;
  uint32_t mask;
  BASE_VEC(adorned *) all;     /* the first is the question itself */
  bool unfit;                  /* everything is made instead */
  uint64_t changes;            /* of the engine, when it was last asked */
};

typedef struct builder {
  rel_engine *e;
  struct rel_goal *goal;
  adorned *head;
  const rel_checked *c;
  rel_rule rule;               /* being made; its items go on with room for more */
  rel_item *item;
  const char **name;
  bool *real;
  bool bound[REL_VARIABLES + REL_ARITY];
  /* bound, and to a key that was there, not to one made by arithmetic */
  bool known[REL_VARIABLES + REL_ARITY];
} builder;

/* ---- which relations are asked --------------------------------------------------------------- */

/* In the stratum of the question values may still improve while they are read. */
static bool may_ask(const builder *b, const rel_item *it) {
  const rel_relation *r = it->relation;
  if (it->kind != REL_ATOM || it->total || r->rules.n == 0) return false;
  return r->fold == REL_SET || (r->stratum == b->goal->of->stratum && r->fold != REL_AVG);
}

static bool fits_goal(const rel_relation *r) {
  if (r->rules.n == 0 || r->fold == REL_ONE || r->fold == REL_AVG) return false;
  const rel_stratum *stratum = r->engine->strata.at[r->stratum];
  bool grows = r->fold == REL_SET || r->fold == REL_MIN || r->fold == REL_MAX;
  return stratum->mode == REL_ONCE || grows;
}

static uint32_t bound_positions(const builder *b, const rel_item *it) {
  uint32_t mask = 0;
  for (int i = 0; i < it->relation->arity; i++) {
    const rel_term *t = &it->term[i];
    if (t->kind == REL_KEY || (t->kind == REL_VAR && b->known[t->var])) mask |= (uint32_t)1 << i;
  }
  return mask;
}

static int count_bits(uint32_t mask) { return __builtin_popcount(mask); }

static adorned *adorn(rel_engine *e, struct rel_goal *goal, rel_relation *r, uint32_t mask) {
  for (int i = 0; i < goal->all.n; i++)
    if (goal->all.at[i]->of == r && goal->all.at[i]->mask == mask) return goal->all.at[i];
  adorned *a = BASE_NEW(e->arena, adorned);
  a->of = r;
  a->mask = mask;
  a->answer = rel_new(e, r->name, r->arity, r->fold, r->type, r->span);
  a->answer->rounds = r->rounds;
  a->answer->settles = r->settles;
  const char *name = base_format(e->arena, "%s asked", r->name);
  a->asked = rel_new(e, name, count_bits(mask), REL_SET, IR_BOOL, r->span);
  BASE_PUSH(e->arena, &goal->all, a);
  return a;
}

/* ---- making rules ---------------------------------------------------------------------------- */

static int new_variable(builder *b) { return b->rule.nvars++; }

static rel_item *add_item(builder *b) {
  rel_item *it = &b->item[b->rule.n++];
  *it = (rel_item){.value = -1};
  return it;
}

/* Asked(k..), k the head's bound positions: its variables, else k = its expression. */
static void ask_head(builder *b) {
  const rel_rule *rule = b->c->rule;
  base_arena *arena = b->e->arena;
  rel_item *asked = add_item(b);
  asked->kind = REL_ATOM;
  asked->relation = b->head->asked;
  asked->term = BASE_NEWS(arena, rel_term, rule->head->arity + 1);
  for (int i = 0, n = 0; i < rule->head->arity; i++) {
    if (!(b->head->mask >> i & 1)) continue;
    rel_term *t = &asked->term[n++];
    int64_t key;
    int var = rel_code_var(b->c->key[i]);
    if (rel_code_constant(b->c->key[i], &key)) {
      *t = (rel_term){.kind = REL_KEY, .key = key};
      continue;
    }
    bool plain = var >= 0 && !rel_code_real(b->c->key[i]);
    *t = (rel_term){.kind = REL_VAR, .var = plain ? var : new_variable(b)};
    b->bound[t->var] = b->known[t->var] = true;
    if (plain) continue;
    rel_item *equals = add_item(b);
    equals->kind = REL_BIND;
    equals->var = t->var;
    equals->test = rule->key[i];
  }
}

static void start_rule(builder *b) {
  const rel_rule *rule = b->c->rule;
  base_arena *arena = b->e->arena;
  int most = rule->nvars + rule->head->arity;
  b->rule = (rel_rule){.head = b->head->answer, .key = rule->key, .value = rule->value};
  b->rule.nvars = rule->nvars;
  b->rule.text = rule->text;
  b->rule.span = rule->span;
  b->item = BASE_NEWS(arena, rel_item, rule->n + rule->head->arity + 1);
  b->name = BASE_NEWS(arena, const char *, most + 1);
  b->real = BASE_NEWS(arena, bool, most + 1);
  for (int v = 0; v < rule->nvars; v++) {
    b->name[v] = rule->name ? rule->name[v] : NULL;
    b->real[v] = rule->real && rule->real[v];
  }
  memset(b->bound, 0, sizeof b->bound);
  memset(b->known, 0, sizeof b->known);
  ask_head(b);
}

static void finish_rule(builder *b, const rel_rule *from, rel_item *items) {
  rel_rule *rule = BASE_NEW(b->e->arena, rel_rule);
  *rule = *from;
  rule->item = items;
  rule->name = b->name;
  rule->real = b->real;
  rel_add(b->e, rule);
}

/* Does the expression use a value that is left out? */
static bool uses(const rel_expr *e, const bool *lost) {
  if (e->kind == REL_USE) return lost[e->var];
  if (e->kind != REL_OP) return false;
  for (int i = 0; i < 3; i++)
    if (e->arg[i] && uses(e->arg[i], lost)) return true;
  return false;
}

/* Asked'(bound terms of IT) <- what stands before it. Values of asked relations are left out: what
 * is asked too much is only made too much. */
static void ask_atom(builder *b, const rel_item *it, adorned *a) {
  base_arena *arena = b->e->arena;
  rel_rule rule = b->rule;
  rel_item *items = BASE_NEWS(arena, rel_item, b->rule.n + 1);
  bool lost[REL_VARIABLES + REL_ARITY] = {0};
  rule.n = 0;
  for (int i = 0; i < b->rule.n; i++) {
    rel_item now = b->item[i];
    if ((now.kind == REL_TEST || now.kind == REL_BIND) &&
        (uses(now.test, lost) || (now.kind == REL_BIND && lost[now.var]))) {
      if (now.kind == REL_BIND) lost[now.var] = true;
      continue;
    }
    bool asked = false;
    for (int j = 0; j < b->goal->all.n; j++) asked |= b->goal->all.at[j]->answer == now.relation;
    if (now.kind == REL_ATOM && asked && now.value >= 0) {
      lost[now.value] = true;
      now.value = -1;
    }
    items[rule.n++] = now;
  }
  rule.head = a->asked;
  rule.value = NULL;
  rule.key = BASE_NEWS(arena, const rel_expr *, it->relation->arity + 1);
  bool same = rule.n == 1 && a == b->head;
  for (int i = 0, n = 0; i < it->relation->arity; i++) {
    if (!(a->mask >> i & 1)) continue;
    const rel_term *t = &it->term[i];
    const rel_term *mine = &b->item[0].term[n];
    same = same && t->kind == mine->kind &&
           (t->kind == REL_KEY ? t->key == mine->key : t->var == mine->var);
    rule.key[n++] = t->kind == REL_KEY ? rel_int(arena, t->key) : rel_use(arena, t->var);
  }
  if (!same) finish_rule(b, &rule, items);
}

static void take_item(builder *b, int item) {
  const rel_item *it = &b->c->rule->item[item];
  uint32_t mask = may_ask(b, it) ? bound_positions(b, it) : 0;
  if (it->kind == REL_ATOM && !mask && it->relation->stratum == b->goal->of->stratum)
    b->goal->unfit = true;   /* it reads all of itself */
  adorned *a = mask ? adorn(b->e, b->goal, it->relation, mask) : NULL;
  if (a) ask_atom(b, it, a);
  rel_item *mine = add_item(b);
  *mine = *it;
  if (a) mine->relation = a->answer;
  rel_item_binds(b->c, item, b->bound);
  if (it->kind == REL_ATOM || it->kind == REL_DENSE) {
    int n = it->kind == REL_ATOM ? it->relation->arity : it->dense->rank;
    for (int i = 0; i < n; i++)
      if (it->term[i].kind == REL_VAR) b->known[it->term[i].var] = true;
  } else if (it->kind == REL_BIND && rel_code_var(b->c->test[item]) >= 0) {
    b->known[it->var] |= b->known[rel_code_var(b->c->test[item])];
  }
}

/* How good it is to come next: tests at once; then what has most positions bound, facts first. */
static int merit(const builder *b, int item) {
  const rel_item *it = &b->c->rule->item[item];
  int solves;
  if (!rel_item_ready(b->c, item, b->bound, &solves)) return -1;
  if (!rel_item_enumerates(it)) return 1000000;
  int n = it->kind == REL_ATOM ? it->relation->arity : it->dense->rank, bound = 0;
  for (int i = 0; i < n; i++)
    bound += it->term[i].kind == REL_KEY ||
             (it->term[i].kind == REL_VAR && b->bound[it->term[i].var]);
  bool facts = it->kind == REL_ATOM && it->relation->rules.n == 0;
  return (bound > 0 ? 1000 : 0) + (bound == n ? 2000 : 0) + 2 * bound + facts;
}

static void make_rule(builder *b) {
  bool done[1024] = {0};
  const rel_rule *rule = b->c->rule;
  start_rule(b);
  for (int k = 0; k < rule->n; k++) {
    int best = -1, most = -1;
    for (int i = 0; i < rule->n; i++) {
      int m = done[i] ? -1 : merit(b, i);
      if (m > most) {
        most = m;
        best = i;
      }
    }
    done[best] = true;
    take_item(b, best);
  }
  finish_rule(b, &b->rule, b->item);
}

/* answer(x..) <- Asked(bound x), facts(x..): a relation of its own on the same store. */
static void take_facts(rel_engine *e, adorned *a) {
  base_arena *arena = e->arena;
  int arity = a->of->arity;
  rel_relation *facts = rel_new(e, a->of->name, arity, a->of->fold, a->of->type, a->of->span);
  facts->base = facts->full = a->of->base;
  a->facts = facts;
  rel_item *items = BASE_NEWS(arena, rel_item, 2);
  rel_term *asked = BASE_NEWS(arena, rel_term, arity + 1);
  rel_term *all = BASE_NEWS(arena, rel_term, arity + 1);
  rel_rule *rule = BASE_NEW(arena, rel_rule);
  const rel_expr **keys = BASE_NEWS(arena, const rel_expr *, arity + 1);
  bool *real = BASE_NEWS(arena, bool, arity + 1);
  for (int i = 0, n = 0; i < arity; i++) {
    all[i] = (rel_term){.kind = REL_VAR, .var = i};
    keys[i] = rel_use(arena, i);
    if (a->mask >> i & 1) asked[n++] = all[i];
  }
  bool valued = a->of->fold != REL_SET;
  real[arity] = !a->of->integer;
  items[0] = (rel_item){.kind = REL_ATOM, .relation = a->asked, .term = asked, .value = -1};
  items[1] = (rel_item){.kind = REL_ATOM, .relation = facts, .term = all, .value = -1};
  if (valued) items[1].value = arity;
  *rule = (rel_rule){.head = a->answer, .key = keys, .nvars = arity + 1, .real = real, .n = 2};
  rule->item = items;
  rule->value = valued ? rel_use(arena, arity) : NULL;
  rule->text = a->of->name;
  rule->span = a->of->span;
  rel_add(e, rule);
}

static void build(rel_engine *e, struct rel_goal *goal) {
  adorn(e, goal, goal->of, goal->mask);
  for (int i = 0; i < goal->all.n; i++) {
    adorned *a = goal->all.at[i];
    int rules = a->of->rules.n;
    if (a->of->base->n > 0) take_facts(e, a);
    for (int j = 0; j < rules; j++) {
      builder *b = BASE_NEW(e->arena, builder);
      b->e = e;
      b->goal = goal;
      b->head = a;
      b->c = a->of->rules.at[j];
      make_rule(b);
    }
  }
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* Rules made for GOAL (NULL: for any) are forgotten. */
static bool kept(const rel_checked *c, const struct rel_goal *goal) {
  return !c->goal || (goal && c->goal != goal);
}

static int keep(rel_checked **at, int n, const struct rel_goal *goal) {
  int m = 0;
  for (int i = 0; i < n; i++)
    if (kept(at[i], goal)) at[m++] = at[i];
  return m;
}

static void forget(rel_engine *e, const struct rel_goal *goal) {
  for (int i = 0; i < e->relations.n; i++) {
    rel_relation *r = e->relations.at[i];
    r->rules.n = keep(r->rules.at, r->rules.n, goal);
    r->readers.n = keep(r->readers.at, r->readers.n, goal);
  }
  for (int i = 0; i < e->denses.n; i++)
    e->denses.at[i]->readers.n =
        keep(e->denses.at[i]->readers.at, e->denses.at[i]->readers.n, goal);
  e->rules.n = keep(e->rules.at, e->rules.n, goal);
  e->checked = false;
}

void rel_forget_goals(rel_engine *e) {
  if (e->goals.n == 0) return;
  forget(e, NULL);
  e->goals.n = 0;
}

/* Facts where there were none when the rules were made: they are made again. */
static bool outgrown(const struct rel_goal *goal) {
  for (int i = 0; i < goal->all.n; i++)
    if (!goal->all.at[i]->facts && goal->all.at[i]->of->base->n > 0) return true;
  return false;
}

static rel_relation *ask_goal(rel_engine *e, struct rel_goal *goal, const rel_term *term) {
  if (outgrown(goal)) {
    forget(e, goal);
    goal->all.n = 0;
  }
  if (goal->all.n == 0) {
    e->building = goal;
    build(e, goal);
    e->building = NULL;
  }
  if (goal->unfit) return NULL;
  adorned *root = goal->all.at[0];
  int64_t key[REL_ARITY];
  int n = 0;
  for (int i = 0; i < goal->of->arity; i++)
    if (goal->mask >> i & 1) key[n++] = term[i].key;
  bool same = goal->changes == e->changes && rel_set_has(root->asked->base, key);
  if (same && root->answer->whole) return root->answer;
  for (int i = 0; i < goal->all.n; i++)
    if (goal->all.at[i]->facts) goal->all.at[i]->facts->whole = false;
  rel_clear(root->asked);
  rel_insert(root->asked, key, (rel_number){0});
  goal->changes = e->changes;
  rel_need(root->answer);
  return root->answer;
}

static struct rel_goal *find_goal(rel_engine *e, rel_relation *r, uint32_t mask) {
  for (int i = 0; i < e->goals.n; i++)
    if (e->goals.at[i]->of == r && e->goals.at[i]->mask == mask) return e->goals.at[i];
  struct rel_goal *goal = BASE_NEW(e->arena, struct rel_goal);
  goal->of = r;
  goal->mask = mask;
  BASE_PUSH(e->arena, &e->goals, goal);
  return goal;
}

/* Rules that cannot be run for a question, though they can for all, are refused by the engine
 * itself: false. */
static bool try_goal(rel_engine *e, struct rel_goal *goal, const rel_term *term,
                     rel_relation **answer) {
  base_trap trap;
  if (BASE_TRY(e->ctx, &trap)) {
    *answer = ask_goal(e, goal, term);
    base_untrap(e->ctx, &trap);
    return *answer != NULL;
  }
  if (base_last(e->ctx)->status == BASE_REFUSED) {
    base_clear(e->ctx);
    return false;
  }
  e->building = NULL;
  forget(e, goal);
  goal->all.n = 0;
  base_raise_again(e->ctx);
}

rel_relation *rel_ask(rel_relation *r, const rel_term *term) {
  rel_engine *e = r->engine;
  uint32_t mask = 0;
  for (int i = 0; term && i < r->arity; i++)
    if (term[i].kind == REL_KEY) mask |= (uint32_t)1 << i;
  rel_check(e);
  if (!mask || r->whole || !fits_goal(r)) return NULL;
  struct rel_goal *goal = find_goal(e, r, mask);
  if (goal->unfit) return NULL;
  rel_relation *answer;
  if (try_goal(e, goal, term, &answer)) return answer;
  e->building = NULL;
  forget(e, goal);
  goal->all.n = 0;
  goal->unfit = true;
  return NULL;
}
