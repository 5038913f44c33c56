/* emit: values as variables. */
#include <math.h>
#include <string.h>

#include "device/cuda/emit_private.h"

/* ---- names ----------------------------------------------------------------------------------- */

const char *cuda_c_type(ir_type computed) {
  return computed == IR_F32    ? "float"
         : computed == IR_F64  ? "double"
         : computed == IR_BOOL ? "bool"
                               : "int64_t";
}

const char *cuda_element(ir_type stored) {
  static const char *const name[IR_TYPES] = {
      [IR_F16] = "uint16_t", [IR_BF16] = "uint16_t", [IR_F32] = "float",   [IR_F64] = "double",
      [IR_I32] = "int32_t",  [IR_I64] = "int64_t",   [IR_BOOL] = "uint8_t"};
  return name[stored];
}

const char *cuda_neutral(ir_agg agg, ir_type computed) {
  bool real = ir_type_real(computed), truth = computed == IR_BOOL;
  switch (agg) {
  case IR_MAX:
    return real    ? "-(__int_as_float(0x7f800000))"
           : truth ? "false"
                   : "(-9223372036854775807ll - 1)";
  case IR_MIN:
    return real ? "__int_as_float(0x7f800000)" : truth ? "true" : "9223372036854775807ll";
  case IR_PROD: return truth ? "true" : "1";
  default: return truth ? "false" : "0";
  }
}

const char *cuda_combine(ir_agg agg) {
  static const char *const name[IR_AGGS] = {
      [IR_SUM] = "op_ADD", [IR_MAX] = "op_MAXIMUM", [IR_MIN] = "op_MINIMUM", [IR_PROD] = "op_MUL"};
  return name[agg];
}

const char *lower_loop(const cuda_emit *e, cuda_class class) {
  if (class == CUDA_ONE) return "";
  if (class == CUDA_REPEAT) return base_format(e->arena, "EACH(u, %d) ", e->frame->repeats);
  return base_format(e->arena, "EACH(l, %d) ", e->frame->lanes * e->frame->repeats);
}

const char *lower_name(const cuda_emit *e, const char *name, cuda_class class, cuda_class loop) {
  if (class == CUDA_ONE) return name;
  if (class == CUDA_LANE) return base_format(e->arena, "%s[l]", name);
  if (loop == CUDA_REPEAT) return base_format(e->arena, "%s[u]", name);
  return e->frame->lanes == 1 ? base_format(e->arena, "%s[l]", name)
                              : base_format(e->arena, "%s[l / %d]", name, e->frame->lanes);
}

const char *cuda_emit_ref(const cuda_emit *e, int v, cuda_class loop) {
  const lower_value *value = &e->value[v];
  const char *name = value->home ? value->home->text : base_format(e->arena, "v%d", v);
  return lower_name(e, name, value->class, loop);
}

cuda_class cuda_emit_class(const cuda_emit *e, int v) { return e->value[v].class; }
const char *cuda_emit_type(const cuda_emit *e, int v) { return e->value[v].type; }

/* ---- survey: classes, C types, ranges -------------------------------------------------------- */

static const double INT_LEAST = -2147483647.0, INT_MOST = 2147483647.0;

static bool is_int(const lower_value *v) { return strcmp(v->type, "int32_t") == 0; }

/* What an operation on whole numbers may give. */
static void range_of(cuda_emit *e, const kernel_value *k, lower_value *v) {
  const lower_value *a = &e->value[k->n > 0 ? k->arg[0] : 0],
                    *b = &e->value[k->n > 1 ? k->arg[1] : 0];
  v->least = -INFINITY, v->most = INFINITY;
  switch (k->op) {
  case IR_CONST: v->least = v->most = (double)k->u.integer; break;
  case IR_INDEX: lower_affine_range(e, k->u.affine, &v->least, &v->most); break;
  case IR_READ:
    if (k->u.access->tensor->type == IR_I32 && !v->home)
      v->least = INT_LEAST - 1, v->most = INT_MOST;
    break;
  case IR_RANDOM: v->least = 0, v->most = 4294967295.0; break;
  case IR_ADD: v->least = a->least + b->least, v->most = a->most + b->most; break;
  case IR_MUL: {
    double x[4] = {a->least * b->least, a->least * b->most, a->most * b->least, a->most * b->most};
    v->least = fmin(fmin(x[0], x[1]), fmin(x[2], x[3]));
    v->most = fmax(fmax(x[0], x[1]), fmax(x[2], x[3]));
    if (isnan(x[0]) || isnan(x[1]) || isnan(x[2]) || isnan(x[3]))
      v->least = -INFINITY, v->most = INFINITY;
    break;
  }
  case IR_QUO:
    if (a->least >= 0 && b->least >= 1) v->least = 0, v->most = floor(a->most / b->least);
    break;
  case IR_MOD:
    if (b->least >= 1) v->least = 0, v->most = b->most - 1;
    break;
  case IR_MINIMUM: v->least = fmin(a->least, b->least), v->most = fmin(a->most, b->most); break;
  case IR_MAXIMUM: v->least = fmax(a->least, b->least), v->most = fmax(a->most, b->most); break;
  default: break;
  }
}

/* 32 bits hold it, and all that it is made of. */
static bool as_int(const cuda_emit *e, const kernel_value *k, const lower_value *v) {
  if (k->op == IR_READ)
    return k->u.access->tensor->type == IR_I32 && !v->home && v->place->type == IR_I32;
  if (v->least < INT_LEAST || v->most > INT_MOST) return false;
  if (k->op == IR_CONST || k->op == IR_INDEX) return true;
  if (k->op != IR_ADD && k->op != IR_MUL && k->op != IR_QUO && k->op != IR_MOD &&
      k->op != IR_MINIMUM && k->op != IR_MAXIMUM)
    return false;
  const lower_value *a = &e->value[k->arg[0]], *b = &e->value[k->arg[1]];
  if (k->op == IR_QUO && a->least >= 0 && a->most <= 4294967295.0 && b->least >= 1 && is_int(b))
    return true;
  if ((k->op == IR_QUO || k->op == IR_MOD) && (a->least < 0 || b->least < 1)) return false;
  return is_int(a) && is_int(b);
}

static void survey_value(cuda_emit *e, int i) {
  const kernel_value *k = &e->code->values.at[i];
  lower_value *v = &e->value[i];
  v->given = -1;
  v->type = cuda_c_type((ir_type)k->type);
  if (k->op == IR_READ) {
    cuda_home *home = e->frame->home ? e->frame->home[k->u.access->tensor->id] : NULL;
    if (home && home->variable) {
      v->home = home;
      v->class = home->class;
      v->done = true;
    } else {
      v->place = lower_place_of(e, k->u.access);
      v->class = v->place->class;
    }
  } else if (k->op == IR_INDEX) {
    v->class = lower_affine_class(e, k->u.affine);
  }
  for (int a = 0; a < k->n; a++) {
    e->value[k->arg[a]].uses++;
    if (e->value[k->arg[a]].class > v->class) v->class = e->value[k->arg[a]].class;
  }
  if (k->type != IR_I64) return;
  range_of(e, k, v);
  if (as_int(e, k, v)) v->type = "int32_t";
}

/* ---- survey: what only 16-bit tensors see ---------------------------------------------------- */

static bool narrow(ir_type type) { return type == IR_F16 || type == IR_BF16; }

/* Small errors of its arguments stay small errors of its value. */
static bool smooth(const kernel_value *k) {
  if (!ir_type_real((ir_type)k->type)) return false;
  return k->op != IR_FLOOR && k->op != IR_ROUND && k->op != IR_SIGN && k->op != IR_MOD &&
         k->op != IR_SIN && k->op != IR_COS && k->op != IR_POW && k->op != IR_LOG;
}

static void not_quick(cuda_emit *e, int v) {
  if (v >= 0) e->value[v].quick = e->value[v].flush = false;
}

static void not_flush(cuda_emit *e, int v) {
  if (v >= 0) e->value[v].flush = false;
}

static void survey_output(cuda_emit *e, const kernel_output *out) {
  bool stored = out->eq->level == KERNEL_GLOBAL;
  if (stored && !narrow(out->eq->eq->head->type)) not_quick(e, out->value);
  if (stored && out->eq->eq->head->type != IR_F16) not_flush(e, out->value);
  for (int k = 0; k < out->access->tensor->rank; k++) not_quick(e, out->access->position[k].value);
}

/* From the last value to the first: what reads an inner value stands behind it. */
static void survey_quick(cuda_emit *e) {
  const kernel_code *code = e->code;
  for (int i = 0; i < code->values.n; i++)
    e->value[i].quick = e->value[i].flush = code->values.at[i].type == IR_F32;
  for (int o = 0; o < code->outputs.n; o++) survey_output(e, &code->outputs.at[o]);
  for (int i = code->values.n - 1; i >= 0; i--) {
    const kernel_value *k = &code->values.at[i];
    bool passes = e->value[i].quick && smooth(k);
    for (int a = 0; a < k->n; a++)
      if (!passes || (k->op == IR_WHERE && a == 0))
        not_quick(e, k->arg[a]);
      else if (!e->value[i].flush)
        not_flush(e, k->arg[a]);
    if (k->op != IR_READ) continue;
    for (int d = 0; d < k->u.access->tensor->rank; d++)
      not_quick(e, k->u.access->position[d].value);
    for (int o = 0; o < code->outputs.n; o++) {
      if (code->outputs.at[o].eq->eq->head != k->u.access->tensor) continue;
      if (!e->value[i].quick) not_quick(e, code->outputs.at[o].value);
      if (!e->value[i].flush) not_flush(e, code->outputs.at[o].value);
    }
  }
}

static bool is_one(const kernel_value *k) {
  return k->op == IR_CONST && k->type == IR_F32 && k->u.real == 1;
}

/* 1 + erf(x), 1 + tanh(x) in one, where nothing else wants the function. */
static void pair_ones(cuda_emit *e) {
  for (int i = 0; i < e->code->values.n; i++) {
    const kernel_value *k = &e->code->values.at[i];
    for (int a = 0; a < 2 && k->op == IR_ADD && e->value[i].quick; a++) {
      const kernel_value *f = &e->code->values.at[k->arg[a]];
      if (!is_one(&e->code->values.at[k->arg[1 - a]]) || (f->op != IR_ERF && f->op != IR_TANH))
        continue;
      if (e->value[k->arg[a]].uses == 1) e->value[i].given = k->arg[a];
    }
  }
}

cuda_emit *cuda_emit_open(device_bind *bind, const kernel_code *code, cuda_args *args,
                          const cuda_frame *frame) {
  cuda_emit *e = BASE_NEW(bind->arena, cuda_emit);
  *e = (cuda_emit){.bind = bind, .arena = bind->arena, .code = code, .args = args, .frame = frame};
  e->value = BASE_NEWS(bind->arena, lower_value, code->values.n + 1);
  for (int i = 0; i < code->values.n; i++) survey_value(e, i);
  for (int o = 0; o < code->outputs.n; o++) e->value[code->outputs.at[o].value].uses++;
  survey_quick(e);
  pair_ones(e);
  return e;
}

void cuda_emit_forget(cuda_emit *e) {
  for (int i = 0; i < e->code->values.n; i++) e->value[i].done = e->value[i].home != NULL;
}

/* ---- values ---------------------------------------------------------------------------------- */

static const char *real_text(const cuda_emit *e, double x, bool is_double) {
  if (isnan(x)) return "__int_as_float(0x7fc00000)";
  if (isinf(x)) return x > 0 ? "__int_as_float(0x7f800000)" : "-__int_as_float(0x7f800000)";
  return base_format(e->arena, is_double ? "%a" : "%af", x);
}

static const char *constant_text(const cuda_emit *e, const kernel_value *k) {
  if (ir_type_real((ir_type)k->type)) return real_text(e, k->u.real, k->type == IR_F64);
  if (k->type == IR_BOOL) return k->u.integer ? "true" : "false";
  if (k->u.integer == INT64_MIN) return "(-9223372036854775807ll - 1)";
  return base_format(e->arena, "%lldll", (long long)k->u.integer);
}

static const char *function_of(const cuda_emit *e, const kernel_value *k, const lower_value *v) {
  static const ir_op quick[] = {IR_EXP, IR_SIG, IR_DIV, IR_SQRT, IR_TANH, IR_ERF};
  if (k->op == IR_CAST) return base_format(e->arena, "cast_%s", ir_type_name(k->u.to));
  for (size_t i = 0; v->quick && i < sizeof quick / sizeof *quick; i++)
    if (quick[i] == k->op)
      return base_format(e->arena, "quick_%s<%s>", ir_ops[k->op].name, v->flush ? "true" : "false");
  return base_format(e->arena, "op_%s", ir_ops[k->op].name);
}

static const char *argument(const cuda_emit *e, int v, cuda_class loop, const char *type) {
  const char *ref = cuda_emit_ref(e, v, loop);
  return type && strcmp(type, e->value[v].type) != 0 ? base_format(e->arena, "(%s)%s", type, ref)
                                                     : ref;
}

/* Integer arguments of one width; those of other operations are as they are. */
static const char *argument_type(const cuda_emit *e, const kernel_value *k) {
  if (k->op == IR_CAST || k->n == 0 || k->op == IR_WHERE) return NULL;
  const lower_value *a = &e->value[k->arg[0]];
  if (e->code->values.at[k->arg[0]].type != IR_I64) return NULL;
  if (k->op == IR_RANDOM) return "int64_t";
  bool ints = is_int(a);
  for (int i = 1; i < k->n; i++) ints = ints && is_int(&e->value[k->arg[i]]);
  return ints && (ir_ops[k->op].rule == IR_TEST) ? "int32_t" : "int64_t";
}

static const char *operation_text(cuda_emit *e, int i, cuda_class loop) {
  const kernel_value *k = &e->code->values.at[i];
  const lower_value *v = &e->value[i];
  if (v->given >= 0)
    return base_format(e->arena, "quick_%s1<%s>(%s)", ir_ops[e->code->values.at[v->given].op].name,
                       v->flush ? "true" : "false",
                       cuda_emit_ref(e, e->code->values.at[v->given].arg[0], loop));
  if (k->op == IR_WHERE)
    return base_format(e->arena, "%s ? %s : %s", cuda_emit_ref(e, k->arg[0], loop),
                       argument(e, k->arg[1], loop, v->type),
                       argument(e, k->arg[2], loop, v->type));
  if (k->op == IR_DIV && v->quick && v->class == CUDA_LANE &&
      e->value[k->arg[1]].class != CUDA_LANE)
    return base_format(e->arena, "quotient(%s, reciprocal_of(%s))",
                       cuda_emit_ref(e, k->arg[0], loop), cuda_emit_ref(e, k->arg[1], loop));
  bool int_result = strcmp(v->type, "int32_t") == 0;
  if (k->op == IR_QUO && int_result && !is_int(&e->value[k->arg[0]]))
    return base_format(e->arena, "op_QUO_bits(%s, %s)", cuda_emit_ref(e, k->arg[0], loop),
                       cuda_emit_ref(e, k->arg[1], loop));
  const char *type = int_result ? "int32_t" : argument_type(e, k);
  base_text text = base_text_open(e->arena);
  base_putf(&text, "%s(", function_of(e, k, v));
  for (int a = 0; a < k->n; a++)
    base_putf(&text, "%s%s", a ? ", " : "", argument(e, k->arg[a], loop, type));
  base_put(&text, ")");
  return text.at;
}

static const char *value_text(cuda_emit *e, int i, cuda_class loop) {
  const kernel_value *k = &e->code->values.at[i];
  if (k->op == IR_CONST) return constant_text(e, k);
  if (k->op != IR_INDEX) return operation_text(e, i, loop);
  bool narrow_index = is_int(&e->value[i]);
  return lower_affine(e, k->u.affine, loop, !narrow_index);
}

static void lower_value_at(cuda_emit *e, base_text *out, int i) {
  lower_value *v = &e->value[i];
  const kernel_value *k = &e->code->values.at[i];
  v->done = true;
  if (k->op == IR_READ) {
    lower_read(e, out, i);
    return;
  }
  const char *text = value_text(e, i, v->class);
  if (v->class == CUDA_ONE) {
    base_putf(out, "  const %s v%d = %s;\n", v->type, i, text);
    return;
  }
  int n = e->frame->repeats * (v->class == CUDA_LANE ? e->frame->lanes : 1);
  base_putf(out, "  %s v%d[%d];\n  %sv%d[%s] = %s;\n", v->type, i, n, lower_loop(e, v->class), i,
            v->class == CUDA_LANE ? "l" : "u", text);
}

/* ---- order ----------------------------------------------------------------------------------- */

static void mark(const cuda_emit *e, bool *needed, int v) {
  const kernel_value *k = &e->code->values.at[v];
  if (needed[v] || e->value[v].done) return;
  needed[v] = true;
  if (e->value[v].given >= 0) {
    mark(e, needed, e->code->values.at[e->value[v].given].arg[0]);
    return;
  }
  for (int a = 0; a < k->n; a++) mark(e, needed, k->arg[a]);
  for (int i = 0; k->op == IR_READ && i < e->value[v].place->nstep; i++)
    mark(e, needed, e->value[v].place->steps[i].value);
}

static bool *needs(const cuda_emit *e, int n, const int *value) {
  bool *needed = BASE_NEWS(e->arena, bool, e->code->values.n + 1);
  for (int i = 0; i < n; i++) mark(e, needed, value[i]);
  return needed;
}

void cuda_emit_loads(cuda_emit *e, base_text *out, int n, const int *value) {
  const bool *needed = needs(e, n, value);
  for (int i = 0; i < e->code->values.n; i++)
    if (needed[i] && e->code->values.at[i].op == IR_READ && e->value[i].place->nstep == 0)
      lower_value_at(e, out, i);
}

/* Reads whose place is known come first, so that all of them are under way at once. */
void cuda_emit_values(cuda_emit *e, base_text *out, int n, const int *value) {
  cuda_emit_loads(e, out, n, value);
  const bool *needed = needs(e, n, value);
  for (int i = 0; i < e->code->values.n; i++)
    if (needed[i] && !e->value[i].done) lower_value_at(e, out, i);
}

/* ---- whole functions ------------------------------------------------------------------------- */

base_text cuda_emit_source(device_bind *bind, bool wide) {
  base_text text = cuda_source(bind);
  base_put(&text, cuda_text_values);
  base_putf(&text, "\ntypedef %s idx;\n", wide ? "int64_t" : "int32_t");
  return text;
}

bool cuda_is_wide(device_bind *bind, int neq, const kernel_eq *eq) {
  const double most = 2147483647.0;
  kernel_code *code = kernel_code_open(bind->arena, bind->program);
  int64_t stride[64];
  for (int i = 0; i < neq; i++) {
    double points = 1;
    kernel_code_add(code, &eq[i]);
    for (int k = 0; k < eq[i].eq->nfree; k++)
      points *= (double)ir_eval_size(eq[i].eq->free[k]->extent, bind->symbols);
    if (points > most || (double)device_strides(eq[i].eq->head, bind->symbols, stride) > most)
      return true;
    for (int k = 0; k < eq[i].eq->nred; k++)
      if (ir_eval_size(eq[i].eq->red[k]->extent, bind->symbols) > INT32_MAX) return true;
  }
  for (int i = 0; i < code->values.n; i++) {
    const kernel_value *v = &code->values.at[i];
    if (v->op != IR_READ) continue;
    const ir_tensor *t = v->u.access->tensor;
    if ((double)device_strides(t, bind->symbols, stride) > most) return true;
    for (int k = 0; k < t->rank; k++) { /* a guarded position may lead far outside */
      const ir_affine *a = &v->u.access->position[k].affine;
      if (v->u.access->position[k].value >= 0 || lower_has_counter(a->constant)) continue;
      double far = fabs((double)ir_eval_size(a->constant, bind->symbols));
      for (int j = 0; j < a->n; j++)
        far += fabs((double)ir_eval_size(a->coefficient[j], bind->symbols)) *
               (double)ir_eval_size(a->index[j]->extent, bind->symbols);
      if (far * (double)stride[k] > most) return true;
    }
  }
  return false;
}

void cuda_emit_function(cuda_emit *e, base_text *out, const char *name, const char *args,
                        const char *given, ir_type type) {
  const cuda_frame *f = e->frame;
  base_text body = base_text_open(e->arena);
  int *value = BASE_NEWS(e->arena, int, e->code->outputs.n + 1);
  cuda_emit_forget(e);
  for (int o = 0; o < e->code->outputs.n; o++) value[o] = e->code->outputs.at[o].value;
  cuda_emit_values(e, &body, e->code->outputs.n, value);
  for (int o = 0; o < e->code->outputs.n; o++) {
    const kernel_output *output = &e->code->outputs.at[o];
    if (output->eq->level == KERNEL_GLOBAL)
      cuda_emit_store(e, &body, output->value, output->access);
  }
  base_putf(out, "template <bool FULL> FN void %s(const %s &a", name, args);
  for (int i = 0; i < f->naxis; i++) {
    if (!f->axis[i].text) continue;
    if (f->axis[i].repeats && f->repeats > 1)
      base_putf(out, ", const idx (&%s)[%d]", f->axis[i].text, f->repeats);
    else
      base_putf(out, ", idx %s", f->axis[i].text);
  }
  if (f->repeats > 1)
    base_putf(out, ", const int (&valid)[%d]", f->repeats);
  else
    base_put(out, ", int valid");
  if (given)
    base_putf(out, ", const %s (&%s)[%d]", cuda_c_type(type), given, f->lanes * f->repeats);
  base_putf(out, ") {\n%s}\n", body.at);
}
