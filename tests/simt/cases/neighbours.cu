struct __align__(64) tensor_map { uint64_t opaque[16]; };
#include "ptx_simt_hopper.cuh"

extern "C" __global__ void f(float *y) {
  __shared__ __align__(16) float mine[4];
  __shared__ uint64_t bar;
  uint32_t next = (cluster_rank() + 1) % 4;
  if (threadIdx.x < 4) mine[threadIdx.x] = 10 * blockIdx.x;
  if (threadIdx.x == 0) mbarrier_init(shared(&bar), 32);
  cluster_arrive(), cluster_wait();
  mbarrier_arrive_at(shared(&bar), next);
  mbarrier_wait(shared(&bar), 0);
  float4 v = load_cluster(shared_of(shared(mine), next));
  if (threadIdx.x == 0) y[blockIdx.x] = v.z;
  cluster_arrive(), cluster_wait();
}
