/* gradient_text: a loss and its gradient as a program in the language: data and parameters as the
 * text defines them, then an equation for each tensor between them and the gradients. */
#include "lang/lang.h"
#include "pass/pass.h"

#include <string.h>

typedef struct writer {
  base_text *out;
  base_arena *arena;
  const lang_program *program;
  ir_program *p;                   /* the loss and its gradients */
  ir_tensor **map;                 /* by id in program->ir */
  base_map *written;               /* names that have their statement */
} writer;

/* ---- what the text defines -------------------------------------------------------------------- */

static const char *defined_name(const lang_stmt *s) {
  switch (s->form) {
  case LANG_EQUATION: return s->equation.head->name;
  case LANG_FILE: return s->file.head->name;
  case LANG_DECLARE: return s->declare.name->name;
  case LANG_DOMAIN: return s->domain.name->name;
  default: return NULL;
  }
}

static const lang_stmt *definition(const writer *w, const char *name, lang_form form) {
  for (int a = 0; a < w->program->asts.n; a++)
    for (int i = 0; i < w->program->asts.at[a]->n; i++) {
      const lang_stmt *s = w->program->asts.at[a]->at[i];
      const char *defined = s->form == form ? defined_name(s) : NULL;
      if (defined && strcmp(defined, name) == 0) return s;
    }
  return NULL;
}

static void put_source(writer *w, const lang_stmt *s) {
  if (s) base_putf(w->out, "%s\n", s->source);
}

static bool first_time(writer *w, const char *name) {
  if (base_map_get_s(w->written, name)) return false;
  base_map_put_s(w->written, name, w);
  return true;
}

static void put_data(writer *w, const char *name) {
  if (!first_time(w, name)) return;
  const lang_stmt *s = definition(w, name, LANG_EQUATION);
  put_source(w, s ? s : definition(w, name, LANG_FILE));
}

static void put_domain(writer *w, const lang_domain *d) {
  if (!d->name || !first_time(w, d->name)) return;
  const lang_stmt *s = definition(w, d->name, LANG_DOMAIN);
  if (s && s->domain.of) put_data(w, s->domain.of->name);
  put_source(w, s);
}

/* ---- declarations --------------------------------------------------------------------------------- */

static void put_size(writer *w, const lang_tensor *named, const ir_tensor *t, int k) {
  if (named && named->domain && named->domain[k] && named->domain[k]->name) base_put(w->out, named->domain[k]->name);
  else ir_print_expr(w->out, t->size[k]);
}

static void put_declaration(writer *w, const lang_tensor *named, const ir_tensor *t) {
  base_putf(w->out, "%s : %s", t->name, ir_type_name(t->type));
  for (int k = 0; k < t->rank; k++) {
    base_put(w->out, k ? ", " : "[");
    put_size(w, named, t, k);
  }
  if (t->rank) base_put(w->out, "]");
}

static void put_leaf(writer *w, const lang_tensor *named, const ir_tensor *t) {
  for (int k = 0; named && named->domain && k < t->rank; k++)
    if (named->domain[k]) put_domain(w, named->domain[k]);
  const lang_stmt *declared = named ? definition(w, named->name, LANG_DECLARE) : NULL;
  if (named && named->kind == LANG_DATA && !declared) {
    put_data(w, named->name);
    return;
  }
  put_declaration(w, named, t);
  if (declared && declared->declare.start) {
    base_put(w->out, " ~ ");
    lang_print_expr(w->out, declared->declare.start);
    if (declared->declare.fixed) base_put(w->out, " fixed");
  }
  base_put(w->out, "\n");
  if (named && named->kind == LANG_DATA && !declared->declare.start) put_data(w, named->name);
}

/* ---- the whole --------------------------------------------------------------------------------------- */

static const lang_tensor *named(const writer *w, const ir_tensor *t) {
  for (int i = 0; i < w->program->tensors.n; i++)
    if (w->map[w->program->tensors.at[i]->ir->id] == t) return w->program->tensors.at[i];
  return NULL;
}

static void put_program(writer *w) {
  const ir_program *p = w->p;
  for (int i = 0; i < w->program->sizes.n; i++)
    base_putf(w->out, "%s = %lld\n", w->program->sizes.at[i].symbol->name, (long long)w->program->sizes.at[i].value);
  for (int i = 0; i < p->tensors.n; i++)
    if (p->tensors.at[i]->role != IR_DERIVED) put_leaf(w, named(w, p->tensors.at[i]), p->tensors.at[i]);
  for (int i = 0; i < p->tensors.n; i++) {
    const ir_tensor *t = p->tensors.at[i];
    if (t->role != IR_DERIVED) continue;
    if (t->rank || t->type != IR_F32) {
      put_declaration(w, NULL, t);
      base_put(w->out, "\n");
    }
    for (int k = 0; k < t->eqs.n; k++) {
      ir_print_eq(w->out, t->eqs.at[k]);
      base_put(w->out, "\n");
    }
  }
}

static const lang_tensor *find(const lang_program *program, const char *name) {
  const lang_tensor *t = lang_find(program, name);
  if (t) return t;
  const char **all = BASE_NEWS(program->arena, const char *, program->tensors.n + 1);
  for (int i = 0; i < program->tensors.n; i++) all[i] = program->tensors.at[i]->name;
  const char *near = lang_did_you_mean(name, all, program->tensors.n);
  base_raise(program->ctx, BASE_ARGUMENT, base_nowhere, "there is no tensor `%s`%s", name,
             near ? base_format(program->arena, "\nhelp: did you mean `%s`?", near) : "");
}

static int list_wrt(const lang_program *program, const char *wrt, ir_tensor **map,
                    ir_tensor **list) {
  int n = 0;
  if (wrt) {
    list[n++] = map[find(program, wrt)->ir->id];
    if (!list[0]) base_raise(program->ctx, BASE_ARGUMENT, base_nowhere, "the loss does not depend on %s", wrt);
    return n;
  }
  for (int i = 0; i < program->tensors.n; i++) {
    const lang_tensor *t = program->tensors.at[i];
    if (t->kind == LANG_PARAMETER && !t->fixed && map[t->ir->id]) list[n++] = map[t->ir->id];
  }
  if (!n) base_raise(program->ctx, BASE_ARGUMENT, base_nowhere, "the loss depends on no parameter; name what to differentiate by");
  return n;
}

/* What the outputs of P need, and where tensors of the whole program are in it. */
static ir_program *needed(base_arena *arena, const ir_program *p, ir_tensor **map, int n, ir_tensor ***to) {
  ir_tensor **into = BASE_NEWS(arena, ir_tensor *, p->tensors.n + 1);
  ir_program *q = ir_extract(arena, p, p->outputs.n, p->outputs.at, false, 0, NULL, into);
  *to = BASE_NEWS(arena, ir_tensor *, n + 1);
  for (int i = 0; i < n; i++) (*to)[i] = map[i] ? into[map[i]->id] : NULL;
  return q;
}

void lang_gradient_text(lang_program *program, const char *loss, const char *wrt, base_text *out) {
  base_arena *arena = out->arena;
  const lang_tensor *of = find(program, loss);
  ir_tensor *wanted = of->ir, **map = BASE_NEWS(arena, ir_tensor *, program->ir->tensors.n + 1);
  ir_program *p = ir_extract(arena, program->ir, 1, &wanted, false, 0, NULL, map);
  ir_tensor **by = BASE_NEWS(arena, ir_tensor *, program->tensors.n + 1);
  int n = list_wrt(program, wrt, map, by);
  ir_tensor **grad = BASE_NEWS(arena, ir_tensor *, n + 1);
  pass_gradient(p, map[of->ir->id], 0, n, by, grad);
  base_putf(out, "# the gradient of %s\n", loss);
  for (int i = 0; i < n; i++) {
    ir_output(p, grad[i]);
    base_putf(out, "#   by %s is %s\n", by[i]->name, grad[i]->name);
  }
  pass_simplify(p);
  writer w = {.out = out, .arena = arena, .program = program, .written = base_map_open(arena)};
  w.p = needed(arena, p, map, program->ir->tensors.n, &w.map);
  put_program(&w);
}
