/* The schedule as text: kernels in order, loops, and where tensors live. */
#include "sched/private.h"

static void put_block(base_text *text, const sched_block *block, int depth);

static void put_step(base_text *text, const sched_step *step, int depth) {
  base_putf(text, "%*s", 2 * depth, "");
  if (step->from || step->to) {
    base_put(text, "[");
    ir_print_expr(text, step->from);
    base_put(text, ", ");
    ir_print_expr(text, step->to);
    base_put(text, ") ");
  }
  if (step->kernel) {
    kernel_print(text, step->kernel);
    return;
  }
  base_putf(text, "loop %s %s ", step->loop->counter->name, step->loop->down ? "down" : "up");
  ir_print_expr(text, step->loop->from);
  base_put(text, " .. ");
  ir_print_expr(text, step->loop->to);
  if (step->loop->until) {
    base_putf(text, " until %s[", step->loop->until->name);
    ir_print_expr(text, step->loop->at);
    base_put(text, "] is 0");
  }
  base_put(text, "\n");
  put_block(text, &step->loop->body, depth + 1);
}

static void put_block(base_text *text, const sched_block *block, int depth) {
  for (int i = 0; i < block->steps.n; i++) put_step(text, &block->steps.at[i], depth);
}

void sched_print(base_text *text, const sched_plan *plan) {
  static const char *const place[] = {"none", "given", "output", "work", "over"};
  put_block(text, &plan->body, 0);
  for (int i = 0; i < plan->program->tensors.n; i++) {
    const sched_memory *m = &plan->memory[i];
    if (m->place == SCHED_NONE || m->place == SCHED_GIVEN) continue;
    base_putf(text, "  %s: %s", plan->program->tensors.at[i]->name, place[m->place]);
    if (m->place == SCHED_OVER) base_putf(text, " %s", m->over->name);
    if (m->place == SCHED_WORK) base_putf(text, " %d..%d", m->first, m->last);
    base_put(text, m->zero ? ", zeroed\n" : "\n");
  }
}
