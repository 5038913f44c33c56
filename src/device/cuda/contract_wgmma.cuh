/* contract_wgmma: C[rows, cols] = sum over terms and k of A[rows, k] B[k, cols], for Hopper. One
 * warp loads tiles of both factors by TMA into a ring of stages; each warp group of the others
 * multiplies 64 rows of the tile by wgmma, and runs the body that follows on its sums.
 *
 *   ROWS          of a tile, 64 for each warp group of consumers      COLS   of a tile
 *   STAGES        of 64 k in the ring                                 TERMS  products into one sum
 *   A_MN, B_MN    the contiguous axis of A is its rows, of B its columns; else it is k
 *   CLUSTER       blocks with adjacent rows that share their tiles of B
 *   SPLIT         blocks of a cluster that take parts of k; their sums are added in order
 *   STAGED        sums go through shared memory: one tile a block, whole rows to the body
 *   TURNED        (STAGED) rows are the n of the body, columns its m
 *   Z             axes of batches: 1, or up to 3
 *   BF16          else f16
 *   EARLY_A, EARLY_B   no kernel that may still run writes it: loaded before the wait
 *
 *   VECTOR        sums that the body takes at a time: 8, or 1 where rows of the result do not lie
 *                 16-byte aligned; their neighbours are then written by neighbouring lanes
 *
 * Given: `struct body_args` and a function
 *   body(const body_args &, int batch, int m, int n, float (&v)[VECTOR])
 * for the sums at n .. n + VECTOR - 1 of row m. */

#define DEEP        64 /* k of a stage */
#define GROUPS      (ROWS / 64)
#define A_BYTES     (ROWS * DEEP * 2)
#define B_BYTES     (COLS * DEEP * 2)
#define STAGE_BYTES (A_BYTES + B_BYTES)
#define BLOCKS      (CLUSTER * SPLIT) /* of a cluster */

static_assert(!B_MN || COLS % (64 * CLUSTER) == 0, "a block loads whole boxes of 64 columns");
static_assert(SPLIT == 1 || STAGED, "parts of a sum meet in shared memory");
static_assert(!TURNED || STAGED, "sums are turned in shared memory");
static_assert(CLUSTER == 1 || SPLIT == 1, "a cluster shares columns or a sum");

struct contract_args {
  tensor_map a[TERMS], b[TERMS]; /* x the contiguous axis, y the other, then batches */
  int steps;                     /* of DEEP k, each term */
  int rows, cols;
  int tiles_m, tiles_n, tiles; /* tiles_m in units of CLUSTER; tiles: with batches */
  int group;                   /* tile rows that are walked together, for L2 */
  int batch[3];                /* extents, inner first */
  int a_batch[3], b_batch[3];  /* 1: it moves along that axis; 0: it does not */
};

struct tile_at {
  int batch, row, col;
};

PTX_FN tile_at tile_of(const contract_args &p, int t, int rank) {
  int per = p.tiles_m * p.tiles_n;
  int batch = t / per;
  t -= batch * per;
  int band = t / (p.group * p.tiles_n);
  int first = band * p.group, high = min(p.group, p.tiles_m - first);
  t -= band * p.group * p.tiles_n;
  int col = t / high, row = first + t - col * high;
  return {batch, (row * CLUSTER + (CLUSTER > 1 ? rank : 0)) * ROWS, col * COLS};
}

/* The steps of all terms as one sequence, of which this block takes [first, last). */
PTX_FN void my_steps(const contract_args &p, int rank, int *first, int *last) {
  int all = TERMS * p.steps;
  *first = SPLIT > 1 ? all * rank / SPLIT : 0;
  *last = SPLIT > 1 ? all * (rank + 1) / SPLIT : all;
}

/* ---- loading --------------------------------------------------------------------------------- */

struct step_at {
  int term, k, z[3];
};

PTX_FN step_at step_of(const contract_args &p, const tile_at &at, int step) {
  step_at s;
  s.term = TERMS > 1 ? step / p.steps : 0;
  s.k = (step - s.term * p.steps) * DEEP;
  s.z[0] = Z > 1 ? at.batch % p.batch[0] : at.batch;
  s.z[1] = Z > 1 ? at.batch / p.batch[0] % p.batch[1] : 0;
  s.z[2] = Z > 1 ? at.batch / p.batch[0] / p.batch[1] : 0;
  return s;
}

PTX_FN void load_box(uint32_t to, const tensor_map *map, uint32_t full, bool all, int x, int y,
                     const step_at &s, const int (&moves)[3]) {
  const uint16_t mask = (1 << CLUSTER) - 1;
  int z = s.z[0] * moves[0], z1 = s.z[1] * moves[1], z2 = s.z[2] * moves[2];
  if (Z == 1 && !all) tma_load(to, map, full, x, y, z);
  if (Z == 1 && all) tma_load_multicast(to, map, full, mask, x, y, z);
  if (Z > 1 && !all) tma_load_5d(to, map, full, x, y, z, z1, z2);
  if (Z > 1 && all) tma_load_multicast_5d(to, map, full, mask, x, y, z, z1, z2);
}

PTX_FN void load_a(const contract_args &p, const tile_at &at, int step, uint32_t to,
                   uint32_t full) {
  step_at s = step_of(p, at, step);
  const tensor_map *map = &p.a[s.term];
  if (!A_MN) load_box(to, map, full, false, s.k, at.row, s, p.a_batch);
  for (int i = 0; A_MN && i < GROUPS; i++)
    load_box(to + i * 64 * DEEP * 2, map, full, false, at.row + 64 * i, s.k, s, p.a_batch);
}

/* Blocks of a cluster load a part each, for all. */
PTX_FN void load_b(const contract_args &p, const tile_at &at, int step, uint32_t to, uint32_t full,
                   int rank) {
  step_at s = step_of(p, at, step);
  const tensor_map *map = &p.b[s.term];
  const int part = COLS / CLUSTER;
  int first = CLUSTER > 1 ? rank * part : 0;
  to += A_BYTES + first * DEEP * 2;
  if (!B_MN) load_box(to, map, full, CLUSTER > 1, s.k, at.col + first, s, p.b_batch);
  for (int i = 0; B_MN && i < part; i += 64)
    load_box(to + i * DEEP * 2, map, full, CLUSTER > 1, at.col + first + i, s.k, s, p.b_batch);
}

struct ring {
  uint32_t tiles, full, empty; /* addresses of the first stage, and of its barriers */
};

/* What no kernel before may write is loaded as far as the ring goes, the rest of it after the wait;
 * returns the steps whose loads are under way. */
PTX_FN int produce_early(const contract_args &p, const ring &r, int rank, int first, int last) {
  int ahead = 0, t = cluster_index();
  if (!EARLY_A && !EARLY_B) {
    ptx_wait_for_previous();
    return 0;
  }
  if (EARLY_A && EARLY_B) return 0;
  tile_at at = tile_of(p, t, rank);
  if (t < p.tiles) ahead = min(STAGES, last - first);
  for (int s = 0; s < ahead; s++) {
    mbarrier_expect(r.full + 8 * s, STAGE_BYTES);
    if (EARLY_A) load_a(p, at, first + s, r.tiles + s * STAGE_BYTES, r.full + 8 * s);
    if (EARLY_B) load_b(p, at, first + s, r.tiles + s * STAGE_BYTES, r.full + 8 * s, rank);
  }
  ptx_wait_for_previous();
  for (int s = 0; s < ahead; s++) {
    if (!EARLY_A) load_a(p, at, first + s, r.tiles + s * STAGE_BYTES, r.full + 8 * s);
    if (!EARLY_B) load_b(p, at, first + s, r.tiles + s * STAGE_BYTES, r.full + 8 * s, rank);
  }
  return ahead;
}

PTX_FN void produce(const contract_args &p, const ring &r, int rank) {
  int first, last;
  my_steps(p, rank, &first, &last);
  int ahead = produce_early(p, r, rank, first, last), stage = ahead % STAGES,
      phase = ahead / STAGES;
  for (int t = cluster_index(); t < p.tiles; t += cluster_count()) {
    tile_at at = tile_of(p, t, rank);
    for (int step = first + ahead; step < last; step++) {
      mbarrier_wait(r.empty + 8 * stage, phase ^ 1);
      mbarrier_expect(r.full + 8 * stage, STAGE_BYTES);
      load_a(p, at, step, r.tiles + stage * STAGE_BYTES, r.full + 8 * stage);
      load_b(p, at, step, r.tiles + stage * STAGE_BYTES, r.full + 8 * stage, rank);
      if (++stage == STAGES) stage = 0, phase ^= 1;
    }
    ahead = 0;
  }
}

/* ---- multiplying ----------------------------------------------------------------------------- */

struct ring_at {
  int stage, phase;
};

PTX_FN void release(uint32_t empty, int stage, int lane) {
  if (CLUSTER == 1) {
    if (lane == 0) mbarrier_arrive(empty + 8 * stage);
  } else {
    if (lane < CLUSTER) mbarrier_arrive_at(empty + 8 * stage, lane);
  }
}

PTX_FN void multiply(float (&d)[COLS / 2], uint32_t tile, int group) {
  uint32_t a = tile + group * 64 * DEEP * 2, b = tile + A_BYTES;
  wgmma_fence();
#pragma unroll(COLS > 128 ? 1 : DEEP / 16)
  for (int k = 0; k < DEEP / 16; k++) {
    uint64_t at =
        A_MN ? wgmma_tile(a + k * 2048, 64 * DEEP * 2, 1024) : wgmma_tile(a + k * 32, 16, 1024);
    uint64_t bt =
        B_MN ? wgmma_tile(b + k * 2048, 64 * DEEP * 2, 1024) : wgmma_tile(b + k * 32, 16, 1024);
    wgmma<COLS, A_MN, B_MN, BF16>(d, at, bt, 1);
  }
  wgmma_commit();
}

PTX_FN void accumulate(float (&d)[COLS / 2], ring_at &at, int steps, const ring &r, int group,
                       int lane) {
#pragma unroll
  for (int i = 0; i < COLS / 2; i++) d[i] = 0;
  int before = -1;
  for (int step = 0; step < steps; step++) {
    mbarrier_wait(r.full + 8 * at.stage, at.phase);
    multiply(d, r.tiles + at.stage * STAGE_BYTES, group);
    wgmma_wait<1>();
    if (before >= 0) release(r.empty, before, lane);
    before = at.stage;
    if (++at.stage == STAGES) at.stage = 0, at.phase ^= 1;
  }
  wgmma_wait<0>();
  if (before >= 0) release(r.empty, before, lane);
}

/* ---- what follows ---------------------------------------------------------------------------- */

/* Lane q of four holds columns 2 q, 2 q + 1 of four blocks of 8; gets all columns of block q. */
PTX_FN void turn_quad(float (&v)[8], int q) {
#pragma unroll
  for (int i = 0; i < 2; i++) { /* blocks 2 i and 2 i + 1 between lanes q and q ^ 1 */
    bool odd = q & 1;
#pragma unroll
    for (int c = 0; c < 2; c++) {
      float give = odd ? v[4 * i + c] : v[4 * i + 2 + c];
      give = __shfl_xor_sync(0xffffffff, give, 1);
      if (odd)
        v[4 * i + c] = give;
      else
        v[4 * i + 2 + c] = give;
    }
  }
#pragma unroll
  for (int i = 0; i < 2; i++) { /* blocks i and i + 2 between lanes q and q ^ 2 */
    bool high = q & 2;
#pragma unroll
    for (int c = 0; c < 2; c++) {
      float give = high ? v[2 * i + c] : v[4 + 2 * i + c];
      give = __shfl_xor_sync(0xffffffff, give, 2);
      if (high)
        v[2 * i + c] = give;
      else
        v[4 + 2 * i + c] = give;
    }
  }
}

/* From registers, 8 columns of a row by each lane. */
PTX_FN void follow_vectors(const contract_args &p, const body_args &b, const tile_at &at,
                           float (&d)[COLS / 2], int group, int lane) {
  int q = lane & 3, row = at.row + group * 64 + (lane >> 5) * 16 + ((lane & 31) >> 2);
#pragma unroll
  for (int j = 0; j < COLS / 32; j++) {
#pragma unroll
    for (int r = 0; r < 2; r++) {
      float v[8];
#pragma unroll
      for (int i = 0; i < 4; i++)
        v[2 * i] = d[16 * j + 4 * i + 2 * r], v[2 * i + 1] = d[16 * j + 4 * i + 2 * r + 1];
      turn_quad(v, q);
      int col = at.col + 32 * j + 8 * q;
      if (row + 8 * r < p.rows && col < p.cols)
        body(b, at.batch, row + 8 * r, col, (float(&)[VECTOR])v);
    }
  }
}

#define PATCH_PITCH 33 /* floats of a row of 32 columns in a warp's patch of 16 rows */

/* Through a patch of shared memory, a column by each lane. */
PTX_FN void follow_lines(const contract_args &p, const body_args &b, const tile_at &at,
                         float (&d)[COLS / 2], float *patch, int group, int lane) {
  int l = lane & 31, q = l & 3, high = l >> 2, row = at.row + group * 64 + (lane >> 5) * 16;
  patch += (group * 4 + (lane >> 5)) * 16 * PATCH_PITCH;
#pragma unroll
  for (int j = 0; j < COLS / 32; j++) {
    __syncwarp();
#pragma unroll
    for (int i = 0; i < 16; i++) /* block of 8 columns, half of the rows, column of two */
      patch[(high + 8 * (i >> 1 & 1)) * PATCH_PITCH + 8 * (i >> 2) + 2 * q + (i & 1)] =
          d[16 * j + i];
    __syncwarp();
    int col = at.col + 32 * j + l;
#pragma unroll 4
    for (int r = 0; r < 16; r++) {
      float v[1] = {patch[r * PATCH_PITCH + l]};
      if (row + r < p.rows && col < p.cols) body(b, at.batch, row + r, col, (float(&)[VECTOR])v);
    }
  }
}

#define STAGE_PITCH (TURNED ? ROWS + 8 : COLS + 8) /* floats of a staged line */
#define STAGE_LINES (TURNED ? COLS : ROWS)
#define STAGE_ITEMS (STAGE_LINES * ((TURNED ? ROWS : COLS) / VECTOR))

PTX_FN void stage_sums(float *to, const float (&d)[COLS / 2], int group, int lane) {
  int q = lane & 3, row = group * 64 + (lane >> 5) * 16 + ((lane & 31) >> 2);
#pragma unroll
  for (int j = 0; j < COLS / 8; j++)
#pragma unroll
    for (int r = 0; r < 2; r++) {
      int line = row + 8 * r, col = 8 * j + 2 * q;
      if (TURNED) {
        to[col * STAGE_PITCH + line] = d[4 * j + 2 * r];
        to[(col + 1) * STAGE_PITCH + line] = d[4 * j + 2 * r + 1];
      } else {
        *(float2 *)(to + line * STAGE_PITCH + col) =
            make_float2(d[4 * j + 2 * r], d[4 * j + 2 * r + 1]);
      }
    }
}

PTX_FN void add_staged(float (&v)[VECTOR], uint32_t at) {
  if (VECTOR == 1) {
    v[0] += load_cluster_1(at);
    return;
  }
  float4 x = load_cluster(at), y = load_cluster(at + 16);
  const float both[8] = {x.x, x.y, x.z, x.w, y.x, y.y, y.z, y.w};
#pragma unroll
  for (int i = 0; i < VECTOR; i++) v[i] += both[i];
}

/* From shared memory, of all blocks that share the sum; each takes its part of the lines. */
PTX_FN void follow_staged(const contract_args &p, const body_args &b, const tile_at &at,
                          uint32_t staged, int rank, int thread, int threads) {
  const int wide = (TURNED ? ROWS : COLS) / VECTOR;
  int m0 = TURNED ? at.col : at.row, n0 = TURNED ? at.row : at.col;
  int m_end = TURNED ? p.cols : p.rows, n_end = TURNED ? p.rows : p.cols;
  int from = STAGE_ITEMS * rank / SPLIT, to = STAGE_ITEMS * (rank + 1) / SPLIT;
  if (SPLIT == 1) from = 0, to = STAGE_ITEMS;
  for (int item = from + thread; item < to; item += threads) {
    int line = item / wide, n = item % wide * VECTOR;
    if (m0 + line >= m_end || n0 + n >= n_end) continue;
    float v[VECTOR] = {};
    uint32_t place = staged + (line * STAGE_PITCH + n) * 4;
#pragma unroll
    for (int s = 0; s < SPLIT; s++) add_staged(v, SPLIT > 1 ? shared_of(place, s) : place);
    body(b, at.batch, m0 + line, n0 + n, v);
  }
}

/* ---- the kernel ------------------------------------------------------------------------------ */

extern "C" __global__ void __launch_bounds__(128 * (GROUPS + 1), 1)
    contract(const __grid_constant__ contract_args p, const __grid_constant__ body_args b) {
  TL_SHARED(uint8_t, memory);
  __shared__ __align__(8) uint64_t barriers[2 * STAGES];
  ring r = {shared(memory), shared(barriers), shared(barriers) + 8 * STAGES};
  int group = threadIdx.x / 128, lane = threadIdx.x % 128;
  int rank = BLOCKS > 1 ? cluster_rank() : 0;
  if (threadIdx.x == 0) {
    for (int s = 0; s < STAGES; s++) {
      mbarrier_init(r.full + 8 * s, 1);
      mbarrier_init(r.empty + 8 * s, GROUPS * CLUSTER);
    }
    fence_mbarrier_init();
    for (int t = 0; t < TERMS; t++) tma_prefetch(&p.a[t]), tma_prefetch(&p.b[t]);
  }
  if (BLOCKS > 1)
    cluster_arrive_relaxed(), cluster_wait();
  else
    __syncthreads();
  ptx_allow_next();
  if (group == GROUPS) {
    if (GROUPS > 1) registers_down<40>();
    if (lane < 32 && elect()) produce(p, r, rank);
    __syncwarp();
  } else {
    if (GROUPS == 2) registers_up<232>();
    int first, last;
    ring_at at = {0, 0};
    my_steps(p, rank, &first, &last);
    bool waited = false;
    for (int t = cluster_index(); t < p.tiles; t += cluster_count()) {
      tile_at tile = tile_of(p, t, rank);
      float d[COLS / 2];
      accumulate(d, at, last - first, r, group, lane);
      if (!waited) ptx_wait_for_previous();
      waited = true;
      if (!STAGED) {
        if (VECTOR == 8)
          follow_vectors(p, b, tile, d, group, lane);
        else
          follow_lines(p, b, tile, d, (float *)(memory + STAGES * STAGE_BYTES), group, lane);
        continue;
      }
      barrier(1, 128 * GROUPS);
      stage_sums((float *)memory, d, group, lane);
      if (SPLIT > 1) continue;
      barrier(1, 128 * GROUPS);
      follow_staged(p, b, tile, r.tiles, rank, threadIdx.x, 128 * GROUPS);
    }
  }
  if (BLOCKS == 1) return;
  if (SPLIT == 1) { /* none ends while others may write to its memory */
    cluster_arrive_relaxed(), cluster_wait();
    return;
  }
  cluster_arrive(), cluster_wait();
  ptx_wait_for_previous();
  follow_staged(p, b, tile_of(p, cluster_index(), rank), r.tiles, rank, threadIdx.x,
                128 * (GROUPS + 1));
  __syncwarp();
  cluster_arrive_relaxed(), cluster_wait();
}
