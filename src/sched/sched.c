/* The schedule of a program: each block's equations in groups, the groups as kernels in order. */
#include "sched/private.h"

typedef struct making {
  sched_plan *plan;
  const sched_uses *use;
  BASE_VEC(kernel *) kernels;
} making;

static void make_block(making *m, const ir_block *from, sched_block *to);

static sched_loop *make_loop(making *m, const ir_loop *loop) {
  sched_loop *l = BASE_NEW(m->plan->program->arena, sched_loop);
  *l = (sched_loop){.counter = loop->counter,
                    .from = loop->from,
                    .to = loop->to,
                    .down = loop->down,
                    .until = loop->until,
                    .at = loop->at,
                    .whole = loop->whole};
  l->body.counter = loop->counter;
  make_block(m, &loop->body, &l->body);
  return l;
}

static void make_block(making *m, const ir_block *from, sched_block *to) {
  ir_program *p = m->plan->program;
  sched_graph g;
  int n;
  sched_graph_open(&g, p, m->use, from);
  sched_gather(&g);
  sched_group **group = sched_ordered(&g, &n);
  for (int i = 0; i < n; i++) {
    sched_step step = {.from = group[i]->from, .to = group[i]->to};
    const ir_loop *loop = group[i]->loop;
    step.kernel = loop ? sched_scan(p, m->use, loop) : sched_build(&g, group[i]);
    if (!step.kernel) {
      step.loop = make_loop(m, loop);
    } else {
      step.kernel->id = m->kernels.n;
      BASE_PUSH(p->arena, &m->kernels, step.kernel);
    }
    BASE_PUSH(p->arena, &to->steps, step);
  }
}

sched_plan *sched_make(ir_program *p) {
  sched_slice(p, &p->order);
  sched_ring(p);
  making m = {.plan = BASE_NEW(p->arena, sched_plan), .use = sched_uses_of(p)};
  m.plan->program = p;
  make_block(&m, &p->order, &m.plan->body);
  m.plan->nkernel = m.kernels.n;
  m.plan->kernel = m.kernels.at;
  sched_place_all(m.plan, m.use);
  return m.plan;
}
