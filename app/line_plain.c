/* Lines as they come: of a pipe, or where there is no libedit. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#include "line.h"

typedef struct plain {
  line_reader reader;            /* the first */
  char *line;
  size_t room;
} plain;

static const char *read_line(line_reader *reader, const char *prompt, int *stopped) {
  plain *r = (plain *)reader;
  fputs(prompt, stdout);
  fflush(stdout);
  errno = 0;
  ssize_t n = getline(&r->line, &r->room, stdin);
  *stopped = n < 0 && errno == EINTR;
  if (*stopped) clearerr(stdin);
  return n < 0 ? NULL : r->line;
}

static void close_plain(line_reader *reader) {
  free(((plain *)reader)->line);
  free(reader);
}

line_reader *line_plain(void) {
  plain *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  r->reader = (line_reader){read_line, close_plain};
  return &r->reader;
}
