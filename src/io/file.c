/* file: opening to read and to write, and saying what is wrong with a file. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/format.h"

/* ---- messages ------------------------------------------------------------------------------- */

_Noreturn void io_broken(const io_source *source, size_t offset, const char *format, ...) {
  char message[BASE_MESSAGE];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  base_raise(base_arena_ctx(source->arena), BASE_IO, base_nowhere, "%s: offset %zu: %s",
             source->path, offset, message);
}

_Noreturn void io_broken_line(const io_source *source, int64_t line, const char *format, ...) {
  char message[BASE_MESSAGE];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  base_raise(base_arena_ctx(source->arena), BASE_IO, base_nowhere, "%s:%lld: %s", source->path,
             (long long)line, message);
}

_Noreturn void io_unwritable(const io_save *save, const char *format, ...) {
  char message[BASE_MESSAGE];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  base_raise(base_arena_ctx(save->arena), BASE_IO, base_nowhere, "cannot write %s: %s", save->path,
             message);
}

const char *io_quote(base_arena *arena, const char *at, size_t n) {
  enum { LONGEST = 40 };
  base_text text = base_text_open(arena);
  base_put(&text, "\"");
  size_t i = 0;
  while (i < n && i < LONGEST) {
    uint32_t code;
    int length = io_utf8(at + i, n - i, &code);
    if (length == 0 || code < 0x20 || code == 0x7f)
      base_put(&text, "?");
    else
      base_put_n(&text, at + i, (size_t)length);
    i += length ? (size_t)length : 1;
  }
  base_put(&text, i < n ? "...\"" : "\"");
  return text.at;
}

/* ---- a file that is not there --------------------------------------------------------------- */

static void close_directory(void *directory) { closedir(directory); }

/* The name in PATH's directory that PATH most likely meant, with that directory; NULL: none. */
static const char *nearest(base_arena *arena, const char *path) {
  const char *slash = strrchr(path, '/');
  const char *name = slash ? slash + 1 : path;
  int prefix = slash ? (int)(slash - path) + 1 : 0;
  DIR *directory = opendir(prefix ? base_copy_n(arena, path, (size_t)prefix) : ".");
  if (!directory) return NULL;
  base_defer(arena, close_directory, directory);
  int least = 1 + (int)(strlen(name) / 4 < 3 ? strlen(name) / 4 : 3);
  const char *best = NULL;
  for (struct dirent *entry; (entry = readdir(directory));) {
    int distance = base_edit_distance(name, entry->d_name);
    if (entry->d_name[0] == '.' || distance > least || (best && distance == least)) continue;
    least = distance;
    best = base_format(arena, "%.*s%s", prefix, path, entry->d_name);
  }
  return best;
}

static _Noreturn void cannot_read(base_arena *arena, const char *path, int error) {
  const char *meant = error == ENOENT ? nearest(arena, path) : NULL;
  base_raise(base_arena_ctx(arena), BASE_IO, base_nowhere, "cannot read %s: %s%s%s%s", path,
             strerror(error), meant ? "\nhelp: did you mean `" : "", meant ? meant : "",
             meant ? "`?" : "");
}

/* ---- reading -------------------------------------------------------------------------------- */

typedef struct io_map opened;
struct io_map {
  int fd;      /* -1: closed */
  void *map;   /* NULL: not mapped */
  size_t n;
  const char *path;
};

static void release(void *object) {
  opened *file = object;
  if (file->fd >= 0) close(file->fd);
  if (file->map) munmap(file->map, file->n);
}

/* Below this size a read costs less than the page faults of a mapping. */
enum { WORTH_MAPPING = 1 << 20 };

static bool mapped(opened *file, const struct stat *info) {
  if (!S_ISREG(info->st_mode) || info->st_size < WORTH_MAPPING) return false;
  size_t n = (size_t)info->st_size;
  void *at = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file->fd, 0);
  if (at == MAP_FAILED) return false;
  file->map = at;
  file->n = n;
  return true;
}

/* To its end, whatever size the system gives: pipes and /proc give none. */
static base_text read_all(base_arena *arena, const char *path, int fd) {
  char buffer[16384];
  base_text text = base_text_open(arena);
  for (;;) {
    ssize_t got = read(fd, buffer, sizeof buffer);
    if (got > 0) base_put_n(&text, buffer, (size_t)got);
    if (got == 0) return text;
    if (got < 0 && errno != EINTR) cannot_read(arena, path, errno);
    base_poll(base_arena_ctx(arena));
  }
}

io_source io_open(base_arena *arena, const char *path) {
  opened *file = BASE_NEW(arena, opened);
  file->fd = -1;
  base_defer(arena, release, file);
  struct stat info;
  file->fd = open(path, O_RDONLY | O_CLOEXEC);
  if (file->fd < 0 || fstat(file->fd, &info) < 0) cannot_read(arena, path, errno);
  if (S_ISDIR(info.st_mode)) cannot_read(arena, path, EISDIR);
  io_source source = {.arena = arena, .path = base_copy(arena, path)};
  if (mapped(file, &info)) { /* it stays open, to be asked for its size */
    file->path = source.path;
    source.at = file->map;
    source.n = file->n;
    source.map = file;
    return source;
  }
  base_text text = read_all(arena, path, file->fd);
  source.at = (uint8_t *)text.at;
  source.n = text.n;
  close(file->fd);
  file->fd = -1;
  return source;
}

void io_verify(base_ctx *ctx, const io_array *array) {
  const struct io_map *map = array->map;
  struct stat info;
  if (!map || (fstat(map->fd, &info) == 0 && (size_t)info.st_size >= map->n)) return;
  base_raise(ctx, BASE_IO, base_nowhere,
             "%s: offset %lld: the file was cut short while it was in use; it had %zu bytes",
             map->path, (long long)info.st_size, map->n);
}

/* ---- writing -------------------------------------------------------------------------------- */

static void abandon(void *object) {
  io_save *save = object;
  if (save->fd >= 0) close(save->fd);
  if (save->temp) unlink(save->temp);
}

/* A new file beside the target, so that the rename stays within one file system. */
static void open_temp(io_save *save, mode_t mode) {
  const char *slash = strrchr(save->target, '/');
  int prefix = slash ? (int)(slash - save->target) + 1 : 0;
  for (int i = 0; save->fd < 0; i++) {
    const char *temp = base_format(save->arena, "%.*s.tl-%ld-%d.tmp", prefix, save->target,
                                   (long)getpid(), i);
    save->fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (save->fd >= 0) save->temp = temp;
    if (save->fd < 0 && errno != EEXIST) io_unwritable(save, "%s", strerror(errno));
  }
}

io_save *io_save_open(base_arena *arena, const char *path) {
  io_save *save = BASE_NEW(arena, io_save);
  *save = (io_save){.arena = arena, .path = path, .target = path, .fd = -1};
  base_defer(arena, abandon, save);
  struct stat info;
  if (stat(path, &info) < 0) {
    open_temp(save, 0666);
    return save;
  }
  if (S_ISDIR(info.st_mode)) io_unwritable(save, "%s", strerror(EISDIR));
  if (access(path, W_OK) < 0) io_unwritable(save, "%s", strerror(errno));
  if (S_ISREG(info.st_mode)) {
    char *resolved = realpath(path, NULL);
    if (!resolved) io_unwritable(save, "%s", strerror(errno));
    base_defer(arena, free, resolved);
    save->target = resolved;
    open_temp(save, 0600);
    fchmod(save->fd, info.st_mode & 0777);
  } else {
    save->fd = open(path, O_WRONLY | O_CLOEXEC);
    if (save->fd < 0) io_unwritable(save, "%s", strerror(errno));
  }
  return save;
}

void io_save_put(io_save *save, const void *bytes, size_t n) {
  const char *at = bytes;
  while (n > 0) {
    ssize_t put = write(save->fd, at, n);
    if (put < 0 && errno != EINTR) io_unwritable(save, "%s", strerror(errno));
    if (put < 0) continue;
    at += put;
    n -= (size_t)put;
  }
}

void io_save_commit(io_save *save) {
  if (save->temp && fsync(save->fd) < 0) io_unwritable(save, "%s", strerror(errno));
  int fd = save->fd;
  save->fd = -1;
  if (close(fd) < 0) io_unwritable(save, "%s", strerror(errno));
  if (save->temp && rename(save->temp, save->target) < 0)
    io_unwritable(save, "%s", strerror(errno));
  save->temp = NULL;
}

io_string io_read_all(base_arena *arena, const char *path) {
  io_source source = io_open(arena, path);
  return (io_string){(const char *)source.at, source.n};
}
