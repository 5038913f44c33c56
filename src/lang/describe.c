/* describe: what a name is, in a line; the names that begin with a prefix. */
#include <stdlib.h>
#include <string.h>

#include "lang/lang.h"

/* ---- tensors --------------------------------------------------------------------------------- */

static int64_t size_of(const lang_program *p, const ir_expr *size) {
  base_arena *scratch = base_arena_child(p->arena);
  int64_t *symbols = BASE_NEWS(scratch, int64_t, p->ir->symbols.n + 1);
  for (int i = 0; i < p->sizes.n; i++) symbols[p->sizes.at[i].symbol->id] = p->sizes.at[i].value;
  int64_t n = ir_eval_size(size, symbols);
  base_arena_close(scratch);
  return n;
}

/* `(Person, _)`: what may stand there, where that has a name. */
static void put_keys(const lang_relation *r, base_text *out) {
  for (int k = 0; k < r->arity; k++) {
    const lang_domain *d = r->domain ? r->domain[k] : NULL;
    base_putf(out, "%s%s", k ? ", " : "(", d && d->name ? d->name : "_");
  }
  if (r->arity) base_put(out, ")");
}

static void put_sizes(const lang_program *p, const lang_tensor *t, base_text *out) {
  for (int k = 0; k < t->ir->rank; k++) {
    const lang_domain *d = t->domain ? t->domain[k] : NULL;
    base_put(out, k ? ", " : "[");
    if (d && d->name) base_put(out, d->name);
    else base_putf(out, "%lld", (long long)size_of(p, t->ir->size[k]));
  }
  if (t->ir->rank) base_put(out, "]");
}

static const char *kind_of(const lang_tensor *t) {
  switch (t->kind) {
  case LANG_DATA: return "data";
  case LANG_PARAMETER: return t->fixed ? "a parameter, held" : "a parameter";
  case LANG_GIVEN: return "declared, to be set";
  default:
    if (t->text) return "generated";
    return t->ir->settle ? "by recursive equations" : "by equations";
  }
}

bool lang_describe(const lang_program *p, const char *name, base_text *out) {
  const lang_tensor *t = lang_find(p, name);
  const lang_relation *r = t ? t->keys : lang_find_relation(p, name);
  if (!t && !r) return false;
  base_putf(out, "%s : %s", name, t ? ir_type_name(t->ir->type) : "bool");
  if (r) {
    put_keys(r, out);
    base_put(out, t ? "   # sparse\n" : "   # a relation\n");
    return true;
  }
  put_sizes(p, t, out);
  base_putf(out, "   # %s\n", kind_of(t));
  return true;
}

/* ---- completion ------------------------------------------------------------------------------ */

typedef struct words {
  base_arena *arena;
  const char *prefix;
  BASE_VEC(const char *) found;
} words;

static void offer(words *w, const char *name) {
  if (strncmp(name, w->prefix, strlen(w->prefix)) != 0) return;
  for (int i = 0; i < w->found.n; i++)
    if (strcmp(w->found.at[i], name) == 0) return;
  BASE_PUSH(w->arena, &w->found, name);
}

static int by_name(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void lang_complete(const lang_program *p, const char *prefix, base_text *out) {
  words w = {.arena = out->arena, .prefix = prefix};
  int n;
  for (int i = 0; i < p->tensors.n; i++)
    if (!p->tensors.at[i]->answer) offer(&w, p->tensors.at[i]->name);
  for (int i = 0; p->related && i < base_map_count(p->related); i++) {
    const void *key;
    size_t length;
    const lang_relation *r = base_map_at(p->related, i, &key, &length);
    if (r->name) offer(&w, r->name);
  }
  const char *const *list = lang_functions(&n);
  for (int i = 0; i < n; i++) offer(&w, list[i]);
  list = lang_commands(&n);
  for (int i = 0; i < n; i++) offer(&w, list[i]);
  if (w.found.n) qsort(w.found.at, (size_t)w.found.n, sizeof *w.found.at, by_name);
  for (int i = 0; i < w.found.n; i++) base_putf(out, "%s\n", w.found.at[i]);
}
