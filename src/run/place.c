/* Where a plan runs when the session has a GPU beside the processor: all of it on one of them, by
 * what it would cost there. Small work is done on the processor before a GPU has begun. */
#include <math.h>

#include "run/private.h"

/* Measured: two cores with AVX-512 and 40 GB/s; an H200. Only their orders of magnitude matter. */
static const double cpu_kernel = 0.15e-6, cpu_bytes = 15e9, cpu_flop = 150e9;
static const double gpu_call = 3e-6, gpu_kernel = 0.8e-6, gpu_bytes = 3.5e12, gpu_flop = 150e12;
static const double carried_bytes = 20e9, carried = 10e-6;
/* A plan is run more than once, and values stay where they were brought. */
static const double runs_expected = 16;

typedef struct work {
  double kernels, bytes, flop;
} work;

static void count(work *w, const sched_block *block, const int64_t *symbols, double times) {
  for (int i = 0; i < block->steps.n; i++) {
    const sched_step *step = &block->steps.at[i];
    if (step->kernel) {
      w->kernels += times;
      w->bytes += times * kernel_bytes(step->kernel, symbols);
      w->flop += times * kernel_flop(step->kernel, symbols);
    } else {
      int64_t from = ir_eval_size(step->loop->from, symbols);
      int64_t to = ir_eval_size(step->loop->to, symbols);
      count(w, &step->loop->body, symbols, times * fmax(0, (double)(to - from)));
    }
  }
}

static void visit_calls(void *arg, const ir_expr *e) {
  if (e->op == IR_CALL) *(bool *)arg = true;
}

/* Functions in C run on the processor only. */
static bool calls_c(const sched_plan *plan) {
  bool calls = false;
  for (int k = 0; k < plan->nkernel; k++)
    for (int s = 0; s < plan->kernel[k]->nsegment; s++)
      for (int i = 0; i < plan->kernel[k]->segment[s].neq; i++)
        ir_each(plan->kernel[k]->segment[s].eq[i].eq->body, visit_calls, &calls);
  return calls;
}

static double carrying(const run_plan *plan, run_value *const *leaf, const device *to) {
  double seconds = 0;
  for (int i = 0; i < plan->nleaf; i++)
    if (leaf[i]->buffer->device != to)
      seconds += carried + (double)run_value_bytes(leaf[i]) / carried_bytes;
  return seconds / runs_expected;
}

void run_place(run_plan *plan, run_value *const *leaf, run_binding *b) {
  run_session *s = plan->session;
  work w = {0};
  b->device = s->device;
  if (!s->gpu || calls_c(plan->schedule)) return;
  count(&w, &plan->schedule->body, b->symbols, 1);
  double threads = s->device->threads ? base_pool_threads(s->device->threads) : 1;
  double limit = fmax(w.bytes / (cpu_bytes * fmin(threads, 8)), w.flop / (cpu_flop * threads));
  b->cpu_seconds = w.kernels * cpu_kernel + limit + carrying(plan, leaf, s->device);
  b->gpu_seconds = gpu_call + w.kernels * gpu_kernel + fmax(w.bytes / gpu_bytes, w.flop / gpu_flop);
  b->gpu_seconds += carrying(plan, leaf, s->gpu);
  if (s->config.prefer_gpu || b->gpu_seconds < b->cpu_seconds) b->device = s->gpu;
}

void run_bring(run_value *v, device *to) {
  if (v->buffer->device == to) return;
  device_buffer *there = device_carry(to, v->buffer);
  there->label = v->buffer->label;
  device_release(v->buffer);
  v->buffer = there;
}
