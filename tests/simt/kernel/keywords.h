/* Keywords of CUDA C, and where a thread stands. */
#pragma once

#define TL_SIMT 1
#ifndef __CUDA_ARCH__
#define __CUDA_ARCH__ 900
#endif
#define __CUDACC_RTC__ 1
#define __NVCC__ 1

#define __global__ __attribute__((visibility("default")))
#define __device__
#define __host__
#define __shared__ static
#define __constant__ static
#define __managed__ static
#define __grid_constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __align__(n) __attribute__((aligned(n)))
#define __launch_bounds__(...)
#define __cluster_dims__(...)
#define __block_size__(...)
#define __maxnreg__(...)
#define __restrict__ __restrict

/* The dynamic shared memory of a launch; `extern __shared__` cannot be had. */
#define TL_SHARED(type, name) type *name = (type *)simt_dynamic()

#define threadIdx (simt_now->thread)
#define blockIdx (simt_now->block)
#define blockDim (simt_now->threads)
#define gridDim (simt_now->blocks)
enum { warpSize = 32 };

#define __builtin_assume(x) \
  do { \
    if (!(x)) simt_stop("assumed, and not so: %s", #x); \
  } while (0)
#define __assume(x) __builtin_assume(x)
#define assert(x) ((x) ? (void)0 : simt_stop("assertion failed: %s", #x))
#define __trap() simt_stop("__trap")
#define __brkpt() ((void)0)

extern "C" int printf(const char *format, ...);

static inline long long clock64() {
  static long long ticks;
  return ticks += 100;
}
static inline int clock() { return (int)clock64(); }
static inline unsigned long long __globaltimer() { return (unsigned long long)clock64(); }
static inline void __nanosleep(unsigned) { simt_spin("__nanosleep"); }
