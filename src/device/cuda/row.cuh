/* row: folding the lanes of a thread, the threads of a group, the blocks of a row; always in the same
 * order. By: the combination, as a type. */

#define BY(name)                                                             \
  struct by_##name {                                                         \
    template <class T> static FN_MEMBER T of(T a, T b) { return op_##name(a, b); } \
  };
#define FN_MEMBER __device__ __forceinline__
BY(ADD)
BY(MUL)
BY(MAXIMUM)
BY(MINIMUM)

/* N values, halves onto halves. */
template <int N, class By> struct row_folding {
  template <class T> static FN_MEMBER T of(T *x) {
    EACH(i, N / 2) x[i] = By::of(x[i], x[i + N / 2]);
    return row_folding<N / 2, By>::of(x);
  }
};
template <class By> struct row_folding<1, By> {
  template <class T> static FN_MEMBER T of(T *x) { return x[0]; }
};
template <int N, class By, class T> FN T row_fold(T *x) { return row_folding<N, By>::of(x); }

template <class T> FN T row_swap(T x, int lanes) { return __shfl_xor_sync(0xffffffffu, x, lanes); }
FN bool row_swap(bool x, int lanes) { return __shfl_xor_sync(0xffffffffu, (int)x, lanes) != 0; }

/* Groups of G neighbours in a warp; all get the result. */
template <int G, class By, class T> FN T row_warp(T x) {
  EACH(s, 5) {
    const int lanes = G >> (s + 1);
    if (lanes > 0) x = By::of(x, row_swap(x, lanes));
  }
  return x;
}

/* The block, or groups of G in it; PLACE: 256 bytes of shared memory for each call of a kernel. */
template <int G, class By, class T> FN T row_group(T x, T neutral, char *place) {
  if (G <= 32) return row_warp<G, By>(x);
  T *part = (T *)place;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  x = row_warp<32, By>(x);
  if (lane == 0) part[warp] = x;
  __syncthreads();
  x = lane < G / 32 ? part[lane] : neutral;
  return row_warp<32, By>(x);
}

/* Whether this block is the last of N to come here, of those that count in COUNTER, which is left 0.
 * What the block wrote before is seen by the last one. */
FN bool row_is_last(unsigned *counter, int n, char *place) {
  __syncthreads();
  if (threadIdx.x == 0) {
    const bool last = count_up(counter) == (unsigned)n - 1;
    if (last) *counter = 0;
    *(int *)place = last;
  }
  __syncthreads();
  return *(const int *)place != 0;
}

/* Columns: the slices of a block, for each of its TX threads' V columns; lanes are shared out among
 * the slices. PLACE: TX * V values for each slice. The first slice has the result. */
template <int TX, int V, class By, class T> FN void row_slices(T *x, char *place) {
  T *part = (T *)place;
  const int tx = threadIdx.x % TX, ty = threadIdx.x / TX, n = blockDim.x / TX;
  __syncthreads();
  EACH(l, V) part[(ty * V + l) * TX + tx] = x[l];
  __syncthreads();
  for (int l = ty; l < V; l += n) {
    T sum = part[l * TX + tx];
    for (int k = 1; k < n; k++) sum = By::of(sum, part[(k * V + l) * TX + tx]);
    part[l * TX + tx] = sum;
  }
  __syncthreads();
  if (ty == 0) EACH(l, V) x[l] = part[l * TX + tx];
}

/* V neighbours of partial results, which move as whole vectors. */
template <int V, class T> struct alignas(V * sizeof(T) < 16 ? V * sizeof(T) : 16) row_lanes { T at[V]; };

template <int V, class T> FN void row_leave(T *p, int64_t at, const T *x) {
  row_lanes<V, T> y;
  EACH(l, V) y.at[l] = x[l];
  ((row_lanes<V, T> *)p)[at] = y;
}

/* Of those at AT, AT + STRIDE .., N in all, every BY-th from FROM on. */
template <int V, class By, class T>
FN void row_collect(T *x, const T *p, int64_t at, int64_t stride, int32_t n, int32_t from, int32_t by) {
  _Pragma("unroll 4") for (int32_t k = from; k < n; k += by) {
    const row_lanes<V, T> y = ((const row_lanes<V, T> *)p)[at + k * stride];
    EACH(l, V) x[l] = By::of(x[l], y.at[l]);
  }
}
