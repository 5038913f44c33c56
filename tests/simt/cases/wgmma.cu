struct __align__(64) tensor_map { uint64_t opaque[16]; };
#include "ptx_simt_hopper.cuh"

extern "C" __global__ void __launch_bounds__(128)
    f(float *y, const __grid_constant__ tensor_map a, const __grid_constant__ tensor_map b) {
  TL_SHARED(uint8_t, memory);
  __shared__ uint64_t bar;
  uint32_t sa = shared(memory), sb = sa + 64 * 64 * 2, full = shared(&bar);
  int t = threadIdx.x;
  if (t == 0) mbarrier_init(full, 1);
  __syncthreads();
  if (t == 0) {
    mbarrier_expect(full, (64 + 128) * 64 * 2);
    tma_load(sa, &a, full, 0, 0, 0);
    for (int i = 0; i < (B_MN ? 2 : 1); i++) tma_load(sb + i * 8192, &b, full, 64 * i, 0, 0);
  }
  mbarrier_wait(full, 0);
  float d[64];
  for (int i = 0; i < 64; i++) d[i] = 0;
  wgmma_fence();
  for (int k = 0; k < 4; k++) {
    uint64_t ta = A_MN ? wgmma_tile(sa + k * 2048, 8192, 1024) : wgmma_tile(sa + k * 32, 16, 1024);
    uint64_t tb = B_MN ? wgmma_tile(sb + k * 2048, 8192, 1024) : wgmma_tile(sb + k * 32, 16, 1024);
    wgmma<128, A_MN, B_MN, false>(d, ta, tb, k > 0);
  }
  wgmma_commit();
  if (EARLY) y[0] = d[0];
  wgmma_wait<0>();
  int q = t % 4, row = t / 32 * 16 + t % 32 / 4;
  for (int j = 0; j < 16 && !EARLY; j++)
    for (int r = 0; r < 2; r++)
      for (int c = 0; c < 2; c++) y[(row + 8 * r) * 128 + 8 * j + 2 * q + c] = d[4 * j + 2 * r + c];
}
