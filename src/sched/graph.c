/* The graph of a block: which step needs which; groups of steps, and their order. */
#include "sched/private.h"

/* ---- uses ------------------------------------------------------------------------------------ */

typedef struct each_read {
  void (*visit)(void *arg, const ir_expr *read);
  void *arg;
} each_read;

static void visit_read(void *arg, const ir_expr *e) {
  each_read *r = arg;
  if (e->op == IR_READ) r->visit(r->arg, e);
}

void sched_each_read(const ir_eq *eq, void (*visit)(void *arg, const ir_expr *read), void *arg) {
  each_read r = {visit, arg};
  ir_each(eq->body, visit_read, &r);
  for (int k = 0; k < eq->head->rank; k++) ir_each(eq->lhs[k], visit_read, &r);
}

bool sched_eq_reads(const ir_eq *eq, const ir_tensor *t) {
  for (int k = 0; k < eq->head->rank; k++)
    if (ir_reads(eq->lhs[k], t)) return true;
  return ir_reads(eq->body, t);
}

typedef struct noting {
  ir_program *p;
  sched_use *use;
  const ir_eq *eq;
} noting;

static void note_use(void *arg, const ir_expr *read) {
  noting *n = arg;
  sched_use *u = &n->use[read->u.tensor->id];
  if (!u->readers.n || u->readers.at[u->readers.n - 1] != n->eq)
    BASE_PUSH(n->p->arena, &u->readers, n->eq);
}

static void note_block(ir_program *p, sched_use *use, const ir_block *block) {
  for (int i = 0; i < block->steps.n; i++) {
    const ir_step *step = &block->steps.at[i];
    if (step->eq) {
      noting n = {p, use, step->eq};
      sched_each_read(step->eq, note_use, &n);
    } else {
      if (step->loop->until) use[step->loop->until->id].kept = true;
      note_block(p, use, &step->loop->body);
    }
  }
}

sched_uses *sched_uses_of(ir_program *p) {
  sched_uses *all = BASE_NEW(p->arena, sched_uses);
  sched_use *use = all->at = BASE_NEWS(p->arena, sched_use, p->tensors.n + 1);
  all->n = p->tensors.n;
  note_block(p, use, &p->order);
  for (int i = 0; i < p->outputs.n; i++) use[p->outputs.at[i]->id].kept = true;
  for (int i = 0; i < p->commits.n; i++) {
    use[p->commits.at[i].value->id].kept = true;
    use[p->commits.at[i].value->id].commits = true;
  }
  return all;
}

const sched_use *sched_use_of(const sched_uses *all, const ir_tensor *t) {
  static const sched_use nobody;
  return t->id < all->n ? &all->at[t->id] : &nobody;
}

/* ---- nodes and what they need ---------------------------------------------------------------- */

typedef struct linking {
  sched_graph *g;
  int node;
  sched_nodes *writers;   /* by tensor id: the nodes so far that write it */
} linking;

static void link_read(void *arg, const ir_expr *read) {
  linking *l = arg;
  sched_graph *g = l->g;
  const int *writer = l->writers[read->u.tensor->id].list.at;
  sched_nodes *readers = &g->readers[read->u.tensor->id];
  if (!readers->list.n || readers->list.at[readers->list.n - 1] != l->node)
    BASE_PUSH(g->arena, &readers->list, l->node);
  for (int i = 0; i < l->writers[read->u.tensor->id].list.n; i++) {
    sched_node *from = &g->node[writer[i]];
    if (writer[i] == l->node || (from->after.n && from->after.at[from->after.n - 1] == l->node))
      continue;
    BASE_PUSH(g->arena, &from->after, l->node);
    BASE_PUSH(g->arena, &g->node[l->node].before, writer[i]);
  }
}

static void link_step(linking *l, const ir_step *step, bool writes) {
  for (int i = 0; step->loop && i < step->loop->body.steps.n; i++)
    link_step(l, &step->loop->body.steps.at[i], writes);
  if (step->loop) return;
  if (writes) BASE_PUSH(l->g->arena, &l->writers[step->eq->head->id].list, l->node);
  else sched_each_read(step->eq, link_read, l);
}

static kernel_shape shape_alone(ir_program *p, const ir_eq *eq) {
  pass_contraction c;
  if (!ir_window(eq)) return KERNEL_SCATTER;
  if (eq->nred == 0) return KERNEL_MAP;
  return pass_contraction_of(p, eq, &c) ? KERNEL_CONTRACT : KERNEL_ROW;
}

/* EQ on indices of its own: no two groups share any until they merge. */
static ir_eq *refreshed(ir_program *p, const ir_eq *eq) {
  sched_pairs fresh = {0};
  for (int i = 0; i < eq->nfree + eq->nred; i++) {
    const ir_index *x = i < eq->nfree ? eq->free[i] : eq->red[i - eq->nfree];
    sched_pair(&fresh, x, ir_index_new(p, x->name, x->extent));
  }
  return sched_rewrite(p, eq, &fresh);
}

static void group_alone(sched_graph *g, int node) {
  sched_group *group = &g->group[node];
  const ir_step *step = g->node[node].step;
  g->node[node].group = group;
  *group = (sched_group){.loop = step->loop, .from = step->from, .to = step->to};
  ir_eq *eq = step->eq ? refreshed(g->p, step->eq) : NULL;
  sched_member m = {.eq = eq, .source = step->eq, .node = node};
  BASE_PUSH(g->arena, &group->member, m);
  if (step->loop) return;
  group->shape = shape_alone(g->p, eq);
  for (int i = 0; i < eq->nfree; i++) BASE_PUSH(g->arena, &group->frame, eq->free[i]);
  for (int i = 0; i < eq->nred && group->shape != KERNEL_CONTRACT; i++)
    BASE_PUSH(g->arena, &group->line, eq->red[i]);
}

void sched_graph_open(sched_graph *g, ir_program *p, const sched_uses *use, const ir_block *block) {
  *g = (sched_graph){.p = p, .arena = p->arena, .use = use, .n = block->steps.n};
  g->node = BASE_NEWS(g->arena, sched_node, g->n + 1);
  g->group = BASE_NEWS(g->arena, sched_group, g->n + 1);
  linking l = {.g = g};
  l.writers = BASE_NEWS(g->arena, sched_nodes, p->tensors.n + 1);
  g->readers = BASE_NEWS(g->arena, sched_nodes, p->tensors.n + 1);
  for (l.node = 0; l.node < g->n; l.node++) {
    g->node[l.node].step = &block->steps.at[l.node];
    link_step(&l, g->node[l.node].step, false);
    link_step(&l, g->node[l.node].step, true);
    group_alone(g, l.node);
  }
}

/* ---- merging --------------------------------------------------------------------------------- */

static int first_node(const sched_group *s) { return s->member.at[0].node; }
static int last_node(const sched_group *s) { return s->member.at[s->member.n - 1].node; }

/* What stands directly behind GROUP and is not seen yet goes on the stack; true: TO is among it.
 * Ways lead to later nodes only, so what begins behind TO's last does not lead to it. */
static bool step_on(sched_graph *g, const sched_group *group, const sched_group *to) {
  bool met = false;
  for (int i = 0; i < group->member.n; i++) {
    const sched_node *node = &g->node[group->member.at[i].node];
    for (int k = 0; k < node->after.n; k++) {
      sched_group *next = g->node[node->after.at[k]].group;
      met = met || next == to;
      if (next == group || next == to || next->mark == g->mark) continue;
      next->mark = g->mark;
      if (first_node(next) < last_node(to)) BASE_PUSH(g->arena, &g->stack, next);
    }
  }
  return met;
}

/* Does a way lead from FROM to TO through a third group? */
static bool leads(sched_graph *g, const sched_group *from, const sched_group *to) {
  g->mark++;
  g->stack.n = 0;
  step_on(g, from, to);
  while (g->stack.n) {
    const sched_group *third = g->stack.at[--g->stack.n];
    if (third != from && step_on(g, third, to)) return true;
  }
  return false;
}

bool sched_may_merge(sched_graph *g, const sched_group *a, const sched_group *b) {
  if (a->from != b->from || a->to != b->to) return false;
  return !leads(g, a, b) && !leads(g, b, a);
}

void sched_merge(sched_graph *g, sched_group *into, sched_group *from, const sched_pairs *m) {
  for (int i = 0; i < from->member.n; i++) {
    sched_member member = from->member.at[i];
    member.eq = sched_rewrite(g->p, member.eq, m);
    g->node[member.node].group = into;
    BASE_PUSH(g->arena, &into->member, member);
    for (int k = into->member.n - 1; k > 0 && into->member.at[k - 1].node > member.node; k--) {
      into->member.at[k] = into->member.at[k - 1];
      into->member.at[k - 1] = member;
    }
  }
  from->gone = true;
}

/* ---- order ----------------------------------------------------------------------------------- */

typedef struct ordering {
  sched_graph *g;
  sched_group **of;      /* by node: the kernel, that is its first segment */
  sched_group **order;
  int n;
} ordering;

static void emit(ordering *o, sched_group *head) {
  if (head->mark == o->g->mark) return;
  head->mark = o->g->mark;
  for (const sched_group *s = head; s; s = s->next)
    for (int i = 0; i < s->member.n; i++) {
      const sched_node *node = &o->g->node[s->member.at[i].node];
      for (int k = 0; k < node->before.n; k++) emit(o, o->of[node->before.at[k]]);
    }
  o->order[o->n++] = head;
}

sched_group **sched_ordered(sched_graph *g, int *n) {
  ordering o = {.g = g};
  o.of = BASE_NEWS(g->arena, sched_group *, g->n + 1);
  o.order = BASE_NEWS(g->arena, sched_group *, g->n + 1);
  for (int i = 0; i < g->n; i++)
    if (!g->group[i].gone && !g->group[i].joined)
      for (const sched_group *s = &g->group[i]; s; s = s->next)
        for (int k = 0; k < s->member.n; k++) o.of[s->member.at[k].node] = &g->group[i];
  g->mark++;
  for (int i = 0; i < g->n; i++) {
    const sched_group *head = o.of[i];
    int last = i;
    for (const sched_group *s = head; s; s = s->next)
      if (s->member.at[s->member.n - 1].node > last) last = s->member.at[s->member.n - 1].node;
    if (last == i) emit(&o, o.of[i]);
  }
  *n = o.n;
  return o.order;
}
