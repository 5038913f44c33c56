/* include/tensorlogic_ops.h: a typed function for each row, on top of tl_op. */
#include "generated.h"

#include <ctype.h>

void generated_lower(char *to, const char *name) {
  for (; *name; name++) *to++ = (char)tolower((unsigned char)*name);
  *to = 0;
}

FILE *generated_open(const char *path) {
  FILE *f = fopen(path, "r");
  if (!f) fail_msg("%s is not there: tests run in the project's folder", path);
  return f;
}

/* ---- enumerations of choices ------------------------------------------------------------------
 */

static void put_enum(FILE *out, const operation_attribute *a) {
  fprintf(out, "typedef enum tl_%s {\n  TL_", a->name);
  for (const char *at = a->choices; *at; at++) {
    if (*at == '|')
      fprintf(out, ",\n  TL_");
    else
      fputc(toupper((unsigned char)*at), out);
  }
  fprintf(out, "\n} tl_%s;\n\n", a->name);
}

static void put_enums(FILE *out, base_arena *arena) {
  for (int i = 0; i < operation_count; i++) {
    if (!operation_rows[i].name) continue;
    operation op = operation_parse(arena, &operation_rows[i]);
    for (int k = 0; k < op.nattributes; k++)
      if (op.attribute[k].kind == OPERATION_CHOICE && strcmp(op.attribute[k].name, "type") != 0)
        put_enum(out, &op.attribute[k]);
  }
}

/* ---- one function -----------------------------------------------------------------------------
 */

static void put_parameter(FILE *out, const operation_attribute *a) {
  switch (a->kind) {
  case OPERATION_REAL: fprintf(out, ", double %s", a->name); break;
  case OPERATION_FLAG:
  case OPERATION_AXIS: fprintf(out, ", int %s", a->name); break;
  case OPERATION_AXES:
  case OPERATION_PERMUTATION: fprintf(out, ", int n%s, const int *%s", a->name, a->name); break;
  case OPERATION_PAIR: fprintf(out, ", const int *%s", a->name); break;
  case OPERATION_SHAPE: fprintf(out, ", int rank, const int64_t *%s", a->name); break;
  case OPERATION_CHOICE: fprintf(out, ", tl_%s %s", a->name, a->name); break;
  default: fprintf(out, ", int64_t %s", a->name);
  }
}

static void put_attribute(FILE *out, const operation_attribute *a) {
  const char *n = a->name;
  switch (a->kind) {
  case OPERATION_AXES:
  case OPERATION_PERMUTATION:
    fprintf(out, "  tl_op_ints(&own, \"%s\", n%s, %s);\n", n, n, n);
    break;
  case OPERATION_PAIR: fprintf(out, "  tl_op_ints(&own, \"%s\", 2, %s);\n", n, n); break;
  case OPERATION_SHAPE: fprintf(out, "  tl_op_sizes(&own, \"%s\", rank, %s);\n", n, n); break;
  default: fprintf(out, "  tl_op_put(&own, \"%s\", (double)%s);\n", n, n);
  }
}

/* The words of TEXT in lines of a comment. */
static void put_comment(FILE *out, const char *text) {
  size_t column = 3;
  while (*text) {
    size_t n = strcspn(text, " ");
    if (column + n > 96) fprintf(out, "\n *"), column = 2;
    fprintf(out, " %.*s", (int)n, text);
    column += n + 1;
    text += n + (text[n] == ' ');
  }
}

static void put_description(FILE *out, const operation *op) {
  char text[2048];
  int n = snprintf(text, sizeof text, "%s: %s.", op->row->name, op->row->text);
  for (int i = 0; i < op->narguments; i++) {
    const operation_argument *x = &op->argument[i];
    char name[16];
    generated_lower(name, x->name);
    if (x->otherwise)
      n += snprintf(text + n, sizeof text - (size_t)n, " %s [%s].", name, x->otherwise);
  }
  for (int i = 0; i < op->nattributes; i++)
    if (op->attribute[i].otherwise)
      n += snprintf(text + n, sizeof text - (size_t)n, " %s [%s].", op->attribute[i].name,
                    op->attribute[i].otherwise);
  fprintf(out, "\n/*");
  put_comment(out, text);
  fprintf(out, " */\n");
}

static void put_tensors(FILE *out, const operation *op) {
  fprintf(out, "  tl_tensor *const tensors[%d] = {", op->narguments);
  for (int i = 0; i < op->narguments; i++) {
    char name[16];
    generated_lower(name, op->argument[i].name);
    fprintf(out, "%s%s", i ? ", " : "", name);
  }
  fprintf(out, "};\n");
}

static void put_head(FILE *out, const operation *op) {
  char head[512], *text = NULL;
  size_t size;
  FILE *line = open_memstream(&text, &size);
  fprintf(line, "static inline tl_tensor *tl_%s(tl_context *ctx", op->row->name);
  for (int i = 0; i < op->narguments; i++) {
    generated_lower(head, op->argument[i].name);
    fprintf(line, op->argument[i].list ? ", int n, tl_tensor *const *%s" : ", tl_tensor *%s", head);
  }
  for (int i = 0; i < op->nattributes; i++) put_parameter(line, &op->attribute[i]);
  fprintf(line, ") {");
  fclose(line);
  for (char *at = text; *at;) { /* in lines of 100 columns */
    size_t n = strlen(at);
    bool first = at == text;
    if (n > (first ? 100U : 92U)) {
      n = first ? 100 : 92;
      while (at[n - 1] != ',') n--;
    }
    fprintf(out, "%s%.*s\n", first ? "" : "        ", (int)n, at);
    at += n + (at[n] == ' ');
  }
  free(text);
}

static void put_function(FILE *out, const operation *op) {
  bool list = op->argument[op->narguments - 1].list;
  put_description(out, op);
  put_head(out, op);
  if (!list) put_tensors(out, op);
  if (op->nattributes) fprintf(out, "  tl_op_attrs own;\n  own.n = 0;\n");
  for (int i = 0; i < op->nattributes; i++) put_attribute(out, &op->attribute[i]);
  char count[16] = "n", name[16];
  if (!list) snprintf(count, sizeof count, "%d", op->narguments);
  generated_lower(name, op->argument[op->narguments - 1].name);
  fprintf(out, "  return tl_op(ctx, \"%s\", %s, %s, %s);\n}\n", op->row->name, count,
          list ? name : "tensors", op->nattributes ? "tl_op_end(&own)" : "0");
}

void generated_header(FILE *out) {
  base_ctx *ctx = base_open(NULL);
  base_arena *arena = base_arena_open(ctx);
  FILE *opening = generated_open("tests/operations/opening.h.in");
  for (char line[256]; fgets(line, sizeof line, opening);) {
    if (strcmp(line, "@ENUMS@\n") == 0)
      put_enums(out, arena);
    else
      fputs(line, out);
  }
  fclose(opening);
  for (int i = 0; i < operation_count; i++) {
    const operation_row *row = &operation_rows[i];
    if (!row->name) {
      fprintf(out, "\n/* ---- %s ", row->section);
      for (size_t k = strlen(row->section); k < 88; k++) fputc('-', out);
      fprintf(out, " */\n");
      continue;
    }
    operation op = operation_parse(arena, row);
    put_function(out, &op);
  }
  fprintf(out, "\n#ifdef __cplusplus\n}\n#endif\n#endif\n");
  base_arena_close(arena);
  base_close(ctx);
}
