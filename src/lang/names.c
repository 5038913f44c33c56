/* names: every name of a program and what defines it: declarations, equations, lists, files, functions, domains. */
#include "lang/check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

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

static entity *define(check *c, const lang_expr *name, name_kind kind) {
  entity *e = check_name(c, name->name, name->span);
  if (e->kind != NAME_UNKNOWN && e->kind != kind)
    check_refuse(c, name->span, "`%s` is already defined on line %d as something else", e->name, e->span.line);
  e->kind = kind;
  return e;
}

static void set_rank(check *c, entity *e, int rank, base_span span) {
  if (rank > RUN_RANK) check_refuse(c, span, "%s has %d positions; %d is the most", e->name, rank, RUN_RANK);
  if (e->rank >= 0 && e->rank != rank)
    check_refuse(c, span, "%s has %d position%s here and %d on line %d", e->name, rank, rank == 1 ? "" : "s", e->rank,
                 e->span.line);
  if (e->rank >= 0) return;
  e->rank = rank;
  e->size = BASE_NEWS(c->arena, const ir_expr *, rank + 1);
  e->domains = BASE_NEWS(c->arena, lang_domain *, rank + 1);
}

const ir_expr *check_position_size(check *c, entity *e, int k) {
  (void)c;
  return e->rank > k ? e->size[k] : NULL;
}

/* ---- numbers known now -------------------------------------------------------------------------------- */

static bool number_of(check *c, entity *e, double *value) {
  if (!e || e->kind != NAME_TENSOR || e->rank > 0 || e->clauses.n != 1 || e->declared || e->busy) return false;
  const clause *cl = e->clauses.at[0];
  if (cl->op != LANG_SET || cl->stmt->equation.head->kind != LANG_NAME) return false;
  if (!e->number) {
    e->busy = true;
    e->number = check_number(c, cl->stmt->equation.right, &e->value);
    e->busy = false;
  }
  *value = e->value;
  return e->number;
}

static bool size_number(check *c, const lang_expr *e, double *value) {
  entity *of = e->n >= 1 && e->at[0]->kind == LANG_NAME ? check_find(c, e->at[0]->name) : NULL;
  if (!of) return false;
  if (of->kind == NAME_DOMAIN) {
    *value = (double)of->domain->n;
    return true;
  }
  double product = 1, position = -1;
  if (e->n > 1 && !check_number(c, e->at[1], &position)) return false;
  for (int k = 0; k < of->rank; k++) {
    int64_t n;
    if (position >= 0 && k != (int)position) continue;
    if (!of->size[k] || !ir_is_int(of->size[k], &n)) return false;
    product *= (double)n;
  }
  *value = product;
  return of->rank >= 0;
}

static bool call_number(check *c, const lang_expr *e, double *value) {
  static const struct { const char *name; double (*f)(double); } unary[] = {
      {"floor", floor}, {"round", rint}, {"sqrt", sqrt}, {"exp", exp}, {"log", log}, {"abs", fabs}, {"sin", sin},
      {"cos", cos}, {"tanh", tanh}};
  double x, y;
  if (strcmp(e->name, "size") == 0) return size_number(c, e, value);
  if (e->n < 1 || !check_number(c, e->at[0], &x)) return false;
  for (size_t i = 0; e->n == 1 && i < sizeof unary / sizeof *unary; i++)
    if (strcmp(unary[i].name, e->name) == 0) {
      *value = unary[i].f(x);
      return true;
    }
  if (e->n != 2 || !check_number(c, e->at[1], &y)) return false;
  if (strcmp(e->name, "min") == 0) *value = fmin(x, y);
  else if (strcmp(e->name, "max") == 0) *value = fmax(x, y);
  else return false;
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

/* ---- lists ---------------------------------------------------------------------------------------------- */

static void list_shape(check *c, const lang_expr *list, int depth, int64_t *shape, int *rank) {
  if (depth >= IO_RANK) check_refuse(c, list->span, "a list is nested at most %d deep", IO_RANK);
  if (depth + 1 > *rank) {
    *rank = depth + 1;
    shape[depth] = list->n;
  }
  if (shape[depth] != list->n)
    check_refuse(c, list->span, "this row has %d element%s; the rows before have %lld", list->n, list->n == 1 ? "" : "s",
                 (long long)shape[depth]);
  for (int i = 0; i < list->n; i++) {
    bool inner = list->at[i]->kind == LANG_LIST;
    if (i > 0 && inner != (list->at[0]->kind == LANG_LIST))
      check_refuse(c, list->at[i]->span, "rows and numbers do not mix in one list");
    if (inner) list_shape(c, list->at[i], depth + 1, shape, rank);
  }
}

static void list_fill(check *c, const lang_expr *list, ir_type type, void *data, int64_t *at) {
  for (int i = 0; i < list->n; i++) {
    double value;
    if (list->at[i]->kind == LANG_LIST) {
      list_fill(c, list->at[i], type, data, at);
      continue;
    }
    if (!check_number(c, list->at[i], &value))
      check_refuse(c, list->at[i]->span, "an element of a list is a number known now");
    ir_value v = {.type = ir_type_computed(type)};
    if (ir_type_real(v.type)) v.u.f = value;
    else v.u.i = (int64_t)value;
    device_store_value(type, data, (*at)++, v);
  }
}

static ir_type declared_type(check *c, const entity *e) {
  static const ir_type type[] = {[LANG_F16] = IR_F16, [LANG_BF16] = IR_BF16, [LANG_F32] = IR_F32, [LANG_F64] = IR_F64,
                                 [LANG_I32] = IR_I32, [LANG_I64] = IR_I64,   [LANG_BOOL] = IR_BOOL};
  return e->declared ? type[e->declared->declare.type] : c->type;
}

static io_array *array_new(check *c, ir_type type, int rank, const int64_t *shape) {
  io_array *a = BASE_NEW(c->arena, io_array);
  size_t n = ir_type_bytes(type);
  for (int k = 0; k < rank; k++) n *= (size_t)shape[k];
  *a = io_array_of((int)type, rank, shape, base_alloc(c->arena, n + 64));
  return a;
}

/* ---- what gives a tensor its elements ----------------------------------------------------------------------- */

static void give_data(check *c, entity *e, io_array *a, const lang_stmt *stmt, base_span span) {
  if (e->data)
    check_refuse(c, span, "%s has two lists, files or values: the first is on line %d", e->name, e->data_stmt->span.line);
  set_rank(c, e, a->rank, span);
  for (int k = 0; k < a->rank; k++) {
    int64_t n;
    if (!e->size[k]) e->size[k] = ir_int(c->p, a->shape[k]);
    if (ir_is_int(e->size[k], &n) && n != a->shape[k])
      check_refuse(c, span, "position %d of %s is declared %lld long; there are %lld elements", k, e->name, (long long)n,
                   (long long)a->shape[k]);
  }
  e->data = a;
  e->data_stmt = stmt;
  e->type = e->declared ? declared_type(c, e) : (ir_type)a->type;
  e->typed = true;
}

const char *check_path(check *c, const char *path) {
  bool absolute = path[0] == '/' || !c->folder || !*c->folder;
  return absolute ? path : base_format(c->arena, "%s/%s", c->folder, path);
}

static io_array *converted(check *c, const io_array *a, ir_type type) {
  if (a->type == (int)type) return BASE_NEW(c->arena, io_array);
  io_array *b = array_new(c, type, a->rank, a->shape);
  int64_t n = (int64_t)(a->bytes / ir_type_bytes((ir_type)a->type));
  for (int64_t i = 0; i < n; i++) {
    ir_value v = device_load_value((ir_type)a->type, a->data, i), w = {.type = ir_type_computed(type)};
    if (ir_type_real(w.type)) w.u.f = ir_type_real(v.type) ? v.u.f : (double)v.u.i;
    else w.u.i = ir_type_real(v.type) ? (int64_t)v.u.f : v.u.i;
    device_store_value(type, b->data, i, w);
  }
  return b;
}

static void read_file(check *c, entity *e, const lang_expr *path, const lang_stmt *stmt) {
  io_set *set = io_read(c->arena, check_path(c, path->name));
  const io_array *a = set->items.n == 1 ? &set->items.at[0].array : io_find(set, e->name);
  if (!a) check_refuse(c, path->span, "%s holds %d tensors, none named `%s`", path->name, set->items.n, e->name);
  io_array *copy = e->declared ? converted(c, a, declared_type(c, e)) : BASE_NEW(c->arena, io_array);
  if (!copy->data) *copy = *a;
  give_data(c, e, copy, stmt, path->span);
}

static bool read_text(check *c, entity *e, const lang_expr *call, const lang_stmt *stmt) {
  static const struct { const char *name; io_unit unit; } units[] = {{"chars", IO_CHARS}, {"words", IO_WORDS}, {"bytes", IO_BYTES}};
  for (int u = 0; call->kind == LANG_CALL && u < 3; u++) {
    if (strcmp(call->name, units[u].name) != 0) continue;
    if (call->n != 1 || call->at[0]->kind != LANG_STRING)
      check_refuse(c, call->span, "%s takes the path of a text in quotes", call->name);
    io_text *text = io_text_tokens(c->arena, check_path(c, call->at[0]->name), units[u].unit);
    lang_domain *d = BASE_NEW(c->arena, lang_domain);
    *d = (lang_domain){.n = text->symbols, .text = text, .symbol = BASE_NEWS(c->arena, const char *, text->symbols + 1)};
    for (int64_t i = 0; i < d->n; i++) d->symbol[i] = base_copy_n(c->arena, text->symbol[i].at, text->symbol[i].n);
    e->tokens = d;
    give_data(c, e, &text->tokens, stmt, call->span);
    return true;
  }
  return false;
}

static void read_list(check *c, entity *e, const lang_expr *list, const lang_stmt *stmt) {
  int64_t shape[IO_RANK] = {0}, at = 0;
  int rank = 0;
  list_shape(c, list, 0, shape, &rank);
  io_array *a = array_new(c, declared_type(c, e), rank, shape);
  list_fill(c, list, (ir_type)a->type, a->data, &at);
  give_data(c, e, a, stmt, list->span);
}

/* ---- statements ---------------------------------------------------------------------------------------------- */

int64_t check_size_of(check *c, const lang_expr *e, lang_domain **domain) {
  *domain = NULL;
  entity *of = e->kind == LANG_NAME ? check_find(c, e->name) : NULL;
  if (of && of->kind == NAME_DOMAIN) {
    *domain = of->domain;
    return of->domain->n;
  }
  double n;
  if (!check_number(c, e, &n)) check_refuse(c, e->span, "a size is a number, a domain or a scalar known now");
  if (n < 0 || n != floor(n) || n > 9e15) check_refuse(c, e->span, "a size is a whole number from 0, not %g", n);
  return (int64_t)n;
}

static void declare(check *c, const lang_stmt *s) {
  entity *e = define(c, s->declare.name, NAME_TENSOR);
  if (e->declared) check_refuse(c, s->span, "%s is declared on line %d already", e->name, e->declared->span.line);
  if (s->declare.sparse)
    check_refuse(c, s->span, "%s is declared with parentheses, as a relation: relations are not part of this version yet", e->name);
  e->declared = s;
  set_rank(c, e, s->declare.n, s->span);
  for (int k = 0; k < s->declare.n; k++)
    e->size[k] = ir_int(c->p, check_size_of(c, s->declare.sizes[k], &e->domains[k]));
  e->type = declared_type(c, e);
  e->typed = true;
  const lang_expr *start = s->declare.start;
  if (start && start->kind == LANG_STRING) read_file(c, e, start, s);
  if (start && start->kind == LANG_LIST) read_list(c, e, start, s);
}

static void declare_domain(check *c, const lang_stmt *s) {
  entity *e = define(c, s->domain.name, NAME_DOMAIN);
  if (e->domain) check_refuse(c, s->span, "the domain %s is on line %d already", e->name, e->span.line);
  if (s->domain.of) {
    entity *of = check_find(c, s->domain.of->name);
    if (!of || !of->tokens)
      check_refuse(c, s->domain.of->span, "%s has no domain: it is no text read by chars, words or bytes before this line",
                   s->domain.of->name);
    e->domain = of->tokens;
    e->domain->name = e->name;
    return;
  }
  e->domain = BASE_NEW(c->arena, lang_domain);
  *e->domain = (lang_domain){.name = e->name, .n = s->domain.n, .symbol = BASE_NEWS(c->arena, const char *, s->domain.n + 1)};
  for (int i = 0; i < s->domain.n; i++) {
    const lang_expr *x = s->domain.at[i];
    e->domain->symbol[i] = x->kind == LANG_NUMBER ? base_format(c->arena, "%lld", (long long)x->integer) : x->name;
    for (int k = 0; k < i; k++)
      if (strcmp(e->domain->symbol[k], e->domain->symbol[i]) == 0)
        check_refuse(c, x->span, "%s stands twice in the domain %s", e->domain->symbol[i], e->name);
  }
}

static void equation(check *c, const lang_stmt *s) {
  const lang_expr *head = s->equation.head, *right = s->equation.right;
  if (head->kind == LANG_ATOM)
    check_refuse(c, head->span, "%s(...) is a relation: relations are not part of this version yet", head->name);
  entity *e = define(c, head, NAME_TENSOR);
  if (head->kind == LANG_NAME && s->equation.op == LANG_SET) {
    if (right->kind == LANG_LIST) {
      read_list(c, e, right, s);
      return;
    }
    if (read_text(c, e, right, s)) return;
  }
  for (int i = 0; i < e->clauses.n; i++)
    if (e->clauses.at[i]->op != s->equation.op && !(e->clauses.at[i]->op <= LANG_ADD && s->equation.op <= LANG_ADD))
      check_refuse(c, s->span, "%s is defined by %s here and by %s on line %d", e->name, lang_op_name(s->equation.op),
                   lang_op_name(e->clauses.at[i]->op), e->clauses.at[i]->stmt->span.line);
  if (e->data) check_refuse(c, s->span, "%s has its elements from line %d already", e->name, e->data_stmt->span.line);
  BASE_PUSH(c->arena, &e->clauses, check_clause(c, s, e, s->equation.op));
}

/* The rank of a head is known when every clause has been seen; *t adds a position. */
static void rank_of_clause(check *c, entity *e, const clause *cl) {
  const lang_expr *head = cl->stmt->equation.head, *right = cl->stmt->equation.right;
  int slices = 0;
  for (int k = 0; right->kind == LANG_READ && k < right->n; k++) slices += right->at[k]->kind == LANG_SLICE;
  set_rank(c, e, head->kind == LANG_NAME ? slices : head->n, head->span);
  for (int k = 0; head->kind == LANG_READ && k < head->n; k++) {
    const lang_expr *at = head->at[k];
    if (at->kind == LANG_SUM) at = at->at[0];
    if (at->kind == LANG_VIRTUAL) e->virtual_position = k;
  }
}

static void collect(check *c, const lang_stmt *s) {
  switch (s->form) {
  case LANG_EQUATION: equation(c, s); break;
  case LANG_FILE:
    if (s->file.head->kind != LANG_NAME)
      check_refuse(c, s->span, "%s is read as a relation: relations are not part of this version yet", s->file.head->name);
    read_file(c, define(c, s->file.head, NAME_TENSOR), s->file.path, s);
    break;
  case LANG_DECLARE: declare(c, s); break;
  case LANG_DOMAIN: declare_domain(c, s); break;
  case LANG_FUNCTION: {
    lang_expr name = {.kind = LANG_NAME, .name = s->function.name, .span = s->span};
    entity *e = define(c, &name, NAME_FUNCTION);
    if (e->function) check_refuse(c, s->span, "the function %s is on line %d already", e->name, e->span.line);
    e->function = s;
    break;
  }
  case LANG_FACT:
  case LANG_RULE: check_refuse(c, s->span, "relations are not part of this version yet");
  default: break;
  }
}

void check_collect(check *c, const lang_ast *ast) {
  for (int i = 0; i < ast->n; i++) collect(c, ast->at[i]);
  for (int i = 0; i < c->entities.n; i++) {
    entity *e = c->entities.at[i];
    for (int k = 0; k < e->clauses.n; k++) rank_of_clause(c, e, e->clauses.at[k]);
    double value;
    if (e->kind == NAME_TENSOR) number_of(c, e, &value);
  }
}

void check_default(check *c, const lang_stmt *s) {
  if (s->form != LANG_COMMAND || strcmp(s->command.name, "default") != 0) return;
  for (int t = 0; s->command.n == 1 && t < IR_TYPES; t++)
    if (s->command.at[0]->kind == LANG_NAME && strcmp(s->command.at[0]->name, ir_type_name((ir_type)t)) == 0) {
      c->type = (ir_type)t;
      return;
    }
  check_refuse(c, s->span, "default takes a type: f16, bf16, f32, f64, i32, i64 or bool");
}
