/* format: values as text. A number, `Y = 0.5`; a vector in brackets; a matrix one row a line,
 * aligned; with symbol positions one line an element, `Alice Bob 0.5`. */
#include "lang/machine.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

machine_view machine_view_of(base_arena *job, const run_value *v, const lang_item *item) {
  machine_view view = {.type = v->type, .rank = v->rank, .first = item->first};
  for (int k = 0; k < v->rank; k++) view.size[k] = v->size[k];
  view.domain = item->tensor ? item->tensor->domain : NULL;
  void *data = base_alloc(job, run_value_bytes(v));
  run_value_read(v, data);
  view.data = data;
  return view;
}

bool machine_named(const machine_view *v) {
  for (int k = 0; v->domain && k < v->rank; k++)
    if (v->domain[k]) return true;
  return false;
}

/* ---- numbers --------------------------------------------------------------------------------- */

static bool reads_back(ir_type type, const char *digits, double x) {
  double back = strtod(digits, NULL);
  if (type == IR_F64) return back == x;
  if (type == IR_F32) return (float)back == (float)x;
  char stored[8];
  device_store_value(type, stored, 0, (ir_value){IR_F32, {.f = back}});
  return device_load_value(type, stored, 0).u.f == x;
}

static void put_digits(base_text *text, ir_type type, double x, int most) {
  if (isnan(x) || isinf(x)) {
    base_put(text, isnan(x) ? "nan" : x < 0 ? "-inf" : "inf");
    return;
  }
  char digits[40];
  for (int n = 1; n <= most; n++) {
    snprintf(digits, sizeof digits, "%.*g", n, x);
    if (reads_back(type, digits, x)) break;
  }
  char *mark = strchr(digits, 'e');
  int power = mark ? atoi(mark + 1) : 0;
  if (fabs(x) < 1e15 && x == floor(x))
    base_putf(text, "%.0f", x); /* 1200000, not 1.2e+06 */
  else if (mark)
    base_putf(text, "%.*se%d", (int)(mark - digits), digits, power);
  else
    base_put(text, digits);
}

void machine_put_number(base_text *text, ir_type type, double x) { put_digits(text, type, x, 17); }

/* The last digits of f32 are noise to a reader; JSON has them. */
void machine_put_short(base_text *text, const machine_view *v, int64_t i) {
  ir_value x = device_load_value(v->type, v->data, i);
  if (v->type == IR_BOOL)
    base_put(text, x.u.i ? "true" : "false");
  else if (ir_type_real(x.type))
    put_digits(text, v->type, x.u.f, v->type == IR_F32 ? 6 : 17);
  else
    base_putf(text, "%lld", (long long)x.u.i);
}

/* ---- dense ----------------------------------------------------------------------------------- */

enum { MOST = 10, EDGE = 4, LINES = 40 }; /* what of a large value is shown, if it is to be brief */

typedef struct layout {
  base_text *text;
  const machine_view *v;
  int width;       /* of each element; 0: not aligned */
  int64_t skipped; /* lines */
} layout;

/* The row behind row I of position K that is shown. */
static int64_t next_row(const machine_view *v, int k, int64_t i) {
  bool cut = v->brief && v->size[k] > MOST && i == EDGE - 1;
  return cut ? v->size[k] - EDGE : i + 1;
}

static bool is_cut(const machine_view *v) {
  bool cut = false;
  for (int k = 0; v->brief && k < v->rank; k++) cut |= v->size[k] > MOST;
  return cut;
}

static void put_aligned(layout *l, int64_t at) {
  base_text *t = l->text;
  size_t begin = t->n;
  machine_put_short(t, l->v, at);
  int gap = l->width - (int)(t->n - begin);
  if (gap <= 0) return;
  char *element = base_copy_n(t->arena, t->at + begin, t->n - begin);
  t->n = begin;
  base_putf(t, "%*s%s", gap, "", element);
}

static void put_rows(layout *l, int k, int64_t at) {
  const machine_view *v = l->v;
  bool last = k == v->rank - 1;
  base_put(l->text, "[");
  for (int64_t i = 0, before = -1; i < v->size[k]; before = i, i = next_row(v, k, i)) {
    if (i && last) base_put(l->text, ", ");
    if (i && !last) base_putf(l->text, ",\n%*s", k + 1, "");
    if (i != before + 1) base_put(l->text, last ? "..., " : "...,\n");
    if (i != before + 1 && !last) base_putf(l->text, "%*s", k + 1, "");
    if (last) put_aligned(l, at * v->size[k] + i);
    else put_rows(l, k + 1, at * v->size[k] + i);
  }
  base_put(l->text, "]");
}

static int64_t count(const machine_view *v) {
  int64_t n = 1;
  for (int k = 0; k < v->rank; k++) n *= v->size[k];
  return n;
}

/* Of the elements that are shown. */
static void widen(layout *l, base_text *one, int k, int64_t at) {
  const machine_view *v = l->v;
  if (k == v->rank) {
    one->n = 0;
    machine_put_short(one, v, at);
    if ((int)one->n > l->width) l->width = (int)one->n;
  } else {
    for (int64_t i = 0; i < v->size[k]; i = next_row(v, k, i))
      widen(l, one, k + 1, at * v->size[k] + i);
  }
}

static void put_type(base_text *text, const machine_view *v) {
  base_putf(text, "   # %s", ir_type_name(v->type));
  for (int k = 0; k < v->rank; k++)
    base_putf(text, "%s%lld", k ? ", " : "[", (long long)v->size[k]);
  base_put(text, "]");
}

static void put_dense(base_text *text, const char *label, const machine_view *v) {
  bool truth = v->type == IR_BOOL && v->rank == 0, cut = is_cut(v);
  layout l = {.text = text, .v = v};
  base_text one = base_text_open(text->arena);
  if (v->rank > 1) widen(&l, &one, 0, 0);
  if (label && !truth) base_putf(text, "%s =", label);
  if (cut && v->rank > 1) put_type(text, v);
  if (label && !truth) base_put(text, v->rank > 1 ? "\n" : " ");
  if (v->rank == 0) machine_put_short(text, v, 0);
  else put_rows(&l, 0, 0);
  if (cut && v->rank == 1) put_type(text, v);
  base_put(text, "\n");
}

/* ---- elements with their keys ---------------------------------------------------------------- */

typedef struct order { /* of the keys at one position */
  int64_t number;
  const char *name;
} order;

static int by_name(const void *a, const void *b) {
  return strcmp(((const order *)a)->name, ((const order *)b)->name);
}

static order *sorted(base_arena *job, const machine_view *v, int k) {
  const lang_domain *d = v->domain ? v->domain[k] : NULL;
  order *o = BASE_NEWS(job, order, v->size[k] + 1);
  for (int64_t i = 0; i < v->size[k]; i++) o[i] = (order){i, d && i < d->n ? d->symbol[i] : ""};
  if (d && v->size[k] <= d->n) qsort(o, (size_t)v->size[k], sizeof *o, by_name);
  return o;
}

void machine_each(base_arena *job, const machine_view *v,
                  void (*visit)(void *arg, const int64_t *key, int64_t at), void *arg) {
  order *by[RUN_RANK];
  int64_t place[RUN_RANK] = {0}, key[RUN_RANK];
  for (int k = 0; k < v->rank; k++) by[k] = sorted(job, v, k);
  for (int64_t i = 0, n = count(v); i < n; i++) {
    int64_t at = 0;
    for (int k = 0; k < v->rank; k++) {
      key[k] = by[k][place[k]].number;
      at = at * v->size[k] + key[k];
    }
    visit(arg, key, at);
    for (int k = v->rank - 1; k >= 0 && ++place[k] == v->size[k]; k--) place[k] = 0;
  }
}

bool machine_is_plain(const char *s) {
  if (!*s) return false;
  for (; *s; s++)
    if (!isalnum((unsigned char)*s) && *s != '_' && *s != '\'' && (unsigned char)*s < 0x80)
      return false;
  return true;
}

static void put_line(void *arg, const int64_t *key, int64_t at) {
  layout *l = arg;
  const machine_view *v = l->v;
  if (v->brief && l->width++ >= LINES) {
    l->skipped++;
    return;
  }
  for (int k = 0; k < v->rank; k++) {
    const lang_domain *d = v->domain[k];
    if (!d)
      base_putf(l->text, "%lld ", (long long)(key[k] + (k ? 0 : v->first)));
    else if (machine_is_plain(d->symbol[key[k]]))
      base_putf(l->text, "%s ", d->symbol[key[k]]);
    else
      machine_put_string(l->text, d->symbol[key[k]], strlen(d->symbol[key[k]])),
          base_put(l->text, " ");
  }
  machine_put_short(l->text, v, at);
  base_put(l->text, "\n");
}

void machine_put_value(base_text *text, const char *label, const machine_view *v) {
  layout l = {.text = text, .v = v};
  if (!machine_named(v)) {
    put_dense(text, label, v);
    return;
  }
  machine_each(text->arena, v, put_line, &l);
  if (l.skipped) base_putf(text, "... %lld more\n", (long long)l.skipped);
}
