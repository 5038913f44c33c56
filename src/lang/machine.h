/* machine: what the parts of the interpreter share; private to carrying out a program.
 *
 *   machine.c     values of leaves, commands in order      start.c      how parameters begin
 *   part.c        what some tensors need, run              query.c      query, print, write
 *   minimize.c    training                                 generate.c   a model's own text
 *   write.c       values into files                        checkpoint.c save, load
 *   format.c      values as text                           json.c       ... and as JSON
 *   checkpoint.c  save, load                               relations.c  tuples, and columns of
 *                                                                       them for kernels
 *   rows.c        what a question asks for                 facts.c      given by the caller */
#ifndef TL_LANG_MACHINE_H
#define TL_LANG_MACHINE_H

#include "lang/lang.h"

typedef struct machine_facts machine_facts;

struct lang_machine {
  base_ctx *ctx;
  base_arena *arena;
  run_session *session;
  lang_program *program;
  lang_output output;
  run_value **value;             /* of leaves, by id in program->ir; NULL: not needed yet */
  lang_tensor **tensor;          /* by id in program->ir; NULL: has no name */
  int64_t *symbols;              /* sizes that are symbols, of the whole data */
  const lang_size **relational;  /* by symbol: those that count tuples; NULL: another */
  const lang_column **column;    /* by id in program->ir; NULL: no column of a relation */
  int64_t epoch, related;        /* values changed so often; the engine knows of so many */
  int nwith;                     /* what a query replaces, for what rules read */
  const lang_with *with;
  int64_t *made;                 /* by id: the epoch that a column is of */
  machine_facts *facts;          /* that the caller gave, by name */
  int64_t seed;
  int64_t generated;             /* texts generated since the seed was set */
};

/* machine.c. A job's arena holds whatever one command needs, and is closed behind it. */
run_value *machine_leaf(lang_machine *m, const ir_tensor *leaf);   /* not a new reference */
run_value *machine_hold(base_arena *job, run_value *v);            /* released with JOB */
int64_t machine_size(lang_machine *m, const ir_tensor *t, int k);
run_value *machine_zeros(lang_machine *m, base_arena *job, const ir_tensor *like, ir_type type);
int64_t machine_key(const lang_machine *m);                        /* of draws, from the seed */
/* Takes the reference. */
void machine_replace(lang_machine *m, const ir_tensor *leaf, run_value *v);

/* start.c */
void machine_start(lang_machine *m, const lang_tensor *t, void *data, int64_t n);

/* part.c: an extract of the program, its plan, and a value for each of its leaves */
typedef struct machine_part {
  lang_machine *m;
  base_arena *job;
  ir_program *p;
  ir_tensor **map;               /* by id in program->ir: the tensor in p, or NULL */
  run_plan *plan;
  int nleaf;
  ir_tensor **leaf;              /* in the order of the plan */
  run_value **value;
} machine_part;
machine_part machine_extract(lang_machine *m, base_arena *job, ir_tensor *wanted, int nreplaced,
                             ir_tensor *const *replaced);
/* The extract may have got more equations in between. Leaves that are new have no value yet. */
void machine_plan(machine_part *part);
/* No new reference. */
void machine_give(machine_part *part, const ir_tensor *leaf, run_value *v);
run_value *machine_run_part(machine_part *part);         /* its output, held by the job */
/* The value of T, other leaves and tensors replaced; held by JOB. */
run_value *machine_value(lang_machine *m, base_arena *job, const lang_tensor *t, int nwith,
                         const lang_with *with);
/* V, if it is of that type already. */
run_value *machine_convert(base_arena *job, run_value *v, ir_type type);

/* relations.c */
void machine_open_relations(lang_machine *m);
/* The engine learns that tensors have changed. */
void machine_relate(lang_machine *m);
/* Its value of a size that counts tuples. */
void machine_symbol(lang_machine *m, const ir_symbol *symbol);
/* The tuples' column, or a table's values; NULL: LEAF is another. A new reference. */
run_value *machine_tuples(lang_machine *m, const ir_tensor *leaf);
void machine_put_relation(lang_machine *m, base_arena *job, const lang_item *item, base_text *text,
                          bool json);

/* facts.c */
void machine_adopt_facts(lang_machine *m, const lang_machine *old, const base_map *changed);
void machine_drop_facts(lang_machine *m);

/* query.c, minimize.c, generate.c, checkpoint.c */
void machine_query(lang_machine *m, base_arena *job, const lang_action *a);
void machine_print(lang_machine *m, base_arena *job, const lang_action *a);
void machine_write(lang_machine *m, base_arena *job, const lang_action *a);
void machine_minimize(lang_machine *m, base_arena *job, const lang_action *a);
/* The program of a training step, bound to what it starts from; nothing runs. */
machine_part machine_training(lang_machine *m, base_arena *job, const lang_action *a);
io_array machine_generate(lang_machine *m, base_arena *job, const lang_generate *g);
void machine_save(lang_machine *m, base_arena *job, const char *path);
void machine_load(lang_machine *m, base_arena *job, const char *path, base_span span);

/* format.c, json.c */
typedef struct machine_view {    /* elements on the host, and what names their positions */
  ir_type type;
  int rank;
  int64_t size[RUN_RANK];
  const void *data;
  lang_domain *const *domain;    /* NULL: none */
  int64_t first;                 /* the number of the first row */
  bool brief;                    /* large ones are cut */
} machine_view;
/* What an item stands for: text, or elements. */
typedef struct machine_shown {
  bool is_text;
  const char *text;
  size_t length;
  machine_view view;
} machine_shown;
machine_shown machine_show(lang_machine *m, base_arena *job, const lang_item *item, int nwith,
                           const lang_with *with);
machine_view machine_view_of(base_arena *job, const run_value *v, const lang_item *item);
bool machine_named(const machine_view *v);               /* some position has symbols */
/* The shortest that reads back. */
void machine_put_number(base_text *text, ir_type type, double x);
void machine_put_value(base_text *text, const char *label, const machine_view *v);
void machine_put_json(base_text *text, const machine_view *v);
void machine_put_string(base_text *text, const char *s, size_t n);      /* quoted as in JSON */
void machine_put_short(base_text *text, const machine_view *v, int64_t i);   /* for people */
void machine_put_element(base_text *text, const machine_view *v, int64_t i, bool json);
bool machine_is_plain(const char *symbol);               /* shown without quotes */
/* Each element once, keys in order: numbers by value, symbols by name. */
void machine_each(base_arena *job, const machine_view *v,
                  void (*visit)(void *arg, const int64_t *key, int64_t at), void *arg);

#endif
