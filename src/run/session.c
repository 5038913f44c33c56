/* The session: its device and its cache of plans. */
#include "run/private.h"

#include <string.h>

/* The number behind "cuda:", or the configured one; -1: it is none. */
static int ordinal_of(const run_config *config, const char *name) {
  const char *colon = strchr(name, ':');
  if (!colon) return config->cuda_device;
  int n = 0;
  for (const char *c = colon + 1; *c; c++)
    if (*c < '0' || *c > '9' || n > 999) return -1;
    else n = 10 * n + (*c - '0');
  return colon[1] ? n : -1;
}

/* The GPU for `auto`; NULL: none that can be used, and the log says why. */
static device *open_gpu(base_ctx *ctx, const run_config *config) {
  base_trap trap;
  if (BASE_TRY(ctx, &trap)) {
    device *d = device_open_cuda(ctx, config->cuda_device, config->cuda_stream);
    base_untrap(ctx, &trap);
    return d;
  }
  if (base_last(ctx)->status != BASE_DEVICE) base_raise_again(ctx);
  base_log(ctx, 1, "auto: %s; all runs on the processor", base_last(ctx)->message);
  base_clear(ctx);
  return NULL;
}

static device *open_device(base_ctx *ctx, const run_config *config) {
  const char *name = config->device ? config->device : "cpu";
  if (strcmp(name, "ref") == 0) return device_open_ref(ctx);
  if (strcmp(name, "cpu") == 0 || strcmp(name, "auto") == 0)
    return device_open_cpu(ctx, config->threads);
  bool numbered = strncmp(name, "cuda:", 5) == 0 && ordinal_of(config, name) >= 0;
  if (strcmp(name, "cuda") == 0 || numbered)
    return device_open_cuda(ctx, ordinal_of(config, name), config->cuda_stream);
  base_raise(ctx, BASE_DEVICE, base_nowhere,
             "there is no device `%s`\nhelp: there are cpu, cuda, auto and ref", name);
}

run_session *run_open(base_ctx *ctx, const run_config *config) {
  static const run_config plain;
  run_session *s = base_calloc(ctx, sizeof *s);
  s->ctx = ctx;
  s->config = config ? *config : plain;
  base_trap trap;
  if (BASE_TRY(ctx, &trap)) {
    s->arena = base_arena_open(ctx);
    s->names = base_map_open(s->arena);
    s->capacity = s->config.plans > 0 ? s->config.plans : 256;
    s->plan = base_calloc(ctx, sizeof *s->plan * (size_t)s->capacity);
    s->device = open_device(ctx, &s->config);
    if (s->config.device && strcmp(s->config.device, "auto") == 0)
      s->gpu = open_gpu(ctx, &s->config);
    base_untrap(ctx, &trap);
  } else {
    base_free(ctx, s->plan);
    device_close(s->device);
    if (s->arena) base_arena_close(s->arena);
    base_free(ctx, s);
    base_raise_again(ctx);
  }
  return s;
}

void run_close(run_session *s) {
  if (!s) return;
  for (int i = 0; i < s->nplan; i++) run_plan_release(s->plan[i]);
  device_close(s->gpu);
  device_close(s->device);
  base_free(s->ctx, s->plan);
  base_arena_close(s->arena);
  base_free(s->ctx, s);
}

base_ctx *run_ctx(const run_session *s) { return s->ctx; }
device *run_device(const run_session *s) { return s->device; }

device_pool_stats run_pool_statistics(const run_session *s) {
  device_pool_stats all = device_stats(s->device);
  if (!s->gpu) return all;
  device_pool_stats gpu = device_stats(s->gpu);
  all.allocations += gpu.allocations;
  all.reuses += gpu.reuses;
  all.system_allocations += gpu.system_allocations;
  all.in_use += gpu.in_use;
  all.cached += gpu.cached;
  all.peak += gpu.peak;
  return all;
}

void run_shrink(run_session *s, size_t keep_bytes) {
  device_shrink(s->device, keep_bytes);
  if (s->gpu) device_shrink(s->gpu, keep_bytes);
}

run_stats run_statistics(const run_session *s) { return s->stats; }

/* ---- making a plan --------------------------------------------------------------------------- */

static void list_zeroes(run_plan *plan) {
  const sched_plan *sched = plan->schedule;
  int n = sched->program->tensors.n;
  plan->zero = BASE_NEWS(plan->arena, ir_tensor **, sched->nkernel + 1);
  for (int t = 0; t < n; t++) {
    const sched_memory *m = &sched->memory[t];
    if (!m->zero || m->first < 0 || m->first >= sched->nkernel) continue;
    ir_tensor **list = plan->zero[m->first];
    plan->zeroes = true;
    if (!list) list = plan->zero[m->first] = BASE_NEWS(plan->arena, ir_tensor *, n + 1);
    while (*list) list++;
    *list = sched->program->tensors.at[t];
  }
}

const char *run_name(run_session *s, const char *name) {
  if (!base_map_get_s(s->names, name))
    base_map_put_s(s->names, name, base_copy(s->arena, name));
  return base_map_get_s(s->names, name);
}

static void list_places(run_plan *plan) {
  const sched_plan *sched = plan->schedule;
  int n = sched->program->tensors.n;
  plan->home = BASE_NEWS(plan->arena, int, n + 1);
  plan->root = BASE_NEWS(plan->arena, int, n + 1);
  plan->own = BASE_NEWS(plan->arena, ir_tensor *, n + 1);
  plan->own_name = BASE_NEWS(plan->arena, const char *, n + 1);
  plan->placed = BASE_NEWS(plan->arena, ir_tensor *, n + 1);
  for (int i = 0; i < n; i++) {
    ir_tensor *t = sched->program->tensors.at[i];
    sched_place place = sched->memory[i].place;
    const ir_tensor *home = t;
    while (sched->memory[home->id].place == SCHED_OVER) home = sched->memory[home->id].over;
    plan->home[i] = home->id;
    if (place == SCHED_OUTPUT) {
      plan->own_name[plan->nown] = run_name(plan->session, t->name);
      plan->own[plan->nown++] = t;
    }
    if (place == SCHED_WORK || place == SCHED_OVER) plan->placed[plan->nplaced++] = t;
    if (place == SCHED_WORK && !plan->work) plan->work = t;
  }
  for (int i = 0; i < n; i++) {
    bool work = sched->memory[plan->home[i]].place == SCHED_WORK;
    plan->root[i] = work ? plan->work->id : plan->home[i];
  }
}

static void list_leaves(run_plan *plan) {
  ir_program *p = plan->schedule->program;
  plan->leaf = BASE_NEWS(plan->arena, ir_tensor *, p->tensors.n + 1);
  plan->leaf_of = BASE_NEWS(plan->arena, int, p->tensors.n + 1);
  for (int i = 0; i < p->tensors.n; i++) {
    plan->leaf_of[i] = p->tensors.at[i]->role == IR_DERIVED ? -1 : plan->nleaf;
    if (p->tensors.at[i]->role == IR_DERIVED) continue;
    plan->leaf[plan->nleaf++] = p->tensors.at[i];
    plan->nsize += p->tensors.at[i]->rank;
  }
}

static void compile(run_plan *plan, const ir_program *source) {
  run_session *s = plan->session;
  plan->arena = base_arena_open(s->ctx);
  ir_program *p = ir_copy(plan->arena, source);
  pass_options options = {
      .verify = s->config.verify, .dump = s->config.dump, .user = s->config.user};
  pass_run(p, &options);
  plan->schedule = sched_make(p);
  list_leaves(plan);
  list_places(plan);
  list_zeroes(plan);
}

static void plan_free(run_plan *plan) {
  for (int i = 0; i < plan->nbinding; i++) run_unbind(plan->binding[i]);
  base_arena_close(plan->arena);
  base_free(plan->session->ctx, plan->key);
  base_free(plan->session->ctx, plan);
}

void run_plan_release(run_plan *plan) {
  if (plan && --plan->refs == 0) plan_free(plan);
}

static run_plan *plan_make(run_session *s, const ir_program *p, const base_text *key,
                           uint64_t hash) {
  run_plan *plan = base_calloc(s->ctx, sizeof *plan);
  *plan = (run_plan){.session = s, .refs = 1, .hash = hash, .nkey = key->n};
  base_trap trap;
  if (BASE_TRY(s->ctx, &trap)) {
    plan->key = base_malloc(s->ctx, key->n + 1);
    memcpy(plan->key, key->at, key->n);
    compile(plan, p);
    base_untrap(s->ctx, &trap);
  } else {
    plan_free(plan);
    base_raise_again(s->ctx);
  }
  s->stats.plans_made++;
  return plan;
}

/* ---- the cache ------------------------------------------------------------------------------- */

static void keep(run_session *s, run_plan *plan) {
  int slot = s->nplan;
  if (slot < s->capacity) {
    s->nplan++;
  } else {
    slot = 0;
    for (int i = 1; i < s->nplan; i++)
      if (s->plan[i]->used < s->plan[slot]->used) slot = i;
    run_plan_release(s->plan[slot]);
  }
  s->plan[slot] = plan;
}

static run_plan *find(run_session *s, const base_text *key, uint64_t hash) {
  for (int i = 0; i < s->nplan; i++) {
    run_plan *plan = s->plan[i];
    if (plan->hash == hash && plan->nkey == key->n && memcmp(plan->key, key->at, key->n) == 0)
      return plan;
  }
  return NULL;
}

run_plan *run_plan_of(run_session *s, const ir_program *p) {
  base_text key = base_text_open(p->arena);
  ir_key(p, &key);
  uint64_t hash = base_hash(key.at, key.n, 0);
  run_plan *plan = find(s, &key, hash);
  if (plan) {
    s->stats.plans_found++;
  } else {
    plan = plan_make(s, p, &key, hash);
    keep(s, plan);
  }
  plan->used = ++s->clock;
  plan->refs++;
  return plan;
}

const sched_plan *run_plan_schedule(const run_plan *plan) { return plan->schedule; }
int run_plan_leaves(const run_plan *plan) { return plan->nleaf; }
int run_plan_outputs(const run_plan *plan) { return plan->schedule->program->outputs.n; }
