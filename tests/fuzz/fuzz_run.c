/* Any bytes: refused, or a program that runs on the reference device within a small budget; what
 * fails on the way has a place and a message, and nothing is lost. Programs that would need more
 * than the budget are checked only; files are neither read nor written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lang/lang.h"

enum { POINTS = 20000, TENSORS = 400, ACTIONS = 24, STEPS = 4, ROUNDS = 100, OUTPUT = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static _Noreturn void die(const char *what, const uint8_t *data, size_t n) {
  fprintf(stderr, "%s\n", what);
  fwrite(data, 1, n, stderr);
  abort();
}

static void put(void *user, const char *text, size_t n) {
  (void)text;
  *(size_t *)user += n;
}

/* ---- the budget ------------------------------------------------------------------------------ */

static bool takes(int64_t *left, int n, const ir_expr *const *extent) {
  int64_t points = 1, size;
  for (int k = 0; k < n; k++) {
    if (!ir_is_int(extent[k], &size)) return false;
    if (size == 0) return true;
    if (__builtin_mul_overflow(points, size, &points) || points > *left) return false;
  }
  *left -= points;
  return true;
}

static bool takes_eq(int64_t *left, const ir_eq *eq) {
  const ir_expr *extent[64];
  int n = 0;
  for (int i = 0; i < eq->nfree && n < 64; i++) extent[n++] = eq->free[i]->extent;
  for (int i = 0; i < eq->nred && n < 64; i++) extent[n++] = eq->red[i]->extent;
  return n < 64 && takes(left, n, extent);
}

static bool is_small(const lang_program *p) {
  int64_t left = POINTS;
  if (p->ir->tensors.n > TENSORS || p->actions.n > ACTIONS) return false;
  for (int t = 0; t < p->ir->tensors.n; t++) {
    const ir_tensor *x = p->ir->tensors.at[t];
    if (x->settle && x->settle->rounds > ROUNDS) x->settle->rounds = ROUNDS;
    if (!takes(&left, x->rank, x->size)) return false;
    for (int i = 0; i < x->eqs.n; i++)
      if (!takes_eq(&left, x->eqs.at[i])) return false;
  }
  for (int i = 0; i < p->actions.n; i++) {
    const lang_action *a = &p->actions.at[i];
    if (a->verb == LANG_DO_WRITE || a->verb == LANG_DO_SAVE || a->verb == LANG_DO_LOAD)
      return false;
    if (a->settle && a->settle->how.rounds > ROUNDS) a->settle->how.rounds = ROUNDS;
    if (a->minimize && a->minimize->steps > STEPS) a->minimize->steps = STEPS;
    for (int k = 0; k < a->n; k++)
      if (a->item[k].generate && a->item[k].generate->steps > STEPS)
        a->item[k].generate->steps = STEPS;
  }
  return true;
}

/* ---- one input ------------------------------------------------------------------------------- */

typedef struct world {
  base_arena *arena;
  run_session *session;
  lang_machine *machine;
  size_t said;
  bool running;
} world;

static void carry_out(base_ctx *ctx, world *w, const uint8_t *data, size_t n) {
  lang_options options = {.type = IR_F32, .folder = "/nowhere"};
  w->arena = base_arena_open(ctx);
  lang_program *program = lang_check(w->arena, "fuzz.tl", (const char *)data, n, &options);
  if (!is_small(program)) return;
  w->running = true;
  w->session = run_open(ctx, &(run_config){.device = "ref", .verify = true});
  lang_output output = {.put = put, .user = &w->said, .json = n % 2};
  w->machine = lang_machine_open(w->session, program, &output);
  lang_machine_run(w->machine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  base_ctx *ctx = base_open(NULL);
  world w = {0};
  base_trap trap;
  if (BASE_TRY(ctx, &trap)) {
    carry_out(ctx, &w, data, n);
    base_untrap(ctx, &trap);
  } else {
    const base_error *e = base_last(ctx);
    bool of_file = e->status == BASE_IO || e->status == BASE_ARGUMENT;
    bool known = e->status == BASE_REFUSED || e->status == BASE_RUNTIME || of_file;
    if (!known || !*e->message || (!of_file && e->span.line < 1)) die(e->message, data, n);
  }
  if (w.machine) lang_machine_close(w.machine);
  if (w.session) run_close(w.session);
  if (w.arena) base_arena_close(w.arena);
  if (base_heap_count(ctx) != 0) die("memory is lost", data, n);
  base_close(ctx);
  return 0;
}
