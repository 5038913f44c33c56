/* driver: the state behind the fake libcuda.so.1. The declarations of its functions are our own,
 * after NVIDIA's manual and not after the device's: a second opinion about numbers and layouts. */
#ifndef SIMT_DRIVER_H
#define SIMT_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../core/grid.h"

typedef enum result { /* CUresult */
                      SUCCESS = 0,
                      INVALID_VALUE = 1,
                      OUT_OF_MEMORY = 2,
                      NOT_INITIALIZED = 3,
                      NO_DEVICE = 100,
                      INVALID_DEVICE = 101,
                      INVALID_IMAGE = 200,
                      INVALID_CONTEXT = 201,
                      INVALID_HANDLE = 400,
                      NOT_FOUND = 500,
                      NOT_READY = 600,
                      ILLEGAL_ADDRESS = 700,
                      LAUNCH_OUT_OF_RESOURCES = 701,
                      LAUNCH_FAILED = 719,
                      INVALID_CLUSTER_SIZE = 912,
} result;

typedef uint64_t device_pointer;

typedef struct command { /* of a stream; freed after it was done */
  result (*act)(struct command *self);
  void (*drop)(struct command *self); /* what it holds besides; NULL: nothing */
  struct command *next;
} command;

typedef struct stream {
  command *first, *last;
  uint64_t queued, done;
  unsigned flags;
  bool dead;
  struct stream *next;
} stream;

typedef struct event {
  stream *stream; /* NULL: never recorded */
  uint64_t number;
  double time;
  unsigned flags;
  bool dead;
  struct event *next;
} event;

typedef struct function {
  const simt_entry *entry;
  struct module *module;
  int dynamic_most;
  bool wide_clusters;
} function;

typedef struct module {
  void *library;
  char *still; /* the bytes of its static shared memory */
  size_t still_bytes;
  function *function;
  int functions;
  struct module *next;
} module;

typedef struct launch { /* a kernel with its parameters */
  function *function;
  simt_dim blocks, threads, cluster;
  unsigned dynamic_bytes;
  bool overlap;
  void **params; /* into `values` */
  char *values;
} launch;

/* ---- entering (state.c) ---------------------------------------------------------------------- */

#define DOOR __attribute__((visibility("default")))

/* One host thread at a time; what is to fail on purpose fails here; a lost device answers nothing.
 */
#define ENTER(name)                                                         \
  int held __attribute__((cleanup(driver_leave), unused)) = driver_enter(); \
  result refused = driver_refuses(name);                                    \
  if (refused != SUCCESS) return refused

int driver_enter(void);
void driver_leave(int *held);
result driver_refuses(const char *name);
void driver_lose(result why, const char *message); /* every later call answers WHY */
result driver_lost(void);
/* An option: TL_SIMT_NAME in the environment, or set by simt_option. NULL: not set. */
const char *driver_option(const char *name);
long long driver_number(const char *name, long long otherwise);
double driver_clock(void); /* fake milliseconds; goes on with each command */
void driver_tick(double ms);

/* ---- streams (stream.c) ---------------------------------------------------------------------- */

stream *stream_of(void *handle); /* NULL: the default stream */
/* Queued; done at once in the default stream. */
result stream_add(stream *s, command *c);
result stream_finish(stream *s);
result stream_finish_all(bool blocking_only);

/* ---- launches (launch.c) --------------------------------------------------------------------- */

typedef struct launch_shape {
  unsigned grid[3], block[3], shared, cluster[3];
  bool overlap;
} launch_shape;

/* Checked and copied. */
result launch_make(launch *to, function *f, const launch_shape *s, void **params);
void launch_drop(launch *l);
result launch_run(const launch *l);

/* ---- modules (module.c) ---------------------------------------------------------------------- */

void module_drop_all(void);

/* ---- memory (memory.c) ----------------------------------------------------------------------- */

bool memory_pinned(const void *p, size_t bytes);

#endif
