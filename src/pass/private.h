/* What the files of this room share. */
#ifndef TL_PASS_PRIVATE_H
#define TL_PASS_PRIVATE_H

#include "pass/pass.h"

/* ---- equations ------------------------------------------------------------------------------- */

typedef BASE_VEC(const ir_index *) pass_indices; /* without repetition */

/* Add the indices in E to ALL, the oldest first. */
void pass_collect(ir_program *p, pass_indices *all, const ir_expr *e);

/* Give the indices in the N expressions at E fresh twins, for one more equation of these parts. */
void pass_refresh(ir_program *p, int n, const ir_expr **e);

/* Sum BODY into HEAD[lhs]; a plain "=" where nothing is projected and the left side is a window. */
ir_eq *pass_sum_into(ir_program *p, ir_tensor *head, const ir_expr *const *lhs, const ir_expr *body,
                     base_span span);

bool pass_has_read(const ir_expr *e);

/* e = coefficient index + rest, the coefficient over sizes and constants alone and not 0. */
bool pass_linear(ir_program *p, const ir_expr *e, const ir_index *index,
                 const ir_expr **coefficient, const ir_expr **rest);

/* ---- cycles ---------------------------------------------------------------------------------- */

typedef BASE_VEC(ir_tensor *) pass_tensors;

/* Put P in order. A cycle that no position leads through is not refused: the heads of the first go
 * to HEADS, and P is good for nothing more. */
void order_unled(ir_program *p, pass_tensors *heads);

/* ---- products -------------------------------------------------------------------------------- */

/* A read of a real tensor at affine positions, perhaps cast. */
bool pass_plain_read(ir_program *p, const ir_expr *e);

enum { CONTRACT_INDICES = 48 };
typedef struct contract_factor {
  const ir_expr *e;
  uint64_t set; /* which of the indices stand in it */
} contract_factor;
typedef struct contraction { /* a sum of a product under work */
  ir_program *p;
  const ir_eq *eq;
  ir_type type;
  pass_indices indices; /* the equation's, the free ones first */
  double extent[CONTRACT_INDICES]; /* of these, by estimate */
  uint64_t free;
  BASE_VEC(contract_factor) factors;
  int defined; /* equations made on the way */
} contraction;

void contract_guess(contraction *c); /* the extents */
/* How many points the indices of SET make, by estimate. */
double contract_points(const contraction *c, uint64_t set);
/* BODY summed into a new tensor over the indices of KEEP, read there. */
const ir_expr *contract_define(contraction *c, const ir_expr *body, uint64_t keep);
/* A factor as the read of a tensor of its own; over x + d alone where it needs x and d only by
 * their sum. */
const ir_expr *contract_window(contraction *c, const contract_factor *f);
/* The factors multiplied in pairs, in the cheapest order; all but the last product get their own
 * equations. */
const ir_expr *contract_in_order(contraction *c);

/* The sum EQ as products of two reads, if it is a contraction: factors become tensors. */
void contract_equation(ir_program *p, ir_eq *eq);

/* ---- projections ----------------------------------------------------------------------------- */

/* EQ without the projections it does not need. ONE_HOT, by tensor id: its one equation if it is
 * Y[b,c] = where(T[b] == c, .., 0), else NULL; a sum of such a tensor looks into it. */
void simplify_projections(ir_program *p, base_arena *arena, const ir_eq *const *one_hot, ir_eq *eq);

/* Tensors without the elements at their ends that are never read. */
void simplify_shrink(ir_program *p, base_arena *arena);

/* ---- derivatives ----------------------------------------------------------------------------- */

/* Whether the derivative by E reaches its argument k. */
bool gradient_passes(const ir_expr *e, int k);

/* The derivative by argument k of E, given the derivative G by E itself and Y, an expression for
 * E's value. Not for WHERE, whose branches are guarded instead. */
const ir_expr *gradient_rule(ir_program *p, const ir_expr *e, int k, const ir_expr *y,
                             const ir_expr *g);

/* a + b: 2 a if they are equal, (x + y) e if both have an expensive factor e. */
const ir_expr *gradient_add(ir_program *p, const ir_expr *a, const ir_expr *b);

typedef struct gradient_edge { /* the derivative by EQ's head leads to what is read */
  const ir_eq *eq;
  const ir_expr *read;
} gradient_edge;

typedef struct gradient_box { /* a hull of the elements of a tensor that OF depends on */
  const ir_expr **from, **to; /* by position; NULL: it does not depend on it */
  int growth;                 /* how often it grew */
} gradient_box;

/* The boxes of all tensors, by id, from the N edges that lie between OF and what it is
 * differentiated by. */
void gradient_reach(ir_program *p, base_arena *arena, const ir_tensor *of, int n,
                    const gradient_edge *edge, gradient_box *box);
/* Whether EQ may define an element in BOX; EQ restricted to those that it does. */
bool gradient_defines(ir_program *p, const gradient_box *box, const ir_eq *eq);
ir_eq gradient_restricted(ir_program *p, const gradient_box *box, const ir_eq *eq);

typedef struct gradient_piece { /* a summand: adds BODY at LHS, for all indices in them */
  const ir_expr **lhs;
  const ir_expr *body;
  base_span span;
} gradient_piece;
typedef BASE_VEC(gradient_piece) gradient_pieces;

/* Define SUM by its pieces: on their windows if these are disjoint, else as the sum of all. */
void gradient_assemble(ir_program *p, ir_tensor *sum, gradient_pieces *pieces);

#endif
