/* device_memory: what kernels see as global memory. Each allocation ends where no access is
 * allowed, and while no kernel and no copy runs, none is allowed at all: the host may not look into
 * it. */
#ifndef SIMT_DEVICE_MEMORY_H
#define SIMT_DEVICE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

void *device_memory_new(size_t bytes); /* poisoned; NULL: none left */
bool device_memory_free(void *p);      /* false: no such allocation */
void device_memory_drop_all(void);
size_t device_memory_used(void);
int device_memory_count(void);
/* Is [P, P + BYTES) within one allocation? */
bool device_memory_holds(const void *p, size_t bytes);
/* Open to kernels and copies, or closed. Returns a description of what has been written around an
 * allocation since it was opened; NULL: nothing. */
void device_memory_open(void);
const char *device_memory_close(void);
/* "8 bytes past the end of 1024 bytes at 0x7f..", for the address of a fault. */
void device_memory_describe(const void *p, char *text, size_t size);

#endif
