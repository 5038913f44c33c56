/* hints: tensors, names and expressions as messages show them, and what may have been meant. */
#include <string.h>

#include "lang/check.h"

const char *check_shape(check *c, const entity *e) {
  base_text t = base_text_open(c->arena);
  if (e->rank == 0) return "a scalar";
  for (int k = 0; k < e->rank; k++) {
    int64_t n;
    base_put(&t, k ? ", " : "[");
    if (e->size[k] && ir_is_int(e->size[k], &n))
      base_putf(&t, "%lld", (long long)n);
    else
      base_put(&t, "?");
  }
  base_put(&t, "]");
  return t.at;
}

const char *check_indexed(check *c, const entity *e) {
  base_text t = base_text_open(c->arena);
  base_put(&t, e->name);
  for (int k = 0; k < e->rank; k++) base_putf(&t, k ? ",%c" : "[%c", k < 18 ? 'i' + k : 'i');
  if (e->rank > 0) base_put(&t, "]");
  return t.at;
}

const char *check_positions(check *c, int n) {
  if (n == 0) return "no position";
  return base_format(c->arena, "%d position%s", n, n == 1 ? "" : "s");
}

const char *check_text_of(check *c, const lang_expr *e) {
  base_text t = base_text_open(c->arena);
  lang_print_expr(&t, e);
  return t.at;
}

/* ---- what may have been meant ---------------------------------------------------------------- */

static const char *nearest(check *c, const char *name, name_kind kind) {
  int built_in, n = 0;
  const char *const *functions = lang_functions(&built_in);
  const char **all = BASE_NEWS(c->arena, const char *, c->entities.n + built_in);
  for (int i = 0; i < c->entities.n; i++)
    if (c->entities.at[i]->kind == kind) all[n++] = c->entities.at[i]->name;
  for (int i = 0; kind == NAME_FUNCTION && i < built_in; i++) all[n++] = functions[i];
  return lang_did_you_mean(name, all, n);
}

/* A symbol stands in positions only. */
static const char *domain_with(check *c, const char *symbol) {
  for (int i = 0; i < c->entities.n; i++) {
    const entity *e = c->entities.at[i];
    if (e->domain && base_map_get_s(e->domain->number, symbol)) return e->name;
  }
  return NULL;
}

const char *check_meant(check *c, const char *name, name_kind kind) {
  const char *advice = lang_advice(name), *domain = domain_with(c, name);
  if (advice) return base_format(c->arena, "\nhelp: %s", advice);
  if (domain)
    return base_format(c->arena,
                       "\nhelp: it is a symbol of %s, and stands in positions only: "
                       "`X[%s]` with `X : f32[%s]`",
                       domain, name, domain);
  const char *near = nearest(c, name, kind);
  return near ? base_format(c->arena, "\nhelp: did you mean `%s`?", near) : "";
}

/* What to do about a name that nothing is near to. */
static const char *how_to_define(check *c, const lang_expr *e) {
  const char *name = e->name;
  if (e->kind == LANG_CALL) return base_format(c->arena, "\nhelp: define it: `%s(x) = ...`", name);
  if (e->kind == LANG_ATOM)
    return base_format(
        c->arena, "\nhelp: give it facts, `%s(A)`, a rule, `%s(x) <- ...`, or a file", name, name);
  if (e->kind == LANG_READ)
    return base_format(c->arena,
                       "\nhelp: give it by an equation, a list or a file, or declare it: "
                       "`%s : f32[...]`",
                       name);
  if (lang_is_capital(name)) return base_format(c->arena, "\nhelp: define it: `%s = ...`", name);
  return base_format(c->arena,
                     "\nhelp: an index stands between brackets somewhere in its equation; a scalar "
                     "is defined: `%s = ...`",
                     name);
}

void check_unknown(check *c, const lang_expr *e, name_kind kind) {
  const char *help = check_meant(c, e->name, kind);
  if (!*help) help = how_to_define(c, e);
  if (c->report) check_name(c, e->name, e->span)->broken = true;
  if (kind == NAME_FUNCTION)
    check_refuse(c, e->span, "there is no function `%s`%s", e->name, help);
  check_refuse(c, e->span, "`%s` is not defined%s", e->name, help);
}
