/* The command line: options anywhere, a command and its words. */
#include "options.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: tl COMMAND [OPTION...]\n"
    "\n"
    "  tl run FILE               run a program; its queries print their answers\n"
    "  tl -e TEXT                the same for a program given as text\n"
    "  tl check FILE             read a program and check it; nothing runs\n"
    "  tl grad FILE LOSS [WRT]   the gradient of LOSS by all parameters, or by WRT, as a program\n"
    "  tl explain FILE           the kernels of a program: what is computed, where, at what cost\n"
    "  tl repl [FILE]            a prompt: statements as they are typed\n"
    "  tl doctor                 what this machine offers, and why something cannot be used\n"
    "  tl cache ls|clear         kernels compiled for a GPU and kept on disk\n"
    "  tl bench [CATEGORY...]    what this machine does: matmul, elementwise, reductions,\n"
    "                            activations, transfers, fusion\n"
    "\n"
    "  FILE may be -, for standard input.\n"
    "\n"
    "  --json          results as one JSON object a line; errors likewise\n"
    "  --progress      tell of training even where standard error is no terminal\n"
    "  --device NAME   cpu (the default), cuda (a GPU), auto (either) or ref, the plain reference\n"
    "  --threads N     threads to use; all, unless told\n"
    "  --peers         bench: measure PyTorch in the same run, where python3 has it\n"
    "  --sizes LIST    bench: sizes, as in 64,128,1000\n"
    "  --markdown      bench: tables in Markdown\n"
    "  --version       the version\n"
    "  --help          this\n"
    "\n"
    "Exit status: 0; 1 failed while running; 2 usage, or a wrong call; 3 the program is refused;\n"
    "4 device; 5 out of memory; 130 interrupted.\n";

/* ---- what is wrong --------------------------------------------------------------------------- */

static const char *const names[] = {"--json", "--progress", "--device", "--threads", "--sizes",
                                    "--peers", "--markdown", "--version",
                                    "--help", "-e"};
enum { NAMES = sizeof names / sizeof *names };

static void put_json(const char *text) {
  fputc('"', stderr);
  for (; *text; text++) {
    unsigned char c = (unsigned char)*text;
    if (c == '"' || c == '\\') fprintf(stderr, "\\%c", c);
    else if (c < ' ') fprintf(stderr, "\\u%04x", c);
    else fputc(c, stderr);
  }
  fputc('"', stderr);
}

int options_wrong(const options *o, const char *help, const char *format, ...) {
  char message[512];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  if (!help) help = "`tl --help` lists commands and options";
  if (o->json) {
    fputs("{\"status\": \"usage\", \"message\": ", stderr);
    put_json(message);
    fputs(", \"help\": ", stderr);
    put_json(help);
    fputs("}\n", stderr);
  } else {
    fprintf(stderr, "tl: error: %s\nhelp: %s\n", message, help);
  }
  return 2;
}

/* Insertions, deletions, changes and swaps of neighbours that make A of B; words are short. */
static int distance(const char *a, const char *b) {
  enum { LONGEST = 32 };
  int n = (int)strlen(a), m = (int)strlen(b), d[LONGEST + 1][LONGEST + 1];
  if (n > LONGEST || m > LONGEST) return 2 * LONGEST;
  for (int i = 0; i <= n; i++)
    for (int j = 0; j <= m; j++) {
      int least = i == 0 ? j : j == 0 ? i : d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
      if (i > 0 && d[i - 1][j] + 1 < least) least = d[i - 1][j] + 1;
      if (j > 0 && d[i][j - 1] + 1 < least) least = d[i][j - 1] + 1;
      bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped && d[i - 2][j - 2] + 1 < least) least = d[i - 2][j - 2] + 1;
      d[i][j] = least;
    }
  return d[n][m];
}

const char *options_near(const char *word, const char *const *known, int n) {
  const char *best = NULL;
  int least = 1 + (int)strlen(word) / 3;
  for (int i = 0; i < n; i++) {
    int far = distance(word, known[i]);
    if (far > least || (best && far == least)) continue;
    least = far;
    best = known[i];
  }
  return best;
}

static int no_option(const options *o, const char *word) {
  char help[80], twice[40];
  snprintf(twice, sizeof twice, "-%s", word);   /* -json */
  const char *near = options_near(word[1] == '-' ? word : twice, names, NAMES);
  if (near) snprintf(help, sizeof help, "did you mean `%s`?", near);
  return options_wrong(o, near ? help : NULL, "there is no option `%s`", word);
}

/* ---- words and options ----------------------------------------------------------------------- */

static int read_threads(options *o, const char *word) {
  char *end;
  long n = strtol(word, &end, 10);
  if (*word == 0 || *end || n < 1 || n > 1024)
    return options_wrong(o, "write `--threads 4`; left out, all are used",
                         "--threads takes a number from 1 to 1024, not `%s`", word);
  o->open.threads = (int)n;
  return 0;
}

static int read_valued(options *o, const char *option, const char *value) {
  if (!value)
    return options_wrong(o, strcmp(option, "--device") == 0    ? "write `--device cpu`"
                            : strcmp(option, "--threads") == 0 ? "write `--threads 4`"
                            : strcmp(option, "--sizes") == 0   ? "write `--sizes 64,128`"
                                                               : "write `tl -e 'Y = 2; Y?'`",
                         "a value is missing behind %s", option);
  if (strcmp(option, "--threads") == 0) return read_threads(o, value);
  if (strcmp(option, "--device") == 0) o->open.device = value;
  else if (strcmp(option, "--sizes") == 0) o->sizes = value;
  else o->text = value;
  return 0;
}

static int read_word(options *o, const char *word) {
  if (!o->command && !o->text) {
    o->command = word;
  } else {
    if (o->n == WORDS) return options_wrong(o, NULL, "too many words: `%s`", word);
    o->word[o->n++] = word;
  }
  return 0;
}

/* The option that WORD is, alone or before `=`, if it takes a value; *VALUE: what follows `=`. */
static const char *valued(const char *word, const char **value) {
  static const char *const all[] = {"-e", "--device", "--threads", "--sizes"};
  for (int i = 0; i < 4; i++) {
    size_t n = strlen(all[i]);
    if (strncmp(word, all[i], n) != 0 || (word[n] && (i == 0 || word[n] != '='))) continue;
    *value = word[n] ? word + n + 1 : NULL;
    return all[i];
  }
  return NULL;
}

static int show(const char *text) {
  return fputs(text, stdout) < 0 || fflush(stdout) != 0;
}

/* Errors of what stands before it are for programs too. */
static int wants_json(int argc, char **argv) {
  for (int i = 1; i < argc; i++)
    if (strcmp(argv[i], "--json") == 0) return 1;
  return 0;
}

int options_read(options *o, int argc, char **argv, int *done) {
  int status = 0, plain = 0;
  const char *option, *value;
  *o = (options){.json = wants_json(argc, argv)};
  *done = 1;
  for (int i = 1; i < argc && status == 0; i++) {   /* argv[argc] is NULL */
    const char *word = argv[i];
    if (plain || word[0] != '-' || word[1] == 0) status = read_word(o, word);
    else if (strcmp(word, "--") == 0) plain = 1;
    else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) return show(usage);
    else if (strcmp(word, "--version") == 0) return show("tl " TL_VERSION "\n");
    else if (strcmp(word, "--json") == 0) o->json = 1;
    else if (strcmp(word, "--progress") == 0) o->progress = 1;
    else if (strcmp(word, "--markdown") == 0) o->markdown = 1;
    else if (strcmp(word, "--peers") == 0) o->peers = 1;
    else if ((option = valued(word, &value)))
      status = read_valued(o, option, value ? value : argv[++i]);
    else status = no_option(o, word);
  }
  if (status != 0) return status;
  if (o->text && (o->command || o->n))
    return options_wrong(o, "run either a text or a file", "-e takes no command and no file: `%s`",
                         o->command ? o->command : o->word[0]);
  if (!o->text && !o->command) {
    fputs(usage, stderr);
    return 2;
  }
  *done = 0;
  return 0;
}
