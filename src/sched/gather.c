/* Grouping, shape by shape: what follows on a product joins it; reductions over the same points
 * join each other with what feeds and follows them; the maps left join where their frames are
 * the same; then maps that do not need each other share a launch. */
#include "sched/private.h"

enum { LONG_LINE = 65536, SHORT_LINE = 4096, FEW = 8 };

static bool live(const sched_group *s, kernel_shape shape) {
  return !s->gone && !s->loop && s->shape == shape;
}

/* ---- contract: maps at the same positions ---------------------------------------------------- */

static bool commits_only(const sched_graph *g, const sched_group *s) {
  for (int i = 0; i < s->member.n; i++)
    if (!sched_use_of(g->use, s->member.at[i].eq->head)->commits) return false;
  return true;
}

static bool read_only_by(const sched_graph *g, const sched_group *s, const sched_group *readers) {
  for (int i = 0; i < s->member.n; i++) {
    const sched_node *node = &g->node[s->member.at[i].node];
    if (sched_use_of(g->use, s->member.at[i].eq->head)->kept) return false;
    for (int k = 0; k < node->after.n; k++)
      if (g->node[node->after.at[k]].group != readers && g->node[node->after.at[k]].group != s)
        return false;
  }
  return true;
}

static bool follow_product(sched_graph *g, sched_group *into, sched_group *from) {
  sched_pairs m = {0};
  if (!live(from, KERNEL_MAP) || from->frame.n != into->frame.n || commits_only(g, from))
    return false;
  if (sched_cross(g, into, from, &m) <= 0 || !sched_onto(&from->frame, &into->frame, &m))
    return false;
  if (!sched_may_merge(g, into, from)) return false;
  sched_merge(g, into, from, &m);
  return true;
}

/* ---- row ------------------------------------------------------------------------------------- */

/* A line that is long while there are few: what reads its results runs better by itself. */
static bool too_long(sched_graph *g, const sched_group *row) {
  return sched_points(g, &row->line) > LONG_LINE && sched_points(g, &row->frame) < FEW;
}

/* A sum of everything is shared among workers only if nothing reads it at once. */
static bool better_alone(sched_graph *g, const sched_group *row, const sched_group *map) {
  int64_t number;
  bool known = true;
  for (int i = 0; i < row->line.n; i++)
    known = known && ir_is_int(row->line.at[i]->extent, &number);
  bool is_short = known && sched_points(g, &row->line) <= SHORT_LINE;
  return row->frame.n == 0 && map->frame.n == 0 && !is_short;
}

static bool fits_map(const sched_group *row, const sched_group *map, sched_pairs *m) {
  int frame = 0, line = 0;
  sched_hint(row, map, m);
  sched_pair_rest(&map->frame, &row->line, m);
  for (int i = 0; i < map->frame.n; i++) {
    const ir_index *x = sched_paired(m, map->frame.at[i]);
    if (!x) return false;
    frame += sched_has(&row->frame, x);
    line += sched_has(&row->line, x);
  }
  return frame == row->frame.n && (line == 0 || line == row->line.n);
}

static bool fits_row(const sched_group *row, const sched_group *from, sched_pairs *m) {
  if (from->frame.n != row->frame.n || from->line.n != row->line.n) return false;
  sched_hint(row, from, m);
  sched_pair_rest(&from->line, &row->line, m);
  return sched_onto(&from->frame, &row->frame, m) && sched_onto(&from->line, &row->line, m);
}

/* It sums values of the frame's points: each worker its own, then all together. */
static bool fits_partial(const sched_group *row, const sched_group *from, const sched_pairs *m) {
  return from->member.n == 1 && from->frame.n + from->line.n == row->frame.n && from->line.n &&
         sched_onto(&from->frame, &row->frame, m) && sched_onto(&from->line, &row->frame, m);
}

/* A matrix-vector product may be a reduction along the vector. */
static bool as_row(sched_graph *g, sched_group *s) {
  pass_contraction c;
  if (live(s, KERNEL_ROW)) return true;
  if (!live(s, KERNEL_CONTRACT)) return false;
  s->line.n = 0;
  for (int i = 0; i < s->member.n; i++)
    if (pass_contraction_of(g->p, s->member.at[i].eq, &c)) {
      if (c.nn) return false;
      for (int k = 0; k < c.nk; k++) BASE_PUSH(g->arena, &s->line, c.k[k]);
    }
  return true;
}

static bool join_row(sched_graph *g, sched_group *row, sched_group *from) {
  sched_pairs m = {0};
  bool partial = false;
  if (from == row || from->loop || too_long(g, row)) return false;
  if (sched_cross(g, row, from, &m) <= 0) return false;
  if (live(from, KERNEL_MAP)) {
    if (commits_only(g, from) || better_alone(g, row, from)) return false;
    if (!fits_map(row, from, &m)) return false;
  } else {
    if (!as_row(g, from)) return false;
    sched_pairs all = m;
    partial = !fits_row(row, from, &all);
    if (!partial) m = all;
    else if (!live(from, KERNEL_ROW) || !fits_partial(row, from, &m)) return false;
  }
  if (!sched_may_merge(g, row, from)) return false;
  if (partial) from->member.at[0].partial = true;
  sched_merge(g, row, from, &m);
  return true;
}

static bool join_sibling(sched_graph *g, sched_group *row, sched_group *from) {
  sched_pairs m = {0};
  if (from == row || !live(from, KERNEL_ROW) || from->frame.n != row->frame.n ||
      from->line.n != row->line.n)
    return false;
  if (sched_cross(g, row, from, &m) || !sched_hint(row, from, &m)) return false;
  if (!sched_onto(&from->frame, &row->frame, &m) || !sched_onto(&from->line, &row->line, &m))
    return false;
  if (!sched_may_merge(g, row, from)) return false;
  sched_merge(g, row, from, &m);
  return true;
}

/* ---- neighbours ------------------------------------------------------------------------------ */

typedef bool (*join)(sched_graph *g, sched_group *into, sched_group *from);

/* Join what stands directly before or behind the group, until nothing more does. */
static void join_neighbours(sched_graph *g, sched_group *into, join try, bool before) {
  for (bool more = true; more;) {
    more = false;
    for (int i = 0; i < into->member.n && !more; i++) {
      const sched_node *node = &g->node[into->member.at[i].node];
      for (int k = 0; k < node->after.n && !more; k++) {
        sched_group *next = g->node[node->after.at[k]].group;
        more = next != into && !next->gone && try(g, into, next);
      }
      for (int k = 0; before && k < node->before.n && !more; k++) {
        sched_group *next = g->node[node->before.at[k]].group;
        more = next != into && !next->gone && try(g, into, next);
      }
    }
  }
}

/* Join what reads the same tensor. */
static void join_siblings(sched_graph *g, kernel_shape shape, join try) {
  for (int t = 0; t < g->p->tensors.n; t++) {
    const sched_nodes *readers = &g->readers[t];
    for (int i = 0; g->p->tensors.at[t]->rank && i < readers->list.n; i++)
      for (int k = i + 1; k < readers->list.n; k++) {
        sched_group *a = g->node[readers->list.at[i]].group;
        sched_group *b = g->node[readers->list.at[k]].group;
        if (a != b && live(a, shape) && live(b, shape)) try(g, a, b);
      }
  }
}

static bool feed_product(sched_graph *g, sched_group *into, sched_group *from) {
  return live(from, KERNEL_MAP) && read_only_by(g, from, into) && follow_product(g, into, from);
}

/* ---- map ------------------------------------------------------------------------------------- */

static bool join_map(sched_graph *g, sched_group *into, sched_group *from) {
  sched_pairs m = {0};
  if (from == into || !live(from, KERNEL_MAP) || from->frame.n != into->frame.n) return false;
  if (sched_cross(g, into, from, &m) < 0) return false;
  if (!sched_onto(&from->frame, &into->frame, &m) && !sched_hint(into, from, &m)) return false;
  if (!sched_onto(&from->frame, &into->frame, &m) || !sched_may_merge(g, into, from)) return false;
  sched_merge(g, into, from, &m);
  return true;
}

/* How many kernels lie at most between each and the end: those equally far do not need each
 * other. From the last one on, so that what stands behind is mostly known. */
static int height(sched_graph *g, sched_group *s) {
  if (s->height) return s->height;
  int most = 0;
  for (int i = 0; i < s->member.n; i++) {
    const sched_node *node = &g->node[s->member.at[i].node];
    for (int k = 0; k < node->after.n; k++) {
      sched_group *next = g->node[node->after.at[k]].group;
      int h = next == s ? 0 : height(g, next);
      if (h > most) most = h;
    }
  }
  return s->height = most + 1;
}

/* Maps, and sums of everything. */
static bool may_share(const sched_group *s, kernel_shape shape) {
  return live(s, shape) && !s->joined && (shape == KERNEL_MAP || s->member.at[0].partial);
}

typedef struct level { BASE_VEC(sched_group *) of; } level;   /* groups of one height */

static void share_level(const level *at, kernel_shape shape) {
  for (int i = 0; i < at->of.n; i++) {
    sched_group *first = at->of.at[i], *last = first;
    if (!may_share(first, shape)) continue;
    for (int k = i + 1; k < at->of.n; k++) {
      sched_group *other = at->of.at[k];
      if (!may_share(other, shape)) continue;
      if (other->from != first->from || other->to != first->to) continue;
      other->joined = true;
      last = last->next = other;
    }
  }
}

static void share_launches(sched_graph *g, kernel_shape shape) {
  level *at = BASE_NEWS(g->arena, level, g->n + 2);
  for (int i = g->n - 1; i >= 0; i--)
    if (!g->group[i].gone) height(g, &g->group[i]);
  for (int i = 0; i < g->n; i++)
    if (may_share(&g->group[i], shape))
      BASE_PUSH(g->arena, &at[g->group[i].height].of, &g->group[i]);
  for (int h = 0; h < g->n + 2; h++) share_level(&at[h], shape);
}

/* ---- all ------------------------------------------------------------------------------------- */

void sched_gather(sched_graph *g) {
  sched_guess(g);
  sched_attend(g);
  for (int i = 0; i < g->n; i++)
    if (live(&g->group[i], KERNEL_CONTRACT)) {
      join_neighbours(g, &g->group[i], follow_product, false);
      join_neighbours(g, &g->group[i], feed_product, true);
    }
  for (int i = 0; i < g->n; i++)
    if (live(&g->group[i], KERNEL_ROW)) join_neighbours(g, &g->group[i], join_row, true);
  join_siblings(g, KERNEL_ROW, join_sibling);
  for (int i = 0; i < g->n; i++)
    if (live(&g->group[i], KERNEL_MAP)) join_neighbours(g, &g->group[i], join_map, true);
  join_siblings(g, KERNEL_MAP, join_map);
  for (int i = 0; i < g->n; i++) {
    sched_group *s = &g->group[i];
    if ((live(s, KERNEL_ROW) && !sched_spread(g, s)) || live(s, KERNEL_ATTEND)) sched_share(g, s);
  }
  share_launches(g, KERNEL_MAP);
  share_launches(g, KERNEL_ROW);
}
