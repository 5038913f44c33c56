/* Sparse reals: what becomes of several values for one key, recursion over them, tensors read. */
#include <math.h>

#include "fixture.h"

static rel_relation *real(fixture *f, const char *name, int arity, rel_fold fold) {
  return relation(f, name, arity, fold, IR_F64);
}

static void folds(void **state) {
  fixture *f = *state;
  static const struct { rel_fold fold; const char *name, *want; } all[] = {
      {REL_SUM, "Sum", "A=7.5, B=-1"}, {REL_MIN, "Min", "A=0.5, B=-1"},
      {REL_MAX, "Max", "A=4, B=-1"},   {REL_AVG, "Avg", "A=2.5, B=-1"},
      {REL_PROD, "Prod", "A=6, B=-1"}};
  real(f, "W", 2, REL_ONE);
  facts(f, "W: A 1 0.5, A 2 3, A 3 4, B 1 -1");
  for (int i = 0; i < 5; i++) {
    base_text text = base_text_open(f->arena);
    real(f, all[i].name, 1, all[i].fold);
    base_putf(&text, "%s(x) = v <- W(x,_)=v", all[i].name);
    rule(f, text.at);
    assert_rows(f, all[i].name, NULL, all[i].want);
  }
}

/* Facts count with what rules make, once each. */
static void facts_and_rules_fold_together(void **state) {
  fixture *f = *state;
  real(f, "S", 1, REL_SUM);
  real(f, "A", 1, REL_AVG);
  real(f, "W", 1, REL_ONE);
  facts(f, "W: 1 10");
  facts(f, "S: 1 1, 1 2, 2 5");
  facts(f, "A: 1 1, 1 4");
  assert_rows(f, "S", NULL, "1=3, 2=5");
  assert_rows(f, "A", NULL, "1=2.5");
  rule(f, "S(x) = v <- W(x)=v");
  rule(f, "A(x) = v <- W(x)=v");
  assert_rows(f, "S", NULL, "1=13, 2=5");
  assert_rows(f, "A", NULL, "1=5");
  rel_number v;
  assert_true(rel_value(find(f, "S"), (int64_t[]){2}, &v) && v.f == 5);
  assert_false(rel_value(find(f, "S"), (int64_t[]){3}, &v));
  assert_true(rel_has(find(f, "S"), (int64_t[]){1}));
}

/* `_` asks whether there is a tuple, and does not count them; variables count each binding. */
static void bindings_count_once(void **state) {
  fixture *f = *state;
  set(f, "E", 2);
  set(f, "N", 1);
  relation(f, "Degree", 1, REL_SUM, IR_I64);
  relation(f, "Sources", 0, REL_SUM, IR_I64);
  relation(f, "Shown", 1, REL_SUM, IR_I64);
  set(f, "Said", 2);
  facts(f, "E: 1 2, 1 3, 1 4, 2 3");
  facts(f, "N: 1, 2, 3");
  rule(f, "Degree(x) = 1 <- E(x,y)");
  rule(f, "Sources() = 1 <- E(x,_)");
  rule(f, "Shown(x) = 10 <- N(x), E(x,_)");
  rule(f, "Said(x,n) <- N(x), Degree(x)=n else 0");
  assert_rows(f, "Degree", NULL, "1=3, 2=1");
  assert_rows(f, "Sources", NULL, "=2");
  assert_rows(f, "Shown", NULL, "1=10, 2=10");
  assert_rows(f, "Said", NULL, "1 3, 2 1, 3 0");
}

static void types_round(void **state) {
  fixture *f = *state;
  relation(f, "Half", 1, REL_SUM, IR_F16);
  relation(f, "Single", 1, REL_SUM, IR_F32);
  relation(f, "Small", 1, REL_MIN, IR_I32);
  relation(f, "Exact", 1, REL_SUM, IR_I64);
  real(f, "W", 2, REL_ONE);
  relation(f, "I", 2, REL_ONE, IR_I64);
  facts(f, "W: 1 1 2048, 1 2 0.5, 1 3 0.5");
  facts(f, "I: 1 1 9007199254740992, 1 2 1, 2 1 -7");
  rule(f, "Half(x) = v <- W(x,_)=v");      /* summed in f64, rounded once: 2049 is a tie to even */
  rule(f, "Single(x) = v / 3 <- W(x,_)=v");
  rule(f, "Small(x) = v <- I(x,_)=v");
  rule(f, "Exact(x) = v <- I(x,_)=v");
  assert_rows(f, "Half", NULL, "1=2048");
  assert_rows(f, "Exact", NULL, "1=9007199254740993, 2=-7");
  assert_rows(f, "Small", NULL, "1=1, 2=-7");
  rel_number v;
  rel_value(find(f, "Single"), (int64_t[]){1}, &v);
  assert_true(v.f == (double)(float)(2049.0 / 3));
}

static void sparse_matrix_product(void **state) {
  fixture *f = *state;
  real(f, "A", 2, REL_ONE);
  real(f, "B", 2, REL_ONE);
  real(f, "C", 2, REL_SUM);
  facts(f, "A: 0 0 1, 0 1 2, 1 1 3");
  facts(f, "B: 0 0 4, 1 0 5, 1 1 6");
  rule(f, "C(i,k) = a * b <- A(i,j)=a, B(j,k)=b");
  assert_rows(f, "C", NULL, "0 0=14, 0 1=12, 1 0=15, 1 1=18");
}

/* ---- minima and maxima ----------------------------------------------------------------------- */

static void shortest_paths(void **state) {
  fixture *f = *state;
  real(f, "E", 2, REL_MIN);
  real(f, "D", 2, REL_MIN);
  facts(f, "E: A B 4, A C 1, C B 2, B D 1, C D 7, D A 1");
  rule(f, "D(x,y) = e <- E(x,y)=e");
  rule(f, "D(x,z) = d + e <- D(x,y)=d, E(y,z)=e");
  assert_rows(f, "D", "A, y", "A=5, B=3, C=1, D=4");
  assert_rows(f, "D", "x, x", "A=5, B=5, C=5, D=5");
  assert_int_equal(rel_count(find(f, "D")), 16);
}

static void widest_and_likeliest(void **state) {
  fixture *f = *state;
  real(f, "P", 2, REL_ONE);
  real(f, "Best", 2, REL_MAX);
  facts(f, "P: 1 2 0.5, 2 3 0.5, 1 3 0.125, 3 1 0.5");
  rule(f, "Best(x,y) = p <- P(x,y)=p");
  rule(f, "Best(x,z) = p * q <- Best(x,y)=p, Best(y,z)=q");
  assert_rows(f, "Best", "1, y", "1=0.125, 2=0.5, 3=0.25");
  assert_in_range(rel_statistics(f->engine).rounds, 2, 6);   /* by deltas */
}

/* Many at once, against Floyd's algorithm: from the left, the right, doubly; and the widest. */
static void all_shortest_paths(void **state) {
  enum { N = 60 };
  static double want[N][N], widest[N][N];
  fixture *f = *state;
  uint64_t random = 3;
  for (int a = 0; a < N; a++)
    for (int b = 0; b < N; b++) want[a][b] = INFINITY, widest[a][b] = -INFINITY;
  real(f, "E", 2, REL_ONE);
  for (int k = 0; k < 180; k++) {
    int64_t at[] = {(int64_t)(next_random(&random) % N), (int64_t)(next_random(&random) % N)};
    double w = (double)(next_random(&random) % 50) - (at[0] < at[1] ? 9 : 0);
    if (at[0] > at[1]) w += 9 * N;   /* no cycle is below 0 */
    if (want[at[0]][at[1]] != INFINITY) continue;
    want[at[0]][at[1]] = widest[at[0]][at[1]] = w;
    rel_insert(find(f, "E"), at, (rel_number){.f = w});
  }
  for (int m = 0; m < N; m++)
    for (int a = 0; a < N; a++)
      for (int b = 0; b < N; b++) {
        want[a][b] = fmin(want[a][b], want[a][m] + want[m][b]);
        widest[a][b] = fmax(widest[a][b], fmin(widest[a][m], widest[m][b]));
      }
  static const char *const names[] = {"Left", "Right", "Double"};
  static const char *const rules[] = {"Left(x,z) = d + e <- Left(x,y)=d, E(y,z)=e",
                                      "Right(x,z) = e + d <- E(x,y)=e, Right(y,z)=d",
                                      "Double(x,z) = d + e <- Double(x,y)=d, Double(y,z)=e"};
  for (int i = 0; i < 3; i++) {
    base_text text = base_text_open(f->arena);
    real(f, names[i], 2, REL_MIN);
    base_putf(&text, "%s(x,y) = e <- E(x,y)=e", names[i]);
    rule(f, text.at);
    rule(f, rules[i]);
  }
  real(f, "Wide", 2, REL_MAX);
  rule(f, "Wide(x,y) = e <- E(x,y)=e");
  rule(f, "Wide(x,z) = d <- Wide(x,y)=d, E(y,z)=e, d <= e");
  rule(f, "Wide(x,z) = e <- Wide(x,y)=d, E(y,z)=e, e <= d");
  for (int64_t a = 0; a < N; a++)
    for (int64_t b = 0; b < N; b++) {
      rel_number v = {.f = INFINITY};
      for (int i = 0; i < 3; i++) {
        bool there = rel_value(find(f, names[i]), (int64_t[]){a, b}, &v);
        assert_true(there == (want[a][b] < INFINITY) && (!there || v.f == want[a][b]));
      }
      bool there = rel_value(find(f, "Wide"), (int64_t[]){a, b}, &v);   /* by rounds */
      assert_true(there == (want[a][b] < INFINITY) && (!there || v.f == widest[a][b]));
    }
}

/* A set may follow a minimum, if it only asks whether that is small enough. */
static void near_by(void **state) {
  fixture *f = *state;
  real(f, "E", 2, REL_MIN);
  real(f, "D", 1, REL_MIN);
  set(f, "Near", 1);
  facts(f, "E: 0 1 2, 1 2 2, 2 3 2, 0 3 9");
  facts(f, "D: 0 0");
  facts(f, "Near: 0");
  rule(f, "D(y) = d + e <- Near(x), D(x)=d, E(x,y)=e");
  rule(f, "Near(x) <- D(x)=d, d < 5.0");
  assert_rows(f, "D", NULL, "0=0, 1=2, 2=4, 3=6");
  assert_rows(f, "Near", NULL, "0, 1, 2");
}

static void negative_cycle(void **state) {
  fixture *f = *state;
  real(f, "E", 2, REL_MIN);
  real(f, "D", 2, REL_MIN);
  facts(f, "E: A B 1, B A -2");
  rule(f, "D(x,y) = e <- E(x,y)=e");
  rule(f, "D(x,z) = d + e <- D(x,y)=d, E(y,z)=e");
  assert_raises(f, BASE_RUNTIME, rel_need(find(f, "D")), "`D` does not settle", "negative cycle",
                "D[");
  rel_clear(find(f, "E"));
  facts(f, "E: A B 1");
  assert_rows(f, "D", NULL, "A B=1");
}

/* ---- rounds ---------------------------------------------------------------------------------- */

/* x = x / 2 + 1 settles at 2. */
static void recursion_over_a_sum(void **state) {
  fixture *f = *state;
  real(f, "B", 1, REL_ONE);
  real(f, "A", 2, REL_ONE);
  real(f, "X", 1, REL_SUM);
  facts(f, "B: 1 1, 2 1");
  facts(f, "A: 1 1 0.5, 2 1 0.25");
  rule(f, "X(i) = b <- B(i)=b");
  rule(f, "X(i) = a * x <- A(i,j)=a, X(j)=x");
  assert_rows(f, "X", NULL, "1=2, 2=1.5");
  rel_settle(find(f, "X"), 0.3, 0, 0);   /* 1, 1.5, 1.75: by a quarter only */
  assert_rows(f, "X", NULL, "1=1.75, 2=1.375");
  rel_settle(find(f, "X"), 0, 0, 5);
  assert_raises(f, BASE_RUNTIME, rel_need(find(f, "X")), "`X` does not settle", "5 rounds", "X[");
}

static void growth_is_refused(void **state) {
  fixture *f = *state;
  real(f, "B", 1, REL_ONE);
  real(f, "X", 1, REL_SUM);
  facts(f, "B: 1 1");
  rule(f, "X(i) = b <- B(i)=b");
  rule(f, "X(i) = x * 1000 <- X(i)=x");
  assert_raises(f, BASE_RUNTIME, rel_need(find(f, "X")), "`X` does not settle",
                "beyond all bounds");
}

/* An eigenvector, started at 1 everywhere: x = A x with rows that sum to 1 stays there. */
static void a_start_of_its_own(void **state) {
  fixture *f = *state;
  real(f, "A", 2, REL_ONE);
  real(f, "X", 1, REL_SUM);
  facts(f, "A: 1 1 0.5, 1 2 0.5, 2 1 0.25, 2 2 0.75");
  rule(f, "X(i) = a * x <- A(i,j)=a, X(j)=x");
  assert_rows(f, "X", NULL, "1=0, 2=0");
  rel_settle(find(f, "X"), 0, 1, 0);
  assert_rows(f, "X", NULL, "1=1, 2=1");
}

/* y follows within the round: x' = 1 + y, y = x / 2. */
static void others_follow(void **state) {
  fixture *f = *state;
  real(f, "One", 1, REL_ONE);
  real(f, "X", 1, REL_SUM);
  real(f, "Y", 1, REL_SUM);
  facts(f, "One: 0 1");
  rule(f, "X(i) = o <- One(i)=o");
  rule(f, "X(i) = y <- Y(i)=y");
  rule(f, "Y(i) = x / 2 <- X(i)=x");
  assert_rows(f, "X", NULL, "0=2");
  assert_rows(f, "Y", NULL, "0=1");
}

/* Minima whose rules do not only improve go by rounds: d = 3 - d over a chain of length 2. */
static void minima_by_rounds(void **state) {
  fixture *f = *state;
  real(f, "Base", 1, REL_ONE);
  real(f, "D", 1, REL_MIN);
  set(f, "Next", 2);
  facts(f, "Base: 0 1");
  facts(f, "Next: 0 1, 1 2");
  rule(f, "D(x) = b <- Base(x)=b");
  rule(f, "D(y) = 3 - d <- D(x)=d, Next(x,y)");
  assert_rows(f, "D", NULL, "0=1, 1=2, 2=1");
}

/* ---- dense tensors --------------------------------------------------------------------------- */

typedef struct given {
  rel_array array;
  int fetched;
} given;

static rel_array fetch(void *user, const rel_dense *d) {
  given *g = user;
  (void)d;
  g->fetched++;
  return g->array;
}

static void dense_reads(void **state) {
  fixture *f = *state;
  float a[] = {0.25f, -1, 3, 0.75f, 0, 2};
  given g = {{a, IR_F32, {2, 3}}, 0};
  int64_t symbol[] = {key(f, "Zoe"), key(f, "Adam"), key(f, "Bob")};
  const int64_t *symbols[] = {NULL, symbol};
  dense(f, "A", 2, symbols, fetch, &g);
  set(f, "Positive", 2);
  set(f, "Who", 1);
  set(f, "Seen", 2);
  facts(f, "Who: Adam, Carl, Bob, 1");
  rule(f, "Positive(i,s) <- A[i,s]=v, v > 0.5");
  rule(f, "Seen(s,i) <- Who(s), A[i,s]=v, i == 1");
  assert_rows(f, "Positive", NULL, "0 Bob, 1 Bob, 1 Zoe");
  assert_rows(f, "Seen", NULL, "Adam 1, Bob 1");
  assert_int_equal(g.fetched, 1);
  a[1] = 9;
  rel_stale(f->dense[0]);
  assert_rows(f, "Positive", NULL, "0 Adam, 0 Bob, 1 Bob, 1 Zoe");
  assert_int_equal(g.fetched, 2);
}

static void elements_outside(void **state) {
  fixture *f = *state;
  int32_t a[] = {5, 6};
  given g = {{a, IR_I32, {2}}, 0};
  dense(f, "A", 1, NULL, fetch, &g);
  set(f, "I", 1);
  real(f, "In", 1, REL_SUM);
  real(f, "Out", 1, REL_SUM);
  facts(f, "I: 0, 1, 2");
  rule(f, "In(i) = v <- I(i), A[i]=v");
  rule(f, "Out(i) = v <- I(i), A[i]=v else -1");
  assert_rows(f, "In", NULL, "0=5, 1=6");
  assert_rows(f, "Out", NULL, "0=5, 1=6, 2=-1");
}

/* A tensor made from a relation of this engine; and one made from what reads it. */
static rel_array count_of(void *user, const rel_dense *d) {
  static float value[1];
  fixture *f = user;
  value[0] = (float)rel_count(find(f, rel_dense_name(d)[0] == 'L' ? "Low" : "High"));
  return (rel_array){value, IR_F32, {1}};
}

static void tensors_of_relations(void **state) {
  fixture *f = *state;
  set(f, "Low", 1);
  set(f, "High", 1);
  set(f, "Two", 1);
  dense(f, "L", 1, NULL, count_of, f);
  dense(f, "H", 1, NULL, count_of, f);
  facts(f, "Low: 4, 5");
  rule(f, "Two(i) <- L[i]=n, n == 2.0");
  assert_rows(f, "Two", NULL, "0");
  rule(f, "High(i) <- H[i]=n, n == 2.0");
  assert_raises(f, BASE_REFUSED, rel_need(find(f, "High")), "`High` depends on itself", "tensor");
  assert_rows(f, "Two", NULL, "0");
}

/* A tensor that asks a question with a key, for which rules are made in the midst of a run. */
static rel_array reached(void *user, const rel_dense *d) {
  static float value[1];
  fixture *f = user;
  rel_term term[] = {{.kind = REL_KEY, .key = 1}, {.kind = REL_VAR}};
  (void)d;
  value[0] = (float)rel_query(f->arena, find(f, "Path"), term).n;
  return (rel_array){value, IR_F32, {1}};
}

static void tensors_that_ask(void **state) {
  fixture *f = *state;
  set(f, "Edge", 2);
  set(f, "Path", 2);
  set(f, "First", 1);
  set(f, "Then", 1);
  set(f, "Last", 1);
  dense(f, "N", 1, NULL, reached, f);
  facts(f, "Edge: 1 2, 2 3, 5 6");
  rule(f, "Path(x,y) <- Edge(x,y)");
  rule(f, "Path(x,z) <- Path(x,y), Edge(y,z)");
  rule(f, "First(x) <- Edge(x,_)");
  rule(f, "Then(i) <- N[i]=n, n == 2.0, First(5)");
  rule(f, "Last(x) <- Then(y), First(x), not Path(x,3)");
  assert_rows(f, "Last", NULL, "5");
  facts(f, "Edge: 3 4");
  rel_stale(f->dense[0]);
  assert_rows(f, "Last", NULL, "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(folds), TEST(facts_and_rules_fold_together), TEST(bindings_count_once),
      TEST(types_round), TEST(sparse_matrix_product), TEST(shortest_paths),
      TEST(all_shortest_paths), TEST(widest_and_likeliest), TEST(near_by), TEST(negative_cycle),
      TEST(recursion_over_a_sum), TEST(growth_is_refused), TEST(a_start_of_its_own),
      TEST(others_follow), TEST(minima_by_rounds), TEST(dense_reads), TEST(elements_outside),
      TEST(tensors_of_relations), TEST(tensors_that_ask),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
