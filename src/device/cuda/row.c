/* row: reductions along lines with what feeds and follows them. A line that fits the registers of a
 * group of threads is read once, and everything about it computed there, one launch for all depths.
 * Else each depth is a launch: a reduction that reads another's result stands one deeper. Either a
 * line is shared out among the threads of one block or many, or, where results lie side by side and
 * lines across, each thread has columns. Partial equations, which reduce over the frame, are
 * launches of their own with frame and line exchanged; they read what the others left. */
#include "device/cuda/row.h"

/* ---- depth ----------------------------------------------------------------------------------- */

typedef struct deepening {
  const row_job *job;
  int before, depth;
} deepening;

static void visit_read(void *arg, const ir_expr *e) {
  deepening *d = arg;
  if (e->op != IR_READ) return;
  for (int p = 0; p < d->before; p++) {
    if (row_eq(d->job, p)->head != e->u.tensor) continue;
    int depth = d->job->depth[p] + row_reduces(d->job, p);
    if (depth > d->depth) d->depth = depth;
  }
}

static void find_depths(row_job *job) {
  job->depth = BASE_NEWS(job->bind->arena, int, job->seg->neq + 1);
  for (int o = 0; o < job->seg->neq; o++) {
    deepening d = {.job = job, .before = o};
    ir_each(row_eq(job, o)->body, visit_read, &d);
    job->depth[o] = d.depth;
  }
}

/* ---- parts ----------------------------------------------------------------------------------- */

static bool has(int n, const ir_index *const *set, const ir_index *x) {
  for (int i = 0; i < n; i++)
    if (set[i] == x) return true;
  return false;
}

static row_part *new_part(const row_job *job) {
  base_arena *arena = job->bind->arena;
  const kernel_segment *seg = job->seg;
  row_part *part = BASE_NEW(arena, row_part);
  part->frame = BASE_NEWS(arena, const ir_index *, seg->nframe + seg->nline + 1);
  part->line = BASE_NEWS(arena, const ir_index *, seg->nframe + seg->nline + 1);
  part->red = BASE_NEWS(arena, int, seg->neq + 1);
  part->store = BASE_NEWS(arena, int, seg->neq + 1);
  part->finish = BASE_NEWS(arena, int, seg->neq + 1);
  return part;
}

/* The frame and line of an equation that reduces over others than the segment's line. */
static row_part *part_of(const row_job *job, const ir_eq *eq) {
  row_part *part = new_part(job);
  for (int i = 0; i < eq->nfree; i++) part->frame[part->nframe++] = eq->free[i];
  for (int i = 0; i < eq->nred; i++) part->line[part->nline++] = eq->red[i];
  return part;
}

static row_part *part_of_segment(const row_job *job) {
  const kernel_segment *seg = job->seg;
  row_part *part = new_part(job);
  for (int i = 0; i < seg->nframe; i++) part->frame[part->nframe++] = seg->frame[i];
  for (int i = 0; i < seg->nline; i++) part->line[part->nline++] = seg->line[i];
  return part;
}

static bool same_red(const ir_eq *a, const ir_eq *b) {
  if (a->nred != b->nred || a->nfree != b->nfree) return false;
  for (int i = 0; i < a->nred; i++)
    if (!has(b->nred, b->red, a->red[i])) return false;
  for (int i = 0; i < a->nfree; i++)
    if (!has(b->nfree, b->free, a->free[i])) return false;
  return true;
}

static bool is_partial(const row_job *job, int o) {
  return job->seg->eq[o].partial || (row_reduces(job, o) && job->seg->nline == 0);
}

static bool is_stored(const row_job *job, int o) { return job->seg->eq[o].level == KERNEL_GLOBAL; }

static bool along_line(const row_job *job, int o) {
  const ir_eq *eq = row_eq(job, o);
  for (int i = 0; i < eq->nfree; i++)
    if (has(job->seg->nline, job->seg->line, eq->free[i])) return true;
  return false;
}

/* ---- launches -------------------------------------------------------------------------------- */

static void run_part(row_job *job, row_part *part) {
  if (part->nred + part->nstore + part->nfinish == 0) return;
  if (row_prefers_columns(job, part))
    row_columns(job, part);
  else
    row_split(job, part);
}

/* Reductions along the line, and maps: at once, or depth by depth. */
static void run_lines(row_job *job, bool partials_follow) {
  row_part *all = part_of_segment(job);
  int depths = 0;
  for (int o = 0; o < job->seg->neq; o++) {
    if (is_partial(job, o)) continue;
    if (job->depth[o] + 1 > depths) depths = job->depth[o] + 1;
    if (row_reduces(job, o))
      all->red[all->nred++] = o;
    else if (is_stored(job, o)) {
      if (along_line(job, o))
        all->store[all->nstore++] = o;
      else
        all->finish[all->nfinish++] = o;
    }
  }
  bool once = row_fits_registers(job, all);
  for (int i = 0; i < all->nred && (partials_follow || !once); i++) {
    const ir_tensor *t = row_eq(job, all->red[i])->head;
    int64_t stride[64];
    if (is_stored(job, all->red[i])) continue;
    size_t bytes = (size_t)device_strides(t, job->bind->symbols, stride) *
                   ir_type_bytes(ir_type_computed(t->type));
    job->room[t->id] = 1 + cuda_reserve(job->launch, CUDA_SCRATCH, bytes + 16);
  }
  if (once) {
    row_registers(job, all);
    return;
  }
  for (int d = 0; d < depths; d++) {
    row_part *part = part_of_segment(job);
    for (int i = 0; i < all->nred; i++)
      if (job->depth[all->red[i]] == d) part->red[part->nred++] = all->red[i];
    for (int i = 0; i < all->nstore; i++)
      if (job->depth[all->store[i]] == d) part->store[part->nstore++] = all->store[i];
    for (int i = 0; i < all->nfinish; i++)
      if (job->depth[all->finish[i]] == d + 1 || (d == 0 && job->depth[all->finish[i]] == 0))
        part->finish[part->nfinish++] = all->finish[i];
    run_part(job, part);
  }
}

/* Partial equations, those with the same indices together; the first takes the maps over all of the
 * frame, where there are no lines. */
static void run_partials(row_job *job, bool maps) {
  for (int o = 0; o < job->seg->neq; o++) {
    bool first = is_partial(job, o);
    for (int p = 0; p < o && first; p++)
      first = !(is_partial(job, p) && same_red(row_eq(job, p), row_eq(job, o)));
    if (!first) continue;
    row_part *part = part_of(job, row_eq(job, o));
    for (int p = o; p < job->seg->neq; p++)
      if (is_partial(job, p) && same_red(row_eq(job, p), row_eq(job, o)))
        part->red[part->nred++] = p;
    for (int p = 0; p < job->seg->neq && maps; p++)
      if (!row_reduces(job, p) && is_stored(job, p)) part->store[part->nstore++] = p;
    maps = false;
    run_part(job, part);
  }
}

/* ---- all ------------------------------------------------------------------------------------- */

static bool empty(const row_job *job) {
  const kernel_segment *seg = job->seg;
  for (int i = 0; i < seg->nframe; i++)
    if (ir_eval_size(seg->frame[i]->extent, job->bind->symbols) == 0) return true;
  for (int i = 0; i < seg->nline; i++)
    if (ir_eval_size(seg->line[i]->extent, job->bind->symbols) == 0) return true;
  return false;
}

static double points(const row_job *job) {
  const kernel_segment *seg = job->seg;
  double n = 1;
  for (int i = 0; i < seg->nframe; i++)
    n *= (double)ir_eval_size(seg->frame[i]->extent, job->bind->symbols);
  for (int i = 0; i < seg->nline; i++)
    n *= (double)ir_eval_size(seg->line[i]->extent, job->bind->symbols);
  return n;
}

static const char *refuse(const row_job *job) {
  if (empty(job)) return "it reduces over nothing";
  if (points(job) > 2e9) return "it has more points than 31 bits count";
  for (int o = 0; o < job->seg->neq; o++) {
    if (!ir_window(row_eq(job, o))) return "a left side depends on data";
    for (int p = o + 1; p < job->seg->neq && is_partial(job, o); p++) {
      deepening d = {.job = job, .before = o + 1, .depth = -1};
      ir_each(row_eq(job, p)->body, visit_read, &d);
      if (d.depth > job->depth[o]) return "a result over the whole frame is read inside";
    }
  }
  return NULL;
}

static void run_segment(row_job *job) {
  bool lines = false, partials = false;
  for (int o = 0; o < job->seg->neq; o++) *(is_partial(job, o) ? &partials : &lines) = true;
  if (job->seg->nline > 0 || !partials) {
    if (lines) run_lines(job, partials);
    if (partials) run_partials(job, false);
  } else {
    run_partials(job, true);
  }
}

device_launch *cuda_prepare_row(device_bind *bind) {
  const kernel *k = bind->kernel;
  row_job *jobs = BASE_NEWS(bind->arena, row_job, k->nsegment + 1);
  int stages = 0;
  for (int s = 0; s < k->nsegment; s++) {
    row_job *job = &jobs[s];
    *job = (row_job){.bind = bind, .seg = &k->segment[s]};
    job->code = kernel_code_open(bind->arena, bind->program);
    for (int i = 0; i < job->seg->neq; i++) kernel_code_add(job->code, &job->seg->eq[i]);
    job->wide = cuda_is_wide(bind, job->seg->neq, job->seg->eq);
    job->room = BASE_NEWS(bind->arena, int64_t, bind->program->tensors.n + 1);
    find_depths(job);
    const char *why = refuse(job);
    if (why) return cuda_fall_back(bind, why);
    stages += 2 * job->seg->neq + 1;
  }
  cuda_launch *l = cuda_launch_new(bind, stages);
  l->nstage = 0;
  for (int s = 0; s < k->nsegment; s++) {
    jobs[s].launch = l;
    run_segment(&jobs[s]);
  }
  return &l->head;
}
