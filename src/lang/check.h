/* check: what the parts of the checker share; private to turning a tree into equations.
 *
 *   names.c    every name and what defines it       lower.c    trees to expressions
 *   data.c     lists, files, texts, elements        calls.c    functions of one element, reductions
 *   resolve.c  trees with their names resolved      over.c     functions over an index
 *   project.c  where the sums of `=` stand          draw.c     random draws
 *   place.c    positions: affine, or through data   actions.c  commands and queries
 *   sizes.c    extents of indices, sizes of heads   learning.c minimize, batches, initialisers
 *   heads.c    heads to tensors with equations      grad.c     derivatives
 *   settle.c   how cycles are solved                hints.c    shapes and names, for messages
 *   check.c    the order of it all */
#ifndef TL_LANG_CHECK_H
#define TL_LANG_CHECK_H

#include "lang/lang.h"

typedef struct entity entity;
typedef struct clause clause;
typedef struct sort sort;        /* sparse.h: what is sparse */
typedef struct frame frame;

/* An index of one clause. A projected one belongs to its term: equal names in two terms are two. */
typedef struct variable {
  const char *name;              /* as written */
  const ir_expr *low, *extent;   /* low .. low + extent - 1; extent NULL: not known yet */
  const ir_expr *bare;           /* size of the position where it stands bare; >= the extent */
  const ir_expr *declared;       /* size of a declared head's position, if it is not BARE */
  lang_domain *domain;           /* of the position where it stands bare */
  const char *from;              /* the tensor that gave the extent, for messages; and */
  int position;
  bool head;                     /* stands on the left */
  bool strong;                   /* extent given by a bare position */
  bool bound;                    /* by an explicit reduction or function */
  bool guarded;                  /* bare in a declared head: affine reads may go outside */
  bool slice;                    /* 4:8: as long as it says */
  bool summed;                   /* at some node */
  const ir_index *index;         /* made when the sizes are known */
  const ir_expr *value;          /* INDEX + low; in a frame, the element of a column */
  sort *sort;                    /* of what it stands for; NULL: not asked yet */
  base_span span;
} variable;

/* A resolved expression: copied from the tree. `e.at` and `e.index` hold nodes too; a node may have
 * several parents. */
typedef struct node {
  lang_expr e;
  variable *var;                 /* NAME that is an index; CALL index lists hold such NAMEs */
  entity *of;                    /* READ, and NAME that is a tensor */
  bool itself;                   /* the tensor is meant, not an element: an argument of grad */
  struct node *body;             /* CALL of a program's function: its value, of the arguments */
  bool chosen;                   /* project has been here */
  bool symbol;                   /* NUMBER that stands for one of a domain */
  int depth;                     /* 1 for a leaf; bodies count */
  int weight;                    /* nodes of it as a tree, shared ones each time */
  BASE_VEC(variable *) sum;      /* summed over at this node, put here by project */
  const ir_expr *made;           /* once lowered, in */
  const frame *made_in;
} node;

struct clause {                  /* one equation of the text */
  const lang_stmt *stmt;
  entity *head;
  lang_op op;
  int nlhs;
  node **lhs;                    /* positions of the head */
  node *right;
  BASE_VEC(variable *) vars;
  BASE_VEC(node *) reads;        /* READ nodes of the right side and of the positions */
  BASE_VEC(node *) concats;
  BASE_VEC(entity *) sized;      /* arguments of size() */
  variable *marked;              /* t of Y[p,t.] */
  BASE_VEC(node *) body;         /* of a rule */
  frame *in;                     /* the tuples that are gone through, while it is lowered */
};

typedef enum name_kind {
  NAME_UNKNOWN,
  NAME_TENSOR,
  NAME_RELATION,                 /* Boolean and sparse */
  NAME_FUNCTION,
  NAME_DOMAIN,
} name_kind;

struct entity {
  const char *name;
  name_kind kind;
  base_span span;                /* where it is first defined */
  const lang_stmt *declared;
  const lang_stmt *function;     /* f(x) = ..., or Even(d) = ... */
  lang_domain *domain;           /* NAME_DOMAIN */
  BASE_VEC(clause *) clauses;
  io_array *data;                /* list, file, elements */
  const lang_stmt *data_stmt;
  const lang_expr *list;         /* that DATA is still to be filled from */
  const lang_stmt *generated;    /* Y = generate(...) */
  lang_domain *tokens;
  int rank;                      /* -1: not known */
  const ir_expr **size;          /* entries NULL: not known */
  lang_domain **domains;         /* by position; NULL: an argument of the C API */
  int virtual_position;          /* of *t, else -1 */
  bool broken;                   /* its errors are told: what needs it is not looked at */
  bool number;                   /* a scalar whose value is known while checking */
  double value;
  bool busy;                     /* its value is being worked out */
  ir_settle *how;                /* as the commands so far say */
  bool settled, bounded;         /* some did */
  ir_type type;
  bool typed;
  lang_tensor *tensor;           /* of the program, once lowered */
  ir_tensor *ir;
  bool sparse;                   /* a relation, or a tensor of elements; then: */
  bool table;                    /* ... whose elements the text or a file gives */
  bool alone;                    /* ... which one term makes: its tuples are the head's */
  rel_relation *rel;             /* its tuples, or the keys of its elements */
  rel_fold fold;                 /* by which the engine makes its values; REL_SET: equations do */
  lang_relation *keys;           /* the same, as the program knows it */
  const ir_expr *count;          /* how many: IR is of rank 1 */
  BASE_VEC(const lang_expr *) facts;   /* ATOMs; READs whose value is the next one */
  BASE_VEC(const lang_stmt *) files;   /* with keys */
  int64_t *largest;              /* number at each position of what was loaded, from -1 */
  bool symbolic;                 /* some element has symbols for keys */
  sort **sorts;                  /* by position; NULL: not asked yet */
  rel_dense *dense;              /* read by rules; NULL: not yet */
  int mark, low, group;          /* for the order: strongly connected groups */
  bool on_stack;
};

typedef struct derivative {      /* of OF by WRT, the first LEAD positions of OF kept */
  ir_tensor *of, *wrt;
  int lead;
  ir_tensor *made;
} derivative;

typedef struct pending {         /* N, a symbol or a scalar, stands at a position of OF; of HEAD */
  node *n;
  entity *of, *head;
  int position;
} pending;

/* The elements of OF at some fixed positions, NULL where it runs. */
typedef struct grad_part {
  ir_tensor *of, *made;
  const ir_expr *fixed[RUN_RANK];
} grad_part;

typedef struct check {
  base_ctx *ctx;
  base_arena *arena;
  lang_program *program;         /* NULL: equations for the C API */
  ir_program *p;
  base_map *names;               /* name to entity */
  BASE_VEC(entity *) entities;
  BASE_VEC(clause *) clauses;
  int collected, resolved;       /* entities with their data, clauses with their names */
  BASE_VEC(entity *) order;      /* groups one after another, what is read before what reads */
  int visited, groups, done;     /* entities put in order, groups there, entities lowered */
  ir_type type;                  /* the default */
  const char *folder;
  BASE_VEC(const node *) grads;  /* calls of grad in the clauses */
  BASE_VEC(derivative) derivatives;
  BASE_VEC(grad_part) parts;
  int streams;                   /* of random draws */
  BASE_VEC(entity *) tables;     /* with facts or files that the engine has not got */
  BASE_VEC(pending) symbols;     /* constants, whose position's domain is not known yet */
  int judged;                    /* entities that are known to be sparse, or not */
  int sorted;                    /* clauses whose positions are joined */
  ir_tensor *draw;
  int imports;
  int depth;                     /* of scalars that lead to scalars */
  int answers;                   /* numbers the heads of queries */
  bool answering;                /* a query is defined: a comparison is true or false */
  lang_report *report;           /* where errors are kept; NULL: the first one is raised */
  entity *defining;              /* what the statement being collected defines, if it is known */
  bool silent;                   /* the error that is raised follows from one told already */
} check;

/* Do WORK; false: its error is kept, and the rest of the program may be looked at. */
bool check_attempt(check *c, void (*work)(check *c, void *arg), void *arg);
/* Leave it at that: the error has been told where it lies. */
_Noreturn void check_skip(check *c);

/* The word for SPAN of an expression, raised. */
_Noreturn void check_refuse(check *c, base_span span, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* hints.c: for messages */
const char *check_shape(check *c, const entity *e);                   /* "[64, 784]", "a scalar" */
const char *check_indexed(check *c, const entity *e);                 /* "W[i,j]", "S" */
const char *check_meant(check *c, const char *name, name_kind kind);  /* "\nhelp: ...", or "" */
/* The first use of a name that is not defined; it is broken for the others. */
_Noreturn void check_unknown(check *c, const lang_expr *e, name_kind kind);
const char *check_positions(check *c, int n);                         /* "1 position" */
const char *check_text_of(check *c, const lang_expr *e);              /* as it is written */
/* Of a piece that was carried out before, what it defines stays. (pieces.c) */
bool lang_lasts(const lang_stmt *s);

/* names.c */
entity *check_define(check *c, const lang_expr *name, name_kind kind);
entity *check_name(check *c, const char *name, base_span span);       /* finds or adds */
entity *check_find(check *c, const char *name);                       /* NULL: not there */
entity *check_scalar(check *c, const char *name);                     /* NULL: no scalar */
void check_collect(check *c, const lang_ast *ast);                    /* all but commands */
bool check_number(check *c, const lang_expr *e, double *value);       /* false: not known now */
int64_t check_size_of(check *c, const lang_expr *e, lang_domain **domain);  /* in a declaration */
void check_rank_of(check *c, entity *e, int rank, base_span span);    /* sets it, or agrees */
void check_default(check *c, const lang_stmt *stmt);                  /* default f16 */

/* data.c */
ir_type check_declared_type(const check *c, const entity *e);         /* else the default */
void check_list(check *c, entity *e, const lang_expr *list, const lang_stmt *stmt);
void check_file(check *c, entity *e, const lang_expr *path, const lang_stmt *stmt);
/* false: CALL reads no text */
bool check_text(check *c, entity *e, const lang_expr *call, const lang_stmt *stmt);
/* What is wrong with the file is told at PATH, where it is named. */
io_text *check_read_text(check *c, const lang_expr *path, io_unit unit);
io_table *check_read_table(check *c, const lang_expr *path);
/* Do WORK; what it says of a broken file gets the place SPAN. */
void check_reading(check *c, base_span span, void (*work)(check *c, void *arg), void *arg);
void check_data(check *c, entity *e);                                 /* of their type at last */
void check_elements(check *c, entity *e);                             /* its clauses are resolved */
const char *check_path(check *c, const char *path);                   /* by the program's folder */

lang_domain *check_domain(check *c, int64_t n);
bool check_symbol(lang_domain *d, int64_t i, const char *symbol);     /* false: it is there */
lang_domain *check_text_domain(check *c, io_text *text);

/* resolve.c */
void check_resolve(check *c, clause *clause_);
clause *check_clause(check *c, const lang_stmt *stmt, entity *head, lang_op op);
bool check_uses(const node *n, const variable *v);
/* The word is no symbol at position K of OF. */
_Noreturn void check_refuse_symbol(check *c, const lang_expr *e, const entity *of, int k);
_Noreturn void check_refuse_scalar(check *c, const lang_expr *e, const entity *of, int k);
bool lang_binds(const char *function);       /* its index is gone outside: sum, argmax, sample .. */

/* project.c */
void check_project(check *c, clause *cl);

/* place.c: a position, (constant + beyond + sum factor[k] var[k]) / divisor, or data */
enum { PLACE_VARIABLES = 8 };
typedef struct affine_place {
  bool data;
  int n;
  variable *var[PLACE_VARIABLES];
  int64_t factor[PLACE_VARIABLES], constant, divisor;
  const ir_expr *beyond;         /* sizes of the C API's arguments: known when bound; NULL: none */
} affine_place;
affine_place check_place(check *c, const node *n);
variable *check_bare(const affine_place *p);                          /* an index alone; or NULL */
bool check_whole(check *c, const node *n, int64_t *value);            /* a whole number known now */
/* Of whole numbers and sizes known now or when the arguments are bound; NULL: something else. */
const ir_expr *check_extent(check *c, const lang_expr *e);
/* Of size(X) and size(X, k), k < 0 from the end: positions *FROM .. *TO - 1; false: no such. */
bool check_size_range(check *c, const lang_expr *call, const entity *of, int *from, int *to);
/* How far an index goes that is chosen or drawn: argmax[k](X[e,k]), randint(3); else NULL. */
const ir_expr *check_choice_end(check *c, const node *n);
/* Do other equations give all that CL would define where position K is VALUE? */
bool check_is_base(check *c, const clause *cl, int k, int64_t value);
bool check_constant_number(check *c, const node *n, double *value);   /* any number known now */

/* sizes.c */
void check_sizes(check *c, entity *const *group, int n);              /* a recurrence, or one */

/* heads.c */
void check_lower(check *c, entity *const *group, int n);

/* lower.c */
const ir_expr *lower(check *c, clause *cl, node *n);
const ir_expr *lower_unsummed(check *c, clause *cl, node *n);         /* without N's own sum */
const ir_expr *lower_repeated(check *c, ir_agg agg, const ir_expr *body, const ir_expr *times);
/* Numbers of the text are constants of f64, which take the type of what they meet. */
const ir_expr *lower_strong(check *c, const ir_expr *e, const ir_expr *other);
const ir_expr *lower_combine(check *c, ir_op op, const ir_expr *a, const ir_expr *b);
/* Between brackets: i64, `/` is floor division. */
const ir_expr *lower_position(check *c, clause *cl, const node *n);
const ir_expr *lower_read_of(check *c, ir_tensor *t, const ir_expr *const *position);   /* or 0 */
/* A tensor of its own for BODY, over those of CL's variables that it depends on, less DROP, which
 * AGG projects. The read of it. */
const ir_expr *lower_temporary(check *c, clause *cl, const char *name, ir_agg agg,
                               const ir_expr *body, int ndrop, variable *const *drop);

void check_points(check *c, const clause *cl, const variable *v, int64_t *points);

/* calls.c */
bool check_unary(const char *name, ir_op *op);            /* a function that is one operation */
const ir_expr *lower_call(check *c, clause *cl, node *n);
/* in C; NULL: there is none */
const ir_function *check_external(const check *c, const char *name);

/* grad.c */
const ir_expr *lower_grad(check *c, clause *cl, const node *n);

/* over.c */
bool lang_goes_over(const char *function);                            /* softmax, argmax, sort .. */
const ir_expr *lower_over(check *c, clause *cl, node *n);             /* NULL: another function */
const ir_expr *lower_concat(check *c, clause *cl, node *n);

/* draw.c */
const ir_expr *draw_uniform(check *c, const ir_expr *counter);
const ir_expr *draw_counter(check *c, const ir_expr *read);
const ir_expr *lower_draw(check *c, clause *cl, node *n);             /* NULL: another function */

/* order.c */
void check_order(check *c);

/* check.c: what has been collected and is not lowered yet */
void check_definitions(check *c);

/* actions.c */
void check_action(check *c, const lang_stmt *stmt);
/* Y = generate(...): what reads Y wants its size early; its model may be made of anything. */
bool check_generated(check *c, entity *e, const lang_expr *call, const lang_stmt *stmt);
entity *check_continued(check *c, const entity *e);                       /* X; NULL: none */
void check_text_size(check *c, entity *e);
void check_model(check *c, const entity *e);
lang_settle *check_settle(check *c, const lang_stmt *stmt);               /* settle.c */
lang_tensor *check_answer(check *c, lang_expr *e, const lang_stmt *by);   /* of a query */
/* A head with these positions under a name that the text does not use. */
lang_expr *check_answer_head(check *c, const lang_expr *e, int n, lang_expr *const *at);
lang_tensor *check_filled(check *c, const lang_stmt *declared);
/* Arguments of commands. */
/* NULL: not given */
const lang_expr *check_keyword(const lang_expr *const *at, int n, const char *name);
void check_keywords(check *c, const char *command, const lang_expr *const *at, int n,
                    const char *const *known);
double check_argument(check *c, const lang_expr *e, const char *what, double least);
int64_t check_count(check *c, const lang_expr *const *at, int n, const char *name,
                    int64_t otherwise);

/* learning.c */
void check_batch(check *c, const lang_stmt *stmt);                    /* before sizes are known */
lang_minimize *check_minimize(check *c, const lang_stmt *stmt);
void check_starts(check *c);                                          /* what initialisers mean */

#endif
