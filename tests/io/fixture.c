#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fixture.h"

static int mappings(void) {
  int lines = 0;
  FILE *file = fopen("/proc/self/maps", "r");
  char line[512];
  while (file && fgets(line, sizeof line, file)) lines += strstr(line, "/tl-io-") != NULL;
  if (file) fclose(file);
  return lines;
}

int open_fixture(void **state) {
  fixture *f = calloc(1, sizeof *f);
  f->ctx = base_open(NULL);
  f->arena = base_arena_open(f->ctx);
  strcpy(f->folder, "/tmp/tl-io-XXXXXX");
  *state = f;
  return mkdtemp(f->folder) ? 0 : -1;
}

/* Removes the folder's files; true if none was left by a write that failed. */
static bool clear(const char *folder) {
  bool clean = true;
  char path[512];
  DIR *directory = opendir(folder);
  for (struct dirent *entry; directory && (entry = readdir(directory));) {
    if (strstr(entry->d_name, ".tmp")) clean = false;
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) remove(path);
  }
  if (directory) closedir(directory);
  return rmdir(folder) == 0 && clean;
}

int close_fixture(void **state) {
  fixture *f = *state;
  base_arena_close(f->arena);
  bool clean = clear(f->folder) && base_heap_count(f->ctx) == 0 && mappings() == 0;
  base_close(f->ctx);
  free(f);
  return clean ? 0 : -1;
}

const char *path_to(fixture *f, const char *name) {
  return base_format(f->arena, "%s/%s", f->folder, name);
}

const char *file_of(fixture *f, const char *name, const void *bytes, size_t n) {
  const char *path = path_to(f, name);
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, n, file), n);
  fclose(file);
  return path;
}

char *bytes_of(fixture *f, const char *path, size_t *n) {
  FILE *file = fopen(path, "rb");
  assert_non_null(file);
  fseek(file, 0, SEEK_END);
  *n = (size_t)ftell(file);
  rewind(file);
  char *bytes = base_alloc(f->arena, *n + 1);
  assert_int_equal(fread(bytes, 1, *n, file), *n);
  fclose(file);
  return bytes;
}

void check_raised(fixture *f, base_status status, const char *text) {
  const base_error *error = base_last(f->ctx);
  base_text message = base_text_open(f->arena);
  const char *prefix = base_format(f->arena, "%s/", f->folder);
  for (const char *at = error->message; *at;) {
    const char *next = strstr(at, prefix);
    base_put_n(&message, at, next ? (size_t)(next - at) : strlen(at));
    at += next ? (size_t)(next - at) + strlen(prefix) : strlen(at);
  }
  assert_string_equal(message.at, text);
  assert_int_equal(error->status, status);
  base_clear(f->ctx);
}

void refuses(fixture *f, const char *path, const char *text) {
  RAISES(f, BASE_IO, text, io_read(f->arena, path));
}

void refuses_somehow(fixture *f, const char *path) {
  base_trap trap;
  if (BASE_TRY(f->ctx, &trap)) {
    io_read(f->arena, path);
    base_untrap(f->ctx, &trap);
    fail_msg("%s was read", path);
  }
  assert_int_equal(base_last(f->ctx)->status, BASE_IO);
}

void check_array(const io_array *array, int type, const char *shape, const void *data,
                 size_t bytes) {
  char text[128] = "";
  for (int i = 0; i < array->rank; i++)
    sprintf(text + strlen(text), "%s%lld", i ? " " : "", (long long)array->shape[i]);
  assert_string_equal(text, shape);
  assert_int_equal(array->type, type);
  assert_int_equal(array->bytes, bytes);
  assert_non_null(array->data);
  assert_memory_equal(array->data, data, bytes);
}

const io_array *only(const io_set *set) {
  assert_int_equal(set->items.n, 1);
  assert_string_equal(set->items.at[0].name, "");
  return &set->items.at[0].array;
}
