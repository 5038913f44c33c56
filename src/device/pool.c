/* The pool: buffers come in size classes, four to each power of two, and go back to a list of their
 * class when the last reference is released. What the system gave is kept until device_shrink(). */
#include "device/device.h"
#include "device/pool.h"

#include <string.h>
#include <sys/mman.h>

enum { CLASSES = 256, SMALLEST = 64, HUGE_PAGE = 2 << 20, VECTOR = 64, DEFAULT_PER_CLASS = 64 };

struct device_pool {
  device_buffer *free[CLASSES];
  int count[CLASSES];
  int per_class;
  device_pool_stats stats;
};

void device_pool_open(device *d) {
  d->pool = base_calloc(d->ctx, sizeof *d->pool);
  d->pool->per_class = DEFAULT_PER_CLASS;
}

void device_pool_close(device *d) {
  if (!d->pool) return;
  device_shrink(d, 0);
  base_free(d->ctx, d->pool);
  d->pool = NULL;
}

/* Class k holds (4 + k % 4) << (k / 4) times 16 bytes: waste is at most a fifth. */
static size_t class_bytes(int k) { return (size_t)(4 + k % 4) * (SMALLEST / 4) << (k / 4); }

static int class_of(size_t bytes) {
  int k = 0;
  while (k < CLASSES - 16 && class_bytes(k) < bytes) k += 4;
  while (k > 0 && class_bytes(k - 1) >= bytes) k--;
  return k;
}

/* Large blocks start at a huge page, so that first touch and address translation cost little. */
static device_buffer *from_system(device *d, size_t reserved) {
  size_t align = reserved >= HUGE_PAGE ? HUGE_PAGE : VECTOR;
  device_buffer *b = base_try_malloc(d->ctx, sizeof *b);
  char *block = base_try_malloc(d->ctx, reserved + align);
  if (!b || !block) {
    base_free(d->ctx, b);
    base_free(d->ctx, block);
    return NULL;
  }
  char *data = (char *)(((uintptr_t)block + align - 1) & ~(uintptr_t)(align - 1));
  if (align == HUGE_PAGE) madvise(data, reserved & ~(size_t)(HUGE_PAGE - 1), MADV_HUGEPAGE);
  *b = (device_buffer){.device = d, .data = data, .reserved = reserved, .block = block};
  d->pool->stats.system_allocations++;
  return b;
}

static device_buffer *take(device *d, int k) {
  struct device_pool *pool = d->pool;
  device_buffer *b = pool->free[k];
  if (!b) return NULL;
  pool->free[k] = b->next;
  pool->count[k]--;
  pool->stats.cached -= b->reserved;
  pool->stats.reuses++;
  return b;
}

device_buffer *device_alloc(device *d, size_t bytes, bool zero) {
  struct device_pool *pool = d->pool;
  if (bytes > SIZE_MAX / 4)
    base_raise(d->ctx, BASE_MEMORY, base_nowhere,
               "a buffer of %zu bytes is beyond what can be addressed", bytes);
  int k = class_of(bytes + VECTOR);
  device_buffer *b = take(d, k);
  if (!b) b = from_system(d, class_bytes(k));
  if (!b && pool->stats.cached > 0) {
    device_shrink(d, 0);
    b = from_system(d, class_bytes(k));
  }
  if (!b)
    base_raise(d->ctx, BASE_MEMORY, base_nowhere,
               "out of memory: %zu bytes for one tensor, %zu bytes in use on %s", bytes,
               pool->stats.in_use, d->name);
  pool->stats.allocations++;
  pool->stats.in_use += b->reserved;
  if (pool->stats.in_use > pool->stats.peak) pool->stats.peak = pool->stats.in_use;
  b->bytes = bytes;
  b->refs = 1;
  b->next = NULL;
  if (zero) memset(b->data, 0, bytes + VECTOR);
  return b;
}

device_buffer *device_retain(device_buffer *b) {
  b->refs++;
  return b;
}

static void to_system(device_buffer *b) {
  base_ctx *ctx = b->device->ctx;
  base_free(ctx, b->block);
  base_free(ctx, b);
}

void device_release(device_buffer *b) {
  if (!b || --b->refs > 0) return;
  struct device_pool *pool = b->device->pool;
  int k = class_of(b->reserved);
  pool->stats.in_use -= b->reserved;
  if (pool->count[k] >= pool->per_class) {
    to_system(b);
    return;
  }
  b->next = pool->free[k];
  pool->free[k] = b;
  pool->count[k]++;
  pool->stats.cached += b->reserved;
}

void device_shrink(device *d, size_t keep_bytes) {
  struct device_pool *pool = d->pool;
  for (int k = CLASSES - 1; k >= 0 && pool->stats.cached > keep_bytes; k--)
    while (pool->free[k] && pool->stats.cached > keep_bytes) {
      device_buffer *b = pool->free[k];
      pool->free[k] = b->next;
      pool->count[k]--;
      pool->stats.cached -= b->reserved;
      to_system(b);
    }
}

void device_limit_class(device *d, int buffers) { d->pool->per_class = buffers < 0 ? 0 : buffers; }

device_pool_stats device_stats(const device *d) { return d->pool->stats; }

void device_write(device_buffer *b, size_t offset, const void *from, size_t bytes) {
  if (bytes) memcpy((char *)b->data + offset, from, bytes);
}

void device_read(const device_buffer *b, size_t offset, void *to, size_t bytes) {
  if (bytes) memcpy(to, (const char *)b->data + offset, bytes);
}
