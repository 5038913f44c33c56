/* diagnose: an error as people read it, and as programs do.
 *
 *   model.tl:3:8: error: a join right behind `/` can be read two ways
 *     Y[i] = 1/2 X[i]
 *            ^~~~~~~~
 *   help: write `(1 / 2) X[i]` or `1 / (2 X[i])` */
#include <string.h>

#include "lang/parse.h"

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

static bool ends(char c) { return c == 0 || c == '\n' || c == '\r'; }
static bool is_first_byte(char c) { return ((unsigned char)c & 0xC0) != 0x80; }

/* Over N characters, not beyond the line's end. */
static const char *step_characters(const char *at, int n) {
  while (n > 0 && !ends(*at)) {
    at++;
    while (!is_first_byte(*at)) at++;
    n--;
  }
  return at;
}

/* How many columns of a terminal the character takes: East Asian ones two, combining ones none. */
static int columns_of(const char *at) {
  static const struct { uint32_t first, last; int columns; } ranges[] = {
    {0x300, 0x36F, 0}, {0x1AB0, 0x1AFF, 0}, {0x200B, 0x200F, 0}, {0x20D0, 0x20F0, 0},
    {0xFE00, 0xFE0F, 0}, {0xFE20, 0xFE2F, 0}, {0x1100, 0x115F, 2}, {0x2E80, 0x303E, 2},
    {0x3041, 0xA4CF, 2}, {0xA960, 0xA97C, 2}, {0xAC00, 0xD7A3, 2}, {0xF900, 0xFAFF, 2},
    {0xFE30, 0xFE6F, 2}, {0xFF01, 0xFF60, 2}, {0xFFE0, 0xFFE6, 2}, {0x1F300, 0x1F64F, 2},
    {0x1F680, 0x1F6FF, 2}, {0x1F900, 0x1F9FF, 2}, {0x20000, 0x3FFFD, 2},
  };
  uint32_t code = 0;
  if ((unsigned char)*at < 0x80 || lang_utf8(at, &code) == 0) return 1;
  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
    if (code >= ranges[i].first && code <= ranges[i].last) return ranges[i].columns;
  return 1;
}

/* What would move the cursor, or is no text, is shown as a question mark. */
static void put_line(base_text *out, const char *from, const char *to) {
  for (uint32_t code; from < to;) {
    int n = lang_utf8(from, &code);
    bool plain = n > 0 && (code >= ' ' || code == '\t') && code != 0x7F;
    if (n == 0) n = 1;
    base_put_n(out, plain ? from : "?", plain ? (size_t)n : 1);
    from += n;
    while (!plain && from < to && !is_first_byte(*from)) from++;
  }
}

/* Tabs stay tabs, so that the carets stand under what they mean. */
static void put_blank(base_text *out, const char *from, const char *to) {
  for (; from < to; from = step_characters(from, 1)) {
    if (*from == '\t') base_put(out, "\t");
    else base_put_n(out, "  ", (size_t)columns_of(from));
  }
}

static void put_carets(base_text *out, const char *from, const char *to, int length) {
  int columns = 0;
  for (; from < to && length > 0; length--, from = step_characters(from, 1))
    columns += columns_of(from);
  base_put(out, "^");
  while (--columns > 0) base_put(out, "~");
  base_put(out, "\n");
}

static void put_source(base_text *out, const char *line, base_span span) {
  static const char dots[] = "...";
  bool cut = span.column > WIDEST - LEAD;
  const char *begin = cut ? step_characters(line, span.column - LEAD) : line;
  const char *end = step_characters(begin, WIDEST);
  const char *mark = step_characters(line, span.column - 1);
  base_put(out, cut ? "  ..." : "  ");
  put_line(out, begin, end);
  base_put(out, ends(*end) ? "\n  " : "...\n  ");
  if (cut) base_put_n(out, "      ", sizeof dots - 1);
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

/* Program text is UTF-8; the name of a file may be any bytes: what is no UTF-8 becomes U+FFFD. */
static void put_json_string(base_text *out, const char *text, size_t n) {
  base_put(out, "\"");
  for (size_t i = 0; i < n;) {
    uint32_t code;
    int bytes = lang_utf8(text + i, &code);
    if (bytes == 0) base_put(out, "\\ufffd");
    else if (code == '"' || code == '\\') base_putf(out, "\\%c", (int)code);
    else if (code == '\n') base_put(out, "\\n");
    else if (code < ' ') base_putf(out, "\\u%04x", (unsigned)code);
    else base_put_n(out, text + i, (size_t)bytes);
    i += bytes > 0 ? (size_t)bytes : 1;
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
