/* docs/operations.md: what each row of the table means, by its equations. */
#include "generated.h"

static void put_row(FILE *out, base_arena *arena, const operation_row *row) {
  operation op = operation_parse(arena, row);
  fprintf(out, "\n### %s(", row->name);
  for (int i = 0; i < op.narguments; i++) {
    char name[16];
    generated_lower(name, op.argument[i].name);
    fprintf(out, "%s%s%s", i ? ", " : "", name, op.argument[i].list ? "..." : "");
    if (op.argument[i].otherwise) fprintf(out, "=%s", op.argument[i].otherwise);
  }
  for (int i = 0; i < op.nattributes; i++) {
    const operation_attribute *a = &op.attribute[i];
    fprintf(out, "%s%s", i ? ", " : "; ", a->name);
    if (a->otherwise) fprintf(out, "=%s", a->otherwise);
  }
  fprintf(out, ")\n\n%s.\n", row->text);
  for (int i = 0; i < op.nattributes; i++)
    if (op.attribute[i].choices)
      fprintf(out, "`%s`: %s, counted from 0.\n", op.attribute[i].name, op.attribute[i].choices);
  fprintf(out, "\n```\n%s\n```\n", row->equations);
}

void generated_page(FILE *out) {
  base_ctx *ctx = base_open(NULL);
  base_arena *arena = base_arena_open(ctx);
  FILE *opening = generated_open("tests/operations/opening.md.in");
  for (int c; (c = fgetc(opening)) != EOF;) fputc(c, out);
  fclose(opening);
  for (int i = 0; i < operation_count; i++) {
    const operation_row *row = &operation_rows[i];
    if (row->name)
      put_row(out, arena, row);
    else
      fprintf(out, "\n## %s\n%s%s%s", row->section, *row->text ? "\n" : "", row->text,
              *row->text ? "\n" : "");
  }
  base_arena_close(arena);
  base_close(ctx);
}
