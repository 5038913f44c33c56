/* The table of named operations, and a row of it made out for a call: equations of the language. */
#ifndef TL_API_OPERATION_H
#define TL_API_OPERATION_H

#include "api/api.h"

enum {
  OPERATION_ARGUMENTS = 64,      /* of one call */
  OPERATION_ATTRIBUTES = 4,
  OPERATION_VALUES = RUN_RANK,   /* of one attribute */
  EINSUM_OPERANDS = 16,
};

typedef struct operation_row {   /* of operations.def */
  const char *name;              /* NULL: a section, whose title is `section` */
  const char *arguments, *attributes, *equations, *samples, *text, *section;
} operation_row;
extern const operation_row operation_rows[];
extern const int operation_count;
const operation_row *operation_find(const char *name);   /* NULL: there is none */

typedef enum operation_kind {
  OPERATION_INT, OPERATION_COUNT, OPERATION_REAL, OPERATION_FLAG, OPERATION_CHOICE, OPERATION_AXIS,
  OPERATION_AXES, OPERATION_PERMUTATION, OPERATION_BEGIN, OPERATION_END, OPERATION_PAIR,
  OPERATION_SHAPE, OPERATION_KINDS
} operation_kind;
extern const char *const operation_kind_names[OPERATION_KINDS];

typedef struct operation_attribute {
  const char *name;
  operation_kind kind;
  const char *choices;           /* CHOICE: "none|relu|gelu" */
  const char *otherwise;         /* if not given; NULL: it must be */
} operation_attribute;

typedef struct operation_argument {
  const char *name;              /* "X" */
  const char *otherwise;         /* the number that it is if left out; NULL: it must be given */
  bool list;                     /* one or more tensors */
} operation_argument;

typedef struct operation {       /* a row, taken apart */
  const operation_row *row;
  int narguments, nattributes;
  operation_argument argument[OPERATION_ARGUMENTS];
  operation_attribute attribute[OPERATION_ATTRIBUTES];
} operation;

operation operation_parse(base_arena *arena, const operation_row *row);

/* An operation for given tensors and attributes. */
typedef struct operation_call {
  base_arena *arena;
  base_ctx *base;
  operation op;
  int n;                         /* tensors */
  tl_tensor *const *tensor;      /* NULL: left out */
  int nvalues[OPERATION_ATTRIBUTES];                     /* 0: not given */
  double value[OPERATION_ATTRIBUTES][OPERATION_VALUES];
} operation_call;

/* ---- attributes.c ---- */

/* The name of its I-th tensor in the equations: "X", of a list "X0"; and for messages "X[2, 3]". */
const char *operation_name(const operation_call *c, int i);
const char *operation_shown(const operation_call *c, int i);
bool operation_is(const char *at, size_t n, const char *name);           /* are the N bytes NAME? */
int operation_attribute_named(const operation_call *c, const char *at, size_t n);   /* -1: none */
/* Values for its I-th attribute: as given, else as the row says; axes from 0. Raises. */
void operation_settle(operation_call *c, int i);
/* N bytes of equations, {..} filled in; ELEMENT: of a list, the tensor whose line it is. */
char *operation_fill(const operation_call *c, int element, const char *text, size_t n);

#define OPERATION_REFUSE(c, ...)                                                                  \
  base_raise((c)->base, BASE_ARGUMENT, base_nowhere, "%s", base_format((c)->arena, __VA_ARGS__))

/* The equations; raises, naming the operation, its operands and their sizes. template.c */
char *operation_equations(operation_call *c);

/* The equation of an Einstein summation, and what it calls its I-th operand. einsum.c */
char *einsum_equations(base_arena *arena, const char *spec, int n, tl_tensor *const *tensor);
const char *einsum_name(int i);

#endif
