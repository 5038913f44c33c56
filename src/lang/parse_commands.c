/* parse_commands: import, print, seed, save, load, default, rounds, settle, minimize, maximize. */
#include <string.h>

#include "lang/parse.h"

/* A command's name is no reserved word: `seed = 3` and `load[i] = X[i]` define tensors. */
bool lang_begins_command(const lang_parser *p) {
  const lang_token *name = p->now, *next = name + 1;
  if (!name->word->command) return false;
  if (next->kind == TOKEN_BRACKET) return !next->glued;
  return next->kind <= TOKEN_OPEN || next->kind == TOKEN_MINUS;   /* an end: argument missing */
}

static const char *example_of(const char *command) {
  static const struct { const char *command, *example; } table[] = {
    {"import", "`import \"other.tl\"`"}, {"print", "`print \"loss\", Loss`"}, {"seed", "`seed 42`"},
    {"save", "`save \"model.safetensors\"`"}, {"load", "`load \"model.safetensors\"`"},
    {"default", "`default f16`"}, {"rounds", "`rounds(R, 1000)`"}, {"settle", "`settle(R, 1e-9)`"},
    {"minimize", "`minimize(Loss, adamw(lr=1e-3), steps=500)`"},
    {"maximize", "`maximize(Gain, adamw(lr=1e-3), steps=500)`"},
  };
  size_t i = 0;
  while (i + 1 < sizeof table / sizeof *table && strcmp(table[i].command, command) != 0) i++;
  return table[i].example;
}

/* command = command-name "(" arguments ")" | command-name arguments */
lang_stmt *lang_command(lang_parser *p) {
  const lang_token *name = p->now++;
  const char *text = name->word->name;
  lang_exprs args;
  if (p->now->kind == TOKEN_OPEN && p->now->glued) {
    p->now++;
    args = lang_arguments(p, TOKEN_CLOSE);
    lang_expect(p, TOKEN_CLOSE, base_format(p->arena, "in the arguments of `%s`", text));
  } else {
    args = lang_arguments(p, TOKEN_STOP);
  }
  if (args.n == 0)
    base_raise(p->ctx, BASE_REFUSED, lang_span_of(p, name), "`%s` wants an argument\nhelp: %s",
               text, example_of(text));
  lang_stmt *s = lang_stmt_node(p, LANG_COMMAND);
  s->command.name = text;
  s->command.at = args.at;
  s->command.n = args.n;
  return s;
}
