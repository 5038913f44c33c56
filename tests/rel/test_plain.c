/* Random programs against the plainest evaluator there is: every assignment of every variable is
 * tried, over and over, until nothing is new. */
#include <math.h>
#include <stdio.h>

#include "fixture.h"

enum { KEYS = 6, CELLS = KEYS * KEYS * KEYS, MOST = 24 };

typedef struct table {
  rel_relation *relation;
  int level;
  bool facts_only;
  bool there[CELLS];
  double value[CELLS];
  int weight[CELLS];
} table;

typedef struct world {
  fixture *f;
  uint64_t random;
  bool mixed;                 /* some keys are symbols: no order, no arithmetic */
  int64_t key[KEYS];          /* in the engine's order */
  const char *text[KEYS];
  int ntables;
  table table[MOST];
  int nrules;
  const rel_rule *rule[64];
  int rule_level[64];
  base_text program;
} world;

static int draw(world *w, int n) { return (int)(next_random(&w->random) % (uint64_t)n); }

/* ---- the plain evaluator --------------------------------------------------------------------- */

static int number_of(const world *w, int64_t key) {
  for (int i = 0; i < KEYS; i++)
    if (w->key[i] == key) return i;
  return -1;
}

static table *table_of(world *w, const rel_relation *r) {
  for (int i = 0; i < w->ntables; i++)
    if (w->table[i].relation == r) return &w->table[i];
  return NULL;
}

typedef struct scene {
  world *w;
  const rel_rule *rule;
  int64_t key[16];
  double real[16];
  bool bound[16];
  table *into;
} scene;

static double eval(const scene *s, const rel_expr *e) {
  if (e->kind == REL_INT) return (double)e->number.i;
  if (e->kind == REL_REAL) return e->number.f;
  if (e->kind == REL_USE)
    return s->rule->real[e->var] ? s->real[e->var] : (double)s->key[e->var];
  double a = eval(s, e->arg[0]), b = e->arg[1] ? eval(s, e->arg[1]) : 0;
  switch (e->op) {
    case IR_ADD: return a + b;
    case IR_SUB: return a - b;
    case IR_MUL: return a * b;
    case IR_MOD: return a - b * floor(a / b);
    case IR_LT: return a < b;
    case IR_LE: return a <= b;
    case IR_EQ: return a == b;
    case IR_NE: return a != b;
    default: fail_msg("an operation of the test"); return 0;
  }
}

/* Keys compare as keys: as doubles two symbols could be one. */
static bool test(const scene *s, const rel_expr *e) {
  if (e->kind == REL_OP && (e->op == IR_EQ || e->op == IR_NE) && e->arg[0]->kind == REL_USE &&
      !s->rule->real[e->arg[0]->var] && e->arg[1]->kind != REL_OP) {
    int64_t a = s->key[e->arg[0]->var];
    int64_t b = e->arg[1]->kind == REL_USE ? s->key[e->arg[1]->var] : e->arg[1]->number.i;
    return (a == b) == (e->op == IR_EQ);
  }
  return eval(s, e) != 0;
}

static bool term_fits(const scene *s, const rel_term *t, int64_t key) {
  return t->kind == REL_ANY || (t->kind == REL_KEY ? t->key : s->key[t->var]) == key;
}

/* The cell that fits, from FROM on; -1. */
static int matching(const scene *s, const rel_item *it, const table *t, int from) {
  int arity = rel_arity(it->relation);
  for (int cell = from; cell < CELLS; cell++) {
    if (!t->there[cell]) continue;
    int rest = cell;
    bool fits = true;
    for (int i = 0; i < arity; i++, rest /= KEYS)
      fits = fits && term_fits(s, &it->term[i], s->w->key[rest % KEYS]);
    if (fits) return cell;
  }
  return -1;
}

/* Does the item hold? It may bind its value. */
static bool holds(scene *s, const rel_item *it) {
  if (it->kind == REL_TEST) return test(s, it->test);
  if (it->kind == REL_BIND) {
    double v = eval(s, it->test);
    if (!s->rule->real[it->var]) return (double)s->key[it->var] == v;
    s->real[it->var] = v;
    s->bound[it->var] = true;
    return true;
  }
  const table *t = table_of(s->w, it->relation);
  int cell = matching(s, it, t, 0);
  if (it->kind == REL_NOT) return cell < 0;
  if (cell < 0 && !it->total) return false;
  if (it->value < 0) return true;
  double v = cell < 0 ? it->absent.f : t->value[cell];
  if (s->bound[it->value]) return s->real[it->value] == v;
  s->real[it->value] = v;
  s->bound[it->value] = true;
  return true;
}

static void fold(table *t, int cell, double v, rel_fold how) {
  bool first = !t->there[cell];
  double *kept = &t->value[cell];
  if (first) *kept = v;
  else if (how == REL_MIN) *kept = v < *kept ? v : *kept;
  else if (how == REL_MAX) *kept = v > *kept ? v : *kept;
  else if (how == REL_PROD) *kept *= v;
  else *kept += v;
  t->there[cell] = true;
  t->weight[cell]++;
}

static void try_keys(scene *s, int var) {
  const rel_rule *rule = s->rule;
  if (var < rule->nvars) {
    if (rule->real[var]) {
      try_keys(s, var + 1);
      return;
    }
    for (int i = 0; i < KEYS; i++) {
      s->key[var] = s->w->key[i];
      try_keys(s, var + 1);
    }
    return;
  }
  memset(s->bound, 0, sizeof s->bound);
  for (int i = 0; i < rule->n; i++)   /* as written, values come before their use */
    if (!holds(s, &rule->item[i])) return;
  int cell = 0;
  for (int i = rel_arity(rule->head) - 1; i >= 0; i--) {
    const rel_expr *e = rule->key[i];
    int64_t key = e->kind == REL_USE ? s->key[e->var] : e->kind == REL_INT ? e->number.i
                                                                           : (int64_t)eval(s, e);
    int number = number_of(s->w, key);
    if (number < 0) fail_msg("a key outside the test's world");
    cell = cell * KEYS + number;
  }
  fold(s->into, cell, rule->value ? eval(s, rule->value) : 0, rel_fold_of(rule->head));
}

/* All tables of LEVEL made anew from the last ones; true if any changed. */
static bool round_of(world *w, int level) {
  static table next[MOST];
  for (int i = 0; i < w->ntables; i++) {
    next[i] = (table){.relation = w->table[i].relation};
    for (int k = 0; k < w->nrules; k++) {
      if (w->rule_level[k] != level || w->rule[k]->head != next[i].relation) continue;
      scene s = {.w = w, .rule = w->rule[k], .into = &next[i]};
      try_keys(&s, 0);
    }
    if (rel_fold_of(next[i].relation) == REL_AVG)
      for (int c = 0; c < CELLS; c++)
        if (next[i].there[c]) next[i].value[c] /= next[i].weight[c];
  }
  bool changed = false;
  for (int i = 0; i < w->ntables; i++) {
    table *t = &w->table[i];
    if (t->facts_only || t->level != level) continue;
    for (int c = 0; c < CELLS; c++)
      changed |= t->there[c] != next[i].there[c] ||
                 (t->there[c] && t->value[c] != next[i].value[c]);
    memcpy(t->there, next[i].there, sizeof t->there);
    memcpy(t->value, next[i].value, sizeof t->value);
  }
  return changed;
}

/* ---- random programs ------------------------------------------------------------------------- */

static const char *const variables[] = {"x", "y", "z", "u"};

static void put_term(world *w, base_text *text, int any) {
  int d = draw(w, 20);
  if (d < any) base_put(text, "_");
  else if (d < 3) base_put(text, w->text[draw(w, KEYS)]);
  else base_put(text, variables[draw(w, 4)]);
}

static table *pick(world *w, int from, int to, bool valued) {
  for (int tries = 0; tries < 50; tries++) {
    table *t = &w->table[draw(w, w->ntables)];
    bool is = rel_fold_of(t->relation) != REL_SET;
    if (t->level >= from && t->level <= to && is == valued) return t;
  }
  return NULL;
}

static void put_atom(world *w, base_text *text, const table *t, int any, const char *value) {
  base_put(text, rel_name(t->relation));
  base_put(text, "(");
  for (int i = 0; i < rel_arity(t->relation); i++) {
    if (i > 0) base_put(text, ",");
    put_term(w, text, any);
  }
  base_put(text, ")");
  if (value) base_putf(text, "=%s", value);
}

/* A rule as text; whether it is range-restricted shows when it is checked. */
static void put_rule(world *w, base_text *text, const table *head) {
  rel_fold fold = rel_fold_of(head->relation);
  bool improves = fold == REL_MIN || fold == REL_MAX;
  base_put(text, rel_name(head->relation));
  base_put(text, "(");
  for (int i = 0; i < rel_arity(head->relation); i++) {
    if (i > 0) base_put(text, ",");
    bool sum = !w->mixed && draw(w, 8) == 0;
    if (sum) base_putf(text, "(%s + %d) %% %d", variables[draw(w, 4)], draw(w, 5), KEYS);
    else if (draw(w, 8) == 0) base_put(text, w->text[draw(w, KEYS)]);
    else base_put(text, variables[draw(w, 4)]);
  }
  base_put(text, ")");
  bool d = false, e = false;
  base_text body = base_text_open(w->f->arena);
  int n = 1 + draw(w, 3);
  for (int i = 0; i < n; i++) {
    const table *t = pick(w, 0, head->level - (fold != REL_SET && !improves), false);
    const table *v = draw(w, 3) == 0 || fold != REL_SET
                         ? pick(w, 0, head->level - !(improves), true) : NULL;
    if (v && !(d && e)) {
      if (i > 0) base_put(&body, ", ");
      put_atom(w, &body, v, 0, d ? "e" : "d");
      if (d) e = true; else d = true;
      if (v->level < head->level && draw(w, 6) == 0) base_put(&body, " else 2.0");
    } else if (t) {
      if (i > 0) base_put(&body, ", ");
      put_atom(w, &body, t, 3, NULL);
    } else {
      base_putf(&body, "%s0 == 0", i > 0 ? ", " : "");
    }
  }
  const table *t = draw(w, 4) == 0 ? pick(w, 0, head->level - 1, false) : NULL;
  if (t) {
    base_put(&body, ", not ");
    put_atom(w, &body, t, 4, NULL);
  }
  if (draw(w, 4) == 0)
    base_putf(&body, ", %s %s %s", variables[draw(w, 4)],
              w->mixed ? (draw(w, 2) ? "!=" : "==") : (draw(w, 2) ? "<" : "<="),
              draw(w, 2) ? variables[draw(w, 4)] : w->text[draw(w, KEYS)]);
  if (!w->mixed && draw(w, 5) == 0)
    base_putf(&body, ", %s := (%s + %d) %% %d", variables[draw(w, 4)], variables[draw(w, 4)],
              draw(w, 5), KEYS);
  if (d && fold == REL_SET && draw(w, 2)) base_putf(&body, ", d < %d.0", draw(w, 9));
  if (fold != REL_SET)
    base_put(text, !d ? " = 1.0" : !e ? (draw(w, 2) ? " = d" : " = d + 1.0") : " = d + e");
  base_putf(text, " <- %s", body.at);
}

static void add_table(world *w, const char *name, int level, rel_fold fold) {
  table *t = &w->table[w->ntables++];
  *t = (table){.level = level, .facts_only = level == 0};
  t->relation = relation(w->f, name, 1 + draw(w, fold == REL_SET ? 3 : 2), fold, IR_F64);
}

static void add_fact(world *w, table *t) {
  int64_t tuple[3];
  int cell = draw(w, CELLS), rest = cell, own = 0, scale = 1;
  for (int i = 0; i < rel_arity(t->relation); i++, rest /= KEYS, scale *= KEYS) {
    tuple[i] = w->key[rest % KEYS];
    own += rest % KEYS * scale;
  }
  bool valued = rel_fold_of(t->relation) != REL_SET;
  double v = 1 + draw(w, 9);
  if (t->there[own]) return;
  t->there[own] = true;
  t->value[own] = v;
  rel_insert(t->relation, tuple, (rel_number){.f = v});
  base_putf(&w->program, "%s:", rel_name(t->relation));
  for (int i = 0; i < rel_arity(t->relation); i++)
    base_putf(&w->program, " %s", w->text[number_of(w, tuple[i])]);
  if (valued) base_putf(&w->program, " %g", v);
  base_put(&w->program, "\n");
}

/* Keep those rules that are fit: each is tried in an engine of its own. */
static bool is_fit(world *w, const char *text) {
  fixture other;
  start(&other, w->f->ctx);
  for (int i = 0; i < w->ntables; i++) {
    const rel_relation *r = w->table[i].relation;
    relation(&other, rel_name(r), rel_arity(r), rel_fold_of(r), rel_type(r));
  }
  volatile bool fit = false;
  base_trap trap;
  if (BASE_TRY(w->f->ctx, &trap)) {
    rule(&other, text);
    rel_check(other.engine);
    fit = true;
    base_untrap(w->f->ctx, &trap);
  }
  base_arena_close(other.arena);
  return fit;
}

static void add_rules(world *w, int level) {
  for (int i = 0; i < w->ntables; i++) {
    if (w->table[i].level != level) continue;
    int wanted = 2 + draw(w, 3);
    for (int tries = 0; tries < 20 && wanted > 0; tries++) {
      base_text text = base_text_open(w->f->arena);
      put_rule(w, &text, &w->table[i]);
      if (!is_fit(w, text.at) || w->nrules == 64) continue;
      wanted--;
      base_putf(&w->program, "%s\n", text.at);
      w->rule[w->nrules] = parse(w->f, text.at);
      w->rule_level[w->nrules] = level;
      rel_add(w->f->engine, w->rule[w->nrules++]);
    }
  }
}

static void make_world(world *w, fixture *f, uint64_t seed) {
  memset(w, 0, sizeof *w);
  w->f = f;
  w->random = seed * 7919 + 1;
  w->mixed = draw(w, 2);
  w->program = base_text_open(f->arena);
  static const char *const plain[] = {"0", "1", "2", "3", "4", "5"};
  static const char *const with_symbols[] = {"0", "1", "7", "Ada", "Bob", "Zoe"};
  for (int i = KEYS - 1; i >= 0; i--) {   /* interned out of order */
    w->text[i] = w->mixed ? with_symbols[i] : plain[i];
    w->key[i] = key(f, w->text[i]);
  }
  static const rel_fold folds[] = {REL_SUM, REL_AVG, REL_PROD, REL_SUM};
  add_table(w, "A", 0, REL_SET);
  add_table(w, "B", 0, REL_SET);
  add_table(w, "W", 0, REL_ONE);
  add_table(w, "P", 1, REL_SET);
  add_table(w, "Q", 1, REL_SET);
  add_table(w, "D", 2, draw(w, 2) ? REL_MIN : REL_MAX);
  add_table(w, "S", 3, folds[draw(w, 4)]);
  add_table(w, "R", 4, REL_SET);
  add_table(w, "T", 4, REL_SET);
  for (int i = 0; i < 3; i++)
    for (int n = 12 + draw(w, 24); n > 0; n--) add_fact(w, &w->table[i]);
  for (int level = 1; level <= 4; level++) add_rules(w, level);
}

/* ---- both compared --------------------------------------------------------------------------- */

/* The rows of T that have KEY at POSITION (-1: all), as the plain evaluator has them. */
static void put_expected(world *w, base_text *text, const table *t, int position, int key_number) {
  int arity = rel_arity(t->relation);
  bool first = true;
  for (int i = 0; i < CELLS; i++) {   /* in the order of the columns, the first counting most */
    int digit[3] = {0}, rest = i;
    for (int d = arity - 1; d >= 0; d--, rest /= KEYS) digit[d] = rest % KEYS;
    if (rest > 0) break;
    int cell = 0;
    for (int d = arity - 1; d >= 0; d--) cell = cell * KEYS + digit[d];
    if (!t->there[cell] || (position >= 0 && digit[position] != key_number)) continue;
    if (!first) base_put(text, ", ");
    first = false;
    bool space = false;
    for (int d = 0; d < arity; d++) {
      if (d == position) continue;
      base_putf(text, "%s%s", space ? " " : "", w->text[digit[d]]);
      space = true;
    }
    if (rel_fold_of(t->relation) == REL_SET) continue;
    base_put(text, "=");
    base_put_number(text, t->value[cell]);
  }
}

static void compare(world *w, const table *t, int position, int key_number) {
  base_text want = base_text_open(w->f->arena), terms = base_text_open(w->f->arena);
  put_expected(w, &want, t, position, key_number);
  for (int i = 0; i < rel_arity(t->relation); i++)
    base_putf(&terms, "%s%s", i > 0 ? "," : "", i == position ? w->text[key_number] : variables[i]);
  const char *got = rows(w->f, rel_name(t->relation), position < 0 ? NULL : terms.at);
  if (strcmp(got, want.at) != 0)
    fail_msg("%s\n%s(%s)\n  is  %s\n not  %s", w->program.at, rel_name(t->relation), terms.at, got,
             want.at);
}

/* Sums in any order are the same as long as every number is exact. */
static bool all_exact(const world *w) {
  for (int i = 0; i < w->ntables; i++)
    for (int c = 0; c < CELLS; c++)
      if (w->table[i].there[c] && !(fabs(w->table[i].value[c]) < 0x1p45)) return false;
  return true;
}

static bool settles(world *w) {
  for (int level = 1; level <= 4; level++) {
    int rounds = 0;
    while (round_of(w, level))
      if (++rounds > 60) return false;
  }
  return all_exact(w);
}

static void same_as_plain(void **state) {
  base_ctx *ctx = ((fixture *)*state)->ctx;
  int compared = 0, filled = 0;
  for (uint64_t seed = 1; seed <= 400; seed++) {
    fixture f;
    static world w;
    start(&f, ctx);
    make_world(&w, &f, seed);
    if (settles(&w)) {
      compared++;
      for (int i = 0; i < 6; i++) {   /* questions first, while nothing is whole */
        const table *t = &w.table[draw(&w, w.ntables)];
        compare(&w, t, draw(&w, rel_arity(t->relation)), draw(&w, KEYS));
      }
      for (int i = 0; i < w.ntables; i++) {
        compare(&w, &w.table[i], -1, 0);
        filled += w.table[i].level > 0 && rel_count(w.table[i].relation) > 0;
      }
    }
    base_arena_close(f.arena);
  }
  assert_in_range(compared, 250, 400);
  assert_in_range(filled, 3 * compared, 6 * compared);
}

int main(void) {
  const struct CMUnitTest tests[] = {TEST(same_as_plain)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
