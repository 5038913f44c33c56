/* What the files of base share. */
#ifndef TL_BASE_PRIVATE_H
#define TL_BASE_PRIVATE_H

#include <stdatomic.h>

#include "base/base.h"

struct base_ctx {
  base_hooks hooks;
  base_trap *trap;             /* innermost, NULL outside any */
  base_error last;
  atomic_bool interrupted;
  atomic_size_t bytes, count;  /* of the heap; atomic because any thread may free */
  int64_t fail_after;
};

void *base_try_calloc(base_ctx *ctx, size_t bytes);  /* NULL instead of raising */

#endif
