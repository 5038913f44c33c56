/* contract: sums of products by the matrix unit of Hopper. Factors that TMA cannot read are copied
 * first; then a launch for each segment multiplies tiles and runs on them what follows. */
#include "device/cuda/contract.h"

#include <math.h>
#include <string.h>

/* ---- a segment as a product ------------------------------------------------------------------ */

contract_indices contract_indices_of(const device_bind *bind, int n, const ir_index *const *index) {
  contract_indices list = {.n = n, .index = index, .count = 1};
  for (int i = 0; i < n; i++) list.count *= ir_eval_size(index[i]->extent, bind->symbols);
  return list;
}

/* How far apart what is stored lies along INDEX; 0: it does not move. */
static int64_t output_step(device_bind *bind, const ir_eq *eq, const ir_index *index) {
  int64_t stride[64], step = 0;
  ir_affine a;
  device_strides(eq->head, bind->symbols, stride);
  for (int k = 0; k < eq->head->rank; k++) {
    if (!ir_affine_of(bind->program, eq->lhs[k], &a)) return 0;
    for (int i = 0; i < a.n; i++)
      if (a.index[i] == index) step += stride[k];
  }
  return step;
}

/* Columns are the indices along which the results lie side by side. */
static bool is_swapped(device_bind *bind, const kernel_segment *seg) {
  const ir_eq *stored = seg->eq[seg->main].eq;
  for (int i = 0; i < seg->neq; i++)
    if (seg->eq[i].level == KERNEL_GLOBAL) stored = seg->eq[i].eq;
  if (seg->nn == 0) return true;
  return seg->nm > 0 && output_step(bind, stored, seg->n[seg->nn - 1]) != 1 &&
         output_step(bind, stored, seg->m[seg->nm - 1]) == 1;
}

/* Batches that all factors walk alike become one axis. */
static bool join_batches(contract *c) {
  int64_t reach = 1;
  for (int t = 0; t < c->terms; t++)
    for (int z = 0; z < CONTRACT_Z; z++) c->a[t].z[z] = c->b[t].z[z] = 0;
  for (int i = c->batch.n - 1; i >= 0; i--) {
    int64_t extent = ir_eval_size(c->batch.index[i]->extent, c->bind->symbols);
    if (extent == 1) continue;
    bool joins = c->nz > 0;
    for (int t = 0; t < c->terms; t++)
      joins = joins && c->a[t].batch[i] == c->a[t].z[c->nz - 1] * reach &&
              c->b[t].batch[i] == c->b[t].z[c->nz - 1] * reach;
    if (joins) {
      c->z[c->nz - 1] *= extent;
      reach *= extent;
      continue;
    }
    if (c->nz == CONTRACT_Z) return false;
    for (int t = 0; t < c->terms; t++)
      c->a[t].z[c->nz] = c->a[t].batch[i], c->b[t].z[c->nz] = c->b[t].batch[i];
    c->z[c->nz++] = reach = extent;
  }
  return true;
}

const char *contract_of(device_bind *bind, const kernel_segment *seg, contract *c) {
  *c = (contract){
      .bind = bind, .seg = seg, .terms = seg->nproduct, .swapped = is_swapped(bind, seg)};
  c->batch = contract_indices_of(bind, seg->nbatch, seg->batch);
  c->m = contract_indices_of(bind, seg->nm, seg->m);
  c->n = contract_indices_of(bind, seg->nn, seg->n);
  c->k = contract_indices_of(bind, seg->nk, seg->k);
  if (c->swapped) {
    contract_indices m = c->m;
    c->m = c->n;
    c->n = m;
  }
  for (int t = 0; t < c->terms; t++) {
    const kernel_product *p = &seg->product[t];
    c->a[t] = contract_factor_of(c, c->swapped ? p->b : p->a, true);
    c->b[t] = contract_factor_of(c, c->swapped ? p->a : p->b, false);
  }
  double most = INT32_MAX;
  if ((double)c->m.count > most || (double)c->n.count > most || (double)c->k.count > most ||
      (double)c->batch.count > most)
    return "more than 2^31 rows";
  return NULL;
}

/* ---- refusing -------------------------------------------------------------------------------- */

static ir_type sixteen_bits(const ir_expr *e) {
  ir_type type = IR_TYPES;
  for (; e && e->op == IR_CAST; e = e->arg[0])
    if (ir_type_bytes(e->u.to) == 2) type = e->u.to;
  if (type == IR_TYPES && e && e->op == IR_READ) type = e->u.tensor->type;
  return type == IR_F16 || type == IR_BF16 ? type : IR_TYPES;
}

static const char *refuse_segment(const kernel_segment *seg) {
  if (seg->nproduct > CONTRACT_TERMS) return "a sum of more than four products";
  if (seg->eq[seg->main].eq->body->type != IR_F32) return "sums that are not f32";
  for (int i = 0; i < seg->neq; i++)
    if (i != seg->main && (seg->eq[i].partial || seg->eq[i].eq->agg != IR_SET))
      return "a reduction behind the product";
  ir_type type = seg->nproduct ? sixteen_bits(seg->product[0].a) : IR_TYPES;
  for (int t = 0; t < seg->nproduct; t++) {
    if (!seg->product[t].b) return "a sum without a second factor";
    if (sixteen_bits(seg->product[t].a) == IR_TYPES || sixteen_bits(seg->product[t].b) == IR_TYPES)
      return "factors that have not 16 bits";
    if (sixteen_bits(seg->product[t].a) != type || sixteen_bits(seg->product[t].b) != type)
      return "factors of f16 and of bf16";
  }
  return NULL;
}

const char *cuda_refuse_wgmma(const device *d, const kernel *k) {
  const cuda_device *cuda = (const cuda_device *)(const void *)d;
  if (cuda->major != 9) return "needs a Hopper GPU (compute capability 9.0)";
  const char *why = NULL;
  for (int s = 0; s < k->nsegment && !why; s++) why = refuse_segment(&k->segment[s]);
  return why;
}

/* ---- one launch ------------------------------------------------------------------------------ */

static base_text source_of(const contract *c, const contract_tile *t, cuda_args **args) {
  bool wide = cuda_is_wide(c->bind, c->seg->neq, c->seg->eq);
  const contract_factor *a = t->turned ? c->b : c->a, *b = t->turned ? c->a : c->b;
  bool early_a = true, early_b = true;
  for (int i = 0; i < c->terms; i++)
    early_a = early_a && a[i].early, early_b = early_b && b[i].early;
  base_text text = cuda_emit_source(c->bind, wide);
  base_put(&text, cuda_text_ptx_hopper);
  base_putf(
      &text,
      "#define ROWS %d\n#define COLS %d\n#define STAGES %d\n#define CLUSTER %d\n#define SPLIT %d\n"
      "#define STAGED %d\n#define TURNED %d\n#define TERMS %d\n#define Z %d\n#define A_MN %d\n"
      "#define B_MN %d\n#define BF16 %d\n#define EARLY_A %d\n#define EARLY_B %d\n#define VECTOR "
      "%d\n",
      t->rows, t->cols, t->stages, t->cluster, t->split, t->staged, t->turned, c->terms,
      c->nz > 1 ? CONTRACT_Z : 1, contract_by_rows(&a[0]), contract_by_rows(&b[0]),
      a[0].type == IR_BF16, early_a, early_b, contract_vector(c));
  *args = contract_body(c, &text, wide);
  base_put(&text, cuda_text_contract_wgmma);
  return text;
}

static void pass_shape(const contract *c, const contract_tile *t, cuda_launch *l, int stage) {
  int64_t rows = t->turned ? c->n.count : c->m.count, cols = t->turned ? c->m.count : c->n.count;
  int64_t high = (int64_t)t->rows * t->cluster, tiles_m = (rows + high - 1) / high;
  int64_t tiles_n = (cols + t->cols - 1) / t->cols, tiles = tiles_m * tiles_n * c->batch.count;
  int group = (int)lround(sqrt((double)l->device->sms * t->cols / t->rows) / t->cluster);
  cuda_pass_i32(l, stage, (int32_t)((c->k.count + 63) / 64));
  cuda_pass_i32(l, stage, (int32_t)rows);
  cuda_pass_i32(l, stage, (int32_t)cols);
  cuda_pass_i32(l, stage, (int32_t)tiles_m);
  cuda_pass_i32(l, stage, (int32_t)tiles_n);
  cuda_pass_i32(l, stage, (int32_t)tiles);
  cuda_pass_i32(l, stage, group > 1 ? group : 1);
  for (int z = 0; z < CONTRACT_Z; z++) cuda_pass_i32(l, stage, z < c->nz ? (int32_t)c->z[z] : 1);
  const contract_factor *factor[2] = {t->turned ? c->b : c->a, t->turned ? c->a : c->b};
  for (int f = 0; f < 2; f++)
    for (int z = 0; z < CONTRACT_Z; z++) cuda_pass_i32(l, stage, factor[f]->z[z] != 0);
  cuda_stage *s = &l->stage[stage];
  int64_t blocks = t->cluster * t->split, at_once = l->device->sms / blocks;
  s->grid[0] = (unsigned)((t->staged || tiles < at_once ? tiles : at_once) * blocks);
  if (blocks > 1) s->cluster[0] = (unsigned)blocks, s->cluster[1] = s->cluster[2] = 1;
}

static void add_product(const contract *c, cuda_launch *l, int stage) {
  contract_tile t = contract_choose(l->device, c);
  cuda_args *args;
  base_text source = source_of(c, &t, &args);
  cuda_stage *s = &l->stage[stage];
  int shared = contract_shared(c, &t);
  s->kernel = cuda_compile(c->bind, "contract", &source, &(cuda_options){.shared = shared});
  s->block = (unsigned)(128 * (t.rows / 64 + 1));
  s->shared = (unsigned)shared;
  s->overlap = true;
  const contract_factor *a = t.turned ? c->b : c->a, *b = t.turned ? c->a : c->b;
  cuda_struct_open(l, stage);
  for (int i = 0; i < c->terms; i++)
    contract_pass_map(c, &a[i], l, stage, contract_by_rows(&a[i]) ? 64 : t.rows);
  for (int i = 0; i < c->terms; i++)
    contract_pass_map(c, &b[i], l, stage, contract_by_rows(&b[i]) ? 64 : t.cols / t.cluster);
  pass_shape(c, &t, l, stage);
  cuda_struct_close(l, stage);
  cuda_struct_open(l, stage);
  cuda_args_pass(args, l, stage);
  cuda_struct_close(l, stage);
}

/* ---- all of a kernel ------------------------------------------------------------------------- */

typedef struct plan {
  contract c;
  bool copy_a[CONTRACT_TERMS], copy_b[CONTRACT_TERMS];
  int copies;
} plan;

/* Terms have one layout, that of the first; and batches have at most three axes, if need be of
 * copies. */
static void mark_copies(plan *p) {
  contract *c = &p->c;
  bool walks = true;
  for (int t = 0; t < c->terms; t++) walks = walks && !c->a[t].why && !c->b[t].why;
  bool joined = walks && join_batches(c);
  for (int t = 0; t < c->terms; t++) {
    p->copy_a[t] = !joined || !contract_can_tile(&c->a[t]) ||
                   contract_by_rows(&c->a[t]) != contract_by_rows(&c->a[0]);
    p->copy_b[t] = !joined || !contract_can_tile(&c->b[t]) ||
                   contract_by_rows(&c->b[t]) != contract_by_rows(&c->b[0]);
    p->copies += p->copy_a[t] + p->copy_b[t];
  }
}

static void copy_factors(plan *p, contract_factor *f, const bool *copy, bool is_a, cuda_launch *l,
                         int *stage) {
  bool by_rows = !f[0].why && f[0].row.one && f[0].row.step == 1 && f[0].k.step != 1;
  for (int t = 0; t < p->c.terms; t++)
    if (copy[t]) contract_pack(&p->c, &f[t], is_a, by_rows, l, (*stage)++);
}

static bool add_segment(plan *p, cuda_launch *l, int *stage) {
  contract *c = &p->c;
  copy_factors(p, c->a, p->copy_a, true, l, stage);
  copy_factors(p, c->b, p->copy_b, false, l, stage);
  c->nz = 0;
  if (!join_batches(c)) return false;
  add_product(c, l, (*stage)++);
  return true;
}

device_launch *cuda_prepare_wgmma(device_bind *bind) {
  const kernel *k = bind->kernel;
  plan *p = BASE_NEWS(bind->arena, plan, k->nsegment + 1);
  int stages = 0, stage = 0;
  for (int s = 0; s < k->nsegment; s++) {
    if (contract_of(bind, &k->segment[s], &p[s].c)) return cuda_prepare_any(bind);
    mark_copies(&p[s]);
    stages += p[s].copies + 1;
  }
  cuda_launch *l = cuda_launch_new(bind, stages);
  for (int s = 0; s < k->nsegment; s++)
    if (!add_segment(&p[s], l, &stage)) return cuda_prepare_any(bind);
  return &l->head;
}
