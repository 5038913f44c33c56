/* place: what gemm has to know of the reads and the left sides of equations. Private to the CPU
 * device. */
#ifndef TL_DEVICE_CPU_PLACE_H
#define TL_DEVICE_CPU_PLACE_H

#include "device/cpu/gemm.h"
#include "device/device.h"

typedef struct cpu_place { /* of the elements of a read or of a left side */
  device_bind *bind;
  const ir_tensor *tensor;
  int64_t stride[64], size[64];
  ir_affine *position;
  const char *why; /* it cannot be given to gemm; NULL: it can */
} cpu_place;

typedef struct cpu_start { /* of the element where all indices are 0 */
  const ir_tensor *tensor;
  int64_t offset;      /* elements */
  const ir_expr *late; /* and this many, known at each run; NULL: none */
} cpu_start;

typedef struct cpu_indices { /* run through as one, the last fastest */
  int n;
  const ir_index *const *index;
  int64_t extent[64], count;
} cpu_indices;

cpu_indices cpu_indices_of(const device_bind *bind, int n, const ir_index *const *index);
cpu_place cpu_place_of(device_bind *bind, const ir_tensor *t, const ir_expr *const *position);
int64_t cpu_place_step(const cpu_place *p, const ir_index *index); /* elements */
cpu_axis cpu_offsets(const cpu_place *p, const cpu_indices *a);
/* START + the sum of step[i] index[i]: a stride where one is enough, else a table. */
cpu_axis cpu_table(device_bind *bind, const cpu_indices *a, const int64_t *step, int64_t start);
cpu_start cpu_start_of(const cpu_place *p);
void *cpu_start_at(const cpu_start *f, void *const *data, const int64_t *symbols);
bool cpu_gemm_type(ir_type type, cpu_type *out);

/* A factor is a read, widened perhaps: NULL, or why E is none. */
const char *cpu_refuse_factor(const ir_expr *e);

/* Fills all of M but its address, which is F's. NULL, or why
 * gemm cannot take it. */
const char *cpu_add_factor(device_bind *bind, const ir_expr *e, cpu_matrix *m, cpu_start *f,
                           const cpu_indices *batch, const cpu_indices *row,
                           const cpu_indices *col);

#endif
