/* grad: derivatives as tensors. All that the program asks of one loss come from one backward pass,
 * made when the first of them is met. */
#include "lang/sparse.h"

static const node *child(const node *n, int i) { return (const node *)n->e.at[i]; }

/* How many positions of LOSS are indices of the left side. */
static int kept(const node *loss) {
  int n = 0;
  for (int k = 0; loss->e.kind == LANG_READ && k < loss->e.n; k++)
    n += child(loss, k)->var && child(loss, k)->var->head;
  return n;
}

/* How many are indices at all; the others say which elements are meant. */
static int running(const node *loss) {
  int n = 0;
  for (int k = 0; loss->e.kind == LANG_READ && k < loss->e.n; k++) n += child(loss, k)->var != NULL;
  return n;
}

static int lead_of(check *c, const clause *cl, const node *loss) {
  int lead = kept(loss);
  if (lead && lead != running(loss))
    check_refuse(
        c, loss->e.span,
        "grad keeps all positions of %s or none\nhelp: name them all on the left of %s, or none",
        loss->of->name, cl->head->name);
  return lead;
}

static ir_tensor *known(const check *c, const derivative *d) {
  for (int i = 0; i < c->derivatives.n; i++) {
    const derivative *k = &c->derivatives.at[i];
    if (k->of == d->of && k->wrt == d->wrt && k->lead == d->lead) return k->made;
  }
  return NULL;
}

/* Does CALL ask for another derivative of what D is one of, which can be made now? Fills WRT. */
static bool goes_along(const check *c, const derivative *d, const node *call, ir_tensor **wrt) {
  if (call->e.n != 2 || !child(call, 0)->of || !child(call, 1)->of) return false;
  derivative other = {child(call, 0)->of->ir, child(call, 1)->of->ir, kept(child(call, 0)), NULL};
  if (other.of != d->of || other.lead != d->lead || !other.wrt || known(c, &other)) return false;
  *wrt = other.wrt;
  return ir_type_real(other.wrt->type);
}

static ir_tensor *differentiate(check *c, ir_tensor *of, ir_tensor *wrt, int lead) {
  derivative d = {of, wrt, lead, NULL};
  ir_tensor *made = known(c, &d);
  if (made) return made;
  ir_tensor **by = BASE_NEWS(c->arena, ir_tensor *, c->grads.n + 1), *other;
  ir_tensor **grad = BASE_NEWS(c->arena, ir_tensor *, c->grads.n + 1);
  int n = 0;
  by[n++] = wrt;
  for (int i = 0; i < c->grads.n; i++) {
    bool listed = !goes_along(c, &d, c->grads.at[i], &other);
    for (int k = 0; k < n && !listed; k++) listed = by[k] == other;
    if (!listed) by[n++] = other;
  }
  pass_gradient(c->p, of, lead, n, by, grad);
  for (int i = 0; i < n; i++)
    BASE_PUSH(c->arena, &c->derivatives, ((derivative){of, by[i], lead, grad[i]}));
  return grad[0];
}

static bool mentions_any(const clause *cl, const ir_expr *e) {
  for (int i = 0; i < cl->vars.n; i++)
    if (ir_mentions(e, cl->vars.at[i]->index)) return true;
  return false;
}

/* Y[1,s] as a tensor over s, once for all that ask for it. */
static ir_tensor *elements_of(check *c, clause *cl, const node *loss) {
  ir_tensor *of = loss->of->ir;
  const ir_expr *fixed[RUN_RANK], *size[RUN_RANK], *at[RUN_RANK], *position[RUN_RANK];
  int n = 0;
  for (int k = 0; k < of->rank; k++) {
    fixed[k] = child(loss, k)->var ? NULL : lower_position(c, cl, child(loss, k));
    if (fixed[k] && mentions_any(cl, fixed[k]))
      check_refuse(c, child(loss, k)->e.span,
                   "grad takes elements of %s at indices and known positions\n"
                   "help: give what is meant here a name of its own",
                   loss->of->name);
  }
  for (int i = 0; i < c->parts.n; i++) {
    const grad_part *part = &c->parts.at[i];
    bool same = part->of == of;
    for (int k = 0; same && k < of->rank; k++) same = part->fixed[k] == fixed[k];
    if (same) return part->made;
  }
  for (int k = 0; k < of->rank; k++) {
    position[k] = fixed[k];
    if (fixed[k]) continue;
    size[n] = of->size[k];
    position[k] = at[n++] = ir_use(c->p, ir_index_new(c->p, "i", of->size[k]));
  }
  grad_part part = {.of = of};
  for (int k = 0; k < of->rank; k++) part.fixed[k] = fixed[k];
  part.made = ir_tensor_new(c->p, of->name, of->type, n, size, IR_DERIVED);
  part.made->span = loss->e.span;
  ir_define(c->p, part.made, IR_SET, at, lower_read_of(c, of, position));
  BASE_PUSH(c->arena, &c->parts, part);
  return part.made;
}

static bool names_all(const node *n) {
  return (n->e.kind == LANG_READ ? n->e.n : 0) == n->of->rank;
}

_Noreturn static void refuse_positions(check *c, const node *n) {
  check_refuse(c, n->e.span,
               "%s has %s, which grad wants named\nhelp: write `%s`, and its indices on "
               "the left side",
               n->of->name, check_positions(c, n->of->rank), check_indexed(c, n->of));
}

/* What the left side lacks is summed only where something joins it. */
static void check_open(check *c, const clause *cl, const node *by) {
  for (int k = 0; k < by->e.n; k++) {
    const variable *v = child(by, k)->var;
    if (v && !v->head && !v->bound && !v->summed)
      check_refuse(c, child(by, k)->e.span,
                   "the left side lacks `%s`: a derivative has the positions of %s\n"
                   "help: write `%s[..., %s] = grad(...)`, or sum it: `sum[%s](grad(...))`",
                   v->name, by->of->name, cl->head->name, v->name, v->name);
  }
}

/* grad(Loss, W[i,j]): the derivative as a tensor, read at W's positions; grad(Loss[s], W[i,s])
 * keeps s. */
const ir_expr *lower_grad(check *c, clause *cl, const node *n) {
  const node *loss = n->e.n == 2 ? child(n, 0) : NULL, *by = n->e.n == 2 ? child(n, 1) : NULL;
  if (!loss || !loss->of || !by->of)
    check_refuse(c, n->e.span,
                 "grad takes a tensor and the tensor to differentiate by, both by name\n"
                 "help: write `grad(Loss, W[i,j])`; an expression is given a name first");
  bool sparse = loss->of->sparse;
  if (by->of->kind == NAME_RELATION || sparse)
    check_refuse(c, n->e.span,
                 "%s is %s: there is no derivative %s it\n"
                 "help: differentiate a dense scalar, such as a sum of elements, by a tensor",
                 sparse ? loss->of->name : by->of->name,
                 sparse && loss->of->kind == NAME_TENSOR ? "sparse" : "a relation",
                 sparse ? "of" : "by");
  if (!names_all(loss) || !names_all(by)) refuse_positions(c, names_all(loss) ? by : loss);
  if (!ir_type_real((ir_type)by->of->ir->type))
    check_refuse(c, by->e.span, "%s is %s: only real tensors have derivatives by them",
                 by->of->name, ir_type_name(by->of->ir->type));
  check_open(c, cl, by);
  int lead = lead_of(c, cl, loss);
  bool all = running(loss) == loss->of->ir->rank;
  ir_tensor *of = all ? loss->of->ir : elements_of(c, cl, loss), *wrt = by->of->ir;
  ir_tensor *g = differentiate(c, of, wrt, lead);
  const ir_expr *position[2 * RUN_RANK];
  for (int k = 0, at = 0; lead && k < loss->e.n; k++)
    if (child(loss, k)->var) position[at++] = lower_position(c, cl, child(loss, k));
  if (by->of->sparse) position[lead] = lower_row(c, cl, by);
  for (int k = 0; !by->of->sparse && k < wrt->rank; k++)
    position[lead + k] = lower_position(c, cl, child(by, k));
  return lower_read_of(c, g, position);
}
