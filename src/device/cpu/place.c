/* place: where the factors of a product lie. The place of an element is a sum of parts, by batch,
 * by row and by column, each given to gemm as a stride or as a table of offsets. */
#include "device/cpu/place.h"

#include "device/cpu/cpu.h"

static bool moves(const ir_expr *e) {
  if (e->op == IR_SYMBOL) return e->u.symbol->counter;
  for (int i = 0; i < e->n; i++)
    if (moves(e->arg[i])) return true;
  return false;
}

static int64_t coefficient(const cpu_place *p, int k, const ir_index *index) {
  for (int i = 0; i < p->position[k].n; i++)
    if (p->position[k].index[i] == index)
      return ir_eval_size(p->position[k].coefficient[i], p->bind->symbols);
  return 0;
}

cpu_place cpu_place_of(device_bind *bind, const ir_tensor *t, const ir_expr *const *position) {
  cpu_place p = {
      .bind = bind, .tensor = t, .position = BASE_NEWS(bind->arena, ir_affine, t->rank + 1)};
  device_strides(t, bind->symbols, p.stride);
  for (int k = 0; k < t->rank; k++) {
    p.size[k] = ir_eval_size(t->size[k], bind->symbols);
    if (!ir_affine_of(bind->program, position[k], &p.position[k]))
      p.why = "a place that is not affine in the indices";
    for (int i = 0; i < p.position[k].n && !p.why; i++)
      if (moves(p.position[k].coefficient[i])) p.why = "a stride that changes in a loop";
  }
  return p;
}

cpu_start cpu_start_of(const cpu_place *p) {
  cpu_start f = {.tensor = p->tensor};
  ir_program *program = p->bind->program;
  for (int k = 0; k < p->tensor->rank; k++) {
    const ir_expr *constant = p->position[k].constant;
    if (!moves(constant)) {
      f.offset += p->stride[k] * ir_eval_size(constant, p->bind->symbols);
      continue;
    }
    const ir_expr *part = ir_binary(program, IR_MUL, constant, ir_int(program, p->stride[k]));
    f.late = f.late ? ir_binary(program, IR_ADD, f.late, part) : part;
  }
  return f;
}

void *cpu_start_at(const cpu_start *f, void *const *data, const int64_t *symbols) {
  int64_t offset = f->offset + (f->late ? ir_eval_size(f->late, symbols) : 0);
  return (char *)data[f->tensor->id] + offset * (int64_t)ir_type_bytes(f->tensor->type);
}

int64_t cpu_place_step(const cpu_place *p, const ir_index *index) {
  int64_t step = 0;
  for (int k = 0; k < p->tensor->rank; k++) step += p->stride[k] * coefficient(p, k, index);
  return step;
}

cpu_indices cpu_indices_of(const device_bind *bind, int n, const ir_index *const *index) {
  cpu_indices a = {.n = n, .index = index, .count = 1};
  for (int i = 0; i < n; i++)
    a.count *= a.extent[i] = ir_eval_size(index[i]->extent, bind->symbols);
  return a;
}

cpu_axis cpu_table(device_bind *bind, const cpu_indices *a, const int64_t *step, int64_t start) {
  int64_t stride = 0, reach = 1, where[64] = {0}, sum = start;
  bool plain = start == 0;
  for (int i = a->n - 1; i >= 0; i--) {
    if (a->extent[i] == 1) continue;
    if (reach == 1)
      stride = step[i];
    else
      plain &= step[i] == stride * reach;
    reach *= a->extent[i];
  }
  if (plain) return (cpu_axis){.stride = stride};
  int64_t *offset = cpu_alloc(bind, sizeof *offset * (size_t)(a->count + 1));
  for (int64_t k = 0; k < a->count; k++) {
    offset[k] = sum;
    for (int i = a->n - 1; i >= 0; i--) {
      sum += step[i];
      if (++where[i] < a->extent[i]) break;
      sum -= step[i] * a->extent[i];
      where[i] = 0;
    }
  }
  return (cpu_axis){.offset = offset};
}

cpu_axis cpu_offsets(const cpu_place *p, const cpu_indices *a) {
  int64_t step[64];
  for (int i = 0; i < a->n; i++) step[i] = cpu_place_step(p, a->index[i]);
  return cpu_table(p->bind, a, step, 0);
}

/* How far position k reaches over an axis. */
static void reach(const cpu_place *p, int k, const cpu_indices *a, int64_t *least, int64_t *most) {
  for (int i = 0; i < a->n; i++) {
    int64_t far = coefficient(p, k, a->index[i]) * (a->extent[i] - 1);
    *(far < 0 ? least : most) += far;
  }
}

/* Positions that may lie outside become guards: by row and column, which is all that gemm knows of.
 */
static void guard(cpu_place *p, cpu_matrix *m, const cpu_indices *batch, const cpu_indices *row,
                  const cpu_indices *col) {
  cpu_guard *guards = BASE_NEWS(p->bind->arena, cpu_guard, p->tensor->rank + 1);
  for (int k = 0; k < p->tensor->rank; k++) {
    if (moves(p->position[k].constant)) continue; /* proven inside by the compiler */
    int64_t start = ir_eval_size(p->position[k].constant, p->bind->symbols), least = start,
            most = start, step[64];
    reach(p, k, batch, &least, &most);
    if (least != start || most != start) {
      int64_t low = least, high = most;
      reach(p, k, row, &low, &high);
      reach(p, k, col, &low, &high);
      if (low < 0 || high >= p->size[k]) p->why = "a batch index may lead outside";
      continue;
    }
    reach(p, k, row, &least, &most);
    reach(p, k, col, &least, &most);
    if (least >= 0 && most < p->size[k]) continue;
    cpu_guard *g = &guards[m->guards++];
    g->size = p->size[k];
    for (int i = 0; i < row->n; i++) step[i] = coefficient(p, k, row->index[i]);
    g->row = cpu_table(p->bind, row, step, start);
    for (int i = 0; i < col->n; i++) step[i] = coefficient(p, k, col->index[i]);
    g->col = cpu_table(p->bind, col, step, 0);
  }
  m->guard = guards;
}

bool cpu_gemm_type(ir_type type, cpu_type *out) {
  static const cpu_type of[IR_TYPES] = {
      [IR_F16] = CPU_F16, [IR_BF16] = CPU_BF16, [IR_F32] = CPU_F32, [IR_F64] = CPU_F64};
  *out = of[type];
  return type == IR_F16 || type == IR_BF16 || type == IR_F32 || type == IR_F64;
}

const char *cpu_refuse_factor(const ir_expr *e) {
  if (!e) return "a sum without a second factor";
  for (; e->op == IR_CAST; e = e->arg[0])
    if (e->u.to != IR_F32 && e->u.to != IR_F64) return "a factor that is rounded first";
  if (e->op != IR_READ) return "a factor that is more than a read";
  return ir_type_real(e->u.tensor->type) ? NULL : "a factor of integers";
}

const char *cpu_add_factor(device_bind *bind, const ir_expr *e, cpu_matrix *m, cpu_start *f,
                           const cpu_indices *batch, const cpu_indices *row,
                           const cpu_indices *col) {
  while (e->op == IR_CAST) e = e->arg[0];
  if (!cpu_gemm_type(e->u.tensor->type, &m->type)) return "a factor of integers";
  cpu_place p = cpu_place_of(bind, e->u.tensor, e->arg);
  if (p.why) return p.why;
  *f = cpu_start_of(&p);
  m->batch = cpu_offsets(&p, batch);
  m->row = cpu_offsets(&p, row);
  m->col = cpu_offsets(&p, col);
  guard(&p, m, batch, row, col);
  return p.why;
}
