/* How a launch calls a __global__ function: its parameters by address, their sizes told. */
#pragma once

template <class... A> struct simt_signature {
  static constexpr unsigned bytes[sizeof...(A) + 1] = {(unsigned)sizeof(A)..., 0};

  template <void (*F)(A...), unsigned... I> struct caller {
    static void call(void *const *p) { F(*(A *)p[I]...); }
  };
};

template <unsigned... I> struct simt_numbers {};
template <unsigned N, unsigned... I> struct simt_count : simt_count<N - 1, N - 1, I...> {};
template <unsigned... I> struct simt_count<0, I...> {
  typedef simt_numbers<I...> type;
};

template <class F, F *f> struct simt_kernel;
template <class... A, void (*f)(A...)> struct simt_kernel<void(A...), f> {
  typedef simt_signature<A...> signature;
  template <unsigned... I> static auto caller_of(simt_numbers<I...>) {
    return &signature::template caller<f, I...>::call;
  }
  static auto caller() { return caller_of(typename simt_count<sizeof...(A)>::type()); }
  static constexpr int count = (int)sizeof...(A);
};

struct simt_bounds {
  unsigned threads = 0;
  constexpr simt_bounds(unsigned t = 0, unsigned = 0, unsigned = 0) : threads(t) {}
};
struct simt_cluster {
  unsigned x = 0, y = 0, z = 0;
  constexpr simt_cluster() {}
  constexpr simt_cluster(unsigned a, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c) {}
};

#define SIMT_ENTRY(name, bounds, cluster)                                                         \
  {#name,                                                                                         \
   simt_kernel<decltype(name), name>::caller(),                                                   \
   simt_kernel<decltype(name), name>::count,                                                      \
   simt_kernel<decltype(name), name>::signature::bytes,                                           \
   (bounds).threads,                                                                              \
   {(cluster).x, (cluster).y, (cluster).z}}
