/* Named operations as they are called: typed functions, chains, plans found again, refusals. */
#include "sample.h"

#include <math.h>
#include <tensorlogic_ops.h>

static tl_context *open_ref(void) {
  tl_context *ctx = tl_open(&(tl_options){.device = "ref"});
  assert_int_equal(tl_last(ctx), TL_OK);
  return ctx;
}

static tl_tensor *counted(tl_context *ctx, tl_type type, int rank, const int64_t *size) {
  double room[SAMPLE_ELEMENTS];
  tl_tensor *zeros = tl_from(ctx, type, rank, size, NULL);
  for (int64_t k = 0; k < tl_count(zeros); k++)
    device_store_value((ir_type)type, room, k, (ir_value){.type = IR_F64, .u.f = (double)(k + 1)});
  tl_write(zeros, room, (size_t)tl_count(zeros) * tl_type_bytes(type));
  return zeros;
}

#define SIZES(...) ((const int64_t[]){__VA_ARGS__})

static void expect(tl_tensor *t, int n, const double *want) {
  double got[SAMPLE_ELEMENTS];
  assert_non_null(t);
  assert_int_equal(sample_read(t, got), n);
  for (int k = 0; k < n; k++)
    if (!(fabs(got[k] - want[k]) <= 1e-5)) fail_msg("element %d is %g, not %g", k, got[k], want[k]);
}
#define EXPECT(t, ...) \
  expect(t, (int)(sizeof((double[]){__VA_ARGS__}) / sizeof(double)), (double[]){__VA_ARGS__})

static void test_typed(void **state) {
  (void)state;
  tl_context *ctx = open_ref();
  tl_tensor *x = counted(ctx, TL_F32, 2, SIZES(2, 3)), *w = counted(ctx, TL_F32, 2, SIZES(3, 2));
  EXPECT(tl_matmul(ctx, x, w), 22, 28, 49, 64);
  EXPECT(tl_matmul_activation(ctx, x, w, NULL, TL_RELU), 22, 28, 49, 64);
  EXPECT(tl_sum(ctx, x, 0, NULL, 0), 21);
  EXPECT(tl_sum(ctx, x, 1, (const int[]){-1}, 1), 6, 15);
  EXPECT(tl_clamp(ctx, x, NAN, 4), 1, 2, 3, 4, 4, 4);
  EXPECT(tl_slice(ctx, x, 1, 1, INT64_MAX, 1), 2, 3, 5, 6);
  EXPECT(tl_reshape(ctx, x, 1, SIZES(-1)), 1, 2, 3, 4, 5, 6);
  EXPECT(tl_concat(ctx, 2, (tl_tensor *const[]){x, x}, 1), 1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6);
  EXPECT(tl_topk(ctx, x, 1, -1), 3, 6);
  tl_tensor *image = counted(ctx, TL_F32, 4, SIZES(1, 1, 2, 4));
  EXPECT(tl_max_pool2d(ctx, image, (const int[]){2, 2}, NULL, NULL), 6, 8);
  assert_int_equal(tl_tensor_type(tl_less(ctx, x, x)), TL_BOOL);
  tl_close(ctx);
}

/* Integers stay integers, exactly. */
static void test_integers(void **state) {
  (void)state;
  tl_context *ctx = open_ref();
  tl_tensor *i = tl_from(ctx, TL_I64, 1, SIZES(3), (int64_t[]){INT64_C(1) << 60, 2, 3});
  tl_tensor *y = tl_flip(ctx, tl_add(ctx, i, i), 0);
  int64_t got[3];
  assert_int_equal(tl_tensor_type(y), TL_I64);
  assert_int_equal(tl_read(y, got, sizeof got), TL_OK);
  assert_true(got[0] == 6 && got[1] == 4 && got[2] == INT64_C(1) << 61);
  assert_int_equal(tl_tensor_type(tl_sum(ctx, i, 0, NULL, 0)), TL_I64);
  assert_int_equal(tl_tensor_type(tl_div(ctx, i, i)), TL_F32);
  tl_close(ctx);
}

/* A chain is one kernel, and the gradient goes through it. */
static void test_chain(void **state) {
  (void)state;
  tl_context *ctx = open_ref();
  tl_tensor *x = counted(ctx, TL_F32, 1, SIZES(4)), *two = tl_scalar(ctx, TL_F32, 2);
  tl_tensor *y = tl_relu(ctx, tl_sub(ctx, tl_mul(ctx, x, two), tl_exp(ctx, tl_neg(ctx, x))));
  uint64_t before = tl_statistics(ctx).kernels;
  assert_int_equal(tl_eval(1, &y), TL_OK);
  assert_int_equal(tl_statistics(ctx).kernels - before, 1);
  tl_tensor *g = tl_grad(ctx, tl_sum(ctx, y, 0, NULL, 0), x);
  EXPECT(g, 2 + exp(-1), 2 + exp(-2), 2 + exp(-3), 2 + exp(-4));
  tl_close(ctx);
}

/* The same call, and one of other sizes, plan nothing; a position 1 long is another program. */
static void test_found_again(void **state) {
  (void)state;
  tl_context *ctx = open_ref();
  for (int64_t n = 2; n < 12; n++) {
    tl_tensor *x = counted(ctx, TL_F32, 2, SIZES(n, 3)), *b = counted(ctx, TL_F32, 1, SIZES(3));
    tl_tensor *y = tl_softmax(ctx, tl_add(ctx, x, b), -1),
              *half = tl_concat(ctx, 2, (tl_tensor *[]){x, y}, 0);
    assert_int_equal(tl_size(half, 0), 2 * n);
    assert_int_equal(tl_eval(1, &half), TL_OK);
    tl_tensor *all[] = {x, b, y, half};
    for (int i = 0; i < 4; i++) tl_release(all[i]);
  }
  assert_int_equal(tl_statistics(ctx).plans_made, 1);
  assert_int_equal(tl_statistics(ctx).bindings_made, 10);
  tl_close(ctx);
}

/* Each fused operation, of whole tensors as they come, in as few kernels as it can have. */
static void test_kernels(void **state) {
  (void)state;
  tl_context *ctx = tl_open(&(tl_options){.threads = 1});
  tl_tensor *x = counted(ctx, TL_F32, 2, SIZES(32, 32)),
            *w = counted(ctx, TL_F32, 2, SIZES(32, 32));
  tl_tensor *c = counted(ctx, TL_F32, 1, SIZES(32)), *t = tl_from(ctx, TL_I64, 1, SIZES(32), NULL);
  tl_tensor *q = counted(ctx, TL_F32, 3, SIZES(2, 16, 16));
  const struct {
    const char *name;
    int most;
    tl_tensor *y;
  } calls[] = {
      {"add_relu", 1, tl_add_relu(ctx, x, w)},
      {"affine", 1, tl_affine(ctx, x, c, c)},
      {"softmax", 1, tl_softmax(ctx, x, -1)},
      {"layer_norm", 1, tl_layer_norm(ctx, x, c, c, 0, NULL, 1e-5)},
      {"batch_norm_train", 1, tl_batch_norm_train(ctx, x, c, c, 1e-5)},
      {"matmul", 1, tl_matmul(ctx, x, w)},
      {"matmul_bias", 1, tl_matmul_bias(ctx, x, w, c)},
      {"matmul_activation", 1, tl_matmul_activation(ctx, x, w, c, TL_GELU)},
      {"linear_residual_relu", 1, tl_linear_residual_relu(ctx, x, w, c, x)},
      {"gelu_linear", 2, tl_gelu_linear(ctx, x, w, c)},
      {"layernorm_linear", 2, tl_layernorm_linear(ctx, x, w, c, c, c, 1e-5)},
      {"dropout_linear", 2, tl_dropout_linear(ctx, x, w, c, 0.1)},
      {"softmax_crossentropy", 2, tl_softmax_crossentropy(ctx, x, t)},
      {"attention_scores", 2, tl_attention_scores(ctx, q, q, NAN, 1)},
      {"attention", 1, tl_attention(ctx, q, q, q, NAN, 1)},
  };
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    uint64_t before = tl_statistics(ctx).kernels;
    tl_tensor *y = calls[i].y;
    if (!y || tl_eval(1, &y) != TL_OK) fail_msg("%s: %s", calls[i].name, tl_message(ctx));
    int kernels = (int)(tl_statistics(ctx).kernels - before);
    if (kernels > calls[i].most) fail_msg("%s: %d kernels", calls[i].name, kernels);
  }
  tl_close(ctx);
}

/* The text of a shape depends on sizes; a batch that stays where it is plans nothing. */
static void test_reshaped(void **state) {
  (void)state;
  tl_context *ctx = open_ref();
  for (int64_t n = 2; n < 6; n++) {
    tl_tensor *x = counted(ctx, TL_F32, 2, SIZES(n, 6)), *y = tl_reshape(ctx, x, 3, SIZES(n, 2, 3));
    assert_int_equal(tl_eval(1, &y), TL_OK);
    assert_int_equal(tl_rank(y), 3);
    assert_int_equal(tl_size(y, 0), n);
  }
  assert_int_equal(tl_statistics(ctx).plans_made, 1);
  tl_tensor *a = counted(ctx, TL_F32, 2, SIZES(2, 6)), *b = counted(ctx, TL_F32, 2, SIZES(4, 3));
  EXPECT(tl_reshape(ctx, a, 2, SIZES(-1, 4)), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
  EXPECT(tl_reshape(ctx, b, 2, SIZES(-1, 4)), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
  assert_int_equal(tl_size(tl_reshape(ctx, b, 2, SIZES(-1, 4)), 0), 3);
  tl_close(ctx);
}

/* A failed tensor is not taken for one that is left out. */
static void test_failed_input(void **state) {
  (void)state;
  tl_context *ctx = open_ref();
  tl_tensor *x = counted(ctx, TL_F32, 2, SIZES(2, 3)), *w = counted(ctx, TL_F32, 2, SIZES(3, 2));
  tl_tensor *bad = tl_add(ctx, x, w);
  assert_null(bad);
  assert_null(tl_gelu_linear(ctx, x, w, bad));
  assert_non_null(strstr(tl_message(ctx), "add: "));
  tl_clear(ctx);
  assert_non_null(tl_gelu_linear(ctx, x, w, NULL));
  tl_close(ctx);
}

static void test_seeded(void **state) {
  (void)state;
  tl_context *ctx = open_ref();
  tl_tensor *x = counted(ctx, TL_F32, 1, SIZES(64));
  double first[SAMPLE_ELEMENTS], again[SAMPLE_ELEMENTS];
  int dropped = 0;
  tl_seed(ctx, 7);
  sample_read(tl_dropout(ctx, x, 0.5), first);
  tl_seed(ctx, 7);
  sample_read(tl_dropout(ctx, x, 0.5), again);
  for (int k = 0; k < 64; k++) {
    assert_true(first[k] == again[k] && (first[k] == 0 || first[k] == 2.0 * (k + 1)));
    dropped += first[k] == 0;
  }
  assert_true(dropped > 10 && dropped < 54);
  tl_close(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_typed),        cmocka_unit_test(test_integers),
      cmocka_unit_test(test_chain),        cmocka_unit_test(test_found_again),
      cmocka_unit_test(test_failed_input), cmocka_unit_test(test_seeded),
      cmocka_unit_test(test_reshaped),     cmocka_unit_test(test_kernels),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
