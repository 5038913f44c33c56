/* Rows of relations and tensors, out by questions and in as facts. */
#include <math.h>
#include <string.h>

#include "api/api.h"

struct tl_rows {
  tl_context *ctx;
  tl_rows *next, *previous;
  base_arena *arena; /* holds it all */
  lang_rows rows;
  const char **symbol; /* by number in the engine; those in the rows */
  int64_t at;          /* -1: before the first */
};

/* ---- asking ---------------------------------------------------------------------------------- */

typedef struct asking {
  tl_program *p;
  const char *question;
  tl_rows *made;
  base_arena *arena; /* of the rows */
  lang_source source;
} asking;

/* Names outlive the program: it may go on to its next version. */
static void keep_symbols(tl_rows *r, const rel_engine *engine) {
  lang_rows *rows = &r->rows;
  int64_t n = engine ? rel_symbol_count(engine) : 0;
  r->symbol = BASE_NEWS(r->arena, const char *, n + 1);
  for (int k = 0; k < rows->width; k++)
    for (int64_t i = 0; i < rows->n; i++) {
      int64_t key = rows->column[k][i];
      if (!engine || !rel_is_symbol(key) || r->symbol[key - INT64_MIN]) continue;
      r->symbol[key - INT64_MIN] = base_copy(r->arena, rel_symbol_name(engine, key));
    }
  lang_domain **domain = BASE_NEWS(r->arena, lang_domain *, rows->width + 1);
  const char **name = BASE_NEWS(r->arena, const char *, rows->width + 1);
  for (int k = 0; k < rows->width; k++) {
    const lang_domain *d = rows->domain[k];
    name[k] = base_copy(r->arena, rows->name[k]);
    if (!d) continue;
    domain[k] = BASE_NEW(r->arena, lang_domain);
    domain[k]->n = d->n;
    domain[k]->symbol = BASE_NEWS(r->arena, const char *, d->n + 1);
    for (int64_t i = 0; i < d->n; i++) domain[k]->symbol[i] = base_copy(r->arena, d->symbol[i]);
  }
  rows->domain = domain;
  rows->name = name;
  rows->engine = NULL;
}

static lang_piece *with_question(asking *q, base_arena *job, int *n) {
  const tl_program *p = q->p;
  *n = p->pieces.n + 1;
  lang_piece *piece = BASE_NEWS(job, lang_piece, *n);
  for (int k = 0; k < p->pieces.n; k++) {
    piece[k] = p->pieces.at[k];
    piece[k].past = true;
    if (!piece[k].file) piece[k].file = base_format(job, "input %d", k);
  }
  piece[*n - 1] = (lang_piece){.text = q->question, .n = strlen(q->question)};
  return piece;
}

static void close_machine(void *m) { lang_machine_close(m); }

/* As the last query of a program that is the same otherwise. */
static void ask_program(asking *q, base_arena *job, lang_machine *now, lang_rows *rows) {
  int n;
  lang_piece *piece = with_question(q, job, &n);
  lang_options options = api_options(q->p->ctx, NULL);
  lang_program *checked = lang_check_pieces(job, n, piece, &options);
  lang_machine *m = lang_machine_open(q->p->ctx->session, checked, NULL);
  base_defer(job, close_machine, m); /* before the program goes, in the same arena */
  lang_machine_adopt(m, now, base_map_open(job));
  lang_machine_answer(m, q->arena, rows);
}

static void ask(base_arena *job, void *arg) {
  asking *q = arg;
  size_t n = strlen(q->question);
  while (n && strchr(" \n\t", q->question[n - 1])) n--;
  bool marked = n && q->question[n - 1] == '?';
  q->question = base_format(job, "%.*s%s", (int)n, q->question, marked ? "" : "?");
  tl_rows *r = BASE_NEW(q->arena, tl_rows);
  *r = (tl_rows){.ctx = q->p->ctx, .arena = q->arena, .at = -1};
  lang_ast *ast = lang_parse(job, NULL, q->question, strlen(q->question));
  lang_machine *now = api_machine_of(q->p);
  if (!lang_machine_ask(now, q->arena, ast, &r->rows)) ask_program(q, job, now, &r->rows);
  keep_symbols(r, r->rows.engine);
  q->made = r;
}

static void query(void *arg) {
  asking *q = arg;
  tl_context *ctx = q->p->ctx;
  q->arena = base_arena_open(ctx->base);
  base_trap trap;
  bool fine = BASE_TRY(ctx->base, &trap);
  if (fine) {
    api_in_arena(ctx->base, ask, q);
    base_untrap(ctx->base, &trap);
  }
  if (fine) return;
  base_arena_close(q->arena);
  base_raise_again(ctx->base);
}

tl_rows *tl_query(tl_program *p, const char *question) {
  if (!p) return NULL;
  asking q = {.p = p, .question = question, .source = {NULL, question}};
  if (!question) {
    api_refuse(p->ctx, BASE_ARGUMENT, "tl_query: the question is NULL");
    return NULL;
  }
  if (api_call_on(p->ctx, query, &q, &q.source, 1) != TL_OK) return NULL;
  tl_rows *r = q.made;
  r->next = p->ctx->rows;
  if (r->next) r->next->previous = r;
  p->ctx->rows = r;
  return r;
}

void api_rows_free(tl_rows *r) {
  if (r->previous)
    r->previous->next = r->next;
  else
    r->ctx->rows = r->next;
  if (r->next) r->next->previous = r->previous;
  base_arena_close(r->arena);
}

void tl_rows_release(tl_rows *r) {
  if (r) api_rows_free(r);
}

/* ---- row by row ------------------------------------------------------------------------------ */

int tl_next(tl_rows *r) {
  if (!r || r->at >= r->rows.n) return 0;
  return ++r->at < r->rows.n;
}

int64_t tl_row_count(const tl_rows *r) { return r ? r->rows.n : -1; }
int tl_columns(const tl_rows *r) { return r ? r->rows.width : -1; }

static bool has_key(const tl_rows *r, const char *call, int k) {
  if (k >= 0 && k < r->rows.width) return true;
  api_refuse(r->ctx, BASE_ARGUMENT, "%s: there is no key %d in rows of %d", call, k, r->rows.width);
  return false;
}

static bool at_row(const tl_rows *r, const char *call) {
  if (r->at >= 0 && r->at < r->rows.n) return true;
  api_refuse(r->ctx, BASE_ARGUMENT, "%s: there is no row here: tl_next %s", call,
             r->at < 0 ? "goes to the first" : "said so");
  return false;
}

const char *tl_column(const tl_rows *r, int k) {
  return r && has_key(r, "tl_column", k) ? r->rows.name[k] : NULL;
}

const char *tl_symbol(tl_rows *r, int k) {
  if (!r || !has_key(r, "tl_symbol", k) || !at_row(r, "tl_symbol")) return NULL;
  int64_t key = r->rows.column[k][r->at];
  const lang_domain *d = r->rows.domain[k];
  if (rel_is_symbol(key)) return r->symbol[key - INT64_MIN];
  return d && key >= 0 && key < d->n ? d->symbol[key] : NULL;
}

int64_t tl_number(tl_rows *r, int k) {
  if (!r || !has_key(r, "tl_number", k) || !at_row(r, "tl_number")) return 0;
  int64_t key = r->rows.column[k][r->at];
  return rel_is_symbol(key) ? 0 : key;
}

double tl_element(tl_rows *r) {
  if (!r || !at_row(r, "tl_element")) return NAN;
  if (!r->rows.valued) return 1;
  rel_number x = r->rows.value[r->at];
  return ir_type_real(r->rows.type) ? x.f : (double)x.i;
}

/* ---- facts in -------------------------------------------------------------------------------- */

typedef struct setting {
  tl_program *p;
  const char *name;
  int arity;
  int64_t n;
  const tl_cell *cells;
  const double *values;
} setting;

_Static_assert(sizeof(tl_cell) == sizeof(lang_cell), "a key is the same inside and outside");

static void set_rows(void *arg) {
  const setting *s = arg;
  lang_machine_facts(api_machine_of(s->p), s->name, s->arity, s->n, (const lang_cell *)s->cells,
                     s->values);
}

tl_status tl_set_rows(tl_program *p, const char *name, int arity, int64_t n, const tl_cell *cells,
                      const double *values) {
  if (!p) return TL_ARGUMENT;
  if (!name || (!cells && n && arity))
    return api_refuse(p->ctx, BASE_ARGUMENT, "tl_set_rows: %s NULL",
                      name ? "the cells are" : "the name is");
  if (n < 0 || arity < 0)
    return api_refuse(p->ctx, BASE_ARGUMENT, "tl_set_rows: %lld rows of %d cells", (long long)n,
                      arity);
  setting s = {p, name, arity, n, cells, values};
  const lang_program *checked = p->checked;
  return api_call_on(p->ctx, set_rows, &s, checked->sources.at, checked->sources.n);
}
