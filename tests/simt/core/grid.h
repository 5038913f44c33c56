/* grid: the blocks of a launch, their threads as fibers, and the order in which they run. */
#ifndef SIMT_GRID_H
#define SIMT_GRID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fiber.h"
#include "../kernel/core.h"

enum {
  WARP = 32,
  BARRIERS = 16,
  MEETINGS = 8,
  CLUSTER_BLOCKS = 16,
  POISON = 0x7fc07fc0, /* nan in every floating type, far outside as an index */
  SHARED_START = 0x400,
  SHARED_MOST = 227 << 10,
};

typedef struct grid grid;
typedef struct cluster cluster;
typedef struct block block;

typedef enum thread_state { FRESH, READY, WAITING, SPINNING, LEFT } thread_state;

typedef struct copies { /* asynchronous ones of a thread, in groups */
  struct copy **at;
  int n, most;
  int groups; /* committed and not waited for */
} copies;

typedef struct thread {
  simt_here here; /* first: simt_now points here */
  block *block;
  fiber *fiber;
  thread_state state;
  int (*ready)(const void *arg);
  const void *arg;
  const char *what; /* it waits for */
  unsigned cluster_round;
  bool waited;       /* griddepcontrol.wait */
  uint64_t synced;   /* when it last met others, in steps of race.c */
  copies line, bulk; /* cp.async; bulk stores */
} thread;

typedef struct meeting {
  unsigned mask, arrived, round;
  const char *what;
  void *arg[WARP];
} meeting;

typedef struct warp {
  unsigned present; /* lanes that have not left */
  meeting meeting[MEETINGS];
  struct products *products;
} warp;

typedef struct named_barrier {
  int arrived, wanted;
  unsigned round;
} named_barrier;

struct block {
  grid *grid;
  cluster *cluster;
  unsigned rank; /* in the cluster */
  thread *thread;
  warp *warp;
  int threads, warps, present;
  named_barrier barrier[BARRIERS];
  char *dynamic; /* ends where no access is allowed */
  char *still;   /* the static shared memory while another block runs */
  struct races *races;
};

typedef struct async { /* will be done at some time, in any order */
  void (*act)(block *b, struct async *self);
  block *block;
  struct async *next;
} async;

struct cluster {
  block block[CLUSTER_BLOCKS];
  int blocks;
  int arrived, present;
  unsigned round;
  async *under_way;
  cluster *next;
};

struct grid { /* a launch */
  const simt_entry *entry;
  void *const *params;
  simt_dim blocks, threads, cluster;
  unsigned dynamic_bytes;
  char *still; /* static shared memory of the module: where it is for the block that runs */
  unsigned still_bytes;
  int resident; /* blocks that may be there at once */
  uint64_t seed;
  bool overlap; /* the kernel before it may still run */
  char *message;
  size_t message_size;
  bool failed;
};

/* Run to the end. false: it failed, and grid.message says how. */
bool grid_run(grid *g);

thread *grid_now(void);   /* the thread that runs */
grid *grid_current(void); /* NULL: none runs */
block *grid_block(void);  /* the block whose static shared memory is in place */
/* From the handler of a signal: the thread that runs has failed. Does not return. */
void grid_fault(const char *text);
void grid_release_all(cluster *c); /* a thread has left */
uint32_t grid_random(uint32_t below);

/* ---- waiting (thread.c) ---------------------------------------------------------------------- */

void thread_left(thread *t);

/* ---- asynchronous copies (copy.c) ------------------------------------------------------------ */

void copies_finish(thread *t); /* it leaves */
void async_add(block *b, async *a);
bool async_step(cluster *c); /* one of them; false: none is under way */

/* ---- shared memory (shared.c) ---------------------------------------------------------------- */

unsigned shared_still_start(const grid *g);
/* Where ADDRESS of block B is now; NULL: outside. */
void *shared_place(block *b, unsigned address, unsigned bytes);
void shared_in_place(block *b); /* its static shared memory */
void mbarrier_complete(block *b, unsigned bar, unsigned bytes);

/* ---- products (product.c) -------------------------------------------------------------------- */

void products_drop(warp *w);

/* ---- races (race.c) -------------------------------------------------------------------------- */

void race_sync(void); /* the thread that runs orders its accesses with those of others */
void race_drop(block *b);

#endif
