/* ref: running a prepared kernel. */
#include "device/ref/ref.h"

static void *memory(ref_launch *l, const ir_tensor *t) {
  return l->tensor[t->id].inner ? l->tensor[t->id].inner : l->data[t->id];
}

static ir_value eval(ref_launch *l, const ir_expr *e);

/* Offset of a position, or -1 outside. */
static int64_t offset(ref_launch *l, const ir_tensor *t, const ir_expr *const *position) {
  const ref_tensor *r = &l->tensor[t->id];
  int64_t at = 0;
  for (int k = 0; k < t->rank; k++) {
    int64_t p = eval(l, position[k]).u.i;
    if (p < 0 || p >= r->size[k]) return -1;
    at += p * r->stride[k];
  }
  return at;
}

static ir_value eval_read(ref_launch *l, const ir_expr *e) {
  const ir_tensor *t = e->u.tensor;
  int64_t at = offset(l, t, e->arg);
  if (at < 0) return (ir_value){.type = (ir_type)e->type};
  return device_load_value(l->tensor[t->id].type, memory(l, t), at);
}

static ir_value eval_call(ref_launch *l, const ir_expr *e) {
  double value[IR_FUNCTION_ARGUMENTS];
  const double *x[IR_FUNCTION_ARGUMENTS];
  ir_value v = {.type = IR_F64};
  for (int k = 0; k < e->n; k++) {
    value[k] = eval(l, e->arg[k]).u.f;
    x[k] = &value[k];
  }
  e->u.function->map(e->u.function->user, 1, x, &v.u.f);
  return v;
}

static ir_value eval_new(ref_launch *l, const ir_expr *e) {
  ir_value v = {.type = (ir_type)e->type}, arg[4];
  switch (e->op) {
  case IR_CONST:
    if (ir_type_real(v.type)) v.u.f = e->u.real;
    else v.u.i = e->u.integer;
    return v;
  case IR_INDEX: v.u.i = l->at[e->u.index->id]; return v;
  case IR_SYMBOL: v.u.i = l->symbols[e->u.symbol->id]; return v;
  case IR_READ: return eval_read(l, e);
  case IR_WHERE: return eval(l, e->arg[eval(l, e->arg[0]).u.i ? 1 : 2]);
  case IR_CAST: arg[0] = eval(l, e->arg[0]); return ir_eval_op(IR_CAST, e->u.to, arg);
  case IR_CALL: return eval_call(l, e);
  case IR_RANDOM:
    v.u.i = ir_random_bits(eval(l, e->arg[0]).u.i, eval(l, e->arg[1]).u.i, eval(l, e->arg[2]).u.i);
    return v;
  default:
    for (int k = 0; k < e->n; k++) arg[k] = eval(l, e->arg[k]);
    return ir_eval_op((ir_op)e->op, (ir_type)e->type, arg);
  }
}

static ir_value eval(ref_launch *l, const ir_expr *e) {
  if (l->stamp[e->id] != l->now) {
    l->value[e->id] = eval_new(l, e);
    l->stamp[e->id] = l->now;
  }
  return l->value[e->id];
}

/* ---- one equation ---------------------------------------------------------------------------- */

/* Reductions of reals are carried in f64. */
static ir_value neutral(ir_agg agg, ir_type type) {
  ir_value v = {.type = type == IR_F32 ? IR_F64 : type};
  bool real = ir_type_real(type);
  if (agg == IR_PROD) real ? (v.u.f = 1) : (v.u.i = 1);
  if (agg == IR_MAX) real ? (v.u.f = -__builtin_inf()) : (v.u.i = type == IR_BOOL ? 0 : INT64_MIN);
  if (agg == IR_MIN) real ? (v.u.f = __builtin_inf()) : (v.u.i = type == IR_BOOL ? 1 : INT64_MAX);
  return v;
}

static void combine(ir_agg agg, ir_value *sum, ir_value x) {
  static const ir_op op[IR_AGGS] = {
      [IR_SUM] = IR_ADD, [IR_MAX] = IR_MAXIMUM, [IR_MIN] = IR_MINIMUM, [IR_PROD] = IR_MUL};
  ir_value arg[2] = {*sum, x};
  arg[1].type = sum->type;
  if (agg == IR_SET) *sum = arg[1];
  else *sum = ir_eval_op(op[agg], sum->type, arg);
}

static void store(ref_launch *l, const ir_tensor *t, int64_t at, ir_value v) {
  if (v.type == IR_F64 && l->tensor[t->id].type == IR_F32) v.type = IR_F32;
  if (at >= 0) device_store_value(l->tensor[t->id].type, memory(l, t), at, v);
}

/* The next point of indices [first, n); false after the last, when all are 0 again. FIXED keeps its
 * value. */
static bool next(ref_launch *l, const ref_job *job, int first, int n, int fixed) {
  for (int k = n - 1; k >= first; k--) {
    if (job->index[k] == fixed) continue;
    if (++l->at[job->index[k]] < job->extent[k]) return true;
    l->at[job->index[k]] = 0;
  }
  return false;
}

static bool empty(const ref_job *job, int first, int n) {
  for (int k = first; k < n; k++)
    if (job->extent[k] <= 0) return true;
  return false;
}

static void run_window(ref_launch *l, const ref_job *job, int fixed) {
  const ir_eq *eq = job->eq;
  bool nothing = empty(job, eq->nfree, job->n);
  if (empty(job, 0, eq->nfree)) return;
  do {
    ir_value v = {0};
    l->now++;
    int64_t at = offset(l, eq->head, eq->lhs);
    if (eq->agg == IR_SET) {
      v = eval(l, eq->body);
    } else {
      v = neutral(eq->agg, (ir_type)eq->body->type);
      if (!nothing) do {
          l->now++;
          combine(eq->agg, &v, eval(l, eq->body));
        } while (next(l, job, eq->nfree, job->n, fixed));
    }
    store(l, eq->head, at, v);
  } while (next(l, job, 0, eq->nfree, fixed));
}

/* Elements that the scatter does not reach hold the neutral element. */
static void run_scatter(ref_launch *l, const ref_job *job, int fixed) {
  const ir_eq *eq = job->eq;
  int64_t count = l->tensor[eq->head->id].count;
  for (int64_t i = 0; i < count; i++) job->sum[i] = neutral(eq->agg, (ir_type)eq->body->type);
  if (!empty(job, 0, job->n)) do {
      l->now++;
      int64_t at = offset(l, eq->head, eq->lhs);
      if (at >= 0) combine(eq->agg, &job->sum[at], eval(l, eq->body));
    } while (next(l, job, 0, job->n, fixed));
  for (int64_t i = 0; i < count; i++) store(l, eq->head, i, job->sum[i]);
}

static void run_job(ref_launch *l, const ref_job *job, int fixed) {
  for (int k = 0; k < job->n; k++)
    if (job->index[k] != fixed) l->at[job->index[k]] = 0;
  if (job->scatter) run_scatter(l, job, fixed);
  else run_window(l, job, fixed);
}

static int64_t extent_of(const ref_launch *l, int index) {
  for (int i = 0; i < l->njob; i++)
    for (int k = 0; k < l->job[i].n; k++)
      if (l->job[i].index[k] == index) return l->job[i].extent[k];
  return 0;
}

/* A scan runs all its equations for one value of the index before the next. */
static void run_scan(ref_launch *l, const kernel_segment *s, int first) {
  int64_t n = extent_of(l, s->scan->id);
  for (int64_t t = 0; t < n; t++) {
    l->at[s->scan->id] = s->down ? n - 1 - t : t;
    for (int i = 0; i < s->neq; i++) run_job(l, &l->job[first + i], s->scan->id);
  }
}

void ref_run(device_launch *self, void *const *data, const int64_t *symbols) {
  ref_launch *l = (ref_launch *)self;
  l->data = data;
  l->symbols = symbols;
  for (int s = 0, first = 0; s < l->kernel->nsegment; first += l->kernel->segment[s++].neq) {
    const kernel_segment *seg = &l->kernel->segment[s];
    if (seg->scan) run_scan(l, seg, first);
    else
      for (int i = 0; i < seg->neq; i++) run_job(l, &l->job[first + i], -1);
  }
}
