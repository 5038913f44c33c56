/* Private to src/device/cuda: the device, and what its implementations share. An implementation's
 * `prepare` writes CUDA C, has it compiled, and describes launches; launch.c runs them, one by one
 * or recorded in a graph. */
#ifndef TL_DEVICE_CUDA_H
#define TL_DEVICE_CUDA_H

#include "device/cuda/driver.h"
#include "device/device.h"

struct cuda_cache;                    /* compiled kernels: compile.c */
struct cuda_staging;                  /* pinned memory: transfer.c */
struct cuda_recording;                /* a graph being built: graph.c */

enum { CUDA_LAST = 4 };               /* launches remembered, to be named when the device fails */

typedef struct cuda_device {
  device head;
  cuda_driver driver;
  cuda_nvrtc nvrtc;
  base_arena *arena;                  /* lives as long as the device */
  base_map *names;
  char name[128];                     /* "NVIDIA H200" */
  CUdevice id;
  CUcontext context;
  CUstream stream;
  bool own_stream;
  int major, minor;                   /* compute capability */
  int sms, threads_per_sm, registers_per_sm;
  int shared_per_sm, shared_per_block;   /* bytes; the latter with opting in */
  int64_t l2, memory;                 /* bytes */
  const char *lost;                   /* why nothing can run any more; NULL: it can */
  const char *last[CUDA_LAST];        /* names of the last kernels queued */
  unsigned queued;
  device_buffer *scratch, *zeros;     /* shared by all launches, in the stream's order */
  struct cuda_cache *cache;
  struct cuda_staging *staging;
  struct cuda_recording *recording;   /* NULL: launches are queued */
} cuda_device;

static inline cuda_device *cuda_of(const device *d) { return (cuda_device *)(void *)d; }

/* ---- errors ---------------------------------------------------------------------------------- */

/* Raises BASE_DEVICE unless RESULT is success: "cuGraphLaunch: an illegal memory access ...". An
 * error after which the context is of no use is kept in `lost`, and every later call raises it. */
void cuda_check(cuda_device *d, CUresult result, const char *what);
/* NULL: R is success; else why the driver does not start, in the arena. */
const char *cuda_start_error(base_arena *arena, const cuda_driver *v, CUresult r);
/* TEXT, kept as long as the device: an error may show long after its launch is gone. */
const char *cuda_name(cuda_device *d, const char *text);
void cuda_alive(cuda_device *d);      /* raises if the device is lost; makes its context current */

/* ---- compiling ------------------------------------------------------------------------------- */

typedef struct cuda_kernel {          /* lives as long as the device */
  const char *entry;
  CUfunction function;
  int registers, local, shared;       /* a thread; bytes a thread (spills); static bytes a block */
  int threads;                        /* a block may have */
} cuda_kernel;

typedef struct cuda_options {         /* zero: the default of each */
  int max_registers;
  int shared;                         /* dynamic bytes a launch may ask for */
  bool wide_clusters;                 /* clusters of more than 8 blocks */
  const char *const *defines;         /* "NAME" or "NAME=VALUE", ends with NULL */
} cuda_options;

/* The text every source starts with: integer types, TL_SHARED, and the PTX of ptx.cuh. */
base_text cuda_source(device_bind *bind);
/* ENTRY is an extern "C" __global__ function of SOURCE. From memory, from disk or compiled; raises
 * with the compiler's message. Sizes belong into parameters, never into the source. */
cuda_kernel *cuda_compile(device_bind *bind, const char *entry, const base_text *source,
                          const cuda_options *options);
/* How many blocks of this launch a multiprocessor takes at a time. */
int cuda_blocks_per_sm(device_bind *bind, const cuda_kernel *k, int block, int shared);

/* ---- launches -------------------------------------------------------------------------------- */

typedef enum cuda_param_kind {
  CUDA_POINTER,                       /* of a tensor, of scratch or of zeros */
  CUDA_NUMBER,                        /* bytes that do not change */
  CUDA_COUNTER,                       /* i64, of an expression over loop counters */
  CUDA_MAP                            /* a CUtensorMap */
} cuda_param_kind;

enum { CUDA_SCRATCH = -1, CUDA_ZEROS = -2 };   /* in place of a tensor's id */

typedef struct cuda_place {           /* an address: known anew in each run */
  int tensor;                         /* id, or CUDA_SCRATCH, CUDA_ZEROS */
  int64_t offset;                     /* bytes */
  const ir_expr *moving;              /* over loop counters; NULL: it stays */
  int64_t scale;                      /* bytes for each of `moving` */
} cuda_place;

typedef struct cuda_map {             /* what cuTensorMapEncodeTiled takes; positions inner first */
  cuda_place at;                      /* 16-byte aligned */
  int type, rank;                     /* CU_TENSOR_MAP_DATA_TYPE_ */
  uint64_t size[5], stride[5];        /* stride[k], in bytes, of position k + 1 */
  uint32_t box[5], step[5];           /* step 0: 1 */
  int swizzle, promotion;
} cuda_map;

typedef struct cuda_param {
  uint8_t kind;
  int at, bytes;                      /* in the stage's parameter block */
  cuda_place place;                   /* POINTER */
  const ir_expr *counter;             /* COUNTER */
  const cuda_map *map;                /* MAP */
  uint64_t filled;                    /* MAP: the address that it was made for */
} cuda_param;

typedef struct cuda_stage {           /* one kernel launch */
  cuda_kernel *kernel;
  unsigned grid[3], block, shared;    /* a grid of 0: not launched */
  unsigned cluster[3];                /* cluster[0] 0: none */
  bool overlap;                       /* it waits for the kernel before it by griddepcontrol */
  bool in_struct;                     /* between cuda_struct_open and _close */
  BASE_VEC(cuda_param) params;
  BASE_VEC(int) starts;               /* of the kernel's parameters, in `values` */
  char *values;                       /* the parameter block, 128-aligned */
  int bytes, cap;
  void **argument;                    /* of each parameter, in `values`; made at the first run */
  const char *name;                   /* for messages: the kernel's entry, unless set */
} cuda_stage;

typedef struct cuda_launch {
  device_launch head;
  cuda_device *device;
  base_arena *arena;
  const kernel *kernel;
  int nstage;
  cuda_stage *stage;
  size_t scratch, zeros;              /* bytes asked for */
} cuda_launch;

/* A launch of N stages, grids of 1 x 1 x 1, without parameters. `prepare` returns its head. */
cuda_launch *cuda_launch_new(device_bind *bind, int n);
void cuda_run(device_launch *self, void *const *data, const int64_t *symbols);

/* Parameters of stage S in the order of the kernel's. What is passed between struct_open and
 * struct_close is one parameter, a struct with these members, aligned as C does. */
void cuda_struct_open(cuda_launch *l, int s);
void cuda_struct_close(cuda_launch *l, int s);
void cuda_pass_tensor(cuda_launch *l, int s, const ir_tensor *t, int64_t offset);   /* bytes */
void cuda_pass_place(cuda_launch *l, int s, const cuda_place *place);
void cuda_pass_map(cuda_launch *l, int s, const cuda_map *map);                      /* copied */
void cuda_pass_bytes(cuda_launch *l, int s, const void *bytes, size_t n, size_t align);
void cuda_pass_i32(cuda_launch *l, int s, int32_t value);
void cuda_pass_i64(cuda_launch *l, int s, int64_t value);
void cuda_pass_f32(cuda_launch *l, int s, float value);
/* i64: its value now if it has no loop counter, else in each run. */
void cuda_pass_expr(cuda_launch *l, int s, device_bind *bind, const ir_expr *e);

/* Room for this launch alone while it runs, 256-byte aligned; returns the offset to pass in a
 * cuda_place with CUDA_SCRATCH. With CUDA_ZEROS: zero at the start, to be left zero. Raises. */
int64_t cuda_reserve(cuda_launch *l, int kind, size_t bytes);

/* ---- between the files of the folder --------------------------------------------------------- */

extern const device_memory cuda_memory;
extern const device_recorder cuda_recorder;
void cuda_record_stage(cuda_device *d, const cuda_stage *stage);
void cuda_record_zero(cuda_device *d, const void *at, size_t bytes);
char *cuda_block_of(base_arena *arena, int bytes);   /* for parameters, aligned for a CUtensorMap */
void cuda_write(device *self, void *to, const void *from, size_t bytes);
void cuda_read(device *self, void *to, const void *from, size_t bytes);
void cuda_staging_open(cuda_device *d);
void cuda_staging_close(cuda_device *d);
void cuda_cache_open(cuda_device *d);
void cuda_cache_close(cuda_device *d);

/* Texts of the .cuh files: cuda_text_NAME. */
extern const char cuda_text_prelude[];
extern const char cuda_text_ptx[];

#endif
