/* explain: what a program's commands and queries would run: kernels, their cost, and who runs them.
 * Nothing is computed but the leaves. */
#include <math.h>
#include <string.h>

#include "lang/machine.h"

typedef struct explained {
  const char *what;              /* source text of the command or query */
  machine_part part;
  int n;
  run_kernel_report *report;
  double *times;                 /* by kernel id: how often it runs; 1 where that is not known */
  int64_t peak;
  bool chosen;                   /* between processor and GPU */
  run_choice choice;
} explained;

/* ---- how often kernels run ------------------------------------------------------------------- */

/* The counter runs over [from, to), and all that OUTER times. */
static void count_times(const sched_block *block, double *times, int64_t from, int64_t to,
                        double outer) {
  for (int i = 0; i < block->steps.n; i++) {
    const sched_step *step = &block->steps.at[i];
    int64_t first = from, end = to, a = 0, b = 1;
    if (step->from && ir_is_int(step->from, &a) && a > first) first = a;
    if (step->to && ir_is_int(step->to, &b) && b < end) end = b;
    double n = end > first ? outer * (double)(end - first) : 0;
    if (step->kernel) times[step->kernel->id] = n;
    if (!step->loop) continue;
    if (!ir_is_int(step->loop->from, &a) || !ir_is_int(step->loop->to, &b)) a = 0, b = 1;
    count_times(&step->loop->body, times, a, b, n);
  }
}

/* ---- amounts: 1.5 M -------------------------------------------------------------------------- */

static void put_amount(base_text *out, double x, const char *unit) {
  static const char *const prefix[] = {"", "k", "M", "G", "T", "P"};
  int k = 0;
  while (x >= 999.5 && k < 5) {
    x /= 1000;
    k++;
  }
  base_putf(out, k && x < 99.95 ? "%.1f %s%s" : "%.0f %s%s", x, prefix[k], unit);
}

/* ---- a kernel's equations, one a line -------------------------------------------------------- */

typedef void each_eq(base_text *out, const kernel_eq *e, int number);

static void put_equations(base_text *out, const kernel *k, each_eq *put) {
  int number = 0;
  for (int s = 0; s < k->nsegment; s++)
    for (int i = 0; i < k->segment[s].neq; i++) put(out, &k->segment[s].eq[i], number++);
}

static void plain_eq(base_text *out, const kernel_eq *e, int number) {
  (void)number;
  base_put(out, "       ");
  ir_print_eq(out, e->eq);
  if (e->level != KERNEL_GLOBAL) base_put(out, "   # not stored");
  base_put(out, "\n");
}

static void json_eq(base_text *out, const kernel_eq *e, int number) {
  base_text line = base_text_open(out->arena);
  ir_print_eq(&line, e->eq);
  if (number) base_put(out, ", ");
  machine_put_string(out, line.at, line.n);
}

/* ---- as text --------------------------------------------------------------------------------- */

static void put_report(base_text *out, const run_kernel_report *r, double times) {
  base_putf(out, "  %2d %-8s %-22s ", r->kernel->id, kernel_shape_name(r->kernel->shape), r->impl);
  put_amount(out, r->flop, "FLOP");
  base_put(out, ", ");
  put_amount(out, r->bytes, "B");
  base_putf(out, times == 1 ? "\n" : ", %.0f times\n", times);
  put_equations(out, r->kernel, plain_eq);
  for (int i = 0; i < r->ndeclined; i++)
    base_putf(out, "       %s declined: %s\n", r->declined[i], r->why[i]);
}

static void put_loop(base_text *out, const sched_block *block, int depth) {
  for (int i = 0; i < block->steps.n; i++) {
    const sched_loop *loop = block->steps.at[i].loop;
    if (!loop) continue;
    base_putf(out, "  %*sloop over %s", 2 * depth, "", loop->counter->name);
    base_put(out, loop->body.steps.n ? ": kernels" : "");
    for (int k = 0; k < loop->body.steps.n; k++)
      if (loop->body.steps.at[k].kernel) base_putf(out, " %d", loop->body.steps.at[k].kernel->id);
    base_put(out, "\n");
    put_loop(out, &loop->body, depth + 1);
  }
}

static void put_text(base_text *out, const explained *x) {
  double flop = 0, bytes = 0;
  for (int i = 0; i < x->n; i++) {
    flop += x->times[i] * x->report[i].flop;
    bytes += x->times[i] * x->report[i].bytes;
  }
  base_putf(out, "%s\n  %d kernel%s, ", x->what, x->n, x->n == 1 ? "" : "s");
  put_amount(out, flop, "FLOP");
  base_put(out, ", ");
  put_amount(out, bytes, "B moved, ");
  put_amount(out, (double)x->peak, "B of work space\n");
  if (x->chosen)
    base_putf(out, "  on %s: about %.1f us on the processor, %.1f us on the GPU\n",
              x->choice.device, x->choice.cpu_seconds * 1e6, x->choice.gpu_seconds * 1e6);
  for (int i = 0; i < x->n; i++) put_report(out, &x->report[i], x->times[i]);
  put_loop(out, &run_plan_schedule(x->part.plan)->body, 0);
}

/* ---- as JSON: one object a line -------------------------------------------------------------- */

static void put_json_report(base_text *out, const run_kernel_report *r, double times) {
  base_putf(out, "{\"kernel\": %d, \"shape\": \"%s\", \"implementation\": ", r->kernel->id,
            kernel_shape_name(r->kernel->shape));
  machine_put_string(out, r->impl, strlen(r->impl));
  base_putf(out, ", \"times\": %.0f, \"flop\": %.0f, \"bytes\": %.0f, \"equations\": [", times,
            r->flop, r->bytes);
  put_equations(out, r->kernel, json_eq);
  base_put(out, "], \"declined\": {");
  for (int i = 0; i < r->ndeclined; i++) {
    if (i) base_put(out, ", ");
    machine_put_string(out, r->declined[i], strlen(r->declined[i]));
    base_put(out, ": ");
    machine_put_string(out, r->why[i], strlen(r->why[i]));
  }
  base_put(out, "}}");
}

static void put_json(base_text *out, const explained *x) {
  base_put(out, "{\"explain\": ");
  machine_put_string(out, x->what, strlen(x->what));
  base_putf(out, ", \"work_bytes\": %lld, ", (long long)x->peak);
  if (x->chosen)
    base_putf(out, "\"device\": \"%s\", \"cpu_seconds\": %.3g, \"gpu_seconds\": %.3g, ",
              x->choice.device, x->choice.cpu_seconds, x->choice.gpu_seconds);
  base_put(out, "\"kernels\": [");
  for (int i = 0; i < x->n; i++) {
    if (i) base_put(out, ", ");
    put_json_report(out, &x->report[i], x->times[i]);
  }
  base_put(out, "]}\n");
}

/* ---- what is explained ----------------------------------------------------------------------- */

typedef struct explaining {
  lang_machine *m;
  base_text *out;
  bool json;
} explaining;

static void report_part(const explaining *e, const char *what, const machine_part *part) {
  explained x = {.what = what, .part = *part};
  x.n = run_plan_report(part->plan, part->value, NULL, NULL);
  x.report = BASE_NEWS(part->job, run_kernel_report, x.n + 1);
  run_plan_report(part->plan, part->value, x.report, &x.peak);
  x.chosen = run_plan_choice(part->plan, part->value, &x.choice);
  x.times = BASE_NEWS(part->job, double, x.n + 1);
  count_times(&run_plan_schedule(part->plan)->body, x.times, 0, 1, 1);
  if (e->json) put_json(e->out, &x);
  else put_text(e->out, &x);
}

/* T, what is replaced being zeros of the same sizes. */
static void explain_tensor(const explaining *e, base_arena *job, const char *what,
                           const lang_tensor *t, int nreplaced, ir_tensor *const *replaced) {
  lang_machine *m = e->m;
  if (t->ir->role != IR_DERIVED) return;
  machine_part part = machine_extract(m, job, t->ir, nreplaced, replaced);
  machine_plan(&part);
  for (int i = 0; i < nreplaced; i++)
    if (part.map[replaced[i]->id])
      machine_give(&part, part.map[replaced[i]->id],
                   machine_zeros(m, job, replaced[i], replaced[i]->type));
  report_part(e, what, &part);
}

/* Strata and the order of joins, as the engine tells them. */
static void explain_relation(const explaining *e, base_arena *job, const lang_action *a,
                             const lang_item *item) {
  base_text text = base_text_open(job);
  rel_explain(e->m->program->engine, item->relation->rel, &text);
  if (!e->json) {
    base_putf(e->out, "%s\n%s", a->stmt->source, text.at);
    return;
  }
  base_put(e->out, "{\"explain\": ");
  machine_put_string(e->out, a->stmt->source, strlen(a->stmt->source));
  base_put(e->out, ", \"relations\": ");
  machine_put_string(e->out, text.at, text.n);
  base_put(e->out, "}\n");
}

static void explain_item(const explaining *e, base_arena *job, const lang_action *a,
                         const lang_item *item) {
  if (item->show == LANG_SHOW_TEXT) return;
  if (item->relation) explain_relation(e, job, a, item);
  if (item->show == LANG_SHOW_TUPLES || !item->tensor) return;
  if (item->show == LANG_SHOW_GENERATED) {
    ir_tensor *tokens = item->generate->tokens->ir;
    explain_tensor(e, job, a->stmt->source, item->generate->probability, 1, &tokens);
    return;
  }
  ir_tensor **replaced = BASE_NEWS(job, ir_tensor *, a->nwith + 1);
  for (int i = 0; i < a->nwith; i++) replaced[i] = a->with[i].tensor->ir;
  explain_tensor(e, job, a->stmt->source, item->tensor, a->nwith, replaced);
}

static void explain_action(const explaining *e, base_arena *job, const lang_action *a) {
  if (a->verb == LANG_DO_MINIMIZE) {
    machine_part part = machine_training(e->m, job, a);
    report_part(e, a->stmt->source, &part);
  }
  for (int i = 0; i < a->n; i++) explain_item(e, job, a, &a->item[i]);
}

static void explain_all(const explaining *e, base_arena *job) {
  const lang_program *program = e->m->program;
  for (int i = 0; i < program->actions.n; i++) explain_action(e, job, &program->actions.at[i]);
  if (program->actions.n) return;
  for (int i = 0; i < program->tensors.n; i++)
    explain_tensor(e, job, program->tensors.at[i]->name, program->tensors.at[i], 0, NULL);
}

void lang_machine_explain(lang_machine *m, base_text *out, bool json) {
  explaining e = {m, out, json};
  base_arena *job = base_arena_open(m->ctx);
  base_trap trap;
  if (BASE_TRY(m->ctx, &trap)) {
    explain_all(&e, job);
    base_untrap(m->ctx, &trap);
    base_arena_close(job);
  } else {
    base_arena_close(job);
    base_raise_again(m->ctx);
  }
}
