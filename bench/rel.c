/* Fixpoints on one thread: seconds of processor time (and of the clock, the best of three), facts
 * put in and tuples counted included. Counts that are known are checked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rel/rel.h"

static uint64_t seed;

static uint64_t next(void) {
  uint64_t z = seed += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}

static void edge(rel_relation *r, int64_t a, int64_t b) {
  rel_insert(r, (int64_t[]){a, b}, (rel_number){.f = 1 + (double)((a * 31 + b * 17) % 99)});
}

static void put_random(rel_relation *r, int nodes, int edges) {
  seed = 1;
  for (int i = 0; i < edges; i++)
    edge(r, (int64_t)(next() % (uint64_t)nodes), (int64_t)(next() % (uint64_t)nodes));
}

static void random_dense(rel_relation *r) { put_random(r, 2000, 10000); }
static void random_small(rel_relation *r) { put_random(r, 1000, 4000); }
static void random_sparse(rel_relation *r) { put_random(r, 20000, 22000); }

static void chain(rel_relation *r) {
  for (int i = 0; i + 1 < 2000; i++) edge(r, i, i + 1);
}

static void grid(rel_relation *r) {
  for (int y = 0; y < 60; y++)
    for (int x = 0; x < 60; x++) {
      if (x + 1 < 60) edge(r, y * 60 + x, y * 60 + x + 1);
      if (y + 1 < 60) edge(r, y * 60 + x, y * 60 + x + 60);
    }
}

static void tree(rel_relation *r) {
  for (int i = 1; i < 4095; i++) edge(r, i, (i - 1) / 2);
}

static rel_term var(int v) { return (rel_term){.kind = REL_VAR, .var = v}; }

static rel_rule *rule(base_arena *arena, rel_relation *head, int a, int b, int nvars) {
  rel_rule *r = BASE_NEW(arena, rel_rule);
  r->head = head;
  r->key = BASE_NEWS(arena, const rel_expr *, 2);
  r->key[0] = rel_use(arena, a);
  r->key[1] = rel_use(arena, b);
  r->nvars = nvars;
  r->item = BASE_NEWS(arena, rel_item, 3);
  return r;
}

static rel_item *atom(base_arena *arena, rel_rule *r, rel_relation *of, int a, int b) {
  rel_item *item = (rel_item *)(uintptr_t)&r->item[r->n++];
  item->kind = REL_ATOM;
  item->relation = of;
  item->value = -1;
  item->term = BASE_NEWS(arena, rel_term, 2);
  item->term[0] = var(a);
  item->term[1] = var(b);
  return item;
}

/* P(x,z) <- E(x,z)   P(x,z) <- P(x,y), E(y,z) */
static void closure(base_arena *arena, rel_engine *e, rel_relation *edges, rel_relation *p) {
  rel_rule *r = rule(arena, p, 0, 1, 2);
  atom(arena, r, edges, 0, 1);
  rel_add(e, r);
  r = rule(arena, p, 0, 2, 3);
  atom(arena, r, p, 0, 1);
  atom(arena, r, edges, 1, 2);
  rel_add(e, r);
}

/* S(x,y) <- E(x,p), E(y,p)   S(x,y) <- E(x,p), S(p,q), E(y,q) */
static void generation(base_arena *arena, rel_engine *e, rel_relation *edges, rel_relation *s) {
  rel_rule *r = rule(arena, s, 0, 1, 3);
  atom(arena, r, edges, 0, 2);
  atom(arena, r, edges, 1, 2);
  rel_add(e, r);
  r = rule(arena, s, 0, 1, 4);
  atom(arena, r, edges, 0, 2);
  atom(arena, r, s, 2, 3);
  atom(arena, r, edges, 1, 3);
  rel_add(e, r);
}

/* D(x,y) min= w <- W(x,y)=w   D(x,z) min= d + w <- D(x,y)=d, W(y,z)=w */
static void distances(base_arena *arena, rel_engine *e, rel_relation *edges, rel_relation *d) {
  bool *real = BASE_NEWS(arena, bool, 5);
  real[3] = real[4] = true;
  rel_rule *r = rule(arena, d, 0, 1, 4);
  atom(arena, r, edges, 0, 1)->value = 3;
  r->real = real;
  r->value = rel_use(arena, 3);
  rel_add(e, r);
  r = rule(arena, d, 0, 2, 5);
  atom(arena, r, d, 0, 1)->value = 3;
  atom(arena, r, edges, 1, 2)->value = 4;
  r->real = real;
  r->value = rel_op(arena, IR_ADD, rel_use(arena, 3), rel_use(arena, 4), NULL);
  rel_add(e, r);
}

typedef struct program {
  const char *name;
  void (*facts)(rel_relation *r);
  void (*rules)(base_arena *arena, rel_engine *e, rel_relation *edges, rel_relation *head);
  int64_t tuples;    /* 0: random, printed only */
  bool valued;
} program;

static double processor_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void run(base_ctx *ctx, const program *p) {
  double best = 1e9, best_wall = 1e9;
  int64_t tuples = 0, derived = 0;
  size_t bytes = 0;
  for (int i = 0; i < 3; i++) {
    base_arena *arena = base_arena_open(ctx);
    double start = processor_seconds(), wall = base_seconds();
    rel_engine *e = rel_open(arena, NULL);
    rel_fold fold = p->valued ? REL_MIN : REL_SET;
    rel_relation *edges = rel_new(e, "E", 2, fold, IR_F64, base_nowhere);
    rel_relation *head = rel_new(e, "P", 2, fold, IR_F64, base_nowhere);
    p->facts(edges);
    p->rules(arena, e, edges, head);
    tuples = rel_count(head);
    double seconds = processor_seconds() - start;
    wall = base_seconds() - wall;
    if (wall < best_wall) best_wall = wall;
    bytes = base_heap_bytes(ctx);
    derived = rel_statistics(e).derived;
    if (seconds < best) best = seconds;
    base_arena_close(arena);
  }
  if (p->tuples && tuples != p->tuples) {
    printf("%s: %lld tuples, not %lld\n", p->name, (long long)tuples, (long long)p->tuples);
    exit(1);
  }
  printf("| %s | %lld | %lld | %.3f | %.3f | %.0f MB |\n", p->name, (long long)tuples,
         (long long)derived, best, best_wall, (double)bytes / 1e6);
}

int main(int n, char **argument) {   /* the number of one of them, or all */
  static const program programs[] = {
      {"closure, random, 2,000 nodes, 10,000 edges", random_dense, closure, 0, false},
      {"closure, chain of 2,000", chain, closure, 1999000, false},
      {"closure, grid 60 x 60", grid, closure, 3345300, false},
      {"closure, random, 20,000 nodes, 22,000 edges", random_sparse, closure, 0, false},
      {"same generation, binary tree of depth 11", tree, generation, 5592404, false},
      {"shortest paths, random, 1,000 nodes, 4,000 edges", random_small, distances, 0, true},
  };
  base_ctx *ctx = base_open(NULL);
  base_trap trap;
  if (!ctx || !BASE_TRY(ctx, &trap)) {
    fprintf(stderr, "%s\n", ctx ? base_last(ctx)->message : "no memory");
    return 1;
  }
  printf("| program | tuples | bindings | processor s | clock s | memory |\n"
         "|---|---|---|---|---|---|\n");
  int count = sizeof programs / sizeof *programs, only = n > 1 ? atoi(argument[1]) : 0;
  for (int i = 0; i < count; i++)
    if (only == 0 || only == i + 1) run(ctx, &programs[i]);
  base_untrap(ctx, &trap);
  base_close(ctx);
  return 0;
}
