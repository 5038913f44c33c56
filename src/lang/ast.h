/* ast: the tree that parsing makes of a program, before any name is resolved, and what can be
 * done to a tree without knowing what its names stand for: print it, point at its source.
 *
 * Everything lies on the arena given to lang_parse. Names are interned: within one lang_ast equal
 * names are the same pointer. No tree is deeper than LANG_MAX_DEPTH, so walkers may recurse. */
#ifndef TL_LANG_AST_H
#define TL_LANG_AST_H

#include "base/base.h"

enum { LANG_MAX_DEPTH = 500 };

/* ---- expressions ----------------------------------------------------------------------------
 * One node type. Children are at[0..n), in source order; `name` where the form below has one.
 * Parentheses leave no node: they show in the nesting (`(A B) C` is a join that holds a join). */

typedef enum lang_kind {
  LANG_NUMBER,     /* 2   1e-3   inf   -1      value; integer too, if `whole`. A minus sign right
                                               before a literal is folded into it */
  LANG_STRING,     /* "The "                   name is the text, escapes resolved, `length` bytes */
  LANG_NAME,       /* x   i'   Loss   p.       index, scalar, symbol, variable; `marked` by a dot */
  LANG_WILD,       /* _                        only in an index position */
  LANG_VIRTUAL,    /* *t                       name is "t"; *t+1 is a LANG_SUM that holds it */
  LANG_READ,       /* Emb[Tok[p], 2*i+1, L]    at: the index positions, n >= 1 */
  LANG_ATOM,       /* Parent(Alice, x)         capitalised, `(` right behind; at: the positions */
  LANG_CALL,       /* softmax[p'](e, lr=2)     at: arguments; index[0..nindex): NAMEs in brackets */
  LANG_KEYWORD,    /* lr=1e-3                  name, at[0]; stands in argument lists only */
  LANG_SLICE,      /* 4:8   4:   :8   :        at[0], at[1], NULL where left out; a whole index
                                               position. Also batch=e:64, a keyword's value */
  LANG_LIST,       /* [1, 2; 3, 4]             at: elements; rows by `;` are lists in a list */
  LANG_POWER,      /* a^b                      at[0], at[1] */
  LANG_NEGATE,     /* -a                       at[0] */
  LANG_JOIN,       /* A[i] B[j] 2              at: the juxtaposed factors, n >= 2 */
  LANG_MULTIPLY,   /* a * b                    at[0], at[1] */
  LANG_DIVIDE,     /* a / b                    floor division in an index position */
  LANG_MODULO,     /* a % b */
  LANG_SUM,        /* a + b - c                at: the terms, n >= 2; a subtracted one is negated:
                                               NEGATE, or a NUMBER with its sign turned */
  LANG_EQUAL,      /* a == b */
  LANG_UNEQUAL,    /* a != b */
  LANG_LESS,       /* a < b */
  LANG_AT_MOST,    /* a <= b */
  LANG_MORE,       /* a > b */
  LANG_AT_LEAST,   /* a >= b */
  LANG_NOT,        /* not a                    at[0] */
  LANG_AND,        /* a and b                  at[0], at[1] */
  LANG_OR,         /* a or b                   at[0], at[1] */
  LANG_BIND,       /* v = e                    at[0], at[1]; an item of a rule's body only */
} lang_kind;

typedef struct lang_expr lang_expr;
struct lang_expr {
  lang_kind kind;
  bool whole;              /* NUMBER: written as an integer that fits `integer` */
  bool marked;             /* NAME in a head position: `t.` */
  short depth;             /* 1 for a leaf */
  int n, nindex;
  base_span span;
  const char *name;
  lang_expr **at;
  lang_expr **index;       /* CALL */
  union {
    double value;          /* NUMBER */
    size_t length;         /* STRING */
  };
  int64_t integer;         /* NUMBER that is whole */
};

/* ---- statements ------------------------------------------------------------------------------ */

typedef enum lang_form {
  LANG_EQUATION,   /* X[i,*t+1] = sig(W[i,j] X[j,*t])   P[x/S] max= F[x]   Even(d) = d % 2 == 0 */
  LANG_FILE,       /* X = "x.npy"   Parent(x,y) = "p.tsv"   W[x,y] = "w.tsv" */
  LANG_WRITE,      /* "y.npy" = Y */
  LANG_FACT,       /* Parent(Alice, Bob), Parent(Bob, Carol)   Rain. */
  LANG_RULE,       /* Aunt(x,z) <- Sister(x,y), Parent(y,z), not Dead(x), n = y + 1 */
  LANG_DECLARE,    /* W : f32[784, 128] ~ normal(0.02) fixed   Parent : bool(Person, Person) */
  LANG_DOMAIN,     /* Thing : {A, B, C}   Char : domain(Text) */
  LANG_FUNCTION,   /* f(x, T) = sig(x, T) */
  LANG_COMMAND,    /* minimize(Loss, adamw(lr=1e-3), batch=e:64)   import "x.tl"   default f16 */
  LANG_QUERY,      /* Y[3]?   Ancestor(Alice, x)?   Loss? with X = Z, T = "t.npy" */
} lang_form;

typedef enum lang_op { LANG_SET, LANG_ADD, LANG_MAX, LANG_MIN, LANG_AVG, LANG_PROD } lang_op;
                    /* =         +=        max=      min=      avg=      prod= */

typedef enum lang_type {
  LANG_F16, LANG_BF16, LANG_F32, LANG_F64, LANG_I32, LANG_I64, LANG_BOOL,
} lang_type;

/* A head is a LANG_NAME (no positions), LANG_READ (brackets) or LANG_ATOM (parentheses). */
typedef struct lang_stmt lang_stmt;
struct lang_stmt {
  lang_form form;
  base_span span;          /* of the whole statement, on its first line */
  const char *source;      /* its text as written, without the end mark */
  union {
    struct { lang_expr *head; lang_op op; lang_expr *right; } equation;
    struct { lang_expr *head; lang_expr *path; } file;                  /* path: LANG_STRING */
    struct { lang_expr *path; lang_expr *right; } write;
    struct { lang_expr **at; int n; } fact;                             /* ATOMs, or one NAME */
    struct { lang_expr *head; lang_expr **body; int n; } rule;
    struct {
      lang_expr *name;     /* LANG_NAME */
      lang_type type;
      bool sparse;         /* positions in parentheses */
      bool fixed;
      lang_expr **sizes;   /* 128   D   Person   size(Text)   2*D */
      int n;
      lang_expr *start;    /* the initialiser behind ~, NULL: none. STRING is a file */
    } declare;
    struct {
      lang_expr *name;     /* LANG_NAME */
      lang_expr **at;      /* NAME, STRING or whole NUMBER, in the order written */
      int n;
      lang_expr *of;       /* domain(Text): the NAME Text; NULL for a list */
    } domain;
    struct { const char *name; lang_expr **params; int n; lang_expr *right; } function;
    struct { const char *name; lang_expr **at; int n; } command;        /* KEYWORDs among at */
    struct { lang_expr *right; lang_stmt **with; int n; } query;        /* EQUATIONs and FILEs */
  };
};

typedef struct lang_ast {
  const char *file;        /* as given, copied; NULL for text that is no file */
  const char *text;        /* the whole source, copied */
  lang_stmt **at;          /* in source order */
  int n;
} lang_ast;

/* Parse N bytes of program text. Raises BASE_REFUSED with the span, and a message that may end in
 * "\nhelp: ...". FILE may be NULL; it is copied, spans point at the copy. */
lang_ast *lang_parse(base_arena *arena, const char *file, const char *text, size_t n);

/* The same, but errors are kept in REPORT and the tree lacks the statements that are wrong. */
typedef struct lang_report lang_report;
lang_ast *lang_parse_all(base_arena *arena, const char *file, const char *text, size_t n,
                         lang_report *report);

/* ---- names ----------------------------------------------------------------------------------- */

bool lang_is_capital(const char *name);        /* upper-case first: Latin, Greek, Cyrillic */
bool lang_is_function(const char *name);       /* sig, softmax, sum, concat, grad ... */
const char *const *lang_functions(int *n);     /* those built in */
const char *lang_form_of(const char *function);   /* "where(test, yes, no)"; NULL: not built in */
const char *lang_advice(const char *word);        /* what stands here for another language's word */
const char *lang_beginning(const char *word);     /* the same of words that begin statements */
bool lang_is_command(const char *name);        /* import, print, minimize ... */
const char *const *lang_commands(int *n);
bool lang_is_reserved(const char *name);       /* functions; and or not default fixed inf with */
const char *lang_type_name(lang_type type);    /* "f32" */
const char *lang_nearest_type(const char *name);   /* that `float32` means; NULL: none */
const char *lang_op_name(lang_op op);          /* "max=" */
const char *lang_kind_name(lang_kind kind);    /* for messages: "a join", "a number" */

/* ---- printing: program text that parses to the same tree ------------------------------------- */

void lang_print_expr(base_text *out, const lang_expr *e);
void lang_print_stmt(base_text *out, const lang_stmt *s);              /* without a line end */
void lang_print(base_text *out, const lang_ast *ast);                  /* one statement a line */

/* ---- diagnostics ----------------------------------------------------------------------------- */

typedef struct lang_source { const char *file, *text; } lang_source;   /* file NULL: no file */

/* file:line:col: error: message, the source line, carets under the span, help. The text is looked
 * up among SOURCES by the span's file; not found, the first line stands alone. */
void lang_diagnose(base_text *out, const base_error *error, const lang_source *sources, int n);

/* {"status": "refused", "file": ..., "line": ..., "column": ..., "length": ..., "message": ...,
 * "help": ...}, one line; what is not known is left out. */
void lang_diagnose_json(base_text *out, const base_error *error);

/* Several errors of one program: in the order of its text, each once; its texts, for their lines.
 * Zero it before use. */
enum { LANG_ERRORS = 20 };
struct lang_report {
  int n;
  const base_error *error[LANG_ERRORS];
  BASE_VEC(lang_source) sources;
};

void lang_report_source(base_arena *arena, lang_report *r, const char *file, const char *text);
/* Behind a trap: keep the last error, or raise it again: for lack of memory, or of room. */
void lang_report_keep(base_arena *arena, lang_report *r);
void lang_report_raise(base_ctx *ctx, const lang_report *r);   /* the first, if there is one */
void lang_diagnose_all(base_text *out, const lang_report *r, bool json);

/* The candidate nearest to NAME, or NULL if none is near enough to be meant. */
const char *lang_did_you_mean(const char *name, const char *const *candidates, int n);

#endif
