/* Kernels: names, and what they cost. */
#include "kernel/kernel.h"

const char *kernel_shape_name(kernel_shape shape) {
  static const char *const name[KERNEL_SHAPES] = {"map",    "row",     "contract",
                                                  "attend", "scatter", "scan"};
  return name[shape];
}

/* ---- cost ------------------------------------------------------------------------------------ */

static double points(int n, const ir_index *const *index, const int64_t *symbols) {
  double all = 1;
  for (int i = 0; i < n; i++) all *= (double)ir_eval_size(index[i]->extent, symbols);
  return all;
}

static void count_operation(void *arg, const ir_expr *e) {
  double *n = arg;
  if (ir_ops[e->op].rule != IR_LEAF && e->op != IR_STOP && e->type != IR_I64) *n += 1;
}

double kernel_flop(const kernel *k, const int64_t *symbols) {
  double flop = 0;
  for (int s = 0; s < k->nsegment; s++)
    for (int i = 0; i < k->segment[s].neq; i++) {
      const ir_eq *eq = k->segment[s].eq[i].eq;
      double each = eq->agg == IR_SET ? 0 : 1;
      ir_each(eq->body, count_operation, &each);
      flop += each * points(eq->nfree, eq->free, symbols) * points(eq->nred, eq->red, symbols);
    }
  return flop;
}

static double tensor_bytes(const ir_tensor *t, const int64_t *symbols) {
  double bytes = (double)ir_type_bytes(t->type);
  for (int k = 0; k < t->rank; k++) bytes *= (double)ir_eval_size(t->size[k], symbols);
  return bytes;
}

/* What one read moves at most: the tensor, or an element for each point of its equation. */
typedef struct moving {
  const ir_tensor *tensor;
  double points, most;
} moving;

static void note_move(void *arg, const ir_expr *e) {
  moving *m = arg;
  if (e->op == IR_READ && e->u.tensor == m->tensor && m->points > m->most) m->most = m->points;
}

static double moved(const kernel *k, const ir_tensor *t, const int64_t *symbols) {
  moving m = {.tensor = t};
  for (int s = 0; s < k->nsegment; s++)
    for (int i = 0; i < k->segment[s].neq; i++) {
      const ir_eq *eq = k->segment[s].eq[i].eq;
      m.points = points(eq->nfree, eq->free, symbols);
      if (eq->head == t && m.points > m.most) m.most = m.points;
      m.points *= points(eq->nred, eq->red, symbols);
      ir_each(eq->body, note_move, &m);
      for (int d = 0; d < eq->head->rank; d++) ir_each(eq->lhs[d], note_move, &m);
    }
  double bytes = m.most * (double)ir_type_bytes(t->type), whole = tensor_bytes(t, symbols);
  return bytes < whole ? bytes : whole;
}

double kernel_bytes(const kernel *k, const int64_t *symbols) {
  double bytes = 0;
  for (int i = 0; i < k->nread; i++) bytes += moved(k, k->read[i], symbols);
  for (int i = 0; i < k->nwrite; i++) bytes += moved(k, k->write[i], symbols);
  return bytes;
}

/* ---- text ------------------------------------------------------------------------------------ */

static void put_indices(base_text *text, const char *role, int n, const ir_index *const *index) {
  if (!n) return;
  base_putf(text, "  %s", role);
  for (int i = 0; i < n; i++) base_putf(text, "%s%s", i ? "," : " ", index[i]->name);
}

static void put_segment(base_text *text, kernel_shape shape, const kernel_segment *s) {
  if (shape == KERNEL_CONTRACT) {
    put_indices(text, "batch", s->nbatch, s->batch);
    put_indices(text, "m", s->nm, s->m);
    put_indices(text, "n", s->nn, s->n);
    put_indices(text, "k", s->nk, s->k);
  } else {
    put_indices(text, "frame", s->nframe, s->frame);
    put_indices(text, "line", s->nline, s->line);
    if (s->scan) put_indices(text, s->down ? "down" : "up", 1, &s->scan);
  }
  base_put(text, "\n");
  static const char *const level[] = {"", "tile", "line", "register"};
  for (int i = 0; i < s->neq; i++) {
    base_put(text, "    ");
    ir_print_eq(text, s->eq[i].eq);
    if (s->eq[i].level != KERNEL_GLOBAL || s->eq[i].partial)
      base_putf(text, "   # %s", s->eq[i].partial ? "partial" : level[s->eq[i].level]);
    base_put(text, "\n");
  }
}

void kernel_print(base_text *text, const kernel *k) {
  for (int i = 0; i < k->nsegment; i++) {
    if (i == 0) base_putf(text, "%d %s", k->id, kernel_shape_name(k->shape));
    else base_put(text, "  and");
    put_segment(text, k->shape, &k->segment[i]);
  }
}
