extern "C" __global__ void f(float *wide, uint16_t *back, const float *x, uint16_t *half, uint16_t *brain) {
  int i = blockIdx.x * 256 + threadIdx.x;
  wide[i] = simt_half((uint16_t)i);
  back[i] = simt_to_half(wide[i]);
  half[i] = simt_to_half(x[i]);
  brain[i] = simt_to_brain(x[i]);
}
