/* Files kept between processes: whole or not at all, damaged ones removed, bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "device/cache.h"
#include "device/device.h"

typedef struct fixture {
  base_ctx *ctx;
  base_arena *arena;
  char root[64];
} fixture;

static int setup(void **state) {
  fixture *f = calloc(1, sizeof *f);
  strcpy(f->root, "/tmp/tl_cache_XXXXXX");
  assert_non_null(mkdtemp(f->root));
  setenv("XDG_CACHE_HOME", f->root, 1);
  unsetenv("TL_CACHE_MB");
  f->ctx = base_open(NULL);
  f->arena = base_arena_open(f->ctx);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  fixture *f = *state;
  device_cache_clear(f->arena);
  char folder[128];
  snprintf(folder, sizeof folder, "%s/tensorlogic", f->root);
  rmdir(folder);
  assert_int_equal(rmdir(f->root), 0);
  base_arena_close(f->arena);
  assert_int_equal(base_heap_count(f->ctx), 0);
  base_close(f->ctx);
  free(f);
  return 0;
}

static char *path_of(const fixture *f, const char *name) {
  return base_format(f->arena, "%s/tensorlogic/%s", f->root, name);
}

static void what_is_put_is_got(void **state) {
  fixture *f = *state;
  size_t n = 0;
  assert_null(device_cache_get(f->arena, "a", &n));
  char big[100000];
  for (size_t i = 0; i < sizeof big; i++) big[i] = (char)(i * 7 % 251);
  device_cache_put(f->arena, "a", big, sizeof big);
  device_cache_put(f->arena, "b", "", 0);
  const char *back = device_cache_get(f->arena, "a", &n);
  assert_int_equal(n, sizeof big);
  assert_memory_equal(back, big, n);
  assert_non_null(device_cache_get(f->arena, "b", &n));
  assert_int_equal(n, 0);
  device_cache_put(f->arena, "a", "new", 3);
  back = device_cache_get(f->arena, "a", &n);
  assert_int_equal(n, 3);
  assert_memory_equal(back, "new", 3);
}

/* Every byte changed in turn, every length cut off: none may come back, and the file goes. */
static void damaged_entries_are_removed(void **state) {
  fixture *f = *state;
  const char data[] = "a kernel";
  size_t whole = sizeof data + 24, n;
  for (size_t at = 0; at < whole + 8; at++) {
    device_cache_put(f->arena, "k", data, sizeof data);
    const char *path = path_of(f, "k");
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    if (at < whole) {
      fseek(file, (long)at, SEEK_SET);
      int c = fgetc(file);
      fseek(file, (long)at, SEEK_SET);
      fputc(c ^ 0x10, file);
    }
    fclose(file);
    if (at >= whole) assert_int_equal(truncate(path, (off_t)(at - whole)), 0);
    assert_null(device_cache_get(f->arena, "k", &n));
    assert_int_not_equal(access(path, F_OK), 0);
  }
}

static void what_was_not_used_goes_first(void **state) {
  fixture *f = *state;
  setenv("TL_CACHE_MB", "1", 1);
  size_t size = 300 << 10, n;
  char *data = base_alloc(f->arena, size);
  for (int i = 0; i < 3; i++) {
    const char *name = base_format(f->arena, "k%d", i);
    device_cache_put(f->arena, name, data, size);
    time_t then = time(NULL) - 100000 + i;
    struct timespec old[2] = {{.tv_sec = then}, {.tv_sec = then}};
    assert_int_equal(utimensat(0, path_of(f, name), old, 0), 0);
  }
  assert_non_null(device_cache_get(f->arena, "k0", &n));   /* used: now the youngest */
  device_cache_put(f->arena, "k3", data, size);
  assert_non_null(device_cache_get(f->arena, "k0", &n));
  assert_null(device_cache_get(f->arena, "k1", &n));
  assert_non_null(device_cache_get(f->arena, "k2", &n));
  assert_non_null(device_cache_get(f->arena, "k3", &n));
  device_cache_put(f->arena, "huge", base_alloc(f->arena, 2 << 20), 2 << 20);
  assert_null(device_cache_get(f->arena, "huge", &n));
}

/* Two processes write and read the same entries: what is read is always whole. */
static void two_processes_at_once(void **state) {
  fixture *f = *state;
  size_t size = 20000, n;
  pid_t child = fork();
  assert_true(child >= 0);
  char mine = child == 0 ? 1 : 2;
  char *data = base_alloc(f->arena, size);
  memset(data, mine, size);
  for (int i = 0; i < 300; i++) {
    base_arena *arena = base_arena_open(f->ctx);
    device_cache_put(arena, "shared", data, size);
    const char *back = device_cache_get(arena, "shared", &n);
    bool whole = back && n == size && (back[0] == 1 || back[0] == 2);
    for (size_t k = 1; whole && k < size; k++) whole = back[k] == back[0];
    if (!whole && child == 0) _exit(1);
    assert_true(whole);
    base_arena_close(arena);
  }
  if (child == 0) _exit(0);
  int status = -1;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
}

static void where_nothing_can_be_written_nothing_is(void **state) {
  fixture *f = *state;
  size_t n;
  setenv("XDG_CACHE_HOME", "/proc/nowhere", 1);
  device_cache_put(f->arena, "a", "x", 1);
  assert_null(device_cache_get(f->arena, "a", &n));
  unsetenv("XDG_CACHE_HOME");
  unsetenv("HOME");
  device_cache_put(f->arena, "a", "x", 1);
  assert_null(device_cache_get(f->arena, "a", &n));
  base_text text = base_text_open(f->arena);
  device_cache_print(&text, false);
  assert_non_null(strstr(text.at, "HOME is not set"));
  setenv("XDG_CACHE_HOME", f->root, 1);
}

static void the_list_names_all(void **state) {
  fixture *f = *state;
  device_cache_put(f->arena, "one", "x", 1);
  device_cache_put(f->arena, "two", "xy", 2);
  base_text text = base_text_open(f->arena), json = base_text_open(f->arena);
  device_cache_print(&text, false);
  assert_non_null(strstr(text.at, "         25  one\n"));
  assert_non_null(strstr(text.at, "2 entries, 0.0 MB of 537 MB, in /tmp/tl_cache_"));
  device_cache_print(&json, true);
  assert_non_null(strstr(json.at, "\"bytes\": 26, \"name\": \"two\"}\n"));
  assert_int_equal(device_cache_clear(f->arena), 2);
  assert_int_equal(device_cache_clear(f->arena), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(what_is_put_is_got, setup, teardown),
      cmocka_unit_test_setup_teardown(damaged_entries_are_removed, setup, teardown),
      cmocka_unit_test_setup_teardown(what_was_not_used_goes_first, setup, teardown),
      cmocka_unit_test_setup_teardown(two_processes_at_once, setup, teardown),
      cmocka_unit_test_setup_teardown(where_nothing_can_be_written_nothing_is, setup, teardown),
      cmocka_unit_test_setup_teardown(the_list_names_all, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
