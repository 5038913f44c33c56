/* The command line: options anywhere, a command and its words. */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: tl COMMAND [OPTION...]\n"
    "\n"
    "  tl run FILE               run a program; its queries print their answers\n"
    "  tl -e TEXT                the same for a program given as text\n"
    "  tl check FILE             read a program and check it; nothing runs\n"
    "  tl grad FILE LOSS [WRT]   the gradient of LOSS by all parameters, or by WRT, as a program\n"
    "  tl explain FILE           the kernels of a program: what is computed, where, at what cost\n"
    "  tl repl                   a prompt (not in this version)\n"
    "  tl doctor                 what this machine offers, and why something cannot be used\n"
    "  tl cache ls|clear         kernels compiled for a GPU and kept on disk\n"
    "\n"
    "  FILE may be -, for standard input.\n"
    "\n"
    "  --json          results as one JSON object a line; errors likewise\n"
    "  --progress      tell of training even where standard error is no terminal\n"
    "  --device NAME   cpu (the default), cuda (a GPU) or ref, the plain reference\n"
    "  --threads N     threads to use; all, unless told\n"
    "  --version       the version\n"
    "  --help          this\n"
    "\n"
    "Exit status: 0; 1 failed while running; 2 usage, or a wrong call; 3 the program is refused;\n"
    "4 device; 5 out of memory; 130 interrupted.\n";

static int wrong(const char *message, const char *word) {
  fprintf(stderr, "tl: %s%s%s\n", message, word ? " " : "", word ? word : "");
  fputs("try: tl --help\n", stderr);
  return 2;
}

static int read_threads(options *o, const char *word) {
  char *end;
  long n = strtol(word, &end, 10);
  if (*word == 0 || *end || n < 1 || n > 1024) return wrong("--threads takes a number, not", word);
  o->open.threads = (int)n;
  return 0;
}

static int read_valued(options *o, const char *option, const char *value) {
  if (!value) return wrong("a value is missing behind", option);
  if (strcmp(option, "--threads") == 0) return read_threads(o, value);
  if (strcmp(option, "--device") == 0) o->open.device = value;
  else o->text = value;
  return 0;
}

static int read_word(options *o, const char *word) {
  if (!o->command && !o->text) {
    o->command = word;
  } else {
    if (o->n == WORDS) return wrong("too many words:", word);
    o->word[o->n++] = word;
  }
  return 0;
}

static int takes_value(const char *word) {
  return strcmp(word, "-e") == 0 || strcmp(word, "--device") == 0 || strcmp(word, "--threads") == 0;
}

static int show(const char *text) {
  return fputs(text, stdout) < 0 || fflush(stdout) != 0;
}

int options_read(options *o, int argc, char **argv, int *done) {
  int status = 0, plain = 0;
  *o = (options){0};
  *done = 1;
  for (int i = 1; i < argc && status == 0; i++) {   /* argv[argc] is NULL */
    const char *word = argv[i];
    if (plain || word[0] != '-' || word[1] == 0) status = read_word(o, word);
    else if (strcmp(word, "--") == 0) plain = 1;
    else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) return show(help);
    else if (strcmp(word, "--version") == 0) return show("tl " TL_VERSION "\n");
    else if (strcmp(word, "--json") == 0) o->json = 1;
    else if (strcmp(word, "--progress") == 0) o->progress = 1;
    else if (takes_value(word)) status = read_valued(o, word, argv[++i]);
    else status = wrong("there is no option", word);
  }
  if (status != 0) return status;
  if (o->text && (o->command || o->n)) return wrong("-e takes no command and no file:",
                                                    o->command ? o->command : o->word[0]);
  if (!o->text && !o->command) {
    fputs(help, stderr);
    return 2;
  }
  *done = 0;
  return 0;
}
