/* Handles as one program, and its plan. What the program is follows from the forms of the
 * equations, who reads whom, and the types and ranks of what is there: by that the plan is found
 * again, and nothing is lowered, differentiated or hashed anew when the same steps are taken once
 * more. */
#include <string.h>

#include "api/api.h"

enum { KNOWN = 128 }; /* plans kept, least recently used out */

struct api_part {
  api_part *next; /* of its bucket */
  uint64_t hash, used;
  base_arena *arena;
  const void *key;
  size_t nkey;
  run_plan *plan;
  int nleaf, *source; /* by leaf of the plan: number in the order of the key */
  int ntexts;
  api_text **text; /* retained: their forms are in the key */
};

typedef struct build {
  tl_context *ctx;
  base_arena *arena;
  int n;
  tl_tensor **part; /* what is computed, oldest first */
  uint64_t number;  /* marks what is in it, and in the program */
  base_text key;
  BASE_VEC(run_value *) values; /* of leaves, as the key meets them */
  BASE_VEC(run_value *) own;    /* keys of draws among them */
  int nkept;
  tl_tensor **kept; /* whose values are wanted, or used by those that come later */
  ir_program *program;
  BASE_VEC(ir_tensor *) leaves; /* in the same order */
} build;

/* ---- the key ----------------------------------------------------------------------------------
 */

static void put(build *b, int64_t number) {
  base_put_n(&b->key, (const char *)&number, sizeof number);
}

static void put_input(build *b, tl_tensor *t) {
  if (t->built != b->number) {
    t->built = b->number;
    t->place = -1 - b->values.n;
    BASE_PUSH(b->arena, &b->values, t->value);
    put(b, (int64_t)t->type * 64 + t->rank);
  }
  put(b, t->place);
}

static void put_handle(build *b, tl_tensor *t, int place, uint64_t end) {
  bool draws = t->kind == API_EQUATION && t->form->key;
  put(b, t->kind == API_EQUATION ? (int64_t)(uintptr_t)t->form : 0);
  for (int i = 0; i < t->n; i++) put_input(b, t->input[i]);
  if (draws) {
    run_value *key = run_value_new(b->ctx->session, IR_I64, 0, NULL, &t->key);
    BASE_PUSH(b->arena, &b->own, key);
    BASE_PUSH(b->arena, &b->values, key);
  }
  t->built = b->number;
  t->place = place;
  bool kept = !t->value && t->last > end;
  put(b, kept);
  if (kept) b->kept[b->nkept++] = t;
}

static void write_key(build *b) {
  uint64_t end = b->part[b->n - 1]->serial;
  b->number = ++b->ctx->build;
  b->key = base_text_open(b->arena);
  b->kept = BASE_NEWS(b->arena, tl_tensor *, b->n);
  for (int i = 0; i < b->n; i++) put_handle(b, b->part[i], i, end);
}

/* ---- plans that were made before ---------------------------------------------------------------
 */

static void free_part(tl_context *ctx, api_part *k) {
  run_plan_release(k->plan);
  for (int i = 0; i < k->ntexts; i++) api_text_release(ctx, k->text[i]);
  base_arena_close(k->arena);
}

void api_parts_free(tl_context *ctx) {
  for (int i = 0; i < API_TEXTS; i++)
    for (api_part *k = ctx->parts[i], *next; k; k = next) {
      next = k->next;
      free_part(ctx, k);
    }
  memset(ctx->parts, 0, sizeof ctx->parts);
  ctx->nparts = 0;
}

static void drop_oldest(tl_context *ctx) {
  api_part **oldest = NULL;
  for (int i = 0; i < API_TEXTS; i++)
    for (api_part **at = &ctx->parts[i]; *at; at = &(*at)->next)
      if (!oldest || (*at)->used < (*oldest)->used) oldest = at;
  api_part *k = *oldest;
  *oldest = k->next;
  ctx->nparts--;
  free_part(ctx, k);
}

static api_part *known_part(const build *b, uint64_t hash) {
  for (api_part *k = b->ctx->parts[hash % API_TEXTS]; k; k = k->next)
    if (k->hash == hash && k->nkey == b->key.n && memcmp(k->key, b->key.at, k->nkey) == 0) return k;
  return NULL;
}

/* ---- a new one ----------------------------------------------------------------------------------
 */

static ir_tensor *input_of(build *b, tl_tensor *t, const char *name) {
  if (t->built == b->number) return t->ir;
  t->built = b->number;
  t->ir = api_leaf(b->program, name, t->type, t->rank);
  BASE_PUSH(b->arena, &b->leaves, t->ir);
  return t->ir;
}

static ir_tensor *build_equation(build *b, tl_tensor *t) {
  const api_form *form = t->form;
  ir_tensor **input = BASE_NEWS(b->arena, ir_tensor *, t->n + 1), *draw = NULL;
  for (int i = 0; i < t->n; i++) input[i] = input_of(b, t->input[i], form->name[i]);
  ir_tensor *made =
      lang_equations(b->program, form->text->ast, t->n, form->name, input, form->given, &draw);
  if (draw) BASE_PUSH(b->arena, &b->leaves, draw);
  return made;
}

static ir_tensor *build_gradient(build *b, tl_tensor *t) {
  ir_tensor *loss = input_of(b, t->input[0], "Loss"), *wrt = input_of(b, t->input[1], "X"), *grad;
  pass_gradient(b->program, loss, 0, 1, &wrt, &grad);
  return grad;
}

static void build_program(build *b) {
  int kept = 0;
  b->program = api_program(b->ctx, b->arena);
  b->number = ++b->ctx->build;
  for (int i = 0; i < b->n; i++) {
    tl_tensor *t = b->part[i];
    t->ir = t->kind == API_GRADIENT ? build_gradient(b, t) : build_equation(b, t);
    t->built = b->number;
    if (kept == b->nkept || b->kept[kept] != t) continue;
    ir_output(b->program, t->ir);
    kept++;
  }
}

static void number_leaves(const build *b, api_part *k) {
  const ir_program *p = b->program;
  k->source = BASE_NEWS(k->arena, int, b->leaves.n + 1);
  for (int i = 0; i < p->tensors.n; i++) {
    if (p->tensors.at[i]->role == IR_DERIVED) continue;
    int place = 0;
    while (b->leaves.at[place] != p->tensors.at[i]) place++;
    k->source[k->nleaf++] = place;
  }
}

static void retain_texts(const build *b, api_part *k) {
  k->text = BASE_NEWS(k->arena, api_text *, b->n);
  for (int i = 0; i < b->n; i++) {
    if (b->part[i]->kind != API_EQUATION) continue;
    k->text[k->ntexts] = b->part[i]->form->text;
    k->text[k->ntexts++]->refs++;
  }
}

static api_part *part_new(build *b, uint64_t hash) {
  base_arena *arena = base_arena_open(b->ctx->base);
  base_trap trap;
  if (BASE_TRY(b->ctx->base, &trap)) {
    api_part *k = BASE_NEW(arena, api_part);
    *k = (api_part){.hash = hash, .arena = arena, .nkey = b->key.n};
    k->key = base_copy_n(arena, b->key.at, b->key.n);
    build_program(b);
    number_leaves(b, k);
    retain_texts(b, k); /* nothing raises from here on but the plan */
    base_untrap(b->ctx->base, &trap);
    return k;
  }
  base_arena_close(arena);
  base_raise_again(b->ctx->base);
}

static api_part *part_of(build *b) {
  uint64_t hash = base_hash(b->key.at, b->key.n, 0);
  api_part *k = known_part(b, hash);
  if (!k) {
    if (b->ctx->nparts == KNOWN) drop_oldest(b->ctx);
    k = part_new(b, hash);
    k->next = b->ctx->parts[hash % API_TEXTS];
    b->ctx->parts[hash % API_TEXTS] = k;
    b->ctx->nparts++;
  }
  k->used = ++b->ctx->build;
  if (k->plan) return k;
  if (!b->program) build_program(b); /* planning failed the last time */
  k->plan = run_plan_of(b->ctx->session, b->program);
  return k;
}

/* ---- running ------------------------------------------------------------------------------------
 */

static void release_own(void *arg) {
  build *b = arg;
  for (int i = 0; i < b->own.n; i++) run_release(b->own.at[i]);
}

static void run(base_arena *arena, void *arg) {
  build *b = arg;
  b->arena = arena;
  base_defer(arena, release_own, b);
  write_key(b);
  const api_part *k = part_of(b);
  run_value **leaf = BASE_NEWS(arena, run_value *, k->nleaf + 1);
  run_value **result = BASE_NEWS(arena, run_value *, b->nkept + 1);
  for (int i = 0; i < k->nleaf; i++) leaf[i] = b->values.at[k->source[i]];
  run_plan_execute(k->plan, leaf, result);
  for (int i = 0; i < b->nkept; i++) b->kept[i]->value = result[i];
}

void api_part_run(tl_context *ctx, int n, tl_tensor **part) {
  build b = {.ctx = ctx, .n = n, .part = part};
  api_in_arena(ctx->base, run, &b);
}
