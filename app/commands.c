/* The commands, by the public API alone. */
#include "bench.h"
#include "commands.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interrupt.h"
#include "repl.h"
#include "terminal.h"

/* ---- errors ---------------------------------------------------------------------------------- */

/* Say what went wrong, and give the exit status that belongs to it. */
static int failed(tl_context *ctx, const options *o) {
  tl_status status = tl_last(ctx);
  terminal_tell(ctx, o);
  bool runs = o->text || strcmp(o->command, "run") == 0;
  if (status == TL_IO || (status == TL_ARGUMENT && runs)) return 1;
  return (int)status;
}

/* ---- loading --------------------------------------------------------------------------------- */

/* All of standard input; NULL for lack of memory. */
static char *read_input(void) {
  size_t n = 0, cap = 4096, got;
  char *text = malloc(cap);
  while (text && (got = fread(text + n, 1, cap - n - 1, stdin)) > 0) {
    n += got;
    if (cap - n > 1) continue;
    char *more = realloc(text, cap *= 2);
    if (!more) free(text);
    text = more;
  }
  if (text) text[n] = 0;
  return text;
}

static tl_program *load(tl_context *ctx, const options *o, const tl_sink *sink) {
  if (o->text) return tl_load(ctx, "<text>", o->text, sink);
  if (strcmp(o->word[0], "-") != 0) return tl_load_file(ctx, o->word[0], sink);
  char *text = read_input();
  tl_program *p = tl_load(ctx, "<stdin>", text, sink);
  free(text);
  return p;
}

/* ---- commands -------------------------------------------------------------------------------- */

static int print_text(tl_context *ctx, char *text) {
  if (!text) return 1;
  fputs(text, stdout);
  tl_free_text(ctx, text);
  return 0;
}

static int run(tl_context *ctx, tl_program *p, const options *o) {
  (void)ctx, (void)o;
  return tl_run(p) != TL_OK;
}

static int check(tl_context *ctx, tl_program *p, const options *o) {
  (void)ctx, (void)p, (void)o;
  return 0;
}

static int grad(tl_context *ctx, tl_program *p, const options *o) {
  return print_text(ctx, tl_gradient_text(p, o->word[1], o->word[2]));
}

static int explain(tl_context *ctx, tl_program *p, const options *o) {
  return print_text(ctx, tl_explain(p, o->json));
}

static int doctor(tl_context *ctx, tl_program *p, const options *o) {
  (void)p;
  return print_text(ctx, tl_doctor(ctx, o->json));
}

static int cache(tl_context *ctx, tl_program *p, const options *o) {
  (void)p;
  if (strcmp(o->word[0], "clear") == 0) return tl_cache_clear(ctx) != TL_OK;
  return print_text(ctx, tl_cache_text(ctx, o->json));
}

static int bench(tl_context *ctx, tl_program *p, const options *o) {
  (void)p;
  return bench_command(ctx, o);
}

typedef struct command {
  const char *name, *words;
  int least, most;               /* words behind the command */
  int bare;                      /* it needs no program: the words are its own */
  int (*work)(tl_context *ctx, tl_program *p, const options *o);   /* 0, or not: an error is kept */
} command;

static const command commands[] = {
    {"run", "FILE", 1, 1, 0, run},
    {"check", "FILE", 1, 1, 0, check},
    {"grad", "FILE LOSS [WRT]", 2, 3, 0, grad},
    {"explain", "FILE", 1, 1, 0, explain},
    {"doctor", "", 0, 0, 1, doctor},
    {"cache", "ls|clear", 1, 1, 1, cache},
    {"bench", "[CATEGORY...]", 0, WORDS, 1, bench},
    {"repl", "[FILE]", 0, 1, 1, NULL},
};

static const command *find(const options *o) {
  if (o->text) return &commands[0];
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
    if (strcmp(commands[i].name, o->command) == 0) return &commands[i];
  return NULL;
}

/* `tl model.tl`, `tl rnu model.tl` */
static int no_command(const options *o) {
  const char *known[16], *word = o->command, *point = strrchr(word, '.');
  char help[200];
  int n = 0;
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) known[n++] = commands[i].name;
  const char *near = options_near(word, known, n);
  bool file = strcmp(word, "-") == 0 || (point && strcmp(point, ".tl") == 0);
  if (file) snprintf(help, sizeof help, "to run a file, write `tl run %s`", word);
  else if (near) snprintf(help, sizeof help, "did you mean `%s`?", near);
  return options_wrong(o, file || near ? help : NULL, "there is no command `%s`", word);
}

int command_check(const options *o) {
  const command *c = find(o);
  char help[80];
  bool fits = c && (o->text || (o->n >= c->least && o->n <= c->most));
  if (fits && c->work == cache && strcmp(o->word[0], "ls") != 0 && strcmp(o->word[0], "clear") != 0)
    return options_wrong(o, "write `tl cache ls` or `tl cache clear`", "there is no `tl cache %s`",
                         o->word[0]);
  if (fits) return 0;
  if (!c) return no_command(o);
  snprintf(help, sizeof help, "write `tl %s%s%s`", c->name, *c->words ? " " : "", c->words);
  if (o->n > c->most)
    return options_wrong(o, help, "`%s` is one word too many for `tl %s`", o->word[c->most],
                         c->name);
  return options_wrong(o, help, "`tl %s` wants %s", c->name, o->n ? "more words" : "a file");
}

int command_run(tl_context *ctx, const options *o) {
  terminal t;
  tl_sink sink = terminal_sink(&t, o);
  const command *c = find(o);
  if (!c->work) return repl_run(ctx, o, o->n ? o->word[0] : NULL);
  interrupt_catch(ctx, 1);
  tl_program *p = c->bare ? NULL : load(ctx, o, &sink);
  int status = p || c->bare ? c->work(ctx, p, o) : TL_RUNTIME;
  terminal_end(&t);
  if (status != 0 && tl_last(ctx) == TL_OK) return status;   /* it has said why */
  if (status != 0) return failed(ctx, o);
  if (fflush(stdout) != 0) {
    perror("tl: standard output");
    return 1;
  }
  return 0;
}
