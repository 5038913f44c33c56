/* Private to src/api: what the handles are, and how an entry point turns a raised error into a status.
 *
 * An entry point does its work in a function of its own that may raise; api_call() runs it under a trap. */
#ifndef TL_API_H
#define TL_API_H

#include "lang/lang.h"
#include "tensorlogic.h"

struct tl_context {
  base_ctx *base;
  run_session *session;
  base_error first;              /* the first error since tl_clear; status BASE_OK: none */
  char *diagnosis, *diagnosis_json;
  tl_tensor *tensors;            /* every live handle, so that tl_close can release what is still held */
  tl_function *functions;
  tl_program *programs;
  int64_t seed, draws;           /* of equations that draw */
  uint64_t build;                /* number of the program under construction */
};

typedef enum api_kind { API_VALUE, API_EQUATION, API_GRADIENT } api_kind;

struct tl_tensor {
  tl_context *ctx;
  tl_tensor *next, *previous;
  int refs;
  api_kind kind;
  run_value *value;              /* VALUE; others: once computed */
  base_arena *arena;             /* EQUATION: of the tree and the names */
  lang_ast *ast;
  int n;                         /* EQUATION: arguments. GRADIENT: loss, wrt */
  const char **name;
  tl_tensor **input;
  int64_t key;                   /* of its draws */
  ir_type type;                  /* default type of its equations */
  uint64_t built;                /* the build in which `ir` is its tensor */
  ir_tensor *ir;
};

/* A program being made from handles: its leaves and their values. */
typedef struct api_build {
  tl_context *ctx;
  ir_program *program;
  bool whole;                    /* do not stop at values already computed: a gradient goes through them */
  BASE_VEC(ir_tensor *) leaf;
  BASE_VEC(run_value *) value;   /* borrowed, or `own` */
  BASE_VEC(run_value *) own;
} api_build;

api_build *api_build_open(base_arena *arena, tl_context *ctx, int n, tl_tensor *const *wanted);
ir_tensor *api_build_tensor(api_build *b, tl_tensor *t);
run_value **api_build_leaves(api_build *b, const ir_program *p);          /* in the order of ids */
ir_tensor *api_leaf(api_build *b, const char *name, run_value *v, ir_role role);
ir_type api_common_type(int n, const ir_type *type);

/* Compute all that have no value yet, in one program. Raises. */
void api_compute(tl_context *ctx, int n, tl_tensor *const *t);

tl_tensor *api_tensor(tl_context *ctx, api_kind kind);                    /* a new handle; raises */
tl_tensor *api_tensor_of(tl_context *ctx, run_value *v);                  /* takes the reference; raises */

/* Run WORK under a trap. TL_OK, or the status, the error kept as the context's first. */
tl_status api_call(tl_context *ctx, void (*work)(void *arg), void *arg);
tl_status api_refuse(tl_context *ctx, base_status status, const char *message);   /* an error known without work */
void api_diagnose(tl_context *ctx, const char *file, const char *text);   /* keep the last error with its source line */

void api_tensor_free(tl_tensor *t);
void api_function_free(tl_function *f);
void api_program_free(tl_program *p);

#endif
