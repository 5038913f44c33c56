/* Factors of products: where they lie, whether TMA can read them there, and copies where it cannot.
 */
#include "device/cuda/contract.h"

enum { TMA_ALIGN = 16 };

/* ---- places ---------------------------------------------------------------------------------- */

static bool has_counter(const ir_expr *e) {
  if (e->op == IR_SYMBOL) return e->u.symbol->counter;
  for (int i = 0; i < e->n; i++)
    if (has_counter(e->arg[i])) return true;
  return false;
}

typedef struct walk { /* a read: constant and the step of each index, in elements */
  const contract *c;
  const ir_tensor *tensor;
  int64_t stride[64], size[64];
  ir_affine position[64];
} walk;

static int64_t step_of(const walk *w, const ir_index *index) {
  int64_t step = 0;
  for (int k = 0; k < w->tensor->rank; k++)
    for (int i = 0; i < w->position[k].n; i++)
      if (w->position[k].index[i] == index)
        step += w->stride[k] * ir_eval_size(w->position[k].coefficient[i], w->c->bind->symbols);
  return step;
}

/* The positions it reaches lie inside; those that move with a loop were proven to. */
static bool is_inside(const walk *w, int k) {
  const ir_affine *a = &w->position[k];
  const int64_t *symbols = w->c->bind->symbols;
  if (has_counter(a->constant)) return true;
  int64_t least = ir_eval_size(a->constant, symbols), most = least;
  for (int i = 0; i < a->n; i++) {
    int64_t far =
        ir_eval_size(a->coefficient[i], symbols) * (ir_eval_size(a->index[i]->extent, symbols) - 1);
    *(far < 0 ? &least : &most) += far;
  }
  return least >= 0 && most < w->size[k];
}

static const char *walk_of(const contract *c, const ir_expr *read, walk *w) {
  ir_program *p = c->bind->program;
  *w = (walk){.c = c, .tensor = read->u.tensor};
  device_strides(w->tensor, c->bind->symbols, w->stride);
  for (int k = 0; k < w->tensor->rank; k++) {
    w->size[k] = ir_eval_size(w->tensor->size[k], c->bind->symbols);
    if (!ir_affine_of(p, read->arg[k], &w->position[k])) return "a place that depends on data";
    for (int i = 0; i < w->position[k].n; i++)
      if (has_counter(w->position[k].coefficient[i])) return "a stride that changes in a loop";
    if (!is_inside(w, k)) return "places outside, which read as 0";
  }
  return NULL;
}

/* A list of indices as one axis; those of one element do not count. */
static contract_axis axis_of(const walk *w, const contract_indices *list) {
  contract_axis a = {.extent = 1, .one = true};
  for (int i = list->n - 1; i >= 0; i--) {
    int64_t extent = ir_eval_size(list->index[i]->extent, w->c->bind->symbols),
            step = step_of(w, list->index[i]);
    if (extent == 1) continue;
    if (a.extent == 1)
      a.step = step;
    else
      a.one = a.one && step == a.step * a.extent;
    a.extent *= extent;
  }
  return a;
}

static void find_start(contract_factor *f, const walk *w) {
  ir_program *p = w->c->bind->program;
  int64_t bytes = (int64_t)ir_type_bytes(w->tensor->type);
  f->at = (cuda_place){.tensor = w->tensor->id, .scale = bytes};
  for (int k = 0; k < w->tensor->rank; k++) {
    const ir_expr *constant = w->position[k].constant;
    if (!has_counter(constant)) {
      f->at.offset += bytes * w->stride[k] * ir_eval_size(constant, w->c->bind->symbols);
      continue;
    }
    const ir_expr *part = ir_binary(p, IR_MUL, constant, ir_int(p, w->stride[k]));
    f->at.moving = f->at.moving ? ir_binary(p, IR_ADD, f->at.moving, part) : part;
    if (w->stride[k] % 8 == 0) continue;
    f->why = "a start that moves by single elements";
  }
}

static bool is_written(const ir_program *p, const ir_tensor *t) {
  if (t->role == IR_DERIVED) return true;
  for (int i = 0; i < p->commits.n; i++)
    if (p->commits.at[i].state == t) return true;
  return false;
}

/* What is multiplied: a tensor's elements, or what they are rounded to before. */
static ir_type element_type(const ir_expr *e, const ir_tensor **tensor) {
  ir_type type = IR_TYPES;
  for (; e->op == IR_CAST; e = e->arg[0])
    if (ir_type_bytes(e->u.to) == 2) type = e->u.to;
  *tensor = e->op == IR_READ ? e->u.tensor : NULL;
  return type != IR_TYPES ? type : *tensor ? (*tensor)->type : IR_F32;
}

contract_factor contract_factor_of(const contract *c, const ir_expr *e, bool is_a) {
  const contract_indices *rows = is_a ? &c->m : &c->n;
  contract_factor f = {.read = e, .row = {.extent = rows->count}, .k = {.extent = c->k.count}};
  const ir_tensor *tensor;
  walk w;
  f.type = element_type(e, &tensor);
  f.batch = BASE_NEWS(c->bind->arena, int64_t, c->batch.n + 1);
  while (e->op == IR_CAST) e = e->arg[0];
  f.why = !tensor                  ? "a factor that is more than a read"
          : tensor->type != f.type ? "elements that are rounded first"
                                   : walk_of(c, e, &w);
  if (f.why) return f;
  f.row = axis_of(&w, rows);
  f.k = axis_of(&w, &c->k);
  for (int i = 0; i < c->batch.n; i++) f.batch[i] = step_of(&w, c->batch.index[i]);
  find_start(&f, &w);
  f.early = !is_written(c->bind->program, tensor);
  return f;
}

/* ---- tiles ----------------------------------------------------------------------------------- */

static bool aligned(int64_t elements) { return elements % 8 == 0; }

static bool is_line(const contract_axis *x, const contract_axis *y) {
  return (x->step == 1 || x->extent == 1) && (y->extent == 1 || (y->step > 0 && aligned(y->step)));
}

bool contract_by_rows(const contract_factor *f) { return !is_line(&f->k, &f->row); }

bool contract_can_tile(const contract_factor *f) {
  if (f->why || !f->row.one || !f->k.one || f->at.offset % 16 != 0) return false;
  if (!is_line(&f->k, &f->row) && !is_line(&f->row, &f->k)) return false;
  for (int z = 0; z < CONTRACT_Z; z++)
    if (f->z[z] < 0 || !aligned(f->z[z])) return false;
  return true;
}

void contract_pass_map(const contract *c, const contract_factor *f, cuda_launch *l, int stage,
                       int lines) {
  bool by_rows = contract_by_rows(f);
  const contract_axis *x = by_rows ? &f->row : &f->k, *y = by_rows ? &f->k : &f->row;
  uint64_t far =
      ((uint64_t)(x->extent > 8 ? x->extent : 8) + 7) / 8 * 16; /* of an axis that is not walked */
  cuda_map map = {.at = f->at,
                  .type = f->type == IR_F16 ? CU_TENSOR_MAP_DATA_TYPE_FLOAT16
                                            : CU_TENSOR_MAP_DATA_TYPE_BFLOAT16,
                  .rank = c->nz > 1 ? 2 + CONTRACT_Z : 3,
                  .size = {(uint64_t)x->extent, (uint64_t)y->extent},
                  .stride = {y->extent > 1 ? (uint64_t)y->step * 2 : far},
                  .box = {64, (uint32_t)lines, 1, 1, 1},
                  .swizzle = CU_TENSOR_MAP_SWIZZLE_128B,
                  .promotion = CU_TENSOR_MAP_L2_PROMOTION_L2_256B};
  for (int k = 0; k < 2; k++)
    if (map.size[k] == 0) map.size[k] = 1; /* nothing of it is read */
  for (int z = 0; z < CONTRACT_Z; z++) {
    bool moves = z < c->nz && f->z[z] != 0 && c->z[z] > 0;
    map.size[2 + z] = moves ? (uint64_t)c->z[z] : 1;
    map.stride[1 + z] = moves ? (uint64_t)f->z[z] * 2 : far;
  }
  cuda_pass_map(l, stage, &map);
}
