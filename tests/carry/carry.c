#include "carry/carry.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct numbers {
  int n;
  const double *at;
} numbers;

carry *open_carry(const char *name, const char *force) {
  carry *c = calloc(1, sizeof *c);
  c->ctx = base_open(NULL);
  c->arena = base_arena_open(c->ctx);
  base_trap trap;
  if (!BASE_TRY(c->ctx, &trap)) fail_msg("%s", base_last(c->ctx)->message);
  c->session = run_open(c->ctx, &(run_config){.device = name, .verify = true, .force = force});
  base_untrap(c->ctx, &trap);
  c->data = base_map_open(c->arena);
  c->size = base_map_open(c->arena);
  return c;
}

const char *carry_device(void) {
  const char *other = getenv("TL_TEST_DEVICE");
  return other ? other : "cpu";
}

int open_on_ref(void **state) {
  *state = open_carry("ref", NULL);
  return 0;
}

int open_on_cpu(void **state) {
  *state = open_carry(carry_device(), NULL);
  return 0;
}

static void drop_outputs(carry *c) {
  for (int i = 0; i < CARRY_TENSORS; i++) {
    run_release(c->out[i]);
    c->out[i] = NULL;
  }
}

void forget(carry *c) {
  for (int i = 0; i < CARRY_TENSORS; i++) {
    run_release(c->leaf[i]);
    c->leaf[i] = NULL;
  }
}

static void drop_plan(carry *c) {
  drop_outputs(c);
  forget(c);
  run_plan_release(c->plan);
  c->plan = NULL;
}

int close_carry(void **state) {
  carry *c = *state;
  drop_plan(c);
  run_close(c->session);
  base_arena_close(c->arena);
  size_t left = base_heap_count(c->ctx);
  base_close(c->ctx);
  free(c);
  return left != 0;
}

/* ---- programs -------------------------------------------------------------------------------- */

/* What is raised fails the test with its message. */
static void guarded(carry *c, void (*job)(carry *c, const void *a), const void *a) {
  base_trap trap;
  if (BASE_TRY(c->ctx, &trap)) {
    job(c, a);
    base_untrap(c->ctx, &trap);
  } else {
    fail_msg("%s", base_last(c->ctx)->message);
  }
}

static void check_text(carry *c, const void *a) {
  const char *text = a;
  c->source = lang_check(c->arena, NULL, text, strlen(text),
                         &(lang_options){.type = IR_F64, .folder = "."});
}

void load(carry *c, const char *text) {
  c->p = NULL;
  guarded(c, check_text, text);
}

static void put_name(carry *c, const ir_tensor *t, const char *name) {
  base_map_put(c->name, &t, sizeof t, (void *)name);
}

static const char *name_of(const carry *c, const ir_tensor *t) {
  const char *name = base_map_get(c->name, &t, sizeof t);
  return name ? name : t->name;
}

/* Names in the text of the tensors of the extract Q. */
static void take_extract(carry *c, ir_program *q, ir_tensor **map) {
  c->p = q;
  c->name = base_map_open(c->arena);
  for (int i = 0; i < c->source->tensors.n; i++) {
    const lang_tensor *t = c->source->tensors.at[i];
    if (map[t->ir->id]) put_name(c, map[t->ir->id], t->name);
    if (map[t->ir->id] && t->data && !base_map_get_s(c->data, t->name)) {
      int64_t n = 1;
      for (int k = 0; k < t->data->rank; k++) n *= t->data->shape[k];
      double *v = BASE_NEWS(c->arena, double, n + 1);
      for (int64_t k = 0; k < n; k++) v[k] = device_load((ir_type)t->data->type, t->data->data, k);
      set(c, t->name, (int)n, v);
    }
  }
}

static void extract(carry *c, const char *wanted) {
  ir_tensor *out[CARRY_TENSORS],
      **map = BASE_NEWS(c->arena, ir_tensor *, c->source->ir->tensors.n + 1);
  int n = 0;
  char *words = base_copy(c->arena, wanted);
  for (char *word = strtok(words, " "); word; word = strtok(NULL, " ")) {
    lang_tensor *t = lang_find(c->source, word);
    if (!t) fail_msg("there is no %s", word);
    out[n] = t->ir;
    c->out_name[n++] = word;
  }
  take_extract(c, ir_extract(c->arena, c->source->ir, n, out, false, 0, NULL, map), map);
}

void load_ir(carry *c, ir_program *p) {
  c->source = NULL;
  c->p = p;
  c->name = base_map_open(c->arena);
  for (int i = 0; i < p->outputs.n; i++) c->out_name[i] = p->outputs.at[i]->name;
}

void sized(carry *c, const char *symbol, int64_t value) {
  int64_t *n = BASE_NEW(c->arena, int64_t);
  *n = value;
  base_map_put_s(c->size, symbol, n);
}

static const ir_expr *extent(ir_program *p, base_map *symbols, const char *word) {
  char *end;
  long n = strtol(word, &end, 10);
  if (!*end) return ir_int(p, n);
  ir_symbol *s = base_map_get_s(symbols, word);
  if (!s) base_map_put_s(symbols, word, s = ir_symbol_new(p, base_copy(p->arena, word), false, 0));
  return ir_size(p, s);
}

typedef struct sized_text {
  const char *leaves, *text, *wanted;
} sized_text;

static ir_tensor *leaf_of_words(ir_program *p, base_map *symbols, char *words) {
  char *rest, *name = strtok_r(words, " ", &rest), *type = strtok_r(NULL, " ", &rest);
  const ir_expr *size[RUN_RANK];
  int rank = 0;
  for (char *word; (word = strtok_r(NULL, " ", &rest));) size[rank++] = extent(p, symbols, word);
  for (int t = 0; t < IR_TYPES; t++)
    if (strcmp(type, ir_type_name((ir_type)t)) == 0)
      return ir_tensor_new(p, name, (ir_type)t, rank, size, IR_INPUT);
  fail_msg("%s is no type", type);
  return NULL;
}

static void check_sized(carry *c, const void *a) {
  const sized_text *s = a;
  ir_program *p = ir_program_open(c->arena);
  base_map *symbols = base_map_open(c->arena);
  ir_tensor *leaf[CARRY_TENSORS], *found[CARRY_TENSORS];
  const char *name[CARRY_TENSORS], *wanted[CARRY_TENSORS];
  int n = 0, nwanted = 0;
  char *rest, *words = base_copy(c->arena, s->leaves);
  for (char *word = strtok_r(words, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
    leaf[n] = leaf_of_words(p, symbols, word);
    name[n] = leaf[n]->name;
    n++;
  }
  words = base_copy(c->arena, s->wanted);
  for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
    wanted[nwanted++] = word;
  lang_equations_of(p, lang_parse(c->arena, NULL, s->text, strlen(s->text)), n, name, leaf, IR_F64,
                    NULL, nwanted, wanted, found);
  ir_tensor **map = BASE_NEWS(c->arena, ir_tensor *, p->tensors.n + 1);
  load_ir(c, ir_extract(c->arena, p, nwanted, found, false, 0, NULL, map));
  for (int i = 0; i < nwanted; i++) c->out_name[i] = wanted[i];
  for (int i = 0; i < n; i++)
    if (map[leaf[i]->id]) put_name(c, map[leaf[i]->id], name[i]);
}

void load_sized(carry *c, const char *leaves, const char *text, const char *wanted) {
  guarded(c, check_sized, &(sized_text){leaves, text, wanted});
}

/* ---- values of leaves ------------------------------------------------------------------------ */

void set(carry *c, const char *leaf, int n, const double *value) {
  numbers *v = BASE_NEW(c->arena, numbers);
  double *copy = BASE_NEWS(c->arena, double, n + 1);
  memcpy(copy, value, sizeof *copy * (size_t)n);
  *v = (numbers){n, copy};
  base_map_put_s(c->data, leaf, v);
}

static double number_of_name(const char *name, ir_type type, int64_t i) {
  uint64_t seed = base_hash_mix(base_hash(name, strlen(name), 7), (uint64_t)i);
  double x = (double)(base_hash(&seed, sizeof seed, 11) >> 11) / 9007199254740992.0;
  if (type == IR_BOOL) return x < 0.5;
  return ir_type_real(type) ? 2 * x - 1 : floor(3 * x);
}

static ir_value value_of(ir_type type, double x) {
  ir_value v = {.type = ir_type_computed(type)};
  if (ir_type_real(type))
    v.u.f = x;
  else
    v.u.i = (int64_t)x;
  return v;
}

static void write_leaf(carry *c, run_value *leaf, const char *name) {
  const numbers *given = base_map_get_s(c->data, name);
  if (given && given->n != leaf->count) fail_msg("%s has %d elements", name, (int)leaf->count);
  void *bytes = calloc((size_t)leaf->count + 1, 8);
  for (int64_t i = 0; i < leaf->count; i++) {
    double x = given ? given->at[i] : number_of_name(name, leaf->type, i);
    device_store_value(leaf->type, bytes, i, value_of(leaf->type, x));
  }
  run_value_write(leaf, bytes);
  free(bytes);
}

static int64_t *symbols_of(const carry *c) {
  int64_t *symbol = BASE_NEWS(c->arena, int64_t, c->p->symbols.n + 1);
  for (int i = 0; i < c->p->symbols.n; i++) {
    const int64_t *n = base_map_get_s(c->size, c->p->symbols.at[i]->name);
    symbol[i] = n ? *n : 0;
  }
  return symbol;
}

static bool fits(const run_value *v, int rank, const int64_t *size) {
  for (int k = 0; k < rank; k++)
    if (v->size[k] != size[k]) return false;
  return true;
}

/* States keep their values from run to run; inputs are written each time. */
static void fill_leaves(carry *c) {
  const int64_t *symbol = symbols_of(c);
  int n = 0;
  for (int i = 0; i < c->p->tensors.n; i++) {
    const ir_tensor *t = c->p->tensors.at[i];
    if (t->role == IR_DERIVED) continue;
    int64_t size[RUN_RANK];
    for (int k = 0; k < t->rank; k++) size[k] = ir_eval_size(t->size[k], symbol);
    bool kept = c->leaf[n] && fits(c->leaf[n], t->rank, size);
    if (!kept) {
      run_release(c->leaf[n]);
      c->leaf[n] = NULL;
      c->leaf[n] = run_value_new(c->session, t->type, t->rank, size, NULL);
    }
    c->leaf_name[n] = name_of(c, t);
    if (!kept || t->role == IR_INPUT) write_leaf(c, c->leaf[n], c->leaf_name[n]);
    n++;
  }
}

static void plan_and_run(carry *c, const void *wanted) {
  if (wanted) extract(c, wanted);
  if (wanted || !c->plan) drop_plan(c);
  fill_leaves(c);
  drop_outputs(c);
  run_plan *plan = run_plan_of(c->session, c->p);
  run_plan_release(c->plan);
  c->plan = plan;
  run_plan_execute(c->plan, c->leaf, c->out);
}

void run(carry *c, const char *wanted) { guarded(c, plan_and_run, wanted); }
void again(carry *c) { guarded(c, plan_and_run, NULL); }

const char *refusal(carry *c, const char *wanted) {
  base_trap trap;
  base_clear(c->ctx);
  if (BASE_TRY(c->ctx, &trap)) {
    plan_and_run(c, wanted);
    base_untrap(c->ctx, &trap);
    return "";
  }
  return base_last(c->ctx)->message;
}

/* ---- questions ------------------------------------------------------------------------------- */

int kernels(const carry *c) { return run_plan_schedule(c->plan)->nkernel; }

int kernels_of(const carry *c, kernel_shape shape) {
  const sched_plan *plan = run_plan_schedule(c->plan);
  int n = 0;
  for (int k = 0; k < plan->nkernel; k++) n += plan->kernel[k]->shape == shape;
  return n;
}

int equations_of(const carry *c, int k) {
  const kernel *of = run_plan_schedule(c->plan)->kernel[k];
  int n = 0;
  for (int s = 0; s < of->nsegment; s++) n += of->segment[s].neq;
  return n;
}

int64_t peak(const carry *c) {
  static run_kernel_report report[1024];
  int64_t bytes = -1;
  run_plan_report(c->plan, c->leaf, report, &bytes);
  return bytes;
}

void show(const carry *c) {
  base_text text = base_text_open(c->arena);
  sched_print(&text, run_plan_schedule(c->plan));
  printf("%s\n", text.at);
}

static const run_value *find(const carry *c, const char *name) {
  for (int i = 0; i < c->p->outputs.n; i++)
    if (strcmp(c->out_name[i], name) == 0) return c->out[i];
  for (int i = 0; i < CARRY_TENSORS && c->leaf[i]; i++)
    if (strcmp(c->leaf_name[i], name) == 0) return c->leaf[i];
  fail_msg("%s is not there", name);
  return NULL;
}

int count(const carry *c, const char *name) { return (int)find(c, name)->count; }
double element(const carry *c, const char *name, int i) { return run_value_at(find(c, name), i); }

const double *values(const carry *c, const char *name) {
  const run_value *v = find(c, name);
  double *x = BASE_NEWS(c->arena, double, v->count + 1);
  void *bytes = calloc((size_t)v->count + 1, 8);
  run_value_read(v, bytes);
  for (int64_t i = 0; i < v->count; i++) x[i] = device_load(v->type, bytes, i);
  free(bytes);
  return x;
}

void shape_is(const carry *c, const char *name, int rank, const int64_t *size) {
  const run_value *v = find(c, name);
  assert_int_equal(v->rank, rank);
  for (int k = 0; k < rank; k++)
    if (v->size[k] != size[k])
      fail_msg("%s: position %d is %d long, not %d", name, k, (int)v->size[k], (int)size[k]);
}

void close_to(const char *what, int n, const double *got, const double *want, double tolerance) {
  double scale = 1e-30;
  for (int i = 0; i < n; i++)
    if (isfinite(want[i]) && fabs(want[i]) > scale) scale = fabs(want[i]);
  for (int i = 0; i < n; i++) {
    if (got[i] == want[i] || (isnan(got[i]) && isnan(want[i]))) continue;
    if (!(fabs(got[i] - want[i]) <= tolerance * scale))
      fail_msg("%s: element %d is %.12g, not %.12g", what, i, got[i], want[i]);
  }
}

/* ---- derivatives ----------------------------------------------------------------------------- */

static double sum_with(carry *c, const char *loss, const char *wrt, int n, const double *x, int i,
                       double step) {
  double *moved = BASE_NEWS(c->arena, double, n + 1), sum = 0;
  memcpy(moved, x, sizeof *x * (size_t)n);
  moved[i] += step;
  set(c, wrt, n, moved);
  again(c);
  const run_value *v = find(c, loss);
  for (int64_t k = 0; k < v->count; k++) sum += run_value_at(v, k);
  return sum;
}

void is_derivative(carry *c, const char *loss, const char *wrt, const char *gradient) {
  enum { SAMPLES = 24 };
  const double h = 1e-3;
  void *was_set = base_map_get_s(c->data, wrt);
  int n = count(c, gradient);
  const double *x = values(c, wrt), *got = values(c, gradient);
  double scale = 0;
  assert_int_equal(n, count(c, wrt));
  for (int i = 0; i < n; i++) scale = fmax(scale, fabs(got[i]));
  for (int i = 0; i < n; i += 1 + n / SAMPLES) {
    double want =
        8 * (sum_with(c, loss, wrt, n, x, i, h) - sum_with(c, loss, wrt, n, x, i, -h)) -
        (sum_with(c, loss, wrt, n, x, i, 2 * h) - sum_with(c, loss, wrt, n, x, i, -2 * h));
    want /= 12 * h;
    if (!(fabs(got[i] - want) <= 1e-6 * fmax(fabs(want), 1e-2 * scale) + 1e-10))
      fail_msg("%s by %s: element %d is %.12g, not %.12g", loss, wrt, i, got[i], want);
  }
  base_map_put_s(c->data, wrt, was_set);
  again(c);
}
