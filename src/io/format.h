/* What the formats share: sources to read from, element types as files have them, saving. */
#ifndef TL_IO_FORMAT_H
#define TL_IO_FORMAT_H

#include "io/io.h"
#include "ir/ir.h"

/* ---- reading: file.c ------------------------------------------------------------------------ */

typedef struct io_source {         /* a whole file, or an entry of an archive, in memory */
  base_arena *arena;               /* keeps the bytes and all that is read from them */
  const char *path;                /* for messages */
  uint8_t *at;
  size_t n;
  const struct io_map *map;        /* NULL: not mapped */
} io_source;

io_source io_open(base_arena *arena, const char *path);

/* Raise BASE_IO: "path: offset N: message", and "path:line: message". */
_Noreturn void io_broken(const io_source *source, size_t offset, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
_Noreturn void io_broken_line(const io_source *source, int64_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Bytes of a file made fit for a message: in quotes, shortened, what does not print as '?'. */
const char *io_quote(base_arena *arena, const char *at, size_t n);

/* ---- writing: file.c ------------------------------------------------------------------------ */

/* A file in the making. It takes its name only when committed; closing the arena drops it. */
typedef struct io_save {
  base_arena *arena;
  const char *path;                /* as the user wrote it */
  const char *target, *temp;       /* links resolved; NULL when written in place, as a pipe is */
  int fd;
} io_save;

io_save *io_save_open(base_arena *arena, const char *path);
void io_save_put(io_save *save, const void *bytes, size_t n);
void io_save_commit(io_save *save);
_Noreturn void io_unwritable(const io_save *save, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

const io_array *io_only(const io_save *save, const io_set *set);  /* raises unless SET holds one */

/* ---- element types: types.c ----------------------------------------------------------------- */

typedef struct io_raw {            /* an element type as files have it */
  const char *name;
  const char *npy, *safetensors;   /* as that format calls it; NULL: not there */
  int idx;                         /* 0: not there */
  int bytes;
  bool sign;                       /* a signed integer */
  int type;                        /* the ir_type that holds it */
} io_raw;

extern const io_raw io_raws[];     /* ends at bytes == 0 */

typedef struct io_layout {
  const io_raw *raw;
  bool big_endian, fortran;
  int rank;
  int64_t shape[IO_RANK];
} io_layout;

const io_raw *io_raw_of(int type);                     /* how files store one of our types */
size_t io_type_bytes(int type);
/* Bytes of the layout in the file and of the array in memory; false if they do not fit 63 bits. */
bool io_layout_bytes(const io_layout *layout, size_t *raw, size_t *own);
const char *io_layout_text(base_arena *arena, const io_layout *layout);    /* "f32[3, 4]" */
/* The array at OFFSET; in place if it lies there as we want it, else converted. */
io_array io_load(const io_source *source, size_t offset, const io_layout *layout);
/* The same, and nothing may follow it. */
io_array io_load_last(const io_source *source, size_t offset, const io_layout *layout);
uint64_t io_little(const uint8_t *at, int bytes);

/* ---- formats -------------------------------------------------------------------------------- */

bool io_npy_fits(const uint8_t *at, size_t n);
io_array io_npy_load(const io_source *source);
void io_npy_read(const io_source *source, io_set *set);
void io_npy_write(io_save *save, const io_set *set);
/* The header of ARRAY, padded so that the data starts at a multiple of 64. */
base_text io_npy_header(base_arena *arena, const io_array *array);
/* ARRAY itself, or widened to a type that numpy has. */
io_array io_npy_fit(base_arena *arena, const io_array *array);

bool io_npz_fits(const uint8_t *at, size_t n);
void io_npz_read(const io_source *source, io_set *set);
void io_npz_write(io_save *save, const io_set *set);

bool io_safetensors_fits(const uint8_t *at, size_t n);
void io_safetensors_read(const io_source *source, io_set *set);
void io_safetensors_write(io_save *save, const io_set *set);

void io_csv_read(const io_source *source, io_set *set);
void io_csv_write(io_save *save, const io_set *set);

bool io_idx_fits(const uint8_t *at, size_t n);
void io_idx_read(const io_source *source, io_set *set);
void io_idx_write(io_save *save, const io_set *set);

io_text *io_text_from(const io_source *source, io_unit unit);
io_table *io_table_from(const io_source *source);

/* ---- rows of fields: rows.c ----------------------------------------------------------------- */

typedef struct io_field {
  const char *at;
  size_t n;
  bool quoted;
} io_field;

typedef struct io_rows {           /* a cursor over the rows of a text */
  const io_source *source;
  size_t at;
  int64_t line;                    /* the line where the current row starts, from 1 */
  int64_t next_line;
  char separator;
  bool comments;                   /* lines that start with # are skipped */
  BASE_VEC(io_field) fields;       /* the current row */
} io_rows;

io_rows io_rows_open(const io_source *source, bool comments);
bool io_rows_next(io_rows *rows);  /* false at the end; skips empty lines */
/* No more cells than this are left in rows of COLUMNS fields each, the current row included. */
size_t io_rows_cells(const io_rows *rows, int columns);
/* Raises unless the current row has COLUMNS fields. */
void io_rows_check(const io_rows *rows, int columns);

/* ---- UTF-8: text.c -------------------------------------------------------------------------- */

/* The bytes of the first character; 0: broken. */
int io_utf8(const char *at, size_t n, uint32_t *code);

#endif
