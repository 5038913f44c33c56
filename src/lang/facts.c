/* facts: tuples of relations and elements of tables that the caller gives, in place of the text's.
 */
#include <string.h>

#include "lang/machine.h"

/* One block: the names of symbols stand behind the cells. */
struct machine_facts {
  machine_facts *next;
  const char *name;
  int arity;
  int64_t n;
  double *value; /* NULL: of a relation */
  lang_cell cell[];
};

static machine_facts *copy_of(lang_machine *m, const char *name, int arity, int64_t n,
                              const lang_cell *cell, const double *value) {
  size_t cells = (size_t)arity * (size_t)n, bytes = strlen(name) + 1;
  for (size_t i = 0; i < cells; i++)
    if (cell[i].symbol) bytes += strlen(cell[i].symbol) + 1;
  size_t values = value ? (size_t)n * sizeof *value : 0;
  machine_facts *f = base_malloc(m->ctx, sizeof *f + cells * sizeof *cell + values + bytes);
  *f = (machine_facts){.arity = arity, .n = n};
  double *to = (double *)(void *)(f->cell + cells);
  char *text = (char *)to + values;
  if (value) f->value = memcpy(to, value, values);
  f->name = strcpy(text, name);
  text += strlen(text) + 1;
  for (size_t i = 0; i < cells; i++) {
    f->cell[i] = cell[i];
    if (!cell[i].symbol) continue;
    f->cell[i].symbol = strcpy(text, cell[i].symbol);
    text += strlen(text) + 1;
  }
  return f;
}

/* What can be given: a relation, or a table of values. NULL: there is no such name. */
static lang_relation *settable(lang_machine *m, const machine_facts *f) {
  lang_relation *r = lang_find_relation(m->program, f->name);
  if (!r) return NULL;
  if (r->arity != f->arity)
    base_raise(m->ctx, BASE_ARGUMENT, r->span, "%s has %d position%s; the rows given have %d",
               r->name, r->arity, r->arity == 1 ? "" : "s", f->arity);
  if (r->tensor && (r->tensor->kind == LANG_DERIVED || rel_fold_of(r->rel) != REL_ONE))
    base_raise(m->ctx, BASE_ARGUMENT, r->span, "%s is computed by its equations; it cannot be set",
               r->name);
  if (!f->value != !r->tensor)
    base_raise(m->ctx, BASE_ARGUMENT, r->span,
               r->tensor ? "%s is a tensor: its elements have values"
                         : "%s is a relation: its tuples have no values",
               r->name);
  return r;
}

static int64_t key_of(lang_machine *m, const lang_relation *r, int k, const lang_cell *cell) {
  const lang_domain *d = r->domain ? r->domain[k] : NULL;
  if (!cell->symbol) {
    if (rel_is_symbol(cell->number))
      base_raise(m->ctx, BASE_ARGUMENT, r->span, "%lld is beyond the numbers a relation holds",
                 (long long)cell->number);
    return cell->number;
  }
  if (d && d->name && !base_map_get_s(d->number, cell->symbol))
    base_raise(m->ctx, BASE_ARGUMENT, r->span, "`%s` is not in the domain %s, position %d of %s",
               cell->symbol, d->name, k, r->name);
  return rel_symbol(m->program->engine, cell->symbol, strlen(cell->symbol));
}

static void load(lang_machine *m, base_arena *job, lang_relation *r, const machine_facts *f) {
  int64_t **column = BASE_NEWS(job, int64_t *, f->arity + 1);
  rel_number *value = BASE_NEWS(job, rel_number, f->n + 1);
  bool real = r->tensor && ir_type_real(r->tensor->ir->type);
  for (int k = 0; k < f->arity; k++) {
    column[k] = BASE_NEWS(job, int64_t, f->n + 1);
    for (int64_t i = 0; i < f->n; i++) column[k][i] = key_of(m, r, k, &f->cell[i * f->arity + k]);
  }
  for (int64_t i = 0; f->value && i < f->n; i++) {
    if (real)
      value[i].f = f->value[i];
    else
      value[i].i = (int64_t)f->value[i];
  }
  rel_clear(r->rel);
  rel_load(r->rel, f->n, (const int64_t *const *)column, f->value ? value : NULL);
  m->epoch++;
  if (r->tensor) machine_replace(m, r->tensor->ir, NULL);
}

static void load_in_job(lang_machine *m, lang_relation *r, const machine_facts *f) {
  base_arena *job = base_arena_child(m->arena);
  base_trap trap;
  bool fine = BASE_TRY(m->ctx, &trap);
  if (fine) {
    load(m, job, r, f);
    base_untrap(m->ctx, &trap);
  }
  base_arena_close(job);
  if (!fine) base_raise_again(m->ctx);
}

static void keep(lang_machine *m, machine_facts *f) {
  machine_facts **at = &m->facts;
  while (*at && strcmp((*at)->name, f->name) != 0) at = &(*at)->next;
  f->next = *at ? (*at)->next : NULL;
  base_free(m->ctx, *at);
  *at = f;
}

_Noreturn static void refuse_name(lang_machine *m, const char *name) {
  const lang_program *p = m->program;
  const char **names = BASE_NEWS(m->arena, const char *, p->relations.n + 1);
  for (int i = 0; i < p->relations.n; i++) names[i] = p->relations.at[i]->name;
  const char *near = lang_did_you_mean(name, names, p->relations.n);
  if (near)
    base_raise(m->ctx, BASE_ARGUMENT, base_nowhere,
               "the program has no relation `%s`\nhelp: did you mean `%s`?", name, near);
  base_raise(m->ctx, BASE_ARGUMENT, base_nowhere, "the program has no relation `%s`", name);
}

void lang_machine_facts(lang_machine *m, const char *name, int arity, int64_t n,
                        const lang_cell *cell, const double *value) {
  machine_facts *f = copy_of(m, name, arity, n, cell, value);
  base_trap trap;
  if (BASE_TRY(m->ctx, &trap)) {
    lang_relation *r = settable(m, f);
    if (!r) refuse_name(m, name);
    load_in_job(m, r, f);
    base_untrap(m->ctx, &trap);
  } else {
    base_free(m->ctx, f);
    base_raise_again(m->ctx);
  }
  keep(m, f);
}

void machine_adopt_facts(lang_machine *m, const lang_machine *old, const base_map *changed) {
  for (const machine_facts *f = old->facts; f; f = f->next) {
    lang_relation *r = lang_find_relation(m->program, f->name);
    bool same = r && r->arity == f->arity && !f->value == !r->tensor;
    if (!same || base_map_get_s(changed, f->name)) continue;
    keep(m, copy_of(m, f->name, f->arity, f->n, f->cell, f->value));
    if (settable(m, f)) load_in_job(m, r, f);
  }
}

void machine_drop_facts(lang_machine *m) {
  for (machine_facts *f = m->facts, *next; f; f = next) {
    next = f->next;
    base_free(m->ctx, f);
  }
}
