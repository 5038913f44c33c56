/* Results as they come; progress as a line that is written over. */
#include "terminal.h"

#include <stdio.h>
#include <unistd.h>

void terminal_end(terminal *t) {
  if (t->shown) fputc('\n', stderr);
  t->shown = 0;
}

static void put(void *user, const char *text, size_t n) {
  terminal_end(user);
  fwrite(text, 1, n, stdout);
  if (n && text[n - 1] == '\n') fflush(stdout);
}

static void progress(void *user, const char *line) {
  terminal *t = user;
  fprintf(stderr, t->is_terminal ? "\r\033[K%s" : "%s\n", line);
  fflush(stderr);
  t->shown = t->is_terminal;
}

tl_sink terminal_sink(terminal *t, const options *o) {
  *t = (terminal){.is_terminal = isatty(STDERR_FILENO)};
  tl_sink sink = {.put = put, .user = t, .json = o->json};
  if (t->is_terminal || o->progress) sink.progress = progress;
  return sink;
}

void terminal_tell(tl_context *ctx, const options *o) {
  char *text = tl_diagnosis(ctx, o->json);
  if (text) fputs(text, stderr);
  else fprintf(stderr, "tl: %s\n", tl_message(ctx));
  tl_free_text(ctx, text);
}
