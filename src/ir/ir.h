/* ir: the tensor equation. Scalar expressions, index functions, tensors, equations, programs.
 *
 * An equation   head[lhs..] (agg)= body   is iterated over its indices. Those that stand on the
 * left are `free`; the others, `red`, are projected out by `agg`. The body is one scalar expression
 * whose leaves are constants, indices, sizes, random bits and reads of tensors.
 *
 *   Y[b,h] = relu(X[b,i] W[i,h] + C[h])       is, in here, three tensors at most:
 *   T[b,h] sum= X[b,i] W[i,h]                 a projection stands outermost in its equation,
 *   Y[b,h] = max(T[b,h] + C[h], 0)            what uses its value is another equation.
 *
 * Everything lives in the arena of its program. Expressions are immutable and hash-consed: equal
 * expressions of one program are the same pointer. Indices, symbols and tensors are their identity.
 * Passes replace the equations of tensors, never an expression. */
#ifndef TL_IR_H
#define TL_IR_H

#include "base/base.h"

/* ---- types ----------------------------------------------------------------------------------- */

typedef enum ir_type { IR_F16, IR_BF16, IR_F32, IR_F64, IR_I32, IR_I64, IR_BOOL, IR_TYPES } ir_type;

const char *ir_type_name(ir_type type);           /* "f16" ... */
size_t ir_type_bytes(ir_type type);               /* bool: 1 */
ir_type ir_type_computed(ir_type type);           /* f16, bf16 -> f32; i32 -> i64; else itself */
bool ir_type_real(ir_type type);
ir_type ir_type_promote(ir_type a, ir_type b);    /* of two computed types */

/* ---- operations ------------------------------------------------------------------------------ */

typedef enum ir_op {
#define IR_OP(name, spelling, arity, rule, cost, semantics) IR_##name,
#include "ir/ops.def"
  IR_OPS
} ir_op;

typedef enum ir_rule {
  IR_LEAF, IR_SAME, IR_REAL, IR_INTEGER, IR_TEST, IR_LOGIC, IR_CHOOSE,
} ir_rule;

typedef struct ir_op_info {
  const char *name;       /* "ADD" */
  const char *spelling;   /* "+" */
  int arity;
  ir_rule rule;
  int cost;
} ir_op_info;
extern const ir_op_info ir_ops[IR_OPS];

/* A function in C of N numbers, element by element: y[k] = f(x[0][k], .., x[N-1][k]) for k below
 * COUNT. Called from several threads at once, also for elements of which nobody reads the result.
 * It lives as long as every program and plan that holds it: its address is what it is known by. */
enum { IR_FUNCTION_ARGUMENTS = 3 };
typedef void (*ir_map)(void *user, size_t count, const double *const *x, double *y);
typedef struct ir_function {
  const char *name;
  int n;
  ir_map map;
  void *user;
  const struct ir_function *derivative[IR_FUNCTION_ARGUMENTS];   /* of the same; NULL: not known */
} ir_function;

/* ---- expressions ----------------------------------------------------------------------------- */

typedef struct ir_program ir_program;
struct ir_table;
typedef struct ir_tensor ir_tensor;
typedef struct ir_expr ir_expr;

/* Runs over [0, extent); belongs to one equation (those of a kernel may share it). */
typedef struct ir_index {
  const char *name;
  const ir_expr *extent;     /* i64, over symbols and constants */
  int id;
} ir_index;

/* A size, known when the program is bound; or a loop's counter, known inside it. */
typedef struct ir_symbol {
  const char *name;
  int id;                    /* position in program->symbols, and in every array of symbol values */
  bool counter;
  int64_t least;             /* it is never smaller; sizes: 0 unless known better */
  const struct ir_symbol *origin;  /* in a copy: the symbol it was copied from; else NULL */
  const ir_expr *same;       /* a symbol or number that a requirement makes equal; NULL */
} ir_symbol;

struct ir_expr {
  uint8_t op;                /* ir_op */
  uint8_t type;              /* computed type: IR_BOOL, IR_I64, IR_F32 or IR_F64 */
  uint16_t n;                /* arguments */
  uint32_t id;               /* order of creation in the program */
  uint64_t holds;            /* private: a filter of what occurs in it */
  struct ir_table *table;    /* private: of its program */
  union {
    double real;             /* CONST of f32 (exactly representable in it) or f64 */
    int64_t integer;         /* CONST of i64, bool */
    const ir_index *index;
    const ir_symbol *symbol;
    ir_tensor *tensor;       /* READ */
    ir_type to;              /* CAST */
    const ir_function *function;   /* CALL */
  } u;
  const ir_expr *arg[];
};

/* Builders. They fold constants, order the arguments of commutative operations, keep i64
 * expressions in canonical form (sums of products with constant factors collected, so no SUB nor
 * NEG; // and % reduced and comparisons decided where the ranges of their parts allow), and apply
 * exact identities only (x + 0, x 1, x^2 = x x, where(true, ..)). */
const ir_expr *ir_real(ir_program *p, ir_type type, double value);    /* f32 or f64 */
const ir_expr *ir_int(ir_program *p, int64_t value);
const ir_expr *ir_bool(ir_program *p, bool value);
const ir_expr *ir_number(ir_program *p, ir_type type, double value);  /* of any type */
const ir_expr *ir_use(ir_program *p, const ir_index *index);
const ir_expr *ir_size(ir_program *p, const ir_symbol *symbol);
const ir_expr *ir_read(ir_program *p, ir_tensor *tensor, const ir_expr *const *position);
const ir_expr *ir_cast(ir_program *p, const ir_expr *x, ir_type to);  /* x if nothing changes */
/* Promotes the arguments as the op's row says. */
const ir_expr *ir_apply(ir_program *p, ir_op op, const ir_expr *const *arg);
const ir_expr *ir_unary(ir_program *p, ir_op op, const ir_expr *a);
const ir_expr *ir_binary(ir_program *p, ir_op op, const ir_expr *a, const ir_expr *b);
const ir_expr *ir_where(ir_program *p, const ir_expr *test, const ir_expr *yes, const ir_expr *no);
/* Of f->n arguments, in f64. */
const ir_expr *ir_call(ir_program *p, const ir_function *f, const ir_expr *const *arg);
/* 0 <= x and x < size, what is provable left out. */
const ir_expr *ir_inside(ir_program *p, const ir_expr *x, const ir_expr *size);

bool ir_is_const(const ir_expr *e, double value);            /* a constant, of any type */
bool ir_is_int(const ir_expr *e, int64_t *value);            /* an i64 constant */

/* ---- tensors, equations, programs ------------------------------------------------------------ */

typedef enum ir_agg { IR_SET, IR_SUM, IR_MAX, IR_MIN, IR_PROD, IR_AGGS } ir_agg;
/* 0, -inf, inf, 1; of integers the least and the largest, of bool false and true. */
const ir_expr *ir_agg_neutral(ir_program *p, ir_agg agg, ir_type computed);
const char *ir_agg_spelling(ir_agg agg);                  /* "=", "+=", "max=", "min=", "prod=" */

typedef struct ir_eq {
  ir_tensor *head;
  ir_agg agg;                /* SET only without red indices and with a window on the left */
  int nfree, nred;
  const ir_index **free;     /* those that occur in lhs, in the order in which they first do */
  const ir_index **red;
  const ir_expr **lhs;       /* head->rank positions, i64 */
  const ir_expr *body;       /* of head's computed type */
  base_span span;
} ir_eq;

typedef enum ir_role {
  IR_DERIVED,                /* has equations */
  IR_INPUT,                  /* given by the caller at each run */
  IR_STATE,                  /* lives from run to run; may be the target of a commit */
} ir_role;

/* Equations that need each other along no position are solved by rounds: what is carried from one
 * to the next begins with `start` and is replaced, until nothing changes by more than `tolerance`.
 * More rounds than `rounds` are an error. */
typedef struct ir_settle {
  double start, tolerance;
  int64_t rounds;
  bool told;                 /* it is carried, rather than another tensor of its cycle */
} ir_settle;
enum { IR_ROUNDS = 1000 };   /* unless told */

struct ir_tensor {
  const char *name;          /* unique in its program */
  ir_type type;              /* as stored */
  int rank;
  const ir_expr **size;      /* rank extents, over symbols and constants */
  ir_role role;
  int id;                    /* position in program->tensors */
  BASE_VEC(ir_eq *) eqs;     /* on disjoint windows; elements that none defines are 0. A scatter
                              * stands alone; what it writes outside the tensor is left out. */
  ir_settle *settle;         /* NULL: 0, 0, IR_ROUNDS */
  /* Not NULL: a real along a recurrence, which repeats itself once this is 0; its loop is then
   * left. If it never is, the run fails, saying that what has this name has not settled. */
  const char *settles;
  base_span span;
};

typedef struct ir_commit { ir_tensor *state, *value; } ir_commit;      /* same type and sizes */
typedef struct ir_require {  /* checked when bound: left == right (or <=), else MESSAGE */
  const ir_expr *left, *right;
  bool at_most;
  const char *message;
  base_span span;
  const ir_tensor *of;       /* extracts without it need not meet this; NULL: all with the sizes */
  bool bare;                 /* MESSAGE says it all, without the two numbers */
} ir_require;

typedef struct ir_loop ir_loop;
typedef struct ir_step {     /* what is run, in order: an equation or a loop */
  ir_eq *eq;                 /* NULL: loop */
  ir_loop *loop;
  const ir_expr *from, *to;  /* inside a loop: run only while from <= counter < to; NULL: always */
} ir_step;
typedef struct ir_block { BASE_VEC(ir_step) steps; } ir_block;
struct ir_loop {             /* the counter takes from, from+1 .. to-1, or the same downwards */
  const ir_symbol *counter;
  const ir_expr *from, *to;
  bool down;
  /* Left when its element `at` was 0 after two iterations in turn; if it is nan, or not 0 after
   * the last, the run fails. NULL: run all. */
  ir_tensor *until;
  const ir_expr *at;         /* the one position of `until`, over the counter */
  bool whole;                /* what it leaves behind needs all iterations */
  bool rings;                /* of some of what it makes the last slices alone are kept */
  ir_block body;
};

struct ir_program {
  base_ctx *ctx;
  base_arena *arena;
  BASE_VEC(ir_symbol *) symbols;
  BASE_VEC(ir_tensor *) tensors;
  BASE_VEC(ir_tensor *) outputs;
  BASE_VEC(ir_commit) commits;
  BASE_VEC(ir_require) requires;
  /* functions in C that texts may name; expressions hold what they call themselves */
  const ir_function *const *functions;
  int nfunctions;
  ir_block order;            /* empty until the pass `order` fills it */
  struct ir_table *table;    /* hash-consing, private to the room */
  int indices, nodes;        /* counters */
};

ir_program *ir_program_open(base_arena *arena);              /* lives in ARENA */
ir_symbol *ir_symbol_new(ir_program *p, const char *name, bool counter, int64_t least);
ir_index *ir_index_new(ir_program *p, const char *name, const ir_expr *extent);
/* NAME is made unique by primes, or by a number where it is taken often. SIZE is copied. */
ir_tensor *ir_tensor_new(ir_program *p, const char *name, ir_type type, int rank,
                         const ir_expr *const *size, ir_role role);
/* Add an equation to HEAD. Finds its indices; the body is cast to the head's computed type. */
ir_eq *ir_define(ir_program *p, ir_tensor *head, ir_agg agg, const ir_expr *const *lhs,
                 const ir_expr *body);
void ir_undefine(ir_tensor *t);                              /* drop its equations */
void ir_output(ir_program *p, ir_tensor *t);
void ir_commit_to(ir_program *p, ir_tensor *state, ir_tensor *value);
/* What is there already is left out. */
void ir_require_equal(ir_program *p, const ir_expr *a, const ir_expr *b, const char *message,
                      base_span span);

/* OF makes sense if N is not 0. */
void ir_require_some(ir_program *p, const ir_tensor *of, const ir_expr *n, const char *message,
                     base_span span);

/* A tensor of the same sizes as LIKE (type apart), and fresh indices over its positions. */
ir_tensor *ir_tensor_like(ir_program *p, const char *name, const ir_tensor *like, ir_type type);
void ir_positions(ir_program *p, const ir_tensor *t, const ir_expr **position);  /* rank of them */

/* ---- questions ------------------------------------------------------------------------------- */

/* Is each lhs position a distinct free index plus something without index, or without any, and
 * none of it read from a tensor? */
bool ir_window(const ir_eq *eq);
/* The index of one window position and what is added to it; NULL and the position: it has none. */
const ir_index *ir_position_index(const ir_expr *lhs, const ir_expr **offset);
bool ir_covered(ir_program *p, const ir_tensor *t);          /* its windows provably fill it */
bool ir_mentions(const ir_expr *e, const ir_index *index);
bool ir_reads(const ir_expr *e, const ir_tensor *t);
/* Each node of the DAG once, arguments first. */
void ir_each(const ir_expr *e, void (*visit)(void *arg, const ir_expr *e), void *arg);
int64_t ir_cost(const ir_expr *e);                           /* sum of its distinct nodes' costs */

/* Affine view of an i64 expression: e = constant + sum coefficient[k] index[k], the coefficients
 * over symbols and constants only. false if it is not of this form. */
typedef struct ir_affine {
  const ir_expr *constant;   /* over symbols and constants (counters too) */
  int n;
  const ir_index *index[16];
  const ir_expr *coefficient[16];
} ir_affine;
bool ir_affine_of(ir_program *p, const ir_expr *e, ir_affine *a);

/* Order of i64 expressions wherever their equation is evaluated, so for every value that their
 * indices may take, extents of which are then at least 1: proven or not. */
bool ir_never_negative(ir_program *p, const ir_expr *e);
bool ir_less_equal(ir_program *p, const ir_expr *a, const ir_expr *b);

/* Replace: index[i] becomes by[i] (NULL by: kept). Rebuilt by the builders. */
const ir_expr *ir_substitute(ir_program *p, const ir_expr *e, int n, const ir_index *const *index,
                             const ir_expr *const *by);
/* Replace any nodes: call NODE bottom-up on each node whose arguments were already replaced. */
typedef const ir_expr *(*ir_rewrite_node)(ir_program *p, const ir_expr *e, void *arg);
const ir_expr *ir_rewrite(ir_program *p, const ir_expr *e, ir_rewrite_node node, void *arg);

/* Values. SYMBOLS holds one number for each of the program's symbols. */
int64_t ir_eval_size(const ir_expr *e, const int64_t *symbols);   /* no indices, no reads */
typedef struct ir_value {    /* of a computed type; f32 values are rounded to it */
  ir_type type;
  union { double f; int64_t i; } u;
} ir_value;
/* One operation, exactly as `ref` computes it, of arguments promoted as its row says. TYPE is the
 * result's computed type; of CAST the type to round to. */
ir_value ir_eval_op(ir_op op, ir_type type, const ir_value *arg);
uint32_t ir_random_bits(int64_t key, int64_t stream, int64_t counter);

/* ---- whole programs -------------------------------------------------------------------------- */

/* The part of P that WANTED depend on, copied into a new program in ARENA, WANTED its outputs;
 * commits are left out unless COMMITS. replaced[i] becomes an input. MAP, if not NULL, is filled:
 * old tensor id -> new tensor or NULL. Ids of tensors and symbols depend on structure alone, so
 * those of two extracts with equal keys correspond; symbols tell their origin. */
ir_program *ir_extract(base_arena *arena, const ir_program *p, int n, ir_tensor *const *wanted,
                       bool commits, int nreplaced, ir_tensor *const *replaced, ir_tensor **map);
/* All of P, into ARENA: tensors, symbols, outputs and commits keep their order and ids. */
ir_program *ir_copy(base_arena *arena, const ir_program *p);
/* Equal keys: the same program up to names. Sizes enter as symbols, not as numbers. */
void ir_key(const ir_program *p, base_text *key);

/* The executable grammar: types, indices bound, windows disjoint where provable, order complete,
 * reads proven in bounds, by their guards too, or else turned into requires. Raises BASE_RUNTIME
 * naming the pass and the equation: a bug of ours. */
void ir_verify(ir_program *p, const char *after);

/* The text form is the language. */
void ir_print_expr(base_text *text, const ir_expr *e);
void ir_print_eq(base_text *text, const ir_eq *eq);
void ir_print(base_text *text, const ir_program *p);

#endif
