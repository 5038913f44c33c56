/* idx: one array as MNIST has it. Two zeros, the element type, the rank, the sizes as 4 bytes
 * each, the elements; all big-endian. */
#include <string.h>

#include "io/format.h"

static const io_raw *element_type(int code) {
  const io_raw *raw = io_raws;
  while (raw->bytes && raw->idx != code) raw++;
  return code && raw->bytes ? raw : NULL;
}

bool io_idx_fits(const uint8_t *at, size_t n) {
  return n >= 4 && at[0] == 0 && at[1] == 0 && element_type(at[2]) && at[3] > 0 && at[3] <= IO_RANK;
}

void io_idx_read(const io_source *source, io_set *set) {
  enum { START = 4 };
  const uint8_t *at = source->at;
  if (source->n < START || at[0] != 0 || at[1] != 0)
    io_broken(source, 0, "the file does not start with two zeros, type and rank as an .idx does");
  io_layout layout = {.raw = element_type(at[2]), .big_endian = true, .rank = at[3]};
  if (!layout.raw)
    io_broken(source, 2, "the element type is 0x%02x, expected 08 09 0b 0c 0d or 0e", at[2]);
  if (layout.rank < 1 || layout.rank > IO_RANK)
    io_broken(source, 3, "the array has %d dimensions, expected 1 to %d", layout.rank, IO_RANK);
  size_t start = START + 4 * (size_t)layout.rank;
  if (source->n < start)
    io_broken(source, source->n, "the file is cut short within its %d sizes", layout.rank);
  for (int i = 0; i < layout.rank; i++)
    for (int k = 0; k < 4; k++)
      layout.shape[i] = layout.shape[i] << 8 | at[START + 4 * i + k];
  io_add(source->arena, set, "", io_load_last(source, start, &layout));
}

/* ---- writing --------------------------------------------------------------------------------- */

/* As the file has it: bytes, i32, f32 or f64. */
static const io_raw *stored_type(const io_save *save, const io_array *array) {
  static const int code[] = {[IR_F16] = 0x0d, [IR_BF16] = 0x0d, [IR_F32] = 0x0d, [IR_F64] = 0x0e,
                             [IR_I32] = 0x0c, [IR_I64] = 0x0c,  [IR_BOOL] = 0x08};
  const int64_t *wide = array->data;
  for (size_t i = 0; array->type == IR_I64 && i < array->bytes / sizeof *wide; i++)
    if (wide[i] != (int32_t)wide[i])
      io_unwritable(save, "%lld does not fit the 32 bits of its integers", (long long)wide[i]);
  return element_type(code[array->type]);
}

static uint64_t bits_of(const io_array *array, size_t i) {
  float f;
  uint32_t word;
  switch (array->type) {
    case IR_F64: return ((const uint64_t *)array->data)[i];
    case IR_F32:
    case IR_I32: return ((const uint32_t *)array->data)[i];
    case IR_I64: return (uint32_t)((const int64_t *)array->data)[i];
    case IR_BOOL: return ((const uint8_t *)array->data)[i];
    case IR_F16: f = base_f16_to_f32(((const uint16_t *)array->data)[i]); break;
    default: f = base_bf16_to_f32(((const uint16_t *)array->data)[i]); break;
  }
  memcpy(&word, &f, sizeof word);
  return word;
}

static void put_big(io_save *save, uint64_t word, int bytes) {
  uint8_t at[8];
  for (int i = 0; i < bytes; i++) at[i] = (uint8_t)(word >> 8 * (bytes - 1 - i));
  io_save_put(save, at, (size_t)bytes);
}

void io_idx_write(io_save *save, const io_set *set) {
  enum { CHUNK = 4096 };
  const io_array *array = io_only(save, set);
  const io_raw *raw = stored_type(save, array);
  if (array->rank < 1) io_unwritable(save, "a scalar; an .idx has one dimension at least");
  put_big(save, (uint64_t)raw->idx << 8 | (uint64_t)array->rank, 4);
  for (int k = 0; k < array->rank; k++) {
    if (array->shape[k] > UINT32_MAX)
      io_unwritable(save, "a dimension of %lld; its sizes have 32 bits",
                    (long long)array->shape[k]);
    put_big(save, (uint64_t)array->shape[k], 4);
  }
  uint8_t chunk[CHUNK];
  size_t n = 0, count = array->bytes / io_type_bytes(array->type);
  for (size_t i = 0; i < count; i++) {
    uint64_t word = bits_of(array, i);
    for (int b = raw->bytes - 1; b >= 0; b--) chunk[n++] = (uint8_t)(word >> 8 * b);
    if (n + 8 <= CHUNK && i + 1 < count) continue;
    io_save_put(save, chunk, n);
    n = 0;
  }
}
