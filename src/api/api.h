/* Private to src/api: what the handles are, and how an entry point turns a raised error into a
 * status. An entry point does its work in a function of its own that may raise; api_call() runs
 * it under a trap. */
#ifndef TL_API_H
#define TL_API_H

#include "lang/lang.h"
#include "tensorlogic.h"

typedef struct api_text api_text;
typedef struct api_apply api_apply;
typedef struct api_part api_part;
typedef struct api_operation api_operation;

enum { API_TEXTS = 64, API_SPARES = 32 };                /* buckets; handles kept for later */

struct tl_context {
  base_ctx *base;
  run_session *session;
  base_error first;              /* the first error since tl_clear; status BASE_OK: none */
  char *diagnosis, *diagnosis_json;
  tl_tensor *tensors;            /* every live handle: tl_close releases what is still held */
  tl_tensor *spare;              /* handles of values to be used again, by `next` */
  int nspare;
  tl_function *functions;
  tl_program *programs;
  tl_rows *rows;
  api_text *texts[API_TEXTS];
  int idle;                      /* texts that nobody needs now */
  api_operation *operations[API_TEXTS];                  /* calls of named ones, found again */
  int noperations;
  api_part *parts[API_TEXTS];    /* programs of several handles, found again */
  int nparts;
  ir_function **defined;         /* by tl_define; they live as long as the context */
  int ndefined;
  int64_t seed, draws;           /* of equations that draw */
  uint64_t serial;               /* of the youngest handle */
  uint64_t build;                /* number of the last graph, search or program: a mark */
};

typedef struct api_form api_form;

/* Equations parsed once for all handles that are made by the same text. */
struct api_text {
  api_text *next;                /* of its bucket */
  uint64_t hash, used;
  int refs;                      /* of handles and functions; 0: kept for a while */
  base_arena *arena;
  const char *text;
  lang_ast *ast;
  api_form *forms;               /* live as long as the text */
};

/* A text for arguments of given names, types and ranks. */
struct api_form {
  api_form *next;                /* of its text */
  api_text *text;
  base_arena *arena;             /* holds it all */
  int n;
  const char **name;
  ir_type *type;
  int *rank;
  ir_type given, result;         /* of heads that are not declared; of the last head */
  ir_program *program;           /* the equations, sizes as symbols */
  ir_tensor **leaf, *head, *key; /* arguments; result; of draws, NULL: none */
  int64_t *symbols, *sizes;      /* of the arguments last seen: by symbol, in order */
  int nsize;
  bool sized;                    /* they fit, and so */
  int64_t head_size[RUN_RANK];
  /* run alone: */
  run_plan *plan;                /* NULL: not yet */
  run_value *draw, **value;      /* of the call under way, by leaf */
  int nleaf, *argument;          /* by leaf; -1: the key of the draws */
};

/* What a form is found by. GIVEN: IR_TYPES: as the arguments' types say. */
typedef struct api_signature {
  int n;
  const char *const *name;
  tl_tensor *const *input;
  ir_type given;
} api_signature;

typedef enum api_kind { API_VALUE, API_EQUATION, API_GRADIENT, API_APPLIED } api_kind;

enum { API_INPUTS = 4, API_SIZES = 6 };   /* kept in the handle itself; more: behind it */

/* A handle is younger than all its inputs, so the order of serials is an order in which they can
 * be computed. */
struct tl_tensor {
  tl_context *ctx;
  tl_tensor *next, *previous;
  int refs;
  api_kind kind;
  run_value *value;              /* VALUE; others: once computed */
  ir_type type;
  int rank;
  const int64_t *size;
  uint64_t serial;
  int n;                         /* inputs. GRADIENT: loss, wrt */
  tl_tensor **input, *own_input[API_INPUTS];
  int64_t own_size[API_SIZES];
  bool large;                    /* has tables behind it: is never kept as a spare */
  api_form *form;                /* EQUATION */
  api_apply *apply;              /* APPLIED */
  int64_t key;                   /* EQUATION: of its draws */
  /* Marks: of the graph in which it stands, goes on to its inputs, is differentiated through; of
   * a search, that it was seen, depends on what is searched for; of the program that holds `ir`. */
  uint64_t met, opened, through, seen, depends, built;
  uint64_t last;                 /* its youngest user there; UINT64_MAX: it is wanted itself */
  int place;                     /* there: its number; of a leaf -1 - its number */
  ir_tensor *ir;
  tl_tensor *dying;
};

struct tl_program {
  tl_context *ctx;
  tl_program *next, *previous;
  base_arena *arena;             /* what stays: itself, its pieces */
  base_arena *text;              /* what `checked` lies in */
  lang_program *checked;
  lang_machine *machine;         /* its values; made when first needed */
  lang_output output;
  BASE_VEC(lang_piece) pieces;   /* as loaded, then as entered */
};

/* ---- errors ---------------------------------------------------------------------------------- */

/* Run WORK under a trap. TL_OK, or the status, the error kept as the context's first. */
tl_status api_call(tl_context *ctx, void (*work)(void *arg), void *arg);
/* An error known without work. */
tl_status api_refuse(tl_context *ctx, base_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same as api_call; a first error is kept with its line of the text, one of N sources. */
tl_status api_call_on(tl_context *ctx, void (*work)(void *arg), void *arg,
                      const lang_source *sources, int n);
/* Keep the first error with its source line; for callers whose sources come late. */
void api_diagnose(tl_context *ctx, const lang_source *sources, int n);
void api_diagnose_all(tl_context *ctx, const lang_report *report);        /* its first is kept */

/* ---- handles --------------------------------------------------------------------------------- */

tl_tensor *api_tensor_of(tl_context *ctx, run_value *v);  /* takes the reference; raises */
/* For N inputs, not yet set. Raises. */
tl_tensor *api_tensor_new(tl_context *ctx, api_kind kind, int n, int rank, const int64_t *size);
void api_tensor_free(tl_tensor *t);
void api_spares_free(tl_context *ctx);
void api_function_free(tl_function *f);
void api_program_free(tl_program *p);
void api_rows_free(tl_rows *r);
lang_machine *api_machine_of(tl_program *p);
/* How texts of programs are read in CTX: by the functions in C that they may name. */
lang_options api_options(const tl_context *ctx, lang_report *report);
void api_defined_free(tl_context *ctx);

/* ---- texts and forms: form.c ----------------------------------------------------------------- */

api_text *api_text_of(tl_context *ctx, const char *equations);            /* retained; raises */
void api_text_release(tl_context *ctx, api_text *text);
void api_texts_free(tl_context *ctx);
void api_operations_free(tl_context *ctx);
/* Found, or made; lives with the text. Raises. */
api_form *api_form_of(tl_context *ctx, api_text *text, const api_signature *s);
/* Sizes of the result for these arguments, until the next call. Raises where they disagree. */
const int64_t *api_form_sizes(api_form *f, tl_tensor *const *input);
/* Of arguments that have values. Raises. */
run_value *api_form_run(tl_context *ctx, api_form *f, tl_tensor *const *input, int64_t key);
/* A lazy handle, which keeps TEXT. Raises. */
tl_tensor *api_equation_new(tl_context *ctx, api_text *text, const api_signature *s);

/* The type of heads that are not declared: that of the real arguments, f32 where they differ, f64
 * if one is. */
ir_type api_common_type(int n, const ir_type *type);
/* Empty, with the functions in C that equations may name. */
ir_program *api_program(tl_context *ctx, base_arena *arena);
/* An input of P, each size a symbol of its own. */
ir_tensor *api_leaf(ir_program *p, const char *name, ir_type type, int rank);

/* ---- functions in C of whole tensors: apply.c ------------------------------------------------ */

enum { API_APPLY_MOST = 8 };     /* arguments */
void api_apply_free(tl_context *ctx, api_apply *a);
void api_apply_run(tl_tensor *t);                         /* its inputs have values; raises */
bool api_apply_differentiable(const tl_tensor *t);
const char *api_apply_name(const tl_tensor *t);
/* The derivative by argument BY of what has the derivative SLOPE by T. A new handle; raises. */
tl_tensor *api_apply_backward(tl_tensor *t, int by, tl_tensor *slope);

/* ---- computing: graph.c ---------------------------------------------------------------------- */

void api_compute(tl_context *ctx, int n, tl_tensor *const *t);            /* raises */
/* As one program: N handles, oldest first, whose other inputs have values. Raises. part.c */
void api_part_run(tl_context *ctx, int n, tl_tensor **part);
void api_parts_free(tl_context *ctx);

/* A run of WORK on ARENA that is closed whatever happens. */
void api_in_arena(base_ctx *base, void (*work)(base_arena *arena, void *arg), void *arg);

#endif
