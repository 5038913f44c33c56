/* emit: where operands are. Positions become one address that moves by a fixed step along each
 * axis; what depends on data is added by the line program, or for each lane by a gather. Positions
 * that may lie outside narrow the range of the line in which anything is read. */
#include "device/cpu/emit.h"

#include <string.h>

int cpu_nest_axis(const cpu_nest *nest, const ir_index *index) {
  for (int i = 0; i < nest->naxis; i++)
    if (nest->index[i] == index) return i;
  return -1;
}

static bool moves(const ir_expr *e) {
  if (e->op == IR_SYMBOL) return e->u.symbol->counter;
  for (int i = 0; i < e->n; i++)
    if (moves(e->arg[i])) return true;
  return false;
}

/* ---- cursors --------------------------------------------------------------------------------- */

static cpu_cursor fresh(const cpu_nest *nest, int source) {
  return (cpu_cursor){.source = source, .step = BASE_NEWS(nest->arena, int64_t, nest->naxis + 1)};
}

/* c += scale a, but for a constant that moves with a loop, which joins LATE. */
static void add_affine(cpu_nest *nest, cpu_cursor *c, const ir_affine *a, int64_t scale,
                       const ir_expr **late) {
  const int64_t *symbols = nest->bind->symbols;
  ir_program *p = nest->bind->program;
  for (int i = 0; i < a->n; i++) {
    int axis = cpu_nest_axis(nest, a->index[i]);
    if (axis >= 0) c->step[axis] += scale * ir_eval_size(a->coefficient[i], symbols);
  }
  if (!moves(a->constant)) {
    c->offset += scale * ir_eval_size(a->constant, symbols);
    return;
  }
  const ir_expr *part = ir_binary(p, IR_MUL, a->constant, ir_int(p, scale));
  *late = *late ? ir_binary(p, IR_ADD, *late, part) : part;
}

static bool same_cursor(const cpu_nest *nest, const cpu_cursor *a, const cpu_cursor *b) {
  return a->source == b->source && a->offset == b->offset && a->late == b->late &&
         a->scale == b->scale &&
         memcmp(a->step, b->step, sizeof *a->step * (size_t)nest->naxis) == 0;
}

static int nest_cursor(cpu_nest *nest, const cpu_cursor *c) {
  for (int i = 0; i < nest->cursor.n && c->source != CPU_DERIVED; i++)
    if (same_cursor(nest, &nest->cursor.at[i], c)) return i;
  BASE_PUSH(nest->arena, &nest->cursor, *c);
  return nest->cursor.n - 1;
}

int cpu_pass_cursor(cpu_nest *nest, cpu_pass *pass, const cpu_cursor *c) {
  int number = nest_cursor(nest, c);
  for (int i = 0; i < pass->cursor.n; i++)
    if (pass->cursor.at[i] == number) return number;
  BASE_PUSH(nest->arena, &pass->cursor, number);
  return number;
}

static int derived(cpu_emit *e) {
  cpu_cursor c = fresh(e->nest, CPU_DERIVED);
  return cpu_pass_cursor(e->nest, e->pass, &c);
}

static int64_t along(const cpu_emit *e, const cpu_cursor *c) {
  return e->pass->v >= 0 ? c->step[e->pass->v] : 0;
}

int emit_number(cpu_emit *e, const ir_affine *a, int64_t scale, int64_t add, const ir_affine *less,
                int64_t *step) {
  cpu_cursor c = fresh(e->nest, CPU_NUMBER);
  c.offset = add;
  c.scale = 1;
  add_affine(e->nest, &c, a, scale, &c.late);
  if (less) add_affine(e->nest, &c, less, -scale, &c.late);
  *step = along(e, &c);
  return cpu_pass_cursor(e->nest, e->pass, &c);
}

/* ---- ranges ---------------------------------------------------------------------------------- */

int emit_new_range(cpu_emit *e) {
  cpu_pool *pool = &e->nest->pool;
  emit_list *back = emit_before_line(e);
  emit_set(e, VM_R_ALL, 0, 0, pool->ranges, 0);
  e->out = back;
  return pool->ranges++;
}

/* Whether an affine position may leave [0, size) at some point of the nest. */
static bool may_leave(const cpu_nest *nest, const kernel_access *access, const ir_affine *a,
                      int64_t size) {
  if (moves(a->constant)) return access->guarded;
  int64_t least = ir_eval_size(a->constant, nest->bind->symbols), most = least;
  for (int i = 0; i < a->n; i++) {
    int axis = cpu_nest_axis(nest, a->index[i]);
    if (axis < 0) continue;
    int64_t reach = ir_eval_size(a->coefficient[i], nest->bind->symbols) * (nest->extent[axis] - 1);
    if (reach < 0)
      least += reach;
    else
      most += reach;
  }
  return least < 0 || most >= size;
}

static void keep_inside(cpu_emit *e, emit_place *p, const ir_affine *a, int64_t size) {
  int64_t step, back_step;
  int above = emit_number(e, a, 1, -size, NULL, &step),
      under = emit_number(e, a, -1, -1, NULL, &back_step);
  if (p->range == 0) p->range = emit_new_range(e);
  emit_list *back = emit_before_line(e);
  emit_set(e, VM_R_BELOW, above, 0, p->range, step);
  emit_set(e, VM_R_BELOW, under, 0, p->range, back_step);
  e->out = back;
  if (step != 0) p->range_varies = true;
}

/* ---- accesses -------------------------------------------------------------------------------- */

ir_type cpu_stored_type(const cpu_nest *nest, const ir_tensor *t) {
  return nest->home[t->id] ? nest->home[t->id]->type : t->type;
}

/* In its tensor's memory, or in a home that holds all of it. */
static cpu_cursor tensor_cursor(cpu_nest *nest, const kernel_access *access, const cpu_home *home,
                                int64_t *stride) {
  const ir_tensor *t = access->tensor;
  cpu_cursor c = fresh(nest, home ? home->source : t->id);
  c.scale = (int64_t)ir_type_bytes(home ? home->type : t->type);
  device_strides(t, nest->bind->symbols, stride);
  for (int k = 0; k < t->rank; k++)
    if (access->position[k].value < 0)
      add_affine(nest, &c, &access->position[k].affine, stride[k], &c.late);
  c.offset *= c.scale;
  for (int i = 0; i < nest->naxis; i++) c.step[i] *= c.scale;
  if (home) c.offset += home->offset;
  return c;
}

cpu_cursor cpu_access_cursor(cpu_nest *nest, const kernel_access *access, const cpu_home *home) {
  int64_t *stride = BASE_NEWS(nest->arena, int64_t, access->tensor->rank + 1);
  return tensor_cursor(nest, access, home, stride);
}

int64_t cpu_home_step(const cpu_home *home, const ir_index *index) {
  for (int i = 0; i < home->n; i++)
    if (home->index[i] == index) return home->step[i];
  return 0;
}

cpu_cursor cpu_home_cursor(cpu_nest *nest, const cpu_home *home) {
  cpu_cursor c = fresh(nest, home->source);
  c.offset = home->offset;
  for (int i = 0; i < nest->naxis; i++) c.step[i] = cpu_home_step(home, nest->index[i]);
  return c;
}

static void place_home(cpu_emit *e, const cpu_home *home, emit_place *p) {
  p->scalar = home->source == CPU_SCALAR ? (int)home->offset : -1;
  if (p->scalar >= 0) return;
  cpu_cursor c = cpu_home_cursor(e->nest, home);
  p->step = along(e, &c);
  p->cursor = cpu_pass_cursor(e->nest, e->pass, &c);
}

void emit_place_of(cpu_emit *e, const kernel_access *access, emit_place *p) {
  cpu_nest *nest = e->nest;
  const ir_tensor *t = access->tensor;
  *p = (emit_place){.type = cpu_stored_type(nest, t), .scalar = -1};
  if (nest->home[t->id] && !nest->home[t->id]->whole) {
    place_home(e, nest->home[t->id], p);
    return;
  }
  int64_t *stride = BASE_NEWS(e->arena, int64_t, t->rank + 1);
  cpu_cursor c = tensor_cursor(nest, access, nest->home[t->id], stride);
  p->step = along(e, &c);
  p->cursor = cpu_pass_cursor(nest, e->pass, &c);
  p->steps = BASE_NEWS(e->arena, emit_step, t->rank + 1);
  for (int k = 0; k < t->rank; k++) {
    const kernel_position *at = &access->position[k];
    int64_t size = ir_eval_size(t->size[k], nest->bind->symbols);
    if (at->value >= 0)
      p->steps[p->nstep++] = (emit_step){at->value, size, stride[k]};
    else if (may_leave(nest, access, &at->affine, size))
      keep_inside(e, p, &at->affine, size);
  }
}

int cpu_emit_place(cpu_emit *e, const kernel_access *access, int64_t *step) {
  emit_place p;
  emit_place_of(e, access, &p);
  *step = p.step;
  return p.cursor;
}

bool cpu_access_step(const cpu_nest *nest, const kernel_code *code, const kernel_access *access,
                     int axis, int64_t *step) {
  const ir_tensor *t = access->tensor;
  int64_t stride[64];
  *step = 0;
  if (nest->home[t->id] && !nest->home[t->id]->whole) {
    *step = cpu_home_step(nest->home[t->id], nest->index[axis]);
    return true;
  }
  device_strides(t, nest->bind->symbols, stride);
  for (int k = 0; k < t->rank; k++) {
    const kernel_position *at = &access->position[k];
    if (at->value >= 0) {
      if (cpu_value_moves(nest, code, at->value, axis)) return false;
      continue;
    }
    for (int i = 0; i < at->affine.n; i++)
      if (cpu_nest_axis(nest, at->affine.index[i]) == axis)
        *step += stride[k] * ir_eval_size(at->affine.coefficient[i], nest->bind->symbols);
  }
  *step *= (int64_t)ir_type_bytes(cpu_stored_type(nest, t));
  return true;
}

/* Whether a value changes along an axis. */
bool cpu_value_moves(const cpu_nest *nest, const kernel_code *code, int value, int axis) {
  const kernel_value *v = &code->values.at[value];
  int64_t step;
  if (v->op == IR_INDEX) {
    for (int i = 0; i < v->u.affine->n; i++)
      if (cpu_nest_axis(nest, v->u.affine->index[i]) == axis) return true;
    return false;
  }
  if (v->op == IR_READ) return !cpu_access_step(nest, code, v->u.access, axis, &step) || step != 0;
  for (int i = 0; i < v->n; i++)
    if (cpu_value_moves(nest, code, v->arg[i], axis)) return true;
  return false;
}

/* ---- positions that depend on data ----------------------------------------------------------- */

bool emit_gathers(const cpu_emit *e, const emit_place *p) {
  for (int i = 0; i < p->nstep; i++)
    if (e->value[p->steps[i].value].varies) return true;
  return false;
}

/* Once a line: the cursor moved to the place the data says, the range empty if that is outside. */
int emit_place_cursor(cpu_emit *e, emit_place *p) {
  if (p->nstep == 0) return p->cursor;
  emit_list *back = emit_before_line(e);
  if (p->range == 0) p->range = emit_new_range(e);
  int64_t bytes = (int64_t)ir_type_bytes(p->type);
  for (int i = 0; i < p->nstep; i++) {
    cpu_pool *pool = &e->nest->pool;
    int at = emit_wide(e, p->steps[i].value), inside = pool->wides++, mask = pool->masks++,
        to = derived(e);
    emit_set(e, VM_M_SET, 0, 0, mask, 1);
    emit_set(e, VM_W_INSIDE, at, mask, inside, p->steps[i].size);
    emit_set(e, VM_R_MASK, mask, 0, p->range, 0);
    emit_set(e, VM_C_STEP, p->cursor, inside, to, p->steps[i].stride * bytes);
    p->cursor = to;
  }
  p->nstep = 0;
  e->out = back;
  return p->cursor;
}

int emit_index(cpu_emit *e, const emit_place *p, int *mask) {
  cpu_pool *pool = &e->nest->pool;
  int64_t bytes = (int64_t)ir_type_bytes(p->type);
  int sum = emit_take(e, &e->wides, &pool->wides), inside = emit_take(e, &e->wides, &pool->wides);
  *mask = emit_take(e, &e->masks, &pool->masks);
  cpu_cursor zero = fresh(e->nest, CPU_NUMBER);
  emit_set(e, VM_W_IOTA, cpu_pass_cursor(e->nest, e->pass, &zero), 0, sum, p->step / bytes);
  if (p->range)
    emit_set(e, VM_M_RANGE, p->range, 0, *mask, 0);
  else
    emit_set(e, VM_M_SET, 0, 0, *mask, 1);
  for (int i = 0; i < p->nstep; i++) {
    emit_set(e, VM_W_INSIDE, emit_wide(e, p->steps[i].value), *mask, inside, p->steps[i].size);
    emit_set(e, VM_W_STEP, sum, inside, sum, p->steps[i].stride);
    emit_used(e, p->steps[i].value);
  }
  BASE_PUSH(e->arena, &e->wides, inside);
  return sum;
}
