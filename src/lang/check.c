/* check: a program's text into tensor equations, and the order in which that is done. */
#include "lang/sparse.h"

#include <string.h>

/* ---- several errors -------------------------------------------------------------------------- */

bool check_attempt(check *c, void (*work)(check *, void *), void *arg) {
  if (!c->report) {
    work(c, arg);
    return true;
  }
  base_trap trap;
  if (BASE_TRY(c->ctx, &trap)) {
    work(c, arg);
    base_untrap(c->ctx, &trap);
    return true;
  }
  if (!c->silent) lang_report_keep(c->arena, c->report);
  c->silent = c->answering = false;
  c->depth = 0;
  return false;
}

void check_skip(check *c) {
  c->silent = true;
  base_raise(c->ctx, BASE_REFUSED, base_nowhere, "this follows from an error above");
}

/* ---- reading --------------------------------------------------------------------------------- */

static void read_import(check *c, void *arg);

static lang_ast *parse(check *c, const char *file, const char *text, size_t n) {
  lang_ast *ast = c->report ? lang_parse_all(c->arena, file, text, n, c->report)
                            : lang_parse(c->arena, file, text, n);
  if (c->program) BASE_PUSH(c->arena, &c->program->sources, ((lang_source){ast->file, ast->text}));
  if (c->program) BASE_PUSH(c->arena, &c->program->asts, ast);
  for (int i = 0; i < ast->n; i++)
    if (ast->at[i]->form == LANG_COMMAND && strcmp(ast->at[i]->command.name, "import") == 0)
      check_attempt(c, read_import, ast->at[i]);
  return ast;
}

typedef struct import_text {
  const char *path;
  io_string text;
} import_text;

static void read_text(check *c, void *arg) {
  import_text *t = arg;
  t->text = io_read_all(c->arena, t->path);
}

/* Definitions of an imported program count; its commands and queries do not run. */
static void read_import(check *c, void *arg) {
  const lang_stmt *s = arg;
  if (s->command.n != 1 || s->command.at[0]->kind != LANG_STRING)
    check_refuse(c, s->span, "import takes a path in quotes\nhelp: write `import \"other.tl\"`");
  if (++c->imports > 64) check_refuse(c, s->span, "imports lead in a circle, or go too deep");
  import_text text = {.path = check_path(c, s->command.at[0]->name)};
  check_reading(c, s->command.at[0]->span, read_text, &text);
  lang_ast *ast = parse(c, text.path, text.text.at, text.text.n);
  check_collect(c, ast);
}

/* ---- definitions ----------------------------------------------------------------------------- */

static void resolve_clause(check *c, void *arg) {
  clause *cl = arg;
  check_resolve(c, cl);
  if (cl->stmt->form != LANG_RULE) check_project(c, cl);
}

static void resolve_elements(check *c, void *arg) { check_elements(c, arg); }

static void resolve_all(check *c) {
  int first = c->resolved;
  for (; c->resolved < c->clauses.n; c->resolved++) {
    clause *cl = c->clauses.at[c->resolved];
    if (!check_attempt(c, resolve_clause, cl)) cl->head->broken = true;
  }
  for (int i = first; i < c->clauses.n; i++) {
    entity *e = c->clauses.at[i]->head;
    if (e->broken || !e->clauses.n || e->clauses.at[0] != c->clauses.at[i]) continue;
    if (!check_attempt(c, resolve_elements, e)) e->broken = true;
  }
}

typedef struct lowering { /* a recurrence, or one tensor */
  entity *const *group;
  int n;
} lowering;

static void lower_group(check *c, void *arg) {
  const lowering *l = arg;
  check_choose(c, l->group, l->n);
  check_sizes(c, l->group, l->n);
  check_lower(c, l->group, l->n);
}

static bool reads_broken(const clause *cl) {
  bool broken = false;
  for (int i = 0; i < cl->reads.n; i++) broken |= cl->reads.at[i]->of->broken;
  for (int i = 0; i < cl->sized.n; i++) broken |= cl->sized.at[i]->broken;
  return broken;
}

static bool group_broken(const lowering *l) {
  bool broken = false;
  for (int i = 0; i < l->n; i++) {
    broken |= l->group[i]->broken;
    for (int k = 0; k < l->group[i]->clauses.n; k++)
      broken |= reads_broken(l->group[i]->clauses.at[k]);
  }
  return broken;
}

/* What is sparse, and what stands in positions together. */
static void relate(check *c, void *arg) {
  (void)arg;
  check_sparse(c);
  check_tables(c, NULL);
  check_sorts(c);
}

/* Every tensor from its clauses: names, sums, sizes, equations. */
void check_definitions(check *c) {
  resolve_all(c);
  check_attempt(c, check_tables, NULL);
  check_attempt(c, relate, NULL);
  check_order(c);
  while (c->done < c->order.n) {
    lowering l = {&c->order.at[c->done], 1};
    while (c->done + l.n < c->order.n && l.group[l.n]->group == l.group[0]->group) l.n++;
    c->done += l.n;
    if (!group_broken(&l) && check_attempt(c, lower_group, &l)) continue;
    for (int i = 0; i < l.n; i++) l.group[i]->broken = true;
  }
}

/* Ranges and strata of all rules. */
static void check_engine(check *c, void *arg) {
  (void)arg;
  if (c->program->engine) rel_check(c->program->engine);
}

/* ---- programs -------------------------------------------------------------------------------- */

static const char *folder_of(base_arena *arena, const char *file) {
  const char *slash = file ? strrchr(file, '/') : NULL;
  return slash ? base_copy_n(arena, file, (size_t)(slash - file)) : NULL;
}

static void read_default(check *c, void *arg) { check_default(c, arg); }
static void read_batch(check *c, void *arg) { check_batch(c, arg); }

static void read_action(check *c, void *arg) {
  const lang_stmt *s = arg;
  if (s->form == LANG_COMMAND || s->form == LANG_QUERY || s->form == LANG_WRITE) check_action(c, s);
}

/* ---- pieces ---------------------------------------------------------------------------------- */

typedef struct part { /* a piece that was read: what of it counts */
  lang_ast *ast;
  const char *folder;
} part;

static part read_piece(check *c, const lang_piece *piece, const char *folder) {
  c->folder = folder ? folder : folder_of(c->arena, piece->file);
  part p = {parse(c, piece->file, piece->text, piece->n), c->folder};
  int kept = 0;
  for (int i = 0; i < p.ast->n; i++) {
    if ((piece->gone && piece->gone[i]) || (piece->past && !lang_lasts(p.ast->at[i]))) continue;
    p.ast->at[kept++] = p.ast->at[i];
  }
  p.ast->n = kept;
  return p;
}

static void each_statement(check *c, int n, const part *p, void (*work)(check *, void *)) {
  for (int k = 0; k < n; k++) {
    c->folder = p[k].folder;
    for (int i = 0; i < p[k].ast->n; i++) check_attempt(c, work, p[k].ast->at[i]);
  }
}

/* What is kept goes to the caller: nothing more can be said soundly. */
static void tell(const check *c) {
  if (c->report) lang_report_raise(c->ctx, c->report);
}

lang_program *lang_check_pieces(base_arena *arena, int n, const lang_piece *piece,
                                const lang_options *options) {
  lang_program *program = BASE_NEW(arena, lang_program);
  check *c = BASE_NEW(arena, check);
  *c = (check){.ctx = base_arena_ctx(arena),
               .arena = arena,
               .program = program,
               .type = options ? options->type : IR_F32,
               .report = options ? options->report : NULL};
  c->p = ir_program_open(arena);
  if (options) c->p->functions = options->functions;
  if (options) c->p->nfunctions = options->nfunctions;
  c->names = base_map_open(arena);
  program->ctx = c->ctx;
  program->arena = arena;
  program->ir = c->p;
  program->named = base_map_open(arena);
  part *p = BASE_NEWS(arena, part, n + 1);
  for (int k = 0; k < n; k++) p[k] = read_piece(c, &piece[k], options ? options->folder : NULL);
  tell(c);
  each_statement(c, n, p, read_default);
  for (int k = 0; k < n; k++) {
    c->folder = p[k].folder;
    check_collect(c, p[k].ast);
  }
  resolve_all(c);
  each_statement(c, n, p, read_batch);
  check_definitions(c);
  check_starts(c);
  each_statement(c, n, p, read_action);
  check_attempt(c, check_engine, NULL);
  tell(c);
  program->draw = c->draw;
  return program;
}

lang_program *lang_check(base_arena *arena, const char *file, const char *text, size_t n,
                         const lang_options *options) {
  lang_piece all = {.file = file, .text = text, .n = n};
  return lang_check_pieces(arena, 1, &all, options);
}

lang_relation *lang_find_relation(const lang_program *program, const char *name) {
  return program->related ? base_map_get_s(program->related, name) : NULL;
}

lang_tensor *lang_find(const lang_program *program, const char *name) {
  return base_map_get_s(program->named, name);
}

/* All leaves of equations for the C API are bound: the first N entities. */
static void refuse_leaves(check *c, int n) {
  for (int i = 0; i < c->entities.n; i++) {
    const entity *e = c->entities.at[i];
    if (e->kind != NAME_TENSOR) continue;
    if (i < n && e->clauses.n)
      check_refuse(c, e->clauses.at[0]->stmt->span,
                   "%s is an argument, and cannot be defined here too", e->name);
    if (i < n ? e->data || e->declared : !e->clauses.n)
      check_refuse(c, e->span,
                   "%s is not given by an equation here: make it a tensor, and an argument",
                   e->name);
  }
}

void lang_equations_of(ir_program *p, const lang_ast *ast, int n, const char *const *name,
                       ir_tensor *const *tensor, ir_type type, ir_tensor **draw, int nfound,
                       const char *const *wanted, ir_tensor **found) {
  check *c = BASE_NEW(p->arena, check);
  *c = (check){.ctx = p->ctx, .arena = p->arena, .p = p, .type = type, .draw = draw ? *draw : NULL};
  c->names = base_map_open(p->arena);
  for (int i = 0; i < n; i++) {
    entity *e = check_name(c, name[i], base_nowhere);
    *e = (entity){.name = name[i],
                  .kind = NAME_TENSOR,
                  .rank = tensor[i]->rank,
                  .size = tensor[i]->size,
                  .ir = tensor[i],
                  .type = tensor[i]->type,
                  .typed = true,
                  .virtual_position = -1};
  }
  check_collect(c, ast);
  refuse_leaves(c, n);
  check_definitions(c);
  for (int i = 0; i < nfound; i++) {
    const entity *e = check_find(c, wanted[i]);
    if (!e || !e->ir) check_refuse(c, base_nowhere, "there is no equation for %s", wanted[i]);
    found[i] = e->ir;
  }
  if (draw) *draw = c->draw;
}

ir_tensor *lang_equations(ir_program *p, const lang_ast *ast, int n, const char *const *name,
                          ir_tensor *const *tensor, ir_type type, ir_tensor **draw) {
  const char *last = NULL;
  ir_tensor *found;
  for (int i = 0; i < ast->n; i++)
    if (ast->at[i]->form == LANG_EQUATION) last = ast->at[i]->equation.head->name;
  if (!last) base_raise(p->ctx, BASE_REFUSED, base_nowhere, "there is no equation in the text");
  lang_equations_of(p, ast, n, name, tensor, type, draw, 1, &last, &found);
  return found;
}
