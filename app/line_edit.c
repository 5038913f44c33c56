/* Lines by libedit; built where it is. */
#include "line.h"

#include <errno.h>
#include <histedit.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEPT = 2000 };            /* lines of history */

typedef struct editor {
  line_reader reader;            /* the first */
  EditLine *edit;
  History *past;
  HistEvent event;
  const char *prompt, *file;
  line_words words;
} editor;

static char *prompt_of(EditLine *edit) {
  editor *r;
  el_get(edit, EL_CLIENTDATA, &r);
  return (char *)(uintptr_t)r->prompt;
}

/* ---- completion ------------------------------------------------------------------------------ */

static int is_word(unsigned char c) {
  return c >= 0x80 || c == '_' || c == '\'' || c == ':' || (c >= '0' && c <= '9') ||
         (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* How far all LINES of words agree. */
static size_t common(const char *words, int *n) {
  const char *first = words;
  size_t length = strcspn(words, "\n");
  for (*n = 0; *words; ++*n) {
    size_t own = strcspn(words, "\n"), same = 0;
    while (same < own && same < length && words[same] == first[same]) same++;
    length = same;
    words += own + (words[own] == '\n');
  }
  return length;
}

static void list(const char *words) {
  fputc('\n', stdout);
  for (int column = 0; *words;) {
    int n = (int)strcspn(words, "\n");
    column += printf("%.*s  ", n, words);
    words += n + (words[n] == '\n');
    if (column > 60 && *words) column = fputc('\n', stdout) * 0;
  }
  fputc('\n', stdout);
  fflush(stdout);
}

static unsigned char complete(EditLine *edit, int key) {
  editor *r;
  char prefix[256];
  int n;
  (void)key;
  el_get(edit, EL_CLIENTDATA, &r);
  const LineInfo *line = el_line(edit);
  const char *from = line->cursor;
  while (from > line->buffer && is_word((unsigned char)from[-1])) from--;
  size_t length = (size_t)(line->cursor - from);
  if (length == 0 || length >= sizeof prefix) return CC_ERROR;
  memcpy(prefix, from, length);
  prefix[length] = 0;
  char *words = r->words.complete(r->words.user, prefix);
  if (!words || !*words) {
    r->words.forget(r->words.user, words);
    return CC_ERROR;
  }
  size_t known = common(words, &n);
  unsigned char result = CC_ERROR;
  if (known > length && known < sizeof prefix) {
    memcpy(prefix, words + length, known - length);
    prefix[known - length] = 0;
    result = el_insertstr(edit, prefix) == 0 ? CC_REFRESH : CC_ERROR;
  } else if (n > 1) {
    list(words);
    result = CC_REDISPLAY;
  }
  r->words.forget(r->words.user, words);
  return result;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static const char *read_line(line_reader *reader, const char *prompt, int *stopped) {
  editor *r = (editor *)reader;
  int n;
  r->prompt = prompt;
  *stopped = 0;
  errno = 0;
  const char *line = el_gets(r->edit, &n);
  if (!line || n <= 0) {
    *stopped = errno == EINTR;
    return NULL;
  }
  if (line[strspn(line, " \t\r\n")]) history(r->past, &r->event, H_ENTER, line);
  return line;
}

static void close_editor(line_reader *reader) {
  editor *r = (editor *)reader;
  if (r->past && r->file) history(r->past, &r->event, H_SAVE, r->file);
  if (r->past) history_end(r->past);
  if (r->edit) el_end(r->edit);
  free(r);
}

static void set_up(editor *r) {
  history(r->past, &r->event, H_SETSIZE, KEPT);
  history(r->past, &r->event, H_SETUNIQUE, 1);
  if (r->file) history(r->past, &r->event, H_LOAD, r->file);
  el_set(r->edit, EL_CLIENTDATA, r);
  el_set(r->edit, EL_PROMPT, prompt_of);
  el_set(r->edit, EL_EDITOR, "emacs");
  el_set(r->edit, EL_HIST, history, r->past);
  el_set(r->edit, EL_ADDFN, "tl-complete", "complete the word", complete);
  el_set(r->edit, EL_BIND, "^I", "tl-complete", NULL);
  el_set(r->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
  el_source(r->edit, NULL);
}

line_reader *line_edit(const char *history_file, const line_words *words) {
  editor *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  *r = (editor){.reader = {read_line, close_editor}, .file = history_file, .words = *words};
  r->edit = el_init("tl", stdin, stdout, stderr);
  r->past = history_init();
  if (r->edit && r->past) {
    set_up(r);
    return &r->reader;
  }
  close_editor(&r->reader);
  return NULL;
}
