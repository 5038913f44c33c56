/* Functions in C of single elements, which texts call by name. */
#include <ctype.h>
#include <string.h>

#include "api/api.h"

typedef struct defining {
  tl_context *ctx;
  const char *name;
  int n;
  tl_map map;
  const tl_map *derivatives;
  void *user;
} defining;

/* One block: the function, its derivatives behind it, then the names of all. */
typedef struct block {
  ir_function function, derivative[IR_FUNCTION_ARGUMENTS];
} block;

static void define(void *arg) {
  const defining *d = arg;
  tl_context *ctx = d->ctx;
  size_t length = strlen(d->name) + 4; /* "f'1" is the derivative by argument 1 */
  ir_function **list = base_malloc(ctx->base, sizeof *list * (size_t)(ctx->ndefined + 1));
  block *b = base_try_malloc(ctx->base, sizeof *b + length * (size_t)(d->n + 1));
  if (!b) {
    base_free(ctx->base, list);
    base_raise(ctx->base, BASE_MEMORY, base_nowhere, "out of memory: the function %s", d->name);
  }
  char *name = (char *)(b + 1);
  *b = (block){.function = {.name = strcpy(name, d->name), .n = d->n, .map = d->map}};
  b->function.user = d->user;
  for (int k = 0; d->derivatives && k < d->n; k++) {
    if (!d->derivatives[k]) continue;
    name += length;
    strcpy(name, d->name);
    strcat(name, (char[]){'\'', (char)('0' + k), 0});
    b->derivative[k] = (ir_function){.name = name, .n = d->n, .user = d->user};
    b->derivative[k].map = d->derivatives[k];
    b->function.derivative[k] = &b->derivative[k];
  }
  for (int i = 0; i < ctx->ndefined; i++) list[i] = ctx->defined[i];
  list[ctx->ndefined++] = &b->function;
  base_free(ctx->base, ctx->defined);
  ctx->defined = list;
}

void api_defined_free(tl_context *ctx) {
  for (int i = 0; i < ctx->ndefined; i++) base_free(ctx->base, ctx->defined[i]);
  base_free(ctx->base, ctx->defined);
}

lang_options api_options(const tl_context *ctx, lang_report *report) {
  lang_options options = {.type = IR_F32, .report = report, .nfunctions = ctx->ndefined};
  options.functions = (const ir_function *const *)ctx->defined;
  return options;
}

static bool is_word(const char *name) {
  if (!islower((unsigned char)*name)) return false;
  for (const char *at = name; *at; at++)
    if (!isalnum((unsigned char)*at) && *at != '_') return false;
  return true;
}

/* What is wrong with the name; NULL: nothing. */
static const char *fault(const tl_context *ctx, const char *name) {
  if (!is_word(name)) return "is no name of a function: those are lower-case words";
  if (lang_is_reserved(name) || lang_is_command(name)) return "is a word of the language";
  for (int i = 0; i < ctx->ndefined; i++)
    if (strcmp(ctx->defined[i]->name, name) == 0) return "is defined already";
  return NULL;
}

tl_status tl_define(tl_context *ctx, const char *name, int arguments, tl_map f,
                    const tl_map *derivatives, void *user) {
  if (!ctx) return TL_ARGUMENT;
  if (!name || !f)
    return api_refuse(ctx, BASE_ARGUMENT, "tl_define: the %s is NULL", name ? "function" : "name");
  const char *on = ctx->session ? run_device(ctx->session)->name : "none";
  if (strcmp(on, "cpu") != 0 && strcmp(on, "ref") != 0)
    return api_refuse(ctx, BASE_DEVICE,
                      "tl_define: functions in C run on the devices cpu and ref; this one is %s",
                      on);
  const char *wrong = fault(ctx, name);
  if (wrong) return api_refuse(ctx, BASE_ARGUMENT, "tl_define: `%s` %s", name, wrong);
  if (arguments < 1 || arguments > IR_FUNCTION_ARGUMENTS)
    return api_refuse(ctx, BASE_ARGUMENT, "tl_define: %s takes 1 to %d arguments, not %d", name,
                      IR_FUNCTION_ARGUMENTS, arguments);
  defining d = {ctx, name, arguments, f, derivatives, user};
  return api_call(ctx, define, &d);
}
