/* npz: many arrays of numpy, each an .npy in a zip archive. */
#include <string.h>
#include <zip.h>

#include "io/format.h"

typedef struct archive {
  zip_source_t *bytes;
  zip_t *zip;
  zip_file_t *entry;
} archive;

static void release(void *object) {
  archive *a = object;
  if (a->entry) zip_fclose(a->entry);
  if (a->zip) zip_discard(a->zip);
  if (a->bytes) zip_source_free(a->bytes);
}

/* An archive over N bytes, or an empty one in memory to write. NULL: libzip refused, see ERROR. */
static archive *open_archive(base_arena *arena, const void *bytes, size_t n, int flags,
                             zip_error_t *error) {
  archive *a = BASE_NEW(arena, archive);
  base_defer(arena, release, a);
  zip_error_init(error);
  a->bytes = zip_source_buffer_create(bytes, n, 0, error);
  if (!a->bytes) return NULL;
  zip_source_keep(a->bytes);  /* one hold is the archive's, one ours */
  a->zip = zip_open_from_source(a->bytes, flags, error);
  if (a->zip) return a;
  zip_source_free(a->bytes);
  return NULL;
}

/* ---- reading -------------------------------------------------------------------------------- */

bool io_npz_fits(const uint8_t *at, size_t n) {
  return n >= 4 && (memcmp(at, "PK\3\4", 4) == 0 || memcmp(at, "PK\5\6", 4) == 0);
}

/* Refuses sizes that the archive cannot hold. LEFT is what other entries leave of the file. */
static void check_entry(const io_source *entry, const zip_stat_t *stat, zip_uint64_t *left) {
  enum { DEFLATE_AT_MOST = 1032 };  /* output bytes for one of input */
  if (!(stat->valid & ZIP_STAT_SIZE) || !(stat->valid & ZIP_STAT_COMP_SIZE))
    io_broken(entry, 0, "the archive does not give the entry's size");
  if (stat->encryption_method != ZIP_EM_NONE) io_broken(entry, 0, "the entry is encrypted");
  if (stat->comp_method != ZIP_CM_STORE && stat->comp_method != ZIP_CM_DEFLATE)
    io_broken(entry, 0, "the entry is compressed by method %d, expected stored or deflated",
              stat->comp_method);
  if (stat->comp_size > *left)
    io_broken(entry, 0, "the entry takes %llu bytes of the archive, but only %llu are left for it",
              (unsigned long long)stat->comp_size, (unsigned long long)*left);
  *left -= stat->comp_size;
  zip_uint64_t most = stat->comp_method == ZIP_CM_STORE ? 1 : DEFLATE_AT_MOST;
  if (stat->size / most > stat->comp_size)
    io_broken(entry, 0, "the entry unpacks to %llu bytes, more than %llu can hold",
              (unsigned long long)stat->size, (unsigned long long)stat->comp_size);
}

/* The whole entry; the byte read behind it makes libzip check its sum. */
static void unpack(archive *a, zip_uint64_t i, io_source *entry) {
  entry->at = base_alloc(entry->arena, entry->n);
  a->entry = zip_fopen_index(a->zip, i, 0);
  if (!a->entry) io_broken(entry, 0, "%s", zip_strerror(a->zip));
  size_t have = 0;
  zip_int64_t got = 1;
  uint8_t beyond;
  while (got > 0 && have < entry->n) {
    got = zip_fread(a->entry, entry->at + have, entry->n - have);
    if (got > 0) have += (size_t)got;
  }
  if (got >= 0 && have == entry->n) got = zip_fread(a->entry, &beyond, 1);
  if (got < 0) io_broken(entry, have, "%s", zip_file_strerror(a->entry));
  if (got > 0 || have < entry->n)
    io_broken(entry, have, "the entry does not have the %zu bytes that the archive says", entry->n);
  zip_fclose(a->entry);
  a->entry = NULL;
}

static void read_entry(const io_source *source, archive *a, zip_uint64_t i, zip_uint64_t *left,
                       io_set *set) {
  zip_stat_t stat;
  if (zip_stat_index(a->zip, i, 0, &stat) < 0)
    io_broken(source, 0, "entry %llu: %s", (unsigned long long)i, zip_strerror(a->zip));
  size_t n = strlen(stat.name);
  const char *shown = io_quote(source->arena, stat.name, n);
  if (n < 4 || strcmp(stat.name + n - 4, ".npy") != 0)
    io_broken(source, 0, "the archive holds %s, expected only .npy entries", shown);
  io_source entry = {.arena = source->arena,
                     .path = base_format(source->arena, "%s: %s", source->path, shown),
                     .n = stat.size};
  check_entry(&entry, &stat, left);
  unpack(a, i, &entry);
  io_add(source->arena, set, base_copy_n(source->arena, stat.name, n - 4), io_npy_load(&entry));
}

void io_npz_read(const io_source *source, io_set *set) {
  if (!io_npz_fits(source->at, source->n))
    io_broken(source, 0, "the file does not start with PK as an .npz, a zip archive, does");
  zip_error_t error;
  archive *a = open_archive(source->arena, source->at, source->n, ZIP_RDONLY, &error);
  if (!a) io_broken(source, 0, "not a sound zip archive: %s", zip_error_strerror(&error));
  zip_int64_t entries = zip_get_num_entries(a->zip, 0);
  zip_uint64_t left = source->n;
  for (zip_int64_t i = 0; i < entries; i++)
    read_entry(source, a, (zip_uint64_t)i, &left, set);
}

/* ---- writing -------------------------------------------------------------------------------- */

/* Stored, and dated 1980 as numpy does, so that equal sets make equal files. */
static void add_entry(io_save *save, zip_t *zip, const char *name, const io_array *given) {
  enum { JANUARY_1980 = 1 << 5 | 1 };
  io_array array = io_npy_fit(save->arena, given);
  base_text head = io_npy_header(save->arena, &array);
  zip_buffer_fragment_t parts[] = {{(zip_uint8_t *)head.at, head.n}, {array.data, array.bytes}};
  zip_source_t *bytes = zip_source_buffer_fragment(zip, parts, 2, 0);
  if (!bytes) io_unwritable(save, "%s", zip_strerror(zip));
  const char *path = base_format(save->arena, "%s.npy", name);
  zip_int64_t i = zip_file_add(zip, path, bytes, ZIP_FL_ENC_UTF_8);
  if (i < 0) zip_source_free(bytes);
  if (i < 0 || zip_set_file_compression(zip, (zip_uint64_t)i, ZIP_CM_STORE, 0) < 0 ||
      zip_file_set_dostime(zip, (zip_uint64_t)i, 0, JANUARY_1980, 0) < 0)
    io_unwritable(save, "%s: %s", name, zip_strerror(zip));
}

static void put_bytes(io_save *save, zip_source_t *bytes) {
  char *buffer = base_alloc(save->arena, 1 << 16);
  zip_int64_t got = zip_source_open(bytes);
  while (got >= 0 && (got = zip_source_read(bytes, buffer, 1 << 16)) > 0)
    io_save_put(save, buffer, (size_t)got);
  if (got < 0) io_unwritable(save, "%s", zip_error_strerror(zip_source_error(bytes)));
  zip_source_close(bytes);
}

void io_npz_write(io_save *save, const io_set *set) {
  if (set->items.n == 0) {  /* libzip writes no empty archive: the end of its directory is all */
    io_save_put(save, "PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22);
    return;
  }
  zip_error_t error;
  archive *a = open_archive(save->arena, NULL, 0, ZIP_CREATE | ZIP_TRUNCATE, &error);
  if (!a) io_unwritable(save, "%s", zip_error_strerror(&error));
  for (int i = 0; i < set->items.n; i++) {
    const char *name = set->items.at[i].name;
    if (!*name) name = base_format(save->arena, "arr_%d", i);  /* numpy's name for the nameless */
    add_entry(save, a->zip, name, &set->items.at[i].array);
  }
  if (zip_close(a->zip) < 0) io_unwritable(save, "%s", zip_strerror(a->zip));
  a->zip = NULL;
  put_bytes(save, a->bytes);
}
