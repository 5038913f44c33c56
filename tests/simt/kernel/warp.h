/* Barriers of a block, and what the lanes of a warp do together. */
#pragma once

static inline void __syncthreads() { simt_barrier(0, 0, 1); }
static inline void __syncwarp(unsigned mask = 0xffffffff) {
  /* the lanes that a short last warp has not are not waited for */
  simt_meet(mask & (mask == 0xffffffff ? simt_active() : mask), "__syncwarp", nullptr, nullptr);
}
static inline unsigned __activemask() { return simt_active(); }

/* ---- shuffles -------------------------------------------------------------------------------- */

struct simt_shuffle {
  unsigned long long value, result;
  int from; /* lane */
};

static void simt_do_shuffle(unsigned mask, void *const *arg) {
  for (int lane = 0; lane < 32; lane++) {
    if (!(mask >> lane & 1)) continue;
    simt_shuffle *s = (simt_shuffle *)arg[lane];
    if (!(mask >> s->from & 1))
      simt_stop("a shuffle: lane %d reads from lane %d, which is not in the mask %08x", lane,
                s->from, mask);
    s->result = ((const simt_shuffle *)arg[s->from])->value;
  }
}

template <class T> static inline T simt_shuffled(unsigned mask, T x, int from) {
  static_assert(sizeof(T) <= 8, "a shuffle moves at most 8 bytes");
  simt_shuffle s = {0, 0, from};
  __builtin_memcpy(&s.value, &x, sizeof x);
  simt_meet(mask, "shuffle", &s, simt_do_shuffle);
  __builtin_memcpy(&x, &s.result, sizeof x);
  return x;
}

/* Lanes outside of their segment of WIDTH keep what they have. */
template <class T> static inline T __shfl_sync(unsigned mask, T x, int lane, int width = 32) {
  int me = (int)simt_now->lane;
  return simt_shuffled(mask, x, (me & -width) | (lane & (width - 1)));
}
template <class T> static inline T __shfl_xor_sync(unsigned mask, T x, int lanes, int width = 32) {
  int me = (int)simt_now->lane, from = me ^ lanes;
  return simt_shuffled(mask, x, (from & -width) > (me & -width) ? me : from);
}
template <class T>
static inline T __shfl_down_sync(unsigned mask, T x, unsigned n, int width = 32) {
  int me = (int)simt_now->lane, from = me + (int)n;
  return simt_shuffled(mask, x, from > (me | (width - 1)) ? me : from);
}
template <class T>
static inline T __shfl_up_sync(unsigned mask, T x, unsigned n, int width = 32) {
  int me = (int)simt_now->lane, from = me - (int)n;
  return simt_shuffled(mask, x, from < (me & -width) ? me : from);
}

/* ---- votes and reductions -------------------------------------------------------------------- */

struct simt_vote {
  unsigned long long value;
  unsigned result;
};

static void simt_do_ballot(unsigned mask, void *const *arg) {
  unsigned all = 0;
  for (int lane = 0; lane < 32; lane++)
    if (mask >> lane & 1 && ((const simt_vote *)arg[lane])->value) all |= 1u << lane;
  for (int lane = 0; lane < 32; lane++)
    if (mask >> lane & 1) ((simt_vote *)arg[lane])->result = all;
}
static inline unsigned __ballot_sync(unsigned mask, int p) {
  simt_vote v = {p != 0, 0};
  simt_meet(mask, "vote", &v, simt_do_ballot);
  return v.result;
}
static inline int __any_sync(unsigned mask, int p) { return __ballot_sync(mask, p) != 0; }
static inline int __all_sync(unsigned mask, int p) { return __ballot_sync(mask, p) == mask; }

static void simt_do_match(unsigned mask, void *const *arg) {
  for (int i = 0; i < 32; i++) {
    if (!(mask >> i & 1)) continue;
    simt_vote *v = (simt_vote *)arg[i];
    v->result = 0;
    for (int j = 0; j < 32; j++)
      if (mask >> j & 1 && ((const simt_vote *)arg[j])->value == v->value) v->result |= 1u << j;
  }
}
template <class T> static inline unsigned __match_any_sync(unsigned mask, T x) {
  simt_vote v = {0, 0};
  __builtin_memcpy(&v.value, &x, sizeof x);
  simt_meet(mask, "match", &v, simt_do_match);
  return v.result;
}

template <class T, class F> static inline T simt_reduced(unsigned mask, T x, F combine) {
  T all = x;
  bool first = true;
  for (int lane = 0; lane < 32; lane++) {
    if (!(mask >> lane & 1)) continue;
    T one = simt_shuffled(mask, x, lane);
    all = first ? one : combine(all, one);
    first = false;
  }
  return all;
}
#define SIMT_REDUCE(name, T, expression)                          \
  static inline T name(unsigned mask, T x) {                      \
    return simt_reduced(mask, x, [](T a, T b) { return (T)(expression); }); \
  }
SIMT_REDUCE(__reduce_add_sync, int, a + b)
SIMT_REDUCE(__reduce_add_sync, unsigned, a + b)
SIMT_REDUCE(__reduce_min_sync, int, a < b ? a : b)
SIMT_REDUCE(__reduce_min_sync, unsigned, a < b ? a : b)
SIMT_REDUCE(__reduce_max_sync, int, a > b ? a : b)
SIMT_REDUCE(__reduce_max_sync, unsigned, a > b ? a : b)
SIMT_REDUCE(__reduce_and_sync, unsigned, a &b)
SIMT_REDUCE(__reduce_or_sync, unsigned, a | b)
SIMT_REDUCE(__reduce_xor_sync, unsigned, a ^ b)

/* ---- barriers that count --------------------------------------------------------------------- */

static inline int __syncthreads_count(int p) {
  static int count; /* of the block: swapped with its shared memory */
  __syncthreads();
  if (simt_now->rank == 0) count = 0;
  __syncthreads();
  count += p != 0;
  __syncthreads();
  return count;
}
static inline int __syncthreads_or(int p) { return __syncthreads_count(p) != 0; }
static inline int __syncthreads_and(int p) { return __syncthreads_count(!p) == 0; }
