/* types: the element types of files, and arrays loaded from them. */
#include <assert.h>
#include <string.h>

#include "io/format.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "io_load stores the low bytes of a word");

/* The first row of a type of ours is its own; the others widen to it. */
const io_raw io_raws[] = {
  /* name   npy   safetensors  idx  bytes sign   held as */
  {"f16",  "f2", "F16",  0,    2, false, IR_F16},
  {"bf16", NULL, "BF16", 0,    2, false, IR_BF16},
  {"f32",  "f4", "F32",  0x0d, 4, false, IR_F32},
  {"f64",  "f8", "F64",  0x0e, 8, false, IR_F64},
  {"i32",  "i4", "I32",  0x0c, 4, true,  IR_I32},
  {"i64",  "i8", "I64",  0,    8, true,  IR_I64},
  {"bool", "b1", "BOOL", 0,    1, false, IR_BOOL},
  {"i8",   "i1", "I8",   0x09, 1, true,  IR_I32},
  {"u8",   "u1", "U8",   0x08, 1, false, IR_I32},
  {"i16",  "i2", "I16",  0x0b, 2, true,  IR_I32},
  {"u16",  "u2", "U16",  0,    2, false, IR_I64},
  {"u32",  "u4", "U32",  0,    4, false, IR_I64},
  {"u64",  "u8", "U64",  0,    8, false, IR_I64},
  {NULL, NULL, NULL, 0, 0, false, 0},
};

const io_raw *io_raw_of(int type) {
  const io_raw *raw = io_raws;
  while (raw->type != type) raw++;
  return raw;
}

size_t io_type_bytes(int type) { return (size_t)io_raw_of(type)->bytes; }

/* Zeros count as ones, so that a stride of an empty array fits too. */
bool io_layout_bytes(const io_layout *layout, size_t *raw, size_t *own) {
  int64_t most = 8, count = 1;
  for (int i = 0; i < layout->rank; i++) {
    int64_t size = layout->shape[i];
    if (size < 0 || __builtin_mul_overflow(most, size ? size : 1, &most)) return false;
    count *= size;
  }
  *raw = (size_t)count * (size_t)layout->raw->bytes;
  *own = (size_t)count * io_type_bytes(layout->raw->type);
  return true;
}

const char *io_layout_text(base_arena *arena, const io_layout *layout) {
  base_text text = base_text_open(arena);
  base_putf(&text, "%s[", layout->raw->name);
  for (int i = 0; i < layout->rank; i++)
    base_putf(&text, "%s%lld", i ? ", " : "", (long long)layout->shape[i]);
  base_put(&text, "]");
  return text.at;
}

uint64_t io_little(const uint8_t *at, int bytes) {
  uint64_t word = 0;
  memcpy(&word, at, (size_t)bytes);
  return word;
}

static uint64_t big(const uint8_t *at, int bytes) {
  uint64_t word = 0;
  for (int i = 0; i < bytes; i++) word = word << 8 | at[i];
  return word;
}

/* One element as the low bytes of a word, integers widened to all 64 bits. */
static uint64_t element(const io_layout *layout, const uint8_t *at) {
  const io_raw *raw = layout->raw;
  uint64_t word = layout->big_endian ? big(at, raw->bytes) : io_little(at, raw->bytes);
  uint64_t top = UINT64_C(1) << (8 * raw->bytes - 1);
  return raw->sign ? (word ^ top) - top : word;
}

static void convert(const io_layout *layout, const uint8_t *from, uint8_t *to, int64_t count) {
  size_t own = io_type_bytes(layout->raw->type);
  int64_t stride[IO_RANK], place[IO_RANK] = {0}, step = layout->raw->bytes;
  for (int i = 0; i < layout->rank; i++) {
    int axis = layout->fortran ? i : layout->rank - 1 - i;
    stride[axis] = step;
    step *= layout->shape[axis];
  }
  for (; count > 0; count--, to += own) {
    uint64_t word = element(layout, from);
    memcpy(to, &word, own);
    for (int i = layout->rank - 1; i >= 0; i--) {
      from += stride[i];
      if (++place[i] < layout->shape[i]) break;
      from -= stride[i] * place[i];
      place[i] = 0;
    }
  }
}

/* What not every bit pattern means: bytes of a bool, and numbers beyond i64. */
static void check_values(const io_source *source, size_t offset, const io_layout *layout,
                         size_t n) {
  const uint8_t *at = source->at + offset;
  if (layout->raw->type == IR_BOOL)
    for (size_t i = 0; i < n; i++)
      if (at[i] > 1) io_broken(source, offset + i, "a bool is %d, expected 0 or 1", at[i]);
  if (layout->raw->type == IR_I64 && layout->raw->bytes == 8 && !layout->raw->sign)
    for (size_t i = 0; i < n; i += 8)
      if (at[i + (layout->big_endian ? 0 : 7)] & 0x80)
        io_broken(source, offset + i, "%llu does not fit i64",
                  (unsigned long long)element(layout, at + i));
}

static bool usable_in_place(const io_layout *layout, const uint8_t *at) {
  size_t own = io_type_bytes(layout->raw->type);
  return (int)own == layout->raw->bytes && (!layout->big_endian || own == 1) &&
         (!layout->fortran || layout->rank < 2) && (uintptr_t)at % own == 0;
}

io_array io_load(const io_source *source, size_t offset, const io_layout *layout) {
  size_t raw, own;
  if (!io_layout_bytes(layout, &raw, &own))
    io_broken(source, offset, "%s is too large", io_layout_text(source->arena, layout));
  if (raw > source->n - offset)
    io_broken(source, offset, "%s takes %zu bytes, but %zu are left: the file is cut short",
              io_layout_text(source->arena, layout), raw, source->n - offset);
  check_values(source, offset, layout, raw);
  io_array array = {.type = layout->raw->type, .rank = layout->rank, .bytes = own};
  memcpy(array.shape, layout->shape, sizeof array.shape);
  array.data = source->at + offset;
  array.map = source->map;
  if (!usable_in_place(layout, array.data)) {
    array.data = base_alloc(source->arena, own);
    array.map = NULL;
    convert(layout, source->at + offset, array.data, (int64_t)(own / io_type_bytes(array.type)));
  }
  return array;
}

io_array io_load_last(const io_source *source, size_t offset, const io_layout *layout) {
  io_array array = io_load(source, offset, layout);
  size_t raw, own;
  io_layout_bytes(layout, &raw, &own);
  if (offset + raw < source->n)
    io_broken(source, offset + raw, "%zu bytes follow the array %s, expected the end of the file",
              source->n - offset - raw, io_layout_text(source->arena, layout));
  return array;
}
