/* diagnose: an error as people read it, and as programs do.
 *
 *   model.tl:3:8: error: a join right behind `/` can be read two ways
 *     Y[i] = 1/2 X[i]
 *            ^~~~~~~~
 *   help: write `(1 / 2) X[i]` or `1 / (2 X[i])` */
#include <string.h>

#include "lang/ast.h"

static const char help_mark[] = "\nhelp: ";
enum { WIDEST = 160, LEAD = 40 };   /* a longer line is cut; so much before the span stays */

/* ---- the source line ------------------------------------------------------------------------- */

static bool same_file(const char *a, const char *b) {
  return a == b || (a && b && strcmp(a, b) == 0);
}

/* The first byte of line LINE, counted from 1; NULL if the text has fewer. */
static const char *line_start(const char *text, int line) {
  for (; line > 1; line--) {
    text = strchr(text, '\n');
    if (!text) return NULL;
    text++;
  }
  return text;
}

static bool is_first_byte(char c) { return ((unsigned char)c & 0xC0) != 0x80; }

/* Over N characters, not beyond the line's end. */
static const char *step_characters(const char *at, int n) {
  while (n > 0 && *at && *at != '\n' && *at != '\r') {
    at++;
    while (!is_first_byte(*at)) at++;
    n--;
  }
  return at;
}

/* Tabs stay tabs, so that the carets stand under what they mean. */
static void put_blank(base_text *out, const char *from, const char *to) {
  for (; from < to; from++)
    if (is_first_byte(*from)) base_put(out, *from == '\t' ? "\t" : " ");
}

static void put_carets(base_text *out, const char *from, const char *to, int length) {
  base_put(out, "^");
  for (from = step_characters(from, 1); from < to && length > 1; length--) {
    from = step_characters(from, 1);
    base_put(out, "~");
  }
  base_put(out, "\n");
}

static void put_source(base_text *out, const char *line, base_span span) {
  bool cut = span.column > WIDEST;
  const char *begin = cut ? step_characters(line, span.column - LEAD) : line;
  const char *end = step_characters(begin, WIDEST);
  const char *mark = step_characters(line, span.column - 1);
  base_put(out, "  ");
  base_put_n(out, begin, (size_t)(end - begin));
  base_put(out, "\n  ");
  put_blank(out, begin, mark);
  put_carets(out, mark, end, span.length);
}

/* ---- the two forms --------------------------------------------------------------------------- */

static void put_place(base_text *out, base_span span) {
  if (span.line <= 0) {
    if (span.file) base_putf(out, "%s: ", span.file);
    return;
  }
  if (span.file) base_putf(out, "%s:", span.file);
  base_putf(out, "%d:%d: ", span.line, span.column);
}

void lang_diagnose(base_text *out, const base_error *error, const lang_source *sources, int n) {
  const char *help = strstr(error->message, help_mark);
  size_t length = help ? (size_t)(help - error->message) : strlen(error->message);
  put_place(out, error->span);
  base_put(out, "error: ");
  base_put_n(out, error->message, length);
  base_put(out, "\n");
  for (int i = 0; i < n && error->span.line > 0; i++) {
    if (!same_file(sources[i].file, error->span.file)) continue;
    const char *line = line_start(sources[i].text, error->span.line);
    if (line) put_source(out, line, error->span);
    break;
  }
  if (help) base_putf(out, "%s\n", help + 1);
}

/* Bytes that are not UTF-8 cannot come in: they would have been refused where they stood, and what
 * the message cuts off at its end is left out. */
static void put_json_string(base_text *out, const char *text, size_t n) {
  base_put(out, "\"");
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c == '"' || c == '\\') base_putf(out, "\\%c", c);
    else if (c == '\n') base_put(out, "\\n");
    else if (c < ' ') base_putf(out, "\\u%04x", c);
    else base_put_n(out, text + i, 1);
  }
  base_put(out, "\"");
}

static void put_field(base_text *out, const char *name, const char *text, size_t n) {
  base_putf(out, ", \"%s\": ", name);
  put_json_string(out, text, n);
}

static const char *status_name(base_status status) {
  switch (status) {
    case BASE_OK: return "ok";
    case BASE_RUNTIME: return "failed";
    case BASE_ARGUMENT: return "usage";
    case BASE_REFUSED: return "refused";
    case BASE_DEVICE: return "device";
    case BASE_MEMORY: return "memory";
    case BASE_IO: return "file";
    case BASE_INTERRUPTED: return "interrupted";
  }
  return "failed";
}

void lang_diagnose_json(base_text *out, const base_error *error) {
  const char *help = strstr(error->message, help_mark);
  size_t length = help ? (size_t)(help - error->message) : strlen(error->message);
  const base_span *span = &error->span;
  base_putf(out, "{\"status\": \"%s\"", status_name(error->status));
  if (span->file) put_field(out, "file", span->file, strlen(span->file));
  if (span->line > 0)
    base_putf(out, ", \"line\": %d, \"column\": %d, \"length\": %d", span->line, span->column,
              span->length);
  put_field(out, "message", error->message, length);
  if (help) put_field(out, "help", help + strlen(help_mark), strlen(help) - strlen(help_mark));
  base_put(out, "}\n");
}

/* ---- did you mean ---------------------------------------------------------------------------- */

/* One edit for short names, a third of the letters for longer ones. */
const char *lang_did_you_mean(const char *name, const char *const *candidates, int n) {
  size_t letters = strlen(name);
  int allowed = letters < 3 ? 1 : (int)(letters + 2) / 3, best = allowed + 1;
  const char *nearest = NULL;
  for (int i = 0; i < n; i++) {
    int distance = base_edit_distance(name, candidates[i]);
    size_t length = strlen(candidates[i]);
    bool nothing_shared = (size_t)distance >= (letters > length ? letters : length);
    if (distance >= best || nothing_shared) continue;
    best = distance;
    nearest = candidates[i];
  }
  return nearest;
}
