#include "grid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096, ROUNDS_OF_SPINNING = 20000 };

simt_here *simt_now;

static grid *current;
static block *in_place; /* whose static shared memory is where the kernel sees it */
static sigjmp_buf landing;
static uint64_t random_state;

grid *grid_current(void) { return current; }
block *grid_block(void) { return in_place; }
thread *grid_now(void) { return (thread *)simt_now; }

uint32_t grid_random(uint32_t below) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (uint32_t)((random_state >> 32) * below >> 32);
}

/* ---- failure --------------------------------------------------------------------------------- */

static void tell(const char *text) {
  const simt_here *h = simt_now;
  if (h)
    snprintf(current->message, current->message_size,
             "kernel %s, block (%u,%u,%u) of (%u,%u,%u), thread (%u,%u,%u): %s",
             current->entry->name, h->block.x, h->block.y, h->block.z, h->blocks.x, h->blocks.y,
             h->blocks.z, h->thread.x, h->thread.y, h->thread.z, text);
  else
    snprintf(current->message, current->message_size, "kernel %s: %s", current->entry->name, text);
  current->failed = true;
}

void simt_stop(const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  tell(text);
  siglongjmp(landing, 1);
}

void grid_fault(const char *text) {
  tell(text);
  siglongjmp(landing, 1);
}

/* ---- static shared memory -------------------------------------------------------------------- */

/* Blocks that are there at once share its addresses; the one that runs has it in place. */
void shared_in_place(block *b) {
  if (in_place == b) return;
  size_t n = current->still_bytes;
  if (in_place && n) memcpy(in_place->still, current->still, n);
  if (b && n) memcpy(current->still, b->still, n);
  in_place = b;
}

static void poison(void *p, size_t bytes) {
  const uint32_t word = POISON;
  char *to = p;
  for (size_t i = 0; i < bytes; i++) to[i] = ((const char *)&word)[i % 4];
}

/* ---- blocks come and go ---------------------------------------------------------------------- */

static size_t pages(size_t bytes) { return (bytes + PAGE - 1) / PAGE * PAGE; }

/* Dynamic shared memory, with a page behind it that no one may touch. */
static char *new_dynamic(unsigned bytes) {
  char *p =
      mmap(NULL, pages(bytes) + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED || mprotect(p + pages(bytes), PAGE, PROT_NONE) != 0) abort();
  poison(p, pages(bytes));
  return p;
}

static simt_dim dim_of(simt_dim size, unsigned n) {
  return (simt_dim){n % size.x, n / size.x % size.y, n / size.x / size.y};
}

static void open_block(grid *g, cluster *c, unsigned rank, simt_dim at) {
  block *b = &c->block[rank];
  int n = (int)(g->threads.x * g->threads.y * g->threads.z);
  b->grid = g;
  b->cluster = c;
  b->rank = rank;
  b->threads = b->present = n;
  b->warps = (n + WARP - 1) / WARP;
  b->thread = calloc((size_t)n, sizeof *b->thread);
  b->warp = calloc((size_t)b->warps, sizeof *b->warp);
  b->dynamic = new_dynamic(g->dynamic_bytes);
  b->still = malloc(g->still_bytes + 1);
  poison(b->still, g->still_bytes);
  for (int i = 0; i < n; i++) {
    thread *t = &b->thread[i];
    t->block = b;
    simt_dim in = dim_of(g->cluster, rank);
    t->here = (simt_here){.thread = dim_of(g->threads, (unsigned)i),
                          .block = {at.x * g->cluster.x + in.x, at.y * g->cluster.y + in.y,
                                    at.z * g->cluster.z + in.z},
                          .threads = g->threads,
                          .blocks = g->blocks,
                          .rank = (unsigned)i,
                          .lane = (unsigned)i % WARP,
                          .warp = (unsigned)i / WARP,
                          .cluster_rank = rank,
                          .cluster = at,
                          .clusters = {g->blocks.x / g->cluster.x, g->blocks.y / g->cluster.y,
                                       g->blocks.z / g->cluster.z},
                          .cluster_blocks = g->cluster};
    b->warp[i / WARP].present |= 1u << i % WARP;
  }
}

static cluster *open_cluster(grid *g, unsigned number) {
  cluster *c = calloc(1, sizeof *c);
  simt_dim clusters = {g->blocks.x / g->cluster.x, g->blocks.y / g->cluster.y,
                       g->blocks.z / g->cluster.z};
  c->blocks = (int)(g->cluster.x * g->cluster.y * g->cluster.z);
  for (int r = 0; r < c->blocks; r++) {
    open_block(g, c, (unsigned)r, dim_of(clusters, number));
    c->present += c->block[r].threads;
  }
  return c;
}

static void close_cluster(cluster *c) {
  for (int r = 0; r < c->blocks; r++) {
    block *b = &c->block[r];
    if (in_place == b) in_place = NULL;
    for (int i = 0; i < b->threads; i++) {
      if (b->thread[i].fiber) fiber_give_back(b->thread[i].fiber);
      free(b->thread[i].line.at);
      free(b->thread[i].bulk.at);
    }
    for (int w = 0; w < b->warps; w++) products_drop(&b->warp[w]);
    race_drop(b);
    munmap(b->dynamic, pages(current->dynamic_bytes) + PAGE);
    free(b->still);
    free(b->warp);
    free(b->thread);
  }
  while (c->under_way) {
    async *a = c->under_way;
    c->under_way = a->next;
    free(a);
  }
  free(c);
}

/* ---- running --------------------------------------------------------------------------------- */

static void job(void *arg) {
  thread *t = arg;
  current->entry->call(current->params);
  copies_finish(t);
}

/* Did anything happen? */
static bool run_thread(thread *t) {
  if (t->state == LEFT) return false;
  if (t->state == WAITING && !t->ready(t->arg)) return false;
  bool spun = t->state == SPINNING;
  if (t->state == FRESH) t->fiber = fiber_take(job, t);
  t->state = READY;
  simt_now = &t->here;
  shared_in_place(t->block);
  fiber_run(t->fiber);
  if (fiber_finished(t->fiber)) {
    t->state = LEFT;
    fiber_give_back(t->fiber);
    t->fiber = NULL;
    thread_left(t);
  }
  simt_now = NULL;
  return !(spun && t->state == SPINNING);
}

/* Warps in any order, lanes upwards or downwards. */
static bool run_block_once(block *b) {
  bool moved = false;
  unsigned first = b->grid->seed ? grid_random((unsigned)b->warps) : 0;
  bool down = b->grid->seed && grid_random(2);
  for (int k = 0; k < b->warps; k++) {
    unsigned w = (first + (unsigned)k) % (unsigned)b->warps;
    for (unsigned l = 0; l < WARP && b->warp[w].present; l++) {
      unsigned i = w * WARP + (down ? WARP - 1 - l : l);
      if (i < (unsigned)b->threads) moved |= run_thread(&b->thread[i]);
    }
  }
  return moved;
}

/* Until nothing moves; copies arrive as late as can be, or with a seed at any time. */
static bool run_cluster(cluster *c) {
  bool moved = false, again = true;
  while (again && c->present) {
    again = false;
    for (int r = 0; r < c->blocks; r++) again |= run_block_once(&c->block[r]);
    if (!again || (current->seed && grid_random(4) == 0)) again |= async_step(c);
    moved |= again;
  }
  return moved;
}

static void check_end(const cluster *c) {
  const uint32_t word = POISON;
  if (c->under_way) simt_stop("a block has left while a copy into its shared memory is under way");
  for (int r = 0; r < c->blocks; r++)
    for (size_t i = current->dynamic_bytes; i < pages(current->dynamic_bytes); i++)
      if (c->block[r].dynamic[i] != ((const char *)&word)[i % 4])
        simt_stop("a block has written %zu bytes behind its %u bytes of dynamic shared memory",
                  i - current->dynamic_bytes, current->dynamic_bytes);
}

/* What the threads of a stuck launch wait for, each reason once. */
static void tell_stuck(cluster *list, const char *how) {
  char text[900];
  int used = snprintf(text, sizeof text, "%s:", how), reasons = 0;
  const char *seen[8];
  for (cluster *c = list; c; c = c->next)
    for (int r = 0; r < c->blocks; r++)
      for (int i = 0; i < c->block[r].threads; i++) {
        const thread *t = &c->block[r].thread[i];
        bool known = t->state != WAITING && t->state != SPINNING;
        for (int k = 0; k < reasons && !known; k++) known = seen[k] == t->what;
        if (known || reasons == 8 || used > 700) continue;
        int n = 0;
        for (int j = 0; j < c->block[r].threads; j++) {
          const thread *o = &c->block[r].thread[j];
          n += (o->state == WAITING || o->state == SPINNING) && o->what == t->what;
        }
        used += snprintf(
            text + used, sizeof text - (size_t)used,
            "%s %d of %d threads of block (%u,%u,%u), the first (%u,%u,%u), wait for %s",
            reasons ? ";" : "", n, c->block[r].threads, t->here.block.x, t->here.block.y,
            t->here.block.z, t->here.thread.x, t->here.thread.y, t->here.thread.z, t->what);
        seen[reasons++] = t->what;
      }
  tell(text);
}

static bool is_spinning(const cluster *list) {
  for (const cluster *c = list; c; c = c->next)
    for (int r = 0; r < c->blocks; r++)
      for (int i = 0; i < c->block[r].threads; i++)
        if (c->block[r].thread[i].state == SPINNING) return true;
  return false;
}

typedef struct running { /* clusters that are there, and those to come */
  cluster *there;
  int blocks;
  unsigned *order, next, n;
} running;

static void admit(running *r) {
  cluster *c = open_cluster(current, r->order[r->next++]);
  c->next = r->there;
  r->there = c;
  r->blocks += c->blocks;
}

static bool run_all_there(running *r) {
  bool moved = false;
  for (cluster **at = &r->there; *at;) {
    cluster *c = *at;
    moved |= run_cluster(c);
    if (c->present) {
      at = &c->next;
      continue;
    }
    check_end(c);
    *at = c->next;
    r->blocks -= c->blocks;
    close_cluster(c);
  }
  return moved;
}

/* Blocks one after another; more at once only where they wait for each other. */
static void run_to_end(running *r) {
  int idle = 0;
  unsigned per = current->cluster.x * current->cluster.y * current->cluster.z;
  while (r->there || r->next < r->n) {
    if (!r->there) admit(r);
    if (run_all_there(r)) {
      idle = 0;
    } else if (!is_spinning(r->there)) {
      tell_stuck(r->there, "deadlock");
      return;
    } else if (r->next < r->n && (unsigned)r->blocks + per <= (unsigned)current->resident) {
      admit(r);
    } else if (++idle > ROUNDS_OF_SPINNING) {
      tell_stuck(r->there, "no block that could be there at the same time helps them");
      return;
    }
  }
}

static unsigned *some_order(unsigned n, bool shuffled) {
  unsigned *order = malloc(sizeof *order * n);
  for (unsigned i = 0; i < n; i++) order[i] = i;
  for (unsigned i = n; shuffled && i > 1; i--) {
    unsigned j = grid_random(i), swap = order[i - 1];
    order[i - 1] = order[j];
    order[j] = swap;
  }
  return order;
}

bool grid_run(grid *g) {
  current = g;
  in_place = NULL;
  random_state = g->seed * 0x9e3779b97f4a7c15u + 0x2545f4914f6cdd1du;
  running *r = calloc(1, sizeof *r);
  r->n = g->blocks.x * g->blocks.y * g->blocks.z / (g->cluster.x * g->cluster.y * g->cluster.z);
  r->order = some_order(r->n, g->seed != 0);
  if (sigsetjmp(landing, 1) == 0) run_to_end(r);
  fiber_abandon();
  simt_now = NULL;
  while (r->there) {
    cluster *c = r->there;
    r->there = c->next;
    close_cluster(c);
  }
  free(r->order);
  free(r);
  current = NULL;
  return !g->failed;
}
