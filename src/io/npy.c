/* npy: one array of numpy. Magic, version, the length of a header, the header (a Python dict,
 * {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }), the elements. */
#include <string.h>

#include "io/format.h"

/* ---- the header ----------------------------------------------------------------------------- */

typedef struct header {
  const io_source *source;
  size_t at, end;
} header;

static _Noreturn void expected(const header *h, const char *what) {
  size_t n = h->end - h->at;
  if (n == 0) io_broken(h->source, h->at, "the header ends, expected %s", what);
  io_broken(h->source, h->at, "the header has %s, expected %s",
            io_quote(h->source->arena, (const char *)h->source->at + h->at, n < 12 ? n : 12), what);
}

static bool accept(header *h, const char *word) {
  while (h->at < h->end && memchr(" \t\r\n", h->source->at[h->at], 4)) h->at++;
  size_t n = strlen(word);
  if (h->end - h->at < n || memcmp(h->source->at + h->at, word, n) != 0) return false;
  h->at += n;
  return true;
}

static void expect(header *h, const char *word) {
  if (!accept(h, word)) expected(h, word);
}

/* 'descr' or "descr". */
static const char *quoted(header *h, const char *what) {
  const char *quote = accept(h, "'") ? "'" : accept(h, "\"") ? "\"" : NULL;
  if (!quote) expected(h, what);
  const char *start = (const char *)h->source->at + h->at;
  const char *close = memchr(start, *quote, h->end - h->at);
  if (!close) expected(h, "a closing quote");
  h->at += (size_t)(close - start) + 1;
  return base_copy_n(h->source->arena, start, (size_t)(close - start));
}

static int64_t size(header *h) {
  int64_t value = 0;
  size_t start = h->at;
  for (; h->at < h->end; h->at++) {
    int digit = h->source->at[h->at] - '0';
    if (digit < 0 || digit > 9) break;
    if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, digit, &value))
      io_broken(h->source, start, "a size does not fit 63 bits");
  }
  if (h->at == start) expected(h, "a size or )");
  accept(h, "L");  /* Python 2's long */
  return value;
}

/* (), (3,), (3, 4) */
static void shape(header *h, io_layout *layout) {
  expect(h, "(");
  while (!accept(h, ")")) {
    if (layout->rank == IO_RANK)
      io_broken(h->source, h->at, "the array has more than %d dimensions", IO_RANK);
    layout->shape[layout->rank++] = size(h);
    if (accept(h, ",")) continue;
    expect(h, ")");
    break;
  }
}

/* '<f4', '>i8', '|b1' */
static void descr(header *h, io_layout *layout) {
  if (accept(h, "["))
    io_broken(h->source, h->at, "the elements are records, expected numbers");
  size_t start = h->at;
  const char *text = quoted(h, "an element type like '<f4'");
  const io_raw *raw = io_raws;
  if (*text && strchr("<>|=", *text))
    while (raw->bytes && (!raw->npy || strcmp(raw->npy, text + 1) != 0)) raw++;
  if (!*text || !strchr("<>|=", *text) || !raw->bytes)
    io_broken(h->source, start,
              "the elements are %s, expected f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1 behind < > or |",
              io_quote(h->source->arena, text, strlen(text)));
  layout->raw = raw;
  layout->big_endian = *text == '>';
}

static void field(header *h, io_layout *layout, bool *has_shape) {
  size_t start = h->at;
  const char *key = quoted(h, "a key or }");
  expect(h, ":");
  if (strcmp(key, "descr") == 0) {
    descr(h, layout);
  } else if (strcmp(key, "shape") == 0) {
    if (*has_shape) io_broken(h->source, start, "the header gives shape twice");
    *has_shape = true;
    shape(h, layout);
  } else if (strcmp(key, "fortran_order") == 0) {
    layout->fortran = accept(h, "True");
    if (!layout->fortran) expect(h, "False");
  } else {
    io_broken(h->source, start, "the header has the key %s, expected descr, fortran_order, shape",
              io_quote(h->source->arena, key, strlen(key)));
  }
}

static io_layout dict(header *h) {
  io_layout layout = {0};
  bool has_shape = false;
  expect(h, "{");
  while (!accept(h, "}")) {
    field(h, &layout, &has_shape);
    if (accept(h, ",")) continue;
    expect(h, "}");
    break;
  }
  accept(h, "");  /* white space */
  if (h->at < h->end) expected(h, "its end");
  if (!layout.raw) io_broken(h->source, h->at, "the header lacks descr");
  if (!has_shape) io_broken(h->source, h->at, "the header lacks shape");
  return layout;
}

/* ---- reading -------------------------------------------------------------------------------- */

#define MAGIC "\x93NUMPY"
enum { MAGIC_BYTES = 6 };

bool io_npy_fits(const uint8_t *at, size_t n) {
  return n >= MAGIC_BYTES && memcmp(at, MAGIC, MAGIC_BYTES) == 0;
}

io_array io_npy_load(const io_source *source) {
  if (!io_npy_fits(source->at, source->n))
    io_broken(source, 0, "the file does not start with \\x93NUMPY as an .npy does");
  if (source->n < 12)
    io_broken(source, source->n, "the file is cut short within its first 12 bytes");
  int version = source->at[6];
  if (version < 1 || version > 3)
    io_broken(source, 6, "the format is version %d, expected 1, 2 or 3", version);
  int width = version == 1 ? 2 : 4;
  size_t start = 8 + (size_t)width, length = io_little(source->at + 8, width);
  if (length > source->n - start)
    io_broken(source, 8, "the header takes %zu bytes, but %zu are left: the file is cut short",
              length, source->n - start);
  header h = {source, start, start + length};
  io_layout layout = dict(&h);
  return io_load_last(source, h.end, &layout);
}

void io_npy_read(const io_source *source, io_set *set) {
  io_add(source->arena, set, "", io_npy_load(source));
}

/* ---- writing -------------------------------------------------------------------------------- */

base_text io_npy_header(base_arena *arena, const io_array *array) {
  enum { START = 10, UNIT = 64 };
  const io_raw *raw = io_raw_of(array->type);
  base_text text = base_text_open(arena);
  base_put_n(&text, MAGIC "\1\0\0\0", START);
  base_putf(&text, "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
            raw->bytes > 1 ? '<' : '|', raw->npy);
  for (int i = 0; i < array->rank; i++)
    base_putf(&text, i == 0 ? "%lld," : " %lld,", (long long)array->shape[i]);
  if (array->rank > 1) text.n--;  /* (3,) but (3, 4) */
  base_put(&text, "), }");
  while ((text.n + 1) % UNIT) base_put(&text, " ");
  base_put(&text, "\n");
  text.at[8] = (char)((text.n - START) & 0xff);
  text.at[9] = (char)((text.n - START) >> 8);
  return text;
}

io_array io_npy_fit(base_arena *arena, const io_array *array) {
  if (io_raw_of(array->type)->npy) return *array;
  size_t count = array->bytes / 2;
  const uint16_t *half = array->data;
  float *single = BASE_NEWS(arena, float, count);
  for (size_t i = 0; i < count; i++) single[i] = base_bf16_to_f32(half[i]);
  return io_array_of(IR_F32, array->rank, array->shape, single);
}

void io_npy_write(io_save *save, const io_set *set) {
  io_array array = io_npy_fit(save->arena, io_only(save, set));
  base_text head = io_npy_header(save->arena, &array);
  io_save_put(save, head.at, head.n);
  io_save_put(save, array.data, array.bytes);
}
