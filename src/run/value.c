/* Values: a type, sizes and a buffer. */
#include "run/private.h"

static run_value *value_on(run_session *s, ir_type type, int rank, const int64_t *size) {
  if (rank > RUN_RANK)
    base_raise(s->ctx, BASE_ARGUMENT, base_nowhere, "a tensor of %d positions; %d is the most",
               rank, RUN_RANK);
  int64_t count = 1;
  for (int k = 0; k < rank; k++)
    if (size[k] < 0 || __builtin_mul_overflow(count, size[k], &count) || count > (INT64_MAX >> 4))
      base_raise(s->ctx, BASE_ARGUMENT, base_nowhere, "position %d of a tensor has size %lld: %s",
                 k, (long long)size[k],
                 size[k] < 0 ? "sizes are not negative" : "too many elements in all");
  run_value *v = base_calloc(s->ctx, sizeof *v);
  *v = (run_value){.session = s, .refs = 1, .type = type, .rank = rank, .count = count};
  for (int k = 0; k < rank; k++) v->size[k] = size[k];
  return v;
}

run_value *run_value_new(run_session *s, ir_type type, int rank, const int64_t *size,
                         const void *data) {
  run_value *v = value_on(s, type, rank, size);
  base_trap trap;
  if (BASE_TRY(s->ctx, &trap)) {
    v->buffer = device_alloc(s->device, run_value_bytes(v), !data);
    if (data) device_write(v->buffer, 0, data, run_value_bytes(v));
    base_untrap(s->ctx, &trap);
  } else {
    device_release(v->buffer);
    base_free(s->ctx, v);
    base_raise_again(s->ctx);
  }
  return v;
}

run_value *run_value_share(const run_value *v) {
  run_value *w = value_on(v->session, v->type, v->rank, v->size);
  w->buffer = device_retain(v->buffer);
  return w;
}

run_value *run_retain(run_value *v) {
  if (v) v->refs++;
  return v;
}

void run_release(run_value *v) {
  if (!v || --v->refs > 0) return;
  device_release(v->buffer);
  base_free(v->session->ctx, v);
}

size_t run_value_bytes(const run_value *v) { return (size_t)v->count * ir_type_bytes(v->type); }

void run_value_read(const run_value *v, void *to) {
  device_read(v->buffer, 0, to, run_value_bytes(v));
}

void run_value_write(run_value *v, const void *from) {
  if (v->buffer->refs > 1) {
    device_buffer *own = device_alloc(v->buffer->device, run_value_bytes(v), false);
    device_release(v->buffer);
    v->buffer = own;
  }
  device_write(v->buffer, 0, from, run_value_bytes(v));
}

double run_value_at(const run_value *v, int64_t i) {
  char element[8];
  size_t n = ir_type_bytes(v->type);
  device_read(v->buffer, (size_t)i * n, element, n);
  return device_load(v->type, element, 0);
}

double *run_value_part(base_arena *arena, const run_value *v, int64_t first, int64_t n) {
  size_t width = ir_type_bytes(v->type);
  char *raw = base_alloc(arena, (size_t)n * width + 1);
  double *part = BASE_NEWS(arena, double, n + 1);
  device_read(v->buffer, (size_t)first * width, raw, (size_t)n * width);
  for (int64_t i = 0; i < n; i++) part[i] = device_load(v->type, raw, i);
  return part;
}
