/* emit: kernel_code to CUDA C. Values become variables: one for all that a thread computes, one for
 * each of its repeats, or one for each lane, where they vary along the vector axis.
 *
 *   a thread computes `repeats` vectors of `lanes` neighbours along one axis; with 2 of 4:
 *   v0 = read X at i, j     float v0[8]; load_f16<4, 4>((const uint16_t *)a.t0 + i0[0] * a.n0 +
 * i1[0], &v0[0]); ... v1 = read S at i        float v1[2]; EACH(u, 2) v1[u] = get_f16((const
 * uint16_t *)a.t1 + i0[u]); v2 = v0 * v1            float v2[8]; EACH(l, 8) v2[l] = op_MUL(v0[l],
 * v1[l / 4]);
 *
 * What the text reads besides its indices are members of one struct of arguments, `a`: addresses,
 * sizes, strides, counters. So the text follows from the structure of the equations, and from few
 * facts of their sizes: which are 0 or 1, what divides them, whether 32 bits hold them. */
#ifndef TL_DEVICE_CUDA_EMIT_H
#define TL_DEVICE_CUDA_EMIT_H

#include "device/cuda/cuda.h"

/* ---- arguments (emit_args.c) ----------------------------------------------------------------- */

typedef struct cuda_args cuda_args;

cuda_args *cuda_args_open(device_bind *bind);
/* The C expressions of members; what was asked for before is found again. */
const char *cuda_args_tensor(cuda_args *args, const ir_tensor *t);     /* const char * or char * */
const char *cuda_args_room(cuda_args *args, int kind, int64_t offset); /* see cuda_reserve */
const char *cuda_args_number(cuda_args *args, const ir_expr *e, bool wide); /* int32_t or int64_t */
/* The same for what is no expression of sizes: a new member each time. */
const char *cuda_args_fixed(cuda_args *args, int64_t value, bool wide);
const char *cuda_args_divisor(cuda_args *args, int64_t value); /* see `divisor` in values.cuh */
void cuda_args_declare(const cuda_args *args, base_text *text, const char *name);
int cuda_args_count(const cuda_args *args);
/* The members, in order, between struct_open and struct_close. */
void cuda_args_pass(const cuda_args *args, cuda_launch *l, int stage);

/* ---- where things are ------------------------------------------------------------------------ */

typedef enum cuda_class { CUDA_ONE, CUDA_REPEAT, CUDA_LANE } cuda_class;

typedef struct cuda_axis {
  const ir_index *index;
  const char *text; /* a C expression of type idx; where it repeats, an array of them; NULL: 0, or
                     * merged with an axis inside of it, which then runs over both */
  bool repeats;
  int into; /* without text: the neighbour inside that it is merged with; -1: none */
} cuda_axis;

typedef struct cuda_home { /* of a tensor inside the kernel */
  const char *text;
  bool variable; /* TEXT is a variable of class CLASS; else the address of all of it */
  cuda_class class;
  ir_type type;       /* of its elements there */
  const char *memory; /* of a variable: where it is stored; NULL: in its tensor */
} cuda_home;

typedef struct cuda_frame {
  int lanes, repeats;
  int naxis;
  cuda_axis *axis;
  int vector;       /* axis, a multiple of `lanes` at each repeat; -1: none, and one lane */
  int fastest;      /* axis + 1 along which threads follow each other; 0: the last */
  bool whole;       /* lanes are there all or not at all */
  bool asks;        /* lanes may be missing: `valid` tells */
  bool wide;        /* idx is int64_t: see cuda_is_wide */
  cuda_home **home; /* by tensor id; NULL: none */
} cuda_frame;

/* Whether offsets and indices of these equations need 64 bits. */
bool cuda_is_wide(device_bind *bind, int neq, const kernel_eq *eq);

/* Lanes: 16 bytes of the narrowest element, 8 at most. */
int cuda_lanes_of(const kernel_code *code);
/* Which indices run as one. AXIS are put in the order in which the first stored output lies in
 * memory; indices of extent 1, and those that run through a merged axis further on, lose their
 * text. Returns the axis that lies closest, with a text; -1: there is none. */
int cuda_merge_axes(device_bind *bind, const kernel_code *code, int naxis, cuda_axis *axis);
/* Values that the axis takes: its extent, with those merged into it. */
int64_t cuda_axis_extent(device_bind *bind, const cuda_axis *axis, int which);

/* Elements by which an access moves along an index, as far as data does not say. */
int64_t cuda_access_step(device_bind *bind, const kernel_access *access, const ir_index *index);
/* Steps of an axis: its extent, of the vector axis in vectors; and those of axes [from, to)
 * together. */
int64_t cuda_steps(device_bind *bind, const cuda_frame *f, int axis);
int64_t cuda_points(device_bind *bind, const cuda_frame *f, int from, int to);
/* Variables for axes [from, to); and their values from the number `at`, an int32_t that is used up,
 * the last axis fastest. */
void cuda_put_axes(base_text *out, const cuda_frame *f, int from, int to);
void cuda_put_coordinates(device_bind *bind, cuda_args *args, base_text *out, const cuda_frame *f,
                          int from, int to);
const char *cuda_lanes_inside(device_bind *bind, cuda_args *args, const cuda_frame *f);

/* ---- emission -------------------------------------------------------------------------------- */

typedef struct cuda_emit cuda_emit;

/* Values of CODE as text, inside a function template <bool FULL> with `a`, the axes' texts, and
 * `valid`: lanes that are there, by repeat; not asked where FULL. Indices of repeats that are not
 * there must still be indices. */
cuda_emit *cuda_emit_open(device_bind *bind, const kernel_code *code, cuda_args *args,
                          const cuda_frame *frame);
/* What the values need from memory, then them, each once. */
void cuda_emit_values(cuda_emit *e, base_text *out, int n, const int *value);
/* Of what they need, only the reads whose place is known. */
void cuda_emit_loads(cuda_emit *e, base_text *out, int n, const int *value);
/* Start anew: in another scope nothing has been emitted. */
void cuda_emit_forget(cuda_emit *e);
cuda_class cuda_emit_class(const cuda_emit *e, int value);
const char *cuda_emit_type(const cuda_emit *e, int value); /* "float" ... */
/* VALUE inside a loop over lanes `l`, or repeats `u`, or outside of both. */
const char *cuda_emit_ref(const cuda_emit *e, int value, cuda_class loop);
/* Store VALUE where ACCESS says. */
void cuda_emit_store(cuda_emit *e, base_text *out, int value, const kernel_access *access);
/* The same for a variable of that class. */
void cuda_emit_store_as(cuda_emit *e, base_text *out, const char *name, cuda_class class,
                        const kernel_access *access);
/* The offset of ACCESS in elements, in a loop of that class; CHECK, unless NULL, gets the condition
 * that it is inside, NULL if it always is. */
const char *cuda_emit_offset(cuda_emit *e, base_text *out, const kernel_access *access,
                             cuda_class loop, const char **check);

/* The fewest elements that an access along the vector axis may move at once; `lanes` if there is
 * none. */
int cuda_emit_chunk(cuda_emit *e);

/* A whole function, static __device__ template <bool FULL> void NAME(const STRUCT &a, indices,
 * valid): values and stores of all outputs; repeats are arrays. GIVEN, unless NULL, is the name of
 * a last parameter, of lanes * repeats values of the computed TYPE. */
void cuda_emit_function(cuda_emit *e, base_text *out, const char *name, const char *args,
                        const char *given, ir_type type);

const char *cuda_c_type(ir_type computed); /* "float", "double", "int64_t", "bool" */
const char *cuda_element(ir_type stored);  /* "uint16_t" ..., as it lies in memory */
/* The neutral element, as C. */
const char *cuda_neutral(ir_agg agg, ir_type computed);
const char *cuda_combine(ir_agg agg); /* "op_ADD" ... */

/* cuda_source, types of elements and operations, and what idx is. */
base_text cuda_emit_source(device_bind *bind, bool wide);

extern const char cuda_text_values[], cuda_text_any[], cuda_text_map[], cuda_text_row[];

/* ---- implementations ------------------------------------------------------------------------- */

device_launch *cuda_prepare_any(device_bind *bind); /* every shape: a launch for each equation */
device_launch *cuda_fall_back(device_bind *bind, const char *why); /* the same, said in the log */
device_launch *cuda_prepare_map(device_bind *bind); /* map: all segments in one launch */
device_launch *cuda_prepare_row(device_bind *bind);

#endif
