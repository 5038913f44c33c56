/* The prompt, by a terminal of its own: typed keys in, what the screen shows out. Takes the
 * program's path. */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE = 20000, SCREEN = 1 << 16 }; /* milliseconds; bytes */

typedef struct prompt {
  pid_t pid;
  int terminal;
  char screen[SCREEN];
  size_t n, seen; /* what was waited for stands before `seen` */
} prompt;

static void fail(const prompt *p, const char *wanted) {
  fprintf(stderr, "the screen never shows: %s\nit shows:\n%s\n", wanted, p->screen);
  kill(p->pid, SIGKILL);
  exit(1);
}

/* Wait until TEXT is shown, behind all that was waited for. */
static void expect(prompt *p, const char *text) {
  for (;;) {
    char *at = strstr(p->screen + p->seen, text);
    if (at) {
      p->seen = (size_t)(at - p->screen) + strlen(text);
      return;
    }
    struct pollfd ready = {.fd = p->terminal, .events = POLLIN};
    if (p->n + 1 >= SCREEN || poll(&ready, 1, PATIENCE) <= 0) fail(p, text);
    ssize_t got = read(p->terminal, p->screen + p->n, SCREEN - 1 - p->n);
    if (got <= 0) fail(p, text);
    size_t kept = p->n;
    for (size_t i = p->n; i < p->n + (size_t)got; i++) /* terminals are given time with NULs */
      if (p->screen[i]) p->screen[kept++] = p->screen[i];
    p->n = kept;
    p->screen[p->n] = 0;
  }
}

/* Until the line is being read again: a prompt is on the screen a little before, and what is typed
 * then is echoed by the terminal. */
static void rest(void) { usleep(500000); }

static void type(const prompt *p, const char *keys) {
  if (write(p->terminal, keys, strlen(keys)) != (ssize_t)strlen(keys)) fail(p, "typed keys");
}

static void start(prompt *p, const char *program, const char *state) {
  *p = (prompt){0};
  p->pid = forkpty(&p->terminal, NULL, NULL, NULL);
  if (p->pid == 0) {
    setenv("TERM", "vt100", 1);
    setenv("XDG_STATE_HOME", state, 1);
    setenv("EDITRC", "/dev/null", 1);
    setenv("ASAN_OPTIONS", "detect_leaks=0", 1); /* libedit keeps the names of added functions */
    execl(program, program, "repl", (char *)NULL);
    _exit(127);
  }
  if (p->pid < 0) exit(1);
  expect(p, "tl> ");
}

static void leave(prompt *p, const char *keys) {
  int status = 0;
  type(p, keys);
  for (int tries = 0; waitpid(p->pid, &status, WNOHANG) == 0; tries++) {
    if (tries == PATIENCE / 10) fail(p, "its end");
    struct pollfd ready = {.fd = p->terminal, .events = POLLIN};
    char rest[256];
    if (poll(&ready, 1, 10) <= 0 || read(p->terminal, rest, sizeof rest) <= 0) usleep(10000);
  }
  close(p->terminal);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    fprintf(stderr, "it left with status %d\n%s\n", status, p->screen);
    exit(1);
  }
}

static void ask(prompt *p, const char *keys, const char *answer) {
  type(p, keys);
  expect(p, answer);
  expect(p, "tl> ");
}

static void statements(prompt *p) {
  ask(p, "X = [1, 2, 3]\n", "");
  ask(p, "Y[i] = 2 X[i]\n", "");
  ask(p, "Y?\n", "Y = [2, 4, 6]");
  ask(p, "X = [10, 20]\n", "");
  ask(p, "Y?\n", "Y = [20, 40]");
  type(p, "M = [1, 2;\n");
  expect(p, "... ");
  ask(p, "3, 4]\n", "");
  ask(p, "M?\n", "[3, 4]]");
  ask(p, "Big : f32[100, 100]\n", "");
  ask(p, "Big?\n", "[0, 0, 0, 0, ..., 0, 0, 0, 0]");
}

static void errors(prompt *p) {
  ask(p, "Q?\n", "`Q` is not defined");
  type(p, "X = [1, 2\n");
  expect(p, "... ");
  rest();
  type(p, "3, ");
  expect(p, "3, ");
  rest();
  ask(p, "\003", "");                          /* what was typed is dropped */
  ask(p, "Y?\n", "Y = [20, 40]");
  ask(p, "G = G + 1\n", "");
  ask(p, "rounds(G, 900000000)\n", "");
  type(p, "G?\n");
  expect(p, "G?");
  rest();
  ask(p, "\003", "interrupted");               /* what runs is stopped */
  ask(p, "Y?\n", "Y = [20, 40]");
}

static void commands(prompt *p) {
  ask(p, ":names\n", "X : f32[2]   # data");
  ask(p, ":explain Y\n", "1 kernel");
  ask(p, ":forget Y\n", "");
  ask(p, "Y?\n", "`Y` is not defined");
  ask(p, ":nothing\n", "there is no command `:nothing`");
  ask(p, ":help\n", ":quit");
}

static void editing(prompt *p) {
  ask(p, "S[i] = sigx\b(X[i])\n", "");
  ask(p, "S?\n", "S = [0.9");
  type(p, "L[i] = softm\t");
  expect(p, "ax");
  ask(p, "(X[i])\n", "");
  ask(p, "L?\n", "L = [");
}

int main(int argc, char **argv) {
  static prompt p;
  char state[] = "/tmp/tl-prompt-XXXXXX", history[64];
  int edits = argc > 2 && strcmp(argv[2], "edits") == 0;
  if (argc < 2 || !mkdtemp(state)) return 2;
  start(&p, argv[1], state);
  statements(&p);
  errors(&p);
  commands(&p);
  if (edits) editing(&p);
  leave(&p, ":quit\n");
  if (edits) { /* the last line of the last session comes again */
    start(&p, argv[1], state);
    type(&p, "X = [7]\n");
    expect(&p, "tl> ");
    rest();
    type(&p, "\033[A\033[A\033[A");
    expect(&p, "L?");
    rest();
    ask(&p, "\003", "");
    leave(&p, "\004");
  }
  snprintf(history, sizeof history, "%s/tensorlogic/history", state);
  unlink(history);
  snprintf(history, sizeof history, "%s/tensorlogic", state);
  rmdir(history);
  rmdir(state);
  return 0;
}
