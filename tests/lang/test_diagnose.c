/* Errors as people and programs read them. */
#include <stdio.h>
#include <string.h>

#include "syntax.h"

static const lang_source sources[] = {
  {"b.tl", "first\n\tY[i] = \xC3\xA9 + relu X[i]\r\nlast"},
  {NULL, "Y = 1/2 X"},
};

static base_error error_at(const char *file, int line, int column, int length,
                           const char *message) {
  base_error e = {BASE_REFUSED, {file, line, column, length}, ""};
  snprintf(e.message, sizeof e.message, "%s", message);
  return e;
}

static const char *shown(void **state, base_error e) {
  syntax *s = *state;
  base_text text = base_text_open(s->arena);
  lang_diagnose(&text, &e, sources, 2);
  return text.at;
}

static void carets_stand_under_the_span(void **state) {
  assert_string_equal(shown(state, error_at("b.tl", 2, 13, 4, "no\nhelp: do")),
                      "b.tl:2:13: error: no\n"
                      "  \tY[i] = \xC3\xA9 + relu X[i]\n"
                      "  \t           ^~~~\n"
                      "help: do\n");
  assert_string_equal(shown(state, error_at(NULL, 1, 5, 5, "no")),
                      "1:5: error: no\n  Y = 1/2 X\n      ^~~~~\n");
}

static void spans_beyond_the_line_are_cut(void **state) {
  assert_string_equal(shown(state, error_at("b.tl", 3, 4, 99, "no")),
                      "b.tl:3:4: error: no\n  last\n     ^\n");
  assert_string_equal(shown(state, error_at("b.tl", 3, 5, 1, "no")),
                      "b.tl:3:5: error: no\n  last\n      ^\n");
  assert_string_equal(shown(state, error_at("b.tl", 3, 99, 1, "no")),
                      "b.tl:3:99: error: no\n  last\n      ^\n");
}

static void what_has_no_source_has_one_line(void **state) {
  assert_string_equal(shown(state, error_at("c.tl", 3, 4, 9, "no")), "c.tl:3:4: error: no\n");
  assert_string_equal(shown(state, error_at("b.tl", 9, 4, 9, "no")), "b.tl:9:4: error: no\n");
  assert_string_equal(shown(state, error_at("b.tl", 0, 0, 0, "no")), "b.tl: error: no\n");
  assert_string_equal(shown(state, error_at(NULL, 0, 0, 0, "no")), "error: no\n");
}

static void long_lines_show_the_span(void **state) {
  syntax *s = *state;
  base_text line = base_text_open(s->arena), out = base_text_open(s->arena);
  for (int i = 0; i < 1000; i++) base_putf(&line, "%d", i % 10);
  base_error e = error_at("l.tl", 1, 501, 2, "no");
  lang_source source = {"l.tl", line.at};
  lang_diagnose(&out, &e, &source, 1);
  const char *text = strstr(out.at, "\n  ") + 3, *caret = strchr(out.at, '^');
  const char *under = strchr(text, '\n') + 3;
  assert_int_equal(text[caret - under], '0');
  assert_true(strlen(out.at) < 400);
  assert_non_null(strstr(out.at, "^~\n"));
}

static void programs_read_json(void **state) {
  syntax *s = *state;
  base_text out = base_text_open(s->arena);
  base_error e = error_at("a\"b.tl", 2, 3, 4, "no `\\n`\nreally\nhelp: \x01 do");
  lang_diagnose_json(&out, &e);
  assert_string_equal(out.at,
                      "{\"status\": \"refused\", \"file\": \"a\\\"b.tl\", \"line\": 2, "
                      "\"column\": 3, \"length\": 4, \"message\": \"no `\\\\n`\\nreally\", "
                      "\"help\": \"\\u0001 do\"}\n");
  base_text bare = base_text_open(s->arena);
  base_error plain = {.status = BASE_RUNTIME, .message = "stopped"};
  lang_diagnose_json(&bare, &plain);
  assert_string_equal(bare.at, "{\"status\": \"failed\", \"message\": \"stopped\"}\n");
}

static void the_nearest_name_is_meant(void **state) {
  (void)state;
  static const char *const names[] = {"Parent", "Ancestor", "W", "relu", "softmax"};
  static const struct { const char *name, *meant; } samples[] = {
    {"Parnet", "Parent"}, {"parent", "Parent"}, {"softmx", "softmax"}, {"rellu", "relu"},
    {"Ancestors", "Ancestor"}, {"X", NULL}, {"WW", "W"}, {"gelu", "relu"}, {"Zebra", NULL},
    {"", NULL},
  };
  for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
    const char *meant = lang_did_you_mean(samples[i].name, names, 5);
    if (samples[i].meant) assert_string_equal(meant, samples[i].meant);
    else assert_null(meant);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
    WITH_SYNTAX(carets_stand_under_the_span),
    WITH_SYNTAX(spans_beyond_the_line_are_cut),
    WITH_SYNTAX(what_has_no_source_has_one_line),
    WITH_SYNTAX(long_lines_show_the_span),
    WITH_SYNTAX(programs_read_json),
    WITH_SYNTAX(the_nearest_name_is_meant),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
