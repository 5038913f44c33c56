/* nest: equations over one frame as loops around tile programs. Private to the CPU device.
 *
 *   for each unit of the frame, in parallel      a frame point, or a strip of the vector axis
 *     for each pass                              equations that run along the same inner axes
 *       for each point of the pass's free loops
 *         start
 *         for each point of its projected loops: body
 *         finish                                 each a vm program over one line
 *
 * In strips the vector axis is an index of the frame, and what is one value a frame point is a
 * vector of the strip. In lines each pass runs along one of its own inner axes. */
#ifndef TL_DEVICE_CPU_NEST_H
#define TL_DEVICE_CPU_NEST_H

#include "device/cpu/vm.h"
#include "device/device.h"

/* ---- operands -------------------------------------------------------------------------------- */

/* What a cursor starts from: a tensor by its id, or one of these. */
enum {
  CPU_NUMBER = -1,  /* 0: the cursor is a number, not an address */
  CPU_FIXED = -2,   /* address 0: the offset is an address */
  CPU_LOCAL = -3,   /* the worker's scratch */
  CPU_CHUNK = -4,   /* the chunk's part of the partial results */
  CPU_DERIVED = -5, /* set by the line program */
  CPU_BLOCK = -6,   /* the caller's scratch for the rows it runs */
  CPU_SCALAR = -7,  /* homes only: the worker's scalar of that number */
};

enum { CPU_AXES = 64 }; /* of a nest, at most */

typedef struct cpu_cursor { /* source + offset + scale late + sum of step[axis] index[axis] */
  int source;
  int64_t offset;
  const ir_expr *late; /* over loop counters, known at each run; NULL: none */
  int64_t scale;
  int64_t *step; /* by axis of the nest */
} cpu_cursor;

typedef struct cpu_home { /* where a tensor lives inside the kernel */
  ir_type type;           /* of its elements there */
  int source;
  int64_t offset;
  bool whole; /* all of it, row-major; else only its own positions, so far apart along these
                 indices: */
  int n;
  const ir_index **index;
  int64_t *step; /* bytes */
} cpu_home;

/* ---- passes and nests ------------------------------------------------------------------------ */

typedef struct cpu_level { /* a loop: moves by the steps of AXIS; adjacent loops that allow it are
                              merged */
  int axis;
  int64_t extent;
} cpu_level;

typedef struct cpu_pool { /* the parts of a frame that the programs of a pass use */
  int scalars, slots, wides, masks, ranges;
  BASE_VEC(float) constant; /* initial scalars */
} cpu_pool;

typedef struct cpu_pass {
  int v;               /* vector axis; -1: one element */
  int64_t n;           /* its extent; of strips, the whole axis */
  bool reduces, along; /* projects inner axes; the vector axis among them */
  int nloop, nouter;   /* loops: free ones, then projected ones */
  cpu_level *loop;
  BASE_VEC(int) cursor;        /* those it uses */
  vm_code start, body, finish; /* without loops, body is all of it */
  int64_t **turn; /* by loop: what each cursor moves by when it takes a step and those inside begin
                     again */
} cpu_pass;

typedef struct cpu_partial { /* a reduction over the frame: one result for each chunk, then these
                                joined in order */
  const kernel_eq *eq;
  int64_t offset, count; /* in the chunk's memory, and elements */
  int64_t *step;         /* there, by axis */
  cpu_cursor to;         /* where the result goes, and as what */
  ir_type type;
} cpu_partial;

typedef struct cpu_worker {
  int64_t *home; /* the cursors at the current unit */
  int64_t *work; /* twice as many, for a pass with loops */
  vm_frame *frame;
  char *local, *block;
} cpu_worker;

typedef struct cpu_nest {
  device_bind *bind;
  const vm_machine *vm;
  base_arena *arena;
  int naxis, nframe; /* the axes of the frame come first */
  const ir_index **index;
  int64_t *extent;
  cpu_home **home; /* by tensor id; NULL: memory as given */
  bool strips;
  int64_t strip; /* elements of a strip */
  int nlevel;    /* loops of the frame; in strips the last is the strips */
  cpu_level *level;
  int64_t **turn; /* as in a pass */
  int64_t units;
  int ntile[3]; /* levels of batch, m, n; the vector axis is the last of n */
  int npass;
  cpu_pass **pass;
  BASE_VEC(cpu_cursor) cursor;
  cpu_pool pool;
  vm_code unit; /* all passes of a unit as one line program, where they are short */
  int64_t local_bytes, chunk_bytes;
  char *chunk; /* nchunk times chunk_bytes */
  int npartial, nchunk;
  cpu_partial *partial;
  int nworker;
  cpu_worker *worker;
  bool late, streams;
  int scan; /* axis; -1: none */
  int64_t scan_at, scan_by;  /* its first value; its change from step to step */
  int64_t scan_steps;        /* each unit runs so many before the next */
  int64_t *scan_turn;
  double cost; /* estimated, nanoseconds */
  /* of this run */
  void *const *data;
  const int64_t *symbols;
  int64_t *base;      /* by tiles: the cursors at the first point */
  int64_t tile_bytes; /* of an element of a tile */
} cpu_nest;

typedef struct cpu_spec {
  int nframe;
  const ir_index *const *frame;
  int neq;
  const kernel_eq *eq;
  cpu_home **home; /* by tensor id: tensors that live elsewhere; may be NULL */
  const kernel_eq
      *given;   /* the one of EQ whose value lies in its home; it is stored if it is global */
  bool rows;    /* run by cpu_nest_rows */
  int ntile[3]; /* run by tiles: so many indices of the frame are batch, m and n; all 0: not */
  const ir_index *scan; /* set by the caller before each run (scan_at); NULL: none */
  bool steps, down;     /* or run through at each unit, up or down */
  bool scatter; /* the one equation adds to memory that is there, at places data may say; what is
                 * not of the frame is projected */
} cpu_spec;

/* Prepare equations to run together. NULL when they do not fit the form, WHY saying it. Raises for
 * lack of memory. */
cpu_nest *cpu_nest_make(device_bind *bind, const cpu_spec *spec, const char **why);

/* Whether it is long and reduces, yet has too few units to share. */
bool cpu_nest_is_thin(const cpu_nest *nest);

/* A run: set up, every worker's share (from any thread), then the partial results. */
void cpu_nest_begin(cpu_nest *nest, void *const *data, const int64_t *symbols);
void cpu_nest_share(cpu_nest *nest, int worker);
void cpu_nest_end(cpu_nest *nest);
void cpu_nest_run(cpu_nest *nest, void *const *data, const int64_t *symbols);

/* Of a nest by tiles: the points [m0, m0 + mc) x [n0, n0 + nc) of BATCH, the home of the given
 * value being the tile at C with rows LDC bytes apart. For use between begin and end, from any
 * thread with a worker of its own. */
void cpu_nest_tile(cpu_nest *nest, int worker, int64_t batch, int64_t m0, int64_t n0, int mc,
                   int nc, char *c, int64_t ldc);

/* Of a nest by rows: the frame points [from, to), counted through the frame's indices, the last
 * fastest; its blocks' homes start at BLOCK for the first of them. */
void cpu_nest_rows(cpu_nest *nest, int worker, int64_t from, int64_t to, char *block);

int64_t cpu_level_step(const cpu_nest *nest, const cpu_cursor *c, int d);
int cpu_nest_axis(const cpu_nest *nest, const ir_index *index); /* -1: none */

/* ---- programs (emit.c) ----------------------------------------------------------------------- */

typedef struct cpu_emit cpu_emit;

/* Lower CODE for a pass: stores and reductions are added one by one, then the program is closed. */
cpu_emit *cpu_emit_open(cpu_nest *nest, cpu_pass *pass, const kernel_code *code);
void cpu_emit_store(cpu_emit *e, int value, ir_type type, int cursor, int64_t step);
int cpu_emit_reduce(cpu_emit *e, int value,
                    ir_agg agg); /* into an accumulator of the frame, returned */
void cpu_emit_accumulate(cpu_emit *e, int value, ir_agg agg,
                         int cursor); /* into memory along the line */
void cpu_emit_scatter(cpu_emit *e, int value, ir_agg agg,
                      const kernel_access *access); /* into the place data says */
void cpu_emit_load_scalar(cpu_emit *e, int scalar); /* into x */
void cpu_emit_put_scalar(cpu_emit *e, int value, int scalar);
int cpu_emit_reduce_short(cpu_emit *e, int value, ir_agg agg,
                          int scalar); /* a line of one tile: into a scalar (< 0: a new one) */
vm_code cpu_emit_close(cpu_emit *e);
vm_code cpu_emit_close_all(cpu_emit *start, cpu_emit *body,
                           cpu_emit *finish); /* one after another, START as for a line */

/* The programs of passes without loops as one: lines of N elements each. */
vm_code cpu_emit_unit(cpu_nest *nest, int npass, cpu_pass *const *pass);
/* Let the stores of finished CODE through CURSOR go past the cache. False: it has none that can. */
bool cpu_emit_stream(const cpu_nest *nest, const vm_code *code, int cursor);

/* Short programs by hand. COMPUTED is the accumulator's type, that of the equation's body. */
void cpu_emit_neutral(cpu_emit *e, ir_agg agg, ir_type computed, int accumulator);
void cpu_emit_neutral_strip(cpu_emit *e, ir_agg agg, ir_type computed, int cursor);
void cpu_emit_fold(cpu_emit *e, ir_agg agg, ir_type computed,
                   int accumulator); /* into x, or the wide slot it came from */
void cpu_emit_load(cpu_emit *e, ir_type computed, int cursor); /* into x, or a wide slot */
void cpu_emit_put(cpu_emit *e, ir_type computed, ir_type type, int cursor,
                  int64_t step); /* store x, or that slot */
void cpu_emit_join(cpu_emit *e, ir_agg agg, ir_type computed,
                   int cursor); /* into one element of memory */

/* The place an access of the code stands for: its cursor, and its step along the vector axis. */
int cpu_emit_place(cpu_emit *e, const kernel_access *access, int64_t *step);
int64_t cpu_home_step(const cpu_home *home, const ir_index *index);
cpu_cursor cpu_home_cursor(cpu_nest *nest, const cpu_home *home);
ir_type cpu_stored_type(const cpu_nest *nest, const ir_tensor *t); /* of its elements in memory */
/* In HOME, which holds the whole tensor; NULL: in the tensor's own memory. */
cpu_cursor cpu_access_cursor(cpu_nest *nest, const kernel_access *access, const cpu_home *home);
int cpu_pass_cursor(cpu_nest *nest, cpu_pass *pass,
                    const cpu_cursor *cursor); /* its number in the nest */

/* Bytes by which an access moves along AXIS; false: it depends on data there. */
bool cpu_access_step(const cpu_nest *nest, const kernel_code *code, const kernel_access *access,
                     int axis, int64_t *step);
bool cpu_value_moves(const cpu_nest *nest, const kernel_code *code, int value, int axis);

#endif
