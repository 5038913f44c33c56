/* Lazy tensors computed: handles become one program, which becomes a plan.
 *
 * A handle that has a value is a leaf, unless a derivative goes through it: then the program goes
 * on to its inputs. As a handle is younger than its inputs, sorting by age is the only order that
 * is needed, and nothing here recurses. */
#include <stdlib.h>
#include <string.h>

#include "api/api.h"

enum { PIECE = 256 };            /* equations in one program; a longer chain is run in pieces */

typedef struct leaf {
  const ir_tensor *ir;
  run_value *value;
} leaf;

typedef struct graph {
  tl_context *ctx;
  base_arena *arena;
  uint64_t build;
  BASE_VEC(tl_tensor *) todo;    /* met, and not yet looked at */
  BASE_VEC(tl_tensor *) met;     /* of the program, oldest first once sorted */
  bool gradient;
} graph;

static int by_age(const void *a, const void *b) {
  const tl_tensor *x = *(tl_tensor *const *)a, *y = *(tl_tensor *const *)b;
  return x->serial < y->serial ? -1 : x->serial > y->serial;
}

/* ---- what the program consists of ------------------------------------------------------------ */

static void meet(graph *g, tl_tensor *t) {
  if (t->met != g->build) {
    t->met = g->build;
    t->last = 0;
    BASE_PUSH(g->arena, &g->met, t);
  }
  bool goes_on = t->kind != API_VALUE && (!t->value || t->through == g->build);
  if (!goes_on || t->opened == g->build) return;
  t->opened = g->build;
  BASE_PUSH(g->arena, &g->todo, t);
}

/* Mark what stands between LOSS and WRT; only what is younger than WRT can. */
static void differentiate(graph *g, tl_tensor *loss, const tl_tensor *wrt) {
  BASE_VEC(tl_tensor *) between = {0};
  uint64_t seen = ++g->ctx->build;
  if (loss->serial > wrt->serial) BASE_PUSH(g->arena, &between, loss);
  loss->seen = seen;
  for (int i = 0; i < between.n; i++)
    for (int k = 0; k < between.at[i]->n; k++) {
      tl_tensor *input = between.at[i]->input[k];
      if (between.at[i]->kind == API_APPLIED) continue;  /* grad.c goes through it */
      if (input->seen == seen || input->serial <= wrt->serial) continue;
      input->seen = seen;
      BASE_PUSH(g->arena, &between, input);
    }
  if (between.n) qsort(between.at, (size_t)between.n, sizeof *between.at, by_age);
  for (int i = 0; i < between.n; i++) {
    tl_tensor *t = between.at[i];
    bool depends = false;
    for (int k = 0; k < t->n && t->kind != API_APPLIED; k++)
      depends |= t->input[k] == wrt || t->input[k]->depends == seen;
    if (!depends) continue;
    t->depends = seen;
    t->through = g->build;
    if (t->met == g->build) meet(g, t);
  }
}

static void collect(graph *g, int n, tl_tensor *const *wanted) {
  g->build = ++g->ctx->build;
  for (int i = 0; i < n; i++) {
    if (wanted[i]->value) continue;
    meet(g, wanted[i]);
    wanted[i]->last = UINT64_MAX;
  }
  while (g->todo.n) {
    tl_tensor *t = g->todo.at[--g->todo.n];
    if (t->kind == API_GRADIENT) {
      g->gradient = true;
      differentiate(g, t->input[0], t->input[1]);
    }
    for (int i = 0; i < t->n; i++) meet(g, t->input[i]);
  }
  if (g->met.n) qsort(g->met.at, (size_t)g->met.n, sizeof *g->met.at, by_age);
}

/* ---- one program ----------------------------------------------------------------------------- */

typedef struct build {
  tl_context *ctx;
  uint64_t number;               /* of the graph */
  int n;
  tl_tensor **part;              /* what is computed, oldest first */
  ir_program *program;
  BASE_VEC(leaf) leaves;
  BASE_VEC(run_value *) own;     /* keys of draws */
  run_plan *plan;
} build;

static void add_leaf(build *b, const ir_tensor *ir, run_value *v) {
  BASE_PUSH(b->program->arena, &b->leaves, ((leaf){ir, v}));
}

static ir_tensor *input_of(build *b, tl_tensor *t, const char *name) {
  if (t->built == b->number) return t->ir;
  t->built = b->number;
  t->ir = api_leaf(b->program, name, t->type, t->rank);
  add_leaf(b, t->ir, t->value);
  return t->ir;
}

static ir_tensor *build_equation(build *b, tl_tensor *t) {
  ir_program *p = b->program;
  ir_tensor **input = BASE_NEWS(p->arena, ir_tensor *, t->n + 1), *draw = NULL;
  for (int i = 0; i < t->n; i++) input[i] = input_of(b, t->input[i], t->form->name[i]);
  ir_tensor *made = lang_equations(p, t->form->text->ast, t->n, t->form->name, input,
                                   t->form->given, &draw);
  if (draw) {
    BASE_PUSH(p->arena, &b->own, run_value_new(b->ctx->session, IR_I64, 0, NULL, &t->key));
    add_leaf(b, draw, b->own.at[b->own.n - 1]);
  }
  return made;
}

static ir_tensor *build_gradient(build *b, tl_tensor *t) {
  ir_tensor *loss = input_of(b, t->input[0], "Loss"), *wrt = input_of(b, t->input[1], "X"), *grad;
  pass_gradient(b->program, loss, 0, 1, &wrt, &grad);
  return grad;
}

static run_value **leaf_values(build *b) {
  const ir_program *p = b->program;
  run_value **by_id = BASE_NEWS(p->arena, run_value *, p->tensors.n + 1);
  run_value **value = BASE_NEWS(p->arena, run_value *, p->tensors.n + 1);
  for (int i = 0; i < b->leaves.n; i++) by_id[b->leaves.at[i].ir->id] = b->leaves.at[i].value;
  for (int i = 0, n = 0; i < p->tensors.n; i++)
    if (p->tensors.at[i]->role != IR_DERIVED) value[n++] = by_id[i];
  return value;
}

static void close_build(void *arg) {
  build *b = arg;
  run_plan_release(b->plan);
  for (int i = 0; i < b->own.n; i++) run_release(b->own.at[i]);
}

/* Compute the part; of it keep what is wanted or used by those that come later. */
static void run_part(base_arena *arena, void *arg) {
  build *b = arg;
  base_defer(arena, close_build, b);
  b->program = api_program(b->ctx, arena);
  uint64_t end = b->part[b->n - 1]->serial;
  tl_tensor **kept = BASE_NEWS(arena, tl_tensor *, b->n);
  run_value **result = BASE_NEWS(arena, run_value *, b->n);
  int n = 0;
  for (int i = 0; i < b->n; i++) {
    tl_tensor *t = b->part[i];
    t->ir = t->kind == API_GRADIENT ? build_gradient(b, t) : build_equation(b, t);
    t->built = b->number;
    if (t->value || t->last <= end) continue;
    ir_output(b->program, t->ir);
    kept[n++] = t;
  }
  b->plan = run_plan_of(b->ctx->session, b->program);
  run_plan_execute(b->plan, leaf_values(b), result);
  for (int i = 0; i < n; i++) kept[i]->value = result[i];
}

/* ---- computing ------------------------------------------------------------------------------- */

/* Only handles that have no value, or are differentiated through, are computed. */
static int opened(graph *g) {
  int n = 0;
  for (int i = 0; i < g->met.n; i++) {
    tl_tensor *t = g->met.at[i];
    if (t->opened != g->build) continue;
    for (int k = 0; k < t->n; k++)
      if (t->input[k]->last < t->serial) t->input[k]->last = t->serial;
    g->met.at[n++] = t;
  }
  return n;
}

typedef struct computing {
  tl_context *ctx;
  int n;
  tl_tensor *const *wanted;
} computing;

/* Functions in C first, oldest first: then all they need are equations. */
static bool apply_functions(graph *g) {
  tl_tensor **list = BASE_NEWS(g->arena, tl_tensor *, g->met.n + 1);
  int n = 0;
  for (int i = 0; i < g->met.n; i++)
    if (g->met.at[i]->kind == API_APPLIED && !g->met.at[i]->value) list[n++] = g->met.at[i];
  for (int i = 0; i < n; i++) {
    api_compute(g->ctx, list[i]->n, list[i]->input);
    api_apply_run(list[i]);
  }
  return n > 0;
}

static void compute(base_arena *arena, void *arg) {
  const computing *c = arg;
  graph g = {.ctx = c->ctx, .arena = arena};
  collect(&g, c->n, c->wanted);
  if (apply_functions(&g)) {
    g = (graph){.ctx = c->ctx, .arena = arena};
    collect(&g, c->n, c->wanted);
  }
  int n = opened(&g), piece = g.gradient || n <= PIECE ? n : PIECE;
  for (int at = 0; at < n; at += piece) {
    build b = {.ctx = c->ctx, .number = ++c->ctx->build, .part = g.met.at + at};
    b.n = n - at < piece ? n - at : piece;
    api_in_arena(c->ctx->base, run_part, &b);
  }
}

/* One equation of what is there already: its form has the plan. */
static bool compute_alone(tl_context *ctx, tl_tensor *t) {
  if (t->kind != API_EQUATION || t->value) return false;
  for (int i = 0; i < t->n; i++)
    if (!t->input[i]->value) return false;
  t->value = api_form_run(ctx, t->form, t->input, t->key);
  return true;
}

void api_compute(tl_context *ctx, int n, tl_tensor *const *t) {
  if (n == 1 && compute_alone(ctx, t[0])) return;
  computing c = {ctx, n, t};
  api_in_arena(ctx->base, compute, &c);
}
