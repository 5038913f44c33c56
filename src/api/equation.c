/* Equations on handles: checked at once, computed when a value is asked for. */
#include <string.h>

#include "api/api.h"

/* ---- tl_eq ----------------------------------------------------------------------------------- */

enum { FEW = 16 }; /* arguments without memory from elsewhere */

typedef struct equating {
  tl_context *ctx;
  const char *equations;
  api_signature signature;
  api_text *text;
  tl_tensor *made;
} equating;

tl_tensor *api_equation_new(tl_context *ctx, api_text *text, const api_signature *s) {
  api_form *form = api_form_of(ctx, text, s);
  const int64_t *size = api_form_sizes(form, s->input);
  tl_tensor *t = api_tensor_new(ctx, API_EQUATION, s->n, form->head->rank, size);
  for (int i = 0; i < s->n; i++) t->input[i] = tl_retain(s->input[i]);
  t->type = form->result;
  t->form = form;
  text->refs++;
  t->key = ctx->seed * INT64_C(0x100000000) + ctx->draws++;
  return t;
}

static void make_equation(void *arg) {
  equating *e = arg;
  e->text = api_text_of(e->ctx, e->equations);
  e->made = api_equation_new(e->ctx, e->text, &e->signature);
}

/* Are the arguments tensors of CTX with names of their own? */
static bool args_fit(tl_context *ctx, const tl_arg *args, int n) {
  for (int i = 0; i < n; i++) {
    const char *name = args[i].name;
    if (!args[i].tensor) {
      api_refuse(ctx, BASE_ARGUMENT, "tl_eq: %s is NULL", name);
      return false;
    }
    if (args[i].tensor->ctx != ctx) {
      api_refuse(ctx, BASE_ARGUMENT, "tl_eq: %s is a tensor of another context", name);
      return false;
    }
    for (int k = 0; k < i; k++)
      if (strcmp(args[k].name, name) == 0) {
        api_refuse(ctx, BASE_ARGUMENT, "tl_eq: %s is given twice", name);
        return false;
      }
  }
  return true;
}

static void equate(equating *e, const tl_arg *args, const char **name, tl_tensor **input) {
  for (int i = 0; i < e->signature.n; i++) {
    name[i] = args[i].name;
    input[i] = args[i].tensor;
  }
  e->signature.name = name;
  e->signature.input = input;
  lang_source source = {NULL, e->equations};
  api_call_on(e->ctx, make_equation, e, &source, 1);
  api_text_release(e->ctx, e->text);
}

/* More arguments than a call has room for. */
static void equate_many(equating *e, const tl_arg *args) {
  base_ctx *base = e->ctx->base;
  size_t n = (size_t)e->signature.n;
  void *room = base_try_malloc(base, n * (sizeof(char *) + sizeof(tl_tensor *)));
  if (room)
    equate(e, args, room, (tl_tensor **)((const char **)room + n));
  else
    api_refuse(e->ctx, BASE_MEMORY, "out of memory: %zu arguments", n);
  base_free(base, room);
}

tl_tensor *tl_eq(tl_context *ctx, const char *equations, const tl_arg *args) {
  if (!ctx || !ctx->session) return NULL;
  equating e = {.ctx = ctx, .equations = equations, .signature.given = IR_TYPES};
  const char *name[FEW];
  tl_tensor *input[FEW];
  int n = 0;
  while (args && args[n].name) n++;
  if (!equations) api_refuse(ctx, BASE_ARGUMENT, "tl_eq: the equations are NULL");
  if (!equations || !args_fit(ctx, args, n)) return NULL;
  e.signature.n = n;
  if (n <= FEW)
    equate(&e, args, name, input);
  else
    equate_many(&e, args);
  return e.made;
}
