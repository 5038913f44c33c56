extern "C" __global__ void f(float *y, const float *x) {
  TL_SHARED(float, s);
  int i = threadIdx.x * 4;
  simt_copy(simt_shared(s + i), x + i, 16, 16);
  simt_copy_commit();
  simt_copy(simt_shared(s + 128 + i), x + 128 + i, 16, 12);
  simt_copy_commit();
  simt_copy_wait(1);
  __syncwarp();
  for (int k = 0; k < 4; k++) y[32 * k + threadIdx.x] = s[32 * k + threadIdx.x];
  simt_copy_wait(0);
  __syncwarp();
  for (int k = 4; k < 8; k++) y[32 * k + threadIdx.x] = s[32 * k + threadIdx.x];
}
