/* nest: from the plan to programs, loops and workers. */
#include "device/cpu/nest.h"

#include <string.h>

#include "device/cpu/cpu.h"
#include "device/cpu/emit.h"
#include "device/cpu/plan.h"

enum { UNIT_TILES = 16 }; /* a unit's program may be so long */

static uint64_t bit(int axis) { return (uint64_t)1 << axis; }

/* ---- programs -------------------------------------------------------------------------------- */

typedef struct programs {
  plan *plan;
  cpu_nest *nest;
  cpu_pass *pass;
  cpu_emit *start, *body, *finish;
} programs;

static int home_cursor(const programs *g, const cpu_home *home) {
  cpu_cursor c = cpu_home_cursor(g->nest, home);
  return cpu_pass_cursor(g->nest, g->pass, &c);
}

/* What becomes of a finished reduction. */
static void put(const programs *g, cpu_emit *e, const plan_eq *q, int output) {
  int64_t step;
  const cpu_home *home = g->nest->home[q->eq->eq->head->id];
  if (home && home->source == CPU_SCALAR) {
    cpu_emit_put_scalar(e, -1, (int)home->offset);
    return;
  }
  int cursor = cpu_emit_place(e, g->body->code->outputs.at[output].access, &step);
  cpu_emit_put(e, (ir_type)q->eq->eq->body->type, cpu_stored_type(g->nest, q->eq->eq->head), cursor,
               step);
}

/* Results of a chunk, for all points of the free axes, the vector axis innermost. */
static int chunk_cursor(programs *g, const plan_eq *q, int output) {
  cpu_nest *nest = g->nest;
  int64_t size = q->eq->eq->body->type == IR_F32 ? 4 : 8, stride = size;
  cpu_cursor c = {.source = CPU_CHUNK, .offset = nest->chunk_bytes};
  c.step = BASE_NEWS(nest->arena, int64_t, CPU_AXES);
  int v = g->pass->v;
  if (v >= 0 && (q->free & bit(v))) {
    c.step[v] = stride;
    stride *= nest->extent[v];
  }
  for (int i = nest->naxis - 1; i >= 0; i--) {
    if (i == v || !(q->free & bit(i))) continue;
    c.step[i] = stride;
    stride *= nest->extent[i];
  }
  cpu_partial *p = &nest->partial[nest->npartial++];
  *p = (cpu_partial){
      .eq = q->eq, .offset = nest->chunk_bytes, .count = stride / size, .step = c.step};
  p->to = cpu_access_cursor(nest, g->body->code->outputs.at[output].access,
                            nest->home[q->eq->eq->head->id]);
  p->type = cpu_stored_type(nest, q->eq->eq->head);
  nest->chunk_bytes += (stride + 63) & ~(int64_t)63;
  return cpu_pass_cursor(nest, g->pass, &c);
}

static bool has_output(const programs *g, const plan_eq *q) {
  return q->eq->level == KERNEL_GLOBAL || g->nest->home[q->eq->eq->head->id];
}

static void emit_map(const programs *g, const plan_eq *q, int output) {
  const kernel_output *o = &g->body->code->outputs.at[output];
  int64_t step;
  if (q->given && q->eq->level == KERNEL_GLOBAL) {
    cpu_cursor c = cpu_access_cursor(g->nest, o->access, NULL);
    step = g->pass->v >= 0 ? c.step[g->pass->v] : 0;
    cpu_emit_store(g->body, o->value, q->eq->eq->head->type, cpu_pass_cursor(g->nest, g->pass, &c),
                   step);
  }
  if (q->given || !has_output(g, q)) return;
  const cpu_home *home = g->nest->home[q->eq->eq->head->id];
  if (home && home->source == CPU_SCALAR) {
    cpu_emit_put_scalar(g->body, o->value, (int)home->offset);
    return;
  }
  int cursor = cpu_emit_place(g->body, o->access, &step);
  cpu_emit_store(g->body, o->value, cpu_stored_type(g->nest, q->eq->eq->head), cursor, step);
}

static void emit_lanes(programs *g, const plan_eq *q, int output) {
  ir_agg agg = q->eq->eq->agg;
  ir_type computed = (ir_type)q->eq->eq->body->type;
  int value = g->body->code->outputs.at[output].value;
  bool one_tile = computed == IR_F32 && g->pass->nloop == 0 && g->pass->n > 0 &&
                  g->pass->n <= VM_TILE && !g->nest->strips; /* of nothing, no tile is run */
  if (one_tile) {
    const cpu_home *home = g->nest->home[q->eq->eq->head->id];
    bool kept = home && home->source == CPU_SCALAR && !q->partial;
    int scalar = cpu_emit_reduce_short(g->body, value, agg, kept ? (int)home->offset : -1);
    if (kept) return;
    cpu_emit_load_scalar(g->finish, scalar);
  } else {
    int accumulator = cpu_emit_reduce(g->body, value, agg);
    cpu_emit_neutral(g->start, agg, computed, accumulator);
    cpu_emit_fold(g->finish, agg, computed, accumulator);
  }
  if (q->partial)
    cpu_emit_join(g->finish, agg, computed, chunk_cursor(g, q, output));
  else if (has_output(g, q))
    put(g, g->finish, q, output);
}

/* Accumulators in memory: those of the tensor itself where they have its type and lie side by side.
 */
static void emit_memory(programs *g, const plan_eq *q, int output) {
  const kernel_output *o = &g->body->code->outputs.at[output];
  const ir_tensor *head = q->eq->eq->head;
  ir_agg agg = q->eq->eq->agg;
  ir_type computed = (ir_type)q->eq->eq->body->type;
  ir_type stored = cpu_stored_type(g->nest, head);
  int64_t step;
  if (g->plan->scatter) {
    cpu_emit_scatter(g->body, o->value, agg, o->access);
    return;
  }
  if (q->partial) {
    cpu_emit_accumulate(g->body, o->value, agg, chunk_cursor(g, q, output));
    return;
  }
  if (!has_output(g, q)) return;
  int cursor = cpu_emit_place(g->body, o->access, &step);
  bool own = computed == stored && computed != IR_BOOL && step == (int64_t)ir_type_bytes(stored);
  if (!own) cursor = home_cursor(g, plan_scratch(g->plan, q));
  cpu_emit_neutral_strip(g->start, agg, computed, cursor);
  cpu_emit_accumulate(g->body, o->value, agg, cursor);
  if (own) return;
  cpu_emit_load(g->finish, computed, cursor);
  put(g, g->finish, q, output);
}

/* ---- loops ----------------------------------------------------------------------------------- */

static bool joins(const cpu_nest *nest, const cpu_pass *pass, int outer, int inner, int64_t extent,
                  bool frame) {
  for (int i = 0; i < pass->cursor.n; i++) {
    const cpu_cursor *c = &nest->cursor.at[pass->cursor.at[i]];
    if (c->source == CPU_DERIVED || (c->source == CPU_LOCAL && frame)) continue;
    if (c->step[outer] != c->step[inner] * extent) return false;
  }
  return true;
}

/* Drop loops of one round, merge each with the next inner one where every cursor agrees. */
static int merge(const cpu_nest *nest, cpu_pass *const *pass, int npass, cpu_level *level, int n,
                 bool frame) {
  int kept = 0;
  for (int i = 0; i < n; i++) {
    if (level[i].extent == 1) continue;
    bool all = kept > 0;
    for (int k = 0; k < npass && all; k++)
      all = joins(nest, pass[k], level[kept - 1].axis, level[i].axis, level[i].extent, frame);
    if (all)
      level[kept - 1] = (cpu_level){level[i].axis, level[kept - 1].extent * level[i].extent};
    else
      level[kept++] = level[i];
  }
  return kept;
}

static void merge_pass(cpu_nest *nest, cpu_pass *pass) {
  int nred = merge(nest, &pass, 1, pass->loop + pass->nouter, pass->nloop - pass->nouter, false);
  int nouter = merge(nest, &pass, 1, pass->loop, pass->nouter, false);
  memmove(pass->loop + nouter, pass->loop + pass->nouter, sizeof *pass->loop * (size_t)nred);
  pass->nouter = nouter;
  pass->nloop = nouter + nred;
  bool inner_red = pass->reduces && pass->along;
  if (nest->strips || pass->v < 0 || pass->nloop == 0 || (inner_red ? nred == 0 : nred > 0)) return;
  const cpu_level *last = &pass->loop[pass->nloop - 1];
  if (!joins(nest, pass, last->axis, pass->v, pass->n, false)) return;
  pass->n *= last->extent;
  pass->nloop--;
  if (nred == 0) pass->nouter--;
}

static void add_loops(cpu_nest *nest, cpu_pass *pass, uint64_t set) {
  for (int i = nest->nframe; i < nest->naxis; i++)
    if ((set & bit(i)) && i != pass->v) pass->loop[pass->nloop++] = (cpu_level){i, nest->extent[i]};
}

static void emit_pass(plan *p, cpu_pass *pass, int k) {
  cpu_nest *nest = p->nest;
  const plan_pass *shape = &p->pass[k];
  programs g = {.plan = p, .nest = nest, .pass = pass};
  kernel_code *code = kernel_code_open(nest->arena, nest->bind->program);
  pass->v = shape->v;
  pass->n = pass->v >= 0 ? nest->extent[pass->v] : 1;
  pass->reduces = shape->reduces;
  pass->along = shape->along;
  pass->loop = BASE_NEWS(nest->arena, cpu_level, nest->naxis + 1);
  add_loops(nest, pass, shape->inner & ~shape->red);
  pass->nouter = pass->nloop;
  add_loops(nest, pass, shape->red);
  for (int i = 0; i < p->neq; i++)
    if (p->eq[i].pass == k)
      (p->eq[i].given ? kernel_code_add_given : kernel_code_add)(code, p->eq[i].eq);
  g.start = cpu_emit_open(nest, pass, NULL);
  g.body = cpu_emit_open(nest, pass, code);
  g.finish = cpu_emit_open(nest, pass, NULL);
  for (int i = 0, output = 0; i < p->neq; i++) {
    const plan_eq *q = &p->eq[i];
    if (q->pass != k) continue;
    bool lanes = pass->v < 0 || (q->red & bit(pass->v));
    if (p->scatter || (q->red && !lanes))
      emit_memory(&g, q, output);
    else if (q->red)
      emit_lanes(&g, q, output);
    else
      emit_map(&g, q, output);
    output++;
  }
  merge_pass(nest, pass);
  if (pass->nloop == 0 && pass->along) {
    pass->body = cpu_emit_close_all(g.start, g.body, g.finish);
    return;
  }
  pass->start = cpu_emit_close(g.start);
  pass->body = cpu_emit_close(g.body);
  pass->finish = cpu_emit_close(g.finish);
}

/* Frame axes outside, the strips of the vector axis innermost. */
static void frame_levels(cpu_nest *nest, int v, int workers) {
  nest->level = BASE_NEWS(nest->arena, cpu_level, nest->nframe + 2);
  for (int i = 0; i < nest->nframe; i++)
    if (i != v || !nest->strips) nest->level[nest->nlevel++] = (cpu_level){i, nest->extent[i]};
  if (nest->strips) nest->level[nest->nlevel++] = (cpu_level){v, nest->extent[v]};
  nest->nlevel = merge(nest, nest->pass, nest->npass, nest->level, nest->nlevel, nest->strips);
  if (!nest->strips) return;
  if (nest->nlevel == 0 || nest->level[nest->nlevel - 1].axis != v)
    nest->level[nest->nlevel++] = (cpu_level){v, 1};
  cpu_level *last = &nest->level[nest->nlevel - 1];
  int64_t n = last->extent, lines = 1,
          most = nest->npass > 1 || nest->pass[0]->nloop > 0 || nest->local_bytes || nest->scan >= 0
                     ? PLAN_STRIP
                     : n;
  for (int i = 0; i < nest->nlevel - 1; i++) lines *= nest->level[i].extent;
  int64_t parts = lines >= 4 * workers ? 1 : lines == 1 ? workers : 2 * workers;
  nest->strip = ((n + parts - 1) / parts + VM_TILE - 1) & ~(int64_t)(VM_TILE - 1);
  if (nest->strip > most) nest->strip = most;
  if (nest->strip < VM_TILE) nest->strip = VM_TILE;
  for (int k = 0; k < nest->npass; k++) nest->pass[k]->n = n;
  last->extent = (n + nest->strip - 1) / nest->strip;
}

/* Batch, m and n are numbered apart: loops are merged within each only. */
static void tile_levels(cpu_nest *nest, const int *ntile) {
  nest->level = BASE_NEWS(nest->arena, cpu_level, nest->nframe + 2);
  for (int g = 0, from = 0; g < 3; from += ntile[g++]) {
    cpu_level *level = nest->level + nest->nlevel;
    for (int i = 0; i < ntile[g]; i++) level[i] = (cpu_level){from + i, nest->extent[from + i]};
    nest->ntile[g] = merge(nest, nest->pass, nest->npass, level, ntile[g], true);
    bool vector =
        g == 2 && (nest->ntile[g] == 0 || level[nest->ntile[g] - 1].axis != nest->nframe - 1);
    if (vector) level[nest->ntile[g]++] = (cpu_level){nest->nframe - 1, 1};
    nest->nlevel += nest->ntile[g];
  }
  nest->strip = 1;
  nest->base = BASE_NEWS(nest->arena, int64_t, nest->cursor.n + 1);
}

/* What each cursor moves by when loop d of [from, to) takes a step and those inside begin again.
 * PASS NULL: of the frame's loops. */
static int64_t **turns(cpu_nest *nest, const cpu_pass *pass, int from, int to) {
  int n = nest->cursor.n;
  const cpu_level *level = pass ? pass->loop : nest->level;
  int64_t **turn = BASE_NEWS(nest->arena, int64_t *, to + 1),
          *back = BASE_NEWS(nest->arena, int64_t, n + 1);
  for (int d = to - 1; d >= from; d--) {
    turn[d] = BASE_NEWS(nest->arena, int64_t, n + 1);
    for (int i = 0; i < n; i++) {
      const cpu_cursor *c = &nest->cursor.at[i];
      int64_t step = pass ? c->step[level[d].axis] : cpu_level_step(nest, c, d);
      turn[d][i] = step - back[i];
      back[i] += step * (level[d].extent - 1);
    }
  }
  return turn;
}

/* ---- workers --------------------------------------------------------------------------------- */

static void *aligned(base_arena *arena, size_t bytes) {
  char *p = base_alloc(arena, bytes + 192);
  return (void *)(((uintptr_t)p + 63) & ~(uintptr_t)63);
}

static vm_frame *make_frame(cpu_nest *nest) {
  const cpu_pool *pool = &nest->pool;
  vm_frame *frame = aligned(nest->arena, sizeof *frame);
  frame->scalar = aligned(nest->arena, sizeof *frame->scalar * (size_t)pool->scalars);
  frame->slot = aligned(nest->arena, sizeof *frame->slot * (size_t)pool->slots);
  frame->wide = aligned(nest->arena, sizeof *frame->wide * (size_t)pool->wides);
  frame->mask = aligned(nest->arena, sizeof *frame->mask * (size_t)pool->masks);
  frame->range = aligned(nest->arena, sizeof *frame->range * (size_t)pool->ranges);
  frame->range[0] = (vm_range){INT64_MIN / 2, INT64_MAX / 2};
  for (int i = 0; i < pool->constant.n; i++) frame->scalar[i] = pool->constant.at[i];
  return frame;
}

static void make_workers(cpu_nest *nest) {
  size_t cursors = sizeof(int64_t) * (size_t)(nest->cursor.n + 1);
  nest->worker = BASE_NEWS(nest->arena, cpu_worker, nest->nworker);
  for (int w = 0; w < nest->nworker; w++) {
    cpu_worker *worker = &nest->worker[w];
    worker->home = aligned(nest->arena, cursors);
    worker->work = aligned(nest->arena, 2 * cursors);
    worker->frame = make_frame(nest);
    worker->local = aligned(nest->arena, (size_t)nest->local_bytes + 64);
  }
}

/* Large outputs that are not read again go past the cache, if their lines fill whole 64 bytes from
 * the first. */
static void choose_streams(cpu_nest *nest, const plan *p) {
  double points = 1;
  for (int i = 0; i < nest->nframe; i++) points *= (double)nest->extent[i];
  if (!nest->strips || points < 1 << 20 || nest->npass != 1 || nest->pass[0]->nloop > 0) return;
  cpu_pass *pass = nest->pass[0];
  for (int i = 0; i < nest->cursor.n; i++) {
    const cpu_cursor *c = &nest->cursor.at[i];
    bool whole = c->source >= 0 && c->offset % 64 == 0 && !c->late;
    for (int d = 0; d < nest->nlevel - 1; d++) whole &= c->step[nest->level[d].axis] % 64 == 0;
    for (int k = 0; k < p->neq; k++)
      whole &= p->eq[k].eq->eq->head->id != c->source || !p->eq[k].eq->eq->nred;
    if (!whole) continue;
    nest->streams |= cpu_emit_stream(nest, &pass->body, i);
  }
}

/* Short lines: what a unit does is one program. */
static void choose_unit(cpu_nest *nest) {
  int64_t tiles = 0;
  for (int k = 0; k < nest->npass; k++) {
    tiles += (nest->pass[k]->n + VM_TILE - 1) / VM_TILE;
    if (nest->pass[k]->nloop > 0 || !nest->pass[k]->body.tile) return;
    if (nest->pass[k]->start.tile || nest->pass[k]->finish.tile) return;
  }
  if (!nest->strips && tiles <= UNIT_TILES)
    nest->unit = cpu_emit_unit(nest, nest->npass, nest->pass);
}

static void count_units(cpu_nest *nest) {
  nest->units = 1;
  for (int d = 0; d < nest->nlevel; d++) nest->units *= nest->level[d].extent;
  if (nest->units < nest->nworker) nest->nworker = nest->units > 0 ? (int)nest->units : 1;
  if (nest->npartial == 0) {
    nest->nchunk = nest->nworker;
    return;
  }
  nest->nchunk =
      nest->units < CPU_CHUNKS ? (int)nest->units : CPU_CHUNKS; /* whatever the number of threads */
  if (nest->nchunk < 1) nest->nchunk = 1;
  if (nest->nworker > nest->nchunk) nest->nworker = nest->nchunk;
  nest->chunk = aligned(nest->arena, (size_t)nest->chunk_bytes * (size_t)nest->nchunk + 64);
}

static int workers_for(const cpu_nest *nest) {
  int most = cpu_threads(nest->bind->device);
  double worth = nest->cost / CPU_WORKER_COST;
  return worth < 2 ? 1 : worth < most ? (int)worth : most;
}

bool cpu_nest_is_thin(const cpu_nest *nest) {
  int threads = cpu_threads(nest->bind->device);
  bool reduces = false;
  for (int k = 0; k < nest->npass; k++) reduces |= nest->pass[k]->reduces;
  return reduces && threads > 1 && nest->npartial == 0 && nest->units < 4 * threads &&
         nest->cost > 10 * CPU_WORKER_COST;
}

cpu_nest *cpu_nest_make(device_bind *bind, const cpu_spec *spec, const char **why) {
  cpu_nest *nest = BASE_NEW(bind->arena, cpu_nest);
  *nest = (cpu_nest){.bind = bind, .arena = bind->arena, .vm = cpu_of(bind->device)->vm};
  nest->home = BASE_NEWS(nest->arena, cpu_home *, bind->program->tensors.n + 1);
  for (int i = 0; spec->home && i < bind->program->tensors.n; i++) nest->home[i] = spec->home[i];
  plan p = {.nest = nest};
  *why = plan_make(&p, spec);
  if (!*why && p.tiles && (p.npass != 1 || p.pass[0].inner || p.pass[0].partial))
    *why = "a reduction follows in the tile";
  for (int k = 0; k < p.npass && !*why && p.rows; k++)
    if (p.pass[k].partial) *why = "a result over the whole frame";
  if (*why) return NULL;
  nest->npass = p.npass;
  nest->pool.ranges = 1; /* the first is everything */
  nest->pass = BASE_NEWS(nest->arena, cpu_pass *, p.npass + 1);
  nest->partial = BASE_NEWS(nest->arena, cpu_partial, spec->neq + 1);
  for (int k = 0; k < p.npass; k++) {
    nest->pass[k] = BASE_NEW(nest->arena, cpu_pass);
    emit_pass(&p, nest->pass[k], k);
  }
  if (spec->steps) nest->cost *= (double)nest->extent[nest->scan];
  nest->nworker = workers_for(nest);
  if (p.tiles)
    tile_levels(nest, spec->ntile);
  else
    frame_levels(nest, p.v, nest->nworker);
  choose_unit(nest);
  bool by_rows = p.tiles;
  nest->turn = turns(nest, NULL, by_rows ? nest->ntile[0] : 0,
                     by_rows ? nest->ntile[0] + nest->ntile[1] : nest->nlevel);
  for (int k = 0; k < nest->npass; k++)
    nest->pass[k]->turn = turns(nest, nest->pass[k], 0, nest->pass[k]->nloop);
  nest->scan_steps = spec->steps ? nest->extent[nest->scan] : 1;
  nest->scan_at = spec->steps && spec->down ? nest->scan_steps - 1 : 0;
  nest->scan_by = spec->down ? -1 : 1;
  nest->scan_turn = BASE_NEWS(nest->arena, int64_t, nest->cursor.n + 1);
  for (int i = 0; i < nest->cursor.n && nest->scan >= 0; i++)
    nest->scan_turn[i] = nest->cursor.at[i].step[nest->scan];
  if (p.tiles || p.rows) {
    nest->nworker = cpu_threads(nest->bind->device);
  } else {
    choose_streams(nest, &p);
    count_units(nest);
  }
  make_workers(nest);
  return nest;
}
