#include <string.h>

#include "fixture.h"

static void an_error_carries_status_place_and_message(void **state) {
  base_ctx *ctx = *state;
  base_trap trap;
  base_span here = {"net.tl", 3, 14, 5};
  if (BASE_TRY(ctx, &trap)) {
    base_raise(ctx, BASE_REFUSED, here, "%s has %d indices", "W", 3);
  } else {
    const base_error *error = base_last(ctx);
    assert_int_equal(error->status, BASE_REFUSED);
    assert_string_equal(error->message, "W has 3 indices");
    assert_string_equal(error->span.file, "net.tl");
    assert_int_equal(error->span.line, 3);
    assert_int_equal(error->span.column, 14);
    assert_int_equal(error->span.length, 5);
  }
  base_clear(ctx);
  assert_int_equal(base_last(ctx)->status, BASE_OK);
  assert_string_equal(base_last(ctx)->message, "");
}

static void go_down(base_ctx *ctx, int depth) {
  if (depth == 0) {
    base_interrupt(ctx);
    base_poll(ctx);
    return;
  }
  base_trap trap;
  if (BASE_TRY(ctx, &trap)) {
    go_down(ctx, depth - 1);
    base_untrap(ctx, &trap);
  } else {
    base_raise(ctx, BASE_IO, base_nowhere, "%d: %s", depth, base_last(ctx)->message);
  }
}

static void traps_nest_and_messages_may_quote_the_last(void **state) {
  base_ctx *ctx = *state;
  base_status status;
  STATUS_OF(ctx, status, go_down(ctx, 3));
  assert_int_equal(status, BASE_IO);
  assert_string_equal(base_last(ctx)->message, "3: 2: 1: interrupted");
}

static void raise_through(base_ctx *ctx, volatile int *caught) {
  base_trap trap;
  if (BASE_TRY(ctx, &trap)) {
    base_raise(ctx, BASE_DEVICE, base_nowhere, "lost");
  } else {
    ++*caught;
    base_raise_again(ctx);
  }
}

static void an_error_can_be_passed_on(void **state) {
  base_ctx *ctx = *state;
  base_status status;
  volatile int caught = 0;
  STATUS_OF(ctx, status, raise_through(ctx, &caught));
  assert_int_equal(status, BASE_DEVICE);
  assert_int_equal(caught, 1);
  assert_string_equal(base_last(ctx)->message, "lost");
}

static void an_untrapped_block_leaves_the_outer_trap(void **state) {
  base_ctx *ctx = *state;
  base_trap outer, inner;
  volatile bool reached = false;
  if (BASE_TRY(ctx, &outer)) {
    if (BASE_TRY(ctx, &inner)) base_untrap(ctx, &inner);
    reached = true;
    base_raise(ctx, BASE_ARGUMENT, base_nowhere, "to the outer");
  } else {
    assert_true(reached);
    assert_int_equal(base_last(ctx)->status, BASE_ARGUMENT);
  }
}

static void long_messages_are_cut_between_characters(void **state) {
  base_ctx *ctx = *state;
  base_status status;
  const char clef[] = "\xF0\x9D\x84\x9E";
  char text[2 * BASE_MESSAGE];
  for (int lead = 0; lead < 4; lead++) {
    memset(text, 'x', (size_t)lead);
    for (size_t i = (size_t)lead; i + 4 < sizeof text; i += 4) memcpy(text + i, clef, 5);
    STATUS_OF(ctx, status, base_raise(ctx, BASE_RUNTIME, base_nowhere, "%s", text));
    assert_int_equal(status, BASE_RUNTIME);
    size_t n = strlen(base_last(ctx)->message);
    assert_true(n < BASE_MESSAGE && n > BASE_MESSAGE - 8);
    assert_int_equal((n - (size_t)lead) % 4, 0);
  }
}

static void an_interruption_is_raised_once(void **state) {
  base_ctx *ctx = *state;
  base_status status;
  STATUS_OF(ctx, status, base_poll(ctx));
  assert_int_equal(status, BASE_OK);
  base_interrupt(ctx);
  STATUS_OF(ctx, status, base_poll(ctx));
  assert_int_equal(status, BASE_INTERRUPTED);
  STATUS_OF(ctx, status, base_poll(ctx));
  assert_int_equal(status, BASE_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    WITH_CTX(an_error_carries_status_place_and_message),
    WITH_CTX(traps_nest_and_messages_may_quote_the_last),
    WITH_CTX(an_error_can_be_passed_on),
    WITH_CTX(an_untrapped_block_leaves_the_outer_trap),
    WITH_CTX(long_messages_are_cut_between_characters),
    WITH_CTX(an_interruption_is_raised_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
