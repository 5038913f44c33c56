/* Memory of the host: what devices that run on the processor use. */
#include "device/device.h"

#include <string.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 2 << 20, VECTOR = 64 };

/* Large blocks start at a huge page, so that first touch and address translation cost little. */
static bool host_alloc(device *d, device_buffer *b, size_t bytes) {
  size_t align = bytes >= HUGE_PAGE ? HUGE_PAGE : VECTOR;
  b->block = base_try_malloc(d->ctx, bytes + align);
  if (!b->block) return false;
  b->data = (void *)(((uintptr_t)b->block + align - 1) & ~(uintptr_t)(align - 1));
  if (align == HUGE_PAGE) madvise(b->data, bytes & ~(size_t)(HUGE_PAGE - 1), MADV_HUGEPAGE);
  return true;
}

static void host_free(device *d, device_buffer *b) { base_free(d->ctx, b->block); }

static void host_copy(device *d, void *to, const void *from, size_t bytes) {
  (void)d;
  memcpy(to, from, bytes);
}

static void host_zero(device *d, void *at, size_t bytes) {
  (void)d;
  memset(at, 0, bytes);
}

const device_memory device_host_memory = {
    .alloc = host_alloc,
    .free = host_free,
    .write = host_copy,
    .read = host_copy,
    .zero = host_zero,
    .copy = host_copy,
};
