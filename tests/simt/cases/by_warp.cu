extern "C" __global__ void f(float *y, const uint16_t *a, const uint16_t *b) {
  __shared__ __align__(16) uint16_t sa[16 * 16], sb[8 * 16];
  int l = threadIdx.x;
  for (int i = l; i < 256; i += 32) sa[i] = a[i];
  for (int i = l; i < 128; i += 32) sb[i] = b[i];
  __syncwarp();
  uint32_t ra[4], rb[2];
  simt_matrix_load(ra, simt_shared(sa + l % 16 * 16 + l / 16 * 8), 4, 0);
  simt_matrix_load(rb, simt_shared(sb + l % 8 * 16 + l / 8 % 2 * 8), 2, 0);
  float d[4] = {1, 1, 1, 1};
  simt_mma(d, ra, rb, d, SIMT_F16);
  for (int i = 0; i < 4; i++) y[(l / 4 + i / 2 * 8) * 8 + l % 4 * 2 + i % 2] = d[i];
}
