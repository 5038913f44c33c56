/* fiber: a stack of its own for each thread of a kernel. One fiber runs at a time, until it pauses
 * or its job returns. */
#ifndef SIMT_FIBER_H
#define SIMT_FIBER_H

#include <stdbool.h>

typedef struct fiber fiber;

fiber *fiber_take(void (*job)(void *arg), void *arg);
void fiber_run(fiber *f);
void fiber_pause(void); /* from within */
bool fiber_finished(const fiber *f);
void fiber_give_back(fiber *f); /* finished, or never run again */
/* Does ADDRESS lie in the page below the stack of the fiber that runs? */
bool fiber_overflown(const void *address);
/* After a jump out of the fiber that ran. */
void fiber_abandon(void);

#endif
