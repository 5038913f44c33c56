/* gradient_text: a loss and its gradient as a program in the language: data and parameters as the
 * text defines them, then an equation for each tensor between them and the gradients. */
#include "lang/sparse.h"
#include "pass/pass.h"

#include <string.h>

typedef struct writer {
  base_text *out;
  base_arena *arena;
  const lang_program *program;
  ir_program *p;         /* the loss and its gradients */
  ir_tensor **map;       /* by id in program->ir */
  base_map *written;     /* names that have their statement */
  base_map *slices;      /* by what is sliced and how: the tensor that holds it */
  int count;             /* tensors of p; slices come behind */
  int *cycle;            /* by id in p: equal for tensors of one recurrence */
  const ir_tensor *head; /* of the equation being written */
} writer;

/* ---- what the text defines ------------------------------------------------------------------- */

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

/* ---- declarations ---------------------------------------------------------------------------- */

static void put_size(writer *w, const lang_tensor *named, const ir_tensor *t, int k) {
  if (named && named->domain && named->domain[k] && named->domain[k]->name)
    base_put(w->out, named->domain[k]->name);
  else
    ir_print_expr(w->out, t->size[k]);
}

static void put_declaration(writer *w, const lang_tensor *named, const ir_tensor *t) {
  base_putf(w->out, "%s : %s", t->name, ir_type_name(t->type));
  for (int k = 0; k < t->rank; k++) {
    base_put(w->out, k ? ", " : "[");
    put_size(w, named, t, k);
  }
  if (t->rank) base_put(w->out, "]");
}

static const lang_column *column_of(const writer *w, const ir_tensor *t) {
  for (int i = 0; i < w->program->columns.n; i++)
    if (w->map[w->program->columns.at[i].ir->id] == t) return &w->program->columns.at[i];
  return NULL;
}

/* A column of a relation, as a list; the values of a sparse tensor's elements likewise. */
static bool put_tuples(writer *w, const lang_tensor *named, const ir_tensor *t) {
  const lang_column *k = column_of(w, t);
  bool table = named && named->keys && !named->start && rel_fold_of(named->keys->rel) != REL_SET;
  if (!k && !table) return false;
  base_arena *job = base_arena_child(w->arena);
  rel_rows rows = {0};
  int64_t n = 0, *key = k ? lang_column_elements(w->program, job, k, &n) : NULL;
  if (!k) rows = rel_query(job, named->keys->rel, NULL), n = rows.n;
  bool learned = table && named->kind == LANG_PARAMETER;
  base_putf(w->out, "%s : %s[%lld]%s", t->name, ir_type_name(t->type), (long long)n,
            learned ? " ~ [" : "");
  if (!learned) base_putf(w->out, "\n%s = [", t->name);
  for (int64_t i = 0; i < n; i++) {
    base_put(w->out, i ? ", " : "");
    if (k || !ir_type_real(t->type))
      base_putf(w->out, "%lld", (long long)(k ? key[i] : rows.value[i].i));
    else
      base_put_number(w->out, rows.value[i].f);
  }
  base_putf(w->out, "]%s\n", learned && named->fixed ? " fixed" : "");
  base_arena_close(job);
  return true;
}

static void put_leaf(writer *w, const lang_tensor *named, const ir_tensor *t) {
  if (put_tuples(w, named, t)) return;
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

/* ---- recurrences ----------------------------------------------------------------------------- */

typedef struct reads {
  writer *w;
  bool *met;
  BASE_VEC(const ir_tensor *) todo;
} reads;

static void note_read(void *arg, const ir_expr *e) {
  reads *r = arg;
  if (e->op != IR_READ || r->met[e->u.tensor->id]) return;
  r->met[e->u.tensor->id] = true;
  BASE_PUSH(r->w->arena, &r->todo, e->u.tensor);
}

static void each_read(const ir_tensor *t, void (*visit)(void *arg, const ir_expr *e), void *arg) {
  for (int i = 0; i < t->eqs.n; i++) {
    for (int k = 0; k < t->rank; k++) ir_each(t->eqs.at[i]->lhs[k], visit, arg);
    ir_each(t->eqs.at[i]->body, visit, arg);
  }
}

/* met[i]: T leads back to tensor i. */
static bool *reached(writer *w, const ir_tensor *t) {
  reads r = {.w = w, .met = BASE_NEWS(w->arena, bool, w->p->tensors.n + 1)};
  each_read(t, note_read, &r);
  while (r.todo.n > 0) each_read(r.todo.at[--r.todo.n], note_read, &r);
  return r.met;
}

static void find_cycles(writer *w) {
  int n = w->count = w->p->tensors.n;
  bool **from = BASE_NEWS(w->arena, bool *, n + 1);
  w->cycle = BASE_NEWS(w->arena, int, n + 1);
  for (int i = 0; i < n; i++) from[i] = reached(w, w->p->tensors.at[i]);
  for (int i = 0; i < n; i++) {
    w->cycle[i] = i;
    for (int k = 0; k < i; k++)
      if (from[i][k] && from[k][i]) w->cycle[i] = w->cycle[k];
  }
}

/* ---- sizes that the reader is to find again -------------------------------------------------- */

/* Where an index stands bare, sizes must agree. In a recurrence only declared sizes count. */

static bool shorter(const ir_expr *a, const ir_expr *b) {
  int64_t x, y;
  return ir_is_int(a, &x) && ir_is_int(b, &y) && x < y;
}

static bool differs(const ir_expr *position, const ir_expr *size) {
  return position->op == IR_INDEX && position->u.index->extent != size;
}

typedef struct search {
  const ir_tensor *t;
  bool found;
} search;

static void search_conflict(void *arg, const ir_expr *e) {
  search *s = arg;
  for (int k = 0; e->op == IR_READ && e->u.tensor == s->t && k < e->n; k++)
    s->found = s->found || differs(e->arg[k], s->t->size[k]);
}

/* If T is read with another size in its own recurrence, or some equation fills a part of it, its
 * size is left to be found. */
static bool is_declared(const writer *w, const ir_tensor *t) {
  search s = {.t = t};
  for (int i = 0; i < t->eqs.n; i++)
    for (int k = 0; k < t->rank; k++)
      s.found = s.found || differs(t->eqs.at[i]->lhs[k], t->size[k]);
  for (int i = 0; i < w->count; i++)
    if (w->cycle[i] == w->cycle[t->id]) each_read(w->p->tensors.at[i], search_conflict, &s);
  return !s.found;
}

/* Does some equation fill the last element of position K? */
static bool fills_end(const writer *w, const ir_tensor *t, int k) {
  const ir_expr *last = ir_binary(w->p, IR_SUB, t->size[k], ir_int(w->p, 1));
  for (int i = 0; i < t->eqs.n; i++) {
    const ir_expr *offset;
    const ir_index *index = ir_position_index(t->eqs.at[i]->lhs[k], &offset);
    if (index)
      offset =
          ir_binary(w->p, IR_ADD, offset, ir_binary(w->p, IR_SUB, index->extent, ir_int(w->p, 1)));
    if (offset == last) return true;
  }
  return false;
}

/* An undeclared tensor the end of which is 0 is told how long it is: T[4,2] = 0. */
static void put_end(writer *w, const ir_tensor *t) {
  bool filled = true;
  for (int k = 0; k < t->rank; k++) filled = filled && fills_end(w, t, k);
  if (filled) return;
  base_putf(w->out, "%s[", t->name);
  for (int k = 0; k < t->rank; k++) {
    base_put(w->out, k ? ", " : "");
    ir_print_expr(w->out, ir_binary(w->p, IR_SUB, t->size[k], ir_int(w->p, 1)));
  }
  base_put(w->out, "] = 0\n");
}

/* A' = A[0:2,:] for A[l,d] where l runs over less than A is long. */
static ir_tensor *slice(writer *w, ir_tensor *t, const ir_expr *const *size) {
  base_text key = base_text_open(w->arena), *out = w->out;
  base_putf(&key, "%s = %s[", "%s", t->name);
  for (int k = 0; k < t->rank; k++) {
    base_put(&key, k ? ", " : "");
    if (size[k] != t->size[k]) base_put(&key, "0");
    base_put(&key, ":");
    if (size[k] != t->size[k]) ir_print_expr(&key, size[k]);
  }
  ir_tensor *part = base_map_get_s(w->slices, key.at);
  if (part) return part;
  part = ir_tensor_new(w->p, t->name, t->type, t->rank, size, IR_DERIVED);
  base_map_put_s(w->slices, key.at, part);
  base_putf(out, "%s%s]\n", part->name, key.at + 2);
  return part;
}

/* In the equation of another recurrence or none: reads whose sizes differ from the index's. */
static const ir_expr *fit_read(ir_program *p, const ir_expr *e, void *arg) {
  writer *w = arg;
  if (e->op != IR_READ) return e;
  ir_tensor *t = e->u.tensor;
  bool same = w->cycle[t->id] == w->cycle[w->head->id];
  const ir_expr *size[RUN_RANK + 1], *position[RUN_RANK + 1];
  bool part = false, changed = false;
  for (int k = 0; k < t->rank; k++) {
    size[k] = t->size[k];
    position[k] = e->arg[k];
    if (same || !differs(e->arg[k], t->size[k])) continue;
    const ir_expr *extent = e->arg[k]->u.index->extent;
    changed = true;
    if (shorter(extent, t->size[k]))
      part = true, size[k] = extent;
    else
      position[k] =
          ir_binary(p, IR_MINIMUM, e->arg[k], ir_binary(p, IR_SUB, t->size[k], ir_int(p, 1)));
  }
  return changed ? ir_read(p, part ? slice(w, t, size) : t, position) : e;
}

static void put_equation(writer *w, const ir_eq *eq) {
  ir_eq fit = *eq;
  w->head = eq->head;
  fit.body = ir_rewrite(w->p, eq->body, fit_read, w);
  fit.lhs = BASE_NEWS(w->arena, const ir_expr *, eq->head->rank + 1);
  for (int k = 0; k < eq->head->rank; k++) fit.lhs[k] = ir_rewrite(w->p, eq->lhs[k], fit_read, w);
  ir_print_eq(w->out, &fit);
  base_put(w->out, "\n");
}

/* ---- the whole ------------------------------------------------------------------------------- */

static const lang_tensor *named(const writer *w, const ir_tensor *t) {
  for (int i = 0; i < w->program->tensors.n; i++)
    if (w->map[w->program->tensors.at[i]->ir->id] == t) return w->program->tensors.at[i];
  return NULL;
}

static bool is_recursive(const writer *w, const ir_tensor *t) {
  for (int i = 0; i < t->eqs.n; i++)
    if (ir_reads(t->eqs.at[i]->body, t)) return true;
  for (int i = 0; i < w->count; i++)
    if (i != t->id && w->cycle[i] == w->cycle[t->id]) return true;
  return false;
}

/* How T is solved, where that is not what goes without saying. */
static void put_settle(writer *w, const ir_tensor *t) {
  const ir_settle *s = t->settle;
  if (!s || !is_recursive(w, t)) return;
  if (s->told || s->start != 0 || s->tolerance != 0) {
    base_putf(w->out, "settle(%s, ", t->name);
    base_put_number(w->out, s->tolerance);
    if (s->start != 0) base_put(w->out, ", start=");
    if (s->start != 0) base_put_number(w->out, s->start);
    base_put(w->out, ")\n");
  }
  if (s->rounds != IR_ROUNDS)
    base_putf(w->out, "rounds(%s, %lld)\n", t->name, (long long)s->rounds);
}

static void put_program(writer *w) {
  const ir_program *p = w->p;
  for (int i = 0; i < w->program->sizes.n; i++)
    base_putf(w->out, "%s = %lld\n", w->program->sizes.at[i].symbol->name,
              (long long)lang_size_value(w->program, &w->program->sizes.at[i]));
  for (int i = 0; i < w->count; i++)
    if (p->tensors.at[i]->role != IR_DERIVED)
      put_leaf(w, named(w, p->tensors.at[i]), p->tensors.at[i]);
  for (int i = 0; i < w->count; i++) {
    const ir_tensor *t = p->tensors.at[i];
    if (t->role != IR_DERIVED) continue;
    bool declared = is_declared(w, t);
    if (declared && (t->rank || t->type != IR_F32)) {
      put_declaration(w, NULL, t);
      base_put(w->out, "\n");
    }
    if (!declared) put_end(w, t);
    for (int k = 0; k < t->eqs.n; k++) put_equation(w, t->eqs.at[k]);
    put_settle(w, t);
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
    if (!list[0])
      base_raise(program->ctx, BASE_ARGUMENT, base_nowhere, "the loss does not depend on %s", wrt);
    return n;
  }
  for (int i = 0; i < program->tensors.n; i++) {
    const lang_tensor *t = program->tensors.at[i];
    if (t->kind == LANG_PARAMETER && !t->fixed && map[t->ir->id]) list[n++] = map[t->ir->id];
  }
  if (!n)
    base_raise(program->ctx, BASE_ARGUMENT, base_nowhere,
               "the loss depends on no parameter\nhelp: name what to differentiate by: "
               "`tl grad FILE LOSS X`");
  return n;
}

/* What the outputs of P need, and where tensors of the whole program are in it. */
static ir_program *needed(base_arena *arena, const ir_program *p, ir_tensor **map, int n,
                          ir_tensor ***to) {
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
  w.slices = base_map_open(arena);
  find_cycles(&w);
  put_program(&w);
}
