/* Private to src/device: files kept from one process to the next, below XDG_CACHE_HOME (else
 * ~/.cache): what was compiled, what was measured. Nothing depends on them: where they cannot be
 * written, or are damaged or gone, the work is done again. */
#ifndef TL_DEVICE_CACHE_H
#define TL_DEVICE_CACHE_H

#include "base/base.h"

/* The bytes kept under NAME, in the arena; NULL: none, or damaged, and then removed. */
void *device_cache_get(base_arena *arena, const char *name, size_t *bytes);
/* Whole or not at all, also for other processes. What was not used for longest goes when all is
 * more than the limit (TL_CACHE_MB, 512 unless told). */
void device_cache_put(base_arena *arena, const char *name, const void *data, size_t bytes);

#endif
