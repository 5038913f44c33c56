/* data: what gives a tensor its elements: lists, files, texts, and equations that set one element
 * to a number. */
#include "lang/check.h"

#include <string.h>

ir_type check_declared_type(const check *c, const entity *e) {
  static const ir_type type[] = {
      [LANG_F16] = IR_F16, [LANG_BF16] = IR_BF16, [LANG_F32] = IR_F32,  [LANG_F64] = IR_F64,
      [LANG_I32] = IR_I32, [LANG_I64] = IR_I64,   [LANG_BOOL] = IR_BOOL};
  return e->declared ? type[e->declared->declare.type] : c->type;
}

static io_array *new_array(check *c, ir_type type, int rank, const int64_t *shape) {
  io_array *a = BASE_NEW(c->arena, io_array);
  size_t n = ir_type_bytes(type);
  for (int k = 0; k < rank; k++) n *= (size_t)shape[k];
  *a = io_array_of((int)type, rank, shape, base_alloc(c->arena, n + 64));
  return a;
}

/* Toward zero; beyond what fits the nearest, as casts do; of nan 0. */
static int64_t whole_of(double x) {
  ir_value v = {.type = IR_F64, .u.f = x};
  return ir_eval_op(IR_CAST, IR_I64, &v).u.i;
}

static void store(io_array *a, int64_t at, double value) {
  ir_value v = {.type = ir_type_computed((ir_type)a->type)};
  if (ir_type_real(v.type))
    v.u.f = value;
  else
    v.u.i = v.type == IR_BOOL ? value != 0 : whole_of(value);
  device_store_value((ir_type)a->type, a->data, at, v);
}

/* A itself, if it is of TYPE. */
static io_array *converted(check *c, io_array *a, ir_type type) {
  if (a->type == (int)type) return a;
  io_array *b = new_array(c, type, a->rank, a->shape);
  int64_t n = (int64_t)(a->bytes / ir_type_bytes((ir_type)a->type));
  for (int64_t i = 0; i < n; i++) {
    ir_value v = device_load_value((ir_type)a->type, a->data, i),
             w = {.type = ir_type_computed(type)};
    if (ir_type_real(w.type))
      w.u.f = ir_type_real(v.type) ? v.u.f : (double)v.u.i;
    else
      w.u.i = ir_type_real(v.type) ? whole_of(v.u.f) : v.u.i;
    device_store_value(type, b->data, i, w);
  }
  return b;
}

/* E's elements are A: sizes follow, or agree with those declared. */
static void give(check *c, entity *e, io_array *a, const lang_stmt *stmt, base_span span) {
  if (e->data)
    check_refuse(c, span,
                 "%s has two lists, files or values: the first is on line %d\n"
                 "help: an equation is no assignment: give the second another name",
                 e->name, e->data_stmt->span.line);
  if (e->clauses.n)
    check_refuse(c, span, "%s has its elements here and an equation on line %d", e->name,
                 e->clauses.at[0]->stmt->span.line);
  check_rank_of(c, e, a->rank, span);
  e->data = a;
  e->data_stmt = stmt;
  e->type = (ir_type)a->type;
  e->typed = true;
  for (int k = 0; k < a->rank; k++)
    if (!e->size[k]) e->size[k] = ir_int(c->p, a->shape[k]);
}

/* ---- lists ----------------------------------------------------------------------------------- */

static void list_shape(check *c, const lang_expr *list, int depth, int64_t *shape, int *rank) {
  if (depth >= IO_RANK) check_refuse(c, list->span, "a list is nested at most %d deep", IO_RANK);
  if (depth + 1 > *rank) {
    *rank = depth + 1;
    shape[depth] = list->n;
  }
  if (shape[depth] != list->n)
    check_refuse(c, list->span,
                 "this row has %d element%s; the rows before have %lld\n"
                 "help: all rows are equally long: `[1, 2; 3, 0]`",
                 list->n, list->n == 1 ? "" : "s", (long long)shape[depth]);
  for (int i = 0; i < list->n; i++) {
    bool inner = list->at[i]->kind == LANG_LIST;
    if (i > 0 && inner != (list->at[0]->kind == LANG_LIST))
      check_refuse(c, list->at[i]->span,
                   "rows and numbers do not mix in one list\n"
                   "help: a row stands in brackets of its own, `[[1, 2], [3, 4]]`, or behind `;`, "
                   "`[1, 2; 3, 4]`");
    if (inner) list_shape(c, list->at[i], depth + 1, shape, rank);
  }
}

_Noreturn static void refuse_element(check *c, const lang_expr *e) {
  const entity *of = e->kind == LANG_NAME ? check_find(c, e->name) : NULL;
  if (of && of->broken) check_skip(c);
  if (e->kind == LANG_NAME && !of) check_unknown(c, e, NAME_TENSOR);
  check_refuse(c, e->span,
               "an element of a list is a number known before the program runs, not %s\n"
               "help: give it by an equation of its own: `X[0] = ...`",
               lang_kind_name(e->kind));
}

static void list_fill(check *c, const lang_expr *list, io_array *a, int64_t *at) {
  for (int i = 0; i < list->n; i++) {
    double value;
    if (list->at[i]->kind == LANG_LIST) {
      list_fill(c, list->at[i], a, at);
      continue;
    }
    if (!check_number(c, list->at[i], &value)) refuse_element(c, list->at[i]);
    store(a, (*at)++, value);
  }
}

/* Its shape counts now; its elements, which may name scalars, when all names are known. */
void check_list(check *c, entity *e, const lang_expr *list, const lang_stmt *stmt) {
  int64_t shape[IO_RANK] = {0};
  int rank = 0;
  list_shape(c, list, 0, shape, &rank);
  io_array *a = BASE_NEW(c->arena, io_array);
  *a = io_array_of((int)check_declared_type(c, e), rank, shape, NULL);
  give(c, e, a, stmt, list->span);
  e->list = list;
}

static void fill(check *c, entity *e) {
  int64_t at = 0;
  io_array *a = new_array(c, check_declared_type(c, e), e->data->rank, e->data->shape);
  list_fill(c, e->list, a, &at);
  e->data = a;
  e->list = NULL;
}

/* ---- files ----------------------------------------------------------------------------------- */

const char *check_path(check *c, const char *path) {
  bool absolute = path[0] == '/' || !c->folder || !*c->folder;
  return absolute ? path : base_format(c->arena, "%s/%s", c->folder, path);
}

_Noreturn static void refuse_set(check *c, const entity *e, const lang_expr *path,
                                 const io_set *set) {
  base_text list = base_text_open(c->arena);
  for (int i = 0; i < set->items.n && i < 10; i++)
    base_putf(&list, i ? ", %s" : "%s", set->items.at[i].name);
  check_refuse(c, path->span, "%s holds %d tensors, none named `%s`\nhelp: they are %s%s",
               path->name, set->items.n, e->name, list.at, set->items.n > 10 ? ", ..." : "");
}

/* What the file says of itself stands in the message; where it is named is the place. */
void check_reading(check *c, base_span span, void (*work)(check *, void *), void *arg) {
  base_trap trap;
  if (BASE_TRY(c->ctx, &trap)) {
    work(c, arg);
    base_untrap(c->ctx, &trap);
    return;
  }
  const base_error *e = base_last(c->ctx);
  if (e->status != BASE_IO || e->span.line > 0 || e->span.file) base_raise_again(c->ctx);
  base_raise(c->ctx, BASE_IO, span, "%s", e->message);
}

typedef struct reading {
  const char *path;
  io_set *set;
  io_table *table;
  io_text *text;
  io_unit unit;
} reading;

static void read_set(check *c, void *arg) {
  reading *r = arg;
  r->set = io_read(c->arena, r->path);
}

static void read_text(check *c, void *arg) {
  reading *r = arg;
  r->text = io_text_tokens(c->arena, r->path, r->unit);
}

static void read_table(check *c, void *arg) {
  reading *r = arg;
  r->table = io_table_read(c->arena, r->path);
}

io_text *check_read_text(check *c, const lang_expr *path, io_unit unit) {
  reading r = {.path = check_path(c, path->name), .unit = unit};
  check_reading(c, path->span, read_text, &r);
  return r.text;
}

io_table *check_read_table(check *c, const lang_expr *path) {
  reading r = {.path = check_path(c, path->name)};
  check_reading(c, path->span, read_table, &r);
  return r.table;
}

void check_file(check *c, entity *e, const lang_expr *path, const lang_stmt *stmt) {
  reading r = {.path = check_path(c, path->name)};
  check_reading(c, path->span, read_set, &r);
  io_set *set = r.set;
  const io_array *a = set->items.n == 1 ? &set->items.at[0].array : io_find(set, e->name);
  if (!a) refuse_set(c, e, path, set);
  io_array *copy = BASE_NEW(c->arena, io_array);
  *copy = *a;
  give(c, e, copy, stmt, path->span);
}

lang_domain *check_domain(check *c, int64_t n) {
  lang_domain *d = BASE_NEW(c->arena, lang_domain);
  *d = (lang_domain){.n = n, .symbol = BASE_NEWS(c->arena, const char *, n + 1)};
  d->number = base_map_open(c->arena);
  return d;
}

bool check_symbol(lang_domain *d, int64_t i, const char *symbol) {
  bool fresh = !base_map_get_s(d->number, symbol);
  d->symbol[i] = symbol;
  if (fresh) base_map_put_s(d->number, symbol, &d->symbol[i]);
  return fresh;
}

lang_domain *check_text_domain(check *c, io_text *text) {
  lang_domain *d = check_domain(c, text->symbols);
  d->text = text;
  for (int64_t i = 0; i < d->n; i++)
    check_symbol(d, i, base_copy_n(c->arena, text->symbol[i].at, text->symbol[i].n));
  return d;
}

bool check_text(check *c, entity *e, const lang_expr *call, const lang_stmt *stmt) {
  static const struct {
    const char *name;
    io_unit unit;
  } units[] = {{"chars", IO_CHARS}, {"words", IO_WORDS}, {"bytes", IO_BYTES}};
  for (int u = 0; call->kind == LANG_CALL && u < 3; u++) {
    if (strcmp(call->name, units[u].name) != 0) continue;
    if (call->n != 1 || call->at[0]->kind != LANG_STRING)
      check_refuse(c, call->span, "%s takes the path of a text in quotes\nhelp: write `%s`",
                   call->name, lang_form_of(call->name));
    io_text *text = check_read_text(c, call->at[0], units[u].unit);
    e->tokens = check_text_domain(c, text);
    give(c, e, &text->tokens, stmt, call->span);
    return true;
  }
  return false;
}

/* Declared and given, where that says more than the one size. */
static const char *shapes_of(check *c, const entity *e) {
  base_text t = base_text_open(c->arena);
  for (int k = 0; k < e->rank; k++)
    base_putf(&t, k ? ", %lld" : "%lld", (long long)e->data->shape[k]);
  return e->rank < 2 ? ""
                     : base_format(c->arena,
                                   "\nhelp: it is declared %s on line %d and given as "
                                   "[%s]",
                                   check_shape(c, e), e->declared->span.line, t.at);
}

/* Declarations may stand behind what they declare: types and sizes meet when all are known. */
void check_data(check *c, entity *e) {
  if (!e->data) return;
  if (e->list) fill(c, e);
  if (!e->declared) return;
  e->data = converted(c, e->data, check_declared_type(c, e));
  for (int k = 0; k < e->rank; k++) {
    int64_t n;
    if (ir_is_int(e->size[k], &n) && n != e->data->shape[k])
      check_refuse(c, e->data_stmt->span,
                   "position %d of %s is declared %lld long; there are %lld elements%s", k, e->name,
                   (long long)n, (long long)e->data->shape[k], shapes_of(c, e));
  }
}

/* ---- elements -------------------------------------------------------------------------------- */

/* E[0,2] = 3: where. */
static bool is_element(const clause *cl, int64_t *at) {
  bool element = cl->stmt->equation.right->kind == LANG_NUMBER && cl->op <= LANG_ADD;
  for (int k = 0; element && k < cl->nlhs; k++) {
    element = cl->lhs[k]->e.kind == LANG_NUMBER && cl->lhs[k]->e.whole;
    if (element) at[k] = cl->lhs[k]->e.integer;
  }
  return element;
}

static void refuse_twice(check *c, const entity *e, const int64_t *at, const clause *first,
                         const clause *second) {
  base_text t = base_text_open(c->arena);
  for (int k = 0; k < e->rank; k++) base_putf(&t, k ? ",%lld" : "[%lld", (long long)at[k]);
  check_refuse(c, second->stmt->span,
               "%s%s%s has two values: the first is on line %d\n"
               "help: an equation is no assignment: give the second another name",
               e->name, t.at, e->rank ? "]" : "", first->stmt->span.line);
}

/* The place of AT in E, whose sizes are known. */
static int64_t place(check *c, const entity *e, const int64_t *at, base_span span) {
  int64_t place = 0, n;
  for (int k = 0; k < e->rank; k++) {
    if (!ir_is_int(e->size[k], &n)) n = INT64_MAX;
    if (at[k] < 0 || at[k] >= n)
      check_refuse(c, span, "%lld is not in position %d of %s, which is %lld long",
                   (long long)at[k], k, e->name, (long long)n);
    place = place * n + at[k];
  }
  return place;
}

static void size_by_elements(check *c, entity *e) {
  int64_t at[RUN_RANK], most[RUN_RANK] = {0}, count = 1;
  for (int i = 0; i < e->clauses.n; i++) {
    is_element(e->clauses.at[i], at);
    for (int k = 0; k < e->rank; k++)
      if (at[k] >= most[k]) most[k] = at[k] + 1;
  }
  for (int k = 0; k < e->rank; k++) {
    if (!e->size[k]) e->size[k] = ir_int(c->p, most[k]);
    if (ir_is_int(e->size[k], &most[k]) && most[k] > 0 && (count *= most[k]) > INT64_C(1) << 28)
      check_refuse(
          c, e->span,
          "the elements of %s lie more than 2^28 apart\n"
          "help: declare it with parentheses, %s : f32(...), and it is sparse",
          e->name, e->name);
  }
}

/* A tensor of nothing but elements is data; an element stands once. */
void check_elements(check *c, entity *e) {
  int64_t at[RUN_RANK] = {0};
  if ((e->clauses.n == 1 && e->rank == 0) || e->sparse) return;
  base_map *seen = base_map_open(c->arena);
  int elements = 0;
  for (int i = 0; i < e->clauses.n; i++) {
    if (!is_element(e->clauses.at[i], at)) continue;
    size_t key = sizeof *at * (size_t)(e->rank ? e->rank : 1);
    const clause *first = base_map_get(seen, at, key);
    if (first) refuse_twice(c, e, at, first, e->clauses.at[i]);
    base_map_put(seen, at, key, e->clauses.at[i]);
    elements++;
  }
  if (!elements || elements < e->clauses.n || !c->program || e->rank == 0 || e->rank > IO_RANK)
    return;
  size_by_elements(c, e);
  int64_t shape[IO_RANK];
  for (int k = 0; k < e->rank; k++)
    if (!ir_is_int(e->size[k], &shape[k])) return;
  io_array *a = new_array(c, check_declared_type(c, e), e->rank, shape);
  for (int i = 0; i < e->clauses.n; i++) {
    const clause *cl = e->clauses.at[i];
    is_element(cl, at);
    store(a, place(c, e, at, cl->stmt->span), cl->stmt->equation.right->value);
  }
  e->data_stmt = e->clauses.at[0]->stmt;
  e->data = a;
  e->clauses.n = 0;
  e->type = (ir_type)a->type;
  e->typed = true;
}
