/* csv: tables of numbers. All integers give i64, else f64; one column gives a vector. The first
 * row is a header if it has names and no numbers, but for those in quotes. */
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/format.h"

/* ---- numbers -------------------------------------------------------------------------------- */

typedef union cell {
  int64_t integer;
  double real;
} cell;

typedef enum numeral { NO_NUMBER, INTEGER, REAL } numeral;

static io_string trimmed(const io_field *field) {
  const char *at = field->at, *end = at + field->n;
  while (at < end && (*at == ' ' || *at == '\t')) at++;
  while (at < end && (end[-1] == ' ' || end[-1] == '\t')) end--;
  return (io_string){at, (size_t)(end - at)};
}

static bool digit(const char *at, const char *end) { return at < end && *at >= '0' && *at <= '9'; }

/* The sizes of a decimal number: what is worth telling before strtod. */
typedef struct decimal {
  bool negative, plain;      /* plain: digits only */
  uint64_t digits;           /* the first 18 significant ones */
  int kept;                  /* how many; the value is digits * 10^exponent if these are all */
  int64_t exponent;
  bool all;
} decimal;

static void add_digit(decimal *d, int value) {
  if (d->kept < 18) {
    d->digits = 10 * d->digits + (uint64_t)value;
    d->kept += d->digits > 0;
  } else {
    d->all = false;
    d->exponent++;
  }
}

/* [+-] digits [. digits] [e [+-] digits], with a digit before or behind the point. */
static bool scan(io_string text, decimal *d) {
  const char *at = text.at, *end = at + text.n;
  *d = (decimal){.plain = true, .all = true};
  if (at < end && (*at == '-' || *at == '+')) d->negative = *at++ == '-';
  bool any = digit(at, end);
  for (; digit(at, end); at++) add_digit(d, *at - '0');
  if (at < end && *at == '.') {
    d->plain = false;
    any |= digit(++at, end);
    for (; digit(at, end); at++, d->exponent--) add_digit(d, *at - '0');
  }
  if (any && at < end && (*at == 'e' || *at == 'E')) {
    d->plain = false;
    bool down = ++at < end && *at == '-';
    at += at < end && (*at == '-' || *at == '+');
    any = digit(at, end);
    int64_t exponent = 0;
    for (; digit(at, end); at++)
      if (exponent < 100000) exponent = 10 * exponent + *at - '0';
    d->exponent += down ? -exponent : exponent;
  }
  return any && at == end;
}

/* "inf", "infinity", "nan" in any case. */
static bool named(io_string text, double *value) {
  double sign = 1;
  if (text.n > 0 && (*text.at == '-' || *text.at == '+')) {
    sign = *text.at == '-' ? -1 : 1;
    text.at++, text.n--;
  }
  bool infinite = (text.n == 3 && strncasecmp(text.at, "inf", 3) == 0) ||
                  (text.n == 8 && strncasecmp(text.at, "infinity", 8) == 0);
  *value = infinite ? sign * INFINITY : NAN;
  return infinite || (text.n == 3 && strncasecmp(text.at, "nan", 3) == 0);
}

/* A power of ten up to 10^22 and digits up to 2^53 are exact, so one operation rounds right;
 * the rest is strtod's, which looks at the C locale only. */
static double real(locale_t locale, const char *text, const decimal *d) {
  static const double ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                               1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                               1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  if (d->all && d->digits < UINT64_C(1) << 53 && d->exponent >= -22 && d->exponent <= 22) {
    double value = (double)d->digits;
    value = d->exponent < 0 ? value / ten[-d->exponent] : value * ten[d->exponent];
    return d->negative ? -value : value;
  }
  return strtod_l(text, NULL, locale);
}

/* "-0" is real: no integer has that sign. */
static numeral number(base_arena *arena, locale_t locale, const io_field *field, cell *out) {
  io_string text = trimmed(field);
  decimal d;
  if (!scan(text, &d)) return named(text, &out->real) ? REAL : NO_NUMBER;
  if (d.plain && d.all && !(d.negative && d.digits == 0)) {
    out->integer = d.negative ? -(int64_t)d.digits : (int64_t)d.digits;
    return INTEGER;
  }
  char buffer[64], *copy = buffer;
  if (text.n >= sizeof buffer) copy = base_alloc(arena, text.n + 1);
  memcpy(copy, text.at, text.n);
  copy[text.n] = 0;
  errno = 0;
  if (d.plain && !d.all) out->integer = strtoll(copy, NULL, 10);  /* a 19th digit may fit i64 */
  if (d.plain && !d.all && errno == 0) return INTEGER;
  out->real = real(locale, copy, &d);
  return REAL;
}

/* ---- reading -------------------------------------------------------------------------------- */

typedef struct table {
  const io_source *source;
  locale_t locale;
  cell *cell;
  size_t cells;
  int columns;
  bool real;           /* whether the cells are; they start as integers */
} table;

static void drop_locale(void *locale) { freelocale((locale_t)locale); }

static void put(table *t, numeral kind, cell value) {
  if (kind == REAL && !t->real) {
    for (size_t i = 0; i < t->cells; i++) t->cell[i].real = (double)t->cell[i].integer;
    t->real = true;
  }
  if (kind == INTEGER && t->real) value.real = (double)value.integer;
  t->cell[t->cells++] = value;
}

static void put_row(table *t, const io_rows *rows) {
  io_rows_check(rows, t->columns);
  for (int i = 0; i < t->columns; i++) {
    const io_field *field = &rows->fields.at[i];
    cell value;
    numeral kind = number(t->source->arena, t->locale, field, &value);
    if (kind == NO_NUMBER)
      io_broken_line(t->source, rows->line, "column %d is %s, expected a number", i + 1,
                     io_quote(t->source->arena, field->at, field->n));
    put(t, kind, value);
  }
}

/* True if the row names the columns. Names mixed with numbers are rather a slip than a header. */
static bool is_header(table *t, const io_rows *rows) {
  int bare_number = 0, name = 0;  /* the first column of each, from 1 */
  for (int i = rows->fields.n; i > 0; i--) {
    const io_field *field = &rows->fields.at[i - 1];
    cell value;
    bool is_number = number(t->source->arena, t->locale, field, &value) != NO_NUMBER;
    if (is_number && !field->quoted) bare_number = i;
    if (!is_number && trimmed(field).n > 0) name = i;
  }
  if (bare_number && name)
    io_broken_line(t->source, rows->line, "column %d is %s, but column %d is a number: expected "
                   "numbers only, or a header of names, numbers among them in quotes", name,
                   io_quote(t->source->arena, rows->fields.at[name - 1].at,
                            rows->fields.at[name - 1].n), bare_number);
  return name > 0;
}

static void take_header(const io_rows *rows, io_set *set) {
  base_arena *arena = rows->source->arena;
  for (int i = 0; i < rows->fields.n; i++) {
    io_string name = trimmed(&rows->fields.at[i]);
    const char *copy = base_copy_n(arena, name.at, name.n);
    BASE_PUSH(arena, &set->columns, copy);
  }
}

/* A line of spaces is no row. */
static bool next_row(io_rows *rows) {
  while (io_rows_next(rows))
    if (rows->fields.n > 1 || rows->fields.at[0].quoted || trimmed(&rows->fields.at[0]).n > 0)
      return true;
  return false;
}

void io_csv_read(const io_source *source, io_set *set) {
  base_arena *arena = source->arena;
  table t = {.source = source, .locale = newlocale(LC_ALL_MASK, "C", (locale_t)0)};
  if (t.locale) base_defer(arena, drop_locale, t.locale);
  io_rows rows = io_rows_open(source, true);
  bool more = next_row(&rows);
  if (!more) io_broken_line(source, 1, "the table is empty, expected rows of numbers");
  t.columns = rows.fields.n;
  t.cell = BASE_NEWS(arena, cell, io_rows_cells(&rows, t.columns));
  if (is_header(&t, &rows)) {
    take_header(&rows, set);
    more = next_row(&rows);
  }
  for (; more; more = next_row(&rows)) put_row(&t, &rows);
  int64_t shape[2] = {(int64_t)t.cells / t.columns, t.columns};
  io_add(arena, set, "",
         io_array_of(t.real ? IR_F64 : IR_I64, t.columns == 1 ? 1 : 2, shape, t.cell));
}

/* ---- writing -------------------------------------------------------------------------------- */

static void put_element(base_text *text, int type, const void *data, size_t i) {
  switch (type) {
    case IR_F16: base_put_float(text, base_f16_to_f32(((const uint16_t *)data)[i])); break;
    case IR_BF16: base_put_float(text, base_bf16_to_f32(((const uint16_t *)data)[i])); break;
    case IR_F32: base_put_float(text, ((const float *)data)[i]); break;
    case IR_F64: base_put_number(text, ((const double *)data)[i]); break;
    case IR_I32: base_putf(text, "%d", (int)((const int32_t *)data)[i]); break;
    case IR_I64: base_putf(text, "%lld", (long long)((const int64_t *)data)[i]); break;
    default: base_putf(text, "%d", ((const uint8_t *)data)[i]); break;
  }
}

/* In quotes, so that it reads back as a name whatever it holds. */
static void put_name(base_text *text, const char *name) {
  base_put(text, "\"");
  for (; *name; name++) base_put_n(text, *name == '"' ? "\"\"" : name, *name == '"' ? 2 : 1);
  base_put(text, "\"");
}

void io_csv_write(io_save *save, const io_set *set) {
  enum { CHUNK = 1 << 16 };
  const io_array *array = io_only(save, set);
  if (array->rank > 2) io_unwritable(save, "the array has %d dimensions, a table 2", array->rank);
  int64_t columns = array->rank == 2 ? array->shape[1] : 1;
  size_t count = array->bytes / io_type_bytes(array->type), path = strlen(save->path);
  const char *separator = strcmp(save->path + path - 4, ".tsv") == 0 ? "\t" : ",";
  base_text text = base_text_open(save->arena);
  bool header = set->columns.n > 0 && set->columns.n == columns;
  for (int i = 0; header && i < set->columns.n; i++) {
    if (i > 0) base_put(&text, separator);
    put_name(&text, set->columns.at[i]);
  }
  if (header) base_put(&text, "\n");
  for (size_t i = 0; i < count; i++) {
    put_element(&text, array->type, array->data, i);
    base_put(&text, (int64_t)((i + 1) % (size_t)columns) == 0 ? "\n" : separator);
    if (text.n < CHUNK) continue;
    io_save_put(save, text.at, text.n);
    text.n = 0;
  }
  io_save_put(save, text.at, text.n);
}
