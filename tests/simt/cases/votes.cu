extern "C" __global__ void f(unsigned *y) {
  int i = threadIdx.x;
  unsigned b = __ballot_sync(0xffffffff, i % 3 == 0);
  unsigned m = __reduce_max_sync(0xffffffff, (unsigned)i ^ 5u);
  unsigned s = __match_any_sync(0xffffffff, i / 8);
  int c = __syncthreads_count(i & 1);
  unsigned x = i < 16 ? __shfl_xor_sync(0xffffu, (unsigned)i, 3) : 0;
  y[i] = (b == 0x49249249u) + 2 * (m == 31) + 4 * (s == 0xffu << i / 8 * 8) + 8 * (c == 16) +
         16 * (x == (i < 16 ? (i ^ 3) : 0));
}
