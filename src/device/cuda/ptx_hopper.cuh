/* ptx_hopper: clusters, mbarriers, tiles by TMA, products of warp groups: what Hopper's machine
 * instructions are called in the PTX manual, one small function each. Shared addresses are 32-bit,
 * as `shared` gives them. */

struct __align__(64) tensor_map {
  uint64_t opaque[16];
};

#ifdef TL_SIMT
#include "ptx_simt_hopper.cuh"
#else

#define PTX_FN static __device__ __forceinline__

PTX_FN uint32_t shared(const void *p) { return (uint32_t)__cvta_generic_to_shared(p); }

/* One lane of a warp whose lanes are all here. */
PTX_FN bool elect() {
  uint32_t one;
  asm volatile("{\n.reg .pred p;\nelect.sync _|p, 0xffffffff;\nselp.u32 %0, 1, 0, p;\n}"
               : "=r"(one));
  return one != 0;
}

/* ---- clusters, grids, registers -------------------------------------------------------------- */

PTX_FN uint32_t cluster_rank() {
  uint32_t r;
  asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(r));
  return r;
}
PTX_FN uint32_t cluster_index() {
  uint32_t r;
  asm volatile("mov.u32 %0, %%clusterid.x;" : "=r"(r));
  return r;
}
PTX_FN uint32_t cluster_count() {
  uint32_t r;
  asm volatile("mov.u32 %0, %%nclusterid.x;" : "=r"(r));
  return r;
}
/* Shared memory written before is seen by the cluster after its wait; relaxed: it is not. */
PTX_FN void cluster_arrive() {
  asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory");
}
PTX_FN void cluster_arrive_relaxed() {
  asm volatile("barrier.cluster.arrive.relaxed.aligned;" ::: "memory");
}
PTX_FN void cluster_wait() { asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory"); }
/* The address of the same place in the shared memory of block RANK of the cluster. */
PTX_FN uint32_t shared_of(uint32_t address, uint32_t rank) {
  uint32_t there;
  asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(address), "r"(rank));
  return there;
}
PTX_FN float load_cluster_1(uint32_t address) {
  float v;
  asm volatile("ld.shared::cluster.f32 %0, [%1];" : "=f"(v) : "r"(address));
  return v;
}
PTX_FN float4 load_cluster(uint32_t address) {
  float4 v;
  asm volatile("ld.shared::cluster.v4.f32 {%0, %1, %2, %3}, [%4];"
               : "=f"(v.x), "=f"(v.y), "=f"(v.z), "=f"(v.w)
               : "r"(address));
  return v;
}

template <int N>
PTX_FN void registers_up() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(N));
}
template <int N>
PTX_FN void registers_down() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(N));
}

/* A barrier of some warps of the block. */
PTX_FN void barrier(int id, int threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

/* ---- mbarriers ------------------------------------------------------------------------------- */

PTX_FN void mbarrier_init(uint32_t bar, uint32_t count) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(bar), "r"(count));
}
PTX_FN void fence_mbarrier_init() {
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}
PTX_FN void mbarrier_expect(uint32_t bar, uint32_t bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(bar), "r"(bytes)
               : "memory");
}
PTX_FN void mbarrier_arrive(uint32_t bar) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(bar) : "memory");
}
/* at that of block RANK of the cluster */
PTX_FN void mbarrier_arrive_at(uint32_t bar, uint32_t rank) {
  asm volatile(
      "{\n.reg .b32 there;\nmapa.shared::cluster.u32 there, %0, %1;\n"
      "mbarrier.arrive.shared::cluster.b64 _, [there];\n}" ::"r"(bar),
      "r"(rank)
      : "memory");
}
PTX_FN void mbarrier_wait(uint32_t bar, uint32_t parity) {
  asm volatile(
      "{\n.reg .pred p;\nagain:\n"
      "mbarrier.try_wait.parity.shared::cta.b64 p, [%0], %1;\n"
      "@p bra done;\nbra again;\ndone:\n}" ::"r"(bar),
      "r"(parity)
      : "memory");
}

/* ---- tiles between global and shared memory -------------------------------------------------- */

PTX_FN void tma_prefetch(const tensor_map *map) {
  asm volatile("prefetch.tensormap [%0];" ::"l"((uint64_t)map) : "memory");
}
/* A box of a tensor, its first element at x, y, z: x the contiguous axis, then further ones; what
 * lies outside is 0. Its bytes are counted by BAR. */
PTX_FN void tma_load(uint32_t to, const tensor_map *map, uint32_t bar, int x, int y, int z) {
  asm volatile(
      "cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes"
      " [%0], [%1, {%3, %4, %5}], [%2];" ::"r"(to),
      "l"((uint64_t)map), "r"(bar), "r"(x), "r"(y), "r"(z)
      : "memory");
}
PTX_FN void tma_load_5d(uint32_t to, const tensor_map *map, uint32_t bar, int x, int y, int z,
                        int z1, int z2) {
  asm volatile(
      "cp.async.bulk.tensor.5d.shared::cluster.global.mbarrier::complete_tx::bytes"
      " [%0], [%1, {%3, %4, %5, %6, %7}], [%2];" ::"r"(to),
      "l"((uint64_t)map), "r"(bar), "r"(x), "r"(y), "r"(z), "r"(z1), "r"(z2)
      : "memory");
}
/* To the same place of every block of the cluster in MASK, and counted by the barrier of each. */
PTX_FN void tma_load_multicast(uint32_t to, const tensor_map *map, uint32_t bar, uint16_t mask,
                               int x, int y, int z) {
  asm volatile(
      "cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes"
      ".multicast::cluster [%0], [%1, {%4, %5, %6}], [%2], %3;" ::"r"(to),
      "l"((uint64_t)map), "r"(bar), "h"(mask), "r"(x), "r"(y), "r"(z)
      : "memory");
}
PTX_FN void tma_load_multicast_5d(uint32_t to, const tensor_map *map, uint32_t bar, uint16_t mask,
                                  int x, int y, int z, int z1, int z2) {
  asm volatile(
      "cp.async.bulk.tensor.5d.shared::cluster.global.mbarrier::complete_tx::bytes"
      ".multicast::cluster [%0], [%1, {%4, %5, %6, %7, %8}], [%2], %3;" ::"r"(to),
      "l"((uint64_t)map), "r"(bar), "h"(mask), "r"(x), "r"(y), "r"(z), "r"(z1), "r"(z2)
      : "memory");
}

/* ---- products of warp groups ----------------------------------------------------------------- */

PTX_FN void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
PTX_FN void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int N>
PTX_FN void wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory");
}

/* A tile in shared memory with rows of 128 bytes, swizzled in groups of 8 rows; LEADING and STRIDE
 * in bytes. The contiguous axis is k: STRIDE from 8 rows to the next 8. It is m or n: LEADING from
 * 64 elements to the next 64, STRIDE from 8 k to the next 8. */
PTX_FN uint64_t wgmma_tile(uint32_t address, uint32_t leading, uint32_t stride) {
  return (uint64_t)((address & 0x3ffff) >> 4) | (uint64_t)(leading >> 4) << 16 |
         (uint64_t)(stride >> 4) << 32 | (uint64_t)1 << 62;
}

#define PTX_8  "%0,%1,%2,%3"
#define PTX_16 PTX_8 ",%4,%5,%6,%7"
#define PTX_32 PTX_16 ",%8,%9,%10,%11,%12,%13,%14,%15"
#define PTX_64 PTX_32 ",%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31"
#define PTX_128                                                                               \
  PTX_64                                                                                      \
      ",%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,%48,%49,%50,%51,%52," \
      "%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63"
#define PTX_256                                                                                 \
      ",%96,%97,%98,%99,%100,%101,%102,%103,%104,%105,%106,%107,%108,%109,%110,%111,%112,%113," \
      "%114,%115,%116,%117,%118,%119,%120,%121,%122,%123,%124,%125,%126,%127"

#define PTX_D4(i)  "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define PTX_D8(i)  PTX_D4(i), PTX_D4(i + 4)
#define PTX_D16(i) PTX_D8(i), PTX_D8(i + 8)
#define PTX_D32(i) PTX_D16(i), PTX_D16(i + 16)
#define PTX_D64(i) PTX_D32(i), PTX_D32(i + 32)

#define PTX_WGMMA(N, TYPE, A, B, P, TA, TB, ...)                                            \
  asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %" #P                                      \
               ", 0;\n"                                                                     \
               "wgmma.mma_async.sync.aligned.m64n" #N "k16.f32." TYPE "." TYPE " {" PTX_##N \
               "}, %" #A ", %" #B ", p, 1, 1, %" #TA ", %" #TB ";\n}"                       \
               : __VA_ARGS__                                                                \
               : "l"(a), "l"(b), "r"(more), "n"(MA), "n"(MB))

#define PTX_WGMMA_SIZES(TYPE)                                                                 \
  if constexpr (N == 8) PTX_WGMMA(8, TYPE, 4, 5, 6, 7, 8, PTX_D4(0));                         \
  if constexpr (N == 16) PTX_WGMMA(16, TYPE, 8, 9, 10, 11, 12, PTX_D8(0));                    \
  if constexpr (N == 32) PTX_WGMMA(32, TYPE, 16, 17, 18, 19, 20, PTX_D16(0));                 \
  if constexpr (N == 64) PTX_WGMMA(64, TYPE, 32, 33, 34, 35, 36, PTX_D32(0));                 \
  if constexpr (N == 128) PTX_WGMMA(128, TYPE, 64, 65, 66, 67, 68, PTX_D64(0));               \
  if constexpr (N == 256) PTX_WGMMA(256, TYPE, 128, 129, 130, 131, 132, PTX_D64(0), PTX_D64(64))

/* d[64, N] = A[64, 16] B[16, N] (+ d if MORE), of tiles; MA, MB: the contiguous axis is m, n. Row
 * 16 w + l / 4 + 8 r, column 8 j + 2 (l % 4) + c of lane l of warp w is d[4 j + 2 r + c]. */
template <int N, int MA, int MB, bool BRAIN>
PTX_FN void wgmma(float (&d)[N / 2], uint64_t a, uint64_t b, int more) {
  if constexpr (BRAIN) {
    PTX_WGMMA_SIZES("bf16");
  } else {
    PTX_WGMMA_SIZES("f16");
  }
}

#endif
