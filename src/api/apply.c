/* Functions in C of whole tensors: a handle whose value they compute. A derivative does not go
 * through them by equations: tl_grad puts it together, from one function to the next (grad.c). */
#include <string.h>

#include "api/api.h"

/* What an APPLIED handle holds besides its inputs. */
struct api_apply {
  tl_custom def;
  int n;  /* arguments of the function; a derivative has the result and its */
  int by; /* derivative behind them, and is by this one; -1: the function */
  char name[];
};

_Noreturn static void failed(tl_context *ctx, const api_apply *a, tl_status status,
                             const char *what) {
  base_raise(ctx->base, status == TL_OK ? BASE_RUNTIME : (base_status)status, base_nowhere,
             "%s: its function for %s failed with status %d", a->name, what, (int)status);
}

static tl_view view_of(const tl_tensor *t, void *data) {
  tl_view v = {.type = (tl_type)t->type, .rank = t->rank, .data = data};
  for (int k = 0; k < t->rank; k++) v.size[k] = t->size[k];
  return v;
}

/* ---- making a handle ------------------------------------------------------------------------- */

typedef struct applying {
  tl_context *ctx;
  const tl_custom *def;
  int n, by;
  tl_tensor *const *input;
  tl_view result;
  tl_tensor *made;
} applying;

static void make(void *arg) {
  applying *p = arg;
  tl_context *ctx = p->ctx;
  const char *name = p->def->name ? p->def->name : "a function in C";
  tl_view *r = &p->result;
  int inputs = p->by < 0 ? p->n : p->n + 2;
  api_apply *a = base_calloc(ctx->base, sizeof *a + strlen(name) + 1);
  a->def = *p->def;
  a->def.name = strcpy(a->name, name);
  a->n = p->n;
  a->by = p->by;
  base_trap trap;
  if (BASE_TRY(ctx->base, &trap)) {
    p->made = api_tensor_new(ctx, API_APPLIED, inputs, r->rank, r->size);
    base_untrap(ctx->base, &trap);
  } else {
    base_free(ctx->base, a);
    base_raise_again(ctx->base);
  }
  p->made->apply = a;
  p->made->type = (ir_type)r->type;
  for (int i = 0; i < inputs; i++) p->made->input[i] = tl_retain(p->input[i]);
}

void api_apply_free(tl_context *ctx, api_apply *a) { base_free(ctx->base, a); }

static bool fits(const tl_view *v) {
  if ((unsigned)v->type >= IR_TYPES || v->rank < 0 || v->rank > RUN_RANK) return false;
  for (int k = 0; k < v->rank; k++)
    if (v->size[k] < 0) return false;
  return true;
}

/* Type and sizes of the result: those of the first argument unless the definition says others. */
static void shape(void *arg) {
  applying *p = arg;
  tl_view x[API_APPLY_MOST] = {{.data = NULL}};
  for (int i = 0; i < p->n; i++) x[i] = view_of(p->input[i], NULL);
  p->result = x[0];
  const char *name = p->def->name ? p->def->name : "a function in C";
  tl_status status = p->def->shape ? p->def->shape(p->def->user, p->n, x, &p->result) : TL_OK;
  if (status != TL_OK)
    base_raise(p->ctx->base, (base_status)status, base_nowhere,
               "%s: its function for the result's sizes failed with status %d", name, (int)status);
  if (!fits(&p->result))
    base_raise(p->ctx->base, BASE_ARGUMENT, base_nowhere,
               "%s: the result has a type, a rank or a size that there is not", name);
}

static void apply(void *arg) {
  shape(arg);
  make(arg);
}

tl_tensor *tl_apply(tl_context *ctx, const tl_custom *def, int n, tl_tensor *const *args) {
  if (!ctx || !ctx->session) return NULL;
  applying p = {.ctx = ctx, .def = def, .n = n, .by = -1, .input = args};
  const char *name = def && def->name ? def->name : "tl_apply";
  if (!def || !def->compute)
    api_refuse(ctx, BASE_ARGUMENT, "%s: there is no function", name);
  else if (n < 1 || n > API_APPLY_MOST || !args)
    api_refuse(ctx, BASE_ARGUMENT, "%s takes 1 to %d tensors", name, API_APPLY_MOST);
  else {
    for (int i = 0; i < n; i++) {
      if (!args[i])
        api_refuse(ctx, BASE_ARGUMENT, "%s: tensor %d is NULL", name, i);
      else if (args[i]->ctx != ctx)
        api_refuse(ctx, BASE_ARGUMENT, "%s: tensor %d is of another context", name, i);
      else
        continue;
      return NULL;
    }
    api_call(ctx, apply, &p);
  }
  return p.made;
}

/* ---- the derivative by one argument ---------------------------------------------------------- */

bool api_apply_differentiable(const tl_tensor *t) {
  return t->apply->by < 0 && t->apply->def.backward;
}

const char *api_apply_name(const tl_tensor *t) { return t->apply->name; }

tl_tensor *api_apply_backward(tl_tensor *t, int by, tl_tensor *slope) {
  tl_tensor *input[API_APPLY_MOST + 2];
  applying p = {.ctx = t->ctx, .def = &t->apply->def, .n = t->n, .by = by, .input = input};
  for (int i = 0; i < t->n; i++) input[i] = t->input[i];
  input[t->n] = t;
  input[t->n + 1] = slope;
  p.result = view_of(t->input[by], NULL);
  p.result.type = (tl_type)ir_type_computed(t->input[by]->type);
  make(&p);
  return p.made;
}

/* ---- computing ------------------------------------------------------------------------------- */

static void *data_of(base_arena *arena, tl_tensor *t) {
  void *data = base_alloc(arena, run_value_bytes(t->value) + 1);
  run_value_read(t->value, data);
  return data;
}

static void compute(base_arena *arena, void *arg) {
  tl_tensor *t = arg;
  const api_apply *a = t->apply;
  tl_view x[API_APPLY_MOST + 2], out[API_APPLY_MOST] = {{.data = NULL}};
  for (int i = 0; i < t->n; i++) x[i] = view_of(t->input[i], data_of(arena, t->input[i]));
  size_t bytes = (size_t)tl_count(t) * ir_type_bytes(t->type);
  tl_view y = view_of(t, base_alloc(arena, bytes + 1));
  tl_status status;
  if (a->by < 0) {
    status = a->def.compute(a->def.user, a->n, x, &y);
  } else {
    for (int i = 0; i < a->n; i++) out[i] = view_of(t->input[i], NULL);
    out[a->by] = y;
    status = a->def.backward(a->def.user, a->n, x, &x[a->n], &x[a->n + 1], out);
  }
  if (status != TL_OK) failed(t->ctx, a, status, a->by < 0 ? "the value" : "the derivative");
  t->value = run_value_new(t->ctx->session, t->type, t->rank, t->size, y.data);
}

void api_apply_run(tl_tensor *t) { api_in_arena(t->ctx->base, compute, t); }
