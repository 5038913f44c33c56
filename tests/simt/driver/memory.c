/* Memory of the device, pinned memory, copies. */
#include <stdlib.h>
#include <string.h>

#include "../core/device_memory.h"
#include "driver.h"

static void *at(device_pointer p) { return (void *)(uintptr_t)p; }

static const long long total = 150ll << 30;

DOOR int cuMemAlloc_v2(device_pointer *to, size_t bytes);
DOOR int cuMemAlloc_v2(device_pointer *to, size_t bytes) {
  ENTER("cuMemAlloc_v2");
  if (bytes == 0) return INVALID_VALUE;
  if (device_memory_used() + bytes > (size_t)driver_number("memory", total)) return OUT_OF_MEMORY;
  void *p = device_memory_new(bytes);
  if (!p) return OUT_OF_MEMORY;
  *to = (device_pointer)(uintptr_t)p;
  return SUCCESS;
}

/* Waits for everything that may still use it, as the driver does. */
DOOR int cuMemFree_v2(device_pointer p);
DOOR int cuMemFree_v2(device_pointer p) {
  ENTER("cuMemFree_v2");
  if (!p) return SUCCESS;
  result r = stream_finish_all(false);
  if (!device_memory_free(at(p))) return INVALID_VALUE;
  return r;
}

DOOR int cuMemGetInfo_v2(size_t *left, size_t *all);
DOOR int cuMemGetInfo_v2(size_t *left, size_t *all) {
  ENTER("cuMemGetInfo_v2");
  *all = (size_t)driver_number("memory", total);
  *left = *all - device_memory_used();
  return SUCCESS;
}

/* ---- pinned ---------------------------------------------------------------------------------- */

typedef struct pinned {
  char *p;
  size_t bytes;
  struct pinned *next;
} pinned;

static pinned *all_pinned;

bool memory_pinned(const void *p, size_t bytes) {
  const char *from = p;
  for (const pinned *a = all_pinned; a; a = a->next)
    if (from >= a->p && from + bytes <= a->p + a->bytes) return true;
  return false;
}

DOOR int cuMemHostAlloc(void **to, size_t bytes, unsigned flags);
DOOR int cuMemHostAlloc(void **to, size_t bytes, unsigned flags) {
  ENTER("cuMemHostAlloc");
  (void)flags;
  pinned *a = malloc(sizeof *a);
  void *p = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  if (!a || !p) return OUT_OF_MEMORY;
  *a = (pinned){p, bytes, all_pinned};
  all_pinned = a;
  *to = p;
  return SUCCESS;
}

DOOR int cuMemFreeHost(void *p);
DOOR int cuMemFreeHost(void *p) {
  ENTER("cuMemFreeHost");
  stream_finish_all(false);
  for (pinned **where = &all_pinned; *where; where = &(*where)->next)
    if ((*where)->p == p) {
      pinned *a = *where;
      *where = a->next;
      free(a->p);
      free(a);
      return SUCCESS;
    }
  return INVALID_VALUE;
}

DOOR int cuPointerGetAttribute(void *value, int attribute, device_pointer p);
DOOR int cuPointerGetAttribute(void *value, int attribute, device_pointer p) {
  ENTER("cuPointerGetAttribute");
  bool device = device_memory_holds(at(p), 1);
  if (attribute != 2 || (!device && !memory_pinned(at(p), 1))) return INVALID_VALUE;
  *(unsigned *)value = device ? 2 : 1;
  return SUCCESS;
}

/* ---- copies ---------------------------------------------------------------------------------- */

typedef struct copy {
  command command;
  void *to;
  const void *from;
  size_t bytes, pitch, height;
  unsigned value, element;
  char snapshot[]; /* of pageable memory, which the caller may change at once */
} copy;

static result do_copy(command *self) {
  copy *c = (copy *)self;
  memmove(c->to, c->from, c->bytes);
  driver_tick(0.001);
  return SUCCESS;
}

static copy *new_copy(void *to, const void *from, size_t bytes, bool snapshot) {
  copy *c = calloc(1, sizeof *c + (snapshot ? bytes : 0));
  if (!c) return NULL;
  *c = (copy){.command = {.act = do_copy}, .to = to, .from = from, .bytes = bytes};
  if (!snapshot) return c;
  memcpy(c->snapshot, from, bytes);
  c->from = c->snapshot;
  return c;
}

DOOR int cuMemcpyHtoDAsync_v2(device_pointer to, const void *from, size_t bytes, stream *s);
DOOR int cuMemcpyHtoDAsync_v2(device_pointer to, const void *from, size_t bytes, stream *s) {
  ENTER("cuMemcpyHtoDAsync_v2");
  if (!device_memory_holds(at(to), bytes)) return INVALID_VALUE;
  copy *c = new_copy(at(to), from, bytes, !memory_pinned(from, bytes));
  return stream_add(stream_of(s), (command *)c);
}

/* Into pageable memory: done when the call returns. */
DOOR int cuMemcpyDtoHAsync_v2(void *to, device_pointer from, size_t bytes, stream *s);
DOOR int cuMemcpyDtoHAsync_v2(void *to, device_pointer from, size_t bytes, stream *s) {
  ENTER("cuMemcpyDtoHAsync_v2");
  if (!device_memory_holds(at(from), bytes)) return INVALID_VALUE;
  result r = stream_add(stream_of(s), (command *)new_copy(to, at(from), bytes, false));
  return r != SUCCESS || memory_pinned(to, bytes) ? r : stream_finish(stream_of(s));
}

DOOR int cuMemcpyDtoDAsync_v2(device_pointer to, device_pointer from, size_t bytes, stream *s);
DOOR int cuMemcpyDtoDAsync_v2(device_pointer to, device_pointer from, size_t bytes, stream *s) {
  ENTER("cuMemcpyDtoDAsync_v2");
  if (!device_memory_holds(at(to), bytes) || !device_memory_holds(at(from), bytes))
    return INVALID_VALUE;
  return stream_add(stream_of(s), (command *)new_copy(at(to), at(from), bytes, false));
}

DOOR int cuMemcpyHtoD_v2(device_pointer to, const void *from, size_t bytes);
DOOR int cuMemcpyHtoD_v2(device_pointer to, const void *from, size_t bytes) {
  return cuMemcpyHtoDAsync_v2(to, from, bytes, NULL);
}

DOOR int cuMemcpyDtoH_v2(void *to, device_pointer from, size_t bytes);
DOOR int cuMemcpyDtoH_v2(void *to, device_pointer from, size_t bytes) {
  return cuMemcpyDtoHAsync_v2(to, from, bytes, NULL);
}

static result do_set(command *self) {
  copy *c = (copy *)self;
  for (size_t row = 0; row < c->height; row++)
    for (size_t i = 0; i < c->bytes; i++)
      memcpy((char *)c->to + row * c->pitch + i * c->element, &c->value, c->element);
  driver_tick(0.001);
  return SUCCESS;
}

static result set(device_pointer to, unsigned value, unsigned element, size_t n, stream *s) {
  if (!device_memory_holds(at(to), n * element) || to % element) return INVALID_VALUE;
  copy *c = new_copy(at(to), NULL, n, false);
  if (!c) return OUT_OF_MEMORY;
  c->command.act = do_set;
  c->height = 1;
  c->value = value;
  c->element = element;
  return stream_add(s, &c->command);
}

DOOR int cuMemsetD8Async(device_pointer to, unsigned char value, size_t n, stream *s);
DOOR int cuMemsetD8Async(device_pointer to, unsigned char value, size_t n, stream *s) {
  ENTER("cuMemsetD8Async");
  return set(to, value, 1, n, stream_of(s));
}

DOOR int cuMemsetD32Async(device_pointer to, unsigned value, size_t n, stream *s);
DOOR int cuMemsetD32Async(device_pointer to, unsigned value, size_t n, stream *s) {
  ENTER("cuMemsetD32Async");
  return set(to, value, 4, n, stream_of(s));
}
