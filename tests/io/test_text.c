/* Texts: characters, words and bytes as numbers, and back. */
#include "fixture.h"

static const io_text *text_of(fixture *f, const char *text, io_unit unit) {
  return io_text_tokens(f->arena, file_of(f, "t.txt", text, strlen(text)), unit);
}

/* The domain, a bar between symbols. */
static const char *domain(fixture *f, const io_text *t) {
  base_text out = base_text_open(f->arena);
  for (int64_t i = 0; i < t->symbols; i++) {
    if (i > 0) base_put(&out, "|");
    base_put_n(&out, t->symbol[i].at, t->symbol[i].n);
  }
  return out.at;
}

static void chars(void **state) {
  fixture *f = *state;
  const io_text *t = text_of(f, "héllo 😀 é\n", IO_CHARS);
  assert_string_equal(domain(f, t), "\n| |h|l|o|é|😀");
  CHECK(&t->tokens, IR_I64, "10", (int64_t[]){2, 5, 3, 3, 4, 1, 6, 1, 5, 0});
  t = text_of(f, "", IO_CHARS);
  check_array(&t->tokens, IR_I64, "0", "", 0);
  assert_int_equal(t->symbols, 0);
  t = io_text_tokens(f->arena, FILE_OF(f, "t.txt", "b\0a"), IO_CHARS);
  CHECK(&t->tokens, IR_I64, "3", (int64_t[]){2, 0, 1});
}

static void words(void **state) {
  fixture *f = *state;
  const io_text *t = text_of(f, " the cat\tthe \r\n Zoo é, the\n", IO_WORDS);
  assert_string_equal(domain(f, t), "Zoo|cat|the|é,");
  CHECK(&t->tokens, IR_I64, "6", (int64_t[]){2, 1, 2, 0, 3, 2});
  assert_int_equal(text_of(f, " \n", IO_WORDS)->symbols, 0);
  t = text_of(f, "a ab abc b a", IO_WORDS);
  assert_string_equal(domain(f, t), "a|ab|abc|b");
  CHECK(&t->tokens, IR_I64, "5", (int64_t[]){0, 1, 2, 3, 0});
}

static void bytes(void **state) {
  fixture *f = *state;
  const io_text *t = io_text_tokens(f->arena, FILE_OF(f, "t.txt", "a\0\xff"), IO_BYTES);
  assert_int_equal(t->symbols, 256);
  CHECK(&t->tokens, IR_I64, "3", (int64_t[]){97, 0, 255});
}

static void back(void **state) {
  fixture *f = *state;
  static const char *const texts[] = {"the cat sat", "héé", "x\ny"};
  for (int unit = IO_CHARS; unit <= IO_BYTES; unit++)
    for (int i = 0; i < 3; i++) {
      if (unit == IO_WORDS && i == 2) continue;
      const io_text *t = text_of(f, texts[i], (io_unit)unit);
      io_string s = io_decode(f->arena, t, t->tokens.data, (size_t)t->tokens.shape[0]);
      assert_string_equal(s.at, texts[i]);
      assert_int_equal(s.n, strlen(texts[i]));
      io_array again = io_encode(f->arena, t, s.at, s.n);
      assert_int_equal(again.bytes, t->tokens.bytes);
      assert_memory_equal(again.data, t->tokens.data, again.bytes);
    }
}

static void foreign_symbols(void **state) {
  fixture *f = *state;
  const io_text *t = text_of(f, "the cat", IO_CHARS);
  RAISES(f, BASE_ARGUMENT, "the character \"é\" is not in the text, which has 6 different ones",
         io_encode(f->arena, t, "caé", 4));
  RAISES(f, BASE_ARGUMENT, "the character \"?\" is not in the text, which has 6 different ones",
         io_encode(f->arena, t, "\xff", 1));
  const io_text *w = text_of(f, "the cat", IO_WORDS);
  RAISES(f, BASE_ARGUMENT, "the word \"dog\" is not in the text, which has 2 different ones",
         io_encode(f->arena, w, "the dog", 7));
  RAISES(f, BASE_ARGUMENT, "token 6 at 1 is outside the text's domain of 6 symbols",
         io_decode(f->arena, t, (int64_t[]){0, 6}, 2));
  RAISES(f, BASE_ARGUMENT, "token -1 at 0 is outside the text's domain of 6 symbols",
         io_decode(f->arena, t, (int64_t[]){-1}, 1));
}

static void refuses_byte(fixture *f, const char *text, io_unit unit) {
  RAISES(f, BASE_IO,
         base_format(f->arena, "t.txt: offset 2: the byte 0x%02x is not UTF-8; bytes() reads any "
                               "file", (unsigned char)text[2]),
         text_of(f, text, unit));
}

static void not_utf8(void **state) {
  fixture *f = *state;
  static const char *const broken[] = {
    "ab\xff", "ab\x80", "ab\xc3", "ab\xc3(", "ab\xc0\x80", "ab\xe0\x80\x80", "ab\xed\xa0\x80",
    "ab\xf4\x90\x80\x80", "ab\xf8\x88\x80\x80\x80", "ab\xf0\x9f\x98",
  };
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
    for (int unit = IO_CHARS; unit <= IO_WORDS; unit++)
      refuses_byte(f, broken[i], (io_unit)unit);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    TEST(chars), TEST(words), TEST(bytes), TEST(back), TEST(foreign_symbols), TEST(not_utf8),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
