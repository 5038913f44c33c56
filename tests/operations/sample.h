/* Samples of the table of operations as tensors. Shared by the tests of this folder. */
#ifndef TESTS_OPERATIONS_SAMPLE_H
#define TESTS_OPERATIONS_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/operation.h"

enum { SAMPLE_TENSORS = 8, SAMPLE_ELEMENTS = 1024 };

typedef struct sample_tensor {
  bool given;
  char kind;                     /* 0: real; i: integers below `below`; b: Booleans; p: positive */
  int below, rank;
  int64_t size[8], count;
  double value[SAMPLE_ELEMENTS];
} sample_tensor;

typedef struct sample {
  const operation_row *row;
  char text[128];                /* as the table has it */
  int n, nattributes;
  sample_tensor tensor[SAMPLE_TENSORS];
  char name[16][16];
  tl_attr attribute[17];
} sample;

/* The next of a row's samples from *AT; false: there is none. The values depend on nothing but the
 * number of the tensor and of the element, so that other programs can make them too. */
bool sample_next(sample *s, const operation_row *row, const char **at);
/* Tensor I in CTX, its real elements of TYPE; NULL: left out. */
tl_tensor *sample_make(tl_context *ctx, const sample *s, int i, tl_type type);
/* The operation on them. */
tl_tensor *sample_call(tl_context *ctx, const sample *s, tl_tensor *const *tensor);
/* Elements of T as doubles; returns their number. */
int sample_read(tl_tensor *t, double *to);

#endif
