/* Measuring: functions compiled for a case, called in rounds long enough for the clock. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

static const double ROUND = 4000; /* microseconds a round takes at least */
enum { LETTERS = 26, CALLS = 100000 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

/* ---- statistics ------------------------------------------------------------------------------ */

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

void bench_order(bench_times *t) { qsort(t->at, (size_t)t->n, sizeof *t->at, by_size); }

double bench_median(const bench_times *t) {
  return t->n == 0 ? NAN : (t->at[(t->n - 1) / 2] + t->at[t->n / 2]) / 2;
}

double bench_mean(const bench_times *t) {
  double sum = 0;
  for (int i = 0; i < t->n; i++) sum += t->at[i];
  return sum / t->n;
}

/* ---- data ------------------------------------------------------------------------------------ */

/* x as f16, to nearest; |x| between 2^-14 and 65504, or 0. */
static uint16_t half(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  uint32_t sign = bits >> 16 & 0x8000, rest = bits & 0x7fffffff;
  if (rest < 0x38800000) return (uint16_t)sign;
  rest += 0xfff + (rest >> 13 & 1);
  return (uint16_t)(sign | (rest - 0x38000000) >> 13);
}

static float value_of(uint16_t h) {
  int exponent = h >> 10 & 31, fraction = h & 1023;
  if (exponent == 31) return fraction ? NAN : h >> 15 ? -INFINITY : INFINITY;
  float x =
      exponent ? ldexpf((float)(1024 + fraction), exponent - 25) : ldexpf((float)fraction, -24);
  return h >> 15 ? -x : x;
}

/* Sums of four uniform numbers: about normal. */
static void fill(uint16_t *to, int64_t n, uint32_t seed) {
  uint32_t x = seed * 2654435761u + 1;
  for (int64_t i = 0; i < n; i++) {
    x ^= x << 13, x ^= x >> 17, x ^= x << 5;
    float sum = (float)((x & 255) + (x >> 8 & 255) + (x >> 16 & 255) + (x >> 24));
    to[i] = half((sum - 510) / 147.8f);
  }
}

static int64_t letter(char c, int64_t n) {
  int64_t columns = n < 1000 ? n : 1000;
  return c == 'c' ? columns : c == 'r' ? n / columns : n;
}

int bench_inputs(const bench_case *c, int64_t n, bench_input *input) {
  int count = 0;
  for (const char *p = c->inputs; *p; count++) {
    bench_input *in = &input[count];
    int64_t elements = 1;
    *in = (bench_input){.rank = 0};
    size_t length = strcspn(p, ":");
    memcpy(in->name, p, length);
    for (p += length + 1; *p && *p != ' '; p++) elements *= in->size[in->rank++] = letter(*p, n);
    while (*p == ' ') p++;
    in->bytes = (size_t)elements * 2;
    in->data = malloc(in->bytes + 1);
    if (!in->data) {
      bench_free_inputs(count, input);
      return -1;
    }
    fill(in->data, elements, (uint32_t)(count + 1));
  }
  return count;
}

void bench_free_inputs(int n, bench_input *input) {
  for (int i = 0; i < n; i++) free(input[i].data);
}

/* ---- jobs ------------------------------------------------------------------------------------ */

typedef struct piece { /* a function, its arguments and results by number of tensor */
  tl_function *f;
  int nargs, nresults;
  int *arg, *result;
} piece;

struct bench_job {
  tl_context *ctx;
  int npiece, copies;
  piece piece[BENCH_PIECES];
  int ntensor, ninput; /* tensors: copies of inputs first */
  char (*name)[24];
  tl_tensor **tensor;
  tl_tensor *probe; /* one number, to wait by */
  int last;         /* the tensor that is the result */
};

static int find_name(const bench_job *j, const char *name) {
  for (int i = 0; i < j->ntensor; i++)
    if (strcmp(j->name[i], name) == 0) return i;
  return -1;
}

/* TEXT for one copy: names of tensors get its number. */
static void put_copy(char *to, const char *text, int copy) {
  while (*text && *text != '|') {
    bool name = isupper((unsigned char)*text) && !isalpha((unsigned char)text[1]);
    *to++ = *text++;
    if (name) to += sprintf(to, "%d", copy);
  }
  *to = 0;
}

/* The names of one copy of a piece: first those that it defines, then those that it reads. */
static void list_names(const char *text, bool *defined, bool *used) {
  bool head = true;
  for (; *text && *text != '|'; text++) {
    if (isupper((unsigned char)*text) && !isalpha((unsigned char)text[1]))
      (head ? defined : used)[*text - 'A'] = true;
    if (*text == '=') head = false;
    if (*text == '\n') head = true;
  }
}

static int tensor_of(bench_job *j, int letter_number, int copy) {
  char name[24];
  snprintf(name, sizeof name, "%c%d", 'A' + letter_number, copy);
  int found = find_name(j, name);
  if (found >= 0) return found;
  memcpy(j->name[j->ntensor], name, sizeof name);
  return j->ntensor++;
}

static bool add_piece(bench_job *j, const char *text) {
  piece *p = &j->piece[j->npiece++];
  bool defined[LETTERS] = {false}, used[LETTERS] = {false};
  list_names(text, defined, used);
  size_t room = (strlen(text) * 3 + 16) * (size_t)j->copies + 32;
  char *all = malloc(room), *at = all;
  const char **args = calloc((size_t)(LETTERS * j->copies + 1), sizeof *args);
  const char **results = calloc((size_t)(j->copies + 1), sizeof *results);
  p->arg = calloc((size_t)(LETTERS * j->copies), sizeof *p->arg);
  p->result = calloc((size_t)j->copies, sizeof *p->result);
  if (all && args && results && p->arg && p->result) {
    int result = 0;
    for (const char *q = text; *q && *q != '|'; q++) /* the last head is the result */
      if ((q == text || q[-1] == '\n') && isupper((unsigned char)*q)) result = *q - 'A';
    at += sprintf(at, "default f16\n");
    for (int c = 0; c < j->copies; c++) {
      put_copy(at, text, c);
      at += strlen(at);
      at += sprintf(at, "\n");
      for (int k = 0; k < LETTERS; k++)
        if (used[k] && !defined[k]) p->arg[p->nargs++] = tensor_of(j, k, c);
      p->result[p->nresults++] = j->last = tensor_of(j, result, c);
    }
    for (int i = 0; i < p->nargs; i++) args[i] = j->name[p->arg[i]];
    for (int i = 0; i < p->nresults; i++) results[i] = j->name[p->result[i]];
    p->f = tl_compile(j->ctx, all, args, results);
  }
  free(all);
  free(args);
  free(results);
  return p->f != NULL;
}

bench_job *bench_job_new(tl_context *ctx, const char *text, int copies, int n,
                         const bench_input *input) {
  bench_job *j = calloc(1, sizeof *j);
  if (!j) return NULL;
  *j = (bench_job){.ctx = ctx, .copies = copies, .last = -1};
  size_t most = (size_t)((n + 2 * BENCH_PIECES) * copies + 1);
  j->name = calloc(most, sizeof *j->name);
  j->tensor = calloc(most, sizeof(tl_tensor *));
  j->probe = tl_scalar(ctx, TL_F32, 0);
  bool good = j->name && j->tensor && j->probe;
  for (int c = 0; good && c < copies; c++)
    for (int i = 0; good && i < n; i++) {
      int t = tensor_of(j, input[i].name[0] - 'A', c);
      j->tensor[t] = tl_from(ctx, TL_F16, input[i].rank, input[i].size, input[i].data);
      good = j->tensor[t] != NULL;
    }
  j->ninput = j->ntensor;
  for (const char *p = text; good && p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
    good = add_piece(j, p);
  if (good) return j;
  bench_job_free(j);
  return NULL;
}

void bench_job_free(bench_job *j) {
  if (!j) return;
  if (j->tensor)
    for (int i = 0; i < j->ntensor; i++) tl_release(j->tensor[i]);
  for (int p = 0; p < j->npiece; p++) {
    tl_function_release(j->piece[p].f);
    free(j->piece[p].arg);
    free(j->piece[p].result);
  }
  tl_release(j->probe);
  free(j->name);
  free(j->tensor);
  free(j);
}

static tl_status call_all(bench_job *j) {
  tl_tensor *args[LETTERS * 64], *results[64];
  for (int p = 0; p < j->npiece; p++) {
    piece *f = &j->piece[p];
    for (int i = 0; i < f->nargs; i++) args[i] = j->tensor[f->arg[i]];
    tl_status status = tl_call(f->f, args, results);
    if (status != TL_OK) return status;
    for (int i = 0; i < f->nresults; i++) {
      tl_release(j->tensor[f->result[i]]);
      j->tensor[f->result[i]] = results[i];
    }
  }
  return TL_OK;
}

/* All that was queued is done: one number is read, behind it in the device's order. */
static tl_status settle(bench_job *j) {
  float number;
  return tl_read(j->probe, &number, sizeof number);
}

tl_status bench_run(bench_job *j) {
  tl_status status = call_all(j);
  return status == TL_OK ? settle(j) : status;
}

/* Microseconds of CALLS calls; < 0: one failed. */
static double time_calls(bench_job *j, int calls) {
  double begin = now();
  for (int i = 0; i < calls; i++)
    if (call_all(j) != TL_OK) return -1;
  return settle(j) == TL_OK ? now() - begin : -1;
}

tl_status bench_rounds(bench_job *j, int rounds, bench_times *t) {
  double begin = now(), wait;
  if (t->n == 0) {
    if (bench_run(j) != TL_OK) return tl_last(j->ctx);
    t->first = now() - begin;
  }
  begin = now();
  settle(j);
  wait = now() - begin;
  int calls = 1;
  double once = time_calls(j, 1);
  while (once >= 0 && once < ROUND && calls < CALLS) {
    int more = (int)(1.2 * ROUND / (once > 1 ? once : 1) * calls) + 1;
    calls = more > 8 * calls ? 8 * calls : more;
    once = time_calls(j, calls);
  }
  for (int r = 0; r < rounds && once >= 0 && t->n < BENCH_ROUNDS; r++) {
    once = time_calls(j, calls);
    double net = once > wait ? once - wait : once;
    t->at[t->n++] = net / calls / j->copies;
  }
  return once < 0 ? tl_last(j->ctx) : TL_OK;
}

size_t bench_result_bytes(const bench_job *j) {
  const tl_tensor *y = j->tensor[j->last];
  return y ? (size_t)tl_count(y) * tl_type_bytes(tl_tensor_type(y)) : 0;
}

tl_status bench_result(bench_job *j, void *to, size_t bytes) {
  tl_status status = j->tensor[j->last] ? TL_OK : bench_run(j);
  return status == TL_OK ? tl_read(j->tensor[j->last], to, bytes) : status;
}

/* ---- verifying ------------------------------------------------------------------------------- */

static int64_t small_size(const bench_case *c) {
  return strchr(c->inputs, 'r') || !strstr(c->inputs, "nn") ? 2000 : 72;
}

/* The result as floats; NULL: the calls failed. */
static float *compute(tl_context *ctx, const bench_case *c, int n, const bench_input *input,
                      size_t *count) {
  bench_job *j = bench_job_new(ctx, c->text, 1, n, input);
  float *values = NULL;
  if (j && bench_run(j) == TL_OK) {
    size_t bytes = bench_result_bytes(j);
    uint16_t *raw = malloc(bytes + 1);
    *count = bytes / 2;
    if (raw && bench_result(j, raw, bytes) == TL_OK) values = malloc((*count + 1) * sizeof *values);
    for (size_t i = 0; values && i < *count; i++) values[i] = value_of(raw[i]);
    free(raw);
  }
  bench_job_free(j);
  return values;
}

double bench_difference(tl_context *ctx, tl_context *ref, const bench_case *c) {
  bench_input input[BENCH_INPUTS];
  int n = bench_inputs(c, small_size(c), input);
  size_t na = 0, nb = 0;
  double most = 0, far = -1;
  if (n < 0) return -1;
  float *a = compute(ctx, c, n, input, &na), *b = compute(ref, c, n, input, &nb);
  for (size_t i = 0; a && b && i < nb; i++) most = fmax(most, fabs((double)b[i]));
  if (a && b && na == nb) {
    far = 0;
    for (size_t i = 0; i < na; i++) {
      double d = fabs((double)a[i] - (double)b[i]) / (most > 0 ? most : 1);
      if (!(d <= far)) far = d;
    }
  }
  free(a);
  free(b);
  bench_free_inputs(n, input);
  return far;
}

/* ---- transfers ------------------------------------------------------------------------------- */

tl_status bench_transfer(tl_tensor *t, void *data, size_t bytes, bool there, double *us) {
  int calls = 0;
  double begin = now(), took = 0;
  tl_status status = TL_OK;
  while (status == TL_OK && (took < ROUND || calls == 0)) {
    status = there ? tl_write(t, data, bytes) : tl_read(t, data, bytes);
    calls++;
    took = now() - begin;
  }
  *us = took / calls;
  return status;
}
