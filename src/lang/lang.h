/* lang: the language. Text becomes a tree (ast.h), the tree is checked into tensor equations (a
 * lang_program), and its commands and queries are carried out by the interpreter. */
#ifndef TL_LANG_H
#define TL_LANG_H

#include "io/io.h"
#include "lang/ast.h"
#include "rel/rel.h"
#include "run/run.h"
#include "train/train.h"

/* ---- a checked program ----------------------------------------------------------------------- */

/* symbols in order; position i of a tensor over it stands for symbol[i] */
typedef struct lang_domain {
  const char *name;                /* NULL: not named */
  int64_t n;
  const char **symbol;
  base_map *number;                /* symbol to &symbol[i] */
  /* made by chars, words or bytes: encodes prompts, decodes tokens; else NULL */
  const io_text *text;
} lang_domain;

typedef enum lang_source_kind {
  LANG_DERIVED,                    /* by equations */
  LANG_DATA,                       /* a list, elements, a file: an IR_INPUT with `data` */
  LANG_PARAMETER,                  /* an IR_STATE with an initialiser; learned unless fixed */
  /* declared, to be set by the caller: an IR_INPUT, zeros until set */
  LANG_GIVEN,
} lang_source_kind;

typedef enum lang_start {          /* how the elements of a parameter begin */
  LANG_START_DATA,                 /* as `data` */
  LANG_START_CONSTANT,             /* all `amount` */
  LANG_START_NORMAL,               /* drawn, `amount` the standard deviation */
  LANG_START_UNIFORM,              /* drawn from -amount .. amount */
  LANG_START_FROM,                 /* as the value of `from` */
} lang_start;

/* A relation, or the keys of a sparse tensor's elements: tuples that the engine makes. */
typedef struct lang_relation {
  const char *name;
  rel_relation *rel;               /* in program->engine */
  int arity;
  lang_domain **domain;            /* by position: declared, or all that may stand there; or NULL */
  struct lang_tensor *tensor;      /* whose keys; NULL: a relation */
  base_span span;
} lang_relation;

typedef struct lang_tensor {
  const char *name;
  ir_tensor *ir;                   /* in program->ir */
  lang_source_kind kind;
  lang_domain **domain;            /* by position; NULL where it holds integers */
  lang_relation *keys;             /* of a sparse one: IR holds its elements, in their order */
  /* of the elements, if they are token numbers (Text, slices and gathers of it); else NULL */
  lang_domain *tokens;
  io_array *data;                  /* DATA: its elements */
  lang_expr *start;                /* PARAMETER: its initialiser as written; NULL: `data` */
  lang_start how;                  /* ... and what it means */
  double amount;
  struct lang_tensor *from;
  struct lang_generate *text;      /* DERIVED, but an IR_INPUT: what a model writes; else NULL */
  bool fixed;
  bool answer;                     /* of a query; the text does not name it */
  base_span span;
} lang_tensor;

typedef struct lang_with {         /* `with X = Z` */
  lang_tensor *tensor;             /* what is replaced */
  lang_tensor *by;                 /* by the value of this one: same sizes and type */
} lang_with;

typedef struct lang_minimize {
  lang_tensor *loss;
  bool maximize;
  train_optimizer optimizer;
  train_schedule schedule;
  int64_t steps, every, batch;     /* batch 0: all */
  /* `batch=e:64`: the leaves that e runs over, and at which position */
  int nbatched; lang_tensor **batched;
  int *position;
  double tolerance;
} lang_minimize;

typedef struct lang_generate {
  /* P[p,t] as written, its own derived tensor: [positions, tokens] */
  lang_tensor *probability;
  lang_tensor *tokens;             /* what is replaced by the prompt (Tok in Tok[0,p]) */
  int64_t *at;                     /* its fixed positions, -1 for the running one */
  lang_domain *domain;
  const char *prompt;
  int64_t steps;
  double temperature;
} lang_generate;

typedef struct lang_settle {       /* how equations that need each other are solved, from here on */
  lang_tensor *tensor;
  ir_settle how;
} lang_settle;

typedef enum lang_verb {
  LANG_DO_QUERY,
  LANG_DO_PRINT,
  LANG_DO_WRITE,
  LANG_DO_MINIMIZE,
  LANG_DO_SAVE,
  LANG_DO_LOAD,
  LANG_DO_SEED,
  LANG_DO_ROUNDS,
  LANG_DO_SETTLE
} lang_verb;

typedef struct lang_item {         /* something to print, query or write */
  enum {
    LANG_SHOW_TENSOR,
    LANG_SHOW_TEXT,
    LANG_SHOW_DECODED,
    LANG_SHOW_GENERATED,
    LANG_SHOW_TUPLES,              /* of a relation */
    LANG_SHOW_ELEMENTS,            /* of a sparse tensor */
  } show;
  lang_tensor *tensor;             /* TENSOR; DECODED: of tokens */
  const char *text;
  lang_generate *generate;         /* GENERATED; decoded if `decode` */
  bool decode;
  const char *label;               /* the source text of the expression */
  int64_t first;                   /* X[4:8]? : the key of the first row */
  lang_relation *relation;         /* TUPLES, ELEMENTS: those that match */
  rel_term *term;                  /* ... variables numbered in the order they are shown in */
  int shown;                       /* ... so many */
} lang_item;

typedef struct lang_action {       /* a command or query, resolved: in the order written */
  lang_verb verb;
  lang_stmt *stmt;                 /* for its source text and span */
  int n; lang_item *item;          /* QUERY: 1; PRINT: any; WRITE: 1 */
  int nwith; lang_with *with;      /* QUERY */
  const char *path;                /* WRITE, SAVE, LOAD */
  lang_minimize *minimize;
  lang_settle *settle;             /* ROUNDS, SETTLE */
  int64_t number;                  /* SEED */
} lang_action;

/* a size that is a symbol, so that batches are the same program */
typedef struct lang_size {
  const ir_symbol *symbol;
  int64_t value;                   /* of the whole data */
  rel_relation *of;                /* not NULL: the number of its tuples, or, at a position, */
  int position;                    /* ... its largest number + 1; else -1 */
} lang_size;

/* An i64 INPUT with an element for each tuple of OF: what stands at POSITION, symbols as numbers in
 * DOMAIN; or, if IN is not NULL, which tuple of IN has these TERMs (REL_VAR: a position of OF), -1
 * where there is none. */
typedef struct lang_column {
  ir_tensor *ir;
  rel_relation *of, *in;
  int position;
  const lang_domain *domain;
  rel_term *term;
} lang_column;

/* A tensor that rules read. SPARSE: its values, held by VALUES; else as the engine fetches it. */
typedef struct lang_reading {
  struct lang_program *program;
  lang_tensor *tensor;
  rel_dense *dense;
  rel_relation *values;
  base_arena *held;                /* where what was fetched lies; NULL: nothing was */
} lang_reading;

typedef struct lang_program {
  base_ctx *ctx;
  base_arena *arena;
  /* the master: every tensor of the program; extracts of it are run */
  ir_program *ir;
  BASE_VEC(lang_tensor *) tensors; /* those with names in the text, and those of queries */
  base_map *named;                 /* the same by name */
  BASE_VEC(lang_action) actions;
  BASE_VEC(lang_size) sizes;
  BASE_VEC(lang_source) sources;   /* texts read, for diagnostics */
  BASE_VEC(lang_ast *) asts;       /* ... and their trees */
  /* the generator's key, rank-0 i64 IR_STATE; NULL: nothing is drawn */
  ir_tensor *draw;
  rel_engine *engine;              /* relations and their rules; NULL: there are none */
  BASE_VEC(lang_relation *) relations;
  base_map *related;               /* the same by name; those of sparse tensors too */
  BASE_VEC(lang_column) columns;
  BASE_VEC(lang_reading *) readings;
  /* that carries it out: the engine asks it for tensors. One at a time, if there are relations */
  struct lang_machine *machine;
} lang_program;

typedef struct lang_options {
  ir_type type;                    /* of lists and undeclared heads; IR_F32 unless told */
  const char *folder;              /* paths are relative to it; NULL: to the file's */
  const ir_function *const *functions;   /* in C, that the text may name; they outlive it */
  int nfunctions;
  lang_report *report;             /* gets all errors, the first of which is raised; NULL: one */
} lang_options;

/* Parse, resolve, infer sizes and types, place the sums. Reads the files it names. Raises
 * BASE_REFUSED or BASE_IO. */
lang_program *lang_check(base_arena *arena, const char *file, const char *text, size_t n,
                         const lang_options *options);

/* A program may come in pieces, one after the other. */
typedef struct lang_piece {
  const char *file, *text;
  size_t n;
  bool past;                       /* carried out before: only what it defines counts */
  bool *gone;                      /* by statement: a later piece took its place; NULL: none */
} lang_piece;
lang_program *lang_check_pieces(base_arena *arena, int n, const lang_piece *piece,
                                const lang_options *options);

/* Mark in the N PIECES what the statements of the last take the place of: those with the same left
 * side; all of a name that is defined in another way. A `+=`, a further `max=` or rule adds. */
void lang_replace(base_arena *arena, int n, lang_piece *piece);
void lang_forget(base_arena *arena, lang_piece *piece, const char *name);
/* Put the names that it defines into NAMES, as keys. */
void lang_defined(base_arena *arena, const lang_piece *piece, base_map *names);
/* Its definitions as written, one a line. */
void lang_lasting(base_arena *arena, const lang_piece *piece, base_text *out);
/* `W : f32[784, 128]   # a parameter` and a line end; false: there is no such tensor. */
bool lang_describe(const lang_program *p, const char *name, base_text *out);
/* The words and names that begin with PREFIX, one a line. */
void lang_complete(const lang_program *p, const char *prefix, base_text *out);
/* Does a line that ends here go on in the next? A bracket is open, or an operator stands last. */
bool lang_unfinished(base_ctx *ctx, const char *text);
lang_tensor *lang_find(const lang_program *program, const char *name);   /* NULL: no such tensor */
/* NULL: no such relation or sparse tensor */
lang_relation *lang_find_relation(const lang_program *program, const char *name);

/* One or more equations for the C API: NAMES are bound to TENSORS of P, whose sizes may be symbols.
 * Sizes that must agree and are not plainly equal become requires. Returns the tensor of the last
 * head. *DRAW is the generator's key, made if the equations draw and it is NULL. */
ir_tensor *lang_equations(ir_program *p, const lang_ast *ast, int n, const char *const *name,
                          ir_tensor *const *tensor, ir_type type, ir_tensor **draw);
/* The same; FOUND[i] is the tensor named WANTED[i], an argument or a head. */
void lang_equations_of(ir_program *p, const lang_ast *ast, int n, const char *const *name,
                       ir_tensor *const *tensor, ir_type type, ir_tensor **draw, int nfound,
                       const char *const *wanted, ir_tensor **found);

/* ---- carrying it out ------------------------------------------------------------------------- */

typedef struct lang_output {       /* where results go */
  void (*put)(void *user, const char *text, size_t n);       /* queries and print */
  void (*progress)(void *user, const char *line);            /* training progress; NULL: none */
  void *user;
  bool json;
  bool brief;                      /* large values are cut, for people */
} lang_output;

/* a program with its values: parameters, data, generator */
typedef struct lang_machine lang_machine;

/* heap; closed by: */
lang_machine *lang_machine_open(run_session *s, lang_program *program, const lang_output *output);
void lang_machine_close(lang_machine *m);
/* all actions, in order */
void lang_machine_run(lang_machine *m);
/* Take over from OLD the values of leaves that are still what they were, and its draws. CHANGED
 * names what its program's newest piece defines. */
void lang_machine_adopt(lang_machine *m, const lang_machine *old, const base_map *changed);
/* computed now; a new reference */
run_value *lang_machine_value(lang_machine *m, lang_tensor *t);
/* DATA, PARAMETER, GIVEN; raises if it does not fit */
void lang_machine_set(lang_machine *m, lang_tensor *t, run_value *v);

/* What a question asks for. Keys are sorted; they, and values, lie in the arena of the asking. */
typedef struct lang_rows {
  int64_t n;
  int width;                       /* columns: the question's variables as they come */
  const char *const *name;         /* of the variables; "": a position that has none */
  const int64_t **column;
  lang_domain *const *domain;      /* by column: what its numbers stand for; NULL */
  const rel_engine *engine;        /* of keys that are symbols; NULL: there are none */
  bool valued;                     /* elements of a tensor, of a computed type */
  ir_type type;
  const rel_number *value;
} lang_rows;
/* QUESTION is the text of one query; false: it is more than a pattern of one name. */
bool lang_machine_ask(lang_machine *m, base_arena *arena, const lang_ast *question,
                      lang_rows *rows);
/* The same of the program's last query. */
void lang_machine_answer(lang_machine *m, base_arena *arena, lang_rows *rows);
const char *lang_rows_symbol(const lang_rows *rows, int k, int64_t i);   /* NULL: a number */
/* A key from outside: a symbol, or, SYMBOL NULL, a number. */
typedef struct lang_cell {
  const char *symbol;
  int64_t number;
} lang_cell;
/* The facts of the relation or table NAME are these N rows of ARITY cells, and no others; VALUE:
 * of a table. They stay when another machine adopts this one. Raises if they cannot be set. */
void lang_machine_facts(lang_machine *m, const char *name, int arity, int64_t n,
                        const lang_cell *cell, const double *value);

/* What each of its commands and queries would run: kernels, costs, implementations, and why others
 * declined; of a program without any, what each derived tensor would. */
void lang_machine_explain(lang_machine *m, base_text *out, bool json);

/* The gradient of LOSS by every parameter (or by WRT, if named) as a program in the language. */
void lang_gradient_text(lang_program *program, const char *loss, const char *wrt, base_text *out);

#endif
