/* emit: the struct of arguments that a kernel's text reads. */
#include <string.h>

#include "device/cuda/emit.h"

typedef enum member_kind {
  MEMBER_TENSOR,
  MEMBER_ROOM,
  MEMBER_NUMBER,
  MEMBER_FIXED,
  MEMBER_DIVISOR
} member_kind;

typedef struct member {
  member_kind kind;
  const char *name; /* "t0", of which the text is "a.t0" */
  const ir_tensor *tensor;
  int room;
  const ir_expr *number;
  bool wide;
  int64_t value; /* FIXED, DIVISOR; ROOM: its offset */
} member;

struct cuda_args {
  device_bind *bind;
  BASE_VEC(member) members;
};

cuda_args *cuda_args_open(device_bind *bind) {
  cuda_args *args = BASE_NEW(bind->arena, cuda_args);
  args->bind = bind;
  return args;
}

static const char *text_of(const cuda_args *args, const char *name) {
  return base_format(args->bind->arena, "a.%s", name);
}

static const char *add(cuda_args *args, char letter, member m) {
  m.name = base_format(args->bind->arena, "%c%d", letter, args->members.n);
  BASE_PUSH(args->bind->arena, &args->members, m);
  return text_of(args, m.name);
}

const char *cuda_args_tensor(cuda_args *args, const ir_tensor *t) {
  for (int i = 0; i < args->members.n; i++)
    if (args->members.at[i].tensor == t) return text_of(args, args->members.at[i].name);
  return add(args, 't', (member){.kind = MEMBER_TENSOR, .tensor = t});
}

const char *cuda_args_room(cuda_args *args, int kind, int64_t offset) {
  for (int i = 0; i < args->members.n; i++) {
    const member *m = &args->members.at[i];
    if (m->kind == MEMBER_ROOM && m->room == kind && m->value == offset)
      return text_of(args, m->name);
  }
  return add(args, 's', (member){.kind = MEMBER_ROOM, .room = kind, .value = offset});
}

static bool has_counter(const ir_expr *e) {
  if (e->op == IR_SYMBOL) return e->u.symbol->counter;
  for (int i = 0; i < e->n; i++)
    if (has_counter(e->arg[i])) return true;
  return false;
}

const char *cuda_args_number(cuda_args *args, const ir_expr *e, bool wide) {
  bool moves = has_counter(e);
  for (int i = 0; i < args->members.n; i++) {
    const member *m = &args->members.at[i];
    if (m->number != e || m->wide != (wide || moves)) continue;
    const char *text = text_of(args, m->name);
    return moves && !wide ? base_format(args->bind->arena, "(int32_t)%s", text) : text;
  }
  add(args,
      moves  ? 'c'
      : wide ? 'w'
             : 'n',
      (member){.kind = MEMBER_NUMBER, .number = e, .wide = wide || moves});
  return cuda_args_number(args, e, wide);
}

const char *cuda_args_fixed(cuda_args *args, int64_t value, bool wide) {
  return add(args, 'f', (member){.kind = MEMBER_FIXED, .value = value, .wide = wide});
}

const char *cuda_args_divisor(cuda_args *args, int64_t value) {
  return add(args, 'd', (member){.kind = MEMBER_DIVISOR, .value = value});
}

int cuda_args_count(const cuda_args *args) { return args->members.n; }

void cuda_args_declare(const cuda_args *args, base_text *text, const char *name) {
  base_putf(text, "struct __align__(8) %s {\n", name);
  for (int i = 0; i < args->members.n; i++) {
    const member *m = &args->members.at[i];
    const char *type = m->kind <= MEMBER_ROOM      ? "char *"
                       : m->kind == MEMBER_DIVISOR ? "divisor "
                       : m->wide                   ? "int64_t "
                                                   : "int32_t ";
    base_putf(text, "  %s%s;\n", type, m->name);
  }
  if (args->members.n == 0) base_put(text, "  int32_t none;\n");
  base_put(text, "};\n");
}

/* x / d = x * magic / 2^(32 + shift) for 0 <= x < 2^31: the magic number of Granlund and
 * Montgomery, which fits 32 bits there. */
static void pass_divisor(cuda_launch *l, int stage, int64_t d) {
  uint32_t magic = 0, shift = 0;
  if (d > 1) {
    while (((int64_t)1 << shift) < d) shift++;
    magic = (uint32_t)((((uint64_t)1 << (31 + shift)) + (uint64_t)d - 1) / (uint64_t)d);
    shift--;
  }
  cuda_pass_i32(l, stage, (int32_t)(d > 0 ? d : 1));
  cuda_pass_i32(l, stage, (int32_t)magic);
  cuda_pass_i32(l, stage, (int32_t)shift);
}

void cuda_args_pass(const cuda_args *args, cuda_launch *l, int stage) {
  cuda_pass_bytes(l, stage, "", 0, 8);
  for (int i = 0; i < args->members.n; i++) {
    const member *m = &args->members.at[i];
    switch (m->kind) {
    case MEMBER_TENSOR: cuda_pass_tensor(l, stage, m->tensor, 0); break;
    case MEMBER_ROOM:
      cuda_pass_place(l, stage, &(cuda_place){.tensor = m->room, .offset = m->value});
      break;
    case MEMBER_NUMBER:
      if (m->wide)
        cuda_pass_expr(l, stage, args->bind, m->number);
      else
        cuda_pass_i32(l, stage, (int32_t)ir_eval_size(m->number, args->bind->symbols));
      break;
    case MEMBER_FIXED:
      if (m->wide)
        cuda_pass_i64(l, stage, m->value);
      else
        cuda_pass_i32(l, stage, (int32_t)m->value);
      break;
    case MEMBER_DIVISOR: pass_divisor(l, stage, m->value); break;
    }
  }
  if (args->members.n == 0) cuda_pass_i32(l, stage, 0);
  cuda_pass_bytes(l, stage, "", 0, 8);
}
