/* Lazy tensors: handles become one program when a value is asked for. */
#include <string.h>

#include "api/api.h"

/* ---- building a program ------------------------------------------------------------------------------------ */

ir_tensor *api_leaf(api_build *b, const char *name, run_value *v, ir_role role) {
  ir_program *p = b->program;
  const ir_expr *size[RUN_RANK];
  for (int k = 0; k < v->rank; k++)
    size[k] = ir_size(p, ir_symbol_new(p, base_format(p->arena, "%s.%d", name, k), false, 0));
  ir_tensor *t = ir_tensor_new(p, name, v->type, v->rank, size, role);
  BASE_PUSH(p->arena, &b->leaf, t);
  BASE_PUSH(p->arena, &b->value, v);
  return t;
}

static void build_draw(api_build *b, ir_tensor *draw, int64_t key) {
  run_value *v = run_value_new(b->ctx->session, IR_I64, 0, NULL, &key);
  BASE_PUSH(b->program->arena, &b->own, v);
  BASE_PUSH(b->program->arena, &b->leaf, draw);
  BASE_PUSH(b->program->arena, &b->value, v);
}

static ir_tensor *build_equation(api_build *b, tl_tensor *t) {
  ir_tensor **input = BASE_NEWS(b->program->arena, ir_tensor *, t->n + 1), *draw = NULL;
  for (int i = 0; i < t->n; i++) input[i] = api_build_tensor(b, t->input[i]);
  ir_tensor *made = lang_equations(b->program, t->ast, t->n, t->name, input, t->type, &draw);
  if (draw) build_draw(b, draw, t->key);
  return made;
}

static ir_tensor *build_gradient(api_build *b, tl_tensor *t) {
  ir_tensor *loss = api_build_tensor(b, t->input[0]), *wrt = api_build_tensor(b, t->input[1]), *grad;
  pass_gradient(b->program, loss, 0, 1, &wrt, &grad);
  return grad;
}

ir_tensor *api_build_tensor(api_build *b, tl_tensor *t) {
  if (t->built == b->ctx->build) return t->ir;
  if (t->value && (t->kind == API_VALUE || !b->whole)) t->ir = api_leaf(b, "X", t->value, IR_INPUT);
  else t->ir = t->kind == API_GRADIENT ? build_gradient(b, t) : build_equation(b, t);
  t->built = b->ctx->build;
  return t->ir;
}

static bool has_gradient(tl_tensor *t, uint64_t mark) {
  if (t->built == mark || t->value) return false;
  t->built = mark;
  if (t->kind == API_GRADIENT) return true;
  for (int i = 0; i < t->n; i++)
    if (has_gradient(t->input[i], mark)) return true;
  return false;
}

api_build *api_build_open(base_arena *arena, tl_context *ctx, int n, tl_tensor *const *wanted) {
  api_build *b = BASE_NEW(arena, api_build);
  b->ctx = ctx;
  ctx->build++;
  for (int i = 0; i < n; i++) b->whole |= has_gradient(wanted[i], ctx->build);
  ctx->build++;
  b->program = ir_program_open(arena);
  return b;
}

run_value **api_build_leaves(api_build *b, const ir_program *p) {
  run_value **leaf = BASE_NEWS(b->program->arena, run_value *, p->tensors.n + 1);
  for (int i = 0, at = 0; i < p->tensors.n; i++) {
    if (p->tensors.at[i]->role == IR_DERIVED) continue;
    for (int k = 0; k < b->leaf.n; k++)
      if (b->leaf.at[k] == p->tensors.at[i]) leaf[at] = b->value.at[k];
    at++;
  }
  return leaf;
}

/* ---- computing ------------------------------------------------------------------------------------------------- */

typedef struct evaluation {
  tl_context *ctx;
  int n;
  tl_tensor *const *wanted;
  base_arena *arena;
  api_build *build;
  run_plan *plan;
} evaluation;

static void close_evaluation(void *arg) {
  evaluation *e = arg;
  run_plan_release(e->plan);
  for (int i = 0; e->build && i < e->build->own.n; i++) run_release(e->build->own.at[i]);
}

static void evaluate(evaluation *e) {
  tl_tensor **missing = BASE_NEWS(e->arena, tl_tensor *, e->n + 1);
  run_value **result = BASE_NEWS(e->arena, run_value *, e->n + 1);
  int n = 0;
  for (int i = 0; i < e->n; i++) {
    bool seen = e->wanted[i]->value != NULL;
    for (int k = 0; k < n; k++) seen = seen || missing[k] == e->wanted[i];
    if (!seen) missing[n++] = e->wanted[i];
  }
  if (n == 0) return;
  base_defer(e->arena, close_evaluation, e);
  e->build = api_build_open(e->arena, e->ctx, n, missing);
  for (int i = 0; i < n; i++) ir_output(e->build->program, api_build_tensor(e->build, missing[i]));
  e->plan = run_plan_of(e->ctx->session, e->build->program);
  run_plan_execute(e->plan, api_build_leaves(e->build, e->build->program), result);
  for (int i = 0; i < n; i++) missing[i]->value = result[i];
}

static void in_arena(base_ctx *base, base_arena *arena, evaluation *e) {
  base_trap trap;
  if (BASE_TRY(base, &trap)) {
    evaluate(e);
    base_untrap(base, &trap);
  } else {
    base_arena_close(arena);
    base_raise_again(base);
  }
  base_arena_close(arena);
}

void api_compute(tl_context *ctx, int n, tl_tensor *const *t) {
  for (int i = 0; i < n; i++) {
    if (t[i]->value) continue;
    base_arena *arena = base_arena_open(ctx->base);
    evaluation e = {.ctx = ctx, .n = n, .wanted = t, .arena = arena};
    in_arena(ctx->base, arena, &e);
    return;
  }
}

/* ---- equations ------------------------------------------------------------------------------------------------- */

ir_type api_common_type(int n, const ir_type *type) {
  ir_type common = IR_BOOL;
  for (int i = 0; i < n; i++) {
    if (!ir_type_real(type[i])) continue;
    if (common == IR_BOOL || common == type[i]) common = type[i];
    else common = common == IR_F64 || type[i] == IR_F64 ? IR_F64 : IR_F32;
  }
  return common == IR_BOOL ? IR_F32 : common;
}

typedef struct equating {
  tl_context *ctx;
  const char *text;
  const tl_arg *args;
  tl_tensor *made;
} equating;

static ir_type type_of_handle(const tl_tensor *t) { return t->value ? t->value->type : t->type; }

/* Names, ranks and sums are checked when the handle is made, so that the error is where the mistake is. */
static void check_now(tl_tensor *t) {
  base_arena *arena = base_arena_child(t->arena);
  evaluation *e = BASE_NEW(arena, evaluation);
  base_defer(arena, close_evaluation, e);
  e->build = api_build_open(arena, t->ctx, 0, NULL);
  api_build_tensor(e->build, t);
  base_arena_close(arena);
}

static void make_equation(void *arg) {
  equating *e = arg;
  tl_tensor *t = e->made = api_tensor(e->ctx, API_EQUATION);
  int n = 0;
  while (e->args && e->args[n].name) n++;
  t->arena = base_arena_open(e->ctx->base);
  t->name = BASE_NEWS(t->arena, const char *, n + 1);
  t->input = BASE_NEWS(t->arena, tl_tensor *, n + 1);
  ir_type *type = BASE_NEWS(t->arena, ir_type, n + 1);
  for (int i = 0; i < n; i++) {
    if (e->args[i].tensor->ctx != e->ctx) base_raise(e->ctx->base, BASE_ARGUMENT, base_nowhere, "%s is a tensor of another context", e->args[i].name);
    t->name[i] = base_copy(t->arena, e->args[i].name);
    t->input[t->n++] = tl_retain(e->args[i].tensor);
    type[i] = type_of_handle(e->args[i].tensor);
  }
  t->type = api_common_type(n, type);
  t->key = e->ctx->seed * INT64_C(0x100000000) + e->ctx->draws++;
  t->ast = lang_parse(t->arena, NULL, e->text, strlen(e->text));
  check_now(t);
}

tl_tensor *tl_eq(tl_context *ctx, const char *equations, const tl_arg *args) {
  if (!ctx || !ctx->session || !equations) return NULL;
  for (int i = 0; args && args[i].name; i++)
    if (!args[i].tensor) return NULL;
  equating e = {ctx, equations, args, NULL};
  if (api_call(ctx, make_equation, &e) == TL_OK) return e.made;
  api_diagnose(ctx, NULL, equations);
  tl_release(e.made);
  return NULL;
}

typedef struct deriving {
  tl_tensor *loss, *wrt, *made;
} deriving;

static void make_gradient(void *arg) {
  deriving *d = arg;
  tl_tensor *t = d->made = api_tensor(d->loss->ctx, API_GRADIENT);
  t->arena = base_arena_open(t->ctx->base);
  t->input = BASE_NEWS(t->arena, tl_tensor *, 2);
  t->input[t->n++] = tl_retain(d->loss);
  t->input[t->n++] = tl_retain(d->wrt);
  t->type = type_of_handle(d->wrt);
}

tl_tensor *tl_grad(tl_context *ctx, tl_tensor *loss, tl_tensor *wrt) {
  if (!ctx || !loss || !wrt) return NULL;
  deriving d = {loss, wrt, NULL};
  if (loss->ctx != ctx || wrt->ctx != ctx) {
    api_refuse(ctx, BASE_ARGUMENT, "tl_grad: the tensors are of another context");
    return NULL;
  }
  if (api_call(ctx, make_gradient, &d) == TL_OK) return d.made;
  tl_release(d.made);
  return NULL;
}
