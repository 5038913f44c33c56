/* table: rows of strings, the facts of relations. */
#include "io/format.h"

io_table *io_table_from(const io_source *source) {
  io_table *table = BASE_NEW(source->arena, io_table);
  table->path = source->path;
  table->text = (io_string){(const char *)source->at, source->n};
  io_rows rows = io_rows_open(source, false);
  for (; io_rows_next(&rows); table->rows++) {
    if (table->rows == 0) {
      table->columns = rows.fields.n;
      table->cell = BASE_NEWS(source->arena, io_string, io_rows_cells(&rows, table->columns));
    }
    io_rows_check(&rows, table->columns);
    io_string *cell = table->cell + table->rows * table->columns;
    for (int i = 0; i < table->columns; i++)
      cell[i] = (io_string){rows.fields.at[i].at, rows.fields.at[i].n};
  }
  return table;
}

io_table *io_table_read(base_arena *arena, const char *path) {
  io_source source = io_open(arena, path);
  return io_table_from(&source);
}

/* Asked for only when something is wrong: the rows before are read again, none stores its line. */
int64_t io_table_line(base_arena *arena, const io_table *table, int64_t row) {
  io_source source = {.arena = arena,
                      .path = table->path,
                      .at = (uint8_t *)(uintptr_t)table->text.at,
                      .n = table->text.n};
  io_rows rows = io_rows_open(&source, false);
  for (int64_t i = 0; i <= row && io_rows_next(&rows); i++) {}
  return rows.line;
}
