/* learning: the arguments of minimize and maximize, what a minibatch runs over, and how the
 * parameters begin.
 *
 * batch=e:64   The positions over which e runs, in the loss and in what it is made of, get one
 *              size that is a symbol: whole data and batches are the same program. */
#include "lang/check.h"

#include <math.h>
#include <string.h>

static const lang_expr *const *arguments(const lang_expr *e) {
  return (const lang_expr *const *)e->at;
}

/* ---- optimisers and schedules ---------------------------------------------------------------- */

static bool flag(check *c, const lang_expr *e, const char *name) {
  const lang_expr *x = check_keyword(arguments(e), e->n, name);
  return x && check_argument(c, x, name, 0) != 0;
}

static void real(check *c, const lang_expr *e, const char *name, double *to) {
  const lang_expr *x = check_keyword(arguments(e), e->n, name);
  if (x) *to = check_argument(c, x, base_format(c->arena, "%s=", name), 0);
}

/* "did you mean `adam`? ", or nothing */
static const char *did_you_mean(check *c, const lang_expr *e, int n, const char *const *names) {
  bool named = e->kind == LANG_CALL || e->kind == LANG_NAME;
  const char *near = named ? lang_did_you_mean(e->name, names, n) : NULL;
  return near ? base_format(c->arena, "did you mean `%s`? ", near) : "";
}

static train_optimizer optimizer_of(check *c, const lang_expr *e) {
  static const struct {
    const char *name;
    const char *known[8];
  } table[] = {[TRAIN_SGD] = {"sgd", {"lr", "momentum", "nesterov"}},
               [TRAIN_ADAM] = {"adam", {"lr", "b1", "b2", "eps", "amsgrad"}},
               [TRAIN_ADAMW] = {"adamw", {"lr", "b1", "b2", "eps", "amsgrad", "decay"}}};
  int m = 0;
  while (m < 3 &&
         !((e->kind == LANG_CALL || e->kind == LANG_NAME) && strcmp(e->name, table[m].name) == 0))
    m++;
  if (m == 3)
    check_refuse(c, e->span,
                 "%s is no optimiser\nhelp: %sthere are sgd(lr=0.1), adam(lr=1e-3) and "
                 "adamw(lr=1e-3)",
                 e->name ? e->name : lang_kind_name(e->kind),
                 did_you_mean(c, e, 3, (const char *[]){"sgd", "adam", "adamw"}));
  train_optimizer o = train_optimizer_default((train_method)m);
  check_keywords(c, e->name, arguments(e), e->n, table[m].known);
  if (e->n > 0 && e->at[0]->kind != LANG_KEYWORD) o.lr = check_argument(c, e->at[0], "lr", 0);
  real(c, e, "lr", &o.lr);
  real(c, e, "momentum", &o.momentum);
  real(c, e, "b1", &o.b1);
  real(c, e, "b2", &o.b2);
  real(c, e, "eps", &o.eps);
  real(c, e, "decay", &o.decay);
  if (o.b1 >= 1 || o.b2 >= 1)
    check_refuse(c, e->span, "b1 and b2 are below 1: they are how much of a mean stays");
  o.nesterov = flag(c, e, "nesterov");
  o.amsgrad = flag(c, e, "amsgrad");
  return o;
}

static train_schedule schedule_of(check *c, const lang_expr *e) {
  static const struct {
    const char *name;
    const char *known[4];
  } table[] = {[TRAIN_CONSTANT] = {"constant", {"warmup"}},
               [TRAIN_STEP] = {"step", {"warmup", "period", "gamma"}},
               [TRAIN_EXPONENTIAL] = {"exponential", {"warmup", "gamma"}},
               [TRAIN_COSINE] = {"cosine", {"warmup", "floor"}}};
  int k = 0;
  while (k < 4 &&
         !((e->kind == LANG_CALL || e->kind == LANG_NAME) && strcmp(e->name, table[k].name) == 0))
    k++;
  if (k == 4)
    check_refuse(
        c, e->span,
        "%s is no schedule\nhelp: %sthere are constant, step(period=, gamma=), exponential(gamma=) "
        "and cosine(floor=), each with warmup= or without",
        e->name ? e->name : lang_kind_name(e->kind),
        did_you_mean(c, e, 4, (const char *[]){"constant", "step", "exponential", "cosine"}));
  train_schedule s = train_schedule_default((train_curve)k);
  check_keywords(c, e->name, arguments(e), e->n, table[k].known);
  s.warmup = check_count(c, arguments(e), e->n, "warmup", 0);
  s.period = check_count(c, arguments(e), e->n, "period", s.period);
  if (s.period < 1) check_refuse(c, e->span, "period= is at least 1");
  real(c, e, "gamma", &s.gamma);
  real(c, e, "floor", &s.floor);
  return s;
}

/* ---- what a batch runs over ------------------------------------------------------------------ */

typedef struct batch { /* positions and variables that run together with the index */
  check *c;
  const char *name;
  base_map *met;               /* entities already walked, by address */
  BASE_VEC(entity *) entities; /* the loss and all it is made of */
  BASE_VEC(variable *) vars;
  BASE_VEC(entity *) of; /* position[i] of of[i] */
  BASE_VEC(int) position;
  bool changed;
} batch;

static void walk(batch *b, entity *e) {
  if (base_map_get(b->met, &e, sizeof e)) return;
  if (e->broken) check_skip(b->c);
  base_map_put(b->met, &e, sizeof e, e);
  BASE_PUSH(b->c->arena, &b->entities, e);
  for (int i = 0; i < e->clauses.n; i++)
    for (int r = 0; r < e->clauses.at[i]->reads.n; r++) walk(b, e->clauses.at[i]->reads.at[r]->of);
}

static bool has_var(const batch *b, const variable *v) {
  for (int i = 0; i < b->vars.n; i++)
    if (b->vars.at[i] == v) return true;
  return false;
}

static bool has_position(const batch *b, const entity *e, int k) {
  for (int i = 0; i < b->of.n; i++)
    if (b->of.at[i] == e && b->position.at[i] == k) return true;
  return false;
}

/* V stands bare at position K of E: both run over the batch, or neither. */
static void join(batch *b, variable *v, entity *e, int k) {
  bool runs = has_var(b, v), runs_there = has_position(b, e, k);
  if (runs == runs_there) return;
  if (!runs) BASE_PUSH(b->c->arena, &b->vars, v);
  if (!runs_there) {
    BASE_PUSH(b->c->arena, &b->of, e);
    BASE_PUSH(b->c->arena, &b->position, k);
  }
  b->changed = true;
}

static int position_in(const node *read, int k) {
  const entity *of = read->of;
  return k + (read->e.n == of->rank - 1 && of->virtual_position >= 0 && k >= of->virtual_position);
}

static void join_clause(batch *b, const clause *cl) {
  for (int k = 0; k < cl->nlhs; k++)
    if (cl->lhs[k]->var) join(b, cl->lhs[k]->var, cl->head, k);
  for (int r = 0; r < cl->reads.n; r++) {
    const node *read = cl->reads.at[r];
    for (int k = 0; read->e.kind == LANG_READ && k < read->e.n; k++) {
      variable *v = ((const node *)read->e.at[k])->var;
      if (v) join(b, v, read->of, position_in(read, k));
    }
  }
}

static void refuse_use(const batch *b, const node *n) {
  base_text text = base_text_open(b->c->arena);
  lang_print_expr(&text, &n->e);
  check_refuse(b->c, n->e.span,
               "`%s` runs over the batch, so it stands alone in a position, not as in `%s`",
               b->name, text.at);
}

/* A batch's index numbers no example, so its value must not be used. */
static void check_uses_bare(const batch *b, const node *n) {
  for (int i = 0; i < n->e.n; i++) {
    const node *x = (const node *)n->e.at[i];
    if (!x) continue;
    if (x->var && has_var(b, x->var) && n->e.kind != LANG_READ) refuse_use(b, n);
    check_uses_bare(b, x);
  }
}

static void find_class(batch *b) {
  int named = 0;
  for (int i = 0; i < b->entities.n; i++)
    for (int k = 0; k < b->entities.at[i]->clauses.n; k++) {
      clause *cl = b->entities.at[i]->clauses.at[k];
      for (int v = 0; v < cl->vars.n; v++)
        if (strcmp(cl->vars.at[v]->name, b->name) == 0 && ++named)
          BASE_PUSH(b->c->arena, &b->vars, cl->vars.at[v]);
    }
  do {
    b->changed = false;
    for (int i = 0; i < b->entities.n; i++)
      for (int k = 0; k < b->entities.at[i]->clauses.n; k++)
        join_clause(b, b->entities.at[i]->clauses.at[k]);
  } while (b->changed);
  for (int i = 0; i < b->entities.n; i++)
    for (int k = 0; k < b->entities.at[i]->clauses.n; k++)
      check_uses_bare(b, b->entities.at[i]->clauses.at[k]->right);
}

static batch batch_of(check *c, const lang_stmt *s, entity *loss) {
  const lang_expr *e =
      check_keyword((const lang_expr *const *)s->command.at, s->command.n, "batch");
  batch b = {.c = c, .met = base_map_open(c->arena)};
  if (e->kind != LANG_SLICE || !e->at[0] || e->at[0]->kind != LANG_NAME || !e->at[1])
    check_refuse(c, e->span, "batch= takes an index and how much of it\nhelp: write `batch=e:64`");
  b.name = e->at[0]->name;
  walk(&b, loss);
  find_class(&b);
  if (!b.vars.n)
    check_refuse(c, e->span, "nothing that %s is made of has an index `%s`", loss->name, b.name);
  return b;
}

static base_span batch_span(const lang_stmt *s) {
  return check_keyword((const lang_expr *const *)s->command.at, s->command.n, "batch")->span;
}

static entity *loss_of(check *c, const lang_stmt *s) {
  const lang_expr *e = s->command.at[0];
  entity *loss = e->kind == LANG_NAME ? check_find(c, e->name) : NULL;
  if (loss && loss->broken) check_skip(c);
  if (!loss || loss->kind != NAME_TENSOR)
    check_refuse(c, e->span,
                 "a batch wants the loss by its name%s\nhelp: define it first: "
                 "`Loss = ...`, then `%s(Loss, adamw(lr=1e-3), batch=e:64)`",
                 e->kind == LANG_NAME ? "; it is not defined" : "", s->command.name);
  return loss;
}

static const ir_expr *new_size(check *c, const char *name, const ir_expr *whole) {
  lang_size size = {.value = 0};
  ir_is_int(whole, &size.value);
  const char *unique = base_format(c->arena, "N%s", name);
  while (check_find(c, unique)) unique = base_format(c->arena, "%s'", unique);
  size.symbol = ir_symbol_new(c->p, unique, false, size.value > 0);
  BASE_PUSH(c->arena, &c->program->sizes, size);
  return ir_size(c->p, size.symbol);
}

/* Before sizes are known: one symbol for all positions of a batch. */
void check_batch(check *c, const lang_stmt *s) {
  bool learns = s->form == LANG_COMMAND && (strcmp(s->command.name, "minimize") == 0 ||
                                            strcmp(s->command.name, "maximize") == 0);
  if (!learns || !check_keyword((const lang_expr *const *)s->command.at, s->command.n, "batch"))
    return;
  batch b = batch_of(c, s, loss_of(c, s));
  const ir_expr *symbol = NULL;
  const entity *first = NULL;
  int at = 0;
  for (int i = 0; i < b.of.n; i++) {
    entity *e = b.of.at[i];
    int k = b.position.at[i];
    if (e->declared && e->declared->declare.start)
      check_refuse(c, batch_span(s),
                   "position %d of the parameter %s runs over `%s` too: it cannot be batched\n"
                   "help: a batch runs over data; leave out `batch=`, or give %s another index",
                   k, e->name, b.name, e->name);
    if (!e->size[k]) continue;
    int64_t one, other;
    if (first && ir_is_int(first->size[at], &one) && ir_is_int(e->size[k], &other) && one != other)
      check_refuse(c, batch_span(s),
                   "`%s` runs over %lld (position %d of %s) and over %lld (position %d of %s)",
                   b.name, (long long)one, at, first->name, (long long)other, k, e->name);
    if (!first) first = e, at = k;
    if (e->size[k]->op == IR_SYMBOL) symbol = e->size[k];
  }
  if (!first) return;
  if (!symbol) symbol = new_size(c, b.name, first->size[at]);
  for (int i = 0; i < b.of.n; i++)
    if (b.of.at[i]->size[b.position.at[i]]) b.of.at[i]->size[b.position.at[i]] = symbol;
}

static void list_batched(check *c, const lang_stmt *s, entity *loss, lang_minimize *m) {
  const lang_expr *e =
      check_keyword((const lang_expr *const *)s->command.at, s->command.n, "batch");
  if (!e) return;
  batch b = batch_of(c, s, loss);
  m->batch = (int64_t)check_argument(c, e->at[1], "the size of a batch", 1);
  m->batched = BASE_NEWS(c->arena, lang_tensor *, b.of.n + 1);
  m->position = BASE_NEWS(c->arena, int, b.of.n + 1);
  for (int i = 0; i < b.of.n; i++) {
    lang_tensor *t = b.of.at[i]->tensor;
    if (!t || t->kind == LANG_DERIVED) continue;
    for (int k = 0; k < m->nbatched; k++)
      if (m->batched[k] == t)
        check_refuse(c, batch_span(s), "`%s` runs over two positions of %s", b.name, t->name);
    m->batched[m->nbatched] = t;
    m->position[m->nbatched++] = b.position.at[i];
  }
  if (!m->nbatched) check_refuse(c, e->span, "`%s` runs over no data", b.name);
}

/* ---- minimize -------------------------------------------------------------------------------- */

lang_minimize *check_minimize(check *c, const lang_stmt *s) {
  static const char *const known[] = {"steps", "batch", "schedule", "every", NULL};
  const lang_expr *const *at = (const lang_expr *const *)s->command.at;
  int n = s->command.n;
  lang_minimize *m = BASE_NEW(c->arena, lang_minimize);
  check_keywords(c, s->command.name, at, n, known);
  if (n < 2 || at[1]->kind == LANG_KEYWORD)
    check_refuse(c, s->span,
                 "%s takes a scalar and an optimiser\nhelp: write `%s(Loss, adamw(lr=1e-3), "
                 "steps=500)`",
                 s->command.name, s->command.name);
  for (int i = 2; i < n; i++)
    if (at[i]->kind != LANG_KEYWORD)
      check_refuse(c, at[i]->span, "what follows the optimiser has a name\nhelp: write `steps=%s`",
                   at[i]->kind == LANG_NUMBER ? check_text_of(c, at[i]) : "500");
  m->loss = check_answer(c, s->command.at[0], s);
  if (m->loss->ir->rank > 0)
    check_refuse(c, at[0]->span, "%s has %s; what is %sd is a scalar\nhelp: sum it: `Total = %s`",
                 m->loss->name, check_positions(c, m->loss->ir->rank), s->command.name,
                 check_indexed(c, check_find(c, m->loss->name)));
  if (!ir_type_real(m->loss->ir->type))
    check_refuse(c, at[0]->span, "%s is %s; it has no derivative", m->loss->name,
                 ir_type_name(m->loss->ir->type));
  m->maximize = s->command.name[1] == 'a';
  m->optimizer = optimizer_of(c, at[1]);
  const lang_expr *schedule = check_keyword(at, n, "schedule");
  m->schedule = schedule ? schedule_of(c, schedule) : train_schedule_default(TRAIN_CONSTANT);
  m->steps = check_count(c, at, n, "steps", 100);
  m->every = check_count(c, at, n, "every", 0);
  if (check_keyword(at, n, "batch")) list_batched(c, s, loss_of(c, s), m);
  return m;
}

/* ---- how parameters begin -------------------------------------------------------------------- */

/* Numbers of summands per result and of results per input, of W[out, in, ..]. */
static void fans(const ir_tensor *t, double *in, double *out) {
  double n[RUN_RANK] = {0}, rest = 1;
  for (int k = 0; k < t->rank; k++) {
    int64_t size = 1;
    ir_is_int(t->size[k], &size);
    n[k] = (double)size;
    if (k > 1) rest *= n[k];
  }
  *in = t->rank > 1 ? n[1] * rest : t->rank ? n[0] : 1;
  *out = t->rank ? n[0] * rest : 1;
}

static void set_start(lang_tensor *t, lang_start how, double amount) {
  t->how = how;
  t->amount = amount;
}

static bool known_start(check *c, lang_tensor *t) {
  const lang_expr *e = t->start;
  const char *name = e->kind == LANG_NAME || e->kind == LANG_CALL ? e->name : "";
  double in, out, x;
  fans(t->ir, &in, &out);
  static const char *const scaled[] = {"constant", "normal", "uniform"};
  for (int i = 0; i < 3; i++)
    if (e->kind == LANG_CALL && strcmp(name, scaled[i]) == 0 && e->n == 1) {
      if (!check_number(c, e->at[0], &x))
        check_refuse(c, e->span, "%s takes a number known before the program runs", name);
      set_start(t, (lang_start)(LANG_START_CONSTANT + i), x);
      return true;
    }
  if (strcmp(name, "zeros") == 0)
    set_start(t, LANG_START_CONSTANT, 0);
  else if (strcmp(name, "ones") == 0)
    set_start(t, LANG_START_CONSTANT, 1);
  else if (strcmp(name, "xavier") == 0)
    set_start(t, LANG_START_UNIFORM, sqrt(6 / fmax(in + out, 1)));
  else if (strcmp(name, "he") == 0)
    set_start(t, LANG_START_NORMAL, sqrt(2 / fmax(in, 1)));
  else if (check_number(c, e, &x))
    set_start(t, LANG_START_CONSTANT, x);
  else
    return false;
  return true;
}

/* A word that names nothing here was meant to be an initialiser. */
static void check_initialiser(check *c, const lang_expr *e) {
  static const char *const names[] = {"zeros",   "ones",   "constant", "normal",
                                      "uniform", "xavier", "he"};
  bool named = e->kind == LANG_NAME || e->kind == LANG_CALL;
  if (!named || check_find(c, e->name) || (e->kind == LANG_CALL && lang_is_function(e->name)))
    return;
  check_refuse(c, e->span,
               "there is no initialiser `%s`\nhelp: %sthere are zeros, ones, constant(c), "
               "normal(s), uniform(a), xavier and he, lists, files and expressions",
               e->name, did_you_mean(c, e, 7, names));
}

/* Any other expression is computed for each element, or is a tensor of the same sizes. */
static void start_from(check *c, lang_tensor *t) {
  const entity *of = t->start->kind == LANG_NAME ? check_find(c, t->start->name) : NULL;
  if (of && of->broken) check_skip(c);
  check_initialiser(c, t->start);
  t->how = LANG_START_FROM;
  t->from = of && of->rank > 0 ? of->tensor : check_filled(c, check_find(c, t->name)->declared);
}

static void find_start(check *c, void *arg) {
  lang_tensor *t = arg;
  if (!known_start(c, t)) start_from(c, t);
}

void check_starts(check *c) {
  for (int i = 0; i < c->program->tensors.n; i++) {
    lang_tensor *t = c->program->tensors.at[i];
    if (t->kind == LANG_PARAMETER && t->start) check_attempt(c, find_start, t);
  }
}
