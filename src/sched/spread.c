/* Spreading: a reduction of everything, or of all but a few, has no frame to share among
 * workers. Its line becomes its frame, and its results partial. */
#include "sched/private.h"

enum { FEW = 8 };

static bool runs_over_all(const sched_group *s, const ir_eq *eq) {
  bool all = eq->nfree + eq->nred == s->frame.n + s->line.n;
  return all && (eq->nred == 0 || eq->nfree == s->frame.n);
}

typedef struct asking {
  const ir_tensor *head;
  bool read;
} asking;

static void ask_read(void *arg, const ir_expr *read) {
  asking *a = arg;
  if (read->u.tensor == a->head) a->read = true;
}

static bool read_inside(const sched_group *s, const ir_tensor *t) {
  asking a = {.head = t};
  for (int i = 0; i < s->member.n; i++) sched_each_read(s->member.at[i].eq, ask_read, &a);
  return a.read;
}

bool sched_spread(sched_graph *g, sched_group *s) {
  if (sched_points(g, &s->frame) >= FEW) return false;
  for (int i = 0; i < s->member.n; i++) {
    const sched_member *m = &s->member.at[i];
    if (m->partial || !runs_over_all(s, m->eq)) return false;
    if (m->eq->nred && read_inside(s, m->eq->head)) return false;
  }
  for (int i = 0; i < s->line.n; i++) BASE_PUSH(g->arena, &s->frame, s->line.at[i]);
  s->line.n = 0;
  for (int i = 0; i < s->member.n; i++) s->member.at[i].partial = s->member.at[i].eq->nred > 0;
  return true;
}
