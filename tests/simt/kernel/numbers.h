/* Functions of numbers: the C library's, and those that only CUDA C has. */
#pragma once

extern "C" {
#define SIMT_F1(name) \
  float name##f(float); \
  double name(double);
SIMT_F1(exp) SIMT_F1(exp2) SIMT_F1(exp10) SIMT_F1(expm1) SIMT_F1(log) SIMT_F1(log2)
SIMT_F1(log10) SIMT_F1(log1p) SIMT_F1(sin) SIMT_F1(cos) SIMT_F1(tan) SIMT_F1(asin)
SIMT_F1(acos) SIMT_F1(atan) SIMT_F1(sinh) SIMT_F1(cosh) SIMT_F1(tanh) SIMT_F1(asinh)
SIMT_F1(acosh) SIMT_F1(atanh) SIMT_F1(sqrt) SIMT_F1(cbrt) SIMT_F1(erf) SIMT_F1(erfc)
SIMT_F1(lgamma) SIMT_F1(tgamma) SIMT_F1(floor) SIMT_F1(ceil) SIMT_F1(trunc) SIMT_F1(round)
SIMT_F1(rint) SIMT_F1(nearbyint) SIMT_F1(fabs) SIMT_F1(logb)
#undef SIMT_F1
#define SIMT_F2(name)          \
  float name##f(float, float); \
  double name(double, double);
SIMT_F2(pow) SIMT_F2(atan2) SIMT_F2(fmod) SIMT_F2(remainder) SIMT_F2(hypot) SIMT_F2(fmin)
SIMT_F2(fmax) SIMT_F2(fdim) SIMT_F2(copysign) SIMT_F2(nextafter)
#undef SIMT_F2
float fmaf(float, float, float);
double fma(double, double, double);
float ldexpf(float, int);
double ldexp(double, int);
float frexpf(float, int *);
void sincosf(float, float *, float *);
void sincos(double, double *, double *);
int abs(int);
long long llabs(long long);
long long llrintf(float);
long long llrint(double);
long lrintf(float);
void *memcpy(void *, const void *, unsigned long);
void *memset(void *, int, unsigned long);
}

#define isnan(x) __builtin_isnan(x)
#define isinf(x) __builtin_isinf(x)
#define isfinite(x) __builtin_isfinite(x)
#define signbit(x) __builtin_signbit(x)

/* ---- overloads that the compiler knows ------------------------------------------------------- */

#define SIMT_CHOOSE(T, A, B)                                               \
  static inline T min(A a, B b) { return (T)a < (T)b ? (T)a : (T)b; }      \
  static inline T max(A a, B b) { return (T)a > (T)b ? (T)a : (T)b; }
SIMT_CHOOSE(int, int, int)
SIMT_CHOOSE(unsigned, unsigned, unsigned)
SIMT_CHOOSE(unsigned, int, unsigned)
SIMT_CHOOSE(unsigned, unsigned, int)
SIMT_CHOOSE(long, long, long)
SIMT_CHOOSE(unsigned long, unsigned long, unsigned long)
SIMT_CHOOSE(long long, long long, long long)
SIMT_CHOOSE(long long, long long, int)
SIMT_CHOOSE(long long, int, long long)
SIMT_CHOOSE(unsigned long long, unsigned long long, unsigned long long)
#undef SIMT_CHOOSE
static inline float min(float a, float b) { return fminf(a, b); }
static inline float max(float a, float b) { return fmaxf(a, b); }
static inline double min(double a, double b) { return fmin(a, b); }
static inline double max(double a, double b) { return fmax(a, b); }
static inline long long abs(long long x) { return x < 0 ? -x : x; }
static inline long abs(long x) { return x < 0 ? -x : x; }
static inline float abs(float x) { return fabsf(x); }
static inline double abs(double x) { return fabs(x); }

#define SIMT_OVERLOAD(name) \
  static inline float name(float x) { return name##f(x); }
SIMT_OVERLOAD(exp) SIMT_OVERLOAD(log) SIMT_OVERLOAD(sqrt) SIMT_OVERLOAD(sin) SIMT_OVERLOAD(cos)
SIMT_OVERLOAD(tanh) SIMT_OVERLOAD(floor) SIMT_OVERLOAD(ceil) SIMT_OVERLOAD(fabs) SIMT_OVERLOAD(erf)
#undef SIMT_OVERLOAD

static inline float rsqrtf(float x) { return (float)(1 / sqrt((double)x)); }
static inline double rsqrt(double x) { return 1 / sqrt(x); }
static inline float rcbrtf(float x) { return 1 / cbrtf(x); }
static inline float normcdff(float x) { return 0.5f * erfcf(x * -0.70710678118654752f); }
static inline float sinpif(float x) { return (float)sin(3.14159265358979323846 * x); }
static inline float cospif(float x) { return (float)cos(3.14159265358979323846 * x); }

/* ---- fast and rounded forms ------------------------------------------------------------------ */

static inline float __expf(float x) { return expf(x); }
static inline float __exp10f(float x) { return exp10f(x); }
static inline float __logf(float x) { return logf(x); }
static inline float __log2f(float x) { return log2f(x); }
static inline float __log10f(float x) { return log10f(x); }
static inline float __sinf(float x) { return sinf(x); }
static inline float __cosf(float x) { return cosf(x); }
static inline float __tanf(float x) { return tanf(x); }
static inline float __tanhf(float x) { return tanhf(x); }
static inline void __sincosf(float x, float *s, float *c) { sincosf(x, s, c); }
static inline float __powf(float x, float y) { return powf(x, y); }
static inline float __fdividef(float a, float b) { return a / b; }
static inline float __saturatef(float x) { return x > 0 ? (x < 1 ? x : 1) : 0; }
static inline float __frcp_rn(float x) { return 1 / x; }
static inline float __fsqrt_rn(float x) { return sqrtf(x); }
static inline float __frsqrt_rn(float x) { return rsqrtf(x); }
static inline float __fadd_rn(float a, float b) { return a + b; }
static inline float __fsub_rn(float a, float b) { return a - b; }
static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float __fdiv_rn(float a, float b) { return a / b; }
static inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
static inline double __dadd_rn(double a, double b) { return a + b; }
static inline double __dsub_rn(double a, double b) { return a - b; }
static inline double __dmul_rn(double a, double b) { return a * b; }
static inline double __ddiv_rn(double a, double b) { return a / b; }
static inline double __dsqrt_rn(double a) { return sqrt(a); }
static inline double __fma_rn(double a, double b, double c) { return fma(a, b, c); }

/* ---- bits ------------------------------------------------------------------------------------ */

template <class To, class From> static inline To simt_bits(From x) {
  static_assert(sizeof(To) == sizeof(From), "");
  To y;
  __builtin_memcpy(&y, &x, sizeof y);
  return y;
}
static inline int __float_as_int(float x) { return simt_bits<int>(x); }
static inline unsigned __float_as_uint(float x) { return simt_bits<unsigned>(x); }
static inline float __int_as_float(int x) { return simt_bits<float>(x); }
static inline float __uint_as_float(unsigned x) { return simt_bits<float>(x); }
static inline long long __double_as_longlong(double x) { return simt_bits<long long>(x); }
static inline double __longlong_as_double(long long x) { return simt_bits<double>(x); }
static inline int __double2hiint(double x) { return (int)(simt_bits<long long>(x) >> 32); }
static inline int __double2loint(double x) { return (int)simt_bits<long long>(x); }
static inline double __hiloint2double(int hi, int lo) {
  return simt_bits<double>((long long)hi << 32 | (unsigned)lo);
}

static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
static inline int __clz(int x) { return x ? __builtin_clz((unsigned)x) : 32; }
static inline int __clzll(long long x) { return x ? __builtin_clzll((unsigned long long)x) : 64; }
static inline int __ffs(int x) { return __builtin_ffs(x); }
static inline int __ffsll(long long x) { return __builtin_ffsll(x); }
static inline unsigned __brev(unsigned x) {
  unsigned y = 0;
  for (int i = 0; i < 32; i++) y |= (x >> i & 1) << (31 - i);
  return y;
}
static inline unsigned __umulhi(unsigned a, unsigned b) {
  return (unsigned)((unsigned long long)a * b >> 32);
}
static inline int __mulhi(int a, int b) { return (int)((long long)a * b >> 32); }
static inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return (unsigned long long)((unsigned __int128)a * b >> 64);
}
static inline long long __mul64hi(long long a, long long b) {
  return (long long)((__int128)a * b >> 64);
}
static inline unsigned __funnelshift_l(unsigned lo, unsigned hi, unsigned n) {
  return (unsigned)((((unsigned long long)hi << 32 | lo) << (n & 31)) >> 32);
}
static inline unsigned __funnelshift_r(unsigned lo, unsigned hi, unsigned n) {
  return (unsigned)(((unsigned long long)hi << 32 | lo) >> (n & 31));
}
static inline unsigned __byte_perm(unsigned a, unsigned b, unsigned s) {
  unsigned long long both = (unsigned long long)b << 32 | a;
  unsigned y = 0;
  for (int i = 0; i < 4; i++) {
    unsigned select = s >> 4 * i & 15, byte = (unsigned)(both >> 8 * (select & 7)) & 255;
    if (select & 8) byte = byte & 128 ? 255 : 0;
    y |= byte << 8 * i;
  }
  return y;
}

/* ---- conversions: saturating; nan to 0, with 64 bits on a side to the highest bit ----------- */

template <class To, class From> static inline To simt_to_integer(From x, To least, To most) {
  const bool wide = sizeof(From) == 8 || sizeof(To) == 8;
  if (x != x) return wide ? (To)(1ull << (8 * sizeof(To) - 1)) : (To)0;
  if (x <= (From)least) return least;
  if (x >= (From)most) return most;
  return (To)x;
}
#define SIMT_TO_INTEGERS(from, From, rounded, f)                                               \
  static inline int __##from##2int_##rounded(From x) {                                         \
    return simt_to_integer<int>(f(x), -2147483647 - 1, 2147483647);                            \
  }                                                                                            \
  static inline unsigned __##from##2uint_##rounded(From x) {                                   \
    return simt_to_integer<unsigned>(f(x), 0u, 4294967295u);                                   \
  }                                                                                            \
  static inline long long __##from##2ll_##rounded(From x) {                                    \
    return simt_to_integer<long long>(f(x), -9223372036854775807ll - 1, 9223372036854775807ll); \
  }                                                                                            \
  static inline unsigned long long __##from##2ull_##rounded(From x) {                          \
    return simt_to_integer<unsigned long long>(f(x), 0ull, 18446744073709551615ull);           \
  }
SIMT_TO_INTEGERS(float, float, rn, rintf)
SIMT_TO_INTEGERS(float, float, rz, truncf)
SIMT_TO_INTEGERS(float, float, rd, floorf)
SIMT_TO_INTEGERS(float, float, ru, ceilf)
SIMT_TO_INTEGERS(double, double, rn, rint)
SIMT_TO_INTEGERS(double, double, rz, trunc)
SIMT_TO_INTEGERS(double, double, rd, floor)
SIMT_TO_INTEGERS(double, double, ru, ceil)
static inline float __int2float_rn(int x) { return (float)x; }
static inline float __uint2float_rn(unsigned x) { return (float)x; }
static inline float __ll2float_rn(long long x) { return (float)x; }
static inline float __ull2float_rn(unsigned long long x) { return (float)x; }
static inline double __int2double_rn(int x) { return x; }
static inline double __ll2double_rn(long long x) { return (double)x; }
static inline double __ull2double_rn(unsigned long long x) { return (double)x; }
static inline float __double2float_rn(double x) { return (float)x; }
