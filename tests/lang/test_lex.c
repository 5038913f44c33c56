/* Characters to tokens: literals, names, signs, ends; what is refused there. */
#include <float.h>
#include <locale.h>
#include <math.h>
#include <string.h>

#include "syntax.h"

static const lang_expr *value(void **state, const char *text) {
  syntax *s = *state;
  const lang_ast *ast = parse(s, base_format(s->arena, "Y = %s", text));
  assert_int_equal(ast->n, 1);
  return ast->at[0]->equation.right;
}

static void numbers_are_exact(void **state) {
  static const struct { const char *text; double value; } samples[] = {
    {"0.1", 0.1}, {"0.30000000000000004", 0.30000000000000004}, {"1e22", 1e22}, {"1e23", 1e23},
    {"1.5e-7", 1.5e-7}, {"2.2250738585072014e-308", DBL_MIN}, {"5e-324", 5e-324},
    {"1.7976931348623157e308", DBL_MAX}, {"123456789012345678901", 123456789012345678901.0},
    {"9007199254740993.0", 9007199254740992.0}, {"1E+2", 100}, {"1e-400", 0},
    {"0.000000000000000000000000000001", 1e-30}, {"3.14159265358979", 3.14159265358979},
  };
  for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
    const lang_expr *e = value(state, samples[i].text);
    assert_int_equal(e->kind, LANG_NUMBER);
    assert_false(e->whole);
    assert_true(e->value == samples[i].value);
  }
}

static void integers_are_whole(void **state) {
  const lang_expr *e = value(state, "9223372036854775807");
  assert_true(e->whole);
  assert_int_equal(e->integer, INT64_MAX);
  e = value(state, "-9007199254740993");
  assert_true(e->whole);
  assert_int_equal(e->integer, -9007199254740993);
  assert_false(value(state, "9223372036854775808")->whole);
  assert_true(value(state, "007")->whole);
  assert_true(isinf(value(state, "-inf")->value));
}

static void numbers_do_not_read_the_locale(void **state) {
  const char *comma = setlocale(LC_NUMERIC, "de_DE.UTF-8");
  assert_true(value(state, "0.30000000000000004")->value == 0.30000000000000004);
  if (comma) setlocale(LC_NUMERIC, "C");
}

static void strings_resolve_escapes(void **state) {
  const lang_expr *e = value(state, "f(\"a\\n\\t\\r\\\\\\\"\xC3\xA9#;\")")->at[0];
  assert_int_equal(e->kind, LANG_STRING);
  assert_string_equal(e->name, "a\n\t\r\\\"\xC3\xA9#;");
  assert_int_equal(e->length, 10);
  assert_int_equal(value(state, "f(\"\")")->at[0]->length, 0);
}

static void names_are_utf8(void **state) {
  static const char *const names[] = {
    "x", "x'", "x''", "par1", "_a", "W_2", "\xCE\xB1", "\xE9\x87\x8D\xE3\x81\xBF", "\xC3\x84z'",
  };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const lang_expr *e = value(state, names[i]);
    assert_int_equal(e->kind, LANG_NAME);
    assert_string_equal(e->name, names[i]);
  }
  assert_string_equal(value(state, "x\xE2\x80\xB2\xE2\x80\xB2")->name, "x''");
}

static void capitals_are_known(void **state) {
  (void)state;
  static const char *const capitals[] = {"A", "Zz", "\xC3\x84", "\xCE\xA3", "\xD0\x96", "\xC4\x80"};
  static const char *const others[] = {"a", "_A", "\xC3\xA4", "\xCF\x83", "\xD0\xB6", "\xC4\x81",
                                       "\xE9\x87\x8D", "", "1"};
  for (size_t i = 0; i < sizeof capitals / sizeof *capitals; i++)
    assert_true(lang_is_capital(capitals[i]));
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    assert_false(lang_is_capital(others[i]));
}

static void words_are_known(void **state) {
  (void)state;
  assert_true(lang_is_function("softmax") && lang_is_function("generate"));
  assert_false(lang_is_function("minimize") || lang_is_function("Softmax"));
  assert_true(lang_is_command("minimize") && !lang_is_reserved("minimize"));
  assert_true(lang_is_reserved("default") && lang_is_reserved("sum") && lang_is_reserved("with"));
}

static void comments_and_blanks_are_nothing(void **state) {
  syntax *s = *state;
  static const char text[] = "# \xFF not read\n \tA=1#c\n\n  # d\n#e";
  assert_string_equal(tree_of(s, parse(s, text)), "(= A 1)");
}

typedef struct wrong { const char *text; int line, column; const char *message; } wrong;

static void what_is_no_token_is_refused(void **state) {
#define TWO_SIDES "a number has digits on both sides of its point\nhelp: write `0.5`, `1.0`"
  static const wrong samples[] = {
    {"Y = .5", 1, 5, TWO_SIDES},
    {"Y = [1., 2]", 1, 7, TWO_SIDES},
    {"Y = 1.e3", 1, 6, TWO_SIDES},
    {"Y = 1.2.3", 1, 8, TWO_SIDES},
    {"Y = 1_000", 1, 5, "digits are written without `_` between them"},
    {"Y = 0x10", 1, 5, "numbers are decimal\nhelp: write `16`"},
    {"Y = 1e309", 1, 5, "the number is beyond what f64 holds\nhelp: infinity is written `inf`"},
    {"Y = \"abc\nZ = 2", 1, 5, "the string is not closed\nhelp: it ends on its line with `\"`; a "
     "line end in it is written \\n"},
    {"Y = f(\"a\\q\")", 1, 9,
     "an unknown escape in a string\nhelp: there are \\n \\t \\r \\\\ and \\\"; a path is written "
     "with `/`"},
    {"Y = \"a\xFF\"", 1, 7, "the byte 0xFF in a string is not UTF-8 text"},
    {"Y = \xC0\x80", 1, 5, "the byte 0xC0 is not UTF-8 text"},
    {"Y = \xED\xA0\x80", 1, 5, "the byte 0xED is not UTF-8 text"},
    {"Y = \x01", 1, 5, "a control character, U+0001"},
    {"Y = @", 1, 5, "`@` is not in the language\n"
     "help: what stands side by side is multiplied and summed: `C[i,k] = A[i,j] B[j,k]`"},
    {"Y = \xE2\x82\xAC", 1, 5, "`\xE2\x82\xAC` (U+20AC) is not in the language"},
    {"Y = a \xE2\x89\xA4 b", 1, 7, "`\xE2\x89\xA4` is not in the language\nhelp: write `<=`"},
    {"Y = a & b", 1, 7, "`&` is not in the language\nhelp: write `and`"},
    {"Y = !a", 1, 5, "`!` is not in the language\nhelp: write `not`"},
    {"Y = 'a'", 1, 5, "a prime stands right behind a name\nhelp: a string is written \"...\""},
    {"Y = X.t", 1, 6, "names have no parts behind a point\n"
     "help: a function stands before its argument: `relu(x)`, `sum[i](X[i])`"},
    {"Y = (a]", 1, 7, "`]` cannot close the `(` of line 1, column 5\n"
     "help: that one is closed by `)`"},
    {"Y = a)", 1, 6, "`)` closes nothing"},
    {"Y = {a", 1, 5, "`{` is not closed\nhelp: `}` closes it"},
    {"A = 1\n\n  \xC3\xA9 = \xC3\xA9 @", 3, 9, "`@` is not in the language\n"
     "help: what stands side by side is multiplied and summed: `C[i,k] = A[i,j] B[j,k]`"},
  };
  for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
    const base_error *e = refusal(*state, samples[i].text, strlen(samples[i].text));
    assert_int_equal(e->status, BASE_REFUSED);
    assert_string_equal(e->message, samples[i].message);
    assert_int_equal(e->span.line, samples[i].line);
    assert_int_equal(e->span.column, samples[i].column);
  }
}

static void a_nul_byte_is_refused(void **state) {
  static const char text[] = "A = 1\nB = \0002", comment[] = "# a\0b", string[] = "A = f(\"a\0b\")";
  const base_error *e = refusal(*state, text, sizeof text - 1);
  assert_string_equal(e->message, "a control character, U+0000");
  assert_int_equal(e->span.line, 2);
  assert_string_equal(refusal(*state, comment, sizeof comment - 1)->message,
                      "a control character, U+0000");
  assert_string_equal(refusal(*state, string, sizeof string - 1)->message,
                      "the byte 0x00 in a string is not UTF-8 text");
}

int main(void) {
  const struct CMUnitTest tests[] = {
    WITH_SYNTAX(numbers_are_exact),
    WITH_SYNTAX(integers_are_whole),
    WITH_SYNTAX(numbers_do_not_read_the_locale),
    WITH_SYNTAX(strings_resolve_escapes),
    WITH_SYNTAX(names_are_utf8),
    WITH_SYNTAX(capitals_are_known),
    WITH_SYNTAX(words_are_known),
    WITH_SYNTAX(comments_and_blanks_are_nothing),
    WITH_SYNTAX(what_is_no_token_is_refused),
    WITH_SYNTAX(a_nul_byte_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
