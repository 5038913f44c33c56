/* threads: the clock and the pool.
 *
 * The ticket is (round, indices left) in one word. A thread takes an index by comparing and
 * swapping the whole word, so one that is late for its round takes nothing, and the caller waits
 * only for the indices to be done, never for a sleeping worker to have looked. */
#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/private.h"

enum { MOST_THREADS = 256, LINE = 64 };
static const double SPIN_SECONDS = 40e-6;

typedef void (*job_call)(void *arg, int i);

struct base_pool {
  /* Written by the caller before the ticket of its round, read with it. */
  _Alignas(LINE) _Atomic uint64_t ticket;  /* round << 32 | indices left */
  _Atomic(job_call) job;
  _Atomic(void *) arg;
  atomic_int n;
  _Alignas(LINE) atomic_int done;          /* indices finished in this round */
  _Alignas(LINE) atomic_bool busy;         /* a round is on: calls from inside run in line */
  atomic_bool closing;
  atomic_bool caller_sleeps;
  atomic_int sleepers;
  pthread_mutex_t lock;
  pthread_cond_t work, finished;
  base_ctx *ctx;
  int workers;
  pthread_t threads[MOST_THREADS];
};

double base_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb");
#endif
}

/* Run one index of the current round. False: none is left, or the round is over. */
static bool take_one(base_pool *pool) {
  uint64_t ticket = atomic_load_explicit(&pool->ticket, memory_order_acquire);
  for (;;) {
    int left = (int)(uint32_t)ticket;
    if (left == 0) return false;
    int n = atomic_load_explicit(&pool->n, memory_order_relaxed);
    job_call job = atomic_load_explicit(&pool->job, memory_order_relaxed);
    void *arg = atomic_load_explicit(&pool->arg, memory_order_relaxed);
    /* Where this succeeds the round had work left, so the three above were of this round. */
    if (!atomic_compare_exchange_weak_explicit(&pool->ticket, &ticket, ticket - 1,
                                               memory_order_acq_rel, memory_order_acquire))
      continue;
    job(arg, n - left);
    if (atomic_fetch_add(&pool->done, 1) + 1 == n && atomic_load(&pool->caller_sleeps)) {
      pthread_mutex_lock(&pool->lock);
      pthread_cond_signal(&pool->finished);
      pthread_mutex_unlock(&pool->lock);
    }
    return true;
  }
}

static bool has_news(base_pool *pool, uint64_t round) {
  return atomic_load(&pool->ticket) >> 32 != round || atomic_load(&pool->closing);
}

/* Spin for a while, then sleep, until there is a round other than ROUND. */
static void await_news(base_pool *pool, uint64_t round) {
  double until = base_seconds() + SPIN_SECONDS;
  do {
    for (int i = 0; i < 32; i++) {
      if (has_news(pool, round)) return;
      pause_briefly();
    }
  } while (base_seconds() < until);
  pthread_mutex_lock(&pool->lock);
  atomic_fetch_add(&pool->sleepers, 1);
  while (!has_news(pool, round)) pthread_cond_wait(&pool->work, &pool->lock);
  atomic_fetch_sub(&pool->sleepers, 1);
  pthread_mutex_unlock(&pool->lock);
}

static void *work(void *arg) {
  base_pool *pool = arg;
  uint64_t round = 0;
  while (!atomic_load(&pool->closing)) {
    await_news(pool, round);
    round = atomic_load(&pool->ticket) >> 32;
    while (take_one(pool)) {}
  }
  return NULL;
}

/* The sleepers were counted before they last looked at the ticket, and the ticket is set before
 * they are counted here: nobody sleeps through a round. */
static void wake(base_pool *pool, int wanted) {
  int sleepers = atomic_load(&pool->sleepers);
  if (sleepers == 0) return;
  pthread_mutex_lock(&pool->lock);
  if (wanted >= sleepers)
    pthread_cond_broadcast(&pool->work);
  else
    for (int i = 0; i < wanted; i++) pthread_cond_signal(&pool->work);
  pthread_mutex_unlock(&pool->lock);
}

static void await_done(base_pool *pool, int n) {
  if (atomic_load(&pool->done) == n) return;
  double until = base_seconds() + SPIN_SECONDS;
  do {
    for (int i = 0; i < 32; i++) {
      if (atomic_load_explicit(&pool->done, memory_order_acquire) == n) return;
      pause_briefly();
    }
  } while (base_seconds() < until);
  pthread_mutex_lock(&pool->lock);
  atomic_store(&pool->caller_sleeps, true);
  while (atomic_load(&pool->done) != n) pthread_cond_wait(&pool->finished, &pool->lock);
  atomic_store(&pool->caller_sleeps, false);
  pthread_mutex_unlock(&pool->lock);
}

void base_parallel(base_pool *pool, int n, void (*job)(void *arg, int i), void *arg) {
  bool alone = n <= 1 || pool->workers == 0;
  if (alone || atomic_exchange_explicit(&pool->busy, true, memory_order_acquire)) {
    for (int i = 0; i < n; i++) job(arg, i);
    return;
  }
  atomic_store_explicit(&pool->job, job, memory_order_relaxed);
  atomic_store_explicit(&pool->arg, arg, memory_order_relaxed);
  atomic_store_explicit(&pool->n, n, memory_order_relaxed);
  atomic_store_explicit(&pool->done, 0, memory_order_relaxed);
  uint64_t round = (atomic_load_explicit(&pool->ticket, memory_order_relaxed) >> 32) + 1;
  atomic_store(&pool->ticket, round << 32 | (uint32_t)n);
  wake(pool, n - 1);
  while (take_one(pool)) {}
  await_done(pool, n);
  atomic_store_explicit(&pool->busy, false, memory_order_release);
}

/* ---- opening and closing ------------------------------------------------------------------ */

/* Processors that a container's quota is worth, rounded up; 0: no quota. */
static int quota_processors(void) {
  FILE *file = fopen("/sys/fs/cgroup/cpu.max", "re");
  if (!file) return 0;
  long long quota = 0, period = 0;
  int got = fscanf(file, "%lld %lld", &quota, &period);
  fclose(file);
  return got == 2 && quota > 0 && period > 0 ? (int)((quota + period - 1) / period) : 0;
}

static int usable_processors(void) {
  cpu_set_t set;
  int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  int quota = quota_processors();
  return quota > 0 && quota < n ? quota : n;
}

/* Signals are for the threads of the program, so the workers take none. A worker that cannot be
 * started is done without. */
static void start_workers(base_pool *pool, int wanted) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  while (pool->workers < wanted &&
         pthread_create(&pool->threads[pool->workers], NULL, work, pool) == 0)
    pool->workers++;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

base_pool *base_pool_open(base_ctx *ctx, int threads) {
  if (threads <= 0) threads = usable_processors();
  if (threads > MOST_THREADS) threads = MOST_THREADS;
  base_pool *pool = base_calloc(ctx, sizeof *pool);
  pool->ctx = ctx;
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->work, NULL);
  pthread_cond_init(&pool->finished, NULL);
  start_workers(pool, threads - 1);
  return pool;
}

void base_pool_close(base_pool *pool) {
  if (!pool) return;
  assert(!atomic_load(&pool->busy));
  pthread_mutex_lock(&pool->lock);
  atomic_store(&pool->closing, true);
  pthread_cond_broadcast(&pool->work);
  pthread_mutex_unlock(&pool->lock);
  for (int i = 0; i < pool->workers; i++) pthread_join(pool->threads[i], NULL);
  pthread_cond_destroy(&pool->finished);
  pthread_cond_destroy(&pool->work);
  pthread_mutex_destroy(&pool->lock);
  base_free(pool->ctx, pool);
}

int base_pool_threads(const base_pool *pool) { return pool->workers + 1; }
