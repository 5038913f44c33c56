/* ref: every kernel shape, plain and obvious. The truth that faster devices are tested against.
 * Equations run one after another, each over all its indices, one element at a time; what lives
 * inside a kernel is kept whole, in its computed type; reductions of real numbers add up in f64. */
#include "device/device.h"
#include "device/pool.h"
#include "device/ref/ref.h"

#include <math.h>
#include <string.h>

/* ---- preparing: one job an equation ---------------------------------------------------------- */

static int count_nodes_of(const ir_expr *e) { return (int)e->id + 1; }

static void visit_highest(void *arg, const ir_expr *e) {
  int *n = arg;
  if (count_nodes_of(e) > *n) *n = count_nodes_of(e);
}

static int highest_node(const ir_eq *eq) {
  int n = 0;
  ir_each(eq->body, visit_highest, &n);
  for (int k = 0; k < eq->head->rank; k++) ir_each(eq->lhs[k], visit_highest, &n);
  return n;
}

static int highest_index(const ir_eq *eq) {
  int n = 0;
  for (int i = 0; i < eq->nfree; i++)
    if (eq->free[i]->id >= n) n = eq->free[i]->id + 1;
  for (int i = 0; i < eq->nred; i++)
    if (eq->red[i]->id >= n) n = eq->red[i]->id + 1;
  return n;
}

static void prepare_tensor(ref_launch *l, device_bind *bind, const ir_tensor *t, ir_type type,
                           void *inner) {
  ref_tensor *r = &l->tensor[t->id];
  if (r->stride) return;
  r->type = type;
  r->stride = BASE_NEWS(bind->arena, int64_t, t->rank + 1);
  r->size = BASE_NEWS(bind->arena, int64_t, t->rank + 1);
  r->count = device_strides(t, bind->symbols, r->stride);
  for (int k = 0; k < t->rank; k++) r->size[k] = ir_eval_size(t->size[k], bind->symbols);
  r->inner = inner;
}

typedef struct reads {
  ref_launch *launch;
  device_bind *bind;
} reads;

static void visit_reads(void *arg, const ir_expr *e) {
  reads *r = arg;
  if (e->op == IR_READ) prepare_tensor(r->launch, r->bind, e->u.tensor, e->u.tensor->type, NULL);
}

static size_t inner_bytes(device_bind *bind, const ir_tensor *t) {
  int64_t stride[16];
  return (size_t)device_strides(t, bind->symbols, stride) *
         ir_type_bytes(ir_type_computed(t->type));
}

static void prepare_eq(ref_launch *l, device_bind *bind, const kernel_eq *ke) {
  const ir_eq *eq = ke->eq;
  ref_job *job = &l->job[l->njob++];
  job->eq = eq;
  job->n = eq->nfree + eq->nred;
  job->index = BASE_NEWS(bind->arena, int, job->n + 1);
  job->extent = BASE_NEWS(bind->arena, int64_t, job->n + 1);
  for (int i = 0; i < job->n; i++) {
    const ir_index *x = i < eq->nfree ? eq->free[i] : eq->red[i - eq->nfree];
    job->index[i] = x->id;
    job->extent[i] = ir_eval_size(x->extent, bind->symbols);
  }
  job->scatter = !ir_window(eq);
  void *inner = NULL;
  if (ke->level != KERNEL_GLOBAL) {
    inner = base_alloc(bind->arena, inner_bytes(bind, eq->head) + 64);
    prepare_tensor(l, bind, eq->head, ir_type_computed(eq->head->type), inner);
  }
  prepare_tensor(l, bind, eq->head, eq->head->type, NULL);
  if (job->scatter || eq->agg != IR_SET)
    job->sum =
        BASE_NEWS(bind->arena, ir_value, job->scatter ? l->tensor[eq->head->id].count + 1 : 1);
}

static void prepare_reads(ref_launch *l, device_bind *bind, const ir_eq *eq) {
  reads r = {l, bind};
  ir_each(eq->body, visit_reads, &r);
  for (int k = 0; k < eq->head->rank; k++) ir_each(eq->lhs[k], visit_reads, &r);
}

static device_launch *prepare(device_bind *bind) {
  const kernel *k = bind->kernel;
  ref_launch *l = BASE_NEW(bind->arena, ref_launch);
  int neq = 0, nodes = 1, indices = 1;
  for (int s = 0; s < k->nsegment; s++)
    for (int i = 0; i < k->segment[s].neq; i++) {
      int n = highest_node(k->segment[s].eq[i].eq), x = highest_index(k->segment[s].eq[i].eq);
      neq++;
      nodes = n > nodes ? n : nodes;
      indices = x > indices ? x : indices;
    }
  l->head.run = ref_run;
  l->kernel = k;
  l->ntensor = bind->program->tensors.n;
  l->tensor = BASE_NEWS(bind->arena, ref_tensor, l->ntensor + 1);
  l->job = BASE_NEWS(bind->arena, ref_job, neq + 1);
  l->value = BASE_NEWS(bind->arena, ir_value, nodes);
  l->stamp = BASE_NEWS(bind->arena, uint64_t, nodes);
  l->at = BASE_NEWS(bind->arena, int64_t, indices);
  for (int s = 0; s < k->nsegment; s++)
    for (int i = 0; i < k->segment[s].neq; i++) prepare_eq(l, bind, &k->segment[s].eq[i]);
  for (int i = 0; i < neq; i++) prepare_reads(l, bind, l->job[i].eq);
  return &l->head;
}

/* ---- the device ------------------------------------------------------------------------------ */

static const device_impl impls[] = {
    {"ref.map", KERNEL_MAP, NULL, prepare},           {"ref.row", KERNEL_ROW, NULL, prepare},
    {"ref.contract", KERNEL_CONTRACT, NULL, prepare}, {"ref.attend", KERNEL_ATTEND, NULL, prepare},
    {"ref.scatter", KERNEL_SCATTER, NULL, prepare},   {"ref.scan", KERNEL_SCAN, NULL, prepare},
    {NULL, KERNEL_SHAPES, NULL, NULL},
};

static void close_ref(device *d) {
  base_ctx *ctx = d->ctx;
  device_pool_close(d);
  base_free(ctx, d);
}

device *device_open_ref(base_ctx *ctx) {
  device *d = base_calloc(ctx, sizeof *d);
  *d = (device){.ctx = ctx, .name = "ref", .impls = impls, .memory = &device_host_memory,
                .close = close_ref};
  base_trap trap;
  if (BASE_TRY(ctx, &trap)) {
    device_pool_open(d);
    base_untrap(ctx, &trap);
  } else {
    base_free(ctx, d);
    base_raise_again(ctx);
  }
  return d;
}
