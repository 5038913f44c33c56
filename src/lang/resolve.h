/* resolve: what the parts of resolving share.
 *
 *   resolve.c            names, positions, terms, heads
 *   resolve_calls.c      functions, built in and of the program
 *   resolve_relations.c  atoms and rules */
#ifndef TL_LANG_RESOLVE_H
#define TL_LANG_RESOLVE_H

#include "lang/sparse.h"

typedef struct scope { /* a name bound by a reduction, or a parameter */
  struct scope *outer;
  const char *name;
  variable *var;  /* the index; or */
  node *argument; /* what the parameter stands for */
} scope;

typedef struct resolver {
  check *c;
  clause *cl;
  BASE_VEC(const char *) index; /* names that stand in an index position of the equation */
  BASE_VEC(variable *) head, term;
  scope *top;           /* innermost */
  const char *function; /* whose body this is; NULL: the equation itself */
  int expanding, nodes, levels;
  bool left;     /* resolving the head */
  bool position; /* inside the brackets of a tensor */
  bool rule, compared;   /* of a rule; under a comparison, where symbols may stand */
} resolver;

enum { RESOLVE_DEEPEST = 100 };  /* functions in functions */

node *resolve(resolver *r, const lang_expr *e);
node *resolve_copy(resolver *r, const lang_expr *e);     /* without children */
node *resolve_children(resolver *r, const lang_expr *e);
node *resolve_number(resolver *r, const lang_expr *at, int64_t value);
node *resolve_variable(resolver *r, variable *v, base_span span);
node *resolve_position(resolver *r, const lang_expr *e, entity *of, int k);
void resolve_head(resolver *r, const lang_expr *head);
variable *resolve_new(resolver *r, const char *name, base_span span);
variable *resolve_index(resolver *r, const char *name, base_span span);   /* of head or term */
variable *resolve_in_head(const resolver *r, const char *name);           /* NULL: not there */
scope *resolve_push(resolver *r, const char *name);
scope *resolve_bound(const resolver *r, const char *name);
void resolve_add_index(resolver *r, const char *name);
void resolve_indices(resolver *r, const lang_expr *e, bool position);

/* resolve_calls.c */
node *resolve_call(resolver *r, const lang_expr *e);
node *resolve_function(resolver *r, const lang_expr *e, int n, lang_expr *const *param,
                       const lang_expr *body);

/* resolve_relations.c */
node *resolve_atom(resolver *r, const lang_expr *e);
node *resolve_compared(resolver *r, const lang_expr *e);
entity *resolve_relation(resolver *r, const lang_expr *e);
bool resolve_is_symbol(check *c, const lang_expr *e);
void resolve_rule(resolver *r, const lang_stmt *s);

#endif
