/* Matching: which index of one equation is which of another, by the reads between them. */
#include "sched/private.h"

bool sched_pair(sched_pairs *m, const ir_index *from, const ir_index *to) {
  for (int i = 0; i < m->n; i++)
    if (m->from[i] == from || m->to[i] == to) return m->from[i] == from && m->to[i] == to;
  if (from->extent != to->extent || m->n == SCHED_PAIRS) return false;
  m->from[m->n] = from;
  m->to[m->n++] = to;
  return true;
}

const ir_index *sched_paired(const sched_pairs *m, const ir_index *from) {
  for (int i = 0; i < m->n; i++)
    if (m->from[i] == from) return m->to[i];
  return NULL;
}

const ir_index *sched_paired_to(const sched_pairs *m, const ir_index *to) {
  for (int i = 0; i < m->n; i++)
    if (m->to[i] == to) return m->from[i];
  return NULL;
}

bool sched_meet_by(const ir_eq *writer, const ir_expr *read, sched_pairs *m, bool reversed) {
  for (int k = 0; k < read->n; k++) {
    const ir_expr *defined, *wanted;
    const ir_index *w = ir_position_index(writer->lhs[k], &defined),
                   *r = ir_position_index(read->arg[k], &wanted);
    if (!w != !r || defined != wanted) return false;
    if (w && !(reversed ? sched_pair(m, r, w) : sched_pair(m, w, r))) return false;
  }
  return true;
}

/* Positions without an index that differ by a number are apart, whatever the others are; in a ring
 * of N slices, if N does not divide it. */
static bool position_apart(ir_program *p, const ir_expr *a, const ir_expr *b) {
  int64_t v, n = 0;
  if (a->op == IR_MOD && b->op == IR_MOD && a->arg[1] == b->arg[1] && ir_is_int(a->arg[1], &n))
    a = a->arg[0], b = b->arg[0];
  return ir_is_int(ir_binary(p, IR_SUB, a, b), &v) && (n > 0 ? v % n : v) != 0;
}

sched_meeting sched_meet(ir_program *p, const ir_eq *writer, const ir_expr *read) {
  bool exact = true;
  for (int k = 0; k < read->n; k++) {
    const ir_expr *rest;
    if (read->arg[k] == writer->lhs[k]) continue;
    exact = false;
    if (!ir_position_index(writer->lhs[k], &rest) &&
        position_apart(p, read->arg[k], writer->lhs[k]))
      return SCHED_APART;
  }
  return exact ? SCHED_EXACT : SCHED_OTHER;
}

/* ---- rewriting ------------------------------------------------------------------------------- */

static const ir_index **rename_all(ir_program *p, int n, const ir_index *const *index,
                                   const sched_pairs *m) {
  const ir_index **renamed = BASE_NEWS(p->arena, const ir_index *, n + 1);
  for (int i = 0; i < n; i++) {
    const ir_index *to = sched_paired(m, index[i]);
    renamed[i] = to ? to : index[i];
  }
  return renamed;
}

ir_eq *sched_rewrite(ir_program *p, const ir_eq *eq, const sched_pairs *m) {
  const ir_expr *by[SCHED_PAIRS];
  for (int i = 0; i < m->n; i++) by[i] = ir_use(p, m->to[i]);
  ir_eq *copy = BASE_NEW(p->arena, ir_eq);
  *copy = *eq;
  copy->free = rename_all(p, eq->nfree, eq->free, m);
  copy->red = rename_all(p, eq->nred, eq->red, m);
  const ir_expr **lhs = BASE_NEWS(p->arena, const ir_expr *, eq->head->rank + 1);
  for (int k = 0; k < eq->head->rank; k++) lhs[k] = ir_substitute(p, eq->lhs[k], m->n, m->from, by);
  copy->lhs = lhs;
  copy->body = ir_substitute(p, eq->body, m->n, m->from, by);
  return copy;
}
