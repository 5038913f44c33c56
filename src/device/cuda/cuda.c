/* cuda: the device, and its implementations in order of preference. */
#include "device/cuda/contract.h"
#include "device/cuda/cuda.h"
#include "device/cuda/emit.h"

#include <stdio.h>
#include <string.h>

#include "device/pool.h"

/* ---- implementations: the only place where they are listed ----------------------------------- */

static const device_impl impls[] = {
    {"cuda.map", KERNEL_MAP, NULL, cuda_prepare_map},
    {"cuda.row", KERNEL_ROW, NULL, cuda_prepare_row},
    {"cuda.map.any", KERNEL_MAP, NULL, cuda_prepare_any},
    {"cuda.row.any", KERNEL_ROW, NULL, cuda_prepare_any},
    {"cuda.contract.wgmma", KERNEL_CONTRACT, cuda_refuse_wgmma, cuda_prepare_wgmma},
    {"cuda.contract.simt", KERNEL_CONTRACT, cuda_refuse_simt, cuda_prepare_simt},
    {"cuda.contract.any", KERNEL_CONTRACT, NULL, cuda_prepare_any},
    {"cuda.attend.any", KERNEL_ATTEND, NULL, cuda_prepare_any},
    {"cuda.scatter.any", KERNEL_SCATTER, NULL, cuda_prepare_any},
    {"cuda.scan.any", KERNEL_SCAN, NULL, cuda_prepare_any},
    {NULL, KERNEL_SHAPES, NULL, NULL},
};

/* ---- errors ---------------------------------------------------------------------------------- */

/* After these a context answers nothing else any more. */
static bool is_final(CUresult r) {
  return r == CUDA_ERROR_DEINITIALIZED || r == CUDA_ERROR_DEVICE_UNAVAILABLE ||
         r == CUDA_ERROR_ECC_UNCORRECTABLE ||
         (r >= CUDA_ERROR_ILLEGAL_ADDRESS && r <= CUDA_ERROR_LAUNCH_FAILED &&
          r != CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES) ||
         r == CUDA_ERROR_UNKNOWN;
}

static const char *error_text(const cuda_driver *v, CUresult r, const char **name) {
  const char *text = NULL;
  if (v->cuGetErrorName(r, name) != CUDA_SUCCESS || !*name) *name = "CUDA error";
  if (v->cuGetErrorString(r, &text) != CUDA_SUCCESS || !text) text = "unknown";
  return text;
}

static _Noreturn void raise_lost(cuda_device *d) {
  base_raise(d->head.ctx, BASE_DEVICE, base_nowhere, "%s is lost: %s", d->name, d->lost);
}

const char *cuda_name(cuda_device *d, const char *text) {
  const char *kept = base_map_get_s(d->names, text);
  if (kept) return kept;
  char *copy = base_copy(d->arena, text);
  base_map_put_s(d->names, text, copy);
  return copy;
}

/* Errors of kernels show at a later call; the last ones queued are the suspects. */
static void lose(cuda_device *d, const char *what, const char *text, const char *name) {
  base_text why = base_text_open(d->arena);
  base_putf(&why, "%s: %s (%s)", what, text, name);
  unsigned n = d->queued < CUDA_LAST ? d->queued : CUDA_LAST;
  for (unsigned i = 0; i < n; i++)
    base_putf(&why, "%s%s", i ? ", " : "; queued last: ", d->last[(d->queued - 1 - i) % CUDA_LAST]);
  d->lost = why.at;
}

void cuda_check(cuda_device *d, CUresult r, const char *what) {
  if (r == CUDA_SUCCESS) return;
  const char *name = NULL, *text = error_text(&d->driver, r, &name);
  if (is_final(r) && !d->lost) lose(d, what, text, name);
  if (d->lost) raise_lost(d);
  base_raise(d->head.ctx, BASE_DEVICE, base_nowhere, "%s: %s: %s (%s)", d->name, what, text, name);
}

void cuda_alive(cuda_device *d) {
  if (d->lost) raise_lost(d);
  cuda_check(d, d->driver.cuCtxSetCurrent(d->context), "cuCtxSetCurrent");
}

/* ---- opening --------------------------------------------------------------------------------- */

static int attribute(cuda_device *d, int which) {
  int value = 0;
  cuda_check(d, d->driver.cuDeviceGetAttribute(&value, which, d->id), "cuDeviceGetAttribute");
  return value;
}

static void read_facts(cuda_device *d) {
  size_t bytes = 0;
  cuda_check(d, d->driver.cuDeviceGetName(d->name, sizeof d->name, d->id), "cuDeviceGetName");
  cuda_check(d, d->driver.cuDeviceTotalMem(&bytes, d->id), "cuDeviceTotalMem");
  d->memory = (int64_t)bytes;
  d->major = attribute(d, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
  d->minor = attribute(d, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  d->sms = attribute(d, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
  d->threads_per_sm = attribute(d, CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR);
  d->registers_per_sm = attribute(d, CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR);
  d->shared_per_sm = attribute(d, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR);
  d->shared_per_block = attribute(d, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
  d->l2 = attribute(d, CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE);
}

static _Noreturn void refuse(cuda_device *d, const char *why) {
  base_raise(d->head.ctx, BASE_DEVICE, base_nowhere, "device cuda cannot be used: %s", why);
}

const char *cuda_start_error(base_arena *arena, const cuda_driver *v, CUresult r) {
  const char *name = NULL;
  if (r == CUDA_SUCCESS) return NULL;
  if (r == CUDA_ERROR_NO_DEVICE) return "the driver is there, and sees no GPU";
  if (r == CUDA_ERROR_STUB_LIBRARY)
    return "the libcuda.so.1 that was found is a stub for linking, not the driver's";
  if (r == CUDA_ERROR_SYSTEM_DRIVER_MISMATCH)
    return "libcuda.so.1 and the kernel's module are of different driver versions: restart";
  const char *text = error_text(v, r, &name);
  return base_format(arena, "the driver does not start: %s (%s)", text, name);
}

static void check_start(cuda_device *d, CUresult r) {
  const char *why = cuda_start_error(d->arena, &d->driver, r);
  if (why) refuse(d, why);
}

static void find_gpu(cuda_device *d, int ordinal) {
  int count = 0;
  check_start(d, d->driver.cuInit(0));
  check_start(d, d->driver.cuDeviceGetCount(&count));
  if (count == 0) check_start(d, CUDA_ERROR_NO_DEVICE);
  if (ordinal < 0 || ordinal >= count)
    refuse(d, base_format(d->arena, "there is no GPU %d; there %s %d, counted from 0", ordinal,
                          count == 1 ? "is" : "are", count));
  check_start(d, d->driver.cuDeviceGet(&d->id, ordinal));
  read_facts(d);
  if (d->major < 8)
    refuse(d, base_format(d->arena, "GPU %d, %s, has compute capability %d.%d; 8.0 is needed",
                          ordinal, d->name, d->major, d->minor));
}

static void check_compiler(cuda_device *d) {
  int n = 0, known[256] = {0}, wanted = 10 * d->major + d->minor;
  if (d->nvrtc.nvrtcGetNumSupportedArchs(&n) != 0 || n > 256) return;
  d->nvrtc.nvrtcGetSupportedArchs(known);
  for (int i = 0; i < n; i++)
    if (known[i] == wanted) return;
  refuse(d, base_format(d->arena, "libnvrtc %d.%d does not know %s's compute capability %d.%d",
                        d->nvrtc.major, d->nvrtc.minor, d->name, d->major, d->minor));
}

/* A stream of the caller's belongs to a context of his. */
static void start(cuda_device *d, void *stream) {
  cuda_driver *v = &d->driver;
  cuda_check(d, v->cuDevicePrimaryCtxRetain(&d->context, d->id), "cuDevicePrimaryCtxRetain");
  cuda_check(d, v->cuCtxSetCurrent(d->context), "cuCtxSetCurrent");
  d->stream = stream;
  if (stream) return;
  cuda_check(d, v->cuStreamCreate(&d->stream, CU_STREAM_NON_BLOCKING), "cuStreamCreate");
  d->own_stream = true;
}

static void open_all(cuda_device *d, int ordinal, void *stream) {
  d->arena = base_arena_open(d->head.ctx);
  d->names = base_map_open(d->arena);
  const char *why = cuda_driver_open(d->arena, &d->driver);
  if (why) refuse(d, why);
  find_gpu(d, ordinal);
  why = cuda_nvrtc_open(d->arena, &d->nvrtc, d->driver.version);
  if (why) refuse(d, why);
  check_compiler(d);
  start(d, stream);
  device_pool_open(&d->head);
  cuda_staging_open(d);
  cuda_cache_open(d);
}

/* What cannot be given back any more is left to the driver. */
static void close_cuda(device *self) {
  cuda_device *d = cuda_of(self);
  base_ctx *ctx = self->ctx;
  if (d->context) {
    d->driver.cuCtxSetCurrent(d->context);
    d->driver.cuStreamSynchronize(d->stream);
    device_release(d->scratch);
    device_release(d->zeros);
    cuda_cache_close(d);
    device_pool_close(self);
    cuda_staging_close(d);
    if (d->own_stream) d->driver.cuStreamDestroy(d->stream);
    d->driver.cuDevicePrimaryCtxRelease(d->id);
  }
  cuda_nvrtc_close(&d->nvrtc);
  cuda_driver_close(&d->driver);
  if (d->arena) base_arena_close(d->arena);
  base_free(ctx, d);
}

device *device_open_cuda(base_ctx *ctx, int ordinal, void *stream) {
  cuda_device *d = base_calloc(ctx, sizeof *d);
  d->head = (device){.ctx = ctx, .name = "cuda", .impls = impls, .memory = &cuda_memory,
                     .recorder = &cuda_recorder, .close = close_cuda};
  base_trap trap;
  if (BASE_TRY(ctx, &trap)) {
    open_all(d, ordinal, stream);
    base_untrap(ctx, &trap);
  } else {
    close_cuda(&d->head);
    base_raise_again(ctx);
  }
  return &d->head;
}
