/* Left sides solved: the text, and the same values as the scatter. */
#include <string.h>

#include "lab.h"

/* Solve T and compare; the text after it unless NULL. */
static void check(lab *l, ir_tensor *t, const char *want) {
  compute(l);
  int n = (int)elements(l, t);
  double *before = base_alloc(l->arena, sizeof(double) * (size_t)(n + 1));
  for (int k = 0; k < n; k++) before[k] = at(l, t, k);
  pass_invert(l->p);
  ir_verify(l->p, "invert");
  if (want) assert_string_equal(text_of(l, t), want);
  compute(l);
  assert_values(l, t, n, before);
}

static void a_window_is_left_alone(void **state) {
  lab *l = *state;
  given(l, "X : f64[3]");
  ir_tensor *Y = declared(l, "Y : f64[6]");
  eq(l, "Y[i+2] = X[i]");
  eq(l, "Y[0] = 1.0");
  check(l, Y, "Y[i+2] = X[i]\nY[0] = 1.0");
}

static void a_sum_of_indices(void **state) {
  lab *l = *state;
  size(l, "X", 5);
  size(l, "D", 3);
  given(l, "H : f64[X]");
  given(l, "F : f64[D]");
  ir_tensor *G = declared(l, "G : f64[X+D-1]");
  eq(l, "G[x+d] += H[x] * F[d]");
  check(l, G, "G[u] = sum[d](where(u - d < X and 0 <= u - d, H[u-d] F[d], 0.0))");
}

static void a_stride(void **state) {
  lab *l = *state;
  given(l, "H : f64[4]");
  given(l, "F : f64[3]");
  ir_tensor *G = declared(l, "G : f64[9]");
  eq(l, "G[2*x+d] += H[x] * F[d]");
  check(l, G, NULL);
}

static void a_stride_alone(void **state) {
  lab *l = *state;
  given(l, "H : f64[4]");
  ir_tensor *G = declared(l, "G : f64[9]");
  eq(l, "G[3*x] += H[x]; x < 3");
  check(l, G, NULL);
}

static void pooling(void **state) {
  lab *l = *state;
  size(l, "X", 5);
  given(l, "F : f64[X]");
  ir_tensor *P = declared(l, "P : f64[(X+1)//2]");
  eq(l, "P[x//2] max= F[x]");
  check(l, P, "P[u] max= where(2 u + o < X, F[2*u+o], -inf)");
}

static void remainders(void **state) {
  lab *l = *state;
  given(l, "F : f64[7]");
  ir_tensor *P = declared(l, "P : f64[3]");
  eq(l, "P[x%3] += F[x]");
  check(l, P, NULL);
  ir_tensor *Q = declared(l, "Q : f64[3, 3]");
  eq(l, "Q[x//3,x%3] += F[x]");
  check(l, Q, "Q[u,u'] = where(3 u + u' < 7, F[3*u+u'], 0.0)");
  assert_int_equal(Q->eqs.at[0]->agg, IR_SET);
}

static void merged_positions(void **state) {
  lab *l = *state;
  size(l, "H", 2);
  size(l, "K", 3);
  given(l, "X : f64[H, K]");
  ir_tensor *Y = declared(l, "Y : f64[H*K]");
  eq(l, "Y[h*K+k] += X[h,k]");
  check(l, Y, "Y[u] = X[u/K,u%K]");
}

static void merged_with_gaps(void **state) {
  lab *l = *state;
  given(l, "X : f64[2, 3, 2]");
  ir_tensor *Y = declared(l, "Y : f64[30]");
  eq(l, "Y[12*a+4*b+c+1] += X[a,b,c]");
  check(l, Y, NULL);
  assert_int_equal(Y->eqs.at[0]->agg, IR_SET);
}

static void a_diagonal(void **state) {
  lab *l = *state;
  size(l, "N", 3);
  given(l, "X : f64[N]");
  ir_tensor *Y = declared(l, "Y : f64[N, N]");
  eq(l, "Y[i,i] += X[i]");
  check(l, Y, "Y[i,i'] = where(i == i', X[i], 0.0)");
}

static void skewed_positions(void **state) {
  lab *l = *state;
  given(l, "X : f64[3, 4]");
  ir_tensor *Y = declared(l, "Y : f64[6, 6]");
  eq(l, "Y[i+j,i-j+3] += X[i,j]");
  check(l, Y, NULL);
  assert_int_equal(Y->eqs.at[0]->agg, IR_SET);
}

static void constants_and_reverses(void **state) {
  lab *l = *state;
  given(l, "X : f64[4, 2]");
  ir_tensor *Y = declared(l, "Y : f64[3, 4]");
  eq(l, "Y[1,3-i] += X[i,j]");
  check(l, Y, NULL);
}

static void divided_and_shifted(void **state) {
  lab *l = *state;
  given(l, "X : f64[7]");
  ir_tensor *Y = declared(l, "Y : f64[6]");
  eq(l, "Y[(x+1)//2+1] += X[x]");
  check(l, Y, NULL);
}

static void one_element_of_each_row(void **state) {
  lab *l = *state;
  size(l, "B", 4);
  size(l, "C", 3);
  given(l, "H : f64[B]");
  given(l, "T : i64[B]");
  ir_tensor *G = declared(l, "G : f64[B, C]");
  eq(l, "G[b,T[b]] += H[b]");
  check(l, G, "G[b,u] = where(T[b] == u, H[b], 0.0)");
}

static void an_embedding_stays_a_scatter(void **state) {
  lab *l = *state;
  size(l, "B", 4);
  given(l, "H : f64[B, 2]");
  given(l, "T : i64[B]");
  ir_tensor *G = declared(l, "G : f64[3, 2]");
  eq(l, "G[T[b],d] += H[b,d]");
  check(l, G, "G[T[b],d] += H[b,d]");
}

static void all_of_it(void **state) {
  lab *l = *state;
  given(l, "X : f64[2, 5, 5, 3]");
  given(l, "F : f64[3, 3, 3]");
  ir_tensor *G = declared(l, "G : f64[2, 11, 8]");
  eq(l, "G[b,2*y+dy,x+2*dx] += X[b,y,x,c] * F[dy,dx,c]; x < 4");
  check(l, G, NULL);
}

/* ---- any left side at all: the values stay --------------------------------------------------- */

static int draw(uint64_t *seed, int n) {
  *seed = *seed * 6364136223846793005u + 1442695040888963407u;
  return (int)((*seed >> 33) % (unsigned)n);
}

static const char *any_position(lab *l, uint64_t *seed) {
  static const char *const index[] = {"i", "j", "k"};
  const char *sum = base_format(l->arena, "%d", draw(seed, 3));
  for (int n = 1 + draw(seed, 3); n > 0; n--)
    sum = base_format(l->arena, "%s + %d*%s", sum, draw(seed, 6) - 1, index[draw(seed, 3)]);
  switch (draw(seed, 6)) {
  case 0: return base_format(l->arena, "(%s + 3)//%d", sum, 1 + draw(seed, 3));
  case 1: return base_format(l->arena, "(%s + 9)%%%d", sum, 1 + draw(seed, 4));
  case 2: return base_format(l->arena, "(%s + 9)//2 + j", sum);
  default: return sum;
  }
}

static void any_left_side(void **state) {
  uint64_t seed = 1;
  volatile int solved = 0;
  for (volatile int round = 0; round < 300; round++) {
    open_lab(state);
    lab *l = *state;
    base_trap trap;
    if (!BASE_TRY(l->ctx, &trap)) fail_msg("round %d: %s", round, base_last(l->ctx)->message);
    given(l, "X : f64[3, 2, 4]");
    ir_tensor *Y = declared(l, round % 2 ? "Y : f64[7, 5]" : "Y : f64[19]");
    const char *first = any_position(l, &seed), *second = any_position(l, &seed);
    const char *agg = draw(&seed, 4) == 0 ? "max=" : "+=";
    eq(l, round % 2 ? base_format(l->arena, "Y[%s,%s] %s X[i,j,k]", first, second, agg)
                    : base_format(l->arena, "Y[%s] %s X[i,j,k]", first, agg));
    if (!ir_window(Y->eqs.at[0])) check(l, Y, NULL); /* a window has to lie inside */
    solved += ir_window(Y->eqs.at[0]);
    base_untrap(l->ctx, &trap);
    assert_int_equal(close_lab(state), 0);
  }
  assert_in_range(solved, 250, 300);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_LAB(a_window_is_left_alone),
      WITH_LAB(a_sum_of_indices),
      WITH_LAB(a_stride),
      WITH_LAB(a_stride_alone),
      WITH_LAB(pooling),
      WITH_LAB(remainders),
      WITH_LAB(merged_positions),
      WITH_LAB(merged_with_gaps),
      WITH_LAB(a_diagonal),
      WITH_LAB(skewed_positions),
      WITH_LAB(constants_and_reverses),
      WITH_LAB(divided_and_shifted),
      WITH_LAB(one_element_of_each_row),
      WITH_LAB(an_embedding_stays_a_scatter),
      WITH_LAB(all_of_it),
      cmocka_unit_test(any_left_side),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
