/* Sessions: programs that grow piece by piece, and what a prompt asks about them. */
#include <string.h>

#include "api/api.h"

/* ---- the next version of a program ----------------------------------------------------------- */

typedef struct entering {
  tl_program *p;
  const char *file, *text;       /* NULL: only NAME is to be forgotten */
  const char *name;
  int n;
  lang_piece *piece;             /* all of the next version */
  base_arena *arena;             /* of what is checked */
  lang_program *checked;
  lang_machine *machine;
  lang_report report;
} entering;

static void gather_pieces(entering *e) {
  tl_program *p = e->p;
  e->n = p->pieces.n + (e->text != NULL);
  e->piece = BASE_NEWS(p->arena, lang_piece, e->n + 1);
  for (int k = 0; k < p->pieces.n; k++) {
    e->piece[k] = p->pieces.at[k];
    e->piece[k].past = true;
    if (!e->piece[k].file) e->piece[k].file = base_format(p->arena, "input %d", k);
    if (e->name) lang_forget(p->arena, &e->piece[k], e->name);
  }
  if (!e->text) return;
  e->piece[e->n - 1] = (lang_piece){.file = e->file ? base_copy(p->arena, e->file) : NULL,
                                    .text = base_copy(p->arena, e->text),
                                    .n = strlen(e->text)};
  lang_replace(p->arena, e->n, e->piece);
}

static void check_pieces(void *arg) {
  entering *e = arg;
  tl_program *p = e->p;
  gather_pieces(e);
  e->arena = base_arena_open(p->ctx->base);
  lang_options options = api_options(p->ctx, &e->report);
  e->checked = lang_check_pieces(e->arena, e->n, e->piece, &options);
  e->machine = lang_machine_open(p->ctx->session, e->checked, &p->output);
  base_map *changed = base_map_open(e->arena);
  if (e->text) lang_defined(e->arena, &e->piece[e->n - 1], changed);
  if (p->machine) lang_machine_adopt(e->machine, p->machine, changed);
  BASE_VEC(lang_piece) pieces = {NULL, 0, 0};
  for (int k = 0; k < e->n; k++) BASE_PUSH(p->arena, &pieces, e->piece[k]);
  p->pieces.at = pieces.at;
  p->pieces.n = pieces.n;
  p->pieces.cap = pieces.cap;
}

/* The version that is left behind goes; or, of an error, the one that was begun. */
static tl_status change(entering *e) {
  tl_program *p = e->p;
  bool first = p->ctx->first.status == BASE_OK;
  tl_status status = api_call(p->ctx, check_pieces, e);
  if (status != TL_OK) {
    if (first && e->report.n) api_diagnose_all(p->ctx, &e->report);
    else if (first) api_diagnose(p->ctx, NULL, 0);
    lang_machine_close(e->machine);
    if (e->arena) base_arena_close(e->arena);
    return status;
  }
  lang_machine_close(p->machine);
  base_arena_close(p->text);
  p->text = e->arena;
  p->checked = e->checked;
  p->machine = e->machine;
  return TL_OK;
}

tl_status tl_enter(tl_program *p, const char *file, const char *text) {
  if (!p) return TL_ARGUMENT;
  if (!text) return api_refuse(p->ctx, BASE_ARGUMENT, "tl_enter: the text is NULL");
  entering e = {.p = p, .file = file, .text = text};
  tl_status status = change(&e);
  return status == TL_OK ? tl_run(p) : status;
}

static bool is_defined(const tl_program *p, const char *name) {
  return lang_find(p->checked, name) || lang_find_relation(p->checked, name);
}

tl_status tl_forget(tl_program *p, const char *name) {
  if (!p) return TL_ARGUMENT;
  if (!name) return api_refuse(p->ctx, BASE_ARGUMENT, "tl_forget: the name is NULL");
  if (!is_defined(p, name))
    return api_refuse(p->ctx, BASE_ARGUMENT, "the program has no `%s`", name);
  entering e = {.p = p, .name = name};
  return change(&e);
}

int tl_unfinished(tl_context *ctx, const char *text) {
  return ctx && text && lang_unfinished(ctx->base, text);
}

/* ---- texts ----------------------------------------------------------------------------------- */

typedef struct asking {
  tl_program *p;
  const char *word;
  void (*write)(base_arena *arena, struct asking *a, base_text *text);
  char *text;
} asking;

static void write_and_keep(base_arena *arena, void *arg) {
  asking *a = arg;
  base_text text = base_text_open(arena);
  a->write(arena, a, &text);
  a->text = base_malloc(a->p->ctx->base, text.n + 1);
  memcpy(a->text, text.at, text.n);
  a->text[text.n] = 0;
}

static void ask_in_arena(void *arg) {
  api_in_arena(((asking *)arg)->p->ctx->base, write_and_keep, arg);
}

static char *ask(tl_program *p, const char *word,
                 void (*write)(base_arena *, asking *, base_text *)) {
  if (!p) return NULL;
  asking a = {.p = p, .word = word, .write = write};
  api_call(p->ctx, ask_in_arena, &a);
  return a.text;
}

static void write_text(base_arena *arena, asking *a, base_text *text) {
  for (int k = 0; k < a->p->pieces.n; k++)
    lang_lasting(arena, &a->p->pieces.at[k], text);
}

char *tl_text(tl_program *p) { return ask(p, NULL, write_text); }

static void write_descriptions(base_arena *arena, asking *a, base_text *text) {
  if (a->word) {
    if (lang_describe(a->p->checked, a->word, text)) return;
    base_raise(a->p->ctx->base, BASE_ARGUMENT, base_nowhere, "the program has no `%s`", a->word);
  }
  base_map *names = base_map_open(arena);
  for (int k = 0; k < a->p->pieces.n; k++) lang_defined(arena, &a->p->pieces.at[k], names);
  for (int i = 0; i < base_map_count(names); i++) {
    const void *key;
    size_t n;
    base_map_at(names, i, &key, &n);
    lang_describe(a->p->checked, base_copy_n(arena, key, n), text);
  }
}

char *tl_describe(tl_program *p, const char *name) { return ask(p, name, write_descriptions); }

static void write_completions(base_arena *arena, asking *a, base_text *text) {
  (void)arena;
  lang_complete(a->p->checked, a->word, text);
}

char *tl_complete(tl_program *p, const char *prefix) {
  return ask(p, prefix ? prefix : "", write_completions);
}
