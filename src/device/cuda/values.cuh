/* values: elements of memory to and from what is computed, and the operations of ir/ops.def exactly as
 * docs/numerics.md has them. Names follow the table: op_ADD is the row ADD. quick_X is X to about
 * 2^-16 relative, for values that only go to 16-bit tensors. */

#define FN static __device__ __forceinline__
#define EACH(i, n) _Pragma("unroll") for (int i = 0; i < (n); i++)

/* ---- division by a number known to the host: 0 <= x < 2^31 ---- */

struct divisor { int32_t by; uint32_t magic, shift; };

FN int32_t quotient(int32_t x, const divisor &d) {
  return d.magic ? (int32_t)(__umulhi((uint32_t)x, d.magic) >> d.shift) : x;
}

/* ---- elements ---- */

FN float bf16_value(uint16_t x) { return __int_as_float((int)x << 16); }
FN uint16_t bf16_bits_of_double(double x) {
  uint64_t bits = (uint64_t)__double_as_longlong(x), top = bits >> 48 & 0x8000;
  bits &= ~(1ull << 63);
  if (bits > 0x7ffull << 52) return (uint16_t)(top | 0x7fc0);
  if (bits < (uint64_t)(1024 - 127) << 52) { /* subnormal: the addition rounds to the least step */
    double anchor = __longlong_as_double((int64_t)((uint64_t)(1023 + 1 - 127 - 7 + 52) << 52));
    return (uint16_t)(top | (uint64_t)(__double_as_longlong(__longlong_as_double((int64_t)bits) + anchor) -
                                       __double_as_longlong(anchor)));
  }
  bits += (1ull << 44) - 1 + (bits >> 45 & 1);
  bits = (bits >> 45) - ((uint64_t)(1023 - 127) << 7);
  return (uint16_t)(top | (bits < 0x7f80 ? bits : 0x7f80));
}
FN uint16_t bf16_bits(float x) { return (uint16_t)bf16_pair(x, 0); }
FN uint16_t f16_bits(float x) { return (uint16_t)f16_pair(x, 0); }

FN float get_f16(const uint16_t *p) { return f16_value(*p); }
FN float get_bf16(const uint16_t *p) { return bf16_value(*p); }
FN float get_f32(const float *p) { return *p; }
FN double get_f64(const double *p) { return *p; }
FN int32_t get_i32(const int32_t *p) { return *p; }
FN int64_t get_i64(const int64_t *p) { return *p; }
FN bool get_bool(const uint8_t *p) { return *p != 0; }

FN void put_f16(uint16_t *p, float x) { *p = f16_bits(x); }
FN void put_bf16(uint16_t *p, float x) { *p = bf16_bits(x); }
FN void put_f32(float *p, float x) { *p = x; }
FN void put_f64(double *p, double x) { *p = x; }
FN void put_i32(int32_t *p, int64_t x) { *p = (int32_t)x; }
FN void put_i64(int64_t *p, int64_t x) { *p = x; }
FN void put_bool(uint8_t *p, bool x) { *p = x; }

/* B bytes at once. */
template <int B> struct chunk;
template <> struct __align__(16) chunk<16> { uint32_t w[4]; };
template <> struct __align__(8) chunk<8> { uint32_t w[2]; };
template <> struct __align__(4) chunk<4> { uint32_t w[1]; };

FN float bits_f32(uint32_t w) { return __int_as_float((int)w); }
FN uint32_t f32_bits(float x) { return (uint32_t)__float_as_int(x); }
FN uint64_t word_pair(const uint32_t *w) { return (uint64_t)w[1] << 32 | w[0]; }

/* N elements, W at a time, from an address that W elements divide. */
#define LOAD(name, E, V, unpack)                                        \
  template <int N, int W> FN void load_##name(const E *p, V *v) {       \
    if (W * sizeof(E) < 4) {                                            \
      EACH(i, N) v[i] = get_##name(p + i);                              \
    } else {                                                            \
      const int B = W * sizeof(E) < 4 ? 4 : W * sizeof(E);              \
      EACH(c, N / W) {                                                  \
        chunk<B> k = *(const chunk<B> *)(p + c * W);                    \
        EACH(i, W) v[c * W + i] = unpack;                               \
      }                                                                 \
    }                                                                   \
  }                                                                     \
  template <int N> FN void load_some_##name(const E *p, V *v, int n) {  \
    EACH(i, N) v[i] = i < n ? get_##name(p + i) : (V)0;                 \
  }
LOAD(f16, uint16_t, float, f16_value((uint16_t)(k.w[i / 2] >> i % 2 * 16)))
LOAD(bf16, uint16_t, float, bits_f32(i % 2 ? k.w[i / 2] & 0xffff0000u : k.w[i / 2] << 16))
LOAD(f32, float, float, bits_f32(k.w[i]))
LOAD(f64, double, double, __longlong_as_double((int64_t)word_pair(&k.w[i * 2])))
LOAD(i32, int32_t, int32_t, (int32_t)k.w[i])
LOAD(i64, int64_t, int64_t, (int64_t)word_pair(&k.w[i * 2]))
LOAD(bool, uint8_t, bool, (k.w[i / 4] >> i % 4 * 8 & 255) != 0)

/* V: what is given; the words that ELEMENTS of it make. */
#define STORE(name, E, V, per, word)                                          \
  template <int N, int W> FN void store_##name(E *p, const V *v) {            \
    if (W * sizeof(E) < 4) {                                                  \
      EACH(i, N) put_##name(p + i, v[i]);                                     \
    } else {                                                                  \
      const int B = W * sizeof(E) < 4 ? 4 : W * sizeof(E);                    \
      EACH(c, N / W) {                                                        \
        chunk<B> k;                                                           \
        EACH(j, B / 4) {                                                      \
          const V *x = v + c * W + j * per;                                   \
          k.w[j] = word;                                                      \
        }                                                                     \
        *(chunk<B> *)(p + c * W) = k;                                         \
      }                                                                       \
    }                                                                         \
  }                                                                           \
  template <int N> FN void store_some_##name(E *p, const V *v, int n) {       \
    EACH(i, N) if (i < n) put_##name(p + i, v[i]);                            \
  }
STORE(f16, uint16_t, float, 2, f16_pair(x[0], x[1]))
STORE(bf16, uint16_t, float, 2, bf16_pair(x[0], x[1]))
STORE(f32, float, float, 1, f32_bits(x[0]))
STORE(i32, int32_t, int64_t, 1, (uint32_t)x[0])
STORE(bool, uint8_t, bool, 4, (uint32_t)x[0] | (uint32_t)x[1] << 8 | (uint32_t)x[2] << 16 | (uint32_t)x[3] << 24)
/* two words an element */
template <int N, int W> FN void store_f64(double *p, const double *v) {
  if (W < 2) {
    EACH(i, N) p[i] = v[i];
  } else {
    EACH(c, N / 2) {
      uint64_t a = (uint64_t)__double_as_longlong(v[c * 2]), b = (uint64_t)__double_as_longlong(v[c * 2 + 1]);
      chunk<16> k = {{(uint32_t)a, (uint32_t)(a >> 32), (uint32_t)b, (uint32_t)(b >> 32)}};
      *(chunk<16> *)(p + c * 2) = k;
    }
  }
}
template <int N> FN void store_some_f64(double *p, const double *v, int n) { EACH(i, N) if (i < n) p[i] = v[i]; }
template <int N, int W> FN void store_i64(int64_t *p, const int64_t *v) { EACH(i, N) p[i] = v[i]; }
template <int N> FN void store_some_i64(int64_t *p, const int64_t *v, int n) { EACH(i, N) if (i < n) p[i] = v[i]; }

/* ---- integers: 64 bits wrap; 32 where the host has proven that nothing leaves them ---- */

FN int64_t op_ADD(int64_t a, int64_t b) { return (int64_t)((uint64_t)a + (uint64_t)b); }
FN int64_t op_SUB(int64_t a, int64_t b) { return (int64_t)((uint64_t)a - (uint64_t)b); }
FN int64_t op_MUL(int64_t a, int64_t b) { return (int64_t)((uint64_t)a * (uint64_t)b); }
FN int64_t op_NEG(int64_t a) { return (int64_t)(0 - (uint64_t)a); }
FN int64_t op_QUO(int64_t a, int64_t b) {
  if (b == 0) return 0;
  if (b == -1) return op_NEG(a);
  int64_t q = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}
FN int64_t op_MOD(int64_t a, int64_t b) {
  if (b == 0 || b == -1) return 0;
  int64_t r = a % b;
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
FN int32_t op_ADD(int32_t a, int32_t b) { return a + b; }
FN int32_t op_SUB(int32_t a, int32_t b) { return a - b; }
FN int32_t op_MUL(int32_t a, int32_t b) { return a * b; }
FN int32_t op_NEG(int32_t a) { return -a; }
FN int32_t op_QUO(int32_t a, int32_t b) { return (int32_t)((uint32_t)a / (uint32_t)b); } /* a >= 0, b > 0 */
FN int32_t op_MOD(int32_t a, int32_t b) { return (int32_t)((uint32_t)a % (uint32_t)b); }
FN int32_t op_QUO_bits(int64_t a, int32_t b) { return (int32_t)((uint32_t)a / (uint32_t)b); } /* 0 <= a < 2^32 */
#define WHOLE(T)                                              \
  FN T op_MINIMUM(T a, T b) { return b < a ? b : a; }         \
  FN T op_MAXIMUM(T a, T b) { return b > a ? b : a; }         \
  FN T op_ABS(T a) { return a < 0 ? op_NEG(a) : a; }          \
  FN T op_SIGN(T a) { return (T)((a > 0) - (a < 0)); }        \
  FN T op_FLOOR(T a) { return a; }                            \
  FN T op_ROUND(T a) { return a; }
WHOLE(int32_t)
WHOLE(int64_t)

/* ---- truth ---- */

FN bool op_ADD(bool a, bool b) { return a || b; }
FN bool op_MUL(bool a, bool b) { return a && b; }
FN bool op_MINIMUM(bool a, bool b) { return a && b; }
FN bool op_MAXIMUM(bool a, bool b) { return a || b; }
FN bool op_AND(bool a, bool b) { return a && b; }
FN bool op_OR(bool a, bool b) { return a || b; }
FN bool op_NOT(bool a) { return !a; }
FN bool op_NEG(bool a) { return a; }
FN bool op_SUB(bool a, bool b) { (void)b; return a; }
FN bool op_MOD(bool a, bool b) { (void)b; return a; }
FN bool op_ABS(bool a) { return a; }
FN bool op_SIGN(bool a) { return a; }
FN bool op_FLOOR(bool a) { return a; }
FN bool op_ROUND(bool a) { return a; }

/* ---- reals ---- */

FN float op_MINIMUM(float a, float b) { return min_nan(a, b); }
FN float op_MAXIMUM(float a, float b) { return max_nan(a, b); }
FN double op_MINIMUM(double a, double b) { return a != a || a <= b ? a : b; }
FN double op_MAXIMUM(double a, double b) { return a != a || a >= b ? a : b; }
FN float op_RSQRT(float a) { return rsqrt_near(a); }
FN double op_RSQRT(double a) { return 1 / sqrt(a); }

#define REAL(T, f)                                                            \
  FN T op_ADD(T a, T b) { return a + b; }                                     \
  FN T op_SUB(T a, T b) { return a - b; }                                     \
  FN T op_MUL(T a, T b) { return a * b; }                                     \
  FN T op_DIV(T a, T b) { return a / b; }                                     \
  FN T op_POW(T a, T b) { return b == 2 ? a * a : pow##f(a, b); }             \
  FN T op_MOD(T a, T b) {                                                     \
    T r = fmod##f(a, b);                                                      \
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;                          \
  }                                                                           \
  FN T op_NEG(T a) { return -a; }                                             \
  FN T op_ABS(T a) { return fabs##f(a); }                                     \
  FN T op_SIGN(T a) { return a != a ? a : (T)((a > 0) - (a < 0)); }           \
  FN T op_FLOOR(T a) { return floor##f(a); }                                  \
  FN T op_ROUND(T a) { return rint##f(a); }                                   \
  FN T op_EXP(T a) { return exp##f(a); }                                      \
  FN T op_LOG(T a) { return log##f(a); }                                      \
  FN T op_SQRT(T a) { return sqrt##f(a); }                                    \
  FN T op_SIN(T a) { return sin##f(a); }                                      \
  FN T op_COS(T a) { return cos##f(a); }                                      \
  FN T op_TANH(T a) { return tanh##f(a); }                                    \
  FN T op_ERF(T a) { return erf##f(a); }                                      \
  FN T op_SIG(T a) { return 1 / (1 + exp##f(-a)); }
REAL(float, f)
REAL(double, )

#define TEST(T)                                       \
  FN bool op_LT(T a, T b) { return a < b; }           \
  FN bool op_LE(T a, T b) { return a <= b; }          \
  FN bool op_EQ(T a, T b) { return a == b; }          \
  FN bool op_NE(T a, T b) { return !(a == b); }
TEST(float)
TEST(double)
TEST(int32_t)
TEST(int64_t)
TEST(bool)

/* ---- casts ---- */

FN float cast_f16(float a) { return f16_value(f16_bits(a)); }
FN float cast_f16(double a) { return f16_value(f16_bits_of_double(a)); }
FN float cast_bf16(float a) { return bf16_value(bf16_bits(a)); }
FN float cast_bf16(double a) { return bf16_value(bf16_bits_of_double(a)); }
#define CAST_WHOLE(T)                                                 \
  FN float cast_f16(T a) { return cast_f16((double)a); }              \
  FN float cast_bf16(T a) { return cast_bf16((double)a); }            \
  FN float cast_f32(T a) { return (float)a; }                         \
  FN double cast_f64(T a) { return (double)a; }                       \
  FN int64_t cast_i64(T a) { return (int64_t)a; }                     \
  FN bool cast_bool(T a) { return a != 0; }
CAST_WHOLE(int32_t)
CAST_WHOLE(int64_t)
CAST_WHOLE(bool)
FN int64_t cast_i32(int32_t a) { return a; }
FN int64_t cast_i32(bool a) { return a; }
FN int64_t cast_i32(int64_t a) { return a < -2147483647 - 1 ? -2147483647 - 1 : a > 2147483647 ? 2147483647 : a; }
#define CAST_REAL(T)                                                                  \
  FN float cast_f32(T a) { return (float)a; }                                         \
  FN double cast_f64(T a) { return (double)a; }                                       \
  FN bool cast_bool(T a) { return a != 0; }                                           \
  FN int64_t cast_i32(T a) {                                                          \
    return a != a ? 0 : a <= (T)-2147483648.0 ? -2147483647 - 1                       \
                    : a >= (T)2147483647.0    ? 2147483647                            \
                                              : (int64_t)a;                           \
  }                                                                                   \
  FN int64_t cast_i64(T a) {                                                          \
    return a != a ? 0 : a <= (T)-9223372036854775808.0 ? -9223372036854775807ll - 1   \
                    : a >= (T)9223372036854775808.0    ? 9223372036854775807ll        \
                                                       : (int64_t)a;                  \
  }
CAST_REAL(float)
CAST_REAL(double)

/* ---- random bits: Philox4x32-10, word 0 ---- */

FN int64_t op_RANDOM(int64_t key, int64_t stream, int64_t counter) {
  uint32_t k0 = (uint32_t)key, k1 = (uint32_t)((uint64_t)key >> 32);
  uint32_t c0 = (uint32_t)counter, c1 = (uint32_t)((uint64_t)counter >> 32);
  uint32_t c2 = (uint32_t)stream, c3 = (uint32_t)((uint64_t)stream >> 32);
  EACH(round, 10) {
    uint32_t a = __umulhi(0xD2511F53u, c0), b = __umulhi(0xCD9E8D57u, c2);
    uint32_t low0 = 0xD2511F53u * c0, low2 = 0xCD9E8D57u * c2;
    c0 = b ^ c1 ^ k0;
    c1 = low2;
    c2 = a ^ c3 ^ k1;
    c3 = low0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return (int64_t)c0;
}

/* ---- quick ones: F where only f16 tensors see them, in which what f32 has below its normal numbers is 0 ---- */

template <bool F> FN float ex2(float x) { return F ? ex2_flush(x) : ex2_near(x); }
template <bool F> FN float rcp(float x) { return F ? rcp_flush(x) : rcp_near(x); }

template <bool F> FN float quick_EXP(float a) { return ex2<F>(a * 1.44269504f); }
template <bool F> FN float quick_SIG(float a) { return rcp<F>(1 + ex2<F>(a * -1.44269504f)); }
/* b is brought near 1 first, so that its reciprocal is neither subnormal nor infinite. The product is
 * rounded by itself: contracted with an addition it would not overflow. */
FN float near_one(float b) {
  const float m = fabsf(b);
  return m < 5.421010862e-20f ? 1.844674407e19f : m > 1.844674407e19f ? 5.421010862e-20f : 1;
}
template <bool F> FN float quick_DIV(float a, float b) {
  if (F) return __fmul_rn(a, rcp_near(b));
  const float s = near_one(b);
  return __fmul_rn(a * s, rcp_near(b * s));
}
template <bool F> FN float quick_SQRT(float a) { return sqrt_near(a); }
/* 1 + tanh(a) = 2 sig(2 a): nothing cancels. */
template <bool F> FN float quick_TANH1(float a) { return 2 * rcp<F>(1 + ex2<F>(a * -2.88539008f)); }
template <bool F> FN float quick_TANH(float a) {
  float t = a * a, far = 1 - 2 * rcp<F>(1 + ex2<F>(a * 2.88539008f));
  float near = a + a * t * (-0.333333333f + t * (0.133333333f + t * (-0.053968254f + t * 0.021869488f)));
  return t < 0.25f ? near : far;
}
/* erfc(y) = t poly(t) exp(-y^2), t = 1 / (1 + p y), for y >= 0. */
template <bool F> FN float erfc_near(float y) {
  float t = rcp<F>(1 + 0.45f * y);
  float p = 0.28823087f + t * -0.13458302f;
  p = 0.253895915f + t * (0.252432488f + t * (0.245738499f + t * (0.09427631f + t * p)));
  return t * p * ex2<F>(y * (y * -1.44269504f));
}
template <bool F> FN float quick_ERF1(float a) { /* 1 + erf(a) */
  float c = erfc_near<F>(fabsf(a));
  return a < 0 ? c : 2 - c;
}
template <bool F> FN float quick_ERF(float a) {
  float t = a * a, far = 1 - erfc_near<F>(fabsf(a));
  float near = a * (1.128379167f + t * (-0.376126389f + t * (0.112837917f + t * (-0.026866171f + t * 0.005223978f))));
  return t < 0.25f ? near : a < 0 ? -far : far;
}
/* a / b for a b that many a share. */
struct reciprocal { float of, scale; };
FN reciprocal reciprocal_of(float b) {
  const float s = near_one(b);
  reciprocal r = {1 / (b * s), s};
  return r;
}
FN float quotient(float a, const reciprocal &r) { return __fmul_rn(a * r.scale, r.of); }
