/* core: what a running kernel may ask of the emulator. Kernels (C++) and the core (C) both see it,
 * so it has no standard header in it: the text of a kernel may name its integers as it likes. */
#ifndef SIMT_CORE_H
#define SIMT_CORE_H

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct simt_dim {
  unsigned x, y, z;
} simt_dim;

typedef struct simt_here { /* where the thread stands that runs now */
  simt_dim thread, block, threads, blocks;
  unsigned rank, lane, warp; /* within its block */
  unsigned cluster_rank;     /* of its block */
  simt_dim cluster, clusters, cluster_blocks;
} simt_here;
extern simt_here *simt_now;

typedef struct simt_entry { /* a __global__ function, as its module tells of it */
  const char *name;
  void (*call)(void *const *params);
  int nparam;
  const unsigned *param_bytes;
  unsigned max_threads; /* of __launch_bounds__; 0: not said */
  unsigned cluster[3];  /* of __cluster_dims__; 0: not said */
} simt_entry;

/* ---- waiting --------------------------------------------------------------------------------- */

/* Until READY(arg) says so; WHAT is for the report of a deadlock. */
void simt_wait(int (*ready)(const void *arg), const void *arg, const char *what);
/* Looks again later at something that another block may change. */
void simt_spin(const char *what);
/* All lanes in MASK meet; the last one acts for all of them. arg[lane] is what each lane gave. */
void simt_meet(unsigned mask, const char *what, void *arg,
               void (*act)(unsigned mask, void *const *arg));
/* THREADS 0: all of the block that are still there. WAIT 0: arrives only. */
void simt_barrier(int id, int threads, int wait);
void simt_cluster_arrive(void);
void simt_cluster_wait(void);
unsigned simt_active(void); /* lanes of this warp that have not left */

/* Ends the kernel with a message that names the thread. */
__attribute__((noreturn, format(printf, 1, 2))) void simt_stop(const char *format, ...);

/* ---- shared memory --------------------------------------------------------------------------- */

/* Addresses are 32-bit, of this block; simt_shared_of: of another one in the cluster. */
void *simt_dynamic(void);
unsigned simt_shared(const void *p);
unsigned simt_shared_of(unsigned address, unsigned rank);
void *simt_shared_at(unsigned address, unsigned bytes); /* fails unless inside and aligned */
int simt_is_shared(const void *p);

void simt_mbarrier_init(unsigned bar, unsigned count);
void simt_mbarrier_expect(unsigned bar, unsigned bytes); /* without arriving */
void simt_mbarrier_arrive(unsigned bar, unsigned count);
int simt_mbarrier_test(unsigned bar, unsigned parity);
void simt_mbarrier_wait(unsigned bar, unsigned parity);
void simt_mbarrier_drop(unsigned bar);

/* ---- asynchronous copies --------------------------------------------------------------------- */

/* cp.async: ZERO the bytes from FROM_BYTES on. */
void simt_copy(unsigned to, const void *from, unsigned bytes, unsigned from_bytes);
void simt_copy_commit(void);
void simt_copy_wait(unsigned groups);
void simt_copy_arrive(unsigned bar, int counted); /* at BAR when this thread's copies are there */

enum { SIMT_PLAIN, SIMT_ADD, SIMT_MIN, SIMT_MAX };
/* Tiles. MASK: the blocks of the cluster that get it; 0: the block of TO. */
void simt_tile_load(unsigned to, const void *map, unsigned bar, unsigned mask, int rank,
                    const int *at);
void simt_tile_store(const void *map, unsigned from, int rank, const int *at, int how);
/* Lines of bytes. */
void simt_bulk_load(unsigned to, const void *from, unsigned bytes, unsigned bar, unsigned mask);
void simt_bulk_store(void *to, unsigned from, unsigned bytes);
void simt_bulk_commit(void);
void simt_bulk_wait(unsigned groups, int read_only);
void simt_remote_store(unsigned to, const void *from, unsigned bytes, unsigned bar);

/* ---- products -------------------------------------------------------------------------------- */

typedef enum simt_type { SIMT_F16, SIMT_BF16, SIMT_F32, SIMT_TF32 } simt_type;

/* d[16, 8] += a[16, 16] b[16, 8] in the fragments of mma.m16n8k16 (k8 for tf32); by a whole warp */
void simt_mma(float *d, const unsigned *a, const unsigned *b, const float *c, simt_type type);
/* d[64, N] (+)= A B; A_TILE, or the fragment A where it is not NULL. The sums hold nothing before
 * they are waited for. */
typedef struct simt_product {
  float *d;
  int n;
  const unsigned *a;
  unsigned long long a_tile, b_tile;
  int more, a_sign, b_sign, a_mn, b_mn;
  simt_type type;
} simt_product;
void simt_wgmma(const simt_product *p);
void simt_wgmma_fence(void);
void simt_wgmma_commit(void);
void simt_wgmma_wait(unsigned groups);
/* COUNT matrices of 8x8 16-bit elements between shared memory and registers; by a whole warp */
void simt_matrix_load(unsigned *r, unsigned address, int count, int transposed);
void simt_matrix_store(const unsigned *r, unsigned address, int count, int transposed);

float simt_half(unsigned short bits);      /* f16 to f32 */
unsigned short simt_to_half(float x);      /* nearest, ties to even */
float simt_brain(unsigned short bits);     /* bf16 */
unsigned short simt_to_brain(float x);

/* ---- checks ---------------------------------------------------------------------------------- */

/* Every access of a kernel that was compiled with TL_SIMT_CHECK=1: races in shared memory, global
 * memory touched before griddepcontrol.wait. */
void simt_touch(const void *p, unsigned bytes, int write);
void simt_grid_wait(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
