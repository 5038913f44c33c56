#include "fixture.h"

#include <math.h>
#include <stdio.h>

void *fixture_alloc(void *user, size_t bytes) {
  counts *c = user;
  if (++c->asked == c->fails_at) return NULL;
  void *p = malloc(bytes);
  if (!p) return NULL;
  c->blocks++;
  c->bytes += (long)bytes;
  return p;
}

static void count_release(void *user, void *p, size_t bytes) {
  counts *c = user;
  c->blocks--;
  c->bytes -= (long)bytes;
  free(p);
}

tl_options fixture_options(counts *c, const char *device) {
  *c = (counts){0};
  return (tl_options){.device = device, .threads = 2, .alloc = fixture_alloc,
                      .release = count_release, .user = c};
}

tl_context *fixture_open(counts *c) {
  tl_options o = fixture_options(c, "ref");
  tl_context *ctx = tl_open(&o);
  assert_non_null(ctx);
  assert_string_equal(tl_message(ctx), "");
  return ctx;
}

void fixture_close(tl_context *ctx, const counts *c) {
  tl_close(ctx);
  assert_int_equal(c->blocks, 0);
  assert_int_equal(c->bytes, 0);
}

tl_tensor *fixture_f32(tl_context *ctx, int rank, const int64_t *size, const float *data) {
  tl_tensor *t = tl_from(ctx, TL_F32, rank, size, data);
  assert_non_null(t);
  return t;
}

void fixture_expect(tl_tensor *t, int n, const double *want) {
  float got[64];
  assert_non_null(t);
  assert_int_equal(tl_tensor_type(t), TL_F32);
  assert_int_equal(tl_count(t), n);
  assert_int_equal(tl_read(t, got, sizeof(float) * (size_t)n), TL_OK);
  for (int i = 0; i < n; i++)
    if (!(fabs(got[i] - want[i]) <= 1e-5 * (1 + fabs(want[i]))))
      fail_msg("element %d is %g, not %g", i, got[i], want[i]);
}

void fixture_error(tl_context *ctx, tl_status status, const char *words) {
  assert_int_equal(tl_last(ctx), status);
  if (!strstr(tl_message(ctx), words)) fail_msg("no `%s` in: %s", words, tl_message(ctx));
  tl_clear(ctx);
  assert_int_equal(tl_last(ctx), TL_OK);
  assert_string_equal(tl_message(ctx), "");
}
