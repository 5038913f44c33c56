/* kernel: the contract between compiler and devices. A kernel is a small DAG of equations over
 * one iteration frame; any of them may be an output. It says what is computed and what runs
 * together; how is the device's choice. Sizes are symbols still: a device prepares a kernel when
 * they are known. */
#ifndef TL_KERNEL_H
#define TL_KERNEL_H

#include "ir/ir.h"

typedef enum kernel_shape {
  KERNEL_MAP,        /* no projection: one frame, any chain, any broadcasting; many segments */
  KERNEL_ROW,        /* reductions along common indices with what feeds and follows them */
  KERNEL_CONTRACT,   /* sums of products of two reads into one accumulator; what follows on it */
  KERNEL_ATTEND,     /* two products around a softmax-like row, forward or backward */
  KERNEL_SCATTER,    /* writes whose place depends on data, or could not be inverted */
  KERNEL_SCAN,       /* a recurrence along one index inside the kernel */
  KERNEL_SHAPES
} kernel_shape;
const char *kernel_shape_name(kernel_shape shape);

/* Where the value of an equation lives. All but GLOBAL are read inside the segment only. What is
 * defined inside, GLOBAL or not, is read inside at exactly the positions it is defined at, so at
 * one frame point the equations can run one after another, with memory for one point:
 *   MAP       REGISTER: one value a point
 *   ROW       REGISTER: one value a frame point;   LINE: one for each point of the line
 *   CONTRACT  TILE: over the frame (batch, m, n): the accumulator, and maps that follow it
 *   ATTEND    LINE: one value a frame point (maximum, sum);   TILE: more, as the scores are
 * Subexpressions without an index are uniform: devices compute them once a run. */
typedef enum kernel_level { KERNEL_GLOBAL, KERNEL_TILE, KERNEL_LINE, KERNEL_REGISTER } kernel_level;

typedef struct kernel_eq {
  ir_eq *eq;               /* on the segment's indices: the same ir_index where they run together */
  kernel_level level;      /* GLOBAL: stored (and perhaps read inside too, at its own positions) */
  bool partial;            /* reduces over indices of the frame: first a result a chunk, then one */
} kernel_eq;

typedef struct kernel_product {   /* a term of an accumulator: A * B, each a READ, perhaps cast */
  const ir_expr *a, *b;
} kernel_product;

typedef struct kernel_segment {   /* equations over one frame, in dependency order */
  int nframe; const ir_index **frame;  /* every equation runs over it; a partial one reduces some */
  /* ROW: run over inside a frame point; an equation runs over all of it (free: a map; projected: a
   * reduction) or none.
   * ATTEND: the row index; its products have more indices, projected (scores) or free (result).
   * SCATTER: the projected indices, frame being those of its left side. */
  int nline;  const ir_index **line;
  int neq;    kernel_eq *eq;
  /* CONTRACT: indices and products of the equation eq[main], whose free indices are the frame.
   * m: in A only, n: in B only, batch: in both and free, k: projected. Either may be empty. */
  int main;
  int nbatch, nm, nn, nk;
  const ir_index **batch, **m, **n, **k;
  int nproduct; kernel_product *product;
  /* SCAN: reads of the segment's own tensors along this index reach back by one step */
  const ir_index *scan; bool down;
} kernel_segment;

typedef struct kernel {
  kernel_shape shape;
  int id;                         /* position in its schedule */
  int nsegment; kernel_segment *segment;
  int nread;  ir_tensor **read;   /* distinct tensors read from memory */
  int nwrite; ir_tensor **write;  /* distinct tensors stored */
  bool zero_first;                /* SCATTER: it fills all of its head, agg's neutral at first */
} kernel;

/* FLOP and bytes moved for given symbols, for `explain`, the cost model and the benchmark. */
double kernel_flop(const kernel *k, const int64_t *symbols);
double kernel_bytes(const kernel *k, const int64_t *symbols);
void kernel_print(base_text *text, const kernel *k);

#include "kernel/code.h" /* bodies as linear programs */

#endif
