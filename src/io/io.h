/* io: tensors, tables and texts, from files and back.
 *
 *   io_set *set = io_read(arena, "model.safetensors");     any format, by suffix and content
 *   const io_array *w = io_find(set, "w");
 *   io_write(ctx, "model.npz", set);                       complete or not at all
 *
 * | suffix           | read                                   | written                          |
 * | .npy .npz        | every real type of numpy, any order    | f16 f32 f64 i32 i64 bool; bf16   |
 * |                  |                                        | as f32                           |
 * | .safetensors     | F16 BF16 F32 F64, integers, BOOL       | all seven types, with notes      |
 * | .csv .tsv        | numbers, with or without a header      | one array of rank 2 or less      |
 * | .idx, *-ubyte    | all types                              | one array; 16-bit types as f32   |
 *
 * An integer type that is none of ours widens: i8 u8 i16 to i32, u16 u32 to i64, u64 to i64 if
 * its values fit. Large files are mapped, privately: what is read may be written over, the file
 * stays as it is; io_verify says whether it is still as long. A missing or broken file raises
 * BASE_IO with path, offset or line, what is wrong and what was expected. */
#ifndef TL_IO_H
#define TL_IO_H

#include "base/base.h"

enum { IO_RANK = 8 };

typedef struct io_array {
  int type;                        /* ir_type */
  int rank;                        /* 0 to IO_RANK */
  int64_t shape[IO_RANK];
  void *data;                      /* last index fastest, no gaps, aligned to elements, not NULL */
  size_t bytes;
  const struct io_map *map;        /* the mapped file it lies in; NULL: in memory of its own */
} io_array;

typedef struct io_item {
  const char *name;                /* "" in formats without names */
  io_array array;
} io_item;

typedef struct io_note {           /* a line of a safetensors file's metadata */
  const char *key, *value;
} io_note;

typedef struct io_set {            /* the content of one file; all zero is the empty set */
  BASE_VEC(io_item) items;
  BASE_VEC(io_note) notes;
  BASE_VEC(const char *) columns;  /* the header row of a table, where it has one */
} io_set;

/* The arrays live as long as ARENA, mapped ones too. */
io_set *io_read(base_arena *arena, const char *path);
/* The same from memory that outlives ARENA and becomes the arrays; NAME stands for the path. */
io_set *io_read_bytes(base_arena *arena, const char *name, void *bytes, size_t n);

/* Replaces PATH as a whole: a failure leaves the old file. .npy .csv .tsv hold just one array. */
void io_write(base_ctx *ctx, const char *path, const io_set *set);
void io_write_array(base_ctx *ctx, const char *path, const io_array *array);

/* N bytes as they are. */
void io_write_text(base_ctx *ctx, const char *path, const char *bytes, size_t n);

/* Elements of a mapped file that somebody has cut short are not there: raises BASE_IO, where
 * touching them would end the process. */
void io_verify(base_ctx *ctx, const io_array *array);

/* SHAPE may be NULL for rank 0. DATA is not copied. */
io_array io_array_of(int type, int rank, const int64_t *shape, void *data);
void io_add(base_arena *arena, io_set *set, const char *name, io_array array);
const io_array *io_find(const io_set *set, const char *name);              /* NULL: absent */
const char *io_find_note(const io_set *set, const char *key);              /* NULL: absent */

/* ---- texts ---------------------------------------------------------------------------------- */

typedef struct io_string {         /* bytes; not NUL-terminated, may hold NUL */
  const char *at;
  size_t n;
} io_string;

typedef enum io_unit {
  IO_CHARS,                        /* code points of UTF-8, sorted by number */
  IO_WORDS,                        /* UTF-8 between ASCII white space, sorted by bytes */
  IO_BYTES,                        /* all 256, present or not */
} io_unit;

/* A text as numbers: position p holds symbol[token[p]]. */
typedef struct io_text {
  io_unit unit;
  io_array tokens;                 /* IR_I64, rank 1 */
  io_string *symbol;               /* the domain, in order */
  int64_t symbols;
} io_text;

/* The bytes of a whole file. */
io_string io_read_all(base_arena *arena, const char *path);

io_text *io_text_tokens(base_arena *arena, const char *path, io_unit unit);
/* STRING in the tokens of TEXT; a symbol that TEXT lacks raises BASE_ARGUMENT, naming it. */
io_array io_encode(base_arena *arena, const io_text *text, const char *string, size_t n);
/* The text of N tokens, words joined by spaces, NUL behind; foreign ones raise BASE_ARGUMENT. */
io_string io_decode(base_arena *arena, const io_text *text, const int64_t *token, size_t n);

/* ---- tables of strings ---------------------------------------------------------------------- */

typedef struct io_table {          /* every line is a row: no header, no comments */
  const char *path;
  int columns;                     /* 0 for a file without rows */
  int64_t rows;
  io_string *cell;                 /* rows * columns, row by row */
  io_string text;                  /* the whole file */
} io_table;

io_table *io_table_read(base_arena *arena, const char *path);
/* The line where a row starts, from 1, for messages. */
int64_t io_table_line(base_arena *arena, const io_table *table, int64_t row);

#endif
