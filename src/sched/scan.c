/* Loops that are one kernel: maps over one frame that read each other's values, and their own of
 * one step ago. */
#include "sched/private.h"

typedef struct stepping {
  ir_program *p;
  const ir_symbol *counter;
  const ir_expr *by;             /* put in the counter's place */
} stepping;

static const ir_expr *put_counter(ir_program *p, const ir_expr *e, void *arg) {
  const stepping *s = arg;
  (void)p;
  return e->op == IR_SYMBOL && e->u.symbol == s->counter ? s->by : e;
}

typedef struct asking {
  sched_graph *g;
  const sched_group *group;
  const ir_index *now;           /* stands for the counter for a while */
  stepping to_now;
  const ir_expr *before;         /* one step ago */
  bool ok;
} asking;

static const ir_expr *one_step_ago(asking *a, const ir_expr *e) {
  return ir_substitute(a->g->p, ir_rewrite(a->g->p, e, put_counter, &a->to_now), 1, &a->now,
                       &a->before);
}

static void ask_read(void *arg, const ir_expr *read) {
  asking *a = arg;
  for (int i = 0; i < a->group->member.n; i++) {
    const ir_eq *writer = a->group->member.at[i].eq;
    if (writer->head != read->u.tensor || sched_meet(a->g->p, writer, read) == SCHED_EXACT)
      continue;
    for (int k = 0; k < read->n; k++)
      if (one_step_ago(a, writer->lhs[k]) != read->arg[k]) a->ok = false;
  }
}

/* Every value the loop makes is read where it was made, in this step or the one before. */
static bool reaches_back_once(sched_graph *g, const sched_group *group, const ir_loop *loop) {
  ir_program *p = g->p;
  const ir_index *now =
      ir_index_new(p, loop->counter->name, ir_binary(p, IR_SUB, loop->to, loop->from));
  asking a = {
      .g = g, .group = group, .now = now, .to_now = {p, loop->counter, ir_use(p, now)}, .ok = true};
  a.before = ir_binary(p, IR_ADD, ir_size(p, loop->counter), ir_int(p, loop->down ? 1 : -1));
  for (int i = 0; i < group->member.n; i++) sched_each_read(group->member.at[i].eq, ask_read, &a);
  return a.ok;
}

static bool steps_over_counter(const ir_eq *eq, const ir_symbol *counter, ir_program *p) {
  stepping away = {p, counter, ir_int(p, 0)};
  for (int k = 0; k < eq->head->rank; k++)
    if (ir_rewrite(p, eq->lhs[k], put_counter, &away) != eq->lhs[k]) return true;
  return false;
}

static ir_eq *over_index(ir_program *p, const ir_eq *eq, stepping *s, const ir_index *x) {
  ir_eq *copy = BASE_NEW(p->arena, ir_eq);
  *copy = *eq;
  const ir_expr **lhs = BASE_NEWS(p->arena, const ir_expr *, eq->head->rank + 1);
  for (int k = 0; k < eq->head->rank; k++) lhs[k] = ir_rewrite(p, eq->lhs[k], put_counter, s);
  const ir_index **all = BASE_NEWS(p->arena, const ir_index *, eq->nfree + 1);
  for (int i = 0; i < eq->nfree; i++) all[i] = eq->free[i];
  all[eq->nfree] = x;
  copy->lhs = lhs;
  copy->free = all;
  copy->nfree++;
  copy->body = ir_rewrite(p, eq->body, put_counter, s);
  return copy;
}

bool sched_may_scan(ir_program *p, const ir_loop *loop) {
  if (loop->until || loop->rings) return false;
  for (int i = 0; i < loop->body.steps.n; i++) {
    const ir_step *step = &loop->body.steps.at[i];
    if (step->loop || step->from || step->to || step->eq->nred || !ir_window(step->eq))
      return false;
    if (!steps_over_counter(step->eq, loop->counter, p)) return false;
  }
  return loop->body.steps.n > 0;
}

kernel *sched_scan(ir_program *p, const sched_uses *use, const ir_loop *loop) {
  if (!sched_may_scan(p, loop)) return NULL;
  sched_graph g;
  int n;
  sched_graph_open(&g, p, use, &loop->body);
  sched_gather(&g);
  sched_group **group = sched_ordered(&g, &n);
  if (n != 1 || group[0]->next || group[0]->shape != KERNEL_MAP) return NULL;
  if (!reaches_back_once(&g, group[0], loop)) return NULL;
  const ir_index *x =
      ir_index_new(p, loop->counter->name, ir_binary(p, IR_SUB, loop->to, loop->from));
  stepping s = {p, loop->counter, ir_binary(p, IR_ADD, ir_use(p, x), loop->from)};
  for (int i = 0; i < group[0]->member.n; i++)
    group[0]->member.at[i].eq = over_index(p, group[0]->member.at[i].eq, &s, x);
  group[0]->shape = KERNEL_SCAN;
  group[0]->scan = x;
  group[0]->down = loop->down;
  return sched_build(&g, group[0]);
}
