/* trap: errors that unwind to the innermost trap, interruption, the log. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/private.h"

const base_span base_nowhere = {0};

jmp_buf *base_push_trap(base_ctx *ctx, base_trap *trap) {
  trap->outer = ctx->trap;
  ctx->trap = trap;
  return &trap->env;
}

void base_untrap(base_ctx *ctx, base_trap *trap) {
  assert(ctx->trap == trap);
  ctx->trap = trap->outer;
}

_Noreturn static void unwind(base_ctx *ctx) {
  base_trap *trap = ctx->trap;
  assert(trap && "raised outside any trap: an entry point lacks BASE_TRY");
  if (!trap) abort();  /* there is nowhere to go, and going on would be worse */
  ctx->trap = trap->outer;
  longjmp(trap->env, 1);
}

/* Drop the first bytes of a UTF-8 character whose last ones were cut off. */
static void trim_cut_character(char *text, size_t n) {
  size_t lead = n;
  while (lead > 0 && n - lead < 3 && ((unsigned char)text[lead - 1] & 0xC0) == 0x80) lead--;
  if (lead == 0) return;
  unsigned char c = (unsigned char)text[lead - 1];
  size_t want = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 1;
  if (n - (lead - 1) < want) text[lead - 1] = 0;
}

void base_raise(base_ctx *ctx, base_status status, base_span span, const char *format, ...) {
  char message[BASE_MESSAGE];  /* not in place: the arguments may quote the last message */
  va_list args;
  va_start(args, format);
  int n = vsnprintf(message, sizeof message, format, args);
  va_end(args);
  if (n < 0) message[0] = 0;
  if (n >= BASE_MESSAGE) trim_cut_character(message, BASE_MESSAGE - 1);
  ctx->last.status = status;
  ctx->last.span = span;
  strcpy(ctx->last.message, message);
  unwind(ctx);
}

void base_raise_again(base_ctx *ctx) {
  assert(ctx->last.status != BASE_OK);
  unwind(ctx);
}

const base_error *base_last(const base_ctx *ctx) { return &ctx->last; }

void base_clear(base_ctx *ctx) {
  ctx->last.status = BASE_OK;
  ctx->last.span = base_nowhere;
  ctx->last.message[0] = 0;
}

void base_interrupt(base_ctx *ctx) {
  atomic_store_explicit(&ctx->interrupted, true, memory_order_relaxed);
}

void base_poll(base_ctx *ctx) {
  if (!atomic_load_explicit(&ctx->interrupted, memory_order_relaxed)) return;
  atomic_store_explicit(&ctx->interrupted, false, memory_order_relaxed);
  base_raise(ctx, BASE_INTERRUPTED, base_nowhere, "interrupted");
}

void base_log(base_ctx *ctx, int level, const char *format, ...) {
  if (!ctx->hooks.log) return;
  char line[BASE_MESSAGE];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(line, sizeof line, format, args);
  va_end(args);
  if (n >= 0) ctx->hooks.log(ctx->hooks.user, level, line);
}
