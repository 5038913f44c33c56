extern "C" __global__ void f(int which) {
  int i = threadIdx.x;
  if (which == 0 && i < 32) simt_barrier(1, 64, 1);
  if (which == 1 && i < 3) __shfl_sync(0xf, i, 0);
  if (which == 2) { if (i & 1) __syncwarp(); else __ballot_sync(0xffffffff, 1); }
  if (which == 3 && i == 7) __shfl_sync(0x3, i, 0);
  if (which == 4) while (true) __nanosleep(1);
}
