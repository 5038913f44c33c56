/* The header and the page say what the table says. TL_ACCEPT=1 writes them anew. */
#include "generated.h"

static void check_file(const char *path, void (*write)(FILE *out)) {
  char *want = NULL;
  size_t n;
  FILE *memory = open_memstream(&want, &n);
  write(memory);
  fclose(memory);
  bool accept = getenv("TL_ACCEPT") != NULL;
  FILE *f = fopen(path, accept ? "w+" : "r");
  if (!f) fail_msg("%s is not there: TL_ACCEPT=1 ctest -R operations/generated writes it", path);
  if (accept) fwrite(want, 1, n, f), rewind(f);
  char *got = malloc(n + 2);
  size_t have = fread(got, 1, n + 1, f);
  fclose(f);
  if (have != n || memcmp(got, want, n) != 0)
    fail_msg("%s is not what the table says: TL_ACCEPT=1 ctest -R operations/generated renews it",
             path);
  free(got);
  free(want);
}

static void test_header(void **state) {
  (void)state;
  check_file("include/tensorlogic_ops.h", generated_header);
}

static void test_page(void **state) {
  (void)state;
  check_file("docs/operations.md", generated_page);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_header), cmocka_unit_test(test_page)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
