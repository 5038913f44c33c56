/* Races in shared memory: an access conflicts with an earlier one of another thread if either of
 * the two has met no one since. That finds no race where there is none, and most of those there
 * are. */
#include <stdlib.h>

#include "device_memory.h"
#include "grid.h"

typedef struct cell {     /* of a byte */
  uint64_t written, read; /* when */
  uint16_t writer, reader;
} cell;

struct races {
  cell *dynamic, *still;
};

static uint64_t now;

void race_sync(void) { grid_now()->synced = ++now; }

void simt_grid_wait(void) { grid_now()->waited = true; }

void race_drop(block *b) {
  if (!b->races) return;
  free(b->races->dynamic);
  free(b->races->still);
  free(b->races);
}

static cell *cell_of(block *b, const char *p, unsigned bytes) {
  const grid *g = b->grid;
  bool dynamic = p >= b->dynamic && p + bytes <= b->dynamic + g->dynamic_bytes;
  bool still = p >= g->still && p + bytes <= g->still + g->still_bytes;
  if (!dynamic && !still) return NULL;
  if (!b->races) {
    b->races = calloc(1, sizeof *b->races);
    b->races->dynamic = calloc(g->dynamic_bytes + 1, sizeof(cell));
    b->races->still = calloc(g->still_bytes + 1, sizeof(cell));
  }
  return dynamic ? &b->races->dynamic[p - b->dynamic] : &b->races->still[p - g->still];
}

static bool unordered(const block *b, unsigned other, uint64_t when) {
  const thread *me = grid_now();
  if (!when || other == me->here.rank) return false;
  return me->synced < when || b->thread[other].synced < when;
}

static void complain(const block *b, const char *what, unsigned other, const char *p) {
  const simt_dim *t = &b->thread[other].here.thread;
  simt_stop("a race in shared memory: %s thread (%u,%u,%u), at 0x%x, without a barrier between",
            what, t->x, t->y, t->z, simt_shared(p));
}

static void touch_byte(block *b, cell *c, bool write, const char *p) {
  unsigned me = grid_now()->here.rank;
  if (unordered(b, c->writer, c->written))
    complain(b, write ? "written after a write of" : "read after a write of", c->writer, p);
  if (write && unordered(b, c->reader, c->read))
    complain(b, "written after a read of", c->reader, p);
  if (write) {
    c->writer = (uint16_t)me;
    c->written = ++now;
  } else {
    c->reader = (uint16_t)me;
    c->read = ++now;
  }
}

void simt_touch(const void *p, unsigned bytes, int write) {
  thread *t = grid_now();
  if (!t) return; /* a module that is being loaded fills its table of kernels */
  block *b = t->block;
  cell *c = cell_of(b, p, bytes);
  for (unsigned i = 0; c && i < bytes; i++) touch_byte(b, &c[i], write, (const char *)p + i);
  if (!c && b->grid->overlap && !t->waited && device_memory_holds(p, bytes))
    simt_stop("touches global memory before griddepcontrol.wait");
}
