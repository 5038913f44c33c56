#include "sched/fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/device.h"

int open_fixture(void **state) {
  fixture *f = calloc(1, sizeof *f);
  f->ctx = base_open(NULL);
  f->arena = base_arena_open(f->ctx);
  *state = f;
  return 0;
}

int close_fixture(void **state) {
  fixture *f = *state;
  base_arena_close(f->arena);
  base_close(f->ctx);
  free(f);
  return 0;
}

void plan_program(fixture *f, ir_program *p) {
  pass_options options = {.verify = true};
  f->program = p;
  f->passed = ir_copy(f->arena, p);
  pass_run(f->passed, &options);
  f->plan = sched_make(f->passed);
}

/* ---- from text ------------------------------------------------------------------------------- */

static ir_tensor *named(fixture *f, const char *name) {
  lang_tensor *t = lang_find(f->source, name);
  if (!t) fail_msg("no tensor %s", name);
  return t->ir;
}

static void plan_wanted(fixture *f, const char *text, const char *wanted) {
  lang_options options = {.type = IR_F32, .folder = "."};
  f->source = lang_check(f->arena, NULL, text, strlen(text), &options);
  ir_tensor *out[64], *wrt[64], *grad[64];
  int n = 0;
  char *words = base_copy(f->arena, wanted), *word = strtok(words, " ");
  while (word) {
    if (strcmp(word, "grad") != 0) {
      out[n++] = named(f, word);
      word = strtok(NULL, " ");
      continue;
    }
    ir_tensor *of = named(f, strtok(NULL, " "));
    int nwrt = 0;
    while ((word = strtok(NULL, " ")) && strcmp(word, "grad") != 0) wrt[nwrt++] = named(f, word);
    pass_gradient(f->source->ir, of, 0, nwrt, wrt, grad);
    for (int i = 0; i < nwrt; i++) out[n++] = grad[i];
  }
  plan_program(f, ir_extract(f->arena, f->source->ir, n, out, false, 0, NULL, NULL));
}

void plan_text(fixture *f, const char *text, const char *wanted) {
  base_trap trap;
  if (BASE_TRY(f->ctx, &trap)) {
    plan_wanted(f, text, wanted);
    base_untrap(f->ctx, &trap);
  } else {
    fail_msg("%s", base_last(f->ctx)->message);
  }
}

/* ---- questions ------------------------------------------------------------------------------- */

int kernels(const fixture *f) { return f->plan->nkernel; }

int kernels_of(const fixture *f, kernel_shape shape) {
  int n = 0;
  for (int k = 0; k < f->plan->nkernel; k++) n += f->plan->kernel[k]->shape == shape;
  return n;
}

const kernel *first_of(const fixture *f, kernel_shape shape) {
  for (int k = 0; k < f->plan->nkernel; k++)
    if (f->plan->kernel[k]->shape == shape) return f->plan->kernel[k];
  fail_msg("no %s", kernel_shape_name(shape));
  return NULL;
}

int stored(const fixture *f) {
  int n = 0;
  for (int t = 0; t < f->passed->tensors.n; t++)
    n += f->plan->memory[t].place == SCHED_WORK || f->plan->memory[t].place == SCHED_OUTPUT;
  return n;
}

void show(const fixture *f) {
  base_text text = base_text_open(f->arena);
  sched_print(&text, f->plan);
  printf("%s\n", text.at);
}

/* ---- values ---------------------------------------------------------------------------------- */

enum { SIZE = 5 };   /* of what is a symbol */

typedef struct machine {
  device *device;
  ir_program *p;
  base_arena *arena;
  int64_t *symbols;
  void **data;       /* by tensor id */
  device_launch **launch;
  bool *zeroed;
} machine;

static int64_t bytes_of(machine *m, int t) {
  return sched_tensor_bytes(m->p->tensors.at[t], m->symbols);
}

/* The same numbers for leaves of the same name. */
static void fill_leaf(machine *m, ir_tensor *t) {
  int64_t n = bytes_of(m, t->id) / (int64_t)ir_type_bytes(t->type);
  uint64_t seed = base_hash(t->name, strlen(t->name), 7);
  for (int64_t i = 0; i < n; i++) {
    seed = base_hash_mix(seed, (uint64_t)i);
    double x = (double)(seed >> 11) / 9007199254740992.0;
    ir_value v = {.type = ir_type_computed(t->type)};
    if (ir_type_real(t->type)) v.u.f = 2 * x - 1;
    else v.u.i = t->type == IR_BOOL ? x < 0.5 : (int64_t)(3 * x);
    device_store_value(t->type, m->data[t->id], i, v);
  }
}

static machine open_machine(fixture *f, device *d, ir_program *p) {
  machine m = {.device = d, .p = p, .arena = f->arena};
  m.symbols = BASE_NEWS(f->arena, int64_t, p->symbols.n + 1);
  for (int i = 0; i < p->symbols.n; i++) m.symbols[i] = SIZE;
  m.data = BASE_NEWS(f->arena, void *, p->tensors.n + 1);
  m.zeroed = BASE_NEWS(f->arena, bool, p->tensors.n + 1);
  return m;
}

static void run_one(machine *m, const kernel *k, device_launch **launch) {
  device_bind bind = {
      .device = m->device, .arena = m->arena, .program = m->p, .kernel = k, .symbols = m->symbols};
  if (!*launch) *launch = device_prepare(&bind, NULL);
  (*launch)->run(*launch, m->data, m->symbols);
}

/* ---- equation by equation -------------------------------------------------------------------- */

/* A scatter fills all of its head; what earlier iterations put there is added again. */
static void add_earlier(machine *m, const ir_tensor *t, const void *earlier) {
  int64_t n = bytes_of(m, t->id) / (int64_t)ir_type_bytes(t->type);
  for (int64_t i = 0; i < n; i++) {
    ir_value v = {.type = ir_type_computed(t->type)};
    v.u.f = device_load(t->type, m->data[t->id], i) + device_load(t->type, earlier, i);
    device_store_value(t->type, m->data[t->id], i, v);
  }
}

static void run_alone(machine *m, ir_eq *eq) {
  size_t bytes = (size_t)bytes_of(m, eq->head->id);
  void *earlier = memcpy(base_alloc(m->arena, bytes + 64), m->data[eq->head->id], bytes);
  kernel_eq ke = {.eq = eq, .level = KERNEL_GLOBAL};
  kernel_segment s = {.nframe = eq->nfree,
                      .frame = eq->free,
                      .nline = eq->nred,
                      .line = eq->red,
                      .neq = 1,
                      .eq = &ke};
  kernel k = {.shape = KERNEL_ROW, .nsegment = 1, .segment = &s};
  device_launch *launch = NULL;
  run_one(m, &k, &launch);
  if (!ir_window(eq)) add_earlier(m, eq->head, earlier);
}

static void run_plain(machine *m, const ir_block *block) {
  for (int i = 0; i < block->steps.n; i++) {
    const ir_step *step = &block->steps.at[i];
    if (step->eq) {
      run_alone(m, step->eq);
      continue;
    }
    const ir_loop *l = step->loop;
    int64_t from = ir_eval_size(l->from, m->symbols), to = ir_eval_size(l->to, m->symbols);
    for (int64_t c = 0; c < to - from; c++) {
      int64_t at = m->symbols[l->counter->id] = l->down ? to - 1 - c : from + c;
      for (int k = 0; k < l->body.steps.n; k++) {
        const ir_step *inner = &l->body.steps.at[k];
        if ((inner->from && at < ir_eval_size(inner->from, m->symbols)) ||
            (inner->to && at >= ir_eval_size(inner->to, m->symbols)))
          continue;
        run_plain(m, &(ir_block){.steps = {(ir_step *)inner, 1, 1}});
      }
    }
  }
}

static machine compute_plainly(fixture *f, device *d) {
  ir_program *p = ir_copy(f->arena, f->program);
  pass_order(p);
  machine m = open_machine(f, d, p);
  for (int t = 0; t < p->tensors.n; t++) {
    m.data[t] = base_alloc(f->arena, (size_t)bytes_of(&m, t) + 64);
    if (p->tensors.at[t]->role != IR_DERIVED) fill_leaf(&m, p->tensors.at[t]);
  }
  run_plain(&m, &p->order);
  return m;
}

/* ---- as scheduled ---------------------------------------------------------------------------- */

static void zero_before(machine *m, const sched_plan *plan, const kernel *k) {
  for (int t = 0; t < m->p->tensors.n; t++)
    if (plan->memory[t].zero && plan->memory[t].first == k->id && !m->zeroed[t]) {
      memset(m->data[t], 0, (size_t)bytes_of(m, t));
      m->zeroed[t] = true;
    }
}

static void zero_before_block(machine *m, const sched_plan *plan, const sched_block *block) {
  for (int i = 0; i < block->steps.n; i++)
    if (block->steps.at[i].kernel) zero_before(m, plan, block->steps.at[i].kernel);
    else zero_before_block(m, plan, &block->steps.at[i].loop->body);
}

static void run_planned(machine *m, const sched_plan *plan, const sched_block *block) {
  for (int i = 0; i < block->steps.n; i++) {
    const sched_step *step = &block->steps.at[i];
    int64_t at = block->counter ? m->symbols[block->counter->id] : 0;
    if (step->from && at < ir_eval_size(step->from, m->symbols)) continue;
    if (step->to && at >= ir_eval_size(step->to, m->symbols)) continue;
    if (step->kernel) {
      zero_before(m, plan, step->kernel);
      run_one(m, step->kernel, &m->launch[step->kernel->id]);
      continue;
    }
    const sched_loop *l = step->loop;
    int64_t from = ir_eval_size(l->from, m->symbols), to = ir_eval_size(l->to, m->symbols);
    zero_before_block(m, plan, &l->body);
    for (int64_t c = 0; c < to - from; c++) {
      m->symbols[l->counter->id] = l->down ? to - 1 - c : from + c;
      run_planned(m, plan, &l->body);
    }
  }
}

static void place_planned(fixture *f, machine *m) {
  ir_program *p = m->p;
  int64_t *offset = BASE_NEWS(f->arena, int64_t, p->tensors.n + 1);
  size_t work = (size_t)sched_layout(f->plan, m->symbols, offset);
  char *space = base_alloc(f->arena, work + 128);
  memset(space, 0x7f, work);       /* nobody may count on zeros */
  for (int t = 0; t < p->tensors.n; t++) {
    sched_place place = f->plan->memory[t].place;
    if (place == SCHED_WORK) m->data[t] = space + offset[t];
    if (place == SCHED_GIVEN || place == SCHED_OUTPUT)
      m->data[t] = base_alloc(f->arena, (size_t)bytes_of(m, t) + 64);
    if (place == SCHED_OUTPUT) memset(m->data[t], 0x7f, (size_t)bytes_of(m, t));
    if (place == SCHED_GIVEN) fill_leaf(m, p->tensors.at[t]);
  }
  for (int t = 0; t < p->tensors.n; t++) {
    int over = t;
    while (f->plan->memory[over].place == SCHED_OVER) over = f->plan->memory[over].over->id;
    m->data[t] = m->data[over];
  }
}

static machine compute_planned(fixture *f, device *d) {
  machine m = open_machine(f, d, f->passed);
  m.launch = BASE_NEWS(f->arena, device_launch *, f->plan->nkernel + 1);
  place_planned(f, &m);
  run_planned(&m, f->plan, &f->plan->body);
  return m;
}

static void compare(machine *a, machine *b, int output, double tolerance) {
  ir_tensor *x = a->p->outputs.at[output], *y = b->p->outputs.at[output];
  int64_t n = bytes_of(a, x->id) / (int64_t)ir_type_bytes(x->type);
  double scale = 1e-2;
  for (int64_t i = 0; i < n; i++) {
    double v = fabs(device_load(x->type, a->data[x->id], i));
    if (isfinite(v) && v > scale) scale = v;
  }
  for (int64_t i = 0; i < n; i++) {
    double v = device_load(x->type, a->data[x->id], i), w = device_load(y->type, b->data[y->id], i);
    if ((isnan(v) && isnan(w)) || v == w) continue;
    if (!(fabs(v - w) <= tolerance * scale))
      fail_msg("%s[%lld]: %.9g, as scheduled %.9g", x->name, (long long)i, v, w);
  }
}

void check_values(fixture *f, double tolerance) {
  base_trap trap;
  device *d = device_open_ref(f->ctx);
  if (BASE_TRY(f->ctx, &trap)) {
    machine plain = compute_plainly(f, d), planned = compute_planned(f, d);
    for (int i = 0; i < f->program->outputs.n; i++) compare(&plain, &planned, i, tolerance);
    base_untrap(f->ctx, &trap);
  } else {
    fail_msg("%s", base_last(f->ctx)->message);
  }
  device_close(d);
}
