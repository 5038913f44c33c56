/* Plans as CUDA graphs. A recording is a chain of nodes, made of the same launches that are queued
 * otherwise. It is instantiated for the addresses of one run, and launched again as it is while
 * these stay; where some move, the nodes that use them are patched. */
#include <stdio.h>
#include <string.h>

#include "device/cuda/cuda.h"

enum { EXECS = 4, PATCHES = 8 };      /* kept at most; patched so often before another is made */

typedef struct moving {               /* an address in a node's parameters */
  int at, root;                       /* where it stands; the number of its root */
  int64_t delta;                      /* from the root */
  const cuda_map *map;                /* NULL: a plain pointer */
} moving;

typedef struct node {
  CUgraphNode handle;
  const cuda_stage *stage;            /* NULL: zeroes `bytes` at place[0] */
  size_t bytes;
  int nplace;
  moving *place;
  void **argument;
  char *values;
} node;

typedef struct exec {                 /* the graph, instantiated for one set of addresses */
  CUgraphExec handle;
  uint64_t *base;                     /* by root */
  bool whole;                         /* all nodes are patched for these */
} exec;

struct device_graph {
  cuda_device *device;
  base_arena *arena;
  CUgraph graph;
  BASE_VEC(node) nodes;
  int nroot, *root;                   /* tensors, CUDA_SCRATCH, CUDA_ZEROS */
  uint64_t *recorded;                 /* by root: where it lay */
  bool *moved;                        /* by root, of the patch under way */
  int nexec, patches;
  exec exec[EXECS];                   /* the one launched last is the first */
  const char *name;
};

struct cuda_recording {
  struct device_graph *graph;
  int n;
  void *const *data;
  const int *root;                    /* by tensor */
  int *number;                        /* by tensor, and two more: of its root in the graph, or -1 */
};

/* ---- addresses ------------------------------------------------------------------------------- */

static uint64_t base_of(const cuda_device *d, int tensor, void *const *data) {
  const void *p = tensor >= 0               ? data[tensor]
                  : tensor == CUDA_SCRATCH ? d->scratch->data
                                           : d->zeros->data;
  return (uint64_t)(uintptr_t)p;
}

static int number_of(struct cuda_recording *r, int tensor) {
  struct device_graph *g = r->graph;
  int slot = tensor >= 0 ? tensor : r->n - 1 - tensor;
  if (r->number[slot] < 0) {
    r->number[slot] = g->nroot;
    g->root[g->nroot++] = tensor;
  }
  return r->number[slot];
}

static moving moving_of(struct cuda_recording *r, int at, int tensor, uint64_t address,
                        const cuda_map *map) {
  int root = tensor >= 0 ? r->root[tensor] : tensor;
  uint64_t base = base_of(r->graph->device, root, r->data);
  return (moving){at, number_of(r, root), (int64_t)(address - base), map};
}

/* The parameters of a node for these addresses. */
static void fill(const struct device_graph *g, const node *n, const uint64_t *base) {
  cuda_driver *v = &g->device->driver;
  for (int i = 0; i < n->nplace; i++) {
    const moving *m = &n->place[i];
    uint64_t address = base[m->root] + (uint64_t)m->delta;
    char *to = n->values + m->at;
    if (!m->map) memcpy(to, &address, sizeof address);
    else
      cuda_check(g->device,
                 v->cuTensorMapReplaceAddress((CUtensorMap *)(void *)to,
                                              (void *)(uintptr_t)address),
                 "cuTensorMapReplaceAddress");
  }
}

static CUDA_KERNEL_NODE_PARAMS kernel_params(const node *n) {
  const cuda_stage *s = n->stage;
  return (CUDA_KERNEL_NODE_PARAMS){.function = s->kernel->function,
                                   .grid = {s->grid[0], s->grid[1], s->grid[2]},
                                   .block = {s->block, 1, 1},
                                   .shared = s->shared,
                                   .params = n->argument};
}

static CUDA_MEMSET_NODE_PARAMS memset_params(const node *n, const uint64_t *base) {
  return (CUDA_MEMSET_NODE_PARAMS){
      .to = base[n->place[0].root] + (uint64_t)n->place[0].delta,
      .element = 1,
      .width = n->bytes,
      .height = 1};
}

/* ---- recording ------------------------------------------------------------------------------- */

/* Where the device is lost the driver answers so, and frees what is the host's. */
static void free_graph(struct device_graph *g) {
  cuda_device *d = g->device;
  d->driver.cuCtxSetCurrent(d->context);
  for (int i = 0; i < g->nexec; i++) d->driver.cuGraphExecDestroy(g->exec[i].handle);
  if (g->graph) d->driver.cuGraphDestroy(g->graph);
  base_arena_close(g->arena);
}

static void begin(device *self, int n, void *const *data, const int *root) {
  cuda_device *d = cuda_of(self);
  cuda_alive(d);
  base_arena *arena = base_arena_open(self->ctx);
  struct cuda_recording *r = BASE_NEW(arena, struct cuda_recording);
  struct device_graph *g = BASE_NEW(arena, struct device_graph);
  *g = (struct device_graph){.device = d, .arena = arena};
  g->root = BASE_NEWS(arena, int, n + 2);
  *r = (struct cuda_recording){.graph = g, .n = n, .data = data, .root = root};
  r->number = BASE_NEWS(arena, int, n + 2);
  for (int i = 0; i < n + 2; i++) r->number[i] = -1;
  CUresult status = d->driver.cuGraphCreate(&g->graph, 0);
  d->recording = r;
  cuda_check(d, status, "cuGraphCreate");
}

static void drop(device *self) {
  cuda_device *d = cuda_of(self);
  if (d->recording) free_graph(d->recording->graph);
  d->recording = NULL;
}

/* Behind the last node. A kernel that waits itself starts while the one before it ends. */
static void add_kernel(struct device_graph *g, node *n, const node *before) {
  cuda_device *d = g->device;
  cuda_driver *v = &d->driver;
  bool overlap = n->stage->overlap && before && before->stage && v->cuGraphAddDependencies;
  CUDA_KERNEL_NODE_PARAMS params = kernel_params(n);
  cuda_check(d,
             v->cuGraphAddKernelNode(&n->handle, g->graph, before ? &before->handle : NULL,
                                     before && !overlap, &params),
             n->stage->name);
  if (n->stage->cluster[0]) {
    CUlaunchAttribute a = {.id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION};
    memcpy(a.value.cluster, n->stage->cluster, sizeof n->stage->cluster);
    cuda_check(d, v->cuGraphKernelNodeSetAttribute(n->handle, a.id, &a.value), n->stage->name);
  }
  if (overlap) {
    CUgraphEdgeData edge = {.from_port = CU_GRAPH_KERNEL_NODE_PORT_PROGRAMMATIC,
                            .type = CU_GRAPH_DEPENDENCY_TYPE_PROGRAMMATIC};
    cuda_check(d, v->cuGraphAddDependencies(g->graph, &before->handle, &n->handle, &edge, 1),
               n->stage->name);
  }
}

static node *next_node(struct cuda_recording *r, int nplace) {
  struct device_graph *g = r->graph;
  BASE_PUSH(g->arena, &g->nodes, (node){.place = NULL});
  node *n = &g->nodes.at[g->nodes.n - 1];
  n->place = BASE_NEWS(g->arena, moving, nplace + 1);
  return n;
}

static const node *node_before(const struct device_graph *g) {
  return g->nodes.n > 1 ? &g->nodes.at[g->nodes.n - 2] : NULL;
}

static void copy_values(struct device_graph *g, node *n, const cuda_stage *stage) {
  n->values = cuda_block_of(g->arena, stage->bytes);
  if (stage->bytes) memcpy(n->values, stage->values, (size_t)stage->bytes);
  n->argument = BASE_NEWS(g->arena, void *, stage->starts.n + 1);
  for (int i = 0; i < stage->starts.n; i++) n->argument[i] = n->values + stage->starts.at[i];
}

void cuda_record_stage(cuda_device *d, const cuda_stage *stage) {
  struct cuda_recording *r = d->recording;
  struct device_graph *g = r->graph;
  node *n = next_node(r, stage->params.n);
  n->stage = stage;
  copy_values(g, n, stage);
  for (int i = 0; i < stage->params.n; i++) {
    const cuda_param *p = &stage->params.at[i];
    uint64_t address = p->filled;
    if (p->kind == CUDA_POINTER) memcpy(&address, stage->values + p->at, sizeof address);
    if (p->kind == CUDA_POINTER)
      n->place[n->nplace++] = moving_of(r, p->at, p->place.tensor, address, NULL);
    if (p->kind == CUDA_MAP)
      n->place[n->nplace++] = moving_of(r, p->at, p->map->at.tensor, address, p->map);
  }
  add_kernel(g, n, node_before(g));
}

/* The tensor is known by its address: those that are zeroed share theirs with none that moves
 * otherwise. */
void cuda_record_zero(cuda_device *d, const void *at, size_t bytes) {
  struct cuda_recording *r = d->recording;
  struct device_graph *g = r->graph;
  int tensor = 0;
  while (tensor < r->n && r->data[tensor] != at) tensor++;
  if (tensor == r->n)
    base_raise(d->head.ctx, BASE_RUNTIME, base_nowhere, "cuda: what is zeroed is no tensor");
  node *n = next_node(r, 1);
  n->bytes = bytes;
  n->place[n->nplace++] = moving_of(r, 0, tensor, (uint64_t)(uintptr_t)at, NULL);
  uint64_t *base = BASE_NEWS(g->arena, uint64_t, g->nroot + 1);
  for (int i = 0; i < g->nroot; i++) base[i] = base_of(d, g->root[i], r->data);
  CUDA_MEMSET_NODE_PARAMS params = memset_params(n, base);
  const node *before = node_before(g);
  cuda_check(d,
             d->driver.cuGraphAddMemsetNode(&n->handle, g->graph, before ? &before->handle : NULL,
                                            before != NULL, &params, d->context),
             "cuGraphAddMemsetNode");
}

/* ---- instances ------------------------------------------------------------------------------- */

static void patch(struct device_graph *g, exec *e, const node *n) {
  cuda_device *d = g->device;
  cuda_driver *v = &d->driver;
  if (n->stage) {
    fill(g, n, e->base);
    CUDA_KERNEL_NODE_PARAMS params = kernel_params(n);
    cuda_check(d, v->cuGraphExecKernelNodeSetParams(e->handle, n->handle, &params),
               n->stage->name);
  } else {
    CUDA_MEMSET_NODE_PARAMS params = memset_params(n, e->base);
    cuda_check(d, v->cuGraphExecMemsetNodeSetParams(e->handle, n->handle, &params, d->context),
               "cuGraphExecMemsetNodeSetParams");
  }
}

/* Only the nodes that use an address which moved; all, where an earlier patch failed half way. */
static void move(struct device_graph *g, exec *e, void *const *data) {
  for (int i = 0; i < g->nroot; i++) {
    uint64_t base = base_of(g->device, g->root[i], data);
    g->moved[i] = e->base[i] != base || !e->whole;
    e->base[i] = base;
  }
  e->whole = false;
  for (int k = 0; k < g->nodes.n; k++) {
    const node *n = &g->nodes.at[k];
    bool touched = false;
    for (int i = 0; i < n->nplace; i++) touched = touched || g->moved[n->place[i].root];
    if (touched) patch(g, e, n);
  }
  e->whole = true;
}

static bool fits(const struct device_graph *g, const exec *e, void *const *data) {
  for (int i = 0; i < g->nroot; i++)
    if (e->base[i] != base_of(g->device, g->root[i], data)) return false;
  return e->whole;
}

/* As recorded: what has moved since is patched. */
static void instantiate(struct device_graph *g) {
  cuda_device *d = g->device;
  exec *e = &g->exec[g->nexec];
  *e = (exec){.base = BASE_NEWS(g->arena, uint64_t, g->nroot + 1), .whole = true};
  memcpy(e->base, g->recorded, sizeof *e->base * (size_t)g->nroot);
  cuda_check(d, d->driver.cuGraphInstantiate(&e->handle, g->graph, 0), "cuGraphInstantiate");
  g->nexec++;
}

/* The instance for these addresses, moved to the front. Callers that take turns between a few
 * sets of buffers get an instance for each, after a while. */
static exec *exec_for(struct device_graph *g, void *const *data) {
  int k = 0;
  while (k < g->nexec && !fits(g, &g->exec[k], data)) k++;
  if (k == g->nexec) {
    if (g->nexec < EXECS && ++g->patches > PATCHES) {
      g->patches = 0;
      instantiate(g);
    }
    k = g->nexec - 1;
    move(g, &g->exec[k], data);
  }
  exec found = g->exec[k];
  memmove(&g->exec[1], &g->exec[0], sizeof *g->exec * (size_t)k);
  g->exec[0] = found;
  return &g->exec[0];
}

/* "plan of 12 kernels: cuda.map Y, ..." */
static void name_graph(struct device_graph *g) {
  const char *first = "nothing";
  int kernels = 0;
  for (int k = 0; k < g->nodes.n; k++) {
    const cuda_stage *stage = g->nodes.at[k].stage;
    if (stage && kernels++ == 0) first = stage->name;
  }
  if (kernels > 1) first = base_format(g->arena, "a plan of %d kernels, first %s", kernels, first);
  g->name = cuda_name(g->device, first);
}

static device_graph *end(device *self) {
  cuda_device *d = cuda_of(self);
  struct device_graph *g = d->recording->graph;
  name_graph(g);
  g->moved = BASE_NEWS(g->arena, bool, g->nroot + 1);
  g->recorded = BASE_NEWS(g->arena, uint64_t, g->nroot + 1);
  for (int i = 0; i < g->nroot; i++) g->recorded[i] = base_of(d, g->root[i], d->recording->data);
  if (g->nodes.n) instantiate(g);
  d->recording = NULL;
  return g;
}

static void play(device_graph *g, void *const *data) {
  cuda_device *d = g->device;
  if (g->nodes.n == 0) return;
  cuda_alive(d);
  const exec *e = exec_for(g, data);
  d->last[d->queued++ % CUDA_LAST] = g->name;
  cuda_check(d, d->driver.cuGraphLaunch(e->handle, d->stream), "cuGraphLaunch");
}

const device_recorder cuda_recorder = {
    .begin = begin, .end = end, .drop = drop, .play = play, .free = free_graph};
