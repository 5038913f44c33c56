/* The prompt. */
#ifndef TL_APP_REPL_H
#define TL_APP_REPL_H

#include "options.h"

/* Reads statements and commands from standard input until its end, carrying out each; begins with
 * the program FILE, if it is not NULL. The exit status. */
int repl_run(tl_context *ctx, const options *o, const char *file);

#endif
