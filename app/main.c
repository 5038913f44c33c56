/* tl: the language at the command line. */
#include <signal.h>
#include <stdio.h>

#include "commands.h"

int main(int argc, char **argv) {
  options o;
  int done, status = options_read(&o, argc, argv, &done);
  if (!done) status = command_check(&o);
  if (done || status != 0) return status;
  tl_context *ctx = tl_open(&o.open);
  if (!ctx) {
    fputs("tl: out of memory\n", stderr);
    return TL_MEMORY;
  }
  if (tl_last(ctx) != TL_OK) {
    char *text = tl_diagnosis(ctx, o.json);
    fputs(text ? text : tl_message(ctx), stderr);
    tl_free_text(ctx, text);
    status = (int)tl_last(ctx);
    tl_close(ctx);
    return status;
  }
  status = command_run(ctx, &o);
  signal(SIGINT, SIG_DFL);
  tl_close(ctx);
  return status;
}
