/* The derivative of a tensor from its summands. Each adds to a box of it: the window its left side
 * runs over, all of it where that is no window. Summands of one box are one equation; disjoint
 * boxes stay windows, so that the ends of a recurrence stay equations of their own. */
#include "pass/private.h"

enum { EXPENSIVE = 6 };

typedef struct box {
  const ir_expr **from, **extent;
} box;

typedef struct part { /* a summand and its box */
  gradient_piece *piece;
  box box;
  bool window; /* the left side is a window */
  bool map;    /* and nothing is projected */
  int group;
  ir_tensor *tensor; /* where it was summed beforehand: box-sized; NULL: not needed */
} part;

typedef struct assembly {
  ir_program *p;
  ir_tensor *sum;
  int n, groups;
  part *part;
} assembly;

static const ir_expr *add(ir_program *p, const ir_expr *a, const ir_expr *b) {
  return ir_binary(p, IR_ADD, a, b);
}
static const ir_expr *sub(ir_program *p, const ir_expr *a, const ir_expr *b) {
  return ir_binary(p, IR_SUB, a, b);
}

static const ir_expr *doubled(ir_program *p, const ir_expr *e) {
  bool scaled = e->op == IR_MUL && e->arg[1]->op == IR_CONST;
  double scale = scaled ? e->arg[1]->u.real : 1;
  return ir_binary(p, IR_MUL, scaled ? e->arg[0] : e, ir_real(p, (ir_type)e->type, 2 * scale));
}

/* a + b where a term of A shares an expensive factor with B, NULL: none does. */
static const ir_expr *factored(ir_program *p, const ir_expr *a, const ir_expr *b) {
  for (int i = 0; a->op == IR_ADD && i < 2; i++) {
    const ir_expr *sum = factored(p, a->arg[i], b);
    if (sum) return add(p, sum, a->arg[1 - i]);
  }
  if (a->op != IR_MUL || b->op != IR_MUL) return NULL;
  for (int i = 0; i < 2; i++)
    for (int j = 0; j < 2; j++)
      if (a->arg[i] == b->arg[j] && ir_cost(a->arg[i]) >= EXPENSIVE)
        return ir_binary(p, IR_MUL, add(p, a->arg[1 - i], b->arg[1 - j]), a->arg[i]);
  return NULL;
}

const ir_expr *gradient_add(ir_program *p, const ir_expr *a, const ir_expr *b) {
  if (a == b) return doubled(p, a);
  const ir_expr *sum = factored(p, a, b);
  return sum ? sum : add(p, a, b);
}

static bool used_elsewhere(const ir_expr *const *lhs, int rank, int k, const ir_index *index) {
  for (int i = 0; i < rank; i++)
    if (i != k && ir_mentions(lhs[i], index)) return true;
  return false;
}

/* Over sizes and constants alone. */
static bool is_fixed(ir_program *p, const ir_expr *e) {
  ir_affine view;
  return ir_affine_of(p, e, &view) && view.n == 0;
}

static bool inside(ir_program *p, const ir_expr *from, const ir_expr *extent, const ir_expr *size) {
  return ir_never_negative(p, from) && ir_less_equal(p, add(p, from, extent), size);
}

/* A window position that may lie outside, where the forward read was guarded: runs over all of the
 * size instead. */
static void clip(assembly *a, gradient_piece *piece, int k, const ir_index *index,
                 const ir_expr *offset) {
  const ir_expr *u = ir_use(a->p, ir_index_new(a->p, index->name, a->sum->size[k]));
  const ir_expr *back = sub(a->p, u, offset),
                *zero = ir_number(a->p, (ir_type)piece->body->type, 0);
  const ir_expr *body = ir_substitute(a->p, piece->body, 1, &index, &back);
  piece->lhs[k] = u;
  piece->body = ir_where(a->p, ir_inside(a->p, back, index->extent), body, zero);
}

static void measure(assembly *a, part *t) {
  int rank = a->sum->rank;
  const ir_expr **lhs = t->piece->lhs;
  t->box.from = BASE_NEWS(a->p->arena, const ir_expr *, rank + 1);
  t->box.extent = BASE_NEWS(a->p->arena, const ir_expr *, rank + 1);
  t->window = true;
  for (int k = 0; k < rank; k++) {
    const ir_expr *offset = NULL, *size = a->sum->size[k];
    const ir_index *index = ir_position_index(lhs[k], &offset);
    bool single = index && !used_elsewhere(lhs, rank, k, index), fixed = is_fixed(a->p, lhs[k]);
    if (single && !inside(a->p, offset, index->extent, size)) {
      clip(a, t->piece, k, index, offset);
      index = ir_position_index(lhs[k], &offset);
    }
    t->window = t->window && (single || fixed);
    t->box.from[k] = single ? offset : fixed ? lhs[k] : ir_int(a->p, 0);
    t->box.extent[k] = single ? index->extent : fixed ? ir_int(a->p, 1) : size;
  }
}

/* The indices that PIECE projects, the oldest first. */
static pass_indices projected(const assembly *a, const gradient_piece *piece) {
  pass_indices free = {0}, all = {0}, left = {0};
  for (int k = 0; k < a->sum->rank; k++) pass_collect(a->p, &free, piece->lhs[k]);
  pass_collect(a->p, &all, piece->body);
  for (int i = 0; i < all.n; i++) {
    bool there = false;
    for (int k = 0; k < free.n; k++) there = there || free.at[k] == all.at[i];
    if (!there) BASE_PUSH(a->p->arena, &left, all.at[i]);
  }
  return left;
}

static bool same_box(const assembly *a, const box *x, const box *y) {
  for (int k = 0; k < a->sum->rank; k++)
    if (x->from[k] != y->from[k] || x->extent[k] != y->extent[k]) return false;
  return true;
}

static bool disjoint(const assembly *a, const box *x, const box *y) {
  for (int k = 0; k < a->sum->rank; k++)
    if (ir_less_equal(a->p, add(a->p, x->from[k], x->extent[k]), y->from[k]) ||
        ir_less_equal(a->p, add(a->p, y->from[k], y->extent[k]), x->from[k]))
      return true;
  return false;
}

/* Number the parts by box; false if two boxes may meet. */
static bool group_parts(assembly *a) {
  for (int i = 0; i < a->n; i++) {
    int j = 0;
    while (j < i && !same_box(a, &a->part[j].box, &a->part[i].box)) j++;
    a->part[i].group = j < i ? a->part[j].group : a->groups++;
  }
  for (int i = 0; i < a->n; i++)
    for (int j = 0; j < i; j++)
      if (a->part[i].group != a->part[j].group && !disjoint(a, &a->part[i].box, &a->part[j].box))
        return false;
  return true;
}

/* Sum T into a tensor of its own, as large as its box. */
static void sum_apart(assembly *a, part *t) {
  int rank = a->sum->rank;
  const ir_expr **lhs = BASE_NEWS(a->p->arena, const ir_expr *, rank + 1);
  for (int k = 0; k < rank; k++) lhs[k] = sub(a->p, t->piece->lhs[k], t->box.from[k]);
  t->tensor = ir_tensor_new(a->p, a->sum->name, a->sum->type, rank, t->box.extent, IR_DERIVED);
  pass_sum_into(a->p, t->tensor, lhs, t->piece->body, t->piece->span);
}

/* The value of T at AT, counted from where its box begins. */
static const ir_expr *value_at(assembly *a, const part *t, const ir_expr *const *at) {
  if (t->tensor) return ir_read(a->p, t->tensor, at);
  int n = 0;
  const ir_index **index = BASE_NEWS(a->p->arena, const ir_index *, a->sum->rank + 1);
  const ir_expr **by = BASE_NEWS(a->p->arena, const ir_expr *, a->sum->rank + 1);
  for (int k = 0; k < a->sum->rank; k++) {
    const ir_expr *offset;
    const ir_index *at_k = ir_position_index(t->piece->lhs[k], &offset);
    if (!at_k) continue;
    index[n] = at_k;
    by[n++] = at[k];
  }
  return ir_substitute(a->p, t->piece->body, n, index, by);
}

/* Two sums of one box over indices of the same extents are one sum of both bodies: T becomes part
 * of TO. */
static bool merge(assembly *a, part *to, const part *t) {
  if (to->group != t->group || !to->window || !t->window || to->map || t->map) return false;
  pass_indices ours = projected(a, to->piece), theirs = projected(a, t->piece);
  bool equal = ours.n == theirs.n;
  for (int i = 0; equal && i < ours.n; i++) equal = ours.at[i]->extent == theirs.at[i]->extent;
  if (!equal) return false;
  const ir_expr **at = BASE_NEWS(a->p->arena, const ir_expr *, a->sum->rank + 1);
  const ir_expr **by = BASE_NEWS(a->p->arena, const ir_expr *, ours.n + 1);
  for (int k = 0; k < a->sum->rank; k++) at[k] = sub(a->p, to->piece->lhs[k], to->box.from[k]);
  for (int i = 0; i < ours.n; i++) by[i] = ir_use(a->p, ours.at[i]);
  const ir_expr *body = ir_substitute(a->p, value_at(a, t, at), theirs.n, theirs.at, by);
  to->piece->body = add(a->p, to->piece->body, body);
  return true;
}

static void merge_sums(assembly *a) {
  int kept = 0;
  for (int i = 0; i < a->n; i++) {
    int j = 0;
    while (j < kept && !merge(a, &a->part[j], &a->part[i])) j++;
    if (j == kept) a->part[kept++] = a->part[i];
  }
  a->n = kept;
}

/* One equation for the parts of a group. */
static void define_group(assembly *a, int group) {
  int rank = a->sum->rank, count = 0;
  part *first = NULL;
  for (int i = a->n - 1; i >= 0; i--)
    if (a->part[i].group == group) {
      first = &a->part[i];
      count++;
    }
  if (count == 1 && (first->window || a->groups == 1)) {
    pass_sum_into(a->p, a->sum, first->piece->lhs, first->piece->body, first->piece->span);
    return;
  }
  const ir_expr **at = BASE_NEWS(a->p->arena, const ir_expr *, rank + 1);
  const ir_expr **lhs = BASE_NEWS(a->p->arena, const ir_expr *, rank + 1);
  for (int k = 0; k < rank; k++) {
    const ir_expr *offset, *extent = first->box.extent[k];
    const ir_index *index = ir_position_index(first->piece->lhs[k], &offset);
    at[k] = ir_is_const(extent, 1)
                ? ir_int(a->p, 0)
                : ir_use(a->p, ir_index_new(a->p, index ? index->name : "i", extent));
    lhs[k] = add(a->p, first->box.from[k], at[k]);
  }
  const ir_expr *total = ir_number(a->p, a->sum->type, 0);
  for (part *t = a->part; t < a->part + a->n; t++) {
    if (t->group != group) continue;
    if (!t->map) sum_apart(a, t);
    total = gradient_add(a->p, total, value_at(a, t, at));
  }
  pass_sum_into(a->p, a->sum, lhs, total, first->piece->span);
}

/* Boxes that meet: one equation over all of SUM, each part guarded by its box. */
static void define_whole(assembly *a) {
  int rank = a->sum->rank;
  const ir_expr **u = BASE_NEWS(a->p->arena, const ir_expr *, rank + 1);
  const ir_expr **at = BASE_NEWS(a->p->arena, const ir_expr *, rank + 1);
  ir_positions(a->p, a->sum, u);
  const ir_expr *zero = ir_number(a->p, a->sum->type, 0), *total = zero;
  for (part *t = a->part; t < a->part + a->n; t++) {
    if (!t->map) sum_apart(a, t);
    for (int k = 0; k < rank; k++) at[k] = sub(a->p, u[k], t->box.from[k]);
    const ir_expr *value = value_at(a, t, at);
    for (int k = rank - 1; k >= 0; k--)
      value = ir_where(a->p, ir_inside(a->p, at[k], t->box.extent[k]), value, zero);
    total = gradient_add(a->p, total, value);
  }
  pass_sum_into(a->p, a->sum, u, total, a->part[0].piece->span);
}

void gradient_assemble(ir_program *p, ir_tensor *sum, gradient_pieces *pieces) {
  assembly a = {.p = p, .sum = sum, .n = pieces->n};
  a.part = BASE_NEWS(p->arena, part, a.n);
  for (int i = 0; i < a.n; i++) {
    a.part[i].piece = &pieces->at[i];
    measure(&a, &a.part[i]);
    a.part[i].map = a.part[i].window && projected(&a, &pieces->at[i]).n == 0;
  }
  bool apart = group_parts(&a);
  merge_sums(&a);
  if (!apart) {
    define_whole(&a);
    return;
  }
  for (int g = 0; g < a.groups; g++) define_group(&a, g);
}
