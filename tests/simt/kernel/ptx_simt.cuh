/* The functions of ptx.cuh, emulated. */

#define PTX_NUMBER static __device__ __forceinline__

PTX_NUMBER void ptx_wait_for_previous() { simt_grid_wait(); }
PTX_NUMBER void ptx_allow_next() {}

static inline unsigned count_up(unsigned *counter) { return atomicAdd(counter, 1u); }

PTX_NUMBER uint32_t f16_pair(float low, float high) {
  return (uint32_t)simt_to_half(high) << 16 | simt_to_half(low);
}
PTX_NUMBER uint32_t bf16_pair(float low, float high) {
  return (uint32_t)simt_to_brain(high) << 16 | simt_to_brain(low);
}
/* Rounded once: to odd in f32 first, which keeps what decides about the last place. */
PTX_NUMBER uint16_t f16_bits_of_double(double x) {
  float near = (float)x;
  uint32_t bits = __float_as_uint(near);
  if (near == near && (double)near != x && !(bits & 1))
    near = __uint_as_float((fabs((double)near) > fabs(x)) ? bits - 1 : bits + 1);
  return simt_to_half(near);
}
PTX_NUMBER float f16_value(uint16_t x) { return simt_half(x); }

PTX_NUMBER float min_nan(float a, float b) { return a != a ? a : b != b ? b : a < b ? a : b; }
PTX_NUMBER float max_nan(float a, float b) { return a != a ? a : b != b ? b : a > b ? a : b; }
PTX_NUMBER float ex2_near(float x) { return exp2f(x); }
PTX_NUMBER float rcp_near(float x) { return 1 / x; }
PTX_NUMBER float simt_flush(float x) { return fabsf(x) < 0x1p-126f ? 0 : x; }
PTX_NUMBER float ex2_flush(float x) { return simt_flush(exp2f(simt_flush(x))); }
PTX_NUMBER float rcp_flush(float x) { return simt_flush(1 / simt_flush(x)); }
PTX_NUMBER float rsqrt_near(float x) { return rsqrtf(x); }
PTX_NUMBER float sqrt_near(float x) { return sqrtf(x); }
