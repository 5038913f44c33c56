/* Long programs run too: chains and rings of thousands of equations, and their derivatives, in
 * little time and without deep stacks. */
#include <string.h>

#include "lang/lang.h"
#include "lang/syntax.h"

static const double patience = 100; /* seconds; a release build on its own takes one */

/* FORMAT so many times, # the number of the time and @ the next one. */
static void put_times(base_text *text, int times, const char *format) {
  for (int i = 0; i < times; i++) {
    const char *at = format;
    for (const char *mark; (mark = strpbrk(at, "#@")) != NULL; at = mark + 1) {
      base_put_n(text, at, (size_t)(mark - at));
      base_putf(text, "%d", i + (*mark == '@'));
    }
    base_put(text, at);
  }
}

/* The first element of NAME in the program. */
static double value_of(base_ctx *ctx, const base_text *text, const char *name) {
  double begin = base_seconds();
  run_session *session = run_open(ctx, &(run_config){.device = "cpu", .threads = 1});
  base_arena *arena = base_arena_open(ctx);
  lang_program *program = lang_check(arena, NULL, text->at, text->n, NULL);
  lang_machine *machine = lang_machine_open(session, program, NULL);
  run_value *v = lang_machine_value(machine, lang_find(program, name));
  double value = run_value_at(v, 0);
  run_release(v);
  lang_machine_close(machine);
  base_arena_close(arena);
  run_close(session);
  assert_true(base_seconds() - begin < patience);
  return value;
}

static void expect(void **state, const char *first, int times, const char *format,
                   const char *last, const char *name, double expected) {
  const syntax *s = *state;
  base_trap trap;
  base_text text = base_text_open(s->arena);
  base_put(&text, first);
  put_times(&text, times, format);
  base_put(&text, last);
  if (BASE_TRY(s->ctx, &trap)) {
    assert_true(value_of(s->ctx, &text, name) == expected);
    base_untrap(s->ctx, &trap);
  } else {
    fail_msg("%s", base_last(s->ctx)->message);
  }
}

static void test_chains(void **state) {
  expect(state, "X0 = [1, 2, 3]\n", 5000, "X@[i] = X#[i] + 1\n", "", "X5000", 5001);
  expect(state, "", 5000, "X#[i] = X@[i] + 1\n", "X5000 = [1, 2, 3]\n", "X0", 5001);
  expect(state, "X0 = 1\n", 5000, "X@ = 0.5 X# + 1\n", "", "X5000", 2);
}

static void test_rings(void **state) {
  expect(state, "U = [1, 1, 1]\nX0[0] = 1\n", 500, "X@[t] = X#[t] + U[t]\n",
         "X0[t+1] = X500[t]\nY = X0[3]\n", "Y", 1501);
}

static void test_derivatives(void **state) {
  expect(state, "W : f32[2] ~ ones\nX0[i] = W[i]\n", 500, "X@[i] = 2 X#[i] - X#[i]\n",
         "Loss = X500[i]\nG[i] = grad(Loss, W[i])\n", "G", 1);
}

static void test_wide(void **state) {
  expect(state, "V = [1, 2]\n", 2000, "Y[i] = V[i]\n", "", "Y", 2000);
  expect(state, "V = [1, 2]\n", 2000, "Y[#, i] = V[i]\n", "S = Y[k,i]\n", "S", 6000);
}

int main(void) {
  const struct CMUnitTest tests[] = {WITH_SYNTAX(test_chains), WITH_SYNTAX(test_rings),
                                     WITH_SYNTAX(test_derivatives), WITH_SYNTAX(test_wide)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
