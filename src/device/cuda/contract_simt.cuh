/* contract_simt: tiles of sums of products without a matrix unit, for every type and every place.
 *
 * A block of THREADS has ROWS x COLS sums, a thread TALL x 8 of them. Both factors come in steps of
 * DEPTH through shared memory, twice over: while one step is multiplied the next is on its way in
 * registers. The text before defines THREADS, SUM (the type), TERMS, VECTOR, A_LANES, A_ALONG_K and the same of
 * B, load_a and load_b of term, batch, row and k, and `body` as contract_body.c writes it. */

enum { DEPTH = 16, WIDE = COLS / 8, TALL = ROWS / (THREADS / WIDE), PAD = 16 / (int)sizeof(SUM) };

struct simt_shape { int32_t m, n, k, tiles_m, tiles_n; };

/* Where the I-th vector of a thread lies in a tile of R rows. */
template <int R, int V, bool ALONG_K> FN void simt_place(int i, int *row, int *k) {
  const int at = i * THREADS + threadIdx.x;
  if (ALONG_K) {
    *k = at % (DEPTH / V) * V;
    *row = at / (DEPTH / V);
  } else {
    *row = at % (R / V) * V;
    *k = at / (R / V);
  }
}

template <int R, int V, bool ALONG_K, int N>
FN void simt_put(SUM (&tile)[DEPTH][R + PAD], const SUM (&v)[N][V]) {
  EACH(i, N) {
    int row, k;
    simt_place<R, V, ALONG_K>(i, &row, &k);
    EACH(l, V) tile[ALONG_K ? k + l : k][ALONG_K ? row : row + l] = v[i][l];
  }
}

struct simt_tiles {
  SUM a[DEPTH][ROWS + PAD], b[DEPTH][COLS + PAD];
};

enum { A_VECTORS = ROWS * DEPTH / (A_LANES * THREADS), B_VECTORS = COLS * DEPTH / (B_LANES * THREADS) };

/* The vectors of step K of a term; what lies outside is 0. */
FN void simt_fetch(const factor_args &f, const simt_shape &s, int term, int batch, int m, int n, int k,
                   SUM (&a)[A_VECTORS][A_LANES], SUM (&b)[B_VECTORS][B_LANES]) {
  EACH(i, A_VECTORS) {
    int row, at;
    simt_place<ROWS, A_LANES, A_ALONG_K>(i, &row, &at);
    const bool in = m + row < s.m && k + at < s.k;
    load_a(f, term, batch, in ? m + row : 0, in ? k + at : 0, in ? A_LANES : 0, a[i]);
  }
  EACH(i, B_VECTORS) {
    int row, at;
    simt_place<COLS, B_LANES, B_ALONG_K>(i, &row, &at);
    const bool in = n + row < s.n && k + at < s.k;
    load_b(f, term, batch, in ? n + row : 0, in ? k + at : 0, in ? B_LANES : 0, b[i]);
  }
}

FN void simt_multiply(const simt_tiles &t, int tx, int ty, SUM (&sum)[TALL][8]) {
  EACH(k, DEPTH) {
    SUM a[TALL], b[8];
    EACH(r, TALL) a[r] = t.a[k][ty * TALL + r];
    EACH(c, 8) b[c] = t.b[k][tx * 8 + c];
    EACH(r, TALL) EACH(c, 8) sum[r][c] = op_ADD(sum[r][c], op_MUL(a[r], b[c]));
  }
}

/* The block's tile: eight rows of tiles at a time, so that what they read of B stays in the cache. */
FN void simt_tile(const simt_shape &s, int32_t block, int *m, int *n) {
  const int32_t group = 8 * s.tiles_n, first = block / group * 8;
  const int32_t rows = s.tiles_m - first < 8 ? s.tiles_m - first : 8, in = block % group;
  *m = (first + in % rows) * ROWS;
  *n = in / rows * COLS;
}

extern "C" __global__ void __launch_bounds__(THREADS, 2)
    contract(const __grid_constant__ simt_shape s, const __grid_constant__ factor_args f,
             const __grid_constant__ body_args w) {
  ptx_allow_next();
  ptx_wait_for_previous();
  TL_SHARED(simt_tiles, tiles);
  const int tx = threadIdx.x % WIDE, ty = threadIdx.x / WIDE;
  const int32_t all = s.tiles_m * s.tiles_n, batch = (int32_t)blockIdx.x / all;
  int m, n;
  simt_tile(s, (int32_t)blockIdx.x - batch * all, &m, &n);
  SUM sum[TALL][8], a[A_VECTORS][A_LANES], b[B_VECTORS][B_LANES];
  EACH(r, TALL) EACH(c, 8) sum[r][c] = 0;
  const int steps = (s.k + DEPTH - 1) / DEPTH, total = steps * TERMS;
  simt_fetch(f, s, 0, batch, m, n, 0, a, b);
  for (int i = 0, term = 0, k = 0; i < total; i++) {
    simt_tiles &t = tiles[i % 2];
    simt_put<ROWS, A_LANES, A_ALONG_K>(t.a, a);
    simt_put<COLS, B_LANES, B_ALONG_K>(t.b, b);
    __syncthreads();
    k += DEPTH;
    if (k >= s.k) k = 0, term++;
    if (i + 1 < total) simt_fetch(f, s, term, batch, m, n, k, a, b);
    simt_multiply(t, tx, ty, sum);
  }
  n += tx * 8;
  EACH(r, TALL) {
    const int row = m + ty * TALL + r;
#if VECTOR == 8
    if (row < s.m && n < s.n) body(w, batch, row, n, sum[r]);
#else
    EACH(c, 8) if (row < s.m && n + c < s.n) {
      SUM one[1] = {sum[r][c]};
      body(w, batch, row, n + c, one);
    }
#endif
  }
}
