/* TensorLogic: networks, logic and tensor algebra written as tensor equations, compiled into few
 * fused kernels.
 *
 * Handles are opaque. A function that makes a handle returns NULL on error; NULL in gives NULL out
 * and keeps the first error, so that calls chain and one check at the end is enough. Tensors are
 * lazy: an equation is checked when it is given and computed when its value is read, together with
 * everything else it needs. The caller owns every handle it is given and releases it. Nothing here
 * exits, aborts or prints.
 *
 * Errors: what is said of a function besides, any that makes something may end with TL_MEMORY, and
 * any that computes with TL_RUNTIME, TL_DEVICE or TL_INTERRUPTED. A NULL handle is TL_ARGUMENT, or
 * what the comment says, and leaves the first error as it is; handles of another context are
 * refused with TL_ARGUMENT.
 *
 * Threads: a context and everything made from it is used by one thread at a time; different
 * contexts are independent. That holds of every function here but tl_interrupt, which may be called
 * from another thread or a signal handler while the context is open; tl_version, tl_type_name and
 * tl_type_bytes need no context. */
#ifndef TENSORLOGIC_H
#define TENSORLOGIC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TL_VERSION "0.1.0"
#define TL_VERSION_MAJOR 0
#define TL_VERSION_MINOR 1
#define TL_VERSION_PATCH 0

#if defined(__GNUC__)
#define TL_API __attribute__((visibility("default")))
#else
#define TL_API
#endif

typedef enum tl_status {
  TL_OK = 0,
  TL_RUNTIME = 1,        /* failed while running */
  TL_ARGUMENT = 2,       /* the call is wrong: sizes, types, names */
  TL_REFUSED = 3,        /* the text is refused: syntax, sizes, types */
  TL_DEVICE = 4,         /* a device is missing, unfit or lost */
  TL_MEMORY = 5,         /* out of memory */
  TL_IO = 6,             /* a file is missing, unreadable or broken */
  TL_INTERRUPTED = 130   /* stopped by tl_interrupt */
} tl_status;

typedef enum tl_type { TL_F16, TL_BF16, TL_F32, TL_F64, TL_I32, TL_I64, TL_BOOL } tl_type;

typedef struct tl_context tl_context;
typedef struct tl_tensor tl_tensor;
typedef struct tl_function tl_function;
typedef struct tl_program tl_program;

TL_API const char *tl_version(void);                     /* "0.1.0", of the library that runs */
TL_API const char *tl_type_name(tl_type type);           /* "f16"; "?": no type. Static */
TL_API size_t tl_type_bytes(tl_type type);               /* an element's: 2; bool: 1; 0: no type */

/* ---- context --------------------------------------------------------------------------------- */

typedef struct tl_options {      /* zero: the default of each */
  const char *device;            /* "cpu" (default), "cuda", "cuda:1", "ref", "auto" */
  int threads;                   /* 0: all the process may use */
  int cuda_device;               /* which GPU, from 0 */
  void *cuda_stream;             /* a CUstream of the caller's to work on; NULL: one of its own */
  /* All memory, given back with the bytes that were asked for; both or neither. ALLOC returns NULL
   * if there is none, which is TL_MEMORY. RELEASE may be called from the library's own threads. */
  void *(*alloc)(void *user, size_t bytes);
  void (*release)(void *user, void *p, size_t bytes);
  /* What runs otherwise than one would expect, a line without its end. LEVEL 1: slower; NULL: not
   * told. On the thread that made the call. */
  void (*log)(void *user, int level, const char *line);
  void *user;                    /* given to the three */
} tl_options;

/* A context. OPTIONS NULL: all defaults; not kept. NULL only for lack of memory; a context that
 * could not open its device says so in tl_last: TL_DEVICE, with what there is; TL_ARGUMENT for one
 * of the two memory hooks alone. */
TL_API tl_context *tl_open(const tl_options *options);
/* Releases what is still held: every handle of CTX is gone then. NULL is fine. */
TL_API void tl_close(tl_context *ctx);
TL_API tl_status tl_last(const tl_context *ctx);         /* of the first error since tl_clear */
/* Its message, until the next error after tl_clear; "": there is none. */
TL_API const char *tl_message(const tl_context *ctx);
/* The same with its source line and a caret, or as one line of JSON; NULL: no error. Of a program
 * that is refused all of its errors, up to 20, in the order of the text. Released with
 * tl_free_text. */
TL_API char *tl_diagnosis(tl_context *ctx, int json);
TL_API void tl_clear(tl_context *ctx);                   /* the next error is the first */
/* The call that computes now, or else the next, ends with TL_INTERRUPTED behind the kernel,
 * training step or round that runs; what it had not yet changed is as before. From any thread, also
 * from a signal handler. */
TL_API void tl_interrupt(tl_context *ctx);
/* Of the draws in equations, compiled functions and named operations made or called from now on:
 * the same seed and order of calls give the same numbers on every device. At first 0. */
TL_API void tl_seed(tl_context *ctx, int64_t seed);
TL_API void tl_free_text(tl_context *ctx, char *text);   /* of a function here; NULL is fine */

/* ---- tensors --------------------------------------------------------------------------------- */

/* A tensor of RANK sizes, 0 to 16 of them, copied from DATA: row-major, contiguous, an element of
 * tl_type_bytes, bool as 0 and 1; NULL: zeros. RANK 0 is a scalar, and SIZE may be NULL.
 * TL_ARGUMENT: no such type, a rank or a size that is negative, more elements than memory has
 * addresses. */
TL_API tl_tensor *tl_from(tl_context *ctx, tl_type type, int rank, const int64_t *size,
                          const void *data);
/* A scalar: VALUE rounded to TYPE, for integers toward zero and to their ends. */
TL_API tl_tensor *tl_scalar(tl_context *ctx, tl_type type, double value);
TL_API tl_tensor *tl_retain(tl_tensor *t);               /* T, to be released once more */
TL_API void tl_release(tl_tensor *t);                    /* NULL is fine */

/* Known without computing. */
TL_API tl_type tl_tensor_type(const tl_tensor *t);       /* T is NULL: TL_F32 */
TL_API int tl_rank(const tl_tensor *t);                  /* -1: T is NULL */
TL_API int64_t tl_size(const tl_tensor *t, int position);   /* -1 on error */
TL_API int64_t tl_count(const tl_tensor *t);             /* elements; -1: T is NULL */

/* Compute T if needed and copy its elements, row-major: exactly BYTES bytes, else TL_ARGUMENT. */
TL_API tl_status tl_read(tl_tensor *t, void *to, size_t bytes);
/* The one element of T, computed if needed; NaN on error, TL_ARGUMENT if it has another number. */
TL_API double tl_value(tl_tensor *t);
/* New elements for a tensor that is not an equation's, BYTES as for tl_read. What was computed from
 * it stays; what was not yet, sees them. TL_ARGUMENT: T is what its equation says. */
TL_API tl_status tl_write(tl_tensor *t, const void *from, size_t bytes);
/* Compute N tensors of one context together; what they share is computed once. */
TL_API tl_status tl_eval(int n, tl_tensor *const *t);
/* Its value as a tensor of its own, without what it was made from: for results that are carried
 * from step to step, which would else keep every step before. */
TL_API tl_tensor *tl_detach(tl_tensor *t);

/* ---- equations ------------------------------------------------------------------------------- */

typedef struct tl_arg { const char *name; tl_tensor *tensor; } tl_arg;     /* lists end with {0} */

/* One or more equations of the language; the result is the last head, of the sizes that follow from
 * the arguments' (docs/language.md). Heads that are not declared have the type of the real
 * arguments, f32 where those differ, f64 if one is. Lazy; inputs are retained. ARGS NULL: none.
 * A text that was given before, for the same names, types and ranks, is neither parsed nor planned
 * again. TL_REFUSED: the text; TL_ARGUMENT: sizes that disagree, a name given twice, a NULL tensor.
 *   tl_eq(ctx, "Y[b,h] = relu(X[b,i] W[i,h] + C[h])",
 *         (tl_arg[]){{"X", x}, {"W", w}, {"C", c}, {0}}) */
TL_API tl_tensor *tl_eq(tl_context *ctx, const char *equations, const tl_arg *args);

/* A named operation, of the table in docs/operations.md: NAME of N TENSORS in the table's order,
 * NULL for one that is left out, with ATTRIBUTES, which end with {0} (NULL: none); an attribute of
 * several numbers is repeated. Lazy, like any equation. tensorlogic_ops.h has a function for each:
 *   tl_op(ctx, "softmax", 1, &x, (tl_attr[]){{"axis", 1}, {0}})      tl_softmax(ctx, x, 1)
 * A call like one before (name, attributes, types, ranks, positions that are 1 long) parses and
 * plans nothing. TL_ARGUMENT: an unknown name or attribute, tensors that do not go together. */
typedef struct tl_attr { const char *name; double value; } tl_attr;
enum { TL_OP_ATTRS = 32 };       /* in one call, at most */
TL_API tl_tensor *tl_op(tl_context *ctx, const char *name, int n, tl_tensor *const *tensors,
                        const tl_attr *attributes);

/* The Einstein summation of N OPERANDS, 16 at most, as numpy.einsum reads LABELS: "ij,jk->ik";
 * without an arrow the result has the labels that stand once, in the order of the alphabet; a label
 * that stands twice in one operand is its diagonal; `...` is broadcast; a position 1 long goes with
 * any. Lazy. In messages the operands are A, B, C and so on. TL_ARGUMENT: labels that do not fit
 * the operands.
 *   tl_tensor *y = tl_einsum(ctx, "bij,bjk->bik", 2, (tl_tensor *[]){a, b}); */
TL_API tl_tensor *tl_einsum(tl_context *ctx, const char *labels, int n,
                            tl_tensor *const *operands);

/* The derivative of LOSS, summed over its elements, by WRT, from which LOSS was made: of WRT's
 * sizes, in f32 where WRT has 16 bits; lazy. Zeros if LOSS does not depend on WRT. May be taken
 * again. TL_ARGUMENT: one of them is not real; TL_REFUSED: there is a function in C between them
 * that has no derivative. */
TL_API tl_tensor *tl_grad(tl_context *ctx, tl_tensor *loss, tl_tensor *wrt);

/* ---- functions in C -------------------------------------------------------------------------- */

/* y[k] = f(x[0][k], .., x[n-1][k]) for k below COUNT; x and y do not overlap. It is called from
 * several threads at once, on pieces of a tensor in any order, also for elements of which nobody
 * reads the result: it depends on nothing else, and calls nothing of this library. */
typedef void (*tl_map)(void *user, size_t count, const double *const *x, double *y);

/* Define the function NAME of ARGUMENTS numbers (1 to 3) for all texts that are read from now on:
 * equations, compiled functions, programs: "Y[i] = sig(softplus(X[i]))". It is computed in f64, and
 * fuses as sig does: no tensor is stored for it. DERIVATIVES: one for each argument, of the same
 * arguments; NULL: not known, asking for it is an error. The pointers are kept until tl_close.
 * TL_ARGUMENT: the name is no lower-case word, is the language's, or is defined already; TL_DEVICE:
 * a GPU runs no functions in C. */
TL_API tl_status tl_define(tl_context *ctx, const char *name, int arguments, tl_map f,
                           const tl_map *derivatives, void *user);

enum { TL_RANK = 16 };           /* positions a tensor may have at most */

/* A tensor as a function in C sees it: row-major, contiguous. */
typedef struct tl_view {
  tl_type type;
  int rank;
  int64_t size[TL_RANK];
  void *data;
} tl_view;

/* A function of whole tensors. Each gets N views X; what is not TL_OK is the status of the call
 * that needed the value. None may call this library with the same context. */
typedef struct tl_custom {
  const char *name;              /* for messages */
  /* Type, rank and sizes of the result Y, which holds those of x[0]; no data. NULL: the same. */
  tl_status (*shape)(void *user, int n, const tl_view *x, tl_view *y);
  tl_status (*compute)(void *user, int n, const tl_view *x, const tl_view *y);   /* fills y->data */
  /* Of the derivative DY by the result (f32 where that has 16 bits) that by the argument whose
   * dx[i].data is not NULL, in f32 where x[i] has 16 bits; fills it. NULL: there is none. */
  tl_status (*backward)(void *user, int n, const tl_view *x, const tl_view *y, const tl_view *dy,
                        const tl_view *dx);
  void *user;
} tl_custom;

/* F of N tensors (1 to 8): lazy, computed at the first need on the thread that needs it, once. What
 * it needs is computed and stored before, what needs it behind: nothing fuses with it, unlike a
 * function made by tl_define. tl_grad goes through BACKWARD, once: its own derivative is refused.
 * *F and its name are copied. */
TL_API tl_tensor *tl_apply(tl_context *ctx, const tl_custom *f, int n, tl_tensor *const *args);

/* ---- compiled functions: equations once, called with no work but the kernels' ---------------- */

/* NAMES: the arguments' names in the order of calls; RESULTS: heads to return, or "grad(Loss, W)",
 * which is as tl_grad says. Both end with NULL; nothing is kept of them. Planned at the first call
 * for given types and ranks: other sizes plan nothing. TL_REFUSED: the text cannot be read (what
 * depends on types and ranks is said by the first call); TL_ARGUMENT: a result that is no head. */
TL_API tl_function *tl_compile(tl_context *ctx, const char *equations, const char *const *names,
                               const char *const *results);
/* Compute F now: as many ARGS as it has names; RESULTS gets as many new handles as it has results,
 * all NULL on error. TL_REFUSED: the equations do not fit these types and ranks; TL_ARGUMENT: sizes
 * that disagree, a NULL argument. */
TL_API tl_status tl_call(tl_function *f, tl_tensor *const *args, tl_tensor **results);
TL_API void tl_function_release(tl_function *f);         /* NULL is fine */

/* ---- programs -------------------------------------------------------------------------------- */

/* Where a program's results go, on the thread that runs it; members may be NULL. */
typedef struct tl_sink {
  void (*put)(void *user, const char *text, size_t n);   /* of queries and print; UTF-8, no NUL */
  void (*progress)(void *user, const char *line);        /* of training, a line without its end */
  void *user;                    /* given to both */
  int json;                      /* results as one object a line */
  int brief;                     /* large results are cut, for people */
} tl_sink;

/* Check a program; nothing runs. FILE names TEXT in messages, and its folder is where relative
 * paths start; NULL: text without a file. *SINK is copied; NULL: results go nowhere. TL_REFUSED:
 * the program; TL_IO: a file that it names. */
TL_API tl_program *tl_load(tl_context *ctx, const char *file, const char *text,
                           const tl_sink *sink);
/* The same with the text of FILE. */
TL_API tl_program *tl_load_file(tl_context *ctx, const char *file, const tl_sink *sink);
/* Carry out its commands and queries, in order; what went before an error stays done. */
TL_API tl_status tl_run(tl_program *p);
/* The value that the tensor NAME has now, computed if need be: a new handle, of the type and sizes
 * that the program gives it; of a sparse tensor its elements, in the order of their keys. What the
 * program does later leaves it as it is. TL_ARGUMENT: there is no such tensor. */
TL_API tl_tensor *tl_get(tl_program *p, const char *name);
/* Replace the elements of data, a parameter or what is declared only, by a copy of VALUE, of the
 * same type and sizes. TL_ARGUMENT: it does not fit, or NAME is computed by equations. */
TL_API tl_status tl_set(tl_program *p, const char *name, tl_tensor *value);
TL_API void tl_program_release(tl_program *p);           /* NULL is fine; its tensors stay */

/* One more piece of a program, as at a prompt: what it defines takes the place of what had the same
 * left side, or is added; all that depends on it follows; then its commands and queries are carried
 * out. Values stay that are still what they were: parameters, what was set. If the piece is refused
 * (TL_REFUSED, TL_IO), the program is as it was; if it fails while running, its definitions stay.
 * FILE as for tl_load. */
TL_API tl_status tl_enter(tl_program *p, const char *file, const char *text);
TL_API tl_status tl_forget(tl_program *p, const char *name);   /* all that defines NAME */
/* 1: the statement that TEXT ends with goes on in the next line; a bracket is open, say. */
TL_API int tl_unfinished(tl_context *ctx, const char *text);

/* ---- relations: rows in and out -------------------------------------------------------------- */

/* What QUESTION asks for, computed now, row by row: "Ancestor(Alice, x)", "Dist[x,y]", "X[i,1]",
 * "Edge(x,y) and not Edge(y,x)"; a question mark behind it may stand or not. A row has a key for
 * each variable, in the order in which they come; of a tensor also an element. Rows are sorted.
 * A question with no variable has one row if its tuple or element is there; a comparison or another
 * scalar has its number. What is more than one name with variables, symbols, numbers and `_` is
 * checked against the whole program first. TL_REFUSED: no question, or one about nothing that there
 * is. */
typedef struct tl_rows tl_rows;
TL_API tl_rows *tl_query(tl_program *p, const char *question);
/* 1: at the next row, at first the first; 0: there is none. */
TL_API int tl_next(tl_rows *r);
TL_API int64_t tl_row_count(const tl_rows *r);           /* -1: R is NULL */
TL_API int tl_columns(const tl_rows *r);                 /* keys in a row */
TL_API const char *tl_column(const tl_rows *r, int k);   /* the variable; "": it has no name */
/* Of the row that tl_next is at; TL_ARGUMENT if it is at none, or there is no key K. */
TL_API const char *tl_symbol(tl_rows *r, int k);         /* lives as R does; NULL: a number */
TL_API int64_t tl_number(tl_rows *r, int k);             /* of a symbol that in its domain, or 0 */
TL_API double tl_element(tl_rows *r);                    /* of a relation: 1 */
TL_API void tl_rows_release(tl_rows *r);

typedef struct tl_cell {         /* a key: a symbol, or, SYMBOL NULL, a number */
  const char *symbol;
  int64_t number;
} tl_cell;

/* The facts of the relation NAME, or the elements of the table NAME, are these N rows of ARITY
 * CELLS, one row after the other, in place of those in the text; what follows from them is computed
 * anew. VALUES: an element a row; NULL: a relation. They stay through tl_enter. TL_ARGUMENT: NAME
 * is computed by equations, the arity differs, or a symbol is not in the declared domain. */
TL_API tl_status tl_set_rows(tl_program *p, const char *name, int arity, int64_t n,
                             const tl_cell *cells, const double *values);

/* Texts about a program, released with tl_free_text; NULL on error. */
/* The gradient of LOSS, a program in the language; WRT NULL: by all parameters. */
TL_API char *tl_gradient_text(tl_program *p, const char *loss, const char *wrt);
/* Its kernels: shape, equations, FLOP, bytes, peak memory, implementation, and why others
 * declined. */
TL_API char *tl_explain(tl_program *p, int json);
TL_API char *tl_text(tl_program *p);                     /* its definitions, one a line */
/* What NAME is, in a line: `W : f32[784, 128]   # a parameter`; NULL: a line for each name. */
TL_API char *tl_describe(tl_program *p, const char *name);
/* The names and words that begin with PREFIX, in alphabetical order, one a line. */
TL_API char *tl_complete(tl_program *p, const char *prefix);

/* ---- statistics ------------------------------------------------------------------------------ */

typedef struct tl_stats {        /* since tl_open; bytes: of the device's memory */
  uint64_t plans_made, plans_found;                      /* programs compiled; found again */
  uint64_t bindings_made, runs, kernels;                 /* plans bound to sizes; run; launches */
  uint64_t allocations, reuses, system_allocations;      /* of the device's pool */
  size_t bytes_in_use, bytes_cached, bytes_peak;
} tl_stats;
TL_API tl_stats tl_statistics(const tl_context *ctx);    /* CTX is NULL: zeros */
/* Give cached memory back to the system until at most KEEP_BYTES are cached. */
TL_API void tl_shrink(tl_context *ctx, size_t keep_bytes);

/* ---- the machine ----------------------------------------------------------------------------- */

/* What it has, and why something of it cannot be used: processor, memory, CUDA's driver, compiler
 * and GPUs. Text, or one JSON object; released with tl_free_text. */
TL_API char *tl_doctor(tl_context *ctx, int json);
/* Kernels that were compiled for a GPU are kept on disk for the next process, below
 * XDG_CACHE_HOME: what is kept, youngest first; and none of it any more. */
TL_API char *tl_cache_text(tl_context *ctx, int json);
TL_API tl_status tl_cache_clear(tl_context *ctx);

#ifdef __cplusplus
}
#endif
#endif
