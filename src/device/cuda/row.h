/* Private to row*.c: the reductions of a segment as launches. */
#ifndef TL_DEVICE_CUDA_ROW_H
#define TL_DEVICE_CUDA_ROW_H

#include "device/cuda/emit.h"

typedef struct row_job { /* a segment */
  device_bind *bind;
  const kernel_segment *seg;
  kernel_code *code; /* all its equations: outputs in their order */
  int *depth;        /* by output: reductions that stand one behind another before it */
  bool wide;
  int64_t *room; /* by tensor id: offset in scratch + 1 of what one launch leaves for others */
  cuda_launch *launch;
} row_job;

typedef struct row_part { /* one launch: reductions over a line at each point of a frame */
  int nframe, nline;
  const ir_index **frame, **line;
  int nred, nstore,
      nfinish; /* outputs: reductions; maps at each point of the line; maps of the frame */
  int *red, *store, *finish;
} row_part;

typedef struct row_form { /* a part being written; axes: those of the frame, of the line, others */
  const row_job *job;
  const row_part *part;
  cuda_args *args;
  cuda_frame frame;
  int line_vector, frame_vector; /* the closest axis of each; -1: none */
  int64_t rows, steps;           /* points of the frame, and of the line, in vectors */
  int at_once;                   /* blocks of a multiprocessor to leave registers for; 0: any */
  base_text text;                /* of the kernel */
} row_form;

enum { ROW_SHARED = 256 }; /* bytes that one reduction over a block needs */

static inline const ir_eq *row_eq(const row_job *job, int output) {
  return job->code->outputs.at[output].eq->eq;
}
static inline bool row_reduces(const row_job *job, int output) {
  return row_eq(job, output)->nred > 0;
}
ir_type row_type(const row_job *job, int output);   /* of the accumulator */
const char *row_by(const row_job *job, int output); /* "by_ADD" */

/* Axes in order, merged; homes in memory of what earlier launches left. */
void row_open(row_form *f, const row_job *job, const row_part *part);
/* Lanes along axis WHICH, as many as may be moved at once; and REPEATS of the line. */
void row_set_lanes(row_form *f, int which, int most, int repeats);
void row_set_repeats(row_form *f, int repeats);
/* Results of this part's reductions are variables r0.. of that class from here on. */
void row_name_results(row_form *f, cuda_class class);
int row_reads(const row_job *job); /* along the line */

/* Lines: all outputs of all depths, a line held in a group's registers. */
bool row_fits_registers(const row_job *job, const row_part *part);
void row_registers(const row_job *job, const row_part *part);
/* One depth: lines of any length, by one block or several. */
void row_split(const row_job *job, const row_part *part);
/* One depth: vectors along the frame. */
bool row_prefers_columns(const row_job *job, const row_part *part);
void row_columns(const row_job *job, const row_part *part);

/* Shared by the last two (row_step.c). */
void row_put_step(row_form *f, base_text *out);
void row_put_call(const row_form *f, base_text *out);
void row_put_finish(row_form *f, base_text *out);
void row_launch(row_form *f, const base_text *functions, int64_t blocks, int block, int shared);

#endif
