/* Joining: may a group's equations run with another's, and which of their indices are then the
 * same. */
#include "sched/private.h"

typedef struct crossing {
  sched_graph *g;
  const sched_group *writers;  /* whose values are read */
  sched_pairs *m;
  bool reversed;               /* the pairs lead from the readers to the writers */
  bool ok;
  int met;                     /* reads between the two */
} crossing;

static void cross(void *arg, const ir_expr *read) {
  crossing *c = arg;
  for (int i = 0; c->ok && i < c->writers->member.n; i++) {
    const ir_eq *writer = c->writers->member.at[i].eq;
    if (writer->head != read->u.tensor || sched_meet(c->g->p, writer, read) == SCHED_APART)
      continue;
    if (c->writers->member.at[i].partial || writer->head->eqs.n != 1) c->ok = false;
    else c->ok = sched_meet_by(writer, read, c->m, c->reversed);
    c->met++;
  }
}

/* Equations in a kernel: bodies are written out one inside the other, on a stack. */
enum { MOST_MEMBERS = 64 };

int sched_cross(sched_graph *g, const sched_group *into, const sched_group *from, sched_pairs *m) {
  if (into->member.n + from->member.n > MOST_MEMBERS) return -1;
  crossing c = {.g = g, .m = m, .ok = true};
  c.writers = into;
  c.reversed = true;
  for (int i = 0; i < from->member.n; i++) sched_each_read(from->member.at[i].eq, cross, &c);
  c.writers = from;
  c.reversed = false;
  for (int i = 0; i < into->member.n; i++) sched_each_read(into->member.at[i].eq, cross, &c);
  return c.ok ? c.met : -1;
}

/* ---- hints: both read the same tensor -------------------------------------------------------- */

bool sched_has(const sched_indices *set, const ir_index *x) {
  for (int i = 0; i < set->n; i++)
    if (set->at[i] == x) return true;
  return false;
}

typedef struct hinting {
  const sched_group *into, *from;
  const ir_expr *read;         /* of FROM */
  sched_pairs *m;
  int shared;
} hinting;

/* The reads agree at each position under pairs that may be added to. */
static void hint_with(void *arg, const ir_expr *mine) {
  hinting *h = arg;
  if (mine->u.tensor != h->read->u.tensor) return;
  sched_pairs more = *h->m;
  for (int k = 0; k < mine->n; k++) {
    const ir_expr *a, *b;
    const ir_index *x = ir_position_index(h->read->arg[k], &a),
                   *y = ir_position_index(mine->arg[k], &b);
    if (!x != !y || a != b || (x && !sched_pair(&more, x, y))) return;
  }
  h->shared++;
  *h->m = more;
}

static void hint_from(void *arg, const ir_expr *read) {
  hinting *h = arg;
  h->read = read;
  for (int i = 0; i < h->into->member.n; i++)
    sched_each_read(h->into->member.at[i].eq, hint_with, h);
}

int sched_hint(const sched_group *into, const sched_group *from, sched_pairs *m) {
  hinting h = {.into = into, .from = from, .m = m};
  for (int i = 0; i < from->member.n; i++) sched_each_read(from->member.at[i].eq, hint_from, &h);
  return h.shared;
}

/* Pair what is left in FROM with what is left in TO, by size, in order. */
void sched_pair_rest(const sched_indices *from, const sched_indices *to, sched_pairs *m) {
  for (int i = 0; i < from->n; i++)
    for (int k = 0; k < to->n && !sched_paired(m, from->at[i]); k++)
      if (!sched_paired_to(m, to->at[k])) sched_pair(m, from->at[i], to->at[k]);
}

/* All of FROM is paired with indices in TO. */
bool sched_onto(const sched_indices *from, const sched_indices *to, const sched_pairs *m) {
  for (int i = 0; i < from->n; i++) {
    const ir_index *x = sched_paired(m, from->at[i]);
    if (!x || !sched_has(to, x)) return false;
  }
  return true;
}

/* ---- sizes by estimate ----------------------------------------------------------------------- */

enum { GUESS = 64 };

double sched_points(sched_graph *g, const sched_indices *set) {
  double n = 1;
  for (int i = 0; i < set->n; i++) {
    int64_t extent = ir_eval_size(set->at[i]->extent, g->guess);
    n *= extent > 1 ? (double)extent : 1;
  }
  return n;
}

void sched_guess(sched_graph *g) {
  g->guess = BASE_NEWS(g->arena, int64_t, g->p->symbols.n + 1);
  for (int i = 0; i < g->p->symbols.n; i++) g->guess[i] = GUESS;
}
