struct __align__(64) tensor_map { uint64_t opaque[16]; };
#include "ptx_simt_hopper.cuh"

extern "C" __global__ void f(uint16_t *y, const __grid_constant__ tensor_map a) {
  TL_SHARED(uint16_t, s);
  __shared__ uint64_t full;
  uint32_t rank = cluster_rank();
  if (threadIdx.x == 0) mbarrier_init(shared(&full), 1);
  cluster_arrive(), cluster_wait();
  if (threadIdx.x == 0) {
    mbarrier_expect(shared(&full), 256);
    tma_load_multicast(shared(s + 64 * rank), &a, shared(&full), 3, 0, 4 * rank, 0);
  }
  mbarrier_wait(shared(&full), 0);
  for (int i = threadIdx.x; i < 128; i += 32) y[128 * rank + i] = s[i];
  cluster_arrive(), cluster_wait();
}
