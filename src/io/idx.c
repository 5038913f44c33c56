/* idx: one array as MNIST has it. Two zeros, the element type, the rank, the sizes as 4 bytes
 * each, the elements; all big-endian. */
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
