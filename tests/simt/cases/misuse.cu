struct __align__(64) tensor_map { uint64_t opaque[16]; };
#include "ptx_simt_hopper.cuh"

extern "C" __global__ void f(const __grid_constant__ tensor_map a, int which) {
  TL_SHARED(uint16_t, s);
  __shared__ uint64_t bar;
  if (threadIdx.x) return;
  if (which == 0) mbarrier_arrive(shared(&bar));
  mbarrier_init(shared(&bar), 1);
  if (which == 1) { mbarrier_expect(shared(&bar), 128); tma_load(shared(s), &a, shared(&bar), 0, 0, 0); }
  if (which == 2) mbarrier_expect(shared(&bar), 256);
  if (which == 3) tma_load(shared(s) + 64, &a, shared(&bar), 0, 0, 0);
  if (which == 4) tma_load(shared(s) + 128, &a, shared(&bar), 0, 0, 0);
  if (which == 5) { tma_store(&a, shared(s), 0, 0, 0); tma_commit(); return; }
  if (which == 6) { mbarrier_expect(shared(&bar), 256); tma_load(shared(s), &a, shared(&bar), 0, 0, 0); return; }
  if (which == 7) simt_mbarrier_arrive(shared(&bar), 2);
  mbarrier_wait(shared(&bar), 0);
}
