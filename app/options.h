/* The command line of `tl`. */
#ifndef TL_APP_OPTIONS_H
#define TL_APP_OPTIONS_H

#include <tensorlogic.h>

enum { WORDS = 4 };

typedef struct options {
  const char *command;           /* "run", "grad" ...; NULL with `text` */
  const char *text;              /* of -e */
  int n;
  const char *word[WORDS];       /* what follows the command */
  tl_options open;
  int json, progress;
} options;

/* Reads the command line; 0, or the exit status with which to end at once. */
int options_read(options *o, int argc, char **argv, int *done);

#endif
