/* Private to src/sched. A block's equations are the nodes of a graph; groups of nodes become
 * kernels. A group's equations are rewritten as they join, so that those that run together share
 * their indices. */
#ifndef TL_SCHED_PRIVATE_H
#define TL_SCHED_PRIVATE_H

#include "sched/sched.h"

/* ---- who reads what, in the whole program ---------------------------------------------------- */

typedef struct sched_use {
  BASE_VEC(const ir_eq *) readers;    /* equations that read the tensor, each once */
  bool kept;                          /* in memory: an output, a committed value, a loop's end */
  bool commits;                       /* a committed value */
} sched_use;

typedef struct sched_uses { int n; sched_use *at; } sched_uses;  /* by tensor id */
sched_uses *sched_uses_of(ir_program *p);
const sched_use *sched_use_of(const sched_uses *all, const ir_tensor *t);   /* later: nobody's */

/* ---- pairs of indices ------------------------------------------------------------------------ */

enum { SCHED_PAIRS = 32 };
typedef struct sched_pairs {          /* what indices are in another group; one to one */
  int n;
  const ir_index *from[SCHED_PAIRS], *to[SCHED_PAIRS];
} sched_pairs;

/* False: it contradicts the others, or the sizes differ. */
bool sched_pair(sched_pairs *m, const ir_index *from, const ir_index *to);
const ir_index *sched_paired(const sched_pairs *m, const ir_index *from);    /* NULL: not paired */
const ir_index *sched_paired_to(const sched_pairs *m, const ir_index *to);

/* How a read meets what an equation on the same indices defines. */
typedef enum sched_meeting { SCHED_EXACT, SCHED_APART, SCHED_OTHER } sched_meeting;
sched_meeting sched_meet(ir_program *p, const ir_eq *writer, const ir_expr *read);
/* Pair the writer's indices (FROM) with the reader's such that they meet exactly; REVERSED: the
 * reader's with the writer's. */
bool sched_meet_by(const ir_eq *writer, const ir_expr *read, sched_pairs *m, bool reversed);
ir_eq *sched_rewrite(ir_program *p, const ir_eq *eq, const sched_pairs *m);

/* ---- groups ---------------------------------------------------------------------------------- */

typedef BASE_VEC(const ir_index *) sched_indices;
typedef struct sched_member {
  ir_eq *eq;                          /* on the group's indices */
  const ir_eq *source;                /* as the program has it */
  int node;
  bool partial;
  bool inner;                         /* made for this group alone */
} sched_member;
typedef BASE_VEC(sched_member) sched_members;

typedef struct sched_group {
  kernel_shape shape;
  bool gone;                          /* another has taken it in */
  sched_members member;               /* in the order of the nodes */
  sched_indices frame, line;
  const ir_index *scan;               /* SCAN */
  bool down;
  const ir_loop *loop;                /* a loop; it stands alone */
  const ir_expr *from, *to;           /* of its steps */
  struct sched_group *next;           /* MAP: another segment of the same kernel */
  bool joined;                        /* it is another's next */
  int mark, height;
} sched_group;

typedef struct sched_nodes { BASE_VEC(int) list; } sched_nodes;
typedef struct sched_node {
  const ir_step *step;
  sched_group *group;
  BASE_VEC(int) before, after;        /* nodes it needs, nodes that need it */
} sched_node;

typedef struct sched_graph {
  ir_program *p;
  base_arena *arena;
  const sched_uses *use;
  int n;                              /* nodes; group i was made of node i */
  sched_node *node;
  sched_group *group;
  sched_nodes *readers;               /* by tensor id */
  int64_t *guess;                     /* of each symbol */
  int mark;
  BASE_VEC(sched_group *) stack;
} sched_graph;

void sched_graph_open(sched_graph *g, ir_program *p, const sched_uses *use, const ir_block *block);
/* No way leads from one to the other through a third. */
bool sched_may_merge(sched_graph *g, const sched_group *a, const sched_group *b);
/* Move the members of FROM into INTO, rewritten by M. */
void sched_merge(sched_graph *g, sched_group *into, sched_group *from, const sched_pairs *m);
sched_group **sched_ordered(sched_graph *g, int *n);   /* groups left, each after what it needs */

/* ---- joining --------------------------------------------------------------------------------- */

/* Pair FROM's indices with INTO's by the reads between the two. The number of such reads; -1:
 * one of them takes an element that is not the one defined at the same point, or there are too
 * many equations for one kernel. */
int sched_cross(sched_graph *g, const sched_group *into, const sched_group *from, sched_pairs *m);
/* Pair further indices where both read the same tensor; the number of reads that agree. */
int sched_hint(const sched_group *into, const sched_group *from, sched_pairs *m);
void sched_pair_rest(const sched_indices *from, const sched_indices *to, sched_pairs *m);
bool sched_onto(const sched_indices *from, const sched_indices *to, const sched_pairs *m);
bool sched_has(const sched_indices *set, const ir_index *x);
double sched_points(sched_graph *g, const sched_indices *set);      /* by estimate */
void sched_guess(sched_graph *g);

void sched_attend(sched_graph *g);                     /* products around a row: the first */
void sched_share(sched_graph *g, sched_group *s);      /* dear subexpressions of a row, once */
bool sched_spread(sched_graph *g, sched_group *s);     /* a row with no frame takes its line */
void sched_gather(sched_graph *g);                     /* all grouping, shape by shape */
bool sched_may_scan(ir_program *p, const ir_loop *loop);    /* all it does may be one scan */
kernel *sched_scan(ir_program *p, const sched_uses *use, const ir_loop *loop);   /* NULL: a loop */
kernel *sched_build(sched_graph *g, const sched_group *group);

/* ---- memory ---------------------------------------------------------------------------------- */

void sched_slice(ir_program *p, ir_block *block);   /* before all else: tensors of one iteration */
void sched_ring(ir_program *p);                     /* ... and of the last few */
void sched_place_all(sched_plan *plan, const sched_uses *use);

/* The reads in an equation, body and left side. */
void sched_each_read(const ir_eq *eq, void (*visit)(void *arg, const ir_expr *read), void *arg);
bool sched_eq_reads(const ir_eq *eq, const ir_tensor *t);

#endif
