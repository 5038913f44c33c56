/* Lazy tensors computed: which handles become one program, which part.c makes a plan of and runs.
 *
 * A handle that has a value is a leaf, unless a derivative goes through it: then the program goes
 * on to its inputs. As a handle is younger than its inputs, sorting by age is the only order that
 * is needed, and nothing here recurses. */
#include <stdlib.h>
#include <string.h>

#include "api/api.h"

enum { PIECE = 256 }; /* equations in one program; a longer chain is run in pieces */

typedef struct graph {
  tl_context *ctx;
  base_arena *arena;
  uint64_t build;
  BASE_VEC(tl_tensor *) todo; /* met, and not yet looked at */
  BASE_VEC(tl_tensor *) met;  /* of the program, oldest first once sorted */
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
      if (between.at[i]->kind == API_APPLIED) continue; /* grad.c goes through it */
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
  for (int at = 0; at < n; at += piece)
    api_part_run(c->ctx, n - at < piece ? n - at : piece, g.met.at + at);
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
