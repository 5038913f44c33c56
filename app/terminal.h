/* Where results and progress go: standard output, and standard error. */
#ifndef TL_APP_TERMINAL_H
#define TL_APP_TERMINAL_H

#include "options.h"

typedef struct terminal {
  int is_terminal;               /* standard error is one: progress is one line, written over */
  int shown;                     /* it stands there */
} terminal;

tl_sink terminal_sink(terminal *t, const options *o);    /* T must live as long as the sink */
void terminal_end(terminal *t);                          /* the last line of progress stays */
/* Say what went wrong on standard error. */
void terminal_tell(tl_context *ctx, const options *o);

#endif
