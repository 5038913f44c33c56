/* Derivatives against central differences, before and after the left sides are solved; and their
 * text. */
#include <math.h>
#include <string.h>

#include "lab.h"

static double nudged(lab *l, ir_tensor *of, ir_tensor *wrt, int64_t k, double step) {
  l->value[wrt->id][k].u.f += step;
  compute(l);
  l->value[wrt->id][k].u.f -= step;
  return total(l, of);
}

static void compare(ir_tensor *wrt, int64_t k, double got, double want, const char *when) {
  if (!(fabs(got - want) <= 2e-6 * (1 + fabs(want))))
    fail_msg("%s: by element %d of %s it is %.9g, not %.9g", when, (int)k, wrt->name, got, want);
}

/* The derivative of the sum of OF by WRT, right in all its elements. */
static ir_tensor *check(lab *l, ir_tensor *of, ir_tensor *wrt) {
  ir_tensor *grad;
  pass_gradient(l->p, of, 0, 1, &wrt, &grad);
  ir_output(l->p, of);
  ir_output(l->p, grad);
  ir_verify(l->p, "gradient");
  int64_t n = elements(l, wrt);
  double *want = base_alloc(l->arena, sizeof(double) * (size_t)(n + 1));
  for (int64_t k = 0; k < n; k++)
    want[k] = (nudged(l, of, wrt, k, 1e-5) - nudged(l, of, wrt, k, -1e-5)) / 2e-5;
  compute(l);
  for (int64_t k = 0; k < n; k++) compare(wrt, k, at(l, grad, k), want[k], "as it came");
  pass_simplify(l->p);
  ir_verify(l->p, "simplify");
  pass_invert(l->p);
  ir_verify(l->p, "invert");
  pass_simplify(l->p);
  ir_verify(l->p, "simplify");
  compute(l);
  for (int64_t k = 0; k < n; k++) compare(wrt, k, at(l, grad, k), want[k], "solved");
  return grad;
}

/* ---- every operation ------------------------------------------------------------------------- */

/* Y[i] = TEXT of X[i] and, for two arguments, B[i], at points where it is smooth. */
static void check_op(void **state, const char *text, const double *x, const double *b) {
  open_lab(state);
  lab *l = *state;
  size(l, "N", 4);
  ir_tensor *X = given(l, "X : f64[N]"), *B = given(l, "B : f64[N]");
  given(l, "W : f64[N]");
  fill(l, X, 4, x);
  fill(l, B, 4, b);
  ir_tensor *Y = eq(l, base_format(l->arena, "Y[i] = W[i] * %s", text));
  check(l, Y, X);
  assert_int_equal(close_lab(state), 0);

  open_lab(
      state); /* the same where it is the whole body, whose value is stored; and by the other */
  l = *state;
  size(l, "N", 4);
  X = given(l, "X : f64[N]");
  B = given(l, "B : f64[N]");
  given(l, "W : f64[N]");
  fill(l, X, 4, x);
  fill(l, B, 4, b);
  eq(l, base_format(l->arena, "Z[i] = %s", text));
  Y = eq(l, "Y[i] = W[i] * Z[i] * Z[i]");
  check(l, Y, strstr(text, "B[") ? B : X);
  assert_int_equal(close_lab(state), 0);
}

static void each_operation(void **state) {
  static const double any[] = {-1.3, -0.4, 0.7, 1.9}, positive[] = {0.2, 0.9, 1.1, 3.0};
  static const double other[] = {2.0, -0.7, 0.3, -1.5};
  static const char *const of_any[] = {"(X[i] + B[i])",
                                       "(X[i] - B[i])",
                                       "(B[i] - X[i])",
                                       "(X[i] * B[i])",
                                       "(X[i] / B[i])",
                                       "(B[i] / X[i])",
                                       "min(X[i], B[i])",
                                       "max(X[i], B[i])",
                                       "max(X[i], 0.0)",
                                       "min(X[i], 0.5)",
                                       "max(0.5, X[i])",
                                       "(-X[i])",
                                       "abs(X[i])",
                                       "exp(X[i])",
                                       "sin(X[i])",
                                       "cos(X[i])",
                                       "tanh(X[i])",
                                       "erf(X[i])",
                                       "sig(X[i])",
                                       "(X[i] % B[i])",
                                       "(X[i] ^ 2)",
                                       "(X[i] ^ 3)",
                                       "where(B[i] < X[i], X[i] * X[i], B[i] * X[i])",
                                       "X[i] * sign(X[i])",
                                       "X[i] + floor(X[i])",
                                       "B[i] * where(i < 2, X[i + 2], X[i - 2])"};
  static const char *const of_positive[] = {"log(X[i])", "sqrt(X[i])", "rsqrt(X[i])",
                                            "(X[i] ^ B[i])", "(X[i] ^ 0.5)"};
  for (size_t i = 0; i < sizeof of_any / sizeof *of_any; i++)
    check_op(state, of_any[i], any, other);
  for (size_t i = 0; i < sizeof of_positive / sizeof *of_positive; i++)
    check_op(state, of_positive[i], positive, other);
}

/* ---- networks -------------------------------------------------------------------------------- */

static void a_product(void **state) {
  lab *l = *state;
  size(l, "B", 3);
  size(l, "I", 4);
  size(l, "H", 2);
  ir_tensor *X = given(l, "X : f64[B, I]"), *W = given(l, "W : f64[I, H]"),
            *C = given(l, "C : f64[H]");
  eq(l, "T[b,h] += X[b,i] * W[i,h]");
  eq(l, "Y[b,h] = max(T[b,h] + C[h], 0.0)");
  ir_tensor *L = eq(l, "L += Y[b,h] * Y[b,h] * 0.5"), *grad[3], *wrt[] = {X, W, C};
  pass_gradient(l->p, L, 0, 3, wrt, grad);
  assert_string_equal(text_of(l, tensor(l, "GY")), "GY[b,h] = Y[b,h]");
  assert_string_equal(text_of(l, tensor(l, "GT")), "GT[b,h] = where(Y[b,h] <= 0.0, 0.0, GY[b,h])");
  assert_string_equal(text_of(l, grad[0]), "GX[b,i] = W[i,h] GT[b,h]");
  assert_string_equal(text_of(l, grad[1]), "GW[i,h] = X[b,i] GT[b,h]");
  assert_string_equal(text_of(l, grad[2]), "GC[h] = sum[b](where(Y[b,h] <= 0.0, 0.0, GY[b,h]))");
  check(l, L, W);
  check(l, L, C);
}

static void softmax_and_cross_entropy(void **state) {
  lab *l = *state;
  size(l, "B", 3);
  size(l, "C", 4);
  ir_tensor *X = given(l, "X : f64[B, C]");
  given(l, "N : i64[B]");
  eq(l, "M[b] max= X[b,c]");
  eq(l, "Z[b] += exp(X[b,c] - M[b])");
  eq(l, "P[b,c] = exp(X[b,c] - M[b]) / Z[b]");
  ir_tensor *L = eq(l, "L += where(0 <= N[b] and N[b] < C, -log(P[b,N[b]]), 0.0)");
  check(l, L, X);
}

static void layer_norm(void **state) {
  lab *l = *state;
  size(l, "B", 2);
  size(l, "D", 5);
  ir_tensor *X = given(l, "X : f64[B, D]");
  given(l, "W : f64[D]");
  eq(l, "M[b] += X[b,d] / D");
  eq(l, "V[b] += (X[b,d] - M[b]) * (X[b,d] - M[b]) / D");
  ir_tensor *Y = eq(l, "Y[b,d] = (X[b,d] - M[b]) * rsqrt(V[b] + 0.00001) * W[d]");
  check(l, Y, X);
}

static void strided_convolution_with_padding(void **state) {
  lab *l = *state;
  size(l, "X", 7);
  ir_tensor *I = given(l, "I : f64[7, 2]"), *F = given(l, "F : f64[3, 2]");
  given(l, "G : f64[4]");
  eq(l, "T[x] += where(0 <= 2*x+d-1 and 2*x+d-1 < 7, I[2*x+d-1,c], 0.0) * F[d,c]; x < 4");
  ir_tensor *Y = eq(l, "Y[x] = T[x] * T[x] * G[x]");
  check(l, Y, I);
  check(l, Y, F);
}

static void gathers_and_scatters(void **state) {
  lab *l = *state;
  size(l, "N", 6);
  ir_tensor *E = given(l, "E : f64[3, 2]"), *X = given(l, "X : f64[N]");
  given(l, "T : i64[N]");
  eq(l, "A[n,d] = where(0 <= T[n] and T[n] < 3, E[T[n],d], 0.0) * X[n]; d < 2");
  declared(l, "S : f64[3, 2]");
  eq(l, "S[T[n],d] += A[n,d] * A[n,d]");
  ir_tensor *Y = eq(l, "Y[t,d] = S[t,d] * S[t,d]");
  check(l, Y, E);
  check(l, Y, X);
}

static void a_tied_embedding(void **state) {
  lab *l = *state;
  ir_tensor *E = given(l, "E : f64[3, 2]");
  given(l, "T : i64[4]");
  eq(l, "A[n,d] = where(0 <= T[n] and T[n] < 3, E[T[n],d], 0.0); d < 2");
  eq(l, "B[n,d] = sin(A[n,d]) + E[1,d]");
  eq(l, "Z[n,t] += B[n,d] * E[t,d]");
  ir_tensor *Y = eq(l, "Y[n,t] = Z[n,t] * Z[n,t]");
  check(l, Y, E);
}

static void a_draw_is_the_same_draw(void **state) {
  lab *l = *state;
  ir_tensor *X = given(l, "X : f64[8]");
  eq(l, "D[i] = where(random(7, 1, i) < 2147483648, X[i] * 2.0, 0.0)");
  ir_tensor *Y = eq(l, "Y[i] = D[i] * D[i]"), *grad = check(l, Y, X);
  int dropped = 0;
  for (int i = 0; i < 8; i++) dropped += at(l, grad, i) == 0;
  assert_in_range(dropped, 1, 7);
}

static void pooling(void **state) {
  lab *l = *state;
  ir_tensor *F = given(l, "F : f64[6, 6]");
  given(l, "G : f64[3, 3]");
  declared(l, "P : f64[3, 3]");
  eq(l, "P[x//2,y//2] max= F[x,y]");
  ir_tensor *Y = eq(l, "Y[x,y] = P[x,y] * P[x,y] * G[x,y]");
  check(l, Y, F);
}

static void a_maximum_goes_to_the_first(void **state) {
  lab *l = *state;
  ir_tensor *X = given(l, "X : f64[2, 3]"), *grad;
  fill(l, X, 6, (double[]){1, 3, 3, -2, -2, -5});
  ir_tensor *Y = eq(l, "Y[i] max= X[i,j]");
  pass_gradient(l->p, Y, 0, 1, &X, &grad);
  compute(l);
  VALUES(l, grad, 0, 1, 0, 1, 0, 0);
  ir_tensor *Z = eq(l, "Z[i] min= X[i,j]");
  pass_gradient(l->p, Z, 0, 1, &X, &grad);
  compute(l);
  VALUES(l, grad, 1, 0, 0, 0, 0, 1);
}

static void a_product_with_zeros(void **state) {
  lab *l = *state;
  ir_tensor *X = given(l, "X : f64[3, 3]"), *grad;
  fill(l, X, 9, (double[]){2, 3, 4, 2, 0, 4, 0, 0, 4});
  ir_tensor *Y = eq(l, "Y[i] prod= X[i,j]");
  pass_gradient(l->p, Y, 0, 1, &X, &grad);
  compute(l);
  VALUES(l, grad, 12, 8, 6, 0, 8, 0, 0, 0, 0);
}

static void a_stop_is_a_constant(void **state) {
  lab *l = *state;
  ir_tensor *X = given(l, "X : f64[2]"), *grad;
  fill(l, X, 2, (double[]){2, 3});
  ir_tensor *Y = eq(l, "Y[i] = X[i] * stop(X[i])");
  pass_gradient(l->p, Y, 0, 1, &X, &grad);
  assert_string_equal(text_of(l, grad), "GX[i] = stop(X[i])");
}

static void a_power_at_zero(void **state) {
  lab *l = *state;
  ir_tensor *X = given(l, "X : f64[2]"), *B = given(l, "B : f64[2]"), *wrt[] = {X, B}, *grad[2];
  fill(l, X, 2, (double[]){0, 0});
  fill(l, B, 2, (double[]){0, 2});
  ir_tensor *Y = eq(l, "Y[i] = X[i] ^ B[i]");
  pass_gradient(l->p, Y, 0, 2, wrt, grad);
  compute(l);
  VALUES(l, grad[0], 0, 0);
  VALUES(l, grad[1], 0, 0);
}

static void an_index_that_vanishes_still_counts(void **state) {
  lab *l = *state;
  ir_tensor *X = given(l, "X : f64[2]");
  given(l, "W : f64[3]");
  ir_tensor *Y = eq(l, "Y[i] += X[i] + W[j]"), *grad;
  pass_gradient(l->p, Y, 0, 1, &X, &grad);
  compute(l);
  VALUES(l, grad, 3, 3);
}

/* ---- recurrences ----------------------------------------------------------------------------- */

static void through_a_recurrence(void **state) {
  lab *l = *state;
  size(l, "L", 4);
  size(l, "D", 3);
  ir_tensor *X = given(l, "X : f64[D]"), *W = given(l, "W : f64[D, D]");
  declared(l, "S : f64[L+1, D]");
  eq(l, "S[0,d] = X[d]");
  eq(l, "T[l,d] += W[d,e] * S[l,e]; l < L");
  eq(l, "S[l+1,d] = tanh(T[l,d]); l < L");
  ir_tensor *Y = eq(l, "Y[d] = S[L,d]"), *grad;
  pass_gradient(l->p, Y, 0, 1, &W, &grad);
  assert_string_equal(text_of(l, tensor(l, "GS")), "GS[L,d] = 1.0\nGS[l,e] = W[d,e] GT[l,d]");
  assert_string_equal(text_of(l, tensor(l, "GT")), "GT[l,d] = GS[l+1,d] (1.0 - S[l+1,d]^2)");
  check(l, Y, W);
  check(l, Y, X);
}

static void through_a_recurrence_read_everywhere(void **state) {
  lab *l = *state;
  size(l, "L", 4);
  ir_tensor *X = given(l, "X : f64[3]"), *W = given(l, "W : f64[3, 3]");
  given(l, "G : f64[L+1, 3]");
  declared(l, "S : f64[L+1, 3]");
  eq(l, "S[0,d] = X[d]");
  eq(l, "T[l,d] += W[d,e] * S[l,e]; l < L");
  eq(l, "S[l+1,d] = tanh(T[l,d]) + 0.5 * S[l,d]; l < L");
  ir_tensor *Y = eq(l, "Y[l,d] = S[l,d] * S[l,d] * G[l,d]");
  check(l, Y, X);
  check(l, Y, W);
}

static void down_a_recurrence(void **state) {
  lab *l = *state;
  ir_tensor *X = given(l, "X : f64[5]");
  declared(l, "S : f64[6]");
  eq(l, "S[l] = sin(S[l+1]) * X[l]; l < 5");
  eq(l, "S[5] = 0.7");
  ir_tensor *Y = eq(l, "Y = S[0] * S[1]");
  check(l, Y, X);
}

/* ---- higher order, Jacobians, refusals ------------------------------------------------------- */

/* Three products of one shape: one sum, which is one kernel. */
static void products_into_one_tensor_are_one_sum(void **state) {
  lab *l = *state;
  ir_tensor *X = given(l, "X : f64[2, 3]");
  given(l, "V : f64[3, 4]");
  given(l, "W : f64[3, 4]");
  eq(l, "Q[p,k] += X[p,d] * V[d,k]");
  eq(l, "K[p,k] += X[p,d] * W[d,k]");
  ir_tensor *Y = eq(l, "Y[p] += Q[p,k] * K[p,k]"), *grad;
  pass_gradient(l->p, Y, 0, 1, &X, &grad);
  assert_string_equal(text_of(l, grad), "GX[p,d] = sum[k](V[d,k] GQ[p,k] + W[d,k] GK[p,k])");
  check(l, Y, X);
}

static void the_second_derivative(void **state) {
  lab *l = *state;
  ir_tensor *X = given(l, "X : f64[2, 3]"), *W = given(l, "W : f64[3, 2]"), *grad;
  given(l, "R : f64[3, 2]");
  eq(l, "T[b,h] += X[b,i] * W[i,h]");
  eq(l, "P[h] prod= T[b,h]");
  eq(l, "M[b] max= T[b,h]");
  ir_tensor *Y = eq(l, "Y += tanh(T[b,h]) * T[b,h] * P[h] * M[b]");
  pass_gradient(l->p, Y, 0, 1, &W, &grad);
  ir_tensor *Z = eq(l, "Z += GW[i,h] * R[i,h]");
  check(l, Z, W);
  check(l, Z, X);
}

static void the_second_derivative_of_a_convolution(void **state) {
  lab *l = *state;
  ir_tensor *X = given(l, "X : f64[6]"), *F = given(l, "F : f64[3]"), *grad;
  given(l, "R : f64[6]");
  eq(l, "T[x] += where(0 <= x+d-1 and x+d-1 < 6, X[x+d-1], 0.0) * F[d]; x < 6");
  ir_tensor *Y = eq(l, "Y += sin(T[x]) * T[x]");
  pass_gradient(l->p, Y, 0, 1, &X, &grad);
  ir_tensor *Z = eq(l, "Z += GX[x] * R[x]");
  check(l, Z, X);
  check(l, Z, F);
}

static void a_jacobian_keeps_positions_in_front(void **state) {
  lab *l = *state;
  ir_tensor *X = given(l, "X : f64[2]"), *W = given(l, "W : f64[3, 2]"), *wrt[] = {X, W}, *grad[2];
  fill(l, X, 2, (double[]){5, 7});
  fill(l, W, 6, (double[]){1, 2, 3, 4, 5, 6});
  ir_tensor *Y = eq(l, "Y[s] += W[s,i] * X[i]");
  pass_gradient(l->p, Y, 1, 2, wrt, grad);
  compute(l);
  VALUES(l, grad[0], 1, 2, 3, 4, 5, 6);
  VALUES(l, grad[1], 5, 7, 0, 0, 0, 0, 0, 0, 5, 7, 0, 0, 0, 0, 0, 0, 5, 7);
  ir_output(l->p, grad[0]);
  pass_simplify(l->p);
  assert_string_equal(text_of(l, grad[0]), "GX[o,i] = W[o,i]");
}

/* Derivatives of 16-bit tensors are f32; what was stored is read again, but for a bound that
 * rounding moves. */
static void sixteen_bits(void **state) {
  lab *l = *state;
  ir_tensor *X = given(l, "X : f16[2, 3]"), *W = given(l, "W : bf16[3]"), *wrt[] = {X, W}, *grad[2];
  declared(l, "T : f16[2, 3]");
  declared(l, "U : f16[2, 3]");
  declared(l, "V : f32[2, 3]");
  declared(l, "Y : f32");
  eq(l, "T[i,j] = sig(X[i,j] * W[j])");
  eq(l, "U[i,j] = max(T[i,j], f32(0.1))");
  eq(l, "V[i,j] = max(U[i,j], f32(0.2)) + f32(f16(T[i,j]))");
  ir_tensor *Y = eq(l, "Y += V[i,j]");
  pass_gradient(l->p, Y, 0, 2, wrt, grad);
  ir_verify(l->p, "gradient");
  assert_int_equal(grad[0]->type, IR_F32);
  assert_int_equal(grad[1]->type, IR_F32);
  assert_string_equal(text_of(l, tensor(l, "GU")),
                      "GU[i,j] = where(max(U[i,j], 0.2) <= 0.2, 0.0, GV[i,j])");
  assert_string_equal(text_of(l, tensor(l, "GT")),
                      "GT[i,j] = GV[i,j] + where(max(T[i,j], 0.1) <= 0.1, 0.0, GU[i,j])");
  assert_string_equal(text_of(l, grad[1]), "GW[j] = X[i,j] (GT[i,j] (T[i,j] (1.0 - T[i,j])))");
}

static void a_graph_with_a_recurrence(void **state) {
  lab *l = *state;
  ir_tensor *X = given(l, "X : f64[4, 2]"), *W = given(l, "W : f64[2, 2]");
  given(l, "R : i64[5]");
  given(l, "Q : i64[5]");
  declared(l, "Z : f64[4, 4, 2]");
  declared(l, "A : f64[3, 4, 2]");
  eq(l, "Z[0,n,d] = X[n,d]");
  eq(l, "A[l,R[e],d] += where(0 <= Q[e] and Q[e] < 4, Z[l,Q[e],d], 0.0); l < 3");
  eq(l, "T[l,n,d] += A[l,n,c] * W[c,d]");
  eq(l, "Z[l+1,n,d] = tanh(T[l,n,d]) + Z[l,n,d]; l < 3");
  ir_tensor *Y = eq(l, "Y[n,d] = Z[3,n,d] * Z[3,n,d]");
  check(l, Y, X);
  check(l, Y, W);
}

static void by_what_it_does_not_depend_on(void **state) {
  lab *l = *state;
  given(l, "X : f64[2]");
  ir_tensor *W = given(l, "W : f16[3]"), *N = given(l, "N : i64[2]");
  ir_tensor *Y = eq(l, "Y[i] = X[i] * N[i]"), *wrt[] = {W, Y}, *grad[2];
  pass_gradient(l->p, Y, 0, 2, wrt, grad);
  assert_int_equal(grad[0]->type, IR_F32);
  compute(l);
  VALUES(l, grad[0], 0, 0, 0);
  VALUES(l, grad[1], 1, 1);
  const char *message;
  MESSAGE_OF(l, message, pass_gradient(l->p, Y, 0, 1, &N, grad));
  assert_string_equal(message, "N is i64: the derivative by it is not defined");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_operation),
      WITH_LAB(a_product),
      WITH_LAB(softmax_and_cross_entropy),
      WITH_LAB(layer_norm),
      WITH_LAB(strided_convolution_with_padding),
      WITH_LAB(gathers_and_scatters),
      WITH_LAB(a_tied_embedding),
      WITH_LAB(a_draw_is_the_same_draw),
      WITH_LAB(pooling),
      WITH_LAB(a_maximum_goes_to_the_first),
      WITH_LAB(a_product_with_zeros),
      WITH_LAB(a_stop_is_a_constant),
      WITH_LAB(a_power_at_zero),
      WITH_LAB(an_index_that_vanishes_still_counts),
      WITH_LAB(through_a_recurrence),
      WITH_LAB(through_a_recurrence_read_everywhere),
      WITH_LAB(down_a_recurrence),
      WITH_LAB(products_into_one_tensor_are_one_sum),
      WITH_LAB(the_second_derivative),
      WITH_LAB(the_second_derivative_of_a_convolution),
      WITH_LAB(a_jacobian_keeps_positions_in_front),
      WITH_LAB(sixteen_bits),
      WITH_LAB(a_graph_with_a_recurrence),
      WITH_LAB(by_what_it_does_not_depend_on),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
