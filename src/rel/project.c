/* project: `_` in the body of a rule that counts bindings. E(x,_) asks whether x has any edge, and
 * must not count once for each; so such an atom reads a relation of its own, E'(x) <- E(x,_). */
#include "rel/private.h"

typedef struct rel_shadow {
  rel_relation *of, *relation;
  uint32_t mask;               /* the positions that are kept */
} rel_shadow;

static bool needs_shadow(const rel_item *it) {
  if (it->kind != REL_ATOM || it->total || it->value >= 0) return false;
  for (int i = 0; i < it->relation->arity; i++)
    if (it->term[i].kind == REL_ANY) return true;
  return false;
}

static rel_relation *make_shadow(rel_engine *e, rel_relation *of, uint32_t mask) {
  base_arena *arena = e->arena;
  int n = __builtin_popcount(mask);
  rel_relation *r = rel_new(e, of->name, n, REL_SET, IR_BOOL, of->span);
  rel_rule *rule = BASE_NEW(arena, rel_rule);
  rel_item *item = BASE_NEW(arena, rel_item);
  const rel_expr **key = BASE_NEWS(arena, const rel_expr *, n + 1);
  item->kind = REL_ATOM;
  item->relation = of;
  item->value = -1;
  item->term = BASE_NEWS(arena, rel_term, of->arity + 1);
  for (int i = 0, v = 0; i < of->arity; i++) {
    if (!(mask >> i & 1)) continue;
    item->term[i] = (rel_term){.kind = REL_VAR, .var = v};
    key[v] = rel_use(arena, v);
    v++;
  }
  *rule = (rel_rule){.head = r, .key = key, .nvars = n, .n = 1, .item = item, .text = of->name};
  rule->span = of->span;
  rel_add(e, rule);
  return r;
}

static rel_relation *shadow_of(rel_engine *e, rel_relation *of, uint32_t mask) {
  for (int i = 0; i < e->shadows.n; i++)
    if (e->shadows.at[i]->of == of && e->shadows.at[i]->mask == mask)
      return e->shadows.at[i]->relation;
  rel_shadow *s = BASE_NEW(e->arena, rel_shadow);
  s->of = of;
  s->mask = mask;
  s->relation = make_shadow(e, of, mask);
  BASE_PUSH(e->arena, &e->shadows, s);
  return s->relation;
}

const rel_rule *rel_project(rel_engine *e, const rel_rule *rule) {
  bool any = false;
  for (int i = 0; i < rule->n; i++) any |= needs_shadow(&rule->item[i]);
  if (!any || rule->head->fold == REL_SET) return rule;
  rel_rule *copy = BASE_NEW(e->arena, rel_rule);
  rel_item *item = BASE_NEWS(e->arena, rel_item, rule->n);
  *copy = *rule;
  copy->item = item;
  for (int i = 0; i < rule->n; i++) {
    item[i] = rule->item[i];
    if (!needs_shadow(&rule->item[i])) continue;
    uint32_t mask = 0;
    int n = 0;
    rel_term *term = BASE_NEWS(e->arena, rel_term, item[i].relation->arity + 1);
    for (int j = 0; j < item[i].relation->arity; j++) {
      if (item[i].term[j].kind == REL_ANY) continue;
      mask |= (uint32_t)1 << j;
      term[n++] = item[i].term[j];
    }
    item[i].relation = shadow_of(e, item[i].relation, mask);
    item[i].term = term;
  }
  return copy;
}
