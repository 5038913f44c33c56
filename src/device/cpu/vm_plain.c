/* The tile machine for every processor: vectors of four by the compiler, the tile in memory. */
#include <math.h>
#include <stdint.h>

#include "base/base.h"

enum { VL = 4 };
typedef float V __attribute__((vector_size(16)));
typedef int32_t VI __attribute__((vector_size(16)));
typedef uint32_t VU __attribute__((vector_size(16)));
typedef VI VM;

#define VM_STATE 0
#define VM_FMA   0
#define MACHINE  vm_plain

#define EVERY for (int l_ = 0; l_ < VL; l_++)
/* Lanes of 64 bits, and the tests of them as bits. */
typedef int64_t W __attribute__((vector_size(16), may_alias));
typedef uint64_t U __attribute__((vector_size(16), may_alias));
typedef double D __attribute__((vector_size(16), may_alias));
static inline unsigned w_bits(W m) { return (unsigned)((m[0] & 1) | (m[1] & 2)); }

static inline V v_set(float a) { return (V){a, a, a, a}; }
static inline float v_first(V a) { return a[0]; }
static inline V v_fma(V a, V b, V c) { return a * b + c; }
static inline VI v_bits_of(V a) { return (VI)a; }
static inline V v_of_bits(VI a) { return (V)a; }
static inline VI v_to_int(V a) { return __builtin_convertvector(a, VI); }
static inline V v_of_int(VI a) { return __builtin_convertvector(a, V); }

static inline VM v_lt(V a, V b) { return a < b; }
static inline VM v_le(V a, V b) { return a <= b; }
static inline VM v_eq(V a, V b) { return a == b; }
static inline VM v_ne(V a, V b) { return a != b; }
static inline VM v_nan(V a) { return a != a; }
static inline V v_pick(VM m, V a, V b) { return (V)((m & (VI)a) | (~m & (VI)b)); }
static inline unsigned v_bits(VM m) {
  return (unsigned)((m[0] & 1) | (m[1] & 2) | (m[2] & 4) | (m[3] & 8));
}
static inline VM v_mask(unsigned bits) {
  return (((VI){(int)bits, (int)bits, (int)bits, (int)bits} & (VI){1, 2, 4, 8}) != 0);
}

static inline V v_min(V a, V b) { return v_pick(a < b, a, b); }
static inline V v_max(V a, V b) { return v_pick(a > b, a, b); }
static inline V v_abs(V a) { return (V)((VI)a & INT32_MAX); }
static inline V v_sign_from(V a, V s) { return (V)(((VI)a & INT32_MAX) | ((VI)s & INT32_MIN)); }
static inline V v_sqrt(V a) {
  EVERY a[l_] = sqrtf(a[l_]);
  return a;
}
static inline V v_round(V a) {
  EVERY a[l_] = rintf(a[l_]);
  return a;
}
static inline V v_floor(V a) {
  EVERY a[l_] = floorf(a[l_]);
  return a;
}
/* a 2^k in two steps, so that subnormal results round once and the exponents stay in range. */
static inline V v_scale(V a, V k) {
  VI n = v_to_int(k), half = n >> 1;
  return a * v_of_bits((VI)((VU)(half + 127) << 23)) * v_of_bits((VI)((VU)(n - half + 127) << 23));
}

/* ---- memory: whole vectors, then the lanes of a mask only ---- */

typedef V unaligned __attribute__((aligned(4), may_alias));

static inline V v_load(const float *p) { return *(const unaligned *)(const void *)p; }
static inline void v_store(float *p, V a) { *(unaligned *)(void *)p = a; }
static inline V v_load_some(const float *p, unsigned m) {
  V a = v_set(0);
  EVERY if (m >> l_ & 1) a[l_] = p[l_];
  return a;
}
static inline void v_store_some(float *p, V a, unsigned m) { EVERY if (m >> l_ & 1) p[l_] = a[l_]; }
#define HALVES(type)                                                                       \
  static inline V v_load_##type##_some(const uint16_t *p, unsigned m) {                    \
    V a = v_set(0);                                                                        \
    EVERY if (m >> l_ & 1) a[l_] = base_##type##_to_f32(p[l_]);                            \
    return a;                                                                              \
  }                                                                                        \
  static inline void v_store_##type##_some(uint16_t *p, V a, unsigned m) {                 \
    EVERY if (m >> l_ & 1) p[l_] = base_f32_to_##type(a[l_]);                              \
  }                                                                                        \
  static inline V v_load_##type(const uint16_t *p) { return v_load_##type##_some(p, 15); } \
  static inline void v_store_##type(uint16_t *p, V a) { v_store_##type##_some(p, a, 15); } \
  static inline V v_round_##type(V a) {                                                    \
    EVERY a[l_] = base_##type##_to_f32(base_f32_to_##type(a[l_]));                         \
    return a;                                                                              \
  }
HALVES(f16)
HALVES(bf16)

/* There are no stores past the cache here. */
#define v_stream      v_store
#define v_stream_f16  v_store_f16
#define v_stream_bf16 v_store_bf16
static inline void v_fence(void) {}

static inline uint64_t truth_load(const char *p) {
  uint64_t m = 0;
  for (int l = 0; l < 64; l++) m |= (uint64_t)(p[l] != 0) << l;
  return m;
}
static inline void truth_store(char *p, uint64_t m) {
  for (int l = 0; l < 64; l++) p[l] = (char)(m >> l & 1);
}

#include "device/cpu/vm.inc"
