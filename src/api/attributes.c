/* Attributes of a call: their values, checked against its first tensor, and what stands for them in
 * the equations: {axis}, {causal|a|b}, {type}, {shape}. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/operation.h"

/* "X[2, 3]", for messages. */
const char *operation_shown(const operation_call *c, int i) {
  base_text text = base_text_open(c->arena);
  base_put(&text, operation_name(c, i));
  for (int k = 0; k < c->tensor[i]->rank; k++)
    base_putf(&text, "%s%lld", k ? ", " : "[", (long long)c->tensor[i]->size[k]);
  if (c->tensor[i]->rank)
    base_put(&text, "]");
  else
    base_put(&text, " (a scalar)");
  return text.at;
}

const char *operation_name(const operation_call *c, int i) {
  const operation_argument *a = &c->op.argument[i < c->op.narguments ? i : c->op.narguments - 1];
  return a->list ? base_format(c->arena, "%s%d", a->name, i) : a->name;
}

bool operation_is(const char *at, size_t n, const char *name) {
  return strlen(name) == n && strncmp(at, name, n) == 0;
}

/* ---- attributes ------------------------------------------------------------------------------ */

int operation_attribute_named(const operation_call *c, const char *at, size_t n) {
  for (int i = 0; i < c->op.nattributes; i++)
    if (operation_is(at, n, c->op.attribute[i].name)) return i;
  return -1;
}

static int axis_of(const operation_call *c, const operation_attribute *a, double value) {
  int rank = c->tensor[0]->rank, axis = (int)value;
  if (value >= -rank && value < rank && value == axis) return axis < 0 ? axis + rank : axis;
  OPERATION_REFUSE(c, "%s %g: %s has %d position%s", a->name, value, operation_shown(c, 0), rank,
                   rank == 1 ? "" : "s");
}

/* Axes as numbers from 0, none twice; those that were not given as the row says. */
static void settle_axes(operation_call *c, int i) {
  const operation_attribute *a = &c->op.attribute[i];
  double *value = c->value[i];
  int rank = c->tensor[0]->rank, *n = &c->nvalues[i];
  bool all = !*n && (strcmp(a->otherwise, "all") == 0 || strcmp(a->otherwise, "reversed") == 0);
  for (int k = 0; all && k < rank; k++) value[k] = a->otherwise[0] == 'a' ? k : rank - 1 - k;
  if (all) *n = rank;
  for (int k = 0; k < *n; k++) {
    value[k] = axis_of(c, a, value[k]);
    for (int j = 0; j < k; j++)
      if (value[j] == value[k]) OPERATION_REFUSE(c, "%s name position %g twice", a->name, value[k]);
  }
  if (a->kind == OPERATION_PERMUTATION && *n != rank)
    OPERATION_REFUSE(c, "%s names %d position%s: %s has %d", a->name, *n, *n == 1 ? "" : "s",
                     operation_shown(c, 0), rank);
}

static void check_whole_value(const operation_call *c, const operation_attribute *a, double value) {
  double least = a->kind == OPERATION_COUNT ? 1 : -INFINITY;
  if (value != floor(value) || value < least)
    OPERATION_REFUSE(c, "%s is a whole number%s, not %g", a->name,
                     a->kind == OPERATION_COUNT ? " from 1" : "", value);
}

static void settle_shape(operation_call *c, int i) {
  int64_t known = 1, count = tl_count(c->tensor[0]);
  int open = 0;
  for (int k = 0; k < c->nvalues[i]; k++) {
    check_whole_value(c, &c->op.attribute[i], c->value[i][k]);
    if (c->value[i][k] == -1)
      open++;
    else
      known *= (int64_t)c->value[i][k];
  }
  bool fits = open == 0 ? known == count : open == 1 && known > 0 && count % known == 0;
  if (fits) return;
  base_text text = base_text_open(c->arena);
  for (int k = 0; k < c->nvalues[i]; k++) base_putf(&text, "%s%g", k ? ", " : "", c->value[i][k]);
  OPERATION_REFUSE(c, "%s has %lld elements: they do not fill the shape [%s]",
                   operation_shown(c, 0), (long long)count, text.at);
}

static bool read_number(const char *text, double *value) {
  char *end;
  *value = strtod(text, &end);
  return end != text && !*end;
}

static int choices(const char *list) {
  int n = 1;
  for (; *list; list++) n += *list == '|';
  return n;
}

/* Give each attribute its values, or refuse them. */
void operation_settle(operation_call *c, int i) {
  const operation_attribute *a = &c->op.attribute[i];
  if (!c->nvalues[i]) {
    int other =
        a->otherwise ? operation_attribute_named(c, a->otherwise, strlen(a->otherwise)) : -1;
    double number;
    if (!a->otherwise) OPERATION_REFUSE(c, "%s is not given", a->name);
    if (other >= 0) {
      c->nvalues[i] = c->nvalues[other];
      memcpy(c->value[i], c->value[other], sizeof c->value[i]);
    } else if (read_number(a->otherwise, &number)) {
      c->nvalues[i] = 1;
      c->value[i][0] = number;
    }
  }
  if (a->kind == OPERATION_AXIS && c->nvalues[i]) c->value[i][0] = axis_of(c, a, c->value[i][0]);
  if (a->kind == OPERATION_AXES || a->kind == OPERATION_PERMUTATION) settle_axes(c, i);
  if (a->kind == OPERATION_SHAPE) settle_shape(c, i);
  if (a->kind == OPERATION_PAIR && c->nvalues[i] == 1) c->value[i][1] = c->value[i][0];
  bool whole = a->kind != OPERATION_REAL;
  for (int k = 0; whole && k < c->nvalues[i]; k++) check_whole_value(c, a, c->value[i][k]);
  int last = a->kind == OPERATION_CHOICE ? choices(a->choices) - 1 : 1;
  if ((a->kind == OPERATION_CHOICE || a->kind == OPERATION_FLAG) && c->nvalues[i] &&
      (c->value[i][0] < 0 || c->value[i][0] > last))
    OPERATION_REFUSE(c, "%s is a number from 0 to %d, not %g", a->name, last, c->value[i][0]);
  if (a->kind == OPERATION_PAIR && (c->value[i][0] < 0 || c->value[i][1] < 0))
    OPERATION_REFUSE(c, "%s is not negative", a->name);
}

/* ---- {..}: attributes and what else depends on the call -------------------------------------- */

/* Of the results: that of the real tensors, else the first's. */
static const char *type_name(const operation_call *c, bool wide) {
  ir_type type[OPERATION_ARGUMENTS];
  bool real = false;
  int n = 0;
  for (int i = 0; i < c->n; i++) {
    if (!c->tensor[i]) continue;
    type[n++] = c->tensor[i]->type;
    real = real || ir_type_real(type[n - 1]);
  }
  ir_type one = real || wide ? api_common_type(n, type) : type[0];
  return ir_type_name(wide ? ir_type_computed(one) : one);
}

/* Where a slice begins or ends, counted from the end if negative, within the axis. */
static void put_border(base_text *out, const operation_call *c, int i) {
  int axis = (int)c->value[operation_attribute_named(c, "axis", 4)][0];
  double v = c->value[i][0];
  const char *x = operation_name(c, 0);
  if (!c->nvalues[i] || v > 0x1p52)
    base_putf(out, "size(%s,%d)", x, axis);
  else if (v < 0)
    base_putf(out, "max(0,size(%s,%d)-%.0f)", x, axis, -v);
  else
    base_putf(out, "min(%.0f,size(%s,%d))", v, x, axis);
}

static void put_before(base_text *out, const operation_call *c, int element) {
  int axis = (int)c->value[operation_attribute_named(c, "axis", 4)][0];
  if (element == 0) base_put(out, "0");
  for (int i = 0; i < element; i++)
    base_putf(out, "%ssize(%s,%d)", i ? "+" : "", operation_name(c, i), axis);
}

/* ---- reshape --------------------------------------------------------------------------------- */

/* Positions that hold the same elements on both sides: of the tensor [from, from + nfrom), of the
 * shape [to, to + nto). Where both are one, the size stays a symbol: another batch is no other
 * text. [8,6,4] as [8,3,2,4]     X[j0,j1*2+j2,j3]        [8,6] as [48]     X[j0/6,j0%6] */
typedef struct group {
  int from, nfrom, to, nto;
} group;

static int64_t shape_size(const operation_call *c, int k) {
  int i = operation_attribute_named(c, "shape", 5), n = c->nvalues[i];
  int64_t known = 1;
  if (c->value[i][k] != -1) return (int64_t)c->value[i][k];
  for (int j = 0; j < n; j++)
    if (j != k) known *= (int64_t)c->value[i][j];
  return known ? tl_count(c->tensor[0]) / known : 0;
}

static group next_group(const operation_call *c, const group *last) {
  const tl_tensor *x = c->tensor[0];
  int n = c->nvalues[operation_attribute_named(c, "shape", 5)];
  group g = {last->from + last->nfrom, 0, last->to + last->nto, 0};
  int64_t have = 1, want = 1;
  do {
    bool more_x = g.from + g.nfrom < x->rank, more_y = g.to + g.nto < n;
    bool take_x = !g.nfrom || (g.nto && have < want) || !more_y;
    if (more_x && take_x)
      have *= x->size[g.from + g.nfrom++];
    else if (more_y)
      want *= shape_size(c, g.to + g.nto++);
    else
      break;
  } while (have != want || !g.nfrom || !g.nto || have == 0);
  return g;
}

/* Where an element of the shape is, within its group: (j0*4+j1)*2+j2. */
static void put_flat(base_text *out, const operation_call *c, const group *g) {
  if (!g->nto) base_put(out, "0");
  for (int k = 1; k + 1 < g->nto; k++) base_put(out, "(");
  for (int k = 0; k < g->nto; k++) {
    if (k) base_putf(out, "%s*%lld+", k > 1 ? ")" : "", (long long)shape_size(c, g->to + k));
    base_putf(out, "j%d", g->to + k);
  }
}

static void put_sources(base_text *out, const operation_call *c, const group *g) {
  const tl_tensor *x = c->tensor[0];
  int64_t behind = 1;
  for (int k = 1; k < g->nfrom; k++) behind *= x->size[g->from + k];
  for (int k = 0; k < g->nfrom; k++) {
    bool divided = behind > 1, first = k == 0;
    if (g->from + k) base_put(out, ",");
    if (g->nto > 1 && (divided || !first)) base_put(out, "(");
    put_flat(out, c, g);
    if (g->nto > 1 && (divided || !first)) base_put(out, ")");
    if (divided) base_putf(out, "/%lld", (long long)behind);
    if (!first) base_putf(out, "%%%lld", (long long)x->size[g->from + k]);
    if (k + 1 < g->nfrom) behind /= x->size[g->from + k + 1];
  }
}

/* {shape}: the sizes; {places}: an index for each; {source}: what is read there. */
static void put_shape(base_text *out, const operation_call *c, char what) {
  int n = c->nvalues[operation_attribute_named(c, "shape", 5)], rank = c->tensor[0]->rank;
  if (what == 'p')
    for (int k = 0; k < n; k++) base_putf(out, k ? ",j%d" : "j%d", k);
  for (group g = {0, 0, 0, 0}; what != 'p' && (g.from + g.nfrom < rank || g.to + g.nto < n);) {
    g = next_group(c, &g);
    bool same = g.nfrom == 1 && g.nto == 1;
    for (int k = g.to; what == 's' && k < g.to + g.nto; k++) {
      if (k) base_put(out, ",");
      if (same)
        base_putf(out, "size(%s,%d)", operation_name(c, 0), g.from);
      else
        base_putf(out, "%lld", (long long)shape_size(c, k));
    }
    if (what == 'r') put_sources(out, c, &g);
  }
}

static void put_choice(base_text *out, const char *list, int chosen, const char *end) {
  for (; chosen > 0 && list < end; list++) chosen -= *list == '|';
  const char *to = list;
  while (to < end && *to != '|') to++;
  base_put_n(out, list, (size_t)(to - list));
}

static void put_attribute(base_text *out, const operation_call *c, int i, int element) {
  const operation_attribute *a = &c->op.attribute[i];
  if (a->kind == OPERATION_BEGIN || a->kind == OPERATION_END)
    put_border(out, c, i);
  else if (c->nvalues[i])
    base_put_number(out, c->value[i][element]);
  else
    base_putf(out, "(%s)", a->otherwise);
}

/* What stands from AT to END between braces. */
static void put_braces(base_text *out, const operation_call *c, int element, const char *at,
                       const char *end) {
  size_t n = 0;
  while (at + n < end && at[n] != '|') n++;
  int i = operation_attribute_named(c, at, n);
  if (i >= 0 && at + n < end)
    put_choice(out, at + n + 1, (int)c->value[i][0], end);
  else if (operation_is(at, n, "type"))
    base_put(out, type_name(c, false));
  else if (operation_is(at, n, "wide"))
    base_put(out, type_name(c, true));
  else if (operation_is(at, n, "before"))
    put_before(out, c, element);
  else if (operation_is(at, n, "shape"))
    put_shape(out, c, 's');
  else if (operation_is(at, n, "places"))
    put_shape(out, c, 'p');
  else if (operation_is(at, n, "source"))
    put_shape(out, c, 'r');
  else if (i >= 0)
    put_attribute(out, c, i, 0);
  else
    put_attribute(out, c, operation_attribute_named(c, at, n - 1), at[n - 1] - '0');
}

char *operation_fill(const operation_call *c, int element, const char *text, size_t n) {
  base_text out = base_text_open(c->arena);
  for (const char *at = text, *end = text + n; at < end; at++) {
    const char *close = *at == '{' ? memchr(at, '}', (size_t)(end - at)) : NULL;
    if (!close)
      base_put_n(&out, at, 1);
    else
      put_braces(&out, c, element, at + 1, close), at = close;
  }
  return out.at;
}
