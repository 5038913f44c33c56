/* minimize: training. One program a step, made and bound once; the host sets the learning rate,
 * fills the batch and counts. */
#include "lang/machine.h"

#include <math.h>
#include <string.h>

typedef struct batched { /* a leaf of which each step gets some rows */
  run_value *value;      /* what the step reads */
  char *all, *some;      /* on the host */
  int64_t outer, n;      /* rows stand n apart, outer times */
  size_t row;            /* bytes */
} batched;

typedef struct training {
  lang_machine *m;
  base_arena *job;
  const lang_minimize *how;
  machine_part part;
  train_step step;
  run_value *rate, *scale1, *scale2;
  int nbatched;
  batched *batched;
  train_batches batches;
  double terms; /* summed by the loss in each step */
  bool tokens;  /* the terms are tokens of a text */
} training;

/* ---- the program of a step ------------------------------------------------------------------- */

static ir_tensor **parameters(const training *t, int *n) {
  const lang_program *program = t->m->program;
  ir_tensor **list = BASE_NEWS(t->job, ir_tensor *, program->tensors.n + 1);
  *n = 0;
  for (int i = 0; i < program->tensors.n; i++) {
    const lang_tensor *p = program->tensors.at[i];
    ir_tensor *there = t->part.map[p->ir->id];
    if (p->kind == LANG_PARAMETER && !p->fixed && there && ir_type_real(p->ir->type))
      list[(*n)++] = there;
  }
  return list;
}

/* The elements that the loss is a sum or mean of. */
static double terms_of(const ir_tensor *loss) {
  double n = 1;
  for (int depth = 0; depth < 4 && loss->eqs.n == 1; depth++) {
    const ir_eq *eq = loss->eqs.at[0];
    for (int i = 0; i < eq->nred; i++) {
      int64_t extent = 1;
      ir_is_int(eq->red[i]->extent, &extent);
      n *= (double)extent;
    }
    if (eq->nred) break;
    const ir_expr *e = eq->body;
    while (e->n && e->op != IR_READ) e = e->arg[0];
    if (e->op != IR_READ) break;
    loss = e->u.tensor;
  }
  return n;
}

static bool reads_text(const training *t) {
  const lang_program *program = t->m->program;
  for (int i = 0; i < program->tensors.n; i++)
    if (program->tensors.at[i]->tokens && t->part.map[program->tensors.at[i]->ir->id]) return true;
  return false;
}

/* Nothing is learned: all that the loss depends on is data, is held, or has no derivative. */
_Noreturn static void refuse_fixed(const training *t, const lang_action *a) {
  const lang_program *program = t->m->program;
  const char *why = "";
  for (int i = 0; i < program->tensors.n; i++) {
    const lang_tensor *p = program->tensors.at[i];
    if (p->kind != LANG_PARAMETER || !t->part.map[p->ir->id]) continue;
    why = base_format(t->job, ": %s is %s", p->name, p->fixed ? "fixed" : "of integers");
  }
  base_raise(t->m->ctx, BASE_REFUSED, a->stmt->span,
             "%s depends on no parameter that is learned%s\n"
             "help: a parameter is declared with how it begins: `W : f32[3] ~ normal(0.1)`",
             t->how->loss->name, why);
}

static void make_step(training *t, const lang_action *a) {
  lang_machine *m = t->m;
  const lang_tensor *loss = t->how->loss;
  t->part = machine_extract(m, t->job, loss->ir, 0, NULL);
  int n;
  ir_tensor **parameter = parameters(t, &n);
  if (!n) refuse_fixed(t, a);
  ir_tensor *there = t->part.map[loss->ir->id];
  t->terms = terms_of(there);
  t->tokens = reads_text(t);
  train_step_make(&t->step, t->part.p, there, t->how->maximize, n, parameter, &t->how->optimizer);
  const ir_tensor *draw = m->program->draw;
  if (draw && t->part.map[draw->id]) train_count(t->part.p, t->part.map[draw->id]);
}

/* ---- leaves of its own ----------------------------------------------------------------------- */

static run_value *zeros_for(training *t, const ir_tensor *leaf) {
  int64_t size[RUN_RANK + 1];
  for (int k = 0; k < leaf->rank; k++) size[k] = ir_eval_size(leaf->size[k], NULL);
  run_value *v =
      machine_hold(t->job, run_value_new(t->m->session, leaf->type, leaf->rank, size, NULL));
  machine_give(&t->part, leaf, v);
  return v;
}

static run_value *given(const training *t, const ir_tensor *leaf) {
  for (int i = 0; i < t->part.nleaf; i++)
    if (t->part.leaf[i] == leaf) return t->part.value[i];
  return NULL;
}

static void give_states(training *t) {
  const train_step *s = &t->step;
  for (int i = 0; i < s->moments.n; i++) zeros_for(t, s->moments.at[i]);
  for (int i = 0; i < s->masters.n; i++) {
    run_value *exact = machine_convert(t->job, given(t, s->mastered.at[i]), s->masters.at[i]->type);
    machine_give(&t->part, s->masters.at[i], exact);
  }
  t->rate = zeros_for(t, s->rate);
  if (s->scale1) t->scale1 = zeros_for(t, s->scale1);
  if (s->scale2) t->scale2 = zeros_for(t, s->scale2);
}

/* ---- batches --------------------------------------------------------------------------------- */

static void open_batched(training *t, batched *b, const lang_tensor *leaf, int position) {
  lang_machine *m = t->m;
  const run_value *all = machine_leaf(m, leaf->ir);
  int64_t size[RUN_RANK];
  *b = (batched){.outer = 1, .row = ir_type_bytes(all->type), .n = all->size[position]};
  for (int k = 0; k < all->rank; k++) {
    size[k] = k == position ? t->batches.size : all->size[k];
    if (k < position) b->outer *= size[k];
    if (k > position) b->row *= (size_t)size[k];
  }
  b->all = base_alloc(t->job, run_value_bytes(all));
  run_value_read(all, b->all);
  b->value = machine_hold(t->job, run_value_new(m->session, all->type, all->rank, size, NULL));
  b->some = base_alloc(t->job, run_value_bytes(b->value));
  machine_give(&t->part, t->part.map[leaf->ir->id], b->value);
}

static void open_batches(training *t) {
  const lang_minimize *how = t->how;
  if (!how->batch) return;
  const lang_tensor *first = how->batched[0];
  int64_t n = machine_leaf(t->m, first->ir)->size[how->position[0]];
  if (n < 1)
    base_raise(t->m->ctx, BASE_RUNTIME, first->span, "%s is empty: there is no batch to draw",
               first->name);
  train_batches_open(&t->batches, t->job, n, how->batch, machine_key(t->m));
  t->batched = BASE_NEWS(t->job, batched, how->nbatched);
  for (int i = 0; i < how->nbatched; i++)
    if (t->part.map[how->batched[i]->ir->id])
      open_batched(t, &t->batched[t->nbatched++], how->batched[i], how->position[i]);
}

static void next_batch(training *t) {
  if (!t->nbatched) return;
  const int64_t *order = train_batches_next(&t->batches);
  for (int i = 0; i < t->nbatched; i++) {
    batched *b = &t->batched[i];
    char *to = b->some;
    for (int64_t o = 0; o < b->outer; o++)
      for (int64_t k = 0; k < t->batches.size; k++, to += b->row)
        memcpy(to, b->all + (size_t)(o * b->n + order[k]) * b->row, b->row);
    run_value_write(b->value, b->some);
  }
}

/* ---- progress -------------------------------------------------------------------------------- */

typedef struct pace {
  double begin, last;
  int64_t step; /* of the last line */
} pace;

static bool due(const training *t, const pace *c, int64_t done, double now) {
  if (!t->m->output.progress) return false;
  if (t->how->every) return done % t->how->every == 0 || done == t->how->steps;
  return now - c->last >= 1;
}

static void report(const training *t, pace *c, int64_t done, double loss, double now) {
  base_text line = base_text_open(t->job);
  double rate = (double)(done - c->step) / fmax(now - c->last, 1e-9);
  base_putf(&line, "step %lld of %lld: %s ", (long long)done, (long long)t->how->steps,
            t->how->loss->name);
  base_putf(&line, "%.4f, %.4g steps/s", loss, rate);
  if (t->terms > 1)
    base_putf(&line, ", %.0f %s/s", rate * t->terms, t->tokens ? "tokens" : "terms");
  t->m->output.progress(t->m->output.user, line.at);
  c->last = now;
  c->step = done;
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void set(run_value *v, double x) {
  float value = (float)x;
  if (v) run_value_write(v, &value);
}

static void set_numbers(const training *t, int64_t step) {
  train_numbers n = train_numbers_at(&t->how->optimizer, &t->how->schedule, step, t->how->steps);
  set(t->rate, n.rate);
  set(t->scale1, n.scale1);
  set(t->scale2, n.scale2);
}

static void loop(training *t) {
  pace c = {.begin = base_seconds()};
  c.last = c.begin;
  for (int64_t step = 0; step < t->how->steps; step++) {
    base_poll(t->m->ctx);
    next_batch(t);
    set_numbers(t, step);
    run_value *loss;
    run_plan_execute(t->part.plan, t->part.value, &loss);
    double now = base_seconds(), value = due(t, &c, step + 1, now) ? run_value_at(loss, 0) : 0;
    run_release(loss);
    if (due(t, &c, step + 1, now)) report(t, &c, step + 1, value, now);
  }
}

static training open_training(lang_machine *m, base_arena *job, const lang_action *a) {
  training t = {.m = m, .job = job, .how = a->minimize};
  make_step(&t, a);
  machine_plan(&t.part);
  give_states(&t);
  open_batches(&t);
  return t;
}

machine_part machine_training(lang_machine *m, base_arena *job, const lang_action *a) {
  return open_training(m, job, a).part;
}

void machine_minimize(lang_machine *m, base_arena *job, const lang_action *a) {
  training t = open_training(m, job, a);
  loop(&t);
}
