/* The commands of `tl`; each gives the exit status. */
#ifndef TL_APP_COMMANDS_H
#define TL_APP_COMMANDS_H

#include "options.h"

/* Is there a command of this name, and does it take so many words? 0, or 2 and a message. */
int command_check(const options *o);
int command_run(tl_context *ctx, const options *o);

#endif
