/* order: each equation after what it reads; equations that lead back to themselves become a loop.
 *
 * In a cycle of equations each has one index, `along`, such that every read inside the cycle is the
 * head's element at `along` plus a constant. Equation E(i) then reads F(i + s). It runs at the
 * counter i + delay(E), the delays chosen such that what is read was computed before: in an earlier
 * iteration, or in the same one, where the equations are ordered again; what is a cycle still is a
 * loop inside. */
#include "pass/private.h"

typedef struct link { /* an equation reads what the equation `to` may have written */
  const ir_expr *read;
  struct member *to;
} link;

typedef struct member {
  ir_eq *eq;
  struct member *same_head; /* the next one of the same tensor */
  BASE_VEC(link) links;
  int place;       /* in the set */
  int number, low; /* Tarjan's */
  int next;        /* of its links, to be followed */
  int component;   /* 0: not known yet */
  const ir_index *along;
  int64_t delay;
  const ir_expr *from, *to; /* of the counter around it */
} member;

typedef BASE_VEC(member *) members;

typedef struct ordering {
  ir_program *p;
  pass_tensors *unled; /* not NULL: see order_unled */
  base_arena *arena;
  members all;
  member **of_tensor; /* by tensor id */
  members stack;
  int numbers, components;
  ir_block *block;
} ordering;

static void order_block(ir_program *p, const members *set, ir_block *block, pass_tensors *unled);

/* ---- which equation needs which -------------------------------------------------------------- */

/* READ never meets what EQ writes. Of what has no elements nothing is said. */
static bool apart(ir_program *p, const ir_expr *read, const ir_eq *eq) {
  const ir_expr *one = ir_int(p, 1);
  for (int k = 0; k < read->n; k++) {
    const ir_expr *at = read->arg[k], *offset;
    const ir_index *index = ir_position_index(eq->lhs[k], &offset);
    ir_affine view;
    if (!index && !(ir_affine_of(p, eq->lhs[k], &view) && view.n == 0)) continue;
    const ir_expr *from = index ? offset : eq->lhs[k];
    const ir_expr *end = ir_binary(p, IR_ADD, from, index ? index->extent : one);
    const ir_expr *after = ir_binary(p, IR_ADD, at, one);
    if (ir_less_equal(p, after, ir_int(p, 0)) || ir_less_equal(p, end, from)) return false;
    if (ir_less_equal(p, after, from) || ir_less_equal(p, end, at)) return true;
  }
  return false;
}

typedef struct reading {
  ordering *o;
  member *m;
} reading;

static void note_read(void *arg, const ir_expr *e) {
  reading *r = arg;
  if (e->op != IR_READ) return;
  for (member *to = r->o->of_tensor[e->u.tensor->id]; to; to = to->same_head)
    if (!apart(r->o->p, e, to->eq)) {
      link one = {e, to};
      BASE_PUSH(r->o->arena, &r->m->links, one);
      link *at = r->m->links.at;
      for (int i = r->m->links.n - 1; i > 0 && at[i - 1].to->place > at[i].to->place; i--) {
        link other = at[i - 1];
        at[i - 1] = at[i];
        at[i] = other;
      }
    }
}

static void find_links(ordering *o) {
  o->of_tensor = BASE_NEWS(o->arena, member *, o->p->tensors.n);
  for (int i = o->all.n - 1; i >= 0; i--) {
    member **first = &o->of_tensor[o->all.at[i]->eq->head->id];
    o->all.at[i]->same_head = *first;
    *first = o->all.at[i];
  }
  for (int i = 0; i < o->all.n; i++) {
    reading r = {o, o->all.at[i]};
    ir_each(r.m->eq->body, note_read, &r);
    for (int k = 0; k < r.m->eq->head->rank; k++) ir_each(r.m->eq->lhs[k], note_read, &r);
  }
}

/* ---- a recurrence: along which index, in which direction, how delayed ------------------------ */

/* Equation M runs along INDEX, at one position of its head: so do all of its tensor in a cycle. */
static bool set_along(ordering *o, const members *cycle, int *position, member *m,
                      const ir_index *index) {
  const ir_expr *offset;
  if (m->along) return m->along == index;
  ir_tensor *head = m->eq->head;
  int at = -1;
  for (int k = head->rank - 1; k >= 0; k--)
    if (ir_position_index(m->eq->lhs[k], &offset) == index) at = k;
  if (at < 0 || (position[head->id] >= 0 && position[head->id] != at)) return false;
  position[head->id] = at;
  m->along = index;
  for (member *other = o->of_tensor[head->id]; other; other = other->same_head)
    if (other->component == cycle->at[0]->component && !other->along) {
      other->along = ir_position_index(other->eq->lhs[at], &offset);
      if (!other->along) return false;
    }
  return true;
}

/* The position where READ stands at INDEX plus a constant, -1: none. AT: it must be this one, if >=
 * 0. */
static int position_along(const ir_expr *read, const ir_index *index, int at) {
  const ir_expr *offset;
  for (int k = 0; k < read->n; k++)
    if ((at < 0 || at == k) && ir_position_index(read->arg[k], &offset) == index) return k;
  return -1;
}

/* Everything in the cycle that follows from FIRST running along INDEX. */
static bool spread_along(ordering *o, const members *cycle, int *position, member *first,
                         const ir_index *index) {
  for (int i = 0; i < o->p->tensors.n; i++) position[i] = -1;
  for (int i = 0; i < cycle->n; i++) cycle->at[i]->along = NULL;
  if (!set_along(o, cycle, position, first, index)) return false;
  for (bool more = true; more;) {
    more = false;
    for (int i = 0; i < cycle->n; i++)
      for (int k = 0; cycle->at[i]->along && k < cycle->at[i]->links.n; k++) {
        link *l = &cycle->at[i]->links.at[k];
        if (l->to->component != first->component) continue;
        int *at = &position[l->read->u.tensor->id];
        int found = position_along(l->read, cycle->at[i]->along, *at);
        if (found < 0) return false;
        *at = found;
        if (l->to->along) continue;
        const ir_expr *offset;
        const ir_index *theirs = ir_position_index(l->to->eq->lhs[found], &offset);
        if (!theirs || !set_along(o, cycle, position, l->to, theirs)) return false;
        more = true;
      }
  }
  return true;
}

/* How far after (SIGN 1) or before (-1) it reads: s of E(i) reading F(i + s), times SIGN; a bound
 * if s is no number. */
static bool shift_of(ir_program *p, const member *m, const link *l, int sign, int64_t *shift) {
  const ir_expr *there = NULL, *here = NULL;
  for (int k = 0; k < l->read->n; k++)
    if (ir_position_index(l->to->eq->lhs[k], &there) == l->to->along) {
      if (ir_position_index(l->read->arg[k], &here) != m->along) return false;
      break;
    }
  const ir_expr *s =
      sign > 0 ? ir_binary(p, IR_SUB, here, there) : ir_binary(p, IR_SUB, there, here);
  if (ir_is_int(s, shift)) return true;
  *shift = -1;
  return ir_less_equal(p, s, ir_int(p, -1));
}

/* Delays such that all is computed before it is read, the least 0; STRICT: in an earlier iteration
 * or, without a cycle, in the same. False: there are none. */
static bool set_delays(ir_program *p, const members *cycle, int sign, bool strict) {
  int64_t unit = strict ? cycle->n + 1 : 1, slack = strict ? 1 : 0;
  bool progress = false, more = true;
  for (int i = 0; i < cycle->n; i++) cycle->at[i]->delay = 0;
  for (int round = 0; more; round++) {
    more = false;
    if (round > cycle->n) return false;
    for (int i = 0; i < cycle->n; i++) {
      member *m = cycle->at[i];
      for (int k = 0; k < m->links.n; k++) {
        link *l = &m->links.at[k];
        int64_t s;
        if (l->to->component != m->component) continue;
        if (!shift_of(p, m, l, sign, &s)) return false;
        progress = progress || s < 0;
        if (m->delay >= l->to->delay + s * unit + slack) continue;
        m->delay = l->to->delay + s * unit + slack;
        more = true;
      }
    }
  }
  return progress;
}

/* Choose `along`, delay and direction for all of CYCLE. Those without a loop inside come first. */
static bool find_recurrence(ordering *o, const members *cycle, int *sign) {
  int *position = BASE_NEWS(o->arena, int, o->p->tensors.n);
  member *first = cycle->at[0];
  for (int strict = 1; strict >= 0; strict--)
    for (int i = 0; i < first->eq->nfree; i++) {
      if (!spread_along(o, cycle, position, first, first->eq->free[i])) continue;
      for (*sign = 1; *sign >= -1; *sign -= 2)
        if (set_delays(o->p, cycle, *sign, strict) && set_delays(o->p, cycle, *sign, false))
          return true;
    }
  return false;
}

_Noreturn static void refuse(ordering *o, const members *cycle) {
  base_text names = base_text_open(o->arena);
  for (int i = 0; i < cycle->n; i++)
    if (i == 0 || cycle->at[i]->eq->head != cycle->at[i - 1]->eq->head)
      base_putf(&names, "%s -> ", cycle->at[i]->eq->head->name);
  base_put(&names, cycle->at[0]->eq->head->name);
  base_raise(
      o->p->ctx, BASE_REFUSED, cycle->at[0]->eq->span,
      "%s: the equations need each other, and no position leads from one element to the next",
      names.at);
}

/* ---- loops ----------------------------------------------------------------------------------- */

static const ir_expr *larger(ir_program *p, const ir_expr *a, const ir_expr *b) {
  return ir_less_equal(p, b, a) ? a : ir_less_equal(p, a, b) ? b : ir_binary(p, IR_MAXIMUM, a, b);
}

/* M at one value of the counter: its index is gone, the counter stands for it. */
static void fix_index(ir_program *p, member *m, const ir_symbol *counter) {
  const ir_index *index[] = {m->along};
  const ir_expr *by[] = {ir_binary(p, IR_SUB, ir_size(p, counter), ir_int(p, m->delay))};
  const ir_expr **lhs = BASE_NEWS(p->arena, const ir_expr *, m->eq->head->rank);
  for (int k = 0; k < m->eq->head->rank; k++)
    lhs[k] = ir_substitute(p, m->eq->lhs[k], 1, index, by);
  m->eq->lhs = lhs;
  m->eq->body = ir_substitute(p, m->eq->body, 1, index, by);
  int kept = 0;
  for (int i = 0; i < m->eq->nfree; i++)
    if (m->eq->free[i] != m->along) m->eq->free[kept++] = m->eq->free[i];
  m->eq->nfree = kept;
}

/* The counter's ranges; delays become what is added to an equation's index, never negative. */
static void set_ranges(ir_program *p, const members *cycle, int sign, ir_loop *loop) {
  int64_t least = INT64_MAX;
  for (int i = 0; i < cycle->n; i++)
    if (sign * cycle->at[i]->delay < least) least = sign * cycle->at[i]->delay;
  loop->from = ir_int(p, 0);
  for (int i = 0; i < cycle->n; i++) {
    member *m = cycle->at[i];
    m->delay = sign * m->delay - least;
    m->from = ir_int(p, m->delay);
    m->to = ir_binary(p, IR_ADD, m->from, m->along->extent);
    loop->to = i == 0 ? m->to : larger(p, loop->to, m->to);
  }
}

static bool runs(const ir_step *step, const ir_eq *eq) {
  for (int i = 0; step->loop && i < step->loop->body.steps.n; i++)
    if (runs(&step->loop->body.steps.at[i], eq)) return true;
  return step->eq == eq;
}

/* Nothing leads through CYCLE. */
static void give_up(ordering *o, const members *cycle) {
  if (!o->unled) refuse(o, cycle);
  for (int i = o->unled->n ? cycle->n : 0; i < cycle->n; i++)
    BASE_PUSH(o->p->arena, o->unled, cycle->at[i]->eq->head);
}

/* The range of all that runs inside STEP, where that is not the whole LOOP. */
static void set_step_range(ordering *o, const members *cycle, const ir_loop *loop, ir_step *step) {
  const ir_expr *from = NULL, *to = NULL;
  for (int i = 0; i < cycle->n; i++) {
    member *m = cycle->at[i];
    if (!runs(step, m->eq)) continue;
    if (from && (m->from != from || m->to != to)) {
      give_up(o, cycle);
      return;
    }
    from = m->from;
    to = m->to;
  }
  if (from == loop->from && to == loop->to) return;
  step->from = from;
  step->to = to;
}

/* One of them says when the loop may be left. */
static void set_until(const members *cycle, ir_loop *loop) {
  for (int i = 0; i < cycle->n; i++) {
    const ir_eq *eq = cycle->at[i]->eq;
    if (!eq->head->settles) continue;
    loop->until = eq->head;
    loop->at = eq->lhs[0];
  }
}

static void add_loop(ordering *o, const members *cycle) {
  int sign;
  if (!find_recurrence(o, cycle, &sign)) {
    give_up(o, cycle);
    return;
  }
  ir_loop *loop = BASE_NEW(o->p->arena, ir_loop);
  loop->counter = ir_symbol_new(o->p, cycle->at[0]->along->name, true, 0);
  loop->down = sign < 0;
  set_ranges(o->p, cycle, sign, loop);
  for (int i = 0; i < cycle->n; i++) fix_index(o->p, cycle->at[i], loop->counter);
  set_until(cycle, loop);
  order_block(o->p, cycle, &loop->body, o->unled);
  for (int i = 0; i < loop->body.steps.n; i++)
    set_step_range(o, cycle, loop, &loop->body.steps.at[i]);
  ir_step step = {.loop = loop};
  BASE_PUSH(o->p->arena, &o->block->steps, step);
}

/* ---- cycles, by Tarjan's algorithm: what is needed comes first ------------------------------- */

static void add_component(ordering *o, const members *cycle) {
  member *m = cycle->at[0];
  bool loop = cycle->n > 1;
  for (int k = 0; k < m->links.n; k++) loop = loop || m->links.at[k].to == m;
  if (loop) {
    add_loop(o, cycle);
    return;
  }
  ir_step step = {.eq = m->eq};
  BASE_PUSH(o->p->arena, &o->block->steps, step);
}

static void close_component(ordering *o, const member *first) {
  members cycle = {0};
  o->components++;
  int bottom = o->stack.n - 1;
  while (o->stack.at[bottom] != first) bottom--;
  for (int i = bottom; i < o->stack.n; i++) {
    o->stack.at[i]->component = o->components;
    BASE_PUSH(o->arena, &cycle, o->stack.at[i]);
  }
  o->stack.n = bottom;
  add_component(o, &cycle);
}

static void enter(ordering *o, members *path, member *m) {
  m->number = m->low = ++o->numbers;
  BASE_PUSH(o->arena, &o->stack, m);
  BASE_PUSH(o->arena, path, m);
}

/* Without recursion: a chain may be as long as a program. */
static void visit(ordering *o, member *from) {
  members path = {0};
  enter(o, &path, from);
  while (path.n) {
    member *m = path.at[path.n - 1];
    if (m->next < m->links.n) {
      member *to = m->links.at[m->next++].to;
      if (!to->number) enter(o, &path, to);
      else if (!to->component && to->low < m->low) m->low = to->low;
      continue;
    }
    if (m->low == m->number) close_component(o, m);
    path.n--;
    member *above = path.n ? path.at[path.n - 1] : NULL;
    if (above && !m->component && m->low < above->low) above->low = m->low;
  }
}

/* Put the equations of SET in order behind BLOCK. */
static void order_block(ir_program *p, const members *set, ir_block *block, pass_tensors *unled) {
  ordering o = {
      .p = p, .unled = unled, .arena = base_arena_child(p->arena), .block = block};
  for (int i = 0; i < set->n; i++) {
    member *m = BASE_NEW(o.arena, member);
    m->eq = set->at[i]->eq;
    m->place = i;
    BASE_PUSH(o.arena, &o.all, m);
  }
  find_links(&o);
  for (int i = 0; i < o.all.n; i++)
    if (!o.all.at[i]->number) visit(&o, o.all.at[i]);
  base_arena_close(o.arena);
}

static void order_all(ir_program *p, pass_tensors *unled) {
  base_arena *arena = base_arena_child(p->arena);
  members all = {0};
  for (int t = 0; t < p->tensors.n; t++)
    for (int i = 0; i < p->tensors.at[t]->eqs.n; i++) {
      member *m = BASE_NEW(arena, member);
      m->eq = p->tensors.at[t]->eqs.at[i];
      BASE_PUSH(arena, &all, m);
    }
  p->order = (ir_block){0};
  order_block(p, &all, &p->order, unled);
  base_arena_close(arena);
}

void pass_order(ir_program *p) { order_all(p, NULL); }
void order_unled(ir_program *p, pass_tensors *heads) { order_all(p, heads); }
