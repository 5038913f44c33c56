/* Einstein summation as NumPy writes it, to an equation of the language:
 *
 *   "ij,jk"          A[2,3] B[3,4]            Y[i,k] = A[i,j] B[j,k]
 *   "...ii->...i"    A[5,2,2]                 Y[e0,i] = A[e0,i,i]
 *
 * A capital label becomes an index of two letters, `aa`: in the language capitals are constants. */
#include <ctype.h>
#include <string.h>

#include "api/operation.h"

enum { LABELS = 128, DOTS = '.' };

typedef struct operand {
  char label[RUN_RANK + 2]; /* DOTS stands for all positions of the ellipsis */
  int n, dots;              /* labels and DOTS; positions that it stands for, -1: there is none */
} operand;

typedef struct summation {
  base_arena *arena;
  base_ctx *base;
  const char *spec;
  int n;
  tl_tensor *const *tensor;
  operand in[EINSUM_OPERANDS], out;
  bool wide[LABELS];        /* labels that are more than 1 long somewhere */
  bool wide_dots[RUN_RANK]; /* the same of the ellipsis, counted from its end */
  int times[LABELS];        /* how often a label stands on the left */
  int dots;                 /* positions of the widest ellipsis */
} summation;

_Noreturn static void refuse(const summation *s, const char *why) {
  base_raise(s->base, BASE_ARGUMENT, base_nowhere, "%s", why);
}
#define REFUSE(s, ...) refuse(s, base_format((s)->arena, __VA_ARGS__))

const char *einsum_name(int i) {
  static const char *const name[EINSUM_OPERANDS] = {"A", "B", "C", "D", "E", "F", "G", "H",
                                                        "I", "J", "K", "L", "M", "N", "O", "P"};
  return name[i];
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Labels from *AT up to a comma, an arrow or the end. */
static operand read_operand(const summation *s, const char **at) {
  operand o = {.dots = -1};
  for (; **at && **at != ',' && **at != '-'; ++*at) {
    char c = **at;
    if (c == ' ') continue;
    if (c == '.' && strncmp(*at, "...", 3) == 0 && o.dots < 0) {
      *at += 2;
      o.dots = 0;
      c = DOTS;
    } else if (!isalpha((unsigned char)c)) {
      REFUSE(s, "`%c` is no label: labels are letters, and `...` stands once in an operand", c);
    }
    if (o.n > RUN_RANK) REFUSE(s, "more than %d labels in one operand", RUN_RANK);
    o.label[o.n++] = c;
  }
  return o;
}

static void read_output(summation *s, const char *at) {
  if (strncmp(at, "->", 2) != 0) REFUSE(s, "`%s` is no arrow: the result stands behind `->`", at);
  at += 2;
  s->out = read_operand(s, &at);
  if (*at) REFUSE(s, "`%s` behind the result", at);
}

/* What stands once, in the order of the alphabet, the ellipsis in front. */
static void imply_output(summation *s) {
  if (s->dots) s->out.label[s->out.n++] = DOTS;
  for (int c = 'A'; c <= 'z'; c++) {
    if (s->times[c] != 1) continue;
    if (s->out.n > RUN_RANK) REFUSE(s, "the result has more than %d positions", RUN_RANK);
    s->out.label[s->out.n++] = (char)c;
  }
  s->out.dots = s->dots ? 0 : -1;
}

static void meet_operand(summation *s, int i) {
  operand *o = &s->in[i];
  const tl_tensor *t = s->tensor[i];
  int labels = o->n - (o->dots >= 0), position = 0;
  if (t->rank < labels || (o->dots < 0 && t->rank != labels))
    REFUSE(s, "operand %d (%s) has %d position%s; `%s` has %d label%s for it", i, einsum_name(i),
           t->rank, t->rank == 1 ? "" : "s", s->spec, labels, labels == 1 ? "" : "s");
  if (o->dots >= 0) o->dots = t->rank - labels;
  if (o->dots > s->dots) s->dots = o->dots;
  for (int k = 0; k < o->n; k++) {
    int c = o->label[k], width = c == DOTS ? o->dots : 1;
    if (c != DOTS) s->times[c]++;
    for (int p = 0; p < width; p++, position++) {
      bool wide = t->size[position] != 1;
      if (c == DOTS)
        s->wide_dots[o->dots - 1 - p] |= wide;
      else
        s->wide[c] |= wide;
    }
  }
}

static void check_output(const summation *s) {
  bool seen[LABELS] = {false};
  for (int k = 0; k < s->out.n; k++) {
    int c = s->out.label[k];
    if (c == DOTS) continue;
    if (!s->times[c]) REFUSE(s, "the result's label `%c` stands in no operand", c);
    if (seen[c]) REFUSE(s, "the label `%c` stands twice in the result", c);
    seen[c] = true;
  }
  if (s->dots && s->out.dots < 0)
    REFUSE(s, "the operands have %d position%s by `...`, and the result has no `...`", s->dots,
           s->dots == 1 ? "" : "s");
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Labels in brackets; of TENSOR what is 1 long is read at 0, where it is longer elsewhere. */
static void put_labels(base_text *out, const summation *s, const operand *o, int dots,
                       const tl_tensor *tensor) {
  int position = 0;
  for (int k = 0; k < o->n; k++) {
    int c = o->label[k], width = c == DOTS ? dots : 1;
    for (int p = 0; p < width; p++, position++) {
      int from_end = dots - 1 - p;
      bool wide = c == DOTS ? s->wide_dots[from_end] : s->wide[c];
      base_put(out, position ? "," : "[");
      if (tensor && tensor->size[position] == 1 && wide)
        base_put(out, "0");
      else if (c == DOTS)
        base_putf(out, "e%d", s->dots - 1 - from_end);
      else if (islower(c))
        base_putf(out, "%c", c);
      else
        base_putf(out, "%c%c", tolower(c), tolower(c));
    }
  }
  if (position) base_put(out, "]");
}

char *einsum_equations(base_arena *arena, const char *spec, int n, tl_tensor *const *tensor) {
  summation *s = BASE_NEW(arena, summation);
  *s = (summation){
      .arena = arena, .base = base_arena_ctx(arena), .spec = spec, .n = n, .tensor = tensor};
  const char *at = spec;
  int read = 0;
  do {
    if (read == n) REFUSE(s, "`%s` has more operands than the %d given", spec, n);
    s->in[read] = read_operand(s, &at);
    meet_operand(s, read++);
  } while (*at == ',' && at++);
  if (read < n)
    REFUSE(s, "`%s` has %d operand%s; %d are given", spec, read, read > 1 ? "s" : "", n);
  if (*at)
    read_output(s, at);
  else
    imply_output(s);
  check_output(s);
  base_text out = base_text_open(arena);
  base_put(&out, "Y");
  put_labels(&out, s, &s->out, s->dots, NULL);
  base_put(&out, " =");
  for (int i = 0; i < n; i++) {
    base_putf(&out, " %s", einsum_name(i));
    put_labels(&out, s, &s->in[i], s->in[i].dots, tensor[i]);
  }
  return out.at;
}
