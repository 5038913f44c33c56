/* order: tensors in groups, what is read before what reads it. A group is a recurrence, or one
 * tensor: the strongly connected parts, found by Tarjan's way without recursion. */
#include "lang/check.h"

typedef struct frame { /* an entity that is being visited, and how far */
  entity *e;
  int clause, read;
  bool continued;
} frame;

typedef struct walk {
  check *c;
  BASE_VEC(frame) path;
  BASE_VEC(entity *) open; /* visited, and in no group yet */
  int time, groups;
} walk;

static void enter(walk *w, entity *e) {
  e->mark = e->low = ++w->time;
  e->on_stack = true;
  BASE_PUSH(w->c->arena, &w->open, e);
  BASE_PUSH(w->c->arena, &w->path, ((frame){.e = e}));
}

/* The next tensor that F's reads or takes the size of; NULL: no more. */
static entity *next(check *c, frame *f) {
  if (f->e->generated && !f->continued) {
    f->continued = true;
    entity *of = check_continued(c, f->e);
    if (of) return of;
  }
  while (f->clause < f->e->clauses.n) {
    const clause *cl = f->e->clauses.at[f->clause];
    int i = f->read++;
    if (i < cl->reads.n) return cl->reads.at[i]->of;
    if (i - cl->reads.n < cl->sized.n) return cl->sized.at[i - cl->reads.n];
    f->clause++;
    f->read = 0;
  }
  return NULL;
}

static void lower_to(entity *e, int low) {
  if (low < e->low) e->low = low;
}

static void close_group(walk *w, entity *first) {
  entity *x;
  w->groups++;
  do {
    x = w->open.at[--w->open.n];
    x->on_stack = false;
    x->group = w->groups;
    BASE_PUSH(w->c->arena, &w->c->order, x);
  } while (x != first);
}

static void visit(walk *w, entity *from) {
  enter(w, from);
  while (w->path.n) {
    frame *f = &w->path.at[w->path.n - 1];
    entity *e = f->e, *of = next(w->c, f);
    if (of && !of->mark) {
      enter(w, of);
    } else if (of) {
      if (of->on_stack) lower_to(e, of->mark);
    } else {
      if (e->low == e->mark) close_group(w, e);
      if (--w->path.n) lower_to(w->path.at[w->path.n - 1].e, e->low);
    }
  }
}

void check_order(check *c) {
  walk w = {.c = c, .groups = c->groups, .time = c->groups};
  for (; c->visited < c->entities.n; c->visited++) {
    entity *e = c->entities.at[c->visited];
    if ((e->kind == NAME_TENSOR || e->kind == NAME_RELATION) && !e->mark) visit(&w, e);
  }
  c->groups = w.groups;
}
