/* io: which format a file has, and sets of arrays. */
#include <assert.h>
#include <string.h>

#include "io/format.h"

static bool never_fits(const uint8_t *at, size_t n) {
  (void)at, (void)n;
  return false;
}

/* A format is found by its suffix, unless the content plainly is another. */
static const struct format {
  const char *suffix;
  bool (*fits)(const uint8_t *at, size_t n);               /* by the first bytes */
  void (*read)(const io_source *source, io_set *set);
  void (*write)(io_save *save, const io_set *set);
} formats[] = {
  {".npy", io_npy_fits, io_npy_read, io_npy_write},
  {".npz", io_npz_fits, io_npz_read, io_npz_write},
  {".safetensors", io_safetensors_fits, io_safetensors_read, io_safetensors_write},
  {".csv", never_fits, io_csv_read, io_csv_write},
  {".tsv", never_fits, io_csv_read, io_csv_write},
  {".idx", io_idx_fits, io_idx_read, io_idx_write},
  {"-ubyte", io_idx_fits, io_idx_read, io_idx_write},
};

enum { FORMATS = sizeof formats / sizeof *formats };

#define KNOWN ".npy .npz .safetensors .csv .tsv .idx"

static bool ends_with(const char *path, const char *suffix) {
  size_t n = strlen(path), m = strlen(suffix);
  return n > m && strcmp(path + n - m, suffix) == 0;
}

static const struct format *by_suffix(const char *path) {
  for (int i = 0; i < FORMATS; i++)
    if (ends_with(path, formats[i].suffix)) return &formats[i];
  return NULL;
}

static const struct format *by_content(const io_source *source) {
  for (int i = 0; i < FORMATS; i++)
    if (formats[i].fits(source->at, source->n)) return &formats[i];
  return NULL;
}

static io_set *read_source(const io_source *source) {
  if (source->n >= 2 && source->at[0] == 0x1f && source->at[1] == 0x8b)
    io_broken(source, 0, "the file is compressed by gzip; gunzip it first");
  const struct format *named = by_suffix(source->path), *format = named;
  if (!named || !named->fits(source->at, source->n)) format = by_content(source);
  if (!format) format = named;
  if (!format)
    io_broken(source, 0, "neither name nor content is of a kind known here: " KNOWN);
  io_set *set = BASE_NEW(source->arena, io_set);
  format->read(source, set);
  return set;
}

io_set *io_read(base_arena *arena, const char *path) {
  io_source source = io_open(arena, path);
  return read_source(&source);
}

io_set *io_read_bytes(base_arena *arena, const char *name, void *bytes, size_t n) {
  io_source source = {.arena = arena, .path = name, .at = bytes, .n = n};
  return read_source(&source);
}

const io_array *io_only(const io_save *save, const io_set *set) {
  if (set->items.n != 1)
    io_unwritable(save, "it can hold one array, not %d; .npz and .safetensors hold many",
                  set->items.n);
  return &set->items.at[0].array;
}

typedef struct writing {
  const char *path;
  const io_set *set;             /* NULL: text */
  const char *bytes;
  size_t n;
} writing;

static void write_to(base_arena *arena, const writing *w) {
  const struct format *format = by_suffix(w->path);
  if (w->set && !format)
    base_raise(base_arena_ctx(arena), BASE_IO, base_nowhere,
               "cannot write %s: the suffix must be one of " KNOWN, w->path);
  io_save *save = io_save_open(arena, w->path);
  if (w->set) format->write(save, w->set);
  else io_save_put(save, w->bytes, w->n);
  io_save_commit(save);
}

static void write_all(base_ctx *ctx, const writing *w) {
  base_arena *arena = base_arena_open(ctx);
  base_trap trap;
  if (BASE_TRY(ctx, &trap)) {
    write_to(arena, w);
    base_untrap(ctx, &trap);
    base_arena_close(arena);
  } else {
    base_arena_close(arena);
    base_raise_again(ctx);
  }
}

void io_write(base_ctx *ctx, const char *path, const io_set *set) {
  write_all(ctx, &(writing){.path = path, .set = set});
}

void io_write_text(base_ctx *ctx, const char *path, const char *bytes, size_t n) {
  write_all(ctx, &(writing){.path = path, .bytes = bytes, .n = n});
}

void io_write_array(base_ctx *ctx, const char *path, const io_array *array) {
  io_item item = {"", *array};
  io_set set = {.items = {&item, 1, 1}};
  io_write(ctx, path, &set);
}

io_array io_array_of(int type, int rank, const int64_t *shape, void *data) {
  assert(rank >= 0 && rank <= IO_RANK);
  io_array array = {.type = type, .rank = rank, .data = data, .bytes = io_type_bytes(type)};
  for (int i = 0; i < rank; i++) {
    array.shape[i] = shape[i];
    array.bytes *= (size_t)shape[i];
  }
  return array;
}

void io_add(base_arena *arena, io_set *set, const char *name, io_array array) {
  io_item item = {name, array};
  BASE_PUSH(arena, &set->items, item);
}

const io_array *io_find(const io_set *set, const char *name) {
  for (int i = 0; i < set->items.n; i++)
    if (strcmp(set->items.at[i].name, name) == 0) return &set->items.at[i].array;
  return NULL;
}

const char *io_find_note(const io_set *set, const char *key) {
  for (int i = 0; i < set->notes.n; i++)
    if (strcmp(set->notes.at[i].key, key) == 0) return set->notes.at[i].value;
  return NULL;
}
