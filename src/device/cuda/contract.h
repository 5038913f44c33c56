/* contract: sums of products on the GPU. Private to contract*.c.
 *
 * A segment is C[batch, m, n] = sum over its products and over k of A[batch, m, k] B[batch, k, n],
 * each of the four a list of indices. What follows runs on the sums in registers, as a body. */
#ifndef TL_DEVICE_CUDA_CONTRACT_H
#define TL_DEVICE_CUDA_CONTRACT_H

#include "device/cuda/emit.h"

enum { CONTRACT_Z = 3, CONTRACT_TERMS = 4 };

typedef struct contract_indices { /* a list, the last fastest, and how many points it has */
  int n;
  const ir_index *const *index;
  int64_t count;
} contract_indices;

typedef struct contract_axis { /* a list walked as one: a stride in elements; or it cannot be */
  int64_t extent, step;
  bool one;
} contract_axis;

/* ---- factors (contract_factor.c) ------------------------------------------------------------- */

typedef struct contract_factor {
  const ir_expr *read;
  ir_type type;          /* of its elements in the product */
  const char *why;       /* it cannot be walked by strides; NULL: it can */
  cuda_place at;         /* of its first element */
  contract_axis row, k;  /* row: m of A, n of B */
  int64_t *batch;        /* strides of the segment's batch indices */
  int64_t z[CONTRACT_Z]; /* of its axes of batches */
  bool early;            /* nothing in this program writes it */
} contract_factor;

/* ---- a segment (contract.c) ------------------------------------------------------------------ */

typedef struct contract {
  device_bind *bind;
  const kernel_segment *seg;
  contract_indices batch, m, n, k; /* n: along which the results lie side by side */
  bool swapped;                    /* m and n are the kernel's n and m */
  int nz;
  int64_t z[CONTRACT_Z]; /* extents of the axes of batches, inner first */
  int terms;
  contract_factor a[CONTRACT_TERMS], b[CONTRACT_TERMS];
} contract;

contract_indices contract_indices_of(const device_bind *bind, int n, const ir_index *const *index);
/* NULL, or why the products cannot be taken by the matrix unit. */
const char *contract_of(device_bind *bind, const kernel_segment *seg, contract *c);

/* A factor of one of the products; A: rows are m. */
contract_factor contract_factor_of(const contract *c, const ir_expr *e, bool is_a);
bool contract_can_tile(const contract_factor *f); /* TMA can read it as it lies */
/* The tiles of a factor in boxes of 64 along the contiguous axis and LINES along the other. */
bool contract_by_rows(const contract_factor *f); /* rows lie side by side, not k */
void contract_pass_map(const contract *c, const contract_factor *f, cuda_launch *l, int stage,
                       int lines);

/* Stage STAGE of L copies F to scratch memory so that TMA can read it, with rows or with k side by
 * side (contract_pack.c). */
void contract_pack(const contract *c, contract_factor *f, bool is_a, bool by_rows, cuda_launch *l,
                   int stage);

/* ---- what follows (contract_body.c) ---------------------------------------------------------- */

int contract_vector(const contract *c); /* sums that `body` takes: 8 or 1 */
/* Text of `body`, which contract_wgmma.cuh asks for, and its arguments. */
cuda_args *contract_body(const contract *c, base_text *text, bool wide);

/* ---- choice (contract_tile.c) ---------------------------------------------------------------- */

typedef struct contract_tile {
  int rows, cols, stages, cluster, split;
  bool staged, turned;
} contract_tile;

/* The tile that the model of time takes for the best. */
contract_tile contract_choose(const cuda_device *d, const contract *c);
int contract_shared(const contract *c, const contract_tile *t); /* dynamic bytes of a block */
double contract_microseconds(const cuda_device *d, const contract *c, const contract_tile *t);

/* ---- implementations ------------------------------------------------------------------------- */

const char *cuda_refuse_simt(const device *d, const kernel *k);
device_launch *cuda_prepare_simt(device_bind *bind);
const char *cuda_refuse_wgmma(const device *d, const kernel *k);
device_launch *cuda_prepare_wgmma(device_bind *bind);

extern const char cuda_text_ptx_hopper[], cuda_text_contract_wgmma[],
    cuda_text_contract_simt[];

#endif
