/* The context: opened, closed, its errors and statistics. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/api.h"

_Static_assert((int)TL_IO == (int)BASE_IO && (int)TL_MEMORY == (int)BASE_MEMORY &&
                   (int)TL_INTERRUPTED == (int)BASE_INTERRUPTED &&
                   (int)TL_REFUSED == (int)BASE_REFUSED,
               "tl_status and base_status are the same numbers");
_Static_assert((int)TL_F16 == (int)IR_F16 && (int)TL_BOOL == (int)IR_BOOL,
               "tl_type and ir_type are the same numbers");

static bool is_type(tl_type type) { return (unsigned)type < IR_TYPES; }

const char *tl_version(void) { return TL_VERSION; }
const char *tl_type_name(tl_type type) { return is_type(type) ? ir_type_name((ir_type)type) : "?"; }
size_t tl_type_bytes(tl_type type) { return is_type(type) ? ir_type_bytes((ir_type)type) : 0; }

/* ---- errors ---------------------------------------------------------------------------------- */

static bool attempt(tl_context *ctx, void (*work)(void *), void *arg) {
  base_trap trap;
  if (BASE_TRY(ctx->base, &trap)) {
    work(arg);
    base_untrap(ctx->base, &trap);
    return true;
  }
  return false;
}

tl_status api_call(tl_context *ctx, void (*work)(void *), void *arg) {
  if (attempt(ctx, work, arg)) return TL_OK;
  const base_error *error = base_last(ctx->base);
  if (ctx->first.status == BASE_OK) ctx->first = *error;
  return (tl_status)error->status;
}

tl_status api_call_on(tl_context *ctx, void (*work)(void *), void *arg, const lang_source *sources,
                      int n) {
  bool first = ctx->first.status == BASE_OK;
  tl_status status = api_call(ctx, work, arg);
  if (status != TL_OK && first) api_diagnose(ctx, sources, n);
  return status;
}

tl_status api_refuse(tl_context *ctx, base_status status, const char *format, ...) {
  if (ctx->first.status == BASE_OK) {
    va_list args;
    va_start(args, format);
    ctx->first.span = base_nowhere;
    ctx->first.status = status;
    vsnprintf(ctx->first.message, sizeof ctx->first.message, format, args);
    va_end(args);
  }
  return (tl_status)status;
}

tl_status tl_last(const tl_context *ctx) { return ctx ? (tl_status)ctx->first.status : TL_MEMORY; }

const char *tl_message(const tl_context *ctx) {
  if (!ctx) return "out of memory";
  return ctx->first.status == BASE_OK ? "" : ctx->first.message;
}

static void drop_diagnosis(tl_context *ctx) {
  base_free(ctx->base, ctx->diagnosis);
  base_free(ctx->base, ctx->diagnosis_json);
  ctx->diagnosis = ctx->diagnosis_json = NULL;
}

void tl_clear(tl_context *ctx) {
  if (!ctx) return;
  ctx->first.status = BASE_OK;
  base_clear(ctx->base);
  drop_diagnosis(ctx);
}

/* ---- diagnosis: the error with its source line ----------------------------------------------- */

typedef struct diagnosing {
  tl_context *ctx;
  const lang_report *report;
} diagnosing;

static char *kept(tl_context *ctx, const base_text *t) {
  char *copy = base_malloc(ctx->base, t->n + 1);
  memcpy(copy, t->at, t->n + 1);
  return copy;
}

static void write_diagnosis(base_arena *arena, void *arg) {
  const diagnosing *d = arg;
  base_text text = base_text_open(arena), json = base_text_open(arena);
  lang_diagnose_all(&text, d->report, false);
  lang_diagnose_all(&json, d->report, true);
  d->ctx->diagnosis = kept(d->ctx, &text);
  d->ctx->diagnosis_json = kept(d->ctx, &json);
}

static void diagnose(void *arg) {
  const diagnosing *d = arg;
  api_in_arena(d->ctx->base, write_diagnosis, arg);
}

/* What spans point at goes with the sources: the texts are all that is left of it. */
void api_diagnose_all(tl_context *ctx, const lang_report *report) {
  diagnosing d = {ctx, report};
  drop_diagnosis(ctx);
  attempt(ctx, diagnose, &d);
  ctx->first.span = base_nowhere;
}

void api_diagnose(tl_context *ctx, const lang_source *sources, int n) {
  lang_report one = {.n = 1, .error = {&ctx->first}};
  one.sources.at = (lang_source *)(uintptr_t)sources;
  one.sources.n = n;
  api_diagnose_all(ctx, &one);
}

char *tl_diagnosis(tl_context *ctx, int json) {
  if (!ctx || ctx->first.status == BASE_OK) return NULL;
  if (!ctx->diagnosis_json) api_diagnose(ctx, NULL, 0);
  const char *text = json ? ctx->diagnosis_json : ctx->diagnosis;
  if (!text) text = ctx->first.message;
  char *copy = base_try_malloc(ctx->base, strlen(text) + 1);
  return copy ? strcpy(copy, text) : NULL;
}

void tl_free_text(tl_context *ctx, char *text) {
  if (ctx) base_free(ctx->base, text);
}

/* ---- arenas ---------------------------------------------------------------------------------- */

void api_in_arena(base_ctx *base, void (*work)(base_arena *, void *), void *arg) {
  base_arena *arena = base_arena_open(base);
  base_trap trap;
  if (BASE_TRY(base, &trap)) {
    work(arena, arg);
    base_untrap(base, &trap);
  } else {
    base_arena_close(arena);
    base_raise_again(base);
  }
  base_arena_close(arena);
}

/* ---- open and close -------------------------------------------------------------------------- */

typedef struct opening {
  tl_context *ctx;
  run_config config;
} opening;

static void open_session(void *arg) {
  opening *o = arg;
  o->ctx->session = run_open(o->ctx->base, &o->config);
}

tl_context *tl_open(const tl_options *options) {
  tl_options o = options ? *options : (tl_options){0};
  bool half = !o.alloc != !o.release;
  base_hooks hooks = {.log = o.log, .user = o.user};
  if (!half) hooks.alloc = o.alloc, hooks.release = o.release;
  base_ctx *base = base_open(&hooks);
  tl_context *ctx = base ? base_try_malloc(base, sizeof *ctx) : NULL;
  if (!ctx) {
    if (base) base_close(base);
    return NULL;
  }
  *ctx = (tl_context){.base = base};
  opening opening_ = {ctx, {.device = o.device, .threads = o.threads, .cuda_device = o.cuda_device,
                            .cuda_stream = o.cuda_stream}};
  if (half) api_refuse(ctx, BASE_ARGUMENT, "tl_open takes alloc and release together, or neither");
  else api_call(ctx, open_session, &opening_);
  return ctx;
}

void tl_close(tl_context *ctx) {
  if (!ctx) return;
  while (ctx->rows) api_rows_free(ctx->rows);
  while (ctx->programs) api_program_free(ctx->programs);
  while (ctx->functions) api_function_free(ctx->functions);
  while (ctx->tensors) api_tensor_free(ctx->tensors);
  api_spares_free(ctx);
  api_parts_free(ctx);
  api_operations_free(ctx);
  api_texts_free(ctx);
  api_defined_free(ctx);
  run_close(ctx->session);
  drop_diagnosis(ctx);
  base_ctx *base = ctx->base;
  base_free(base, ctx);
  base_close(base);
}

void tl_interrupt(tl_context *ctx) {
  if (ctx) base_interrupt(ctx->base);
}

void tl_seed(tl_context *ctx, int64_t seed) {
  if (!ctx) return;
  ctx->seed = seed;
  ctx->draws = 0;
}

/* ---- statistics ------------------------------------------------------------------------------ */

tl_stats tl_statistics(const tl_context *ctx) {
  tl_stats s = {0};
  if (!ctx || !ctx->session) return s;
  run_stats r = run_statistics(ctx->session);
  device_pool_stats p = run_pool_statistics(ctx->session);
  s.plans_made = r.plans_made;
  s.plans_found = r.plans_found;
  s.bindings_made = r.bindings_made;
  s.runs = r.runs;
  s.kernels = r.kernels;
  s.allocations = p.allocations;
  s.reuses = p.reuses;
  s.system_allocations = p.system_allocations;
  s.bytes_in_use = p.in_use;
  s.bytes_cached = p.cached;
  s.bytes_peak = p.peak;
  return s;
}

void tl_shrink(tl_context *ctx, size_t keep_bytes) {
  if (ctx && ctx->session) run_shrink(ctx->session, keep_bytes);
}
