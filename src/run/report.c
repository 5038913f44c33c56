/* What a bound plan is made of: for `explain`. */
#include "run/private.h"

static void report_kernel(const device *d, const kernel *k, const run_binding *b,
                          run_kernel_report *r) {
  const device_impl *chosen = b->launch[k->id]->impl;
  *r = (run_kernel_report){.kernel = k, .impl = chosen->name};
  r->flop = kernel_flop(k, b->symbols);
  r->bytes = kernel_bytes(k, b->symbols);
  for (const device_impl *impl = d->impls; impl != chosen && impl->name; impl++) {
    if (impl->shape != k->shape || r->ndeclined == 8) continue;
    r->declined[r->ndeclined] = impl->name;
    r->why[r->ndeclined++] = impl->refuse ? impl->refuse(d, k) : "not chosen";
  }
}

int run_plan_report(run_plan *plan, run_value *const *leaf, run_kernel_report *report,
                    int64_t *peak_bytes) {
  const sched_plan *sched = plan->schedule;
  if (!report) return sched->nkernel;
  run_binding *b = run_bind(plan, leaf);
  for (int k = 0; k < sched->nkernel; k++)
    report_kernel(b->device, sched->kernel[k], b, &report[k]);
  if (peak_bytes) *peak_bytes = b->work_bytes;
  return sched->nkernel;
}

bool run_plan_choice(run_plan *plan, run_value *const *leaf, run_choice *choice) {
  const run_session *s = plan->session;
  if (!s->gpu) return false;
  const run_binding *b = run_bind(plan, leaf);
  *choice = (run_choice){b->device->name, b->cpu_seconds, b->gpu_seconds};
  return true;
}
