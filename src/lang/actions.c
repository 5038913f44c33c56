/* actions: commands and queries, resolved. An expression that is queried becomes the equation of
 * a tensor that the text does not name; every index it leaves open is a position of the answer. */
#include "lang/sparse.h"

#include <math.h>
#include <string.h>

/* ---- trees made here ------------------------------------------------------------------------- */

static lang_expr *node_like(check *c, const lang_expr *e, lang_kind kind, const char *name, int n) {
  lang_expr *x = BASE_NEW(c->arena, lang_expr);
  *x = (lang_expr){.kind = kind, .name = name, .n = n, .depth = 2, .span = e->span};
  x->at = BASE_NEWS(c->arena, lang_expr *, n + 1);
  return x;
}

lang_expr *check_answer_head(check *c, const lang_expr *e, int n, lang_expr *const *at) {
  const char *name = "Answer";
  while (check_find(c, name)) name = base_format(c->arena, "Answer%d", ++c->answers);
  lang_expr *head = node_like(c, e, n ? LANG_READ : LANG_NAME, name, n);
  for (int i = 0; i < n; i++) head->at[i] = at[i];
  return head;
}

static lang_tensor *made_tensor(check *c, const char *name) {
  const entity *e = check_find(c, name);
  if (e->broken || !e->tensor) check_skip(c);
  e->tensor->answer = true;
  return e->tensor;
}

/* Check STMT, which defines HEAD, as if it stood at the end of the text. */
static lang_tensor *define(check *c, lang_stmt *stmt, const lang_expr *head) {
  lang_ast ast = {.at = &stmt, .n = 1};
  check_collect(c, &ast);
  check_definitions(c);
  return made_tensor(c, head->name);
}

static lang_tensor *define_equation(check *c, const lang_stmt *by, lang_expr *head,
                                    lang_expr *right) {
  lang_stmt *s = BASE_NEW(c->arena, lang_stmt);
  *s = (lang_stmt){.form = LANG_EQUATION, .span = by->span, .source = by->source};
  s->equation.head = head;
  s->equation.right = right;
  c->answering = true;
  lang_tensor *answer = define(c, s, head);
  c->answering = false;
  return answer;
}

/* ---- the open indices of an expression ------------------------------------------------------- */

typedef BASE_VEC(const char *) names;

static bool among(const names *list, const char *name) {
  for (int i = 0; i < list->n; i++)
    if (strcmp(list->at[i], name) == 0) return true;
  return false;
}

static bool is_index(const lang_expr *e) {
  return e->kind == LANG_VIRTUAL || (e->kind == LANG_NAME && !lang_is_capital(e->name));
}

static void open_indices(check *c, const lang_expr *e, bool position, const names *bound,
                         names *open);

/* argmax and the like drop their index, named or the only one there is. */
static void open_in_call(check *c, const lang_expr *e, const names *bound, names *open) {
  names inner = {0}, inside = {0};
  bool binds = lang_binds(e->name);
  for (int i = 0; i < bound->n; i++) BASE_PUSH(c->arena, &inner, bound->at[i]);
  for (int k = 0; binds && k < e->nindex; k++) BASE_PUSH(c->arena, &inner, e->index[k]->name);
  for (int i = 0; i < e->n; i++) open_indices(c, e->at[i], false, &inner, &inside);
  bool choice = binds && !e->nindex && inside.n == 1 && e->n == 1;
  for (int i = 0; !choice && i < inside.n; i++)
    if (!among(open, inside.at[i])) BASE_PUSH(c->arena, open, inside.at[i]);
}

static void open_indices(check *c, const lang_expr *e, bool position, const names *bound,
                         names *open) {
  if (!e) return;
  if (position && is_index(e) && !among(bound, e->name) && !among(open, e->name))
    BASE_PUSH(c->arena, open, e->name);
  if (e->kind == LANG_CALL) {
    open_in_call(c, e, bound, open);
    return;
  }
  for (int i = 0; i < e->n; i++)
    open_indices(c, e->at[i], position || e->kind == LANG_READ, bound, open);
}

/* ---- answers --------------------------------------------------------------------------------- */

static entity *tensor_named(check *c, const lang_expr *e) {
  entity *of = e->kind == LANG_NAME || e->kind == LANG_READ ? check_find(c, e->name) : NULL;
  if (of && of->broken) check_skip(c);
  return of && of->kind == NAME_TENSOR ? of : NULL;
}

static bool has_slice(const lang_expr *e) {
  for (int k = 0; e->kind == LANG_READ && k < e->n; k++)
    if (e->at[k]->kind == LANG_SLICE) return true;
  return false;
}

/* X[4:8, j] is X[4:8, :]. */
static lang_expr *all_slices(check *c, lang_expr *e) {
  lang_expr *read = node_like(c, e, LANG_READ, e->name, e->n);
  for (int k = 0; k < e->n; k++)
    read->at[k] = is_index(e->at[k]) ? node_like(c, e->at[k], LANG_SLICE, NULL, 2) : e->at[k];
  return read;
}

/* X, of which *t is one position, is X[i,j] with the last t. */
static lang_expr *without_virtual(check *c, const lang_expr *e, const entity *of) {
  lang_expr *read = node_like(c, e, LANG_READ, e->name, of->rank - 1);
  for (int k = 0; k < read->n; k++)
    read->at[k] = node_like(c, e, LANG_NAME, base_format(c->arena, "i%d", k), 0);
  return read;
}

/* A symbol position of what is read names the rows of the answer too. */
static void keep_domains(check *c, const char *name) {
  entity *e = check_find(c, name);
  for (int i = 0; i < e->clauses.n; i++) {
    const clause *cl = e->clauses.at[i];
    for (int k = 0; k < cl->nlhs; k++)
      for (int r = 0; cl->lhs[k]->var && r < cl->reads.n; r++) {
        const node *read = cl->reads.at[r];
        for (int p = 0; read->e.n == read->of->rank && p < read->e.n && !e->domains[k]; p++)
          if (((const node *)read->e.at[p])->var == cl->lhs[k]->var)
            e->domains[k] = read->of->domains[p];
      }
  }
}

lang_tensor *check_answer(check *c, lang_expr *e, const lang_stmt *by) {
  const entity *of = tensor_named(c, e);
  if (of && e->kind == LANG_NAME && of->tensor && (of->virtual_position < 0 || of->rank < 1))
    return of->tensor;
  if (of && e->kind == LANG_NAME && of->rank > 1) e = without_virtual(c, e, of);
  names none = {0}, open = {0};
  if (has_slice(e))
    e = all_slices(c, e);
  else
    open_indices(c, e, false, &none, &open);
  lang_expr **at = BASE_NEWS(c->arena, lang_expr *, open.n + 1);
  for (int i = 0; i < open.n; i++) at[i] = node_like(c, e, LANG_NAME, open.at[i], 0);
  lang_expr *head = check_answer_head(c, e, open.n, at);
  lang_tensor *t = define_equation(c, by, head, e);
  keep_domains(c, head->name);
  return t;
}

/* A tensor declared as DECLARED is, each of its elements the value of its initialiser. */
lang_tensor *check_filled(check *c, const lang_stmt *declared) {
  lang_stmt *stmt = BASE_NEWS(c->arena, lang_stmt, 2), *both[] = {stmt, stmt + 1};
  lang_expr *start = declared->declare.start,
            **at = BASE_NEWS(c->arena, lang_expr *, declared->declare.n + 1);
  for (int k = 0; k < declared->declare.n; k++)
    at[k] = node_like(c, start, LANG_NAME, base_format(c->arena, "i%d", k), 0);
  lang_expr *head = check_answer_head(c, start, declared->declare.n, at);
  stmt[0] = *declared;
  stmt[0].declare.start = NULL;
  stmt[0].declare.name = node_like(c, start, LANG_NAME, head->name, 0);
  stmt[1] = (lang_stmt){.form = LANG_EQUATION, .span = declared->span, .source = declared->source};
  stmt[1].equation.head = head;
  stmt[1].equation.right = start;
  lang_ast ast = {.at = both, .n = 2};
  check_collect(c, &ast);
  check_definitions(c);
  return made_tensor(c, head->name);
}

/* ---- arguments of commands ------------------------------------------------------------------- */

const lang_expr *check_keyword(const lang_expr *const *at, int n, const char *name) {
  for (int i = 0; i < n; i++)
    if (at[i]->kind == LANG_KEYWORD && strcmp(at[i]->name, name) == 0) return at[i]->at[0];
  return NULL;
}

/* The option that others call NAME, else the nearest; NULL: none. */
static const char *known_as(const char *name, const char *const *known, int n) {
  static const struct {
    const char *foreign, *own;
  } table[] = {{"learning_rate", "lr"}, {"rate", "lr"},       {"epochs", "steps"},
               {"iterations", "steps"}, {"iters", "steps"},   {"batch_size", "batch"},
               {"weight_decay", "decay"}, {"beta1", "b1"},    {"beta2", "b2"},
               {"temp", "temperature"}, {"length", "steps"},  {"log", "every"}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    for (int k = 0; strcmp(table[i].foreign, name) == 0 && k < n; k++)
      if (strcmp(known[k], table[i].own) == 0) return known[k];
  return lang_did_you_mean(name, known, n);
}

void check_keywords(check *c, const char *command, const lang_expr *const *at, int n,
                    const char *const *known) {
  for (int i = 0; i < n; i++) {
    int k = 0;
    if (at[i]->kind != LANG_KEYWORD) continue;
    while (known[k] && strcmp(known[k], at[i]->name) != 0) k++;
    if (known[k]) continue;
    base_text list = base_text_open(c->arena);
    for (k = 0; known[k]; k++) base_putf(&list, "%s%s", k ? ", " : "", known[k]);
    const char *near = known_as(at[i]->name, known, k);
    check_refuse(c, at[i]->span, "%s knows no `%s=`\nhelp: %s%s%sit knows %s", command, at[i]->name,
                 near ? "did you mean `" : "", near ? near : "", near ? "=`? " : "", list.at);
  }
}

double check_argument(check *c, const lang_expr *e, const char *what, double least) {
  double x;
  if (!check_number(c, e, &x))
    check_refuse(c, e->span, "%s is a number known before the program runs", what);
  if (!(x >= least)) check_refuse(c, e->span, "%s is %g; %g is the least", what, x, least);
  return x;
}

static int64_t whole(check *c, const lang_expr *e, const char *what, double least) {
  double x = check_argument(c, e, what, least);
  if (x != floor(x) || x > 9e15) check_refuse(c, e->span, "%s is a whole number, not %g", what, x);
  return (int64_t)x;
}

int64_t check_count(check *c, const lang_expr *const *at, int n, const char *name,
                    int64_t otherwise) {
  const lang_expr *e = check_keyword(at, n, name);
  return e ? whole(c, e, base_format(c->arena, "%s=", name), 0) : otherwise;
}

static const char *path_of(check *c, const lang_stmt *s, const lang_expr *e) {
  if (e->kind != LANG_STRING)
    check_refuse(c, e->span, "a path stands in quotes\nhelp: write `\"model.safetensors\"`");
  (void)s;
  return check_path(c, e->name);
}

/* ---- generate -------------------------------------------------------------------------------- */

/* Tok[0,p]: Tok is replaced, p runs, 0 stays. The name of the running index; NULL: a bare Tok. */
static const char *running(check *c, lang_generate *g, const lang_expr *e) {
  const entity *of = tensor_named(c, e);
  if (!of || !of->tensor)
    check_refuse(c, e->span, "generate replaces a tensor of tokens\nhelp: write `%s`",
                 lang_form_of("generate"));
  g->tokens = of->tensor;
  g->domain = of->tensor->tokens;
  g->at = BASE_NEWS(c->arena, int64_t, of->rank + 1);
  if (ir_type_real(of->type))
    check_refuse(c, e->span,
                 "%s is %s; tokens are integers\nhelp: declare it: `%s : i64[...]`, or "
                 "read a text: `%s = chars(\"t.txt\")`",
                 of->name, ir_type_name(of->type), of->name, of->name);
  const char *name = NULL;
  int n = 0;
  if (e->kind == LANG_READ && e->n != of->rank)
    check_refuse(c, e->span, "%s has %s; %d are given here\nhelp: write `%s`", of->name,
                 check_positions(c, of->rank), e->n, check_indexed(c, of));
  for (int k = 0; k < of->rank; k++) {
    bool runs = e->kind == LANG_NAME || is_index(e->at[k]);
    if (!runs) g->at[k] = whole(c, e->at[k], "a position of the tokens", 0);
    if (!runs) continue;
    g->at[k] = -1;
    n++;
    if (e->kind == LANG_READ) name = e->at[k]->name;
  }
  if (n != 1)
    check_refuse(c, e->span,
                 "one position of %s runs along the text, the others are numbers\n"
                 "help: write `%s[0,p]`",
                 of->name, of->name);
  return name;
}

/* P[0,p,c] as a tensor of its own, p first. */
static lang_tensor *probability(check *c, const lang_stmt *s, lang_expr *e, const char *along) {
  const entity *of = tensor_named(c, e);
  names none = {0}, open = {0};
  open_indices(c, e, false, &none, &open);
  if (of && e->kind == LANG_NAME && of->rank == 2 && of->tensor) return of->tensor;
  if (open.n != 2 || !along || !among(&open, along))
    check_refuse(c, e->span,
                 "the probabilities have the index of the tokens and one of what may follow\n"
                 "help: write `%s`",
                 lang_form_of("generate"));
  const char *other = open.at[strcmp(open.at[0], along) == 0];
  lang_expr *at[] = {node_like(c, e, LANG_NAME, along, 0), node_like(c, e, LANG_NAME, other, 0)};
  return define_equation(c, s, check_answer_head(c, e, 2, at), e);
}

/* All but the probabilities. ALONG: the index that runs along the text. */
static lang_generate *continued(check *c, const lang_expr *e, const char **along) {
  static const char *const known[] = {"prompt", "steps", "temperature", NULL};
  const lang_expr *const *at = (const lang_expr *const *)e->at;
  lang_generate *g = BASE_NEW(c->arena, lang_generate);
  if (e->n < 2 || at[0]->kind == LANG_KEYWORD || at[1]->kind == LANG_KEYWORD ||
      (e->n > 2 && at[2]->kind != LANG_KEYWORD))
    check_refuse(c, e->span, "generate takes probabilities and tokens\nhelp: write `%s`",
                 lang_form_of("generate"));
  check_keywords(c, "generate", at, e->n, known);
  *along = running(c, g, at[1]);
  const lang_expr *prompt = check_keyword(at, e->n, "prompt"),
                  *heat = check_keyword(at, e->n, "temperature");
  if (!prompt || prompt->kind != LANG_STRING || !prompt->length)
    check_refuse(c, e->span,
                 "generate begins with a prompt of at least one token\n"
                 "help: write `prompt=\"The \"`");
  if (!g->domain || !g->domain->text)
    check_refuse(c, at[1]->span,
                 "%s holds no tokens of a text, so no prompt can be written in it\n"
                 "help: a text is read by chars, words or bytes",
                 g->tokens->name);
  g->prompt = prompt->name;
  g->steps = check_count(c, at, e->n, "steps", 100);
  g->temperature = heat ? check_argument(c, heat, "temperature", 0) : 1;
  return g;
}

static lang_generate *generate(check *c, const lang_stmt *s, const lang_expr *e) {
  const char *along;
  lang_generate *g = continued(c, e, &along);
  g->probability = probability(c, s, e->at[0], along);
  return g;
}

/* ---- Y = generate(...) ----------------------------------------------------------------------- */

static bool is_call(const lang_expr *e, const char *name) {
  return e->kind == LANG_CALL && strcmp(e->name, name) == 0;
}

bool check_generated(check *c, entity *e, const lang_expr *call, const lang_stmt *stmt) {
  if (!is_call(call, "generate")) return false;
  if (e->generated)
    check_refuse(c, stmt->span, "%s is generated on line %d already\nhelp: give it another name",
                 e->name, e->generated->span.line);
  check_rank_of(c, e, 1, stmt->span);
  e->generated = stmt;
  e->type = IR_I64;
  e->typed = true;
  return true;
}

entity *check_continued(check *c, const entity *e) {
  const lang_expr *call = e->generated->equation.right;
  const lang_expr *x = call->n > 1 ? call->at[1] : NULL;
  entity *of = x && (x->kind == LANG_NAME || x->kind == LANG_READ) ? check_find(c, x->name) : NULL;
  return of && of->kind == NAME_TENSOR ? of : NULL;
}

/* A prompt with a foreign token is refused where it stands. */
static int64_t prompt_length(check *c, const lang_generate *g, base_span span) {
  base_trap trap;
  if (BASE_TRY(c->ctx, &trap)) {
    io_array prompt = io_encode(c->arena, g->domain->text, g->prompt, strlen(g->prompt));
    base_untrap(c->ctx, &trap);
    return prompt.shape[0];
  }
  const base_error *e = base_last(c->ctx);
  if (e->status != BASE_ARGUMENT) base_raise_again(c->ctx);
  check_refuse(c, span, "%s", e->message);
}

void check_text_size(check *c, entity *e) {
  const char *along;
  if (e->declared || e->data || e->clauses.n)
    check_refuse(c, e->generated->span,
                 "%s is generated here and %s\nhelp: give the text another name; it needs no "
                 "declaration, and is i64", e->name,
                 e->declared ? "declared too" : "defined elsewhere too");
  const lang_generate *g = continued(c, e->generated->equation.right, &along);
  e->tokens = g->domain;
  e->size[0] = ir_int(c->p, prompt_length(c, g, e->generated->span) + g->steps);
}

void check_model(check *c, const entity *e) {
  e->tensor->text = generate(c, e->generated, e->generated->equation.right);
}

/* ---- queries, print, write ------------------------------------------------------------------- */

static int64_t first_row(check *c, const lang_expr *e) {
  double low = 0;
  if (has_slice(e) && e->at[0]->kind == LANG_SLICE && e->at[0]->at[0])
    check_number(c, e->at[0]->at[0], &low);
  return (int64_t)low;
}

static lang_item item_of(check *c, const lang_stmt *s, lang_expr *e) {
  lang_item item = {.show = LANG_SHOW_TENSOR};
  base_text label = base_text_open(c->arena);
  lang_print_expr(&label, e);
  item.label = label.at;
  item.decode = is_call(e, "decode");
  if (item.decode && e->n != 1)
    check_refuse(c, e->span, "decode takes one tensor of tokens\nhelp: write `decode(T)`");
  lang_expr *of = item.decode ? e->at[0] : e;
  if (e->kind == LANG_STRING) {
    item.show = LANG_SHOW_TEXT;
    item.text = e->name;
  } else if (!item.decode && check_question(c, s, of, &item)) {
    return item;
  } else if (is_call(of, "generate")) {
    item.show = LANG_SHOW_GENERATED;
    item.generate = generate(c, s, of);
  } else {
    item.tensor = check_answer(c, of, s);
    if (item.tensor->keys && !item.decode) {
      check_all_elements(c, item.tensor->keys, &item);
      return item;
    }
    item.first = first_row(c, of);
    if (item.decode) item.show = LANG_SHOW_DECODED;
    if (item.decode && (!item.tensor->tokens || !item.tensor->tokens->text))
      check_refuse(c, of->span,
                   "%s holds no tokens of a text\nhelp: a text is read by chars, words "
                   "or bytes; slices and gathers of it keep its domain",
                   check_text_of(c, of));
  }
  return item;
}

static void add_item(check *c, lang_action *a, lang_expr *e) {
  if (!a->item)
    a->item =
        BASE_NEWS(c->arena, lang_item, a->stmt->form == LANG_COMMAND ? a->stmt->command.n : 1);
  a->item[a->n++] = item_of(c, a->stmt, e);
}

/* ---- with ------------------------------------------------------------------------------------ */

static void check_fit(check *c, const lang_stmt *s, const lang_tensor *t, const lang_tensor *by) {
  if (t->ir->rank != by->ir->rank)
    check_refuse(c, s->span, "%s has %s; what replaces it has %s", t->name,
                 check_positions(c, t->ir->rank), check_positions(c, by->ir->rank));
  for (int k = 0; k < t->ir->rank; k++) {
    int64_t want, got;
    if (ir_is_int(t->ir->size[k], &want) && ir_is_int(by->ir->size[k], &got) && want != got)
      check_refuse(c, s->span,
                   "position %d of %s is %lld long; of what replaces it %lld\n"
                   "help: `with` replaces data by other data of the same sizes",
                   k, t->name, (long long)want, (long long)got);
  }
}

static lang_tensor *replacement(check *c, const lang_stmt *s) {
  lang_expr *head = s->form == LANG_FILE ? s->file.head : s->equation.head;
  lang_expr *right = s->form == LANG_FILE ? NULL : s->equation.right;
  if (right && head->kind == LANG_NAME && right->kind != LANG_LIST)
    return check_answer(c, right, s);
  lang_stmt *copy = BASE_NEW(c->arena, lang_stmt);
  *copy = *s;
  lang_expr *answer = check_answer_head(c, head, head->n, head->at);
  if (right)
    copy->equation.head = answer;
  else
    copy->file.head = answer;
  return define(c, copy, answer);
}

static void add_with(check *c, lang_action *a, const lang_stmt *s) {
  const lang_expr *head = s->form == LANG_FILE ? s->file.head : s->equation.head;
  const entity *of = tensor_named(c, head);
  const entity *sparse = check_find(c, head->name);
  if (sparse && sparse->sparse)
    check_refuse(c, head->span,
                 "%s is sparse, and a query replaces dense tensors\n"
                 "help: give the program another file or other facts", head->name);
  if (!of || !of->tensor)
    check_refuse(c, head->span, "`%s` is not defined: there is nothing to replace%s", head->name,
                 check_meant(c, head->name, NAME_TENSOR));
  lang_with w = {of->tensor, replacement(c, s)};
  check_fit(c, s, w.tensor, w.by);
  a->with[a->nwith++] = w;
}

/* ---- all ------------------------------------------------------------------------------------- */

static void command(check *c, lang_action *a) {
  const lang_stmt *s = a->stmt;
  const char *name = s->command.name;
  if (strcmp(name, "minimize") == 0 || strcmp(name, "maximize") == 0) {
    a->verb = LANG_DO_MINIMIZE;
    a->minimize = check_minimize(c, s);
  } else if (strcmp(name, "print") == 0) {
    a->verb = LANG_DO_PRINT;
    for (int i = 0; i < s->command.n; i++) add_item(c, a, s->command.at[i]);
  } else if (strcmp(name, "seed") == 0) {
    a->verb = LANG_DO_SEED;
    a->number = whole(c, s->command.at[0], "a seed", 0);
  } else if (strcmp(name, "save") == 0 || strcmp(name, "load") == 0) {
    a->verb = name[0] == 's' ? LANG_DO_SAVE : LANG_DO_LOAD;
    a->path = path_of(c, s, s->command.at[0]);
  } else {
    a->verb = name[0] == 'r' ? LANG_DO_ROUNDS : LANG_DO_SETTLE;
    a->settle = check_settle(c, s);
  }
}

void check_action(check *c, const lang_stmt *s) {
  lang_action a = {.stmt = (lang_stmt *)(uintptr_t)s};
  if (s->form == LANG_COMMAND &&
      (strcmp(s->command.name, "import") == 0 || strcmp(s->command.name, "default") == 0))
    return;
  if (s->form == LANG_COMMAND) {
    command(c, &a);
  } else if (s->form == LANG_WRITE) {
    a.verb = LANG_DO_WRITE;
    a.path = path_of(c, s, s->write.path);
    add_item(c, &a, s->write.right);
  } else {
    a.verb = LANG_DO_QUERY;
    add_item(c, &a, s->query.right);
    a.with = BASE_NEWS(c->arena, lang_with, s->query.n + 1);
    for (int i = 0; i < s->query.n; i++) add_with(c, &a, s->query.with[i]);
  }
  BASE_PUSH(c->arena, &c->program->actions, a);
}
