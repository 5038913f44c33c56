/* device: where kernels run. A device has memory (a pool of buffers) and, for each kernel shape, a
 * priority list of implementations; the first that does not refuse a kernel prepares and runs it.
 */
#ifndef TL_DEVICE_H
#define TL_DEVICE_H

#include "kernel/kernel.h"

typedef struct device device;

/* ---- memory: reference-counted buffers from a pool of size classes ---- */

typedef struct device_buffer {
  device *device;
  /* An address in the device's memory, which the host may be unable to touch. 64-byte aligned; at
   * least 64 bytes even when empty; padded so that a whole vector may be read */
  void *data;
  size_t bytes;                /* asked for */
  size_t reserved;             /* its class */
  int refs;
  const char *label;           /* what it holds, for a message about lack of memory; NULL */
  void *block;                 /* what the allocator gave; private to the pool */
  struct device_buffer *next, *previous;   /* in the pool's lists */
} device_buffer;

/* raises BASE_MEMORY after shrinking the pool; refs = 1 */
device_buffer *device_alloc(device *d, size_t bytes, bool zero);
device_buffer *device_copy(const device_buffer *b);   /* another with the same contents; raises */
/* The same on another device; one of the two has the host's memory. */
device_buffer *device_carry(device *to, const device_buffer *b);
device_buffer *device_retain(device_buffer *b);
/* back to the pool; NULL is fine */
void device_release(device_buffer *b);
/* from host */
void device_write(device_buffer *b, size_t offset, const void *from, size_t bytes);
/* to host; waits */
void device_read(const device_buffer *b, size_t offset, void *to, size_t bytes);

/* How memory of one kind is had and touched. What is queued on a device keeps its order; `write`
 * is done with FROM when it returns, `read` waits for all that was queued. */
typedef struct device_memory {
  bool (*alloc)(device *d, device_buffer *b, size_t bytes);   /* data and block; false: none left */
  void (*free)(device *d, device_buffer *b);
  void (*write)(device *d, void *to, const void *from, size_t bytes);
  void (*read)(device *d, void *to, const void *from, size_t bytes);
  void (*zero)(device *d, void *at, size_t bytes);
  void (*copy)(device *d, void *to, const void *from, size_t bytes);
} device_memory;
extern const device_memory device_host_memory;

typedef struct device_pool_stats {
  uint64_t allocations, reuses;      /* asked for; of these served from the pool */
  uint64_t system_allocations;       /* asked from the system */
  size_t in_use, cached, peak;       /* bytes */
} device_pool_stats;
device_pool_stats device_stats(const device *d);
/* give cached buffers back until at most this many bytes are cached */
void device_shrink(device *d, size_t keep_bytes);
/* at most this many cached in each size class */
void device_limit_class(device *d, int buffers);

/* ---- running ---- */

typedef struct device_bind {         /* a kernel whose sizes are known */
  device *device;
  base_arena *arena;                 /* where the launch lives */
  ir_program *program;
  const kernel *kernel;
  const int64_t *symbols;            /* by symbol id; entries of counters mean nothing yet */
} device_bind;

typedef struct device_launch {       /* first member of what an implementation prepares */
  /* data by tensor id; counters set */
  void (*run)(struct device_launch *self, void *const *data, const int64_t *symbols);
  const struct device_impl *impl;
} device_launch;

/* A device that runs kernels later may take many at once. What is launched and zeroed between
 * `begin` and `end` is recorded instead. */
typedef struct device_graph device_graph;
typedef struct device_recorder {
  /* By tensor id, of n: where it lies now, and the tensor with which it moves from run to run. */
  void (*begin)(device *d, int n, void *const *data, const int *root);
  device_graph *(*end)(device *d);                              /* raises */
  void (*drop)(device *d);                                      /* instead of `end` */
  void (*play)(device_graph *g, void *const *data);             /* data of the roots; raises */
  void (*free)(device_graph *g);
} device_recorder;

typedef struct device_impl {         /* one row of a device's priority list */
  const char *name;                  /* "cpu.map.tile" */
  kernel_shape shape;
  /* NULL: it serves; else the reason, static text */
  const char *(*refuse)(const device *d, const kernel *k);
  device_launch *(*prepare)(device_bind *bind);                 /* raises */
} device_impl;

struct device {
  base_ctx *ctx;
  const char *name;                  /* "ref", "cpu", "cuda" */
  const device_impl *impls;          /* priority order; ends with a NULL name */
  struct device_pool *pool;
  const device_memory *memory;
  const device_recorder *recorder;   /* NULL: kernels run when they are called */
  base_pool *threads;                /* NULL: single-threaded */
  void (*close)(device *d);
};

device *device_open_ref(base_ctx *ctx);
device *device_open_cpu(base_ctx *ctx, int threads);               /* threads <= 0: all */
/* The GPU of this number; STREAM: the caller's CUstream, NULL: one of its own. Raises BASE_DEVICE
 * with the reason why not. */
device *device_open_cuda(base_ctx *ctx, int ordinal, void *stream);
void device_close(device *d);

/* Choose, prepare. FORCE: an implementation's name, taken where it serves (tests); else NULL. */
device_launch *device_prepare(device_bind *bind, const char *force);
const device_impl *device_choose(const device *d, const kernel *k, const char *force);

/* ---- what the machine offers, for people: names and sentences ---- */

typedef struct device_fact { const char *name, *value; } device_fact;
typedef struct device_facts {
  base_arena *arena;
  BASE_VEC(device_fact) list;
} device_facts;
void device_facts_all(device_facts *facts);
void device_facts_cpu(device_facts *facts);
void device_facts_cuda(device_facts *facts);
void device_fact_add(device_facts *facts, const char *name, const char *value);

/* ---- files kept between processes: compiled kernels ---- */

void device_cache_print(base_text *text, bool json);    /* youngest first; then how much it is */
int device_cache_clear(base_arena *arena);              /* how many are gone */

/* ---- what implementations share ---- */

/* Row-major element strides of T for these symbols; returns the number of elements. */
int64_t device_strides(const ir_tensor *t, const int64_t *symbols, int64_t *stride);
/* one element, plain; i64 beyond 2^53 by device_load_value */
double device_load(ir_type type, const void *data, int64_t i);
ir_value device_load_value(ir_type type, const void *data, int64_t i);   /* as computed type */
/* rounds to the stored type */
void device_store_value(ir_type type, void *data, int64_t i, ir_value v);

#endif
