/* json: values as JSON. Nested lists; with symbol positions rows of keys and value. */
#include "lang/machine.h"

#include <math.h>
#include <string.h>

void machine_put_string(base_text *text, const char *s, size_t n) { base_put_quoted(text, s, n); }

static void put_element(base_text *text, const machine_view *v, int64_t i) {
  ir_value x = device_load_value(v->type, v->data, i);
  bool real = ir_type_real(x.type), odd = real && !isfinite(x.u.f);
  if (odd) base_put(text, "\"");
  if (v->type == IR_BOOL)
    base_put(text, x.u.i ? "true" : "false");
  else if (real)
    machine_put_number(text, v->type == IR_F64 ? IR_F64 : IR_F32, x.u.f); /* the stored value */
  else
    base_putf(text, "%lld", (long long)x.u.i);
  if (odd) base_put(text, "\"");
}

static void put_list(base_text *text, const machine_view *v, int k, int64_t *at) {
  if (k == v->rank) {
    put_element(text, v, (*at)++);
    return;
  }
  base_put(text, "[");
  for (int64_t i = 0; i < v->size[k]; i++) {
    if (i) base_put(text, ", ");
    put_list(text, v, k + 1, at);
  }
  base_put(text, "]");
}

void machine_put_element(base_text *text, const machine_view *v, int64_t i, bool json) {
  if (json) put_element(text, v, i);
  else machine_put_short(text, v, i);
}

typedef struct rows {
  base_text *text;
  const machine_view *v;
  bool more;
} rows;

static void put_row(void *arg, const int64_t *key, int64_t at) {
  rows *r = arg;
  base_put(r->text, r->more ? ", [" : "[");
  r->more = true;
  for (int k = 0; k < r->v->rank; k++) {
    const lang_domain *d = r->v->domain[k];
    if (d)
      machine_put_string(r->text, d->symbol[key[k]], strlen(d->symbol[key[k]]));
    else
      base_putf(r->text, "%lld", (long long)(key[k] + (k ? 0 : r->v->first)));
    base_put(r->text, ", ");
  }
  put_element(r->text, r->v, at);
  base_put(r->text, "]");
}

void machine_put_json(base_text *text, const machine_view *v) {
  int64_t at = 0;
  rows r = {text, v, false};
  if (!machine_named(v)) {
    put_list(text, v, 0, &at);
    return;
  }
  base_put(text, "[");
  machine_each(text->arena, v, put_row, &r);
  base_put(text, "]");
}
