/* check: are rules fit to be run? Expressions compiled, variables bound. */
#include <string.h>

#include "rel/private.h"

/* ---- what an item needs and binds ------------------------------------------------------------ */

rel_relation *rel_item_relation(const rel_item *item) {
  return item->kind == REL_ATOM || item->kind == REL_NOT ? item->relation : NULL;
}

bool rel_item_enumerates(const rel_item *item) {
  return (item->kind == REL_ATOM || item->kind == REL_DENSE) && !item->total;
}

static int positions(const rel_item *item) {
  return item->kind == REL_DENSE ? item->dense->rank : item->relation->arity;
}

static bool terms_bound(const rel_item *item, const bool *bound) {
  for (int i = 0; i < positions(item); i++)
    if (item->term[i].kind == REL_VAR && !bound[item->term[i].var]) return false;
  return true;
}

/* The first variable of CODE that is not bound; -1. */
static int unbound(const rel_checked *c, const rel_code *code, const bool *bound) {
  for (int v = 0; v < c->rule->nvars; v++)
    if (!bound[v] && rel_code_uses(code, v)) return v;
  return -1;
}

bool rel_item_ready(const rel_checked *c, int item, const bool *bound, int *solves) {
  const rel_item *it = &c->rule->item[item];
  *solves = -1;
  switch (it->kind) {
    case REL_ATOM: case REL_DENSE: return !it->total || terms_bound(it, bound);
    case REL_NOT: return terms_bound(it, bound);
    case REL_TEST: return unbound(c, c->test[item], bound) < 0;
    default: break;
  }
  int missing = unbound(c, c->test[item], bound);
  if (missing < 0) return true;
  if (!bound[it->var]) return false;
  for (int i = 0; i < c->nsolved[item]; i++) {
    const rel_solved *solved = &c->solved[item][i];
    if (bound[solved->var] || unbound(c, solved->code, bound) >= 0) continue;
    *solves = solved->var;
    return true;
  }
  return false;
}

void rel_item_binds(const rel_checked *c, int item, bool *bound) {
  const rel_item *it = &c->rule->item[item];
  int solves;
  switch (it->kind) {
    case REL_ATOM: case REL_DENSE:
      for (int i = 0; i < positions(it); i++)
        if (it->term[i].kind == REL_VAR) bound[it->term[i].var] = true;
      if (it->value >= 0) bound[it->value] = true;
      break;
    case REL_BIND:
      if (rel_item_ready(c, item, bound, &solves) && solves >= 0) bound[solves] = true;
      bound[it->var] = true;
      break;
    default: break;
  }
}

/* ---- range restriction ----------------------------------------------------------------------- */

static const char *variable(const rel_checked *c, int v) {
  return c->rule->name && c->rule->name[v] ? c->rule->name[v] : "_";
}

_Noreturn static void refuse_unbound(const rel_checked *c, int v, const char *where) {
  rel_refuse_rule(c, BASE_REFUSED, "the variable `%s` stands in %s, and nothing in the body gives "
                  "it values\nhelp: add an atom that holds `%s`", variable(c, v), where,
                  variable(c, v));
}

static void check_item_bound(const rel_checked *c, int item, const bool *bound) {
  const rel_item *it = &c->rule->item[item];
  int solves;
  if (rel_item_ready(c, item, bound, &solves)) return;
  if (it->kind == REL_TEST) refuse_unbound(c, unbound(c, c->test[item], bound), "a comparison");
  if (it->kind == REL_BIND) {
    int v = unbound(c, c->test[item], bound);
    refuse_unbound(c, v >= 0 ? v : it->var, "`v = ...`");
  }
  for (int i = 0; i < positions(it); i++) {
    const rel_term *t = &it->term[i];
    if (t->kind != REL_VAR || bound[t->var]) continue;
    refuse_unbound(c, t->var, it->kind == REL_NOT ? "`not`" : "a read of what may be absent");
  }
}

static void check_bound(const rel_checked *c) {
  bool bound[REL_VARIABLES] = {0}, done[1024] = {0};
  const rel_rule *rule = c->rule;
  for (bool more = true; more;) {
    more = false;
    for (int i = 0; i < rule->n; i++) {
      int solves;
      if (done[i] || !rel_item_ready(c, i, bound, &solves)) continue;
      rel_item_binds(c, i, bound);
      done[i] = more = true;
    }
  }
  for (int i = 0; i < rule->n; i++) check_item_bound(c, i, bound);
  for (int i = 0; i < rule->head->arity; i++) {
    int v = unbound(c, c->key[i], bound);
    if (v >= 0) refuse_unbound(c, v, "the head");
  }
  int v = c->value ? unbound(c, c->value, bound) : -1;
  if (v >= 0) refuse_unbound(c, v, "the head's value");
}

/* ---- solving `v = e` for a variable of e ----------------------------------------------------- */

static int occurrences(const rel_expr *e, int var) {
  if (e->kind != REL_OP) return e->kind == REL_USE && e->var == var;
  int n = 0;
  for (int i = 0; i < 3; i++)
    if (e->arg[i]) n += occurrences(e->arg[i], var);
  return n;
}

/* What VAR is where E = TARGET; NULL: not by adding and subtracting alone. */
static const rel_expr *solve(base_arena *arena, const rel_expr *e, int var,
                             const rel_expr *target) {
  while (e->kind == REL_OP) {
    const rel_expr *a = e->arg[0], *b = e->arg[1];
    bool left = occurrences(a, var) > 0;
    if (e->op == IR_ADD)
      target = rel_op(arena, IR_SUB, target, left ? b : a, NULL);
    else if (e->op == IR_SUB)
      target = left ? rel_op(arena, IR_ADD, target, b, NULL)
                    : rel_op(arena, IR_SUB, a, target, NULL);
    else if (e->op == IR_NEG)
      target = rel_op(arena, IR_NEG, target, NULL, NULL);
    else
      return NULL;
    e = left ? a : b;
  }
  return e->kind == REL_USE && e->var == var ? target : NULL;
}

static void solve_item(rel_checked *c, int item) {
  const rel_rule *rule = c->rule;
  const rel_item *it = &rule->item[item];
  base_arena *arena = rule->head->engine->arena;
  if (rel_code_real(c->test[item]) || (rule->real && rule->real[it->var])) return;
  for (int v = 0; v < rule->nvars; v++) {
    if (v == it->var || occurrences(it->test, v) != 1 || (rule->real && rule->real[v])) continue;
    const rel_expr *e = solve(arena, it->test, v, rel_use(arena, it->var));
    if (!e) continue;
    if (!c->solved[item]) c->solved[item] = BASE_NEWS(arena, rel_solved, rule->nvars);
    c->solved[item][c->nsolved[item]++] = (rel_solved){v, rel_compile(c, e)};
  }
}

/* ---- a rule ---------------------------------------------------------------------------------- */

static bool plain(const rel_code *code) {
  int64_t key;
  return rel_code_var(code) >= 0 || rel_code_constant(code, &key);
}

static void compile_rule(rel_checked *c) {
  const rel_rule *rule = c->rule;
  base_arena *arena = rule->head->engine->arena;
  c->key = BASE_NEWS(arena, rel_code *, rule->head->arity + 1);
  c->test = BASE_NEWS(arena, rel_code *, rule->n + 1);
  c->nsolved = BASE_NEWS(arena, int, rule->n + 1);
  c->solved = BASE_NEWS(arena, rel_solved *, rule->n + 1);
  c->makes = false;
  bool binds = false;
  for (int i = 0; i < rule->n; i++) {
    const rel_item *it = &rule->item[i];
    if (it->kind != REL_TEST && it->kind != REL_BIND) continue;
    c->test[i] = rel_compile(c, it->test);
    if (it->kind == REL_BIND) solve_item(c, i);
    if (it->kind == REL_BIND) binds |= !plain(c->test[i]);
  }
  for (int i = 0; i < rule->head->arity; i++) {
    c->key[i] = rel_compile(c, rule->key[i]);
    c->makes |= binds || !plain(c->key[i]);
  }
  if (rule->head->fold != REL_SET) c->value = rel_compile(c, rule->value);
}

/* Positions hold keys, values of real relations go to variables that are real. */
static void check_kinds(const rel_checked *c) {
  const rel_rule *rule = c->rule;
  for (int i = 0; i < rule->n; i++) {
    const rel_item *it = &rule->item[i];
    if (it->kind == REL_TEST || it->kind == REL_BIND) continue;
    const char *name = it->kind == REL_DENSE ? it->dense->name : it->relation->name;
    for (int j = 0; j < positions(it); j++) {
      const rel_term *t = &it->term[j];
      if (t->kind != REL_VAR || !rule->real || !rule->real[t->var]) continue;
      rel_refuse_rule(c, BASE_REFUSED, "the variable `%s` holds a real number and cannot stand in "
                      "position %d of `%s`, which holds integers and symbols\nhelp: make an "
                      "integer of it, as in `n = floor(%s)`", variable(c, t->var), j + 1, name,
                      variable(c, t->var));
    }
    if (it->kind == REL_ATOM && it->relation->fold == REL_SET && (it->value >= 0 || it->total))
      rel_refuse_rule(c, BASE_REFUSED, "the tuples of `%s` have no values to be read", name);
    bool real = it->kind == REL_ATOM && it->relation->fold != REL_SET && !it->relation->integer;
    if (real && it->value >= 0 && !(rule->real && rule->real[it->value]))
      rel_refuse_rule(c, BASE_REFUSED, "the variable `%s` stands for an integer or a symbol, and "
                      "the values of `%s` are real numbers", variable(c, it->value), name);
  }
}

void rel_check_rule(rel_checked *c) {
  const rel_rule *rule = c->rule;
  if (rule->nvars > REL_VARIABLES)
    rel_refuse_rule(c, BASE_REFUSED, "%d variables, more than the %d that a rule may have",
                    rule->nvars, REL_VARIABLES);
  if (rule->n > 1024)
    rel_refuse_rule(c, BASE_REFUSED, "%d items, more than the 1024 that a rule may have", rule->n);
  check_kinds(c);
  compile_rule(c);
  check_bound(c);
  c->checked = true;
}

void rel_check(rel_engine *e) {
  if (e->checked) return;
  for (int i = 0; i < e->rules.n; i++)
    if (!e->rules.at[i]->checked) rel_check_rule(e->rules.at[i]);
  rel_stratify(e);
  e->checked = true;
}
