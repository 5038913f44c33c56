#include "fixture.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

void start(fixture *f, base_ctx *ctx) {
  *f = (fixture){.ctx = ctx};
  f->arena = base_arena_open(ctx);
  f->engine = rel_open(f->arena, NULL);
}

int open_fixture(void **state) {
  base_ctx *ctx = base_open(NULL);
  fixture *f = malloc(sizeof *f);
  if (!ctx || !f) return -1;
  start(f, ctx);
  *state = f;
  return 0;
}

int close_fixture(void **state) {
  fixture *f = *state;
  base_arena_close(f->arena);
  size_t left = base_heap_count(f->ctx);
  base_close(f->ctx);
  free(f);
  return left == 0 ? 0 : -1;
}

uint64_t next_random(uint64_t *state) {  /* splitmix64 */
  uint64_t z = *state += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}

/* ---- relations and facts --------------------------------------------------------------------- */

rel_relation *relation(fixture *f, const char *name, int arity, rel_fold fold, ir_type type) {
  rel_relation *r = rel_new(f->engine, name, arity, fold, type, base_nowhere);
  f->relation[f->nrelations++] = r;
  return r;
}

rel_relation *set(fixture *f, const char *name, int arity) {
  return relation(f, name, arity, REL_SET, IR_BOOL);
}

rel_relation *find(fixture *f, const char *name) {
  for (int i = 0; i < f->nrelations; i++)
    if (strcmp(rel_name(f->relation[i]), name) == 0) return f->relation[i];
  fail_msg("no relation %s", name);
  return NULL;
}

void dense(fixture *f, const char *name, int rank, const int64_t *const *symbol, rel_fetch *fetch,
           void *user) {
  f->dense[f->ndenses++] = rel_dense_new(f->engine, name, rank, symbol, fetch, user);
}

int64_t key(fixture *f, const char *text) {
  if (isdigit((unsigned char)*text) || *text == '-') return strtoll(text, NULL, 10);
  return rel_symbol(f->engine, text, strlen(text));
}

static bool integral(const rel_relation *r) { return !ir_type_real(rel_type(r)); }

/* ---- reading words --------------------------------------------------------------------------- */

typedef struct reader {
  fixture *f;
  const char *at;
  char word[64];
  rel_rule *rule;
  const char **name;
  bool *real;
  bool number_is_real;
} reader;

static void blank(reader *r) {
  while (isspace((unsigned char)*r->at)) r->at++;
}

static bool accept(reader *r, const char *text) {
  blank(r);
  size_t n = strlen(text);
  if (strncmp(r->at, text, n) != 0) return false;
  if (isalpha((unsigned char)*text) && isalnum((unsigned char)r->at[n])) return false;
  r->at += n;
  return true;
}

static void expect(reader *r, const char *text) {
  if (!accept(r, text)) fail_msg("`%s` expected before `%s`", text, r->at);
}

static bool peek_name(reader *r) {
  blank(r);
  return isalpha((unsigned char)*r->at) || *r->at == '_';
}

static const char *word(reader *r) {
  blank(r);
  size_t n = 0;
  if (*r->at == '-') r->word[n++] = *r->at++;
  while (isalnum((unsigned char)*r->at) || *r->at == '_' || *r->at == '.')
    r->word[n++] = *r->at++;
  if (n == 0) fail_msg("a word expected before `%s`", r->at);
  r->word[n] = 0;
  return r->word;
}

void facts(fixture *f, const char *text) {
  reader r = {.f = f, .at = text};
  rel_relation *to = find(f, word(&r));
  expect(&r, ":");
  do {
    int64_t tuple[REL_ARITY];
    for (int i = 0; i < rel_arity(to); i++) tuple[i] = key(f, word(&r));
    rel_number value = {0};
    if (rel_fold_of(to) != REL_SET) {
      const char *w = word(&r);
      if (integral(to)) value.i = strtoll(w, NULL, 10); else value.f = strtod(w, NULL);
    }
    rel_insert(to, tuple, value);
  } while (accept(&r, ","));
}

/* ---- rules ----------------------------------------------------------------------------------- */

static int variable(reader *r, const char *name) {
  rel_rule *rule = r->rule;
  for (int i = 0; i < rule->nvars; i++)
    if (strcmp(r->name[i], name) == 0) return i;
  r->name[rule->nvars] = base_copy(r->f->arena, name);
  return rule->nvars++;
}

static bool is_variable(const char *w) { return islower((unsigned char)*w); }

static rel_term term(reader *r) {
  const char *w = word(r);
  if (strcmp(w, "_") == 0) return (rel_term){.kind = REL_ANY};
  if (is_variable(w)) return (rel_term){.kind = REL_VAR, .var = variable(r, w)};
  return (rel_term){.kind = REL_KEY, .key = key(r->f, w)};
}

static const rel_expr *expression(reader *r);

static const rel_expr *primary(reader *r) {
  base_arena *arena = r->f->arena;
  if (accept(r, "(")) {
    const rel_expr *e = expression(r);
    expect(r, ")");
    return e;
  }
  blank(r);
  if (*r->at == '-' && !isdigit((unsigned char)r->at[1])) {
    r->at++;
    return rel_op(arena, IR_NEG, primary(r), NULL, NULL);
  }
  const char *w = word(r);
  if (is_variable(w)) return rel_use(arena, variable(r, w));
  if (strchr(w, '.')) return rel_real(arena, strtod(w, NULL));
  return rel_int(arena, key(r->f, w));
}

static const rel_expr *product(reader *r) {
  const rel_expr *e = primary(r);
  for (;;) {
    ir_op op = accept(r, "*") ? IR_MUL : accept(r, "%") ? IR_MOD : accept(r, "/") ? IR_DIV : IR_OPS;
    if (op == IR_OPS) return e;
    e = rel_op(r->f->arena, op, e, primary(r), NULL);
  }
}

static const rel_expr *expression(reader *r) {
  const rel_expr *e = product(r);
  for (;;) {
    blank(r);
    ir_op op = *r->at == '+' ? IR_ADD : *r->at == '-' ? IR_SUB : IR_OPS;
    if (op == IR_OPS) return e;
    r->at++;
    e = rel_op(r->f->arena, op, e, product(r), NULL);
  }
}

/* Is the expression real, as far as the variables before it say? */
static bool real_of(const reader *r, const rel_expr *e) {
  if (e->kind == REL_REAL) return true;
  if (e->kind == REL_USE) return r->real[e->var];
  if (e->kind == REL_INT) return false;
  if (e->op == IR_DIV) return true;
  return (e->arg[0] && real_of(r, e->arg[0])) || (e->arg[1] && real_of(r, e->arg[1]));
}

static void terms(reader *r, rel_item *item, const char *open, const char *close) {
  expect(r, open);
  item->term = BASE_NEWS(r->f->arena, rel_term, REL_ARITY);
  int n = 0;
  while (!accept(r, close)) {
    if (n > 0) expect(r, ",");
    item->term[n++] = term(r);
  }
}

static void value_of(reader *r, rel_item *item, bool real) {
  item->value = -1;
  blank(r);
  if (*r->at != '=' || r->at[1] == '=') return;
  r->at++;
  item->value = variable(r, word(r));
  r->real[item->value] = real;
  item->total = accept(r, "else");
  if (!item->total) return;
  const char *w = word(r);
  if (real) item->absent.f = strtod(w, NULL); else item->absent.i = strtoll(w, NULL, 10);
}

static void atom(reader *r, rel_item *item, const char *name) {
  fixture *f = r->f;
  for (int i = 0; i < f->ndenses; i++) {
    if (strcmp(rel_dense_name(f->dense[i]), name) != 0) continue;
    item->kind = REL_DENSE;
    item->dense = f->dense[i];
    terms(r, item, "[", "]");
    value_of(r, item, true);
    return;
  }
  item->relation = find(f, name);
  terms(r, item, "(", ")");
  value_of(r, item, !integral(item->relation));
}

static void comparison(reader *r, rel_item *item) {
  static const struct { const char *sign; ir_op op; bool swap; } signs[] = {
      {"<=", IR_LE, false}, {"<", IR_LT, false},  {">=", IR_LE, true},
      {">", IR_LT, true},   {"==", IR_EQ, false}, {"!=", IR_NE, false}};
  const rel_expr *a = expression(r);
  item->kind = REL_TEST;
  for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
    if (!accept(r, signs[i].sign)) continue;
    const rel_expr *b = expression(r);
    bool swap = signs[i].swap;
    item->test = rel_op(r->f->arena, signs[i].op, swap ? b : a, swap ? a : b, NULL);
    return;
  }
  item->test = a;
}

static void item(reader *r, rel_item *it) {
  it->value = -1;
  it->kind = accept(r, "not") ? REL_NOT : REL_ATOM;
  const char *before = r->at;
  if (peek_name(r)) {
    char name[64];
    strcpy(name, word(r));
    if (isupper((unsigned char)*name) && (*r->at == '(' || *r->at == '[')) {
      atom(r, it, name);
      return;
    }
    if (accept(r, ":=")) {
      it->kind = REL_BIND;
      it->var = variable(r, name);
      bool whole = accept(r, "whole");
      it->test = expression(r);
      r->real[it->var] |= !whole && real_of(r, it->test);
      return;
    }
  }
  r->at = before;
  comparison(r, it);
}

const rel_rule *parse(fixture *f, const char *text) {
  base_arena *arena = f->arena;
  rel_rule *rule = BASE_NEW(arena, rel_rule);
  reader r = {.f = f, .at = text, .rule = rule};
  r.name = BASE_NEWS(arena, const char *, REL_VARIABLES);
  r.real = BASE_NEWS(arena, bool, REL_VARIABLES);
  rule->name = r.name;
  rule->real = r.real;
  rule->text = base_copy(arena, text);
  rule->head = find(f, word(&r));
  rule->key = BASE_NEWS(arena, const rel_expr *, REL_ARITY);
  expect(&r, "(");
  for (int n = 0; !accept(&r, ")"); n++) {
    if (n > 0) expect(&r, ",");
    rule->key[n] = expression(&r);
  }
  if (accept(&r, "=")) rule->value = expression(&r);
  expect(&r, "<-");
  rel_item *items = BASE_NEWS(arena, rel_item, 64);
  rule->item = items;
  do item(&r, &items[rule->n++]);
  while (accept(&r, ","));
  blank(&r);
  if (*r.at) fail_msg("`%s` left over of `%s`", r.at, text);
  return rule;
}

void rule(fixture *f, const char *text) { rel_add(f->engine, parse(f, text)); }

/* ---- answers --------------------------------------------------------------------------------- */

static void put_key(fixture *f, base_text *text, int64_t k) {
  const char *name = rel_symbol_name(f->engine, k);
  if (name) base_put(text, name); else base_putf(text, "%lld", (long long)k);
}

const char *rows(fixture *f, const char *name, const char *wanted) {
  rel_relation *r = find(f, name);
  rel_rule rule = {0};
  const char *names[REL_VARIABLES];
  rel_term term_[REL_ARITY], *given = NULL;
  if (wanted) {
    reader rd = {.f = f, .at = wanted, .rule = &rule, .name = names};
    for (int i = 0; i < rel_arity(r); i++) {
      if (i > 0) expect(&rd, ",");
      term_[i] = term(&rd);
    }
    given = term_;
  }
  rel_rows found = rel_query(f->arena, r, given);
  assert_true(rel_exists(r, given) == (found.n > 0));
  base_text text = base_text_open(f->arena);
  for (int64_t i = 0; i < found.n; i++) {
    if (i > 0) base_put(&text, ", ");
    for (int c = 0; c < found.width; c++) {
      if (c > 0) base_put(&text, " ");
      put_key(f, &text, found.column[c][i]);
    }
    if (!found.value) continue;
    base_put(&text, "=");
    if (integral(r)) base_putf(&text, "%lld", (long long)found.value[i].i);
    else base_put_number(&text, found.value[i].f);
  }
  return text.at;
}

void check_error(base_ctx *ctx, base_status status, const char *const *words) {
  const base_error *error = base_last(ctx);
  if (error->status != status) fail_msg("status %d: %s", (int)error->status, error->message);
  for (; *words; words++)
    if (!strstr(error->message, *words)) fail_msg("`%s` is not in: %s", *words, error->message);
}
