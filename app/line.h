/* Lines of a prompt: edited, with a history and completion, by libedit; or as they come. */
#ifndef TL_APP_LINE_H
#define TL_APP_LINE_H

typedef struct line_reader line_reader;
struct line_reader {
  /* The next line with its end, until the next call; NULL: *STOPPED by Ctrl-C, or the end. */
  const char *(*read)(line_reader *r, const char *prompt, int *stopped);
  void (*close)(line_reader *r);
};

/* Words that begin with PREFIX, one a line, given back by `forget`; NULL: none. */
typedef struct line_words {
  char *(*complete)(void *user, const char *prefix);
  void (*forget)(void *user, char *words);
  void *user;
} line_words;

/* NULL for lack of memory. HISTORY is a file; NULL: none is kept. */
line_reader *line_plain(void);
line_reader *line_edit(const char *history, const line_words *words);   /* only with TL_LIBEDIT */

#endif
