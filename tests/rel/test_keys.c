/* The same graphs over keys of many shapes: close together, scattered over 62 bits, negative,
 * growing outward, symbols, both kinds. Small and scattered sets are hashed, others are grids; what
 * is in them must not depend on it. Reference: a breadth-first search from each node. */
#include "fixture.h"

enum { NODES = 150, EDGES = 260 };

typedef int64_t shape(fixture *f, int node);

static int64_t close_together(fixture *f, int node) { (void)f; return node; }
static int64_t negative(fixture *f, int node) { (void)f; return 70 - node; }
static int64_t far_apart(fixture *f, int node) { (void)f; return (int64_t)node << 40; }

static int64_t scattered(fixture *f, int node) {
  uint64_t state = (uint64_t)node;
  (void)f;
  return (int64_t)(next_random(&state) >> 2) - ((int64_t)1 << 61);
}

static int64_t outward(fixture *f, int node) {
  (void)f;
  return node % 2 ? node * node : -node * node;
}

static int64_t symbols(fixture *f, int node) {
  char name[16];
  for (int i = 0, n = node + 26; i < 3; i++, n /= 26) name[i] = (char)('A' + n % 26);
  return rel_symbol(f->engine, name, 3);
}

static int64_t both_kinds(fixture *f, int node) {
  return node % 3 ? node * 1000 : symbols(f, node);
}

typedef struct graph {
  int from[EDGES], to[EDGES];
  bool reach[NODES][NODES];
  int steps[NODES][NODES];       /* the fewest; where reach */
} graph;

static void search(graph *g, int root) {
  int queue[NODES + 1], n = 0, at = 0;
  int distance[NODES] = {0};
  queue[n++] = root;
  for (; at < n; at++)
    for (int e = 0; e < EDGES; e++) {
      int next = g->to[e];
      if (g->from[e] != queue[at] || g->reach[root][next]) continue;
      g->reach[root][next] = true;
      g->steps[root][next] = (queue[at] == root && at == 0 ? 0 : distance[queue[at]]) + 1;
      if (next == root) continue;
      distance[next] = g->steps[root][next];
      queue[n++] = next;
    }
}

static void make_graph(graph *g, uint64_t seed) {
  memset(g, 0, sizeof *g);
  for (int e = 0; e < EDGES; e++) {
    g->from[e] = (int)(next_random(&seed) % NODES);
    g->to[e] = (int)(next_random(&seed) % NODES);
  }
  for (int v = 0; v < NODES; v++) search(g, v);
}

static void check_closure(fixture *f, const graph *g, const char *name, const int64_t *keys) {
  rel_relation *r = find(f, name);
  int64_t count = 0;
  for (int a = 0; a < NODES; a++)
    for (int b = 0; b < NODES; b++) {
      count += g->reach[a][b];
      if (rel_has(r, (int64_t[]){keys[a], keys[b]}) != g->reach[a][b])
        fail_msg("%s: %d to %d", name, a, b);
    }
  assert_int_equal(rel_count(r), count);
  rel_rows rows_ = rel_query(f->arena, r, NULL);
  assert_int_equal(rows_.n, count);
  for (int64_t i = 1; i < rows_.n; i++) {
    int first = rel_compare(f->engine, rows_.column[0][i - 1], rows_.column[0][i]);
    int second = rel_compare(f->engine, rows_.column[1][i - 1], rows_.column[1][i]);
    assert_true(first < 0 || (first == 0 && second < 0));
  }
}

static void closures(fixture *f, shape *key_of) {
  static graph g;
  int64_t keys[NODES];
  make_graph(&g, 5);
  for (int i = 0; i < NODES; i++) keys[i] = key_of(f, i);
  set(f, "E", 2);
  set(f, "Left", 2);
  set(f, "Right", 2);
  set(f, "Double", 2);
  set(f, "Turned", 2);
  set(f, "Colour", 3);
  set(f, "Labelled", 3);
  relation(f, "Steps", 2, REL_MIN, IR_I64);
  for (int e = 0; e < EDGES; e++) {
    int64_t a = keys[g.from[e]], b = keys[g.to[e]];
    rel_insert(find(f, "E"), (int64_t[]){a, b}, (rel_number){0});
    rel_insert(find(f, "Colour"), (int64_t[]){a, b, e % 3}, (rel_number){0});
  }
  rule(f, "Left(x,y) <- E(x,y)");
  rule(f, "Left(x,z) <- Left(x,y), E(y,z)");
  rule(f, "Right(x,y) <- E(x,y)");
  rule(f, "Right(x,z) <- E(x,y), Right(y,z)");
  rule(f, "Double(x,y) <- E(x,y)");
  rule(f, "Double(x,z) <- Double(x,y), Double(y,z)");
  rule(f, "Turned(y,x) <- Left(x,y)");
  rule(f, "Labelled(x,y,c) <- Colour(x,y,c)");
  rule(f, "Labelled(x,z,c) <- Labelled(x,y,c), Labelled(y,z,c)");
  rule(f, "Steps(x,y) = 1 <- E(x,y)");
  rule(f, "Steps(x,z) = n + 1 <- Steps(x,y)=n, E(y,z)");
  check_closure(f, &g, "Left", keys);
  check_closure(f, &g, "Right", keys);
  check_closure(f, &g, "Double", keys);
  for (int a = 0; a < NODES; a++)
    for (int b = 0; b < NODES; b++) {
      rel_number n = {0};
      bool there = rel_value(find(f, "Steps"), (int64_t[]){keys[a], keys[b]}, &n);
      assert_true(there == g.reach[a][b] && (!there || n.i == g.steps[a][b]));
      assert_true(rel_has(find(f, "Turned"), (int64_t[]){keys[b], keys[a]}) == g.reach[a][b]);
    }
  for (int colour = 0; colour < 3; colour++) {
    static graph of;
    of = g;
    memset(of.reach, 0, sizeof of.reach);
    for (int e = 0; e < EDGES; e++)
      if (e % 3 != colour) of.from[e] = -1;
    for (int v = 0; v < NODES; v++) search(&of, v);
    for (int a = 0; a < NODES; a++)
      for (int b = 0; b < NODES; b++)
        assert_true(rel_has(find(f, "Labelled"), (int64_t[]){keys[a], keys[b], colour}) ==
                    of.reach[a][b]);
  }
}

/* Closures of a seed under edges of two kinds, from the left and from the right, with columns that
 * are read afterwards, and negated. */
static void seeds_and_edges(void **state) {
  fixture *f = *state;
  static graph g;
  make_graph(&g, 11);
  set(f, "A", 2);
  set(f, "B", 2);
  set(f, "Left", 2);
  set(f, "Right", 2);
  set(f, "Turned", 2);
  set(f, "Not", 2);
  set(f, "N", 1);
  set(f, "Seed", 2);
  for (int64_t e = 0; e < EDGES; e++)
    rel_insert(find(f, e % 2 ? "A" : "B"), (int64_t[]){g.from[e], g.to[e]}, (rel_number){0});
  bool seed[NODES][NODES] = {{false}};
  for (int64_t i = 0; i < NODES; i++) {
    int64_t at[] = {i * i % 37, i * 7 % NODES};
    seed[at[0]][at[1]] = true;
    rel_insert(find(f, i % 2 ? "Seed" : "Left"), at, (rel_number){0});
    rel_insert(find(f, "Right"), at, (rel_number){0});
    rel_insert(find(f, "N"), &i, (rel_number){0});
  }
  rule(f, "Left(x,y) <- Seed(x,y)");
  rule(f, "Left(x,z) <- Left(x,y), A(y,z)");
  rule(f, "Left(a,b) <- B(c,b), Left(a,c)");
  rule(f, "Right(x,z) <- A(x,y), Right(y,z)");
  rule(f, "Right(x,z) <- Right(y,z), B(x,y)");
  rule(f, "Turned(y,x) <- Left(x,y), Right(x,y)");
  rule(f, "Not(x,y) <- N(x), N(y), not Left(x,y)");
  int64_t apart = 0;
  for (int a = 0; a < NODES; a++)
    for (int b = 0; b < NODES; b++) {
      bool left = seed[a][b], right = seed[a][b];
      for (int m = 0; m < NODES; m++) {
        left |= seed[a][m] && g.reach[m][b];
        right |= g.reach[a][m] && seed[m][b];
      }
      apart += !left;
      assert_true(rel_has(find(f, "Left"), (int64_t[]){a, b}) == left);
      assert_true(rel_has(find(f, "Right"), (int64_t[]){a, b}) == right);
      assert_true(rel_has(find(f, "Turned"), (int64_t[]){b, a}) == (left && right));
    }
  assert_int_equal(rel_count(find(f, "Not")), apart);
  assert_int_equal(rel_statistics(f->engine).rounds, 0);   /* rows of bits, no deltas */
  assert_int_equal(rel_query(f->arena, find(f, "Left"), NULL).n, NODES * NODES - apart);
}

/* Recursion between graphs: keys close together go by rows of bits, distant ones by deltas of
 * tuples. */
static void both_ways(void **state) {
  static const char *const rules[][3] = {
      {"S(x,y) <- A(x,p), S(p,q), B(y,q)"},
      {"S(x,y) <- A(p,x), S(p,q), B(q,y)", "S(x,z) <- S(x,y), A(y,z)"},
      {"S(x,y) <- S(p,y), B(x,p)", "S(x,z) <- S(x,y), A(y,z)", "S(u,v) <- B(v,q), A(u,p), S(p,q)"},
      {"S(x,y) <- A(x,p), S(p,y)", "S(y,x) <- S(y,q), A(x,q)"},
  };
  base_ctx *ctx = ((fixture *)*state)->ctx;
  for (uint64_t seed = 1; seed <= 24; seed++) {
    fixture f[2];
    uint64_t random = seed;
    const char *const *program = rules[seed % 4];
    for (int i = 0; i < 2; i++) {
      start(&f[i], ctx);
      set(&f[i], "A", 2);
      set(&f[i], "B", 2);
      set(&f[i], "S", 2);
      for (int k = 0; k < 3 && program[k]; k++) rule(&f[i], program[k]);
    }
    for (int k = 0; k < 120; k++) {
      int a = (int)(next_random(&random) % 70), b = (int)(next_random(&random) % 70);
      const char *to = k < 10 ? "S" : k % 2 ? "A" : "B";
      for (int i = 0; i < 2; i++) {
        int64_t pair[] = {(int64_t)a << (i ? 40 : 0), (int64_t)b << (i ? 40 : 0)};
        rel_insert(find(&f[i], to), pair, (rel_number){0});
      }
    }
    assert_int_equal(rel_count(find(&f[0], "S")), rel_count(find(&f[1], "S")));
    rel_rows all = rel_query(f[1].arena, find(&f[1], "S"), NULL);
    for (int64_t i = 0; i < all.n; i++)
      assert_true(rel_has(find(&f[0], "S"),
                          (int64_t[]){all.column[0][i] >> 40, all.column[1][i] >> 40}));
    for (int i = 0; i < 2; i++) base_arena_close(f[i].arena);
  }
}

static void dense_keys(void **state) { closures(*state, close_together); }
static void negative_keys(void **state) { closures(*state, negative); }
static void distant_keys(void **state) { closures(*state, far_apart); }
static void scattered_keys(void **state) { closures(*state, scattered); }
static void outward_keys(void **state) { closures(*state, outward); }
static void symbol_keys(void **state) { closures(*state, symbols); }
static void mixed_keys(void **state) { closures(*state, both_kinds); }

/* Numbers that keep leaving the grid on both sides, and come back. */
static void a_set_that_grows_outward(void **state) {
  fixture *f = *state;
  rel_relation *r = set(f, "Walk", 1);
  rel_relation *v = relation(f, "Value", 1, REL_SUM, IR_F64);
  for (int64_t i = 0; i < 3000; i++) {
    int64_t k = i % 2 ? i * i / 7 : -i * 3;
    for (int again = 0; again < 2; again++) {
      rel_insert(r, &k, (rel_number){0});
      rel_insert(v, &k, (rel_number){.f = 0.5});
    }
  }
  int64_t wanted = 0;
  for (int64_t i = 0; i < 3000; i++) {
    int64_t k = i % 2 ? i * i / 7 : -i * 3;
    rel_number n = {0};
    assert_true(rel_has(r, &k));
    assert_true(rel_value(v, &k, &n) && n.f >= 1);
    bool first = i % 2 == 0 || k != 0;   /* 0 is there already */
    for (int64_t j = 0; j < i && first && i % 2; j++) first = !(j % 2 && j * j / 7 == k);
    wanted += first;
  }
  assert_int_equal(rel_count(r), wanted);
  assert_int_equal(rel_count(v), wanted);
}

/* The fewest sorted indexes: searches by a, by a and b, and by b and c need two. */
static void indexes_are_shared(void **state) {
  fixture *f = *state;
  set(f, "T", 3);
  set(f, "Q", 3);
  set(f, "A", 1);
  set(f, "P", 3);
  for (int64_t i = 0; i < 200; i++) {
    rel_insert(find(f, "T"), (int64_t[]){i % 7, i % 11, i % 13}, (rel_number){0});
    rel_insert(find(f, "Q"), (int64_t[]){i % 7, i % 11, i % 13}, (rel_number){0});
  }
  facts(f, "A: 1, 2");
  rule(f, "P(a,b,c) <- A(a), T(a,b,c)");
  rule(f, "P(a,b,c) <- A(a), A(b), T(a,b,c)");
  rule(f, "P(a,b,c) <- A(b), A(c), T(a,b,c), a != b");
  rel_need(find(f, "P"));
  assert_int_equal(rel_statistics(f->engine).indexes, 2);
}

static void explained(void **state) {
  fixture *f = *state;
  set(f, "E", 2);
  set(f, "P", 2);
  set(f, "Other", 1);
  facts(f, "E: A B, B C");
  rule(f, "P(x,y) <- E(x,y)");
  rule(f, "P(x,z) <- P(x,y), E(y,z)");
  rule(f, "Other(x) <- E(x,_)");
  base_text text = base_text_open(f->arena);
  rel_explain(f->engine, find(f, "P"), &text);
  assert_non_null(strstr(text.at, "to the fixpoint, as rows of bits where they pay: P/2"));
  assert_non_null(strstr(text.at, "P(x,z) <- P(x,y), E(y,z):  "
                                  "new P; E sorted (1:y); put whole runs"));
  assert_non_null(strstr(text.at, "facts: E/2 (2 tuples)"));
  assert_null(strstr(text.at, "Other"));
  rel_explain(f->engine, NULL, &text);
  assert_non_null(strstr(text.at, "Other/1"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(dense_keys), TEST(negative_keys), TEST(distant_keys), TEST(scattered_keys),
      TEST(outward_keys), TEST(symbol_keys), TEST(mixed_keys), TEST(seeds_and_edges),
      TEST(both_ways), TEST(a_set_that_grows_outward), TEST(indexes_are_shared), TEST(explained),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
