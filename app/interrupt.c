/* A signal handler, and what it may touch. */
#include "interrupt.h"

#include <signal.h>
#include <unistd.h>

static tl_context *running;
static volatile sig_atomic_t asked, most;

static void on_interrupt(int signal_) {
  asked = asked + 1;
  if (most && asked > most) _exit(128 + signal_);
  if (most) tl_interrupt(running);
}

static void listen(void) {
  struct sigaction action = {.sa_handler = on_interrupt};   /* and reading a line ends */
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
}

void interrupt_catch(tl_context *ctx, int patience) {
  running = ctx;
  asked = 0;
  most = patience;
  listen();
}

void interrupt_note(void) {
  most = 0;
  asked = 0;
  listen();
}

int interrupt_taken(void) {
  int n = asked;
  asked = 0;
  return n;
}
