/* start: how parameters begin. Each has a stream of random numbers of its own, by its name, so
 * that it begins alike whatever else the program holds. */
#include "lang/machine.h"

#include <math.h>
#include <string.h>

typedef struct stream {
  int64_t key, number;
} stream;

static double uniform(const stream *s, int64_t i) { /* in (0, 1) */
  return ((double)ir_random_bits(s->key, s->number, i) + 0.5) * 0x1p-32;
}

static double normal(const stream *s, int64_t i) { /* Box and Muller */
  return sqrt(-2 * log(uniform(s, 2 * i))) * cos(2 * M_PI * uniform(s, 2 * i + 1));
}

static double element(const lang_tensor *t, const stream *s, int64_t i) {
  switch (t->how) {
  case LANG_START_NORMAL: return t->amount * normal(s, i);
  case LANG_START_UNIFORM: return t->amount * (2 * uniform(s, i) - 1);
  default: return t->amount;
  }
}

void machine_start(lang_machine *m, const lang_tensor *t, void *data, int64_t n) {
  uint64_t own = base_hash(t->name, strlen(t->name), 0) >> 1 | UINT64_C(1) << 62; /* no draw's */
  stream s = {machine_key(m), (int64_t)own};
  ir_type type = ir_type_computed(t->ir->type);
  for (int64_t i = 0; i < n; i++) {
    double x = element(t, &s, i);
    ir_value exact = {.type = IR_F64, .u.f = x}, v = ir_eval_op(IR_CAST, type, &exact);
    device_store_value(t->ir->type, data, i, v);
  }
}
