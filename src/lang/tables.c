/* tables: what the engine is given: facts, files with keys, elements over symbols; and how many
 * tuples there are, which is a size like others. */
#include "lang/sparse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- relations of the engine ----------------------------------------------------------------- */

rel_engine *sparse_engine(check *c) {
  lang_program *program = c->program;
  if (program->engine) return program->engine;
  program->related = base_map_open(c->arena);
  return program->engine = rel_open(c->arena, NULL);
}

static void in_program(check *c, base_span span) {
  if (!c->program)
    check_refuse(c, span, "relations stand in programs: equations by themselves have tensors only");
}

rel_relation *sparse_relation(check *c, entity *e) {
  rel_fold fold = e->table && e->kind == NAME_TENSOR ? REL_ONE : e->fold;
  if (!e->rel) e->rel = rel_new(sparse_engine(c), e->name, e->rank, fold, e->type, e->span);
  return e->rel;
}

lang_relation *sparse_publish(check *c, entity *e) {
  if (e->keys) return e->keys;
  e->keys = BASE_NEW(c->arena, lang_relation);
  *e->keys = (lang_relation){.name = e->name,
                             .rel = sparse_relation(c, e),
                             .arity = e->rank,
                             .domain = e->domains,
                             .span = e->span};
  BASE_PUSH(c->arena, &c->program->relations, e->keys);
  base_map_put_s(c->program->related, e->name, e->keys);
  return e->keys;
}

/* ---- sizes ----------------------------------------------------------------------------------- */

static const ir_expr *new_size(check *c, rel_relation *r, int position, const char *name) {
  lang_size size = {.of = r, .position = position};
  size.symbol = ir_symbol_new(c->p, name, false, 0);
  BASE_PUSH(c->arena, &c->program->sizes, size);
  return ir_size(c->p, size.symbol);
}

static const ir_expr *known_size(check *c, const rel_relation *r, int position) {
  for (int i = 0; i < c->program->sizes.n; i++) {
    const lang_size *s = &c->program->sizes.at[i];
    if (s->of == r && s->position == position) return ir_size(c->p, s->symbol);
  }
  return NULL;
}

const ir_expr *sparse_count(check *c, rel_relation *r) {
  const ir_expr *size = known_size(c, r, -1);
  return size ? size : new_size(c, r, -1, base_format(c->arena, "N%s", rel_name(r)));
}

const ir_expr *sparse_size(check *c, entity *e, int k) {
  const lang_domain *d = e->domains[k];
  bool derived = e->clauses.n > 0;
  if (e->size[k]) return e->size[k];
  if (d)
    e->size[k] = ir_int(c->p, d->n);
  else if (!derived)
    e->size[k] = ir_int(c->p, e->largest ? e->largest[k] + 1 : 0);
  else
    e->size[k] = new_size(c, sparse_relation(c, e), k, base_format(c->arena, "%s%d", e->name, k));
  return e->size[k];
}

bool sparse_number(check *c, entity *e, double *n) {
  if (e->clauses.n || e->rank < 0 || e->broken) return false;
  check_tables(c, NULL);
  *n = (double)rel_count(sparse_relation(c, e));
  return true;
}

/* ---- keys ------------------------------------------------------------------------------------ */

int64_t sparse_key(check *c, const node *n) {
  if (n->e.kind == LANG_STRING) return rel_symbol(sparse_engine(c), n->e.name, n->e.length);
  return n->e.integer;
}

static int64_t symbol_key(check *c, entity *e, int k, const char *symbol, base_span span) {
  const lang_domain *d = e->domains[k];
  if (e->declared && !d)
    check_refuse(c, span, "`%s` is a symbol, and position %d of %s is declared to hold numbers",
                 symbol, k, e->name);
  if (d && e->declared && !base_map_get_s(d->number, symbol))
    check_refuse(c, span, "`%s` is not in %s, the domain of position %d of %s", symbol,
                 d->name ? d->name : "that text", k, e->name);
  sort_add(c, sort_of(c, e, k), symbol);
  e->symbolic = true;
  return rel_symbol(sparse_engine(c), symbol, strlen(symbol));
}

static int64_t number_key(check *c, entity *e, int k, int64_t number, base_span span) {
  const char *text = base_format(c->arena, "%lld", (long long)number);
  int64_t size;
  if (e->declared && e->domains[k]) return symbol_key(c, e, k, text, span);
  if (e->declared && ir_is_int(e->size[k], &size) && (number < 0 || number >= size))
    check_refuse(c, span, "%s is not in position %d of %s, which is %lld long", text, k, e->name,
                 (long long)size);
  if (number < REL_LEAST) check_refuse(c, span, "%s is too small for a relation", text);
  if (number > e->largest[k]) e->largest[k] = number;
  sort_of(c, e, k)->numbers = true;
  return number;
}

/* A position of a fact: a number known now, else a symbol. */
static int64_t fact_key(check *c, entity *e, int k, const lang_expr *at) {
  const entity *scalar = at->kind == LANG_NAME ? check_scalar(c, at->name) : NULL;
  bool lower = at->kind == LANG_NAME && !lang_is_capital(at->name);
  double value;
  if (at->kind == LANG_STRING) return symbol_key(c, e, k, at->name, at->span);
  if (at->kind == LANG_NAME && !lower && !scalar)
    return symbol_key(c, e, k, at->name, at->span);
  if (at->kind == LANG_WILD || (lower && !scalar))
    check_refuse(c, at->span,
                 "a fact holds constants, and `%s` is a variable\n"
                 "help: a symbol begins with a capital or stands in quotes; a question ends in `?`",
                 at->kind == LANG_WILD ? "_" : at->name);
  if (!check_number(c, at, &value))
    check_refuse(c, at->span, "a fact holds symbols and whole numbers known now");
  if (value != floor(value) || fabs(value) > 9e15)
    check_refuse(c, at->span, "a fact holds whole numbers, not %g", value);
  if (scalar) {
    node *n = BASE_NEW(c->arena, node);
    n->e = (lang_expr){.kind = LANG_NUMBER, .name = at->name, .span = at->span};
    BASE_PUSH(c->arena, &c->symbols, ((pending){n, e, e, k}));
  }
  return number_key(c, e, k, (int64_t)value, at->span);
}

/* ---- facts ----------------------------------------------------------------------------------- */

static void pend(check *c, entity *e, int rank, base_span span) {
  check_rank_of(c, e, rank, span);
  if (!e->facts.n && !e->files.n) BASE_PUSH(c->arena, &c->tables, e);
}

void check_fact(check *c, const lang_stmt *s) {
  for (int i = 0; i < s->fact.n; i++) {
    const lang_expr *atom = s->fact.at[i];
    in_program(c, atom->span);
    entity *e = check_define(c, atom, NAME_RELATION);
    e->sparse = true;
    pend(c, e, atom->kind == LANG_ATOM ? atom->n : 0, atom->span);
    BASE_PUSH(c->arena, &e->facts, atom);
  }
}

/* E[A,B] = 3 and nothing else: the elements are facts with values. */
void check_table(check *c, entity *e) {
  e->table = true;
  for (int i = 0; i < e->clauses.n; i++) {
    const lang_stmt *s = e->clauses.at[i]->stmt;
    pend(c, e, e->rank, s->span);
    BASE_PUSH(c->arena, &e->facts, s->equation.head);
    BASE_PUSH(c->arena, &e->facts, s->equation.right);
  }
  e->clauses.n = 0;
}

static rel_number number_of(const entity *e, double x) {
  if (ir_type_real(e->type)) return (rel_number){.f = x};
  ir_value v = {.type = IR_F64, .u.f = x};
  return (rel_number){.i = ir_eval_op(IR_CAST, IR_I64, &v).u.i};
}

static void load_facts(check *c, entity *e) {
  int64_t tuple[REL_ARITY];
  bool valued = e->kind == NAME_TENSOR;
  base_map *seen = valued ? base_map_open(c->arena) : NULL;
  for (int i = 0; i < e->facts.n; i += 1 + valued) {
    const lang_expr *fact = e->facts.at[i];
    double value = 0;
    for (int k = 0; k < e->rank; k++) tuple[k] = fact_key(c, e, k, fact->at[k]);
    if (valued) {
      check_number(c, e->facts.at[i + 1], &value);
      const lang_expr *first = base_map_get(seen, tuple, sizeof *tuple * (size_t)e->rank);
      if (first)
        check_refuse(c, fact->span, "%s has two values here: the first is on line %d", e->name,
                     first->span.line);
      base_map_put(seen, tuple, sizeof *tuple * (size_t)e->rank, (void *)(uintptr_t)fact);
    }
    rel_insert(sparse_relation(c, e), tuple, number_of(e, value));
  }
}

/* ---- files ----------------------------------------------------------------------------------- */

static bool is_text(const char *path) {
  size_t n = strlen(path);
  return n > 4 && strcmp(path + n - 4, ".txt") == 0;
}

/* X(p,t) = "f.txt": its words are a domain that can be named. */
static void read_words(check *c, entity *e, const lang_stmt *s) {
  if (e->rank != 2 || e->kind != NAME_RELATION)
    check_refuse(c, s->span, "a text becomes positions and tokens: %s(p, t) = \"%s\"", e->name,
                 s->file.path->name);
  io_text *text = check_read_text(c, s->file.path, IO_WORDS);
  e->tokens = check_text_domain(c, text);
}

void check_table_file(check *c, const lang_stmt *s) {
  in_program(c, s->span);
  bool start = s->form == LANG_DECLARE;
  const lang_expr *head = start ? s->declare.name : s->file.head;
  bool relation = head->kind == LANG_ATOM;
  entity *e = check_define(c, head, relation ? NAME_RELATION : NAME_TENSOR);
  if (e->files.n && !relation)
    check_refuse(c, s->span, "%s has two lists, files or values: the first is on line %d", e->name,
                 e->files.at[0]->span.line);
  if (e->data)
    check_refuse(c, s->span, "%s has its elements from line %d already", e->name,
                 e->data_stmt->span.line);
  e->sparse = e->table = true;
  pend(c, e, start ? s->declare.n : head->n, s->span);
  BASE_PUSH(c->arena, &e->files, s);
  if (!start && is_text(s->file.path->name)) read_words(c, e, s);
}

static const char *cell_text(check *c, const io_string *cell) {
  return base_copy_n(c->arena, cell->at, cell->n);
}

static bool whole_cell(const char *text, int64_t *number) {
  char *end;
  const char *digits = text + (*text == '-');
  if (*digits < '0' || *digits > '9') return false;
  *number = strtoll(text, &end, 10);
  return *end == '\0';
}

static double value_cell(check *c, const entity *e, const io_table *t, int64_t row,
                         const char *text) {
  char *end;
  double x = strtod(text, &end);
  if (end == text || *end)
    base_raise(c->ctx, BASE_IO, e->span,
               "%s:%lld: `%s` is no number: the last column of %s holds "
               "its values",
               t->path, (long long)io_table_line(c->arena, t, row), text, e->name);
  return x;
}

/* Files keep integers, where no type is declared. */
static ir_type table_type(check *c, const entity *e, const io_table *t) {
  int64_t number;
  if (e->declared) return check_declared_type(c, e);
  for (int64_t i = 0; i < t->rows; i++)
    if (!whole_cell(cell_text(c, &t->cell[(i + 1) * t->columns - 1]), &number)) return c->type;
  return t->rows ? IR_I64 : c->type;
}

static void load_text(check *c, entity *e) {
  const io_text *text = e->tokens->text;
  const int64_t *token = text->tokens.data;
  int64_t n = text->tokens.shape[0], tuple[2];
  for (tuple[0] = 0; tuple[0] < n; tuple[0]++) {
    const char *symbol = e->tokens->symbol[token[tuple[0]]];
    tuple[1] = rel_symbol(sparse_engine(c), symbol, strlen(symbol));
    rel_insert(sparse_relation(c, e), tuple, (rel_number){0});
  }
  e->largest[0] = n - 1;
  sort_of(c, e, 0)->numbers = true;
  if (!e->domains[1]) e->domains[1] = e->tokens;
  sort_of(c, e, 1);
}

static void load_file(check *c, entity *e, const lang_stmt *s) {
  const lang_expr *path = s->form == LANG_DECLARE ? s->declare.start : s->file.path;
  if (e->tokens && s->form == LANG_FILE && is_text(path->name)) {
    load_text(c, e);
    return;
  }
  io_table *t = check_read_table(c, path);
  bool valued = e->kind == NAME_TENSOR;
  int64_t tuple[REL_ARITY], number;
  if (t->rows && t->columns != e->rank + valued)
    check_refuse(c, path->span, "%s has %d columns; %s wants %d%s", path->name, t->columns, e->name,
                 e->rank + valued, valued ? ", the last one its values" : "");
  if (valued) e->type = table_type(c, e, t), e->typed = true;
  for (int64_t i = 0; i < t->rows; i++) {
    const io_string *cell = t->cell + i * t->columns;
    double value = 0;
    for (int k = 0; k < e->rank; k++) {
      const char *text = cell_text(c, &cell[k]);
      tuple[k] = whole_cell(text, &number) ? number_key(c, e, k, number, path->span)
                                           : symbol_key(c, e, k, text, path->span);
    }
    if (valued) value = value_cell(c, e, t, i, cell_text(c, &cell[e->rank]));
    rel_insert(sparse_relation(c, e), tuple, number_of(e, value));
  }
}

/* ---- all of them ----------------------------------------------------------------------------- */

void check_tables(check *c, void *arg) {
  (void)arg;
  for (int i = 0; i < c->tables.n; i++) {
    entity *e = c->tables.at[i];
    if (e->broken) continue;
    if (!e->typed) e->type = check_declared_type(c, e);
    e->typed = true;
    if (!e->largest) {
      e->largest = BASE_NEWS(c->arena, int64_t, e->rank + 1);
      for (int k = 0; k < e->rank; k++) e->largest[k] = -1;
    }
    for (int k = 0; k < e->files.n; k++) load_file(c, e, e->files.at[k]);
    load_facts(c, e);
    e->facts.n = e->files.n = 0;
  }
  c->tables.n = 0;
}
