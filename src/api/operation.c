/* tl_op and tl_einsum: a call is found again by its name, its attributes and the types, ranks
 * and positions 1 long of its tensors; only what is new is made out of the table. */
#include <string.h>

#include "api/operation.h"

enum { KNOWN = 1024 }; /* calls kept at most */

struct api_operation {
  api_operation *next; /* of its bucket */
  uint64_t hash;
  base_arena *arena;
  const char *name; /* of an Einstein summation: its labels */
  bool einsum;
  int n, nattributes;
  tl_attr *attribute;
  bool shaped; /* its text is of these sizes of the first tensor */
  int64_t size[RUN_RANK];
  ir_type *type; /* by argument; IR_TYPES: left out */
  int *rank;
  uint32_t *ones;         /* positions that are 1 long */
  api_text *text;         /* retained */
  int ninputs, *argument; /* arguments that are not left out */
  const char **input;     /* their names in the text */
};

typedef struct asking {
  tl_context *ctx;
  const char *name, *call; /* and what it is called in messages */
  bool einsum;
  int n, nattributes;
  tl_tensor *const *tensor;
  const tl_attr *attribute;
  uint64_t hash;
  uint32_t ones[OPERATION_ARGUMENTS];
  bool shaped;     /* has the attribute `shape` */
  char *equations; /* for a diagnosis */
  tl_tensor *made;
} asking;

/* ---- calls that were made before ------------------------------------------------------------- */

static uint32_t ones_of(const tl_tensor *t) {
  uint32_t ones = 0;
  for (int k = 0; k < t->rank; k++) ones |= (uint32_t)(t->size[k] == 1) << k;
  return ones;
}

static void hash_call(asking *a) {
  uint64_t h = a->einsum;
  for (const char *s = a->name; *s; s++) h = h * 31 + (unsigned char)*s;
  for (int i = 0; i < a->n; i++) {
    const tl_tensor *t = a->tensor[i];
    a->ones[i] = t ? ones_of(t) : 0;
    h = h * 1000003 + (t ? (uint64_t)t->type * 64 + (uint64_t)t->rank + 1 : 0);
    h = h * 1000003 + a->ones[i];
  }
  a->shaped = a->nattributes && strcmp(a->attribute[0].name, "shape") == 0 && a->tensor[0];
  for (int k = 0; a->shaped && k < a->tensor[0]->rank; k++)
    h = base_hash_mix(h, (uint64_t)a->tensor[0]->size[k]);
  for (int i = 0; i < a->nattributes; i++) {
    uint64_t bits;
    memcpy(&bits, &a->attribute[i].value, sizeof bits);
    h = base_hash_mix(h, bits);
  }
  a->hash = h ^ h >> 32;
}

static bool same_call(const api_operation *o, const asking *a) {
  if (o->hash != a->hash || o->einsum != a->einsum || o->n != a->n ||
      o->nattributes != a->nattributes || strcmp(o->name, a->name) != 0)
    return false;
  for (int i = 0; i < a->n; i++) {
    const tl_tensor *t = a->tensor[i];
    if (o->type[i] != (t ? t->type : IR_TYPES) || (t && o->rank[i] != t->rank) ||
        o->ones[i] != a->ones[i])
      return false;
  }
  for (int k = 0; a->shaped && k < a->tensor[0]->rank; k++)
    if (o->size[k] != a->tensor[0]->size[k]) return false;
  for (int i = 0; i < a->nattributes; i++)
    if (memcmp(&o->attribute[i].value, &a->attribute[i].value, sizeof(double)) != 0 ||
        strcmp(o->attribute[i].name, a->attribute[i].name) != 0)
      return false;
  return true;
}

static void free_operation(tl_context *ctx, api_operation *o) {
  api_text_release(ctx, o->text);
  base_arena_close(o->arena);
}

void api_operations_free(tl_context *ctx) {
  for (int i = 0; i < API_TEXTS; i++)
    for (api_operation *o = ctx->operations[i], *next; o; o = next) {
      next = o->next;
      free_operation(ctx, o);
    }
  memset(ctx->operations, 0, sizeof ctx->operations);
  ctx->noperations = 0;
}

/* ---- a new one ------------------------------------------------------------------------------- */

_Noreturn static void refuse(const asking *a, base_arena *arena, const char *wrong,
                             const char *near) {
  base_raise(a->ctx->base, BASE_ARGUMENT, base_nowhere, "%s%s", wrong,
             near ? base_format(arena, "\nhelp: did you mean `%s`?", near) : "");
}

static const operation_row *row_of(const asking *a, base_arena *arena) {
  const operation_row *row = operation_find(a->name);
  if (row) return row;
  const char *name[256];
  int n = 0;
  for (int i = 0; i < operation_count && n < 256; i++)
    if (operation_rows[i].name) name[n++] = operation_rows[i].name;
  refuse(a, arena, "there is no such operation", lang_did_you_mean(a->name, name, n));
}

static void check_arguments(const asking *a, base_arena *arena, const operation *op) {
  const operation_argument *last = &op->argument[op->narguments - 1];
  int least = op->narguments;
  while (!last->list && least && op->argument[least - 1].otherwise) least--;
  if (a->n < least || (a->n > op->narguments && !last->list))
    refuse(a, arena,
           base_format(arena, "it takes %s%d tensor%s (%s), not %d",
                       last->list || least < op->narguments ? "at least " : "", least,
                       least == 1 ? "" : "s", op->row->arguments, a->n),
           NULL);
  for (int i = 0; i < a->n; i++) {
    const operation_argument *x = &op->argument[i < op->narguments ? i : op->narguments - 1];
    if (!a->tensor[i] && !x->otherwise)
      refuse(a, arena, base_format(arena, "%s is NULL", x->name), NULL);
  }
}

static void take_attribute(const asking *a, operation_call *c, const tl_attr *given) {
  const char *name[OPERATION_ATTRIBUTES];
  for (int i = 0; i < c->op.nattributes; i++) {
    const operation_attribute *x = &c->op.attribute[i];
    name[i] = x->name;
    if (strcmp(x->name, given->name) != 0) continue;
    bool many =
        x->kind == OPERATION_AXES || x->kind == OPERATION_PERMUTATION || x->kind == OPERATION_SHAPE;
    int most = many ? OPERATION_VALUES : x->kind == OPERATION_PAIR ? 2 : 1;
    if (c->nvalues[i] == most)
      refuse(a, c->arena, base_format(c->arena, "%s is given too often", x->name), NULL);
    c->value[i][c->nvalues[i]++] = given->value;
    return;
  }
  base_text takes = base_text_open(c->arena);
  for (int i = 0; i < c->op.nattributes; i++) base_putf(&takes, i ? ", %s" : "%s", name[i]);
  refuse(a, c->arena,
         base_format(c->arena, "there is no attribute `%s`; it takes %s", given->name,
                     takes.n ? takes.at : "none"),
         lang_did_you_mean(given->name, name, c->op.nattributes));
}

static void remember(base_arena *arena, api_operation *o, const asking *a,
                     const operation_call *c) {
  *o = (api_operation){.hash = a->hash, .arena = arena, .einsum = a->einsum, .n = a->n};
  o->name = base_copy(arena, a->name);
  o->nattributes = a->nattributes;
  o->type = BASE_NEWS(arena, ir_type, a->n + 1);
  o->rank = BASE_NEWS(arena, int, a->n + 1);
  o->ones = BASE_NEWS(arena, uint32_t, a->n + 1);
  o->argument = BASE_NEWS(arena, int, a->n + 1);
  o->input = BASE_NEWS(arena, const char *, a->n + 1);
  o->attribute = BASE_NEWS(arena, tl_attr, a->nattributes + 1);
  for (int i = 0; i < a->n; i++) {
    const tl_tensor *t = a->tensor[i];
    o->type[i] = t ? t->type : IR_TYPES;
    o->rank[i] = t ? t->rank : 0;
    o->ones[i] = a->ones[i];
    if (!t) continue;
    o->argument[o->ninputs] = i;
    o->input[o->ninputs++] = a->einsum ? einsum_name(i) : operation_name(c, i);
  }
  for (int i = 0; i < a->nattributes; i++) {
    o->attribute[i].name = base_copy(arena, a->attribute[i].name);
    o->attribute[i].value = a->attribute[i].value;
  }
  o->shaped = a->shaped;
  for (int k = 0; a->shaped && k < a->tensor[0]->rank; k++) o->size[k] = a->tensor[0]->size[k];
}

static char *equations_of(base_arena *arena, const asking *a, operation_call *c) {
  if (a->einsum) return einsum_equations(arena, a->name, a->n, a->tensor);
  c->op = operation_parse(arena, row_of(a, arena));
  check_arguments(a, arena, &c->op);
  for (int i = 0; i < a->nattributes; i++) take_attribute(a, c, &a->attribute[i]);
  return operation_equations(c);
}

/* ARENA lives as long as the operation. */
static api_operation *make_out(base_arena *arena, asking *a) {
  operation_call *c = BASE_NEW(arena, operation_call);
  *c = (operation_call){.arena = arena, .base = a->ctx->base, .n = a->n, .tensor = a->tensor};
  char *equations = equations_of(arena, a, c);
  api_operation *o = BASE_NEW(arena, api_operation);
  remember(arena, o, a, c);
  o->text = api_text_of(a->ctx, equations);
  return o;
}

static api_operation *operation_new(asking *a) {
  base_arena *arena = base_arena_open(a->ctx->base);
  base_trap trap;
  if (BASE_TRY(a->ctx->base, &trap)) {
    api_operation *o = make_out(arena, a);
    base_untrap(a->ctx->base, &trap);
    return o;
  }
  base_arena_close(arena);
  base_raise_again(a->ctx->base);
}

static api_operation *operation_of(asking *a) {
  api_operation **bucket = &a->ctx->operations[a->hash % API_TEXTS];
  for (api_operation *o = *bucket; o; o = o->next)
    if (same_call(o, a)) return o;
  if (a->ctx->noperations == KNOWN) api_operations_free(a->ctx);
  api_operation *o = operation_new(a);
  o->next = *bucket;
  a->ctx->noperations++;
  return *bucket = o;
}

/* ---- a call ---------------------------------------------------------------------------------- */

static void operate(void *arg) {
  asking *a = arg;
  hash_call(a);
  const api_operation *o = operation_of(a);
  tl_tensor *input[OPERATION_ARGUMENTS];
  for (int i = 0; i < o->ninputs; i++) input[i] = a->tensor[o->argument[i]];
  api_signature s = {o->ninputs, o->input, input, IR_TYPES};
  a->equations = (char *)(uintptr_t)o->text->text;
  a->made = api_equation_new(a->ctx, o->text, &s);
}

/* "matmul: ", before what went wrong. */
static void name_operation(tl_context *ctx, const char *name) {
  char *message = ctx->first.message;
  size_t n = strlen(name), room = sizeof ctx->first.message - 1, have = strlen(message);
  if (n + 2 + have > room) have = n + 2 < room ? room - n - 2 : 0;
  if (n + 2 > room) return;
  memmove(message + n + 2, message, have);
  memcpy(message, name, n);
  memcpy(message + n, ": ", 2);
  message[n + 2 + have] = 0;
}

static tl_status check_call(const asking *a) {
  tl_context *ctx = a->ctx;
  if (a->n < 1 || a->n > OPERATION_ARGUMENTS || a->nattributes > TL_OP_ATTRS || !a->tensor)
    return api_refuse(ctx, BASE_ARGUMENT, "%s: it takes 1 to %d tensors and %d attributes at most",
                      a->call, OPERATION_ARGUMENTS, TL_OP_ATTRS);
  for (int i = 0; i < a->n; i++) {
    if (a->tensor[i] && a->tensor[i]->ctx != ctx)
      return api_refuse(ctx, BASE_ARGUMENT, "%s: tensor %d is of another context", a->call, i);
    /* What failed before is not taken for what is left out. */
    if (!a->tensor[i] && ctx->first.status != BASE_OK) return (tl_status)ctx->first.status;
    if (!a->tensor[i] && a->einsum)
      return api_refuse(ctx, BASE_ARGUMENT, "%s: operand %d is NULL", a->call, i);
  }
  return TL_OK;
}

static tl_tensor *ask(asking *a) {
  tl_context *ctx = a->ctx;
  if (check_call(a) != TL_OK) return NULL;
  bool first = ctx->first.status == BASE_OK;
  if (api_call(ctx, operate, a) == TL_OK || !first) return a->made;
  name_operation(ctx, a->call);
  lang_source source = {NULL, a->equations ? a->equations : ""};
  api_diagnose(ctx, &source, a->equations ? 1 : 0);
  return NULL;
}

tl_tensor *tl_op(tl_context *ctx, const char *name, int n, tl_tensor *const *tensors,
                 const tl_attr *attributes) {
  if (!ctx || !ctx->session) return NULL;
  asking a = {.ctx = ctx, .name = name, .call = name, .n = n, .tensor = tensors};
  a.attribute = attributes;
  while (attributes && attributes[a.nattributes].name) a.nattributes++;
  if (name) return ask(&a);
  api_refuse(ctx, BASE_ARGUMENT, "tl_op: the name is NULL");
  return NULL;
}

tl_tensor *tl_einsum(tl_context *ctx, const char *labels, int n, tl_tensor *const *operands) {
  if (!ctx || !ctx->session) return NULL;
  asking a = {.ctx = ctx, .name = labels, .call = "tl_einsum", .n = n, .tensor = operands};
  a.einsum = true;
  if (labels && n <= EINSUM_OPERANDS) return ask(&a);
  api_refuse(ctx, BASE_ARGUMENT,
             labels ? "tl_einsum: %d operands; %d are the most" : "tl_einsum: the labels are NULL",
             n, EINSUM_OPERANDS);
  return NULL;
}
