/* report: several errors of one program, each told once, in the order of the text. */
#include <string.h>

#include "lang/ast.h"

static bool same_text(const char *a, const char *b) {
  return a == b || (a && b && strcmp(a, b) == 0);
}

static bool told_already(const lang_report *r, const base_error *e) {
  for (int i = 0; i < r->n; i++) {
    const base_error *other = r->error[i];
    if (other->span.line == e->span.line && other->span.column == e->span.column &&
        same_text(other->span.file, e->span.file) && strcmp(other->message, e->message) == 0)
      return true;
  }
  return false;
}

/* The number of the source that E lies in; what lies in none comes first. */
static int source_of(const lang_report *r, const base_error *e) {
  if (e->span.line <= 0) return -1;
  int i = 0;
  while (i < r->sources.n && !same_text(r->sources.at[i].file, e->span.file)) i++;
  return i;
}

static bool stands_before(const lang_report *r, const base_error *a, const base_error *b) {
  int x = source_of(r, a), y = source_of(r, b);
  if (x != y) return x < y;
  if (a->span.line != b->span.line) return a->span.line < b->span.line;
  return a->span.column < b->span.column;
}

void lang_report_source(base_arena *arena, lang_report *r, const char *file, const char *text) {
  lang_source source = {file, text};
  BASE_PUSH(arena, &r->sources, source);
}

/* Errors of a program are kept; lack of memory, an interrupt and the last one that has room go on
 * to the caller. */
void lang_report_keep(base_arena *arena, lang_report *r) {
  base_ctx *ctx = base_arena_ctx(arena);
  const base_error *e = base_last(ctx);
  bool of_program = e->status == BASE_REFUSED || e->status == BASE_IO || e->status == BASE_ARGUMENT;
  if (!of_program || r->n == LANG_ERRORS) base_raise_again(ctx);
  if (told_already(r, e)) return;
  base_error *copy = BASE_NEW(arena, base_error);
  *copy = *e;
  int at = r->n++;
  for (; at > 0 && stands_before(r, copy, r->error[at - 1]); at--) r->error[at] = r->error[at - 1];
  r->error[at] = copy;
  if (r->n == LANG_ERRORS) lang_report_raise(ctx, r);
}

void lang_report_raise(base_ctx *ctx, const lang_report *r) {
  const base_error *first = r->n ? r->error[0] : NULL;
  if (first) base_raise(ctx, first->status, first->span, "%s", first->message);
}

void lang_diagnose_all(base_text *out, const lang_report *r, bool json) {
  for (int i = 0; i < r->n; i++) {
    if (json) lang_diagnose_json(out, r->error[i]);
    else lang_diagnose(out, r->error[i], r->sources.at, r->sources.n);
  }
  if (!json && r->n == LANG_ERRORS)
    base_putf(out, "%d errors; there may be more\n", (int)LANG_ERRORS);
}
