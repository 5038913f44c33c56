/* step: gradients, moments, updates and commits, written as equations beside the loss. */
#include "pass/pass.h"
#include "train/train.h"

typedef struct update { /* of one parameter; reads at the same positions */
  train_step *step;
  const train_optimizer *o;
  ir_program *p;
  ir_tensor *parameter;
  ir_tensor *exact; /* the parameter, or its f32 master */
  ir_type type;     /* of the arithmetic: exact's */
  const ir_expr *at[RUN_RANK + 1];
  const ir_expr *g, *rate, *scale1, *scale2;
} update;

static const ir_expr *op(const update *u, ir_op f, const ir_expr *a, const ir_expr *b) {
  return ir_binary(u->p, f, a, b);
}

static const ir_expr *real(const update *u, double x) { return ir_real(u->p, u->type, x); }

static const ir_expr *times(const update *u, double x, const ir_expr *e) {
  return op(u, IR_MUL, real(u, x), e);
}

static const ir_expr *number(const update *u, ir_tensor *scalar) {
  return ir_cast(u->p, ir_read(u->p, scalar, NULL), u->type);
}

static ir_tensor *scalar_input(ir_program *p, const char *name) {
  return ir_tensor_new(p, name, IR_F32, 0, NULL, IR_INPUT);
}

static const char *name_beside(const update *u, const char *prefix) {
  return base_format(u->p->arena, "%s%s", prefix, u->parameter->name);
}

static ir_tensor *state_like(const update *u, const char *prefix) {
  const ir_tensor *like = u->parameter;
  return ir_tensor_new(u->p, name_beside(u, prefix), u->type, like->rank, like->size, IR_STATE);
}

/* STATE becomes VALUE, a body over u->at; the new value as an expression. */
static const ir_expr *commit(const update *u, ir_tensor *state, const ir_expr *value) {
  const char *name = base_format(u->p->arena, "New%s", state->name);
  ir_tensor *t = ir_tensor_like(u->p, name, state, state->type);
  const ir_expr *lhs[RUN_RANK + 1];
  const ir_index *old[RUN_RANK];
  for (int k = 0; k < t->rank; k++) {
    old[k] = u->at[k]->u.index;
    lhs[k] = ir_use(u->p, ir_index_new(u->p, old[k]->name, old[k]->extent));
  }
  ir_define(u->p, t, IR_SET, lhs, ir_substitute(u->p, value, t->rank, old, lhs));
  ir_commit_to(u->p, state, t);
  return ir_cast(u->p, ir_read(u->p, t, u->at), u->type);
}

/* A moment M starts as 0 and becomes NEXT, given M. */
static ir_tensor *moment(const update *u, const char *prefix) {
  ir_tensor *m = state_like(u, prefix);
  BASE_PUSH(u->p->arena, &u->step->moments, m);
  return m;
}

static const ir_expr *average(const update *u, const char *prefix, double b, const ir_expr *x) {
  ir_tensor *m = moment(u, prefix);
  const ir_expr *old = ir_read(u->p, m, u->at);
  return commit(u, m, op(u, IR_ADD, times(u, b, old), times(u, 1 - b, x)));
}

static const ir_expr *sgd(const update *u) {
  const ir_expr *w = ir_read(u->p, u->exact, u->at), *g = u->g;
  if (u->o->momentum != 0) {
    ir_tensor *m = moment(u, "Momentum");
    const ir_expr *v = op(u, IR_ADD, times(u, u->o->momentum, ir_read(u->p, m, u->at)), g);
    v = commit(u, m, v);
    g = u->o->nesterov ? op(u, IR_ADD, g, times(u, u->o->momentum, v)) : v;
  }
  return op(u, IR_SUB, w, op(u, IR_MUL, u->rate, g));
}

static const ir_expr *adam(const update *u) {
  const ir_expr *w = ir_read(u->p, u->exact, u->at);
  const ir_expr *m = average(u, "Mean", u->o->b1, u->g);
  const ir_expr *v = average(u, "Square", u->o->b2, op(u, IR_MUL, u->g, u->g));
  if (u->o->amsgrad) {
    ir_tensor *most = moment(u, "Most");
    v = commit(u, most, op(u, IR_MAXIMUM, ir_read(u->p, most, u->at), v));
  }
  if (u->o->method == TRAIN_ADAMW)
    w = op(u, IR_SUB, w, op(u, IR_MUL, times(u, u->o->decay, u->rate), w));
  const ir_expr *root = op(u, IR_MUL, ir_unary(u->p, IR_SQRT, v), u->scale2);
  const ir_expr *size = op(u, IR_MUL, u->rate, u->scale1);
  return op(u, IR_SUB, w,
            op(u, IR_DIV, op(u, IR_MUL, size, m), op(u, IR_ADD, root, real(u, u->o->eps))));
}

/* A 16-bit parameter is too coarse for small changes: they are added up in f32. */
static void open_master(update *u) {
  if (u->parameter->type == u->type) return;
  u->exact = state_like(u, "Exact");
  BASE_PUSH(u->p->arena, &u->step->masters, u->exact);
  BASE_PUSH(u->p->arena, &u->step->mastered, u->parameter);
}

static void make_update(train_step *step, const train_optimizer *o, bool maximize,
                        ir_tensor *parameter, ir_tensor *gradient) {
  ir_program *p = step->program;
  update u = {.step = step, .o = o, .p = p, .parameter = parameter, .exact = parameter};
  u.type = ir_type_computed(parameter->type);
  open_master(&u);
  ir_positions(p, parameter, u.at);
  u.g = ir_cast(p, ir_read(p, gradient, u.at), u.type);
  if (maximize) u.g = ir_unary(p, IR_NEG, u.g);
  u.rate = number(&u, step->rate);
  if (step->scale1) u.scale1 = number(&u, step->scale1);
  if (step->scale2) u.scale2 = number(&u, step->scale2);
  const ir_expr *value = commit(&u, u.exact, o->method == TRAIN_SGD ? sgd(&u) : adam(&u));
  if (u.exact != parameter) commit(&u, parameter, value);
}

void train_step_make(train_step *step, ir_program *p, ir_tensor *loss, bool maximize, int n,
                     ir_tensor *const *parameter, const train_optimizer *optimizer) {
  ir_tensor **gradient = BASE_NEWS(p->arena, ir_tensor *, n + 1);
  pass_gradient(p, loss, 0, n, parameter, gradient);
  *step = (train_step){.program = p, .loss = loss, .rate = scalar_input(p, "Rate")};
  if (optimizer->method != TRAIN_SGD) {
    step->scale1 = scalar_input(p, "Scale1");
    step->scale2 = scalar_input(p, "Scale2");
  }
  for (int i = 0; i < n; i++) make_update(step, optimizer, maximize, parameter[i], gradient[i]);
  p->outputs.n = 0;
  ir_output(p, loss);
}

void train_count(ir_program *p, ir_tensor *counter) {
  ir_tensor *next = ir_tensor_new(p, "Next", IR_I64, 0, NULL, IR_DERIVED);
  const ir_expr *one = ir_int(p, 1);
  ir_define(p, next, IR_SET, NULL, ir_binary(p, IR_ADD, ir_read(p, counter, NULL), one));
  ir_commit_to(p, counter, next);
}
