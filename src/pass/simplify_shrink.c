/* Elements at the end of a tensor that nobody reads are not computed: what follows from the last
 * element of a recurrence inside its body.
 *   A[l] = f(S[l]), l < L+1, read as A[l], l < L   ->   A[l] = f(S[l]), l < L */
#include "pass/private.h"

enum { ROUNDS = 8 };

typedef struct extent {
  const ir_expr **end; /* by position: beyond what is read; NULL: nothing is */
  bool kept;           /* all of it is asked for */
} extent;

typedef struct shrinking {
  ir_program *p;
  base_arena *arena;
  extent *extent; /* by tensor id */
} shrinking;

/* Where a position ends that is a window or fixed; NULL: neither. */
static const ir_expr *end_of(ir_program *p, const ir_expr *at) {
  const ir_expr *offset;
  const ir_index *index = ir_position_index(at, &offset);
  ir_affine view;
  if (index) return ir_binary(p, IR_ADD, offset, index->extent);
  return ir_affine_of(p, at, &view) && view.n == 0 ? ir_binary(p, IR_ADD, at, ir_int(p, 1)) : NULL;
}

static void note_read(void *arg, const ir_expr *e) {
  shrinking *s = arg;
  if (e->op != IR_READ || s->extent[e->u.tensor->id].kept) return;
  extent *x = &s->extent[e->u.tensor->id];
  bool fresh = !x->end;
  if (fresh) x->end = BASE_NEWS(s->arena, const ir_expr *, e->n + 1);
  for (int k = 0; k < e->n; k++) {
    const ir_expr *end = end_of(s->p, e->arg[k]), *size = e->u.tensor->size[k];
    if (!end || !ir_less_equal(s->p, end, size)) end = size;
    if (fresh || ir_less_equal(s->p, x->end[k], end))
      x->end[k] = end;
    else if (!ir_less_equal(s->p, end, x->end[k]))
      x->end[k] = size;
  }
}

static void note_reads(shrinking *s) {
  ir_program *p = s->p;
  for (int t = 0; t < p->tensors.n; t++)
    s->extent[t].kept = p->tensors.at[t]->role != IR_DERIVED || p->tensors.at[t]->settles;
  for (int i = 0; i < p->outputs.n; i++) s->extent[p->outputs.at[i]->id].kept = true;
  for (int i = 0; i < p->commits.n; i++) s->extent[p->commits.at[i].value->id].kept = true;
  for (int t = 0; t < p->tensors.n; t++)
    for (int i = 0; i < p->tensors.at[t]->eqs.n; i++) {
      const ir_eq *eq = p->tensors.at[t]->eqs.at[i];
      ir_each(eq->body, note_read, s);
      for (int k = 0; k < eq->head->rank; k++) ir_each(eq->lhs[k], note_read, s);
    }
}

/* What becomes of EQ if position K of its head ends at END: kept as it is, cut, dropped, or not
 * known. */
typedef enum cut { KEEP, CUT, DROP, UNKNOWN } cut;

static cut cut_of(ir_program *p, const ir_eq *eq, int k, const ir_expr *end) {
  const ir_expr *from, *last = end_of(p, eq->lhs[k]);
  if (!last) return ir_window(eq) ? UNKNOWN : KEEP;
  if (ir_less_equal(p, last, end)) return KEEP;
  const ir_index *index = ir_position_index(eq->lhs[k], &from);
  if (!index) from = eq->lhs[k];
  if (ir_less_equal(p, end, from)) return DROP;
  return index && ir_window(eq) && ir_less_equal(p, end, last) && ir_less_equal(p, from, end)
             ? CUT
             : UNKNOWN;
}

static void shorten(ir_program *p, ir_eq *eq, int at, const ir_expr *end) {
  const ir_expr *from;
  const ir_index *index = ir_position_index(eq->lhs[at], &from);
  const ir_index *fresh = ir_index_new(p, index->name, ir_binary(p, IR_SUB, end, from));
  const ir_expr *by = ir_use(p, fresh),
                **lhs = BASE_NEWS(p->arena, const ir_expr *, eq->head->rank);
  for (int k = 0; k < eq->head->rank; k++) lhs[k] = ir_substitute(p, eq->lhs[k], 1, &index, &by);
  eq->lhs = lhs;
  eq->body = ir_substitute(p, eq->body, 1, &index, &by);
  for (int i = 0; i < eq->nfree; i++)
    if (eq->free[i] == index) eq->free[i] = fresh;
}

static bool shrink_at(ir_program *p, ir_tensor *t, int k, const ir_expr *end) {
  int kept = 0;
  for (int i = 0; i < t->eqs.n; i++)
    if (cut_of(p, t->eqs.at[i], k, end) == UNKNOWN) return false;
  for (int i = 0; i < t->eqs.n; i++) {
    cut what = cut_of(p, t->eqs.at[i], k, end);
    if (what == CUT) shorten(p, t->eqs.at[i], k, end);
    if (what != DROP) t->eqs.at[kept++] = t->eqs.at[i];
  }
  t->eqs.n = kept;
  t->size[k] = end;
  return true;
}

void simplify_shrink(ir_program *p, base_arena *arena) {
  bool more = true;
  for (int round = 0; more && round < ROUNDS; round++) {
    shrinking s = {p, arena, BASE_NEWS(arena, extent, p->tensors.n + 1)};
    note_reads(&s);
    more = false;
    for (int t = 0; t < p->tensors.n; t++)
      for (int k = 0; s.extent[t].end && k < p->tensors.at[t]->rank; k++)
        if (s.extent[t].end[k] != p->tensors.at[t]->size[k])
          more = shrink_at(p, p->tensors.at[t], k, s.extent[t].end[k]) || more;
  }
}
