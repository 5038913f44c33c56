/* The prompt: a program that grows line by line. Errors leave it as it was; Ctrl-C stops what
 * runs, or drops what was typed. From a pipe the same, without prompts and progress. */
#include "repl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "interrupt.h"
#include "line.h"
#include "terminal.h"

typedef struct repl {
  tl_context *ctx;
  const options *options;
  terminal terminal;
  tl_sink sink;
  tl_program *program;
  line_reader *reader;
  char history[4096];
  int interactive;
  int status;                    /* of the last error */
  int done;
  char *text;                    /* what was typed so far of a statement */
  size_t n, room;
} repl;

/* ---- errors ---------------------------------------------------------------------------------- */

static void tell(repl *r) {
  terminal_end(&r->terminal);
  if (tl_last(r->ctx) == TL_OK) return;
  r->status = tl_last(r->ctx) == TL_IO ? 1 : (int)tl_last(r->ctx);
  terminal_tell(r->ctx, r->options);
  tl_clear(r->ctx);
}

static void complain(repl *r, const char *format, const char *word) {
  fprintf(stderr, format, word);
  fputc('\n', stderr);
  r->status = TL_ARGUMENT;
}

/* ---- commands -------------------------------------------------------------------------------- */

static void show_text(repl *r, char *text) {
  if (text) fputs(text, stdout);
  tl_free_text(r->ctx, text);
  fflush(stdout);
}

static const char help[] =
    "Type statements; a query prints its answer:  X = [1, 2, 3]   Y[i] = 2 X[i]   Y?\n"
    "What is defined again takes the place of what had the same left side, and what depends on it\n"
    "follows. `+=`, `max=`, rules and facts add. A statement goes on in the next line while a\n"
    "bracket is open or the line ends in an operator or comma. Tab completes; Ctrl-C stops.\n"
    "\n"
    "  :names [NAME]     what is defined: types, sizes, kinds\n"
    "  :explain NAME     the kernels that compute it\n"
    "  :forget NAME      drop all that defines it\n"
    "  :load FILE        a program, as if it were typed\n"
    "  :save FILE        what is defined, as a program\n"
    "  :help             this\n"
    "  :quit             leave; so does Ctrl-D\n";

static void do_help(repl *r, const char *word) {
  (void)r, (void)word;
  fputs(help, stdout);
}

static void do_names(repl *r, const char *word) {
  show_text(r, tl_describe(r->program, *word ? word : NULL));
}

/* A program of its own, which asks for NAME and no more. */
static void do_explain(repl *r, const char *word) {
  char *text = tl_text(r->program);
  size_t n = text ? strlen(text) + strlen(word) + 8 : 0;
  char *asking = text ? malloc(n) : NULL;
  if (asking) snprintf(asking, n, "%s\n%s?\n", text, word);
  tl_free_text(r->ctx, text);
  tl_program *p = asking ? tl_load(r->ctx, NULL, asking, NULL) : NULL;
  show_text(r, tl_explain(p, 0));
  tl_program_release(p);
  free(asking);
}

static void do_forget(repl *r, const char *word) { tl_forget(r->program, word); }

static char *read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  size_t n = 0, room = 4096, got;
  char *text = file ? malloc(room) : NULL;
  while (text && (got = fread(text + n, 1, room - n - 1, file)) > 0) {
    n += got;
    if (room - n > 1) continue;
    char *more = realloc(text, room *= 2);
    if (!more) free(text);
    text = more;
  }
  if (text) text[n] = 0;
  if (file) fclose(file);
  return text;
}

static void do_load(repl *r, const char *word) {
  char *text = read_file(word);
  if (text) {
    interrupt_catch(r->ctx, 2);
    tl_enter(r->program, word, text);
    interrupt_note();
  } else {
    complain(r, "cannot read %s", word);
  }
  free(text);
}

static void do_save(repl *r, const char *word) {
  char *text = tl_text(r->program);
  FILE *file = text ? fopen(word, "w") : NULL;
  int bad = text && (!file || fputs(text, file) < 0);
  if (file && fclose(file) != 0) bad = 1;
  if (bad) complain(r, "cannot write %s", word);
  tl_free_text(r->ctx, text);
}

static void do_quit(repl *r, const char *word) {
  (void)word;
  r->done = 1;
}

typedef struct command {
  const char *name;
  int takes;                     /* 0: no word, 1: perhaps one, 2: one */
  void (*work)(repl *r, const char *word);
} command;

static const command commands[] = {
    {":explain", 2, do_explain}, {":forget", 2, do_forget}, {":help", 0, do_help},
    {":load", 2, do_load},       {":names", 1, do_names},   {":quit", 0, do_quit},
    {":save", 2, do_save},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

/* `:na` is `:names`, as long as no other begins so. */
static const command *find_command(const char *name, size_t n) {
  const command *found = NULL;
  for (int i = 0; i < COMMANDS; i++) {
    if (strncmp(commands[i].name, name, n) != 0) continue;
    if (found) return NULL;
    found = &commands[i];
  }
  return n > 1 ? found : NULL;
}

static void carry_out(repl *r, char *line) {
  size_t n = strcspn(line, " \t\r\n");
  char *word = line + n + strspn(line + n, " \t\r\n");
  size_t length = strlen(word);
  while (length && strchr(" \t\r\n", word[length - 1])) word[--length] = 0;
  const command *c = find_command(line, n);
  line[n] = 0;
  if (!c) complain(r, "there is no command `%s`; :help lists them", line);
  else if (c->takes == 2 && !*word) complain(r, "%s wants a word behind it", c->name);
  else if (c->takes == 0 && *word) complain(r, "%s stands alone", c->name);
  else c->work(r, word);
  tell(r);
}

/* ---- statements ------------------------------------------------------------------------------ */

static void enter(repl *r) {
  interrupt_catch(r->ctx, 2);
  tl_enter(r->program, NULL, r->text);
  interrupt_note();
  r->n = 0;
  tell(r);
}

static int add_line(repl *r, const char *line) {
  size_t n = strlen(line);
  if (r->n + n + 2 > r->room) {
    size_t room = 2 * (r->n + n + 2);
    char *more = realloc(r->text, room);
    if (!more) return 0;
    r->text = more;
    r->room = room;
  }
  memcpy(r->text + r->n, line, n + 1);
  r->n += n;
  return 1;
}

static void take_line(repl *r, const char *line) {
  const char *first = line + strspn(line, " \t\r\n");
  if (!r->n && !*first) return;
  if (!add_line(r, line)) {
    complain(r, "%s", "out of memory");
    r->done = 1;
  } else if (r->n == strlen(line) && *first == ':') {
    r->n = 0;
    carry_out(r, r->text + (first - line));
  } else if (!tl_unfinished(r->ctx, r->text)) {
    enter(r);
  }
}

/* ---- the history's file ---------------------------------------------------------------------- */

static void make_folders(char *path) {
  for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
    *at = 0;
    mkdir(path, 0700);
    *at = '/';
  }
}

/* XDG_STATE_HOME/tensorlogic/history, or below ~/.local/state. */
static const char *history_file(repl *r) {
  const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
  int n = state && *state == '/'
              ? snprintf(r->history, sizeof r->history, "%s/tensorlogic/history", state)
              : snprintf(r->history, sizeof r->history, "%s/.local/state/tensorlogic/history",
                         home ? home : "");
  if (n >= (int)sizeof r->history || r->history[0] != '/' || (!home && !state)) return NULL;
  make_folders(r->history);
  return r->history;
}

/* ---- all ------------------------------------------------------------------------------------- */

/* Commands too. */
static char *complete(void *user, const char *prefix) {
  repl *r = user;
  if (prefix[0] != ':') return tl_complete(r->program, prefix);
  char *words = calloc(1, 16 * COMMANDS);
  for (int i = 0; words && i < COMMANDS; i++)
    if (strncmp(commands[i].name, prefix, strlen(prefix)) == 0)
      strcat(strcat(words, commands[i].name), "\n");
  return words;
}

static void forget(void *user, char *words) {
  repl *r = user;
  if (words && words[0] == ':') free(words);
  else tl_free_text(r->ctx, words);
}

static line_reader *open_reader(repl *r) {
  line_reader *reader = NULL;
#ifdef TL_LIBEDIT
  line_words words = {complete, forget, r};
  if (r->interactive) reader = line_edit(history_file(r), &words);
#else
  (void)r, (void)complete, (void)forget, (void)history_file;
#endif
  return reader ? reader : line_plain();
}

static void read_all(repl *r) {
  while (!r->done) {
    int stopped;
    const char *prompt = !r->interactive ? "" : r->n ? "... " : "tl> ";
    const char *line = r->reader->read(r->reader, prompt, &stopped);
    if (stopped) {
      r->n = 0;
      if (r->interactive) fputc('\n', stdout);
    } else if (!line) {
      r->done = 1;
    } else {
      take_line(r, line);
    }
  }
  if (r->n) enter(r); /* what was not finished tells why */
}

int repl_run(tl_context *ctx, const options *o, const char *file) {
  repl r = {.ctx = ctx, .options = o};
  r.interactive = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
  r.sink = terminal_sink(&r.terminal, o);
  r.sink.brief = r.interactive;
  if (!r.interactive && !o->progress) r.sink.progress = NULL;
  r.program = tl_load(ctx, NULL, "", &r.sink);
  if (r.interactive) printf("TensorLogic %s. :help tells what may be typed.\n", tl_version());
  if (file) do_load(&r, file);
  interrupt_note();
  r.reader = r.program ? open_reader(&r) : NULL;
  if (r.reader) read_all(&r);
  else if (r.program) complain(&r, "%s", "out of memory");
  tell(&r);
  if (r.reader) r.reader->close(r.reader);
  if (r.interactive) fputc('\n', stdout);
  tl_program_release(r.program);
  free(r.text);
  return r.interactive ? 0 : r.status;
}
