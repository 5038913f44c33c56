/* Linear regression by the C API: a training step is one compiled function, whose results are the
 * arguments of the next call. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <tensorlogic.h>

enum { ROWS = 1000, COLUMNS = 3, STEPS = 200 };

static const char step[] =
    "Error[e] = X[e,d] W[d] + B - Y[e]\n"
    "Loss avg= Error[e]^2\n"
    "GW[d] = grad(Loss, W[d])\n"
    "GB = grad(Loss, B)\n"
    "NewW[d] = W[d] - 0.1 GW[d]\n"
    "NewB = B - 0.1 GB\n";

static const float truth[COLUMNS] = {3, -2, 0.5f}, truth_b = 1;

static float number(void) { return 2 * (float)rand() / (float)RAND_MAX - 1; }

static void make_data(float *x, float *y) {
  for (int e = 0; e < ROWS; e++) {
    y[e] = truth_b + 0.01f * number();
    for (int d = 0; d < COLUMNS; d++) {
      x[e * COLUMNS + d] = number();
      y[e] += truth[d] * x[e * COLUMNS + d];
    }
  }
}

int main(void) {
  static float x[ROWS * COLUMNS], y[ROWS], w[COLUMNS];
  int64_t rows = ROWS, columns = COLUMNS;
  make_data(x, y);

  tl_context *ctx = tl_open(NULL);
  tl_function *f = tl_compile(ctx, step, (const char *[]){"X", "Y", "W", "B", NULL},
                              (const char *[]){"NewW", "NewB", "Loss", NULL});
  tl_tensor *args[] = {tl_from(ctx, TL_F32, 2, (int64_t[]){rows, columns}, x),
                       tl_from(ctx, TL_F32, 1, &rows, y), tl_from(ctx, TL_F32, 1, &columns, NULL),
                       tl_scalar(ctx, TL_F32, 0)};
  double loss = NAN;
  for (int i = 0; i < STEPS; i++) {
    tl_tensor *results[3];
    if (tl_call(f, args, results) != TL_OK) break;
    loss = tl_value(results[2]);
    for (int k = 0; k < 2; k++) {        /* the new W and B take the place of the old */
      tl_release(args[2 + k]);
      args[2 + k] = results[k];
    }
    tl_release(results[2]);
  }

  tl_read(args[2], w, sizeof w);
  printf("loss %.6f\n", loss);
  for (int d = 0; d < COLUMNS; d++) printf("W[%d] = %.3f, truly %.3f\n", d, w[d], truth[d]);
  printf("B = %.3f, truly %.3f\n", tl_value(args[3]), truth_b);
  if (tl_last(ctx) != TL_OK) fprintf(stderr, "%s\n", tl_message(ctx));
  int bad = tl_last(ctx) != TL_OK || !(loss < 1e-3);
  tl_close(ctx);
  return bad;
}
