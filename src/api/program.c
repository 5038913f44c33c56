/* Programs: text in the language, checked when it is loaded, run when it is told to. */
#include <string.h>

#include "api/api.h"

/* ---- loading --------------------------------------------------------------------------------- */

typedef struct loading {
  tl_context *ctx;
  const char *file, *text;       /* text NULL: the file's */
  tl_program *p;
  lang_report report;
} loading;

static void load(void *arg) {
  loading *l = arg;
  tl_program *p = l->p;
  if (!l->text) {
    io_string bytes = io_read_all(p->arena, l->file);
    l->text = base_copy_n(p->arena, bytes.at, bytes.n);
    if (strlen(l->text) != bytes.n)
      base_raise(l->ctx->base, BASE_REFUSED, base_nowhere, "%s is no text: it holds a NUL",
                 l->file);
  }
  lang_options options = api_options(l->ctx, &l->report);
  lang_piece all = {.file = l->file ? base_copy(p->arena, l->file) : NULL,
                    .text = base_copy(p->arena, l->text),
                    .n = strlen(l->text)};
  p->text = base_arena_open(l->ctx->base);
  p->checked = lang_check_pieces(p->text, 1, &all, &options);
  BASE_PUSH(p->arena, &p->pieces, all);
}

static void open_program(void *arg) {
  loading *l = arg;
  base_arena *arena = base_arena_open(l->ctx->base);
  l->p = BASE_NEW(arena, tl_program);
  *l->p = (tl_program){.ctx = l->ctx, .arena = arena};
}

static lang_output output_of(const tl_sink *sink) {
  if (!sink) return (lang_output){0};
  return (lang_output){sink->put, sink->progress, sink->user, sink->json != 0, sink->brief != 0};
}

/* The program is not there: all of its errors, where they lie. */
static void diagnose_load(const loading *l, bool first) {
  if (!first || !l->p) return;
  if (l->report.n) api_diagnose_all(l->ctx, &l->report);
  else api_diagnose(l->ctx, &(lang_source){l->file, l->text ? l->text : ""}, 1);
}

static tl_program *program_of(loading *l, const tl_sink *sink) {
  tl_context *ctx = l->ctx;
  bool first = ctx->first.status == BASE_OK;
  if (api_call(ctx, open_program, l) != TL_OK || api_call(ctx, load, l) != TL_OK) {
    diagnose_load(l, first);
    if (l->p && l->p->text) base_arena_close(l->p->text);
    if (l->p) base_arena_close(l->p->arena);
    return NULL;
  }
  tl_program *p = l->p;
  p->output = output_of(sink);
  p->next = ctx->programs;
  if (p->next) p->next->previous = p;
  ctx->programs = p;
  return p;
}

tl_program *tl_load(tl_context *ctx, const char *file, const char *text, const tl_sink *sink) {
  if (!ctx || !ctx->session) return NULL;
  loading l = {.ctx = ctx, .file = file, .text = text};
  if (text) return program_of(&l, sink);
  api_refuse(ctx, BASE_ARGUMENT, "tl_load: the text is NULL");
  return NULL;
}

tl_program *tl_load_file(tl_context *ctx, const char *file, const tl_sink *sink) {
  if (!ctx || !ctx->session) return NULL;
  loading l = {.ctx = ctx, .file = file};
  if (file) return program_of(&l, sink);
  api_refuse(ctx, BASE_ARGUMENT, "tl_load_file: the file is NULL");
  return NULL;
}

void api_program_free(tl_program *p) {
  if (p->previous) p->previous->next = p->next;
  else p->ctx->programs = p->next;
  if (p->next) p->next->previous = p->previous;
  lang_machine_close(p->machine);
  base_arena_close(p->text);
  base_arena_close(p->arena);
}

void tl_program_release(tl_program *p) {
  if (p) api_program_free(p);
}

/* ---- running --------------------------------------------------------------------------------- */

typedef struct job {
  tl_program *p;
  const char *name, *wrt;
  run_value *value;
  tl_tensor *made;
  int json;
  char *text;
} job;

static tl_status do_job(job *j, void (*work)(void *)) {
  const lang_program *checked = j->p->checked;
  return api_call_on(j->p->ctx, work, j, checked->sources.at, checked->sources.n);
}

lang_machine *api_machine_of(tl_program *p) {
  if (!p->machine) p->machine = lang_machine_open(p->ctx->session, p->checked, &p->output);
  return p->machine;
}

static lang_tensor *find(const job *j) {
  lang_tensor *t = lang_find(j->p->checked, j->name);
  if (t) return t;
  if (lang_find_relation(j->p->checked, j->name))
    base_raise(j->p->ctx->base, BASE_ARGUMENT, base_nowhere,
               "`%s` is a relation\nhelp: tl_query asks for its tuples, tl_set_rows sets them",
               j->name);
  const lang_program *checked = j->p->checked;
  const char **names = BASE_NEWS(checked->arena, const char *, checked->tensors.n + 1);
  for (int i = 0; i < checked->tensors.n; i++) names[i] = checked->tensors.at[i]->name;
  const char *near = lang_did_you_mean(j->name, names, checked->tensors.n);
  if (near)
    base_raise(checked->ctx, BASE_ARGUMENT, base_nowhere,
               "the program has no tensor `%s`\nhelp: did you mean `%s`?", j->name, near);
  base_raise(checked->ctx, BASE_ARGUMENT, base_nowhere, "the program has no tensor `%s`", j->name);
}

static void run(void *arg) { lang_machine_run(api_machine_of(((job *)arg)->p)); }

tl_status tl_run(tl_program *p) {
  job j = {.p = p};
  return p ? do_job(&j, run) : TL_ARGUMENT;
}

static void get(void *arg) {
  job *j = arg;
  run_value *v = lang_machine_value(api_machine_of(j->p), find(j));
  j->made = api_tensor_of(j->p->ctx, v);
}

tl_tensor *tl_get(tl_program *p, const char *name) {
  if (!p) return NULL;
  job j = {.p = p, .name = name};
  if (name) do_job(&j, get);
  else api_refuse(p->ctx, BASE_ARGUMENT, "tl_get: the name is NULL");
  return j.made;
}

static void set(void *arg) {
  job *j = arg;
  lang_machine_set(api_machine_of(j->p), find(j), j->value);
}

tl_status tl_set(tl_program *p, const char *name, tl_tensor *value) {
  if (!p) return TL_ARGUMENT;
  if (!name || !value)
    return api_refuse(p->ctx, BASE_ARGUMENT, "tl_set: %s is NULL", name ? name : "the name");
  if (value->ctx != p->ctx)
    return api_refuse(p->ctx, BASE_ARGUMENT, "tl_set: %s is a tensor of another context", name);
  tl_status status = tl_eval(1, &value);
  job j = {.p = p, .name = name, .value = value->value};
  return status == TL_OK ? do_job(&j, set) : status;
}

/* ---- texts about it -------------------------------------------------------------------------- */

static void keep_text(job *j, const base_text *text) {
  j->text = base_malloc(j->p->ctx->base, text->n + 1);
  memcpy(j->text, text->at, text->n + 1);
}

static void write_gradient(base_arena *arena, void *arg) {
  job *j = arg;
  base_text text = base_text_open(arena);
  lang_gradient_text(j->p->checked, j->name, j->wrt, &text);
  keep_text(j, &text);
}

static void write_explanation(base_arena *arena, void *arg) {
  job *j = arg;
  base_text text = base_text_open(arena);
  lang_machine_explain(api_machine_of(j->p), &text, j->json != 0);
  keep_text(j, &text);
}

static void gradient(void *arg) { api_in_arena(((job *)arg)->p->ctx->base, write_gradient, arg); }
static void explain(void *arg) { api_in_arena(((job *)arg)->p->ctx->base, write_explanation, arg); }

char *tl_gradient_text(tl_program *p, const char *loss, const char *wrt) {
  if (!p) return NULL;
  job j = {.p = p, .name = loss, .wrt = wrt};
  if (loss) do_job(&j, gradient);
  else api_refuse(p->ctx, BASE_ARGUMENT, "tl_gradient_text: the loss is NULL");
  return j.text;
}

char *tl_explain(tl_program *p, int json) {
  if (!p) return NULL;
  job j = {.p = p, .json = json};
  do_job(&j, explain);
  return j.text;
}
