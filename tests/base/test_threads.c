#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "fixture.h"

static void count(void *arg, int i) { ((int *)arg)[i]++; }

static void every_index_runs_once(void **state) {
  base_ctx *ctx = *state;
  enum { MOST = 300 };
  int counts[MOST];
  for (int threads = 1; threads <= 5; threads++) {
    base_pool *pool = base_pool_open(ctx, threads);
    assert_int_equal(base_pool_threads(pool), threads);
    for (int round = 0; round < 300; round++) {
      int n = round % (MOST + 1);
      memset(counts, 0, sizeof counts);
      base_parallel(pool, n, count, counts);
      for (int i = 0; i < MOST; i++) assert_int_equal(counts[i], i < n);
    }
    base_pool_close(pool);
  }
  base_pool_close(NULL);
}

/* What a round wrote is seen by the next, whichever thread runs it. */
typedef struct chain {
  int64_t values[2][8];
  int from;
} chain;

static void step(void *arg, int i) {
  chain *c = arg;
  c->values[1 - c->from][i] = c->values[c->from][(i + 1) % 8] + i;
}

static void rounds_see_each_other(void **state) {
  base_pool *pool = base_pool_open(*state, 4);
  chain parallel = {0}, alone = {0};
  for (int round = 0; round < 5000; round++) {
    base_parallel(pool, 8, step, &parallel);
    for (int i = 0; i < 8; i++) step(&alone, i);
    parallel.from = alone.from = 1 - alone.from;
  }
  assert_memory_equal(parallel.values[parallel.from], alone.values[alone.from], 64);
  base_pool_close(pool);
}

static void rest(double seconds) {
  struct timespec time = {0, (long)(seconds * 1e9)};
  nanosleep(&time, NULL);
}

/* Rests on either side of the spinning time: rounds meet workers that spin, fall asleep, sleep. */
static void sleepers_wake(void **state) {
  base_pool *pool = base_pool_open(*state, 3);
  int counts[3] = {0};
  for (int round = 0; round < 300; round++) {
    base_parallel(pool, 3, count, counts);
    rest(round % 3 == 0 ? 1e-6 : round % 3 == 1 ? 40e-6 : 300e-6);
  }
  for (int i = 0; i < 3; i++) assert_int_equal(counts[i], 300);
  base_pool_close(pool);
}

static void uneven(void *arg, int i) {
  if (i == 1) rest(2e-3);
  atomic_fetch_add((atomic_int *)arg, 1);
}

static void the_caller_waits_for_slow_jobs(void **state) {
  base_pool *pool = base_pool_open(*state, 2);
  atomic_int done = 0;
  for (int round = 1; round <= 20; round++) {
    base_parallel(pool, 2, uneven, &done);
    assert_int_equal(atomic_load(&done), 2 * round);
  }
  base_pool_close(pool);
}

typedef struct nest {
  base_pool *pool;
  int counts[4][5];
} nest;

static void inner_rounds(void *arg, int i) {
  nest *n = arg;
  base_parallel(n->pool, 5, count, n->counts[i]);
}

static void a_job_may_call_the_pool(void **state) {
  nest n = {.pool = base_pool_open(*state, 3)};
  base_parallel(n.pool, 4, inner_rounds, &n);
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 5; j++) assert_int_equal(n.counts[i][j], 1);
  base_pool_close(n.pool);
}

static void pools_open_and_close_quickly(void **state) {
  for (int i = 0; i < 200; i++) {
    base_pool *pool = base_pool_open(*state, 3);
    int counts[2] = {0};
    if (i % 2) base_parallel(pool, 2, count, counts);
    base_pool_close(pool);
  }
}

static void the_default_is_what_may_be_used(void **state) {
  base_pool *pool = base_pool_open(*state, 0);
  assert_true(base_pool_threads(pool) >= 1);
  base_pool_close(pool);
}

#if !defined(__has_feature)
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

/* No address space for stacks: the pool makes do with the threads it got. */
static void a_pool_without_threads_works(void **state) {
  if (SANITIZED) skip();
  struct rlimit before, tight;
  getrlimit(RLIMIT_AS, &before);
  tight = before;
  tight.rlim_cur = 1;
  base_pool *pool = base_pool_open(*state, 1);
  base_pool_close(pool);
  setrlimit(RLIMIT_AS, &tight);
  pool = base_pool_open(*state, 8);
  setrlimit(RLIMIT_AS, &before);
  assert_true(base_pool_threads(pool) < 8);
  int counts[10] = {0};
  base_parallel(pool, 10, count, counts);
  for (int i = 0; i < 10; i++) assert_int_equal(counts[i], 1);
  base_pool_close(pool);
}

typedef struct handover {
  base_ctx *ctx;
  void *blocks[100];
} handover;

static void *free_all(void *arg) {
  handover *h = arg;
  for (int i = 0; i < 100; i++) base_free(h->ctx, h->blocks[i]);
  return NULL;
}

static void any_thread_may_free_and_interrupt(void **state) {
  base_ctx *ctx = *state;
  handover h = {.ctx = ctx};
  for (int i = 0; i < 100; i++) h.blocks[i] = base_malloc(ctx, 100);
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, free_all, &h), 0);
  for (int i = 0; i < 100; i++) base_free(ctx, base_malloc(ctx, 50));
  base_interrupt(ctx);
  pthread_join(thread, NULL);
  assert_int_equal(base_heap_count(ctx), 0);
  base_status status;
  STATUS_OF(ctx, status, base_poll(ctx));
  assert_int_equal(status, BASE_INTERRUPTED);
}

static void the_clock_goes_forward(void **state) {
  (void)state;
  double before = base_seconds();
  rest(2e-3);
  double passed = base_seconds() - before;
  assert_true(passed >= 2e-3 && passed < 10);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    WITH_CTX(every_index_runs_once),
    WITH_CTX(rounds_see_each_other),
    WITH_CTX(sleepers_wake),
    WITH_CTX(the_caller_waits_for_slow_jobs),
    WITH_CTX(a_job_may_call_the_pool),
    WITH_CTX(pools_open_and_close_quickly),
    WITH_CTX(the_default_is_what_may_be_used),
    WITH_CTX(a_pool_without_threads_works),
    WITH_CTX(any_thread_may_free_and_interrupt),
    cmocka_unit_test(the_clock_goes_forward),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
