/* Tensor handles: values, and lazy ones that are computed when they are read. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/api.h"

tl_tensor *api_tensor(tl_context *ctx, api_kind kind) {
  tl_tensor *t = base_calloc(ctx->base, sizeof *t);
  t->ctx = ctx;
  t->refs = 1;
  t->kind = kind;
  t->next = ctx->tensors;
  if (t->next) t->next->previous = t;
  ctx->tensors = t;
  return t;
}

tl_tensor *api_tensor_of(tl_context *ctx, run_value *v) {
  tl_tensor *t = api_tensor(ctx, API_VALUE);
  t->value = v;
  return t;
}

void api_tensor_free(tl_tensor *t) {
  tl_context *ctx = t->ctx;
  if (t->previous) t->previous->next = t->next;
  else ctx->tensors = t->next;
  if (t->next) t->next->previous = t->previous;
  run_release(t->value);
  base_arena_close(t->arena);
  base_free(ctx->base, t);
}

/* A chain of a million equations is released without recursion: those that die wait in a list of their own. */
void tl_release(tl_tensor *t) {
  tl_tensor *dying = NULL;
  if (!t || --t->refs > 0) return;
  t->built = 0;
  t->ir = NULL;
  for (tl_tensor *x = t; x; x = dying) {
    dying = x == t ? NULL : (tl_tensor *)(void *)x->ir;
    for (int i = 0; i < x->n; i++)
      if (x->input[i] && --x->input[i]->refs == 0) {
        x->input[i]->ir = (ir_tensor *)(void *)dying;
        dying = x->input[i];
      }
    api_tensor_free(x);
  }
}

tl_tensor *tl_retain(tl_tensor *t) {
  if (t) t->refs++;
  return t;
}

/* ---- from host memory ----------------------------------------------------------------------------------- */

typedef struct making {
  tl_context *ctx;
  tl_type type;
  int rank;
  const int64_t *size;
  const void *data;
  tl_tensor *made;
} making;

static void make(void *arg) {
  making *m = arg;
  if ((unsigned)m->type >= IR_TYPES) base_raise(m->ctx->base, BASE_ARGUMENT, base_nowhere, "%d is no tl_type", (int)m->type);
  if (m->rank < 0 || (m->rank > 0 && !m->size))
    base_raise(m->ctx->base, BASE_ARGUMENT, base_nowhere, "a tensor of rank %d needs %s", m->rank, m->rank < 0 ? "a rank from 0" : "sizes");
  m->made = api_tensor(m->ctx, API_VALUE);
  m->made->value = run_value_new(m->ctx->session, (ir_type)m->type, m->rank, m->size, m->data);
}

tl_tensor *tl_from(tl_context *ctx, tl_type type, int rank, const int64_t *size, const void *data) {
  if (!ctx || !ctx->session) return NULL;
  making m = {ctx, type, rank, size, data, NULL};
  if (api_call(ctx, make, &m) == TL_OK) return m.made;
  tl_release(m.made);
  return NULL;
}

tl_tensor *tl_scalar(tl_context *ctx, tl_type type, double value) {
  char element[8];
  ir_value v = {.type = (unsigned)type < IR_TYPES ? ir_type_computed((ir_type)type) : IR_F64};
  if (ir_type_real(v.type)) v.u.f = value;
  else v.u.i = (int64_t)value;
  if ((unsigned)type < IR_TYPES) device_store_value((ir_type)type, element, 0, v);
  return tl_from(ctx, type, 0, NULL, element);
}

/* ---- to host memory -------------------------------------------------------------------------------------- */

typedef struct computing {
  tl_context *ctx;
  int n;
  tl_tensor *const *t;
} computing;

static void compute(void *arg) {
  computing *c = arg;
  api_compute(c->ctx, c->n, c->t);
}

tl_status tl_eval(int n, tl_tensor *const *t) {
  tl_context *ctx = NULL;
  for (int i = 0; i < n; i++) {
    if (!t[i]) return TL_ARGUMENT;
    if (ctx && t[i]->ctx != ctx) return api_refuse(ctx, BASE_ARGUMENT, "the tensors are of different contexts");
    ctx = t[i]->ctx;
  }
  computing c = {ctx, n, t};
  return n > 0 ? api_call(ctx, compute, &c) : TL_OK;
}

static run_value *value_of(tl_tensor *t) { return t && tl_eval(1, &t) == TL_OK ? t->value : NULL; }

tl_type tl_tensor_type(const tl_tensor *t) {
  run_value *v = value_of((tl_tensor *)(uintptr_t)t);
  return v ? (tl_type)v->type : TL_F32;
}

int tl_rank(tl_tensor *t) {
  run_value *v = value_of(t);
  return v ? v->rank : -1;
}

int64_t tl_size(tl_tensor *t, int position) {
  run_value *v = value_of(t);
  return v && position >= 0 && position < v->rank ? v->size[position] : -1;
}

int64_t tl_count(tl_tensor *t) {
  run_value *v = value_of(t);
  return v ? v->count : -1;
}

static tl_status check_bytes(tl_tensor *t, size_t bytes) {
  if (run_value_bytes(t->value) == bytes) return TL_OK;
  char message[160];
  snprintf(message, sizeof message, "the tensor has %zu bytes (%lld elements of %s); the buffer has %zu",
           run_value_bytes(t->value), (long long)t->value->count, ir_type_name(t->value->type), bytes);
  return api_refuse(t->ctx, BASE_ARGUMENT, message);
}

tl_status tl_read(tl_tensor *t, void *to, size_t bytes) {
  if (!t) return TL_ARGUMENT;
  tl_status status = tl_eval(1, &t);
  if (status == TL_OK) status = check_bytes(t, bytes);
  if (status == TL_OK && bytes) run_value_read(t->value, to);
  return status;
}

double tl_value(tl_tensor *t) {
  run_value *v = value_of(t);
  if (v && v->count == 1) return run_value_at(v, 0);
  if (v) api_refuse(t->ctx, BASE_ARGUMENT, "tl_value takes a tensor with one element");
  return NAN;
}

typedef struct writing {
  tl_tensor *t;
  const void *from;
} writing;

static void write_value(void *arg) {
  writing *w = arg;
  run_value_write(w->t->value, w->from);
}

tl_status tl_write(tl_tensor *t, const void *from, size_t bytes) {
  if (!t) return TL_ARGUMENT;
  if (t->kind != API_VALUE) return api_refuse(t->ctx, BASE_ARGUMENT, "tl_write takes a tensor made by tl_from or tl_scalar");
  tl_status status = check_bytes(t, bytes);
  writing w = {t, from};
  return status == TL_OK ? api_call(t->ctx, write_value, &w) : status;
}
