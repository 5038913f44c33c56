/* Tensor handles: made from host memory, read back, released. */
#include <math.h>
#include <string.h>

#include "api/api.h"

/* ---- life ------------------------------------------------------------------------------------ */

static void enlist(tl_context *ctx, tl_tensor *t) {
  t->ctx = ctx;
  t->refs = 1;
  t->serial = ++ctx->serial;
  t->next = ctx->tensors;
  if (t->next) t->next->previous = t;
  ctx->tensors = t;
}

/* Handles come and go with each call: a few are kept. NULL: no memory. */
static tl_tensor *handle_of(tl_context *ctx, size_t more) {
  tl_tensor *t = more ? NULL : ctx->spare;
  if (!t) return base_try_malloc(ctx->base, sizeof *t + more);
  ctx->spare = t->next;
  ctx->nspare--;
  return t;
}

tl_tensor *api_tensor_new(tl_context *ctx, api_kind kind, int n, int rank, const int64_t *size) {
  bool large = n > API_INPUTS || rank > API_SIZES;
  size_t inputs = (size_t)n * sizeof(tl_tensor *);
  tl_tensor *t = handle_of(ctx, large ? inputs + (size_t)rank * sizeof *size : 0);
  if (!t) base_raise(ctx->base, BASE_MEMORY, base_nowhere, "out of memory: a handle of a tensor");
  *t = (tl_tensor){.kind = kind, .rank = rank, .n = n, .large = large};
  t->input = large ? (tl_tensor **)(t + 1) : t->own_input;
  int64_t *own = large ? (int64_t *)(t->input + n) : t->own_size;
  for (int k = 0; k < rank; k++) own[k] = size[k];
  t->size = own;
  enlist(ctx, t);
  return t;
}

tl_tensor *api_tensor_of(tl_context *ctx, run_value *v) {
  tl_tensor *t = handle_of(ctx, 0);
  if (!t) {
    run_release(v);
    base_raise(ctx->base, BASE_MEMORY, base_nowhere, "out of memory: a handle of a tensor");
  }
  *t = (tl_tensor){.kind = API_VALUE, .value = v, .type = v->type, .rank = v->rank};
  t->size = v->size;
  enlist(ctx, t);
  return t;
}

void api_tensor_free(tl_tensor *t) {
  tl_context *ctx = t->ctx;
  if (t->previous) t->previous->next = t->next;
  else ctx->tensors = t->next;
  if (t->next) t->next->previous = t->previous;
  run_release(t->value);
  if (t->form) api_text_release(ctx, t->form->text);
  if (t->apply) api_apply_free(ctx, t->apply);
  if (!t->large && ctx->nspare < API_SPARES) {
    t->next = ctx->spare;
    ctx->spare = t;
    ctx->nspare++;
    return;
  }
  base_free(ctx->base, t);
}

void api_spares_free(tl_context *ctx) {
  while (ctx->spare) base_free(ctx->base, handle_of(ctx, 0));
}

/* A long chain is released without recursion: those that die wait in a list. */
void tl_release(tl_tensor *t) {
  if (!t || --t->refs > 0) return;
  t->dying = NULL;
  for (tl_tensor *x = t, *dying; x; x = dying) {
    dying = x->dying;
    for (int i = 0; i < x->n; i++) {
      tl_tensor *input = x->input[i];
      if (--input->refs > 0) continue;
      input->dying = dying;
      dying = input;
    }
    api_tensor_free(x);
  }
}

tl_tensor *tl_retain(tl_tensor *t) {
  if (t) t->refs++;
  return t;
}

/* ---- from host memory ------------------------------------------------------------------------ */

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
  run_session *s = m->ctx->session;
  m->made = api_tensor_of(m->ctx, run_value_new(s, (ir_type)m->type, m->rank, m->size, m->data));
}

tl_tensor *tl_from(tl_context *ctx, tl_type type, int rank, const int64_t *size, const void *data) {
  if (!ctx || !ctx->session) return NULL;
  making m = {ctx, type, rank, size, data, NULL};
  if ((unsigned)type >= IR_TYPES)
    api_refuse(ctx, BASE_ARGUMENT, "tl_from: %d is no tl_type", (int)type);
  else if (rank < 0)
    api_refuse(ctx, BASE_ARGUMENT, "tl_from: a rank is 0 or more, not %d", rank);
  else if (rank > 0 && !size)
    api_refuse(ctx, BASE_ARGUMENT, "tl_from: a tensor of rank %d needs sizes; they are NULL", rank);
  else
    api_call(ctx, make, &m);
  return m.made;
}

tl_tensor *tl_scalar(tl_context *ctx, tl_type type, double value) {
  if ((unsigned)type >= IR_TYPES) return tl_from(ctx, type, 0, NULL, NULL);
  char element[8];
  ir_value given = {.type = IR_F64, .u.f = value};
  device_store_value((ir_type)type, element, 0, ir_eval_op(IR_CAST, (ir_type)type, &given));
  return tl_from(ctx, type, 0, NULL, element);
}

/* ---- what is known without computing --------------------------------------------------------- */

tl_type tl_tensor_type(const tl_tensor *t) { return t ? (tl_type)t->type : TL_F32; }
int tl_rank(const tl_tensor *t) { return t ? t->rank : -1; }

int64_t tl_size(const tl_tensor *t, int position) {
  if (!t) return -1;
  if (position >= 0 && position < t->rank) return t->size[position];
  api_refuse(t->ctx, BASE_ARGUMENT, "tl_size: there is no position %d in a tensor of rank %d",
             position, t->rank);
  return -1;
}

int64_t tl_count(const tl_tensor *t) {
  int64_t count = 1;
  for (int k = 0; t && k < t->rank; k++) count *= t->size[k];
  return t ? count : -1;
}

static size_t bytes_of(const tl_tensor *t) { return (size_t)tl_count(t) * ir_type_bytes(t->type); }

/* ---- computing, and to host memory ----------------------------------------------------------- */

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
  bool done = true;
  for (int i = 0; i < n; i++) {
    if (!t[i]) return TL_ARGUMENT;
    if (t[i]->ctx != t[0]->ctx)
      return api_refuse(t[0]->ctx, BASE_ARGUMENT, "tl_eval: tensor %d is of another context", i);
    done = done && t[i]->value;
  }
  if (done) return TL_OK;
  computing c = {t[0]->ctx, n, t};
  return api_call(c.ctx, compute, &c);
}

static run_value *value_of(tl_tensor *t) { return t && tl_eval(1, &t) == TL_OK ? t->value : NULL; }

static tl_status check_bytes(const char *call, const tl_tensor *t, size_t bytes) {
  if (bytes_of(t) == bytes) return TL_OK;
  return api_refuse(t->ctx, BASE_ARGUMENT,
                    "%s: the tensor has %zu bytes (%lld elements of %s); the buffer has %zu", call,
                    bytes_of(t), (long long)tl_count(t), ir_type_name(t->type), bytes);
}

typedef struct reading {
  const run_value *v;
  void *to;                      /* all of it; NULL: the first element as double */
  double first;
} reading;

static void read_value(void *arg) {
  reading *r = arg;
  if (r->to) run_value_read(r->v, r->to);
  else r->first = run_value_at(r->v, 0);
}

tl_status tl_read(tl_tensor *t, void *to, size_t bytes) {
  if (!t) return TL_ARGUMENT;
  tl_status status = check_bytes("tl_read", t, bytes);
  if (status == TL_OK && bytes && !to)
    status = api_refuse(t->ctx, BASE_ARGUMENT, "tl_read to NULL");
  if (status == TL_OK) status = tl_eval(1, &t);
  if (status != TL_OK || !bytes) return status;
  reading r = {t->value, to, NAN};
  return api_call(t->ctx, read_value, &r);
}

double tl_value(tl_tensor *t) {
  if (t && tl_count(t) != 1) {
    api_refuse(t->ctx, BASE_ARGUMENT, "tl_value takes a tensor with one element; this one has %lld",
               (long long)tl_count(t));
    return NAN;
  }
  reading r = {value_of(t), NULL, NAN};
  return r.v && api_call(t->ctx, read_value, &r) == TL_OK ? r.first : NAN;
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
  if (t->kind != API_VALUE)
    return api_refuse(t->ctx, BASE_ARGUMENT, "tl_write: the tensor is what its equation says");
  tl_status status = check_bytes("tl_write", t, bytes);
  if (status != TL_OK || !bytes) return status;
  if (!from) return api_refuse(t->ctx, BASE_ARGUMENT, "tl_write from NULL");
  writing w = {t, from};
  return api_call(t->ctx, write_value, &w);
}

typedef struct detaching {
  tl_tensor *of, *made;
} detaching;

static void detach(void *arg) {
  detaching *d = arg;
  d->made = api_tensor_of(d->of->ctx, run_value_share(d->of->value));
}

tl_tensor *tl_detach(tl_tensor *t) {
  detaching d = {t, NULL};
  if (value_of(t)) api_call(t->ctx, detach, &d);
  return d.made;
}
