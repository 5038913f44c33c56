/* Kernels with their parameters: checked as the driver checks them, copied, run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"

enum { ALIGN = 128 };

static bool within(const unsigned *size, unsigned x, unsigned y, unsigned z) {
  return size[0] && size[1] && size[2] && size[0] <= x && size[1] <= y && size[2] <= z;
}

static simt_dim dim(const unsigned *size) { return (simt_dim){size[0], size[1], size[2]}; }

static result check(const function *f, const launch_shape *s, const unsigned *per) {
  unsigned threads = s->block[0] * s->block[1] * s->block[2];
  unsigned blocks = per[0] * per[1] * per[2]; /* of a cluster */
  unsigned most = f->entry->max_threads ? f->entry->max_threads : 1024;
  if (!within(s->grid, 2147483647, 65535, 65535) || !within(s->block, 1024, 1024, 64))
    return INVALID_VALUE;
  if (threads > most) return threads > 1024 ? INVALID_VALUE : LAUNCH_OUT_OF_RESOURCES;
  if (s->shared > (unsigned)f->dynamic_most) return INVALID_VALUE;
  if (s->shared + f->module->still_bytes > SHARED_MOST) return INVALID_VALUE;
  for (int k = 0; k < 3; k++)
    if (per[k] == 0 || s->grid[k] % per[k]) return INVALID_VALUE;
  if (blocks > (f->wide_clusters ? 16u : 8u)) return INVALID_CLUSTER_SIZE;
  return SUCCESS;
}

result launch_make(launch *to, function *f, const launch_shape *s, void **params) {
  static const unsigned one[3] = {1, 1, 1};
  const unsigned *per = s->cluster[0] ? s->cluster : f->entry->cluster[0] ? f->entry->cluster : one;
  result r = check(f, s, per);
  int n = f->entry->nparam;
  if (r != SUCCESS) return r;
  if (n && !params) return INVALID_VALUE; /* in one buffer, by `extra`: not modelled */
  size_t bytes = ALIGN;
  for (int i = 0; i < n; i++) bytes += (f->entry->param_bytes[i] + ALIGN - 1) / ALIGN * ALIGN;
  *to = (launch){.function = f,
                 .blocks = dim(s->grid),
                 .threads = dim(s->block),
                 .cluster = dim(per),
                 .dynamic_bytes = s->shared,
                 .overlap = s->overlap,
                 .params = calloc((size_t)n + 1, sizeof *to->params),
                 .values = aligned_alloc(ALIGN, bytes)};
  char *at = to->values;
  for (int i = 0; i < n; i++) {
    to->params[i] = memcpy(at, params[i], f->entry->param_bytes[i]);
    at += (f->entry->param_bytes[i] + ALIGN - 1) / ALIGN * ALIGN;
  }
  return SUCCESS;
}

void launch_drop(launch *l) {
  free(l->params);
  free(l->values);
  *l = (launch){0};
}

/* How many blocks are there at once on the whole GPU. */
static int resident(const launch *l) {
  unsigned threads = l->threads.x * l->threads.y * l->threads.z;
  size_t shared = l->dynamic_bytes + l->function->module->still_bytes + 1024;
  int by_threads = (int)(2048 / ((threads + 31) / 32 * 32)),
      by_shared = (int)((228 << 10) / shared);
  int blocks = by_threads < by_shared ? by_threads : by_shared;
  return (blocks > 32 ? 32 : blocks) * (int)driver_number("sms", 132);
}

result launch_run(const launch *l) {
  static long long seed;
  char message[2048] = "";
  result on_purpose = driver_refuses("kernel");
  if (on_purpose != SUCCESS) return on_purpose;
  const char *option = driver_option("seed");
  seed += 1;
  grid g = {.entry = l->function->entry,
            .params = l->params,
            .blocks = l->blocks,
            .threads = l->threads,
            .cluster = l->cluster,
            .dynamic_bytes = l->dynamic_bytes,
            .still = l->function->module->still,
            .still_bytes = (unsigned)l->function->module->still_bytes,
            .resident = resident(l),
            .overlap = l->overlap,
            .seed = option && atoll(option) ? (uint64_t)(atoll(option) * 1000003 + seed) : 0,
            .message = message,
            .message_size = sizeof message};
  driver_tick(0.002);
  if (grid_run(&g)) return SUCCESS;
  bool address = strstr(message, "illegal access") != NULL;
  driver_lose(address ? ILLEGAL_ADDRESS : LAUNCH_FAILED, message);
  return driver_lost();
}

/* ---- in a stream ----------------------------------------------------------------------------- */

typedef struct launching {
  command command;
  launch launch;
} launching;

static result do_launch(command *self) { return launch_run(&((launching *)self)->launch); }

static void drop_launch(command *self) { launch_drop(&((launching *)self)->launch); }

static result queue(function *f, const launch_shape *s, void **params, stream *to) {
  if (!f || to->dead) return INVALID_HANDLE;
  launching *l = calloc(1, sizeof *l);
  l->command = (command){.act = do_launch, .drop = drop_launch};
  result r = launch_make(&l->launch, f, s, params);
  if (r != SUCCESS) {
    free(l);
    return r;
  }
  return stream_add(to, &l->command);
}

DOOR int cuLaunchKernel(function *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx,
                        unsigned by, unsigned bz, unsigned shared, stream *s, void **params,
                        void **extra);
DOOR int cuLaunchKernel(function *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx,
                        unsigned by, unsigned bz, unsigned shared, stream *s, void **params,
                        void **extra) {
  ENTER("cuLaunchKernel");
  launch_shape shape = {{gx, gy, gz}, {bx, by, bz}, shared, {0}, false};
  return extra ? INVALID_VALUE : queue(f, &shape, params, stream_of(s));
}

enum { ATTRIBUTE_COOPERATIVE = 2, ATTRIBUTE_CLUSTER = 4, ATTRIBUTE_OVERLAP = 6 };

typedef struct launch_attribute { /* CUlaunchAttribute */
  int id;
  char pad[4];
  union {
    unsigned dim[3];
    int on;
    char bytes[64];
  } value;
} launch_attribute;

typedef struct launch_config { /* CUlaunchConfig */
  unsigned grid[3], block[3], shared;
  stream *stream;
  const launch_attribute *attribute;
  unsigned attributes;
} launch_config;
_Static_assert(sizeof(launch_attribute) == 72 && sizeof(launch_config) == 56, "as in cuda.h");

DOOR int cuLaunchKernelEx(const launch_config *c, function *f, void **params, void **extra);
DOOR int cuLaunchKernelEx(const launch_config *c, function *f, void **params, void **extra) {
  ENTER("cuLaunchKernelEx");
  launch_shape s = {.shared = c->shared};
  memcpy(s.grid, c->grid, sizeof s.grid);
  memcpy(s.block, c->block, sizeof s.block);
  for (unsigned i = 0; i < c->attributes; i++) {
    const launch_attribute *a = &c->attribute[i];
    if (a->id == ATTRIBUTE_CLUSTER)
      memcpy(s.cluster, a->value.dim, sizeof s.cluster);
    else if (a->id == ATTRIBUTE_OVERLAP)
      s.overlap = a->value.on != 0;
  }
  return extra ? INVALID_VALUE : queue(f, &s, params, stream_of(c->stream));
}
