/* Compiled functions: equations once, called many times. The plan is made at the first call for
 * given types and ranks of the arguments; their sizes are symbols, so that others plan nothing. */
#include <string.h>

#include "api/api.h"

enum { VARIANTS = 32 };          /* kept at most, least recently used out */

typedef struct result {
  const char *name;              /* of a head or an argument; of a gradient: the loss */
  const char *wrt;               /* NULL: no gradient */
} result;

typedef struct variant {         /* for one combination of types and ranks */
  struct variant *next;
  base_arena *arena;
  ir_type *type;                 /* by argument */
  int *rank;
  run_plan *plan;
  int nleaf;
  int *argument;                 /* by leaf; -1: the key of the draws */
  run_value *draw;               /* NULL: nothing is drawn */
  run_value **leaf, **value;     /* of the call under way */
} variant;

struct tl_function {
  tl_context *ctx;
  tl_function *next, *previous;
  base_arena *arena;
  api_text *text;
  int nargs, nresults, nvariants;
  const char **name;
  result *result;
  variant *variants;             /* most recently used first */
};

/* ---- compiling ------------------------------------------------------------------------------- */

static bool defines(const lang_ast *ast, const char *name) {
  for (int i = 0; i < ast->n; i++)
    if (ast->at[i]->form == LANG_EQUATION && strcmp(ast->at[i]->equation.head->name, name) == 0)
      return true;
  return false;
}

static const char *known(const tl_function *f, const char *name) {
  bool found = defines(f->text->ast, name);
  for (int i = 0; i < f->nargs; i++) found = found || strcmp(f->name[i], name) == 0;
  if (found) return name;
  base_raise(f->ctx->base, BASE_ARGUMENT, base_nowhere,
             "tl_compile: `%s` among the results is no head of the equations and no argument",
             name);
}

/* A name, blanks around it left out. */
static char *word(base_arena *arena, const char *from, const char *to) {
  while (from < to && *from == ' ') from++;
  while (from < to && to[-1] == ' ') to--;
  return base_copy_n(arena, from, (size_t)(to - from));
}

static result read_result(const tl_function *f, const char *name) {
  const char *comma = strchr(name, ','), *end = strrchr(name, ')');
  if (strncmp(name, "grad(", 5) != 0) return (result){known(f, base_copy(f->arena, name)), NULL};
  if (!comma || !end || end < comma)
    base_raise(f->ctx->base, BASE_ARGUMENT, base_nowhere,
               "tl_compile: `%s` among the results: a gradient is written grad(Loss, W)", name);
  return (result){known(f, word(f->arena, name + 5, comma)),
                  known(f, word(f->arena, comma + 1, end))};
}

typedef struct compiling {
  tl_context *ctx;
  const char *equations;
  const char *const *names, *const *results;
  tl_function *made;
} compiling;

static void make_function(base_arena *arena, compiling *c) {
  tl_function *f = c->made = BASE_NEW(arena, tl_function);
  *f = (tl_function){.ctx = c->ctx, .arena = arena};
  f->text = api_text_of(c->ctx, c->equations);
  while (c->names && c->names[f->nargs]) f->nargs++;
  while (c->results[f->nresults]) f->nresults++;
  f->name = BASE_NEWS(arena, const char *, f->nargs + 1);
  f->result = BASE_NEWS(arena, result, f->nresults + 1);
  for (int i = 0; i < f->nargs; i++) f->name[i] = base_copy(arena, c->names[i]);
  for (int i = 0; i < f->nresults; i++) f->result[i] = read_result(f, c->results[i]);
}

static void compile(void *arg) {
  compiling *c = arg;
  base_arena *arena = base_arena_open(c->ctx->base);
  base_trap trap;
  if (BASE_TRY(c->ctx->base, &trap)) {
    make_function(arena, c);
    base_untrap(c->ctx->base, &trap);
  } else {
    if (c->made) api_text_release(c->ctx, c->made->text);
    c->made = NULL;
    base_arena_close(arena);
    base_raise_again(c->ctx->base);
  }
}

tl_function *tl_compile(tl_context *ctx, const char *equations, const char *const *names,
                        const char *const *results) {
  if (!ctx || !ctx->session) return NULL;
  if (!equations || !results) {
    api_refuse(ctx, BASE_ARGUMENT, "tl_compile: the %s are NULL",
               equations ? "results" : "equations");
    return NULL;
  }
  compiling c = {ctx, equations, names, results, NULL};
  if (api_call_on(ctx, compile, &c, &(lang_source){NULL, equations}, 1) != TL_OK) return NULL;
  c.made->next = ctx->functions;
  if (c.made->next) c.made->next->previous = c.made;
  ctx->functions = c.made;
  return c.made;
}

static void release_plan(void *arg) {
  variant *v = arg;
  run_plan_release(v->plan);
  run_release(v->draw);
}

void api_function_free(tl_function *f) {
  if (f->previous) f->previous->next = f->next;
  else f->ctx->functions = f->next;
  if (f->next) f->next->previous = f->previous;
  for (variant *v = f->variants, *next; v; v = next) {
    next = v->next;
    base_arena_close(v->arena);
  }
  api_text_release(f->ctx, f->text);
  base_arena_close(f->arena);
}

void tl_function_release(tl_function *f) {
  if (f) api_function_free(f);
}

/* ---- the program for a combination of types and ranks ---------------------------------------- */

typedef struct planning {
  tl_function *f;
  variant *v;
} planning;

static ir_tensor **leaves_of(const planning *x, ir_program *p) {
  ir_tensor **leaf = BASE_NEWS(p->arena, ir_tensor *, x->f->nargs + 1);
  for (int i = 0; i < x->f->nargs; i++)
    leaf[i] = api_leaf(p, x->f->name[i], x->v->type[i], x->v->rank[i]);
  return leaf;
}

/* The gradients that result FIRST and later ones ask of one loss, in one backward pass. found[2 i]
 * is the i-th result or its loss, found[2 i + 1] what it is differentiated by. */
static void differentiate(const tl_function *f, ir_program *p, int first, ir_tensor *const *found,
                          ir_tensor **made) {
  ir_tensor **by = BASE_NEWS(p->arena, ir_tensor *, f->nresults);
  ir_tensor **grad = BASE_NEWS(p->arena, ir_tensor *, f->nresults);
  int *of = BASE_NEWS(p->arena, int, f->nresults), n = 0;
  for (int i = first; i < f->nresults; i++) {
    bool other = !f->result[i].wrt || made[i] || found[2 * i] != found[2 * first];
    for (int k = 0; k < n; k++) other = other || by[k] == found[2 * i + 1];
    if (other) continue;
    of[n] = i;
    by[n++] = found[2 * i + 1];
  }
  pass_gradient(p, found[2 * first], 0, n, by, grad);
  for (int k = 0; k < n; k++) made[of[k]] = grad[k];
}

static void put_outputs(const planning *x, ir_program *p, ir_tensor **leaf, ir_tensor **draw) {
  const tl_function *f = x->f;
  int n = f->nresults;
  const char **wanted = BASE_NEWS(p->arena, const char *, 2 * n + 1);
  ir_tensor **found = BASE_NEWS(p->arena, ir_tensor *, 2 * n + 1);
  ir_tensor **made = BASE_NEWS(p->arena, ir_tensor *, n + 1);
  for (int i = 0; i < n; i++) {
    wanted[2 * i] = f->result[i].name;
    wanted[2 * i + 1] = f->result[i].wrt ? f->result[i].wrt : f->result[i].name;
  }
  lang_equations_of(p, f->text->ast, f->nargs, f->name, leaf,
                    api_common_type(f->nargs, x->v->type), draw, 2 * n, wanted, found);
  for (int i = 0; i < n; i++) {
    if (f->result[i].wrt && !made[i]) differentiate(f, p, i, found, made);
    ir_output(p, f->result[i].wrt ? made[i] : found[2 * i]);
  }
}

static void plan_variant(base_arena *arena, void *arg) {
  const planning *x = arg;
  variant *v = x->v;
  run_session *s = x->f->ctx->session;
  ir_program *p = api_program(x->f->ctx, arena);
  ir_tensor *draw = NULL, **leaf = leaves_of(x, p);
  put_outputs(x, p, leaf, &draw);
  v->argument = BASE_NEWS(v->arena, int, p->tensors.n + 1);
  for (int i = 0; i < p->tensors.n; i++) {
    if (p->tensors.at[i]->role == IR_DERIVED) continue;
    int k = 0;
    while (k < x->f->nargs && leaf[k] != p->tensors.at[i]) k++;
    v->argument[v->nleaf++] = k < x->f->nargs ? k : -1;
  }
  v->leaf = BASE_NEWS(v->arena, run_value *, v->nleaf + 1);
  v->value = BASE_NEWS(v->arena, run_value *, x->f->nresults + 1);
  if (draw) v->draw = run_value_new(s, IR_I64, 0, NULL, NULL);
  v->plan = run_plan_of(s, p);
}

static void fill_variant(tl_function *f, variant *v, tl_tensor *const *args) {
  v->type = BASE_NEWS(v->arena, ir_type, f->nargs + 1);
  v->rank = BASE_NEWS(v->arena, int, f->nargs + 1);
  for (int i = 0; i < f->nargs; i++) {
    v->type[i] = args[i]->type;
    v->rank[i] = args[i]->rank;
  }
  planning x = {f, v};
  api_in_arena(f->ctx->base, plan_variant, &x);
}

static variant *variant_new(tl_function *f, tl_tensor *const *args) {
  base_arena *arena = base_arena_open(f->ctx->base);
  base_trap trap;
  if (BASE_TRY(f->ctx->base, &trap)) {
    variant *v = BASE_NEW(arena, variant);
    v->arena = arena;
    base_defer(arena, release_plan, v);
    fill_variant(f, v, args);
    base_untrap(f->ctx->base, &trap);
    return v;
  }
  base_arena_close(arena);
  base_raise_again(f->ctx->base);
}

static void drop_oldest(tl_function *f) {
  variant **last = &f->variants;
  while ((*last)->next) last = &(*last)->next;
  base_arena_close((*last)->arena);
  *last = NULL;
  f->nvariants--;
}

static bool serves(const tl_function *f, const variant *v, tl_tensor *const *args) {
  for (int i = 0; i < f->nargs; i++)
    if (v->type[i] != args[i]->type || v->rank[i] != args[i]->rank) return false;
  return true;
}

static variant *variant_of(tl_function *f, tl_tensor *const *args) {
  variant **at = &f->variants, *v;
  while (*at && !serves(f, *at, args)) at = &(*at)->next;
  if ((v = *at)) {
    *at = v->next;
  } else {
    v = variant_new(f, args);
    if (++f->nvariants > VARIANTS) drop_oldest(f);
  }
  v->next = f->variants;
  return f->variants = v;
}

/* ---- calling --------------------------------------------------------------------------------- */

typedef struct calling {
  tl_function *f;
  tl_tensor *const *args;
  tl_tensor **results;
} calling;

static void call(void *arg) {
  const calling *c = arg;
  tl_function *f = c->f;
  tl_context *ctx = f->ctx;
  for (int i = 0; i < f->nargs; i++)
    if (!c->args[i]->value) api_compute(ctx, f->nargs, c->args);
  variant *v = variant_of(f, c->args);
  if (v->draw) {
    int64_t key = ctx->seed * INT64_C(0x100000000) + ctx->draws++;
    run_value_write(v->draw, &key);
  }
  for (int i = 0; i < v->nleaf; i++)
    v->leaf[i] = v->argument[i] < 0 ? v->draw : c->args[v->argument[i]]->value;
  run_plan_execute(v->plan, v->leaf, v->value);
  for (int i = 0; i < f->nresults; i++) {
    run_value *made = v->value[i];
    v->value[i] = NULL;
    c->results[i] = api_tensor_of(ctx, made);
  }
}

static void drop_results(const tl_function *f, tl_tensor **results) {
  for (int i = 0; i < f->nresults; i++) {
    tl_release(results[i]);
    results[i] = NULL;
  }
  for (int i = 0; f->variants && i < f->nresults; i++) {
    run_release(f->variants->value[i]);
    f->variants->value[i] = NULL;
  }
}

static tl_status check_args(const tl_function *f, tl_tensor *const *args) {
  for (int i = 0; i < f->nargs; i++) {
    if (!args[i]) return api_refuse(f->ctx, BASE_ARGUMENT, "tl_call: %s is NULL", f->name[i]);
    if (args[i]->ctx != f->ctx)
      return api_refuse(f->ctx, BASE_ARGUMENT, "tl_call: %s is a tensor of another context",
                        f->name[i]);
  }
  return TL_OK;
}

tl_status tl_call(tl_function *f, tl_tensor *const *args, tl_tensor **results) {
  if (!f) return TL_ARGUMENT;
  if (!results || (!args && f->nargs))
    return api_refuse(f->ctx, BASE_ARGUMENT, "tl_call: the %s are NULL",
                      results ? "arguments" : "results");
  for (int i = 0; i < f->nresults; i++) results[i] = NULL;
  calling c = {f, args, results};
  lang_source source = {NULL, f->text->text};
  tl_status status = check_args(f, args);
  if (status == TL_OK && (status = api_call_on(f->ctx, call, &c, &source, 1)) != TL_OK)
    drop_results(f, results);
  return status;
}
