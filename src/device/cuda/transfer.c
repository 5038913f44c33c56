/* Transfers between host and GPU, in the order of the stream. The GPU reads and writes pinned
 * memory at full speed and while the host goes on; so what lies in ordinary memory goes through a
 * ring of pinned chunks, the host filling or emptying one while the GPU copies another. */
#include <string.h>

#include "device/cuda/cuda.h"

enum { CHUNKS = 4, CHUNK = 4 << 20, PIECE = 128 << 10, SMALL = 256 << 10, LINE = 64 };
enum { COPIERS = 8 };                 /* threads: more are no faster than memory */
enum { WORTH_ASKING = 256 << 10 };    /* bytes from which the source may be pinned itself */

typedef struct chunk {
  char *at;                           /* NULL: not needed so far */
  CUevent done;                       /* the GPU's copies out of it, or into it */
  bool pending;
  size_t used;
} chunk;

struct cuda_staging {
  chunk chunk[CHUNKS];
  int now;
};

static CUdeviceptr address(const void *p) { return (CUdeviceptr)(uintptr_t)p; }

/* ---- copying on the host --------------------------------------------------------------------- */

typedef struct copying {
  char *to;
  const char *from;
  size_t bytes;
} copying;

static void copy_piece(void *arg, int i) {
  const copying *c = arg;
  size_t start = (size_t)i * PIECE;
  size_t n = c->bytes - start < PIECE ? c->bytes - start : PIECE;
  memcpy(c->to + start, c->from + start, n);
}

/* By several threads: one alone is slower than the bus. */
static void host_copy(cuda_device *d, void *to, const void *from, size_t bytes) {
  if (bytes >= 2 * PIECE && !d->head.threads) {
    base_pool *all = base_pool_open(d->head.ctx, 0);
    if (base_pool_threads(all) > COPIERS) {
      base_pool_close(all);
      all = base_pool_open(d->head.ctx, COPIERS);
    }
    d->head.threads = all;
  }
  copying c = {to, from, bytes};
  if (bytes < 2 * PIECE) memcpy(to, from, bytes);
  else base_parallel(d->head.threads, (int)((bytes + PIECE - 1) / PIECE), copy_piece, &c);
}

/* ---- the ring -------------------------------------------------------------------------------- */

static void await(cuda_device *d, chunk *c) {
  if (c->pending) cuda_check(d, d->driver.cuEventSynchronize(c->done), "a copy");
  c->pending = false;
  c->used = 0;
}

static void mark(cuda_device *d, chunk *c) {
  cuda_check(d, d->driver.cuEventRecord(c->done, d->stream), "cuEventRecord");
  c->pending = true;
}

/* The next chunk, free to be filled. */
static chunk *turn(cuda_device *d) {
  struct cuda_staging *s = d->staging;
  cuda_driver *v = &d->driver;
  s->now = (s->now + 1) % CHUNKS;
  chunk *c = &s->chunk[s->now];
  if (!c->at) {
    void *p = NULL;
    if (!c->done)
      cuda_check(d, v->cuEventCreate(&c->done, CU_EVENT_DISABLE_TIMING), "cuEventCreate");
    cuda_check(d, v->cuMemHostAlloc(&p, CHUNK, 0), "cuMemHostAlloc");
    c->at = p;
  }
  await(d, c);
  return c;
}

/* A chunk with room for a small transfer: many share one. */
static chunk *with_room(cuda_device *d, size_t bytes) {
  chunk *c = &d->staging->chunk[d->staging->now];
  if (c->at && c->used + bytes <= CHUNK) return c;
  if (c->at && !c->pending) mark(d, c);
  return turn(d);
}

static bool is_pinned(cuda_device *d, const void *p, size_t bytes) {
  unsigned type = 0;
  if (bytes < WORTH_ASKING) return false;
  return d->driver.cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, address(p)) ==
             CUDA_SUCCESS &&
         type == CU_MEMORYTYPE_HOST;
}

static void await_stream(cuda_device *d, const char *what) {
  cuda_check(d, d->driver.cuStreamSynchronize(d->stream), what);
}

/* Even a transfer of less than a chunk is cut, so that host and GPU take part at once. */
static size_t slice_of(size_t bytes) {
  size_t slice = (bytes / CHUNKS + PIECE - 1) / PIECE * PIECE;
  return slice < CHUNK ? slice : CHUNK;
}

static size_t part_of(size_t bytes, size_t start, size_t slice) {
  return bytes - start < slice ? bytes - start : slice;
}

/* ---- to the GPU ------------------------------------------------------------------------------ */

static void queue_write(cuda_device *d, const char *to, const void *from, size_t bytes) {
  cuda_check(d, d->driver.cuMemcpyHtoDAsync(address(to), from, bytes, d->stream),
             "a copy to the GPU");
}

static void write_small(cuda_device *d, char *to, const char *from, size_t bytes) {
  chunk *c = with_room(d, bytes);
  char *at = c->at + c->used;
  memcpy(at, from, bytes);
  queue_write(d, to, at, bytes);
  c->used += (bytes + LINE - 1) / LINE * LINE;
}

static void write_large(cuda_device *d, char *to, const char *from, size_t bytes) {
  chunk *shared = &d->staging->chunk[d->staging->now];
  size_t slice = slice_of(bytes);
  if (shared->at && !shared->pending) mark(d, shared);
  for (size_t start = 0; start < bytes; start += slice) {
    size_t n = part_of(bytes, start, slice);
    chunk *c = turn(d);
    host_copy(d, c->at, from + start, n);
    queue_write(d, to + start, c->at, n);
    c->used = CHUNK;
    mark(d, c);
  }
}

void cuda_write(device *self, void *to, const void *from, size_t bytes) {
  cuda_device *d = cuda_of(self);
  cuda_alive(d);
  if (is_pinned(d, from, bytes)) {
    queue_write(d, to, from, bytes);
    await_stream(d, "a copy to the GPU");
  } else if (bytes <= SMALL) {
    write_small(d, to, from, bytes);
  } else {
    write_large(d, to, from, bytes);
  }
}

/* ---- to the host ----------------------------------------------------------------------------- */

static void queue_read(cuda_device *d, void *to, const char *from, size_t bytes) {
  cuda_check(d, d->driver.cuMemcpyDtoHAsync(to, address(from), bytes, d->stream),
             "a copy from the GPU");
}

static void read_small(cuda_device *d, char *to, const char *from, size_t bytes) {
  chunk *c = with_room(d, bytes);
  char *at = c->at + c->used;
  queue_read(d, at, from, bytes);
  await_stream(d, "a copy from the GPU");
  memcpy(to, at, bytes);
}

/* Up to CHUNKS copies are under way; the oldest is emptied while the others go on. */
static void read_large(cuda_device *d, char *to, const char *from, size_t bytes) {
  chunk *shared = &d->staging->chunk[d->staging->now], *flying[CHUNKS];
  if (shared->at && !shared->pending) mark(d, shared);
  size_t slice = slice_of(bytes), n = (bytes + slice - 1) / slice;
  for (size_t k = 0; k < n + CHUNKS - 1; k++) {
    if (k >= CHUNKS - 1) {
      size_t old = k - (CHUNKS - 1), start = old * slice;
      await(d, flying[old % CHUNKS]);
      host_copy(d, to + start, flying[old % CHUNKS]->at, part_of(bytes, start, slice));
    }
    if (k >= n) continue;
    chunk *c = flying[k % CHUNKS] = turn(d);
    queue_read(d, c->at, from + k * slice, part_of(bytes, k * slice, slice));
    c->used = CHUNK;
    mark(d, c);
  }
}

void cuda_read(device *self, void *to, const void *from, size_t bytes) {
  cuda_device *d = cuda_of(self);
  cuda_alive(d);
  if (is_pinned(d, to, bytes)) {
    queue_read(d, to, from, bytes);
    await_stream(d, "a copy from the GPU");
  } else if (bytes <= SMALL) {
    read_small(d, to, from, bytes);
  } else {
    read_large(d, to, from, bytes);
  }
}

/* ---- opened and closed with the device ------------------------------------------------------- */

void cuda_staging_open(cuda_device *d) { d->staging = BASE_NEW(d->arena, struct cuda_staging); }

/* Pinned memory goes back even where the device is lost, if the driver lets it. */
void cuda_staging_close(cuda_device *d) {
  for (int i = 0; d->staging && i < CHUNKS; i++) {
    chunk *c = &d->staging->chunk[i];
    if (c->at) d->driver.cuMemFreeHost(c->at);
    if (c->done) d->driver.cuEventDestroy(c->done);
  }
  base_pool_close(d->head.threads);
}
