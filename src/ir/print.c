/* print: expressions, equations and programs as the language writes them. */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ir/private.h"

enum { NODES = 20000 };   /* of one text; a tree of a shared expression may be out of bounds */

typedef struct index_name {
  const ir_index *index;
  const char *name;
} index_name;

typedef struct printer {
  base_text *text;
  BASE_VEC(index_name) names;
  int left;                /* nodes that may still be written */
} printer;

/* ---- names of indices ------------------------------------------------------------------------ */

static bool reserved(const char *name) {
  static const char *const words[] = {
      "and", "or", "not", "default", "fixed", "inf", "with", "step", "relu", "gelu", "silu",
      "clamp", "dropout", "softmax", "logsoftmax", "lnorm", "rmsnorm", "argmax", "argmin",
      "sample", "cumsum",
      "sort", "topk", "concat", "uniform", "normal", "bernoulli", "randint", "sum", "avg", "prod",
      "count", "grad", "import", "print", "seed", "save", "load", "rounds", "settle", "minimize",
      "maximize", "zeros", "ones", "constant", "xavier", "he", "domain", "chars", "words", "bytes",
      "decode", "generate", NULL};
  for (int i = 0; words[i] != NULL; i++)
    if (strcmp(words[i], name) == 0) return true;
  for (int i = 0; i < IR_OPS; i++)
    if (strcmp(ir_ops[i].spelling, name) == 0) return true;
  for (int i = 0; i < IR_TYPES; i++)
    if (strcmp(ir_type_name((ir_type)i), name) == 0) return true;
  return false;
}

static bool taken(const printer *r, const char *name) {
  for (int i = 0; i < r->names.n; i++)
    if (strcmp(r->names.at[i].name, name) == 0) return true;
  return reserved(name);
}

static const char *name_of(printer *r, const ir_index *index) {
  for (int i = 0; i < r->names.n; i++)
    if (r->names.at[i].index == index) return r->names.at[i].name;
  base_text name = base_text_open(r->text->arena);
  if (!isalpha((unsigned char)index->name[0])) base_put(&name, "i");
  base_put(&name, index->name);
  name.at[0] = (char)tolower((unsigned char)name.at[0]);
  while (taken(r, name.at)) base_put(&name, "'");
  index_name entry = {index, name.at};
  BASE_PUSH(r->text->arena, &r->names, entry);
  return name.at;
}

/* ---- numbers --------------------------------------------------------------------------------- */

/* The shortest digits that read back as X of its type, with digits on both sides of the point. */
static void put_real(base_text *text, ir_type type, double x) {
  char digits[40];
  for (int n = 1; n <= 17; n++) {
    snprintf(digits, sizeof digits, "%.*g", n, x);
    double back = strtod(digits, NULL);
    if (type == IR_F32 ? (float)back == (float)x : back == x) break;
  }
  char *mark = strchr(digits, 'e');
  if (strchr(digits, '.') != NULL) base_put(text, digits);
  else if (mark == NULL) base_putf(text, "%s.0", digits);
  else base_putf(text, "%.*s.0%s", (int)(mark - digits), digits, mark);
}

static void put_constant(printer *r, const ir_expr *e) {
  if (e->type == IR_I64) base_putf(r->text, "%" PRId64, e->u.integer);
  else if (e->type == IR_BOOL) base_put(r->text, e->u.integer ? "(0 == 0)" : "(0 == 1)");
  else if (isnan(e->u.real)) base_put(r->text, "(inf - inf)");
  else if (isinf(e->u.real)) base_put(r->text, e->u.real < 0 ? "-inf" : "inf");
  else put_real(r->text, (ir_type)e->type, e->u.real);
}

static bool negative_constant(const ir_expr *e) {
  if (e->op != IR_CONST) return false;
  return ir_type_real((ir_type)e->type) ? e->u.real < 0 || (e->u.real == 0 && signbit(e->u.real))
                                        : e->u.integer < 0;
}

/* The constant of a product, which the builders put last. */
static const ir_expr *factor_of(const ir_expr *e) {
  return e->op == IR_MUL && e->arg[1]->op == IR_CONST ? e->arg[1] : NULL;
}

static bool is_negative(const ir_expr *e) {
  return negative_constant(e) || (factor_of(e) != NULL && negative_constant(factor_of(e)));
}

/* ---- levels of precedence -------------------------------------------------------------------- */

typedef enum level { OR, AND, NOT, COMPARE, SUM, PRODUCT, JOIN, SIGN, POWER, ATOM } level;

/* Conversions to a wider type are not written. */
static const ir_expr *bare(const ir_expr *e) {
  while (e->op == IR_CAST && e->u.to == (ir_type)e->type &&
         ir_type_promote((ir_type)e->arg[0]->type, e->u.to) == e->u.to)
    e = e->arg[0];
  return e;
}

static bool square(const ir_expr *e) {
  return e->op == IR_MUL && e->arg[0] == e->arg[1] && ir_type_real((ir_type)e->type);
}

static bool starts_with_digit(const ir_expr *e) {
  e = bare(e);
  if (e->op == IR_CONST) return true;
  if (e->op == IR_MUL && !square(e)) return factor_of(e) != NULL || starts_with_digit(e->arg[0]);
  return (e->op == IR_POW || square(e)) && starts_with_digit(e->arg[0]);
}

static level level_of(const ir_expr *e, bool position);

/* Side by side, without a sign between them? */
static bool joins(const ir_expr *a, const ir_expr *b, bool position) {
  return !position && level_of(a, position) != PRODUCT && !starts_with_digit(b);
}

static level level_of(const ir_expr *e, bool position) {
  e = bare(e);
  switch (e->op) {
    case IR_CONST: return negative_constant(e) ? SIGN : ATOM;
    case IR_OR: return OR;
    case IR_AND: return AND;
    case IR_NOT: return NOT;
    case IR_LT: case IR_LE: case IR_EQ: case IR_NE: return COMPARE;
    case IR_ADD: case IR_SUB: return SUM;
    case IR_MUL:
      if (square(e)) return POWER;
      if (factor_of(e) != NULL)
        return position || starts_with_digit(e->arg[0]) ? PRODUCT : JOIN;
      return joins(e->arg[0], e->arg[1], position) ? JOIN : PRODUCT;
    case IR_DIV: case IR_MOD: return PRODUCT;
    case IR_QUO: return position ? PRODUCT : ATOM;
    case IR_NEG: return SIGN;
    case IR_POW: return POWER;
    default: return ATOM;
  }
}

static void put(printer *r, const ir_expr *e, level least, bool position);

static void put_infix(printer *r, const ir_expr *a, level la, const char *op, const ir_expr *b,
                      level lb, bool position) {
  put(r, a, la, position);
  base_putf(r->text, position ? "%s" : " %s ", op);
  put(r, b, lb, position);
}

/* ---- sums and products ----------------------------------------------------------------------- */

/* E, a negative constant or a product with one, without its sign. */
static void put_positive(printer *r, const ir_expr *e, level least, bool position) {
  ir_program *p = e->table->program;
  const ir_expr *k = e->op == IR_CONST ? e : factor_of(e);
  const ir_expr *minus = ir_type_real((ir_type)k->type) ? ir_real(p, (ir_type)k->type, -k->u.real)
                                                        : ir_int(p, -k->u.integer);
  const ir_expr *positive = minus;
  if (e != k && ir_is_const(minus, 1)) positive = e->arg[0];
  else if (e != k)
    positive = ir_intern(p, IR_MUL, (ir_type)e->type, 0, 2, (const ir_expr *[]){e->arg[0], minus});
  put(r, positive, least, position);
}

static void put_term(printer *r, const ir_expr *e, bool first, bool position) {
  if (is_negative(e)) {
    base_put(r->text, first || position ? "-" : " - ");
    put_positive(r, e, first ? JOIN : PRODUCT, position);
    return;
  }
  if (!first) base_put(r->text, position ? "+" : " + ");
  put(r, e, first ? SUM : PRODUCT, position);
}

/* Integer sums are in canonical order; what is added is written before what is taken away. */
static void put_integer_sum(printer *r, const ir_expr *e, bool position) {
  BASE_VEC(const ir_expr *) terms = {NULL, 0, 0};
  base_arena *arena = r->text->arena;
  for (; e->op == IR_ADD; e = e->arg[0]) BASE_PUSH(arena, &terms, e->arg[1]);
  BASE_PUSH(arena, &terms, e);
  bool first = true;
  for (int negative = 0; negative < 2; negative++)
    for (int i = terms.n - 1; i >= 0; i--) {
      if (is_negative(terms.at[i]) != (negative != 0)) continue;
      put_term(r, terms.at[i], first, position);
      first = false;
    }
}

static void put_sum(printer *r, const ir_expr *e, bool position) {
  if (e->type == IR_I64 && e->op == IR_ADD) {
    put_integer_sum(r, e, position);
  } else if (e->op == IR_SUB) {
    put_infix(r, e->arg[0], SUM, "-", e->arg[1], PRODUCT, position);
  } else {
    put(r, e->arg[0], SUM, position);
    put_term(r, e->arg[1], false, position);
  }
}

static void put_product(printer *r, const ir_expr *e, bool position) {
  const ir_expr *a = e->arg[0], *b = e->arg[1], *k = factor_of(e);
  if (square(e)) {
    put(r, a, ATOM, position);
    base_put(r->text, "^2");
  } else if (k != NULL && ir_is_const(k, -1)) {
    base_put(r->text, "-");
    put(r, a, POWER, position);
  } else if (k != NULL) {
    put(r, k, SIGN, position);
    bool sign = position || starts_with_digit(a);
    base_put(r->text, position ? "*" : sign ? " * " : " ");
    put(r, a, sign ? (position ? SIGN : JOIN) : JOIN, position);
  } else if (joins(a, b, position)) {
    put(r, a, JOIN, position);
    base_put(r->text, " ");
    put(r, b, POWER, position);
  } else {
    put_infix(r, a, PRODUCT, "*", b, JOIN, position);
  }
}

/* ---- all nodes ------------------------------------------------------------------------------- */

static void put_call(printer *r, const char *name, const ir_expr *e, bool position) {
  base_putf(r->text, "%s(", name);
  for (int i = 0; i < e->n; i++) {
    if (i > 0) base_put(r->text, position ? "," : ", ");
    put(r, e->arg[i], OR, position);
  }
  base_put(r->text, ")");
}

static void put_positions(printer *r, int n, const ir_expr *const *position) {
  if (n == 0) return;
  base_put(r->text, "[");
  for (int i = 0; i < n; i++) {
    if (i > 0) base_put(r->text, ",");
    put(r, position[i], OR, true);
  }
  base_put(r->text, "]");
}

static void put_node(printer *r, const ir_expr *e, bool position) {
  const char *op = ir_ops[e->op].spelling;
  switch (e->op) {
    case IR_CONST: put_constant(r, e); break;
    case IR_INDEX: base_put(r->text, name_of(r, e->u.index)); break;
    case IR_SYMBOL: base_put(r->text, e->u.symbol->name); break;
    case IR_READ:
      base_put(r->text, e->u.tensor->name);
      put_positions(r, e->n, e->arg);
      break;
    case IR_CAST: put_call(r, ir_type_name(e->u.to), e, position); break;
    case IR_CALL: put_call(r, e->u.function->name, e, position); break;
    case IR_ADD: case IR_SUB: put_sum(r, e, position); break;
    case IR_MUL: put_product(r, e, position); break;
    case IR_DIV: case IR_MOD:
      put_infix(r, e->arg[0], PRODUCT, op, e->arg[1], POWER, position);
      break;
    case IR_QUO:
      if (!position) base_put(r->text, "floor(");
      put_infix(r, e->arg[0], PRODUCT, "/", e->arg[1], POWER, position);
      if (!position) base_put(r->text, ")");
      break;
    case IR_POW:
      put(r, e->arg[0], ATOM, position);
      base_put(r->text, "^");
      put(r, e->arg[1], POWER, position);
      break;
    case IR_NEG:
      base_put(r->text, "-");
      put(r, e->arg[0], POWER, position);
      break;
    case IR_LT: case IR_LE: case IR_EQ: case IR_NE:
      put_infix(r, e->arg[0], SUM, op, e->arg[1], SUM, false);
      break;
    case IR_AND: put_infix(r, e->arg[0], AND, op, e->arg[1], NOT, false); break;
    case IR_OR: put_infix(r, e->arg[0], OR, op, e->arg[1], AND, false); break;
    case IR_NOT:
      base_put(r->text, "not ");
      put(r, e->arg[0], NOT, position);
      break;
    default: put_call(r, op, e, position); break;
  }
}

static void put(printer *r, const ir_expr *e, level least, bool position) {
  e = bare(e);
  if (--r->left < 0) {
    if (r->left == -1) base_put(r->text, "...");
    return;
  }
  bool parentheses = level_of(e, position) < least;
  if (parentheses) base_put(r->text, "(");
  put_node(r, e, position);
  if (parentheses) base_put(r->text, ")");
}

void ir_print_expr(base_text *text, const ir_expr *e) {
  printer r = {.text = text, .left = NODES};
  put(&r, e, OR, false);
}

/* ---- equations ------------------------------------------------------------------------------- */

/* Does the language sum this product over INDEX without being told: does it stand in two factors,
 * or in one that is a read? */
static void count_factors(const ir_expr *e, const ir_index *index, int *uses, int *reads) {
  e = bare(e);
  if (e->op == IR_MUL) {
    count_factors(e->arg[0], index, uses, reads);
    count_factors(e->arg[1], index, uses, reads);
  } else if (ir_mentions(e, index)) {
    ++*uses;
    if (e->op == IR_READ) ++*reads;
  }
}

static bool summed_anyway(const ir_eq *eq) {
  for (int i = 0; i < eq->nred; i++) {
    int uses = 0, reads = 0;
    count_factors(eq->body, eq->red[i], &uses, &reads);
    if (uses < 2 && reads < 1) return false;
  }
  return true;
}

static void print_eq(base_text *text, const ir_eq *eq) {
  printer r = {.text = text, .left = NODES};
  base_put(text, eq->head->name);
  for (int i = 0; i < eq->nfree; i++) name_of(&r, eq->free[i]);
  put_positions(&r, eq->head->rank, eq->lhs);
  bool window = ir_window(eq);
  base_putf(text, " %s ", eq->agg == IR_SUM && window ? "=" : ir_agg_spelling(eq->agg));
  if (eq->agg != IR_SUM || eq->nred == 0 || summed_anyway(eq)) {
    put(&r, eq->body, OR, false);
    return;
  }
  for (int i = 0; i < eq->nred; i++)
    base_putf(text, "%s%s", i == 0 ? "sum[" : ",", name_of(&r, eq->red[i]));
  base_put(text, "](");
  put(&r, eq->body, OR, false);
  base_put(text, ")");
}

void ir_print_eq(base_text *text, const ir_eq *eq) { print_eq(text, eq); }

/* ---- programs -------------------------------------------------------------------------------- */

static void print_declaration(base_text *text, const ir_tensor *t) {
  printer r = {.text = text, .left = NODES};
  base_putf(text, "%s : %s", t->name, ir_type_name(t->type));
  for (int i = 0; i < t->rank; i++) {
    base_put(text, i == 0 ? "[" : ", ");
    put(&r, t->size[i], OR, true);
  }
  base_put(text, t->rank > 0 ? "]\n" : "\n");
}

static void print_block(base_text *text, const ir_block *block, int depth) {
  for (int i = 0; i < block->steps.n; i++) {
    const ir_step *s = &block->steps.at[i];
    base_putf(text, "%*s", 2 * depth, "");
    if (s->eq != NULL) {
      print_eq(text, s->eq);
      if (s->from != NULL || s->to != NULL) {
        base_put(text, "   # while ");
        if (s->from != NULL) ir_print_expr(text, s->from);
        base_put(text, " <= counter < ");
        if (s->to != NULL) ir_print_expr(text, s->to);
      }
      base_put(text, "\n");
      continue;
    }
    base_putf(text, "# %s from ", s->loop->counter->name);
    ir_print_expr(text, s->loop->from);
    base_put(text, " to ");
    ir_print_expr(text, s->loop->to);
    if (s->loop->down) base_put(text, ", downwards");
    if (s->loop->until != NULL) {
      base_putf(text, ", until %s[", s->loop->until->name);
      ir_print_expr(text, s->loop->at);
      base_put(text, "] is 0");
    }
    base_put(text, "\n");
    print_block(text, &s->loop->body, depth + 1);
  }
}

void ir_print(base_text *text, const ir_program *p) {
  for (int i = 0; i < p->tensors.n; i++) {
    const ir_tensor *t = p->tensors.at[i];
    if (t->role != IR_DERIVED || (t->type != IR_F32 && t->eqs.n > 0)) print_declaration(text, t);
  }
  if (p->order.steps.n > 0) print_block(text, &p->order, 0);
  for (int i = 0; i < p->tensors.n && p->order.steps.n == 0; i++)
    for (int j = 0; j < p->tensors.at[i]->eqs.n; j++) {
      print_eq(text, p->tensors.at[i]->eqs.at[j]);
      base_put(text, "\n");
    }
  for (int i = 0; i < p->commits.n; i++) {
    const ir_commit *c = &p->commits.at[i];
    base_putf(text, "# %s becomes %s\n", c->state->name, c->value->name);
  }
}
