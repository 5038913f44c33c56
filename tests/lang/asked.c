#include "lang/asked.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lang/lang.h"

static void keep(void *user, const char *text, size_t n) { base_put_n(user, text, n); }

/* The values of lines like {"query": "P?", "value": ...}. */
static const char *values_of(base_arena *arena, const char *lines) {
  static const char mark[] = "\"value\": ";
  base_text out = base_text_open(arena);
  for (const char *end; *lines && (end = strchr(lines, '\n')); lines = end + 1) {
    const char *value = strstr(lines, mark);
    if (!value || value > end) continue;
    value += strlen(mark);
    if (out.n) base_put(&out, "|");
    base_put_n(&out, value, (size_t)(end - value) - 1);
  }
  return out.at;
}

static bool starts_number(char c) { return (c >= '0' && c <= '9') || c == '-'; }

static bool alike(const char *a, const char *b) {
  while (*a && *b) {
    char *end_a, *end_b;
    if (starts_number(*a) && starts_number(*b)) {
      double x = strtod(a, &end_a), y = strtod(b, &end_b);
      if (fabs(x - y) > 2e-5 * (1 + fabs(y))) return false;
      a = end_a;
      b = end_b;
    } else if (*a++ != *b++) {
      return false;
    }
  }
  return *a == *b;
}

static void ask(run_session *s, const asked *t) {
  base_arena *arena = base_arena_open(run_ctx(s));
  lang_program *p = lang_check(arena, NULL, t->text, strlen(t->text), NULL);
  base_text lines = base_text_open(arena);
  lang_machine *m =
      lang_machine_open(s, p, &(lang_output){.put = keep, .user = &lines, .json = true});
  lang_machine_run(m);
  const char *came = values_of(arena, lines.at);
  if (!alike(came, t->answers))
    fail_msg("%s\n%s\nexpected %s\ncame     %s", t->name, t->text, t->answers, came);
  lang_machine_close(m);
  base_arena_close(arena);
}

void asked_answers(const asked *cases, int n) {
  base_ctx *ctx = base_open(NULL);
  base_trap trap;
  volatile int i = 0;
  if (BASE_TRY(ctx, &trap)) {
    run_session *s = run_open(ctx, &(run_config){.verify = true});
    for (; i < n; i++) ask(s, &cases[i]);
    run_close(s);
    base_untrap(ctx, &trap);
  } else {
    fail_msg("%s\n%s\n%s", cases[i].name, cases[i].text, base_last(ctx)->message);
  }
  base_close(ctx);
}
