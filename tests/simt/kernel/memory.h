/* Loads and stores with hints, atomic operations, fences, addresses. One thread runs at a time, so
 * every access is atomic here; what a loop may wait with, atomicCAS and __ldcv, lets others run. */
#pragma once

#define SIMT_LOAD(name) \
  template <class T> static inline T name(const T *p) { return *p; }
SIMT_LOAD(__ldg)
SIMT_LOAD(__ldcg)
SIMT_LOAD(__ldca)
SIMT_LOAD(__ldcs)
SIMT_LOAD(__ldlu)
template <class T> static inline T __ldcv(const T *p) {
  simt_spin("a load of what others change");
  return *(const volatile T *)p;
}
#define SIMT_STORE(name) \
  template <class T> static inline void name(T *p, T x) { *p = x; }
SIMT_STORE(__stwb)
SIMT_STORE(__stcg)
SIMT_STORE(__stcs)
SIMT_STORE(__stwt)

static inline void __threadfence() {}
static inline void __threadfence_block() {}
static inline void __threadfence_system() {}

static inline unsigned long __cvta_generic_to_shared(const void *p) { return simt_shared(p); }
static inline void *__cvta_shared_to_generic(unsigned long a) {
  return simt_shared_at((unsigned)a, 1);
}
static inline unsigned long __cvta_generic_to_global(const void *p) { return (unsigned long)p; }
static inline bool __isShared(const void *p) { return simt_is_shared(p); }
static inline bool __isGlobal(const void *p) { return !simt_is_shared(p); }

/* Checked, an atomic access races with none. */
#define SIMT_QUIET static __attribute__((noinline, unused, no_sanitize("thread")))

/* ---- atomics --------------------------------------------------------------------------------- */

#define SIMT_ATOMIC(name, T, expression)              \
  SIMT_QUIET T name(T *p, T x) {                      \
    T old = *p;                                       \
    *p = (T)(expression);                             \
    return old;                                       \
  }                                                   \
  static inline T name##_block(T *p, T x) { return name(p, x); } \
  static inline T name##_system(T *p, T x) { return name(p, x); }

#define SIMT_ATOMICS(T)                                \
  SIMT_ATOMIC(atomicExch, T, x)                        \
  SIMT_ATOMIC(atomicAdd, T, old + x)                   \
  SIMT_ATOMIC(atomicMin, T, x < old ? x : old)         \
  SIMT_ATOMIC(atomicMax, T, x > old ? x : old)
#define SIMT_ATOMIC_BITS(T)              \
  SIMT_ATOMIC(atomicAnd, T, old & x)     \
  SIMT_ATOMIC(atomicOr, T, old | x)      \
  SIMT_ATOMIC(atomicXor, T, old ^ x)

SIMT_ATOMICS(int)
SIMT_ATOMICS(unsigned)
SIMT_ATOMICS(long long)
SIMT_ATOMICS(unsigned long long)
SIMT_ATOMIC_BITS(int)
SIMT_ATOMIC_BITS(unsigned)
SIMT_ATOMIC_BITS(long long)
SIMT_ATOMIC_BITS(unsigned long long)
SIMT_ATOMIC(atomicSub, int, old - x)
SIMT_ATOMIC(atomicSub, unsigned, old - x)
SIMT_ATOMIC(atomicInc, unsigned, old >= x ? 0 : old + 1)
SIMT_ATOMIC(atomicDec, unsigned, old == 0 || old > x ? x : old - 1)
SIMT_ATOMIC(atomicExch, float, x)
SIMT_ATOMIC(atomicAdd, float, old + x)
SIMT_ATOMIC(atomicAdd, double, old + x)

#define SIMT_CAS(T)                                                    \
  SIMT_QUIET T atomicCAS(T *p, T compare, T x) {                       \
    simt_spin("atomicCAS");                                            \
    T old = *p;                                                        \
    if (old == compare) *p = x;                                        \
    return old;                                                        \
  }
SIMT_CAS(int)
SIMT_CAS(unsigned)
SIMT_CAS(unsigned short)
SIMT_CAS(unsigned long long)
