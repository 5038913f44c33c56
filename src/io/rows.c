/* rows: texts of separated fields, row by row: tabs in .tsv; in .csv commas, else semicolons or
 * tabs, whichever the first line has. A field may stand in quotes, "" being one quote in it. */
#include <string.h>

#include "io/format.h"

static const char *text_of(const io_rows *rows) { return (const char *)rows->source->at; }

/* Behind the end of the line that holds AT. */
static size_t line_end(const io_rows *rows, size_t at) {
  const char *end = memchr(text_of(rows) + at, '\n', rows->source->n - at);
  return end ? (size_t)(end - text_of(rows)) + 1 : rows->source->n;
}

/* Skips lines that are no rows; false at the end of the text. */
static bool find_row(io_rows *rows) {
  const char *text = text_of(rows);
  size_t n = rows->source->n;
  for (; rows->at < n; rows->next_line++) {
    const char *at = text + rows->at;
    bool crlf = *at == '\r' && (rows->at + 1 == n || at[1] == '\n');
    if (*at != '\n' && !crlf && !(rows->comments && *at == '#')) return true;
    rows->at = line_end(rows, rows->at);
  }
  return false;
}

static char find_separator(const io_rows *rows) {
  size_t n = strlen(rows->source->path);
  if (n < 4 || strcmp(rows->source->path + n - 4, ".csv") != 0) return '\t';
  size_t seen[3] = {0};
  bool quoted = false;
  for (size_t at = rows->at, end = line_end(rows, at); at < end; at++) {
    char c = text_of(rows)[at];
    if (c == '"') quoted = !quoted;
    if (!quoted) seen[0] += c == ',', seen[1] += c == ';', seen[2] += c == '\t';
  }
  return seen[0] ? ',' : seen[1] ? ';' : seen[2] ? '\t' : ',';
}

io_rows io_rows_open(const io_source *source, bool comments) {
  io_rows rows = {.source = source, .line = 1, .next_line = 1, .comments = comments};
  if (source->n >= 3 && memcmp(source->at, "\xef\xbb\xbf", 3) == 0) rows.at = 3;
  find_row(&rows);
  rows.separator = find_separator(&rows);
  return rows;
}

/* Behind an opening quote, up to behind the closing one. */
static io_field quoted_field(io_rows *rows) {
  const char *text = text_of(rows);
  size_t start = rows->at, n = rows->source->n, doubled = 0;
  for (; rows->at < n; rows->at++) {
    if (text[rows->at] == '\n') rows->next_line++;
    if (text[rows->at] != '"') continue;
    if (rows->at + 1 == n || text[rows->at + 1] != '"') break;
    doubled++;
    rows->at++;
  }
  if (rows->at == n)
    io_broken_line(rows->source, rows->line, "a quoted field is not closed");
  io_field field = {text + start, rows->at++ - start, true};
  if (doubled == 0) return field;
  char *plain = base_alloc(rows->source->arena, field.n - doubled), *to = plain;
  for (size_t i = 0; i < field.n; i++) {
    *to++ = field.at[i];
    if (field.at[i] == '"') i++;
  }
  return (io_field){plain, field.n - doubled, true};
}

static io_field plain_field(io_rows *rows) {
  const char *text = text_of(rows);
  size_t start = rows->at, n = rows->source->n;
  while (rows->at < n && text[rows->at] != rows->separator && text[rows->at] != '\n') rows->at++;
  size_t end = rows->at;
  bool ends_row = end == n || text[end] == '\n';
  if (ends_row && end > start && text[end - 1] == '\r') end--;
  return (io_field){text + start, end - start, false};
}

/* Reads a field and what ends it; true if that was a separator. */
static bool next_field(io_rows *rows) {
  const char *text = text_of(rows);
  size_t n = rows->source->n;
  bool quoted = rows->at < n && text[rows->at] == '"';
  if (quoted) rows->at++;
  io_field field = quoted ? quoted_field(rows) : plain_field(rows);
  BASE_PUSH(rows->source->arena, &rows->fields, field);
  if (rows->at < n && text[rows->at] == rows->separator) {
    rows->at++;
    return true;
  }
  if (quoted && rows->at < n && text[rows->at] == '\r') rows->at++;
  if (rows->at < n && text[rows->at] != '\n')
    io_broken_line(rows->source, rows->line, "column %d: text follows the closing quote",
                   rows->fields.n);
  if (rows->at < n) rows->at++;
  rows->next_line++;
  return false;
}

bool io_rows_next(io_rows *rows) {
  base_poll(base_arena_ctx(rows->source->arena));
  rows->fields.n = 0;
  if (!find_row(rows)) return false;
  rows->line = rows->next_line;
  while (next_field(rows)) {}
  return true;
}

/* A row has a line, a cell a byte that ends it (the end of the text standing for the last). */
size_t io_rows_cells(const io_rows *rows, int columns) {
  size_t lines = 2, n = rows->source->n, cells;
  for (size_t at = rows->at; at < n; at = line_end(rows, at)) lines++;
  return __builtin_mul_overflow(lines, (size_t)columns, &cells) || cells > n + 1 ? n + 1 : cells;
}

void io_rows_check(const io_rows *rows, int columns) {
  if (rows->fields.n != columns)
    io_broken_line(rows->source, rows->line, "the row has %d column%s, the rows before it have %d",
                   rows->fields.n, rows->fields.n == 1 ? "" : "s", columns);
}
