/* Waiting: conditions, meetings of lanes, barriers of a block and of a cluster. */
#include "grid.h"

#include <stdio.h>

void simt_wait(int (*ready)(const void *arg), const void *arg, const char *what) {
  thread *t = grid_now();
  while (!ready(arg)) {
    t->ready = ready;
    t->arg = arg;
    t->what = what;
    t->state = WAITING;
    fiber_pause();
  }
}

void simt_spin(const char *what) {
  thread *t = grid_now();
  t->what = what;
  t->state = SPINNING;
  fiber_pause();
  race_sync();
}

unsigned simt_active(void) {
  thread *t = grid_now();
  return t->block->warp[t->here.warp].present;
}

/* ---- lanes meet ------------------------------------------------------------------------------ */

static meeting *meeting_of(warp *w, unsigned mask) {
  meeting *empty = NULL;
  for (int i = 0; i < MEETINGS; i++) {
    if (w->meeting[i].arrived && w->meeting[i].mask == mask) return &w->meeting[i];
    if (!w->meeting[i].arrived && !empty) empty = &w->meeting[i];
  }
  if (!empty) simt_stop("more than %d groups of lanes of one warp meet at once", MEETINGS);
  empty->mask = mask;
  empty->what = NULL;
  return empty;
}

typedef struct awaited_round {
  const unsigned *now;
  unsigned last;
} awaited_round;

static int is_past(const void *arg) {
  const awaited_round *a = arg;
  return *a->now != a->last;
}

void simt_meet(unsigned mask, const char *what, void *arg,
               void (*act)(unsigned mask, void *const *arg)) {
  thread *t = grid_now();
  warp *w = &t->block->warp[t->here.warp];
  unsigned me = 1u << t->here.lane;
  if (!(mask & me)) simt_stop("%s: the mask %08x is without the lane itself", what, mask);
  if (mask & ~w->present)
    simt_stop("%s: the mask %08x has lanes that are not there or have left: %08x", what, mask,
              mask & ~w->present);
  meeting *m = meeting_of(w, mask);
  if (m->what && m->what != what)
    simt_stop("lanes of one warp meet in different operations: %s and %s", m->what, what);
  m->what = what;
  if (!act) race_sync();
  m->arg[t->here.lane] = arg;
  m->arrived |= me;
  if (m->arrived == mask) {
    if (act) act(mask, m->arg);
    m->arrived = 0;
    m->round++;
  } else {
    awaited_round a = {&m->round, m->round};
    simt_wait(is_past, &a, what);
  }
  if (!act) race_sync();
}

/* ---- barriers -------------------------------------------------------------------------------- */

static void release(named_barrier *n) {
  n->arrived = n->wanted = 0;
  n->round++;
}

static const char *barrier_name(int id) {
  static const char *const name[BARRIERS] = {
      "__syncthreads",    "named barrier 1",  "named barrier 2",  "named barrier 3",
      "named barrier 4",  "named barrier 5",  "named barrier 6",  "named barrier 7",
      "named barrier 8",  "named barrier 9",  "named barrier 10", "named barrier 11",
      "named barrier 12", "named barrier 13", "named barrier 14", "named barrier 15"};
  return name[id];
}

enum { ALL = -1 };

void simt_barrier(int id, int threads, int wait) {
  thread *t = grid_now();
  block *b = t->block;
  if (id < 0 || id >= BARRIERS) simt_stop("there is no barrier %d", id);
  if (threads % WARP) simt_stop("%s: %d threads are no whole warps", barrier_name(id), threads);
  if (threads > (b->threads + WARP - 1) / WARP * WARP)
    simt_stop("%s: of %d threads in a block of %d", barrier_name(id), threads, b->threads);
  named_barrier *n = &b->barrier[id];
  int wanted = threads ? threads : ALL;
  if (n->arrived && n->wanted != wanted)
    simt_stop("%s: some arrive for %d threads, some for %d", barrier_name(id), n->wanted, wanted);
  n->wanted = wanted;
  awaited_round a = {&n->round, n->round};
  n->arrived++;
  race_sync();
  if (n->arrived == (wanted == ALL ? b->present : wanted))
    release(n);
  else if (wait)
    simt_wait(is_past, &a, barrier_name(id));
  if (wait) race_sync();
}

void simt_cluster_arrive(void) {
  thread *t = grid_now();
  cluster *c = t->block->cluster;
  if (t->cluster_round) simt_stop("arrives twice at the barrier of the cluster without waiting");
  race_sync();
  t->cluster_round = c->round + 1;
  if (++c->arrived == c->present) {
    c->arrived = 0;
    c->round++;
  }
}

void simt_cluster_wait(void) {
  thread *t = grid_now();
  if (!t->cluster_round) simt_stop("waits for the barrier of the cluster without having arrived");
  awaited_round a = {&t->block->cluster->round, t->cluster_round - 1};
  simt_wait(is_past, &a, "the barrier of the cluster");
  race_sync();
  t->cluster_round = 0;
}

/* Who has left is not waited for. */
void thread_left(thread *t) {
  block *b = t->block;
  cluster *c = b->cluster;
  b->present--;
  c->present--;
  b->warp[t->here.warp].present &= ~(1u << t->here.lane);
  for (int i = 0; i < BARRIERS; i++) {
    named_barrier *n = &b->barrier[i];
    if (n->arrived && n->wanted == ALL && n->arrived == b->present) release(n);
  }
  if (c->arrived && c->arrived == c->present) {
    c->arrived = 0;
    c->round++;
  }
}
