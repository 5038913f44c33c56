#include "cpu_lab.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "lang/lang.h"
#include "pass/pass.h"

enum { PAD = 256 };

typedef struct running {
  cpu_lab *lab;
  base_arena *arena;
  sched_plan *plan;
  ir_program *p;
  int64_t *symbols;
  int64_t *count;     /* elements, by tensor id */
  char **block;       /* as allocated */
  void **want, **got; /* memory on ref and on cpu */
  double tolerance;
  const char *impl, *text;
} running;

uint64_t cpu_lab_random(cpu_lab *lab, uint64_t below) {
  lab->seed = base_hash(&lab->seed, sizeof lab->seed, 7);
  return lab->seed % below;
}

/* ---- data ------------------------------------------------------------------------------------ */

static double number(cpu_lab *lab, ir_type type) {
  static const double wild[] = {INFINITY, -INFINITY, NAN, 0.0,  -0.0, 1e-7,  -5.96e-8,
                                1e-40,    65504,     -1,  3e38, 88.9, -104.2};
  double x = ((double)cpu_lab_random(lab, 4001) - 2000) / 1000;
  if (type == IR_BOOL) return (double)cpu_lab_random(lab, 2);
  if (type == IR_I32 || type == IR_I64)
    return (double)((int64_t)cpu_lab_random(lab, 13) - (lab->wild ? 6 : 0));
  if (lab->wild && cpu_lab_random(lab, 3) == 0)
    return wild[cpu_lab_random(lab, sizeof wild / sizeof *wild)];
  return x;
}

static void fill(running *r, const ir_tensor *t, void *data) {
  for (int64_t i = 0; i < r->count[t->id]; i++) {
    double x = number(r->lab, t->type);
    bool real = ir_type_real(t->type);
    ir_value v = {.type = ir_type_computed(t->type)};
    if (real)
      v.u.f = x;
    else
      v.u.i = (int64_t)x;
    device_store_value(t->type, data, i, v);
  }
}

static size_t bytes_of(const running *r, const ir_tensor *t) {
  return (size_t)r->count[t->id] * ir_type_bytes(t->type);
}

static void *memory(running *r, const ir_tensor *t, char **block) {
  size_t bytes = bytes_of(r, t);
  *block = calloc(1, bytes + 2 * PAD);
  char *data = (char *)(((uintptr_t)*block + 63) & ~(uintptr_t)63);
  memset(data + bytes, 0x5a, PAD - 64); /* may be read, must not be written */
  return data;
}

static void check_padding(running *r, const ir_tensor *t) {
  size_t bytes = bytes_of(r, t);
  for (int i = 0; i < PAD - 64; i++)
    if (((char *)r->got[t->id])[bytes + (size_t)i] != 0x5a)
      fail_msg("%s: written behind %s\n%s", r->impl, t->name, r->text);
}

/* ---- comparison ------------------------------------------------------------------------------ */

static double unit_of(ir_type type, double x) {
  double a = fabs(x);
  if (type == IR_F16) return a < 6.2e-5 ? 6e-8 : a / 1000;
  if (type == IR_BF16) return a / 120;
  return 0;
}

static void compare(running *r, const ir_tensor *t) {
  double largest = 0;
  for (int64_t i = 0; i < r->count[t->id]; i++) {
    double x = fabs(device_load(t->type, r->want[t->id], i));
    if (isfinite(x) && x > largest) largest = x;
  }
  for (int64_t i = 0; i < r->count[t->id]; i++) {
    double want = device_load(t->type, r->want[t->id], i),
           got = device_load(t->type, r->got[t->id], i);
    bool same = isnan(want) ? isnan(got) : want == got;
    bool near = fabs(want - got) <=
                r->tolerance * (r->lab->wild ? fabs(want) : largest) + unit_of(t->type, want);
    if (!same && !near && r->lab->wild && ir_type_real(t->type))
      near = fabs(want) < 1.2e-38 && fabs(got - want) < 1e-44;
    if (!same && !near)
      fail_msg("%s (%s, %s threads): %s[%lld] is %.9g, ref has %.9g\n%s", r->impl, getenv("TL_ISA"),
               r->lab->cpu->threads && base_pool_threads(r->lab->cpu->threads) > 1 ? "2" : "1",
               t->name, (long long)i, got, want, r->text);
  }
  check_padding(r, t);
}

/* ---- running --------------------------------------------------------------------------------- */

static bool is_read(const kernel *k, const ir_tensor *t) {
  for (int i = 0; i < k->nread; i++)
    if (k->read[i] == t) return true;
  return false;
}

/* A device with memory of its own: what the kernel touches goes there and comes back, padding too.
 */
static void run_there(running *r, const kernel *k, device_launch *launch) {
  device *d = r->lab->cpu;
  int n = r->p->tensors.n;
  device_buffer **there = BASE_NEWS(r->arena, device_buffer *, n);
  void **data = BASE_NEWS(r->arena, void *, n);
  for (int i = 0; i < k->nread + k->nwrite; i++) {
    const ir_tensor *t = i < k->nread ? k->read[i] : k->write[i - k->nread];
    if (there[t->id]) continue;
    size_t bytes = bytes_of(r, t) + PAD - 64;
    there[t->id] = device_alloc(d, bytes, false);
    device_write(there[t->id], 0, r->got[t->id], bytes);
    data[t->id] = there[t->id]->data;
  }
  launch->run(launch, data, r->symbols);
  for (int i = 0; i < n; i++) {
    if (there[i]) device_read(there[i], 0, r->got[i], bytes_of(r, r->p->tensors.at[i]) + PAD - 64);
    device_release(there[i]);
  }
}

static void run_kernel(running *r, const kernel *k) {
  device_bind bind = {.arena = r->arena, .program = r->p, .kernel = k, .symbols = r->symbols};
  bind.device = r->lab->ref;
  device_launch *ref = device_prepare(&bind, NULL);
  bind.device = r->lab->cpu;
  device_launch *cpu = device_prepare(&bind, r->lab->force);
  r->impl = cpu->impl->name;
  for (int i = 0; i < k->nread; i++) {
    const ir_tensor *t = k->read[i];
    memcpy(r->got[t->id], r->want[t->id], bytes_of(r, t));
  }
  ref->run(ref, r->want, r->symbols);
  for (int again = 0; again < 2; again++) {
    for (int i = 0; i < k->nwrite && r->p->tensors.at[k->write[i]->id]->eqs.n == 1; i++)
      if (ir_covered(r->p, k->write[i]) && !is_read(k, k->write[i]))
        memset(r->got[k->write[i]->id], 0x7b,
               bytes_of(r, k->write[i])); /* what was there must not show */
    if (strcmp(r->lab->cpu->name, "cuda") == 0)
      run_there(r, k, cpu);
    else
      cpu->run(cpu, r->got, r->symbols);
    for (int i = 0; i < k->nwrite; i++) compare(r, k->write[i]);
  }
}

static void run_block(running *r, const sched_block *block) {
  for (int i = 0; i < block->steps.n; i++) {
    const sched_step *s = &block->steps.at[i];
    int64_t at = block->counter ? r->symbols[block->counter->id] : 0;
    if (s->from && at < ir_eval_size(s->from, r->symbols)) continue;
    if (s->to && at >= ir_eval_size(s->to, r->symbols)) continue;
    if (s->kernel) {
      run_kernel(r, s->kernel);
      continue;
    }
    int64_t from = ir_eval_size(s->loop->from, r->symbols),
            to = ir_eval_size(s->loop->to, r->symbols);
    for (int64_t k = from; k < to; k++) {
      r->symbols[s->loop->counter->id] = s->loop->down ? to - 1 - (k - from) : k;
      run_block(r, &s->loop->body);
    }
  }
}

static void run_all(running *r) {
  int n = r->p->tensors.n;
  r->symbols = BASE_NEWS(r->arena, int64_t, r->p->symbols.n + 1);
  r->count = BASE_NEWS(r->arena, int64_t, n);
  r->want = BASE_NEWS(r->arena, void *, n);
  r->got = BASE_NEWS(r->arena, void *, n);
  r->block = BASE_NEWS(r->arena, char *, 2 * n);
  for (int i = 0; i < n; i++) {
    const ir_tensor *t = r->p->tensors.at[i];
    int64_t stride[64];
    r->count[i] = device_strides(t, r->symbols, stride);
    r->want[i] = memory(r, t, &r->block[2 * i]);
    r->got[i] = memory(r, t, &r->block[2 * i + 1]);
    if (t->role == IR_DERIVED) continue;
    fill(r, t, r->want[i]);
    memcpy(r->got[i], r->want[i], bytes_of(r, t));
  }
  run_block(r, &r->plan->body);
  for (int i = 0; i < 2 * n; i++) free(r->block[i]);
}

/* ---- from text ------------------------------------------------------------------------------- */

static ir_tensor *named(lang_program *source, const char *name) {
  lang_tensor *t = lang_find(source, name);
  if (!t) fail_msg("no tensor %s", name);
  return t->ir;
}

static ir_program *wanted_of(base_arena *arena, const char *text, const char *wanted) {
  lang_options options = {.type = IR_F32, .folder = "."};
  lang_program *source = lang_check(arena, NULL, text, strlen(text), &options);
  ir_tensor *out[64], *wrt[64], *grad[64];
  int n = 0;
  char *words = base_copy(arena, wanted), *word = strtok(words, " ");
  while (word) {
    if (strcmp(word, "grad") != 0) {
      out[n++] = named(source, word);
      word = strtok(NULL, " ");
      continue;
    }
    ir_tensor *of = named(source, strtok(NULL, " "));
    int nwrt = 0;
    while ((word = strtok(NULL, " ")) && strcmp(word, "grad") != 0)
      wrt[nwrt++] = named(source, word);
    pass_gradient(source->ir, of, 0, nwrt, wrt, grad);
    for (int i = 0; i < nwrt; i++) out[n++] = grad[i];
  }
  return ir_extract(arena, source->ir, n, out, false, 0, NULL, NULL);
}

const char *cpu_lab_check(cpu_lab *lab, double tolerance, const char *wanted, const char *format,
                          ...) {
  char text[8192];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  running r = {.lab = lab, .tolerance = tolerance, .text = text};
  base_trap trap;
  base_arena *arena = base_arena_open(lab->ctx);
  const char *impl = NULL;
  if (BASE_TRY(lab->ctx, &trap)) {
    pass_options options = {.verify = true};
    r.arena = arena;
    r.p = wanted_of(arena, text, wanted);
    pass_run(r.p, &options);
    r.plan = sched_make(r.p);
    if (getenv("CPU_LAB_SHOW")) {
      base_text shown = base_text_open(arena);
      sched_print(&shown, r.plan);
      print_message("%s\n", shown.at);
    }
    run_all(&r);
    impl = r.impl;
    base_untrap(lab->ctx, &trap);
  } else {
    fail_msg("%s\n%s", base_last(lab->ctx)->message, text);
  }
  base_arena_close(arena);
  return impl;
}

float *cpu_lab_floats(cpu_lab *lab, int n) {
  return base_malloc(lab->ctx, sizeof(float) * (size_t)(n + 64));
}
void cpu_lab_free(cpu_lab *lab, float *x) { base_free(lab->ctx, x); }

void cpu_lab_apply(cpu_lab *lab, const char *name, int n, const float *x, float *y) {
  base_arena *arena = base_arena_open(lab->ctx);
  const char *text = base_format(arena, "X : f32[%d]\nY[i] = %s(X[i])", n, name);
  running r = {.lab = lab, .arena = arena, .text = text};
  r.p = wanted_of(arena, text, "Y");
  pass_run(r.p, NULL);
  r.plan = sched_make(r.p);
  const kernel *k = r.plan->kernel[0];
  device_bind bind = {.device = lab->cpu, .arena = arena, .program = r.p, .kernel = k};
  bind.symbols = r.symbols = BASE_NEWS(arena, int64_t, r.p->symbols.n + 1);
  device_launch *l = device_prepare(&bind, NULL);
  void **data = BASE_NEWS(arena, void *, r.p->tensors.n);
  float *in = cpu_lab_floats(lab, n), *out = cpu_lab_floats(lab, n);
  memcpy(in, x, sizeof *x * (size_t)n);
  for (int i = 0; i < r.p->tensors.n; i++)
    data[i] = r.p->tensors.at[i]->role == IR_DERIVED ? out : in;
  l->run(l, data, r.symbols);
  memcpy(y, out, sizeof *y * (size_t)n);
  cpu_lab_free(lab, in);
  cpu_lab_free(lab, out);
  base_arena_close(arena);
}

static void note(void *user, int level, const char *line) {
  (void)user, (void)level;
  if (getenv("CPU_LAB_SHOW")) print_message("%s\n", line);
}

void cpu_lab_each(void (*test)(cpu_lab *lab)) {
  static const char *const isa[] = {"avx512", "avx2", "plain"};
  for (int i = 0; i < 3; i++)
    for (int threads = 1; threads <= 2; threads++) {
      setenv("TL_ISA", isa[i], 1);
      base_hooks hooks = {.log = note};
      cpu_lab lab = {.ctx = base_open(&hooks), .seed = 1};
      lab.ref = device_open_ref(lab.ctx);
      lab.cpu = device_open_cpu(lab.ctx, threads);
      test(&lab);
      device_close(lab.cpu);
      device_close(lab.ref);
      assert_int_equal(base_heap_count(lab.ctx), 0);
      base_close(lab.ctx);
    }
  unsetenv("TL_ISA");
}

void cpu_lab_on_cuda(void (*test)(cpu_lab *lab)) {
  base_hooks hooks = {.log = note};
  cpu_lab lab = {.ctx = base_open(&hooks), .seed = 1};
  base_trap trap;
  if (BASE_TRY(lab.ctx, &trap)) {
    lab.ref = device_open_ref(lab.ctx);
    lab.cpu = device_open_cuda(lab.ctx, 0, NULL);
    test(&lab);
    device_close(lab.cpu);
    device_close(lab.ref);
    base_untrap(lab.ctx, &trap);
  } else {
    fail_msg("%s", base_last(lab.ctx)->message);
  }
  assert_int_equal(base_heap_count(lab.ctx), 0);
  base_close(lab.ctx);
}
