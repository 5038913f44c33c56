/* The table of named operations, and its rows taken apart. */
#include <string.h>

#include "api/operation.h"

const operation_row operation_rows[] = {
#define SECTION(title, about) {NULL, NULL, NULL, NULL, NULL, about, title},
#define OPERATION(name, arguments, attributes, equations, samples, text) \
  {#name, arguments, attributes, equations, samples, text, NULL},
#include "api/operations.def"
};
const int operation_count = sizeof operation_rows / sizeof *operation_rows;

const char *const operation_kind_names[OPERATION_KINDS] = {
    [OPERATION_INT] = "int",       [OPERATION_COUNT] = "count",
    [OPERATION_REAL] = "real",     [OPERATION_FLAG] = "flag",
    [OPERATION_CHOICE] = "choice", [OPERATION_AXIS] = "axis",
    [OPERATION_AXES] = "axes",     [OPERATION_PERMUTATION] = "permutation",
    [OPERATION_BEGIN] = "begin",   [OPERATION_END] = "end",
    [OPERATION_PAIR] = "pair",     [OPERATION_SHAPE] = "shape",
};

const operation_row *operation_find(const char *name) {
  for (int i = 0; i < operation_count; i++)
    if (operation_rows[i].name && strcmp(operation_rows[i].name, name) == 0)
      return &operation_rows[i];
  return NULL;
}

/* From *AT up to STOP or the end; *AT goes behind it. */
static char *word(base_arena *arena, const char **at, const char *stop) {
  const char *from = *at, *to = strstr(from, stop);
  if (!to) to = from + strlen(from);
  *at = *to ? to + strlen(stop) : to;
  return base_copy_n(arena, from, (size_t)(to - from));
}

/* "C=0" to "C" and "0". */
static const char *after_equals(char *text) {
  char *equals = strchr(text, '=');
  if (!equals) return NULL;
  *equals = 0;
  return equals + 1;
}

static operation_argument argument_of(char *text) {
  operation_argument a = {.name = text, .otherwise = after_equals(text)};
  size_t n = strlen(text);
  a.list = text[n - 1] == '+';
  if (a.list) text[n - 1] = 0;
  return a;
}

/* "choice(none|relu) activation=none" */
static operation_attribute attribute_of(base_arena *arena, const char *text) {
  const char *at = text; /* moves behind the kind */
  char *kind = word(arena, &at, " "), *name = base_copy(arena, at), *choices = strchr(kind, '(');
  operation_attribute a = {.name = name, .otherwise = after_equals(name)};
  if (choices) {
    *choices++ = 0;
    choices[strlen(choices) - 1] = 0;
    a.choices = choices;
  }
  while (strcmp(operation_kind_names[a.kind], kind) != 0) a.kind++;
  return a;
}

operation operation_parse(base_arena *arena, const operation_row *row) {
  operation op = {.row = row};
  for (const char *at = row->arguments; *at;)
    op.argument[op.narguments++] = argument_of(word(arena, &at, " "));
  for (const char *at = row->attributes; *at;)
    op.attribute[op.nattributes++] = attribute_of(arena, word(arena, &at, ", "));
  return op;
}
