/* The machine: what it offers, and what is kept on its disk. */
#include <string.h>

#include "api/api.h"

typedef struct telling {
  tl_context *ctx;
  void (*tell)(base_text *text, bool json);
  bool json;
  char *text;
} telling;

static void tell_in_arena(base_arena *arena, void *arg) {
  telling *t = arg;
  base_text text = base_text_open(arena);
  t->tell(&text, t->json);
  t->text = base_malloc(t->ctx->base, text.n + 1);
  memcpy(t->text, text.at, text.n + 1);
}

static void tell(void *arg) {
  const telling *t = arg;
  api_in_arena(t->ctx->base, tell_in_arena, arg);
}

static char *text_of(tl_context *ctx, void (*told)(base_text *, bool), int json) {
  telling t = {ctx, told, json != 0, NULL};
  if (!ctx || api_call(ctx, tell, &t) != TL_OK) return NULL;
  return t.text;
}

static void tell_facts(base_text *text, bool json) {
  device_facts facts = {.arena = text->arena};
  device_facts_all(&facts);
  for (int i = 0; i < facts.list.n; i++) {
    const device_fact *f = &facts.list.at[i];
    if (json) {
      base_put(text, i ? ", " : "{");
      base_put_quoted(text, f->name, strlen(f->name));
      base_put(text, ": ");
      base_put_quoted(text, f->value, strlen(f->value));
    } else {
      base_putf(text, "%-14s %s\n", f->name, f->value);
    }
  }
  if (json) base_put(text, "}\n");
}

char *tl_doctor(tl_context *ctx, int json) { return text_of(ctx, tell_facts, json); }
char *tl_cache_text(tl_context *ctx, int json) { return text_of(ctx, device_cache_print, json); }

static void clear_in_arena(base_arena *arena, void *arg) {
  (void)arg;
  device_cache_clear(arena);
}

static void clear(void *arg) { api_in_arena(((tl_context *)arg)->base, clear_in_arena, NULL); }

tl_status tl_cache_clear(tl_context *ctx) {
  return ctx ? api_call(ctx, clear, ctx) : TL_ARGUMENT;
}
