/* A peer: a process of Python that measures the same work with PyTorch, asked by a line of text a
 * case and answering by one. Data passes through files. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { LINE = 4096 };

struct bench_peer {
  pid_t pid;
  FILE *to, *from;
  char folder[64], name[256];
};

const char *bench_peer_name(const bench_peer *p) { return p->name; }

static void run_script(int in, int out, const char *script, const char *device,
                       const char *threads) {
  dup2(in, 0);
  dup2(out, 1);
  close(in);
  close(out);
  execlp("python3", "python3", script, device, threads, (char *)NULL);
  _exit(127);
}

static bool start(bench_peer *p, const char *script, const char *device, int threads) {
  int down[2], up[2];
  char number[16];
  snprintf(number, sizeof number, "%d", threads);
  if (pipe(down) != 0) return false;
  if (pipe(up) != 0) {
    close(down[0]), close(down[1]);
    return false;
  }
  p->pid = fork();
  if (p->pid == 0) {
    close(down[1]), close(up[0]);
    run_script(down[0], up[1], script, device, number);
  }
  close(down[0]), close(up[1]);
  p->to = fdopen(down[1], "w");
  p->from = fdopen(up[0], "r");
  return p->pid > 0 && p->to && p->from;
}

/* The first line says who answers, or why nobody does. */
bench_peer *bench_peer_open(const char *folder, const char *device, int threads, const char **why) {
  static char reason[256];
  char script[LINE];
  *why = "out of memory";
  bench_peer *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  signal(SIGPIPE, SIG_IGN);
  snprintf(script, sizeof script, "%s/torch_peer.py", folder);
  snprintf(p->folder, sizeof p->folder, "/tmp/tl-bench-XXXXXX");
  *why = reason;
  if (access(script, R_OK) != 0) {
    snprintf(reason, sizeof reason, "there is no %.160s: run it from the project's folder", script);
  } else if (!mkdtemp(p->folder)) {
    snprintf(reason, sizeof reason, "%s cannot be made: %s", p->folder, strerror(errno));
  } else if (!start(p, script, device, threads) || !fgets(p->name, sizeof p->name, p->from)) {
    snprintf(reason, sizeof reason, "python3 does not start");
  } else {
    p->name[strcspn(p->name, "\n")] = 0;
    if (strncmp(p->name, "error: ", 7) != 0) return p;
    snprintf(reason, sizeof reason, "%.200s", p->name + 7);
  }
  bench_peer_close(p);
  return NULL;
}

static bool write_file(const bench_peer *p, const char *name, const void *data, size_t bytes) {
  char path[128];
  snprintf(path, sizeof path, "%s/%s", p->folder, name);
  FILE *file = fopen(path, "wb");
  if (!file) return false;
  bool whole = fwrite(data, 1, bytes, file) == bytes;
  return fclose(file) == 0 && whole;
}

int bench_peer_ask(bench_peer *p, const bench_case *c, int copies, int n, const bench_input *input,
                   const void *result, size_t bytes, bench_answer *answer) {
  char line[LINE];
  *answer = (bench_answer){.difference = -1};
  if (!c->peer || !write_file(p, "result", result, bytes)) return 0;
  fprintf(p->to, "%s\t%s\t%d\t%s", c->name, c->peer, copies, p->folder);
  for (int i = 0; i < n; i++) {
    if (!write_file(p, input[i].name, input[i].data, input[i].bytes)) return 0;
    fprintf(p->to, "\t%s", input[i].name);
    for (int k = 0; k < input[i].rank; k++) fprintf(p->to, " %lld", (long long)input[i].size[k]);
  }
  fputs("\n", p->to);
  if (fflush(p->to) != 0 || !fgets(line, sizeof line, p->from)) return 0;
  return sscanf(line, "%lf %lf %lf %lf", &answer->call, &answer->plan, &answer->compiled,
                &answer->difference) == 4;
}

static void empty_folder(const bench_peer *p) {
  char path[128];
  for (char name = 'A'; name <= 'Z'; name++) {
    snprintf(path, sizeof path, "%s/%c", p->folder, name);
    unlink(path);
  }
  snprintf(path, sizeof path, "%s/result", p->folder);
  unlink(path);
  rmdir(p->folder);
}

void bench_peer_close(bench_peer *p) {
  if (!p) return;
  if (p->to) fclose(p->to);
  if (p->from) fclose(p->from);
  if (p->pid > 0) waitpid(p->pid, NULL, 0);
  empty_folder(p);
  free(p);
}
