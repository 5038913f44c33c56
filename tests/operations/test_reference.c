/* Every sample of the table against NumPy: expected.txt, which reference.py wrote. */
#include <math.h>

#include "sample.h"

static char *whole_file(const char *path) {
  FILE *f = fopen(path, "r");
  if (!f) fail_msg("%s is not there: tests run in the project's folder", path);
  static char text[1 << 18];
  size_t n = fread(text, 1, sizeof text - 1, f);
  fclose(f);
  assert_true(n < sizeof text - 1);
  text[n] = 0;
  return text;
}

/* "name | sample | shape | elements": what stands behind `shape | `; NULL: another sample. */
static const char *expected(const char *line, const sample *s, char *shape) {
  char begin[256];
  int n = snprintf(begin, sizeof begin, "%s | %s | ", s->row->name, s->text);
  if (strncmp(line, begin, (size_t)n) != 0) return NULL;
  size_t length = strcspn(line + n, " ");
  if (line[n] == '|') length = 0;
  memcpy(shape, line + n, length);
  shape[length] = 0;
  return strchr(line + n, '|') + 1;
}

static void check_shape(const sample *s, tl_tensor *y, const char *want) {
  char got[128] = "";
  for (int k = 0; k < tl_rank(y); k++)
    snprintf(got + strlen(got), sizeof got - strlen(got), "%s%lld", k ? "," : "",
             (long long)tl_size(y, k));
  if (strcmp(got, want) != 0)
    fail_msg("%s, %s: shape [%s], not [%s]", s->row->name, s->text, got, want);
}

static void check_elements(const sample *s, tl_tensor *y, const char *want) {
  double got[SAMPLE_ELEMENTS];
  int n = sample_read(y, got);
  for (int k = 0; k < n; k++) {
    char *end;
    double w = strtod(want, &end);
    if (end == want || !(fabs(got[k] - w) <= 1e-9 * (1 + fabs(w))))
      fail_msg("%s, %s: element %d is %.12g, not %.12g", s->row->name, s->text, k, got[k], w);
    want = end;
  }
  if (*want != '\n') fail_msg("%s, %s: more elements are expected", s->row->name, s->text);
}

static void check_sample(tl_context *ctx, const sample *s, const char *line) {
  char shape[128];
  const char *elements = expected(line, s, shape);
  if (!elements)
    fail_msg(
        "%s, %s: the next line of expected.txt is of another sample; renew it: "
        "python3 tests/operations/reference.py >tests/operations/expected.txt",
        s->row->name, s->text);
  tl_tensor *t[SAMPLE_TENSORS];
  for (int i = 0; i < s->n; i++) t[i] = sample_make(ctx, s, i, TL_F64);
  tl_tensor *y = sample_call(ctx, s, t);
  check_shape(s, y, shape);
  check_elements(s, y, elements);
  tl_release(y);
  for (int i = 0; i < s->n; i++) tl_release(t[i]);
}

static void test_reference(void **state) {
  (void)state;
  const char *line = whole_file("tests/operations/expected.txt");
  tl_context *ctx = tl_open(NULL);
  static sample s;
  for (int r = 0; r < operation_count; r++) {
    const operation_row *row = &operation_rows[r];
    const char *at = row->name ? row->samples : "";
    while (sample_next(&s, row, &at)) {
      check_sample(ctx, &s, line);
      line = strchr(line, '\n') + 1;
    }
  }
  assert_int_equal(*line, 0);
  tl_close(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_reference)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
