/* pass: functions from equations to equations. Each changes the equations of a program in place,
 * keeps its meaning, and leaves it such that ir_verify holds. One file a pass. */
#ifndef TL_PASS_H
#define TL_PASS_H

#include "ir/ir.h"

/* ---- the pipeline: a table in order; its driver verifies, times and dumps between passes ---- */

typedef struct pass {
  const char *name;
  void (*run)(ir_program *p);
} pass;
extern const pass pass_table[];        /* ends with {NULL, NULL} */

typedef struct pass_options {
  bool verify;                         /* after each pass */
  void (*dump)(void *user, const char *name, const ir_program *p, double seconds);  /* or NULL */
  void *user;
} pass_options;
void pass_run(ir_program *p, const pass_options *options);

/* settle: equations that need each other along no position become a recurrence over rounds, which
 * is left when a round changes nothing. What is carried from one to the next: what ir_settle says,
 * else the first; the others of the cycle follow from it.
 *   P[i] = c + A[i,j] P[j]   ->   P'[0,i] = start;  P'[r+1,i] = where(M[r] == 0, P'[r,i], F[r,i])
 *     F[r,i] = c + A[i,j] P'[r,j];  M[r+1] max= change(P'[r,i], P'[r+1,i]);  P[i] = P'[rounds,i] */
void pass_settle(ir_program *p);

/* simplify: dead equations dropped, equal ones merged, copies and constants read through;
 * projections that need not be made are not; what a tensor already holds is read there; what is
 * never read of a tensor is cut off.
 *   Y[b] += where(T[b] == c, V[b], 0)   c in [0, C)   ->   Y[b] = where(0 <= T[b] < C, V[b], 0)
 *   Y[i] += X[i]                        j in [0, J)   ->   Y[i] = J X[i]
 *   Y[h] += max(X[b,h], 0), T[b,h] = max(X[b,h], 0)   ->   Y[h] += T[b,h] */
void pass_simplify(ir_program *p);

/* narrow: of a position that is read at one number only, that one is computed and kept. Not in the
 * table: for queries, which want a part of what a program defines.
 *   H[b,i] = f(X[b,i]);  Y[i] = H[3,i]   ->   H[0,i] = f(X[3,i]);  Y[i] = H[0,i]    (H 1 long) */
void pass_narrow(ir_program *p);

/* invert: a scatter whose left side can be solved becomes a guarded read.
 *   G[x+d] += H[x] F[d]      ->   G[u] += where(0 <= u-d and u-d < X, H[u-d] F[d], 0)
 *   G[2*x+d] += H[x] F[d]    ->   G[u] += where((u-d)%2 == 0 and .., H[(u-d)/2] F[d], 0)
 *   P[x/2] max= F[x]         ->   P[u] max= where(2*u+o < X, F[2*u+o], -inf)      o in [0, 2)
 *   G[b, T[b]] += H[b]       ->   G[b,c] = where(c == T[b], H[b], 0)
 * What cannot be solved (an embedding's gradient) stays a scatter. */
void pass_invert(ir_program *p);

/* pull: what is free of the projected index leaves the sum; sums of terms are split.
 *   Y[m,n] += A[m,k] B[k,n] C[n] / 3   ->   T[m,n] += A[m,k] B[k,n];  Y[m,n] = T[m,n] C[n] / 3 */
void pass_pull(ir_program *p);

/* contract: products of several factors in pairs, in the cheapest order (optimal to 10 factors,
 * greedy above); a factor that is more than a read is given its own equation.
 *   Y[i,l] += A[i,j] B[j,k] C[k,l]     ->   T[i,k] += A[i,j] B[j,k];  Y[i,l] += T[i,k] C[k,l] */
void pass_contract(ir_program *p);

/* Is EQ a sum of products of two reads, as a kernel can contract? Then its indices by role: k
 * projected, m in A only, n in B only, batch in both. m is never empty; n is, for a matrix-vector
 * product. Asked by the scheduler too. */
enum { PASS_PRODUCTS = 8, PASS_INDICES = 16 };
typedef struct pass_product { const ir_expr *a, *b; } pass_product;     /* reads, perhaps cast */
typedef struct pass_contraction {
  int nproduct; pass_product product[PASS_PRODUCTS];
  int nbatch, nm, nn, nk;
  const ir_index *batch[PASS_INDICES], *m[PASS_INDICES], *n[PASS_INDICES], *k[PASS_INDICES];
} pass_contraction;
bool pass_contraction_of(ir_program *p, const ir_eq *eq, pass_contraction *c);

/* inline: the body of an equation without projection takes the place of its reads, where that is
 * cheap.
 *   H[b,h] = max(Z[b,h], 0);  Y[b,h] = H[b,h] + R[b,h]   ->   Y[b,h] = max(Z[b,h], 0) + R[b,h] */
void pass_inline(ir_program *p);

/* order: recurrences become loops, all else gets its place: fills p->order.
 *   S[l+1,d] = f(S[l,d])     ->   loop l in [0, L): S[l+1,d] = f(S[l,d])     (l now a symbol) */
void pass_order(ir_program *p);

/* ---- gradient -------------------------------------------------------------------------------- */

/* grad[i] = the derivative of OF by wrt[i], as new derived tensors with wrt's sizes and computed
 * type. OF of rank > LEAD is summed over its last positions. With LEAD > 0 the first LEAD positions
 * of OF are kept: each grad[i] has them in front of its own (a Jacobian). What OF does not depend
 * on gives zeros. Applying it again gives second derivatives. Ties of max and min: the first wins.
 * P's equations may be split on the way. Raises BASE_REFUSED for what is not real, naming it. */
void pass_gradient(ir_program *p, ir_tensor *of, int lead, int n, ir_tensor *const *wrt,
                   ir_tensor **grad);

#endif
