/* Rows of strings; the line of the last row is asked for as well. */
#include "fuzz_io.h"

static void read(const io_source *source) {
  const io_table *table = io_table_from(source);
  for (int64_t i = 0; i < table->rows * table->columns; i++)
    base_copy_n(source->arena, table->cell[i].at, table->cell[i].n);
  if (table->rows > 0) io_table_line(source->arena, table, table->rows - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  return fuzz("input.csv", data, size, read);
}
