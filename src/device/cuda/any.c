/* any: every shape, plain and obvious. One equation after another, a launch each, a thread for each
 * element of its result; what lives inside the kernel has memory for all of it, in its computed
 * type. A scatter has several threads for the same elements, none of which has two writers. A scan
 * is one launch: its frame points do not meet, so each takes all its steps. */
#include "device/cuda/emit.h"

enum { ANY_BLOCK = 256, ANY_WRITERS = 65536, ANY_PARTS = 1024 };

typedef struct any {
  device_bind *bind;
  cuda_launch *launch;
  int64_t *room;   /* of inner tensors, by id: offset in scratch + 1; 0: none */
  int64_t *shadow; /* of scatters' accumulators, likewise */
  int stage;
} any;

typedef struct writing { /* a launch being written */
  any *all;
  cuda_args *args;
  cuda_frame frame;
  base_text body;
} writing;

static int64_t extent(const any *a, const ir_index *x) {
  return ir_eval_size(x->extent, a->bind->symbols);
}

static int64_t count_of(const any *a, const ir_tensor *t) {
  int64_t stride[64];
  return device_strides(t, a->bind->symbols, stride);
}

/* ---- homes ----------------------------------------------------------------------------------- */

static void give_room(any *a, int64_t *room, const ir_tensor *t) {
  if (room[t->id]) return;
  size_t bytes = (size_t)count_of(a, t) * ir_type_bytes(ir_type_computed(t->type));
  room[t->id] = 1 + cuda_reserve(a->launch, CUDA_SCRATCH, bytes + 16);
}

static void add_homes(writing *s, const int64_t *room) {
  const ir_program *p = s->all->bind->program;
  for (int t = 0; t < p->tensors.n; t++) {
    if (!room[t]) continue;
    cuda_home *home = s->frame.home[t] = BASE_NEW(s->all->bind->arena, cuda_home);
    home->text = cuda_args_room(s->args, CUDA_SCRATCH, room[t] - 1);
    home->type = ir_type_computed(p->tensors.at[t]->type);
  }
}

/* ---- a stage --------------------------------------------------------------------------------- */

static void open_stage(writing *s, any *a, const kernel_eq *eq, int neq) {
  base_arena *arena = a->bind->arena;
  *s = (writing){.all = a, .args = cuda_args_open(a->bind), .body = base_text_open(arena)};
  int n = 0;
  for (int i = 0; i < neq; i++) n += eq[i].eq->nfree + eq[i].eq->nred;
  s->frame =
      (cuda_frame){.lanes = 1, .repeats = 1, .vector = -1, .wide = cuda_is_wide(a->bind, neq, eq)};
  s->frame.axis = BASE_NEWS(arena, cuda_axis, n + 1);
  s->frame.home = BASE_NEWS(arena, cuda_home *, a->bind->program->tensors.n + 1);
  add_homes(s, a->room);
}

static void add_axes(writing *s, int n, const ir_index *const *index, char letter) {
  for (int i = 0; i < n; i++) {
    const char *text = base_format(s->all->bind->arena, "%c%d", letter, s->frame.naxis);
    s->frame.axis[s->frame.naxis++] = (cuda_axis){.index = index[i], .text = text};
  }
}

/* The indices [from, to) of the thread's number `at`, the last fastest. */
static void put_coordinates(writing *s, int from, int to) {
  for (int i = to - 1; i >= from; i--) {
    const char *n = cuda_args_number(s->args, s->frame.axis[i].index->extent, s->frame.wide),
               *x = s->frame.axis[i].text;
    if (i == from)
      base_putf(&s->body, "  const idx %s = (idx)at;\n", x);
    else
      base_putf(&s->body, "  const idx %s = (idx)(at %% %s);\n  at /= %s;\n", x, n, n);
  }
}

static void open_loops(writing *s, int from, int to) {
  for (int i = from; i < to; i++) {
    const char *x = s->frame.axis[i].text;
    base_putf(&s->body, "  for (idx %s = 0; %s < %s; %s++) {\n", x, x,
              cuda_args_number(s->args, s->frame.axis[i].index->extent, s->frame.wide), x);
  }
}

static void close_loops(writing *s, int from, int to) {
  for (int i = from; i < to; i++) base_put(&s->body, "  }\n");
}

/* A launch of COUNT threads for the text written, each with its number in `at`. */
static void close_stage(writing *s, int64_t count, const char *name) {
  any *a = s->all;
  base_text source = cuda_emit_source(a->bind, s->frame.wide);
  base_put(&source, cuda_text_any);
  const char *n = cuda_args_fixed(s->args, count, true);
  cuda_args_declare(s->args, &source, "arguments");
  base_putf(
      &source,
      "extern \"C\" __global__ void __launch_bounds__(%d) any(const __grid_constant__ arguments a) "
      "{\n"
      "  int64_t at = (int64_t)blockIdx.x * %d + threadIdx.x;\n  if (at >= %s) return;\n%s}\n",
      ANY_BLOCK, ANY_BLOCK, n, s->body.at);
  if (count == 0) return;
  cuda_stage *stage = &a->launch->stage[a->stage];
  stage->kernel = cuda_compile(a->bind, "any", &source, NULL);
  stage->grid[0] = (unsigned)((count + ANY_BLOCK - 1) / ANY_BLOCK);
  stage->block = ANY_BLOCK;
  stage->name = base_format(a->bind->arena, "cuda.any: %s", name);
  cuda_struct_open(a->launch, a->stage);
  cuda_args_pass(s->args, a->launch, a->stage);
  cuda_struct_close(a->launch, a->stage);
  a->stage++;
}

/* ---- windows --------------------------------------------------------------------------------- */

static int64_t points(const any *a, int n, const ir_index *const *index) {
  int64_t all = 1;
  for (int i = 0; i < n; i++) all *= extent(a, index[i]);
  return all;
}

static void window(any *a, const kernel_eq *eq) {
  writing s;
  open_stage(&s, a, eq, 1);
  const ir_eq *q = eq->eq;
  ir_type type = (ir_type)q->body->type;
  add_axes(&s, q->nfree, q->free, 'i');
  add_axes(&s, q->nred, q->red, 'r');
  put_coordinates(&s, 0, q->nfree);
  kernel_code *code = kernel_code_open(a->bind->arena, a->bind->program);
  kernel_code_add(code, eq);
  cuda_emit *e = cuda_emit_open(a->bind, code, s.args, &s.frame);
  const kernel_output *out = &code->outputs.at[0];
  if (q->agg == IR_SET) {
    cuda_emit_values(e, &s.body, 1, &out->value);
    cuda_emit_store(e, &s.body, out->value, out->access);
  } else {
    base_putf(&s.body, "  %s sum = %s;\n", cuda_c_type(type), cuda_neutral(q->agg, type));
    open_loops(&s, q->nfree, s.frame.naxis);
    cuda_emit_values(e, &s.body, 1, &out->value);
    base_putf(&s.body, "  sum = %s(sum, (%s)%s);\n", cuda_combine(q->agg), cuda_c_type(type),
              cuda_emit_ref(e, out->value, CUDA_ONE));
    close_loops(&s, q->nfree, s.frame.naxis);
    cuda_emit_forget(e);
    cuda_emit_store_as(e, &s.body, "sum", CUDA_ONE, out->access);
  }
  close_stage(&s, points(a, q->nfree, q->free), q->head->name);
}

/* ---- scatters -------------------------------------------------------------------------------- */

static bool stands_in(const ir_eq *eq, const ir_index *index, int but) {
  for (int k = 0; k < eq->head->rank; k++)
    if (k != but && ir_mentions(eq->lhs[k], index)) return true;
  return false;
}

/* Indices whose values go to different places: alone in a position of the left side, and nowhere
 * else on it. They come first; the number of them. */
static int order_indices(const ir_eq *eq, const ir_index **index) {
  int n = 0, apart = 0;
  for (int k = 0; k < eq->head->rank; k++) {
    const ir_expr *offset;
    const ir_index *x = ir_position_index(eq->lhs[k], &offset);
    if (x && !stands_in(eq, x, k)) index[apart++] = x;
  }
  n = apart;
  for (int i = 0; i < eq->nfree + eq->nred; i++) {
    const ir_index *x = i < eq->nfree ? eq->free[i] : eq->red[i - eq->nfree];
    bool taken = false;
    for (int k = 0; k < apart; k++) taken = taken || index[k] == x;
    if (!taken) index[n++] = x;
  }
  return apart;
}

/* Where the accumulators of T lie: its shadow, its room inside the kernel, or itself. */
static const char *accumulators(writing *s, const ir_tensor *t) {
  const any *a = s->all;
  if (a->shadow[t->id]) return cuda_args_room(s->args, CUDA_SCRATCH, a->shadow[t->id] - 1);
  if (a->room[t->id]) return cuda_args_room(s->args, CUDA_SCRATCH, a->room[t->id] - 1);
  return cuda_args_tensor(s->args, t);
}

static void clear(any *a, const kernel_eq *eq) {
  writing s;
  open_stage(&s, a, eq, 1);
  const ir_tensor *t = eq->eq->head;
  ir_type type = ir_type_computed(t->type);
  base_putf(&s.body, "  any_clear((%s *)%s, (%s)%s, %s);\n", cuda_element(type),
            accumulators(&s, t), cuda_element(type), cuda_neutral(eq->eq->agg, type),
            cuda_args_fixed(s.args, count_of(a, t), true));
  close_stage(&s, count_of(a, t), t->name);
}

static void settle(any *a, const kernel_eq *eq) {
  writing s;
  open_stage(&s, a, eq, 1);
  const ir_tensor *t = eq->eq->head;
  base_putf(&s.body, "  any_settle_%s((%s *)%s, (const %s *)%s, %s);\n", ir_type_name(t->type),
            cuda_element(t->type), cuda_args_tensor(s.args, t),
            cuda_element(ir_type_computed(t->type)), accumulators(&s, t),
            cuda_args_fixed(s.args, count_of(a, t), true));
  close_stage(&s, count_of(a, t), t->name);
}

/* Every thread goes through all contributions in order, and takes those for its own elements: those
 * of its indices that are apart, and of them every parts-th. */
static void accumulate(any *a, const kernel_eq *eq) {
  writing s;
  const ir_eq *q = eq->eq;
  ir_type type = ir_type_computed(q->head->type);
  open_stage(&s, a, eq, 1);
  const ir_index **index = BASE_NEWS(a->bind->arena, const ir_index *, q->nfree + q->nred + 1);
  int apart = order_indices(q, index);
  add_axes(&s, q->nfree + q->nred, index, 'i');
  int64_t writers = points(a, apart, index), parts = writers > 0 ? ANY_WRITERS / writers : 1;
  if (parts > ANY_PARTS) parts = ANY_PARTS;
  if (parts > count_of(a, q->head)) parts = count_of(a, q->head);
  if (parts < 1) parts = 1;
  const char *n = cuda_args_fixed(s.args, parts, false);
  base_putf(&s.body, "  const idx part = (idx)(at %% %s);\n  at /= %s;\n", n, n);
  put_coordinates(&s, 0, apart);
  kernel_code *code = kernel_code_open(a->bind->arena, a->bind->program);
  kernel_code_add(code, eq);
  const kernel_output *out = &code->outputs.at[0];
  if (a->shadow[q->head->id]) {
    cuda_home *home = s.frame.home[q->head->id] = BASE_NEW(a->bind->arena, cuda_home);
    *home = (cuda_home){.text = accumulators(&s, q->head), .type = type};
  }
  cuda_emit *e = cuda_emit_open(a->bind, code, s.args, &s.frame);
  open_loops(&s, apart, s.frame.naxis);
  const char *check, *offset = cuda_emit_offset(e, &s.body, out->access, CUDA_ONE, &check);
  base_putf(&s.body, "  if (%s) {\n  const idx to = %s;\n  if (to %% %s == part) {\n",
            check ? check : "true", offset, n);
  cuda_emit_values(e, &s.body, 1, &out->value);
  base_putf(&s.body, "  %s *sum = (%s *)%s + to;\n  *sum = %s((%s)*sum, (%s)%s);\n  }\n  }\n",
            cuda_element(type), cuda_element(type), accumulators(&s, q->head), cuda_combine(q->agg),
            cuda_c_type(type), cuda_c_type(type), cuda_emit_ref(e, out->value, CUDA_ONE));
  close_loops(&s, apart, s.frame.naxis);
  close_stage(&s, writers * parts, q->head->name);
}

static void scatter(any *a, const kernel_eq *eq) {
  const ir_tensor *t = eq->eq->head;
  if (!a->room[t->id] && t->type != ir_type_computed(t->type)) give_room(a, a->shadow, t);
  clear(a, eq);
  accumulate(a, eq);
  if (a->shadow[t->id]) settle(a, eq);
}

/* ---- scans ----------------------------------------------------------------------------------- */

static void scan(any *a, const kernel_segment *seg) {
  writing s;
  open_stage(&s, a, seg->eq, seg->neq);
  const ir_index **frame = BASE_NEWS(a->bind->arena, const ir_index *, seg->nframe + 1);
  int n = 0;
  for (int i = 0; i < seg->nframe; i++)
    if (seg->frame[i] != seg->scan) frame[n++] = seg->frame[i];
  add_axes(&s, n, frame, 'i');
  put_coordinates(&s, 0, n);
  kernel_code *code = kernel_code_open(a->bind->arena, a->bind->program);
  int *value = BASE_NEWS(a->bind->arena, int, seg->neq + 1);
  for (int i = 0; i < seg->neq; i++) {
    kernel_code_add(code, &seg->eq[i]);
    value[i] = code->outputs.at[i].value;
  }
  s.frame.axis[s.frame.naxis++] = (cuda_axis){.index = seg->scan, .text = "step"};
  cuda_emit *e = cuda_emit_open(a->bind, code, s.args, &s.frame);
  const char *steps = cuda_args_number(s.args, seg->scan->extent, s.frame.wide);
  base_putf(&s.body, "  for (idx k = 0; k < %s; k++) {\n  const idx step = ", steps);
  if (seg->down)
    base_putf(&s.body, "%s - 1 - k;\n", steps);
  else
    base_put(&s.body, "k;\n");
  cuda_emit_values(e, &s.body, seg->neq, value);
  for (int i = 0; i < seg->neq; i++)
    cuda_emit_store(e, &s.body, value[i], code->outputs.at[i].access);
  base_put(&s.body, "  }\n");
  close_stage(&s, points(a, n, frame), seg->eq[0].eq->head->name);
}

/* ---- all ------------------------------------------------------------------------------------- */

device_launch *cuda_fall_back(device_bind *bind, const char *why) {
  const kernel *k = bind->kernel;
  const ir_tensor *t = k->nwrite ? k->write[0] : k->segment[0].eq[0].eq->head;
  base_log(bind->device->ctx, 1, "cuda: the %s kernel of %s runs one equation after another: %s",
           kernel_shape_name(k->shape), t->name, why);
  return cuda_prepare_any(bind);
}

device_launch *cuda_prepare_any(device_bind *bind) {
  const kernel *k = bind->kernel;
  int n = 0;
  for (int s = 0; s < k->nsegment; s++) n += 3 * k->segment[s].neq;
  any a = {.bind = bind, .launch = cuda_launch_new(bind, n)};
  a.room = BASE_NEWS(bind->arena, int64_t, bind->program->tensors.n + 1);
  a.shadow = BASE_NEWS(bind->arena, int64_t, bind->program->tensors.n + 1);
  for (int s = 0; s < k->nsegment; s++) {
    const kernel_segment *seg = &k->segment[s];
    for (int i = 0; i < seg->neq; i++)
      if (seg->eq[i].level != KERNEL_GLOBAL) give_room(&a, a.room, seg->eq[i].eq->head);
    if (seg->scan) {
      scan(&a, seg);
      continue;
    }
    for (int i = 0; i < seg->neq; i++)
      (ir_window(seg->eq[i].eq) ? window : scatter)(&a, &seg->eq[i]);
  }
  a.launch->nstage = a.stage;
  return &a.launch->head;
}
