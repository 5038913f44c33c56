/* Equations on handles: checked at once, computed when a value is asked for. */
#include <string.h>

#include "api/api.h"

/* ---- texts, parsed once ---------------------------------------------------------------------- */

static void parse_text(void *arg) {
  api_text *x = arg;
  x->ast = lang_parse(x->arena, NULL, x->text, strlen(x->text));
}

static api_text *text_new(tl_context *ctx, const char *equations, uint64_t hash) {
  base_arena *arena = base_arena_open(ctx->base);
  base_trap trap;
  if (BASE_TRY(ctx->base, &trap)) {
    api_text *x = BASE_NEW(arena, api_text);
    *x = (api_text){.hash = hash, .arena = arena, .text = base_copy(arena, equations)};
    parse_text(x);
    base_untrap(ctx->base, &trap);
    return x;
  }
  base_arena_close(arena);
  base_raise_again(ctx->base);
}

api_text *api_text_of(tl_context *ctx, const char *equations) {
  uint64_t hash = base_hash(equations, strlen(equations), 0);
  api_text **bucket = &ctx->texts[hash % API_TEXTS], *x = *bucket;
  while (x && (x->hash != hash || strcmp(x->text, equations) != 0)) x = x->next;
  if (!x) {
    x = text_new(ctx, equations, hash);
    x->next = *bucket;
    *bucket = x;
  }
  x->refs++;
  return x;
}

void api_text_release(tl_context *ctx, api_text *text) {
  if (!text || --text->refs > 0) return;
  api_text **at = &ctx->texts[text->hash % API_TEXTS];
  while (*at != text) at = &(*at)->next;
  *at = text->next;
  base_arena_close(text->arena);
}

/* ---- what programs are made of --------------------------------------------------------------- */

ir_type api_common_type(int n, const ir_type *type) {
  ir_type common = IR_BOOL;
  for (int i = 0; i < n; i++) {
    if (!ir_type_real(type[i])) continue;
    if (common == IR_BOOL || common == type[i]) common = type[i];
    else common = common == IR_F64 || type[i] == IR_F64 ? IR_F64 : IR_F32;
  }
  return common == IR_BOOL ? IR_F32 : common;
}

ir_tensor *api_leaf(ir_program *p, const char *name, ir_type type, int rank) {
  const ir_expr *size[RUN_RANK];
  for (int k = 0; k < rank; k++)
    size[k] = ir_size(p, ir_symbol_new(p, base_format(p->arena, "%s.%d", name, k), false, 0));
  return ir_tensor_new(p, name, type, rank, size, IR_INPUT);
}

/* ---- type and sizes of an equation, for the handles it is given ------------------------------ */

typedef struct shaping {
  const tl_arg *args;
  int n;
  const lang_ast *ast;
  ir_type given, type;           /* of heads that are not declared; of the last head */
  int rank;
  int64_t size[RUN_RANK];
} shaping;

static void check_requires(const ir_program *p, const int64_t *symbols) {
  for (int i = 0; i < p->requires.n; i++) {
    const ir_require *r = &p->requires.at[i];
    int64_t left = ir_eval_size(r->left, symbols), right = ir_eval_size(r->right, symbols);
    if (r->at_most ? left <= right : left == right) continue;
    base_raise(p->ctx, BASE_ARGUMENT, r->span, "%s (%lld and %lld)", r->message, (long long)left,
               (long long)right);
  }
}

static void shape(base_arena *arena, void *arg) {
  shaping *s = arg;
  ir_program *p = ir_program_open(arena);
  const char **name = BASE_NEWS(arena, const char *, s->n + 1);
  ir_tensor **leaf = BASE_NEWS(arena, ir_tensor *, s->n + 1), *draw = NULL;
  ir_type *type = BASE_NEWS(arena, ir_type, s->n + 1);
  for (int i = 0; i < s->n; i++) {
    const tl_tensor *t = s->args[i].tensor;
    name[i] = s->args[i].name;
    leaf[i] = api_leaf(p, name[i], type[i] = t->type, t->rank);
  }
  s->given = api_common_type(s->n, type);
  const ir_tensor *head = lang_equations(p, s->ast, s->n, name, leaf, s->given, &draw);
  int64_t *symbols = BASE_NEWS(arena, int64_t, p->symbols.n + 1);
  for (int i = 0; i < s->n; i++)
    for (int k = 0; k < leaf[i]->rank; k++)
      symbols[leaf[i]->size[k]->u.symbol->id] = s->args[i].tensor->size[k];
  check_requires(p, symbols);
  s->type = head->type;
  s->rank = head->rank;
  for (int k = 0; k < head->rank; k++) s->size[k] = ir_eval_size(head->size[k], symbols);
}

/* ---- tl_eq ----------------------------------------------------------------------------------- */

typedef struct equating {
  tl_context *ctx;
  const char *equations;
  const tl_arg *args;
  int n;
  api_text *text;
  tl_tensor *made;
} equating;

static tl_tensor *equation_new(tl_context *ctx, const shaping *s) {
  size_t bytes = 0;
  for (int i = 0; i < s->n; i++) bytes += strlen(s->args[i].name) + 1;
  char *names;
  tl_tensor *t = api_tensor_new(ctx, API_EQUATION, s->n, s->rank, s->size, bytes, &names);
  for (int i = 0; i < s->n; i++) {
    t->input[i] = tl_retain(s->args[i].tensor);
    t->name[i] = strcpy(names, s->args[i].name);
    names += strlen(names) + 1;
  }
  t->type = s->type;
  t->given = s->given;
  t->key = ctx->seed * INT64_C(0x100000000) + ctx->draws++;
  return t;
}

static void make_equation(void *arg) {
  equating *e = arg;
  e->text = api_text_of(e->ctx, e->equations);
  shaping s = {.args = e->args, .n = e->n, .ast = e->text->ast};
  api_in_arena(e->ctx->base, shape, &s);
  e->made = equation_new(e->ctx, &s);
  e->made->text = e->text;
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

tl_tensor *tl_eq(tl_context *ctx, const char *equations, const tl_arg *args) {
  if (!ctx || !ctx->session) return NULL;
  equating e = {.ctx = ctx, .equations = equations, .args = args};
  while (args && args[e.n].name) e.n++;
  if (!equations) api_refuse(ctx, BASE_ARGUMENT, "tl_eq: the equations are NULL");
  if (!equations || !args_fit(ctx, args, e.n)) return NULL;
  lang_source source = {NULL, equations};
  if (api_call_on(ctx, make_equation, &e, &source, 1) != TL_OK) api_text_release(ctx, e.text);
  return e.made;
}

/* ---- tl_grad --------------------------------------------------------------------------------- */

typedef struct deriving {
  tl_tensor *loss, *wrt, *made;
} deriving;

static void make_gradient(void *arg) {
  deriving *d = arg;
  tl_tensor *wrt = d->wrt;
  tl_tensor *t = api_tensor_new(wrt->ctx, API_GRADIENT, 2, wrt->rank, wrt->size, 0, NULL);
  t->input[0] = tl_retain(d->loss);
  t->input[1] = tl_retain(wrt);
  t->type = ir_type_computed(wrt->type);
  d->made = t;
}

tl_tensor *tl_grad(tl_context *ctx, tl_tensor *loss, tl_tensor *wrt) {
  if (!ctx) return NULL;
  deriving d = {loss, wrt, NULL};
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
