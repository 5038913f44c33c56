/* nest: running. Nothing here allocates or raises. */
#include "device/cpu/nest.h"

#include <math.h>
#include <string.h>

#include "device/cpu/cpu.h"

/* ---- cursors --------------------------------------------------------------------------------- */

static int64_t start_of(const cpu_nest *nest, const cpu_worker *worker, int chunk,
                        const cpu_cursor *c) {
  int64_t at = c->offset;
  if (nest->scan >= 0) at += nest->scan_at * c->step[nest->scan];
  if (c->late) at += c->scale * ir_eval_size(c->late, nest->symbols);
  if (c->source >= 0) return (int64_t)(intptr_t)nest->data[c->source] + at;
  if (c->source == CPU_LOCAL) return (int64_t)(intptr_t)worker->local + at;
  if (c->source == CPU_BLOCK) return (int64_t)(intptr_t)worker->block + at;
  if (c->source == CPU_CHUNK)
    return (int64_t)(intptr_t)nest->chunk + chunk * nest->chunk_bytes + at;
  return at;
}

/* How a cursor moves with loop D of the frame. A worker's scratch is the same for every unit of
 * strips. */
int64_t cpu_level_step(const cpu_nest *nest, const cpu_cursor *c, int d) {
  if (c->source == CPU_DERIVED || (c->source == CPU_LOCAL && nest->strips)) return 0;
  return c->step[nest->level[d].axis] * (nest->strips && d == nest->nlevel - 1 ? nest->strip : 1);
}

/* The cursors at a unit, and where that is. */
static void go_to(cpu_nest *nest, cpu_worker *worker, int chunk, int64_t unit, int64_t *where) {
  for (int d = nest->nlevel - 1; d >= 0; d--) {
    where[d] = unit % nest->level[d].extent;
    unit /= nest->level[d].extent;
  }
  for (int i = 0; i < nest->cursor.n; i++) {
    const cpu_cursor *c = &nest->cursor.at[i];
    worker->home[i] = start_of(nest, worker, chunk, c);
    for (int d = 0; d < nest->nlevel && c->source != CPU_BLOCK; d++)
      worker->home[i] += where[d] * cpu_level_step(nest, c, d);
  }
}

/* ---- units ----------------------------------------------------------------------------------- */

static void move(int64_t *cursor, const int64_t *by, int n) {
  for (int i = 0; i < n; i++) cursor[i] += by[i];
}

/* Take a step in loops [from, to), from the innermost; false when all have come round and stand at
 * their start. */
static bool step_loops(const cpu_nest *nest, const cpu_pass *pass, int from, int to, int64_t *where,
                       int64_t *cursor) {
  for (int d = to - 1; d >= from; d--) {
    if (++where[d] < pass->loop[d].extent) {
      move(cursor, pass->turn[d], nest->cursor.n);
      return true;
    }
    where[d] = 0;
  }
  return false;
}

static bool empty(const cpu_pass *pass, int from, int to) {
  for (int d = from; d < to; d++)
    if (pass->loop[d].extent == 0) return true;
  return false;
}

static void run_loops(const cpu_nest *nest, const cpu_pass *pass, cpu_worker *worker,
                      vm_frame *frame, int64_t n) {
  int64_t where[64] = {0}, *outer = worker->work, *inner = worker->work + nest->cursor.n;
  int64_t ends = pass->along ? 1 : n;
  bool nothing = empty(pass, pass->nouter, pass->nloop) || n == 0;
  size_t bytes = sizeof *outer * (size_t)nest->cursor.n;
  if (empty(pass, 0, pass->nouter)) return;
  memcpy(outer, worker->home, bytes);
  do {
    frame->cursor = outer;
    if (pass->start.tile) nest->vm->run(&pass->start, frame, ends);
    if (!nothing) {
      memcpy(inner, outer, bytes);
      frame->cursor = inner;
      do nest->vm->run(&pass->body, frame, n);
      while (step_loops(nest, pass, pass->nouter, pass->nloop, where, inner));
    }
    frame->cursor = outer;
    if (pass->finish.tile) nest->vm->run(&pass->finish, frame, ends);
  } while (step_loops(nest, pass, 0, pass->nouter, where, outer));
}

static void run_pass(const cpu_nest *nest, const cpu_pass *pass, cpu_worker *worker, int64_t n) {
  vm_frame *frame = worker->frame;
  if (pass->nloop > 0) {
    run_loops(nest, pass, worker, frame, n);
    return;
  }
  frame->cursor = worker->home;
  if (pass->start.tile) nest->vm->run(&pass->start, frame, pass->along ? 1 : n);
  nest->vm->run(&pass->body, frame, n);
  if (pass->finish.tile) nest->vm->run(&pass->finish, frame, pass->along ? 1 : n);
}

static void run_unit(const cpu_nest *nest, cpu_worker *worker, int64_t strip) {
  if (nest->unit.line) {
    worker->frame->cursor = worker->home;
    nest->vm->run(&nest->unit, worker->frame, 0);
    return;
  }
  for (int k = 0; k < nest->npass; k++) {
    int64_t n = nest->pass[k]->n;
    if (nest->strips)
      n = n - strip * nest->strip < nest->strip ? n - strip * nest->strip : nest->strip;
    run_pass(nest, nest->pass[k], worker, n);
  }
}

/* A scan runs through its steps at each unit: what it reads of the step before was made there. */
static void run_steps(const cpu_nest *nest, cpu_worker *worker, int64_t strip) {
  if (nest->scan_steps == 0) return;
  run_unit(nest, worker, strip);
  if (nest->scan_steps == 1) return;
  for (int64_t t = 1; t < nest->scan_steps; t++) {
    for (int i = 0; i < nest->cursor.n; i++) worker->home[i] += nest->scan_by * nest->scan_turn[i];
    run_unit(nest, worker, strip);
  }
  int64_t back = -nest->scan_by * (nest->scan_steps - 1);
  for (int i = 0; i < nest->cursor.n; i++) worker->home[i] += back * nest->scan_turn[i];
}

static void step_frame(const cpu_nest *nest, int64_t *where, int64_t *cursor) {
  for (int d = nest->nlevel - 1; d >= 0; d--) {
    if (++where[d] < nest->level[d].extent) {
      move(cursor, nest->turn[d], nest->cursor.n);
      return;
    }
    where[d] = 0;
  }
}

/* ---- partial results ------------------------------------------------------------------------- */

#define REAL_JOIN(T, name)                                                               \
  static void name(ir_agg agg, T *a, const T *b, int64_t n) {                            \
    for (int64_t i = 0; i < n; i++)                                                      \
      a[i] = agg == IR_SUM                                                 ? a[i] + b[i] \
             : agg == IR_PROD                                              ? a[i] * b[i] \
             : a[i] != a[i]                                                ? a[i]        \
             : b[i] != b[i] || (agg == IR_MAX ? b[i] > a[i] : b[i] < a[i]) ? b[i]        \
                                                                           : a[i];       \
  }
REAL_JOIN(float, join_f32)
REAL_JOIN(double, join_f64)

static void join_i64(ir_agg agg, int64_t *a, const int64_t *b, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    a[i] = agg == IR_SUM    ? (int64_t)((uint64_t)a[i] + (uint64_t)b[i])
           : agg == IR_PROD ? (int64_t)((uint64_t)a[i] * (uint64_t)b[i])
           : (agg == IR_MAX ? b[i] > a[i] : b[i] < a[i]) ? b[i]
                                                         : a[i];
}

/* Truth values are carried as 0 and 1. */
static ir_agg agg_of(const cpu_partial *p) {
  ir_agg agg = p->eq->eq->agg;
  if (p->eq->eq->body->type != IR_BOOL) return agg;
  return agg == IR_PROD || agg == IR_MIN ? IR_MIN : IR_MAX;
}

static void fill(const cpu_partial *p, char *memory) {
  ir_agg agg = agg_of(p);
  double real = agg == IR_MAX ? -INFINITY : agg == IR_MIN ? INFINITY : agg == IR_PROD;
  int64_t whole = agg == IR_MAX ? INT64_MIN : agg == IR_MIN ? INT64_MAX : agg == IR_PROD;
  if (p->eq->eq->body->type == IR_BOOL) whole = agg == IR_MIN;
  for (int64_t i = 0; i < p->count; i++) switch (p->eq->eq->body->type) {
    case IR_F32: ((float *)(void *)memory)[i] = (float)real; break;
    case IR_F64: ((double *)(void *)memory)[i] = real; break;
    default: ((int64_t *)(void *)memory)[i] = whole;
    }
}

static void join(const cpu_partial *p, char *a, const char *b) {
  switch (p->eq->eq->body->type) {
  case IR_F32:
    join_f32(agg_of(p), (float *)(void *)a, (const float *)(const void *)b, p->count);
    return;
  case IR_F64:
    join_f64(agg_of(p), (double *)(void *)a, (const double *)(const void *)b, p->count);
    return;
  default: join_i64(agg_of(p), (int64_t *)(void *)a, (const int64_t *)(const void *)b, p->count);
  }
}

static ir_value partial_value(const cpu_partial *p, const char *from) {
  ir_type type = (ir_type)p->eq->eq->body->type;
  if (type == IR_F32) return (ir_value){IR_F32, {.f = *(const float *)(const void *)from}};
  if (type == IR_F64) return (ir_value){IR_F64, {.f = *(const double *)(const void *)from}};
  return (ir_value){type, {.i = *(const int64_t *)(const void *)from}};
}

/* Store the joined result: over the equation's free axes, from the chunk's memory to the tensor's.
 */
static void store(const cpu_nest *nest, const cpu_partial *p) {
  const ir_eq *eq = p->eq->eq;
  const cpu_cursor *c = &p->to;
  int64_t where[64] = {0};
  int axis[64], n = eq->nfree;
  int64_t from = (int64_t)(intptr_t)(nest->chunk + p->offset),
          to = start_of(nest, nest->worker, 0, c);
  for (int i = 0; i < n; i++) {
    axis[i] = cpu_nest_axis(nest, eq->free[i]);
    if (nest->extent[axis[i]] == 0) return;
  }
  for (;;) {
    device_store_value(p->type, (void *)(intptr_t)to, 0,
                       partial_value(p, (const char *)(intptr_t)from));
    int d = n - 1;
    for (; d >= 0; d--) {
      from += p->step[axis[d]];
      to += c->step[axis[d]];
      if (++where[d] < nest->extent[axis[d]]) break;
      from -= p->step[axis[d]] * where[d];
      to -= c->step[axis[d]] * where[d];
      where[d] = 0;
    }
    if (d < 0) return;
  }
}

/* ---- tiles ----------------------------------------------------------------------------------- */

/* Cursors moved to point AT, counted over N levels from FIRST on. */
static void move_to(const cpu_nest *nest, int64_t *cursor, int first, int n, int64_t at,
                    int64_t *where) {
  for (int d = first + n - 1; d >= first; d--) {
    where[d] = d == first ? at : at % nest->level[d].extent;
    at = d == first ? 0 : at / nest->level[d].extent;
    for (int i = 0; i < nest->cursor.n && where[d]; i++)
      cursor[i] += where[d] * cpu_level_step(nest, &nest->cursor.at[i], d);
  }
}

/* One row: runs of the vector axis, each at the next point of the other indices of n. */
static void tile_row(const cpu_nest *nest, vm_frame *frame, const int64_t *row, int64_t *cursor,
                     int64_t n0, int64_t nc, int64_t c, int64_t size) {
  const cpu_pass *pass = nest->pass[0];
  int first = nest->ntile[0] + nest->ntile[1], last = nest->nlevel - 1;
  int64_t line = nest->level[last].extent, where[64];
  frame->cursor = cursor;
  for (int64_t j = 0; j < nc;) {
    int64_t left = line - (n0 + j) % line, n = nc - j < left ? nc - j : left;
    memcpy(cursor, row, sizeof *cursor * (size_t)nest->cursor.n);
    move_to(nest, cursor, first, nest->ntile[2], n0 + j, where);
    for (int i = 0; i < nest->cursor.n; i++)
      if (nest->cursor.at[i].source == CPU_LOCAL) cursor[i] = c + j * size;
    nest->vm->run(&pass->body, frame, n);
    j += n;
  }
}

void cpu_nest_tile(cpu_nest *nest, int w, int64_t batch, int64_t m0, int64_t n0, int mc, int nc,
                   char *c, int64_t ldc) {
  cpu_worker *worker = &nest->worker[w];
  const cpu_pass *pass = nest->pass[0];
  vm_frame *frame = worker->frame;
  int first = nest->ntile[0], end = first + nest->ntile[1], ncursor = nest->cursor.n;
  int64_t where[64] = {0}, *row = worker->home, line = nest->level[nest->nlevel - 1].extent;
  bool one_run = nest->ntile[2] == 1 || n0 / line == (n0 + nc - 1) / line;
  memcpy(row, nest->base, sizeof *row * (size_t)ncursor);
  move_to(nest, row, 0, nest->ntile[0], batch, where);
  move_to(nest, row, first, nest->ntile[1], m0, where);
  if (one_run) move_to(nest, row, end, nest->ntile[2], n0, where + 32);
  for (int r = 0; r < mc; r++) {
    if (one_run) {
      for (int i = 0; i < ncursor; i++)
        if (nest->cursor.at[i].source == CPU_LOCAL) row[i] = (int64_t)(intptr_t)c + r * ldc;
      frame->cursor = row;
      nest->vm->run(&pass->body, frame, nc);
    } else {
      tile_row(nest, frame, row, worker->work, n0, nc, (int64_t)(intptr_t)c + r * ldc,
               nest->tile_bytes);
    }
    for (int d = end - 1; d >= first; d--) {
      if (d == first || where[d] + 1 < nest->level[d].extent) {
        where[d]++;
        move(row, nest->turn[d], ncursor);
        break;
      }
      where[d] = 0;
    }
  }
}

void cpu_nest_rows(cpu_nest *nest, int w, int64_t from, int64_t to, char *block) {
  cpu_worker *worker = &nest->worker[w];
  int64_t where[64];
  worker->block = block;
  go_to(nest, worker, 0, from, where);
  for (int64_t unit = from; unit < to; unit++) {
    run_unit(nest, worker, 0);
    step_frame(nest, where, worker->home);
  }
}

/* ---- a run ----------------------------------------------------------------------------------- */

void cpu_nest_begin(cpu_nest *nest, void *const *data, const int64_t *symbols) {
  nest->data = data;
  nest->symbols = symbols;
  for (int i = 0; nest->base && i < nest->cursor.n; i++)
    nest->base[i] = start_of(nest, nest->worker, 0, &nest->cursor.at[i]);
}

void cpu_nest_share(cpu_nest *nest, int w) {
  cpu_worker *worker = &nest->worker[w];
  int64_t where[64];
  if (w >= nest->nworker) return;
  int from = nest->nchunk * w / nest->nworker, to = nest->nchunk * (w + 1) / nest->nworker;
  for (int chunk = from; chunk < to; chunk++) {
    int64_t unit = nest->units * chunk / nest->nchunk,
            end = nest->units * (chunk + 1) / nest->nchunk;
    for (int i = 0; i < nest->npartial; i++)
      fill(&nest->partial[i], nest->chunk + chunk * nest->chunk_bytes + nest->partial[i].offset);
    if (unit == end) continue;
    go_to(nest, worker, chunk, unit, where);
    for (; unit < end; unit++) {
      run_steps(nest, worker, nest->strips ? where[nest->nlevel - 1] : 0);
      step_frame(nest, where, worker->home);
    }
  }
  if (nest->streams) nest->vm->fence();
}

void cpu_nest_end(cpu_nest *nest) {
  for (int i = 0; i < nest->npartial; i++) {
    const cpu_partial *p = &nest->partial[i];
    for (int chunk = 1; chunk < nest->nchunk; chunk++)
      join(p, nest->chunk + p->offset, nest->chunk + chunk * nest->chunk_bytes + p->offset);
    store(nest, p);
  }
}

static void share(void *arg, int worker) { cpu_nest_share(arg, worker); }

void cpu_nest_run(cpu_nest *nest, void *const *data, const int64_t *symbols) {
  cpu_nest_begin(nest, data, symbols);
  if (nest->nworker == 1)
    cpu_nest_share(nest, 0);
  else
    base_parallel(nest->bind->device->threads, nest->nworker, share, nest);
  cpu_nest_end(nest);
}
