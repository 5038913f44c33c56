/* The command line of `tl`. */
#ifndef TL_APP_OPTIONS_H
#define TL_APP_OPTIONS_H

#include <tensorlogic.h>

enum { WORDS = 8 };

typedef struct options {
  const char *command;           /* "run", "grad" ...; NULL with `text` */
  const char *text;              /* of -e */
  int n;
  const char *word[WORDS];       /* what follows the command */
  tl_options open;
  int json, progress;
  int markdown, peers;           /* of bench */
  const char *sizes;             /* likewise; NULL: the usual ones */
} options;

/* Reads the command line; 0, or the exit status with which to end at once. */
int options_read(options *o, int argc, char **argv, int *done);

/* Say what is wrong with the command line, and what to write; 2. HELP NULL: where to look it up. */
int options_wrong(const options *o, const char *help, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
const char *options_near(const char *word, const char *const *known, int n);   /* NULL: none */

#endif
