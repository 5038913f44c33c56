/* Relations from C: facts in, questions row by row, and a relation joined with tensors.
 *   cc family.c $(pkg-config --cflags --libs tensorlogic) */
#include <stdio.h>
#include <tensorlogic.h>

static const char rules[] =
    "Parent(x, y) <- Mother(x, y)\nParent(x, y) <- Father(x, y)\n"
    "Ancestor(x, z) <- Parent(x, z)\n"
    "Ancestor(x, z) <- Ancestor(x, y), Parent(y, z)\n"
    "Mother(Ann, Ben), Father(Bob, Ben), Mother(Eve, Ann)\n"
    "Children[x] = Parent(x, y)                   # how many\n";

static const tl_cell mothers[] = {{"Eve", 0}, {"Ann", 0}, {"Ann", 0}, {"Ben", 0},
                                  {"Ann", 0}, {"Cat", 0}, {"Cat", 0}, {"Dan", 0}};

static void print(tl_program *p, const char *question) {
  tl_rows *rows = tl_query(p, question);
  printf("%s\n", question);
  while (tl_next(rows)) {
    for (int k = 0; k < tl_columns(rows); k++) {
      const char *symbol = tl_symbol(rows, k);
      if (symbol)
        printf("  %s", symbol);
      else
        printf("  %lld", (long long)tl_number(rows, k));
    }
    printf("  %g\n", tl_element(rows));
  }
  tl_rows_release(rows);
}

int main(void) {
  tl_context *ctx = tl_open(NULL);
  tl_program *p = tl_load(ctx, "family", rules, NULL);
  print(p, "Ancestor(Eve, who)");
  tl_set_rows(p, "Mother", 2, sizeof mothers / sizeof *mothers / 2, mothers, NULL);
  print(p, "Ancestor(Eve, who)");
  print(p, "Ancestor(x, Dan) and not Parent(x, Dan)");
  print(p, "Children[x]");
  int failed = tl_last(ctx) != TL_OK;
  if (failed) fprintf(stderr, "%s\n", tl_message(ctx));
  tl_close(ctx);
  return failed;
}
