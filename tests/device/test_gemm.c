/* The CPU's product against a triple loop in f64: all instruction sets, types, layouts, threads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/half.h"
#include "device/cpu/gemm.h"

static uint64_t seed = 88172645463325252u;

static uint32_t any(uint32_t n)                 /* in [0, n) */
{
  seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
  return (uint32_t)((seed >> 33) % n);
}

static double uniform(void)
{
  return any(1 << 24) * 0x1p-23 - 1;
}

/* ---- one element at a time ------------------------------------------------------------------- */

static int size_of(cpu_type type)
{
  return type == CPU_F64 ? 8 : type == CPU_F32 ? 4 : 2;
}

static double get(cpu_type type, const void *at, int64_t i)
{
  switch (type) {
    case CPU_F16: return base_f16_to_f32(((const uint16_t *)at)[i]);
    case CPU_BF16: return base_bf16_to_f32(((const uint16_t *)at)[i]);
    case CPU_F32: return ((const float *)at)[i];
    case CPU_F64: break;
  }
  return ((const double *)at)[i];
}

static void set(cpu_type type, void *at, int64_t i, double value)
{
  switch (type) {
    case CPU_F16: ((uint16_t *)at)[i] = base_f64_to_f16(value); break;
    case CPU_BF16: ((uint16_t *)at)[i] = base_f64_to_bf16(value); break;
    case CPU_F32: ((float *)at)[i] = (float)value; break;
    case CPU_F64: ((double *)at)[i] = value; break;
  }
}

static int64_t place(cpu_axis axis, int64_t i)
{
  return axis.offset ? axis.offset[i] : i * axis.stride;
}

static double element(const cpu_matrix *x, int64_t batch, int64_t i, int64_t j)
{
  for (int g = 0; g < x->guards; g++) {
    int64_t at = place(x->guard[g].row, i) + place(x->guard[g].col, j);
    if (at < 0 || at >= x->guard[g].size) return 0;
  }
  return get(x->type, x->at, place(x->batch, batch) + place(x->row, i) + place(x->col, j));
}

/* ---- matrices of any layout ------------------------------------------------------------------ */

enum { BY_ROWS, BY_COLUMNS, GAPS, TABLES, ROW_TABLE, COL_RUNS, LAYOUTS };

typedef struct matrix {
  cpu_matrix m;
  int64_t elements;
  int64_t *rows, *cols;
} matrix;

/* I-th of N lines STEP apart, shuffled; runs of RUN stay together. */
static int64_t *table(int64_t n, int64_t step, int64_t run)
{
  int64_t *t = malloc(sizeof *t * (size_t)(n + 1)), blocks = n / run;
  for (int64_t i = 0; i < n; i++) t[i] = i * step;
  for (int64_t i = blocks - 1; i > 0; i--) {
    int64_t j = any((uint32_t)i + 1);
    for (int64_t r = 0; r < run; r++) {
      int64_t x = t[i * run + r];
      t[i * run + r] = t[j * run + r], t[j * run + r] = x;
    }
  }
  return t;
}

static matrix make(cpu_type type, int layout, int64_t batch, int64_t rows, int64_t cols)
{
  matrix x = { .m = { .type = type } };
  int64_t gap = layout == GAPS ? 3 : 1;
  int64_t line = layout == BY_COLUMNS ? rows : cols * gap + any(2) * 5;
  x.m.row.stride = layout == BY_COLUMNS ? 1 : line;
  x.m.col.stride = layout == BY_COLUMNS ? line : gap;
  if (layout == TABLES || layout == ROW_TABLE) x.m.row.offset = x.rows = table(rows, line, 1);
  if (layout == TABLES) x.m.col.offset = x.cols = table(cols, 1, 1);
  if (layout == COL_RUNS) x.m.col.offset = x.cols = table(cols, 1, 7);
  x.m.batch.stride = (layout == BY_COLUMNS ? cols : rows) * line;
  x.elements = batch * x.m.batch.stride;
  x.m.at = calloc((size_t)x.elements + 1, (size_t)size_of(type));
  for (int64_t i = 0; i < x.elements; i++) set(type, x.m.at, i, uniform());
  return x;
}

static void drop(matrix *x)
{
  free(x->m.at);
  free(x->rows);
  free(x->cols);
}

/* ---- the truth ------------------------------------------------------------------------------- */

static double epsilon(cpu_type type)
{
  return type == CPU_F16 ? 0x1p-11 : type == CPU_BF16 ? 0x1p-8
       : type == CPU_F32 ? 0x1p-24 : 0x1p-53;
}

static void check_element(const cpu_product *p, double got, cpu_type type, int64_t b, int64_t i,
                          int64_t j)
{
  double want = 0, sum = 0;
  int64_t depth = 0;
  bool wide = false;
  for (int t = 0; t < p->terms; t++) {
    const cpu_term *term = &p->term[t];
    wide = wide || term->a.type == CPU_F64 || term->b.type == CPU_F64;
    depth += term->k;
    for (int64_t k = 0; k < term->k; k++) {
      double x = element(&term->a, b, i, k) * element(&term->b, b, k, j);
      want += x, sum += fabs(x);
    }
  }
  if (isnan(want) || isinf(want)) {
    assert_true(isnan(want) ? isnan(got) : got == want);
    return;
  }
  double bound = sum * (double)(depth + 2) * epsilon(wide ? CPU_F64 : CPU_F32) * 0.6 +
                 fabs(want) * epsilon(type) * 1.01 + (type == CPU_F16 ? 0x1p-25 : 0);
  if (!(fabs(got - want) <= bound))
    fail_msg("[%d, %d, %d] of %d x %d x %d: %.9g, not %.9g", (int)b, (int)i, (int)j, (int)p->m,
             (int)p->n, (int)depth, got, want);
}

static void check(const cpu_product *p)
{
  for (int64_t b = 0; b < p->batch; b++)
    for (int64_t i = 0; i < p->m; i++)
      for (int64_t j = 0; j < p->n; j++)
        check_element(p, element(&p->c, b, i, j), p->c.type, b, i, j);
}

/* ---- every isa, with one thread and with several --------------------------------------------- */

typedef void scene(cpu_gemm *gemm);

static void everywhere(scene *play)
{
  base_ctx *ctx = base_open(NULL);
  for (cpu_isa isa = CPU_PLAIN; isa <= cpu_isa_machine(); isa++)
    for (int threads = 1; threads <= 3; threads += 2) {
      base_pool *pool = threads > 1 ? base_pool_open(ctx, threads) : NULL;
      cpu_gemm *gemm = cpu_gemm_open(ctx, pool, isa);
      assert_int_equal(cpu_gemm_threads(gemm), threads);
      play(gemm);
      cpu_gemm_close(gemm);
      base_pool_close(pool);
    }
  assert_int_equal(base_heap_count(ctx), 0);
  base_close(ctx);
}

static int64_t some_size(void)
{
  static const int special[] = {
    1, 1, 2, 3, 7, 13, 14, 15, 16, 17, 31, 32, 33, 47, 48, 64, 97, 131,
  };
  return any(3) ? special[any(18)] : 1 + (int)any(150);
}

static void shapes_of(cpu_gemm *gemm)
{
  for (int round = 0; round < 100; round++) {
    int64_t batch = any(4) ? 1 : 1 + any(3), m = some_size(), n = some_size(), k = some_size();
    cpu_type ta = (cpu_type)any(3), tb = any(2) ? ta : (cpu_type)any(4), tc = (cpu_type)any(4);
    if (any(20) == 0) k = 0;
    if (any(10) == 0) k = 250 + any(600);
    matrix a = make(ta, (int)any(LAYOUTS), batch, m, k);
    matrix b = make(tb, (int)any(LAYOUTS), batch, k, n);
    matrix c = make(tc, (int)any(LAYOUTS), batch, m, n);
    cpu_term term = { .a = a.m, .b = b.m, .k = k };
    cpu_product p = { .batch = batch, .m = m, .n = n, .term = &term, .terms = 1, .c = c.m };
    cpu_gemm_run(gemm, &p);
    check(&p);
    drop(&a), drop(&b), drop(&c);
  }
}

static void random_shapes(void **state)
{
  (void)state;
  everywhere(shapes_of);
}

static void large_of(cpu_gemm *gemm)
{
  static const int sizes[][3] = {
    { 300, 700, 530 }, { 1, 3000, 5000 }, { 3000, 1, 4100 }, { 9, 1500, 700 }, { 1100, 40, 600 },
    { 2, 1403, 333 }, { 3, 300, 4500 }, { 7, 1025, 130 }, { 20000, 2, 300 },
  };
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
    for (int layout = 0; layout < 4; layout++) {
      int64_t m = sizes[s][0], n = sizes[s][1], k = sizes[s][2];
      cpu_type type = layout & 1 ? CPU_F32 : CPU_F16;
      matrix a = make(type, layout & 1, 1, m, k), b = make(type, layout >> 1, 1, k, n);
      matrix c = make(type, BY_ROWS, 1, m, n);
      cpu_term term = { .a = a.m, .b = b.m, .k = k };
      cpu_product p = { .batch = 1, .m = m, .n = n, .term = &term, .terms = 1, .c = c.m };
      cpu_gemm_run(gemm, &p);
      for (int i = 0; i < 500; i++) {
        int64_t x = any((uint32_t)m), y = any((uint32_t)n);
        check_element(&p, element(&c.m, 0, x, y), type, 0, x, y);
      }
      drop(&a), drop(&b), drop(&c);
    }
}

static void large_shapes(void **state)
{
  (void)state;
  everywhere(large_of);
}

/* ---- order, rounding, special values --------------------------------------------------------- */

static void the_same_bits_for_any_number_of_threads(void **state)
{
  static const int sizes[][3] = {
    { 333, 257, 700 }, { 1, 2000, 900 }, { 64, 64, 64 }, { 130, 900, 90 }, { 5, 3000, 200 },
  };
  (void)state;
  base_ctx *ctx = base_open(NULL);
  for (cpu_isa isa = CPU_PLAIN; isa <= cpu_isa_machine(); isa++)
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
      int64_t m = sizes[s][0], n = sizes[s][1], k = sizes[s][2];
      matrix a = make(CPU_F32, BY_ROWS, 1, m, k), b = make(CPU_F16, BY_ROWS, 1, k, n), c[5];
      for (int threads = 1; threads <= 5; threads++) {
        base_pool *pool = base_pool_open(ctx, threads);
        cpu_gemm *gemm = cpu_gemm_open(ctx, pool, isa);
        c[threads - 1] = make(CPU_F32, BY_COLUMNS, 1, n, m);
        cpu_matrix out = c[threads - 1].m;
        out.row.stride = n, out.col.stride = 1;
        cpu_term term = { .a = a.m, .b = b.m, .k = k };
        cpu_gemm_run(gemm, &(cpu_product){ .batch = 1, .m = m, .n = n, .term = &term, .terms = 1,
                                           .c = out });
        assert_memory_equal(c[threads - 1].m.at, c[0].m.at, (size_t)(m * n) * 4);
        cpu_gemm_close(gemm);
        base_pool_close(pool);
      }
      for (int i = 0; i < 5; i++) drop(&c[i]);
      drop(&a), drop(&b);
    }
  base_close(ctx);
}

/* In f16 the sum would stay at 2048; in f32 it is exact until it is stored. */
static void ones_of(cpu_gemm *gemm)
{
  enum { M = 40, N = 50, K = 3001 };
  matrix a = make(CPU_F16, BY_ROWS, 1, M, K), b = make(CPU_F16, BY_ROWS, 1, K, N);
  matrix c = make(CPU_F16, BY_ROWS, 1, M, N);
  for (int64_t i = 0; i < a.elements; i++) set(CPU_F16, a.m.at, i, 1);
  for (int64_t i = 0; i < b.elements; i++) set(CPU_F16, b.m.at, i, 1);
  cpu_term term = { .a = a.m, .b = b.m, .k = K };
  cpu_gemm_run(gemm, &(cpu_product){ .batch = 1, .m = M, .n = N, .term = &term, .terms = 1,
                                     .c = c.m });
  for (int i = 0; i < M; i++)
    for (int j = 0; j < N; j++) assert_true(element(&c.m, 0, i, j) == 3000);
  drop(&a), drop(&b), drop(&c);
}

static void sums_round_once(void **state)
{
  (void)state;
  everywhere(ones_of);
}

static void special_of(cpu_gemm *gemm)
{
  static const double values[] = { INFINITY, -INFINITY, NAN, 0, 1e30 };
  for (int round = 0; round < 60; round++) {
    int64_t m = some_size(), n = some_size(), k = some_size();
    matrix a = make(CPU_F32, (int)any(2), 1, m, k), b = make(CPU_F32, (int)any(2), 1, k, n);
    matrix c = make(CPU_F32, BY_ROWS, 1, m, n);
    for (int i = 0; i < 5; i++) {
      set(CPU_F32, a.m.at, any((uint32_t)a.elements), values[any(5)]);
      set(CPU_F32, b.m.at, any((uint32_t)b.elements), values[any(4)]);
    }
    cpu_term term = { .a = a.m, .b = b.m, .k = k };
    cpu_product p = { .batch = 1, .m = m, .n = n, .term = &term, .terms = 1, .c = c.m };
    cpu_gemm_run(gemm, &p);
    check(&p);
    drop(&a), drop(&b), drop(&c);
  }
}

static void infinities_and_nan(void **state)
{
  (void)state;
  everywhere(special_of);
}

/* ---- empty sizes, several terms, packed factors ---------------------------------------------- */

static void empty_of(cpu_gemm *gemm)
{
  for (int zero = 0; zero < 4; zero++) {
    int64_t batch = zero != 0, k = zero == 3 ? 0 : 5;
    int64_t m = zero == 1 ? 0 : 37, n = zero == 2 ? 0 : 41;
    matrix a = make(CPU_F32, BY_ROWS, 1, m, k), b = make(CPU_F32, BY_ROWS, 1, k, n);
    matrix c = make(CPU_F16, BY_ROWS, 1, 37, 41), old = make(CPU_F16, BY_ROWS, 1, 37, 41);
    old.m.row = c.m.row;
    for (int i = 0; i < 37; i++)
      for (int j = 0; j < 41; j++) set(CPU_F16, c.m.at, place(c.m.row, i) + j, 9);
    cpu_term term = { .a = a.m, .b = b.m, .k = k };
    cpu_gemm_run(gemm, &(cpu_product){ .batch = batch, .m = m, .n = n, .term = &term, .terms = 1,
                                       .c = c.m });
    for (int i = 0; i < 37; i++)
      for (int j = 0; j < 41; j++) assert_true(element(&c.m, 0, i, j) == (zero == 3 ? 0 : 9));
    drop(&a), drop(&b), drop(&c), drop(&old);
  }
}

static void empty_sizes(void **state)
{
  (void)state;
  everywhere(empty_of);
}

static void terms_of(cpu_gemm *gemm)
{
  static const int sizes[][2] = { { 33, 70 }, { 1, 200 }, { 150, 1 }, { 14, 96 }, { 200, 45 } };
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    int64_t m = sizes[s][0], n = sizes[s][1], k[3] = { 300, 0, 45 };
    matrix a[3], b[3], c = make(CPU_F32, BY_ROWS, 2, m, n);
    cpu_term term[3];
    for (int t = 0; t < 3; t++) {
      a[t] = make((cpu_type)t, BY_ROWS, 2, m, k[t]);
      b[t] = make((cpu_type)t, t == 2 ? BY_COLUMNS : BY_ROWS, 2, k[t], n);
      term[t] = (cpu_term){ .a = a[t].m, .b = b[t].m, .k = k[t] };
    }
    cpu_product p = { .batch = 2, .m = m, .n = n, .term = term, .terms = 3, .c = c.m };
    cpu_gemm_run(gemm, &p);
    check(&p);
    for (int t = 0; t < 3; t++) drop(&a[t]), drop(&b[t]);
    drop(&c);
  }
}

static void several_terms(void **state)
{
  (void)state;
  everywhere(terms_of);
}

static void packed_of(cpu_gemm *gemm)
{
  for (int round = 0; round < 24; round++) {
    cpu_type type = (cpu_type)(round % 4), sums = type == CPU_F64 ? CPU_F64 : CPU_F32;
    int64_t m = round % 5 ? some_size() : 400, n = some_size(), k = round % 3 ? some_size() : 600;
    matrix a = make(type, (int)any(LAYOUTS), 1, m, k), b = make(type, (int)any(LAYOUTS), 1, k, n);
    matrix c = make(type, BY_ROWS, 1, m, n), d = make(type, BY_ROWS, 1, m, n);
    void *pa = aligned_alloc(64, (cpu_gemm_packed_bytes(gemm, CPU_A, sums, m, k) + 63) / 64 * 64);
    void *pb = aligned_alloc(64, (cpu_gemm_packed_bytes(gemm, CPU_B, sums, n, k) + 63) / 64 * 64);
    cpu_gemm_pack(gemm, CPU_A, sums, m, k, &a.m, pa);
    cpu_gemm_pack(gemm, CPU_B, sums, n, k, &b.m, pb);
    cpu_term term = { .a = a.m, .b = b.m, .k = k };
    cpu_product p = { .batch = 1, .m = m, .n = n, .term = &term, .terms = 1, .c = c.m };
    cpu_gemm_run(gemm, &p);
    if (round % 3 != 1) term.a.packed = pa;
    if (round % 3 != 2) term.b.packed = pb;
    p.c = d.m;
    cpu_gemm_run(gemm, &p);
    check(&p);
    for (int64_t i = 0; i < m; i++)
      for (int64_t j = 0; j < n; j++)
        assert_true(element(&c.m, 0, i, j) == element(&d.m, 0, i, j));
    free(pa), free(pb);
    drop(&a), drop(&b), drop(&c), drop(&d);
  }
}

static void packed_factors(void **state)
{
  (void)state;
  everywhere(packed_of);
}

/* ---- the tile hook --------------------------------------------------------------------------- */

typedef struct seen {
  const cpu_product *p;
  cpu_gemm *gemm;
  int *count;
  double *value;
  bool wide;
} seen;

static void look(void *arg, int thread, int64_t batch, int64_t m0, int64_t n0, int mc, int nc,
                 void *c, int64_t ldc)
{
  seen *s = arg;
  assert_true(thread >= 0 && thread < cpu_gemm_threads(s->gemm));
  assert_true(m0 >= 0 && n0 >= 0 && m0 + mc <= s->p->m && n0 + nc <= s->p->n);
  for (int i = 0; i < mc; i++)
    for (int j = 0; j < nc; j++) {
      int64_t at = (batch * s->p->m + m0 + i) * s->p->n + n0 + j;
      s->count[at]++;
      s->value[at] = s->wide ? ((double *)c)[i * ldc + j] : (double)((float *)c)[i * ldc + j];
      if (s->wide) ((double *)c)[i * ldc + j] = NAN;
      else ((float *)c)[i * ldc + j] = NAN;
    }
}

static void hook_of(cpu_gemm *gemm)
{
  static const int sizes[][3] = {
    { 1, 1, 1 }, { 1, 700, 300 }, { 700, 1, 300 }, { 150, 160, 600 }, { 64, 64, 64 },
    { 14, 300, 20 }, { 200, 33, 10 }, { 37, 41, 0 }, { 5, 2100, 3 }, { 7, 1500, 130 },
  };
  for (size_t i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++) {
    const int *size = sizes[i / 2];
    int64_t m = size[0], n = size[1], k = size[2], batch = 1 + (int64_t)(i % 2) * 2;
    cpu_type type = i % 3 == 2 ? CPU_F64 : CPU_F32;
    matrix a = make(type, BY_ROWS, batch, m, k), b = make(type, BY_ROWS, batch, k, n);
    cpu_term term = { .a = a.m, .b = b.m, .k = k };
    cpu_product p = { .batch = batch, .m = m, .n = n, .term = &term, .terms = 1, .tile = look };
    seen s = { &p, gemm, calloc((size_t)(batch * m * n), sizeof(int)),
               calloc((size_t)(batch * m * n), sizeof(double)), type == CPU_F64 };
    p.arg = &s;
    cpu_gemm_run(gemm, &p);
    for (int64_t e = 0; e < batch * m * n; e++) {
      assert_int_equal(s.count[e], 1);
      if (e % 7 == 0) check_element(&p, s.value[e], type, e / (m * n), e / n % m, e % n);
    }
    free(s.count), free(s.value);
    drop(&a), drop(&b);
  }
}

static void each_element_is_handed_over_once(void **state)
{
  (void)state;
  everywhere(hook_of);
}

/* ---- a convolution as a product -------------------------------------------------------------- */

typedef struct conv {
  int images, channels, height, width, kernel, stride, pad, filters;
  bool channels_last;
} conv;

static int64_t pixel(const conv *s, int64_t image, int64_t channel, int64_t y, int64_t x)
{
  return s->channels_last ? ((image * s->height + y) * s->width + x) * s->channels + channel
                          : ((image * s->channels + channel) * s->height + y) * s->width + x;
}

/* Rows are the places in the output, columns (channel, dy, dx) of a filter. */
static void convolve(cpu_gemm *gemm, const conv *s, cpu_type type)
{
  int oh = (s->height + 2 * s->pad - s->kernel) / s->stride + 1;
  int ow = (s->width + 2 * s->pad - s->kernel) / s->stride + 1;
  int64_t m = s->images * oh * ow, k = s->channels * s->kernel * s->kernel;
  int64_t *t = malloc(sizeof *t * 3 * (size_t)(m + k));
  int64_t *row = t, *ry = row + m, *rx = ry + m, *col = rx + m, *cy = col + k, *cx = cy + k;
  for (int64_t i = 0; i < m; i++) {
    ry[i] = i / ow % oh * s->stride - s->pad, rx[i] = i % ow * s->stride - s->pad;
    row[i] = pixel(s, i / ow / oh, 0, ry[i], rx[i]);
  }
  for (int64_t i = 0; i < k; i++) {
    int64_t c = s->channels_last ? i % s->channels : i / s->kernel / s->kernel;
    int64_t tap = s->channels_last ? i / s->channels : i % (s->kernel * s->kernel);
    cy[i] = tap / s->kernel, cx[i] = tap % s->kernel;
    col[i] = pixel(s, 0, c, cy[i], cx[i]);
  }
  matrix image = make(type, BY_ROWS, 1, 1, (int64_t)s->images * s->channels * s->height * s->width);
  matrix filter = make(type, BY_COLUMNS, 1, k, s->filters);
  matrix out = make(type, BY_ROWS, 1, m, s->filters);
  cpu_guard guard[2] = {
    { { 0, ry }, { 0, cy }, s->height }, { { 0, rx }, { 0, cx }, s->width },
  };
  cpu_term term = { .a = image.m, .b = filter.m, .k = k };
  term.a.row.offset = row, term.a.col.offset = col;
  term.a.guard = guard, term.a.guards = s->pad ? 2 : 0;
  cpu_product p = { .batch = 1, .m = m, .n = s->filters, .term = &term, .terms = 1, .c = out.m };
  cpu_gemm_run(gemm, &p);
  check(&p);
  drop(&image), drop(&filter), drop(&out);
  free(t);
}

static void conv_of(cpu_gemm *gemm)
{
  static const conv cases[] = {
    { 2, 3, 12, 11, 3, 1, 1, 20, false }, { 2, 3, 12, 11, 3, 1, 1, 20, true },
    { 1, 16, 9, 9, 3, 2, 1, 33, true }, { 1, 16, 20, 20, 5, 2, 2, 8, false },
    { 3, 8, 7, 7, 1, 1, 0, 40, true }, { 1, 4, 30, 30, 3, 1, 0, 16, false },
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    convolve(gemm, &cases[i], (cpu_type)(i % 4));
}

static void convolutions(void **state)
{
  (void)state;
  everywhere(conv_of);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(random_shapes),
    cmocka_unit_test(large_shapes),
    cmocka_unit_test(the_same_bits_for_any_number_of_threads),
    cmocka_unit_test(sums_round_once),
    cmocka_unit_test(infinities_and_nan),
    cmocka_unit_test(empty_sizes),
    cmocka_unit_test(several_terms),
    cmocka_unit_test(packed_factors),
    cmocka_unit_test(each_element_is_handed_over_once),
    cmocka_unit_test(convolutions),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
