#include "fixture.h"

#include <stdlib.h>

#include "ir/private.h"

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

const ir_expr *size_at_least(ir_program *p, const char *name, int64_t least) {
  return ir_size(p, ir_symbol_new(p, name, false, least));
}

const ir_expr *size_of(ir_program *p, const char *name) { return size_at_least(p, name, 0); }

const ir_expr *over(ir_program *p, const char *name, const ir_expr *extent) {
  return ir_use(p, ir_index_new(p, name, extent));
}

ir_tensor *input(ir_program *p, const char *name, int rank, const ir_expr *const *size) {
  return ir_tensor_new(p, name, IR_F32, rank, size, IR_INPUT);
}

ir_tensor *derived(ir_program *p, const char *name, int rank, const ir_expr *const *size) {
  return ir_tensor_new(p, name, IR_F32, rank, size, IR_DERIVED);
}

static ir_program *home(const ir_expr *e) { return e->table->program; }

const ir_expr *add(const ir_expr *a, const ir_expr *b) { return ir_binary(home(a), IR_ADD, a, b); }
const ir_expr *sub(const ir_expr *a, const ir_expr *b) { return ir_binary(home(a), IR_SUB, a, b); }
const ir_expr *mul(const ir_expr *a, const ir_expr *b) { return ir_binary(home(a), IR_MUL, a, b); }
const ir_expr *quo(const ir_expr *a, const ir_expr *b) { return ir_binary(home(a), IR_QUO, a, b); }
const ir_expr *mod(const ir_expr *a, const ir_expr *b) { return ir_binary(home(a), IR_MOD, a, b); }
const ir_expr *number(ir_program *p, int64_t value) { return ir_int(p, value); }
const ir_expr *real(ir_program *p, double value) { return ir_real(p, IR_F32, value); }

const char *text_of(const ir_expr *e) {
  base_text text = base_text_open(home(e)->arena);
  ir_print_expr(&text, e);
  return text.at;
}

const char *text_of_eq(const ir_eq *eq) {
  base_text text = base_text_open(home(eq->body)->arena);
  ir_print_eq(&text, eq);
  return text.at;
}

const char *text_of_program(const ir_program *p) {
  base_text text = base_text_open(p->arena);
  ir_print(&text, p);
  return text.at;
}

uint64_t next_random(uint64_t *state) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return *state >> 33;
}

const char *verify_message(lab *l, const char *after) {
  base_trap trap;
  base_clear(l->ctx);
  if (BASE_TRY(l->ctx, &trap)) {
    ir_verify(l->p, after);
    base_untrap(l->ctx, &trap);
  }
  return base_last(l->ctx)->status == BASE_OK ? "" : base_last(l->ctx)->message;
}
