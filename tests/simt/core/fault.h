/* fault: signals of a kernel become messages. */
#ifndef SIMT_FAULT_H
#define SIMT_FAULT_H

void fault_watch(void);   /* from now on */
void fault_unwatch(void); /* as it was before */

#endif
