#include "fault.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "device_memory.h"
#include "grid.h"

enum { SIGNALS = 3, STACK = 64 << 10 };

static const int watched[SIGNALS] = {SIGSEGV, SIGBUS, SIGFPE};
static struct sigaction before[SIGNALS];
static stack_t stack_before;
static char *stack;

/* Not a kernel's: once more, and as if nobody had watched. */
static void pass_on(int number) {
  for (int i = 0; i < SIGNALS; i++)
    if (watched[i] == number) sigaction(number, &before[i], NULL);
}

static void caught(int number, siginfo_t *info, void *context) {
  (void)context;
  char text[300], what[200];
  if (!grid_now()) {
    pass_on(number);
    return;
  }
  if (number == SIGFPE) {
    grid_fault("divides an integer by 0, or the least one by -1");
  } else if (fiber_overflown(info->si_addr)) {
    grid_fault("its stack overflows");
  } else {
    device_memory_describe(info->si_addr, what, sizeof what);
    snprintf(text, sizeof text, "illegal access to %s", what);
    grid_fault(text);
  }
}

void fault_watch(void) {
  if (!stack) stack = malloc(STACK);
  sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = STACK}, &stack_before);
  struct sigaction action = {.sa_sigaction = caught,
                             .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  sigemptyset(&action.sa_mask);
  for (int i = 0; i < SIGNALS; i++) sigaction(watched[i], &action, &before[i]);
}

void fault_unwatch(void) {
  for (int i = 0; i < SIGNALS; i++) sigaction(watched[i], &before[i], NULL);
  if (stack_before.ss_flags & SS_DISABLE) stack_before.ss_sp = NULL;
  sigaltstack(&stack_before, NULL);
}
