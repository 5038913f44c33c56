/* Files kept between processes. An entry is a head that says what must follow, and the bytes; it is
 * written beside its place and renamed, so that nobody ever sees half of it. */
#include "device/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "device/device.h"

enum { DEFAULT_MB = 512, STALE_SECONDS = 3600 };
static const char mark[8] = "TLKEPT1";

typedef struct head {
  char mark[8];
  uint64_t bytes, hash;
} head;

/* NULL: there is no place for it. */
static const char *folder_of(base_arena *arena) {
  const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  if (cache && cache[0] == '/') return base_format(arena, "%s/tensorlogic", cache);
  return home && home[0] == '/' ? base_format(arena, "%s/.cache/tensorlogic", home) : NULL;
}

static bool make_folder(base_arena *arena, const char *path) {
  if (mkdir(path, 0700) == 0 || errno == EEXIST) return true;
  const char *slash = strrchr(path, '/');
  if (errno != ENOENT || !slash || slash == path) return false;
  if (!make_folder(arena, base_copy_n(arena, path, (size_t)(slash - path)))) return false;
  return mkdir(path, 0700) == 0 || errno == EEXIST;
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool read_all(int file, void *to, size_t bytes) {
  char *at = to;
  while (bytes) {
    ssize_t n = read(file, at, bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    at += n;
    bytes -= (size_t)n;
  }
  return true;
}

/* The time of last use is that of last change: read times are often not kept. */
static void touch(int file, const struct stat *s) {
  if (time(NULL) - s->st_mtime > STALE_SECONDS) futimens(file, NULL);
}

static void *read_entry(base_arena *arena, int file, size_t *bytes) {
  head h;
  struct stat s;
  if (fstat(file, &s) != 0 || !read_all(file, &h, sizeof h)) return NULL;
  if (memcmp(h.mark, mark, sizeof mark) != 0 || h.bytes + sizeof h != (uint64_t)s.st_size)
    return NULL;
  void *data = base_alloc(arena, h.bytes + 1);
  if (!read_all(file, data, h.bytes) || base_hash(data, h.bytes, 0) != h.hash) return NULL;
  touch(file, &s);
  *bytes = h.bytes;
  return data;
}

static void close_file(void *arg) { close(*(int *)arg); }

void *device_cache_get(base_arena *arena, const char *name, size_t *bytes) {
  const char *folder = folder_of(arena);
  if (!folder) return NULL;
  const char *path = base_format(arena, "%s/%s", folder, name);
  int *file = BASE_NEW(arena, int);
  *file = open(path, O_RDONLY | O_CLOEXEC);
  if (*file < 0) return NULL;
  base_defer(arena, close_file, file);
  void *data = read_entry(arena, *file, bytes);
  if (!data) unlink(path);
  return data;
}

/* ---- the entries there are ------------------------------------------------------------------- */

typedef struct entry {
  const char *name;
  uint64_t bytes;
  time_t used;
} entry;

typedef BASE_VEC(entry) entry_list;

static void close_folder(void *arg) { closedir(arg); }

static void list_entries(base_arena *arena, const char *folder, entry_list *list) {
  DIR *dir = opendir(folder);
  if (!dir) return;
  base_defer(arena, close_folder, dir);
  for (struct dirent *e; (e = readdir(dir));) {
    struct stat s;
    if (fstatat(dirfd(dir), e->d_name, &s, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(s.st_mode))
      continue;
    BASE_PUSH(arena, list,
              ((entry){base_copy(arena, e->d_name), (uint64_t)s.st_size, s.st_mtime}));
  }
}

static int by_use(const void *a, const void *b) {
  const entry *x = a, *y = b;
  return (x->used > y->used) - (x->used < y->used);
}

static uint64_t limit_bytes(void) {
  const char *told = getenv("TL_CACHE_MB");
  long mb = told ? strtol(told, NULL, 10) : DEFAULT_MB;
  return (uint64_t)(mb > 0 ? mb : 0) << 20;
}

static void prune(base_arena *arena, const char *folder) {
  entry_list list = {0};
  uint64_t all = 0, limit = limit_bytes();
  list_entries(arena, folder, &list);
  for (int i = 0; i < list.n; i++) all += list.at[i].bytes;
  if (all <= limit) return;
  qsort(list.at, (size_t)list.n, sizeof *list.at, by_use);
  for (int i = 0; i < list.n && all > limit; i++) {
    unlink(base_format(arena, "%s/%s", folder, list.at[i].name));
    all -= list.at[i].bytes;
  }
}

/* ---- writing --------------------------------------------------------------------------------- */

static bool write_all(int file, const void *from, size_t bytes) {
  const char *at = from;
  while (bytes) {
    ssize_t n = write(file, at, bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    at += n;
    bytes -= (size_t)n;
  }
  return true;
}

void device_cache_put(base_arena *arena, const char *name, const void *data, size_t bytes) {
  const char *folder = folder_of(arena);
  if (!folder || bytes > limit_bytes() || !make_folder(arena, folder)) return;
  char *beside = base_format(arena, "%s/%s.XXXXXX", folder, name);
  const char *path = base_format(arena, "%s/%s", folder, name);
  head h = {.bytes = bytes, .hash = base_hash(data, bytes, 0)};
  memcpy(h.mark, mark, sizeof mark);
  int file = mkostemp(beside, O_CLOEXEC);
  if (file < 0) return;
  bool whole = write_all(file, &h, sizeof h) && write_all(file, data, bytes);
  whole = close(file) == 0 && whole;
  if (!whole || rename(beside, path) != 0) unlink(beside);
  prune(arena, folder);
}

/* ---- for people ------------------------------------------------------------------------------ */

void device_cache_print(base_text *text, bool json) {
  base_arena *arena = text->arena;
  const char *folder = folder_of(arena);
  entry_list list = {0};
  uint64_t all = 0;
  if (folder) list_entries(arena, folder, &list);
  if (list.n) qsort(list.at, (size_t)list.n, sizeof *list.at, by_use);
  for (int i = list.n - 1; i >= 0; i--) {
    const entry *e = &list.at[i];
    struct tm t;
    char when[32] = "";
    if (localtime_r(&e->used, &t)) strftime(when, sizeof when, "%Y-%m-%d %H:%M", &t);
    all += e->bytes;
    base_putf(text, json ? "{\"used\": \"%s\", \"bytes\": %llu, \"name\": \"%s\"}\n"
                         : "%s %10llu  %s\n",
              when, (unsigned long long)e->bytes, e->name);
  }
  if (!json)
    base_putf(text, "%d entries, %.1f MB of %.0f MB, in %s\n", list.n, (double)all / 1e6,
              (double)limit_bytes() / 1e6, folder ? folder : "no folder: HOME is not set");
}

int device_cache_clear(base_arena *arena) {
  const char *folder = folder_of(arena);
  entry_list list = {0};
  int gone = 0;
  if (folder) list_entries(arena, folder, &list);
  for (int i = 0; i < list.n; i++)
    gone += unlink(base_format(arena, "%s/%s", folder, list.at[i].name)) == 0;
  return gone;
}
