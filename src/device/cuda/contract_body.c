/* What follows a product: the sums are given, the segment's other equations run on them, 8
 * neighbours along n at a time. */
#include "device/cuda/contract.h"

typedef struct following {
  const contract *c;
  cuda_args *args;
  cuda_frame frame;
  base_text split; /* text that takes the point numbers apart */
} following;

static ir_type sum_type(const contract *c) {
  return (ir_type)c->seg->eq[c->seg->main].eq->body->type;
}

/* Eights along n stay in one row of the result, and whole. */
int contract_vector(const contract *c) {
  if (c->n.n == 0) return 1;
  return ir_eval_size(c->n.index[c->n.n - 1]->extent, c->bind->symbols) % 8 == 0 ? 8 : 1;
}

/* The indices of a list from its point number, the C variable NUMBER. */
static void add_axes(following *f, const contract_indices *list, const char *number) {
  base_arena *arena = f->c->bind->arena;
  cuda_axis *axis = f->frame.axis + f->frame.naxis;
  const char *rest = number;
  for (int i = list->n - 1; i >= 0; i--) {
    const char *name = base_format(arena, "i%d", f->frame.naxis + i);
    axis[i] = (cuda_axis){.index = list->index[i], .text = name};
    if (i == 0) {
      base_putf(&f->split, "  const idx %s = %s;\n", name, rest);
      continue;
    }
    int64_t extent = ir_eval_size(list->index[i]->extent, f->c->bind->symbols);
    const char *by = cuda_args_divisor(f->args, extent),
               *next = base_format(arena, "%s_%d", number, i);
    base_putf(&f->split, "  const int %s = quotient(%s, %s);\n  const idx %s = %s - %s * %s.by;\n",
              next, rest, by, name, rest, next, by);
    rest = next;
  }
  f->frame.naxis += list->n;
}

static void put_body(const following *f, base_text *text) {
  base_putf(text,
            "FN void body(const body_args &a, int batch, int m, int n, %s (&v)[%d]) {\n%s"
            "  body_of<true>(a",
            cuda_c_type(sum_type(f->c)), f->frame.lanes, f->split.at);
  for (int i = 0; i < f->frame.naxis; i++) base_putf(text, ", %s", f->frame.axis[i].text);
  base_putf(text, ", %d, v);\n}\n", f->frame.lanes);
}

cuda_args *contract_body(const contract *c, base_text *text, bool wide) {
  base_arena *arena = c->bind->arena;
  const kernel_segment *seg = c->seg;
  following f = {.c = c, .args = cuda_args_open(c->bind), .split = base_text_open(arena)};
  int naxis = c->batch.n + c->m.n + c->n.n;
  f.frame = (cuda_frame){.lanes = contract_vector(c), .repeats = 1, .wide = wide};
  f.frame.vector = f.frame.lanes > 1 ? naxis - 1 : -1;
  f.frame.axis = BASE_NEWS(arena, cuda_axis, naxis + 1);
  f.frame.home = BASE_NEWS(arena, cuda_home *, c->bind->program->tensors.n + 1);
  add_axes(&f, &c->batch, "batch");
  add_axes(&f, &c->m, "m");
  add_axes(&f, &c->n, "n");
  cuda_home *sums = f.frame.home[seg->eq[seg->main].eq->head->id] = BASE_NEW(arena, cuda_home);
  *sums = (cuda_home){.text = f.frame.lanes > 1 ? "sums" : "sums[0]",
                      .variable = true,
                      .class = f.frame.lanes > 1 ? CUDA_LANE : CUDA_ONE,
                      .type = sum_type(c)};
  kernel_code *code = kernel_code_open(arena, c->bind->program);
  for (int i = 0; i < seg->neq; i++)
    if (i == seg->main)
      kernel_code_add_given(code, &seg->eq[i]);
    else
      kernel_code_add(code, &seg->eq[i]);
  cuda_emit *e = cuda_emit_open(c->bind, code, f.args, &f.frame);
  base_text function = base_text_open(arena);
  cuda_emit_function(e, &function, "body_of", "body_args", "sums", sum_type(c));
  cuda_args_declare(f.args, text, "body_args");
  base_put_n(text, function.at, function.n);
  put_body(&f, text);
  return f.args;
}
