/* Ctrl-C: the first asks a run to stop, one more than is patient for ends the program. */
#ifndef TL_APP_INTERRUPT_H
#define TL_APP_INTERRUPT_H

#include <tensorlogic.h>

void interrupt_catch(tl_context *ctx, int patience);     /* what runs from now on */
int interrupt_taken(void);                               /* how many came since; none left */
void interrupt_note(void);                               /* nothing runs: they are counted only */

#endif
