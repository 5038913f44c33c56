/* explain: what was decided, a line each. */
#include "rel/private.h"

static void put_operand(base_text *text, const rel_plan *plan, rel_operand o) {
  const rel_rule *rule = plan->rule->rule;
  if (o.var < 0) rel_put_key(text, rule->head->engine, o.key);
  else if (rule->name && rule->name[o.var]) base_put(text, rule->name[o.var]);
  else base_putf(text, "_%d", o.var);
}

static void put_keys(base_text *text, const rel_plan *plan, const rel_step *s) {
  for (int i = 0; i < s->nkey; i++) {
    base_put(text, i > 0 ? ", " : "");
    if (s->column) base_putf(text, "%d:", s->column[i] + 1);
    put_operand(text, plan, s->key[i]);
  }
}

static void put_atom(base_text *text, const rel_plan *plan, const rel_step *s) {
  rel_step_kind kind = s->kind == REL_ABSENT ? s->look : s->kind;
  const char *part = s->part == REL_DELTA ? "new " : s->part == REL_OLD ? "old " : "";
  if (s->kind == REL_ABSENT) base_put(text, "no ");
  base_putf(text, "%s%s", part, s->relation->name);
  if (kind == REL_SCAN) return;
  base_put(text, kind == REL_MEMBER ? " has (" : kind == REL_CHAIN ? " chain (" : " sorted (");
  put_keys(text, plan, s);
  base_put(text, ")");
}

static void put_step(base_text *text, const rel_plan *plan, const rel_step *s) {
  switch (s->kind) {
    case REL_SCAN: case REL_RANGE: case REL_CHAIN: case REL_MEMBER: case REL_ABSENT:
      put_atom(text, plan, s);
      break;
    case REL_INDICES:
      put_operand(text, plan, (rel_operand){s->var, 0});
      base_putf(text, " over %s", s->dense->name);
      break;
    case REL_ELEMENT:
      base_putf(text, "%s[", s->dense->name);
      put_keys(text, plan, s);
      base_put(text, "]");
      break;
    case REL_CHECK: base_put(text, "test"); break;
    case REL_ASSIGN:
      if (s->var < 0) base_put(text, "start");
      else put_operand(text, plan, (rel_operand){s->var, 0});
      base_put(text, s->bound ? " compared" : " computed");
      break;
    case REL_KNOWN: base_put(text, "known already?"); break;
    default: base_put(text, plan->runs ? "put whole runs" : "put"); break;
  }
}

void rel_plan_print(base_text *text, const rel_plan *plan) {
  base_putf(text, "    %s:  ", rel_rule_text(plan->rule));
  for (int i = 0; i < plan->n; i++) {
    base_put(text, i > 0 ? "; " : "");
    put_step(text, plan, &plan->step[i]);
  }
  base_put(text, "\n");
}

/* Plans as the first round would make them, from the sizes that are known now. */
static void explain_rule(base_text *text, base_arena *arena, const rel_checked *c) {
  bool recursive = false;
  for (int i = 0; i < c->rule->n; i++) {
    if (!rel_recursive(c, i)) continue;
    recursive = true;
    rel_plan *plan = rel_plan_rule(arena, c, i, false);
    if (plan) rel_plan_print(text, plan);
  }
  rel_plan *plan = recursive ? NULL : rel_plan_rule(arena, c, -1, false);
  if (plan) rel_plan_print(text, plan);
}

static const char *how(rel_engine *e, const rel_stratum *stratum) {
  if (stratum->mode != REL_ONCE)
    return rel_is_closure(e, stratum) || rel_is_linear(e, stratum)
               ? "to the fixpoint, as rows of bits where they pay" : "to the fixpoint";
  for (int i = 0; i < stratum->relations.n; i++)
    if (stratum->relations.at[i]->rules.n > 0) return "once";
  return "facts";
}

static void explain_stratum(base_text *text, base_arena *arena, const rel_stratum *stratum) {
  base_putf(text, "stratum %d, %s:", stratum->id + 1,
            how(stratum->relations.at[0]->engine, stratum));
  for (int i = 0; i < stratum->relations.n; i++) {
    const rel_relation *r = stratum->relations.at[i];
    base_putf(text, " %s/%d", r->name, r->arity);
    if (r->whole || r->rules.n == 0) base_putf(text, " (%u tuples)", (unsigned)r->full->n);
  }
  base_put(text, "\n");
  for (int i = 0; i < stratum->relations.n; i++) {
    rel_relation *r = stratum->relations.at[i];
    r->running = true;   /* as while it is run: what grows has chains */
    r->into = r->full;
    for (int j = 0; j < r->rules.n; j++) explain_rule(text, arena, r->rules.at[j]);
    r->running = false;
    r->into = NULL;
  }
}

void rel_explain(rel_engine *e, rel_relation *r, base_text *out) {
  rel_check(e);
  base_arena *arena = base_arena_child(e->arena);
  bool *wanted = BASE_NEWS(arena, bool, e->strata.n + 1);
  e->work = arena;
  if (r && r->stratum >= 0) rel_strata_of(r, arena, true, wanted);
  for (int i = 0; i < e->strata.n; i++)
    if (!r || wanted[i]) explain_stratum(out, arena, e->strata.at[i]);
  e->work = NULL;
  base_arena_close(arena);
}
