/* Graphs: kernels and fillings of memory with their order. Those that no edge orders run in any
 * order, so that a missing edge shows. */
#include <stdlib.h>
#include <string.h>

#include "driver.h"

typedef struct fill { /* CUDA_MEMSET_NODE_PARAMS */
  device_pointer to;
  size_t pitch;
  unsigned value, element;
  size_t width, height;
} fill;

typedef struct node {
  struct graph *graph;
  int number;
  bool is_kernel;
  launch launch;
  unsigned cluster[3];
  fill fill;
} node;

typedef struct edge {
  int from, to;
} edge;

typedef struct graph {
  node **node;
  edge *edge;
  int nodes, edges;
  bool dead;
  struct graph *next;
} graph;

typedef struct executable {
  node *node; /* copies, by number */
  edge *edge;
  int nodes, edges;
  graph *of;
  int queued; /* launches that are not done yet */
  bool dead;
} executable;

typedef struct kernel_params { /* CUDA_KERNEL_NODE_PARAMS_v2 */
  function *function;
  unsigned grid[3], block[3], shared;
  void **params, **extra;
  void *kernel, *context;
} kernel_params;
_Static_assert(sizeof(kernel_params) == 72 && sizeof(fill) == 40, "as in cuda.h");

static graph *all; /* also those destroyed: their nodes may still be named */

DOOR int cuGraphCreate(graph **to, unsigned flags);
DOOR int cuGraphCreate(graph **to, unsigned flags) {
  ENTER("cuGraphCreate");
  if (flags) return INVALID_VALUE;
  graph *g = calloc(1, sizeof *g);
  if (!g) return OUT_OF_MEMORY;
  g->next = all;
  all = g;
  *to = g;
  return SUCCESS;
}

DOOR int cuGraphDestroy(graph *g);
DOOR int cuGraphDestroy(graph *g) {
  int held __attribute__((cleanup(driver_leave), unused)) = driver_enter();
  result refused = driver_refuses("cuGraphDestroy"); /* what is the host's goes all the same */
  if (!g || g->dead) return INVALID_VALUE;
  for (int i = 0; i < g->nodes; i++) launch_drop(&g->node[i]->launch);
  g->dead = true;
  return refused;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static bool follows(const graph *g, node *const *after, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (!after[i] || after[i]->graph != g) return false;
  return true;
}

static void add_edge(graph *g, int from, int to) {
  g->edge = realloc(g->edge, sizeof *g->edge * (size_t)(g->edges + 1));
  g->edge[g->edges++] = (edge){from, to};
}

static node *add_node(graph *g, node *const *after, size_t n) {
  node *new = calloc(1, sizeof *new);
  new->graph = g;
  new->number = g->nodes;
  g->node = realloc(g->node, sizeof *g->node * (size_t)(g->nodes + 1));
  g->node[g->nodes++] = new;
  for (size_t i = 0; i < n; i++) add_edge(g, after[i]->number, new->number);
  return new;
}

static result make_launch(launch *to, const kernel_params *p, const unsigned *per) {
  launch_shape s = {.shared = p->shared};
  memcpy(s.grid, p->grid, sizeof s.grid);
  memcpy(s.block, p->block, sizeof s.block);
  memcpy(s.cluster, per, sizeof s.cluster);
  return p->function && !p->extra ? launch_make(to, p->function, &s, p->params) : INVALID_VALUE;
}

DOOR int cuGraphAddKernelNode_v2(node **to, graph *g, node *const *after, size_t n,
                                 const kernel_params *p);
DOOR int cuGraphAddKernelNode_v2(node **to, graph *g, node *const *after, size_t n,
                                 const kernel_params *p) {
  static const unsigned none[3];
  launch l;
  ENTER("cuGraphAddKernelNode_v2");
  if (!g || g->dead || !follows(g, after, n)) return INVALID_VALUE;
  result r = make_launch(&l, p, none);
  if (r != SUCCESS) return r;
  *to = add_node(g, after, n);
  (*to)->is_kernel = true;
  (*to)->launch = l;
  return SUCCESS;
}

enum { ATTRIBUTE_CLUSTER = 4, ATTRIBUTE_OVERLAP = 6 };

DOOR int cuGraphKernelNodeSetAttribute(node *n, int which, const void *value);
DOOR int cuGraphKernelNodeSetAttribute(node *n, int which, const void *value) {
  ENTER("cuGraphKernelNodeSetAttribute");
  if (!n || !n->is_kernel || n->graph->dead) return INVALID_VALUE;
  if (which == ATTRIBUTE_OVERLAP) return INVALID_VALUE; /* by a programmatic edge, in graphs */
  if (which != ATTRIBUTE_CLUSTER) return SUCCESS;
  memcpy(n->cluster, value, sizeof n->cluster);
  const unsigned *c = n->cluster;
  const simt_dim *b = &n->launch.blocks;
  if (!c[0] || !c[1] || !c[2] || b->x % c[0] || b->y % c[1] || b->z % c[2]) return INVALID_VALUE;
  n->launch.cluster = (simt_dim){c[0], c[1], c[2]};
  return SUCCESS;
}

static bool is_fill(const fill *f) {
  return (f->element == 1 || f->element == 2 || f->element == 4) && f->width && f->height;
}

DOOR int cuGraphAddMemsetNode(node **to, graph *g, node *const *after, size_t n, const fill *f,
                              void *context);
DOOR int cuGraphAddMemsetNode(node **to, graph *g, node *const *after, size_t n, const fill *f,
                              void *context) {
  ENTER("cuGraphAddMemsetNode");
  if (!g || g->dead || !context || !follows(g, after, n) || !is_fill(f)) return INVALID_VALUE;
  *to = add_node(g, after, n);
  (*to)->fill = *f;
  return SUCCESS;
}

typedef struct edge_data { /* CUgraphEdgeData */
  unsigned char from_port, to_port, type, reserved[5];
} edge_data;

DOOR int cuGraphAddDependencies_v2(graph *g, node *const *from, node *const *to,
                                   const edge_data *data, size_t n);
DOOR int cuGraphAddDependencies_v2(graph *g, node *const *from, node *const *to,
                                   const edge_data *data, size_t n) {
  ENTER("cuGraphAddDependencies_v2");
  if (!follows(g, from, n) || !follows(g, to, n)) return INVALID_VALUE;
  for (size_t i = 0; i < n; i++) {
    bool overlap = data && data[i].type == 1;
    if (overlap && (!from[i]->is_kernel || !to[i]->is_kernel || data[i].from_port == 0))
      return INVALID_VALUE;
    add_edge(g, from[i]->number, to[i]->number);
    to[i]->launch.overlap |= overlap;
  }
  return SUCCESS;
}

/* ---- executables ----------------------------------------------------------------------------- */

static void copy_launch(launch *to, const launch *from) {
  launch_shape s = {{from->blocks.x, from->blocks.y, from->blocks.z},
                    {from->threads.x, from->threads.y, from->threads.z},
                    from->dynamic_bytes,
                    {from->cluster.x, from->cluster.y, from->cluster.z},
                    from->overlap};
  launch_make(to, from->function, &s, from->params);
}

/* The nodes in an order that the edges allow; false: there is none. */
static bool some_order(const executable *e, int *order) {
  int *left = calloc((size_t)e->nodes + 1, sizeof *left), n = 0;
  for (int i = 0; i < e->edges; i++) left[e->edge[i].to]++;
  while (n < e->nodes) {
    int ready = 0, chosen = -1;
    for (int i = e->nodes - 1; i >= 0; i--) /* by default the last first: not as they were added */
      if (left[i] == 0 && (++ready == 1 || grid_random((uint32_t)ready) == 0)) chosen = i;
    if (chosen < 0) break;
    left[chosen] = -1;
    order[n++] = chosen;
    for (int i = 0; i < e->edges; i++) left[e->edge[i].to] -= e->edge[i].from == chosen;
  }
  free(left);
  return n == e->nodes;
}

DOOR int cuGraphInstantiateWithFlags(executable **to, graph *g, unsigned long long flags);
DOOR int cuGraphInstantiateWithFlags(executable **to, graph *g, unsigned long long flags) {
  ENTER("cuGraphInstantiateWithFlags");
  if (!g || g->dead || flags) return INVALID_VALUE;
  executable *e = calloc(1, sizeof *e);
  e->of = g;
  e->nodes = g->nodes;
  e->edges = g->edges;
  e->node = calloc((size_t)g->nodes + 1, sizeof *e->node);
  e->edge = calloc((size_t)g->edges + 1, sizeof *e->edge);
  if (g->edges) memcpy(e->edge, g->edge, sizeof *e->edge * (size_t)g->edges);
  for (int i = 0; i < g->nodes; i++) {
    e->node[i] = *g->node[i];
    if (e->node[i].is_kernel) copy_launch(&e->node[i].launch, &g->node[i]->launch);
  }
  *to = e;
  return SUCCESS;
}

static void drop(executable *e) {
  for (int i = 0; i < e->nodes; i++) launch_drop(&e->node[i].launch);
  free(e->node);
  free(e->edge);
  free(e);
}

/* One that is queued goes on, and is dropped when it is done. */
DOOR int cuGraphExecDestroy(executable *e);
DOOR int cuGraphExecDestroy(executable *e) {
  int held __attribute__((cleanup(driver_leave), unused)) = driver_enter();
  result refused = driver_refuses("cuGraphExecDestroy"); /* what is the host's goes all the same */
  if (!e || e->dead) return INVALID_VALUE;
  e->dead = true;
  if (!e->queued) drop(e);
  return refused;
}

static node *node_of(executable *e, const node *n) {
  return e && !e->dead && n && n->graph == e->of && n->number < e->nodes ? &e->node[n->number]
                                                                         : NULL;
}

/* For the launches to come: what is queued has its parameters already. */
DOOR int cuGraphExecKernelNodeSetParams_v2(executable *e, node *n, const kernel_params *p);
DOOR int cuGraphExecKernelNodeSetParams_v2(executable *e, node *n, const kernel_params *p) {
  launch l;
  ENTER("cuGraphExecKernelNodeSetParams_v2");
  node *to = node_of(e, n);
  if (!to || !to->is_kernel) return INVALID_VALUE;
  result r = make_launch(&l, p, to->cluster);
  if (r != SUCCESS) return r;
  l.overlap = to->launch.overlap;
  launch_drop(&to->launch);
  to->launch = l;
  return SUCCESS;
}

DOOR int cuGraphExecMemsetNodeSetParams(executable *e, node *n, const fill *f, void *context);
DOOR int cuGraphExecMemsetNodeSetParams(executable *e, node *n, const fill *f, void *context) {
  ENTER("cuGraphExecMemsetNodeSetParams");
  node *to = node_of(e, n);
  if (!to || to->is_kernel || !context || !is_fill(f)) return INVALID_VALUE;
  to->fill = *f;
  return SUCCESS;
}

/* ---- running --------------------------------------------------------------------------------- */

static result do_fill(const fill *f) {
  for (size_t row = 0; row < f->height; row++)
    for (size_t i = 0; i < f->width; i++)
      memcpy((char *)(uintptr_t)f->to + row * f->pitch + i * f->element, &f->value, f->element);
  return SUCCESS;
}

typedef struct replay {
  command command;
  executable *own; /* a copy of what was launched, with its parameters as they were */
} replay;

static result do_replay(command *self) {
  executable *e = ((replay *)self)->own;
  int *order = calloc((size_t)e->nodes + 1, sizeof *order);
  result r = some_order(e, order) ? SUCCESS : INVALID_VALUE;
  for (int i = 0; i < e->nodes && r == SUCCESS; i++) {
    node *n = &e->node[order[i]];
    r = n->is_kernel ? launch_run(&n->launch) : do_fill(&n->fill);
  }
  free(order);
  return r;
}

static void drop_replay(command *self) { drop(((replay *)self)->own); }

static executable *copy_of(const executable *e) {
  executable *c = calloc(1, sizeof *c);
  *c = *e;
  c->node = calloc((size_t)e->nodes + 1, sizeof *c->node);
  c->edge = calloc((size_t)e->edges + 1, sizeof *c->edge);
  if (e->edges) memcpy(c->edge, e->edge, sizeof *c->edge * (size_t)e->edges);
  for (int i = 0; i < e->nodes; i++) {
    c->node[i] = e->node[i];
    if (c->node[i].is_kernel) copy_launch(&c->node[i].launch, &e->node[i].launch);
  }
  return c;
}

DOOR int cuGraphUpload(executable *e, stream *s);
DOOR int cuGraphUpload(executable *e, stream *s) {
  ENTER("cuGraphUpload");
  (void)s;
  return e && !e->dead ? SUCCESS : INVALID_VALUE;
}

DOOR int cuGraphLaunch(executable *e, stream *s);
DOOR int cuGraphLaunch(executable *e, stream *s) {
  ENTER("cuGraphLaunch");
  if (!e || e->dead || stream_of(s)->dead) return INVALID_VALUE;
  replay *r = calloc(1, sizeof *r);
  r->command = (command){.act = do_replay, .drop = drop_replay};
  r->own = copy_of(e);
  return stream_add(stream_of(s), &r->command);
}
