/* Copies of factors that TMA cannot read as they lie: what is unaligned, gathered, guarded or not
 * of one stride. Lines follow each other as batches and rows (or k) do, and begin 16-byte aligned.
 */
#include "device/cuda/contract.h"

enum { PACK_BLOCK = 256, PACK_LINES = 32768 }; /* threads of a block; blocks along y */

typedef struct packing {
  const contract *c;
  contract_indices outer, line; /* lines, and what is along them */
  int64_t pitch;                /* elements from one line to the next */
  int lanes;                    /* a thread copies 8 neighbours, or 1 */
  cuda_args *args;
  cuda_frame frame;
  base_text text;
} packing;

/* The batches that F depends on, and ROWS. */
static contract_indices joined(const contract *c, const contract_factor *f,
                               const contract_indices *rows) {
  const ir_index **index = BASE_NEWS(c->bind->arena, const ir_index *, c->batch.n + rows->n + 1);
  int n = 0;
  for (int i = 0; i < c->batch.n; i++)
    if (ir_mentions(f->read, c->batch.index[i])) index[n++] = c->batch.index[i];
  for (int i = 0; i < rows->n; i++) index[n++] = rows->index[i];
  return contract_indices_of(c->bind, n, index);
}

/* Do 8 neighbours along the line differ in its last index alone? */
static bool has_vectors(const contract *c, const contract_indices *line) {
  if (line->n == 0) return false;
  return line->n == 1 || ir_eval_size(line->index[line->n - 1]->extent, c->bind->symbols) % 8 == 0;
}

static packing packing_of(const contract *c, const contract_factor *f, bool is_a, bool by_rows) {
  const contract_indices *rows = is_a ? &c->m : &c->n;
  packing k = {.c = c, .args = cuda_args_open(c->bind), .text = base_text_open(c->bind->arena)};
  k.outer = joined(c, f, by_rows ? &c->k : rows);
  k.line = by_rows ? *rows : c->k;
  k.pitch = (k.line.count + 7) / 8 * 8;
  k.lanes = has_vectors(c, &k.line) ? 8 : 1;
  k.frame = (cuda_frame){
      .lanes = k.lanes, .repeats = 1, .vector = k.lanes > 1 ? k.outer.n + k.line.n - 1 : -1};
  k.frame.wide = cuda_is_wide(c->bind, c->seg->neq, c->seg->eq);
  k.frame.axis = BASE_NEWS(c->bind->arena, cuda_axis, k.outer.n + k.line.n + 1);
  return k;
}

/* ---- text ------------------------------------------------------------------------------------ */

/* The indices of a list from its point number. */
static void put_axes(packing *k, const contract_indices *list, const char *number) {
  cuda_axis *axis = k->frame.axis + k->frame.naxis;
  for (int i = list->n - 1; i >= 0; i--) {
    const char *n = cuda_args_number(k->args, list->index[i]->extent, k->frame.wide);
    axis[i] = (cuda_axis){.index = list->index[i],
                          .text = base_format(k->c->bind->arena, "i%d", k->frame.naxis + i)};
    if (i == 0)
      base_putf(&k->text, "  const idx %s = (idx)%s;\n", axis[i].text, number);
    else
      base_putf(&k->text, "  const idx %s = (idx)(%s %% %s);\n  %s /= %s;\n", axis[i].text, number,
                n, number, n);
  }
  k->frame.naxis += list->n;
}

static void put_copy(packing *k, const contract_factor *f, const char *room, const char *pitch) {
  device_bind *bind = k->c->bind;
  const char *type = ir_type_name(f->type);
  kernel_code *code = kernel_code_open(bind->arena, bind->program);
  code->guards = 1; /* positions outside are asked for: they read as 0 */
  int value = kernel_code_value(code, f->read);
  cuda_emit *e = cuda_emit_open(bind, code, k->args, &k->frame);
  cuda_emit_values(e, &k->text, 1, &value);
  base_putf(&k->text, "  uint16_t *to = (uint16_t *)%s + to_line * %s + to_x;\n", room, pitch);
  if (k->lanes == 1)
    base_putf(&k->text, "  put_%s(to, %s);\n", type, cuda_emit_ref(e, value, CUDA_ONE));
  else
    base_putf(&k->text, "  float out[8];\n  EACH(l, 8) out[l] = %s;\n  store_%s<8, 8>(to, out);\n",
              cuda_emit_ref(e, value, CUDA_LANE), type);
}

static base_text source_of(packing *k, const contract_factor *f, int64_t room) {
  const char *lines = cuda_args_fixed(k->args, k->outer.count, true);
  const char *along = cuda_args_fixed(k->args, k->line.count, true);
  const char *pitch = cuda_args_fixed(k->args, k->pitch, true);
  base_text source = cuda_emit_source(k->c->bind, k->frame.wide);
  put_axes(k, &k->outer, "line");
  put_axes(k, &k->line, "x");
  put_copy(k, f, cuda_args_room(k->args, CUDA_SCRATCH, room), pitch);
  cuda_args_declare(k->args, &source, "pack_args");
  base_putf(
      &source,
      "template <bool FULL> FN void pack(const pack_args &a, int64_t line, int64_t x, int valid) "
      "{\n"
      "  const int64_t to_line = line, to_x = x;\n%s}\n"
      "extern \"C\" __global__ void __launch_bounds__(%d)\n"
      "    contract_pack(const __grid_constant__ pack_args a) {\n"
      "  ptx_allow_next();\n  ptx_wait_for_previous();\n"
      "  const int64_t x = (blockIdx.x * %d + (int64_t)threadIdx.x) * %d;\n"
      "  if (x >= %s) return;\n"
      "  for (int64_t line = blockIdx.y; line < %s; line += gridDim.y)\n"
      "    if (x + %d <= %s) pack<true>(a, line, x, %d);\n"
      "    else pack<false>(a, line, x, (int)(%s - x));\n}\n",
      k->text.at, PACK_BLOCK, PACK_BLOCK, k->lanes, along, lines, k->lanes, along, k->lanes, along);
  return source;
}

/* ---- the copy in place of the factor --------------------------------------------------------- */

static void now_lies(const packing *k, contract_factor *f, bool by_rows, int64_t room) {
  const contract *c = k->c;
  int64_t step = k->pitch;
  f->why = NULL;
  f->early = false;
  f->at = (cuda_place){.tensor = CUDA_SCRATCH, .offset = room};
  f->row = (contract_axis){.extent = f->row.extent, .step = by_rows ? 1 : step, .one = true};
  f->k = (contract_axis){.extent = f->k.extent, .step = by_rows ? step : 1, .one = true};
  step *= by_rows ? f->k.extent : f->row.extent;
  for (int i = c->batch.n - 1; i >= 0; i--) {
    bool moves = ir_mentions(f->read, c->batch.index[i]);
    f->batch[i] = moves ? step : 0;
    if (moves) step *= ir_eval_size(c->batch.index[i]->extent, c->bind->symbols);
  }
}

void contract_pack(const contract *c, contract_factor *f, bool is_a, bool by_rows, cuda_launch *l,
                   int stage) {
  packing k = packing_of(c, f, is_a, by_rows);
  int64_t room = cuda_reserve(l, CUDA_SCRATCH, (size_t)(k.outer.count * k.pitch) * 2 + 16);
  base_text source = source_of(&k, f, room);
  cuda_stage *s = &l->stage[stage];
  s->kernel = cuda_compile(c->bind, "contract_pack", &source, NULL);
  int64_t across = (k.line.count + k.lanes * PACK_BLOCK - 1) / (k.lanes * PACK_BLOCK);
  s->grid[0] = (unsigned)across;
  s->grid[1] = (unsigned)(k.outer.count < PACK_LINES ? k.outer.count : PACK_LINES);
  s->block = PACK_BLOCK;
  s->overlap = true;
  cuda_struct_open(l, stage);
  cuda_args_pass(k.args, l, stage);
  cuda_struct_close(l, stage);
  now_lies(&k, f, by_rows, room);
}
