/* The memory of the GPU: the pool's blocks, and what launches share. */
#include "device/cuda/cuda.h"

static CUdeviceptr at(const void *p) { return (CUdeviceptr)(uintptr_t)p; }

/* ---- blocks ---------------------------------------------------------------------------------- */

static bool gpu_alloc(device *self, device_buffer *b, size_t bytes) {
  cuda_device *d = cuda_of(self);
  CUdeviceptr p = 0;
  cuda_alive(d);
  CUresult r = d->driver.cuMemAlloc(&p, bytes);
  if (r == CUDA_ERROR_OUT_OF_MEMORY) return false;
  cuda_check(d, r, "cuMemAlloc");
  b->data = b->block = (void *)(uintptr_t)p;
  return true;
}

/* What is queued may use it still. */
static void gpu_free(device *self, device_buffer *b) {
  cuda_device *d = cuda_of(self);
  if (d->lost) return;
  d->driver.cuCtxSetCurrent(d->context);
  d->driver.cuStreamSynchronize(d->stream);
  d->driver.cuMemFree(at(b->block));
}

static void gpu_zero(device *self, void *to, size_t bytes) {
  cuda_device *d = cuda_of(self);
  cuda_alive(d);
  if (bytes == 0) return;
  if (d->recording) cuda_record_zero(d, to, bytes);
  else cuda_check(d, d->driver.cuMemsetD8Async(at(to), 0, bytes, d->stream), "zeroing");
}

static void gpu_copy(device *self, void *to, const void *from, size_t bytes) {
  cuda_device *d = cuda_of(self);
  cuda_alive(d);
  if (bytes)
    cuda_check(d, d->driver.cuMemcpyDtoDAsync(at(to), at(from), bytes, d->stream),
               "a copy on the GPU");
}

const device_memory cuda_memory = {
    .alloc = gpu_alloc,
    .free = gpu_free,
    .write = cuda_write,
    .read = cuda_read,
    .zero = gpu_zero,
    .copy = gpu_copy,
};

/* ---- what launches share --------------------------------------------------------------------- */

/* Launches run one after another, so one scratch serves all, and what each leaves zero the next
 * finds zero. Grown before anything that needs it is queued. */
static void grow(cuda_device *d, device_buffer **buffer, size_t bytes, bool zero,
                 const char *label) {
  if (*buffer && (*buffer)->bytes >= bytes) return;
  device_buffer *larger = device_alloc(&d->head, bytes, zero);
  larger->label = label;
  device_release(*buffer);
  *buffer = larger;
}

int64_t cuda_reserve(cuda_launch *l, int kind, size_t bytes) {
  size_t *used = kind == CUDA_ZEROS ? &l->zeros : &l->scratch;
  size_t start = (*used + 255) / 256 * 256;
  *used = start + bytes;
  if (kind == CUDA_ZEROS) grow(l->device, &l->device->zeros, *used, true, "semaphores");
  else grow(l->device, &l->device->scratch, *used, false, "scratch");
  return (int64_t)start;
}
