/* key: a program as a string without names. Nodes and indices are numbered as they are met. */
#include <inttypes.h>
#include <string.h>

#include "ir/private.h"

typedef struct keyer {
  base_text *text;
  int *node, *index;             /* by id: its number + 1, 0: not met */
  int nodes, indices;
} keyer;

static void define(keyer *k, const ir_expr *e);

static void put_index(keyer *k, const ir_index *index) {
  if (k->index[index->id] == 0) {
    define(k, index->extent);
    k->index[index->id] = ++k->indices;
    base_putf(k->text, "i%d", k->node[index->extent->id]);
  }
  base_putf(k->text, "#%d", k->index[index->id]);
}

static void put_node(keyer *k, const ir_expr *e) {
  uint64_t bits;
  base_putf(k->text, "%d.%d", e->op, e->type);
  switch (e->op) {
    case IR_CONST:
      memcpy(&bits, &e->u, sizeof bits);
      base_putf(k->text, "=%" PRIx64, bits);
      break;
    case IR_INDEX: put_index(k, e->u.index); break;
    case IR_SYMBOL: base_putf(k->text, "s%d", e->u.symbol->id); break;
    case IR_READ: base_putf(k->text, "t%d", e->u.tensor->id); break;
    case IR_CAST: base_putf(k->text, ">%d", e->u.to); break;
    case IR_CALL: base_putf(k->text, "f%" PRIxPTR, (uintptr_t)e->u.function); break;
    default: break;
  }
  for (int i = 0; i < e->n; i++) base_putf(k->text, ",%d", k->node[e->arg[i]->id]);
  base_put(k->text, ";");
}

/* Write what of E was not written yet. */
static void define(keyer *k, const ir_expr *e) {
  if (k->node[e->id] != 0) return;
  ir_walk *w = ir_walk_open(e);
  for (const ir_expr *x; (x = ir_walk_next(w)) != NULL;) {
    if (k->node[x->id] != 0) continue;
    if (x->op == IR_INDEX) define(k, x->u.index->extent);
    put_node(k, x);
    k->node[x->id] = ++k->nodes;
  }
  ir_walk_close(w, e);
}

static void put_exprs(keyer *k, char mark, int n, const ir_expr *const *e) {
  for (int i = 0; i < n; i++)
    if (e[i] != NULL) define(k, e[i]);
  base_putf(k->text, "%c", mark);
  for (int i = 0; i < n; i++) base_putf(k->text, "%d,", e[i] == NULL ? 0 : k->node[e[i]->id]);
}

static void put_eq(keyer *k, const ir_eq *eq) {
  put_exprs(k, 'L', eq->head->rank, eq->lhs);
  put_exprs(k, 'B', 1, &eq->body);
  base_putf(k->text, "E%d.%d\n", eq->agg, eq->head->id);
}

static void put_block(keyer *k, const ir_block *block) {
  for (int i = 0; i < block->steps.n; i++) {
    const ir_step *s = &block->steps.at[i];
    put_exprs(k, 'S', 2, (const ir_expr *[]){s->from, s->to});
    if (s->eq != NULL) {
      int at = 0;
      while (s->eq->head->eqs.at[at] != s->eq) at++;
      base_putf(k->text, "q%d.%d\n", s->eq->head->id, at);
      continue;
    }
    put_exprs(k, 'F', 3, (const ir_expr *[]){s->loop->from, s->loop->to, s->loop->at});
    base_putf(k->text, "l%d%c%d{\n", s->loop->counter->id, s->loop->down ? 'd' : 'u',
              s->loop->until == NULL ? -1 : s->loop->until->id);
    put_block(k, &s->loop->body);
    base_put(k->text, "}\n");
  }
}

/* With its name, which its message will hold. */
static void put_settle(base_text *text, const ir_tensor *t) {
  const ir_settle *s = t->settle;
  base_putf(text, "U%a.%a.%" PRId64 ".%d.", s->start, s->tolerance, s->rounds, s->told);
  base_putf(text, "%s.%d.%d\n", t->name, t->span.line, t->span.column);
}

void ir_key(const ir_program *p, base_text *text) {
  base_arena *scratch = base_arena_child(text->arena);
  keyer k = {.text = text};
  k.node = BASE_NEWS(scratch, int, p->nodes + 1);
  k.index = BASE_NEWS(scratch, int, p->indices + 1);
  for (int i = 0; i < p->symbols.n; i++)
    base_putf(text, "s%d.%" PRId64 ",", p->symbols.at[i]->counter, p->symbols.at[i]->least);
  for (int i = 0; i < p->tensors.n; i++) {
    const ir_tensor *t = p->tensors.at[i];
    put_exprs(&k, 'Z', t->rank, t->size);
    base_putf(text, "T%d.%d.%d\n", t->type, t->role, t->eqs.n);
    if (t->settle != NULL) put_settle(text, t);
  }
  for (int i = 0; i < p->tensors.n; i++)
    for (int j = 0; j < p->tensors.at[i]->eqs.n; j++) put_eq(&k, p->tensors.at[i]->eqs.at[j]);
  for (int i = 0; i < p->outputs.n; i++) base_putf(text, "O%d", p->outputs.at[i]->id);
  for (int i = 0; i < p->commits.n; i++)
    base_putf(text, "C%d.%d", p->commits.at[i].state->id, p->commits.at[i].value->id);
  for (int i = 0; i < p->requires.n; i++) {
    const ir_require *r = &p->requires.at[i];
    put_exprs(&k, r->at_most ? 'R' : 'r', 2, (const ir_expr *[]){r->left, r->right});
    if (r->bare) base_putf(text, "\"%s\"%d", r->message, r->span.line);
  }
  put_block(&k, &p->order);
  base_arena_close(scratch);
}
