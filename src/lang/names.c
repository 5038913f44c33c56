/* names: every name of a program and what defines it: declarations, equations, functions, domains;
 * and the numbers that are known while checking. */
#include "lang/sparse.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DEEPEST = 100 }; /* scalars that lead to scalars, looked through */

void check_refuse(check *c, base_span span, const char *format, ...) {
  char text[BASE_MESSAGE];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  base_raise(c->ctx, BASE_REFUSED, span, "%s", text);
}

entity *check_find(check *c, const char *name) { return base_map_get_s(c->names, name); }

entity *check_name(check *c, const char *name, base_span span) {
  entity *e = check_find(c, name);
  if (e) return e;
  e = BASE_NEW(c->arena, entity);
  *e = (entity){.name = name, .span = span, .rank = -1, .virtual_position = -1};
  base_map_put_s(c->names, name, e);
  BASE_PUSH(c->arena, &c->entities, e);
  return e;
}

entity *check_scalar(check *c, const char *name) {
  entity *e = check_find(c, name);
  return e && e->kind == NAME_TENSOR && e->rank <= 0 ? e : NULL;
}

static const char *const kind_names[] = {[NAME_UNKNOWN] = "nothing",
                                         [NAME_TENSOR] = "a tensor",
                                         [NAME_RELATION] = "a relation",
                                         [NAME_FUNCTION] = "a function",
                                         [NAME_DOMAIN] = "a domain"};

/* What is refused from here on has the name in it: NAME is not looked at again. */
entity *check_define(check *c, const lang_expr *name, name_kind kind) {
  entity *e = check_name(c, name->name, name->span);
  c->defining = e;
  if (e->kind != NAME_UNKNOWN && e->kind != kind)
    check_refuse(c, name->span, "`%s` is %s here and %s on line %d\nhelp: choose another name",
                 e->name, kind_names[kind], kind_names[e->kind], e->span.line);
  e->kind = kind;
  return e;
}

void check_rank_of(check *c, entity *e, int rank, base_span span) {
  if (rank > RUN_RANK)
    check_refuse(c, span, "%s has %d positions; %d is the most", e->name, rank, RUN_RANK);
  if (e->rank >= 0 && e->rank != rank)
    check_refuse(c, span, "%s has %s here and %s on line %d", e->name, check_positions(c, rank),
                 check_positions(c, e->rank), e->span.line);
  if (e->rank >= 0) return;
  e->rank = rank;
  e->size = BASE_NEWS(c->arena, const ir_expr *, rank + 1);
  e->domains = BASE_NEWS(c->arena, lang_domain *, rank + 1);
}

/* ---- numbers known now ----------------------------------------------------------------------- */

static bool number_of(check *c, entity *e, double *value) {
  if (!e || e->kind != NAME_TENSOR || e->rank > 0 || e->clauses.n != 1 || e->declared || e->busy)
    return false;
  const clause *cl = e->clauses.at[0];
  if (cl->op != LANG_SET || cl->stmt->equation.head->kind != LANG_NAME) return false;
  if (!e->number) {
    if (c->depth == DEEPEST) return false; /* it is computed when the program runs */
    c->depth++;
    e->busy = true;
    e->number = check_number(c, cl->stmt->equation.right, &e->value);
    e->busy = false;
    c->depth--;
  }
  *value = e->value;
  return e->number;
}

static bool size_number(check *c, const lang_expr *e, double *value) {
  entity *of = e->n >= 1 && e->at[0]->kind == LANG_NAME ? check_find(c, e->at[0]->name) : NULL;
  if (!of) return false;
  if (of->kind == NAME_DOMAIN) {
    if (!of->domain) check_skip(c);
    *value = (double)of->domain->n;
    return true;
  }
  double product = 1;
  int from, to;
  if (of->sparse && e->n == 1) return sparse_number(c, of, value);
  if (!check_size_range(c, e, of, &from, &to)) return false;
  for (; from < to; from++) {
    int64_t n;
    if (!of->size[from] || !ir_is_int(of->size[from], &n)) return false;
    product *= (double)n;
  }
  *value = product;
  return true;
}

static bool call_number(check *c, const lang_expr *e, double *value) {
  static const struct {
    const char *name;
    double (*f)(double);
  } unary[] = {{"floor", floor}, {"round", rint}, {"sqrt", sqrt}, {"exp", exp},  {"log", log},
               {"abs", fabs},    {"sin", sin},    {"cos", cos},   {"tanh", tanh}};
  double x, y;
  if (strcmp(e->name, "size") == 0) return size_number(c, e, value);
  if (e->n < 1 || !check_number(c, e->at[0], &x)) return false;
  for (size_t i = 0; e->n == 1 && i < sizeof unary / sizeof *unary; i++)
    if (strcmp(unary[i].name, e->name) == 0) {
      *value = unary[i].f(x);
      return true;
    }
  if (e->n != 2 || !check_number(c, e->at[1], &y)) return false;
  if (strcmp(e->name, "min") == 0)
    *value = fmin(x, y);
  else if (strcmp(e->name, "max") == 0)
    *value = fmax(x, y);
  else
    return false;
  return true;
}

bool check_number(check *c, const lang_expr *e, double *value) {
  double x = 0, total = e->kind == LANG_SUM ? 0 : 1;
  switch (e->kind) {
  case LANG_NUMBER: *value = e->value; return true;
  case LANG_NAME: return number_of(c, check_find(c, e->name), value);
  case LANG_CALL: return call_number(c, e, value);
  case LANG_NEGATE:
    if (!check_number(c, e->at[0], &x)) return false;
    *value = -x;
    return true;
  case LANG_SUM:
  case LANG_JOIN:
    for (int i = 0; i < e->n; i++) {
      if (!check_number(c, e->at[i], &x)) return false;
      total = e->kind == LANG_SUM ? total + x : total * x;
    }
    *value = total;
    return true;
  case LANG_MULTIPLY:
  case LANG_DIVIDE:
  case LANG_MODULO:
  case LANG_POWER:
    if (!check_number(c, e->at[0], &total) || !check_number(c, e->at[1], &x)) return false;
    *value = e->kind == LANG_MULTIPLY ? total * x
             : e->kind == LANG_DIVIDE ? total / x
             : e->kind == LANG_POWER  ? pow(total, x)
                                      : total - x * floor(total / x);
    return true;
  default: return false;
  }
}

/* ---- statements ------------------------------------------------------------------------------ */

_Noreturn static void refuse_size(check *c, const lang_expr *e, const entity *of) {
  const char *text = check_text_of(c, e), *help = "";
  if (of && of->kind == NAME_TENSOR && of->rank > 0)
    help = base_format(c->arena,
                       ", and %s is a tensor\nhelp: write `size(%s)`, or `size(%s, 0)` of "
                       "position 0",
                       text, text, text);
  else if (of && of->kind == NAME_TENSOR)
    help = base_format(c->arena, ", and %s is worked out when the program runs", text);
  else if (e->kind == LANG_NAME)
    help = base_format(c->arena, "; `%s` is not defined%s", text,
                       check_meant(c, e->name, NAME_TENSOR));
  check_refuse(c, e->span, "a size is a number known before the program runs, or a domain%s", help);
}

/* In equations for the C API a declared size may be made of the arguments' sizes. */
static const ir_expr *declared_size(check *c, const lang_expr *e, lang_domain **domain) {
  double n;
  const ir_expr *extent = !c->program && !check_number(c, e, &n) ? check_extent(c, e) : NULL;
  return extent ? extent : ir_int(c->p, check_size_of(c, e, domain));
}

int64_t check_size_of(check *c, const lang_expr *e, lang_domain **domain) {
  *domain = NULL;
  entity *of = e->kind == LANG_NAME ? check_find(c, e->name) : NULL;
  if (of && (of->broken || (of->kind == NAME_DOMAIN && !of->domain))) check_skip(c);
  if (of && of->kind == NAME_DOMAIN) {
    *domain = of->domain;
    return of->domain->n;
  }
  double n;
  if (!check_number(c, e, &n)) refuse_size(c, e, of);
  if (n > 9e15) check_refuse(c, e->span, "a size of %g is beyond what can be counted", n);
  if (n < 0 || n != floor(n))
    check_refuse(c, e->span, "a size is a whole number from 0, not %g", n);
  return (int64_t)n;
}

static void declare(check *c, const lang_stmt *s) {
  bool relation = s->declare.sparse && s->declare.type == LANG_BOOL;
  entity *e = check_define(c, s->declare.name, relation ? NAME_RELATION : NAME_TENSOR);
  if (e->declared)
    check_refuse(c, s->span, "%s is declared on line %d already", e->name, e->declared->span.line);
  e->sparse |= s->declare.sparse;
  e->declared = s;
  check_rank_of(c, e, s->declare.n, s->span);
  for (int k = 0; k < s->declare.n; k++)
    e->size[k] = declared_size(c, s->declare.sizes[k], &e->domains[k]);
  e->type = check_declared_type(c, e);
  e->typed = true;
  if (s->declare.start && (e->data || e->clauses.n))
    check_refuse(c, s->span,
                 "%s is a parameter here and defined on line %d\nhelp: how it begins "
                 "stands behind the `~`; without one it is no parameter",
                 e->name, e->data ? e->data_stmt->span.line : e->clauses.at[0]->stmt->span.line);
  const lang_expr *start = s->declare.start;
  if (relation && start)
    check_refuse(c, s->span, "%s is a relation: it is not learned, and has no initialiser",
                 e->name);
  if (start && start->kind == LANG_STRING && e->sparse) {
    check_table_file(c, s);
    return;
  }
  if (start && start->kind == LANG_STRING) check_file(c, e, start, s);
  if (start && start->kind == LANG_LIST) check_list(c, e, start, s);
}

static void declare_domain(check *c, const lang_stmt *s) {
  entity *e = check_define(c, s->domain.name, NAME_DOMAIN);
  if (e->domain)
    check_refuse(c, s->span, "the domain %s is on line %d already", e->name, e->span.line);
  if (s->domain.of) {
    entity *of = check_find(c, s->domain.of->name);
    if (of && of->broken) check_skip(c);
    if (!of || !of->tokens)
      check_refuse(
          c, s->domain.of->span,
          "%s has no domain: it is no text\nhelp: a text is read by `%s = chars(\"t.txt\")`, "
          "words or bytes; a domain is listed by `%s : {Ann, Bob}`",
          s->domain.of->name, s->domain.of->name, e->name);
    e->domain = of->tokens;
    e->domain->name = e->name;
    return;
  }
  e->domain = check_domain(c, s->domain.n);
  e->domain->name = e->name;
  for (int i = 0; i < s->domain.n; i++) {
    const lang_expr *x = s->domain.at[i];
    const char *symbol =
        x->kind == LANG_NUMBER ? base_format(c->arena, "%lld", (long long)x->integer) : x->name;
    if (!check_symbol(e->domain, i, symbol))
      check_refuse(c, x->span, "%s stands twice in the domain %s", symbol, e->name);
  }
}

/* Even(d) = d % 2 == 0: a condition on indices. */
static void condition(check *c, const lang_stmt *s) {
  const lang_expr *head = s->equation.head;
  bool plain = s->equation.op == LANG_SET && head->n > 0;
  for (int k = 0; k < head->n; k++)
    plain &= head->at[k]->kind == LANG_NAME && !lang_is_capital(head->at[k]->name);
  if (!plain)
    check_refuse(c, head->span,
                 "%s(...) is a relation, and `=` defines tensors\n"
                 "help: write a rule, `%s(...) <- ...`, or brackets, `%s[...] = ...`",
                 head->name, head->name, head->name);
  entity *e = check_define(c, head, NAME_FUNCTION);
  if (e->function)
    check_refuse(c, s->span, "%s(...) is defined on line %d already", e->name, e->span.line);
  e->function = s;
}

static void equation(check *c, const lang_stmt *s) {
  const lang_expr *head = s->equation.head, *right = s->equation.right;
  lang_op op = s->equation.op;
  entity *e = check_define(c, head, NAME_TENSOR);
  if (head->kind == LANG_NAME && op == LANG_SET) {
    if (right->kind == LANG_LIST) {
      check_list(c, e, right, s);
      return;
    }
    if (check_text(c, e, right, s) || check_generated(c, e, right, s)) return;
  }
  if (e->data)
    check_refuse(c, s->span,
                 "%s has its elements from line %d already\nhelp: give the result "
                 "another name",
                 e->name, e->data_stmt->span.line);
  const clause *first = e->clauses.n ? e->clauses.at[0] : NULL;
  if (first && first->op != op && !(first->op <= LANG_ADD && op <= LANG_ADD))
    check_refuse(c, s->span,
                 "%s is defined by `%s` here and by `%s` on line %d\nhelp: the "
                 "equations of one head have one operator: give one of them another name",
                 e->name, lang_op_name(op), lang_op_name(first->op), first->stmt->span.line);
  clause *cl = check_clause(c, s, e, op);
  BASE_PUSH(c->arena, &e->clauses, cl);
  BASE_PUSH(c->arena, &c->clauses, cl);
}

static void function(check *c, const lang_stmt *s) {
  lang_expr name = {.kind = LANG_NAME, .name = s->function.name, .span = s->span};
  entity *e = check_define(c, &name, NAME_FUNCTION);
  if (e->function)
    check_refuse(c, s->span, "the function %s is on line %d already", e->name, e->span.line);
  e->function = s;
}

static void rule(check *c, const lang_stmt *s) {
  entity *e = check_define(c, s->rule.head, NAME_RELATION);
  clause *cl = check_clause(c, s, e, LANG_SET);
  e->sparse = true;
  BASE_PUSH(c->arena, &e->clauses, cl);
  BASE_PUSH(c->arena, &c->clauses, cl);
}

/* What defines names, without yet looking at other names. */
static void collect(check *c, void *arg) {
  const lang_stmt *s = arg;
  switch (s->form) {
  case LANG_EQUATION:
    if (s->equation.head->kind == LANG_ATOM)
      condition(c, s);
    else
      equation(c, s);
    break;
  case LANG_FILE:
    if (s->file.head->kind != LANG_NAME)
      check_table_file(c, s);
    else
      check_file(c, check_define(c, s->file.head, NAME_TENSOR), s->file.path, s);
    break;
  case LANG_FUNCTION: function(c, s); break;
  case LANG_FACT: check_fact(c, s); break;
  case LANG_RULE: rule(c, s); break;
  default: break;
  }
}

/* The rank of a head is that of its clauses; *t is one of its positions. */
static void rank_by_clause(check *c, void *arg) {
  const clause *cl = arg;
  entity *e = c->defining = cl->head;
  if (cl->stmt->form == LANG_RULE) {
    check_rank_of(c, e, cl->stmt->rule.head->n, cl->stmt->rule.head->span);
    return;
  }
  const lang_expr *head = cl->stmt->equation.head, *right = cl->stmt->equation.right;
  int slices = 0;
  for (int k = 0; right->kind == LANG_READ && k < right->n; k++)
    slices += right->at[k]->kind == LANG_SLICE;
  check_rank_of(c, e, head->kind == LANG_NAME ? slices : head->n, head->span);
  for (int k = 0; head->kind == LANG_READ && k < head->n; k++) {
    const lang_expr *at = head->at[k];
    if (at->kind == LANG_SUM) at = at->at[0];
    if (at->kind == LANG_VIRTUAL) e->virtual_position = k;
  }
}

static void collect_domain(check *c, void *arg) {
  const lang_stmt *s = arg;
  if (s->form == LANG_DOMAIN) declare_domain(c, s);
}

static void collect_declaration(check *c, void *arg) {
  const lang_stmt *s = arg;
  if (s->form == LANG_DECLARE) declare(c, s);
}

static void collect_data(check *c, void *arg) {
  entity *e = c->defining = arg;
  double value;
  check_data(c, e);
  number_of(c, e, &value);
}

/* What is defined wrongly is broken. */
static void attempt(check *c, void (*work)(check *, void *), void *arg) {
  c->defining = NULL;
  if (!check_attempt(c, work, arg) && c->defining) c->defining->broken = true;
}

/* In rounds, as a declaration may use what stands behind it: a domain a text, a size a domain. */
void check_collect(check *c, const lang_ast *ast) {
  int first = c->clauses.n;
  for (int i = 0; i < ast->n; i++) attempt(c, collect, ast->at[i]);
  for (int i = first; i < c->clauses.n; i++) attempt(c, rank_by_clause, c->clauses.at[i]);
  for (int i = 0; i < ast->n; i++) attempt(c, collect_domain, ast->at[i]);
  for (int i = 0; i < ast->n; i++) attempt(c, collect_declaration, ast->at[i]);
  for (; c->collected < c->entities.n; c->collected++)
    attempt(c, collect_data, c->entities.at[c->collected]);
}

void check_default(check *c, const lang_stmt *s) {
  if (s->form != LANG_COMMAND || strcmp(s->command.name, "default") != 0) return;
  for (int t = 0; s->command.n == 1 && t < IR_TYPES; t++)
    if (s->command.at[0]->kind == LANG_NAME &&
        strcmp(s->command.at[0]->name, ir_type_name((ir_type)t)) == 0) {
      c->type = (ir_type)t;
      return;
    }
  const lang_expr *x = s->command.at[0];
  const char *near = x->kind == LANG_NAME ? lang_nearest_type(x->name) : NULL;
  check_refuse(c, x->span,
               "default takes a type\nhelp: %s%s%sthe types are f16 bf16 f32 f64 i32 "
               "i64 bool",
               near ? "did you mean `" : "", near ? near : "", near ? "`? " : "");
}
