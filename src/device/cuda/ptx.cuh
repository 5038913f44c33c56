/* All inline PTX, as small functions. */

#ifdef TL_SIMT
#include "ptx_simt.cuh"
#else

/* Wait until the kernels before this one are done and their writes are seen; for stages that are
 * launched with `overlap`, before they touch memory. */
static __device__ __forceinline__ void ptx_wait_for_previous(void) {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

/* The next kernel may start: what remains of this one does not matter to it until it waits. */
static __device__ __forceinline__ void ptx_allow_next(void) {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

/* ---- counting -------------------------------------------------------------------------------- */

/* *COUNTER, before one is added. What the block wrote before it (and a barrier) is seen by whoever
 * counts later. */
static __device__ __forceinline__ unsigned count_up(unsigned *counter) {
  unsigned before;
  asm volatile("atom.add.acq_rel.gpu.global.u32 %0, [%1], 1;" : "=r"(before) : "l"(counter) : "memory");
  return before;
}

/* ---- numbers --------------------------------------------------------------------------------- */

#define PTX_NUMBER static __device__ __forceinline__

/* Two floats rounded to 16 bits, to nearest even, LOW in the lower half. */
PTX_NUMBER uint32_t f16_pair(float low, float high) {
  uint32_t d;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(d) : "f"(high), "f"(low));
  return d;
}
PTX_NUMBER uint32_t bf16_pair(float low, float high) {
  uint32_t d;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(d) : "f"(high), "f"(low));
  return d;
}
PTX_NUMBER uint16_t f16_bits_of_double(double x) {
  uint16_t d;
  asm("cvt.rn.f16.f64 %0, %1;" : "=h"(d) : "d"(x));
  return d;
}
PTX_NUMBER float f16_value(uint16_t x) {
  float d;
  asm("cvt.f32.f16 %0, %1;" : "=f"(d) : "h"(x));
  return d;
}

/* nan where either is. */
PTX_NUMBER float min_nan(float a, float b) {
  float d;
  asm("min.NaN.f32 %0, %1, %2;" : "=f"(d) : "f"(a), "f"(b));
  return d;
}
PTX_NUMBER float max_nan(float a, float b) {
  float d;
  asm("max.NaN.f32 %0, %1, %2;" : "=f"(d) : "f"(a), "f"(b));
  return d;
}

/* To 2 units in the last place; subnormal numbers are kept. */
PTX_NUMBER float ex2_near(float x) {
  float d;
  asm("ex2.approx.f32 %0, %1;" : "=f"(d) : "f"(x));
  return d;
}
PTX_NUMBER float rcp_near(float x) {
  float d;
  asm("rcp.approx.f32 %0, %1;" : "=f"(d) : "f"(x));
  return d;
}
/* The same, subnormal numbers taken as 0: half the instructions. */
PTX_NUMBER float ex2_flush(float x) {
  float d;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(d) : "f"(x));
  return d;
}
PTX_NUMBER float rcp_flush(float x) {
  float d;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(d) : "f"(x));
  return d;
}
PTX_NUMBER float rsqrt_near(float x) {
  float d;
  asm("rsqrt.approx.f32 %0, %1;" : "=f"(d) : "f"(x));
  return d;
}
PTX_NUMBER float sqrt_near(float x) {
  float d;
  asm("sqrt.approx.f32 %0, %1;" : "=f"(d) : "f"(x));
  return d;
}

#endif
