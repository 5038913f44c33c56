/* What is written from the table of operations: the header of typed functions, and the page. */
#ifndef TESTS_OPERATIONS_GENERATED_H
#define TESTS_OPERATIONS_GENERATED_H

#include <stdio.h>

#include "sample.h"

void generated_header(FILE *out);
void generated_page(FILE *out);

/* For both: "X" as "x"; a text that they begin with, to read. */
void generated_lower(char *to, const char *name);
FILE *generated_open(const char *path);

#endif
