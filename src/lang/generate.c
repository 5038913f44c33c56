/* generate: a model's own text, one token at a time. */
#include "lang/machine.h"

#include <math.h>
#include <string.h>

enum { GENERATE_STREAM = 1 << 29 }; /* of random numbers; those of the program's draws are below */

typedef struct writing {
  lang_machine *m;
  base_arena *job;
  const lang_generate *g;
  machine_part part;
  run_value *window;              /* what the model reads: the tokens' tensor */
  void *tokens;                   /* the same on the host */
  int64_t length, stride, offset; /* of the running position in it */
  int64_t *all, n;                /* the text so far */
  int64_t draws;
} writing;

static void open_window(writing *w) {
  lang_machine *m = w->m;
  const ir_tensor *t = w->g->tokens->ir;
  int64_t size[RUN_RANK + 1], stride = 1;
  for (int k = t->rank - 1; k >= 0; k--) {
    size[k] = machine_size(m, t, k);
    int64_t at = w->g->at[k];
    if (at < 0) {
      w->length = size[k];
      w->stride = stride;
    } else if (at >= size[k]) {
      base_raise(m->ctx, BASE_ARGUMENT, w->g->tokens->span,
                 "generate wants position %d of %s at %lld; it is %lld long", k, t->name,
                 (long long)at, (long long)size[k]);
    } else {
      w->offset += at * stride;
    }
    stride *= size[k];
  }
  if (w->length < 1)
    base_raise(m->ctx, BASE_ARGUMENT, w->g->tokens->span, "%s has no room for a token", t->name);
  w->window = machine_hold(w->job, run_value_new(m->session, t->type, t->rank, size, NULL));
  w->tokens = base_alloc(w->job, run_value_bytes(w->window));
}

static void open_model(writing *w) {
  lang_machine *m = w->m;
  ir_tensor *tokens = w->g->tokens->ir;
  ir_tensor **replaced = BASE_NEWS(w->job, ir_tensor *, m->nwith + 1);
  int n = 0;
  for (int i = 0; i < m->nwith; i++)
    if (m->with[i].tensor->ir != tokens) replaced[n++] = m->with[i].tensor->ir;
  replaced[n++] = tokens;
  w->part = machine_extract(m, w->job, w->g->probability->ir, n, replaced);
  if (!w->part.map[tokens->id])
    base_raise(m->ctx, BASE_REFUSED, w->g->probability->span,
               "the probabilities do not depend on %s", tokens->name);
  machine_plan(&w->part);
  for (int i = 0; i < m->nwith; i++) {
    ir_tensor *leaf = w->part.map[m->with[i].tensor->ir->id];
    if (!leaf) continue;
    run_value *by = machine_value(m, w->job, m->with[i].by, 0, NULL);
    machine_give(&w->part, leaf, machine_convert(w->job, by, leaf->type));
  }
  machine_give(&w->part, w->part.map[tokens->id], w->window);
}

static void open_prompt(writing *w) {
  const lang_generate *g = w->g;
  io_array prompt = io_encode(w->job, g->domain->text, g->prompt, strlen(g->prompt));
  w->n = prompt.shape[0];
  w->all = BASE_NEWS(w->job, int64_t, w->n + g->steps + 1);
  memcpy(w->all, prompt.data, (size_t)w->n * sizeof *w->all);
}

/* The last tokens, from position 0 on; the number of them. */
static int64_t fill_window(writing *w) {
  int64_t n = w->n < w->length ? w->n : w->length;
  for (int64_t i = 0; i < n; i++) {
    ir_value token = {IR_I64, {.i = w->all[w->n - n + i]}};
    device_store_value(w->window->type, w->tokens, w->offset + i * w->stride, token);
  }
  run_value_write(w->window, w->tokens);
  return n;
}

/* What follows has probability P[i]^(1/temperature) up to a factor. */
static int64_t choose(writing *w, const double *p, int64_t n) {
  int64_t best = 0;
  for (int64_t i = 1; i < n; i++)
    if (p[i] > p[best]) best = i;
  if (w->g->temperature == 0) return best;
  double total = 0, *weight = BASE_NEWS(w->job, double, n + 1);
  for (int64_t i = 0; i < n; i++) {
    weight[i] = p[i] > 0 ? exp(log(p[i] / p[best]) / w->g->temperature) : 0;
    total += weight[i];
  }
  uint32_t bits = ir_random_bits(machine_key(w->m), GENERATE_STREAM + w->m->generated, w->draws++);
  double at = ((double)bits + 0.5) * 0x1p-32 * total;
  for (int64_t i = 0; i < n; i++) {
    at -= weight[i];
    if (at < 0 && weight[i] > 0) return i;
  }
  return best;
}

static int64_t next_token(writing *w) {
  int64_t last = fill_window(w) - 1;
  run_value *out;
  run_plan_execute(w->part.plan, w->part.value, &out);
  int64_t rows = out->size[0], n = out->size[1];
  bool fits = last < rows && n > 0;
  const double *p = fits ? run_value_part(w->job, out, last * n, n) : NULL;
  run_release(out);
  if (!fits || n > w->g->domain->n)
    base_raise(
        w->m->ctx, BASE_RUNTIME, w->g->probability->span,
        "generate wants probabilities for %lld tokens at %lld positions; there are %lld at %lld",
        (long long)w->g->domain->n, (long long)w->length, (long long)n, (long long)rows);
  return choose(w, p, n);
}

io_array machine_generate(lang_machine *m, base_arena *job, const lang_generate *g) {
  writing w = {.m = m, .job = job, .g = g};
  open_window(&w);
  open_model(&w);
  open_prompt(&w);
  for (int64_t i = 0; i < g->steps; i++) {
    base_poll(m->ctx);
    w.all[w.n] = next_token(&w);
    w.n++;
  }
  m->generated++;
  int64_t shape = w.n;
  return io_array_of(IR_I64, 1, &shape, w.all);
}
