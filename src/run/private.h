/* Private to src/run. */
#ifndef TL_RUN_PRIVATE_H
#define TL_RUN_PRIVATE_H

#include "run/run.h"

struct run_session {
  base_ctx *ctx;
  device *device;
  device *gpu;                   /* beside it, for `auto`; NULL: there is none */
  run_config config;
  run_plan **plan;               /* the cache */
  int nplan, capacity;
  uint64_t clock;                /* for least recently used */
  base_arena *arena;             /* of the names */
  base_map *names;               /* of tensors whose buffers outlive their plan */
  run_stats stats;
};

/* A plan whose sizes are known: every kernel prepared, every offset computed. */
typedef struct run_binding {
  base_arena *arena;
  uint64_t used;
  int64_t *size;                 /* of all leaves' positions in order: what it is found again by */
  int64_t *symbols;              /* by symbol id; counters are set while running */
  device_launch **launch;        /* by kernel id */
  int64_t *offset;               /* of WORK tensors, by tensor id */
  int64_t work_bytes;
  int64_t *bytes;                /* of each tensor, by id */
  void **data;                   /* by tensor id, of the run under way */
  bool *zeroed;                  /* by tensor id, likewise */
  device_buffer **own;           /* by tensor id: buffers this run allocated */
  device *device;                /* where it runs */
  double cpu_seconds, gpu_seconds;   /* estimated, where there is a choice */
  uint64_t runs;
  device_graph *graph;           /* all of it recorded; NULL: not (yet) */
  uint64_t graph_kernels;
} run_binding;

enum { RUN_BINDINGS = 8 };

struct run_plan {
  run_session *session;
  int refs;                      /* the cache's included */
  base_arena *arena;
  uint64_t hash, used;
  char *key;
  size_t nkey;
  sched_plan *schedule;
  ir_tensor **leaf;
  int *leaf_of;                  /* by tensor id: its position among the leaves, -1: derived */
  int nleaf, nsize;              /* sum of the leaves' ranks */
  /* Where tensors lie: */
  int *home;                     /* by tensor id: in whose memory, through all SCHED_OVER */
  int *root;                     /* by tensor id: the tensor with which it moves */
  ir_tensor *work;               /* the first in the work space; NULL: there is none */
  ir_tensor **own, **placed;     /* with a buffer of this run; in the work space, or over others */
  const char **own_name;         /* of the session */
  int nown, nplaced;
  /* by kernel id: tensors to be zeroed before it, NULL-ended; NULL: none */
  ir_tensor ***zero;
  bool zeroes;                   /* there are any */
  run_binding *binding[RUN_BINDINGS];
  int nbinding;
};

/* NAME, kept as long as the session: buffers outlive their plan */
const char *run_name(run_session *s, const char *name);
void run_place(run_plan *plan, run_value *const *leaf, run_binding *b);   /* chooses b->device */
void run_bring(run_value *v, device *to);                                 /* raises */
/* found or made; raises on sizes that do not fit */
run_binding *run_bind(run_plan *plan, run_value *const *leaf);
void run_unbind(run_binding *b);

#endif
