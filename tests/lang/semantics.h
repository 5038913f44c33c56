/* semantics: what programs give, element by element, against numbers that were worked out apart. */
#ifndef TL_TESTS_SEMANTICS_H
#define TL_TESTS_SEMANTICS_H

enum { SEMANTICS_ELEMENTS = 24 };

typedef struct semantics {
  const char *name;              /* what is asked */
  const char *text;              /* behind the common data */
  const char *tensor;
  int n;
  double value[SEMANTICS_ELEMENTS];
} semantics;

/* Evaluate each on the reference device; fails with the name, the program and both lists. */
void semantics_hold(const semantics *cases, int n);

/* TEXT is refused with a message that holds PART. */
void semantics_refused(const char *text, const char *part);

#endif
