/* The functions of ptx_hopper.cuh, emulated. */

#define PTX_FN static __device__ __forceinline__

PTX_FN uint32_t shared(const void *p) { return simt_shared(p); }
PTX_FN bool elect() {
  simt_meet(0xffffffff, "elect", nullptr, nullptr);
  return simt_now->lane == 0;
}

/* ---- clusters, grids, registers -------------------------------------------------------------- */

PTX_FN uint32_t cluster_rank() { return simt_now->cluster_rank; }
PTX_FN uint32_t cluster_index() { return simt_now->cluster.x; }
PTX_FN uint32_t cluster_count() { return simt_now->clusters.x; }
PTX_FN void cluster_arrive() { simt_cluster_arrive(); }
PTX_FN void cluster_arrive_relaxed() { simt_cluster_arrive(); }
PTX_FN void cluster_wait() { simt_cluster_wait(); }
PTX_FN uint32_t shared_of(uint32_t address, uint32_t rank) { return simt_shared_of(address, rank); }
PTX_FN float load_cluster_1(uint32_t address) { return *(const float *)simt_shared_at(address, 4); }
PTX_FN float4 load_cluster(uint32_t address) { return *(const float4 *)simt_shared_at(address, 16); }
template <int N> PTX_FN void registers_up() {
  static_assert(N % 8 == 0 && N >= 24 && N <= 256, "setmaxnreg");
}
template <int N> PTX_FN void registers_down() {
  static_assert(N % 8 == 0 && N >= 24 && N <= 256, "setmaxnreg");
}
PTX_FN void barrier(int id, int threads) { simt_barrier(id, threads, 1); }

/* ---- mbarriers ------------------------------------------------------------------------------- */

PTX_FN void mbarrier_init(uint32_t bar, uint32_t count) { simt_mbarrier_init(bar, count); }
PTX_FN void fence_mbarrier_init() {}
PTX_FN void mbarrier_expect(uint32_t bar, uint32_t bytes) {
  simt_mbarrier_expect(bar, bytes);
  simt_mbarrier_arrive(bar, 1);
}
PTX_FN void mbarrier_arrive(uint32_t bar) { simt_mbarrier_arrive(bar, 1); }
PTX_FN void mbarrier_arrive_at(uint32_t bar, uint32_t rank) {
  simt_mbarrier_arrive(simt_shared_of(bar, rank), 1);
}
PTX_FN void mbarrier_wait(uint32_t bar, uint32_t parity) { simt_mbarrier_wait(bar, parity); }

/* ---- tiles ----------------------------------------------------------------------------------- */

PTX_FN void tma_prefetch(const tensor_map *map) { (void)map; }
PTX_FN void tma_load(uint32_t to, const tensor_map *map, uint32_t bar, int x, int y, int z) {
  int at[] = {x, y, z};
  simt_tile_load(to, map, bar, 0, 3, at);
}
PTX_FN void tma_load_5d(uint32_t to, const tensor_map *map, uint32_t bar, int x, int y, int z,
                        int z1, int z2) {
  int at[] = {x, y, z, z1, z2};
  simt_tile_load(to, map, bar, 0, 5, at);
}
PTX_FN void tma_load_multicast(uint32_t to, const tensor_map *map, uint32_t bar, uint16_t mask,
                               int x, int y, int z) {
  int at[] = {x, y, z};
  simt_tile_load(to, map, bar, mask, 3, at);
}
PTX_FN void tma_load_multicast_5d(uint32_t to, const tensor_map *map, uint32_t bar, uint16_t mask,
                                  int x, int y, int z, int z1, int z2) {
  int at[] = {x, y, z, z1, z2};
  simt_tile_load(to, map, bar, mask, 5, at);
}
PTX_FN void tma_store(const tensor_map *map, uint32_t from, int x, int y, int z) {
  int at[] = {x, y, z};
  simt_tile_store(map, from, 3, at, SIMT_PLAIN);
}
PTX_FN void tma_commit() { simt_bulk_commit(); }
template <int N> PTX_FN void tma_wait_read() { simt_bulk_wait(N, 1); }
PTX_FN void fence_async() {}

PTX_FN void stmatrix(uint32_t to, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  uint32_t r[] = {a, b, c, d};
  simt_matrix_store(r, to, 4, 0);
}

/* ---- products of warp groups ----------------------------------------------------------------- */

PTX_FN void wgmma_fence() { simt_wgmma_fence(); }
PTX_FN void wgmma_commit() { simt_wgmma_commit(); }
template <int N> PTX_FN void wgmma_wait() { simt_wgmma_wait(N); }

PTX_FN uint64_t wgmma_tile(uint32_t address, uint32_t leading, uint32_t stride) {
  return (uint64_t)((address & 0x3ffff) >> 4) | (uint64_t)(leading >> 4) << 16 |
         (uint64_t)(stride >> 4) << 32 | (uint64_t)1 << 62;
}

template <int N, int MA, int MB, bool BRAIN>
PTX_FN void wgmma(float (&d)[N / 2], uint64_t a, uint64_t b, int more) {
  simt_product p = {};
  p.d = d;
  p.n = N;
  p.a_tile = a;
  p.b_tile = b;
  p.more = more;
  p.a_sign = p.b_sign = 1;
  p.a_mn = MA;
  p.b_mn = MB;
  p.type = BRAIN ? SIMT_BF16 : SIMT_F16;
  simt_wgmma(&p);
}
