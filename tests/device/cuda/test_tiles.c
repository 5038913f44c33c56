/* Products by every kind of tile: as they lie and copied, with what follows, against plain sums. */
#include <math.h>
#include <stdio.h>

#include "fixture.h"

typedef struct product {
  const char *equation; /* of A, B, C, R */
  int64_t a[2], b[2], m, n, k;
  bool a_turned, b_turned; /* A[k,m], B[n,k] */
} product;

/* Shapes that are no multiples of tiles; rows that lie aligned and rows that do not. */
static const product products[] = {
    {"Y[m,n] = f16(relu(A[m,k] B[k,n] + C[n] + R[m,n]))",
     {70, 72},
     {72, 136},
     70,
     136,
     72,
     false,
     false},
    {"Y[m,n] = f16(relu(A[m,k] B[k,n] + C[n] + R[m,n]))",
     {67, 131},
     {131, 71},
     67,
     71,
     131,
     false,
     false},
    {"Y[m,n] = f16(relu(A[k,m] B[n,k] + C[n] + R[m,n]))",
     {200, 72},
     {80, 200},
     72,
     80,
     200,
     true,
     true},
};
/* Rows of contract_tile.c: large, square, narrow, a split, turned and split, turned. */
static const char *const tiles[] = {"0", "1", "3", "5", "9", "13"};

/* Multiples of 1/8 of at most 1: products and their sums are exact in f32. */
static int fill(uint16_t *to, int64_t n, unsigned seed, float *value) {
  static const uint16_t half[] = {0x0000, 0x3000, 0x3400, 0x3600, 0x3800,
                                  0x3900, 0x3a00, 0x3b00, 0x3c00};
  for (int64_t i = 0; i < n; i++) {
    seed = seed * 1664525u + 1013904223u;
    int eighths = (int)(seed >> 24) % 17 - 8;
    to[i] = (uint16_t)(half[abs(eighths)] | (eighths < 0 ? 0x8000 : 0));
    value[i] = (float)eighths / 8;
  }
  return 0;
}

static float value_of(uint16_t h) {
  int exponent = h >> 10 & 31, fraction = h & 1023;
  float x =
      exponent ? ldexpf((float)(1024 + fraction), exponent - 25) : ldexpf((float)fraction, -24);
  return h >> 15 ? -x : x;
}

typedef struct matrix {
  uint16_t *half;
  float *value;
  tl_tensor *tensor;
} matrix;

static matrix matrix_new(tl_context *ctx, int rank, int64_t rows, int64_t cols, unsigned seed) {
  int64_t n = rows * cols, size[2] = {rows, cols};
  matrix x = {malloc((size_t)n * 2), malloc((size_t)n * sizeof(float)), NULL};
  fill(x.half, n, seed, x.value);
  x.tensor = tl_from(ctx, TL_F16, rank, rank == 1 ? &size[1] : size, x.half);
  return x;
}

static void matrix_free(matrix *x) {
  tl_release(x->tensor);
  free(x->half);
  free(x->value);
}

static void check(const product *p, const uint16_t *y, const matrix *x) {
  for (int64_t m = 0; m < p->m; m++)
    for (int64_t n = 0; n < p->n; n++) {
      float sum = x[2].value[n] + x[3].value[m * p->n + n];
      for (int64_t k = 0; k < p->k; k++)
        sum += x[0].value[p->a_turned ? k * p->m + m : m * p->k + k] *
               x[1].value[p->b_turned ? n * p->k + k : k * p->n + n];
      float want = sum > 0 ? sum : 0, got = value_of(y[m * p->n + n]);
      if (!(fabsf(got - want) <= fabsf(want) / 2048))
        fail_msg("%s at %d, %d: %g, not %g", p->equation, (int)m, (int)n, (double)got,
                 (double)want);
    }
}

static void run(tl_context *ctx, const product *p) {
  matrix x[4] = {matrix_new(ctx, 2, p->a[0], p->a[1], 1), matrix_new(ctx, 2, p->b[0], p->b[1], 2),
                 matrix_new(ctx, 1, 1, p->n, 3), matrix_new(ctx, 2, p->m, p->n, 4)};
  size_t bytes = (size_t)(p->m * p->n) * 2;
  uint16_t *y = malloc(bytes);
  char text[200];
  snprintf(text, sizeof text, "default f16\n%s", p->equation);
  tl_tensor *t = tl_eq(
      ctx, text,
      (tl_arg[]){
          {"A", x[0].tensor}, {"B", x[1].tensor}, {"C", x[2].tensor}, {"R", x[3].tensor}, {0}});
  assert_int_equal(tl_read(t, y, bytes), TL_OK);
  check(p, y, x);
  tl_release(t);
  free(y);
  for (int i = 0; i < 4; i++) matrix_free(&x[i]);
}

static void every_tile(void **state) {
  (void)state;
  for (size_t t = 0; t < sizeof tiles / sizeof *tiles; t++) {
    counts c;
    setenv("TL_CUDA_TILE", tiles[t], 1);
    tl_context *ctx = gpu_open(&c, "cuda");
    for (size_t p = 0; p < sizeof products / sizeof *products; p++) run(ctx, &products[p]);
    gpu_close(ctx, &c);
  }
  unsetenv("TL_CUDA_TILE");
}

int main(void) {
  const struct CMUnitTest tests[] = {GPU_TEST(every_tile)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
