/* Equations from text: as the language writes them, every product with its sign. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lab.h"

typedef struct reader {
  lab *l;
  const char *at;
  base_map *index;  /* name -> ir_index */
  base_map *extent; /* name -> extent, of indices */
} reader;

int open_lab(void **state) {
  lab *l = calloc(1, sizeof *l);
  l->ctx = base_open(NULL);
  l->arena = base_arena_open(l->ctx);
  l->p = ir_program_open(l->arena);
  *state = l;
  return 0;
}

int close_lab(void **state) {
  lab *l = *state;
  base_arena_close(l->arena);
  size_t left = base_heap_count(l->ctx);
  base_close(l->ctx);
  free(l);
  return left != 0;
}

ir_tensor *tensor(lab *l, const char *name) {
  for (int i = 0; i < l->p->tensors.n; i++)
    if (strcmp(l->p->tensors.at[i]->name, name) == 0) return l->p->tensors.at[i];
  return NULL;
}

static const ir_symbol *symbol(lab *l, const char *name) {
  for (int i = 0; i < l->p->symbols.n; i++)
    if (strcmp(l->p->symbols.at[i]->name, name) == 0) return l->p->symbols.at[i];
  return NULL;
}

void size(lab *l, const char *name, int64_t value) {
  l->symbol[ir_symbol_new(l->p, name, false, 0)->id] = value;
}

/* ---- words ----------------------------------------------------------------------------------- */

static _Noreturn void lost(reader *r, const char *what) {
  fail_msg("%s at: %s", what, r->at);
  abort();
}

static bool meets(reader *r, const char *word) {
  while (*r->at == ' ') r->at++;
  return strncmp(r->at, word, strlen(word)) == 0;
}

static bool took(reader *r, const char *word) {
  if (!meets(r, word)) return false;
  r->at += strlen(word);
  return true;
}

static void take(reader *r, const char *word) {
  if (!took(r, word)) lost(r, word);
}

static char *name(reader *r) {
  while (*r->at == ' ') r->at++;
  const char *from = r->at;
  while (isalnum((unsigned char)*r->at) || *r->at == '_' || *r->at == '\'') r->at++;
  if (r->at == from) lost(r, "a name");
  return base_copy_n(r->l->arena, from, (size_t)(r->at - from));
}

/* ---- expressions ----------------------------------------------------------------------------- */

static const ir_expr *expression(reader *r, int level);

static int positions(reader *r, const ir_expr **position) {
  int n = 0;
  if (!took(r, "[")) return 0;
  do position[n++] = expression(r, 0);
  while (took(r, ","));
  take(r, "]");
  return n;
}

static const ir_expr *call(reader *r, const char *function) {
  const ir_expr *arg[3] = {0};
  int n = 0;
  take(r, "(");
  do arg[n++] = expression(r, 0);
  while (took(r, ","));
  take(r, ")");
  for (int i = 0; i < IR_TYPES; i++)
    if (strcmp(ir_type_name((ir_type)i), function) == 0)
      return ir_cast(r->l->p, arg[0], (ir_type)i);
  for (int i = 0; i < IR_OPS; i++)
    if (strcmp(ir_ops[i].spelling, function) == 0 && ir_ops[i].arity == n)
      return ir_apply(r->l->p, (ir_op)i, arg);
  lost(r, "an operation");
}

static const ir_expr *named(reader *r) {
  const char *word = name(r);
  ir_program *p = r->l->p;
  if (meets(r, "(")) return call(r, word);
  if (strcmp(word, "inf") == 0) return ir_real(p, IR_F64, (double)INFINITY);
  ir_tensor *t = tensor(r->l, word);
  if (t) {
    const ir_expr *position[16];
    if (positions(r, position) != t->rank) lost(r, "as many positions as its rank");
    return ir_read(p, t, position);
  }
  if (symbol(r->l, word)) return ir_size(p, symbol(r->l, word));
  ir_index *index = base_map_get_s(r->index, word);
  if (!index) {
    const ir_expr *extent = base_map_get_s(r->extent, word);
    if (!extent) lost(r, base_format(r->l->arena, "the extent of %s", word));
    index = ir_index_new(p, word, extent);
    base_map_put_s(r->index, word, index);
  }
  return ir_use(p, index);
}

static const ir_expr *atom(reader *r) {
  if (took(r, "-")) return ir_unary(r->l->p, IR_NEG, expression(r, 5));
  if (took(r, "(")) {
    const ir_expr *e = expression(r, 0);
    take(r, ")");
    return e;
  }
  if (!isdigit((unsigned char)*r->at)) return named(r);
  char *end, *integer_end;
  double value = strtod(r->at, &end);
  long long integer = strtoll(r->at, &integer_end, 10);
  r->at = end;
  return end == integer_end ? ir_int(r->l->p, integer) : ir_real(r->l->p, IR_F64, value);
}

static const struct {
  const char *word;
  ir_op op;
  int level;
} infix[] = {{"or ", IR_OR, 1}, {"and ", IR_AND, 2}, {"==", IR_EQ, 3}, {"!=", IR_NE, 3},
             {"<=", IR_LE, 3},  {"<", IR_LT, 3},     {"+", IR_ADD, 4}, {"-", IR_SUB, 4},
             {"*", IR_MUL, 5},  {"//", IR_QUO, 5},   {"/", IR_DIV, 5}, {"%", IR_MOD, 5},
             {"^", IR_POW, 6}};

static const ir_expr *expression(reader *r, int level) {
  const ir_expr *e = atom(r);
  for (size_t i = 0; i < sizeof infix / sizeof *infix;) {
    if (infix[i].level <= level || !took(r, infix[i].word)) {
      i++;
      continue;
    }
    e = ir_binary(r->l->p, infix[i].op, e, expression(r, infix[i].level));
    i = 0;
  }
  return e;
}

/* ---- declarations and equations -------------------------------------------------------------- */

static reader reader_of(lab *l, const char *text) {
  return (reader){l, text, base_map_open(l->arena), base_map_open(l->arena)};
}

static ir_tensor *declare(lab *l, const char *declaration, ir_role role) {
  reader r = reader_of(l, declaration);
  const char *word = name(&r);
  take(&r, ":");
  const char *type_name = name(&r);
  const ir_expr *extent[16];
  int rank = positions(&r, extent);
  for (int type = 0; type < IR_TYPES; type++)
    if (strcmp(ir_type_name((ir_type)type), type_name) == 0)
      return ir_tensor_new(l->p, word, (ir_type)type, rank, extent, role);
  lost(&r, "a type");
}

ir_tensor *declared(lab *l, const char *declaration) { return declare(l, declaration, IR_DERIVED); }

ir_tensor *given(lab *l, const char *declaration) {
  ir_tensor *t = declare(l, declaration, IR_INPUT);
  double value[4096];
  int n = (int)elements(l, t);
  for (int i = 0; i < n; i++) /* no two of a tensor equal, some negative */
    value[i] =
        ir_type_real(t->type) ? ((i * 37 + t->id * 11) % 101 - 40) / 40.0 + 0.001 * i : i % 3;
  fill(l, t, n, value);
  return t;
}

/* What indices run over: a bare position of a tensor that is known. */
static void find_extents(reader *r, const char *text) {
  for (const char *open = strchr(text, '['); open; open = strchr(open + 1, '[')) {
    const char *from = open;
    while (from > text && (isalnum((unsigned char)from[-1]) || from[-1] == '_' || from[-1] == '\''))
      from--;
    ir_tensor *t = tensor(r->l, base_copy_n(r->l->arena, from, (size_t)(open - from)));
    const char *at = open;
    for (int k = 0; t && k < t->rank && (at == open || *at == ','); k++) {
      const char *word = ++at;
      while (isalnum((unsigned char)*at) || *at == '\'') at++;
      char *index = base_copy_n(r->l->arena, word, (size_t)(at - word));
      bool bare = at > word && islower((unsigned char)*word) && (*at == ',' || *at == ']');
      if (bare && !base_map_get_s(r->extent, index))
        base_map_put_s(r->extent, index, (void *)t->size[k]);
      for (int depth = 0; *at && (depth > 0 || (*at != ',' && *at != ']')); at++)
        depth += (*at == '[') - (*at == ']');
    }
  }
}

static ir_agg aggregation(reader *r) {
  static const ir_agg all[] = {IR_SUM, IR_MAX, IR_MIN, IR_PROD, IR_SET};
  for (int i = 0; i < 5; i++)
    if (took(r, ir_agg_spelling(all[i]))) return all[i];
  lost(r, "an operator");
}

static ir_tensor *new_head(reader *r, const char *word, int rank, const ir_expr *const *lhs) {
  const ir_expr *extent[16];
  for (int k = 0; k < rank; k++) {
    if (lhs[k]->op != IR_INDEX) lost(r, "a declared head");
    extent[k] = lhs[k]->u.index->extent;
  }
  return ir_tensor_new(r->l->p, word, IR_F64, rank, extent, IR_DERIVED);
}

ir_tensor *eq(lab *l, const char *text) {
  reader r = reader_of(l, text);
  const char *extents = strchr(text, ';');
  if (extents) {
    r.at = extents + 1;
    do {
      const char *index = name(&r);
      take(&r, "<");
      base_map_put_s(r.extent, index, (void *)expression(&r, 0));
    } while (took(&r, ","));
    text = base_copy_n(l->arena, text, (size_t)(extents - text));
  }
  find_extents(&r, text);
  r.at = text;
  const char *word = name(&r);
  const ir_expr *lhs[16];
  int rank = positions(&r, lhs);
  ir_agg agg = aggregation(&r);
  ir_tensor *head = tensor(l, word);
  if (!head) head = new_head(&r, word, rank, lhs);
  ir_define(l->p, head, agg, lhs, expression(&r, 0));
  if (*r.at && !meets(&r, "\0")) lost(&r, "the end");
  return head;
}

/* ---- back to text ---------------------------------------------------------------------------- */

const char *text_of(lab *l, const ir_tensor *t) {
  base_text text = base_text_open(l->arena);
  for (int i = 0; i < t->eqs.n; i++) {
    if (i > 0) base_put(&text, "\n");
    ir_print_eq(&text, t->eqs.at[i]);
  }
  return text.at;
}

const char *text_of_all(lab *l) {
  base_text text = base_text_open(l->arena);
  ir_print(&text, l->p);
  return text.at;
}
