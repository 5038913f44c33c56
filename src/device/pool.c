/* The pool: buffers come in size classes, four to each power of two, and go back to a list of their
 * class when the last reference is released. What the system gave is kept until device_shrink(). */
#include "device/device.h"
#include "device/pool.h"

#include <stdio.h>
#include <string.h>

enum { CLASSES = 256, SMALLEST = 64, VECTOR = 64, DEFAULT_PER_CLASS = 64, HOLDERS = 5 };

struct device_pool {
  device_buffer *free[CLASSES];
  device_buffer *used;         /* the youngest of those in use */
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

/* A device may raise as well as refuse. */
static bool alloc_block(device *d, device_buffer *b) {
  base_trap trap;
  if (BASE_TRY(d->ctx, &trap)) {
    bool had = d->memory->alloc(d, b, b->reserved);
    base_untrap(d->ctx, &trap);
    return had;
  }
  base_free(d->ctx, b);
  base_raise_again(d->ctx);
}

static device_buffer *from_system(device *d, size_t reserved) {
  device_buffer *b = base_try_malloc(d->ctx, sizeof *b);
  if (!b) return NULL;
  *b = (device_buffer){.device = d, .reserved = reserved};
  if (!alloc_block(d, b)) {
    base_free(d->ctx, b);
    return NULL;
  }
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

typedef struct amount { char text[24]; } amount;

/* "3.1 MB", "4.0 TB" */
static amount amount_of(size_t bytes) {
  static const char *const units[] = {"MB", "GB", "TB", "PB"};
  double n = (double)bytes / 1e6;
  int unit = 0;
  for (; n >= 1000 && unit < 3; unit++) n /= 1000;
  amount a;
  snprintf(a.text, sizeof a.text, "%.1f %s", n, units[unit]);
  return a;
}

/* "W1 12.0 MB, X 3.1 MB": who holds the most. */
static void list_holders(const device *d, char *text, size_t n) {
  const device_buffer *largest[HOLDERS] = {NULL};
  for (const device_buffer *b = d->pool->used; b; b = b->next) {
    int k = HOLDERS;
    while (k > 0 && (!largest[k - 1] || largest[k - 1]->reserved < b->reserved)) k--;
    if (k == HOLDERS) continue;
    memmove(&largest[k + 1], &largest[k], sizeof *largest * (size_t)(HOLDERS - 1 - k));
    largest[k] = b;
  }
  size_t at = 0;
  text[0] = 0;
  for (int k = 0; k < HOLDERS && largest[k] && at < n; k++)
    at += (size_t)snprintf(text + at, n - at, "%s%.40s %s", k ? ", " : "",
                           largest[k]->label ? largest[k]->label : "(unnamed)",
                           amount_of(largest[k]->reserved).text);
}

static _Noreturn void refuse(device *d, size_t bytes) {
  char holders[HOLDERS * 64];
  list_holders(d, holders, sizeof holders);
  base_raise(d->ctx, BASE_MEMORY, base_nowhere,
             "out of memory on %s: %s for one tensor, %s in use%s%s", d->name,
             amount_of(bytes).text, amount_of(d->pool->stats.in_use).text,
             holders[0] ? "; the largest: " : "", holders);
}

static void enlist(struct device_pool *pool, device_buffer *b) {
  b->previous = NULL;
  b->next = pool->used;
  if (b->next) b->next->previous = b;
  pool->used = b;
}

static void unlist(struct device_pool *pool, device_buffer *b) {
  if (b->next) b->next->previous = b->previous;
  if (b->previous) b->previous->next = b->next;
  else pool->used = b->next;
}

/* With what FROM has, or zeros. It goes back where that fails. */
static void fill_new(device_buffer *b, const device_buffer *from) {
  device *d = b->device;
  base_trap trap;
  if (BASE_TRY(d->ctx, &trap)) {
    if (from && from->device == d) d->memory->copy(d, b->data, from->data, b->bytes);
    else if (from && from->device->memory == &device_host_memory)
      d->memory->write(d, b->data, from->data, b->bytes);
    else if (from) from->device->memory->read(from->device, b->data, from->data, b->bytes);
    else d->memory->zero(d, b->data, b->bytes + VECTOR);
    base_untrap(d->ctx, &trap);
  } else {
    device_release(b);
    base_raise_again(d->ctx);
  }
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
  if (!b) refuse(d, bytes);
  pool->stats.allocations++;
  pool->stats.in_use += b->reserved;
  if (pool->stats.in_use > pool->stats.peak) pool->stats.peak = pool->stats.in_use;
  b->bytes = bytes;
  b->refs = 1;
  b->label = NULL;
  enlist(pool, b);
  if (zero) fill_new(b, NULL);
  return b;
}

device_buffer *device_copy(const device_buffer *from) { return device_carry(from->device, from); }

device_buffer *device_carry(device *to, const device_buffer *from) {
  device_buffer *b = device_alloc(to, from->bytes, false);
  fill_new(b, from);
  return b;
}

device_buffer *device_retain(device_buffer *b) {
  b->refs++;
  return b;
}

static void to_system(device_buffer *b) {
  device *d = b->device;
  d->memory->free(d, b);
  base_free(d->ctx, b);
}

void device_release(device_buffer *b) {
  if (!b || --b->refs > 0) return;
  struct device_pool *pool = b->device->pool;
  int k = class_of(b->reserved);
  pool->stats.in_use -= b->reserved;
  unlist(pool, b);
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
  if (bytes) b->device->memory->write(b->device, (char *)b->data + offset, from, bytes);
}

void device_read(const device_buffer *b, size_t offset, void *to, size_t bytes) {
  if (bytes) b->device->memory->read(b->device, to, (const char *)b->data + offset, bytes);
}
