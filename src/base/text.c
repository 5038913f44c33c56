/* text: strings that grow on an arena, numbers in their shortest form, edit distance. */
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/private.h"

base_text base_text_open(base_arena *arena) {
  enum { FIRST = 64 };
  return (base_text){.arena = arena, .at = base_alloc(arena, FIRST), .cap = FIRST};
}

/* Make room for N more bytes and the NUL. */
static void reserve(base_text *text, size_t n) {
  if (n < text->cap - text->n) return;
  size_t cap = 2 * text->cap + n;
  char *grown = base_alloc(text->arena, cap);
  memcpy(grown, text->at, text->n + 1);
  text->at = grown;
  text->cap = cap;
}

void base_put_n(base_text *text, const char *bytes, size_t n) {
  if (n == 0) return;
  reserve(text, n);
  memcpy(text->at + text->n, bytes, n);
  text->n += n;
  text->at[text->n] = 0;
}

void base_put(base_text *text, const char *string) { base_put_n(text, string, strlen(string)); }

void base_putf(base_text *text, const char *format, ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  size_t room = text->cap - text->n;
  int n = vsnprintf(text->at + text->n, room, format, args);
  assert(n >= 0);
  if ((size_t)n >= room) {
    reserve(text, (size_t)n);
    vsnprintf(text->at + text->n, (size_t)n + 1, format, again);
  }
  text->n += (size_t)n;
  va_end(again);
  va_end(args);
}

char *base_copy_n(base_arena *arena, const char *bytes, size_t n) {
  char *copy = base_alloc(arena, n + 1);
  if (n > 0) memcpy(copy, bytes, n);
  return copy;
}

char *base_copy(base_arena *arena, const char *string) {
  return base_copy_n(arena, string, strlen(string));
}

char *base_format(base_arena *arena, const char *format, ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int n = vsnprintf(NULL, 0, format, args);
  assert(n >= 0);
  char *text = base_alloc(arena, (size_t)n + 1);
  vsnprintf(text, (size_t)n + 1, format, again);
  va_end(again);
  va_end(args);
  return text;
}

/* ---- numbers ---------------------------------------------------------------------------- */

typedef struct decimal {  /* 0.d1 d2 d3... times ten to the POINT */
  char digits[18];
  int n, point;
} decimal;

/* Round to COUNT significant digits. Reads what "%e" wrote digit by digit, as the decimal point
 * between them is the locale's. True if the written form reads back as VALUE. */
static bool round_to(decimal *out, double value, int count, bool single) {
  char text[64];
  snprintf(text, sizeof text, "%.*e", count - 1, value);
  const char *p = text;
  out->n = 0;
  for (; *p != 'e'; p++)
    if (*p >= '0' && *p <= '9') out->digits[out->n++] = *p;
  out->point = atoi(p + 1) + 1;
  while (out->n > 1 && out->digits[out->n - 1] == '0') out->n--;
  return single ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value;
}

/* A double of normal size holds any 15 digits, a float any 6: where so many read back, the
 * zeros cut from their end leave the shortest. Below that size fewer may do, so try them all. */
static decimal shortest(double value, bool single) {
  int last = single ? 9 : 17, sure = single ? 6 : 15;
  double normal = single ? 0x1p-126 : 0x1p-1022;
  decimal d;
  int count = value < normal ? 1 : sure;
  while (!round_to(&d, value, count, single) && count < last) count++;
  return d;
}

static void put_digits(base_text *text, const decimal *d) {
  if (d->point > 16 || d->point < -3) {
    base_put_n(text, d->digits, 1);
    if (d->n > 1) base_put(text, ".");
    base_put_n(text, d->digits + 1, (size_t)d->n - 1);
    base_putf(text, "e%+03d", d->point - 1);
    return;
  }
  if (d->point <= 0) base_put(text, "0.");
  for (int i = d->point; i < 0; i++) base_put(text, "0");
  for (int i = 0; i < d->n; i++) {
    if (i > 0 && i == d->point) base_put(text, ".");
    base_put_n(text, d->digits + i, 1);
  }
  for (int i = d->n; i < d->point; i++) base_put(text, "0");
}

static void put_number(base_text *text, double value, bool single) {
  if (isnan(value)) {
    base_put(text, "nan");
    return;
  }
  if (signbit(value)) base_put(text, "-");
  if (isinf(value)) {
    base_put(text, "inf");
  } else if (value == 0) {
    base_put(text, "0");
  } else {
    decimal d = shortest(fabs(value), single);
    put_digits(text, &d);
  }
}

void base_put_number(base_text *text, double value) { put_number(text, value, false); }
void base_put_float(base_text *text, float value) { put_number(text, value, true); }

/* ---- edit distance ------------------------------------------------------------------------ */

static int least(int a, int b) { return a < b ? a : b; }

/* Names longer than LONGEST are not worth a suggestion: their distance is their length. */
int base_edit_distance(const char *a, const char *b) {
  enum { LONGEST = 64 };
  size_t na = strlen(a), nb = strlen(b);
  if (na > LONGEST || nb > LONGEST) return strcmp(a, b) == 0 ? 0 : (int)(na > nb ? na : nb);
  int rows[3][LONGEST + 1];
  int *before = rows[0], *above = rows[1], *row = rows[2];
  for (size_t j = 0; j <= nb; j++) row[j] = (int)j;
  for (size_t i = 1; i <= na; i++) {
    int *oldest = before;
    before = above;
    above = row;
    row = oldest;
    row[0] = (int)i;
    for (size_t j = 1; j <= nb; j++) {
      row[j] = least(above[j - 1] + (a[i - 1] != b[j - 1]), 1 + least(above[j], row[j - 1]));
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = least(row[j], before[j - 2] + 1);
    }
  }
  return row[nb];
}

void base_put_quoted(base_text *text, const char *s, size_t n) {
  base_put(text, "\"");
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)s[i];
    if (c == '"' || c == '\\')
      base_putf(text, "\\%c", c);
    else if (c == '\n')
      base_put(text, "\\n");
    else if (c == '\t')
      base_put(text, "\\t");
    else if (c < 0x20 || c == 0x7f)
      base_putf(text, "\\u%04x", c);
    else
      base_put_n(text, &s[i], 1);
  }
  base_put(text, "\"");
}
