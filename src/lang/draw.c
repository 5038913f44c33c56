/* draw: uniform(), normal(), bernoulli(p), randint(n), dropout(x, p): one draw for each element of
 * the head, from Philox bits of (key, stream, element). The key is a state of the program, new in
 * each training step; every call in the text has a stream of its own. */
#include "lang/check.h"

#include <math.h>
#include <string.h>

static const ir_expr *op(check *c, ir_op f, const ir_expr *a, const ir_expr *b) {
  return ir_binary(c->p, f, a, b);
}

static ir_tensor *key_of(check *c) {
  if (!c->draw) c->draw = ir_tensor_new(c->p, "draw", IR_I64, 0, NULL, IR_STATE);
  return c->draw;
}

static const ir_expr *bits(check *c, const ir_expr *counter) {
  const ir_expr *key = ir_read(c->p, key_of(c), NULL);
  return ir_apply(c->p, IR_RANDOM, (const ir_expr *[]){key, ir_int(c->p, c->streams++), counter});
}

/* 24 bits: every multiple of 2^-24 in [0, 1). */
const ir_expr *draw_uniform(check *c, const ir_expr *counter) {
  const ir_expr *top = op(c, IR_QUO, bits(c, counter), ir_int(c->p, 256));
  return op(c, IR_MUL, ir_cast(c->p, top, IR_F32), ir_real(c->p, IR_F32, 0x1p-24));
}

/* Row-major number of a read's position. */
const ir_expr *draw_counter(check *c, const ir_expr *read) {
  const ir_expr *n = ir_int(c->p, 0);
  for (int k = 0; k < read->n; k++)
    n = op(c, IR_ADD, op(c, IR_MUL, n, read->u.tensor->size[k]), read->arg[k]);
  return n;
}

/* Numbers the elements of the head, or, given OF, those that its indices run over, if it has any.
 */
static const ir_expr *counter_of(check *c, const clause *cl, const node *of) {
  const ir_expr *n = ir_int(c->p, 0);
  bool any = false;
  for (int i = 0; i < cl->vars.n; i++) {
    const variable *v = cl->vars.at[i];
    if (of ? !check_uses(of, v) : !v->head) continue;
    const ir_expr *at = op(c, IR_SUB, v->value, v->low);   /* in a frame, a column's element */
    n = op(c, IR_ADD, op(c, IR_MUL, n, v->index->extent), at);
    any = true;
  }
  return of && !any ? counter_of(c, cl, NULL) : n;
}

/* Box and Muller. */
static const ir_expr *draw_normal(check *c, const ir_expr *counter) {
  const ir_expr *u = draw_uniform(c, counter), *v = draw_uniform(c, counter);
  const ir_expr *r = ir_unary(c->p, IR_LOG, op(c, IR_SUB, ir_real(c->p, IR_F32, 1), u));
  r = ir_unary(c->p, IR_SQRT, op(c, IR_MUL, r, ir_real(c->p, IR_F32, -2)));
  return op(c, IR_MUL, r,
            ir_unary(c->p, IR_COS, op(c, IR_MUL, v, ir_real(c->p, IR_F32, 2 * M_PI))));
}

const ir_expr *lower_draw(check *c, clause *cl, node *n) {
  static const struct {
    const char *name;
    int n;
  } table[] = {{"uniform", 0}, {"normal", 0}, {"bernoulli", 1}, {"randint", 1}, {"dropout", 2}};
  size_t i = 0, count = sizeof table / sizeof *table;
  while (i < count && strcmp(table[i].name, n->e.name) != 0) i++;
  if (i == count) return NULL;
  if (n->e.n != table[i].n)
    check_refuse(c, n->e.span, "%s takes %d argument%s, not %d\nhelp: write %s", n->e.name,
                 table[i].n, table[i].n == 1 ? "" : "s", n->e.n, lang_form_of(n->e.name));
  const node *masked =
      table[i].n == 2 ? (const node *)n->e.at[0] : NULL; /* dropout's own elements */
  const ir_expr *counter = counter_of(c, cl, masked), *a[2] = {NULL, NULL};
  for (int k = 0; k < n->e.n; k++) a[k] = lower(c, cl, (node *)n->e.at[k]);
  ir_program *p = c->p;
  const ir_expr *one = ir_real(p, IR_F32, 1), *zero = ir_real(p, IR_F32, 0);
  switch (i) {
  case 0: return draw_uniform(c, counter);
  case 1: return draw_normal(c, counter);
  case 2:
    return ir_where(p, op(c, IR_LT, draw_uniform(c, counter), ir_cast(p, a[0], IR_F32)), one, zero);
  case 3:
    return op(c, IR_QUO, op(c, IR_MUL, bits(c, counter), ir_cast(p, a[0], IR_I64)),
              ir_int(p, INT64_C(1) << 32));
  default: {
    const ir_expr *rate = ir_cast(p, a[1], IR_F32),
                  *kept = op(c, IR_DIV, a[0], op(c, IR_SUB, one, rate));
    return ir_where(p, op(c, IR_LT, draw_uniform(c, counter), rate),
                    ir_number(p, (ir_type)kept->type, 0), kept);
  }
  }
}
