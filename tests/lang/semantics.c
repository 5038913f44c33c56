#include "lang/semantics.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lang/lang.h"

static const char data[] =
    "A = [[1, 2], [3, 4], [5, 6]]; W = [0.2, 1.9, -0.7, 3.1]; X = [0, 1, 1, 0]; V = [1, 2, 3]\n"
    "R = [-2, -0.5, 0, 0.5, 2.5]\n";

static void silent(void *user, const char *text, size_t n) { (void)user, (void)text, (void)n; }

static bool same(double a, double b) {
  return a == b || fabs(a - b) <= 2e-5 * (1 + fabs(b)) || (isnan(a) && isnan(b));
}

static void compare(base_arena *arena, const semantics *t, const run_value *v) {
  bool ok = v->count == t->n;
  for (int i = 0; ok && i < t->n; i++) ok = same(run_value_at(v, i), t->value[i]);
  if (ok) return;
  base_text out = base_text_open(arena);
  base_putf(&out, "%s\n%s\nexpected", t->name, t->text);
  for (int i = 0; i < t->n; i++) base_putf(&out, " %g", t->value[i]);
  base_put(&out, "\ncame    ");
  for (int64_t i = 0; i < v->count; i++) base_putf(&out, " %g", run_value_at(v, i));
  fail_msg("%s", out.at);
}

static void hold(run_session *s, const semantics *t) {
  base_arena *arena = base_arena_open(run_ctx(s));
  const char *text = base_format(arena, "%s%s", data, t->text);
  lang_program *p = lang_check(arena, NULL, text, strlen(text), NULL);
  lang_machine *m = lang_machine_open(s, p, &(lang_output){.put = silent});
  run_value *v = lang_machine_value(m, lang_find(p, t->tensor));
  compare(arena, t, v);
  run_release(v);
  lang_machine_close(m);
  base_arena_close(arena);
}

void semantics_hold(const semantics *cases, int n) {
  base_ctx *ctx = base_open(NULL);
  base_trap trap;
  volatile int i = 0;
  if (BASE_TRY(ctx, &trap)) {
    run_session *s = run_open(ctx, &(run_config){.device = "ref", .verify = true});
    for (; i < n; i++) hold(s, &cases[i]);
    run_close(s);
    base_untrap(ctx, &trap);
  } else {
    fail_msg("%s\n%s\n%s", cases[i].name, cases[i].text, base_last(ctx)->message);
  }
  base_close(ctx);
}

void semantics_refused(const char *text, const char *part) {
  base_ctx *ctx = base_open(NULL);
  base_trap trap;
  base_arena *arena = base_arena_open(ctx);
  if (BASE_TRY(ctx, &trap)) {
    lang_check(arena, NULL, text, strlen(text), NULL);
    fail_msg("not refused:\n%s", text);
  }
  const base_error *error = base_last(ctx);
  assert_int_equal(error->status, BASE_REFUSED);
  assert_true(error->span.line > 0);
  if (!strstr(error->message, part))
    fail_msg("%s\nsays: %s\nlacks: %s", text, error->message, part);
  base_arena_close(arena);
  base_close(ctx);
}
