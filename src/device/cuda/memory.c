/* The memory of the GPU: the pool's blocks, transfers, and what launches share. */
#include "device/cuda/cuda.h"

static CUdeviceptr at(const void *p) { return (CUdeviceptr)(uintptr_t)p; }

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

static void gpu_free(device *self, device_buffer *b) {
  cuda_device *d = cuda_of(self);
  if (!d->lost) d->driver.cuMemFree(at(b->block));
}

static void gpu_write(device *self, void *to, const void *from, size_t bytes) {
  cuda_device *d = cuda_of(self);
  cuda_alive(d);
  cuda_check(d, d->driver.cuMemcpyHtoDAsync(at(to), from, bytes, d->stream), "a copy to the GPU");
  cuda_check(d, d->driver.cuStreamSynchronize(d->stream), "a copy to the GPU");
}

static void gpu_read(device *self, void *to, const void *from, size_t bytes) {
  cuda_device *d = cuda_of(self);
  cuda_alive(d);
  cuda_check(d, d->driver.cuMemcpyDtoHAsync(to, at(from), bytes, d->stream),
             "a copy from the GPU");
  cuda_check(d, d->driver.cuStreamSynchronize(d->stream), "a copy from the GPU");
}

static void gpu_zero(device *self, void *to, size_t bytes) {
  cuda_device *d = cuda_of(self);
  cuda_alive(d);
  if (bytes) cuda_check(d, d->driver.cuMemsetD8Async(at(to), 0, bytes, d->stream), "zeroing");
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
    .write = gpu_write,
    .read = gpu_read,
    .zero = gpu_zero,
    .copy = gpu_copy,
};

void cuda_memory_open(cuda_device *d) { (void)d; }
void cuda_memory_close(cuda_device *d) { (void)d; }

/* ---- what launches share --------------------------------------------------------------------- */

/* Launches run one after another, so one scratch serves all, and what each leaves zero the next
 * finds zero. Grown before anything that needs it is queued. */
static void grow(cuda_device *d, device_buffer **buffer, size_t bytes, bool zero,
                 const char *label) {
  if (*buffer && (*buffer)->bytes >= bytes) return;
  device_buffer *larger = device_alloc(&d->head, bytes, zero);
  device_label(larger, label);
  device_release(*buffer);
  *buffer = larger;
}

int64_t cuda_reserve(cuda_launch *l, int kind, size_t bytes) {
  cuda_device *d = l->device;
  size_t *used = kind == CUDA_ZEROS ? &l->zeros : &l->scratch;
  size_t at_ = (*used + 255) / 256 * 256;
  *used = at_ + bytes;
  if (kind == CUDA_ZEROS) grow(d, &d->zeros, *used, true, "semaphores");
  else grow(d, &d->scratch, *used, false, "scratch");
  return (int64_t)at_;
}
