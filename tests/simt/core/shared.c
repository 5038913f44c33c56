/* Shared memory by its 32-bit addresses, and the barriers in it that count bytes. Dynamic memory
 * comes first, static memory behind it; the upper byte tells another block of the cluster. */
#include "grid.h"

#include <string.h>

unsigned shared_still_start(const grid *g) {
  return (SHARED_START + g->dynamic_bytes + 0x3ff) & ~0x3ffu;
}

static char *still_of(block *b) { return grid_block() == b ? b->grid->still : b->still; }

void *shared_place(block *b, unsigned address, unsigned bytes) {
  unsigned still = shared_still_start(b->grid);
  if (address >= SHARED_START && address + bytes <= SHARED_START + b->grid->dynamic_bytes)
    return b->dynamic + (address - SHARED_START);
  if (address >= still && address + bytes <= still + b->grid->still_bytes)
    return still_of(b) + (address - still);
  return NULL;
}

static block *block_of(unsigned address) {
  block *mine = grid_now()->block;
  unsigned rank = address >> 24;
  return rank ? &mine->cluster->block[rank - 1] : mine;
}

void *simt_shared_at(unsigned address, unsigned bytes) {
  block *b = block_of(address);
  if (b->present == 0)
    simt_stop("shared memory of block %u of the cluster, which has left", b->rank);
  void *p = shared_place(b, address & 0xffffff, bytes);
  if (!p)
    simt_stop("shared address 0x%x (%u bytes) is outside: %u bytes of dynamic, %u of static memory",
              address & 0xffffff, bytes, b->grid->dynamic_bytes, b->grid->still_bytes);
  if (address & (bytes - 1) && bytes <= 16)
    simt_stop("shared address 0x%x is not aligned to %u bytes", address & 0xffffff, bytes);
  return p;
}

void *simt_dynamic(void) { return grid_now()->block->dynamic; }

int simt_is_shared(const void *p) {
  const block *b = grid_now()->block;
  const char *at = p;
  return (at >= b->dynamic && at <= b->dynamic + b->grid->dynamic_bytes) ||
         (at >= b->grid->still && at < b->grid->still + b->grid->still_bytes);
}

unsigned simt_shared(const void *p) {
  const block *b = grid_now()->block;
  const char *at = p;
  if (!simt_is_shared(p)) simt_stop("%p is not in shared memory", p);
  if (at >= b->dynamic && at <= b->dynamic + b->grid->dynamic_bytes)
    return SHARED_START + (unsigned)(at - b->dynamic);
  return shared_still_start(b->grid) + (unsigned)(at - b->grid->still);
}

unsigned simt_shared_of(unsigned address, unsigned rank) {
  const cluster *c = grid_now()->block->cluster;
  if (rank >= (unsigned)c->blocks) simt_stop("block %u of a cluster of %d", rank, c->blocks);
  return (address & 0xffffff) | (rank + 1) << 24;
}

/* ---- mbarriers ------------------------------------------------------------------------------- */

enum { MAGIC = 0x5a5 };

typedef struct mbarrier { /* its eight bytes */
  uint64_t magic : 11, phase : 1, pending : 15, count : 15;
  int64_t bytes : 22;
} mbarrier;

static mbarrier *mbarrier_at(block *b, unsigned bar) {
  mbarrier *m = shared_place(b, bar & 0xffffff, sizeof *m);
  if (!m || bar % 8) simt_stop("there is no place for an mbarrier at shared address 0x%x", bar);
  if (m->magic != MAGIC) simt_stop("the mbarrier at 0x%x is not initialised, or written over", bar);
  return m;
}

void simt_mbarrier_init(unsigned bar, unsigned count) {
  mbarrier *m = simt_shared_at(bar, sizeof *m);
  if (count == 0 || count >= 1 << 15) simt_stop("an mbarrier of %u arrivals", count);
  *m = (mbarrier){.magic = MAGIC, .pending = count, .count = count};
}

void simt_mbarrier_drop(unsigned bar) {
  mbarrier *m = mbarrier_at(block_of(bar), bar);
  memset(m, 0, sizeof *m);
}

static void settle(mbarrier *m) {
  if (m->pending || m->bytes) return;
  m->phase ^= 1;
  m->pending = m->count;
}

void simt_mbarrier_expect(unsigned bar, unsigned bytes) {
  mbarrier *m = mbarrier_at(block_of(bar), bar);
  if (m->bytes + (int64_t)bytes >= 1 << 20) simt_stop("an mbarrier counts less than 2^20 bytes");
  m->bytes += bytes;
}

void simt_mbarrier_arrive(unsigned bar, unsigned count) {
  block *b = block_of(bar);
  if (b->present == 0) simt_stop("arrives at block %u of the cluster, which has left", b->rank);
  mbarrier *m = mbarrier_at(b, bar);
  if (m->pending < count)
    simt_stop("more than the %u arrivals of the mbarrier at 0x%x", m->count, bar);
  m->pending -= count;
  race_sync();
  settle(m);
}

void mbarrier_complete(block *b, unsigned bar, unsigned bytes) {
  mbarrier *m = mbarrier_at(b, bar);
  m->bytes -= bytes;
  settle(m);
}

int simt_mbarrier_test(unsigned bar, unsigned parity) {
  race_sync();
  return mbarrier_at(block_of(bar), bar)->phase != (parity & 1);
}

typedef struct awaited_phase {
  block *block;
  unsigned bar, parity;
} awaited_phase;

static int is_over(const void *arg) {
  const awaited_phase *a = arg;
  const mbarrier *m = shared_place(a->block, a->bar & 0xffffff, sizeof *m);
  return m->magic != MAGIC || m->phase != a->parity;
}

void simt_mbarrier_wait(unsigned bar, unsigned parity) {
  static const char *const what[] = {"phase 0 of an mbarrier", "phase 1 of an mbarrier"};
  awaited_phase a = {block_of(bar), bar, parity & 1};
  mbarrier_at(a.block, bar);
  simt_wait(is_over, &a, what[parity & 1]);
  race_sync();
  mbarrier_at(a.block, bar);
}
