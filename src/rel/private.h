/* What the files of rel share.
 *
 * symbols.c  the interner              engine.c   relations, facts, what is stale
 * store.c    columns of tuples         set.c      which tuples are there
 * index.c    sorted and chained        expr.c     expressions as programs of a stack
 * check.c    rules looked over         strata.c   what depends on what
 * plan.c     orders of joins           run.c      joins carried out
 * fixpoint.c deltas                    rounds.c   recursion over sums
 * grid.c     pairs as rows of bits       closure.c  closed under a graph
 * linear.c   or between two graphs
 * goal.c     rules for one question    rows.c     answers, sorted
 * explain.c  what was decided */
#ifndef TL_REL_PRIVATE_H
#define TL_REL_PRIVATE_H

#include "rel/rel.h"

#define REL_NO_ROW UINT32_MAX
enum { REL_POLL = 1 << 14 };        /* bindings between two looks for an interrupt */

/* ---- store: append-only tuples, each there once ---------------------------------------------- */

/* Which tuples are there. GRID_BITS: a bit for each possible tuple, where the columns' ranges allow
 * it; GRID_ROWS: its row; HASH: slots of hash (upper half) and row + 1. */
typedef struct rel_set {
  enum { REL_SET_NONE, REL_SET_BITS, REL_SET_ROWS, REL_SET_HASH } kind;
  uint64_t *slot;                   /* HASH */
  uint64_t mask;
  uint64_t *bits;                   /* BITS */
  uint32_t *row;                    /* ROWS: row + 1 */
  int64_t *low;                     /* grids: by column */
  uint64_t *range, *stride;
} rel_set;

typedef struct rel_index rel_index;

typedef struct rel_store {
  rel_engine *engine;
  const char *name;                 /* of the relation, for messages */
  int arity;
  bool valued, weighed;
  uint32_t n, cap;
  bool folded;                      /* two columns that are not there: their bits alone are */
  int64_t **column;                 /* arity of cap */
  rel_number *value;                /* valued */
  uint32_t *weight;                 /* weighed: how many values were summed for the average */
  uint32_t measured;                /* rows that low and high know of */
  int64_t *low, *high;
  uint32_t counted;                 /* rows there were when `distinct` was counted */
  double *distinct;                 /* by column, roughly */
  rel_set set;
  rel_index *index;                 /* a list */
  uint32_t asked;                   /* positions that the last question gave keys for */
  struct rel_store *next;           /* of its engine */
} rel_store;

rel_store *rel_store_new(rel_engine *e, const rel_relation *r);
void rel_store_free(rel_store *s);  /* what is on the heap; the store may be used again, empty */
void rel_store_copy(rel_store *to, rel_store *from);   /* TO is emptied first */
void rel_store_reserve(rel_store *s, uint64_t more);
void rel_store_measure(rel_store *s);
/* The store's bits, WORDS of them, are all that is known of its pairs; and back to columns. */
void rel_store_fold(rel_store *s, uint64_t words);
void rel_store_unfold(rel_store *s);
void rel_store_count(rel_store *s); /* fills `distinct` */
bool rel_store_add(rel_store *s, const int64_t *tuple);      /* false: was there */
/* The row of TUPLE, made if it is not there (*FRESH). */
uint32_t rel_store_row(rel_store *s, const int64_t *tuple, bool *fresh);
/* N tuples: column c holds run[c][0..n), or fixed[c] where run[c] is NULL. */
void rel_store_add_run(rel_store *s, uint32_t n, const int64_t *const *run, const int64_t *fixed);
uint32_t rel_store_append(rel_store *s, const int64_t *tuple);   /* known not to be there */

bool rel_set_has(const rel_store *s, const int64_t *tuple);
uint32_t rel_set_find(const rel_store *s, const int64_t *tuple);  /* valued; REL_NO_ROW */
/* Make room for TUPLE, which is new to it or outside its ranges. */
void rel_set_fit(rel_store *s, const int64_t *tuple);
void rel_set_free(rel_store *s);

static inline uint64_t rel_mix(uint64_t h, int64_t key) {
  h = (h ^ (uint64_t)key) * 0x9E3779B97F4A7C15u;
  return h ^ h >> 29;
}

/* ---- indexes --------------------------------------------------------------------------------- */

/* Sorted: a copy of the columns in the order of some of them, serving every prefix of that order;
 * of a store that does not grow. Chained: rows of equal keys linked, the newest first; grows. */
struct rel_index {
  rel_index *next;
  bool chained;
  int n;                            /* columns in its order */
  int *order;
  uint32_t rows;                    /* that it knows of */
  uint32_t *row;                    /* sorted: position to row */
  int64_t **column;                 /* sorted: by column; NULL until wanted */
  rel_number *value;
  int64_t low;                      /* of the first column, where `start` is by key ... */
  uint64_t range;
  uint32_t *start;                  /* ... key - low to first position */
  uint32_t *slot;                   /* else: hash of the first column to group + 1 */
  uint64_t mask;
  uint32_t groups;
  uint32_t *group;                  /* group to first position; groups + 1 of them */
  uint32_t *head, *link;            /* chained: row + 1, 0 ends */
  uint32_t room;                    /* links there is room for */
};

/* Sorted by the columns ORDER, up to date, with all columns (and values) copied. */
rel_index *rel_index_sorted(rel_store *s, int n, const int *order);
/* One that is there and begins with the N columns of ORDER in any order; NULL. */
rel_index *rel_index_fitting(rel_store *s, int n, const int *columns);
void rel_index_hashed(const rel_index *x, int64_t key, uint32_t *from, uint32_t *to);

/* Positions whose first column is KEY. */
static inline void rel_index_first_range(const rel_index *x, int64_t key, uint32_t *from,
                                         uint32_t *to) {
  uint64_t k = (uint64_t)key - (uint64_t)x->low;
  if (!x->start) {
    rel_index_hashed(x, key, from, to);
  } else if (k < x->range) {
    *from = x->start[k];
    *to = x->start[k + 1];
  } else {
    *from = *to = 0;
  }
}

void rel_index_range(const rel_index *x, const int64_t *key, int n, uint32_t *from, uint32_t *to);
rel_index *rel_index_chained(rel_store *s, int n, const int *columns);
void rel_index_sync(rel_store *s);  /* chained indexes learn of new rows */
/* First row + 1 of the chain in which KEY's rows are; in `exact` chains all are KEY's. */
uint32_t rel_index_first(const rel_store *s, const rel_index *x, const int64_t *key, bool *exact);
void rel_index_free(rel_store *s);

/* Rows 0..n in the order of the N columns (as unsigned numbers above low), stable. On the heap. */
uint32_t *rel_sort(base_ctx *ctx, uint32_t rows, int n, const int64_t *const *column,
                   const int64_t *low, const int64_t *high);

/* ---- pairs as rows of bits ------------------------------------------------------------------- */

typedef struct rel_grid {           /* of a relation of pairs, both of [low, low + n) */
  rel_relation *relation;
  int64_t low;
  uint32_t n, words;                /* nodes; words of a row */
  uint64_t *bits;
} rel_grid;

typedef struct rel_graph {          /* edges by node: to[start[v]] up to to[start[v + 1]] */
  uint32_t *start, *to;
} rel_graph;

bool rel_is_pair(const rel_item *it);   /* an atom of a set, two different variables */
/* Lay a grid out for P and EDGES, COPIES of it wanted; false if that is too much for these. */
bool rel_grid_pays(rel_grid *g, rel_relation *p, int n, rel_store *const *edges, int copies);
void rel_grid_take(rel_grid *g, int rows);   /* fill it, a row for each key of column ROWS */
void rel_grid_give(const rel_grid *g);       /* the relation is what the bits say */
rel_graph rel_graph_of(base_arena *arena, const rel_grid *g, int n, rel_store *const *edges,
                       int tail);

/* ---- engine ---------------------------------------------------------------------------------- */

typedef struct rel_code rel_code;

/* x of `v = x + 1`, where v is bound and x is not: x = v - 1. */
typedef struct rel_solved { int var; rel_code *code; } rel_solved;

/* A rule with what checking found out. */
typedef struct rel_checked {
  const rel_rule *rule;
  const struct rel_goal *goal;      /* it was made for; NULL */
  bool checked;
  bool makes;                       /* numbers, by arithmetic in its head */
  rel_code **key;                   /* the head's expressions */
  rel_code *value;
  rel_code **test;                  /* by item: of TEST and BIND */
  int *nsolved; rel_solved **solved;   /* by item: of BIND, for the variables of its expression */
} rel_checked;

struct rel_relation {
  rel_engine *engine;
  const char *name;
  int arity, id;
  rel_fold fold;
  ir_type type;                     /* of values */
  bool integer;                     /* they are computed in i64 */
  base_span span;
  double tolerance, start;
  int64_t rounds;
  bool settles;                     /* rel_settle was called */
  BASE_VEC(rel_checked *) rules;    /* that make it */
  BASE_VEC(rel_checked *) readers;  /* that read it */
  rel_store *base;                  /* facts */
  rel_store *own, *spare, *fixed;   /* of rules: the whole; of rounds: the next whole, what stays */
  rel_store *full;                  /* own, or base where nothing differs */
  bool whole;                       /* full is up to date */
  int stratum;
  /* while its stratum is run: */
  bool busy, running;               /* what it reads is made; it is made itself */
  bool begun;                       /* by rounds: there are elements to read, not `start` */
  rel_store *into;                  /* where rules put tuples */
  uint32_t from, to;                /* sets: rows of the delta */
  uint32_t *changed, *pending;      /* valued: rows of the delta; of the next one */
  uint32_t nchanged, npending, room;
  uint32_t *stamp, stamps;          /* by row: the round in which it became pending; the round */
  int64_t made;                     /* bindings of recursive rules that make numbers */
};

struct rel_dense {
  rel_engine *engine;
  const char *name;
  int rank, id;
  const int64_t *const *symbol;
  rel_fetch *fetch;
  void *user;
  bool fetched;
  rel_array array;
  /* by position: number of a symbol to its index + 1, where symbols stand for indices */
  uint32_t **place;
  int64_t *placed;                  /* symbols that `place` knows */
  base_arena *places;
  BASE_VEC(rel_checked *) readers;
};

typedef enum rel_mode { REL_ONCE, REL_DELTAS, REL_ROUNDS } rel_mode;

typedef struct rel_stratum {
  int id;
  rel_mode mode;                    /* DELTAS: recursive; which of the two is seen when it is run */
  BASE_VEC(rel_relation *) relations;
} rel_stratum;

struct rel_engine {
  base_ctx *ctx;
  base_arena *arena;
  rel_config config;
  base_arena *work;                 /* of the stratum that is run; NULL between */
  base_map *symbols;
  BASE_VEC(const char *) names;
  int64_t *rank;                    /* of symbols by name; for `ranked` of them */
  int64_t ranked;
  BASE_VEC(rel_relation *) relations;
  BASE_VEC(rel_dense *) denses;
  BASE_VEC(rel_checked *) rules;
  bool checked;                     /* all of them; and the strata are theirs */
  int64_t stratified;               /* times */
  BASE_VEC(rel_stratum *) strata;   /* what comes first depends on nothing later */
  rel_store *stores;
  rel_stats stats;
  uint64_t changes;                 /* of facts and rules, counted */
  BASE_VEC(struct rel_goal *) goals;
  BASE_VEC(struct rel_shadow *) shadows;
  struct rel_goal *building;        /* rules that are added belong to it; NULL: to the program */
};

void rel_mark_stale(rel_relation *r);
void rel_rank_symbols(rel_engine *e);
/* Append KEY as the language writes it. */
void rel_put_key(base_text *text, const rel_engine *e, int64_t key);
_Noreturn void rel_refuse_rule(const rel_checked *c, base_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
const char *rel_rule_text(const rel_checked *c);

/* Fold VALUE into row ROW of S; true if it changed anything. */
bool rel_fold_value(const rel_relation *r, rel_store *s, uint32_t row, bool fresh,
                    rel_number value);
rel_number rel_round(const rel_relation *r, rel_number v);
void rel_finish_values(const rel_relation *r, rel_store *s);   /* averages divided, all rounded */

/* ---- expressions ----------------------------------------------------------------------------- */

/* REAL says which variables are. The code's type is IR_I64 (also of tests) or IR_F64. */
rel_code *rel_compile(const rel_checked *c, const rel_expr *e);
bool rel_code_real(const rel_code *code);
int rel_code_var(const rel_code *code);                /* it is but this variable; else -1 */
bool rel_code_constant(const rel_code *code, int64_t *key);
bool rel_code_uses(const rel_code *code, int var);
rel_number rel_eval(const rel_code *code, const rel_number *vars);
/* Does the value never fall (never rise) when the variables of GROWS go up? NONNEGATIVE says which
 * variables are never below 0. */
bool rel_monotone(const rel_expr *e, const bool *grows, const bool *nonnegative, bool rises);
bool rel_never_negative(const rel_expr *e, const bool *nonnegative);

/* ---- checking, strata ------------------------------------------------------------------------ */

void rel_check_rule(rel_checked *c);
/* Can ITEM be run when BOUND variables are? *SOLVES: the variable it then binds by solving for it,
 * or -1. Items that bind what they need not have bound always can. */
bool rel_item_ready(const rel_checked *c, int item, const bool *bound, int *solves);
void rel_item_binds(const rel_checked *c, int item, bool *bound);   /* marks what it binds */
bool rel_item_enumerates(const rel_item *item);   /* an ATOM or DENSE that is not total */
void rel_stratify(rel_engine *e);
/* The relation that the item reads, NULL for others. */
rel_relation *rel_item_relation(const rel_item *item);
bool rel_recursive(const rel_checked *c, int item);   /* it reads of the head's stratum */
bool rel_reads_itself(const rel_checked *c);          /* an item of it does */
/* The strata that R reads, its own too, by number; of ALL false: those that are not whole. */
void rel_strata_of(rel_relation *r, base_arena *arena, bool all, bool *wanted);

/* ---- plans ----------------------------------------------------------------------------------- */

typedef struct rel_operand { int var; int64_t key; } rel_operand;   /* var < 0: the key */
typedef struct rel_take { int column, var; } rel_take;
typedef struct rel_same { int column; rel_operand with; } rel_same;

typedef enum rel_step_kind {
  REL_SCAN,        /* all rows, or the delta */
  REL_RANGE,       /* a range of a sorted index */
  REL_CHAIN,       /* a chain */
  REL_MEMBER,      /* is the tuple there? its value */
  REL_ABSENT,      /* no tuple, by MEMBER, RANGE or CHAIN of `look` */
  REL_INDICES,     /* one index of a dense tensor runs over its size */
  REL_ELEMENT,     /* the element at bound indices */
  REL_CHECK,       /* a test */
  REL_ASSIGN,      /* a variable gets a value, or is compared */
  REL_KNOWN,       /* is the head's tuple there already? then go back */
  REL_EMIT,
} rel_step_kind;

typedef enum rel_part { REL_ALL, REL_DELTA, REL_OLD } rel_part;

typedef struct rel_step {
  rel_step_kind kind, look;
  int item;                        /* of the rule; -1: none */
  rel_part part;
  rel_relation *relation;
  rel_store *store;
  rel_index *index;                /* RANGE, CHAIN; NULL until rel_plan_indexes */
  int nkey; rel_operand *key;      /* in the index's order; MEMBER: the tuple; ELEMENT: indices */
  int *column;                     /* of the keys, in their order */
  int nload; rel_take *load;
  int nsame; rel_same *same;
  bool once;                       /* one match is enough */
  bool missing;                    /* a total read: no match gives `absent` */
  rel_number absent;
  int value; bool value_bound;     /* the value's variable, -1; it is to be compared */
  bool convert;                    /* values are integers, the variable is a real */
  rel_dense *dense; int position; rel_operand at;
  const rel_code *code; int var; bool bound;
  double rows;                     /* expected after it, for explain */
} rel_step;

typedef struct rel_plan {
  const rel_checked *rule;
  int n; rel_step *step;
  int cut;                         /* last step that binds what the head needs; sets only */
  bool runs;                       /* the loop before EMIT emits whole runs */
  rel_operand *head;               /* sets whose keys are variables and keys alone; else NULL */
  rel_number *vars;
  int64_t *tuple;                  /* the head's */
} rel_plan;

/* DELTA: the item whose relation is read by its delta, -1: none. STARTS: recursive items read
 * `start` wherever their keys are bound; NULL is returned if they are not all bound. The indexes
 * are missing until rel_plan_indexes has seen all plans that will be run. */
rel_plan *rel_plan_rule(base_arena *arena, const rel_checked *c, int delta, bool starts);
void rel_plan_indexes(base_arena *arena, int n, rel_plan *const *plans);
void rel_plan_print(base_text *text, const rel_plan *plan);

/* ---- running --------------------------------------------------------------------------------- */

void rel_run_plan(const rel_plan *plan);
void rel_run_deltas(rel_engine *e, rel_stratum *stratum);
void rel_run_rounds(rel_engine *e, rel_stratum *stratum);
/* What its other rules made is there. False: it is not of the form, or bits do not pay. */
bool rel_run_closure(rel_engine *e, rel_stratum *stratum);
bool rel_run_linear(rel_engine *e, rel_stratum *stratum);
bool rel_is_closure(rel_engine *e, const rel_stratum *stratum);   /* of the form, that is */
bool rel_is_linear(rel_engine *e, const rel_stratum *stratum);
bool rel_deltas_fit(rel_engine *e, const rel_stratum *stratum);
void rel_push_pending(rel_relation *r, uint32_t row);   /* of a valued relation run by deltas */
int64_t rel_rounds_allowed(const rel_engine *e, const rel_stratum *stratum, int64_t otherwise);
int64_t rel_index_of(const rel_dense *d, int position, int64_t key);   /* -1: there is none */
void rel_fetch_dense(rel_dense *d);
/* RULE, or a copy that reads projections where it must not count. */
const rel_rule *rel_project(rel_engine *e, const rel_rule *rule);
void rel_forget_goals(rel_engine *e);
/* The relation made for a question with keys in TERM alone; NULL: make R whole instead. */
rel_relation *rel_ask(rel_relation *r, const rel_term *term);
/* *AT, a pointer to USED bytes of the heap that belong to S, points to BYTES instead. */
void rel_grow(rel_store *s, void *at, size_t used, size_t bytes);

#endif
