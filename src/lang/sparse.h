/* sparse: what the relational half of the checker shares; private to turning a tree into relations,
 * rules and the equations over their tuples.
 *
 *   tables.c   facts, files with keys, elements        support.c   where an expression is not 0
 *   sorts.c    positions that hold the same things     frames.c    products over joined tuples
 *   compile.c  atoms and expressions for the engine    elements.c  heads that are sparse
 *   rules.c    rules of the text                       questions.c  queries
 *   extremes.c recursion over minima and maxima
 *
 * A sparse tensor is a relation, the keys of its elements, and a tensor of rank 1, their values.
 * A product with sparse factors goes through the tuples of a join, the engine's work; the values
 * come of gathers and scatters over the join's columns, which is all that equations see:
 *
 *   Agg[n,d] = Neig(n,n') Z[n',d]        Agg[Neig0[e], d] += Z[Neig1[e], d] */
#ifndef TL_LANG_SPARSE_H
#define TL_LANG_SPARSE_H

#include "lang/check.h"

enum { SPARSE_MOST = 1 << 28 };  /* elements that something sparse may become dense with */

static inline const node *sparse_child(const node *n, int i) { return (const node *)n->e.at[i]; }

/* Is N a relation's atom or an element of a sparse tensor? */
static inline bool sparse_read(const node *n) { return n->of && n->of->sparse && !n->itself; }

/* ---- tables.c -------------------------------------------------------------------------------- */

rel_engine *sparse_engine(check *c);                     /* of the program, made when needed */
rel_relation *sparse_relation(check *c, entity *e);      /* of E, made when needed */
void check_fact(check *c, const lang_stmt *stmt);        /* FACT; FILE with keys */
void check_table_file(check *c, const lang_stmt *stmt);
void check_tables(check *c, void *arg);                  /* what is collected goes to the engine */
void check_table(check *c, entity *e);                   /* E[A,B] = 3, nothing else */
int64_t sparse_key(check *c, const node *n);             /* of a constant position */
/* How far position K of E runs: as declared, its domain, its largest number + 1. */
const ir_expr *sparse_size(check *c, entity *e, int k);
const ir_expr *sparse_count(check *c, rel_relation *r);  /* how many tuples: a size */
bool sparse_number(check *c, entity *e, double *n);      /* the same, if that is known now */
lang_relation *sparse_publish(check *c, entity *e);

/* ---- sorts.c --------------------------------------------------------------------------------- */

/* Positions and indices joined by use hold the same things. */
struct sort {
  sort *same;                    /* on the way to the one that stands for all; NULL: this one */
  lang_domain *domain;           /* declared; or of all symbols that were seen */
  bool numbers, made;            /* some are numbers; DOMAIN was made of the symbols */
  BASE_VEC(const char *) symbols;
  base_map *known;               /* the symbols; NULL: none */
};
sort *sort_of(check *c, entity *e, int k);
sort *sort_of_variable(check *c, variable *v);
void sort_add(check *c, sort *s, const char *symbol);
void check_sorts(check *c);
lang_domain *sort_domain(sort *s);                       /* NULL: numbers */

/* ---- support.c ------------------------------------------------------------------------------- */

/* An expression may differ from 0 where all atoms of one of these ways hold. */
typedef struct way { BASE_VEC(const node *) atom; } way;
typedef struct support {
  bool everywhere;
  BASE_VEC(way) any;
} support;
support support_of(check *c, const node *n);
/* Under max= and the like: where all that is read is present. */
support support_strict(check *c, const node *n);
bool support_binds(const support *s, const variable *v);    /* in each way */
bool sparse_is_read(entity *const *group, int n);        /* by the equations of a group */
bool support_mentions(const node *n);                    /* something sparse is read in N */
void check_sparse(check *c);                             /* which heads are sparse */
typedef struct sparse_term { node *n; bool minus; } sparse_term;
typedef BASE_VEC(sparse_term) sparse_terms;
void sparse_terms_of(check *c, node *n, bool minus, sparse_terms *terms);

/* ---- compile.c ------------------------------------------------------------------------------- */

typedef struct compiler {        /* of one rule */
  check *c;
  clause *cl;
  BASE_VEC(variable *) vars;     /* by the rule's number; NULL: made here */
  BASE_VEC(const char *) names;
  BASE_VEC(bool) reals;
  BASE_VEC(rel_item) items;
  bool any;                      /* `_` asks for anything, it does not count */
  bool position;                 /* `/` is floor division */
  bool values;                   /* of a tensor's equation: an atom counts as 1 */
} compiler;
compiler compile_open(check *c, clause *cl);
int compile_variable(compiler *k, variable *v);
int compile_new(compiler *k, const char *name, bool real);
rel_term compile_term(compiler *k, const node *n);       /* of a body's atom */
rel_term *compile_terms(compiler *k, const node *n);
const rel_expr *compile_expr(compiler *k, const node *n);
void compile_atom(compiler *k, const node *n, int value);   /* -1: the value is not wanted */
void compile_negated(compiler *k, const node *n);          /* behind `not` */
void compile_way(compiler *k, const way *w);
void compile_rule(compiler *k, rel_relation *head, const rel_expr *const *key,
                  const rel_expr *value);
rel_dense *compile_dense(check *c, entity *e);
bool compile_real(const compiler *k, const rel_expr *e);

/* ---- frames.c -------------------------------------------------------------------------------- */

typedef struct extra { const node *n; int position; } extra;
struct frame {                   /* the tuples of a join, gone through by an index */
  check *c;
  clause *cl;
  frame *outer;
  rel_relation *join;
  const ir_expr *count, *at;     /* how many tuples; which */
  int n;
  variable **var;                /* by position */
  const ir_expr **before;        /* what each stood for outside */
  support ways;
  BASE_VEC(extra) extras;        /* positions that are no variables: X(p, p+1) */
};
/* JOIN NULL: made here. Until frame_close the variables stand for the tuple's. */
frame *frame_open(check *c, clause *cl, const support *ways, int n, variable *const *var,
                  const node *of, rel_relation *join);
void frame_close(frame *f);
/* Those that the ways bind and that are not summed or bound within N. */
int frame_variables(check *c, const clause *cl, const support *ways, const node *n,
                    variable **var);
/* Which tuple of IN has what stands at N's positions; -1: none. */
const ir_expr *frame_row(frame *f, rel_relation *in, int n, lang_expr *const *at);
/* N by a frame of its own; NULL: nothing in it is sparse, or all of it is bound already. */
const ir_expr *lower_sparse(check *c, clause *cl, node *n, lang_op op);
const ir_expr *lower_sparse_reduction(check *c, clause *cl, node *n);     /* max[y](W[x,y]) */
const ir_expr *lower_element(check *c, clause *cl, const node *n);       /* in a frame */
const ir_expr *lower_row(check *c, clause *cl, const node *n);           /* -1: absent */

/* ---- elements.c, rules.c --------------------------------------------------------------------- */

void check_elements_keys(check *c, entity *e);           /* of what is sparse: their rules */
void check_elements_values(check *c, entity *e);         /* ... and equations */
void check_declare(check *c, entity *e);                 /* heads.c: the tensor of E */
void check_rules(check *c, entity *e);
void check_choose(check *c, entity *const *group, int n);     /* the engine, or equations */
void check_extremes(check *c, entity *const *group, int n);   /* the engine was chosen */

/* questions.c: tuples or elements that match E; false: it is an expression like others */
bool check_question(check *c, const lang_stmt *s, lang_expr *e, lang_item *item);
void check_all_elements(check *c, lang_relation *r, lang_item *item);

/* relations.c, of the machine; the first two need no machine where no rule reads a tensor */
int64_t lang_size_value(const lang_program *p, const lang_size *size);
int64_t *lang_column_elements(const lang_program *p, base_arena *arena, const lang_column *k,
                              int64_t *n);
/* the elements of a lang_reading's tensor */
rel_array lang_fetch(void *user, const rel_dense *d);

#endif
