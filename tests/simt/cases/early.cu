extern "C" __global__ void f(float *y, const float *x) {
  TL_SHARED(float, s);
  simt_copy(simt_shared(s), x, 16, 16);
  simt_copy_commit();
  y[0] = s[0];
  simt_copy_wait(0);
}
