/* Asynchronous copies: cp.async by groups of a thread; lines and tiles that an mbarrier counts;
 * stores by bulk groups. Each happens as late as the program allows or, with a seed, at any time
 * before; what it will write is poisoned until then. */
#include "grid.h"
#include "tensor_map.h"
#include "tile.h"

#include <stdlib.h>
#include <string.h>

typedef struct copy {
  int group; /* of its thread; -1: not committed */
  unsigned shared, bytes, from_bytes;
  void *to;
  const void *from;
  bool is_tile;
  tile tile;
} copy;

static void poison(block *b, unsigned address, unsigned bytes) {
  const uint32_t word = POISON;
  char *p = shared_place(b, address, bytes);
  for (unsigned i = 0; p && i < bytes; i++) p[i] = ((const char *)&word)[i % 4];
}

static bool early(void) { return grid_current()->seed && grid_random(2); }

static copy *push(copies *c, copy one) {
  if (c->n == c->most) {
    c->most = c->most ? 2 * c->most : 8;
    c->at = realloc(c->at, sizeof *c->at * (size_t)c->most);
  }
  copy *p = malloc(sizeof *p);
  *p = one;
  p->group = -1;
  return c->at[c->n++] = p;
}

static void commit(copies *c) {
  for (int i = 0; i < c->n; i++)
    if (c->at[i]->group < 0) c->at[i]->group = c->groups;
  c->groups++;
}

/* Do all of the groups but the last KEEP. */
static void wait_for(copies *c, int keep, void (*act)(const copy *c)) {
  int n = 0;
  for (int i = 0; i < c->n; i++) {
    copy *p = c->at[i];
    if (p->group >= 0 && p->group < c->groups - keep) {
      act(p);
      free(p);
    } else {
      c->at[n++] = p;
    }
  }
  c->n = n;
}

/* ---- cp.async -------------------------------------------------------------------------------- */

static void do_line(const copy *c) {
  char *to = simt_shared_at(c->shared, c->bytes);
  memcpy(to, c->from, c->from_bytes);
  memset(to + c->from_bytes, 0, c->bytes - c->from_bytes);
}

void simt_copy(unsigned to, const void *from, unsigned bytes, unsigned from_bytes) {
  if (bytes != 4 && bytes != 8 && bytes != 16) simt_stop("cp.async of %u bytes", bytes);
  if (from_bytes > bytes) simt_stop("cp.async of %u bytes from %u", bytes, from_bytes);
  if ((uintptr_t)from % bytes) simt_stop("cp.async: %p is not aligned to %u bytes", from, bytes);
  simt_shared_at(to, bytes);
  copy c = {.shared = to, .from = from, .bytes = bytes, .from_bytes = from_bytes};
  if (early()) {
    do_line(&c);
    return;
  }
  poison(grid_now()->block, to, bytes);
  push(&grid_now()->line, c);
}

void simt_copy_commit(void) { commit(&grid_now()->line); }
void simt_copy_wait(unsigned groups) { wait_for(&grid_now()->line, (int)groups, do_line); }

/* The copies are done here and now, which is one of the times they may be. */
void simt_copy_arrive(unsigned bar, int counted) {
  simt_copy_commit();
  simt_copy_wait(0);
  if (!counted) simt_stop("cp.async.mbarrier.arrive without .noinc is not modelled");
  simt_mbarrier_arrive(bar, 1);
}

/* ---- counted by an mbarrier ------------------------------------------------------------------ */

void async_add(block *b, async *a) {
  a->block = b;
  async **at = &b->cluster->under_way;
  while (*at) at = &(*at)->next;
  a->next = NULL;
  *at = a;
}

bool async_step(cluster *c) {
  if (!c->under_way) return false;
  async **at = &c->under_way;
  for (int skip = grid_current()->seed ? (int)grid_random(4) : 0; skip && (*at)->next; skip--)
    at = &(*at)->next;
  async *a = *at;
  *at = a->next;
  a->act(a->block, a);
  free(a);
  return true;
}

typedef struct load {
  async async; /* first */
  tile tile;
  const void *from;
  char value[16];
  unsigned to, bytes, bar, mask;
  bool is_tile;
} load;

static void do_load(block *b, async *self) {
  load *l = (load *)self;
  for (int r = 0; r < b->cluster->blocks; r++) {
    block *to = &b->cluster->block[r];
    if (!(l->mask >> r & 1)) continue;
    if (!to->present) simt_stop("a copy comes to block %d of the cluster, which has left", r);
    if (l->is_tile)
      tile_load(to, l->to, &l->tile);
    else
      memcpy(shared_place(to, l->to, l->bytes), l->from ? l->from : l->value, l->bytes);
    mbarrier_complete(to, l->bar, l->bytes);
  }
}

/* To the blocks in MASK; none: to the block of TO. */
static void start_load(load l, const char *what) {
  block *mine = grid_now()->block;
  if (!l.mask) l.mask = l.to >> 24 ? 1u << ((l.to >> 24) - 1) : 1u << mine->rank;
  if (l.mask >> mine->cluster->blocks)
    simt_stop("%s: to blocks %x of a cluster of %d", what, l.mask, mine->cluster->blocks);
  l.to &= 0xffffff;
  l.bar &= 0xffffff;
  for (int r = 0; r < mine->cluster->blocks; r++) {
    if (!(l.mask >> r & 1)) continue;
    block *b = &mine->cluster->block[r];
    if (!shared_place(b, l.to, l.bytes))
      simt_stop("%s: %u bytes at shared address 0x%x are outside", what, l.bytes, l.to);
    poison(b, l.to, l.bytes);
  }
  load *p = malloc(sizeof *p);
  *p = l;
  p->async.act = do_load;
  async_add(mine, &p->async);
  if (early()) async_step(mine->cluster);
}

void simt_tile_load(unsigned to, const void *map, unsigned bar, unsigned mask, int rank,
                    const int *at) {
  tile t = tile_of(map, rank, at, "a tile is loaded");
  if (to % 128) simt_stop("a tile is loaded to shared address 0x%x, not aligned to 128", to);
  start_load(
      (load){
          .tile = t, .is_tile = true, .to = to, .bytes = tile_bytes(&t), .bar = bar, .mask = mask},
      "a tile is loaded");
}

void simt_bulk_load(unsigned to, const void *from, unsigned bytes, unsigned bar, unsigned mask) {
  if (to % 16 || bytes % 16 || (uintptr_t)from % 16)
    simt_stop("cp.async.bulk: addresses and sizes are multiples of 16");
  start_load((load){.from = from, .to = to, .bytes = bytes, .bar = bar, .mask = mask},
             "cp.async.bulk");
}

void simt_remote_store(unsigned to, const void *from, unsigned bytes, unsigned bar) {
  load l = {.to = to, .bytes = bytes, .bar = bar};
  memcpy(l.value, from, bytes);
  start_load(l, "st.async");
}

/* ---- bulk groups ----------------------------------------------------------------------------- */

static void do_store(const copy *c) {
  block *b = grid_now()->block;
  if (c->is_tile)
    tile_store(b, c->shared, &c->tile);
  else
    memcpy(c->to, shared_place(b, c->shared, c->bytes), c->bytes);
}

static void start_store(copy c, const char *what) {
  if (c.shared >> 24 || !shared_place(grid_now()->block, c.shared, c.bytes))
    simt_stop("%s: %u bytes at shared address 0x%x are outside", what, c.bytes, c.shared);
  if (early())
    do_store(&c);
  else
    push(&grid_now()->bulk, c);
}

void simt_tile_store(const void *map, unsigned from, int rank, const int *at, int how) {
  tile t = tile_of(map, rank, at, "a tile is stored");
  t.how = how;
  if (from % 128) simt_stop("a tile is stored from shared address 0x%x, not aligned to 128", from);
  start_store((copy){.is_tile = true, .tile = t, .shared = from, .bytes = tile_bytes(&t)},
              "a tile is stored");
}

void simt_bulk_store(void *to, unsigned from, unsigned bytes) {
  if (from % 16 || bytes % 16 || (uintptr_t)to % 16)
    simt_stop("cp.async.bulk: addresses and sizes are multiples of 16");
  start_store((copy){.to = to, .shared = from, .bytes = bytes}, "cp.async.bulk");
}

void simt_bulk_commit(void) { commit(&grid_now()->bulk); }

void simt_bulk_wait(unsigned groups, int read_only) {
  (void)read_only; /* read and written at once */
  wait_for(&grid_now()->bulk, (int)groups, do_store);
}

void copies_finish(thread *t) {
  commit(&t->line);
  wait_for(&t->line, 0, do_line);
  if (t->bulk.n)
    simt_stop("the thread leaves before its bulk stores have read shared memory (%d left)",
              t->bulk.n);
}
