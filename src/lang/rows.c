/* rows: what a question asks for, row by row: tuples of relations, elements of tensors. A pattern
 * of one of them, Ancestor(Alice, x) or X[i,1], is asked as it stands; anything more has to be
 * checked as a query first. */
#include <math.h>
#include <string.h>

#include "lang/machine.h"

typedef BASE_VEC(const char *) names;

typedef struct pattern {
  lang_relation *relation; /* NULL: a dense tensor */
  lang_tensor *tensor;     /* NULL: a relation */
  int rank;
  const rel_term *term; /* variables numbered as they come */
  int64_t first;        /* what row 0 is called, of a slice */
  names free;
  int shown;
} pattern;

const char *lang_rows_symbol(const lang_rows *rows, int k, int64_t i) {
  int64_t key = rows->column[k][i];
  if (rows->engine && rel_is_symbol(key)) return rel_symbol_name(rows->engine, key);
  const lang_domain *d = rows->domain[k];
  return d && key >= 0 && key < d->n ? d->symbol[key] : NULL;
}

/* ---- patterns -------------------------------------------------------------------------------- */

static bool is_scalar(const lang_program *p, const char *name) {
  const lang_tensor *t = lang_find(p, name);
  return t && t->ir->rank == 0;
}

/* A symbol's key: of a relation the engine's, else its number in the domain. */
static int64_t key_of(const lang_program *p, const pattern *q, int k, const lang_expr *e) {
  const int64_t nowhere = REL_LEAST - 1;
  int64_t key;
  if (q->relation)
    return rel_symbol_known(p->engine, e->name, strlen(e->name), &key) ? key : nowhere;
  const lang_domain *d = q->tensor->domain ? q->tensor->domain[k] : NULL;
  const char **symbol = d ? base_map_get_s(d->number, e->name) : NULL;
  return symbol ? symbol - d->symbol : nowhere;
}

/* false: more than a variable, a symbol or a number. */
static bool term_of(const lang_program *p, base_arena *arena, pattern *q, int k, const lang_expr *e,
                    rel_term *term) {
  *term = (rel_term){.kind = REL_ANY};
  if (e->kind == LANG_WILD) return true;
  if (e->kind == LANG_NAME && !lang_is_capital(e->name) && !is_scalar(p, e->name)) {
    int i = 0;
    while (i < q->free.n && strcmp(q->free.at[i], e->name) != 0) i++;
    if (i == q->free.n) BASE_PUSH(arena, &q->free, e->name);
    *term = (rel_term){.kind = REL_VAR, .var = i};
    return true;
  }
  *term = (rel_term){.kind = REL_KEY, .key = e->integer};
  if (e->kind == LANG_NUMBER) return e->whole;
  if (e->kind != LANG_STRING && (e->kind != LANG_NAME || is_scalar(p, e->name))) return false;
  term->key = key_of(p, q, k, e);
  return true;
}

static bool pattern_of(lang_machine *m, base_arena *arena, const lang_expr *e, pattern *q) {
  const lang_program *p = m->program;
  bool named = e->kind == LANG_NAME || e->kind == LANG_READ || e->kind == LANG_ATOM;
  if (!named) return false;
  *q = (pattern){.relation = lang_find_relation(p, e->name), .tensor = lang_find(p, e->name)};
  if (!q->relation && !q->tensor) return false;
  if (q->relation) q->tensor = q->relation->tensor;
  q->rank = q->relation ? q->relation->arity : q->tensor->ir->rank;
  bool whole = e->kind == LANG_NAME, atom = q->relation && !q->tensor;
  if (!whole && (e->n != q->rank || (e->kind == LANG_ATOM) != atom)) return false;
  rel_term *term = BASE_NEWS(arena, rel_term, q->rank + 1);
  for (int k = 0; k < q->rank; k++) {
    term[k] = (rel_term){.kind = REL_VAR, .var = k};
    if (!whole && !term_of(p, arena, q, k, e->at[k], &term[k])) return false;
  }
  q->term = term;
  q->shown = whole ? q->rank : q->free.n;
  return true;
}

/* ---- rows ------------------------------------------------------------------------------------ */

typedef struct gathering {
  const pattern *q;
  lang_rows *rows;
  int64_t **column;
  rel_number *value;
} gathering;

/* What the variables stand for if KEY fits; false: it does not. */
static bool fits(const pattern *q, const int64_t *key, int64_t *found) {
  int met = 0;
  for (int k = 0; k < q->rank; k++) {
    rel_term t = q->term[k];
    if (t.kind == REL_KEY && t.key != key[k]) return false;
    if (t.kind != REL_VAR) continue;
    if (t.var < met && found[t.var] != key[k]) return false;
    if (t.var == met) found[met++] = key[k];
  }
  return true;
}

static void gather(gathering *g, const int64_t *key, rel_number value) {
  int64_t found[REL_ARITY + RUN_RANK], i = g->rows->n;
  if (!fits(g->q, key, found)) return;
  for (int k = 0; k < g->q->shown; k++) g->column[k][i] = found[k];
  g->value[i] = value;
  g->rows->n++;
}

static gathering gathering_for(base_arena *arena, const pattern *q, lang_rows *rows, int64_t n) {
  gathering g = {.q = q, .rows = rows};
  g.column = BASE_NEWS(arena, int64_t *, q->shown + 1);
  for (int k = 0; k < q->shown; k++) g.column[k] = BASE_NEWS(arena, int64_t, n + 1);
  g.value = BASE_NEWS(arena, rel_number, n + 1);
  rows->column = (const int64_t **)g.column;
  rows->value = g.value;
  return g;
}

static rel_number number_at(ir_type type, const void *data, int64_t i) {
  ir_value x = device_load_value(type, data, i);
  return ir_type_real(x.type) ? (rel_number){.f = x.u.f} : (rel_number){.i = x.u.i};
}

static void tuples(lang_machine *m, base_arena *arena, const pattern *q, lang_rows *rows) {
  (void)m;
  rel_relation *r = q->relation->rel;
  if (!q->shown) {
    rows->n = rel_exists(r, q->term);
    return;
  }
  rel_rows found = rel_query(arena, r, q->term);
  rows->n = found.n;
  rows->column = found.column;
}

static void elements(lang_machine *m, base_arena *arena, const pattern *q, lang_rows *rows) {
  int64_t key[REL_ARITY];
  run_value *v = machine_value(m, arena, q->tensor, 0, NULL);
  rel_rows found = rel_query(arena, q->relation->rel, NULL);
  void *data = base_alloc(arena, run_value_bytes(v) + 8);
  run_value_read(v, data);
  gathering g = gathering_for(arena, q, rows, found.n);
  for (int64_t i = 0; i < found.n; i++) {
    for (int k = 0; k < q->rank; k++) key[k] = found.column[k][i];
    gather(&g, key, number_at(v->type, data, i));
  }
}

static void dense(lang_machine *m, base_arena *arena, const pattern *q, lang_rows *rows) {
  int64_t key[RUN_RANK] = {0};
  run_value *v = machine_value(m, arena, q->tensor, 0, NULL);
  void *data = base_alloc(arena, run_value_bytes(v) + 8);
  run_value_read(v, data);
  gathering g = gathering_for(arena, q, rows, v->count);
  if (q->rank) key[0] = q->first;
  for (int64_t i = 0; i < v->count; i++) {
    gather(&g, key, number_at(v->type, data, i));
    for (int k = v->rank - 1; k >= 0; k--) {
      if (++key[k] < v->size[k] + (k ? 0 : q->first)) break;
      key[k] = k ? 0 : q->first;
    }
  }
}

static void answer(lang_machine *m, base_arena *arena, const pattern *q, lang_rows *rows) {
  *rows = (lang_rows){.width = q->shown, .valued = q->tensor != NULL};
  rows->engine = q->relation ? m->program->engine : NULL;
  rows->type = q->tensor ? ir_type_computed(q->tensor->ir->type) : IR_BOOL;
  const char **name = BASE_NEWS(arena, const char *, q->shown + 1);
  lang_domain **domain = BASE_NEWS(arena, lang_domain *, q->shown + 1);
  for (int k = 0; k < q->shown; k++) name[k] = k < q->free.n ? q->free.at[k] : "";
  for (int k = 0; k < q->rank && !q->relation && q->tensor->domain; k++)
    if (q->term[k].kind == REL_VAR) domain[q->term[k].var] = q->tensor->domain[k];
  rows->name = name;
  rows->domain = domain;
  machine_relate(m);
  if (!q->relation)
    dense(m, arena, q, rows);
  else if (q->tensor)
    elements(m, arena, q, rows);
  else
    tuples(m, arena, q, rows);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static const lang_expr *question_of(const lang_ast *ast) {
  bool one = ast->n == 1 && ast->at[0]->form == LANG_QUERY && ast->at[0]->query.n == 0;
  return one ? ast->at[0]->query.right : NULL;
}

bool lang_machine_ask(lang_machine *m, base_arena *arena, const lang_ast *question,
                      lang_rows *rows) {
  pattern q;
  const lang_expr *e = question_of(question);
  if (!e || !pattern_of(m, arena, e, &q)) return false;
  answer(m, arena, &q, rows);
  return true;
}

static void list_free(const lang_program *p, base_arena *arena, const lang_expr *e, names *free) {
  bool index = e->kind == LANG_NAME && !lang_is_capital(e->name) && !is_scalar(p, e->name);
  for (int i = 0; index && i < free->n; i++) index = strcmp(free->at[i], e->name) != 0;
  if (index) BASE_PUSH(arena, free, e->name);
  for (int i = 0; i < e->n; i++)
    if (e->at[i]) list_free(p, arena, e->at[i], free);
}

void lang_machine_answer(lang_machine *m, base_arena *arena, lang_rows *rows) {
  const lang_program *p = m->program;
  const lang_action *a = p->actions.n ? &p->actions.at[p->actions.n - 1] : NULL;
  if (!a || a->verb != LANG_DO_QUERY)
    base_raise(m->ctx, BASE_REFUSED, base_nowhere, "this is no query: write `Ancestor(Alice, x)?`");
  const lang_item *item = &a->item[0];
  pattern q = {.relation = item->relation, .tensor = item->tensor, .shown = item->shown};
  if (item->show == LANG_SHOW_TENSOR) {
    q = (pattern){.tensor = item->tensor, .rank = item->tensor->ir->rank, .first = item->first};
    q.shown = q.rank;
    rel_term *term = BASE_NEWS(arena, rel_term, q.rank + 1);
    for (int k = 0; k < q.rank; k++) term[k] = (rel_term){.kind = REL_VAR, .var = k};
    q.term = term;
  } else if (item->show == LANG_SHOW_TUPLES || item->show == LANG_SHOW_ELEMENTS) {
    q.rank = item->relation->arity;
    q.term = item->term;
    list_free(p, arena, a->stmt->query.right, &q.free);
    if (q.free.n != q.shown) q.free.n = 0;
    if (item->show == LANG_SHOW_TUPLES) q.tensor = NULL;
  } else {
    base_raise(m->ctx, BASE_REFUSED, a->stmt->span,
               "the answer is a text, which has no rows\nhelp: run it, and take it from the sink");
  }
  answer(m, arena, &q, rows);
}
