/* A row of the table to equations of the language, for the ranks of its tensors and its attributes.
 *
 *   Y[... ~axes] = X[...]        X[2,3,4], axes 1, keepdims      Y[i0,0,i2] = X[i0,i1,i2]
 *
 * All `...` of a row stand for the same indices i0, i1, .., aligned at the last; a position that is
 * 1 long where the others are longer is read at 0. */
#include <ctype.h>
#include <string.h>

#include "api/operation.h"

typedef struct expander {
  operation_call *c;
  int width;                              /* of `...` in heads */
  int64_t size[RUN_RANK];                 /* broadcast, by index */
  int from[RUN_RANK], position[RUN_RANK]; /* the tensor that has it; -1: none */
  const char *optional[8];                /* m of `m?`: those that are there */
  int noptional;
  int element; /* of a list: the tensor whose line is written */
  int inner;   /* the index that # stands for; -1: none */
} expander;

/* ---- arguments ------------------------------------------------------------------------------- */

static const operation_argument *argument_named(const expander *x, const char *at, size_t n) {
  for (int i = 0; i < x->c->op.narguments; i++)
    if (operation_is(at, n, x->c->op.argument[i].name)) return &x->c->op.argument[i];
  return NULL;
}

/* Which tensor the name of an argument stands for in this line; -1: it is no argument. */
static int tensor_named(const expander *x, const char *at, size_t n) {
  const operation_argument *a = argument_named(x, at, n);
  if (!a) return -1;
  return a->list ? x->element : (int)(a - x->c->op.argument);
}

static bool has_axis(const operation_call *c, int attribute, int axis) {
  for (int k = 0; k < c->nvalues[attribute]; k++)
    if (c->value[attribute][k] == axis) return true;
  return false;
}

static bool keeps_axes(const operation_call *c) {
  int i = operation_attribute_named(c, "keepdims", 8);
  return i >= 0 && c->value[i][0] != 0;
}

/* ---- items between brackets ------------------------------------------------------------------ */

enum { ITEMS = 16 };

typedef struct item {
  const char *at;
  size_t n;
} item;

/* From behind the bracket; *END: at the closing one. */
static int items_of(const char *at, item *list, const char **end) {
  int n = 0, depth = 0;
  at += strspn(at, " ");
  list[0].at = at;
  for (; depth || *at != ']'; at++) {
    depth += (*at == '[' || *at == '(') - (*at == ']' || *at == ')');
    if (*at != ',' || depth) continue;
    list[n].n = (size_t)(at - list[n].at);
    list[++n].at = at + 1 + strspn(at + 1, " ");
  }
  list[n].n = (size_t)(at - list[n].at);
  *end = at;
  return n || list[0].n ? n + 1 : 0;
}

static bool is_dots(const item *t) { return t->n >= 3 && strncmp(t->at, "...", 3) == 0; }
static bool is_optional(const item *t) { return t->at[t->n - 1] == '?'; }

/* The attribute named behind SIGN in an item `... ~axes` or `... @axis=e`; -1: none. *E: behind. */
static int attribute_in(const expander *x, const item *t, char sign, const char **e) {
  const char *at = memchr(t->at, sign, t->n);
  if (!at) return -1;
  size_t n = 0;
  while (isalpha((unsigned char)at[1 + n])) n++;
  *e = at + 1 + n;
  return operation_attribute_named(x->c, at + 1, n);
}

/* How the positions of a tensor fall to its items. */
typedef struct division {
  int width;     /* of `...` */
  bool optional; /* is `m?` there? */
} division;

static division divide(const expander *x, int i, const item *list, int n) {
  int others = 0, optional = 0, dots = 0, rank = x->c->tensor[i]->rank;
  for (int k = 0; k < n; k++) {
    if (is_dots(&list[k]))
      dots++;
    else if (is_optional(&list[k]))
      optional++;
    else
      others++;
  }
  if (rank < others || (!dots && rank > others + optional))
    OPERATION_REFUSE(x->c, "%s has %d position%s; %s%d %s wanted", operation_shown(x->c, i), rank,
                     rank == 1 ? "" : "s", dots ? "at least " : "", others,
                     others == 1 ? "is" : "are");
  bool there = optional && rank > others;
  return (division){rank - others - there, there};
}

static bool optional_there(const expander *x, const item *t) {
  for (int i = 0; i < x->noptional; i++)
    if (operation_is(t->at, t->n - 1, x->optional[i])) return true;
  return false;
}

/* ---- what `...` stands for ------------------------------------------------------------------- */

static void broadcast(expander *x, int i, int position, int index) {
  const operation_call *c = x->c;
  int64_t size = c->tensor[i]->size[position];
  if (x->from[index] < 0 || x->size[index] == 1) {
    x->from[index] = i;
    x->position[index] = position;
    x->size[index] = size;
  } else if (size != 1 && size != x->size[index]) {
    int other = x->from[index];
    OPERATION_REFUSE(
        c, "%s and %s do not go together: position %d of %s is %lld long, position %d of %s %lld",
        operation_shown(c, other), operation_shown(c, i), x->position[index],
        operation_name(c, other), (long long)x->size[index], position, operation_name(c, i),
        (long long)size);
  }
}

static void add_optional(expander *x, const item *t) {
  if (optional_there(x, t) || x->noptional == 8) return;
  x->optional[x->noptional++] = base_copy_n(x->c->arena, t->at, t->n - 1);
}

/* Visit each tensor with its items, wherever it is read: first to find how wide `...` is, then what
 * it stands for. */
static void visit(expander *x, int i, const char *bracket, bool widths) {
  item list[ITEMS];
  const char *end, *e;
  int n = items_of(bracket, list, &end), at = 0;
  division d = divide(x, i, list, n);
  if (widths && d.width > x->width) x->width = d.width;
  for (int k = 0; k < n; k++) {
    if (!is_dots(&list[k])) {
      if (is_optional(&list[k]) && d.optional && widths) add_optional(x, &list[k]);
      at += !is_optional(&list[k]) || d.optional;
      continue;
    }
    int a = attribute_in(x, &list[k], '@', &e), shift = x->width - x->c->tensor[0]->rank;
    int replaced = a >= 0 ? (int)x->c->value[a][0] + shift : -1;
    for (int p = 0; p < d.width && !widths; p++)
      if (x->width - d.width + p != replaced) broadcast(x, i, at + p, x->width - d.width + p);
    at += d.width;
  }
}

static void visit_reads(expander *x, const char *text, bool widths) {
  for (const char *at = text; *at;) {
    size_t n = 0;
    while (isalnum((unsigned char)at[n])) n++;
    int i = n ? tensor_named(x, at, n) : -1;
    if (i >= 0 && i < x->c->n && x->c->tensor[i] && at[n] == '[') visit(x, i, at + n + 1, widths);
    at += n ? n : 1;
  }
}

/* ---- writing --------------------------------------------------------------------------------- */

static void put_text(base_text *out, expander *x, const char *at, const char *end, bool sizes);

static void comma(base_text *out, size_t start) {
  if (out->n > start) base_put(out, ",");
}

static void put_index(base_text *out, const expander *x, int tensor, int index, int position,
                      bool sizes) {
  const operation_call *c = x->c;
  if (sizes && x->from[index] >= 0)
    base_putf(out, "size(%s,%d)", operation_name(c, x->from[index]), x->position[index]);
  else if (sizes)
    base_put(out, "1");
  else if (tensor >= 0 && c->tensor[tensor]->size[position] == 1 && x->size[index] != 1)
    base_put(out, "0");
  else
    base_putf(out, "i%d", index);
}

/* `...`, `... ~axes`, `... @axis=e` of TENSOR (-1: a head), which begins at its POSITION. */
static void put_dots(base_text *out, expander *x, const item *t, int tensor, int width,
                     int position, bool sizes, size_t start) {
  const char *e = NULL, *ignored;
  int left = attribute_in(x, t, '~', &ignored), with = attribute_in(x, t, '@', &e);
  int shift = x->width - x->c->tensor[0]->rank; /* from an axis to its index */
  for (int p = 0; p < width; p++) {
    int index = x->width - width + p;
    if (left >= 0 && has_axis(x->c, left, index - shift)) {
      if (!keeps_axes(x->c)) continue;
      comma(out, start);
      base_put(out, sizes ? "1" : "0");
      continue;
    }
    comma(out, start);
    if (with < 0 || (int)x->c->value[with][0] != index - shift) {
      put_index(out, x, tensor, index, position + p, sizes);
      continue;
    }
    int outer = x->inner;
    x->inner = index;
    put_text(out, x, e + 1, t->at + t->n, sizes);
    x->inner = outer;
  }
}

/* The indices at the positions that an item `@axes` names. */
static void put_axes(base_text *out, const expander *x, const item *t) {
  const char *e;
  int a = attribute_in(x, t, '@', &e), shift = x->width - x->c->tensor[0]->rank;
  for (int k = 0; k < x->c->nvalues[a]; k++)
    base_putf(out, "%si%d", k ? "," : "", (int)x->c->value[a][k] + shift);
}

/* Brackets of TENSOR (-1: a head or a function), from behind `[`; returns behind `]`. */
static const char *put_brackets(base_text *out, expander *x, const char *at, int tensor,
                                bool sizes) {
  item list[ITEMS];
  const char *end;
  int n = items_of(at, list, &end), position = 0;
  division d = tensor >= 0 ? divide(x, tensor, list, n) : (division){x->width, true};
  size_t open = out->n;
  base_put(out, "[");
  for (int k = 0; k < n; k++) {
    item *t = &list[k];
    if (is_dots(t)) {
      put_dots(out, x, t, tensor, d.width, position, sizes, open + 1);
      position += d.width;
      continue;
    }
    bool optional = is_optional(t);
    if (optional && !(d.optional && optional_there(x, t))) continue;
    position++;
    comma(out, open + 1);
    if (optional)
      base_put_n(out, t->at, t->n - 1);
    else if (*t->at == '@')
      put_axes(out, x, t);
    else
      put_text(out, x, t->at, t->at + t->n, sizes);
  }
  if (out->n == open + 1)
    out->at[out->n = open] = 0; /* a scalar */
  else
    base_put(out, "]");
  return end + 1;
}

/* A name, and the brackets behind it; returns behind them. */
static const char *put_name(base_text *out, expander *x, const char *at, size_t n, bool sizes) {
  const operation_argument *a = argument_named(x, at, n);
  int i = tensor_named(x, at, n);
  bool absent = a && (i >= x->c->n || !x->c->tensor[i]);
  if (absent)
    base_put(out, a->otherwise);
  else if (a)
    base_put(out, operation_name(x->c, i));
  else
    base_put_n(out, at, n);
  at += n;
  if (*at != '[') return at;
  if (!absent) return put_brackets(out, x, at + 1, a ? i : -1, sizes);
  item list[ITEMS];
  items_of(at + 1, list, &at);
  return at + 1;
}

static void put_text(base_text *out, expander *x, const char *at, const char *end, bool sizes) {
  while (at < end) {
    size_t n = 0;
    while (isalnum((unsigned char)at[n]) && at + n < end) n++;
    if (n)
      at = put_name(out, x, at, n, sizes);
    else if (*at == '#')
      base_putf(out, "i%d", x->inner), at++;
    else
      base_put_n(out, at++, 1);
  }
}

/* ---- a row ----------------------------------------------------------------------------------- */

/* Does the line read the list, so that it is written for each of its tensors? */
static bool goes_over_list(const operation_call *c, const char *line, size_t n) {
  const operation_argument *last = &c->op.argument[c->op.narguments - 1];
  if (!last->list) return false;
  for (size_t i = 0; i + 1 < n; i++)
    if (line[i] == *last->name && line[i + 1] == '[') return true;
  return false;
}

static void put_line(base_text *out, expander *x, const char *line, size_t n) {
  char *text = operation_fill(x->c, x->element, line, n);
  bool declares = strstr(text, " : ") != NULL;
  put_text(out, x, text, text + strlen(text), declares);
  base_put(out, "\n");
}

static void each_line(expander *x, void (*work)(base_text *, expander *, const char *, size_t),
                      base_text *out) {
  for (const char *at = x->c->op.row->equations; *at;) {
    size_t n = strcspn(at, "\n");
    int times = goes_over_list(x->c, at, n) ? x->c->n : 1;
    for (x->element = 0; x->element < times; x->element++) work(out, x, at, n);
    at += n + (at[n] != 0);
  }
}

static void find_widths(base_text *out, expander *x, const char *line, size_t n) {
  (void)out;
  visit_reads(x, operation_fill(x->c, x->element, line, n), true);
}

static void find_sizes(base_text *out, expander *x, const char *line, size_t n) {
  (void)out;
  visit_reads(x, operation_fill(x->c, x->element, line, n), false);
}

char *operation_equations(operation_call *c) {
  expander x = {.c = c, .inner = -1};
  for (int i = 0; i < c->op.nattributes; i++) operation_settle(c, i);
  for (int k = 0; k < RUN_RANK; k++) x.from[k] = -1;
  base_text out = base_text_open(c->arena);
  each_line(&x, find_widths, NULL);
  each_line(&x, find_sizes, NULL);
  each_line(&x, put_line, &out);
  out.at[out.n - 1] = 0; /* the last line's end */
  return out.at;
}
