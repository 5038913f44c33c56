/* part: what some tensor of the program needs, as a program of its own, and a run of it. */
#include "lang/machine.h"

#include "pass/pass.h"

static void release_plan(void *plan) { run_plan_release(plan); }

machine_part machine_extract(lang_machine *m, base_arena *job, ir_tensor *wanted, int nreplaced,
                             ir_tensor *const *replaced) {
  machine_part part = {.m = m, .job = job};
  const ir_program *all = m->program->ir;
  part.map = BASE_NEWS(job, ir_tensor *, all->tensors.n + 1);
  part.p = ir_extract(job, all, 1, &wanted, false, nreplaced, replaced, part.map);
  pass_narrow(part.p);
  return part;
}

/* ---- sizes that no leaf of the part has ------------------------------------------------------ */

static bool has_size(const ir_program *p, const ir_symbol *symbol) {
  for (int i = 0; i < p->tensors.n; i++)
    for (int k = 0; p->tensors.at[i]->role != IR_DERIVED && k < p->tensors.at[i]->rank; k++) {
      const ir_expr *size = p->tensors.at[i]->size[k];
      if (size->op == IR_SYMBOL && size->u.symbol == symbol) return true;
    }
  return false;
}

/* An input that nothing reads, for the number alone. */
static void add_sizes(machine_part *part) {
  ir_program *p = part->p;
  for (int i = 0; i < p->symbols.n; i++) {
    const ir_symbol *symbol = p->symbols.at[i];
    if (symbol->counter || has_size(p, symbol)) continue;
    const ir_expr *size = ir_size(p, symbol);
    ir_tensor_new(p, symbol->name, IR_BOOL, 1, &size, IR_INPUT);
  }
}

/* ---- leaves ---------------------------------------------------------------------------------- */

static void list_leaves(machine_part *part) {
  const ir_program *p = part->p;
  part->leaf = BASE_NEWS(part->job, ir_tensor *, p->tensors.n + 1);
  part->value = BASE_NEWS(part->job, run_value *, p->tensors.n + 1);
  for (int i = 0; i < p->tensors.n; i++)
    if (p->tensors.at[i]->role != IR_DERIVED) part->leaf[part->nleaf++] = p->tensors.at[i];
}

void machine_give(machine_part *part, const ir_tensor *leaf, run_value *v) {
  for (int i = 0; i < part->nleaf; i++)
    if (part->leaf[i] == leaf) part->value[i] = v;
}

static void give_sizes(machine_part *part) {
  for (int i = 0; i < part->nleaf; i++) {
    const ir_tensor *t = part->leaf[i];
    if (t->rank != 1 || t->size[0]->op != IR_SYMBOL || t->type != IR_BOOL || part->value[i])
      continue;
    const ir_symbol *symbol = t->size[0]->u.symbol;
    if (!symbol->origin) continue;
    machine_symbol(part->m, symbol->origin);
    int64_t size = part->m->symbols[symbol->origin->id];
    part->value[i] =
        machine_hold(part->job, run_value_new(part->m->session, IR_BOOL, 1, &size, NULL));
  }
}

void machine_plan(machine_part *part) {
  lang_machine *m = part->m;
  const ir_program *all = m->program->ir;
  add_sizes(part);
  list_leaves(part);
  for (int i = 0; i < all->tensors.n; i++)
    if (part->map[i] && part->map[i]->role != IR_DERIVED && all->tensors.at[i]->role != IR_DERIVED)
      machine_give(part, part->map[i], machine_leaf(m, all->tensors.at[i]));
  give_sizes(part);
  part->plan = run_plan_of(m->session, part->p);
  base_defer(part->job, release_plan, part->plan);
}

run_value *machine_run_part(machine_part *part) {
  run_value *out;
  run_plan_execute(part->plan, part->value, &out);
  return machine_hold(part->job, out);
}

/* ---- the value of a tensor ------------------------------------------------------------------- */

run_value *machine_convert(base_arena *job, run_value *v, ir_type type) {
  if (v->type == type) return v;
  char *from = base_alloc(job, run_value_bytes(v));
  char *to = base_alloc(job, (size_t)v->count * ir_type_bytes(type));
  run_value_read(v, from);
  for (int64_t i = 0; i < v->count; i++) {
    ir_value x = device_load_value(v->type, from, i);
    device_store_value(type, to, i, ir_eval_op(IR_CAST, type, &x));
  }
  return machine_hold(job, run_value_new(v->session, type, v->rank, v->size, to));
}

run_value *machine_value(lang_machine *m, base_arena *job, const lang_tensor *t, int nwith,
                         const lang_with *with) {
  if (!nwith && t->ir->role != IR_DERIVED)
    return machine_hold(job, run_value_share(machine_leaf(m, t->ir)));
  ir_tensor **replaced = BASE_NEWS(job, ir_tensor *, nwith + 1);
  for (int i = 0; i < nwith; i++) replaced[i] = with[i].tensor->ir;
  machine_part part = machine_extract(m, job, t->ir, nwith, replaced);
  machine_plan(&part);
  for (int i = 0; i < nwith; i++) {
    if (!part.map[replaced[i]->id]) continue;
    run_value *by = machine_value(m, job, with[i].by, 0, NULL);
    machine_give(&part, part.map[replaced[i]->id], machine_convert(job, by, replaced[i]->type));
  }
  return machine_run_part(&part);
}
