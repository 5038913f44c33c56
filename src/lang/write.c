/* write: "y.npy" = Y. Tensors as arrays; relations and sparse tensors as tables, which are read
 * back as they were; text as it is. */
#include "lang/machine.h"
#include "lang/sparse.h"

#include <string.h>

static bool ends_with(const char *path, const char *suffix) {
  size_t n = strlen(path), m = strlen(suffix);
  return n > m && strcmp(path + n - m, suffix) == 0;
}

/* ---- tables ---------------------------------------------------------------------------------- */

typedef struct table {
  base_text *text;
  const rel_engine *engine;
  const char *separator;
} table;

/* Quoted where it would be read as a number, or as two. */
static bool needs_quotes(const char *name) {
  if (!*name || strpbrk(name, "\"\n\r\t,")) return true;
  return strchr("+-.0123456789 ", *name) || name[strlen(name) - 1] == ' ';
}

static void put_key(table *t, int64_t key) {
  if (!rel_is_symbol(key)) {
    base_putf(t->text, "%lld", (long long)key);
    return;
  }
  const char *name = rel_symbol_name(t->engine, key);
  if (!needs_quotes(name)) {
    base_put(t->text, name);
    return;
  }
  base_put(t->text, "\"");
  for (; *name; name++) base_put_n(t->text, *name == '"' ? "\"\"" : name, *name == '"' ? 2 : 1);
  base_put(t->text, "\"");
}

static void put_value(table *t, const machine_view *v, int64_t i) {
  ir_value x = device_load_value(v->type, v->data, i);
  if (ir_type_real(x.type)) machine_put_number(t->text, v->type, x.u.f);
  else base_putf(t->text, "%lld", (long long)x.u.i);
}

static void put_rows(table *t, const rel_rows *rows, const machine_view *value) {
  for (int64_t i = 0; i < rows->n; i++) {
    for (int k = 0; k < rows->width; k++) {
      if (k) base_put(t->text, t->separator);
      put_key(t, rows->column[k][i]);
    }
    if (value) {
      base_put(t->text, t->separator);
      put_value(t, value, i);
    }
    base_put(t->text, "\n");
  }
}

_Noreturn static void refuse_table(lang_machine *m, const lang_action *a, const char *what) {
  base_raise(m->ctx, BASE_RUNTIME, a->stmt->span, "%s is %s: a table holds it, .tsv or .csv",
             a->item[0].label, what);
}

static void write_relation(lang_machine *m, base_arena *job, const lang_action *a) {
  const lang_item *item = &a->item[0];
  const lang_tensor *t = item->relation->tensor;
  if (!ends_with(a->path, ".tsv") && !ends_with(a->path, ".csv"))
    refuse_table(m, a, t ? "sparse" : "a relation");
  if (item->shown < (t ? item->relation->arity : 1))
    base_raise(m->ctx, BASE_RUNTIME, a->stmt->span,
               "%s is one answer; a file holds all: leave positions open", item->label);
  machine_relate(m);
  base_text text = base_text_open(job);
  table out = {&text, m->program->engine, ends_with(a->path, ".tsv") ? "\t" : ","};
  machine_view view;
  if (t) view = machine_view_of(job, machine_value(m, job, t, 0, NULL), item);
  rel_rows rows = rel_query(job, item->relation->rel, t ? NULL : item->term);
  put_rows(&out, &rows, t ? &view : NULL);
  io_write_text(m->ctx, a->path, text.at, text.n);
}

/* ---- arrays ---------------------------------------------------------------------------------- */

static void write_array(lang_machine *m, base_arena *job, const lang_action *a,
                        const machine_view *v) {
  const char *label = a->item[0].label;
  if (v->rank > IO_RANK)
    base_raise(m->ctx, BASE_RUNTIME, a->stmt->span, "%s has %d positions; files hold %d at most",
               label, v->rank, IO_RANK);
  io_set set = {0};
  io_add(job, &set, label,
         io_array_of((int)v->type, v->rank, v->size, (void *)(uintptr_t)v->data));
  io_write(m->ctx, a->path, &set);
}

void machine_write(lang_machine *m, base_arena *job, const lang_action *a) {
  const lang_item *item = &a->item[0];
  if (item->show == LANG_SHOW_TUPLES || item->show == LANG_SHOW_ELEMENTS) {
    write_relation(m, job, a);
    return;
  }
  machine_shown s = machine_show(m, job, item, 0, NULL);
  if (!s.is_text)
    write_array(m, job, a, &s.view);
  else if (ends_with(a->path, ".txt"))
    io_write_text(m->ctx, a->path, s.text, s.length);
  else
    base_raise(m->ctx, BASE_RUNTIME, a->stmt->span, "%s is text: a .txt file holds it",
               item->label);
}
