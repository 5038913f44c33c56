/* What the files of ir share: the table of expressions, walks over them, polynomials, proofs. */
#ifndef TL_IR_PRIVATE_H
#define TL_IR_PRIVATE_H

#include "ir/ir.h"

/* ---- the table and walks (expr.c, walk.c) ---------------------------------------------------- */

typedef struct ir_frame {
  const ir_expr *e;
  int next;                  /* argument to be visited next */
} ir_frame;

/* Scratch of one walk: marks and images by node id. Walks nest, so a program keeps several. */
typedef struct ir_walk {
  base_arena *arena;
  uint32_t stamp;
  uint32_t *mark;            /* mark[id] == stamp: met */
  const ir_expr **image;     /* for who walks: what became of a node */
  int cap;
  BASE_VEC(ir_frame) stack;
} ir_walk;

struct ir_table {
  ir_program *program;
  const ir_expr **slot;      /* open addressing, at most half full */
  uint32_t mask;
  base_map *names;           /* of tensors */
  base_map *inside;          /* (position, size) pairs that verify has proven */
  BASE_VEC(ir_walk *) walks;
  int walking;               /* walks open now */
  int proving;               /* proofs open now: builders inside them do not start many more */
};

enum { IR_HOLDS_DATA = 61, IR_HOLDS_COUNTER = 62 };   /* bits of holds above those of the indices */

static inline uint64_t ir_index_bit(const ir_index *index) {
  return (uint64_t)1 << (index->id % IR_HOLDS_DATA);
}
static inline bool ir_holds_data(const ir_expr *e) { return e->holds >> IR_HOLDS_DATA & 1; }
static inline bool ir_holds_index(const ir_expr *e) {
  return (e->holds & (((uint64_t)1 << IR_HOLDS_DATA) - 1)) != 0;
}

struct ir_table *ir_table_open(ir_program *p);

/* The one node of this content. BITS is the union's content. */
const ir_expr *ir_intern(ir_program *p, ir_op op, ir_type type, uint64_t bits, int n,
                         const ir_expr *const *arg);

/* Each node below E once, arguments first. Close it also when leaving early. */
ir_walk *ir_walk_open(const ir_expr *e);
const ir_expr *ir_walk_next(ir_walk *w);                 /* NULL: all given */
void ir_walk_close(ir_walk *w, const ir_expr *e);

/* The order of commutative arguments. It goes by structure, so that it does not depend on what a
 * compiler evaluates first: reads, compound expressions, indices, symbols, constants. */
int ir_compare(const ir_expr *a, const ir_expr *b);

/* E with other arguments, by the builders. */
const ir_expr *ir_rebuild(ir_program *p, const ir_expr *e, const ir_expr *const *arg);

/* The same as ir_require_equal, with <= where AT_MOST; what is there already is left out. */
void ir_require_that(ir_program *p, const ir_expr *left, const ir_expr *right, bool at_most,
                     const char *message, base_span span);

/* What stands for a size and all that requirements make equal to it: one of them, or a number. */
const ir_expr *ir_same_size(const ir_expr *symbol);

/* ---- simplification (fold.c, affine.c) ------------------------------------------------------- */

/* The node op(arg..) of result type TYPE, arguments already promoted, simplified. */
const ir_expr *ir_fold(ir_program *p, ir_op op, ir_type type, const ir_expr *const *arg);
ir_value ir_value_of(const ir_expr *e);                  /* of a constant */

/* i64 arithmetic in canonical form. */
const ir_expr *ir_sum(ir_program *p, const ir_expr *a, int64_t k, const ir_expr *b);  /* a + k b */
const ir_expr *ir_product(ir_program *p, const ir_expr *a, const ir_expr *b);
const ir_expr *ir_quotient(ir_program *p, const ir_expr *a, const ir_expr *b);
const ir_expr *ir_remainder(ir_program *p, const ir_expr *a, const ir_expr *b);

/* ---- polynomials over the integers (poly.c) -------------------------------------------------- */

enum { POLY_TERMS = 24, POLY_FACTORS = 5 };

typedef struct poly_term {
  int64_t k;
  const ir_expr *atom[POLY_FACTORS];   /* sorted, repeated for powers, NULL behind the last */
} poly_term;

typedef struct poly {                  /* sorted; no k is 0; the constant last */
  int n;
  poly_term term[POLY_TERMS];
} poly;

/* What returns bool returns false when the result has too many terms or factors. */
void poly_set(poly *a, int64_t k);
bool poly_add(poly *a, int64_t k, const poly *b);        /* a += k b */
bool poly_add_term(poly *a, const poly_term *t);
bool poly_mul(poly *out, const poly *a, const poly *b);
bool poly_term_mul(poly_term *out, const poly_term *a, const poly_term *b);
bool poly_term_div(poly_term *out, const poly_term *a, const poly_term *b);  /* if divisible */
void poly_of(poly *out, const ir_expr *e);               /* E as an atom where it does not fit */
const ir_expr *poly_expr(ir_program *p, const poly *a);
bool poly_constant(const poly *a, int64_t *value);
bool poly_same_atoms(const poly_term *a, const poly_term *b);
/* e = coefficient atom + rest, the coefficient neither 0 nor holding the atom. */
bool poly_linear(const poly *e, const ir_expr *atom, poly *coefficient, poly *rest);

/* ---- proofs (range.c, bound.c) --------------------------------------------------------------- */

enum { IR_FACTS = 40 };

/* What is known to be >= 0, besides the ranges of indices and sizes. */
typedef struct ir_facts {
  ir_program *p;
  int n;
  const ir_expr *at[IR_FACTS];
  int nleast;                          /* symbols known to be larger than their least */
  const ir_symbol *symbol[IR_FACTS];
  int64_t least[IR_FACTS];
  int budget;
} ir_facts;

void ir_facts_open(ir_facts *f, ir_program *p);
void ir_facts_add(ir_facts *f, const ir_expr *nonnegative);
void ir_facts_indices(ir_facts *f, const ir_expr *e);    /* extents of E's indices are >= 1 */
void ir_facts_guard(ir_facts *f, const ir_expr *guard, bool holds);
int64_t ir_facts_least(const ir_facts *f, const ir_symbol *symbol);
bool ir_prove(const ir_facts *f, const ir_expr *e);      /* e >= 0 */
bool ir_prove_poly(const ir_facts *f, const poly *e);

/* A bound of E free of indices, data and counters; NULL where none was found. */
const ir_expr *ir_bound(const ir_facts *f, const ir_expr *e, bool upper);

#endif
