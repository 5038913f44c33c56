/* emit: where reads and stores lie, and how they are moved. */
#include <math.h>

#include "device/cuda/emit_private.h"

bool lower_has_counter(const ir_expr *e) {
  if (e->op == IR_SYMBOL) return e->u.symbol->counter;
  for (int i = 0; i < e->n; i++)
    if (lower_has_counter(e->arg[i])) return true;
  return false;
}

static int64_t number(const cuda_emit *e, const ir_expr *x) {
  return ir_eval_size(x, e->bind->symbols);
}

static int axis_of(const cuda_emit *e, const ir_index *index) {
  for (int i = 0; i < e->frame->naxis; i++)
    if (e->frame->axis[i].index == index) return i;
  base_raise(e->bind->device->ctx, BASE_RUNTIME, base_nowhere,
             "a kernel reads the index %s, which it does not run over", index->name);
}

static cuda_class axis_class(const cuda_emit *e, int axis) {
  if (!e->frame->axis[axis].text) return CUDA_ONE;
  if (axis == e->frame->vector && e->frame->lanes * e->frame->repeats > 1) return CUDA_LANE;
  return e->frame->axis[axis].repeats && e->frame->repeats > 1 ? CUDA_REPEAT : CUDA_ONE;
}

/* ---- affine integers ------------------------------------------------------------------------- */

cuda_class lower_affine_class(const cuda_emit *e, const ir_affine *a) {
  cuda_class class = CUDA_ONE;
  for (int i = 0; i < a->n; i++) {
    cuda_class c = axis_class(e, axis_of(e, a->index[i]));
    if (c > class) class = c;
  }
  return class;
}

void lower_affine_range(const cuda_emit *e, const ir_affine *a, double *least, double *most) {
  if (lower_has_counter(a->constant)) {
    *least = -INFINITY, *most = INFINITY;
    return;
  }
  *least = *most = (double)number(e, a->constant);
  for (int i = 0; i < a->n; i++) {
    double far =
        (double)number(e, a->coefficient[i]) * ((double)number(e, a->index[i]->extent) - 1);
    *(far < 0 ? least : most) += far;
  }
}

/* An index in a loop of that class. */
static const char *axis_text(const cuda_emit *e, int axis, cuda_class loop) {
  const cuda_frame *f = e->frame;
  const cuda_axis *a = &f->axis[axis];
  const char *text = a->text;
  if (!text) return NULL;
  if (a->repeats && f->repeats > 1) {
    if (loop == CUDA_REPEAT) text = base_format(e->arena, "%s[u]", a->text);
    if (loop == CUDA_LANE && f->lanes > 1)
      text = base_format(e->arena, "%s[l / %d]", a->text, f->lanes);
    if (loop == CUDA_LANE && f->lanes == 1) text = base_format(e->arena, "%s[l]", a->text);
  }
  if (axis != f->vector || loop != CUDA_LANE || f->lanes == 1) return text;
  return f->repeats > 1 ? base_format(e->arena, "(%s + l %% %d)", text, f->lanes)
                        : base_format(e->arena, "(%s + l)", text);
}

/* text + coefficient index, 0 and 1 left out. */
static void put_term(cuda_emit *e, base_text *text, const ir_expr *coefficient, const char *index,
                     bool wide) {
  int64_t n = number(e, coefficient);
  if (n == 0 || !index) return;
  if (text->n) base_put(text, " + ");
  if (wide) base_put(text, "(int64_t)");
  base_put(text, index);
  if (n == 1) return;
  base_putf(text, " * %s", cuda_args_number(e->args, coefficient, wide));
}

static void put_constant(cuda_emit *e, base_text *text, const ir_expr *constant, bool wide) {
  if (!lower_has_counter(constant) && number(e, constant) == 0) return;
  if (text->n) base_put(text, " + ");
  base_put(text, cuda_args_number(e->args, constant, wide));
}

const char *lower_affine(cuda_emit *e, const ir_affine *a, cuda_class loop, bool wide) {
  base_text text = base_text_open(e->arena);
  for (int i = 0; i < a->n; i++)
    put_term(e, &text, a->coefficient[i], axis_text(e, axis_of(e, a->index[i]), loop), wide);
  put_constant(e, &text, a->constant, wide);
  return text.n ? text.at : "0";
}

/* ---- places ---------------------------------------------------------------------------------- */

/* Row-major strides of T, as expressions. */
static const ir_expr **strides_of(cuda_emit *e, const ir_tensor *t) {
  ir_program *p = e->bind->program;
  const ir_expr **stride = BASE_NEWS(e->arena, const ir_expr *, t->rank + 1), *n = ir_int(p, 1);
  for (int k = t->rank - 1; k >= 0; k--) {
    stride[k] = n;
    n = ir_binary(p, IR_MUL, n, t->size[k]);
  }
  return stride;
}

/* It is an index of exactly the position's size. */
static bool is_inside(const kernel_position *at, const ir_expr *size) {
  const ir_affine *a = &at->affine;
  int64_t zero, one;
  if (at->value >= 0) return false;
  if (a->n == 0)
    return ir_is_int(a->constant, &zero) && ir_is_int(size, &one) && zero >= 0 && zero < one;
  return a->n == 1 && ir_is_int(a->constant, &zero) && zero == 0 &&
         ir_is_int(a->coefficient[0], &one) && one == 1 && a->index[0]->extent == size;
}

static void add_position(cuda_emit *e, lower_place *p, const kernel_access *access, int k,
                         const ir_expr *stride) {
  ir_program *program = e->bind->program;
  const kernel_position *at = &access->position[k];
  if (at->value >= 0) {
    p->steps[p->nstep++] = (lower_step){at->value, k};
    p->checked |= (uint64_t)1 << k;
    if (e->value[at->value].class > p->class) p->class = e->value[at->value].class;
    return;
  }
  if (access->guarded && !is_inside(at, access->tensor->size[k])) p->checked |= (uint64_t)1 << k;
  cuda_class class = lower_affine_class(e, &at->affine);
  if (class > p->class) p->class = class;
  p->constant = ir_binary(program, IR_ADD, p->constant,
                          ir_binary(program, IR_MUL, at->affine.constant, stride));
  for (int i = 0; i < at->affine.n; i++) {
    int axis = axis_of(e, at->affine.index[i]);
    const ir_expr *far = ir_binary(program, IR_MUL, at->affine.coefficient[i], stride);
    p->step[axis] = ir_binary(program, IR_ADD, p->step[axis], far);
  }
}

/* How many elements from 0 on may be moved at once: what divides all that is added to the lanes. */
static int chunk_of(const cuda_emit *e, const kernel_access *access, const lower_place *p,
                    const ir_expr *const *stride) {
  const cuda_frame *f = e->frame;
  if (f->vector < 0 || p->many[f->vector] != 1) return 0;
  for (int i = 0; i < p->nstep; i++)
    if (e->value[p->steps[i].value].class == CUDA_LANE) return 0;
  int n = 16 / (int)ir_type_bytes(p->type);
  if (n > f->lanes) n = f->lanes;
  for (int i = 0; i < f->naxis; i++)
    while (i != f->vector && f->axis[i].text && number(e, f->axis[i].index->extent) > 1 &&
           p->many[i] % n != 0)
      n /= 2;
  for (int k = 0; k < access->tensor->rank; k++) {
    const kernel_position *at = &access->position[k];
    int64_t far = number(e, stride[k]);
    if (at->value < 0 && !lower_has_counter(at->affine.constant))
      far *= number(e, at->affine.constant);
    while (far % n != 0) n /= 2;
  }
  return n;
}

/* A position that is asked moves along the lanes: each lane is asked by itself. */
static bool checks_lanes(const cuda_emit *e, const kernel_access *access, const lower_place *p) {
  for (int k = 0; k < access->tensor->rank; k++)
    if ((p->checked >> k & 1) && access->position[k].value < 0 &&
        lower_affine_class(e, &access->position[k].affine) == CUDA_LANE && e->frame->vector >= 0)
      for (int i = 0; i < access->position[k].affine.n; i++)
        if (axis_of(e, access->position[k].affine.index[i]) == e->frame->vector) return true;
  return false;
}

lower_place *lower_place_of(cuda_emit *e, const kernel_access *access) {
  const cuda_home *home = e->frame->home ? e->frame->home[access->tensor->id] : NULL;
  ir_program *program = e->bind->program;
  lower_place *p = BASE_NEW(e->arena, lower_place);
  const ir_expr **stride = strides_of(e, access->tensor);
  const char *at = home ? home->variable ? home->memory : home->text : NULL;
  p->type = at ? home->type : access->tensor->type;
  p->base = at ? at : cuda_args_tensor(e->args, access->tensor);
  p->constant = ir_int(program, 0);
  p->step = BASE_NEWS(e->arena, const ir_expr *, e->frame->naxis + 1);
  p->many = BASE_NEWS(e->arena, int64_t, e->frame->naxis + 1);
  p->steps = BASE_NEWS(e->arena, lower_step, access->tensor->rank + 1);
  for (int i = 0; i < e->frame->naxis; i++) p->step[i] = ir_int(program, 0);
  for (int k = 0; k < access->tensor->rank; k++) add_position(e, p, access, k, stride[k]);
  for (int i = 0; i < e->frame->naxis; i++) p->many[i] = number(e, p->step[i]);
  p->chunk = chunk_of(e, access, p, stride);
  if (checks_lanes(e, access, p)) p->chunk = 0;
  return p;
}

static const char *position_text(cuda_emit *e, const kernel_position *at, cuda_class loop,
                                 bool wide) {
  if (at->value >= 0) return cuda_emit_ref(e, at->value, loop);
  return lower_affine(e, &at->affine, loop, wide);
}

const char *lower_check(cuda_emit *e, const kernel_access *access, const lower_place *p,
                        cuda_class loop) {
  base_text text = base_text_open(e->arena);
  bool wide = e->frame->wide;
  for (int k = 0; k < access->tensor->rank; k++) {
    if (!(p->checked >> k & 1)) continue;
    if (text.n) base_put(&text, " && ");
    bool data = access->position[k].value >= 0;
    base_putf(&text, "(%s)(%s) < (%s)%s", data || wide ? "uint64_t" : "uint32_t",
              position_text(e, &access->position[k], loop, wide),
              data || wide ? "uint64_t" : "uint32_t",
              cuda_args_number(e->args, access->tensor->size[k], wide));
  }
  return text.n ? text.at : NULL;
}

const char *lower_place_offset(cuda_emit *e, const kernel_access *access, const lower_place *p,
                               cuda_class loop) {
  base_text text = base_text_open(e->arena);
  bool wide = e->frame->wide;
  for (int i = 0; i < e->frame->naxis; i++)
    put_term(e, &text, p->step[i], axis_text(e, i, loop), wide);
  for (int i = 0; i < p->nstep; i++) {
    const ir_expr *stride = strides_of(e, access->tensor)[p->steps[i].position];
    put_term(e, &text, stride,
             base_format(e->arena, "(idx)%s", cuda_emit_ref(e, p->steps[i].value, loop)), false);
  }
  put_constant(e, &text, p->constant, wide);
  return text.n ? text.at : "0";
}

const char *cuda_emit_offset(cuda_emit *e, base_text *out, const kernel_access *access,
                             cuda_class loop, const char **check) {
  lower_place *p = lower_place_of(e, access);
  int value[64], n = 0;
  for (int i = 0; i < p->nstep; i++) value[n++] = p->steps[i].value;
  cuda_emit_values(e, out, n, value);
  if (check) *check = lower_check(e, access, p, loop);
  return lower_place_offset(e, access, p, loop);
}

int cuda_emit_chunk(cuda_emit *e) {
  int least = e->frame->lanes;
  for (int i = 0; i < e->code->values.n; i++) {
    const lower_place *p = e->value[i].place;
    if (p && p->class == CUDA_LANE && p->chunk > 0 && p->chunk < least) least = p->chunk;
  }
  for (int o = 0; o < e->code->outputs.n; o++) {
    if (e->code->outputs.at[o].eq->level != KERNEL_GLOBAL || e->code->outputs.at[o].eq->eq->nred)
      continue;
    const lower_place *p = lower_place_of(e, e->code->outputs.at[o].access);
    if (p->class == CUDA_LANE && p->chunk > 0 && p->chunk < least) least = p->chunk;
  }
  return least;
}

/* ---- reads ----------------------------------------------------------------------------------- */

/* Whole vectors, one a repeat. */
static void read_vectors(cuda_emit *e, base_text *out, int v, const kernel_access *access,
                         const lower_place *p) {
  const cuda_frame *f = e->frame;
  cuda_class loop = f->repeats > 1 ? CUDA_REPEAT : CUDA_ONE;
  const char *check = lower_check(e, access, p, loop), *u = f->repeats > 1 ? "[u]" : "";
  const char *type = ir_type_name(p->type);
  const char *to = f->repeats > 1 ? base_format(e->arena, "&v%d[u * %d]", v, f->lanes)
                                  : base_format(e->arena, "v%d", v);
  if (f->repeats > 1) base_put(out, lower_loop(e, CUDA_REPEAT));
  base_put(out, "{\n");
  base_putf(out, "    const %s *p = (const %s *)%s + (%s);\n", cuda_element(p->type),
            cuda_element(p->type), p->base, lower_place_offset(e, access, p, loop));
  const char *all = f->whole ? base_format(e->arena, "FULL || valid%s > 0", u)
                             : base_format(e->arena, "FULL || valid%s == %d", u, f->lanes);
  if (check) all = base_format(e->arena, "(%s) && %s", all, check);
  base_putf(out, "    if (%s) load_%s<%d, %d>(p, %s);\n", all, type, f->lanes, p->chunk, to);
  const char *some = f->whole ? "0" : base_format(e->arena, "valid%s", u);
  if (check) some = base_format(e->arena, "%s ? %s : 0", check, some);
  base_putf(out, "    else load_some_%s<%d>(p, %s, %s);\n  }\n", type, f->lanes, to, some);
}

static const char *lane_is_there(const cuda_emit *e) {
  const cuda_frame *f = e->frame;
  if (f->repeats == 1) return "(FULL || l < valid)";
  return base_format(e->arena, "(FULL || l %% %d < valid[l / %d])", f->lanes, f->lanes);
}

void lower_read(cuda_emit *e, base_text *out, int v) {
  const kernel_access *access = e->code->values.at[v].u.access;
  lower_value *value = &e->value[v];
  const lower_place *p = value->place;
  int n = value->class == CUDA_LANE ? e->frame->lanes * e->frame->repeats : e->frame->repeats;
  base_put(out, "  ");
  if (value->class == CUDA_ONE)
    base_putf(out, "%s v%d;\n  ", value->type, v);
  else
    base_putf(out, "%s v%d[%d];\n  ", value->type, v, n);
  if (value->class == CUDA_LANE && p->chunk > 0) {
    read_vectors(e, out, v, access, p);
    return;
  }
  const char *check = lower_check(e, access, p, value->class);
  if (value->class == CUDA_LANE)
    check = check ? base_format(e->arena, "%s && %s", lane_is_there(e), check) : lane_is_there(e);
  base_putf(out, "%s%s = ", lower_loop(e, value->class),
            lower_name(e, base_format(e->arena, "v%d", v), value->class, value->class));
  if (check) base_putf(out, "%s ? ", check);
  base_putf(out, "get_%s((const %s *)%s + (%s))", ir_type_name(p->type), cuda_element(p->type),
            p->base, lower_place_offset(e, access, p, value->class));
  base_putf(out, check ? " : (%s)0;\n" : ";\n", value->type);
}

/* ---- stores ---------------------------------------------------------------------------------- */

/* What the store functions take of each type. */
static const char *stored_as(ir_type type) {
  return type == IR_F64       ? "double"
         : type == IR_BOOL    ? "bool"
         : ir_type_real(type) ? "float"
                              : "int64_t";
}

static void store_vectors(cuda_emit *e, base_text *out, const char *name, cuda_class is,
                          const kernel_access *access, const lower_place *p) {
  const cuda_frame *f = e->frame;
  cuda_class loop = f->repeats > 1 ? CUDA_REPEAT : CUDA_ONE;
  const char *u = f->repeats > 1 ? "[u]" : "", *type = ir_type_name(p->type),
             *check = lower_check(e, access, p, loop);
  if (f->repeats > 1) base_put(out, lower_loop(e, CUDA_REPEAT));
  base_putf(out, "{\n    %s *p = (%s *)%s + (%s);\n    %s x[%d];\n", cuda_element(p->type),
            cuda_element(p->type), p->base, lower_place_offset(e, access, p, loop),
            stored_as(p->type), f->lanes);
  const char *lane = lower_name(e, name, is, CUDA_LANE);
  if (f->repeats > 1)
    base_putf(out, "    EACH(j, %d) { const int l = u * %d + j; (void)l; x[j] = %s; }\n", f->lanes,
              f->lanes, lane);
  else
    base_putf(out, "    EACH(l, %d) x[l] = %s;\n", f->lanes, lane);
  const char *all = f->whole ? base_format(e->arena, "FULL || valid%s > 0", u)
                             : base_format(e->arena, "FULL || valid%s == %d", u, f->lanes);
  if (check) base_putf(out, "    if (%s)\n", check);
  base_putf(out, "    %sif (%s) store_%s<%d, %d>(p, x);\n", check ? "{ " : "", all, type, f->lanes,
            p->chunk);
  if (!f->whole) base_putf(out, "    else store_some_%s<%d>(p, x, valid%s);\n", type, f->lanes, u);
  base_put(out, check ? "    }\n  }\n" : "  }\n");
}

void cuda_emit_store(cuda_emit *e, base_text *out, int value, const kernel_access *access) {
  const lower_value *v = &e->value[value];
  cuda_emit_store_as(e, out, v->home ? v->home->text : base_format(e->arena, "v%d", value),
                     v->class, access);
}

void cuda_emit_store_as(cuda_emit *e, base_text *out, const char *name, cuda_class is,
                        const kernel_access *access) {
  const cuda_frame *f = e->frame;
  lower_place *p = lower_place_of(e, access);
  base_put(out, "  ");
  if (p->class == CUDA_LANE && p->chunk > 0) {
    store_vectors(e, out, name, is, access, p);
    return;
  }
  cuda_class class = p->class;
  const char *check = lower_check(e, access, p, class), *there = NULL;
  if (class == CUDA_LANE)
    there = lane_is_there(e);
  else if (class == CUDA_REPEAT)
    there = "(FULL || valid[u] > 0)";
  else if (f->asks)
    there = f->repeats > 1 ? "(FULL || valid[0] > 0)" : "(FULL || valid > 0)";
  if (there) check = check ? base_format(e->arena, "%s && %s", there, check) : there;
  base_put(out, lower_loop(e, class));
  if (check) base_putf(out, "if (%s) ", check);
  base_putf(out, "put_%s((%s *)%s + (%s), %s);\n", ir_type_name(p->type), cuda_element(p->type),
            p->base, lower_place_offset(e, access, p, class), lower_name(e, name, is, class));
}
