/* asked: what programs answer to their queries, against answers that were worked out apart. */
#ifndef TL_TESTS_ASKED_H
#define TL_TESTS_ASKED_H

typedef struct asked {
  const char *name, *text;       /* a program with queries */
  const char *answers;           /* their values as JSON, joined by `|`; numbers may be near */
} asked;

void asked_answers(const asked *cases, int n);

#endif
