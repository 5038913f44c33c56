#include <string.h>

#include "syntax.h"

int open_syntax(void **state) {
  static syntax s;
  s.ctx = base_open(NULL);
  if (!s.ctx) return -1;
  s.arena = base_arena_open(s.ctx);
  *state = &s;
  return 0;
}

int close_syntax(void **state) {
  syntax *s = *state;
  base_arena_close(s->arena);
  bool empty = base_heap_count(s->ctx) == 0;
  base_close(s->ctx);
  return empty ? 0 : -1;
}

/* ---- trees ----------------------------------------------------------------------------------- */

static void put_expr(base_text *out, const lang_expr *e);

static void put_all(base_text *out, lang_expr *const *at, int n) {
  for (int i = 0; i < n; i++) {
    base_put(out, " ");
    put_expr(out, at[i]);
  }
}

static const char *kind_sign(lang_kind kind) {
  static const char *const signs[] = {
    [LANG_SLICE] = ":", [LANG_LIST] = "list", [LANG_POWER] = "^", [LANG_NEGATE] = "-",
    [LANG_JOIN] = "join", [LANG_MULTIPLY] = "*", [LANG_DIVIDE] = "/", [LANG_MODULO] = "%",
    [LANG_SUM] = "+", [LANG_EQUAL] = "==", [LANG_UNEQUAL] = "!=", [LANG_LESS] = "<",
    [LANG_AT_MOST] = "<=", [LANG_MORE] = ">", [LANG_AT_LEAST] = ">=", [LANG_NOT] = "not",
    [LANG_AND] = "and", [LANG_OR] = "or", [LANG_BIND] = "bind",
  };
  return signs[kind];
}

static void put_number(base_text *out, const lang_expr *e) {
  if (e->whole) base_putf(out, "%lld", (long long)e->integer);
  else base_putf(out, "real:%.17g", e->value);
}

static void put_expr(base_text *out, const lang_expr *e) {
  if (!e) {
    base_put(out, "~");
    return;
  }
  switch (e->kind) {
    case LANG_NUMBER: put_number(out, e); return;
    case LANG_STRING: base_putf(out, "\"%s\"%zu", e->name, e->length); return;
    case LANG_NAME: base_putf(out, "%s%s", e->name, e->marked ? "." : ""); return;
    case LANG_WILD: base_put(out, "_"); return;
    case LANG_VIRTUAL: base_putf(out, "*%s", e->name); return;
    case LANG_READ: base_putf(out, "(%s[]", e->name); break;
    case LANG_ATOM: base_putf(out, "(%s()", e->name); break;
    case LANG_KEYWORD: base_putf(out, "(%s=", e->name); break;
    case LANG_CALL:
      base_putf(out, "(%s", e->name);
      if (e->nindex > 0) {
        base_put(out, " {");
        put_all(out, e->index, e->nindex);
        base_put(out, " }");
      }
      break;
    default: base_putf(out, "(%s", kind_sign(e->kind));
  }
  put_all(out, e->at, e->n);
  base_put(out, ")");
}

static void put_stmt(base_text *out, const lang_stmt *s);

static void put_declaration(base_text *out, const lang_stmt *s) {
  base_putf(out, "(declare %s %s%s", s->declare.name->name, lang_type_name(s->declare.type),
            s->declare.n == 0 ? "" : s->declare.sparse ? "()" : "[]");
  put_all(out, s->declare.sizes, s->declare.n);
  if (s->declare.start) {
    base_put(out, " ~ ");
    put_expr(out, s->declare.start);
  }
  if (s->declare.fixed) base_put(out, " fixed");
}

static void put_query(base_text *out, const lang_stmt *s) {
  base_put(out, "(? ");
  put_expr(out, s->query.right);
  for (int i = 0; i < s->query.n; i++) {
    base_put(out, " ");
    put_stmt(out, s->query.with[i]);
  }
}

static void put_pair(base_text *out, const char *sign, const lang_expr *a, const lang_expr *b) {
  base_putf(out, "(%s ", sign);
  put_expr(out, a);
  base_put(out, " ");
  put_expr(out, b);
}

static void put_stmt(base_text *out, const lang_stmt *s) {
  switch (s->form) {
    case LANG_EQUATION:
      put_pair(out, lang_op_name(s->equation.op), s->equation.head, s->equation.right);
      break;
    case LANG_FILE: put_pair(out, "file", s->file.head, s->file.path); break;
    case LANG_WRITE: put_pair(out, "write", s->write.path, s->write.right); break;
    case LANG_FACT:
      base_put(out, "(fact");
      put_all(out, s->fact.at, s->fact.n);
      break;
    case LANG_RULE:
      base_put(out, "(<- ");
      put_expr(out, s->rule.head);
      put_all(out, s->rule.body, s->rule.n);
      break;
    case LANG_DECLARE: put_declaration(out, s); break;
    case LANG_DOMAIN:
      base_putf(out, "(domain %s%s", s->domain.name->name, s->domain.of ? " of" : "");
      put_all(out, s->domain.at, s->domain.n);
      if (s->domain.of) put_all(out, (lang_expr *[]){s->domain.of}, 1);
      break;
    case LANG_FUNCTION:
      base_putf(out, "(function %s {", s->function.name);
      put_all(out, s->function.params, s->function.n);
      base_put(out, " } ");
      put_expr(out, s->function.right);
      break;
    case LANG_COMMAND:
      base_putf(out, "(%s!", s->command.name);
      put_all(out, s->command.at, s->command.n);
      break;
    case LANG_QUERY: put_query(out, s); break;
  }
  base_put(out, ")");
}

const char *tree_of_expr(const syntax *s, const lang_expr *e) {
  base_text out = base_text_open(s->arena);
  put_expr(&out, e);
  return out.at;
}

const char *tree_of(const syntax *s, const lang_ast *ast) {
  base_text out = base_text_open(s->arena);
  for (int i = 0; i < ast->n; i++) {
    if (i > 0) base_put(&out, "\n");
    put_stmt(&out, ast->at[i]);
  }
  return out.at;
}

/* ---- parsing --------------------------------------------------------------------------------- */

lang_ast *parse(const syntax *s, const char *text) {
  base_trap trap;
  lang_ast *volatile ast = NULL;
  if (BASE_TRY(s->ctx, &trap)) {
    ast = lang_parse(s->arena, "test.tl", text, strlen(text));
    base_untrap(s->ctx, &trap);
  }
  if (!ast) {
    const base_error *e = base_last(s->ctx);
    fail_msg("%s\n%d:%d: %s", text, e->span.line, e->span.column, e->message);
  }
  return ast;
}

const base_error *refusal(const syntax *s, const char *text, size_t n) {
  base_trap trap;
  volatile bool parsed = false;
  if (BASE_TRY(s->ctx, &trap)) {
    lang_parse(s->arena, "test.tl", text, n);
    parsed = true;
    base_untrap(s->ctx, &trap);
  }
  if (parsed) fail_msg("not refused: %s", text);
  return base_last(s->ctx);
}
