/* any: filling a scatter's accumulators, and giving them to its tensor. */

template <class T> FN void any_clear(T *to, T value, int64_t n) {
  int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) to[i] = value;
}
#define ANY_SETTLE(type, E)                                          \
  template <class T> FN void any_settle_##type(E *to, const T *from, int64_t n) { \
    int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;      \
    if (i < n) put_##type(to + i, from[i]);                          \
  }
ANY_SETTLE(f16, uint16_t)
ANY_SETTLE(bf16, uint16_t)
ANY_SETTLE(f32, float)
ANY_SETTLE(f64, double)
ANY_SETTLE(i32, int32_t)
ANY_SETTLE(i64, int64_t)
ANY_SETTLE(bool, uint8_t)
