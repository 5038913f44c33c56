/* relations: tuples of the engine as columns for kernels, elements of tensors for the engine, and
 * tuples as text. */
#include "lang/machine.h"
#include "lang/sparse.h"

#include <stdlib.h>
#include <string.h>

void machine_open_relations(lang_machine *m) {
  lang_program *program = m->program;
  m->relational = BASE_NEWS(m->arena, const lang_size *, program->ir->symbols.n + 1);
  m->column = BASE_NEWS(m->arena, const lang_column *, program->ir->tensors.n + 1);
  m->made = BASE_NEWS(m->arena, int64_t, program->ir->tensors.n + 1);
  m->related = -1;
  program->machine = m;
  for (int i = 0; i < program->sizes.n; i++)
    if (program->sizes.at[i].of)
      m->relational[program->sizes.at[i].symbol->id] = &program->sizes.at[i];
  for (int i = 0; i < program->columns.n; i++)
    m->column[program->columns.at[i].ir->id] = &program->columns.at[i];
}

/* ---- tensors for the engine ------------------------------------------------------------------ */

rel_array lang_fetch(void *user, const rel_dense *d) {
  lang_reading *r = user;
  lang_machine *m = r->program->machine;
  (void)d;
  if (!m)
    base_raise(r->program->ctx, BASE_RUNTIME, r->tensor->span,
               "%s has no value: the program is "
               "not being run",
               r->tensor->name);
  if (r->held) base_arena_close(r->held);
  r->held = NULL;
  base_arena *job = base_arena_child(m->arena);
  run_value *v = machine_value(m, job, r->tensor, m->nwith, m->with);
  r->held = base_arena_child(r->program->arena);
  void *data = base_alloc(r->held, run_value_bytes(v) + 8);
  run_value_read(v, data);
  rel_array array = {.data = data, .type = v->type};
  for (int k = 0; k < v->rank; k++) array.size[k] = v->size[k];
  base_arena_close(job);
  return array;
}

static rel_number number_at(ir_type type, const void *data, int64_t i) {
  ir_value x = device_load_value(type, data, i);
  return ir_type_real(x.type) ? (rel_number){.f = x.u.f} : (rel_number){.i = x.u.i};
}

static void load_values(lang_machine *m, const lang_reading *r) {
  base_arena *job = base_arena_child(m->arena);
  run_value *v = machine_value(m, job, r->tensor, m->nwith, m->with);
  rel_rows rows = rel_query(job, r->tensor->keys->rel, NULL);
  void *data = base_alloc(job, run_value_bytes(v) + 8);
  rel_number *value = BASE_NEWS(job, rel_number, rows.n + 1);
  run_value_read(v, data);
  for (int64_t i = 0; i < rows.n; i++) value[i] = number_at(v->type, data, i);
  rel_clear(r->values);
  rel_load(r->values, rows.n, rows.column, value);
  base_arena_close(job);
}

/* In the order in which they were met: a later one may need relations that read an earlier one. */
void machine_relate(lang_machine *m) {
  lang_program *program = m->program;
  if (m->related == m->epoch && program->machine == m) return;
  m->related = m->epoch;
  program->machine = m;
  for (int i = 0; i < program->readings.n; i++)
    if (program->readings.at[i]->dense) rel_stale(program->readings.at[i]->dense);
  for (int i = 0; i < program->readings.n; i++)
    if (program->readings.at[i]->values) load_values(m, program->readings.at[i]);
}

/* ---- sizes ----------------------------------------------------------------------------------- */

int64_t lang_size_value(const lang_program *p, const lang_size *size) {
  if (!size->of) return size->value;
  if (size->position < 0) return rel_count(size->of);
  base_arena *job = base_arena_child(p->arena);
  rel_rows rows = rel_query(job, size->of, NULL);
  int64_t most = -1;
  for (int64_t i = 0; i < rows.n; i++) {
    int64_t key = rows.column[size->position][i];
    if (!rel_is_symbol(key) && key > most) most = key;
  }
  base_arena_close(job);
  return most + 1;
}

void machine_symbol(lang_machine *m, const ir_symbol *symbol) {
  const lang_size *size = m->relational[symbol->id];
  if (!size) return;
  machine_relate(m);
  m->symbols[symbol->id] = lang_size_value(m->program, size);
}

/* ---- columns --------------------------------------------------------------------------------- */

/* Where K's domain is one, symbols become their numbers in it; what is not in it, -1: nowhere. */
static void fill_keys(const lang_program *p, base_arena *job, const lang_column *k,
                      const rel_rows *rows, int64_t *to) {
  const rel_engine *engine = p->engine;
  int64_t symbols = rel_symbol_count(engine);
  int64_t *number = k->domain ? BASE_NEWS(job, int64_t, symbols + 1) : NULL;
  for (int64_t i = 0; i < symbols; i++) number ? (number[i] = -2) : 0;
  for (int64_t i = 0; i < rows->n; i++) {
    int64_t key = rows->column[k->position][i];
    to[i] = key;
    if (!rel_is_symbol(key)) continue;
    const char *name = rel_symbol_name(engine, key);
    if (!number)
      base_raise(p->ctx, BASE_RUNTIME, k->ir->span,
                 "position %d of %s holds the symbol `%s` where a "
                 "number is wanted",
                 k->position, rel_name(k->of), name);
    int64_t *known = &number[key - INT64_MIN];
    if (*known == -2) {
      const char **symbol = base_map_get_s(k->domain->number, name);
      *known = symbol ? symbol - k->domain->symbol : -1;
    }
    to[i] = *known;
  }
}

static void fill_rows(base_arena *job, const lang_column *k, const rel_rows *rows, int64_t *to) {
  rel_rows in = rel_query(job, k->in, NULL);
  int64_t key[REL_ARITY] = {0};
  int n = rel_arity(k->in);
  size_t bytes = sizeof *key * (size_t)(n ? n : 1);
  base_map *row = base_map_open(job);
  int64_t *number = BASE_NEWS(job, int64_t, in.n + 1);
  for (int64_t i = 0; i < in.n; i++) {
    for (int p = 0; p < n; p++) key[p] = in.column[p][i];
    number[i] = i;
    base_map_put(row, key, bytes, &number[i]);
  }
  for (int64_t i = 0; i < rows->n; i++) {
    for (int p = 0; p < n; p++)
      key[p] = k->term[p].kind == REL_KEY ? k->term[p].key : rows->column[k->term[p].var][i];
    const int64_t *found = base_map_get(row, key, bytes);
    to[i] = found ? *found : -1;
  }
}

int64_t *lang_column_elements(const lang_program *p, base_arena *arena, const lang_column *k,
                              int64_t *n) {
  rel_rows rows = rel_query(arena, k->of, NULL);
  int64_t *data = BASE_NEWS(arena, int64_t, rows.n + 1);
  if (k->in)
    fill_rows(arena, k, &rows, data);
  else
    fill_keys(p, arena, k, &rows, data);
  *n = rows.n;
  return data;
}

static run_value *column(lang_machine *m, const lang_column *k) {
  base_arena *job = base_arena_child(m->arena);
  int64_t n, *data = lang_column_elements(m->program, job, k, &n);
  run_value *v = run_value_new(m->session, IR_I64, 1, &n, data);
  base_arena_close(job);
  return v;
}

/* The values of ROWS as elements of TYPE. */
static void *stored(base_arena *job, ir_type type, const rel_rows *rows) {
  char *data = base_alloc(job, ir_type_bytes(type) * (size_t)(rows->n + 1));
  ir_type computed = ir_type_computed(type);
  for (int64_t i = 0; i < rows->n; i++) {
    ir_value x = {.type = computed};
    if (ir_type_real(computed))
      x.u.f = rows->value[i].f;
    else
      x.u.i = rows->value[i].i;
    device_store_value(type, data, i, x);
  }
  return data;
}

/* The values that a table gives, or the engine made. */
static run_value *elements(lang_machine *m, const lang_tensor *t) {
  base_arena *job = base_arena_child(m->arena);
  rel_rows rows = rel_query(job, t->keys->rel, NULL);
  run_value *v =
      run_value_new(m->session, t->ir->type, 1, &rows.n, stored(job, t->ir->type, &rows));
  base_arena_close(job);
  return v;
}

run_value *machine_tuples(lang_machine *m, const ir_tensor *leaf) {
  const lang_tensor *t = m->tensor[leaf->id];
  bool table = t && t->keys && !t->start && rel_fold_of(t->keys->rel) != REL_SET;
  if (!m->column[leaf->id] && !table) return NULL;
  machine_relate(m);
  return table ? elements(m, t) : column(m, m->column[leaf->id]);
}

/* ---- as text --------------------------------------------------------------------------------- */

static void put_key(const lang_machine *m, base_text *text, int64_t key, bool json) {
  if (!rel_is_symbol(key)) {
    base_putf(text, "%lld", (long long)key);
    return;
  }
  const char *name = rel_symbol_name(m->program->engine, key);
  if (json || !machine_is_plain(name))
    machine_put_string(text, name, strlen(name));
  else
    base_put(text, name);
}

static void put_keys(const lang_machine *m, base_text *text, const int64_t *key, int n, bool json) {
  for (int i = 0; i < n; i++) {
    if (i) base_put(text, json ? ", " : " ");
    put_key(m, text, key[i], json);
  }
}

static void put_tuples(lang_machine *m, base_arena *job, const lang_item *item, base_text *text,
                       bool json) {
  rel_relation *r = item->relation->rel;
  if (!item->shown) {
    base_put(text, rel_exists(r, item->term) ? "true" : "false");
    base_put(text, json ? "" : "\n");
    return;
  }
  rel_rows rows = rel_query(job, r, item->term);
  int64_t key[REL_ARITY];
  base_put(text, json ? "[" : "");
  for (int64_t i = 0; i < rows.n; i++) {
    for (int k = 0; k < rows.width; k++) key[k] = rows.column[k][i];
    base_put(text, !json ? "" : i ? ", [" : "[");
    put_keys(m, text, key, rows.width, json);
    base_put(text, json ? "]" : "\n");
  }
  base_put(text, json ? "]" : "");
}

/* Does row I match; KEY: what its variables stand for. */
static bool matches(const lang_item *item, const rel_rows *rows, int64_t i, int64_t *key) {
  int met = 0;
  for (int k = 0; k < item->relation->arity; k++) {
    rel_term t = item->term[k];
    int64_t at = rows->column[k][i];
    if (t.kind == REL_KEY && t.key != at) return false;
    if (t.kind != REL_VAR) continue;
    if (t.var < met && key[t.var] != at) return false;
    if (t.var == met) key[met++] = at;
  }
  return true;
}

/* The elements that are asked for: keys as the question shows them, values in VIEW. */
typedef struct answer {
  int64_t n;
  int width;
  int64_t **key; /* by row */
  machine_view view;
} answer;

static void add_row(base_arena *job, answer *a, const int64_t *key) {
  a->key[a->n] = BASE_NEWS(job, int64_t, a->width + 1);
  memcpy(a->key[a->n++], key, sizeof *key * (size_t)a->width);
}

/* Elements that the engine has: it makes only what the question needs. */
static answer by_engine(base_arena *job, const lang_item *item) {
  const lang_tensor *t = item->relation->tensor;
  rel_rows rows = rel_query(job, item->relation->rel, item->term);
  answer a = {.width = item->shown, .key = BASE_NEWS(job, int64_t *, rows.n + 1)};
  int64_t key[REL_ARITY];
  a.view = (machine_view){.type = t->ir->type, .rank = 1, .data = stored(job, t->ir->type, &rows)};
  for (int64_t i = 0; i < rows.n; i++) {
    for (int k = 0; k < a.width; k++) key[k] = rows.column[k][i];
    add_row(job, &a, key);
  }
  return a;
}

static answer by_values(lang_machine *m, base_arena *job, const lang_item *item) {
  run_value *v = machine_value(m, job, item->relation->tensor, m->nwith, m->with);
  machine_view all = machine_view_of(job, v, item);
  rel_rows rows = rel_query(job, item->relation->rel, NULL);
  answer a = {.width = item->shown, .key = BASE_NEWS(job, int64_t *, rows.n + 1), .view = all};
  size_t size = ir_type_bytes(v->type);
  char *data = base_alloc(job, size * (size_t)(rows.n + 1));
  int64_t key[REL_ARITY];
  for (int64_t i = 0; i < rows.n; i++) {
    if (!matches(item, &rows, i, key)) continue;
    memcpy(data + size * (size_t)a.n, (const char *)all.data + size * (size_t)i, size);
    add_row(job, &a, key);
  }
  a.view.data = data;
  return a;
}

static void put_elements(lang_machine *m, base_arena *job, const lang_item *item, base_text *text,
                         bool json) {
  const lang_tensor *t = item->relation->tensor;
  bool engine = t->kind == LANG_DATA && rel_fold_of(item->relation->rel) != REL_SET;
  answer a = engine ? by_engine(job, item) : by_values(m, job, item);
  bool ground = !item->shown;
  base_put(text, json && !ground ? "[" : "");
  if (ground && !json) base_putf(text, "%s = ", item->label);
  for (int64_t i = 0; i < a.n; i++) {
    if (!ground) {
      base_put(text, !json ? "" : i ? ", [" : "[");
      put_keys(m, text, a.key[i], a.width, json);
      base_put(text, json ? ", " : " ");
    }
    machine_put_element(text, &a.view, i, json);
    base_put(text, !json ? "\n" : ground ? "" : "]");
  }
  if (ground && !a.n) base_put(text, json ? "null" : "absent\n");
  base_put(text, json && !ground ? "]" : "");
}

void machine_put_relation(lang_machine *m, base_arena *job, const lang_item *item, base_text *text,
                          bool json) {
  machine_relate(m);
  if (item->show == LANG_SHOW_TUPLES)
    put_tuples(m, job, item, text, json);
  else
    put_elements(m, job, item, text, json);
}
