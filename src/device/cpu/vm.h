/* vm: the tile machine. Maps, rows and epilogues run on it.
 *
 * A tile is 64 consecutive elements of one line. Its f32 values stay in vector registers, the
 * accumulator x, from one instruction to the next: handlers call each other as tail calls, and
 * take their second operand from memory (widened as it is read), from a scalar of the line or from
 * a slot, a spilled tile in L1. Truth values are 64 bits in a mask; i64 and f64 live in wide slots.
 * Before the tiles of a line a short program computes what is the same for the whole line. The
 * last, incomplete tile runs the same program with masked reads and writes. One source, vm.inc,
 * compiled once for each instruction set. */
#ifndef TL_DEVICE_CPU_VM_H
#define TL_DEVICE_CPU_VM_H

#include "device/cpu/isa.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VM_TILE = 64 };

/* x = x op operand; R..: operand op x. LT to NE set mask d. SEL: where mask d x, else the operand.
 * MINN and MAXN: the operand is no nan. */
#define VM_BINARY(_)                                                                              \
  _(LD) _(ADD) _(SUB) _(RSUB) _(MUL) _(DIV) _(RDIV) _(MIN) _(RMIN) _(MAX) _(RMAX) _(MINN) _(MAXN) \
  _(LT) _(LE) _(GT) _(GE) _(EQ) _(NE) _(SEL) _(RSEL)

/* Where the second operand is: memory at cursor a (inside range b), scalar a, slot a. */
#define VM_KIND(_) _(F32) _(F16) _(BF16) _(SCALAR) _(SLOT)

/* x = op x */
#define VM_UNARY(_)                                                                               \
  _(NEG) _(ABS) _(SQUARE) _(SIGN) _(FLOOR) _(ROUND) _(EXP) _(LOG) _(SQRT) _(RSQRT) _(SIN) _(COS)  \
  _(TANH) _(ERF) _(SIG) _(TO_F16) _(TO_BF16)

/* The others. c[a]: cursor; w[a]: wide slot; m[a]: mask; r[a]: range; s[a]: f32 slot; n: the
 * immediate; l: lane; i: first element of the tile. Wide operations come for i64 (W), f64 (D). */
#define VM_OTHER(_)                                                                               \
  _(END)                                                                                          \
  _(POW) _(MOD)                        /* x = x op s[a] */                                        \
  _(SPILL)                             /* s[d] = x */                                             \
  _(KEEP)                              /* scalar[d] = x, lane 0 */                                \
  _(ST_F32) _(ST_F16) _(ST_BF16)       /* memory at c[a] + i = x, inside r[b] */                  \
  _(NT_F32) _(NT_F16) _(NT_BF16)       /* the same, past the cache: whole lines */                \
  _(SS_F32) _(SS_F16) _(SS_BF16)       /* n bytes apart */                                        \
  _(LS_F32) _(LS_F16) _(LS_BF16)       /* x = memory at c[a] + i n, n bytes apart, inside r[b] */ \
  _(LG_F32) _(LG_F16) _(LG_BF16)       /* x = memory at c[a] + w[e][l], inside r[b] */            \
  _(LB_F32) _(LB_F16) _(LB_BF16)       /* x = memory at c[a], all lanes; 0 where r[b] is empty */ \
  _(IOTA)                              /* x = c[a] + (i + l) n */                                 \
  _(RED_SUM) _(RED_MAX) _(RED_MIN) _(RED_PROD)       /* s[d] = s[d] op x */                       \
  _(ACC_SUM) _(ACC_MAX) _(ACC_MIN) _(ACC_PROD)       /* f32 at c[a] + i, inside r[b], op x */     \
  _(SC_SUM) _(SC_MAX) _(SC_MIN) _(SC_PROD)           /* f32 at c[a] + w[e][l], where m[b], op x */\
  _(FOLD_SUM) _(FOLD_MAX) _(FOLD_MIN) _(FOLD_PROD)   /* x = all lanes of s[a], in fixed order */  \
  _(FX_SUM) _(FX_MAX) _(FX_MIN) _(FX_PROD)           /* x = all its live lanes */                 \
  _(X_OF_M) _(X_OF_W) _(X_OF_D)        /* x = number of m[a], w[a] */                             \
  _(X_OF_D_F16) _(X_OF_D_BF16)         /* rounded once */                                         \
  _(M_RANGE) _(M_AND) _(M_OR) _(M_XOR) _(M_NOT) _(M_SET)                                          \
  _(M_LOAD) _(M_STORE) _(M_GATHER)     /* bytes n apart */                                        \
  _(M_SEL)                             /* m[d] = m[e] ? m[a] : m[b] */                            \
  _(M_OF_W) _(M_OF_D)                  /* not 0 */                                                \
  _(W_LOAD) _(W_STORE) _(W_LOAD32) _(W_STORE32)      /* memory at c[a] + i n, n bytes apart */    \
  _(W_GATHER) _(W_GATHER32)            /* at c[a] + w[e][l] */                                    \
  _(W_SET) _(W_IOTA) _(W_OF_X) _(W_OF_X32) _(W_OF_M) _(W_OF_D) _(W_OF_D32) _(W_CLAMP32)           \
  _(W_INSIDE)                          /* w[d] = w[a] and m[b] stays; 0 and not: outside [0, n) */\
  _(W_STEP)                            /* w[d] = w[a] + w[b] n */                                 \
  _(W_SEL)                             /* w[d] = m[e] ? w[a] : w[b] */                            \
  _(W_ADD) _(W_SUB) _(W_MUL) _(W_QUO) _(W_MOD) _(W_MIN) _(W_MAX) _(W_SHR) _(W_AND)                \
  _(W_NEG) _(W_ABS) _(W_SIGN) _(W_LT) _(W_LE) _(W_EQ) _(W_NE) _(W_RANDOM)                         \
  _(D_OF_X) _(D_OF_W) _(D_OF_M)                                                                   \
  _(D_ADD) _(D_SUB) _(D_MUL) _(D_DIV) _(D_POW) _(D_MOD) _(D_MIN) _(D_MAX)                         \
  _(D_NEG) _(D_ABS) _(D_SIGN) _(D_FLOOR) _(D_ROUND) _(D_EXP) _(D_LOG) _(D_SQRT) _(D_RSQRT)        \
  _(D_CALL) _(D_CALL_ONE)              /* w[d] = function n of w[a] w[b] w[e]; ONE: of lane 0 */  \
  _(D_SIN) _(D_COS) _(D_TANH) _(D_ERF) _(D_SIG) _(D_LT) _(D_LE) _(D_EQ) _(D_NE)                   \
  _(W_RED_SUM) _(W_RED_MAX) _(W_RED_MIN) _(W_RED_PROD)                                            \
  _(D_RED_SUM) _(D_RED_MAX) _(D_RED_MIN) _(D_RED_PROD)   /* w[d] = w[d] op w[a] */                \
  _(W_ACC_SUM) _(W_ACC_MAX) _(W_ACC_MIN) _(W_ACC_PROD)                                            \
  _(D_ACC_SUM) _(D_ACC_MAX) _(D_ACC_MIN) _(D_ACC_PROD)   /* c[a] + i, inside r[b], op w[d] */     \
  _(W_SC_SUM) _(W_SC_MAX) _(W_SC_MIN) _(W_SC_PROD)                                                \
  _(D_SC_SUM) _(D_SC_MAX) _(D_SC_MIN) _(D_SC_PROD)       /* c[a] + w[e][l], where m[b], op w[d] */\
  _(W_FOLD_SUM) _(W_FOLD_MAX) _(W_FOLD_MIN) _(W_FOLD_PROD)                                        \
  _(D_FOLD_SUM) _(D_FOLD_MAX) _(D_FOLD_MIN) _(D_FOLD_PROD)   /* w[d] = all lanes of w[a] */       \
  /* before a line: */                                                                            \
  _(R_ALL) _(R_BELOW) _(R_ZERO)        /* r[d] = all; of it, where c[a] + i n is < 0, is 0 */     \
  _(C_STEP)                            /* c[d] = c[a] + w[b][0] n */                              \
  _(R_MASK)                            /* r[d] = nothing unless m[a] holds in lane 0 */           \
  _(GO)                                /* i = n, with d lanes live */

typedef enum vm_kind {
#define VM_ROW(name) VM_##name,
  VM_KIND(VM_ROW)
  VM_KINDS
} vm_kind;

typedef enum vm_binary { VM_BINARY(VM_ROW) VM_BINARIES } vm_binary;

typedef enum vm_op {
  VM_FIRST_UNARY = VM_BINARIES * VM_KINDS - 1,
  VM_UNARY(VM_ROW) VM_OTHER(VM_ROW)
#undef VM_ROW
  VM_OPS
} vm_op;
#define VM_OP(binary, kind) ((vm_op)((binary) * VM_KINDS + (kind)))

typedef void (*vm_handler)(void);    /* called with registers only its own file knows */

typedef struct vm_ins {
  vm_handler f;
  int32_t a, b, d, e;
  union {
    int64_t n;
    double real;
  } u;
} vm_ins;

typedef struct vm_range {
  int64_t from, to;
} vm_range;

/* What a program runs on. Addresses in cursors are those of element 0 of the line. */
typedef struct vm_frame {
  _Alignas(64) float x[VM_TILE];     /* the accumulator, where it is not in registers */
  int64_t *cursor;
  uint64_t live;                     /* lanes of this tile in use */
  float *scalar;
  float (*slot)[VM_TILE];
  int64_t (*wide)[VM_TILE];
  uint64_t *mask;
  vm_range *range;                   /* the first is everything */
} vm_frame;

typedef struct vm_code {             /* each ends with END */
  const vm_ins *line;                /* once before the tiles; NULL: nothing */
  const vm_ins *tile, *tail;         /* NULL: only the line program */
  const vm_ins *after;               /* once behind them, with one lane live; NULL: nothing */
} vm_code;

typedef struct vm_machine {
  const vm_handler *full, *masked;   /* by vm_op */
  void (*run)(const vm_code *code, vm_frame *frame, int64_t n);   /* elements [0, n) of a line */
  void (*fence)(void);               /* after the NT_ stores of a thread */
} vm_machine;

const vm_machine *vm_machine_for(cpu_isa isa);
extern const vm_machine vm_plain, vm_avx2, vm_avx512;

#endif
