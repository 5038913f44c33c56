#include "device_memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "grid.h"

enum { PAGE = 4096, ALIGN = 256, CANARY = 0xab };

typedef struct allocation { /* guard, canaries, the bytes, canaries, guard */
  char *block, *data;
  size_t pages, bytes;
  struct allocation *next;
} allocation;

static allocation *all, *freed; /* freed: the last ones, for messages */
static size_t used;
static int count, opened;

static size_t up(size_t n, size_t to) { return (n + to - 1) / to * to; }

void *device_memory_new(size_t bytes) {
  allocation *a = calloc(1, sizeof *a);
  size_t room = up(bytes ? bytes : 1, ALIGN), pages = up(room, PAGE);
  char *start =
      mmap(NULL, pages + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (!a || start == MAP_FAILED) {
    free(a);
    return NULL;
  }
  *a = (allocation){start, start + PAGE + pages - room, pages, bytes, all};
  mprotect(start + PAGE, pages, PROT_READ | PROT_WRITE);
  const uint32_t word = POISON;
  memset(start + PAGE, CANARY, (size_t)(a->data - start - PAGE));
  for (size_t i = 0; i < bytes; i++) a->data[i] = ((const char *)&word)[i % 4];
  memset(a->data + bytes, CANARY, room - bytes);
  if (!opened) mprotect(start + PAGE, pages, PROT_NONE);
  all = a;
  used += pages;
  count++;
  return a->data;
}

static void forget(allocation *a) {
  munmap(a->block, a->pages + 2 * PAGE);
  used -= a->pages;
  count--;
  a->next = NULL;
  if (freed) free(freed);
  freed = a;
}

bool device_memory_free(void *p) {
  for (allocation **at = &all; *at; at = &(*at)->next)
    if ((*at)->data == p) {
      allocation *a = *at;
      *at = a->next;
      forget(a);
      return true;
    }
  return false;
}

void device_memory_drop_all(void) {
  while (all) device_memory_free(all->data);
}

size_t device_memory_used(void) { return used; }
int device_memory_count(void) { return count; }

bool device_memory_holds(const void *p, size_t bytes) {
  const char *at = p;
  for (const allocation *a = all; a; a = a->next)
    if (at >= a->data && at + bytes <= a->data + up(a->bytes ? a->bytes : 1, ALIGN)) return true;
  return false;
}

void device_memory_open(void) {
  if (opened++) return;
  for (allocation *a = all; a; a = a->next)
    mprotect(a->block + PAGE, a->pages, PROT_READ | PROT_WRITE);
}

/* The first byte of [from, to) that is no canary any more. */
static const char *damage(const char *from, const char *to) {
  while (from < to && (unsigned char)*from == CANARY) from++;
  return from < to ? from : NULL;
}

const char *device_memory_close(void) {
  static char text[200];
  const char *found = NULL;
  if (--opened) return NULL;
  for (allocation *a = all; a; a = a->next) {
    const char *start = a->block + PAGE, *end = start + a->pages;
    const char *before = damage(start, a->data), *behind = damage(a->data + a->bytes, end);
    if ((before || behind) && !found) {
      snprintf(text, sizeof text, "written %s %zu bytes of global memory at %p: offset %td",
               before ? "in front of" : "behind", a->bytes, (void *)a->data,
               (before ? before : behind) - a->data);
      found = text;
    }
    if (before) memset((char *)start, CANARY, (size_t)(a->data - start));
    if (behind) memset(a->data + a->bytes, CANARY, (size_t)(end - a->data) - a->bytes);
    mprotect(a->block + PAGE, a->pages, PROT_NONE);
  }
  return found;
}

void device_memory_describe(const void *p, char *text, size_t size) {
  const char *at = p;
  for (const allocation *a = all; a; a = a->next)
    if (at >= a->block && at < a->block + a->pages + 2 * PAGE) {
      snprintf(text, size, "offset %td of %zu bytes of global memory at %p", at - a->data, a->bytes,
               (void *)a->data);
      return;
    }
  if (freed && at >= freed->block && at < freed->block + freed->pages + 2 * PAGE)
    snprintf(text, size, "global memory that has been freed");
  else if ((uintptr_t)p < PAGE)
    snprintf(text, size, "a null pointer (%p)", p);
  else
    snprintf(text, size, "%p, which is neither global nor shared memory", p);
}
