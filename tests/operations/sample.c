#include "sample.h"

#include <ctype.h>
#include <math.h>

/* Element K of tensor I: in (-1, 1), no two alike, none near 0 nor near another. */
static double value_of(int i, int64_t k) {
  int64_t scrambled = (k * 37 + i * 11 + 5) % 101;
  return ((double)scrambled - 50.0) / 51.0 + 0.004 + 0.0001 * i;
}

static void read_tensor(sample_tensor *t, int i, const char *text) {
  *t = (sample_tensor){.given = *text != '_', .count = 1};
  for (const char *at = text; isdigit((unsigned char)*at);) {
    t->size[t->rank++] = strtol(at, (char **)&at, 10);
    if (*at == ',')
      at++;
    else
      text = at;
  }
  if (t->rank) t->kind = *text;
  if (t->kind == 'i') t->below = atoi(text + 1);
  for (int k = 0; k < t->rank; k++) t->count *= t->size[k];
  assert_true(t->count <= SAMPLE_ELEMENTS);
  for (int64_t k = 0; k < t->count; k++) {
    double v = value_of(i, k);
    int64_t scrambled = (k * 37 + i * 11 + 5) % 101;
    t->value[k] = t->kind == 'i'   ? (double)(scrambled % t->below)
                  : t->kind == 'b' ? (double)(scrambled % 2)
                  : t->kind == 'p' ? 0.3 + fabs(v)
                                   : v;
  }
}

static void read_attribute(sample *s, const char *text, size_t name) {
  assert_true(name < sizeof s->name[0] && s->nattributes < 16);
  char *own = s->name[s->nattributes];
  memcpy(own, text, name);
  own[name] = 0;
  s->attribute[s->nattributes++] = (tl_attr){own, atof(text + name + 1)};
}

bool sample_next(sample *s, const operation_row *row, const char **at) {
  *at += strspn(*at, " ;");
  if (!**at) return false;
  size_t n = strcspn(*at, ";");
  memset(s, 0, sizeof *s);
  s->row = row;
  assert_true(n < sizeof s->text);
  memcpy(s->text, *at, n);
  *at += n;
  for (char *word = s->text; *word;) {
    word += strspn(word, " ");
    size_t length = strcspn(word, " ");
    const char *equals = memchr(word, '=', length);
    if (equals)
      read_attribute(s, word, (size_t)(equals - word));
    else
      read_tensor(&s->tensor[s->n], s->n, word), s->n++;
    word += length;
  }
  return true;
}

static void store(tl_type type, void *to, int64_t k, double value) {
  ir_value given = {.type = IR_F64, .u.f = value};
  device_store_value((ir_type)type, to, k, ir_eval_op(IR_CAST, (ir_type)type, &given));
}

tl_tensor *sample_make(tl_context *ctx, const sample *s, int i, tl_type type) {
  const sample_tensor *t = &s->tensor[i];
  if (!t->given) return NULL;
  if (t->kind == 'i') type = TL_I64;
  if (t->kind == 'b') type = TL_BOOL;
  double room[SAMPLE_ELEMENTS];
  for (int64_t k = 0; k < t->count; k++) store(type, room, k, t->value[k]);
  tl_tensor *made = tl_from(ctx, type, t->rank, t->size, room);
  assert_non_null(made);
  return made;
}

tl_tensor *sample_call(tl_context *ctx, const sample *s, tl_tensor *const *tensor) {
  tl_tensor *y = tl_op(ctx, s->row->name, s->n, tensor, s->attribute);
  if (!y || tl_eval(1, &y) != TL_OK) {
    char *why = tl_diagnosis(ctx, 0);
    fail_msg("%s, %s: %s", s->row->name, s->text, why);
  }
  return y;
}

int sample_read(tl_tensor *t, double *to) {
  double room[SAMPLE_ELEMENTS];
  int n = (int)tl_count(t);
  ir_type type = (ir_type)tl_tensor_type(t);
  assert_true(n <= SAMPLE_ELEMENTS);
  assert_int_equal(tl_read(t, room, (size_t)n * ir_type_bytes(type)), TL_OK);
  for (int k = 0; k < n; k++) {
    ir_value v = device_load_value(type, room, k);
    to[k] = ir_type_real(v.type) ? v.u.f : (double)v.u.i;
  }
  return n;
}
