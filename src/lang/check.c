/* check: a program's text into tensor equations, and the order in which that is done. */
#include "lang/check.h"

#include <string.h>

static void read_import(check *c, const lang_stmt *s);

static lang_ast *parse(check *c, const char *file, const char *text, size_t n) {
  lang_ast *ast = lang_parse(c->arena, file, text, n);
  if (c->program) BASE_PUSH(c->arena, &c->program->sources, ((lang_source){ast->file, ast->text}));
  if (c->program) BASE_PUSH(c->arena, &c->program->asts, ast);
  for (int i = 0; i < ast->n; i++)
    if (ast->at[i]->form == LANG_COMMAND && strcmp(ast->at[i]->command.name, "import") == 0)
      read_import(c, ast->at[i]);
  return ast;
}

/* Definitions of an imported program count; its commands and queries do not run. */
static void read_import(check *c, const lang_stmt *s) {
  if (s->command.n != 1 || s->command.at[0]->kind != LANG_STRING)
    check_refuse(c, s->span, "import takes a path in quotes");
  if (++c->imports > 64) check_refuse(c, s->span, "imports lead in a circle, or go too deep");
  const char *path = check_path(c, s->command.at[0]->name);
  io_string text = io_read_all(c->arena, path);
  lang_ast *ast = parse(c, path, text.at, text.n);
  check_collect(c, ast);
}

static void resolve_all(check *c) {
  int first = c->resolved;
  for (; c->resolved < c->clauses.n; c->resolved++) {
    check_resolve(c, c->clauses.at[c->resolved]);
    check_project(c, c->clauses.at[c->resolved]);
  }
  for (int i = first; i < c->clauses.n; i++) {
    entity *e = c->clauses.at[i]->head;
    if (e->clauses.n && e->clauses.at[0] == c->clauses.at[i]) check_elements(c, e);
  }
}

/* Every tensor from its clauses: names, sums, sizes, equations. */
void check_definitions(check *c) {
  resolve_all(c);
  check_order(c);
  for (int i = c->done; i < c->order.n;) {
    int n = 1;
    while (i + n < c->order.n && c->order.at[i + n]->group == c->order.at[i]->group) n++;
    check_sizes(c, &c->order.at[i], n);
    check_lower(c, &c->order.at[i], n);
    i += n;
  }
  c->done = c->order.n;
}

static const char *folder_of(base_arena *arena, const char *file) {
  const char *slash = file ? strrchr(file, '/') : NULL;
  return slash ? base_copy_n(arena, file, (size_t)(slash - file)) : NULL;
}

lang_program *lang_check(base_arena *arena, const char *file, const char *text, size_t n,
                         const lang_options *options) {
  lang_program *program = BASE_NEW(arena, lang_program);
  check *c = BASE_NEW(arena, check);
  *c = (check){.ctx = base_arena_ctx(arena),
               .arena = arena,
               .program = program,
               .type = options ? options->type : IR_F32};
  c->p = ir_program_open(arena);
  c->names = base_map_open(arena);
  c->folder = options && options->folder ? options->folder : folder_of(arena, file);
  program->ctx = c->ctx;
  program->arena = arena;
  program->ir = c->p;
  program->named = base_map_open(arena);
  lang_ast *ast = parse(c, file, text, n);
  for (int i = 0; i < ast->n; i++) check_default(c, ast->at[i]);
  check_collect(c, ast);
  resolve_all(c);
  for (int i = 0; i < ast->n; i++) check_batch(c, ast->at[i]);
  check_definitions(c);
  check_starts(c);
  for (int i = 0; i < ast->n; i++)
    if (ast->at[i]->form == LANG_COMMAND || ast->at[i]->form == LANG_QUERY ||
        ast->at[i]->form == LANG_WRITE)
      check_action(c, ast->at[i]);
  program->draw = c->draw;
  return program;
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
