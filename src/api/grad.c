/* Derivatives of handles. Equations are differentiated as one program when the value is needed; a
 * function in C between LOSS and WRT cuts that program. With H = f(A) such a function, loss
 * depending on H and A on WRT, the derivative is that of
 *
 *   S = loss + sum A * G      where G = backward of f for grad(loss, H)
 *
 * with H and G held fixed; so for several of them, from the youngest to the oldest. */
#include <stdlib.h>
#include <string.h>

#include "api/api.h"

typedef struct deriving {
  tl_context *ctx;
  base_arena *arena;
  tl_tensor *loss, *wrt, *made;
  BASE_VEC(tl_tensor *) functions; /* in C, between the two; youngest first */
  BASE_VEC(tl_tensor *) terms;     /* A, G, A, G, .. */
  uint64_t seen;
} deriving;

static tl_tensor *gradient_new(tl_tensor *loss, tl_tensor *wrt) {
  tl_tensor *t = api_tensor_new(wrt->ctx, API_GRADIENT, 2, wrt->rank, wrt->size);
  t->input[0] = tl_retain(loss);
  t->input[1] = tl_retain(wrt);
  t->type = ir_type_computed(wrt->type);
  return t;
}

/* ---- what lies between ------------------------------------------------------------------------
 */

static int by_age(const void *a, const void *b) {
  const tl_tensor *x = *(tl_tensor *const *)a, *y = *(tl_tensor *const *)b;
  return x->serial < y->serial ? -1 : x->serial > y->serial;
}

/* Mark what depends on WRT, and list the functions in C among it. */
static void find_functions(deriving *d) {
  BASE_VEC(tl_tensor *) between = {0};
  d->seen = ++d->ctx->build;
  if (d->loss->serial > d->wrt->serial) BASE_PUSH(d->arena, &between, d->loss);
  d->loss->seen = d->seen;
  bool any = false;
  for (int i = 0; i < between.n; i++) {
    any = any || between.at[i]->kind == API_APPLIED;
    for (int k = 0; k < between.at[i]->n; k++) {
      tl_tensor *input = between.at[i]->input[k];
      if (input->seen == d->seen || input->serial <= d->wrt->serial) continue;
      input->seen = d->seen;
      BASE_PUSH(d->arena, &between, input);
    }
  }
  if (!any) return;
  qsort(between.at, (size_t)between.n, sizeof *between.at, by_age);
  d->wrt->depends = d->seen;
  for (int i = 0; i < between.n; i++)
    for (int k = 0; k < between.at[i]->n; k++)
      if (between.at[i]->input[k]->depends == d->seen) between.at[i]->depends = d->seen;
  for (int i = between.n - 1; i >= 0; i--)
    if (between.at[i]->kind == API_APPLIED && between.at[i]->depends == d->seen)
      BASE_PUSH(d->arena, &d->functions, between.at[i]);
}

/* ---- the sum that takes their place -----------------------------------------------------------
 */

static void release(void *t) { tl_release(t); }

static tl_tensor *hold(deriving *d, tl_tensor *t) {
  base_defer(d->arena, release, t);
  return t;
}

/* "L[i0,i1]" */
static void put_read(base_text *out, const char *name, int rank) {
  base_put(out, name);
  for (int k = 0; k < rank; k++) base_putf(out, k ? ",i%d" : "[i%d", k);
  if (rank) base_put(out, "]");
}

static tl_tensor *surrogate(deriving *d) {
  int n = d->terms.n;
  if (!n) return d->loss;
  base_text text = base_text_open(d->arena);
  const char **name = BASE_NEWS(d->arena, const char *, n + 1);
  tl_tensor **input = BASE_NEWS(d->arena, tl_tensor *, n + 1);
  base_put(&text, "S = ");
  put_read(&text, name[0] = "L", d->loss->rank);
  input[0] = d->loss;
  for (int i = 0; i < n; i++) {
    input[i + 1] = d->terms.at[i];
    name[i + 1] = base_format(d->arena, "%c%d", i % 2 ? 'G' : 'A', i / 2);
    base_put(&text, i % 2 ? " " : "\nS = ");
    put_read(&text, name[i + 1], input[i + 1]->rank);
  }
  api_text *kept = api_text_of(d->ctx, text.at);
  base_trap trap;
  tl_tensor *volatile made = NULL;
  bool fine = BASE_TRY(d->ctx->base, &trap);
  if (fine) {
    api_signature s = {n + 1, name, input, IR_TYPES};
    made = api_equation_new(d->ctx, kept, &s);
    base_untrap(d->ctx->base, &trap);
  }
  api_text_release(d->ctx, kept);
  if (!fine) base_raise_again(d->ctx->base);
  return hold(d, made);
}

/* Take the function H out: what its arguments get by it becomes terms of the sum. */
static void take_out(deriving *d, tl_tensor *h) {
  if (!api_apply_differentiable(h))
    base_raise(d->ctx->base, BASE_REFUSED, base_nowhere,
               "the derivative of %s is not known: it is a function in C\n"
               "help: give its tl_custom a backward function, which serves first derivatives",
               api_apply_name(h));
  tl_tensor *slope = hold(d, gradient_new(surrogate(d), h));
  for (int k = 0; k < h->n; k++) {
    tl_tensor *a = h->input[k];
    if (a->depends != d->seen || !ir_type_real(a->type)) continue;
    tl_tensor *g = hold(d, api_apply_backward(h, k, slope));
    BASE_PUSH(d->arena, &d->terms, a);
    BASE_PUSH(d->arena, &d->terms, g);
  }
}

static void derive(base_arena *arena, void *arg) {
  deriving *d = arg;
  d->arena = arena;
  find_functions(d);
  for (int i = 0; i < d->functions.n; i++) take_out(d, d->functions.at[i]);
  d->made = gradient_new(surrogate(d), d->wrt);
}

static void make_gradient(void *arg) { api_in_arena(((deriving *)arg)->ctx->base, derive, arg); }

tl_tensor *tl_grad(tl_context *ctx, tl_tensor *loss, tl_tensor *wrt) {
  if (!ctx) return NULL;
  deriving d = {.ctx = ctx, .loss = loss, .wrt = wrt};
  if (!loss || !wrt)
    api_refuse(ctx, BASE_ARGUMENT, "tl_grad: %s is NULL", loss ? "wrt" : "loss");
  else if (loss->ctx != ctx || wrt->ctx != ctx)
    api_refuse(ctx, BASE_ARGUMENT, "tl_grad: %s is a tensor of another context",
               loss->ctx == ctx ? "wrt" : "loss");
  else if (!ir_type_real(wrt->type) || !ir_type_real(loss->type))
    api_refuse(ctx, BASE_ARGUMENT, "tl_grad: %s is %s, which has no derivative",
               ir_type_real(loss->type) ? "wrt" : "loss",
               ir_type_name(ir_type_real(loss->type) ? wrt->type : loss->type));
  else
    api_call(ctx, make_gradient, &d);
  return d.made;
}
