__device__ int deep(int n) { volatile int a[4096]; a[n] = n; return n ? a[n] + deep(n - 1) : 0; }
extern "C" __global__ void f(int *y, int which) {
  if (threadIdx.x != 3) return;
  if (which == 0) y[64] = 1;
  if (which == 1) *(int *)0 = 1;
  if (which == 2) y[0] = deep(4000);
  if (which == 3) y[0] = 1 / (y[1] - y[1]);
  if (which == 4) y[61] = 1;
  if (which == 5) { TL_SHARED(int, s); s[4] = 1; }
  if (which == 6) __trap();
  if (which == 7) y[-1] = 1;
}
