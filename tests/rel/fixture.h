/* What the tests of rel share: an engine, and rules written as text.
 *
 *   P(x,z) <- P(x,y), E(y,z), not Q(x,_), x < 3, x != A
 *   D(x,z) = d + e <- D(x,y)=d, E(y,z)=e          values; how they fold is the relation's
 *   N(x, n+1) <- N(x,n), m := 2*n, m < 10         `:=` is REL_BIND
 *   H(k) <- N(x,n), k := whole n / 2              of a key, by a real expression
 *   C(x) = n <- P(x), S(x)=n else 0               a total read
 *   Q(i) <- A[i]=v, v > 0.5                       a dense read
 *
 * Names that begin with a capital are symbols, others variables; numbers with a point are reals. */
#ifndef TL_TESTS_REL_FIXTURE_H
#define TL_TESTS_REL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "rel/rel.h"

typedef struct fixture {
  base_ctx *ctx;
  base_arena *arena;
  rel_engine *engine;
  int nrelations, ndenses;
  rel_relation *relation[64];
  rel_dense *dense[16];
} fixture;

/* Sets up and tears down; that nothing is left on the heap is a test of its own each time. */
int open_fixture(void **state);
int close_fixture(void **state);
void start(fixture *f, base_ctx *ctx);
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

rel_relation *relation(fixture *f, const char *name, int arity, rel_fold fold, ir_type type);
rel_relation *set(fixture *f, const char *name, int arity);
rel_relation *find(fixture *f, const char *name);
int64_t key(fixture *f, const char *text);       /* "3", "-1", "Alice" */
/* "Parent: Alice Bob, Bob Carol"; the last is the value of valued relations */
void facts(fixture *f, const char *text);
const rel_rule *parse(fixture *f, const char *text);
void rule(fixture *f, const char *text);
void dense(fixture *f, const char *name, int rank, const int64_t *const *symbol, rel_fetch *fetch,
           void *user);

/* The tuples of R as "Alice Bob, Bob Carol", with "=value" behind each of a valued one. The text
 * lies in the fixture's arena. TERMS as in rules, or NULL. */
const char *rows(fixture *f, const char *name, const char *terms);
#define assert_rows(f, name, terms, want) assert_string_equal(rows(f, name, terms), want)

/* CALL raises STATUS with a message that holds each of the WORDS, which end with NULL. */
#define assert_raises(f, status, call, ...)                                    \
  do {                                                                         \
    base_trap trap_;                                                           \
    if (BASE_TRY((f)->ctx, &trap_)) {                                          \
      call;                                                                    \
      base_untrap((f)->ctx, &trap_);                                           \
      fail_msg("nothing was raised");                                          \
    }                                                                          \
    check_error((f)->ctx, status, (const char *const[]){__VA_ARGS__, NULL});   \
  } while (0)
void check_error(base_ctx *ctx, base_status status, const char *const *words);

uint64_t next_random(uint64_t *state);

#endif
