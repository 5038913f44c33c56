/* ast_print: the tree as program text that parses to the same tree. */
#include <math.h>
#include <string.h>

#include "lang/ast.h"

/* How tightly a node holds together, as the parser's table has it. */
enum level { LOOSE, OR, AND, NOT, COMPARE, SUM, PRODUCT, JOIN, NEGATION, POWER, PRIMARY };

typedef struct row { enum level level, left, right; const char *sign, *tight; } row;

/* Index positions are written without spaces: X[i, *t + 1] is X[i,*t+1]. */
typedef struct printer { base_text *out; bool tight; } printer;

/* A binary node prints its children at the levels left and right, else in parentheses. A join right
 * behind `/` is refused by the parser, so it gets parentheses. */
static const row rows[] = {
  [LANG_POWER] = {POWER, PRIMARY, NEGATION, "^", "^"},
  [LANG_MULTIPLY] = {PRODUCT, PRODUCT, JOIN, " * ", "*"},
  [LANG_DIVIDE] = {PRODUCT, PRODUCT, NEGATION, " / ", "/"},
  [LANG_MODULO] = {PRODUCT, PRODUCT, JOIN, " % ", "%"},
  [LANG_EQUAL] = {COMPARE, SUM, SUM, " == ", " == "},
  [LANG_UNEQUAL] = {COMPARE, SUM, SUM, " != ", " != "},
  [LANG_LESS] = {COMPARE, SUM, SUM, " < ", " < "},
  [LANG_AT_MOST] = {COMPARE, SUM, SUM, " <= ", " <= "},
  [LANG_MORE] = {COMPARE, SUM, SUM, " > ", " > "},
  [LANG_AT_LEAST] = {COMPARE, SUM, SUM, " >= ", " >= "},
  [LANG_AND] = {AND, AND, NOT, " and ", " and "},
  [LANG_OR] = {OR, OR, AND, " or ", " or "},
  [LANG_BIND] = {LOOSE, OR, OR, " = ", " = "},
};

static void print(const printer *p, const lang_expr *e, enum level least);

/* ---- leaves ---------------------------------------------------------------------------------- */

static void print_number(base_text *out, const lang_expr *e, bool positive) {
  if (e->whole) {
    int64_t n = positive && e->integer < 0 ? -e->integer : e->integer;
    base_putf(out, "%lld", (long long)n);
    return;
  }
  size_t start = out->n;
  base_put_number(out, positive ? fabs(e->value) : e->value);
  if (!strpbrk(out->at + start, ".enf")) base_put(out, ".0");
}

static void print_string(base_text *out, const lang_expr *e) {
  base_put(out, "\"");
  for (size_t i = 0; i < e->length; i++) {
    char c = e->name[i];
    const char *escape = c == '\n' ? "\\n" : c == '\t' ? "\\t" : c == '\r' ? "\\r"
                       : c == '"' ? "\\\"" : c == '\\' ? "\\\\" : NULL;
    if (escape) base_put(out, escape);
    else base_put_n(out, &c, 1);
  }
  base_put(out, "\"");
}

/* ---- nodes with many children ---------------------------------------------------------------- */

static void print_all(const printer *p, lang_expr *const *at, int n, enum level least) {
  for (int i = 0; i < n; i++) {
    if (i > 0) base_put(p->out, p->tight ? "," : ", ");
    print(p, at[i], least);
  }
}

static bool is_negative(const lang_expr *e) { return e->kind == LANG_NUMBER && signbit(e->value); }

static void print_sum(const printer *p, const lang_expr *e) {
  print(p, e->at[0], PRODUCT);
  for (int i = 1; i < e->n; i++) {
    const lang_expr *term = e->at[i];
    bool minus = term->kind == LANG_NEGATE || is_negative(term);
    base_putf(p->out, p->tight ? "%c" : " %c ", minus ? '-' : '+');
    if (is_negative(term)) print_number(p->out, term, true);
    else print(p, minus ? term->at[0] : term, PRODUCT);
  }
}

/* Behind another factor only a number, a name or a parenthesis goes on with the join. */
static bool begins_factor(const lang_expr *e) {
  while (e->kind == LANG_POWER) e = e->at[0];
  return e->kind != LANG_LIST && e->kind != LANG_STRING;
}

static void print_join(const printer *p, const lang_expr *e) {
  print(p, e->at[0], NEGATION);
  for (int i = 1; i < e->n; i++) {
    base_put(p->out, " ");
    print(p, e->at[i], begins_factor(e->at[i]) ? POWER : PRIMARY + 1);
  }
}

static void print_slice(const printer *p, const lang_expr *e) {
  if (e->at[0]) print(p, e->at[0], SUM);
  base_put(p->out, ":");
  if (e->at[1]) print(p, e->at[1], SUM);
}

static void print_call(const printer *p, const lang_expr *e) {
  base_put(p->out, e->name);
  if (e->nindex > 0) {
    base_put(p->out, "[");
    print_all(p, e->index, e->nindex, LOOSE);
    base_put(p->out, "]");
  }
  base_put(p->out, "(");
  print_all(p, e->at, e->n, LOOSE);
  base_put(p->out, ")");
}

static void print_around(const printer *p, const lang_expr *e, const char *open,
                         const char *close) {
  bool list = e->kind == LANG_LIST;
  printer inner = {p->out, p->tight || !list};
  if (e->name) base_put(p->out, e->name);
  base_put(p->out, open);
  print_all(&inner, e->at, e->n, list ? LOOSE : SUM);
  base_put(p->out, close);
}

/* ---- any node -------------------------------------------------------------------------------- */

static enum level level_of(const lang_expr *e) {
  switch (e->kind) {
    case LANG_NUMBER: return is_negative(e) ? NEGATION : PRIMARY;
    case LANG_NEGATE: return NEGATION;
    case LANG_JOIN: return JOIN;
    case LANG_VIRTUAL: return PRODUCT;   /* `2*(*t)`, but `*t+1` */
    case LANG_SUM: return SUM;
    case LANG_NOT: return NOT;
    case LANG_KEYWORD: return LOOSE;
    default: break;
  }
  bool binary = (size_t)e->kind < sizeof rows / sizeof *rows && rows[e->kind].sign;
  return binary ? rows[e->kind].level : PRIMARY;
}

static void print_bare(const printer *p, const lang_expr *e) {
  switch (e->kind) {
    case LANG_NUMBER: print_number(p->out, e, false); break;
    case LANG_STRING: print_string(p->out, e); break;
    case LANG_NAME: base_putf(p->out, "%s%s", e->name, e->marked ? "." : ""); break;
    case LANG_WILD: base_put(p->out, "_"); break;
    case LANG_VIRTUAL: base_putf(p->out, "*%s", e->name); break;
    case LANG_READ: print_around(p, e, "[", "]"); break;
    case LANG_ATOM: print_around(p, e, "(", ")"); break;
    case LANG_LIST: print_around(p, e, "[", "]"); break;
    case LANG_CALL: print_call(p, e); break;
    case LANG_KEYWORD: base_putf(p->out, "%s=", e->name); print(p, e->at[0], LOOSE); break;
    case LANG_SLICE: print_slice(p, e); break;
    case LANG_NEGATE: base_put(p->out, "-"); print(p, e->at[0], NEGATION); break;
    case LANG_NOT: base_put(p->out, "not "); print(p, e->at[0], NOT); break;
    case LANG_JOIN: print_join(p, e); break;
    case LANG_SUM: print_sum(p, e); break;
    default:
      print(p, e->at[0], rows[e->kind].left);
      base_put(p->out, p->tight ? rows[e->kind].tight : rows[e->kind].sign);
      print(p, e->at[1], rows[e->kind].right);
  }
}

static void print(const printer *p, const lang_expr *e, enum level least) {
  bool parentheses = level_of(e) < least;
  if (parentheses) base_put(p->out, "(");
  print_bare(p, e);
  if (parentheses) base_put(p->out, ")");
}

static void print_list(base_text *out, lang_expr *const *at, int n, enum level least) {
  print_all(&(printer){out, false}, at, n, least);
}

void lang_print_expr(base_text *out, const lang_expr *e) {
  print(&(printer){out, false}, e, LOOSE);
}

/* ---- statements ------------------------------------------------------------------------------ */

static void print_definition(base_text *out, const lang_expr *head, lang_op op,
                             const lang_expr *right) {
  lang_print_expr(out, head);
  base_putf(out, " %s ", lang_op_name(op));
  lang_print_expr(out, right);
}

static void print_declaration(base_text *out, const lang_stmt *s) {
  base_putf(out, "%s : %s", s->declare.name->name, lang_type_name(s->declare.type));
  if (s->declare.n > 0) {
    base_put(out, s->declare.sparse ? "(" : "[");
    print_list(out, s->declare.sizes, s->declare.n, SUM);
    base_put(out, s->declare.sparse ? ")" : "]");
  }
  if (s->declare.start) {
    base_put(out, " ~ ");
    lang_print_expr(out, s->declare.start);
  }
  if (s->declare.fixed) base_put(out, " fixed");
}

static void print_domain(base_text *out, const lang_stmt *s) {
  base_putf(out, "%s : ", s->domain.name->name);
  if (s->domain.of) {
    base_putf(out, "domain(%s)", s->domain.of->name);
    return;
  }
  base_put(out, "{");
  print_list(out, s->domain.at, s->domain.n, LOOSE);
  base_put(out, "}");
}

/* The text of E begins with a command's name, as `print X?` would: that is a command. */
static bool begins_as_command(const lang_expr *e) {
  while (level_of(e) < PRIMARY && e->kind != LANG_NEGATE && e->kind != LANG_NOT && e->n > 0)
    e = e->at[0];
  return (e->kind == LANG_NAME || e->kind == LANG_CALL) && lang_is_command(e->name);
}

static void print_query(base_text *out, const lang_stmt *s) {
  bool parentheses = begins_as_command(s->query.right) && s->query.right->kind != LANG_NAME;
  if (parentheses) base_put(out, "(");
  lang_print_expr(out, s->query.right);
  base_put(out, parentheses ? ")?" : "?");
  for (int i = 0; i < s->query.n; i++) {
    base_put(out, i == 0 ? " with " : ", ");
    lang_print_stmt(out, s->query.with[i]);
  }
}

void lang_print_stmt(base_text *out, const lang_stmt *s) {
  switch (s->form) {
    case LANG_EQUATION:
      print_definition(out, s->equation.head, s->equation.op, s->equation.right);
      break;
    case LANG_FILE: print_definition(out, s->file.head, LANG_SET, s->file.path); break;
    case LANG_WRITE: print_definition(out, s->write.path, LANG_SET, s->write.right); break;
    case LANG_FACT:
      print_list(out, s->fact.at, s->fact.n, LOOSE);
      if (s->fact.at[0]->kind == LANG_NAME) base_put(out, ".");
      break;
    case LANG_RULE:
      lang_print_expr(out, s->rule.head);
      base_put(out, " <- ");
      print_list(out, s->rule.body, s->rule.n, LOOSE);
      break;
    case LANG_DECLARE: print_declaration(out, s); break;
    case LANG_DOMAIN: print_domain(out, s); break;
    case LANG_FUNCTION:
      base_putf(out, "%s(", s->function.name);
      print_list(out, s->function.params, s->function.n, LOOSE);
      base_put(out, ") = ");
      lang_print_expr(out, s->function.right);
      break;
    case LANG_COMMAND:
      base_putf(out, "%s(", s->command.name);
      print_list(out, s->command.at, s->command.n, LOOSE);
      base_put(out, ")");
      break;
    case LANG_QUERY: print_query(out, s); break;
  }
}

void lang_print(base_text *out, const lang_ast *ast) {
  for (int i = 0; i < ast->n; i++) {
    lang_print_stmt(out, ast->at[i]);
    base_put(out, "\n");
  }
}
