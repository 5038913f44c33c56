/* Texts and forms: what is worked out once for an equation and serves all handles made by it. A
 * text is parsed once; a form is a text for arguments of given names, types and ranks, with their
 * sizes as symbols: it knows the sizes of its result, and its plan once it was run alone. */
#include <string.h>

#include "api/api.h"

enum { IDLE = 256 }; /* texts kept that no handle needs */

/* ---- texts ----------------------------------------------------------------------------------- */

static api_text *text_new(tl_context *ctx, const char *equations, uint64_t hash) {
  base_arena *arena = base_arena_open(ctx->base);
  base_trap trap;
  if (BASE_TRY(ctx->base, &trap)) {
    api_text *x = BASE_NEW(arena, api_text);
    *x = (api_text){.hash = hash, .arena = arena, .text = base_copy(arena, equations)};
    x->ast = lang_parse(x->arena, NULL, x->text, strlen(x->text));
    base_untrap(ctx->base, &trap);
    return x;
  }
  base_arena_close(arena);
  base_raise_again(ctx->base);
}

static void drop_text(tl_context *ctx, api_text *text) {
  api_text **at = &ctx->texts[text->hash % API_TEXTS];
  while (*at != text) at = &(*at)->next;
  *at = text->next;
  for (api_form *f = text->forms, *next; f; f = next) {
    next = f->next;
    base_arena_close(f->arena);
  }
  base_arena_close(text->arena);
}

static void drop_oldest(tl_context *ctx) {
  api_text *oldest = NULL;
  for (int i = 0; i < API_TEXTS; i++)
    for (api_text *x = ctx->texts[i]; x; x = x->next)
      if (!x->refs && (!oldest || x->used < oldest->used)) oldest = x;
  if (!oldest) return;
  drop_text(ctx, oldest);
  ctx->idle--;
}

api_text *api_text_of(tl_context *ctx, const char *equations) {
  uint64_t hash = base_hash(equations, strlen(equations), 0);
  api_text **bucket = &ctx->texts[hash % API_TEXTS], *x = *bucket;
  while (x && (x->hash != hash || strcmp(x->text, equations) != 0)) x = x->next;
  if (!x) {
    x = text_new(ctx, equations, hash);
    x->next = *bucket;
    *bucket = x;
    ctx->idle++;
  }
  if (x->refs++ == 0) ctx->idle--;
  return x;
}

void api_text_release(tl_context *ctx, api_text *text) {
  if (!text || --text->refs > 0) return;
  text->used = ++ctx->build;
  if (++ctx->idle > IDLE) drop_oldest(ctx);
}

void api_texts_free(tl_context *ctx) {
  for (int i = 0; i < API_TEXTS; i++)
    while (ctx->texts[i]) drop_text(ctx, ctx->texts[i]);
}

/* ---- what programs are made of --------------------------------------------------------------- */

ir_type api_common_type(int n, const ir_type *type) {
  ir_type common = IR_BOOL;
  for (int i = 0; i < n; i++) {
    if (!ir_type_real(type[i])) continue;
    if (common == IR_BOOL || common == type[i])
      common = type[i];
    else
      common = common == IR_F64 || type[i] == IR_F64 ? IR_F64 : IR_F32;
  }
  return common == IR_BOOL ? IR_F32 : common;
}

ir_program *api_program(tl_context *ctx, base_arena *arena) {
  ir_program *p = ir_program_open(arena);
  p->functions = (const ir_function *const *)ctx->defined;
  p->nfunctions = ctx->ndefined;
  return p;
}

ir_tensor *api_leaf(ir_program *p, const char *name, ir_type type, int rank) {
  const ir_expr *size[RUN_RANK];
  for (int k = 0; k < rank; k++)
    size[k] = ir_size(p, ir_symbol_new(p, base_format(p->arena, "%s.%d", name, k), false, 0));
  return ir_tensor_new(p, name, type, rank, size, IR_INPUT);
}

/* ---- forms ----------------------------------------------------------------------------------- */

static void release_plan(void *arg) {
  api_form *f = arg;
  run_plan_release(f->plan);
  run_release(f->draw);
}

static void fill(tl_context *ctx, api_form *f, const api_signature *s) {
  base_arena *arena = f->arena;
  f->name = BASE_NEWS(arena, const char *, s->n + 1);
  f->type = BASE_NEWS(arena, ir_type, s->n + 1);
  f->rank = BASE_NEWS(arena, int, s->n + 1);
  f->leaf = BASE_NEWS(arena, ir_tensor *, s->n + 1);
  f->program = api_program(ctx, arena);
  for (int i = 0; i < s->n; i++) {
    f->name[i] = base_copy(arena, s->name[i]);
    f->type[i] = s->input[i]->type;
    f->rank[i] = s->input[i]->rank;
    f->nsize += f->rank[i];
    f->leaf[i] = api_leaf(f->program, f->name[i], f->type[i], f->rank[i]);
  }
  f->given = s->given < IR_TYPES ? s->given : api_common_type(s->n, f->type);
  f->head = lang_equations(f->program, f->text->ast, s->n, f->name, f->leaf, f->given, &f->key);
  f->result = f->head->type;
  f->symbols = BASE_NEWS(arena, int64_t, f->program->symbols.n + 1);
  f->sizes = BASE_NEWS(arena, int64_t, f->nsize + 1);
}

static api_form *form_new(tl_context *ctx, api_text *text, const api_signature *s) {
  base_arena *arena = base_arena_open(ctx->base);
  base_trap trap;
  if (BASE_TRY(ctx->base, &trap)) {
    api_form *f = BASE_NEW(arena, api_form);
    *f = (api_form){.text = text, .arena = arena, .n = s->n};
    base_defer(arena, release_plan, f);
    fill(ctx, f, s);
    base_untrap(ctx->base, &trap);
    return f;
  }
  base_arena_close(arena);
  base_raise_again(ctx->base);
}

static bool serves(const api_form *f, const api_signature *s) {
  if (f->n != s->n || (s->given < IR_TYPES && s->given != f->given)) return false;
  for (int i = 0; i < s->n; i++)
    if (f->type[i] != s->input[i]->type || f->rank[i] != s->input[i]->rank ||
        strcmp(f->name[i], s->name[i]) != 0)
      return false;
  return true;
}

api_form *api_form_of(tl_context *ctx, api_text *text, const api_signature *s) {
  for (api_form *f = text->forms; f; f = f->next)
    if (serves(f, s)) return f;
  api_form *f = form_new(ctx, text, s);
  f->next = text->forms;
  return text->forms = f;
}

/* ---- the sizes of its result ----------------------------------------------------------------- */

static bool same_sizes(const api_form *f, tl_tensor *const *input) {
  const int64_t *size = f->sizes;
  for (int i = 0; i < f->n; i++)
    for (int k = 0; k < f->rank[i]; k++)
      if (*size++ != input[i]->size[k]) return false;
  return true;
}

static void check_requires(const api_form *f) {
  const ir_program *p = f->program;
  for (int i = 0; i < p->requires.n; i++) {
    const ir_require *r = &p->requires.at[i];
    int64_t left = ir_eval_size(r->left, f->symbols), right = ir_eval_size(r->right, f->symbols);
    if (r->at_most ? left <= right : left == right) continue;
    base_raise(p->ctx, BASE_ARGUMENT, r->span, "%s (%lld and %lld)", r->message, (long long)left,
               (long long)right);
  }
}

const int64_t *api_form_sizes(api_form *f, tl_tensor *const *input) {
  if (f->sized && same_sizes(f, input)) return f->head_size;
  f->sized = false;
  int64_t *size = f->sizes;
  for (int i = 0; i < f->n; i++)
    for (int k = 0; k < f->rank[i]; k++) {
      *size++ = input[i]->size[k];
      f->symbols[f->leaf[i]->size[k]->u.symbol->id] = input[i]->size[k];
    }
  check_requires(f);
  for (int k = 0; k < f->head->rank; k++)
    f->head_size[k] = ir_eval_size(f->head->size[k], f->symbols);
  f->sized = true;
  return f->head_size;
}

/* ---- run alone ------------------------------------------------------------------------------- */

static void plan(tl_context *ctx, api_form *f) {
  ir_program *p = f->program;
  f->argument = BASE_NEWS(f->arena, int, p->tensors.n + 1);
  f->value = BASE_NEWS(f->arena, run_value *, p->tensors.n + 1);
  f->nleaf = 0;
  for (int i = 0; i < p->tensors.n; i++) {
    if (p->tensors.at[i]->role == IR_DERIVED) continue;
    int k = 0;
    while (k < f->n && f->leaf[k] != p->tensors.at[i]) k++;
    f->argument[f->nleaf++] = k < f->n ? k : -1;
  }
  if (f->key && !f->draw) f->draw = run_value_new(ctx->session, IR_I64, 0, NULL, NULL);
  if (!p->outputs.n) ir_output(p, f->head);
  f->plan = run_plan_of(ctx->session, p);
}

run_value *api_form_run(tl_context *ctx, api_form *f, tl_tensor *const *input, int64_t key) {
  if (!f->plan) plan(ctx, f);
  if (f->draw) run_value_write(f->draw, &key);
  for (int i = 0; i < f->nleaf; i++)
    f->value[i] = f->argument[i] < 0 ? f->draw : input[f->argument[i]]->value;
  run_value *made = NULL;
  run_plan_execute(f->plan, f->value, &made);
  return made;
}
