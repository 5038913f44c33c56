/* settle: settle(P, 1e-9, start=0.5) and rounds(P, 500): how equations that need each other are
 * solved. The first command for a tensor holds for the whole text; a later one from where it is
 * carried out. */
#include "lang/check.h"

#include <math.h>
#include <string.h>

static entity *settled(check *c, const lang_stmt *s) {
  const lang_expr *e = s->command.at[0];
  bool names = e->kind == LANG_NAME || e->kind == LANG_READ || e->kind == LANG_ATOM;
  entity *of = names ? check_find(c, e->name) : NULL;
  if (of && (of->kind == NAME_RELATION || of->fold != REL_SET)) return of;
  if (!names || (of && of->kind != NAME_TENSOR))
    check_refuse(c, e->span, "%s takes a tensor first: %s", s->command.name,
                 s->command.name[0] == 'r' ? "rounds(P, 500)" : "settle(P, 1e-6)");
  if (!of) check_refuse(c, e->span, "`%s` is not defined: there is nothing to settle", e->name);
  if (!of->ir || !of->ir->settle)
    check_refuse(c, e->span, "%s does not depend on itself: there is nothing to settle", of->name);
  return of;
}

static void read_rounds(check *c, const lang_stmt *s, ir_settle *how) {
  if (s->command.n != 2 || s->command.at[1]->kind == LANG_KEYWORD)
    check_refuse(c, s->span, "rounds takes a tensor and a number: rounds(P, 500)");
  double n = check_argument(c, s->command.at[1], "the number of rounds", 1);
  if (n != floor(n) || n > 1e9)
    check_refuse(c, s->command.at[1]->span,
                 "the number of rounds is a whole one, a thousand million at most; this is %g", n);
  how->rounds = (int64_t)n;
}

static void read_settle(check *c, const lang_stmt *s, ir_settle *how) {
  static const char *const known[] = {"start", NULL};
  const lang_expr *const *at = (const lang_expr *const *)s->command.at;
  check_keywords(c, "settle", at, s->command.n, known);
  const lang_expr *start = check_keyword(at, s->command.n, "start");
  bool amount = s->command.n > 1 && at[1]->kind != LANG_KEYWORD;
  if (s->command.n != 1 + amount + (start != NULL) || at[0]->kind == LANG_KEYWORD)
    check_refuse(c, s->span,
                 "settle takes a tensor, and the change that is passed over: settle(P, 1e-6), "
                 "settle(P, 1e-6, start=0.5)");
  if (amount) how->tolerance = check_argument(c, at[1], "the change that is passed over", 0);
  if (start) how->start = check_argument(c, start, "start=", -INFINITY);
  how->told = true;
}

/* What the engine makes: rules run until nothing new follows, extremes until none improves. */
static lang_settle *relation_settles(check *c, const lang_stmt *s, const entity *of) {
  ir_settle how = {.rounds = 0};
  lang_settle *made = BASE_NEW(c->arena, lang_settle);
  if (s->command.name[0] == 'r')
    read_rounds(c, s, &how);
  else
    read_settle(c, s, &how);
  rel_settle(of->rel, how.tolerance, how.start, how.rounds);
  return made;
}

lang_settle *check_settle(check *c, const lang_stmt *s) {
  entity *of = settled(c, s);
  if (of->kind == NAME_RELATION || of->fold != REL_SET) return relation_settles(c, s, of);
  bool *told = s->command.name[0] == 'r' ? &of->bounded : &of->settled;
  if (!of->how) {
    of->how = BASE_NEW(c->arena, ir_settle);
    *of->how = *of->ir->settle;
  }
  if (s->command.name[0] == 'r')
    read_rounds(c, s, of->how);
  else
    read_settle(c, s, of->how);
  if (!*told) *of->ir->settle = *of->how;
  *told = true;
  lang_settle *made = BASE_NEW(c->arena, lang_settle);
  *made = (lang_settle){.tensor = of->tensor, .how = *of->how};
  return made;
}
