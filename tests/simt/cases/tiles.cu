struct __align__(64) tensor_map { uint64_t opaque[16]; };
#include "ptx_simt_hopper.cuh"

extern "C" __global__ void f(const __grid_constant__ tensor_map a,
                             const __grid_constant__ tensor_map b, uint16_t *edge) {
  TL_SHARED(uint16_t, s);
  __shared__ uint64_t bar;
  int x = blockIdx.x * 16, y = blockIdx.y * 8;
  if (threadIdx.x == 0) mbarrier_init(shared(&bar), 1);
  __syncthreads();
  if (threadIdx.x == 0) {
    mbarrier_expect(shared(&bar), 256);
    tma_load(shared(s), &a, shared(&bar), x, y, 0);
  }
  mbarrier_wait(shared(&bar), 0);
  if (blockIdx.x == 1 && blockIdx.y == 1 && threadIdx.x == 40) {
    unsigned at = shared(s) + (5 * 16 + 2) * 2;
    edge[0] = *(uint16_t *)simt_shared_at(at, 2);
  }
  if (blockIdx.x == 2 && blockIdx.y == 2 && threadIdx.x == 41) edge[1] = s[127];
  __syncthreads();
  if (threadIdx.x == 63) {
    tma_store(&b, shared(s), x, y, 0);
    tma_commit();
    tma_wait_read<0>();
  }
}
