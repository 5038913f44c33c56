#include "fixture.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "device/cuda/driver.h"

/* ---- memory ---------------------------------------------------------------------------------- */

static void *hook_alloc(void *user, size_t bytes) {
  counts *c = user;
  if (++c->asked == c->fails_at) return NULL;
  void *p = malloc(bytes);
  if (p) c->blocks++, c->bytes += (long)bytes;
  return p;
}

static void hook_release(void *user, void *p, size_t bytes) {
  counts *c = user;
  c->blocks--, c->bytes -= (long)bytes;
  free(p);
}

tl_context *gpu_try(counts *c, const char *device) {
  return tl_open(&(tl_options){
      .device = device, .threads = 2, .alloc = hook_alloc, .release = hook_release, .user = c});
}

tl_context *gpu_open(counts *c, const char *device) {
  *c = (counts){0};
  tl_context *ctx = gpu_try(c, device);
  assert_non_null(ctx);
  if (tl_last(ctx) != TL_OK && !getenv("TL_CUDA_DRIVER")) {
    print_message("%s\n", tl_message(ctx));
    tl_close(ctx);
    skip();
  }
  assert_string_equal(tl_message(ctx), "");
  return ctx;
}

void gpu_close(tl_context *ctx, const counts *c) {
  tl_close(ctx);
  assert_int_equal(c->blocks, 0);
  assert_int_equal(c->bytes, 0);
}

void gpu_error(tl_context *ctx, tl_status status, const char *words) {
  if (tl_last(ctx) != status || !strstr(tl_message(ctx), words))
    fail_msg("wanted %d with \"%s\", got %d: %s", (int)status, words, (int)tl_last(ctx),
             tl_message(ctx));
  tl_clear(ctx);
}

/* ---- the emulator ---------------------------------------------------------------------------- */

static void *door(const char *name) {
  static void *library;
  const char *file = getenv("TL_CUDA_DRIVER");
  if (!library && file) library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  return library ? dlsym(library, name) : NULL;
}

void gpu_need_emulator(void) {
  if (!door("simt_fail")) skip();
}

void gpu_fail(const char *name, int after, int code) {
  void (*call)(const char *, int, int);
  void *found = door("simt_fail");
  assert_non_null(found);
  memcpy(&call, &found, sizeof found);
  call(name, after, code);
}

static uint64_t calls(const char *name) {
  uint64_t (*call)(const char *);
  void *found = door("simt_calls");
  if (!found) return 0;
  memcpy(&call, &found, sizeof found);
  return call(name);
}

static struct { const char *name; uint64_t before; } counted[] = {
    {"cuGraphLaunch", 0},    {"cuGraphInstantiateWithFlags", 0},
    {"cuLaunchKernelEx", 0}, {"cuGraphExecKernelNodeSetParams_v2", 0},
    {"cuModuleLoadData", 0}, {"cuMemAlloc_v2", 0},
    {"cuMemFree_v2", 0},     {"cuMemcpyHtoDAsync_v2", 0},
};
enum { COUNTED = sizeof counted / sizeof *counted };

uint64_t gpu_calls(const char *name) {
  for (int i = 0; i < COUNTED; i++)
    if (strcmp(counted[i].name, name) == 0) return calls(name) - counted[i].before;
  fail_msg("calls of %s are not counted", name);
  return 0;
}

void gpu_memory(size_t bytes) {
  void (*call)(size_t);
  void *found = door("simt_memory");
  assert_non_null(found);
  memcpy(&call, &found, sizeof found);
  call(bytes);
}

void gpu_option(const char *name, const char *value) {
  void (*call)(const char *, const char *);
  void *found = door("simt_option");
  assert_non_null(found);
  memcpy(&call, &found, sizeof found);
  call(name, value);
}

void gpu_recover(void) {
  void (*call)(void);
  void *found = door("simt_recover");
  if (!found) return;
  memcpy(&call, &found, sizeof found);
  call();
}

/* ---- the caller's side of the driver --------------------------------------------------------- */

static cuda_driver driver;

void *gpu_stream(void) {
  base_ctx *ctx = base_open(NULL);
  base_arena *arena = base_arena_open(ctx);
  CUcontext context;
  CUstream stream = NULL;
  CUdevice id;
  if (cuda_driver_open(arena, &driver) == NULL && driver.cuInit(0) == 0 &&
      driver.cuDeviceGet(&id, 0) == 0 && driver.cuDevicePrimaryCtxRetain(&context, id) == 0 &&
      driver.cuCtxSetCurrent(context) == 0)
    driver.cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING);
  base_arena_close(arena);
  base_close(ctx);
  return stream;
}

void gpu_stream_drop(void *stream) {
  assert_int_equal(driver.cuStreamDestroy(stream), 0);
  assert_int_equal(driver.cuDevicePrimaryCtxRelease(0), 0);
  cuda_driver_close(&driver);
}

/* ---- each test ------------------------------------------------------------------------------- */

static char root[] = "/tmp/tl_cuda_XXXXXX";

int gpu_setup(void **state) {
  (void)state;
  strcpy(root + sizeof root - 7, "XXXXXX");
  if (!mkdtemp(root)) return 1;
  setenv("XDG_CACHE_HOME", root, 1);
  gpu_recover();
  for (int i = 0; i < COUNTED; i++) counted[i].before = calls(counted[i].name);
  return 0;
}

int gpu_teardown(void **state) {
  (void)state;
  gpu_recover();
  counts c = {0};
  tl_context *ctx = gpu_try(&c, "ref");
  tl_cache_clear(ctx);
  tl_close(ctx);
  char folder[64];
  snprintf(folder, sizeof folder, "%s/tensorlogic", root);
  rmdir(folder);
  return rmdir(root);
}

/* ---- tensors --------------------------------------------------------------------------------- */

tl_tensor *gpu_f32(tl_context *ctx, int64_t n, float first) {
  float *data = malloc((size_t)n * sizeof *data + 4);
  for (int64_t i = 0; i < n; i++) data[i] = first + (float)i;
  tl_tensor *t = tl_from(ctx, TL_F32, 1, &n, data);
  free(data);
  return t;
}

void gpu_expect(tl_tensor *t, int n, const double *want) {
  float got[64];
  assert_non_null(t);
  assert_int_equal(tl_count(t), n);
  assert_int_equal(tl_read(t, got, (size_t)n * sizeof *got), TL_OK);
  for (int i = 0; i < n; i++)
    if (fabs(got[i] - want[i]) > 1e-5 * (1 + fabs(want[i])))
      fail_msg("element %d is %g, not %g", i, got[i], want[i]);
}
