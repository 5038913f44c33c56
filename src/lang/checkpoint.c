/* checkpoint: the parameters in a file, by name, and back. */
#include "lang/machine.h"

#include <string.h>

void machine_save(lang_machine *m, base_arena *job, const char *path) {
  io_set set = {0};
  for (int i = 0; i < m->program->tensors.n; i++) {
    const lang_tensor *t = m->program->tensors.at[i];
    if (t->kind != LANG_PARAMETER) continue;
    const run_value *v = machine_leaf(m, t->ir);
    if (v->rank > IO_RANK)
      base_raise(m->ctx, BASE_RUNTIME, t->span, "%s has %d positions; files hold %d at most",
                 t->name, v->rank, IO_RANK);
    void *data = base_alloc(job, run_value_bytes(v));
    run_value_read(v, data);
    io_add(job, &set, t->name, io_array_of((int)v->type, v->rank, v->size, data));
  }
  io_write(m->ctx, path, &set);
}

static const char *shape_text(base_arena *job, int rank, const int64_t *size) {
  base_text text = base_text_open(job);
  base_put(&text, "[");
  for (int k = 0; k < rank; k++) base_putf(&text, "%s%lld", k ? ", " : "", (long long)size[k]);
  base_put(&text, "]");
  return text.at;
}

static void check_shape(lang_machine *m, base_arena *job, const char *path, const lang_tensor *t,
                        const io_array *a) {
  const run_value *v = machine_leaf(m, t->ir);
  if (a->rank == v->rank && memcmp(a->shape, v->size, sizeof *a->shape * (size_t)a->rank) == 0)
    return;
  base_raise(m->ctx, BASE_RUNTIME, t->span, "%s is %s in the program and %s in %s", t->name,
             shape_text(job, v->rank, v->size), shape_text(job, a->rank, a->shape), path);
}

/* All fit, or nothing is loaded. */
void machine_load(lang_machine *m, base_arena *job, const char *path, base_span span) {
  io_set *set = io_read(job, path);
  int found = 0;
  for (int round = 0; round < 2; round++)
    for (int i = 0; i < m->program->tensors.n; i++) {
      const lang_tensor *t = m->program->tensors.at[i];
      if (t->kind != LANG_PARAMETER) continue;
      const io_array *a = io_find(set, t->name);
      if (!a) base_raise(m->ctx, BASE_RUNTIME, span, "%s holds no parameter %s", path, t->name);
      check_shape(m, job, path, t, a);
      found++;
      if (round == 0) continue;
      run_value *v = run_value_new(m->session, (ir_type)a->type, a->rank, a->shape, a->data);
      machine_hold(job, v);
      machine_replace(m, t->ir, run_value_share(machine_convert(job, v, t->ir->type)));
    }
  if (!found) base_raise(m->ctx, BASE_RUNTIME, span, "the program has no parameters to load");
}
