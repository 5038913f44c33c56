#include "fiber.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#ifndef __x86_64__
#include <ucontext.h>
#endif

enum { STACK = 128 << 10, GUARD = 4 << 10 };

struct fiber {
  void *sp;
  char *block; /* the guard page, then the stack */
  void (*job)(void *arg);
  void *arg;
  bool finished;
  fiber *next; /* in the list of those at rest */
#ifndef __x86_64__
  ucontext_t context;
#endif
};

static fiber *resting, *running;

#ifdef __x86_64__
static void *outside;

void fiber_switch(void **from, void *to);
__asm__(
    ".text\n.globl fiber_switch\n.hidden fiber_switch\n.type fiber_switch, @function\n"
    "fiber_switch:\n"
    "push %rbp\npush %rbx\npush %r12\npush %r13\npush %r14\npush %r15\n"
    "mov %rsp, (%rdi)\nmov %rsi, %rsp\n"
    "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbx\npop %rbp\n"
    "ret\n.size fiber_switch, .-fiber_switch\n");

static void leave(fiber *f) { fiber_switch(&f->sp, outside); }
static void enter(fiber *f) { fiber_switch(&outside, f->sp); }
#else
static ucontext_t outside;

static void leave(fiber *f) { swapcontext(&f->context, &outside); }
static void enter(fiber *f) { swapcontext(&outside, &f->context); }
#endif

static void begin(void) {
  fiber *f = running;
  f->job(f->arg);
  f->finished = true;
  leave(f);
  abort();
}

static void prepare(fiber *f) {
#ifdef __x86_64__
  void **top = (void **)(f->block + GUARD + STACK);
  *--top = NULL; /* where a caller's address would be */
  *--top = (void *)begin;
  for (int i = 0; i < 6; i++) *--top = NULL;
  f->sp = top;
#else
  getcontext(&f->context);
  f->context.uc_stack.ss_sp = f->block + GUARD;
  f->context.uc_stack.ss_size = STACK;
  f->context.uc_link = NULL;
  makecontext(&f->context, begin, 0);
#endif
}

static fiber *new_fiber(void) {
  fiber *f = calloc(1, sizeof *f);
  void *block = mmap(NULL, GUARD + STACK, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (!f || block == MAP_FAILED || mprotect(block, GUARD, PROT_NONE) != 0) {
    fprintf(stderr, "simt: no memory for the stack of one more thread\n");
    abort();
  }
  f->block = block;
  return f;
}

fiber *fiber_take(void (*job)(void *arg), void *arg) {
  fiber *f = resting;
  if (f)
    resting = f->next;
  else
    f = new_fiber();
  f->job = job;
  f->arg = arg;
  f->finished = false;
  prepare(f);
  return f;
}

void fiber_run(fiber *f) {
  running = f;
  enter(f);
  running = NULL;
}

void fiber_pause(void) { leave(running); }
bool fiber_finished(const fiber *f) { return f->finished; }
void fiber_abandon(void) { running = NULL; }

void fiber_give_back(fiber *f) {
  f->next = resting;
  resting = f;
}

bool fiber_overflown(const void *address) {
  const char *p = address;
  return running && p >= running->block && p < running->block + GUARD;
}
