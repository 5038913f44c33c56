/* Named operations with types: a function for each row of the table (docs/operations.md), on
 * top of tl_op. Lazy, like any equation; the new handle is the caller's. NULL for tensors is an
 * error, but for those marked with a number, which they then are. Numbers that are pointers may
 * be NULL and reals NAN: the default, which stands in brackets. Errors: TL_ARGUMENT, naming the
 * operands and their sizes. Threads: as tl_op.
 *
 * Written by tests/operations; TL_ACCEPT=1 renews it. */
#ifndef TENSORLOGIC_OPS_H
#define TENSORLOGIC_OPS_H

#include <tensorlogic.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tl_activation {
  TL_NONE,
  TL_RELU,
  TL_GELU,
  TL_GELU_TANH,
  TL_SILU,
  TL_SIGMOID,
  TL_TANH
} tl_activation;

typedef struct tl_op_attrs {     /* of a call, which these functions make */
  int n;
  tl_attr at[TL_OP_ATTRS + 1];
} tl_op_attrs;

static inline void tl_op_put(tl_op_attrs *a, const char *name, double value) {
  if (a->n >= TL_OP_ATTRS || value != value) return;
  a->at[a->n].name = name;
  a->at[a->n++].value = value;
}

static inline void tl_op_ints(tl_op_attrs *a, const char *name, int n, const int *value) {
  int i;
  for (i = 0; value && i < n; i++) tl_op_put(a, name, value[i]);
}

static inline void tl_op_sizes(tl_op_attrs *a, const char *name, int n, const int64_t *value) {
  int i;
  for (i = 0; value && i < n; i++) tl_op_put(a, name, (double)value[i]);
}

static inline const tl_attr *tl_op_end(tl_op_attrs *a) {
  a->at[a->n].name = 0;
  return a->at;
}

/* ---- Elementwise ----------------------------------------------------------------------------- */

/* add: a + b. */
static inline tl_tensor *tl_add(tl_context *ctx, tl_tensor *a, tl_tensor *b) {
  tl_tensor *const tensors[2] = {a, b};
  return tl_op(ctx, "add", 2, tensors, 0);
}

/* sub: a - b. */
static inline tl_tensor *tl_sub(tl_context *ctx, tl_tensor *a, tl_tensor *b) {
  tl_tensor *const tensors[2] = {a, b};
  return tl_op(ctx, "sub", 2, tensors, 0);
}

/* mul: a b. */
static inline tl_tensor *tl_mul(tl_context *ctx, tl_tensor *a, tl_tensor *b) {
  tl_tensor *const tensors[2] = {a, b};
  return tl_op(ctx, "mul", 2, tensors, 0);
}

/* div: a / b, real. */
static inline tl_tensor *tl_div(tl_context *ctx, tl_tensor *a, tl_tensor *b) {
  tl_tensor *const tensors[2] = {a, b};
  return tl_op(ctx, "div", 2, tensors, 0);
}

/* pow: a to the power b. */
static inline tl_tensor *tl_pow(tl_context *ctx, tl_tensor *a, tl_tensor *b) {
  tl_tensor *const tensors[2] = {a, b};
  return tl_op(ctx, "pow", 2, tensors, 0);
}

/* remainder: a modulo b, of the sign of b. */
static inline tl_tensor *tl_remainder(tl_context *ctx, tl_tensor *a, tl_tensor *b) {
  tl_tensor *const tensors[2] = {a, b};
  return tl_op(ctx, "remainder", 2, tensors, 0);
}

/* minimum: the smaller; nan if one is. */
static inline tl_tensor *tl_minimum(tl_context *ctx, tl_tensor *a, tl_tensor *b) {
  tl_tensor *const tensors[2] = {a, b};
  return tl_op(ctx, "minimum", 2, tensors, 0);
}

/* maximum: the larger; nan if one is. */
static inline tl_tensor *tl_maximum(tl_context *ctx, tl_tensor *a, tl_tensor *b) {
  tl_tensor *const tensors[2] = {a, b};
  return tl_op(ctx, "maximum", 2, tensors, 0);
}

/* equal: a = b, as bool. */
static inline tl_tensor *tl_equal(tl_context *ctx, tl_tensor *a, tl_tensor *b) {
  tl_tensor *const tensors[2] = {a, b};
  return tl_op(ctx, "equal", 2, tensors, 0);
}

/* not_equal: a is not b, as bool. */
static inline tl_tensor *tl_not_equal(tl_context *ctx, tl_tensor *a, tl_tensor *b) {
  tl_tensor *const tensors[2] = {a, b};
  return tl_op(ctx, "not_equal", 2, tensors, 0);
}

/* less: a < b, as bool. */
static inline tl_tensor *tl_less(tl_context *ctx, tl_tensor *a, tl_tensor *b) {
  tl_tensor *const tensors[2] = {a, b};
  return tl_op(ctx, "less", 2, tensors, 0);
}

/* less_equal: a <= b, as bool. */
static inline tl_tensor *tl_less_equal(tl_context *ctx, tl_tensor *a, tl_tensor *b) {
  tl_tensor *const tensors[2] = {a, b};
  return tl_op(ctx, "less_equal", 2, tensors, 0);
}

/* greater: a > b, as bool. */
static inline tl_tensor *tl_greater(tl_context *ctx, tl_tensor *a, tl_tensor *b) {
  tl_tensor *const tensors[2] = {a, b};
  return tl_op(ctx, "greater", 2, tensors, 0);
}

/* greater_equal: a >= b, as bool. */
static inline tl_tensor *tl_greater_equal(tl_context *ctx, tl_tensor *a, tl_tensor *b) {
  tl_tensor *const tensors[2] = {a, b};
  return tl_op(ctx, "greater_equal", 2, tensors, 0);
}

/* where: a where c is not 0, else b. */
static inline tl_tensor *tl_where(tl_context *ctx, tl_tensor *c, tl_tensor *a, tl_tensor *b) {
  tl_tensor *const tensors[3] = {c, a, b};
  return tl_op(ctx, "where", 3, tensors, 0);
}

/* neg: -x. */
static inline tl_tensor *tl_neg(tl_context *ctx, tl_tensor *x) {
  tl_tensor *const tensors[1] = {x};
  return tl_op(ctx, "neg", 1, tensors, 0);
}

/* abs: |x|. */
static inline tl_tensor *tl_abs(tl_context *ctx, tl_tensor *x) {
  tl_tensor *const tensors[1] = {x};
  return tl_op(ctx, "abs", 1, tensors, 0);
}

/* sign: -1, 0 or 1. */
static inline tl_tensor *tl_sign(tl_context *ctx, tl_tensor *x) {
  tl_tensor *const tensors[1] = {x};
  return tl_op(ctx, "sign", 1, tensors, 0);
}

/* floor: the largest integer not above x. */
static inline tl_tensor *tl_floor(tl_context *ctx, tl_tensor *x) {
  tl_tensor *const tensors[1] = {x};
  return tl_op(ctx, "floor", 1, tensors, 0);
}

/* round: to the nearest integer, halves to even. */
static inline tl_tensor *tl_round(tl_context *ctx, tl_tensor *x) {
  tl_tensor *const tensors[1] = {x};
  return tl_op(ctx, "round", 1, tensors, 0);
}

/* exp: e to the power x. */
static inline tl_tensor *tl_exp(tl_context *ctx, tl_tensor *x) {
  tl_tensor *const tensors[1] = {x};
  return tl_op(ctx, "exp", 1, tensors, 0);
}

/* log: natural logarithm. */
static inline tl_tensor *tl_log(tl_context *ctx, tl_tensor *x) {
  tl_tensor *const tensors[1] = {x};
  return tl_op(ctx, "log", 1, tensors, 0);
}

/* sqrt: square root. */
static inline tl_tensor *tl_sqrt(tl_context *ctx, tl_tensor *x) {
  tl_tensor *const tensors[1] = {x};
  return tl_op(ctx, "sqrt", 1, tensors, 0);
}

/* rsqrt: 1 / sqrt(x). */
static inline tl_tensor *tl_rsqrt(tl_context *ctx, tl_tensor *x) {
  tl_tensor *const tensors[1] = {x};
  return tl_op(ctx, "rsqrt", 1, tensors, 0);
}

/* sin: sine. */
static inline tl_tensor *tl_sin(tl_context *ctx, tl_tensor *x) {
  tl_tensor *const tensors[1] = {x};
  return tl_op(ctx, "sin", 1, tensors, 0);
}

/* cos: cosine. */
static inline tl_tensor *tl_cos(tl_context *ctx, tl_tensor *x) {
  tl_tensor *const tensors[1] = {x};
  return tl_op(ctx, "cos", 1, tensors, 0);
}

/* erf: error function. */
static inline tl_tensor *tl_erf(tl_context *ctx, tl_tensor *x) {
  tl_tensor *const tensors[1] = {x};
  return tl_op(ctx, "erf", 1, tensors, 0);
}

/* clamp: x, kept between low and high. low [-inf]. high [inf]. */
static inline tl_tensor *tl_clamp(tl_context *ctx, tl_tensor *x, double low, double high) {
  tl_tensor *const tensors[1] = {x};
  tl_op_attrs own;
  own.n = 0;
  tl_op_put(&own, "low", (double)low);
  tl_op_put(&own, "high", (double)high);
  return tl_op(ctx, "clamp", 1, tensors, tl_op_end(&own));
}

/* cast: x as another type; to integers toward zero. */
static inline tl_tensor *tl_cast(tl_context *ctx, tl_tensor *x, tl_type type) {
  tl_tensor *const tensors[1] = {x};
  tl_op_attrs own;
  own.n = 0;
  tl_op_put(&own, "type", (double)type);
  return tl_op(ctx, "cast", 1, tensors, tl_op_end(&own));
}

/* ---- Activations ----------------------------------------------------------------------------- */

/* relu: max(x, 0). */
static inline tl_tensor *tl_relu(tl_context *ctx, tl_tensor *x) {
  tl_tensor *const tensors[1] = {x};
  return tl_op(ctx, "relu", 1, tensors, 0);
}

/* gelu: x by the normal distribution's integral; tanh: the approximation. tanh [0]. */
static inline tl_tensor *tl_gelu(tl_context *ctx, tl_tensor *x, int tanh) {
  tl_tensor *const tensors[1] = {x};
  tl_op_attrs own;
  own.n = 0;
  tl_op_put(&own, "tanh", (double)tanh);
  return tl_op(ctx, "gelu", 1, tensors, tl_op_end(&own));
}

/* silu: x sigmoid(x). */
static inline tl_tensor *tl_silu(tl_context *ctx, tl_tensor *x) {
  tl_tensor *const tensors[1] = {x};
  return tl_op(ctx, "silu", 1, tensors, 0);
}

/* sigmoid: 1 / (1 + exp(-x)). */
static inline tl_tensor *tl_sigmoid(tl_context *ctx, tl_tensor *x) {
  tl_tensor *const tensors[1] = {x};
  return tl_op(ctx, "sigmoid", 1, tensors, 0);
}

/* tanh: hyperbolic tangent. */
static inline tl_tensor *tl_tanh(tl_context *ctx, tl_tensor *x) {
  tl_tensor *const tensors[1] = {x};
  return tl_op(ctx, "tanh", 1, tensors, 0);
}

/* softmax: exp(x), divided by its sum along the axis. axis [-1]. */
static inline tl_tensor *tl_softmax(tl_context *ctx, tl_tensor *x, int axis) {
  tl_tensor *const tensors[1] = {x};
  tl_op_attrs own;
  own.n = 0;
  tl_op_put(&own, "axis", (double)axis);
  return tl_op(ctx, "softmax", 1, tensors, tl_op_end(&own));
}

/* log_softmax: the logarithm of softmax. axis [-1]. */
static inline tl_tensor *tl_log_softmax(tl_context *ctx, tl_tensor *x, int axis) {
  tl_tensor *const tensors[1] = {x};
  tl_op_attrs own;
  own.n = 0;
  tl_op_put(&own, "axis", (double)axis);
  return tl_op(ctx, "log_softmax", 1, tensors, tl_op_end(&own));
}

/* dropout: 0 with probability p, else x / (1 - p); by tl_seed. p [0.5]. */
static inline tl_tensor *tl_dropout(tl_context *ctx, tl_tensor *x, double p) {
  tl_tensor *const tensors[1] = {x};
  tl_op_attrs own;
  own.n = 0;
  tl_op_put(&own, "p", (double)p);
  return tl_op(ctx, "dropout", 1, tensors, tl_op_end(&own));
}

/* ---- Reductions ------------------------------------------------------------------------------ */

/* sum: the sum along the axes. axes [all]. keepdims [0]. */
static inline tl_tensor *tl_sum(tl_context *ctx, tl_tensor *x, int naxes, const int *axes,
        int keepdims) {
  tl_tensor *const tensors[1] = {x};
  tl_op_attrs own;
  own.n = 0;
  tl_op_ints(&own, "axes", naxes, axes);
  tl_op_put(&own, "keepdims", (double)keepdims);
  return tl_op(ctx, "sum", 1, tensors, tl_op_end(&own));
}

/* mean: the average along the axes. axes [all]. keepdims [0]. */
static inline tl_tensor *tl_mean(tl_context *ctx, tl_tensor *x, int naxes, const int *axes,
        int keepdims) {
  tl_tensor *const tensors[1] = {x};
  tl_op_attrs own;
  own.n = 0;
  tl_op_ints(&own, "axes", naxes, axes);
  tl_op_put(&own, "keepdims", (double)keepdims);
  return tl_op(ctx, "mean", 1, tensors, tl_op_end(&own));
}

/* max: the largest; nan if one is. axes [all]. keepdims [0]. */
static inline tl_tensor *tl_max(tl_context *ctx, tl_tensor *x, int naxes, const int *axes,
        int keepdims) {
  tl_tensor *const tensors[1] = {x};
  tl_op_attrs own;
  own.n = 0;
  tl_op_ints(&own, "axes", naxes, axes);
  tl_op_put(&own, "keepdims", (double)keepdims);
  return tl_op(ctx, "max", 1, tensors, tl_op_end(&own));
}

/* min: the smallest; nan if one is. axes [all]. keepdims [0]. */
static inline tl_tensor *tl_min(tl_context *ctx, tl_tensor *x, int naxes, const int *axes,
        int keepdims) {
  tl_tensor *const tensors[1] = {x};
  tl_op_attrs own;
  own.n = 0;
  tl_op_ints(&own, "axes", naxes, axes);
  tl_op_put(&own, "keepdims", (double)keepdims);
  return tl_op(ctx, "min", 1, tensors, tl_op_end(&own));
}

/* prod: the product along the axes. axes [all]. keepdims [0]. */
static inline tl_tensor *tl_prod(tl_context *ctx, tl_tensor *x, int naxes, const int *axes,
        int keepdims) {
  tl_tensor *const tensors[1] = {x};
  tl_op_attrs own;
  own.n = 0;
  tl_op_ints(&own, "axes", naxes, axes);
  tl_op_put(&own, "keepdims", (double)keepdims);
  return tl_op(ctx, "prod", 1, tensors, tl_op_end(&own));
}

/* argmax: where the largest stands, the first of them; i64. axis [-1]. keepdims [0]. */
static inline tl_tensor *tl_argmax(tl_context *ctx, tl_tensor *x, int axis, int keepdims) {
  tl_tensor *const tensors[1] = {x};
  tl_op_attrs own;
  own.n = 0;
  tl_op_put(&own, "axis", (double)axis);
  tl_op_put(&own, "keepdims", (double)keepdims);
  return tl_op(ctx, "argmax", 1, tensors, tl_op_end(&own));
}

/* argmin: where the smallest stands, the first of them; i64. axis [-1]. keepdims [0]. */
static inline tl_tensor *tl_argmin(tl_context *ctx, tl_tensor *x, int axis, int keepdims) {
  tl_tensor *const tensors[1] = {x};
  tl_op_attrs own;
  own.n = 0;
  tl_op_put(&own, "axis", (double)axis);
  tl_op_put(&own, "keepdims", (double)keepdims);
  return tl_op(ctx, "argmin", 1, tensors, tl_op_end(&own));
}

/* ---- Products -------------------------------------------------------------------------------- */

/* matmul: NumPy's matmul: a vector counts as one row on the left, one column on the right. */
static inline tl_tensor *tl_matmul(tl_context *ctx, tl_tensor *a, tl_tensor *b) {
  tl_tensor *const tensors[2] = {a, b};
  return tl_op(ctx, "matmul", 2, tensors, 0);
}

/* matmul_bias: a b + c. */
static inline tl_tensor *tl_matmul_bias(tl_context *ctx, tl_tensor *a, tl_tensor *b, tl_tensor *c) {
  tl_tensor *const tensors[3] = {a, b, c};
  return tl_op(ctx, "matmul_bias", 3, tensors, 0);
}

/* matmul_activation: activation(a b + c). c [0]. */
static inline tl_tensor *tl_matmul_activation(tl_context *ctx, tl_tensor *a, tl_tensor *b,
        tl_tensor *c, tl_activation activation) {
  tl_tensor *const tensors[3] = {a, b, c};
  tl_op_attrs own;
  own.n = 0;
  tl_op_put(&own, "activation", (double)activation);
  return tl_op(ctx, "matmul_activation", 3, tensors, tl_op_end(&own));
}

/* conv2d: x[n,c,h,w] with w[out,c,h,w]; zeros around x. b [0]. stride [1]. padding [0].
 * dilation [1]. */
static inline tl_tensor *tl_conv2d(tl_context *ctx, tl_tensor *x, tl_tensor *w, tl_tensor *b,
        const int *stride, const int *padding, const int *dilation) {
  tl_tensor *const tensors[3] = {x, w, b};
  tl_op_attrs own;
  own.n = 0;
  tl_op_ints(&own, "stride", 2, stride);
  tl_op_ints(&own, "padding", 2, padding);
  tl_op_ints(&own, "dilation", 2, dilation);
  return tl_op(ctx, "conv2d", 3, tensors, tl_op_end(&own));
}

/* max_pool2d: the largest of each window; -inf around x. stride [kernel_size]. padding [0]. */
static inline tl_tensor *tl_max_pool2d(tl_context *ctx, tl_tensor *x, const int *kernel_size,
        const int *stride, const int *padding) {
  tl_tensor *const tensors[1] = {x};
  tl_op_attrs own;
  own.n = 0;
  tl_op_ints(&own, "kernel_size", 2, kernel_size);
  tl_op_ints(&own, "stride", 2, stride);
  tl_op_ints(&own, "padding", 2, padding);
  return tl_op(ctx, "max_pool2d", 1, tensors, tl_op_end(&own));
}

/* avg_pool2d: the average of each window; zeros around x, counted. stride [kernel_size].
 * padding [0]. */
static inline tl_tensor *tl_avg_pool2d(tl_context *ctx, tl_tensor *x, const int *kernel_size,
        const int *stride, const int *padding) {
  tl_tensor *const tensors[1] = {x};
  tl_op_attrs own;
  own.n = 0;
  tl_op_ints(&own, "kernel_size", 2, kernel_size);
  tl_op_ints(&own, "stride", 2, stride);
  tl_op_ints(&own, "padding", 2, padding);
  return tl_op(ctx, "avg_pool2d", 1, tensors, tl_op_end(&own));
}

/* ---- Norms ----------------------------------------------------------------------------------- */

/* layer_norm: (x - mean) / sqrt(variance + eps) w + b, along the axes. w [1]. b [0]. axes [-1].
 * eps [1e-5]. */
static inline tl_tensor *tl_layer_norm(tl_context *ctx, tl_tensor *x, tl_tensor *w, tl_tensor *b,
        int naxes, const int *axes, double eps) {
  tl_tensor *const tensors[3] = {x, w, b};
  tl_op_attrs own;
  own.n = 0;
  tl_op_ints(&own, "axes", naxes, axes);
  tl_op_put(&own, "eps", (double)eps);
  return tl_op(ctx, "layer_norm", 3, tensors, tl_op_end(&own));
}

/* rms_norm: x / sqrt(mean of its squares + eps) w, along the axes. w [1]. axes [-1]. eps
 * [1e-5]. */
static inline tl_tensor *tl_rms_norm(tl_context *ctx, tl_tensor *x, tl_tensor *w, int naxes,
        const int *axes, double eps) {
  tl_tensor *const tensors[2] = {x, w};
  tl_op_attrs own;
  own.n = 0;
  tl_op_ints(&own, "axes", naxes, axes);
  tl_op_put(&own, "eps", (double)eps);
  return tl_op(ctx, "rms_norm", 2, tensors, tl_op_end(&own));
}

/* batch_norm: (x - m) / sqrt(v + eps) w + b by channel, position 1, with mean m and variance v
 * as given. w [1]. b [0]. eps [1e-5]. */
static inline tl_tensor *tl_batch_norm(tl_context *ctx, tl_tensor *x, tl_tensor *m, tl_tensor *v,
        tl_tensor *w, tl_tensor *b, double eps) {
  tl_tensor *const tensors[5] = {x, m, v, w, b};
  tl_op_attrs own;
  own.n = 0;
  tl_op_put(&own, "eps", (double)eps);
  return tl_op(ctx, "batch_norm", 5, tensors, tl_op_end(&own));
}

/* batch_norm_train: the same with mean and variance of the batch. w [1]. b [0]. eps [1e-5]. */
static inline tl_tensor *tl_batch_norm_train(tl_context *ctx, tl_tensor *x, tl_tensor *w,
        tl_tensor *b, double eps) {
  tl_tensor *const tensors[3] = {x, w, b};
  tl_op_attrs own;
  own.n = 0;
  tl_op_put(&own, "eps", (double)eps);
  return tl_op(ctx, "batch_norm_train", 3, tensors, tl_op_end(&own));
}

/* ---- Looking up and rearranging -------------------------------------------------------------- */

/* embedding: the rows of w that i names. */
static inline tl_tensor *tl_embedding(tl_context *ctx, tl_tensor *i, tl_tensor *w) {
  tl_tensor *const tensors[2] = {i, w};
  return tl_op(ctx, "embedding", 2, tensors, 0);
}

/* gather: x with i's element in place of the position along the axis. */
static inline tl_tensor *tl_gather(tl_context *ctx, tl_tensor *x, tl_tensor *i, int axis) {
  tl_tensor *const tensors[2] = {x, i};
  tl_op_attrs own;
  own.n = 0;
  tl_op_put(&own, "axis", (double)axis);
  return tl_op(ctx, "gather", 2, tensors, tl_op_end(&own));
}

/* take: the slices along the axis that the vector i names. */
static inline tl_tensor *tl_take(tl_context *ctx, tl_tensor *x, tl_tensor *i, int axis) {
  tl_tensor *const tensors[2] = {x, i};
  tl_op_attrs own;
  own.n = 0;
  tl_op_put(&own, "axis", (double)axis);
  return tl_op(ctx, "take", 2, tensors, tl_op_end(&own));
}

/* scatter_add: x, with each element of s added where i's says along the axis. */
static inline tl_tensor *tl_scatter_add(tl_context *ctx, tl_tensor *x, tl_tensor *i, tl_tensor *s,
        int axis) {
  tl_tensor *const tensors[3] = {x, i, s};
  tl_op_attrs own;
  own.n = 0;
  tl_op_put(&own, "axis", (double)axis);
  return tl_op(ctx, "scatter_add", 3, tensors, tl_op_end(&own));
}

/* concat: one behind the other along the axis. axis [0]. */
static inline tl_tensor *tl_concat(tl_context *ctx, int n, tl_tensor *const *x, int axis) {
  tl_op_attrs own;
  own.n = 0;
  tl_op_put(&own, "axis", (double)axis);
  return tl_op(ctx, "concat", n, x, tl_op_end(&own));
}

/* split: one of equal sections along the axis, counted from 0. axis [0]. */
static inline tl_tensor *tl_split(tl_context *ctx, tl_tensor *x, int64_t sections, int64_t section,
        int axis) {
  tl_tensor *const tensors[1] = {x};
  tl_op_attrs own;
  own.n = 0;
  tl_op_put(&own, "sections", (double)sections);
  tl_op_put(&own, "section", (double)section);
  tl_op_put(&own, "axis", (double)axis);
  return tl_op(ctx, "split", 1, tensors, tl_op_end(&own));
}

/* slice: x[start:stop:step] along the axis, negative ones from its end. start [0]. stop [end].
 * step [1]. */
static inline tl_tensor *tl_slice(tl_context *ctx, tl_tensor *x, int axis, int64_t start,
        int64_t stop, int64_t step) {
  tl_tensor *const tensors[1] = {x};
  tl_op_attrs own;
  own.n = 0;
  tl_op_put(&own, "axis", (double)axis);
  tl_op_put(&own, "start", (double)start);
  tl_op_put(&own, "stop", (double)stop);
  tl_op_put(&own, "step", (double)step);
  return tl_op(ctx, "slice", 1, tensors, tl_op_end(&own));
}

/* flip: backwards along the axis. */
static inline tl_tensor *tl_flip(tl_context *ctx, tl_tensor *x, int axis) {
  tl_tensor *const tensors[1] = {x};
  tl_op_attrs own;
  own.n = 0;
  tl_op_put(&own, "axis", (double)axis);
  return tl_op(ctx, "flip", 1, tensors, tl_op_end(&own));
}

/* transpose: position k is x's position axes[k]; none given: reversed. axes [reversed]. */
static inline tl_tensor *tl_transpose(tl_context *ctx, tl_tensor *x, int naxes, const int *axes) {
  tl_tensor *const tensors[1] = {x};
  tl_op_attrs own;
  own.n = 0;
  tl_op_ints(&own, "axes", naxes, axes);
  return tl_op(ctx, "transpose", 1, tensors, tl_op_end(&own));
}

/* reshape: the same elements, row-major; -1: as long as it must be. */
static inline tl_tensor *tl_reshape(tl_context *ctx, tl_tensor *x, int rank, const int64_t *shape) {
  tl_tensor *const tensors[1] = {x};
  tl_op_attrs own;
  own.n = 0;
  tl_op_sizes(&own, "shape", rank, shape);
  return tl_op(ctx, "reshape", 1, tensors, tl_op_end(&own));
}

/* cumsum: sums up to each element along the axis. axis [-1]. */
static inline tl_tensor *tl_cumsum(tl_context *ctx, tl_tensor *x, int axis) {
  tl_tensor *const tensors[1] = {x};
  tl_op_attrs own;
  own.n = 0;
  tl_op_put(&own, "axis", (double)axis);
  return tl_op(ctx, "cumsum", 1, tensors, tl_op_end(&own));
}

/* sort: ascending along the axis, nan last. axis [-1]. */
static inline tl_tensor *tl_sort(tl_context *ctx, tl_tensor *x, int axis) {
  tl_tensor *const tensors[1] = {x};
  tl_op_attrs own;
  own.n = 0;
  tl_op_put(&own, "axis", (double)axis);
  return tl_op(ctx, "sort", 1, tensors, tl_op_end(&own));
}

/* topk: the k largest along the axis, descending. axis [-1]. */
static inline tl_tensor *tl_topk(tl_context *ctx, tl_tensor *x, int64_t k, int axis) {
  tl_tensor *const tensors[1] = {x};
  tl_op_attrs own;
  own.n = 0;
  tl_op_put(&own, "k", (double)k);
  tl_op_put(&own, "axis", (double)axis);
  return tl_op(ctx, "topk", 1, tensors, tl_op_end(&own));
}

/* ---- Fused ----------------------------------------------------------------------------------- */

/* add_relu: relu(a + b). */
static inline tl_tensor *tl_add_relu(tl_context *ctx, tl_tensor *a, tl_tensor *b) {
  tl_tensor *const tensors[2] = {a, b};
  return tl_op(ctx, "add_relu", 2, tensors, 0);
}

/* mul_relu: relu(a b). */
static inline tl_tensor *tl_mul_relu(tl_context *ctx, tl_tensor *a, tl_tensor *b) {
  tl_tensor *const tensors[2] = {a, b};
  return tl_op(ctx, "mul_relu", 2, tensors, 0);
}

/* affine: x scale + bias. */
static inline tl_tensor *tl_affine(tl_context *ctx, tl_tensor *x, tl_tensor *s, tl_tensor *b) {
  tl_tensor *const tensors[3] = {x, s, b};
  return tl_op(ctx, "affine", 3, tensors, 0);
}

/* linear_residual_relu: relu(x w + c + r). */
static inline tl_tensor *tl_linear_residual_relu(tl_context *ctx, tl_tensor *x, tl_tensor *w,
        tl_tensor *c, tl_tensor *r) {
  tl_tensor *const tensors[4] = {x, w, c, r};
  return tl_op(ctx, "linear_residual_relu", 4, tensors, 0);
}

/* gelu_linear: gelu(x) w + c. c [0]. */
static inline tl_tensor *tl_gelu_linear(tl_context *ctx, tl_tensor *x, tl_tensor *w, tl_tensor *c) {
  tl_tensor *const tensors[3] = {x, w, c};
  return tl_op(ctx, "gelu_linear", 3, tensors, 0);
}

/* linear_batchnorm_relu: relu of the batch norm of x w + c, with mean m and variance v as
 * given. g [1]. b [0]. eps [1e-5]. */
static inline tl_tensor *tl_linear_batchnorm_relu(tl_context *ctx, tl_tensor *x, tl_tensor *w,
        tl_tensor *c, tl_tensor *m, tl_tensor *v, tl_tensor *g, tl_tensor *b, double eps) {
  tl_tensor *const tensors[7] = {x, w, c, m, v, g, b};
  tl_op_attrs own;
  own.n = 0;
  tl_op_put(&own, "eps", (double)eps);
  return tl_op(ctx, "linear_batchnorm_relu", 7, tensors, tl_op_end(&own));
}

/* dropout_linear: dropout(x) w + c; by tl_seed. c [0]. p [0.5]. */
static inline tl_tensor *tl_dropout_linear(tl_context *ctx, tl_tensor *x, tl_tensor *w,
        tl_tensor *c, double p) {
  tl_tensor *const tensors[3] = {x, w, c};
  tl_op_attrs own;
  own.n = 0;
  tl_op_put(&own, "p", (double)p);
  return tl_op(ctx, "dropout_linear", 3, tensors, tl_op_end(&own));
}

/* layernorm_linear: layer_norm(x; g, b) w + c. c [0]. g [1]. b [0]. eps [1e-5]. */
static inline tl_tensor *tl_layernorm_linear(tl_context *ctx, tl_tensor *x, tl_tensor *w,
        tl_tensor *c, tl_tensor *g, tl_tensor *b, double eps) {
  tl_tensor *const tensors[5] = {x, w, c, g, b};
  tl_op_attrs own;
  own.n = 0;
  tl_op_put(&own, "eps", (double)eps);
  return tl_op(ctx, "layernorm_linear", 5, tensors, tl_op_end(&own));
}

/* softmax_crossentropy: the average of -log softmax(x)[t] along the last position, t integers. */
static inline tl_tensor *tl_softmax_crossentropy(tl_context *ctx, tl_tensor *x, tl_tensor *t) {
  tl_tensor *const tensors[2] = {x, t};
  return tl_op(ctx, "softmax_crossentropy", 2, tensors, 0);
}

/* attention_scores: softmax(q k' scale) along k; causal: a row sees no later column. scale
 * [1/sqrt(size(Q,-1))]. causal [0]. */
static inline tl_tensor *tl_attention_scores(tl_context *ctx, tl_tensor *q, tl_tensor *k,
        double scale, int causal) {
  tl_tensor *const tensors[2] = {q, k};
  tl_op_attrs own;
  own.n = 0;
  tl_op_put(&own, "scale", (double)scale);
  tl_op_put(&own, "causal", (double)causal);
  return tl_op(ctx, "attention_scores", 2, tensors, tl_op_end(&own));
}

/* attention: softmax(q k' scale) v. scale [1/sqrt(size(Q,-1))]. causal [0]. */
static inline tl_tensor *tl_attention(tl_context *ctx, tl_tensor *q, tl_tensor *k, tl_tensor *v,
        double scale, int causal) {
  tl_tensor *const tensors[3] = {q, k, v};
  tl_op_attrs own;
  own.n = 0;
  tl_op_put(&own, "scale", (double)scale);
  tl_op_put(&own, "causal", (double)causal);
  return tl_op(ctx, "attention", 3, tensors, tl_op_end(&own));
}

#ifdef __cplusplus
}
#endif
#endif
