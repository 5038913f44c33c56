/* rel: relations and sparse reals. Tuples in columns, indexes chosen by the rules, joins planned by
 * what was measured, fixpoints by deltas.
 *
 * An engine holds symbols, relations, dense tensors that rules read, and rules. A relation is a
 * set of tuples of numbers and symbols; a *valued* one has a number besides: a sparse tensor, its
 * tuples the keys of its elements. Facts are put in; the rest is made by rules when it is asked
 * for, kept, and made anew when something beneath it changed. Rules come in any order: the engine
 * finds the strata, orders the bodies, and runs each stratum to its fixpoint.
 *
 *   Ancestor(x,z) <- Ancestor(x,y), Parent(y,z)
 *   Dist[x,z] min= Dist[x,y] + E[y,z]   head Dist(x,z), value d + e; body Dist(x,y) with value d,
 *                                       E(y,z) with value e; Dist folds by REL_MIN
 *   n = count[y](Edge(x,y))             a relation of its own: C(x) sums the value 1 <- Edge(x,y);
 *                                       then the atom C(x) with value n, total, 0 where absent
 *
 * Storage, indexes and plans stay behind this door. One thread at a time. */
#ifndef TL_REL_H
#define TL_REL_H

#include "ir/ir.h"

/* ---- keys: numbers and symbols in one i64 ---------------------------------------------------- */

/* What lies below REL_LEAST is a symbol, all else a number: a position may hold both, and none
 * needs a type. Numbers sort by value, before symbols, which sort by name (bytes). */
#define REL_LEAST (INT64_MIN + ((int64_t)1 << 32))
static inline bool rel_is_symbol(int64_t key) { return key < REL_LEAST; }

typedef union rel_number {         /* i: of values of type i32, i64, bool; f: of the others */
  int64_t i;
  double f;
} rel_number;

typedef struct rel_engine rel_engine;
typedef struct rel_relation rel_relation;
typedef struct rel_dense rel_dense;

typedef struct rel_config {        /* 0 everywhere: as said */
  /* of a recursion whose relations set none; 0: 1000, and twice its elements more where it improves
   * minima or maxima */
  int64_t rounds;
  int64_t numbers;                 /* tuples a recursive rule may make by arithmetic; 0: 2^22 */
} rel_config;

/* Lives in ARENA and is closed with it; tuples lie on the context's heap. CONFIG may be NULL. */
rel_engine *rel_open(base_arena *arena, const rel_config *config);

/* One interner for the engine: equal names are equal keys, given out from INT64_MIN upward. */
int64_t rel_symbol(rel_engine *e, const char *name, size_t n);
bool rel_symbol_known(const rel_engine *e, const char *name, size_t n, int64_t *key);
const char *rel_symbol_name(const rel_engine *e, int64_t key);   /* lives as long as the engine */
int64_t rel_symbol_count(const rel_engine *e);
/* Less than, equal to or more than 0, in the order above. */
int rel_compare(const rel_engine *e, int64_t a, int64_t b);

/* ---- relations and facts --------------------------------------------------------------------- */

enum { REL_ARITY = 32, REL_VARIABLES = 256 };   /* at most; beyond: BASE_REFUSED */

/* What becomes of several values for one key: of facts, rules and bindings of rules alike. */
typedef enum rel_fold {
  REL_SET,      /* no value: a set of tuples */
  REL_ONE,      /* facts only: a second value that differs is refused, naming the key */
  REL_SUM,
  REL_MIN,
  REL_MAX,
  REL_AVG,
  REL_PROD,
} rel_fold;

/* TYPE is that of the values, which are rounded to it (ignored for REL_SET); sums of reals are made
 * in f64 first. NAME and SPAN are for messages. Arity 0 holds the empty tuple or not. */
rel_relation *rel_new(rel_engine *e, const char *name, int arity, rel_fold fold, ir_type type,
                      base_span span);
const char *rel_name(const rel_relation *r);
int rel_arity(const rel_relation *r);
rel_fold rel_fold_of(const rel_relation *r);
ir_type rel_type(const rel_relation *r);

/* Add facts; those that are there already change nothing. COLUMN[position][i]; VALUE[i] or NULL. */
void rel_insert(rel_relation *r, const int64_t *tuple, rel_number value);
void rel_load(rel_relation *r, int64_t n, const int64_t *const *column, const rel_number *value);
void rel_clear(rel_relation *r);                 /* drop its facts */

/* Recursion over sums (see rel_check): at most ROUNDS, until no value changes by more than
 * TOLERANCE, from START; the rounds also bound a recursion over minima and maxima. Of the relations
 * of a cycle the one with settings leads, and the others follow within the round. ROUNDS 0: as
 * configured. */
void rel_settle(rel_relation *r, double tolerance, double start, int64_t rounds);

/* ---- dense tensors that rules read ----------------------------------------------------------- */

typedef struct rel_array {         /* row-major and contiguous */
  const void *data;
  ir_type type;
  int64_t size[16];
} rel_array;

/* FETCH is called between strata, before the first rule that reads D runs, and not again until
 * rel_stale(D); it may raise, and may ask this engine for relations that do not depend on D. The
 * data must stay until rel_stale or the end of the engine. SYMBOL[position], if not NULL, says
 * which key each index of the position stands for (SYMBOL NULL: indices everywhere); it is kept. */
typedef rel_array rel_fetch(void *user, const rel_dense *d);
rel_dense *rel_dense_new(rel_engine *e, const char *name, int rank, const int64_t *const *symbol,
                         rel_fetch *fetch, void *user);
const char *rel_dense_name(const rel_dense *d);
void rel_stale(rel_dense *d);      /* its elements changed: what was made from them is made anew */

/* ---- rules ----------------------------------------------------------------------------------- */

/* A position of a body's atom: a variable, a key, or anything at all. */
typedef struct rel_term {
  enum { REL_ANY, REL_VAR, REL_KEY } kind;
  int var;                         /* VAR: in [0, rule->nvars), not real */
  int64_t key;                     /* KEY */
} rel_term;

/* Expressions over the rule's variables, computed in i64 or f64 as ops.def says with f64 for f32:
 * + - * % min max of integers stay integers, / and functions are real. Symbols know == and != only;
 * anything else on them, and an integer key outside [REL_LEAST, INT64_MAX] raises, naming the rule.
 * Integers do not wrap here: too large raises. */
typedef struct rel_expr rel_expr;
struct rel_expr {
  enum { REL_INT, REL_REAL, REL_USE, REL_OP } kind;
  ir_op op;                        /* OP: any but the leaves; the arguments as its arity says */
  ir_type to;                      /* OP of IR_CAST */
  int var;                         /* USE */
  rel_number number;               /* INT (a key: also a symbol), REAL */
  const rel_expr *arg[3];
};
const rel_expr *rel_int(base_arena *arena, int64_t key);
const rel_expr *rel_real(base_arena *arena, double value);
const rel_expr *rel_use(base_arena *arena, int var);
const rel_expr *rel_op(base_arena *arena, ir_op op, const rel_expr *a, const rel_expr *b,
                       const rel_expr *c);           /* NULL where the op has no such argument */
const rel_expr *rel_cast(base_arena *arena, ir_type to, const rel_expr *a);

typedef enum rel_item_kind {
  REL_ATOM,     /* R(terms), and its value: binds variables, or tests those that are bound */
  REL_NOT,      /* no tuple R(terms); its variables are bound by others, ANY is any key */
  REL_DENSE,    /* D[terms], likewise, without ANY; indices run over the sizes, outside which there
                 * is nothing */
  REL_TEST,     /* `test` is true (not 0) */
  REL_BIND,     /* `var` = `test`: binds the variable, or compares. A real that is not whole equals
                 * no key */
} rel_item_kind;

typedef struct rel_item {
  rel_item_kind kind;
  rel_relation *relation;          /* ATOM, NOT */
  rel_dense *dense;                /* DENSE */
  rel_term *term;                  /* ATOM, NOT, DENSE: as many as positions */
  int value;                       /* ATOM of valued relations, DENSE: the variable; -1: none */
  /* ATOM of valued relations, DENSE: where there is no element the value is `absent`. Its variables
   * are then bound by others. */
  bool total;
  rel_number absent;               /* of the type of the value variable */
  const rel_expr *test;            /* TEST, BIND */
  int var;                         /* BIND */
} rel_item;

/* head(key..) [folds value] <- items, in any order.
 *
 * Of a valued head, every binding of the rule's variables counts once: that is the sum over all
 * projected indices. A REL_ANY position is no variable; it asks whether there is such a tuple.
 * The order of items never changes the result. */
typedef struct rel_rule {
  rel_relation *head;
  const rel_expr **key;            /* arity of them. A real that is not whole raises */
  const rel_expr *value;           /* of valued heads; else NULL */
  int nvars;
  const char *const *name;         /* of variables, for messages; NULL: one without a name */
  /* reals: bound to values by value variables and BIND; the others are keys. A value variable that
   * is no real holds an integer (an i64 relation, an integer or Boolean tensor). NULL: none */
  const bool *real;
  int n;
  const rel_item *item;
  const char *text;                /* as written, for messages */
  base_span span;
} rel_rule;

/* RULE and all that it points at are kept, not copied: they live as long as the engine. Makes its
 * head, and what depends on it, be made anew. */
void rel_add(rel_engine *e, const rel_rule *rule);

/* Check what rules are there: range restriction (names the variable), stratification (names the
 * cycle), types. Raises BASE_REFUSED with the rule's span. Everything below does it first.
 *
 * Rules that depend on each other are a stratum. It is run by deltas if all its relations are sets,
 * or fold by min and max with values that provably do not fall (rise) when those of its own
 * relations do not; then only what improved is propagated. A stratum of valued relations alone is
 * else run in rounds, as rel_settle says: each replaces all values by those made from the values of
 * the last; at first what it reads of itself is `start` (min, max: absent) wherever other items
 * bind the keys. Sets that depend on themselves through `not`, through an element's absence, or
 * through folds other than min and max are refused. */
void rel_check(rel_engine *e);

/* ---- asking ---------------------------------------------------------------------------------- */

/* Make R whole, and whatever it depends on. Raises: BASE_RUNTIME, naming the rule, for recursion
 * that does not settle or goes on making numbers; BASE_MEMORY; BASE_INTERRUPTED. What was whole
 * before stays so. */
void rel_need(rel_relation *r);
int64_t rel_count(rel_relation *r);                          /* needs it */
bool rel_has(rel_relation *r, const int64_t *tuple);         /* needs it */
bool rel_value(rel_relation *r, const int64_t *tuple, rel_number *value);   /* needs it */

/* Tuples in order of their columns, the first counting most. */
typedef struct rel_rows {
  int64_t n;
  int width;
  const int64_t **column;
  const rel_number *value;         /* of valued relations; else NULL */
} rel_rows;

/* The tuples that match TERM (NULL: all different variables), sorted, one column for each variable
 * in the order of their numbers, copied into ARENA (the large ones on the heap, freed with it).
 * Variables may repeat. REL_ANY leaves its position out: each row of a set is there once; of a
 * valued relation each element has its row. Goal-directed: what the keys in TERM do not need is not
 * made, where that is possible, and then R does not become whole. */
rel_rows rel_query(base_arena *arena, rel_relation *r, const rel_term *term);
/* The same question, whether there is any such tuple. */
bool rel_exists(rel_relation *r, const rel_term *term);

/* ---- looking inside -------------------------------------------------------------------------- */

/* Strata, the order in which each rule's items are run, indexes: one line each; what R needs, or
 * everything (NULL). Nothing is run: sizes are guessed where they are not known yet. */
void rel_explain(rel_engine *e, rel_relation *r, base_text *out);

typedef struct rel_stats {
  int64_t strata, rounds;          /* run so far */
  int64_t derived;                 /* bindings that reached a head */
  int64_t tuples, indexes;         /* held now */
} rel_stats;
rel_stats rel_statistics(const rel_engine *e);

#endif
