/* machine: a program with its values. Leaves get theirs when they are first needed; commands and
 * queries are carried out in the order of the text. */
#include "lang/machine.h"

#include <string.h>

enum { NEVER = -1, WRITING = -2 };   /* of made: no epoch */

/* ---- leaves ---------------------------------------------------------------------------------- */

static void release(void *v) { run_release(v); }

run_value *machine_hold(base_arena *job, run_value *v) {
  base_defer(job, release, v);
  return v;
}

static void know_symbol(void *m, const ir_expr *e) {
  if (e->op == IR_SYMBOL) machine_symbol(m, e->u.symbol);
}

int64_t machine_size(lang_machine *m, const ir_tensor *t, int k) {
  ir_each(t->size[k], know_symbol, m);
  return ir_eval_size(t->size[k], m->symbols);
}

int64_t machine_key(const lang_machine *m) { return (int64_t)((uint64_t)m->seed << 32); }

static run_value *new_value(lang_machine *m, const ir_tensor *like, ir_type type,
                            const void *data) {
  int64_t size[RUN_RANK + 1];
  for (int k = 0; k < like->rank; k++) size[k] = machine_size(m, like, k);
  return run_value_new(m->session, type, like->rank, size, data);
}

run_value *machine_zeros(lang_machine *m, base_arena *job, const ir_tensor *like, ir_type type) {
  return machine_hold(job, new_value(m, like, type, NULL));
}

void machine_replace(lang_machine *m, const ir_tensor *leaf, run_value *v) {
  run_release(m->value[leaf->id]);
  m->value[leaf->id] = v;
}

static void fill_parameter(lang_machine *m, base_arena *job, const lang_tensor *t) {
  if (t->how == LANG_START_FROM) {
    run_value *from = machine_value(m, job, t->from, 0, NULL);
    machine_replace(m, t->ir, run_value_share(machine_convert(job, from, t->ir->type)));
    return;
  }
  run_value *v = machine_zeros(m, job, t->ir, t->ir->type);
  void *data = base_alloc(job, run_value_bytes(v));
  machine_start(m, t, data, v->count);
  run_value_write(v, data);
  machine_replace(m, t->ir, run_retain(v));
}

static void fill_text(lang_machine *m, const lang_tensor *t) {
  if (m->made[t->ir->id] == WRITING)
    base_raise(m->ctx, BASE_REFUSED, t->span,
               "the probabilities by which %s is generated depend on %s itself", t->name, t->name);
  m->made[t->ir->id] = WRITING;
  base_arena *job = base_arena_child(m->arena);
  io_array tokens = machine_generate(m, job, t->text);
  machine_replace(m, t->ir, new_value(m, t->ir, IR_I64, tokens.data));
  base_arena_close(job);
}

static void fill(lang_machine *m, const ir_tensor *leaf) {
  const lang_tensor *t = m->tensor[leaf->id];
  run_value *tuples = machine_tuples(m, leaf);
  if (tuples) {
    machine_replace(m, leaf, tuples);
  } else if (t && t->text) {
    fill_text(m, t);
  } else if (leaf == m->program->draw) {
    int64_t key = machine_key(m);
    m->value[leaf->id] = run_value_new(m->session, IR_I64, 0, NULL, &key);
  } else if (t && t->kind == LANG_PARAMETER && t->start) {
    base_arena *job = base_arena_child(m->arena);
    fill_parameter(m, job, t);
    base_arena_close(job);
  } else {
    if (t && t->data) io_verify(m->ctx, t->data);
    m->value[leaf->id] = new_value(m, leaf, leaf->type, t && t->data ? t->data->data : NULL);
  }
}

static void fill_named(lang_machine *m, const ir_tensor *leaf) {
  base_trap trap;
  if (BASE_TRY(m->ctx, &trap)) {
    fill(m, leaf);
    base_untrap(m->ctx, &trap);
    return;
  }
  const base_error *e = base_last(m->ctx);
  if (m->made[leaf->id] == WRITING) m->made[leaf->id] = NEVER;
  if (e->status != BASE_MEMORY || e->span.line > 0 || leaf->span.line == 0)
    base_raise_again(m->ctx);
  base_raise(m->ctx, e->status, leaf->span, "%s: %s", leaf->name, e->message);
}

run_value *machine_leaf(lang_machine *m, const ir_tensor *leaf) {
  const lang_tensor *t = m->tensor[leaf->id];
  bool tuples = m->column[leaf->id] || (t && t->keys && t->kind == LANG_DATA);
  bool stale = (tuples || (t && t->text)) && m->made[leaf->id] != m->epoch;
  if (!m->value[leaf->id] || stale) fill_named(m, leaf);
  m->made[leaf->id] = m->epoch;
  return m->value[leaf->id];
}

/* ---- opening, closing ------------------------------------------------------------------------ */

static void fill_tables(lang_machine *m) {
  lang_program *program = m->program;
  int n = program->ir->tensors.n;
  m->value = BASE_NEWS(m->arena, run_value *, n + 1);
  m->tensor = BASE_NEWS(m->arena, lang_tensor *, n + 1);
  m->symbols = BASE_NEWS(m->arena, int64_t, program->ir->symbols.n + 1);
  for (int i = 0; i < program->tensors.n; i++)
    m->tensor[program->tensors.at[i]->ir->id] = program->tensors.at[i];
  for (int i = 0; i < program->sizes.n; i++)
    m->symbols[program->sizes.at[i].symbol->id] = program->sizes.at[i].value;
  machine_open_relations(m);
}

lang_machine *lang_machine_open(run_session *s, lang_program *program, const lang_output *output) {
  base_arena *arena = base_arena_open(run_ctx(s));
  base_trap trap;
  if (BASE_TRY(run_ctx(s), &trap)) {
    lang_machine *m = BASE_NEW(arena, lang_machine);
    *m = (lang_machine){.ctx = run_ctx(s), .arena = arena, .session = s, .program = program};
    if (output) m->output = *output;
    fill_tables(m);
    base_untrap(run_ctx(s), &trap);
    return m;
  }
  base_arena_close(arena);
  base_raise_again(run_ctx(s));
}

void lang_machine_close(lang_machine *m) {
  if (!m) return;
  for (int i = 0; i < m->program->ir->tensors.n; i++) run_release(m->value[i]);
  if (m->program->machine == m) m->program->machine = NULL;
  machine_drop_facts(m);
  base_arena_close(m->arena);
}

/* A sparse parameter has its elements where a relation has tuples. */
static bool same_keys(lang_machine *m, const lang_tensor *t, const run_value *v) {
  if (!t->keys) return true;
  if (t->kind != LANG_PARAMETER) return false;
  machine_relate(m);
  return rel_count(t->keys->rel) == v->size[0];
}

static bool same_leaf(const lang_tensor *t, const lang_tensor *was, const run_value *v) {
  if (t->kind == LANG_DERIVED || t->kind != was->kind || t->ir->type != was->ir->type) return false;
  if (!v || t->ir->rank != v->rank) return false;
  int64_t size;
  for (int k = 0; k < v->rank; k++)
    if (ir_is_int(t->ir->size[k], &size) && size != v->size[k]) return false;
  return true;
}

void lang_machine_adopt(lang_machine *m, const lang_machine *old, const base_map *changed) {
  m->seed = old->seed;
  m->generated = old->generated;
  const ir_tensor *draw = m->program->draw, *drawn = old->program->draw;
  if (draw && drawn && old->value[drawn->id])
    machine_replace(m, draw, run_retain(old->value[drawn->id]));
  for (int i = 0; i < m->program->tensors.n; i++) {
    const lang_tensor *t = m->program->tensors.at[i];
    const lang_tensor *was = lang_find(old->program, t->name);
    run_value *v = was ? old->value[was->ir->id] : NULL;
    if (!was || base_map_get_s(changed, t->name) || !same_leaf(t, was, v) ||
        !same_keys(m, t, v))
      continue;
    for (int k = 0; k < v->rank; k++)
      if (t->ir->size[k]->op == IR_SYMBOL) m->symbols[t->ir->size[k]->u.symbol->id] = v->size[k];
    machine_replace(m, t->ir, run_retain(v));
  }
  machine_adopt_facts(m, old, changed);
}

/* ---- jobs ------------------------------------------------------------------------------------ */

typedef void job_work(lang_machine *m, base_arena *job, void *arg);

static void in_job(lang_machine *m, job_work *work, void *arg) {
  base_arena *job = base_arena_open(m->ctx);
  base_trap trap;
  if (BASE_TRY(m->ctx, &trap)) {
    work(m, job, arg);
    base_untrap(m->ctx, &trap);
    base_arena_close(job);
  } else {
    base_arena_close(job);
    base_raise_again(m->ctx);
  }
}

static void set_seed(lang_machine *m, int64_t seed) {
  m->seed = seed;
  m->generated = 0;
  if (m->program->draw) machine_replace(m, m->program->draw, NULL);
}

static void carry_out(lang_machine *m, base_arena *job, void *arg) {
  const lang_action *a = arg;
  if (m->nwith != a->nwith || a->nwith) m->epoch++;   /* rules that read it are run anew */
  m->nwith = a->nwith;
  m->with = a->with;
  switch (a->verb) {
  case LANG_DO_QUERY: machine_query(m, job, a); break;
  case LANG_DO_PRINT: machine_print(m, job, a); break;
  case LANG_DO_WRITE: machine_write(m, job, a); break;
  case LANG_DO_MINIMIZE: machine_minimize(m, job, a); break;
  case LANG_DO_SAVE: machine_save(m, job, a->path); break;
  case LANG_DO_LOAD: machine_load(m, job, a->path, a->stmt->span); break;
  case LANG_DO_SEED: set_seed(m, a->number); break;
  case LANG_DO_ROUNDS:
  case LANG_DO_SETTLE:
    if (a->settle->tensor) *a->settle->tensor->ir->settle = a->settle->how;
    break;
  }
}

/* What fails without a place of its own failed at the command or query. */
static void attempt(lang_machine *m, lang_action *a) {
  base_trap trap;
  if (BASE_TRY(m->ctx, &trap)) {
    in_job(m, carry_out, a);
    base_untrap(m->ctx, &trap);
    return;
  }
  const base_error *e = base_last(m->ctx);
  if (e->span.line > 0 || e->span.file || e->status == BASE_INTERRUPTED) base_raise_again(m->ctx);
  base_raise(m->ctx, e->status, a->stmt->span, "%s", e->message);
}

void lang_machine_run(lang_machine *m) {
  for (int i = 0; i < m->program->actions.n; i++) {
    base_poll(m->ctx);
    attempt(m, &m->program->actions.at[i]);
    lang_verb verb = m->program->actions.at[i].verb;
    if (verb != LANG_DO_QUERY && verb != LANG_DO_PRINT && verb != LANG_DO_WRITE) m->epoch++;
  }
}

/* ---- values from outside --------------------------------------------------------------------- */

typedef struct wanted {
  const lang_tensor *t;
  run_value *v;
} wanted;

static void find_value(lang_machine *m, base_arena *job, void *arg) {
  wanted *w = arg;
  w->v = run_retain(machine_value(m, job, w->t, 0, NULL));
}

run_value *lang_machine_value(lang_machine *m, lang_tensor *t) {
  wanted w = {t, NULL};
  in_job(m, find_value, &w);
  return w.v;
}

void lang_machine_set(lang_machine *m, lang_tensor *t, run_value *v) {
  if (t->kind == LANG_DERIVED)
    base_raise(m->ctx, BASE_ARGUMENT, t->span, "%s is computed by its equations; it cannot be set",
               t->name);
  if (v->type != t->ir->type || v->rank != t->ir->rank)
    base_raise(m->ctx, BASE_ARGUMENT, t->span,
               "%s is %s with %d positions; it is set to %s with %d", t->name,
               ir_type_name(t->ir->type), t->ir->rank, ir_type_name(v->type), v->rank);
  for (int k = 0; k < v->rank; k++)
    if (t->ir->size[k]->op == IR_CONST && machine_size(m, t->ir, k) != v->size[k])
      base_raise(m->ctx, BASE_ARGUMENT, t->span, "position %d of %s is %lld long, not %lld", k,
                 t->name, (long long)machine_size(m, t->ir, k), (long long)v->size[k]);
  for (int k = 0; k < v->rank; k++)
    if (t->ir->size[k]->op == IR_SYMBOL) m->symbols[t->ir->size[k]->u.symbol->id] = v->size[k];
  machine_replace(m, t->ir, run_value_share(v));
  m->epoch++;
}
