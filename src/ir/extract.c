/* extract: a program, or what some tensors of it depend on, copied; and the key of a program. */
#include <string.h>

#include "ir/private.h"

/* ---- copying expressions --------------------------------------------------------------------- */

typedef struct copier {
  const ir_program *from;
  ir_program *to;
  const ir_index **index;        /* by old id */
  ir_symbol **symbol;
  ir_tensor **tensor;
  const char *file, *own;        /* the name of a file, last copied */
} copier;

/* A copy may outlive the text it came from. */
static base_span copy_span(copier *c, base_span span) {
  if (span.file == NULL) return span;
  if (span.file != c->file) {
    c->file = span.file;
    c->own = base_copy(c->to->arena, span.file);
  }
  span.file = c->own;
  return span;
}

static const ir_symbol *copy_symbol(copier *c, const ir_symbol *old) {
  if (c->symbol[old->id] == NULL) {
    ir_symbol *s = ir_symbol_new(c->to, old->name, old->counter, old->least);
    s->origin = old;
    c->symbol[old->id] = s;
  }
  return c->symbol[old->id];
}

static const ir_expr *copy_expr(copier *c, const ir_expr *e);

static const ir_index *copy_index(copier *c, const ir_index *old) {
  if (c->index[old->id] == NULL)
    c->index[old->id] = ir_index_new(c->to, old->name, copy_expr(c, old->extent));
  return c->index[old->id];
}

static const ir_expr *copy_node(copier *c, const ir_expr *e, const ir_expr *const *arg) {
  ir_program *p = c->to;
  switch (e->op) {
    case IR_CONST:
      if (ir_type_real((ir_type)e->type)) return ir_real(p, (ir_type)e->type, e->u.real);
      return e->type == IR_BOOL ? ir_bool(p, e->u.integer != 0) : ir_int(p, e->u.integer);
    case IR_INDEX: return ir_use(p, copy_index(c, e->u.index));
    case IR_SYMBOL: return ir_size(p, copy_symbol(c, e->u.symbol));
    case IR_READ: return ir_read(p, c->tensor[e->u.tensor->id], arg);
    case IR_CAST: return ir_cast(p, arg[0], e->u.to);
    case IR_CALL: return ir_call(p, e->u.function, arg);
    default: return ir_apply(p, (ir_op)e->op, arg);
  }
}

static const ir_expr *copy_expr(copier *c, const ir_expr *e) {
  if (e == NULL) return NULL;
  ir_walk *w = ir_walk_open(e);
  for (const ir_expr *x; (x = ir_walk_next(w)) != NULL;) {
    const ir_expr **arg = x->n > 0 ? BASE_NEWS(c->to->arena, const ir_expr *, x->n) : NULL;
    for (int i = 0; i < x->n; i++) arg[i] = w->image[x->arg[i]->id];
    w->image[x->id] = copy_node(c, x, arg);
  }
  const ir_expr *image = w->image[e->id];
  ir_walk_close(w, e);
  return image;
}

/* ---- which tensors, in which order ----------------------------------------------------------- */

typedef BASE_VEC(ir_tensor *) tensor_list;

typedef struct visit {
  ir_tensor *t;
  tensor_list reads;
  int next;
} visit;

typedef struct finder {
  base_arena *arena;
  bool *met, *replaced;          /* by id */
  tensor_list found;             /* what is read stands before who reads it, cycles apart */
  BASE_VEC(visit) stack;
} finder;

static void find_reads(finder *f, const ir_expr *e, tensor_list *reads) {
  if (!ir_holds_data(e)) return;
  ir_walk *w = ir_walk_open(e);
  for (const ir_expr *x; (x = ir_walk_next(w)) != NULL;)
    if (x->op == IR_READ) BASE_PUSH(f->arena, reads, x->u.tensor);
  ir_walk_close(w, e);
}

static void enter(finder *f, ir_tensor *t) {
  if (f->met[t->id]) return;
  f->met[t->id] = true;
  visit v = {.t = t};
  for (int i = 0; i < t->eqs.n && !f->replaced[t->id]; i++) {
    const ir_eq *eq = t->eqs.at[i];
    for (int k = 0; k < t->rank; k++) find_reads(f, eq->lhs[k], &v.reads);
    find_reads(f, eq->body, &v.reads);
  }
  BASE_PUSH(f->arena, &f->stack, v);
}

static void find(finder *f, ir_tensor *root) {
  enter(f, root);
  while (f->stack.n > 0) {
    visit *top = &f->stack.at[f->stack.n - 1];
    if (top->next < top->reads.n) {
      enter(f, top->reads.at[top->next++]);
    } else {
      BASE_PUSH(f->arena, &f->found, top->t);
      f->stack.n--;
    }
  }
}

/* A loop of which some equation was found needs its condition too. */
static bool loop_needed(const finder *f, const ir_block *block) {
  for (int i = 0; i < block->steps.n; i++) {
    const ir_step *s = &block->steps.at[i];
    if (s->eq != NULL ? f->met[s->eq->head->id] : loop_needed(f, &s->loop->body)) return true;
  }
  return false;
}

static bool find_conditions(finder *f, const ir_block *block) {
  bool more = false;
  for (int i = 0; i < block->steps.n; i++) {
    const ir_loop *loop = block->steps.at[i].loop;
    if (block->steps.at[i].eq != NULL || !loop_needed(f, &loop->body)) continue;
    if (loop->until != NULL && !f->met[loop->until->id]) {
      find(f, loop->until);
      more = true;
    }
    more = find_conditions(f, &loop->body) || more;
  }
  return more;
}

/* ---- copying programs ------------------------------------------------------------------------ */

static copier copier_open(base_arena *arena, const ir_program *p) {
  copier c = {.from = p, .to = ir_program_open(arena)};
  c.index = BASE_NEWS(arena, const ir_index *, p->indices + 1);
  c.symbol = BASE_NEWS(arena, ir_symbol *, p->symbols.n + 1);
  c.tensor = BASE_NEWS(arena, ir_tensor *, p->tensors.n + 1);
  return c;
}

static void copy_head(copier *c, const ir_tensor *old, ir_role role) {
  const ir_expr **size = BASE_NEWS(c->to->arena, const ir_expr *, old->rank + 1);
  for (int k = 0; k < old->rank; k++) size[k] = copy_expr(c, old->size[k]);
  ir_tensor *t = ir_tensor_new(c->to, old->name, old->type, old->rank, size, role);
  t->span = copy_span(c, old->span);
  if (old->settle != NULL && role == IR_DERIVED) {
    t->settle = BASE_NEW(c->to->arena, ir_settle);
    *t->settle = *old->settle;
  }
  if (old->settles != NULL) t->settles = base_copy(c->to->arena, old->settles);
  c->tensor[old->id] = t;
}

static ir_eq *copy_eq(copier *c, const ir_eq *old) {
  ir_tensor *head = c->tensor[old->head->id];
  const ir_expr **lhs = BASE_NEWS(c->to->arena, const ir_expr *, head->rank + 1);
  for (int k = 0; k < head->rank; k++) lhs[k] = copy_expr(c, old->lhs[k]);
  ir_eq *eq = ir_define(c->to, head, old->agg, lhs, copy_expr(c, old->body));
  eq->span = copy_span(c, old->span);
  eq->nfree = old->nfree;
  eq->nred = old->nred;          /* the old ones: a body need not mention all it is summed over */
  const ir_index **index = BASE_NEWS(c->to->arena, const ir_index *, old->nfree + old->nred + 1);
  eq->free = index;
  eq->red = index + old->nfree;
  for (int i = 0; i < old->nfree; i++) index[i] = copy_index(c, old->free[i]);
  for (int i = 0; i < old->nred; i++) index[old->nfree + i] = copy_index(c, old->red[i]);
  return eq;
}

typedef struct eq_pair {
  const ir_eq *old;
  ir_eq *fresh;
} eq_pair;

typedef BASE_VEC(eq_pair) eq_list;

static void copy_eqs(copier *c, const ir_tensor *old, eq_list *pairs) {
  for (int i = 0; i < old->eqs.n; i++) {
    eq_pair pair = {old->eqs.at[i], copy_eq(c, old->eqs.at[i])};
    BASE_PUSH(c->to->arena, pairs, pair);
  }
}

static ir_eq *copied(const eq_list *pairs, const ir_eq *old) {
  for (int i = 0; i < pairs->n; i++)
    if (pairs->at[i].old == old) return pairs->at[i].fresh;
  return NULL;
}

static void copy_block(copier *c, const ir_block *old, ir_block *to, const eq_list *pairs) {
  base_arena *arena = c->to->arena;
  for (int i = 0; i < old->steps.n; i++) {
    const ir_step *s = &old->steps.at[i];
    ir_step step = {.from = copy_expr(c, s->from), .to = copy_expr(c, s->to)};
    if (s->eq != NULL) {
      step.eq = copied(pairs, s->eq);
      if (step.eq == NULL) continue;
    } else {
      const ir_loop *l = s->loop;
      ir_loop *loop = step.loop = BASE_NEW(arena, ir_loop);
      loop->counter = copy_symbol(c, l->counter);
      loop->from = copy_expr(c, l->from);
      loop->to = copy_expr(c, l->to);
      loop->down = l->down;
      loop->until = l->until == NULL ? NULL : c->tensor[l->until->id];
      loop->at = copy_expr(c, l->at);
      loop->whole = l->whole;
      loop->rings = l->rings;
      copy_block(c, &l->body, &loop->body, pairs);
      if (loop->body.steps.n == 0) continue;
    }
    BASE_PUSH(arena, &to->steps, step);
  }
}

static bool symbols_known(const copier *c, const ir_expr *e) {
  bool known = true;
  ir_walk *w = ir_walk_open(e);
  for (const ir_expr *x; (x = ir_walk_next(w)) != NULL;)
    if (x->op == IR_SYMBOL && c->symbol[x->u.symbol->id] == NULL) known = false;
  ir_walk_close(w, e);
  return known;
}

/* The requirements on sizes that the copy uses. */
static void copy_requires(copier *c) {
  for (int i = 0; i < c->from->requires.n; i++) {
    const ir_require *r = &c->from->requires.at[i];
    const ir_tensor *of = r->of ? c->tensor[r->of->id] : NULL;
    if ((r->of && !of) || !symbols_known(c, r->left) || !symbols_known(c, r->right)) continue;
    if (r->bare)
      ir_require_some(c->to, of, copy_expr(c, r->right), r->message, copy_span(c, r->span));
    else
      ir_require_that(c->to, copy_expr(c, r->left), copy_expr(c, r->right), r->at_most, r->message,
                      copy_span(c, r->span));
  }
}

ir_program *ir_extract(base_arena *arena, const ir_program *p, int n, ir_tensor *const *wanted,
                       bool commits, int nreplaced, ir_tensor *const *replaced, ir_tensor **map) {
  copier c = copier_open(arena, p);
  finder f = {.arena = arena};
  f.met = BASE_NEWS(arena, bool, p->tensors.n + 1);
  f.replaced = BASE_NEWS(arena, bool, p->tensors.n + 1);
  for (int i = 0; i < nreplaced; i++) f.replaced[replaced[i]->id] = true;
  for (int i = 0; i < n; i++) find(&f, wanted[i]);
  for (int i = 0; commits && i < p->commits.n; i++) {
    find(&f, p->commits.at[i].state);
    find(&f, p->commits.at[i].value);
  }
  while (find_conditions(&f, &p->order)) {}
  eq_list pairs = {NULL, 0, 0};
  for (int i = 0; i < f.found.n; i++) {
    const ir_tensor *t = f.found.at[i];
    copy_head(&c, t, f.replaced[t->id] ? IR_INPUT : t->role);
  }
  for (int i = 0; i < f.found.n; i++)
    if (!f.replaced[f.found.at[i]->id]) copy_eqs(&c, f.found.at[i], &pairs);
  copy_block(&c, &p->order, &c.to->order, &pairs);
  for (int i = 0; i < n; i++) ir_output(c.to, c.tensor[wanted[i]->id]);
  for (int i = 0; commits && i < p->commits.n; i++)
    ir_commit_to(c.to, c.tensor[p->commits.at[i].state->id], c.tensor[p->commits.at[i].value->id]);
  copy_requires(&c);
  if (map != NULL) memcpy(map, c.tensor, sizeof *map * (size_t)p->tensors.n);
  return c.to;
}

ir_program *ir_copy(base_arena *arena, const ir_program *p) {
  copier c = copier_open(arena, p);
  eq_list pairs = {NULL, 0, 0};
  for (int i = 0; i < p->symbols.n; i++) copy_symbol(&c, p->symbols.at[i]);
  for (int i = 0; i < p->tensors.n; i++) copy_head(&c, p->tensors.at[i], p->tensors.at[i]->role);
  for (int i = 0; i < p->tensors.n; i++) copy_eqs(&c, p->tensors.at[i], &pairs);
  copy_block(&c, &p->order, &c.to->order, &pairs);
  for (int i = 0; i < p->outputs.n; i++) ir_output(c.to, c.tensor[p->outputs.at[i]->id]);
  for (int i = 0; i < p->commits.n; i++)
    ir_commit_to(c.to, c.tensor[p->commits.at[i].state->id], c.tensor[p->commits.at[i].value->id]);
  copy_requires(&c);
  return c.to;
}
