/* The host's C++ compiler, as a process; what it made is kept in a folder, found by the text, the
 * flags and the headers it came from. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../core/image.h"
#include "program.h"

extern char **environ;

enum { PATH = 1024 };

static const char *compiler(void) {
  const char *told = getenv("TL_SIMT_CXX");
  return told ? told : SIMT_CXX;
}

static const char *cache(void) {
  const char *told = getenv("TL_SIMT_CACHE");
  return told ? told : SIMT_CACHE;
}

static int read_file(const char *path, text *to) {
  FILE *file = fopen(path, "rbe");
  char buffer[4096];
  size_t n;
  if (!file) return 0;
  while ((n = fread(buffer, 1, sizeof buffer, file)) > 0) text_put_n(to, buffer, n);
  fclose(file);
  return 1;
}

uint64_t hash_headers(void) {
  static uint64_t known;
  DIR *folder = known ? NULL : opendir(SIMT_HEADERS);
  struct dirent *entry;
  while (folder && (entry = readdir(folder))) {
    char path[PATH];
    text content = {0};
    snprintf(path, sizeof path, "%s/%s", SIMT_HEADERS, entry->d_name);
    if (entry->d_name[0] != '.' && read_file(path, &content))
      known += image_hash(content.at, content.n); /* in whatever order they come */
    free(content.at);
  }
  if (folder) closedir(folder);
  return known;
}

static void key_of(char *key, const char *source, const text *flags, int checked) {
  uint64_t a = image_hash(source, strlen(source));
  uint64_t b = image_hash(flags->at ? flags->at : "", flags->n) ^ (uint64_t)checked;
  b ^= hash_headers() ^ image_hash(compiler(), strlen(compiler()));
  sprintf(key, "%016llx%016llx", (unsigned long long)a, (unsigned long long)b);
}

/* ---- the process ----------------------------------------------------------------------------- */

/* FLAGS are separated by line feeds. */
static int run(char **argument, const char *output) {
  posix_spawn_file_actions_t to;
  pid_t child;
  int status = -1;
  posix_spawn_file_actions_init(&to);
  posix_spawn_file_actions_addopen(&to, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&to, 1, 2);
  int error = posix_spawnp(&child, argument[0], &to, NULL, argument, environ);
  posix_spawn_file_actions_destroy(&to);
  if (error) return -1;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return status;
}

static int call_compiler(program *p, const char *from, const char *to, const char *log,
                         const text *flags, int checked) {
  char *words = strdup(flags->at ? flags->at : ""), *rest = words, *word;
  char *argument[128];
  int n = 0;
  argument[n++] = (char *)compiler();
  static const char *const fixed[] = {"-x",
                                      "c++",
                                      "-std=c++17",
                                      "-O1",
                                      "-w",
                                      "-fPIC",
                                      "-shared",
                                      "-fvisibility=hidden",
                                      "-fno-strict-aliasing",
                                      "-fwrapv",
                                      "-ffp-contract=off",
                                      "-fno-math-errno",
                                      "-fno-exceptions",
                                      "-fno-rtti",
                                      "-fno-asynchronous-unwind-tables",
                                      "-fno-stack-protector",
                                      ("-I" SIMT_HEADERS)};
  for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) argument[n++] = (char *)fixed[i];
  if (!strstr(compiler(), "clang")) argument[n++] = "-fno-gnu-unique";
  if (checked) argument[n++] = "-fsanitize=thread", argument[n++] = "-nodefaultlibs";
  while (n < 120 && (word = strsep(&rest, "\n")))
    if (*word) argument[n++] = word;
  argument[n++] = (char *)from;
  argument[n++] = "-o";
  argument[n++] = (char *)to;
  argument[n++] = "-lm";
  argument[n++] = "-lc";
  argument[n] = NULL;
  int status = run(argument, log);
  free(words);
  if (status == -1)
    text_put(&p->log, "%s cannot be started\n", compiler());
  else if (status)
    read_file(log, &p->log);
  return status == 0;
}

/* ---- images ---------------------------------------------------------------------------------- */

static int take_image(program *p, const char *path) {
  text so = {0};
  if (!read_file(path, &so) || so.n == 0) return 0;
  image_head head = {.bytes = so.n, .hash = image_hash(so.at, so.n)};
  memcpy(head.magic, IMAGE_MAGIC, sizeof head.magic);
  p->image_bytes = sizeof head + so.n;
  p->image = malloc(p->image_bytes);
  memcpy(p->image, &head, sizeof head);
  memcpy(p->image + sizeof head, so.at, so.n);
  free(so.at);
  return 1;
}

static int write_file(const char *path, const char *content) {
  FILE *file = fopen(path, "wbe");
  if (!file) return 0;
  size_t n = strlen(content), written = fwrite(content, 1, n, file);
  return fclose(file) == 0 && written == n;
}

int compile(program *p, const char *source, const text *flags, int checked) {
  char key[40], kept[PATH], from[PATH], to[PATH], log[PATH];
  key_of(key, source, flags, checked);
  mkdir(cache(), 0700);
  snprintf(kept, sizeof kept, "%s/%s.so", cache(), key);
  if (take_image(p, kept)) return 1;
  snprintf(from, sizeof from, "%s/%s.%d.cc", cache(), key, (int)getpid());
  snprintf(to, sizeof to, "%s/%s.%d.so", cache(), key, (int)getpid());
  snprintf(log, sizeof log, "%s/%s.%d.log", cache(), key, (int)getpid());
  int done = write_file(from, source);
  if (!done) text_put(&p->log, "%s cannot be written\n", from);
  done = done && call_compiler(p, from, to, log, flags, checked);
  done = done && rename(to, kept) == 0 && take_image(p, kept);
  if (!getenv("TL_SIMT_KEEP")) unlink(from);
  unlink(log);
  unlink(to);
  return done;
}
