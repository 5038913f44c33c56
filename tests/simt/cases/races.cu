extern "C" __global__ void f(float *y, int which) {
  TL_SHARED(float, s);
  int i = threadIdx.x;
  s[i] = i;
  if (which == 1) __syncthreads();
  if (which == 2) __syncwarp();
  y[i] = s[which == 2 ? i ^ 1 : 63 - i];
}
